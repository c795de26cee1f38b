#!/usr/bin/env bash
# libcstar-core builds with nothing but a C compiler: no libuv to be found, none of the other rooms: core_alone.sh CC
# SPDX-License-Identifier: MIT
set -euo pipefail
cc=$1
root=$(cd "$(dirname "$0")/../.." && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

mkdir -p "$dir/tree/src" "$dir/tree/include/cstar" "$dir/empty"
cp -R "$root/CMakeLists.txt" "$root/cmake" "$dir/tree/"
for room in base wire html; do
    [ ! -d "$root/src/$room" ] || cp -R "$root/src/$room" "$dir/tree/src/"
done
for header in base json wire html; do
    cp "$root/include/cstar/$header.h" "$dir/tree/include/cstar/"
done
PKG_CONFIG_LIBDIR=$dir/empty cmake -S "$dir/tree" -B "$dir/out" -DCMAKE_C_COMPILER="$cc" -DCMAKE_BUILD_TYPE=Debug \
    -DCSTAR_CORE_ONLY=ON >"$dir/log" 2>&1 && cmake --build "$dir/out" -j 2 >>"$dir/log" 2>&1 || { cat "$dir/log"; exit 1; }
cmake --install "$dir/out" --prefix "$dir/installed" >>"$dir/log" || { cat "$dir/log"; exit 1; }
if [ -n "$(find "$dir/installed" -name cstar.pc -o -name "libcstar.*")" ]; then
    echo "a core-only installation has more than the core"
    exit 1
fi
"$cc" -std=c17 -Wall -Wextra -Werror -I "$dir/installed/include" "$root/tests/build/consumer/core.c" -o "$dir/program" \
    "$(find "$dir/installed" -name libcstar-core.a)"
[ "$("$dir/program")" = "&lt;installed&gt;" ]
sed -n 's/^-- \(libcstar-core.*bytes.*\)/\1/p' "$dir/log"
