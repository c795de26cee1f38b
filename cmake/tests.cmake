# Everything that ctest runs.
#
#   unit.<room>.<name>   tests/unit/<room>/test_<name>.c, one cmocka program each
#   node.<name>          tests/node/<name>.test.mjs: a plain script; exit 0 passed, 77 skipped, else failed
#   cases.own, .shared   cstar-cases on tests/cases/*.json and on the shared case files
#   fuzz.<name>          stored fuzz inputs (cmake/fuzz.cmake)
#   build.<name>         the checks of tests/build and tools: headers, exports, layers, documents
#
# A test may say more about itself on a line of its first 40:   ctest: timeout=120 serial labels=threads,slow
#
# SPDX-License-Identifier: MIT
find_package(Python3 REQUIRED COMPONENTS Interpreter)
find_program(NODE NAMES node nodejs)
find_program(BASH bash REQUIRED)

if(CSTAR_SANITIZE)
    set(default_timeout 180)
else()
    set(default_timeout 60)
endif()

# Where the shared case files and golden data are, if they are.
if(DEFINED ENV{CSTAR_SHARED} AND NOT "$ENV{CSTAR_SHARED}" STREQUAL "")
    get_filename_component(shared "$ENV{CSTAR_SHARED}" ABSOLUTE)
else()
    get_filename_component(shared "${CMAKE_SOURCE_DIR}/../shared" ABSOLUTE)
endif()
set(test_environment
    "CSTAR_BIN=set:${CSTAR_BIN_DIR}"
    "CSTAR_SOURCE=set:${CMAKE_SOURCE_DIR}"
    "ASAN_OPTIONS=set:detect_stack_use_after_return=1:strict_string_checks=1:check_initialization_order=1"
    "UBSAN_OPTIONS=set:print_stacktrace=1"
    "TSAN_OPTIONS=set:halt_on_error=1:second_deadlock_stack=1:suppressions=${CMAKE_SOURCE_DIR}/tests/support/tsan.supp")
if(IS_DIRECTORY "${shared}")
    list(APPEND test_environment "CSTAR_SHARED=set:${shared}")
else()
    list(APPEND test_environment "CSTAR_SHARED=unset:")
endif()

# What every test has, and what its source asks for.
function(cstar_test_properties test source)
    set(timeout ${default_timeout})
    set(labels)
    if(source)
        file(STRINGS "${source}" lines LIMIT_INPUT 4000 REGEX "ctest: ")
        string(REGEX MATCH "timeout=([0-9]+)" found "${lines}")
        if(found)
            set(timeout ${CMAKE_MATCH_1})
            if(CSTAR_SANITIZE)
                math(EXPR timeout "${timeout} * 3")
            endif()
        endif()
        string(REGEX MATCH "labels=([a-z,]+)" found "${lines}")
        if(found)
            string(REPLACE "," ";" labels "${CMAKE_MATCH_1}")
        endif()
        if(lines MATCHES " serial")
            set_tests_properties(${test} PROPERTIES RUN_SERIAL ON)
        endif()
    endif()
    set_tests_properties(${test} PROPERTIES TIMEOUT ${timeout} SKIP_RETURN_CODE 77
        LABELS "${labels};${ARGN}" ENVIRONMENT_MODIFICATION "${test_environment}"
        WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
endfunction()

# ---- unit --------------------------------------------------------------------------------------
find_package(PkgConfig REQUIRED)
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
add_library(test_view INTERFACE)
target_include_directories(test_view INTERFACE "${CMAKE_SOURCE_DIR}/src" "${CMAKE_SOURCE_DIR}/tests")
target_compile_definitions(test_view INTERFACE _POSIX_C_SOURCE=200809L)
if(CSTAR_CORE_ONLY)
    set(unit_rooms base wire html)
    target_link_libraries(test_view INTERFACE core)
else()
    set(unit_rooms base wire html http net live web)
    target_link_libraries(test_view INTERFACE cstar cstar_switches PkgConfig::UV Threads::Threads)
    if(CSTAR_SQLITE) # to look into the store's file, and to let SQLite's allocations fail
        target_link_libraries(test_view INTERFACE PkgConfig::SQLITE)
    endif()
    if(TARGET testkit)
        list(APPEND unit_rooms testkit)
        target_link_libraries(test_view INTERFACE testkit)
        target_compile_definitions(test_view INTERFACE CSTAR_WITH_GUMBO=$<BOOL:${GUMBO_FOUND}>)
    endif()
endif()
target_link_libraries(test_view INTERFACE PkgConfig::CMOCKA cstar_warnings cstar_flags)

file(GLOB support_sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tests/support/*.c")
if(NOT CSTAR_TLS)
    list(FILTER support_sources EXCLUDE REGEX "/tlsrig\\.c$")
endif()
if(support_sources)
    add_library(test_support STATIC ${support_sources})
    target_link_libraries(test_support PRIVATE test_view)
endif()

foreach(room IN LISTS unit_rooms)
    file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tests/unit/${room}/test_*.c")
    foreach(source IN LISTS sources)
        get_filename_component(name "${source}" NAME_WE)
        string(REGEX REPLACE "^test_" "" name "${name}")
        if((name MATCHES "^tls" AND NOT CSTAR_TLS) OR
                (name STREQUAL "coding" AND NOT (CSTAR_GZIP AND CSTAR_BROTLI AND CSTAR_ZSTD)))
            continue()
        endif()
        file(STRINGS "${source}" threads LIMIT_INPUT 4000 REGEX "ctest: .*labels=[a-z,]*threads")
        if(room MATCHES "^(net|live|web)$")
            set(threads yes)
        elseif(CSTAR_ONLY_THREADS AND NOT threads)
            continue()
        endif()
        set(target unit_${room}_${name})
        add_executable(${target} "${source}")
        set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
        if(support_sources)
            target_link_libraries(${target} PRIVATE test_support)
        endif()
        target_link_libraries(${target} PRIVATE test_view)
        add_test(NAME unit.${room}.${name} COMMAND ${target})
        set(room_labels unit)
        if(threads)
            list(APPEND room_labels threads)
        endif()
        cstar_test_properties(unit.${room}.${name} "${source}" ${room_labels})
    endforeach()
endforeach()

# ---- scripts in Node ---------------------------------------------------------------------------
# tests/node: libraries and tools against Node; tests/e2e: a server and real clients; tests/browser: a real browser.
foreach(folder node e2e browser)
    file(GLOB scripts CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tests/${folder}/*.test.mjs")
    if(CSTAR_CORE_ONLY OR NOT CSTAR_EXAMPLES)
        set(scripts)
    endif()
    foreach(script IN LISTS scripts)
        get_filename_component(name "${script}" NAME)
        string(REPLACE ".test.mjs" "" name "${name}")
        set(test ${folder}.${name})
        if(NODE)
            add_test(NAME ${test} COMMAND "${NODE}" "${script}")
        else()
            add_test(NAME ${test} COMMAND "${BASH}" -c "echo 'node is not installed'; exit 77")
        endif()
        set(script_labels ${folder})
        file(STRINGS "${script}" serves REGEX "--listen|await start\\(")
        if(serves AND NOT folder STREQUAL "browser") # it starts one of the servers, which has threads
            list(APPEND script_labels threads)
        endif()
        cstar_test_properties(${test} "${script}" ${script_labels})
        if(folder STREQUAL "browser") # one browser at a time
            set_tests_properties(${test} PROPERTIES RESOURCE_LOCK browser)
        endif()
    endforeach()
endforeach()

# ---- cases as data -----------------------------------------------------------------------------
if(TARGET program_cstar-cases)
    file(GLOB own_cases CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tests/cases/*.json")
    if(own_cases)
        add_test(NAME cases.own COMMAND program_cstar-cases ${own_cases})
        cstar_test_properties(cases.own "" cases)
    endif()
    if(EXISTS "${shared}/cases/cases.json")
        add_test(NAME cases.shared COMMAND program_cstar-cases "${shared}/cases/cases.json")
        cstar_test_properties(cases.shared "" cases)
    endif()
endif()

# ---- the build itself --------------------------------------------------------------------------
# They look at the product of an ordinary build; a sanitized one would only tell the same again.
if(NOT CSTAR_SANITIZE AND NOT CSTAR_FUZZ)
    function(build_check name)
        add_test(NAME build.${name} COMMAND ${ARGN})
        cstar_test_properties(build.${name} "" build)
    endfunction()
    set(checks "${CMAKE_SOURCE_DIR}/tests/build")
    set(tools "${CMAKE_SOURCE_DIR}/tools")

    find_program(CXX_COMPILER NAMES c++ g++ clang++)
    file(GLOB headers CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/include/*.h" "${CMAKE_SOURCE_DIR}/include/cstar/*.h")
    foreach(header IN LISTS headers)
        file(RELATIVE_PATH name "${CMAKE_SOURCE_DIR}/include" "${header}")
        build_check("header-c.${name}" "${BASH}" "${checks}/header_alone.sh" c "${CMAKE_C_COMPILER}" "${name}")
        build_check("header-c++.${name}" "${BASH}" "${checks}/header_alone.sh" c++ "${CXX_COMPILER}" "${name}")
    endforeach()

    build_check(layers "${Python3_EXECUTABLE}" "${tools}/layers.py")
    build_check(layers-self-test "${Python3_EXECUTABLE}" "${tools}/layers.py" --self-test)
    build_check(metrics-self-test "${Python3_EXECUTABLE}" "${tools}/metrics.py" --self-test)
    build_check(parity "${Python3_EXECUTABLE}" "${tools}/parity_check.py")
    build_check(parity-self-test "${Python3_EXECUTABLE}" "${tools}/parity_check.py" --self-test)
    build_check(deps "${BASH}" "${checks}/deps.sh")
    build_check(client "${BASH}" "${checks}/client.sh")
    build_check(core-alone "${BASH}" "${checks}/core_alone.sh" "${CMAKE_C_COMPILER}")
    build_check(replay "${BASH}" "${checks}/replay.sh" "${CMAKE_C_COMPILER}")
    if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
        build_check(core-libc-only "${BASH}" "${checks}/core_libc_only.sh"
            "${CMAKE_C_COMPILER}" "$<TARGET_FILE:core>" "$<TARGET_FILE:core_shared>")
        build_check(exports-core "${Python3_EXECUTABLE}" "${checks}/exports.py" "$<TARGET_FILE:core_shared>")
        if(TARGET cstar_shared)
            build_check(exports "${Python3_EXECUTABLE}" "${checks}/exports.py" "$<TARGET_FILE:cstar_shared>")
        endif()
    endif()
    if(CSTAR_HARDEN AND TARGET program_demo AND CMAKE_SYSTEM_NAME STREQUAL "Linux")
        build_check(hardened "${BASH}" "${checks}/hardened.sh" "$<TARGET_FILE:program_demo>")
    endif()
    build_check(exports-self-test "${Python3_EXECUTABLE}" "${checks}/exports.py" --self-test "${CMAKE_C_COMPILER}")
    build_check(doc-blocks-self-test "${Python3_EXECUTABLE}" "${tools}/doc_blocks.py" --self-test
        --cc "${CMAKE_C_COMPILER}")
    if(TARGET cstar)
        set(lib_flags ${UV_LDFLAGS})
        foreach(switch HTTP2 TLS GZIP BROTLI ZSTD SQLITE)
            list(APPEND lib_flags ${${switch}_LDFLAGS})
        endforeach()
        list(APPEND lib_flags -fno-lto) # the archive may have bytecode in it, which takes long to link
        list(JOIN lib_flags " " lib_flags)
        set(doc_libs)
        if(TARGET testkit)
            list(JOIN GUMBO_LDFLAGS " " gumbo_flags)
            set(doc_libs "$<TARGET_FILE:testkit> $<TARGET_FILE:cstar> ${gumbo_flags} ")
        endif()
        build_check(doc-blocks "${Python3_EXECUTABLE}" "${tools}/doc_blocks.py" --cc "${CMAKE_C_COMPILER}"
            --lib "$<TARGET_FILE:cstar>" "--libs=${doc_libs}${lib_flags} -pthread")
        if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
            build_check(controllers "${BASH}" "${checks}/controllers.sh" "${CMAKE_C_COMPILER}" "$<TARGET_FILE:cstar>"
                "${lib_flags} -pthread")
        endif()
        build_check(install "${BASH}" "${checks}/install.sh" "${CMAKE_BINARY_DIR}" "${CMAKE_C_COMPILER}")
        build_check(embed "${BASH}" "${checks}/embed.sh" "${CMAKE_BINARY_DIR}" "${CMAKE_C_COMPILER}")
        set_tests_properties(build.embed PROPERTIES TIMEOUT 180) # it configures and builds a project three times
    endif()
endif()
