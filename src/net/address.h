/* net/address.h -- where to listen, as text, and a TCP address as a listening socket.
 *
 *     "127.0.0.1:8080"  "[::1]:8080"  ":8080"  "8080"   TCP; port 0: a free one
 *     "unix:/run/app.sock"  "unix:/run/app.sock,mode=0660"  "unix:@name"   (@: Linux's abstract names)
 *     "fd:3"                                            a listening socket that we inherited
 *     "systemd"  "systemd:NAME"                         those that systemd passed, all or by name
 *
 * Threads: any; no state.
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_NET_ADDRESS_H
#define CSTAR_NET_ADDRESS_H

#include "cstar/base.h"

typedef enum cstar__address_kind {
    CSTAR__ADDRESS_TCP,
    CSTAR__ADDRESS_UNIX,
    CSTAR__ADDRESS_FD,
    CSTAR__ADDRESS_SYSTEMD,
} cstar__address_kind;

typedef struct cstar__address {
    cstar__address_kind kind;
    char host[256]; /* TCP: as given, "" for all addresses; else the path, "@name" or NAME */
    unsigned port;  /* TCP */
    unsigned mode;  /* Unix: of the socket's file; 0: what the umask leaves */
    int fd;
} cstar__address;

/** Fills all of `out`. EINVAL: `err` says what was wrong. */
cstar_status cstar__address_parse(const char *text, cstar__address *out, cstar_err *err);

/** A listening, non-blocking, close-on-exec TCP socket with SO_REUSEADDR and SO_REUSEPORT; *port
 * gets the bound one. If it is not 0 before, that port is shared with an earlier call's socket.
 * @return the descriptor, or -1 with `err` filled. */
int cstar__address_listen(const cstar__address *a, unsigned *port, cstar_err *err);

/** Makes a descriptor non-blocking and close-on-exec. */
bool cstar__fd_prepare(int fd);

#endif
