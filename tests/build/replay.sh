#!/usr/bin/env bash
# The replay program of the fuzz targets runs every stored input, and a crashing one is a failure: replay.sh CC
# SPDX-License-Identifier: MIT
set -euo pipefail
cc=$1
root=$(cd "$(dirname "$0")/../.." && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/corpus" "$dir/corpus/deeper" "$dir/regress"
printf 'one' >"$dir/corpus/a"
printf '' >"$dir/corpus/empty"
printf 'not looked at' >"$dir/corpus/deeper/c"
printf 'boom' >"$dir/regress/b"
cat >"$dir/target.c" <<'C'
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 4 && memcmp(data, "boom", 4) == 0) {
        exit(3);
    }
    return 0;
}
C
"$cc" -std=c17 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -Wpedantic -Werror -o "$dir/replay" \
    "$dir/target.c" "$root/tests/fuzz/replay_main.c"
"$dir/replay" "$dir/corpus" "$dir/absent" >"$dir/out"
tail -n 1 "$dir/out" | grep -qx '3 inputs'
if "$dir/replay" "$dir/corpus" "$dir/regress" >"$dir/out"; then
    echo "a failing input was not noticed"
    exit 1
fi
tail -n 1 "$dir/out" | grep -q 'regress/b (4 bytes)'
echo "replay works"
