/* cstar/wire.h -- Datastar's protocol as bytes: server-sent events that patch elements and signals,
 * scripts, and the action expressions that go into attributes. Pure: every function appends to the
 * caller's cstar_buf.
 *
 *     cstar_elements e = {.html = "<b>1</b>", .selector = "#count"};
 *     cstar_format_patch_elements(&out, &e, &err);
 *
 * On an error nothing is appended, `err` names the argument at fault, and the buffer's own sticky
 * status is untouched (unless it was the buffer that failed: CSTAR_ENOMEM, CSTAR_ELIMIT).
 * Values are data: no selector, id, type, HTML, script, attribute, URL or path can end the line,
 * the event, the script element or the expression that it stands in.
 *
 * Life: arguments are borrowed for the call. Threads: no state. Part of libcstar-core.
 * Source: Datastar SDK specification (ADR) for client v1.0.2; where it is silent,
 * docs/internals/wire.md.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_WIRE_H
#define CSTAR_WIRE_H

#include "cstar/base.h"
#include "cstar/json.h"

CSTAR_BEGIN_DECLS

/* ---- events --------------------------------------------------------------------------------- */

/* Milliseconds for the `retry:` line: 0 says nothing, as does 1000, which is the client's own
 * default. CSTAR_RETRY_NOW writes "retry: 0". Other negative values are CSTAR_EINVAL. */
#define CSTAR_RETRY_NOW ((int64_t)-1)

typedef struct cstar_sse_event { /* zero is the default of every field */
    const char *type;            /* required; line breaks are removed */
    /* one text, split into lines on CRLF, CR and LF; NULL: no data line */
    const char *data;
    /* or several texts, each split likewise; used when nlines is not 0 */
    const cstar_str *lines;
    size_t nlines;
    const char *event_id; /* line breaks are removed; NULL or "": no id line */
    int64_t retry;        /* milliseconds */
} cstar_sse_event;

/** Any event: `event:`, `id:`, `retry:`, `data:`... and the blank line. EINVAL: type missing,
 * retry. */
CSTAR_API cstar_status cstar_format_event(cstar_buf *out, const cstar_sse_event *e, cstar_err *err);

/** The comment that probes a connection: ": \n\n". */
CSTAR_API cstar_status cstar_format_probe(cstar_buf *out);

/* ---- elements ------------------------------------------------------------------------------- */

typedef enum cstar_mode {
    CSTAR_OUTER, /* the default: morph the element itself */
    CSTAR_INNER,
    CSTAR_REMOVE,
    CSTAR_REPLACE,
    CSTAR_PREPEND,
    CSTAR_APPEND,
    CSTAR_BEFORE,
    CSTAR_AFTER,
} cstar_mode;

typedef enum cstar_ns { CSTAR_NS_HTML, CSTAR_NS_SVG, CSTAR_NS_MATHML } cstar_ns;

typedef struct cstar_elements { /* zero is the default of every field */
    /* NUL-terminated; NULL only with CSTAR_REMOVE; "" empties the target */
    const char *html;
    /* CSS; line breaks are removed. NULL or "": by the elements' own ids (only OUTER and
     * REPLACE) */
    const char *selector;
    cstar_mode mode;
    /* SVG and MathML: put one element per line, the client loses siblings otherwise */
    cstar_ns ns;
    bool use_view_transition;
    const char *view_transition_selector; /* only with use_view_transition; NULL or "": none */
    const char *event_id;
    int64_t retry;      /* milliseconds, see CSTAR_RETRY_NOW */
    cstar_str html_str; /* used instead of html when .ptr is not NULL */
    /* an element's id, with or without '#', whatever is in it: instead of a selector; NULL or "":
     * none */
    const char *to;
    const char *key; /* what the patch is about, when it is published: see cstar/live.h */
} cstar_elements;

/** The selector for the element with that id: "people" and "#people" give "#people"; what CSS would
 * take for something else is escaped. EINVAL: empty; EUTF8. */
CSTAR_API cstar_status cstar_format_dom_id(cstar_buf *out, cstar_str id, cstar_err *err);

/** "datastar-patch-elements". EINVAL: html missing; selector and to both given; mode or ns unknown; selector missing for a mode
 * that needs one. */
CSTAR_API cstar_status cstar_format_patch_elements(cstar_buf *out, const cstar_elements *e,
                                                   cstar_err *err);
/** Removes what `e->selector` matches: mode is REMOVE whatever `e->mode` says, and html is not
 * looked at. */
CSTAR_API cstar_status cstar_format_remove_elements(cstar_buf *out, const cstar_elements *e,
                                                    cstar_err *err);
/** Appends `e->html` to the container `e->selector`. */
CSTAR_API cstar_status cstar_format_append_elements(cstar_buf *out, const cstar_elements *e,
                                                    cstar_err *err);
/** Morphs by id; a tab that does not have the id ignores it. `selector` and `mode` are not looked
 * at. */
CSTAR_API cstar_status cstar_format_upsert_elements(cstar_buf *out, const cstar_elements *e,
                                                    cstar_err *err);

/* The first bytes of every line of HTML inside a patch: what cstar_html_init() takes as line
 * prefix. */
#define CSTAR_ELEMENTS_PREFIX "data: elements "

/** Everything up to the first elements line: render the HTML behind it with CSTAR_ELEMENTS_PREFIX
 * on every further line, then call cstar_format_patch_end(). `e->html` is not looked at; mode
 * REMOVE is EINVAL. */
CSTAR_API cstar_status cstar_format_patch_begin(cstar_buf *out, const cstar_elements *e,
                                                cstar_err *err);
CSTAR_API cstar_status cstar_format_patch_end(cstar_buf *out);

/** "inner" to CSTAR_INNER: the names of the protocol, case-sensitive. EINVAL for any other. */
CSTAR_API cstar_status cstar_mode_parse(cstar_str name, cstar_mode *mode, cstar_err *err);
CSTAR_API cstar_status cstar_ns_parse(cstar_str name, cstar_ns *ns, cstar_err *err);

/* ---- signals -------------------------------------------------------------------------------- */

typedef struct cstar_signals_patch { /* zero is the default of every field */
    const char *json;        /* JSON text of an object; its line breaks become further lines */
    cstar_str json_str;      /* instead of json when .ptr is not NULL */
    const cstar_json *value; /* instead of both when not NULL: an object, written compactly */
    bool only_if_missing;    /* keeps what the browser has */
    const char *event_id;
    int64_t retry;   /* milliseconds, see CSTAR_RETRY_NOW */
    const char *key; /* what the patch is about, when it is published: see cstar/live.h */
} cstar_signals_patch;

/** "datastar-patch-signals", RFC 7386 merge: null removes. ESYNTAX, EUTF8, EDEPTH: text that is no
 * JSON object (the client would run it as JavaScript); EINVAL: nothing to send, or value is no
 * object. */
CSTAR_API cstar_status cstar_format_patch_signals(cstar_buf *out, const cstar_signals_patch *s,
                                                  cstar_err *err);

/** Everything up to the JSON, which the caller then writes on one line (cstar_json_writer does),
 * then cstar_format_patch_end(). json, json_str and value are not looked at. */
CSTAR_API cstar_status cstar_format_signals_begin(cstar_buf *out, const cstar_signals_patch *s,
                                                  cstar_err *err);

/** Removes signals by dotted paths ("user.name"); removing a parent wins over its children.
 * @param s  only_if_missing, event_id, retry; NULL: defaults.
 * @return EINVAL for an empty path, or one that starts or ends with a dot or has two in a row;
 *         EUTF8; ENOMEM and ELIMIT: the sorted copy of the paths comes from `scratch`. */
CSTAR_API cstar_status cstar_format_remove_signals(cstar_buf *out, const cstar_str *paths,
                                                   size_t npaths, const cstar_signals_patch *s,
                                                   cstar_arena *scratch, cstar_err *err);

/** Whether `key` can name a nudge: one or more of [A-Za-z0-9_]. */
CSTAR_API cstar_status cstar_nudge_key_check(cstar_str key, cstar_err *err);
/** {"nudges":{key:n}}: tells every listener of cstar_on_nudge(key) to run its action.
 * @param n  from 1 to 2^53 (else EINVAL), and never the same twice: cstar_ticker_next(). */
CSTAR_API cstar_status cstar_format_nudge(cstar_buf *out, cstar_str key, uint64_t n,
                                          const cstar_signals_patch *s, cstar_err *err);

/* ---- scripts -------------------------------------------------------------------------------- */

typedef struct cstar_attr {
    const char *name; /* [A-Za-z0-9_:.-]+ */
    cstar_val value;  /* true: bare attribute; false, null: left out; else its text, escaped */
} cstar_attr;

typedef struct cstar_script { /* zero is the default of every field */
    const char *script;       /* JavaScript, trusted; "</script" inside is defused */
    bool keep;                /* leave the script element in the page; else it removes itself */
    /* more attributes; data-effect given here replaces the self-removal */
    const cstar_attr *attrs;
    size_t nattrs;
    const char *event_id;
    int64_t retry;        /* milliseconds, see CSTAR_RETRY_NOW */
    cstar_str script_str; /* used instead of script when .ptr is not NULL */
    const char *key;      /* what it is about, when it is published: see cstar/live.h */
} cstar_script;

/** Runs JavaScript in the page: appends a <script> to body. EINVAL: script missing, bad attribute
 * name or value. */
CSTAR_API cstar_status cstar_format_script(cstar_buf *out, const cstar_script *s, cstar_err *err);

typedef enum cstar_level {
    CSTAR_LOG,
    CSTAR_WARN,
    CSTAR_ERROR,
    CSTAR_INFO,
    CSTAR_DEBUG
} cstar_level;
CSTAR_API cstar_status cstar_level_parse(cstar_str name, cstar_level *level, cstar_err *err);

typedef struct cstar_console { /* zero is the default of every field */
    /* a string in single quotes, anything else as JSON; kind 0 is null */
    cstar_val message;
    cstar_level level;
    bool keep;
    const char *event_id;
    int64_t retry;
    char reserved;
} cstar_console;

/** console.log and its sisters. EINVAL: unknown level. */
CSTAR_API cstar_status cstar_format_console(cstar_buf *out, const cstar_console *c, cstar_err *err);

typedef struct cstar_redirect { /* zero is the default of every field */
    const char *url;
    /* scheme://host[:port] of the request; NULL: no absolute URL is our own */
    const char *origin;
    bool external;            /* any http or https host will do */
    const char *const *allow; /* or these hosts: exact, any case, any port; each non-empty */
    size_t nallow;
    bool keep;
    const char *event_id;
    int64_t retry;
    cstar_str url_str; /* used instead of url when .ptr is not NULL */
} cstar_redirect;

/** Sends the browser elsewhere. Local paths ("/x", "?q", "#f") and our own origin are allowed;
 * never another scheme than http(s), user info, "//host", nor anything that a browser would read as
 * one of these. EPOLICY otherwise; EINVAL: url or an entry of allow missing. */
CSTAR_API cstar_status cstar_format_redirect(cstar_buf *out, const cstar_redirect *r,
                                             cstar_err *err);

/* ---- actions: expressions for data-on:* and friends ------------------------------------------ */

/* An event can have an argument: one value that says which of many it is about, such as a row of a
 * list. It goes into the query of the event's URL, percent-coded, and cstar_event_arg() of
 * cstar/web.h reads it. A whole number, a text (UTF-8, without NUL, at most this many bytes; "" is
 * a text too), a char or a bool ("true", "false").
 * Others are ETYPE; a longer text is ELIMIT; EUTF8; EINVAL: NUL. */
#define CSTAR_EVENT_ARG_MAX 1024

typedef enum cstar_verb { CSTAR_POST, CSTAR_GET, CSTAR_PUT, CSTAR_PATCH, CSTAR_DELETE } cstar_verb;
CSTAR_API cstar_status cstar_verb_parse(cstar_str name, cstar_verb *verb, cstar_err *err);

/* The signal that names the module of a dynamic action. */
#define CSTAR_MODULE_SIGNAL "$_dstar_module"

typedef struct cstar_action { /* zero is the default of every field */
    /* URL name of the module, one path segment; absent or CSTAR_MODULE_SIGNAL: the browser's signal
     * decides */
    cstar_str module;
    cstar_str event; /* required; one path segment */
    cstar_verb verb;
    /* local absolute path in front of /ds; NULL: none. With a dynamic module too */
    const char *prefix;
    const char *options; /* JavaScript object text, trusted; NULL: none */
    /* the page has the signal `csrf`: GET and DELETE keep it out of the URL, and DELETE sends it as
     * x-csrf-token. cstar_put() sets it in pages of an app that checks tokens. */
    bool csrf;
    cstar_val arg; /* see CSTAR_EVENT_ARG_MAX; null: none */
} cstar_action;

/** `@post("/ds/module/event")`, and `?arg=...` behind it. EINVAL: event or module "", "." or "..";
 * a prefix that is not a plain local path; EUTF8; those of an argument. */
CSTAR_API cstar_status cstar_format_action(cstar_buf *out, const cstar_action *a, cstar_err *err);

typedef struct cstar_page_event { /* zero is the default of every field */
    cstar_str name;               /* required; one path segment */
    cstar_verb verb;
    const char *options; /* JavaScript object text, trusted; NULL: none */
    bool csrf;           /* as of cstar_action */
    cstar_val arg;       /* see CSTAR_EVENT_ARG_MAX; null: none */
} cstar_page_event;

/** `@post(<this page> + "/_event/name")`: works wherever the page is mounted. */
CSTAR_API cstar_status cstar_format_page_event(cstar_buf *out, const cstar_page_event *e,
                                               cstar_err *err);

typedef struct cstar_page_connect { /* zero is the default of every field */
    bool include_search;            /* the page's query string too */
    const char *options; /* JavaScript object text, trusted; NULL: {retryMaxCount: Infinity} */
} cstar_page_connect;

/** `@post(<this page>, {retryMaxCount: Infinity})`: opens the page's stream. */
CSTAR_API cstar_status cstar_format_page_connect(cstar_buf *out, const cstar_page_connect *c,
                                                 cstar_err *err);

typedef struct cstar_component_event { /* zero is the default of every field */
    cstar_str component;               /* required; one path segment */
    cstar_str name;                    /* required; one path segment */
    cstar_verb verb;
    const char *options; /* JavaScript object text, trusted; NULL: none */
    bool csrf;           /* as of cstar_action */
    cstar_val arg;       /* see CSTAR_EVENT_ARG_MAX; null: none */
} cstar_component_event;

/** `@post(<data-ds-base of the body, or /ds> + "/component/name")`, guarded: no request is made where
 * the base is no plain local path. EINVAL for "", "." and ".."; EUTF8. */
CSTAR_API cstar_status cstar_format_component_event(cstar_buf *out, const cstar_component_event *e,
                                                    cstar_err *err);

/** One path segment: percent-coded but for A-Z a-z 0-9 - _ ~. EINVAL for "", "." and "..";
 * EUTF8. */
CSTAR_API cstar_status cstar_format_segment(cstar_buf *out, cstar_str text, const char *where,
                                            cstar_err *err);

/** "MyApp.Web.ChatView" to "my_app-web-chat_view": dots to '-', each part to snake_case. Not
 * percent-coded. EUTF8. */
CSTAR_API cstar_status cstar_format_module(cstar_buf *out, cstar_str name, cstar_err *err);

/** The value of data-on-signal-patch-filter for one nudge: {"include":"^nudges\\.key$"}. */
CSTAR_API cstar_status cstar_format_nudge_filter(cstar_buf *out, cstar_str key, cstar_err *err);

/* The same as values for cstar_put(): written where they stand, errors go to the html. What they
 * point to is borrowed until then. */
CSTAR_API cstar_expr cstar_expr_action(const char *module, const char *event, cstar_verb verb,
                                       const char *prefix, const char *options);
CSTAR_API cstar_expr cstar_expr_event(const char *name, cstar_verb verb, const char *options);
CSTAR_API cstar_expr cstar_expr_connect(bool include_search, const char *options);
CSTAR_API cstar_expr cstar_expr_component(const char *component, const char *name, cstar_verb verb,
                                          const char *options);
/** Of the component or controller whose markup it stands in, as cstar_component_event(). EINVAL
 * when written: it is nobody's, see cstar_page_def.controller. */
CSTAR_API cstar_expr cstar_expr_self(const char *name, cstar_verb verb, const char *options);
/** Any of these, with an argument: see CSTAR_EVENT_ARG_MAX. A text is borrowed as the rest is. With
 * cstar_expr_connect() it is EINVAL when written. */
CSTAR_API cstar_expr cstar_expr_with_arg(cstar_expr e, cstar_val arg);
/** Two attributes, data-on-signal-patch and its filter: `cstar_put(h, "<div {}>",
 * cstar_on_nudge("posts", &reload))`.
 * @param action  borrowed until written. */
CSTAR_API cstar_expr cstar_on_nudge(const char *key, const cstar_expr *action);

#ifndef __cplusplus
typedef struct cstar__action_args {
    const char *module, *event, *prefix, *options;
    cstar_verb verb;
    bool include_search;
    cstar_val arg;
} cstar__action_args;
static inline cstar_expr cstar__event_expr(cstar__action_args a) {
    return cstar_expr_with_arg(cstar_expr_event(a.event, a.verb, a.options), a.arg);
}
static inline cstar_expr cstar__connect_expr(cstar__action_args a) {
    const char *options =
        a.options != NULL ? a.options : "{retry: 'always', retryMaxCount: Infinity}";
    return cstar_expr_with_arg(cstar_expr_connect(a.include_search, options), a.arg);
}
static inline cstar_expr cstar__action_expr(cstar__action_args a) {
    return cstar_expr_with_arg(cstar_expr_action(a.module, a.event, a.verb, a.prefix, a.options),
                               a.arg);
}
/** cstar_event("save"), cstar_event("save", .verb = CSTAR_DELETE, .options = "{retryMaxCount:
 * 5}"), cstar_event("toggle", .arg = CSTAR_VAL(row->id)): all of them but
 * cstar_connect() take an `.arg`. */
#define cstar_event(...) cstar__event_expr((cstar__action_args){.event = __VA_ARGS__})
/** cstar_connect(), cstar_connect(.include_search = true): opens the stream of this page. Unless
 * `.options` say otherwise it is opened again whenever it has ended, for what reason ever, and for as
 * long as the page is open; see cstar/live.h for how the server ends it for good. */
#define cstar_connect(...) cstar__connect_expr((cstar__action_args){.module = NULL, __VA_ARGS__})
static inline cstar_expr cstar__component_expr(cstar__action_args a) {
    return cstar_expr_with_arg(cstar_expr_component(a.module, a.event, a.verb, a.options), a.arg);
}
/** cstar_component_event("drawer", "save", .verb = CSTAR_PUT): of a component, see
 * cstar_components(). */
#define cstar_component_event(component_, ...)                                                     \
    cstar__component_expr((cstar__action_args){.module = (component_), .event = __VA_ARGS__})
static inline cstar_expr cstar__self_expr(cstar__action_args a) {
    return cstar_expr_with_arg(cstar_expr_self(a.event, a.verb, a.options), a.arg);
}
/** cstar_self("increment"), cstar_self("drop", .verb = CSTAR_DELETE): of the controller (or the
 * component) that renders it, without its name. */
#define cstar_self(...) cstar__self_expr((cstar__action_args){.event = __VA_ARGS__})
/** cstar_at_post("module", "event", .prefix = "/ws"); module NULL: dynamic. cstar_post() is the
 * same. */
#define cstar_at(verb_, module_, ...)                                                              \
    cstar__action_expr(                                                                            \
        (cstar__action_args){.verb = (verb_), .module = (module_), .event = __VA_ARGS__})
#define cstar_at_get(module_, ...) cstar_at(CSTAR_GET, module_, __VA_ARGS__)
#define cstar_at_post(module_, ...) cstar_at(CSTAR_POST, module_, __VA_ARGS__)
#define cstar_at_put(module_, ...) cstar_at(CSTAR_PUT, module_, __VA_ARGS__)
#define cstar_at_patch(module_, ...) cstar_at(CSTAR_PATCH, module_, __VA_ARGS__)
#define cstar_at_delete(module_, ...) cstar_at(CSTAR_DELETE, module_, __VA_ARGS__)
#define cstar_post(module_, ...) cstar_at_post(module_, __VA_ARGS__)
#endif

CSTAR_END_DECLS
#endif
