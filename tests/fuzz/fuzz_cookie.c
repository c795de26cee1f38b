/* fuzz_cookie.c -- any Cookie header, and Set-Cookie made of any bytes.
 *
 * Asserted: what is read consists of token and octets, lies in the input, and is not more than the
 * limit; what is written has no control byte, as many attributes as were asked for, and reads back.
 *
 * SPDX-License-Identifier: MIT */
#include "http/cookie.h"
#include "http/scan.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x) ((x) ? (void)0 : abort())

static bool inside(cstar_str s, cstar_str of) {
    return s.ptr >= of.ptr && s.ptr + s.len <= of.ptr + of.len;
}

static void read_all(cstar_str header) {
    cstar__field f = {CSTAR_STR("cookie"), header};
    cstar__cookies it;
    cstar__cookie c;
    size_t n = 0;
    cstar__cookies_init(&it, &f, 1, 10);
    while (cstar__cookies_next(&it, &c)) {
        CHECK(++n <= 10 && inside(c.name, header) && inside(c.value, header));
        CHECK(cstar__is_token(c.name));
        for (size_t i = 0; i < c.value.len; i++) {
            CHECK(c.value.ptr[i] > 0x20 && c.value.ptr[i] < 0x7f);
            CHECK(memchr(";,\\\"", c.value.ptr[i], 4) == NULL);
        }
    }
}

static void write_one(cstar_str text, unsigned flags) {
    cstar__set_cookie c = {.secure = (flags & 1) != 0,
                           .http_only = (flags & 2) != 0,
                           .partitioned = (flags & 4) != 0,
                           .same_site = (cstar__same_site)(flags / 8 % 3)};
    cstar_str rest = text;
    (void)cstar__split(&rest, '|', &c.name);
    (void)cstar__split(&rest, '|', &c.value);
    (void)cstar__split(&rest, '|', &c.path);
    (void)cstar__split(&rest, '|', &c.domain);
    cstar_buf out;
    cstar_buf_init(&out, cstar_heap(), 0);
    if (cstar__set_cookie_format(&out, &c, NULL) == CSTAR_OK) {
        size_t attributes = 0;
        for (size_t i = 0; i < out.len; i++) {
            CHECK(out.ptr[i] >= 0x20 && out.ptr[i] < 0x7f);
            attributes += out.ptr[i] == ';';
        }
        CHECK(attributes == 2u + (c.domain.ptr != NULL) + c.secure + c.http_only + c.partitioned);
        cstar__field f = {CSTAR_STR("cookie"), cstar_buf_view(&out)};
        const cstar__request r = {.fields = &f, .nfields = 1};
        CHECK(cstar_str_eq(cstar__cookie_find(&r, c.name), c.value));
    } else {
        CHECK(out.len == 0);
    }
    cstar_buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size != 0) {
        cstar_str text = {(const char *)data + 1, size - 1};
        read_all(text);
        write_one(text, data[0]);
    }
    return 0;
}
