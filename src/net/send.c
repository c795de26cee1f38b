/* net/send.c -- what a broadcast calls for each of its streams, without libuv in between.
 *
 * send() and not write(): on a socket it is the shorter way through the kernel. It does not look at
 * the file behind the descriptor (its position, its inode, who watches it), whose memory is cold when
 * thousands of sockets take turns. Measured: docs/internals/performance.md.
 *
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "net/send.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* workers block the signal in any case */
#endif

static ptrdiff_t send_many(int fd, const cstar_str *pieces, size_t n) {
    struct iovec vec[CSTAR__SEND_MOST];
    for (size_t i = 0; i < n; i++) {
        union { /* the system takes pointers to non-const, and only reads */
            const char *from;
            char *to;
        } p = {pieces[i].ptr};
        vec[i] = (struct iovec){.iov_base = p.to, .iov_len = pieces[i].len};
    }
    return sendmsg(fd, &(struct msghdr){.msg_iov = vec, .msg_iovlen = n},
                   MSG_NOSIGNAL | MSG_DONTWAIT);
}

ptrdiff_t cstar__send_pieces(int fd, const cstar_str *pieces, size_t n) {
    ptrdiff_t sent = 0;
    do {
        sent = n == 1 ? send(fd, pieces->ptr, pieces->len, MSG_NOSIGNAL | MSG_DONTWAIT)
                      : send_many(fd, pieces, n);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0) {
        return sent;
    }
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS ? 0 : -1;
}
