# cstar_embed(): files as C data inside a program, for cstar_static_embedded() of <cstar/files.h>.
#
#   cstar_embed(target NAME assets DIRECTORY public [PREFIX static])
#   cstar_embed(target NAME assets FILES a/app.css b/logo.svg [PREFIX static])
#
# adds `const cstar_assets assets` to the target, and a header <assets.h> that declares it. An asset's name is its path
# below DIRECTORY, or the file's own name of FILES, behind PREFIX and a slash if there is one. Names that begin with a
# dot, and all below such folders, are left out of DIRECTORY. The C source is made at build time, again whenever a file
# changes; files that are new in DIRECTORY are found at the next build. The same files make the same source, wherever
# they lie. The target must link to cstar::cstar, for the header.
#
# As a script (cmake -DLIST=... -DNAME=... -DOUT=... -P cstar-embed.cmake) it writes OUT/NAME.c.
# SPDX-License-Identifier: MIT

# A string literal, 32 bytes a line: compilers read it many times as fast as a list of numbers.
function(cstar__embed_literal out file)
    file(READ "${file}" hex HEX)
    string(REGEX REPLACE "(................................................................)" "\\1\n" hex "${hex}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "\\\\x\\1" hex "${hex}")
    string(REGEX REPLACE "\n$" "" hex "${hex}")
    string(REPLACE "\n" "\"\n    \"" hex "${hex}")
    set(${out} "    \"${hex}\"" PARENT_SCOPE)
endfunction()

function(cstar__embed_write)
    file(STRINGS "${LIST}" pairs ENCODING UTF-8)
    set(data)
    set(table)
    set(count 0)
    foreach(pair IN LISTS pairs) # sorted by name
        string(FIND "${pair}" "|" bar)
        string(SUBSTRING "${pair}" 0 ${bar} name)
        math(EXPR bar "${bar} + 1")
        string(SUBSTRING "${pair}" ${bar} -1 file)
        file(SIZE "${file}" size)
        file(SHA256 "${file}" hash)
        cstar__embed_literal(literal "${file}")
        string(APPEND data "static const char data_${count}[] = /* ${size} bytes */\n${literal};\n")
        string(APPEND table "    {\"${name}\", data_${count}, ${size}, \"${hash}\"},\n")
        math(EXPR count "${count} + 1")
    endforeach()
    if(count EQUAL 0)
        set(list "NULL")
    else()
        set(data "${data}static const cstar_asset list[] = {\n${table}};\n")
        set(list "list")
    endif()
    file(WRITE "${OUT}/${NAME}.c" "/* Made by cstar_embed(). */\n#include \"${NAME}.h\"\n\n"
        "#ifdef __GNUC__\n#pragma GCC diagnostic ignored \"-Woverlength-strings\"\n#endif\n\n"
        "${data}const cstar_assets ${NAME} = {${list}, ${count}};\n")
endfunction()

if(CMAKE_SCRIPT_MODE_FILE STREQUAL CMAKE_CURRENT_LIST_FILE)
    cstar__embed_write()
    return()
endif()

set(CSTAR__EMBED_SCRIPT "${CMAKE_CURRENT_LIST_FILE}")

function(cstar__embed_name out name)
    if(name MATCHES "[\"\\\\|;\t\r\n]" OR name STREQUAL "")
        message(FATAL_ERROR "cstar_embed: a file can't be named ${name}: no quotes, backslashes, bars or semicolons")
    endif()
    set(${out} "${name}" PARENT_SCOPE)
endfunction()

function(cstar_embed target)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "NAME;DIRECTORY;PREFIX" "FILES")
    if(NOT "${arg_NAME}" MATCHES "^[A-Za-z_][A-Za-z0-9_]*$" OR DEFINED arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "cstar_embed(target NAME c_name DIRECTORY dir | FILES file... [PREFIX prefix])")
    endif()
    if((DEFINED arg_DIRECTORY AND DEFINED arg_FILES) OR NOT (DEFINED arg_DIRECTORY OR DEFINED arg_FILES))
        message(FATAL_ERROR "cstar_embed: either DIRECTORY or FILES")
    endif()
    set(prefix "")
    if(NOT "${arg_PREFIX}" STREQUAL "")
        string(REGEX REPLACE "/+$" "" prefix "${arg_PREFIX}")
        string(APPEND prefix "/")
    endif()
    if(DEFINED arg_DIRECTORY)
        get_filename_component(dir "${arg_DIRECTORY}" ABSOLUTE)
        if(NOT IS_DIRECTORY "${dir}")
            message(FATAL_ERROR "cstar_embed: there is no folder ${dir}")
        endif()
        file(GLOB_RECURSE arg_FILES CONFIGURE_DEPENDS LIST_DIRECTORIES false "${dir}/*")
    endif()
    set(pairs)
    set(files)
    foreach(file IN LISTS arg_FILES)
        get_filename_component(file "${file}" ABSOLUTE)
        if(NOT EXISTS "${file}" OR IS_DIRECTORY "${file}")
            message(FATAL_ERROR "cstar_embed: there is no file ${file}")
        endif()
        if(DEFINED arg_DIRECTORY)
            file(RELATIVE_PATH name "${dir}" "${file}")
            if("/${name}" MATCHES "/\\.")
                continue()
            endif()
        else()
            get_filename_component(name "${file}" NAME)
        endif()
        cstar__embed_name(name "${prefix}${name}")
        list(APPEND pairs "${name}|${file}")
        list(APPEND files "${file}")
    endforeach()
    set(out "${CMAKE_CURRENT_BINARY_DIR}/cstar-embed/${target}")
    cstar__embed_list(text "${pairs}")
    cstar__embed_keep("${out}/${arg_NAME}.list" "${text}")
    cstar__embed_keep("${out}/${arg_NAME}.h"
        "/* Made by cstar_embed(). */\n#pragma once\n#include <cstar/files.h>\nextern const cstar_assets ${arg_NAME};\n")
    add_custom_command(OUTPUT "${out}/${arg_NAME}.c" VERBATIM
        COMMAND "${CMAKE_COMMAND}" "-DLIST=${out}/${arg_NAME}.list" "-DNAME=${arg_NAME}" "-DOUT=${out}"
            -P "${CSTAR__EMBED_SCRIPT}"
        DEPENDS ${files} "${out}/${arg_NAME}.list" "${CSTAR__EMBED_SCRIPT}"
        COMMENT "Embedding ${arg_NAME}")
    target_sources(${target} PRIVATE "${out}/${arg_NAME}.c")
    target_include_directories(${target} PRIVATE "${out}")
endfunction()

# Writes it only if it is not that already, so that nothing is built again for nothing.
function(cstar__embed_keep file text)
    set(old)
    if(EXISTS "${file}")
        file(READ "${file}" old)
    endif()
    if(NOT old STREQUAL text OR NOT EXISTS "${file}")
        file(WRITE "${file}" "${text}")
    endif()
endfunction()

# One pair a line, in the order of strcmp(), which is that of the names' bytes. No name twice.
function(cstar__embed_list out pairs)
    set(text "")
    set(keys)
    foreach(pair IN LISTS pairs)
        # "|" sorts behind letters: as the end of a name it has to sort before everything
        string(REPLACE "|" "\t" key "${pair}")
        list(APPEND keys "${key}")
    endforeach()
    list(SORT keys COMPARE STRING)
    set(last "")
    foreach(key IN LISTS keys)
        string(FIND "${key}" "\t" tab)
        string(SUBSTRING "${key}" 0 ${tab} name)
        if(name STREQUAL last)
            message(FATAL_ERROR "cstar_embed: two files are named ${name}")
        endif()
        set(last "${name}")
        string(REPLACE "\t" "|" pair "${key}")
        string(APPEND text "${pair}\n")
    endforeach()
    set(${out} "${text}" PARENT_SCOPE)
endfunction()
