/* component.c -- components and controllers: one table for each base at which they are served.
 * SPDX-License-Identifier: MIT */
#include "web/app.h"

static cstar_status fail(cstar_app *app, cstar_status code, const char *what, const char *name) {
    cstar_err err = {0};
    (void)cstar_err_set(&err, code, what, "%s: %s: %s", what, name != NULL ? name : "(no name)",
                        cstar_strerror(code));
    return cstar__app_fail(app, &err);
}

static cstar__base *add_base(cstar_app *app, const char *path, cstar_status *rc) {
    cstar__base *m = cstar_arena_zalloc(&app->arena, sizeof *m);
    if (m == NULL) {
        *rc = fail(app, CSTAR_ENOMEM, "components", path);
        return NULL;
    }
    m->path = path;
    m->next = app->bases;
    app->bases = m;
    *rc = cstar__app_add_events(app, path,
                                &(cstar__route){.kind = CSTAR__TARGET_COMPONENT, .target = m});
    return m;
}

/* The one at that base, made if it is new. */
static cstar__base *base_at(cstar_app *app, const char *base, cstar_status *rc) {
    const char *path = base != NULL ? cstar__app_path(app, base, CSTAR__COMPONENT_TAIL) : NULL;
    if (path == NULL) {
        *rc = fail(app, base == NULL ? CSTAR_EINVAL : CSTAR_ENOMEM, "components", base);
        return NULL;
    }
    for (cstar__base *m = app->bases; m != NULL; m = m->next) {
        if (strcmp(m->path, path) == 0) {
            *rc = CSTAR_OK;
            return m;
        }
    }
    return add_base(app, path, rc);
}

static cstar_status add(cstar_app *app, cstar__base *m, const cstar__events *events) {
    const cstar_str name = events->name;
    if (name.len == 0 || cstar_str_eq(name, CSTAR_STR(".")) ||
        cstar_str_eq(name, CSTAR_STR(".."))) {
        return fail(app, CSTAR_EINVAL, "component", name.ptr);
    }
    for (const cstar__events *e = m->list; e != NULL; e = e->next) {
        if (cstar_str_eq(e->name, name)) {
            return fail(app, CSTAR_EDUP, "component", name.ptr);
        }
    }
    cstar__events *copy = cstar_arena_alloc(&app->arena, sizeof *copy);
    if (copy == NULL) {
        return fail(app, CSTAR_ENOMEM, "component", name.ptr);
    }
    *copy = *events;
    copy->next = m->list;
    m->list = copy;
    return CSTAR_OK;
}

static cstar_status add_component(cstar_app *app, cstar__base *m, const cstar_component_def *def) {
    if (def->name == NULL || def->events == NULL) {
        return fail(app, CSTAR_EINVAL, "component", def->name);
    }
    if (cstar__events_bad(def->events) != NULL) {
        return fail(app, CSTAR_EINVAL, "event", cstar__events_bad(def->events));
    }
    cstar__app_note_body(app, def->max_signal_bytes, def->upload);
    return add(app, m,
               &(cstar__events){.name = cstar_cstr(def->name),
                                .entries = def->events,
                                .authorize = def->authorize,
                                .upload = def->upload,
                                .max_bytes = def->max_signal_bytes,
                                .blocking = def->blocking});
}

cstar_status cstar_app_components(cstar_app *app, const char *base,
                                  const cstar_component_def *const *list) {
    cstar_status rc = CSTAR_OK;
    cstar__base *m = base_at(app, base, &rc);
    for (size_t i = 0; rc == CSTAR_OK && list[i] != NULL; i++) {
        rc = add_component(app, m, list[i]);
    }
    return rc;
}

cstar_status cstar_app_controllers(cstar_app *app, const char *base,
                                   const cstar_controller *const *list, size_t n) {
    cstar_status rc = CSTAR_OK;
    cstar__base *m = base_at(app, base, &rc);
    for (size_t i = 0; rc == CSTAR_OK && i < n; i++) {
        rc =
            add(app, m,
                &(cstar__events){.name = cstar_cstr(list[i]->name), .controller = list[i]->handle});
    }
    return rc;
}
