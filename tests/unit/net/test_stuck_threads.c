/* test_stuck_threads.c -- a peer that does not read: what is written for it meanwhile is kept, in order
 * and within bounds, and arrives when it reads again.
 *
 * The handler runs on the one worker's thread. A stream is filled until the socket takes no more:
 * the gauge of waiting bytes tells when.
 *
 *     /open   a streamed answer, which the test writes to
 *     /file   FILE_SIZE bytes from a descriptor
 *     /pour   a source of as many bytes as the rig says
 *     other   its path
 *
 * ctest: timeout=60 labels=threads
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* what uv.h needs of POSIX */
#include "net/conn.h"
#include "support/netrig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { FILL = 32 * 1024, FILE_SIZE = 300 * 1000, SEEN = 8 * 1024 * 1024 };

typedef struct rig {
    netrig net;
    void (*net_end)(void *ctx, cstar__exchange *x);
    void (*on_poke)(struct rig *r);
    uv_async_t async;
    cstar__exchange *open;
    uint64_t pour;
    uv_check_t check;
    unsigned in_turn, most; /* pulled in a turn of the loop; the loop's */
    unsigned poked, pulled; /* atomic */
    int file;
    char *seen;
    size_t nseen;
} rig;

static unsigned get(const unsigned *n) { return __atomic_load_n(n, __ATOMIC_SEQ_CST); }

static bool is(const cstar__exchange *x, const char *path) {
    return cstar_str_eq(x->request.path, cstar_cstr(path));
}

/* ---- the handler ---- */

static ptrdiff_t read_file(void *arg, char *ptr, size_t len, uint64_t at) {
    const rig *r = arg;
    return pread(r->file, ptr, len, (off_t)at);
}

static ptrdiff_t read_pour(void *arg, char *ptr, size_t len, uint64_t at) {
    rig *r = arg;
    (void)at;
    (void)__atomic_add_fetch(&r->pulled, 1, __ATOMIC_SEQ_CST);
    r->in_turn++;
    r->most = r->in_turn > r->most ? r->in_turn : r->most;
    memset(ptr, 'p', len);
    return (ptrdiff_t)len;
}

static void on_end(void *ctx, cstar__exchange *x) {
    rig *r = ctx;
    if (is(x, "/open")) {
        x->later = true;
        r->open = x;
        assert_int_equal(cstar__respond_start(x, 200, NULL, 0), CSTAR_OK);
    } else if (is(x, "/file")) {
        const cstar__source s = {.fd = r->file, .read = read_file, .arg = r, .left = FILE_SIZE};
        assert_int_equal(cstar__respond_from(x, 200, NULL, 0, &s), CSTAR_OK);
    } else if (is(x, "/pour")) {
        const cstar__source s = {.fd = -1, .read = read_pour, .arg = r, .left = r->pour};
        assert_int_equal(cstar__respond_from(x, 200, NULL, 0, &s), CSTAR_OK);
    } else {
        r->net_end(ctx, x);
    }
}

/* ---- the rig ---- */

static void poked(uv_async_t *async) {
    rig *r = async->data;
    r->on_poke(r);
    (void)__atomic_add_fetch(&r->poked, 1, __ATOMIC_SEQ_CST);
}

static void next_turn(uv_check_t *check) { ((rig *)check->data)->in_turn = 0; }

/* Calls `f` on the loop. */
static void poke(rig *r, void (*f)(rig *r)) {
    unsigned before = get(&r->poked);
    r->on_poke = f;
    assert_int_equal(uv_async_send(&r->async), 0);
    NETRIG_AWAIT(get(&r->poked) == before + 1);
}

static void *serve(void *arg) {
    rig *r = arg;
    r->net.result = cstar__server_run(r->net.server);
    return NULL;
}

static rig *start(cstar__server_opts opts) {
    rig *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->seen = malloc(SEEN);
    assert_non_null(r->seen);
    r->file = -1;
    netrig_new(&r->net, opts);
    r->net_end = r->net.handler.on_end;
    r->net.handler.on_end = on_end;
    assert_int_equal(uv_async_init(&r->net.server->workers[0].loop, &r->async, poked), 0);
    assert_int_equal(uv_check_init(&r->net.server->workers[0].loop, &r->check), 0);
    assert_int_equal(uv_check_start(&r->check, next_turn), 0);
    r->async.data = r->check.data = r;
    assert_int_equal(pthread_create(&r->net.thread, NULL, serve, r), 0);
    return r;
}

static void stop(rig *r) {
    netrig_stop(&r->net);
    if (r->file >= 0) {
        close(r->file);
    }
    free(r->seen);
    free(r);
}

static uint64_t waiting(const rig *r) { return netrig_stats(&r->net).waiting_bytes; }

/* ---- the peer ---- */

static int dial(const rig *r) {
    int fd = netrig_socket();
    int small = 4096;
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    assert_true(netrig_connect(&r->net, fd));
    return fd;
}

static void ask(int fd, const char *path) {
    char text[100];
    (void)snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
    netrig_say(fd, text);
}

/* Reads until `text` has come; what has come so far is in r->seen. */
static bool hear(rig *r, int fd, const char *text) {
    size_t len = strlen(text);
    while (r->nseen < SEEN) {
        size_t from = r->nseen > len ? r->nseen - len : 0;
        ssize_t got = recv(fd, r->seen + r->nseen, SEEN - r->nseen, 0);
        if (got <= 0) {
            return false;
        }
        r->nseen += (size_t)got;
        if (memmem(r->seen + from, r->nseen - from, text, len) != NULL) {
            return true;
        }
    }
    return false;
}

/* ---- streams ---- */

static void write_fill(rig *r) {
    static const char fill[FILL];
    assert_int_equal(cstar__respond_write(r->open, cstar_view(fill, sizeof fill)), CSTAR_OK);
}

static void write_tail(rig *r) {
    assert_int_equal(cstar__respond_write(r->open, CSTAR_STR("tail")), CSTAR_OK);
}

static void end(rig *r) { assert_int_equal(cstar__respond_end(r->open), CSTAR_OK); }

static void do_nothing(rig *r) { (void)r; }

/* Writes to the open stream until the socket takes no more. */
static void fill(rig *r) {
    for (int i = 0; i < 2000 && waiting(r) == 0; i++) {
        poke(r, write_fill);
        poke(r, do_nothing); /* behind the sending */
    }
    assert_true(waiting(r) != 0);
}

static void what_comes_behind_a_stuck_write_arrives(void **state) {
    (void)state;
    rig *r = start((cstar__server_opts){0});
    int fd = dial(r);
    ask(fd, "/open");
    NETRIG_AWAIT(netrig_stats(&r->net).streams == 1);
    fill(r);
    poke(r, write_tail);
    assert_true(hear(r, fd, "tail"));
    NETRIG_AWAIT(waiting(r) == 0);
    poke(r, end);
    assert_true(hear(r, fd, "\r\n0\r\n\r\n"));
    close(fd);
    stop(r);
}

/* ---- files ---- */

static void make_file(rig *r) {
    char path[] = "/tmp/cstar-stuck-XXXXXX";
    char *text = malloc(FILE_SIZE);
    assert_non_null(text);
    memset(text, 'f', FILE_SIZE);
    memcpy(text + FILE_SIZE - 4, "FEND", 4);
    r->file = mkstemp(path);
    assert_true(r->file >= 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(write(r->file, text, FILE_SIZE), FILE_SIZE);
    free(text);
}

/* The file's head waits behind an answer that is stuck: the file itself must, too. */
static void a_file_does_not_overtake_its_head(void **state) {
    (void)state;
    rig *r = start((cstar__server_opts){0});
    make_file(r);
    int fd = dial(r);
    ask(fd, "/open");
    NETRIG_AWAIT(netrig_stats(&r->net).streams == 1);
    fill(r);
    poke(r, end);
    ask(fd, "/file");
    NETRIG_AWAIT(get(&r->net.heads) == 2);
    assert_true(hear(r, fd, "FEND"));
    char *first_end = memmem(r->seen, r->nseen, "\r\n0\r\n\r\n", 7);
    assert_non_null(first_end);
    char *head = first_end + 7;
    assert_memory_equal(head, "HTTP/1.1 200", 12);
    char *body = memmem(head, r->nseen - (size_t)(head - r->seen), "\r\n\r\n", 4);
    assert_non_null(body);
    assert_int_equal(r->seen + r->nseen - (body + 4), FILE_SIZE);
    close(fd);
    stop(r);
}

/* ---- a peer that reads as fast as it is written to ---- */

/* Others have their turn, however much it could take. */
static void nobody_takes_a_whole_turn(void **state) {
    (void)state;
    rig *r = start((cstar__server_opts){0});
    r->pour = UINT64_C(256) << 20;
    int fd = netrig_dial(&r->net, 0);
    ask(fd, "/pour");
    uint64_t n = 0;
    while (n < r->pour) {
        ssize_t got = recv(fd, r->seen, SEEN, 0);
        assert_true(got > 0);
        n += (uint64_t)got;
    }
    close(fd);
    poke(r, do_nothing);
    assert_true(r->most <= 40); /* pieces of 64 KiB */
    stop(r);
}

/* A second passes for every connection. */
static void tick(rig *r) {
    cstar__worker *w = &r->net.server->workers[0];
    for (size_t i = 0; i < CSTAR__WAITS; i++) {
        for (cstar__link *l = w->waits[i].next; l != &w->waits[i]; l = l->next) {
            cstar__conn *c = (cstar__conn *)l;
            if (cstar__machine_ticks(&c->machine)) {
                c->ticked = 0;
            }
        }
    }
    cstar__conns_sweep(w);
}

/* ---- HTTP/2 ---- */

#if CSTAR_WITH_HTTP2

/* The preface, SETTINGS with the largest window, the same for the connection, and a GET. */
static void ask_h2(int fd, const char *path) {
    char text[200] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                     "\0\0\6\4\0\0\0\0\0\0\4\x7f\xff\xff\xff"
                     "\0\0\4\x8\0\0\0\0\0\x7f\xf0\0\0";
    size_t n = 24 + 15 + 13;
    size_t len = strlen(path);
    const char head[] = {0, 0, (char)(7 + len), 1, 5, 0, 0, 0, 1};
    memcpy(text + n, head, sizeof head);
    n += sizeof head;
    memcpy(text + n, "\x82\x86\x41\1x\4", 6);
    n += 6;
    text[n++] = (char)len;
    memcpy(text + n, path, len);
    n += len;
    assert_int_equal(send(fd, text, n, MSG_NOSIGNAL), (ssize_t)n);
}

static void the_clock_adds_nothing_to_what_is_stuck(void **state) {
    (void)state;
    rig *r = start((cstar__server_opts){0});
    r->pour = UINT64_C(1) << 30;
    int fd = dial(r);
    ask_h2(fd, "/pour");
    NETRIG_AWAIT(waiting(r) != 0);
    for (int i = 0; i < 80; i++) {
        poke(r, tick);
    }
    assert_true(waiting(r) != 0);
    assert_true(waiting(r) < 1024 * 1024);
    unsigned before = get(&r->pulled);
    while (get(&r->pulled) < before + 100) { /* and it goes on when the peer reads */
        assert_true(recv(fd, r->seen, SEEN, 0) > 0);
    }
    close(fd);
    stop(r);
}

#endif

/* ---- requests that overlap ---- */

/* Whatever is waited for has been waited for too long, if nothing begins anew. */
static void age(rig *r) {
    cstar__worker *w = &r->net.server->workers[0];
    for (size_t i = 0; i < CSTAR__WAITS; i++) {
        for (cstar__link *l = w->waits[i].next; l != &w->waits[i]; l = l->next) {
            ((cstar__conn *)l)->deadline = 0;
            ((cstar__conn *)l)->body_since -= 1000000;
        }
    }
}

static bool is_open(rig *r) { return netrig_stats(&r->net).timeouts == 0; }

/* Who sends the end of one head with the beginning of the next always has a head under way, but
 * never the same. */
static void each_head_has_its_own_time(void **state) {
    (void)state;
    rig *r = start((cstar__server_opts){0});
    int fd = netrig_dial(&r->net, 0);
    netrig_say(fd, "GET /a HTTP/1.1\r\n");
    for (int i = 0; i < 3; i++) {
        NETRIG_AWAIT(netrig_stats(&r->net).bytes_in == 17 + (uint64_t)i * 28);
        poke(r, age);
        netrig_say(fd, "Host: x\r\n\r\nGET /a HTTP/1.1\r\n");
        assert_true(netrig_hear(fd, "/a"));
        poke(r, tick);
        assert_true(is_open(r));
    }
    poke(r, age);
    poke(r, tick); /* one that does not come to its end */
    assert_true(netrig_hear(fd, "408"));
    close(fd);
    stop(r);
}

/* The same of bodies, whose rate is measured. */
static void each_body_has_its_own_rate(void **state) {
    (void)state;
    rig *r = start((cstar__server_opts){0});
    int fd = netrig_dial(&r->net, 0);
    const char head[] = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n12345";
    netrig_say(fd, head);
    NETRIG_AWAIT(netrig_stats(&r->net).bytes_in == sizeof head - 1);
    poke(r, age);
    netrig_say(fd,
               "678901234567890POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n123456");
    assert_true(netrig_hear(fd, "/a"));
    poke(r, tick);
    assert_true(is_open(r));
    netrig_say(fd, "78901234567890");
    assert_true(netrig_hear(fd, "/a"));
    close(fd);
    stop(r);
}

/* What every connection has, and an idle one nothing else. */
static void a_connection_is_small(void **state) {
    (void)state;
    if (sizeof(void *) == 8) {
        assert_true(offsetof(cstar__conn, socket) <= 288);
        assert_true(sizeof(cstar__h1) <= 136);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_behind_a_stuck_write_arrives),
        cmocka_unit_test(a_file_does_not_overtake_its_head),
        cmocka_unit_test(nobody_takes_a_whole_turn),
        cmocka_unit_test(each_head_has_its_own_time),
        cmocka_unit_test(each_body_has_its_own_rate),
#if CSTAR_WITH_HTTP2
        cmocka_unit_test(the_clock_adds_nothing_to_what_is_stuck),
#endif
        cmocka_unit_test(a_connection_is_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
