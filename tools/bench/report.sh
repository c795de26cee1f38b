# Medians, rounds, and the table at the end. Sourced by bench.sh. SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154

median() { sort -n | awk '{v[NR] = $1} END {print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2}'; }

# column NAME N: of the turns
column() { awk -v n="$2" '{print $n}' "$work/turns/$part.$1"; }
middle() { column "$1" "$2" | median; }

# The median over the pairs: cstar's figure by that of the nginx turn right behind it.
ratio() { paste "$work/turns/$part.cstar" "$work/turns/$part.nginx" | awk -v n="$1" '{print $n / $(n + 7)}' | median; }

print_setting() {
    echo "machine    $(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1), $(getconf _NPROCESSORS_ONLN) cores," \
        "$(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release 2>/dev/null), Linux $(uname -r)"
    echo "servers    $("$bin/counter" --version | head -n 1) (counter, 1 worker) and $(nginx -v 2>&1 | sed 's/^nginx version: //') (1 worker, return 200), on core $server_cpu"
    echo "load       wrk (HTTP/2: h2load), 1 thread, $connections keep-alive connections, on core $load_cpu; load average $(cut -d' ' -f1 /proc/loadavg)"
    echo "request    POST $target_path, body of $(wc -c <"$work/body.json") bytes; answer's body $answer_bytes bytes, by both"
    echo "rounds     $rounds pairs of $seconds s each"
}

print_heads() {
    printf '\n%5s  %-25s%-25s%-18s%s\n' "" "cstar" "nginx" "cstar/nginx" "busy, %: server, wrk, others"
    printf '%5s  %-11s%-15s%-11s%-15s%-9s%-10s%-12s%s\n' round requests/s "µs/request" requests/s "µs/request" requests "µs" cstar nginx
}

print_round() {
    paste <(tail -n 1 "$work/turns/$part.cstar") <(tail -n 1 "$work/turns/$part.nginx") | awk -v i="$1" '{
        printf "%5d  %-11.0f%-14.2f%-11.0f%-14.2f%-9.3f%-9.3f%-12s%s\n", i, $1, $2, $8, $9, $1 / $8, $2 / $9,
            sprintf("%d %d %d", $5, $6, $7), sprintf("%d %d %d", $12, $13, $14)
    }'
}

# Says what in this run makes its figures worth less.
print_doubts() {
    local others busy turns
    [ -z "$cores_note" ] || echo "NOTE: $cores_note"
    turns=$(ls "$work/turns")
    [ -n "$turns" ] || return 0
    others=$(cat "$work"/turns/* | awk '{print $7}' | median)
    busy=$(cat "$work"/turns/*.cstar | awk '{print $5}' | median)
    if awk -v v="$others" 'BEGIN {exit !(v > 5)}'; then
        echo "NOTE: other programs took $others % of these cores: repeat this on a quiet machine. CPU time per request suffers less than requests/s."
    elif awk -v v="$busy" 'BEGIN {exit !(v < 95)}'; then
        echo "NOTE: the server was busy for $busy % of the time only: requests/s show the load generator's limit, CPU time per request the server's."
    fi
}

# ---- table -------------------------------------------------------------------------------------

# judge VALUE OP TARGET: met, missed, or nothing to say
judge() {
    [ -n "$1" ] || return 0
    awk -v v="$1" -v op="$2" -v t="$3" 'BEGIN {
        met = op == "<" ? v < t : (op == "<=" ? v <= t : v >= t)
        print met ? "met" : "**missed**"
    }'
}

row() { # figure, cstar, nginx, ratio, target, verdict
    printf '| %s | %s | %s | %s | %s | %s |\n' "$1" "${2:-–}" "${3:-–}" "${4:-–}" "${5:-}" "${6:-}"
}

form() { # DIGITS VALUE
    [ -z "$2" ] || printf '%.*f' "$1" "$2"
}

by_nginx() { # of two probes
    [ -z "$1" ] || [ -z "$2" ] || awk -v a="$1" -v b="$2" 'BEGIN {if (b > 0) printf "%.2f", a / b}'
}

turn_row() { # figure, column, digits
    row "$1" "$(form "$3" "$(middle cstar "$2")")" "$(form "$3" "$(middle nginx "$2")")" "$(form 3 "$(ratio "$2")")" "${4:-}" "${5:-}"
}

probe_row() { # figure, probe, target, verdict
    local a=${probe[cstar.$2]:-} b=${probe[nginx.$2]:-}
    row "$1" "$a" "$b" "$(by_nginx "$a" "$b")" "${3:-}" "${4:-}"
}

print_table() {
    local rss_mb
    part=h1
    rss_mb=$(awk -v kb="$cstar_rss" 'BEGIN {printf "%.2f", kb / 1024}')
    printf '\n| figure (medians) | cstar | nginx | cstar/nginx | target | |\n|---|---:|---:|---:|---|---|\n'
    turn_row "requests/s, one core" 1 0 "ratio ≥ 0.95" "$(judge "$(ratio 1)" '>=' 0.95)"
    turn_row "CPU time per request, µs" 2 2 "ratio ≤ 1" "$(judge "$(ratio 2)" '<=' 1)"
    turn_row "– of it in user space (by ticks)" 3 2
    turn_row "– of it in the kernel (by ticks)" 4 2
    turn_row "its core busy, %" 5 0
    probe_row "read calls per request" reads "1" "$(judge "${probe[cstar.reads]:-}" '<=' 1.01)"
    probe_row "write calls per request" writes "1" "$(judge "${probe[cstar.writes]:-}" '<=' 1.01)"
    probe_row "epoll waits per request" polls
    probe_row "all system calls per request" calls
    probe_row "heap allocations per request" allocs "0" "$(judge "${probe[cstar.allocs]:-}" '<' 0.0005)"
    probe_row "user instructions per request" instructions
    row "resident at rest, MB" "$rss_mb" "$(awk -v kb="$nginx_rss" 'BEGIN {printf "%.2f", kb / 1024}')" "" "< 5" "$(judge "$rss_mb" '<' 5)"
    row "resident after the load, MB" "$(awk -v kb="$cstar_rss_after" 'BEGIN {printf "%.2f", kb / 1024}')" \
        "$(awk -v kb="$nginx_rss_after" 'BEGIN {printf "%.2f", kb / 1024}')"
    row "first answer after exec, ms" "$(form 2 "${probe[cstar.first]:-}")" "$(form 2 "${probe[nginx.first]:-}")" "" "< 5" "$(judge "${probe[cstar.first]:-}" '<' 5)"
}
