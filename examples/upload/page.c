/* page.c -- the page: a form that Datastar sends whole (contentType 'form'), and its two events.
 *
 *     send      the form came: judged here, whatever the browser thinks of it
 *     progress  asked again and again while it comes
 *
 * SPDX-License-Identifier: MIT */
#include "upload.h"

#include <stdio.h>

/* ---- the markup ---- */

static void hint(cstar_html *h, const char *id, const char *text) {
    cstar_put(h, "<p class='hint' id='{}' role='status'>{}</p>", id, text);
}

static void size_text(char out[32], uint64_t bytes) {
    if (bytes < 1000) {
        (void)snprintf(out, 32, "%u B", (unsigned)bytes);
    } else if (bytes < 1000000) {
        (void)snprintf(out, 32, "%.1f kB", (double)bytes / 1e3);
    } else {
        (void)snprintf(out, 32, "%.1f MB", (double)bytes / 1e6);
    }
}

static void fields(cstar_html *h) {
    cstar_put(h, "<label>Title<input name='title' autocomplete='off' "
                 "aria-describedby='title-hint'></label>");
    hint(h, "title-hint", "");
    cstar_put(h, "<label>Files<input type='file' name='files' multiple "
                 "aria-describedby='files-hint'></label>");
    hint(h, "files-hint", "");
}

/* An interval asks for the progress, on an element of its own: requests of one element for one
 * address replace each other. */
static void bar(cstar_html *h) {
    cstar_put(h,
              "<div class='bar' data-show='$sending' style='display:none' "
              "data-on-interval__duration.200ms='$sending && {}'>"
              "<progress max='100' value='0' data-attr:value='$percent' "
              "aria-label='Progress'></progress>"
              "<output data-text=\"$percent + ' %'\"></output></div>",
              cstar_event("progress", .verb = CSTAR_GET));
}

static void mount(cstar_conn *conn) {
    char id[UPLOAD_ID_SIZE];
    cstar_assign(conn, "page_title", "Upload");
    if (!progress_new_id(id)) {
        cstar_respond_text(conn, 500, "No randomness");
        return;
    }
    cstar_signal(conn, "upload", id);
    cstar_signal(conn, "percent", 0);
    cstar_signal(conn, "refused", "");
}

/* What the server refuses before it has read it does not reach the event. The bar begins anew when
 * an upload does, not when one ends: an answer about how far it is may be on its way still. */
#define WATCH                                                                                      \
    "if (evt.detail.el === el && evt.detail.type === `started`) { $refused = ``; $percent = 0; } " \
    "if (evt.detail.el === el && evt.detail.type === `error`) "                                    \
    "$refused = evt.detail.argsRaw.status === `413` ? `Too large: a file may have 32 MB.` : "      \
    "`That did not work.`"

static void render(cstar_conn *conn, cstar_html *h) {
    cstar_put(h, "<div class='cards' data-signals='{}'><section class='card'><h2>Send files</h2>",
              cstar_init_signals(conn));
    cstar_put(h,
              "<form id='form' enctype='multipart/form-data' data-indicator:sending "
              "data-on:datastar-fetch='" WATCH "' data-on:submit='{}'>",
              cstar_event("send", .options = "{contentType: 'form', "
                                             "headers: {'X-Upload-Id': $upload}}"));
    fields(h);
    cstar_put(h, "<button id='send' data-attr:disabled='$sending'>Send</button>"
                 "<p class='hint' id='refused' role='status' data-text='$refused'></p></form>");
    bar(h);
    cstar_put(h, "</section><section class='card'><h2>Received</h2>"
                 "<div id='received'><p class='lead'>Nothing yet.</p></div></section></div>");
}

/* ---- send ---- */

static void received_file(cstar_html *h, const cstar_file *f) {
    char size[32];
    size_text(size, f->size);
    cstar_put(h, "<li><b>{}</b><span>{}</span><span>{}</span></li>", f->filename, size,
              f->content_type[0] != '\0' ? f->content_type : "unknown type");
}

static void show_received(cstar_conn *conn, const char *title) {
    cstar_patch(conn, h) {
        cstar_put(h, "<div id='received'><p class='lead' id='title'>{}</p><ul>", title);
        for (const cstar_file *f = NULL; (f = cstar_form_file_next(conn, f)) != NULL;) {
            received_file(h, f);
        }
        cstar_put(h, "</ul></div>");
    }
}

static void send_event(cstar_conn *conn, const cstar_signals *in) {
    char id[UPLOAD_ID_SIZE];
    const char *title = cstar_form(conn, "title");
    bool titled = title != NULL && title[0] != '\0';
    bool filed = cstar_form_file(conn, "files") != NULL;
    cstar_patch(conn, h) {
        hint(h, "title-hint", titled ? "" : "What shall it be called?");
        hint(h, "files-hint", filed ? "" : "Choose at least one file.");
    }
    if (titled && filed) {
        show_received(conn, title);
    }
    if (progress_new_id(id)) { /* the next upload is another one */
        cstar_signal(conn, "upload", id);
    }
}

/* ---- progress ---- */

static void on_progress(cstar_conn *conn, uint64_t bytes, int64_t total, void *arg) {
    progress_set(cstar_request_header(conn, "x-upload-id"), bytes, total);
}

static void progress_event(cstar_conn *conn, const cstar_signals *in) {
    int percent = progress_get(cstar_signals_view(in, "upload"));
    if (percent >= 0) {
        cstar_signal(conn, "percent", percent);
    }
}

static const cstar_upload_opts files = {
    .max_file = (size_t)32 << 20, .max_total = (size_t)64 << 20, .on_progress = on_progress};
CSTAR_PAGE(upload_page, .mount = mount, .render = render, .layout = upload_layout, .upload = &files,
           .events = CSTAR_EVENTS({"send", send_event}, {"progress", progress_event}));
