#!/usr/bin/env bash
# Controllers register themselves out of a static library: controllers.sh COMPILER LIBCSTAR.A LIBS
#
# Three object files: the program, a controller in a library that the program names with CSTAR_USE_CONTROLLER, and one in a
# library linked whole. With sections collected, so that an entry nobody refers to would be dropped if it could be. A program
# without any controller links too, and finds none.
# SPDX-License-Identifier: MIT
set -euo pipefail
compiler=$1 library=$2 libs=$3
root=$(cd "$(dirname "$0")/../.." && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
flags=(-std=c17 -Wall -Wextra -Wpedantic -Werror -ffunction-sections -fdata-sections -O2 -I "$root/include")

controller() {
    printf '#include <cstar.h>\nCSTAR_CONTROLLER(%s) { (void)event; (void)in; cstar_signal(conn, "who", "%s"); }\n' "$1" "$1"
}
main() {
    printf '%s\n' '#include <cstar.h>' '#include <stdio.h>' "$1" 'int main(void) {' \
        '    cstar_app *app = cstar_app_new();' \
        '    cstar_status rc = cstar_controllers(app, "/ds");' \
        '    printf("%d", (int)rc);' \
        "    $2" \
        '    cstar_app_free(app);' \
        '    return 0;' \
        '}'
}
names='for (const cstar_controller *const *c = __start_cstar_controllers; c != __stop_cstar_controllers; c++) printf(" %s", (*c)->name);'

build() { # OUT FILES...
    local out=$1
    shift
    # shellcheck disable=SC2086
    "$compiler" "$@" "$library" $libs -Wl,--gc-sections -o "$dir/$out"
}

for name in named whole; do
    controller "$name" >"$dir/$name.c"
    "$compiler" "${flags[@]}" -c "$dir/$name.c" -o "$dir/$name.o"
    ar rcs "$dir/lib$name.a" "$dir/$name.o"
done
main 'CSTAR_USE_CONTROLLER(named);
CSTAR_CONTROLLER(own) { (void)conn; (void)event; (void)in; }' "$names" >"$dir/main.c"
main '' '' >"$dir/none.c"
for name in main none; do
    "$compiler" "${flags[@]}" -c "$dir/$name.c" -o "$dir/$name.o"
done

build program "$dir/main.o" "$dir/libnamed.a" -Wl,--whole-archive "$dir/libwhole.a" -Wl,--no-whole-archive
got=$("$dir/program" | tr ' ' '\n' | sort | tr '\n' ' ')
[ "$got" = "0 named own whole " ] || { echo "found: $got" >&2; exit 1; }

build empty "$dir/none.o"
[ "$("$dir/empty")" = 0 ] || { echo "a program without controllers fails" >&2; exit 1; }
echo "controllers are found in the program, a static library and one linked whole"
