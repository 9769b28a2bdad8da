#!/bin/sh
# Measures matching; test/bench.sh calls this inside test/with-cluster.sh --no-start.
#
# Servers: ours holds the children that test/generate makes up, loaded by an
# announced restore; small the same of 100,000 children, to see what size costs;
# peer, without the library, holds what somebody would build by hand
# (byhand.sql), and the tables of the registry with their indexes, checks and
# foreign keys, but nothing that matches (plain.sql).
#
# Searches take turns by turns.c.  A round of settling is a COPY of some thousand
# rows, then settle() until they are settled: one after the other, so the time is
# that of one core; what the same rows cost without matching is measured in the
# same round.  Rates ending in _cpu count seconds of CPU of all processes of the
# server, so that others who use the machine do not count.
set -eu

cd "$(dirname "$0")/../.."
top=$PWD
dir=$(dirname "$TEMP_CONFIG")/bench
samples=$dir/samples
major=$("$PG_CONFIG" --version | sed 's/^PostgreSQL \([0-9]*\).*/\1/')
report=build/pg$major/results/bench.txt
rounds=$BENCH_ROUNDS
children=$BENCH_CHILDREN
few=100000
blocks=20					# of 1,000 rows to look for
known_rows=20000
matched_rows=10000
new_rows=10000
columns='source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode, carers, involvements'
written='child address carer involvement identifier responsibility alias receipt settlement source_link match_person match_key guard_key place_key'
mkdir -p "$samples"
: >"$report"

. test/bench/servers.sh
. test/bench/figures.sh
trap 'stop_servers' EXIT
trap 'exit 130' INT HUP
trap 'exit 143' TERM

# The library that holds rate.c too is found before the staged one.
more_settings()
{
	echo "shared_buffers = '$(awk -v n="$children" 'BEGIN { print (n > 2000000 ? "6GB" : "2GB") }')'"
	echo "max_wal_size = 32GB"
	echo "maintenance_work_mem = 512MB"
	if [ "$server" != peer ]; then
		# many of these rows are held, and no source is to be paused for it
		echo "contactpoint.held_share_limit = 100"
		sed -n "s|^dynamic_library_path = '|&$top/build/pg$major/control-measure:|p" "$TEMP_CONFIG"
	fi
}

# has_backends SERVER: any that the postmaster does not know to be gone?  One
# that is going has no command line any more.
has_backends()
{
	for pid in $(pgrep -P "$(head -n 1 "$dir/$1/data/postmaster.pid")"); do
		case $(cat "/proc/$pid/cmdline" 2>/dev/null | tr -d '\0') in
			*'[local]'* | '') return 0 ;;
		esac
	done
	return 1
}

# cpu_when_quiet SERVER: cpu_of, when the postmaster knows what its backends used
cpu_when_quiet()
{
	while has_backends "$1"; do
		sleep 0.02
	done
	cpu_of "$1"
}

# ---------- children and rows ----------

# make_up SERVER CHILDREN: CSV of children, and of the rows that are sent
make_up()
{
	test/generate/run.sh "$dir/$1/made" children="$2" seed=1 unchanged=$known_rows \
		matched=$((rounds * matched_rows + blocks * 700)) new=$((rounds * new_rows + blocks * 300))
}

load_registry()
{
	psql -XAtq -v ON_ERROR_STOP=1 -v dir="$dir/$1/made" -h "$dir/$1" -U postgres -d bench \
		-c 'SET client_min_messages = warning; CREATE EXTENSION contactpoint CASCADE' \
		-f test/generate/load.sql >"$dir/$1/fill.log" 2>&1 ||
		{ cat "$dir/$1/fill.log" >&2; tail -n 20 "$dir/$1/start.log" >&2; exit 1; }
	loaded=$(($(cpu_when_quiet "$1") / hertz + 1))
	sql "$1" bench 'VACUUM ANALYZE'
	sql "$1" bench CHECKPOINT
}

# Rows by kind, and a number of their own in each kind; a sample to look for, of
# which 700 in 1,000 are about known children.
load_rows()
{
	psql -XAtq -v ON_ERROR_STOP=1 -h "$dir/$1" -U postgres -d bench <<-END
		CREATE UNLOGGED TABLE public.sent (number int GENERATED ALWAYS AS IDENTITY, source text, source_ref text, authority text,
			given_names text, family_name text, sex text, date_of_birth text, address text, postcode text, carers text, involvements text);
		CREATE UNLOGGED TABLE public.truth (number int GENERATED ALWAYS AS IDENTITY, source text, source_ref text, kind text, child_id bigint, category text, errors text);
		\\copy public.sent ($columns) FROM '$dir/$1/made/upload.csv' (FORMAT csv)
		\\copy public.truth (source, source_ref, kind, child_id, category, errors) FROM '$dir/$1/made/truth.csv' (FORMAT csv)
		CREATE UNLOGGED TABLE public.row AS
			SELECT s.*, t.kind, t.child_id, row_number() OVER (PARTITION BY t.kind ORDER BY s.number) - 1 AS place
			FROM public.sent s JOIN public.truth t USING (number, source, source_ref);
		CREATE UNLOGGED TABLE public.sample AS
			SELECT (place - $rounds * CASE kind WHEN 'matched' THEN $matched_rows ELSE $new_rows END)
					/ CASE kind WHEN 'matched' THEN 700 ELSE 300 END AS block,
				given_names, family_name, date_of_birth, sex, postcode, address, child_id
			FROM public.row
			WHERE kind = 'matched' AND place >= $rounds * $matched_rows OR kind = 'new' AND place >= $rounds * $new_rows;
		CREATE INDEX ON public.sample (block);
		CREATE INDEX ON public.row (kind, place);
		ANALYZE public.row, public.sample;
		CREATE FUNCTION public.search_sample(bigint) RETURNS float8[] LANGUAGE c AS 'contactpoint', 'contactpoint_search_sample';
		CREATE FUNCTION public.decide_sample(bigint) RETURNS float8[] LANGUAGE c AS 'contactpoint', 'contactpoint_decide_sample';
	END
}

# rows_of SERVER KIND ROUND ROWS FILE: of known ones, one in fifty has moved
rows_of()
{
	place="kind = '$2' AND place >= ($3 - 1) * $4 AND place < $3 * $4" moved=
	if [ "$2" = unchanged ]; then
		place="kind = '$2'"
		if [ "$3" -gt 0 ]; then moved="CASE WHEN (place + $3) % 50 = 0 THEN 'Moved $3, ' ELSE '' END || "; fi
	fi
	psql -XAtq -v ON_ERROR_STOP=1 -h "$dir/$1" -U postgres -d bench -c "COPY (
		SELECT $(echo "$columns" | sed "s/ address/ ${moved}address/") FROM public.row WHERE $place ORDER BY number
		) TO STDOUT (FORMAT csv)" >"$5"
}

# make_peer: the same children, as tables without the library
make_peer()
{
	psql -XAtq -h "$dir/ours" -U postgres -d bench -f test/bench/plain.sql >"$dir/plain.sql"
	psql -Xq -v ON_ERROR_STOP=1 -h "$dir/peer" -U postgres -d bench -c 'CREATE SCHEMA contactpoint' \
		-c 'CREATE EXTENSION pg_trgm; CREATE EXTENSION btree_gist; CREATE EXTENSION fuzzystrmatch' \
		-c "$(grep '^CREATE TABLE' "$dir/plain.sql")"
	for table in organisation source $written; do
		copy_table "$table" "$table" true
	done
	psql -Xq -v ON_ERROR_STOP=1 -h "$dir/peer" -U postgres -d bench -c "$(grep -v '^CREATE TABLE' "$dir/plain.sql")" \
		-f test/bench/byhand.sql >"$dir/peer/fill.log" 2>&1 || { cat "$dir/peer/fill.log" >&2; exit 1; }
	for table in $written; do
		sql peer bench "CREATE UNLOGGED TABLE public.new_$table AS SELECT * FROM contactpoint.$table LIMIT 0"
	done
	psql -XAtq -h "$dir/ours" -U postgres -d bench -c "COPY (
			SELECT block, row_number() OVER (PARTITION BY block), given_names, family_name, nullif(date_of_birth, ''), sex, postcode, child_id
			FROM public.sample WHERE date_of_birth IS NULL OR date_of_birth ~ '^....-..-..$') TO STDOUT" |
		psql -Xq -v ON_ERROR_STOP=1 -h "$dir/peer" -U postgres -d bench -c 'COPY public.sample FROM STDIN'
	sql peer bench 'VACUUM ANALYZE'
	sql peer bench CHECKPOINT
}

# copy_table TABLE TABLE-OF-PEER CONDITION: from ours to the peer
copy_table()
{
	case $2 in
		new_*) to=public.$2 ;;
		*) to=contactpoint.$2 ;;
	esac
	psql -XAtq -v ON_ERROR_STOP=1 -h "$dir/ours" -U postgres -d bench \
		-c "SET contactpoint.reason = 'measuring'" -c "COPY (SELECT * FROM contactpoint.$1 WHERE $3) TO STDOUT" |
		psql -Xq -v ON_ERROR_STOP=1 -h "$dir/peer" -U postgres -d bench -c "COPY $to FROM STDIN"
}

# ---------- searches ----------

# of_rows LABEL ROWS: a statement looked for so many rows
of_rows()
{
	if [ -f "$samples/$1" ]; then
		awk -v rows="$2" '{ print $1, $2 * rows, $3 / rows }' "$samples/$1" >"$samples/$1_rows"
	fi
}

# The join fetches each child found and scores it.
bench_search()
{
	trigram='SELECT count(f.child_id) FROM public.sample s, LATERAL (
		SELECT p.child_id, similarity(p.name, s.name) FROM public.person p WHERE %s ORDER BY 2 DESC LIMIT 10) f
		WHERE s.block = $1 AND s.number <= %s'
	# shellcheck disable=SC2059	# formats
	gist=$(printf "$trigram" 'p.date_of_birth = s.date_of_birth AND p.name % s.name' 200)
	# shellcheck disable=SC2059
	gin=$(printf "$trigram" 'p.name % s.name' 10)
	join='SELECT count(*) FROM (
		SELECT DISTINCT ON (s.number) s.number, p.child_id,
			similarity(p.name, s.name) + (p.date_of_birth = s.date_of_birth)::int + (p.postcode = s.postcode)::int AS score
		FROM public.sample s
		CROSS JOIN LATERAL unnest(public.keys_of(s.given_names, s.family_name, s.date_of_birth, s.postcode)) key
		JOIN public.person_key k USING (key) JOIN public.person p ON p.child_id = k.child_id
		WHERE s.block = $1 AND s.number <= 100 ORDER BY s.number, 3 DESC NULLS LAST) f'
	sql peer bench "ALTER TABLE public.sample ADD name text; UPDATE public.sample SET name = lower(concat_ws(' ', given_names, family_name))"
	sql peer bench 'VACUUM ANALYZE public.sample'
	round=1
	while [ "$round" -le "$rounds" ]; do
		turns "-b 1 -w 2 -t 1.5 -k 0:$blocks:1" \
			search ours postgres '' 'SELECT public.search_sample($1)' \
			search_small small postgres '' 'SELECT public.search_sample($1)' \
			gist peer postgres 'SET enable_seqscan = off' "$gist" \
			gin peer postgres 'SET enable_seqscan = off' "$gin" \
			join peer postgres 'SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off' "$join"
		round=$((round + 1))
	done
	of_rows search 1000
	of_rows search_small 1000
	of_rows gist 200
	of_rows gin 10
	of_rows join 100
	for n in $(seq "$rounds"); do echo "$n 20000 50"; done >"$samples/search_target"
	figure search_cpu search_rows records/s_cpu search_target '20,000 a second and core: normalise, search, score' '>= 1.00'
	figure search_gist search_rows records/s gist_rows 'GiST on date and name, 10 best at 0.3'
	figure search_gin search_rows records/s gin_rows 'GIN on the full name, 10 best at 0.3'
	figure search_join search_rows records/s join_rows 'SQL join on five phonetic keys'
	if [ -d "$dir/small" ]; then
		figure search_size_cpu search_rows records/s_cpu search_small_rows "the same among $few children: 1.5 times the cost is 0.67" '>= 0.67'
	fi
	sql ours bench "SELECT format('%s rows: %s candidates a row; of %s about known children %s %% have the child among the candidates',
			sum(f[1]), round((sum(f[2]) / sum(f[1]))::numeric, 1), sum(f[3]), round((100 * sum(f[4]) / sum(f[3]))::numeric, 2))
		FROM (SELECT public.search_sample(block) FROM generate_series(0, $blocks - 1) block) _ (f)" | tee -a "$report"
}

bench_decision()
{
	sql ours bench "SELECT format('single decision: p50 %s ms, p99 %s ms of CPU (targets 0.15 and 1), greatest %s ms, of %s rows',
			round(percentile_cont(0.5) WITHIN GROUP (ORDER BY took)::numeric, 3),
			round(percentile_cont(0.99) WITHIN GROUP (ORDER BY took)::numeric, 3), round(max(took)::numeric, 2), count(*))
		FROM (SELECT unnest(public.decide_sample(block)) AS took FROM generate_series(0, least($blocks, 10) - 1) block) _" | tee -a "$report"
}

# ---------- settling ----------

# settle_file SERVER LABEL FILE: sends the rows, waits until they are settled
settle_file()
{
	rows=$(wc -l <"$3")
	before=$(cpu_of "$1")
	start=$(date +%s%N)
	psql -XAtq -v ON_ERROR_STOP=1 -h "$dir/$1" -U generate_feed -d bench -c "COPY contactpoint.upload ($columns) FROM STDIN (FORMAT csv)" <"$3"
	psql -XAtq -v ON_ERROR_STOP=1 -h "$dir/$1" -U generate_manager -d bench -c "CALL contactpoint.settle('2 hours')" 2>"$dir/settle.err" ||
		{ cat "$dir/settle.err" >&2; exit 1; }
	nanoseconds=$(($(date +%s%N) - start))
	after=$(cpu_when_quiet "$1")
	sample_work "$2" "$rows" "$nanoseconds" $((after - before))
}

# outcomes SERVER LOWEST-UPLOAD: what became of the rows since
outcomes()
{
	sql "$1" bench "SELECT string_agg(outcome || ' ' || n, ', ' ORDER BY outcome)
		FROM (SELECT outcome, count(*) AS n FROM contactpoint.settlement WHERE upload_id > $2 GROUP BY 1) _"
}

last_upload()
{
	sql "$1" bench 'SELECT coalesce(max(upload_id), 0) FROM contactpoint.settlement'
}

# bench_kind KIND ROWS TARGET
bench_kind()
{
	kind=$1 rows_each=$2 target=$3
	if [ "$kind" = unchanged ]; then
		rows_of ours "$kind" 0 "$rows_each" "$dir/rows.csv"
		round=0
		settle_file ours prime "$dir/rows.csv"
	fi
	first=$(last_upload ours)
	wal=$(wal_end)
	round=1
	while [ "$round" -le "$rounds" ]; do
		rows_of ours "$kind" "$round" "$rows_each" "$dir/rows.csv"
		settle_file ours "$kind" "$dir/rows.csv"
		echo "$round $target $((1000000 / target))" >>"$samples/${kind}_target"
		round=$((round + 1))
	done
	wal=$(($(wal_end) - wal))
	figure "${kind}_cpu" "$kind" rows/s_cpu "${kind}_target" "$target a second and core, upload to settled" '>= 1.00'
	figure "$kind" "$kind" rows/s "${kind}_target" "$target a second: the same by the clock"
	say "  $(outcomes ours "$first"); $((wal / rounds / rows_each)) bytes of WAL a row"
}

# New children, and the rows that this left behind once more in plain tables.
bench_new()
{
	round=1
	while [ "$round" -le "$rounds" ]; do
		first=$(last_upload ours)
		rows_of ours new "$round" "$new_rows" "$dir/rows.csv"
		wal=$(wal_end)
		settle_file ours new "$dir/rows.csv"
		wal=$(($(wal_end) - wal))
		echo "$round 5000 200" >>"$samples/new_target"
		plain_insert "$first"
		if [ -d "$dir/small" ]; then
			rows_of small new "$round" "$new_rows" "$dir/rows.csv"
			settle_file small new_small "$dir/rows.csv"
		fi
		round=$((round + 1))
	done
	figure new_cpu new rows/s_cpu new_target '5,000 a second and core, upload to settled' '>= 1.00'
	figure new new rows/s new_target '5,000 a second: the same by the clock'
	figure new_plain_cpu new rows/s_cpu plain 'INSERT ... SELECT of the rows it left behind, same tables, indexes, checks and foreign keys' '>= 0.50'
	figure new_plain new rows/s plain 'the same by the clock' '>= 0.50'
	figure new_registry_cpu new rows/s_cpu registry 'the same of child, details and reference alone'
	if [ -d "$dir/small" ]; then
		figure new_size_cpu new rows/s_cpu new_small "the same among $few children: 1.5 times the cost is 0.67" '>= 0.67'
	fi
	say "  $(outcomes ours "$first") in the last round; $((wal / new_rows)) bytes of WAL a row"
}

# insert_all TABLE...: statements
insert_all()
{
	for table; do
		echo "INSERT INTO contactpoint.$table SELECT * FROM public.new_$table;"
	done
}

# plain_insert LOWEST-UPLOAD: rows of uploads since, into samples plain and registry
plain_insert()
{
	since="upload_id > $1"
	made="child_id IN (SELECT s.child_id FROM contactpoint.settlement s WHERE s.upload_id > $1 AND s.outcome = 'new')"
	made_any=$(sql ours bench "SELECT count(*) FROM contactpoint.settlement WHERE upload_id > $1 AND outcome = 'new'")
	for table in $written; do
		sql peer bench "TRUNCATE public.new_$table"
		case $table in
			receipt) copy_table "$table" "new_$table" "$since" ;;
			settlement) copy_table "$table" "new_$table" "$since AND outcome = 'new'" ;;
			*) copy_table "$table" "new_$table" "$made" ;;
		esac
	done
	sql peer bench CHECKPOINT
	registry='child address carer involvement identifier responsibility alias source_link'
	# shellcheck disable=SC2086	# lists
	time_insert registry "$registry" ROLLBACK
	time_insert plain "$written" COMMIT
}

# time_insert LABEL TABLES END
time_insert()
{
	# shellcheck disable=SC2086	# a list
	statements=$(insert_all $2)
	before=$(cpu_of peer)
	start=$(date +%s%N)
	psql -XAtq -v ON_ERROR_STOP=1 -h "$dir/peer" -U postgres -d bench -c BEGIN -c "$statements" -c "$3"
	nanoseconds=$(($(date +%s%N) - start))
	after=$(cpu_when_quiet peer)
	sample_work "$1" "$made_any" "$nanoseconds" $((after - before))
}

wal_end()
{
	sql ours bench "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"
}

describe_matching()
{
	say "contactpoint $BENCH_COMMIT, $(postgres --version), $(date '+%Y-%m-%d %H:%M')"
	say "$(nproc) cores of $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(awk '/^MemTotal/ { printf "%.0f GB", $2 / 1e6 }' /proc/meminfo), load $(cut -d' ' -f1 /proc/loadavg), data on $(stat -f -c %T "$dir")"
	say "fsync $(sql ours bench 'SHOW fsync'), synchronous_commit $(sql ours bench 'SHOW synchronous_commit'), shared_buffers $(sql ours bench 'SHOW shared_buffers'); $children children, $rounds rounds"
	say "loaded and validated, all keys made anew, in $of_ours s of CPU: $((children / of_ours)) records/s"
	say ''
}

# What the matcher has for itself, without what it shares.
describe_memory()
{
	for pid in $(pgrep -P "$(head -n 1 "$dir/ours/data/postmaster.pid")"); do
		case $(tr -d '\0' <"/proc/$pid/cmdline") in
			*matcher*) say "$(tr -d '\0' <"/proc/$pid/cmdline" | sed 's/ *$//'): $(awk '/^RssAnon/ { printf "%.0f MB", $2 / 1024 }' "/proc/$pid/status") of private memory (target: 512)" ;;
		esac
	done
}

server=ours
compile_turns
start_server ours
make_up ours "$children"
load_registry ours
of_ours=$loaded
load_rows ours
if [ "$children" -gt $few ]; then
	start_server small
	make_up small $few
	load_registry small
	load_rows small
fi
describe_matching
start_server peer
make_peer
if wanted search; then bench_search; fi
if wanted decision; then bench_decision; fi
if wanted known; then bench_kind unchanged $known_rows 20000; fi
if wanted matched; then bench_kind matched $matched_rows 8000; fi
if wanted new; then bench_new; fi
describe_memory
say ''
say "load at the end $(cut -d' ' -f1 /proc/loadavg)"
