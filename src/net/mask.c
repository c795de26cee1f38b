/* mask.c -- which signals a thread takes.
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* sigtimedwait(), SIGPROF */
#include "net/mask.h"

#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <time.h>

void cstar__mask_for_threads(sigset_t *before) {
    static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT, SIGPROF};
    sigset_t set;
    (void)sigfillset(&set);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        (void)sigdelset(&set, own[i]);
    }
    (void)pthread_sigmask(SIG_SETMASK, &set, before);
}

void cstar__mask_restore(const sigset_t *before) {
    (void)pthread_sigmask(SIG_SETMASK, before, NULL);
}

void cstar__mask_take(const sigset_t *mask) {
    (void)poll(NULL, 0, 0);
    cstar__mask_restore(mask);
}

void cstar__mask_pipe(sigset_t *before) {
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &set, before);
}

void cstar__unmask_pipe(const sigset_t *before) {
    if (sigismember(before, SIGPIPE) != 0) {
        return;
    }
    const struct timespec at_once = {0, 0};
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGPIPE);
    (void)sigtimedwait(&set, NULL, &at_once);
    cstar__mask_restore(before);
}
