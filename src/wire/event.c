/* event.c -- one server-sent event: head, data lines, blank line.
 *
 * Invariants, for any input (the fuzz target asserts them):
 *  1. Between "event:" and the final blank line there is no empty line, and there is no CR at all.
 *  2. Single-valued fields (event, id, retry) are exactly one line: their line breaks are removed,
 *     not escaped, since the format has no escape.
 *  3. A function that fails has written nothing.
 * Absent: any check of the bytes as UTF-8. A receiver replaces bad sequences, and no bad sequence
 * can hide a line break.
 *
 * SPDX-License-Identifier: MIT */
#include "wire/event.h"

#define DEFAULT_RETRY 1000 /* the client's own, so never written */

cstar_status cstar__event_check(int64_t retry, cstar_err *err) {
    if (retry < 0 && retry != CSTAR_RETRY_NOW) {
        return cstar_err_set(err, CSTAR_EINVAL, "retry", "retry: %lld ms is negative",
                             (long long)retry);
    }
    return CSTAR_OK;
}

bool cstar__field_empty(const char *s) { return s == NULL || s[strspn(s, "\r\n")] == '\0'; }

cstar_status cstar__missing(cstar_err *err, const char *where) {
    return cstar_err_set(err, CSTAR_EINVAL, where, "%s: required", where);
}

static void add_retry(cstar_buf *out, int64_t retry) {
    if (retry == CSTAR_RETRY_NOW) {
        cstar_buf_lit(out, "retry: 0\n");
    } else if (retry != 0 && retry != DEFAULT_RETRY) {
        cstar_buf_lit(out, "retry: ");
        cstar_buf_int(out, retry);
        cstar_buf_byte(out, '\n');
    }
}

void cstar__event_head(cstar_buf *out, cstar_str type_line, const char *event_id, int64_t retry) {
    cstar_buf_str(out, type_line);
    if (!cstar__field_empty(event_id)) {
        cstar_buf_lit(out, "id: ");
        cstar_buf_oneline(out, cstar_cstr(event_id));
        cstar_buf_byte(out, '\n');
    }
    add_retry(out, retry);
}

void cstar__event_lines(cstar_buf *out, cstar_str prefix, cstar_str text) {
    cstar_str rest = cstar_view(text.ptr != NULL ? text.ptr : "", text.len);
    cstar_str line;
    while (cstar_line_next(&rest, &line)) {
        cstar_buf_str(out, prefix);
        cstar_buf_str(out, line);
        cstar_buf_byte(out, '\n');
    }
}

cstar_status cstar__event_commit(cstar_buf *out, size_t mark, cstar_err *err) {
    if (out->status == CSTAR_OK) {
        return CSTAR_OK;
    }
    out->len = mark;
    return cstar_err_set(err, out->status, "out", "out: %s", cstar_strerror(out->status));
}

static void add_data(cstar_buf *out, const cstar_sse_event *e) {
    for (size_t i = 0; i < e->nlines; i++) {
        cstar__event_lines(out, CSTAR_STR("data: "), e->lines[i]);
    }
    if (e->nlines == 0 && e->data != NULL) {
        cstar__event_lines(out, CSTAR_STR("data: "), cstar_cstr(e->data));
    }
}

cstar_status cstar_format_event(cstar_buf *out, const cstar_sse_event *e, cstar_err *err) {
    if (e == NULL || cstar__field_empty(e->type)) {
        return cstar__missing(err, "type");
    }
    if (e->nlines != 0 && e->lines == NULL) {
        return cstar__missing(err, "lines");
    }
    cstar_status rc = cstar__event_check(e->retry, err);
    if (rc != CSTAR_OK) {
        return rc;
    }
    size_t mark = out->len;
    cstar_buf_lit(out, "event: ");
    cstar_buf_oneline(out, cstar_cstr(e->type));
    cstar__event_head(out, CSTAR_STR("\n"), e->event_id, e->retry);
    add_data(out, e);
    cstar_buf_byte(out, '\n');
    return cstar__event_commit(out, mark, err);
}

cstar_status cstar_format_probe(cstar_buf *out) {
    size_t mark = out->len;
    cstar_buf_lit(out, ": \n\n");
    return cstar__event_commit(out, mark, NULL);
}
