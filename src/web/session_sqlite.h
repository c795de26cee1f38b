/* web/session_sqlite.h -- the store of sessions in SQLite, with an allocator to choose. Private.
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_WEB_SESSION_SQLITE_H
#define CSTAR_WEB_SESSION_SQLITE_H

#include "cstar/session.h"

/** As cstar_session_sqlite(). @param alloc  for what is ours; SQLite has its own allocator, one for
 * the whole process, which is not a library's to choose. */
cstar_status cstar__session_sqlite_open(const cstar_allocator *alloc,
                                        const cstar_session_sqlite_opts *opts,
                                        cstar_session_store *out, cstar_err *err);

#endif
