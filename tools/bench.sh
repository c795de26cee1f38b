#!/usr/bin/env bash
# Speed against nginx, on this machine, in one run: bench.sh
#
# The counter's event (64 keep-alive connections; one signals patch and one elements patch in answer) against nginx answering
# a fixed body of the same size with `return 200`. Server and load generator have a core each; the two servers take turns, so
# that what disturbs the machine disturbs both. What each figure means: docs/internals/performance.md.
#
#   BENCH_SECONDS  of one turn (3)          BENCH_DEEP=1  counts instructions with valgrind where perf can't (slow)
#   BENCH_ROUNDS   pairs of turns (5)       CSTAR_BIN     folder of the counter program (build/bin)
#
# A missed target is a figure, not a failure: exit 1 means that something could not be run or measured.
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2119 # start_cstar and start_nginx take a wrapper, or none
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
bin=${CSTAR_BIN:-$here/../build/bin}
seconds=${BENCH_SECONDS:-3}
rounds=${BENCH_ROUNDS:-5}
deep=${BENCH_DEEP:-0}
connections=64
target_path=/counter/_event/increment
PATH=$PATH:/usr/sbin:/sbin # a user's PATH does not lead to nginx
export LC_ALL=C            # numbers have a point

fail() {
    echo "bench: $*" >&2
    exit 1
}

# shellcheck source=tools/bench/cores.sh
. "$here/bench/cores.sh"
# shellcheck source=tools/bench/servers.sh
. "$here/bench/servers.sh"
# shellcheck source=tools/bench/load.sh
. "$here/bench/load.sh"
# shellcheck source=tools/bench/probes.sh
. "$here/bench/probes.sh"
# shellcheck source=tools/bench/report.sh
. "$here/bench/report.sh"

check_settings() {
    local need
    [[ $seconds =~ ^[1-9][0-9]*$ ]] || fail "BENCH_SECONDS should be a whole number of seconds: $seconds"
    [[ $rounds =~ ^[1-9][0-9]*$ ]] || fail "BENCH_ROUNDS should be a whole number: $rounds"
    [ -r /proc/self/stat ] || fail "this needs Linux: CPU times come from /proc"
    for need in nginx wrk curl taskset awk; do
        command -v "$need" >/dev/null || fail "$need is not here (tools/deps.sh bench)"
    done
    [ -x "$bin/counter" ] || fail "$bin/counter is not here (make build)"
}

# What each of the two has to answer; nginx gets its body by the size of cstar's.
agree_on_answer() {
    make_body >"$work/body.json"
    start_cstar
    local got=$work/answer
    post_once "$cstar_port" >"$got"
    [ "$(sed -n 's/^event: //p' "$got" | tr '\n' ' ')" = "datastar-patch-signals datastar-patch-elements " ] ||
        fail "the counter's answer is not one signals patch and one elements patch"
    stop "$cstar_pid"
    answer_bytes=$(wc -c <"$got")
    write_nginx_conf "$answer_bytes"
}

rest() { # figures that want a fresh server each
    start_cstar
    start_nginx
    cstar_rss=$(rss_of "$cstar_pid")
    nginx_rss=$(rss_of "$nginx_pid")
}

compare() {
    local i
    load "$cstar_port" 1
    load "$nginx_port" 1
    print_heads
    for ((i = 1; i <= rounds; i++)); do
        turn cstar "$cstar_pid" "$cstar_port"
        turn nginx "$nginx_pid" "$nginx_port"
        print_round "$i"
    done
    cstar_rss_after=$(rss_of "$cstar_pid")
    nginx_rss_after=$(rss_of "$nginx_pid")
    stop "$cstar_pid"
    stop "$nginx_pid"
}

main() {
    check_settings
    work=$(mktemp -d "${TMPDIR:-/tmp}/cstar-bench.XXXXXX")
    trap clean_up EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    choose_cores
    agree_on_answer
    print_setting
    rest
    compare
    echo
    probe_calls
    probe_allocations
    probe_first_answer
    probe_instructions
    print_table
    print_doubts
}

main "$@"
