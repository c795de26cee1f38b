/* first_signal.c -- linked into every program that is built with ThreadSanitizer.
 *
 * The runtime (seen with LLVM 14) makes a thread's table of pending signals in the first call that
 * blocks, and loses a signal that arrives in the middle of that: a server stopped in its very first
 * epoll_wait() went on for ever, one start in thousands. So the first such call comes before
 * main(), when nobody knows the process yet.
 *
 * SPDX-License-Identifier: MIT */
#include <poll.h>
#include <stddef.h>

__attribute__((constructor)) static void make_table(void) { (void)poll(NULL, 0, 0); }
