#!/usr/bin/env bash
# Which test cites which row of the checklist of Keras semantics (tests/keras_rows.txt): the row's tag stands among the
# tags of the test, as in TEST_CASE("...", "[layer][1.2:Dense]").
#   tests/keras_rows.sh
# Exit code: 0, or 1 when a row has no test or a test cites a row that does not exist.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cited="$(grep -rhoP --include='*.cpp' -z 'TEST_CASE\(\s*"[^"]*",\s*"[^"]*"' "$here" | tr '\0\n' '\n ' |
  sed -E 's/TEST_CASE\( *"([^"]*)", *"([^"]*)" *$/\2\t\1/')"
result=0
while read -r row about; do
  tests="$(grep -F "[$row]" <<<"$cited" | cut -f2 || true)"
  printf '%-24s %s\n' "$row" "$about"
  if [[ -z "$tests" ]]; then
    echo "    NO TEST" && result=1
  else
    sed 's/^/    /' <<<"$tests"
  fi
done < <(grep -v '^#' "$here/keras_rows.txt")
for tag in $(grep -oE '\[1\.[12]:[A-Za-z_-]+\]' <<<"$cited" | sort -u); do
  grep -qE "^${tag:1:-1} " "$here/keras_rows.txt" || { echo "no such row: $tag" && result=1; }
done
exit "$result"
