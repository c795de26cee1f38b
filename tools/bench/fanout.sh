# Broadcasts: one event to many streams, beside a bare loop of send() and beside nginx with nchan. Each server keeps all of its streams
# open the whole time; they take turns of a fraction of a second, so that a noisy machine disturbs all of them. The client
# (tests/programs/bench-fanout-client) is our own. Sourced by bench.sh. SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154,SC2034

fanout_rows=() # of the table
nchan_module=
fanout_args=() # of the client: the servers

# ---- what is sent ------------------------------------------------------------------------------

fill() { printf '%*s' "$1" '' | tr ' ' "$2"; }

# fanout_body KIND: what the application publishes, so that the event is as long as is wanted: 110 bytes, or 1 KiB.
fanout_body() {
    if [ "$1" = signals ]; then
        printf '{"price":%s}' "$(fill 54 1)"
    else
        printf '<li>%s</li>' "$(fill 927 x)"
    fi
}

# The lines of the event's data, as the client of Datastar reads them.
fanout_data() { # KIND BODY
    if [ "$1" = signals ]; then
        printf 'signals %s' "$2"
    else
        printf 'selector #list\nmode append\nelements %s' "$2"
    fi
}

fanout_post() { # PATH BODY [FIELD...]
    local path=$1 body=$2
    shift 2
    printf 'POST %s HTTP/1.1\r\nHost: localhost\r\n' "$path"
    [ $# = 0 ] || printf '%s\r\n' "$@"
    printf 'Content-Length: %d\r\n\r\n%s' "${#body}" "$body"
}

# The same event by all three: the bare loop is given it whole, nchan its name and its data (and adds a line with an id).
fanout_requests() { # KIND
    local body data
    body=$(fanout_body "$1")
    data=$(fanout_data "$1" "$body")
    printf 'GET /live HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n' >"$work/subscribe"
    fanout_post "/publish/$1" "$body" >"$work/cstar.publish"
    data="event: datastar-patch-$1"$'\n'"data: ${data//$'\n'/$'\n'data: }"$'\n\n'
    fanout_post /publish "$data" >"$work/bare.publish"
    fanout_post /finish "$data" >"$work/bare.finish"
    fanout_post /publish "$(fanout_data "$1" "$body")" "X-EventSource-Event: datastar-patch-$1" >"$work/nchan.publish"
}

# ---- the servers -------------------------------------------------------------------------------

fanout_add() { fanout_args+=("$1:$2:$3:$work/subscribe:$work/$1.publish"); } # NAME PID PORT

start_bare() {
    local port
    launch "$work/bare.log" "$bin/bench-fanout-bare"
    bare_pid=$launched
    await_port "$work/bare.log" || fail "bench-fanout-bare does not start"
    bare_port=$port
}

find_nchan() {
    local folder
    for folder in /usr/lib/nginx/modules /usr/lib64/nginx/modules; do
        [ ! -r "$folder/ngx_nchan_module.so" ] || nchan_module=$folder/ngx_nchan_module.so
    done
    [ -n "$nchan_module" ] || unmeasured "broadcasts by nginx" "the module nchan is not here (libnginx-mod-nchan)"
}

nchan_conf() { # PORT
    echo "load_module $nchan_module;"
    nginx_begin 16384
    cat <<CONF
    keepalive_timeout 1h;
    client_header_timeout 1h;
    nchan_shared_memory_size 128M;
    server {
        listen 127.0.0.1:$1 backlog=4096;
        location = /live { nchan_subscriber eventsource; nchan_channel_id t; nchan_subscriber_first_message newest; }
        location = /publish { nchan_publisher http; nchan_channel_id t; nchan_message_buffer_length 1; nchan_message_timeout 5s; }
    }
}
CONF
}

start_nchan() {
    local i try
    mkdir -p "$work/nginx"
    for ((try = 0; try < 20; try++)); do
        nchan_port=$((20000 + RANDOM % 12000))
        nchan_conf "$nchan_port" >"$work/nginx/nchan.conf"
        launch "$work/nchan.log" nginx -p "$work/nginx" -e "$work/nginx/error.log" -c "$work/nginx/nchan.conf"
        nchan_pid=$launched
        for ((i = 0; i < 100; i++)); do
            ! curl -sS -o "$work/nchan.answer" --max-time 5 "http://127.0.0.1:$nchan_port/publish" 2>/dev/null || return 0
            kill -0 "$nchan_pid" 2>/dev/null || break
            sleep 0.05
        done
    done
    cat "$work/nchan.log" "$work/nginx/error.log" >&2
    fail "nginx with nchan does not start"
}

start_fanout() {
    fanout_args=()
    start_cstar
    fanout_add cstar "$cstar_pid" "$cstar_port"
    start_bare
    fanout_add bare "$bare_pid" "$bare_port"
    [ -n "$nchan_module" ] || return 0
    start_nchan
    fanout_add nchan "$nchan_pid" "$nchan_port"
}

# nchan 1.3.6 aborts when a single process of nginx is told to stop: the shell would say so each time.
stop_fanout() {
    stop "$cstar_pid"
    stop "$bare_pid"
    [ -z "$nchan_module" ] || stop "$nchan_pid" 2>/dev/null
}

# ---- turns -------------------------------------------------------------------------------------

fanout_client() { # OUTPUT [OPTION...] STREAMS
    local output=$1
    shift
    taskset -c "$load_cpu" "$bin/bench-fanout-client" -s "$@" "${fanout_args[@]}" >"$work/$output" 2>"$work/fanout.log" </dev/null &
    load_pid=$!
    started+=("$load_pid")
    wait "$load_pid" || { cat "$work/fanout.log" >&2; fail "the broadcasts failed"; }
}

# fanout_figure NAME EXPRESSION FILE: the median over the turns of that server; $3 deliveries, $4 us, $5 ns of CPU, $6 us until the last
fanout_figure() { awk -v name="$1" '$1 == "TURN" && $2 == name {print '"$2"'}' "$work/$3" | median; }

# fanout_ratio A B EXPRESSION FILE: the median of the ratios, turn by turn
fanout_ratio() {
    paste <(awk -v name="$1" '$1 == "TURN" && $2 == name {print '"$3"'}' "$work/$4") \
        <(awk -v name="$2" '$1 == "TURN" && $2 == name {print '"$3"'}' "$work/$4") | awk '{print $1 / $2}' | median
}

fanout_row() { # KIND STREAMS BYTES
    local file=fanout.$1.$2 rate='$3 / $4 * 1e6' cpu='$5 / $3 / 1e3' last='$6' to_bare to_nchan= cpu_ratio last_ratio nchan_rate=
    to_bare=$(form 3 "$(fanout_ratio cstar bare "$rate" "$file")")
    cpu_ratio=$(form 3 "$(fanout_ratio cstar bare "$cpu" "$file")")
    last_ratio=$(form 3 "$(fanout_ratio cstar bare "$last" "$file")")
    if [ -n "$nchan_module" ]; then
        to_nchan=$(form 3 "$(fanout_ratio cstar nchan "$rate" "$file")")
        nchan_rate=$(form 0 "$(fanout_figure nchan "$rate" "$file")")
    fi
    fanout_rows+=("$(printf '| %s bytes to %s | %.0f | %.0f | %s | %s | %s | %s | %s | %.2f | %s | %.1f | %s | %s |' "$3" "$2" \
        "$(fanout_figure cstar "$rate" "$file")" "$(fanout_figure bare "$rate" "$file")" "${nchan_rate:-–}" \
        "$to_bare" "$(judge "$to_bare" '>=' 0.9)" "${to_nchan:-–}" "$(judge "$to_nchan" '>=' 1)" \
        "$(fanout_figure cstar "$cpu" "$file")" "$cpu_ratio" "$(awk -v us="$(fanout_figure cstar "$last" "$file")" 'BEGIN {print us / 1e3}')" \
        "$last_ratio" "$([ "$2" != 5000 ] || judge "$last_ratio" '<=' 1.2)")")
    echo "$3 bytes to $2 streams: cstar/bare $to_bare${to_nchan:+, cstar/nchan $to_nchan}, CPU time cstar/bare $cpu_ratio," \
        "until the last has it cstar/bare $last_ratio"
}

# What a stream leaves in the server's resident set, in KiB.
fanout_rss() { awk -v name="$1" -v n="$2" '$1 == "RSS" && $2 == name {printf "%.2f", ($4 - $3) / n}' "$work/fanout.signals.$2"; }

# How fast the client reads what is there already, beside the rate at which the bare loop sends.
fanout_limit() { # STREAMS
    local most
    fanout_args=("bare:$bare_pid:$bare_port:$work/subscribe:$work/bare.finish")
    fanout_client fanout.limit -t 9 -d "$1"
    most=$(awk '$1 == "DRAIN" {print $3 / $4 * 1e6}' "$work/fanout.limit" | median)
    probe[fanout.limit]=$(awk -v a="$most" -v b="$(fanout_figure bare '$3 / $4 * 1e6' "fanout.signals.$1")" 'BEGIN {printf "%.1f", a / b}')
    echo "the client alone: $(form 0 "$most") deliveries/s, ${probe[fanout.limit]} times what the bare loop sends"
}

fanout_batches() { # STREAMS: eight publications at a time, which a stream gets by one call
    fanout_client fanout.batch -t "$rounds" -m $((seconds * 100)) -w 8 "$1"
    probe[fanout.batch]=$(form 2 "$(fanout_ratio cstar bare '$3 / $4' fanout.batch)")
    echo "eight publications at a time, $1 streams: cstar/bare ${probe[fanout.batch]}"
}

fits() { [ "$(ulimit -Hn)" = unlimited ] || [ $(($1 + 200)) -le "$(ulimit -Hn)" ]; }

fanout_kind() { # KIND BYTES
    local n
    fanout_requests "$1"
    for n in 1000 5000 10000; do
        fits "$n" || { unmeasured "$n streams" "more than $(ulimit -Hn) descriptors are not allowed"; continue; }
        start_fanout
        fanout_client "fanout.$1.$n" -t $((rounds * 4)) -m $((seconds * 100)) "$n"
        fanout_row "$1" "$n" "$2"
        if [ "$1 $n" = "signals 5000" ]; then
            [ -z "$nchan_module" ] || unset 'fanout_args[2]' # it does not answer requests in a row this fast
            fanout_batches "$n"
            fanout_limit "$n"
        fi
        [ "$1 $n" != "signals 10000" ] || probe[fanout.rss]=$(fanout_rss cstar "$n")
        stop_fanout
    done
}

compare_fanout() {
    part=fanout
    echo
    for need in bench-fanout bench-fanout-bare bench-fanout-client; do
        [ -x "$bin/$need" ] || { unmeasured "broadcasts" "$bin/$need is not built"; return 0; }
    done
    ulimit -n "$(ulimit -Hn)"
    find_nchan
    fanout_kind signals 110
    fanout_kind elements 1024
    measure_topics
}

# ---- table -------------------------------------------------------------------------------------

print_fanout() {
    [ "${#fanout_rows[@]}" != 0 ] || return 0
    printf '\n| medians over the turns | cstar, deliveries/s | bare | nchan | cstar/bare | ≥ 0.9 | cstar/nchan | ≥ 1 '
    printf '| cstar, µs of CPU | /bare | until the last, ms | /bare | ≤ 1.2 |\n'
    printf '|---|---:|---:|---:|---:|---|---:|---|---:|---:|---:|---:|---|\n'
    printf '%s\n' "${fanout_rows[@]}"
    print_topics
    printf '\nA stream of 10 000 leaves %s KiB resident (target ≤ 1: %s). The client alone reads %s times as fast as the bare loop sends. ' \
        "${probe[fanout.rss]:-?}" "$(judge "${probe[fanout.rss]:-}" '<=' 1)" "${probe[fanout.limit]:-?}"
    printf 'Eight publications at a time: %s times the bare loop.\n' "${probe[fanout.batch]:-?}"
}
