# sinter_flags: what each of our translation units is compiled with. Linked privately, so users inherit none of it.
add_library(sinter_flags INTERFACE)

# A product and a sum become one FMA only where the source says so: bits must not depend on the compiler's mood.
target_compile_options(sinter_flags INTERFACE -ffp-contract=off)

target_compile_options(sinter_flags INTERFACE
  -Wall -Wextra -Wpedantic
  -Wconversion -Wno-sign-conversion  # narrowing matters; signed index against unsigned size is everywhere
  -Wshadow -Wold-style-cast -Wcast-align -Wextra-semi
  -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough)

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(sinter_flags INTERFACE -Wduplicated-cond -Wlogical-op)
  if(CMAKE_CXX_COMPILER_VERSION VERSION_LESS 14)
    # At -O3 these report the inside of std::string and std::vector (GCC bugs 105329, 105562, 107852).
    target_compile_options(sinter_flags INTERFACE
      -Wno-restrict -Wno-maybe-uninitialized -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread)
  endif()
endif()

if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  # __COUNTER__, in the macros of Catch2; what std::stable_sort of libstdc++ 12 calls (GCC still reports our own uses).
  target_compile_options(sinter_flags INTERFACE
    -Wno-unknown-warning-option -Wno-c2y-extensions -Wno-deprecated-declarations)
endif()

if(SINTER_WERROR)
  target_compile_options(sinter_flags INTERFACE -Werror)
endif()

set(known_sanitizers address undefined thread)
foreach(sanitizer IN LISTS SINTER_SANITIZE)
  if(NOT sanitizer IN_LIST known_sanitizers)
    message(FATAL_ERROR "SINTER_SANITIZE: unknown sanitizer '${sanitizer}', expected a list of: ${known_sanitizers}")
  endif()
endforeach()
if("thread" IN_LIST SINTER_SANITIZE AND "address" IN_LIST SINTER_SANITIZE)
  message(FATAL_ERROR "SINTER_SANITIZE: thread and address cannot be combined; build them one after the other")
endif()

if(SINTER_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "SINTER_FUZZ needs clang: tools/dev fuzz configures with it")
  endif()
  target_compile_options(sinter_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

if(SINTER_SANITIZE)
  list(JOIN SINTER_SANITIZE "," sanitizers)
  target_compile_options(sinter_flags INTERFACE -fsanitize=${sanitizers} -fno-omit-frame-pointer)
  target_link_options(sinter_flags INTERFACE -fsanitize=${sanitizers})
  if("undefined" IN_LIST SINTER_SANITIZE)
    # vptr would need the type information of every LLVM class, and LLVM exports only some of it.
    target_compile_options(sinter_flags INTERFACE -fno-sanitize-recover=undefined -fno-sanitize=vptr)
  endif()
else()
  target_link_options(sinter_flags INTERFACE LINKER:--as-needed LINKER:-z,defs)
endif()
