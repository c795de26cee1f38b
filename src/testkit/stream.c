/* stream.c -- a response that stays open, and a client that a test can make slow, cut and bring
 * back.
 * SPDX-License-Identifier: MIT */
#include "testkit/kit.h"

static const cstar_test_header *copy_headers(cstar_test *t, const cstar_test_header *list) {
    size_t n = 0;
    while (list != NULL && list[n].name != NULL) {
        n++;
    }
    cstar_test_header *copy = cstar_arena_zalloc(&t->arena, (n + 2) * sizeof *copy);
    for (size_t i = 0; i < n && copy != NULL; i++) {
        copy[i].name = cstar_arena_strdup(&t->arena, cstar_cstr(list[i].name));
        copy[i].value = cstar_arena_strdup(&t->arena, cstar_cstr(list[i].value));
        copy = copy[i].name != NULL && copy[i].value != NULL ? copy : NULL;
    }
    return copy;
}

static const char *copy_text(cstar_test *t, const char *text, bool *ok) {
    const char *copy = text != NULL ? cstar_arena_strdup(&t->arena, cstar_cstr(text)) : NULL;
    *ok = *ok && (copy != NULL || text == NULL);
    return copy;
}

/* For a reconnect, long after the caller's call has gone. */
static bool copy_call(cstar_test *t, const cstar_test_call *call, cstar_test_call *copy) {
    bool ok = true;
    *copy = *call;
    copy->path = copy_text(t, call->path, &ok);
    copy->method = copy_text(t, call->method, &ok);
    copy->content_type = copy_text(t, call->content_type, &ok);
    if (call->body != NULL) {
        copy->body_len = call->body_len != 0 ? call->body_len : strlen(call->body);
        copy->body = cstar_arena_strdup(&t->arena, cstar_view(call->body, copy->body_len));
        ok = ok && copy->body != NULL;
    }
    copy->headers = copy_headers(t, call->headers);
    return ok && copy->headers != NULL;
}

cstar_test_stream *cstar_test_open_call(cstar_test *t, const cstar_test_call *call) {
    if (t == NULL) {
        return NULL;
    }
    cstar_test_stream *s = cstar_arena_zalloc(&t->arena, sizeof *s);
    cstar_test_call whole = *call;
    if (s != NULL && !cstar__kit_form(t, &whole)) {
        return NULL;
    }
    if (s == NULL || !copy_call(t, &whole, &s->call)) {
        return cstar__kit_nomem(t);
    }
    s->test = t;
    s->link = cstar__kit_call(t, &s->call);
    return s->link != NULL ? s : NULL;
}

const cstar_test_reply *cstar_test_came(cstar_test_stream *s) {
    return s != NULL ? cstar__kit_reply(s->link) : NULL;
}

const cstar_test_reply *cstar_test_news(cstar_test_stream *s) {
    cstar_test_reply *r = s != NULL ? cstar__kit_reply(s->link) : NULL;
    if (r == NULL) {
        return NULL;
    }
    const size_t events = r->nevents;
    const size_t patches = r->npatches;
    r->events = events != 0 ? r->events + s->seen_events : r->events;
    r->nevents = events - s->seen_events;
    r->patches += s->seen_patches;
    r->npatches = patches - s->seen_patches;
    s->seen_events = events;
    s->seen_patches = patches;
    return r;
}

void cstar_test_slow(cstar_test_stream *s, bool on) {
    if (s != NULL) {
        s->link->slow = on || s->link->lost;
        cstar__kit_settle(s->test);
    }
}

void cstar_test_vanish(cstar_test_stream *s) {
    if (s != NULL) {
        s->link->slow = true;
        s->link->lost = true;
        cstar__kit_settle(s->test);
    }
}

void cstar_test_cut(cstar_test_stream *s) {
    if (s != NULL) {
        cstar__kit_close(s->link);
    }
}

bool cstar_test_is_open(const cstar_test_stream *s) {
    return s != NULL && s->link->open && s->link->machine.x != NULL;
}

/* Each line counts when it is complete, as in the client; an empty one clears it. NULL: none. */
static const char *last_id(cstar_test *t, const cstar_test_reply *r) {
    cstar_str rest = r->body;
    cstar_str line;
    cstar_str id = CSTAR_STR("");
    while (cstar_line_next(&rest, &line) && rest.ptr != NULL) {
        if (line.len >= 3 && memcmp(line.ptr, "id:", 3) == 0) {
            const size_t at = line.len > 3 && line.ptr[3] == ' ' ? 4 : 3;
            id = cstar_view(line.ptr + at, line.len - at);
        }
    }
    return id.len != 0 ? cstar_arena_strdup(&t->arena, id) : NULL;
}

/* With its Last-Event-ID instead of the one before. */
static const cstar_test_header *with_id(cstar_test *t, const cstar_test_header *list,
                                        const char *id) {
    cstar_test_header *copy = NULL;
    size_t n = 0;
    while (list[n].name != NULL) {
        n++;
    }
    copy = cstar_arena_zalloc(&t->arena, (n + 2) * sizeof *copy);
    size_t at = 0;
    for (size_t i = 0; i < n && copy != NULL; i++) {
        if (!cstar_str_ieq(cstar_cstr(list[i].name), CSTAR_STR("last-event-id"))) {
            copy[at++] = list[i];
        }
    }
    if (copy != NULL && id != NULL) {
        copy[at] = (cstar_test_header){"last-event-id", id};
    }
    return copy;
}

cstar_test_stream *cstar_test_reconnect(cstar_test_stream *s) {
    const cstar_test_reply *r = cstar_test_came(s);
    if (r == NULL) {
        return NULL;
    }
    const char *id = last_id(s->test, r);
    cstar_test_call call = s->call;
    cstar_test_cut(s);
    if (id != NULL) {
        call.headers = with_id(s->test, call.headers, id);
    }
    return call.headers != NULL ? cstar_test_open_call(s->test, &call) : cstar__kit_nomem(s->test);
}
