/* test_h2_hostile.c -- frames made by hand: malformed requests, floods, bombs, stalls. For each:
 * the code that the peer gets, that it is told once to the log, and that the machine ends or goes
 * on.
 * SPDX-License-Identifier: MIT */
#include "http/h2_parts.h"
#include "support/h2peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#if CSTAR_WITH_HTTP2

/* ---- frames --------------------------------------------------------------------------------- */

enum { END_STREAM = 1, END_HEADERS = 4, PADDED = 8, ACK = 1 };

static void put_head(cstar_buf *b, size_t length, uint8_t type, uint8_t flags, uint32_t id) {
    const unsigned char head[9] = {(unsigned char)(length >> 16),
                                   (unsigned char)(length >> 8),
                                   (unsigned char)length,
                                   type,
                                   flags,
                                   (unsigned char)(id >> 24),
                                   (unsigned char)(id >> 16),
                                   (unsigned char)(id >> 8),
                                   (unsigned char)id};
    cstar_buf_add(b, head, sizeof head);
}

static void put_frame(cstar_buf *b, uint8_t type, uint8_t flags, uint32_t id, const void *ptr,
                      size_t len) {
    put_head(b, len, type, flags, id);
    cstar_buf_add(b, ptr, len);
}

/* HPACK: an integer behind a prefix of `bits`, whose upper part is `first`. */
static void put_int(cstar_buf *b, unsigned first, unsigned bits, size_t n) {
    const size_t max = (1u << bits) - 1;
    if (n < max) {
        cstar_buf_byte(b, (char)(first | n));
        return;
    }
    cstar_buf_byte(b, (char)(first | max));
    for (n -= max; n >= 128; n /= 128) {
        cstar_buf_byte(b, (char)(n % 128 | 128));
    }
    cstar_buf_byte(b, (char)n);
}

static void put_field_bytes(cstar_buf *b, const char *name, const void *value, size_t len) {
    cstar_buf_byte(b, 0); /* literal, not indexed, new name */
    put_int(b, 0, 7, strlen(name));
    cstar_buf_puts(b, name);
    put_int(b, 0, 7, len);
    cstar_buf_add(b, value, len);
}

static void put_field(cstar_buf *b, const char *name, const char *value) {
    put_field_bytes(b, name, value, strlen(value));
}

static void put_get(cstar_buf *b) {
    put_field(b, ":method", "GET");
    put_field(b, ":scheme", "http");
    put_field(b, ":path", "/");
    put_field(b, ":authority", "a");
}

/* What a test works with: bytes for the server, and a header block. */
typedef struct rig {
    h2peer p;
    cstar_buf in, block;
    char seen[4096]; /* the server's frames as text */
} rig;

static void rig_init(rig *r, const cstar__h2_limits *limits) {
    h2peer_init(&r->p, cstar_heap(), limits);
    cstar_buf_init(&r->in, cstar_heap(), 16u << 20);
    cstar_buf_init(&r->block, cstar_heap(), 16u << 20);
    cstar_buf_puts(&r->in, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    put_frame(&r->in, NGHTTP2_SETTINGS, 0, 0, NULL, 0);
}

static void rig_fini(rig *r) {
    cstar_buf_fini(&r->in);
    cstar_buf_fini(&r->block);
    h2peer_fini(&r->p);
}

static void put_block(rig *r, uint32_t id, uint8_t flags) {
    put_frame(&r->in, NGHTTP2_HEADERS, flags, id, r->block.ptr, r->block.len);
    cstar_buf_reset(&r->block);
}

static void put_simple(rig *r, uint32_t id, uint8_t flags) {
    put_get(&r->block);
    put_block(r, id, flags | END_HEADERS);
}

static unsigned code_of(const unsigned char *p) {
    return (unsigned)p[0] << 24 | (unsigned)p[1] << 16 | (unsigned)p[2] << 8 | p[3];
}

/* "H1 D1e R3:7 G11": HEADERS, DATA (e: with END_STREAM), RST_STREAM with its code, GOAWAY with its
 * code. What only keeps things going is left out. */
static void see(rig *r) {
    const unsigned char *p = (const unsigned char *)r->p.out.ptr;
    const unsigned char *end = p + r->p.out.len;
    char *w = r->seen;
    *w = '\0';
    while (end - p >= 9) {
        const size_t length = (size_t)p[0] << 16 | (size_t)p[1] << 8 | p[2];
        const unsigned id = code_of(p + 5);
        assert_true((size_t)(end - p) >= 9 + length);
        const size_t room = sizeof r->seen - (size_t)(w - r->seen);
        assert_true(room > 40);
        const char *gap = w != r->seen ? " " : "";
        if (p[3] == NGHTTP2_HEADERS || p[3] == NGHTTP2_DATA) {
            w += snprintf(w, room, "%s%c%u%s", gap, p[3] == NGHTTP2_DATA ? 'D' : 'H', id,
                          (p[4] & END_STREAM) != 0 ? "e" : "");
        } else if (p[3] == NGHTTP2_RST_STREAM) {
            w += snprintf(w, room, "%sR%u:%u", gap, id, code_of(p + 9));
        } else if (p[3] == NGHTTP2_GOAWAY) {
            w += snprintf(w, room, "%sG%u", gap, code_of(p + 13));
        }
        p += 9 + length;
    }
    assert_ptr_equal(p, end);
    cstar_buf_reset(&r->p.out);
}

/* Feeds what was put, in pieces of `piece` bytes. */
static void feed_pieces(rig *r, size_t piece) {
    assert_int_equal(r->in.status, CSTAR_OK);
    for (size_t at = 0; at < r->in.len; at += piece) {
        const size_t n = r->in.len - at < piece ? r->in.len - at : piece;
        assert_int_equal(h2peer_feed(&r->p, r->in.ptr + at, n), CSTAR_OK);
    }
    cstar_buf_reset(&r->in);
    see(r);
}

static void feed(rig *r) { feed_pieces(r, SIZE_MAX / 2); }

/* ---- one frame, or a few -------------------------------------------------------------------- */

/* Each puts what it is named for. */
static void bad_magic(rig *r) {
    cstar_buf_reset(&r->in);
    cstar_buf_puts(&r->in, "PRI * HTTP/2.0\r\n\r\nSM\r\n\rX and on");
}
static void no_settings(rig *r) {
    cstar_buf_reset(&r->in);
    cstar_buf_puts(&r->in, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    put_simple(r, 1, END_STREAM);
}
static void good(rig *r) { put_simple(r, 1, END_STREAM); }
static void even_id(rig *r) { put_simple(r, 2, END_STREAM); }
static void zero_id(rig *r) { put_simple(r, 0, END_STREAM); }
static void data_on_idle(rig *r) { put_frame(&r->in, NGHTTP2_DATA, 0, 1, "x", 1); }
static void frame_too_long(rig *r) { put_head(&r->in, 16385, NGHTTP2_DATA, 0, 1); }
static void settings_of_five(rig *r) { put_frame(&r->in, NGHTTP2_SETTINGS, 0, 0, "12345", 5); }
static void settings_on_stream(rig *r) { put_frame(&r->in, NGHTTP2_SETTINGS, 0, 1, NULL, 0); }
static void settings_window(rig *r) {
    put_frame(&r->in, NGHTTP2_SETTINGS, 0, 0, "\0\4\x80\0\0\0", 6);
}
static void settings_many(rig *r) {
    put_head(&r->in, 6 * 40, NGHTTP2_SETTINGS, 0, 0);
    for (int i = 0; i < 40; i++) { /* the header table, there and back */
        cstar_buf_add(&r->in, i % 2 == 0 ? "\0\1\0\0\0\0" : "\0\1\0\0\x10\0", 6);
    }
}
static void settings_table(rig *r) { /* a table of 4 GiB: ours stays small */
    put_frame(&r->in, NGHTTP2_SETTINGS, 0, 0, "\0\1\xff\xff\xff\xff", 6);
    put_simple(r, 1, END_STREAM);
}
static void table_update(rig *r) { /* HPACK: the peer sets a size over ours */
    put_int(&r->block, 0x20, 5, 1u << 20);
    put_simple(r, 1, END_STREAM);
}
static void bad_index(rig *r) {
    put_int(&r->block, 0x80, 7, 4000);
    put_simple(r, 1, END_STREAM);
}
static void window_overflow(rig *r) {
    put_frame(&r->in, NGHTTP2_WINDOW_UPDATE, 0, 0, "\x7f\xff\xff\xff", 4);
}
static void window_zero(rig *r) { put_frame(&r->in, NGHTTP2_WINDOW_UPDATE, 0, 0, "\0\0\0\0", 4); }
static void window_zero_on_stream(rig *r) {
    put_simple(r, 1, 0);
    put_frame(&r->in, NGHTTP2_WINDOW_UPDATE, 0, 1, "\0\0\0\0", 4);
}
static void ping_of_seven(rig *r) { put_frame(&r->in, NGHTTP2_PING, 0, 0, "1234567", 7); }
static void push_promise(rig *r) {
    put_frame(&r->in, NGHTTP2_PUSH_PROMISE, END_HEADERS, 1, "\0\0\0\2\x82", 5);
}
static void lone_continuation(rig *r) {
    put_frame(&r->in, NGHTTP2_CONTINUATION, END_HEADERS, 1, "\x82", 1);
}
static void block_interrupted(rig *r) {
    put_get(&r->block);
    put_block(r, 1, END_STREAM);
    put_frame(&r->in, NGHTTP2_PING, 0, 0, "12345678", 8);
}
static void headers_again(rig *r) { /* on a stream that the client has ended */
    const char *path = "/later";
    put_field(&r->block, ":method", "GET");
    put_field(&r->block, ":scheme", "http");
    put_field(&r->block, ":path", path);
    put_field(&r->block, ":authority", "a");
    put_block(r, 1, END_STREAM | END_HEADERS);
    put_simple(r, 1, END_STREAM);
}
static void padding_too_long(rig *r) {
    put_simple(r, 1, 0);
    put_frame(&r->in, NGHTTP2_DATA, PADDED, 1, "\x09zzzz", 5);
}
static void trailers(rig *r) {
    put_simple(r, 1, 0);
    put_frame(&r->in, NGHTTP2_DATA, 0, 1, "body", 4);
    put_field(&r->block, "x-trailer", "1");
    put_block(r, 1, END_STREAM | END_HEADERS);
}
static void trailers_with_pseudo(rig *r) {
    put_simple(r, 1, 0);
    put_field(&r->block, ":path", "/other");
    put_block(r, 1, END_STREAM | END_HEADERS);
}
static void goaway(rig *r) {
    put_simple(r, 1, END_STREAM);
    put_frame(&r->in, NGHTTP2_GOAWAY, 0, 0, "\0\0\0\0\0\0\0\0", 8);
}
static void unknown_frame(rig *r) {
    put_frame(&r->in, 0x2a, 0xff, 77, "whatever", 8);
    put_simple(r, 1, END_STREAM);
}
static void split_block(rig *r) {
    put_get(&r->block);
    put_frame(&r->in, NGHTTP2_HEADERS, END_STREAM, 1, r->block.ptr, 10);
    put_frame(&r->in, NGHTTP2_CONTINUATION, END_HEADERS, 1, r->block.ptr + 10, r->block.len - 10);
    cstar_buf_reset(&r->block);
}

static const struct {
    const char *name;
    void (*put)(rig *r);
    const char *seen;
    size_t refusals;
} frames[] = {
    {"good", good, "H1 D1e", 0},
    {"bad magic", bad_magic, "G1", 1},
    {"no SETTINGS", no_settings, "G1", 1},
    {"even id", even_id, "G1", 1},
    {"stream 0", zero_id, "G1", 1},
    {"DATA on an idle stream", data_on_idle, "G1", 1},
    {"frame too long", frame_too_long, "G6", 1},
    {"SETTINGS of 5 bytes", settings_of_five, "G6", 1},
    {"SETTINGS on a stream", settings_on_stream, "G1", 1},
    {"SETTINGS with a window over 2^31", settings_window, "G3", 1},
    {"SETTINGS of 40 entries", settings_many, "G11", 1},
    {"SETTINGS with a huge table", settings_table, "H1 D1e", 0},
    {"HPACK table size over ours", table_update, "G9", 1},
    {"HPACK bad index", bad_index, "G9", 1},
    {"window overflow", window_overflow, "G3", 1},
    {"window update of 0", window_zero, "G1", 1},
    {"window update of 0 on a stream", window_zero_on_stream, "G1", 1},
    {"PING of 7 bytes", ping_of_seven, "G6", 1},
    {"PUSH_PROMISE", push_promise, "G1", 1},
    {"lone CONTINUATION", lone_continuation, "G1", 1},
    {"header block interrupted", block_interrupted, "G1", 1},
    {"HEADERS on a stream that was ended", headers_again, "G5", 1},
    {"padding longer than the frame", padding_too_long, "G1", 1},
    {"trailers", trailers, "H1 D1e", 0},
    {"trailers with a pseudo field", trailers_with_pseudo, "R1:1", 0},
    {"GOAWAY", goaway, "H1 D1e", 0},
    {"unknown frame", unknown_frame, "H1 D1e", 0},
    {"block in two frames", split_block, "H1 D1e", 0},
};

static void test_frames(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        for (size_t piece = 1; piece < 100000; piece = piece == 1   ? 7
                                                       : piece == 7 ? 99999
                                                                    : 100000) {
            rig r;
            rig_init(&r, NULL);
            frames[i].put(&r);
            feed_pieces(&r, piece);
            if (strcmp(r.seen, frames[i].seen) != 0 || r.p.refusals != frames[i].refusals) {
                fail_msg("%s, pieces of %zu: %s, %zu refusals", frames[i].name, piece, r.seen,
                         r.p.refusals);
            }
            if (strchr(r.seen, 'G') != NULL) { /* and that is the end */
                assert_true(cstar__h2_done(r.p.machine));
                assert_false(cstar__h2_wants_input(r.p.machine));
                assert_int_equal(r.p.refusal_status, 0);
                put_simple(&r, 101, END_STREAM);
                feed(&r);
                assert_string_equal(r.seen, "");
            }
            rig_fini(&r);
        }
    }
}

/* ---- requests ------------------------------------------------------------------------------- */

#define GET ":method", "GET"
#define HTTP ":scheme", "http"
#define ROOT ":path", "/"
#define HOST ":authority", "a"

static const struct {
    const char *name;
    const char *fields[16];
    const char *seen;
} requests[] = {
    {"no :method", {HTTP, ROOT, HOST}, "R1:1"},
    {"no :path", {GET, HTTP, HOST}, "R1:1"},
    {"no :scheme", {GET, ROOT, HOST}, "R1:1"},
    {"no authority", {GET, HTTP, ROOT}, "R1:1"},
    {"Host alone", {GET, HTTP, ROOT, "host", "a"}, "H1 D1e"},
    {"Host and :authority alike", {GET, HTTP, ROOT, HOST, "host", "A"}, "H1 D1e"},
    {"Host and :authority differ", {GET, HTTP, ROOT, HOST, "host", "b"}, "R1:1"},
    {"two Hosts", {GET, HTTP, ROOT, "host", "a", "host", "a"}, "R1:1"},
    {"two :authority", {GET, HTTP, ROOT, HOST, HOST}, "R1:1"},
    {"two :path", {GET, HTTP, ROOT, ROOT, HOST}, "R1:1"},
    {"two :method", {GET, GET, HTTP, ROOT, HOST}, "R1:1"},
    {"unknown pseudo field", {GET, HTTP, ROOT, HOST, ":tea", "1"}, "R1:1"},
    {":status in a request", {GET, HTTP, ROOT, HOST, ":status", "200"}, "R1:1"},
    {":protocol", {":method", "CONNECT", HTTP, ROOT, HOST, ":protocol", "websocket"}, "R1:1"},
    {"pseudo behind regular", {GET, HTTP, ROOT, "x-a", "1", HOST}, "R1:1"},
    {"upper-case name", {GET, HTTP, ROOT, HOST, "X-a", "1"}, "R1:1"},
    {"space in a name", {GET, HTTP, ROOT, HOST, "x a", "1"}, "R1:1"},
    {"CR in a value", {GET, HTTP, ROOT, HOST, "x-a", "1\r2"}, "R1:1"},
    {"LF in a value", {GET, HTTP, ROOT, HOST, "x-a", "1\nhost: b"}, "R1:1"},
    {"space before a value", {GET, HTTP, ROOT, HOST, "x-a", " 1"}, "R1:1"},
    {"connection", {GET, HTTP, ROOT, HOST, "connection", "close"}, "R1:1"},
    {"keep-alive", {GET, HTTP, ROOT, HOST, "keep-alive", "1"}, "R1:1"},
    {"proxy-connection", {GET, HTTP, ROOT, HOST, "proxy-connection", "x"}, "R1:1"},
    {"transfer-encoding", {GET, HTTP, ROOT, HOST, "transfer-encoding", "chunked"}, "R1:1"},
    {"upgrade", {GET, HTTP, ROOT, HOST, "upgrade", "h2c"}, "R1:1"},
    {"te: gzip", {GET, HTTP, ROOT, HOST, "te", "gzip"}, "R1:1"},
    {"te: trailers", {GET, HTTP, ROOT, HOST, "te", "trailers"}, "H1 D1e"},
    {"content-length without a body", {GET, HTTP, ROOT, HOST, "content-length", "3"}, "R1:1"},
    {"content-length 0", {GET, HTTP, ROOT, HOST, "content-length", "0"}, "H1 D1e"},
    {"content-length x", {GET, HTTP, ROOT, HOST, "content-length", "x"}, "R1:1"},
    {"content-length +1", {GET, HTTP, ROOT, HOST, "content-length", "+1"}, "R1:1"},
    {"content-length over 2^63",
     {GET, HTTP, ROOT, HOST, "content-length", "9223372036854775808"},
     "R1:1"},
    {"two content-lengths",
     {GET, HTTP, ROOT, HOST, "content-length", "0", "content-length", "0"},
     "R1:1"},
    {"path without slash", {GET, HTTP, ":path", "a", HOST}, "R1:1"},
    {"empty path", {GET, HTTP, ":path", "", HOST}, "R1:1"},
    {"absolute path", {GET, HTTP, ":path", "http://b/", HOST}, "R1:1"},
    {"star without OPTIONS", {GET, HTTP, ":path", "*", HOST}, "R1:1"},
    {"OPTIONS *", {":method", "OPTIONS", HTTP, ":path", "*", HOST}, "H1 D1e"},
    {"OPTIONS *x", {":method", "OPTIONS", HTTP, ":path", "*x", HOST}, "R1:1"},
    {"fragment in the path", {GET, HTTP, ":path", "/#a", HOST}, "R1:1"},
    {"space in the path", {GET, HTTP, ":path", "/a b", HOST}, "R1:1"},
    {"8-bit path", {GET, HTTP, ":path", "/\xc3\xa4", HOST}, "R1:1"},
    {"user in the authority", {GET, HTTP, ROOT, ":authority", "me@a"}, "R1:1"},
    {"slash in the authority", {GET, HTTP, ROOT, ":authority", "a/b"}, "R1:1"},
    {"empty authority", {GET, HTTP, ROOT, ":authority", ""}, "R1:1"},
    {"port too long", {GET, HTTP, ROOT, ":authority", "a:123456"}, "R1:1"},
    {"IPv6", {GET, HTTP, ROOT, ":authority", "[::1]:8080"}, "H1 D1e"},
    {"scheme ftp", {GET, ":scheme", "ftp", ROOT, HOST}, "R1:1"},
    {"scheme HTTPS", {GET, ":scheme", "HTTPS", ROOT, HOST}, "H1 D1e"},
    {"CONNECT", {":method", "CONNECT", HOST}, "H1 D1e"}, /* 501 */
    {"CONNECT with a path", {":method", "CONNECT", HTTP, ROOT, HOST}, "R1:1"},
    {"method get", {":method", "get", HTTP, ROOT, HOST}, "H1 D1e"}, /* 501 */
    {"method with a space", {":method", "GET /", HTTP, ROOT, HOST}, "R1:1"},
    {"expect tea", {GET, HTTP, ROOT, HOST, "expect", "tea"}, "H1 D1e"}, /* 417 */
};

static void test_requests(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        rig r;
        rig_init(&r, NULL);
        for (size_t k = 0; k + 1 < 16 && requests[i].fields[k] != NULL; k += 2) {
            put_field(&r.block, requests[i].fields[k], requests[i].fields[k + 1]);
        }
        put_block(&r, 1, END_STREAM | END_HEADERS);
        feed(&r);
        if (strcmp(r.seen, requests[i].seen) != 0) {
            fail_msg("%s: %s", requests[i].name, r.seen);
        }
        assert_int_equal(r.p.heads, r.p.closes);
        assert_true(strcmp(r.seen, "R1:1") != 0 || r.p.heads == 0);
        put_simple(&r, 3, END_STREAM); /* the connection has taken no harm */
        feed(&r);
        assert_string_equal(r.seen, "H3 D3e");
        rig_fini(&r);
    }
}

static void test_length_mismatch(void **state) {
    (void)state;
    static const struct {
        const char *body;
        const char *seen;
        size_t heads;
    } cases[] = {{"12", "R1:1", 1}, {"123", "H1 D1e", 1}, {"1234", "R1:1", 1}};
    for (size_t i = 0; i < 3; i++) {
        rig r;
        rig_init(&r, NULL);
        put_get(&r.block);
        put_field(&r.block, "content-length", "3");
        put_block(&r, 1, END_HEADERS);
        put_frame(&r.in, NGHTTP2_DATA, END_STREAM, 1, cases[i].body, strlen(cases[i].body));
        feed(&r);
        assert_string_equal(r.seen, cases[i].seen);
        assert_int_equal(r.p.ends, i == 1);
        assert_int_equal(r.p.broken, i != 1);
        rig_fini(&r);
    }
}

/* ---- sizes ---------------------------------------------------------------------------------- */

static void put_get_path(cstar_buf *b, size_t path) {
    char *text = malloc(path + 1);
    assert_non_null(text);
    memset(text, 'a', path);
    text[0] = '/';
    text[path] = '\0';
    put_field(b, ":method", "GET");
    put_field(b, ":scheme", "http");
    put_field(b, ":path", text);
    put_field(b, ":authority", "a");
    free(text);
}

/* HEADERS and as many CONTINUATION frames as the block needs, `piece` bytes each. */
static void put_long_block(rig *r, uint32_t id, size_t piece) {
    for (size_t at = 0; at < r->block.len; at += piece) {
        const size_t left = r->block.len - at;
        const size_t n = left < piece ? left : piece;
        put_frame(&r->in, at == 0 ? NGHTTP2_HEADERS : NGHTTP2_CONTINUATION,
                  (uint8_t)((at == 0 ? END_STREAM : 0) | (n == left ? END_HEADERS : 0)), id,
                  r->block.ptr + at, n);
    }
    cstar_buf_reset(&r->block);
}

static void test_sizes(void **state) {
    (void)state;
    static const struct {
        size_t path, fields, value, crumbs;
        int refusal;
    } cases[] = {
        {1, 0, 0, 0, 0},       {16384, 0, 0, 0, 0}, {16385, 0, 0, 0, 414}, {1, 100, 10, 0, 0},
        {1, 101, 10, 0, 431},  {1, 1, 16000, 0, 0}, {1, 2, 16000, 0, 0},   {1, 2, 16300, 0, 431},
        {1, 3, 16000, 0, 431}, {1, 90, 0, 150, 0},  {1, 100, 0, 150, 431}, {16385, 101, 0, 0, 414},
        {1, 0, 0, 900, 431},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rig r;
        rig_init(&r, NULL);
        r.p.quiet = true;
        char *value = calloc(1, cases[i].value + 1);
        assert_non_null(value);
        memset(value, 'v', cases[i].value);
        put_get_path(&r.block, cases[i].path);
        for (size_t k = 0; k < cases[i].fields; k++) {
            put_field(&r.block, "x", value);
        }
        for (size_t k = 0; k < cases[i].crumbs; k++) {
            put_field(&r.block, "cookie", "a=1");
        }
        free(value);
        put_long_block(&r, 1, 16384);
        feed(&r);
        if (r.p.refusal_status != cases[i].refusal || strcmp(r.seen, "H1 D1e") != 0) {
            fail_msg("case %zu: %d %s", i, r.p.refusal_status, r.seen);
        }
        assert_int_equal(r.p.heads, cases[i].refusal == 0);
        put_simple(&r, 3, END_STREAM);
        feed(&r);
        assert_string_equal(r.seen, "H3 D3e");
        rig_fini(&r);
    }
}

static void expect_end(rig *r, unsigned code, const char *why) {
    char text[16];
    (void)snprintf(text, sizeof text, "G%u", code);
    if (strstr(r->seen, text) == NULL || r->p.refusal == NULL || strcmp(r->p.refusal, why) != 0) {
        fail_msg("not G%u \"%s\" but %s \"%s\"", code, why, r->seen,
                 r->p.refusal != NULL ? r->p.refusal : "");
    }
    assert_int_equal(r->p.refusal_status, 0);
    assert_true(cstar__h2_done(r->p.machine));
    assert_false(cstar__h2_cut(r->p.machine)); /* the peer is told */
    assert_int_equal(r->p.heads, r->p.closes);
}

/* A field of 4,000 bytes in the table, and then a reference to it in each byte. */
static void test_hpack_bomb(void **state) {
    (void)state;
    for (int on_trailers = 0; on_trailers < 2; on_trailers++) {
        rig r;
        rig_init(&r, NULL);
        r.p.quiet = true;
        char value[4000];
        memset(value, 'v', sizeof value);
        put_get(&r.block);
        cstar_buf_byte(&r.block, 0x40); /* literal, indexed */
        put_int(&r.block, 0, 7, 1);
        cstar_buf_puts(&r.block, "x");
        put_int(&r.block, 0, 7, sizeof value);
        cstar_buf_add(&r.block, value, sizeof value);
        if (on_trailers != 0) {
            put_block(&r, 1, END_HEADERS);
        }
        for (int i = 0; i < 12000; i++) {
            cstar_buf_byte(&r.block, (char)(0x80 | 62));
        }
        put_block(&r, 1, END_STREAM | END_HEADERS);
        feed(&r);
        expect_end(&r, NGHTTP2_ENHANCE_YOUR_CALM, "header list bomb");
        rig_fini(&r);
    }
}

static void test_continuation_flood(void **state) {
    (void)state;
    for (int small = 0; small < 3; small++) {
        rig r;
        rig_init(&r, NULL);
        put_get(&r.block);
        put_frame(&r.in, NGHTTP2_HEADERS, END_STREAM, 1, r.block.ptr, r.block.len);
        cstar_buf_reset(&r.block);
        const size_t piece = small == 0 ? 16000 : small == 1 ? 4 : 0;
        char value[16000];
        memset(value, 'v', sizeof value);
        for (int i = 0; i < 100; i++) {
            if (piece > 4) {
                put_field_bytes(&r.block, "x", value, piece - 8);
            } else if (piece != 0) {
                cstar_buf_add(&r.block, "\0\1x\0", 4);
            }
            put_frame(&r.in, NGHTTP2_CONTINUATION, 0, 1, r.block.ptr, r.block.len);
            cstar_buf_reset(&r.block);
        }
        feed_pieces(&r, 1000);
        expect_end(&r, NGHTTP2_ENHANCE_YOUR_CALM, "CONTINUATION flood");
        rig_fini(&r);
    }
}

/* ---- floods --------------------------------------------------------------------------------- */

typedef struct flood {
    const char *name;
    void (*before)(rig *r);
    void (*one)(rig *r, uint32_t i);
    uint32_t limit; /* so many are let pass */
    const char *why;
} flood;

static void nothing(rig *r) { (void)r; }
static void open_one(rig *r) { put_simple(r, 1, 0); }
static void close_one(rig *r) {
    put_simple(r, 1, 0);
    put_frame(&r->in, NGHTTP2_RST_STREAM, 0, 1, "\0\0\0\x08", 4);
}
static void one_reset(rig *r, uint32_t i) {
    put_simple(r, 2 * i + 1, END_STREAM);
    put_frame(&r->in, NGHTTP2_RST_STREAM, 0, 2 * i + 1, "\0\0\0\x08", 4);
}
static void one_provoked(rig *r, uint32_t i) { /* a request that has to be reset */
    put_field(&r->block, ":method", "GET");
    put_block(r, 2 * i + 1, END_STREAM | END_HEADERS);
}
static void one_malformed(rig *r, uint32_t i) { /* one that we reset ourselves */
    put_get(&r->block);
    put_field(&r->block, "host", "other");
    put_block(r, 2 * i + 1, END_STREAM | END_HEADERS);
}
static void one_made_reset(rig *r, uint32_t i) { /* a good one, then a window over 2^31 */
    put_simple(r, 2 * i + 1, 0);
    put_frame(&r->in, NGHTTP2_WINDOW_UPDATE, 0, 2 * i + 1, "\x7f\xff\xff\xff", 4);
}
static void one_ping(rig *r, uint32_t i) {
    (void)i;
    put_frame(&r->in, NGHTTP2_PING, 0, 0, "12345678", 8);
}
static void one_settings(rig *r, uint32_t i) {
    put_frame(&r->in, NGHTTP2_SETTINGS, 0, 0, i % 2 == 0 ? "\0\1\0\0\0\0" : "\0\1\0\0\x10\0", 6);
}
static void one_ping_ack(rig *r, uint32_t i) {
    (void)i;
    put_frame(&r->in, NGHTTP2_PING, ACK, 0, "12345678", 8);
}
static void one_priority(rig *r, uint32_t i) {
    put_frame(&r->in, NGHTTP2_PRIORITY, 0, 2 * i + 1001, "\0\0\0\0\x10", 5);
}
static void one_unknown(rig *r, uint32_t i) {
    put_frame(&r->in, (uint8_t)(0x20 + i % 64), 0xff, i, "", 0);
}
static void one_update(rig *r, uint32_t i) {
    (void)i;
    put_frame(&r->in, NGHTTP2_WINDOW_UPDATE, 0, 0, "\0\0\0\1", 4);
}
static void one_empty_data(rig *r, uint32_t i) {
    (void)i;
    put_frame(&r->in, NGHTTP2_DATA, 0, 1, "", 0);
}
static void one_padding(rig *r, uint32_t i) {
    (void)i;
    put_frame(&r->in, NGHTTP2_DATA, PADDED, 1, "\3\0\0\0", 4);
}
static void one_stray(rig *r, uint32_t i) {
    (void)i;
    put_frame(&r->in, NGHTTP2_DATA, 0, 1, "x", 1);
}

static void one_late_head(rig *r, uint32_t i) {
    (void)i;
    put_simple(r, 1, END_STREAM);
}

static const flood floods[] = {
    {"rapid reset", nothing, one_reset, 100, "rapid reset"},
    {"provoked resets", nothing, one_provoked, 100, "provoked resets"},
    {"malformed requests", nothing, one_malformed, 100, "provoked resets"},
    {"resets made by windows", nothing, one_made_reset, 100, "provoked resets"},
    {"PING", nothing, one_ping, 49, "PING or SETTINGS flood"}, /* and one SETTINGS before */
    {"SETTINGS", nothing, one_settings, 49, "PING or SETTINGS flood"},
    {"PING ACK", nothing, one_ping_ack, 500, "useless frames"},
    {"PRIORITY", nothing, one_priority, 500, "useless frames"},
    {"unknown frames", nothing, one_unknown, 500, "useless frames"},
    {"WINDOW_UPDATE", nothing, one_update, 1000, "WINDOW_UPDATE flood"},
    {"empty DATA", open_one, one_empty_data, 50, "empty frames"},
    {"DATA that is padding", open_one, one_padding, 50, "empty frames"},
    {"DATA on a closed stream", close_one, one_stray, 1000, "DATA on closed streams"},
    {"HEADERS on a closed stream", close_one, one_late_head, 1000, "HEADERS on closed streams"},
};

/* Up to the limit nothing happens; a second later as many are fine again; one more is the end. */
static void test_floods(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof floods / sizeof floods[0]; i++) {
        const flood *f = &floods[i];
        rig r;
        rig_init(&r, NULL);
        r.p.quiet = true;
        f->before(&r);
        uint32_t n = 0;
        for (uint32_t k = 0; k < f->limit; k++) {
            f->one(&r, n++);
        }
        /* in pieces, as the driver does: what it provokes goes out in between */
        feed_pieces(&r, 400);
        const size_t before = r.p.refusals;
        if (cstar__h2_done(r.p.machine)) {
            fail_msg("%s: too early: %s", f->name, r.p.refusal);
        }
        cstar__h2_tick(r.p.machine, 5000);
        f->one(&r, n++);
        feed(&r);
        assert_false(cstar__h2_done(r.p.machine));
        for (uint32_t k = 0; k < f->limit + 50; k++) {
            f->one(&r, n++);
        }
        feed_pieces(&r, 4000);
        expect_end(&r, NGHTTP2_ENHANCE_YOUR_CALM, f->why);
        assert_true(r.p.refusals <= before + f->limit + 2);
        rig_fini(&r);
    }
}

/* Trailers are HEADERS on a stream that has begun before, and no strays. */
static void test_trailers_are_no_strays(void **state) {
    (void)state;
    rig r;
    const cstar__h2_limits limits = {.strays = 1};
    rig_init(&r, &limits);
    for (uint32_t i = 0; i < 50; i++) {
        put_simple(&r, 2 * i + 1, 0);
        put_frame(&r.in, NGHTTP2_DATA, 0, 2 * i + 1, "x", 1);
        put_field(&r.block, "x-trailer", "1");
        put_block(&r, 2 * i + 1, END_STREAM | END_HEADERS);
    }
    feed(&r);
    assert_int_equal(r.p.ends, 50);
    assert_int_equal(r.p.machine->guard.count.strays, 0);
    assert_false(cstar__h2_done(r.p.machine));
    rig_fini(&r);
}

/* Reported once, whatever follows. */
static void test_reported_once(void **state) {
    (void)state;
    rig r;
    rig_init(&r, NULL);
    for (uint32_t k = 0; k < 10000; k++) {
        one_ping(&r, k);
    }
    feed(&r);
    expect_end(&r, NGHTTP2_ENHANCE_YOUR_CALM, "PING or SETTINGS flood");
    assert_int_equal(r.p.refusals, 1);
    rig_fini(&r);
}

/* WINDOW_UPDATE for what was sent is no flood. */
static void test_update_credit(void **state) {
    (void)state;
    const cstar__h2_limits limits = {.updates = 5};
    h2peer p;
    h2peer_init_window(&p, cstar_heap(), &limits, 500);
    for (int i = 0; i < 5; i++) {
        int32_t id = h2peer_get(&p, "/big");
        h2peer_run(&p);
        assert_string_equal(h2peer_answer(&p, id), "200 [300000]");
    }
    assert_int_equal(p.refusals, 0);
    h2peer_fini(&p);
}

static void put_open(rig *r, uint32_t id) {
    put_field(&r->block, ":method", "GET");
    put_field(&r->block, ":scheme", "http");
    put_field(&r->block, ":path", "/later");
    put_field(&r->block, ":authority", "a");
    put_block(r, id, END_STREAM | END_HEADERS);
}

/* Also after the client has acknowledged our SETTINGS: it is the stream that is refused. */
static void test_refused_streams(void **state) {
    (void)state;
    for (int acked = 0; acked < 2; acked++) {
        const cstar__h2_limits limits = {.max_streams = 3};
        rig r;
        rig_init(&r, &limits);
        if (acked != 0) {
            put_frame(&r.in, NGHTTP2_SETTINGS, ACK, 0, NULL, 0);
        }
        for (uint32_t i = 0; i < 5; i++) {
            put_open(&r, 2 * i + 1);
        }
        feed(&r);
        assert_string_equal(r.seen, "R7:7 R9:7");
        assert_int_equal(r.p.heads, 3);
        h2peer_finish(&r.p);
        (void)cstar__h2_resume(r.p.machine);
        see(&r);
        assert_true(cstar__h2_idle(r.p.machine));
        put_open(&r, 11);
        feed(&r);
        assert_string_equal(r.seen, "");
        assert_int_equal(r.p.heads, 4);
        for (uint32_t i = 0; i < 110; i++) {
            put_open(&r, 2 * i + 13);
        }
        feed(&r);
        expect_end(&r, NGHTTP2_ENHANCE_YOUR_CALM, "provoked resets");
        rig_fini(&r);
    }
}

/* ---- time ----------------------------------------------------------------------------------- */

static void test_slow_block(void **state) {
    (void)state;
    for (int inside = 0; inside < 2; inside++) { /* of a frame; between two */
        rig r;
        rig_init(&r, NULL);
        cstar__h2_tick(r.p.machine, 1000);
        put_get(&r.block);
        put_block(&r, 1, END_STREAM);
        r.in.len -= inside == 0 ? 5 : 0;
        feed(&r);
        cstar__h2_tick(r.p.machine, 10999);
        assert_false(cstar__h2_done(r.p.machine));
        cstar__h2_tick(r.p.machine, 11000);
        see(&r);
        expect_end(&r, NGHTTP2_ENHANCE_YOUR_CALM, "header block timed out");
        rig_fini(&r);
    }
}

static void test_closed_window(void **state) {
    (void)state;
    const cstar__h2_limits limits = {.write_ms = 5000};
    rig r;
    rig_init(&r, &limits);
    cstar__h2_tick(r.p.machine, 1000);
    put_frame(&r.in, NGHTTP2_SETTINGS, 0, 0, "\0\4\0\0\0\0", 6); /* windows of 0 */
    put_simple(&r, 1, END_STREAM);
    put_simple(&r, 3, END_STREAM);
    feed(&r);
    assert_string_equal(r.seen, "H1 H3");
    cstar__h2_tick(r.p.machine, 4000);
    put_frame(&r.in, NGHTTP2_WINDOW_UPDATE, 0, 1, "\0\0\0\1", 4);
    feed(&r);
    assert_string_equal(r.seen, "D1"); /* this one has moved */
    cstar__h2_tick(r.p.machine, 6000);
    see(&r);
    assert_string_equal(r.seen, "R3:8");
    assert_int_equal(r.p.refusals, 1);
    assert_string_equal(r.p.refusal, "a response is not taken");
    cstar__h2_tick(r.p.machine, 9000);
    see(&r);
    assert_string_equal(r.seen, "R1:8");
    assert_int_equal(r.p.refusals, 1); /* once */
    assert_int_equal(r.p.broken, 2);
    assert_true(cstar__h2_idle(r.p.machine));
    assert_false(cstar__h2_done(r.p.machine));
    rig_fini(&r);
}

/* ---- every cut ------------------------------------------------------------------------------ */

/* Whatever the table above holds ends the same way wherever it is cut in two, and does no harm if
 * it ends there. */
static void test_every_cut(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        size_t length = 1;
        for (size_t cut = 0; cut < length; cut++) {
            rig r;
            rig_init(&r, NULL);
            frames[i].put(&r);
            length = r.in.len;
            assert_int_equal(h2peer_feed(&r.p, r.in.ptr, cut), CSTAR_OK);
            if (cut % 3 == 0) { /* the connection is lost here */
                cstar__h2_eof(r.p.machine);
                cstar_buf_reset(&r.p.out);
                assert_true(cstar__h2_done(r.p.machine));
            } else {
                assert_int_equal(h2peer_feed(&r.p, r.in.ptr + cut, r.in.len - cut), CSTAR_OK);
                see(&r);
                assert_string_equal(r.seen, frames[i].seen);
            }
            rig_fini(&r);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames),          cmocka_unit_test(test_requests),
        cmocka_unit_test(test_length_mismatch), cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_hpack_bomb),      cmocka_unit_test(test_continuation_flood),
        cmocka_unit_test(test_floods),          cmocka_unit_test(test_trailers_are_no_strays),
        cmocka_unit_test(test_reported_once),   cmocka_unit_test(test_update_credit),
        cmocka_unit_test(test_refused_streams), cmocka_unit_test(test_slow_block),
        cmocka_unit_test(test_closed_window),   cmocka_unit_test(test_every_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else
int main(void) { return 77; }
#endif
