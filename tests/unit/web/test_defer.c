/* test_defer.c -- cstar_defer(): what goes on when a work is done, in every step of a request; how
 * often what is called, and when; clients that leave, a full queue, misuse. The pool is this test's
 * own: a work runs, and is done, when the test says so.
 * SPDX-License-Identifier: MIT */
#include "support/failalloc.h"
#include "support/webdrive.h"
#include "web/live.h"

#include "cstar.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define LENGTH(a) (sizeof(a) / sizeof *(a))

/* ---- a pool ---- */

enum { MOST = 8 };

typedef struct pool {
    cstar__work *queue[MOST];
    bool ran[MOST];
    size_t n;
    size_t room;
} pool;

static pool the_pool;

static cstar_status work_at(void *link, cstar__work *w) {
    pool *p = link;
    if (p->n >= p->room) {
        return CSTAR_ELIMIT;
    }
    p->ran[p->n] = false;
    p->queue[p->n++] = w;
    return CSTAR_OK;
}

static void run(size_t i) {
    assert_true(i < the_pool.n && !the_pool.ran[i]);
    the_pool.ran[i] = true;
    the_pool.queue[i]->run(the_pool.queue[i]);
}

/* The i-th of those that are left. */
static void finish(size_t i) {
    assert_true(i < the_pool.n);
    if (!the_pool.ran[i]) {
        run(i);
    }
    cstar__work *w = the_pool.queue[i];
    the_pool.n--;
    for (size_t k = i; k < the_pool.n; k++) {
        the_pool.queue[k] = the_pool.queue[k + 1];
        the_pool.ran[k] = the_pool.ran[k + 1];
    }
    w->done(w);
}

/* ---- the app ---- */

static char trace[512]; /* what ran, in order */
static cstar_status deferred;
static webdrive *the_drive;

static void note(const char *what, const char *name) {
    const size_t n = strlen(trace);
    (void)snprintf(trace + n, sizeof trace - n, "%s %s, ", what, name);
}

static void work(void *arg) { note("work", arg); }
/* Behind the answer. */
static void release(void *arg) { note(the_drive->out.len != 0 ? "free" : "free unanswered", arg); }

static void defer(cstar_conn *conn, char *name, void (*done)(cstar_conn *conn, void *arg)) {
    const cstar_status rc = cstar_defer(conn, work, .done = done, .arg = name, .free = release);
    deferred = deferred == CSTAR_OK ? rc : deferred;
}

static char a[] = "a", b[] = "b", c[] = "c";

static void answer(cstar_conn *conn, void *arg) {
    char text[16];
    char type[] = "text/x-mine";
    note("done", arg);
    (void)snprintf(text, sizeof text, "from %s", (const char *)arg);
    if (cstar_respond(conn, 200, type, cstar_cstr(text)) != CSTAR_OK) {
        note("late", arg);
    }
    memset(text, 'x', sizeof text); /* what was given is the library's */
    memset(type, 'x', sizeof type);
}

static void silent(cstar_conn *conn, void *arg) {
    (void)conn;
    note("done", arg);
}

static void plain(cstar_conn *conn) { defer(conn, a, answer); }
static void mute(cstar_conn *conn) { defer(conn, a, silent); }
static void workless(cstar_conn *conn) {
    cstar_defer(conn, NULL, .free = release, .arg = a);
    cstar_respond_text(conn, 200, "otherwise");
}
static void doneless(cstar_conn *conn) {
    cstar_respond_text(conn, 201, "before"); /* kept: no, this has left */
    defer(conn, a, answer);
}
static void after(cstar_conn *conn) {
    cstar_defer(conn, work, .arg = a);
    cstar_respond_text(conn, 201, "meanwhile");
}
static void three(cstar_conn *conn) {
    defer(conn, a, answer);
    defer(conn, b, answer);
    defer(conn, c, answer);
}

static void again(cstar_conn *conn, void *arg) {
    note("done", arg);
    defer(conn, b, answer);
}
static void chain(cstar_conn *conn) { defer(conn, a, again); }

static cstar_next next(cstar_conn *conn, void *arg) {
    note("next", arg);
    if (cstar_defer(conn, work, .arg = a) != CSTAR_ESTATE) {
        note("deferred in", "next");
    }
    return CSTAR_END;
}
static void begin(cstar_conn *conn, void *arg) {
    note("done", arg);
    cstar_start(conn);
    cstar_signal(conn, "n", 1);
    cstar_stream(conn, next, .arg = arg);
}
static void streams(cstar_conn *conn) { defer(conn, a, begin); }

static void send_file(cstar_conn *conn, void *arg) {
    note("done", arg);
    cstar_respond_file(conn, "/proc/self/exe");
}
static void file_first(cstar_conn *conn) {
    defer(conn, a, send_file);
    defer(conn, b, silent);
}

static void may_wait(cstar_conn *conn) { defer(conn, a, answer); }

/* If there is no room, something else. */
static void lenient(cstar_conn *conn) {
    if (cstar_defer(conn, work, .done = answer, .arg = a, .free = release) == CSTAR_ELIMIT) {
        cstar_respond_text(conn, 200, "from memory");
    }
}
static void one_of_two(cstar_conn *conn) {
    defer(conn, a, answer);
    defer(conn, b, answer);
}

/* ---- a page ---- */

static void load(cstar_conn *conn, void *arg) {
    note("done", arg);
    if (cstar_query(conn, "missing") != NULL) {
        cstar_respond_text(conn, 404, "no such thing");
    }
    if (cstar_query(conn, "halt") != NULL) {
        cstar_halt(conn);
    }
    cstar_assign(conn, "who", "ada");
}

static void mount(cstar_conn *conn) {
    note("mount", cstar_param(conn, "id"));
    defer(conn, a, load);
}

static void render(cstar_conn *conn, cstar_html *h) {
    note("render", cstar_assigned_str(conn, "who", "nobody"));
    if (cstar_query(conn, "late") != NULL && cstar_defer(conn, work) != CSTAR_ESTATE) {
        note("deferred in", "render");
    }
    cstar_put(h, "<p>{}</p>", cstar_assigned_str(conn, "who", "nobody"));
}

static void authorize(cstar_conn *conn, const char *event) {
    note("authorize", event);
    if (cstar_query(conn, "free") == NULL) {
        defer(conn, a, load);
    }
}

static void save(cstar_conn *conn, const cstar_signals *in) {
    note("save", cstar_assigned_str(conn, "who", "nobody"));
    cstar_signal(conn, "n", cstar_signals_int(in, "n", 0) + 1);
}

static void saved(cstar_conn *conn, void *arg) {
    note("done", arg);
    cstar_signal(conn, "saved", (const char *)arg);
}

static void store(cstar_conn *conn, const cstar_signals *in) {
    if (cstar_signals_int(in, "n", 0) == 1) {
        cstar_signal(conn, "n", 2);
    }
    defer(conn, b, saved);
}

CSTAR_PAGE(page, .mount = mount, .render = render, .authorize = authorize,
           .events = CSTAR_EVENTS({"save", save}, {"store", store}));

/* A stream's `connect`, which loads what it has to show first. */
static int disconnects;

static void first_view(cstar_conn *conn, void *arg) {
    note("done", arg);
    cstar_patch_elements(conn, "<p id='first'></p>");
}

static void connect_page(cstar_conn *conn, const cstar_signals *in) {
    cstar_subscribe(conn, "news");
    if (cstar_signals_bool(in, "anyway", false)) {
        cstar_signal(conn, "n", 1);
    }
    defer(conn, a, first_view);
}

static void on_info(cstar_conn *conn, const cstar_message *m) {
    (void)conn;
    note("info", m->topic);
}

static cstar_ended reason;

static void on_disconnect(cstar_conn *conn) {
    reason = cstar_end_reason(conn);
    disconnects++;
}

static const char *room(cstar_conn *conn) {
    (void)conn;
    return "room";
}

CSTAR_PAGE(live_page, .render = render, .connect = connect_page, .info = on_info,
           .disconnect = on_disconnect, .stream_key = room);

static void mount_too(cstar_conn *conn) { defer(conn, a, load); }
CSTAR_PAGE(slow, .mount = mount_too, .render = render, .blocking = true);

/* ---- */

typedef struct fixture {
    failalloc memory; /* of the app and of all else */
    cstar_app *app;
    webdrive drive;
} fixture;

static void make(fixture *f) {
    static const struct {
        const char *path;
        cstar_handler handler;
    } routes[] = {{"/plain", plain},          {"/mute", mute},
                  {"/workless", workless},    {"/answered", doneless},
                  {"/after", after},          {"/three", three},
                  {"/chain", chain},          {"/streams", streams},
                  {"/file", file_first},      {"/lenient", lenient},
                  {"/one-of-two", one_of_two}};
    failalloc_init(&f->memory, 0);
    f->app = cstar_app_new_with(&f->memory.alloc);
    assert_non_null(f->app);
    for (size_t i = 0; i < LENGTH(routes); i++) {
        cstar_route(f->app, CSTAR_GET, routes[i].path, routes[i].handler);
    }
    cstar_route(f->app, CSTAR_GET, "/blocking", may_wait, .blocking = true);
    cstar_page(f->app, "/page/:id", &page);
    cstar_page(f->app, "/live", &live_page);
    assert_int_equal(cstar_page(f->app, "/slow", &slow), CSTAR_OK);
    webdrive_init(&f->drive, f->app, &f->memory.alloc);
    the_drive = &f->drive;
    the_pool = (pool){.room = MOST};
    trace[0] = '\0';
    deferred = CSTAR_OK;
    disconnects = 0;
}

static int setup(void **state) {
    static fixture f;
    make(&f);
    webdrive_works(&f.drive, work_at, &the_pool);
    *state = &f;
    return 0;
}

static int setup_without_pool(void **state) {
    static fixture f;
    make(&f);
    *state = &f;
    return 0;
}

static int teardown(void **state) {
    fixture *f = *state;
    assert_int_equal(the_pool.n, 0);
    webdrive_fini(&f->drive);
    cstar_app_free(f->app);
    assert_int_equal(f->memory.live_blocks, 0);
    return 0;
}

static const char *answer_of(fixture *f) {
    cstar_buf_byte(&f->drive.out, '\0');
    f->drive.out.len--;
    return f->drive.out.ptr;
}

static void get(fixture *f, const char *path) {
    char text[256];
    (void)snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path);
    webdrive_feed(&f->drive, text);
}

static void post(fixture *f, const char *path, const char *body) {
    char text[256];
    (void)snprintf(text, sizeof text,
                   "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n%s", path,
                   strlen(body), body);
    webdrive_feed(&f->drive, text);
}

/* What there is now: the status (0: no answer yet), a part of the answer, and what has run. */
static void expect(fixture *f, int status, const char *part, const char *ran) {
    const char *text = answer_of(f);
    if (webdrive_status(text) != status || strstr(text, part) == NULL || strcmp(trace, ran) != 0) {
        fail_msg("ran: %s\nlog: %s\n%s", trace, f->drive.log, text);
    }
}

/* ---- answers ---- */

static void test_plain(void **state) {
    fixture *f = *state;
    get(f, "/plain");
    expect(f, 0, "", "");
    run(0);
    expect(f, 0, "", "work a, ");
    finish(0);
    expect(f, 200, "\r\n\r\nfrom a", "work a, done a, free a, ");
    assert_non_null(strstr(answer_of(f), "content-type: text/x-mine\r\n"));
    assert_int_equal(f->drive.logged, 0);
    assert_int_equal(f->drive.pool.nfree, 1);
}

static void test_head(void **state) {
    fixture *f = *state;
    webdrive_feed(&f->drive, "HEAD /plain HTTP/1.1\r\nHost: a\r\n\r\n");
    finish(0);
    expect(f, 200, "Content-Length: 6\r\n", "work a, done a, free a, ");
}

static void test_no_answer(void **state) {
    fixture *f = *state;
    get(f, "/mute");
    finish(0);
    expect(f, 500, "", "work a, done a, free a, ");
    assert_non_null(strstr(f->drive.log, "the handler gave none"));
}

static void test_the_next_request_waits(void **state) {
    fixture *f = *state;
    get(f, "/plain");
    get(f, "/three");
    assert_int_equal(the_pool.n, 1);
    finish(0);
    assert_int_equal(cstar__h1_resume(&f->drive.machine), CSTAR_OK);
    assert_int_equal(the_pool.n, 3);
    finish(0);
    finish(0);
    finish(0);
    assert_non_null(strstr(strstr(answer_of(f), "from a") + 1, "from a"));
    assert_int_equal(f->drive.pool.nfree, 1);
}

/* Done in the order in which they finish; the first answer counts, and leaves behind the last. */
static void test_several(void **state) {
    fixture *f = *state;
    get(f, "/three");
    run(0);
    run(1);
    finish(1);
    finish(1);
    expect(f, 0, "", "work a, work b, done b, work c, done c, late c, ");
    finish(0);
    expect(f, 200, "\r\n\r\nfrom b",
           "work a, work b, done b, work c, done c, late c, done a, late a, free a, free c, "
           "free b, ");
    assert_int_equal(f->drive.pool.nfree, 1);
}

static void test_answered_meanwhile(void **state) {
    fixture *f = *state;
    get(f, "/after");
    expect(f, 0, "", "");
    finish(0);
    expect(f, 201, "meanwhile", "work a, ");
}

static void test_done_defers(void **state) {
    fixture *f = *state;
    get(f, "/chain");
    finish(0);
    expect(f, 0, "", "work a, done a, ");
    finish(0);
    expect(f, 200, "from b", "work a, done a, work b, done b, free b, free a, ");
}

static void test_done_streams(void **state) {
    fixture *f = *state;
    get(f, "/streams");
    finish(0);
    expect(f, 200, "data: signals {\"n\":1}\n", "work a, done a, next a, free a, ");
    assert_non_null(strstr(answer_of(f), "\r\n0\r\n\r\n")); /* and has ended */
    assert_non_null(strstr(f->drive.log, "defer: only from"));
    assert_int_equal(f->drive.pool.nfree, 1);
}

static void test_file(void **state) {
    fixture *f = *state;
    get(f, "/file");
    finish(0);
    expect(f, 0, "", "work a, done a, ");
    finish(0);
    expect(f, 200, "\177ELF", "work a, done a, work b, done b, free b, free a, ");
}

/* ---- pages ---- */

static void test_mount(void **state) {
    fixture *f = *state;
    get(f, "/page/7");
    expect(f, 0, "", "mount 7, ");
    finish(0);
    expect(f, 200, "<p>ada</p>", "mount 7, work a, done a, render ada, free a, ");
}

static void test_mount_refuses(void **state) {
    fixture *f = *state;
    get(f, "/page/7?missing=1");
    finish(0);
    expect(f, 404, "no such thing", "mount 7, work a, done a, free a, ");
}

static void test_mount_halts(void **state) {
    fixture *f = *state;
    get(f, "/page/7?halt=1");
    finish(0);
    expect(f, 403, "", "mount 7, work a, done a, free a, ");
}

static void test_render_cant(void **state) {
    fixture *f = *state;
    get(f, "/page/7?late=1");
    finish(0);
    expect(f, 200, "<p>ada</p>", "mount 7, work a, done a, render ada, free a, ");
    assert_non_null(strstr(f->drive.log, "defer: only from"));
}

static void test_authorize(void **state) {
    fixture *f = *state;
    post(f, "/page/7/_event/save", "{\"n\":4}");
    expect(f, 0, "", "authorize save, ");
    finish(0);
    expect(f, 200, "data: signals {\"n\":5}\n",
           "authorize save, work a, done a, save ada, free a, ");
}

static void test_authorize_refuses(void **state) {
    fixture *f = *state;
    post(f, "/page/7/_event/save?halt=1", "{\"n\":4}");
    finish(0);
    expect(f, 403, "", "authorize save, work a, done a, free a, ");
    assert_null(strstr(answer_of(f), "text/event-stream"));
}

/* Its events are one answer, in order. */
static void test_event(void **state) {
    fixture *f = *state;
    post(f, "/page/7/_event/store?free=1", "{\"n\":1}");
    expect(f, 0, "", "authorize store, ");
    finish(0);
    expect(f, 200,
           "\r\n\r\nevent: datastar-patch-signals\ndata: signals {\"n\":2}\n\n"
           "event: datastar-patch-signals\ndata: signals {\"saved\":\"b\"}\n\n",
           "authorize store, work b, done b, free b, ");
    assert_non_null(strstr(answer_of(f), "Content-Length: "));
}

static void test_every_step(void **state) {
    fixture *f = *state;
    post(f, "/page/7/_event/store", "{}");
    finish(0);
    expect(f, 0, "", "authorize store, work a, done a, ");
    finish(0);
    expect(f, 200, "{\"saved\":\"b\"}",
           "authorize store, work a, done a, work b, done b, free b, free a, ");
    assert_int_equal(f->drive.pool.nfree, 1);
}

/* ---- clients that leave ---- */

static void leave(fixture *f) {
    cstar__h1_fini(&f->drive.machine);
    memset(&f->drive.machine, 0, sizeof f->drive.machine);
}

/* What runs is waited for; what waits is not run; nothing is done. */
static void test_client_leaves(void **state) {
    fixture *f = *state;
    get(f, "/three");
    run(1);
    finish(1);
    run(1);
    expect(f, 0, "", "work b, done b, work c, ");
    trace[0] = '\0';
    leave(f);
    expect(f, 0, "", "free unanswered b, ");
    assert_int_equal(f->drive.pool.nfree, 0); /* its memory is still needed */
    finish(1);
    finish(0);
    expect(f, 0, "", "free unanswered b, free unanswered c, free unanswered a, ");
    assert_int_equal(f->drive.pool.nfree, 1);
}

static size_t open_files(void) {
    size_t n = 0;
    DIR *d = opendir("/proc/self/fd");
    assert_non_null(d);
    while (readdir(d) != NULL) {
        n++;
    }
    closedir(d);
    return n;
}

static void test_client_leaves_an_answer_that_was_kept(void **state) {
    fixture *f = *state;
    const size_t before = open_files();
    get(f, "/file");
    finish(0);
    assert_int_equal(open_files(), before + 1);
    leave(f);
    assert_int_equal(open_files(), before);
    finish(0);
    assert_int_equal(open_files(), before);
    expect(f, 0, "", "work a, done a, free unanswered a, free unanswered b, ");
    assert_int_equal(f->drive.pool.nfree, 1);
}

static void test_client_leaves_mount(void **state) {
    fixture *f = *state;
    get(f, "/page/7");
    leave(f);
    finish(0);
    expect(f, 0, "", "mount 7, free unanswered a, ");
}

/* ---- what can't be ---- */

static void test_full_queue(void **state) {
    fixture *f = *state;
    static const struct {
        const char *method, *path, *ran;
    } cases[] = {
        {"GET", "/plain", "free unanswered a, "},
        {"GET", "/page/7", "mount 7, free unanswered a, "},
        {"POST", "/page/7/_event/save", "authorize save, free unanswered a, "},
        {"POST", "/page/7/_event/store?free=1", "authorize store, free unanswered b, "},
    };
    the_pool.room = 0;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        trace[0] = '\0';
        deferred = CSTAR_OK;
        cstar_buf_reset(&f->drive.out);
        if (cases[i].method[0] == 'G') {
            get(f, cases[i].path);
        } else {
            post(f, cases[i].path, "{}");
        }
        expect(f, 503, "retry-after: 1\r\n", cases[i].ran);
        assert_null(strstr(answer_of(f), "text/event-stream"));
        assert_int_equal(deferred, CSTAR_ELIMIT);
    }
    assert_int_equal(f->drive.pool.nfree, 1);
}

static void test_full_queue_and_another_answer(void **state) {
    fixture *f = *state;
    the_pool.room = 0;
    get(f, "/lenient");
    expect(f, 200, "from memory", "free unanswered a, ");
    cstar_buf_reset(&f->drive.out);
    trace[0] = '\0';
    post(f, "/page/7/_event/store?free=1", "{\"n\":1}"); /* it has patched something */
    expect(f, 200, "{\"n\":2}", "authorize store, free unanswered b, ");
}

/* ---- a stream that begins ---- */

/* What is published meanwhile waits for it. */
static void test_connect_waits(void **state) {
    fixture *f = *state;
    post(f, "/live", "{}");
    expect(f, 0, "", "");
    assert_int_equal(cstar_publish(f->app, "news", .bytes = CSTAR_STR("x")), CSTAR_OK);
    assert_true(cstar__app_open_mail(f->app, 0));
    assert_int_equal(cstar_publish_signals(f->app, "news", "{\"late\":1}"), CSTAR_OK);
    assert_true(cstar__app_open_mail(f->app, 0));
    expect(f, 0, "", "");
    finish(0);
    expect(f, 200, "<p id='first'></p>", "work a, done a, info news, free a, ");
    cstar_buf_reset(&f->drive.out); /* the client has taken it */
    (void)cstar__h1_resume(&f->drive.machine);
    assert_non_null(strstr(answer_of(f), "{\"late\":1}"));
    assert_int_equal(disconnects, 0);
}

/* The tab is another stream's before this one has begun: it begins, and is replaced. */
static void test_taken_over_before_it_begins(void **state) {
    fixture *f = *state;
    webdrive other;
    post(f, "/live", "{\"tabId\":\"t\"}");
    webdrive_init(&other, f->app, &f->memory.alloc);
    webdrive_works(&other, work_at, &the_pool);
    webdrive_feed(&other, "POST /live HTTP/1.1\r\nHost: a\r\nContent-Length: 13\r\n\r\n"
                          "{\"tabId\":\"t\"}");
    (void)cstar__app_open_mail(f->app, 0);
    assert_int_equal(disconnects, 0);
    finish(1); /* the newer one begins first */
    assert_int_equal(disconnects, 0);
    finish(0);
    assert_non_null(strstr(answer_of(f), "\r\n0\r\n\r\n"));
    cstar_buf_reset(&f->drive.out); /* the client has taken its end */
    (void)cstar__h1_resume(&f->drive.machine);
    assert_int_equal(disconnects, 1);
    assert_int_equal(reason, CSTAR_ENDED_REPLACED);
    assert_true(cstar_tab_is_live(f->app, "room", "t"));
    webdrive_fini(&other);
    assert_int_equal(disconnects, 2);
    assert_false(cstar_tab_is_live(f->app, "room", "t"));
}

static void test_client_leaves_connect(void **state) {
    fixture *f = *state;
    post(f, "/live", "{}");
    leave(f);
    assert_int_equal(disconnects, 1);
    finish(0);
    expect(f, 0, "", "free unanswered a, ");
    assert_int_equal(disconnects, 1);
    assert_int_equal(f->drive.pool.nfree, 1);
}

/* A stream that could not load what it shows would show nothing for ever. The client asks again. */
static void test_full_queue_and_a_stream(void **state) {
    fixture *f = *state;
    the_pool.room = 0;
    post(f, "/live", "{}");
    expect(f, 503, "retry-after: 1\r\n", "free unanswered a, ");
    assert_null(strstr(answer_of(f), "text/event-stream"));
    assert_int_equal(disconnects, 1); /* for its connect */
    cstar_buf_reset(&f->drive.out);
    trace[0] = '\0';
    post(f, "/live", "{\"anyway\":true}"); /* it has said something */
    expect(f, 200, "{\"n\":1}", "free unanswered a, ");
    assert_int_equal(disconnects, 1);
}

static void test_room_for_one(void **state) {
    fixture *f = *state;
    the_pool.room = 1;
    get(f, "/one-of-two");
    expect(f, 0, "", "free unanswered b, ");
    finish(0);
    expect(f, 200, "from a", "free unanswered b, work a, done a, free a, ");
}

static void test_blocking_handlers_need_none(void **state) {
    fixture *f = *state;
    get(f, "/blocking");
    finish(0);
    expect(f, 500, "", "free unanswered a, ");
    assert_int_equal(deferred, CSTAR_ESTATE);
    assert_non_null(strstr(f->drive.log, "a blocking handler may wait itself"));
    cstar_buf_reset(&f->drive.out);
    trace[0] = '\0';
    get(f, "/slow"); /* no page that was not loaded */
    finish(0);
    expect(f, 500, "", "free unanswered a, ");
}

static void test_misuse(void **state) {
    fixture *f = *state;
    get(f, "/workless");
    expect(f, 200, "otherwise", "free unanswered a, ");
    assert_non_null(strstr(f->drive.log, "defer: no work"));
    cstar_buf_reset(&f->drive.out);
    trace[0] = '\0';
    get(f, "/answered");
    expect(f, 201, "before", "free a, ");
    assert_int_equal(deferred, CSTAR_ESTATE);
}

/* ---- no pool: as under the test kit ---- */

static void test_on_the_spot(void **state) {
    fixture *f = *state;
    get(f, "/three");
    expect(f, 200, "from a",
           "work a, done a, work b, done b, late b, work c, done c, late c, free c, free b, "
           "free a, ");
    cstar_buf_reset(&f->drive.out);
    trace[0] = '\0';
    post(f, "/page/7/_event/store", "{}");
    expect(f, 200, "{\"saved\":\"b\"}",
           "authorize store, work a, done a, work b, done b, free b, free a, ");
    cstar_buf_reset(&f->drive.out);
    trace[0] = '\0';
    get(f, "/blocking");
    expect(f, 500, "", "free unanswered a, ");
    assert_int_equal(f->drive.pool.nfree, 1);
}

/* ---- out of memory ---- */

/* @return whether the n-th allocation was reached. */
static bool survives(fixture *f, const char *path, size_t n) {
    webdrive d;
    webdrive_init(&d, f->app, &f->memory.alloc);
    (void)cstar_buf_room(&d.out, 32768); /* what was answered is the test's */
    webdrive_works(&d, work_at, &the_pool);
    the_drive = &d;
    trace[0] = '\0';
    f->memory.fail_at = f->memory.calls + n;
    f->memory.sticky = true;
    webdrive_feed(&d, path);
    while (the_pool.n != 0) {
        finish(0);
    }
    const bool reached = f->memory.calls >= f->memory.fail_at;
    f->memory.fail_at = 0;
    cstar_buf_byte(&d.out, '\0');
    const int status = webdrive_status(d.out.ptr);
    if (status != 200 && !(reached && (status == 0 || status >= 500))) {
        fail_msg("%s: allocation %zu: %d, ran: %s", path, n, status, trace);
    }
    webdrive_fini(&d);
    return reached;
}

static void test_every_allocation_may_fail(void **state) {
    fixture *f = *state;
    static const char *const requests[] = {
        "GET /three HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /streams HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /page/7 HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /page/7/_event/store HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}",
    };
    for (size_t i = 0; i < LENGTH(requests); i++) {
        const size_t before = f->memory.live_blocks;
        size_t n = 1;
        while (survives(f, requests[i], n)) {
            n++;
        }
        assert_true(n > 3);
        assert_int_equal(f->memory.live_blocks, before);
    }
}

#define WITH_POOL(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_POOL(test_plain),
        WITH_POOL(test_head),
        WITH_POOL(test_no_answer),
        WITH_POOL(test_the_next_request_waits),
        WITH_POOL(test_several),
        WITH_POOL(test_answered_meanwhile),
        WITH_POOL(test_done_defers),
        WITH_POOL(test_done_streams),
        WITH_POOL(test_file),
        WITH_POOL(test_mount),
        WITH_POOL(test_mount_refuses),
        WITH_POOL(test_mount_halts),
        WITH_POOL(test_render_cant),
        WITH_POOL(test_authorize),
        WITH_POOL(test_authorize_refuses),
        WITH_POOL(test_event),
        WITH_POOL(test_every_step),
        WITH_POOL(test_client_leaves),
        WITH_POOL(test_client_leaves_an_answer_that_was_kept),
        WITH_POOL(test_client_leaves_mount),
        WITH_POOL(test_full_queue),
        WITH_POOL(test_full_queue_and_another_answer),
        WITH_POOL(test_connect_waits),
        WITH_POOL(test_taken_over_before_it_begins),
        WITH_POOL(test_client_leaves_connect),
        WITH_POOL(test_full_queue_and_a_stream),
        WITH_POOL(test_room_for_one),
        WITH_POOL(test_blocking_handlers_need_none),
        WITH_POOL(test_misuse),
        cmocka_unit_test_setup_teardown(test_on_the_spot, setup_without_pool, teardown),
        WITH_POOL(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
