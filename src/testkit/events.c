/* events.c -- server-sent events, as the client reads them.
 *
 * Data flow: text ──▶ blocks between empty lines ──▶ type, id, retry, data lines. Two passes
 * over each block: the first counts.
 * Invariants: 1. Comments and unknown fields are nothing. 2. A block without type and data is no
 * event. 3. What no empty line ends has not come yet.
 *
 * SPDX-License-Identifier: MIT */
#include "testkit/kit.h"

typedef struct field {
    cstar_str name, value;
} field;

/* "name: value", one space dropped. @return false: a comment, or no field. */
static bool split(cstar_str line, field *f) {
    const char *colon = memchr(line.ptr, ':', line.len);
    if (colon == NULL || colon == line.ptr) {
        return false;
    }
    f->name = cstar_view(line.ptr, (size_t)(colon - line.ptr));
    f->value = cstar_view(colon + 1, line.len - f->name.len - 1);
    if (f->value.len != 0 && f->value.ptr[0] == ' ') {
        f->value = cstar_view(f->value.ptr + 1, f->value.len - 1);
    }
    return true;
}

/* Takes the next block off `*rest`. @return false: there is no complete one. */
static bool next_block(cstar_str *rest, cstar_str *block, size_t *ndata) {
    const char *start = rest->ptr;
    cstar_str line;
    *ndata = 0;
    while (cstar_line_next(rest, &line)) {
        field f;
        if (line.len == 0 && rest->ptr == NULL) {
            return false; /* what is behind the last line break */
        }
        if (line.len == 0) {
            *block = cstar_view(start, (size_t)(line.ptr - start));
            return true;
        }
        *ndata += split(line, &f) && cstar_str_eq(f.name, CSTAR_STR("data")) ? 1 : 0;
    }
    return false;
}

static int64_t number(cstar_str s) {
    int64_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9' || n > INT64_MAX / 10 - 1) {
            return -1;
        }
        n = n * 10 + (s.ptr[i] - '0');
    }
    return n;
}

/* @return false: out of memory. */
static bool take_field(cstar_arena *a, const field *f, cstar_test_sse *e, cstar_str *data) {
    if (cstar_str_eq(f->name, CSTAR_STR("data"))) {
        const char *copy = cstar_arena_strdup(a, f->value);
        data[e->ndata++] = cstar_view(copy, f->value.len);
        return copy != NULL;
    }
    if (cstar_str_eq(f->name, CSTAR_STR("event"))) {
        e->type = e->type != NULL ? e->type : cstar_arena_strdup(a, f->value);
        return e->type != NULL;
    }
    if (cstar_str_eq(f->name, CSTAR_STR("id"))) {
        e->id = cstar_arena_strdup(a, f->value);
        return e->id != NULL;
    }
    if (cstar_str_eq(f->name, CSTAR_STR("retry"))) {
        e->retry = number(f->value);
    }
    return true;
}

static bool read_block(cstar_arena *a, cstar_str block, size_t ndata, cstar_test_sse *e) {
    cstar_str line;
    cstar_str *data = cstar_arena_alloc(a, (ndata + 1) * sizeof *data);
    bool ok = data != NULL;
    *e = (cstar_test_sse){.retry = -1, .data = data};
    while (ok && cstar_line_next(&block, &line)) {
        field f;
        ok = !split(line, &f) || take_field(a, &f, e, data);
    }
    return ok;
}

cstar_status cstar_test_parse_events(cstar_arena *a, cstar_str text, const cstar_test_sse **events,
                                     size_t *nevents) {
    size_t ndata = 0;
    size_t blocks = 0;
    cstar_str block;
    for (cstar_str rest = text; next_block(&rest, &block, &ndata);) {
        blocks++;
    }
    cstar_test_sse *list = cstar_arena_alloc(a, (blocks + 1) * sizeof *list);
    if (list == NULL) {
        return CSTAR_ENOMEM;
    }
    size_t n = 0;
    for (cstar_str rest = text; next_block(&rest, &block, &ndata);) {
        if (!read_block(a, block, ndata, &list[n])) {
            return CSTAR_ENOMEM;
        }
        n += list[n].type != NULL || list[n].ndata != 0 ? 1 : 0;
    }
    *events = list;
    *nevents = n;
    return CSTAR_OK;
}

/* ---- the lines of Datastar's own events ---- */

static bool has_key(cstar_str line, cstar_str key) {
    return line.len >= key.len && memcmp(line.ptr, key.ptr, key.len) == 0 &&
           (line.len == key.len || line.ptr[key.len] == ' ');
}

const char *cstar__kit_event_value(cstar_arena *a, const cstar_test_sse *e, const char *key) {
    const cstar_str k = cstar_cstr(key);
    cstar_buf b;
    bool any = false;
    cstar_buf_init(&b, cstar_arena_allocator(a), SIZE_MAX / 2);
    for (size_t i = 0; i < e->ndata; i++) {
        const cstar_str line = e->data[i];
        if (has_key(line, k)) {
            const size_t skip = line.len > k.len ? k.len + 1 : k.len;
            cstar_buf_add(&b, "\n", any ? 1 : 0);
            cstar_buf_add(&b, line.ptr + skip, line.len - skip);
            any = true;
        }
    }
    cstar_buf_byte(&b, '\0');
    return b.status == CSTAR_OK ? b.ptr : NULL;
}
