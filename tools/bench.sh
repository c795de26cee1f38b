#!/usr/bin/env bash
# Speed against nginx, on this machine, in one run: bench.sh
#
# The counter's event (64 keep-alive connections; one signals patch and one elements patch in answer) against nginx answering
# a fixed body of the same size with `return 200`; then the same over TLS 1.3 and HTTP/2, files, what idle connections hold, and
# broadcasts to thousands of streams.
# Server and load generator have a core each; the two servers take turns, so that what disturbs the machine disturbs both. What each
# figure means: docs/internals/performance.md.
#
#   BENCH_SECONDS  of one turn (3)          BENCH_DEEP=1  counts instructions with valgrind where perf can't (slow)
#   BENCH_ROUNDS   pairs of turns (5)       CSTAR_BIN     folder of the counter program (build/bin)
#   BENCH_PARTS    of "h1 h2 files idle fanout", those that are wanted (all)
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
parts=${BENCH_PARTS:-h1 h2 files idle fanout}
event_path=/counter/_event/increment
part=h1 # what start_cstar, start_nginx, load and turn are about
connections=64 streams=1 target_path=$event_path
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
# shellcheck source=tools/bench/parts.sh
. "$here/bench/parts.sh"
# shellcheck source=tools/bench/fanout.sh
. "$here/bench/fanout.sh"
# shellcheck source=tools/bench/topics.sh
. "$here/bench/topics.sh"

check_settings() {
    local need
    [[ $seconds =~ ^[1-9][0-9]*$ ]] || fail "BENCH_SECONDS should be a whole number of seconds: $seconds"
    [[ $rounds =~ ^[1-9][0-9]*$ ]] || fail "BENCH_ROUNDS should be a whole number: $rounds"
    for need in $parts; do
        [[ $need =~ ^(h1|h2|files|idle|fanout)$ ]] || fail "BENCH_PARTS: no part '$need'"
    done
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
    ask_once "$cstar_port" >"$got"
    [ "$(sed -n 's/^event: //p' "$got" | tr '\n' ' ')" = "datastar-patch-signals datastar-patch-elements " ] ||
        fail "the counter's answer is not one signals patch and one elements patch"
    stop "$cstar_pid"
    answer_bytes=$(wc -c <"$got")
    make_nginx_body "$answer_bytes"
}

rest() { # figures that want a fresh server each
    start_cstar
    start_nginx
    cstar_rss=$(rss_of "$cstar_pid")
    nginx_rss=$(rss_of "$nginx_pid")
}

compare() {
    pairs "$rounds"
    cstar_rss_after=$(rss_of "$cstar_pid")
    nginx_rss_after=$(rss_of "$nginx_pid")
    stop "$cstar_pid"
    stop "$nginx_pid"
}

compare_h1() {
    rest
    compare
    echo
    probe_calls
    probe_allocations
    probe_first_answer
    probe_instructions
}

wanted() { [[ " $parts " = *" $1 "* ]]; }

main() {
    check_settings
    work=$(mktemp -d "${TMPDIR:-/tmp}/cstar-bench.XXXXXX")
    mkdir "$work/turns"
    trap clean_up EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    choose_cores
    agree_on_answer
    print_setting
    ! wanted h1 || compare_h1
    ! wanted h2 || compare_h2
    ! wanted files || compare_files
    ! wanted idle || measure_idle
    ! wanted fanout || compare_fanout
    ! wanted h1 || print_table
    print_parts
    print_fanout
    print_doubts
}

main "$@"
