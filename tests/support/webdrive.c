/* webdrive.c
 * SPDX-License-Identifier: MIT */
#include "support/webdrive.h"

#include "web/live.h"

#include <stdio.h>
#include <stdlib.h>

static void keep_log(void *arg, cstar_log_level level, const char *line) {
    webdrive *d = arg;
    (void)snprintf(d->log, sizeof d->log, "%d %s", (int)level, line);
    d->logged++;
}

void webdrive_init(webdrive *d, cstar_app *app, const cstar_allocator *alloc) {
    memset(d, 0, sizeof *d);
    cstar__exchange_pool_init(&d->pool, alloc);
    cstar_buf_init(&d->out, alloc, (size_t)64 << 20);
    app->on_log = keep_log;
    app->log_arg = d;
    (void)cstar__app_open_hub(app, 1);
    d->env = (cstar__env){.handler = &app->handler, .alloc = alloc, .pool = &d->pool, .date = NULL};
    cstar__h1_init(&d->machine, &d->env, &d->peer, &d->out);
}

void webdrive_fini(webdrive *d) {
    cstar__h1_fini(&d->machine);
    cstar__exchange_pool_fini(&d->pool);
    cstar_buf_fini(&d->out);
}

static void claim(void *link) { (void)link; }

static cstar_status set_no_alarm(void *link, cstar__exchange *x, uint64_t ms) {
    (void)link;
    (void)x;
    (void)ms;
    return CSTAR_OK;
}

void webdrive_works(webdrive *d, cstar_status (*work)(void *link, cstar__work *w), void *link) {
    d->driver = (cstar__driver){.claim = claim, .alarm = set_no_alarm, .work = work};
    d->env.driver = &d->driver;
    d->peer.link = link;
}

void webdrive_feed(webdrive *d, const char *bytes) {
    (void)cstar__h1_feed(&d->machine, bytes, strlen(bytes));
}

const char *webdrive_request(webdrive *d, const char *method, const char *target,
                             const char *body) {
    char head[4096];
    const char *fields = d->fields != NULL ? d->fields : "";
    cstar_buf_reset(&d->out);
    if (body != NULL) {
        (void)snprintf(head, sizeof head,
                       "%s %s HTTP/1.1\r\nHost: app.test\r\nContent-Type: "
                       "application/json\r\nContent-Length: %zu\r\n%s\r\n",
                       method, target, strlen(body), fields);
    } else {
        (void)snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: app.test\r\n%s\r\n", method,
                       target, fields);
    }
    webdrive_feed(d, head);
    if (body != NULL) {
        webdrive_feed(d, body);
    }
    cstar_buf_byte(&d->out, '\0');
    return d->out.status == CSTAR_OK ? d->out.ptr : "";
}

int webdrive_status(const char *answer) {
    return strncmp(answer, "HTTP/1.1 ", 9) == 0 ? (int)strtol(answer + 9, NULL, 10) : 0;
}

const char *webdrive_body(const char *answer) {
    const char *gap = strstr(answer, "\r\n\r\n");
    return gap != NULL ? gap + 4 : "";
}
