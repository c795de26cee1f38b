/* net/server.h -- sockets and loops: one loop per worker, each with its own listening sockets.
 *
 *     cstar__server *s = cstar__server_new(&opts, &err);    // bound: cstar__server_port(s)
 *     rc = cstar__server_run(s);                            // worker 0 here, until a stop
 *     cstar__server_free(s);
 *
 * Data: the kernel ▶ the worker's one read buffer ▶ (TLS) ▶ the connection's cstar__machine ▶ the
 * worker's one output buffer ▶ (TLS) ▶ one write. Only what the kernel does not take at once is
 * copied to the connection. An idle connection therefore owns no buffer.
 *
 * A start: bind everything ▶ load keys ▶ become `user` ▶ threads ▶ READY. Errors come from
 * cstar__server_new(), before anything is served.
 * A stop: cstar__server_draining() ▶ lame_ms later the listeners are closed ▶ connections finish
 * (HTTP/1.1 says Connection: close, HTTP/2 GOAWAY) ▶ the last one has gone, or drain_ms later the
 * rest is cut and counted in the log ▶ cstar__server_run() returns.
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
typedef struct cstar__listen cstar__listen;

struct cstar__listen {
    const char *address; /* see net/address.h */
    bool tls;            /* needs `tls` of the options */
    bool redirect;       /* its connections say so in their cstar__peer; no more than that */
};

typedef struct cstar__server_opts { /* zero is the default of every field */
    /* Where to listen; at most 32 sockets. None: `listen`, with TLS if `tls` is given. */
    const cstar__listen *listeners;
    size_t nlisteners;
    const char *listen; /* one address of net/address.h; NULL: 127.0.0.1:8080 */
    unsigned workers;   /* 0: 1; at most 1024 */
    /* milliseconds; 0: 10 000, 30 000, 75 000, 60 000, 10 000 */
    unsigned header_ms, body_ms, idle_ms, write_ms, drain_ms;
    /* bytes per second of an HTTP/1.1 body, on average from its first wait on; looked at after
     * body_ms; then 408. 0: 256; UINT_MAX: any */
    unsigned body_rate;
    unsigned max_work; /* works on the pool, waiting or running, in all; 0: 1024 */
    /* Milliseconds of accepting after a stop, for a balancer to see that we are not ready; 0: 0 */
    unsigned lame_ms;
    /* Connections of all workers together. 0: what RLIMIT_NOFILE allows, but a reserve of an eighth
     * and more; its soft limit is raised to the hard one in any case. When all are taken, the
     * longest idle one is closed for a new one; if none is idle, new ones wait in the kernel. */
    size_t max_connections;
    /* Connections of one address, or one IPv6 /64; more are reset. 0: 1024, and no limit for
     * loopback. Never counted: Unix sockets and `trusted`. */
    size_t max_per_address;
    const cstar__cidr *trusted; /* proxies, which carry many clients; borrowed until it is freed */
    size_t ntrusted;
    /* Whom to become after binding and loading keys: names or numbers. NULL: stay. `group` NULL: the
     * user's. Certificates that are to be loaded again, and the folder of a Unix socket that is to
     * be removed, must be accessible to them. */
    const char *user, *group;
    /* Tell the service manager (NOTIFY_SOCKET): READY=1, RELOADING=1 around on_hangup, STOPPING=1,
     * WATCHDOG=1. Nothing without that variable. */
    bool notify;
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
    /* After cstar__server_wake(), on that worker's thread, once for any number of wakes that came
     * before. Exchanges of all its connections may be answered. NULL: nothing */
    void (*on_mail)(void *arg, unsigned worker);
    /* On that worker's thread, once, before its connections are drained: what was done before the
     * stop is to be seen by them. Else like on_mail, which may come again. NULL: nothing */
    void (*on_last_mail)(void *arg, unsigned worker);
    void (*on_log)(void *arg, const char *line); /* [any thread]; NULL: silence */
    void *arg;                                   /* of all of them */
} cstar__server_opts;

/** Binds and listens for every worker, then becomes `user`. NULL: `err` says what and why. EINVAL a
 * bad option; EIO an address can't be had, or the system refuses the user; EPOLICY not root, or the
 * way back to root stays open (then the process should end); ENOMEM. */
cstar__server *cstar__server_new(const cstar__server_opts *opts, cstar_err *err);
void cstar__server_free(cstar__server *s);

/* One socket that listens. */
typedef struct cstar__listening {
    const char *host; /* "127.0.0.1", "" for all; of a Unix socket its path; until it is freed */
    unsigned port;    /* 0: a Unix socket */
    bool tls, redirect;
} cstar__listening;

/** The i-th of them, in the order of the options. @return false: there are not so many. */
bool cstar__server_listening(const cstar__server *s, size_t i, cstar__listening *out);
/** Host and port of the first. */
const char *cstar__server_host(const cstar__server *s);
unsigned cstar__server_port(const cstar__server *s);

/** [any thread] The sum over all workers; each number by itself never goes back (but gauges). */
void cstar__server_stats(const cstar__server *s, cstar__stats *sum);
unsigned cstar__server_workers(const cstar__server *s);
/** Connections at most, as given or derived. */
size_t cstar__server_max_connections(const cstar__server *s);
/** [any thread] It was asked to stop: it is not ready for more. */
bool cstar__server_draining(const cstar__server *s);

/** Serves until stopped; starts the other workers' threads and joins them. CSTAR_EIO a thread can't
 * be started. */
cstar_status cstar__server_run(cstar__server *s);
/** [any thread] New connections get these certificates; the old ones stay with those that have
 * them. On an error nothing changes. */
cstar_status cstar__server_reload_tls(cstar__server *s, const cstar__tls_opts *tls, cstar_err *err);
/** [any thread] on_mail is soon called for this worker: what was done before the wake is seen there. May
 * be called from cstar__server_new()'s return until cstar__server_free() is called, and from handlers
 * that this calls. A wake before cstar__server_run() comes with its start; one behind the end of the
 * worker's loop does nothing, nor does one of a worker that there is not. */
void cstar__server_wake(cstar__server *s, unsigned worker);
/** [that worker's thread] on_mail is called for this worker in `ms` milliseconds; a further call:
 * then, instead. */
void cstar__server_alarm(cstar__server *s, unsigned worker, uint64_t ms);
/** [that worker's thread] As of cstar__driver.work(), for work that is no exchange's. The worker does
 * not end before it is done. */
cstar_status cstar__server_work(cstar__server *s, unsigned worker, cstar__work *work);
/** [any thread] See "A stop" above. Again does nothing; it is signals that cut at the second. */
void cstar__server_stop(cstar__server *s);

#endif
