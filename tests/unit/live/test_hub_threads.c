/* test_hub_threads.c -- publishers, rooms and streams that come and go, each on threads of their own.
 *
 *     publishers ──hub──▶ rooms (a thread each: opens mail, starts streams, cuts some)
 *     starters: new streams, and those that were cut and come back ──subscribe──▶ handed to a room
 *
 * What each stream gets is checked when it comes: 1. of each publisher in order, over all topics; 2. of
 * each topic in the one order that all streams see, without a hole: who follows whom is written down
 * by the first that sees it; 3. nothing that was published before subscribing began, and all that is
 * published once it has returned; 4. of the kept topic exactly once, also over a cut.
 *
 * ctest: timeout=120 labels=threads
 * SPDX-License-Identifier: MIT */
#include "live/stream.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

enum {
    PUBLISHERS = 8,
    EACH = 3000,
    TOPICS = 3, /* the first is kept */
    ROOMS = 4,
    STARTERS = 2,
    PER_ROOM = 6,
};

static const char *const names[TOPICS] = {"kept", "b", "c"};

/* One publication, as its bytes. */
typedef struct note {
    uint32_t publisher, seq; /* from 1 on */
} note;

typedef struct stream {
    struct stream *next;
    cstar__exchange x;
    cstar__live *live;
    unsigned room;
    bool fresh;                         /* its first ones are to be checked */
    bool resumed;                       /* the kept topic goes on where `last` says */
    uint32_t before[PUBLISHERS];        /* had returned when it began to subscribe */
    uint32_t after[PUBLISHERS];         /* had begun when that had returned */
    uint32_t seen[PUBLISHERS];          /* the last of each */
    uint32_t first[PUBLISHERS][TOPICS]; /* 0: none yet */
    note last[TOPICS];                  /* publisher + 1; 0: none yet */
    uint64_t last_id;
} stream;

typedef struct room {
    struct rig *rig;
    unsigned index;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    bool wake;
    stream *handed; /* to be started */
    size_t n;       /* of it, on their way or there; atomic */
    /* its thread's */
    stream *streams;
    cstar__exchange_pool pool;
    unsigned dice;
} room;

typedef struct rig {
    cstar__hub *hub;
    room rooms[ROOMS];
    pthread_mutex_t lock;
    stream *away;                  /* cut, and to come back */
    uint32_t begun[PUBLISHERS];    /* atomic */
    uint32_t returned[PUBLISHERS]; /* atomic */
    uint32_t *follows[TOPICS];     /* atomic: [publisher * EACH + seq - 1], 0: not known */
    unsigned wrong, delivered, cuts, resumptions; /* atomic */
    bool published, stop;                         /* atomic */
} rig;

static void pause_us(long us) {
    const struct timespec t = {0, us * 1000};
    (void)nanosleep(&t, NULL);
}

static void complain(rig *r, int line, const stream *s, note n) {
    if (__atomic_fetch_add(&r->wrong, 1, __ATOMIC_RELAXED) < 5) {
        (void)fprintf(stderr, "line %d: room %u: publisher %u, %u (seen %u)\n", line, s->room,
                      n.publisher, n.seq, s->seen[n.publisher]);
    }
}

#define CHECK(cond, r, s, n) ((cond) ? (void)0 : complain(r, __LINE__, s, n))

/* ---- what a stream gets --------------------------------------------------------------------- */

static uint32_t code_of(note n) { return n.publisher * EACH + n.seq; }

/* All streams see the same neighbours. */
static void check_neighbours(rig *r, stream *s, unsigned topic, note n) {
    if (s->last[topic].seq != 0) {
        uint32_t known = 0;
        const uint32_t next = code_of(n);
        uint32_t *at = &r->follows[topic][code_of(s->last[topic]) - 1];
        if (!__atomic_compare_exchange_n(at, &known, next, false, __ATOMIC_RELAXED,
                                         __ATOMIC_RELAXED)) {
            CHECK(known == next, r, s, n);
        }
    }
    s->last[topic] = n;
}

static void take_note(rig *r, stream *s, note n) {
    const unsigned topic = n.seq % TOPICS;
    if (topic != 0 || !s->resumed) { /* what was missed is of before */
        CHECK(n.seq > s->before[n.publisher], r, s, n);
    }
    if (topic != 0 || !s->resumed || n.seq > s->before[n.publisher]) {
        CHECK(n.seq > s->seen[n.publisher], r, s, n);
        s->seen[n.publisher] = n.seq;
    }
    if (s->first[n.publisher][topic] == 0) {
        s->first[n.publisher][topic] = n.seq;
        if (topic != 0 || !s->resumed) { /* the first that was begun behind, or an earlier one */
            const uint32_t after = s->after[n.publisher];
            const uint32_t least = after + 1 + (topic + TOPICS - (after + 1) % TOPICS) % TOPICS;
            CHECK(n.seq <= least, r, s, n);
        }
    }
    check_neighbours(r, s, topic, n);
    (void)__atomic_add_fetch(&r->delivered, 1, __ATOMIC_RELAXED);
}

static cstar_status x_shared(cstar__exchange *x, const cstar__shared *const *pieces, size_t n,
                             size_t *taken) {
    stream *s = x->user;
    rig *r = x->machine;
    for (*taken = 0; *taken < n; ++*taken) {
        note it;
        uint32_t epoch = 0;
        const cstar_str bytes = pieces[*taken]->bytes;
        memcpy(&it, bytes.ptr, sizeof it);
        if (it.seq % TOPICS == 0) {
            uint64_t id = 0;
            const char *at = bytes.ptr + bytes.len - 2 - CSTAR__PACKET_ID;
            CHECK(cstar__packet_parse_id(cstar_view(at, CSTAR__PACKET_ID), &epoch, &id) &&
                      id > s->last_id,
                  r, s, it);
            s->last_id = id;
        }
        take_note(r, s, it);
    }
    return CSTAR_OK;
}

static cstar_status x_write(cstar__exchange *x, cstar_str bytes) {
    (void)x;
    (void)bytes;
    return CSTAR_OK;
}

static void x_abort(cstar__exchange *x) {
    const note none = {0};
    complain(x->machine, __LINE__, x->user, none); /* nobody is slow here */
}

static const cstar__exchange_ops exchange_ops = {
    .write = x_write, .abort = x_abort, .write_shared = x_shared};

static cstar_status set_alarm(void *link, cstar__exchange *x, uint64_t ms) {
    (void)link;
    (void)ms;
    x->alarm = 1;
    return CSTAR_OK;
}
static const cstar__driver driver = {.alarm = set_alarm};
static const cstar__peer nobody;
static const cstar__live_conf conf = {.ping_ms = 1000, .grace_ms = 1000, .max_waiting = 1 << 24};

/* ---- starters ------------------------------------------------------------------------------- */

static void wake(void *arg, unsigned index) {
    room *m = &((rig *)arg)->rooms[index];
    (void)pthread_mutex_lock(&m->lock);
    m->wake = true;
    (void)pthread_cond_signal(&m->woken);
    (void)pthread_mutex_unlock(&m->lock);
}

static stream *next_stream(rig *r) {
    (void)pthread_mutex_lock(&r->lock);
    stream *s = r->away;
    r->away = s != NULL ? s->next : NULL;
    (void)pthread_mutex_unlock(&r->lock);
    if (s == NULL) {
        s = calloc(1, sizeof *s);
    }
    return s;
}

static void subscribe(rig *r, stream *s, unsigned skip) {
    for (unsigned i = 0; i < PUBLISHERS; i++) {
        s->before[i] = __atomic_load_n(&r->returned[i], __ATOMIC_SEQ_CST);
    }
    for (unsigned t = 0; t < TOPICS; t++) {
        if (t == 0 || t != skip) {
            if (cstar__live_subscribe(s->live, cstar_cstr(names[t])) != CSTAR_OK) {
                (void)__atomic_add_fetch(&r->wrong, 1, __ATOMIC_RELAXED);
            }
        }
    }
    for (unsigned i = 0; i < PUBLISHERS; i++) {
        s->after[i] = __atomic_load_n(&r->begun[i], __ATOMIC_SEQ_CST);
    }
}

/* A new one has nothing of the past; one that comes back has the kept topic's. */
static void open_stream(rig *r, stream *s, unsigned dice) {
    const note last = s->last[0];
    const uint64_t last_id = s->last_id;
    memset(s, 0, sizeof *s);
    s->room = dice % ROOMS;
    s->live = cstar__live_new(cstar__hub_room(r->hub, s->room), last_id);
    cstar__live_set_conf(s->live, &conf, s);
    s->x = (cstar__exchange){.ops = &exchange_ops,
                             .machine = r,
                             .user = s,
                             .peer = &nobody,
                             .pool = &r->rooms[s->room].pool,
                             .state = CSTAR__RESPONSE_STREAMING};
    /* with others than the kept one it can't resume: their past is not kept */
    if (last_id != 0) {
        for (unsigned i = 0; i < PUBLISHERS; i++) {
            s->before[i] = __atomic_load_n(&r->returned[i], __ATOMIC_SEQ_CST);
        }
        if (cstar__live_subscribe(s->live, cstar_cstr(names[0])) != CSTAR_OK ||
            !cstar__live_resumes(s->live)) {
            (void)__atomic_add_fetch(&r->wrong, 1, __ATOMIC_RELAXED);
        }
        for (unsigned i = 0; i < PUBLISHERS; i++) {
            s->after[i] = __atomic_load_n(&r->begun[i], __ATOMIC_SEQ_CST);
        }
        s->resumed = true;
        s->last[0] = last;
        s->last_id = last_id;
        (void)__atomic_add_fetch(&r->resumptions, 1, __ATOMIC_RELAXED);
    } else {
        subscribe(r, s, dice / ROOMS % TOPICS);
    }
}

static void *start_streams(void *arg) {
    rig *r = arg;
    unsigned dice = (unsigned)(uintptr_t)&dice;
    while (!__atomic_load_n(&r->published, __ATOMIC_SEQ_CST)) {
        dice = dice * 1103515245 + 12345;
        room *m = &r->rooms[(dice >> 16) % ROOMS];
        if (__atomic_fetch_add(&m->n, 1, __ATOMIC_SEQ_CST) >= PER_ROOM) {
            (void)__atomic_sub_fetch(&m->n, 1, __ATOMIC_SEQ_CST);
            pause_us(100);
            continue;
        }
        stream *s = next_stream(r);
        open_stream(r, s, (dice >> 18 << 2) + m->index);
        (void)pthread_mutex_lock(&m->lock);
        s->next = m->handed;
        m->handed = s;
        m->wake = true;
        (void)pthread_cond_signal(&m->woken);
        (void)pthread_mutex_unlock(&m->lock);
    }
    return NULL;
}

/* ---- rooms ---------------------------------------------------------------------------------- */

static void cut_one(rig *r, room *m, stream **at, bool comes_back) {
    stream *s = *at;
    *at = s->next;
    s->x.broken = true;
    cstar__live_over(s->live);
    (void)__atomic_sub_fetch(&m->n, 1, __ATOMIC_SEQ_CST);
    (void)__atomic_add_fetch(&r->cuts, 1, __ATOMIC_RELAXED);
    if (!comes_back) {
        free(s);
        return;
    }
    (void)pthread_mutex_lock(&r->lock);
    s->next = r->away;
    r->away = s;
    (void)pthread_mutex_unlock(&r->lock);
}

static void start_handed(room *m, stream *s) {
    while (s != NULL) {
        stream *next = s->next;
        s->next = m->streams;
        m->streams = s;
        if (!s->resumed) { /* as web's snapshot tells the client */
            s->last_id = cstar__live_snapshot(s->live);
        }
        cstar__live_start(s->live, &s->x);
        s = next;
    }
}

static void cut_some(rig *r, room *m) {
    for (stream **at = &m->streams; *at != NULL;) {
        m->dice = m->dice * 1103515245 + 12345;
        if ((m->dice >> 16) % 40 == 0) {
            /* it may come back if what it saw of the kept topic is known to be without a hole */
            cut_one(r, m, at, (*at)->last[0].seq != 0);
        } else {
            at = &(*at)->next;
        }
    }
}

static void *run_room(void *arg) {
    room *m = arg;
    rig *r = m->rig;
    while (!__atomic_load_n(&r->stop, __ATOMIC_SEQ_CST)) {
        (void)pthread_mutex_lock(&m->lock);
        while (!m->wake) {
            (void)pthread_cond_wait(&m->woken, &m->lock);
        }
        m->wake = false;
        stream *handed = m->handed;
        m->handed = NULL;
        (void)pthread_mutex_unlock(&m->lock);
        (void)cstar__room_open_mail(cstar__hub_room(r->hub, m->index));
        start_handed(m, handed);
        if (!__atomic_load_n(&r->published, __ATOMIC_SEQ_CST)) {
            cut_some(r, m);
        }
    }
    return NULL;
}

/* ---- publishers ----------------------------------------------------------------------------- */

static cstar__packet *packet_of(note n) {
    cstar_buf b;
    cstar__packet_begin(&b, cstar_heap(), 100);
    cstar_buf_add(&b, (const char *)&n, sizeof n);
    cstar_buf_lit(&b, "\n\n");
    return n.seq % TOPICS == 0 ? cstar__packet_end_kept(&b, NULL) : cstar__packet_end(&b, NULL);
}

typedef struct publisher {
    rig *rig;
    uint32_t index;
} publisher;

static void *publish(void *arg) {
    const publisher *p = arg;
    rig *r = p->rig;
    for (uint32_t seq = 1; seq <= EACH; seq++) {
        __atomic_store_n(&r->begun[p->index], seq, __ATOMIC_SEQ_CST);
        cstar_status rc = CSTAR_EAGAIN;
        while (rc == CSTAR_EAGAIN) {
            cstar__packet *q = packet_of((note){p->index, seq});
            rc = cstar__hub_publish(r->hub, cstar_cstr(names[seq % TOPICS]), q);
            cstar__packet_unref(q);
            if (rc == CSTAR_EAGAIN) {
                pause_us(200);
            }
        }
        if (rc != CSTAR_OK) {
            (void)__atomic_add_fetch(&r->wrong, 1, __ATOMIC_RELAXED);
        }
        __atomic_store_n(&r->returned[p->index], seq, __ATOMIC_SEQ_CST);
    }
    return NULL;
}

/* ---- the test ------------------------------------------------------------------------------- */

static cstar__keep keep(void *arg, cstar_str topic) {
    (void)arg;
    return topic.len == 4
               ? (cstar__keep){.count = (size_t)PUBLISHERS * EACH, .bytes = (size_t)1 << 30}
               : (cstar__keep){.count = 0};
}

static size_t waiting_in(cstar__hub *hub) {
    cstar__hub_count c;
    cstar__hub_counts(hub, &c);
    return c.waiting;
}

/* Whoever stayed to the end has the last of each publisher. */
static void check_ends(rig *r, room *m) {
    for (const stream *s = m->streams; s != NULL; s = s->next) {
        for (uint32_t p = 0; p < PUBLISHERS; p++) {
            if (s->first[p][0] != 0 && !(s->resumed && s->before[p] == EACH)) {
                CHECK(s->seen[p] >= EACH - (TOPICS - 1), r, s, ((note){p, EACH}));
            }
        }
    }
}

static void all_see_the_same_order(void **state) {
    (void)state;
    static rig r;
    pthread_t rooms[ROOMS];
    pthread_t starters[STARTERS];
    pthread_t publishers[PUBLISHERS];
    publisher who[PUBLISHERS];
    /* so small that publishers have to wait for rooms now and then */
    r.hub = cstar__hub_new(&(cstar__hub_opts){
        .rooms = ROOMS, .max_waiting = 1 << 19, .keep = keep, .wake = wake, .arg = &r});
    (void)pthread_mutex_init(&r.lock, NULL);
    for (unsigned t = 0; t < TOPICS; t++) {
        r.follows[t] = calloc((size_t)PUBLISHERS * EACH, sizeof(uint32_t));
    }
    for (unsigned i = 0; i < ROOMS; i++) {
        r.rooms[i] = (room){.rig = &r, .index = i, .dice = i, .pool = {.driver = &driver}};
        (void)pthread_mutex_init(&r.rooms[i].lock, NULL);
        (void)pthread_cond_init(&r.rooms[i].woken, NULL);
        assert_int_equal(pthread_create(&rooms[i], NULL, run_room, &r.rooms[i]), 0);
    }
    for (unsigned i = 0; i < STARTERS; i++) {
        assert_int_equal(pthread_create(&starters[i], NULL, start_streams, &r), 0);
    }
    for (uint32_t i = 0; i < PUBLISHERS; i++) {
        who[i] = (publisher){&r, i};
        assert_int_equal(pthread_create(&publishers[i], NULL, publish, &who[i]), 0);
    }
    for (unsigned i = 0; i < PUBLISHERS; i++) {
        (void)pthread_join(publishers[i], NULL);
    }
    __atomic_store_n(&r.published, true, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < STARTERS; i++) {
        (void)pthread_join(starters[i], NULL);
    }
    while (waiting_in(r.hub) != 0) {
        pause_us(1000);
    }
    __atomic_store_n(&r.stop, true, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < ROOMS; i++) {
        wake(&r, i);
        (void)pthread_join(rooms[i], NULL);
        start_handed(&r.rooms[i], r.rooms[i].handed);
    }
    cstar__hub_settle(r.hub);
    for (unsigned i = 0; i < ROOMS; i++) {
        check_ends(&r, &r.rooms[i]);
        while (r.rooms[i].streams != NULL) {
            cut_one(&r, &r.rooms[i], &r.rooms[i].streams, false);
        }
    }
    while (r.away != NULL) {
        stream *s = r.away;
        r.away = s->next;
        free(s);
    }
    cstar__hub_settle(r.hub);
    cstar__hub_count c;
    cstar__hub_counts(r.hub, &c);
    assert_int_equal(c.topics, 1);
    assert_int_equal(c.waiting, 0);
    assert_int_equal(r.wrong, 0);
    print_message("%u delivered, %u cuts, %u came back, %u refusals\n", r.delivered, r.cuts,
                  r.resumptions, (unsigned)c.refused);
    assert_true(r.delivered > PUBLISHERS * EACH);
    assert_true(r.resumptions > 0);
    cstar__hub_free(r.hub);
    for (unsigned t = 0; t < TOPICS; t++) {
        free(r.follows[t]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_see_the_same_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
