# The ledger: every entry sealed once and in order, provable to an outsider, and
# whoever tampers with it is found out.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use ContactPoint;

my $db = 'contactpoint';
my $node = ContactPoint::start('ledger', checksums => 0, conf => "restart_after_crash = on\nmax_connections = 40");
my $child = ContactPoint::fill($node, $db);
my $rosalind = $child->{Rosalind};
my $hidden = $child->{'Philippa Jane'};
my $reader = 'regress_practitioner';

# Looks by two sessions of one reader, $n each.
sub look
{
	my ($n) = @_;
	my $sql = "SET contactpoint.reason = 'ledger';"
	  . "SELECT given_names FROM contactpoint.child WHERE child_id = $rosalind;"
	  x $n;

	ContactPoint::ask($node, $db, $reader, $sql) for 1 .. 2;
	return;
}

# Waits until all that is in the journal now is sealed.
sub sealed
{
	my ($dbname) = @_;
	my $last = $node->safe_psql($dbname,
		'SELECT greatest(max(entry), count(*)) FROM contactpoint.audit');

	$node->poll_query_until($dbname,
		"SELECT size >= $last FROM contactpoint.audit_head()")
	  or die 'nothing is sealed';
	return;
}

sub head
{
	my ($dbname) = @_;
	return split /\|/,
	  $node->safe_psql($dbname, 'SELECT size, root FROM contactpoint.audit_head()');
}

# What a superuser reads, without the words about it.
sub value
{
	my ($dbname, $sql) = @_;
	return $node->safe_psql($dbname, $sql);
}

# True if the outsider's script accepts what the database hands out.
sub inclusion_proven
{
	my ($dbname, $entry, $size, $root) = @_;
	my ($status, $out) = ContactPoint::as($node, $dbname, undef, qq{
		SELECT encode(leaf, 'hex'), (SELECT string_agg(encode(h, 'hex'), ' ' ORDER BY i) FROM unnest(path) WITH ORDINALITY u(h, i))
		FROM contactpoint.audit_inclusion_proof($entry, $size)});
	my ($leaf, $path) = split /\|/, $out;

	return 0 if $status != 0 || !defined $leaf || $leaf eq '';
	return system_quiet('inclusion', $entry, $size, $root =~ s/^\\x//r, $leaf,
		split / /, $path // '');
}

sub consistency_proven
{
	my ($dbname, $old, $old_root, $new, $new_root) = @_;
	my ($status, $path) = ContactPoint::as($node, $dbname, undef, qq{
		SELECT string_agg(encode(h, 'hex'), ' ' ORDER BY i)
		FROM unnest(contactpoint.audit_consistency_proof($old, $new)) WITH ORDINALITY u(h, i)});

	return 0 if $status != 0;
	return system_quiet('consistency', $old, $old_root =~ s/^\\x//r, $new,
		$new_root =~ s/^\\x//r, split / /, $path // '');
}

sub system_quiet
{
	my ($stdout, $stderr);
	return IPC::Run::run([ $^X, 'test/outsider.pl', @_ ],
		'>', \$stdout, '2>', \$stderr);
}

# ---------- sealed once, in order ----------

look(100);
sealed($db);
my ($first_size, $first_root) = head($db);
cmp_ok($first_size, '>', 200, 'looks are sealed');
look(70);
sealed($db);
my ($size, $root) = head($db);

# the same order of time, process and number as if all had been sealed at once
is( value(
		$db, qq{
		SELECT count(*), min(entry), max(entry), count(DISTINCT entry), count(DISTINCT (pid, seq, at)),
			bool_and(n = entry)
		FROM (SELECT *, row_number() OVER (ORDER BY at, pid, seq) AS n FROM contactpoint.ledger WHERE entry <= $size) l}
	),
	"$size|1|$size|$size|$size|t",
	'entries are numbered without gaps in the order in which they were made');
is( value(
		$db, q{
		SELECT count(*) FROM (SELECT seq - lag(seq) OVER (PARTITION BY pid ORDER BY entry) AS step FROM contactpoint.ledger) l
		WHERE step <> 1}),
	'0',
	'no entry of any session is missing or out of order');
is( value(
		$db, "SELECT count(*) FROM contactpoint.journal j JOIN contactpoint.ledger l USING (pid, seq, at)"
	),
	'0',
	'no entry is in the journal and in the ledger');
my $before = value($db, 'SELECT max(entry) FROM contactpoint.audit');
ContactPoint::ask($node, $db, $reader,
	"SET contactpoint.reason = 'fresh'; SELECT count(*) FROM contactpoint.child WHERE child_id = $rosalind"
);
my $fresh = value($db, q{SELECT entry, reason FROM contactpoint.audit WHERE reason = 'fresh'});
sealed($db);
is(value($db, q{SELECT entry, reason FROM contactpoint.audit WHERE reason = 'fresh' AND sealed}),
	$fresh, 'an entry keeps the number it had before it was sealed');

# ---------- proofs ----------

is( value($db, "SELECT intact, first_bad, checked FROM contactpoint.audit_verify(1, $size, '$root')"),
	"t||$size",
	'the ledger is intact under an exported head');
is( value($db, "SELECT intact, checked FROM contactpoint.audit_verify(1, $first_size, '$first_root')"),
	"t|$first_size",
	'and under an older one');
is( value($db, "SELECT intact, checked FROM contactpoint.audit_verify(130, $size, '$root')"),
	't|' . ($size - 129),
	'and from an entry in the middle on');
is( value($db, "SELECT intact FROM contactpoint.audit_verify(1, $size, '$first_root')"),
	'f',
	'a root of another size is not accepted');
my @entries = (1, 2, 63, 64, 65, 128, $first_size, $size);
ok(inclusion_proven($db, $_, $size, $root), "an outsider accepts entry $_ of $size")
  for @entries;
ok(inclusion_proven($db, 64, $first_size, $first_root),
	'and an entry under the older head');
ok( consistency_proven($db, $first_size, $first_root, $size, $root),
	'and that the older ledger is the beginning of the newer one');

# every size of a small tree, against roots that were exported at the time
my @small = (1, 2, 3, 4, 7, 8, 63, 64, 65, 127, 128, 129, 200);
my %root_of = map {
	my $n = $_;
	$n => '\\x' . unpack 'H*', merkle(leaf_hashes($n))
} @small;
my $wrong = 0;
for my $old (@small)
{
	for my $new (grep { $_ >= $old } @small)
	{
		$wrong++
		  unless consistency_proven($db, $old, $root_of{$old}, $new, $root_of{$new});
	}
	$wrong++
	  unless inclusion_proven($db, $old, $small[-1], $root_of{ $small[-1] });
}
is($wrong, 0, 'proofs between all sizes of a small tree agree with a plain recursion');
ok(!consistency_proven($db, 64, $root_of{63}, 200, $root_of{200}),
	'a wrong root is not accepted');

# The definition of RFC 9162, word for word.
sub merkle
{
	my @leaves = @_;
	return $leaves[0] if @leaves == 1;
	my $k = 1;
	$k *= 2 while $k * 2 < @leaves;
	return Digest::SHA::sha256("\x01", merkle(@leaves[ 0 .. $k - 1 ]),
		merkle(@leaves[ $k .. $#leaves ]));
}

my @leaf_hash;

sub leaf_hashes
{
	my ($n) = @_;

	require Digest::SHA;
	@leaf_hash = map {
		my ($at, $pid, $seq, $body) = split /\|/;
		Digest::SHA::sha256(
			"\x00" . pack('q> l> q>', $at, $pid, $seq) . pack('H*', $body))
	  } split /\n/, value($db, q{
		SELECT (extract(epoch FROM at) * 1000000)::bigint, pid, seq, substr(body::text, 3)
		FROM contactpoint.ledger WHERE entry <= 200 ORDER BY entry})
	  unless @leaf_hash;
	return @leaf_hash[ 0 .. $n - 1 ];
}

# ---------- who may ask ----------

for my $sql (
	'SELECT * FROM contactpoint.audit_head()',
	'SELECT * FROM contactpoint.audit_verify()',
	'SELECT * FROM contactpoint.audit_inclusion_proof(1)',
	'SELECT contactpoint.audit_consistency_proof(1, 2)',
	'SELECT * FROM contactpoint.ledger',
	'SELECT * FROM contactpoint.ledger_tile',
	'SELECT * FROM contactpoint.status')
{
	my ($status, undef, $stderr) = ContactPoint::as($node, $db, $reader,
		"SET contactpoint.reason = 'curious'; $sql");
	like($stderr, qr/42501/, "refused to a practitioner: $sql");
}
like(
	ContactPoint::ask($node, $db, 'regress_auditor',
		"SET contactpoint.reason = 'audit'; SELECT intact FROM contactpoint.audit_verify(1, $size, '$root'); SELECT leaf IS NOT NULL FROM contactpoint.audit_inclusion_proof(3)"
	),
	qr/^t\nt$/,
	'an auditor verifies and proves');
is( value($db, q{SELECT DISTINCT command, outcome FROM contactpoint.audit WHERE "session_user" = 'regress_auditor' AND command = 'audit_inclusion_proof'}),
	'audit_inclusion_proof|done',
	'a proof hands out an entry, and is recorded');

my $log = 'SELECT count(*), count("session_user"), count(effective_role), count(organisation), count(reason), count(client), count(application) FROM contactpoint.access_log';
my $looks = ContactPoint::ask($node, $db, 'regress_manager',
	"SET contactpoint.reason = 'who looked'; $log($rosalind)");
like($looks, qr/^(\d+)\|\1\|\1\|/, 'a manager of the authority sees who looked');
ContactPoint::ask($node, $db, $reader,
	"SET contactpoint.reason = 'hidden place 1'; SELECT given_names FROM contactpoint.child WHERE child_id = $hidden"
);
like(
	ContactPoint::ask($node, $db, 'regress_manager',
		"SET contactpoint.reason = 'who looked'; $log($hidden)"),
	qr/^[1-9]\d*\|0\|0\|0\|0\|0\|0$/,
	'of a shielded child nothing that places it');
cmp_ok(
	ContactPoint::ask($node, $db, 'regress_auditor',
		"SET contactpoint.reason = 'who looked'; SELECT count(DISTINCT looker) FROM contactpoint.access_log($hidden)"
	),
	'>', 1,
	'but which looks were made by one person');
for my $other ('regress_elsewhere', $reader)
{
	ContactPoint::refused($node, $db, $other,
		"SET contactpoint.reason = 'not mine'; SELECT * FROM contactpoint.access_log($rosalind)",
		'KC003', "who looked is refused to $other");
}
is( value($db, q{SELECT count(*) FROM contactpoint.audit WHERE command = 'access_log' AND outcome = 'refused'}),
	'2',
	'which is recorded');
like(
	value($db, "EXPLAIN SELECT * FROM contactpoint.audit WHERE children @> ARRAY[$rosalind]"),
	qr/Index Scan on ledger_\d{4}_\d\d_child/,
	'who looked at a child is found by an index');

# ---------- tampering under an exported head ----------

# A copy of the database for each crime.
my $crime = 0;

sub tampered
{
	my ($name, $bad, $sql) = @_;
	my $copy = 'crime' . ++$crime;
	my $partition = value($db, q{SELECT to_char(now() AT TIME ZONE 'UTC', '"ledger_"YYYY_MM')});

	$node->safe_psql('postgres', "CREATE DATABASE $copy TEMPLATE $db");
	$node->safe_psql($copy,
		"SET contactpoint.allow_drop = on; BEGIN; LOCK TABLE contactpoint.ledger_head; "
		  . $sql =~ s/LEDGER/contactpoint.$partition/gr . '; COMMIT');
	my ($intact, $first_bad) = split /\|/, value($copy,
		"SELECT intact, first_bad FROM contactpoint.audit_verify(1, $size, '$root')");
	is("$intact $first_bad", "f $bad", "$name: found, and named");
	ok( !inclusion_proven($copy, $bad, $size, $root),
		"$name: no proof of it against the head");
	$node->safe_psql('postgres', "DROP DATABASE $copy");
	return;
}

my $forged = q{(SELECT body FROM contactpoint.ledger WHERE entry = 5)};
tampered('changed', 77, "UPDATE LEDGER SET body = $forged WHERE entry = 77");
tampered('time changed', 90, "UPDATE LEDGER SET at = at - interval '1 second' WHERE entry = 90");
tampered('deleted', 101, 'DELETE FROM LEDGER WHERE entry = 101');
tampered('deleted, the rest moved up', 101,
	'DELETE FROM LEDGER WHERE entry = 101; DROP INDEX LEDGER_entry; UPDATE LEDGER SET entry = entry - 1 WHERE entry > 101; CREATE UNIQUE INDEX ON LEDGER (entry)');
tampered('reordered', 55,
	'DROP INDEX LEDGER_entry; UPDATE LEDGER SET entry = 115 - entry WHERE entry IN (55, 60); CREATE UNIQUE INDEX ON LEDGER (entry)');
tampered('put in between', 31,
	"UPDATE LEDGER SET entry = -entry WHERE entry > 30; UPDATE LEDGER SET entry = 1 - entry WHERE entry < 0; INSERT INTO LEDGER SELECT month, 31, at, pid, seq, body FROM LEDGER WHERE entry = 5");
tampered('cut off', 150,
	"DELETE FROM LEDGER WHERE entry >= 150; UPDATE contactpoint.ledger_head SET size = 149");
tampered('emptied', 1, 'TRUNCATE LEDGER');
tampered('changed with its hash', 65,
	"UPDATE LEDGER SET body = $forged WHERE entry = 70;"
	  . q{UPDATE contactpoint.ledger_tile t SET hashes = overlay(t.hashes PLACING
		(SELECT sha256('\x00'::bytea || int8send((extract(epoch FROM at) * 1000000)::bigint) || int4send(pid) || int8send(seq)
			|| decode(substr(body::text, 3), 'hex')) FROM contactpoint.ledger WHERE entry = 70)
		FROM 5 * 32 + 1 FOR 32) WHERE level = 0 AND number = 1});

# The sealer does not build on a tree that is not what it left: nothing is
# covered up, and nobody reads.
{
	my $copy = 'rewound';

	$node->safe_psql('postgres', "CREATE DATABASE $copy TEMPLATE $db");
	$node->safe_psql($copy, 'SET contactpoint.allow_drop = on; UPDATE contactpoint.ledger_head SET size = size - 3');
	$node->safe_psql($copy, 'SELECT count(*) FROM contactpoint.child');
	ok( $node->poll_query_until($copy, q{SELECT sealer_error = 'XX001' FROM contactpoint.status}),
		'a head that was set back: the sealer says so');
	is(value($copy, "SELECT intact FROM contactpoint.audit_verify(1, $size, '$root')"),
		't', 'and has covered nothing up');
	$node->safe_psql('postgres', "DROP DATABASE $copy");
}

# The same in the file, past PostgreSQL.
{
	my $copy = 'infile';

	$node->safe_psql('postgres', "CREATE DATABASE $copy TEMPLATE $db");
	$node->safe_psql($copy, 'CHECKPOINT');
	my ($file, $entry, $at, $length) = split /\|/, value(
		$copy, q{
		SELECT pg_relation_filepath(tableoid), entry, (extract(epoch FROM at - timestamptz '2000-01-01 00:00:00+00') * 1000000)::bigint,
			length(body::text) / 2 - 1
		FROM contactpoint.ledger WHERE entry = 41});
	$node->stop;
	my $path = $node->data_dir . "/$file";
	my $bytes = slurp_file($path);
	my $place = index $bytes, pack('q< q<', $entry, $at);
	cmp_ok($place, '>', 0, 'the entry is found in the file');
	# past entry, time, process, number and length of the body
	substr($bytes, $place + 40 + int($length / 2), 1) ^= "\x01";
	open my $out, '>:raw', $path or die "cannot write $path";
	print $out $bytes;
	close $out;
	$node->start;
	my ($intact, $first_bad) = split /\|/, value($copy,
		"SELECT intact, first_bad FROM contactpoint.audit_verify(1, $size, '$root')");
	is("$intact $first_bad", "f $entry", 'changed in the file: found, and named');
	ok(!inclusion_proven($copy, $first_bad, $size, $root),
		'changed in the file: no proof of it against the head');
	$node->safe_psql('postgres', "DROP DATABASE $copy");
}

# Who forges entries and all hashes has another root.
{
	my $copy = 'allforged';
	my $other;

	$node->safe_psql('postgres', "CREATE DATABASE $copy TEMPLATE $db");
	$node->safe_psql($copy, qq{
		SET contactpoint.allow_drop = on;
		BEGIN;
		LOCK TABLE contactpoint.ledger_head;
		INSERT INTO contactpoint.journal (at, pid, seq, body)
		SELECT at, pid, seq, CASE entry WHEN 12 THEN $forged ELSE body END FROM contactpoint.ledger;
		DELETE FROM contactpoint.ledger_tile;
		DELETE FROM contactpoint.ledger_head;
		DELETE FROM contactpoint.ledger_month;
		DROP TABLE contactpoint.ledger_} . value($db, q{SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY_MM')}) . '; COMMIT');
	sealed($copy);
	is( value($copy, 'SELECT intact FROM contactpoint.audit_verify()'),
		't', 'forged as a whole: it agrees with itself');
	is( value($copy, "SELECT intact, first_bad FROM contactpoint.audit_verify(1, $size, '$root')"),
		'f|1',
		'forged as a whole: but not with the head that was exported');
	(undef, $other) = split /\|/, value($copy, 'SELECT size, root FROM contactpoint.audit_head()');
	ok( !inclusion_proven($copy, 12, $size, $root),
		'forged as a whole: nor is there a proof');
	$node->safe_psql('postgres', "DROP DATABASE $copy");
}

# ---------- the sealer is disturbed ----------

my @sessions = map {
	my $session = $node->background_psql($db,
		extra_params => [ '-U', $reader ],
		timeout => 120);
	$session->query_safe("SET contactpoint.reason = 'load $_'");
	$session;
} 1 .. 3;
for my $round (1 .. 5)
{
	$_->query_safe(join ';',
		("SELECT 1 FROM contactpoint.child WHERE child_id = $rosalind") x 40)
	  for @sessions;
	$node->safe_psql($db,
		'SELECT pg_terminate_backend(sealer_pid, 5000) FROM contactpoint.status');
}
$_->quit for @sessions;
sealed($db);
is( value($db, q{SELECT count(*), count(DISTINCT entry) FROM contactpoint.audit WHERE reason LIKE 'load %'}),
	'600|600',
	'a sealer that is ended over and over loses and doubles nothing');
($size, $root) = head($db);
$node->stop('immediate');
$node->start;
is( value($db, "SELECT intact FROM contactpoint.audit_verify(1, $size, '$root')"),
	't', 'a head stands after an immediate stop');

# ---------- retention ----------

my $body = value($db, 'SELECT body FROM contactpoint.ledger WHERE entry = 5');
$node->safe_psql('postgres', 'CREATE DATABASE old');
$node->safe_psql('old', 'SET client_min_messages = warning; CREATE EXTENSION contactpoint CASCADE');
ContactPoint::people($node, 'old');
$node->safe_psql(
	'old', qq{
	INSERT INTO contactpoint.journal (at, pid, seq, body)
	SELECT timestamptz '2010-01-31 23:59:00+00' + i * interval '1 day', 7, i, '$body' FROM generate_series(0, 99) i});
ContactPoint::ask($node, 'old', 'regress_auditor',
	"SET contactpoint.reason = 'first'; SELECT count(*) FROM contactpoint.audit");
sealed('old');
($size, $root) = head('old');
is( value('old', q{SELECT string_agg(first_entry || '-' || last_entry, ' ' ORDER BY month) FROM contactpoint.ledger_month}),
	'1-1 2-29 30-60 61-90 91-100',
	'a month is a range of entries');
my $retire = "SET contactpoint.reason = 'retention'; SELECT contactpoint.retire_audit";
ContactPoint::refused($node, 'old', 'regress_auditor',
	"$retire('2010-01-01', 'too old')", 'KC003', 'retention is refused to auditors');
ContactPoint::refused($node, 'old', 'regress_admin',
	"$retire('2010-02-01', 'too old')", 'KC010', 'the oldest month goes first');
ContactPoint::ask($node, 'old', 'regress_admin', "$retire('2010-01-01', 'too old')");
ContactPoint::ask($node, 'old', 'regress_admin', "$retire('2010-02-14', 'too old')");
is( value('old', "SELECT intact, retired, checked FROM contactpoint.audit_verify(1, $size, '$root')"),
	't|29|' . ($size - 29),
	'the rest is still under the head');
is(value('old', 'SELECT min(entry) FROM contactpoint.audit'),
	'30', 'whole months are gone');
ok(inclusion_proven('old', 30, $size, $root), 'an outsider accepts what is left');
ok(!inclusion_proven('old', 29, $size, $root), 'and not what is gone');
is( value('old', q{SELECT count(*) FROM contactpoint.audit WHERE command = 'retire_audit' AND outcome = 'done'}),
	'2',
	'retention leaves entries itself');
$node->append_conf('postgresql.conf', 'contactpoint.audit_months = 1200');
$node->reload;
ContactPoint::refused($node, 'old', 'regress_admin',
	"$retire('2010-03-01', 'too old')", 'KC010', 'a month that must be kept stays');

$node->stop;
done_testing();
