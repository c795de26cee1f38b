/* splice-rig -- one broadcast topic and up to 16 gzip streams, told what to do line by line, for
 * tests/node/splice.test.mjs, which decodes them.
 *
 *     open 3                 stream 3 begins
 *     event {"n":1}          a signals patch for every open stream
 *     own 3 {"m":1}          one for stream 3 only
 *     drop 3                 stream 3 misses the next event
 *     close 3                its clean end
 *
 * For each piece of a stream it writes a line `STREAM BYTES KIND` and the bytes; KIND is `head`,
 * `shared`, `alone` or `tail`. A build without gzip exits with 77.
 *
 * SPDX-License-Identifier: MIT */
#include "http/coding_splice.h"

#include <stdio.h>
#include <stdlib.h>

enum { STREAMS = 16 };

typedef struct stream {
    bool open, drop;
    cstar__splice st;
} stream;

static struct rig {
    stream streams[STREAMS];
    cstar__splicer topic, solo;
    cstar_buf plain, shared, alone;
} rig;

static void check(cstar_status rc) {
    if (rc != CSTAR_OK) {
        (void)fprintf(stderr, "splice-rig: %s\n", cstar_strerror(rc));
        exit(EXIT_FAILURE);
    }
}

static void emit(const stream *s, const char *kind, cstar_str bytes) {
    if (bytes.len != 0) {
        printf("%d %zu %s\n", (int)(s - rig.streams), bytes.len, kind);
        (void)fwrite(bytes.ptr, 1, bytes.len, stdout);
    }
}

static void frame(const char *json) {
    cstar_buf_reset(&rig.plain);
    cstar_buf_reset(&rig.alone);
    cstar_buf_puts(&rig.plain, "event: datastar-patch-signals\ndata: signals ");
    cstar_buf_puts(&rig.plain, json);
    cstar_buf_puts(&rig.plain, "\n\n");
    check(cstar_buf_status(&rig.plain));
}

static void send_to(stream *s, const cstar__spliced *piece) {
    bool alone = !cstar__splice_fits(&s->st, piece);
    if (alone && rig.alone.len == 0) {
        check(cstar__splicer_alone(&rig.solo, cstar_buf_view(&rig.plain), &rig.alone, NULL));
    }
    cstar__splice_take(&s->st, piece);
    emit(s, alone ? "alone" : "shared", cstar_buf_view(alone ? &rig.alone : &rig.shared));
}

static void publish(const char *json) {
    cstar__spliced piece;
    frame(json);
    cstar_buf_reset(&rig.shared);
    check(cstar__splicer_add(&rig.topic, cstar_buf_view(&rig.plain), &rig.shared, &piece));
    for (size_t i = 0; i < STREAMS; i++) {
        stream *s = &rig.streams[i];
        if (s->open && !s->drop) {
            send_to(s, &piece);
        }
        s->drop = false;
    }
}

static void tell(stream *s, const char *json) {
    cstar__spliced piece;
    frame(json);
    check(cstar__splicer_alone(&rig.solo, cstar_buf_view(&rig.plain), &rig.alone, &piece));
    send_to(s, &piece);
}

static void begin(stream *s) {
    *s = (stream){.open = true};
    emit(s, "head", cstar__splice_head(&s->st));
}

static void end(stream *s) {
    char mem[CSTAR__SPLICE_HEAD + CSTAR__SPLICE_TAIL];
    cstar_buf out;
    cstar_buf_fixed(&out, mem, sizeof mem);
    check(cstar__splice_end(&s->st, &out));
    emit(s, "tail", cstar_buf_view(&out));
    s->open = false;
}

/* The stream that the line names behind its first word. */
static stream *stream_of(const char *line, const char **rest) {
    char *after = NULL;
    unsigned long i = strtoul(line, &after, 10);
    *rest = after + (*after == ' ');
    return &rig.streams[i % STREAMS];
}

static bool obey(const char *line) {
    const char *rest = NULL;
    if (strncmp(line, "event ", 6) == 0) {
        publish(line + 6);
    } else if (strncmp(line, "own ", 4) == 0) {
        stream *s = stream_of(line + 4, &rest);
        tell(s, rest);
    } else if (strncmp(line, "open ", 5) == 0) {
        begin(stream_of(line + 5, &rest));
    } else if (strncmp(line, "drop ", 5) == 0) {
        stream_of(line + 5, &rest)->drop = true;
    } else if (strncmp(line, "close ", 6) == 0) {
        end(stream_of(line + 6, &rest));
    } else {
        return false;
    }
    return fflush(stdout) == 0;
}

int main(void) {
    static char line[70000];
    int status = cstar__splicer_memory(NULL) != 0 ? EXIT_SUCCESS : 77;
    cstar__splicer_init(&rig.topic, cstar_heap(), &(cstar__splicer_opts){.source = 1});
    cstar__splicer_init(&rig.solo, cstar_heap(), NULL);
    cstar_buf_init(&rig.plain, cstar_heap(), 0);
    cstar_buf_init(&rig.shared, cstar_heap(), 0);
    cstar_buf_init(&rig.alone, cstar_heap(), 0);
    while (status == EXIT_SUCCESS && fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        status = obey(line) ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    cstar__splicer_fini(&rig.topic);
    cstar__splicer_fini(&rig.solo);
    cstar_buf_fini(&rig.plain);
    cstar_buf_fini(&rig.shared);
    cstar_buf_fini(&rig.alone);
    return status;
}
