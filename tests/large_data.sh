#!/usr/bin/env bash
# Training from files larger than memory: the resident set stays below 300 MB beyond the model's, and reading is hidden
# behind the steps. Not among the tests that ctest runs: it writes 5 GB, and measures time.
#   tests/large_data.sh PATH/large_data [GIGABYTES] [FOLDER]
# Build the program with `tools/dev build large_data`. Exit code: 0 both hold, 1 one does not.
set -euo pipefail
program="$1" gigabytes="${2:-5}"
folder="$(mktemp -d "${3:-/tmp}/sinter_large.XXXXXX")"
trap 'rm -rf "$folder"' EXIT
status=0
"$program" time "$folder" || status=1
rm -f "$folder"/*
"$program" memory "$folder" "$gigabytes" || status=1
exit "$status"
