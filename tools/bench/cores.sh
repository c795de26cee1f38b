# Which core serves and which one asks. Sourced by bench.sh. SPDX-License-Identifier: MIT
# shellcheck shell=bash

# "0-2,5" as "0 1 2 5"
expand_list() {
    local part
    for part in ${1//,/ }; do
        seq "${part%-*}" "${part#*-}"
    done
}

# Hyper-threads of one core slow each other down: the two must not be siblings.
siblings() {
    cat "/sys/devices/system/cpu/cpu$1/topology/thread_siblings_list" 2>/dev/null || echo "$1"
}

# Sets server_cpu and load_cpu, and cores_note where the figures need a warning.
choose_cores() {
    local cpus cpu
    mapfile -t cpus < <(expand_list "$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)")
    server_cpu=${cpus[0]}
    load_cpu=$server_cpu
    cores_note=
    for cpu in "${cpus[@]:1}"; do
        load_cpu=$cpu
        [ "$(siblings "$cpu")" = "$(siblings "$server_cpu")" ] || return 0
    done
    if [ "$load_cpu" = "$server_cpu" ]; then
        cores_note="Only one core: server and load generator share it. Requests/s say little here; CPU time per request still does."
    else
        cores_note="Server and load generator are hyper-threads of one core and slow each other down."
    fi
}
