/* web/live.h -- the live part as apps and conns see it. Private.
 *
 *     live.c      a conn whose response is a stream: start, callbacks, end
 *     live_defer.c  works that its callbacks have the pool do
 *     tab.c       whose tab it is: claims, addresses, the tab's signals, rendering again
 *     rerender.c  rendering again: not too often, and for an event
 *     state.c     memory of a stream's own
 *     heavy.c     what streams keep of their requests, all together
 *     quiet.c     what is left of one that no callback will look at
 *     publish.c   from the application to topics
 *     topics.c    options of topics; the app's hub
 *     threads.c   threads of the app's own
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_WEB_LIVE_H
#define CSTAR_WEB_LIVE_H

#include "live/keepsakes.h"
#include "live/registry.h"
#include "live/stream.h"
#include "web/later.h"

#include "cstar/live.h"

enum { CSTAR__TIMERS = 16, CSTAR__STREAM_MEMORY = 256 << 20 };

/* cstar_every() */
typedef struct cstar__timer {
    void (*fn)(cstar_conn *conn);
    unsigned ms;
    uint64_t due; /* on the hub's clock */
} cstar__timer;

/* Of a conn, in its exchange's arena. */
typedef struct cstar__live_conn {
    cstar__live *s; /* NULL: it is over */
    cstar_conn *conn;
    cstar_live_opts opts;
    cstar__live_conf conf;
    struct cstar__live_job *defers; /* live_defer.c: under way */
    bool inside;                    /* a callback runs */
    bool asked;                     /* cstar_live() was called */
    bool listens;                   /* it has subscribed to something, ever, or has said its name */
    bool started;                   /* the response has begun */
    bool gzip;                      /* it may be coded, and the client would like that */
    bool later_ready;
    cstar_status ready; /* of its fields */
    cstar__later later;
    cstar__timer *timers; /* CSTAR__TIMERS, of the heap; NULL: there never was one */
    size_t ntimers;
    void *state; /* cstar_stream_state(), of the heap; NULL: none */
    size_t state_size;
    size_t heavy;           /* bytes that it counts for in app->stream_memory */
    uint64_t rerendered_at; /* if it was `rerendered` at all */
    uint64_t rerender_at;   /* cstar_rerender_soon(); on the hub's clock; 0: nothing is put off */
    bool rerendered;
    /* its claim */
    const char *scope;
    char tab[65];
    bool has_page; /* it said a pageId: our layout's page, which can be told things */
    uint64_t generation;
    bool claimed;
    bool recalled; /* it has come back, and what its tab said last is known */
    /* it has not, but its page has sent an event before: which is newer is not known */
    bool overtaken;
    cstar_ended ended;
} cstar__live_conn;

/* ---- live.c ---- */

/** The handler has returned, on its thread: the fields. */
void cstar__live_settle(cstar_conn *conn);
/** Afterwards, on the loop. */
void cstar__live_begin(cstar_conn *conn);
void cstar__live_on_wake(cstar_conn *conn);
void cstar__live_on_drain(cstar_conn *conn);
/** The exchange is over, or there never was a stream. Again does nothing. */
void cstar__live_close(cstar_conn *conn);
/** What `conn` has of a stream, made if need be; NULL: failed, and the conn knows. */
cstar__live_conn *cstar__live_of(cstar_conn *conn);
/** Nothing is due any more. */
void cstar__live_free_timers(cstar__live_conn *l);
/** For the next thing that is due. On the loop. */
void cstar__live_set_alarm(cstar__live_conn *l);
/** Around a callback of the stream: what it has sent is written, what it has halted is ended, and works
 * that no pool takes are done. */
void cstar__live_enter(cstar__live_conn *l, cstar_conn *before);
void cstar__live_leave(cstar__live_conn *l, cstar_conn *before);

/* ---- heavy.c ---- */

/** Counts what the stream is going to keep. @return false: all keep too much together. */
bool cstar__heavy_enter(cstar__live_conn *l);
/** @param size  l->heavy, which may be gone by then. */
void cstar__heavy_leave(cstar_app *app, size_t size);

/* ---- live_defer.c ---- */

/** cstar_defer() from a callback. Takes `d->arg`, also on failure. */
cstar_status cstar__live_defer(cstar__live_conn *l, const cstar_deferred *d);
/** What waits is not run, and nobody is told: the stream is over. */
void cstar__live_defer_leave(cstar__live_conn *l);
/** Whether works are under way that hold the exchange: who held it before them must not let go. */
bool cstar__live_defer_holds(const cstar_conn *conn);
/** Without a pool: those that the callback has asked for. */
void cstar__live_defer_run_here(cstar__live_conn *l);

/* ---- tab.c ---- */

/** Whether a page of ours asks. */
void cstar__tab_look(cstar__live_conn *l);
/** Claims the tab for the stream. @return false: 503 is answered. */
bool cstar__tab_claim(cstar__live_conn *l, const char *scope);
/** It ends, or is over: its claim is released, and what the tab said last is kept for a while, but
 * if its page is not to come back. Again does nothing. */
void cstar__tab_give_up(cstar__live_conn *l);
/** What a tab is told when its stream begins, and when it ends. */
void cstar__tab_greet(cstar__live_conn *l);
void cstar__tab_part(cstar__live_conn *l, cstar__live_end_reason why);
/** Whether the page is to get an event id, any: it says that when it comes back, and so we know. */
bool cstar__tab_wants_id(const cstar__live_conn *l);
/** The second, of a page that can be told things, to be written to `out`. */
void cstar__tab_last_words(cstar_buf *out, cstar_app *app, cstar__live_end_reason why);
/** Of an event's request, for its tab's stream. */
void cstar__tab_keep_signals(cstar_conn *conn);

/** The page that a stream or an event is of; NULL: of none. */
const cstar_page_def *cstar__tab_page(const cstar_conn *conn);

/* ---- rerender.c ---- */

/** Its page is rendered for it now: what was put off is done. */
void cstar__rerender_note(cstar_conn *conn);
/** What was put off. */
void cstar__rerender_due(cstar_conn *conn);

/* ---- publish.c ---- */

/** [any thread] Has the stream at that address rendered again. Errors of cstar_publish(). */
cstar_status cstar__publish_rerender(cstar_app *app, const char *address);

/* ---- state.c ---- */

/** Again does nothing. */
void cstar__live_free_state(cstar__live_conn *l);

/* ---- quiet.c ---- */

/** With the hub. @return false: out of memory. */
bool cstar__quiet_open(cstar_app *app);

/* ---- topics.c ---- */

/** NULL: the app was never served. [any thread] */
cstar__hub *cstar__app_hub(const cstar_app *app);
/** The hub with that many rooms, before serving (or a test). CSTAR_ENOMEM. */
cstar_status cstar__app_open_hub(cstar_app *app, unsigned rooms);
void cstar__app_close_hub(cstar_app *app);
/** Now and then: what is kept for too long goes. */
void cstar__app_tidy_hub(cstar_app *app);
/** [room's thread] @return whether there was any. */
bool cstar__app_open_mail(cstar_app *app, unsigned room);
/** [room's thread] All that was published until now: its streams are about to end. */
void cstar__app_open_last_mail(cstar_app *app, unsigned room);

/* ---- hint.c: with `development` ---- */

/** It has begun: whether anything can come by it. */
void cstar__hint_stream(const cstar__live_conn *l);
/** Nobody listens to what is published to. [any thread] */
void cstar__hint_topic(cstar_app *app, const char *topic);
void cstar__hint_no_topic(cstar_app *app);

/* ---- threads.c ---- */

/** Starts those of cstar_thread(); again after a stop. CSTAR_ENOMEM: not all could be, and none is
 * left. */
cstar_status cstar__threads_start(cstar_app *app);
/** Has them return, and waits for it. */
void cstar__threads_stop(cstar_app *app);
/** With the app. */
void cstar__threads_free(cstar_app *app);

#endif
