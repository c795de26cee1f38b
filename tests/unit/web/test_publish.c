/* test_publish.c -- what an application lends to a publication comes back, once, whatever becomes
 * of it.
 * SPDX-License-Identifier: MIT */
#include "support/failalloc.h"
#include "support/webdrive.h"
#include "web/live.h"

#include "cstar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

typedef struct rig {
    failalloc memory;
    webdrive d;
    cstar_app *app;
    int heard, released;
} rig;

static rig the;

static void hear(cstar_conn *conn, const cstar_message *m) {
    (void)conn;
    assert_int_equal(the.released, m->is_json);
    the.heard++;
}

static void listen_to(cstar_conn *conn) {
    cstar_live(conn, .info = hear);
    cstar_subscribe(conn, "news");
}

static void release(void *arg) { ++*(int *)arg; }

static void open_app(void) {
    the = (rig){.app = NULL};
    failalloc_init(&the.memory, 0);
    the.app = cstar_app_new_with(&the.memory.alloc);
    assert_non_null(the.app);
    cstar_route(the.app, CSTAR_GET, "/news", listen_to);
    webdrive_init(&the.d, the.app, &the.memory.alloc);
}

static void close_app(void) {
    webdrive_fini(&the.d);
    cstar_app_free(the.app);
    assert_int_equal(the.memory.live_blocks, 0);
}

/* Of JSON there is a copy: what was lent is not needed any more. */
static void publish_both(const char *topic, const char *json, cstar_status expected) {
    for (int i = 0; i < 2; i++) {
        the.released = 0;
        const cstar_publication p = {.bytes = CSTAR_STR("lent"),
                                     .json = i == 0 ? NULL : json,
                                     .free = release,
                                     .arg = &the.released};
        assert_int_equal(cstar_app_publish(the.app, topic, &p), i == 0 ? CSTAR_OK : expected);
        (void)cstar__app_open_mail(the.app, 0);
        assert_int_equal(the.released, 1);
    }
}

static void what_was_lent_comes_back_once(void **state) {
    (void)state;
    open_app();
    assert_int_equal(webdrive_status(webdrive_request(&the.d, "GET", "/news", NULL)), 200);
    publish_both("news", "[1]", CSTAR_OK);
    assert_int_equal(the.heard, 2);
    publish_both("nobody's", "[1]", CSTAR_OK);
    publish_both("news", "[1", CSTAR_ESYNTAX);
    assert_int_equal(the.heard, 3);
    close_app();
}

static void also_without_memory(void **state) {
    (void)state;
    for (int json = 0; json < 2; json++) {
        cstar_status rc = CSTAR_ENOMEM;
        for (size_t n = 1; rc != CSTAR_OK; n++) {
            open_app();
            assert_int_equal(webdrive_status(webdrive_request(&the.d, "GET", "/news", NULL)), 200);
            (void)cstar__app_open_mail(the.app, 0);
            the.memory.fail_at = the.memory.calls + n;
            rc = cstar_publish(the.app, "news", .bytes = CSTAR_STR("lent"),
                               .json = json != 0 ? "[1]" : NULL, .free = release,
                               .arg = &the.released);
            the.memory.fail_at = 0;
            (void)cstar__app_open_mail(the.app, 0);
            assert_int_equal(the.released, 1);
            assert_int_equal(the.heard, rc == CSTAR_OK);
            assert_in_range(n, 1, 20);
            close_app();
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_lent_comes_back_once),
        cmocka_unit_test(also_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
