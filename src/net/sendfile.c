/* sendfile.c
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include "net/sendfile.h"

#include <errno.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/sendfile.h>

ptrdiff_t cstar__file_send(int to, int fd, uint64_t at, size_t len) {
    off_t offset = (off_t)at;
    ssize_t n = 0;
    do {
        n = sendfile(to, fd, &offset, len);
    } while (n < 0 && errno == EINTR);
    if (n > 0) {
        return n;
    }
    if (n == 0) {
        return CSTAR__FILE_SHORT;
    }
    /* EINVAL, ENOSYS: the file's system can't; reading it can */
    return errno == EAGAIN || errno == EINVAL || errno == ENOSYS ? CSTAR__FILE_BLOCKS
                                                                 : CSTAR__FILE_FAILED;
}
#else
ptrdiff_t cstar__file_send(int to, int fd, uint64_t at, size_t len) {
    (void)to;
    (void)fd;
    (void)at;
    (void)len;
    return CSTAR__FILE_BLOCKS;
}
#endif

ptrdiff_t cstar__file_read(int fd, char *ptr, size_t len, uint64_t at) {
    ssize_t n = 0;
    do {
        n = pread(fd, ptr, len, (off_t)at);
    } while (n < 0 && errno == EINTR);
    return n;
}
