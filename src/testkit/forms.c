/* forms.c -- the bodies of forms: urlencoded, and in parts with files.
 *
 * Data flow: a call with fields or parts ──▶ the same call with a body, in the kit's arena.
 * Invariants: 1. A boundary stands in no part. 2. Names are written as browsers write them: what
 * can't stand in a head (a quote, CR, LF) is percent-coded.
 *
 * SPDX-License-Identifier: MIT */
#include "testkit/kit.h"

#include <stdio.h>

static cstar_str content_of(const cstar_test_part *p) {
    return p->len != 0 ? cstar_view(p->value, p->len)
                       : cstar_cstr(p->value != NULL ? p->value : "");
}

/* ---- urlencoded ---- */

static void put_urlencoded(cstar_buf *b, const char *const *fields) {
    for (size_t i = 0; fields[i] != NULL && fields[i + 1] != NULL; i += 2) {
        cstar_buf_puts(b, i != 0 ? "&" : "");
        cstar_buf_percent(b, cstar_cstr(fields[i]));
        cstar_buf_byte(b, '=');
        cstar_buf_percent(b, cstar_cstr(fields[i + 1]));
    }
}

/* ---- in parts ---- */

static bool contains(cstar_str text, const char *what) {
    const size_t len = strlen(what);
    for (size_t i = 0; i + len <= text.len; i++) {
        if (memcmp(text.ptr + i, what, len) == 0) {
            return true;
        }
    }
    return false;
}

static void choose_boundary(const cstar_test_part *parts, char out[48]) {
    bool taken = true;
    for (unsigned n = 0; taken; n++) {
        (void)snprintf(out, 48, "----cstar-test-%u", n);
        taken = false;
        for (const cstar_test_part *p = parts; p->name != NULL && !taken; p++) {
            taken = contains(content_of(p), out);
        }
    }
}

static void put_quoted(cstar_buf *b, const char *text) {
    cstar_buf_byte(b, '"');
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '"':
            cstar_buf_puts(b, "%22");
            break;
        case '\r':
            cstar_buf_puts(b, "%0D");
            break;
        case '\n':
            cstar_buf_puts(b, "%0A");
            break;
        default:
            cstar_buf_byte(b, *text);
            break;
        }
    }
    cstar_buf_byte(b, '"');
}

static void put_part(cstar_buf *b, const cstar_test_part *p, const char *boundary) {
    cstar_buf_puts(b, "--");
    cstar_buf_puts(b, boundary);
    cstar_buf_puts(b, "\r\ncontent-disposition: form-data; name=");
    put_quoted(b, p->name);
    if (p->filename != NULL) {
        cstar_buf_puts(b, "; filename=");
        put_quoted(b, p->filename);
    }
    if (p->filename != NULL || p->content_type != NULL) {
        cstar_buf_puts(b, "\r\ncontent-type: ");
        cstar_buf_puts(b, p->content_type != NULL ? p->content_type : "application/octet-stream");
    }
    cstar_buf_puts(b, "\r\n\r\n");
    cstar_buf_str(b, content_of(p));
    cstar_buf_puts(b, "\r\n");
}

static void put_parts(cstar_buf *b, const cstar_test_part *parts, const char *boundary) {
    for (const cstar_test_part *p = parts; p->name != NULL; p++) {
        put_part(b, p, boundary);
    }
    cstar_buf_puts(b, "--");
    cstar_buf_puts(b, boundary);
    cstar_buf_puts(b, "--\r\n");
}

static const char *type_with(cstar_test *t, const char *boundary) {
    cstar_buf b;
    cstar_buf_init(&b, t->alloc, 256);
    cstar_buf_puts(&b, "multipart/form-data; boundary=");
    cstar_buf_puts(&b, boundary);
    return cstar__kit_text(t, &b);
}

static bool check(cstar_test *t, const cstar_test_call *c) {
    if ((c->body != NULL) + (c->form != NULL) + (c->parts != NULL) > 1) {
        return cstar__kit_fail(t, NULL, 0, "a request has one of body, form and parts");
    }
    for (const cstar_test_part *p = c->parts; p != NULL && p->name != NULL; p++) {
        if (p->content_type != NULL && strpbrk(p->content_type, "\r\n") != NULL) {
            return cstar__kit_fail(t, NULL, 0, "the content type of the part \"%s\" is none",
                                   p->name);
        }
    }
    return true;
}

bool cstar__kit_form(cstar_test *t, cstar_test_call *c) {
    char boundary[48];
    cstar_buf b;
    if (!check(t, c)) {
        return false;
    }
    if (c->form == NULL && c->parts == NULL) {
        return true;
    }
    cstar_buf_init(&b, t->alloc, SIZE_MAX / 2);
    if (c->form != NULL) {
        put_urlencoded(&b, c->form);
    } else {
        choose_boundary(c->parts, boundary);
        put_parts(&b, c->parts, boundary);
    }
    const char *type =
        c->form != NULL ? "application/x-www-form-urlencoded" : type_with(t, boundary);
    c->body_len = b.len;
    c->body = cstar__kit_text(t, &b);
    c->content_type = c->content_type != NULL ? c->content_type : type;
    c->form = NULL;
    c->parts = NULL;
    return c->body != NULL && type != NULL;
}

/* ---- the usual ones ---- */

const cstar_test_reply *cstar_test_post_form(cstar_test *t, const char *path,
                                             const char *const *fields) {
    return cstar_test_send(t, &(cstar_test_call){.path = path, .form = fields});
}

const cstar_test_reply *cstar_test_post_parts(cstar_test *t, const char *path,
                                              const cstar_test_part *parts) {
    return cstar_test_send(t, &(cstar_test_call){.path = path, .parts = parts});
}
