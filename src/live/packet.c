/* live/packet.c
 *
 *     [room for a chunk's head | event bytes | CRLF | key]    one block, from begin() to unref()
 *
 * SPDX-License-Identifier: MIT */
#include "live/packet.h"

enum { HEAD = 18 }; /* "ffffffffffffffff\r\n" */

#define ID_FIELD "id: 00000000-000000000000\n"

/* ---- making ---- */

void cstar__packet_begin(cstar_buf *b, const cstar_allocator *alloc, size_t limit) {
    cstar_buf_init(b, alloc, limit == 0 || limit > SIZE_MAX - HEAD ? limit : limit + HEAD);
    if (cstar_buf_room(b, HEAD)) {
        memset(b->ptr, ' ', HEAD);
        b->len = HEAD;
    }
}

static cstar__packet *packet_new(const cstar_allocator *alloc) {
    cstar__packet *p = alloc->resize(alloc->ctx, NULL, 0, sizeof *p);
    if (p != NULL) {
        memset(p, 0, sizeof *p);
        p->refs = 1;
        p->alloc = alloc;
    }
    return p;
}

/* See cstar__shared. */
static void hold(const cstar__shared *piece, bool stays) {
    const union { /* a packet is nobody's constant */
        const char *from;
        cstar__packet *to;
    } p = {(const char *)piece - offsetof(cstar__packet, wire)};
    if (stays) {
        cstar__packet_ref(p.to);
    } else {
        cstar__packet_unref(p.to);
    }
}

/* The chunk's head, right in front of the content. */
static void put_head(cstar__packet *p, char *content, size_t len) {
    static const char digits[] = "0123456789abcdef";
    char *w = content - 2;
    memcpy(w, "\r\n", 2);
    for (size_t n = len; n != 0; n >>= 4) {
        *--w = digits[n & 15];
    }
    p->wire.hold = hold;
    p->wire.bytes = cstar_view(content, len);
    p->wire.chunk = cstar_view(w, (size_t)(content - w) + len + 2);
}

/* The last line break ends the event: the field comes in front of it. */
static void add_id(cstar_buf *b) {
    if (b->len < HEAD + 2 || memcmp(b->ptr + b->len - 2, "\n\n", 2) != 0) {
        b->status = b->status != CSTAR_OK ? b->status : CSTAR_EINVAL;
        return;
    }
    b->len--;
    cstar_buf_lit(b, ID_FIELD "\n");
}

static cstar__packet *end_packet(cstar_buf *b, const char *key, bool kept) {
    const cstar_str name = cstar_cstr(key != NULL ? key : "");
    const size_t limit = b->limit;
    if (b->len <= HEAD && b->status == CSTAR_OK) {
        b->status = CSTAR_EINVAL; /* an empty chunk would be the last one */
    }
    b->limit = SIZE_MAX / 2; /* it was for the events */
    if (kept) {
        add_id(b);
    }
    const size_t end = b->len;
    cstar_buf_lit(b, "\r\n");
    cstar_buf_str(b, name);
    b->limit = limit;
    cstar__packet *p = b->status == CSTAR_OK ? packet_new(b->alloc) : NULL;
    if (p == NULL) {
        b->status = b->status != CSTAR_OK ? b->status : CSTAR_ENOMEM;
        const cstar_status status = b->status;
        cstar_buf_fini(b);
        b->status = status;
        return NULL;
    }
    p->mem = b->ptr;
    p->cap = b->cap;
    put_head(p, b->ptr + HEAD, end - HEAD);
    p->key = cstar_view(b->ptr + end + 2, name.len);
    p->has_id = kept;
    cstar_buf_init(b, b->alloc, limit);
    return p;
}

cstar__packet *cstar__packet_end(cstar_buf *b, const char *key) {
    return end_packet(b, key, false);
}

cstar__packet *cstar__packet_end_kept(cstar_buf *b, const char *key) {
    return end_packet(b, key, true);
}

cstar__packet *cstar__packet_copy(const cstar_allocator *alloc, cstar_str bytes,
                                  cstar__packet_kind kind) {
    cstar__packet *p = packet_new(alloc);
    char *mem = p != NULL ? alloc->resize(alloc->ctx, NULL, 0, bytes.len + 1) : NULL;
    if (mem == NULL) {
        if (p != NULL) {
            (void)alloc->resize(alloc->ctx, p, sizeof *p, 0);
        }
        return NULL;
    }
    if (bytes.len != 0) {
        memcpy(mem, bytes.ptr, bytes.len);
    }
    mem[bytes.len] = '\0';
    p->kind = (uint8_t)kind;
    p->mem = mem;
    p->cap = bytes.len + 1;
    p->bytes = cstar_view(mem, bytes.len);
    return p;
}

cstar__packet *cstar__packet_lend(const cstar_allocator *alloc, cstar_str bytes,
                                  void (*release)(void *arg), void *arg) {
    cstar__packet *p = packet_new(alloc);
    if (p == NULL) {
        release(arg);
        return NULL;
    }
    p->kind = CSTAR__PACKET_BYTES;
    p->bytes = bytes;
    p->free = release;
    p->arg = arg;
    return p;
}

/* ---- ids ---- */

static void put_hex(char *w, uint64_t n, unsigned digits) {
    for (unsigned i = digits; i-- != 0; n >>= 4) {
        w[i] = "0123456789abcdef"[n & 15];
    }
}

void cstar__packet_format_id(char text[CSTAR__PACKET_ID], uint32_t epoch, uint64_t id) {
    put_hex(text, epoch, 8);
    text[8] = '-';
    put_hex(text + 9, id, 12);
}

void cstar__packet_stamp(cstar__packet *p, uint32_t epoch, uint64_t id) {
    p->id = id;
    if (p->has_id) {
        const char *end = p->wire.bytes.ptr + p->wire.bytes.len; /* of "<id>\n\n" */
        cstar__packet_format_id(p->mem + (end - p->mem) - CSTAR__PACKET_ID - 2, epoch, id);
    }
}

static bool read_hex(cstar_str s, uint64_t *n) {
    *n = 0;
    for (size_t i = 0; i < s.len; i++) {
        const char c = s.ptr[i];
        const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0) {
            return false;
        }
        *n = *n << 4 | (uint64_t)digit;
    }
    return true;
}

bool cstar__packet_parse_id(cstar_str text, uint32_t *epoch, uint64_t *id) {
    uint64_t first = 0;
    if (text.len != CSTAR__PACKET_ID || text.ptr[8] != '-' ||
        !read_hex(cstar_view(text.ptr, 8), &first) || !read_hex(cstar_view(text.ptr + 9, 12), id)) {
        return false;
    }
    *epoch = (uint32_t)first;
    return true;
}

/* ---- references ---- */

void cstar__packet_ref(cstar__packet *p) { __atomic_fetch_add(&p->refs, 1, __ATOMIC_RELAXED); }

void cstar__packet_unref(cstar__packet *p) {
    if (p == NULL || __atomic_sub_fetch(&p->refs, 1, __ATOMIC_ACQ_REL) != 0) {
        return;
    }
    if (p->free != NULL) {
        p->free(p->arg);
    }
    if (p->mem != NULL) {
        (void)p->alloc->resize(p->alloc->ctx, p->mem, p->cap, 0);
    }
    (void)p->alloc->resize(p->alloc->ctx, p, sizeof *p, 0);
}
