#!/usr/bin/env bash
# cache_processes.sh PROGRAM: eight copies of PROGRAM at once with an empty cache of compiled steps, then eight with the
# cache that they left. All must print what it prints without a cache, and nothing on stderr.
# Exit code: 0 they do, 1 one does not.
set -euo pipefail
program="$1"
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
SINTER_CACHE=off "$program" >"$folder/expected"

for turn in cold warm; do
  copies=()
  for k in 1 2 3 4 5 6 7 8; do
    SINTER_CACHE="$folder/cache" "$program" >"$folder/$turn.$k" 2>"$folder/$turn.$k.errors" &
    copies+=($!)
  done
  for copy in "${copies[@]}"; do wait "$copy"; done
  for k in 1 2 3 4 5 6 7 8; do
    cmp "$folder/expected" "$folder/$turn.$k"
    if [[ -s "$folder/$turn.$k.errors" ]]; then
      cat "$folder/$turn.$k.errors"
      exit 1
    fi
  done
  echo "$turn: 8 of 8 as without a cache, $(ls "$folder/cache" | wc -l) steps kept"
done
