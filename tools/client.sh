#!/usr/bin/env bash
# Puts the Datastar client where the browser tests look for it, and trusts nothing but its hash.
#
# The file is never part of this repository. Does nothing when the good file is there; a file with another hash is
# deleted and refused. Prints the path.
#
# SPDX-License-Identifier: MIT
set -euo pipefail
version=1.0.2
sha256=2837d87acf6ee0ba8e4e63765926c25a98d63883b02f88be194a86b81d3fd24a
url=https://cdn.jsdelivr.net/gh/starfederation/datastar@v$version/bundles/datastar.js
folder=${XDG_CACHE_HOME:-$HOME/.cache}/cstar
file=$folder/datastar-v$version.js

hash_of() {
    if command -v sha256sum >/dev/null 2>&1; then
        sha256sum "$1" | cut -d' ' -f1
    else
        shasum -a 256 "$1" | cut -d' ' -f1
    fi
}

good() { [ -f "$1" ] && [ "$(hash_of "$1")" = "$sha256" ]; }

if good "$file"; then
    echo "$file"
    exit 0
fi
mkdir -p "$folder"
if [ -f "$file" ]; then
    echo "client: $file is not Datastar v$version; deleted" >&2
    rm -f "$file"
fi
part=$(mktemp "$folder/download.XXXXXX")
trap 'rm -f "$part"' EXIT
if ! curl --fail --silent --show-error --location --max-time 60 --proto '=https' --output "$part" "$url"; then
    echo "client: $url could not be fetched" >&2
    exit 1
fi
if ! good "$part"; then
    echo "client: refused: $url has sha256 $(hash_of "$part"), expected $sha256" >&2
    exit 1
fi
chmod 644 "$part"
mv "$part" "$file"
echo "$file"
