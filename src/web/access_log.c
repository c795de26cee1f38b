/* access_log.c -- the file of the access log, behind 64 KiB of memory.
 *
 *     any worker ──line──▶ kept ──(full, or a second has passed)──▶ one write(2) ──▶ file
 *
 * Invariants: 1. A loop never waits for a reader: what is no regular file (a pipe, a terminal) is
 * asked first whether it takes something, and gets at most what a pipe takes without waiting.
 * 2. What could not be written stays, in order; only lines for which there is no memory left are
 * lost, whole ones, and they are counted and told. So a disk that has space again goes on where it
 * was. 3. A file that is opened again gets nothing before the old one was offered what was kept.
 *
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* sigtimedwait */
#include "web/access_log.h"

#include "net/mask.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { KEPT = 64 * 1024, PIPE_TAKES = 4096, TELL_SECONDS = 60 };

struct cstar__access_log {
    cstar__access_log_opts opts;
    pthread_mutex_t mutex; /* guards all below */
    int fd;
    bool own;     /* `fd` is ours to close */
    bool regular; /* writing to it does not wait for anybody */
    int error;    /* errno of the last write that failed; 0: it went well */
    uint64_t lost, told;
    time_t told_at;
    size_t len;
    char kept[KEPT];
};

/* ---- writing ---- */

static bool is_ready(const cstar__access_log *log) {
    struct pollfd p = {.fd = log->fd, .events = POLLOUT};
    return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) != 0;
}

/* One write. @return how many bytes it took; 0: none now. */
static size_t write_some(cstar__access_log *log, const char *ptr, size_t len) {
    if (!log->regular) {
        if (!is_ready(log)) {
            log->error = EAGAIN;
            return 0;
        }
        len = len < PIPE_TAKES ? len : PIPE_TAKES;
    }
    ssize_t n = -1;
    do {
        n = write(log->fd, ptr, len);
    } while (n < 0 && errno == EINTR);
    log->error = n < 0 ? errno : 0;
    return n > 0 ? (size_t)n : 0;
}

static void flush_locked(cstar__access_log *log) {
    size_t done = 0;
    while (done < log->len) {
        size_t n = write_some(log, log->kept + done, log->len - done);
        if (n == 0) {
            break;
        }
        done += n;
    }
    if (done != 0) {
        log->len -= done;
        memmove(log->kept, log->kept + done, log->len);
    }
}

/* @return whether there is something to tell, in `text`. */
static bool note_losses(cstar__access_log *log, char *text, size_t size) {
    if (log->lost == log->told) {
        return false;
    }
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    if (log->told_at != 0 && now.tv_sec - log->told_at < TELL_SECONDS) {
        return false;
    }
    (void)snprintf(text, size, "access log: %llu lines were lost: %s",
                   (unsigned long long)(log->lost - log->told),
                   log->error == EAGAIN ? "it is not read" : strerror(log->error));
    log->told = log->lost;
    log->told_at = now.tv_sec;
    return true;
}

void cstar__access_log_write(cstar__access_log *log, cstar_str line) {
    (void)pthread_mutex_lock(&log->mutex);
    /* A file that fails is tried again by the next flush, not with each line. */
    if (KEPT - log->len < line.len && (log->error == 0 || log->error == EAGAIN)) {
        flush_locked(log);
    }
    if (KEPT - log->len >= line.len) {
        memcpy(log->kept + log->len, line.ptr, line.len);
        log->len += line.len;
    } else {
        log->lost++;
    }
    (void)pthread_mutex_unlock(&log->mutex);
}

void cstar__access_log_flush(cstar__access_log *log) {
    char text[128];
    (void)pthread_mutex_lock(&log->mutex);
    flush_locked(log);
    const bool tell = note_losses(log, text, sizeof text);
    (void)pthread_mutex_unlock(&log->mutex);
    if (tell && log->opts.complain != NULL) {
        log->opts.complain(log->opts.arg, text);
    }
}

uint64_t cstar__access_log_lost(cstar__access_log *log) {
    (void)pthread_mutex_lock(&log->mutex);
    const uint64_t lost = log->lost;
    (void)pthread_mutex_unlock(&log->mutex);
    return lost;
}

/* ---- opening ---- */

static bool is_stdout(const cstar__access_log *log) { return strcmp(log->opts.path, "-") == 0; }

static bool is_regular(int fd) {
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* Not waiting for somebody who reads, if it is a named pipe. */
static int open_file(const cstar__access_log *log, cstar_err *err) {
    const int fd = open(log->opts.path,
                        O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
    if (fd < 0) {
        (void)cstar_err_set(err, CSTAR_EIO, "access_log", "access_log: can't write to %s: %s",
                            log->opts.path, strerror(errno));
    }
    return fd;
}

cstar_status cstar__access_log_reopen(cstar__access_log *log, cstar_err *err) {
    if (is_stdout(log)) {
        return cstar_err_set(err, CSTAR_ESTATE, "access_log",
                             "access_log: it goes to standard output");
    }
    const int fd = open_file(log, err);
    if (fd < 0) {
        return CSTAR_EIO;
    }
    (void)pthread_mutex_lock(&log->mutex);
    flush_locked(log);
    const int old = log->fd;
    log->fd = fd;
    log->regular = is_regular(fd);
    (void)pthread_mutex_unlock(&log->mutex);
    (void)close(old);
    return CSTAR_OK;
}

static cstar_status open_first(cstar__access_log *log, cstar_err *err) {
    log->own = !is_stdout(log);
    log->fd = log->own ? open_file(log, err) : STDOUT_FILENO;
    if (log->fd < 0) {
        return CSTAR_EIO;
    }
    log->regular = is_regular(log->fd);
    if (pthread_mutex_init(&log->mutex, NULL) == 0) {
        return CSTAR_OK;
    }
    if (log->own) {
        (void)close(log->fd);
    }
    return cstar_err_set(err, CSTAR_ENOMEM, NULL, "out of memory");
}

cstar__access_log *cstar__access_log_new(const cstar__access_log_opts *opts, cstar_err *err) {
    const cstar_allocator *alloc = opts->alloc;
    cstar__access_log *log = alloc->resize(alloc->ctx, NULL, 0, sizeof *log);
    if (log == NULL) {
        (void)cstar_err_set(err, CSTAR_ENOMEM, NULL, "out of memory");
        return NULL;
    }
    memset(log, 0, offsetof(cstar__access_log, kept));
    log->opts = *opts;
    if (open_first(log, err) != CSTAR_OK) {
        alloc->resize(alloc->ctx, log, sizeof *log, 0);
        return NULL;
    }
    return log;
}

/* What is still kept is lost now, and is told at once. */
static void give_up(cstar__access_log *log) {
    for (size_t i = 0; i < log->len; i++) {
        log->lost += log->kept[i] == '\n';
    }
    log->len = 0;
    log->told_at = 0;
}

/* The workers block SIGPIPE, whoever frees the log need not. */
static void flush_last(cstar__access_log *log) {
    sigset_t before;
    cstar__mask_pipe(&before);
    flush_locked(log);
    give_up(log);
    cstar__access_log_flush(log);
    cstar__unmask_pipe(&before);
}

void cstar__access_log_free(cstar__access_log *log) {
    if (log == NULL) {
        return;
    }
    flush_last(log);
    if (log->own) {
        (void)close(log->fd);
    }
    (void)pthread_mutex_destroy(&log->mutex);
    log->opts.alloc->resize(log->opts.alloc->ctx, log, sizeof *log, 0);
}
