/* net/send.h -- bytes straight to a socket.
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_NET_SEND_H
#define CSTAR_NET_SEND_H

#include "http/exchange.h"

/** Sends pieces, 1 to CSTAR__SEND_MOST, in one call, as far as the socket (not blocking) takes them.
 * @return how many bytes; 0: none now; negative: it is broken. */
ptrdiff_t cstar__send_pieces(int fd, const cstar_str *pieces, size_t n);

#endif
