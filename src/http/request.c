/* http/request.c -- reading a request: its fields and the name of its method.
 *
 * Absent: parsing (h1_head.c). An index of fields: requests have a dozen, and a loop over
 * lengths beats a hash.
 *
 * SPDX-License-Identifier: MIT */
#include "http/exchange.h"

const char *cstar__method_name(cstar__method m) {
    static const char *const names[CSTAR__METHODS] = {
        [CSTAR__GET] = "GET",         [CSTAR__HEAD] = "HEAD",   [CSTAR__POST] = "POST",
        [CSTAR__PUT] = "PUT",         [CSTAR__PATCH] = "PATCH", [CSTAR__DELETE] = "DELETE",
        [CSTAR__OPTIONS] = "OPTIONS",
    };
    return (unsigned)m < CSTAR__METHODS ? names[m] : "";
}

cstar_str cstar__request_field(const cstar__request *r, const char *name) {
    cstar_str wanted = cstar_cstr(name);
    for (size_t i = 0; i < r->nfields; i++) {
        if (cstar_str_eq(r->fields[i].name, wanted)) {
            return r->fields[i].value;
        }
    }
    return cstar_view(NULL, 0);
}
