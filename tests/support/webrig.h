/* webrig.h -- an app and its webdrive as the state of a test.
 *
 *     static int setup(void **state) { return webrig_open(state, new_app(cstar_heap())); }
 *     static int teardown(void **state) { return webrig_close(state); }
 *
 *     webrig *r = *state;
 *     assert_has(webdrive_request(&r->drive, "GET", "/", NULL), "<h1>");
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_TESTS_WEBRIG_H
#define CSTAR_TESTS_WEBRIG_H

#include "support/asserts.h"
#include "support/webdrive.h"

typedef struct webrig {
    cstar_app *app;
    webdrive drive;
} webrig;

/** @param app  taken; not NULL. @return 0 */
int webrig_open(void **state, cstar_app *app);
/** @return 0 */
int webrig_close(void **state);

#endif
