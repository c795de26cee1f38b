/* cstar/response.h -- responses that are no event stream of one handler.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_RESPONSE_H
#define CSTAR_RESPONSE_H

#include "cstar/wire.h"

CSTAR_BEGIN_DECLS

typedef struct cstar_conn cstar_conn;

/* ---- response: whole ------------------------------------------------------------------------- */

/** A response header, before the response. EINVAL: no token, CR/LF/NUL in the value, or a framing
 * header; ESTATE: too late. */
CSTAR_API cstar_status cstar_set_header(cstar_conn *conn, const char *name, const char *value);
/** The whole response. `body` is copied. ESTATE: there is one already. */
CSTAR_API cstar_status cstar_respond(cstar_conn *conn, int status, const char *content_type,
                                     cstar_str body);
CSTAR_API cstar_status cstar_respond_text(cstar_conn *conn, int status, const char *text);

CSTAR_END_DECLS
#endif
