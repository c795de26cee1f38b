#!/usr/bin/env bash
# Runs every fuzz target for FUZZ_SECONDS (default 30) each: fuzz.sh [NAME...]
#
# It starts from tests/fuzz/corpus/<name> and tests/fuzz/regress/<name>; what it learns stays in build/fuzz/corpus/<name>.
# A new crash: exit 1, and the path of the input (move it to tests/fuzz/regress/<name> with the repair).
#
# SPDX-License-Identifier: MIT
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${FUZZ_SECONDS:-30}
tools/configure.sh fuzz
cmake --build build/fuzz -j "$(getconf _NPROCESSORS_ONLN)"
names=("$@")
if [ ${#names[@]} = 0 ]; then
    for source in tests/fuzz/fuzz_*.c; do
        [ -f "$source" ] || { echo "fuzz: there is no target" >&2; exit 1; }
        name=$(basename "$source" .c)
        names+=("${name#fuzz_}")
    done
fi

# Runs one target; prints its last statistics, or the crash and the path of its input.
fuzz_one() {
    local name=$1 work=build/fuzz/corpus/$1 crashes=build/fuzz/crashes/$1 log=build/fuzz/$1.log
    local arguments=(-max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1
        -artifact_prefix="$crashes/") seed
    mkdir -p "$work" "$crashes"
    [ ! -f "tests/fuzz/dict/$name.dict" ] || arguments+=(-dict="tests/fuzz/dict/$name.dict")
    arguments+=("$work")
    # an earlier crash is a seed: it fails at once until it is repaired
    for seed in "$crashes" "tests/fuzz/corpus/$name" "tests/fuzz/regress/$name"; do
        [ ! -d "$seed" ] || arguments+=("$seed")
    done
    if "build/fuzz/bin/fuzz_$name" "${arguments[@]}" >"$log" 2>&1; then
        echo "fuzz $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") runs in $seconds s," \
            "$(find "$work" -type f | wc -l) inputs, no crash"
        return 0
    fi
    tail -n 60 "$log"
    echo "fuzz $name: FAILED; input: $(find "$crashes" -type f | head -n 3 | tr '\n' ' ')(log: $log)"
    return 1
}

failed=0
for name in "${names[@]}"; do
    fuzz_one "$name" || failed=1
done
exit $failed
