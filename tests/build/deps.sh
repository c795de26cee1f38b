#!/usr/bin/env bash
# tools/deps.sh asks the right package manager for the right names, and for nothing when nothing is missing.
# Runs it in a scratch PATH in dry mode: nothing is installed.
# SPDX-License-Identifier: MIT
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
status=0

# A machine with a shell and little else.
mkdir "$dir/bare" "$dir/full"
for command in bash sort sed tr head cut mktemp rm env; do
    ln -s "$(command -v "$command")" "$dir/bare/$command"
done
printf '#!/bin/sh\necho 0\n' >"$dir/bare/id"
chmod +x "$dir/bare/id"

deps() { # deps MANAGER GROUP...
    local manager=$1
    shift
    PATH=$dir/bare CSTAR_DEPS_DRY=1 CSTAR_DEPS_MANAGER=$manager bash "$root/tools/deps.sh" "$@" 2>&1
}
expect() { # expect NAME TEXT PATTERN...
    local name=$1 text=$2 pattern
    shift 2
    for pattern in "$@"; do
        if ! grep -qE -- "$pattern" <<<"$text"; then
            printf '%s: expected "%s" in:\n%s\n' "$name" "$pattern" "$text"
            status=1
        fi
    done
}

out=$(deps apt build)
expect apt-build "$out" 'apt-get update' 'install .*cmake .*gcc .*libc6-dev .*libsqlite3-dev .*libuv1-dev .*ninja-build .*pkg-config'
out=$(deps apt test)
expect apt-test "$out" 'libcmocka-dev' 'nodejs' ' npm' 'clang ' 'libclang-rt-[0-9]+-dev' 'g\+\+' 'install .* chromium$'
out=$(deps apt bench)
expect apt-bench "$out" 'RUNLEVEL=1 apt-get install .* nginx$' 'wrk'
[ "$(grep -c 'apt-get update' <<<"$out")" = 1 ] || { echo "apt-get update more than once"; status=1; }
out=$(deps apt lint)
expect apt-lint "$out" 'clang-tidy' 'clang-format' 'cppcheck'
expect dnf "$(deps dnf build test)" 'dnf install -y .*libcmocka-devel' 'libuv-devel' 'sqlite-devel' 'gcc-c\+\+' 'pkgconf-pkg-config'
expect pacman "$(deps pacman build test)" 'pacman -S --noconfirm .*cmocka' 'libuv' 'pkgconf'
expect brew "$(deps brew build test)" 'brew install .*cmake .*cmocka .*libuv'

# No package manager: says what to install, and fails.
if out=$(deps '' build); then
    echo "no package manager, and no error"
    status=1
fi
expect none "$out" 'no known package manager' 'cmake: version 3\.25'

# No root and no sudo: says so, and fails.
printf '#!/bin/sh\necho 1000\n' >"$dir/bare/id"
if out=$(deps apt build); then
    echo "no root, and no error"
    status=1
fi
expect rootless "$out" 'needs root, and there is no sudo'
printf '#!/bin/sh\nexec "$@"\n' >"$dir/bare/sudo"
chmod +x "$dir/bare/sudo"
expect sudo "$(deps apt build)" 'sudo apt-get update' 'sudo env .*apt-get install'

# An old cmake is a missing cmake; a new one is not.
printf '#!/bin/sh\necho "cmake version 3.22.1"\n' >"$dir/bare/cmake"
chmod +x "$dir/bare/cmake"
expect old-cmake "$(deps apt build)" 'install .*cmake'
printf '#!/bin/sh\necho "cmake version 3.25.1"\n' >"$dir/bare/cmake"
for command in cc pkg-config ninja; do
    printf '#!/bin/sh\nexit 0\n' >"$dir/bare/$command"
    chmod +x "$dir/bare/$command"
done
out=$(deps apt build)
if [ -n "$out" ]; then
    printf 'nothing is missing, and still:\n%s\n' "$out"
    status=1
fi
if deps apt nonsense >/dev/null; then
    echo "an unknown group is no error"
    status=1
fi
[ $status = 0 ] && echo "deps: every manager is asked by its names"
exit $status
