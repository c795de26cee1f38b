/* test_gzip.c -- streams that take gzip beside twins that don't: whatever joins, leaves, waits, is
 * dropped or written in between, zlib decodes to the byte what the twin got.
 *
 * SPDX-License-Identifier: MIT */
#include "live/parts.h"
#include "support/failalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#if CSTAR_WITH_GZIP

#include <zlib.h>

static uint32_t seed = 5;

static uint32_t dice(uint32_t sides) {
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % sides;
}

/* ---- a client: an exchange that takes what it is told to take -------------------------------- */

enum { ANY = 1000000 };

typedef struct client {
    cstar__exchange x;         /* first */
    cstar__exchange_pool pool; /* for its numbers, and what is below */
    cstar__live *s;            /* NULL: over */
    z_stream z;
    cstar_buf got; /* decoded */
    bool gzip, ended, aborted;
    int inflated; /* zlib's last answer */
    int credit;   /* pieces that it takes before it is full */
    size_t bytes; /* on the wire */
} client;

static client *client_of(cstar__exchange *x) { return (client *)(void *)x; }

static void decode(client *c, cstar_str wire) {
    static char text[1 << 16];
    union {
        const char *in;
        Bytef *z;
    } from = {.in = wire.ptr};
    c->z.next_in = from.z;
    c->z.avail_in = (uInt)wire.len;
    do {
        c->z.next_out = (Bytef *)text;
        c->z.avail_out = sizeof text;
        c->inflated = inflate(&c->z, Z_SYNC_FLUSH);
        assert_true(c->inflated == Z_OK || c->inflated == Z_STREAM_END ||
                    c->inflated == Z_BUF_ERROR);
        cstar_buf_add(&c->got, text, sizeof text - c->z.avail_out);
    } while (c->z.avail_in != 0 || c->z.avail_out == 0);
}

static void receive(client *c, cstar_str wire) {
    assert_false(c->ended);
    c->bytes += wire.len;
    if (c->gzip) {
        decode(c, wire);
    } else {
        cstar_buf_str(&c->got, wire);
    }
    assert_int_equal(c->got.status, CSTAR_OK);
}

static cstar_status x_write(cstar__exchange *x, cstar_str bytes) {
    client *c = client_of(x);
    if (c->credit == 0) {
        return CSTAR_EAGAIN;
    }
    c->credit--;
    receive(c, bytes);
    return CSTAR_OK;
}

/* What stands around the content: that length and no other. */
static void check_chunk(const cstar__shared *p) {
    char head[24];
    const int n = snprintf(head, sizeof head, "%zx\r\n", p->bytes.len);
    assert_int_equal(p->chunk.len, (size_t)n + p->bytes.len + 2);
    assert_memory_equal(p->chunk.ptr, head, (size_t)n);
    assert_ptr_equal(p->bytes.ptr, p->chunk.ptr + n);
    assert_memory_equal(p->bytes.ptr + p->bytes.len, "\r\n", 2);
}

static cstar_status x_write_shared(cstar__exchange *x, const cstar__shared *const *pieces, size_t n,
                                   size_t *taken) {
    cstar_status rc = CSTAR_OK;
    while (*taken < n && (rc = x_write(x, pieces[*taken]->bytes)) == CSTAR_OK) {
        check_chunk(pieces[*taken]);
        ++*taken;
    }
    return rc;
}

static cstar_status x_end(cstar__exchange *x) {
    client_of(x)->ended = true;
    x->state = CSTAR__RESPONSE_DONE;
    return CSTAR_OK;
}

static void x_abort(cstar__exchange *x) {
    client_of(x)->aborted = true;
    x->broken = true;
}

static const cstar__exchange_ops x_ops = {
    .write = x_write, .write_shared = x_write_shared, .end = x_end, .abort = x_abort};

static cstar_status set_alarm(void *link, cstar__exchange *x, uint64_t ms) {
    (void)link, (void)ms;
    x->alarm = 1;
    return CSTAR_OK;
}

static const cstar__driver driver = {.alarm = set_alarm};

/* ---- a hub with one room --------------------------------------------------------------------- */

static uint64_t now_ms;

static uint64_t now(void *arg) {
    (void)arg;
    return now_ms;
}

static cstar__hub *hub_with(const cstar_allocator *alloc, cstar__coding_budget *budget) {
    return cstar__hub_new(
        &(cstar__hub_opts){.alloc = alloc, .rooms = 1, .budget = budget, .now = now});
}

static void open_mail(cstar__hub *hub) {
    while (cstar__room_open_mail(cstar__hub_room(hub, 0))) {
    }
}

static void open_client(client *c, bool gzip) {
    memset(c, 0, sizeof *c);
    c->pool.driver = &driver;
    c->x = (cstar__exchange){.ops = &x_ops,
                             .peer = &cstar__nobody,
                             .pool = &c->pool,
                             .state = CSTAR__RESPONSE_STREAMING};
    c->gzip = gzip;
    c->credit = ANY;
    cstar_buf_init(&c->got, cstar_heap(), (size_t)64 << 20);
    assert_int_equal(inflateInit2(&c->z, 15 + 16), Z_OK);
}

static void close_client(client *c) {
    if (c->s != NULL) {
        cstar__live_over(c->s);
        c->s = NULL;
    }
    cstar_buf_fini(&c->got);
    (void)inflateEnd(&c->z);
}

static const cstar__live_conf strict = {.ping_ms = 1000, .grace_ms = 100, .max_waiting = 3000};
static const cstar__live_conf lossy = {
    .ping_ms = 1000, .grace_ms = 100, .max_waiting = 3000, .drop = true};

typedef struct joining {
    const cstar__live_conf *conf;
    const char *topic, *topic2;
    const char *first; /* NULL: nothing is said */
} joining;

/* @return false: there was no memory. */
static bool join_with(cstar__hub *hub, client *c, const joining *j) {
    c->s = cstar__live_new(cstar__hub_room(hub, 0), 0);
    if (c->s == NULL) {
        return false;
    }
    cstar__live_set_conf(c->s, j->conf, c);
    const char *first = j->first != NULL ? j->first : "";
    if (cstar__live_subscribe(c->s, cstar_cstr(j->topic)) != CSTAR_OK ||
        (j->topic2 != NULL && cstar__live_subscribe(c->s, cstar_cstr(j->topic2)) != CSTAR_OK) ||
        (c->gzip && !cstar__live_use_gzip(c->s)) ||
        cstar__live_say_first(c->s, &c->x, cstar_cstr(first)) != CSTAR_OK) {
        return false;
    }
    cstar__live_start(c->s, &c->x);
    return true;
}

static void join(cstar__hub *hub, client *c, const char *topic) {
    assert_true(join_with(hub, c, &(joining){.conf = &strict, .topic = topic}));
    open_mail(hub);
}

static cstar__packet *packet_of(const cstar_allocator *alloc, const char *text, const char *key) {
    cstar_buf b;
    cstar__packet_begin(&b, alloc, 0);
    cstar_buf_puts(&b, text);
    return cstar__packet_end(&b, key);
}

static cstar_status publish(cstar__hub *hub, const char *topic, const char *text, const char *key) {
    cstar__packet *p = packet_of(cstar__hub_alloc(hub), text, key);
    const cstar_status rc =
        p != NULL ? cstar__hub_publish(hub, cstar_cstr(topic), p) : CSTAR_ENOMEM;
    cstar__packet_unref(p);
    return rc;
}

static void publish_now(cstar__hub *hub, const char *topic, const char *text) {
    assert_int_equal(publish(hub, topic, text, NULL), CSTAR_OK);
    open_mail(hub);
}

static void got(const client *c, const char *text) {
    assert_int_equal(c->got.len, strlen(text));
    assert_memory_equal(c->got.len != 0 ? c->got.ptr : "", text, c->got.len);
}

static void wake(client *c, int credit) {
    c->credit = credit;
    cstar__live_wake(c->s);
}

/* ---- the property ---------------------------------------------------------------------------- */

enum { PAIRS = 5, STEPS = 150, RUNS = 120 };

typedef struct pair {
    client zipped, plain;
    bool open;
} pair;

typedef struct world {
    cstar__hub *hub;
    pair pairs[PAIRS];
    uint64_t shared, alone, ends, cuts, waited;
    size_t zipped_bytes, plain_bytes;
} world;

static const char *topic_name(uint32_t i) {
    static const char *const names[] = {"a", "b"};
    return names[i];
}

/* Mostly alike. */
static const char *some_event(void) {
    static char text[4000];
    const size_t n = dice(20) == 0 ? 200 + dice(3000) : dice(80);
    (void)snprintf(text, sizeof text, "event: patch\ndata: signals {\"n\":%u,\"m\":%u}\n%-*s\n\n",
                   (unsigned)dice(1000), (unsigned)dice(3), (int)n, "data: elements");
    return text;
}

static void open_pair(world *w, pair *p) {
    const joining j = {.conf = dice(2) == 0 ? &lossy : &strict,
                       .topic = topic_name(dice(4) == 0),
                       .topic2 = dice(5) == 0 ? "b" : NULL,
                       .first = dice(2) == 0 ? some_event() : NULL};
    open_client(&p->zipped, true);
    open_client(&p->plain, false);
    assert_true(join_with(w->hub, &p->zipped, &j));
    assert_true(join_with(w->hub, &p->plain, &j));
    p->open = true;
}

static void close_pair(world *w, pair *p) {
    w->shared += p->zipped.pool.stats.live_gzip_shared;
    w->alone += p->zipped.pool.stats.live_gzip_alone;
    w->zipped_bytes += p->zipped.bytes;
    w->plain_bytes += p->plain.bytes;
    w->ends += p->zipped.ended;
    w->cuts += p->zipped.aborted;
    close_client(&p->zipped);
    close_client(&p->plain);
    p->open = false;
}

static void end_pair(pair *p) {
    wake(&p->zipped, ANY);
    wake(&p->plain, ANY);
    if (!p->zipped.aborted) {
        cstar__live_end(p->zipped.s, CSTAR__LIVE_HALTED);
        cstar__live_end(p->plain.s, CSTAR__LIVE_HALTED);
        assert_true(p->zipped.ended);
        assert_int_equal(p->zipped.inflated, Z_STREAM_END);
    }
}

/* To one stream: written, or sent by its address. */
static void tell_pair(world *w, pair *p) {
    const char *text = some_event();
    if (dice(2) == 0) {
        assert_int_equal(cstar__live_write(p->zipped.s, cstar_cstr(text)),
                         cstar__live_write(p->plain.s, cstar_cstr(text)));
        return;
    }
    cstar__packet *packet = packet_of(cstar_heap(), text, NULL);
    assert_non_null(packet);
    const uint64_t to[] = {cstar__live_address(p->zipped.s), cstar__live_address(p->plain.s)};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(cstar__hub_send(w->hub, to[i], packet), CSTAR_OK);
    }
    cstar__packet_unref(packet);
}

static void resubscribe(pair *p) {
    cstar__live *both[] = {p->zipped.s, p->plain.s};
    const cstar_str topic = cstar_cstr(topic_name(dice(2)));
    const bool off = dice(2) == 0;
    for (int i = 0; i < 2; i++) {
        if (off) {
            (void)cstar__live_unsubscribe(both[i], topic);
        } else {
            assert_int_equal(cstar__live_subscribe(both[i], topic), CSTAR_OK);
        }
    }
}

static void stall(pair *p) { p->zipped.credit = p->plain.credit = (int)dice(4); }

static void go_on(pair *p) {
    const int credit = dice(3) == 0 ? (int)dice(10) : ANY;
    wake(&p->zipped, credit);
    wake(&p->plain, credit);
}

static void publish_some(const world *w) {
    static const char *const keys[] = {NULL, NULL, "k", "l"};
    for (uint32_t n = dice(6) == 0 ? 1 + dice(100) : 1; n != 0; n--) {
        assert_int_equal(publish(w->hub, topic_name(dice(5) == 0), some_event(), keys[dice(4)]),
                         CSTAR_OK);
    }
}

static void step(world *w) {
    pair *p = &w->pairs[dice(PAIRS)];
    const uint32_t what = dice(40);
    if (!p->open) {
        if (what < 8) {
            open_pair(w, p);
        }
    } else if (what < 1) {
        end_pair(p);
    } else if (what < 2) {
        close_pair(w, p);
    } else if (what < 4) {
        tell_pair(w, p);
    } else if (what < 5) {
        resubscribe(p);
    } else if (what < 7) {
        stall(p);
    } else if (what < 11) {
        go_on(p);
    }
    if (what >= 11) {
        publish_some(w);
    }
}

static void compare(world *w) {
    for (size_t i = 0; i < PAIRS; i++) {
        pair *p = &w->pairs[i];
        if (!p->open) {
            continue;
        }
        const client *z = &p->zipped;
        const client *t = &p->plain;
        assert_int_equal(z->got.len, t->got.len);
        assert_memory_equal(z->got.len != 0 ? z->got.ptr : "", t->got.len != 0 ? t->got.ptr : "",
                            z->got.len);
        assert_int_equal(z->aborted, t->aborted);
        assert_int_equal(z->ended, t->ended);
        w->waited += z->s->waiting != NULL;
        if (z->aborted || z->ended) {
            close_pair(w, p);
        }
    }
}

static void zlib_decodes_what_the_twin_got(void **state) {
    (void)state;
    world w = {.hub = NULL};
    cstar__coding_budget budget = {.limit = 0};
    for (unsigned run = 0; run < RUNS; run++) {
        failalloc f;
        failalloc_init(&f, 0);
        w.hub = hub_with(&f.alloc, &budget);
        assert_non_null(w.hub);
        for (unsigned n = 0; n < STEPS; n++) {
            step(&w);
            open_mail(w.hub);
            compare(&w);
        }
        for (size_t i = 0; i < PAIRS; i++) {
            if (w.pairs[i].open) {
                close_pair(&w, &w.pairs[i]);
            }
        }
        open_mail(w.hub);
        assert_int_equal(atomic_load(&budget.used), 0);
        cstar__hub_free(w.hub);
        assert_int_equal(f.live_blocks, 0);
    }
    /* that it was about all of it */
    assert_true(w.shared > 4000 && w.alone > 2000 && w.ends > 40 && w.cuts > 40);
    assert_true(w.waited > 400 && w.zipped_bytes < w.plain_bytes);
}

/* ---- one by one ------------------------------------------------------------------------------ */

static void frames_are_shared_from_the_first_one(void **state) {
    (void)state;
    cstar__hub *hub = hub_with(cstar_heap(), NULL);
    client a;
    client b;
    open_client(&a, true);
    open_client(&b, true);
    join(hub, &a, "t");
    join(hub, &b, "t");
    for (int i = 0; i < 3; i++) {
        publish_now(hub, "t", "data: the same\n\n");
    }
    got(&a, "data: the same\n\ndata: the same\n\ndata: the same\n\n");
    got(&b, "data: the same\n\ndata: the same\n\ndata: the same\n\n");
    assert_int_equal(a.pool.stats.live_gzip_shared, 3);
    assert_int_equal(b.pool.stats.live_gzip_shared, 3);
    close_client(&a);
    close_client(&b);
    open_mail(hub);
    cstar__hub_free(hub);
}

static void who_joins_later_is_in_step_from_the_next_key_frame(void **state) {
    (void)state;
    cstar__hub *hub = hub_with(cstar_heap(), NULL);
    client a;
    client b;
    open_client(&a, true);
    open_client(&b, true);
    join(hub, &a, "t");
    for (int i = 0; i < 60; i++) { /* nobody asks for a key frame */
        publish_now(hub, "t", "data: x\n\n");
    }
    join(hub, &b, "t");
    publish_now(hub, "t", "data: x\n\n");
    assert_int_equal(b.pool.stats.live_gzip_alone, 1);
    publish_now(hub, "t", "data: x\n\n"); /* b was out of step: it is one */
    publish_now(hub, "t", "data: x\n\n");
    assert_int_equal(b.pool.stats.live_gzip_alone, 1);
    assert_int_equal(b.pool.stats.live_gzip_shared, 2);
    got(&b, "data: x\n\ndata: x\n\ndata: x\n\n");
    for (int i = 0; i < 5; i++) {
        publish_now(hub, "t", "data: x\n\n");
    }
    assert_int_equal(cstar__live_write(b.s, CSTAR_STR(": mine\n\n")), CSTAR_OK);
    for (int i = 0; i < 30; i++) {
        publish_now(hub, "t", "data: x\n\n");
    }
    assert_true(b.pool.stats.live_gzip_alone > 10 && b.pool.stats.live_gzip_alone < 26);
    assert_int_equal(a.pool.stats.live_gzip_alone, 0);
    close_client(&a);
    close_client(&b);
    open_mail(hub);
    cstar__hub_free(hub);
}

static void a_stream_that_says_nothing_is_whole(void **state) {
    (void)state;
    cstar__hub *hub = hub_with(cstar_heap(), NULL);
    client c;
    open_client(&c, true);
    join(hub, &c, "t");
    assert_int_equal(c.bytes, CSTAR__SPLICE_HEAD);
    cstar__live_end(c.s, CSTAR__LIVE_HALTED);
    assert_true(c.ended);
    assert_int_equal(c.inflated, Z_STREAM_END);
    got(&c, "");
    close_client(&c);
    open_mail(hub);
    cstar__hub_free(hub);
}

static void a_trailer_that_finds_no_room_waits(void **state) {
    (void)state;
    cstar__hub *hub = hub_with(cstar_heap(), NULL);
    client c;
    open_client(&c, true);
    join(hub, &c, "t");
    publish_now(hub, "t", "data: 1\n\n");
    c.credit = 0;
    cstar__live_end(c.s, CSTAR__LIVE_DRAINED);
    assert_false(c.ended);
    assert_int_equal(c.x.alarm, 1); /* its grace period */
    wake(&c, 1);
    assert_true(c.ended);
    assert_int_equal(c.inflated, Z_STREAM_END);
    close_client(&c);
    open_mail(hub);
    cstar__hub_free(hub);
}

static void a_ping_has_no_text_and_leaves_it_in_step(void **state) {
    (void)state;
    cstar__hub *hub = hub_with(cstar_heap(), NULL);
    client c;
    open_client(&c, true);
    now_ms = 1;
    join(hub, &c, "t");
    publish_now(hub, "t", "data: 1\n\n");
    for (int i = 0; i < 2; i++) { /* the first one finds that something was sent */
        now_ms += strict.ping_ms;
        c.x.alarm = 0;
        const size_t before = c.bytes;
        wake(&c, ANY);
        assert_int_equal(c.bytes - before, i == 0 ? 0 : 5);
    }
    publish_now(hub, "t", "data: 2\n\n");
    got(&c, "data: 1\n\ndata: 2\n\n");
    assert_int_equal(c.pool.stats.live_gzip_shared, 2);
    cstar__live_end(c.s, CSTAR__LIVE_HALTED);
    assert_int_equal(c.inflated, Z_STREAM_END);
    close_client(&c);
    open_mail(hub);
    cstar__hub_free(hub);
}

static void encoders_count_and_go_with_who_needs_them(void **state) {
    (void)state;
    cstar__coding_budget budget = {.limit = 0};
    const size_t each = cstar__splicer_memory(NULL);
    cstar__hub *hub = hub_with(cstar_heap(), &budget);
    client plain;
    client c;
    open_client(&plain, false);
    open_client(&c, true);
    join(hub, &plain, "t");
    publish_now(hub, "t", "data: 1\n\n");
    assert_int_equal(atomic_load(&budget.used), 0);
    join(hub, &c, "t");
    assert_int_equal(atomic_load(&budget.used), each);
    publish_now(hub, "t", "data: 1\n\n");
    assert_int_equal(atomic_load(&budget.used), 2 * each);
    assert_int_equal(cstar__live_unsubscribe(c.s, CSTAR_STR("t")), CSTAR_OK);
    assert_int_equal(atomic_load(&budget.used), each);
    publish_now(hub, "t", "data: 1\n\n");
    close_client(&c);
    assert_int_equal(atomic_load(&budget.used), 0);
    publish_now(hub, "t", "data: 1\n\n");
    close_client(&plain);
    open_mail(hub);
    cstar__hub_free(hub);
}

static void past_the_budget_it_comes_alone_or_not_at_all(void **state) {
    (void)state;
    const size_t each = cstar__splicer_memory(NULL);
    cstar__coding_budget budget = {.limit = each - 1};
    cstar__hub *hub = hub_with(cstar_heap(), &budget);
    client c;
    open_client(&c, true);
    c.s = cstar__live_new(cstar__hub_room(hub, 0), 0);
    assert_non_null(c.s);
    assert_false(cstar__live_use_gzip(c.s));
    close_client(&c);
    budget.limit = each + 1;
    open_client(&c, true);
    join(hub, &c, "t");
    publish_now(hub, "t", "data: 1\n\n");
    publish_now(hub, "t", "data: 2\n\n");
    got(&c, "data: 1\n\ndata: 2\n\n");
    assert_int_equal(c.pool.stats.live_gzip_alone, 2);
    assert_int_equal(atomic_load(&budget.used), each);
    budget.limit = 4 * each; /* half of it is for these */
    publish_now(hub, "t", "data: 3\n\n");
    publish_now(hub, "t", "data: 4\n\n");
    got(&c, "data: 1\n\ndata: 2\n\ndata: 3\n\ndata: 4\n\n");
    assert_int_equal(c.pool.stats.live_gzip_shared, 2);
    close_client(&c);
    assert_int_equal(atomic_load(&budget.used), 0);
    open_mail(hub);
    cstar__hub_free(hub);
}

/* ---- failing memory -------------------------------------------------------------------------- */

/* Whatever fails, a stream that is not cut has all that was published and written. */
static void scenario(cstar__hub *hub, client *c, cstar_buf *said) {
    char text[40];
    for (int i = 0; i < 40; i++) {
        (void)snprintf(text, sizeof text, "data: %d\n\n", i);
        if (i == 12) {
            c->credit = 0;
        } else if (i == 20) {
            wake(c, ANY);
        }
        const bool own = i % 7 == 3;
        if ((own ? cstar__live_write(c->s, cstar_cstr(text)) : publish(hub, "t", text, NULL)) ==
            CSTAR_OK) {
            cstar_buf_puts(said, text);
        }
        if (i % 3 != 0) {
            open_mail(hub);
        }
        if (c->aborted) {
            return;
        }
        if (i % 3 == 0 && !own) {
            open_mail(hub);
        }
    }
    cstar__live_end(c->s, CSTAR__LIVE_HALTED);
}

static bool survives(size_t fail_at) {
    failalloc f;
    cstar_buf said;
    client c;
    failalloc_init(&f, 0);
    cstar__hub *hub = hub_with(&f.alloc, NULL);
    f.fail_at = f.calls + fail_at;
    cstar_buf_init(&said, cstar_heap(), 0);
    open_client(&c, true);
    const bool joined = join_with(hub, &c, &(joining){.conf = &strict, .topic = "t"});
    open_mail(hub);
    if (joined && !c.aborted) {
        scenario(hub, &c, &said);
    }
    if (c.ended) {
        assert_int_equal(c.inflated, Z_STREAM_END);
        assert_int_equal(c.got.len, said.len);
    } else {
        assert_true(!joined || c.aborted);
        assert_true(c.got.len <= said.len);
    }
    if (c.got.len != 0) {
        assert_memory_equal(c.got.ptr, said.ptr, c.got.len);
    }
    const bool failed = f.calls >= f.fail_at;
    close_client(&c);
    open_mail(hub);
    cstar__hub_free(hub);
    assert_int_equal(f.live_blocks, 0);
    cstar_buf_fini(&said);
    return !failed;
}

static void failing_memory_cuts_or_leaves_it_whole(void **state) {
    (void)state;
    size_t n = 1;
    while (!survives(n)) {
        n++;
    }
    assert_true(n > 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zlib_decodes_what_the_twin_got),
        cmocka_unit_test(frames_are_shared_from_the_first_one),
        cmocka_unit_test(who_joins_later_is_in_step_from_the_next_key_frame),
        cmocka_unit_test(a_stream_that_says_nothing_is_whole),
        cmocka_unit_test(a_trailer_that_finds_no_room_waits),
        cmocka_unit_test(a_ping_has_no_text_and_leaves_it_in_step),
        cmocka_unit_test(encoders_count_and_go_with_who_needs_them),
        cmocka_unit_test(past_the_budget_it_comes_alone_or_not_at_all),
        cmocka_unit_test(failing_memory_cuts_or_leaves_it_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void) { return 77; }

#endif
