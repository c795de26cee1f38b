/* fuzz_form.c -- any urlencoded form; the first byte has the options.
 *
 * Asserted: pairs are UTF-8 where that was asked for, not more than the limit, and what is coded
 * again and read again is the same.
 *
 * SPDX-License-Identifier: MIT */
#include "http/form.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x) ((x) ? (void)0 : abort())

/* Reads `text`; codes every pair into `again`. */
static cstar_status read_form(cstar_str text, unsigned flags, cstar_buf *again) {
    cstar_arena arena;
    cstar__form f;
    cstar_str name;
    cstar_str value;
    size_t n = 0;
    cstar_arena_init(&arena, cstar_heap(), 0);
    cstar__form_init(&f, &(cstar__form_opts){.text = text,
                                             .arena = &arena,
                                             .max_pairs = 20,
                                             .utf8 = (flags & 1) != 0,
                                             .strict = (flags & 2) != 0});
    while (cstar__form_next(&f, &name, &value)) {
        CHECK(++n <= 20 && f.status == CSTAR_OK);
        CHECK((flags & 1) == 0 || (cstar_utf8_valid(name) && cstar_utf8_valid(value)));
        if (n > 1) {
            cstar_buf_byte(again, '&');
        }
        cstar_buf_percent(again, name);
        cstar_buf_byte(again, '=');
        cstar_buf_percent(again, value);
    }
    cstar_arena_fini(&arena);
    return f.status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    cstar_buf first;
    cstar_buf second;
    if (size == 0 || size > 4096) {
        return 0;
    }
    cstar_buf_init(&first, cstar_heap(), 0);
    cstar_buf_init(&second, cstar_heap(), 0);
    (void)read_form(cstar_view((const char *)data + 1, size - 1), data[0], &first);
    CHECK(read_form(cstar_buf_view(&first), 2u | data[0], &second) == CSTAR_OK);
    CHECK(cstar_str_eq(cstar_buf_view(&first), cstar_buf_view(&second)));
    cstar_buf_fini(&first);
    cstar_buf_fini(&second);
    return 0;
}
