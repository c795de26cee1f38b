# Prints what a library weighs: cmake -DFILE=libcstar-core.so -P size.cmake. Without size(1) it says nothing.
# SPDX-License-Identifier: MIT
find_program(SIZE_TOOL NAMES size llvm-size)
get_filename_component(name "${FILE}" NAME)
if(SIZE_TOOL)
    execute_process(COMMAND "${SIZE_TOOL}" "${FILE}" OUTPUT_VARIABLE text ERROR_QUIET)
    if(text MATCHES "\n[ \t]*([0-9]+)[ \t]+([0-9]+)[ \t]+([0-9]+)")
        math(EXPR total "${CMAKE_MATCH_1} + ${CMAKE_MATCH_2}")
        message("-- ${name}: ${total} bytes (text ${CMAKE_MATCH_1} + data ${CMAKE_MATCH_2}; bss ${CMAKE_MATCH_3})")
    endif()
endif()
