/* test_seal.c -- sealed texts: there and back, by the known answer of another implementation, and
 * every way to spoil one.
 * SPDX-License-Identifier: MIT */
#include "net/seal.h"
#include "support/failalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define OLD_SECRET "0123456789abcdef0123456789abcdef"
#define KNOWN "AUFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWPgnJL9O3kr8pxLn2vjzU7APnTokpg"
#define NEW_SECRET "another secret, that is long enough"

static cstar__keyring *ring_of(const char *a, const char *b, const char *purpose) {
    const cstar_str secrets[] = {cstar_cstr(a), cstar_cstr(b != NULL ? b : "")};
    cstar_err err = {0};
    cstar__keyring *k = cstar__keyring_new(
        &(cstar__keyring_opts){secrets, b != NULL ? 2 : 1, purpose, cstar_heap()}, &err);
    if (k == NULL && err.code == CSTAR_ENOTSUP) {
        skip();
    }
    assert_non_null(k);
    return k;
}

static cstar_status unseal(const cstar__keyring *k, const char *about, cstar_str text,
                           const char *expected) {
    char mem[256];
    cstar_buf out;
    cstar_buf_fixed(&out, mem, sizeof mem);
    cstar_status rc = cstar__unseal(k, cstar_cstr(about), text, &out, NULL);
    if (rc == CSTAR_OK) {
        assert_true(cstar_str_eq(cstar_buf_view(&out), cstar_cstr(expected)));
    } else {
        assert_int_equal(out.len, 0);
    }
    return rc;
}

/* Made with Node's crypto: HKDF-SHA256 with "session" as info, XAES-256-GCM under the nonce
 * ABC...X, with 01 and "id" as associated data. */
static void test_known_answer(void **state) {
    (void)state;
    cstar__keyring *k = ring_of(OLD_SECRET, NULL, "session");
    assert_int_equal(unseal(k, "id", CSTAR_STR(KNOWN), "hello"), CSTAR_OK);
    assert_int_equal(unseal(k, "ie", CSTAR_STR(KNOWN), ""), CSTAR_EPOLICY);
    cstar__keyring_free(k);
    k = ring_of(OLD_SECRET, NULL, "csrf");
    assert_int_equal(unseal(k, "id", CSTAR_STR(KNOWN), ""), CSTAR_EPOLICY);
    cstar__keyring_free(k);
}

static void test_there_and_back(void **state) {
    (void)state;
    cstar__keyring *k = ring_of(OLD_SECRET, NULL, "session");
    static const char *const plains[] = {"", "a", "sixteen bytes ok",
                                         "something longer than a block"};
    for (size_t i = 0; i < sizeof plains / sizeof *plains; i++) {
        cstar_buf one;
        cstar_buf two;
        cstar_buf_init(&one, cstar_heap(), 1000);
        cstar_buf_init(&two, cstar_heap(), 1000);
        assert_int_equal(cstar__seal(k, CSTAR_STR("x"), cstar_cstr(plains[i]), &one), CSTAR_OK);
        assert_int_equal(cstar__seal(k, CSTAR_STR("x"), cstar_cstr(plains[i]), &two), CSTAR_OK);
        assert_int_equal(one.len, cstar__seal_len(strlen(plains[i])));
        assert_false(cstar_str_eq(cstar_buf_view(&one), cstar_buf_view(&two))); /* never the same */
        assert_int_equal(unseal(k, "x", cstar_buf_view(&one), plains[i]), CSTAR_OK);
        assert_int_equal(unseal(k, "x", cstar_buf_view(&two), plains[i]), CSTAR_OK);
        cstar_buf_fini(&one);
        cstar_buf_fini(&two);
    }
    cstar__keyring_free(k);
}

static void test_spoiled(void **state) {
    (void)state;
    cstar__keyring *k = ring_of(OLD_SECRET, NULL, "session");
    char text[] = KNOWN;
    const size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) { /* each character changed, each prefix */
        const char was = text[i];
        text[i] = was == 'A' ? 'B' : 'A';
        assert_int_equal(unseal(k, "id", cstar_view(text, len), ""), CSTAR_EPOLICY);
        text[i] = was;
        assert_int_equal(unseal(k, "id", cstar_view(text, i), ""), CSTAR_EPOLICY);
    }
    assert_int_equal(unseal(k, "id", CSTAR_STR(KNOWN "A"), ""), CSTAR_EPOLICY);
    assert_int_equal(unseal(k, "id", CSTAR_STR("not base64!"), ""), CSTAR_EPOLICY);
    cstar__keyring_free(k);
}

static void test_rotation(void **state) {
    (void)state;
    cstar__keyring *k = ring_of(NEW_SECRET, OLD_SECRET, "session");
    char mem[64];
    cstar_buf out;
    size_t key = 9;
    cstar_buf_fixed(&out, mem, sizeof mem);
    assert_int_equal(cstar__unseal(k, CSTAR_STR("id"), CSTAR_STR(KNOWN), &out, &key), CSTAR_OK);
    assert_int_equal(key, 1);
    cstar_buf text;
    cstar_buf_init(&text, cstar_heap(), 1000);
    assert_int_equal(cstar__seal(k, CSTAR_STR("id"), CSTAR_STR("fresh"), &text), CSTAR_OK);
    cstar__keyring *old = ring_of(OLD_SECRET, NULL, "session");
    assert_int_equal(unseal(old, "id", cstar_buf_view(&text), ""), CSTAR_EPOLICY);
    cstar_buf_reset(&out);
    assert_int_equal(cstar__unseal(k, CSTAR_STR("id"), cstar_buf_view(&text), &out, &key),
                     CSTAR_OK);
    assert_int_equal(key, 0);
    cstar_buf_fini(&text);
    cstar__keyring_free(old);
    cstar__keyring_free(k);
}

static void test_bad_secrets(void **state) {
    (void)state;
    cstar_str secrets[CSTAR__KEYRING_MAX + 1];
    for (size_t i = 0; i <= CSTAR__KEYRING_MAX; i++) {
        secrets[i] = CSTAR_STR(OLD_SECRET);
    }
    cstar__keyring_opts opts = {secrets, 0, "session", cstar_heap()};
    cstar_err err = {0};
    cstar__keyring_free(ring_of(OLD_SECRET, NULL, "session")); /* skips without OpenSSL */
    assert_null(cstar__keyring_new(&opts, &err));
    assert_int_equal(err.code, CSTAR_EINVAL);
    opts.nsecrets = CSTAR__KEYRING_MAX + 1;
    err = (cstar_err){0};
    assert_null(cstar__keyring_new(&opts, &err));
    assert_int_equal(err.code, CSTAR_EINVAL);
    opts.nsecrets = 2;
    secrets[1].len = 31;
    err = (cstar_err){0};
    assert_null(cstar__keyring_new(&opts, &err));
    assert_int_equal(err.code, CSTAR_EINVAL);
    assert_string_equal(err.where, "secret");
    assert_null(strstr(err.text, "0123")); /* an error tells no secret */
}

static void test_limits(void **state) {
    (void)state;
    cstar__keyring *k = ring_of(OLD_SECRET, NULL, "session");
    char mem[8];
    cstar_buf out;
    cstar_buf_fixed(&out, mem, sizeof mem);
    assert_int_equal(cstar__seal(k, CSTAR_STR(""), CSTAR_STR("hello"), &out), CSTAR_ELIMIT);
    cstar_buf_fixed(&out, mem, 4);
    assert_int_equal(cstar__unseal(k, CSTAR_STR("id"), CSTAR_STR(KNOWN), &out, NULL), CSTAR_ELIMIT);
    cstar__keyring_free(k);
}

/* Every allocation of ours fails once: an error, nothing appended, nothing left behind. */
static void test_no_memory(void **state) {
    (void)state;
    cstar__keyring_free(ring_of(OLD_SECRET, NULL, "session"));
    for (size_t n = 1;; n++) {
        failalloc f;
        char mem[256];
        cstar_buf out;
        cstar_err err = {0};
        const cstar_str secret = CSTAR_STR(OLD_SECRET);
        failalloc_init(&f, n);
        cstar_buf_fixed(&out, mem, sizeof mem);
        cstar__keyring *k =
            cstar__keyring_new(&(cstar__keyring_opts){&secret, 1, "session", &f.alloc}, &err);
        bool failed = k == NULL;
        if (k != NULL) {
            failed = cstar__seal(k, CSTAR_STR("id"), CSTAR_STR("x"), &out) == CSTAR_ENOMEM;
            assert_int_equal(out.len == 0, failed);
            cstar_buf_reset(&out);
            failed =
                cstar__unseal(k, CSTAR_STR("id"), CSTAR_STR(KNOWN), &out, NULL) == CSTAR_ENOMEM ||
                failed;
        }
        cstar__keyring_free(k);
        assert_int_equal(f.live_blocks, 0);
        assert_int_equal(failed, n <= f.calls);
        if (!failed) {
            assert_in_range(n, 3, 20);
            return;
        }
    }
}

static void test_random(void **state) {
    (void)state;
    unsigned char a[32] = {0};
    unsigned char b[32] = {0};
    assert_int_equal(cstar__random(a, sizeof a), CSTAR_OK);
    assert_int_equal(cstar__random(b, sizeof b), CSTAR_OK);
    assert_memory_not_equal(a, b, sizeof a);
}

/* By another program's HMAC. */
static void test_derive(void **state) {
    (void)state;
    static const unsigned char want[32] = {0x42, 0xd1, 0xe4, 0xcc, 0x12, 0x47, 0x71, 0xca,
                                           0xcc, 0x5c, 0x71, 0x6e, 0xfd, 0xfc, 0x66, 0xd3,
                                           0xcf, 0x54, 0x58, 0xd2, 0x14, 0x77, 0x32, 0xd2,
                                           0x85, 0x3d, 0x0c, 0x11, 0x35, 0x8f, 0xf5, 0x9f};
    unsigned char got[32] = {0};
    unsigned char other[32] = {0};
    const cstar_str secret = CSTAR_STR("0123456789abcdef01");
    cstar__keyring_free(ring_of(OLD_SECRET, NULL, "session")); /* skips without OpenSSL */
    assert_int_equal(cstar__derive(secret, "cstar session id", got), CSTAR_OK);
    assert_memory_equal(got, want, sizeof want);
    assert_int_equal(cstar__derive(secret, "another purpose", other), CSTAR_OK);
    assert_memory_not_equal(got, other, sizeof got);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answer), cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_spoiled),      cmocka_unit_test(test_rotation),
        cmocka_unit_test(test_bad_secrets),  cmocka_unit_test(test_limits),
        cmocka_unit_test(test_no_memory),    cmocka_unit_test(test_random),
        cmocka_unit_test(test_derive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
