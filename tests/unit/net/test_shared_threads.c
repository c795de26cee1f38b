/* test_shared_threads.c -- pieces that many streams share, over real sockets; mail for workers from
 * any thread; and the drain of streams.
 *
 *     threads ──publish──▶ hub (one lock) ──wake──▶ on_mail ──▶ every stream of that worker
 *                                                  on_wake ──▶ one that was full
 *
 *     GET /stream   streams what is published from then on, until the hub is done
 *     GET /         waits for ever
 *
 * ctest: timeout=60 labels=threads
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* what uv.h needs of POSIX */
#include "net/worker.h"
#include "support/netrig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    THREADS = 4,
    EACH = 400,
    MOST = THREADS * EACH + 1,
    LONGEST = 9000,
    WORKERS = 3,
    STREAMS = 8
};

typedef struct stream {
    cstar__exchange *x;
    size_t next;
} stream;

/* A worker's own; read by the test only behind the server's end. */
typedef struct desk {
    pthread_t thread;
    bool known;
    stream streams[STREAMS];
    size_t nstreams;
    size_t seen;
} desk;

typedef struct rig {
    netrig net; /* first: the handler's context */
    desk desks[WORKERS];
    pthread_mutex_t lock;
    cstar__shared *pieces[MOST]; /* under the lock, as the next two */
    size_t n;
    bool done;
    unsigned mails, refused, opened, drains, strange, lists; /* atomic */
    unsigned counter, counted;                               /* atomic */
    bool says_bye;
} rig;

static void count(unsigned *n) { (void)__atomic_add_fetch(n, 1, __ATOMIC_SEQ_CST); }
static unsigned get(const unsigned *n) { return __atomic_load_n(n, __ATOMIC_SEQ_CST); }

/* ---- the floor above ------------------------------------------------------------------------ */

/* Everything of a worker happens on one thread. */
static desk *desk_of(rig *r, unsigned worker) {
    if (worker >= WORKERS) {
        count(&r->strange);
        return NULL;
    }
    desk *d = &r->desks[worker];
    if (d->known && !pthread_equal(d->thread, pthread_self())) {
        count(&r->strange);
    }
    d->known = true;
    d->thread = pthread_self();
    return d;
}

/* Published so far. What lies before that does not change any more. */
static size_t published(rig *r, bool *done) {
    (void)pthread_mutex_lock(&r->lock);
    const size_t n = r->n;
    *done = r->done;
    (void)pthread_mutex_unlock(&r->lock);
    return n;
}

/* @return false: the stream has ended. */
static bool offer(rig *r, stream *s) {
    bool done = false;
    size_t taken = 0;
    const size_t n = published(r, &done);
    const cstar_status rc = cstar__respond_shared(
        s->x, (const cstar__shared *const *)r->pieces + s->next, n - s->next, &taken);
    s->next += taken;
    if (rc == CSTAR_EAGAIN) {
        count(&r->refused);
    } else if (rc != CSTAR_OK && rc != CSTAR_ECLOSED) {
        count(&r->strange);
    }
    if (rc != CSTAR_OK || !done) {
        return true;
    }
    (void)cstar__respond_end(s->x);
    return false;
}

static void on_mail(void *arg, unsigned worker) {
    rig *r = arg;
    desk *d = desk_of(r, worker);
    count(&r->mails);
    __atomic_store_n(&r->counted, get(&r->counter), __ATOMIC_SEQ_CST);
    for (size_t i = 0; d != NULL && i < d->nstreams;) {
        i += offer(r, &d->streams[i]) ? 1 : 0; /* on_close has taken it off */
    }
}

static stream *find(rig *r, const cstar__exchange *x) {
    desk *d = desk_of(r, x->peer->worker);
    for (size_t i = 0; d != NULL && i < d->nstreams; i++) {
        if (d->streams[i].x == x) {
            return &d->streams[i];
        }
    }
    return NULL;
}

static void on_end(void *ctx, cstar__exchange *x) {
    rig *r = ctx;
    desk *d = desk_of(r, x->peer->worker);
    if (!cstar_str_eq(x->request.path, CSTAR_STR("/stream"))) {
        x->later = true;
        count(&r->opened);
        return;
    }
    if (d == NULL || d->nstreams == STREAMS || cstar__respond_start(x, 200, NULL, 0) != CSTAR_OK) {
        count(&r->strange);
        cstar__respond_abort(x);
        return;
    }
    d->streams[d->nstreams++] = (stream){.x = x};
    count(&r->opened);
}

static void on_wake(void *ctx, cstar__exchange *x) {
    stream *s = find(ctx, x);
    if (s != NULL) {
        (void)offer(ctx, s);
    }
}

static void on_drain(void *ctx, cstar__exchange *x) {
    rig *r = ctx;
    count(&r->drains);
    if (r->says_bye) {
        (void)cstar__respond_write(x, CSTAR_STR("bye"));
        (void)cstar__respond_end(x);
    }
}

static void on_close(void *ctx, cstar__exchange *x) {
    rig *r = ctx;
    stream *s = find(r, x);
    if (s != NULL) {
        desk *d = &r->desks[x->peer->worker];
        *s = d->streams[--d->nstreams];
    }
    count(&r->net.closes);
}

/* ---- life ----------------------------------------------------------------------------------- */

static void *run(void *arg) {
    netrig *r = arg;
    r->result = cstar__server_run(r->server);
    return NULL;
}

/* Not running yet. */
static rig *open_rig(cstar__server_opts opts) {
    rig *r = calloc(1, sizeof *r);
    assert_non_null(r);
    assert_int_equal(pthread_mutex_init(&r->lock, NULL), 0);
    opts.on_mail = opts.on_mail != NULL ? opts.on_mail : on_mail;
    netrig_new(&r->net, opts);
    r->net.handler.on_end = on_end;
    r->net.handler.on_wake = on_wake;
    r->net.handler.on_close = on_close;
    r->net.handler.on_drain = on_drain;
    return r;
}

static void start(rig *r) {
    assert_int_equal(pthread_create(&r->net.thread, NULL, run, &r->net), 0);
}

static void free_rig(rig *r) {
    assert_int_equal(r->strange, 0);
    for (size_t i = 0; i < r->n; i++) {
        free(r->pieces[i]);
    }
    (void)pthread_mutex_destroy(&r->lock);
    free(r);
}

static void stop(rig *r) {
    netrig_stop(&r->net);
    free_rig(r);
}

static void wake_all(rig *r) {
    for (unsigned i = 0; i < cstar__server_workers(r->net.server); i++) {
        cstar__server_wake(r->net.server, i);
    }
}

/* "<who>:<number>:" and filling. */
static cstar__shared *make_piece(unsigned who, unsigned number) {
    const size_t len = 12 + (number * 7919u + who * 104729u) % (LONGEST - 12);
    cstar__shared *p = malloc(sizeof *p + len + 16);
    assert_non_null(p);
    char *chunk = (char *)(p + 1);
    const int head = snprintf(chunk, 16, "%zx\r\n", len);
    char *at = chunk + head;
    memset(at, 'x', len);
    const int n = snprintf(at, 12, "%u:%u:", who, number);
    at[n] = 'x'; /* where the zero was */
    memcpy(at + len, "\r\n", 2);
    p->chunk = cstar_view(chunk, (size_t)head + len + 2);
    p->bytes = cstar_view(at, len);
    return p;
}

static void publish(rig *r, cstar__shared *p) {
    (void)pthread_mutex_lock(&r->lock);
    if (p != NULL) {
        r->pieces[r->n++] = p;
    } else {
        r->done = true;
    }
    (void)pthread_mutex_unlock(&r->lock);
    wake_all(r);
}

typedef struct author {
    pthread_t thread;
    rig *rig;
    unsigned who;
} author;

static void *write_all(void *arg) {
    const author *a = arg;
    for (unsigned i = 0; i < EACH; i++) {
        publish(a->rig, make_piece(a->who, i));
    }
    return NULL;
}

static void write_together(rig *r, void *(*f)(void *)) {
    author authors[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        authors[i] = (author){.rig = r, .who = i};
        assert_int_equal(pthread_create(&authors[i].thread, NULL, f, &authors[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(authors[i].thread, NULL), 0);
    }
}

/* ---- clients -------------------------------------------------------------------------------- */

static int open_stream(rig *r, int rcvbuf) {
    const unsigned before = get(&r->opened);
    int fd = netrig_socket();
    if (rcvbuf != 0) {
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof rcvbuf), 0);
    }
    assert_true(netrig_connect(&r->net, fd));
    netrig_say(fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    NETRIG_AWAIT(get(&r->opened) > before);
    return fd;
}

static void read_fully(int fd, char *to, size_t len) {
    while (len != 0) {
        const ssize_t got = recv(fd, to, len, 0);
        assert_true(got > 0);
        to += got;
        len -= (size_t)got;
    }
}

static void skip_head(int fd) {
    char last[4] = {0};
    while (memcmp(last, "\r\n\r\n", 4) != 0) {
        memmove(last, last + 1, 3);
        read_fully(fd, last + 3, 1);
    }
}

/* @return the length of the next chunk, which is in `to`. */
static size_t read_chunk(int fd, char *to) {
    char head[16];
    size_t n = 0;
    do {
        assert_true(n + 1 < sizeof head);
        read_fully(fd, head + n, 1);
    } while (head[n++] != '\n');
    head[n] = '\0';
    const size_t len = (size_t)strtoul(head, NULL, 16);
    char tail[2];
    assert_true(len <= LONGEST);
    read_fully(fd, to, len);
    read_fully(fd, tail, 2);
    assert_memory_equal(tail, "\r\n", 2);
    return len;
}

/* All that was published, in that order, and the end. */
static void hear_all(const rig *r, int fd) {
    char got[LONGEST];
    skip_head(fd);
    for (size_t i = 0; i < r->n; i++) {
        const cstar__shared *p = r->pieces[i];
        assert_int_equal(read_chunk(fd, got), p->bytes.len);
        assert_memory_equal(got, p->bytes.ptr, p->bytes.len);
    }
    assert_int_equal(read_chunk(fd, got), 0);
}

/* ---- streams -------------------------------------------------------------------------------- */

static void who_reads_late_gets_all_in_order(void **state) {
    (void)state;
    rig *r = open_rig((cstar__server_opts){.workers = 2});
    start(r);
    int fds[4];
    for (size_t i = 0; i < 4; i++) {
        fds[i] = open_stream(r, i % 2 == 0 ? 4096 : 0);
    }
    write_together(r, write_all);
    publish(r, NULL);
    NETRIG_AWAIT(get(&r->refused) != 0); /* more than sockets take */
    for (size_t i = 0; i < 4; i++) {
        hear_all(r, fds[i]);
        close(fds[i]);
    }
    stop(r);
}

/* What waits for somebody who does not read is bounded, whatever is published. */
static void who_does_not_read_costs_little(void **state) {
    (void)state;
    rig *r = open_rig((cstar__server_opts){0});
    start(r);
    int fd = open_stream(r, 4096);
    write_together(r, write_all);
    NETRIG_AWAIT(get(&r->refused) != 0);
    NETRIG_AWAIT(netrig_stats(&r->net).waiting_bytes != 0);
    assert_true(netrig_stats(&r->net).waiting_bytes <= 256 * 1024 + LONGEST + 16);
    close(fd);
    stop(r);
}

/* In the middle of it, and of others. */
static void who_leaves_takes_nobody_along(void **state) {
    (void)state;
    rig *r = open_rig((cstar__server_opts){0});
    start(r);
    int stays = open_stream(r, 0);
    int leaves = open_stream(r, 4096);
    int gone = open_stream(r, 0);
    close(gone);
    const struct linger reset = {.l_onoff = 1};
    publish(r, make_piece(0, 0));
    assert_int_equal(setsockopt(leaves, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
    close(leaves);
    write_together(r, write_all);
    publish(r, NULL);
    hear_all(r, stays);
    close(stays);
    stop(r);
}

/* ---- mail ----------------------------------------------------------------------------------- */

static void wakes_before_the_start_come_with_it(void **state) {
    (void)state;
    rig *r = open_rig((cstar__server_opts){.workers = WORKERS});
    for (int i = 0; i < 1000; i++) {
        wake_all(r);
    }
    cstar__server_wake(r->net.server, WORKERS); /* there is none */
    assert_int_equal(get(&r->mails), 0);
    start(r);
    NETRIG_AWAIT(get(&r->mails) == WORKERS); /* a thousand are one */
    cstar__server_wake(r->net.server, 1);
    NETRIG_AWAIT(get(&r->mails) == WORKERS + 1);
    stop(r);
}

static void *count_up(void *arg) {
    const author *a = arg;
    for (unsigned i = 0; i < EACH * 20; i++) {
        count(&a->rig->counter);
        wake_all(a->rig);
    }
    return NULL;
}

/* What was done before a wake is seen behind it. */
static void no_wake_is_lost(void **state) {
    (void)state;
    rig *r = open_rig((cstar__server_opts){0});
    start(r);
    for (unsigned round = 1; round <= 5; round++) {
        write_together(r, count_up);
        NETRIG_AWAIT(get(&r->counted) == round * THREADS * EACH * 20);
    }
    assert_true(get(&r->mails) <= 5 * THREADS * EACH * 20);
    stop(r);
}

static void wakes_behind_the_end_do_nothing(void **state) {
    (void)state;
    rig *r = open_rig((cstar__server_opts){.workers = 2});
    start(r);
    cstar__server_stop(r->net.server);
    wake_all(r);
    assert_int_equal(pthread_join(r->net.thread, NULL), 0);
    const unsigned mails = get(&r->mails);
    wake_all(r);
    assert_int_equal(get(&r->mails), mails);
    assert_int_equal(r->net.result, CSTAR_OK);
    cstar__server_free(r->net.server);
    assert_int_equal(get(&r->mails), mails);
    free_rig(r);
}

static void nobody_need_read_mail(void **state) {
    (void)state;
    netrig n;
    netrig_start(&n, (cstar__server_opts){0});
    cstar__server_wake(n.server, 0);
    int fd = netrig_dial(&n, 0);
    assert_true(netrig_ask(fd, "/a"));
    close(fd);
    netrig_stop(&n);
}

/* ---- waits ---------------------------------------------------------------------------------- */

static bool is_empty(const cstar__link *ring) { return ring->next == ring; }

static void look_at_lists(void *arg, unsigned worker) {
    rig *r = arg;
    const cstar__worker *w = &r->net.server->workers[worker];
    const unsigned app = is_empty(&w->waits[CSTAR__WAIT_APP]) ? 0 : 1;
    const unsigned clock = is_empty(&w->waits[CSTAR__WAIT_CLOCK]) ? 0 : 2;
    __atomic_store_n(&r->lists, app + clock + 4, __ATOMIC_SEQ_CST);
}

static unsigned lists_of(rig *r) {
    __atomic_store_n(&r->lists, 0, __ATOMIC_SEQ_CST);
    cstar__server_wake(r->net.server, 0);
    NETRIG_AWAIT(get(&r->lists) != 0);
    return get(&r->lists) - 4;
}

/* HTTP/1.1 has nothing to do while it waits for the application, HTTP/2 has. */
static void only_http2_is_told_the_time(void **state) {
    (void)state;
    rig *r = open_rig((cstar__server_opts){.on_mail = look_at_lists});
    start(r);
    assert_int_equal(lists_of(r), 0);
    int fd = open_stream(r, 0);
    NETRIG_AWAIT(lists_of(r) == 1);
#if CSTAR_WITH_HTTP2
    static const char request[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                                  "\0\0\0\4\0\0\0\0\0"
                                  "\0\0\6\1\5\0\0\0\1\x82\x86\x84\x41\1x";
    int h2 = netrig_dial(&r->net, 0);
    assert_int_equal(send(h2, request, sizeof request - 1, MSG_NOSIGNAL), sizeof request - 1);
    NETRIG_AWAIT(get(&r->opened) == 2);
    NETRIG_AWAIT(lists_of(r) == 3);
    close(fd);
    NETRIG_AWAIT(lists_of(r) == 2);
    close(h2);
#else
    close(fd);
#endif
    NETRIG_AWAIT(lists_of(r) == 0);
    stop(r);
}

/* ---- drain ---------------------------------------------------------------------------------- */

/* The default of ten seconds would be met by no test. */
static void streams_end_when_the_server_does(void **state) {
    (void)state;
    rig *r = open_rig((cstar__server_opts){.workers = 2, .drain_ms = 1000000});
    r->says_bye = true;
    start(r);
    int fds[5];
    for (size_t i = 0; i < 5; i++) {
        fds[i] = open_stream(r, 0);
    }
    int waits = netrig_dial(&r->net, 0);
    netrig_say(waits, "GET /stream HTTP/1.1\r\nHo"); /* not one yet */
    cstar__server_stop(r->net.server);
    for (size_t i = 0; i < 5; i++) {
        assert_true(netrig_hear(fds[i], "3\r\nbye\r\n0\r\n\r\n"));
        assert_true(netrig_hear_end(fds[i]));
        close(fds[i]);
    }
    assert_int_equal(get(&r->drains), 5);
    close(waits);
    stop(r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_reads_late_gets_all_in_order),
        cmocka_unit_test(who_does_not_read_costs_little),
        cmocka_unit_test(who_leaves_takes_nobody_along),
        cmocka_unit_test(wakes_before_the_start_come_with_it),
        cmocka_unit_test(no_wake_is_lost),
        cmocka_unit_test(wakes_behind_the_end_do_nothing),
        cmocka_unit_test(nobody_need_read_mail),
        cmocka_unit_test(only_http2_is_told_the_time),
        cmocka_unit_test(streams_end_when_the_server_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
