/* h1rig.h -- an HTTP/1.1 machine with a handler that answers by path and writes down what
 * happened, as text to compare.
 *
 *     h1rig r;
 *     h1rig_init(&r, cstar_heap());
 *     h1rig_feed(&r, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
 *     assert_string_equal(h1rig_outcome(&r), "head GET / 1.1 a\n  host: a\nend\nclose 200\n"
 *                                            "answer 200 keep \"hello\"\nidle\n");
 *     h1rig_fini(&r);
 *
 * Paths: /later, /stream (ended at once), /open (started, two pieces, not ended), /early
 * (answered before the body), /early-stream (started before the body), /early-file (a source before
 * the body), /mid (answered at the first piece of the body), /no-content, /not-modified, /limit (a
 * body of 10 bytes at most), /huge (64 KiB answer), and those of answerer_respond().
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_TESTS_H1RIG_H
#define CSTAR_TESTS_H1RIG_H

#include "http/h1.h"
#include "support/answerer.h"

#ifndef RIG_HUGE
#define RIG_HUGE (64 * 1024) /* bytes of /huge; fuzz targets have less */
#endif

typedef struct h1rig {
    ANSWERER;
    cstar__h1 machine;
    cstar_buf body, outcome;
    cstar__exchange *waiting; /* of /later, /open, /early-stream */
    bool heads_only[64];      /* of the first exchanges: whether the method was HEAD */
    size_t early_files;
} h1rig;

void h1rig_init(h1rig *r, const cstar_allocator *alloc);
void h1rig_fini(h1rig *r);

cstar_status h1rig_feed(h1rig *r, const char *text);
/** The events so far, the answers in the output and the state of the machine. Fails with
 * "malformed output ..." in the text. */
const char *h1rig_outcome(h1rig *r);
/** Whether the output is a sequence of well-formed responses; the last may be open (cut short)
 * if `open`. */
bool h1rig_output_ok(h1rig *r, bool open);

#endif
