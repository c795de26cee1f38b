/* net/server.h -- sockets and loops: one loop per worker, each with its own listening socket
 * (SO_REUSEPORT).
 *
 *     cstar__server *s = cstar__server_new(&opts, &err);    // bound: cstar__server_port(s)
 *     rc = cstar__server_run(s);                            // worker 0 here, until a stop
 *     cstar__server_free(s);
 *
 * Data: the kernel ▶ the worker's one read buffer ▶ (TLS) ▶ the connection's cstar__machine ▶ the
 * worker's one output buffer ▶ (TLS) ▶ one write. Only what the kernel does not take at once is
 * copied to the connection. An idle connection therefore owns no buffer.
 * Threads: everything of a connection happens on its worker's thread. [any thread] is said where it
 * is so. This room is the only one that sees libuv.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_NET_SERVER_H
#define CSTAR_NET_SERVER_H

#include "http/exchange.h"
#include "http/h1.h"
#include "http/h2.h"
#include "net/tls.h"

typedef struct cstar__server cstar__server;

typedef struct cstar__server_opts { /* zero is the default of every field */
    const char *listen;             /* "host:port", "[v6]:port", ":port"; NULL: 127.0.0.1:8080 */
    unsigned workers;               /* 0: 1; at most 1024 */
    /* 0: 10 000, 30 000, 75 000, 60 000, 10 000 */
    unsigned header_ms, body_ms, idle_ms, write_ms, drain_ms;
    /* bytes per second of an HTTP/1.1 body, on average from its first wait on; looked at after
     * body_ms; then 408. 0: 256; UINT_MAX: any */
    unsigned body_rate;
    unsigned max_work; /* works on the pool, waiting or running, in all; 0: 1024 */
    /* bytes of answers that wait in memory per loop turn or connection; 0: 17 MiB */
    size_t max_output;
    size_t exchange_bytes; /* memory of one request with its response; 0: 32 MiB */
    /* SIGINT and SIGTERM stop it; a second one cuts what still runs */
    bool signals;
    cstar__h1_limits limits;
    cstar__h2_limits h2_limits;
    bool no_http2;
    const cstar__tls_opts *tls; /* certificates, borrowed during the call; NULL: no TLS */
    /* thread-safe if there are several workers; NULL: cstar_heap() */
    const cstar_allocator *alloc;
    const cstar__handler *handler; /* borrowed; shared by all workers */
    /* SIGHUP, on worker 0's thread; with `signals` only; NULL: nothing */
    void (*on_hangup)(void *arg);
    /* Each second on every worker that has connections, and when its last one has gone; on that
     * worker's thread. NULL: nothing */
    void (*on_tick)(void *arg);
    void (*on_log)(void *arg, const char *line); /* [any thread]; NULL: silence */
    void *arg;                                   /* of all of them */
} cstar__server_opts;

/** Binds and listens for every worker. NULL: `err` says which address and why. */
cstar__server *cstar__server_new(const cstar__server_opts *opts, cstar_err *err);
void cstar__server_free(cstar__server *s);

/** "127.0.0.1" and the port that was bound. */
const char *cstar__server_host(const cstar__server *s);
unsigned cstar__server_port(const cstar__server *s);

/** Serves until stopped; starts the other workers' threads and joins them. CSTAR_EIO a thread can't
 * be started. */
cstar_status cstar__server_run(cstar__server *s);
/** [any thread] New connections get these certificates; the old ones stay with those that have
 * them. On an error nothing changes. */
cstar_status cstar__server_reload_tls(cstar__server *s, const cstar__tls_opts *tls, cstar_err *err);
/** [any thread] Stop accepting, finish what runs (at most drain_ms), return from run. */
void cstar__server_stop(cstar__server *s);

/** [any thread] What all workers together have counted. */
void cstar__server_stats(const cstar__server *s, cstar__stats *sum);
/** [any thread] It was asked to stop: nothing new should be sent here. */
bool cstar__server_draining(const cstar__server *s);

#endif
