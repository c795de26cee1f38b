/* area_csrf.c -- where a CSRF token is looked for: each case is a request to a real app, whose
 * handler says what was found.
 * SPDX-License-Identifier: MIT */
#include "runner.h"
#include "web/app.h"
#include "web_once.h"

static void tell(cstar_conn *conn) {
    cstar_str token = {NULL, 0};
    cstar_buf text;
    cstar_json_writer w;
    const bool present = cstar__csrf_given(conn, &token);
    cstar_buf_init(&text, cstar_arena_allocator(&conn->x->arena), 0);
    cstar_json_writer_init(&w, &text, 0);
    cstar_json_begin_object(&w);
    cstar_json_set(&w, "csrf_token", token.ptr != NULL ? cstar_val_str(token) : cstar_val_null());
    cstar_json_set(&w, "present", cstar_bool(present));
    cstar_json_end_object(&w);
    if (cstar_json_writer_end(&w) == CSTAR_OK) {
        cstar_respond_json(conn, 200, cstar_buf_view(&text));
    }
}

/* "/?name=value&..." */
static cstar_str target_of(call *c) {
    cstar_buf b;
    const cstar_json *query = cstar_json_get(c->args, "query_params");
    cstar_buf_init(&b, cstar_arena_allocator(c->arena), 0);
    cstar_buf_lit(&b, "/?");
    for (const cstar_json *m = cstar_json_first(query); m != NULL; m = cstar_json_next(m)) {
        cstar_buf_percent(&b, cstar_json_key(m));
        cstar_buf_byte(&b, '=');
        cstar_buf_percent(&b, cstar_json_view(m));
        cstar_buf_byte(&b, '&');
    }
    return cstar_buf_view(&b);
}

/* The body's parameters as JSON, as the client would send them; nothing if there are none. */
static cstar_str body_of(call *c) {
    cstar_buf b;
    cstar_json_writer w;
    const cstar_json *body = cstar_json_get(c->args, "body_params");
    cstar_buf_init(&b, cstar_arena_allocator(c->arena), 0);
    if (body != NULL) {
        cstar_json_writer_init(&w, &b, 0);
        cstar_json_put_val(&w, cstar_val_tree(body));
        (void)cstar_json_writer_end(&w);
    }
    return cstar_buf_view(&b);
}

static void csrf_rename(call *c) {
    if (arg_given(c, "from")) {
        call_skip(c, "the token's signal is always `csrf`: the layout sets it, and the expressions "
                     "of GET and DELETE name it to keep it out of URLs");
        return;
    }
    if (arg_given(c, "datastar_param")) {
        call_skip(c, "signals in a query are always `datastar`: the client has no other name");
        return;
    }
    web_reply reply = {.status = 0};
    cstar_app *app = cstar_app_new();
    const char *why = "out of memory";
    if (app != NULL && cstar_route(app, CSTAR_POST, "/", tell) == CSTAR_OK) {
        const web_request request = {"POST", target_of(c), "1.1", body_of(c)};
        why = web_once(app, &request, c->arena, &reply);
    }
    cstar_app_free(app);
    if (why != NULL) {
        call_error(c, why);
        return;
    }
    cstar_buf_str(&c->out->text, cstar_buf_view(&reply.body));
    c->out->kind = OUTCOME_VALUE;
}

const call_entry cases_csrf[] = {
    {"csrf_rename", csrf_rename, "body_params query_params from datastar_param", NULL},
    {NULL, NULL, NULL, NULL},
};
