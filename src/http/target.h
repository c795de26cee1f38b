/* http/target.h -- what a request is aimed at: method, authority, path and query. The same
 * checks for every protocol, so that no name is good on one and bad on the other.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_HTTP_TARGET_H
#define CSTAR_HTTP_TARGET_H

#include "http/exchange.h"

/** CSTAR__METHODS for a method that is not known (which TRACE and CONNECT are meant to be). */
cstar__method cstar__method_find(cstar_str name);

/** uri-host [ ":" port ] of RFC 9110 4.2.1: no user information, no empty host, a port of at most
 * five digits. */
bool cstar__host_ok(cstar_str host);

/** Whether every byte can stand in a request target, and there is one. */
bool cstar__target_ok(cstar_str target);

/**
 * Splits r->target, whose bytes are good, into path, query and (absolute form) authority.
 * r->method is known. @return 0, or the status of the refusal; `*why` says it.
 */
int cstar__target_split(cstar__request *r, const char **why);

#endif
