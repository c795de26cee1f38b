/* live-server/pour.h -- publishers at full speed: threads of the app that publish until they are
 * told to stop, and as fast as they are allowed to (CSTAR_EAGAIN).
 *
 *     POST /pour?topics=a0,e0    each publisher to each of these, by turns. Query: threads=N (1),
 *                                pause=US between two rounds, pad=BYTES, n=ROUNDS (no end)
 *     POST /poured               ends it, with one last event of each publisher and topic; or waits
 *                                until the N rounds are over
 *     GET  /poured               what was: lines "last PUBLISHER TOPIC N" and "NAME NUMBER"
 *
 * What is said: tests/programs/soak-client/mark.h. The first letter of a topic says how: "a", "r"
 * (kept for replay) signals; "c" signals with a key; "e" elements; "m" a message, whose bytes are
 * lent.
 *
 * LIVE_SERVER_PUBLISHERS=N: so many threads; none without it.
 *
 * SPDX-License-Identifier: MIT */
#ifndef LIVE_SERVER_POUR_H
#define LIVE_SERVER_POUR_H

#include <cstar.h>

/** Routes and threads. */
void pour_add(cstar_app *app);

#endif
