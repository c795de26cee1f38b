/* first_answer.c -- how long a server takes from exec to its first answer: first_answer CPU PORT RUNS REQUEST_FILE COMMAND...
 *
 * Starts COMMAND on core CPU, connects to 127.0.0.1:PORT until that is accepted, sends the file's bytes, and stops the clock at the first bytes of a
 * "HTTP/1.1 200". The clock starts in the child right before exec. Prints one line per run, in ms. The connection is
 * closed from this side, so that no TIME_WAIT stays on the server's port.
 *
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_S 10

typedef struct request {
    char bytes[8192];
    size_t len;
} request;

typedef struct server {
    cpu_set_t cpu;
    unsigned port;
    char **command;
    int64_t *exec_ns; /* shared with the child */
} server;

static volatile sig_atomic_t child; /* to be gone when we are */

static void on_signal(int number) {
    if (child > 0) {
        kill(child, SIGKILL);
    }
    _exit(128 + number);
}

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static bool read_request(request *r, const char *path) {
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        return false;
    }
    r->len = fread(r->bytes, 1, sizeof r->bytes, f);
    fclose(f);
    return r->len != 0 && r->len < sizeof r->bytes;
}

/* Connected, or -1. */
static int try_connect(unsigned port) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0 ||
                    connect(fd, (const struct sockaddr *)&a, sizeof a) != 0)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static bool answered(int fd, const request *r) {
    static const char wanted[] = "HTTP/1.1 200";
    char got[4096];
    return write(fd, r->bytes, r->len) == (ssize_t)r->len &&
           read(fd, got, sizeof got) >= (ssize_t)sizeof wanted && memcmp(got, wanted, sizeof wanted - 1) == 0;
}

static pid_t start(const server *s) {
    pid_t pid = fork();
    if (pid == 0) {
        if (sched_setaffinity(0, sizeof s->cpu, &s->cpu) != 0 || freopen("/dev/null", "w", stdout) == NULL) {
            _exit(126);
        }
        *s->exec_ns = now_ns();
        execvp(s->command[0], s->command);
        _exit(127);
    }
    return pid;
}

/* Connects as soon as the server listens. -1: it has ended (`*gone`), or time is up. */
static int connect_soon(const server *s, pid_t pid, bool *gone) {
    const int64_t give_up = now_ns() + PATIENCE_S * INT64_C(1000000000);
    int fd = -1;
    while (fd < 0 && !*gone && now_ns() < give_up) {
        fd = try_connect(s->port);
        *gone = fd < 0 && waitpid(pid, NULL, WNOHANG) != 0;
    }
    return fd;
}

/* ns, or -1 */
static int64_t measure(const server *s, const request *r) {
    int64_t ns = -1;
    bool gone = false;
    pid_t pid = start(s);
    if (pid < 0) {
        return -1;
    }
    child = pid;
    int fd = connect_soon(s, pid, &gone);
    if (fd >= 0) {
        if (answered(fd, r)) {
            ns = now_ns() - *s->exec_ns;
        }
        close(fd);
    }
    if (!gone) {
        kill(pid, SIGTERM);
        waitpid(pid, NULL, 0);
    }
    child = 0;
    return ns;
}

int main(int argc, char **argv) {
    static request r;
    static server s;
    if (argc < 6 || !read_request(&r, argv[4])) {
        fprintf(stderr, "usage: first_answer CPU PORT RUNS REQUEST_FILE COMMAND...\n");
        return 2;
    }
    CPU_ZERO(&s.cpu);
    CPU_SET(strtoul(argv[1], NULL, 10), &s.cpu);
    s.port = (unsigned)strtoul(argv[2], NULL, 10);
    s.command = argv + 5;
    s.exec_ns = mmap(NULL, sizeof *s.exec_ns, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (s.exec_ns == MAP_FAILED) {
        return 1;
    }
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    for (long i = strtol(argv[3], NULL, 10); i > 0; i--) {
        int64_t ns = measure(&s, &r);
        if (ns < 0) {
            fprintf(stderr, "first_answer: no answer from %s\n", s.command[0]);
            return 1;
        }
        printf("%.3f\n", (double)ns / 1e6);
    }
    return 0;
}
