/* net/address.h -- "host:port" to a bound, listening socket.
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_NET_ADDRESS_H
#define CSTAR_NET_ADDRESS_H

#include "cstar/base.h"

typedef struct cstar__address {
    char host[256]; /* as given; "" for all addresses */
    unsigned port;
} cstar__address;

/** "127.0.0.1:8080", "localhost:0", "[::1]:8080", ":8080", "8080". EINVAL otherwise; `err` says
 * what was wrong. */
cstar_status cstar__address_parse(const char *text, cstar__address *out, cstar_err *err);

/** A listening, non-blocking, close-on-exec socket with SO_REUSEADDR and SO_REUSEPORT; *port gets
 * the bound one.
 * @return the descriptor, or -1 with `err` filled. */
int cstar__address_listen(const cstar__address *a, unsigned *port, cstar_err *err);

#endif
