# No look without an entry, however an answer is cut off.  Three clients read
# single children, scan and COPY, all at once; a blow falls in the middle of it.
# Every child's number that any byte of any message brought to a client must be
# in the audit, under the reason of that very look, once the server is up again.
# And every head of the ledger that a client was told must still prove it.
#
# The blow falls when a client has received so many bytes, chosen at random: the
# moment does not depend on how fast the machine is.  The seed is in the output;
# CONTACTPOINT_SEED takes it back.  CONTACTPOINT_TRIALS asks for more.
use strict;
use warnings;

use IO::Select;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

use ContactPoint;
use Wire;

my $seed = srand($ENV{CONTACTPOINT_SEED} // time);
note("seed $seed");

my $db = 'contactpoint';
my $children = 3000;
my $trials = $ENV{CONTACTPOINT_TRIALS} // 20;    # of each blow, for each kind of read
my @kinds = qw(point scan copy);

# An answer leaves bit by bit, in parts of a megabyte, or past all row security.
my @readers = qw(regress_manager regress_manager2 regress_dba);

my $node;
my %name_of;
my @child;

# Neither the background writer of WAL nor the sealer may do the gate's work for
# it, and no setting may lose what the sealer did.
sub start_registry
{
	my ($name, %option) = @_;

	$node = ContactPoint::start($name, %option, conf => <<'CONF');
wal_writer_delay = 10s
synchronous_commit = off
contactpoint.seal_interval = 1d
contactpoint.seal_batch = 100
contactpoint.seal_timeout = 1h
restart_after_crash = on
log_statement = none
CONF
	ContactPoint::people($node, $db);
	$node->safe_psql(
		$db, qq{
		CREATE ROLE regress_dba LOGIN SUPERUSER;
		ALTER ROLE regress_manager SET contactpoint.hold_buffer = '8kB';
		SET contactpoint.restoring = on;
		SET session_replication_role = replica;
		WITH made AS (
			INSERT INTO contactpoint.child (given_names, family_name, date_of_birth)
			SELECT translate(md5('given ' || i), '0123456789', 'ghijklmnop'),
				translate(md5('family ' || i), '0123456789', 'ghijklmnop'), date '2005-01-01' + i
			FROM generate_series(1, $children) i
			RETURNING child_id, given_names)
		INSERT INTO contactpoint.address (child_id, address, source)
		SELECT child_id, given_names || ' House', 'school' FROM made});
	is($node->safe_psql($db, 'SELECT contactpoint.validate_restore()'),
		$children, "$name: a registry with $children children");
	%name_of = map { split /\|/ } split /\n/,
	  $node->safe_psql($db, 'SELECT child_id, given_names FROM contactpoint.child');
	@child = sort keys %name_of;
	return;
}

# ---------- reads ----------

sub any_child { return $child[ rand @child ]; }
sub any_name { return $name_of{ any_child() }; }

# No text in an answer has twelve digits in a row but a child's number, and none
# repeats the query, as errors in PL/pgSQL do, where that has a number in it.
# Several statements in a list go by the extended protocol, in one packet.
my $wide = 'child_id, repeat(given_names, 20)';
my $from = 'FROM contactpoint.child';
my %reads = (
	point => [
		sub { "SELECT child_id, given_names $from WHERE child_id = " . any_child() },
		sub { 'SELECT * FROM contactpoint.record WHERE child_id = ' . any_child() },
		sub { "BEGIN; SELECT child_id $from WHERE child_id = " . any_child() . '; ROLLBACK' },
		# the row has left the executor and not the server
		sub { "SELECT child_id $from WHERE child_id = " . any_child() . '; SELECT pg_sleep(0.002)' },
		sub { "SELECT (child_id || ' is not a number')::int $from WHERE child_id = " . any_child() },
		sub {
			"DO 'BEGIN RAISE NOTICE ''child %'', (SELECT child_id $from WHERE given_names = ''"
			  . any_name()
			  . "''); END'";
		},
		sub { "SELECT * $from WHERE child_id IN (" . join(', ', map { any_child() } 1 .. 5) . ')' },
		sub { [ map { "SELECT child_id $from WHERE child_id IN (" . join(', ', any_child(), any_child()) . ')' } 1 .. 3 ] }
	],
	scan => [
		sub { "SELECT $wide $from" },
		sub { "SELECT $wide $from ORDER BY given_names" },
		sub { "SELECT * $from JOIN contactpoint.address USING (child_id)" },
		sub {
			"BEGIN; DECLARE c CURSOR FOR SELECT $wide $from; "
			  . join('', map { 'FETCH ' . int(1 + rand 900) . ' FROM c; ' } 1 .. 6)
			  . 'ROLLBACK';
		},
		sub {
			"DO 'DECLARE c record; BEGIN FOR c IN SELECT $wide AS name $from LOOP RAISE NOTICE ''%'', c; END LOOP; END'";
		},
		sub { ["SELECT $wide $from"] }
	],
	copy => [
		sub { 'COPY contactpoint.child (given_names, child_id) TO STDOUT' },
		sub { "COPY (SELECT repeat(given_names, 20), child_id $from) TO STDOUT" },
		sub { "COPY (SELECT given_names, child_id $from ORDER BY given_names) TO STDOUT" }
	]);

# The same with a row in it that takes for ever.
my $sleep_at = sub {
	'CASE WHEN child_id = ' . any_child() . ' THEN pg_sleep(1000)::text END';
};
my %slow_reads = (
	point => [
		sub { "SELECT child_id $from WHERE child_id = " . any_child() . '; SELECT pg_sleep(1000)' },
		sub {
			my $slow = any_child();
			"SELECT child_id, CASE WHEN child_id = $slow THEN pg_sleep(1000) END $from WHERE child_id IN ("
			  . join(', ', $slow, map { any_child() } 1 .. 3) . ')';
		}
	],
	scan => [
		sub { "SELECT $wide, " . $sleep_at->() . " $from" },
		sub { "DECLARE c CURSOR FOR SELECT $wide, " . $sleep_at->() . " $from; FETCH 500 FROM c; FETCH ALL FROM c" }
	],
	copy => [
		sub { 'COPY (SELECT repeat(given_names, 20), child_id, ' . $sleep_at->() . " $from) TO STDOUT" }
	]);

# ---------- clients ----------

sub connect_client
{
	my ($round, $kind, $reads, $reader, %setting) = @_;

	return {
		round => $round,
		kind => $kind,
		reads => $reads->{$kind},
		wire => Wire->connect($node, $db, user => $reader, options => \%setting),
		looks => [],
		received => 0,
		goes_on => 1
	};
}

# Each look has a reason of its own, so that no other look's entry hides a loss.
sub next_look
{
	my ($client) = @_;
	my $looks = $client->{looks};
	my $look = {
		reason => "$client->{round} $client->{kind} " . @$looks,
		sql => $client->{reads}[ rand @{ $client->{reads} } ]->(),
		answer => ''
	};

	my $set = "SET contactpoint.reason = '$look->{reason}'";
	push @$looks, $look;
	if (ref $look->{sql})
	{
		send_pipeline($client->{wire}, $set, @{ $look->{sql} });
	}
	else
	{
		$client->{wire}->simple_query("$set; $look->{sql}");
	}
	return;
}

# One row of each statement leaves while its portal is open, the others follow.
sub send_pipeline
{
	my ($wire, $set, @statements) = @_;

	$wire->parse('', $set)->bind('', '')->execute('');
	for my $statement (@statements)
	{
		$wire->parse('', $statement)->bind('p', '')->execute('p', 1)->put(H => '')
		  ->execute('p')->put(H => '')->close_portal('p');
	}
	$wire->sync;
	return;
}

# A look is over with ReadyForQuery, which nothing follows.
sub is_complete { return $_[0]{answer} =~ /Z\0\0\0\x05[ITE]\z/; }

# Every number in the bytes that came, also of a message that was cut off.
sub numbers_in { return $_[0] =~ /(\d{12})/g; }

# Takes what has arrived and goes on to the next look; false at the end.
sub receive
{
	my ($client) = @_;
	my $look = $client->{looks}[-1];
	my $got = sysread $client->{wire}->socket, $look->{answer}, 65536,
	  length $look->{answer};

	return 0 unless $got;
	$client->{received} += $got;
	next_look($client) if $client->{goes_on} && is_complete($look);
	return 1;
}

# Serves all clients until enough has happened, or all of them are cut off.
sub serve
{
	my ($clients, $enough) = @_;
	my %of = map { $_->{wire}->socket => $_ } @$clients;
	my $select = IO::Select->new(map { $_->{wire}->socket } @$clients);

	while ($select->count && !$enough->())
	{
		my @ready = $select->can_read($PostgreSQL::Test::Utils::timeout_default)
		  or die 'no answer in time';
		for my $socket (@ready)
		{
			$select->remove($socket) unless receive($of{$socket});
		}
	}
	return;
}

# ---------- the ledger ----------

# A client that keeps the head of the ledger, as an auditor would.
sub connect_keeper
{
	return connect_client($_[0], 'head',
		{ head => [ sub { q{SELECT size || ' ' || encode(root, 'hex') FROM contactpoint.audit_head(); SELECT pg_sleep(0.002)} } ] },
		'regress_auditor');
}

# ---------- the audit ----------

# Entries of this round: child numbers by reason.
sub audited
{
	my ($round, $since) = @_;
	my %audited;

	for my $line (
		split /\n/,
		$node->safe_psql(
			$db, qq{
			SELECT reason || '|' || array_to_string(children, ' ') FROM contactpoint.audit
			WHERE at >= '$since' AND reason LIKE '$round %'}))
	{
		my ($reason, $numbers) = split /\|/, $line;
		@{ $audited{$reason} }{ split / /, $numbers } = ();
	}
	return \%audited;
}

# ---------- judgement ----------

# blow -> kind -> what was counted
my %tally;
my @broken;
my @heads;

sub judge
{
	my ($blow, $round, $since, @clients) = @_;
	my $audited = audited($round, $since);

	for my $client (@clients)
	{
		my $count = $tally{$blow}{ $client->{kind} } //=
		  { trials => 0, looks => 0, received => 0, cut => 0, lost => 0, longest => 0 };

		for my $look (@{ $client->{looks} })
		{
			my %received = map { $_ => 1 } numbers_in($look->{answer});
			my @lost = grep { !exists $audited->{ $look->{reason} }{$_} } keys %received;

			$count->{looks}++;
			$count->{received} += keys %received;
			$count->{lost} += @lost;
			$count->{cut}++
			  if %received && (!is_complete($look) || $look->{answer} =~ /C57014\0/);
			$count->{longest} = keys %received if keys %received > $count->{longest};
			my $sql = ref $look->{sql} ? join('; ', @{ $look->{sql} }) : $look->{sql};
			note("lost in '$look->{reason}': " . @lost . ' of ' . keys(%received) . " ($sql)\n"
				  . substr($look->{answer}, -300) =~ s/[^ -~]/./gr)
			  if @lost;
		}
	}
	return;
}

# Once nobody reads any more: a scan of the journal may pass a place before an
# entry comes there, and see a later one.
sub inspect
{
	my ($round, @clients) = @_;
	my $pids = join ', ', map { $_->{wire}->pid } @clients;

	$node->poll_query_until($db, "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid IN ($pids)");
	push @broken, map { "$round: $_" } split /\n/, ContactPoint::broken($node, $db);
	return;
}

# A head that was told must be there, and prove what stands under it.
sub judge_head
{
	my ($round, $keeper) = @_;
	my $told = join '', map { $_->{answer} } @{ $keeper->{looks} };
	my ($size, $root) = $told =~ /.*\D(\d+) ([0-9a-f]{64})/s or return;
	return if $size == 0;
	my $before = @heads ? $heads[-1][0] : 0;
	my $from = $before < $size ? $before + 1 : $size;

	push @heads, [ $size, $root ];
	my $verdict = $node->safe_psql($db,
		"SELECT intact, first_bad, fault FROM contactpoint.audit_verify($from, $size, '\\x$root')");
	push @broken, "$round: head of $size: $verdict" if $verdict ne 't||';
	return;
}

sub sum
{
	my ($blow, $what) = @_;
	my $sum = 0;
	$sum += $tally{$blow}{$_}{$what} for @kinds;
	return $sum;
}

# ---------- blows ----------

sub postmaster
{
	my ($pid) = split /\n/, slurp_file($node->data_dir . '/postmaster.pid');
	return $pid;
}

# What falls, and what brings the server back.
my %blow = (
	'immediate stop' => {
		strike => sub { kill QUIT => postmaster(); },
		mend => sub {
			$node->stop('immediate', fail_ok => 1);
			$node->start;
		}
	},
	'backends killed' => {
		strike => sub { kill KILL => map { $_->{wire}->pid } @_; },
		mend => sub {
			$node->wait_for_log(qr/all server processes terminated.*ready to accept/s, $_[0]);
		}
	},
	'backends terminated' => {
		strike => sub { kill TERM => map { $_->{wire}->pid } @_; },
		mend => sub { }
	},
	'client gone' => {
		strike => sub { $_->{wire}->vanish for @_; },
		mend => sub { }
	});

# Lets three clients read and strikes when one of them has got so many bytes.
sub strike
{
	my ($blow, $round) = @_;
	my $since = $node->safe_psql($db, 'SELECT clock_timestamp()');
	my $end_of_log = -s $node->logfile;
	my $reader = $readers[ rand @readers ];
	my @clients = map { connect_client($round, $_, \%reads, $reader) } @kinds;
	my $keeper = connect_keeper($round);
	my $aimed = $clients[ rand @clients ];
	my $bytes = 1 + int rand($aimed->{kind} eq 'point' ? 5_000 : 3_000_000);

	next_look($_) for @clients, $keeper;
	serve([ @clients, $keeper ],
		sub { $aimed->{received} >= $bytes && !grep { !$_->{received} } @clients, $keeper });
	usleep(rand 2000) if rand() < 0.5;
	$_->{goes_on} = 0 for @clients, $keeper;
	$blow{$blow}{strike}->(@clients, $keeper);
	serve([ @clients, $keeper ], sub { 0 }) unless $blow eq 'client gone';
	$blow{$blow}{mend}->($end_of_log);
	judge($blow, $round, $since, @clients);
	judge_head($round, $keeper);
	inspect($round, @clients, $keeper);
	$tally{$blow}{$_}{trials}++ for @kinds;
	return;
}

# The other way to be cut off: every look is, by a timeout, and the session lives.
sub time_out
{
	my ($round) = @_;
	my $blow = 'statement timeout';
	my $since = $node->safe_psql($db, 'SELECT clock_timestamp()');
	my $reader = $readers[ rand @readers ];
	my @clients = map {
		connect_client($round, $_, \%slow_reads, $reader,
			statement_timeout => 2 + int rand 30)
	} @kinds;

	for my $client (@clients)
	{
		next_look($client);
		serve([$client], sub { @{ $client->{looks} } > $trials / @readers });
		$client->{goes_on} = 0;
		serve([$client], sub { is_complete($client->{looks}[-1]) });
	}
	judge($blow, $round, $since, @clients);
	for my $client (@clients)
	{
		$tally{$blow}{ $client->{kind} }{trials} +=
		  grep { $_->{answer} =~ /C57014\0/ } @{ $client->{looks} };
		$client->{wire}->finish;
	}
	inspect($round, @clients);
	return;
}

# ---------- the trials ----------

start_registry('crash');
for my $i (1 .. @readers)
{
	time_out("timeout$i");
}
for my $i (1 .. $trials)
{
	# in every other round the sealer is as busy as it can be
	ContactPoint::seal_every($node, $i % 2 ? '10ms' : '1d');
	strike('client gone', "gone$i");
	strike('backends terminated', "term$i");
	strike('backends killed', "kill$i");
	strike('immediate stop', "stop$i");
}
for my $blow (sort keys %tally)
{
	for my $kind (@kinds)
	{
		my $count = $tally{$blow}{$kind};

		note("$blow, $kind: " . join ', ', map { "$_ $count->{$_}" } sort keys %$count);
		cmp_ok($count->{trials}, '>=', $trials, "$blow, $kind: so many trials");
		cmp_ok($count->{received}, '>', 0, "$blow, $kind: numbers were received");
		is($count->{lost}, 0, "$blow, $kind: and every one is in the audit");
	}
	cmp_ok(sum($blow, 'cut'), '>', 0, "$blow: answers were cut off in the middle");
}
is(join("\n", @broken), '', 'no entry is there twice or missing, and every head proves the ledger under it');
my ($first, $last) = @heads[ 0, -1 ];
cmp_ok($last->[0], '>', $first->[0], 'the ledger has grown');
is( $node->safe_psql(
		$db,
		'SELECT count(*) FROM (VALUES '
		  . join(', ', map { "($_->[0], '\\x$_->[1]'::bytea)" } @heads)
		  . ') h(size, root), contactpoint.audit_verify(h.size, h.size, h.root) v WHERE v.intact'
	),
	scalar @heads,
	'at the end all heads are still good');
is($node->safe_psql($db, 'SELECT intact, first_bad, fault FROM contactpoint.audit_verify()'),
	't||', 'and so is every entry');

# These tests can fail.
is($tally{'backends terminated'}{scan}{longest},
	$children, 'the client finds every number in an answer');
my ($entry, $pid) = split /\|/, $node->safe_psql(
	$db, q{
	SELECT entry, pid FROM contactpoint.ledger l
	WHERE seq = 2 AND EXISTS (SELECT FROM contactpoint.ledger m WHERE m.pid = l.pid AND m.seq = 3 AND m.at >= l.at)
	ORDER BY entry DESC LIMIT 1});
like(ContactPoint::broken($node, $db, "INSERT INTO contactpoint.journal SELECT at, pid, seq, body FROM contactpoint.ledger WHERE entry = $entry"),
	qr/^twice\|$pid\|2$/m, 'an entry that is there twice is found');
like(ContactPoint::broken($node, $db, "DELETE FROM contactpoint.ledger WHERE entry = $entry"),
	qr/^gap\|$pid\|2\n.*^ledger\|/ms, 'an entry that is missing is found');

unlike(slurp_file($node->logfile),
	qr/PANIC|terminated by signal (?!9:)|TRAP|could not be recorded|invalid page/,
	'nothing else went wrong on the server');
$node->stop;

# ---------- the same without the gate ----------

start_registry('nogate', control => 'gate');
my $with = sum('immediate stop', 'lost');
@heads = ();
strike('immediate stop', "nogate$_") for 1 .. 5;
cmp_ok(sum('immediate stop', 'lost') - $with,
	'>', 0, 'without the gate numbers are lost');
$node->stop;

done_testing();
