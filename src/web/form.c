/* form.c -- the fields of a form, wherever they came from.
 *
 * A browser's form is UTF-8 by what the page said, so anything else is a broken or a hostile
 * client: a body with it is refused whole. Queries come from anywhere (links, other sites), and a
 * page that looks for one field there is not to fail for another.
 *
 * SPDX-License-Identifier: MIT */
#include "http/form.h"

#include "web/body.h"

/* ---- filling ---- */

cstar__body *cstar__form_new(cstar_conn *conn) {
    cstar__body *b = cstar_arena_zalloc(&conn->x->arena, sizeof *b);
    if (b != NULL) {
        b->conn = conn;
        b->fields_end = &b->fields;
        b->files_end = &b->files;
    }
    return b;
}

cstar_status cstar__form_add(cstar__body *b, cstar_str name, cstar_str value) {
    cstar_arena *arena = &b->conn->x->arena;
    if (!cstar_utf8_valid(name) || !cstar_utf8_valid(value)) {
        return CSTAR_EUTF8;
    }
    cstar__form_entry *e = cstar_arena_alloc(arena, sizeof *e);
    const char *name_copy = cstar_arena_strdup(arena, name);
    const char *value_copy = cstar_arena_strdup(arena, value);
    if (e == NULL || name_copy == NULL || value_copy == NULL) {
        return CSTAR_ENOMEM;
    }
    *e = (cstar__form_entry){NULL, {name_copy, name.len}, {value_copy, value.len}};
    *b->fields_end = e;
    b->fields_end = &e->next;
    return CSTAR_OK;
}

cstar_status cstar__form_read(cstar__body *b, cstar_str text) {
    cstar__form f;
    cstar_str name;
    cstar_str value;
    cstar__form_init(&f, &(cstar__form_opts){.text = text, .arena = &b->conn->x->arena});
    while (cstar__form_next(&f, &name, &value)) {
        cstar_status rc = cstar__form_add(b, name, value);
        if (rc != CSTAR_OK) {
            return rc;
        }
    }
    return f.status;
}

/* What is no UTF-8 is passed over, and what is too much is not seen. */
static void read_query(cstar__body *b, cstar_str query) {
    cstar__form f;
    cstar_str name;
    cstar_str value;
    cstar__form_init(&f, &(cstar__form_opts){.text = query, .arena = &b->conn->x->arena});
    while (cstar__form_next(&f, &name, &value)) {
        (void)cstar__form_add(b, name, value);
    }
}

static bool in_query(const cstar_conn *conn) {
    cstar__method m = conn->x->request.method;
    return m == CSTAR__GET || m == CSTAR__HEAD || m == CSTAR__DELETE;
}

static const cstar__body *form_of(cstar_conn *conn) {
    if (conn->parts == NULL && in_query(conn)) {
        cstar__body *b = cstar__form_new(conn);
        if (b != NULL) {
            read_query(b, conn->x->request.query);
        }
        conn->parts = b;
    }
    return conn->parts;
}

/* ---- reading ---- */

static const cstar__form_entry *find(cstar_conn *conn, const char *name) {
    const cstar__body *b = form_of(conn);
    const cstar__form_entry *found = NULL;
    for (const cstar__form_entry *e = b != NULL ? b->fields : NULL; e != NULL; e = e->next) {
        if (cstar_str_eq(e->name, cstar_cstr(name))) {
            found = e;
        }
    }
    return found;
}

const char *cstar_form(cstar_conn *conn, const char *name) {
    const cstar__form_entry *e = find(conn, name);
    return e != NULL && strlen(e->value.ptr) == e->value.len ? e->value.ptr : NULL;
}

cstar_str cstar_form_view(cstar_conn *conn, const char *name) {
    const cstar__form_entry *e = find(conn, name);
    return e != NULL ? e->value : cstar_view(NULL, 0);
}

bool cstar_form_next(cstar_conn *conn, cstar_form_field *f) {
    const cstar__body *b = form_of(conn);
    const cstar__form_entry *before = f->at;
    const cstar__form_entry *e = before != NULL ? before->next : b != NULL ? b->fields : NULL;
    memset(f, 0, sizeof *f);
    if (e == NULL) {
        return false;
    }
    *f = (cstar_form_field){e->name, e->value, e};
    return true;
}

/* ---- files ---- */

const cstar_file *cstar_form_file_next(cstar_conn *conn, const cstar_file *f) {
    const cstar__upload_file *before = (const cstar__upload_file *)(const void *)f;
    const cstar__upload_file *next = conn->parts != NULL ? conn->parts->files : NULL;
    if (before != NULL) {
        next = before->next;
    }
    return next != NULL ? &next->file : NULL;
}

const cstar_file *cstar_form_file(cstar_conn *conn, const char *name) {
    const cstar_file *found = NULL;
    for (const cstar_file *f = NULL; (f = cstar_form_file_next(conn, f)) != NULL;) {
        if (strcmp(f->name, name) == 0) {
            found = f;
        }
    }
    return found;
}
