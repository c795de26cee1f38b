/* upload.c -- a multipart/form-data body, taken apart while it comes: fields into the arena, files
 * into temporary files or to the app's callbacks.
 *
 *     feed ──▶ http/multipart ──▶ part_begin ──▶ a field: text gathers ──────▶ part_end: form_add
 *                                     ├──▶ a file: opened ──▶ written ───────▶ part_end: listed
 *                                     └──▶ on_data ──▶ on_data ... ──────────▶ part_end: len 0
 *
 * Invariants: 1. Memory: what fields hold (at most fields_left at the start) and one part's head.
 * 2. A file that was opened is in the list or is `file`, and is closed by close, whatever happens.
 * 3. on_end is called once if begin succeeded, last: when the handler has returned, or when it is
 * known that none will run. 4. Once a status refuses, no callback but on_end is
 * called.
 * Writing goes into the page cache on the loop's thread: it does not wait for the disk until the
 * kernel is short of memory. A pool thread per piece would cost more than it saves.
 *
 * SPDX-License-Identifier: MIT */
#include "http/filename.h"
#include "web/body.h"

#include <errno.h>
#include <unistd.h>

enum { PROGRESS_BYTES = 65536 };

static const cstar_upload_opts *given_opts(const cstar_conn *conn) {
    if (conn->opts != NULL) {
        return conn->opts->upload;
    }
    return conn->events != NULL ? conn->events->upload : NULL;
}

size_t cstar__upload_limit(const cstar_conn *conn) {
    const cstar_upload_opts *o = given_opts(conn);
    if (o == NULL) {
        return conn->max_body;
    }
    return o->max_total != 0 ? o->max_total : (size_t)32 << 20;
}

/* ---- refusing ---- */

static cstar_status refuse(cstar__body *b, int status) {
    b->refusal = status;
    return CSTAR_EPOLICY;
}

/* A temporary file failed. The client is not told where. */
static cstar_status refuse_errno(cstar__body *b, int code) {
    const char *dir = b->opts->dir != NULL ? b->opts->dir : "the default folder";
    cstar__app_log(b->conn->app, CSTAR_LOG_ERROR,
                   "upload: can't write a temporary file in %s (errno %d)", dir, code);
    switch (code) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return refuse(b, 507);
    case EMFILE:
    case ENFILE:
        return refuse(b, 503);
    default:
        return refuse(b, 500);
    }
}

/* What a callback returned. */
static cstar_status take_word(cstar__body *b, int status) {
    if (b->conn->answer != CSTAR__ANSWER_NONE) {
        return CSTAR_EPOLICY;
    }
    if (status == 0) {
        return CSTAR_OK;
    }
    return refuse(b, status >= 400 && status <= 599 ? status : 500);
}

/* ---- a part begins ---- */

/* NUL-terminated; "" for the absent. */
static const char *keep_text(cstar__body *b, cstar_str s) {
    return s.len != 0 ? cstar_arena_strdup(&b->conn->x->arena, s) : "";
}

static cstar_status ask_app(cstar__body *b, const cstar_upload_part *part) {
    if (b->opts->on_part == NULL) {
        return CSTAR_OK;
    }
    return take_word(b, b->opts->on_part(b->conn, part, b->opts->arg));
}

static cstar_status begin_field(cstar__body *b, const cstar__part *part) {
    const char *name = keep_text(b, part->name);
    const char *type = keep_text(b, part->content_type);
    if (name == NULL || type == NULL) {
        return CSTAR_ENOMEM;
    }
    b->name = cstar_view(name, part->name.len);
    cstar_buf_init(&b->text, cstar_arena_allocator(&b->conn->x->arena), SIZE_MAX / 2);
    return ask_app(b, &(cstar_upload_part){.name = name, .content_type = type});
}

static cstar__upload_file *new_file(cstar__body *b, const cstar__part *part) {
    char mem[CSTAR__FILENAME_MAX];
    cstar__upload_file *f = cstar_arena_zalloc(&b->conn->x->arena, sizeof *f);
    if (f == NULL) {
        return NULL;
    }
    const char *original = keep_text(b, part->filename);
    f->file = (cstar_file){.name = keep_text(b, part->name),
                           .filename = keep_text(b, cstar__filename_safe(part->filename, mem)),
                           .original = {original, part->filename.len},
                           .content_type = keep_text(b, part->content_type),
                           .fd = -1};
    bool whole = original != NULL && f->file.name != NULL && f->file.filename != NULL &&
                 f->file.content_type != NULL;
    return whole ? f : NULL;
}

/* The part of an input in which no file was chosen has no file name and no content. It is not seen
 * by the app, so what begins without a name is not shown before its first byte. */
static bool is_unchosen(const cstar_file *f) { return f->original.len == 0 && f->size == 0; }

static cstar_status show_file(cstar__body *b) {
    const cstar_file *f = &b->file->file;
    return ask_app(b, &(cstar_upload_part){.name = f->name,
                                           .filename = f->filename,
                                           .original = f->original,
                                           .content_type = f->content_type});
}

static cstar_status begin_file(cstar__body *b, const cstar__part *part) {
    b->file = new_file(b, part);
    if (b->file == NULL) {
        return CSTAR_ENOMEM;
    }
    return is_unchosen(&b->file->file) ? CSTAR_OK : show_file(b);
}

static cstar_status part_begin(void *ctx, const cstar__part *part) {
    cstar__body *b = ctx;
    b->file = NULL;
    return part->filename.ptr != NULL ? begin_file(b, part) : begin_field(b, part);
}

/* ---- its content ---- */

/* Descriptors are the whole process's: uploads may have a part of them, so that connections, files
 * and logs can be opened whatever is being uploaded. */
static void unreserve(cstar_app *app) {
    (void)__atomic_sub_fetch(&app->nfiles, 1, __ATOMIC_RELAXED);
}

static bool reserve(cstar_app *app) {
    const size_t n = __atomic_add_fetch(&app->nfiles, 1, __ATOMIC_RELAXED);
    if (app->max_files == 0 || n <= app->max_files) {
        return true;
    }
    unreserve(app);
    return false;
}

static cstar_status open_file(cstar__body *b) {
    if (b->file->file.fd >= 0) {
        return CSTAR_OK;
    }
    if (!reserve(b->conn->app)) {
        return refuse(b, 503);
    }
    b->file->file.fd = cstar__temp_open(b->opts->dir);
    if (b->file->file.fd >= 0) {
        return CSTAR_OK;
    }
    const int why = errno;
    unreserve(b->conn->app);
    return refuse_errno(b, why);
}

static cstar_status file_data(cstar__body *b, const char *ptr, size_t len) {
    cstar_file *f = &b->file->file;
    if (len > b->max_file - f->size) {
        return CSTAR_ELIMIT;
    }
    cstar_status rc = is_unchosen(f) ? show_file(b) : CSTAR_OK;
    f->size += len;
    if (rc == CSTAR_OK && b->opts->on_data != NULL) {
        return take_word(b, b->opts->on_data(b->conn, ptr, len, b->opts->arg));
    }
    rc = rc == CSTAR_OK ? open_file(b) : rc;
    if (rc != CSTAR_OK) {
        return rc;
    }
    return cstar__temp_write(f->fd, ptr, len) ? CSTAR_OK : refuse_errno(b, errno);
}

static cstar_status part_data(void *ctx, const char *ptr, size_t len) {
    cstar__body *b = ctx;
    if (b->file != NULL) {
        return file_data(b, ptr, len);
    }
    if (len > b->fields_left) {
        return CSTAR_ELIMIT;
    }
    b->fields_left -= len;
    cstar_buf_add(&b->text, ptr, len);
    return b->text.status;
}

/* ---- it ends ---- */

static cstar_status end_file(cstar__body *b) {
    if (is_unchosen(&b->file->file)) {
        b->file = NULL;
        return CSTAR_OK;
    }
    if (b->opts->on_data != NULL) {
        b->file = NULL;
        return take_word(b, b->opts->on_data(b->conn, NULL, 0, b->opts->arg));
    }
    cstar_status rc = open_file(b); /* an empty file is a file */
    if (rc == CSTAR_OK) {
        *b->files_end = b->file;
        b->files_end = &b->file->next;
        b->file = NULL;
    }
    return rc;
}

static cstar_status part_end(void *ctx) {
    cstar__body *b = ctx;
    return b->file != NULL ? end_file(b) : cstar__form_add(b, b->name, cstar_buf_view(&b->text));
}

/* ---- the body ---- */

static int status_of(const cstar__body *b, cstar_status rc) {
    static const struct {
        cstar_status rc;
        int status;
    } table[] = {{CSTAR_OK, 0},
                 {CSTAR_ELIMIT, 413},
                 {CSTAR_ESYNTAX, 400},
                 {CSTAR_EUTF8, 400},
                 {CSTAR_ENOTSUP, 415}};
    if (rc == CSTAR_EPOLICY && b->refusal != 0) {
        return b->refusal;
    }
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (table[i].rc == rc) {
            return table[i].status;
        }
    }
    return 500;
}

int cstar__upload_begin(cstar__body *b, cstar_str content_type) {
    static const cstar_upload_opts defaults;
    static const cstar__multipart_events events = {part_begin, part_data, part_end, NULL};
    const cstar_upload_opts *o = given_opts(b->conn);
    size_t total = cstar__upload_limit(b->conn);
    b->opts = o != NULL ? o : &defaults;
    b->max_file = o == NULL ? total : o->max_file != 0 ? o->max_file : (size_t)16 << 20;
    b->fields_left = o != NULL && o->max_fields != 0 ? o->max_fields : b->conn->max_body;
    cstar_status rc = cstar__multipart_init(
        &b->machine,
        &(cstar__multipart_opts){.alloc = cstar_arena_allocator(&b->conn->x->arena),
                                 .content_type = content_type,
                                 .events = &events,
                                 .ctx = b,
                                 .max_parts = b->opts->max_parts,
                                 .max_part = SIZE_MAX, /* files and fields differ: seen to here */
                                 .max_total = total});
    b->multipart = rc == CSTAR_OK;
    return status_of(b, rc);
}

static void tell_progress(cstar__body *b, bool over) {
    if (b->opts->on_progress == NULL || b->seen == b->told ||
        (!over && b->seen - b->told < PROGRESS_BYTES)) {
        return;
    }
    b->told = b->seen;
    b->opts->on_progress(b->conn, b->seen, b->conn->x->request.content_length, b->opts->arg);
}

int cstar__upload_feed(cstar__body *b, const char *ptr, size_t len) {
    b->seen += len;
    int refusal = status_of(b, cstar__multipart_feed(&b->machine, ptr, len));
    if (refusal == 0) {
        tell_progress(b, false);
    }
    return refusal;
}

static void tell_end(cstar__body *b) {
    if (!b->told_end) {
        b->told_end = true;
        if (b->opts->on_end != NULL) {
            b->opts->on_end(b->conn, b->whole, b->opts->arg);
        }
    }
}

int cstar__upload_end(cstar__body *b) {
    int refusal = status_of(b, cstar__multipart_end(&b->machine));
    if (refusal == 0) {
        tell_progress(b, true);
        b->whole = b->conn->answer == CSTAR__ANSWER_NONE;
    }
    return refusal;
}

static void close_file(cstar_app *app, cstar__upload_file *f) {
    if (f->file.fd >= 0) {
        (void)close(f->file.fd);
        f->file.fd = -1;
        unreserve(app);
    }
}

void cstar__upload_close(cstar__body *b) {
    if (!b->multipart) {
        return;
    }
    tell_end(b);
    for (cstar__upload_file *f = b->files; f != NULL; f = f->next) {
        close_file(b->conn->app, f);
    }
    if (b->file != NULL) {
        close_file(b->conn->app, b->file);
        b->file = NULL;
    }
}

/* ---- the app's state ---- */

void cstar_upload_keep(cstar_conn *conn, void *state) {
    if (conn->parts != NULL) {
        conn->parts->kept = state;
    }
}

void *cstar_upload_kept(const cstar_conn *conn) {
    return conn->parts != NULL ? conn->parts->kept : NULL;
}
