/* kit.c -- a program that uses the installed test kit.
 * SPDX-License-Identifier: MIT */
#include <cstar.h>
#include <cstar/test.h>

#include <stdio.h>

static void answer(cstar_conn *conn) { cstar_respond_text(conn, 200, "&lt;installed&gt;"); }

int main(void) {
    cstar_app *app = cstar_app_new();
    cstar_route(app, CSTAR_GET, "/", answer);
    cstar_test *t = cstar_test_new(app);
    const cstar_test_reply *r = cstar_test_get(t, "/");
    cstar_test_expect_status(r, 200);
    puts(r->body.ptr);
    cstar_test_free(t);
    cstar_app_free(app);
    return 0;
}
