/* upload_file.c -- temporary files that have no name, and how one gets a name.
 *
 * A temporary file is made nameless where the file system can (O_TMPFILE), else it is unlinked at
 * once: nobody else sees it, and nothing is left behind, however the process ends.
 * Saving goes by a new file beside the target, which is renamed over it, so that the target is the
 * old one or the new one and never a part. Its name is random; that it is ours is what
 * O_EXCL says. A nameless file on the same file system is linked there instead of
 * copied, the first time: a second link would be the same file under two names.
 *
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* NOLINT: O_TMPFILE */
#include "web/body.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, COPY_BYTES = 65536, TRIES = 10 };

/* ---- temporary ---- */

/* "DIR/.cstar-0123456789abcdef". @return false: errno says why. */
static bool fresh_name(char out[PATH_BYTES], const char *dir, size_t dir_len) {
    uint64_t n = 0;
    if (getentropy(&n, sizeof n) != 0) {
        return false;
    }
    int len = dir_len < PATH_BYTES ? snprintf(out, PATH_BYTES, "%.*s/.cstar-%016llx", (int)dir_len,
                                              dir, (unsigned long long)n)
                                   : PATH_BYTES;
    if (len < 0 || len >= PATH_BYTES) {
        errno = ENAMETOOLONG;
        return false;
    }
    return true;
}

/* A new file in the folder; its name in `out`. */
static int create_in(const char *dir, size_t dir_len, mode_t mode, char out[PATH_BYTES]) {
    for (int i = 0; i < TRIES; i++) {
        if (!fresh_name(out, dir, dir_len)) {
            return -1;
        }
        int fd = open(out, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW, mode);
        if (fd >= 0 || errno != EEXIST) {
            return fd;
        }
    }
    return -1;
}

static const char *temp_dir(const char *dir) {
    const char *set = dir == NULL ? getenv("TMPDIR") : NULL; /* NOLINT(concurrency-mt-unsafe) */
    if (dir != NULL) {
        return dir;
    }
    return set != NULL && set[0] == '/' ? set : "/tmp";
}

int cstar__temp_open(const char *dir) {
    char name[PATH_BYTES];
    dir = temp_dir(dir);
#ifdef O_TMPFILE
    int nameless = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (nameless >= 0) {
        return nameless;
    }
#endif
    int fd = create_in(dir, strlen(dir), S_IRUSR | S_IWUSR, name);
    if (fd >= 0) {
        (void)unlink(name);
    }
    return fd;
}

bool cstar__temp_write(int fd, const char *ptr, size_t len) {
    while (len != 0) {
        ssize_t n = write(fd, ptr, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            errno = n == 0 ? EIO : errno;
            return false;
        }
        ptr += n;
        len -= (size_t)n;
    }
    return true;
}

/* ---- reading ---- */

ptrdiff_t cstar_file_read(const cstar_file *f, uint64_t at, char *mem, size_t len) {
    size_t got = 0;
    while (got < len) {
        ssize_t n = pread(f->fd, mem + got, len - got, (off_t)(at + got));
        if (n == 0) {
            break;
        }
        if (n < 0 && errno != EINTR) {
            return -1;
        }
        got += n > 0 ? (size_t)n : 0;
    }
    return (ptrdiff_t)got;
}

/* ---- saving ---- */

static bool copy_to(const cstar_file *f, int fd) {
    char piece[COPY_BYTES];
    uint64_t at = 0;
    while (at < f->size) {
        ptrdiff_t n = cstar_file_read(f, at, piece, sizeof piece);
        if (n <= 0) {
            errno = n == 0 ? EIO : errno; /* it is shorter than it was */
            return false;
        }
        if (!cstar__temp_write(fd, piece, (size_t)n)) {
            return false;
        }
        at += (uint64_t)n;
    }
    return true;
}

/* Whether the nameless file can be `beside`, an empty new file: then it is, with its mode. */
static bool link_as(const cstar_file *f, const char *beside, const struct stat *made) {
#ifdef O_TMPFILE
    struct stat ours;
    char by_number[64];
    if (fstat(f->fd, &ours) != 0 || ours.st_nlink != 0 || ours.st_dev != made->st_dev) {
        return false;
    }
    (void)snprintf(by_number, sizeof by_number, "/proc/self/fd/%d", f->fd);
    /* tried under a second name first: an unlinked file cannot be linked again */
    char name[PATH_BYTES + 2];
    (void)snprintf(name, sizeof name, "%s+", beside);
    if (linkat(AT_FDCWD, by_number, AT_FDCWD, name, AT_SYMLINK_FOLLOW) != 0) {
        return false;
    }
    if (fchmod(f->fd, made->st_mode & 07777) == 0 && rename(name, beside) == 0) {
        return true;
    }
    (void)unlink(name);
#else
    (void)f;
    (void)beside;
    (void)made;
#endif
    return false;
}

/* @param fd  the empty new file. */
static bool fill(const cstar_file *f, int fd, const char *beside) {
    struct stat made;
    return fstat(fd, &made) == 0 && (link_as(f, beside, &made) || copy_to(f, fd));
}

static cstar_status save_failed(cstar_err *err, const char *path, int code) {
    return cstar_err_set(err, CSTAR_EIO, "path", "path: can't save to %.80s (errno %d)", path,
                         code);
}

cstar_status cstar_file_save(const cstar_file *f, const char *path, cstar_err *err) {
    char beside[PATH_BYTES];
    if (path == NULL || path[0] == '\0' || path[strlen(path) - 1] == '/') {
        return cstar_err_set(err, CSTAR_EINVAL, "path", "path: no file's name");
    }
    if (strlen(path) >= PATH_BYTES - 32) {
        return cstar_err_set(err, CSTAR_ELIMIT, "path", "path: too long");
    }
    const char *slash = strrchr(path, '/');
    const char *dir = slash == NULL ? "." : path;
    size_t dir_len = slash == NULL ? 1 : (size_t)(slash - path);
    int fd = create_in(dir, dir_len, S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH, beside);
    if (fd < 0) {
        return save_failed(err, path, errno);
    }
    bool good = fill(f, fd, beside);
    int code = errno;
    good = close(fd) == 0 && good;
    if (good && rename(beside, path) == 0) {
        return CSTAR_OK;
    }
    code = good ? errno : code;
    (void)unlink(beside);
    return save_failed(err, path, code);
}
