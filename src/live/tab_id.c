/* tab_id.c
 * SPDX-License-Identifier: MIT */
#include "live/tab_id.h"

#include "live/siphash.h"

static bool is_space(uint32_t c) {
    return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
           c == 0x205f || c == 0x3000;
}

bool cstar__tab_id_ok(cstar_str tab) {
    bool blank = true;
    if (tab.len == 0 || tab.len > CSTAR__TAB_ID_MAX) {
        return false;
    }
    for (size_t at = 0; at < tab.len;) {
        const unsigned char byte = (unsigned char)tab.ptr[at];
        const uint32_t c = byte < 0x80 ? byte : cstar_utf8_next(tab, &at);
        at += byte < 0x80;
        if (c == UINT32_MAX || c == 0) {
            return false;
        }
        blank = blank && is_space(c);
    }
    return !blank;
}

void cstar__tab_id_derive(cstar_str tab, cstar_str page, char derived[33]) {
    /* For ever: a page keeps its derived id in the browser. Two keys, one for each half. */
    static const uint64_t keys[2][2] = {{0x7461622d69642d31U, 0x64657269766564U},
                                        {0x7461622d69642d32U, 0x64657269766564U}};
    for (size_t half = 0; half < 2; half++) {
        const uint64_t h = cstar__siphash_pair(keys[half], tab, page);
        for (size_t i = 0; i < 16; i++) {
            derived[half * 16 + i] = "0123456789abcdef"[h >> (60 - 4 * i) & 15];
        }
    }
    derived[32] = '\0';
}
