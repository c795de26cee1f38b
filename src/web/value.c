/* value.c -- values that are to live as long as a request.
 * SPDX-License-Identifier: MIT */
#include "web/app.h"

static bool copy_text(cstar_arena *arena, cstar_str *s) {
    const char *copy = cstar_arena_strdup(arena, *s);
    *s = cstar_view(copy, s->len);
    return copy != NULL;
}

/* A tree may live in another arena: it is kept as text. */
static cstar_status copy_tree(cstar_arena *arena, cstar_val *v) {
    cstar_buf text;
    cstar_json_writer w;
    cstar_buf_init(&text, cstar_arena_allocator(arena), 0);
    cstar_json_writer_init(&w, &text, 0);
    cstar_json_put_val(&w, *v);
    cstar_status rc = cstar_json_writer_end(&w);
    *v = cstar_val_json(cstar_buf_view(&text));
    return rc;
}

cstar_status cstar__value_keep(cstar_arena *arena, cstar_val *v) {
    switch (v->kind) {
    case CSTAR_VAL_STR:
    case CSTAR_VAL_TRUSTED:
        return copy_text(arena, &v->u.s) ? CSTAR_OK : CSTAR_ENOMEM;
    case CSTAR_VAL_JSON: {
        cstar_status rc = cstar_json_check(v->u.s, &(cstar_json_opts){.any_root = true}, NULL);
        return rc != CSTAR_OK ? rc : copy_text(arena, &v->u.s) ? CSTAR_OK : CSTAR_ENOMEM;
    }
    case CSTAR_VAL_TREE:
        return copy_tree(arena, v);
    case CSTAR_VAL_NULL:
    case CSTAR_VAL_BOOL:
    case CSTAR_VAL_INT:
    case CSTAR_VAL_UINT:
    case CSTAR_VAL_DOUBLE:
    case CSTAR_VAL_CHAR:
        return CSTAR_OK;
    case CSTAR_VAL_FRAGMENT:
    case CSTAR_VAL_EXPR:
        break;
    }
    return CSTAR_ETYPE;
}
