/* fuzz_redirect.c -- a redirect that the policy lets pass stays where a browser's own reading of
 * the URL says it may.
 *
 * Input: a byte of flags, then the URL. The oracle below reads the URL as the WHATWG URL standard
 * does (trim, drop tab and line breaks, backslash is slash), which is another algorithm than the
 * policy's, and must never find another origin than our own (or, with the opt-ins, a scheme other
 * than http and https).
 *
 * SPDX-License-Identifier: MIT */
#include "cstar/wire.h"

#include <stdlib.h>

#define OWN_HOST "www.example.com"
#define OWN_ORIGIN "http://www.example.com"
#define ALLOWED "ok.example"

static void check(bool holds) {
    if (!holds) {
        abort();
    }
}

/* ---- the browser ---- */

typedef struct destination {
    bool absolute;
    bool web; /* http or https */
    bool secure;
    cstar_str host;
    cstar_str port;
} destination;

static bool is_slash(char c) { return c == '/' || c == '\\'; }

static cstar_str trimmed(const char *url, size_t len, char *clean) {
    size_t n = 0;
    while (len > 0 && (unsigned char)url[0] <= 0x20) {
        url++;
        len--;
    }
    while (len > 0 && (unsigned char)url[len - 1] <= 0x20) {
        len--;
    }
    for (size_t i = 0; i < len; i++) {
        if (url[i] != '\t' && url[i] != '\n' && url[i] != '\r') {
            clean[n++] = url[i];
        }
    }
    return cstar_view(clean, n);
}

static size_t scheme_length(cstar_str s) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool alpha = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (c == ':' && i > 0) {
            return i;
        }
        if (!alpha && (i == 0 || !((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.'))) {
            break;
        }
    }
    return 0;
}

static void read_authority(cstar_str rest, destination *d) {
    size_t end = 0;
    while (end < rest.len && !is_slash(rest.ptr[end]) && rest.ptr[end] != '?' &&
           rest.ptr[end] != '#') {
        end++;
    }
    size_t host = 0;
    for (size_t i = 0; i < end; i++) {
        host = rest.ptr[i] == '@' ? i + 1 : host;
    }
    size_t colon = end;
    for (size_t i = end; i > host && rest.ptr[i - 1] != ']'; i--) {
        colon = rest.ptr[i - 1] == ':' ? i - 1 : colon;
    }
    d->host = cstar_view(rest.ptr + host, colon - host);
    d->port = colon < end ? cstar_view(rest.ptr + colon + 1, end - colon - 1) : cstar_view("", 0);
}

static destination browse(cstar_str s) {
    destination d = {.absolute = false};
    size_t scheme = scheme_length(s);
    size_t at = 0;
    if (scheme != 0) {
        cstar_str name = cstar_view(s.ptr, scheme);
        d.absolute = true;
        d.secure = cstar_str_ieq(name, CSTAR_STR("https"));
        d.web = d.secure || cstar_str_ieq(name, CSTAR_STR("http"));
        at = scheme + 1;
        if (!d.web) {
            return d;
        }
    } else if (s.len >= 2 && is_slash(s.ptr[0]) && is_slash(s.ptr[1])) {
        d.absolute = true;
        d.web = true;
    }
    if (d.absolute) {
        while (at < s.len && is_slash(s.ptr[at])) {
            at++;
        }
        read_authority(cstar_view(s.ptr + at, s.len - at), &d);
    }
    return d;
}

static void check_destination(destination d, bool external, bool listed) {
    if (!d.absolute) {
        return;
    }
    check(d.web);
    bool own = !d.secure && cstar_str_ieq(d.host, CSTAR_STR(OWN_HOST)) &&
               (d.port.len == 0 || strtoul(d.port.ptr, NULL, 10) == 80);
    bool allowed = listed && cstar_str_ieq(d.host, CSTAR_STR(ALLOWED));
    check(own || allowed || external);
}

/* ---- what was written is the URL, whole ---- */

static void check_literal(cstar_str bytes, cstar_str url) {
    static const char head[] = "href=";
    cstar_arena arena;
    cstar_json_opts any = {.any_root = true};
    size_t from = 0;
    while (from + 5 < bytes.len && memcmp(bytes.ptr + from, head, 5) != 0) {
        from++;
    }
    from += 5;
    size_t tail = strlen("},0)</script>\n\n");
    check(bytes.len > from + tail && bytes.ptr[from] == '"');
    cstar_str literal = cstar_view(bytes.ptr + from, bytes.len - tail - from);
    char *json = malloc(literal.len + 1);
    check(json != NULL);
    size_t n = 0;
    for (size_t i = 0; i < literal.len; i++) { /* undo what JSON does not have */
        if (literal.len - i >= 4 && memcmp(literal.ptr + i, "\\x3C", 4) == 0 &&
            (n == 0 || json[n - 1] != '\\')) {
            json[n++] = '<';
            i += 3;
        } else {
            json[n++] = literal.ptr[i];
        }
    }
    cstar_arena_init(&arena, cstar_heap(), 16 << 20);
    const cstar_json *value = cstar_json_read(&arena, cstar_view(json, n), &any, NULL);
    check(value != NULL && cstar_str_eq(cstar_json_view(value), url));
    cstar_arena_fini(&arena);
    free(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const allow[] = {ALLOWED};
    if (size < 1) {
        return 0;
    }
    cstar_str url = cstar_view((const char *)data + 1, size - 1);
    cstar_redirect r = {.url_str = url, .origin = OWN_ORIGIN, .external = (data[0] & 1) != 0};
    if ((data[0] & 2) != 0) {
        r.allow = allow;
        r.nallow = 1;
    }
    cstar_buf out;
    cstar_err err = {.code = CSTAR_OK};
    cstar_buf_init(&out, cstar_heap(), 16 << 20);
    if (cstar_format_redirect(&out, &r, &err) == CSTAR_OK) {
        char *clean = malloc(size);
        check(clean != NULL);
        check_destination(browse(trimmed(url.ptr, url.len, clean)), r.external, r.nallow != 0);
        free(clean);
        if (!(url.len >= 4 && memchr(url.ptr, '\\', url.len) !=
                                  NULL)) { /* "\x3C" of the URL's own would confuse the undoing */
            check_literal(cstar_buf_view(&out), url);
        }
    } else {
        check(out.len == 0 && err.where != NULL && strcmp(err.where, "url") == 0);
    }
    cstar_buf_fini(&out);
    return 0;
}
