# Without shared_preload_libraries the registry is closed, for everybody and by
# every way in; nothing is ever read silently because a setting was lost.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use ContactPoint;

my $db = 'contactpoint';
my $node = ContactPoint::start('preload', preload => 0, extension => 0);

sub restart_preloading
{
	my ($libraries) = @_;

	$node->append_conf('postgresql.conf',
		"shared_preload_libraries = '$libraries'");
	$node->restart;
	return;
}

# ---------- a server that never had the library ----------

for my $first ('', "LOAD 'contactpoint'; ")
{
	ContactPoint::refused($node, $db, undef,
		"SET client_min_messages = warning; ${first}CREATE EXTENSION contactpoint CASCADE",
		'KC008', "not preloaded: ${first}CREATE EXTENSION is refused");
}
is( $node->safe_psql(
		$db,
		"SELECT (SELECT count(*) FROM pg_extension WHERE extname = 'contactpoint') + (SELECT count(*) FROM pg_namespace WHERE nspname = 'contactpoint')"
	),
	'0',
	'not preloaded: nothing is left of it');

# ---------- a registry that loses the library ----------

restart_preloading('contactpoint');
$node->safe_psql($db,
	'SET client_min_messages = warning; CREATE EXTENSION contactpoint CASCADE'
);
my $child = ContactPoint::fill($node, $db);
my $hidden = $child->{'Philippa Jane'};

my $look = "SET contactpoint.reason = 'to compare'; "
  . 'SELECT * FROM contactpoint.record ORDER BY child_id';
my $seen = ContactPoint::ask($node, $db, 'regress_practitioner', $look);
like($seen, qr/Rosalind/, 'preloaded: a practitioner reads');

# a partitioned table without a partition opens nothing
ok( $node->poll_query_until($db,
		'SELECT size > 0 FROM contactpoint.audit_head()'),
	'preloaded: something is under seal');
restart_preloading('');

# Every table that holds rows about children; TOAST tables may, too.
my @tables = split /\n/, $node->safe_psql(
	$db, q{
	SELECT c.oid::regclass FROM pg_class c
	WHERE c.relnamespace = 'contactpoint'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
	UNION ALL
	SELECT t.oid::regclass FROM pg_class c JOIN pg_class t ON t.oid = c.reltoastrelid
	WHERE c.relnamespace = 'contactpoint'::regnamespace
	ORDER BY 1});
cmp_ok(scalar(@tables), '>', 40, 'the tables are found');
for my $table (@tables)
{
	ContactPoint::refused($node, $db, undef, "SELECT * FROM $table",
		'KC008', "not preloaded, refused to a superuser: $table");
}

for my $way (
	'SELECT * FROM contactpoint.child',
	'SELECT * FROM contactpoint.record',
	'SELECT count(*) FROM contactpoint.address',
	q{SELECT * FROM contactpoint.search(family_name => 'Cartwright')},
	'COPY contactpoint.child TO STDOUT',
	'COPY (SELECT * FROM contactpoint.child) TO STDOUT',
	'BEGIN READ ONLY; DECLARE c CURSOR FOR SELECT * FROM contactpoint.child; FETCH c')
{
	ContactPoint::refused($node, $db, 'regress_practitioner',
		"SET contactpoint.reason = 'look'; $way",
		'KC008', "not preloaded, refused to a practitioner: $way");
}
for my $way (
	'COPY contactpoint.child TO STDOUT',
	'COPY contactpoint.address_vault TO STDOUT',
	'COPY contactpoint.journal TO STDOUT',
	'COPY (SELECT * FROM contactpoint.child) TO STDOUT',
	'CREATE TABLE public.gone AS SELECT * FROM contactpoint.child',
	'ALTER TABLE contactpoint.child SET ACCESS METHOD heap',
	'CREATE INDEX ON contactpoint.address_vault (postcode)',
	'ANALYZE contactpoint.child',
	'DELETE FROM contactpoint.child',
	'TRUNCATE contactpoint.child CASCADE',
	'DROP EXTENSION contactpoint CASCADE',
	'DELETE FROM contactpoint.journal',
	"SELECT contactpoint.shield($hidden, 'why', 'harm')",
	'SELECT contactpoint.validate_restore()',
	"CALL contactpoint.settle('1 second')",
	q{INSERT INTO contactpoint.upload (source, source_ref) VALUES ('school', 'x')}
  )
{
	ContactPoint::refused($node, $db, undef, $way,
		'KC008', "not preloaded, refused to a superuser: $way");
}
for my $rel ('child', 'address', 'journal')
{
	ContactPoint::refused($node, $db, undef,
		"LOAD 'contactpoint'; SELECT * FROM contactpoint.$rel",
		'KC008', "LOAD does not open $rel");
}
for my $way (
	"INSERT INTO contactpoint.upload (source, source_ref) VALUES ('school', 'x')",
	"SELECT contactpoint.shield($hidden, 'why', 'harm')",
	'SELECT contactpoint.validate_restore()',
	'COPY contactpoint.journal TO STDOUT',
	'CREATE INDEX ON contactpoint.address_vault (postcode)',
	'ALTER TABLE contactpoint.child DISABLE ROW LEVEL SECURITY')
{
	ContactPoint::refused($node, $db, undef, "LOAD 'contactpoint'; $way",
		'KC008', "nor is it there after LOAD: $way");
}
is( $node->safe_psql(
		$db,
		q{LOAD 'contactpoint'; SELECT count(*) FROM pg_settings WHERE name LIKE 'contactpoint.%'}
	),
	'0',
	'LOAD makes no settings');
is( $node->safe_psql(
		$db,
		q{LOAD 'contactpoint'; BEGIN; CREATE TABLE gone (child_id bigint); SELECT count(*) FROM gone; ROLLBACK}
	),
	'0',
	'and is in nobody\'s way');
{
	local $ENV{PGOPTIONS} = '-c session_preload_libraries=contactpoint';
	ContactPoint::refused($node, $db, undef,
		'SELECT * FROM contactpoint.child',
		'KC008', 'nor does session_preload_libraries');
}
ContactPoint::refused($node, $db, 'regress_auditor',
	"SET contactpoint.reason = 'look'; SELECT * FROM contactpoint.audit",
	'KC008', 'not preloaded, refused to an auditor: audit');

for my $option ([], ['-a'], [ '-t', 'contactpoint.child' ])
{
	$node->command_fails_like(
		[ 'pg_dump', @$option, '-f', '/dev/null', $db ],
		qr/contactpoint is not preloaded.*HINT: .*shared_preload_libraries/s,
		"not preloaded, refused: pg_dump @$option");
}
is( $node->safe_psql(
		$db, "SELECT count(*) FROM pg_class WHERE relname = 'gone'"),
	'0',
	'not preloaded: no copy was made');

# Where the library is missing nobody refuses this.
my $capture = $node->safe_psql($db,
	"SELECT pg_get_functiondef('contactpoint._capture(oid, bigint)'::regprocedure)"
);
$node->safe_psql($db,
	q{CREATE OR REPLACE FUNCTION contactpoint._capture(relation oid, child_id bigint) RETURNS boolean LANGUAGE sql AS 'SELECT true'}
);

# ---------- and gets it back ----------

restart_preloading('contactpoint');
ContactPoint::refused($node, $db, 'regress_practitioner', $look,
	'KC006', 'preloaded again: a capture that records nothing is not taken');
$node->safe_psql($db, "SET contactpoint.allow_drop = on; $capture");
is(ContactPoint::ask($node, $db, 'regress_practitioner', $look),
	$seen, 'preloaded again: a practitioner reads the same');
ContactPoint::ask($node, $db, 'regress_feed', <<'SQL');
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
('health', 'pr-1', 1, 'Rosalynd', 'Cartwright', 'F', '2010-01-20', '2 Same House', 'SI1 1AA'),
('health', 'pr-2', 1, 'Wilhelmina', 'Ravenscroft', 'F', '2011-03-30', '9 Hill Top', 'RA1 1AA');
SQL
ContactPoint::ask($node, $db, 'regress_manager',
	'CALL contactpoint.settle()');
is( $node->safe_psql(
		$db, q{SELECT string_agg(outcome, ' ' ORDER BY source_ref) FROM contactpoint.settlement WHERE source_ref LIKE 'pr-%'}
	),
	'match new',
	'preloaded again: uploads are matched');
is( ContactPoint::ask(
		$node, $db, 'regress_social', <<"SQL"),
SET contactpoint.reason = 'core group';
SELECT contactpoint.open_shielded($hidden, 'core group') > now();
SELECT count(*) FROM contactpoint.address WHERE child_id = $hidden;
SQL
	"t\n1",
	'preloaded again: the vault is opened with cause');
is( $node->safe_psql(
		$db, q{SELECT count(*) > 0 FROM contactpoint.audit WHERE reason = 'core group' AND vault}
	),
	't',
	'preloaded again: looks are recorded');

$node->stop;
done_testing();
