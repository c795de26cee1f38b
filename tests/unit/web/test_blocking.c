/* test_blocking.c -- handlers on another thread: what they answer, and what happens when the client
 * leaves meanwhile. The pool is this test's own: one thread per piece of work, finished when the
 * test says so.
 * ctest: labels=threads
 * SPDX-License-Identifier: MIT */
#include "support/webrig.h"

#include "cstar.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* ---- a pool ---- */

typedef struct pool {
    cstar__work *work; /* under way; NULL: none */
    pthread_t thread;
    bool full;
    pthread_mutex_t gate; /* a handler that locks it waits until the test lets it go on */
} pool;

static pool the_pool = {.gate = PTHREAD_MUTEX_INITIALIZER};

static void *thread_main(void *arg) {
    cstar__work *w = arg;
    w->run(w);
    return NULL;
}

static cstar_status work(void *link, cstar__work *w) {
    pool *p = link;
    if (p->full) {
        return CSTAR_ELIMIT;
    }
    p->work = w;
    assert_int_equal(pthread_create(&p->thread, NULL, thread_main, w), 0);
    return CSTAR_OK;
}

/* Waits for the handler, then does what the loop would do. */
static void finish(pool *p) {
    cstar__work *w = p->work;
    assert_non_null(w);
    assert_int_equal(pthread_join(p->thread, NULL), 0);
    p->work = NULL;
    w->done(w);
}

/* ---- the app ---- */

static pthread_t test_thread;
static bool ran_elsewhere;
static cstar_status seen;
static bool seen_secure;

static void report(cstar_conn *conn) {
    char text[64];
    ran_elsewhere = pthread_equal(pthread_self(), test_thread) == 0;
    (void)snprintf(text, sizeof text, "report for %s", cstar_param(conn, "who"));
    cstar_set_header(conn, "x-report", "1");
    cstar_respond_text(conn, 200, text);
    memset(text, 'x', sizeof text); /* what was given is the library's */
}

static void typed(cstar_conn *conn) {
    char type[] = "text/x-mine";
    cstar_respond(conn, 200, type, CSTAR_STR("typed"));
    memset(type, 'x', sizeof type - 1); /* likewise */
}

static void silent(cstar_conn *conn) { (void)conn; }

/* ---- a session's store, which may wait ---- */

static bool kept_elsewhere;

static cstar_status load(void *ctx, cstar_str id, int64_t at, cstar_buf *out) {
    (void)ctx;
    (void)id;
    (void)at;
    (void)out;
    return CSTAR_ENOENT;
}

static cstar_status keep(void *ctx, cstar_str id, cstar_str data, int64_t expires, bool fresh) {
    (void)fresh;
    (void)ctx;
    (void)id;
    (void)data;
    (void)expires;
    kept_elsewhere = pthread_equal(pthread_self(), test_thread) == 0;
    return CSTAR_OK;
}

static cstar_status drop(void *ctx, cstar_str id) {
    (void)ctx;
    (void)id;
    return CSTAR_OK;
}

static cstar_next piece(cstar_conn *conn, void *arg) {
    (void)arg;
    cstar_signal(conn, "n", 1);
    return CSTAR_END;
}

static void streaming(cstar_conn *conn) {
    cstar_session_set(conn, "n", 1);
    cstar_stream(conn, piece);
}

static void wait_then_ask(cstar_conn *conn) {
    (void)pthread_mutex_lock(&the_pool.gate);
    (void)pthread_mutex_unlock(&the_pool.gate);
    cstar_start(conn);
    seen = cstar_check_connection(conn);
    seen_secure = cstar_is_secure(conn);
    cstar_signal(conn, "n", 1);
}

static void render(cstar_conn *conn, cstar_html *h) {
    (void)conn;
    cstar_put(h, "<p>{}</p>", pthread_equal(pthread_self(), test_thread) ? "here" : "elsewhere");
}

static void add(cstar_conn *conn, const cstar_signals *in) {
    cstar_signal(conn, "n", cstar_signals_int(in, "n", 0) + 1);
}

CSTAR_PAGE(slow, .render = render, .blocking = true, .events = CSTAR_EVENTS({"add", add}));

typedef webrig fixture;

static int setup(void **state) {
    cstar_app *app = cstar_app_new();
    test_thread = pthread_self();
    assert_non_null(app);
    cstar_route(app, CSTAR_GET, "/report/:who", report, .blocking = true);
    cstar_route(app, CSTAR_GET, "/streaming", streaming, .blocking = true);
    cstar_route(app, CSTAR_GET, "/typed", typed, .blocking = true);
    cstar_route(app, CSTAR_GET, "/silent", silent, .blocking = true);
    cstar_route(app, CSTAR_GET, "/wait", wait_then_ask, .blocking = true);
    assert_int_equal(cstar_page(app, "/slow", &slow), CSTAR_OK);
    (void)webrig_open(state, app);
    webdrive_works(&((fixture *)*state)->drive, work, &the_pool);
    return 0;
}

static int teardown(void **state) { return webrig_close(state); }

/* ---- tests ---- */

static const char *answer_of(fixture *f) {
    cstar_buf_byte(&f->drive.out, '\0');
    return f->drive.out.ptr;
}

static void test_answer(void **state) {
    fixture *f = *state;
    webdrive_feed(&f->drive, "GET /report/me HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(f->drive.out.len, 0); /* nothing before it has returned */
    finish(&the_pool);
    const char *answer = answer_of(f);
    assert_true(ran_elsewhere);
    assert_int_equal(webdrive_status(answer), 200);
    assert_string_equal(webdrive_body(answer), "report for me");
    assert_non_null(strstr(answer, "x-report: 1\r\n"));
}

static void test_type(void **state) {
    fixture *f = *state;
    webdrive_feed(&f->drive, "GET /typed HTTP/1.1\r\nHost: a\r\n\r\n");
    finish(&the_pool);
    assert_non_null(strstr(answer_of(f), "content-type: text/x-mine\r\n"));
}

static void test_session_of_a_stream(void **state) {
    static const char *const secrets[] = {"a secret of 32 bytes or more, it is", NULL};
    fixture *f = *state;
    const cstar_session_store store = {.ctx = f, .load = load, .save = keep, .remove = drop};
    const cstar_status rc = cstar_sessions(f->app, .secrets = secrets, .store = &store);
    if (rc == CSTAR_ENOTSUP) {
        skip();
    }
    assert_int_equal(rc, CSTAR_OK);
    kept_elsewhere = false;
    webdrive_feed(&f->drive, "GET /streaming HTTP/1.1\r\nHost: a\r\n\r\n");
    finish(&the_pool);
    const char *answer = answer_of(f);
    assert_non_null(strstr(answer, "set-cookie: session="));
    assert_non_null(strstr(answer, "data: signals {\"n\":1}\n"));
    assert_true(kept_elsewhere); /* it may wait, and the loop must not */
}

static void test_page(void **state) {
    fixture *f = *state;
    webdrive_feed(&f->drive, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    finish(&the_pool);
    assert_non_null(strstr(answer_of(f), "<p>elsewhere</p>"));
    cstar_buf_reset(&f->drive.out);
    webdrive_feed(&f->drive,
                  "POST /slow/_event/add HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\n"
                  "{\"n\":4}");
    finish(&the_pool);
    const char *answer = answer_of(f);
    assert_int_equal(webdrive_status(answer), 200);
    assert_non_null(strstr(answer, "text/event-stream"));
    assert_non_null(strstr(answer, "data: signals {\"n\":5}\n"));
}

static void test_no_answer(void **state) {
    fixture *f = *state;
    webdrive_feed(&f->drive, "GET /silent HTTP/1.1\r\nHost: a\r\n\r\n");
    finish(&the_pool);
    assert_int_equal(webdrive_status(answer_of(f)), 500);
    assert_non_null(strstr(f->drive.log, "the handler gave none"));
}

/* The requests behind it on the same connection wait, and are answered in order. */
static void test_order(void **state) {
    fixture *f = *state;
    webdrive_feed(&f->drive, "GET /report/a HTTP/1.1\r\nHost: a\r\n\r\n"
                             "GET /report/b HTTP/1.1\r\nHost: a\r\n\r\n");
    finish(&the_pool);
    assert_null(the_pool.work);
    assert_true(cstar__h1_wants_resume(&f->drive.machine));
    assert_int_equal(cstar__h1_resume(&f->drive.machine), CSTAR_OK);
    finish(&the_pool);
    const char *answer = answer_of(f);
    const char *first = strstr(answer, "report for a");
    assert_non_null(first);
    assert_non_null(strstr(first, "report for b"));
}

static void test_client_leaves(void **state) {
    fixture *f = *state;
    (void)pthread_mutex_lock(&the_pool.gate);
    f->drive.peer.secure = true;
    webdrive_feed(&f->drive, "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    cstar__h1_fini(&f->drive.machine); /* the connection is closed while the handler runs */
    (void)pthread_mutex_unlock(&the_pool.gate);
    finish(&the_pool);
    assert_int_equal(seen, CSTAR_ECLOSED);
    assert_true(seen_secure); /* the connection's own memory may be gone by then */
    assert_int_equal(f->drive.out.len, 0);
    assert_int_equal(f->drive.pool.nfree, 1); /* its memory came back */
    memset(&f->drive.machine, 0, sizeof f->drive.machine);
}

static void test_client_stays(void **state) {
    fixture *f = *state;
    webdrive_feed(&f->drive, "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    finish(&the_pool);
    assert_int_equal(seen, CSTAR_OK);
    assert_int_equal(f->drive.pool.nfree, 1);
}

static void test_full_queue(void **state) {
    fixture *f = *state;
    the_pool.full = true;
    webdrive_feed(&f->drive, "GET /report/me HTTP/1.1\r\nHost: a\r\n\r\n");
    the_pool.full = false;
    const char *answer = answer_of(f);
    assert_int_equal(webdrive_status(answer), 503);
    assert_non_null(strstr(answer, "retry-after: 1\r\n"));
    assert_int_equal(f->drive.pool.nfree, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_type, setup, teardown),
        cmocka_unit_test_setup_teardown(test_session_of_a_stream, setup, teardown),
        cmocka_unit_test_setup_teardown(test_page, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_client_leaves, setup, teardown),
        cmocka_unit_test_setup_teardown(test_client_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full_queue, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
