# sinter_llvm: the shared LLVM, its headers and its definitions. Only runtime/ links it, and privately.
set(SINTER_LLVM_OLDEST 19)

function(sinter_find_llvm)
  # Several versions may be installed, and LLVM accepts a version request only if it is exactly its own: take the
  # newest and look at its number afterwards.
  set(CMAKE_FIND_PACKAGE_SORT_ORDER NATURAL)
  set(CMAKE_FIND_PACKAGE_SORT_DIRECTION DEC)
  # LLVM's package looks for what its static libraries and tools need (zstd, libedit, ...). We use the shared library,
  # so what it finds or misses says nothing about us.
  set(CMAKE_MESSAGE_LOG_LEVEL NOTICE)
  find_package(LLVM CONFIG QUIET)
  unset(CMAKE_MESSAGE_LOG_LEVEL)

  set(mend "run tools/setup, or pass -DLLVM_DIR=<folder of LLVMConfig.cmake>")
  if(NOT LLVM_FOUND)
    message(FATAL_ERROR "LLVM was not found (version ${SINTER_LLVM_OLDEST} or newer, with headers): ${mend}")
  endif()
  if(LLVM_VERSION_MAJOR LESS SINTER_LLVM_OLDEST)
    message(FATAL_ERROR "LLVM ${LLVM_PACKAGE_VERSION} (${LLVM_DIR}) is too old, "
                        "expected ${SINTER_LLVM_OLDEST} or newer: ${mend}")
  endif()
  if(NOT TARGET LLVM)
    message(FATAL_ERROR "LLVM ${LLVM_PACKAGE_VERSION} (${LLVM_DIR}) has no shared library libLLVM: ${mend}")
  endif()
  message(STATUS "LLVM ${LLVM_PACKAGE_VERSION}: ${LLVM_DIR}")

  # The file, not the target: CMake would write the target's name into our installed package, and users need no LLVM
  # package.
  get_target_property(configurations LLVM IMPORTED_CONFIGURATIONS)
  list(GET configurations 0 configuration)
  get_target_property(library LLVM IMPORTED_LOCATION_${configuration})

  separate_arguments(definitions UNIX_COMMAND "${LLVM_DEFINITIONS}")
  add_library(sinter_llvm INTERFACE)
  target_include_directories(sinter_llvm SYSTEM INTERFACE ${LLVM_INCLUDE_DIRS})
  target_compile_definitions(sinter_llvm INTERFACE ${definitions})
  target_link_libraries(sinter_llvm INTERFACE "${library}")
endfunction()

sinter_find_llvm()
