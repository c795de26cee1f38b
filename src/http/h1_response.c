/* http/h1_response.c -- responses as bytes: head, whole body, chunk, error page (RFC 9112 4 and
 * 7.1).
 *
 * Data flow: cstar__h1_answer ──▶ out. The room is reserved once, by an upper bound of the
 * length; then bytes are laid down through a bare pointer without a further check. An answer is
 * written whole or not at all, and leaves no sticky error behind: `out` may hold responses of
 * other exchanges. Absent: which framing to use, and when (h1_answer.c).
 *
 * SPDX-License-Identifier: MIT */
#include "http/h1_parts.h"

enum {
    /* the machine's own fields and the status line without its reason: 155 is the longest */
    HEAD_ROOM = 192,
    DATE_LENGTH = 29,
};

/* ---- room ----------------------------------------------------------------------------------- */

cstar_status cstar__h1_room(cstar_buf *out, size_t more) {
    if (out->status != CSTAR_OK) {
        return out->status;
    }
    if (more > out->limit - out->len) {
        return CSTAR_ELIMIT;
    }
    if (out->cap - out->len >= more || cstar_buf_grow(out, more)) {
        return CSTAR_OK;
    }
    cstar_status rc = out->status;
    out->status = CSTAR_OK;
    return rc;
}

cstar_status cstar__h1_write_bytes(cstar_buf *out, cstar_str bytes) {
    cstar_status rc = cstar__h1_room(out, bytes.len);
    if (rc == CSTAR_OK) {
        cstar_buf_str(out, bytes);
    }
    return rc;
}

/* ---- pieces --------------------------------------------------------------------------------- */

#define PUT(w, literal) put((w), "" literal, sizeof(literal) - 1)

static char *put(char *w, const char *ptr, size_t len) {
    if (len != 0) {
        memcpy(w, ptr, len);
    }
    return w + len;
}

static char *put_decimal(char *w, uint64_t n) {
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n != 0);
    return put(w, digits + at, sizeof digits - at);
}

static char *put_hex(char *w, uint64_t n) {
    char digits[16];
    size_t at = sizeof digits;
    do {
        digits[--at] = "0123456789abcdef"[n & 15];
        n >>= 4;
    } while (n != 0);
    return put(w, digits + at, sizeof digits - at);
}

static char *put_field(char *w, const cstar__field *f) {
    w = put(w, f->name.ptr, f->name.len);
    w = PUT(w, ": ");
    w = put(w, f->value.ptr, f->value.len);
    return PUT(w, "\r\n");
}

static char *put_framing(char *w, const cstar__h1_answer *a) {
    if (a->has_length) {
        w = PUT(w, "Content-Length: ");
        w = put_decimal(w, a->length);
        w = PUT(w, "\r\n");
    }
    if (a->chunked) {
        w = PUT(w, "Transfer-Encoding: chunked\r\n");
    }
    if (a->close) {
        w = PUT(w, "Connection: close\r\n");
    } else if (a->keep_alive) {
        w = PUT(w, "Connection: keep-alive\r\n");
    }
    return w;
}

/* ---- answers -------------------------------------------------------------------------------- */

/* Sums that cannot wrap: a view of memory is shorter than half the address space. */
static size_t room_of(const cstar__h1_answer *a, size_t reason_length) {
    size_t room = HEAD_ROOM + reason_length + a->body.len;
    for (size_t i = 0; i < a->nfields; i++) {
        room += a->fields[i].name.len + a->fields[i].value.len + 4;
    }
    return room;
}

cstar_status cstar__h1_write_answer(cstar_buf *out, const char *date, const cstar__h1_answer *a) {
    const char *reason = cstar__reason(a->status);
    const size_t reason_length = strlen(reason);
    cstar_status rc = cstar__h1_room(out, room_of(a, reason_length));
    if (rc != CSTAR_OK) {
        return rc;
    }
    char *w = out->ptr + out->len;
    w = PUT(w, "HTTP/1.1 ");
    w = put_decimal(w, (uint64_t)a->status);
    *w++ = ' ';
    w = put(w, reason, reason_length);
    w = PUT(w, "\r\n");
    if (date != NULL) {
        w = PUT(w, "Date: ");
        w = put(w, date, DATE_LENGTH);
        w = PUT(w, "\r\n");
    }
    for (size_t i = 0; i < a->nfields; i++) {
        w = put_field(w, &a->fields[i]);
    }
    w = put_framing(w, a);
    w = PUT(w, "\r\n");
    w = put(w, a->body.ptr, a->body.len);
    out->len = (size_t)(w - out->ptr);
    return CSTAR_OK;
}

cstar_status cstar__h1_write_error(cstar_buf *out, const char *date, int status, bool close,
                                   bool head) {
    const cstar__field type = {CSTAR_STR("Content-Type"), CSTAR_STR("text/plain; charset=utf-8")};
    char text[64];
    const char *reason = cstar__reason(status);
    char *end = PUT(put(text, reason, strlen(reason)), "\n");
    cstar__h1_answer a = {
        .status = status,
        .fields = &type,
        .nfields = 1,
        .length = (uint64_t)(end - text),
        .has_length = true,
        .close = close,
        .body = cstar_view(text, head ? 0 : (size_t)(end - text)),
    };
    return cstar__h1_write_answer(out, date, &a);
}

cstar_status cstar__h1_write_chunk(cstar_buf *out, cstar_str bytes) {
    cstar_status rc = cstar__h1_room(out, CSTAR__H1_CHUNK_ROOM + bytes.len);
    if (rc != CSTAR_OK) {
        return rc;
    }
    char *w = put_hex(out->ptr + out->len, bytes.len);
    w = PUT(w, "\r\n");
    w = put(w, bytes.ptr, bytes.len);
    w = PUT(w, "\r\n");
    out->len = (size_t)(w - out->ptr);
    return CSTAR_OK;
}
