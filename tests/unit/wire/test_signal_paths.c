/* test_signal_paths.c -- removing signals by path: nesting, parents, order, refusals, and a model
 * to compare with.
 * SPDX-License-Identifier: MIT */
#include "unit/wire/expect.h"

#define TYPE "event: datastar-patch-signals\n"
#define MOST 8

typedef struct removal {
    cstar_str paths[MOST];
    size_t n;
    const cstar_signals_patch *options;
} removal;

static cstar_status call(cstar_buf *out, const void *arg, cstar_err *err) {
    const removal *r = arg;
    cstar_arena scratch;
    cstar_arena_init(&scratch, cstar_heap(), 0);
    cstar_status rc = cstar_format_remove_signals(out, r->n != 0 ? r->paths : NULL, r->n,
                                                  r->options, &scratch, err);
    cstar_arena_fini(&scratch);
    return rc;
}

/* "a.b c" is two paths. */
static removal words(const char *text) {
    removal r = {.n = 0};
    while (*text != '\0') {
        size_t len = strcspn(text, " ");
        r.paths[r.n++] = cstar_view(text, len);
        text += len + strspn(text + len, " ");
    }
    return r;
}

static void paths_become_one_object(void **state) {
    (void)state;
    static const struct {
        const char *paths, *json;
    } cases[] = {
        {"", "{}"},
        {"count", "{\"count\":null}"},
        {"user.profile.theme", "{\"user\":{\"profile\":{\"theme\":null}}}"},
        {"user.name user.email", "{\"user\":{\"email\":null,\"name\":null}}"},
        {"a.b.c a.b.d a.e", "{\"a\":{\"b\":{\"c\":null,\"d\":null},\"e\":null}}"},
        {"a.e a.b.d a.b.c", "{\"a\":{\"b\":{\"c\":null,\"d\":null},\"e\":null}}"},
        {"x x", "{\"x\":null}"},
        {"user.name user", "{\"user\":null}"},
        {"user user.name", "{\"user\":null}"},
        {"a.b.c.d a.b a.b.c a.x", "{\"a\":{\"b\":null,\"x\":null}}"},
        {"user user-b user.c userx", "{\"user\":null,\"user-b\":null,\"userx\":null}"},
        {"a.b a-b a", "{\"a\":null,\"a-b\":null}"},
        {"a-b.c_d", "{\"a-b\":{\"c_d\":null}}"},
        {"a.b b.a", "{\"a\":{\"b\":null},\"b\":{\"a\":null}}"},
        {"a.b.c b a.d", "{\"a\":{\"b\":{\"c\":null},\"d\":null},\"b\":null}"},
        {"ab.c a.bc", "{\"a\":{\"bc\":null},\"ab\":{\"c\":null}}"},
        {"q\"uote.b\\s", "{\"q\\\"uote\":{\"b\\\\s\":null}}"},
        {"caf\xC3\xA9.\xE6\x9D\xB1", "{\"caf\xC3\xA9\":{\"\xE6\x9D\xB1\":null}}"},
        {"a\nb.c\rd", "{\"a\\nb\":{\"c\\rd\":null}}"},
        {"z y x w v u t s", "{\"s\":null,\"t\":null,\"u\":null,\"v\":null,\"w\":null,\"x\":null,"
                            "\"y\":null,\"z\":null}"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        removal r = words(cases[i].paths);
        char bytes[300];
        (void)snprintf(bytes, sizeof bytes, TYPE "data: signals %s\n\n", cases[i].json);
        expect_bytes(cases[i].paths, call, &r, bytes);
    }
    removal r = words("a");
    r.options = &(cstar_signals_patch){
        .only_if_missing = true, .event_id = "i", .retry = 3, .json = "not used"};
    expect_bytes("options", call, &r,
                 TYPE "id: i\nretry: 3\ndata: onlyIfMissing true\ndata: signals {\"a\":null}\n\n");
    r = (removal){.paths = {VIEW("a\0b")}, .n = 1};
    expect_bytes("nul", call, &r, TYPE "data: signals {\"a\\u0000b\":null}\n\n");
}

static void bad_paths_are_refused(void **state) {
    (void)state;
    static const cstar_str bad[] = {VIEW(""),       VIEW("."),     VIEW(".."),
                                    VIEW(".user"),  VIEW("user."), VIEW("a..b"),
                                    VIEW("a.b..c"), VIEW("..."),   {NULL, 0}};
    for (size_t i = 0; i < LENGTH(bad); i++) {
        expect_refused("alone", call, &(removal){.paths = {bad[i]}, .n = 1}, CSTAR_EINVAL, "paths");
        expect_refused("first", call, &(removal){.paths = {bad[i], VIEW("a")}, .n = 2},
                       CSTAR_EINVAL, "paths");
        expect_refused("last", call, &(removal){.paths = {VIEW("a"), bad[i]}, .n = 2}, CSTAR_EINVAL,
                       "paths");
    }
    expect_refused("utf-8", call, &(removal){.paths = {VIEW("a\xFF")}, .n = 1}, CSTAR_EUTF8,
                   "paths");
    removal r = words("a");
    r.options = &(cstar_signals_patch){.retry = -2};
    expect_refused("retry", call, &r, CSTAR_EINVAL, "retry");
    cstar_buf out;
    cstar_buf_init(&out, cstar_heap(), 0);
    assert_int_equal(cstar_format_remove_signals(&out, NULL, 1, NULL, NULL, NULL), CSTAR_EINVAL);
    cstar_buf_fini(&out);
}

static void scratch_that_fails_writes_nothing(void **state) {
    (void)state;
    failalloc alloc;
    cstar_arena scratch;
    cstar_err err = {.code = CSTAR_OK};
    char mem[200];
    cstar_buf out;
    cstar_buf_fixed(&out, mem, sizeof mem);
    failalloc_init(&alloc, 1);
    cstar_arena_init(&scratch, &alloc.alloc, 0);
    removal r = words("a b");
    assert_int_equal(cstar_format_remove_signals(&out, r.paths, r.n, NULL, &scratch, &err),
                     CSTAR_ENOMEM);
    assert_string_equal(err.where, "scratch");
    assert_int_equal(out.len, 0);
    assert_int_equal(out.status, CSTAR_OK);
    cstar_arena_fini(&scratch);
    assert_int_equal(alloc.live_bytes, 0);
}

/* ---- against a model: nested objects without sorting ---- */

static bool covers(cstar_str parent, cstar_str path) {
    return path.len > parent.len && memcmp(parent.ptr, path.ptr, parent.len) == 0 &&
           path.ptr[parent.len] == '.';
}

static size_t without_children(const removal *r, cstar_str *kept) {
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++) {
        bool drop = false;
        for (size_t k = 0; k < r->n; k++) {
            drop = drop || covers(r->paths[k], r->paths[i]) ||
                   (k < i && cstar_str_eq(r->paths[k], r->paths[i]));
        }
        if (!drop) {
            kept[n++] = r->paths[i];
        }
    }
    return n;
}

static size_t count_nulls(const cstar_json *v) {
    size_t n = 0;
    if (cstar_json_typeof(v) == CSTAR_JSON_NULL) {
        return 1;
    }
    for (const cstar_json *m = cstar_json_first(v); m != NULL; m = cstar_json_next(m)) {
        n += count_nulls(m);
    }
    return n;
}

/* Exactly the outermost paths are null: each is found, and there are no other leaves. */
static void check_against_model(const removal *r) {
    char mem[400];
    cstar_buf out;
    cstar_arena arena;
    cstar_str kept[MOST];
    cstar_buf_fixed(&out, mem, sizeof mem);
    cstar_arena_init(&arena, cstar_heap(), 0);
    assert_int_equal(call(&out, r, NULL), CSTAR_OK);
    size_t head = strlen(TYPE "data: signals ");
    const cstar_json *root = cstar_json_read(&arena, cstar_view(mem + head, out.len - head - 2),
                                             NULL, NULL); /* refuses duplicates */
    assert_non_null(root);
    size_t n = without_children(r, kept);
    for (size_t i = 0; i < n; i++) {
        char path[40] = "";
        memcpy(path, kept[i].ptr, kept[i].len);
        const cstar_json *leaf = cstar_json_path(root, path);
        assert_non_null(leaf);
        assert_int_equal(cstar_json_typeof(leaf), CSTAR_JSON_NULL);
    }
    assert_int_equal(count_nulls(root), n);
    cstar_arena_fini(&arena);
}

static void random_paths_agree_with_the_model(void **state) {
    (void)state;
    static const char *const pool[] = {"a", "a.b", "a.b.c", "a-b", "a-b.c", "ab",      "ab.c",
                                       "b", "b.a", "b.a.c", "a.c", "a.b.d", "a.b.c.d", "b.b"};
    uint32_t seed = 1;
    for (int round = 0; round < 3000; round++) {
        removal r = {.n = 0};
        seed = seed * 1664525u + 1013904223u;
        size_t n = 1 + (seed >> 16) % MOST;
        for (size_t i = 0; i < n; i++) {
            seed = seed * 1664525u + 1013904223u;
            r.paths[r.n++] = cstar_cstr(pool[(seed >> 16) % LENGTH(pool)]);
        }
        check_against_model(&r);
    }
}

static void many_paths_take_no_quadratic_time(void **state) {
    (void)state;
    enum { MANY = 50000 };
    static char names[MANY][12];
    static cstar_str paths[MANY];
    cstar_buf out;
    cstar_arena scratch;
    for (unsigned i = 0; i < MANY; i++) {
        (void)snprintf(names[i], sizeof names[i], "p.%u", (i * 7919u) % MANY);
        paths[i] = cstar_cstr(names[i]);
    }
    cstar_buf_init(&out, cstar_heap(), 8 << 20);
    cstar_arena_init(&scratch, cstar_heap(), 8 << 20);
    assert_int_equal(cstar_format_remove_signals(&out, paths, MANY, NULL, &scratch, NULL),
                     CSTAR_OK);
    assert_in_range(out.len, MANY * 8, MANY * 16);
    cstar_arena_fini(&scratch);
    cstar_buf_fini(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_become_one_object),
        cmocka_unit_test(bad_paths_are_refused),
        cmocka_unit_test(scratch_that_fails_writes_nothing),
        cmocka_unit_test(random_paths_agree_with_the_model),
        cmocka_unit_test(many_paths_take_no_quadratic_time),
    };
    return cmocka_run_group_tests_name("wire signal paths", tests, NULL, NULL);
}
