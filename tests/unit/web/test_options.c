/* test_options.c -- flags and environment: every option by each way, every wrong value, the help.
 * SPDX-License-Identifier: MIT */
#include "web/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MAX_ARGS = 8 };

/* Parses "--a", "1", ... ; @return the error's text, "" for none. */
static const char *parse(cstar__options *o, const char *const *args) {
    static cstar_err err;

    const char *argv[MAX_ARGS + 2] = {"app"};
    int argc = 1;
    for (; args[argc - 1] != NULL; argc++) {
        argv[argc] = args[argc - 1];
    }
    cstar__options_init(o);
    memset(&err, 0, sizeof err);
    const cstar_status rc = cstar__options_parse(o, argc, argv, &err);
    assert_int_equal(rc, err.code);
    assert_true(rc == CSTAR_OK || rc == CSTAR_EINVAL);
    return err.text;
}

#define PARSE(o, ...) parse((o), (const char *const[]){__VA_ARGS__, NULL})

/* ---- every option ---- */

typedef enum type { TEXT, YES, NUMBER, SIZE, LIST } type;

typedef struct expected {
    const char *name, *value; /* NULL: takes none */
    type type;
    size_t at;
    const char *text; /* what a TEXT or a LIST's last item is */
    uint64_t n;
    size_t count;          /* LIST: where its length is */
    const char *otherwise; /* in --help */
} expected;

#define SERVE(f) offsetof(cstar__options, serve.f)
#define OWN(f) offsetof(cstar__options, f)

static const expected all[] = {
    {"listen", "[::1]:80 unix:/x,mode=0660", LIST, SERVE(listeners), "unix:/x,mode=0660", 2,
     SERVE(nlisteners), "[127.0.0.1:8080]"},
    {"workers", "1024", NUMBER, SERVE(workers), NULL, 1024, 0, "[one per core]"},
    {"redirect", ":80", TEXT, SERVE(redirect), ":80", 0, 0, "[off]"},
    {"tls", NULL, YES, SERVE(tls), NULL, 0, 0, "[off]"},
    {"cert", "a.pem,b.pem", LIST, OWN(certs), "b.pem", 2, OWN(ncerts), ""},
    {"no-http2", NULL, YES, SERVE(no_http2), NULL, 0, 0, "[off]"},
    {"hsts", "31536000", NUMBER, SERVE(hsts), NULL, 31536000, 0, "[0]"},
    {"hsts-subdomains", NULL, YES, SERVE(hsts_subdomains), NULL, 0, 0, "[off]"},
    {"max-body", "64k", SIZE, SERVE(max_body), NULL, 65536, 0, "[1000000]"},
    {"max-response", "3M", SIZE, SERVE(max_response), NULL, 3145728, 0, "[16M]"},
    {"max-line", "1", SIZE, SERVE(max_line), NULL, 1, 0, "[16k]"},
    {"max-header-bytes", "1G", SIZE, SERVE(max_header_bytes), NULL, 1073741824, 0, "[32k]"},
    {"max-headers", "7", NUMBER, SERVE(max_headers), NULL, 7, 0, "[100]"},
    {"max-streams", "1000000000", NUMBER, SERVE(max_streams), NULL, 1000000000, 0, "[256]"},
    {"max-connections", "9", NUMBER, SERVE(max_connections), NULL, 9, 0,
     "[what descriptors allow]"},
    {"max-per-address", "8", NUMBER, SERVE(max_per_address), NULL, 8, 0,
     "[1024, not for loopback]"},
    {"max-published", "7k", NUMBER, SERVE(max_published), NULL, 7168, 0, "[64M]"},
    {"max-stream-memory", "7k", NUMBER, SERVE(max_stream_memory), NULL, 7168, 0, "[256M]"},
    {"max-work", "7", NUMBER, SERVE(max_work), NULL, 7, 0, "[1024]"},
    {"body-rate", "100", NUMBER, SERVE(body_rate), NULL, 100, 0, "[256]"},
    {"lame-duck", "3s", NUMBER, SERVE(lame_ms), NULL, 3000, 0, "[0]"},
    {"no-compress", NULL, YES, SERVE(no_compress), NULL, 0, 0, "[off]"},
    {"compress-min", "2k", SIZE, SERVE(compress_min), NULL, 2048, 0, "[1024]"},
    {"compress-memory", "1M", SIZE, SERVE(coding_memory), NULL, 1048576, 0, "[64M]"},
    {"trusted-proxies", "10.0.0.0/8,unix", LIST, SERVE(trusted_proxies), "unix", 2,
     SERVE(ntrusted_proxies), "[none]"},
    {"forwarded", "rfc", NUMBER, SERVE(forwarded), NULL, CSTAR_FORWARDED_RFC, 0, "[none]"},
    {"request-id", NULL, YES, SERVE(request_id), NULL, 0, 0, "[off]"},
    {"user", "www-data", TEXT, SERVE(user), "www-data", 0, 0, "[stay]"},
    {"group", "www-data", TEXT, SERVE(group), "www-data", 0, 0, "[the user's]"},
    {"header-timeout", "500ms", NUMBER, SERVE(header_ms), NULL, 500, 0, "[10s]"},
    {"body-timeout", "10s", NUMBER, SERVE(body_ms), NULL, 10000, 0, "[30s]"},
    {"idle-timeout", "2m", NUMBER, SERVE(idle_ms), NULL, 120000, 0, "[75s]"},
    {"write-timeout", "1h", NUMBER, SERVE(write_ms), NULL, 3600000, 0, "[60s]"},
    {"ping-interval", "20s", NUMBER, SERVE(ping_ms), NULL, 20000, 0, "[15s]"},
    {"drain-timeout", "1ms", NUMBER, SERVE(drain_ms), NULL, 1, 0, "[10s]"},
    {"datastar", "x.js", TEXT, SERVE(datastar), "x.js", 0, 0, "[pages load it from the CDN]"},
    {"access-log", "-", TEXT, SERVE(access_log), "-", 0, 0, "[off]"},
    {"access-format", "json", NUMBER, SERVE(access_format), NULL, CSTAR_ACCESS_JSON, 0,
     "[combined]"},
    {"log-level", "warning", NUMBER, OWN(log_level), NULL, CSTAR_LOG_WARN, 0, "[info]"},
    {"development", NULL, YES, SERVE(development), NULL, 0, 0, "[off]"},
    {"health", "/up", TEXT, SERVE(health), "/up", 0, 0, "[/healthz]"},
    {"metrics", "/metrics", TEXT, SERVE(metrics), "/metrics", 0, 0, "[off]"},
    {"help", NULL, YES, OWN(help), NULL, 0, 0, ""},
    {"routes", NULL, YES, OWN(routes), NULL, 0, 0, ""},
    {"version", NULL, YES, OWN(version), NULL, 0, 0, ""},
};
#define NALL (sizeof all / sizeof *all)

static void check_field(const cstar__options *o, const expected *e) {
    const char *field = (const char *)o + e->at;
    switch (e->type) {
    case TEXT:
        assert_string_equal(*(const char *const *)(const void *)field, e->text);
        break;
    case YES:
        assert_true(*(const bool *)field);
        break;
    case NUMBER:
        assert_int_equal(*(const unsigned *)(const void *)field, e->n);
        break;
    case SIZE:
        assert_int_equal(*(const size_t *)(const void *)field, e->n);
        break;
    case LIST:
        assert_int_equal(*(const size_t *)(const void *)((const char *)o + e->count), e->n);
        assert_string_equal((*(const char *const *const *)(const void *)field)[e->n - 1], e->text);
        break;
    }
}

static void env_of(const char *name, char out[64]) {
    (void)snprintf(out, 64, "CSTAR_%s", name);
    for (char *p = out; *p != '\0'; p++) {
        *p = *p == '-' ? '_' : *p >= 'a' && *p <= 'z' ? (char)(*p - 32) : *p;
    }
}

static void every_flag(void **state) {
    (void)state;
    for (size_t i = 0; i < NALL; i++) {
        cstar__options o;
        char apart[64];
        char joined[140];
        char value[64] = "";
        (void)snprintf(apart, sizeof apart, "--%s", all[i].name);
        (void)snprintf(value, sizeof value, "%s", all[i].value != NULL ? all[i].value : "");
        (void)snprintf(joined, sizeof joined, "--%s=%s", all[i].name, value);
        assert_string_equal(PARSE(&o, apart, all[i].value != NULL ? value : NULL), "");
        check_field(&o, &all[i]);
        cstar__options_fini(&o);
        const char *said = PARSE(&o, joined);
        if (all[i].value != NULL) {
            assert_string_equal(said, "");
            check_field(&o, &all[i]);
        } else {
            assert_non_null(strstr(said, "takes no value: --"));
        }
        cstar__options_fini(&o);
    }
}

static void every_variable(void **state) {
    (void)state;
    for (size_t i = 0; i < NALL; i++) {
        cstar__options o;
        char name[64];
        env_of(all[i].name, name);
        (void)setenv(name, all[i].value != NULL ? all[i].value : "on", 1);
        assert_string_equal(parse(&o, (const char *const[]){NULL}), "");
        if (all[i].at == OWN(help) || all[i].at == OWN(version) ||
            all[i].at == OWN(routes)) { /* only as flags */
            assert_false(o.help || o.version || o.routes);
        } else {
            check_field(&o, &all[i]);
        }
        (void)unsetenv(name);
        cstar__options_fini(&o);
    }
}

static void nothing_given_is_zero(void **state) {
    (void)state;
    cstar__options o;
    static const cstar_serve_opts zero;
    assert_string_equal(parse(&o, (const char *const[]){NULL}), "");
    assert_memory_equal(&o.serve, &zero, sizeof zero);
    assert_int_equal(o.log_level, CSTAR_LOG_INFO);
    cstar__options_fini(&o);
}

/* ---- who wins ---- */

static void flags_win(void **state) {
    (void)state;
    cstar__options o;
    (void)setenv("CSTAR_WORKERS", "nonsense", 1);
    (void)setenv("CSTAR_CERT", "env.pem", 1);
    assert_string_equal(
        PARSE(&o, "--workers", "3", "--cert", "a", "--workers=2", "--cert=b,c", "--no-http2"), "");
    assert_int_equal(o.serve.workers, 2); /* the last one */
    assert_int_equal(o.serve.ncerts, 3);  /* all of them, but the environment's */
    assert_string_equal(o.serve.certs[0].cert_file, "a");
    assert_string_equal(o.serve.certs[2].cert_file, "c");
    assert_null(o.serve.certs[0].key_file);
    assert_true(o.serve.tls);
    cstar__options_fini(&o);
    (void)setenv("CSTAR_WORKERS", "", 1); /* as if it were not there */
    (void)unsetenv("CSTAR_CERT");
    assert_string_equal(PARSE(&o, "--tls"), "");
    assert_int_equal(o.serve.workers, 0);
    cstar__options_fini(&o);
    (void)unsetenv("CSTAR_WORKERS");
}

static void keys_belong_to_certificates(void **state) {
    (void)state;
    cstar__options o;
    assert_string_equal(PARSE(&o, "--key=k,l", "--cert", "a,b"), "");
    assert_string_equal(o.serve.certs[1].cert_file, "b");
    assert_string_equal(o.serve.certs[1].key_file, "l");
    cstar__options_fini(&o);
    assert_non_null(strstr(PARSE(&o, "--key=k"), "equally many files, not 0 and 1"));
    cstar__options_fini(&o);
    assert_non_null(strstr(PARSE(&o, "--key=k", "--cert=a,b"), "equally many files, not 2 and 1"));
    cstar__options_fini(&o);
}

static void help_looks_at_nothing_else(void **state) {
    (void)state;
    cstar__options o;
    (void)setenv("CSTAR_WORKERS", "nonsense", 1);
    assert_string_equal(PARSE(&o, "--key=k", "--help"), "");
    assert_true(o.help);
    cstar__options_fini(&o);
    (void)unsetenv("CSTAR_WORKERS");
}

/* ---- what is refused ---- */

static void wrong_values(void **state) {
    (void)state;
    static const struct {
        const char *flag, *said;
    } cases[] = {
        {"--idle-timeout=10x", "--idle-timeout: '10x' is no duration: use 10s, 500ms, 2m"},
        {"--idle-timeout=10", "--idle-timeout: '10' is no duration: use 10s, 500ms, 2m"},
        {"--idle-timeout=0s", "--idle-timeout: '0s' is no duration: use 10s, 500ms, 2m"},
        {"--idle-timeout=-1s", "--idle-timeout: '-1s' is no duration: use 10s, 500ms, 2m"},
        {"--idle-timeout= 1s", "--idle-timeout: ' 1s' is no duration: use 10s, 500ms, 2m"},
        {"--idle-timeout=600h", "--idle-timeout: '600h' is no duration: use 10s, 500ms, 2m"},
        {"--idle-timeout=", "--idle-timeout: '' is no duration: use 10s, 500ms, 2m"},
        {"--max-body=1T", "--max-body: '1T' is no size: use 64k, 16M, 1G, or a number of bytes"},
        {"--max-body=0", "--max-body: '0' is no size: use 64k, 16M, 1G, or a number of bytes"},
        {"--max-body=1kk", "--max-body: '1kk' is no size: use 64k, 16M, 1G, or a number of bytes"},
        {"--max-body=99999999999999999999",
         "--max-body: '99999999999999999999' is no size: use 64k, 16M, 1G, or a number of bytes"},
        {"--max-body=18014398509481984G",
         "--max-body: '18014398509481984G' is no size: use 64k, 16M, 1G, or a number of bytes"},
        {"--workers=0", "--workers: '0' is no number from 1 to 1024"},
        {"--workers=1025", "--workers: '1025' is no number from 1 to 1024"},
        {"--workers=1x", "--workers: '1x' is no number from 1 to 1024"},
        {"--workers=99999999999999999999999",
         "--workers: '99999999999999999999999' is no number from 1 to 1024"},
        {"--hsts=1000000001", "--hsts: '1000000001' is no number from 0 to 1000000000"},
        {"--access-format=jso", "--access-format: 'jso' is none of combined|common|json"},
        {"--access-format=", "--access-format: '' is none of combined|common|json"},
        {"--access-format=common|json",
         "--access-format: 'common|json' is none of combined|common|json"},
        {"--cert=a,,b", "--cert: an empty item in 'a,,b'"},
        {"--cert=", "--cert: an empty item in ''"},
        {"--cert=a,", "--cert: an empty item in 'a,'"},
        {"--nonsense", "unknown option: --nonsense (--help lists the options)"},
        {"--Listening", "unknown option: --Listening (--help lists the options)"},
        {"--listen", "needs a value: --listen (--help lists the options)"},
        {"--", "unknown option: -- (--help lists the options)"},
        {"-h", "unexpected argument: -h (--help lists the options)"},
        {"stray", "unexpected argument: stray (--help lists the options)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cstar__options o;
        char flag[80];
        (void)snprintf(flag, sizeof flag, "%s", cases[i].flag);
        assert_string_equal(PARSE(&o, flag), cases[i].said);
        cstar__options_fini(&o);
    }
}

static void wrong_variables(void **state) {
    (void)state;
    cstar__options o;
    (void)setenv("CSTAR_NO_HTTP2", "maybe", 1);
    assert_string_equal(parse(&o, (const char *const[]){NULL}),
                        "CSTAR_NO_HTTP2: 'maybe' is neither on nor off");
    cstar__options_fini(&o);
    for (const char *const *word = (const char *const[]){"off", "no", "false", "0", NULL};
         *word != NULL; word++) {
        (void)setenv("CSTAR_NO_HTTP2", *word, 1);
        assert_string_equal(parse(&o, (const char *const[]){NULL}), "");
        assert_false(o.serve.no_http2);
        cstar__options_fini(&o);
    }
    (void)unsetenv("CSTAR_NO_HTTP2");
}

/* ---- help ---- */

static const expected *find(const char *name, size_t len) {
    for (size_t i = 0; i < NALL; i++) {
        if (strlen(all[i].name) == len && memcmp(all[i].name, name, len) == 0) {
            return &all[i];
        }
    }
    return NULL;
}

/* Each row of the help is one of the table above, with its default: an option that is added without
 * a test fails here. `key` is tested with the certificates. */
static void help_has_all(void **state) {
    (void)state;
    cstar_buf out;
    size_t rows = 0;
    cstar_buf_init(&out, cstar_heap(), 1 << 20);
    cstar__options_help("app", &out);
    cstar_buf_byte(&out, '\0');
    assert_int_equal(out.status, CSTAR_OK);
    assert_memory_equal(out.ptr, "usage: app [options]\n", 21);
    for (char *line = strtok(out.ptr, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        assert_true(strlen(line) <= 110);
        if (strncmp(line, "  --", 4) != 0) {
            continue;
        }
        const size_t len = strcspn(line + 4, " ");
        const expected *e = find(line + 4, len);
        if (e == NULL) {
            assert_memory_equal(line, "  --key ", 8);
            continue;
        }
        rows++;
        assert_non_null(strstr(line, e->otherwise));
        assert_int_equal(e->value != NULL, line[4 + len + 1] != ' ');
    }
    assert_int_equal(rows, NALL);
    cstar_buf_fini(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_flag),
        cmocka_unit_test(every_variable),
        cmocka_unit_test(nothing_given_is_zero),
        cmocka_unit_test(flags_win),
        cmocka_unit_test(keys_belong_to_certificates),
        cmocka_unit_test(help_looks_at_nothing_else),
        cmocka_unit_test(wrong_values),
        cmocka_unit_test(wrong_variables),
        cmocka_unit_test(help_has_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
