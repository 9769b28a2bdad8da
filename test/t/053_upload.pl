# The inbox where it is not as usual: in a database that does not compare texts by
# their bytes, and behind a subscription.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use ContactPoint;

my $settle = "CALL contactpoint.settle('1 minute')";
my $columns = 'source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode';
my @given = qw(Adelaide Barnaby Clementine Dorian Evangeline Fitzgerald Gwendolen Horatio Isadora Jeremiah);
my @family = qw(Abernathy Blackwood Carmichael Dunsmore Ellsworth Featherstone Galbraith Hawthorne Ingleby Jessop);
my $node = ContactPoint::start('upload', conf => "wal_level = logical\nmax_wal_senders = 4\n");

# ---------- texts in the order of a language ----------

my $icu = $node->safe_psql('postgres', q{SELECT count(*) FROM pg_collation WHERE collname = 'en-x-icu'});

SKIP:
{
	skip 'PostgreSQL was built without ICU', 6 if $icu eq '0';
	my $db = 'icu';
	my @sources = ('Zebra', 'apple', 'Birch', 'cedar', "\xC3\x84pfel", 'zoo', 'a-b', 'ab', 'A b', 'aC');

	$node->safe_psql('postgres', qq{CREATE DATABASE $db LOCALE_PROVIDER icu ICU_LOCALE 'en' TEMPLATE template0});
	$node->safe_psql('postgres', "ALTER SYSTEM SET contactpoint.databases = 'contactpoint, $db'");
	$node->restart;
	$node->safe_psql($db, 'CREATE EXTENSION contactpoint CASCADE');
	ContactPoint::people($node, $db);
	$node->safe_psql($db, 'INSERT INTO contactpoint.source (source, organisation_id, feed_role) VALUES '
		  . join ', ', map {"('$_', 1, 'regress_feed')"} @sources);

	# Each under a reference that sorts otherwise by its bytes.
	my $send = sub {
		my ($address) = @_;
		my $i = 0;

		ContactPoint::ask($node, $db, 'regress_feed', "INSERT INTO contactpoint.upload ($columns) VALUES "
			  . join ', ', map {
				$i++;
				sprintf "('%s', '%s', '%s', '%s', 'U', '19%d-%02d-%02d', '%s', 'OR%d 1DE')", $_,
				  ($i % 2 ? 'b' : 'B') . ($i % 3 ? '-' : '') . $i, $given[ $i - 1 ], $family[ $i - 1 ],
				  55 + 4 * $i, $i, 28 - 2 * $i, "$address $i", 5 * $i
			  } @sources);
		ContactPoint::ask($node, $db, 'regress_manager', $settle);
		return;
	};
	my $outcomes = q{SELECT string_agg(outcome || ' ' || n, ', ' ORDER BY outcome)
		FROM (SELECT outcome, count(*) AS n FROM contactpoint.settlement GROUP BY 1) _};

	$send->('1 Order Street');
	is($node->safe_psql($db, $outcomes), 'new 10', 'every source is found, every row is settled');
	is($node->safe_psql($db, 'SELECT count(*) FROM contactpoint.source_link'), '10', 'every reference has its link');
	$send->('1 Order Street');
	is($node->safe_psql($db, $outcomes), 'match 10, new 10', 'every reference is found again');
	$send->('2 Order Street');
	is($node->safe_psql($db, "SELECT count(*), count(*) FILTER (WHERE address LIKE '2 %') FROM contactpoint.address"),
		'10|10', 'and so is what it sent');
	is($node->safe_psql($db, 'SELECT count(*) FROM contactpoint.upload'), '0', 'nothing stays in the inbox');
	is( $node->safe_psql($db, 'SELECT count(*) FROM contactpoint.receipt WHERE settled_at IS NULL'),
		'0', 'all receipts say settled');
}

# ---------- a subscription ----------

my $db = 'contactpoint';

ContactPoint::people($node, $db);
$node->safe_psql('postgres', 'CREATE DATABASE far');
$node->safe_psql('far', q{
	CREATE SCHEMA contactpoint;
	CREATE TABLE contactpoint.upload (source text, source_ref text PRIMARY KEY, given_names text);
	CREATE PUBLICATION rows FOR TABLE contactpoint.upload});
$node->safe_psql('far', q{SELECT pg_create_logical_replication_slot('rows', 'pgoutput')});
my $log = -s $node->logfile;
$node->safe_psql($db, sprintf q{CREATE SUBSCRIPTION rows CONNECTION '%s dbname=far' PUBLICATION rows
	WITH (create_slot = false, slot_name = 'rows', copy_data = false)}, $node->connstr =~ s/'/''/gr);
$node->safe_psql('far', q{INSERT INTO contactpoint.upload VALUES ('school', 'far-1', 'Fern')});
ok( $node->wait_for_log(qr/uploads cannot come through a subscription/, $log),
	'a row that comes through a subscription is refused');
is( $node->safe_psql($db, 'SELECT (SELECT count(*) FROM contactpoint.upload), (SELECT count(*) FROM contactpoint.receipt)'),
	'0|0', 'neither row nor receipt is there');
$node->safe_psql($db, 'ALTER SUBSCRIPTION rows DISABLE');
$node->safe_psql($db, 'ALTER SUBSCRIPTION rows SET (slot_name = NONE)');
$node->safe_psql($db, 'DROP SUBSCRIPTION rows');

$node->stop;
done_testing();
