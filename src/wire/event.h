/* wire/event.h -- what every event has in common: the head, lines with a prefix, all or nothing.
 *
 *     cstar_status rc = cstar__event_check(e->retry, err);  // 1. refuse before anything is written
 *     size_t mark = out->len;                               // 2. remember where the event starts
 *     cstar__event_head(out, CSTAR_STR("event: x\n"), e->event_id, e->retry);
 *     cstar__event_lines(out, CSTAR_STR("data: "), text);
 *     cstar_buf_byte(out, '\n');
 *     return cstar__event_commit(out, mark, err);           // 3. or take back a half-written one
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_WIRE_EVENT_H
#define CSTAR_WIRE_EVENT_H

#include "cstar/wire.h"

/** EINVAL for a retry that is negative and not CSTAR_RETRY_NOW. */
cstar_status cstar__event_check(int64_t retry, cstar_err *err);

/** The lines before the data. `type_line` is written as it stands: "event: ...\n". */
void cstar__event_head(cstar_buf *out, cstar_str type_line, const char *event_id, int64_t retry);

/** `text` as lines, each with `prefix` in front and "\n" behind. An empty text is one empty line.
 */
void cstar__event_lines(cstar_buf *out, cstar_str prefix, cstar_str text);

/** The bytes since `mark` stand, or go if the buffer failed meanwhile. @return the buffer's status.
 */
cstar_status cstar__event_commit(cstar_buf *out, size_t mark, cstar_err *err);

/** Whether nothing is left of `s` without its line breaks: such a field counts as not given.
 * NULL is empty. */
bool cstar__field_empty(const char *s);

/** EINVAL "<where>: required", for a missing argument. */
cstar_status cstar__missing(cstar_err *err, const char *where);

#endif
