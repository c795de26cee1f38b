/* test_tls_threads.c -- workers that share a context, resume each other's sessions, and a reload under their feet.
 * SPDX-License-Identifier: MIT */
#include "net/tls.h"
#include "support/tlsrig.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#include <cmocka.h>

#define WORKERS 4
#define CONNECTIONS 40

static char cert[128];
static cstar__tls_slot slot;
static atomic_uint running, served, resumed;

/* One connection from beginning to end. No assert within a thread: cmocka's are the main thread's. */
static bool serve(int version, SSL_SESSION **session) {
    cstar__tls_ctx *ctx = cstar__tls_slot_get(&slot);
    if (ctx == NULL) {
        return false;
    }
    tlsrig r;
    SSL_SESSION *fresh = NULL;
    tlsrig_init(&r, ctx,
                &(tlsrig_opts){.max = version,
                               .session = *session,
                               .sessions = &fresh,
                               .alpn = "\x02h2",
                               .alpn_len = 3,
                               .sni = "localhost"});
    cstar__tls_ctx_unref(ctx);
    bool ok = tlsrig_shake(&r) && cstar__tls_is_h2(r.server) && tlsrig_to_server(&r, "ping", 4) &&
              tlsrig_to_client(&r, "pong", 4);
    if (ok && cstar__tls_resumed(r.server)) {
        (void)atomic_fetch_add(&resumed, 1);
    }
    tlsrig_fini(&r);
    if (fresh != NULL) {
        SSL_SESSION_free(*session);
        *session = fresh;
    }
    return ok;
}

static void *worker(void *arg) {
    const int *version = arg;
    SSL_SESSION *session = NULL;
    for (int i = 0; i < CONNECTIONS; i++) {
        if (serve(*version, &session)) {
            (void)atomic_fetch_add(&served, 1);
        }
    }
    SSL_SESSION_free(session);
    (void)atomic_fetch_sub(&running, 1);
    return NULL;
}

static cstar__tls_ctx *load(cstar__tls_ctx *previous) {
    cstar__tls_cert c = {cert, NULL};
    return cstar__tls_ctx_new(&(cstar__tls_opts){.certs = &c, .ncerts = 1, .previous = previous},
                              NULL);
}

/* Reloads and rotates until the workers are done. @return how often, 0: one failed. */
static unsigned reload_meanwhile(void) {
    unsigned reloads = 0;
    while (atomic_load(&running) != 0) {
        cstar__tls_ctx *now = cstar__tls_slot_get(&slot);
        cstar__tls_ctx *next = load(now);
        bool ok = next != NULL && cstar__tls_ctx_rotate(now) == CSTAR_OK;
        cstar__tls_ctx_unref(now);
        if (!ok) {
            cstar__tls_ctx_unref(next);
            return 0;
        }
        cstar__tls_slot_set(&slot, next);
        reloads++;
    }
    return reloads;
}

static void handshakes_and_reloads(void **state) {
    (void)state;
    static int versions[WORKERS] = {TLS1_3_VERSION, TLS1_2_VERSION, TLS1_3_VERSION, TLS1_2_VERSION};
    pthread_t threads[WORKERS];
    assert_int_equal(cstar__tls_slot_init(&slot, load(NULL)), CSTAR_OK);
    atomic_store(&running, WORKERS);
    for (int i = 0; i < WORKERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, worker, &versions[i]), 0);
    }
    unsigned reloads = reload_meanwhile();
    for (int i = 0; i < WORKERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    cstar__tls_slot_fini(&slot);
    print_message("%u served, %u of them resumed, %u reloads\n", atomic_load(&served),
                  atomic_load(&resumed), reloads);
    assert_int_equal(atomic_load(&served), WORKERS * CONNECTIONS);
    assert_true(reloads > 0);
}

/* A ticket of one worker's is good with another, since they share the context. */
static void *resume_elsewhere(void *arg) {
    SSL_SESSION **session = arg;
    (void)serve(TLS1_3_VERSION, session);
    return NULL;
}

static void sessions_travel(void **state) {
    (void)state;
    assert_int_equal(cstar__tls_slot_init(&slot, load(NULL)), CSTAR_OK);
    SSL_SESSION *session = NULL;
    atomic_store(&resumed, 0);
    assert_true(serve(TLS1_3_VERSION, &session));
    assert_int_equal(atomic_load(&resumed), 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, resume_elsewhere, &session), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(atomic_load(&resumed), 1);
    SSL_SESSION_free(session);
    cstar__tls_slot_fini(&slot);
}

int main(void) {
    char dir[64];
    tlsrig_dir_make(dir);
    (void)snprintf(cert, sizeof cert, "%s/cert.pem", dir);
    tlsrig_cert(cert, NULL, &(tlsrig_spec){.names = "DNS:localhost"});
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handshakes_and_reloads),
        cmocka_unit_test(sessions_travel),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    tlsrig_dir_remove(dir);
    return rc;
}
