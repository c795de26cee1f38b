/* response.c -- whole responses: fields, body, and the one way to the machine.
 *
 *     cstar_respond*() ──▶ reply ──▶ (off the loop: kept until the handler has returned) ──▶ deliver
 *
 * SPDX-License-Identifier: MIT */
#include "web/app.h"

/* ---- fields ---- */

static cstar__field *new_field(cstar_conn *conn) {
    if (conn->nfields == conn->cap_fields) {
        size_t cap = conn->cap_fields + 8;
        cstar__field *grown = cstar_arena_alloc(&conn->x->arena, cap * sizeof *grown);
        if (grown == NULL) {
            return NULL;
        }
        if (conn->nfields != 0) {
            memcpy(grown, conn->fields, conn->nfields * sizeof *grown);
        }
        conn->fields = grown;
        conn->cap_fields = cap;
    }
    return &conn->fields[conn->nfields++];
}

cstar_status cstar__conn_add_field(cstar_conn *conn, cstar_str name, cstar_str value) {
    cstar__field *field = new_field(conn);
    if (field == NULL) {
        return cstar__conn_failf(conn, CSTAR_ENOMEM, NULL, "out of memory");
    }
    *field = (cstar__field){name, value};
    return CSTAR_OK;
}

static bool is_framing(cstar_str name) {
    static const cstar_str names[] = {{"content-length", 14}, {"transfer-encoding", 17},
                                      {"connection", 10},     {"keep-alive", 10},
                                      {"upgrade", 7},         {"te", 2},
                                      {"trailer", 7},         {"date", 4}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (cstar_str_ieq(name, names[i])) {
            return true;
        }
    }
    return false;
}

cstar_status cstar_set_header(cstar_conn *conn, const char *name, const char *value) {
    if (name == NULL || value == NULL || !cstar__field_ok(cstar_cstr(name), cstar_cstr(value)) ||
        is_framing(cstar_cstr(name))) {
        return cstar__conn_failf(
            conn, CSTAR_EINVAL, "header",
            "header: a bad name, a line break in the value, or one that the server sets itself");
    }
    if (conn->answer == CSTAR__ANSWER_GIVEN) {
        return cstar__conn_failf(conn, CSTAR_ESTATE, "header",
                                 "header: the response has been given already");
    }
    cstar_arena *arena = &conn->x->arena;
    const char *name_copy = cstar_arena_strdup(arena, cstar_cstr(name));
    const char *value_copy = cstar_arena_strdup(arena, cstar_cstr(value));
    if (name_copy == NULL || value_copy == NULL) {
        return cstar__conn_failf(conn, CSTAR_ENOMEM, NULL, "out of memory");
    }
    return cstar__conn_add_field(conn, cstar_cstr(name_copy), cstar_cstr(value_copy));
}

/* ---- replies ---- */

cstar_status cstar__conn_deliver(cstar_conn *conn, const cstar__reply *r) {
    if (conn->x->peer->secure && conn->app->hsts[0] != '\0' &&
        cstar__conn_add_field(conn, CSTAR_STR("strict-transport-security"),
                              cstar_cstr(conn->app->hsts)) != CSTAR_OK) {
        return CSTAR_ENOMEM;
    }
    if (r->content_type != NULL && cstar__conn_add_field(conn, CSTAR_STR("content-type"),
                                                         cstar_cstr(r->content_type)) != CSTAR_OK) {
        cstar__source unsent = r->source;
        cstar__source_release(&unsent); /* of none: nothing */
        return CSTAR_ENOMEM;
    }
    conn->x->say_keep_alive = r->event_stream;
    cstar_status rc =
        r->has_source
            ? cstar__respond_from(conn->x, r->status, conn->fields, conn->nfields, &r->source)
            : cstar__respond(conn->x, r->status, conn->fields, conn->nfields, r->body);
    return rc == CSTAR_OK ? rc : cstar__conn_failf(conn, rc, "response", cstar_strerror(rc));
}

/* Off the loop nothing may touch the machine: the reply waits until the handler has returned. */
static cstar_status keep_reply(cstar_conn *conn, const cstar__reply *r) {
    conn->kept = *r;
    if (r->body.len != 0 && r->body.ptr != conn->out.ptr) {
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
    cstar__session_save(conn);
    cstar_status rc = conn->off_loop ? keep_reply(conn, r) : cstar__conn_deliver(conn, r);
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
    return cstar__conn_reply(
        conn, &(cstar__reply){.status = status, .content_type = content_type, .body = body});
}

cstar_status cstar_respond_text(cstar_conn *conn, int status, const char *text) {
    return cstar_respond(conn, status, "text/plain; charset=utf-8", cstar_cstr(text));
}
