/* test_tab_moments.c -- an event that comes at any moment while its tab's stream goes and comes back:
 * what it says is what the stream renders for, or the one behind it.
 *
 * The moments are those at which the allocator is called, and no lock of the registry is held:
 * there another thread could be.
 *
 * SPDX-License-Identifier: MIT */
#include "live/registry_parts.h"
#include "support/failalloc.h"
#include "web/live.h"

#include "cstar/test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define PAGE "\"tabId\":\"t\",\"pageId\":\"p\""

/* ---- the app ---- */

static void mount(cstar_conn *conn) {
    cstar_assign(conn, "filter", cstar_signals_str(cstar_tab_signals(conn), "filter", "all"));
}

static void render(cstar_conn *conn, cstar_html *h) {
    cstar_put(h, "<ul id='list'>{}</ul>", cstar_assigned_str(conn, "filter", "?"));
}

static void connect_list(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    cstar_subscribe(conn, "items");
}

static void info(cstar_conn *conn, const cstar_message *m) {
    (void)m;
    assert_int_equal(cstar_rerender(conn), CSTAR_OK);
}

static const char *key(cstar_conn *conn) {
    (void)conn;
    return "ann";
}

static void set_filter(cstar_conn *conn, const cstar_signals *in) {
    (void)conn;
    (void)in;
}

CSTAR_PAGE(list, .mount = mount, .render = render, .connect = connect_list, .info = info,
           .stream_key = key, .events = CSTAR_EVENTS({"filter", set_filter}));

/* ---- somebody else ---- */

typedef struct rig {
    failalloc memory;
    cstar_allocator alloc;
    cstar_app *app;
    unsigned calls, at; /* the call in which the event comes; 0: none */
    unsigned kept_out;
    bool came;
} rig;

static bool is_open(cstar__registry *r) {
    bool open = true;
    for (size_t i = 0; i < CSTAR__TAB_SHARDS && open; i++) {
        open = pthread_mutex_trylock(&r->shards[i].lock) == 0;
        if (open) {
            (void)pthread_mutex_unlock(&r->shards[i].lock);
        }
    }
    return open;
}

/* What cstar__tab_keep_signals() does for one. */
static void come(rig *x) {
    const cstar__tab t = {.scope = CSTAR_STR("ann"), .tab = CSTAR_STR("t"), .page = CSTAR_STR("p")};
    x->came = true;
    assert_int_equal(
        cstar__registry_say(x->app->registry, &t, CSTAR_STR("{" PAGE ",\"filter\":\"late\"}")),
        CSTAR_OK);
}

static void *resize(void *ctx, void *ptr, size_t old_size, size_t size) {
    rig *x = ctx;
    if (x->at != 0) {
        const bool open = is_open(x->app->registry);
        x->calls++;
        x->kept_out += !open;
        if (open && !x->came && x->calls >= x->at) {
            come(x);
        }
    }
    return x->memory.alloc.resize(x->memory.alloc.ctx, ptr, old_size, size);
}

static void say(const rig *x, cstar_test *t) {
    assert_int_equal(cstar_publish(x->app, "items", .bytes = CSTAR_STR("again")), CSTAR_OK);
    cstar_test_advance(t, 0);
}

/* @return how many moments there are. */
static unsigned run(unsigned at, unsigned *kept_out) {
    rig x = {.at = 0};
    failalloc_init(&x.memory, 0);
    x.alloc = (cstar_allocator){.resize = resize, .ctx = &x};
    x.app = cstar_app_new_with(&x.alloc);
    cstar_page(x.app, "/list", &list);
    cstar_test *t = cstar_test_new(x.app);
    cstar_test_stream *s =
        cstar_test_open(t, "/list", .method = "POST", .body = "{" PAGE ",\"filter\":\"first\"}");
    (void)cstar_test_event(t, "/list", "filter", "{" PAGE ",\"filter\":\"early\"}");
    x.at = at;
    s = cstar_test_reconnect(s);
    x.at = 0;
    (void)cstar_test_news(s);
    say(&x, t);
    const cstar_test_reply *r = cstar_test_news(s);
    assert_int_equal(r->npatches, 1);
    assert_non_null(strstr(r->patches[0].html, x.came ? ">late<" : ">early<"));
    cstar_test_free(t);
    cstar_app_free(x.app);
    assert_int_equal(x.memory.live_blocks, 0);
    *kept_out += x.kept_out;
    return x.calls;
}

static void nothing_that_is_said_is_lost(void **state) {
    (void)state;
    unsigned calls = 1;
    unsigned kept_out = 0;
    for (unsigned at = 1; at <= calls; at++) {
        calls = run(at, &kept_out);
    }
    assert_true(calls > 20 && kept_out > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_that_is_said_is_lost)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
