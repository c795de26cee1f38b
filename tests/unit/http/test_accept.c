/* test_accept.c -- Accept-Encoding. SPDX-License-Identifier: MIT */
#include "http/accept.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct {
    const char *value, *order;
} cases[] = {
    {"gzip, deflate, br, zstd", "br zstd gzip identity"}, /* Chromium */
    {"gzip, deflate, br", "br gzip identity"},
    {"gzip", "gzip identity"},
    {"GZIP", "gzip identity"},
    {"x-gzip", "gzip identity"},
    {"gzip;q=0.5, br;q=0.2", "gzip br identity"},
    {"gzip;q=0.5, br;q=0.5", "br gzip identity"},
    {"gzip ; Q=0.5 ,\tbr; q=0.501", "br gzip identity"},
    {"gzip;q=0.001", "gzip identity"},
    {"br;q=1.000, gzip;q=1.0, zstd;q=1.", "br zstd gzip identity"},
    {"gzip;q=0", "identity"},
    {"gzip;q=0.000, br", "br identity"},
    {"identity", "identity"},
    {"identity;q=0", ""},
    {"identity;q=0, gzip", "gzip"},
    {"identity, gzip;q=0.5", "identity gzip"},
    {"identity;q=0.5, gzip;q=0.5", "gzip identity"},
    {"identity;q=0.6, gzip;q=0.5, br;q=0.7", "br identity gzip"},
    {"*", "br zstd gzip identity"},
    {"*;q=0", ""},
    {"*;q=0, gzip", "gzip"},
    {"*;q=0, identity", "identity"},
    {"*;q=0.1, gzip", "gzip br zstd identity"},
    {"br;q=0, *", "zstd gzip identity"},
    {"gzip, gzip;q=0", "gzip identity"},
    {"gzip;q=0, gzip", "identity"},
    {"deflate, compress, foo;q=0.3", "identity"},
    {"", "identity"},
    {" ", "identity"},
    {",", "identity"},
    {",, gzip ,,", "gzip identity"},
    /* malformed: identity alone */
    {"gzip br", "identity"},
    {"gzip;", "identity"},
    {"gzip;q", "identity"},
    {"gzip;q=", "identity"},
    {"gzip;q=2", "identity"},
    {"gzip;q=1.001", "identity"},
    {"gzip;q=0.1234", "identity"},
    {"gzip;q=.5", "identity"},
    {"gzip;q=-1", "identity"},
    {"gzip;q=00.5", "identity"},
    {"gzip;q=0,5", "identity"},
    {"gzip;q=0.5x", "identity"},
    {"gzip;q=\"0.5\"", "identity"},
    {"gzip;q =0.5", "identity"},
    {"gzip;q= 0.5", "identity"},
    {"gzip;level=9", "identity"},
    {"gzip;q=0.5;x=y", "identity"},
    {"gzip;q=NaN", "identity"},
    {"gzip;q=1e0", "identity"},
    {"gzip/1", "identity"},
    {"(gzip)", "identity"},
    {"br, \xff", "identity"},
    {"br, g\x01zip", "identity"},
    {";q=1", "identity"},
    {"=", "identity"},
};

static void order_text(const cstar__accept *a, char *text, size_t size) {
    cstar__coding order[CSTAR__CODINGS];
    size_t n = cstar__accept_order(a, order);
    text[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(text);
        (void)snprintf(text + len, size - len, "%s%s", i != 0 ? " " : "",
                       cstar__coding_name(order[i]));
    }
}

static void test_values(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[64];
        cstar__accept a = cstar__accept_parse(cstar_cstr(cases[i].value));
        order_text(&a, text, sizeof text);
        print_message("%s\n", cases[i].value);
        assert_string_equal(text, cases[i].order);
    }
    char text[64];
    cstar__accept a = cstar__accept_parse(CSTAR_STR("br\0"));
    order_text(&a, text, sizeof text);
    assert_string_equal(text, "identity");
}

static void test_fields(void **state) {
    (void)state;
    char text[64];
    const cstar__field f[] = {{CSTAR_STR("accept"), CSTAR_STR("br")},
                              {CSTAR_STR("accept-encoding"), CSTAR_STR("gzip;q=0.5")},
                              {CSTAR_STR("accept-encoding"), CSTAR_STR("zstd")}};
    cstar__request r = {.fields = f, .nfields = 3};
    cstar__accept a = cstar__accept_encoding(&r);
    order_text(&a, text, sizeof text);
    assert_string_equal(text, "zstd gzip identity");
    r.nfields = 1;
    a = cstar__accept_encoding(&r);
    order_text(&a, text, sizeof text);
    assert_string_equal(text, "identity");
    const cstar__field bad[] = {{CSTAR_STR("accept-encoding"), CSTAR_STR("gzip")},
                                {CSTAR_STR("accept-encoding"), CSTAR_STR("br;q=9")},
                                {CSTAR_STR("accept-encoding"), CSTAR_STR("zstd")}};
    r = (cstar__request){.fields = bad, .nfields = 3};
    a = cstar__accept_encoding(&r);
    order_text(&a, text, sizeof text);
    assert_string_equal(text, "identity");
}

static void test_too_many(void **state) {
    (void)state;
    char value[200] = "gzip";
    char text[64];
    for (int n = 1; n <= 40; n++) {
        cstar__accept a = cstar__accept_parse(cstar_cstr(value));
        order_text(&a, text, sizeof text);
        assert_string_equal(text, n <= 32 ? "gzip identity" : "identity");
        strcat(value, ",x");
    }
}

/* Every prefix, in memory that ends there; whatever it says, weights are in range. */
static void test_prefixes(void **state) {
    (void)state;
    const char *value = "br;q=0.9, gzip ; q=0.5, *;q=0.123,identity;q=0";
    for (size_t n = 0; n <= strlen(value); n++) {
        char *copy = malloc(n != 0 ? n : 1);
        assert_non_null(copy);
        memcpy(copy, value, n);
        cstar__accept a = cstar__accept_parse(cstar_view(copy, n));
        for (size_t i = 0; i < CSTAR__CODINGS; i++) {
            assert_true(a.q[i] <= 1000);
        }
        free(copy);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_prefixes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
