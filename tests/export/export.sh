#!/usr/bin/env bash
# Exported steps as their users meet them: compiled, linked and run without Sinter.
#   tests/export/export.sh CASE PATH/sinter CC CXX [ARGUMENT...]
# Cases:
#   model NAME [FUNCTION.c]  the export of an example links as C99 and as C++20, needs memcpy and memset alone (and the
#                      user's function), writes nothing outside the caller's memory, and its self-test passes
#   size               the seed model's program takes less than 200 KB besides its weights
#   train PROGRAM COMPARE  an epoch without Sinter gives the bits of the JIT
#   predict PROGRAM    inference from static memory finds what the model that PROGRAM trained finds
#   team               threads of the caller
#   libraries          a static and a shared library
#   examples NAME...   these are all the examples there are
#   errors             messages and exit codes
#   extern             a graph that calls a user's function: refused without it, then with it
#   lesser_cpu         the documented error code under qemu-x86_64, and the right level of several
#   aarch64 NAME [FUNCTION.c]  self-tests on SSE 4, AVX2, AVX-512 and, under qemu-aarch64, AArch64: the bits of this machine
# Exit code: 0 passed, 1 failed, 77 skipped because a program is missing.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
what="$1" sinter="$2" cc="$3" cxx="$4"
shift 4
shopt -s extglob
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

fail() {
  printf 'export.sh %s: %s\n' "$what" "$*" >&2
  exit 1
}
need() { # a program, and the package that has it
  command -v "$1" >/dev/null && return
  printf 'skipped: %s is missing; tools/setup --dev installs it (package %s)\n' "$1" "$2"
  exit 77
}
c99() { "$cc" -std=c99 -Wall -Wextra -pedantic -Werror -O1 -I. "$@"; }
interface=(-I "$here/../../ir/include") # of users' functions; the header of an export has it too
expect() { # a result, then a command
  local wanted="$1" got=0
  shift
  "$@" || got=$?
  ((got == wanted)) || fail "expected $wanted from $*, got $got"
}

# $1: an object; $2: the user's function that it calls
check_symbols() {
  local undefined
  undefined="$(nm -u "$1" | awk '{print $2}' | sort | tr '\n' ' ')"
  printf 'undefined in %s: %s\n' "$1" "$undefined"
  [[ -z "${undefined//@(memcpy|memset|${2:-memset}) /}" ]] || fail "only memcpy and memset may be undefined"
  if nm "$1" | grep -E ' [bBdDcC] '; then fail "there is memory that can change"; fi
  if nm "$1" | grep ' [TR] ' | grep -vE ' [TR] m_'; then fail "a symbol is visible that does not begin with m_"; fi
}

case "$what" in
  model)
    "$sinter" export "$1" -o m.o
    functions=()
    if [[ -n "${2:-}" ]]; then
      c99 "${interface[@]}" -c "$2" -o function.o
      functions=(function.o)
    fi
    check_symbols m.o "$(basename "${2:-memset}" .c)"
    c99 "$here/selftest.c" m.o "${functions[@]}" -o c99
    "$cxx" -x c++ -std=c++20 -Wall -Wextra -pedantic -Werror -I. "$here/selftest.c" -x none m.o "${functions[@]}" -o cxx20
    expect 0 ./c99
    expect 0 ./cxx20
    if ldd ./c99 | grep -iE 'sinter|llvm'; then fail "linked with Sinter or LLVM"; fi
    ;;
  size)
    "$sinter" export seed -o m.o
    c99 "$here/selftest.c" m.o -Wl,--gc-sections -o program
    weights=$((4 * (784 * 128 + 128 + 128 * 10 + 10)))
    all="$(stat -c %s program)"
    printf 'the program has %d bytes, %d of them are weights: %d besides\n' "$all" "$weights" $((all - weights))
    ((all - weights < 200 * 1024)) || fail "too large"
    ;;
  train)
    "$1" state.safetensors
    ldd "$1"
    if ldd "$1" | grep -iE 'sinter|llvm'; then fail "linked with Sinter or LLVM"; fi
    "$2" state.safetensors
    ;;
  predict)
    "$1" state.safetensors
    "$sinter" export seed --predict --batch 1 --state state.safetensors -o seed_predict.o
    c99 "$here/../../tools/examples/predict_exported.c" seed_predict.o -o program
    if nm -u program | grep -E 'malloc|calloc'; then fail "something is allocated"; fi
    pictures=/usr/share/datasets/fashion-mnist/t10k
    zcat $pictures-images-idx3-ubyte.gz | ./program >found
    zcat $pictures-labels-idx1-ubyte.gz | tail -c +9 | od -An -v -tu1 -w1 | tr -d ' ' >expected
    right="$(paste found expected | awk '$1 == $2' | wc -l)"
    printf '%d of 10000 test pictures are found\n' "$right"
    ((right > 8000)) || fail "the trained model finds more than 8000"
    ;;
  team)
    "$sinter" export seed --threads 3 --train -o m.o
    c99 -D_POSIX_C_SOURCE=200809L "$here/team.c" m.o -pthread -o program
    expect 0 ./program
    ;;
  libraries)
    "$sinter" export line -o m.a
    c99 "$here/selftest.c" m.a -o with_archive
    expect 0 ./with_archive
    "$sinter" export line -o m.so
    c99 "$here/selftest.c" ./m.so -o with_shared
    expect 0 ./with_shared
    if readelf -d m.so | grep TEXTREL; then fail "the shared library changes its code when loaded"; fi
    ;;
  lesser_cpu)
    need qemu-x86_64 qemu-user
    "$sinter" export seed --target x86-64-v3 --predict -o m.o
    c99 "$here/lesser_cpu.c" m.o -o program
    expect 0 qemu-x86_64 -cpu Nehalem ./program
    expect 1 qemu-x86_64 -cpu max ./program # there the code runs, so the program complains
    "$sinter" export seed --target x86-64-v4,x86-64-v3 --batch 4 -o m.o
    c99 "$here/selftest.c" m.o -o program
    expect 1 qemu-x86_64 -cpu Nehalem ./program
    expect 0 qemu-x86_64 -cpu max ./program # without AVX-512
    "$sinter" export seed --target x86-64-v4,x86-64-v3,x86-64-v2 --batch 4 -o m.o
    c99 "$here/selftest.c" m.o -o program
    expect 0 qemu-x86_64 -cpu Nehalem ./program # without FMA
    expect 1 qemu-x86_64 -cpu Conroe ./program  # without SSE 4
    expect 0 ./program
    ;;
  aarch64)
    need qemu-aarch64 qemu-user
    need aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu
    # All compare with the same run of the JIT on this processor.
    for level in x86-64-v2 x86-64-v3 x86-64-v4; do
      "$sinter" export "$1" --batch 4 --target "$level" -o m.o
      c99 "${interface[@]}" "$here/selftest.c" m.o "${@:2}" -o program
      result=0
      ./program || result=$?
      ((result == 0 || result == 1)) || fail "$level: got $result" # 1: this processor has less
    done
    "$sinter" export "$1" --batch 4 --target aarch64 -o m.o
    aarch64-linux-gnu-gcc -std=c99 -Wall -Wextra -pedantic -Werror -I. "${interface[@]}" "$here/selftest.c" m.o \
      "${@:2}" -static -o program
    expect 0 qemu-aarch64 ./program
    ;;
  examples)
    known="$({ "$sinter" dump '' 2>&1 || true; } | sed 's/.*examples are: //; s/,//g')"
    printf 'examples: %s\n' "$known"
    [[ "$known" == "$*" ]] || fail "tested are: $*"
    ;;
  errors)
    refuse() { # the end of a message, then arguments
      local expected="$1" result=0 message
      shift
      message="$("$sinter" export "$@" 2>&1)" || result=$?
      printf '%s\n' "$message"
      [[ "$message" == *"$expected" && "$result" == 2 ]] || fail "expected '$expected' and 2, got $result"
    }
    refuse 'expected an output that ends in .o, .a or .so, got m.exe' line -o m.exe
    refuse "--train, --evaluate and --predict are for models; a graph becomes one function, 'step'" \
      "$here/logistic.sir" --train -o m.o
    refuse "expected a prefix that C takes as a name, got 'a b'; set \`prefix\`" line --prefix 'a b' -o m.o
    refuse 'targets are host, x86-64-v2, x86-64-v3, x86-64-v4 and aarch64' line --target mips -o m.o
    refuse "; export them apart" line --target x86-64-v3,aarch64 -o m.o
    AR=/bin/false refuse "'/bin/false' failed; the variables AR and CC name the programs that make libraries" line -o m.a
    if ls m.* 2>/dev/null; then fail "something was written"; fi
    ;;
  extern)
    message="$("$sinter" export "$here/gauge.sir" -o m.o 2>&1)" && fail "a graph without its function was exported"
    printf '%s\n' "$message"
    [[ "$message" == *"gauge/lambda: extern 'gauge': no function of that name is registered; "*"--externs"* ]] ||
      fail "the message should name layer and function, and say how to mend it"
    [[ ! -e m.o ]] || fail "something was written"
    expect 0 "$sinter" dump "$here/gauge.sir" --stage asm >asm # needs no function
    "$cc" -std=c99 -Wall -Wextra -pedantic -Werror "${interface[@]}" -fPIC -shared "$here/gauge.c" -o gauge.so
    expect 0 "$sinter" run "$here/gauge.sir" --externs ./gauge.so --compare
    message="$("$sinter" run "$here/gauge.sir" --externs libm.so.6 2>&1)" && fail "a library without the function will do"
    [[ "$message" == *"libm.so.6 has no function 'gauge', which gauge/lambda: extern calls" ]] || fail "$message"
    "$sinter" export "$here/gauge.sir" --externs ./gauge.so -o m.o
    check_symbols m.o gauge
    grep -A1 'gauge/lambda' m.h
    c99 "$here/selftest.c" -include m.h "$here/gauge.c" -DGAUGE_HAS_HEADER m.o -o program # without a header of Sinter's
    expect 0 ./program
    c99 "$here/selftest.c" "${interface[@]}" "$here/gauge.c" -DGAUGE_STEPS=9 m.o -o program
    expect 5 ./program # another function, other numbers
    ;;
  *) fail "unknown case" ;;
esac
