#!/usr/bin/env bash
# Everything at once, for longer than `make test` has time: soak.sh
#
#   mixed    HTTP/2 by h2load and HTTP/1.1 by wrk, uploads, slow and vanishing clients, against one process with two workers; over TLS,
#            then in clear. Afterwards descriptors are exactly back and memory is at rest (tests/e2e/mixed.test.mjs)
#   live     streams that come and go while publishers go at full speed; readers of which 1 % stall for ever (it prints the latency of the
#            others, with and without); people who go from page to page. Afterwards nothing is left (tests/e2e/soak.test.mjs)
#   asan     the same with AddressSanitizer and LeakSanitizer, for a third of the time; builds what it needs in build/asan
#   browser  servers that stop and start under real tabs (tests/browser/live_restart.test.mjs)
#
#   SOAK_SECONDS  of mixed, and of the streams (30)   SOAK_STREAMS  at a time (5000)   SOAK_PARTS  of the four: "live asan"
#   CSTAR_BIN  folder of the programs (build/bin); a sanitized build's is welcome
#
# SPDX-License-Identifier: MIT
set -euo pipefail
cd "$(dirname "$0")/.."
export SOAK_SECONDS=${SOAK_SECONDS:-30}
export CSTAR_BIN=${CSTAR_BIN:-build/bin}
parts=" ${SOAK_PARTS:-mixed live asan browser} "
[[ $SOAK_SECONDS =~ ^[1-9][0-9]*$ ]] || { echo "soak: SOAK_SECONDS should be a whole number of seconds: $SOAK_SECONDS" >&2; exit 1; }
ulimit -n "$(ulimit -Hn)"
export VERBOSE=1

# Whether that part is wanted; what it needs has to be here then.
wanted() { # PART PROGRAM...
    [[ $parts == *" $1 "* ]] || return 1
    for program in "${@:2}"; do
        [ -x "$CSTAR_BIN/$program" ] || { echo "soak: $CSTAR_BIN/$program is not here (make build)" >&2; exit 1; }
    done
}

live() { # SECONDS TURNS ROUNDS
    SOAK_SECONDS=$1 SOAK_STREAMS=${SOAK_STREAMS:-5000} SOAK_CROWD=1000 SOAK_TURNS=$2 SOAK_TURN=4 SOAK_ROUNDS=$3 \
        node tests/e2e/soak.test.mjs
}

asan() {
    local targets=(program_live-server program_live-pages program_soak-client)
    tools/configure.sh asan
    cmake --build build/asan -j "$(getconf _NPROCESSORS_ONLN)" --target "${targets[@]}" >build/soak-asan.log || { cat build/soak-asan.log >&2; exit 1; }
    CSTAR_BIN=build/asan/bin live $(((SOAK_SECONDS + 2) / 3)) 1 10
}

if wanted mixed limits-server; then node tests/e2e/mixed.test.mjs; fi
if wanted live live-server live-pages soak-client; then live "$SOAK_SECONDS" 6 50; fi
if wanted asan; then asan; fi
if wanted browser live-pages; then node tests/browser/live_restart.test.mjs; fi
