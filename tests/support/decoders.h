/* decoders.h -- what the coding libraries' decoders make of bytes, for tests of coded responses.
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_TESTS_DECODERS_H
#define CSTAR_TESTS_DECODERS_H

#include "cstar/base.h"

/**
 * Decodes "gzip", "br" or "zstd", also the beginning of a stream; anything else is copied.
 * @return the decoded bytes, NUL-terminated behind them, valid until the next call; absent if
 *         `bytes` is malformed, or this machine has no such decoder (see decoder_there()).
 */
cstar_str decode(const char *coding, cstar_str bytes);
bool decoder_there(const char *coding);

#endif
