/* rerender.c -- rendering a page again for its tab: now and then, and for an event.
 *
 *     cstar_rerender_soon() ─▶ the last one was long ago: now
 *                                └─ else: l->rerender_at ─alarm of the stream▶ cstar__rerender_due()
 *     cstar_tab_rerender()  ─▶ a packet to the tab's stream ─▶ its on_info ─▶ cstar_rerender()
 *                                └─ it has none, or one that has ended: into the answer
 *
 * SPDX-License-Identifier: MIT */
#include "web/live.h"

/* ---- not too often ---- */

void cstar__rerender_note(cstar_conn *conn) {
    cstar__live_conn *l = conn->live;
    if (l != NULL) {
        l->rerender_at = 0;
        l->rerendered = true;
        l->rerendered_at = cstar__app_ticks(conn->app);
    }
}

/* What is asked for first and is due first counts. */
static void put_off(cstar__live_conn *l, uint64_t at) {
    if (l->rerender_at == 0 || at < l->rerender_at) {
        l->rerender_at = at;
        if (l->started) {
            cstar__live_set_alarm(l);
        }
    }
}

cstar_status cstar_rerender_soon(cstar_conn *conn, unsigned min_ms) {
    cstar__live_conn *l = conn->live;
    if (l == NULL || l->s == NULL || !l->asked || cstar__tab_page(conn) == NULL) {
        return cstar__conn_failf(conn, CSTAR_ESTATE, "rerender",
                                 "rerender: soon: only from a page's stream");
    }
    const uint64_t at = l->rerendered_at + min_ms;
    if (!l->rerendered || cstar__app_ticks(conn->app) >= at) {
        return cstar_rerender(conn);
    }
    put_off(l, at);
    return CSTAR_OK;
}

void cstar__rerender_due(cstar_conn *conn) { (void)cstar_rerender(conn); }

/* ---- from an event ---- */

/* A stream that no callback looks at has forgotten its page: quiet.c. */
static bool stays_awake(const cstar_page_def *page) {
    return page->info != NULL || page->disconnect != NULL;
}

cstar_status cstar_tab_rerender(cstar_conn *conn) {
    const cstar_page_def *page = cstar__tab_page(conn);
    if (page == NULL || conn->live != NULL) {
        return cstar_rerender(conn);
    }
    if (!stays_awake(page)) {
        return cstar__conn_failf(conn, CSTAR_ESTATE, "rerender",
                                 "rerender: the page has neither .info nor .disconnect");
    }
    const char *tab = cstar_tab(conn);
    if (tab == NULL || conn->unkept) { /* the stream knows older signals alone */
        return cstar_rerender(conn);
    }
    const cstar_status rc = cstar__publish_rerender(conn->app, tab);
    return rc == CSTAR_OK ? rc
                          : cstar__conn_failf(conn, rc, "rerender",
                                              "rerender: the tab's stream can't be told");
}
