/* serve.c -- an app on a server, from the first socket to the last connection.
 * SPDX-License-Identifier: MIT */
#include "net/server.h"
#include "web/app.h"

#include <stdio.h>

static void on_log(void *arg, const char *line) {
    const cstar_app *app = arg;
    cstar__app_log(app, CSTAR_LOG_WARN, "%s", line);
}

static void set_limits(cstar_app *app, const cstar_serve_opts *o) {
    app->max_body = o->max_body != 0 ? o->max_body : CSTAR__MAX_SIGNAL_BYTES;
    app->max_response = o->max_response != 0 ? o->max_response : (size_t)16 << 20;
    app->on_log = o->on_log;
    app->log_arg = o->arg;
}

static cstar__server *new_server(cstar_app *app, const cstar_serve_opts *o, cstar_err *err) {
    cstar__server_opts so = {.listen = o->listen,
                             .workers = o->workers,
                             .header_ms = o->header_ms,
                             .body_ms = o->body_ms,
                             .idle_ms = o->idle_ms,
                             .write_ms = o->write_ms,
                             .drain_ms = o->drain_ms,
                             .max_output = app->max_response + ((size_t)1 << 20),
                             /* A growing buffer leaves its smaller selves behind in the arena:
                              * twice its size in all. */
                             .exchange_bytes =
                                 2 * (app->max_response + 4 * app->max_body) + ((size_t)1 << 20),
                             .signals = o->signals,
                             .alloc = app->alloc,
                             .handler = &app->handler,
                             .on_log = on_log,
                             .log_arg = app};
    return cstar__server_new(&so, err);
}

static void tell_url(const cstar_serve_opts *o, const cstar__server *s) {
    char url[320];
    const char *host = cstar__server_host(s);
    bool v6 = strchr(host, ':') != NULL;
    if (host[0] == '\0') {
        host = "localhost";
    }
    (void)snprintf(url, sizeof url, "http://%s%s%s:%u", v6 ? "[" : "", host, v6 ? "]" : "",
                   cstar__server_port(s));
    if (o->on_listen != NULL) {
        o->on_listen(o->arg, url);
    }
}

static void set_running(cstar_app *app, cstar__server *s) {
    (void)pthread_mutex_lock(&app->mutex);
    app->server = s;
    (void)pthread_mutex_unlock(&app->mutex);
}

cstar_status cstar_serve(cstar_app *app, const cstar_serve_opts *opts, cstar_err *err) {
    static const cstar_serve_opts defaults;
    const cstar_serve_opts *o = opts != NULL ? opts : &defaults;
    if (app->err.code != CSTAR_OK) {
        return cstar_err_set(err, app->err.code, app->err.where, "%s", app->err.text);
    }
    set_limits(app, o);
    cstar_status rc = o->datastar != NULL ? cstar__client_load(app, o->datastar, err) : CSTAR_OK;
    if (rc != CSTAR_OK) {
        return rc;
    }
    cstar_err why = {0};
    cstar__server *s = new_server(app, o, &why);
    if (s == NULL) {
        return cstar_err_set(err, why.code, why.where, "%s", why.text);
    }
    set_running(app, s);
    tell_url(o, s);
    rc = cstar__server_run(s);
    set_running(app, NULL);
    cstar__server_free(s);
    return rc == CSTAR_OK ? rc : cstar_err_set(err, rc, "workers", "workers: can't start a thread");
}

void cstar_stop(cstar_app *app) {
    (void)pthread_mutex_lock(&app->mutex);
    if (app->server != NULL) {
        cstar__server_stop(app->server);
    }
    (void)pthread_mutex_unlock(&app->mutex);
}
