/* http/h2_guard.c -- what a peer can make us do for nothing, counted.
 *
 * Data flow: every byte of input passes here first. The nine bytes of a frame's head are enough to
 * know what it will cost; so a flood is noticed before nghttp2 spends time or memory on it, and
 * also in frames that nghttp2 would ignore without a word. What only shows later (padding without
 * data, resets that we send, the size of a decoded header list) is counted by the callbacks, into
 * the same counters.
 *
 * Invariants: 1. Counters are per second (cstar__h2_tick() clears them); without ticks they are for
 * the connection. 2. The frame that passes a limit is not shown to nghttp2; a frame's head is shown
 * in one piece (nghttp2 1.52 as Debian has it counts a CONTINUATION once for each piece of its
 * head). 3. A header block is bounded in bytes and frames before it ends, since nothing else can be
 * told of it until then.
 * Workload assumed: WINDOW_UPDATE comes in proportion to the DATA we send, so that it has credit.
 *
 * SPDX-License-Identifier: MIT */
#include "http/h2_parts.h"

#if CSTAR_WITH_HTTP2

enum {
    FRAME_HEAD = 9,
    MAX_CONTINUATIONS = 8,
    BLOCK_SLACK = 16 * 1024, /* so that a list somewhat too long can still be answered with 431 */
    CREDIT_BYTES = 1024,     /* of DATA for one WINDOW_UPDATE, beside two for each frame */
    MAX_CREDIT = 1 << 20,
};

void cstar__h2_count(cstar__h2 *m, uint32_t *counter, uint32_t limit, const char *why) {
    if (*counter < limit) {
        (*counter)++;
    } else if (m->verdict == NULL) {
        m->verdict = why;
    }
}

void cstar__h2_guard_sent(cstar__h2 *m, size_t len) {
    uint32_t *credit = &m->guard.credit;
    m->unheard += len;
    if (*credit < MAX_CREDIT) {
        *credit += 2 + (uint32_t)(len / CREDIT_BYTES);
    }
}

static void count_update(cstar__h2 *m) {
    if (m->guard.credit != 0) {
        m->guard.credit--;
    } else {
        cstar__h2_count(m, &m->guard.count.updates, m->limits.updates, "WINDOW_UPDATE flood");
    }
}

static void count_empty(cstar__h2 *m) {
    cstar__h2_count(m, &m->guard.count.empties, m->limits.empties, "empty frames");
}

static void count_other(cstar__h2 *m) {
    cstar__h2_count(m, &m->guard.count.others, m->limits.others, "useless frames");
}

static void count_control(cstar__h2 *m, uint8_t flags) {
    if ((flags & NGHTTP2_FLAG_ACK) != 0) {
        count_other(m);
    } else {
        cstar__h2_count(m, &m->guard.count.controls, m->limits.controls, "PING or SETTINGS flood");
    }
}

static void judge_data(cstar__h2 *m, uint8_t flags, int32_t id) {
    if (m->guard.payload == 0 && (flags & NGHTTP2_FLAG_END_STREAM) == 0) {
        count_empty(m);
    }
    if (nghttp2_session_get_stream_user_data(m->session, id) == NULL) {
        cstar__h2_count(m, &m->guard.count.strays, m->limits.strays, "DATA on closed streams");
    }
}

/* HEADERS for a stream that has begun before: trailers, or a block that is decoded for nothing. */
static void judge_late_head(cstar__h2 *m, int32_t id) {
    if (nghttp2_session_get_stream_user_data(m->session, id) == NULL) {
        cstar__h2_count(m, &m->guard.count.strays, m->limits.strays, "HEADERS on closed streams");
    }
}

/* HEADERS, or CONTINUATION behind it. */
static void judge_block(cstar__h2 *m, uint8_t type, uint8_t flags, int32_t id) {
    cstar__h2_guard *g = &m->guard;
    if (type == NGHTTP2_HEADERS) {
        if (id <= nghttp2_session_get_last_proc_stream_id(m->session)) {
            judge_late_head(m, id);
        }
        g->block_bytes = 0;
        g->block_frames = 0;
        g->block_since = m->now;
    } else {
        g->block_frames++;
    }
    g->in_block = true;
    g->block_ends = (flags & NGHTTP2_FLAG_END_HEADERS) != 0;
    g->block_bytes += g->payload; /* at most 2^24 by one frame, and then this is the last one */
    if (g->payload == 0) {
        count_empty(m);
    }
    /* the block's first frame alone is bounded by the frame size, which nghttp2 checks */
    if (type == NGHTTP2_CONTINUATION &&
        (g->block_frames > MAX_CONTINUATIONS ||
         g->block_bytes > m->limits.max_head + m->limits.max_path + BLOCK_SLACK)) {
        m->verdict = "CONTINUATION flood";
    }
}

static void judge_frame(cstar__h2 *m) {
    const uint8_t *h = m->guard.head;
    const int32_t id = (int32_t)((uint32_t)(h[5] & 0x7f) << 24 | (uint32_t)h[6] << 16 |
                                 (uint32_t)h[7] << 8 | h[8]);
    m->guard.payload = (uint32_t)h[0] << 16 | (uint32_t)h[1] << 8 | h[2];
    switch (h[3]) {
    case NGHTTP2_DATA:
        judge_data(m, h[4], id);
        break;
    case NGHTTP2_HEADERS:
    case NGHTTP2_CONTINUATION:
        judge_block(m, h[3], h[4], id);
        break;
    case NGHTTP2_RST_STREAM:
        CSTAR__STAT_ADD(&m->env->pool->stats, h2_resets_in, 1);
        cstar__h2_count(m, &m->guard.count.resets, m->limits.resets, "rapid reset");
        break;
    case NGHTTP2_SETTINGS:
    case NGHTTP2_PING:
        count_control(m, h[4]);
        break;
    case NGHTTP2_WINDOW_UPDATE:
        count_update(m);
        break;
    default:
        count_other(m);
        break;
    }
}

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* The rest of the frame, as far as it is here. */
static size_t take_payload(cstar__h2_guard *g, size_t len) {
    const size_t n = least(len, g->payload);
    g->payload -= (uint32_t)n;
    if (g->payload == 0) {
        g->have = 0;
        g->in_block = g->in_block && !g->block_ends;
    }
    return n;
}

size_t cstar__h2_guard_next(cstar__h2 *m, const char *ptr, size_t len, cstar_str *show,
                            const char **why) {
    cstar__h2_guard *g = &m->guard;
    size_t n;
    if (g->preface != 0) {
        n = least(len, g->preface);
        g->preface = (uint8_t)(g->preface - n);
        *show = cstar_view(ptr, n);
        return n;
    }
    if (g->have == FRAME_HEAD) {
        n = take_payload(g, len);
        *show = cstar_view(ptr, n);
        return n;
    }
    const bool whole = g->have == 0 && len >= FRAME_HEAD;
    n = least(len, (size_t)FRAME_HEAD - g->have);
    memcpy(g->head + g->have, ptr, n);
    g->have = (uint8_t)(g->have + n);
    if (g->have < FRAME_HEAD) {
        *show = CSTAR_STR("");
        return n;
    }
    judge_frame(m);
    *why = m->verdict;
    if (whole) {
        n += take_payload(g, len - n);
        *show = cstar_view(ptr, n);
    } else {
        (void)take_payload(g, 0);
        *show = cstar_view((const char *)g->head, FRAME_HEAD);
    }
    return n;
}

#else
typedef int cstar__h2_guard_is_left_out;
#endif
