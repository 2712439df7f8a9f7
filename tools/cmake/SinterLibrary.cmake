# The folders' objects, linked twice and compiled once:
#   sinter         libsinter.so, what users link: only SINTER_API symbols are visible, LLVM stays inside
#   sinter_static  the objects themselves, for our tests and tools, which also reach what is not exported
get_property(object_libraries GLOBAL PROPERTY SINTER_OBJECT_LIBRARIES)
get_property(folders GLOBAL PROPERTY SINTER_FOLDERS)
get_property(include_roots GLOBAL PROPERTY SINTER_INCLUDE_ROOTS)
get_property(headers GLOBAL PROPERTY SINTER_HEADERS)

add_library(sinter_static INTERFACE)
target_link_libraries(sinter_static INTERFACE ${folders})
foreach(library IN LISTS object_libraries)
  target_link_libraries(sinter_static INTERFACE $<TARGET_OBJECTS:${library}>)
endforeach()

if(NOT object_libraries)
  message(STATUS "No sources yet: libsinter is not built")
  return()
endif()

add_library(sinter SHARED)
add_library(sinter::sinter ALIAS sinter)
target_link_libraries(sinter PRIVATE sinter_flags ${object_libraries})
target_compile_features(sinter PUBLIC cxx_std_20)
target_sources(sinter PUBLIC FILE_SET HEADERS BASE_DIRS ${include_roots} FILES ${headers})
set_target_properties(sinter PROPERTIES
  LINKER_LANGUAGE CXX
  VERSION ${PROJECT_VERSION}
  SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
  INSTALL_RPATH_USE_LINK_PATH ON)  # an LLVM outside the system's library path is found again

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/sinter")
install(TARGETS sinter EXPORT sinter-targets
        LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
        FILE_SET HEADERS DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(EXPORT sinter-targets NAMESPACE sinter:: DESTINATION "${package_dir}")
configure_package_config_file("${PROJECT_SOURCE_DIR}/tools/cmake/sinter-config.cmake.in"
  "${PROJECT_BINARY_DIR}/sinter-config.cmake" INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/sinter-config-version.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/sinter-config.cmake" "${PROJECT_BINARY_DIR}/sinter-config-version.cmake"
        "${PROJECT_SOURCE_DIR}/tools/cmake/SinterExport.cmake" DESTINATION "${package_dir}")
