/* test_tls.c -- a client of OpenSSL's against a connection, in memory: handshakes in all pieces, data both ways, endings,
 * damage, garbage, limits.
 * ctest: timeout=120
 * SPDX-License-Identifier: MIT */
#include "net/tls.h"
#include "support/failalloc.h"
#include "support/tlsrig.h"

#include <openssl/err.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static char dir[64];
static cstar__tls_ctx *ctx;
static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

#define EACH_VERSION(v) for (int v = 0; v < 2; v++)

static int set_up(void **state) {
    (void)state;
    tlsrig_dir_make(dir);
    ctx = tlsrig_ctx(dir);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    cstar__tls_ctx_unref(ctx);
    tlsrig_dir_remove(dir);
    return 0;
}

static tlsrig connected(int version) {
    tlsrig r;
    tlsrig_init(&r, ctx, &(tlsrig_opts){.max = version});
    assert_true(tlsrig_shake(&r));
    return r;
}

static char *text_of(size_t len) {
    char *text = malloc(len + 1);
    assert_non_null(text);
    for (size_t i = 0; i < len; i++) {
        text[i] = (char)('a' + i * 7 % 26);
    }
    return text;
}

/* ---- handshakes ---- */

static void both_versions(void **state) {
    (void)state;
    EACH_VERSION(v) {
        tlsrig r;
        tlsrig_init(&r, ctx, &(tlsrig_opts){.max = versions[v]});
        assert_false(cstar__tls_ready(r.server));
        assert_string_equal(cstar__tls_version(r.server), "");
        assert_string_equal(cstar__tls_cipher(r.server), "");
        assert_true(tlsrig_shake(&r));
        assert_true(cstar__tls_ready(r.server));
        assert_string_equal(cstar__tls_version(r.server), v == 0 ? "TLSv1.2" : "TLSv1.3");
        assert_string_equal(cstar__tls_cipher(r.server), SSL_get_cipher_name(r.client));
        assert_null(cstar__tls_sni(r.server));
        assert_false(cstar__tls_resumed(r.server));
        assert_false(cstar__tls_saw_http(r.server));
        assert_true(tlsrig_to_server(&r, "ping", 4));
        assert_true(tlsrig_to_client(&r, "pong", 4));
        tlsrig_fini(&r);
    }
}

static void every_chunking(void **state) {
    (void)state;
    static const size_t chunks[] = {1, 2, 3, 4, 5, 6, 7, 11, 64, 100, 255, 517, 1000};
    EACH_VERSION(v) {
        for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
            tlsrig r;
            tlsrig_init(&r, ctx, &(tlsrig_opts){.max = versions[v]});
            r.chunk = chunks[i];
            assert_true(tlsrig_shake(&r));
            assert_true(tlsrig_to_server(&r, "GET / HTTP/1.1\r\n\r\n", 18));
            assert_true(tlsrig_to_client(&r, "HTTP/1.1 200 OK\r\n", 17));
            tlsrig_fini(&r);
        }
    }
}

/* The flight in two pieces, at each place. */
static cstar_status feed_split(tlsrig *r, size_t at, size_t *total) {
    char *bytes = NULL;
    size_t len = (size_t)BIO_get_mem_data(r->tx, &bytes);
    char *copy = malloc(len + 1);
    assert_non_null(copy);
    memcpy(copy, bytes, len);
    (void)BIO_reset(r->tx);
    at = at < len ? at : len;
    *total = len;
    cstar_status rc = cstar__tls_feed(r->server, copy, at, &r->plain, &r->reply, &r->err);
    if (rc == CSTAR_OK) {
        rc = cstar__tls_feed(r->server, copy + at, len - at, &r->plain, &r->reply, &r->err);
    }
    free(copy);
    tlsrig_deliver(r);
    return rc;
}

static void split_in_two_everywhere(void **state) {
    (void)state;
    EACH_VERSION(v) {
        size_t total = 1;
        for (size_t at = 0; at <= total; at++) {
            tlsrig r;
            tlsrig_init(&r, ctx, &(tlsrig_opts){.max = versions[v]});
            size_t hello = 0, rest = 0;
            (void)SSL_do_handshake(r.client);
            assert_int_equal(feed_split(&r, at, &hello), CSTAR_OK);
            (void)SSL_do_handshake(r.client);
            assert_int_equal(feed_split(&r, at, &rest), CSTAR_OK);
            (void)SSL_do_handshake(r.client);
            assert_true(cstar__tls_ready(r.server));
            total = hello > rest ? hello : rest;
            assert_true(tlsrig_to_server(&r, "x", 1));
            tlsrig_fini(&r);
            at += at > 60 && at + 60 < total ? 16 : 0; /* all of the edges, some of the middle */
        }
    }
}

/* The client's Finished and its first request in one read, which is what happens with TLS 1.3. */
static void request_behind_finished(void **state) {
    (void)state;
    tlsrig r;
    tlsrig_init(&r, ctx, &(tlsrig_opts){.max = TLS1_3_VERSION});
    (void)SSL_do_handshake(r.client);
    assert_int_equal(tlsrig_move(&r), CSTAR_OK);
    assert_int_equal(SSL_do_handshake(r.client), 1);
    assert_int_equal(SSL_write(r.client, "first", 5), 5);
    assert_int_equal(SSL_write(r.client, "second", 6), 6);
    assert_false(cstar__tls_ready(r.server));
    assert_int_equal(tlsrig_move(&r), CSTAR_OK);
    assert_true(cstar__tls_ready(r.server));
    assert_int_equal(r.plain.len, 11);
    assert_memory_equal(r.plain.ptr, "firstsecond", 11);
    tlsrig_fini(&r);
}

static void old_versions_and_weak_suites_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int version;
        const char *ciphers;
    } cases[] = {
        {"TLS 1.0", TLS1_VERSION, "ALL:@SECLEVEL=0"},
        {"TLS 1.1", TLS1_1_VERSION, "ALL:@SECLEVEL=0"},
        {"CBC", TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA384"},
        {"no forward secrecy", TLS1_2_VERSION, "AES128-GCM-SHA256"},
        {"DHE", TLS1_2_VERSION, "DHE-RSA-AES128-GCM-SHA256"},
        {"anonymous", TLS1_2_VERSION, "aNULL:@SECLEVEL=0"},
        {"no encryption", TLS1_2_VERSION, "ECDHE-ECDSA-NULL-SHA:@SECLEVEL=0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tlsrig r;
        tlsrig_init(&r, ctx, &(tlsrig_opts){.max = cases[i].version, .ciphers = cases[i].ciphers});
        assert_false(tlsrig_shake(&r));
        if (r.rc != CSTAR_ESYNTAX) {
            print_error("%s: %d\n", cases[i].name, (int)r.rc);
        }
        assert_int_equal(r.rc, CSTAR_ESYNTAX);
        assert_string_equal(r.err.where, "tls");
        assert_memory_equal(r.err.text, "TLS handshake: ", 15);
        assert_null(strchr(r.err.text, '\n'));
        /* The client was told why. */
        int reason = tlsrig_client_error();
        assert_true(reason == SSL_R_TLSV1_ALERT_PROTOCOL_VERSION ||
                    reason == SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE);
        tlsrig_fini(&r);
    }
}

static void only_tls_1_3_when_asked_for(void **state) {
    (void)state;
    cstar__tls_cert cert = {tlsrig_path(dir, "cert.pem"), tlsrig_path(dir, "key.pem")};
    cstar__tls_ctx *strict = cstar__tls_ctx_new(
        &(cstar__tls_opts){.certs = &cert, .ncerts = 1, .min_version = 13}, NULL);
    assert_non_null(strict);
    EACH_VERSION(v) {
        tlsrig r;
        tlsrig_init(&r, strict, &(tlsrig_opts){.max = versions[v]});
        assert_int_equal(tlsrig_shake(&r), v == 1);
        tlsrig_fini(&r);
    }
    cstar__tls_ctx_unref(strict);
}

/* ---- data ---- */

static void sizes(void **state) {
    (void)state;
    static const size_t lens[] = {1,     2,     5,     100,   1400,   16383,  16384,
                                  16385, 32768, 49152, 50000, 262144, 1000000};
    EACH_VERSION(v) {
        tlsrig r = connected(versions[v]);
        for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
            char *text = text_of(lens[i]);
            r.chunk = i % 2 == 0 ? 0 : 1460;
            assert_true(tlsrig_to_server(&r, text, lens[i]));
            assert_int_equal(cstar__tls_write(r.server, cstar_view(text, lens[i]), &r.reply),
                             CSTAR_OK);
            assert_true(r.reply.len > lens[i] && r.reply.len <= cstar__tls_bound(lens[i]));
            tlsrig_deliver(&r);
            size_t n = 0, at = 0;
            char *got = malloc(lens[i]);
            assert_non_null(got);
            while (at < lens[i] && SSL_read_ex(r.client, got + at, lens[i] - at, &n) == 1) {
                at += n;
            }
            assert_memory_equal(got, text, lens[i]);
            free(got);
            free(text);
        }
        assert_int_equal(cstar__tls_write(r.server, cstar_view(NULL, 0), &r.reply), CSTAR_OK);
        assert_int_equal(r.reply.len, 0);
        tlsrig_fini(&r);
    }
}

/* What is promised about `plain`: never more than was fed and one record. A fixed buffer of that size is enough. */
static void plain_is_bounded(void **state) {
    (void)state;
    EACH_VERSION(v) {
        tlsrig r = connected(versions[v]);
        static char mem[1000 + 16384];
        char *text = text_of(200000);
        assert_int_equal(SSL_write(r.client, text, 200000), 200000);
        char *bytes = NULL;
        size_t len = (size_t)BIO_get_mem_data(r.tx, &bytes);
        size_t at = 0;
        for (size_t i = 0; i < len; i += 1000) {
            cstar_buf plain;
            cstar_buf_fixed(&plain, mem, sizeof mem);
            size_t n = len - i < 1000 ? len - i : 1000;
            assert_int_equal(cstar__tls_feed(r.server, bytes + i, n, &plain, &r.reply, &r.err),
                             CSTAR_OK);
            assert_memory_equal(mem, text + at, plain.len);
            at += plain.len;
        }
        assert_int_equal(at, 200000);
        free(text);
        tlsrig_fini(&r);
    }
}

static void full_plain_is_an_error(void **state) {
    (void)state;
    EACH_VERSION(v) {
        for (size_t room = 0; room < 12; room++) {
            tlsrig r = connected(versions[v]);
            char mem[16];
            cstar_buf plain;
            cstar_buf_fixed(&plain, mem, room);
            assert_int_equal(SSL_write(r.client, "0123456789", 10), 10);
            char *bytes = NULL;
            size_t len = (size_t)BIO_get_mem_data(r.tx, &bytes);
            cstar_status rc = cstar__tls_feed(r.server, bytes, len, &plain, &r.reply, &r.err);
            assert_int_equal(rc, room < 10 ? CSTAR_ELIMIT : CSTAR_OK);
            if (room < 10) {
                assert_int_equal(plain.status, CSTAR_ELIMIT);
                assert_int_equal(cstar__tls_feed(r.server, bytes, 1, &plain, &r.reply, &r.err),
                                 CSTAR_ESYNTAX);
            }
            tlsrig_fini(&r);
        }
    }
}

/* Everything or nothing: after a refused write the connection is as before. */
static void full_reply_refuses_a_write(void **state) {
    (void)state;
    EACH_VERSION(v) {
        tlsrig r = connected(versions[v]);
        size_t need = cstar__tls_bound(5);
        char *mem = malloc(need);
        assert_non_null(mem);
        for (size_t room = 0; room <= need; room++) {
            cstar_buf reply;
            cstar_buf_fixed(&reply, mem, room);
            cstar_status rc = cstar__tls_write(r.server, CSTAR_STR("hello"), &reply);
            assert_int_equal(rc, room < need ? CSTAR_ELIMIT : CSTAR_OK);
            if (room < need) {
                assert_int_equal(reply.len, 0);
            }
            cstar_buf_add(&r.reply, reply.ptr, reply.len);
        }
        tlsrig_deliver(&r);
        char got[16];
        assert_int_equal(SSL_read(r.client, got, sizeof got), 5);
        assert_memory_equal(got, "hello", 5);
        assert_true(tlsrig_to_client(&r, "again", 5));
        free(mem);
        tlsrig_fini(&r);
    }
}

static void full_reply_ends_a_handshake(void **state) {
    (void)state;
    EACH_VERSION(v) {
        for (size_t room = 0; room < 300; room += 13) {
            tlsrig r;
            tlsrig_init(&r, ctx, &(tlsrig_opts){.max = versions[v]});
            (void)SSL_do_handshake(r.client);
            char *bytes = NULL;
            size_t len = (size_t)BIO_get_mem_data(r.tx, &bytes);
            char mem[300];
            cstar_buf reply;
            cstar_buf_fixed(&reply, mem, room);
            assert_int_equal(cstar__tls_feed(r.server, bytes, len, &r.plain, &reply, &r.err),
                             CSTAR_ELIMIT);
            assert_false(cstar__tls_ready(r.server));
            tlsrig_fini(&r);
        }
    }
}

static void buffers_without_memory(void **state) {
    (void)state;
    tlsrig r = connected(TLS1_3_VERSION);
    failalloc f;
    failalloc_init(&f, 1);
    cstar_buf none;
    cstar_buf_init(&none, &f.alloc, 0);
    assert_int_equal(cstar__tls_write(r.server, CSTAR_STR("hello"), &none), CSTAR_ENOMEM);
    assert_true(tlsrig_to_client(&r, "still there", 11));
    failalloc_init(&f, 1);
    cstar_buf_init(&none, &f.alloc, 0);
    assert_int_equal(SSL_write(r.client, "hello", 5), 5);
    char *bytes = NULL;
    size_t len = (size_t)BIO_get_mem_data(r.tx, &bytes);
    assert_int_equal(cstar__tls_feed(r.server, bytes, len, &none, &r.reply, &r.err), CSTAR_ENOMEM);
    tlsrig_fini(&r);
}

static void writing_has_its_time(void **state) {
    (void)state;
    tlsrig r;
    tlsrig_init(&r, ctx, &(tlsrig_opts){.max = TLS1_3_VERSION});
    assert_int_equal(cstar__tls_write(r.server, CSTAR_STR("early"), &r.reply), CSTAR_ESTATE);
    cstar__tls_close(r.server, &r.reply);
    assert_int_equal(r.reply.len, 0);
    assert_true(tlsrig_shake(&r));
    cstar__tls_close(r.server, &r.reply);
    assert_true(r.reply.len > 0);
    size_t len = r.reply.len;
    cstar__tls_close(r.server, &r.reply);
    assert_int_equal(r.reply.len, len);
    assert_int_equal(cstar__tls_write(r.server, CSTAR_STR("late"), &r.reply), CSTAR_ESTATE);
    tlsrig_fini(&r);
}

/* ---- endings ---- */

static void close_notify_both_ways(void **state) {
    (void)state;
    EACH_VERSION(v) {
        tlsrig r = connected(versions[v]);
        assert_int_equal(SSL_write(r.client, "last", 4), 4);
        assert_int_equal(SSL_shutdown(r.client), 0);
        assert_int_equal(tlsrig_move(&r), CSTAR_ECLOSED);
        assert_memory_equal(r.plain.ptr, "last", 4);
        assert_int_equal(cstar__tls_feed(r.server, "x", 1, &r.plain, &r.reply, &r.err),
                         CSTAR_ECLOSED);
        /* its half is closed, ours is not */
        assert_int_equal(cstar__tls_write(r.server, CSTAR_STR("answer"), &r.reply), CSTAR_OK);
        cstar__tls_close(r.server, &r.reply);
        tlsrig_deliver(&r);
        char got[16];
        assert_int_equal(SSL_read(r.client, got, sizeof got), 6);
        int rc = SSL_read(r.client, got, sizeof got);
        assert_int_equal(SSL_get_error(r.client, rc), SSL_ERROR_ZERO_RETURN);
        tlsrig_fini(&r);

        r = connected(versions[v]);
        cstar__tls_close(r.server, &r.reply);
        tlsrig_deliver(&r);
        rc = SSL_read(r.client, got, sizeof got);
        assert_int_equal(SSL_get_error(r.client, rc), SSL_ERROR_ZERO_RETURN);
        /* we have said our last, and still hear */
        assert_true(tlsrig_to_server(&r, "more", 4));
        (void)SSL_shutdown(r.client);
        assert_int_equal(tlsrig_move(&r), CSTAR_ECLOSED);
        tlsrig_fini(&r);
    }
}

static void renegotiation_is_refused(void **state) {
    (void)state;
    tlsrig r = connected(TLS1_2_VERSION);
    assert_int_equal(SSL_renegotiate(r.client), 1);
    (void)SSL_do_handshake(r.client);
    (void)tlsrig_move(&r);
    assert_true(r.rc == CSTAR_OK || r.rc == CSTAR_ESYNTAX);
    assert_int_not_equal(SSL_do_handshake(r.client), 1);
    assert_int_equal(tlsrig_client_error(), SSL_R_NO_RENEGOTIATION);
    tlsrig_fini(&r);
}

static void keys_are_updated(void **state) {
    (void)state;
    tlsrig r = connected(TLS1_3_VERSION);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(SSL_key_update(r.client, SSL_KEY_UPDATE_REQUESTED), 1);
        assert_true(tlsrig_to_server(&r, "ping", 4));
        assert_true(tlsrig_to_client(&r, "pong", 4));
    }
    tlsrig_fini(&r);
}

/* Each asks for an answer: what goes out is no more than what came in, and ends at the limit of `reply`. */
static void a_flood_of_key_updates(void **state) {
    (void)state;
    for (int limited = 0; limited < 2; limited++) {
        tlsrig r = connected(TLS1_3_VERSION);
        for (int i = 0; i < 1000; i++) {
            assert_int_equal(SSL_key_update(r.client, SSL_KEY_UPDATE_REQUESTED), 1);
            assert_int_equal(SSL_do_handshake(r.client), 1);
        }
        char *bytes = NULL;
        size_t len = (size_t)BIO_get_mem_data(r.tx, &bytes);
        assert_true(len > 20000);
        char mem[1000];
        cstar_buf little;
        cstar_buf_fixed(&little, mem, sizeof mem);
        cstar_buf *reply = limited == 1 ? &little : &r.reply;
        cstar_status rc = cstar__tls_feed(r.server, bytes, len, &r.plain, reply, &r.err);
        assert_true(rc == CSTAR_OK || (limited == 1 && rc == CSTAR_ELIMIT));
        assert_true(reply->len <= len);
        (void)BIO_reset(r.tx);
        if (rc == CSTAR_OK) {
            tlsrig_deliver(&r);
            assert_true(tlsrig_to_client(&r, "still", 5));
            assert_true(tlsrig_to_server(&r, "there", 5));
        }
        tlsrig_fini(&r);
    }
}

/* ---- damage ---- */

typedef struct flight {
    char bytes[8192];
    size_t len;
} flight;

static void take_flight(tlsrig *r, flight *f) {
    char *bytes = NULL;
    f->len = (size_t)BIO_get_mem_data(r->tx, &bytes);
    assert_true(f->len <= sizeof f->bytes);
    memcpy(f->bytes, bytes, f->len);
    (void)BIO_reset(r->tx);
}

/* Whatever is flipped in the client's second flight or in a record of data: an error or nothing, but no plaintext. */
static void flipped_bits(void **state) {
    (void)state;
    EACH_VERSION(v) {
        for (size_t stage = 0; stage < 2; stage++) {
            size_t total = 1;
            for (size_t at = 0; at < total; at++) {
                tlsrig r;
                flight f;
                tlsrig_init(&r, ctx, &(tlsrig_opts){.max = versions[v]});
                if (stage == 0) {
                    (void)SSL_do_handshake(r.client);
                    (void)tlsrig_move(&r);
                    (void)SSL_do_handshake(r.client);
                } else {
                    assert_true(tlsrig_shake(&r));
                    assert_int_equal(SSL_write(r.client, "secret", 6), 6);
                }
                take_flight(&r, &f);
                total = f.len;
                f.bytes[at] = (char)((unsigned char)f.bytes[at] ^ (1U << (at % 8)));
                cstar_status rc =
                    cstar__tls_feed(r.server, f.bytes, f.len, &r.plain, &r.reply, &r.err);
                assert_int_equal(r.plain.len, 0);
                /* A version in a record's header that nobody looks at, or a length that now wants more, is not noticed yet.
                 * TLS 1.3's dummy ChangeCipherSpec (its first 6 bytes) is not protected either. */
                bool dummy = v == 1 && stage == 0 && at < 6;
                if (rc == CSTAR_OK && !dummy) {
                    size_t in_record = stage == 0 && v == 1 ? at - 6 : at;
                    assert_true(!cstar__tls_ready(r.server) || stage == 1);
                    assert_true(stage == 0 || in_record < 5);
                }
                if (rc != CSTAR_OK) {
                    assert_int_equal(rc, CSTAR_ESYNTAX);
                    assert_int_equal(
                        cstar__tls_feed(r.server, f.bytes, f.len, &r.plain, &r.reply, &r.err),
                        CSTAR_ESYNTAX);
                    assert_int_equal(cstar__tls_write(r.server, CSTAR_STR("x"), &r.reply),
                                     CSTAR_ESTATE);
                }
                tlsrig_fini(&r);
            }
        }
    }
}

static void flipped_hello(void **state) {
    (void)state;
    EACH_VERSION(v) {
        size_t total = 1;
        for (size_t at = 0; at < total; at++) {
            tlsrig r;
            flight f;
            tlsrig_init(
                &r, ctx,
                &(tlsrig_opts){
                    .max = versions[v], .sni = "localhost", .alpn = "\x02h2", .alpn_len = 3});
            (void)SSL_do_handshake(r.client);
            take_flight(&r, &f);
            total = f.len;
            f.bytes[at] = (char)((unsigned char)f.bytes[at] ^ (1U << (at % 7)));
            cstar_status rc = cstar__tls_feed(r.server, f.bytes, f.len, &r.plain, &r.reply, &r.err);
            assert_true(rc == CSTAR_OK || rc == CSTAR_ESYNTAX);
            assert_false(cstar__tls_ready(r.server));
            tlsrig_deliver(&r);
            (void)SSL_do_handshake(r.client);
            (void)tlsrig_move(&r);
            if (v == 0 && SSL_get_state(r.client) != TLS_ST_OK) {
                (void)SSL_do_handshake(r.client);
            }
            /* Both ends hash what they saw, so the handshake can't finish; only the version in the record's header is in no
             * hash. */
            assert_true(!cstar__tls_ready(r.server) || at == 1 || at == 2);
            tlsrig_fini(&r);
        }
    }
}

/* A prefix of everything the client says is never an error, and never ready. */
static void truncated(void **state) {
    (void)state;
    EACH_VERSION(v) {
        for (size_t cut = 0; cut < 400; cut += 3) {
            tlsrig r;
            flight f;
            tlsrig_init(&r, ctx, &(tlsrig_opts){.max = versions[v]});
            (void)SSL_do_handshake(r.client);
            (void)tlsrig_move(&r);
            (void)SSL_do_handshake(r.client);
            take_flight(&r, &f);
            if (cut >= f.len) {
                tlsrig_fini(&r);
                break;
            }
            assert_int_equal(cstar__tls_feed(r.server, f.bytes, cut, &r.plain, &r.reply, &r.err),
                             CSTAR_OK);
            assert_false(cstar__tls_ready(r.server));
            tlsrig_fini(&r);
        }
    }
}

/* ---- garbage ---- */

static void plain_http(void **state) {
    (void)state;
    static const char *const requests[] = {
        "GET / HTTP/1.1\r\n\r\n",      "HEAD / HTTP/1.1\r\n\r\n",   "POST /x HTTP/1.1\r\n\r\n",
        "PUT /x HTTP/1.1\r\n\r\n",     "DELETE / HTTP/1.1\r\n\r\n", "OPTIONS * HTTP/1.1\r\n\r\n",
        "PATCH / HTTP/1.1\r\n\r\n",    "CONNECT a:1 HTTP/1.1\r\n",  "TRACE / HTTP/1.1\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n"};
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        size_t len = strlen(requests[i]);
        for (size_t chunk = 1; chunk <= len; chunk++) {
            tlsrig r;
            tlsrig_init(&r, ctx, &(tlsrig_opts){.max = 0});
            bool seen = false;
            for (size_t at = 0; at < len; at += chunk) {
                size_t n = len - at < chunk ? len - at : chunk;
                cstar_status rc =
                    cstar__tls_feed(r.server, requests[i] + at, n, &r.plain, &r.reply, &r.err);
                assert_true(seen ? rc == CSTAR_ESYNTAX : rc == CSTAR_OK || rc == CSTAR_ESYNTAX);
                seen = rc == CSTAR_ESYNTAX;
                assert_int_equal(seen, cstar__tls_saw_http(r.server));
            }
            assert_true(seen);
            assert_string_equal(r.err.text, "TLS: plain HTTP on the TLS port");
            assert_int_equal(r.reply.len, 0);
            assert_int_equal(r.plain.len, len);
            assert_memory_equal(r.plain.ptr, requests[i], len);
            tlsrig_fini(&r);
        }
    }
}

static void other_garbage(void **state) {
    (void)state;
    static const struct {
        const char *name, *bytes;
        size_t len;
    } cases[] = {
        {"zeros", "\0\0\0\0\0\0\0\0\0\0\0\0", 12},
        {"lower case", "get / http/1.1\r\n\r\n", 18},
        {"almost a method", "GETX / HTTP/1.1\r\n\r\n", 19},
        {"a letter, then not", "P\x01\x02\x03\x04\x05\x06\x07", 8},
        {"SSH", "SSH-2.0-OpenSSH_9.2\r\n", 21},
        {"SSL 2",
         "\x80\x1c\x01\x00\x02\x00\x03\x00\x00\x00\x10\x01\x00\x80"
         "0123456789abcdef",
         30},
        {"a record too long", "\x16\x03\x01\xff\xff\x01\x00\x00\x00\x00\x00", 11},
        {"data before a hello", "\x17\x03\x03\x00\x05hello", 10},
        {"alert", "\x15\x03\x01\x00\x02\x02\x28", 7},
        {"an empty hello", "\x16\x03\x01\x00\x04\x01\x00\x00\x00", 9},
        {"a server's hello", "\x16\x03\x01\x00\x04\x02\x00\x00\x00", 9},
        {"PROXY", "PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n", 36},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t chunk = 1; chunk <= cases[i].len; chunk += cases[i].len - 1) {
            tlsrig r;
            tlsrig_init(&r, ctx, &(tlsrig_opts){.max = 0});
            cstar_status rc = CSTAR_OK;
            for (size_t at = 0; at < cases[i].len && rc == CSTAR_OK; at += chunk) {
                size_t n = cases[i].len - at < chunk ? cases[i].len - at : chunk;
                rc = cstar__tls_feed(r.server, cases[i].bytes + at, n, &r.plain, &r.reply, &r.err);
            }
            if (rc != CSTAR_ESYNTAX) {
                print_error("%s: %d\n", cases[i].name, (int)rc);
            }
            assert_int_equal(rc, CSTAR_ESYNTAX);
            assert_false(cstar__tls_saw_http(r.server));
            assert_int_equal(r.plain.len, 0);
            assert_memory_equal(r.err.text, "TLS handshake: ", 15);
            tlsrig_fini(&r);
        }
    }
}

/* What was held while it could have become a method is not lost: a good hello behind it is no good hello. */
static void a_letter_before_a_hello(void **state) {
    (void)state;
    tlsrig r;
    tlsrig_init(&r, ctx, &(tlsrig_opts){.max = 0});
    assert_int_equal(cstar__tls_feed(r.server, "P", 1, &r.plain, &r.reply, &r.err), CSTAR_OK);
    (void)SSL_do_handshake(r.client);
    assert_int_equal(tlsrig_move(&r), CSTAR_ESYNTAX);
    assert_false(cstar__tls_saw_http(r.server));
    assert_int_equal(r.plain.len, 0);
    tlsrig_fini(&r);
}

/* A handshake that never ends, made of what TLS 1.3 has servers ignore. */
static void endless_handshake(void **state) {
    (void)state;
    tlsrig r;
    tlsrig_init(&r, ctx, &(tlsrig_opts){.max = TLS1_3_VERSION});
    (void)SSL_do_handshake(r.client);
    assert_int_equal(tlsrig_move(&r), CSTAR_OK);
    size_t fed = 0;
    cstar_status rc = CSTAR_OK;
    while (rc == CSTAR_OK && fed < 1000000) {
        rc = cstar__tls_feed(r.server, "\x14\x03\x03\x00\x01\x01", 6, &r.plain, &r.reply, &r.err);
        fed += 6;
    }
    assert_int_equal(rc, CSTAR_ESYNTAX);
    assert_true(fed <= 70000);
    tlsrig_fini(&r);

    /* a hello that is announced as 128 KiB and arrives in full records */
    tlsrig_init(&r, ctx, &(tlsrig_opts){.max = TLS1_3_VERSION});
    static char record[5 + 16384];
    memcpy(record, "\x16\x03\x01\x40\x00\x01\x01\xf0\x00\x03\x03", 11);
    rc = CSTAR_OK;
    for (fed = 0; rc == CSTAR_OK && fed < 1000000; fed += sizeof record) {
        rc = cstar__tls_feed(r.server, record, sizeof record, &r.plain, &r.reply, &r.err);
    }
    assert_int_equal(rc, CSTAR_ESYNTAX);
    assert_true(fed <= 90000);
    assert_string_equal(r.err.text, "TLS handshake: it is too long");
    tlsrig_fini(&r);
}

/* OpenSSL looks at its thread's queue to decide what happened: another user's errors must not confuse it. */
static void errors_of_others(void **state) {
    (void)state;
    tlsrig r = connected(TLS1_3_VERSION);
    assert_int_equal(SSL_write(r.client, "hello", 5), 5);
    char *bytes = NULL;
    size_t len = (size_t)BIO_get_mem_data(r.tx, &bytes);
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
    assert_int_equal(cstar__tls_feed(r.server, bytes, 3, &r.plain, &r.reply, &r.err), CSTAR_OK);
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
    assert_int_equal(cstar__tls_feed(r.server, bytes + 3, len - 3, &r.plain, &r.reply, &r.err),
                     CSTAR_OK);
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
    assert_int_equal(cstar__tls_write(r.server, CSTAR_STR("x"), &r.reply), CSTAR_OK);
    assert_int_equal(ERR_peek_error(), 0);
    assert_int_equal(r.plain.len, 5);
    tlsrig_fini(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_versions),
        cmocka_unit_test(every_chunking),
        cmocka_unit_test(split_in_two_everywhere),
        cmocka_unit_test(request_behind_finished),
        cmocka_unit_test(old_versions_and_weak_suites_are_refused),
        cmocka_unit_test(only_tls_1_3_when_asked_for),
        cmocka_unit_test(sizes),
        cmocka_unit_test(plain_is_bounded),
        cmocka_unit_test(full_plain_is_an_error),
        cmocka_unit_test(full_reply_refuses_a_write),
        cmocka_unit_test(full_reply_ends_a_handshake),
        cmocka_unit_test(buffers_without_memory),
        cmocka_unit_test(writing_has_its_time),
        cmocka_unit_test(close_notify_both_ways),
        cmocka_unit_test(renegotiation_is_refused),
        cmocka_unit_test(keys_are_updated),
        cmocka_unit_test(a_flood_of_key_updates),
        cmocka_unit_test(flipped_bits),
        cmocka_unit_test(flipped_hello),
        cmocka_unit_test(truncated),
        cmocka_unit_test(plain_http),
        cmocka_unit_test(other_garbage),
        cmocka_unit_test(a_letter_before_a_hello),
        cmocka_unit_test(endless_handshake),
        cmocka_unit_test(errors_of_others),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
