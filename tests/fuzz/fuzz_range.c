/* fuzz_range.c -- any conditional request. The input is a byte for the method, one for the size,
 * and lines "letter value": the letter says which field.
 *
 * Asserted: the status is one of those allowed for the method, ranges lie in the resource, dates
 * that are read are written the same (but for obsolete forms), and an etag list says the same with
 * empty elements around it.
 *
 * SPDX-License-Identifier: MIT */
#include "http/date.h"
#include "http/etag.h"
#include "http/range.h"
#include "http/scan.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x) ((x) ? (void)0 : abort())

static void check_date(cstar_str text) {
    int64_t seconds = 0;
    int64_t again = 0;
    char out[CSTAR__DATE_LEN];
    if (!cstar__date_parse(text, &seconds)) {
        return;
    }
    CHECK(seconds >= CSTAR__DATE_MIN && seconds <= CSTAR__DATE_MAX + 1);
    cstar__date_format(out, seconds);
    CHECK(cstar__date_parse(cstar_view(out, sizeof out), &again));
    CHECK(again == seconds || seconds > CSTAR__DATE_MAX);
}

static void check_list(cstar_str list) {
    cstar_buf b;
    cstar_buf_init(&b, cstar_heap(), 0);
    cstar_buf_lit(&b, ", ,");
    cstar_buf_str(&b, list);
    cstar_buf_lit(&b, " ,");
    for (int weak = 0; weak < 2; weak++) {
        cstar__etag_found found = cstar__etag_find(list, CSTAR_STR("\"a\""), weak != 0);
        cstar__etag_found padded =
            cstar__etag_find(cstar_buf_view(&b), CSTAR_STR("\"a\""), weak != 0);
        CHECK(found == padded || (found == CSTAR__ETAG_ANY && padded == CSTAR__ETAG_BAD));
    }
    cstar_buf_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {
        "range",         "if-range",          "if-match",
        "if-none-match", "if-modified-since", "if-unmodified-since"};
    cstar__field fields[8];
    if (size < 2) {
        return 0;
    }
    cstar__request r = {.method = (cstar__method)(data[0] % CSTAR__METHODS), .fields = fields};
    cstar__resource res = {CSTAR_STR("\"a\""), 784111777, data[1]};
    cstar_str rest = {(const char *)data + 2, size - 2};
    cstar_str line;
    while (r.nfields < 8 && cstar__split(&rest, '\n', &line)) {
        if (line.len != 0) {
            cstar_str value = {line.ptr + 1, line.len - 1};
            fields[r.nfields].name = cstar_cstr(names[(unsigned char)line.ptr[0] % 6]);
            fields[r.nfields++].value = value;
            check_date(value);
            check_list(value);
        }
    }
    cstar__outcome o = cstar__precondition(&r, &res);
    bool reading = r.method == CSTAR__GET || r.method == CSTAR__HEAD;
    switch (o.status) {
    case 200:
        CHECK(o.first == 0 && o.length == res.size);
        break;
    case 206:
        CHECK(r.method == CSTAR__GET && o.length != 0 && o.first + o.length <= res.size);
        break;
    case 416:
        CHECK(r.method == CSTAR__GET && o.length == 0);
        break;
    case 304:
        CHECK(reading && o.length == 0);
        break;
    default:
        CHECK(o.status == 412 && o.length == 0);
    }
    return 0;
}
