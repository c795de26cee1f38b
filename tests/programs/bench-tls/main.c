/* bench-tls -- what a TLS connection costs: bytes while it is idle, handshakes and megabytes per second. One thread, no sockets.
 *
 *     bench-tls [connections]
 *
 * Memory is counted where it is allocated: our side and the client's have different marks. "resident" is what malloc hands out for
 * it, with its own overhead; the process is asked too, after everything of the clients is gone.
 * SPDX-License-Identifier: MIT */
#include "net/tls.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define CHUNK ((size_t)65536)

/* ---- counted memory ---- */

typedef struct head {
    size_t size;
    size_t side; /* 1: ours */
} head;

static size_t side, live_bytes, live_blocks, resident;

/* What glibc takes for a block of n: 8 bytes more, in steps of 16. */
static size_t with_overhead(size_t n) { return n + 8 <= 32 ? 32 : (n + 8 + 15) / 16 * 16; }

static void count(const head *h, bool add) {
    if (h->side != 1) {
        return;
    }
    size_t one = add ? 1 : (size_t)-1;
    live_bytes += one * h->size;
    resident += one * with_overhead(h->size);
    live_blocks += one;
}

static void *give(size_t n, const char *file, int line) {
    (void)file;
    (void)line;
    head *h = malloc(sizeof *h + n);
    if (h == NULL) {
        return NULL;
    }
    *h = (head){n, side};
    count(h, true);
    return h + 1;
}

static void take(void *p, const char *file, int line) {
    (void)file;
    (void)line;
    if (p != NULL) {
        head *h = (head *)p - 1;
        count(h, false);
        free(h);
    }
}

static void *regive(void *p, size_t n, const char *file, int line) {
    if (p == NULL) {
        return give(n, file, line);
    }
    if (n == 0) {
        take(p, file, line);
        return NULL;
    }
    head *old = (head *)p - 1;
    head was = *old;
    head *h = realloc(old, sizeof *h + n);
    if (h == NULL) {
        return NULL;
    }
    count(&was, false);
    h->size = n;
    count(h, true);
    return h + 1;
}

/* ---- a connection and its client ---- */

typedef struct pair {
    cstar__tls *server;
    SSL *client;
    BIO *rx, *tx;
} pair;

static cstar_buf plain, reply;
static char scratch[CHUNK + 32768];
static const char text[CHUNK];

static void die(const char *what) {
    (void)fprintf(stderr, "bench-tls: %s\n", what);
    exit(1);
}

static void to_server(const pair *p) {
    char *bytes = NULL;
    size_t len = (size_t)BIO_get_mem_data(p->tx, &bytes);
    cstar_err err;
    if (len != 0) {
        side = 1;
        if (cstar__tls_feed(p->server, bytes, len, &plain, &reply, &err) != CSTAR_OK) {
            die(err.text);
        }
        side = 0;
    }
    (void)BIO_reset(p->tx);
}

static void to_client(const pair *p) {
    if (reply.len != 0) {
        (void)BIO_write(p->rx, reply.ptr, (int)reply.len);
        cstar_buf_reset(&reply);
    }
}

static void connect_pair(pair *p, cstar__tls_ctx *ctx, SSL_CTX *cctx, SSL_SESSION *session) {
    p->client = SSL_new(cctx);
    p->rx = BIO_new(BIO_s_mem());
    p->tx = BIO_new(BIO_s_mem());
    side = 1;
    p->server = cstar__tls_new(ctx);
    side = 0;
    if (p->client == NULL || p->server == NULL || p->rx == NULL || p->tx == NULL) {
        die("out of memory");
    }
    SSL_set_bio(p->client, p->rx, p->tx);
    SSL_set_connect_state(p->client);
    if (session != NULL) {
        (void)SSL_set_session(p->client, session);
    }
    for (int i = 0; i < 4 && !cstar__tls_ready(p->server); i++) {
        (void)SSL_do_handshake(p->client);
        to_server(p);
        to_client(p);
    }
    (void)SSL_do_handshake(p->client);
    (void)SSL_read(p->client, scratch, sizeof scratch); /* the tickets */
    if (!cstar__tls_ready(p->server)) {
        die("no handshake");
    }
}

static void talk(const pair *p) {
    cstar_buf_reset(&plain);
    (void)SSL_write(p->client, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 35);
    to_server(p);
    side = 1;
    if (plain.len != 35 || cstar__tls_write(p->server, CSTAR_STR("HTTP/1.1 204 No Content\r\n\r\n"),
                                            &reply) != CSTAR_OK) {
        die("no answer");
    }
    side = 0;
    to_client(p);
    (void)SSL_read(p->client, scratch, sizeof scratch);
}

static void end_client(pair *p) {
    SSL_set_shutdown(p->client, SSL_SENT_SHUTDOWN);
    SSL_free(p->client);
    p->client = NULL;
}

static void end_pair(pair *p) {
    end_client(p);
    side = 1;
    cstar__tls_free(p->server);
    side = 0;
}

/* ---- measures ---- */

static double now_s(void) {
    struct timespec t;
    (void)timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static long rss(void) {
    char line[128] = "";
    FILE *f = fopen("/proc/self/statm", "r"); /* all pages, then the resident ones */
    if (f != NULL) {
        if (fgets(line, sizeof line, f) == NULL) {
            line[0] = '\0';
        }
        (void)fclose(f);
    }
    char *second = strchr(line, ' ');
    return second != NULL ? strtol(second, NULL, 10) * sysconf(_SC_PAGESIZE) : 0;
}

static SSL_CTX *client_ctx(int version) {
    SSL_CTX *c = SSL_CTX_new(TLS_client_method());
    if (c == NULL || SSL_CTX_set_min_proto_version(c, version) != 1 ||
        SSL_CTX_set_max_proto_version(c, version) != 1) {
        die("no client");
    }
    (void)SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS);
    return c;
}

static void memory(cstar__tls_ctx *ctx, int version, size_t n) {
    SSL_CTX *cctx = client_ctx(version);
    pair *all = calloc(n, sizeof *all);
    if (all == NULL) {
        die("out of memory");
    }
    pair warm;
    connect_pair(&warm, ctx, cctx, NULL);
    end_pair(&warm);
    size_t bytes = live_bytes, blocks = live_blocks, taken = resident;
    long before = rss();
    for (size_t i = 0; i < n; i++) {
        connect_pair(&all[i], ctx, cctx, NULL);
        end_client(&all[i]);
    }
    (void)printf("%s idle after handshake: %zu bytes in %zu blocks, %zu with malloc's overhead "
                 "(process: %ld)\n",
                 version == TLS1_2_VERSION ? "TLS 1.2" : "TLS 1.3", (live_bytes - bytes) / n,
                 (live_blocks - blocks) / n, (resident - taken) / n, (rss() - before) / (long)n);
    for (size_t i = 0; i < n; i++) {
        cstar__tls_free(all[i].server);
    }
    bytes = live_bytes;
    for (size_t i = 0; i < n; i++) {
        connect_pair(&all[i], ctx, cctx, NULL);
        talk(&all[i]);
    }
    (void)printf("        idle after a request: %zu bytes\n", (live_bytes - bytes) / n);
    for (size_t i = 0; i < n; i++) {
        end_pair(&all[i]);
    }
    free(all);
    SSL_CTX_free(cctx);
}

static SSL_SESSION *kept;
static int keep(SSL *ssl, SSL_SESSION *s) {
    (void)ssl;
    SSL_SESSION_free(kept);
    kept = s;
    return 1;
}

/* Both sides work here; only the time on ours is counted. */
static void handshakes(cstar__tls_ctx *ctx, int version, bool resume) {
    SSL_CTX *cctx = client_ctx(version);
    (void)SSL_CTX_set_session_cache_mode(cctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(cctx, keep);
    int n = 2000, resumed = 0;
    double both = now_s();
    for (int i = 0; i < n; i++) {
        pair p;
        connect_pair(&p, ctx, cctx, resume ? kept : NULL);
        resumed += cstar__tls_resumed(p.server) ? 1 : 0;
        end_pair(&p);
    }
    both = now_s() - both;
    (void)printf("%s %s handshakes, client included: %.0f/s (%d of %d resumed)\n",
                 version == TLS1_2_VERSION ? "TLS 1.2" : "TLS 1.3", resume ? "resumed" : "full",
                 n / both, resumed, n);
    SSL_SESSION_free(kept);
    kept = NULL;
    SSL_CTX_free(cctx);
}

static void throughput(cstar__tls_ctx *ctx, int version, size_t piece) {
    SSL_CTX *cctx = client_ctx(version);
    pair p;
    connect_pair(&p, ctx, cctx, NULL);
    size_t rounds = ((size_t)512 << 20) / (piece + 2000);
    double spent = 0;
    double start = now_s();
    for (size_t i = 0; i < rounds; i++) {
        cstar_buf_reset(&reply);
        if (cstar__tls_write(p.server, cstar_view(text, piece), &reply) != CSTAR_OK) {
            die("write");
        }
    }
    spent = now_s() - start;
    cstar_buf_reset(&reply);
    (void)printf("%s write of %6zu: %6.0f ns, %5.0f MB/s\n",
                 version == TLS1_2_VERSION ? "TLS 1.2" : "TLS 1.3", piece,
                 spent / (double)rounds * 1e9, (double)(rounds * piece) / spent / 1e6);
    spent = 0;
    rounds = rounds / 4 + 1;
    for (size_t i = 0; i < rounds; i++) {
        (void)SSL_write(p.client, text, (int)piece);
        cstar_buf_reset(&plain);
        start = now_s();
        to_server(&p);
        spent += now_s() - start;
    }
    (void)printf("        feed of  %6zu: %6.0f ns, %5.0f MB/s\n", piece,
                 spent / (double)rounds * 1e9, (double)(rounds * piece) / spent / 1e6);
    end_pair(&p);
    SSL_CTX_free(cctx);
}

static cstar__tls_ctx *server_ctx(const char *dir) {
    cstar__tls_dev_files f;
    cstar_err err;
    if (cstar__tls_dev_cert(dir, NULL, &f, &err) != CSTAR_OK) {
        die(err.text);
    }
    cstar__tls_cert cert = {f.cert_file, f.key_file};
    cstar__tls_ctx *ctx = cstar__tls_ctx_new(&(cstar__tls_opts){.certs = &cert, .ncerts = 1}, &err);
    if (ctx == NULL) {
        die(err.text);
    }
    return ctx;
}

static void remove_dir(const char *dir) {
    static const char *const names[] = {"ca.pem", "ca-key.pem", "leaf.pem", "leaf-key.pem", "lock"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[128];
        (void)snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(dir);
}

int main(int argc, char **argv) {
    if (CRYPTO_set_mem_functions(give, regive, take) != 1) {
        die("OpenSSL has allocated already");
    }
    size_t n = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 1000;
    char dir[] = "/tmp/cstar-bench-tls-XXXXXX";
    if (n == 0 || mkdtemp(dir) == NULL) {
        die("usage: bench-tls [connections]");
    }
    cstar__tls_ctx *ctx = server_ctx(dir);
    remove_dir(dir);
    cstar_buf_init(&plain, cstar_heap(), (size_t)1 << 20);
    cstar_buf_init(&reply, cstar_heap(), (size_t)1 << 20);
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    static const size_t pieces[] = {100, 1000, 16384, CHUNK};
    for (int v = 0; v < 2; v++) {
        memory(ctx, versions[v], n);
        handshakes(ctx, versions[v], false);
        handshakes(ctx, versions[v], true);
        for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
            throughput(ctx, versions[v], pieces[i]);
        }
    }
    cstar__tls_ctx_unref(ctx);
    cstar_buf_fini(&plain);
    cstar_buf_fini(&reply);
    return 0;
}
