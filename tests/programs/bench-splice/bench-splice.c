/* bench-splice -- what a broadcast costs by each way of coding it: bytes and CPU time per event,
 * and what a subscriber costs who gets shared bytes. The tables of docs/internals/splice.md.
 *
 *     bench-splice            the ways side by side
 *     bench-splice tune       levels, windows and distances of key frames of the shared encoder
 *
 * SPDX-License-Identifier: MIT */
#include "http/coding.h"
#include "http/coding_splice.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { EVENTS = 500, RUNS = 15, SUBSCRIBERS = 1000 };

/* Of this program's own: the machine may be busy. */
static double cpu_ns(void) { return (double)clock() * (1e9 / CLOCKS_PER_SEC); }

static uint32_t dice(uint32_t sides) {
    static uint32_t x = 7;
    x = x * 1664525u + 1013904223u;
    return (x >> 8) % sides;
}

static void check(cstar_status rc) {
    if (rc != CSTAR_OK) {
        (void)fprintf(stderr, "bench-splice: %s\n", cstar_strerror(rc));
        exit(EXIT_FAILURE);
    }
}

/* ---- events --------------------------------------------------------------------------------- */

/* About 110 bytes: five numbers. */
static void put_signals(cstar_buf *b) {
    char text[160];
    (void)snprintf(
        text, sizeof text,
        "event: datastar-patch-signals\n"
        "data: signals {\"online\":%u,\"bid\":%u,\"left\":%u,\"load\":0.%02u,\"tick\":%u}\n\n",
        900 + dice(99), 1000 + dice(9000), dice(600), dice(100), 10000 + dice(90000));
    cstar_buf_puts(b, text);
}

static const char *const words[] = {"river", "stone",  "lamp",   "window", "green",  "slowly",
                                    "north", "engine", "letter", "market", "silver", "under",
                                    "cloud", "paper",  "bridge", "winter", "garden", "signal"};

/* About 1 KiB: a card with text of its own. */
static void put_card(cstar_buf *b) {
    char text[256];
    (void)snprintf(text, sizeof text,
                   "event: datastar-patch-elements\n"
                   "data: elements <article id=\"post-%u\" class=\"card card-wide\">"
                   "<h3 class=\"card-title\">%s %s</h3><time>12:%02u:%02u</time><p>",
                   dice(500), words[dice(18)], words[dice(18)], dice(60), dice(60));
    cstar_buf_puts(b, text);
    for (int i = 0; i < 110; i++) {
        cstar_buf_puts(b, words[dice(18)]);
        cstar_buf_byte(b, ' ');
    }
    (void)snprintf(text, sizeof text,
                   "</p><button data-on:click=\"@post(&#39;/posts/%u/like&#39;)\">%u</button>"
                   "</article>\n\n",
                   dice(500), dice(1000));
    cstar_buf_puts(b, text);
}

/* A table of 20 rows, sent whole, of which three cells have changed. */
static void put_table(cstar_buf *b) {
    static uint32_t cells[20][3];
    for (int i = 0; i < 3; i++) {
        cells[dice(20)][dice(3)] = dice(100000);
    }
    cstar_buf_puts(b,
                   "event: datastar-patch-elements\ndata: elements <table id=\"quotes\"><tbody>");
    for (unsigned row = 0; row < 20; row++) {
        char text[256];
        (void)snprintf(text, sizeof text,
                       "<tr id=\"quote-%u\"><td>%s %s</td><td class=\"num\">%u.%02u</td>"
                       "<td class=\"num\">%u</td><td class=\"num\">%u</td></tr>",
                       row, words[row % 18], words[(row * 5) % 18], cells[row][0] / 100,
                       cells[row][0] % 100, cells[row][1], cells[row][2]);
        cstar_buf_puts(b, text);
    }
    cstar_buf_puts(b, "</tbody></table>\n\n");
}

typedef struct load {
    const char *name;
    void (*put)(cstar_buf *b);
    cstar_buf text;
    size_t ends[EVENTS + 1]; /* event i is text[ends[i] .. ends[i + 1]) */
} load;

static load loads[] = {
    {.name = "signals", .put = put_signals},
    {.name = "card", .put = put_card},
    {.name = "table", .put = put_table},
};
enum { LOADS = sizeof loads / sizeof loads[0] };

static void make_loads(void) {
    for (size_t i = 0; i < LOADS; i++) {
        cstar_buf_init(&loads[i].text, cstar_heap(), 64 << 20);
        for (size_t k = 0; k < EVENTS; k++) {
            loads[i].put(&loads[i].text);
            loads[i].ends[k + 1] = loads[i].text.len;
        }
        check(cstar_buf_status(&loads[i].text));
    }
}

static cstar_str event_of(const load *l, size_t i) {
    return cstar_view(l->text.ptr + l->ends[i], l->ends[i + 1] - l->ends[i]);
}

/* ---- ways ----------------------------------------------------------------------------------- */

typedef struct cost {
    double bytes, ns; /* per event */
} cost;

static cost per_event(size_t bytes, double ns) {
    return (cost){(double)bytes / EVENTS, ns / EVENTS};
}

static cost private_once(const load *l, cstar__coding c) {
    cstar_buf out;
    cstar__encoder *e = NULL;
    size_t bytes = 0;
    cstar_buf_init(&out, cstar_heap(), 0);
    check(cstar__encoder_new(&e, c, NULL, cstar_heap()));
    double start = cpu_ns();
    for (size_t i = 0; i < EVENTS; i++) {
        cstar_buf_reset(&out);
        check(cstar__encoder_write(e, event_of(l, i), &out));
        check(cstar__encoder_flush(e, &out));
        bytes += out.len;
    }
    double spent = cpu_ns() - start;
    cstar__encoder_free(e);
    cstar_buf_fini(&out);
    return per_event(bytes, spent);
}

static cost shared_once(const load *l, const cstar__splicer_opts *opts) {
    cstar_buf out;
    cstar__splicer s;
    cstar__spliced piece;
    size_t bytes = 0;
    cstar_buf_init(&out, cstar_heap(), 0);
    cstar__splicer_init(&s, cstar_heap(), opts);
    double start = cpu_ns();
    for (size_t i = 0; i < EVENTS; i++) {
        cstar_buf_reset(&out);
        check(cstar__splicer_add(&s, event_of(l, i), &out, &piece));
        bytes += out.len;
    }
    double spent = cpu_ns() - start;
    cstar__splicer_fini(&s);
    cstar_buf_fini(&out);
    return per_event(bytes, spent);
}

/* The best of several runs; `opts` NULL: a private stream of coding `c`. */
static cost best_of(const load *l, cstar__coding c, const cstar__splicer_opts *opts) {
    cost best = {0, 1e18};
    for (int run = 0; run < RUNS; run++) {
        cost now = opts != NULL ? shared_once(l, opts) : private_once(l, c);
        best = now.ns < best.ns ? now : best;
    }
    return best;
}

static void print_row(const char *name, cstar__coding c, const cstar__splicer_opts *opts) {
    printf("%-28s", name);
    for (size_t i = 0; i < LOADS; i++) {
        cost it = best_of(&loads[i], c, opts);
        double plain = (double)loads[i].text.len / EVENTS;
        printf(" | %6.0f %5.1f %% %6.2f us", it.bytes, 100 * it.bytes / plain, it.ns / 1000);
    }
    printf("\n");
}

static void print_head(void) {
    printf("%-28s", "bytes, of identity, CPU");
    for (size_t i = 0; i < LOADS; i++) {
        printf(" | %-24s", loads[i].name);
    }
    printf("\n");
}

static void compare(void) {
    print_head();
    print_row("identity", CSTAR__IDENTITY, NULL);
    for (cstar__coding c = CSTAR__GZIP; c < CSTAR__CODINGS; c++) {
        char name[32];
        (void)snprintf(name, sizeof name, "private %s", cstar__coding_name(c));
        if (cstar__coding_built(c)) {
            print_row(name, c, NULL);
        }
    }
    print_row("shared, key every 25", CSTAR__GZIP, &(cstar__splicer_opts){.source = 1});
    print_row("shared, key every 100", CSTAR__GZIP,
              &(cstar__splicer_opts){.key_every = 100, .source = 1});
    print_row("alone", CSTAR__GZIP, &(cstar__splicer_opts){.key_every = 1});
}

static void tune(void) {
    static const int windows[] = {9, 10, 11, 12, 13, 15};
    static const int levels[] = {1, 4, 6, 9};
    static const uint32_t keys[] = {1, 10, 25, 50, 100, EVENTS};
    char name[48];
    print_head();
    for (size_t i = 0; i < sizeof windows / sizeof windows[0]; i++) {
        cstar__splicer_opts o = {.window = windows[i]};
        (void)snprintf(name, sizeof name, "window %d (%zu bytes)", windows[i],
                       cstar__splicer_memory(&o));
        print_row(name, CSTAR__GZIP, &o);
    }
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        (void)snprintf(name, sizeof name, "level %d", levels[i]);
        print_row(name, CSTAR__GZIP, &(cstar__splicer_opts){.level = levels[i]});
    }
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        (void)snprintf(name, sizeof name, "key every %u", (unsigned)keys[i]);
        print_row(name, CSTAR__GZIP, &(cstar__splicer_opts){.key_every = keys[i]});
    }
}

/* ---- subscribers ---------------------------------------------------------------------------- */

/* @param fitting  how many of the pieces fit: all or none. */
static double take_ns(const cstar__spliced *pieces, size_t fitting) {
    static cstar__splice streams[SUBSCRIBERS];
    memset(streams, 0, sizeof streams);
    double best = 1e18;
    size_t fit = 0;
    for (int run = 0; run < RUNS; run++) {
        double start = cpu_ns();
        for (size_t i = 0; i < EVENTS; i++) {
            for (size_t k = 0; k < SUBSCRIBERS; k++) {
                fit += cstar__splice_fits(&streams[k], &pieces[i]);
                cstar__splice_take(&streams[k], &pieces[i]);
            }
        }
        double spent = (cpu_ns() - start) / EVENTS / SUBSCRIBERS;
        best = spent < best ? spent : best;
    }
    if (fit != RUNS * fitting * SUBSCRIBERS) {
        exit(EXIT_FAILURE);
    }
    return best;
}

static double end_ns(const cstar__spliced *pieces) {
    static cstar__splice streams[SUBSCRIBERS];
    char mem[CSTAR__SPLICE_HEAD + CSTAR__SPLICE_TAIL];
    for (size_t i = 0; i < EVENTS; i++) {
        for (size_t k = 0; k < SUBSCRIBERS; k++) {
            cstar__splice_take(&streams[k], &pieces[i]);
        }
    }
    double start = cpu_ns();
    for (size_t k = 0; k < SUBSCRIBERS; k++) {
        cstar_buf out;
        cstar_buf_fixed(&out, mem, sizeof mem);
        check(cstar__splice_end(&streams[k], &out));
    }
    return (cpu_ns() - start) / SUBSCRIBERS;
}

static void subscribers(void) {
    static cstar__spliced pieces[EVENTS]; /* the first is a key frame, so that all fit */
    static cstar__spliced others[EVENTS]; /* none fits */
    cstar__splicer s;
    cstar_buf out;
    cstar_buf_init(&out, cstar_heap(), 64 << 20);
    cstar__splicer_init(&s, cstar_heap(), &(cstar__splicer_opts){.source = 1});
    for (size_t i = 0; i < EVENTS; i++) {
        check(cstar__splicer_add(&s, event_of(&loads[1], i), &out, &pieces[i]));
        others[i] = pieces[i];
        others[i].source = 0;
        others[i].key = false;
    }
    printf("per subscriber and event: %.1f ns in step, %.1f ns out of step; its end: %.0f ns; "
           "its state: %zu bytes\n",
           take_ns(pieces, EVENTS), take_ns(others, 0), end_ns(pieces), sizeof(cstar__splice));
    cstar__splicer_fini(&s);
    cstar_buf_fini(&out);
}

int main(int argc, char **argv) {
    make_loads();
    if (argc > 1 && strcmp(argv[1], "tune") == 0) {
        tune();
    } else {
        compare();
        subscribers();
    }
    for (size_t i = 0; i < LOADS; i++) {
        cstar_buf_fini(&loads[i].text);
    }
    return EXIT_SUCCESS;
}
