/* live/join.c -- a stream listens to a topic, and is given what it has missed of it.
 *
 *     topic ─▶ the room's part ─▶ a letter to its room: who listens is written down behind what was
 *     published before
 *
 * SPDX-License-Identifier: MIT */
#include "live/parts.h"

static bool missed(void *arg, const cstar__ring_entry *e) {
    cstar__joining *j = arg;
    cstar__packet_ref(e->packet);
    return j->missed(j, e->packet);
}

/* [order, table] What the client has missed of this topic. */
static cstar_status replay(const cstar__hub *hub, cstar__topic *t, cstar__joining *j) {
    if (t->ring == NULL) {
        j->gap = true;
        return CSTAR_OK;
    }
    cstar__topic_expire(hub, t);
    j->from = t;
    const cstar_status rc = j->last_id != 0 && j->last_id <= hub->last_id
                                ? cstar__ring_since(t->ring, j->last_id, missed, j)
                                : CSTAR_ENOENT;
    j->now_id = hub->last_id;
    j->gap = rc == CSTAR_ENOENT;
    return rc == CSTAR_ENOENT ? CSTAR_OK : rc;
}

/* [order, table] */
static cstar_status join(cstar__room *room, cstar__topic *t, cstar__joining *j) {
    cstar__letter *letter = cstar__letter_new(room->hub, CSTAR__LETTER_LISTEN);
    cstar__part *part = letter != NULL ? cstar__part_of(room, t) : NULL;
    const cstar_status rc = part != NULL ? replay(room->hub, t, j) : CSTAR_ENOMEM;
    if (rc != CSTAR_OK) {
        cstar__letter_free(room->hub, letter);
        if (part != NULL && part->uses == 0) {
            cstar__part_free(room, part);
        }
        return rc;
    }
    part->uses++;
    j->sub->part = part;
    letter->sub = j->sub;
    __atomic_store_n(&j->sub->queued, true, __ATOMIC_RELAXED);
    j->wake = cstar__room_post(room, letter);
    return CSTAR_OK;
}

/* [order] What has come meanwhile of the topics that the stream listens to already. */
static void catch_up(cstar__hub *hub, cstar__joining *j) {
    for (const cstar__sub *sub = &cstar__sub_live(j->sub)->first; sub != NULL && !j->gap;
         sub = sub->next) {
        const cstar__topic *t = sub != j->sub && sub->part != NULL ? sub->part->topic : NULL;
        if (t == NULL || t->ring == NULL || sub->dead) {
            continue;
        }
        cstar__topics *in = cstar__topics_of(hub, t->hash);
        j->from = t;
        (void)pthread_mutex_lock(&in->lock);
        j->gap = cstar__ring_since(t->ring, j->seen_id, missed, j) != CSTAR_OK;
        (void)pthread_mutex_unlock(&in->lock);
    }
}

cstar_status cstar__topic_join(cstar__room *room, cstar_str name, cstar__joining *j) {
    cstar__hub *hub = room->hub;
    const cstar__keep keep = cstar__topics_keep(hub, name);
    const uint64_t hash = cstar__topics_hash(hub, name);
    cstar__topics *in = cstar__topics_of(hub, hash);
    if (keep.count != 0) {
        (void)pthread_mutex_lock(&hub->order);
    }
    (void)pthread_mutex_lock(&in->lock);
    cstar__topic *t = cstar__topics_add(hub, hash, name, &keep);
    const cstar_status rc = t != NULL ? join(room, t, j) : CSTAR_ENOMEM;
    if (t != NULL && rc != CSTAR_OK) {
        cstar__topics_drop(hub, t);
    }
    (void)pthread_mutex_unlock(&in->lock);
    if (keep.count != 0) {
        if (rc == CSTAR_OK && j->last_id != 0 && j->now_id > j->seen_id) {
            catch_up(hub, j);
        }
        (void)pthread_mutex_unlock(&hub->order);
    }
    if (j->wake) {
        cstar__room_wake(room);
    }
    return rc;
}
