/* net/worker.h -- one loop and what it owns. Private to this room.
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_NET_WORKER_H
#define CSTAR_NET_WORKER_H

#include "http/machine.h"
#include "net/admission.h"
#include "net/alarm.h"
#include "net/bound.h"
#include "net/listener.h"
#include "net/mask.h"
#include "net/process.h"
#include "net/server.h"
#include "net/slab.h"
#include "net/systemd.h"
#include "net/tls.h"

#include <uv.h>

typedef struct cstar__link {
    struct cstar__link *prev, *next; /* a ring; alone it points to itself */
} cstar__link;

/* What a connection waits for decides how long it may take. Each wait has its own list, in order of
 * deadline, so that the sweep looks at the expired ones only and a request costs two list moves. */
typedef enum cstar__wait {
    CSTAR__WAIT_IDLE,   /* for a further request */
    CSTAR__WAIT_HEADER, /* for the rest of a head: counted from its first byte */
    CSTAR__WAIT_BODY,   /* for a further piece of the body */
    CSTAR__WAIT_APP,    /* for the application: no limit, and nothing to be done meanwhile */
    CSTAR__WAIT_CLOCK,  /* the same, but the machine is told the time each second (HTTP/2) */
    CSTAR__WAIT_WRITE,  /* for the peer to take bytes: counted from the last progress */
    CSTAR__WAIT_CLOSE,  /* for the peer to close, after we have said our last */
    CSTAR__WAITS,
} cstar__wait;

/* How many TLS failures were logged in a second of the monotonic clock, and how many were not. */
typedef struct cstar__tls_log {
    uint64_t second;
    unsigned lines, more; /* all three atomic; each by itself: at worst a line too many */
} cstar__tls_log;

struct cstar__worker {
    cstar__server *server;
    unsigned index;
    uv_loop_t loop;
    cstar__door door;
    /* Never connected. libuv opens a descriptor of its own with a loop's first stream: now, and not
     * when connections come or descriptors have run out. */
    uv_tcp_t first;
    uv_timer_t tick;  /* each second while there are connections: deadlines, Date */
    uv_async_t stop;  /* [any thread] */
    uv_async_t mail;  /* [any thread] see cstar__server_wake() */
    uv_timer_t lame;  /* from the stop to the end of accepting */
    uv_timer_t watch; /* worker 0: tells the service manager's watchdog that it turns */
    uv_signal_t sigint, sigterm, sighup;
    uv_thread_t thread;
    sigset_t mask; /* of who made the thread */
    cstar__exchange_pool pool;
    cstar__env env;
    cstar__slab slab; /* the machines' memory */
    cstar_buf out;    /* what the machine being fed answers */
    cstar_buf plain;  /* what TLS has decrypted */
    cstar_buf cipher; /* what TLS has to send */
    /* the same for answers of connections that are not inside; see driver.c */
    cstar_buf side, side_cipher;
    struct cstar__conn *inside, *side_owner;
    cstar__link ready; /* connections to be pumped before the loop sleeps */
    uv_idle_t idle;    /* runs while there are some */
    cstar__alarms alarms;
    uv_timer_t alarm;
    uv_timer_t mail_alarm;
    uint64_t alarm_at; /* loop time for which `alarm` is set; UINT64_MAX: it is not */
    bool waking;       /* alarms are going off */
    size_t nwork;      /* under way */
    cstar__link waits[CSTAR__WAITS];
    size_t nconns;
    uint64_t drain_until; /* loop time; 0: not draining */
    char date[32];
    int64_t date_second;
    bool deaf;     /* atomic: `mail` is closed, or was never opened; see cstar__server_wake() */
    bool stopping; /* asked to stop; still accepting for lame_ms */
    bool cut;      /* draining has taken too long, and that was logged */
    char input[64 * 1024];
};

/** Called by the listener: takes an accepted socket, non-blocking and closed on exec, also on
 * failure. `peer` is copied but for its link and worker, which are set here. Counts `accepted`, or
 * `accept_failures`. @return true: when it has gone, cstar__listener_gone() is told, once and never
 * from inside this call. false: out of memory; nobody will be told. */
bool cstar__conn_adopt(cstar__worker *w, int fd, const cstar__peer *peer);
/** Closes the connection that has waited longest for a further request, at once, and counts it in
 * `evicted_idle`; its going is told later. @return false: there is none. */
bool cstar__conns_evict_idle(cstar__worker *w);
/** Ends or drains every connection of the worker. */
void cstar__conns_drain(cstar__worker *w);
void cstar__conns_cut(cstar__worker *w);
/** Closes what has waited too long. */
void cstar__conns_sweep(cstar__worker *w);
/** Called when the last connection has gone. worker.c. */
void cstar__worker_conn_gone(cstar__worker *w);
/** Called with the first connection. */
void cstar__worker_conn_came(cstar__worker *w);
/** Called when a work is done. */
void cstar__worker_end_if_drained(cstar__worker *w);

/** Binds, too. cstar__worker_close() is not due after a failure. */
cstar_status cstar__worker_open(cstar__worker *w, cstar__server *s, unsigned index, cstar_err *err);
void cstar__worker_run(cstar__worker *w);
void cstar__worker_close(cstar__worker *w);
void cstar__worker_update_date(cstar__worker *w);

struct cstar__server {
    cstar__server_opts opts;
    const cstar_allocator *alloc;
    cstar__worker *workers;
    unsigned nworkers;
    unsigned nopen;
    unsigned others; /* atomic: workers but the first that have not left; releases what they did */
    unsigned listening; /* atomic: workers that listen; the last one closes `bounds` */
    bool draining;      /* atomic: asked to stop */
    bool cut;           /* atomic: asked to stop twice; the async that follows orders it */
    cstar__bounds bounds;
    cstar__admission admission;
    cstar__notifier notifier;
    /* atomic: of connections. Begins at the clock's nanoseconds, so that no two servers of a process
     * give the same. */
    uint64_t serial;
    uint64_t said_failure, said_full, said_address; /* atomic: when it was last logged */
    bool has_tls;
    cstar__tls_slot tls; /* the certificates in use */
    unsigned nwork;      /* atomic: works under way, of all workers */
    cstar__tls_log tls_log;
};

/** A reference to the certificates in use; NULL without TLS. [any thread] */
cstar__tls_ctx *cstar__server_tls(cstar__server *s);

/** shutdown(fd, SHUT_WR) */
int cstar__socket_shutdown(uv_os_fd_t fd);
/** Whether the peer of a TCP socket owes an acknowledgement (of bytes, or of a probe of its closed
 * window) and has sent none for `ms` milliseconds. Always false where the kernel does not tell. */
bool cstar__socket_silent(uv_os_fd_t fd, unsigned ms);

/** Logs a TLS failure, unless there were many in this second. [any thread] */
void cstar__server_tls_failure(cstar__server *s, const char *why);
/** Says how many were not logged, once their second is over. [any thread] */
void cstar__server_tls_tick(cstar__server *s);

/** Logs a line by the server's callback. [any thread] */
void cstar__server_log(const cstar__server *s, const char *format, ...) CSTAR_PRINTF(2, 3);

#endif
