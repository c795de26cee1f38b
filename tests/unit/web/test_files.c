/* test_files.c -- folders, files and assets as responses, where no socket is needed: bad options,
 * memory that runs out, descriptors that run out, a file that shrinks.
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* mkdtemp() */
#include "support/failalloc.h"
#include "support/webdrive.h"
#include "web/beneath.h"
#include "web/content.h"

#include "cstar.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- a folder ---- */

typedef struct folder {
    char path[64];
} folder;

static void write_file(const folder *d, const char *name, size_t size) {
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", d->path, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(fputc("abcdefgh"[i % 8], f), "abcdefgh"[i % 8]);
    }
    assert_int_equal(fclose(f), 0);
}

static int set_up(void **state) {
    static folder d;
    (void)snprintf(d.path, sizeof d.path, "/tmp/cstar-test-XXXXXX");
    assert_non_null(mkdtemp(d.path));
    char sub[256];
    (void)snprintf(sub, sizeof sub, "%s/sub", d.path);
    assert_int_equal(mkdir(sub, 0700), 0);
    write_file(&d, "a.txt", 5);
    write_file(&d, "a.txt.gz", 3);
    write_file(&d, "large.txt", 100000);
    write_file(&d, "sub/b.txt", 2);
    *state = &d;
    return 0;
}

static int tear_down(void **state) {
    const folder *d = *state;
    static const char *const names[] = {"sub/b.txt", "a.txt", "a.txt.gz", "large.txt", "sub", ""};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[256];
        (void)snprintf(path, sizeof path, "%s/%s", d->path, names[i]);
        assert_int_equal(remove(path), 0);
    }
    return 0;
}

/* The lowest free descriptor: the same afterwards if none was leaked. */
static int lowest_free(void) {
    int fd = open("/dev/null", O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    return fd;
}

/* ---- registration ---- */

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
static const cstar_asset two[] = {{"a.css", "p { margin: 0 }", 15, HASH},
                                  {"b.css", "q { margin: 0 }", 15, HASH}};
#define RULE "section.card > p.lead { margin: 0; padding: 0 }\n"
#define RULES RULE RULE RULE RULE RULE RULE RULE RULE
static const cstar_asset three[] = {
    {"a.css", "p { margin: 0 }", 15, HASH},
    {"b.css", "q { margin: 0 }", 15, HASH},
    {"large.css", RULES, sizeof RULES - 1, HASH}, /* is compressed */
};
static const cstar_assets sound = {three, 3};

static void bad_options_are_refused(void **state) {
    static const cstar_asset unsorted[] = {{"b", "", 0, HASH}, {"a", "", 0, HASH}};
    static const cstar_asset twice[] = {{"a", "", 0, HASH}, {"a", "", 0, HASH}};
    static const cstar_asset nameless[] = {{NULL, "", 0, HASH}};
    static const cstar_asset hashless[] = {{"a", "", 0, "0123"}};
    static const cstar_asset empty[] = {{"a", NULL, 1, HASH}};
    static const struct {
        const char *prefix;
        cstar_assets assets;
        const char *control;
        const char *where; /* NULL: fine */
    } cases[] = {
        {"/x", {two, 2}, NULL, NULL},
        {"/", {two, 2}, NULL, NULL},
        {"/x", {NULL, 0}, NULL, NULL},
        {"/x", {unsorted, 2}, NULL, "assets"},
        {"/x", {twice, 2}, NULL, "assets"},
        {"/x", {nameless, 1}, NULL, "assets"},
        {"/x", {hashless, 1}, NULL, "assets"},
        {"/x", {empty, 1}, NULL, "assets"},
        {"x", {two, 2}, NULL, "prefix"},
        {NULL, {two, 2}, NULL, "prefix"},
        {"/x", {two, 2}, "a\r\nb", "cache_control"},
        {"/x//y", {two, 2}, NULL, "path"},
        {"/*x", {two, 2}, NULL, "path"},
        {"/:path", {two, 2}, NULL, "path"},
        {"/taken", {two, 2}, NULL, "path"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cstar_app *app = cstar_app_new();
        assert_int_equal(cstar_static_embedded(app, "/taken", &sound), CSTAR_OK);
        cstar_status rc = cstar_static_embedded(app, cases[i].prefix, &cases[i].assets,
                                                .cache_control = cases[i].control);
        if (cases[i].where == NULL) {
            assert_int_equal(rc, CSTAR_OK);
        } else {
            cstar_err err = {0};
            assert_int_not_equal(rc, CSTAR_OK);
            assert_int_equal(cstar_serve(app, NULL, &err), rc);
            assert_string_equal(err.where, cases[i].where);
        }
        cstar_app_free(app);
    }
}

static void bad_folders_are_refused(void **state) {
    const folder *d = *state;
    char file[256];
    (void)snprintf(file, sizeof file, "%s/a.txt", d->path);
    const struct {
        const char *dir;
        cstar_status status;
    } cases[] = {{NULL, CSTAR_EINVAL},
                 {"", CSTAR_ENOENT},
                 {"/nowhere at all", CSTAR_ENOENT},
                 {file, CSTAR_ENOENT}};
    int fd = lowest_free();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cstar_app *app = cstar_app_new();
        cstar_err err = {0};
        assert_int_equal(cstar_static(app, "/x", cases[i].dir), cases[i].status);
        assert_int_equal(cstar_serve(app, NULL, &err), cases[i].status);
        assert_string_equal(err.where, "dir");
        assert_non_null(strstr(err.text, cases[i].dir != NULL ? cases[i].dir : "/x"));
        cstar_app_free(app);
    }
    cstar_app *app = cstar_app_new(); /* a folder that is fine, at a prefix that is not */
    assert_int_equal(cstar_static(app, "/x", d->path), CSTAR_OK);
    assert_int_equal(cstar_static(app, "/x/", d->path), CSTAR_EDUP);
    cstar_app_free(app);
    assert_int_equal(lowest_free(), fd);
}

/* ---- an app with everything ---- */

static const folder *served;

static void respond(cstar_conn *conn) {
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", served->path, cstar_param(conn, "name"));
    (void)cstar_respond_file(conn, path, .download = "d.txt", .cache_control = "private");
}

/* As if the file had lost its end since it was looked at. */
static void shrunk(cstar_conn *conn) {
    cstar__content *c = cstar__content_new(conn);
    char path[256];
    assert_non_null(c);
    (void)snprintf(path, sizeof path, "%s/a.txt", served->path);
    c->fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(cstar__content_stat(c), 0);
    c->size += 10;
    assert_int_equal(cstar__content_reply(conn, c), CSTAR_EIO);
    assert_int_equal(c->fd, -1);
}

static void misuse(cstar_conn *conn) {
    assert_int_equal(cstar_conn_file(conn, NULL), CSTAR_EINVAL);
    assert_int_equal(cstar_respond_file(conn, NULL), CSTAR_EINVAL);
    assert_int_equal(cstar_respond_file(conn, "x", .content_type = "a\nb"), CSTAR_EINVAL);
    assert_int_equal(cstar_respond_file(conn, "x", .cache_control = "a\nb"), CSTAR_EINVAL);
    assert_int_equal(cstar_respond_text(conn, 200, "fine"), CSTAR_OK);
    assert_int_equal(cstar_respond_file(conn, "x"), CSTAR_ESTATE);
}

static void path_of(cstar_conn *conn) {
    const char *path = cstar_asset_path(conn, "/css/", "a.css");
    (void)cstar_respond_text(conn, 200, path != NULL ? path : "no memory");
}

static cstar_app *make_app(const folder *d, const cstar_allocator *alloc) {
    cstar_app *app = cstar_app_new_with(alloc);
    if (app == NULL) {
        return NULL;
    }
    (void)cstar_static(app, "/files", d->path, .precompressed = true, .fallback = "a.txt");
    (void)cstar_static_embedded(app, "/css", &sound);
    (void)cstar_route(app, CSTAR_GET, "/one/:name", respond);
    (void)cstar_route(app, CSTAR_GET, "/shrunk", shrunk);
    (void)cstar_route(app, CSTAR_GET, "/misuse", misuse);
    (void)cstar_route(app, CSTAR_GET, "/path", path_of);
    return app;
}

static const struct {
    const char *target;
    int status;
    const char *part; /* of the answer */
} requests[] = {
    {"/files/a.txt", 200, "abcde"},
    {"/files/large.txt", 200, "Length: 100000"},
    {"/files/sub/b.txt", 200, "ab"},
    {"/files/sub", 308, "location: /files/sub/\r\n"},
    {"/files/none", 404, ""},
    {"/css/a.css", 200, "margin"},
    {"/css/a.css?v=0123456789abcdef", 200, "immutable"},
    {"/css/none.css", 404, ""},
    {"/one/a.txt", 200, "content-disposition: attachment; filename=\"d.txt\""},
    {"/one/large.txt", 200, "Length: 100000"},
    {"/one/none", 404, ""},
    {"/shrunk", 500, ""},
    {"/misuse", 200, "fine"},
    {"/path", 200, "/css/a.css?v=0123456789abcdef"},
};
enum { REQUESTS = sizeof requests / sizeof *requests };

static void every_request_is_answered(void **state) {
    served = *state;
    int fd = lowest_free();
    cstar_app *app = make_app(served, cstar_heap());
    for (size_t i = 0; i < REQUESTS; i++) {
        webdrive d;
        webdrive_init(&d, app, cstar_heap());
        const char *answer = webdrive_request(&d, "GET", requests[i].target, NULL);
        if (webdrive_status(answer) != requests[i].status ||
            strstr(answer, requests[i].part) == NULL) {
            print_error("%s: %.200s\n", requests[i].target, answer);
            fail();
        }
        webdrive_fini(&d);
    }
    cstar_app_free(app);
    assert_int_equal(lowest_free(), fd);
}

/* A file that is compressed on its way has the same Vary whether it is sent or not. */
static void an_unchanged_file_varies_as_it_did(void **state) {
    const folder *dir = *state;
    webdrive d;
    char request[256];
    char tag[64] = "";
    cstar_app *app = cstar_app_new();
    assert_non_null(app);
    assert_int_equal(cstar_static(app, "/s", dir->path), CSTAR_OK);
    app->coders.min = 4;
    webdrive_init(&d, app, cstar_heap());
    const char *answer = webdrive_request(&d, "GET", "/s/a.txt", NULL);
    assert_non_null(strstr(answer, "vary: accept-encoding\r\n"));
    assert_int_equal(sscanf(strstr(answer, "etag: "), "etag: %40s", tag), 1);
    cstar_buf_reset(&d.out);
    (void)snprintf(request, sizeof request,
                   "GET /s/a.txt HTTP/1.1\r\nHost: a\r\nIf-None-Match: %s\r\n\r\n", tag);
    webdrive_feed(&d, request);
    cstar_buf_byte(&d.out, '\0');
    assert_int_equal(webdrive_status(d.out.ptr), 304);
    assert_non_null(strstr(d.out.ptr, "vary: accept-encoding\r\n"));
    webdrive_fini(&d);
    cstar_app_free(app);
}

static void every_allocation_of_the_app_may_fail(void **state) {
    served = *state;
    int fd = lowest_free();
    bool reached = true;
    for (size_t n = 1; reached; n++) {
        failalloc f;
        failalloc_init(&f, n);
        cstar_app *app = make_app(served, &f.alloc);
        reached = f.calls >= n;
        if (app != NULL && app->err.code != CSTAR_OK) {
            cstar_err err = {0};
            assert_true(reached);
            assert_int_equal(cstar_serve(app, NULL, &err), CSTAR_ENOMEM);
        }
        cstar_app_free(app);
        assert_int_equal(f.live_blocks, 0);
        assert_true(n < 1000);
    }
    assert_int_equal(lowest_free(), fd);
}

static void every_allocation_of_a_request_may_fail(void **state) {
    served = *state;
    cstar_app *app = make_app(served, cstar_heap());
    int fd = lowest_free();
    for (size_t i = 0; i < REQUESTS; i++) {
        if (strcmp(requests[i].target, "/misuse") == 0 ||
            strcmp(requests[i].target, "/shrunk") == 0) {
            continue; /* they assert what has memory */
        }
        int status = 0;
        for (size_t n = 1; status != requests[i].status; n++) {
            failalloc f;
            webdrive d;
            failalloc_init(&f, n);
            webdrive_init(&d, app, &f.alloc);
            status = webdrive_status(webdrive_request(&d, "GET", requests[i].target, NULL));
            assert_true(status == requests[i].status || status == 500 || status == 503 ||
                        status == 0);
            webdrive_fini(&d);
            assert_int_equal(f.live_blocks, 0);
            assert_int_equal(lowest_free(), fd);
            assert_true(n < 1000);
        }
    }
    cstar_app_free(app);
}

static void no_descriptor_left_is_no_404(void **state) {
    served = *state;
    webdrive d;
    struct rlimit old;
    cstar_app *app = make_app(served, cstar_heap());
    webdrive_init(&d, app, cstar_heap());
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    const struct rlimit none = {(rlim_t)lowest_free(), old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    int files = webdrive_status(webdrive_request(&d, "GET", "/files/a.txt", NULL));
    int one = webdrive_status(webdrive_request(&d, "GET", "/one/a.txt", NULL));
    int css = webdrive_status(webdrive_request(&d, "GET", "/css/a.css", NULL));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_int_equal(files, 500);
    assert_int_equal(one, 500);
    assert_int_equal(css, 200);
    assert_non_null(strstr(d.log, "open files"));
    assert_int_equal(webdrive_status(webdrive_request(&d, "GET", "/files/a.txt", NULL)), 200);
    webdrive_fini(&d);
    cstar_app_free(app);
}

/* ---- opening below ---- */

static void both_ways_to_open_say_the_same(void **state) {
    const folder *d = *state;
    static const struct {
        const char *path;
        int result; /* 0: opened */
    } cases[] = {
        {"a.txt", 0},
        {"sub", 0},
        {"sub/b.txt", 0},
        {"none", ENOENT},
        {"none/x", ENOENT},
        {"a.txt/x", ENOTDIR},
        {"sub/b.txt/x", ENOTDIR},
        {"sub/none", ENOENT},
        {"../etc/passwd", EXDEV},
        {"sub/../..", EXDEV},
    };
    for (int walk = 0; walk < 2; walk++) {
        cstar__beneath b = {.fd = -1};
        assert_int_equal(cstar__beneath_init(&b, d->path, walk != 0, NULL), CSTAR_OK);
        assert_true(walk == 0 || b.walk);
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            int fd = cstar__beneath_open(&b, cases[i].path);
            if ((fd >= 0 ? 0 : -fd) != cases[i].result) {
                print_error("%s: %d, expected %d\n", cases[i].path, fd, cases[i].result);
                fail();
            }
            if (fd >= 0) {
                assert_int_equal(close(fd), 0);
            }
        }
        cstar__beneath_fini(&b);
        cstar__beneath_fini(&b);
        assert_int_equal(b.fd, -1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_options_are_refused),
        cmocka_unit_test(bad_folders_are_refused),
        cmocka_unit_test(every_request_is_answered),
        cmocka_unit_test(an_unchanged_file_varies_as_it_did),
        cmocka_unit_test(every_allocation_of_the_app_may_fail),
        cmocka_unit_test(every_allocation_of_a_request_may_fail),
        cmocka_unit_test(no_descriptor_left_is_no_404),
        cmocka_unit_test(both_ways_to_open_say_the_same),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
