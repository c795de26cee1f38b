/* live/mail.c -- what is published to a topic, or sent to one stream: letters, on their way to rooms.
 *
 *     topic ─▶ one letter for each room that listens ─▶ inbox ─▶ wake
 *
 * Invariants: 1. Letters of one topic are posted under its table's lock; those of all topics that are
 * kept also under `order`, where they get their ids: an inbox never has a larger id before a smaller
 * one. 2. A publication is posted to all of its rooms or to none.
 *
 * SPDX-License-Identifier: MIT */
#include "live/parts.h"

enum {
    LETTER_WEIGHT = 256, /* bytes that a letter counts, beside its packet */
    TIDY_EACH = 256,     /* packets that are kept: nobody else may do it while no client is there */
};

static void count_refusal(cstar__hub *hub) {
    __atomic_fetch_add(&hub->refused, 1, __ATOMIC_RELAXED);
}

static bool is_crowded(cstar__hub *hub) {
    if (__atomic_load_n(&hub->waiting, __ATOMIC_RELAXED) < hub->opts.max_waiting) {
        return false;
    }
    count_refusal(hub);
    return true;
}

/* Lent bytes have no memory of ours, but stay as long. */
static size_t weight_of(const cstar__packet *p) {
    return LETTER_WEIGHT + (p->mem != NULL ? p->cap : p->bytes.len);
}

static cstar__letter *letter_of(const cstar__hub *hub, cstar__letter_kind kind, cstar__packet *p) {
    cstar__letter *letter = cstar__letter_new(hub, kind);
    if (letter != NULL && p != NULL) {
        letter->packet = p;
        letter->weight = weight_of(p);
    }
    return letter;
}

/* Whatever waits for nobody else is taken, however many listen. */
static bool is_behind(const cstar__hub *hub, const cstar__room *room) {
    return __atomic_load_n(&room->deliveries, __ATOMIC_RELAXED) >= hub->opts.max_deliveries;
}

/* One for each room that listens. @return CSTAR_EAGAIN, CSTAR_ENOMEM: there are too few. */
static cstar_status write_letters(cstar__hub *hub, cstar__topic *t, cstar__packet *p,
                                  cstar__letter **letters) {
    for (unsigned i = 0; i < hub->opts.rooms; i++) {
        if (t->parts[i] == NULL) {
            continue;
        }
        if (is_behind(hub, &hub->rooms[i])) {
            return CSTAR_EAGAIN;
        }
        cstar__part_hint(t->parts[i]);
        cstar__letter *letter = letter_of(hub, CSTAR__LETTER_PUBLISHED, p);
        if (letter == NULL) {
            return CSTAR_ENOMEM;
        }
        letter->part = t->parts[i];
        letter->deliveries = cstar__part_audience(t->parts[i]);
        letter->room = &hub->rooms[i];
        letter->next = *letters;
        *letters = letter;
    }
    return CSTAR_OK;
}

static void burn_letters(const cstar__hub *hub, cstar__letter *letters) {
    while (letters != NULL) {
        cstar__letter *next = letters->next;
        letters->packet = NULL; /* the caller's */
        cstar__letter_free(hub, letters);
        letters = next;
    }
}

static void count_in(cstar__room *room, const cstar__letter *letter) {
    __atomic_fetch_add(&room->hub->waiting, letter->weight, __ATOMIC_RELAXED);
    __atomic_fetch_add(&room->deliveries, letter->deliveries, __ATOMIC_RELAXED);
}

/* [table] Rooms to be woken go to the front of `wake`, by their letters' `room`. */
static void post_letters(cstar__letter *letters, cstar__wakes *wakes) {
    while (letters != NULL) {
        cstar__letter *next = letters->next;
        cstar__room *room = letters->room;
        letters->part->uses++;
        cstar__packet_ref(letters->packet);
        count_in(room, letters);
        if (cstar__room_post(room, letters)) {
            wakes->bits[room->index / 64] |= (uint64_t)1 << (room->index % 64);
        }
        letters = next;
    }
}

static void wake_rooms(cstar__hub *hub, const cstar__wakes *wakes) {
    for (unsigned i = 0; i < hub->opts.rooms; i++) {
        if ((wakes->bits[i / 64] >> (i % 64) & 1) != 0) {
            cstar__room_wake(&hub->rooms[i]);
        }
    }
}

/* [table; order, where it is kept] */
static cstar_status post_all(cstar__hub *hub, cstar__topic *t, cstar__packet *p,
                             cstar__wakes *wakes) {
    cstar__letter *letters = NULL;
    const cstar_status rc = write_letters(hub, t, p, &letters);
    if (rc != CSTAR_OK) {
        burn_letters(hub, letters);
        if (rc == CSTAR_EAGAIN) {
            count_refusal(hub);
        }
        return rc;
    }
    if (t->ring != NULL && p->kind == CSTAR__PACKET_FRAME) {
        cstar__topic_keep(hub, t, p);
    }
    if (letters != NULL) {
        __atomic_fetch_add(&hub->published, 1, __ATOMIC_RELAXED);
    }
    post_letters(letters, wakes);
    return CSTAR_OK;
}

cstar_status cstar__hub_publish(cstar__hub *hub, cstar_str topic, cstar__packet *p) {
    const cstar__keep keep = cstar__topics_keep(hub, topic);
    const uint64_t hash = cstar__topics_hash(hub, topic);
    cstar__topics *in = cstar__topics_of(hub, hash);
    const bool keeps = keep.count != 0 && p->kind == CSTAR__PACKET_FRAME;
    cstar__wakes wakes = {{0}};
    cstar_status rc = CSTAR_OK;
    if (is_crowded(hub)) {
        return CSTAR_EAGAIN;
    }
    if (keeps) {
        (void)pthread_mutex_lock(&hub->order);
    }
    (void)pthread_mutex_lock(&in->lock);
    cstar__topic *t =
        keeps ? cstar__topics_add(hub, hash, topic, &keep) : cstar__topics_find(in, hash, topic);
    if (t != NULL) {
        rc = post_all(hub, t, p, &wakes);
        cstar__topics_drop(hub, t);
    } else if (keeps) {
        rc = CSTAR_ENOMEM;
    }
    (void)pthread_mutex_unlock(&in->lock);
    if (keeps) {
        const bool tidy = hub->last_id % TIDY_EACH == 0;
        (void)pthread_mutex_unlock(&hub->order);
        if (tidy) {
            cstar__hub_tidy(hub, 1);
        }
    }
    wake_rooms(hub, &wakes);
    return rc;
}

cstar__audience cstar__hub_audience(cstar__hub *hub, cstar_str topic) {
    const uint64_t hash = cstar__topics_hash(hub, topic);
    cstar__topics *in = cstar__topics_of(hub, hash);
    if (cstar__topics_keep(hub, topic).count != 0) {
        return CSTAR__AUDIENCE_KEPT;
    }
    (void)pthread_mutex_lock(&in->lock);
    const bool heard = cstar__topics_find(in, hash, topic) != NULL;
    (void)pthread_mutex_unlock(&in->lock);
    return heard ? CSTAR__AUDIENCE_PLAIN : CSTAR__AUDIENCE_NONE;
}

/* ---- to one stream ---- */

/* NULL: it is no address. */
static cstar__room *room_of(cstar__hub *hub, uint64_t address) {
    const unsigned index = (unsigned)(address >> 54);
    return index < hub->opts.rooms ? &hub->rooms[index] : NULL;
}

/* Takes the letter, and a reference to what is in it. */
static void send_letter(cstar__hub *hub, cstar__letter *letter) {
    cstar__room *room = room_of(hub, letter->address);
    if (room == NULL || !cstar__room_has(room, letter->address)) {
        letter->packet = NULL;
        cstar__letter_free(hub, letter);
        return; /* nobody */
    }
    if (letter->packet != NULL) {
        cstar__packet_ref(letter->packet);
    }
    count_in(room, letter);
    if (cstar__room_post(room, letter)) {
        cstar__room_wake(room);
    }
}

cstar_status cstar__hub_send(cstar__hub *hub, uint64_t address, cstar__packet *p) {
    const cstar__room *room = room_of(hub, address);
    if (is_crowded(hub)) {
        return CSTAR_EAGAIN;
    }
    if (room != NULL && is_behind(hub, room)) {
        count_refusal(hub);
        return CSTAR_EAGAIN;
    }
    cstar__letter *letter = letter_of(hub, CSTAR__LETTER_SENT, p);
    if (letter == NULL) {
        return CSTAR_ENOMEM;
    }
    letter->address = address;
    letter->deliveries = 1;
    send_letter(hub, letter);
    return CSTAR_OK;
}

cstar__letter *cstar__hub_replace_prepare(cstar__hub *hub) {
    return cstar__letter_new(hub, CSTAR__LETTER_REPLACED);
}

void cstar__hub_replace_commit(cstar__hub *hub, cstar__letter *letter, uint64_t address,
                               uint64_t generation) {
    letter->address = address;
    letter->generation = generation;
    if (address != 0) {
        send_letter(hub, letter);
    } else {
        cstar__letter_free(hub, letter);
    }
}

cstar_status cstar__hub_replace(cstar__hub *hub, uint64_t address, uint64_t generation) {
    cstar__letter *letter = cstar__hub_replace_prepare(hub);
    if (letter == NULL) {
        return CSTAR_ENOMEM;
    }
    cstar__hub_replace_commit(hub, letter, address, generation);
    return CSTAR_OK;
}
