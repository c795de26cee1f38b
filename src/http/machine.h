/* http/machine.h -- one connection's protocol, whichever it is: HTTP/1.1 until the first bytes (or
 * ALPN) say HTTP/2.
 *
 *     undecided ──first bytes are the HTTP/2 preface, or ALPN said h2──▶ h2
 *         └───────anything else──▶ h1
 *
 * The entries are those of http/h1.h and http/h2.h; drivers use only these. Output goes to the
 * buffer given at init, which the driver empties after every call.
 * Threads: one loop. Memory: HTTP/1.1 lives in here, HTTP/2 is allocated when it is needed.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_HTTP_MACHINE_H
#define CSTAR_HTTP_MACHINE_H

#include "http/h1.h"
#include "http/h2.h"

/* What the connection waits for, which decides how long it may. */
typedef enum cstar__machine_wait {
    CSTAR__MACHINE_IDLE,   /* for a further request */
    CSTAR__MACHINE_HEAD,   /* for the rest of a head */
    CSTAR__MACHINE_BODY,   /* for more of a body */
    CSTAR__MACHINE_APP,    /* for the application, or for several things at once (HTTP/2) */
    CSTAR__MACHINE_CLOSING /* for its end */
} cstar__machine_wait;

typedef struct cstar__machine {
    cstar__h1 h1;
    cstar__h2 *h2;       /* NULL: HTTP/1.1, or undecided */
    uint8_t preface_len; /* bytes of HTTP/2's first words that have come, while undecided */
    bool decided;
    bool failed; /* out of memory while deciding */
} cstar__machine;

/** @param peer  borrowed for the machine's life; NULL: nobody in particular. */
void cstar__machine_init(cstar__machine *m, const cstar__env *env, const cstar__peer *peer,
                         cstar_buf *out);
void cstar__machine_fini(cstar__machine *m);

/** ALPN has chosen: HTTP/2 (its SETTINGS go to `out`), or HTTP/1.1. CSTAR_ENOMEM. */
cstar_status cstar__machine_decide(cstar__machine *m, bool h2);

cstar_status cstar__machine_feed(cstar__machine *m, const char *ptr, size_t len);
cstar_status cstar__machine_resume(cstar__machine *m);
/** Whether cstar__machine_resume() has something to do, once the peer has taken all output. False
 * while only the driver can go on (cstar__machine_file()). */
bool cstar__machine_wants_resume(const cstar__machine *m);
/** The driver stores as much output as it will: HTTP/2 adds no more, whatever calls it (its clock, an
 * alarm), until it is told otherwise. HTTP/1.1 writes only what it is asked for. */
void cstar__machine_stuck(cstar__machine *m, bool stuck);
/** on_wake for `x`, an exchange of this machine that is not over: for an alarm. Like every entry it
 * may leave output, and the machine done or cut. */
void cstar__machine_wake(cstar__machine *m, cstar__exchange *x);

/** The driver sends files from their descriptors where it may: called right behind
 * cstar__machine_init(), if at all. */
void cstar__machine_sends_files(cstar__machine *m);
/** HTTP/1.1: all that was in `out` has been taken, and what follows is `*left` bytes of the file `*fd`
 * from `*at` on, which the driver is to send and to tell of with cstar__machine_file_sent(). A file
 * that turns out shorter: close the connection. */
bool cstar__machine_file(const cstar__machine *m, int *fd, uint64_t *at, uint64_t *left);
void cstar__machine_file_sent(cstar__machine *m, uint64_t n);

/** How many heads were complete so far (it wraps): whether what is waited for is still the same.
 * HTTP/1.1 only. */
uint32_t cstar__machine_heads(const cstar__machine *m);
/** Bytes of the present request's body so far, 0 without one; HTTP/1.1 only: HTTP/2 minds the rates of
 * its bodies itself. */
uint64_t cstar__machine_body_seen(const cstar__machine *m);
/** Output goes to `out` from now on; what an earlier one holds is the driver's. Not from inside an
 * entry of this machine. */
void cstar__machine_lend(cstar__machine *m, cstar_buf *out);
void cstar__machine_eof(cstar__machine *m);
void cstar__machine_timeout(cstar__machine *m);
void cstar__machine_tick(cstar__machine *m, uint64_t now);
/** Whether cstar__machine_tick() does anything: HTTP/1.1 needs no clock but the driver's. */
bool cstar__machine_ticks(const cstar__machine *m);
void cstar__machine_drain(cstar__machine *m);
bool cstar__machine_wants_input(const cstar__machine *m);
cstar__machine_wait cstar__machine_waits_for(const cstar__machine *m);
bool cstar__machine_done(const cstar__machine *m);
bool cstar__machine_cut(const cstar__machine *m);

#endif
