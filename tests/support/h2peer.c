/* h2peer.c -- see h2peer.h.
 * SPDX-License-Identifier: MIT */
#include "support/h2peer.h"

#if CSTAR_WITH_HTTP2

#include <stdlib.h>

/* ---- handler -------------------------------------------------------------------------------- */

static void log_head(h2peer *p, const cstar__request *q) {
    cstar_buf *b = &p->log;
    answerer_log_line(&p->answerer, q);
    cstar_buf_puts(b, q->minor == 2 ? " 2 " : " ? ");
    cstar_buf_str(b, q->authority);
    cstar_buf_byte(b, ' ');
    cstar_buf_int(b, q->content_length);
    cstar_buf_byte(b, '\n');
    for (size_t i = 0; i < q->nfields; i++) {
        cstar_buf_puts(b, "  ");
        cstar_buf_str(b, q->fields[i].name);
        cstar_buf_puts(b, ": ");
        cstar_buf_str(b, q->fields[i].value);
        cstar_buf_byte(b, '\n');
    }
}

static void wait_with(h2peer *p, cstar__exchange *x) {
    CHECK(p->nwaiting < H2PEER_WAITING);
    p->waiting[p->nwaiting++] = x;
}

static void on_head(void *ctx, cstar__exchange *x) {
    h2peer *p = ctx;
    answerer_enter(&p->answerer);
    p->heads++;
    if (!p->quiet) {
        log_head(p, &x->request);
    }
    cstar_buf *body = cstar_arena_alloc(&x->arena, sizeof *body);
    x->user = body;
    if (body != NULL) {
        cstar_buf_init(body, cstar_arena_allocator(&x->arena), 4 << 20);
    }
    x->max_body = answerer_asked(x, "/limit") ? 10 : 4u << 20;
    if (answerer_asked(x, "/early")) {
        answerer_say(&p->answerer, x, 403, CSTAR_STR("no"));
    } else if (answerer_asked(x, "/early-file")) {
        (void)answerer_respond_from(&p->answerer, x);
    }
    p->inside = false;
}

static void on_body(void *ctx, cstar__exchange *x, const char *ptr, size_t len) {
    h2peer *p = ctx;
    answerer_enter(&p->answerer);
    CHECK(len != 0 && x->state == CSTAR__RESPONSE_NONE && x->body_seen <= x->max_body);
    if (x->user != NULL) {
        cstar_buf_add(x->user, ptr, len);
    }
    if (answerer_asked(x, "/mid")) {
        answerer_say(&p->answerer, x, 200, CSTAR_STR("enough"));
    }
    p->inside = false;
}

static void answer_odd(h2peer *p, cstar__exchange *x) {
    static const cstar__field odd[] = {{{"X-UPPER", 7}, {" trimmed \t", 10}},
                                       {{"Set-Cookie", 10}, {"a=1", 3}},
                                       {{"x-empty", 7}, {"", 0}}};
    static const cstar__field bad[] = {{{"Connection", 10}, {"close", 5}},
                                       {{"Proxy-Connection", 16}, {"close", 5}}};
    CHECK(cstar__respond(x, 200, bad, 1, CSTAR_STR("no")) == CSTAR_EINVAL);
    CHECK(cstar__respond(x, 200, bad + 1, 1, CSTAR_STR("no")) == CSTAR_EINVAL);
    p->responded = cstar__respond(x, 200, odd, 3, CSTAR_STR("odd"));
}

static void respond_by_path(h2peer *p, cstar__exchange *x) {
    const cstar__field wide = {{"x-wide", 6}, {p->kept, 70000}};
    if (answerer_asked(x, "/later")) {
        x->later = true;
        wait_with(p, x);
    } else if (answerer_asked(x, "/stream")) {
        answerer_open(&p->answerer, x);
        if (p->responded == CSTAR_OK) {
            p->responded = cstar__respond_end(x);
        } else {
            cstar__respond_abort(x); /* not cut short in silence */
        }
    } else if (answerer_asked(x, "/open")) {
        wait_with(p, x);
        answerer_open(&p->answerer, x);
    } else if (answerer_asked(x, "/no-content") || answerer_asked(x, "/not-modified")) {
        answerer_say(&p->answerer, x, answerer_asked(x, "/no-content") ? 204 : 304, CSTAR_STR(""));
    } else if (answerer_asked(x, "/big")) {
        answerer_say(&p->answerer, x, 200, cstar_view(p->kept, H2PEER_BIG));
    } else if (answerer_asked(x, "/echo")) {
        answerer_say(&p->answerer, x, 200,
                     x->user != NULL ? cstar_buf_view(x->user) : CSTAR_STR(""));
    } else if (answerer_asked(x, "/odd")) {
        answer_odd(p, x);
    } else if (answerer_asked(x, "/wide")) {
        p->responded = cstar__respond(x, 200, &wide, 1, CSTAR_STR(""));
    } else {
        answerer_respond(&p->answerer, x);
    }
}

static void on_end(void *ctx, cstar__exchange *x) {
    h2peer *p = ctx;
    answerer_enter(&p->answerer);
    CHECK(x->state == CSTAR__RESPONSE_NONE && !x->broken);
    p->ends++;
    if (!p->quiet) {
        cstar_buf_puts(&p->log, "end ");
        cstar_buf_str(&p->log, x->request.path);
        cstar_buf_puts(&p->log, " body ");
        cstar_buf_uint(&p->log, x->body_seen);
        cstar_buf_byte(&p->log, '\n');
    }
    respond_by_path(p, x);
    p->inside = false;
}

static void on_close(void *ctx, cstar__exchange *x) {
    h2peer *p = ctx;
    answerer_enter(&p->answerer);
    p->closes++;
    p->broken += x->broken;
    CHECK(p->closes <= p->heads);
    CHECK(x->broken || x->state == CSTAR__RESPONSE_DONE);
    for (size_t i = 0; i < p->nwaiting; i++) {
        if (p->waiting[i] == x) {
            p->waiting[i--] = p->waiting[--p->nwaiting];
        }
    }
    p->inside = false;
}

static void on_refuse(void *ctx, int status, const char *why) {
    h2peer *p = ctx;
    CHECK(why != NULL && why[0] != '\0');
    p->refusals++;
    p->refusal = why;
    p->refusal_status = status;
    cstar_buf_puts(&p->log, "refuse ");
    cstar_buf_int(&p->log, status);
    cstar_buf_byte(&p->log, ' ');
    cstar_buf_puts(&p->log, why);
    cstar_buf_byte(&p->log, '\n');
}

/* ---- client --------------------------------------------------------------------------------- */

h2peer_stream *h2peer_stream_of(h2peer *p, int32_t id) {
    CHECK(id > 0 && id / 2 < H2PEER_STREAMS);
    return &p->streams[id / 2];
}

static int got_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                      size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                      void *user) {
    h2peer *p = user;
    h2peer_stream *s = h2peer_stream_of(p, frame->hd.stream_id);
    (void)session;
    (void)flags;
    if (name_len == 7 && memcmp(name, ":status", 7) == 0) {
        int status = atoi((const char *)value);
        s->continues += status == 100;
        s->status = status != 100 ? status : s->status;
        return 0;
    }
    cstar_buf_add(&s->fields, name, name_len);
    cstar_buf_puts(&s->fields, ": ");
    cstar_buf_add(&s->fields, value, value_len);
    cstar_buf_byte(&s->fields, '\n');
    return 0;
}

static int got_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *ptr,
                    size_t len, void *user) {
    (void)session;
    (void)flags;
    cstar_buf_add(&h2peer_stream_of(user, id)->body, ptr, len);
    return 0;
}

static int got_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user) {
    h2peer *p = user;
    (void)session;
    if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
        h2peer_stream_of(p, frame->hd.stream_id)->end = true;
    } else if (frame->hd.type == NGHTTP2_GOAWAY) {
        p->goaway = (int32_t)frame->goaway.error_code;
        p->last_stream = frame->goaway.last_stream_id;
        p->goaways++;
    } else if (frame->hd.type == NGHTTP2_RST_STREAM) {
        p->resets++;
    } else if (frame->hd.type == NGHTTP2_SETTINGS && frame->settings.niv != 0) {
        p->max_streams = frame->settings.iv[0].value;
    }
    return 0;
}

static int got_close(nghttp2_session *session, int32_t id, uint32_t code, void *user) {
    h2peer_stream *s = h2peer_stream_of(user, id);
    (void)session;
    s->closed = true;
    s->code = code;
    return 0;
}

static int complain(nghttp2_session *session, const nghttp2_frame *frame, int error, void *user) {
    (void)session;
    (void)frame;
    (void)error;
    ((h2peer *)user)->failed = true;
    return 0;
}

static ssize_t read_upload(nghttp2_session *session, int32_t id, uint8_t *buf, size_t length,
                           uint32_t *flags, nghttp2_data_source *source, void *user) {
    h2peer_stream *s = source->ptr;
    (void)session;
    (void)id;
    (void)user;
    size_t n = s->upload.len < length ? s->upload.len : length;
    if (n == 0 && s->hold) {
        return NGHTTP2_ERR_DEFERRED;
    }
    if (n != 0) {
        memcpy(buf, s->upload.ptr, n);
        s->upload = cstar_view(s->upload.ptr + n, s->upload.len - n);
    }
    if (s->upload.len == 0 && !s->hold) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    }
    return (ssize_t)n;
}

static void open_client(h2peer *p, uint32_t window) {
    nghttp2_session_callbacks *c = NULL;
    CHECK(nghttp2_session_callbacks_new(&c) == 0);
    nghttp2_session_callbacks_set_on_header_callback(c, got_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, got_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(c, got_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(c, got_close);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(c, complain);
    CHECK(nghttp2_session_client_new(&p->session, c, p) == 0);
    nghttp2_session_callbacks_del(c);
    const nghttp2_settings_entry iv = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window};
    CHECK(nghttp2_submit_settings(p->session, NGHTTP2_FLAG_NONE, &iv, 1) == 0);
}

static nghttp2_nv nv_of(const char *name, const char *value) {
    union {
        const char *from;
        uint8_t *to;
    } n = {name}, v = {value};
    return (nghttp2_nv){n.to, v.to, strlen(name), strlen(value), NGHTTP2_NV_FLAG_NONE};
}

int32_t h2peer_fields(h2peer *p, const char *const *fields, const char *body, size_t body_len) {
    nghttp2_nv nv[300];
    size_t n = 0;
    while (fields[2 * n] != NULL) {
        CHECK(n < sizeof nv / sizeof nv[0]);
        nv[n] = nv_of(fields[2 * n], fields[2 * n + 1]);
        n++;
    }
    h2peer_stream *s = h2peer_stream_of(p, (int32_t)nghttp2_session_get_next_stream_id(p->session));
    s->upload = cstar_view(body, body_len);
    const nghttp2_data_provider provider = {{.ptr = s}, read_upload};
    int32_t id =
        nghttp2_submit_request(p->session, NULL, nv, n, body != NULL ? &provider : NULL, p);
    CHECK(id > 0);
    return id;
}

int32_t h2peer_request(h2peer *p, const char *method, const char *path, const char *body) {
    const char *fields[] = {":method", method,  ":scheme", "http", ":authority",
                            "a.test",  ":path", path,      NULL};
    return h2peer_fields(p, fields, body, body != NULL ? strlen(body) : 0);
}

int32_t h2peer_get(h2peer *p, const char *path) { return h2peer_request(p, "GET", path, NULL); }

void h2peer_upload(h2peer *p, int32_t id, const char *text, bool hold) {
    h2peer_stream *s = h2peer_stream_of(p, id);
    s->upload = cstar_cstr(text);
    s->hold = hold;
    (void)nghttp2_session_resume_data(p->session, id);
}

/* ---- between them --------------------------------------------------------------------------- */

void h2peer_take(h2peer *p, cstar_buf *to) {
    const uint8_t *ptr = NULL;
    ssize_t n;
    while ((n = nghttp2_session_mem_send(p->session, &ptr)) > 0) {
        cstar_buf_add(to, ptr, (size_t)n);
    }
    CHECK(n == 0 && to->status == CSTAR_OK);
}

cstar_status h2peer_feed(h2peer *p, const void *ptr, size_t len) {
    if (p->machine == NULL) {
        return CSTAR_ENOMEM;
    }
    /* exactly that long, so that a read behind it is seen */
    char *copy = malloc(len != 0 ? len : 1);
    CHECK(copy != NULL);
    if (len != 0) {
        memcpy(copy, ptr, len);
    }
    cstar_status rc = cstar__h2_feed(p->machine, copy, len);
    free(copy);
    return rc;
}

void h2peer_hear(h2peer *p) {
    while (p->machine != NULL) {
        if (!p->deaf && p->out.len != 0) {
            ssize_t n =
                nghttp2_session_mem_recv(p->session, (const uint8_t *)p->out.ptr, p->out.len);
            CHECK(n == (ssize_t)p->out.len);
        }
        cstar_buf_reset(&p->out);
        if (!cstar__h2_wants_resume(p->machine)) {
            return;
        }
        (void)cstar__h2_resume(p->machine);
    }
}

void h2peer_run(h2peer *p) {
    cstar_buf wire;
    cstar_buf_init(&wire, cstar_heap(), 64u << 20);
    do {
        cstar_buf_reset(&wire);
        h2peer_take(p, &wire);
        (void)h2peer_feed(p, wire.ptr, wire.len);
        h2peer_hear(p);
    } while (wire.len != 0 || nghttp2_session_want_write(p->session));
    cstar_buf_fini(&wire);
}

void h2peer_finish(h2peer *p) {
    for (size_t i = 0; i < 100000 && p->nwaiting != 0; i++) {
        cstar__exchange *x = p->waiting[--p->nwaiting];
        if (x->state == CSTAR__RESPONSE_NONE) {
            answerer_say(&p->answerer, x, 200, CSTAR_STR("later"));
        } else {
            p->responded = cstar__respond_end(x);
        }
    }
}

/* ---- outcome -------------------------------------------------------------------------------- */

static void add_answer(cstar_buf *b, const h2peer_stream *s) {
    if (s->status == 0) {
        cstar_buf_puts(b, s->closed ? "reset " : "nothing");
    } else {
        cstar_buf_int(b, s->status);
        cstar_buf_byte(b, ' ');
        if (s->body.len <= 200) {
            cstar_buf_str(b, cstar_buf_view(&s->body));
        } else {
            bool same = s->body.len == H2PEER_BIG && testfile_is(cstar_buf_view(&s->body), 0);
            cstar_buf_puts(b, same ? "[" : "<");
            cstar_buf_uint(b, s->body.len);
            cstar_buf_puts(b, same ? "]" : ">");
        }
        cstar_buf_puts(b, s->end ? "" : s->closed ? " reset " : " ...");
    }
    if (s->closed && !s->end) {
        cstar_buf_uint(b, s->code);
    }
}

const char *h2peer_answer(h2peer *p, int32_t id) {
    cstar_buf_reset(&p->text);
    add_answer(&p->text, h2peer_stream_of(p, id));
    cstar_buf_byte(&p->text, '\0');
    CHECK(p->text.status == CSTAR_OK);
    return p->text.ptr;
}

const char *h2peer_outcome(h2peer *p) {
    cstar_buf *b = &p->text;
    cstar_buf_reset(b);
    cstar_buf_str(b, cstar_buf_view(&p->log));
    for (size_t i = 0; i < H2PEER_STREAMS; i++) {
        if (p->streams[i].status != 0 || p->streams[i].closed) {
            cstar_buf_uint(b, 2 * i + 1);
            cstar_buf_puts(b, ": ");
            add_answer(b, &p->streams[i]);
            cstar_buf_byte(b, '\n');
        }
    }
    cstar_buf_puts(b, "goaway ");
    cstar_buf_int(b, p->goaway);
    cstar_buf_puts(b, p->machine == NULL || cstar__h2_done(p->machine) ? " done\n" : " open\n");
    cstar_buf_byte(b, '\0');
    CHECK(b->status == CSTAR_OK);
    return b->ptr;
}

/* ---- life ----------------------------------------------------------------------------------- */

void h2peer_init_window(h2peer *p, const cstar_allocator *alloc, const cstar__h2_limits *limits,
                        uint32_t window) {
    memset(p, 0, sizeof *p);
    answerer_init(&p->answerer, alloc,
                  (cstar__handler){.ctx = p,
                                   .on_head = on_head,
                                   .on_body = on_body,
                                   .on_end = on_end,
                                   .on_close = on_close,
                                   .on_refuse = on_refuse});
    p->goaway = -1;
    cstar_buf_init(&p->text, cstar_heap(), 16u << 20);
    p->streams = calloc(H2PEER_STREAMS, sizeof *p->streams);
    CHECK(p->streams != NULL);
    for (size_t i = 0; i < H2PEER_STREAMS; i++) {
        cstar_buf_init(&p->streams[i].body, cstar_heap(), 16u << 20);
        cstar_buf_init(&p->streams[i].fields, cstar_heap(), 0);
    }
    p->env.h2_limits = limits;
    p->machine = cstar__h2_new(&p->env, &p->peer, &p->out);
    open_client(p, window);
}

void h2peer_init(h2peer *p, const cstar_allocator *alloc, const cstar__h2_limits *limits) {
    h2peer_init_window(p, alloc, limits, 65535);
}

void h2peer_fini(h2peer *p) {
    cstar__h2_free(p->machine);
    CHECK(p->nwaiting == 0);
    answerer_fini(&p->answerer);
    nghttp2_session_del(p->session);
    for (size_t i = 0; i < H2PEER_STREAMS; i++) {
        cstar_buf_fini(&p->streams[i].body);
        cstar_buf_fini(&p->streams[i].fields);
    }
    free(p->streams);
    cstar_buf_fini(&p->text);
}

#else
typedef int h2peer_is_left_out;
#endif
