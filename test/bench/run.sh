#!/bin/sh
# Measures; test/bench.sh calls this inside test/with-cluster.sh --no-start.
#
# Every figure is a ratio of two rates.  What is compared takes turns, so that
# what else the machine does, and what the disk does, touches both; a ratio is
# taken of one round, and shown are the median of all rounds and, as a measure of
# the noise, the least and the greatest; then the ratio of the CPU time that one
# needs.
#
# turns.c takes turns every few milliseconds.  Where nobody waits for the disk the
# quickest tenth counts, the rest being the noise of a machine that others use.
# Servers are started anew for each round, since where the loader puts things
# makes a server some hundredths faster or slower for as long as it lives.  What
# the sealer does at the same time cannot take turns like that: pgbench measures
# it, in runs of seconds.
set -eu

cd "$(dirname "$0")/../.."
dir=$(dirname "$TEMP_CONFIG")/bench
samples=$dir/samples
report=build/pg$("$PG_CONFIG" --version | sed 's/^PostgreSQL \([0-9]*\).*/\1/')/results/bench.txt
rounds=$BENCH_ROUNDS
half=$(((BENCH_ROUNDS + 1) / 2))
seconds=$BENCH_SECONDS
turn_seconds=$(awk -v seconds="$seconds" 'BEGIN { print seconds * 0.4 }')
children=$((BENCH_CHILDREN / 40 * 40))
step=$((899999999990 / children))
first=100000000007
if [ "$children" -lt 20000 ]; then
	echo "bench: CHILDREN is too small: 20000 at least" >&2
	exit 1
fi
mkdir -p "$samples"
: >"$report"

. test/bench/servers.sh
. test/bench/figures.sh
trap 'stop_servers' EXIT
trap 'exit 130' INT HUP
trap 'exit 143' TERM

# The reason is given once a session, not once a look.  On the peers it is a
# setting that means nothing.
# shellcheck disable=SC2016	# $1 is the statement's
{
	reason="SET contactpoint.reason = 'home visit planned'"
	child='SELECT child_id, given_names, family_name, sex, date_of_birth FROM contactpoint.child WHERE child_id = $1'
	address='SELECT address, postcode FROM contactpoint.address WHERE child_id = $1'
	born="SELECT child_id, given_names, family_name, date_of_birth FROM contactpoint.child
		WHERE date_of_birth >= date '2008-01-01' + \$1::int AND date_of_birth < date '2008-01-01' + (\$1::int + 250)"
	note="INSERT INTO public.note (subject, remark)
		VALUES (\$1, 'SELECT child_id, given_names, family_name FROM child; home visit planned')"
	stock='SELECT item, quantity, place FROM public.stock WHERE item = $1'
	movement='INSERT INTO public.movement (item, quantity) VALUES ($1, 1)'
	access_log='SELECT * FROM contactpoint.access_log($1)'
}
children_keys=$first:$children:$step
days_keys=0:$((children / 40 - 250)):1
stock_keys=1:100000:1

# ---------- turns ----------

turns_point_flush()
{
	for clients in 1 4 16; do
		turns "-c $clients -t $turn_seconds -k $children_keys" \
			flush$clients ours bench_flush "$reason" "$child" \
			insert$clients peer bench_flush '' "$note" \
			own$clients ours bench_flush '' "$note"
	done
}

turns_point_async()
{
	for clients in 1 4; do
		turns "-c $clients -q 0.1 -t $turn_seconds -k $children_keys" \
			async$clients ours bench_async "$reason" "$child" \
			unaudited$clients peer bench_async "$reason" "$child" \
			checked$clients peer bench_checked "$reason" "$child" \
			pgaudit$clients pgaudit bench_flush "$reason" "$child"
	done
	turns "-q 0.1 -t $turn_seconds -k $children_keys" \
		address ours bench_async "$reason" "$address" \
		unaudited_address peer bench_async "$reason" "$address"
}

turns_rows10k()
{
	turns "-b 1 -q 0.1 -t $turn_seconds -k $days_keys" \
		rows_flush ours bench_manager "$reason" "$born" \
		rows_async ours bench_manager_async "$reason" "$born" \
		rows_unaudited peer bench_manager "$reason" "$born" \
		rows_pgaudit pgaudit bench_manager "$reason" "$born"
}

# INSERT does not wait for the disk here: its noise would hide all else.
turns_unprotected()
{
	turns "-q 0.1 -t $turn_seconds -k $stock_keys" \
		select ours bench_flush '' "$stock" \
		peer_select peer bench_flush '' "$stock"
	turns "-q 0.1 -t $turn_seconds -k $stock_keys" \
		planned ours bench_flush '' "simple:$stock" \
		peer_planned peer bench_flush '' "simple:$stock"
	turns "-q 0.1 -t $turn_seconds -k $stock_keys" \
		movement ours bench_flush 'SET synchronous_commit = off' "$movement" \
		peer_movement peer bench_flush 'SET synchronous_commit = off' "$movement"
}

take_turns()
{
	groups=
	for group in point_flush point_async rows10k unprotected; do
		if wanted "$group"; then groups="$groups $group"; fi
	done
	[ -n "$groups" ] || return 0
	round=1
	while [ "$round" -le "$rounds" ]; do
		restart_servers
		for group in $groups; do
			"turns_$group"
		done
		round=$((round + 1))
	done
}

# ---------- runs of pgbench ----------

# make_script NAME SETUP STATEMENT
make_script()
{
	{
		if [ -n "$2" ]; then
			printf '\\if not :said\n%s;\n\\set said true\n\\endif\n' "$2"
		fi
		# shellcheck disable=SC2016	# $1 is the statement's
		printf '\\set key %s + random(0, %s - 1) * %s\n%s;\n' "$first" "$children" "$step" "$(echo "$3" | sed 's/\$1/:key/g')"
	} >"$dir/$1.sql"
}

# run_pgbench SERVER USER CLIENTS SCRIPT [OPTION...]: its report is in pgbench.out
run_pgbench()
{
	server=$1 user=$2 clients=$3 script=$4
	shift 4
	pgbench -n -M prepared -h "$dir/$server" -U "$user" -c "$clients" -D said=false -f "$dir/$script.sql" "$@" bench \
		>"$dir/pgbench.out" 2>&1 || { cat "$dir/pgbench.out" >&2; exit 1; }
}

# rate LABEL SERVER USER CLIENTS SCRIPT: one run, into samples/LABEL: round,
# transactions a second, microseconds of CPU of the server for each, with that of
# the sealer
rate()
{
	label=$1
	shift
	before=$(cpu_of "$1")
	run_pgbench "$@" -T "$seconds" --random-seed="$round"
	sleep 0.02				# for the backends to be gone
	wait_sealed
	after=$(cpu_of "$1")
	awk -v round="$round" -v ticks=$((after - before)) -v hertz="$hertz" '
		/^number of transactions actually processed: / { processed = $NF }
		/^tps = / { print round, $3, ticks / hertz * 1e6 / processed }' "$dir/pgbench.out" >>"$samples/$label"
}

# take_runs RUN...: a run is what rate takes, with colons between
take_runs()
{
	backward=
	for run; do
		backward="$run $backward"
	done
	round=1
	while [ "$round" -le "$half" ]; do
		if [ $((round % 2)) = 1 ]; then order=$*; else order=$backward; fi
		for run in $order; do
			IFS=: read -r label server user clients script <<-END
				$run
			END
			rate "$label" "$server" "$user" "$clients" "$script"
		done
		round=$((round + 1))
	done
}

# ---------- figures ----------

describe_machine()
{
	say "contactpoint $BENCH_COMMIT, $(postgres --version), $(date '+%Y-%m-%d %H:%M')"
	say "$(nproc) cores of $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), load $(cut -d' ' -f1 /proc/loadavg), data on $(stat -f -c %T "$dir")"
	# its first two tests are enough, a second each
	timeout 3.5 pg_test_fsync -s 1 -f "$dir/fsync" >"$dir/fsync.out" 2>&1 || :
	rm -f "$dir/fsync"
	say "$(sed -n 's/^ *fdatasync  *\([0-9.]* ops.sec\) *\([0-9]*\) usecs.op.*/fdatasync of 8 kB: \2 us (\1)/p' "$dir/fsync.out" | head -n 1)"
	say "all servers: fsync $(sql peer bench 'SHOW fsync'), $(sql peer bench 'SHOW wal_sync_method'), synchronous_commit $(sql peer bench 'SHOW synchronous_commit'), shared_buffers $(sql peer bench 'SHOW shared_buffers'); clients beside the server, prepared statements"
	say "$children children with an address each; the reason is set once a session; $rounds rounds of $turn_seconds s a side; with the sealer at work $half of $seconds s"
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
	entries="SELECT count(*) FROM contactpoint.audit WHERE relation = 'child' AND outcome = 'disclosed'"
	before=$(sql ours bench "$entries")
	run_pgbench ours "$1" 2 child -t 500
	after=$(sql ours bench "$entries")
	if [ "$((after - before))" != 1000 ]; then
		echo "bench: 1000 reads, $((after - before)) entries of the audit: what follows would not measure audited reads" >&2
		exit 1
	fi
}

bench_point_flush()
{
	for clients in 1 4 16; do
		figure "point_flush_c$clients" "flush$clients" reads/s "insert$clients" 'INSERT + COMMIT of one row, server without library' '>= 0.90'
		figure "point_flush_own_c$clients" "flush$clients" reads/s "own$clients" 'INSERT + COMMIT of one row, same server'
	done
}

bench_point_async()
{
	for clients in 1 4; do
		figure "point_async_c$clients" "async$clients" reads/s "unaudited$clients" 'same read unaudited, row security' '>= 0.90'
		figure "point_async_checked_c$clients" "async$clients" reads/s "checked$clients" 'same read unaudited, row security that checks the account' '>= 0.90'
		figure "point_pgaudit_c$clients" "async$clients" reads/s "pgaudit$clients" 'same read, row security and pgaudit with log_rows' '>= 1.00'
	done
	figure point_async_address_c1 address reads/s unaudited_address 'same read of an address unaudited, row security' '>= 0.90'
}

bench_rows10k()
{
	figure rows10k_flush rows_flush reads/s rows_unaudited 'same 10,000 rows unaudited, row security' '>= 0.60'
	figure rows10k_async rows_async reads/s rows_unaudited 'same 10,000 rows unaudited, row security' '>= 0.85'
	figure rows10k_pgaudit rows_async reads/s rows_pgaudit 'same 10,000 rows, row security and pgaudit with log_rows'
}

bench_unprotected()
{
	figure unprotected_select select reads/s peer_select 'same read, server without library' '>= 0.98'
	figure unprotected_planned planned reads/s peer_planned 'same read, planned each time, server without library' '>= 0.98'
	figure unprotected_insert movement inserts/s peer_movement 'same INSERT that does not wait for the disk, server without library' '>= 0.98'
}

# wal_end: where the WAL of our server ends
wal_end()
{
	sql ours bench "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"
}

# figure_bytes NAME BYTES OF-WHAT [TARGET]: for each child of one scan
figure_bytes()
{
	awk -v bytes="$2" -v children="$children" 'BEGIN { print 1, bytes / children }' >"$samples/$1"
	echo 1 8 >"$samples/limit"
	figure "$1" "$1" bytes/child limit "8 bytes: $3" "${4:-}"
}

scan_all()
{
	psql -XAtq -v ON_ERROR_STOP=1 -h "$dir/ours" -U bench_manager -d bench -o /dev/null -c "$reason" -c 'SELECT * FROM contactpoint.child'
}

# Sizes, not times.  The bytes in the journal are those of entries with all that
# PostgreSQL adds to a row.  The index by child of what is sealed is all over the
# place, so it matters whether its pages were written since the last checkpoint.
bench_full_scan()
{
	drain_journal
	sql ours bench CHECKPOINT
	start=$(sql ours bench 'SELECT clock_timestamp()')
	before=$(wal_end)
	scan_all
	after=$(wal_end)
	bytes=$(sql ours bench "SELECT sum(pg_column_size(j)) FROM contactpoint.journal j WHERE at >= '$start'")
	figure_bytes full_scan_journal_bytes "$bytes" "journal written by one scan of $children children" '< 1.00'
	figure_bytes full_scan_wal_bytes "$((after - before))" 'WAL written by the same scan'
	before=$(wal_end)
	drain_journal
	figure_bytes full_scan_sealing_first "$(($(wal_end) - before))" 'WAL written by sealing it, right after a checkpoint'
	scan_all
	before=$(wal_end)
	drain_journal
	figure_bytes full_scan_sealing_next "$(($(wal_end) - before))" 'WAL written by sealing another one, before the next checkpoint'
}

# 160,000 looks at a time, with indexes and the vacuum of the journal.
bench_sealing()
{
	pid=$(sql ours bench 'SELECT sealer_pid FROM contactpoint.status')
	for round in 1 2 3; do
		drain_journal
		run_pgbench ours bench_async 4 child -t 40000
		sealed=$(sql ours bench 'SELECT sealed_entries FROM contactpoint.status')
		before=$(ticks_of "$pid" 14-15)
		start=$(date +%s%N)
		sealer_every 10ms
		wait_sealed
		nanoseconds=$(($(date +%s%N) - start))
		after=$(ticks_of "$pid" 14-15)
		sealed=$(($(sql ours bench 'SELECT sealed_entries FROM contactpoint.status') - sealed))
		sample_work sealing "$sealed" "$nanoseconds" $((after - before))
		echo "$round 50000 20" >>"$samples/sealing_target"
	done
	sealer_every 1d
	figure sealing_cpu sealing entries/s_cpu sealing_target "50,000 a second and core: $sealed entries of the journal" '>= 1.00'
	figure sealing sealing entries/s sealing_target '50,000 a second: the same by the clock'
}

bench_verifying()
{
	if [ "$(sql ours bench 'SELECT sealed_entries FROM contactpoint.status')" -lt 300000 ]; then
		run_pgbench ours bench_async 4 child -t 75000
		drain_journal
	fi
	for round in 1 2 3; do
		before=$(cpu_of ours)
		start=$(date +%s%N)
		verified=$(sql ours bench 'SELECT intact, checked FROM contactpoint.audit_verify()')
		nanoseconds=$(($(date +%s%N) - start))
		sleep 0.02
		after=$(cpu_of ours)
		case $verified in
			't|'*) ;;
			*) echo "bench: the ledger is not what it was: $verified" >&2; exit 1 ;;
		esac
		sample_work verifying "${verified#*|}" "$nanoseconds" $((after - before))
		echo "$round 200000 5" >>"$samples/verifying_target"
	done
	figure verifying_cpu verifying entries/s_cpu verifying_target "200,000 a second and core: all ${verified#*|} entries" '>= 1.00'
	figure verifying verifying entries/s verifying_target '200,000 a second: the same by the clock'

	turns "-b 1 -t $turn_seconds -k $children_keys" \
		access_log ours bench_auditor "$reason" "$access_log" \
		access_log_read ours bench_flush "$reason" "$child"
	figure access_log access_log calls/s access_log_read 'a durable audited point read, which this is too'
}

# The sealer keeps up while reads go on, and each run waits until it is done: its
# work is in the CPU shown.
bench_sealing_point()
{
	sealer_every 10ms
	wait_sealed
	for clients in 1 4; do
		take_runs "sealed_flush$clients:ours:bench_flush:$clients:child" "sealed_insert$clients:peer:bench_flush:$clients:note" \
			"sealed_async$clients:ours:bench_async:$clients:child" "sealed_peer$clients:peer:bench_async:$clients:child"
		figure "sealing_point_flush_c$clients" "sealed_flush$clients" reads/s "sealed_insert$clients" 'INSERT + COMMIT of one row, server without library; the sealer works' '>= 0.90'
		figure "sealing_point_async_c$clients" "sealed_async$clients" reads/s "sealed_peer$clients" 'same read unaudited, row security; the sealer works' '>= 0.90'
	done
	sealer_every 1d
}

compile_turns
start_servers
make_script child "$reason" "$child"
make_script note '' "$note"
describe_machine
check_audited bench_flush
check_audited bench_async
take_turns
for group in point_flush point_async rows10k unprotected full_scan sealing verifying sealing_point; do
	if wanted "$group"; then "bench_$group"; fi
done
say ''
say "load at the end $(cut -d' ' -f1 /proc/loadavg)"
