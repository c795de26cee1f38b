/* soak-client -- many live streams, by epoll: fast enough to read all that two workers send.
 *
 *     soak-client lives PORT [-n STREAMS] [-s SECONDS] [-p PUBLISHERS] [-t TOPICS]
 *     soak-client latency PORT [-n STREAMS] [-s SECONDS of a turn] [-r TURNS of each kind]
 *     soak-client users PORT [-n USERS] [-r ROUNDS]
 *
 * lives and latency want tests/programs/live-server, with LIVE_SERVER_PUBLISHERS and --metrics
 * /metrics; users wants tests/programs/live-pages. One line of JSON comes out. 1: something was not
 * as it has to be, and is said; what is true of the server then is for the caller to ask:
 * tests/e2e/soak.test.mjs. SEED=N repeats the dice.
 *
 *     loop.c  epoll ◀─ stream.c (reader.c: bytes to events; mark.c: is it the next one?) ◀─ modes.h
 *                   ◀─ fetch.c                                                           ◀─
 *
 * SPDX-License-Identifier: MIT */
#include "modes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static void read_options(int argc, char **argv, mode_opts *o) {
    for (int c; (c = getopt(argc, argv, "n:s:r:p:t:")) != -1;) {
        switch (c) {
        case 'n':
            o->streams = strtoul(optarg, NULL, 10);
            break;
        case 's':
            o->seconds = strtod(optarg, NULL);
            break;
        case 'r':
            o->turns = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'p':
            o->publishers = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 't':
            o->topics = optarg;
            break;
        default:
            exit(2);
        }
    }
}

static void allow_descriptors(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int main(int argc, char **argv) {
    static loop l;
    static const struct {
        const char *name;
        void (*run)(loop *l, const mode_opts *o);
    } modes[] = {{"lives", run_lives}, {"latency", run_latency}, {"users", run_users}};
    mode_opts o = {.streams = 200,
                   .seconds = 3,
                   .turns = 2,
                   .publishers = 2,
                   .topics = "a0,a1,a2,e0,c0,c1,m0,r0,r1"};
    const char *seed = getenv("SEED");
    if (argc < 3) {
        fail("MODE PORT [options]");
    }
    read_options(argc - 2, argv + 2, &o);
    allow_descriptors();
    loop_init(&l, (unsigned)strtoul(argv[2], NULL, 10),
              seed != NULL ? strtoull(seed, NULL, 10) : (uint64_t)time(NULL));
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        if (strcmp(argv[1], modes[i].name) == 0) {
            modes[i].run(&l, &o);
            (void)close(l.epoll);
            return 0;
        }
    }
    fail("not a mode: %s", argv[1]);
}
