/* soak-client/mark.h -- what tests/programs/live-server pours: who said it, the how manieth, when.
 *
 *     "@PUBLISHER TOPIC N S AT LEN@xxx$"    N: of this publisher and topic; S: of this publisher;
 *                                           AT: ns of CLOCK_MONOTONIC; LEN: how many x
 *
 * A book holds what a stream has had of each, and refuses what can't be next: N grows by one, or,
 * where the topic's patches replace each other or the stream drops, at all; S grows from one event
 * to the next.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SOAK_MARK_H
#define SOAK_MARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "a0", "c3": kinds are plain, elements, keyed, messages, replay; four of each. */
enum { MARK_PUBLISHERS = 4, MARK_TOPICS = 20 };

typedef struct mark {
    unsigned publisher, topic;
    uint32_t n;
    uint64_t s, at;
} mark;

typedef struct book {
    bool loose; /* gaps are allowed */
    uint32_t n[MARK_PUBLISHERS][MARK_TOPICS];
    uint64_t s[MARK_PUBLISHERS];
} book;

/** The index of a topic's name, which has two characters; fails otherwise. */
unsigned mark_topic(const char *name);
const char *mark_topic_name(unsigned topic);
/** Each topic of "a0,r1" as a bit. */
uint32_t mark_topics(const char *list);
/** @return false: there is none. One that is not whole ends the process. */
bool mark_read(const char *text, size_t len, mark *out);
/** NULL, or what is wrong with it. */
const char *book_take(book *b, const mark *m);
/** Forgets how far it was: others may have been missed. Order is still checked. */
void book_allow_gap(book *b);

#endif
