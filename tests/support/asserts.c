/* asserts.c -- see asserts.h.
 * SPDX-License-Identifier: MIT */
#include "support/asserts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

void asserts_has(const char *text, const char *part, bool wanted, const char *file, int line) {
    if ((strstr(text, part) != NULL) != wanted) {
        print_error("%s: %s\nin: %.2000s\n", wanted ? "missing" : "there", part, text);
        _fail(file, line);
    }
}
