/* worker.c -- one loop: its door, its clock, its end.
 *
 * A stop goes: stop() [any thread] ▶ async ▶ (lame_ms) ▶ listeners closed, connections drained ▶
 * the last one gone, or the deadline ▶ uv_run returns, worker 0's last ▶ the handles are closed.
 *
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "net/worker.h"

#include "http/date.h"
#include "net/conn.h"
#include "net/mask.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TICK_MS 1000
#define KEEP_BYTES ((size_t)1 << 20) /* of a buffer, from one second to the next */

int cstar__socket_shutdown(uv_os_fd_t fd) { return shutdown(fd, SHUT_WR); }

/* Not TCP_USER_TIMEOUT: that also ends connections whose peer is there and does not read. What was
 * sent just now is not acknowledged either, and a closed window is probed: so it is asked for what
 * was sent again, and for a probe that was. */
bool cstar__socket_silent(uv_os_fd_t fd, unsigned ms) {
#if defined(__linux__) && defined(TCP_INFO)
    struct tcp_info info;
    socklen_t len = sizeof info;
    memset(&info, 0, sizeof info);
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
           (info.tcpi_retransmits != 0 || info.tcpi_probes > 1) && info.tcpi_last_ack_recv >= ms;
#else
    (void)fd;
    (void)ms;
    return false;
#endif
}

/* ---- Date ---- */

void cstar__worker_update_date(cstar__worker *w) {
    time_t now = time(NULL);
    if ((int64_t)now != w->date_second) {
        w->date_second = (int64_t)now;
        cstar__date_format(w->date, (int64_t)now); /* 29 bytes; the rest stays zero */
    }
}

/* ---- clock ---- */

/* Leaves uv_run() once nothing is left to do. The handles stay open until cstar__worker_close(), so
 * that a further stop or signal finds them; worker 0 stays until the others have left, because the
 * signals are its. */
void cstar__worker_end_if_drained(cstar__worker *w) {
    bool alone = w->index != 0 || __atomic_load_n(&w->server->others, __ATOMIC_ACQUIRE) == 0;
    if (w->drain_until != 0 && w->nconns == 0 && w->nwork == 0 && alone) {
        uv_stop(&w->loop);
    }
}

static void tell_tick(const cstar__worker *w) {
    if (w->server->opts.on_tick != NULL) {
        w->server->opts.on_tick(w->server->opts.arg);
    }
}

/* What one large answer needed is not kept for the next. */
static void trim(cstar_buf *b) {
    if (b->cap > KEEP_BYTES && b->len == 0) {
        const cstar_buf old = *b;
        cstar_buf_fini(b);
        cstar_buf_init(b, old.alloc, old.limit);
    }
}

static void trim_buffers(cstar__worker *w) {
    cstar_buf *const buffers[] = {&w->out, &w->plain, &w->cipher, &w->side, &w->side_cipher};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++) {
        trim(buffers[i]);
    }
}

/* glibc keeps what many connections had, unless it is asked. */
static void give_back(void) {
#ifdef __GLIBC__
    (void)malloc_trim(0);
#endif
}

static void on_tick(uv_timer_t *timer) {
    cstar__worker *w = timer->data;
    cstar__worker_update_date(w);
    cstar__conns_sweep(w);
    tell_tick(w);
    cstar__server_tls_tick(w->server);
    trim_buffers(w);
    if (w->nconns == 0) { /* the clock sleeps while nobody is there */
        (void)uv_timer_stop(timer);
        give_back();
    }
    if (w->drain_until != 0 && uv_now(&w->loop) >= w->drain_until && !w->cut) {
        w->cut = true;
        cstar__server_log(w->server, "stop: %zu connections did not finish in time and were cut",
                          w->nconns);
        cstar__conns_cut(w);
    }
}

void cstar__worker_conn_came(cstar__worker *w) {
    if (w->nconns++ == 0 && uv_is_active((const uv_handle_t *)&w->tick) == 0) {
        cstar__worker_update_date(w);
        (void)uv_timer_start(&w->tick, on_tick, TICK_MS, TICK_MS);
    }
}

void cstar__worker_conn_gone(cstar__worker *w) {
    if (--w->nconns == 0) {
        tell_tick(w);
        cstar__worker_end_if_drained(w);
    }
}

/* ---- stop ---- */

static void begin_drain(cstar__worker *w) {
    uv_update_time(&w->loop);
    w->drain_until = uv_now(&w->loop) + w->server->opts.drain_ms + 1;
    (void)uv_timer_stop(&w->lame);
    cstar__listener_close(w);
    if (w->server->opts.on_last_mail !=
        NULL) { /* nobody promises that its wake comes before a stop */
        w->server->opts.on_last_mail(w->server->opts.arg, w->index);
    }
    cstar__conns_drain(w);
}

static void on_lame_end(uv_timer_t *timer) {
    cstar__worker *w = timer->data;
    begin_drain(w);
    cstar__worker_end_if_drained(w);
}

/* Who asks whether we are ready hears "no" from now on, but may still come. */
static void begin_stop(cstar__worker *w) {
    w->stopping = true;
    if (w->index == 0) {
        cstar__notify(&w->server->notifier, "STOPPING=1\nSTATUS=finishing what runs\n");
    }
    uv_update_time(&w->loop);
    if (w->server->opts.lame_ms == 0 ||
        uv_timer_start(&w->lame, on_lame_end, w->server->opts.lame_ms, 0) != 0) {
        begin_drain(w);
    }
}

/* Asked to stop, for the first time or again; or (worker 0) another worker has left. */
static void on_stop(uv_async_t *async) {
    cstar__worker *w = async->data;
    bool cut = __atomic_load_n(&w->server->cut, __ATOMIC_RELAXED);
    if (!w->stopping) {
        begin_stop(w);
    }
    if (w->drain_until == 0 && cut) {
        begin_drain(w);
    }
    if (cut) {
        cstar__conns_cut(w);
    }
    cstar__worker_end_if_drained(w);
}

static void on_mail(uv_async_t *async) {
    const cstar__worker *w = async->data;
    const cstar__server_opts *o = &w->server->opts;
    if (o->on_mail != NULL) {
        o->on_mail(o->arg, w->index);
    }
}

static void on_signal(uv_signal_t *handle, int number) {
    cstar__worker *w = handle->data;
    (void)number;
    if (cstar__server_draining(w->server)) { /* asked twice: now */
        __atomic_store_n(&w->server->cut, true, __ATOMIC_RELAXED);
    }
    cstar__server_stop(w->server);
}

static void on_hangup(uv_signal_t *handle, int number) {
    const cstar__server *s = ((const cstar__worker *)handle->data)->server;
    (void)number;
    if (s->opts.on_hangup != NULL) {
        cstar__notify_reloading(&s->notifier);
        s->opts.on_hangup(s->opts.arg);
        cstar__notify(&s->notifier, "READY=1\n");
    }
}

static void on_watch(uv_timer_t *timer) {
    const cstar__worker *w = timer->data;
    cstar__notify(&w->server->notifier, "WATCHDOG=1\n");
}

/* ---- life ---- */

static int init_signals(cstar__worker *w) {
    int rc = uv_signal_init(&w->loop, &w->sigint);
    rc = rc != 0 ? rc : uv_signal_init(&w->loop, &w->sigterm);
    rc = rc != 0 ? rc : uv_signal_init(&w->loop, &w->sighup);
    w->sigint.data = w->sigterm.data = w->sighup.data = w;
    rc = rc != 0 ? rc : uv_signal_start(&w->sigint, on_signal, SIGINT);
    rc = rc != 0 ? rc : uv_signal_start(&w->sighup, on_hangup, SIGHUP);
    return rc != 0 ? rc : uv_signal_start(&w->sigterm, on_signal, SIGTERM);
}

static int init_watch(cstar__worker *w) {
    unsigned ms = w->server->notifier.watch_ms;
    int rc = uv_timer_init(&w->loop, &w->watch);
    w->watch.data = w;
    return rc != 0 || ms == 0 ? rc : uv_timer_start(&w->watch, on_watch, ms, ms);
}

static int init_handles(cstar__worker *w) {
    int rc = uv_tcp_init(&w->loop, &w->first);
    rc = rc != 0 ? rc : uv_timer_init(&w->loop, &w->tick);
    rc = rc != 0 ? rc : uv_timer_init(&w->loop, &w->lame);
    rc = rc != 0 ? rc : uv_timer_init(&w->loop, &w->alarm);
    rc = rc != 0 ? rc : uv_idle_init(&w->loop, &w->idle);
    rc = rc != 0 ? rc : uv_async_init(&w->loop, &w->stop, on_stop);
    w->tick.data = w->lame.data = w->alarm.data = w->idle.data = w->stop.data = w;
    rc = rc != 0 ? rc : uv_async_init(&w->loop, &w->mail, on_mail);
    rc = rc != 0 ? rc : uv_timer_init(&w->loop, &w->mail_alarm);
    w->mail.data = w->mail_alarm.data = w;
    __atomic_store_n(&w->deaf, rc != 0, __ATOMIC_RELAXED);
    if (rc == 0 && w->index == 0) {
        rc = init_watch(w);
    }
    if (rc == 0 && w->server->opts.signals && w->index == 0) {
        rc = init_signals(w);
    }
    return rc;
}

static void init_env(cstar__worker *w) {
    const cstar__server *s = w->server;
    cstar__exchange_pool_init(&w->pool, s->alloc);
    w->pool.arena_limit = s->opts.exchange_bytes;
    cstar_buf_init(&w->out, s->alloc, s->opts.max_output);
    cstar_buf_init(&w->plain, s->alloc, s->opts.max_output);
    cstar_buf_init(&w->cipher, s->alloc, s->opts.max_output + s->opts.max_output / 8);
    cstar_buf_init(&w->side, s->alloc, w->out.limit);
    cstar_buf_init(&w->side_cipher, s->alloc, w->cipher.limit);
    cstar__alarms_init(&w->alarms, s->alloc);
    cstar__slab_init(&w->slab, s->alloc);
    w->alarm_at = UINT64_MAX;
    w->ready.prev = w->ready.next = &w->ready;
    cstar__worker_update_date(w);
    w->env = (cstar__env){.handler = s->opts.handler,
                          .alloc = &w->slab.view,
                          .pool = &w->pool,
                          .limits = s->opts.limits,
                          .h2_limits = &s->opts.h2_limits,
                          .no_http2 = s->opts.no_http2,
                          .driver = &cstar__conn_driver,
                          .date = w->date};
    for (size_t i = 0; i < CSTAR__WAITS; i++) {
        w->waits[i].prev = w->waits[i].next = &w->waits[i];
    }
}

cstar_status cstar__worker_open(cstar__worker *w, cstar__server *s, unsigned index,
                                cstar_err *err) {
    w->server = s;
    w->index = index;
    w->date_second = -1;
    w->deaf = true;
    int rc = uv_loop_init(&w->loop);
    if (rc != 0) {
        return cstar_err_set(err, CSTAR_EIO, "workers", "worker %u: %s", index, uv_strerror(rc));
    }
    init_env(w);
    rc = init_handles(w);
    if (rc != 0) {
        (void)cstar_err_set(err, CSTAR_EIO, "workers", "worker %u: %s", index, uv_strerror(rc));
    }
    if (rc != 0 || !cstar__listener_open(w, err)) {
        cstar__worker_close(w);
        return CSTAR_EIO;
    }
    return CSTAR_OK;
}

/* libuv writes with write(2). */
void cstar__worker_run(cstar__worker *w) {
    sigset_t before;
    cstar__mask_pipe(&before);
    (void)uv_run(&w->loop, UV_RUN_DEFAULT);
    cstar__unmask_pipe(&before);
}

static void close_handle(uv_handle_t *handle, void *arg) {
    (void)arg;
    if (!uv_is_closing(handle)) {
        uv_close(handle, NULL);
    }
}

/* Also for a worker that never ran, or opened only half. */
void cstar__worker_close(cstar__worker *w) {
    cstar__listener_close(w);
    cstar__conns_cut(w);
    /* from here on: ends of other workers' exchanges may still have something to tell */
    __atomic_store_n(&w->deaf, true, __ATOMIC_RELAXED);
    uv_walk(&w->loop, close_handle, NULL);
    while (uv_run(&w->loop, UV_RUN_DEFAULT) != 0) {
        /* an earlier uv_stop() ended it before its last closing */
    }
    (void)uv_loop_close(&w->loop);
    cstar_buf_fini(&w->out);
    cstar_buf_fini(&w->plain);
    cstar_buf_fini(&w->cipher);
    cstar_buf_fini(&w->side);
    cstar_buf_fini(&w->side_cipher);
    cstar__alarms_fini(&w->alarms);
    cstar__slab_fini(&w->slab);
    cstar__exchange_pool_fini(&w->pool);
}
