# The load: one request, wrk or h2load, and a turn of one server. Sourced by bench.sh. SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154

# The signals of a counter page: its value, a tab, a CSRF token.
make_body() {
    printf '{"count":41,"tabId":"%s","csrf":"%s"}' \
        8c5e1f0a-3b7d-4e62-9a41-d05c7be81f36 Zk3vQm8sT1xYbN6rWc0hLq5uJd9gPeAfVi2oKtSwRyMnXzBlCjHp4E7G
}

# The answer's body to stdout.
ask_once() { # PORT
    local post=(-H 'Content-Type: application/json' -H 'Datastar-Request: true' --data-binary "@$work/body.json")
    case $part in
    h2*) curl -sS --fail --max-time 10 -k --http2 "${post[@]}" "https://127.0.0.1:$1$target_path" ;;
    file*) curl -sS --fail --max-time 10 "http://127.0.0.1:$1$target_path" ;;
    *) curl -sS --fail --max-time 10 "${post[@]}" "http://127.0.0.1:$1$target_path" ;;
    esac
}

# What asks for SECONDS at PORT, as the array `command`. nginx answers a POST over HTTP/2 before its body has come, and cancels the
# rest by a frame and a write of its own; the part h2get lets it have requests without a body, so that this is not what is measured.
load_command() { # PORT SECONDS
    case $part in
    h2*)
        command=(h2load -t1 -c"$connections" -m"$streams" -D "$2" -H 'Accept: text/event-stream, text/html, application/json'
            -H 'Content-Type: application/json' -H 'Datastar-Request: true')
        [ "$part" = h2get ] && [ "$1" = "${nginx_port:-}" ] || command+=(-d "$work/body.json")
        command+=("https://127.0.0.1:$1$target_path")
        ;;
    file*) command=(wrk -t1 -c"$connections" -d"$2"s -s "$here/bench/load.lua" "http://127.0.0.1:$1$target_path") ;;
    *)
        command=(env BENCH_BODY="$work/body.json" wrk -t1 -c"$connections" -d"$2"s -s "$here/bench/load.lua"
            "http://127.0.0.1:$1$target_path")
        ;;
    esac
}

# load PORT SECONDS: sets did_requests, did_us (for how long) and did_ticks (of the load generator's own CPU time).
load() {
    start_load "$@"
    end_load
}

start_load() {
    local command
    load_command "$@"
    load_seconds=$2
    taskset -c "$load_cpu" "${command[@]}" >"$work/load.log" 2>&1 </dev/null &
    load_pid=$!
    started+=("$load_pid")
}

# User and system time of the children that were waited for so far, in ticks; as `children`, without making another child.
read_children() {
    local stat
    read -r stat <"/proc/$$/stat"
    # shellcheck disable=SC2086
    set -- ${stat##*) }
    children=$((${14} + ${15}))
}

# h2load counts what was answered in its seconds, and tells the rate by them.
h2load_figures() { # ticks
    awk -v s="$load_seconds" -v ticks="$1" '/^requests: / {n = $8; bad = $10 + $12 + $14} /^status codes: / {bad += $5 + $7 + $9}
        END {printf "BENCH %d %d %d %d\n", n, s * 1e6, ticks, bad}' "$work/load.log" >"$work/load.figures"
    cat "$work/load.figures" >>"$work/load.log"
}

end_load() {
    local failed=1 children before
    read_children
    before=$children
    if wait "$load_pid"; then
        read_children
        [[ $part != h2* ]] || h2load_figures $((children - before))
        read -r did_requests did_us did_ticks failed < <(sed -n 's/^BENCH //p' "$work/load.log") || true
    fi
    if [ "$failed" != 0 ] || [ "$did_requests" = 0 ]; then
        cat "$work/load.log" >&2
        fail "the load failed"
    fi
}

# Ticks for which the two cores were busy so far, with whatever.
busy_ticks() {
    awk -v a="cpu$server_cpu" -v b="cpu$load_cpu" '$1 == a || $1 == b {n += $2 + $3 + $4 + $7 + $8 + $9} END {printf "%.0f\n", n}' /proc/stat
}

# The figures of a server at this moment: user ticks, system ticks, ns, ticks of both cores.
reading() { echo "$(ticks_of "$1") $(cpu_ns_of "$1") $(busy_ticks)"; }

# turn NAME PID PORT: one line into $work/turns/PART.NAME: requests/s, µs per request, of it in user space and in the kernel, and in percent:
# of its core that the server used, of its core that the load generator used, of both cores that anything else used.
turn() {
    local before after
    before=$(reading "$2")
    load "$3" "$seconds"
    after=$(reading "$2")
    echo "$did_requests $did_us $did_ticks $before $after" | awk -v hz="$(getconf CLK_TCK)" -v cores="$((server_cpu == load_cpu ? 1 : 2))" '{
        requests = $1; us = $2; wrk = $3 / hz * 1e6
        user = ($8 - $4) / hz * 1e6; sys = ($9 - $5) / hz * 1e6
        all = $10 > $6 ? ($10 - $6) / 1e3 : user + sys # nanoseconds where there are any; their split is by ticks
        share = user + sys > 0 ? user / (user + sys) : 0
        others = (($11 - $7) / hz * 1e6 - wrk - all) / us / cores
        printf "%.0f %.3f %.3f %.3f %.1f %.1f %.1f\n", requests / us * 1e6, all / requests, all * share / requests,
            all * (1 - share) / requests, all / us * 100, wrk / us * 100, (others > 0 ? others * 100 : 0)
    }' >>"$work/turns/$part.$1"
}
