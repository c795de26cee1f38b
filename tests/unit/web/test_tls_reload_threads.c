/* test_tls_reload_threads.c -- certificates are loaded again, and whoever publishes meanwhile, or
 * stops the server, does not wait for their files: the key is a FIFO to which nobody writes, until
 * the test does.
 *
 * ctest: timeout=60 labels=threads
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* mkfifo() */
#include "support/tlsrig.h"

#include <cstar.h>

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { CHANGES = 100 };

typedef struct rig {
    char dir[64], cert[128], key[128];
    cstar_app *app;
    unsigned listening, begun, reloaded, renders, published, stopped, ended; /* atomic */
    cstar_status result; /* of the reload; behind `reloaded` */
} rig;

static void count(unsigned *n) { (void)__atomic_add_fetch(n, 1, __ATOMIC_SEQ_CST); }
static unsigned get(const unsigned *n) { return __atomic_load_n(n, __ATOMIC_SEQ_CST); }
static void nap(void) { (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL); }

/* With a deadline that only a failure meets. */
static bool await(const unsigned *n, unsigned wanted) {
    for (int i = 0; i < 20000 && get(n) < wanted; i++) {
        nap();
    }
    return get(n) >= wanted;
}

/* ---- threads -------------------------------------------------------------------------------- */

static void on_listen(void *arg, const char *url) {
    (void)url;
    count(&((rig *)arg)->listening);
}

static void on_log(void *arg, cstar_log_level level, const char *line) {
    (void)arg, (void)level, (void)line;
}

static void *serve(void *arg) {
    rig *r = arg;
    const cstar_cert cert = {.cert_file = r->cert, .key_file = r->key};
    const cstar_serve_opts opts = {.workers = 2,
                                   .listen = "127.0.0.1:0",
                                   .tls = true,
                                   .certs = &cert,
                                   .ncerts = 1,
                                   .on_listen = on_listen,
                                   .on_log = on_log,
                                   .arg = r};
    if (cstar_serve(r->app, &opts, NULL) != CSTAR_OK) {
        abort();
    }
    count(&r->ended);
    return NULL;
}

static void *reload(void *arg) {
    rig *r = arg;
    count(&r->begun);
    r->result = cstar_reload_certs(r->app, NULL);
    count(&r->reloaded);
    return NULL;
}

static void render(cstar_html *h, void *arg) {
    rig *r = arg;
    cstar_put(h, "<p id='n'>{}</p>", get(&r->renders) + 1);
    count(&r->renders);
}

/* Each of them wakes a worker, which then shows it. */
static void *publish(void *arg) {
    rig *r = arg;
    for (int i = 0; i < CHANGES; i++) {
        const unsigned before = get(&r->renders);
        (void)cstar_changed(r->app, "news", NULL);
        if (!await(&r->renders, before + 1)) {
            return NULL;
        }
        nap();
        count(&r->published);
    }
    cstar_stop(r->app);
    count(&r->stopped);
    return NULL;
}

/* ---- the test ------------------------------------------------------------------------------- */

static void begin(rig *r) {
    tlsrig_dir_make(r->dir);
    (void)snprintf(r->cert, sizeof r->cert, "%s/cert.pem", r->dir);
    (void)snprintf(r->key, sizeof r->key, "%s/key.pem", r->dir);
    tlsrig_cert(r->cert, r->key, &(tlsrig_spec){.names = "DNS:localhost"});
    r->app = cstar_app_new();
    cstar_topic(r->app, "news", .replay_count = 1); /* as if somebody listened */
    assert_int_equal(cstar_live_view(r->app, "news", .render = render, .arg = r, .repeat = true),
                     CSTAR_OK);
}

static void nobody_waits_for_a_key(void **state) {
    (void)state;
    rig r = {.listening = 0};
    pthread_t server;
    pthread_t reloader;
    pthread_t publisher;
    size_t len = 0;
    begin(&r);
    char *key = tlsrig_read(r.key, &len);
    assert_int_equal(pthread_create(&server, NULL, serve, &r), 0);
    assert_true(await(&r.listening, 1));
    (void)unlink(r.key);
    assert_int_equal(mkfifo(r.key, 0600), 0);
    assert_int_equal(pthread_create(&reloader, NULL, reload, &r), 0);
    assert_true(await(&r.begun, 1));
    assert_int_equal(pthread_create(&publisher, NULL, publish, &r), 0);
    assert_true(await(&r.published, CHANGES));
    assert_true(await(&r.stopped, 1));
    assert_int_equal(get(&r.reloaded) + get(&r.ended), 0); /* what it uses is still there */
    const int fd = open(r.key, O_WRONLY);
    assert_int_equal(write(fd, key, len), len);
    (void)close(fd);
    assert_true(await(&r.ended, 1));
    (void)pthread_join(reloader, NULL);
    assert_int_equal(r.result, CSTAR_OK);
    (void)pthread_join(publisher, NULL);
    (void)pthread_join(server, NULL);
    assert_int_equal(cstar_reload_certs(r.app, NULL), CSTAR_ESTATE);
    cstar_app_free(r.app);
    free(key);
    tlsrig_dir_remove(r.dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_waits_for_a_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
