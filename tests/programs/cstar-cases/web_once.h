/* web_once.h -- one request to an app on a real socket, through cstar_serve().
 * SPDX-License-Identifier: MIT */
#ifndef CASES_WEB_ONCE_H
#define CASES_WEB_ONCE_H

#include "cstar/web.h"

typedef struct web_reply {
    int status;
    cstar_str head; /* header lines, each with its CRLF */
    cstar_buf body; /* without chunk framing */
} web_reply;

typedef struct web_request {
    const char *method;
    cstar_str target;
    const char *version; /* "1.1" */
    cstar_str body;
} web_request;

/**
 * Serves `app` on a free port, sends one request, reads to the end of the connection, stops.
 * @return NULL, or what went wrong. Memory of the reply comes from `arena`.
 */
const char *web_once(cstar_app *app, const web_request *request, cstar_arena *arena,
                     web_reply *reply);

/** The value of a header without parameters ("; charset=..."); the absent view if there is none. */
cstar_str web_reply_header(const web_reply *reply, cstar_str name);

/** Its members for a case's result: status, content_type, sse, body. */
void web_reply_put(const web_reply *reply, cstar_json_writer *w);

#endif
