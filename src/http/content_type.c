/* http/content_type.c -- see content_type.h.
 * SPDX-License-Identifier: MIT */
#include "http/content_type.h"

#include "http/scan.h"

enum { MAX_PARAMS = 16 };

/* ---- a field -------------------------------------------------------------------------------- */

/* The next parameter that is not empty. */
static bool next_param(cstar__scan *s, cstar__param *p) {
    while (cstar__scan_param(s, p)) {
        if (p->name.len != 0) {
            return true;
        }
    }
    return false;
}

static cstar_status check_params(cstar__scan s) {
    cstar_str names[MAX_PARAMS];
    cstar__param p;
    size_t n = 0;
    while (next_param(&s, &p)) {
        for (size_t i = 0; i < n; i++) {
            if (cstar_str_ieq(names[i], p.name)) {
                return CSTAR_ESYNTAX;
            }
        }
        if (n == MAX_PARAMS) {
            return CSTAR_ELIMIT;
        }
        names[n++] = p.name;
    }
    cstar__scan_space(&s);
    return cstar__scan_done(&s) ? CSTAR_OK : CSTAR_ESYNTAX;
}

cstar_status cstar__media_parse(cstar_str value, cstar__media *out) {
    cstar__scan s = cstar__scan_of(value);
    cstar__media m;
    cstar__scan_space(&s);
    if (!cstar__scan_token(&s, &m.type) || !cstar__scan_byte(&s, '/') ||
        !cstar__scan_token(&s, &m.subtype)) {
        return CSTAR_ESYNTAX;
    }
    m.params = cstar_view(s.at, (size_t)(s.end - s.at));
    cstar_status rc = check_params(s);
    if (rc == CSTAR_OK) {
        *out = m;
    }
    return rc;
}

bool cstar__media_is(const cstar__media *m, const char *name) {
    cstar_str rest = cstar_cstr(name);
    cstar_str type;
    return cstar__split(&rest, '/', &type) && cstar_str_ieq(m->type, type) &&
           cstar_str_ieq(m->subtype, rest);
}

bool cstar__media_param(const cstar__media *m, const char *name, cstar_buf *out) {
    cstar__scan s = cstar__scan_of(m->params);
    cstar__param p;
    while (next_param(&s, &p)) {
        if (cstar_str_ieq(p.name, cstar_cstr(name))) {
            if (p.quoted) {
                cstar__scan_unquote(out, p.value);
            } else {
                cstar_buf_str(out, p.value);
            }
            return true;
        }
    }
    return false;
}

/* ---- a file name ---------------------------------------------------------------------------- */

#define UTF8 "; charset=utf-8"

/* Sorted by extension, for a binary search; a test holds it to that. */
static const struct {
    char ext[12];
    const char *media;
} by_ext[] = {
    {"7z", "application/x-7z-compressed"},
    {"aac", "audio/aac"},
    {"apng", "image/apng"},
    {"atom", "application/atom+xml"},
    {"avif", "image/avif"},
    {"bmp", "image/bmp"},
    {"bz2", "application/x-bzip2"},
    {"cjs", "text/javascript" UTF8},
    {"css", "text/css" UTF8},
    {"csv", "text/csv" UTF8},
    {"doc", "application/msword"},
    {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"eot", "application/vnd.ms-fontobject"},
    {"epub", "application/epub+zip"},
    {"flac", "audio/flac"},
    {"gif", "image/gif"},
    {"gz", "application/gzip"},
    {"htm", "text/html" UTF8},
    {"html", "text/html" UTF8},
    {"ico", "image/vnd.microsoft.icon"},
    {"ics", "text/calendar" UTF8},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"js", "text/javascript" UTF8},
    {"json", "application/json"},
    {"jsonld", "application/ld+json"},
    {"jxl", "image/jxl"},
    {"m4a", "audio/mp4"},
    {"m4v", "video/mp4"},
    {"map", "application/json"},
    {"md", "text/markdown" UTF8},
    {"mjs", "text/javascript" UTF8},
    {"mov", "video/quicktime"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"mpeg", "video/mpeg"},
    {"oga", "audio/ogg"},
    {"ogg", "audio/ogg"},
    {"ogv", "video/ogg"},
    {"opus", "audio/ogg"},
    {"otf", "font/otf"},
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
    {"rss", "application/rss+xml"},
    {"rtf", "application/rtf"},
    {"svg", "image/svg+xml"},
    {"tar", "application/x-tar"},
    {"tif", "image/tiff"},
    {"tiff", "image/tiff"},
    {"ttf", "font/ttf"},
    {"txt", "text/plain" UTF8},
    {"vtt", "text/vtt" UTF8},
    {"wasm", "application/wasm"},
    {"wav", "audio/wav"},
    {"weba", "audio/webm"},
    {"webm", "video/webm"},
    {"webmanifest", "application/manifest+json"},
    {"webp", "image/webp"},
    {"woff", "font/woff"},
    {"woff2", "font/woff2"},
    {"xhtml", "application/xhtml+xml"},
    {"xls", "application/vnd.ms-excel"},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"xml", "application/xml"},
    {"yaml", "application/yaml"},
    {"yml", "application/yaml"},
    {"zip", "application/zip"},
    {"zst", "application/zstd"},
};

/* What stands behind the last dot, in lower case, NUL-terminated; "" for names like ".profile". */
static void extension(cstar_str name, char ext[sizeof by_ext[0].ext]) {
    size_t i = name.len;
    ext[0] = '\0';
    while (i != 0 && name.ptr[i - 1] != '.' && name.ptr[i - 1] != '/') {
        i--;
    }
    size_t len = name.len - i;
    if (i < 2 || name.ptr[i - 1] != '.' || name.ptr[i - 2] == '/' || len >= sizeof by_ext[0].ext) {
        return;
    }
    for (size_t k = 0; k < len; k++) {
        char c = name.ptr[i + k];
        if (c == '\0') { /* or "html\0x" would be "html" */
            ext[0] = '\0';
            return;
        }
        ext[k] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    ext[len] = '\0';
}

const char *cstar__media_by_name(cstar_str filename) {
    char ext[sizeof by_ext[0].ext];
    size_t low = 0;
    size_t high = sizeof by_ext / sizeof by_ext[0];
    extension(filename, ext);
    while (low < high) {
        size_t mid = (low + high) / 2;
        int order = strcmp(ext, by_ext[mid].ext);
        if (order == 0) {
            return by_ext[mid].media;
        }
        if (order < 0) {
            high = mid;
        } else {
            low = mid + 1;
        }
    }
    return "application/octet-stream";
}

static bool ends_with(cstar_str s, cstar_str end) {
    return s.len >= end.len && cstar_str_ieq(cstar_view(s.ptr + s.len - end.len, end.len), end);
}

bool cstar__media_compresses(cstar_str value) {
    static const char *const more[] = {"application/json",
                                       "application/xml",
                                       "application/wasm",
                                       "application/yaml",
                                       "application/rtf",
                                       "application/javascript",
                                       "image/bmp",
                                       "font/ttf",
                                       "font/otf",
                                       "image/vnd.microsoft.icon",
                                       "application/vnd.ms-fontobject",
                                       "application/x-tar"};
    cstar__media m;
    if (cstar__media_parse(value, &m) != CSTAR_OK) {
        return false;
    }
    if (cstar_str_ieq(m.type, CSTAR_STR("text")) || ends_with(m.subtype, CSTAR_STR("+xml")) ||
        ends_with(m.subtype, CSTAR_STR("+json"))) {
        return true;
    }
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
        if (cstar__media_is(&m, more[i])) {
            return true;
        }
    }
    return false;
}
