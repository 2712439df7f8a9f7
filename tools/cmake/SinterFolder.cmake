# sinter_add_folder(<name> SOURCES <glob>... [PUBLIC <target>...] [PRIVATE <target>...])
#
# Turns the current folder into the object library sinter_<name>. New .cpp files and headers are found by themselves.
# Public headers are those under include/; that root is all the library exports. A folder without a .cpp becomes an
# interface library of its headers.
function(sinter_add_folder name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;PUBLIC;PRIVATE")
  set(target sinter_${name})
  set(include_root "${CMAKE_CURRENT_SOURCE_DIR}/include")
  file(GLOB sources CONFIGURE_DEPENDS ${arg_SOURCES})
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS "${include_root}/*.h")

  if(sources)
    add_library(${target} OBJECT ${sources})
    set(visible PUBLIC)
    target_link_libraries(${target} PRIVATE sinter_flags ${arg_PRIVATE})
    # Private headers lie beside the .cpp files; -iquote, so that none of them can shadow a <system> header.
    target_compile_options(${target} PRIVATE "SHELL:-iquote \"${CMAKE_CURRENT_SOURCE_DIR}\"")
    set_property(GLOBAL APPEND PROPERTY SINTER_OBJECT_LIBRARIES ${target})
  else()
    add_library(${target} INTERFACE)
    set(visible INTERFACE)
  endif()

  target_link_libraries(${target} ${visible} ${arg_PUBLIC})
  target_compile_features(${target} ${visible} cxx_std_20)
  target_sources(${target} ${visible} FILE_SET HEADERS BASE_DIRS "${include_root}" FILES ${headers})
  set_target_properties(${target} PROPERTIES
    CXX_EXTENSIONS OFF
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON
    POSITION_INDEPENDENT_CODE ON
    VERIFY_INTERFACE_HEADER_SETS ON)  # tools/dev headers: each public header must compile alone

  set_property(GLOBAL APPEND PROPERTY SINTER_FOLDERS ${target})
  set_property(GLOBAL APPEND PROPERTY SINTER_INCLUDE_ROOTS "${include_root}")
  set_property(GLOBAL APPEND PROPERTY SINTER_HEADERS ${headers})
endfunction()
