#!/usr/bin/env bash
# cstar_embed() of the installed package: bytes, hashes, order, what is left out; the same source wherever the files lie;
# built again when a file changes or comes; a megabyte in reasonable time: embed.sh BUILD_DIR CC
# SPDX-License-Identifier: MIT
set -euo pipefail
build=$1 cc=$2
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

cmake --install "$build" --prefix "$dir/installed" >"$dir/log" || { cat "$dir/log"; exit 1; }

make() { # SOURCE BUILD
    cmake -S "$1" -B "$2" -DCMAKE_PREFIX_PATH="$dir/installed" -DCMAKE_C_COMPILER="$cc" >"$dir/log" 2>&1 &&
        cmake --build "$2" --target with_assets >>"$dir/log" 2>&1 || { cat "$dir/log"; exit 1; }
}

# What the program must print, said by other tools.
line() { # FILE NAME
    echo "$(sha256sum <"$1" | cut -d' ' -f1) $(stat -c %s "$1") $2$(head -c 8 "$1" | od -An -v -tx1 | tr -d '\n')"
}
expected() { # SOURCE
    (cd "$1/site" && find . -type f -not -path '*/.*/*' -not -name '.*' | cut -c3- | LC_ALL=C sort |
        while IFS= read -r name; do line "$name" "static/$name"; done)
    line "$1/site/sub/b.txt" b.txt
    line "$1/core.c" core.c
}
compare() { # SOURCE BUILD
    diff <(expected "$1") <("$2/with_assets") || { echo "the program has other assets"; exit 1; }
}

cp -r "$here/consumer" "$dir/one"
make "$dir/one" "$dir/out"
compare "$dir/one" "$dir/out"
[ "$("$dir/out/with_assets" | wc -l)" = 7 ]

# The same elsewhere.
mkdir "$dir/elsewhere"
cp -r "$dir/one" "$dir/elsewhere/two"
make "$dir/elsewhere/two" "$dir/elsewhere/out"
cmp "$dir/out/cstar-embed/with_assets/site.c" "$dir/elsewhere/out/cstar-embed/with_assets/site.c"

# Nothing to do; then a file that changes; one that comes; one that goes.
stamp() { stat -c %y "$dir/out/with_assets"; }
before=$(stamp)
make "$dir/one" "$dir/out"
[ "$(stamp)" = "$before" ] || { echo "built again for nothing"; exit 1; }
echo "changed" >"$dir/one/site/a.txt"
echo "new" >"$dir/one/site/sub/new.txt"
rm "$dir/one/site/empty"
make "$dir/one" "$dir/out"
compare "$dir/one" "$dir/out"

# A megabyte.
head -c 1048576 /dev/urandom >"$dir/one/site/big.bin"
make "$dir/one" "$dir/out"
compare "$dir/one" "$dir/out"

# Mistakes are told at configure time.
refuse() { # TEXT, and what is said
    printf 'cmake_minimum_required(VERSION 3.25)\nproject(x LANGUAGES NONE)\ninclude("%s")\nadd_custom_target(x)\n%s\n' \
        "$(find "$dir/installed" -name cstar-embed.cmake)" "$1" >"$dir/bad/CMakeLists.txt"
    if cmake -S "$dir/bad" -B "$dir/bad/out" >"$dir/log" 2>&1 ||
        ! tr -s ' \n' ' ' <"$dir/log" | grep -q "$2"; then
        echo "not refused: $1"
        cat "$dir/log"
        exit 1
    fi
}
mkdir "$dir/bad"
touch "$dir/bad/a.txt"
refuse 'cstar_embed(x NAME 1x FILES a.txt)' 'cstar_embed(target'
refuse 'cstar_embed(x NAME y)' 'either DIRECTORY or FILES'
refuse 'cstar_embed(x NAME y FILES b.txt)' 'there is no file .*b.txt'
refuse 'cstar_embed(x NAME y DIRECTORY nowhere)' 'there is no folder .*nowhere'
refuse 'cstar_embed(x NAME y FILES a.txt a.txt)' 'two files are named a.txt'
mkdir "$dir/bad/d"
touch "$dir/bad/d/a|b"
refuse 'cstar_embed(x NAME y DIRECTORY d)' "can't be named"
echo "embedded by the installed package"
