#!/usr/bin/env bash
# Everything at once, for longer than `make test` has time: soak.sh
#
# HTTP/2 by h2load and HTTP/1.1 by wrk, uploads, slow and vanishing clients, against one process with two workers; over TLS, then in
# clear. Afterwards descriptors are exactly back and memory is at rest. What is done: tests/e2e/mixed.test.mjs. Then 1000 readers of a
# live stream, of which 1 % stall (it prints the latency of the others, with and without), and live streams that come and go:
# tests/e2e/live_crowd.test.mjs. Last, servers that stop and start under real tabs: tests/browser/live_restart.test.mjs.
#
#   SOAK_SECONDS  of each of the three (30)   SOAK_STREAMS  live ones at a time (5000)
#   CSTAR_BIN  folder of the programs (build/bin); a sanitized build's is welcome
#
# SPDX-License-Identifier: MIT
set -euo pipefail
cd "$(dirname "$0")/.."
export SOAK_SECONDS=${SOAK_SECONDS:-30}
export CSTAR_BIN=${CSTAR_BIN:-build/bin}
[[ $SOAK_SECONDS =~ ^[1-9][0-9]*$ ]] || { echo "soak: SOAK_SECONDS should be a whole number of seconds: $SOAK_SECONDS" >&2; exit 1; }
[ -x "$CSTAR_BIN/limits-server" ] || { echo "soak: $CSTAR_BIN/limits-server is not here (make build)" >&2; exit 1; }
ulimit -n "$(ulimit -Hn)"
[ -x "$CSTAR_BIN/live-server" ] || { echo "soak: $CSTAR_BIN/live-server is not here (make build)" >&2; exit 1; }
export VERBOSE=1
node tests/e2e/mixed.test.mjs
SOAK_STREAMS=${SOAK_STREAMS:-5000} CROWD=1000 node tests/e2e/live_crowd.test.mjs
exec node tests/browser/live_restart.test.mjs
