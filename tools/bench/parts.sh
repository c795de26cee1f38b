# The comparisons beside the first: HTTP/2 over TLS, files, and what an idle connection holds. Each has a name (`part`), servers of its
# own, and rounds that are printed as the first's are. Sourced by bench.sh. SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154,SC2034

parts_done=() # for the second table: "PART|what it is|target of the requests' ratio"

# pairs N: cstar and nginx in turn, after a second each to warm up
pairs() {
    local i
    load "$cstar_port" 1
    load "$nginx_port" 1
    print_heads
    for ((i = 1; i <= $1; i++)); do
        turn cstar "$cstar_pid" "$cstar_port"
        turn nginx "$nginx_pid" "$nginx_port"
        print_round "$i"
    done
}

# compare_part NAME ROUNDS TARGET WHAT
compare_part() {
    part=$1
    echo
    echo "$part: $4"
    start_cstar
    start_nginx
    pairs "$2"
    stop "$cstar_pid"
    stop "$nginx_pid"
    parts_done+=("$1|$4|$3")
}

# ---- HTTP/2 over TLS ---------------------------------------------------------------------------

tls_cipher=

# The key that both have, and the cipher that cstar chooses of those h2load offers.
prepare_tls() {
    local asked
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$work/key.pem" -out "$work/cert.pem" 2>"$work/openssl.log" ||
        { cat "$work/openssl.log" >&2; fail "no certificate"; }
    part=h2
    start_cstar
    asked=$(h2load -n1 -c1 "https://127.0.0.1:$cstar_port/counter")
    [[ $asked = *"Application protocol: h2"* && $asked = *"TLS Protocol: TLSv1.3"* ]] || fail "no HTTP/2 over TLS 1.3: $asked"
    tls_cipher=$(sed -n 's/^Cipher: //p' <<<"$asked")
    make_nginx_body "$(ask_once "$cstar_port" | wc -c)"
    stop "$cstar_pid"
}

# What h2load saw of the turn before: both servers have to speak the same.
check_protocol() {
    local line
    for line in "Application protocol: h2" "TLS Protocol: TLSv1.3" "Cipher: $tls_cipher"; do
        grep -qxF "$line" "$work/load.log" || fail "nginx does not speak as cstar does: no '$line'"
    done
}

compare_h2() {
    if ! command -v h2load >/dev/null || ! command -v openssl >/dev/null; then
        unmeasured "HTTP/2 over TLS" "h2load or openssl is not here"
        return 0
    fi
    connections=16 streams=8 target_path=$event_path
    prepare_tls
    compare_part h2 "$rounds" 0.9 "the event over TLS 1.3 and HTTP/2, $connections connections of $streams streams, $tls_cipher, ECDSA P-256"
    check_protocol
    compare_part h2get $(((rounds + 1) / 2)) "" "the same, nginx being asked by GET, so that it has no body to cancel"
}

# ---- files -------------------------------------------------------------------------------------

compare_files() {
    local size
    if [ ! -x "$bin/bench-static" ]; then
        unmeasured "files" "$bin/bench-static is not built"
        return 0
    fi
    mkdir -p "$work/files"
    for size in 1024 1048576; do
        head -c "$size" /dev/urandom >"$work/files/$size.bin"
        target_path=/assets/$size.bin connections=$((size > 65536 ? 16 : 64))
        compare_part "file$size" $(((rounds + 1) / 2)) 0.8 "a file of $size bytes over HTTP/1.1, $connections connections"
        compare_part "file${size}cached" $(((rounds + 1) / 2)) 0.8 "the same, nginx with open_file_cache"
    done
}

# ---- idle connections --------------------------------------------------------------------------

# What idle.py says, kept for the table. It exits with 1 when a target is missed, and has said its figures then.
measure_idle() {
    local kind
    echo
    if [ ! -f "$here/bench/idle.py" ] || ! command -v python3 >/dev/null || [ ! -x "$bin/hello" ]; then
        unmeasured "idle connections" "tools/bench/idle.py, python3 or $bin/hello is not here"
        return 0
    fi
    python3 "$here/bench/idle.py" --program "$bin/hello" --json >"$work/idle.json" 2>"$work/idle.log" || true
    for kind in plain tls tls+h2; do
        probe[idle.$kind]=$(form 2 "$(sed -n "s/.*\"$kind\": *\([0-9.]*\).*/\1/p" "$work/idle.json")")
        if [ -n "${probe[idle.$kind]}" ]; then
            echo "resident per idle connection, $kind: ${probe[idle.$kind]} KiB"
        else
            unmeasured "idle connections, $kind" "$(tail -n 1 "$work/idle.log")"
        fi
    done
    measure_idle_streams
}

measure_idle_streams() {
    local kind
    if [ ! -x "$bin/idle-streams" ]; then
        unmeasured "idle streams" "$bin/idle-streams is not here"
        return 0
    fi
    python3 "$here/bench/idle_streams.py" --program "$bin/idle-streams" --json >"$work/streams.json" 2>"$work/streams.log" || true
    for kind in plain keyed full tls h2 h2full; do
        probe[stream.$kind]=$(sed -n "s/.*\"$kind\": {\"resident\": \([0-9]*\).*/\1/p" "$work/streams.json")
        if [ -n "${probe[stream.$kind]}" ]; then
            echo "resident per idle stream, $kind: ${probe[stream.$kind]} bytes"
        else
            unmeasured "idle streams, $kind" "$(tail -n 1 "$work/streams.log")"
        fi
    done
}

# ---- table -------------------------------------------------------------------------------------

part_row() { # PART, what, target
    local requests cost
    part=$1
    requests=$(ratio 1)
    cost=$(ratio 2)
    printf '| %s | %.0f | %.0f | %.3f | %s | %s | %.2f | %.2f | %.3f |\n' "$2" "$(middle cstar 1)" "$(middle nginx 1)" "$requests" \
        "${3:+≥ $3}" "${3:+$(judge "$requests" '>=' "$3")}" "$(middle cstar 2)" "$(middle nginx 2)" "$cost"
}

idle_row() { # KIND, what, target
    [ -z "${probe[idle.$1]:-}" ] || printf '| %s | %s | ≤ %s | %s |\n' "$2" "${probe[idle.$1]}" "$3" "$(judge "${probe[idle.$1]}" '<=' "$3")"
}

stream_row() { # KIND, what, target
    [ -z "${probe[stream.$1]:-}" ] ||
        printf '| %s | %s | %s | %s |\n' "$2" "${probe[stream.$1]}" "${3:+≤ $3}" "${3:+$(judge "${probe[stream.$1]}" '<=' "$3")}"
}

print_parts() {
    local line name what target
    if [ "${#parts_done[@]}" != 0 ]; then
        printf '\n| medians of pairs | cstar, requests/s | nginx | cstar/nginx | target | | cstar, µs of CPU | nginx | cstar/nginx |\n'
        printf '|---|---:|---:|---:|---|---|---:|---:|---:|\n'
        for line in "${parts_done[@]}"; do
            IFS='|' read -r name what target <<<"$line"
            part_row "$name" "$what" "$target"
        done
    fi
    [ -n "${probe[idle.plain]:-}${probe[idle.tls]:-}${probe[idle.tls+h2]:-}" ] || return 0
    printf '\n| resident per idle connection | KiB | target | |\n|---|---:|---|---|\n'
    idle_row plain "plain" 1
    idle_row tls "TLS" 16
    idle_row tls+h2 "TLS and HTTP/2" 36
    [ -n "${probe[stream.plain]:-}" ] || return 0
    printf '\n| resident per idle stream | bytes | target | |\n|---|---:|---|---|\n'
    stream_row plain "HTTP/1.1" 1024
    stream_row keyed "the same, one per tab" ""
    stream_row full "the same, with callbacks" ""
    stream_row tls "TLS" ""
    stream_row h2 "a further one of an HTTP/2 connection" 512
    stream_row h2full "the same, with callbacks" ""
}
