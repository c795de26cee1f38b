#!/usr/bin/env bash
# Installs what is missing, then runs everything: see tools/test.py. The last line: N passed, N failed, N skipped.
# SPDX-License-Identifier: MIT
set -euo pipefail
cd "$(dirname "$0")/.."
tools/deps.sh build test
if [ "${CI:-}" = true ]; then
    tools/deps.sh lint
fi

# The npm packages of the tests, at the versions of package-lock.json.
if [ ! -f node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
    PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --no-audit --no-fund --loglevel=error --fetch-retries=1 ||
        echo "test: *** npm ci failed: tests that need its packages will not pass ***" >&2
fi
tools/client.sh >/dev/null ||
    echo "test: *** no Datastar client: the browser tests are SKIPPED (make client) ***" >&2
exec python3 tools/test.py "$@"
