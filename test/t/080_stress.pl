# The journal stays a sound heap under everything that is done to it at once: looks
# are appended, the sealer takes entries away and is itself cut off, VACUUM in all
# its forms passes over it, and the server stops in the midst of that.  amcheck,
# pg_visibility, the comparison of replayed pages and the checksums agree; no entry
# is lost or there twice, and every head of the ledger proves what stands under it.
use strict;
use warnings;

use IO::Select;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

use ContactPoint;
use Wire;

my $seed = srand($ENV{CONTACTPOINT_SEED} // time);
note("seed $seed");

my $db = 'contactpoint';
my $rounds = 3;

# Every page that WAL changes is compared when it is replayed, after a crash and
# on the standby.  The sealer is kept from its work on purpose, on a slow machine
# for as long as that lasts: that reading stops for it is for 067_fail_closed.
my $node = ContactPoint::start(
	'stress',
	init => {
		allows_streaming => 1,
		extra => [ '--encoding=UTF8', '--locale=C.UTF-8', '--data-checksums' ]
	},
	conf => <<'CONF');
wal_consistency_checking = 'heap, heap2'
wal_writer_delay = 10s
wal_keep_size = 1GB
max_connections = 40
shared_buffers = 16MB
deadlock_timeout = 20ms
contactpoint.seal_interval = 10ms
contactpoint.seal_batch = 300
contactpoint.seal_timeout = 1h
log_statement = none
CONF
ContactPoint::people($node, $db);
$node->safe_psql(
	$db, q{
	CREATE EXTENSION amcheck;
	CREATE EXTENSION pg_visibility;
	SET contactpoint.restoring = on;
	SET session_replication_role = replica;
	INSERT INTO contactpoint.child (given_names, family_name, date_of_birth)
	SELECT translate(md5('given ' || i), '0123456789', 'ghijklmnop'),
		translate(md5('family ' || i), '0123456789', 'ghijklmnop'), date '2005-01-01' + i
	FROM generate_series(1, 1500) i});
$node->safe_psql($db, 'SELECT contactpoint.validate_restore()');
$node->backup('start');
my $standby = PostgreSQL::Test::Cluster->new('stress_standby');
$standby->init_from_backup($node, 'start', has_streaming => 1);
$standby->start;

# ---------- who appends ----------

# Entries of all sizes, from one child to more than one page of them.
my $script = $node->basedir . '/look.sql';
append_to_file($script, <<'SQL');
\set children random_zipfian(1, 1500, 1.1)
SET contactpoint.reason = 'stress';
SELECT count(*) FROM (SELECT FROM contactpoint.child LIMIT :children) c;
SQL

sub start_looking
{
	local %ENV = $node->_get_env();
	my ($output, $errors) = ('', '');

	return IPC::Run::start(
		[
			'pgbench', '--no-vacuum', '-U', 'regress_manager', '-c', 4, '-T', 600,
			'-f', $script, '-h', $node->host, '-p', $node->port, $db
		],
		'>' => \$output,
		'2>' => \$errors);
}

# ---------- who sweeps ----------

my @sweeping = (
	'VACUUM contactpoint.journal',
	'BEGIN; DELETE FROM contactpoint.journal WHERE seq % 3 = 0',
	'ROLLBACK',
	'VACUUM (FREEZE, DISABLE_PAGE_SKIPPING) contactpoint.journal',
	'CHECKPOINT',
	'VACUUM (TRUNCATE) contactpoint.journal',
	"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'contactpoint sealer'",
	'VACUUM FULL contactpoint.journal',
	'VACUUM (DISABLE_PAGE_SKIPPING) contactpoint.journal, contactpoint.ledger, contactpoint.ledger_tile',
	'BEGIN; SAVEPOINT s; DELETE FROM contactpoint.journal; SELECT pg_sleep(0.005)',
	'ROLLBACK',
	'ANALYZE contactpoint.journal',
	'SELECT pg_sleep(0.02)');

# An auditor keeps the head of the ledger.
my @keeping = ("SELECT size, encode(root, 'hex') FROM contactpoint.audit_head()", 'SELECT pg_sleep(0.01)');

# A session that does one task after another, all over again.
sub make_worker
{
	my (@tasks) = @_;
	return { wire => Wire->connect($node, $db), tasks => \@tasks, done => 0, errors => [], head => undef };
}

sub next_task
{
	my ($worker) = @_;
	my $tasks = $worker->{tasks};

	$worker->{wire}->simple_query($tasks->[ $worker->{done} % @$tasks ]);
	return;
}

# Lets workers work until each has done so many tasks; they are left in the
# middle of the next one.
sub keep_busy
{
	my ($count, @workers) = @_;

	next_task($_) for @workers;
	while (grep { $_->{done} < $count } @workers)
	{
		my $select = IO::Select->new(map { $_->{wire}->socket } @workers);
		my %ready = map { $_ => 1 }
		  $select->can_read($PostgreSQL::Test::Utils::timeout_default);

		die "no task is done in time\n" unless %ready;
		for my $worker (grep { $ready{ $_->{wire}->socket } } @workers)
		{
			my $answer = $worker->{wire}->until_ready;
			push @{ $worker->{errors} }, @{ $answer->{errors} };
			$worker->{head} = $answer->{rows}[0]
			  if @{ $answer->{rows} } == 1 && @{ $answer->{rows}[0] } == 2;
			$worker->{done}++;
			next_task($worker);
		}
	}
	return;
}

# ---------- what must hold ----------

# amcheck knows core's own access method only, so for its time the tables have it.
sub faults
{
	my ($server) = @_;
	return $server->safe_psql(
		$db, q{
		BEGIN;
		SET LOCAL allow_system_table_mods = on;
		SET LOCAL contactpoint.allow_drop = on;
		CREATE TEMP TABLE checked AS
			SELECT c.oid::regclass AS rel FROM pg_class c
			WHERE c.relnamespace = 'contactpoint'::regnamespace AND c.relkind = 'r' AND c.relname ~ '^(journal|ledger)';
		UPDATE pg_class SET relam = (SELECT oid FROM pg_am WHERE amname = 'heap') FROM checked WHERE oid = rel;
		SELECT 'amcheck', rel, blkno, offnum, msg FROM checked, verify_heapam(rel);
		SELECT 'visible', rel, t_ctid FROM checked, pg_check_visible(rel) t_ctid;
		SELECT 'frozen', rel, t_ctid FROM checked, pg_check_frozen(rel) t_ctid;
		-- raises an error where an index lacks a row
		WITH btree AS MATERIALIZED (
			SELECT i.indexrelid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN checked ON rel = i.indrelid
			WHERE c.relam = (SELECT oid FROM pg_am WHERE amname = 'btree'))
		SELECT 'index' FROM btree WHERE bt_index_check(indexrelid, true) IS NULL;
		ROLLBACK});
}

sub check
{
	my ($server, $name, $head) = @_;

	is(faults($server), '', "$name: amcheck and pg_visibility find nothing");
	is(ContactPoint::broken($server, $db), '', "$name: no entry is there twice or missing");
	is( $server->safe_psql(
			$db,
			"SELECT intact, first_bad, fault FROM contactpoint.audit_verify(1, $head->[0], '\\x$head->[1]')"
		),
		't||',
		"$name: the head of $head->[0] entries that was kept proves the ledger");
	return;
}

# ---------- a page that was emptied ----------

# VACUUM marks it all-visible, and so it stays with an entry on it, also when WAL
# is replayed: else whoever deletes the entry would not take the mark away.
sub wait_until_sealed
{
	return $node->poll_query_until($db, 'SELECT unsealed_bytes = 0 FROM contactpoint.status');
}

wait_until_sealed();
$node->safe_psql($db, 'VACUUM contactpoint.journal');
ContactPoint::seal_every($node, '1d');
$node->safe_psql($db, 'SELECT count(*) FROM contactpoint.child');
$node->stop('immediate');
$node->start;
wait_until_sealed();
is(faults($node), '', 'an entry on an emptied page, replayed and deleted');
ContactPoint::seal_every($node, '10ms');

# ---------- the stress ----------

my $head;
for my $round (1 .. $rounds)
{
	my $pgbench = start_looking();
	my ($sweeper, $keeper) = (make_worker(@sweeping), make_worker(@keeping));

	keep_busy(40 + int rand 40, $sweeper, $keeper);
	is(faults($node), '', "round $round: no faults while looks are appended");
	usleep(rand 5000);
	$node->stop('immediate');
	eval { $pgbench->finish; };
	# a DELETE by hand takes entries in another order than the sealer
	is( join(' ', map { $_->{M} } grep { $_->{C} ne '40P01' } map { @{ $_->{errors} } } $sweeper, $keeper),
		'', "round $round: every task is done");
	$node->start;
	$head = $keeper->{head};
	check($node, "round $round", $head);
}
note("$head->[0] entries are under seal");
cmp_ok($head->[0], '>', 1000, 'there was something to do');

# ---------- the standby, and the files ----------

ContactPoint::seal_every($node, '1d');
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
$node->stop;
$standby->promote;
check($standby, 'standby', $head);
$standby->stop;
for my $server ($node, $standby)
{
	command_ok([ 'pg_checksums', '--check', '-D', $server->data_dir ],
		$server->name . ': all checksums are right');
	unlike(slurp_file($server->logfile),
		qr/inconsistent page|PANIC|TRAP|terminated by signal|invalid page|could not be recorded/,
		$server->name . ': nothing went wrong in the log');
}

# ---------- these checks can fail ----------

# A byte in the header of some entry is changed on disk.
sub damage
{
	my ($path) = @_;
	my $done = 0;

	open my $file, '+<:raw', $path or die "$path: $!";
	for (my $begin = 0; !$done && sysread($file, my $page, 8192) == 8192; $begin += 8192)
	{
		my $end_of_pointers = unpack('x12 S', $page);
		my ($offset) = map { $_ & 0x7fff } grep { ($_ >> 15 & 3) == 1 }
		  unpack('x24 L' . ($end_of_pointers - 24) / 4, $page);

		next unless $offset;
		sysseek $file, $begin + $offset + 22, 0;	# t_hoff
		$done = syswrite $file, chr 255;
	}
	close $file;
	die "nothing to damage\n" unless $done;
	return;
}

$node->start;
wait_until_sealed();
$node->safe_psql($db, 'SELECT count(*) FROM contactpoint.child') for 1 .. 3;
like(ContactPoint::broken($node, $db, 'INSERT INTO contactpoint.journal SELECT at, pid, seq, body FROM contactpoint.ledger WHERE entry = 1'),
	qr/^twice/m, 'an entry that is there twice is found');
like(ContactPoint::broken($node, $db, 'DELETE FROM contactpoint.ledger WHERE entry = 1'),
	qr/^ledger/m, 'an entry that is missing is found');
my $path = $node->data_dir . '/' . $node->safe_psql($db, q{SELECT pg_relation_filepath('contactpoint.journal')});
$node->append_conf('postgresql.conf', 'ignore_checksum_failure = on');
$node->stop;
damage($path);
$node->start;
like(faults($node), qr/^amcheck/, 'a damaged page is found');
$node->stop('immediate');

done_testing();
