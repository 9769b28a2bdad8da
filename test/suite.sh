#!/bin/sh
# Run one suite's tests, unadorned.  Usage: test/suite.sh SUITE
# test/run.sh calls this inside test/with-cluster.sh; TESTS names the tests, all
# of them if empty.
set -eu

cd "$(dirname "$0")/.."
top=$PWD
major=$("$PG_CONFIG" --version | sed 's/^PostgreSQL \([0-9]*\).*/\1/')
results=$top/build/pg$major/results

# files DIRECTORY SUFFIX: the tests asked for, one a line
files()
{
	if [ -n "${TESTS:-}" ]; then
		for test in $TESTS; do
			echo "test/$1/$test.$2"
		done
	else
		find "test/$1" -maxdepth 1 -name "*.$2" 2>/dev/null | LC_ALL=C sort
	fi
}

installcheck()
{
	exec make --no-print-directory -s -C "build/pg$major" -f "$top/Makefile" installcheck "$@"
}

case $1 in
	regress)
		if [ -n "${TESTS:-}" ]; then
			installcheck ISOLATION= REGRESS="$TESTS"
		fi
		installcheck ISOLATION= ;;
	isolation)
		if [ -n "${TESTS:-}" ]; then
			installcheck REGRESS= ISOLATION="$TESTS"
		fi
		installcheck REGRESS= ;;
	pgtap)
		tests=$(files pgtap sql)
		# shellcheck disable=SC2086	# a list
		[ -z "$tests" ] || exec pg_prove --verbose --ext .sql $tests ;;
	tap)
		tests=$(files t pl)
		if [ -n "$tests" ]; then
			src=$(dirname "$("$PG_CONFIG" --pgxs)")/..
			mkdir -p "$results/tap"
			export TESTDIR="$results/tap" TESTDATADIR="$results/tap/data" TESTLOGDIR="$results/tap/log"
			export PG_REGRESS="$src/test/regress/pg_regress"
			# shellcheck disable=SC2086	# a list
			exec prove --verbose -I "$src/test/perl" -I test/t $tests
		fi ;;
	*)
		echo "suite: unknown suite: $1" >&2
		exit 1 ;;
esac
