/* web_once.c -- a server for one request: the app on a thread of its own, the client on this one.
 * SPDX-License-Identifier: MIT */
#include "web_once.h"

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEADLINE_MS 5000
#define MOST_BYTES ((size_t)1 << 24)

/* ---- the server's thread ---- */

typedef struct server {
    cstar_app *app;
    int told[2]; /* a pipe: the port, once it listens; closed when it ends */
    cstar_status rc;
} server;

static void on_listen(void *arg, const char *url) {
    const server *s = arg;
    const char *colon = strrchr(url, ':');
    unsigned long port = colon != NULL ? strtoul(colon + 1, NULL, 10) : 0;
    if (write(s->told[1], &port, sizeof port) < 0) {
        s = NULL; /* the reader sees the end of the pipe */
    }
}

static void *serve(void *arg) {
    server *s = arg;
    cstar_serve_opts opts = {
        .listen = "127.0.0.1:0", .on_listen = on_listen, .arg = s, .drain_ms = 200};
    s->rc = cstar_serve(s->app, &opts, NULL);
    (void)close(s->told[1]);
    return NULL;
}

/* ---- the client ---- */

static int dial(unsigned long port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof to) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static bool send_all(int fd, cstar_str s) {
    while (s.len > 0) {
        ssize_t n = send(fd, s.ptr, s.len, MSG_NOSIGNAL);
        if (n <= 0) {
            return false;
        }
        s = cstar_view(s.ptr + n, s.len - (size_t)n);
    }
    return true;
}

static bool receive_all(int fd, cstar_buf *out) {
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, DEADLINE_MS) != 1 || !cstar_buf_room(out, 16384)) {
            return false;
        }
        ssize_t n = recv(fd, out->ptr + out->len, 16384, 0);
        if (n <= 0) {
            return n == 0;
        }
        out->len += (size_t)n;
    }
}

static size_t find(cstar_str s, size_t from, const char *text) {
    size_t n = strlen(text);
    for (size_t i = from; i + n <= s.len; i++) {
        if (memcmp(s.ptr + i, text, n) == 0) {
            return i;
        }
    }
    return s.len;
}

/* What the client's script sends. */
static bool is_event(cstar_str target) {
    return find(target, 0, "/_event/") < target.len || find(target, 0, "/ds/") == 0;
}

static void add_request(cstar_buf *out, const web_request *r) {
    cstar_buf_puts(out, r->method);
    cstar_buf_byte(out, ' ');
    cstar_buf_str(out, r->target);
    cstar_buf_lit(out, " HTTP/");
    cstar_buf_puts(out, r->version);
    cstar_buf_lit(out, "\r\nHost: www.example.com\r\nContent-Length: ");
    cstar_buf_uint(out, r->body.len);
    cstar_buf_puts(out, is_event(r->target) ? "\r\nDatastar-Request: true" : "");
    cstar_buf_lit(out, "\r\n\r\n");
    cstar_buf_str(out, r->body);
}

/* ---- the reply ---- */

cstar_str web_reply_header(const web_reply *reply, cstar_str name) {
    cstar_str s = reply->head;
    for (size_t at = 0; at < s.len;) {
        size_t end = find(s, at, "\r\n");
        if (end - at > name.len && s.ptr[at + name.len] == ':' &&
            cstar_str_ieq(cstar_view(s.ptr + at, name.len), name)) {
            size_t start = at + name.len + 1;
            while (start < end && s.ptr[start] == ' ') {
                start++;
            }
            const char *semicolon = memchr(s.ptr + start, ';', end - start);
            return cstar_view(s.ptr + start, semicolon != NULL ? (size_t)(semicolon - s.ptr) - start
                                                               : end - start);
        }
        at = end + 2;
    }
    return cstar_view(NULL, 0);
}

static bool read_chunks(cstar_str s, cstar_buf *out) {
    for (size_t at = 0; at < s.len;) {
        size_t size = strtoul(s.ptr + at, NULL, 16);
        size_t start = find(s, at, "\r\n") + 2;
        if (size == 0 || start > s.len || size > s.len - start) {
            return size == 0;
        }
        cstar_buf_add(out, s.ptr + start, size);
        at = start + size + 2;
    }
    return false;
}

static const char *read_reply(cstar_str s, cstar_arena *arena, web_reply *reply) {
    size_t line = find(s, 0, "\r\n");
    size_t end = find(s, 0, "\r\n\r\n");
    if (end == s.len || line < 12 || memcmp(s.ptr, "HTTP/1.", 7) != 0) {
        return "no HTTP response came";
    }
    reply->status = (int)strtol(s.ptr + 9, NULL, 10);
    reply->head = cstar_view(s.ptr + line + 2, end - line);
    cstar_str body = cstar_view(s.ptr + end + 4, s.len - end - 4);
    cstar_buf_init(&reply->body, cstar_arena_allocator(arena), MOST_BYTES);
    if (web_reply_header(reply, CSTAR_STR("transfer-encoding")).ptr == NULL) {
        cstar_buf_str(&reply->body, body);
    } else if (!read_chunks(body, &reply->body)) {
        return "the chunked body does not end";
    }
    return NULL;
}

/* ---- together ---- */

static const char *exchange(server *s, cstar_str request, cstar_arena *arena, web_reply *reply) {
    unsigned long port = 0;
    cstar_buf in;
    if (read(s->told[0], &port, sizeof port) != (ssize_t)sizeof port) {
        return "the app can't be served";
    }
    int fd = dial(port);
    if (fd < 0) {
        return "no connection";
    }
    cstar_buf_init(&in, cstar_arena_allocator(arena), MOST_BYTES);
    /* The half-closed socket makes the server close when it has answered. */
    bool done = send_all(fd, request) && shutdown(fd, SHUT_WR) == 0 && receive_all(fd, &in);
    (void)close(fd);
    cstar_buf_byte(&in, '\0'); /* for strtoul() */
    return done && in.status == CSTAR_OK ? read_reply(cstar_view(in.ptr, in.len - 1), arena, reply)
                                         : "no whole response came";
}

const char *web_once(cstar_app *app, const web_request *request, cstar_arena *arena,
                     web_reply *reply) {
    server s = {.app = app};
    pthread_t thread;
    cstar_buf bytes;
    cstar_buf_init(&bytes, cstar_arena_allocator(arena), MOST_BYTES);
    add_request(&bytes, request);
    if (pipe(s.told) != 0) {
        return "no pipe";
    }
    if (pthread_create(&thread, NULL, serve, &s) != 0) {
        (void)close(s.told[0]);
        (void)close(s.told[1]);
        return "no thread";
    }
    const char *why = exchange(&s, cstar_buf_view(&bytes), arena, reply);
    cstar_stop(app);
    (void)pthread_join(thread, NULL);
    (void)close(s.told[0]);
    return why;
}

void web_reply_put(const web_reply *reply, cstar_json_writer *w) {
    const cstar_str type = web_reply_header(reply, CSTAR_STR("content-type"));
    cstar_json_set(w, "status", reply->status);
    cstar_json_set(w, "content_type", type);
    cstar_json_set(w, "sse", cstar_bool(cstar_str_eq(type, CSTAR_STR("text/event-stream"))));
    cstar_json_set(w, "body", cstar_buf_view(&reply->body));
}
