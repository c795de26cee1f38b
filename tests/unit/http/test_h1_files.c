/* test_h1_files.c -- every case of tests/proto/http1, whole, byte by byte and cut in two at
 * every offset, each piece ending right at a page that can't be read. The format is described
 * in tests/proto/README.md. ctest: timeout=120 SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE 1 /* MAP_ANONYMOUS */
#include "http/chars.h"
#include "support/h1rig.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

enum { CASES_MAX = 2000, INPUT_MAX = 256 * 1024 };

typedef enum ending { ENDING_NONE, ENDING_EOF, ENDING_TIMEOUT } ending;

typedef struct proto_case {
    char name[128];
    cstar_buf input, expect;
    ending ending;
} proto_case;

static char *guarded; /* INPUT_MAX readable bytes, then a page that is not */
static char folder[512];

/* ---- reading -------------------------------------------------------------------------------- */

static void read_file(const char *name, const char *suffix, cstar_buf *into) {
    char path[1024];
    char piece[4096];
    (void)snprintf(path, sizeof path, "%s/%s%s", folder, name, suffix);
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        fail_msg("cannot open %s", path);
        return;
    }
    cstar_buf_init(into, cstar_heap(), 0);
    size_t n;
    while ((n = fread(piece, 1, sizeof piece, f)) > 0) {
        cstar_buf_add(into, piece, n);
    }
    (void)fclose(f);
}

static bool follows(cstar_str s, size_t at, const char *text) {
    size_t n = strlen(text);
    return s.len - at >= n && memcmp(s.ptr + at, text, n) == 0;
}

static void decode(cstar_str s, cstar_buf *out, ending *how);

/* The escape at `*at`, behind its backslash; advances behind it. */
static void decode_escape(cstar_str s, size_t *at, cstar_buf *out, ending *how) {
    static const char letters[] = "rnt0\\";
    static const char bytes[] = "\r\n\t\0\\";
    if (follows(s, *at, "eof")) {
        *how = ENDING_EOF;
        *at += 3;
        return;
    }
    if (follows(s, *at, "timeout")) {
        *how = ENDING_TIMEOUT;
        *at += 7;
        return;
    }
    char c = s.ptr[(*at)++];
    if (c == 'x') {
        int byte = cstar__hex_digit(s.ptr[*at]) * 16 + cstar__hex_digit(s.ptr[*at + 1]);
        cstar_buf_byte(out, (char)(unsigned char)byte);
        *at += 2;
    } else if (c == '(') {
        char *end = NULL;
        unsigned long times = strtoul(s.ptr + *at, &end, 10);
        const char *text = end + 1;
        const char *close = memchr(text, ')', s.len - (size_t)(text - s.ptr));
        assert_non_null(close);
        for (unsigned long i = 0; i < times; i++) {
            decode(cstar_view(text, (size_t)(close - text)), out, how);
        }
        *at = (size_t)(close + 1 - s.ptr);
    } else {
        const char *found = memchr(letters, c, sizeof letters - 1);
        assert_non_null(found);
        cstar_buf_byte(out, bytes[found - letters]);
    }
}

static void decode(cstar_str s, cstar_buf *out, ending *how) {
    for (size_t i = 0; i < s.len;) {
        char c = s.ptr[i++];
        if (c == '\\') {
            assert_true(i < s.len);
            decode_escape(s, &i, out, how);
        } else if (c != '\n') {
            cstar_buf_byte(out, c);
        }
    }
}

static void load(proto_case *c, const char *name) {
    cstar_buf text;
    *c = (proto_case){0};
    (void)snprintf(c->name, sizeof c->name, "%s", name);
    read_file(name, ".in", &text);
    read_file(name, ".expect", &c->expect);
    cstar_buf_init(&c->input, cstar_heap(), INPUT_MAX);
    decode(cstar_buf_view(&text), &c->input, &c->ending);
    assert_int_equal(cstar_buf_status(&c->input), CSTAR_OK);
    cstar_buf_byte(&c->expect, '\0');
    cstar_buf_fini(&text);
}

static void unload(proto_case *c) {
    cstar_buf_fini(&c->input);
    cstar_buf_fini(&c->expect);
}

/* ---- running -------------------------------------------------------------------------------- */

static void feed_guarded(h1rig *r, const char *ptr, size_t len) {
    char *at = guarded + INPUT_MAX - len;
    if (len != 0) {
        memcpy(at, ptr, len);
    }
    assert_int_equal(cstar__h1_feed(&r->machine, at, len), CSTAR_OK);
}

/* Feeds the pieces [0, cut) and [cut, len), or with `cut` SIZE_MAX each byte alone, and
 * compares. */
static void run_case(const proto_case *c, size_t cut) {
    h1rig r;
    h1rig_init(&r, cstar_heap());
    const size_t len = c->input.len;
    if (cut == SIZE_MAX) {
        for (size_t i = 0; i < len; i++) {
            feed_guarded(&r, c->input.ptr + i, 1);
        }
    } else {
        feed_guarded(&r, c->input.ptr, cut);
        if (cut < len) {
            feed_guarded(&r, c->input.ptr + cut, len - cut);
        }
    }
    if (c->ending == ENDING_EOF) {
        cstar__h1_eof(&r.machine);
    } else if (c->ending == ENDING_TIMEOUT) {
        cstar__h1_timeout(&r.machine);
    }
    const char *got = h1rig_outcome(&r);
    if (strcmp(got, c->expect.ptr) != 0) {
        print_error("%s, cut at %zd of %zu\n-- expected\n%s-- got\n%s--\n", c->name, (ssize_t)cut,
                    len, c->expect.ptr, got);
        h1rig_fini(&r);
        fail();
        return;
    }
    h1rig_fini(&r);
}

/* Of long inputs the two ends, and every 131st offset between. */
static bool is_cut_tried(size_t cut, size_t len) {
    return len <= 2048 || cut < 64 || len - cut < 256 || cut % 131 == 0;
}

static void run_everywhere(const char *name) {
    proto_case c;
    load(&c, name);
    run_case(&c, 0);
    run_case(&c, SIZE_MAX);
    for (size_t cut = 1; cut < c.input.len; cut++) {
        if (is_cut_tried(cut, c.input.len)) {
            run_case(&c, cut);
        }
    }
    unload(&c);
}

static void test_case(void **state) { run_everywhere(*state); }

/* ---- main ----------------------------------------------------------------------------------- */

static char *names[CASES_MAX];
static struct CMUnitTest tests[CASES_MAX];

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static size_t find_cases(void) {
    size_t n = 0;
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        return 0;
    }
    const struct dirent *entry;
    while (n < CASES_MAX && (entry = readdir(dir)) != NULL) {
        size_t len = strlen(entry->d_name);
        if (len > 3 && strcmp(entry->d_name + len - 3, ".in") == 0) {
            names[n] = strdup(entry->d_name);
            names[n][len - 3] = '\0';
            n++;
        }
    }
    (void)closedir(dir);
    qsort(names, n, sizeof names[0], by_name);
    return n;
}

int main(void) {
    const char *source = getenv("CSTAR_SOURCE");
    (void)snprintf(folder, sizeof folder, "%s/tests/proto/http1", source != NULL ? source : ".");
    size_t n = find_cases();
    if (n < 150) {
        (void)fprintf(stderr, "only %zu cases in %s\n", n, folder);
        return 1;
    }
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    guarded =
        mmap(NULL, INPUT_MAX + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (guarded == MAP_FAILED || mprotect(guarded + INPUT_MAX, page, PROT_NONE) != 0) {
        return 1;
    }
    for (size_t i = 0; i < n; i++) {
        tests[i] = (struct CMUnitTest){
            .name = names[i], .test_func = test_case, .initial_state = names[i]};
    }
    int failed = _cmocka_run_group_tests("h1_files", tests, n, NULL, NULL);
    for (size_t i = 0; i < n; i++) {
        free(names[i]);
    }
    (void)munmap(guarded, INPUT_MAX + page);
    return failed != 0;
}
