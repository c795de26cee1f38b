/* test_session_store.c -- what every store of sessions promises, asked of each that there is.
 * SPDX-License-Identifier: MIT */
#include "cstar/session.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { EXPIRES = 1000, LONGER = 2000, THREADS = 4, ROUNDS = 150 };

static char folder[] = "/tmp/cstar-store-XXXXXX";
static unsigned files;

typedef struct name {
    char text[44];
} name;

static cstar_str id_of(name *n, unsigned i) {
    (void)snprintf(n->text, sizeof n->text, "%043u", i);
    return cstar_cstr(n->text);
}

static cstar_status save(const cstar_session_store *s, unsigned i, cstar_str data, bool fresh) {
    name n;
    return s->save(s->ctx, id_of(&n, i), data, EXPIRES, fresh);
}

static cstar_status drop(const cstar_session_store *s, unsigned i) {
    name n;
    return s->remove(s->ctx, id_of(&n, i));
}

static void check_at(const cstar_session_store *s, unsigned i, int64_t now, cstar_str data) {
    name n;
    cstar_buf out;
    cstar_buf_init(&out, cstar_heap(), (size_t)1 << 20);
    assert_int_equal(s->load(s->ctx, id_of(&n, i), now, &out), CSTAR_OK);
    assert_true(cstar_str_eq(cstar_buf_view(&out), data));
    cstar_buf_fini(&out);
}

static void check(const cstar_session_store *s, unsigned i, cstar_str data) {
    check_at(s, i, 1, data);
}

static void check_none(const cstar_session_store *s, unsigned i, int64_t now) {
    name n;
    cstar_buf out;
    cstar_buf_init(&out, cstar_heap(), 1000);
    assert_int_equal(s->load(s->ctx, id_of(&n, i), now, &out), CSTAR_ENOENT);
    assert_int_equal(out.len, 0);
    assert_int_equal(cstar_buf_status(&out), CSTAR_OK);
    cstar_buf_fini(&out);
}

/* ---- what is asked ---- */

static void ask_kept(const cstar_session_store *s) {
    check_none(s, 1, 1);
    assert_int_equal(save(s, 1, CSTAR_STR("one"), true), CSTAR_OK);
    assert_int_equal(save(s, 2, CSTAR_STR("two"), true), CSTAR_OK);
    check(s, 1, CSTAR_STR("one"));
    check(s, 2, CSTAR_STR("two"));
    check_none(s, 12, 1);
    check(s, 1, CSTAR_STR("one"));
}

static void ask_replaced(const cstar_session_store *s) {
    assert_int_equal(save(s, 1, CSTAR_STR("one"), true), CSTAR_OK);
    assert_int_equal(save(s, 1, CSTAR_STR("another"), true), CSTAR_OK);
    check(s, 1, CSTAR_STR("another"));
    assert_int_equal(save(s, 1, CSTAR_STR("last"), false), CSTAR_OK);
    check(s, 1, CSTAR_STR("last"));
}

/* What somebody has ended is not brought back by who still works with it. */
static void ask_ended(const cstar_session_store *s) {
    assert_int_equal(save(s, 1, CSTAR_STR("one"), false), CSTAR_ENOENT);
    check_none(s, 1, 1);
    assert_int_equal(save(s, 1, CSTAR_STR("one"), true), CSTAR_OK);
    assert_int_equal(save(s, 2, CSTAR_STR("two"), true), CSTAR_OK);
    assert_int_equal(drop(s, 1), CSTAR_OK);
    check_none(s, 1, 1);
    assert_int_equal(save(s, 1, CSTAR_STR("again"), false), CSTAR_ENOENT);
    check_none(s, 1, 1);
    assert_int_equal(drop(s, 1), CSTAR_OK); /* nothing is no error */
    check(s, 2, CSTAR_STR("two"));
    assert_int_equal(save(s, 1, CSTAR_STR("new"), true), CSTAR_OK);
    check(s, 1, CSTAR_STR("new"));
}

static void ask_expired(const cstar_session_store *s) {
    name n;
    assert_int_equal(save(s, 1, CSTAR_STR("one"), true), CSTAR_OK);
    check_at(s, 1, EXPIRES, CSTAR_STR("one"));
    check_none(s, 1, EXPIRES + 1);
    const cstar_str id = id_of(&n, 1);
    assert_int_equal(s->save(s->ctx, id, CSTAR_STR("longer"), LONGER, false), CSTAR_OK);
    check_at(s, 1, LONGER, CSTAR_STR("longer"));
    check_none(s, 1, LONGER + 1);
    assert_int_equal(save(s, 1, CSTAR_STR("again"), true), CSTAR_OK);
    check_at(s, 1, EXPIRES, CSTAR_STR("again"));
    check_none(s, 1, EXPIRES + 1);
}

static void ask_any_data(const cstar_session_store *s) {
    static char large[300000];
    memset(large, 'x', sizeof large);
    large[sizeof large - 1] = '!';
    assert_int_equal(save(s, 1, CSTAR_STR(""), true), CSTAR_OK);
    check(s, 1, CSTAR_STR(""));
    assert_int_equal(save(s, 1, cstar_view("a\0b\xff", 4), false), CSTAR_OK);
    check(s, 1, cstar_view("a\0b\xff", 4));
    assert_int_equal(save(s, 1, cstar_view(large, sizeof large), false), CSTAR_OK);
    check(s, 1, cstar_view(large, sizeof large));
    assert_int_equal(save(s, 1, CSTAR_STR("small"), false), CSTAR_OK);
    check(s, 1, CSTAR_STR("small"));
}

/* Appended; and a buffer that is too small is the caller's own trouble. */
static void ask_appended(const cstar_session_store *s) {
    name n;
    cstar_buf out;
    assert_int_equal(save(s, 1, CSTAR_STR("0123456789"), true), CSTAR_OK);
    cstar_buf_init(&out, cstar_heap(), 15);
    cstar_buf_lit(&out, "had ");
    assert_int_equal(s->load(s->ctx, id_of(&n, 1), 1, &out), CSTAR_OK);
    assert_true(cstar_str_eq(cstar_buf_view(&out), CSTAR_STR("had 0123456789")));
    assert_int_equal(s->load(s->ctx, id_of(&n, 1), 1, &out), CSTAR_ELIMIT);
    cstar_buf_fini(&out);
    check(s, 1, CSTAR_STR("0123456789"));
}

static void ask_many(const cstar_session_store *s) {
    name n;
    for (unsigned i = 0; i < 500; i++) {
        assert_int_equal(save(s, i, id_of(&n, i * 7), true), CSTAR_OK);
    }
    for (unsigned i = 0; i < 500; i += 2) {
        assert_int_equal(drop(s, i), CSTAR_OK);
    }
    for (unsigned i = 0; i < 500; i++) {
        if (i % 2 == 0) {
            check_none(s, i, 1);
        } else {
            check(s, i, id_of(&n, i * 7));
        }
    }
}

/* ---- from several threads ---- */

typedef struct visitor {
    const cstar_session_store *store;
    unsigned number, failures;
    pthread_t thread;
} visitor;

static bool holds(const cstar_session_store *s, unsigned i, cstar_str data) {
    char mem[64];
    name n;
    cstar_buf out;
    cstar_buf_fixed(&out, mem, sizeof mem);
    return s->load(s->ctx, id_of(&n, i), 1, &out) == CSTAR_OK &&
           cstar_str_eq(cstar_buf_view(&out), data);
}

/* Its own sessions are as it left them, whatever the others do; one is everybody's. */
static void *visit(void *arg) {
    visitor *v = arg;
    name n;
    for (unsigned i = 0; i < ROUNDS; i++) {
        const unsigned own = 1000 * v->number + i % 5;
        v->failures += save(v->store, own, id_of(&n, i), true) != CSTAR_OK;
        v->failures += !holds(v->store, own, id_of(&n, i));
        v->failures += save(v->store, own, id_of(&n, i + 1), false) != CSTAR_OK;
        v->failures += !holds(v->store, own, id_of(&n, i + 1));
        v->failures += save(v->store, 0, id_of(&n, v->number), true) != CSTAR_OK;
        if (i % 3 == 0) {
            v->failures += drop(v->store, own) != CSTAR_OK;
            v->failures += save(v->store, own, CSTAR_STR("back"), false) != CSTAR_ENOENT;
        }
    }
    return NULL;
}

static void ask_threads(const cstar_session_store *s) {
    visitor all[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        all[i] = (visitor){.store = s, .number = i + 1};
        assert_int_equal(pthread_create(&all[i].thread, NULL, visit, &all[i]), 0);
    }
    bool one_of_them = false;
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(all[i].thread, NULL), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        name n;
        assert_int_equal(all[i].failures, 0);
        check(s, 1000 * (i + 1) + (ROUNDS - 1) % 5, id_of(&n, ROUNDS));
        one_of_them = one_of_them || holds(s, 0, id_of(&n, i + 1));
    }
    assert_true(one_of_them);
}

/* Of those who go on with a session while it is ended, none brings it back: `stop` is the end. */
static void *insist(void *arg) {
    visitor *v = arg;
    cstar_status rc = CSTAR_OK;
    while (rc == CSTAR_OK) {
        rc = save(v->store, v->number, CSTAR_STR("mine"), false);
    }
    v->failures = rc != CSTAR_ENOENT;
    return NULL;
}

static void ask_ended_meanwhile(const cstar_session_store *s) {
    visitor all[THREADS];
    assert_int_equal(save(s, 5, CSTAR_STR("first"), true), CSTAR_OK);
    for (unsigned i = 0; i < THREADS; i++) {
        all[i] = (visitor){.store = s, .number = 5};
        assert_int_equal(pthread_create(&all[i].thread, NULL, insist, &all[i]), 0);
    }
    while (!holds(s, 5, CSTAR_STR("mine"))) {
    }
    assert_int_equal(drop(s, 5), CSTAR_OK);
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(all[i].thread, NULL), 0);
        assert_int_equal(all[i].failures, 0);
    }
    check_none(s, 5, 1);
}

/* ---- of whom ---- */

static cstar_session_store make_memory(void) { return cstar_session_memory(0); }

static cstar_session_store make_sqlite(void) {
    cstar_session_store s;
    cstar_err err = {0};
    char path[80];
    (void)snprintf(path, sizeof path, "%s/%u.db", folder, files++);
    const cstar_session_sqlite_opts opts = {.path = path, .wait_ms = 30000};
    if (cstar_session_sqlite(&opts, &s, &err) == CSTAR_ENOTSUP) {
        skip();
    }
    assert_string_equal(err.text, "");
    assert_non_null(s.ctx);
    return s;
}

typedef struct question {
    const char *name;
    void (*ask)(const cstar_session_store *s);
} question;

static const question questions[] = {
    {"kept", ask_kept},       {"replaced", ask_replaced}, {"ended", ask_ended},
    {"expired", ask_expired}, {"any data", ask_any_data}, {"appended", ask_appended},
    {"many", ask_many},       {"threads", ask_threads},   {"ended meanwhile", ask_ended_meanwhile},
};

static void ask_all(cstar_session_store (*make)(void)) {
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        const cstar_session_store s = make();
        assert_non_null(s.ctx);
        print_message("    %s\n", questions[i].name);
        questions[i].ask(&s);
        s.free(s.ctx);
    }
}

static void test_memory(void **state) {
    (void)state;
    ask_all(make_memory);
}

static void test_sqlite(void **state) {
    (void)state;
    ask_all(make_sqlite);
}

static int setup(void **state) {
    (void)state;
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int teardown(void **state) {
    char path[80];
    (void)state;
    for (unsigned i = 0; i < files; i++) {
        (void)snprintf(path, sizeof path, "%s/%u.db", folder, i);
        (void)unlink(path);
    }
    return rmdir(folder); /* which is empty: a store that was freed leaves its one file */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_sqlite),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
