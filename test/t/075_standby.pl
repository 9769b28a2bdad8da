# A synchronous standby has the entry before the client has the answer, whatever
# the session has set, and however the wait for it ends.  On a hot standby nobody
# looks, since the look could not be recorded.
use strict;
use warnings;

use IO::Select;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use ContactPoint;
use Wire;

my $db = 'contactpoint';
my $reader = 'regress_practitioner';
my $primary = ContactPoint::start(
	'primary',
	init => { allows_streaming => 1 },
	conf => <<'CONF');
max_connections = 30
wal_writer_delay = 10s
log_statement = none
CONF
my $child = ContactPoint::fill($primary, $db);
my $rosalind = $child->{Rosalind};
$primary->safe_psql(
	$db, q{
	CREATE ROLE regress_dba LOGIN SUPERUSER;
	CREATE TABLE public.plain AS SELECT 1 AS a;
	GRANT SELECT ON public.plain TO PUBLIC});

my $one = "SELECT child_id, given_names FROM contactpoint.child WHERE child_id = $rosalind";

# More than contactpoint.hold_buffer, so that the wait comes within the statement.
my $much = 'SELECT child_id, repeat(given_names, 50000) FROM contactpoint.child, generate_series(1, 4)';

# A standby that the primary waits for.
sub make_standby
{
	my ($node, $name) = @_;
	my $standby = PostgreSQL::Test::Cluster->new($name);

	$node->backup("for_$name");
	$standby->init_from_backup($node, "for_$name", has_streaming => 1);
	$standby->start;
	$node->safe_psql('postgres', "ALTER SYSTEM SET synchronous_standby_names = '$name'");
	$node->reload;
	wait_for_standby($node);
	return $standby;
}

sub wait_for_standby
{
	my ($node) = @_;

	$node->poll_query_until('postgres',
		"SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'")
	  or die 'no synchronous standby';
	return;
}

# A client with a reason.  It is set before the standby goes, so that nothing but
# the look itself has to wait.
sub look
{
	my ($name, %option) = @_;
	my $wire = Wire->connect(delete $option{node} // $primary, $db, user => $reader, %option);

	$wire->ask("SET contactpoint.reason = '$name'");
	return $wire;
}

# Waits until a backend waits for the standby.
sub wait_in_gate
{
	my ($wire) = @_;

	return $primary->poll_query_until('postgres',
		"SELECT wait_event IS NOT DISTINCT FROM 'SyncRep' FROM pg_stat_activity WHERE pid = "
		  . $wire->pid);
}

# One assertion: the backend waits, and the client has not got a byte.
sub is_held
{
	my ($wire, $name) = @_;
	my $waits = wait_in_gate($wire);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return ok($waits && !IO::Select->new($wire->socket)->can_read(0), "$name: no byte leaves");
}

# One assertion: the answer is KC006 with a hint, and nothing of a row.
sub is_withheld
{
	my ($answer, $name) = @_;
	my $error = $answer->{errors}[0] // {};
	my $bytes = join '', map { $_->[1] } @{ $answer->{messages} };

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return ok(
		($error->{C} // '') eq 'KC006'
		  && ($error->{H} // '') ne ''
		  && @{ $answer->{errors} } == 1
		  && $bytes !~ /Rosalind|$rosalind/,
		$name)
	  || diag(explain({ %$answer, messages => undef }));
}

# Outcomes of what was recorded under a reason about Rosalind.
sub recorded
{
	my ($node, $reason) = @_;
	return $node->safe_psql(
		$db, qq{
		SELECT string_agg(DISTINCT outcome, ' ' ORDER BY outcome) FROM contactpoint.audit
		WHERE reason = '$reason' AND $rosalind = ANY (children)});
}

my $standby = make_standby($primary, 'standby');

# ---------- while the standby is there ----------

is(look('there')->ask($one), "$rosalind|Rosalind", 'with the standby there, a look is answered');

# Replay may lag: what is on the standby's disk is not lost.
$standby->safe_psql('postgres', 'SELECT pg_wal_replay_pause()');
is(look('paused')->ask($one), "$rosalind|Rosalind", 'and while its replay is paused');
$standby->safe_psql('postgres', 'SELECT pg_wal_replay_resume()');

# ---------- while it is not ----------

# name => what is sent
my %way = (
	'simple query' => sub { $_[0]->simple_query($one) },
	'several statements' => sub { $_[0]->simple_query("SELECT 1; BEGIN; $one; ROLLBACK; SELECT 2") },
	'COPY' => sub { $_[0]->simple_query('COPY contactpoint.child TO STDOUT') },
	'more than the buffer' => sub { $_[0]->simple_query($much) },
	'COPY more than the buffer' => sub { $_[0]->simple_query("COPY ($much) TO STDOUT") },
	'explain analyze' => sub { $_[0]->simple_query("EXPLAIN (ANALYZE, TIMING off) $one") },
	'cursor' => sub { $_[0]->simple_query("BEGIN; DECLARE c CURSOR FOR $one; FETCH 1 FROM c") },
	'error with a name' => sub {
		$_[0]->simple_query("SELECT given_names::int FROM contactpoint.child WHERE child_id = $rosalind");
	},
	'caught error with a name' => sub {
		$_[0]->simple_query("DO 'BEGIN PERFORM given_names::int FROM contactpoint.child WHERE child_id = $rosalind; EXCEPTION WHEN OTHERS THEN RAISE NOTICE ''%'', SQLERRM; END'");
	},
	'notice' => sub {
		$_[0]->simple_query("DO 'BEGIN RAISE NOTICE ''%'', (SELECT given_names FROM contactpoint.child WHERE child_id = $rosalind); END'");
	},
	'search' => sub { $_[0]->simple_query("SELECT * FROM contactpoint.search(family_name => 'Cartwright')") },
	'replication connection' => sub { $_[0]->simple_query($one) },
	'sync' => sub { $_[0]->parse('', $one)->bind('', '')->execute('')->sync },
	'flush' => sub { $_[0]->parse('', $one)->bind('p', '')->execute('p', 1)->flush });
my @ways = sort keys %way;

# What a session sets for itself.
my %setting = (
	'off' => { synchronous_commit => 'off' },
	'local' => { synchronous_commit => 'local' },
	'remote_write' => { synchronous_commit => 'remote_write' },
	'statement_timeout' => { statement_timeout => '100ms' });

# The clients are there before the standby goes, each with a look of its own.
sub send_ways
{
	my ($prefix, @names) = @_;
	my %wire = map {
		$_ => look("$prefix $_",
			$_ eq 'replication connection'
			? (user => 'regress_dba', options => { replication => 'database' })
			: ())
	} @names;

	$standby->stop;
	$way{$_}->($wire{$_}) for @names;
	return %wire;
}

# Cancelled, the session lives on.
my %wire = send_ways('cancelled', @ways);
for my $name (@ways)
{
	is_held($wire{$name}, $name);
	$wire{$name}->cancel;
	is_withheld($wire{$name}->until($name eq 'flush' ? qr/E/ : qr/Z/),
		"$name: cancelled, it is an error");
	$wire{$name}->sync->until_ready if $name eq 'flush';
	$wire{$name}->query('ROLLBACK') if $name eq 'cursor';
	is($wire{$name}->ask('SELECT a FROM public.plain'), '1', "$name: the session goes on");
}

# A look again waits again: one that was not confirmed opens no door.
$wire{COPY}->simple_query($one);
is_held($wire{COPY}, 'a look after one that was cancelled');

# It is a server without standby that does not answer, not one without reads.
is($primary->safe_psql($db, 'SELECT a FROM public.plain'), '1', 'other tables are read');

$standby->start;
is_deeply($wire{COPY}->until_ready->{rows}, [ [ $rosalind, 'Rosalind' ] ],
	'the standby is back: the look that waited is answered');
for my $name (@ways)
{
	is($wire{$name}->ask("SET contactpoint.reason = 'after $name'; $one"),
		"$rosalind|Rosalind", "$name: after that, so are others");
	$wire{$name}->finish;
	isnt(recorded($primary, "cancelled $name"), '', "$name: what was withheld is recorded, too");
}

# Whoever stops waiting for standbys frees those who wait, with or without an answer.
wait_for_standby($primary);
my $freed = look('freed');
$standby->stop;
$freed->simple_query($one);
is_held($freed, 'a look that waits for standbys');
$primary->safe_psql('postgres', q{ALTER SYSTEM SET synchronous_standby_names = ''});
$primary->reload;
$freed->until_ready;
is($freed->ask($one), "$rosalind|Rosalind", 'without standbys to wait for, a look is answered');
$primary->safe_psql('postgres', q{ALTER SYSTEM SET synchronous_standby_names = 'standby'});
$primary->reload;
$standby->start;

# Terminated, or timed out within the statement.
wait_for_standby($primary);
%wire = send_ways('terminated', @ways);
for my $name (@ways)
{
	is_held($wire{$name}, "terminated $name");
	$primary->safe_psql('postgres', 'SELECT pg_terminate_backend(' . $wire{$name}->pid . ')');
	my $answer = $wire{$name}->until(qr/never/);
	my $bytes = join '', map { $_->[1] } @{ $answer->{messages} };
	ok( $answer->{closed} && "$bytes$wire{$name}{in}" !~ /Rosalind|$rosalind/,
		"$name: terminated, nothing of a row arrives")
	  || diag(explain($answer));
}
$standby->start;
wait_for_standby($primary);
isnt(recorded($primary, "terminated $_"), '', "$_: terminated, it is recorded") for @ways;

my %look = map { $_ => look("setting $_", options => $setting{$_}) } sort keys %setting;
my $superuser = Wire->connect($primary, $db, user => 'regress_dba');
my $careless = Wire->connect($primary, $db, user => 'regress_dba');
$careless->ask("SET contactpoint.audit_durability = 'async'");
$standby->stop;
$superuser->simple_query("SET LOCAL synchronous_commit = off; $one");
is_held($superuser, 'a superuser who sets synchronous_commit');
$superuser->cancel;
is_withheld($superuser->until_ready, 'a superuser who sets synchronous_commit: cancelled');
for my $name (sort keys %setting)
{
	$look{$name}->simple_query($name eq 'statement_timeout' ? $much : $one);
	if ($name ne 'statement_timeout')
	{
		is_held($look{$name}, "$name");
		$look{$name}->cancel;
	}
	is_withheld($look{$name}->until_ready, "$name: the look is withheld");
}
is($careless->ask($one), "$rosalind|Rosalind", 'asynchronous audit waits for nobody');

# ---------- a standby that is there and does not answer ----------

$standby->start;
wait_for_standby($primary);
my $stopped = $standby->safe_psql('postgres', 'SELECT pid FROM pg_stat_wal_receiver');
END { kill CONT => $stopped if $stopped; }
my $waiting = look('receiver stopped');
kill STOP => $stopped;
$waiting->simple_query($one);
is_held($waiting, 'the WAL receiver hangs');
kill CONT => $stopped;
$stopped = undef;
is_deeply($waiting->until_ready->{rows}, [ [ $rosalind, 'Rosalind' ] ],
	'it goes on: the look is answered');

# ---------- the ledger ----------

# A head that somebody keeps must not be lost with the server that told it.
$primary->safe_psql('postgres', 'ALTER SYSTEM SET synchronous_commit = off');
$primary->reload;
my $auditor = Wire->connect($primary, $db, user => 'regress_auditor');
my ($size) = split /\|/, $primary->safe_psql($db, 'SELECT size FROM contactpoint.audit_head()');
$standby->stop;
$careless->ask($one);
$primary->poll_query_until($db, "SELECT sealed_entries > $size FROM contactpoint.status");
$auditor->simple_query('SELECT size FROM contactpoint.audit_head()');
is_held($auditor, 'a head that the standby has not');
$standby->start;
wait_for_standby($primary);
$auditor->until_ready;
$primary->safe_psql('postgres', 'ALTER SYSTEM RESET synchronous_commit');
$primary->reload;

# ---------- on the hot standby ----------

my @refused = (
	$one,
	'SELECT count(*) FROM contactpoint.child',
	'SELECT EXISTS (SELECT FROM contactpoint.address)',
	'SELECT * FROM contactpoint.record',
	q{SELECT * FROM contactpoint.search(family_name => 'Cartwright')},
	'SELECT * FROM contactpoint.carer TABLESAMPLE SYSTEM (100)',
	'COPY contactpoint.child TO STDOUT',
	"COPY ($one) TO STDOUT",
	"EXPLAIN ANALYZE $one",
	"PREPARE p AS $one; EXECUTE p",
	"BEGIN; DECLARE c CURSOR FOR $one; FETCH 1 FROM c",
	"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; $one");
my @refused_superuser = (
	'SELECT * FROM contactpoint.address_vault',
	'COPY contactpoint.address_vault TO STDOUT',
	'SELECT * FROM contactpoint.review',
	'SELECT * FROM contactpoint.upload',
	'SELECT * FROM contactpoint.journal',
	'SELECT * FROM contactpoint.audit');
my $standby_pid = slurp_file($standby->data_dir . '/postmaster.pid');

$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
for my $role ($reader, 'regress_manager', 'regress_dba')
{
	ContactPoint::refused($standby, $db, $role, "SET contactpoint.reason = 'on a standby'; $_",
		'KC006', "standby: refused to $role: $_")
	  for @refused;
	is(ContactPoint::ask($standby, $db, $role, 'SELECT a FROM public.plain'),
		'1', "standby: $role reads other tables");
}
ContactPoint::refused($standby, $db, 'regress_dba', $_, 'KC006',
	"standby: refused to a superuser: $_")
  for @refused_superuser;
ContactPoint::refused($standby, $db, 'regress_auditor',
	"SET contactpoint.reason = 'on a standby'; SELECT count(*) FROM contactpoint.audit",
	'KC006', 'standby: refused to an auditor: audit');
$standby->command_fails_like([ 'pg_dump', '-f', '/dev/null', $db ],
	qr/in recovery/, 'standby: pg_dump fails');
my ($status, $stdout, $stderr) = ContactPoint::as(
	$standby, $db, $reader, qq{
	SET contactpoint.reason = 'on a standby';
	DO \$\$
	BEGIN
		RAISE NOTICE '%', (SELECT given_names FROM contactpoint.child WHERE child_id = $rosalind);
	EXCEPTION WHEN OTHERS THEN
		RAISE NOTICE 'caught %', SQLSTATE;
	END
	\$\$});
like($stderr, qr/caught KC006/, 'standby: the error can be caught');
unlike($stderr, qr/Rosalind/, 'standby: and there is nothing in it');
for my $command (
	"shield($rosalind, 'on a standby', 'fled')",
	"open_shielded($child->{'Philippa Jane'}, 'on a standby')",
	'validate_restore()')
{
	($status, $stdout, $stderr) = ContactPoint::as($standby, $db,
		$command =~ /^open/ ? 'regress_social' : $command =~ /^shield/ ? 'regress_manager' : 'regress_dba',
		"SET contactpoint.reason = 'on a standby'; SELECT contactpoint.$command");
	ok($status == 3 && $stderr =~ /ERROR:  (KC006|25006): /, "standby: no command: $command")
	  || diag("exit status $status: $stderr");
}
is(ContactPoint::ask($standby, $db, $reader, "SET contactpoint.reason = 'on a standby'; EXPLAIN (COSTS off) $one") =~ /Index Scan|Seq Scan/,
	1, 'standby: a plan can be shown');
is($standby->safe_psql($db, 'SELECT intact FROM contactpoint.audit_verify()'),
	't', 'standby: the ledger can be verified');
is(slurp_file($standby->data_dir . '/postmaster.pid'), $standby_pid, 'standby: still the same server');
my $standing = look('across promotion', node => $standby);
is_withheld($standing->query($one), 'standby: refused to a session that stays');

# ---------- failover ----------

# Clients have what they have when the primary dies; the standby takes over.
my $server = $primary;
for my $round (1 .. 3)
{
	my (%received, @wire);

	push @wire, look("failover $round", node => $server) for 1 .. 3;
	for my $i (1 .. 5 + int rand 60)
	{
		my $wire = $wire[ rand @wire ];
		my $reason = "failover $round look $i";
		my $name = (sort keys %$child)[ rand keys %$child ];
		$wire->ask("SET contactpoint.reason = '$reason'; COPY (SELECT child_id FROM contactpoint.child WHERE child_id = $child->{$name}) TO STDOUT");
		$received{$reason} = $child->{$name};
	}
	my ($size, $root) = split /\|/,
	  $server->safe_psql($db, 'SELECT size, root FROM contactpoint.audit_head()');
	$server->stop('immediate');
	$standby->promote;
	$standby->safe_psql('postgres', q{ALTER SYSTEM SET synchronous_standby_names = ''});
	$standby->reload;
	is( $standby->safe_psql(
			$db,
			'SELECT string_agg(v.reason, $$, $$) FROM (VALUES '
			  . join(', ', map { "('$_', $received{$_})" } sort keys %received)
			  . ') v(reason, child) WHERE NOT EXISTS (SELECT FROM contactpoint.audit a WHERE a.reason = v.reason AND v.child = ANY (a.children))'
		),
		'',
		"failover $round: every look that was answered is on the standby");
	is( $standby->safe_psql(
			$db,
			"SELECT intact, first_bad, fault FROM contactpoint.audit_verify(1, $size, '$root')"
		),
		't||',
		"failover $round: the head that was told proves its ledger");
	if ($round == 1)
	{
		is($standing->ask($one), "$rosalind|Rosalind",
			'promoted: the session that was refused reads');
		is(recorded($standby, 'across promotion'), 'disclosed', 'promoted: and is recorded');
	}
	$server = $standby;
	$standby = make_standby($server, "standby$round") if $round < 3;
}

# The promoted server is a whole one.
ContactPoint::ask($server, $db, 'regress_feed',
	"INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, date_of_birth, postcode) VALUES ('health', 'sb-1', 1, 'Wilhelmina', 'Ravenscroft', '2011-03-30', 'SB1 1AA')"
);
ContactPoint::ask($server, $db, 'regress_manager', "CALL contactpoint.settle('1 minute')");
is($server->safe_psql($db, q{SELECT count(*) FROM contactpoint.child WHERE family_name = 'Ravenscroft'}),
	'1', 'promoted: the matcher works');

for my $log (map { $_->logfile } $primary, $server)
{
	unlike(slurp_file($log), qr/PANIC|terminated by signal|TRAP|could not be recorded|invalid page/,
		"nothing went wrong in $log");
}
$server->stop;
done_testing();
