/* net/bound.h -- the sockets of a server that listen: from options to one descriptor per worker.
 *
 * A TCP address is bound once per worker, with SO_REUSEPORT: the kernel spreads connections. A Unix
 * socket and one that was passed to us exist once, and each worker gets a duplicate: all are woken,
 * one gets the connection.
 * Life: opened with the server; closed by the last worker that stops listening, or with the server.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_NET_BOUND_H
#define CSTAR_NET_BOUND_H

#include "net/address.h"

typedef struct cstar__listen cstar__listen;

enum { CSTAR__MAX_LISTENERS = 32 };

typedef struct cstar__bound {
    cstar__address address;
    int fd;            /* the one that workers get duplicates of; -1: TCP */
    unsigned port;     /* that was bound; 0: not TCP */
    uint64_t dev, ino; /* of the Unix socket's file */
    bool tls, redirect;
} cstar__bound;

typedef struct cstar__bounds {
    cstar__bound list[CSTAR__MAX_LISTENERS];
    size_t n;
} cstar__bounds;

/** Parses the addresses, and opens what exists once. Descriptors that were passed to us are taken,
 * also on failure: cstar__bounds_close() is due. */
cstar_status cstar__bounds_open(cstar__bounds *b, const cstar__listen *listen, size_t n,
                                cstar_err *err);
/** A listening descriptor for one worker; -1: `err`. The first call decides the port. */
int cstar__bound_fd(cstar__bound *b, cstar_err *err);
/** Removes the files of Unix sockets, closes. Again does nothing. @return the first whose file could
 * not be removed (errno says why), or NULL. */
const cstar__bound *cstar__bounds_close(cstar__bounds *b);

#endif
