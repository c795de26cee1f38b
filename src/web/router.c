/* router.c
 * SPDX-License-Identifier: MIT */
#include "web/router.h"

struct cstar__node {
    cstar_str segment; /* literal; of the param child it is absent */
    cstar__node *next; /* sibling literal */
    cstar__node *children;
    cstar__node *param;
    cstar__node *rest; /* has no children */
    const cstar__route *routes[CSTAR__METHODS];
};

void cstar__router_init(cstar__router *r, const cstar_allocator *alloc) {
    memset(r, 0, sizeof *r);
    cstar_arena_init(&r->arena, alloc, (size_t)16 << 20);
}

void cstar__router_fini(cstar__router *r) {
    cstar_arena_fini(&r->arena);
    r->root = NULL;
}

/* ---- segments ---- */

/* Takes the next segment off `*rest`, which starts with '/'. False at the end; one trailing slash
 * is the end too. */
static bool next_segment(cstar_str *rest, cstar_str *segment) {
    if (rest->len <= 1) {
        return false;
    }
    const char *start = rest->ptr + 1;
    size_t left = rest->len - 1;
    const char *slash = memchr(start, '/', left);
    size_t len = slash != NULL ? (size_t)(slash - start) : left;
    *segment = cstar_view(start, len);
    *rest = cstar_view(start + len, left - len);
    return true;
}

/* ---- building ---- */

static cstar__node *new_node(cstar__router *r, cstar_str segment) {
    cstar__node *node = cstar_arena_zalloc(&r->arena, sizeof *node);
    char *copy = node != NULL ? cstar_arena_strdup(&r->arena, segment) : NULL;
    if (copy == NULL) {
        return NULL;
    }
    node->segment = cstar_view(copy, segment.len);
    return node;
}

static cstar__node *literal_child(cstar__router *r, cstar__node *node, cstar_str segment) {
    for (cstar__node *child = node->children; child != NULL; child = child->next) {
        if (cstar_str_eq(child->segment, segment)) {
            return child;
        }
    }
    cstar__node *child = new_node(r, segment);
    if (child != NULL) {
        child->next = node->children;
        node->children = child;
    }
    return child;
}

static cstar_status add_param(cstar__router *r, cstar__route *route, cstar_str name,
                              const char *path, cstar_err *err) {
    if (name.len == 0) {
        return cstar_err_set(err, CSTAR_EINVAL, "path", "path: \"%s\" has a param without a name",
                             path);
    }
    for (unsigned i = 0; i < route->nparams; i++) {
        if (cstar_str_eq(route->params[i], name)) {
            return cstar_err_set(err, CSTAR_EINVAL, "path", "path: \"%s\" names a param twice",
                                 path);
        }
    }
    if (route->nparams == CSTAR__MAX_PARAMS) {
        return cstar_err_set(err, CSTAR_ELIMIT, "path", "path: \"%s\" has more than %d params",
                             path, CSTAR__MAX_PARAMS);
    }
    char *copy = cstar_arena_strdup(&r->arena, name);
    if (copy == NULL) {
        return cstar_err_set(err, CSTAR_ENOMEM, NULL, "out of memory");
    }
    route->params[route->nparams++] = cstar_view(copy, name.len);
    return CSTAR_OK;
}

static cstar__node *child_for(cstar__router *r, cstar__node *node, cstar_str segment) {
    if (segment.ptr[0] != ':' && segment.ptr[0] != '*') {
        return literal_child(r, node, segment);
    }
    cstar__node **child = segment.ptr[0] == ':' ? &node->param : &node->rest;
    if (*child == NULL) {
        *child = new_node(r, cstar_view(NULL, 0));
    }
    return *child;
}

/* @return false: `err` is filled. `rest` is what follows the segment. */
static bool check_segment(cstar_str segment, cstar_str rest, unsigned depth, const char *path,
                          cstar_err *err) {
    if (segment.len == 0 || depth > CSTAR__MAX_SEGMENTS) {
        (void)cstar_err_set(err, CSTAR_EINVAL, "path",
                            "path: \"%s\" has an empty segment or too many", path);
        return false;
    }
    if (segment.ptr[0] == '*' && rest.len != 0) {
        (void)cstar_err_set(err, CSTAR_EINVAL, "path",
                            "path: \"%s\" goes on behind its *%.*s, which takes all the rest", path,
                            (int)(segment.len - 1), segment.ptr + 1);
        return false;
    }
    return true;
}

/* Walks and grows the tree along `path`; collects the params. NULL: `err` is filled. */
static cstar__node *grow(cstar__router *r, const char *path, cstar__route *route, cstar_err *err) {
    cstar_str rest = cstar_cstr(path);
    cstar_str segment;
    cstar__node *node = r->root;
    unsigned depth = 0;
    while (next_segment(&rest, &segment)) {
        if (!check_segment(segment, rest, ++depth, path, err)) {
            return NULL;
        }
        cstar_str name = cstar_view(segment.ptr + 1, segment.len - 1);
        if ((segment.ptr[0] == ':' || segment.ptr[0] == '*') &&
            add_param(r, route, name, path, err) != CSTAR_OK) {
            return NULL;
        }
        node = child_for(r, node, segment);
        if (node == NULL) {
            (void)cstar_err_set(err, CSTAR_ENOMEM, NULL, "out of memory");
            return NULL;
        }
    }
    return node;
}

/* The path as it is shown: the slash at its end does not count. */
static const char *keep_path(cstar__router *r, const char *path) {
    size_t len = strlen(path);
    return cstar_arena_strdup(&r->arena, cstar_view(path, len - (len > 1 && path[len - 1] == '/')));
}

static void append(cstar__router *r, cstar__route *route) {
    if (r->last != NULL) {
        r->last->next = route;
    } else {
        r->first = route;
    }
    r->last = route;
}

static cstar_status add(cstar__router *r, cstar__method method, const char *path,
                        const cstar__route *route, cstar_err *err) {
    if (path == NULL || path[0] != '/') {
        return cstar_err_set(err, CSTAR_EINVAL, "path", "path: \"%s\" does not start with '/'",
                             path != NULL ? path : "");
    }
    if (r->root == NULL) {
        r->root = new_node(r, cstar_view(NULL, 0));
    }
    cstar__route *copy = cstar_arena_alloc(&r->arena, sizeof *copy);
    const char *shown = keep_path(r, path);
    if (r->root == NULL || copy == NULL || shown == NULL) {
        return cstar_err_set(err, CSTAR_ENOMEM, NULL, "out of memory");
    }
    *copy = (cstar__route){
        .target = route->target, .kind = route->kind, .method = method, .path = shown};
    cstar__node *node = grow(r, path, copy, err);
    if (node == NULL) {
        return err->code;
    }
    if (node->routes[method] != NULL) {
        return cstar_err_set(err, CSTAR_EDUP, "path", "path: %s %s has a route already",
                             cstar__method_name(method), path);
    }
    node->routes[method] = copy;
    append(r, copy);
    r->methods |= 1u << method;
    return CSTAR_OK;
}

cstar_status cstar__router_add(cstar__router *r, cstar__method method, const char *path,
                               const cstar__route *route, cstar_err *err) {
    cstar_err why = {0};
    cstar_status rc = add(r, method, path, route, &why);
    if (rc != CSTAR_OK && err != NULL) {
        *err = why;
    }
    return rc;
}

/* ---- finding ---- */

typedef struct search {
    cstar__method method;
    cstar_str path;
    bool whole; /* the segments are all of the path; else only a `*rest` can match */
    unsigned nsegments;
    cstar_str segments[CSTAR__MAX_SEGMENTS]; /* decoded */
    cstar_str values[CSTAR__MAX_PARAMS];     /* of the branch under way */
    cstar__match *match;
} search;

/* Nearly every segment stands for itself; the others are decoded into the arena. */
static bool decode(cstar_arena *scratch, cstar_str raw, cstar_str *out) {
    *out = raw;
    if (memchr(raw.ptr, '%', raw.len) == NULL) {
        return true;
    }
    char *mem = cstar_arena_alloc(scratch, raw.len);
    if (mem == NULL) {
        return false;
    }
    cstar_buf b;
    cstar_buf_fixed(&b, mem, raw.len);
    cstar_buf_unpercent(&b, raw, false);
    *out = cstar_buf_view(&b);
    return true;
}

/* As a param: valid UTF-8 without NUL. */
static bool is_usable(cstar_str segment) {
    return cstar_utf8_valid(segment) && memchr(segment.ptr, '\0', segment.len) == NULL;
}

/* What is not set here or by split() is not read: the arrays are long. */
static void begin_search(search *s, cstar__method method, cstar_str path, cstar__match *m) {
    s->method = method == CSTAR__HEAD ? CSTAR__GET : method;
    s->nsegments = 0;
    s->match = m;
    s->path = path;
}

static cstar_status split(cstar_arena *scratch, search *s) {
    cstar_str path = s->path;
    cstar_str segment;
    s->whole = false;
    while (next_segment(&path, &segment)) {
        if (s->nsegments == CSTAR__MAX_SEGMENTS || segment.len == 0) {
            return CSTAR_OK;
        }
        if (!decode(scratch, segment, &s->segments[s->nsegments])) {
            return CSTAR_ENOMEM;
        }
        s->nsegments++;
    }
    s->whole = true;
    return CSTAR_OK;
}

static bool take(search *s, const cstar__node *node) {
    for (unsigned i = 0; i < CSTAR__METHODS; i++) {
        s->match->allowed |= node->routes[i] != NULL ? 1u << i : 0;
    }
    s->match->route = node->routes[s->method];
    if (s->match->route == NULL) {
        return false;
    }
    memcpy(s->match->values, s->values, s->match->route->nparams * sizeof *s->values);
    return true;
}

/* The path without its first `depth` segments and the slash behind them. */
static cstar_str skip(cstar_str path, unsigned depth) {
    cstar_str segment;
    while (depth-- > 0) {
        (void)next_segment(&path, &segment);
    }
    return path.len != 0 ? cstar_view(path.ptr + 1, path.len - 1) : CSTAR_STR("");
}

static bool take_rest(search *s, const cstar__node *node, unsigned depth, unsigned nparams) {
    if (node->rest == NULL || nparams == CSTAR__MAX_PARAMS) {
        return false;
    }
    s->values[nparams] = skip(s->path, depth);
    return is_usable(s->values[nparams]) && take(s, node->rest);
}

static bool walk(search *s, const cstar__node *node, unsigned depth, unsigned nparams);

static bool walk_children(search *s, const cstar__node *node, unsigned depth, unsigned nparams) {
    for (const cstar__node *child = node->children; child != NULL; child = child->next) {
        if (cstar_str_eq(child->segment, s->segments[depth])) {
            if (walk(s, child, depth + 1, nparams)) {
                return true;
            }
            break;
        }
    }
    if (node->param == NULL || nparams == CSTAR__MAX_PARAMS || !is_usable(s->segments[depth])) {
        return false;
    }
    s->values[nparams] = s->segments[depth];
    return walk(s, node->param, depth + 1, nparams + 1);
}

/* Depth is bounded by CSTAR__MAX_SEGMENTS; each level tries at most the literal, the param and the
 * rest. */
static bool walk(search *s, const cstar__node *node, unsigned depth, unsigned nparams) {
    bool found = false;
    if (depth < s->nsegments) {
        found = walk_children(s, node, depth, nparams);
    } else if (s->whole) {
        found = take(s, node);
    }
    return found || take_rest(s, node, depth, nparams);
}

/* The handler sees params as C strings. */
static cstar_status terminate(cstar__match *m, cstar_arena *scratch) {
    for (unsigned i = 0; i < m->route->nparams; i++) {
        m->values[i].ptr = cstar_arena_strdup(scratch, m->values[i]);
        if (m->values[i].ptr == NULL) {
            return CSTAR_ENOMEM;
        }
    }
    return CSTAR_OK;
}

cstar_status cstar__router_find(const cstar__router *r, cstar__method method, cstar_str path,
                                cstar_arena *scratch, cstar__match *m) {
    search s;
    begin_search(&s, method, path, m);
    m->route = NULL;
    m->allowed = 0;
    if (r->root == NULL || path.len == 0 || path.ptr[0] != '/') {
        return CSTAR_OK;
    }
    cstar_status rc = split(scratch, &s);
    if (rc != CSTAR_OK || !walk(&s, r->root, 0, 0)) {
        return rc;
    }
    return terminate(m, scratch);
}

cstar_str cstar__allow_text(unsigned allowed, char out[64]) {
    cstar_buf b;
    cstar_buf_fixed(&b, out, 64);
    if ((allowed & (1u << CSTAR__GET)) != 0) {
        allowed |= 1u << CSTAR__HEAD;
    }
    for (unsigned i = 0; i < CSTAR__METHODS; i++) {
        if ((allowed & (1u << i)) != 0) {
            cstar_buf_puts(&b, b.len != 0 ? ", " : "");
            cstar_buf_puts(&b, cstar__method_name((cstar__method)i));
        }
    }
    return cstar_buf_view(&b);
}
