/* fuzz_web.c -- any bytes as a connection to a whole app: pages, events, components, forms, uploads,
 * sessions, streams, redirects, assets, error pages; and as the text of a session and as a line of
 * the access log. The first byte says which, and in what pieces.
 *
 * Asserted: every answer is well formed, whatever the request had in it, so that nothing of it can
 * end a header; a session that was read is written and read again; a log line is one line of valid
 * UTF-8, without signals.
 *
 * SPDX-License-Identifier: MIT */
#include "support/webdrive.c" /* fuzz targets are linked without tests/support */
#include "web/access_log.h"
#include "web/session.h"

#include "cstar.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x) ((x) ? (void)0 : abort())

/* ---- the app ---- */

static const char *any(cstar_conn *conn, const char *name) {
    const char *value = cstar_query(conn, name);
    return value != NULL ? value : "";
}

/* Everything that a request can reflect, into every place that takes text. */
static void reflect(cstar_conn *conn) {
    const char *v = any(conn, "v");
    cstar_set_header(conn, "x-value", v);
    cstar_set_cookie(conn, "seen", v, .path = cstar_query(conn, "path"),
                     .domain = cstar_query(conn, "domain"));
    cstar_set_header(conn, any(conn, "name"), v);
    if (cstar_query(conn, "type") != NULL) {
        cstar_respond(conn, 200, cstar_query(conn, "type"), cstar_cstr(v));
        return;
    }
    cstar_respond_elements(conn, "<p></p>", .selector = v, .to = cstar_query(conn, "to"));
}

static void go(cstar_conn *conn) { cstar_redirect_to(conn, 303, any(conn, "to")); }

static void go_out(cstar_conn *conn) {
    cstar_redirect_to(conn, 303, any(conn, "to"), .external = true);
}

static void download(cstar_conn *conn) {
    cstar_respond_file(conn, __FILE__, .download = cstar_query(conn, "as"));
}

static void take_form(cstar_conn *conn) {
    cstar_form_field f = {0};
    const cstar_file *file = NULL;
    size_t n = 0;
    while (cstar_form_next(conn, &f)) {
        n += f.name.len + f.value.len;
    }
    while ((file = cstar_form_file_next(conn, file)) != NULL) {
        char piece[64];
        CHECK(cstar_utf8_valid(cstar_cstr(file->filename)));
        CHECK(cstar_file_read(file, 0, piece, sizeof piece) >= 0);
    }
    (void)cstar_form(conn, "a");
    (void)cstar_form_file(conn, "f");
    cstar_respond_text(conn, n != 0 ? 200 : 422, "form");
}

static void take_json(cstar_conn *conn) {
    const cstar_json *root = cstar_request_json(conn);
    if (root != NULL) {
        cstar_respond_text(conn, 200, cstar_json_str(cstar_json_path(root, "a.b"), ""));
    }
}

static void session(cstar_conn *conn) {
    cstar_flash_message m;
    while (cstar_query(conn, "take") != NULL && cstar_flash_next(conn, &m)) {
    }
    if (cstar_query(conn, "end") != NULL) {
        cstar_session_clear(conn);
    }
    if (cstar_query(conn, "renew") != NULL) {
        cstar_session_renew(conn);
    }
    cstar_session_set(conn, any(conn, "k"), any(conn, "v"));
    cstar_flash(conn, "info", any(conn, "v"));
    cstar_respond_text(conn, 200, cstar_session_str(conn, "k", ""));
}

static cstar_next piece(cstar_conn *conn, void *arg) {
    (void)arg;
    cstar_signal(conn, "path", cstar_path(conn));
    cstar_assign(conn, "v", any(conn, "v"));
    return CSTAR_END;
}

static void stream(cstar_conn *conn) { cstar_stream(conn, piece); }

static void render(cstar_conn *conn, cstar_html *h) {
    cstar_put(h, "<p id='{}' onclick='f()'>{}</p><a href='{}'>{}</a>", any(conn, "v"),
              any(conn, "v"), any(conn, "v"), cstar_host(conn));
}

/* What is read is a text of at most that length; a number is the one that stands there. */
static void take_arg(cstar_conn *conn) {
    char digits[24];
    int64_t n = 0;
    const char *arg = cstar_event_arg(conn);
    CHECK(arg == NULL || (strlen(arg) <= CSTAR_EVENT_ARG_MAX && cstar_utf8_valid(cstar_cstr(arg))));
    if (cstar_event_arg_int(conn, &n)) {
        (void)snprintf(digits, sizeof digits, "%lld", (long long)n);
        CHECK(arg != NULL && strcmp(arg, digits) == 0);
    }
}

static void on_event(cstar_conn *conn, const cstar_signals *in) {
    cstar_signal(conn, "v", cstar_signals_str(in, "v", ""));
    cstar_patch_elements(conn, "<i></i>", .selector = cstar_signals_str(in, "s", NULL));
    cstar_redirect(conn, cstar_signals_str(in, "to", "/"));
    cstar_console_log(conn, cstar_event_name(conn));
    take_arg(conn);
}

static void error_page(cstar_conn *conn, cstar_html *h, int status) {
    cstar_put(h, "<h1>{}</h1><p>{}</p>", status, cstar_path(conn));
}

CSTAR_PAGE(fuzzed_page, .render = render,
           .events = CSTAR_EVENTS({"go", on_event}, {"a*", on_event}));
CSTAR_COMPONENT(fuzzed_part, .name = "part", .events = CSTAR_EVENTS({"*", on_event}));

#define HASH "0123456789abcdef0123456789abcdef"
static const cstar_asset assets[] = {{"a.css", "p { margin: 0 }", 15, HASH},
                                     {"d/index.html", "<p>", 3, HASH}};
static const cstar_assets embedded = {assets, 2};

static int64_t now(void *arg) {
    (void)arg;
    return 1800000000;
}

static cstar_app *make_app(void) {
    static const char *const secrets[] = {"a secret of 32 bytes or more, it is", NULL};
    cstar_app *app = cstar_app_new();
    cstar_err err = {0};
    CHECK(app != NULL);
    app->clock = now;
    cstar_route(app, CSTAR_GET, "/reflect", reflect);
    cstar_route(app, CSTAR_GET, "/go", go);
    cstar_route(app, CSTAR_GET, "/out", go_out);
    cstar_route(app, CSTAR_GET, "/download", download);
    cstar_route(app, CSTAR_GET, "/form", take_form);
    cstar_route(app, CSTAR_POST, "/form", take_form, .max_body = 4096);
    cstar_route(app, CSTAR_POST, "/json", take_json, .max_body = 4096);
    cstar_route(app, CSTAR_GET, "/session", session);
    cstar_route(app, CSTAR_GET, "/stream", stream);
    cstar_page(app, "/page/:id", &fuzzed_page);
    cstar_components(app, "/ds", &fuzzed_part);
    cstar_static_embedded(app, "/", &embedded, .fallback = "d/index.html");
    (void)cstar_sessions(app, .secrets = secrets,
                         .no_csrf = true); /* not in a build without OpenSSL */
    app->health = "/healthz";
    app->send_request_id = true;
    app->timed = true;
    app->access_log = cstar__access_log_new(
        &(cstar__access_log_opts){.path = "/dev/null", .alloc = cstar_heap()}, &err);
    CHECK(app->access_log != NULL);
    return app;
}

/* ---- answers ---- */

/* The end of the head, which is checked line by line; `length` -1: none was said. */
static const char *check_head(const char *at, const char *end, long *length, bool *chunked) {
    CHECK(end - at > 12 && memcmp(at, "HTTP/1.1 ", 9) == 0);
    *length = -1;
    *chunked = false;
    for (bool first = true;; first = false) {
        const char *line = at;
        while (at < end && *at != '\r') {
            CHECK((unsigned char)*at >= 0x20 || *at == '\t');
            at++;
        }
        CHECK(end - at >= 2 && at[1] == '\n');
        const size_t len = (size_t)(at - line);
        at += 2;
        if (len == 0) {
            return at;
        }
        const char *colon = memchr(line, ':', len);
        CHECK(first || (colon != NULL && colon[1] == ' '));
        CHECK(len < 10 || memcmp(line, "x-injected", 10) != 0);
        if (len > 15 && memcmp(line, "content-length:", 15) == 0) {
            CHECK(*length == -1);
            *length = strtol(line + 15, NULL, 10);
        }
        *chunked = *chunked || (len > 18 && memcmp(line, "transfer-encoding:", 18) == 0);
    }
}

static const char *skip_chunks(const char *at, const char *end) {
    for (;;) {
        char *digits = NULL;
        const unsigned long n = strtoul(at, &digits, 16);
        CHECK(digits != at && end - digits >= 2 && memcmp(digits, "\r\n", 2) == 0);
        CHECK(n <= (size_t)(end - digits - 2));
        at = digits + 2 + n;
        CHECK(end - at >= 2 && memcmp(at, "\r\n", 2) == 0);
        at += 2;
        if (n == 0) {
            return at;
        }
    }
}

static bool is_next(const char *at, const char *end) {
    return at == end || (end - at > 9 && memcmp(at, "HTTP/1.1 ", 9) == 0);
}

/* A HEAD's answer has no body, whatever its length says. */
static void check_answers(const char *at, const char *end) {
    while (at < end) {
        long length = -1;
        bool chunked = false;
        at = check_head(at, end, &length, &chunked);
        if (chunked && !is_next(at, end)) {
            at = skip_chunks(at, end);
        } else if (length > 0 && length <= end - at && is_next(at + length, end)) {
            at += length;
        }
        CHECK(is_next(at, end) || (length == -1 && !chunked)); /* else until the end */
        if (!is_next(at, end)) {
            return;
        }
    }
}

static void run_request(cstar_app *app, const uint8_t *data, size_t size, uint32_t seed) {
    webdrive d;
    webdrive_init(&d, app, cstar_heap());
    d.peer.secure = (seed & 1) != 0;
    for (size_t at = 0; at < size;) {
        seed = seed * 1664525u + 1013904223u;
        const size_t some = 1 + (seed >> 22);
        const size_t n = some < size - at ? some : size - at;
        char *copy = malloc(n);
        CHECK(copy != NULL);
        memcpy(copy, data + at, n);
        (void)cstar__h1_feed(&d.machine, copy, n);
        free(copy);
        at += n;
        for (int i = 0; i < 100 && cstar__h1_wants_resume(&d.machine); i++) {
            (void)cstar__h1_resume(&d.machine);
        }
    }
    cstar__h1_eof(&d.machine);
    cstar_buf_byte(&d.out, '\0'); /* for strtoul */
    check_answers(d.out.ptr, d.out.ptr + d.out.len - 1);
    webdrive_fini(&d);
}

/* ---- texts ---- */

static bool read_session(cstar__session *s, cstar_arena *arena, cstar_str text) {
    memset(s, 0, sizeof *s);
    s->flashes_end = &s->flashes;
    return cstar__session_read(s, arena, text) == CSTAR_OK;
}

static void run_session(cstar_str text) {
    cstar__session s;
    cstar_arena arena;
    cstar_buf out;
    cstar_arena_init(&arena, cstar_heap(), 0);
    cstar_buf_init(&out, cstar_heap(), 0);
    if (read_session(&s, &arena, text)) {
        CHECK(cstar__session_write(&s, &out) == CSTAR_OK);
        CHECK(read_session(&s, &arena, cstar_buf_view(&out)));
    }
    cstar_buf_fini(&out);
    cstar_arena_fini(&arena);
}

static void check_redacted(const char *line, const char *name) {
    const char *at = line;
    while ((at = strstr(at, name)) != NULL) {
        at += strlen(name);
        CHECK(*at == '-' || *at == '.' || *at == '\0' || *at == '"' || *at == ' ');
    }
}

static void run_line(cstar_str text, cstar_access_format format) {
    char mem[CSTAR__ACCESS_LINE + 1];
    cstar_buf out;
    cstar_buf_fixed(&out, mem, CSTAR__ACCESS_LINE);
    cstar__access_line(&out, format,
                       &(cstar__access_entry){.method = "GET",
                                              .target = text,
                                              .referer = text,
                                              .agent = text,
                                              .request_id = CSTAR_STR("id"),
                                              .status = 200});
    CHECK(out.status == CSTAR_OK && out.len != 0 && out.ptr[out.len - 1] == '\n');
    out.ptr[--out.len] = '\0';
    CHECK(cstar_utf8_valid(cstar_buf_view(&out)));
    for (size_t i = 0; i < out.len; i++) {
        CHECK((unsigned char)out.ptr[i] >= 0x20);
    }
    if (format == CSTAR_ACCESS_COMMON) { /* it has no agent, which may say what it likes */
        const char *query = strchr(out.ptr, '?');
        check_redacted(query != NULL ? query : "", "&datastar=");
    }
    if (format == CSTAR_ACCESS_JSON) {
        CHECK(cstar_json_check(cstar_buf_view(&out), NULL, NULL) == CSTAR_OK);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static cstar_app *app; /* as long as the process */
    if (app == NULL) {
        app = make_app();
    }
    if (size == 0 || size > 8192) {
        return 0;
    }
    char *copy = malloc(size);
    CHECK(copy != NULL);
    memcpy(copy, data + 1, size - 1);
    const cstar_str text = cstar_view(copy, size - 1);
    switch (data[0] & 0xF0) {
    case 0xF0:
        run_session(text);
        break;
    case 0xE0:
        run_line(text, (cstar_access_format)(data[0] % 3));
        break;
    default:
        cstar_error_page(app, (data[0] & 0x10) != 0 ? error_page : NULL);
        run_request(app, data + 1, size - 1, data[0]);
    }
    free(copy);
    return 0;
}
