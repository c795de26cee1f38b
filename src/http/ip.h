/* http/ip.h -- IP addresses as text, and blocks of them ("10.0.0.0/8", "fd00::/8", "::1").
 *
 * Parsed by hand and strictly: no octal, no "127.1", no zone ("%eth0"), no white space, so that two
 * programs never read the same text as two addresses. IPv4 is kept as ::ffff:a.b.c.d, and an IPv6
 * text that says just that is the same address. Threads: any; no state.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_HTTP_IP_H
#define CSTAR_HTTP_IP_H

#include "cstar/base.h"

typedef struct cstar__ip {
    unsigned char bytes[16];
} cstar__ip;

typedef struct cstar__cidr {
    cstar__ip ip;
    unsigned bits; /* of the 128 */
} cstar__cidr;

/** "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1". @return false: no address; `*out` unchanged. */
bool cstar__ip_parse(cstar_str text, cstar__ip *out);

enum { CSTAR__IP_TEXT = 40 }; /* bytes of the longest text, with its NUL */

/** As RFC 5952 writes it: "192.0.2.1", "2001:db8::1". NUL-terminated. */
cstar_str cstar__ip_format(const cstar__ip *ip, char mem[CSTAR__IP_TEXT]);

/** An address, or one with "/" and a number of bits: 0 to 32, or 0 to 128. Bits behind the prefix
 * must be zero ("10.0.0.1/8" is a slip of somebody's finger). @return false: `*out` unchanged. */
bool cstar__cidr_parse(cstar_str text, cstar__cidr *out);

bool cstar__cidr_has(const cstar__cidr *c, const cstar__ip *ip);

#endif
