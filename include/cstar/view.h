/* cstar/view.h -- what many see alike, rendered once for all of them.
 *
 *     static void table(cstar_html *h, void *arg) { cstar_put(h, "<table id='prices'>..."); }
 *     cstar_live_view(app, "prices", .render = table, .arg = market, .min_ms = 100);
 *     ...
 *     static void connect(cstar_conn *conn, const cstar_signals *in) {
 *         cstar_send_view(conn, "prices", NULL);        // subscribes, and sends what it shows now
 *     }
 *     ...
 *     cstar_changed(app, "prices", NULL);               // any thread, as often as it changes
 *
 * A view is a piece of markup, the same for all who subscribe to its topic. Whoever changes what it
 * shows says so, and it is rendered: once, however many have said so and however many subscribe;
 * at most once in `min_ms`; and once more behind the last change, so that what is shown in the end
 * is how it is. It is published with a key of its own: a slow reader gets the newest alone. What is
 * the same as before, byte by byte, is not sent again, so nothing else should patch it. While nobody
 * subscribes nothing is rendered; a topic that keeps patches for replay counts as one that somebody
 * subscribes to.
 *
 * Life: a view lives as long as its app.
 * Threads: `render` runs on the loop of worker 0, and must not wait there; or, if `blocking`, on a
 * thread of the pool. One rendering of a view at a time. No lock is held: it may publish, and say
 * that something has changed.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_VIEW_H
#define CSTAR_VIEW_H

#include "cstar/html.h"
#include "cstar/wire.h"

CSTAR_BEGIN_DECLS

typedef struct cstar_app cstar_app;
typedef struct cstar_conn cstar_conn;

typedef struct cstar_view_opts { /* zero is the default of every field but render */
    /* Writes the whole of it, as it is now. Where it fails (see cstar_html_status(); or it is
     * longer than an event may be, max_response of cstar_serve_opts), that is logged, what is shown
     * stays, and it is called again: after a second, two, four, and then every 32 s, until it
     * succeeds or nobody subscribes any more; when something changes, at once (not before
     * `min_ms`). Who has come meanwhile to a view that was never shown gets it then. */
    void (*render)(cstar_html *h, void *arg);
    void *arg;
    const char *key;      /* tells the views of one topic apart; copied; NULL: "" */
    const char *selector; /* copied; NULL: by the ids of its elements */
    cstar_mode mode;      /* OUTER, INNER or REPLACE: the others would heap it up */
    cstar_ns ns;
    bool use_view_transition;
    unsigned min_ms; /* between two renderings; 0: none */
    bool blocking;   /* `render` may wait */
    bool repeat;     /* send it too when it is the same as before */
    char reserved;
} cstar_view_opts;

/** [any thread] Also while the app is served. CSTAR_EINVAL: no topic (1 to 256 bytes, none of them
 * 1; nor in the key) or no render, a mode that a view can't have, INNER without a selector;
 * CSTAR_EDUP: there is one with that topic and key; CSTAR_ENOMEM. Before the app is served first, an
 * error stays with it: it can't be served then. */
CSTAR_API cstar_status cstar_app_view(cstar_app *app, const char *topic,
                                      const cstar_view_opts *opts);
/** cstar_live_view(app, "prices", .key = "table", .render = table, .arg = market, .min_ms = 100) */
#define cstar_live_view(app, topic, ...)                                                           \
    cstar_app_view((app), (topic), &(cstar_view_opts){__VA_ARGS__, .reserved = 0})

/** [any thread] What the view shows is another thing now. Costs next to nothing when it was said
 * before and has not been rendered since. @param key  NULL: of all views of the topic.
 * @return CSTAR_ENOENT: there is no such view. */
CSTAR_API cstar_status cstar_changed(cstar_app *app, const char *topic, const char *key);

/**
 * From `connect`, or where else cstar_subscribe() may be called: subscribes to the topic, and sends
 * the view as it is. That is what was rendered last, if it is still so; if not, it is rendered
 * soon, and reaches the conn with all others who subscribe. Nothing is missed, nothing comes out of
 * order. Of several topics with replay: cstar_subscribe() to all of them first, as cstar_resumed()
 * says, or what a view shows anew between two subscriptions is taken to be known.
 * @param key  NULL: all views of the topic.
 * @return CSTAR_ENOENT: there is no such view; errors of cstar_subscribe().
 */
CSTAR_API cstar_status cstar_send_view(cstar_conn *conn, const char *topic, const char *key);

CSTAR_END_DECLS
#endif
