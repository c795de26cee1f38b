#!/usr/bin/env bash
# tools/client.sh trusts nothing but the hash: with a curl of our own on the PATH, nothing leaves the machine.
# SPDX-License-Identifier: MIT
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
real=${XDG_CACHE_HOME:-$HOME/.cache}/cstar/datastar-v1.0.2.js
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export XDG_CACHE_HOME=$dir/cache
file=$XDG_CACHE_HOME/cstar/datastar-v1.0.2.js
mkdir -p "$dir/bin"

# A curl that serves $FAKE, or fails when there is none; it writes where --output says.
cat >"$dir/bin/curl" <<'CURL'
#!/usr/bin/env bash
while [ $# -gt 1 ]; do
    if [ "$1" = --output ]; then out=$2; fi
    shift
done
[[ $1 == https://cdn.jsdelivr.net/gh/starfederation/datastar@v1.0.2/* ]] || exit 3
[ -f "${FAKE:-}" ] || exit 22
cp "$FAKE" "$out"
CURL
chmod +x "$dir/bin/curl"
export PATH=$dir/bin:$PATH

failed=0
expect() { # expect NAME STATUS PATTERN: the script's exit status and what it says
    local name=$1 status=$2 pattern=$3 said got=0
    said=$("$root/tools/client.sh" 2>&1) || got=$?
    if [ "$got" != "$status" ] || ! grep -q -- "$pattern" <<<"$said"; then
        echo "FAILED: $name: exit $got, said: $said"
        failed=1
    fi
}
absent() { # absent NAME: nothing was left where a client would be looked for
    if [ -n "$(ls -A "$XDG_CACHE_HOME/cstar")" ]; then
        echo "FAILED: $1: $(ls -A "$XDG_CACHE_HOME/cstar")"
        failed=1
    fi
}

FAKE= expect "no network" 1 "could not be fetched"
absent "no network"
echo "alert(1)" >"$dir/forged.js"
FAKE=$dir/forged.js expect "another file" 1 "refused: .* expected 2837d87a"
absent "another file"
cp "$dir/forged.js" "$file"
FAKE= expect "a bad file in the cache" 1 "deleted"
absent "a bad file in the cache"
if [ -f "$real" ]; then
    FAKE=$real expect "the right file" 0 "^$file\$"
    cmp -s "$real" "$file" || { echo "FAILED: the right file did not arrive"; failed=1; }
    FAKE= expect "it is there already" 0 "^$file\$"
else
    echo "the client itself is not in the cache: its arrival was not tried"
fi
exit $failed
