/* upload -- a form with files: what the server says is wrong with it, how far it is, what arrived.
 *
 *     upload --listen :8080                      then open it in a browser
 *     curl -F note=hello -F file=@photo.jpg http://127.0.0.1:8080/files
 *
 * SPDX-License-Identifier: MIT */
#include "upload.h"

int main(int argc, char **argv) {
    static const cstar_upload_opts files = {.max_file = (size_t)32 << 20,
                                            .max_total = (size_t)64 << 20};
    cstar_app *app = cstar_app_new();
    cstar_page(app, "/", &upload_page);
    cstar_route(app, CSTAR_GET, "/upload.css", upload_style);
    cstar_route(app, CSTAR_POST, "/files", plain_files, .upload = &files, .blocking = true);
    cstar_route(app, CSTAR_POST, "/stream", plain_stream, .upload = &plain_stream_opts);
    return cstar_main(app, argc, argv);
}
