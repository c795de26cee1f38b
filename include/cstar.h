/* cstar.h -- everything: include this one.
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_H
#define CSTAR_H

#include "cstar/base.h"
#include "cstar/files.h"
#include "cstar/html.h"
#include "cstar/json.h"
#include "cstar/live.h"
#include "cstar/request.h"
#include "cstar/response.h"
#include "cstar/security.h"
#include "cstar/serve.h"
#include "cstar/session.h"
#include "cstar/view.h"
#include "cstar/web.h"
#include "cstar/wire.h"

#endif
