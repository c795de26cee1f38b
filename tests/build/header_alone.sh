#!/usr/bin/env bash
# A public header compiles with nothing before it: header_alone.sh c|c++ COMPILER cstar/base.h
# SPDX-License-Identifier: MIT
set -euo pipefail
language=$1 compiler=$2 header=$3
root=$(cd "$(dirname "$0")/../.." && pwd)
case $compiler in
*NOTFOUND) echo "no C++ compiler here"; exit 77 ;;
esac
flags=(-Wall -Wextra -Wpedantic -Wshadow -Wundef -Werror -fsyntax-only -I "$root/include")
if [ "$language" = c ]; then
    flags+=(-std=c17 -Wconversion -Wsign-conversion -Wcast-qual -Wstrict-prototypes)
else
    flags+=(-std=c++17)
fi
# twice: the include guard works
printf '#include "%s"\n#include <%s>\nint cstar_check_main(void);\n' "$header" "$header" |
    "$compiler" "${flags[@]}" -x "$language" -
echo "$header is well-formed $language on its own"
