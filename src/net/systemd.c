/* systemd.c
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* POSIX sockets with what surrounds them */
#include "net/systemd.h"

#include "net/unix_socket.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define FIRST_FD 3
#define MAX_FDS 1024

/* A number of the environment; false if there is none or it is none. */
static bool env_number(const char *name, uint64_t *out) {
    const char *text = getenv(name);
    uint64_t n = 0;
    size_t i = 0;
    for (; text != NULL && text[i] >= '0' && text[i] <= '9' && i < 18; i++) {
        n = n * 10 + (uint64_t)(text[i] - '0');
    }
    *out = n;
    return i != 0 && text[i] == '\0';
}

/* ---- sockets that were passed ---- */

/* Whether the i-th of "a:b:c" is `name`. Who is not in the list is "unknown", as sd_listen_fds(3)
 * has it. */
static bool is_named(const char *list, size_t i, const char *name) {
    cstar_str want = cstar_view(name, strlen(name));
    const char *at = list;
    for (; i > 0 && at != NULL; i--) {
        at = strchr(at, ':');
        at = at != NULL ? at + 1 : NULL;
    }
    if (at == NULL) {
        return cstar_str_eq(want, CSTAR_STR("unknown"));
    }
    return cstar_str_eq(want, cstar_view(at, strcspn(at, ":")));
}

size_t cstar__systemd_fds(const char *name, int *out, size_t max) {
    uint64_t pid = 0;
    uint64_t n = 0;
    if (!env_number("LISTEN_PID", &pid) || pid != (uint64_t)getpid() ||
        !env_number("LISTEN_FDS", &n) || n > MAX_FDS) {
        return 0;
    }
    const char *names = getenv("LISTEN_FDNAMES");
    size_t found = 0;
    for (size_t i = 0; i < (size_t)n; i++) {
        if (name[0] != '\0' && !is_named(names, i, name)) {
            continue;
        }
        if (found < max) {
            out[found] = FIRST_FD + (int)i;
        }
        found++;
    }
    return found;
}

/* ---- telling it ---- */

void cstar__notify_init(cstar__notifier *n) {
    memset(n, 0, sizeof *n);
    n->fd = -1;
}

static unsigned watch_ms(void) {
    uint64_t us = 0;
    uint64_t pid = (uint64_t)getpid();
    if (!env_number("WATCHDOG_USEC", &us) || us == 0 ||
        (getenv("WATCHDOG_PID") != NULL &&
         (!env_number("WATCHDOG_PID", &pid) || pid != (uint64_t)getpid()))) {
        return 0;
    }
    uint64_t ms = us / 2000;
    return ms == 0 ? 1 : ms > 3600000 ? 3600000 : (unsigned)ms;
}

bool cstar__notify_open(cstar__notifier *n) {
    const char *path = getenv("NOTIFY_SOCKET");
    cstar__notify_init(n);
    if (path == NULL || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof n->path) {
        return true;
    }
    memcpy(n->path, path, strlen(path) + 1);
    n->watch_ms = watch_ms();
    n->fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (n->fd >= 0 && !cstar__fd_prepare(n->fd)) {
        cstar__notify_close(n);
    }
    return n->fd >= 0;
}

void cstar__notify_close(cstar__notifier *n) {
    if (n->fd >= 0) {
        (void)close(n->fd);
    }
    n->fd = -1;
}

void cstar__notify(const cstar__notifier *n, const char *format, ...) {
    char text[512];
    struct sockaddr_un to;
    unsigned len = 0;
    va_list args;
    if (n->fd < 0 || !cstar__unix_name(n->path, &to, &len)) {
        return;
    }
    va_start(args, format);
    int written = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (written > 0 && (size_t)written < sizeof text) {
        (void)sendto(n->fd, text, (size_t)written, MSG_NOSIGNAL, (const struct sockaddr *)&to, len);
    }
}

void cstar__notify_reloading(const cstar__notifier *n) {
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    cstar__notify(n, "RELOADING=1\nMONOTONIC_USEC=%lld\n",
                  (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}
