/* tests/fuzz/replay_main.c -- runs a fuzz target on stored inputs, without libFuzzer.
 *
 * Arguments are files or directories (searched one level deep; one that does not exist is fine: a
 * new target has no corpus yet). The empty input always runs first. Each input is handed over in a
 * block of exactly its size, so that a sanitizer sees the first byte read past it. The name of the
 * input is printed before it runs: after a crash it is the last line.
 *
 * SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t inputs_run;

static void run_bytes(const char *name, const uint8_t *data, size_t size) {
    printf("%s (%zu bytes)\n", name, size);
    fflush(stdout);
    (void)LLVMFuzzerTestOneInput(data, size);
    inputs_run++;
}

static int run_file(const char *path, size_t size) {
    FILE *in = fopen(path, "rb");
    uint8_t *data = malloc(size != 0 ? size : 1);
    int rc = -1;

    if (in != NULL && data != NULL && fread(data, 1, size, in) == size) {
        run_bytes(path, data, size);
        rc = 0;
    } else {
        fprintf(stderr, "%s: cannot be read\n", path);
    }
    free(data);
    if (in != NULL) {
        fclose(in);
    }
    return rc;
}

static int run_directory(const char *path) {
    char child[4096];
    struct stat st;
    struct dirent *entry;
    int rc = 0;
    DIR *dir = opendir(path);

    if (dir == NULL) {
        fprintf(stderr, "%s: cannot be opened\n", path);
        return -1;
    }
    while ((entry = readdir(dir)) != NULL) {
        int n = snprintf(child, sizeof child, "%s/%s", path, entry->d_name);
        if (n > 0 && (size_t)n < sizeof child && stat(child, &st) == 0 && S_ISREG(st.st_mode) &&
            run_file(child, (size_t)st.st_size) != 0) {
            rc = -1;
        }
    }
    closedir(dir);
    return rc;
}

static int run_path(const char *path) {
    struct stat st;

    if (stat(path, &st) != 0) {
        printf("%s: nothing there\n", path);
        return 0;
    }
    return S_ISDIR(st.st_mode) ? run_directory(path) : run_file(path, (size_t)st.st_size);
}

int main(int argc, char **argv) {
    int failures = 0;

    run_bytes("(empty)", (const uint8_t *)"", 0);
    for (int i = 1; i < argc; i++) {
        failures += run_path(argv[i]) != 0;
    }
    printf("%zu inputs\n", inputs_run);
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
