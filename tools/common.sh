# Sourced by the scripts beside it: where things are, how to configure and build. Not a program.
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$root"

# The system's cmake and ninja first: another one earlier on PATH may be newer than what we are tested with.
system_program() { if [[ -x "/usr/bin/$1" ]]; then echo "/usr/bin/$1"; else command -v "$1"; fi; }
find_programs() {
  cmake="$(system_program cmake)" && ninja="$(system_program ninja)" && ctest="$(dirname "$cmake")/ctest" ||
    fail "cmake and ninja are needed: run tools/setup"
}

# At most two: a translation unit that sees LLVM takes about 1 GB.
jobs="$(nproc)"
if ((jobs > 2)); then jobs=2; fi

say() { printf '== %s\n' "$*" >&2; }
fail() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# configure <build folder> [cmake argument...]: does nothing when the folder was configured here with the same
# arguments; ninja itself notices changed CMake files and new sources.
configure() {
  local dir="$1" stamp
  shift
  find_programs
  stamp="$(printf '%s\n' "$root" "$cmake" "$ninja" "${CXX:-}" "${CXXFLAGS:-}" "$@")"
  if [[ -f "$dir/build.ninja" && -f "$dir/configured" && "$(cat "$dir/configured")" == "$stamp" ]]; then
    return
  fi
  say "configure $dir"
  "$cmake" --fresh -S "$root" -B "$dir" -G Ninja -DCMAKE_MAKE_PROGRAM="$ninja" "$@"
  printf '%s\n' "$stamp" >"$dir/configured"
}

# build <build folder> [target...]
build() {
  local dir="$1"
  shift
  say "build $dir${*:+: $*}"
  "$cmake" --build "$dir" -j "$jobs" ${1+--target "$@"}
}

# run_tests <build folder> [ctest argument...]: runs the tests and closes with `N passed, N failed` alone on a line.
run_tests() {
  local dir="$1" log="$1/ctest.log" status=0 summary failed=0 total=0
  shift
  say "test $dir"
  "$ctest" --test-dir "$dir" -j "$jobs" --output-on-failure --no-tests=error --timeout "${test_timeout:-600}" "$@" |
    tee "$log" || status=$?
  summary="$(grep -E '^[0-9]+% tests passed, [0-9]+ tests failed out of [0-9]+' "$log" || true)"
  if [[ "$summary" =~ passed,\ ([0-9]+)\ tests\ failed\ out\ of\ ([0-9]+) ]]; then
    failed="${BASH_REMATCH[1]}"
    total="${BASH_REMATCH[2]}"
  fi
  printf '\n%d passed, %d failed\n' $((total - failed)) "$failed"
  ((status == 0 && failed == 0 && total > 0)) || return 1
}
