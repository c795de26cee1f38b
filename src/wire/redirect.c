/* redirect.c -- sends the browser to another page, if the policy lets it.
 *
 * By a script, since an event stream has no status line to redirect with; in a timeout, since the
 * browser would otherwise cut the stream while the client is still in it.
 *
 * SPDX-License-Identifier: MIT */
#include "wire/event.h"
#include "wire/script.h"
#include "wire/url_policy.h"

cstar_status cstar_format_redirect(cstar_buf *out, const cstar_redirect *r, cstar_err *err) {
    if (r == NULL || (r->url == NULL && r->url_str.ptr == NULL)) {
        return cstar__missing(err, "url");
    }
    cstar_str url = r->url_str.ptr != NULL ? r->url_str : cstar_cstr(r->url);
    cstar_script s = {.keep = r->keep, .event_id = r->event_id, .retry = r->retry};
    cstar_status rc = cstar__url_policy(r, url, err);
    if (rc == CSTAR_OK) {
        rc = cstar__script_check(&s, err);
    }
    if (rc != CSTAR_OK) {
        return rc;
    }
    size_t mark = out->len;
    size_t code = cstar__script_open(out, &s);
    cstar_buf_lit(out, "setTimeout(function(){window.location.href=\"");
    cstar_buf_json(out, url, CSTAR_ESC_LINES);
    cstar_buf_lit(out, "\"},0)");
    cstar__script_close(out, code, true);
    return cstar__event_commit(out, mark, err);
}
