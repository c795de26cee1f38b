/* liverig.c -- see liverig.h.
 * SPDX-License-Identifier: MIT */
#include "support/liverig.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- the client's side ---------------------------------------------------------------------- */

static void over(rigged *s) {
    cstar__live *live = s->live;
    s->live = NULL;
    s->overs++;
    if (live != NULL) {
        cstar__live_over(live);
    }
}

static cstar_status take(rigged *s, cstar_str bytes) {
    if (s->refuses != CSTAR_OK) {
        return s->refuses;
    }
    if (s->room != SIZE_MAX) {
        if (s->room < bytes.len) {
            return CSTAR_EAGAIN;
        }
        s->room -= bytes.len;
    }
    cstar_buf_str(&s->got, bytes);
    return CSTAR_OK;
}

static cstar_status x_write(cstar__exchange *x, cstar_str bytes) { return take(x->user, bytes); }

static cstar_status x_shared(cstar__exchange *x, const cstar__shared *const *pieces, size_t n,
                             size_t *taken) {
    for (*taken = 0; *taken < n; ++*taken) {
        const cstar_status rc = take(x->user, pieces[*taken]->bytes);
        if (rc != CSTAR_OK) {
            return rc;
        }
    }
    return CSTAR_OK;
}

static cstar_status x_end(cstar__exchange *x) {
    rigged *s = x->user;
    x->state = CSTAR__RESPONSE_DONE;
    s->ends++;
    if (!s->stays) {
        over(s);
    }
    return CSTAR_OK;
}

static void x_abort(cstar__exchange *x) {
    rigged *s = x->user;
    x->broken = true;
    s->aborts++;
    over(s);
}

static size_t x_room(const cstar__exchange *x) { return ((const rigged *)x->user)->room; }

static const cstar__exchange_ops exchange_ops = {
    .write = x_write, .end = x_end, .abort = x_abort, .room = x_room, .write_shared = x_shared};

static cstar_status set_alarm(void *link, cstar__exchange *x, uint64_t ms) {
    rigged *s = link;
    if (s->no_alarm) {
        return CSTAR_ENOMEM;
    }
    s->alarm_at = s->rig->now + (ms != 0 ? ms : 1);
    x->alarm = 1;
    return CSTAR_OK;
}

static const cstar__driver driver = {.alarm = set_alarm};

/* ---- the floor above ------------------------------------------------------------------------ */

static void on_info(cstar__live *live, const char *topic, const cstar__packet *p) {
    rigged *s = cstar__live_user(live);
    s->infos++;
    cstar_buf_puts(&s->told, topic);
    cstar_buf_lit(&s->told, "=");
    cstar_buf_str(&s->told, p->bytes);
    cstar_buf_lit(&s->told, " ");
    cstar_buf_byte(&s->told, '\0'); /* for who reads it; not counted */
    s->told.len--;
    if (s->on_info != NULL) {
        s->on_info(s, topic, p);
    }
}

static void on_alarm(cstar__live *live) {
    rigged *s = cstar__live_user(live);
    s->alarms++;
    if (s->on_alarm != NULL) {
        s->on_alarm(s);
    }
}

static void on_ending(cstar__live *live, cstar__live_end_reason why) {
    rigged *s = cstar__live_user(live);
    (void)why;
    s->endings++;
    if (s->last_words != NULL) {
        (void)cstar__live_write(live, cstar_cstr(s->last_words));
    }
}

static const cstar__live_ops live_ops = {.info = on_info, .alarm = on_alarm, .ending = on_ending};

/* ---- life ----------------------------------------------------------------------------------- */

static cstar__keep keep_of(void *arg, cstar_str topic) {
    const liverig *r = arg;
    const cstar__keep none = {0};
    const cstar__keep some = {
        .count = r->opts.keep != 0 ? r->opts.keep : 8, .bytes = 1 << 20, .ms = r->opts.keep_ms};
    return topic.ptr[0] == 'k' ? some : none;
}

static uint64_t now(void *arg) { return ((const liverig *)arg)->now; }

static void wake(void *arg, unsigned room) {
    (void)__atomic_add_fetch(&((liverig *)arg)->wakes[room], 1, __ATOMIC_SEQ_CST);
}

bool liverig_init(liverig *r, const liverig_opts *opts) {
    *r = (liverig){.opts = *opts, .now = 1000, .pool = {.driver = &driver}};
    failalloc_init(&r->memory, opts->fail_at);
    r->hub = cstar__hub_new(&(cstar__hub_opts){.alloc = &r->memory.alloc,
                                               .rooms = opts->rooms,
                                               .max_waiting = opts->max_waiting,
                                               .max_deliveries = opts->max_deliveries,
                                               .epoch = 0xabcdef01,
                                               .keep = keep_of,
                                               .now = now,
                                               .wake = wake,
                                               .arg = r});
    return r->hub != NULL;
}

void liverig_fini(liverig *r) {
    for (size_t i = 0; i < r->nstreams; i++) {
        rigged *s = r->streams[i];
        if (s->live != NULL) {
            liverig_cut(s);
        }
        cstar_buf_fini(&s->got);
        cstar_buf_fini(&s->told);
        free(s->text);
        free(s);
    }
    cstar__hub_free(r->hub);
}

static rigged *open_stream(liverig *r, unsigned room, uint64_t last_id) {
    cstar__live *live = cstar__live_new(cstar__hub_room(r->hub, room), last_id);
    rigged *s = live != NULL && r->nstreams < RIG_STREAMS ? calloc(1, sizeof *s) : NULL;
    if (s == NULL) {
        if (live != NULL) {
            cstar__live_over(live);
        }
        return NULL;
    }
    r->streams[r->nstreams++] = s;
    s->rig = r;
    s->live = live;
    s->room = SIZE_MAX;
    s->conf = (cstar__live_conf){
        .ops = &live_ops, .ping_ms = 15000, .grace_ms = 500, .max_waiting = 4096};
    s->x = (cstar__exchange){.ops = &exchange_ops,
                             .user = s,
                             .peer = &s->peer,
                             .pool = &r->pool,
                             .state = CSTAR__RESPONSE_STREAMING};
    s->peer.link = s;
    cstar_buf_init(&s->got, cstar_heap(), (size_t)1 << 30);
    cstar_buf_init(&s->told, cstar_heap(), (size_t)1 << 30);
    cstar__live_set_conf(live, &s->conf, s);
    return s;
}

rigged *liverig_open(liverig *r, unsigned room) { return open_stream(r, room, 0); }

rigged *liverig_reopen(liverig *r, unsigned room, const rigged *before) {
    return open_stream(r, room, liverig_last_id(before));
}

void liverig_start(rigged *s) {
    const uint64_t id = cstar__live_snapshot(s->live);
    if (id != 0) {
        char text[64];
        (void)snprintf(text, sizeof text, "id: abcdef01-%012llx\n\n", (unsigned long long)id);
        cstar_buf_puts(&s->got, text);
    }
    cstar__live_start(s->live, &s->x);
}

rigged *liverig_listen(liverig *r, unsigned room, const char *topic) {
    rigged *s = liverig_open(r, room);
    if (s != NULL && cstar__live_subscribe(s->live, cstar_cstr(topic)) == CSTAR_OK) {
        liverig_start(s);
    }
    return s;
}

void liverig_cut(rigged *s) {
    if (s->live != NULL) {
        s->x.broken = true;
        over(s);
    }
}

void liverig_take(rigged *s, size_t room) {
    s->room = room;
    if (s->live != NULL) {
        cstar__live_wake(s->live);
    }
}

/* ---- publishing ----------------------------------------------------------------------------- */

cstar_status liverig_publish_keyed(liverig *r, const char *topic, const char *text,
                                   const char *key) {
    cstar_buf b;
    cstar__packet_begin(&b, &r->memory.alloc, (size_t)1 << 24);
    cstar_buf_lit(&b, "data: ");
    cstar_buf_puts(&b, text);
    cstar_buf_lit(&b, "\n\n");
    const bool kept = cstar__hub_audience(r->hub, cstar_cstr(topic)) == CSTAR__AUDIENCE_KEPT;
    cstar__packet *p = kept ? cstar__packet_end_kept(&b, key) : cstar__packet_end(&b, key);
    r->status = p != NULL ? cstar__hub_publish(r->hub, cstar_cstr(topic), p) : b.status;
    cstar__packet_unref(p);
    return r->status;
}

cstar_status liverig_publish(liverig *r, const char *topic, const char *text) {
    return liverig_publish_keyed(r, topic, text, NULL);
}

cstar_status liverig_tell(liverig *r, const char *topic, const char *text) {
    cstar__packet *p = cstar__packet_copy(&r->memory.alloc, cstar_cstr(text), CSTAR__PACKET_BYTES);
    r->status = p != NULL ? cstar__hub_publish(r->hub, cstar_cstr(topic), p) : CSTAR_ENOMEM;
    cstar__packet_unref(p);
    return r->status;
}

/* ---- time ----------------------------------------------------------------------------------- */

void liverig_run(liverig *r) {
    const unsigned rooms = r->opts.rooms != 0 ? r->opts.rooms : 1;
    for (unsigned i = 0; i < rooms; i++) {
        while (__atomic_exchange_n(&r->wakes[i], 0, __ATOMIC_SEQ_CST) != 0) {
            (void)cstar__room_open_mail(cstar__hub_room(r->hub, i));
        }
    }
}

void liverig_advance(liverig *r, uint64_t ms) {
    for (; ms != 0; ms--) {
        r->now++;
        for (size_t i = 0; i < r->nstreams; i++) {
            rigged *s = r->streams[i];
            if (s->live != NULL && s->alarm_at != 0 && r->now >= s->alarm_at) {
                s->alarm_at = 0;
                s->x.alarm = 0;
                cstar__live_wake(s->live);
            }
        }
        liverig_run(r);
    }
}

/* ---- looking -------------------------------------------------------------------------------- */

/* Calls `fn` for each complete line. */
static void each_line(const rigged *s, void (*fn)(void *arg, cstar_str line), void *arg) {
    size_t from = 0;
    for (size_t i = 0; i < s->got.len; i++) {
        if (s->got.ptr[i] == '\n') {
            fn(arg, cstar_view(s->got.ptr + from, i - from));
            from = i + 1;
        }
    }
}

static void add_data(void *arg, cstar_str line) {
    cstar_buf *out = arg;
    if (line.len > 6 && memcmp(line.ptr, "data: ", 6) == 0) {
        cstar_buf_puts(out, out->len != 0 ? " " : "");
        cstar_buf_add(out, line.ptr + 6, line.len - 6);
    } else if (line.len != 0 && line.ptr[0] == ':') {
        cstar_buf_puts(out, out->len != 0 ? " :" : ":");
    }
}

const char *liverig_text(rigged *s) {
    cstar_buf out;
    cstar_buf_init(&out, cstar_heap(), (size_t)1 << 30);
    each_line(s, add_data, &out);
    free(s->text);
    s->text = calloc(1, out.len + 1);
    if (s->text != NULL && out.len != 0) {
        memcpy(s->text, out.ptr, out.len);
    }
    cstar_buf_fini(&out);
    return s->text;
}

static void take_id(void *arg, cstar_str line) {
    uint32_t epoch = 0;
    if (line.len > 4 && memcmp(line.ptr, "id: ", 4) == 0) {
        (void)cstar__packet_parse_id(cstar_view(line.ptr + 4, line.len - 4), &epoch, arg);
    }
}

uint64_t liverig_last_id(const rigged *s) {
    uint64_t id = 0;
    each_line(s, take_id, &id);
    return id;
}
