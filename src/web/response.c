/* response.c -- whole responses: the one way to the machine.
 *
 *     cstar_respond*() ──▶ reply ──▶ prepare ──▶ (off the loop: kept until the handler has
 *     returned) ──▶ deliver
 *
 * prepare: the content type, content coding (compress.c). What may go on behind the handler's
 * return is stream.c; fields are fields.c.
 *
 * SPDX-License-Identifier: MIT */
#include "web/app.h"

/* ---- replies ---- */

/* What every response has, whatever it is: on the handler's thread, since a store may wait. */
cstar_status cstar__conn_own_fields(cstar_conn *conn) {
    const char *hsts = conn->app->hsts;
    const cstar_status rc = cstar__session_save(conn);
    return rc == CSTAR_OK && conn->peer->secure && hsts[0] != '\0'
               ? cstar__conn_set_field(conn, CSTAR_STR("strict-transport-security"),
                                       cstar_cstr(hsts))
               : rc;
}

/* Fields and content coding: all that needs no machine, and may be done on a pool thread. */
static cstar_status prepare(cstar_conn *conn, cstar__reply *r) {
    const cstar_str type = CSTAR_STR("content-type");
    cstar__coding coding = CSTAR__IDENTITY;
    cstar_status rc = cstar__conn_own_fields(conn);
    if (rc == CSTAR_OK && r->content_type != NULL) {
        rc = cstar__conn_set_field(conn, type, cstar_cstr(r->content_type));
    }
    if (rc == CSTAR_OK && !r->event_stream) {
        rc = cstar__security_fields(conn);
    }
    if (rc != CSTAR_OK || r->has_source || r->body.len < conn->app->coders.min ||
        !cstar__compress_allowed(conn, r->status, r->event_stream)) {
        return rc;
    }
    rc = cstar__conn_vary(conn, CSTAR_STR("accept-encoding"));
    if (rc == CSTAR_OK && cstar__compress_body(conn, &r->body, &coding)) {
        r->is_ours = true;
        rc = cstar__compress_fields(conn, coding);
    }
    return rc;
}

cstar_status cstar__conn_deliver(cstar_conn *conn, const cstar__reply *r) {
    conn->x->say_keep_alive = r->event_stream;
    cstar_status rc =
        r->has_source
            ? cstar__respond_from(conn->x, r->status, conn->fields, conn->nfields, &r->source)
            : cstar__respond(conn->x, r->status, conn->fields, conn->nfields, r->body);
    return rc == CSTAR_OK ? rc : cstar__conn_failf(conn, rc, "response", cstar_strerror(rc));
}

/* Off the loop nothing may touch the machine: the reply waits until the handler has returned. So
 * does one that is given while works are deferred. */
static cstar_status keep_reply(cstar_conn *conn, const cstar__reply *r) {
    conn->kept = *r;
    if (r->body.len != 0 && !r->is_ours && r->body.ptr != conn->out.ptr) {
        char *copy = cstar_arena_alloc(&conn->x->arena, r->body.len);
        if (copy == NULL) {
            return cstar__conn_failf(conn, CSTAR_ENOMEM, NULL, "out of memory");
        }
        memcpy(copy, r->body.ptr, r->body.len);
        conn->kept.body.ptr = copy;
    }
    return CSTAR_OK;
}

cstar_status cstar__conn_reply(cstar_conn *conn, const cstar__reply *r) {
    cstar__reply whole = *r;
    cstar_status rc = prepare(conn, &whole);
    if (rc != CSTAR_OK) {
        if (whole.has_source) {
            cstar__source_release(&whole.source);
        }
        return rc;
    }
    rc = cstar__conn_keeps(conn) ? keep_reply(conn, &whole) : cstar__conn_deliver(conn, &whole);
    if (rc == CSTAR_OK) {
        conn->answer = CSTAR__ANSWER_GIVEN;
    }
    return rc;
}

cstar_status cstar__conn_send_out(cstar_conn *conn, int status, const char *content_type) {
    return cstar__conn_reply(conn, &(cstar__reply){.status = status,
                                                   .content_type = content_type,
                                                   .body = cstar_buf_view(&conn->out)});
}

cstar_status cstar_respond(cstar_conn *conn, int status, const char *content_type, cstar_str body) {
    if (conn->answer != CSTAR__ANSWER_NONE) {
        return cstar__conn_failf(conn, CSTAR_ESTATE, "response", "response: there is one already");
    }
    if (content_type != NULL &&
        !cstar__field_ok(CSTAR_STR("content-type"), cstar_cstr(content_type))) {
        return cstar__conn_failf(conn, CSTAR_EINVAL, "content_type",
                                 "content_type: a line break or control byte");
    }
    if (cstar__conn_keeps(conn) && content_type != NULL) { /* it leaves later */
        content_type = cstar_arena_strdup(&conn->x->arena, cstar_cstr(content_type));
        if (content_type == NULL) {
            return cstar__conn_failf(conn, CSTAR_ENOMEM, NULL, "out of memory");
        }
    }
    return cstar__conn_reply(
        conn, &(cstar__reply){.status = status, .content_type = content_type, .body = body});
}

cstar_status cstar_respond_text(cstar_conn *conn, int status, const char *text) {
    return cstar_respond(conn, status, "text/plain; charset=utf-8", cstar_cstr(text));
}

cstar_status cstar_respond_json(cstar_conn *conn, int status, cstar_str json) {
    return cstar_respond(conn, status, "application/json", json);
}

cstar_status cstar_respond_empty(cstar_conn *conn, int status) {
    return cstar_respond(conn, status, NULL, CSTAR_STR(""));
}

cstar_status cstar_respond_html(cstar_conn *conn, int status, cstar_fragment content) {
    cstar_html h;
    cstar_err err;
    if (conn->answer != CSTAR__ANSWER_NONE) {
        return cstar__conn_failf(conn, CSTAR_ESTATE, "response", "response: there is one already");
    }
    cstar__err_init(&err);
    cstar__conn_html(conn, &h, &conn->out, NULL);
    cstar_put(&h, "{}", content);
    const cstar_status rc = cstar_html_status(&h, &err);
    if (rc != CSTAR_OK) {
        cstar_buf_reset(&conn->out);
        return cstar__conn_fail(conn, &err);
    }
    return cstar__conn_send_out(conn, status, "text/html; charset=utf-8");
}
