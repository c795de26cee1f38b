/* web/options.h -- the command line and the environment of cstar_main().
 *
 *     cstar__options o;
 *     cstar__options_init(&o);
 *     rc = cstar__options_parse(&o, argc, argv, &err);   // o.serve is filled
 *     cstar__options_fini(&o);
 *
 * A flag `--max-body` is CSTAR_MAX_BODY in the environment; flags win. All of them are rows of one
 * table in options.c. Life: what o.serve points to lives as long as `o`, `argv` and the
 * environment.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_WEB_OPTIONS_H
#define CSTAR_WEB_OPTIONS_H

#include "cstar/serve.h"

typedef struct cstar__options {
    cstar_serve_opts serve;
    cstar_arena arena;
    const char *const *certs, *const *keys; /* become serve.certs */
    size_t ncerts, nkeys;
    cstar_log_level log_level; /* what is printed: this and graver */
    bool help, version, routes;
} cstar__options;

void cstar__options_init(cstar__options *o);
void cstar__options_fini(cstar__options *o);

/** Flags, then the environment for what they do not say. With --help, --version or --routes nothing
 * else is looked at. @return CSTAR_EINVAL, `err` says which and what it should be; CSTAR_ENOMEM. */
cstar_status cstar__options_parse(cstar__options *o, int argc, const char *const *argv,
                                  cstar_err *err);

/** The text of --help: every option with its default. */
void cstar__options_help(const char *program, cstar_buf *out);

#endif
