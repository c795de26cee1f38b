/* live.c -- a conn whose response stays open: from cstar_live() to its end.
 *
 *     handler ─▶ cstar_subscribe(), cstar_live() ─▶ settle: fields ─▶ [loop] begin: head, what was sent so
 *     far ─▶ cstar__live_start() ─▶ info, every, ... : each a call of later.c, whose events are written when
 *     it returns ─▶ end: the claim goes ─▶ close: subscriptions go, then `disconnect`
 *
 * Invariants: 1. The conn is touched on its loop only, once its handler has returned. 2. `disconnect` is
 * called once, also if the stream could not begin: whoever counts is right then. 3. Behind
 * cstar__live_end() the conn may be gone, but not in a callback.
 *
 * SPDX-License-Identifier: MIT */
#include "web/live.h"

#include "http/accept.h"
#include "net/server.h"

enum {
    PING_MS = 15000,
    GRACE_MS = 500,
    MAX_WAITING = 256 * 1024,
};

/* ---- asking for one ---- */

static uint64_t last_id_of(const cstar_conn *conn) {
    uint32_t epoch = 0;
    uint64_t id = 0;
    const cstar_str text = cstar__request_field(&conn->x->request, "last-event-id");
    const bool ours =
        cstar__packet_parse_id(text, &epoch, &id) && epoch == cstar__hub_epoch(conn->app->hub);
    return ours ? id : 0;
}

cstar__live_conn *cstar__live_of(cstar_conn *conn) {
    if (conn->live != NULL || conn->app->hub == NULL || conn->stream != NULL) {
        if (conn->live == NULL) {
            (void)cstar__conn_failf(conn, CSTAR_ESTATE, "live",
                                    conn->stream != NULL ? "live: there is another stream already"
                                                         : "live: the app is not being served");
        }
        return conn->live;
    }
    cstar__live_conn *l = cstar_arena_zalloc(&conn->x->arena, sizeof *l);
    cstar__room *room = cstar__hub_room(conn->app->hub, conn->peer->worker);
    if (l != NULL) {
        l->s = cstar__live_new(room, last_id_of(conn));
    }
    if (l == NULL || l->s == NULL) {
        (void)cstar__conn_failf(conn, CSTAR_ENOMEM, NULL, "out of memory");
        return NULL;
    }
    l->conn = conn;
    conn->live = l;
    return l;
}

static const cstar__live_ops ops;

static void set_conf(cstar__live_conn *l) {
    const cstar_live_opts *o = &l->opts;
    l->conf = (cstar__live_conf){
        .ops = &ops,
        .ping_ms = o->ping_ms != 0 ? o->ping_ms : PING_MS,
        .grace_ms = o->grace_ms != 0 ? o->grace_ms : GRACE_MS,
        .max_waiting = o->max_waiting != 0 ? o->max_waiting : MAX_WAITING,
        .drop = o->slow == CSTAR_SLOW_DROP,
    };
    cstar__live_set_conf(l->s, &l->conf, l);
}

static cstar_status check(cstar_conn *conn) {
    cstar__sse_settle(conn);
    if ((conn->answer != CSTAR__ANSWER_NONE && conn->answer != CSTAR__ANSWER_SSE) ||
        conn->stream != NULL || (conn->live != NULL && conn->live->asked)) {
        return cstar__conn_failf(conn, CSTAR_ESTATE, "live", "live: there is a response already");
    }
    return CSTAR_OK;
}

cstar_status cstar_conn_live(cstar_conn *conn, const cstar_live_opts *opts) {
    cstar_status rc = check(conn);
    if (rc != CSTAR_OK) {
        return rc;
    }
    if (opts->scope != NULL && cstar_read_signals(conn) == NULL) {
        return CSTAR_ESTATE; /* 400 or 413 is answered */
    }
    cstar__live_conn *l = cstar__live_of(conn);
    if (l == NULL) {
        return conn->err.code;
    }
    l->opts = *opts;
    l->opts.scope = NULL;
    set_conf(l);
    cstar__tab_look(l);
    if (opts->scope != NULL && !cstar__tab_claim(l, opts->scope)) {
        return CSTAR_ELIMIT;
    }
    l->asked = true;
    conn->answer = CSTAR__ANSWER_SSE;
    return CSTAR_OK;
}

/* ---- topics ---- */

static cstar_status topic_failed(cstar_conn *conn, cstar_status rc, const char *what) {
    cstar_err err;
    cstar__err_init(&err);
    (void)cstar_err_set(&err, rc, "topic", "%s: %s", what, cstar_strerror(rc));
    return cstar__conn_fail(conn, &err);
}

cstar_status cstar_subscribe(cstar_conn *conn, const char *topic) {
    cstar__live_conn *l = cstar__live_of(conn);
    if (l == NULL || l->s == NULL) {
        return l == NULL ? conn->err.code : topic_failed(conn, CSTAR_ECLOSED, "subscribe");
    }
    if (topic == NULL || topic[0] == '\1') {
        return topic_failed(conn, CSTAR_EINVAL, "subscribe");
    }
    const cstar_status rc = cstar__live_subscribe(l->s, cstar_cstr(topic));
    l->listens = l->listens || rc == CSTAR_OK;
    return rc == CSTAR_OK ? rc : topic_failed(conn, rc, "subscribe");
}

cstar_status cstar_unsubscribe(cstar_conn *conn, const char *topic) {
    cstar__live_conn *l = conn->live;
    if (l == NULL || l->s == NULL || (!l->started && cstar__conn_is_blocking(conn))) {
        return topic_failed(conn, CSTAR_ESTATE, "unsubscribe");
    }
    return cstar__live_unsubscribe(l->s, cstar_cstr(topic != NULL ? topic : ""));
}

bool cstar_resumed(const cstar_conn *conn) {
    return conn->live != NULL && conn->live->s != NULL && cstar__live_resumes(conn->live->s);
}

const cstar_json *cstar_message_json(cstar_conn *conn, const cstar_message *m) {
    return m->is_json ? cstar_json_read(&conn->x->arena, m->bytes,
                                        &(cstar_json_opts){.any_root = true}, NULL)
                      : NULL;
}

/* ---- callbacks ---- */

static void send_out(cstar__live_conn *l) {
    cstar_conn *conn = l->conn;
    if (conn->out.len != 0) {
        const cstar_status rc = cstar__live_write(l->s, cstar_buf_view(&conn->out));
        if (rc != CSTAR_OK && rc != CSTAR_ECLOSED) {
            cstar__app_log(conn->app, CSTAR_LOG_WARN, "%.*s: a stream was not written to: %s",
                           (int)(conn->x->request.path.len < 200 ? conn->x->request.path.len : 200),
                           conn->x->request.path.ptr, cstar_strerror(rc));
        }
    }
    cstar_buf_fini(&conn->out);
}

void cstar__live_enter(cstar__live_conn *l, cstar_conn *before) {
    l->inside = true;
    cstar__later_begin(&l->later, l->conn, before);
}

void cstar__live_leave(cstar__live_conn *l, cstar_conn *before) {
    const bool halted = l->conn->halted;
    (void)cstar__later_end(&l->later, l->conn, before, 0);
    l->inside = false;
    if (l->s == NULL) {
        return;
    }
    send_out(l);
    if (halted && l->s != NULL) {
        cstar__live_end(l->s, CSTAR__LIVE_HALTED);
    }
    if (l->s != NULL) {
        cstar__live_defer_run_here(l);
    }
}

static void call(cstar__live_conn *l, void (*fn)(cstar_conn *conn)) {
    cstar_conn before;
    cstar__live_enter(l, &before);
    fn(l->conn);
    cstar__live_leave(l, &before);
}

static void on_info(cstar__live *s, const char *topic, const cstar__packet *p) {
    cstar__live_conn *l = cstar__live_user(s);
    cstar_conn before;
    if (p->kind == CSTAR__PACKET_RERENDER) {
        if (cstar__tab_page(l->conn) != NULL) {
            call(l, cstar__rerender_due);
        }
    } else if (l->opts.info != NULL) {
        cstar__live_enter(l, &before);
        l->opts.info(l->conn, &(cstar_message){.topic = topic,
                                               .bytes = p->bytes,
                                               .is_json = p->kind == CSTAR__PACKET_JSON});
        cstar__live_leave(l, &before);
    }
}

static void on_ending(cstar__live *s, cstar__live_end_reason why) {
    static const cstar_ended reasons[] = {
        [CSTAR__LIVE_HALTED] = CSTAR_ENDED_HALTED,
        [CSTAR__LIVE_REPLACED] = CSTAR_ENDED_REPLACED,
        [CSTAR__LIVE_DRAINED] = CSTAR_ENDED_DRAINED,
    };
    cstar__live_conn *l = cstar__live_user(s);
    l->ended = reasons[why];
    cstar__tab_part(l, why);
    send_out(l);
    cstar__tab_give_up(l); /* whoever asks for the tab meanwhile is not to find it */
}

/* It may have been asked to end, and not have ended yet. */
cstar_ended cstar_end_reason(const cstar_conn *conn) {
    const cstar__live_conn *l = conn->live;
    return l != NULL && l->s == NULL ? l->ended : CSTAR_ENDED_NOT;
}

/* ---- timers ---- */

static uint64_t now_of(const cstar_conn *conn) { return cstar__app_ticks(conn->app); }

/* The next that is due sets the alarm. */
void cstar__live_set_alarm(cstar__live_conn *l) {
    const uint64_t now = now_of(l->conn);
    uint64_t next = l->rerender_at != 0 ? l->rerender_at : UINT64_MAX;
    for (size_t i = 0; i < l->ntimers; i++) {
        next = l->timers[i].due < next ? l->timers[i].due : next;
    }
    if (l->s != NULL) {
        cstar__live_alarm(l->s, next == UINT64_MAX ? 0 : next > now ? next - now : 1);
    }
}

static bool have_timers(cstar__live_conn *l) {
    const cstar_allocator *alloc = l->conn->app->alloc;
    if (l->timers == NULL) {
        l->timers = alloc->resize(alloc->ctx, NULL, 0, CSTAR__TIMERS * sizeof *l->timers);
    }
    return l->timers != NULL;
}

void cstar__live_free_timers(cstar__live_conn *l) {
    const cstar_allocator *alloc = l->conn->app->alloc;
    if (l->timers != NULL) {
        (void)alloc->resize(alloc->ctx, l->timers, CSTAR__TIMERS * sizeof *l->timers, 0);
    }
    l->timers = NULL;
    l->ntimers = 0;
}

static void remove_timer(cstar__live_conn *l, cstar__timer *t) { *t = l->timers[--l->ntimers]; }

cstar_status cstar_every(cstar_conn *conn, unsigned ms, void (*fn)(cstar_conn *conn)) {
    if (fn == NULL) {
        return topic_failed(conn, CSTAR_EINVAL, "every");
    }
    cstar__live_conn *l = cstar__live_of(conn);
    if (l == NULL || l->s == NULL) {
        return topic_failed(conn, CSTAR_ESTATE, "every");
    }
    if (!have_timers(l)) {
        return topic_failed(conn, CSTAR_ENOMEM, "every");
    }
    cstar__timer *t = l->timers;
    while (t != l->timers + l->ntimers && t->fn != fn) {
        t++;
    }
    if (ms == 0) {
        if (t != l->timers + l->ntimers) {
            remove_timer(l, t);
        }
    } else if (t == l->timers + CSTAR__TIMERS) {
        return topic_failed(conn, CSTAR_ELIMIT, "every");
    } else {
        l->ntimers += t == l->timers + l->ntimers;
        *t = (cstar__timer){fn, ms, now_of(conn) + ms};
    }
    if (l->started) {
        cstar__live_set_alarm(l);
    }
    return CSTAR_OK;
}

/* Those that are due now. A callback may change them: each is looked for anew. One that is late does not
 * catch up. */
static void on_alarm(cstar__live *s) {
    cstar__live_conn *l = cstar__live_user(s);
    const uint64_t now = now_of(l->conn);
    for (size_t i = 0; i < l->ntimers && !cstar__live_is_ending(s); i++) {
        cstar__timer *t = &l->timers[i];
        if (t->due <= now) {
            t->due = now + t->ms;
            call(l, t->fn);
        }
    }
    if (l->rerender_at != 0 && l->rerender_at <= now && !cstar__live_is_ending(s)) {
        call(l, cstar__rerender_due);
    }
    cstar__live_set_alarm(l);
}

static const cstar__live_ops ops = {.info = on_info, .alarm = on_alarm, .ending = on_ending};

/* ---- the beginning ---- */

/* Gzip is the only coding that streams share; a client that likes another one better takes it too. */
static bool takes_gzip(const cstar_conn *conn) {
    const cstar__accept accept = cstar__accept_encoding(&conn->x->request);
    cstar__coding order[CSTAR__CODINGS];
    const size_t n = cstar__accept_order(&accept, order);
    size_t i = 0;
    while (i < n && order[i] != CSTAR__GZIP && order[i] != CSTAR__IDENTITY) {
        i++;
    }
    return i < n && order[i] == CSTAR__GZIP;
}

static cstar_status choose_coding(cstar__live_conn *l) {
    cstar_conn *conn = l->conn;
    if (!cstar__coding_built(CSTAR__GZIP) || !cstar__compress_allowed(conn, 200, true)) {
        return CSTAR_OK;
    }
    l->gzip = takes_gzip(conn);
    return cstar__conn_vary(conn, CSTAR_STR("accept-encoding"));
}

void cstar__live_settle(cstar_conn *conn) {
    cstar__live_conn *l = conn->live;
    cstar__sse_settle(conn);
    l->ready = cstar__sse_fields(conn);
    l->ready = l->ready == CSTAR_OK ? choose_coding(l) : l->ready;
    l->ready = l->ready == CSTAR_OK ? cstar__conn_own_fields(conn) : l->ready;
}

/* Callbacks can be called from here on, also if that is an error. */
static cstar_status ready_later(cstar__live_conn *l) {
    if (l->later_ready) {
        return CSTAR_OK;
    }
    l->later_ready = true;
    return cstar__later_init(&l->later, l->conn);
}

static cstar_status prepare(cstar_conn *conn) {
    cstar__live_conn *l = conn->live;
    cstar_status rc = l->ready;
    rc = rc == CSTAR_OK ? ready_later(l) : rc;
    if (rc == CSTAR_OK && l->gzip && cstar__live_use_gzip(l->s)) {
        rc = cstar__compress_fields(conn, CSTAR__GZIP);
    }
    conn->x->say_keep_alive = true;
    return rc == CSTAR_OK ? cstar__respond_start(conn->x, 200, conn->fields, conn->nfields) : rc;
}

/* Of a stream that is closed already. */
static void answer_instead(cstar_conn *conn, int status) {
    if (conn->x->state == CSTAR__RESPONSE_NONE && !conn->x->broken) {
        conn->answer = CSTAR__ANSWER_NONE;
        cstar__error_page(conn, status, NULL);
    }
}

/* `disconnect` comes first: else the error would be told as its own, and be gone. */
static void refuse(cstar_conn *conn) {
    cstar__live_close(conn);
    (void)cstar__conn_failf(conn, CSTAR_ELIMIT, "live",
                            "live: open streams keep too much of their requests: "
                            "max_stream_memory, or the page's max_signal_bytes");
    (void)cstar__conn_add_field(conn, CSTAR_STR("retry-after"), CSTAR_STR("1"));
    answer_instead(conn, 503);
}

/* What a client that can't resume has seen by now: events behind it have larger ids. */
static void put_snapshot(cstar__live_conn *l, cstar_buf *out) {
    const uint64_t id = cstar__live_snapshot(l->s);
    if (id != 0 || cstar__tab_wants_id(l)) {
        char text[CSTAR__PACKET_ID];
        cstar__packet_format_id(text, cstar__hub_epoch(l->conn->app->hub), id);
        cstar_buf_lit(out, "id: ");
        cstar_buf_add(out, text, sizeof text);
        cstar_buf_lit(out, "\n\n");
    }
}

static bool is_draining(const cstar_conn *conn) {
    return conn->app->server != NULL && cstar__server_draining(conn->app->server);
}

/* Everything that was sent until now is in one piece. */
static cstar_status write_first(cstar__live_conn *l) {
    cstar_conn *conn = l->conn;
    cstar__tab_greet(l);
    put_snapshot(l, &conn->out);
    cstar_status rc = conn->out.status;
    if (rc == CSTAR_OK) {
        rc = cstar__live_say_first(l->s, conn->x, cstar_buf_view(&conn->out));
    }
    cstar_buf_fini(&conn->out);
    return rc;
}

static bool goes_on(const cstar__live_conn *l) {
    return l->s != NULL && !cstar__live_is_ending(l->s);
}

/* It may be over at once; but its conn is not: it is inside of a handler call, or held. */
static void start(cstar__live_conn *l) {
    cstar_conn *conn = l->conn;
    const bool ends = conn->halted || conn->x->request.method == CSTAR__HEAD;
    conn->halted = false;
    cstar__live_start(l->s, conn->x);
    if (!goes_on(l)) {
        return;
    }
    if (ends) {
        cstar__live_end(l->s, CSTAR__LIVE_HALTED);
    } else if (is_draining(conn)) {
        cstar__live_end(l->s, CSTAR__LIVE_DRAINED);
    } else {
        cstar__live_set_alarm(l);
        cstar__hint_stream(l);
    }
}

void cstar__live_begin(cstar_conn *conn) {
    cstar__live_conn *l = conn->live;
    if (!cstar__heavy_enter(l)) {
        refuse(conn);
        return;
    }
    cstar_status rc = prepare(conn);
    if (rc != CSTAR_OK) {
        (void)cstar__conn_failf(conn, rc, "live", cstar_strerror(rc));
        cstar__live_close(conn);
        answer_instead(conn, 500);
        return;
    }
    cstar__conn_log_error(conn); /* the handler's */
    conn->streaming = true;
    l->started = true;
    rc = write_first(l);
    if (rc != CSTAR_OK) {
        cstar__respond_abort(conn->x);
        return;
    }
    start(l);
}

/* ---- the end ---- */

void cstar__live_close(cstar_conn *conn) {
    cstar__live_conn *l = conn->live;
    if (l == NULL || l->s == NULL || conn->off_loop) {
        return;
    }
    cstar__live *s = l->s;
    if (l->ended == CSTAR_ENDED_NOT) {
        l->ended = cstar__live_is_cut(s) ? CSTAR_ENDED_CUT : CSTAR_ENDED_GONE;
    }
    cstar__tab_give_up(l);
    cstar__live_defer_leave(l);
    cstar__live_free_timers(l);
    l->s = NULL;
    cstar__live_over(s);
    conn->answer = CSTAR__ANSWER_GIVEN;
    if (l->asked && l->opts.disconnect != NULL) {
        (void)ready_later(l);
        call(l, l->opts.disconnect);
    }
    cstar__live_free_state(l);
    cstar__heavy_leave(conn->app, l->heavy);
    if (l->later_ready) {
        cstar_buf_fini(&conn->out);
        cstar__later_fini(&l->later);
    }
}

void cstar__live_on_wake(cstar_conn *conn) {
    if (conn->live->s != NULL && conn->live->started) {
        cstar__live_wake(conn->live->s);
    }
}

void cstar__live_on_drain(cstar_conn *conn) {
    if (conn->live->s != NULL && conn->live->started) {
        cstar__live_end(conn->live->s, CSTAR__LIVE_DRAINED);
    }
}
