# What a turn does not show: system calls, heap calls, instructions, the first answer. Each probe starts its own servers, since it slows
# them down. A probe that can't run here leaves "not measured" and says why. Sourced by bench.sh. SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154

# probe NAME VALUE for the table
declare -A probe
unmeasured() { # what, why
    echo "not measured: $1 ($2)"
}

per_request() { awk -v n="$1" -v requests="$2" -v digits="${3:-2}" 'BEGIN {printf "%.*f", digits, n / requests}'; }

# ---- system calls ------------------------------------------------------------------------------

# The tracer is the grandchild (-D), so that the traced server is ours to stop; its summary is complete when the tracer has gone.
traced_load() { # cstar or nginx; leaves $work/NAME.calls
    local i port pid
    "start_$1" strace -D -f -c -o "$work/$1.calls"
    port=$1_port pid=$1_pid
    load "${!port}" 2
    stop "${!pid}"
    for ((i = 0; i < 100; i++)); do
        ! grep -q ' total$' "$work/$1.calls" 2>/dev/null || return 0
        sleep 0.05
    done
    return 1
}

# calls FILE NAME...: how often
calls() {
    local file=$1
    shift
    awk -v names=" $* " 'index(names, " " $NF " ") {n += $4} END {printf "%.0f", n}' "$file"
}

most_frequent() {
    awk '$4 ~ /^[0-9]+$/ && $NF != "total" {print $4, $NF}' "$1" | sort -rn | awk 'NR <= 5 {printf "%s%s %s", sep, $2, $1; sep = ", "}'
}

probe_calls() {
    local name file
    if ! strace -D -o "$work/strace" true 2>/dev/null; then
        unmeasured "system calls" "strace is not here or may not trace"
        return 0
    fi
    for name in cstar nginx; do
        traced_load "$name" || { unmeasured "system calls of $name" "no summary by strace"; continue; }
        file=$work/$name.calls
        probe[$name.reads]=$(per_request "$(calls "$file" read readv recv recvfrom recvmsg)" "$did_requests")
        probe[$name.writes]=$(per_request "$(calls "$file" write writev send sendto sendmsg)" "$did_requests")
        probe[$name.polls]=$(per_request "$(calls "$file" epoll_wait epoll_pwait epoll_pwait2)" "$did_requests")
        probe[$name.calls]=$(per_request "$(calls "$file" total)" "$did_requests")
        echo "system calls of $name in $did_requests requests (strace): $(most_frequent "$file")"
    done
}

# ---- heap --------------------------------------------------------------------------------------

allocs() { od -An -tu8 "$work/allocs" | tr -d ' '; }

# All connections are open and have been served before the count begins.
probe_allocations() {
    local name port pid before after second
    if ! ${CC:-cc} -O2 -shared -fPIC -o "$work/count_allocs.so" "$here/bench/count_allocs.c" 2>"$work/cc.log"; then
        unmeasured "heap allocations" "they need a C compiler and glibc"
        return 0
    fi
    for name in cstar nginx; do
        head -c 8 /dev/zero >"$work/allocs"
        "start_$name" env BENCH_ALLOCS="$work/allocs" LD_PRELOAD="$work/count_allocs.so"
        port=${name}_port pid=${name}_pid
        start_load "${!port}" 3
        sleep 1
        before=$(allocs)
        sleep 1
        after=$(allocs)
        end_load
        stop "${!pid}"
        second=$((did_requests / 3))
        probe[$name.allocs]=$(per_request $((after - before)) "$second" 3)
        echo "heap allocations of $name in 1 s of steady load (some $second requests): $((after - before));" \
            "with its start and its connections: $(allocs)"
    done
}

# ---- first answer ------------------------------------------------------------------------------

probe_first_answer() {
    local name command port
    if ! ${CC:-cc} -O2 -o "$work/first_answer" "$here/bench/first_answer.c" 2>"$work/cc.log"; then
        unmeasured "first answer" "no C compiler"
        return 0
    fi
    printf 'POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s' \
        "$target_path" "$(wc -c <"$work/body.json")" "$(cat "$work/body.json")" >"$work/request"
    start_cstar # finds a free port
    port=$cstar_port
    stop "$cstar_pid"
    for name in cstar nginx; do
        "${name}_command" "$port"
        taskset -c "$load_cpu" "$work/first_answer" "$server_cpu" "$port" 20 "$work/request" "${command[@]}" \
            2>"$work/first.log" >"$work/first.$name" ||
            { unmeasured "first answer of $name" "$(cat "$work/first.log")"; continue; }
        probe[$name.first]=$(printf "%.2f" "$(median <"$work/first.$name")")
        echo "first answer of $name after exec, 20 starts: median ${probe[$name.first]} ms, worst $(sort -n "$work/first.$name" | tail -n 1) ms"
    done
}

# ---- instructions ------------------------------------------------------------------------------

by_perf() { # cstar or nginx
    local port=$1_port pid=$1_pid count
    "start_$1"
    load "${!port}" 1
    perf stat -x, -e instructions:u -o "$work/perf" -p "${!pid}" 2>/dev/null &
    local counter=$!
    started+=("$counter")
    sleep 0.2
    load "${!port}" 2
    kill -INT "$counter"
    wait "$counter" || true
    stop "${!pid}"
    count=$(awk -F, '$3 ~ /^instructions/ {print $1}' "$work/perf")
    [[ $count =~ ^[0-9]+$ ]] || return 1
    probe[$1.instructions]=$(per_request "$count" "$did_requests" 0)
}

# Counted from a warm state: the totals of two dumps, the first of which is thrown away.
by_callgrind() {
    local port=$1_port pid=$1_pid out=$work/callgrind.$1
    "start_$1" valgrind --quiet --tool=callgrind --callgrind-out-file="$out"
    load "${!port}" 2
    callgrind_control --zero "${!pid}" >/dev/null 2>&1
    load "${!port}" 5
    callgrind_control --dump "${!pid}" >/dev/null 2>&1
    stop "${!pid}"
    probe[$1.instructions]=$(per_request "$(sed -n 's/^\(summary\|totals\): *//p' "$out.1" | tail -n 1)" "$did_requests" 0)
    if [ "$1" = cstar ] && [ -n "${BENCH_PROFILE:-}" ]; then
        cp "$out.1" "$BENCH_PROFILE"
    fi
}

probe_instructions() {
    local name how
    if perf stat -x, -e instructions:u true 2>&1 | grep -q '^[0-9][0-9]*,'; then
        how=perf
    elif [ "$deep" != 1 ]; then
        unmeasured "instructions" "no counter for perf on this machine; BENCH_DEEP=1 counts them with valgrind"
        return 0
    elif command -v callgrind_control >/dev/null; then
        how=callgrind
    else
        unmeasured "instructions" "valgrind is not here"
        return 0
    fi
    for name in cstar nginx; do
        "by_$how" "$name" || { unmeasured "instructions of $name" "$how gave no figure"; continue; }
        echo "instructions of $name in user space per request ($how): ${probe[$name.instructions]}"
    done
}
