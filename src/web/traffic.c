/* traffic.c -- what is counted and told of every request: status, latency, the access log.
 *
 * Invariant: every exchange that began ends here once, whatever became of it; what the machine
 * refuses before there is an exchange is only counted, by the machine.
 *
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "web/quiet.h"

#include <time.h>

static uint64_t now_ns(void) {
    struct timespec t = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int64_t wall_ms(void) {
    struct timespec t = {0};
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* NULL: there is none, or none any more. */
static cstar_conn *conn_of(const cstar__exchange *x) { return x->slim ? NULL : x->user; }

/* Of the client, or of the socket's other end where there is no conn (or a pool thread has it); empty:
 * it has none. */
static cstar_str address_of(const cstar__exchange *x, char mem[CSTAR__IP_TEXT]) {
    static const cstar__ip none;
    cstar_conn *conn = conn_of(x);
    if (conn != NULL && !conn->off_loop && (conn->app->proxies.n != 0 || conn->app->trust_local)) {
        return cstar_cstr(cstar_client_address(conn));
    }
    if (x->peer->local) {
        return CSTAR_STR("unix");
    }
    return memcmp(&x->peer->ip, &none, sizeof none) != 0 ? cstar__ip_format(&x->peer->ip, mem)
                                                         : CSTAR_STR("");
}

/* JSON lines have it; others have no place for it. */
static cstar_str id_of(const cstar_app *app, const cstar__exchange *x) {
    cstar_conn *conn = conn_of(x);
    const bool wanted = app->access_format == CSTAR_ACCESS_JSON && conn != NULL && !conn->off_loop;
    return wanted ? cstar_cstr(cstar_request_id(conn)) : CSTAR_STR("");
}

void cstar__traffic_describe(const cstar_app *app, const cstar__exchange *x,
                             char mem[CSTAR__IP_TEXT], cstar__access_entry *e) {
    const cstar__request *r = &x->request;
    if (x->slim) {
        cstar__quiet_describe(x, e);
    } else {
        e->request_id = id_of(app, x);
        e->method = cstar__method_name(r->method);
        e->target = r->target;
        e->minor = r->minor;
        e->referer = cstar__request_field(r, "referer");
        e->agent = cstar__request_field(r, "user-agent");
    }
    if (e->address.ptr == NULL) {
        e->address = address_of(x, mem);
    }
}

static void log_request(const cstar_app *app, const cstar__exchange *x, uint64_t us) {
    char text[CSTAR__ACCESS_LINE];
    char address[CSTAR__IP_TEXT];
    cstar_buf line;
    cstar__access_entry entry = {.ms = wall_ms(),
                                 .status = x->status,
                                 .bytes = x->sent,
                                 .us = us,
                                 .secure = x->peer->secure};
    cstar__traffic_describe(app, x, address, &entry);
    cstar_buf_fixed(&line, text, sizeof text);
    cstar__access_line(&line, app->access_format, &entry);
    cstar__access_log_write(app->access_log, cstar_buf_view(&line));
}

void cstar__traffic_begin(const cstar_app *app, cstar__exchange *x) {
    if (app->timed) {
        x->began = now_ns();
    }
}

void cstar__traffic_end(const cstar_app *app, cstar__exchange *x) {
    const cstar_conn *conn = conn_of(x);
    const int digit = x->status / 100;
    CSTAR__STAT_ADD(cstar__exchange_stats(x), requests[digit <= 5 ? digit : 0], 1);
    if (!app->timed) {
        return;
    }
    const uint64_t us = (now_ns() - (x->slim ? cstar__quiet_began(x) : x->began)) / 1000;
    cstar__latency_add(cstar__exchange_stats(x), us);
    if (app->access_log != NULL && (conn == NULL || !conn->unlogged)) {
        log_request(app, x, us);
    }
}
