/* base/json_read.c -- builds a tree from the scanner's tokens.
 *
 *     text ──▶ cstar__json_next() ──▶ add_*() ──▶ nodes, linked in document order
 *
 * One pass, one level at a time.
 *
 * Memory: one allocation for all strings and number texts: every one of them is followed by a
 * structural byte in the document, so that with their NULs they are never longer than the document
 * and one NUL. Nodes come in chunks.
 *
 * Duplicate keys: the first PAIRWISE members of an object are compared with each other as they
 * come, behind a filter of 64 bits that most keys pass at once; a larger object is sorted when it
 * closes. Rejected: a hash table, since whoever sends the document can choose keys that collide in
 * it.
 *
 * SPDX-License-Identifier: MIT */
#include "base/json_node.h"
#include "base/json_scan.h"

#define PAIRWISE 16u
#define CHUNK_MIN 8u
#define CHUNK_MAX 128u

typedef struct reader {
    cstar__json_scan scan;
    cstar_arena *arena;
    char *text;           /* where the next string's bytes go */
    cstar_json *spare;    /* nodes not handed out yet */
    size_t spares, chunk; /* how many, and how many to take next */
    cstar_json *open;     /* the innermost container that is open */
    cstar_json **tail;    /* where the next node is linked */
    cstar_json *root;
    const char *key;        /* of the next node; NULL inside of arrays */
    const char *key_source; /* where it stands in the document */
    uint32_t key_len, key_hash;
} reader;

/* Every failure returns false and leaves its reason in the scanner. */
static bool fail(reader *r, const char *at, cstar_status status, const char *what) {
    (void)cstar__json_scan_fail(&r->scan, at, status, what);
    return false;
}

static bool out_of_memory(reader *r) { return fail(r, r->scan.at, CSTAR_ENOMEM, "out of memory"); }

/* ---- strings
 * ---------------------------------------------------------------------------------- */

static char *put_utf8(char *out, uint32_t c) {
    if (c < 0x80) {
        *out++ = (char)c;
        return out;
    }
    if (c < 0x800) {
        *out++ = (char)(0xC0 | c >> 6);
    } else {
        if (c < 0x10000) {
            *out++ = (char)(0xE0 | c >> 12);
        } else {
            *out++ = (char)(0xF0 | c >> 18);
            *out++ = (char)(0x80 | (c >> 12 & 0x3F));
        }
        *out++ = (char)(0x80 | (c >> 6 & 0x3F));
    }
    *out++ = (char)(0x80 | (c & 0x3F));
    return out;
}

/* The scanner has checked the escapes. */
static char *copy_unescaped(char *out, cstar_str s) {
    const char *p = s.ptr;
    const char *end = p + s.len;
    while (p < end) {
        const char *backslash = memchr(p, '\\', (size_t)(end - p));
        size_t run = (size_t)((backslash != NULL ? backslash : end) - p);
        memcpy(out, p, run);
        out += run;
        p += run;
        if (backslash != NULL) {
            uint32_t code = 0;
            cstar_status unused;
            p += cstar__json_escape(p, end, &code, &unused);
            out = put_utf8(out, code);
        }
    }
    return out;
}

/* Copies the token's text behind what is there and ends it by a NUL. */
static const char *keep_text(reader *r, uint32_t *len) {
    cstar_str s = r->scan.text;
    char *start = r->text;
    char *behind = start + s.len;
    if (s.len <= 16 && r->scan.end - s.ptr >= 16) {
        /* Two instructions instead of a call. What is too much does no harm: what was written is
         * never longer than what was read, so where 16 bytes are left to read, 16 have room. */
        memcpy(start, s.ptr, 16);
    } else {
        memcpy(start, s.ptr, s.len);
    }
    *behind = '\0';
    r->text = behind + 1;
    *len = (uint32_t)s.len;
    return start;
}

static const char *keep_string(reader *r, uint32_t *len) {
    if (!r->scan.escaped) {
        return keep_text(r, len);
    }
    char *start = r->text;
    char *behind = copy_unescaped(start, r->scan.text);
    *behind = '\0';
    r->text = behind + 1;
    *len = (uint32_t)(behind - start);
    return start;
}

/* ---- nodes
 * ------------------------------------------------------------------------------------ */

static bool more_nodes(reader *r) {
    cstar_json *nodes = cstar_arena_alloc(r->arena, r->chunk * sizeof *nodes);
    if (nodes == NULL) {
        return out_of_memory(r);
    }
    r->spare = nodes;
    r->spares = r->chunk;
    r->chunk = CHUNK_MAX;
    return true;
}

/* A new node, linked behind its elder sibling. */
static cstar_json *add_node(reader *r, cstar_json_type type) {
    if (r->spares == 0 && !more_nodes(r)) {
        return NULL;
    }
    cstar_json *node = r->spare++;
    r->spares--;
    node->link.next = NULL;
    node->key = r->key;
    node->at.first = NULL;
    node->u.i = 0;
    node->key_len = r->key_len;
    node->key_hash = r->key_hash;
    node->len = 0;
    node->type = (uint8_t)type;
    node->has_nul = false;
    *r->tail = node;
    r->tail = &node->link.next;
    if (r->open != NULL) {
        r->open->len++;
    }
    r->key = NULL;
    r->key_len = 0;
    return node;
}

static bool add_number(reader *r, cstar_json_type type) {
    cstar_json *node = add_node(r, type);
    if (node == NULL) {
        return false;
    }
    if (type == CSTAR_JSON_INT) {
        node->u.i = r->scan.number.i;
    } else {
        node->u.d = r->scan.number.d;
    }
    node->at.text = keep_text(r, &node->len);
    return true;
}

static bool add_string(reader *r) {
    cstar_json *node = add_node(r, CSTAR_JSON_STRING);
    if (node == NULL) {
        return false;
    }
    node->at.text = keep_string(r, &node->len);
    node->has_nul = r->scan.escaped && memchr(node->at.text, '\0', node->len) != NULL;
    return true;
}

static bool add_word(reader *r, cstar_json_type type, bool value) {
    cstar_json *node = add_node(r, type);
    if (node == NULL) {
        return false;
    }
    node->u.b = value;
    return true;
}

static bool enter(reader *r, cstar_json_type type) {
    cstar_json *node = add_node(r, type);
    if (node == NULL) {
        return false;
    }
    node->u.parent = r->open;
    node->link.seen = 0; /* no sibling can come before it is closed */
    r->open = node;
    r->tail = &node->at.first;
    return true;
}

static void leave(reader *r) {
    cstar_json *node = r->open;
    node->link.next = NULL;
    r->open = node->u.parent;
    r->tail = &node->link.next;
}

/* ---- duplicate keys
 * --------------------------------------------------------------------------- */

static uint32_t hash_key(const char *key, size_t len) {
    uint64_t a = 0, b = 0;
    if (len >= 8) {
        memcpy(&a, key, 8);
        memcpy(&b, key + len - 8, 8);
    } else if (len >= 4) {
        memcpy(&a, key, 4);
        memcpy(&b, key + len - 4, 4);
    } else if (len > 0) {
        a = (uint64_t)(unsigned char)key[0] << 8 | (unsigned char)key[len / 2];
        b = (unsigned char)key[len - 1];
    }
    uint64_t mixed = (a ^ len) * UINT64_C(0x9E3779B97F4A7C15) + b * UINT64_C(0xC2B2AE3D27D4EB4F);
    return (uint32_t)(mixed >> 32);
}

static int compare_keys(const cstar_json *a, const cstar_json *b) {
    if (a->key_len != b->key_len) {
        return a->key_len < b->key_len ? -1 : 1;
    }
    return memcmp(a->key, b->key, a->key_len);
}

/* Whether the key just read stands among the members that the open object has. */
static bool was_seen(reader *r) {
    uint64_t bit = UINT64_C(1) << (r->key_hash >> 26);
    if ((r->open->link.seen & bit) == 0) {
        r->open->link.seen |= bit;
        return false;
    }
    for (const cstar_json *m = r->open->at.first; m != NULL; m = m->link.next) {
        if (m->key_hash == r->key_hash && m->key_len == r->key_len &&
            memcmp(m->key, r->key, r->key_len) == 0) {
            return true;
        }
    }
    return false;
}

/* Merges the sorted runs from[lo..mid) and from[mid..hi). */
static void merge(cstar_json **from, cstar_json **to, size_t lo, size_t mid, size_t hi) {
    size_t left = lo, right = mid;
    for (size_t i = lo; i < hi; i++) {
        bool take_left = right == hi || (left < mid && compare_keys(from[left], from[right]) <= 0);
        to[i] = take_left ? from[left++] : from[right++];
    }
}

/* @return whichever of the two arrays holds the sorted result. */
static cstar_json **sort_members(cstar_json **members, cstar_json **scratch, size_t count) {
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t lo = 0; lo < count; lo += 2 * width) {
            size_t mid = lo + width < count ? lo + width : count;
            size_t hi = mid + width < count ? mid + width : count;
            merge(members, scratch, lo, mid, hi);
        }
        cstar_json **swap = members;
        members = scratch;
        scratch = swap;
    }
    return members;
}

/* For an object too large to compare its keys pairwise. The tree keeps its order: pointers are
 * sorted. */
static bool keys_differ(reader *r) {
    size_t count = r->open->len;
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are what is sorted */
    cstar_json **members = cstar_arena_alloc(r->arena, 2 * count * sizeof *members);
    if (members == NULL) {
        return out_of_memory(r);
    }
    size_t n = 0;
    for (cstar_json *m = r->open->at.first; m != NULL; m = m->link.next) {
        members[n++] = m;
    }
    members = sort_members(members, members + n, n);
    for (size_t i = 1; i < n; i++) {
        if (compare_keys(members[i - 1], members[i]) == 0) {
            return fail(r, r->scan.at - 1, CSTAR_EDUP, "duplicate key in the object that ends");
        }
    }
    return true;
}

static bool take_key(reader *r) {
    r->key_source = r->scan.text.ptr - 1;
    r->key = keep_string(r, &r->key_len);
    r->key_hash = hash_key(r->key, r->key_len);
    if (r->open->len < PAIRWISE && was_seen(r)) {
        return fail(r, r->key_source, CSTAR_EDUP, "duplicate key");
    }
    return true;
}

static bool close_object(reader *r) {
    bool ok = r->open->len <= PAIRWISE || keys_differ(r);
    leave(r);
    return ok;
}

/* ---- the loop
 * --------------------------------------------------------------------------------- */

static bool take_token(reader *r, cstar__json_token token) {
    switch (token) {
    case CSTAR__JSON_KEY:
        return take_key(r);
    case CSTAR__JSON_STR:
        return add_string(r);
    case CSTAR__JSON_INTEGER:
        return add_number(r, CSTAR_JSON_INT);
    case CSTAR__JSON_REAL:
        return add_number(r, CSTAR_JSON_DOUBLE);
    case CSTAR__JSON_TRUE:
        return add_word(r, CSTAR_JSON_BOOL, true);
    case CSTAR__JSON_FALSE:
        return add_word(r, CSTAR_JSON_BOOL, false);
    case CSTAR__JSON_NIL:
        return add_word(r, CSTAR_JSON_NULL, false);
    case CSTAR__JSON_OBJECT:
        return enter(r, CSTAR_JSON_OBJECT);
    case CSTAR__JSON_ARRAY:
        return enter(r, CSTAR_JSON_ARRAY);
    case CSTAR__JSON_OBJECT_END:
        return close_object(r);
    case CSTAR__JSON_ARRAY_END:
        leave(r);
        return true;
    case CSTAR__JSON_ERROR:
    case CSTAR__JSON_END:
        break;
    }
    return false;
}

static bool read_tree(reader *r) {
    for (;;) {
        cstar__json_token token = cstar__json_next(&r->scan);
        if (token == CSTAR__JSON_END) {
            return true;
        }
        if (!take_token(r, token)) {
            return false;
        }
    }
}

cstar_json *cstar_json_read(cstar_arena *a, cstar_str text, const cstar_json_opts *opts,
                            cstar_err *err) {
    reader r;
    if (cstar__json_scan_init(&r.scan, text, opts) != CSTAR_OK) {
        (void)cstar__json_scan_report(&r.scan, err);
        return NULL;
    }
    size_t guess = text.len / 16; /* bytes per node in documents that have keys */
    r.arena = a;
    r.text = cstar_arena_alloc(a, text.len + 1);
    r.spares = 0;
    r.chunk = guess < CHUNK_MIN ? CHUNK_MIN : guess < CHUNK_MAX ? guess : CHUNK_MAX;
    r.open = NULL;
    r.root = NULL;
    r.tail = &r.root;
    r.key = NULL;
    r.key_len = r.key_hash = 0;
    if (r.text == NULL ? out_of_memory(&r) : read_tree(&r)) {
        return r.root;
    }
    (void)cstar__json_scan_report(&r.scan, err);
    return NULL;
}
