/* soak-client/stream.c
 * SPDX-License-Identifier: MIT */
#include "stream.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum { INPUT = 256 * 1024, READS = 4 };

/* ---- what comes ---- */

static void on_data(void *arg, const char *text, size_t len) {
    stream *s = arg;
    if (s->ops->data != NULL) {
        s->ops->data(s, text, len);
    }
    s->has_mark = mark_read(text, len, &s->m) || s->has_mark;
}

static void on_event(void *arg) {
    stream *s = arg;
    s->events++;
    if (!s->has_mark) {
        return;
    }
    const uint32_t before = s->b.n[s->m.publisher][s->m.topic];
    const char *wrong = book_take(&s->b, &s->m);
    s->has_mark = false;
    if (wrong != NULL) {
        fail("%.80s\npublisher %u, topic %s: number %u behind %u: %s", s->request, s->m.publisher,
             mark_topic_name(s->m.topic), s->m.n, before, wrong);
    }
    if (s->ops->marked != NULL) {
        s->ops->marked(s, &s->m);
    }
}

static const reader_ops reading = {on_data, on_event};

static void end(stream *s) {
    const bool clean = s->r.state == READER_ENDED;
    loop_close(&s->w, false);
    s->state = STREAM_IDLE;
    if (s->ops->over != NULL) {
        s->ops->over(s, clean);
    }
}

/* @return false: there is no more, for now or for ever. */
static bool take_some(stream *s, size_t most) {
    static char input[INPUT];
    const ssize_t n = recv(s->w.fd, input, most < sizeof input ? most : sizeof input, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return false;
    }
    if (n <= 0) {
        end(s);
        return false;
    }
    s->bytes += (uint64_t)n;
    s->l->now = now_ns();
    reader_feed(&s->r, input, (size_t)n);
    if (s->state == STREAM_BEGINNING && reader_has_begun(&s->r)) {
        s->state = STREAM_LIVE;
        if (s->ops->begun != NULL) {
            s->ops->begun(s);
        }
    }
    if (s->w.fd >= 0 && s->r.state == READER_ENDED) { /* its connection could serve another one */
        end(s);
        return false;
    }
    return s->w.fd >= 0 && n == INPUT;
}

static void say_request(stream *s) {
    const size_t n = strlen(s->request);
    if (send(s->w.fd, s->request, n, MSG_NOSIGNAL) != (ssize_t)n) {
        fail("a request was not sent: %s", strerror(errno));
    }
    s->state = STREAM_BEGINNING;
    loop_watch(s->l, &s->w, s->habit == STREAM_STALLS ? 0 : EPOLLIN);
}

static void on_ready(watcher *w, uint32_t events) {
    stream *s = (stream *)w;
    if (s->state == STREAM_CONNECTING && (events & EPOLLOUT) != 0 &&
        (events & (EPOLLERR | EPOLLHUP)) == 0) {
        say_request(s);
    } else if (s->state == STREAM_CONNECTING) {
        fail("no connection");
    } else if (s->habit == STREAM_READS || s->state != STREAM_LIVE) {
        if ((events & EPOLLIN) != 0 && s->habit != STREAM_STALLS) {
            for (int i = 0; i < READS && take_some(s, INPUT); i++) {
                /* there may be more */
            }
        } else if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
            end(s);
        }
        if (s->habit == STREAM_SIPS && s->state == STREAM_LIVE) {
            loop_watch(s->l, &s->w, 0);
        }
    } else if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
        end(s);
    }
}

/* ---- its life ---- */

void stream_init(stream *s, loop *l, const stream_ops *ops, void *owner) {
    *s = (stream){.w = {.ready = on_ready, .fd = -1}, .l = l, .ops = ops, .owner = owner};
}

void stream_open(stream *s) {
    reader_begin(&s->r, &reading, s);
    s->has_mark = false;
    s->state = STREAM_CONNECTING;
    s->w.fd = loop_connect(s->l, s->habit != STREAM_READS);
    loop_watch(s->l, &s->w, EPOLLOUT);
}

void stream_leave(stream *s, stream_way way) {
    if (way == STREAM_HALF_CLOSE && s->state == STREAM_LIVE && s->habit == STREAM_READS) {
        (void)shutdown(s->w.fd, SHUT_WR);
        s->state = STREAM_LEFT;
        return;
    }
    loop_close(&s->w, way == STREAM_RESET);
    s->state = STREAM_IDLE;
}

void stream_sip(stream *s, size_t bytes) {
    if (s->state == STREAM_LIVE && s->habit == STREAM_SIPS) {
        (void)take_some(s, bytes);
    }
}

void stream_drink(stream *s) {
    s->habit = STREAM_READS;
    if (s->w.fd >= 0 && s->state != STREAM_CONNECTING) {
        loop_watch(s->l, &s->w, EPOLLIN);
    }
}

void stream_free(stream *s) {
    loop_close(&s->w, false);
    reader_free(&s->r);
}
