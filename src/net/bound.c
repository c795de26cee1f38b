/* bound.c
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* F_DUPFD_CLOEXEC, NI_NUMERICHOST with the sockets */
#include "net/bound.h"

#include "net/server.h"
#include "net/systemd.h"
#include "net/unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- sockets that were passed ---- */

/* What it listens on, for the log and the URL. */
static void describe(cstar__bound *b) {
    struct sockaddr_storage name = {0};
    socklen_t len = sizeof name;
    char host[sizeof b->address.host];
    char port[8];
    if (getsockname(b->fd, (struct sockaddr *)&name, &len) != 0) {
        return;
    }
    if (name.ss_family == AF_UNIX) {
        struct sockaddr_un path;
        memcpy(&path, &name, sizeof path);
        (void)snprintf(b->address.host, sizeof b->address.host, "%.*s",
                       (int)sizeof path.sun_path - 1, path.sun_path);
        return;
    }
    if (getnameinfo((struct sockaddr *)&name, len, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) == 0) {
        memcpy(b->address.host, host, sizeof host);
        b->port = (unsigned)strtoul(port, NULL, 10);
    }
}

static cstar_status take_fd(cstar__bound *b, int fd, cstar_err *err) {
    int type = 0;
    int listens = 0;
    socklen_t len = sizeof type;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) != 0 || type != SOCK_STREAM) {
        return cstar_err_set(err, CSTAR_EIO, "listen", "listen: descriptor %d is no stream socket",
                             fd);
    }
    len = sizeof listens;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) != 0 || listens == 0) {
        return cstar_err_set(err, CSTAR_EIO, "listen",
                             "listen: the socket at descriptor %d does not listen", fd);
    }
    if (!cstar__fd_prepare(fd)) {
        return cstar_err_set(err, CSTAR_EIO, "listen", "listen: descriptor %d: %s", fd,
                             strerror(errno));
    }
    b->fd = fd;
    describe(b);
    return CSTAR_OK;
}

/* ---- opening ---- */

static cstar__bound *add(cstar__bounds *b, const cstar__listen *l, const cstar__address *address,
                         cstar_err *err) {
    if (b->n == CSTAR__MAX_LISTENERS) {
        (void)cstar_err_set(err, CSTAR_ELIMIT, "listen", "listen: more than %d addresses",
                            CSTAR__MAX_LISTENERS);
        return NULL;
    }
    cstar__bound *bound = &b->list[b->n++];
    *bound = (cstar__bound){.address = *address, .fd = -1, .tls = l->tls, .redirect = l->redirect};
    return bound;
}

static cstar_status open_passed(cstar__bounds *b, const cstar__listen *l, const cstar__address *a,
                                cstar_err *err) {
    int fds[CSTAR__MAX_LISTENERS] = {a->fd};
    size_t n = 1;
    if (a->kind == CSTAR__ADDRESS_SYSTEMD) {
        n = cstar__systemd_fds(a->host, fds, CSTAR__MAX_LISTENERS);
    }
    if (n == 0) {
        return cstar_err_set(err, CSTAR_EIO, "listen",
                             "listen: systemd has passed no socket%s%s: is there a .socket unit?",
                             a->host[0] != '\0' ? " named " : "", a->host);
    }
    cstar_status rc = CSTAR_OK;
    for (size_t i = 0; rc == CSTAR_OK && i < n; i++) { /* add() refuses before fds[] ends */
        cstar__bound *bound = add(b, l, a, err);
        rc = bound != NULL ? take_fd(bound, fds[i], err) : CSTAR_ELIMIT;
    }
    return rc;
}

static cstar_status open_one(cstar__bounds *b, const cstar__listen *l, cstar_err *err) {
    cstar__address address;
    cstar_status rc = cstar__address_parse(l->address, &address, err);
    if (rc != CSTAR_OK) {
        return rc;
    }
    if (address.kind == CSTAR__ADDRESS_FD || address.kind == CSTAR__ADDRESS_SYSTEMD) {
        return open_passed(b, l, &address, err);
    }
    cstar__bound *bound = add(b, l, &address, err);
    if (bound == NULL) {
        return CSTAR_ELIMIT;
    }
    if (address.kind == CSTAR__ADDRESS_UNIX) {
        bound->fd = cstar__unix_listen(&address, err);
        if (bound->fd < 0) {
            return CSTAR_EIO;
        }
        cstar__unix_identify(&address, &bound->dev, &bound->ino);
    }
    return CSTAR_OK;
}

cstar_status cstar__bounds_open(cstar__bounds *b, const cstar__listen *listen, size_t n,
                                cstar_err *err) {
    cstar_status rc = CSTAR_OK;
    for (size_t i = 0; rc == CSTAR_OK && i < n; i++) {
        rc = open_one(b, &listen[i], err);
    }
    return rc;
}

int cstar__bound_fd(cstar__bound *b, cstar_err *err) {
    if (b->address.kind == CSTAR__ADDRESS_TCP) {
        return cstar__address_listen(&b->address, &b->port, err);
    }
    int fd = fcntl(b->fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        (void)cstar_err_set(err, CSTAR_EIO, "listen", "listen: dup: %s", strerror(errno));
    }
    return fd;
}

const cstar__bound *cstar__bounds_close(cstar__bounds *b) {
    const cstar__bound *left = NULL;
    int why = 0;
    for (size_t i = 0; i < b->n; i++) {
        cstar__bound *bound = &b->list[i];
        if (bound->fd < 0) {
            continue;
        }
        if (bound->address.kind == CSTAR__ADDRESS_UNIX &&
            !cstar__unix_unlink(&bound->address, bound->dev, bound->ino)) {
            why = left != NULL ? why : errno;
            left = left != NULL ? left : bound;
        }
        (void)close(bound->fd);
        bound->fd = -1;
    }
    errno = why;
    return left;
}
