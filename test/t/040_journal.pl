# No look without an entry: whatever becomes of the transaction, the session or
# the server.  And no entry where nobody looked.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

use ContactPoint;
use Wire;

# The background writer of WAL must not do the gate's work for it.
my $db = 'contactpoint';
my $node = ContactPoint::start('journal',
	conf => "wal_writer_delay = 10s\nrestart_after_crash = on");
my $child = ContactPoint::fill($node, $db);
my $rosalind = $child->{Rosalind};
my $hidden = $child->{'Philippa Jane'};
my $reader = 'regress_practitioner';
my $one = "SELECT given_names FROM contactpoint.child WHERE child_id = $rosalind";

# Entries of one look, told apart by its reason: outcome, relation, whether
# Rosalind is named; one a line, each kind once.
sub entries
{
	my ($reason) = @_;
	return $node->safe_psql(
		$db, qq{
		SELECT DISTINCT outcome, relation, $rosalind = ANY (children)
		FROM contactpoint.audit WHERE reason = '$reason' ORDER BY 1, 2, 3});
}

sub count_entries
{
	my ($where) = @_;
	return $node->safe_psql($db,
		"SELECT count(*) FROM contactpoint.audit WHERE $where");
}

# ---------- looks that leave no other trace ----------

my %look = (
	'plain' => $one,
	'rolled back' => "BEGIN; $one; ROLLBACK",
	'rolled back after writing' =>
	  "BEGIN; CREATE TEMP TABLE t AS SELECT 1; $one; ROLLBACK",
	'read only' => "BEGIN READ ONLY; $one; COMMIT",
	'serializable, rolled back' =>
	  "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY; $one; ROLLBACK",
	'savepoint rolled back' =>
	  "BEGIN; SAVEPOINT s; $one; ROLLBACK TO s; COMMIT",
	'copy' => "COPY ($one) TO STDOUT",
	'explain analyze' =>
	  "EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) $one",
	'prepared' => "PREPARE p AS $one; EXECUTE p",
	'exists' =>
	  "SELECT EXISTS (SELECT FROM contactpoint.child WHERE child_id = $rosalind)",
	'aggregate' =>
	  "SELECT count(*) FROM contactpoint.child WHERE child_id = $rosalind",
	'caught' => qq{
		BEGIN;
		DO \$do\$
		BEGIN
			PERFORM given_names FROM contactpoint.child WHERE child_id = $rosalind;
			RAISE EXCEPTION 'nobody will know';
		EXCEPTION WHEN raise_exception THEN
			NULL;
		END
		\$do\$;
		ROLLBACK});
for my $name (sort keys %look)
{
	ContactPoint::ask($node, $db, $reader,
		"SET contactpoint.reason = 'look: $name'; $look{$name}");
	is(entries("look: $name"), 'disclosed|child|t', "an entry: $name");
}

# An error may carry a value out.
my ($status, $stdout, $stderr) = ContactPoint::as($node, $db, $reader, qq{
	SET contactpoint.reason = 'look: failing cast';
	SELECT given_names::int FROM contactpoint.child WHERE child_id = $rosalind});
like($stderr, qr/22P02.*Rosalind/, 'a failing cast tells a name');
like(entries('look: failing cast'),
	qr/^(disclosed|failed)\|child\|t$/m, 'an entry: failing cast');
($status, $stdout, $stderr) = ContactPoint::as($node, $db, $reader, qq{
	SET contactpoint.reason = 'look: caught cast';
	DO \$do\$
	DECLARE
		told text;
	BEGIN
		PERFORM given_names::int FROM contactpoint.child WHERE child_id = $rosalind;
	EXCEPTION WHEN invalid_text_representation THEN
		GET STACKED DIAGNOSTICS told = MESSAGE_TEXT;
		RAISE NOTICE '%', told;
	END
	\$do\$});
like($stderr, qr/NOTICE.*Rosalind/, 'a caught cast tells a name');
like(entries('look: caught cast'),
	qr/^(disclosed|failed)\|child\|t$/m, 'an entry: caught cast');

# A cursor: what was fetched is named, at once, what was not is not.
ContactPoint::ask($node, $db, $reader, qq{
	BEGIN;
	SET LOCAL contactpoint.reason = 'look: cursor';
	DECLARE c CURSOR FOR SELECT given_names FROM contactpoint.child ORDER BY child_id = $rosalind DESC;
	ROLLBACK});
unlike(entries('look: cursor'), qr/t$/m,
	'a cursor that nobody fetched from discloses nothing');
my ($first) = split /\n/, $node->safe_psql($db,
	'SELECT child_id FROM contactpoint.child');
is( ContactPoint::ask(
		$node, $db, $reader, qq{
		BEGIN;
		SET LOCAL contactpoint.reason = 'look: fetched';
		DECLARE c CURSOR FOR SELECT child_id FROM contactpoint.child;
		FETCH 1 FROM c;
		ROLLBACK}),
	$first,
	'a cursor fetched partly');
is( $node->safe_psql(
		$db,
		q{SELECT command, outcome, children FROM contactpoint.audit WHERE reason = 'look: fetched'}
	),
	"FETCH|disclosed|{$first}",
	'an entry: the one row that was fetched');

# ---------- with which values ----------

my $wire = Wire->connect($node, $db, user => $reader);
my $long = 'Z' x 4000;
$wire->ask("SET contactpoint.reason = 'look: bound'");
$wire->parse('', 'SELECT given_names FROM contactpoint.child WHERE child_id = $1 OR family_name = $2 OR family_name = $3')
  ->bind('', '', [ $rosalind, $long, undef ])->execute('', 0)->sync;
$wire->until_ready;
is( $node->safe_psql(
		$db, q{SELECT parameters, length(parameters) <= 500, statement LIKE '%$3' FROM contactpoint.audit WHERE reason = 'look: bound'}
	),
	"\$1 = '$rosalind', \$2 = '" . 'Z' x 64 . q{...', $3 = NULL|t|t},
	'an entry: values that were bound, cut short');
$wire->parse('', 'SELECT ' . join(', ', map { "\$${_}::text" } 2 .. 40) . ' FROM contactpoint.child WHERE child_id = $1')
  ->bind('', '', [ $rosalind, ($long) x 39 ])->execute('', 0)->sync;
$wire->until_ready;
is( $node->safe_psql(
		$db, q{SELECT max(length(parameters)) FROM contactpoint.audit WHERE reason = 'look: bound'}),
	'500',
	'an entry: many long values, cut short');
$wire->parse('', 'SELECT contactpoint.open_shielded($1, $2)')
  ->bind('', '', [ $hidden, 'curious' ])->execute('', 0)->sync;
$wire->until_ready;
is( $node->safe_psql(
		$db, q{SELECT command, outcome, parameters FROM contactpoint.audit WHERE reason = 'look: bound' AND command = 'open_shielded'}),
	"open_shielded|refused|\$1 = '$hidden', \$2 = 'curious'",
	'an entry: the values of a command that was refused');
$wire->finish;

# ---------- a long answer leaves in parts ----------

# Each row is a look of its own.  The last one waits for a lock, and what came
# before must not wait with it.
$node->safe_psql($db, "ALTER ROLE regress_override SET contactpoint.audit_durability = async; ALTER ROLE regress_override SET contactpoint.hold_buffer = '8kB'");
my $holder = $node->background_psql($db);
$holder->query_safe('SELECT pg_advisory_lock(1)');
$wire = Wire->connect($node, $db, user => 'regress_override', timeout => 30);
$wire->ask("SET contactpoint.reason = 'look: long'");
$wire->simple_query("SELECT repeat('x', 1000), CASE WHEN n = 2000 THEN pg_advisory_lock(1) END FROM generate_series(1, 2000) n, LATERAL (SELECT given_names FROM contactpoint.child WHERE child_id = $rosalind + 0 * n OFFSET 0) c");
my $rows = 0;
while ($rows < 1900)
{
	my $message = eval { $wire->next_message } or last;
	$rows++ if $message->[0] eq 'D';
}
is($rows, 1900, 'an asynchronous answer is not held as a whole');
$holder->quit;
$wire->finish;

# ---------- what is no look, and what was refused ----------

ContactPoint::ask($node, $db, $reader,
	"SET contactpoint.reason = 'look: explain'; EXPLAIN $one");
is(entries('look: explain'), '', 'no entry: plain EXPLAIN');

ContactPoint::ask($node, $db, $reader, qq{
	SET contactpoint.reason = 'look: found nothing';
	SELECT * FROM contactpoint.child WHERE family_name = 'Nobody'});
is(entries('look: found nothing'),
	'nothing|child|f', 'an entry: a look that found nothing');

ContactPoint::refused($node, $db, $reader,
	"SET application_name = 'no reason'; $one",
	'KC001', 'a look without a reason is refused');
is( $node->safe_psql(
		$db,
		q{SELECT "session_user", outcome, relation FROM contactpoint.audit WHERE application = 'no reason'}
	),
	"$reader|refused|child",
	'and leaves an entry');
ContactPoint::refused($node, $db, 'regress_suspended',
	"SET contactpoint.reason = 'look: suspended'; $one",
	'KC002', 'so is one of a suspended account');
is( $node->safe_psql(
		$db,
		q{SELECT "session_user", outcome FROM contactpoint.audit WHERE reason = 'look: suspended'}
	),
	'regress_suspended|refused',
	'and leaves an entry, too');
($status, $stdout, $stderr) = ContactPoint::as($node, $db, $reader, qq{
	SET contactpoint.reason = 'look: refused command';
	SELECT contactpoint.open_shielded($hidden, 'curious')});
like($stderr, qr/KC003/, 'a command is refused');
is( $node->safe_psql(
		$db,
		q{SELECT command, outcome, children FROM contactpoint.audit WHERE reason = 'look: refused command'}
	),
	"open_shielded|refused|{$hidden}",
	'and leaves an entry');

# A refused duplicate tells that there is such a child.
ContactPoint::refused($node, $db, 'regress_elsewhere',
	"INSERT INTO contactpoint.child (given_names, family_name, sex, date_of_birth) VALUES ('Rosalind', 'Cartwright', 'F', '2010-01-20')",
	'KC004', 'a second record by hand is refused');
is( $node->safe_psql(
		$db,
		q{SELECT outcome, children FROM contactpoint.audit WHERE command = 'duplicate' AND "session_user" = 'regress_elsewhere'}
	),
	"refused|{$rosalind}",
	'and leaves an entry with the child that it told of');

# ---------- who watches the watchmen ----------

ContactPoint::ask($node, $db, 'regress_auditor',
	"SET contactpoint.reason = 'look: auditor'; SELECT count(*) FROM contactpoint.audit"
);
is( $node->safe_psql(
		$db,
		q{SELECT DISTINCT "session_user", outcome FROM contactpoint.audit WHERE reason = 'look: auditor' AND relation IN ('journal', 'ledger')}
	),
	'regress_auditor|disclosed',
	'an entry: an auditor reads the audit');
my %superuser_look = (
	'rolled back' => $one,
	'COPY table' => 'COPY contactpoint.child TO STDOUT',
	'of a leaf' =>
	  "SELECT * FROM contactpoint.address_open WHERE child_id = $rosalind",
	'after SET ROLE' =>
	  "SET ROLE $reader; SET contactpoint.reason = 'somebody else'; $one");
for my $name (sort keys %superuser_look)
{
	ContactPoint::ask($node, $db, undef,
		"SET application_name = 'su $name'; BEGIN; $superuser_look{$name}; ROLLBACK"
	);
	is( $node->safe_psql(
			$db, qq{
			SELECT "session_user" = current_user, outcome FROM contactpoint.audit
			WHERE application = 'su $name' AND $rosalind = ANY (children)}),
		't|disclosed',
		"an entry: a superuser's look, $name");
}
ContactPoint::ask($node, $db, undef,
	"SET application_name = 'vault'; SELECT * FROM contactpoint.address_vault"
);
is( $node->safe_psql(
		$db, q{SELECT vault, outcome, children FROM contactpoint.audit WHERE application = 'vault'}
	),
	"t|disclosed|{$hidden}",
	'an entry: a superuser looks into the vault');

# ---------- own work ----------

my $looks =
  q{outcome IN ('disclosed', 'nothing', 'failed') AND coalesce(relation, '') NOT IN ('journal', 'ledger')};
my $before = count_entries($looks);
ContactPoint::ask($node, $db, 'regress_feed', <<'SQL');
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
('health', 'jo-1', 1, 'Rosalynd', 'Cartwright', 'F', '2010-01-20', '2 Same House', 'SI1 1AA'),
('health', 'jo-2', 1, 'Wilhelmina', 'Ravenscroft', 'F', '2011-03-30', '9 Hill Top', 'RA1 1AA'),
('health', 'jo-3', 1, 'Philippa', 'Othername', 'F', '2013-05-11', '1 Refuge Lane', 'HID 0EN');
COPY contactpoint.upload (source, source_ref, given_names, family_name, date_of_birth) FROM stdin;
health	jo-1	Rosalind	Cartwright	2010-01-20
\.
SQL
ContactPoint::ask($node, $db, 'regress_manager',
	'CALL contactpoint.settle()');
ContactPoint::ask($node, $db, 'regress_manager',
	"SELECT contactpoint.shield($child->{Dominic}, 'threats', 'harm')");
ContactPoint::ask($node, $db, 'regress_manager', qq{
	INSERT INTO contactpoint.carer (child_id, full_name) VALUES ($rosalind, 'Ann Cartwright')});
is(count_entries($looks) - $before,
	0, 'no entry: uploads, matcher, shield and foreign keys are no looks');
is( $node->safe_psql(
		$db,
		q{SELECT count(DISTINCT outcome) FROM contactpoint.settlement WHERE source_ref LIKE 'jo-%'}
	),
	'3',
	'although rows were matched, made new and held');
is(count_entries(q{"session_user" = 'regress_feed'}),
	'0', 'no entry of a feed at all');
is( $node->safe_psql(
		$db,
		qq{SELECT outcome FROM contactpoint.audit WHERE command = 'shield' AND $child->{Dominic} = ANY (children)}
	),
	'done',
	'an entry: the shield itself');

# ---------- the client has the row, then the server is gone ----------

# Looks and waits with the transaction open.
sub look_and_wait
{
	my ($reason) = @_;
	my $session = $node->background_psql($db,
		extra_params => [ '-U', $reader ]);

	$session->query_safe("SET contactpoint.reason = '$reason'");
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	$session->query_safe('BEGIN');
	is($session->query_safe($one), 'Rosalind', "$reason: the client has the row");
	return ($session, $pid);
}

# What a commit hands on to other sessions leaves by them, while the session that
# looked has not answered yet: its entry must be there before.
$node->safe_psql($db, "CREATE TABLE handed_on (name text); GRANT INSERT ON handed_on TO $reader");
for my $way (
	[ 'by a table', "INSERT INTO handed_on $one", 'SELECT name FROM handed_on' ],
	[ 'by a notification', "SELECT pg_notify('handed_on', given_names) FROM contactpoint.child WHERE child_id = $rosalind", 'SELECT 1' ])
{
	my ($name, $looks, $sees) = @$way;
	my $other = $node->background_psql($db);
	my $sender = $node->background_psql($db, extra_params => [ '-U', $reader ]);

	$node->safe_psql($db, 'TRUNCATE handed_on; CHECKPOINT');
	$other->query_safe('LISTEN handed_on');
	$sender->query_safe("SET contactpoint.reason = 'look: $name'; SET synchronous_commit = off");
	$sender->query_until(qr/^/, "BEGIN\\; $looks\\; COMMIT\\; SELECT pg_sleep(600);\n");
	my $seen = '';
	for (1 .. 600)
	{
		$seen = $other->query($sees);
		last if $seen =~ /Rosalind/;
		usleep(50_000);
	}
	like($seen, qr/Rosalind/, "$name: another session has the name");
	$node->stop('immediate');
	$_->{run}->finish for $other, $sender;
	$node->start;
	is(entries("look: $name"), 'disclosed|child|t', "an entry: $name");
}

my ($session) = look_and_wait('look: immediate stop');
$node->stop('immediate');
$session->{run}->finish;
$node->start;
is(entries('look: immediate stop'),
	'disclosed|child|t', 'an entry: immediate stop right after the look');

($session, my $pid) = look_and_wait('look: kill');
my $end_of_log = -s $node->logfile;
kill 'KILL', $pid;
$session->{run}->finish;
$node->wait_for_log(qr/database system is ready to accept connections/,
	$end_of_log);
is(entries('look: kill'),
	'disclosed|child|t', 'an entry: backend killed right after the look');

($session, $pid) = look_and_wait('look: terminated');
$node->safe_psql($db, "SELECT pg_terminate_backend($pid, 10000)");
$session->{run}->finish;
is(entries('look: terminated'),
	'disclosed|child|t', 'an entry: backend terminated right after the look');

$node->stop;
done_testing();
