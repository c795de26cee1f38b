/* net/systemd.h -- what a service manager gives and wants to hear, without its library:
 * sd_listen_fds(3) and sd_notify(3).
 *
 * Threads: the environment is read by cstar__systemd_fds() and cstar__notify_open() only, before
 * any worker runs. cstar__notify(): any.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_NET_SYSTEMD_H
#define CSTAR_NET_SYSTEMD_H

#include "cstar/base.h"

/** Descriptors that were passed to this process (LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES).
 * @param name  Only those of that name; "": all. @param max  room in `out`.
 * @return how many there are, also if it is more than `max`; 0: none for us. */
size_t cstar__systemd_fds(const char *name, int *out, size_t max);

typedef struct cstar__notifier {
    int fd;            /* kept open, so that a lack of descriptors stops no watchdog; -1: nobody */
    char path[108];    /* "/path" or "@name" */
    unsigned watch_ms; /* half of WATCHDOG_USEC: say WATCHDOG=1 that often; 0: never */
} cstar__notifier;

/** Reads NOTIFY_SOCKET and WATCHDOG_USEC. Without them, or with an address of a kind that we don't
 * know, the notifier says nothing. @return false: there is one, but no socket to reach it. */
bool cstar__notify_open(cstar__notifier *n);
/** What nobody is told: also before cstar__notify_open(). */
void cstar__notify_init(cstar__notifier *n);
void cstar__notify_close(cstar__notifier *n);
/** Sends one message of lines "NAME=value\n"; lost if the manager does not take it at once. At most
 * 511 bytes. */
void cstar__notify(const cstar__notifier *n, const char *format, ...) CSTAR_PRINTF(2, 3);
/** "RELOADING=1" with the time that belongs to it. */
void cstar__notify_reloading(const cstar__notifier *n);

#endif
