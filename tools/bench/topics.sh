# Whether numbers matter: publishing to one of 1,000,000 topics and to one of 1,000, claiming one of 100,000 tabs and one of 1,000. In
# the process (tests/programs/bench-topics), and through sockets: two servers with as many streams, each of one topic or of 1,000, take
# turns. Sourced by bench.sh. SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154,SC2034

topics_streams=1000 topics_each=1000 topics_burst=2000

# ---- through sockets ---------------------------------------------------------------------------

topics_start() { # NAME EACH: a server, of whose streams each has so many topics of its own
    printf 'GET /rooms?each=%d HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n' "$2" >"$work/$1.subscribe"
    start_cstar
    topics_pids+=("$cstar_pid")
    fanout_args+=("$1:$cstar_pid:$cstar_port:$work/$1.subscribe:$work/topics.publish")
}

# Each publication goes to a topic at random, and so to one stream, by a send() of its own; the client reads, and counts them.
topics_by_sockets() {
    local pid few many topics_pids=() each='$5 / $3'
    fits $((2 * topics_streams)) || { unmeasured "many topics" "more than $(ulimit -Hn) descriptors are not allowed"; return 0; }
    fanout_args=()
    fanout_post "/burst?n=$topics_burst" "$(fanout_body signals)" >"$work/topics.publish"
    topics_start few 1
    topics_start many "$topics_each"
    fanout_client topics.turns -t $((rounds * 6)) -m $((seconds * 100)) -b "$topics_burst" "$topics_streams"
    for pid in "${topics_pids[@]}"; do
        stop "$pid"
    done
    few=$(form 0 "$(fanout_figure few "$each" topics.turns)")
    many=$(form 0 "$(fanout_figure many "$each" topics.turns)")
    probe[topics.sockets]="$few | $many | $(form 2 "$(fanout_ratio many few "$each" topics.turns)")"
    echo "110 bytes to any topic, of CPU time for each delivery: $few ns, and $many ns with many: ${probe[topics.sockets]##* }"
}

# ---- in the process ----------------------------------------------------------------------------

topics_in_process() {
    local name few many ratio
    [ -x "$bin/bench-topics" ] || { unmeasured "many topics" "$bin/bench-topics is not built"; return 0; }
    taskset -c "$load_cpu" "$bin/bench-topics" >"$work/topics" || fail "bench-topics failed"
    while read -r name few many ratio; do
        probe[topics.$name]="$few | $many | $ratio"
        echo "$name: $few ns, and $many ns with many: $ratio"
    done <"$work/topics"
}

measure_topics() {
    topics_by_sockets
    topics_in_process
}

# ---- table -------------------------------------------------------------------------------------

topics_row() { # NAME what target
    local ratio
    [ -n "${probe[topics.$1]:-}" ] || return 0
    ratio=${probe[topics.$1]##* }
    printf '| %s | %s | %s | %s |\n' "$2" "${probe[topics.$1]}" "≤ $3" "$(judge "$ratio" '<=' "$3")"
}

print_topics() {
    printf '\n| what | few, ns | many, ns | many/few | target | |\n|---|---:|---:|---:|---|---|\n'
    topics_row sockets "publishing to any of 1 000 000 topics, not 1 000, of 1 000 streams, through sockets: CPU time for each" 1.5
    topics_row publish-same "in the process, without what sends: the same topic again" 1.5
    topics_row publish-any "– another one each time" 1.5
    topics_row claim-new "claiming and releasing a new tab beside 100 000, not 1 000" 1.5
    topics_row claim-any "– taking any of them over" 1.5
}
