/* webdrive.h -- an app without sockets: bytes in, bytes out, through the real machine and
 * dispatcher.
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_TESTS_WEBDRIVE_H
#define CSTAR_TESTS_WEBDRIVE_H

#include "http/h1.h"

#include "cstar/web.h"

typedef struct webdrive {
    cstar__exchange_pool pool;
    cstar__env env;
    cstar__peer peer;
    cstar__driver driver; /* of webdrive_works(); before it there is none */
    cstar__stats stats;
    cstar__h1 machine;
    cstar_buf out;      /* all that was answered; read it, reset it */
    const char *fields; /* more for webdrive_request(): whole lines; NULL: none */
    char log[512];      /* the last line logged, with its level's digit in front */
    unsigned logged;
} webdrive;

/** @param alloc  for everything but the app itself. */
void webdrive_init(webdrive *d, cstar_app *app, const cstar_allocator *alloc);
void webdrive_fini(webdrive *d);
/** From now on there is a driver: work goes to `work` with this link, and no alarm rings. */
void webdrive_works(webdrive *d, cstar_status (*work)(void *link, cstar__work *w), void *link);
/** Feeds a request; answers gather in d->out. */
void webdrive_feed(webdrive *d, const char *bytes);
/** Resets the output, sends METHOD target with a Host and, if `body` is not NULL, that JSON body.
 * @return the whole answer, NUL-terminated, valid until the next call. */
const char *webdrive_request(webdrive *d, const char *method, const char *target, const char *body);
/** The status code of an answer; 0 if it is none. */
int webdrive_status(const char *answer);
/** The part behind the head; "" if there is none. */
const char *webdrive_body(const char *answer);

#endif
