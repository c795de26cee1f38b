/* web/beneath.c -- see beneath.h.
 *
 * openat2() lets the kernel hold the border. Where it is missing (before Linux 5.6, behind a strict
 * seccomp filter, not Linux) the path is walked name by name, no link ever followed by the kernel:
 * a link is read, put into the path in place of its name, and the walk begins again at the root;
 * so it does where a link brought "." or "..", which are taken out.
 * Invariants: 1. Names before the one at hand are folders and no links, so that ".." of a link is
 * the name before it. 2. No descriptor but the root's outlives a call, except the result.
 *
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* syscall(), O_PATH */
#include "web/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/syscall.h>
#endif

enum {
    MAX_PATH = 4096,
    MAX_LINKS = 40,  /* as in the kernel */
    MAX_AGAIN = 200, /* passes of one walk: for the links, and for "." and ".." in them */
    FILE_FLAGS = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
#ifdef O_PATH
    DIR_FLAGS = O_PATH | O_DIRECTORY | O_CLOEXEC,
#else
    DIR_FLAGS = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
#endif
};

/* ---- openat2 ---- */

#ifdef SYS_openat2
/* As in linux/openat2.h, which older systems do not have. */
struct how {
    uint64_t flags, mode, resolve;
};
enum { NO_MAGICLINKS = 0x02, NO_SYMLINKS = 0x04, BENEATH = 0x08 };

static int open_beneath(const cstar__beneath *b, const char *path, int flags) {
    struct how how = {.flags = (uint64_t)flags, .resolve = BENEATH | NO_MAGICLINKS};
    how.resolve |= b->symlinks ? 0 : NO_SYMLINKS;
    int again = 3; /* EAGAIN: something was renamed meanwhile, and the kernel is not sure */
    for (;;) {
        long fd = syscall(SYS_openat2, b->fd, path, &how, sizeof how);
        if (fd >= 0) {
            return (int)fd;
        }
        if (errno != EINTR && (errno != EAGAIN || again-- == 0)) {
            return -errno;
        }
    }
}
#else
static int open_beneath(const cstar__beneath *b, const char *path, int flags) {
    (void)b;
    (void)path;
    (void)flags;
    return -ENOSYS;
}
#endif

/* ---- name by name ---- */

typedef struct trip {
    char path[MAX_PATH];
    size_t at, end; /* the name at hand; before it there are folders only */
    int links;
} trip;

static bool is_name(const trip *w, const char *name) {
    size_t len = strlen(name);
    return w->end - w->at == len && memcmp(w->path + w->at, name, len) == 0;
}

/* The next name. False: there is none, the path has come to nothing but its root. */
static bool next_name(trip *w) {
    size_t at = w->end;
    while (w->path[at] == '/') {
        at++;
    }
    if (w->path[at] == '\0') {
        return false;
    }
    w->at = at;
    w->end = at + strcspn(w->path + at, "/");
    return true;
}

static bool is_last(const trip *w) {
    return w->path[w->end + strspn(w->path + w->end, "/")] == '\0';
}

/* Replaces the bytes from `from` to the end of the name at hand; the walk begins again. */
static int replace_from(trip *w, size_t from, const char *text, size_t len) {
    size_t rest = strlen(w->path + w->end) + 1;
    if (from + len + rest > sizeof w->path) {
        return -ENAMETOOLONG;
    }
    memmove(w->path + from + len, w->path + w->end, rest);
    memcpy(w->path + from, text, len);
    return -EAGAIN;
}

/* ".." in a link: takes the name before it away as well. */
static int go_up(trip *w) {
    size_t from = w->at;
    while (from > 0 && w->path[from - 1] == '/') {
        from--;
    }
    if (from == 0) {
        return -EXDEV;
    }
    while (from > 0 && w->path[from - 1] != '/') {
        from--;
    }
    return replace_from(w, from, "", 0);
}

/* The name at hand could not be opened: `why`, unless it is a link. */
static int follow(const cstar__beneath *b, trip *w, int dir, const char *name, int why) {
    char target[MAX_PATH];
    if (!b->symlinks || (why != -ELOOP && why != -ENOTDIR)) {
        return why;
    }
    ssize_t n = readlinkat(dir, name, target, sizeof target);
    if (n <= 0) {
        return why;
    }
    if (++w->links > MAX_LINKS) {
        return -ELOOP;
    }
    return target[0] == '/' ? -EXDEV : replace_from(w, w->at, target, (size_t)n);
}

static int open_name(const cstar__beneath *b, trip *w, int dir, bool last) {
    char name[256];
    size_t len = w->end - w->at;
    if (is_name(w, "..")) {
        return go_up(w);
    }
    if (is_name(w, ".")) {
        return replace_from(w, w->at, "", 0);
    }
    if (len >= sizeof name) {
        return -ENAMETOOLONG;
    }
    memcpy(name, w->path + w->at, len);
    name[len] = '\0';
    int fd = openat(dir, name, (last ? (int)FILE_FLAGS : (int)DIR_FLAGS) | O_NOFOLLOW);
    return fd >= 0 ? fd : follow(b, w, dir, name, -errno);
}

/* From the root to the file. @return as cstar__beneath_open(), or -EAGAIN: the path was
 * rewritten. */
static int pass(const cstar__beneath *b, trip *w) {
    int dir = b->fd;
    w->end = 0;
    for (bool last = false; !last;) {
        if (!next_name(w)) {
            return -ENOENT;
        }
        last = is_last(w);
        int next = open_name(b, w, dir, last);
        if (dir != b->fd) {
            (void)close(dir);
        }
        if (next < 0) {
            return next;
        }
        dir = next;
    }
    return dir;
}

static int open_walking(const cstar__beneath *b, const char *path) {
    trip w;
    int rc = -EAGAIN;
    size_t len = strlen(path);
    if (len >= sizeof w.path) {
        return -ENAMETOOLONG;
    }
    memcpy(w.path, path, len + 1);
    w.links = 0;
    for (int n = 0; n < MAX_AGAIN && rc == -EAGAIN; n++) {
        rc = pass(b, &w);
    }
    return rc == -EAGAIN ? -ELOOP : rc;
}

/* ---- both ---- */

cstar_status cstar__beneath_init(cstar__beneath *b, const char *dir, bool walk, cstar_err *err) {
    b->fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (b->fd < 0) {
        cstar_status rc = errno == ENOENT || errno == ENOTDIR ? CSTAR_ENOENT : CSTAR_EIO;
        return cstar_err_set(err, rc, "dir", "dir: can't open the folder %s: %s", dir,
                             strerror(errno));
    }
    int probe = walk ? -ENOSYS : open_beneath(b, ".", DIR_FLAGS);
    b->walk = probe < 0;
    if (probe >= 0) {
        (void)close(probe);
    }
    return CSTAR_OK;
}

void cstar__beneath_fini(cstar__beneath *b) {
    if (b->fd >= 0) {
        (void)close(b->fd);
    }
    b->fd = -1;
}

int cstar__beneath_open(const cstar__beneath *b, const char *path) {
    return b->walk ? open_walking(b, path) : open_beneath(b, path, FILE_FLAGS);
}
