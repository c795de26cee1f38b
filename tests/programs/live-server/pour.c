/* live-server/pour.c
 *
 *     IDLE ─POST /pour▶ POURING ─n rounds, POST /poured▶ ENDING ─each has said its last▶ IDLE
 *
 * SPDX-License-Identifier: MIT */
#include "pour.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { PUBLISHERS = 4, TOPICS = 20, NAME = 8, PAD = 4096, TEXT = PAD + 160, IDLE_MS = 5 };

typedef enum phase { IDLE, POURING, ENDING } phase;

typedef struct publisher { /* its thread's, while that pours */
    uint32_t n[TOPICS];
    uint64_t s, published, refused, failed, spent_ns, max_ns, over_ms;
} publisher;

/* What is being poured: written while nobody pours. */
static struct {
    pthread_mutex_t lock; /* of what follows, up to `topics` */
    phase phase;
    unsigned threads, active, started; /* threads: that are to pour; started: that exist */
    unsigned long round;               /* how manieth pouring it is */
    char topics[TOPICS][NAME];         /* all that ever were; places stay */
    size_t ntopics, which[TOPICS], nwhich;
    long pause_us, pad, rounds;
    publisher all[PUBLISHERS];
} pouring = {.lock = PTHREAD_MUTEX_INITIALIZER};

static long lent, returned; /* atomic: messages */

static void lock(void) { (void)pthread_mutex_lock(&pouring.lock); }
static void unlock(void) { (void)pthread_mutex_unlock(&pouring.lock); }

static phase phase_now(void) {
    lock();
    const phase p = pouring.phase;
    unlock();
    return p;
}

static uint64_t now_ns(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static void pause_us(long us) {
    const struct timespec t = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    (void)nanosleep(&t, NULL);
}

/* ---- publishing ---- */

static void take_back(void *bytes) {
    (void)__atomic_add_fetch(&returned, 1, __ATOMIC_SEQ_CST);
    free(bytes);
}

static cstar_status lend(cstar_app *app, const char *topic, const char *text) {
    char *bytes = strdup(text);
    if (bytes == NULL) {
        return CSTAR_ENOMEM;
    }
    (void)__atomic_add_fetch(&lent, 1, __ATOMIC_SEQ_CST);
    return cstar_publish(app, topic, .bytes = cstar_cstr(bytes), .free = take_back, .arg = bytes);
}

/* Keys are those of one publisher: they replace nothing of another's. */
static cstar_status say(cstar_app *app, const char *topic, const char *text) {
    char whole[TEXT + 64];
    char key[NAME];
    switch (topic[0]) {
    case 'm':
        return lend(app, topic, text);
    case 'e':
        (void)snprintf(whole, sizeof whole, "<p id=\"%s\">%s</p>", topic, text);
        return cstar_publish_elements(app, topic, whole);
    case 'c':
        (void)snprintf(key, sizeof key, "%c%s", text[1], topic);
        (void)snprintf(whole, sizeof whole, "{\"%s\":\"%s\"}", topic, text);
        return cstar_publish_signals(app, topic, whole, .key = key);
    default:
        (void)snprintf(whole, sizeof whole, "{\"%s\":\"%s\"}", topic, text);
        return cstar_publish_signals(app, topic, whole);
    }
}

/* The next one of this publisher to that topic. */
static cstar_status say_next(cstar_app *app, publisher *p, size_t topic) {
    char text[TEXT];
    const char *name = pouring.topics[topic];
    const size_t pad = (size_t)pouring.pad + p->n[topic] * 37 % 64;
    const int n =
        snprintf(text, sizeof text, "@%d %s %u %llu %llu %zu@", (int)(p - pouring.all), name,
                 p->n[topic] + 1, (unsigned long long)p->s + 1, (unsigned long long)now_ns(), pad);
    memset(text + n, 'x', pad);
    memcpy(text + n + pad, "$", 2);
    const uint64_t since = now_ns();
    const cstar_status rc = say(app, name, text);
    const uint64_t ns = now_ns() - since;
    p->spent_ns += rc == CSTAR_OK ? ns : 0;
    p->max_ns = ns > p->max_ns ? ns : p->max_ns;
    p->over_ms += ns > 1000000;
    p->published += rc == CSTAR_OK;
    p->refused += rc == CSTAR_EAGAIN;
    p->failed += rc != CSTAR_OK && rc != CSTAR_EAGAIN;
    p->n[topic] += rc == CSTAR_OK;
    p->s += rc == CSTAR_OK;
    return rc;
}

/* Back-pressure is what stops a publisher, and nothing else. @return false: the server stops. */
static bool say_to_all(cstar_app *app, publisher *p) {
    for (size_t i = 0; i < pouring.nwhich; i++) {
        while (say_next(app, p, pouring.which[i]) == CSTAR_EAGAIN) {
            if (!cstar_sleep(app, 1)) {
                return false;
            }
        }
    }
    return true;
}

static void pour(cstar_app *app, publisher *p) {
    long rounds = 0;
    bool ok = true;
    while (ok && phase_now() == POURING && (pouring.rounds == 0 || rounds < pouring.rounds)) {
        ok = cstar_sleep(app, 0) &&
             say_to_all(app, p); /* nobody listens: nothing else would end it */
        rounds++;
        if (pouring.pause_us != 0) {
            pause_us(pouring.pause_us);
        }
    }
    if (ok && pouring.rounds == 0) {
        (void)say_to_all(app, p); /* the last, for who has joined since */
    }
    lock();
    if (--pouring.active == 0) {
        pouring.phase = IDLE;
    }
    unlock();
}

static void publish_always(cstar_app *app) {
    unsigned long done = 0;
    lock();
    const unsigned index = pouring.started++;
    unlock();
    while (cstar_sleep(app, IDLE_MS)) {
        lock();
        const bool mine = pouring.phase != IDLE && pouring.round != done && index < pouring.threads;
        done = pouring.round;
        unlock();
        if (mine) {
            pour(app, &pouring.all[index]);
        }
    }
}

/* ---- routes ---- */

static long number_of(cstar_conn *conn, const char *name) {
    const char *text = cstar_query(conn, name);
    return text != NULL ? strtol(text, NULL, 10) : 0;
}

/* [lock] */
static size_t place_of(const char *name, size_t len) {
    size_t i = 0;
    while (i < pouring.ntopics &&
           (strncmp(pouring.topics[i], name, len) != 0 || pouring.topics[i][len] != '\0')) {
        i++;
    }
    if (i == pouring.ntopics && i < TOPICS) {
        memcpy(pouring.topics[pouring.ntopics++], name, len);
    }
    return i;
}

/* [lock] @return false: too many of them, or too long. */
static bool set_topics(const char *list) {
    for (pouring.nwhich = 0; *list != '\0';) {
        const size_t len = strcspn(list, ",");
        const size_t place = len != 0 && len < NAME ? place_of(list, len) : TOPICS;
        if (place == TOPICS || pouring.nwhich == TOPICS) {
            return false;
        }
        pouring.which[pouring.nwhich++] = place;
        list += len + (list[len] == ',');
    }
    return pouring.nwhich != 0;
}

static void start_pouring(cstar_conn *conn) {
    const char *topics = cstar_query(conn, "topics");
    const long threads = number_of(conn, "threads");
    const long pad = number_of(conn, "pad");
    lock();
    const bool ok = pouring.phase == IDLE && topics != NULL && set_topics(topics) &&
                    threads <= (long)pouring.started && pouring.started != 0 && pad >= 0 &&
                    pad < PAD - 64;
    if (ok) {
        pouring.threads = threads > 0 ? (unsigned)threads : 1;
        pouring.pad = pad;
        pouring.pause_us = number_of(conn, "pause");
        pouring.rounds = number_of(conn, "n");
        pouring.active = pouring.threads;
        pouring.round++;
        pouring.phase = POURING;
    }
    unlock();
    cstar_respond_text(conn, ok ? 200 : 409, ok ? "ok" : "no topics, no threads, or not now");
}

/* [idle] */
static void put_counts(cstar_buf *out) {
    char line[160];
    publisher sum = {0};
    for (size_t p = 0; p < PUBLISHERS; p++) {
        const publisher *one = &pouring.all[p];
        for (size_t t = 0; t < pouring.ntopics; t++) {
            (void)snprintf(line, sizeof line, "last %zu %s %u\n", p, pouring.topics[t], one->n[t]);
            cstar_buf_puts(out, line);
        }
        sum.published += one->published;
        sum.refused += one->refused;
        sum.failed += one->failed;
        sum.spent_ns += one->spent_ns;
        sum.over_ms += one->over_ms;
        sum.max_ns = one->max_ns > sum.max_ns ? one->max_ns : sum.max_ns;
    }
    (void)snprintf(line, sizeof line,
                   "published %llu\nrefused %llu\nfailed %llu\nmean_ns %llu\nmax_us %llu\n"
                   "over_ms %llu\n",
                   (unsigned long long)sum.published, (unsigned long long)sum.refused,
                   (unsigned long long)sum.failed,
                   (unsigned long long)(sum.published != 0 ? sum.spent_ns / sum.published : 0),
                   (unsigned long long)(sum.max_ns / 1000), (unsigned long long)sum.over_ms);
    cstar_buf_puts(out, line);
    (void)snprintf(line, sizeof line, "lent %ld\nreturned %ld\n",
                   __atomic_load_n(&lent, __ATOMIC_SEQ_CST),
                   __atomic_load_n(&returned, __ATOMIC_SEQ_CST));
    cstar_buf_puts(out, line);
}

static void tell_poured(cstar_conn *conn) {
    cstar_buf out;
    cstar_buf_init(&out, cstar_heap(), 1 << 16);
    lock();
    const bool idle = pouring.phase == IDLE;
    if (idle) {
        put_counts(&out);
    }
    unlock();
    cstar_buf_byte(&out, '\0');
    cstar_respond_text(conn, idle ? 200 : 409,
                       idle && out.status == CSTAR_OK ? out.ptr : "not yet");
    cstar_buf_fini(&out);
}

/* [pool] */
static void end_pouring(cstar_conn *conn) {
    lock();
    if (pouring.phase == POURING && pouring.rounds == 0) { /* else it ends by itself */
        pouring.phase = ENDING;
    }
    unlock();
    while (phase_now() != IDLE) {
        pause_us(1000);
    }
    tell_poured(conn);
}

void pour_add(cstar_app *app) {
    const char *text = getenv("LIVE_SERVER_PUBLISHERS");
    long n = text != NULL ? strtol(text, NULL, 10) : 0;
    cstar_route(app, CSTAR_POST, "/pour", start_pouring);
    cstar_route(app, CSTAR_GET, "/poured", tell_poured);
    cstar_route(app, CSTAR_POST, "/poured", end_pouring, .blocking = true);
    for (n = n < PUBLISHERS ? n : PUBLISHERS; n > 0; n--) {
        (void)cstar_thread(app, publish_always);
    }
}
