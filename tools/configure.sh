#!/usr/bin/env bash
# Configures build/PRESET: configure.sh PRESET [cmake arguments]. Ninja if it is here; the old generator if there is one.
# SPDX-License-Identifier: MIT
set -euo pipefail
cd "$(dirname "$0")/.."
preset=$1
shift
cache=build/$preset/CMakeCache.txt
arguments=(--preset "$preset")
# An earlier tree that was moved, or made by another machine, is made anew.
if [ -f "$cache" ] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$PWD" "$cache"; then
    rm -rf "build/$preset"
fi
if [ ! -f "$cache" ] && command -v ninja >/dev/null 2>&1; then
    arguments+=(-G Ninja)
fi
mkdir -p build
if ! cmake "${arguments[@]}" "$@" >"build/configure-$preset.log" 2>&1; then
    cat "build/configure-$preset.log" >&2
    exit 1
fi
