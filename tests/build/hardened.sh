#!/usr/bin/env bash
# A release program is hardened as promised: hardened.sh PROGRAM
# SPDX-License-Identifier: MIT
set -euo pipefail
program=$1
status=0
expect() { # expect WHAT PATTERN TEXT
    if ! grep -q -- "$2" <<<"$3"; then
        echo "$(basename "$program"): no $1"
        status=1
    fi
}
headers=$(readelf -hlW "$program")
dynamic=$(readelf -dW "$program")
symbols=$(nm -D "$program" 2>/dev/null; nm "$program" 2>/dev/null || true)
expect "position independence" 'Type: *DYN' "$headers"
expect "read-only relocations" GNU_RELRO "$headers"
expect "binding at start" 'BIND_NOW\|Flags:.*NOW' "$dynamic"
expect "stack protector" __stack_chk_fail "$symbols"
expect "checked libc calls (_FORTIFY_SOURCE)" '__[a-z]*_chk' "$(grep -v __stack_chk_fail <<<"$symbols")"
if grep -q 'GNU_STACK.*RWE' <<<"$headers"; then
    echo "$(basename "$program"): executable stack"
    status=1
fi
[ $status = 0 ] && echo "hardened"
exit $status
