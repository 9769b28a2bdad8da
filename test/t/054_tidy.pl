# What a shield leaves behind in the open leaves is vacuumed soon, once nobody can
# see it any more; and under a snapshot under which more was shielded than can be
# remembered nothing is read any more.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use ContactPoint;

my $db = 'contactpoint';
my $settle = "CALL contactpoint.settle('3 minutes')";
my $reason = "SET contactpoint.reason = 'visit'";
my $node = ContactPoint::start('tidy');
ContactPoint::people($node, $db);
$node->safe_psql($db, 'CREATE EXTENSION pageinspect');

my $worker = q{FROM pg_stat_activity WHERE backend_type = 'contactpoint jobs'};

# Rows in the heap of a leaf that hold this text, dead ones too.
sub left
{
	my ($text) = @_;
	return $node->safe_psql($db, qq{
		SELECT count(*) FROM generate_series(0, pg_relation_size('contactpoint.address_open') / 8192 - 1) p,
			LATERAL heap_page_items(get_raw_page('contactpoint.address_open', p::int)) i
		WHERE position(convert_to('$text', 'UTF8') IN i.t_data) > 0});
}

ContactPoint::ask($node, $db, 'regress_feed', q{
	INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, date_of_birth, address, postcode) VALUES
	('school', 'td-1', 1, 'Hildegund', 'Verborgen', '2011-11-21', '1 Former Lane', 'TD1 1TD'),
	('school', 'td-2', 1, 'Nepomuk', 'Sichtbar', '2013-02-12', '2 Open Lane', 'TD2 2TD'),
	('school', 'td-3', 1, 'Ottilie', 'Folgend', '2009-05-26', '3 Later Lane', 'TD3 3TD')});
ContactPoint::ask($node, $db, 'regress_manager', $settle);
my %child = map { split /\|/ } split /\n/, $node->safe_psql($db, 'SELECT source_ref, child_id FROM contactpoint.source_link');
is(left('1 Former Lane'), 1, 'an address in the open leaf');

# ---------- while somebody may see it, and after ----------

my $old = $node->background_psql($db, extra_params => [ '-U', 'regress_practitioner' ]);
$old->query_safe("$reason; BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM contactpoint.child");
ContactPoint::ask($node, $db, 'regress_manager', "SELECT contactpoint.shield($child{'td-1'}, 'threats', 'harm', false)");
is(left('1 Former Lane'), 1, 'a shield leaves a dead row');
is(ContactPoint::ask($node, $db, 'regress_practitioner', "$reason; SELECT count(*) FROM contactpoint.address WHERE address ~ 'Former'"),
	'0', 'which nobody reads');
my $locker = $node->background_psql($db);
$locker->query_safe('BEGIN; LOCK TABLE contactpoint.address_open IN SHARE UPDATE EXCLUSIVE MODE');
$old->query_safe('ROLLBACK');
$old->quit;
for my $failed (1 .. 4)
{
	$node->poll_query_until($db, "SELECT count(*) = 1 $worker AND wait_event_type = 'Lock'") or die 'nothing is vacuumed';
	my $offset = -s $node->logfile;
	$node->safe_psql($db, "SELECT pg_cancel_backend(pid) $worker");
	$node->wait_for_log(qr/worker for jobs met SQLSTATE 57014/, $offset);
}
my $offset = -s $node->logfile;
$node->safe_psql($db, "SELECT pg_log_backend_memory_contexts(pid) $worker");
$node->wait_for_log(qr/Grand total/, $offset);
my $contexts = () = substr(slurp_file($node->logfile), $offset) =~ /; contactpoint vacuum: /g;
is($contexts, 1, 'a vacuum that fails is tried again and leaves nothing behind in memory');
$locker->query_safe('ROLLBACK');
$locker->quit;
ok($node->poll_query_until($db, q{
	SELECT NOT EXISTS (SELECT FROM generate_series(0, pg_relation_size('contactpoint.address_open') / 8192 - 1) p,
		LATERAL heap_page_items(get_raw_page('contactpoint.address_open', p::int)) i
		WHERE position('1 Former Lane'::bytea IN i.t_data) > 0)}), 'soon it is gone');
is(left('2 Open Lane'), 1, 'what is open is still there');
ok($node->poll_query_until($db, q{SELECT count(*) = 5 FROM pg_stat_user_tables WHERE relname ~ '_open$' AND vacuum_count > 0}),
	'all open leaves are vacuumed');

# ---------- a crash in between ----------

$node->safe_psql($db, 'VACUUM contactpoint.address_open');
ContactPoint::ask($node, $db, 'regress_manager', "SELECT contactpoint.shield($child{'td-3'}, 'threats', 'harm', false)");
is(left('3 Later Lane'), 1, 'the next round comes a minute later');
$node->stop('immediate');
$node->start;
ok($node->poll_query_until($db, q{
	SELECT NOT EXISTS (SELECT FROM generate_series(0, pg_relation_size('contactpoint.address_open') / 8192 - 1) p,
		LATERAL heap_page_items(get_raw_page('contactpoint.address_open', p::int)) i
		WHERE position('3 Later Lane'::bytea IN i.t_data) > 0)}), 'or when the server has been started again');

$node->stop;

# ---------- more shields than can be remembered ----------

# A library that remembers 16 shieldings, not 8,192; it differs in nothing else.
$node = ContactPoint::start('few', control => 'recent');
ContactPoint::people($node, $db);
$node->safe_psql($db, q{
	SET contactpoint.restoring = on;
	CREATE TABLE crowd AS SELECT contactpoint._child_number() AS child_id, n FROM generate_series(0, 19) n;
	INSERT INTO contactpoint.child (child_id, given_names, family_name, sex, date_of_birth)
		SELECT child_id, 'Given' || translate(n::text, '0123456789', 'abcdefghij'), 'Family' || translate((n * 7919)::text, '0123456789', 'klmnopqrst'),
			'U', date '1980-01-01' + n * 100 FROM crowd;
	INSERT INTO contactpoint.address (child_id, address, postcode) SELECT child_id, n || ' Crowded Street', 'OV1 1AA' FROM crowd;
	SELECT contactpoint.validate_restore()});
my @crowd = split /\n/, $node->safe_psql($db, 'SELECT child_id FROM crowd ORDER BY n');
my $open = pop @crowd;
my $read = "SELECT address FROM contactpoint.address WHERE child_id = $open";

$old = $node->background_psql($db, on_error_stop => 0, extra_params => [ '-U', 'regress_practitioner' ]);
$old->query_safe("$reason; BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1");
my $seen = $old->query_safe($read);
like($seen, qr/Crowded/, 'an old snapshot reads');
for my $n (0 .. 15)
{
	ContactPoint::ask($node, $db, 'regress_manager', "SELECT contactpoint.shield($crowd[$n], 'one of many', 'harm', false)");
}
is($old->query_safe($read), $seen, 'and goes on reading what was not shielded since');
ContactPoint::ask($node, $db, 'regress_manager', "SELECT contactpoint.shield($crowd[16], 'one too many', 'harm', false)");
is($old->query($read), '', 'when more was shielded than is remembered it reads nothing more');
like($old->{stderr}, qr/many records were shielded since this transaction began/, 'and is told why');
$old->quit;
is(ContactPoint::ask($node, $db, 'regress_practitioner', "$reason; $read"), $seen, 'a fresh one reads on');

$node->stop;
done_testing();
