/* net/mask.h -- which signals a thread takes.
 *
 * The kernel gives a process's signal to any thread that does not block it, and so to one that was
 * born a moment ago and is nobody yet; hence the threads we make are born blocking it. Workers then
 * take the mask of who made them, since programs that handlers start inherit theirs; threads of the
 * application's own stay as they are: a signal would end their sleep.
 *
 * Threads: each function is about the calling thread.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_NET_MASK_H
#define CSTAR_NET_MASK_H

#include <signal.h>

/** Blocks what is not about the thread itself, for threads that are made from now on. Not blocked:
 * faults (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT), whose handlers write reports,
 * and SIGPROF, by which profilers look.
 * @param before  for cstar__mask_restore(), once they are made */
void cstar__mask_for_threads(sigset_t *before);
void cstar__mask_restore(const sigset_t *before);
/** In a thread that was made meanwhile: takes `mask`. It has made a call that may block by then,
 * because of ThreadSanitizer's runtime: that loses a signal which comes during a thread's first. */
void cstar__mask_take(const sigset_t *mask);

/** Blocks SIGPIPE, which writing to a closed socket raises and write(2) can't be told not to. Its
 * disposition is the program's own business. */
void cstar__mask_pipe(sigset_t *before);
/** Takes a pending one back and restores; nothing, if it was blocked before. */
void cstar__unmask_pipe(const sigset_t *before);

#endif
