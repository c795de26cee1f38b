/* test_subscribe.c -- what a stream subscribes to, as an application says it: names of topics,
 * leaving them, coming back with an id that is none of ours.
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* memmem() */
#include "support/failalloc.h"
#include "support/webdrive.h"
#include "web/live.h"

#include "cstar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

typedef struct rig {
    failalloc memory;
    webdrive d;
    cstar_app *app;
    cstar_buf got;
    bool resumed;
    int over;
} rig;

static rig the;

/* ---- the app ---- */

static void hear(cstar_conn *conn, const cstar_message *m) {
    assert_string_equal(m->topic, "left");
    assert_int_equal(cstar_unsubscribe(conn, "left"), CSTAR_OK);
    assert_int_equal(cstar_unsubscribe(conn, "left"), CSTAR_ENOENT);
    assert_int_equal(cstar_subscribe(conn, "stays"), CSTAR_OK); /* again */
    cstar_signal(conn, "heard", 1);
}

static void disconnect(cstar_conn *conn) {
    the.over++;
    assert_int_equal(cstar_end_reason(conn), CSTAR_ENDED_GONE);
    assert_int_equal(cstar_subscribe(conn, "stays"), CSTAR_ECLOSED);
    assert_int_equal(cstar_unsubscribe(conn, "stays"), CSTAR_ESTATE);
    assert_int_equal(cstar_publish_signals(the.app, "stays", "{\"gone\":1}"), CSTAR_OK);
}

static void leave(cstar_conn *conn) {
    assert_int_equal(cstar_unsubscribe(conn, "left"), CSTAR_ESTATE);
    cstar_live(conn, .info = hear, .disconnect = disconnect);
    assert_int_equal(cstar_unsubscribe(conn, "left"), CSTAR_ENOENT);
    assert_int_equal(cstar_unsubscribe(conn, NULL), CSTAR_ENOENT);
    assert_int_equal(cstar_subscribe(conn, "left"), CSTAR_OK);
    assert_int_equal(cstar_subscribe(conn, "stays"), CSTAR_OK);
}

static void come_back(cstar_conn *conn) {
    cstar_live(conn, .info = NULL);
    cstar_subscribe(conn, "kept:left");
    cstar_subscribe(conn, "kept:stays");
    assert_int_equal(cstar_unsubscribe(conn, "kept:left"), CSTAR_OK);
    the.resumed = cstar_resumed(conn);
}

static void all_names(cstar_conn *conn) {
    char name[258];
    cstar_live(conn, .info = NULL);
    assert_int_equal(cstar_subscribe(conn, NULL), CSTAR_EINVAL);
    assert_int_equal(cstar_subscribe(conn, ""), CSTAR_EINVAL);
    assert_int_equal(cstar_subscribe(conn, "\1t"), CSTAR_EINVAL);
    memset(name, 'x', sizeof name);
    name[257] = '\0';
    assert_int_equal(cstar_subscribe(conn, name), CSTAR_EINVAL);
    name[256] = '\0';
    assert_int_equal(cstar_subscribe(conn, name), CSTAR_OK);
    for (int c = 2; c < 256; c++) {
        const char text[2] = {(char)(unsigned char)c, '\0'};
        assert_int_equal(cstar_subscribe(conn, text), CSTAR_OK);
    }
}

/* ---- around it ---- */

static void open_app(void) {
    the = (rig){.app = NULL};
    cstar_buf_init(&the.got, cstar_heap(), 1 << 20);
    failalloc_init(&the.memory, 0);
    the.app = cstar_app_new_with(&the.memory.alloc);
    assert_non_null(the.app);
    cstar_topic(the.app, "kept:*", .replay_count = 100);
    cstar_route(the.app, CSTAR_GET, "/leave", leave);
    cstar_route(the.app, CSTAR_GET, "/back", come_back);
    cstar_route(the.app, CSTAR_GET, "/names", all_names);
    webdrive_init(&the.d, the.app, &the.memory.alloc);
}

static void close_app(void) {
    webdrive_fini(&the.d);
    cstar_app_free(the.app);
    cstar_buf_fini(&the.got);
    assert_int_equal(the.memory.live_blocks, 0);
}

static void ask(const char *path) {
    assert_int_equal(webdrive_status(webdrive_request(&the.d, "GET", path, NULL)), 200);
}

/* The client takes what there is. @return whether there was any. */
static bool take(void) {
    const size_t before = the.got.len;
    cstar_buf_str(&the.got, cstar_buf_view(&the.d.out));
    cstar_buf_reset(&the.d.out);
    (void)cstar__h1_resume(&the.d.machine);
    return the.got.len != before;
}

/* How often the answer so far says that. */
static unsigned count(const char *text) {
    unsigned n = 0;
    while (cstar__app_open_mail(the.app, 0) || take()) {
    }
    const char *end = the.got.ptr + the.got.len; /* there may be a NUL in it */
    const char *at = the.got.ptr;
    while ((at = memmem(at, (size_t)(end - at), text, strlen(text))) != NULL) {
        n++;
        at++;
    }
    return n;
}

/* ---- tests ---- */

static void nothing_comes_of_a_topic_that_was_left(void **state) {
    (void)state;
    open_app();
    ask("/leave");
    assert_int_equal(cstar_publish_signals(the.app, "left", "{\"first\":1}"), CSTAR_OK);
    assert_int_equal(cstar_publish(the.app, "left", .bytes = CSTAR_STR("go")), CSTAR_OK);
    assert_int_equal(cstar_publish_signals(the.app, "left", "{\"second\":1}"), CSTAR_OK);
    assert_int_equal(cstar_publish(the.app, "left", .bytes = CSTAR_STR("go")), CSTAR_OK);
    assert_int_equal(cstar_publish_signals(the.app, "stays", "{\"third\":1}"), CSTAR_OK);
    assert_int_equal(count("first"), 1);
    assert_int_equal(count("heard"), 1);
    assert_int_equal(count("second"), 0);
    assert_int_equal(count("third"), 1);
    close_app();
    assert_int_equal(the.over, 1);
}

static void nor_what_was_missed_of_it(void **state) {
    (void)state;
    char id[64];
    open_app();
    ask("/names"); /* the hub is there */
    webdrive_fini(&the.d);
    assert_int_equal(cstar_publish_signals(the.app, "kept:left", "{\"seen\":1}"), CSTAR_OK);
    assert_int_equal(cstar_publish_signals(the.app, "kept:left", "{\"missed\":1}"), CSTAR_OK);
    assert_int_equal(cstar_publish_signals(the.app, "kept:stays", "{\"other\":1}"), CSTAR_OK);
    (void)snprintf(id, sizeof id, "Last-Event-ID: %08x-000000000001\r\n",
                   (unsigned)cstar__hub_epoch(the.app->hub));
    webdrive_init(&the.d, the.app, &the.memory.alloc);
    the.d.fields = id;
    ask("/back");
    assert_true(the.resumed);
    assert_int_equal(count("missed"), 0);
    assert_int_equal(count("other"), 1);
    close_app();
}

/* Of another process, of the future, of nobody. */
static void an_id_that_is_none_of_ours(void **state) {
    (void)state;
    static const struct {
        unsigned other; /* to be added to the server's own epoch */
        const char *before, *after;
    } forged[] = {
        {1, "", "-000000000001"},   {0, "", "-000000000000"},  {0, "", "-000000000004"},
        {0, "", "-ffffffffffff"},   {0, "", "-0000000000001"}, {0, "", "-00000000001"},
        {0, "", "-00000000000A"},   {0, "", " 000000000001"},  {0, "-", "-00000000001"},
        {0, "", "-000000000001 1"}, {0, "kept:stays", ""},
    };
    for (size_t i = 0; i < sizeof forged / sizeof *forged; i++) {
        char line[96];
        open_app();
        ask("/names"); /* the hub is there */
        webdrive_fini(&the.d);
        for (int n = 0; n < 3; n++) {
            assert_int_equal(cstar_publish_signals(the.app, "kept:stays", "{\"other\":1}"),
                             CSTAR_OK);
        }
        const unsigned epoch = cstar__hub_epoch(the.app->hub) + forged[i].other;
        (void)snprintf(line, sizeof line, "Last-Event-ID: %s%08x%s\r\n", forged[i].before, epoch,
                       forged[i].after);
        webdrive_init(&the.d, the.app, &the.memory.alloc);
        the.d.fields = line;
        ask("/back");
        assert_false(the.resumed);
        assert_int_equal(count("other"), 0);
        assert_int_equal(count("id: "), 1); /* what it has seen by now */
        close_app();
    }
}

static void names_of_any_bytes(void **state) {
    (void)state;
    char name[258];
    open_app();
    ask("/names");
    for (int c = 2; c < 256; c++) {
        const char text[2] = {(char)(unsigned char)c, '\0'};
        assert_int_equal(cstar_publish_signals(the.app, text, "{\"one\":1}"), CSTAR_OK);
    }
    memset(name, 'x', sizeof name);
    name[257] = '\0';
    assert_int_equal(cstar_publish_signals(the.app, name, "{\"one\":1}"), CSTAR_EINVAL);
    assert_int_equal(cstar_publish_signals(the.app, "", "{\"one\":1}"), CSTAR_EINVAL);
    assert_int_equal(cstar_publish_signals(the.app, NULL, "{\"one\":1}"), CSTAR_EINVAL);
    assert_int_equal(cstar_publish_signals(the.app, "\1t", "{\"one\":1}"), CSTAR_OK); /* nobody */
    name[256] = '\0';
    assert_int_equal(cstar_publish_signals(the.app, name, "{\"one\":1}"), CSTAR_OK);
    assert_int_equal(count("one"), 254 + 1);
    close_app();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_comes_of_a_topic_that_was_left),
        cmocka_unit_test(nor_what_was_missed_of_it),
        cmocka_unit_test(an_id_that_is_none_of_ours),
        cmocka_unit_test(names_of_any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
