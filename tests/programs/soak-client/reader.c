/* soak-client/reader.c
 * SPDX-License-Identifier: MIT */
#include "reader.h"

#include "loop.h"

#include <stdlib.h>
#include <string.h>

enum { LONGEST = 1 << 20, FIRST = 256, HEX = 16, MOST_HEX = 8 };

typedef struct span {
    const char *ptr, *end;
} span;

void reader_begin(reader *r, const reader_ops *ops, void *arg) {
    r->ops = ops;
    r->arg = arg;
    r->state = READER_HEAD;
    r->status = 0;
    r->chunked = r->has_name = r->has_data = r->zipped = false;
    r->left = 0;
    r->frame.len = r->body.len = 0;
}

void reader_free(reader *r) {
    gunzip_free(r->zip);
    free(r->frame.ptr);
    free(r->body.ptr);
    *r = (reader){0};
}

bool reader_has_begun(const reader *r) { return r->state != READER_HEAD; }

/* ---- lines ---- */

static void keep(reader_rest *rest, const char *p, size_t n) {
    if (rest->len + n > LONGEST) {
        fail("a line of more than %d bytes", (int)LONGEST);
    }
    if (rest->len + n > rest->cap) {
        size_t cap = rest->cap != 0 ? rest->cap : FIRST;
        while (cap < rest->len + n) {
            cap *= 2;
        }
        rest->ptr = realloc(rest->ptr, cap);
        rest->cap = cap;
        if (rest->ptr == NULL) {
            fail("out of memory");
        }
    }
    memcpy(rest->ptr + rest->len, p, n);
    rest->len += n;
}

/* Takes a line from `in`. @param line  Without its break; valid until the next call. @return false:
 * it is not complete. */
static bool take_line(reader_rest *rest, span *in, span *line) {
    const char *at = in->ptr;
    const char *end = memchr(at, '\n', (size_t)(in->end - at));
    if (end == NULL) {
        keep(rest, at, (size_t)(in->end - at));
        in->ptr = in->end;
        return false;
    }
    in->ptr = end + 1;
    *line = (span){at, end};
    if (rest->len != 0) {
        keep(rest, at, (size_t)(end - at));
        *line = (span){rest->ptr, rest->ptr + rest->len};
        rest->len = 0;
    }
    return true;
}

static bool begins(const span *line, const char *with) {
    const size_t n = strlen(with);
    return (size_t)(line->end - line->ptr) >= n && memcmp(line->ptr, with, n) == 0;
}

/* ---- events ---- */

static void end_event(reader *r) {
    if (r->has_data && !r->has_name) {
        fail("data of an event without a name");
    }
    if (r->has_data) {
        r->ops->event(r->arg);
    }
    r->has_data = r->has_name = false;
}

static void take_id(reader *r, const span *line) {
    const char *text = line->ptr + strlen("id: ");
    const size_t n = (size_t)(line->end - text);
    if (n >= sizeof r->id) {
        fail("an id of %zu bytes", n);
    }
    memcpy(r->id, text, n);
    r->id[n] = '\0';
}

static void take_field(reader *r, const span *line) {
    if (line->ptr == line->end) {
        end_event(r);
    } else if (begins(line, "data: ")) {
        const char *text = line->ptr + strlen("data: ");
        r->has_data = true;
        r->ops->data(r->arg, text, (size_t)(line->end - text));
    } else if (begins(line, "event: datastar-patch-")) {
        r->has_name = true;
    } else if (begins(line, "id: ")) {
        take_id(r, line);
    } else if (!begins(line, ":") && !begins(line, "retry: ")) {
        fail("not a line of an event: %.*s", (int)(line->end - line->ptr), line->ptr);
    }
}

/* ---- what they are in ---- */

static void take_head(reader *r, const span *line) {
    static const char http[] = "HTTP/1.1 ";
    if (begins(line, http)) {
        r->status = (unsigned)strtoul(line->ptr + sizeof http - 1, NULL, 10);
    } else if (begins(line, "Transfer-Encoding: chunked\r") ||
               begins(line, "transfer-encoding: chunked\r")) {
        r->chunked = true;
    } else if (begins(line, "Content-Encoding: gzip\r") ||
               begins(line, "content-encoding: gzip\r")) {
        r->zipped = true;
        r->zip = gunzip_begin(r->zip);
    } else if (begins(line, "\r")) {
        if (r->status != 200 || !r->chunked) {
            fail("a stream's head has status %u", r->status);
        }
        r->state = READER_SIZE;
    }
}

static void take_size(reader *r, const span *line) {
    char *end = NULL;
    char text[MOST_HEX + 2] = {0};
    const size_t n = (size_t)(line->end - line->ptr);
    if (n < 2 || n > sizeof text - 1 || line->end[-1] != '\r') {
        fail("not a chunk's size: %.*s", (int)n, line->ptr);
    }
    memcpy(text, line->ptr, n - 1);
    r->left = strtoul(text, &end, HEX);
    if (*end != '\0') {
        fail("not a chunk's size: %s", text);
    }
    r->state = r->left != 0 ? READER_CHUNK : READER_TRAILER;
}

static void take_frame_line(reader *r, const span *line) {
    const bool empty = begins(line, "\r") && line->end - line->ptr == 1;
    if (r->state == READER_HEAD) {
        take_head(r, line);
    } else if (r->state == READER_SIZE) {
        take_size(r, line);
    } else if (!empty) {
        fail("behind a chunk, not a line break: %.*s", (int)(line->end - line->ptr), line->ptr);
    } else {
        r->state = r->state == READER_TRAILER ? READER_ENDED : READER_SIZE;
    }
}

static void take_body(void *arg, const char *bytes, size_t n) {
    reader *r = arg;
    span body = {bytes, bytes + n};
    span line;
    while (body.ptr != body.end) {
        if (take_line(&r->body, &body, &line)) {
            take_field(r, &line);
        }
    }
}

static void take_chunk(reader *r, span *in) {
    const size_t have = (size_t)(in->end - in->ptr);
    const size_t n = have < r->left ? have : (size_t)r->left;
    if (r->zipped) {
        gunzip_feed(r->zip, in->ptr, n, take_body, r);
    } else {
        take_body(r, in->ptr, n);
    }
    in->ptr += n;
    r->left -= n;
    if (r->left == 0) {
        r->state = READER_CHUNK_END;
    }
}

void reader_feed(reader *r, const char *bytes, size_t n) {
    span in = {bytes, bytes + n};
    span line;
    while (in.ptr != in.end) {
        if (r->state == READER_ENDED) {
            fail("something behind a stream's end");
        } else if (r->state == READER_CHUNK) {
            take_chunk(r, &in);
        } else if (take_line(&r->frame, &in, &line)) {
            take_frame_line(r, &line);
        }
    }
    if (r->state == READER_ENDED && (r->body.len != 0 || r->has_data)) {
        fail("a stream ended in the middle of an event");
    }
}
