#!/usr/bin/env bash
# An installed cstar is usable by pkg-config and by find_package, wherever it was put: install.sh BUILD_DIR CC
# SPDX-License-Identifier: MIT
set -euo pipefail
export CFLAGS=-fno-lto LDFLAGS=-fno-lto # the archive may have bytecode in it, which takes long to link
build=$1 cc=$2
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

cmake --install "$build" --prefix "$dir/first" >"$dir/log" || { cat "$dir/log"; exit 1; }
mv "$dir/first" "$dir/moved" # nothing in it may remember where it was
pc=$(dirname "$(find "$dir/moved" -name cstar.pc)")
export PKG_CONFIG_PATH=$pc
libdir=$(dirname "$pc")

expect() {
    local got
    got=$(LD_LIBRARY_PATH=$libdir "$@")
    if [ "$got" != "&lt;installed&gt;" ]; then
        echo "$*: printed '$got'"
        exit 1
    fi
}

for package in cstar-core cstar; do
    # shellcheck disable=SC2046
    "$cc" -std=c17 -Wall -Wextra -Wpedantic -Werror "$here/consumer/core.c" -o "$dir/$package" \
        $(pkg-config --cflags --libs "$package")
    expect "$dir/$package"
done
pkg-config --exact-version="$(sed -n 's/^#define CSTAR_VERSION "\(.*\)"/\1/p' "$here/../../include/cstar/base.h")" cstar
if [ -e "$pc/cstar-test.pc" ]; then
    # shellcheck disable=SC2046
    "$cc" -std=c17 -Wall -Wextra -Wpedantic -Werror "$here/consumer/kit.c" -o "$dir/kit" $(pkg-config --cflags --libs cstar-test)
    expect "$dir/kit"
fi

cmake -S "$here/consumer" -B "$dir/out" -DCMAKE_PREFIX_PATH="$dir/moved" -DCMAKE_C_COMPILER="$cc" >"$dir/log" 2>&1 &&
    cmake --build "$dir/out" >>"$dir/log" 2>&1 || { cat "$dir/log"; exit 1; }
for program in with_core with_core_shared with_all with_all_shared; do
    expect "$dir/out/$program"
done
[ ! -e "$pc/cstar-test.pc" ] || expect "$dir/out/with_kit"
echo "installed, moved, found by pkg-config and CMake"
