/* count_allocs.c -- counts the heap calls of the program it is preloaded into; glibc only.
 *
 * The counter lies in a file that both processes map, BENCH_ALLOCS: the bench reads it while the program runs, so that only
 * what a steady load allocates is counted. One 64-bit number, in the machine's order: malloc, calloc, realloc and the aligned ones.
 *
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *ptr, size_t size);
void *__libc_memalign(size_t align, size_t size);

static _Atomic uint64_t unread; /* before the file is mapped, and without one */
static _Atomic uint64_t *calls = &unread;

__attribute__((constructor)) static void map_counter(void) {
    const char *path = getenv("BENCH_ALLOCS");
    int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) {
        return;
    }
    void *mem = mmap(NULL, sizeof *calls, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mem != MAP_FAILED) {
        calls = mem;
    }
    close(fd);
}

static void count(void) { atomic_fetch_add_explicit(calls, 1, memory_order_relaxed); }

void *malloc(size_t size) {
    count();
    return __libc_malloc(size);
}

void *calloc(size_t n, size_t size) {
    count();
    return __libc_calloc(n, size);
}

void *realloc(void *ptr, size_t size) {
    count();
    return __libc_realloc(ptr, size);
}

void *memalign(size_t align, size_t size) {
    count();
    return __libc_memalign(align, size);
}

void *aligned_alloc(size_t align, size_t size) { return memalign(align, size); }

int posix_memalign(void **out, size_t align, size_t size) {
    void *p = memalign(align, size);
    if (p == NULL) {
        return ENOMEM;
    }
    *out = p;
    return 0;
}
