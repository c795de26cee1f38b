/* session_data.c -- a session as JSON:
 *
 *     {"b":born,"s":seen,"c":"csrf secret","d":{values},"f":["kind","text",...]}
 *
 * It is read only after it was unsealed (or comes from the program's own store), and checked all the
 * same: an old release may have written it.
 *
 * SPDX-License-Identifier: MIT */
#include "base/base64.h"
#include "web/session.h"

/* ---- writing ---- */

static void put_csrf(cstar_json_writer *w, const cstar__session *s) {
    char mem[32];
    cstar_buf text;
    cstar_buf_fixed(&text, mem, sizeof mem);
    cstar__base64_encode(&text, cstar_view((const char *)s->csrf, sizeof s->csrf));
    cstar_json_put_key(w, CSTAR_STR("c"));
    cstar_json_put_val(w, cstar_val_str(cstar_buf_view(&text)));
}

static void put_values(cstar_json_writer *w, const cstar__assign *values) {
    cstar_json_put_key(w, CSTAR_STR("d"));
    cstar_json_begin_object(w);
    for (const cstar__assign *a = values; a != NULL; a = a->next) {
        cstar_json_put_key(w, cstar_cstr(a->key));
        cstar_json_put_val(w, a->value);
    }
    cstar_json_end_object(w);
}

static void put_flashes(cstar_json_writer *w, const cstar__flash *flashes) {
    cstar_json_put_key(w, CSTAR_STR("f"));
    cstar_json_begin_array(w);
    for (const cstar__flash *f = flashes; f != NULL; f = f->next) {
        cstar_json_put_val(w, cstar_val_cstr(f->kind));
        cstar_json_put_val(w, cstar_val_cstr(f->text));
    }
    cstar_json_end_array(w);
}

cstar_status cstar__session_write(const cstar__session *s, cstar_buf *out) {
    cstar_json_writer w;
    cstar_json_writer_init(&w, out, 0);
    cstar_json_begin_object(&w);
    cstar_json_put_key(&w, CSTAR_STR("b"));
    cstar_json_put_val(&w, cstar_val_int(s->born));
    cstar_json_put_key(&w, CSTAR_STR("s"));
    cstar_json_put_val(&w, cstar_val_int(s->seen));
    if (s->has_csrf) {
        put_csrf(&w, s);
    }
    if (s->values != NULL) {
        put_values(&w, s->values);
    }
    if (s->flashes != NULL) {
        put_flashes(&w, s->flashes);
    }
    cstar_json_end_object(&w);
    return cstar_json_writer_end(&w);
}

/* ---- reading ---- */

static bool read_csrf(cstar__session *s, const cstar_json *c) {
    cstar_buf bytes;
    if (c == NULL) {
        return true;
    }
    cstar_buf_fixed(&bytes, (char *)s->csrf, sizeof s->csrf);
    s->has_csrf =
        cstar__base64_decode(&bytes, cstar_json_view(c)) == CSTAR_OK && bytes.len == sizeof s->csrf;
    return s->has_csrf;
}

static cstar_status read_values(cstar__session *s, cstar_arena *arena, const cstar_json *d) {
    cstar__assign **end = &s->values;
    if (d != NULL && cstar_json_typeof(d) != CSTAR_JSON_OBJECT) {
        return CSTAR_ESYNTAX;
    }
    for (const cstar_json *m = cstar_json_first(d); m != NULL; m = cstar_json_next(m)) {
        cstar__assign *a = cstar_arena_zalloc(arena, sizeof *a);
        const char *key = a != NULL ? cstar_arena_strdup(arena, cstar_json_key(m)) : NULL;
        if (key == NULL) {
            return CSTAR_ENOMEM;
        }
        a->key = key;
        a->value = cstar_json_val(m);
        *end = a;
        end = &a->next;
    }
    return CSTAR_OK;
}

static cstar_status read_flashes(cstar__session *s, cstar_arena *arena, const cstar_json *f) {
    for (const cstar_json *k = cstar_json_first(f); k != NULL;) {
        const cstar_json *t = cstar_json_next(k);
        const char *kind = cstar_json_str(k, NULL);
        const char *text = cstar_json_str(t, NULL);
        cstar__flash *flash = cstar_arena_zalloc(arena, sizeof *flash);
        if (flash == NULL) {
            return CSTAR_ENOMEM;
        }
        if (kind == NULL || text == NULL) {
            return CSTAR_ESYNTAX;
        }
        flash->kind = kind;
        flash->text = text;
        *s->flashes_end = flash;
        s->flashes_end = &flash->next;
        k = cstar_json_next(t);
    }
    return CSTAR_OK;
}

cstar_status cstar__session_read(cstar__session *s, cstar_arena *arena, cstar_str text) {
    cstar_err why = {0};
    /* a value may be as deep as any JSON, and is two levels down here */
    const cstar_json_opts opts = {.max_bytes = text.len + 1, .max_depth = 64};
    const cstar_json *root = cstar_json_read(arena, text, &opts, &why);
    if (root == NULL) {
        return why.code == CSTAR_ENOMEM ? CSTAR_ENOMEM : CSTAR_ESYNTAX;
    }
    s->born = cstar_json_int(cstar_json_get(root, "b"), 0);
    s->seen = cstar_json_int(cstar_json_get(root, "s"), 0);
    if (s->born <= 0 || s->seen <= 0 || !read_csrf(s, cstar_json_get(root, "c"))) {
        return CSTAR_ESYNTAX;
    }
    cstar_status rc = read_values(s, arena, cstar_json_get(root, "d"));
    return rc != CSTAR_OK ? rc : read_flashes(s, arena, cstar_json_get(root, "f"));
}
