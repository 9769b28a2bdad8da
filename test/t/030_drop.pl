# The registry does not go by accident; where somebody means it, it goes whole.
# Its matcher is in nobody's way.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use ContactPoint;

my $db = 'contactpoint';
my $node = ContactPoint::start('drop', extension => 0);
my $create =
  'SET client_min_messages = warning; CREATE EXTENSION contactpoint CASCADE';

# What there is of the extension: members, objects of its schema and library.
my $remains = q{
	SELECT count(*) FROM pg_extension WHERE extname = 'contactpoint'
	UNION ALL SELECT count(*) FROM pg_namespace WHERE nspname = 'contactpoint'
	UNION ALL SELECT count(*) FROM pg_proc WHERE probin LIKE '%contactpoint%'
	UNION ALL SELECT count(*) FROM pg_am WHERE amname = 'contactpoint_heap'
	UNION ALL SELECT count(*) FROM pg_event_trigger
	UNION ALL SELECT count(*) FROM pg_policy
	UNION ALL SELECT count(*) FROM pg_class WHERE relnamespace::regnamespace::text !~ '^(pg_|information_schema)'};
my $nothing = join "\n", (0) x 7;

sub matchers
{
	my ($dbname) = @_;
	return
	  "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'contactpoint matcher' AND datname = '$dbname'";
}

# One more child, by way of the inbox: the matcher is at work.
sub upload_one
{
	my ($dbname, $ref) = @_;
	my %person = (
		'dr-1' => "'Wilhelmina', 'Ravenscroft', '2011-03-30'",
		'dr-2' => "'Ignatius', 'Popplewell', '2014-10-02'",
		'dr-3' => "'Bronwen', 'Macallister', '2009-07-17'");

	ContactPoint::ask($node, $dbname, 'regress_feed',
		"INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, date_of_birth, postcode) "
		  . "VALUES ('health', '$ref', 1, $person{$ref}, 'DR1 1AA')"
	);
	ContactPoint::ask($node, $dbname, 'regress_manager',
		"CALL contactpoint.settle('30 seconds')");
	return $node->safe_psql($dbname,
		"SELECT count(*) FROM contactpoint.source_link JOIN contactpoint.child USING (child_id) WHERE source_ref = '$ref'"
	);
}

# ---------- an empty registry ----------

# made and owned by a superuser who may leave
$node->safe_psql($db, 'CREATE ROLE regress_dba LOGIN SUPERUSER');
ContactPoint::ask($node, $db, 'regress_dba', $create);
$node->safe_psql($db, 'DROP EXTENSION contactpoint');
is($node->safe_psql($db, $remains), $nothing,
	'an empty registry drops freely, and whole');

# ---------- one without children, into which somebody has looked ----------

ContactPoint::ask($node, $db, 'regress_dba', $create);
ContactPoint::ask($node, $db, 'regress_dba',
	'SELECT count(*) FROM contactpoint.child');

# the sealer makes the month's table first: each would wait for the other
ok( $node->poll_query_until(
		$db, 'SELECT size > 0 FROM contactpoint.audit_head()'),
	'the look is under seal');
ContactPoint::refused($node, $db, undef, 'DROP EXTENSION contactpoint',
	'KC009', 'an audit is not dropped with the last child');
$node->safe_psql($db,
	'SET contactpoint.allow_drop = on; DROP EXTENSION contactpoint');

# ---------- one with children ----------

ContactPoint::ask($node, $db, 'regress_dba', $create);
ContactPoint::fill($node, $db);
my $count = 'SELECT count(*) FROM contactpoint.child';

for my $way (
	'DROP EXTENSION contactpoint',
	'DROP EXTENSION contactpoint CASCADE',
	'DROP EXTENSION pg_trgm CASCADE',
	'DROP EXTENSION pgcrypto CASCADE',
	'DROP OWNED BY regress_dba CASCADE',
	'DROP SCHEMA contactpoint CASCADE',
	'ALTER EXTENSION contactpoint DROP TABLE contactpoint.child; DROP TABLE contactpoint.child CASCADE',
	'ALTER EXTENSION contactpoint DROP TABLE contactpoint.address; DROP TABLE contactpoint.address CASCADE',
	'ALTER EXTENSION contactpoint DROP TABLE contactpoint.address_vault; DROP TABLE contactpoint.address_vault',
	'ALTER EXTENSION contactpoint DROP TABLE contactpoint.shield; DROP TABLE contactpoint.shield CASCADE',
	'ALTER EXTENSION contactpoint DROP TABLE contactpoint.journal; DROP TABLE contactpoint.journal CASCADE',
	'TRUNCATE contactpoint.child CASCADE',
	'TRUNCATE contactpoint.address_vault',
	'TRUNCATE contactpoint.shield',
	'TRUNCATE contactpoint.journal')
{
	# each in one transaction, so that a test that fails changes nothing
	my ($status, $stdout, $stderr) = ContactPoint::as($node, $db, undef,
		"BEGIN; SET LOCAL client_min_messages = warning; $way");
	ok( $status == 3
		  && $stderr =~ ($way eq 'DROP SCHEMA contactpoint CASCADE'
			? qr/ERROR:  2BP01: .*HINT:  /s      # core says it first
			: qr/ERROR:  KC009: .*HINT:  /s),
		"refused: $way") || diag("exit status $status: $stderr");
}
is($node->safe_psql($db, $count), '3', 'the children are still there');

# The switch is for superusers.
my ($status, $stdout, $stderr) =
  ContactPoint::as($node, $db, 'regress_admin',
	'SET contactpoint.allow_drop = on');
like($stderr, qr/42501/, 'an admin of the registry cannot allow it');

# ---------- databases, with the matcher in them ----------

is(upload_one($db, 'dr-1'), '1', 'the matcher works');
ok($node->poll_query_until('postgres', matchers($db)),
	'and stays in the database');
is($node->psql('postgres', "CREATE DATABASE copy TEMPLATE $db"),
	0, 'CREATE DATABASE ... TEMPLATE works although the matcher was connected');
is($node->safe_psql('copy', $count), '4', 'the copy has the children');
is(upload_one('copy', 'dr-2'), '1', 'a matcher works in the copy');
is(upload_one($db, 'dr-2'), '1', 'and again in the template');
ok( $node->poll_query_until(
		'postgres', matchers('copy') . " AND (" . matchers($db) . ")"),
	'each has its own');
is($node->psql('postgres', 'ALTER DATABASE copy RENAME TO copied'),
	0, 'so does ALTER DATABASE ... RENAME');
is(upload_one('copied', 'dr-3'), '1', 'a renamed database has a matcher');
ok($node->poll_query_until('postgres', matchers('copied')),
	'which stays there');
is($node->psql('postgres', 'DROP DATABASE copied'),
	0, 'DROP DATABASE works although the matcher was connected');
is( $node->safe_psql('postgres',
		"SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'contactpoint matcher' AND datname IS DISTINCT FROM '$db'"
	),
	'0',
	'and its matcher is gone');

# Whoever may not drop a database cannot send its matcher away either.
ok($node->poll_query_until('postgres', matchers($db)), 'a matcher is there');
my $pid = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'contactpoint matcher'";
my $before = $node->safe_psql('postgres', $pid);
ContactPoint::as($node, 'postgres', 'regress_nobody', "DROP DATABASE $db");
is($node->safe_psql('postgres', $pid),
	$before, 'a stranger\'s DROP DATABASE does not disturb the matcher');

# ---------- somebody means it ----------

# A session that knew the old registry works with the new one.
my $manager = $node->background_psql($db,
	extra_params => [ '-U', 'regress_manager' ]);
is( $manager->query_safe(
		"SET contactpoint.reason = 'before and after'; $count"),
	'5',
	'a session reads');
$node->safe_psql($db,
	'SET contactpoint.allow_drop = on; DROP EXTENSION contactpoint');
is($node->safe_psql($db, $remains),
	$nothing, 'allowed, the registry drops whole');
like(
	slurp_file($node->logfile),
	qr/LOG:  DROP EXTENSION by role "\w+" with contactpoint.allow_drop/,
	'and the log tells who did it');
is( $node->safe_psql($db, '\dx+'),
	$node->safe_psql($db, '\dx+ pg_trgm') . "\n"
	  . $node->safe_psql($db, '\dx+ pgcrypto') . "\n"
	  . $node->safe_psql($db, '\dx+ plpgsql'),
	'\dx+ shows nothing of it');
is( $node->safe_psql(
		$db,
		q{SELECT count(*) FROM pg_roles WHERE rolname ~ '^contactpoint_'}),
	'7',
	'the group roles outlive it');
$node->safe_psql($db, 'CREATE EXTENSION contactpoint');
ContactPoint::people($node, $db);
is(upload_one($db, 'dr-1'), '1', 'a new registry works');
is($manager->query_safe("SET contactpoint.reason = 'after'; $count"),
	'1', 'also in the session that knew the old one');
$manager->quit;

# ---------- where it cannot be made ----------

$node->safe_psql('postgres', 'CREATE DATABASE squatted');
$node->safe_psql('squatted',
	'CREATE ROLE regress_squatter LOGIN; GRANT CREATE ON DATABASE squatted TO regress_squatter'
);
ContactPoint::ask($node, 'squatted', 'regress_squatter',
	'CREATE SCHEMA contactpoint');
($status, $stdout, $stderr) =
  ContactPoint::as($node, 'squatted', undef, $create);
like($stderr, qr/ERROR:  42P06: /,
	'refused in a schema that somebody else has made');
is( $node->safe_psql(
		'squatted',
		"SELECT count(*) FROM pg_extension WHERE extname = 'contactpoint'"),
	'0',
	'no registry there');

$node->safe_psql('postgres',
	"CREATE DATABASE ascii TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'");
$node->safe_psql('postgres',
	"CREATE DATABASE plain_c TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"
);
$node->safe_psql('postgres',
	"CREATE DATABASE posix TEMPLATE template0 ENCODING 'UTF8' LC_CTYPE 'POSIX'");
for my $dbname ('ascii', 'plain_c', 'posix')
{
	ContactPoint::refused($node, $dbname, undef, $create,
		'0A000', "refused in database $dbname");
}

$node->stop;
done_testing();
