/* test_response_stream.c -- responses that go on: what `next` gives, when it is called, how they
 * end. The alarm and the pool are the test's own, so that nothing here takes time.
 * SPDX-License-Identifier: MIT */
#include "support/asserts.h"
#include "support/decoders.h"
#include "support/failalloc.h"
#include "support/webdrive.h"
#include "web/app.h"

#include "cstar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- below: alarm and pool ---- */

typedef struct fixture {
    cstar_app *app;
    webdrive drive;
    cstar__driver driver;
    cstar__exchange *alarmed;
    uint64_t ms; /* of the last alarm */
    unsigned alarms;
    cstar_status alarm_status;
    cstar__work *work;
    cstar_buf got; /* all bodies, without their chunks */
} fixture;

static void no_claim(void *link) { (void)link; }

static cstar_status set_alarm(void *link, cstar__exchange *x, uint64_t ms) {
    fixture *f = link;
    if (f->alarm_status != CSTAR_OK) {
        return f->alarm_status;
    }
    f->alarmed = x;
    f->ms = ms;
    f->alarms++;
    memset(&x->alarm, 1, sizeof x->alarm);
    return CSTAR_OK;
}

static void over(void *link, cstar__exchange *x) {
    ((fixture *)link)->alarmed = NULL;
    memset(&x->alarm, 0, sizeof x->alarm);
}

static cstar_status set_work(void *link, cstar__work *w) {
    ((fixture *)link)->work = w;
    return CSTAR_OK;
}

static void wake(fixture *f) {
    cstar__exchange *x = f->drive.machine.x;
    if (x != NULL) {
        cstar__h1_wake(&f->drive.machine, x);
    }
}

/* The alarm goes off. */
static void ring(fixture *f) {
    if (f->alarmed != NULL) {
        memset(&f->alarmed->alarm, 0, sizeof f->alarmed->alarm);
        f->alarmed = NULL;
    }
    wake(f);
}

/* ---- the streams under test ---- */

/* Handlers have no argument: one at a time. */
static struct {
    unsigned calls, done, until;
    cstar_next then;
    unsigned piece;
    bool fail, misuse, off_loop;
    bool starving; /* allocations fail: the handler's assign may have */
    cstar_status rc;
} now;

static void on_done(void *arg) {
    assert_ptr_equal(arg, &now);
    now.done++;
}

static cstar_next tick(cstar_conn *conn, void *arg) {
    assert_ptr_equal(arg, &now);
    assert_int_equal(now.done, 0);
    now.calls++;
    const char *who = cstar_assigned_str(conn, "who", "");
    assert_true(strcmp(who, "handler") == 0 || (now.starving && who[0] == '\0'));
    assert_null(cstar_assigned(conn, "mine"));
    cstar_assign(conn, "mine", "a string that needs memory");
    cstar_assign(conn, "who", "somebody else");
    cstar_signal(conn, "n", (int)now.calls);
    if (now.fail) {
        cstar_patch(conn, h, .selector = "#a") {
            cstar_put(h, "<b onclick='{}'>half</b>", 1);
        }
    }
    if (now.misuse) {
        cstar_patch(conn, h, .selector = "#a") {
            cstar_put(h, "<i>open</i>");
            break;
        }
    }
    return now.calls == now.until ? CSTAR_END : now.then;
}

static void events(cstar_conn *conn) {
    cstar_assign(conn, "who", "handler");
    now.rc = cstar_stream(conn, tick, .done = on_done, .arg = &now, .every_ms = 250);
}

static void events_behind_others(cstar_conn *conn) {
    cstar_assign(conn, "who", "handler");
    cstar_start(conn);
    cstar_signal(conn, "before", 1);
    now.rc = cstar_stream(conn, tick, .done = on_done, .arg = &now);
    cstar_signal(conn, "after", 1);
}

static void on_event(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    cstar_assign(conn, "who", "handler");
    now.rc = cstar_stream(conn, tick, .done = on_done, .arg = &now);
}

static void render(cstar_conn *conn, cstar_html *h) {
    (void)conn;
    cstar_put(h, "<p>page</p>");
}

CSTAR_PAGE(streaming_page, .render = render, .events = CSTAR_EVENTS({"go", on_event}));

/* Lines of 64 bytes with a number. */
static cstar_next rows(cstar_conn *conn, void *arg) {
    char line[128];
    (void)arg;
    for (unsigned i = 0; i < now.piece; i++) {
        (void)snprintf(line, sizeof line, "%08u,%-54s\n", now.calls * now.piece + i, "x");
        assert_int_equal(cstar_write(conn, cstar_view(line, 64)), CSTAR_OK);
    }
    now.calls++;
    return now.calls == now.until ? CSTAR_END : now.then;
}

static void csv(cstar_conn *conn) {
    cstar_set_header(conn, "ETag", "\"v\"");
    now.rc = cstar_stream(conn, rows, .done = on_done, .arg = &now, .content_type = "text/csv");
    cstar_write(conn, CSTAR_STR("head\n"));
}

static cstar_next wrong(cstar_conn *conn, void *arg) {
    (void)arg;
    now.calls++;
    switch (now.calls) {
    case 1:
        assert_int_equal(cstar_set_header(conn, "x-late", "1"), CSTAR_ESTATE);
        break;
    case 2:
        assert_int_equal(cstar_respond_text(conn, 200, "x"), CSTAR_ESTATE);
        break;
    default:
        assert_int_equal(cstar_fail(conn, 500), CSTAR_ESTATE);
        break;
    }
    return CSTAR_WAIT;
}

static void wrongly(cstar_conn *conn) {
    cstar_stream(conn, wrong, .done = on_done, .arg = &now, .content_type = "text/plain");
}

static void refused(cstar_conn *conn) {
    cstar_write(conn, CSTAR_STR("x"));
    assert_int_equal(cstar_error(conn)->code, CSTAR_ESTATE);
    assert_int_equal(cstar_stream(conn, NULL, .done = on_done, .arg = &now), CSTAR_EINVAL);
    assert_int_equal(cstar_stream(conn, rows, .done = on_done, .arg = &now, .status = 404),
                     CSTAR_EINVAL);
    assert_int_equal(cstar_stream(conn, rows, .done = on_done, .arg = &now, .status = 204,
                                  .content_type = "text/csv"),
                     CSTAR_EINVAL);
    assert_int_equal(
        cstar_stream(conn, rows, .done = on_done, .arg = &now, .content_type = "text/csv\r\nx: y"),
        CSTAR_EINVAL);
    assert_int_equal(now.done, 4);
    cstar_respond_text(conn, 200, "after all");
    assert_int_equal(cstar_stream(conn, rows, .done = on_done, .arg = &now), CSTAR_ESTATE);
    assert_int_equal(now.done, 5);
}

static void twice(cstar_conn *conn) {
    cstar_stream(conn, rows, .arg = &now, .content_type = "text/csv");
    assert_int_equal(
        cstar_stream(conn, rows, .done = on_done, .arg = &now, .content_type = "text/csv"),
        CSTAR_ESTATE);
    assert_int_equal(now.done, 1);
    assert_int_equal(cstar_start(conn), CSTAR_ESTATE);
    assert_int_equal(cstar_respond_text(conn, 200, "x"), CSTAR_ESTATE);
}

static cstar_app *new_app(const cstar_allocator *alloc) {
    cstar_app *app = cstar_app_new_with(alloc);
    if (app != NULL) {
        cstar_route(app, CSTAR_GET, "/events", events);
        cstar_route(app, CSTAR_GET, "/pool", events, .blocking = true);
        cstar_route(app, CSTAR_GET, "/behind", events_behind_others);
        cstar_page(app, "/page", &streaming_page);
        cstar_route(app, CSTAR_GET, "/csv", csv);
        cstar_route(app, CSTAR_GET, "/wrong", wrongly);
        cstar_route(app, CSTAR_GET, "/refused", refused);
        cstar_route(app, CSTAR_GET, "/twice", twice);
    }
    return app;
}

static void set_up(fixture *f, const cstar_allocator *alloc) {
    memset(f, 0, sizeof *f);
    memset(&now, 0, sizeof now);
    now.then = CSTAR_WAIT;
    now.piece = 1;
    f->app = new_app(alloc);
    webdrive_init(&f->drive, f->app, alloc);
    f->driver =
        (cstar__driver){.claim = no_claim, .alarm = set_alarm, .work = set_work, .over = over};
    f->drive.env.driver = &f->driver;
    f->drive.peer.link = f;
    cstar_buf_init(&f->got, cstar_heap(), (size_t)64 << 20);
}

static void tear_down(fixture *f) {
    webdrive_fini(&f->drive);
    cstar_app_free(f->app);
    cstar_buf_fini(&f->got);
}

static int setup(void **state) {
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    set_up(f, cstar_heap());
    *state = f;
    return 0;
}

static int teardown(void **state) {
    tear_down(*state);
    free(*state);
    return 0;
}

/* ---- asking and reading ---- */

static void ask(fixture *f, const char *method, const char *target, const char *fields) {
    char request[1024];
    (void)snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: app.test\r\n%s\r\n", method,
                   target, fields);
    webdrive_feed(&f->drive, request);
}

/* The head so far; the answer behind it stays. */
static char head[2048];
static const char *take_head(fixture *f) {
    cstar_buf_byte(&f->drive.out, '\0');
    f->drive.out.len--;
    const char *body = webdrive_body(f->drive.out.ptr);
    const size_t len = (size_t)(body - f->drive.out.ptr);
    assert_in_range(len, 1, sizeof head - 1);
    memcpy(head, f->drive.out.ptr, len);
    head[len] = '\0';
    memmove(f->drive.out.ptr, body, f->drive.out.len - len);
    f->drive.out.len -= len;
    return head;
}

/* Moves whole chunks of the output to f->got. @return whether the last one was among them. */
static bool take_chunks(fixture *f) {
    const char *at = f->drive.out.ptr;
    const char *end = at + f->drive.out.len;
    bool last = false;
    while (at < end && !last) {
        char *digits_end = NULL;
        const size_t size = strtoul(at, &digits_end, 16);
        at = digits_end + 2;
        assert_true(at + size + 2 <= end);
        cstar_buf_add(&f->got, at, size);
        at += size + 2;
        last = size == 0;
    }
    assert_ptr_equal(at, end);
    cstar_buf_reset(&f->drive.out);
    return last;
}

static void assert_got(fixture *f, const char *text) {
    cstar_buf_byte(&f->got, '\0');
    assert_string_equal(f->got.ptr, text);
    cstar_buf_reset(&f->got);
}

#define SIGNAL(n) "event: datastar-patch-signals\ndata: signals {\"" n "}\n\n"

/* ---- events ---- */

static void each_call_of_next_leaves_at_once(void **state) {
    fixture *f = *state;
    now.until = 3;
    ask(f, "GET", "/events", "");
    take_head(f);
    assert_has(head, "HTTP/1.1 200 OK\r\n");
    assert_has(head, "content-type: text/event-stream\r\n");
    assert_has(head, "cache-control: no-cache, no-transform\r\n");
    assert_has(head, "x-accel-buffering: no\r\n");
    assert_has(head, "Transfer-Encoding: chunked\r\n");
    assert_has(head, "Connection: keep-alive\r\n");
    assert_false(take_chunks(f));
    assert_got(f, SIGNAL("n\":1"));
    assert_int_equal(f->ms, 250);
    ring(f);
    assert_false(take_chunks(f));
    assert_got(f, SIGNAL("n\":2"));
    assert_int_equal(now.done, 0);
    ring(f);
    assert_true(take_chunks(f));
    assert_got(f, SIGNAL("n\":3"));
    assert_int_equal(now.done, 1);
    assert_null(f->drive.machine.x);
    ask(f, "GET", "/nowhere", ""); /* the connection goes on */
    take_head(f);
    assert_has(head, "HTTP/1.1 404");
}

static void a_wake_that_is_no_alarm_does_not_count(void **state) {
    fixture *f = *state;
    ask(f, "GET", "/events", "");
    for (int i = 0; i < 5; i++) {
        wake(f);
    }
    assert_int_equal(now.calls, 1);
    ring(f);
    assert_int_equal(now.calls, 2);
}

static void what_the_handler_has_said_comes_first(void **state) {
    fixture *f = *state;
    now.until = 1;
    ask(f, "GET", "/behind", "");
    take_head(f);
    assert_true(take_chunks(f));
    assert_got(f, SIGNAL("before\":1") SIGNAL("after\":1") SIGNAL("n\":1"));
    memset(&now, 0, sizeof now);
    now.until = 1;
    webdrive_feed(&f->drive, "POST /page/_event/go HTTP/1.1\r\nHost: x\r\nContent-Length: "
                             "2\r\n\r\n{}");
    take_head(f);
    assert_true(take_chunks(f));
    assert_got(f, SIGNAL("n\":1"));
    assert_int_equal(now.done, 1);
}

static void an_open_patch_is_closed(void **state) {
    fixture *f = *state;
    now.until = 1;
    now.misuse = true;
    ask(f, "GET", "/events", "");
    take_head(f);
    assert_true(take_chunks(f));
    assert_got(f, SIGNAL("n\":1") "event: datastar-patch-elements\ndata: selector #a\n"
                                  "data: elements <i>open</i>\n\n");
}

static void a_failure_ends_it_behind_an_event(void **state) {
    fixture *f = *state;
    ask(f, "GET", "/events", "");
    take_head(f);
    now.fail = true;
    ring(f);
    assert_true(take_chunks(f));
    assert_got(f, SIGNAL("n\":1") SIGNAL("n\":2"));
    assert_int_equal(now.done, 1);
    assert_has(f->drive.log, "test_response_stream.c:");
    assert_int_equal(f->drive.logged, 1);
}

static void a_client_that_leaves_is_done_at_once(void **state) {
    fixture *f = *state;
    ask(f, "GET", "/events", "");
    assert_int_equal(now.done, 0);
    cstar__h1_fini(&f->drive.machine);
    assert_int_equal(now.done, 1);
    cstar__h1_init(&f->drive.machine, &f->drive.env, &f->drive.peer, &f->drive.out);
}

static void no_alarm_is_a_clean_end(void **state) {
    fixture *f = *state;
    ask(f, "GET", "/events", "");
    take_head(f);
    f->alarm_status = CSTAR_ENOMEM;
    ring(f);
    assert_true(take_chunks(f));
    assert_int_equal(now.done, 1);
    assert_has(f->drive.log, "no memory for its next turn");
}

static void head_calls_nothing(void **state) {
    fixture *f = *state;
    ask(f, "HEAD", "/events", "");
    take_head(f);
    assert_has(head, "content-type: text/event-stream\r\n");
    assert_int_equal(f->drive.out.len, 0);
    assert_int_equal(now.calls, 0);
    assert_int_equal(now.done, 1);
}

/* ---- raw content ---- */

static void raw_content_goes_on_by_itself(void **state) {
    fixture *f = *state;
    now.until = 50;
    now.then = CSTAR_MORE;
    ask(f, "GET", "/csv", "");
    take_head(f);
    assert_has(head, "content-type: text/csv\r\n");
    assert_has(head, "vary: accept-encoding\r\n");
    assert_has(head, "ETag: \"v\"\r\n");
    assert_true(take_chunks(f));
    assert_int_equal(f->got.len, 5 + (size_t)50 * 64);
    assert_memory_equal(f->got.ptr, "head\n00000000,x", 15);
    assert_memory_equal(f->got.ptr + 5 + (size_t)49 * 64, "00000049,x", 10);
    assert_int_equal(now.done, 1);
}

static void others_have_their_turn(void **state) {
    fixture *f = *state;
    now.then = CSTAR_MORE;
    now.piece = 0; /* nothing at all, for ever */
    ask(f, "GET", "/csv", "");
    assert_in_range(now.calls, 1, 100);
    assert_int_equal(f->ms, 0);
    const unsigned calls = now.calls;
    ring(f);
    assert_in_range(now.calls, calls + 1, calls + 100);
    now.piece = 1000; /* 64 000 bytes */
    const unsigned before = now.calls;
    ring(f);
    assert_in_range(now.calls, before + 1, before + 4);
}

/* A reader that takes nothing costs one piece. */
static void next_waits_for_the_reader(void **state) {
    fixture *f = *state;
    size_t turns = 0;
    now.until = 300;
    now.piece = 100; /* 6400 bytes */
    now.then = CSTAR_MORE;
    f->drive.out.limit = 40000;
    ask(f, "GET", "/csv", "");
    take_head(f);
    while (f->drive.machine.x != NULL) {
        const unsigned calls = now.calls;
        for (int i = 0; i < 3 && f->drive.machine.x != NULL; i++) {
            ring(f); /* in vain, mostly */
        }
        assert_in_range(now.calls, calls, calls + 14);
        (void)take_chunks(f);
        if (cstar__h1_wants_resume(&f->drive.machine)) { /* as a driver does when all is taken */
            assert_int_equal(cstar__h1_resume(&f->drive.machine), CSTAR_OK);
        }
        assert_true(turns++ < 1000);
    }
    (void)take_chunks(f);
    assert_int_equal(f->got.len, 5 + 300 * 6400);
    for (unsigned i = 0; i < 300 * 100; i += 7) {
        char line[16];
        (void)snprintf(line, sizeof line, "%08u,", i);
        assert_memory_equal(f->got.ptr + 5 + (size_t)i * 64, line, 9);
    }
    assert_int_equal(now.done, 1);
}

static void mistakes_in_next_end_it(void **state) {
    fixture *f = *state;
    for (unsigned i = 0; i < 3; i++) {
        memset(&now, 0, sizeof now);
        now.calls = i;
        ask(f, "GET", "/wrong", "");
        take_head(f);
        assert_true(take_chunks(f));
        assert_int_equal(now.done, 1);
        assert_int_equal(now.calls, i + 1);
    }
}

static void refusals_call_done(void **state) {
    fixture *f = *state;
    ask(f, "GET", "/refused", "");
    take_head(f);
    assert_has(head, "200 OK");
    now.done = 0;
    now.until = 1;
    cstar_buf_reset(&f->drive.out);
    ask(f, "GET", "/twice", "");
    take_head(f);
    assert_has(head, "text/csv");
    assert_true(take_chunks(f));
}

/* ---- content coding ---- */

static void every_event_can_be_decoded_at_once(void **state) {
    fixture *f = *state;
    static const char *const codings[] = {"gzip", "br", "zstd"};
    for (size_t i = 0; i < 3; i++) {
        char text[512];
        if (!decoder_there(codings[i])) {
            continue;
        }
        memset(&now, 0, sizeof now);
        now.until = 4;
        now.then = CSTAR_WAIT;
        cstar_buf_reset(&f->got);
        (void)snprintf(text, sizeof text, "Accept-Encoding: %s\r\n", codings[i]);
        ask(f, "GET", "/events", text);
        take_head(f);
        if (strstr(head, "content-encoding") == NULL) {
            continue; /* not in this build */
        }
        assert_has(head, "vary: accept-encoding\r\n");
        text[0] = '\0';
        for (unsigned n = 1; n <= 4; n++) {
            const size_t len = strlen(text);
            (void)snprintf(text + len, sizeof text - len, SIGNAL("n\":%u"), n);
            assert_int_equal(take_chunks(f), n == 4);
            assert_true(
                cstar_str_eq(decode(codings[i], cstar_buf_view(&f->got)), cstar_cstr(text)));
            ring(f);
        }
        assert_int_equal(now.done, 1);
    }
    assert_true(f->app->coders.budget.used <=
                2 * (cstar__encoder_memory(CSTAR__ZSTD, NULL) + 1)); /* what is kept */
}

static void raw_content_is_coded_in_one(void **state) {
    fixture *f = *state;
    if (!decoder_there("gzip") || !cstar__coding_built(CSTAR__GZIP)) {
        skip();
    }
    now.until = 50;
    now.then = CSTAR_MORE;
    ask(f, "GET", "/csv", "Accept-Encoding: gzip\r\n");
    take_head(f);
    assert_has(head, "content-encoding: gzip\r\n");
    assert_has(head, "etag: W/\"v\"\r\n");
    assert_true(take_chunks(f));
    assert_in_range(f->got.len, 20, 1000);
    assert_int_equal(decode("gzip", cstar_buf_view(&f->got)).len, 5 + 50 * 64);
}

static void past_the_budget_a_stream_gets_less(void **state) {
    fixture *f = *state;
    if (!cstar__coding_built(CSTAR__GZIP) || !cstar__coding_built(CSTAR__BR)) {
        skip();
    }
    now.then = CSTAR_WAIT;
    f->app->coders.budget.limit = cstar__encoder_memory(CSTAR__GZIP, NULL);
    ask(f, "GET", "/events", "Accept-Encoding: br, gzip\r\n");
    assert_has(take_head(f), "content-encoding: gzip\r\n");
    /* a second connection, while the first stream is open */
    webdrive other;
    webdrive_init(&other, f->app, cstar_heap());
    webdrive_feed(&other, "GET /events HTTP/1.1\r\nHost: x\r\nAccept-Encoding: br, gzip\r\n\r\n");
    cstar_buf_byte(&other.out, '\0');
    assert_null(strstr(other.out.ptr, "content-encoding"));
    assert_has(other.out.ptr, "vary: accept-encoding\r\n");
    assert_has(other.out.ptr, "\ndata: signals {");
    webdrive_fini(&other);
    assert_int_equal(now.done, 1);
    now.done = 0;
}

/* ---- memory ---- */

static void a_long_stream_stays_as_small(void **state) {
    (void)state;
    for (int coded = 0; coded < 2; coded++) {
        failalloc memory;
        fixture f;
        size_t early = 0;
        failalloc_init(&memory, 0);
        set_up(&f, &memory.alloc);
        ask(&f, "GET", "/events", coded != 0 ? "Accept-Encoding: gzip\r\n" : "");
        take_head(&f);
        for (unsigned n = 0; n < 3000; n++) {
            (void)take_chunks(&f);
            cstar_buf_reset(&f.got);
            ring(&f);
            early = n == 20 ? memory.live_bytes : early;
        }
        assert_in_range(now.calls, 3000, 3001);
        assert_in_range(memory.live_bytes, 1, early);
        tear_down(&f);
        assert_int_equal(now.done, 1);
        assert_int_equal(memory.live_blocks, 0);
    }
}

/* @return false: the allocation that should fail was not reached. */
static bool survives(const char *target, size_t fail_at) {
    failalloc memory;
    fixture f;
    failalloc_init(&memory, 0);
    set_up(&f, &memory.alloc);
    now.until = 4;
    now.starving = true;
    memory.fail_at = memory.calls + fail_at;
    ask(&f, "GET", target, "Accept-Encoding: gzip\r\n");
    for (int i = 0; i < 8; i++) {
        ring(&f);
    }
    const bool reached = memory.calls >= memory.fail_at;
    /* it has ended: by itself, with 500, or cut */
    assert_null(f.drive.machine.x);
    assert_in_range(now.done, reached ? 0 : 1, 1); /* 0: the handler was not called */
    assert_true(now.calls == 0 || now.done == 1);
    tear_down(&f);
    assert_int_equal(memory.live_blocks, 0);
    return reached;
}

static void every_failing_allocation_is_survived(void **state) {
    static const char *const targets[] = {"/events", "/behind", "/csv"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        size_t n = 1;
        while (survives(targets[i], n)) {
            n++;
        }
        assert_true(n > 5);
    }
}

/* ---- from a thread of the pool ---- */

static void it_starts_when_a_blocking_handler_has_returned(void **state) {
    fixture *f = *state;
    now.until = 2;
    ask(f, "GET", "/pool", "");
    assert_non_null(f->work);
    f->work->run(f->work);
    assert_int_equal(now.rc, CSTAR_OK);
    assert_int_equal(now.calls, 0);
    assert_int_equal(f->drive.out.len, 0);
    f->work->done(f->work);
    take_head(f);
    assert_false(take_chunks(f));
    ring(f);
    assert_true(take_chunks(f));
    assert_got(f, SIGNAL("n\":1") SIGNAL("n\":2"));
    assert_int_equal(now.done, 1);
}

static void a_client_that_has_left_meanwhile(void **state) {
    fixture *f = *state;
    ask(f, "GET", "/pool", "");
    cstar__h1_fini(&f->drive.machine);
    f->work->run(f->work);
    assert_int_equal(now.done, 0);
    f->work->done(f->work);
    assert_int_equal(now.done, 1);
    assert_int_equal(now.calls, 0);
    cstar__h1_init(&f->drive.machine, &f->drive.env, &f->drive.peer, &f->drive.out);
}

int main(void) {
#define IN_FIXTURE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        IN_FIXTURE(each_call_of_next_leaves_at_once),
        IN_FIXTURE(a_wake_that_is_no_alarm_does_not_count),
        IN_FIXTURE(what_the_handler_has_said_comes_first),
        IN_FIXTURE(an_open_patch_is_closed),
        IN_FIXTURE(a_failure_ends_it_behind_an_event),
        IN_FIXTURE(a_client_that_leaves_is_done_at_once),
        IN_FIXTURE(no_alarm_is_a_clean_end),
        IN_FIXTURE(head_calls_nothing),
        IN_FIXTURE(raw_content_goes_on_by_itself),
        IN_FIXTURE(others_have_their_turn),
        IN_FIXTURE(next_waits_for_the_reader),
        IN_FIXTURE(mistakes_in_next_end_it),
        IN_FIXTURE(refusals_call_done),
        IN_FIXTURE(every_event_can_be_decoded_at_once),
        IN_FIXTURE(raw_content_is_coded_in_one),
        IN_FIXTURE(past_the_budget_a_stream_gets_less),
        cmocka_unit_test(a_long_stream_stays_as_small),
        cmocka_unit_test(every_failing_allocation_is_survived),
        IN_FIXTURE(it_starts_when_a_blocking_handler_has_returned),
        IN_FIXTURE(a_client_that_has_left_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
