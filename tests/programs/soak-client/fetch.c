/* soak-client/fetch.c
 * SPDX-License-Identifier: MIT */
#include "fetch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { TURN_MS = 20, PATIENCE_S = 120 };

static void finish(fetch *f) {
    static const char good[] = "HTTP/1.1 200 ";
    loop_close(&f->w, false);
    f->answer[f->len] = '\0';
    if (strncmp(f->answer, good, sizeof good - 1) != 0) {
        fail("%.60s: %.300s", f->request, f->answer);
    }
    f->finished = true;
    if (f->done != NULL) {
        f->done(f);
    }
}

static void on_ready(watcher *w, uint32_t events) {
    fetch *f = (fetch *)w;
    char more[4096];
    if ((events & EPOLLOUT) != 0) {
        const size_t n = strlen(f->request);
        if (send(w->fd, f->request, n, MSG_NOSIGNAL) != (ssize_t)n) {
            fail("a request was not sent: %s", strerror(errno));
        }
        loop_watch(f->l, w, EPOLLIN);
        return;
    }
    const ssize_t n = recv(w->fd, more, sizeof more, 0);
    if (n < 0 && errno == EAGAIN) {
        return;
    }
    if (n <= 0) {
        finish(f);
        return;
    }
    const size_t room = sizeof f->answer - 1 - f->len;
    const size_t kept = (size_t)n < room ? (size_t)n : room;
    memcpy(f->answer + f->len, more, kept);
    f->len += kept;
}

void fetch_start(fetch *f, loop *l, const char *target) {
    f->w.ready = on_ready;
    f->l = l;
    f->len = 0;
    f->finished = false;
    const char *length = strncmp(target, "POST", 4) == 0 ? "Content-Length: 0\r\n" : "";
    (void)snprintf(f->request, sizeof f->request,
                   "%s HTTP/1.1\r\nHost: soak\r\n%sConnection: close\r\n\r\n", target, length);
    f->w.fd = loop_connect(l, false);
    loop_watch(l, &f->w, EPOLLOUT);
}

const char *fetch_body(const fetch *f) {
    const char *body = strstr(f->answer, "\r\n\r\n");
    return body != NULL ? body + strlen("\r\n\r\n") : "";
}

/* ---- with patience ---- */

static const char *wait_for(fetch *f, loop *l, const char *target) {
    const uint64_t since = now_ns();
    fetch_start(f, l, target);
    while (!f->finished) {
        loop_run(l, TURN_MS);
        if (now_ns() - since > PATIENCE_S * 1000000000ULL) {
            fail("no answer in %d s: %s", (int)PATIENCE_S, target);
        }
    }
    return fetch_body(f);
}

const char *ask(loop *l, const char *target) {
    static fetch f;
    return wait_for(&f, l, target);
}

long ask_metric(loop *l, const char *name) {
    char line[96];
    (void)snprintf(line, sizeof line, "\ncstar_live_%s ", name);
    const char *at = strstr(ask(l, "GET /metrics"), line);
    if (at == NULL) {
        fail("there is no metric cstar_live_%s", name);
    }
    return strtol(at + strlen(line), NULL, 10);
}
