# The two servers: start, stop, and an end without leftovers. Sourced by bench.sh. SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154

started=() # everything to be gone at the end

# Asks, waits, insists.
stop() {
    local pid=$1 i
    kill -TERM "$pid" 2>/dev/null || true
    for ((i = 0; i < 100; i++)); do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.05
    done
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
}

clean_up() {
    local status=$? pid
    trap - EXIT
    for pid in "${started[@]}"; do
        stop "$pid"
    done
    rm -rf "$work"
    exit "$status"
}

# launch LOG COMMAND...: on the server's core, in the background; sets launched.
launch() {
    local log=$1
    shift
    : >"$log" # now: the last one's port must not be read from it
    taskset -c "$server_cpu" "$@" >"$log" 2>&1 </dev/null &
    launched=$!
    started+=("$launched")
}

# await_port LOG: until what was launched says there where it listens; sets port. It does not, or ends: its log, and false.
await_port() {
    local log=$1 i
    for ((i = 0; i < 600; i++)); do
        port=$(sed -n 's/.*listening on http.*:\([0-9][0-9]*\)$/\1/p' "$log")
        [ -z "$port" ] || return 0
        kill -0 "$launched" 2>/dev/null || break
        sleep 0.05
    done
    cat "$log" >&2
    return 1
}

# ---- cstar -------------------------------------------------------------------------------------

cstar_command() { # as the array `command`; port 0: a free one
    case $part in
    h2*) command=("$bin/counter" --cert "$work/cert.pem" --key "$work/key.pem") ;;
    file*) command=(env BENCH_FILES="$work/files" "$bin/bench-static") ;; # env becomes the program: the pid stays
    # who publishes has nothing to say while the streams of the others are opened, and in their turns
    fanout) command=("$bin/bench-fanout" --header-timeout 1h --idle-timeout 1h) ;;
    *) command=("$bin/counter") ;;
    esac
    command+=(--listen "127.0.0.1:$1" --workers 1)
}

# start_cstar [COMMAND...]: under a wrapper that stays the same process. Sets cstar_pid and cstar_port.
start_cstar() {
    local command port
    cstar_command 0
    launch "$work/cstar.log" "$@" "${command[@]}"
    cstar_pid=$launched
    await_port "$work/cstar.log" || fail "cstar does not start"
    cstar_port=$port
}

# ---- nginx -------------------------------------------------------------------------------------

# One process that is its own worker: the event loop is the same, and CPU time and memory are those of one pid. `return` answers in
# the rewrite phase; the request's body is skipped and not looked at.
make_nginx_body() { # BYTES
    [ "$1" -le 3500 ] || fail "an answer of $1 bytes does not fit an nginx parameter"
    nginx_body=$(printf '%*s' "$1" '' | tr ' ' x)
}

# The server of a part, for port $1. The cipher is the one that cstar was seen to choose.
nginx_server() {
    case $part in
    h2*)
        cat <<CONF
        listen 127.0.0.1:$1 ssl http2;
        ssl_certificate $work/cert.pem;
        ssl_certificate_key $work/key.pem;
        ssl_protocols TLSv1.3;
        ssl_conf_command Ciphersuites $tls_cipher;
        location = $target_path { return 200 "$nginx_body"; }
CONF
        ;;
    file*)
        cat <<CONF
        listen 127.0.0.1:$1;
        sendfile on;
        tcp_nopush on;
        location /assets/ { alias $work/files/; }
CONF
        [[ $part != *cached ]] || echo "        open_file_cache max=100 inactive=1h;"
        ;;
    *)
        cat <<CONF
        listen 127.0.0.1:$1;
        location = $target_path { return 200 "$nginx_body"; }
CONF
        ;;
    esac
}

nginx_begin() { # CONNECTIONS: the file up to what http { } says of this server alone
    cat <<CONF
daemon off;
master_process off;
worker_processes 1;
pid $work/nginx/pid;
error_log $work/nginx/error.log;
events { worker_connections $1; }
http {
    access_log off;
    client_body_temp_path $work/nginx/body;
    proxy_temp_path $work/nginx/proxy;
    fastcgi_temp_path $work/nginx/fastcgi;
    uwsgi_temp_path $work/nginx/uwsgi;
    scgi_temp_path $work/nginx/scgi;
    keepalive_requests 1000000000;
CONF
}

nginx_conf() { # for port $1
    nginx_begin 1024
    cat <<CONF
    keepalive_timeout 75s;
    default_type $([[ $part = file* ]] && echo application/octet-stream || echo text/event-stream);
    server {
$(nginx_server "$1")
    }
}
CONF
}

nginx_command() { # as the array `command`
    mkdir -p "$work/nginx"
    nginx_conf "$1" >"$work/nginx/nginx.conf"
    command=(nginx -p "$work/nginx" -c "$work/nginx/nginx.conf")
    ! nginx -h 2>&1 | grep -q -- '-e filename' || command+=(-e "$work/nginx/error.log")
}

nginx_answers() {
    ask_once "$1" 2>/dev/null >"$work/nginx.answer" || return 1
    if [[ $part = file* ]]; then
        cmp -s "$work/nginx.answer" "$work/files/${target_path##*/}" || return 1
    else
        [ "$(cat "$work/nginx.answer")" = "$nginx_body" ] || return 1
    fi
    kill -0 "$nginx_pid" 2>/dev/null
}

# start_nginx [COMMAND...]: sets nginx_pid and nginx_port. A port that is taken: the next try has another.
start_nginx() {
    local i try command
    for ((try = 0; try < 20; try++)); do
        nginx_port=$((20000 + RANDOM % 12000))
        nginx_command "$nginx_port"
        launch "$work/nginx.log" "$@" "${command[@]}"
        nginx_pid=$launched
        for ((i = 0; i < 600; i++)); do
            ! nginx_answers "$nginx_port" || return 0
            kill -0 "$nginx_pid" 2>/dev/null || break
            sleep 0.05
        done
    done
    cat "$work/nginx.log" "$work/nginx/error.log" >&2
    fail "nginx does not start"
}

# ---- what they cost ----------------------------------------------------------------------------

rss_of() { sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$1/status"; }

# User and system time of a process so far, in ticks.
ticks_of() { sed 's/^.*) //' "/proc/$1/stat" | awk '{print $12, $13}'; }

# Time on a core so far of all its threads, in ns; 0 where the kernel does not tell. (%d of mawk ends at 2^31.)
cpu_ns_of() { cat "/proc/$1"/task/*/schedstat 2>/dev/null | awk '{n += $1} END {printf "%.0f\n", n}'; }
