#!/bin/sh
# Run suites and count.  Usage: test/run.sh SUITE...
#
# Each suite's output goes to build/pgNN/results/SUITE.log, a line a suite to the
# screen, and its numbers to build/counts/NN, where .ci/run adds them up.  Stops
# at the first suite that fails and shows what went wrong.
#
# What is counted: files (regress, isolation), assertions (pgtap, tap), scripts (checks).
set -eu

cd "$(dirname "$0")/.."
version=$("${PG_CONFIG:-pg_config}" --version | sed 's/^PostgreSQL \([^ ]*\).*/\1/')
major=${version%%[!0-9]*}
results=build/pg$major/results
counts=build/counts/$major
mkdir -p "$results" build/counts
: >"$counts"

# count_regress LOG, count_tap LOG: print passed, failed, skipped
count_regress()
{
	awk '/All [0-9]+ tests passed/ { sub(/.*All /, ""); passed = $1 }
		/[0-9]+ of [0-9]+ tests failed/ { sub(/^[^0-9]*/, ""); failed = $1; passed = $3 - $1 }
		END { print passed + 0, failed + 0, 0 }' "$1"
}

count_tap()
{
	awk '/^ok [0-9]+ .*# [Ss][Kk][Ii][Pp]/ || /^1\.\.0 # [Ss][Kk][Ii][Pp]/ { skipped++; next }
		/^ok / { passed++ }
		/^not ok / { failed++ }
		END { print passed + 0, failed + 0, skipped + 0 }' "$1"
}

for suite; do
	log=$results/$suite.log
	started=$(date +%s)
	status=0
	case $suite in
		regress | isolation)
			rm -rf "${results:?}/$suite"
			test/with-cluster.sh test/suite.sh "$suite" >"$log" 2>&1 || status=$?
			numbers=$(count_regress "$log") ;;
		pgtap)
			test/with-cluster.sh test/suite.sh "$suite" >"$log" 2>&1 || status=$?
			numbers=$(count_tap "$log") ;;
		tap)
			rm -rf "${results:?}/tap"
			test/with-cluster.sh --no-start test/suite.sh "$suite" >"$log" 2>&1 || status=$?
			numbers=$(count_tap "$log") ;;
		*)
			# A check exits with 77 where its tool is not at hand.
			"test/check-$suite.sh" >"$log" 2>&1 || status=$?
			case $status in
				0) numbers='1 0 0' ;;
				77) numbers='0 0 1' status=0 ;;
				*) numbers='0 1 0' ;;
			esac ;;
	esac
	read -r passed failed skipped <<-END
		$numbers
	END
	# A suite that broke off has failed, whatever its tests said.
	if [ "$status" != 0 ] && [ "$failed" = 0 ]; then failed=1; fi
	if [ "$failed" != 0 ] && [ "$status" = 0 ]; then status=1; fi
	echo "$suite $passed $failed $skipped" >>"$counts"

	note=
	if [ "$skipped" != 0 ]; then note=", $skipped skipped"; fi
	printf '%-10s %4d passed, %d failed%s  (%d s)\n' "$suite" "$passed" "$failed" "$note" $(($(date +%s) - started))
	if [ "$skipped" != 0 ]; then
		grep -i '# skip\|^skipped' "$log" || :
	fi
	grep -i '^warning: ' "$log" || :
	if [ "$status" != 0 ]; then
		echo "---- $suite failed (exit status $status); its output is in $log"
		case $suite in
			regress | isolation)
				cat "$log"
				diffs=$results/$suite/regression.diffs
				if [ -f "$diffs" ]; then head -n 400 "$diffs"; fi ;;
			pgtap | tap)
				# leave out what passed, and notes of files that passed
				grep -v '^ok \|^#* *$' "$log" | tail -n 300 ;;
			*)
				head -n 300 "$log" ;;
		esac
		break
	fi
done

awk -v version="$version" '{ passed += $2; failed += $3; skipped += $4 }
	END { printf "PostgreSQL %s: %d passed, %d failed%s\n", version, passed, failed, skipped ? ", " skipped " skipped" : "" }' "$counts"
exit "$status"
