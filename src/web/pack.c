/* web/pack.c -- bytes that are served often, compressed once: embedded assets, the Datastar client.
 *
 * SPDX-License-Identifier: MIT */
#include "http/content_type.h"
#include "web/mount.h"

#include <stdio.h>

enum { MIN_SIZE = 256 }; /* bytes: below, a coding's own head eats what it wins */

static const struct {
    cstar__coding coding;
    cstar__encoder_opts opts;
} kinds[] = {{CSTAR__BR, {6, 18}}, {CSTAR__GZIP, {9, 15}}};

static cstar_status encode(cstar_str bytes, size_t kind, const cstar_allocator *alloc,
                           cstar_buf *out) {
    cstar__encoder *e = NULL;
    cstar_status rc = cstar__encoder_new(&e, kinds[kind].coding, &kinds[kind].opts, alloc);
    if (rc == CSTAR_OK) {
        rc = cstar__encoder_write(e, bytes, out);
    }
    if (rc == CSTAR_OK) {
        rc = cstar__encoder_end(e, out);
    }
    cstar__encoder_free(e);
    return rc;
}

void cstar__pack(cstar__packed *p, const char *type, cstar_arena *arena,
                 const cstar_allocator *alloc) {
    const cstar_str bytes = p->bytes[CSTAR__IDENTITY];
    if (bytes.len < MIN_SIZE || !cstar__media_compresses(cstar_cstr(type))) {
        return;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        cstar_buf out;
        cstar_buf_init(&out, alloc, bytes.len - bytes.len / 10); /* else it is not worth it */
        if (encode(bytes, i, alloc, &out) == CSTAR_OK) {
            const char *kept = cstar_arena_strdup(arena, cstar_buf_view(&out));
            p->bytes[kinds[i].coding] = cstar_view(kept, kept != NULL ? out.len : 0);
        }
        cstar_buf_fini(&out);
    }
}

static bool is_packed(const cstar__packed *p) {
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (p->bytes[kinds[i].coding].ptr != NULL) {
            return true;
        }
    }
    return false;
}

void cstar__packed_choose(const cstar_conn *conn, const cstar__packed *p, cstar__content *c) {
    cstar__coding best = CSTAR__IDENTITY;
    if (is_packed(p)) {
        cstar__coding order[CSTAR__CODINGS];
        const cstar__accept accept = cstar__accept_encoding(&conn->x->request);
        const size_t n = cstar__accept_order(&accept, order);
        size_t i = 0;
        while (i < n && p->bytes[order[i]].ptr == NULL) {
            i++;
        }
        best = i < n ? order[i] : CSTAR__IDENTITY;
        c->vary = "accept-encoding";
    }
    const bool plain = best == CSTAR__IDENTITY;
    c->ptr = p->bytes[best].ptr;
    c->size = p->bytes[best].len;
    c->coding = plain ? NULL : cstar__coding_name(best);
    (void)snprintf(c->etag, sizeof c->etag, "\"%s%s%s\"", p->tag, plain ? "" : "-",
                   plain ? "" : cstar__coding_name(best));
}
