#!/bin/sh
# What fuzzers have found once stays mended: the kept corpus, without a fuzzer.
set -eu

cd "$(dirname "$0")/.."
exec test/fuzz.sh replay
