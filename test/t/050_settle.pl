# The inbox: no row is lost and none is settled twice, whatever stops the
# matcher; and the server log tells nobody's name.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use ContactPoint;

# Small batches, so that there is something to interrupt.
my $db = 'contactpoint';
my $node = ContactPoint::start('settle', conf => <<'CONF');
contactpoint.settle_batch = 50
restart_after_crash = on
deadlock_timeout = 10ms
log_statement = none
CONF
ContactPoint::people($node, $db);
$node->safe_psql(
	$db, q{
	INSERT INTO contactpoint.source (source, organisation_id, feed_role) VALUES ('third', 1, 'regress_feed')});

my $settle = "CALL contactpoint.settle('1 minute')";

# $n persons, each sent by every source.
sub persons
{
	my ($n, @source) = @_;
	my @given = qw(Adelaide Barnaby Clementine Dorian Evangeline Fitzgerald
	  Gwendolen Horatio Isadora Jeremiah Katharine Leopold Marigold Nathaniel
	  Octavia Peregrine Quentin Rosamund Sylvester Theodora);
	my @family = qw(Abernathy Blackwood Carmichael Dunsmore Ellsworth
	  Featherstone Galbraith Hollingsworth Inglethorpe Jessop Kettleborough
	  Lockhart Montague Northcote Oglethorpe Pemberton Quarrington Rutherford
	  Somerville Thistlethwaite Underhill Vandermeer Wetherby Youngblood);
	my @rows;

	for my $i (0 .. $n - 1)
	{
		push @rows,
		  sprintf("p-%d\t1\t%s\t%s\t%04d-%02d-%02d\t%d High Street\tHS%d 1AA",
			$i, $given[ $i % @given ], $family[ ($i * 7) % @family ],
			2005 + $i % 14, 1 + $i % 12, 1 + ($i * 3) % 28, $i, $i % 90);
	}
	return join '', map {
		my $source = $_;
		map { "$source\t$_\n" } @rows
	} @source;
}

sub upload_persons
{
	my ($dbname, $n, @source) = @_;
	return ContactPoint::ask($node, $dbname, 'regress_feed',
		"COPY contactpoint.upload (source, source_ref, authority, given_names, family_name, date_of_birth, address, postcode) FROM stdin;\n"
		  . persons($n, @source)
		  . "\\.\n");
}

sub number
{
	my ($dbname, $sql) = @_;
	return $node->safe_psql($dbname, "SELECT count(*) $sql");
}

# What must hold of $rows rows, however they were settled.
sub check_settled
{
	my ($dbname, $rows, $name) = @_;

	is( number($dbname,
			'FROM contactpoint.receipt WHERE settled_at IS NOT NULL'),
		$rows,
		"$name: every row is settled");
	is( number($dbname,
			'FROM contactpoint.receipt r FULL JOIN contactpoint.settlement s USING (upload_id) WHERE r.upload_id IS NULL OR s.upload_id IS NULL'
		),
		'0',
		"$name: with one settlement each");
	is( number($dbname, 'FROM contactpoint.child'),
		number($dbname,
			"FROM (SELECT DISTINCT child_id FROM contactpoint.settlement WHERE outcome = 'new') s JOIN contactpoint.child USING (child_id)"
		),
		"$name: every record was made by one row");
	is( number($dbname,
			"FROM contactpoint.settlement WHERE outcome = 'new'"),
		number($dbname, 'FROM contactpoint.child'),
		"$name: every new row made one record");
	is( number($dbname,
			'FROM (SELECT FROM contactpoint.settlement GROUP BY source_ref HAVING count(DISTINCT child_id) > 1) s'
		),
		'0',
		"$name: no person has two records");
	is( number($dbname,
			'FROM (SELECT FROM contactpoint.address GROUP BY child_id, source HAVING count(*) > 1) a'
		),
		'0',
		"$name: no detail is there twice");
	is( number($dbname,
			"FROM contactpoint.upload u JOIN contactpoint.settlement s USING (upload_id) WHERE s.outcome <> 'hold'"
		),
		'0',
		"$name: nothing is left in the inbox but what is held");
	return;
}

# ---------- the matcher is stopped, in three ways ----------

my $persons = 800;
my $pending = 'FROM contactpoint.receipt WHERE settled_at IS NULL';
my $matcher =
  "FROM pg_stat_activity WHERE backend_type = 'contactpoint matcher' AND datname = '$db'";

# Lets the matcher work at one source until it is in the middle of a batch,
# where somebody holds a row that it wants.  Returns its process.
sub stop_in_batch
{
	my ($source) = @_;
	my $holder = $node->background_psql($db);

	ContactPoint::close_inbox($node, $db);
	upload_persons($db, $persons, $source);
	$holder->query_safe(
		"BEGIN; SELECT FROM contactpoint.receipt WHERE source = '$source' AND source_ref = 'p-420' FOR UPDATE"
	);
	ContactPoint::open_inbox($node, $db);
	ContactPoint::as($node, $db, 'regress_manager',
		"CALL contactpoint.settle('10 milliseconds')");
	$node->poll_query_until($db,
		"SELECT count(*) = 1 $matcher AND wait_event_type = 'Lock'");
	is( number($db,
			"FROM contactpoint.receipt WHERE source = '$source' AND settled_at IS NOT NULL"
		),
		'400',
		"$source: the matcher is in the middle of a batch");
	return ($holder, $node->safe_psql($db, "SELECT pid $matcher"));
}

# What follows finishes the rest.
sub finish_source
{
	my ($source) = @_;

	ContactPoint::ask($node, $db, 'regress_manager', $settle);
	is(number($db, "$pending AND source = '$source'"),
		'0', "$source: settled in the end");
	return;
}

my ($holder, $pid) = stop_in_batch('school');
$node->stop('immediate');
$holder->{run}->finish;
$node->start;
finish_source('school');

($holder, $pid) = stop_in_batch('health');
my $end_of_log = -s $node->logfile;
kill 'KILL', $pid;
$holder->{run}->finish;
$node->wait_for_log(qr/all server processes terminated.*ready to accept/s,
	$end_of_log);
finish_source('health');

($holder, $pid) = stop_in_batch('third');
$node->safe_psql($db, "SELECT pg_terminate_backend($pid, 10000)");
$holder->query_safe('ROLLBACK');
$holder->quit;
finish_source('third');

check_settled($db, 3 * $persons, 'after all that');
cmp_ok(number($db, "FROM contactpoint.settlement WHERE outcome = 'match'"),
	'>', $persons / 2, 'after all that: rows were matched');

# ---------- numbers and commits in another order ----------

my %row = (
	early => "('school', 'se-early', 1, 'Wilhelmina', 'Ravenscroft', '2011-03-30', 'SE1 1AA')",
	late => "('school', 'se-late', 1, 'Ignatius', 'Popplewell', '2014-10-02', 'SE2 1AA')",
	twice => "1, 'Bronwen', 'Macallister', '2009-07-17', 'SE3 1AA')");
my $insert =
  'INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, date_of_birth, postcode) VALUES ';
my @session =
  map { $node->background_psql($db, extra_params => [ '-U', 'regress_feed' ]) }
  (1, 2);

$session[0]->query_safe("BEGIN; $insert $row{late}");
$session[1]->query_safe("$insert $row{early}");
ContactPoint::ask($node, $db, 'regress_manager', $settle);
is( $node->safe_psql(
		$db,
		q{SELECT source_ref FROM contactpoint.settlement WHERE source_ref LIKE 'se-%'}
	),
	'se-early',
	'what is committed is settled');
$session[0]->query_safe('COMMIT');
ContactPoint::ask($node, $db, 'regress_manager', $settle);
is( $node->safe_psql(
		$db,
		q{SELECT string_agg(source_ref || ' ' || outcome, ', ' ORDER BY upload_id) FROM contactpoint.settlement WHERE source_ref LIKE 'se-%'}
	),
	'se-late new, se-early new',
	'a lower number that comes later is settled, too');

$session[0]->query_safe("BEGIN; $insert ('school', 'se-one', $row{twice}");
$session[1]->query_safe("BEGIN; $insert ('health', 'se-two', $row{twice}");
$session[1]->query_safe('COMMIT');
$session[0]->query_safe('COMMIT');
$_->quit for @session;
ContactPoint::ask($node, $db, 'regress_manager', $settle);
is( $node->safe_psql(
		$db,
		q{SELECT count(*), count(DISTINCT child_id) FROM contactpoint.source_link WHERE source_ref IN ('se-one', 'se-two')}
	),
	'2|1',
	'two sessions that upload a child at once make one record');

# ---------- two registries on one server ----------

$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other',
	'SET client_min_messages = warning; CREATE EXTENSION contactpoint CASCADE'
);
ContactPoint::people($node, 'other');

# One matcher waits for a lock, the other works.
my $blocker = $node->background_psql($db);
$blocker->query_safe(
	'BEGIN; LOCK TABLE contactpoint.match_key IN SHARE ROW EXCLUSIVE MODE');
ContactPoint::ask($node, $db, 'regress_feed',
	"$insert ('school', 'se-blocked', 1, 'Cordelia', 'Whittaker', '2012-12-12', 'SE4 1AA')"
);
upload_persons('other', 100, 'school', 'health');
ContactPoint::ask($node, 'other', 'regress_manager', $settle);
is(number($db, $pending), '1', 'a matcher that waits');
check_settled('other', 200, 'the other one');
$blocker->query_safe('COMMIT');
$blocker->quit;
ContactPoint::ask($node, $db, 'regress_manager', $settle);
is(number($db, $pending), '0', 'and works when it can');
is( number('other',
		"FROM contactpoint.source_link WHERE source_ref LIKE 'se-%'"),
	'0',
	'nothing got into the other registry');

# ---------- settings of the database are no settings of its matcher ----------

# A child is shielded while a row waits that brings where it lives.
{
	my $child = "authority, given_names, family_name, date_of_birth, address, postcode) VALUES ('school',";
	my $manager;

	ContactPoint::ask($node, $db, 'regress_feed',
		"INSERT INTO contactpoint.upload (source, source_ref, $child 'se-hidden', 1, 'Philippa', 'Merriweather', '1994-12-25', '3 Larkspur Court', 'SE5 5AA')");
	ContactPoint::ask($node, $db, 'regress_manager', $settle);
	$node->safe_psql('postgres', "ALTER DATABASE $db SET $_")
	  for "default_transaction_isolation = 'repeatable read'", 'default_transaction_read_only = on',
	  "lock_timeout = '1ms'";
	$node->safe_psql($db, "SELECT pg_terminate_backend(pid, 10000) $matcher");
	local $ENV{PGOPTIONS} =
	  '-c default_transaction_isolation=read\\ committed -c default_transaction_read_only=off -c lock_timeout=0';
	$manager = $node->background_psql($db, extra_params => [ '-U', 'regress_manager' ]);
	$manager->query_safe(
		q{SET contactpoint.reason = 'threats'; BEGIN; SELECT contactpoint.shield(child_id, 'threats', 'harm') FROM contactpoint.child WHERE given_names = 'Philippa'});
	ContactPoint::ask($node, $db, 'regress_feed',
		"INSERT INTO contactpoint.upload (source, source_ref, $child 'se-beside', 1, 'Tarquin', 'Osgood', '1987-07-30', '3 Larkspur Court', 'SE5 5AA')");
	ContactPoint::as($node, $db, 'regress_manager', "CALL contactpoint.settle('10 milliseconds')");
	ok($node->poll_query_until($db, "SELECT count(*) = 1 $matcher AND wait_event_type = 'Lock'"),
		'the matcher waits as long as it takes, whatever lock_timeout of the database');
	$manager->query_safe('COMMIT');
	$manager->quit;
	ContactPoint::as($node, $db, 'regress_manager', "CALL contactpoint.settle('20 seconds')");
	is( $node->safe_psql($db,
			q{SELECT s.outcome, c.shielded FROM contactpoint.settlement s JOIN contactpoint.child c USING (child_id) WHERE source_ref = 'se-beside'}),
		'new|t',
		'and sees what was shielded meanwhile, whatever isolation of the database');
	$node->safe_psql('postgres', "ALTER DATABASE $db RESET ALL");
}

# ---------- a row that fails when it is committed ----------

# What a superuser has planted refuses changes of a reference at the end.
{
	my $row = "INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, date_of_birth, address) VALUES ('school', 'se-last', 1, 'Leocadia', 'Umfreville', '2006-02-09',";

	ContactPoint::ask($node, $db, 'regress_feed', "$row '1 Foundry Bridge')");
	ContactPoint::ask($node, $db, 'regress_manager', $settle);
	$node->safe_psql($db, q{
		SET contactpoint.allow_drop = on;
		CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused'; END $$;
		CREATE CONSTRAINT TRIGGER refuse AFTER UPDATE ON contactpoint.source_link
			DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.refuse()});
	ContactPoint::ask($node, $db, 'regress_feed', "$row '2 Foundry Bridge')");
	ContactPoint::as($node, $db, 'regress_manager', "CALL contactpoint.settle('10 seconds')");
	is( $node->safe_psql($db,
			q{SELECT outcome FROM contactpoint.settlement WHERE source_ref = 'se-last' ORDER BY upload_id DESC LIMIT 1}),
		'hold',
		'a row that fails at commit is held');
	$node->safe_psql($db, 'SET contactpoint.allow_drop = on; DROP FUNCTION public.refuse() CASCADE');
}

# ---------- errors, and what the server log tells ----------

my @secret = ('Xanthippe', 'Quillfeather', '7 Nightjar Lane', 'ZQ9 9QZ');
my $secret = join '|', @secret;
my $values = "'Xanthippe', 'Quillfeather', '2012-08-09'";
my $columns = 'source, source_ref, given_names, family_name, date_of_birth';

ContactPoint::ask($node, $db, 'regress_feed',
	"INSERT INTO contactpoint.upload ($columns, authority, address, postcode) VALUES ('school', 'lo-1', $values, 1, '7 Nightjar Lane', 'ZQ9 9QZ')"
);
ContactPoint::ask($node, $db, 'regress_manager', $settle);
is( number($db, "FROM contactpoint.child WHERE given_names = 'Xanthippe'"),
	'1', 'there is a child with a name to keep');

my @mistake = (
	[
		'COPY of a bad date', 'regress_feed',
		"COPY contactpoint.upload ($columns) FROM stdin;\nschool\tlo-2\tXanthippe\tQuillfeather\t2012-99-99\n\\.\n"
	],
	[
		'COPY of too many columns', 'regress_feed',
		"COPY contactpoint.upload ($columns) FROM stdin;\nschool\tlo-2\tXanthippe\tQuillfeather\t2012-08-09\t7 Nightjar Lane\n\\.\n"
	],
	[
		'COPY of bad jsonb', 'regress_feed',
		"COPY contactpoint.upload ($columns, carers) FROM stdin;\nschool\tlo-2\tXanthippe\tQuillfeather\t2012-08-09\t[{\"full_name\": \"Xanthippe\n\\.\n"
	],
	[
		'COPY with a search_path', 'regress_feed',
		"SET search_path = contactpoint;\nCOPY upload ($columns) FROM stdin;\nschool\tlo-2\tXanthippe\tQuillfeather\n\\.\n"
	],
	[
		'INSERT of bad jsonb', 'regress_feed',
		"INSERT INTO contactpoint.upload ($columns, carers) VALUES ('school', 'lo-2', $values, '[{\"full_name\": \"Xanthippe')"
	],
	[
		'INSERT of jsonb with an unknown key', 'regress_feed',
		"INSERT INTO contactpoint.upload ($columns, carers) VALUES ('school', 'lo-2', $values, '[{\"Xanthippe\": \"Quillfeather\"}]')"
	],
	[
		'INSERT of a reference to nothing', 'regress_feed',
		"INSERT INTO contactpoint.upload ($columns, authority) VALUES ('school', 'lo-2', $values, 4711)"
	],
	[
		'EXECUTE with bad jsonb', 'regress_feed',
		"PREPARE up (text, text, jsonb) AS INSERT INTO contactpoint.upload (source, source_ref, given_names, carers) VALUES ('school', \$1, \$2, \$3);\n"
		  . "EXECUTE up ('lo-2', 'Xanthippe', '[{\"full_name\": \"Quillfeather')"
	],
	[
		'EXECUTE with a bad name', 'regress_feed',
		"PREPARE up (text, text) AS INSERT INTO contactpoint.upload (source, source_ref, given_names) VALUES ('school', \$1, \$2);\n"
		  . "EXECUTE up ('lo-2', '7 Nightjar Lane')"
	],
	[
		'INSERT of a duplicate', 'regress_manager',
		"INSERT INTO contactpoint.child (given_names, family_name, date_of_birth) VALUES ($values)"
	],
	[
		'INSERT with a search_path and a bad date', 'regress_manager',
		"SET search_path = contactpoint;\nINSERT INTO child (given_names, family_name, date_of_birth) VALUES ('Xanthippe', 'Quillfeather', '9 August')"
	],
	[
		'UPDATE against a constraint', 'regress_manager',
		"SET contactpoint.reason = 'mend';\nUPDATE contactpoint.child SET sex = 'X' WHERE family_name = 'Quillfeather'"
	],
	[
		'a failing cast', 'regress_practitioner',
		"SET contactpoint.reason = 'look';\nSELECT given_names::int FROM contactpoint.child WHERE date_of_birth = '2012-08-09'"
	],
	[
		'a failing cast in a function', 'regress_practitioner',
		"SET contactpoint.reason = 'look';\nDO \$\$ BEGIN PERFORM family_name::date FROM contactpoint.child WHERE date_of_birth = '2012-08-09'; END \$\$"
	],
	[
		'a failing cast under a search_path', 'regress_practitioner',
		"SET contactpoint.reason = 'look'; SET search_path = contactpoint;\nSELECT postcode::inet FROM address WHERE address LIKE '7 Nightjar%'"
	],
	[
		'division by zero in planning', 'regress_practitioner',
		"SET contactpoint.reason = 'look'; SET search_path = contactpoint;\nSELECT * FROM child WHERE family_name = 'Quillfeather' AND 1 / 0 = 1"
	],
	[
		'a mistyped search', 'regress_practitioner',
		"SET contactpoint.reason = 'look';\nSELECT * FROM contactpoint.search(given_names => 'Xanthippe', date_of_birth => 'Quillfeather')"
	],
	[
		'a mistyped table', 'regress_practitioner',
		"SET contactpoint.reason = 'look'; SET search_path = contactpoint;\nSELECT * FROM children WHERE family_name = 'Quillfeather'"
	],
	[
		'a shield without category', 'regress_manager',
		"SELECT contactpoint.shield(100000000008, 'Xanthippe at 7 Nightjar Lane', 'Quillfeather')"
	],
	[
		'a superuser\'s duplicate key', undef,
		"INSERT INTO contactpoint.child SELECT * FROM contactpoint.child WHERE given_names = 'Xanthippe'"
	]);
for my $case (@mistake)
{
	my ($name, $role, $sql) = @$case;

	$end_of_log = -s $node->logfile;
	my ($status) = ContactPoint::as($node, $db, $role, $sql);
	my $log = slurp_file($node->logfile, $end_of_log);

	ok($status == 3 && $log =~ /ERROR:/ && $log !~ /$secret/i,
		"the log keeps quiet: $name")
	  || diag("exit status $status, log:\n$log");
}

# A deadlock is reported with the statements of both sides.  Changes of records
# take the matching lock first and cannot meet one; locks taken by hand can.
{
	my @id = split /\n/, $node->safe_psql($db,
		'SELECT child_id FROM contactpoint.child ORDER BY child_id LIMIT 2');
	my @manager = map {
		my $s = $node->background_psql($db,
			on_error_stop => 0, extra_params => [ '-U', 'regress_manager' ]);
		$s->query_safe("SET contactpoint.reason = 'a marriage'; BEGIN");
		$s;
	} (1, 2);
	my $lock = sub {
		"SELECT 'Quillfeather' FROM contactpoint.child WHERE child_id = $_[0] FOR UPDATE"
	};

	$end_of_log = -s $node->logfile;
	$manager[0]->query_safe($lock->($id[0]));
	$manager[1]->query_safe($lock->($id[1]));
	$manager[1]->query_until(qr/sent/, "\\echo sent\n" . $lock->($id[0]) . ";\n");
	$node->poll_query_until($db,
		"SELECT count(*) > 0 FROM pg_locks WHERE NOT granted");
	$manager[0]->query($lock->($id[1]));
	$node->wait_for_log(qr/deadlock detected/, $end_of_log);
	$_->quit for @manager;
	unlike(slurp_file($node->logfile, $end_of_log),
		qr/$secret/i, 'the log keeps quiet: a deadlock');
}

# Whatever the matcher, crashes and all of the above have left.
unlike(
	slurp_file($node->logfile),
	qr/Evangeline|Thistlethwaite|Ravenscroft/i,
	'the log keeps quiet about whom the matcher settled');

$node->stop;
done_testing();
