/* live/stream_gzip.c -- a stream whose client takes gzip: what stream.c does for others by itself.
 *
 *     s->gzips    else identity: none of this is called
 *     s->gzip     what its client has had, so far as blocks can refer to it
 *
 * Its queue holds packets as any other does: those of topics with blocks, the rest without until it is
 * their turn. `s->gzip` says what the connection has taken, nothing else.
 *
 * SPDX-License-Identifier: MIT */
#include "live/stream_parts.h"

enum {
    PIECES = 64, /* in one call */
};

/* ---- life ---- */

bool cstar__live_use_gzip(cstar__live *s) {
    s->gzips = s->gzips || cstar__gzip_enter(&s->room->gzip);
    return s->gzips;
}

void cstar__live_gzip_over(cstar__live *s) {
    if (s->gzips) {
        s->gzips = false;
        cstar__gzip_leave(&s->room->gzip);
    }
}

/* ---- its topics ---- */

/* Without memory for its encoder, frames of that topic come alone. */
static void join(cstar__sub *sub) {
    cstar__part *part = sub->part;
    if (part->gzip == NULL) {
        part->gzip = cstar__gzip_part_new(&cstar__sub_live(sub)->room->gzip);
    }
    if (part->gzip != NULL) {
        part->gzip->users++;
        sub->gzip = true;
    }
}

void cstar__sub_leave_gzip(cstar__sub *sub) {
    cstar__part *part = sub->part;
    if (sub->gzip && --part->gzip->users == 0) {
        cstar__gzip_part_free(&cstar__sub_live(sub)->room->gzip, part->gzip);
        part->gzip = NULL;
    }
    sub->gzip = false;
}

/* Whether it would come alone. Of a stream that has yet to send others this is not known, but if it
 * has nothing of that topic. */
static bool is_out_of_step(const cstar__live *s, const cstar__gzip_part *part,
                           const cstar__packet *p) {
    return !cstar__gzip_fits(&s->gzip, p) &&
           (s->waiting == NULL || s->gzip.source != part->splicer.opts.source);
}

cstar__packet *cstar__sub_gzip_packet(cstar__sub *sub, cstar__packet *p, cstar__packet **made) {
    cstar__live *s = cstar__sub_live(sub);
    if (!sub->gzip) {
        join(sub);
    }
    cstar__gzip_part *part = sub->part->gzip;
    if (*made == NULL) {
        *made = cstar__gzip_packet(&s->room->gzip, part, p);
    }
    if (*made == NULL) {
        return p;
    }
    if (part != NULL && is_out_of_step(s, part, *made)) {
        cstar__splicer_ask(&part->splicer);
    }
    return *made;
}

/* ---- sending ---- */

/* Of the queue, or of a frame's way past it: its blocks are made if need be. @return false: out of
 * memory. */
static bool add_blocks(cstar__live *s, cstar__packet **at) {
    if (cstar__gzip_has_blocks(*at)) {
        return true;
    }
    cstar__packet *same = cstar__gzip_packet(&s->room->gzip, NULL, *at);
    if (same == NULL) {
        return false;
    }
    cstar__packet_unref(*at);
    *at = same;
    return true;
}

static void count(cstar__live *s, const cstar__packet *p, bool shared) {
    cstar__gzip_count(&s->gzip, p);
    if (shared) {
        CSTAR__STAT_ADD(cstar__exchange_stats(s->x), live_gzip_shared, 1);
    } else {
        CSTAR__STAT_ADD(cstar__exchange_stats(s->x), live_gzip_alone, 1);
    }
}

/* The blocks of the oldest `n`, in the order in which they would be sent. @return how many there are. */
static size_t gather(cstar__live *s, const cstar__shared **pieces, bool *shared, size_t n) {
    cstar__splice ahead = s->gzip;
    for (size_t i = 0; i < n; i++) {
        cstar__packet **at = cstar__waiting_at(s->waiting, i);
        pieces[i] = add_blocks(s, at) ? cstar__gzip_next(&ahead, *at, &shared[i]) : NULL;
        if (pieces[i] == NULL) {
            return i;
        }
    }
    return n;
}

/* It could not be sent at the start. */
static cstar_status send_head(cstar__live *s) {
    return s->gzip.began ? CSTAR_OK : cstar__live_gzip_say(s, s->x, CSTAR_STR(""));
}

cstar_status cstar__live_gzip_send(cstar__live *s, size_t *taken) {
    const cstar__shared *pieces[PIECES];
    bool shared[PIECES];
    const cstar_status head = send_head(s);
    if (head != CSTAR_OK) {
        *taken = 0;
        return head;
    }
    const size_t n = gather(s, pieces, shared, s->waiting->n < PIECES ? s->waiting->n : PIECES);
    *taken = 0;
    if (n == 0) {
        return CSTAR_ENOMEM;
    }
    const cstar_status rc = cstar__respond_shared(s->x, pieces, n, taken);
    for (size_t i = 0; i < *taken; i++) {
        count(s, *cstar__waiting_at(s->waiting, i), shared[i]);
    }
    return rc;
}

cstar_status cstar__live_gzip_send_now(cstar__live *s, cstar__packet *p, size_t *taken) {
    cstar__splice ahead = s->gzip;
    bool shared = false;
    cstar__packet_ref(p);
    const cstar__shared *piece = add_blocks(s, &p) ? cstar__gzip_next(&ahead, p, &shared) : NULL;
    *taken = 0;
    const cstar_status rc =
        piece != NULL ? cstar__respond_shared(s->x, &piece, 1, taken) : CSTAR_ENOMEM;
    if (*taken == 1) {
        count(s, p, shared);
    }
    cstar__packet_unref(p);
    return rc;
}

cstar_status cstar__live_gzip_say(cstar__live *s, cstar__exchange *x, cstar_str events) {
    cstar__splice after = s->gzip;
    cstar_buf out;
    cstar_buf_init(&out, cstar__live_alloc(s), SIZE_MAX / 4);
    cstar_status rc = cstar__gzip_write(&s->room->gzip, &after, events, &out);
    rc = rc == CSTAR_OK ? cstar__respond_write(x, cstar_buf_view(&out)) : rc;
    cstar_buf_fini(&out);
    if (rc == CSTAR_OK) {
        s->gzip = after;
    }
    return rc;
}

cstar_status cstar__live_gzip_end(cstar__live *s) {
    char mem[CSTAR__SPLICE_HEAD + CSTAR__SPLICE_TAIL];
    cstar__splice after = s->gzip;
    cstar_buf out;
    cstar_buf_fixed(&out, mem, sizeof mem);
    cstar_status rc = cstar__splice_end(&after, &out);
    rc = rc == CSTAR_OK ? cstar__respond_write(s->x, cstar_buf_view(&out)) : rc;
    return rc;
}
