/* fuzz_forwarded.c -- any forwarding headers, in lines "letter value"; and addresses and blocks.
 *
 * Asserted: the address is the peer's or an IP address, and a stranger's headers change nothing;
 * the proxy that is nearest has the last word; an address that can be read lies in the block of
 * itself.
 *
 * SPDX-License-Identifier: MIT */
#include "http/forwarded.h"
#include "http/scan.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x) ((x) ? (void)0 : abort())

static void check_client(const cstar__request *r, const cstar__proxies *proxies) {
    cstar_str peer = CSTAR_STR("10.0.0.1");
    cstar_str stranger = CSTAR_STR("8.8.8.8");
    cstar__ip ip;
    cstar__client c = cstar__forwarded(r, peer, proxies);
    CHECK(cstar__ip_parse(c.address, &ip));
    CHECK(c.scheme.ptr == NULL || cstar_str_eq(c.scheme, CSTAR_STR("http")) ||
          cstar_str_eq(c.scheme, CSTAR_STR("https")));
    for (size_t i = 0; i < c.host.len; i++) {
        CHECK(c.host.ptr[i] > 0x20 && c.host.ptr[i] != '/' && c.host.ptr[i] != '@');
    }
    c = cstar__forwarded(r, stranger, proxies);
    CHECK(cstar_str_eq(c.address, stranger) && c.scheme.ptr == NULL && c.host.ptr == NULL);
}

static void check_address(cstar_str text) {
    cstar__ip ip;
    cstar__cidr c;
    if (cstar__ip_parse(text, &ip)) {
        CHECK(cstar__cidr_parse(text, &c) && c.bits == 128 && cstar__cidr_has(&c, &ip));
    } else if (cstar__cidr_parse(text, &c)) {
        CHECK(c.bits <= 128 && cstar__cidr_has(&c, &c.ip));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {"forwarded", "x-forwarded-for", "x-forwarded-proto",
                                        "x-forwarded-host"};
    static const cstar__cidr ours = {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10}}, 104};
    cstar__field fields[8];
    cstar__request r = {.fields = fields};
    cstar_str rest = {(const char *)data, size};
    cstar_str line;
    while (data != NULL && r.nfields < 7 && cstar__split(&rest, '\n', &line)) {
        if (line.len != 0) {
            fields[r.nfields].name = cstar_cstr(names[(unsigned char)line.ptr[0] % 4]);
            fields[r.nfields].value = cstar_view(line.ptr + 1, line.len - 1);
            check_address(fields[r.nfields++].value);
        }
    }
    cstar__proxies proxies = {CSTAR__FORWARDED_RFC, &ours, 1, false};
    check_client(&r, &proxies);
    proxies.kind = CSTAR__FORWARDED_X;
    check_client(&r, &proxies);
    /* whatever stands before: what the nearest proxy appends is the answer */
    fields[r.nfields++] = (cstar__field){CSTAR_STR("x-forwarded-for"), CSTAR_STR("9.9.9.9")};
    cstar__client c = cstar__forwarded(&r, CSTAR_STR("10.0.0.1"), &proxies);
    CHECK(cstar_str_eq(c.address, CSTAR_STR("9.9.9.9")));
    return 0;
}
