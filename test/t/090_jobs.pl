# Jobs over the whole registry: sweep() finds what earlier rules let through and
# tells the right people only; rekey() makes all keys anew while the registry is
# in use; both go on after the worker or the server was stopped.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use ContactPoint;

my $db = 'contactpoint';
my $node = ContactPoint::start('jobs', conf => <<'CONF');
restart_after_crash = on
log_statement = none
CONF
ContactPoint::people($node, $db);
$node->safe_psql($db,
	q{CREATE ROLE regress_lapsed LOGIN IN ROLE contactpoint_manager;
	INSERT INTO contactpoint.account (role_name, organisation_id, full_name, trained_until, checked_until)
	VALUES ('regress_lapsed', 1, 'Lapsed', current_date - 1, current_date + 9)});

# ---------- a registry with what earlier rules let through ----------

# What only a restore can do: past rules made these records.
sub restore
{
	my ($sql) = @_;

	$node->safe_psql($db,
		"SET contactpoint.restoring = on;\n$sql;\nSELECT contactpoint.validate_restore()"
	);
	return;
}

# Names that sound like no other: 24 x 25 x 25 syllables.
my $names = <<'SQL';
CREATE FUNCTION pg_temp.name(n int, salt text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT initcap(string_agg(substr('bdfgklmnprstvz', 1 + get_byte(h, i) % 14, 1)
		|| substr('aeiou', 1 + get_byte(h, i + 8) % 5, 1), '' ORDER BY i))
	FROM sha256(convert_to(salt || n, 'UTF8')) h, generate_series(0, 3) i
$$;
SQL
my $children = 3000;
restore(<<"SQL");
$names
CREATE TEMP TABLE made AS
SELECT n, contactpoint._child_number() AS child_id, pg_temp.name(n, 'given') AS given_names,
	pg_temp.name(n, 'family') AS family_name, (ARRAY['F', 'M'])[1 + n % 2] AS sex,
	date '2005-01-01' + n * 37 % 5000 AS date_of_birth
FROM generate_series(1, $children) n;
INSERT INTO contactpoint.child (child_id, given_names, family_name, sex, date_of_birth)
	SELECT child_id, given_names, family_name, sex, date_of_birth FROM made;
INSERT INTO contactpoint.responsibility (child_id, organisation_id) SELECT child_id, 1 + n % 2 FROM made;
INSERT INTO contactpoint.source_link (source, source_ref, child_id, authority)
	SELECT 'school', 'base-' || n, child_id, 1 FROM made;
CREATE TABLE public.base AS SELECT * FROM made
SQL

# n even: authority 1, odd: authority 2.
sub base_child
{
	my ($n) = @_;
	return $node->safe_psql($db, "SELECT child_id FROM base WHERE n = $n");
}

my %shielded = (10 => 'fled', 12 => 'harm', 14 => 'adoption', 11 => 'fled', 13 => 'harm');
for my $n (keys %shielded)
{
	ContactPoint::ask($node, $db, $n % 2 ? 'regress_elsewhere' : 'regress_manager',
		"SELECT contactpoint.shield(" . base_child($n) . ", 'in danger', '$shielded{$n}', false)");
}
is($node->safe_psql($db, 'SELECT count(*) FROM contactpoint.child WHERE shielded'),
	5, 'five children are shielded');

# Second records: of each shielded child one, of three open children one, in
# 'other'; twins that one source tells apart; a sister.
restore(<<"SQL");
$names
CREATE TEMP TABLE second AS
SELECT b.n, contactpoint._child_number() AS child_id,
	CASE WHEN b.n % 3 = 0 THEN overlay(b.given_names placing substr(b.given_names, 4, 1) || substr(b.given_names, 3, 1) from 3 for 2)
		ELSE b.given_names END AS given_names,
	CASE WHEN b.n IN (10, 11) THEN pg_temp.name(b.n, 'new') ELSE b.family_name END AS family_name, b.sex, b.date_of_birth,
	'second-' || b.n AS source_ref, 'other' AS source
FROM base b WHERE b.n IN (10, 11, 12, 13, 14, 20, 21, 24)
UNION ALL SELECT b.n, contactpoint._child_number(), pg_temp.name(b.n, 'twin'), b.family_name, b.sex, b.date_of_birth, 'twin-' || b.n, 'school'
FROM base b WHERE b.n IN (30, 31)
UNION ALL SELECT b.n, contactpoint._child_number(), pg_temp.name(b.n, 'sister'), b.family_name, 'F', b.date_of_birth + 900, 'sister-' || b.n, 'other'
FROM base b WHERE b.n IN (40, 41);
INSERT INTO contactpoint.child (child_id, given_names, family_name, sex, date_of_birth)
	SELECT child_id, given_names, family_name, sex, date_of_birth FROM second;
INSERT INTO contactpoint.responsibility (child_id, organisation_id) SELECT child_id, 2 FROM second;
INSERT INTO contactpoint.source_link (source, source_ref, child_id, authority)
	SELECT source, source_ref, child_id, 2 FROM second;
CREATE TABLE public.planted AS SELECT s.n, s.child_id, b.child_id AS other_id, s.source_ref
	FROM second s JOIN base b USING (n) WHERE s.n < 30
SQL

# ---------- sweep(): who may, and what it finds ----------

for my $role ('regress_practitioner', 'regress_auditor', 'regress_feed')
{
	my $account = $role eq 'regress_feed' ? 'KC002' : 'KC003';
	ContactPoint::refused($node, $db, $role, 'SELECT contactpoint.sweep()',
		$account, "$role may not sweep");
}
ContactPoint::refused($node, $db, 'regress_lapsed', 'SELECT contactpoint.sweep()',
	'KC002', 'nor a manager whose training has lapsed');
is( $node->safe_psql($db, 'SELECT count(*) FROM contactpoint.job WHERE started_at IS NOT NULL'),
	0, 'and nothing began');

my $own_1 = ContactPoint::ask($node, $db, 'regress_manager', 'SELECT contactpoint.sweep()');
my $found = q{SELECT candidates[1], candidates[2] FROM contactpoint.finding ORDER BY 1, 2};
my $planted = $node->safe_psql($db,
	'SELECT child_id, other_id FROM planted ORDER BY 1, 2');
is($node->safe_psql($db, $found), $planted,
	'the sweep finds every second record, and nothing else');
is($own_1, 3, 'and tells how many of them wait for the caller');

is( $node->safe_psql(
		$db, 'SELECT count(*) FROM contactpoint.finding f JOIN planted p ON p.child_id = f.candidates[1]
		WHERE f.at_risk = (p.n < 20) AND f.source = \'other\' AND f.source_ref = p.source_ref
		AND (f.score IS NULL) = (p.n < 20)'),
	8, 'with the reference they came from, and no score near a shielded record');

# Reads of a person, with a reason.
sub look
{
	my ($role, $sql) = @_;
	return ContactPoint::ask($node, $db, $role,
		"SET contactpoint.reason = 'findings';\n$sql");
}

is(look('regress_manager', 'SELECT string_agg(source_ref, \' \' ORDER BY source_ref) FROM contactpoint.uploads_at_risk'),
	'second-10 second-12 second-14', 'a manager sees what may be about shielded children of the own authority');
is(look('regress_elsewhere', 'SELECT string_agg(source_ref, \' \' ORDER BY source_ref) FROM contactpoint.uploads_at_risk'),
	'second-11 second-13', 'and of no other, although the open record is that one\'s');
is(look('regress_manager', 'SELECT bool_and(r.shielded_child_id = p.other_id) FROM contactpoint.uploads_at_risk r
	JOIN (VALUES ' . join(', ', map { "('second-$_', " . base_child($_) . ')' } 10, 12, 14) . ') p (ref, other_id) ON p.ref = r.source_ref'),
	't', 'with the shielded record');
is(look('regress_admin', 'SELECT count(*), count(shielded_child_id) FROM contactpoint.uploads_at_risk'),
	'5|0', 'an admin sees all of them, but not which shielded child it is');
is(look('regress_admin', 'SELECT count(*), max(cardinality(candidates)) FROM contactpoint.findings_due WHERE at_risk'),
	'5|1', 'in the other view, too');
is(look('regress_elsewhere', 'SELECT string_agg(source_ref, \' \' ORDER BY source_ref) FROM contactpoint.findings_due'),
	'second-11 second-13 second-20 second-21 second-24', 'duplicates of open children wait for the authority of the later one');
is(look('regress_elsewhere', 'SELECT count(*) FROM contactpoint.finding'), 5, 'the table shows no more');
for my $column ('candidates', 'note', 'score')
{
	my ($status, $out, $err) = ContactPoint::as($node, $db, 'regress_admin',
		"SET contactpoint.reason = 'findings';\nSELECT $column FROM contactpoint.finding");
	ok($status == 3 && $err =~ /42501/ && $out eq '', "column $column of it is shown to nobody");
}
for my $role ('regress_practitioner', 'regress_feed', 'regress_auditor')
{
	my ($status, $out, $err) = ContactPoint::as($node, $db, $role,
		"SET contactpoint.reason = 'findings';\nSELECT count(*) FROM contactpoint.uploads_at_risk");
	ok($status == 3 && $err =~ /42501/ && $out eq '', "$role sees no findings");
}

# Once found, not found again.
my $before = $node->safe_psql($db, 'SELECT count(*), max(finding_id) FROM contactpoint.finding');
ContactPoint::ask($node, $db, 'regress_admin', 'SELECT contactpoint.sweep()');
is($node->safe_psql($db, 'SELECT count(*), max(finding_id) FROM contactpoint.finding'),
	$before, 'a second sweep adds nothing');

# ---------- dismissing ----------

my $finding = $node->safe_psql($db, q{SELECT finding_id FROM contactpoint.finding WHERE source_ref = 'second-10'});
my $open = $node->safe_psql($db, "SELECT candidates[1] FROM contactpoint.finding WHERE finding_id = $finding");
for my $refusal (
	[ 'regress_elsewhere', 'KC003' ], [ 'regress_admin', 'KC003' ],
	[ 'regress_practitioner', 'KC003' ], [ 'regress_lapsed', 'KC002' ])
{
	ContactPoint::refused($node, $db, $refusal->[0],
		"SELECT contactpoint.dismiss_finding($finding, 'namesakes')",
		$refusal->[1], "$refusal->[0] may not dismiss a finding of authority 1");
}
ContactPoint::refused($node, $db, 'regress_manager',
	"SELECT contactpoint.dismiss_finding($finding, ' ')", 'KC010', 'a note is needed');
is( ContactPoint::ask($node, $db, 'regress_manager',
		"SELECT contactpoint.dismiss_finding($finding, 'namesakes: seen both')"),
	$open, 'a manager of the authority dismisses it');
ContactPoint::refused($node, $db, 'regress_manager',
	"SELECT contactpoint.dismiss_finding($finding, 'again')", 'KC010', 'once');
ContactPoint::ask($node, $db, 'regress_manager', 'SELECT contactpoint.sweep()');
is($node->safe_psql($db, 'SELECT count(*), max(finding_id) FROM contactpoint.finding'),
	$before, 'what was decided is not asked again');
is(look('regress_manager', 'SELECT count(*) FROM contactpoint.uploads_at_risk'), 2, 'nor shown');
ContactPoint::ask($node, $db, 'regress_manager',
	"SELECT contactpoint.reopen_finding($finding, 'one child after all')");
is(look('regress_manager', 'SELECT count(*) FROM contactpoint.uploads_at_risk'), 3, 'it can be brought up again');

# A shield on one of two open records makes the finding its authority's.
my $later = $node->safe_psql($db, q{SELECT other_id FROM planted WHERE n = 20});
ContactPoint::ask($node, $db, 'regress_manager', "SELECT contactpoint.shield($later, 'in danger', 'fled', false)");
is(look('regress_elsewhere', q{SELECT count(*) FROM contactpoint.findings_due WHERE source_ref = 'second-20'}),
	0, 'a shield takes a finding from the others');
is(look('regress_manager', q{SELECT count(*) FROM contactpoint.uploads_at_risk WHERE source_ref = 'second-20'}),
	1, 'and gives it to those of the shielded child');

# ---------- audit ----------

is( look('regress_auditor', q{SELECT string_agg(DISTINCT "session_user" || ' ' || outcome, ', ' ORDER BY "session_user" || ' ' || outcome)
		FROM contactpoint.audit WHERE command = 'sweep'}),
	'regress_admin done, regress_auditor refused, regress_feed refused, regress_lapsed refused, regress_manager done, regress_practitioner refused',
	'every call of sweep() is on record, and every refusal');
is( look('regress_auditor', qq{SELECT count(*) FROM contactpoint.audit WHERE command IN ('dismiss_finding', 'reopen_finding')
		AND outcome = 'done' AND children = ARRAY[$open]::bigint[]}),
	2, 'so is what was dismissed');

# ---------- progress, restart ----------

is( look('regress_manager', q{SELECT done, total, rate > 0, finished_at IS NOT NULL, ends_at IS NULL FROM contactpoint.progress WHERE job = 'sweep'}),
	($children + 12) . '|' . ($children + 12) . '|t|t|t', 'progress says that the sweep is done');
for my $role ('regress_practitioner', 'regress_feed', 'regress_auditor')
{
	my ($status, $out, $err) = ContactPoint::as($node, $db, $role, 'SELECT * FROM contactpoint.progress');
	ok($status == 3 && $err =~ /42501/ && $out eq '', "$role does not see the progress of jobs");
}

# Halts a job half way: whoever locks its row has it wait between two batches.
sub halt_half_way
{
	my ($job, $call) = @_;

	for (1 .. 20)
	{
		my $halting = $node->background_psql($db, on_error_stop => 1);
		$node->safe_psql($db, "SELECT contactpoint.$call('0')");
		for (1 .. 200)
		{
			my $state = $halting->query_safe(
				"BEGIN; SELECT done > 0, finished_at IS NOT NULL FROM contactpoint.job WHERE job = '$job' FOR UPDATE");
			return $halting if $state =~ /t\|f/;
			$halting->query_safe('COMMIT');
			last if $state =~ /t\|t/;
		}
		$halting->quit;
		$node->safe_psql($db, "SELECT contactpoint.$call('1 minute')");
	}
	die "$job could not be halted half way";
}

sub job_done
{
	my ($job) = @_;
	return $node->poll_query_until($db,
		"SELECT finished_at IS NOT NULL FROM contactpoint.job WHERE job = '$job'");
}

$node->safe_psql($db, 'DELETE FROM contactpoint.finding_pair; DELETE FROM contactpoint.finding');
my $halting = halt_half_way('sweep', 'sweep');
# the worker tells of a batch when that is committed, and so a moment after
$node->poll_query_until($db, q{SELECT done > 0 FROM contactpoint.progress WHERE job = 'sweep'}) or die 'nothing is told of the sweep';
is( look('regress_manager', q{SELECT done > 0 AND done < total AND finished_at IS NULL AND ends_at IS NOT NULL
		FROM contactpoint.progress WHERE job = 'sweep'}),
	't', 'progress says how far a sweep is, and when it should end');
my $started = $node->safe_psql($db, q{SELECT started_at FROM contactpoint.job WHERE job = 'sweep'});
$node->stop('immediate');
$node->start;
ok(job_done('sweep'), 'a sweep goes on after a crash of the server');
is($node->safe_psql($db, q{SELECT started_at FROM contactpoint.job WHERE job = 'sweep'}),
	$started, 'it is the same run');
is($node->safe_psql($db, $found), $planted, 'and finds the same');

# ---------- rekey() ----------

for my $role ('regress_manager', 'regress_practitioner', 'regress_auditor')
{
	ContactPoint::refused($node, $db, $role, 'SELECT contactpoint.rekey()', 'KC003', "$role may not re-key");
}

# All that the matcher keeps, words in the place of their numbers.
sub kept
{
	return $node->safe_psql($db, <<'SQL');
SELECT 'key', k.key, k.date_of_birth, g.word, f.word, k.traits, k.child_id FROM contactpoint.match_key k
	LEFT JOIN contactpoint.name_word g ON g.word_id = k.given_id LEFT JOIN contactpoint.name_word f ON f.word_id = k.family_id
	ORDER BY 2, 3, 4, 5, 6, 7;
SELECT 'guard', k.key, k.date_of_birth, g.word, f.word, k.traits, k.child_id FROM contactpoint.guard_key k
	LEFT JOIN contactpoint.name_word g ON g.word_id = k.given_id LEFT JOIN contactpoint.name_word f ON f.word_id = k.family_id
	ORDER BY 2, 3, 4, 5, 6, 7;
SELECT 'person', child_id, date_of_birth, sex, nearness, key_version,
	regexp_replace(facts, '(^|\x1f)[nh][^\x1f]*', '', 'g') FROM contactpoint.match_person ORDER BY 2;
SELECT 'word', w.word, c.given_count, c.family_count FROM contactpoint.word_count c LEFT JOIN contactpoint.name_word w USING (word_id)
	WHERE c.word_id <> 1 AND (c.given_count > 0 OR c.family_count > 0) ORDER BY 2
SQL
}

# Rows about children that are known, sent under references that are not.
sub send_rows
{
	my ($ref, $where) = @_;
	my $rows = $node->safe_psql($db, qq{
		SELECT string_agg(format('(%L, %L, %L, %L, %L, %L)', 'health', '$ref-' || n, given_names, family_name, sex, date_of_birth), ', ')
		FROM base WHERE $where});
	ContactPoint::ask($node, $db, 'regress_feed',
		"INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth) VALUES $rows");
	ContactPoint::ask($node, $db, 'regress_manager', "CALL contactpoint.settle('1 minute')");
	return;
}

sub outcomes
{
	my ($ref) = @_;
	return $node->safe_psql($db, qq{
		SELECT s.outcome, count(*), count(*) FILTER (WHERE s.child_id = b.child_id)
		FROM contactpoint.settlement s JOIN base b ON s.source_ref = '$ref-' || b.n WHERE s.source = 'health' GROUP BY 1 ORDER BY 1});
}

# Shielded ones among them, and how it is with whole keys.
my $some = "n BETWEEN 101 AND 300 AND child_id <> $later";
for my $n (101, 103, 107, 150, 170, 190)
{
	ContactPoint::ask($node, $db, $n % 2 ? 'regress_elsewhere' : 'regress_manager',
		'SELECT contactpoint.shield(' . base_child($n) . ", 'in danger', 'fled', false)");
}
send_rows('whole', $some);
my $whole = outcomes('whole');
like($whole, qr/^(hold\|[0-9]\|0\n)?match\|(\d+)\|\2$/, 'rows about known children come to them');
my $keys_before = $node->safe_psql($db, 'SELECT md5(string_agg(key::text, \' \' ORDER BY key, child_id)) FROM contactpoint.match_key');
$halting = halt_half_way('rekey', 'rekey');
my $reached = $node->safe_psql($db, q{SELECT reached FROM contactpoint.job WHERE job = 'rekey'});
is($node->safe_psql($db, 'SELECT count(*) FROM contactpoint.key_version'), 2, 'while the registry is re-keyed there are two versions of keys');
is($node->safe_psql($db, 'SELECT count(DISTINCT key_version) FROM contactpoint.match_person'), 2, 'half of the records under each');

# Children on both sides of where it halts.
is( $node->safe_psql($db, "SELECT count(*) FILTER (WHERE child_id <= $reached) > 0, count(*) FILTER (WHERE child_id > $reached) > 20 FROM base WHERE $some"),
	't|t', 'there are rows to send about records on both sides');
send_rows('half', $some);
is(outcomes('half'), $whole, 'half way they come to them as well');
ContactPoint::ask($node, $db, 'regress_feed', q{INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth)
	VALUES ('health', 'fresh', 'Quentin', 'Oglethorpe', 'M', '2011-11-11')});
ContactPoint::ask($node, $db, 'regress_manager', "CALL contactpoint.settle('1 minute')");
is(look('regress_practitioner', q{SELECT count(*) FROM contactpoint.child WHERE family_name = 'Oglethorpe'}), 1, 'a new one gets a record, and reading goes on');
ContactPoint::refused($node, $db, 'regress_manager',
	"INSERT INTO contactpoint.child (given_names, family_name, sex, date_of_birth) SELECT given_names, family_name, sex, date_of_birth FROM contactpoint.child WHERE child_id = "
	  . base_child(2999), 'KC001', 'a look needs its reason still');
for my $end ('min', 'max')
{
	my $known = $node->safe_psql($db, "SELECT format('%L, %L, %L, %L', given_names, family_name, sex, date_of_birth) FROM base
		WHERE child_id = (SELECT $end(child_id) FROM base)");
	ContactPoint::refused($node, $db, 'regress_manager',
		"INSERT INTO contactpoint.child (given_names, family_name, sex, date_of_birth) VALUES ($known)",
		'KC004', "the guard on records by hand finds the $end" . 'imum too');
}

# The worker goes, then the server.
$node->safe_psql($db, q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'contactpoint jobs'});
ok($node->poll_query_until($db, q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'contactpoint jobs' AND wait_event_type = 'Lock'}),
	'a worker that was ended is started again');
is($node->safe_psql($db, q{SELECT reached FROM contactpoint.job WHERE job = 'rekey'}), $reached, 'and stands where the other one was');
$node->stop('immediate');
$node->start;
ok(job_done('rekey'), 're-keying goes on after a crash of the server');
is($node->safe_psql($db, 'SELECT count(*) FROM contactpoint.key_version'), 1, 'then the former version is out of use');
is($node->safe_psql($db, 'SELECT count(*) FROM contactpoint.match_person p WHERE p.key_version <> (SELECT version FROM contactpoint.key_version)'),
	0, 'and no record is left under it');
isnt($node->safe_psql($db, 'SELECT md5(string_agg(key::text, \' \' ORDER BY key, child_id)) FROM contactpoint.match_key'),
	$keys_before, 'the keys are others than before');
send_rows('after', $some);
is(outcomes('after'), $whole, 'so they do afterwards');
my $kept = kept();
$node->safe_psql($db, 'SET contactpoint.allow_drop = on; SELECT contactpoint._rekey_all()');
ok(kept() eq $kept, 'what is kept is what _rekey_all() makes, and no entry more');
is( ContactPoint::ask($node, $db, 'regress_admin', "SELECT contactpoint.rekey('1 minute')"),
	$children + 13, 'an admin may re-key, and wait');
is( look('regress_auditor', q{SELECT count(*) FROM contactpoint.audit WHERE command = 'rekey' AND "session_user" = 'regress_admin' AND outcome = 'done'}),
	1, 'which is on record');

# ---------- a new version of the weights ----------

# The matcher has the first one loaded.
sub score_of
{
	my ($ref) = @_;

	send_rows($ref, 'n = 2000');
	return $node->safe_psql($db, "SELECT score FROM contactpoint.settlement WHERE source_ref = '$ref-2000' AND outcome = 'match'");
}
my $score = score_of('weight-1');
my $matcher = q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'contactpoint matcher'};
my $pid = $node->safe_psql($db, $matcher);
$node->safe_psql($db, q{SET contactpoint.allow_drop = on; INSERT INTO contactpoint.weight (version, field, level, match, household, twin)
	SELECT version + 1, field, level, match + 3, household, twin FROM contactpoint.weight
	WHERE field = 'given' AND level = 'equal' ORDER BY version DESC LIMIT 1});
isnt(score_of('weight-2'), $score, 'a new version of a weight counts from its commit on');
is($node->safe_psql($db, $matcher), $pid, 'for those who had the former one');

# ---------- an error of the matcher's own, between two batches ----------

my $locker = $node->background_psql($db);
$locker->query_safe('BEGIN; LOCK TABLE contactpoint.job IN ACCESS EXCLUSIVE MODE');
$node->poll_query_until($db, "$matcher AND wait_event_type = 'Lock'", $pid) or die 'the matcher does not look for jobs';
my $offset = -s $node->logfile;
$node->safe_psql($db, "SELECT pg_cancel_backend($pid)");
$node->wait_for_log(qr/matcher met SQLSTATE 57014|\(PID $pid\) exited/, $offset);
$locker->query_safe('ROLLBACK');
$locker->quit;
is($node->safe_psql($db, $matcher), $pid, 'a matcher that meets an error when it looks for jobs goes on');

done_testing();
