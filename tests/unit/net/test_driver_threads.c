/* test_driver_threads.c -- what exchanges ask of their connection: late answers, alarms, work on the
 * pool; and the limits of one connection. A real server, real sockets.
 *
 * The handler runs on the one worker's thread and keeps the exchanges that wait; the test reads
 * counts only.
 *
 *     /wait/<text>   waits; answered with <text> times `REPEAT` by the next /all
 *     /all           answers all that wait from inside its own streamed answer
 *     /alarm         sets an alarm, three times over; answered by on_wake
 *     /again         two hundred alarms, one after another
 *     /never         an alarm far away; not answered
 *     /work          answered by what a pool thread did
 *     /leave         work that goes on until the test opens the gate
 *     /file          FILE_SIZE bytes of a file; /short: as many as it does not have
 *     POST           the length of its body
 *
 * ctest: timeout=60 labels=threads
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* what uv.h needs of POSIX */
#include "net/worker.h"
#include "support/netrig.h"

#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { REPEAT = 30000, WAITING = 64, AGAIN = 200, FILE_SIZE = 5 * 1000 * 1000 + 7 };

typedef struct job {
    cstar__work work;
    cstar__exchange *x;
    struct rig *rig;
    bool left, waits;
    unsigned result;
} job;

typedef struct rig {
    cstar__handler handler;
    cstar__server *server;
    pthread_t thread;
    cstar_status result;
    /* the loop's */
    cstar__exchange *waiting[WAITING];
    unsigned nwaiting;
    job jobs[WAITING];
    unsigned njobs;
    uv_async_t poke;
    void (*on_poke)(struct rig *r);
    int given; /* for on_poke */
    /* of all threads, atomic */
    unsigned heads, closes, waits, wakes, works, gate, poked, released;
    int file;
} rig;

static void count(unsigned *n) { __atomic_add_fetch(n, 1, __ATOMIC_SEQ_CST); }
static unsigned get(const unsigned *n) { return __atomic_load_n(n, __ATOMIC_SEQ_CST); }

static bool begins(const cstar__exchange *x, const char *with) {
    size_t n = strlen(with);
    return x->request.path.len >= n && memcmp(x->request.path.ptr, with, n) == 0;
}

/* What every machine does for an answer outside of its entries. */
static void claim(const cstar__exchange *x) { x->pool->driver->claim(x->peer->link); }

static void answer(cstar__exchange *x, cstar_str text) {
    claim(x);
    (void)cstar__respond(x, 200, NULL, 0, text);
}

static void answer_number(cstar__exchange *x, uint64_t n) {
    char text[32];
    (void)snprintf(text, sizeof text, "<%llu>", (unsigned long long)n);
    answer(x, cstar_cstr(text));
}

/* ---- the handler ---- */

static void on_head(void *ctx, cstar__exchange *x) {
    rig *r = ctx;
    count(&r->heads);
    x->max_body = 1 << 20;
}

static void on_body(void *ctx, cstar__exchange *x, const char *ptr, size_t len) {
    (void)ctx;
    (void)x;
    (void)ptr;
    (void)len;
}

static void answer_waiting(cstar__exchange *x) {
    cstar_str tail = cstar_view(x->request.path.ptr + 6, x->request.path.len - 6);
    cstar_buf body;
    cstar_buf_init(&body, cstar_heap(), (size_t)8 << 20);
    for (unsigned i = 0; i < REPEAT; i++) {
        cstar_buf_str(&body, tail);
    }
    assert_int_equal(body.status, CSTAR_OK);
    answer(x, cstar_buf_view(&body));
    cstar_buf_fini(&body);
}

static void answer_all(rig *r, cstar__exchange *x) {
    assert_int_equal(cstar__respond_start(x, 200, NULL, 0), CSTAR_OK);
    while (r->nwaiting != 0) { /* on_close takes it off */
        assert_int_equal(cstar__respond_write(x, CSTAR_STR("own")), CSTAR_OK);
        answer_waiting(r->waiting[0]);
    }
    assert_int_equal(cstar__respond_write(x, CSTAR_STR("|end")), CSTAR_OK);
    assert_int_equal(cstar__respond_end(x), CSTAR_OK);
}

static void run(cstar__work *w) {
    job *j = (job *)(void *)w;
    while (j->waits && get(&j->rig->gate) == 0) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    j->result = 42;
    count(&j->rig->works);
}

static void done(cstar__work *w) {
    job *j = (job *)(void *)w;
    cstar__exchange *x = j->x;
    if (!j->left) {
        answer_number(x, j->result);
    }
    cstar__exchange_let_go(x);
}

static void start_work(rig *r, cstar__exchange *x, bool waits) {
    job *j = &r->jobs[r->njobs];
    *j = (job){.work = {.run = run, .done = done}, .x = x, .rig = r, .waits = waits};
    cstar__exchange_hold(x);
    x->later = true;
    x->user = j;
    if (cstar__exchange_work(x, &j->work) != CSTAR_OK) {
        x->user = NULL;
        cstar__exchange_let_go(x);
        answer(x, CSTAR_STR("full"));
        return;
    }
    r->njobs++;
}

static ptrdiff_t read_file(void *arg, char *ptr, size_t len, uint64_t at) {
    const rig *r = arg;
    return pread(r->file, ptr, len, (off_t)at);
}

static void release_file(void *arg) {
    rig *r = arg;
    count(&r->released);
}

static void answer_file(rig *r, cstar__exchange *x) {
    const cstar__source s = {.fd = r->file,
                             .read = read_file,
                             .release = release_file,
                             .arg = r,
                             .at = 3,
                             .left = FILE_SIZE - 3 + (begins(x, "/short") ? 1000 : 0)};
    if (cstar__respond_from(x, 200, NULL, 0, &s) != CSTAR_OK) {
        cstar__respond_abort(x);
    }
}

static void on_end(void *ctx, cstar__exchange *x) {
    rig *r = ctx;
    if (begins(x, "/file") || begins(x, "/short")) {
        answer_file(r, x);
    } else if (x->request.method == CSTAR__POST) {
        answer_number(x, x->body_seen);
    } else if (begins(x, "/wait/")) {
        x->later = true;
        r->waiting[r->nwaiting++] = x;
        count(&r->waits);
    } else if (begins(x, "/all")) {
        answer_all(r, x);
    } else if (begins(x, "/alarm")) {
        x->later = true;
        assert_int_equal(cstar__exchange_alarm(x, 100000000), CSTAR_OK);
        assert_int_equal(cstar__exchange_alarm(x, UINT64_MAX), CSTAR_OK);
        assert_int_equal(cstar__exchange_alarm(x, 1), CSTAR_OK);
    } else if (begins(x, "/again") || begins(x, "/never")) {
        x->later = true;
        assert_int_equal(cstar__exchange_alarm(x, begins(x, "/never") ? 100000000 : 0), CSTAR_OK);
        count(&r->waits);
    } else if (begins(x, "/work") || begins(x, "/leave")) {
        start_work(r, x, begins(x, "/leave"));
    } else {
        assert_int_equal(cstar__respond(x, 200, NULL, 0, x->request.path), CSTAR_OK);
    }
}

static void on_wake(void *ctx, cstar__exchange *x) {
    rig *r = ctx;
    count(&r->wakes);
    if (begins(x, "/again") && get(&r->wakes) < AGAIN) {
        assert_int_equal(cstar__exchange_alarm(x, 0), CSTAR_OK);
        return;
    }
    answer(x, CSTAR_STR("woken"));
}

static void on_close(void *ctx, cstar__exchange *x) {
    rig *r = ctx;
    count(&r->closes);
    if (x->user != NULL) {
        ((job *)x->user)->left = x->broken;
    }
    for (unsigned i = 0; i < r->nwaiting; i++) {
        if (r->waiting[i] == x) {
            r->waiting[i] = r->waiting[--r->nwaiting];
        }
    }
}

/* ---- a server on a thread ---- */

static void *serve(void *arg) {
    rig *r = arg;
    r->result = cstar__server_run(r->server);
    return NULL;
}

static void poked(uv_async_t *async) {
    rig *r = async->data;
    r->on_poke(r);
    count(&r->poked);
}

static rig *start(cstar__server_opts opts) {
    rig *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->handler = (cstar__handler){.ctx = r,
                                  .on_head = on_head,
                                  .on_body = on_body,
                                  .on_end = on_end,
                                  .on_close = on_close,
                                  .on_wake = on_wake};
    opts.listen = "127.0.0.1:0";
    opts.handler = &r->handler;
    r->server = cstar__server_new(&opts, NULL);
    assert_non_null(r->server);
    assert_int_equal(uv_async_init(&r->server->workers[0].loop, &r->poke, poked), 0);
    r->poke.data = r;
    assert_int_equal(pthread_create(&r->thread, NULL, serve, r), 0);
    return r;
}

static void finish(rig *r) {
    assert_int_equal(pthread_join(r->thread, NULL), 0);
    assert_int_equal(r->result, CSTAR_OK);
    const cstar__stats *s = &r->server->workers[0].pool.stats;
    assert_true(s->waiting_bytes == 0);
    assert_true(s->open == 0);
    cstar__server_free(r->server);
    assert_int_equal(r->heads, r->closes);
    free(r);
}

static void stop(rig *r) {
    cstar__server_stop(r->server);
    finish(r);
}

static void await(const unsigned *n, unsigned wanted) { NETRIG_AWAIT(get(n) >= wanted); }

static uint64_t stat_of(const uint64_t *n) { return __atomic_load_n(n, __ATOMIC_RELAXED); }

/* Calls `f` on the loop. */
static void poke(rig *r, void (*f)(rig *r)) {
    unsigned before = get(&r->poked);
    r->on_poke = f;
    assert_int_equal(uv_async_send(&r->poke), 0);
    await(&r->poked, before + 1);
}

static int dial(const rig *r) { return netrig_dial_port(cstar__server_port(r->server)); }

/* The body of the answer to /wait/<text>, and nothing else. */
static void hear_repeated(int fd, const char *text) {
    size_t unit = strlen(text);
    size_t size = unit * REPEAT + 4096;
    char *seen = malloc(size);
    assert_non_null(seen);
    size_t n = 0;
    char *body = NULL;
    while (body == NULL || n < (size_t)(body - seen) + unit * REPEAT) {
        ssize_t got = recv(fd, seen + n, size - 1 - n, 0);
        assert_true(got > 0);
        n += (size_t)got;
        seen[n] = '\0';
        if (body == NULL && (body = strstr(seen, "\r\n\r\n")) != NULL) {
            body += 4;
        }
    }
    assert_memory_equal(seen, "HTTP/1.1 200", 12);
    assert_int_equal(n, (size_t)(body - seen) + unit * REPEAT);
    for (size_t i = 0; i < REPEAT; i++) {
        assert_memory_equal(body + i * unit, text, unit);
    }
    free(seen);
}

/* ---- late answers ---- */

/* Were they sent with the next tick of the clock, this took minutes. */
static void a_late_answer_leaves_at_once(void **state) {
    (void)state;
    rig *r = start((cstar__server_opts){0});
    int a = dial(r);
    int b = dial(r);
    for (unsigned i = 1; i <= 200; i++) {
        netrig_get(a, "/wait/x");
        await(&r->waits, i);
        netrig_get(b, "/all");
        hear_repeated(a, "x");
        assert_true(netrig_hear(b, "|end\r\n0\r\n\r\n"));
    }
    close(a);
    close(b);
    stop(r);
}

static void answers_of_many_connections_do_not_mix(void **state) {
    (void)state;
    rig *r = start((cstar__server_opts){0});
    int fds[WAITING];
    char text[32];
    for (unsigned i = 0; i < WAITING; i++) {
        fds[i] = dial(r);
        (void)snprintf(text, sizeof text, "/wait/%u-", i);
        netrig_get(fds[i], text);
        await(&r->waits, i + 1);
    }
    int all = dial(r);
    netrig_get(all, "/all");
    for (unsigned i = 0; i < WAITING; i++) { /* most are stuck by now: 100 KiB and more each */
        (void)snprintf(text, sizeof text, "%u-", i);
        hear_repeated(fds[i], text);
        close(fds[i]);
    }
    assert_true(netrig_hear(all, "|end\r\n0\r\n\r\n"));
    close(all);
    stop(r);
}

/* One that waits leaves; answering the others goes on, and what it had is given back. */
static void who_leaves_is_not_answered(void **state) {
    (void)state;
    rig *r = start((cstar__server_opts){0});
    int gone = dial(r);
    int here = dial(r);
    netrig_get(gone, "/wait/a");
    await(&r->waits, 1);
    netrig_get(here, "/wait/b");
    await(&r->waits, 2);
    close(gone);
    await(&r->closes, 1);
    int all = dial(r);
    netrig_get(all, "/all");
    hear_repeated(here, "b");
    close(here);
    close(all);
    stop(r);
}

/* ---- alarms ---- */

static void an_alarm_wakes_its_exchange(void **state) {
    (void)state;
    rig *r = start((cstar__server_opts){0});
    int fd = dial(r);
    netrig_get(fd, "/alarm"); /* the last of three counts */
    assert_true(netrig_hear(fd, "woken"));
    assert_int_equal(get(&r->wakes), 1);
    netrig_get(fd, "/again");
    assert_true(netrig_hear(fd, "woken"));
    assert_int_equal(get(&r->wakes), AGAIN);
    close(fd);
    stop(r);
}

static void count_alarms(rig *r) { r->given = (int)r->server->workers[0].alarms.n; }

static void an_alarm_goes_with_its_exchange(void **state) {
    (void)state;
    rig *r = start((cstar__server_opts){0});
    int fds[20];
    for (unsigned i = 0; i < 20; i++) {
        fds[i] = dial(r);
        netrig_get(fds[i], "/never");
    }
    await(&r->waits, 20);
    poke(r, count_alarms);
    assert_int_equal(r->given, 20);
    for (unsigned i = 0; i < 20; i++) {
        close(fds[i]);
    }
    await(&r->closes, 20);
    poke(r, count_alarms);
    assert_int_equal(r->given, 0);
    stop(r);
}

/* ---- work ---- */

static void work_is_done_elsewhere_and_answered_here(void **state) {
    (void)state;
    rig *r = start((cstar__server_opts){0});
    int fd = dial(r);
    for (unsigned i = 0; i < WAITING; i++) {
        netrig_get(fd, "/work");
        assert_true(netrig_hear(fd, "<42>"));
    }
    assert_int_equal(get(&r->works), WAITING);
    close(fd);
    stop(r);
}

static void the_queue_of_work_has_an_end(void **state) {
    (void)state;
    rig *r = start((cstar__server_opts){.max_work = 3});
    int fds[3];
    for (unsigned i = 0; i < 3; i++) {
        fds[i] = dial(r);
        netrig_get(fds[i], "/leave");
        await(&r->heads, i + 1);
    }
    int more = dial(r);
    netrig_get(more, "/work");
    assert_true(netrig_hear(more, "full"));
    count(&r->gate);
    for (unsigned i = 0; i < 3; i++) {
        assert_true(netrig_hear(fds[i], "<42>"));
        close(fds[i]);
    }
    netrig_get(more, "/work"); /* there is room again */
    assert_true(netrig_hear(more, "<42>"));
    close(more);
    stop(r);
}

/* Nor with its client, nor with the server. */
static void work_is_not_left_behind(void **state) {
    (void)state;
    rig *r = start((cstar__server_opts){0});
    int fd = dial(r);
    netrig_get(fd, "/leave");
    await(&r->heads, 1);
    close(fd);
    await(&r->closes, 1); /* the client has gone, its work has not */
    fd = dial(r);
    netrig_get(fd, "/leave");
    await(&r->heads, 2);
    cstar__server_stop(r->server);
    cstar__server_stop(r->server);
    assert_int_equal(get(&r->works), 0);
    count(&r->gate);
    close(fd);
    await(&r->works, 2);
    finish(r);
}

/* ---- connections that others have accepted ---- */

static void adopt(rig *r) {
    const cstar__peer peer = {.local = true, .serial = 7};
    assert_int_equal(cstar__admission_enter(&r->server->admission, &peer), CSTAR_OK);
    assert_true(cstar__conn_adopt(&r->server->workers[0], r->given, &peer));
}

static void adopt_nothing(rig *r) {
    const cstar__peer peer = {.serial = 8};
    assert_int_equal(cstar__admission_enter(&r->server->admission, &peer), CSTAR_OK);
    r->given = cstar__conn_adopt(&r->server->workers[0], -1, &peer) ? 1 : 0;
}

static void a_socket_is_adopted(void **state) {
    (void)state;
    rig *r = start((cstar__server_opts){0});
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    r->given = pair[0];
    poke(r, adopt);
    netrig_get(pair[1], "/hello");
    assert_true(netrig_hear(pair[1], "/hello"));
    close(pair[1]);
    poke(r, adopt_nothing);
    assert_int_equal(r->given, 1); /* its going is told, like any other's */
    assert_true(stat_of(&r->server->workers[0].pool.stats.accept_failures) == 1);
    stop(r);
}

static void evict(rig *r) { r->given = cstar__conns_evict_idle(&r->server->workers[0]) ? 1 : 0; }

static void the_idlest_connection_is_evicted(void **state) {
    (void)state;
    rig *r = start((cstar__server_opts){0});
    poke(r, evict);
    assert_int_equal(r->given, 0);
    int first = dial(r);
    int second = dial(r);
    int busy = dial(r);
    netrig_get(first, "/a");
    assert_true(netrig_hear(first, "/a"));
    netrig_get(second, "/b");
    assert_true(netrig_hear(second, "/b"));
    netrig_get(busy, "/wait/x");
    await(&r->waits, 1);
    poke(r, evict);
    assert_int_equal(r->given, 1);
    assert_true(netrig_hear_end(first));
    netrig_get(second, "/c"); /* is still there */
    assert_true(netrig_hear(second, "/c"));
    poke(r, evict);
    assert_true(netrig_hear_end(second));
    poke(r, evict); /* who waits for an answer is not idle */
    assert_int_equal(r->given, 0);
    assert_true(stat_of(&r->server->workers[0].pool.stats.evicted_idle) == 2);
    close(first);
    close(second);
    close(busy);
    stop(r);
}

/* ---- files ---- */

static char file_byte(size_t at) { return (char)('a' + at % 7 + at / 65536 % 11); }

static void make_file(rig *r) {
    char path[] = "/tmp/cstar-driver-XXXXXX";
    char *text = malloc(FILE_SIZE);
    assert_non_null(text);
    for (size_t i = 0; i < FILE_SIZE; i++) {
        text[i] = file_byte(i);
    }
    r->file = mkstemp(path);
    assert_true(r->file >= 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(write(r->file, text, FILE_SIZE), FILE_SIZE);
    free(text);
}

/* Reads one answer to /file. @return how much of the file came. */
static size_t hear_file(int fd) {
    char head[512];
    size_t n = 0;
    while (n < 4 || memcmp(head + n - 4, "\r\n\r\n", 4) != 0) {
        assert_true(n < sizeof head);
        assert_int_equal(recv(fd, head + n, 1, 0), 1);
        n++;
    }
    char piece[30000];
    size_t at = 3;
    while (at < FILE_SIZE) {
        size_t want = FILE_SIZE - at < sizeof piece ? FILE_SIZE - at : sizeof piece;
        ssize_t got = recv(fd, piece, want, 0);
        if (got <= 0) {
            break;
        }
        for (size_t i = 0; i < (size_t)got; i++) {
            assert_int_equal(piece[i], file_byte(at + i));
        }
        at += (size_t)got;
    }
    return at;
}

/* The first is more than a socket takes while nobody reads; the last is behind it. */
static void files_arrive_whole_and_in_order(void **state) {
    (void)state;
    rig *r = start((cstar__server_opts){0});
    make_file(r);
    int fd = dial(r);
    netrig_get(fd, "/file");
    await(&r->heads, 1);
    netrig_get(fd, "/file");
    netrig_get(fd, "/end");
    int other = dial(r);
    netrig_get(other, "/other"); /* has its turn meanwhile */
    assert_true(netrig_hear(other, "/other"));
    assert_int_equal(hear_file(fd), FILE_SIZE);
    assert_int_equal(hear_file(fd), FILE_SIZE);
    assert_true(netrig_hear(fd, "/end"));
    await(&r->released, 2);
    close(fd);
    close(other);
    close(r->file);
    stop(r);
}

static void a_file_that_is_too_short_cuts_the_connection(void **state) {
    (void)state;
    rig *r = start((cstar__server_opts){0});
    make_file(r);
    int fd = dial(r);
    netrig_get(fd, "/short");
    assert_true(netrig_hear_end(fd));
    await(&r->released, 1);
    close(fd);
    close(r->file);
    stop(r);
}

static void who_leaves_in_the_middle_of_a_file_leaves_nothing(void **state) {
    (void)state;
    rig *r = start((cstar__server_opts){0});
    make_file(r);
    for (unsigned i = 1; i <= 20; i++) {
        int fd = dial(r);
        netrig_get(fd, "/file");
        char byte[1000];
        assert_true(recv(fd, byte, sizeof byte, 0) > 0);
        close(fd);
        await(&r->closes, i);
        await(&r->released, i);
    }
    close(r->file);
    stop(r);
}

/* ---- the rate of a body ---- */

/* Sends a byte now and then. @return whether it was answered before `bytes` were sent. */
static bool trickle(int fd, unsigned bytes) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    for (unsigned i = 0; i < bytes; i++) {
        if (poll(&p, 1, 10) == 1) {
            return true;
        }
        (void)send(fd, "x", 1, MSG_NOSIGNAL);
    }
    return false;
}

static void a_body_that_trickles_is_refused(void **state) {
    (void)state;
    rig *r = start((cstar__server_opts){.body_ms = 400});
    int fd = dial(r);
    netrig_say(fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n");
    assert_true(trickle(fd, 5000));
    assert_true(netrig_hear(fd, "408"));
    assert_true(netrig_hear_end(fd));
    assert_true(stat_of(&r->server->workers[0].pool.stats.timeouts) == 1);
    close(fd);
    stop(r);
}

static void a_body_may_trickle_where_that_is_allowed(void **state) {
    (void)state;
    rig *r = start((cstar__server_opts){.body_ms = 400, .body_rate = UINT_MAX});
    int fd = dial(r);
    netrig_say(fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 250\r\n\r\n");
    assert_false(trickle(fd, 250));
    assert_true(netrig_hear(fd, "<250>"));
    close(fd);
    stop(r);
}

static void a_body_that_keeps_its_rate_is_read(void **state) {
    (void)state;
    rig *r = start((cstar__server_opts){.body_ms = 400, .body_rate = 10});
    int fd = dial(r);
    netrig_say(fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 250\r\n\r\n");
    assert_false(trickle(fd, 250));
    assert_true(netrig_hear(fd, "<250>"));
    close(fd);
    stop(r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_late_answer_leaves_at_once),
        cmocka_unit_test(answers_of_many_connections_do_not_mix),
        cmocka_unit_test(who_leaves_is_not_answered),
        cmocka_unit_test(an_alarm_wakes_its_exchange),
        cmocka_unit_test(an_alarm_goes_with_its_exchange),
        cmocka_unit_test(work_is_done_elsewhere_and_answered_here),
        cmocka_unit_test(the_queue_of_work_has_an_end),
        cmocka_unit_test(work_is_not_left_behind),
        cmocka_unit_test(a_socket_is_adopted),
        cmocka_unit_test(the_idlest_connection_is_evicted),
        cmocka_unit_test(files_arrive_whole_and_in_order),
        cmocka_unit_test(a_file_that_is_too_short_cuts_the_connection),
        cmocka_unit_test(who_leaves_in_the_middle_of_a_file_leaves_nothing),
        cmocka_unit_test(a_body_that_trickles_is_refused),
        cmocka_unit_test(a_body_may_trickle_where_that_is_allowed),
        cmocka_unit_test(a_body_that_keeps_its_rate_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
