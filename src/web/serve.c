/* serve.c -- an app on a server, from the first socket to the last connection.
 * SPDX-License-Identifier: MIT */
#include "net/process.h"
#include "net/server.h"
#include "net/tls.h"
#include "web/access_log.h"
#include "web/live.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void on_log(void *arg, const char *line) {
    const cstar_app *app = arg;
    cstar__app_log(app, CSTAR_LOG_WARN, "%s", line);
}

/* "No limit" is a large one: several are added up. */
static size_t size_or(size_t asked, size_t otherwise) {
    const size_t size = asked != 0 ? asked : otherwise;
    return size < SIZE_MAX / 32 ? size : SIZE_MAX / 32;
}

static void set_limits(cstar_app *app, const cstar_serve_opts *o) {
    app->max_body = size_or(o->max_body, CSTAR__MAX_SIGNAL_BYTES);
    __atomic_store_n(&app->max_response, size_or(o->max_response, (size_t)16 << 20),
                     __ATOMIC_RELAXED); /* who publishes may be looking */
    app->max_published = o->max_published;
    app->max_stream_memory = o->max_stream_memory;
    app->coders.off = o->no_compress;
    app->coders.min = o->compress_min != 0 ? o->compress_min : CSTAR__COMPRESS_MIN;
    app->coders.budget.limit = o->coding_memory != 0 ? o->coding_memory : CSTAR__CODING_MEMORY;
    /* half of the reserve that the server leaves of the process's descriptors */
    app->max_files = cstar__process_descriptors() / 16;
    app->on_log = o->on_log;
    app->log_arg = o->arg;
}

/* A path, or none: "" and "off" are none. */
static const char *path_or_none(const char *path) {
    return path != NULL && path[0] != '\0' && strcmp(path, "off") != 0 ? path : NULL;
}

static void set_process(cstar_app *app, const cstar_serve_opts *o) {
    app->health = path_or_none(o->health != NULL ? o->health : "/healthz");
    app->metrics = path_or_none(o->metrics);
    app->timed = app->metrics != NULL || app->access_log != NULL;
    app->started = (int64_t)time(NULL);
    app->access_format = o->access_format;
    __atomic_store_n(&app->development, o->development, __ATOMIC_RELAXED); /* likewise */
    app->hsts[0] = '\0';
    if (o->tls && o->hsts != 0) {
        (void)snprintf(app->hsts, sizeof app->hsts, "max-age=%u%s", o->hsts,
                       o->hsts_subdomains ? "; includeSubDomains" : "");
    }
}

/* ---- the access log ---- */

static cstar_status open_log(cstar_app *app, const cstar_serve_opts *o, cstar_err *err) {
    app->access_log = NULL;
    if (o->access_log == NULL) {
        return CSTAR_OK;
    }
    app->access_log = cstar__access_log_new(
        &(cstar__access_log_opts){
            .path = o->access_log, .alloc = app->alloc, .complain = on_log, .arg = app},
        err);
    return app->access_log != NULL ? CSTAR_OK : err->code;
}

static void on_mail(void *arg, unsigned worker) { (void)cstar__app_open_mail(arg, worker); }
static void on_last_mail(void *arg, unsigned worker) { cstar__app_open_last_mail(arg, worker); }

static void on_tick(void *arg) {
    cstar_app *app = arg;
    cstar__app_tidy_hub(app);
    if (app->access_log != NULL) {
        cstar__access_log_flush(app->access_log);
    }
}

/* Publishers that have to wake a worker take `mutex`, and wait for no file. @return the server,
 * which stays until end_reload(); NULL: there is none. */
static cstar__server *begin_reload(cstar_app *app) {
    (void)pthread_mutex_lock(&app->reloading);
    (void)pthread_mutex_lock(&app->mutex);
    cstar__server *s = app->server;
    (void)pthread_mutex_unlock(&app->mutex);
    return s;
}

static void end_reload(cstar_app *app) { (void)pthread_mutex_unlock(&app->reloading); }

cstar_status cstar_reopen_log(cstar_app *app, cstar_err *err) {
    cstar_status rc = CSTAR_ESTATE;
    if (begin_reload(app) != NULL && app->access_log != NULL) {
        rc = cstar__access_log_reopen(app->access_log, err);
    } else {
        (void)cstar_err_set(err, rc, "access_log", "access_log: not serving, or there is none");
    }
    end_reload(app);
    return rc;
}

static void hangup_log(cstar_app *app) {
    cstar_err err = {0};
    const cstar_status rc = app->access_log != NULL ? cstar_reopen_log(app, &err) : CSTAR_ESTATE;
    if (rc == CSTAR_OK) {
        cstar__app_log(app, CSTAR_LOG_INFO, "the access log was opened again");
    } else if (rc != CSTAR_ESTATE) {
        cstar__app_log(app, CSTAR_LOG_ERROR, "the access log stays as it is: %s", err.text);
    }
}

static void on_hangup(void *arg) {
    cstar_app *app = arg;
    cstar_err err = {0};
    hangup_log(app);
    if (app->tls == NULL) {
        return;
    }
    if (cstar_reload_certs(app, &err) == CSTAR_OK) {
        cstar__app_log(app, CSTAR_LOG_INFO, "the certificates were loaded again");
    } else {
        cstar__app_log(app, CSTAR_LOG_ERROR, "the certificates stay as they are: %s", err.text);
    }
}

/* The sockets: those for the app, and the one that only redirects. */
static cstar__listen *listen_list(cstar_app *app, const cstar_serve_opts *o, size_t *n) {
    const char *const one[] = {o->listen != NULL ? o->listen : "127.0.0.1:8080"};
    const char *const *addresses = o->nlisteners != 0 ? o->listeners : one;
    const size_t count = o->nlisteners != 0 ? o->nlisteners : 1;
    cstar__listen *list = cstar_arena_zalloc(&app->arena, (count + 1) * sizeof *list);
    *n = count + (o->redirect != NULL ? 1 : 0);
    for (size_t i = 0; list != NULL && i < count; i++) {
        list[i] = (cstar__listen){.address = addresses[i], .tls = o->tls};
    }
    if (list != NULL && o->redirect != NULL) {
        list[count] = (cstar__listen){.address = o->redirect, .redirect = true};
    }
    return list;
}

/* Of any route, whatever the app's own limit is. */
static size_t largest_body(const cstar_app *app) {
    return size_or(app->largest_body > app->max_body ? app->largest_body : app->max_body, 0);
}

static cstar__server *new_server(cstar_app *app, const cstar_serve_opts *o, cstar_err *err) {
    size_t nlisteners = 0;
    const cstar__listen *listeners = listen_list(app, o, &nlisteners);
    if (listeners == NULL) {
        (void)cstar_err_set(err, CSTAR_ENOMEM, NULL, "out of memory");
        return NULL;
    }
    cstar__server_opts so = {.listeners = listeners,
                             .nlisteners = nlisteners,
                             .max_connections = o->max_connections,
                             .max_per_address = o->max_per_address,
                             .max_work = o->max_work,
                             .body_rate = o->body_rate,
                             .lame_ms = o->lame_ms,
                             .user = o->user,
                             .group = o->group,
                             .trusted = app->proxies.list,
                             .ntrusted = app->proxies.n,
                             .workers = o->workers,
                             .header_ms = o->header_ms,
                             .body_ms = o->body_ms,
                             .idle_ms = o->idle_ms,
                             .write_ms = o->write_ms,
                             .drain_ms = o->drain_ms,
                             .max_output = app->max_response + ((size_t)1 << 20),
                             /* A growing buffer leaves its smaller selves behind in the arena:
                              * twice its size in all. */
                             .exchange_bytes = 2 * (app->max_response + 4 * largest_body(app)) +
                                               ((size_t)1 << 20),
                             .limits = {.max_line = o->max_line,
                                        .max_fields = o->max_headers,
                                        .max_head = o->max_header_bytes},
                             .h2_limits = {.max_streams = o->max_streams,
                                           .max_head = (uint32_t)o->max_header_bytes,
                                           .max_fields = o->max_headers,
                                           .max_path = (uint32_t)o->max_line,
                                           .head_ms = o->header_ms,
                                           .body_ms = o->body_ms,
                                           .body_rate = o->body_rate,
                                           .write_ms = o->write_ms,
                                           .ping_ms = o->ping_ms},
                             .no_http2 = o->no_http2,
                             .tls = app->tls,
                             .signals = o->signals,
                             .notify = o->signals,
                             .alloc = app->alloc,
                             .handler = &app->handler,
                             .on_hangup = on_hangup,
                             .on_tick = on_tick,
                             .on_mail = on_mail,
                             .on_last_mail = on_last_mail,
                             .on_log = on_log,
                             .arg = app};
    return cstar__server_new(&so, err);
}

/* ---- certificates ---- */

/* What the server's TLS options point to; lives as long as cstar_serve() runs. */
typedef struct certs {
    cstar__tls_opts opts;
    cstar__tls_cert dev;
    cstar__tls_cert *list;
    cstar__tls_dev_files files;
} certs;

/* The user's cache folder, as freedesktop.org's base directories have it. */
static cstar_status dev_folder(char *out, size_t size, cstar_err *err) {
    const char *cache = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    bool has_cache = cache != NULL && cache[0] == '/';
    if (!has_cache && (home == NULL || home[0] != '/')) {
        return cstar_err_set(err, CSTAR_EIO, "tls",
                             "tls: no place for a development certificate: neither HOME nor "
                             "XDG_CACHE_HOME is set");
    }
    int n =
        snprintf(out, size, "%s%s/cstar/tls", has_cache ? cache : home, has_cache ? "" : "/.cache");
    return n > 0 && (size_t)n < size ? CSTAR_OK
                                     : cstar_err_set(err, CSTAR_ELIMIT, "tls",
                                                     "tls: the cache folder's name is too long");
}

/* The host of "host:port" as a name for the certificate. */
static void listen_host(const char *listen, char *out, size_t size) {
    const char *colon = listen != NULL ? strrchr(listen, ':') : NULL;
    size_t n = colon != NULL ? (size_t)(colon - listen) : 0;
    if (n >= 2 && listen[0] == '[' && listen[n - 1] == ']') {
        listen++;
        n -= 2;
    }
    n = n < size ? n : 0;
    memcpy(out, n != 0 ? listen : "", n);
    out[n] = '\0';
}

static cstar_status dev_certs(cstar_app *app, const cstar_serve_opts *o, certs *c, cstar_err *err) {
    char folder[CSTAR__TLS_PATH];
    char host[256];
    cstar_status rc = dev_folder(folder, sizeof folder, err);
    if (rc != CSTAR_OK) {
        return rc;
    }
    listen_host(o->nlisteners != 0 ? o->listeners[0] : o->listen, host, sizeof host);
    rc = cstar__tls_dev_cert(folder, host, &c->files, err);
    if (rc != CSTAR_OK) {
        return rc;
    }
    c->dev = (cstar__tls_cert){c->files.cert_file, c->files.key_file};
    c->opts.certs = &c->dev;
    c->opts.ncerts = 1;
    cstar__app_log(app, CSTAR_LOG_WARN, "this certificate is for development only%s%s",
                   c->files.ca_is_mkcert ? "; it is signed by mkcert's CA"
                                         : "; browsers accept it once they trust ",
                   c->files.ca_is_mkcert ? "" : c->files.ca_file);
    return CSTAR_OK;
}

static cstar_status given_certs(cstar_app *app, const cstar_serve_opts *o, certs *c,
                                cstar_err *err) {
    c->list = cstar_arena_alloc(&app->arena, o->ncerts * sizeof *c->list);
    if (c->list == NULL) {
        return cstar_err_set(err, CSTAR_ENOMEM, NULL, "out of memory");
    }
    for (size_t i = 0; i < o->ncerts; i++) {
        c->list[i] = (cstar__tls_cert){o->certs[i].cert_file, o->certs[i].key_file};
    }
    c->opts.certs = c->list;
    c->opts.ncerts = o->ncerts;
    return CSTAR_OK;
}

static cstar_status prepare_tls(cstar_app *app, const cstar_serve_opts *o, certs *c,
                                cstar_err *err) {
    memset(c, 0, sizeof *c);
    app->tls = NULL;
    if (!o->tls) {
        return CSTAR_OK;
    }
    c->opts.no_h2 = o->no_http2;
    cstar_status rc = o->ncerts != 0 ? given_certs(app, o, c, err) : dev_certs(app, o, c, err);
    app->tls = rc == CSTAR_OK ? &c->opts : NULL;
    return rc;
}

cstar_status cstar_reload_certs(cstar_app *app, cstar_err *err) {
    cstar_err why = {0};
    cstar_status rc = CSTAR_ESTATE;
    cstar__server *s = begin_reload(app);
    if (s != NULL && app->tls != NULL) {
        rc = cstar__server_reload_tls(s, app->tls, &why);
    } else {
        (void)cstar_err_set(&why, rc, "tls", "tls: not serving, or without TLS");
    }
    end_reload(app);
    return rc == CSTAR_OK ? rc : cstar_err_set(err, rc, why.where, "%s", why.text);
}

/* ---- serving ---- */

static void tell_url(const cstar_serve_opts *o, const cstar__listening *l) {
    char url[320];
    const bool v6 = strchr(l->host, ':') != NULL;
    if (l->port == 0) { /* a Unix socket */
        (void)snprintf(url, sizeof url, "unix:%s", l->host);
    } else {
        (void)snprintf(url, sizeof url, "http%s://%s%s%s:%u", l->tls ? "s" : "", v6 ? "[" : "",
                       l->host[0] != '\0' ? l->host : "localhost", v6 ? "]" : "", l->port);
    }
    o->on_listen(o->arg, url);
}

/* Each socket is told; the first one with TLS is where the redirect leads. */
static void tell_urls(cstar_app *app, const cstar_serve_opts *o, const cstar__server *s) {
    cstar__listening l;
    app->https_port = 0;
    for (size_t i = 0; cstar__server_listening(s, i, &l); i++) {
        if (l.tls && app->https_port == 0) {
            app->https_port = l.port;
        }
        if (o->on_listen != NULL) {
            tell_url(o, &l);
        }
    }
}

/* Behind a reload that is under way: what it uses is about to go. */
static void set_running(cstar_app *app, cstar__server *s) {
    (void)pthread_mutex_lock(&app->reloading);
    (void)pthread_mutex_lock(&app->mutex);
    app->server = s;
    (void)pthread_mutex_unlock(&app->mutex);
    (void)pthread_mutex_unlock(&app->reloading);
}

static cstar_status run(cstar_app *app, const cstar_serve_opts *o, cstar_err *err) {
    cstar_err why = {0};
    certs c;
    cstar__server *s = NULL;
    if (prepare_tls(app, o, &c, &why) == CSTAR_OK && open_log(app, o, &why) == CSTAR_OK) {
        set_process(app, o);
        s = new_server(app, o, &why);
    }
    if (s == NULL) {
        cstar__access_log_free(app->access_log);
        app->access_log = NULL;
        return cstar_err_set(err, why.code, why.where, "%s", why.text);
    }
    set_running(app, s);
    if (cstar__app_open_hub(app, cstar__server_workers(s)) != CSTAR_OK) {
        set_running(app, NULL);
        cstar__server_free(s);
        cstar__access_log_free(app->access_log);
        app->access_log = NULL;
        return cstar_err_set(err, CSTAR_ENOMEM, NULL, "out of memory");
    }
    cstar_status rc = cstar__threads_start(app);
    if (rc == CSTAR_OK) {
        cstar__app_wake(app, 0); /* views that were left over when it was served before */
        tell_urls(app, o, s);
        rc = cstar__server_run(s);
        cstar__threads_stop(app);
    }
    set_running(app, NULL);
    cstar__server_free(s);
    cstar__hub_settle(app->hub);
    cstar__access_log_free(app->access_log);
    app->access_log = NULL;
    return rc == CSTAR_OK ? rc : cstar_err_set(err, rc, "workers", "workers: can't start a thread");
}

static cstar_status check(const cstar_serve_opts *o, cstar_err *err) {
    if (o->redirect != NULL && !o->tls) {
        return cstar_err_set(err, CSTAR_EINVAL, "redirect", "redirect: to https, which is off");
    }
    if (o->max_header_bytes > UINT32_MAX || o->max_line > UINT32_MAX) {
        return cstar_err_set(err, CSTAR_EINVAL, "limits",
                             "limits: max_header_bytes and max_line are at most 4 GiB");
    }
    return CSTAR_OK;
}

cstar_status cstar_serve(cstar_app *app, const cstar_serve_opts *opts, cstar_err *err) {
    static const cstar_serve_opts defaults;
    const cstar_serve_opts *o = opts != NULL ? opts : &defaults;
    if (app->err.code != CSTAR_OK) {
        return cstar_err_set(err, app->err.code, app->err.where, "%s", app->err.text);
    }
    cstar_status rc = check(o, err);
    rc = rc == CSTAR_OK ? cstar__app_trust(app, o, err) : rc;
    if (rc != CSTAR_OK) {
        return rc;
    }
    set_limits(app, o);
    rc = o->datastar != NULL ? cstar__client_load(app, o->datastar, err) : CSTAR_OK;
    return rc == CSTAR_OK ? run(app, o, err) : rc;
}

void cstar_stop(cstar_app *app) {
    (void)pthread_mutex_lock(&app->mutex);
    if (app->server != NULL) {
        cstar__server_stop(app->server);
    }
    (void)pthread_mutex_unlock(&app->mutex);
}
