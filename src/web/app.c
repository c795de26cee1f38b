/* app.c -- an app: its routes and what they share.
 * SPDX-License-Identifier: MIT */
#include "web/app.h"

#include "web/live.h"
#include "web/view.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

cstar_app *cstar_app_new(void) { return cstar_app_new_with(cstar_heap()); }

static bool init_locks(cstar_app *app) {
    if (pthread_mutex_init(&app->mutex, NULL) != 0) {
        return false;
    }
    if (pthread_mutex_init(&app->reloading, NULL) != 0) {
        (void)pthread_mutex_destroy(&app->mutex);
        return false;
    }
    return true;
}

static void fini_locks(cstar_app *app) {
    (void)pthread_mutex_destroy(&app->reloading);
    (void)pthread_mutex_destroy(&app->mutex);
}

cstar_app *cstar_app_new_with(const cstar_allocator *alloc) {
    cstar_app *app = alloc->resize(alloc->ctx, NULL, 0, sizeof *app);
    if (app == NULL) {
        return NULL;
    }
    memset(app, 0, sizeof *app);
    if (!init_locks(app)) {
        alloc->resize(alloc->ctx, app, sizeof *app, 0);
        return NULL;
    }
    app->alloc = alloc;
    if (!cstar__views_open(app)) {
        fini_locks(app);
        alloc->resize(alloc->ctx, app, sizeof *app, 0);
        return NULL;
    }
    if (!cstar__coders_init(&app->coders, alloc)) {
        cstar__views_close(app);
        fini_locks(app);
        alloc->resize(alloc->ctx, app, sizeof *app, 0);
        return NULL;
    }
    app->coders.min = CSTAR__COMPRESS_MIN;
    app->coders.budget.limit = CSTAR__CODING_MEMORY;
    app->layout = cstar_default_layout;
    app->max_body = CSTAR__MAX_SIGNAL_BYTES;
    app->max_response = (size_t)16 << 20;
    cstar__router_init(&app->router, alloc);
    cstar_arena_init(&app->arena, alloc, (size_t)16 << 20);
    cstar__dispatch_init(app);
    cstar__request_id_seed(app);
    return app;
}

void cstar_app_free(cstar_app *app) {
    if (app == NULL) {
        return;
    }
    const cstar_allocator *alloc = app->alloc;
    cstar__app_close_hub(app);
    cstar__threads_free(app);
    cstar__views_close(app);
    cstar__sessions_free(app);
    cstar__mounts_fini(app);
    cstar__router_fini(&app->router);
    cstar_arena_fini(&app->arena);
    cstar__coders_fini(&app->coders);
    fini_locks(app);
    alloc->resize(alloc->ctx, app, sizeof *app, 0);
}

int64_t cstar__app_now(const cstar_app *app) {
    return app->clock != NULL ? app->clock(app->clock_arg) : (int64_t)time(NULL);
}

cstar_status cstar__app_fail(cstar_app *app, const cstar_err *err) {
    if (app->err.code == CSTAR_OK) {
        app->err = *err;
    }
    return err->code;
}

void cstar__app_log(const cstar_app *app, cstar_log_level level, const char *format, ...) {
    if (app->on_log == NULL) {
        return;
    }
    char line[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    for (char *p = line; *p != '\0'; p++) { /* a log line is one line, whatever a client sent */
        if ((unsigned char)*p < 0x20 || *p == 0x7F) {
            *p = '?';
        }
    }
    app->on_log(app->log_arg, level, line);
}

static bool method_of(cstar_verb verb, cstar__method *method) {
    switch (verb) {
    case CSTAR_POST:
        *method = CSTAR__POST;
        return true;
    case CSTAR_GET:
        *method = CSTAR__GET;
        return true;
    case CSTAR_PUT:
        *method = CSTAR__PUT;
        return true;
    case CSTAR_PATCH:
        *method = CSTAR__PATCH;
        return true;
    case CSTAR_DELETE:
        *method = CSTAR__DELETE;
        return true;
    }
    return false;
}

static cstar_status add(cstar_app *app, cstar_verb verb, const char *path,
                        const cstar__route *route) {
    cstar_err err = {0};
    cstar__method method = CSTAR__GET;
    if (!method_of(verb, &method)) {
        (void)cstar_err_set(&err, CSTAR_EINVAL, "method", "method: %d is no cstar_verb", (int)verb);
        return cstar__app_fail(app, &err);
    }
    if (cstar__router_add(&app->router, method, path, route, &err) != CSTAR_OK) {
        return cstar__app_fail(app, &err);
    }
    return CSTAR_OK;
}

/* What one request may need of memory follows from the largest body. */
void cstar__app_note_body(cstar_app *app, size_t max, const cstar_upload_opts *upload) {
    const size_t fields = upload != NULL ? upload->max_fields : 0;
    const size_t most = max > fields ? max : fields;
    app->largest_body = most > app->largest_body ? most : app->largest_body;
}

cstar_status cstar_app_route(cstar_app *app, cstar_verb method, const char *path,
                             const cstar_route_opts *opts) {
    cstar_err err = {0};
    if (opts == NULL || opts->handler == NULL) {
        (void)cstar_err_set(&err, CSTAR_EINVAL, "handler", "handler: the route %s has none",
                            path != NULL ? path : "");
        return cstar__app_fail(app, &err);
    }
    cstar_route_opts *copy = cstar_arena_alloc(&app->arena, sizeof *copy);
    if (copy == NULL) {
        (void)cstar_err_set(&err, CSTAR_ENOMEM, NULL, "out of memory");
        return cstar__app_fail(app, &err);
    }
    *copy = *opts;
    cstar__app_note_body(app, opts->max_body, opts->upload);
    cstar__route route = {.kind = CSTAR__TARGET_PLAIN, .target = copy};
    return add(app, method, path, &route);
}

const char *cstar__app_path(cstar_app *app, const char *base, const char *tail) {
    cstar_buf b;
    size_t len = strlen(base);
    while (len > 0 && base[len - 1] == '/') {
        len--;
    }
    cstar_buf_init(&b, cstar_arena_allocator(&app->arena), len + strlen(tail) + 1);
    cstar_buf_add(&b, base, len);
    cstar_buf_add(&b, tail, strlen(tail) + 1);
    return b.status == CSTAR_OK ? b.ptr : NULL;
}

cstar_status cstar__app_add_events(cstar_app *app, const char *path, const cstar__route *route) {
    static const cstar_verb verbs[] = {CSTAR_POST, CSTAR_GET, CSTAR_PUT, CSTAR_PATCH, CSTAR_DELETE};
    cstar_status rc = CSTAR_OK;
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs && rc == CSTAR_OK; i++) {
        rc = add(app, verbs[i], path, route);
    }
    return rc;
}

static cstar_status add_page_events(cstar_app *app, const char *path, const cstar_page_def *page) {
    cstar_err err = {0};
    const char *events_path = cstar__app_path(app, path, "/_event/:event");
    cstar__events *events = cstar_arena_zalloc(&app->arena, sizeof *events);
    if (events_path == NULL || events == NULL) {
        (void)cstar_err_set(&err, CSTAR_ENOMEM, NULL, "out of memory");
        return cstar__app_fail(app, &err);
    }
    cstar__app_note_body(app, page->max_signal_bytes, page->upload);
    *events = (cstar__events){.name = cstar_cstr(page->name),
                              .page = page,
                              .entries = page->events,
                              .authorize = page->authorize,
                              .upload = page->upload,
                              .max_bytes = page->max_signal_bytes,
                              .blocking = page->blocking,
                              .controller_name = page->controller};
    return cstar__app_add_events(app, events_path,
                                 &(cstar__route){.kind = CSTAR__TARGET_EVENT, .target = events});
}

cstar_status cstar_page(cstar_app *app, const char *path, const cstar_page_def *page) {
    cstar_err err = {0};
    if (page == NULL || page->render == NULL) {
        (void)cstar_err_set(&err, CSTAR_EINVAL, "page", "page: the one at %s has no render",
                            path != NULL ? path : "");
        return cstar__app_fail(app, &err);
    }
    const char *bad = cstar__events_bad(page->events);
    if (bad != NULL) {
        (void)cstar_err_set(&err, CSTAR_EINVAL, "event",
                            "event: \"%s\" of the page at %s: methods are "
                            "GET, POST, PUT, PATCH and DELETE, with '|' between them",
                            bad, path != NULL ? path : "");
        return cstar__app_fail(app, &err);
    }
    cstar__route get = {.kind = CSTAR__TARGET_PAGE, .target = page};
    cstar__route post = {.kind = CSTAR__TARGET_STREAM, .target = page};
    cstar_status rc = add(app, CSTAR_GET, path, &get);
    rc = rc == CSTAR_OK && page->connect != NULL ? add(app, CSTAR_POST, path, &post) : rc;
    return rc != CSTAR_OK || page->events == NULL ? rc : add_page_events(app, path, page);
}

void cstar_app_layout(cstar_app *app,
                      void (*layout)(cstar_conn *conn, cstar_html *h, cstar_fragment content)) {
    app->layout = layout != NULL ? layout : cstar_default_layout;
}
