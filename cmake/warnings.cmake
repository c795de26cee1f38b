# The warnings of the house (STYLE.md section 10) and what each compiler adds, as the target cstar_warnings.
# SPDX-License-Identifier: MIT
add_library(cstar_warnings INTERFACE)
set(warnings
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wformat=2 -Wundef -Wvla -Wcast-qual
    -Wcast-align -Wstrict-prototypes -Wmissing-prototypes -Wnull-dereference -Wswitch-enum
    -Wwrite-strings -Wpointer-arith -Wimplicit-fallthrough)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    list(APPEND warnings -Wduplicated-cond -Walloca -Wtrampolines)
elseif(CMAKE_C_COMPILER_ID MATCHES "Clang")
    list(APPEND warnings -Wloop-analysis -Wshadow-all -Wunreachable-code-aggressive)
endif()
if(CSTAR_WERROR)
    list(APPEND warnings -Werror)
endif()
target_compile_options(cstar_warnings INTERFACE ${warnings})
