/* main.c -- cstar_main(): options, then serve. The one place of the library that prints.
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* sched_getaffinity */
#include "web/app.h"
#include "web/options.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct voice {
    const char *program;
    cstar_log_level level;
    bool open; /* to other machines */
    bool warned;
} voice;

static void print_log(void *arg, cstar_log_level level, const char *line) {
    static const char *const names[] = {"error", "warning", "info"};
    const voice *v = arg;
    if (level <= v->level) {
        (void)fprintf(stderr, "%s: %s: %s\n", v->program, names[level], line);
    }
}

/* By now it has become another user, if it was told to. */
static void print_url(void *arg, const char *url) {
    voice *v = arg;
    (void)printf("%s: listening on %s\n", v->program, url);
    (void)fflush(stdout);
    if (geteuid() == 0 && v->open && !v->warned) {
        v->warned = true;
        print_log(v, CSTAR_LOG_WARN, "running as root, and strangers can connect");
    }
}

/* To standard output. @return the exit status. */
static int print_text(cstar_buf *text) {
    bool said = text->status == CSTAR_OK && fwrite(text->ptr, 1, text->len, stdout) == text->len &&
                fflush(stdout) == 0;
    cstar_buf_fini(text);
    return said ? 0 : 1;
}

static int print_help(const char *program) {
    cstar_buf text;
    cstar_buf_init(&text, cstar_heap(), (size_t)64 << 10);
    cstar__options_help(program, &text);
    return print_text(&text);
}

static int print_routes(const cstar_app *app, const char *program) {
    cstar_buf text;
    if (app->err.code != CSTAR_OK) {
        (void)fprintf(stderr, "%s: %s\n", program, app->err.text);
        return 1;
    }
    cstar_buf_init(&text, cstar_heap(), (size_t)64 << 20);
    (void)cstar__routes_print(app, &text);
    return print_text(&text);
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

/* Who gave us a descriptor has decided who can come in. */
static bool is_loopback(const char *address) {
    static const char *const near[] = {"127.", "localhost:", "[::1]:", "unix:", "fd:", "systemd"};
    for (size_t i = 0; i < sizeof near / sizeof *near; i++) {
        if (strncmp(address, near[i], strlen(near[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* On a developer's machine nobody but its user can come in. */
static bool is_open(const cstar_serve_opts *s) {
    for (size_t i = 0; i < s->nlisteners; i++) {
        if (!is_loopback(s->listeners[i])) {
            return true;
        }
    }
    return false;
}

static int serve(cstar_app *app, const char *program, cstar__options *o) {
    cstar_err err = {0};
    cstar_serve_opts *s = &o->serve;
    voice v = {.program = program, .level = o->log_level, .open = is_open(s)};
    s->workers = s->workers != 0 ? s->workers : cores();
    s->signals = true;
    s->on_listen = print_url;
    s->on_log = print_log;
    s->arg = &v;
    if (cstar_serve(app, s, &err) == CSTAR_OK) {
        return 0;
    }
    (void)fprintf(stderr, "%s: %s\n", program, err.text);
    return 1;
}

static int run(cstar_app *app, const char *program, int argc, char **argv) {
    cstar__options o;
    cstar_err err = {0};
    int status = 0;
    cstar__options_init(&o);
    if (cstar__options_parse(&o, argc, (const char *const *)argv, &err) != CSTAR_OK) {
        (void)fprintf(stderr, "%s: %s\n", program, err.text);
        status = 2;
    } else if (o.help) {
        status = print_help(program);
    } else if (o.routes) {
        status = print_routes(app, program);
    } else if (o.version) {
        (void)printf("cstar %s\n", CSTAR_VERSION);
    } else {
        status = serve(app, program, &o);
    }
    cstar__options_fini(&o);
    return status;
}

int cstar_main(cstar_app *app, int argc, char **argv) {
    const char *program = argc > 0 && argv[0] != NULL ? argv[0] : "app";
    const char *slash = strrchr(program, '/');
    program = slash != NULL ? slash + 1 : program;
    if (app == NULL) {
        (void)fprintf(stderr, "%s: out of memory\n", program);
        return 1;
    }
    int status = run(app, program, argc, argv);
    cstar_app_free(app);
    return status;
}
