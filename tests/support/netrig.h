/* netrig.h -- a server on a thread of the test, and plain blocking sockets to talk to it.
 *
 *     netrig r;
 *     netrig_start(&r, (cstar__server_opts){.workers = 2});    // 127.0.0.1, a free port
 *     int fd = netrig_dial(&r, 0);                             // to its first listener
 *     netrig_say(fd, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
 *     assert_true(netrig_hear(fd, "/a"));
 *     netrig_stop(&r);
 *
 * Its handler never answers "/later"; "/peer" answers "local=0 secure=0 redirect=0", "/big"
 * NETRIG_BIG bytes; anything else is answered by its path. Who has a server and a handler of its own
 * takes the sockets alone: netrig_dial_port().
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_TESTS_NETRIG_H
#define CSTAR_TESTS_NETRIG_H

#include "net/server.h"

#include <pthread.h>

enum { NETRIG_BIG = 8 << 20 };

typedef struct netrig {
    unsigned heads, closes, broken; /* atomic */
    unsigned lines;                 /* atomic: logged */
    char last_line[256];            /* of the log; read it after the stop */
    cstar__handler handler;
    cstar__server *server;
    pthread_t thread;
    cstar_status result;
} netrig;

/** Fills in handler, log, and 127.0.0.1:0 where no address is given. */
void netrig_new(netrig *r, cstar__server_opts opts);
/** netrig_new(), and runs it on a thread. */
void netrig_start(netrig *r, cstar__server_opts opts);
/** Waits for its end and frees it; each request was closed once. */
void netrig_finish(netrig *r);
/** cstar__server_stop() and netrig_finish(). */
void netrig_stop(netrig *r);
cstar__stats netrig_stats(const netrig *r);

/** A socket that is connected to the i-th listener. Reads end after 20 s. */
int netrig_dial(const netrig *r, size_t i);
/** A socket and its connecting, apart. @return false: refused. */
int netrig_socket(void);
bool netrig_connect(const netrig *r, int fd);
int netrig_dial_port(unsigned port);
int netrig_dial_unix(const char *path);
void netrig_say(int fd, const char *text);
/** Reads until `text` has come. @return false: the peer has closed first. */
bool netrig_hear(int fd, const char *text);
/** Reads until the end. @return false: 20 s without. */
bool netrig_hear_end(int fd);
/** netrig_say() of a GET. */
void netrig_get(int fd, const char *path);
/** netrig_get() and netrig_hear() of the path. */
bool netrig_ask(int fd, const char *path);

/** Until `condition` holds; a failed assertion after 20 s. */
#define NETRIG_AWAIT(condition)                                                                    \
    do {                                                                                           \
        bool held_ = (condition);                                                                  \
        for (int tries_ = 0; tries_ < 20000 && !held_; tries_++) {                                 \
            netrig_pause();                                                                        \
            held_ = (condition);                                                                   \
        }                                                                                          \
        assert_true(held_);                                                                        \
    } while (0)
void netrig_pause(void);

#endif
