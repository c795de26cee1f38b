# What `cmake --install` puts where: libraries, public headers, pkg-config files, the CMake package.
# All of it is relocatable: `cmake --install DIR --prefix ANYWHERE` gives a tree that works.
# SPDX-License-Identifier: MIT
include(CMakePackageConfigHelpers)

install(TARGETS ${cstar_libraries} EXPORT cstar-targets
    ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(FILES include/cstar/base.h include/cstar/json.h include/cstar/wire.h include/cstar/html.h
    DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/cstar")
if(NOT CSTAR_CORE_ONLY)
    install(DIRECTORY include/ DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.h")
endif()

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/cstar")
install(EXPORT cstar-targets NAMESPACE cstar:: DESTINATION "${package_dir}")
configure_package_config_file(cmake/cstar-config.cmake.in "${CMAKE_BINARY_DIR}/cstar-config.cmake"
    INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file("${CMAKE_BINARY_DIR}/cstar-config-version.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_BINARY_DIR}/cstar-config.cmake" "${CMAKE_BINARY_DIR}/cstar-config-version.cmake"
    DESTINATION "${package_dir}")
if(NOT CSTAR_CORE_ONLY)
    install(FILES cmake/cstar-embed.cmake DESTINATION "${package_dir}")
endif()

# From the folder of the .pc file back to the prefix.
file(RELATIVE_PATH pc_to_prefix "/p/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/p")
foreach(pc cstar-core cstar cstar-test)
    if(pc STREQUAL "cstar-core" OR (pc STREQUAL "cstar" AND NOT CSTAR_CORE_ONLY) OR
            (pc STREQUAL "cstar-test" AND TARGET testkit))
        configure_file(cmake/${pc}.pc.in "${CMAKE_BINARY_DIR}/${pc}.pc" @ONLY)
        install(FILES "${CMAKE_BINARY_DIR}/${pc}.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
    endif()
endforeach()
