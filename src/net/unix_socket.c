/* unix_socket.c
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* POSIX sockets with what surrounds them */
#include "net/unix_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 1024

bool cstar__unix_name(const char *path, struct sockaddr_un *out, unsigned *len) {
    size_t n = strlen(path);
    memset(out, 0, sizeof *out);
    out->sun_family = AF_UNIX;
    if (n >= sizeof out->sun_path) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(out->sun_path, path, n);
    *len = (unsigned)(offsetof(struct sockaddr_un, sun_path) + n + 1);
    if (path[0] == '@') {
#ifdef __linux__
        out->sun_path[0] = '\0'; /* the name is as long as the address says: without a final NUL */
        *len -= 1;
#else
        errno = EAFNOSUPPORT;
        return false;
#endif
    }
    return true;
}

/* Whether a file in the way may go: it is a socket, and nobody listens. What else connect() says
 * (no right to, a queue that is full, another type) may come from a server that lives. */
static bool is_stale(const struct sockaddr_un *name, unsigned len) {
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    bool refused = fd >= 0 && cstar__fd_prepare(fd) &&
                   connect(fd, (const struct sockaddr *)name, len) != 0 && errno == ECONNREFUSED;
    if (fd >= 0) {
        (void)close(fd);
    }
    return refused;
}

static bool clear_path(const char *path, const struct sockaddr_un *name, unsigned len) {
    struct stat st;
    if (lstat(path, &st) != 0) {
        return errno == ENOENT; /* what else it is, bind() will say */
    }
    if (!S_ISSOCK(st.st_mode)) {
        errno = EEXIST;
        return false;
    }
    if (!is_stale(name, len)) {
        errno = EADDRINUSE;
        return false;
    }
    return unlink(path) == 0;
}

/* Nobody can connect between bind() and listen(): so the mode is set before anybody could come by
 * what the umask left. */
static bool bind_file(int fd, const cstar__address *a, const struct sockaddr_un *name,
                      unsigned len) {
    return bind(fd, (const struct sockaddr *)name, len) == 0 &&
           (a->mode == 0 || chmod(a->host, (mode_t)a->mode) == 0) && listen(fd, BACKLOG) == 0;
}

static int fail(const cstar__address *a, int number, cstar_err *err) {
    const char *why = number == EEXIST       ? "there is a file that is no socket"
                      : number == EADDRINUSE ? "another server listens there"
                                             : strerror(number);
    (void)cstar_err_set(err, CSTAR_EIO, "listen", "listen: unix:%s: %s", a->host, why);
    return -1;
}

int cstar__unix_listen(const cstar__address *a, cstar_err *err) {
    struct sockaddr_un name;
    unsigned len = 0;
    bool file = a->host[0] == '/';
    if (!cstar__unix_name(a->host, &name, &len) || (file && !clear_path(a->host, &name, len))) {
        return fail(a, errno, err);
    }
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd >= 0 && cstar__fd_prepare(fd) && bind_file(fd, a, &name, len)) {
        return fd;
    }
    int saved = errno;
    if (fd >= 0) {
        (void)close(fd);
    }
    return fail(a, saved, err);
}

void cstar__unix_identify(const cstar__address *a, uint64_t *dev, uint64_t *ino) {
    struct stat st;
    *dev = *ino = 0;
    if (a->host[0] == '/' && lstat(a->host, &st) == 0) {
        *dev = (uint64_t)st.st_dev;
        *ino = (uint64_t)st.st_ino;
    }
}

bool cstar__unix_unlink(const cstar__address *a, uint64_t dev, uint64_t ino) {
    uint64_t now_dev = 0;
    uint64_t now_ino = 0;
    cstar__unix_identify(a, &now_dev, &now_ino);
    bool ours = ino != 0 && now_ino == ino && now_dev == dev;
    return !ours || unlink(a->host) == 0;
}
