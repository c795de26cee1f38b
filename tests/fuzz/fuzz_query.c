/* fuzz_query.c -- any query string. The input is NAME LF QUERY.
 *
 * Asserted: what cstar__query_last() says is what a second, slower reader says, which decodes
 * every pair into memory and compares; cstar__query_only() says the same if there is but one.
 *
 * SPDX-License-Identifier: MIT */
#include "http/exchange.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct text {
    char bytes[4096];
    size_t len;
} text;

static int digit(char c) {
    const char *digits = "0123456789abcdefABCDEF";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;
    return at == NULL ? -1 : at - digits < 16 ? (int)(at - digits) : (int)(at - digits) - 6;
}

static void decode(text *out, const char *p, size_t len) {
    out->len = 0;
    for (size_t i = 0; i < len; i++) {
        char c = p[i] == '+' ? ' ' : p[i];
        if (c == '%' && i + 2 < len && digit(p[i + 1]) >= 0 && digit(p[i + 2]) >= 0) {
            c = (char)(unsigned char)(digit(p[i + 1]) * 16 + digit(p[i + 2]));
            i += 2;
        }
        out->bytes[out->len++] = c;
    }
}

/* @return how many there are. */
static size_t slow_last(const char *query, size_t len, cstar_str name, text *value) {
    static text key;
    size_t found = 0;
    for (size_t start = 0; start <= len;) {
        size_t end = start;
        size_t equals = SIZE_MAX;
        for (; end < len && query[end] != '&'; end++) {
            equals = equals == SIZE_MAX && query[end] == '=' ? end : equals;
        }
        size_t key_end = equals != SIZE_MAX ? equals : end;
        decode(&key, query + start, key_end - start);
        if (end != start && cstar_str_eq(cstar_view(key.bytes, key.len), name)) {
            found++;
            size_t from = equals != SIZE_MAX ? equals + 1 : end;
            decode(value, query + from, end - from);
        }
        start = end + 1;
    }
    return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static text value;
    const uint8_t *lf = size != 0 ? memchr(data, '\n', size) : NULL;
    if (lf == NULL || size > sizeof value.bytes) {
        return 0;
    }
    const size_t name_len = (size_t)(lf - data);
    const size_t len = size - name_len - 1;
    char *query = malloc(len + 1); /* exact but for one, which is not the parser's */
    if (query == NULL) {
        return 0;
    }
    memcpy(query, lf + 1, len);
    cstar_str name = {(const char *)data, name_len};
    cstar_buf out;
    cstar_buf_init(&out, cstar_heap(), 0);
    const size_t n = slow_last(query, len, name, &value);
    bool found = cstar__query_only(cstar_view(query, len), name, &out);
    if (found != (n == 1)) {
        abort();
    }
    out.len = 0;
    found = cstar__query_last(cstar_view(query, len), name, &out);
    if (found != (n != 0) ||
        (found && !cstar_str_eq(cstar_buf_view(&out), cstar_view(value.bytes, value.len))) ||
        (!found && out.len != 0)) {
        abort();
    }
    cstar_buf_fini(&out);
    free(query);
    return 0;
}
