# Records are merged, parted and shielded while several matchers settle what feeds send
# again and again: whatever comes first, no shield is lost, no detail is left on a record
# that its reference does not have, and in the end every merge can be undone.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use ContactPoint;

my $seed = srand($ENV{CONTACTPOINT_SEED} // time);
note("seed $seed");

my $db = 'contactpoint';
my $persons = 120;
my $node = ContactPoint::start('undo', conf => <<'CONF');
log_statement = none
max_worker_processes = 40
deadlock_timeout = 100ms
contactpoint.matcher_workers = 3
contactpoint.settle_batch = 20
CONF
ContactPoint::people($node, $db);

# Names that nobody could take for each other's; every third is sent by both sources.
$node->safe_psql(
	$db, q{
	CREATE FUNCTION public.letters(number int, salt text) RETURNS text LANGUAGE sql AS
		$$ SELECT initcap(translate(substr(md5(salt || number), 1, 9), '0123456789', 'ghijklmnop')) $$;
	CREATE FUNCTION public.send(round int) RETURNS void LANGUAGE sql SECURITY INVOKER AS $$
		INSERT INTO contactpoint.upload (source, source_ref, batch, authority, given_names, family_name, date_of_birth, address, postcode, carers)
		SELECT CASE (n + second) % 2 WHEN 0 THEN 'school' ELSE 'health' END, (ARRAY['r-', 'x-'])[1 + second] || n, 'round ' || round, 1, public.letters(n, 'given'),
			public.letters(n, 'family'), to_char(date '2005-01-01' + n * 37, 'YYYY-MM-DD'), n || ' Road ' || round, 'UN' || n || ' 1AA',
			jsonb_build_array(jsonb_build_object('full_name', public.letters(n, 'carer'), 'contact', '0100 ' || n))
		FROM generate_series(0, 1) second, generate_series(1, 120) n WHERE second = 0 OR n % 3 = 0 $$;
	GRANT EXECUTE ON FUNCTION public.send(int), public.letters(int, text) TO PUBLIC});
ContactPoint::ask($node, $db, 'regress_feed', 'SELECT public.send(0)');
$node->safe_psql($db, "CALL contactpoint.settle('3 minutes')");
is($node->safe_psql($db, 'SELECT count(*) FROM contactpoint.child'), $persons, 'each person has a record');

# One step of a manager, whatever comes of it.
$node->safe_psql(
	$db, q{
	CREATE TABLE public.kid AS SELECT row_number() OVER () AS n, child_id FROM contactpoint.child;
	CREATE TABLE public.odd (state text, message text);
	GRANT SELECT ON public.kid TO PUBLIC;
	GRANT INSERT ON public.odd TO PUBLIC;
	CREATE FUNCTION public.step(a int, b int, what int) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE
		one bigint := (SELECT child_id FROM public.kid WHERE n = a);
		other bigint := (SELECT child_id FROM public.kid WHERE n = b);
	BEGIN
		SET LOCAL contactpoint.reason = 'stress';
		IF what < 40 THEN
			PERFORM contactpoint.merge(one, other, 'stress');
		ELSIF what < 70 THEN
			PERFORM contactpoint.unmerge(max(m.merge_id), 'stress') FROM contactpoint.merge_log m
			WHERE m.child_id = one AND m.undone_at IS NULL;
		ELSIF what < 80 THEN
			PERFORM contactpoint.separate(CASE a % 2 WHEN 1 THEN 'school' ELSE 'health' END, 'x-' || a, 'stress');
		ELSE
			PERFORM contactpoint.shield(one, 'stress', 'harm', false);
		END IF;
	EXCEPTION
		WHEN SQLSTATE 'KC010' OR deadlock_detected OR serialization_failure THEN NULL;
		WHEN OTHERS THEN INSERT INTO public.odd VALUES (SQLSTATE, SQLERRM);
	END $$;
	GRANT EXECUTE ON FUNCTION public.step(int, int, int) TO PUBLIC});
my $script = $node->basedir . '/step.sql';
append_to_file($script, <<'SQL');
\set a random(1, 120)
\set b random(1, 120)
\set what random(1, 100)
SELECT public.step(:a, :b, :what);
SQL
my %env = $node->_get_env();
my ($out, $err) = ('', '');
my $managers = do
{
	local @ENV{ keys %env } = values %env;
	IPC::Run::start([ 'pgbench', '--no-vacuum', '-U', 'regress_manager', '-c', 3, '-t', 120, '-f', $script,
		'-h', $node->host, '-p', $node->port, $db ], '>', \$out, '2>', \$err);
};
for my $round (1 .. 6)
{
	ContactPoint::ask($node, $db, 'regress_feed', "SELECT public.send($round)");
}
$managers->finish;
$node->safe_psql($db, "CALL contactpoint.settle('3 minutes')");
is($managers->result(0), 0, 'no manager was thrown out') or diag($err);
is($node->safe_psql($db, 'SELECT state, message, count(*) FROM public.odd GROUP BY 1, 2'), '', 'what was refused was refused for a reason');
cmp_ok($node->safe_psql($db, 'SELECT count(*) FROM contactpoint.merge_log'), '>', 20, 'records were merged');
is($node->safe_psql($db, 'SELECT count(DISTINCT kind) FROM contactpoint.undo_log'), '2', 'and parted, and references with them');

sub sound
{
	my ($when) = @_;

	is( $node->safe_psql(
			$db, q{
			SELECT 'shield', c.child_id FROM contactpoint.child c
			WHERE c.shielded <> EXISTS (SELECT FROM contactpoint.shield s WHERE s.child_id = c.child_id AND s.lifted_at IS NULL)
			UNION ALL SELECT 'leaf', d.child_id FROM contactpoint.address d JOIN contactpoint.child c USING (child_id) WHERE c.shielded <> d.shielded
			UNION ALL SELECT 'stray address', d.child_id FROM contactpoint.address d
			WHERE NOT EXISTS (SELECT FROM contactpoint.settlement s JOIN contactpoint.source_link l USING (source, source_ref)
				WHERE s.child_id = d.child_id AND s.source = d.source AND s.recorded_at = d.recorded_at AND l.child_id = d.child_id)
			UNION ALL SELECT 'not the latest', d.child_id FROM contactpoint.address d
			JOIN contactpoint.settlement s ON s.child_id = d.child_id AND s.source = d.source AND s.recorded_at = d.recorded_at
			WHERE d.address NOT LIKE split_part(s.source_ref, '-', 2) || ' Road %'
			UNION ALL SELECT 'poisoned', r.review_id FROM contactpoint.review r WHERE r.reason = 'the row could not be processed'
			UNION ALL SELECT 'pending', upload_id FROM contactpoint.receipt WHERE settled_at IS NULL
			UNION ALL (SELECT 'place key', child_id FROM contactpoint.place_key EXCEPT ALL SELECT 'place key', child_id FROM contactpoint._all_places())
			UNION ALL (SELECT 'place key', child_id FROM contactpoint._all_places() EXCEPT ALL SELECT 'place key', child_id FROM contactpoint.place_key)}
		),
		'',
		"$when: shields stand, details are where they belong");
	is( $node->safe_psql(
			$db, q{
			CREATE TEMP TABLE before AS SELECT child_id, nearness, facts FROM contactpoint.match_person;
			SET client_min_messages = warning;
			DO $$ BEGIN PERFORM contactpoint._rekey_batch(array_agg(child_id), true) FROM contactpoint.child; END $$;
			SELECT child_id FROM before b FULL JOIN contactpoint.match_person p USING (child_id)
			WHERE (b.nearness, b.facts) IS DISTINCT FROM (p.nearness, p.facts)}
		),
		'',
		"$when: the matcher's keys are what the records are");
	return;
}
sound('after all of it');

# Undone one after the other, the latest first.
$node->safe_psql(
	$db, q{
	DO $$
	DECLARE
		one bigint;
	BEGIN
		FOR one IN SELECT merge_id FROM contactpoint.merge_log WHERE undone_at IS NULL ORDER BY merge_id DESC LOOP
			PERFORM contactpoint.unmerge(one, 'all of them');
		END LOOP;
	END $$});
is($node->safe_psql($db, 'SELECT count(*) FROM public.kid k WHERE NOT EXISTS (SELECT FROM contactpoint.child c WHERE c.child_id = k.child_id)'),
	'0', 'every record is back');
is( $node->safe_psql(
		$db, q{
		SELECT count(*) FROM contactpoint.child c
		WHERE NOT c.shielded AND EXISTS (SELECT FROM contactpoint.merge_log m WHERE c.child_id IN (m.child_id, m.into_child_id))}
	),
	'0',
	'and whatever was part of a merge is shielded');
sound('all undone');

done_testing();
