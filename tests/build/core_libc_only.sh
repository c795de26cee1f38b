#!/usr/bin/env bash
# libcstar-core needs libc and nothing else: core_libc_only.sh CC libcstar-core.a libcstar-core.so
# SPDX-License-Identifier: MIT
set -euo pipefail
cc=$1 archive=$2 shared=$3
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

needed() {
    readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'
}

"$cc" -shared -fno-lto -o "$dir/alone.so" -Wl,--whole-archive "$archive" -Wl,--no-whole-archive \
    -Wl,--no-undefined -nodefaultlibs -lc
status=0
for file in "$dir/alone.so" "$shared"; do
    for library in $(needed "$file"); do
        case $library in
        libc.so* | libc.musl*) ;;
        *) echo "$(basename "$file") needs $library"; status=1 ;;
        esac
    done
done

# The check itself can fail: a core that calls into libm is refused at the link.
printf '#include <math.h>\ndouble f(double x);\ndouble f(double x) { return sin(x); }\n' >"$dir/bad.c"
"$cc" -fPIC -c "$dir/bad.c" -o "$dir/bad.o"
if "$cc" -shared -o "$dir/bad.so" "$dir/bad.o" -Wl,--no-undefined -nodefaultlibs -lc 2>/dev/null; then
    echo "self-test: a call to libm was not noticed"
    status=1
fi

# No state: nothing writable; .data.rel.ro is what the loader relocates and then seals.
state=$(nm -f sysv "$archive" 2>/dev/null | awk -F'|' '
    $7 ~ /^(\.data|\.bss|\.tdata|\.tbss|\*COM\*)/ && $7 !~ /^\.data\.rel\.ro/ {print "  " $1 $7}')
if [ -n "$state" ]; then
    printf 'writable data in the core:\n%s\n' "$state"
    status=1
fi
[ $status = 0 ] && echo "libcstar-core: libc only, no global state"
exit $status
