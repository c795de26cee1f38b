#!/usr/bin/env bash
# Format, clang-tidy, cppcheck, layers: exit 0 means that all are clean. lint.sh [--format: rewrite the files instead]
# SPDX-License-Identifier: MIT
set -uo pipefail
cd "$(dirname "$0")/.."
failed=()

# Debian 12's versions are the house's; another version formats a little differently.
tool() {
    if command -v "$1-14" >/dev/null 2>&1; then echo "$1-14"; else echo "$1"; fi
}
step() {
    local name=$1
    shift
    echo "== $name"
    "$@" || failed+=("$name")
}
files() { # files FOLDER... : the C files in it
    local folder
    for folder in "$@"; do
        [ ! -d "$folder" ] || find "$folder" -name '*.[ch]' -not -path '*/node_modules/*'
    done | sort
}

# The counter is set as the README and the docs set it, comments in a column.
mapfile -t all < <(files include src tests examples | grep -vx 'examples/counter/counter.c')
if [ "${1:-}" = --format ]; then
    "$(tool clang-format)" -i "${all[@]}"
    exit
fi
jobs=$(getconf _NPROCESSORS_ONLN)

check_tidy() {
    CC=clang tools/configure.sh dev -B build/lint -DCSTAR_TESTS=OFF || return 1
    # one file each: version 14 carries state of its va_list check from one file to the next
    files src examples tests/programs | grep '\.c$' |
        xargs -r -n 1 -P "$jobs" "$(tool clang-tidy)" -p build/lint --quiet 2>build/lint/tidy.log
}
check_cppcheck() {
    local folders=() folder
    for folder in src examples tests/programs; do
        [ ! -d "$folder" ] || folders+=("$folder")
    done
    mkdir -p build/lint/cppcheck
    cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
        --suppressions-list=tools/cppcheck.txt -I include -I src -D_POSIX_C_SOURCE=200809L -j "$jobs" \
        --cppcheck-build-dir=build/lint/cppcheck "${folders[@]}"
}

mkdir -p build
step "format" "$(tool clang-format)" --dry-run -Werror "${all[@]}"
step "layers" python3 tools/layers.py
step "cppcheck" check_cppcheck
step "clang-tidy" check_tidy
echo "== size (a report)"
python3 tools/metrics.py src include examples
if [ ${#failed[@]} != 0 ]; then
    echo "lint: not clean: ${failed[*]}"
    exit 1
fi
echo "lint: clean"
