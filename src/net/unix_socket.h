/* net/unix_socket.h -- a Unix domain socket to listen on, and the file that stands for it.
 *
 * A server that was killed leaves its file behind. It is removed when nobody answers there, and
 * never when somebody does or when it is no socket. Threads: any; no state.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_NET_UNIX_SOCKET_H
#define CSTAR_NET_UNIX_SOCKET_H

#include "net/address.h"

/** A listening, non-blocking, close-on-exec socket at a->host ("/path", "@name"), its file with
 * a->mode. @return the descriptor, or -1 with `err` filled. */
int cstar__unix_listen(const cstar__address *a, cstar_err *err);

/** Removes the file if it still is that of `fd`, so before `fd` is closed: until then nobody else's
 * file can have its inode. `ino` and `dev` as cstar__unix_identify() told.
 * @return false: it could not be removed (errno). */
bool cstar__unix_unlink(const cstar__address *a, uint64_t dev, uint64_t ino);

/** Which file it is, after cstar__unix_listen(). Zeros for an abstract name. */
void cstar__unix_identify(const cstar__address *a, uint64_t *dev, uint64_t *ino);

/** Fills a sun_path: "/path", or "@name" as an abstract name. @param len  gets the length of the
 * whole address. @return false: it is too long, or has no meaning on this system. */
struct sockaddr_un;
bool cstar__unix_name(const char *path, struct sockaddr_un *out, unsigned *len);

#endif
