/* soak-client/finals.c
 * SPDX-License-Identifier: MIT */
#include "finals.h"

#include "loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "last PUBLISHER TOPIC N" */
static void take_line(finals *f, const char *line) {
    char *rest = NULL;
    const unsigned long p = strtoul(line + strlen("last "), &rest, 10);
    if (p >= MARK_PUBLISHERS || rest[0] != ' ') {
        fail("not a count: %.40s", line);
    }
    f->n[p][mark_topic(rest + 1)] = (uint32_t)strtoul(rest + 1 + strlen("a0"), NULL, 10);
}

void finals_read(finals *f, const char *counts) {
    *f = (finals){{{0}}};
    for (const char *p = counts; p != NULL && *p != '\0'; p = strchr(p, '\n')) {
        p += *p == '\n';
        if (strncmp(p, "last ", strlen("last ")) == 0) {
            take_line(f, p);
        }
    }
}

long finals_number(const char *counts, const char *name) {
    char line[64];
    (void)snprintf(line, sizeof line, "\n%s ", name);
    const char *at = strstr(counts, line);
    if (at == NULL) {
        fail("the server does not say: %s", name);
    }
    return strtol(at + strlen(line), NULL, 10);
}

bool finals_reached(const finals *f, uint32_t topics, const book *b) {
    for (size_t p = 0; p < MARK_PUBLISHERS; p++) {
        for (size_t t = 0; t < MARK_TOPICS; t++) {
            if ((topics >> t & 1) != 0 && f->n[p][t] != 0 && b->n[p][t] != f->n[p][t]) {
                return false;
            }
        }
    }
    return true;
}
