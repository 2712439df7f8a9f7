# Who may include whom, where the compiler cannot tell: <boost/...> lies in the system's include folder, and -iquote
# paths could climb. Run by CTest as `layers`: cmake -DSOURCE_DIR=<repository> -P CheckLayers.cmake
set(violations "")

# forbid(<why> <regex of the included path> <glob>...)
function(forbid why pattern)
  list(TRANSFORM ARGN PREPEND "${SOURCE_DIR}/")
  file(GLOB_RECURSE files ${ARGN})
  foreach(file IN LISTS files)
    file(STRINGS "${file}" lines REGEX "^[ \t]*#[ \t]*include[ \t]*[<\"]${pattern}")
    foreach(line IN LISTS lines)
      cmake_path(RELATIVE_PATH file BASE_DIRECTORY "${SOURCE_DIR}" OUTPUT_VARIABLE name)
      set(violations "${violations}\n  ${name}: ${line}  (${why})")
    endforeach()
  endforeach()
  set(violations "${violations}" PARENT_SCOPE)
endfunction()

foreach(folder ir passes runtime frontend)
  forbid("public headers include no LLVM and no Boost" "(llvm|llvm-c|boost)/" ${folder}/include/*.h)
  forbid("only tools and tests include by repository path" "(\\.\\./)*(ir|passes|runtime|frontend|tests|tools)/"
         ${folder}/*.h ${folder}/*.cpp)
endforeach()
forbid("ir uses the standard library only" "(llvm|llvm-c|boost|fmt|nlohmann|sinter/(passes|runtime|frontend))/"
       ir/*.h ir/*.cpp)
forbid("passes see ir and Boost" "(llvm|llvm-c|sinter/(runtime|frontend))/" passes/*.h passes/*.cpp)
forbid("runtime sees ir and LLVM" "(boost|sinter/(passes|frontend))/" runtime/*.h runtime/*.cpp)
forbid("frontend leaves LLVM to runtime and Boost to passes" "(llvm|llvm-c|boost)/" frontend/*.h frontend/*.cpp)
forbid("what users include sees ir alone" "sinter/(passes|runtime)/" frontend/include/*.h)
forbid("examples use what is installed" "(\\.\\./|ir/|passes/|runtime/|frontend/)" tools/examples/*.cpp)

if(violations)
  message(FATAL_ERROR "Forbidden includes:${violations}")
endif()
