/* fuzz_json.c -- any bytes through reader, checker and writer.
 *
 * Properties: 1. what the reader takes the checker takes, and what it refuses is refused in words;
 * the checker refuses for the same reason, but for duplicate keys. 2. The compact form reads back
 * to itself, as tree and as text. 3. A text that is escaped for expressions has none of their
 * characters outside of its structure, and means the same. The first byte chooses options.
 * SPDX-License-Identifier: MIT */
#include "cstar/json.h"

#include <stdlib.h>

#define MEMORY ((size_t)16 << 20)

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

static void write_value(cstar_buf *out, cstar_val v, unsigned extra) {
    cstar_json_writer w;
    cstar_buf_init(out, cstar_heap(), MEMORY);
    cstar_json_writer_init(&w, out, extra);
    cstar_json_put_val(&w, v);
    require(cstar_json_writer_end(&w) == CSTAR_OK);
}

/* The compact form of `text`, which must be readable. */
static void reread(cstar_buf *out, cstar_str text, const cstar_json_opts *opts) {
    cstar_arena arena;
    cstar_arena_init(&arena, cstar_heap(), MEMORY);
    cstar_json *root = cstar_json_read(&arena, text, opts, NULL);
    require(root != NULL);
    write_value(out, cstar_val_tree(root), 0);
    cstar_arena_fini(&arena);
}

static void same_and_free(cstar_buf *a, const cstar_buf *b) {
    require(a->ptr != NULL && b->ptr != NULL);
    require(cstar_str_eq(cstar_buf_view(a), cstar_buf_view(b)));
    cstar_buf_fini(a);
}

static void rewrite(const cstar_json *root, cstar_str text, const cstar_json_opts *opts) {
    cstar_buf compact, again, plain, escaped;
    write_value(&compact, cstar_val_tree(root), 0);
    reread(&again, cstar_buf_view(&compact), opts);
    same_and_free(&again, &compact);

    write_value(&plain, cstar_val_json(text), 0); /* as text, without a tree in between */
    reread(&again, cstar_buf_view(&plain), opts);
    same_and_free(&again, &compact);
    cstar_buf_fini(&plain);

    write_value(&escaped, cstar_val_json(text), CSTAR_ESC_EXPR | CSTAR_ESC_LINES);
    for (size_t i = 0; i < escaped.len; i++) {
        require(escaped.ptr[i] != '\0' && strchr("@$'<>&", escaped.ptr[i]) == NULL);
    }
    reread(&again, cstar_buf_view(&escaped), opts);
    same_and_free(&again, &compact);
    cstar_buf_fini(&escaped);
    cstar_buf_fini(&compact);
}

/* Every value through every accessor; the depth of the recursion is the document's, and bounded. */
static void visit(const cstar_json *v) {
    cstar_str text = cstar_json_view(v), key = cstar_json_key(v), number = cstar_json_number(v);
    require(text.ptr == NULL || (text.ptr[text.len] == '\0' && cstar_utf8_valid(text)));
    require(key.ptr == NULL || (key.ptr[key.len] == '\0' && cstar_utf8_valid(key)));
    require(number.ptr == NULL || number.ptr[number.len] == '\0');
    const char *string = cstar_json_str(v, NULL);
    require(string == NULL || strlen(string) == text.len);
    if (cstar_json_typeof(v) == CSTAR_JSON_INT) {
        char mem[24];
        cstar_buf b;
        cstar_buf_fixed(&b, mem, sizeof mem);
        cstar_buf_int(&b, cstar_json_int(v, 0));
        require(number.ptr != NULL && b.ptr != NULL && cstar_str_eq(cstar_buf_view(&b), number));
    }
    size_t count = 0;
    for (const cstar_json *m = cstar_json_first(v); m != NULL; m = cstar_json_next(m)) {
        if (count < 40 &&
            cstar_json_typeof(v) == CSTAR_JSON_OBJECT) { /* looking up all would be quadratic */
            require(cstar_json_get_str(v, cstar_json_key(m)) == m);
        }
        visit(m);
        count++;
    }
    require(count == cstar_json_size(v));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    unsigned mode = size != 0 ? data[0] : 0;
    size_t skip = size != 0;
    cstar_str text = cstar_view((const char *)data + skip, size - skip);
    cstar_json_opts opts = {.any_root = (mode & 1) != 0, .max_depth = (mode & 2) != 0 ? 100 : 0};
    cstar_arena arena;
    cstar_err err = {.code = CSTAR_OK}, checked = {.code = CSTAR_OK};
    cstar_arena_init(&arena, cstar_heap(), MEMORY * 4);
    cstar_json *root = cstar_json_read(&arena, text, &opts, &err);
    cstar_status check = cstar_json_check(text, &opts, &checked);
    require((root != NULL) == (err.code == CSTAR_OK));
    require((err.code != CSTAR_OK) == (err.text[0] != '\0'));
    if (err.code != CSTAR_ENOMEM) {
        /* A later fault can hide behind a duplicate key, never the other way round. */
        require(check == err.code || err.code == CSTAR_EDUP);
    }
    require(check == checked.code);
    if (root != NULL) {
        visit(root);
        rewrite(root, text, &opts);
    }
    cstar_arena_fini(&arena);
    return 0;
}
