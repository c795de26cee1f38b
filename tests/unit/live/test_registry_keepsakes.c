/* test_registry_keepsakes.c -- what a tab says last is known, whenever it says it: to its stream, or
 * to the one that its page opens next. ctest: timeout=120 labels=threads
 *
 * The steps of one call may be looked into where the allocator is called: there somebody else says
 * something, if no lock keeps him out. And threads do it in earnest.
 *
 * SPDX-License-Identifier: MIT */
#include "live/registry.h"
#include "live/registry_parts.h"
#include "support/failalloc.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const cstar__tab page_one = {
    .scope = {"ann", 3}, .tab = {"t", 1}, .page = {"p", 1}, .share = 3};
static const cstar__tab page_two = {
    .scope = {"ann", 3}, .tab = {"t", 1}, .page = {"q", 1}, .share = 4};

typedef struct rig {
    failalloc memory;
    cstar_allocator alloc; /* which calls `memory`, behind somebody */
    cstar__keepsakes *k;
    cstar__registry *r;
    unsigned calls, at; /* the call in which somebody speaks, from 1 on; 0: none */
    unsigned kept_out;  /* calls that were inside of a step */
    bool spoke;
    bool inside; /* of the keepsakes: another thread would wait, and this one must not */
} rig;

/* Steady. The keepsakes ask for it when they have taken their lock. */
static uint64_t now(void *arg) {
    if (arg != NULL) {
        ((rig *)arg)->inside = true;
    }
    return 1000;
}

static cstar_status say(const rig *x, const cstar__tab *t, const char *text) {
    return cstar__registry_say(x->r, t, cstar_cstr(text));
}

/* Whether nobody is inside of the registry. */
static bool is_open(cstar__registry *r) {
    bool open = true;
    for (size_t i = 0; i < CSTAR__TAB_SHARDS && open; i++) {
        open = pthread_mutex_trylock(&r->shards[i].lock) == 0;
        if (open) {
            (void)pthread_mutex_unlock(&r->shards[i].lock);
        }
    }
    return open;
}

static void *resize(void *ctx, void *ptr, size_t old_size, size_t size) {
    rig *x = ctx;
    if (x->r != NULL && x->at != 0) {
        const bool open = !x->inside && is_open(x->r);
        x->kept_out += !open;
        x->calls++;
        if (open && x->calls >= x->at && !x->spoke) {
            x->spoke = true;
            assert_int_equal(say(x, &page_one, "late"), CSTAR_OK);
        }
    }
    return x->memory.alloc.resize(x->memory.alloc.ctx, ptr, old_size, size);
}

static void begin(rig *x) {
    *x = (rig){.at = 0};
    failalloc_init(&x->memory, 0);
    x->alloc = (cstar_allocator){.resize = resize, .ctx = x};
    x->k = cstar__keepsakes_new(&(cstar__keepsakes_opts){.alloc = &x->alloc, .now = now, .arg = x});
    x->r = cstar__registry_new(&(cstar__registry_opts){.alloc = &x->alloc, .keepsakes = x->k});
    assert_non_null(x->k);
    assert_non_null(x->r);
}

static void end(rig *x) {
    cstar__registry *r = x->r;
    x->r = NULL;
    cstar__registry_free(r);
    cstar__keepsakes_free(x->k);
    assert_int_equal(x->memory.live_blocks, 0);
}

/* ---- what a page does ---- */

static cstar__claim claim(const rig *x, const cstar__tab *t, uint64_t stream) {
    cstar__claim c = {.generation = 0};
    assert_int_equal(cstar__registry_claim(x->r, t, stream, &c), CSTAR_OK);
    return c;
}

static cstar__tab own_of(const cstar__tab *t, const cstar__claim *c) {
    return (cstar__tab){.scope = t->scope, .tab = cstar_cstr(c->tab), .page = t->page};
}

static cstar_status take(const rig *x, cstar__tab t, cstar_buf *out) {
    const cstar__keepsake_key key = {
        .scope = t.scope, .tab = t.tab, .page = cstar__registry_page(x->r, t.page)};
    return cstar__keepsakes_take(x->k, &key, out);
}

/* What was kept for it, by the name that it has now. */
static void recall(const rig *x, const cstar__tab *t, const cstar__claim *c) {
    char text[64];
    cstar_buf out;
    cstar_buf_fixed(&out, text, sizeof text);
    const cstar__tab own = own_of(t, c);
    if (take(x, own, &out) == CSTAR_OK) {
        assert_int_equal(cstar__registry_restore(x->r, &own, c->generation, cstar_buf_view(&out)),
                         CSTAR_OK);
    }
}

static void leave(const rig *x, const cstar__tab *t, const cstar__claim *c, uint64_t stream) {
    const cstar__tab own = own_of(t, c);
    cstar__registry_leave(x->r, &own, stream, c->generation);
}

/* "": nothing. */
static const char *known(const rig *x, const cstar__tab *t) {
    static char text[64];
    cstar_buf out;
    cstar_buf_fixed(&out, text, sizeof text - 1);
    const cstar_status rc = cstar__registry_signals(x->r, t->scope, t->tab, &out);
    assert_true(rc == CSTAR_OK || rc == CSTAR_ENOENT);
    text[out.len] = '\0';
    return text;
}

/* "-": nothing. */
static const char *kept(const rig *x, const cstar__tab *t) {
    static char text[64];
    cstar_buf out;
    cstar_buf_fixed(&out, text, sizeof text - 1);
    if (take(x, *t, &out) != CSTAR_OK) {
        return "-";
    }
    text[out.len] = '\0';
    return text;
}

/* ---- one thing at a time ---- */

static void who_leaves_is_remembered(void **state) {
    (void)state;
    rig x;
    begin(&x);
    cstar__claim c = claim(&x, &page_one, 1);
    assert_int_equal(say(&x, &page_one, "one"), CSTAR_OK);
    leave(&x, &page_one, &c, 2); /* not its own */
    assert_string_equal(known(&x, &page_one), "one");
    leave(&x, &page_one, &c, 1);
    leave(&x, &page_one, &c, 1);
    assert_int_equal(cstar__registry_count(x.r), 0);
    assert_int_equal(say(&x, &page_two, "of another page"), CSTAR_OK);
    assert_string_equal(kept(&x, &page_one), "one");
    assert_string_equal(kept(&x, &page_one), "-");
    c = claim(&x, &page_one, 1);
    assert_int_equal(say(&x, &page_one, "two"), CSTAR_OK);
    const cstar__tab own = own_of(&page_one, &c);
    cstar__registry_release(x.r, &own, 1, c.generation); /* for good */
    assert_string_equal(kept(&x, &page_one), "-");
    assert_int_equal(say(&x, &page_one, "three"), CSTAR_OK); /* without a stream */
    assert_int_equal(say(&x, &page_one, "four"), CSTAR_OK);
    assert_string_equal(kept(&x, &page_one), "four");
    c = claim(&x, &page_one, 1); /* says nothing: that is kept, too */
    leave(&x, &page_one, &c, 1);
    assert_string_equal(kept(&x, &page_one), "");
    end(&x);
}

/* A page that is replaced may be a duplicated tab's, and come back. */
static void who_is_replaced_is_remembered(void **state) {
    (void)state;
    rig x;
    begin(&x);
    (void)claim(&x, &page_one, 1);
    assert_int_equal(say(&x, &page_one, "one"), CSTAR_OK);
    (void)claim(&x, &page_one, 2); /* itself: there they stay */
    assert_string_equal(known(&x, &page_one), "one");
    assert_string_equal(kept(&x, &page_one), "-");
    (void)claim(&x, &page_two, 3);
    assert_string_equal(known(&x, &page_two), "");
    assert_string_equal(kept(&x, &page_one), "one");
    end(&x);
}

static void a_page_that_is_not_known_is_not_remembered(void **state) {
    (void)state;
    rig x;
    begin(&x);
    const cstar__tab t = {.scope = CSTAR_STR("ann"), .tab = CSTAR_STR("t")};
    assert_int_equal(say(&x, &t, "nowhere"), CSTAR_ENOENT);
    const cstar__claim c = claim(&x, &t, 1);
    assert_int_equal(say(&x, &t, "one"), CSTAR_OK);
    assert_string_equal(known(&x, &t), "one");
    leave(&x, &t, &c, 1);
    size_t bytes = 0;
    assert_int_equal(cstar__keepsakes_count(x.k, &bytes), 0);
    assert_int_equal(say(&x, &(cstar__tab){.scope = t.scope, .page = t.tab}, "x"), CSTAR_ENOENT);
    end(&x);
}

static void what_is_newer_stays(void **state) {
    (void)state;
    rig x;
    begin(&x);
    const cstar__claim c = claim(&x, &page_one, 1);
    const cstar__tab own = own_of(&page_one, &c);
    assert_int_equal(cstar__registry_restore(x.r, &own, c.generation, CSTAR_STR("old")), CSTAR_OK);
    assert_string_equal(known(&x, &page_one), "old");
    assert_int_equal(say(&x, &page_one, "new"), CSTAR_OK);
    assert_int_equal(cstar__registry_restore(x.r, &own, c.generation, CSTAR_STR("old")), CSTAR_OK);
    assert_string_equal(known(&x, &page_one), "new");
    (void)claim(&x, &page_two, 2); /* it is not what that one's page has said */
    assert_int_equal(cstar__registry_restore(x.r, &own, c.generation, CSTAR_STR("old")),
                     CSTAR_ENOENT);
    assert_string_equal(known(&x, &page_two), "");
    end(&x);
}

/* An event that could not be kept came between the claim and what was said before it. */
static void what_is_restored_does_not_hide_that_it_is_behind(void **state) {
    (void)state;
    rig x;
    begin(&x);
    const cstar__claim c = claim(&x, &page_one, 1);
    const cstar__tab own = own_of(&page_one, &c);
    static char much[70000];
    memset(much, 'x', sizeof much);
    assert_int_equal(cstar__registry_say(x.r, &page_one, cstar_view(much, sizeof much)),
                     CSTAR_ELIMIT);
    assert_int_equal(cstar__registry_restore(x.r, &own, c.generation, CSTAR_STR("old")), CSTAR_OK);
    assert_true(cstar__registry_is_behind(x.r, own.scope, own.tab));
    leave(&x, &page_one, &c, 1);
    assert_string_equal(kept(&x, &page_one), "-");
    end(&x);
}

/* Whatever fails: the claim goes, and nothing else is kept than what was said. */
static void without_memory_it_is_forgotten(void **state) {
    (void)state;
    size_t forgotten = 0;
    for (size_t n = 1; n < 6; n++) {
        rig x;
        begin(&x);
        const cstar__claim c = claim(&x, &page_one, 1);
        assert_int_equal(say(&x, &page_one, "one"), CSTAR_OK);
        x.memory.fail_at = x.memory.calls + n;
        leave(&x, &page_one, &c, 1);
        x.memory.fail_at = 0;
        assert_int_equal(cstar__registry_count(x.r), 0);
        const char *said = kept(&x, &page_one);
        forgotten += strcmp(said, "-") == 0;
        assert_true(strcmp(said, "-") == 0 || strcmp(said, "one") == 0);
        end(&x);
    }
    assert_true(forgotten > 0 && forgotten < 5);
}

/* ---- somebody speaks in the middle ---- */

/* Wherever a stream's end and the next one's beginning can be looked into. */
static void there_is_no_moment_in_which_nobody_listens(void **state) {
    (void)state;
    unsigned kept_out = 0;
    unsigned calls = 1;
    for (unsigned at = 1; at <= calls; at++) {
        rig x;
        begin(&x);
        const cstar__claim one = claim(&x, &page_one, 1);
        assert_int_equal(say(&x, &page_one, "early"), CSTAR_OK);
        x.at = at;
        leave(&x, &page_one, &one, 1);
        x.inside = false;
        const cstar__claim two = claim(&x, &page_one, 2);
        recall(&x, &page_one, &two);
        x.at = 0;
        assert_string_equal(known(&x, &page_one), x.spoke ? "late" : "early");
        calls = x.calls;
        kept_out += x.kept_out;
        end(&x);
    }
    assert_true(calls > 3 && kept_out > 3);
}

/* ---- and in earnest ---- */

enum { TABS = 4, ROUNDS = 4000 };

typedef struct tab {
    rig *x;
    cstar__tab t;
    char name[16];
    unsigned said; /* atomic: that much its call has returned for */
    bool stop;     /* atomic */
    unsigned lost; /* atomic */
    unsigned recalled;
} tab;

static unsigned number_in(const cstar_buf *b) {
    unsigned n = 0;
    for (size_t i = 0; i < b->len; i++) {
        n = n * 10 + (unsigned)(b->ptr[i] - '0');
    }
    return n;
}

static void expect(tab *w, bool ok) {
    if (!ok) {
        (void)__atomic_add_fetch(&w->lost, 1, __ATOMIC_RELAXED);
    }
}

static void *speak(void *arg) {
    tab *w = arg;
    for (unsigned n = 1; !__atomic_load_n(&w->stop, __ATOMIC_RELAXED); n++) {
        char text[16];
        (void)snprintf(text, sizeof text, "%u", n);
        expect(w, cstar__registry_say(w->x->r, &w->t, cstar_cstr(text)) == CSTAR_OK);
        __atomic_store_n(&w->said, n, __ATOMIC_SEQ_CST);
    }
    return NULL;
}

/* One stream of it after the other, each of which has to know what was said before it. */
static void *listen(void *arg) {
    tab *w = arg;
    for (uint64_t stream = 1; stream <= ROUNDS; stream++) {
        char text[16];
        cstar_buf out;
        cstar__claim c = {.generation = 0};
        cstar_buf_fixed(&out, text, sizeof text);
        const unsigned said = __atomic_load_n(&w->said, __ATOMIC_SEQ_CST);
        expect(w, cstar__registry_claim(w->x->r, &w->t, stream, &c) == CSTAR_OK);
        if (take(w->x, w->t, &out) == CSTAR_OK) {
            w->recalled++;
            expect(w, cstar__registry_restore(w->x->r, &w->t, c.generation, cstar_buf_view(&out)) ==
                          CSTAR_OK);
        }
        cstar_buf_fixed(&out, text, sizeof text);
        const bool any = cstar__registry_signals(w->x->r, w->t.scope, w->t.tab, &out) == CSTAR_OK;
        expect(w, number_in(&out) >= said && any == (out.len != 0));
        if (stream % 8 == 0) {
            (void)sched_yield();
        }
        cstar__registry_leave(w->x->r, &w->t, stream, c.generation);
    }
    __atomic_store_n(&w->stop, true, __ATOMIC_RELAXED);
    return NULL;
}

static void nothing_is_lost_between_threads(void **state) {
    (void)state;
    rig x;
    tab tabs[TABS];
    pthread_t threads[TABS][2];
    x.k = cstar__keepsakes_new(&(cstar__keepsakes_opts){.now = now});
    x.r = cstar__registry_new(&(cstar__registry_opts){.keepsakes = x.k});
    assert_true(x.k != NULL && x.r != NULL);
    for (int i = 0; i < TABS; i++) {
        tabs[i] = (tab){.x = &x};
        (void)snprintf(tabs[i].name, sizeof tabs[i].name, "t%d", i);
        tabs[i].t = (cstar__tab){
            .scope = CSTAR_STR("u"), .tab = cstar_cstr(tabs[i].name), .page = CSTAR_STR("p")};
        assert_int_equal(pthread_create(&threads[i][0], NULL, speak, &tabs[i]), 0);
        assert_int_equal(pthread_create(&threads[i][1], NULL, listen, &tabs[i]), 0);
    }
    for (int i = 0; i < TABS; i++) {
        (void)pthread_join(threads[i][0], NULL);
        (void)pthread_join(threads[i][1], NULL);
        assert_int_equal(tabs[i].lost, 0);
        assert_true(tabs[i].recalled > ROUNDS / 2);
    }
    cstar__registry_free(x.r);
    cstar__keepsakes_free(x.k);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_leaves_is_remembered),
        cmocka_unit_test(who_is_replaced_is_remembered),
        cmocka_unit_test(a_page_that_is_not_known_is_not_remembered),
        cmocka_unit_test(what_is_newer_stays),
        cmocka_unit_test(what_is_restored_does_not_hide_that_it_is_behind),
        cmocka_unit_test(without_memory_it_is_forgotten),
        cmocka_unit_test(there_is_no_moment_in_which_nobody_listens),
        cmocka_unit_test(nothing_is_lost_between_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
