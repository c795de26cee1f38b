/* test_request_form.c -- forms and files of a request: however it is cut, whatever is wrong with it,
 * and with every descriptor back at the end.
 * SPDX-License-Identifier: MIT */
#include "support/failalloc.h"
#include "support/webdrive.h"
#include "web/body.h"

#include "cstar.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- the app under test: writes down what it got ---- */

static char got[4096];
static char dir[] = "/tmp/cstar-test-XXXXXX";

static void note(const char *format, ...) CSTAR_PRINTF(1, 2);
static void note(const char *format, ...) {
    size_t len = strlen(got);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(got + len, sizeof got - len, format, args);
    va_end(args);
}

static void note_file(const cstar_file *f) {
    char text[64] = {0};
    ptrdiff_t n = cstar_file_read(f, 0, text, sizeof text - 1);
    assert_int_equal(n < 63 ? (uint64_t)n : f->size, f->size);
    note("[%s|%s|%.*s|%s|%d|%s]", f->name, f->filename, (int)f->original.len, f->original.ptr,
         f->content_type, (int)f->size, text);
}

static void note_all(cstar_conn *conn) {
    cstar_form_field it = {0};
    while (cstar_form_next(conn, &it)) {
        note("%s=%s;", it.name.ptr, it.value.ptr);
    }
    assert_null(it.at);
    for (const cstar_file *f = NULL; (f = cstar_form_file_next(conn, f)) != NULL;) {
        note_file(f);
    }
}

static void plain(cstar_conn *conn) {
    note_all(conn);
    cstar_respond_text(conn, 200, "ok");
}

static void event(cstar_conn *conn, const cstar_signals *in) {
    note("%d:", (int)cstar_json_size(in));
    note_all(conn);
}

static void render(cstar_conn *conn, cstar_html *h) {
    (void)conn;
    cstar_put(h, "<p></p>");
}

static const char *save_path;
static cstar_status saved;

static void save(cstar_conn *conn) {
    const cstar_file *f = cstar_form_file(conn, "f");
    cstar_err err = {0};
    saved = f != NULL ? cstar_file_save(f, save_path, &err) : CSTAR_ENOENT;
    if (f != NULL && saved == CSTAR_OK) { /* twice: the second is a file of its own */
        char second[128];
        (void)snprintf(second, sizeof second, "%s.2", save_path);
        assert_int_equal(cstar_file_save(f, second, NULL), CSTAR_OK);
    }
    cstar_respond_text(conn, 200, "ok");
}

/* ---- callbacks ---- */

static char said[] = "arg";
static int refuse_at, refuse_with; /* the n-th call of on_part or on_data */

static int word(void) { return --refuse_at == 0 ? refuse_with : 0; }

static int on_part(cstar_conn *conn, const cstar_upload_part *part, void *arg) {
    assert_ptr_equal(arg, said);
    note("part %s %s;", part->name, part->filename != NULL ? part->filename : "-");
    cstar_upload_keep(conn, got);
    return word();
}

static int on_data(cstar_conn *conn, const char *ptr, size_t len, void *arg) {
    (void)arg;
    assert_ptr_equal(cstar_upload_kept(conn), got);
    if (len == 0) {
        note("over;");
    } else {
        note("%.*s", (int)len, ptr);
    }
    return word();
}

static void on_end(cstar_conn *conn, bool whole, void *arg) {
    (void)conn;
    (void)arg;
    note(whole ? "whole;" : "broken;");
}

static uint64_t told_bytes;
static int64_t told_total;
static unsigned told;

static void on_progress(cstar_conn *conn, uint64_t bytes, int64_t total, void *arg) {
    (void)arg;
    assert_int_equal(cstar_request_header(conn, "x-id").len, 2);
    assert_true(bytes > told_bytes);
    assert_true(told == 0 || bytes == (uint64_t)total || bytes - told_bytes >= 65536);
    told_bytes = bytes;
    told_total = total;
    told++;
}

static const cstar_upload_opts limited = {
    .max_total = 2000, .max_file = 20, .max_fields = 10, .max_parts = 3, .dir = dir};
static const cstar_upload_opts streamed = {
    .on_part = on_part, .on_data = on_data, .on_end = on_end, .arg = said};
static const cstar_upload_opts watched = {.on_progress = on_progress, .on_end = on_end, .dir = dir};
static const cstar_upload_opts nowhere = {.dir = "/nonexistent", .on_end = on_end};
CSTAR_PAGE(page, .render = render, .upload = &limited, .events = CSTAR_EVENTS({"send", event}));

static cstar_app *new_app(const cstar_allocator *alloc) {
    cstar_app *app = cstar_app_new_with(alloc);
    if (app != NULL) {
        cstar_route(app, CSTAR_POST, "/plain", plain, .max_body = 1000);
        cstar_route(app, CSTAR_GET, "/plain", plain);
        cstar_route(app, CSTAR_DELETE, "/plain", plain);
        cstar_route(app, CSTAR_POST, "/limited", plain, .upload = &limited);
        cstar_route(app, CSTAR_POST, "/streamed", plain, .upload = &streamed);
        cstar_route(app, CSTAR_POST, "/watched", plain, .upload = &watched);
        cstar_route(app, CSTAR_POST, "/nowhere", plain, .upload = &nowhere);
        cstar_route(app, CSTAR_POST, "/save", save, .upload = &watched);
        cstar_page(app, "/page", &page);
    }
    return app;
}

typedef struct fixture {
    cstar_app *app;
    webdrive drive;
    unsigned fds;
} fixture;

static unsigned count_fds(void) {
    unsigned n = 0;
    for (int fd = 0; fd < 256; fd++) {
        n += fcntl(fd, F_GETFD) != -1;
    }
    return n;
}

static int setup(void **state) {
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->fds = count_fds();
    f->app = new_app(cstar_heap());
    assert_non_null(f->app);
    webdrive_init(&f->drive, f->app, cstar_heap());
    *state = f;
    return 0;
}

static int teardown(void **state) {
    fixture *f = *state;
    webdrive_fini(&f->drive);
    cstar_app_free(f->app);
    assert_int_equal(count_fds(), f->fds);
    free(f);
    return 0;
}

static void renew(fixture *f) {
    cstar__h1_fini(&f->drive.machine);
    cstar__h1_init(&f->drive.machine, &f->drive.env, &f->drive.peer, &f->drive.out);
}

/* One whole request on its own connection. @param piece  bytes per feed; 0: all at once.
 * @return the status; what the app wrote down is in `got`. */
static int send(fixture *f, const char *target, const char *type, const char *body, size_t piece) {
    char head[512];
    cstar_buf_reset(&f->drive.out);
    renew(f);
    got[0] = '\0';
    told = 0;
    told_bytes = 0;
    int n = snprintf(head, sizeof head,
                     "POST %s HTTP/1.1\r\nHost: a\r\nX-Id: 42\r\nContent-Type: %s\r\n"
                     "Content-Length: %zu\r\n\r\n",
                     target, type, strlen(body));
    (void)cstar__h1_feed(&f->drive.machine, head, (size_t)n);
    size_t len = strlen(body);
    for (size_t at = 0; at < len;) {
        size_t now = piece != 0 && piece < len - at ? piece : len - at;
        (void)cstar__h1_feed(&f->drive.machine, body + at, now);
        at += now;
    }
    cstar_buf_byte(&f->drive.out, '\0');
    return webdrive_status(f->drive.out.ptr);
}

#define FORM "application/x-www-form-urlencoded"
#define MULTI "multipart/form-data; boundary=B"
#define FIELD(name, value)                                                                         \
    "--B\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"
#define FILE_(name, filename, type, value)                                                         \
    "--B\r\nContent-Disposition: form-data; name=\"" name "\"; filename=\"" filename               \
    "\"\r\nContent-Type: " type "\r\n\r\n" value "\r\n"
#define END "--B--\r\n"

/* ---- fields ---- */

static void urlencoded_fields(void **state) {
    fixture *f = *state;
    assert_int_equal(send(f, "/plain", FORM, "a=1&b=x+y%26&&c&a=%C3%A9", 0), 200);
    assert_string_equal(got, "a=1;b=x y&;c=;a=\xc3\xa9;");
    assert_int_equal(send(f, "/plain", FORM ";charset=utf-8", "a=%", 1), 200);
    assert_string_equal(got, "a=%;");
    assert_int_equal(send(f, "/plain", FORM, "", 0), 200);
    assert_string_equal(got, "");
    assert_int_equal(send(f, "/plain", "text/plain", "a=1", 0), 200);
    assert_string_equal(got, "");
}

static void look_up(cstar_conn *conn) {
    assert_string_equal(cstar_form(conn, "a"), "2"); /* the last one */
    assert_null(cstar_form(conn, "nul"));
    assert_int_equal(cstar_form_view(conn, "nul").len, 3);
    assert_null(cstar_form(conn, "none"));
    assert_null(cstar_form_view(conn, "none").ptr);
    assert_string_equal(cstar_form(conn, "empty"), "");
    assert_null(cstar_form_file(conn, "a"));
    cstar_respond_text(conn, 200, "ok");
}

static void look_ups(void **state) {
    fixture *f = *state;
    cstar_route(f->app, CSTAR_POST, "/look", look_up);
    cstar_route(f->app, CSTAR_GET, "/look", look_up);
    assert_int_equal(send(f, "/look", FORM, "a=1&nul=x%00y&empty=&a=2", 0), 200);
    renew(f);
    const char *answer =
        webdrive_request(&f->drive, "GET", "/look?bad=%FF&a=1&nul=x%00y&empty=&a=2", NULL);
    assert_int_equal(webdrive_status(answer), 200);
}

static void query_fields(void **state) {
    fixture *f = *state;
    static const char *const methods[] = {"GET", "HEAD", "DELETE"};
    for (size_t i = 0; i < 3; i++) {
        got[0] = '\0';
        (void)webdrive_request(&f->drive, methods[i], "/plain?a=1&%FF=2&b=%FF&c=+", NULL);
        assert_string_equal(got, "a=1;c= ;");
    }
}

static void bad_fields(void **state) {
    fixture *f = *state;
    char many[4200] = "";
    for (size_t i = 0; i < 1001; i++) {
        (void)strcat(many, i < 1000 ? "a&" : "a");
    }
    cstar_route(f->app, CSTAR_POST, "/any", plain);
    assert_int_equal(send(f, "/any", FORM, "a=%FF", 0), 400);
    assert_int_equal(send(f, "/any", FORM, "%C3=1", 0), 400);
    assert_int_equal(send(f, "/any", FORM, many, 0), 413);
    assert_int_equal(send(f, "/any", FORM, many + 2, 0), 200);
    assert_int_equal(send(f, "/plain", FORM, many, 0), 413); /* over max_body */
    assert_string_equal(got, "");
    assert_int_equal(send(f, "/plain", MULTI, FIELD("a", "\xff") END, 0), 400);
}

/* ---- multipart ---- */

static const char whole[] = FIELD("a", "1")
    FILE_("f", "C:\\x\\..\\r\xc3\xa9sum\xc3\xa9.txt", "text/plain", "hello\r\n--x") FIELD("b", "")
        FILE_("none", "", "application/octet-stream", "") FILE_("f", "empty", "image/png", "") END;
static const char whole_got[] =
    "a=1;b=;[f|r\xc3\xa9sum\xc3\xa9.txt|C:\\x\\..\\r\xc3\xa9sum\xc3\xa9."
    "txt|text/plain|10|hello\r\n--x]"
    "[f|empty|empty|image/png|0|]";

static void multipart_however_it_is_cut(void **state) {
    fixture *f = *state;
    for (size_t piece = 0; piece < 40; piece++) {
        assert_int_equal(send(f, "/plain", MULTI, whole, piece), 200);
        assert_string_equal(got, whole_got);
        assert_int_equal(count_fds(), f->fds); /* the handler has returned */
    }
}

static void malformed_multipart(void **state) {
    fixture *f = *state;
    static const struct {
        const char *type, *body;
        int status;
    } cases[] = {
        {"multipart/form-data", whole, 400},
        {"multipart/form-data; boundary=", whole, 400},
        {"multipart/form-data; boundary=\"B", whole, 400},
        {"multipart/form-data; boundary=C", whole, 400},
        {"multipart/form-data; boundary=B; boundary=B", whole, 400},
        {MULTI, "", 400},
        {MULTI, "--B\r\n", 400},
        {MULTI, "--B--\r\n", 400},
        {MULTI, FIELD("a", "1"), 400},
        {MULTI, FIELD("a", "1") END "x", 400},
        {MULTI, "x" FIELD("a", "1") END, 400},
        {MULTI, FILE_("f", "x", "text/plain", "cut"), 400},
        {MULTI, FILE_("\xff", "x", "text/plain", "cut") END, 400},
        {MULTI, "--B\r\nContent-Disposition: form-data\r\n\r\n1\r\n" END, 400},
        {MULTI,
         "--B\r\nContent-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: "
         "base64\r\n\r\n1\r\n" END,
         415},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int status = send(f, "/plain", cases[i].type, cases[i].body, i % 3);
        if (status != cases[i].status || got[0] != '\0') {
            print_error("case %zu: %d %s\n", i, status, got);
            fail();
        }
        assert_int_equal(send(f, "/page/_event/send", cases[i].type, cases[i].body, 0),
                         cases[i].status);
    }
}

static void limits_of_an_upload(void **state) {
    fixture *f = *state;
    static const struct {
        const char *body;
        int status;
    } cases[] = {
        {FILE_("f", "x", "a/b", "01234567890123456789") END, 200},
        {FILE_("f", "x", "a/b", "012345678901234567890") END, 413},
        {FIELD("a", "0123456789") END, 200},
        {FIELD("a", "01234567890") END, 413},
        {FIELD("a", "012345") FIELD("b", "67890") END, 413},
        {FIELD("a", "1") FIELD("a", "1") FIELD("a", "1") END, 200},
        {FIELD("a", "1") FIELD("a", "1") FIELD("a", "1") FIELD("a", "1") END, 413},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t piece = 0; piece < 8; piece += 7) {
            if (send(f, "/limited", MULTI, cases[i].body, piece) != cases[i].status) {
                print_error("case %zu: %s\n", i, f->drive.out.ptr);
                fail();
            }
        }
    }
    char large[2500];
    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    assert_int_equal(send(f, "/limited", MULTI, large, 0), 413);
    assert_int_equal(send(f, "/plain", MULTI, large, 0), 413); /* without .upload: max_body */
}

/* All bodies together: else a few slow clients would have every descriptor of the process. */
static void descriptors_are_shared_out(void **state) {
    fixture *f = *state;
    webdrive slow;
    f->app->max_files = 2;
    webdrive_init(&slow, f->app, cstar_heap());
    webdrive_feed(&slow, "POST /plain HTTP/1.1\r\nHost: a\r\nContent-Type: " MULTI
                         "\r\nContent-Length: 900\r\n\r\n" FILE_("f", "x", "a/b", "1"));
    const char *two = FILE_("f", "x", "a/b", "1") FILE_("f", "x", "a/b", "1") END;
    assert_int_equal(send(f, "/plain", MULTI, FILE_("f", "x", "a/b", "1") END, 0), 200);
    assert_int_equal(send(f, "/plain", MULTI, two, 0), 503);
    assert_int_equal(send(f, "/plain", MULTI, FIELD("a", "1") END, 0), 200);
    webdrive_fini(&slow);
    assert_int_equal(send(f, "/plain", MULTI, two, 0), 200);
    assert_int_equal(f->app->nfiles, 0);
}

static const char *raw(fixture *f, const char *text) {
    cstar_buf_reset(&f->drive.out);
    renew(f);
    webdrive_feed(&f->drive, text);
    cstar_buf_byte(&f->drive.out, '\0');
    return f->drive.out.ptr;
}

static void too_large_is_said_before_continue(void **state) {
    fixture *f = *state;
    const char *answer = raw(f, "POST /limited HTTP/1.1\r\nHost: a\r\nContent-Type: " MULTI
                                "\r\nExpect: 100-continue\r\nContent-Length: 2001\r\n\r\n");
    assert_int_equal(webdrive_status(answer), 413);
    assert_null(strstr(answer, " 100 "));
    answer = raw(f, "POST /limited HTTP/1.1\r\nHost: a\r\nContent-Type: " MULTI
                    "\r\nExpect: 100-continue\r\nContent-Length: 2000\r\n\r\n");
    assert_int_equal(webdrive_status(answer), 100);
    answer = raw(f, "POST /limited HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data"
                    "\r\nExpect: 100-continue\r\nContent-Length: 2000\r\n\r\n");
    assert_int_equal(webdrive_status(answer), 400);
}

/* ---- events ---- */

static void events_with_forms(void **state) {
    fixture *f = *state;
    assert_int_equal(send(f, "/page/_event/send", FORM, "a=1", 0), 200);
    assert_string_equal(got, "0:a=1;");
    assert_int_equal(send(f, "/page/_event/send", FORM, "", 0), 200);
    assert_string_equal(got, "0:");
    assert_int_equal(
        send(f, "/page/_event/send", MULTI, FIELD("a", "1") FILE_("f", "n", "t/x", "hi") END, 3),
        200);
    assert_string_equal(got, "0:a=1;[f|n|n|t/x|2|hi]");
    /* what no browser's form can be is signals, as curl -d sends them */
    assert_int_equal(send(f, "/page/_event/send", FORM, "{\"a\":1}", 0), 200);
    assert_string_equal(got, "1:");
    got[0] = '\0';
    renew(f);
    f->drive.fields = "Datastar-Request: true\r\n"; /* a form that the client sends */
    (void)webdrive_request(&f->drive, "GET", "/page/_event/send?a=1&b=2", NULL);
    assert_string_equal(got, "0:a=1;b=2;");
}

/* ---- streaming ---- */

static void content_goes_to_callbacks(void **state) {
    fixture *f = *state;
    for (size_t piece = 0; piece < 20; piece++) {
        refuse_at = 0;
        assert_int_equal(send(f, "/streamed", MULTI, whole, piece), 200);
        assert_string_equal(got, "part a -;part f r\xc3\xa9sum\xc3\xa9.txt;hello\r\n--xover;"
                                 "part b -;part f empty;over;a=1;b=;whole;");
    }
}

static void callbacks_refuse(void **state) {
    fixture *f = *state;
    static const struct {
        int at, with, status;
        const char *got;
    } cases[] = {
        {1, 415, 415, "part a -;broken;"},
        {2, 400, 400, "part a -;part f r\xc3\xa9sum\xc3\xa9.txt;broken;"},
        {3, 500, 500, "part a -;part f r\xc3\xa9sum\xc3\xa9.txt;hello\r\n--xbroken;"},
        {4, 413, 413, "part a -;part f r\xc3\xa9sum\xc3\xa9.txt;hello\r\n--xover;broken;"},
        {1, 7, 500, "part a -;broken;"},
        {1, 200, 500, "part a -;broken;"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        refuse_at = cases[i].at;
        refuse_with = cases[i].with;
        assert_int_equal(send(f, "/streamed", MULTI, whole, 0), cases[i].status);
        renew(f); /* the connection is over */
        assert_string_equal(got, cases[i].got);
    }
    refuse_at = 0;
}

static void progress_is_told(void **state) {
    fixture *f = *state;
    size_t len = 700000;
    char *body = malloc(len + 512);
    assert_non_null(body);
    int n = sprintf(body, "%s",
                    "--B\r\nContent-Disposition: form-data; name=f; "
                    "filename=x\r\n\r\n");
    memset(body + n, 'x', len);
    (void)strcpy(body + n + len, "\r\n" END);
    assert_int_equal(send(f, "/watched", MULTI, body, 1000), 200);
    assert_int_equal(told_bytes, strlen(body));
    assert_int_equal(told_total, strlen(body));
    assert_in_range(told, 10, 12);
    free(body);
}

/* ---- files ---- */

static void clients_that_leave(void **state) {
    fixture *f = *state;
    char head[512];
    (void)snprintf(head, sizeof head,
                   "POST /watched HTTP/1.1\r\nHost: a\r\nX-Id: 42\r\nContent-Type: " MULTI
                   "\r\nContent-Length: %zu\r\n\r\n",
                   sizeof whole - 1);
    for (size_t cut = 1; cut < sizeof whole - 1; cut += 5) {
        renew(f);
        told = 0;
        told_bytes = 0;
        got[0] = '\0';
        (void)cstar__h1_feed(&f->drive.machine, head, strlen(head));
        (void)cstar__h1_feed(&f->drive.machine, whole, cut);
        renew(f);
        assert_int_equal(count_fds(), f->fds);
        assert_string_equal(got, "broken;");
    }
}

static void no_folder(void **state) {
    fixture *f = *state;
    assert_int_equal(send(f, "/nowhere", MULTI, FILE_("f", "x", "a/b", "1") END, 0), 500);
    renew(f);
    assert_string_equal(got, "broken;");
    assert_non_null(strstr(f->drive.log, "errno 2"));
    assert_null(strstr(f->drive.out.ptr, "nonexistent"));
    assert_int_equal(send(f, "/nowhere", MULTI, FIELD("a", "1") END, 0), 200); /* needs no file */
}

/* As a full disk does: writing stops in the middle of a file. */
static void no_space(void **state) {
    fixture *f = *state;
    struct rlimit old;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
    struct rlimit little = {8, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
    int full = send(f, "/watched", MULTI, FILE_("f", "x", "a/b", "1234567890") END, 0);
    renew(f);
    unsigned fds = count_fds();
    int fits = send(f, "/watched", MULTI, FILE_("f", "x", "a/b", "12345678") END, 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    (void)signal(SIGXFSZ, before);
    assert_int_equal(full, 507);
    assert_int_equal(fds, f->fds);
    assert_int_equal(fits, 200);
    assert_int_equal(f->drive.logged, 1);
}

static unsigned files_in(const char *path) {
    unsigned n = 0;
    DIR *d = opendir(path);
    assert_non_null(d);
    while (readdir(d) != NULL) {
        n++;
    }
    (void)closedir(d);
    return n - 2;
}

static void assert_content(const char *path, const char *expected) {
    char text[64] = {0};
    struct stat st;
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t n = fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    assert_int_equal(n, strlen(expected));
    assert_string_equal(text, expected);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(st.st_nlink, 1);
}

static void files_are_saved_whole(void **state) {
    fixture *f = *state;
    char path[128];
    char second[128];
    mode_t mask = umask(0027);
    (void)snprintf(path, sizeof path, "%s/kept", dir);
    (void)snprintf(second, sizeof second, "%s/kept.2", dir);
    save_path = path;
    static const char *const bodies[] = {FILE_("f", "x", "a/b", "first") END,
                                         FILE_("f", "x", "a/b", "2nd") END,
                                         FILE_("f", "x", "a/b", "") END};
    static const char *const contents[] = {"first", "2nd", ""};
    for (size_t i = 0; i < 3; i++) { /* over the one before */
        assert_int_equal(send(f, "/save", MULTI, bodies[i], 0), 200);
        assert_int_equal(saved, CSTAR_OK);
        assert_content(path, contents[i]);
        assert_content(second, contents[i]);
        assert_int_equal(files_in(dir), 2);
    }
    (void)umask(mask);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(unlink(second), 0);
}

static void bad_places_to_save(void **state) {
    fixture *f = *state;
    char taken[128];
    static char longer[5000];
    memset(longer, 'x', sizeof longer - 1);
    (void)snprintf(taken, sizeof taken, "%s/folder", dir);
    assert_int_equal(mkdir(taken, 0700), 0);
    const struct {
        const char *path;
        cstar_status rc;
    } cases[] = {{NULL, CSTAR_EINVAL},   {"", CSTAR_EINVAL}, {"/tmp/", CSTAR_EINVAL},
                 {longer, CSTAR_ELIMIT}, {taken, CSTAR_EIO}, {"/nonexistent/x", CSTAR_EIO}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        save_path = cases[i].path;
        assert_int_equal(send(f, "/save", MULTI, FILE_("f", "x", "a/b", "1") END, 0), 200);
        assert_int_equal(saved, cases[i].rc);
        assert_int_equal(files_in(dir), 1);
    }
    assert_int_equal(rmdir(taken), 0);
}

/* ---- memory ---- */

static void allocation_failures_are_survived(void **state) {
    (void)state;
    unsigned fds = count_fds();
    size_t good = 0;
    for (size_t n = 1; n < 60; n++) {
        failalloc fail;
        failalloc_init(&fail, n);
        fixture f = {.app = new_app(cstar_heap())};
        webdrive_init(&f.drive, f.app, &fail.alloc);
        f.drive.pool.keep_bytes = 1;
        char *body = malloc(sizeof whole + 4096);
        assert_non_null(body);
        (void)sprintf(body, FIELD("big", "%4000d") "%s", 1, whole);
        good += send(&f, "/streamed", MULTI, body, 100) == 200;
        free(body);
        webdrive_fini(&f.drive);
        cstar_app_free(f.app);
        assert_int_equal(fail.live_blocks, 0);
    }
    assert_int_equal(count_fds(), fds);
    assert_in_range(good, 1, 58);
}

static int make_dir(void **state) {
    (void)state;
    return mkdtemp(dir) != NULL ? 0 : -1;
}

static int remove_dir(void **state) {
    (void)state;
    return rmdir(dir);
}

#define WITH_APP(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_APP(urlencoded_fields),
        WITH_APP(look_ups),
        WITH_APP(query_fields),
        WITH_APP(bad_fields),
        WITH_APP(multipart_however_it_is_cut),
        WITH_APP(malformed_multipart),
        WITH_APP(limits_of_an_upload),
        WITH_APP(descriptors_are_shared_out),
        WITH_APP(too_large_is_said_before_continue),
        WITH_APP(events_with_forms),
        WITH_APP(content_goes_to_callbacks),
        WITH_APP(callbacks_refuse),
        WITH_APP(progress_is_told),
        WITH_APP(clients_that_leave),
        WITH_APP(no_folder),
        WITH_APP(no_space),
        WITH_APP(files_are_saved_whole),
        WITH_APP(bad_places_to_save),
        cmocka_unit_test(allocation_failures_are_survived),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
