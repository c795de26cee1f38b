/* bench-fanout-client -- broadcasts to the streams of several servers that take turns.
 *
 *     bench-fanout-client [-t TURNS] [-m MILLISECONDS] [-w WINDOW] [-b EVENTS] [-s] [-d] STREAMS
 *         SERVER...
 *     SERVER     NAME:PID:PORT:SUBSCRIBE:PUBLISH      the last two: files with a request each
 *
 *     parent ──"go"──▶ child of server A ──a turn's figures──▶ parent ──"go"──▶ child of server B ...
 *
 * Each server has a child that keeps STREAMS open to it. In a turn the child of one server publishes,
 * waits until the last of its streams has the event, and publishes again; the others sleep. WINDOW
 * publications are under way at a time (1). -b: each makes so many events, for any streams, and not one
 * for each stream. -s: polls instead of sleeping. Prints
 *
 *     RSS NAME before after                            kB of the server, with all of its streams
 *     TURN NAME deliveries us server_ns median_us      CPU time of the server; time until the last
 *     DRAIN NAME deliveries us                         -d: how fast the client alone can read
 *
 * SPDX-License-Identifier: MIT */
#include "subscribers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SERVERS = 8, FIELDS = 5, REQUEST = 16 * 1024, ROUNDS = 1 << 16 };

typedef struct settings {
    unsigned turns, window;
    uint64_t turn_ns;
    size_t streams, burst;
    bool spin, drain;
} settings;

typedef struct server {
    char name[32];
    long pid;
    unsigned port;
    char subscribe[REQUEST], publish[REQUEST];
    int link; /* to its child */
} server;

typedef struct figures {
    uint64_t deliveries, ns, server_ns, median_ns;
} figures;

static void give_up(const char *what) {
    (void)fprintf(stderr, "bench-fanout-client: %s\n", what);
    exit(1);
}

/* ---- the servers ---- */

static void read_request(const char *path, char *to) {
    FILE *f = fopen(path, "r");
    const size_t n = f != NULL ? fread(to, 1, REQUEST - 1, f) : 0;
    if (n == 0) {
        give_up(path);
    }
    to[n] = '\0';
    (void)fclose(f);
}

/* Cuts the first field off. */
static char *next_field(char **rest) {
    char *field = *rest;
    char *colon = field != NULL ? strchr(field, ':') : NULL;
    *rest = colon != NULL ? colon + 1 : NULL;
    if (colon != NULL) {
        *colon = '\0';
    }
    return field;
}

static void read_server(server *s, char *text) {
    char *fields[FIELDS];
    for (size_t i = 0; i < FIELDS; i++) {
        fields[i] = next_field(&text);
        if (fields[i] == NULL) {
            give_up("a server is NAME:PID:PORT:FILE:FILE");
        }
    }
    (void)snprintf(s->name, sizeof s->name, "%s", fields[0]);
    s->pid = strtol(fields[1], NULL, 10);
    s->port = (unsigned)strtoul(fields[2], NULL, 10);
    read_request(fields[3], s->subscribe);
    read_request(fields[4], s->publish);
}

static uint64_t cpu_ns(const server *s) {
    clockid_t clock;
    struct timespec t = {0};
    if (clock_getcpuclockid((pid_t)s->pid, &clock) != 0 || clock_gettime(clock, &t) != 0) {
        give_up("a server has gone");
    }
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static long rss_kb(const server *s) {
    char line[256];
    long kb = 0;
    (void)snprintf(line, sizeof line, "/proc/%ld/status", s->pid);
    FILE *f = fopen(line, "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, "VmRSS:", 6) == 0) {
            kb = strtol(line + 6, NULL, 10);
        }
    }
    if (f != NULL) {
        (void)fclose(f);
    }
    return kb;
}

/* ---- a child ---- */

static int compare(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The first broadcast finds the server's memory cold, and is not counted. */
static figures take_turn(subscribers *all, const server *s, const settings *set) {
    static uint64_t times[ROUNDS];
    size_t n = 0;
    (void)subscribers_broadcast(all);
    const uint64_t cpu = cpu_ns(s);
    const uint64_t since = subscribers_now();
    uint64_t now = since;
    while (n < ROUNDS && now - since < set->turn_ns) {
        times[n++] = subscribers_broadcast(all);
        now = subscribers_now();
    }
    const size_t each = set->burst != 0 ? set->burst : set->streams;
    const figures f = {
        .deliveries = n * each * set->window, .ns = now - since, .server_ns = cpu_ns(s) - cpu};
    qsort(times, n, sizeof *times, compare);
    return (figures){f.deliveries, f.ns, f.server_ns, times[n / 2]};
}

static figures take_drain(subscribers *all, const settings *set) {
    const uint64_t ns = subscribers_drain(all);
    return (figures){.deliveries = set->streams * set->window, .ns = ns};
}

static void be_child(const server *s, int link, const settings *set) {
    subscribers *all = subscribers_open(&(subscribers_opts){.port = s->port,
                                                            .streams = set->streams,
                                                            .window = set->window,
                                                            .burst = set->burst,
                                                            .spin = set->spin,
                                                            .subscribe = s->subscribe,
                                                            .publish = s->publish});
    char go = 0;
    for (;;) {
        if (write(link, &(figures){0}, sizeof(figures)) != (ssize_t)sizeof(figures) ||
            read(link, &go, 1) != 1 || go != 'g') {
            exit(0);
        }
        const figures f = set->drain ? take_drain(all, set) : take_turn(all, s, set);
        if (write(link, &f, sizeof f) != (ssize_t)sizeof f) {
            exit(0);
        }
    }
}

/* ---- the parent ---- */

static figures hear(const server *s) {
    figures f;
    if (read(s->link, &f, sizeof f) != (ssize_t)sizeof f) {
        give_up(s->name);
    }
    return f;
}

static void start_child(server *s, const settings *set) {
    int links[2];
    const long before = rss_kb(s);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, links) != 0) {
        give_up("socketpair");
    }
    const pid_t pid = fork();
    if (pid == 0) {
        (void)close(links[0]);
        be_child(s, links[1], set);
    }
    (void)close(links[1]);
    s->link = links[0];
    (void)hear(s);
    printf("RSS %s %ld %ld\n", s->name, before, rss_kb(s));
    (void)fflush(stdout); /* or the next child says it again */
}

static void one_turn(const server *s, const settings *set) {
    if (write(s->link, "g", 1) != 1) {
        give_up(s->name);
    }
    const figures f = hear(s);
    (void)hear(s); /* it is ready again */
    const double us = (double)f.ns / 1e3;
    if (set->drain) {
        printf("DRAIN %s %llu %.0f\n", s->name, (unsigned long long)f.deliveries, us);
    } else {
        printf("TURN %s %llu %.0f %llu %.1f\n", s->name, (unsigned long long)f.deliveries, us,
               (unsigned long long)f.server_ns, (double)f.median_ns / 1e3);
    }
    (void)fflush(stdout);
}

/* Whoever is the first of a round is the last of the next. */
static void take_turns(const server *servers, int n, const settings *set) {
    for (unsigned turn = 0; turn < set->turns; turn++) {
        for (int i = 0; i < n; i++) {
            one_turn(&servers[turn % 2 == 0 ? i : n - 1 - i], set);
        }
    }
}

static void read_options(int argc, char **argv, settings *set) {
    for (int c; (c = getopt(argc, argv, "t:m:w:b:sd")) != -1;) {
        const unsigned long n = optarg != NULL ? strtoul(optarg, NULL, 10) : 0;
        switch (c) {
        case 't':
            set->turns = (unsigned)n;
            break;
        case 'm':
            set->turn_ns = n * 1000000U;
            break;
        case 'w':
            set->window = (unsigned)n;
            break;
        case 'b':
            set->burst = n;
            break;
        case 's':
            set->spin = true;
            break;
        case 'd':
            set->drain = true;
            break;
        default:
            exit(2);
        }
    }
}

int main(int argc, char **argv) {
    static server servers[SERVERS];
    settings set = {.turns = 1, .window = 1, .turn_ns = 200000000};
    struct rlimit limit;
    read_options(argc, argv, &set);
    const int n = argc - optind - 1;
    if (n < 1 || n > SERVERS || set.window == 0) {
        give_up("[-t turns] [-m ms] [-w window] [-b events] [-s] [-d] STREAMS "
                "NAME:PID:PORT:FILE:FILE...");
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    set.streams = strtoul(argv[optind], NULL, 10);
    for (int i = 0; i < n; i++) {
        read_server(&servers[i], argv[optind + 1 + i]);
        start_child(&servers[i], &set);
    }
    take_turns(servers, n, &set);
    for (int i = 0; i < n; i++) {
        if (write(servers[i].link, "q", 1) != 1) {
            give_up(servers[i].name);
        }
    }
    while (wait(NULL) > 0) {
    }
    return 0;
}
