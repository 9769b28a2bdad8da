#!/bin/sh
# Does an upload about a shielded child ever make a second, open record?
# Usage: test/guard.sh [CHILDREN [SHIELDED_ROWS [OTHER_ROWS [SEED]]]]      (make guard)
# One throw-away server holds made-up children; the rows go through the real
# inbox and are settled.  The tables are on the screen and in build/guard/DATE.txt.
set -eu

cd "$(dirname "$0")/.."
mkdir -p build/guard
out=$PWD/build/guard/$(date +%Y-%m-%d-%H%M%S).txt
test/with-cluster.sh test/guard/run.sh "${1:-1000000}" "${2:-20000}" "${3:-100000}" "${4:-1}" | tee "$out"
