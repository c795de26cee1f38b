/* status.c -- status texts, and errors in words.
 * SPDX-License-Identifier: MIT */
#include "cstar/base.h"

#include <stdarg.h>
#include <stdio.h>

const char *cstar_strerror(cstar_status status) {
    switch (status) {
#define STATUS_TEXT(name, number, text)                                                            \
    case name:                                                                                     \
        return text;
        CSTAR_STATUS_LIST(STATUS_TEXT)
#undef STATUS_TEXT
    }
    return "unknown status";
}

cstar_status cstar_err_set(cstar_err *err, cstar_status code, const char *where, const char *format,
                           ...) {
    if (err != NULL) {
        va_list args;
        va_start(args, format);
        err->code = code;
        err->where = where;
        (void)vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
    }
    return code;
}
