/* plain.c -- the answers beside event streams that the client understands (behaviours 14.3): the
 * body is the patch, its options are headers.
 * SPDX-License-Identifier: MIT */
#include "web/app.h"
#include "wire/elements.h"
#include "wire/script.h"

static cstar_status fail(cstar_conn *conn, cstar_status code, const char *where, const char *text) {
    return cstar__conn_failf(conn, code, where, text);
}

static bool has_text(const char *s) { return s != NULL && s[0] != '\0'; }

static cstar_status check_event_options(cstar_conn *conn, const char *event_id, int64_t retry) {
    if (has_text(event_id) || retry != 0) {
        return fail(conn, CSTAR_EINVAL, "event_id", "event_id, retry: only an event can have them");
    }
    return CSTAR_OK;
}

/* Browsers read header bytes as Latin-1, so anything else would arrive as another text. */
static bool is_ascii(const char *s) {
    for (; *s != '\0'; s++) {
        if ((unsigned char)*s < 0x20 || (unsigned char)*s > 0x7E) {
            return false;
        }
    }
    return true;
}

/* The rules of the event: what it refuses is refused here. */
static cstar_status settle(cstar_conn *conn, cstar_status rc, const cstar_err *err) {
    return rc == CSTAR_OK ? rc : cstar__conn_fail(conn, err);
}

static cstar_status not_begun(cstar_conn *conn) {
    return conn->answer == CSTAR__ANSWER_NONE
               ? CSTAR_OK
               : fail(conn, CSTAR_ESTATE, "response", "response: there is one already");
}

/* ---- elements ---- */

static cstar_status check_elements(cstar_conn *conn, const cstar_elements *e) {
    cstar_err err;
    cstar__err_init(&err);
    cstar_status rc = not_begun(conn);
    rc = rc == CSTAR_OK ? settle(conn, cstar__elements_check(e, &err), &err) : rc;
    rc = rc == CSTAR_OK ? check_event_options(conn, e->event_id, e->retry) : rc;
    if (rc == CSTAR_OK && has_text(e->view_transition_selector)) {
        rc = fail(conn, CSTAR_EINVAL, "view_transition_selector",
                  "view_transition_selector: only an event can have it");
    }
    if (rc == CSTAR_OK && ((has_text(e->selector) && !is_ascii(e->selector)) ||
                           (has_text(e->to) && !is_ascii(e->to)))) {
        rc = fail(conn, CSTAR_EINVAL, "selector",
                  "selector: a header carries only printable ASCII; send an event");
    }
    return rc;
}

static cstar_status add_target(cstar_conn *conn, const char *to) {
    cstar_buf text;
    cstar_buf_init(&text, cstar_arena_allocator(&conn->x->arena), 4096);
    cstar_status rc = cstar_format_dom_id(&text, cstar_cstr(to), NULL);
    cstar_buf_byte(&text, '\0');
    rc = rc == CSTAR_OK ? text.status : rc;
    return rc == CSTAR_OK ? cstar_set_header(conn, "datastar-selector", text.ptr)
                          : fail(conn, rc, "to", "to: no id of an element");
}

static cstar_status add_element_options(cstar_conn *conn, const cstar_elements *e) {
    cstar_status rc = CSTAR_OK;
    if (has_text(e->selector)) {
        rc = cstar_set_header(conn, "datastar-selector", e->selector);
    } else if (has_text(e->to)) {
        rc = add_target(conn, e->to);
    }
    if (rc == CSTAR_OK && e->mode != CSTAR_OUTER) {
        rc = cstar_set_header(conn, "datastar-mode", cstar__mode_name(e->mode));
    }
    if (rc == CSTAR_OK && e->ns != CSTAR_NS_HTML) {
        rc = cstar_set_header(conn, "datastar-namespace", cstar__ns_name(e->ns));
    }
    if (rc == CSTAR_OK && e->use_view_transition) {
        rc = cstar_set_header(conn, "datastar-use-view-transition", "true");
    }
    return rc;
}

cstar_status cstar_conn_respond_elements(cstar_conn *conn, const cstar_elements *e) {
    cstar_status rc = check_elements(conn, e);
    rc = rc == CSTAR_OK ? add_element_options(conn, e) : rc;
    if (rc != CSTAR_OK) {
        return rc;
    }
    return cstar_respond(conn, 200, "text/html; charset=utf-8",
                         e->html_str.ptr != NULL ? e->html_str : cstar_cstr(e->html));
}

/* ---- signals ---- */

/* The object as one text: given, or written from a tree. */
static cstar_status signals_text(cstar_conn *conn, const cstar_signals_patch *s, cstar_buf *text) {
    cstar_json_writer w;
    cstar_json_writer_init(&w, text, 0);
    if (s->value != NULL) {
        cstar_json_put_val(&w, cstar_val_tree(s->value));
    } else {
        cstar_json_put_val(
            &w, cstar_val_json(s->json_str.ptr != NULL ? s->json_str : cstar_cstr(s->json)));
    }
    cstar_status rc = cstar_json_writer_end(&w);
    if (rc == CSTAR_OK && (text->len == 0 || text->ptr[0] != '{')) {
        rc = CSTAR_EINVAL;
    }
    return rc == CSTAR_OK ? rc : fail(conn, rc, "signals", "signals: they should be a JSON object");
}

cstar_status cstar_conn_respond_signals(cstar_conn *conn, const cstar_signals_patch *s) {
    cstar_buf text;
    cstar_status rc = not_begun(conn);
    cstar_buf_init(&text, cstar_arena_allocator(&conn->x->arena), conn->app->max_response);
    rc = rc == CSTAR_OK ? check_event_options(conn, s->event_id, s->retry) : rc;
    rc = rc == CSTAR_OK ? signals_text(conn, s, &text) : rc;
    if (rc == CSTAR_OK && s->only_if_missing) {
        rc = cstar_set_header(conn, "datastar-only-if-missing", "true");
    }
    return rc == CSTAR_OK ? cstar_respond(conn, 200, "application/json", cstar_buf_view(&text))
                          : rc;
}

/* ---- scripts ---- */

static cstar_status put_attribute(cstar_json_writer *w, const cstar_attr *a) {
    if (a->value.kind == CSTAR_VAL_NULL || (a->value.kind == CSTAR_VAL_BOOL && !a->value.u.b)) {
        return CSTAR_OK;
    }
    cstar_json_put_key(w, cstar_cstr(a->name));
    cstar_json_put_val(w, a->value.kind == CSTAR_VAL_BOOL ? cstar_val_cstr("") : a->value);
    return w->status;
}

/* {"type":"module"}, in ASCII. */
static cstar_status add_attributes(cstar_conn *conn, const cstar_script *s) {
    cstar_buf text;
    cstar_json_writer w;
    cstar_buf_init(&text, cstar_arena_allocator(&conn->x->arena), 4096);
    cstar_json_writer_init(&w, &text, 0);
    cstar_json_begin_object(&w);
    for (size_t i = 0; i < s->nattrs; i++) {
        (void)put_attribute(&w, &s->attrs[i]);
    }
    cstar_json_end_object(&w);
    cstar_status rc = cstar_json_writer_end(&w);
    cstar_buf_byte(&text, '\0');
    if (rc != CSTAR_OK || text.status != CSTAR_OK || !is_ascii(text.ptr)) {
        return fail(conn, rc != CSTAR_OK ? rc : CSTAR_EINVAL, "attrs",
                    "attrs: a header carries only printable ASCII; send an event");
    }
    return cstar_set_header(conn, "datastar-script-attributes", text.ptr);
}

cstar_status cstar_conn_respond_script(cstar_conn *conn, const cstar_script *s) {
    cstar_err err;
    cstar__err_init(&err);
    cstar_status rc = not_begun(conn);
    rc = rc == CSTAR_OK ? settle(conn, cstar__script_check(s, &err), &err) : rc;
    rc = rc == CSTAR_OK ? check_event_options(conn, s->event_id, s->retry) : rc;
    const cstar_str code = s->script_str.ptr != NULL ? s->script_str : cstar_cstr(s->script);
    if (rc == CSTAR_OK && code.ptr == NULL) {
        rc = fail(conn, CSTAR_EINVAL, "script", "script: required");
    }
    if (rc == CSTAR_OK && s->nattrs != 0) {
        rc = add_attributes(conn, s);
    }
    return rc == CSTAR_OK ? cstar_respond(conn, 200, "text/javascript; charset=utf-8", code) : rc;
}
