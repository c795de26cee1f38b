/* base/json_node.h -- what a cstar_json is, for the four files that build, read, write and decode
 * trees.
 *
 * A tree is a list of lists: siblings are linked by `next`, a container points to its first child.
 * All keys, strings and number texts of a document stand one behind the other in one arena
 * allocation, each with a NUL behind it; nodes come from the arena in chunks. Nothing points into
 * the text that was read.
 *
 * Invariants: 1. A finished tree is never written to again. 2. `key` is non-NULL exactly for
 * members of objects.
 * 3. A container's `u.parent` is the container around it (NULL for the root), so that whoever walks
 * a tree needs neither recursion nor a stack. 4. Lengths and counts fit 32 bits: the reader refuses
 * longer texts.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_BASE_JSON_NODE_H
#define CSTAR_BASE_JSON_NODE_H

#include "cstar/json.h"

struct cstar_json {
    union {
        cstar_json *next; /* NULL for the last */
        uint64_t seen;    /* while the reader is inside this object: which key hashes it has met */
    } link;
    const char *key;
    union {
        cstar_json *first; /* ARRAY, OBJECT */
        const char *text;  /* STRING: its bytes; INT, DOUBLE: as written; a NUL follows */
    } at;
    union {
        cstar_json *parent; /* ARRAY, OBJECT */
        int64_t i;          /* INT */
        double d;           /* DOUBLE */
        bool b;             /* BOOL */
    } u;
    uint32_t key_len;
    uint32_t key_hash; /* the reader's own */
    uint32_t len;      /* bytes of `text`, or number of children */
    uint8_t type;      /* cstar_json_type */
    bool has_nul;      /* STRING: there is a NUL inside */
};

static inline bool cstar__json_is_container(const cstar_json *v) {
    return v->type == CSTAR_JSON_ARRAY || v->type == CSTAR_JSON_OBJECT;
}

#endif
