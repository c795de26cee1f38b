/* error_page.c -- what a client sees of a request that failed.
 * SPDX-License-Identifier: MIT */
#include "web/app.h"

void cstar__error_page(cstar_conn *conn, int status, const char *text) {
    const cstar__reply reply = {.status = status,
                                .content_type = "text/plain; charset=utf-8",
                                .body = cstar_cstr(text != NULL ? text : cstar__reason(status))};
    conn->answer = CSTAR__ANSWER_NONE;
    (void)cstar__conn_reply(conn, &reply);
}
