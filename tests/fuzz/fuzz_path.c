/* fuzz_path.c -- any path of a request.
 *
 * Asserted: what is accepted is a relative path of names that cannot leave the root, judged by a
 * second reader that walks it; and its names coded again are accepted again, with the same result.
 *
 * SPDX-License-Identifier: MIT */
#include "http/path.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x) ((x) ? (void)0 : abort())

static void check_name(const char *name, size_t len, bool hidden) {
    CHECK(len != 0 && len <= CSTAR__PATH_NAME_MAX);
    CHECK(!(len == 1 && name[0] == '.') && !(len == 2 && name[0] == '.' && name[1] == '.'));
    CHECK(hidden || name[0] != '.');
    CHECK(cstar_utf8_valid(cstar_view(name, len)));
    for (size_t i = 0; i < len; i++) {
        CHECK((unsigned char)name[i] >= 0x20 && name[i] != '\\' && name[i] != ':');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char mem[2048];
    char coded_mem[4096];
    char again_mem[2048];
    cstar_buf out;
    cstar_buf coded;
    cstar_buf again;
    bool dir = false;
    if (size == 0) {
        return 0;
    }
    const cstar__path_opts opts = {.hidden = (data[0] & 1) != 0};
    cstar_buf_fixed(&out, mem, sizeof mem);
    cstar_buf_fixed(&coded, coded_mem, sizeof coded_mem);
    cstar_buf_fixed(&again, again_mem, sizeof again_mem);
    cstar_str path = {(const char *)data + 1, size - 1};
    if (cstar__path_to_file(path, &opts, &out, &dir) != CSTAR_OK) {
        CHECK(out.len == 0);
        return 0;
    }
    CHECK(dir == (path.ptr[path.len - 1] == '/'));
    for (size_t from = 0, i = 0; out.len != 0 && i <= out.len; i++) {
        if (i == out.len || mem[i] == '/') {
            check_name(mem + from, i - from, opts.hidden);
            cstar_buf_byte(&coded, '/');
            cstar_buf_percent(&coded, cstar_view(mem + from, i - from));
            from = i + 1;
        }
    }
    if (out.len != 0 && cstar_buf_status(&coded) == CSTAR_OK && coded.len <= CSTAR__PATH_MAX) {
        CHECK(cstar__path_to_file(cstar_buf_view(&coded), &opts, &again, &dir) == CSTAR_OK);
        CHECK(cstar_str_eq(cstar_buf_view(&out), cstar_buf_view(&again)));
    }
    return 0;
}
