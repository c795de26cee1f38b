/* publish.c -- from the application to topics: formats an event once, for all.
 *
 * Nothing is formatted for a topic that nobody listens to.
 *
 * SPDX-License-Identifier: MIT */
#include "web/live.h"

#include <stddef.h>

/* ---- where to ---- */

static bool is_address(const char *topic) { return topic[0] == '\1'; }

static cstar_status check(cstar_app *app, const char *topic, cstar_err *err) {
    if (cstar__app_hub(app) == NULL) {
        return cstar_err_set(err, CSTAR_ESTATE, "publish", "publish: the app is not being served");
    }
    if (topic == NULL) {
        cstar__hint_no_topic(app);
    }
    if (topic == NULL || topic[0] == '\0' ||
        (!is_address(topic) && strlen(topic) > CSTAR__TOPIC_BYTES)) {
        return cstar_err_set(err, CSTAR_EINVAL, "topic", "topic: 1 to %d bytes",
                             (int)CSTAR__TOPIC_BYTES);
    }
    return CSTAR_OK;
}

static cstar__audience audience_of(cstar_app *app, const char *topic) {
    uint64_t address = 0;
    if (is_address(topic)) {
        return cstar__tab_resolve(app, topic, &address) ? CSTAR__AUDIENCE_PLAIN
                                                        : CSTAR__AUDIENCE_NONE;
    }
    const cstar__audience audience = cstar__hub_audience(app->hub, cstar_cstr(topic));
    if (audience == CSTAR__AUDIENCE_NONE) {
        cstar__hint_topic(app, topic);
    }
    return audience;
}

/* Takes the packet. NULL: out of memory. */
static cstar_status post(cstar_app *app, const char *topic, cstar__packet *p) {
    uint64_t address = 0;
    cstar_status rc = CSTAR_ENOMEM;
    if (p == NULL) {
        return rc;
    }
    if (!is_address(topic)) {
        rc = cstar__hub_publish(app->hub, cstar_cstr(topic), p);
    } else {
        rc = cstar__tab_resolve(app, topic, &address) ? cstar__hub_send(app->hub, address, p)
                                                      : CSTAR_OK;
    }
    cstar__packet_unref(p);
    return rc;
}

static cstar_status tell(cstar_status rc, cstar_err *err) {
    return rc == CSTAR_OK ? rc
                          : cstar_err_set(err, rc, "publish", "publish: %s", cstar_strerror(rc));
}

/* [any thread] */
static size_t limit_of(const cstar_app *app) {
    return __atomic_load_n(&app->max_response, __ATOMIC_RELAXED);
}

static cstar__packet *end_packet(cstar_buf *b, const char *key, cstar__audience audience) {
    return audience == CSTAR__AUDIENCE_KEPT ? cstar__packet_end_kept(b, key)
                                            : cstar__packet_end(b, key);
}

/* ---- patches ---- */

/* One event: `format` appends it. */
typedef struct event {
    cstar_status (*format)(cstar_buf *out, const struct event *e, bool kept, cstar_err *err);
    const void *what;
    const char *key;
} event;

static cstar_status publish(cstar_app *app, const char *topic, const event *e, cstar_err *err) {
    cstar_buf b;
    cstar_status rc = check(app, topic, err);
    const cstar__audience audience =
        rc == CSTAR_OK ? audience_of(app, topic) : CSTAR__AUDIENCE_NONE;
    if (audience == CSTAR__AUDIENCE_NONE) {
        return rc;
    }
    cstar__packet_begin(&b, cstar__hub_alloc(app->hub), limit_of(app));
    rc = e->format(&b, e, audience == CSTAR__AUDIENCE_KEPT, err);
    if (rc != CSTAR_OK) {
        cstar_buf_fini(&b);
        return rc;
    }
    return tell(post(app, topic, end_packet(&b, e->key, audience)), err);
}

/* Its own id counts, unless the topic gives ids itself. */
static cstar_status format_elements(cstar_buf *out, const event *e, bool kept, cstar_err *err) {
    cstar_elements copy = *(const cstar_elements *)e->what;
    copy.event_id = kept ? NULL : copy.event_id;
    return cstar_format_patch_elements(out, &copy, err);
}

static cstar_status format_signals(cstar_buf *out, const event *e, bool kept, cstar_err *err) {
    cstar_signals_patch copy = *(const cstar_signals_patch *)e->what;
    copy.event_id = kept ? NULL : copy.event_id;
    return cstar_format_patch_signals(out, &copy, err);
}

static cstar_status format_script(cstar_buf *out, const event *e, bool kept, cstar_err *err) {
    cstar_script copy = *(const cstar_script *)e->what;
    copy.event_id = kept ? NULL : copy.event_id;
    return cstar_format_script(out, &copy, err);
}

cstar_status cstar_app_publish_elements(cstar_app *app, const char *topic, const cstar_elements *e,
                                        cstar_err *err) {
    return publish(app, topic, &(event){format_elements, e, e->key}, err);
}

cstar_status cstar_app_publish_signals(cstar_app *app, const char *topic,
                                       const cstar_signals_patch *s, cstar_err *err) {
    return publish(app, topic, &(event){format_signals, s, s->key}, err);
}

cstar_status cstar_app_publish_script(cstar_app *app, const char *topic, const cstar_script *s,
                                      cstar_err *err) {
    return publish(app, topic, &(event){format_script, s, s->key}, err);
}

/* `what` is a signal: its name, and its value. */
typedef struct named_signal {
    const char *name;
    const cstar_signal_publication *s;
} named_signal;

static cstar_status format_signal(cstar_buf *out, const event *e, bool kept, cstar_err *err) {
    const named_signal *n = e->what;
    const cstar_signals_patch opts = {.only_if_missing = n->s->only_if_missing};
    cstar_json_writer w;
    (void)kept; /* it has no id of its own */
    cstar_status rc = cstar_format_signals_begin(out, &opts, err);
    if (rc != CSTAR_OK) {
        return rc;
    }
    cstar_json_writer_init(&w, out, 0);
    cstar_json_begin_object(&w);
    cstar_json_put_key(&w, cstar_cstr(n->name));
    cstar_json_put_val(&w, n->s->value);
    cstar_json_end_object(&w);
    rc = cstar_json_writer_end(&w);
    return rc == CSTAR_OK ? cstar_format_patch_end(out) : tell(rc, err);
}

cstar_status cstar_app_publish_signal(cstar_app *app, const char *topic, const char *name,
                                      const cstar_signal_publication *s) {
    const named_signal n = {name, s};
    return name != NULL && name[0] != '\0'
               ? publish(app, topic, &(event){format_signal, &n, s->key}, NULL)
               : CSTAR_EINVAL;
}

/* ---- a patch that is rendered ---- */

typedef struct rendering {
    cstar_html html; /* first: what the application has */
    cstar_app *app;
    cstar_buf out;
    size_t size; /* of this */
    char *key;
    cstar__audience audience;
    char topic[];
} rendering;

static rendering *rendering_new(cstar_app *app, const char *topic, const char *key) {
    const cstar_allocator *alloc = cstar__hub_alloc(app->hub);
    const size_t ntopic = strlen(topic) + 1;
    const size_t nkey = key != NULL ? strlen(key) + 1 : 0;
    const size_t size = sizeof(rendering) + ntopic + nkey;
    rendering *r = alloc->resize(alloc->ctx, NULL, 0, size);
    if (r == NULL) {
        return NULL;
    }
    memset(r, 0, sizeof *r);
    r->app = app;
    r->size = size;
    memcpy(r->topic, topic, ntopic);
    if (nkey != 0) {
        r->key = r->topic + ntopic;
        memcpy(r->key, key, nkey);
    }
    cstar__packet_begin(&r->out, alloc, limit_of(app));
    return r;
}

static cstar_html *rendering_free(rendering *r) {
    const cstar_allocator *alloc = cstar__hub_alloc(r->app->hub);
    cstar_buf_fini(&r->out);
    (void)alloc->resize(alloc->ctx, r, r->size, 0);
    return NULL;
}

cstar_html *cstar_publish_begin(cstar_app *app, const char *topic, const cstar_elements *e) {
    cstar_elements copy = *e;
    if (check(app, topic, NULL) != CSTAR_OK) {
        return NULL;
    }
    const cstar__audience audience = audience_of(app, topic);
    rendering *r = audience != CSTAR__AUDIENCE_NONE ? rendering_new(app, topic, e->key) : NULL;
    if (r == NULL) {
        return NULL;
    }
    r->audience = audience;
    copy.event_id = audience == CSTAR__AUDIENCE_KEPT ? NULL : copy.event_id;
    if (cstar_format_patch_begin(&r->out, &copy, NULL) != CSTAR_OK) {
        return rendering_free(r);
    }
    cstar_html_init(&r->html, &r->out, CSTAR_ELEMENTS_PREFIX);
    r->html.csrf = cstar__csrf_of(app);
    return &r->html;
}

cstar_html *cstar_publish_end(cstar_html *h, cstar_err *err) {
    rendering *r = (rendering *)(void *)h;
    cstar_status rc = cstar_html_status(h, err);
    rc = rc == CSTAR_OK ? cstar_format_patch_end(&r->out) : rc;
    if (rc == CSTAR_OK) {
        rc = tell(post(r->app, r->topic, end_packet(&r->out, r->key, r->audience)), err);
    }
    if (rc != CSTAR_OK) {
        cstar__app_log(r->app, CSTAR_LOG_ERROR, "publish: %s: a patch was not published: %s",
                       is_address(r->topic) ? "a tab" : r->topic, cstar_strerror(rc));
    }
    return rendering_free(r);
}

/* ---- messages ---- */

static cstar__packet *message_of(const cstar_app *app, const cstar_publication *p) {
    const cstar_allocator *alloc = cstar__hub_alloc(app->hub);
    if (p->json != NULL) {
        cstar__packet *copy = cstar__packet_copy(alloc, cstar_cstr(p->json), CSTAR__PACKET_JSON);
        if (p->free != NULL) {
            p->free(p->arg);
        }
        return copy;
    }
    return p->free != NULL ? cstar__packet_lend(alloc, p->bytes, p->free, p->arg)
                           : cstar__packet_copy(alloc, p->bytes, CSTAR__PACKET_BYTES);
}

/* Text that is no JSON is a mistake of the publisher, and not of who gets it. */
static cstar_status check_json(const cstar_app *app, const char *json) {
    cstar_arena a;
    cstar_err err;
    cstar__err_init(&err);
    cstar_arena_init(&a, app->alloc, (size_t)64 << 20);
    const bool ok =
        cstar_json_read(&a, cstar_cstr(json), &(cstar_json_opts){.any_root = true}, &err) != NULL;
    cstar_arena_fini(&a);
    return ok ? CSTAR_OK : err.code;
}

cstar_status cstar__publish_rerender(cstar_app *app, const char *address) {
    return post(
        app, address,
        cstar__packet_copy(cstar__hub_alloc(app->hub), CSTAR_STR(""), CSTAR__PACKET_RERENDER));
}

cstar_status cstar_app_publish(cstar_app *app, const char *topic, const cstar_publication *p) {
    cstar_status rc = check(app, topic, NULL);
    rc = rc == CSTAR_OK && p->json != NULL ? check_json(app, p->json) : rc;
    if (rc == CSTAR_OK && audience_of(app, topic) != CSTAR__AUDIENCE_NONE) {
        return post(app, topic, message_of(app, p));
    }
    if (p->free != NULL) {
        p->free(p->arg);
    }
    return rc;
}
