/* http/path.c -- see path.h.
 *
 * Divided first, decoded then, judged last: a slash that was coded is seen in the decoded name,
 * where no slash can be.
 *
 * SPDX-License-Identifier: MIT */
#include "http/path.h"

#include "http/scan.h"

static bool has_bad_byte(cstar_str name) {
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        if (c < 0x20 || c == 0x7f || c == '/' || c == '\\' || c == ':') {
            return true;
        }
    }
    return false;
}

/* A decoded name. */
static cstar_status check_name(cstar_str name, bool hidden) {
    if (name.len == 0 || has_bad_byte(name)) {
        return CSTAR_EPOLICY;
    }
    char last = name.ptr[name.len - 1];
    if (last == '.' || last == ' ' || (name.ptr[0] == '.' && !hidden)) {
        return CSTAR_EPOLICY; /* "." and ".." end in a dot */
    }
    if (name.len > CSTAR__PATH_NAME_MAX) {
        return CSTAR_ELIMIT;
    }
    return cstar_utf8_valid(name) ? CSTAR_OK : CSTAR_EUTF8;
}

/* Appends one segment, decoded. */
static cstar_status put_name(cstar_str segment, bool hidden, cstar_buf *out) {
    if (!cstar_percent_valid(segment)) {
        return CSTAR_ESYNTAX;
    }
    size_t mark = out->len;
    cstar_buf_unpercent(out, segment, false);
    if (cstar_buf_status(out) != CSTAR_OK) {
        return cstar_buf_status(out);
    }
    const char *name = out->ptr != NULL ? out->ptr + mark : "";
    return check_name(cstar_view(name, out->len - mark), hidden);
}

static cstar_status put_names(cstar_str rest, bool hidden, cstar_buf *out) {
    cstar_str segment;
    cstar_status rc = CSTAR_OK;
    for (bool first = true; rc == CSTAR_OK && cstar__split(&rest, '/', &segment); first = false) {
        if (!first) {
            cstar_buf_byte(out, '/');
        }
        rc = put_name(segment, hidden, out);
    }
    return rc;
}

cstar_status cstar__path_to_file(cstar_str path, const cstar__path_opts *opts, cstar_buf *out,
                                 bool *is_dir) {
    if (path.len == 0 || path.ptr[0] != '/') {
        return CSTAR_ESYNTAX;
    }
    if (path.len > CSTAR__PATH_MAX) {
        return CSTAR_ELIMIT;
    }
    if (path.len == 1) {
        *is_dir = true;
        return CSTAR_OK;
    }
    bool dir = path.ptr[path.len - 1] == '/';
    size_t mark = out->len;
    cstar_str names = {path.ptr + 1, path.len - 1 - (dir ? 1 : 0)};
    cstar_status rc = put_names(names, opts != NULL && opts->hidden, out);
    if (rc != CSTAR_OK) {
        out->len = mark;
        return rc;
    }
    *is_dir = dir;
    return CSTAR_OK;
}
