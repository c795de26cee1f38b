/* limits-server -- a server whose time limits are given in milliseconds, for tests of clients that
 * misbehave.
 *
 *     limits-server --listen 127.0.0.1:0 [--workers N] [--cert FILE --key FILE]
 *                   [--header-ms N] [--body-ms N] [--idle-ms N] [--write-ms N]
 *
 *     GET  /quick      "quick"
 *     GET  /big/:n     n bytes: the alphabet, over and over, so that a missing piece shows
 *     GET  /slow/:ms   "slow", after that time, on a thread of the pool
 *     GET  /later/:ms  "later", by a work of that time that its handler has deferred
 *     GET  /unfreed    of how many such works the argument is not freed
 *     POST /take       how many bytes came, and their sum
 *
 * SPDX-License-Identifier: MIT */
#include <cstar.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MAX_BIG (12L << 20)

/* ---- routes ---- */

static void quick(cstar_conn *conn) { cstar_respond_text(conn, 200, "quick"); }

static long number_param(const cstar_conn *conn, const char *name, long most) {
    const char *text = cstar_param(conn, name);
    long n = text != NULL ? strtol(text, NULL, 10) : 0;
    return n < 0 ? 0 : (n > most ? most : n);
}

static void big(cstar_conn *conn) {
    long n = number_param(conn, "n", MAX_BIG);
    char *bytes = malloc((size_t)n + 1);
    if (bytes == NULL) {
        cstar_respond_text(conn, 503, "out of memory");
        return;
    }
    for (long i = 0; i < n; i++) {
        bytes[i] = (char)('a' + i % 26);
    }
    cstar_respond(conn, 200, "text/plain", cstar_view(bytes, (size_t)n));
    free(bytes);
}

static void sleep_ms(long ms) {
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&t, NULL);
}

static void slow(cstar_conn *conn) {
    sleep_ms(number_param(conn, "ms", 60000));
    cstar_respond_text(conn, 200, "slow");
}

static long unfreed; /* atomic */

static void sleep_for(void *arg) {
    const long *ms = arg;
    sleep_ms(*ms);
}

static void answer_later(cstar_conn *conn, void *arg) {
    (void)arg;
    cstar_respond_text(conn, 200, "later");
}

static void forget(void *arg) {
    free(arg);
    (void)__atomic_sub_fetch(&unfreed, 1, __ATOMIC_RELAXED);
}

static void later(cstar_conn *conn) {
    long *ms = malloc(sizeof *ms);
    if (ms == NULL) {
        cstar_fail(conn, 503);
        return;
    }
    *ms = number_param(conn, "ms", 60000);
    (void)__atomic_add_fetch(&unfreed, 1, __ATOMIC_RELAXED);
    cstar_defer(conn, sleep_for, .done = answer_later, .arg = ms, .free = forget);
}

static void tell_unfreed(cstar_conn *conn) {
    char text[32];
    (void)snprintf(text, sizeof text, "%ld", __atomic_load_n(&unfreed, __ATOMIC_RELAXED));
    cstar_respond_text(conn, 200, text);
}

static void take(cstar_conn *conn) {
    cstar_str body = cstar_request_body(conn);
    unsigned long sum = 0;
    for (size_t i = 0; i < body.len; i++) {
        sum += (unsigned char)body.ptr[i];
    }
    char text[64];
    (void)snprintf(text, sizeof text, "%zu bytes, sum %lu", body.len, sum);
    cstar_respond_text(conn, 200, text);
}

/* ---- options ---- */

typedef struct settings {
    cstar_serve_opts opts;
    cstar_cert cert;
} settings;

static bool set_option(settings *s, const char *name, const char *value) {
    unsigned n = (unsigned)strtoul(value, NULL, 10);
    struct {
        const char *name;
        unsigned *number;
        const char **text;
    } table[] = {
        {"--listen", NULL, &s->opts.listen},       {"--workers", &s->opts.workers, NULL},
        {"--cert", NULL, &s->cert.cert_file},      {"--key", NULL, &s->cert.key_file},
        {"--header-ms", &s->opts.header_ms, NULL}, {"--body-ms", &s->opts.body_ms, NULL},
        {"--idle-ms", &s->opts.idle_ms, NULL},     {"--write-ms", &s->opts.write_ms, NULL},
        {"--drain-ms", &s->opts.drain_ms, NULL},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (strcmp(table[i].name, name) == 0) {
            if (table[i].number != NULL) {
                *table[i].number = n;
            } else {
                *table[i].text = value;
            }
            return true;
        }
    }
    return false;
}

static bool read_settings(settings *s, int argc, char **argv) {
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 == argc || !set_option(s, argv[i], argv[i + 1])) {
            (void)fprintf(stderr, "limits-server: what is %s?\n", argv[i]);
            return false;
        }
    }
    if (s->cert.cert_file != NULL) {
        s->opts.tls = true;
        s->opts.certs = &s->cert;
        s->opts.ncerts = 1;
    }
    return true;
}

static void on_listen(void *arg, const char *url) {
    (void)arg;
    (void)printf("listening on %s\n", url);
    (void)fflush(stdout);
}

static void on_log(void *arg, cstar_log_level level, const char *line) {
    (void)arg;
    (void)level;
    (void)fprintf(stderr, "%s\n", line);
}

int main(int argc, char **argv) {
    settings s = {.opts = {.signals = true, .on_listen = on_listen, .on_log = on_log}};
    cstar_err err = {0};
    cstar_app *app = cstar_app_new();
    if (app == NULL || !read_settings(&s, argc, argv)) {
        cstar_app_free(app);
        return 2;
    }
    cstar_route(app, CSTAR_GET, "/quick", quick);
    cstar_route(app, CSTAR_GET, "/big/:n", big);
    cstar_route(app, CSTAR_GET, "/slow/:ms", slow, .blocking = true);
    cstar_route(app, CSTAR_GET, "/later/:ms", later);
    cstar_route(app, CSTAR_GET, "/unfreed", tell_unfreed);
    cstar_route(app, CSTAR_POST, "/take", take, .max_body = (size_t)8 << 20);
    cstar_status rc = cstar_serve(app, &s.opts, &err);
    if (rc != CSTAR_OK) {
        (void)fprintf(stderr, "limits-server: %s\n", err.text);
    }
    cstar_app_free(app);
    return rc == CSTAR_OK ? 0 : 1;
}
