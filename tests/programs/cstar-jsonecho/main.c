/* cstar-jsonecho -- reads JSON documents and says what the library makes of them, for comparison
 * with another reader.
 *
 * stdin:  per document its length (4 bytes, little endian), then its bytes.
 * stdout: per document one line of fields with a tab between them:
 *         ok <compact form> <the same, each number as "#" and its double's bits in hex> <escaped
 *         for expressions, from text> no <status> <status of cstar_json_check()> <error text>
 *
 * SPDX-License-Identifier: MIT */
#include "cstar/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_DOCUMENT ((size_t)8 << 20)

static bool read_document(char *mem, size_t *len) {
    unsigned char prefix[4];
    if (fread(prefix, 1, 4, stdin) != 4) {
        return false;
    }
    *len = (size_t)prefix[0] | (size_t)prefix[1] << 8 | (size_t)prefix[2] << 16 |
           (size_t)prefix[3] << 24;
    return *len <= MAX_DOCUMENT && fread(mem, 1, *len, stdin) == *len;
}

static void put_bits(cstar_json_writer *w, const cstar_json *v) {
    char text[24];
    double d = cstar_json_double(v, 0);
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    (void)snprintf(text, sizeof text, "#%016" PRIx64, bits);
    cstar_json_put_val(w, cstar_val_cstr(text));
}

/* Recursion as deep as the document, which the reader has bounded. */
static void put_with_bits(cstar_json_writer *w, const cstar_json *v) {
    cstar_json_type type = cstar_json_typeof(v);
    if (type == CSTAR_JSON_INT || type == CSTAR_JSON_DOUBLE) {
        put_bits(w, v);
        return;
    }
    if (type != CSTAR_JSON_ARRAY && type != CSTAR_JSON_OBJECT) {
        cstar_json_put_val(w, cstar_val_tree(v));
        return;
    }
    bool object = type == CSTAR_JSON_OBJECT;
    (object ? cstar_json_begin_object : cstar_json_begin_array)(w);
    for (const cstar_json *m = cstar_json_first(v); m != NULL; m = cstar_json_next(m)) {
        if (object) {
            cstar_json_put_key(w, cstar_json_key(m));
        }
        put_with_bits(w, m);
    }
    (object ? cstar_json_end_object : cstar_json_end_array)(w);
}

/* Ends one field and empties the buffer. A writer that fails on what was read is a defect: it shows
 * as a wrong field. */
static void flush(cstar_buf *out, cstar_json_writer *w, char end) {
    if (cstar_json_writer_end(w) != CSTAR_OK) {
        printf("writer failed: %s", cstar_strerror(cstar_json_writer_end(w)));
    } else {
        (void)fwrite(out->ptr, 1, out->len, stdout);
    }
    (void)putchar(end);
    cstar_buf_reset(out);
}

static void print_tree(cstar_buf *out, const cstar_json *root, cstar_str text) {
    cstar_json_writer w;
    printf("ok\t");
    cstar_json_writer_init(&w, out, 0);
    cstar_json_put_val(&w, cstar_val_tree(root));
    flush(out, &w, '\t');
    cstar_json_writer_init(&w, out, 0);
    put_with_bits(&w, root);
    flush(out, &w, '\t');
    cstar_json_writer_init(&w, out, CSTAR_ESC_EXPR | CSTAR_ESC_LINES);
    cstar_json_put_val(&w, cstar_val_json(text));
    flush(out, &w, '\n');
}

static void echo(cstar_arena *arena, cstar_buf *out, cstar_str text) {
    cstar_err err;
    const cstar_json_opts opts = {.max_bytes = MAX_DOCUMENT};
    cstar_json *root = cstar_json_read(arena, text, &opts, &err);
    cstar_status check = cstar_json_check(text, &opts, NULL);
    if (root != NULL && check == CSTAR_OK) {
        print_tree(out, root, text);
    } else {
        printf("no\t%d\t%d\t%s\n", root == NULL ? (int)err.code : 0, (int)check,
               root == NULL ? err.text : "check alone");
    }
    cstar_arena_reset(arena, (size_t)1 << 20);
}

int main(void) {
    cstar_arena arena;
    cstar_buf out;
    size_t len;
    char *mem = malloc(MAX_DOCUMENT);
    if (mem == NULL) {
        return EXIT_FAILURE;
    }
    cstar_arena_init(&arena, cstar_heap(), MAX_DOCUMENT * 64);
    cstar_buf_init(&out, cstar_heap(), MAX_DOCUMENT * 8);
    while (read_document(mem, &len)) {
        echo(&arena, &out, cstar_view(mem, len));
    }
    cstar_buf_fini(&out);
    cstar_arena_fini(&arena);
    free(mem);
    return ferror(stdin) != 0 || ferror(stdout) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
