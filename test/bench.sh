#!/bin/sh
# What audited reads cost, beside peers.  make bench [ROUNDS=10] [SECONDS=1]
# [CHILDREN=100000] [ONLY="point_flush rows10k"]
#	test/bench.sh matching	what matching costs: make bench-matching
#	ONLY="silence"			what the time of an upload tells: alone, in two minutes
#
# One line a figure, on the screen and in build/bench/DATE.txt.  Nothing fails by
# a time; each line says whether its target is met.  test/README.md explains.
set -eu

cd "$(dirname "$0")/.."
major=$("${PG_CONFIG:-pg_config}" --version | sed 's/^PostgreSQL \([0-9]*\).*/\1/')
result=build/bench/$(date +%Y-%m-%d-%H%M).txt
mkdir -p build/bench

script=run.sh
if [ "${1:-}" = matching ]; then
	script=matching.sh
	result=build/bench/matching-$(date +%Y-%m-%d-%H%M).txt
	BENCH_ROUNDS=${BENCH_ROUNDS:-5}
elif [ "${BENCH_ONLY:-}" = silence ]; then
	script=silence.sh
	result=build/bench/silence-$(date +%Y-%m-%d-%H%M).txt
fi

# Not SECONDS, which some shells count up.
BENCH_ROUNDS=${BENCH_ROUNDS:-10} BENCH_SECONDS=${BENCH_SECONDS:-1} BENCH_CHILDREN=${BENCH_CHILDREN:-100000}
BENCH_ONLY=${BENCH_ONLY:-} BENCH_COMMIT=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
export BENCH_ROUNDS BENCH_SECONDS BENCH_CHILDREN BENCH_ONLY BENCH_COMMIT

status=0
test/with-cluster.sh --no-start "test/bench/$script" || status=$?
if [ -f "build/pg$major/results/bench.txt" ]; then
	mv "build/pg$major/results/bench.txt" "$result"
	echo "saved to $result"
fi
exit "$status"
