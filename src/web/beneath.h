/* web/beneath.h -- opens files below a folder, and nothing else, whatever links lie there.
 *
 * Life: the folder is opened once. Threads: init and fini once; open from any, at any time.
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_WEB_BENEATH_H
#define CSTAR_WEB_BENEATH_H

#include "cstar/base.h"

typedef struct cstar__beneath {
    int fd;        /* of the folder; -1: none */
    bool symlinks; /* follow relative links that stay below */
    bool walk;     /* name by name: the kernel has no openat2() */
} cstar__beneath;

/** @param walk  as if there were no openat2(); for tests. @return CSTAR_ENOENT, CSTAR_EIO. */
cstar_status cstar__beneath_init(cstar__beneath *b, const char *dir, bool walk, cstar_err *err);
void cstar__beneath_fini(cstar__beneath *b);

/**
 * @param path  relative, plain names divided by '/', as cstar__path_to_file() makes them.
 * @return a descriptor for reading (yours), of whatever kind of file it is: fstat() it; or an errno
 *         as a negative number. Never waits for a writer or a terminal.
 */
int cstar__beneath_open(const cstar__beneath *b, const char *path);

#endif
