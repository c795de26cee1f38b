/* nudge.c -- a nudge: a signal `nudges.<key>` that only says "look again", and who hears it.
 *
 * The client reacts to changed values only, so a nudge must never carry a number that the tab
 * already has: the caller takes it from a cstar_ticker, which is seeded from the clock and so does
 * not start over after a restart.
 *
 * SPDX-License-Identifier: MIT */
#include "wire/event.h"
#include "wire/signals.h"

#define MAX_EXACT (UINT64_C(1) << 53) /* beyond, two integers can be one JavaScript number */

static bool is_key_byte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

cstar_status cstar_nudge_key_check(cstar_str key, cstar_err *err) {
    if (key.len == 0) {
        return cstar__missing(err, "key");
    }
    for (size_t i = 0; i < key.len; i++) {
        if (!is_key_byte(key.ptr[i])) {
            return cstar_err_set(err, CSTAR_EINVAL, "key",
                                 "key: byte %zu is not one of [A-Za-z0-9_]", i);
        }
    }
    return CSTAR_OK;
}

cstar_status cstar_format_nudge(cstar_buf *out, cstar_str key, uint64_t n,
                                const cstar_signals_patch *s, cstar_err *err) {
    cstar_status rc = cstar_nudge_key_check(key, err);
    if (rc == CSTAR_OK && (n == 0 || n > MAX_EXACT)) {
        rc = cstar_err_set(err, CSTAR_EINVAL, "n", "n: must be from 1 to 2^53");
    }
    if (rc == CSTAR_OK && s != NULL) {
        rc = cstar__event_check(s->retry, err);
    }
    if (rc != CSTAR_OK) {
        return rc;
    }
    size_t mark = out->len;
    cstar__signals_head(out, s);
    cstar_buf_lit(out, CSTAR__SIGNALS_PREFIX "{\"nudges\":{\"");
    cstar_buf_str(out, key);
    cstar_buf_lit(out, "\":");
    cstar_buf_uint(out, n);
    cstar_buf_lit(out, "}}\n\n");
    return cstar__event_commit(out, mark, err);
}

cstar_status cstar_format_nudge_filter(cstar_buf *out, cstar_str key, cstar_err *err) {
    cstar_status rc = cstar_nudge_key_check(key, err);
    if (rc != CSTAR_OK) {
        return rc;
    }
    size_t mark = out->len;
    cstar_buf_lit(out, "{\"include\":\"^nudges\\\\.");
    cstar_buf_str(out, key);
    cstar_buf_lit(out, "$\"}");
    return cstar__event_commit(out, mark, err);
}
