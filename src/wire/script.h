/* wire/script.h -- a script element in three steps, for code that is built where it will stand.
 *
 *     cstar_status rc = cstar__script_check(&s, err);
 *     size_t mark = out->len;
 *     size_t code = cstar__script_open(out, &s);
 *     cstar_buf_lit(out, "console.log(...)");
 *     cstar__script_close(out, code, true);
 *     return cstar__event_commit(out, mark, err);
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_WIRE_SCRIPT_H
#define CSTAR_WIRE_SCRIPT_H

#include "cstar/wire.h"

/** Whether a value is text or JSON. @return CSTAR_OK; CSTAR_ETYPE it is neither; what
 * cstar_json_check() says of its JSON text. */
cstar_status cstar__script_value(const cstar_val *v);

/** Refuses bad attributes and retry. The script text is not looked at. */
cstar_status cstar__script_check(const cstar_script *s, cstar_err *err);

/** Everything up to and with "<script ...>". @return where the code starts. */
size_t cstar__script_open(cstar_buf *out, const cstar_script *s);

/**
 * Defuses the code since `code`, then "</script>" and the end of the event.
 * @param data  Every "<" of the code stands in a string literal (the code was made from data): then
 *              the one sequence that a
 *              regular expression of a hand-written script could need is defused too.
 */
void cstar__script_close(cstar_buf *out, size_t code, bool data);

#endif
