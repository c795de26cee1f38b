/* checksum.c -- CRC-32 (ISO 3309, as in gzip and PNG).
 * SPDX-License-Identifier: MIT */
#include "upload.h"

/* Four bits at a time: a table of sixteen that can be checked by eye. */
uint32_t checksum_add(uint32_t sum, const char *ptr, size_t len) {
    static const uint32_t table[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
                                       0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
                                       0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                       0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    sum = ~sum;
    for (size_t i = 0; i < len; i++) {
        sum ^= (unsigned char)ptr[i];
        sum = sum >> 4 ^ table[sum & 15];
        sum = sum >> 4 ^ table[sum & 15];
    }
    return ~sum;
}
