#!/bin/sh
# Measures; test/bench.sh calls this inside test/with-cluster.sh --no-start.
#
# Every figure is a ratio of two rates.  The runs of a comparison take turns, a
# short run each and the other way round in every other round, and a ratio is
# taken of two runs of the same round: so what else the machine does, and what
# the disk does, touches both.  Shown are the median ratio and, as a measure of
# the noise, the least and the greatest; then the ratio of the CPU time that the
# server needs for one, which tells more where others use the machine.
set -eu

cd "$(dirname "$0")/../.."
dir=$(dirname "$TEMP_CONFIG")/bench
samples=$dir/samples
report=build/pg$("$PG_CONFIG" --version | sed 's/^PostgreSQL \([0-9]*\).*/\1/')/results/bench.txt
rounds=$BENCH_ROUNDS
seconds=$BENCH_SECONDS
children=$((BENCH_CHILDREN / 40 * 40))
step=$((899999999990 / children))
if [ "$children" -lt 20000 ]; then
	echo "bench: CHILDREN is too small: 20000 at least" >&2
	exit 1
fi
mkdir -p "$samples"
: >"$report"

. test/bench/servers.sh
trap 'stop_servers' EXIT
trap 'exit 130' INT HUP
trap 'exit 143' TERM

say()
{
	echo "$*" | tee -a "$report"
}

# wanted NAME: is a group of figures asked for?
wanted()
{
	[ -n "$BENCH_ONLY" ] || return 0
	for word in $BENCH_ONLY; do
		case $1 in "$word"*) return 0 ;; esac
	done
	return 1
}

# ---------- runs ----------

# run_pgbench SERVER USER CLIENTS SCRIPT [OPTION...]: its report is in pgbench.out
run_pgbench()
{
	server=$1 user=$2 clients=$3 script=$4
	shift 4
	pgbench -n -h "$dir/$server" -U "$user" -c "$clients" -D said=false -D children="$children" -D step="$step" \
		-f "test/bench/$script.sql" "$@" bench >"$dir/pgbench.out" 2>&1 || { cat "$dir/pgbench.out" >&2; exit 1; }
}

# cpu_of SERVER: ticks that all its processes have used, those that ended too
cpu_of()
{
	postmaster=$(head -n 1 "$dir/$1/data/postmaster.pid")
	cut -d' ' -f14-17 "/proc/$postmaster/stat" | tr ' ' +
	pgrep -P "$postmaster" | while read -r pid; do
		cut -d' ' -f14-15 "/proc/$pid/stat" 2>/dev/null | tr ' ' + || :
	done
}

# rate LABEL:SERVER:USER:CLIENTS:SCRIPT[:PROTOCOL]: one run, into samples/LABEL:
# round, transactions a second, microseconds of CPU of the server for each
rate()
{
	IFS=: read -r label server user clients script protocol <<-END
		$1
	END
	before=$(($(cpu_of "$server" | paste -s -d +)))
	run_pgbench "$server" "$user" "$clients" "$script" -M "${protocol:-prepared}" -T "$seconds" --random-seed="$round"
	sleep 0.02				# for the backends to be gone
	after=$(($(cpu_of "$server" | paste -s -d +)))
	awk -v round="$round" -v ticks=$((after - before)) -v hertz="$(getconf CLK_TCK)" '
		/^number of transactions actually processed: / { processed = $NF }
		/^tps = / { print round, $3, ticks / hertz * 1000000 / processed }' "$dir/pgbench.out" >>"$samples/$label"
}

# take_turns ROUNDS RUN...
take_turns()
{
	last=$1
	shift
	backward=
	for run; do
		backward="$run $backward"
	done
	round=1
	while [ "$round" -le "$last" ]; do
		if [ $((round % 2)) = 1 ]; then order=$*; else order=$backward; fi
		for run in $order; do
			rate "$run"
		done
		round=$((round + 1))
	done
}

# ---------- figures ----------

# figure NAME LABEL UNIT PEER-LABEL OF-WHAT [TARGET]
# A name that ends in _cpu is judged by CPU and not by the clock.
figure()
{
	line=$(awk -v name="$1" -v unit="$3" -v what="$5" -v target="${6:-}" -f test/bench/figure.awk \
		"$samples/$2" "$samples/$4")
	say "$line"
}

describe_machine()
{
	say "contactpoint $BENCH_COMMIT, $(postgres --version), $(date '+%Y-%m-%d %H:%M')"
	say "$(nproc) cores of $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), load $(cut -d' ' -f1 /proc/loadavg), data on $(stat -f -c %T "$dir")"
	# its first two tests are enough, a second each
	timeout 3.5 pg_test_fsync -s 1 -f "$dir/fsync" >"$dir/fsync.out" 2>&1 || :
	rm -f "$dir/fsync"
	say "$(sed -n 's/^ *fdatasync  *\([0-9.]* ops.sec\) *\([0-9]*\) usecs.op.*/fdatasync of 8 kB: \2 us (\1)/p' "$dir/fsync.out" | head -n 1)"
	say "all servers: fsync $(sql peer bench 'SHOW fsync'), $(sql peer bench 'SHOW wal_sync_method'), synchronous_commit $(sql peer bench 'SHOW synchronous_commit'), shared_buffers $(sql peer bench 'SHOW shared_buffers'); pgbench beside the server, prepared statements"
	say "$children children with an address each; $rounds rounds of $seconds s a run (unprotected tables: ten of twice that); the reason is set once a session"
	if has_pgaudit; then
		say "pgaudit $(sql pgaudit bench "SELECT extversion FROM pg_extension WHERE extname = 'pgaudit'") logs session, statement, parameters and number of rows into a file: not durable before the answer leaves, and not which rows"
	else
		say "pgaudit is not installed: its figures are left out"
	fi
	say ''
}

# Reads that leave no entry would be fast.
check_audited()
{
	before=$(sql ours bench "SELECT count(*) FROM contactpoint.audit WHERE relation = 'child' AND outcome = 'disclosed'")
	run_pgbench ours "$1" 2 point -M prepared -t 500
	read=$(sed -n 's/^number of transactions actually processed: \([0-9]*\).*/\1/p' "$dir/pgbench.out")
	after=$(sql ours bench "SELECT count(*) FROM contactpoint.audit WHERE relation = 'child' AND outcome = 'disclosed'")
	if [ "$((after - before))" != "$read" ] || [ "$read" != 1000 ]; then
		echo "bench: $read reads, $((after - before)) entries of the audit: what follows would not measure audited reads" >&2
		exit 1
	fi
}

bench_point_flush()
{
	for clients in 1 4 16; do
		take_turns "$rounds" "flush$clients:ours:bench_flush:$clients:point" \
			"insert$clients:peer:bench_flush:$clients:insert" "own$clients:ours:bench_flush:$clients:insert"
		figure "point_flush_c$clients" "flush$clients" reads/s "insert$clients" 'INSERT + COMMIT of one row, server without library' '>= 0.90'
		figure "point_flush_own_c$clients" "flush$clients" reads/s "own$clients" 'INSERT + COMMIT of one row, same server'
	done
}

bench_point_async()
{
	pgaudit=
	for clients in 1 4; do
		if has_pgaudit; then pgaudit="pgaudit$clients:pgaudit:bench_flush:$clients:point"; fi
		# shellcheck disable=SC2086	# may be none
		take_turns "$rounds" "async$clients:ours:bench_async:$clients:point" \
			"unaudited$clients:peer:bench_async:$clients:point" "checked$clients:peer:bench_checked:$clients:point" $pgaudit
		figure "point_async_c$clients" "async$clients" reads/s "unaudited$clients" 'same read unaudited, row security' '>= 0.90'
		figure "point_async_checked_c$clients" "async$clients" reads/s "checked$clients" 'same read unaudited, row security that checks the account' '>= 0.90'
		if has_pgaudit; then
			figure "point_pgaudit_c$clients" "async$clients" reads/s "pgaudit$clients" 'same read, row security and pgaudit with log_rows' '>= 1.00'
			figure "pgaudit_alone_c$clients" "pgaudit$clients" reads/s "unaudited$clients" 'same read unaudited (what pgaudit costs)'
		fi
	done
	take_turns "$rounds" "address:ours:bench_async:1:point_address" "plain_address:peer:bench_async:1:point_address"
	figure point_async_address_c1 address reads/s plain_address 'same read of an address unaudited, row security' '>= 0.90'
}

bench_rows10k()
{
	pgaudit=
	if has_pgaudit; then pgaudit="rows_pgaudit:pgaudit:bench_manager:1:rows10k"; fi
	# shellcheck disable=SC2086	# may be none
	take_turns "$rounds" "rows_flush:ours:bench_manager:1:rows10k" "rows_async:ours:bench_manager_async:1:rows10k" \
		"rows_plain:peer:bench_manager:1:rows10k" $pgaudit
	figure rows10k_flush rows_flush reads/s rows_plain 'same 10,000 rows unaudited, row security' '>= 0.60'
	figure rows10k_async rows_async reads/s rows_plain 'same 10,000 rows unaudited, row security' '>= 0.85'
	if has_pgaudit; then
		figure rows10k_pgaudit rows_async reads/s rows_pgaudit 'same 10,000 rows, row security and pgaudit with log_rows'
	fi
}

# Pairs of runs twice as long, ten at least: the target is the narrowest.  A
# rate by the clock says little of a few hundredths on a machine that others use,
# so that by CPU is shown too.
bench_unprotected()
{
	seconds=$((seconds * 2))
	take_turns $((rounds > 10 ? rounds : 10)) \
		ours_select:ours:bench_flush:1:unprotected_select peer_select:peer:bench_flush:1:unprotected_select \
		ours_planned:ours:bench_flush:1:unprotected_select:simple peer_planned:peer:bench_flush:1:unprotected_select:simple \
		ours_insert:ours:bench_flush:1:unprotected_insert peer_insert:peer:bench_flush:1:unprotected_insert
	seconds=$BENCH_SECONDS
	for kind in '' _cpu; do
		figure "unprotected_select$kind" ours_select "reads/s$kind" peer_select 'same read, server without library' '>= 0.98'
		figure "unprotected_planned$kind" ours_planned "reads/s$kind" peer_planned 'same read, planned each time, server without library' '>= 0.98'
		figure "unprotected_insert$kind" ours_insert "inserts/s$kind" peer_insert 'same INSERT, nobody waits for the disk, server without library' '>= 0.98'
	done
}

# Of pages of the journal, so with what PostgreSQL adds to each row; sizes, not
# times, so one scan is enough.
bench_full_scan()
{
	before=$(sql ours bench "SELECT pg_relation_size('contactpoint.journal')")
	wal=$(sql ours bench 'SELECT pg_current_wal_insert_lsn()')
	psql -XAtq -v ON_ERROR_STOP=1 -h "$dir/ours" -U bench_manager -d bench -o /dev/null \
		-c "SET contactpoint.reason = 'list of all'" -c 'SELECT * FROM contactpoint.child'
	after=$(sql ours bench "SELECT pg_relation_size('contactpoint.journal')")
	wal=$(sql ours bench "SELECT pg_current_wal_insert_lsn() - '$wal'::pg_lsn")
	echo "1 $(awk -v b=$((after - before)) -v n="$children" 'BEGIN { print b / n }')" >"$samples/journal_bytes"
	echo "1 $(awk -v b="$wal" -v n="$children" 'BEGIN { print b / n }')" >"$samples/wal_bytes"
	echo "1 8" >"$samples/limit"
	figure full_scan_journal_bytes journal_bytes bytes/child limit "8 bytes: journal written by one scan of $children children" '< 1.00'
	figure full_scan_wal_bytes wal_bytes bytes/child limit "8 bytes: WAL written by the same scan"
}

start_servers
describe_machine
check_audited bench_flush
check_audited bench_async
for group in point_flush point_async rows10k unprotected full_scan; do
	if wanted "$group"; then "bench_$group"; fi
done
say ''
say "load at the end $(cut -d' ' -f1 /proc/loadavg)"
