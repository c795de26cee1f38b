/* asserts.h -- assertions that cmocka lacks. The line that fails is the test's.
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_TESTS_ASSERTS_H
#define CSTAR_TESTS_ASSERTS_H

#include <stdbool.h>

/** `part` is somewhere in `text`; is nowhere in it. */
#define assert_has(text, part) asserts_has((text), (part), true, __FILE__, __LINE__)
#define assert_lacks(text, part) asserts_has((text), (part), false, __FILE__, __LINE__)

void asserts_has(const char *text, const char *part, bool wanted, const char *file, int line);

#endif
