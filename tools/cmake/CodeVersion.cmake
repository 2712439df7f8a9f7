# cmake -DSOURCE_DIR=... -DOUTPUT=... -P CodeVersion.cmake
#
# Writes a C++ file that tells the versions of all that has a say in the machine code of a step: the sources of ir,
# passes and runtime, and LLVM. Compiled steps on disk are used by the same versions alone (runtime/code_cache.h).
cmake_minimum_required(VERSION 3.25)
file(GLOB_RECURSE sources RELATIVE "${SOURCE_DIR}" "${SOURCE_DIR}/ir/*.h" "${SOURCE_DIR}/ir/*.cpp"
     "${SOURCE_DIR}/passes/*.h" "${SOURCE_DIR}/passes/*.cpp" "${SOURCE_DIR}/runtime/*.h" "${SOURCE_DIR}/runtime/*.cpp")
list(SORT sources)
set(all "")
foreach(source IN LISTS sources)
  file(SHA256 "${SOURCE_DIR}/${source}" hash)
  string(APPEND all "${source} ${hash}\n")
endforeach()
string(SHA256 version "${all}")
file(CONFIGURE OUTPUT "${OUTPUT}" @ONLY CONTENT [[
#include <llvm/Config/llvm-config.h>

#include <sinter/runtime/code_cache.h>

std::string sinter::runtime::code_version() { return "LLVM " LLVM_VERSION_STRING ", sources @version@"; }
]])
