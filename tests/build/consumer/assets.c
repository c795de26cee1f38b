/* A program with files inside, of someone who has cstar installed: prints what they are.
 * SPDX-License-Identifier: MIT */
#include <cstar.h>

#include <site.h>
#include <some_files.h>
#include <stdio.h>

static void print(const cstar_assets *assets) {
    for (size_t i = 0; i < assets->count; i++) {
        const cstar_asset *a = &assets->list[i];
        printf("%s %zu %s", a->hash, a->size, a->name);
        for (size_t j = 0; j < a->size && j < 8; j++) {
            printf(" %02x", (unsigned)(unsigned char)a->data[j]);
        }
        printf("\n");
    }
}

int main(void) {
    cstar_app *app = cstar_app_new();
    cstar_static_embedded(app, "/site", &site);
    cstar_static_embedded(app, "/files", &some_files, .cache_control = "no-store");
    cstar_err err = {0};
    if (cstar_serve(app, &(cstar_serve_opts){.listen = "no such place"}, &err) == CSTAR_OK) {
        return 1;
    }
    if (err.where == NULL || strcmp(err.where, "assets") == 0) {
        return 1; /* it is the place that is wrong, not the assets */
    }
    print(&site);
    print(&some_files);
    cstar_app_free(app);
    return 0;
}
