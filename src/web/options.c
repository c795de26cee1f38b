/* options.c -- one table: what can be set, where it goes, and what --help says about it.
 *
 *     argv, environment ──▶ row ──its kind──▶ cstar__options, at the row's offset
 *
 * To add an option: a field in cstar_serve_opts and a row here. Invariants: 1. A row's default text
 * says what zero means in the field. 2. A value that is given is never zero in disguise: where zero
 * means the default, zero is refused.
 *
 * SPDX-License-Identifier: MIT */
#include "web/options.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

typedef enum kind {
    STRING, /* const char * */
    LIST,   /* const char *const *, and a size_t at `count`; separated, or several flags */
    BOOL,   /* bool; takes no value */
    COUNT,  /* unsigned */
    BYTES,  /* size_t */
    MILLIS, /* unsigned, milliseconds */
    CHOICE, /* an enum: the place of the value among `words` */
} kind;

typedef struct option {
    const char *name;  /* without the dashes */
    const char *value; /* what --help calls it; NULL: takes none */
    const char *help;
    const char *otherwise; /* the default; NULL: there is none to speak of */
    kind kind;
    size_t at, count; /* offsets in cstar__options */
    unsigned max;     /* of a COUNT; 0: 1 000 000 000 */
    bool zero;        /* a COUNT may be 0 */
    bool no_env;
    const char *words;     /* of a CHOICE: "a|b" */
    const char *separator; /* of a LIST; NULL: a comma */
} option;

#define INTO(kind_, field) .kind = (kind_), .at = offsetof(cstar__options, field)

/* clang-format off */
/* A row without a kind begins a group. */
static const option options[] = {
    {.name = "Listening"},
    {"listen", "ADDRESS", "host:port, unix:/path, fd:N or systemd; several: again", "127.0.0.1:8080",
     INTO(LIST, serve.listeners), .count = offsetof(cstar__options, serve.nlisteners),
     .separator = " "},
    {"redirect", "HOST:PORT", "listen here too, for http, and send everybody to https", "off",
     INTO(STRING, serve.redirect)},
    {"workers", "N", "event loops, each a thread", "one per core",
     INTO(COUNT, serve.workers), .max = 1024},

    {.name = "TLS"},
    {"tls", NULL, "HTTPS; without --cert with a certificate for development", "off",
     INTO(BOOL, serve.tls)},
    {"cert", "FILE[,FILE]", "PEM, each with its chain; the first is the default; implies --tls",
     NULL, INTO(LIST, certs), .count = offsetof(cstar__options, ncerts)},
    {"key", "FILE[,FILE]", "their keys in PEM", "in the certificates' files",
     INTO(LIST, keys), .count = offsetof(cstar__options, nkeys)},
    {"no-http2", NULL, "HTTP/1.1 only", "off", INTO(BOOL, serve.no_http2)},
    {"hsts", "SECONDS", "tell browsers to insist on https for so long; 0: do not", "0",
     INTO(COUNT, serve.hsts), .zero = true},
    {"hsts-subdomains", NULL, "and for every name below this one", "off",
     INTO(BOOL, serve.hsts_subdomains)},

    {.name = "Limits"},
    {"max-body", "BYTES", "of a request, where its route says nothing else", "1000000",
     INTO(BYTES, serve.max_body)},
    {"max-response", "BYTES", "of a response that is made in memory", "16M",
     INTO(BYTES, serve.max_response)},
    {"max-line", "BYTES", "of a request line: method, path and query", "16k",
     INTO(BYTES, serve.max_line)},
    {"max-header-bytes", "BYTES", "of all headers of a request", "32k",
     INTO(BYTES, serve.max_header_bytes)},
    {"max-headers", "N", "headers of a request", "100", INTO(COUNT, serve.max_headers)},
    {"max-streams", "N", "requests of an HTTP/2 connection at a time", "256",
     INTO(COUNT, serve.max_streams)},

    {"max-connections", "N", "at a time; idle ones make room", "what descriptors allow",
     INTO(COUNT, serve.max_connections)},
    {"max-per-address", "N", "connections of one address", "1024, not for loopback",
     INTO(COUNT, serve.max_per_address)},
    {"max-published", "BYTES", "published, and waiting for workers that are behind", "64M",
     INTO(BYTES, serve.max_published)},
    {"max-stream-memory", "BYTES", "that open streams keep of large requests", "256M",
     INTO(BYTES, serve.max_stream_memory)},
    {"max-work", "N", "blocking handlers and deferred works, waiting or running", "1024",
     INTO(COUNT, serve.max_work)},
    {"body-rate", "BYTES", "a second that a body has to bring on average", "256",
     INTO(COUNT, serve.body_rate)},

    {.name = "Time"},
    {"header-timeout", "TIME", "for a request's head to arrive", "10s",
     INTO(MILLIS, serve.header_ms)},
    {"body-timeout", "TIME", "for a further piece of its body", "30s", INTO(MILLIS, serve.body_ms)},
    {"idle-timeout", "TIME", "for a further request of a connection", "75s",
     INTO(MILLIS, serve.idle_ms)},
    {"write-timeout", "TIME", "for a client to take something of its response", "60s",
     INTO(MILLIS, serve.write_ms)},
    {"ping-interval", "TIME", "of an HTTP/2 client's silence, until it is asked if it is there",
     "15s", INTO(MILLIS, serve.ping_ms)},
    {"drain-timeout", "TIME", "for what runs to end, when stopping", "10s",
     INTO(MILLIS, serve.drain_ms)},

    {"lame-duck", "TIME", "to go on accepting when stopping, for a balancer to notice", "0",
     INTO(MILLIS, serve.lame_ms)},

    {.name = "Content"},
    {"no-compress", NULL, "send everything as it is", "off", INTO(BOOL, serve.no_compress)},
    {"compress-min", "BYTES", "compress what is at least so long", "1024",
     INTO(BYTES, serve.compress_min)},
    {"compress-memory", "BYTES", "of all encoders together", "64M",
     INTO(BYTES, serve.coding_memory)},
    {"datastar", "FILE", "serve this file as the Datastar client", "pages load it from the CDN",
     INTO(STRING, serve.datastar)},

    {.name = "Logging and metrics"},
    {"access-log", "FILE|-", "a line per request, appended; -: to standard output", "off",
     INTO(STRING, serve.access_log)},
    {"access-format", "FORMAT", "combined, common or json", "combined",
     INTO(CHOICE, serve.access_format), .words = "combined|common|json"},
    {"log-level", "LEVEL", "what to say on standard error: error, warning or info", "info",
     INTO(CHOICE, log_level), .words = "error|warning|info"},
    {"development", NULL, "show failures in the browser, and log hints", "off",
     INTO(BOOL, serve.development)},
    {"health", "PATH|off", "answers 200, and 503 as soon as it is to stop", "/healthz",
     INTO(STRING, serve.health)},
    {"metrics", "PATH|off", "answers counters as Prometheus reads them", "off",
     INTO(STRING, serve.metrics)},

    {.name = "Proxies in front"},
    {"trusted-proxies", "LIST", "addresses whose word about the client counts: 10.0.0.0/8,unix",
     "none", INTO(LIST, serve.trusted_proxies),
     .count = offsetof(cstar__options, serve.ntrusted_proxies)},
    {"forwarded", "KIND", "the headers they set: x (X-Forwarded-*), rfc (Forwarded) or none",
     "none", INTO(CHOICE, serve.forwarded), .words = "none|x|rfc"},
    {"request-id", NULL, "say each request's id in its response", "off",
     INTO(BOOL, serve.request_id)},

    {.name = "Process"},
    {"user", "NAME", "become this user once the sockets are bound", "stay",
     INTO(STRING, serve.user)},
    {"group", "NAME", "and this group", "the user's", INTO(STRING, serve.group)},
    {"help", NULL, "print this and exit", NULL, INTO(BOOL, help), .no_env = true},
    {"routes", NULL, "print the app's routes and exit", NULL, INTO(BOOL, routes), .no_env = true},
    {"version", NULL, "print the version and exit", NULL, INTO(BOOL, version), .no_env = true},
};
/* clang-format on */
enum { NOPTIONS = sizeof options / sizeof *options };

static bool is_group(const option *row) { return row->help == NULL; }

/* ---- values ---- */

/* A value on its way into a row's field. */
typedef struct setting {
    cstar__options *o;
    const option *row;
    const char *label; /* "--listen" or "CSTAR_LISTEN" */
    cstar_err *err;
} setting;

static void *field(const setting *s) { return (char *)s->o + s->row->at; }

CSTAR_PRINTF(2, 3)
static cstar_status bad(const setting *s, const char *format, ...) {
    char text[128];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return cstar_err_set(s->err, CSTAR_EINVAL, s->row->name, "%s: %s", s->label, text);
}

/* The digits at `text`. @return behind them; NULL: there are none, or too many. */
static const char *read_number(const char *text, uint64_t *out) {
    const char *p = text;
    *out = 0;
    for (; *p >= '0' && *p <= '9'; p++) {
        if (*out > (UINT64_MAX - 9) / 10) {
            return NULL;
        }
        *out = *out * 10 + (uint64_t)(*p - '0');
    }
    return p != text ? p : NULL;
}

static cstar_status set_count(const setting *s, const char *text) {
    const unsigned max = s->row->max != 0 ? s->row->max : 1000000000;
    uint64_t n = 0;
    const char *end = read_number(text, &n);
    if (end == NULL || *end != '\0' || n > max || (n == 0 && !s->row->zero)) {
        return bad(s, "'%.40s' is no number from %d to %u", text, s->row->zero ? 0 : 1, max);
    }
    *(unsigned *)field(s) = (unsigned)n;
    return CSTAR_OK;
}

typedef struct unit {
    const char *name;
    uint64_t factor;
} unit;

/* A number and one of the units. @return false: it is none, or zero, or more than `max`. */
static bool read_measure(const char *text, const unit *units, uint64_t max, uint64_t *out) {
    const char *end = read_number(text, out);
    if (end == NULL || *out == 0) {
        return false;
    }
    for (const unit *u = units; u->name != NULL; u++) {
        if (strcmp(end, u->name) == 0) {
            const bool fits = *out <= max / u->factor;
            *out *= u->factor;
            return fits;
        }
    }
    return false;
}

static cstar_status set_bytes(const setting *s, const char *text) {
    static const unit units[] = {{"", 1},        {"k", 1 << 10}, {"K", 1 << 10}, {"M", 1 << 20},
                                 {"m", 1 << 20}, {"G", 1 << 30}, {"g", 1 << 30}, {NULL, 0}};
    uint64_t n = 0;
    if (!read_measure(text, units, SIZE_MAX / 64, &n)) {
        return bad(s, "'%.40s' is no size: use 64k, 16M, 1G, or a number of bytes", text);
    }
    *(size_t *)field(s) = (size_t)n;
    return CSTAR_OK;
}

static cstar_status set_millis(const setting *s, const char *text) {
    static const unit units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {NULL, 0}};
    uint64_t n = 0;
    if (!read_measure(text, units, INT_MAX, &n)) {
        return bad(s, "'%.40s' is no duration: use 10s, 500ms, 2m", text);
    }
    *(unsigned *)field(s) = (unsigned)n;
    return CSTAR_OK;
}

/* "1", "true", "yes" and "on" switch on; "0", "false", "no" and "off" do not. */
static cstar_status set_bool(const setting *s, const char *text) {
    static const char *const words[] = {"0", "1", "false", "true", "no", "yes", "off", "on"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(text, words[i]) == 0) {
            *(bool *)field(s) = i % 2 == 1;
            return CSTAR_OK;
        }
    }
    return bad(s, "'%.40s' is neither on nor off", text);
}

static cstar_status set_choice(const setting *s, const char *text) {
    const size_t len = strlen(text);
    const char *word = s->row->words;
    for (unsigned i = 0; *word != '\0'; i++) {
        const size_t n = strcspn(word, "|");
        if (n == len && memcmp(word, text, n) == 0) {
            memcpy(field(s), &i, sizeof i); /* every enum here has the size of an unsigned */
            return CSTAR_OK;
        }
        word += word[n] == '|' ? n + 1 : n;
    }
    return bad(s, "'%.40s' is none of %s", text, s->row->words);
}

/* Appends the items of "a,b" to what the field has. */
static cstar_status set_list(const setting *s, const char *text) {
    const char *separator = s->row->separator != NULL ? s->row->separator : ",";
    cstar_arena *arena = &s->o->arena;
    const char *const **items = field(s);
    size_t *n = (size_t *)(void *)((char *)s->o + s->row->count);
    size_t more = 1;
    for (const char *p = text; *p != '\0'; p++) {
        more += *p == *separator;
    }
    const char **grown = cstar_arena_alloc(arena, (*n + more) * sizeof *grown);
    if (grown == NULL) {
        return cstar_err_set(s->err, CSTAR_ENOMEM, NULL, "out of memory");
    }
    if (*n != 0) {
        memcpy(grown, *items, *n * sizeof *grown);
    }
    for (const char *p = text; more != 0; more--) {
        const size_t len = strcspn(p, separator);
        grown[*n] = cstar_arena_strdup(arena, cstar_view(p, len));
        if (len == 0) {
            return bad(s, "an empty item in '%.40s'", text);
        }
        if (grown[(*n)++] == NULL) {
            return cstar_err_set(s->err, CSTAR_ENOMEM, NULL, "out of memory");
        }
        p += len + 1;
    }
    *items = grown;
    return CSTAR_OK;
}

static cstar_status set(const setting *s, const char *text) {
    switch (s->row->kind) {
    case STRING:
        *(const char **)field(s) = text;
        return CSTAR_OK;
    case LIST:
        return set_list(s, text);
    case BOOL:
        return set_bool(s, text);
    case COUNT:
        return set_count(s, text);
    case BYTES:
        return set_bytes(s, text);
    case MILLIS:
        return set_millis(s, text);
    case CHOICE:
        return set_choice(s, text);
    }
    return CSTAR_OK;
}

/* ---- flags ---- */

static const option *find_option(const char *name, size_t len) {
    for (size_t i = 0; i < NOPTIONS; i++) {
        if (!is_group(&options[i]) && strlen(options[i].name) == len &&
            memcmp(options[i].name, name, len) == 0) {
            return &options[i];
        }
    }
    return NULL;
}

static cstar_status usage(cstar_err *err, const char *what, const char *arg) {
    return cstar_err_set(err, CSTAR_EINVAL, "options", "%s: %.80s (--help lists the options)", what,
                         arg);
}

/* One flag at argv[*i]: "--name value" or "--name=value". */
static cstar_status parse_flag(cstar__options *o, const char *const *argv, int *i,
                               bool seen[NOPTIONS], cstar_err *err) {
    const char *arg = argv[*i];
    if (strncmp(arg, "--", 2) != 0) {
        return usage(err, "unexpected argument", arg);
    }
    const char *name = arg + 2;
    const size_t len = strcspn(name, "=");
    const option *row = find_option(name, len);
    if (row == NULL) {
        return usage(err, "unknown option", arg);
    }
    char label[48];
    (void)snprintf(label, sizeof label, "--%s", row->name);
    const setting s = {o, row, label, err};
    seen[row - options] = true;
    if (row->kind == BOOL) {
        return name[len] == '=' ? usage(err, "takes no value", arg) : set(&s, "on");
    }
    const char *value = name[len] == '=' ? name + len + 1 : argv[++*i];
    return value != NULL ? set(&s, value) : usage(err, "needs a value", arg);
}

/* ---- environment ---- */

static void env_name(const option *row, char out[64]) {
    (void)snprintf(out, 64, "CSTAR_%s", row->name);
    for (char *p = out; *p != '\0'; p++) {
        if (*p == '-') {
            *p = '_';
        } else if (*p >= 'a' && *p <= 'z') {
            *p = (char)(*p - 'a' + 'A');
        }
    }
}

static cstar_status parse_env(cstar__options *o, const bool seen[NOPTIONS], cstar_err *err) {
    for (size_t i = 0; i < NOPTIONS; i++) {
        const option *row = &options[i];
        char name[64];
        env_name(row, name);
        const char *value = is_group(row) || row->no_env || seen[i] ? NULL : getenv(name);
        if (value == NULL || value[0] == '\0') {
            continue;
        }
        const setting s = {o, row, name, err};
        cstar_status rc = set(&s, value);
        if (rc != CSTAR_OK) {
            return rc;
        }
    }
    return CSTAR_OK;
}

/* ---- certificates ---- */

static cstar_status pair_certs(cstar__options *o, cstar_err *err) {
    if (o->nkeys != 0 && o->nkeys != o->ncerts) {
        return cstar_err_set(err, CSTAR_EINVAL, "key",
                             "--cert and --key should list equally many files, not %zu and %zu",
                             o->ncerts, o->nkeys);
    }
    if (o->ncerts == 0) {
        return CSTAR_OK;
    }
    cstar_cert *certs = cstar_arena_alloc(&o->arena, o->ncerts * sizeof *certs);
    if (certs == NULL) {
        return cstar_err_set(err, CSTAR_ENOMEM, NULL, "out of memory");
    }
    for (size_t i = 0; i < o->ncerts; i++) {
        certs[i] = (cstar_cert){o->certs[i], o->nkeys != 0 ? o->keys[i] : NULL};
    }
    o->serve.certs = certs;
    o->serve.ncerts = o->ncerts;
    o->serve.tls = true;
    return CSTAR_OK;
}

/* ---- all of it ---- */

void cstar__options_init(cstar__options *o) {
    memset(o, 0, sizeof *o);
    cstar_arena_init(&o->arena, cstar_heap(), (size_t)4 << 20);
    o->log_level = CSTAR_LOG_INFO;
}

void cstar__options_fini(cstar__options *o) { cstar_arena_fini(&o->arena); }

cstar_status cstar__options_parse(cstar__options *o, int argc, const char *const *argv,
                                  cstar_err *err) {
    bool seen[NOPTIONS] = {false};
    cstar_status rc = CSTAR_OK;
    for (int i = 1; i < argc && rc == CSTAR_OK; i++) {
        rc = parse_flag(o, argv, &i, seen, err);
    }
    if (rc != CSTAR_OK || o->help || o->version || o->routes) {
        return rc;
    }
    rc = parse_env(o, seen, err);
    return rc == CSTAR_OK ? pair_certs(o, err) : rc;
}

static void help_row(const option *row, cstar_buf *out) {
    char left[64];
    (void)snprintf(left, sizeof left, "--%s %s", row->name, row->value != NULL ? row->value : "");
    cstar_buf_puts(out, "  ");
    cstar_buf_puts(out, left);
    for (size_t n = strlen(left); n < 26; n++) {
        cstar_buf_byte(out, ' ');
    }
    cstar_buf_puts(out, row->help);
    if (row->otherwise != NULL) {
        cstar_buf_lit(out, " [");
        cstar_buf_puts(out, row->otherwise);
        cstar_buf_lit(out, "]");
    }
    cstar_buf_lit(out, "\n");
}

void cstar__options_help(const char *program, cstar_buf *out) {
    cstar_buf_lit(out, "usage: ");
    cstar_buf_puts(out, program);
    cstar_buf_lit(out, " [options]\n\nIn brackets: the default. Each option can be in the "
                       "environment too, as CSTAR_LISTEN for\n--listen and CSTAR_NO_HTTP2=on for "
                       "--no-http2; flags win. TIME is 500ms, 10s, 2m or 1h;\nBYTES is 64k, 16M, "
                       "1G or a number.\n");
    for (size_t i = 0; i < NOPTIONS; i++) {
        if (is_group(&options[i])) {
            cstar_buf_lit(out, "\n");
            cstar_buf_puts(out, options[i].name);
            cstar_buf_lit(out, ":\n");
        } else {
            help_row(&options[i], out);
        }
    }
}
