/* cstar/serve.h -- an app on a server: options, logs, a whole main().
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_SERVE_H
#define CSTAR_SERVE_H

#include "cstar/base.h"

CSTAR_BEGIN_DECLS

typedef struct cstar_app cstar_app;

/* ---- serving --------------------------------------------------------------------------------- */

typedef enum cstar_log_level { CSTAR_LOG_ERROR, CSTAR_LOG_WARN, CSTAR_LOG_INFO } cstar_log_level;

/* What the access log looks like. */
typedef enum cstar_access_format {
    CSTAR_ACCESS_COMBINED, /* common with "referer" "user agent" */
    CSTAR_ACCESS_COMMON,   /* as of old: address - - [time] "request" status bytes */
    CSTAR_ACCESS_JSON,     /* an object per line, with the duration; see docs/howto/logging.md */
} cstar_access_format;

typedef struct cstar_cert {
    const char *cert_file; /* PEM: the certificate, then its chain */
    const char *key_file;  /* PEM; NULL: in cert_file */
} cstar_cert;

/* Which headers a proxy tells the client's address, scheme and host with. */
typedef enum cstar_forwarded {
    CSTAR_FORWARDED_NONE, /* nobody's word counts */
    CSTAR_FORWARDED_X,    /* X-Forwarded-For, -Proto, -Host */
    CSTAR_FORWARDED_RFC,  /* Forwarded (RFC 7239) */
} cstar_forwarded;

typedef struct cstar_serve_opts { /* zero is the default of every field */
    /* "host:port", "[::1]:8080", ":8080" (all addresses; port 0: a free one), "unix:/path" or
     * "unix:/path,mode=0660", "unix:@name" (abstract), "fd:3" (inherited), "systemd" or
     * "systemd:NAME" (socket activation). NULL: 127.0.0.1:8080 */
    const char *listen;
    const char *const *listeners; /* several of them, instead of `listen` */
    size_t nlisteners;
    const char
        *redirect;    /* listen here too, for http, and send everybody to https; NULL: nowhere */
    unsigned workers; /* loops, each its own thread but the first; 0: 1 */
    /* HTTPS (TLS 1.2 and 1.3). Without `certs` a certificate for development is made, see
     * docs/howto/https.md. */
    bool tls;
    const cstar_cert *certs; /* borrowed; the first is for clients that ask for no name we have */
    size_t ncerts;
    bool no_http2; /* HTTP/1.1 only; else HTTP/2 by ALPN over TLS, and by prior knowledge without */
    unsigned hsts; /* seconds that browsers are to insist on https; 0: not said */
    bool hsts_subdomains;    /* and on that of every name below this one */
    const char *datastar;    /* file of the Datastar client; NULL: pages load it from the CDN */
    size_t max_body;         /* bytes of a plain route's request body; 0: 1 000 000 */
    size_t max_response;     /* bytes of one response; 0: 16 MiB */
    size_t max_line;         /* bytes of a request line; 0: 16 KiB; then 414 */
    size_t max_header_bytes; /* of all of a request's headers together; 0: 32 KiB; then 431 */
    unsigned max_headers;    /* how many; 0: 100; then 431 */
    unsigned max_streams;    /* of one HTTP/2 connection at a time; 0: 256 */
    bool no_compress;        /* no content coding; else br, zstd or gzip as the client accepts it */
    size_t compress_min;     /* bytes from which a whole body is coded; 0: 1024 */
    /* bytes that all encoders together may have; past it responses get a cheaper coding or none;
     * 0: 64 MiB */
    size_t coding_memory;
    /* Connections at a time. When all are taken, the one that has been idle for longest makes room;
     * where none is idle, new ones wait in the kernel. 0: what the process's descriptors allow */
    unsigned max_connections;
    /* Of one address (IPv6: one /64); more are reset. Trusted proxies are not counted. 0: 1024, and
     * no limit for this machine's own */
    unsigned max_per_address;
    /* Bytes (with 256 for each) that are published and that the workers have not come to; more are
     * refused. 0: 64 MiB. Of the first cstar_serve() of the app. What is published to a worker that
     * has 1 000 000 deliveries to make already, seconds of work, is refused whatever this is */
    size_t max_published;
    /* Bytes that open live streams keep, all together, of the requests that opened them: the text of
     * their signals, and what was read of it, some thirty times as much at the worst. Only those
     * with `info`, `disconnect` or timers keep it (others while they begin), and only those with more
     * than 64 KiB count; past it these are answered 503. 0: 256 MiB */
    size_t max_stream_memory;
    /* blocking handlers, and works of cstar_defer(), that wait or run; 0: 1024; then 503 */
    unsigned max_work;
    /* milliseconds; 0: 10 000, 30 000, 75 000, 60 000 */
    unsigned header_ms, body_ms, idle_ms, write_ms;
    /* Of silence of an HTTP/2 client with requests under way: then it is asked whether it is there,
     * and has as long again to say so. Milliseconds; 0: 15 000; UINT_MAX: it is not asked. Live
     * streams have their own, see cstar/live.h */
    unsigned ping_ms;
    /* bytes per second that a request's body has to bring on average once body_ms have passed; 0:
     * 256; UINT_MAX: no minimum */
    unsigned body_rate;
    unsigned drain_ms; /* milliseconds that stopping waits for what runs; 0: 10 000 */
    /* milliseconds that connections are still accepted when stopping, so that a balancer can see
     * (by `health`) that no more should come; 0: none */
    unsigned lame_ms;
    /* Whom to become once the sockets are bound and the certificates read: names or numbers. NULL:
     * stay. `group` NULL: the user's */
    const char *user, *group;
    /* A line per request to this file, appended; "-": standard output. NULL: none. Signals are
     * never in it: the value of the query's `datastar` is "-". */
    const char *access_log;
    cstar_access_format access_format;
    /* GET here answers 200 "ok", and 503 as soon as the server is to stop; a route of the app's own
     * for just this path wins, one with params, or a folder, does not. NULL: "/healthz"; "" or
     * "off": nowhere. Not in the access log. */
    const char *health;
    /* GET here answers the counters in Prometheus's text format, to everybody who can reach it.
     * NULL, "" or "off": nowhere. Not in the access log. */
    const char *metrics;
    /* Show failures in the browser: of events in the page and its console, of pages on the error
     * page; and log hints, once each: what looks forgotten, such as a stream that listens to
     * nothing. For you, while you write the program, and for nobody else. */
    bool development;
    /* Stop on SIGINT and SIGTERM, load certificates and open the access log again on SIGHUP. */
    bool signals;
    /* Proxies in front, whose word about the client counts: "10.0.0.0/8", "::1", "unix" (who comes
     * by a Unix socket). Copied. They must set `forwarded`'s headers, or strangers do. */
    const char *const *trusted_proxies;
    size_t ntrusted_proxies;
    cstar_forwarded forwarded;
    bool request_id; /* each response says its cstar_request_id() in an x-request-id field */
    /* Called once, when all workers listen; `url` is "http://127.0.0.1:8080". */
    void (*on_listen)(void *arg, const char *url);
    /* [any thread] A line without line break. NULL: nothing is logged. */
    void (*on_log)(void *arg, cstar_log_level level, const char *line);
    void *arg;
} cstar_serve_opts;

/**
 * Serves until cstar_stop() (or a signal): stops accepting, finishes what runs, returns. May be called
 * again; while it begins with more workers than ever before, nobody may publish.
 * @return CSTAR_OK; EINVAL a bad option or an app with a bad route; EIO can't listen, can't read
 *         opts->datastar, or can't write opts->access_log; EPOLICY can't become opts->user; ENOMEM.
 */
CSTAR_API cstar_status cstar_serve(cstar_app *app, const cstar_serve_opts *opts, cstar_err *err);
/** [any thread] [signal-unsafe] Makes cstar_serve() stop. Does nothing when it is not running. What
 * was published before reaches live streams before they end. */
CSTAR_API void cstar_stop(cstar_app *app);

/** [any thread] Loads the certificates again; cstar_serve() with `signals` does it on SIGHUP.
 * Connections keep what they have. Nobody waits for the files but who has asked (on SIGHUP that is
 * the first worker's loop), and the end of cstar_serve(). On an error (CSTAR_ESTATE: not serving,
 * or without TLS) nothing changes. */
CSTAR_API cstar_status cstar_reload_certs(cstar_app *app, cstar_err *err);

/** [any thread] Opens the file of the access log again, after it was renamed; cstar_serve() with
 * `signals` does it on SIGHUP. No line is lost. On an error (CSTAR_ESTATE: not serving, or without
 * such a file; CSTAR_EIO) the old file stays in use. */
CSTAR_API cstar_status cstar_reopen_log(cstar_app *app, cstar_err *err);

/**
 * A whole main(): reads flags and CSTAR_* environment variables (--help prints them), serves, frees
 * the app. One worker per core unless told otherwise. Prints to stdout and stderr.
 * @return the process's exit status: 0 stopped by a signal, 1 could not serve, 2 bad usage.
 */
CSTAR_API int cstar_main(cstar_app *app, int argc, char **argv);

CSTAR_END_DECLS
#endif
