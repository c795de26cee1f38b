/* http/forwarded.h -- who the client is when proxies stand in between: Forwarded (RFC 7239) or
 * X-Forwarded-For, -Proto and -Host.
 *
 *     const cstar__proxies ours = {.kind = CSTAR__FORWARDED_X, .list = list, .n = n};
 *     cstar__client c = cstar__forwarded(r, peer, &ours);
 *
 * Anybody can send these headers. They are read only when the peer is one of the configured proxies,
 * and then from the right: each proxy appends what it saw, so the last element is the peer's word,
 * the one before it the word of the proxy that it names, and so on while these are ours too. What
 * stands left of the first stranger is the stranger's, and ignored.
 * Which of the two families is read is configured, never guessed: a proxy that sets one passes the
 * client's other one on.
 * Threads: any; no state.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_HTTP_FORWARDED_H
#define CSTAR_HTTP_FORWARDED_H

#include "http/exchange.h"
#include "http/ip.h"

typedef enum cstar__forwarded_kind {
    CSTAR__FORWARDED_NONE, /* the default */
    CSTAR__FORWARDED_X,    /* X-Forwarded-For, -Proto, -Host */
    CSTAR__FORWARDED_RFC,  /* Forwarded */
} cstar__forwarded_kind;

typedef struct cstar__proxies {
    cstar__forwarded_kind kind;
    const cstar__cidr *list; /* whose word counts */
    size_t n;
    bool trust_peer; /* the peer's word counts, whatever its address */
} cstar__proxies;

/* Views into the request or `peer`. */
typedef struct cstar__client {
    cstar_str address; /* of the client: an IP address without port or brackets; else the peer */
    cstar_str scheme;  /* "http" or "https"; absent: not said */
    cstar_str host;    /* host, maybe with a port, checked as a Host field is; absent: not said */
} cstar__client;

/**
 * @param peer  text of the socket's address, without port. A Unix socket's peer has none: pass
 *              any text, and trust_peer if it is to be trusted.
 * The walk stops at the first element that is malformed or hides the client ("unknown", "_name"):
 * then the address is the last one known. Scheme and host are those of the element that names the
 * client (Forwarded), or the last of their fields (X-Forwarded), and absent if they are malformed.
 * At most 32 elements from the right are looked at.
 */
cstar__client cstar__forwarded(const cstar__request *r, cstar_str peer,
                               const cstar__proxies *proxies);

#endif
