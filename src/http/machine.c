/* machine.c
 * SPDX-License-Identifier: MIT */
#include "http/machine.h"

#if CSTAR_WITH_HTTP2
#define IF_H2(m, yes, no) ((m)->h2 != NULL ? (yes) : (no))
#else
#define IF_H2(m, yes, no) (no)
#endif

void cstar__machine_init(cstar__machine *m, const cstar__env *env, const cstar__peer *peer,
                         cstar_buf *out) {
    memset(m, 0, sizeof *m);
    m->decided = !CSTAR_WITH_HTTP2 || env->no_http2;
    cstar__h1_init(&m->h1, env, peer, out);
}

void cstar__machine_fini(cstar__machine *m) {
    if (m->h1.env == NULL) {
        return;
    }
    cstar__h1_fini(&m->h1);
#if CSTAR_WITH_HTTP2
    cstar__h2_free(m->h2);
    m->h2 = NULL;
#endif
}

cstar_status cstar__machine_decide(cstar__machine *m, bool h2) {
    m->decided = true;
#if CSTAR_WITH_HTTP2
    if (h2) {
        m->h2 = cstar__h2_new(m->h1.env, m->h1.peer, m->h1.out);
        m->failed = m->h2 == NULL;
        return m->h2 != NULL ? CSTAR_OK : CSTAR_ENOMEM;
    }
#else
    (void)h2;
#endif
    return CSTAR_OK;
}

static cstar_status feed_decided(cstar__machine *m, const char *ptr, size_t len) {
    return IF_H2(m, cstar__h2_feed(m->h2, ptr, len), cstar__h1_feed(&m->h1, ptr, len));
}

#if CSTAR_WITH_HTTP2
/* Cleartext: HTTP/2 by prior knowledge starts with a fixed text that no HTTP/1.1 request can start
 * with. As long as that is what comes, how much of it did is all there is to be kept. */
static cstar_status feed_undecided(cstar__machine *m, const char *ptr, size_t len) {
    const char *text = cstar__h2_preface_text + m->preface_len;
    const size_t room = CSTAR__H2_PREFACE - m->preface_len;
    const size_t n = len < room ? len : room;
    const bool is_h2 = memcmp(ptr, text, n) == 0;
    if (is_h2 && n < room) {
        m->preface_len = (uint8_t)(m->preface_len + n);
        return CSTAR_OK;
    }
    cstar_status rc = cstar__machine_decide(m, is_h2);
    if (rc == CSTAR_OK && m->preface_len != 0) {
        rc = feed_decided(m, cstar__h2_preface_text, m->preface_len);
    }
    return rc == CSTAR_OK ? feed_decided(m, ptr, len) : rc;
}
#endif

cstar_status cstar__machine_feed(cstar__machine *m, const char *ptr, size_t len) {
#if CSTAR_WITH_HTTP2
    if (!m->decided) {
        return feed_undecided(m, ptr, len);
    }
#endif
    return feed_decided(m, ptr, len);
}

cstar_status cstar__machine_resume(cstar__machine *m) {
    return IF_H2(m, cstar__h2_resume(m->h2), cstar__h1_resume(&m->h1));
}

bool cstar__machine_wants_resume(const cstar__machine *m) {
    return IF_H2(m, cstar__h2_wants_resume(m->h2), cstar__h1_wants_resume(&m->h1));
}

void cstar__machine_stuck(cstar__machine *m, bool stuck) {
    (void)stuck;
    IF_H2(m, cstar__h2_stuck(m->h2, stuck), (void)m);
}

void cstar__machine_wake(cstar__machine *m, cstar__exchange *x) {
    IF_H2(m, cstar__h2_wake(m->h2, x), cstar__h1_wake(&m->h1, x));
}

void cstar__machine_sends_files(cstar__machine *m) { m->h1.sends_files = true; }

bool cstar__machine_file(const cstar__machine *m, int *fd, uint64_t *at, uint64_t *left) {
    return IF_H2(m, false, cstar__h1_file(&m->h1, fd, at, left));
}

void cstar__machine_file_sent(cstar__machine *m, uint64_t n) {
    IF_H2(m, (void)n, cstar__h1_file_sent(&m->h1, n));
}

uint32_t cstar__machine_heads(const cstar__machine *m) { return IF_H2(m, 0, m->h1.heads); }

uint64_t cstar__machine_body_seen(const cstar__machine *m) {
    return IF_H2(m, 0, cstar__h1_body_seen(&m->h1));
}

void cstar__machine_lend(cstar__machine *m, cstar_buf *out) {
    cstar__h1_lend(&m->h1, out);
    IF_H2(m, cstar__h2_lend(m->h2, out), (void)m);
}

/* What was held as a possible preface was the beginning of an HTTP/1.1 head. */
static void settle_undecided(cstar__machine *m) {
    if (!m->decided) {
        m->decided = true;
#if CSTAR_WITH_HTTP2
        (void)cstar__h1_feed(&m->h1, cstar__h2_preface_text, m->preface_len);
#endif
    }
}

void cstar__machine_eof(cstar__machine *m) {
    settle_undecided(m);
    IF_H2(m, cstar__h2_eof(m->h2), cstar__h1_eof(&m->h1));
}

void cstar__machine_timeout(cstar__machine *m) {
    settle_undecided(m);
    IF_H2(m, cstar__h2_timeout(m->h2), cstar__h1_timeout(&m->h1));
}

void cstar__machine_tick(cstar__machine *m, uint64_t now) {
    (void)now;
    IF_H2(m, cstar__h2_tick(m->h2, now), (void)m);
}

bool cstar__machine_ticks(const cstar__machine *m) {
    (void)m;
    return IF_H2(m, true, false);
}

void cstar__machine_drain(cstar__machine *m) {
    settle_undecided(m);
    IF_H2(m, cstar__h2_drain(m->h2), cstar__h1_drain(&m->h1));
}

bool cstar__machine_wants_input(const cstar__machine *m) {
    return !m->failed && IF_H2(m, cstar__h2_wants_input(m->h2), cstar__h1_wants_input(&m->h1));
}

static cstar__machine_wait h1_waits_for(const cstar__h1 *h1) {
    if (cstar__h1_idle(h1)) {
        return CSTAR__MACHINE_IDLE;
    }
    switch ((cstar__h1_state)h1->state) {
    case CSTAR__H1_IDLE:
    case CSTAR__H1_LINE:
    case CSTAR__H1_FIELDS:
        return CSTAR__MACHINE_HEAD;
    case CSTAR__H1_BODY:
    case CSTAR__H1_CHUNK_LINE:
    case CSTAR__H1_CHUNK_DATA:
    case CSTAR__H1_CHUNK_END:
    case CSTAR__H1_TRAILER:
        return CSTAR__MACHINE_BODY;
    case CSTAR__H1_ANSWERING:
        return CSTAR__MACHINE_APP;
    case CSTAR__H1_CLOSING:
        break;
    }
    return CSTAR__MACHINE_CLOSING;
}

#if CSTAR_WITH_HTTP2
static cstar__machine_wait h2_waits_for(const cstar__h2 *h2) {
    if (cstar__h2_done(h2)) {
        return CSTAR__MACHINE_CLOSING;
    }
    return cstar__h2_idle(h2) ? CSTAR__MACHINE_IDLE : CSTAR__MACHINE_APP;
}
#endif

cstar__machine_wait cstar__machine_waits_for(const cstar__machine *m) {
    if (!m->decided && m->preface_len != 0) {
        return CSTAR__MACHINE_HEAD;
    }
    return IF_H2(m, h2_waits_for(m->h2), h1_waits_for(&m->h1));
}

bool cstar__machine_done(const cstar__machine *m) {
    return m->failed || IF_H2(m, cstar__h2_done(m->h2), cstar__h1_done(&m->h1));
}

bool cstar__machine_cut(const cstar__machine *m) {
    return m->failed || IF_H2(m, cstar__h2_cut(m->h2), m->h1.cut);
}
