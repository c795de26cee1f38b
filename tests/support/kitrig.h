/* kitrig.h -- an app and the test kit on it, as the state of a test. One at a time.
 *
 *     static int set_up(void **state) {
 *         kitrig *f = kitrig_new(state);
 *         cstar_page(f->app, "/", &page);
 *         f->t = cstar_test_new(f->app);
 *         return 0;
 *     }
 *     ... cmocka_unit_test_setup_teardown(a_test, set_up, kitrig_close)
 *
 * A header alone, since a library may be built without the kit. To be included before <cmocka.h>.
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_TESTS_KITRIG_H
#define CSTAR_TESTS_KITRIG_H

#include "cstar/test.h"

#include <stdio.h>

typedef struct kitrig {
    cstar_app *app;
    cstar_test *t;
    unsigned failures; /* these two: of kitrig_note() */
    char said[2048];
} kitrig;

/** With an empty app, and no kit yet. */
static inline kitrig *kitrig_new(void **state) {
    static kitrig r;
    r = (kitrig){.app = cstar_app_new()};
    *state = &r;
    return &r;
}

/** @return 0 */
static inline int kitrig_close(void **state) {
    kitrig *r = *state;
    cstar_test_free(r->t);
    cstar_app_free(r->app);
    return 0;
}

/** An on_fail, for a test that wants the kit to complain. @param arg  the rig */
static inline void kitrig_note(void *arg, const char *file, int line, const char *text) {
    kitrig *r = arg;
    (void)file;
    (void)line;
    r->failures++;
    (void)snprintf(r->said, sizeof r->said, "%s", text);
}

#endif
