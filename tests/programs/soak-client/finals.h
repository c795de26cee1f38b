/* soak-client/finals.h -- how far the server's publishers have come, and who has all of it.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SOAK_FINALS_H
#define SOAK_FINALS_H

#include "mark.h"

typedef struct finals {
    uint32_t n[MARK_PUBLISHERS][MARK_TOPICS];
} finals;

/** @param counts  what /poured says. */
void finals_read(finals *f, const char *counts);
/** A number of `counts`. */
long finals_number(const char *counts, const char *name);
/** Whether the last of each of these topics is in the book. */
bool finals_reached(const finals *f, uint32_t topics, const book *b);

#endif
