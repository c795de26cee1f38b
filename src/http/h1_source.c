/* http/h1_source.c -- bodies that are read as the peer takes them.
 *
 * Data flow: cstar__respond_from() ──▶ head ──▶ source ──pieces, straight behind what is in it──▶
 * m->out; or, of a file, source ──▶ driver (cstar__h1_file()), which sends it past all buffers.
 *
 *     begin ─▶ pull ──crowded──▶ (driver has sent) ─▶ resume ─▶ pull ... ─▶ end
 *                └─a file, m->sends_files─▶ file_sent ... ─▶ end
 *
 * Invariants: 1. m->source is released once, before the exchange's on_close. 2. A source that ends
 * early cuts the connection: Content-Length has been said. 3. x->state is
 * CSTAR__RESPONSE_DONE from the head on, since the upper floor has nothing to add; the exchange ends
 * when m->source is NULL too.
 *
 * SPDX-License-Identifier: MIT */
#include "http/h1_parts.h"

#include <assert.h>

enum {
    PIECE = 64 * 1024,
    SMALL = 16 * 1024, /* read at once, even where the driver could send it: one write for all */
};

static bool is_drivers(const cstar__h1 *m, const cstar__source *s) {
    return m->sends_files && s->ptr == NULL && s->fd >= 0;
}

static void cut(cstar__h1 *m) {
    m->cut = true;
    m->keep_alive = false;
    m->x->broken = true;
    cstar__h1_source_end(m);
}

/* Up to `len` bytes of it. @return false: that was cut short. */
static bool read_piece(cstar__h1 *m, size_t len) {
    cstar__source *s = m->source;
    const size_t want = s->left < len ? (size_t)s->left : len;
    size_t n = 0;
    if (cstar__h1_room(m->out, want) == CSTAR_OK) {
        n = cstar__source_take(s, m->out->ptr + m->out->len, want);
    }
    m->out->len += n;
    m->x->sent += n;
    if (n == 0) {
        cut(m);
    } else if (s->left == 0) {
        cstar__h1_source_end(m);
    }
    return n != 0;
}

cstar_status cstar__h1_source_begin(cstar__h1 *m, cstar__source *s) {
    m->source = cstar_arena_alloc(&m->x->arena, sizeof *m->source);
    if (m->source == NULL) {
        cstar__source_release(s);
        return CSTAR_ENOMEM;
    }
    *m->source = *s;
    if (s->left <= SMALL && s->left <= m->out->limit - m->out->len) {
        while (m->source != NULL && read_piece(m, SMALL)) {
        }
    } else {
        cstar__h1_source_pull(m);
    }
    return CSTAR_OK;
}

bool cstar__h1_source_ready(const cstar__h1 *m) {
    return m->source != NULL && !is_drivers(m, m->source) && !cstar__h1_crowded(m);
}

void cstar__h1_source_pull(cstar__h1 *m) {
    while (cstar__h1_source_ready(m)) {
        const size_t room = cstar__h1_most_waiting(m) - m->out->len;
        if (!read_piece(m, room < PIECE ? room : PIECE)) {
            return;
        }
    }
}

void cstar__h1_source_end(cstar__h1 *m) {
    if (m->source != NULL) {
        cstar__source *s = m->source;
        m->source = NULL;
        cstar__source_release(s);
    }
}

bool cstar__h1_file(const cstar__h1 *m, int *fd, uint64_t *at, uint64_t *left) {
    const cstar__source *s = m->source;
    if (s == NULL || !is_drivers(m, s) || m->out->len != 0) {
        return false;
    }
    *fd = s->fd;
    *at = s->at;
    *left = s->left;
    return true;
}

void cstar__h1_file_sent(cstar__h1 *m, uint64_t n) {
    cstar__source *s = m->source;
    if (s == NULL) {
        return;
    }
    assert(n <= s->left);
    s->at += n;
    s->left -= n;
    m->x->sent += n;
    if (s->left == 0) {
        cstar__h1_source_end(m);
        cstar__h1_settle(m);
    }
}
