/* main.c -- cstar_main(): flags and environment to options, then serve. The one place of the
 * library that prints.
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* sched_getaffinity */
#include "web/app.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct settings {
    const char *program;
    const char *listen, *workers, *datastar, *cert, *key;
    bool tls, no_http2, help, version;
} settings;

typedef struct flag {
    const char *name; /* without the dashes */
    const char *env;
    size_t offset;     /* in settings: of a const char * if it takes a value, else of a bool */
    const char *value; /* for --help; NULL: takes none */
    const char *help;
} flag;

static const flag flags[] = {
    {"listen", "CSTAR_LISTEN", offsetof(settings, listen), "HOST:PORT",
     "where to listen; port 0 takes a free one [127.0.0.1:8080]"},
    {"workers", "CSTAR_WORKERS", offsetof(settings, workers), "N",
     "event loops, each a thread [one per core]"},
    {"tls", "CSTAR_TLS", offsetof(settings, tls), NULL,
     "HTTPS; without --cert with a certificate for development [off]"},
    {"cert", "CSTAR_CERT", offsetof(settings, cert), "FILE[,FILE]",
     "certificates in PEM, each with its chain; the first is the default one; implies --tls"},
    {"key", "CSTAR_KEY", offsetof(settings, key), "FILE[,FILE]",
     "their keys in PEM [in the certificates' files]"},
    {"no-http2", "CSTAR_NO_HTTP2", offsetof(settings, no_http2), NULL, "HTTP/1.1 only [off]"},
    {"datastar", "CSTAR_DATASTAR", offsetof(settings, datastar), "FILE",
     "serve this file as the Datastar client [pages load it from the CDN]"},
    {"help", NULL, offsetof(settings, help), NULL, "print this and exit"},
    {"version", NULL, offsetof(settings, version), NULL, "print the version and exit"},
};
#define NFLAGS (sizeof flags / sizeof *flags)

static void print_help(FILE *to, const char *program) {
    (void)fprintf(to, "usage: %s [options]\n\n", program);
    for (size_t i = 0; i < NFLAGS; i++) {
        char left[40];
        (void)snprintf(left, sizeof left, "--%s %s", flags[i].name,
                       flags[i].value != NULL ? flags[i].value : "");
        (void)fprintf(to, "  %-22s %s%s%s\n", left, flags[i].help,
                      flags[i].env != NULL ? "; or " : "",
                      flags[i].env != NULL ? flags[i].env : "");
    }
}

static bool *toggle(settings *s, const flag *f) { return (bool *)(void *)((char *)s + f->offset); }

static const char **slot(settings *s, const flag *f) {
    return (const char **)(void *)((char *)s + f->offset);
}

static const flag *find_flag(const char *name, size_t len) {
    for (size_t i = 0; i < NFLAGS; i++) {
        if (strlen(flags[i].name) == len && memcmp(flags[i].name, name, len) == 0) {
            return &flags[i];
        }
    }
    return NULL;
}

static bool bad_usage(const settings *s, const char *what, const char *arg) {
    (void)fprintf(stderr, "%s: %s: %s (--help lists the options)\n", s->program, what, arg);
    return false;
}

/* One flag at argv[*i]: "--name value" or "--name=value". */
static bool parse_flag(settings *s, char **argv, int *i) {
    const char *arg = argv[*i];
    if (strncmp(arg, "--", 2) != 0) {
        return bad_usage(s, "unexpected argument", arg);
    }
    const char *equals = strchr(arg, '=');
    const flag *f =
        find_flag(arg + 2, equals != NULL ? (size_t)(equals - arg) - 2 : strlen(arg + 2));
    if (f == NULL) {
        return bad_usage(s, "unknown option", arg);
    }
    if (f->value == NULL) {
        *toggle(s, f) = true;
        return equals == NULL || bad_usage(s, "takes no value", arg);
    }
    const char *value = equals != NULL ? equals + 1 : argv[*i + 1];
    if (value == NULL) {
        return bad_usage(s, "needs a value", arg);
    }
    *i += equals != NULL ? 0 : 1;
    *slot(s, f) = value;
    return true;
}

/* "1", "true", "yes" and "on" switch on; "0", "false", "no" and "off" do not. */
static bool parse_switch(settings *s, const flag *f, const char *value) {
    static const char *const words[] = {"0", "1", "false", "true", "no", "yes", "off", "on"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(value, words[i]) == 0) {
            *toggle(s, f) = i % 2 == 1;
            return true;
        }
    }
    return bad_usage(s, f->env, value);
}

static bool parse_env(settings *s) {
    for (size_t i = 0; i < NFLAGS; i++) {
        const char *value = flags[i].env != NULL ? getenv(flags[i].env) : NULL;
        if (value == NULL || value[0] == '\0') {
            continue;
        }
        if (flags[i].value != NULL) {
            *slot(s, &flags[i]) = value;
        } else if (!parse_switch(s, &flags[i], value)) {
            return false;
        }
    }
    return true;
}

static bool parse(settings *s, int argc, char **argv) {
    if (!parse_env(s)) {
        return false;
    }
    for (int i = 1; i < argc; i++) {
        if (!parse_flag(s, argv, &i)) {
            return false;
        }
    }
    return true;
}

/* ---- certificates ---- */

#define MAX_CERTS 16

/* Splits "a,b" in place: cuts `list` at its commas. @return how many; more than MAX_CERTS is too
 * many. */
static size_t split(char *list, const char *out[MAX_CERTS]) {
    size_t n = 0;
    while (list != NULL && n < MAX_CERTS) {
        char *comma = strchr(list, ',');
        out[n++] = list;
        if (comma != NULL) {
            *comma++ = '\0';
        }
        list = comma;
    }
    return list == NULL ? n : MAX_CERTS + 1;
}

typedef struct cert_list {
    char certs_text[4096], keys_text[4096];
    cstar_cert certs[MAX_CERTS];
    size_t n;
} cert_list;

static bool copy_text(const settings *s, const char *what, char out[4096], const char *text) {
    int n = snprintf(out, 4096, "%s", text);
    return (n >= 0 && n < 4096) || bad_usage(s, what, "too long");
}

static bool parse_certs(const settings *s, cert_list *l) {
    const char *certs[MAX_CERTS] = {NULL};
    const char *keys[MAX_CERTS] = {NULL};
    if (s->cert == NULL) {
        return s->key == NULL || bad_usage(s, "--key without --cert", s->key);
    }
    if (!copy_text(s, "--cert", l->certs_text, s->cert) ||
        (s->key != NULL && !copy_text(s, "--key", l->keys_text, s->key))) {
        return false;
    }
    l->n = split(l->certs_text, certs);
    size_t nkeys = s->key != NULL ? split(l->keys_text, keys) : l->n;
    if (l->n > MAX_CERTS || nkeys != l->n) {
        return bad_usage(s, "--cert and --key should list equally many files, at most 16", s->cert);
    }
    for (size_t i = 0; i < l->n; i++) {
        l->certs[i] = (cstar_cert){certs[i], keys[i]};
    }
    return true;
}

static unsigned cores(void) {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) {
        return (unsigned)CPU_COUNT(&set);
    }
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (unsigned)n : 1;
}

static bool parse_workers(const settings *s, unsigned *workers) {
    *workers = cores();
    if (s->workers == NULL) {
        return true;
    }
    char *end = NULL;
    unsigned long n = strtoul(s->workers, &end, 10);
    if (s->workers[0] < '0' || s->workers[0] > '9' || *end != '\0' || n == 0 || n > 1024) {
        return bad_usage(s, "--workers should be a number from 1 to 1024", s->workers);
    }
    *workers = (unsigned)n;
    return true;
}

static void print_url(void *arg, const char *url) {
    const settings *s = arg;
    (void)printf("%s: listening on %s\n", s->program, url);
    (void)fflush(stdout);
}

static void print_log(void *arg, cstar_log_level level, const char *line) {
    static const char *const names[] = {"error", "warning", "info"};
    const settings *s = arg;
    (void)fprintf(stderr, "%s: %s: %s\n", s->program, names[level], line);
}

static int serve(cstar_app *app, settings *s) {
    cstar_err err = {0};
    cert_list certs = {.n = 0};
    cstar_serve_opts opts = {.listen = s->listen,
                             .tls = s->tls || s->cert != NULL,
                             .certs = certs.certs,
                             .no_http2 = s->no_http2,
                             .datastar = s->datastar,
                             .signals = true,
                             .on_listen = print_url,
                             .on_log = print_log,
                             .arg = s};
    if (!parse_workers(s, &opts.workers) || !parse_certs(s, &certs)) {
        return 2;
    }
    opts.ncerts = certs.n;
    if (cstar_serve(app, &opts, &err) == CSTAR_OK) {
        return 0;
    }
    (void)fprintf(stderr, "%s: %s\n", s->program, err.text);
    return 1;
}

static int run(cstar_app *app, settings *s, int argc, char **argv) {
    if (!parse(s, argc, argv)) {
        return 2;
    }
    if (s->help) {
        print_help(stdout, s->program);
        return 0;
    }
    if (s->version) {
        (void)printf("cstar %s\n", CSTAR_VERSION);
        return 0;
    }
    return serve(app, s);
}

int cstar_main(cstar_app *app, int argc, char **argv) {
    settings s = {.program = argc > 0 && argv[0] != NULL ? argv[0] : "app"};
    const char *slash = strrchr(s.program, '/');
    s.program = slash != NULL ? slash + 1 : s.program;
    if (app == NULL) {
        (void)fprintf(stderr, "%s: out of memory\n", s.program);
        return 1;
    }
    int status = run(app, &s, argc, argv);
    cstar_app_free(app);
    return status;
}
