/* webrig.c -- see webrig.h.
 * SPDX-License-Identifier: MIT */
#include "support/webrig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

int webrig_open(void **state, cstar_app *app) {
    webrig *r = calloc(1, sizeof *r);
    assert_non_null(r);
    assert_non_null(app);
    r->app = app;
    webdrive_init(&r->drive, app, cstar_heap());
    *state = r;
    return 0;
}

int webrig_close(void **state) {
    webrig *r = *state;
    webdrive_fini(&r->drive);
    cstar_app_free(r->app);
    free(r);
    return 0;
}
