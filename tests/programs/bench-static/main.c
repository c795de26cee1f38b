/* bench-static -- the files of the folder $BENCH_FILES under /assets, for tools/bench.sh.
 * SPDX-License-Identifier: MIT */
#include <cstar.h>

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    const char *folder = getenv("BENCH_FILES");
    cstar_app *app = cstar_app_new();
    if (app == NULL || folder == NULL) {
        (void)fputs("bench-static: out of memory, or no BENCH_FILES\n", stderr);
        cstar_app_free(app);
        return 1;
    }
    cstar_static(app, "/assets", folder); /* an error stays with the app, and cstar_main says it */
    return cstar_main(app, argc, argv);
}
