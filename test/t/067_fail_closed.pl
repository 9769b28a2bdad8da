# Where a look could not be recorded, or not be sealed in time, nobody looks.
# Uploads and everything else go on, and reading comes back by itself.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use ContactPoint;
use Wire;

my $db = 'contactpoint';
my $node = ContactPoint::start('closed');
my $child = ContactPoint::fill($node, $db);
my $rosalind = $child->{Rosalind};
my $look = "SET contactpoint.reason = 'closed?'; SELECT given_names FROM contactpoint.child WHERE child_id = $rosalind";
my $uploads = 0;

sub sealer
{
	return $node->safe_psql($db, 'SELECT sealer_pid FROM contactpoint.status');
}

# True once a practitioner is refused in this way.
sub closes
{
	my ($because, $name) = @_;
	my $stderr = '';

	for (1 .. 600)
	{
		(undef, undef, $stderr) =
		  ContactPoint::as($node, $db, 'regress_practitioner', $look);
		last if $stderr ne '';
		select undef, undef, undef, 0.1;
	}
	like($stderr, qr/ERROR:  KC006: the audit journal cannot be written: $because.*HINT:  /s,
		"$name: reading is refused, and why is said");
	for my $way (
		"SELECT count(*) FROM contactpoint.child",
		"COPY contactpoint.child TO STDOUT",
		"SELECT * FROM contactpoint.audit")
	{
		ContactPoint::refused($node, $db, undef, $way, 'KC006',
			"$name: refused to a superuser: $way");
	}
	like($node->safe_psql($db, 'SELECT not_readable, refused_looks > 3 FROM contactpoint.status'),
		qr/^.*$because.*\|t$/, "$name: status says so");
	goes_on($name);
	return;
}

# What must go on while nobody reads.
sub goes_on
{
	my ($name) = @_;
	my $born = sprintf '2015-01-%02d', ++$uploads;

	is($node->safe_psql('postgres', 'SELECT 1'), '1', "$name: other databases are not concerned");
	is($node->safe_psql($db, 'CREATE TEMP TABLE t AS SELECT 2 AS two; SELECT two FROM t'),
		'2', "$name: nor are other tables");
	ContactPoint::ask($node, $db, 'regress_feed', qq{
		INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth)
		VALUES ('school', 'cl-$uploads', 1, 'Newcomer', 'Latecome', 'F', '$born')});
	ContactPoint::ask($node, $db, 'regress_manager', 'CALL contactpoint.settle()');
	is( $node->safe_psql($db,
			"SELECT settled_at IS NOT NULL FROM contactpoint.receipt WHERE source_ref = 'cl-$uploads'"),
		't',
		"$name: uploads are taken and settled");
	return;
}

sub opens
{
	my ($name) = @_;
	my ($status, $out);

	for (1 .. 600)
	{
		($status, $out) = ContactPoint::as($node, $db, 'regress_practitioner', $look);
		last if $status == 0;
		select undef, undef, undef, 0.1;
	}
	is($out, 'Rosalind', "$name: reading goes on by itself");
	ok( $node->poll_query_until($db,
			'SELECT not_readable IS NULL AND unsealed_bytes = 0 FROM contactpoint.status'),
		"$name: and the sealer has caught up");
	return;
}

# ---------- the sealer does not get on ----------

opens('at first');
$node->append_conf('postgresql.conf', 'contactpoint.seal_timeout = 2s');
$node->reload;
my $pid = sealer();
kill 'STOP', $pid;
closes('its sealer does not get on', 'sealer stopped');
kill 'CONT', $pid;
opens('sealer stopped');

my $session = $node->background_psql($db);
$session->query_safe('BEGIN; LOCK TABLE contactpoint.ledger_head IN ACCESS EXCLUSIVE MODE');
{
	# status reads that table, too
	my $stderr = '';
	for (1 .. 600)
	{
		(undef, undef, $stderr) =
		  ContactPoint::as($node, $db, 'regress_practitioner', $look);
		last if $stderr ne '';
		select undef, undef, undef, 0.1;
	}
	like($stderr, qr/KC006.*its sealer does not get on/s, 'sealer blocked: reading is refused');
	goes_on('sealer blocked');
}
$session->query_safe('COMMIT');
$session->quit;
opens('sealer blocked');

$node->safe_psql($db, 'SELECT pg_terminate_backend(sealer_pid, 5000) FROM contactpoint.status');
opens('sealer ended');
isnt(sealer(), $pid, 'sealer ended: it is another one');

# no process left to run it
$node->append_conf('postgresql.conf', "contactpoint.databases = ''\nmax_worker_processes = 2");
$node->restart;
ContactPoint::ask($node, $db, 'regress_feed', q{
	INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, date_of_birth)
	VALUES ('school', 'cl-first', 'Another', 'Latecome', '2016-01-01')});
ok( $node->poll_query_until($db, 'SELECT matcher_pid IS NOT NULL FROM contactpoint.status'),
	'no process for the sealer: the matcher has it');
closes('its sealer does not get on', 'no process for the sealer');
$node->append_conf('postgresql.conf', 'max_worker_processes = 8');
$node->restart;
opens('no process for the sealer');

# ---------- too much waits ----------

$node->append_conf('postgresql.conf', "contactpoint.journal_limit = 64kB\ncontactpoint.seal_timeout = 1h");
$node->reload;
$pid = sealer();
kill 'STOP', $pid;
my $reader = Wire->connect($node, $db, user => 'regress_practitioner');
$reader->ask("BEGIN; SET LOCAL contactpoint.reason = 'a cursor'; DECLARE c CURSOR FOR SELECT given_names FROM contactpoint.child; FETCH 1 FROM c");
ContactPoint::as($node, $db, 'regress_practitioner', "$look;" x 400);
closes('too much of it waits to be sealed', 'journal too long');
is($reader->query('FETCH 1 FROM c')->{errors}[0]{C}, 'KC006',
	'journal too long: a cursor stops, too');
$reader->finish;
kill 'CONT', $pid;
opens('journal too long');

# ---------- no room ----------

# A limit on the size of files is a full disk to whoever extends one.
SKIP:
{
	skip 'no prlimit', 14 if system('prlimit --version >/dev/null 2>&1') != 0;

	$node->append_conf('postgresql.conf', 'contactpoint.journal_limit = 1GB');
	$node->reload;
	$pid = sealer();
	kill 'STOP', $pid;
	my $size = $node->safe_psql($db, "SELECT pg_relation_size('contactpoint.journal')");
	# more than a segment of WAL, which must fit
	my $limit = 24 * 1024 * 1024;
	my $postmaster = (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0];
	system("prlimit --pid $postmaster --fsize=$limit:unlimited") == 0 or die 'prlimit failed';
	my (undef, undef, $stderr) = ContactPoint::as($node, $db, undef, qq{
		SET contactpoint.audit_durability = async;
		DO \$do\$
		BEGIN
			FOR i IN 1 .. 400000 LOOP
				PERFORM given_names FROM contactpoint.child WHERE child_id = $rosalind;
			END LOOP;
		END
		\$do\$});
	like($stderr, qr/KC006/, 'no room: the look that found none is withheld');
	unlike($stderr, qr/Rosalind/, 'no room: and nothing of it is told');
	closes('(there is no room for it|the last entry could not be appended)', 'no room');
	system("prlimit --pid $postmaster --fsize=unlimited:unlimited") == 0 or die 'prlimit failed';
	kill 'CONT', $pid;
	opens('no room');
	is( $node->safe_psql($db, 'SELECT intact FROM contactpoint.audit_verify()'),
		't', 'no room: the ledger is whole');
}

$node->stop;
done_testing();
