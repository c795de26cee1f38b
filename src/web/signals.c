/* signals.c -- the signals that a request carries (behaviours 3.1, 3.2).
 *
 * Order of the checks: size (413) before syntax (400), so that nobody makes us parse what is too
 * large anyway.
 *
 * SPDX-License-Identifier: MIT */
#include "web/app.h"

int64_t cstar_signals_int(const cstar_signals *in, const char *path, int64_t otherwise) {
    return cstar_json_int(cstar_json_path(in, path), otherwise);
}

double cstar_signals_double(const cstar_signals *in, const char *path, double otherwise) {
    return cstar_json_double(cstar_json_path(in, path), otherwise);
}

bool cstar_signals_bool(const cstar_signals *in, const char *path, bool otherwise) {
    return cstar_json_bool(cstar_json_path(in, path), otherwise);
}

const char *cstar_signals_str(const cstar_signals *in, const char *path, const char *otherwise) {
    return cstar_json_str(cstar_json_path(in, path), otherwise);
}

cstar_str cstar_signals_view(const cstar_signals *in, const char *path) {
    return cstar_json_view(cstar_json_path(in, path));
}

cstar_status cstar_signals_decode(const cstar_signals *in, const cstar_field *fields, void *out,
                                  cstar_err *err) {
    cstar_err why;
    cstar__err_init(&why);
    const cstar_status rc = cstar_json_decode(in, fields, out, &why);
    return rc == CSTAR_OK ? rc : cstar_err_set(err, rc, why.where, "signals: %.150s", why.text);
}

static const cstar_signals *refuse(int *status, int code, cstar_err *err, cstar_status rc,
                                   const char *text) {
    if (status != NULL) {
        *status = code;
    }
    (void)cstar_err_set(err, rc, "signals", "signals: %s", text);
    return NULL;
}

static bool in_query(const char *method) {
    return strcmp(method, "GET") == 0 || strcmp(method, "DELETE") == 0;
}

/* `datastar[a]=1` and `datastar[]=1` would be nested parameters elsewhere: they are signals that
 * are no JSON object. */
static bool has_nested_param(cstar_str query) {
    static const cstar_str starts[] = {{"datastar[", 9}, {"datastar%5B", 11}, {"datastar%5b", 11}};
    size_t at = 0;
    while (at < query.len) {
        const char *p = query.ptr + at;
        size_t left = query.len - at;
        for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
            if (left >= starts[i].len && memcmp(p, starts[i].ptr, starts[i].len) == 0) {
                return true;
            }
        }
        const char *amp = memchr(p, '&', left);
        at = amp != NULL ? (size_t)(amp - query.ptr) + 1 : query.len;
    }
    return false;
}

static const cstar_signals *read_text(cstar_arena *arena, cstar_str text, size_t max, int *status,
                                      cstar_err *err) {
    if (text.len > max) {
        return refuse(status, 413, err, CSTAR_ELIMIT, "larger than the limit");
    }
    cstar_err why;
    cstar__err_init(&why);
    const cstar_signals *in =
        cstar_json_read(arena, text, &(cstar_json_opts){.max_bytes = max}, &why);
    return in != NULL
               ? in
               : refuse(status, why.code == CSTAR_ENOMEM ? 500 : 400, err, why.code, why.text);
}

static const cstar_signals *read_query(cstar_arena *arena, cstar_str query, size_t max, int *status,
                                       cstar_err *err) {
    cstar_buf value;
    cstar_buf_init(&value, cstar_arena_allocator(arena), query.len + 1);
    if (has_nested_param(query)) {
        return refuse(status, 400, err, CSTAR_ETYPE, "not an object");
    }
    if (!cstar__query_last(query, CSTAR_STR("datastar"), &value)) {
        return read_text(arena, CSTAR_STR("{}"), max > 2 ? max : 2, status, err);
    }
    if (value.status != CSTAR_OK) {
        return refuse(status, 500, err, value.status, "out of memory");
    }
    return read_text(arena, cstar_buf_view(&value), max, status, err);
}

const cstar_signals *cstar_signals_parse(cstar_arena *arena, const cstar_signals_source *source,
                                         int *status, cstar_err *err) {
    size_t max = source->max_bytes != 0 ? source->max_bytes : CSTAR__MAX_SIGNAL_BYTES;
    if (in_query(source->method)) {
        return read_query(arena, source->query, max, status, err);
    }
    if (source->body.len == 0) {
        return read_text(arena, CSTAR_STR("{}"), max > 2 ? max : 2, status, err);
    }
    return read_text(arena, source->body, max, status, err);
}

/* ---- of a conn ---- */

static void answer_refusal(cstar_conn *conn, int status) {
    const char *text = status == 413   ? "Signal payload too large"
                       : status == 400 ? "Invalid signal payload"
                                       : cstar__reason(status);
    if (conn->answer == CSTAR__ANSWER_NONE) {
        (void)cstar_respond_text(conn, status, text);
    }
}

const cstar_signals *cstar_read_signals(cstar_conn *conn) {
    if (conn->signals_read) {
        return conn->signals;
    }
    conn->signals_read = true;
    const cstar__request *request = &conn->x->request;
    cstar_signals_source source = {.method = cstar__method_name(request->method),
                                   .query = request->query,
                                   .body = cstar__body_is_form(conn) ? CSTAR_STR("")
                                                                     : cstar_buf_view(&conn->body),
                                   .max_bytes = conn->max_body};
    int status = 400;
    cstar_err err;
    cstar__err_init(&err);
    conn->signals = cstar_signals_parse(&conn->x->arena, &source, &status, &err);
    if (conn->signals == NULL) {
        (void)cstar__conn_fail(conn, &err);
        answer_refusal(conn, status);
    }
    return conn->signals;
}

cstar_status cstar_decode_signals(cstar_conn *conn, const cstar_signals *in,
                                  const cstar_field *fields, void *out) {
    cstar_err err;
    in = in != NULL ? in : cstar_read_signals(conn);
    if (in == NULL) {
        return CSTAR_EINVAL; /* answered, and the conn knows why */
    }
    cstar__err_init(&err);
    if (cstar_signals_decode(in, fields, out, &err) == CSTAR_OK) {
        return CSTAR_OK;
    }
    (void)cstar__conn_fail(conn, &err);
    answer_refusal(conn, 400);
    return err.code;
}
