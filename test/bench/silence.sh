#!/bin/sh
# What the time of an upload tells of the child it is about; test/bench.sh calls
# this inside test/with-cluster.sh --no-start.
#
# A feed sends rows about shielded children, open ones and such that nobody knows,
# 2,000 of each on the average, one INSERT at a time and in random order, while the
# matcher settles them.  Compared are the times of the INSERTs, by what the row is
# about and by what the row before it is about, which the matcher may be at, and
# the minutes from receipt to settlement, as the feed's receipts tell them.
#
# A figure is the Kolmogorov-Smirnov distance of two samples, 0 to 1.  Two samples
# of 2,000 of one distribution differ by more than 0.051 once in a hundred times.
set -eu

cd "$(dirname "$0")/../.."
dir=$(dirname "$TEMP_CONFIG")/bench
report=build/pg$("$PG_CONFIG" --version | sed 's/^PostgreSQL \([0-9]*\).*/\1/')/results/bench.txt
mkdir -p "$dir"

. test/bench/servers.sh
trap 'stop_servers' EXIT
trap 'exit 130' INT HUP
trap 'exit 143' TERM

start_server small
cat >"$dir/registry.sql" <<'END'
SET client_min_messages = warning;
CREATE EXTENSION contactpoint CASCADE;
CREATE ROLE silent_feed LOGIN IN ROLE contactpoint_feed;
INSERT INTO contactpoint.organisation (organisation_id, name, kind, stage) VALUES (1, 'Northshire', 'authority', 'live');
INSERT INTO contactpoint.source (source, organisation_id, feed_role) VALUES ('silent', 1, 'silent_feed');
CREATE TABLE person AS SELECT contactpoint._child_number() AS child_id, n, n < 2000 AS shielded FROM generate_series(0, 3999) n;
SET contactpoint.restoring = on;
INSERT INTO contactpoint.child (child_id, given_names, family_name, sex, date_of_birth, shielded)
    SELECT child_id, initcap(substr(m, 1, 9)), initcap(substr(m, 10, 10)), 'U', date '1990-01-01' + n * 37 % 9000, shielded
    FROM person, translate(md5(n::text), '0123456789', 'ghijklmnop') m;
INSERT INTO contactpoint.shield (child_id, category, reason, placed_by, review_on)
    SELECT child_id, 'harm', 'bench', 'postgres', '2099-01-01' FROM person WHERE shielded;
INSERT INTO contactpoint.address (child_id, shielded, address, postcode, source)
    SELECT child_id, shielded, n || ' Bench Street', 'BE' || n % 90 || ' 1CH', 'other' FROM person;
RESET contactpoint.restoring;
SELECT contactpoint.validate_restore();
END
psql -XAtq -v ON_ERROR_STOP=1 -h "$dir/small" -U postgres -d bench -f "$dir/registry.sql" >"$dir/fill.log" 2>&1 ||
	{ cat "$dir/fill.log" >&2; exit 1; }

# Their texts differ in nothing but a number.
first=0
for kind in shielded open unknown; do
	cat >"$dir/$kind.sql" <<-END
		\\set n $first + random(0, 1999)
		INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode)
		SELECT 'silent', 'b' || :n, initcap(substr(m, 1, 9)), initcap(substr(m, 10, 10)), 'U', (date '1990-01-01' + :n * 37 % 9000)::text,
			:n || ' Bench Street', 'BE' || :n % 90 || ' 1CH' FROM translate(md5((:n)::text), '0123456789', 'ghijklmnop') m;
	END
	first=$((first + 2000))
done
(
	cd "$dir"
	pgbench -n -M prepared -h "$dir/small" -U silent_feed -c 1 -t 6000 -l --log-prefix=silence --random-seed="${SEED:-1}" \
		-f shielded.sql -f open.sql -f unknown.sql bench >pgbench.out 2>&1 || { cat pgbench.out >&2; exit 1; }
	cat silence.* >times
)
psql -XAtq -h "$dir/small" -U postgres -d bench -c "CALL contactpoint.settle()"
sleep $((61 - $(date +%-S)))	# receipts tell of a minute when it is over

cat >"$dir/compare.sql" <<END
CREATE TABLE sent (client int, number int, microseconds bigint, script int, at bigint, us bigint);
\\copy sent from '$dir/times' (format text, delimiter ' ')
SET contactpoint.reason = 'bench';
CREATE TABLE receipt AS TABLE contactpoint.upload_receipt;
CREATE TABLE sample AS
    SELECT 'insert' AS figure, script AS kind, microseconds AS x FROM sent
    UNION ALL SELECT 'insert_after', lag(script) OVER (ORDER BY number), microseconds FROM sent
    UNION ALL SELECT 'receipt', substr(source_ref, 2)::int / 2000, extract(epoch FROM settled_at - received_at)::bigint FROM receipt;
SELECT format('%-14s %-22s %s   %s rows, median %s and %s %s, target <= 0.05: %s', s.figure, a.name || '/' || b.name, to_char(s.d, '0.000'),
    s.rows, s.median_a, s.median_b, CASE s.figure WHEN 'receipt' THEN 's' ELSE 'us' END, CASE WHEN s.d <= 0.05 THEN 'met' ELSE 'NOT MET' END)
FROM (VALUES (0, 'shielded'), (1, 'open'), (2, 'unknown')) a (kind, name)
JOIN (VALUES (0, 'shielded'), (1, 'open'), (2, 'unknown')) b (kind, name) ON a.kind < b.kind
CROSS JOIN LATERAL (
    SELECT f.figure, max(abs(f.fa / f.na - f.fb / f.nb)) AS d, max(f.na + f.nb) AS rows,
        (SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY m.x) FROM sample m WHERE m.figure = f.figure AND m.kind = a.kind) AS median_a,
        (SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY m.x) FROM sample m WHERE m.figure = f.figure AND m.kind = b.kind) AS median_b
    FROM (SELECT s.figure, count(*) FILTER (WHERE s.kind = a.kind) OVER w ::numeric AS fa, count(*) FILTER (WHERE s.kind = b.kind) OVER w ::numeric AS fb,
              count(*) FILTER (WHERE s.kind = a.kind) OVER (PARTITION BY s.figure) AS na, count(*) FILTER (WHERE s.kind = b.kind) OVER (PARTITION BY s.figure) AS nb
          FROM sample s WHERE s.kind IN (a.kind, b.kind) WINDOW w AS (PARTITION BY s.figure ORDER BY s.x)) f
    GROUP BY f.figure) s
ORDER BY s.figure, a.kind, b.kind;
SELECT 'what became of them: ' || string_agg(o.what, ', ' ORDER BY o.what) FROM (
    SELECT format('%s %s %s', k.name, s.outcome, count(*)) AS what FROM contactpoint.settlement s
    JOIN (VALUES (0, 'shielded'), (1, 'open'), (2, 'unknown')) k (kind, name) ON k.kind = substr(s.source_ref, 2)::int / 2000
    WHERE s.source = 'silent' GROUP BY k.name, s.outcome) o;
END
{
	echo "contactpoint $BENCH_COMMIT, $(postgres --version), $(date '+%Y-%m-%d %H:%M')"
	echo 'silence: Kolmogorov-Smirnov distance of what a feed can measure, by what its rows are about'
	psql -XAtq -v ON_ERROR_STOP=1 -h "$dir/small" -U postgres -d bench -f "$dir/compare.sql"
} | tee "$report"
