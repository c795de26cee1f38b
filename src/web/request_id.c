/* request_id.c -- a name for each request, to find it again in logs.
 *
 * Two halves of 64 bits: mix(counter + seed 0), which no two requests of this app have in common
 * because mix is a bijection, and mix(that + seed 1), by which it differs from what other processes
 * made with their seeds. The seeds come from the kernel once in an app's life; a name costs an
 * atomic addition and two multiplications each. From one name the others can be told: it is no
 * secret and must not be used as one.
 *
 * SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE /* NOLINT: getentropy */
#include "web/app.h"

#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum { HEX_DIGITS = 32, MAX_GIVEN = 128 };

/* Bijective; every bit of x moves every bit of the result (the finaliser of SplitMix64). */
static uint64_t mix(uint64_t x) {
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

void cstar__request_id_seed(cstar_app *app) {
    if (getentropy(app->id_seed, sizeof app->id_seed) == 0) {
        return;
    }
    /* no randomness to be had: time, process and address differ enough for a log */
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    app->id_seed[0] = mix((uint64_t)now.tv_sec << 32 ^ (uint64_t)now.tv_nsec);
    app->id_seed[1] = mix(app->id_seed[0] ^ (uint64_t)getpid() << 32 ^ (uintptr_t)app);
}

static void put_hex(char *to, uint64_t n) {
    for (int i = 0; i < 16; i++) {
        to[i] = "0123456789abcdef"[n >> (60 - 4 * i) & 15];
    }
}

static const char *make(cstar_conn *conn) {
    cstar_app *app = conn->app;
    char *id = cstar_arena_alloc(&conn->x->arena, HEX_DIGITS + 1);
    if (id == NULL) {
        return "-";
    }
    uint64_t n = __atomic_add_fetch(&app->id_count, 1, __ATOMIC_RELAXED);
    uint64_t unique = mix(n + app->id_seed[0]);
    put_hex(id, mix(unique + app->id_seed[1]));
    put_hex(id + 16, unique);
    id[HEX_DIGITS] = '\0';
    return id;
}

static bool is_good(cstar_str s) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!word && c != '.' && c != '_' && c != '-') {
            return false;
        }
    }
    return s.len >= 1 && s.len <= MAX_GIVEN;
}

/* NULL: none, or nobody's whose word counts. */
static const char *given(cstar_conn *conn) {
    cstar_str id = cstar__request_field(&conn->x->request, "x-request-id");
    if (!is_good(id) || !cstar__conn_by_proxy(conn)) {
        return NULL;
    }
    return cstar_arena_strdup(&conn->x->arena, id);
}

const char *cstar_request_id(cstar_conn *conn) {
    if (conn->request_id == NULL) {
        const char *id = given(conn);
        conn->request_id = id != NULL ? id : make(conn);
    }
    return conn->request_id;
}

void cstar__request_id_announce(cstar_conn *conn) {
    if (conn->app->send_request_id) {
        (void)cstar__conn_add_field(conn, CSTAR_STR("x-request-id"),
                                    cstar_cstr(cstar_request_id(conn)));
    }
}
