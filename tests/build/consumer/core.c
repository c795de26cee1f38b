/* A program of someone who has libcstar-core installed. SPDX-License-Identifier: MIT */
#include <cstar/base.h>

#include <stdio.h>

int main(void) {
    char mem[64];
    cstar_buf out;

    cstar_buf_fixed(&out, mem, sizeof mem);
    cstar_buf_html(&out, CSTAR_STR("<installed>"));
    printf("%.*s\n", (int)out.len, out.ptr);
    return cstar_buf_status(&out) == CSTAR_OK ? 0 : 1;
}
