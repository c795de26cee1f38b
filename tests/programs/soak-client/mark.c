/* soak-client/mark.c
 * SPDX-License-Identifier: MIT */
#include "mark.h"

#include "loop.h"

#include <string.h>

enum { OF_EACH = 4, LONGEST = 4096, SHOWN = 160 };
#define GAP 0x80000000U /* in a book: the next one may be any later one */

static const char kinds[] = "aecmr";

unsigned mark_topic(const char *name) {
    const char *kind = name[0] != '\0' ? strchr(kinds, name[0]) : NULL;
    if (kind == NULL || name[1] < '0' || name[1] >= '0' + OF_EACH) {
        fail("not a topic: %.8s", name);
    }
    return (unsigned)(kind - kinds) * OF_EACH + (unsigned)(name[1] - '0');
}

const char *mark_topic_name(unsigned topic) {
    static char name[3];
    name[0] = kinds[topic / OF_EACH];
    name[1] = (char)('0' + topic % OF_EACH);
    return name;
}

uint32_t mark_topics(const char *list) {
    uint32_t bits = 0;
    for (const char *p = list; *p != '\0' && *p != '?' && *p != ' '; p += p[2] == ',' ? 3 : 2) {
        bits |= (uint32_t)1 << mark_topic(p);
    }
    return bits;
}

/* `text` is LEN times x, and a dollar sign. */
static bool is_whole(const char *text, size_t have, size_t want) {
    static char all_x[LONGEST];
    if (all_x[0] == '\0') {
        memset(all_x, 'x', sizeof all_x);
    }
    return want <= LONGEST && have > want && memcmp(text, all_x, want) == 0 && text[want] == '$';
}

/* Digits, and what must be behind them. */
static bool take_number(const char **p, const char *end, char behind, uint64_t *out) {
    const char *at = *p;
    for (*out = 0; at < end && *at >= '0' && *at <= '9'; at++) {
        *out = *out * 10 + (uint64_t)(*at - '0');
    }
    const bool ok = at != *p && at < end && *at == behind;
    *p = at + 1;
    return ok;
}

/* `p` is behind the first @. */
static bool take_mark(const char *p, const char *end, mark *out) {
    char topic[3] = {0};
    uint64_t publisher = 0;
    uint64_t n = 0;
    uint64_t pad = 0;
    if (!take_number(&p, end, ' ', &publisher) || end - p < 3) {
        return false;
    }
    memcpy(topic, p, 2);
    p += 3;
    if (!take_number(&p, end, ' ', &n) || !take_number(&p, end, ' ', &out->s) ||
        !take_number(&p, end, ' ', &out->at) || !take_number(&p, end, '@', &pad)) {
        return false;
    }
    out->publisher = (unsigned)publisher;
    out->topic = mark_topic(topic);
    out->n = (uint32_t)n;
    return publisher < MARK_PUBLISHERS && is_whole(p, (size_t)(end - p), pad);
}

bool mark_read(const char *text, size_t len, mark *out) {
    const char *begin = memchr(text, '@', len);
    if (begin != NULL && !take_mark(begin + 1, text + len, out)) {
        fail("an event that is not whole: %.*s", (int)(len < SHOWN ? len : SHOWN), text);
    }
    return begin != NULL;
}

const char *book_take(book *b, const mark *m) {
    const bool keyed = kinds[m->topic / OF_EACH] == 'c';
    uint32_t *n = &b->n[m->publisher][m->topic];
    const uint32_t last = *n & ~GAP;
    const bool gap = *n == 0 || (*n & GAP) != 0 || b->loose || keyed;
    *n = m->n;
    if (m->n <= last) {
        return "again, or out of order";
    }
    if (!gap && m->n != last + 1) {
        return "others were lost";
    }
    if (m->s <= b->s[m->publisher]) {
        return "behind one that was published later";
    }
    b->s[m->publisher] = m->s;
    return NULL;
}

void book_allow_gap(book *b) {
    for (size_t p = 0; p < MARK_PUBLISHERS; p++) {
        for (size_t t = 0; t < MARK_TOPICS; t++) {
            b->n[p][t] |= b->n[p][t] != 0 ? GAP : 0;
        }
    }
}
