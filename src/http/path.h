/* http/path.h -- from the path of a request to a file below a root, or to a refusal.
 *
 *     cstar_buf_fixed(&b, mem, sizeof mem);
 *     if (cstar__path_to_file(r->path, NULL, &b, &is_dir) == CSTAR_OK) { openat(root, ...) }
 *
 * What comes out is a relative path of plain names divided by single '/': no ".", no "..", nothing
 * empty, no leading '/'. Whoever opens it can only leave the root by a symbolic link, which is for
 * openat2() or O_NOFOLLOW to refuse: names are all that can be judged here.
 * A path is decoded once, here. "%2e%2e" is "..", and refused; "%252e%252e" is a file named "%2e%2e".
 * Never decode the result again. Threads: any; no state.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_HTTP_PATH_H
#define CSTAR_HTTP_PATH_H

#include "cstar/base.h"

typedef struct cstar__path_opts { /* zero is the default */
    bool hidden;                  /* allow names that begin with a dot (never "." and "..") */
} cstar__path_opts;

enum { CSTAR__PATH_MAX = 1024, CSTAR__PATH_NAME_MAX = 255 };

/**
 * @param path    raw, as it stood in the request: starts with '/', no query.
 * @param opts    NULL: defaults.
 * @param out     gets the relative path, without a slash at its end; nothing for "/" itself.
 * @param is_dir  gets whether the request ended in '/': it means the directory, not a file.
 * @return CSTAR_ESYNTAX no '/' at the front, a '%' without two digits; CSTAR_EUTF8; CSTAR_EPOLICY an
 *         empty segment, "." or "..", a hidden name, a '\', ':' or coded '/' in a name, a control
 *         byte, a name that ends in a dot or a space (to Windows it is the name without); CSTAR_ELIMIT
 *         longer than the constants above, or than `out` allows; CSTAR_ENOMEM. Then `out` is as it
 *         was (but for an error that sticks to it). Answer 404 to all of them: why is nobody's
 *         business.
 */
cstar_status cstar__path_to_file(cstar_str path, const cstar__path_opts *opts, cstar_buf *out,
                                 bool *is_dir);

#endif
