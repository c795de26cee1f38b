/* dev_error.c -- while developing: an event's failure, told in the browser too.
 *
 * The stream has ended well whatever the handler did, so that the client does not send the event
 * again and again; what went wrong is in the log. With `development` it is also shown where one
 * looks: as an error in the console, and as a box in the page that a click takes away. Never on a
 * public site: an error's text may tell what is nobody's business.
 *
 * SPDX-License-Identifier: MIT */
#include "web/app.h"

#define STYLE                                                                                      \
    "position:fixed;z-index:2147483647;inset:auto 1rem 1rem;margin:0;padding:1rem 1.25rem;"        \
    "white-space:pre-wrap;cursor:pointer;color:#fff;background:#b00020;border-radius:.5rem;"       \
    "font:14px/1.5 ui-monospace,monospace;box-shadow:0 .5rem 2rem #0006"

/* "POST /counter/_event/increment: count: wrong type" */
static const char *describe(cstar_conn *conn) {
    const cstar__request *r = &conn->x->request;
    cstar_buf b;
    cstar_buf_init(&b, cstar_arena_allocator(&conn->x->arena), 2048);
    cstar_buf_puts(&b, cstar__method_name(r->method));
    cstar_buf_byte(&b, ' ');
    cstar_buf_str(&b, cstar_view(r->path.ptr, r->path.len < 500 ? r->path.len : 500));
    cstar_buf_lit(&b, ": ");
    cstar_buf_puts(&b, conn->err.text);
    cstar_buf_byte(&b, '\0');
    return b.status == CSTAR_OK && cstar_utf8_valid(cstar_cstr(b.ptr)) ? b.ptr : NULL;
}

static cstar_status show(cstar_buf *out, const char *text) {
    cstar_html h;
    cstar_status rc = cstar_format_console(
        out, &(cstar_console){.message = cstar_val_cstr(text), .level = CSTAR_ERROR}, NULL);
    if (rc != CSTAR_OK) {
        return rc;
    }
    rc = cstar_format_patch_begin(out, &(cstar_elements){.selector = "body", .mode = CSTAR_APPEND},
                                  NULL);
    if (rc != CSTAR_OK) {
        return rc;
    }
    cstar_html_init(&h, out, CSTAR_ELEMENTS_PREFIX);
    cstar_put(&h,
              "<pre class='cstar-error' role='alert' style='" STYLE
              "' data-on:click='el.remove()'>{}</pre>",
              text);
    rc = cstar_html_status(&h, NULL);
    return rc == CSTAR_OK ? cstar_format_patch_end(out) : rc;
}

void cstar__dev_error(cstar_conn *conn) {
    const size_t mark = conn->out.len;
    if (!conn->app->development || conn->err.code == CSTAR_OK) {
        return;
    }
    const char *text = describe(conn);
    if (text == NULL || show(&conn->out, text) != CSTAR_OK) {
        conn->out.len = mark;
        conn->out.status = CSTAR_OK;
    }
}
