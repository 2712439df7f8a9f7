#!/usr/bin/env bash
# The weights after some steps have the same bits, whatever the size of the team, the passes and the vectors.
#   tests/training_bits.sh PATH/sinter-bench CONFIG [STEPS]
# Prints a line per way of running: the SHA-256 of all weights and slots, and the way. Exit code: 0 all are equal,
# 1 they are not.
set -euo pipefail
bench="$1" config="$2" steps="${3:-200}"

ways=("--threads 1" "--threads 1" "--threads 2" "--threads 3" "--threads 8" "--target avx2" "--target baseline"
  "--target avx2 --threads 3")
passes="$("${bench%/*}/sinter" passes | sed -n 's/^default: //p' | tr ' ' '\n' | sort -u)"
for pass in $passes; do ways+=("--disable $pass"); done
ways+=("--disable fuse --threads 3")

first=""
result=0
for way in "${ways[@]}"; do
  read -ra arguments <<<"$way"
  line="$("$bench" "$config" --digest "$steps" "${arguments[@]}")"
  digest="$(sed -n 's/.*"sha256":"\([0-9a-f]\{64\}\)".*/\1/p' <<<"$line")"
  printf '%s  %s %s\n' "${digest:-none}" "$config" "$way"
  : "${first:=$digest}"
  if [[ -z "$digest" || "$digest" != "$first" ]]; then result=1; fi
done
if ((result)); then echo "$config: the bits differ" >&2; fi
exit "$result"
