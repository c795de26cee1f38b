/* signal_paths.c -- removing signals: dotted paths become one nested object of nulls.
 *
 *     user.name, user.email, cart   ->   {"cart":null,"user":{"email":null,"name":null}}
 *
 * The paths are sorted by their segments, so that those of one parent stand together and a parent
 * stands right before its children. One pass then writes them: it closes what the next path does
 * not share and opens what is new. A path below one that was just written is skipped: removing the
 * parent removes it anyway, whatever the order the caller had them in. Heap sort, because qsort()
 * may allocate behind the caller's back.
 *
 * SPDX-License-Identifier: MIT */
#include "wire/event.h"
#include "wire/signals.h"

/* ---- refusals ---- */

static cstar_status check_path(cstar_str path, size_t index, cstar_err *err) {
    const char *fault = NULL;
    if (path.ptr == NULL || path.len == 0) {
        fault = "is empty";
    } else if (path.ptr[0] == '.') {
        fault = "starts with a dot";
    } else if (path.ptr[path.len - 1] == '.') {
        fault = "ends with a dot";
    }
    for (size_t i = 1; fault == NULL && i < path.len; i++) {
        fault = path.ptr[i] == '.' && path.ptr[i - 1] == '.' ? "has two dots in a row" : NULL;
    }
    if (fault != NULL) {
        return cstar_err_set(err, CSTAR_EINVAL, "paths", "paths: path %zu %s", index, fault);
    }
    if (!cstar_utf8_valid(path)) {
        return cstar_err_set(err, CSTAR_EUTF8, "paths", "paths: path %zu is not UTF-8", index);
    }
    return CSTAR_OK;
}

static cstar_status check_paths(const cstar_str *paths, size_t npaths, cstar_err *err) {
    if (npaths != 0 && paths == NULL) {
        return cstar__missing(err, "paths");
    }
    for (size_t i = 0; i < npaths; i++) {
        cstar_status rc = check_path(paths[i], i, err);
        if (rc != CSTAR_OK) {
            return rc;
        }
    }
    return CSTAR_OK;
}

/* ---- sorting ---- */

/* A dot sorts before every other byte: "a" and all "a.*" come before "a-b". */
static int rank(char c) { return c == '.' ? -1 : (int)(unsigned char)c; }

static bool less(cstar_str a, cstar_str b) {
    size_t n = a.len < b.len ? a.len : b.len;
    for (size_t i = 0; i < n; i++) {
        if (a.ptr[i] != b.ptr[i]) {
            return rank(a.ptr[i]) < rank(b.ptr[i]);
        }
    }
    return a.len < b.len;
}

static void sift_down(cstar_str *v, size_t root, size_t n) {
    for (size_t child = 2 * root + 1; child < n; child = 2 * root + 1) {
        if (child + 1 < n && less(v[child], v[child + 1])) {
            child++;
        }
        if (!less(v[root], v[child])) {
            return;
        }
        cstar_str moved = v[root];
        v[root] = v[child];
        v[child] = moved;
        root = child;
    }
}

static void sort(cstar_str *v, size_t n) {
    for (size_t i = n / 2; i > 0; i--) {
        sift_down(v, i - 1, n);
    }
    for (size_t end = n; end > 1; end--) {
        cstar_str largest = v[0];
        v[0] = v[end - 1];
        v[end - 1] = largest;
        sift_down(v, 0, end - 1);
    }
}

/* ---- writing ---- */

static bool is_at_or_below(cstar_str path, cstar_str parent) {
    return path.len >= parent.len && memcmp(path.ptr, parent.ptr, parent.len) == 0 &&
           (path.len == parent.len || path.ptr[parent.len] == '.');
}

static size_t count_dots(cstar_str s, size_t from) {
    size_t dots = 0;
    for (size_t i = from; i < s.len; i++) {
        dots += s.ptr[i] == '.' ? 1 : 0;
    }
    return dots;
}

/* Where the first segment starts that `a` and `b` do not share. */
static size_t shared_prefix(cstar_str a, cstar_str b) {
    size_t shared = 0;
    for (size_t i = 0; i < a.len && i < b.len && a.ptr[i] == b.ptr[i]; i++) {
        shared = a.ptr[i] == '.' ? i + 1 : shared;
    }
    return shared;
}

static void close_objects(cstar_buf *out, size_t n) {
    for (; n > 0; n--) {
        cstar_buf_byte(out, '}');
    }
}

/* The segments of `path` behind `from`: "b":{"c":null */
static void open_segments(cstar_buf *out, cstar_str path, size_t from) {
    size_t start = from;
    for (size_t i = from; i <= path.len; i++) {
        if (i == path.len || path.ptr[i] == '.') {
            cstar_buf_byte(out, '"');
            cstar_buf_json(out, cstar_view(path.ptr + start, i - start), 0);
            cstar_buf_lit(out, "\":");
            if (i == path.len) {
                cstar_buf_lit(out, "null");
            } else {
                cstar_buf_byte(out, '{');
            }
            start = i + 1;
        }
    }
}

static void add_nulls(cstar_buf *out, const cstar_str *sorted, size_t n) {
    cstar_str last = {NULL, 0};
    cstar_buf_byte(out, '{');
    for (size_t i = 0; i < n; i++) {
        size_t from = 0;
        if (last.ptr != NULL) {
            if (is_at_or_below(sorted[i], last)) {
                continue;
            }
            from = shared_prefix(last, sorted[i]);
            close_objects(out, count_dots(last, from));
            cstar_buf_byte(out, ',');
        }
        open_segments(out, sorted[i], from);
        last = sorted[i];
    }
    close_objects(out, count_dots(last, 0) + 1);
}

cstar_status cstar_format_remove_signals(cstar_buf *out, const cstar_str *paths, size_t npaths,
                                         const cstar_signals_patch *s, cstar_arena *scratch,
                                         cstar_err *err) {
    cstar_status rc = check_paths(paths, npaths, err);
    if (rc == CSTAR_OK && s != NULL) {
        rc = cstar__event_check(s->retry, err);
    }
    if (rc != CSTAR_OK) {
        return rc;
    }
    cstar_str *sorted = NULL;
    if (npaths != 0) {
        sorted = npaths <= SIZE_MAX / sizeof *sorted
                     ? cstar_arena_alloc(scratch, npaths * sizeof *sorted)
                     : NULL;
        if (sorted == NULL) {
            return cstar_err_set(err, CSTAR_ENOMEM, "scratch", "scratch: no room to sort %zu paths",
                                 npaths);
        }
        memcpy(sorted, paths, npaths * sizeof *sorted);
        sort(sorted, npaths);
    }
    size_t mark = out->len;
    cstar__signals_head(out, s);
    cstar_buf_lit(out, CSTAR__SIGNALS_PREFIX);
    add_nulls(out, sorted, npaths);
    cstar_buf_lit(out, "\n\n");
    return cstar__event_commit(out, mark, err);
}
