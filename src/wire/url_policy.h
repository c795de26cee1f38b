/* wire/url_policy.h -- where a redirect may lead.
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_WIRE_URL_POLICY_H
#define CSTAR_WIRE_URL_POLICY_H

#include "cstar/wire.h"

/** CSTAR_OK, or why `url` is refused under the options of `r` (its own url fields are not looked
 * at): EINVAL an entry of allow is missing; EUTF8; EPOLICY. */
cstar_status cstar__url_policy(const cstar_redirect *r, cstar_str url, cstar_err *err);

#endif
