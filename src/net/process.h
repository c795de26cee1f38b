/* net/process.h -- what a server asks of its process: descriptors, and less rights.
 *
 * Threads: before any other thread runs.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_NET_PROCESS_H
#define CSTAR_NET_PROCESS_H

#include "cstar/base.h"

/** Raises the soft limit of descriptors to the hard one. @return the limit that holds now; at most
 * 2^30. */
size_t cstar__process_descriptors(void);

/* Whom to become. */
typedef struct cstar__identity {
    bool wanted;   /* false: stay who we are */
    char name[64]; /* of the user, for the groups it is in; "" for a bare number */
    unsigned uid, gid;
} cstar__identity;

/**
 * Looks up names (or numbers). Without `group` it is the user's own.
 * @param user  NULL: nobody is wanted, and `group` must be NULL too.
 * @return CSTAR_EINVAL no such user or group, root, or a number without a group. `err` says what to
 *         do.
 */
cstar_status cstar__process_find(const char *user, const char *group, cstar__identity *out,
                                 cstar_err *err);

/**
 * Becomes that user, for good: groups, group, user; then tries to come back, which must fail; then
 * core dumps and ptrace by others of that user are off (Linux). Of a process that is not root it
 * succeeds only if it is that user already.
 * @return CSTAR_EPOLICY not root, or the way back was open; CSTAR_EIO the system refused. The
 *         process may be half another: end it.
 */
cstar_status cstar__process_become(const cstar__identity *who, cstar_err *err);

#endif
