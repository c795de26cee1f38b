#!/usr/bin/env bash
# Installs what is missing, and touches nothing when nothing is: deps.sh GROUP...
#
#   build  compiler, cmake, ninja or make, pkg-config, libraries  lint   clang-tidy, clang-format, cppcheck
#   test   cmocka, gumbo, node, npm, clang, a C++ compiler, chromium      bench  nginx (with nchan), wrk, h2load (never left running)
#          haproxy (never left running)
#   fuzz   clang with libFuzzer
#
# Each need is looked for by what it does (a command, a pkg-config module, a link that works), not by package name.
# CSTAR_DEPS_DRY=1 prints the commands that would run. CSTAR_DEPS_MANAGER names the package manager, for the tests.
#
# SPDX-License-Identifier: MIT
set -euo pipefail

say() { printf '%s\n' "$*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }

# ---- what is here ------------------------------------------------------------------------------
have_cmake() {
    have cmake || return 1
    local v
    v=$(cmake --version | sed -n 's/^cmake version \([0-9]*\)\.\([0-9]*\).*/\1 \2/p')
    # shellcheck disable=SC2086
    set -- $v
    [ "$1" -gt 3 ] || { [ "$1" -eq 3 ] && [ "$2" -ge 25 ]; }
}

have_module() { have pkg-config && pkg-config --exists "$1"; }

have_chromium() { have chromium || have chromium-browser || have google-chrome; }

# A compiler whose libc has its headers.
have_cc() {
    local cc=$1 out ok=1
    have "$cc" || return 1
    out=$(mktemp)
    if "$cc" -x c - -o "$out" 2>/dev/null <<<$'#include <stdio.h>\nint main(void) { return 0; }'; then
        ok=0
    fi
    rm -f "$out"
    return $ok
}

have_certificates() {
    [ -e /etc/ssl/certs/ca-certificates.crt ] || [ -e /etc/pki/tls/certs/ca-bundle.crt ] || [ -e /etc/ssl/cert.pem ]
}

# clang that can compile and link with the sanitizers
have_clang_rt() {
    have clang || return 1
    local out ok=1
    out=$(mktemp)
    if clang -w -fsanitize=fuzzer,address,undefined -x c - -o "$out" 2>/dev/null \
        <<<'int LLVMFuzzerTestOneInput(const char *d, unsigned long n) { return n != 0 && d[0] == 3; }'; then
        ok=0
    fi
    rm -f "$out"
    return $ok
}

# The system's own Python has the package, whichever comes first on the PATH.
have_python_h2() { python3 -c 'import h2' 2>/dev/null || /usr/bin/python3 -c 'import h2' 2>/dev/null; }

present() {
    case $1 in
    cc | gcc) have_cc "$1" ;;
    cmake) have_cmake ;;
    ninja) have ninja || have make ;;
    libuv | libnghttp2 | openssl | zlib | libbrotlienc | libzstd | sqlite3 | gumbo) have_module "$1" ;;
    cmocka) have_module cmocka ;;
    certificates) have_certificates ;;
    chromium) have_chromium ;;
    clang-rt) have_clang_rt ;;
    c++) have c++ || have g++ || have clang++ ;;
    node) have node || have nodejs ;;
    python3-h2) have_python_h2 ;;
    nchan) [ -e /usr/lib/nginx/modules/ngx_nchan_module.so ] || [ -e /usr/lib64/nginx/modules/ngx_nchan_module.so ] ;;
    haproxy) have haproxy || [ -x /usr/sbin/haproxy ] ;; # a user's PATH does not lead there
    *) have "$1" ;;
    esac
}

needs_of() {
    case $1 in
    build) echo cc cmake ninja pkg-config libuv libnghttp2 openssl zlib libbrotlienc libzstd sqlite3 ;;
    test) echo gcc c++ cmocka gumbo node npm curl certificates python3 python3-h2 clang clang-rt chromium haproxy ;;
    lint) echo python3 clang clang-tidy clang-format cppcheck ;;
    bench) echo nginx nchan wrk curl h2load ;;
    fuzz) echo clang clang-rt ;;
    *) say "deps: no group '$1' (build, test, lint, bench, fuzz)"; return 1 ;;
    esac
}

# Without these the work goes on, loudly.
optional() { [ "$1" = chromium ] || [ "$1" = python3-h2 ] || [ "$1" = haproxy ] || [ "$1" = h2load ] || [ "$1" = nchan ] || [ "$1" = gumbo ]; }

# ---- what it is called -------------------------------------------------------------------------
# apt, dnf, pacman, brew; "-" means: nothing to install by that name there
package() {
    local manager=$1 need=$2 row
    case $need in
    cc | gcc) row="gcc,libc6-dev gcc gcc -" ;;
    certificates) row="ca-certificates ca-certificates ca-certificates ca-certificates" ;;
    c++) row="g++ gcc-c++ gcc -" ;;
    ninja) row="ninja-build ninja-build ninja ninja" ;;
    pkg-config) row="pkg-config pkgconf-pkg-config pkgconf pkg-config" ;;
    libuv) row="libuv1-dev libuv-devel libuv libuv" ;;
    libnghttp2) row="libnghttp2-dev libnghttp2-devel libnghttp2 libnghttp2" ;;
    openssl) row="libssl-dev openssl-devel openssl openssl" ;;
    zlib) row="zlib1g-dev zlib-devel zlib zlib" ;;
    libbrotlienc) row="libbrotli-dev brotli-devel brotli brotli" ;;
    libzstd) row="libzstd-dev libzstd-devel zstd zstd" ;;
    sqlite3) row="libsqlite3-dev sqlite-devel sqlite sqlite" ;;
    gumbo) row="libgumbo-dev gumbo-parser-devel gumbo-parser gumbo-parser" ;;
    cmocka) row="libcmocka-dev libcmocka-devel cmocka cmocka" ;;
    node) row="nodejs nodejs nodejs node" ;;
    npm) row="npm npm npm node" ;;
    python3) row="python3 python3 python python3" ;;
    python3-h2) row="python3-h2 python3-h2 python-h2 -" ;;
    clang) row="clang clang clang llvm" ;;
    clang-rt) row="$(clang_rt_apt) compiler-rt compiler-rt llvm" ;;
    clang-tidy) row="clang-tidy clang-tools-extra clang llvm" ;;
    clang-format) row="clang-format clang-tools-extra clang clang-format" ;;
    chromium) row="chromium chromium chromium -" ;;
    nchan) row="libnginx-mod-nchan - - -" ;;
    h2load) row="nghttp2-client nghttp2 nghttp2 nghttp2" ;;
    *) row="$need $need $need $need" ;; # cmake curl cppcheck nginx wrk: the same everywhere
    esac
    # shellcheck disable=SC2086
    set -- $row
    case $manager in
    apt) echo "${1//,/ }" ;;
    dnf) echo "$2" ;;
    pacman) echo "$3" ;;
    brew) echo "$4" ;;
    esac
}

# Debian names the sanitizer runtimes after clang's version.
clang_rt_apt() {
    local major=14
    if have clang; then
        major=$(clang -dumpversion | cut -d. -f1)
    elif have apt-cache; then
        major=$(apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p' | head -n 1)
    fi
    echo "libclang-rt-${major:-14}-dev"
}

manager() {
    local name
    if [ -n "${CSTAR_DEPS_MANAGER+x}" ]; then
        echo "$CSTAR_DEPS_MANAGER"
        return
    fi
    for name in apt-get dnf pacman brew; do
        if have "$name"; then
            echo "${name%-get}"
            return
        fi
    done
}

# ---- installing --------------------------------------------------------------------------------
run() { # what fails says so on stderr
    say "deps: $*"
    [ -n "${CSTAR_DEPS_DRY:-}" ] || "$@" >/dev/null
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        run "$@"
    elif have sudo; then
        run sudo "$@"
    else
        say "deps: this needs root, and there is no sudo. Run as root: $*"
        return 1
    fi
}

updated=
install_packages() {
    local manager=$1
    shift
    case $manager in
    apt)
        if [ -z "$updated" ]; then
            as_root apt-get update -qq || say "deps: apt-get update failed; trying with the lists that are here"
            updated=yes
        fi
        # RUNLEVEL=1: no service that comes with a package is started
        as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
            apt-get install -y -qq --no-install-recommends "$@"
        ;;
    dnf) as_root dnf install -y -q "$@" ;;
    pacman) as_root pacman -S --noconfirm --needed "$@" ;;
    brew) run brew install "$@" ;;
    esac
}

# nginx and haproxy are wanted as programs, not as services of this machine.
install_daemon() { # MANAGER NAME
    local manager=$1 name=$2 systemd=
    [ -d /run/systemd/system ] && have systemctl && systemd=yes
    [ -z "$systemd" ] || as_root systemctl mask --quiet "$name.service" || systemd=
    install_packages "$manager" "$name"
    [ -z "$systemd" ] || as_root systemctl unmask --quiet "$name.service"
    [ -z "$systemd" ] || as_root systemctl disable --quiet "$name.service" || true
    if [ "$name" = nginx ] && [ -z "$systemd" ] && [ -f /run/nginx.pid ] && [ -z "${CSTAR_DEPS_DRY:-}" ]; then
        as_root nginx -s stop || true
    fi
}

advise() {
    case $1 in
    cc | gcc | c++) say "deps:   $1: a C and C++ compiler (on macOS: xcode-select --install)" ;;
    cmake) say "deps:   cmake: version 3.25 or newer is needed (https://cmake.org/download or 'pip install cmake')" ;;
    *) say "deps:   $1" ;;
    esac
}

missing_of() {
    local group need needs
    for group in "$@"; do
        needs=$(needs_of "$group")
        for need in $needs; do
            present "$need" || echo "$need"
        done
    done | sort -u
}

main() {
    local group manager need missing packages="" nginx="" left fatal=0
    for group in "$@"; do
        needs_of "$group" >/dev/null
    done
    missing=$(missing_of "$@")
    [ -n "$missing" ] || return 0
    if ! have ninja; then # make would do, but now that something is installed anyway
        missing=$(printf '%s\nninja\n' "$missing" | sort -u)
    fi

    manager=$(manager)
    if [ -z "$manager" ]; then
        say "deps: no known package manager (apt, dnf, pacman, brew). Please install:"
        for need in $missing; do advise "$need"; done
        return 1
    fi
    for need in $missing; do
        if [ "$need" = nginx ]; then
            nginx=yes
        elif ! optional "$need" && [ "$(package "$manager" "$need")" != - ]; then
            packages="$packages $(package "$manager" "$need")"
        fi
    done
    # shellcheck disable=SC2086
    packages=$(printf '%s\n' $packages | sort -u | tr '\n' ' ')
    # shellcheck disable=SC2086
    [ -z "${packages// /}" ] || install_packages "$manager" $packages
    [ -z "$nginx" ] || install_daemon "$manager" nginx
    for need in $missing; do
        if [ "$need" = haproxy ]; then
            install_daemon "$manager" haproxy || true
        elif optional "$need" && [ "$(package "$manager" "$need")" != - ]; then
            install_packages "$manager" "$(package "$manager" "$need")" || true
        fi
    done

    [ -z "${CSTAR_DEPS_DRY:-}" ] || return 0
    left=$(missing_of "$@")
    for need in $left; do
        if optional "$need"; then
            say "deps: *** $need could not be installed: what needs it is SKIPPED ***"
        else
            [ "$fatal" = 1 ] || say "deps: still missing:"
            advise "$need"
            fatal=1
        fi
    done
    return $fatal
}

main "$@"
