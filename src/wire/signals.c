/* signals.c -- "datastar-patch-signals": a JSON merge patch.
 *
 * Text is checked to be one JSON object before it is sent, because the client runs what JSON.parse
 * refuses as JavaScript. Text of several lines keeps the prefix on each of them (specification and
 * golden tests): the client joins them again.
 *
 * SPDX-License-Identifier: MIT */
#include "wire/signals.h"

#include "wire/event.h"

#define MAX_DEPTH 32 /* what the client sends back is read with the same limit */

void cstar__signals_head(cstar_buf *out, const cstar_signals_patch *s) {
    cstar__event_head(out, CSTAR_STR("event: datastar-patch-signals\n"),
                      s != NULL ? s->event_id : NULL, s != NULL ? s->retry : 0);
    if (s != NULL && s->only_if_missing) {
        cstar_buf_lit(out, "data: onlyIfMissing true\n");
    }
}

static cstar_status check_text(cstar_str text, cstar_err *err) {
    if (text.ptr == NULL) {
        return cstar__missing(err, "json");
    }
    cstar_json_opts opts = {.max_bytes = SIZE_MAX, .max_depth = MAX_DEPTH};
    cstar_err why = {.code = CSTAR_OK};
    cstar_status rc = cstar_json_check(text, &opts, &why);
    return rc == CSTAR_OK ? rc : cstar_err_set(err, rc, "json", "json: %.140s", why.text);
}

static cstar_status check_value(const cstar_json *value, cstar_err *err) {
    if (cstar_json_typeof(value) != CSTAR_JSON_OBJECT) {
        return cstar_err_set(err, CSTAR_EINVAL, "value", "value: signals are an object");
    }
    return CSTAR_OK;
}

/* A tree on one line. The writer keeps errors of its own (too deep), which the buffer does not know
 * of. */
static cstar_status add_value(cstar_buf *out, const cstar_json *value, cstar_err *err) {
    cstar_json_writer w;
    cstar_buf_lit(out, CSTAR__SIGNALS_PREFIX);
    cstar_json_writer_init(&w, out, 0);
    cstar_json_put_val(&w, cstar_val_tree(value));
    cstar_status rc = cstar_json_writer_end(&w);
    cstar_buf_byte(out, '\n');
    return rc == CSTAR_OK ? rc : cstar_err_set(err, rc, "value", "value: %s", cstar_strerror(rc));
}

cstar_status cstar_format_patch_signals(cstar_buf *out, const cstar_signals_patch *s,
                                        cstar_err *err) {
    if (s == NULL) {
        return cstar__missing(err, "s");
    }
    cstar_str text = s->json_str.ptr != NULL ? s->json_str : cstar_cstr(s->json);
    cstar_status rc = s->value != NULL ? check_value(s->value, err) : check_text(text, err);
    if (rc == CSTAR_OK) {
        rc = cstar__event_check(s->retry, err);
    }
    if (rc != CSTAR_OK) {
        return rc;
    }
    size_t mark = out->len;
    cstar__signals_head(out, s);
    if (s->value != NULL) {
        rc = add_value(out, s->value, err);
    } else {
        cstar__event_lines(out, CSTAR_STR(CSTAR__SIGNALS_PREFIX), text);
    }
    cstar_buf_byte(out, '\n');
    if (rc != CSTAR_OK && out->status == CSTAR_OK) {
        out->len = mark;
        return rc;
    }
    return cstar__event_commit(out, mark, err);
}

cstar_status cstar_format_signals_begin(cstar_buf *out, const cstar_signals_patch *s,
                                        cstar_err *err) {
    cstar_status rc = s != NULL ? cstar__event_check(s->retry, err) : CSTAR_OK;
    if (rc != CSTAR_OK) {
        return rc;
    }
    size_t mark = out->len;
    cstar__signals_head(out, s);
    cstar_buf_lit(out, CSTAR__SIGNALS_PREFIX);
    return cstar__event_commit(out, mark, err);
}
