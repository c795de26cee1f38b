/* session_id.c -- a name for a session that others may see.
 *
 * It is derived from the secret of its tokens, which no response shows either (csrf.c masks it): so it
 * costs no room in the cookie, is there since the session's first page was, and changes when the
 * session is renewed. What opens a session, its cookie, has no part in it.
 *
 * SPDX-License-Identifier: MIT */
#include "base/base64.h"
#include "web/session.h"

enum { BYTES = 16, DERIVED = 32 };

static const char *fail(cstar_conn *conn, cstar_status code, const char *text) {
    (void)cstar__conn_failf(conn, code, "session", text);
    return NULL;
}

static const char *name_of(cstar_conn *conn, const cstar__session *s) {
    unsigned char bytes[DERIVED];
    cstar_buf text;
    const cstar_str secret = cstar_view((const char *)s->csrf, sizeof s->csrf);
    const cstar_status rc = cstar__derive(secret, "cstar session id", bytes);
    if (rc != CSTAR_OK) {
        return fail(conn, rc, "session: its id can't be derived");
    }
    cstar_buf_init(&text, cstar_arena_allocator(&conn->x->arena), 64);
    cstar__base64_encode(&text, cstar_view((const char *)bytes, BYTES));
    cstar_buf_byte(&text, '\0');
    return text.status == CSTAR_OK ? text.ptr : fail(conn, CSTAR_ENOMEM, "out of memory");
}

const char *cstar_session_id(cstar_conn *conn) {
    cstar__session *s = cstar__session_of(conn);
    if (s == NULL) {
        return NULL;
    }
    if (!s->has_csrf && conn->streaming) { /* nobody would ever hear of a new one */
        return fail(conn, CSTAR_ESTATE, "session: it has no id, and the response has begun");
    }
    return cstar__csrf_secret(conn, s) == CSTAR_OK ? name_of(conn, s) : NULL;
}
