/* http/forwarded.c -- see forwarded.h.
 * SPDX-License-Identifier: MIT */
#include "http/forwarded.h"

#include "http/scan.h"
#include "http/target.h"

enum { MAX_HOPS = 32 };

static bool is_trusted(cstar_str text, const cstar__proxies *proxies) {
    cstar__ip ip;
    if (!cstar__ip_parse(text, &ip)) {
        return false;
    }
    for (size_t i = 0; i < proxies->n; i++) {
        if (cstar__cidr_has(&proxies->list[i], &ip)) {
            return true;
        }
    }
    return false;
}

/* ---- the elements of all fields of a name, from the right ----------------------------------- */

typedef struct back {
    const cstar__request *r;
    const char *name;
    size_t fields;  /* not begun, from the left */
    cstar_str rest; /* of the one begun; absent between fields */
    unsigned left;
} back;

static back back_init(const cstar__request *r, const char *name) {
    return (back){r, name, r->nfields, {NULL, 0}, MAX_HOPS};
}

/* Takes the text behind the last comma off `*rest`. A comma in a quoted string divides too: whether
 * it is in one depends on what stands left of it, and that is for strangers to write. None of what
 * is read here has a comma in it. */
static cstar_str take_last(cstar_str *rest) {
    size_t i = rest->len;
    while (i != 0 && rest->ptr[i - 1] != ',') {
        i--;
    }
    cstar_str last = {rest->ptr + i, rest->len - i};
    *rest = i != 0 ? cstar_view(rest->ptr, i - 1) : cstar_view(NULL, 0);
    return cstar__trim(last);
}

static bool back_next(back *b, cstar_str *element) {
    while (b->rest.ptr == NULL) {
        if (b->fields == 0) {
            return false;
        }
        const cstar__field *f = &b->r->fields[--b->fields];
        if (cstar_str_eq(f->name, cstar_cstr(b->name))) {
            b->rest = f->value;
        }
    }
    if (b->left-- == 0) {
        b->left = 0;
        return false;
    }
    *element = take_last(&b->rest);
    return true;
}

/* ---- what stands in an element -------------------------------------------------------------- */

static bool is_port(cstar_str s) {
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') {
            return false;
        }
    }
    return s.len >= 1 && s.len <= 5;
}

/* "192.0.2.1", "192.0.2.1:80", "[2001:db8::1]", "[2001:db8::1]:80"; bare IPv6 too, which
 * X-Forwarded-For has. */
static bool take_address(cstar_str s, cstar_str *out) {
    cstar__ip ip;
    cstar_str address = s;
    cstar_str port = {NULL, 0};
    if (s.len != 0 && s.ptr[0] == '[') {
        cstar_str rest = {s.ptr + 1, s.len - 1};
        if (!cstar__split(&rest, ']', &address) || rest.ptr == NULL ||
            memchr(address.ptr, ':', address.len) == NULL ||
            (rest.len != 0 && rest.ptr[0] != ':')) {
            return false;
        }
        port = rest.len != 0 ? cstar_view(rest.ptr + 1, rest.len - 1) : port;
    } else if (!cstar__ip_parse(s, &ip)) {
        port = s;
        (void)cstar__split(&port, ':', &address);
    }
    if (!cstar__ip_parse(address, &ip) || (port.ptr != NULL && !is_port(port))) {
        return false;
    }
    *out = address;
    return true;
}

static cstar_str scheme_of(cstar_str s) {
    if (cstar_str_ieq(s, CSTAR_STR("https"))) {
        return CSTAR_STR("https");
    }
    return cstar_str_ieq(s, CSTAR_STR("http")) ? CSTAR_STR("http") : cstar_view(NULL, 0);
}

static cstar_str host_of(cstar_str s) {
    return s.len != 0 && cstar__host_ok(s) ? s : cstar_view(NULL, 0);
}

/* ---- X-Forwarded ---------------------------------------------------------------------------- */

static cstar_str last_of(const cstar__request *r, const char *name) {
    back b = back_init(r, name);
    cstar_str element;
    return back_next(&b, &element) ? element : cstar_view(NULL, 0);
}

static cstar__client read_x(const cstar__request *r, cstar_str peer,
                            const cstar__proxies *proxies) {
    cstar__client c = {peer, scheme_of(last_of(r, "x-forwarded-proto")),
                       host_of(last_of(r, "x-forwarded-host"))};
    back b = back_init(r, "x-forwarded-for");
    cstar_str element;
    bool ours = true; /* the peer is: that was asked before */
    while (ours && back_next(&b, &element) && take_address(element, &c.address)) {
        ours = is_trusted(c.address, proxies);
    }
    return c;
}

/* ---- Forwarded ------------------------------------------------------------------------------ */

typedef struct hop {
    cstar_str by_name[3]; /* for, proto, host; absent: not said */
} hop;

/* for=192.0.2.1;proto=https;host="a:80". Escapes in a quoted value, which none of the three needs,
 * make the element malformed, as does a parameter that comes twice. */
static bool read_hop(cstar_str element, hop *h) {
    static const char *const names[] = {"for", "proto", "host"};
    cstar__scan s = cstar__scan_of(element);
    cstar__param p;
    *h = (hop){{{NULL, 0}, {NULL, 0}, {NULL, 0}}};
    bool more = cstar__scan_pair(&s, &p);
    while (more) {
        for (size_t i = 0; i < 3; i++) {
            if (!cstar_str_ieq(p.name, cstar_cstr(names[i]))) {
                continue;
            }
            if (h->by_name[i].ptr != NULL ||
                (p.value.len != 0 && memchr(p.value.ptr, '\\', p.value.len) != NULL)) {
                return false;
            }
            h->by_name[i] = p.value;
        }
        more = cstar__scan_param(&s, &p);
    }
    return cstar__scan_done(&s);
}

static cstar__client read_rfc(const cstar__request *r, cstar_str peer,
                              const cstar__proxies *proxies) {
    cstar__client c = {peer, {NULL, 0}, {NULL, 0}};
    back b = back_init(r, "forwarded");
    cstar_str element;
    hop h;
    bool ours = true; /* the peer is: that was asked before */
    while (ours && back_next(&b, &element) && read_hop(element, &h)) {
        c.scheme = scheme_of(h.by_name[1]);
        c.host = host_of(h.by_name[2]);
        ours = take_address(h.by_name[0], &c.address) && is_trusted(c.address, proxies);
    }
    return c;
}

cstar__client cstar__forwarded(const cstar__request *r, cstar_str peer,
                               const cstar__proxies *proxies) {
    const cstar__client unknown = {peer, {NULL, 0}, {NULL, 0}};
    if (proxies->kind == CSTAR__FORWARDED_NONE ||
        !(proxies->trust_peer || is_trusted(peer, proxies))) {
        return unknown;
    }
    return proxies->kind == CSTAR__FORWARDED_X ? read_x(r, peer, proxies)
                                               : read_rfc(r, peer, proxies);
}
