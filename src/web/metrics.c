/* metrics.c -- the counters as Prometheus reads them (text format 0.0.4).
 *
 * Each number by itself never goes back while the server runs; a scrape is no snapshot, since the
 * workers count on meanwhile.
 *
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "net/server.h"
#include "web/access_log.h"
#include "web/live.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct metric {
    const char *name;
    const char *help;
    const char *labels; /* with braces; NULL: none */
    size_t at;          /* in cstar__stats */
    bool gauge;
} metric;

#define COUNTER(field, name, help, labels)                                                         \
    { name, help, labels, offsetof(cstar__stats, field), false }
#define GAUGE(field, name, help)                                                                   \
    { name, help, NULL, offsetof(cstar__stats, field), true }

/* Rows of one name stand together; the first one's help counts. */
static const metric metrics[] = {
    COUNTER(requests[2], "cstar_http_requests_total", "Requests by the class of their status.",
            "{class=\"2xx\"}"),
    COUNTER(requests[3], "cstar_http_requests_total", NULL, "{class=\"3xx\"}"),
    COUNTER(requests[4], "cstar_http_requests_total", NULL, "{class=\"4xx\"}"),
    COUNTER(requests[5], "cstar_http_requests_total", NULL, "{class=\"5xx\"}"),
    COUNTER(requests[0], "cstar_http_requests_total", NULL, "{class=\"none\"}"),
    COUNTER(refused, "cstar_http_refused_total", "Requests that were malformed or over a limit.",
            NULL),
    COUNTER(live_gzip_shared, "cstar_live_gzip_frames_total",
            "Frames of streams that take gzip, by who else has their bytes.", "{bytes=\"shared\"}"),
    COUNTER(live_gzip_alone, "cstar_live_gzip_frames_total", NULL, "{bytes=\"alone\"}"),
    GAUGE(active, "cstar_http_requests_active", "Requests under way."),
    GAUGE(streams, "cstar_http_streams", "Responses that go on, as event streams do."),
    COUNTER(h2_connections, "cstar_http2_connections_total", "Connections that speak HTTP/2.",
            NULL),
    COUNTER(h2_resets_in, "cstar_http2_resets_total", "Streams that were reset, by whom.",
            "{by=\"client\"}"),
    COUNTER(h2_resets_out, "cstar_http2_resets_total", NULL, "{by=\"server\"}"),
    COUNTER(h2_goaways, "cstar_http2_goaways_total", "Connections ended for bad behaviour.", NULL),
    COUNTER(accepted, "cstar_connections_total", "Connections accepted.", NULL),
    GAUGE(open, "cstar_connections", "Connections open."),
    COUNTER(refused_address, "cstar_connections_refused_total", "Connections not served, and why.",
            "{why=\"address\"}"),
    COUNTER(refused_full, "cstar_connections_refused_total", NULL, "{why=\"full\"}"),
    COUNTER(evicted_idle, "cstar_connections_evicted_total", "Idle ones closed to make room.",
            NULL),
    COUNTER(timeouts, "cstar_connections_timeouts_total", "Connections closed by a deadline.",
            NULL),
    COUNTER(vanished, "cstar_clients_vanished_total",
            "Connections and live streams ended since nobody answered any more.", NULL),
    COUNTER(accept_failures, "cstar_accept_failures_total",
            "Times that descriptors or memory ran out.", NULL),
    COUNTER(bytes_in, "cstar_received_bytes_total", "Bytes read from sockets.", NULL),
    COUNTER(bytes_out, "cstar_sent_bytes_total", "Bytes written to sockets.", NULL),
    GAUGE(waiting_bytes, "cstar_queue_bytes", "Bytes that sockets have not taken yet."),
    COUNTER(handshakes, "cstar_tls_handshakes_total", "TLS handshakes done.", NULL),
    COUNTER(handshakes_resumed, "cstar_tls_resumptions_total", "Of these, resumed sessions.", NULL),
    COUNTER(handshake_failures, "cstar_tls_failures_total", "TLS handshakes that failed.", NULL),
    GAUGE(live_streams, "cstar_live_streams", "Live streams."),
    COUNTER(live_delivered, "cstar_live_delivered_total",
            "Patches and messages that were handed to live streams.", NULL),
    COUNTER(live_coalesced, "cstar_live_coalesced_total",
            "Patches that a newer one of their key replaced while they waited.", NULL),
    COUNTER(live_dropped, "cstar_live_dropped_total",
            "Patches that were dropped, as their client was too slow.", NULL),
    COUNTER(live_slow_cut, "cstar_live_slow_cut_total",
            "Live streams that were cut, as their client was too slow.", NULL),
};

/* ---- text ---- */

static void put_head(cstar_buf *out, const char *name, const char *help, const char *type) {
    cstar_buf_lit(out, "# HELP ");
    cstar_buf_puts(out, name);
    cstar_buf_lit(out, " ");
    cstar_buf_puts(out, help);
    cstar_buf_lit(out, "\n# TYPE ");
    cstar_buf_puts(out, name);
    cstar_buf_lit(out, " ");
    cstar_buf_puts(out, type);
    cstar_buf_lit(out, "\n");
}

static void put_value(cstar_buf *out, const char *name, const char *labels, uint64_t value) {
    cstar_buf_puts(out, name);
    cstar_buf_puts(out, labels != NULL ? labels : "");
    cstar_buf_lit(out, " ");
    cstar_buf_uint(out, value);
    cstar_buf_lit(out, "\n");
}

static void put_gauge(cstar_buf *out, const char *name, const char *help, uint64_t value) {
    put_head(out, name, help, "gauge");
    put_value(out, name, NULL, value);
}

static void put_counter(cstar_buf *out, const char *name, const char *help, uint64_t value) {
    put_head(out, name, help, "counter");
    put_value(out, name, NULL, value);
}

/* Microseconds as seconds, without a double's rounding. */
static void put_seconds(cstar_buf *out, uint64_t us) {
    char text[32];
    int n = snprintf(text, sizeof text, "%" PRIu64 ".%06" PRIu64, us / 1000000, us % 1000000);
    cstar_buf_add(out, text, n > 0 ? (size_t)n : 0);
}

/* ---- what is counted ---- */

/* The shortest: "0.0001", "1". */
static void put_limit(cstar_buf *out, uint64_t us) {
    put_seconds(out, us);
    while (out->len != 0 && out->ptr[out->len - 1] == '0') {
        out->len--;
    }
    out->len -= out->len != 0 && out->ptr[out->len - 1] == '.';
}

static void put_stats(cstar_buf *out, const cstar__stats *sum) {
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++) {
        const metric *m = &metrics[i];
        if (m->help != NULL) {
            put_head(out, m->name, m->help, m->gauge ? "gauge" : "counter");
        }
        uint64_t value = 0;
        memcpy(&value, (const char *)sum + m->at, sizeof value);
        put_value(out, m->name, m->labels, value);
    }
}

static void put_latency(cstar_buf *out, const cstar__stats *sum) {
    static const char name[] = "cstar_http_request_duration_seconds";
    uint64_t all = 0;
    put_head(out, name, "From a request's head to the end of its response.", "histogram");
    for (size_t i = 0; i < CSTAR__LATENCIES; i++) {
        all += sum->latency[i];
        cstar_buf_puts(out, name);
        cstar_buf_lit(out, "_bucket{le=\"");
        if (cstar__latency_limit(i) != 0) {
            put_limit(out, cstar__latency_limit(i));
        } else {
            cstar_buf_lit(out, "+Inf");
        }
        cstar_buf_lit(out, "\"} ");
        cstar_buf_uint(out, all);
        cstar_buf_lit(out, "\n");
    }
    cstar_buf_puts(out, name);
    cstar_buf_lit(out, "_sum ");
    put_seconds(out, sum->latency_sum);
    cstar_buf_lit(out, "\n");
    cstar_buf_puts(out, name);
    put_value(out, "_count", NULL, all);
}

/* ---- the process ---- */

/* Pages in memory, as Linux tells them; 0: not known. */
static uint64_t resident_pages(void) {
    char text[128] = "";
    FILE *f = fopen("/proc/self/statm", "re");
    if (f == NULL) {
        return 0;
    }
    const char *line = fgets(text, sizeof text, f);
    (void)fclose(f);
    const char *second = line != NULL ? strchr(line, ' ') : NULL; /* "all resident shared ..." */
    return second != NULL ? strtoull(second, NULL, 10) : 0;
}

/* 0: not known. */
static uint64_t open_descriptors(void) {
    DIR *dir = opendir("/proc/self/fd");
    uint64_t n = 0;
    if (dir == NULL) {
        return 0;
    }
    while (readdir(dir) != NULL) {
        n++;
    }
    (void)closedir(dir);
    return n - 3; /* ".", ".." and the one that reads */
}

static void put_process(cstar_buf *out, const cstar_app *app) {
    const uint64_t pages = resident_pages();
    const uint64_t descriptors = open_descriptors();
    put_gauge(out, "process_start_time_seconds", "When it began to serve, since 1970.",
              (uint64_t)app->started);
    if (pages != 0) {
        put_gauge(out, "process_resident_memory_bytes", "Memory in use.",
                  pages * (uint64_t)sysconf(_SC_PAGESIZE));
    }
    if (descriptors != 0) {
        put_gauge(out, "process_open_fds", "Descriptors open.", descriptors);
    }
}

static void sum_stats(const cstar_conn *conn, cstar__stats *sum) {
    const cstar_app *app = conn->app;
    memset(sum, 0, sizeof *sum);
    if (app->server != NULL) {
        cstar__server_stats(app->server, sum);
    } else {
        cstar__stats_sum(sum, cstar__exchange_stats(conn->x)); /* a test: nobody below */
    }
}

static void put_coding(cstar_buf *out, const cstar__coding_budget *b) {
    put_gauge(out, "cstar_coding_memory_bytes", "Reserved for encoders.",
              atomic_load_explicit(&b->used, memory_order_relaxed));
    put_counter(out, "cstar_coding_whole_total", "Responses that got the coding liked best.",
                atomic_load_explicit(&b->whole, memory_order_relaxed));
    put_counter(out, "cstar_coding_cheaper_total", "Responses that got a cheaper one.",
                atomic_load_explicit(&b->less, memory_order_relaxed));
    put_counter(out, "cstar_coding_none_total", "Responses for which no memory was left.",
                atomic_load_explicit(&b->none, memory_order_relaxed));
}

static void put_live(cstar_buf *out, const cstar_app *app) {
    cstar__hub_count n = {0};
    cstar__hub_counts(app->hub, &n);
    put_counter(out, "cstar_live_published_total", "What was published and somebody listened to.",
                n.published);
    put_counter(out, "cstar_live_refused_total",
                "What was not published, as the workers were behind.", n.refused);
    put_gauge(out, "cstar_live_mailbox_bytes", "Published, and waiting for workers.", n.waiting);
    put_gauge(out, "cstar_live_topics", "Topics that somebody listens to, or that keep something.",
              n.topics);
    put_gauge(out, "cstar_live_tabs", "Tabs that have a stream.",
              cstar__registry_count(app->registry));
}

bool cstar__metrics_answer(cstar_conn *conn) {
    const cstar_app *app = conn->app;
    cstar__stats sum;
    if (app->metrics == NULL || !cstar_str_eq(conn->x->request.path, cstar_cstr(app->metrics))) {
        return false;
    }
    sum_stats(conn, &sum);
    put_stats(&conn->out, &sum);
    put_latency(&conn->out, &sum);
    put_coding(&conn->out, &app->coders.budget);
    if (cstar__app_hub(app) != NULL) {
        put_live(&conn->out, app);
    }
    if (app->access_log != NULL) {
        put_counter(&conn->out, "cstar_access_log_lost_total", "Lines that could not be written.",
                    cstar__access_log_lost(app->access_log));
    }
    put_process(&conn->out, app);
    if (conn->out.status != CSTAR_OK) {
        cstar__error_page(conn, 500, NULL);
        return true;
    }
    cstar__status_answer(conn,
                         &(cstar__reply){.status = 200,
                                         .content_type = "text/plain; version=0.0.4; charset=utf-8",
                                         .body = cstar_buf_view(&conn->out)});
    return true;
}
