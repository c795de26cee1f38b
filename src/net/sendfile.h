/* net/sendfile.h -- the system calls that carry a file to a socket. Private to this room.
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_NET_SENDFILE_H
#define CSTAR_NET_SENDFILE_H

#include <stddef.h>
#include <stdint.h>

enum {
    CSTAR__FILE_FAILED = -1, /* the socket is broken, or the file can't be read */
    CSTAR__FILE_SHORT = -2,  /* the file ends before `at` */
    CSTAR__FILE_BLOCKS = -3, /* not now; on systems without sendfile: always */
};

/** Up to `len` bytes of the file `fd` from `at` on, to a non-blocking socket.
 * @return how many, at least one; or CSTAR__FILE_*. */
ptrdiff_t cstar__file_send(int to, int fd, uint64_t at, size_t len);
/** @return how many bytes were read; 0: the file ends before `at`; negative: it can't be read. */
ptrdiff_t cstar__file_read(int fd, char *ptr, size_t len, uint64_t at);
#endif
