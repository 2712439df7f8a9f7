#!/usr/bin/env bash
# A training that is killed with SIGKILL at random moments and started again ends with the bits of one that was not.
#   tests/kill_and_resume.sh PATH/resume_training [KILLS] [SEED]
# KILLS (4): how many runs are killed, at least; SEED (1): of the moments. Takes about one undisturbed run per two kills. After
# every kill the checkpoint on the disk, if there is one, has to load. Exit code: 0 all is well, 1 it is not.
set -euo pipefail
program="$1" kills="${2:-4}"
RANDOM="${3:-1}"
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT

fail() {
  echo "kill_and_resume: $*" >&2
  exit 1
}

milliseconds() { echo $(($(date +%s%N) / 1000000)); }

# What has to come out: the weights, and every line of the log.
results() { cat "$1/weights.safetensors" "$1/log.csv" | sha256sum | cut -d' ' -f1; }

mkdir "$folder/whole" "$folder/killed"
begin="$(milliseconds)"
"$program" "$folder/whole" >"$folder/whole.txt" || fail "the undisturbed run failed"
length=$(($(milliseconds) - begin))
expected="$(results "$folder/whole")"
echo "undisturbed: $expected, $length ms"

killed=0 resumed=0 finished=0
# Runs until it ends or is killed after $1 milliseconds (0: never). Sets `ended`.
run() {
  "$program" "$folder/killed" >"$folder/run.txt" 2>&1 &
  local process=$!
  if (($1 > 0)); then
    sleep "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))"
    kill -KILL "$process" 2>/dev/null || true
  fi
  local code=0
  wait "$process" 2>/dev/null || code=$?
  case "$code" in
    0) ended=yes ;;
    137) ended=no ;;
    *) fail "a run ended with code $code: $(tail -n 1 "$folder/run.txt")" ;;
  esac
}
compare() {
  local got
  got="$(results "$folder/killed")"
  [[ "$got" == "$expected" ]] || fail "after $killed kills, the result is $got"
  [[ ! -e "$folder/killed/checkpoint.safetensors" ]] || fail "the checkpoint is still there after the end"
  finished=$((finished + 1))
  rm -f "$folder"/killed/*
}

# A slow machine may still be compiling when the first kills come; then there are some more.
while ((killed < kills || (resumed == 0 && killed < kills + 30))); do
  run $((RANDOM % length + 1))
  if [[ "$ended" == yes ]]; then
    compare
    continue
  fi
  killed=$((killed + 1))
  if [[ -e "$folder/killed/checkpoint.safetensors" ]]; then
    "$program" "$folder/killed" --check >/dev/null || fail "after kill $killed the checkpoint does not load"
    resumed=$((resumed + 1))
  fi
done
run 0
compare
echo "killed $killed times, resumed from a checkpoint $resumed times, finished $finished times: the same bits"
((resumed > 0)) || fail "no kill came after the first checkpoint, so nothing was shown"
