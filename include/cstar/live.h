/* cstar/live.h -- streams that stay open, and what is published to them.
 *
 *     static void connect(cstar_conn *conn, const cstar_signals *in) {    // POST /prices
 *         cstar_subscribe(conn, "prices");
 *     }
 *     CSTAR_PAGE(prices, .render = render, .connect = connect);           // data-init='{connect}'
 *     ...
 *     cstar_publish_signals(app, "prices", "{\"eur\":1.08}");             // any thread
 *
 * A stream is one open event stream: of a page with `.connect`, or of a handler that called
 * cstar_live(). It subscribes to topics. What is published to a topic reaches every stream that
 * subscribes to it, on every worker, in the order in which it was published: all that one thread
 * publishes, to whatever topics, and all of one topic. A patch is written into all of them as it
 * stands, from one shared memory; a message goes to the stream's `info` callback, which may patch.
 *
 * Clients that accept gzip get it: what is published is compressed once for all of a worker's, what is
 * sent to one alone by itself. cstar_no_compress() in `connect`, or before cstar_live(), leaves a
 * stream as it is. docs/howto/compression.md says when.
 *
 * Life: a stream ends when its client leaves, with cstar_halt() from a callback, when another
 * page takes its tab over (see "one stream per tab"), or when the server stops; `disconnect`
 * is called once, last, on every one of these ways, and also if the stream could not begin.
 * Its subscriptions and claims are gone by then. A message lives until its callback returns.
 * Threads: the callbacks of a stream run on its worker's loop, one at a time, and must not wait: for
 * what takes long there is cstar_defer(). Publishing works from any thread and never waits for a
 * reader.
 * Errors: those on a conn as ever; those of publishing say what was wrong with the patch, and nobody
 * got it then.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_LIVE_H
#define CSTAR_LIVE_H

#include "cstar/html.h"
#include "cstar/request.h"
#include "cstar/wire.h"

CSTAR_BEGIN_DECLS

typedef struct cstar_app cstar_app;
typedef struct cstar_conn cstar_conn;

/* ---- streams --------------------------------------------------------------------------------- */

/* What `info` gets. */
typedef struct cstar_message {
    const char *topic; /* "" if it was sent to this stream alone */
    cstar_str bytes;   /* NUL-terminated behind its end, unless the publisher lent them */
    bool is_json;      /* it was published as JSON: see cstar_message_json() */
} cstar_message;

/** The message as JSON; NULL if it is none. Valid until the callback returns. */
CSTAR_API const cstar_json *cstar_message_json(cstar_conn *conn, const cstar_message *m);

/* What happens to a stream whose client takes bytes more slowly than they are published, when what
 * waits for it exceeds its budget. In any case patches with the same key replace each other while
 * they wait: only the newest is sent. */
typedef enum cstar_slow {
    CSTAR_SLOW_CLOSE, /* it is cut; the client comes back, and gets a full view or what it missed */
    /* the oldest that waits is thrown away, but nothing of how it began (its view, what it missed):
     * for what is soon out of date */
    CSTAR_SLOW_DROP,
} cstar_slow;

typedef struct cstar_live_opts {                            /* zero is the default of every field */
    void (*info)(cstar_conn *conn, const cstar_message *m); /* NULL: messages are passed over */
    void (*disconnect)(cstar_conn *conn); /* the stream is over: nothing can be sent any more */
    /* One stream per tab: of all with this scope and the same signal `tabId` only the newest lives.
     * Put the user into it, so that nobody can end another one's. NULL, or a request without a
     * usable tabId: an ordinary stream. */
    const char *scope;
    /* Of silence, then a comment is sent to see who is there (by gzip: a block without text);
     * 0: 15 000 */
    unsigned ping_ms;
    /* that its end may take, until the client has taken all of it; then it is cut. 0: 500 */
    unsigned grace_ms;
    /* bytes that may wait for a slow client, beside what it was to begin with: what was sent before
     * the handler returned, and what it has missed; 0: 256 KiB */
    size_t max_waiting;
    cstar_slow slow; /* what happens then */
    char reserved;
} cstar_live_opts;

/**
 * Makes the response an event stream that stays open when the handler returns. What was sent
 * before, and until then, comes first. Subscribe before or after it.
 * @return CSTAR_ESTATE there is a response already, or signals that can't be read (answered: 400,
 *         413); CSTAR_ELIMIT, CSTAR_ENOMEM the tab can't be claimed: 503 is the answer, and there is
 *         no stream.
 */
CSTAR_API cstar_status cstar_conn_live(cstar_conn *conn, const cstar_live_opts *opts);
/** cstar_live(conn, .info = info, .scope = "/chat") */
#define cstar_live(conn, ...)                                                                      \
    cstar_conn_live((conn), &(cstar_live_opts){__VA_ARGS__, .reserved = 0})

/** From a handler that has called, or will call, cstar_live(), or from a callback of a stream: also
 * again, which does nothing. Topics are any text of 1 to 256 bytes, the first of which is no 1.
 * CSTAR_EINVAL; ESTATE: no stream; ECLOSED: it is over; ELIMIT: more than 1024 topics; ENOMEM. */
CSTAR_API cstar_status cstar_subscribe(cstar_conn *conn, const char *topic);
/** Nothing of that topic comes any more, not even what was published before, but for patches that wait
 * for a slow client already. ENOENT; ESTATE: no stream, or from a blocking handler. */
CSTAR_API cstar_status cstar_unsubscribe(cstar_conn *conn, const char *topic);

/** Calls `fn` every `ms` milliseconds (at least 1) while the stream lives; again with the same
 * function: with the new time; 0: no more. A stream can have 16. EINVAL: no function; ESTATE,
 * ELIMIT, ENOMEM. */
CSTAR_API cstar_status cstar_every(cstar_conn *conn, unsigned ms, void (*fn)(cstar_conn *conn));

/**
 * Memory of the stream's own, for what its callbacks have to keep from one call to the next: zeros
 * when it is asked for first, the same bytes each time, until `disconnect` has returned.
 *
 *     struct seat { int row; time_t since; };
 *     ...
 *     struct seat *s = cstar_state(conn, struct seat);   // in connect, info, disconnect, ...
 *     if (s != NULL) { s->row++; }
 *
 * From a callback of a stream, or a handler that has called, or will call, cstar_live() (an
 * event's: has called it). An event's request is another conn, whose handler has not got it:
 * cstar_publish() to cstar_tab() tells the stream. A stream without `info`, `disconnect` and timers
 * has no use for it, and forgets it. (An assign, cstar_assign(), that is made before the stream
 * begins is there in its callbacks, too; but what they assign is gone when they return.)
 * @param size  Bytes, the same at each call. The memory is aligned for any type, as the app's
 *              allocator aligns it.
 * @return NULL, and the conn keeps why: CSTAR_ESTATE no stream; CSTAR_EINVAL no size, or another
 *         one than at first; CSTAR_ENOMEM.
 */
CSTAR_API void *cstar_stream_state(cstar_conn *conn, size_t size);
/** The same as a pointer to a type: cstar_state(conn, struct seat) */
#define cstar_state(conn, type) ((type *)cstar_stream_state((conn), sizeof(type)))

/**
 * Whether the client has everything that was published to what the stream subscribes to: it has
 * come back (Last-Event-ID), and the topics have kept what it missed, which follows. If not, send a
 * full view. False too if it subscribes to a topic without replay. Subscribe to all of them before
 * you ask and make the view: what topics with replay have published until the last call of
 * cstar_subscribe() is taken to be in it, and does not come again. What the client has is told by
 * a place in all that was published, and not by topics: a stream that may come back with others
 * than it had (a filter in its signals chooses them) sends a full view whenever they differ.
 */
CSTAR_API bool cstar_resumed(const cstar_conn *conn);

/* Why a stream is over. */
typedef enum cstar_ended {
    CSTAR_ENDED_NOT,      /* it is not */
    CSTAR_ENDED_GONE,     /* its client has left */
    CSTAR_ENDED_HALTED,   /* cstar_halt() */
    CSTAR_ENDED_REPLACED, /* another stream has its tab now, or cstar_tab_end() */
    CSTAR_ENDED_DRAINED,  /* the server stops */
    CSTAR_ENDED_CUT,      /* its client was too slow, or there was no memory for it */
} cstar_ended;

/** For `disconnect`. */
CSTAR_API cstar_ended cstar_end_reason(const cstar_conn *conn);

/* ---- publishing ------------------------------------------------------------------------------ */

/* Each of these works from any thread, while the app is served. Nobody subscribes: CSTAR_OK, for
 * almost nothing. CSTAR_EAGAIN: the workers are so far behind that nothing was published (see
 * cstar_serve_opts.max_published); CSTAR_ESTATE: the app is not being served; CSTAR_ENOMEM. */

typedef struct cstar_publication { /* zero is the default of every field */
    cstar_str bytes;               /* copied, unless `free` is set */
    const char *json;              /* instead of bytes: JSON text, which is checked */
    /* Lends `bytes` instead of copying them: called once, on any thread, when nobody needs them any
     * more, also if publishing has failed. With `json`, which is copied: before this returns. */
    void (*free)(void *arg);
    void *arg;
    char reserved;
} cstar_publication;

/** A message, for the `info` of streams. */
CSTAR_API cstar_status cstar_app_publish(cstar_app *app, const char *topic,
                                         const cstar_publication *p);
/** cstar_publish(app, "room:7", .json = "{\"n\":1}") */
#define cstar_publish(app, topic, ...)                                                             \
    cstar_app_publish((app), (topic), &(cstar_publication){__VA_ARGS__, .reserved = 0})

/* Patches: framed once, and written to all as they are. `.key` names what a patch is about (a row, a
 * price): while it waits for a slow reader, a newer one of that key takes its place. Errors: those of
 * the event of the same name, in `err` too (NULL: not wanted). */
CSTAR_API cstar_status cstar_app_publish_elements(cstar_app *app, const char *topic,
                                                  const cstar_elements *e, cstar_err *err);
CSTAR_API cstar_status cstar_app_publish_signals(cstar_app *app, const char *topic,
                                                 const cstar_signals_patch *s, cstar_err *err);
CSTAR_API cstar_status cstar_app_publish_script(cstar_app *app, const char *topic,
                                                const cstar_script *s, cstar_err *err);
/** cstar_publish_elements(app, "todos", html, .selector = "#list", .mode = CSTAR_APPEND) */
#define cstar_publish_elements(app, topic, ...)                                                    \
    cstar_app_publish_elements((app), (topic), &(cstar_elements){.html = __VA_ARGS__}, NULL)
#define cstar_publish_signals(app, topic, ...)                                                     \
    cstar_app_publish_signals((app), (topic), &(cstar_signals_patch){.json = __VA_ARGS__}, NULL)
#define cstar_publish_script(app, topic, ...)                                                      \
    cstar_app_publish_script((app), (topic), &(cstar_script){.script = __VA_ARGS__}, NULL)

typedef struct cstar_signal_publication { /* zero is the default of every field but the value */
    cstar_val value;                      /* as of cstar_signal() */
    bool only_if_missing;                 /* keeps what the browser has */
    const char *key;
    char reserved;
} cstar_signal_publication;

/** One signal: cstar_publish_signal(app, "room:7", "here", 3, .key = "here"). ETYPE, EUTF8: not a
 * value that a signal can have; EINVAL: no name. */
CSTAR_API cstar_status cstar_app_publish_signal(cstar_app *app, const char *topic, const char *name,
                                                const cstar_signal_publication *s);
#define cstar_publish_signal(app, topic, name, ...)                                                \
    cstar_app_publish_signal(                                                                      \
        (app), (topic), (name),                                                                    \
        &(cstar_signal_publication){.value = CSTAR_VAL(CSTAR__LIVE_FIRST(__VA_ARGS__, )),          \
                                    CSTAR__LIVE_REST(__VA_ARGS__, .reserved = 0)})

/** cstar_publish_patch(app, "todos", h, .selector = "#list") { cstar_put(h, ...); }: renders straight
 * into the patch, which is published when the block is left at its end. Leave it by no other way: a
 * return or break throws the patch away, and its memory is lost. */
#define cstar_publish_patch(app, topic, ...)                                                       \
    for (cstar_html * CSTAR__LIVE_FIRST(__VA_ARGS__, ) = cstar_publish_begin(                      \
             (app), (topic), &(cstar_elements){CSTAR__LIVE_REST(__VA_ARGS__, .html = NULL)});      \
         CSTAR__LIVE_FIRST(__VA_ARGS__, ) != NULL;                                                 \
         CSTAR__LIVE_FIRST(__VA_ARGS__, ) =                                                        \
             cstar_publish_end(CSTAR__LIVE_FIRST(__VA_ARGS__, ), NULL))
#define CSTAR__LIVE_FIRST(first, ...) first
#define CSTAR__LIVE_REST(first, ...) __VA_ARGS__
/** The two halves of it. NULL: nobody subscribes, or it can't be. cstar_publish_end() publishes what
 * was rendered (to nobody if that has failed: `err`), frees it, and gives NULL. */
CSTAR_API cstar_html *cstar_publish_begin(cstar_app *app, const char *topic,
                                          const cstar_elements *e);
CSTAR_API cstar_html *cstar_publish_end(cstar_html *h, cstar_err *err);

/* ---- threads of the app ---------------------------------------------------------------------- */

/**
 * A thread for what comes from elsewhere than requests: a clock, a sensor, another server.
 *
 *     static void measure(cstar_app *app) {
 *         while (cstar_sleep(app, 100)) {
 *             cstar_publish_signal(app, "sensor", "celsius", read_sensor());
 *         }
 *     }
 *     ...
 *     cstar_thread(app, measure);
 *
 * It starts when the app listens, and has to return when the app stops: that is waited for before
 * cstar_serve() and cstar_main() free anything. A test kit does not start it.
 * @return CSTAR_EINVAL no function; CSTAR_ESTATE the app is being served; CSTAR_ENOMEM. If it
 *         can't be started, the app is not served.
 */
CSTAR_API cstar_status cstar_thread(cstar_app *app, void (*fn)(cstar_app *app));
/** In such a thread: waits for so many milliseconds. @return false, at once: the server stops. */
CSTAR_API bool cstar_sleep(cstar_app *app, unsigned ms);

/* ---- topics ---------------------------------------------------------------------------------- */

typedef struct cstar_topic_opts { /* zero is the default of every field */
    /* Replay: the last so many patches are kept, for clients that come back. 0: none */
    size_t replay_count;
    size_t replay_bytes; /* of them at most; 0: 1 MiB */
    unsigned replay_ms;  /* older ones are forgotten; 0: 60 000 */
    /* Of those with the same `.key` the newest alone is kept: who comes back gets how things are,
     * in the order in which they came to be so, and not all that they have been; and a thing that
     * changes often does not push out the others. Patches without a key are kept as they come. For
     * keys that say it all: an older patch of that key must be of no use to who gets the newer. */
    bool replay_latest;
    char reserved;
} cstar_topic_opts;

/** Options of a topic, or with a star at its end ("room:*") of all that begin so; exact names win,
 * then the longest. Before serving. Topics without need none of this. EINVAL, EDUP, ENOMEM. */
CSTAR_API cstar_status cstar_app_topic(cstar_app *app, const char *topic,
                                       const cstar_topic_opts *opts);
#define cstar_topic(app, topic, ...)                                                               \
    cstar_app_topic((app), (topic), &(cstar_topic_opts){__VA_ARGS__, .reserved = 0})

/* ---- one stream per tab ---------------------------------------------------------------------- */

/* A claim is atomic, and claims of one tab have an order: the last one owns it. The stream that had
 * it before ends cleanly; if its client has not taken the end when the grace period is over, it is
 * cut: its connection is closed, of HTTP/2 the stream reset. */

/** The signal `tabId` of the request; NULL if it is not usable: a string of 1 to 64 bytes, not all
 * white space. Behind cstar_live(): the one that the stream has claimed. */
CSTAR_API const char *cstar_tab_id(cstar_conn *conn);

/**
 * An address: publishing to it reaches the stream of this conn's tab alone (of its page's
 * stream_key, or its cstar_live() scope), whoever that is by then, or nobody. For an event's handler
 * to talk to its own tab. NULL: no scope (as in a component, which is of no page), no tabId, or the
 * tab has no stream now. Valid until the callback returns.
 */
CSTAR_API const char *cstar_tab(cstar_conn *conn);
/** The same in a scope that is named: for a plain handler, whose tab has a stream of
 * cstar_live(.scope). NULL: no tabId, or the tab has no stream there. Valid until the callback
 * returns. */
CSTAR_API const char *cstar_tab_in(cstar_conn *conn, const char *scope);
/** An address of just this stream, for as long as it lives; later it reaches nobody. NULL: it is
 * none. Keep a copy. */
CSTAR_API const char *cstar_stream_name(cstar_conn *conn);

/** Whether that tab has a stream, on this server: not one that has ended, and whose client has only
 * not taken the end yet. [any thread] */
CSTAR_API bool cstar_tab_is_live(cstar_app *app, const char *scope, const char *tab_id);
/** Ends the tab's stream as a takeover would. ENOENT: there is none. [any thread] */
CSTAR_API cstar_status cstar_tab_end(cstar_app *app, const char *scope, const char *tab_id);
/** From a callback of a stream: it goes on, but the tab is not its any more. Again does nothing. */
CSTAR_API void cstar_tab_release(cstar_conn *conn);

/**
 * The latest signals of the stream's tab: those of its page's last event (a component's are of no
 * page), or those that it was opened with. More than 64 KiB of an event are not kept. For a
 * callback of a keyed stream; others get those that it was opened with. Valid until it returns.
 * A client that comes back by itself opens its stream with what it said first, not with what it has
 * by now. So what a tab said last is kept for a while when its stream has gone (15 minutes, for
 * 100 000 tabs, 64 MiB of all; then the oldest of the addresses that have the most go first), what
 * its events say meanwhile too, and the stream that the same page opens again has it. It is a
 * page's that has a `tabId` and a `pageId`, as the layout's pages have; another load of it begins
 * with its own signals.
 */
CSTAR_API const cstar_signals *cstar_tab_signals(cstar_conn *conn);
/**
 * From `connect`, or a callback of a stream: whether cstar_tab_signals() are what the tab said
 * last. false: its client has come back, and this server does not know what it said since it was
 * loaded: the server has been restarted, or the client was away for too long. Or it has sent events
 * before its first stream could be opened, and which is newer can't be told. Or what it said last
 * was too long to be kept. Where it matters, ask it for an event, by cstar_nudge(): examples/todo.
 */
CSTAR_API bool cstar_tab_signals_fresh(cstar_conn *conn);
/** Runs the page's mount and render for those signals, and patches the result: by the ids of its
 * top-level elements. From a callback of a page's stream, or an event's handler: then for the
 * signals that the event brought. Mount and render see them by cstar_tab_signals(). What they set is
 * for this rendering; have it in data-signals__ifmissing, lest the browser's signals are set back.
 * In a callback of a stream all of it runs on the loop, also of a `.blocking` page.
 * @return CSTAR_ESTATE no page; or mount has answered something else (cstar_fail(), a redirect), or
 *         deferred, which a page that is rendered again can't: nothing is rendered then, and what
 *         is shown stays. A mount that halts ends the stream. */
CSTAR_API cstar_status cstar_rerender(cstar_conn *conn);

/**
 * cstar_rerender(), but not more often than each `min_ms` milliseconds: at once if the last
 * rendering, by whichever of these functions, is that long ago (or there was none); else at the end
 * of that time, by the stream's own timer, once for all who have asked until then. So `info` can be
 * told of a thousand changes and render twice, and what is shown in the end is how it is. Where
 * several times are given the one that is over first counts.
 * From a callback of a page's stream.
 * @return CSTAR_ESTATE from elsewhere; errors of cstar_rerender() where it is called now: later
 *         ones are logged.
 */
CSTAR_API cstar_status cstar_rerender_soon(cstar_conn *conn, unsigned min_ms);

/**
 * From an event's handler: the stream of its tab renders the page again, for the signals that the
 * event has brought, behind what was published to it before. What a page with topics shows should
 * change by its stream alone: an answer comes on another connection, and may overtake what is
 * newer.
 * If the tab has no stream now (one that has ended is none), or the signals are too long to be kept
 * (64 KiB), the answer has the rendering, as by cstar_rerender(); from a callback of a stream it is
 * that, too.
 * @return CSTAR_ESTATE no page, or one without `.info` and `.disconnect`, whose streams have
 *         forgotten what they would need; CSTAR_EAGAIN, CSTAR_ENOMEM as of cstar_publish().
 */
CSTAR_API cstar_status cstar_tab_rerender(cstar_conn *conn);

/* ---- what takes long ------------------------------------------------------------------------- */

typedef struct cstar_deferred { /* zero is the default of every field but work */
    /* On a thread of the pool. It must not touch the conn, nor what the conn has handed out: copy
     * what it needs into arg. */
    void (*work)(void *arg);
    void (*done)(cstar_conn *conn, void *arg); /* afterwards, on the loop; NULL: nothing to do */
    void *arg;
    void (*free)(void *arg); /* last, once, whatever happens; NULL: nothing to do */
    char reserved;
} cstar_deferred;

/**
 * From mount, authorize, connect, an event's handler or a plain one: the request goes on when
 * `done` has returned, as if the callback had returned then, so that `done` may do what the callback
 * could: refuse, assign, patch, answer, defer again. Any number: they run side by side, `done` in the
 * order in which they are finished, and the request goes on behind the last. What is answered
 * earlier leaves then, too. If the client leaves meanwhile, `done` is not called, and works that
 * have not begun are not run.
 * `free` is called once, when nothing needs `arg` any more: on the loop, when the request is
 * answered (of a response that goes on: begun), or when the client has gone and the work is over;
 * or at once, if this fails.
 * From a callback of a stream: `done` is a further callback of it, which may do what they may
 * (halt, subscribe, defer again), and `free` follows at once. If the stream has ended by then,
 * `done` is not called.
 * @return CSTAR_ELIMIT the pool's queue is full (max_work of cstar_serve_opts): what gives no other
 *         answer has answered 503 with Retry-After: 1. On the others it has answered 500.
 *         CSTAR_ESTATE from blocking handlers, which may wait themselves; from render, layouts,
 *         `disconnect`, a mount that cstar_rerender() runs, and callbacks of an upload or of
 *         cstar_stream(); when there is a response already. CSTAR_EINVAL no work;
 *         CSTAR_ENOMEM.
 */
CSTAR_API cstar_status cstar_conn_defer(cstar_conn *conn, const cstar_deferred *d);
/** cstar_defer(conn, query, .done = answer, .arg = q, .free = free) */
#define cstar_defer(conn, ...) cstar_conn_defer((conn), &(cstar_deferred){.work = __VA_ARGS__})

CSTAR_END_DECLS
#endif
