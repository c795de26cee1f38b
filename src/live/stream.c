/* live/stream.c -- see stream.h; the parts are listed in stream_parts.h.
 * SPDX-License-Identifier: MIT */
#include "live/stream.h"

#include "live/stream_parts.h"

#include <assert.h>

static_assert(sizeof(void *) != 8 || sizeof(cstar__live) <= 120, "what one block of glibc's holds");

/* ---- life ---- */

cstar__live *cstar__live_new(cstar__room *room, uint64_t last_id) {
    const cstar_allocator *alloc = room->hub->alloc;
    cstar__live *s = alloc->resize(alloc->ctx, NULL, 0, sizeof *s);
    if (s == NULL) {
        return NULL;
    }
    memset(s, 0, sizeof *s);
    s->room = room;
    s->opening = cstar__opening_new(alloc, last_id);
    if (s->opening == NULL) {
        (void)alloc->resize(alloc->ctx, s, sizeof *s, 0);
        return NULL;
    }
    return s;
}

void cstar__live_set_conf(cstar__live *s, const cstar__live_conf *conf, void *user) {
    s->conf = conf;
    s->user = user;
}

static bool has_letters(const cstar__live *s) {
    const cstar__sub *sub = &s->first;
    while (sub != NULL && !__atomic_load_n(&sub->queued, __ATOMIC_RELAXED)) {
        sub = sub->next;
    }
    return sub != NULL;
}

void cstar__live_free_if_unused(cstar__live *s) {
    const cstar_allocator *alloc = cstar__live_alloc(s);
    if (!s->closed || s->dirty || has_letters(s)) {
        return;
    }
    cstar__subs_free(s);
    (void)alloc->resize(alloc->ctx, s, sizeof *s, 0);
}

void cstar__live_over(cstar__live *s) {
    if (s->x != NULL) {
        CSTAR__STAT_SUB(cstar__exchange_stats(s->x), live_streams, 1);
    }
    s->x = NULL;
    s->closed = true;
    for (cstar__sub *sub = &s->first; sub != NULL; sub = sub->next) {
        if (sub->part != NULL) {
            cstar__sub_leave(sub);
        }
    }
    if (s->slot != 0) {
        cstar__room_leave(s->room, s->slot);
        s->slot = 0;
    }
    cstar__waiting_free(&s->waiting, cstar__live_alloc(s));
    cstar__live_gzip_over(s);
    cstar__opening_free(s);
    cstar__live_free_if_unused(s);
}

/* ---- ending ---- */

void cstar__live_cut(cstar__live *s) {
    s->ending = true;
    s->doomed = true;
    if (s->inside == 0 && s->x != NULL && !s->said) {
        s->said = true;
        cstar__respond_abort(s->x);
    }
}

/* Its grace is not over before the client has taken its end. Without memory for an alarm it ends
 * when its connection does, or a later wake has some. */
static void linger(cstar__live *s) {
    s->x->lingers = true;
    if (!s->grace) {
        s->grace = cstar__exchange_alarm(s->x, s->conf->grace_ms) == CSTAR_OK;
    }
}

/* Behind all it had to say. @return false: not even its trailer can be taken now; a wake will come. */
static bool end_response(cstar__live *s) {
    const cstar_status rc = s->gzips ? cstar__live_gzip_end(s) : CSTAR_OK;
    if (rc == CSTAR_EAGAIN) {
        s->stuck = true;
        return false;
    }
    s->said = true;
    if (rc == CSTAR_OK || rc == CSTAR_ECLOSED) {
        linger(s);
        (void)cstar__respond_end(s->x);
    } else {
        cstar__respond_abort(s->x);
    }
    return true;
}

bool cstar__live_finish(cstar__live *s) {
    if (!s->ending || s->inside != 0 || s->x == NULL || s->said) {
        return false;
    }
    if (s->doomed) {
        s->said = true;
        cstar__respond_abort(s->x);
        return true;
    }
    return s->waiting == NULL && !s->stuck && end_response(s);
}

void cstar__live_wait_for_end(cstar__live *s) {
    if (!s->grace) {
        const cstar_status rc = cstar__exchange_alarm(s->x, s->conf->grace_ms);
        s->grace = rc == CSTAR_OK;
        if (rc == CSTAR_ENOMEM) {
            cstar__live_cut(s);
        }
    }
}

void cstar__live_end(cstar__live *s, cstar__live_end_reason why) {
    if (s->ending || s->closed) {
        return;
    }
    if (why == CSTAR__LIVE_REPLACED) {
        const bool blocked = s->waiting != NULL && s->waiting->blocked;
        cstar__waiting_free(&s->waiting, cstar__live_alloc(s));
        s->stuck = blocked;
    }
    if (s->x != NULL && s->conf->ops != NULL && s->conf->ops->ending != NULL) {
        s->inside++;
        s->conf->ops->ending(s, why);
        s->inside--;
    }
    s->ending = true;
    if (s->x != NULL && s->inside == 0 && cstar__live_send_waiting(s)) {
        cstar__live_wait_for_end(s);
    }
}

bool cstar__live_is_ending(const cstar__live *s) { return s->ending || s->closed; }

/* ---- the floor above ---- */

bool cstar__live_is_cut(const cstar__live *s) { return s->doomed; }
void *cstar__live_user(const cstar__live *s) { return s->user; }
void cstar__live_move(cstar__live *s, cstar__exchange *x) { s->x = x; }
void *cstar__live_arg(const cstar__live *s) { return s->room->hub->opts.arg; }
uint64_t cstar__live_address(cstar__live *s) { return cstar__room_enter(s->room, s); }
void cstar__live_set_generation(cstar__live *s, uint64_t generation) { s->generation = generation; }
uint64_t cstar__live_generation(const cstar__live *s) { return s->generation; }
