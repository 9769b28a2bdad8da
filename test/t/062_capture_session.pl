# Capture over the life of a session: cursors, the wire protocol, prepared plans,
# errors and notices that carry data, transactions and how they end.  Capture.pm
# says how a case is written.
use strict;
use warnings;

use Test::More;

use Capture;

# ---------- cursors ----------

look 'WITH HOLD', 'practitioner', "DECLARE c CURSOR WITH HOLD FOR $names", 'child: refused', error => 'KC009';
# What a function has read by the commit is kept for later, and on record.
look 'WITH HOLD over a function', 'practitioner',
  "BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT harness.all_names(); COMMIT; FETCH c", 'child: *';
look 'cursor nobody fetched from', 'practitioner', "BEGIN; DECLARE c CURSOR FOR $names; COMMIT", '';
look 'cursor fetched partly', 'practitioner', "BEGIN; DECLARE c CURSOR FOR $names; FETCH 2 FROM c; COMMIT",
  'child: A B';
look 'cursor fetched in steps', 'practitioner',
  "BEGIN; DECLARE c CURSOR FOR $names; FETCH c; FETCH c; FETCH c; CLOSE c; COMMIT", 'child: A-C';
look 'cursor fetched to the end', 'practitioner',
  "BEGIN; DECLARE c CURSOR FOR $names; FETCH ALL c; FETCH c; COMMIT", 'child: *';
look 'cursor back and forth', 'practitioner',
  "BEGIN; DECLARE c SCROLL CURSOR FOR $names; FETCH 3 FROM c; FETCH BACKWARD 2 FROM c; FETCH RELATIVE 2
	FROM c; COMMIT", 'child: A-C';
look 'cursor from the end', 'practitioner',
  "BEGIN; DECLARE c SCROLL CURSOR FOR $names; FETCH LAST FROM c; COMMIT", 'child: *';
look 'cursor at a place', 'practitioner',
  "BEGIN; DECLARE c SCROLL CURSOR FOR $names; FETCH ABSOLUTE 4 FROM c; COMMIT", 'child: A-D';
# What MOVE passes over is not sent, but the query's own code has seen it.
look 'MOVE', 'practitioner', "BEGIN; DECLARE c CURSOR FOR $names; MOVE 2 FROM c; COMMIT", 'child: A B';
look 'MOVE, then FETCH', 'practitioner', "BEGIN; DECLARE c CURSOR FOR $names; MOVE 2 FROM c; FETCH c; COMMIT",
  'child: A-C';
look 'cursor over a sort', 'practitioner',
  "BEGIN; DECLARE c CURSOR FOR $names ORDER BY given_names; FETCH c; COMMIT", 'child: *';
look 'cursor rolled back', 'practitioner',
  "BEGIN; SAVEPOINT s; DECLARE c CURSOR FOR $names; FETCH c; ROLLBACK TO s; ROLLBACK", 'child: A';
look 'cursor of a function', 'practitioner',
  "BEGIN; SELECT harness.open_cursor(); FETCH 2 FROM opened; COMMIT", 'child: A B';
# Who opened it looks, whoever fetches: it was the opener's right and reason.
look 'cursor opened in another role', 'superuser', "BEGIN; SET LOCAL ROLE regress_practitioner;
	SET LOCAL contactpoint.reason = 'harness';
	DECLARE c CURSOR FOR $names; FETCH c; SET LOCAL ROLE regress_manager; FETCH c; COMMIT",
	'child by regress_practitioner: A refused', error => 'KC001', control_error => 'KC001';
look 'UPDATE WHERE CURRENT OF', 'manager', "BEGIN; DECLARE c CURSOR FOR $names
	WHERE family_name < 'D' FOR UPDATE; MOVE 2 FROM c;
	UPDATE contactpoint.child SET sex = sex WHERE CURRENT OF c RETURNING given_names; ROLLBACK", 'child: A B';
look 'DELETE WHERE CURRENT OF', 'superuser', "BEGIN; DECLARE c CURSOR FOR SELECT full_name
	FROM contactpoint.carer_vault; FETCH c;
	DELETE FROM contactpoint.carer_vault WHERE CURRENT OF c RETURNING full_name; ROLLBACK", 'vault carer: S';

# ---------- the wire protocol ----------

look 'Execute with a limit', 'practitioner', $names, 'child: A-C',
  via => sub {
	my ($case, $wire) = @_;
	return $wire->parse('', $case->{sql})->bind('', '')->execute('', 3)->sync->until_ready;
  };
look 'Execute with a limit, twice', 'practitioner', $names, 'child: A-E',
  via => sub {
	my ($case, $wire) = @_;
	return $wire->parse('', $case->{sql})->bind('', '')->execute('', 3)->execute('', 2)->sync->until_ready;
  };
# What has been sent is on record while the portal is still suspended.
look 'Execute with a limit, recorded at once', 'practitioner', $names, 'child: *',
  via => sub {
	my ($case, $wire) = @_;
	my $answer = $wire->parse('', $case->{sql})->bind('p', '')->execute('p', 2)->flush->until(qr/[CsE]/);
	my $sent = letters_of($answer);
	my $recorded = so_far($case->{tag});
	if (!$case->{control})
	{
		is("$sent, $answer->{suspended}", 'A B, 1', 'a limit of two rows: two rows are sent, and the portal waits');
		is($recorded, 'A B', 'a limit of two rows: these two are on record while the portal waits');
	}
	return $wire->execute('p', 0)->sync->until_ready;
  };
look 'Execute with a limit over a sort', 'practitioner', "$names ORDER BY given_names", 'child: *',
  via => sub {
	my ($case, $wire) = @_;
	return $wire->parse('', $case->{sql})->bind('', '')->execute('', 1)->sync->until_ready;
  };
# These run to the end at once, whatever is sent of them.
for my $sql ("UPDATE contactpoint.child SET sex = sex WHERE family_name < 'D' RETURNING given_names",
	"EXPLAIN (ANALYZE, COSTS OFF) $names WHERE family_name < 'D'")
{
	look 'Execute with a limit of ' . substr($sql, 0, 7), 'manager', $sql, 'child: A-C',
	  via => sub {
		my ($case, $wire) = @_;
		$wire->ask('BEGIN');
		my $answer = $wire->parse('', $case->{sql})->bind('', '')->execute('', 1)->sync->until_ready;
		$wire->ask('ROLLBACK');
		return $answer;
	  };
}
look 'a portal that is never executed', 'practitioner', $names, '',
  via => sub {
	my ($case, $wire) = @_;
	return $wire->parse('', $case->{sql})->describe(S => '')->bind('', '')->describe(P => '')->sync->until_ready;
  };
look 'pipeline', 'practitioner', "$names WHERE child_id = \$1", 'child: A C E',
  via => sub {
	my ($case, $wire) = @_;
	$wire->parse('s', $case->{sql});
	$wire->bind('', 's', [ $id{$_} ])->execute('') for qw(A C E);
	return $wire->sync->until_ready;
  };
look 'pipeline that fails in the middle', 'practitioner',
  "SELECT given_names FROM contactpoint.child WHERE child_id = \$1 AND 1 / \$2::int = 1", 'child: A',
  error => '22012',
  via => sub {
	my ($case, $wire) = @_;
	$wire->parse('s', "SELECT given_names, 1 / \$2::int FROM contactpoint.child WHERE child_id = \$1");
	$wire->bind('', 's', [ $id{A}, 1 ])->execute('')->parse('bad', 'SELECT 1 / 0')->bind('', 'bad')->execute('');
	return $wire->bind('', 's', [ $id{E}, 1 ])->execute('')->sync->until_ready;
  };
look 'several statements in one message', 'practitioner',
  "$names WHERE child_id = :A; $names WHERE child_id = :B; SELECT 1 / 0; $names WHERE child_id = :C",
  'child: A B', error => '22012';
look 'several portals at once', 'practitioner', $names, 'child: A B; carer: A',
  via => sub {
	my ($case, $wire) = @_;
	return $wire->parse('s', $case->{sql})->parse('t', 'SELECT full_name FROM contactpoint.carer')->bind('p',
	's')->bind('q', 't')
	  ->execute('p', 1)->execute('q', 1)->execute('p', 1)->sync->until_ready;
  };
look 'statement kept for its plan', 'practitioner', "$names WHERE child_id = \$1", 'child: A-H',
  via => sub {
	my ($case, $wire) = @_;
	$wire->parse('s', $case->{sql});
	return map { $wire->bind('', 's', [ $id{$_} ])->execute('')->sync->until_ready } 'A' .. 'H';
  };

# ---------- prepared plans ----------

for my $mode ('force_custom_plan', 'force_generic_plan')
{
	my $what = $mode eq 'force_generic_plan' ? qr/= \$1/ : qr/= '?\d{12}/;
	look "prepared, $mode", 'practitioner', '', 'child: A C',
	  set => [ "plan_cache_mode = $mode", @only_index ],
	  via => sub {
		my ($case, $wire) = @_;
		my @answers = map { $wire->query(numbers($_)) }
		  ("PREPARE p (bigint) AS $names WHERE child_id = \$1", 'EXECUTE p (:A)', 'EXPLAIN EXECUTE p (:B)',
		  'EXECUTE p (:C)');
		like(join("\n", map { $_->[0] } @{ $answers[2]{rows} }),
			$what, "prepared, $mode: that is the plan") unless $case->{control};
		return @answers;
	  };
	look "prepared, then another role, $mode", 'superuser', "SET ROLE regress_practitioner;
		SET contactpoint.reason = 'harness';
		PREPARE p AS $names WHERE child_id = :A; EXECUTE p; SET ROLE regress_manager;
		SET contactpoint.reason = 'harness'; EXECUTE p; RESET ROLE; EXECUTE p",
	  'child by regress_practitioner: A; child by regress_manager: A; child: A',
	  set => ["plan_cache_mode = $mode"];
	look "prepared by a superuser, executed by another, $mode", 'superuser',
		"PREPARE p AS SELECT postcode FROM contactpoint.address; EXECUTE p;
		SET ROLE regress_practitioner; SET contactpoint.reason = 'harness'; EXECUTE p",
	  'address: open; vault address: S T; address by regress_practitioner: open',
	  set => ["plan_cache_mode = $mode"];
}
look 'CREATE TABLE AS EXECUTE', 'practitioner',
  "PREPARE p AS $names WHERE child_id = :A; CREATE TEMP TABLE t AS EXECUTE p", 'child: A';

# ---------- errors and notices that carry data ----------

look 'failing cast in the select list', 'practitioner',
  'SELECT given_names::int FROM contactpoint.child WHERE child_id = :C', 'child: C', error => '22P02';
# The first row meets it, and the error quotes that row.
look 'failing cast in a condition', 'practitioner',
  'SELECT 1 FROM contactpoint.child WHERE family_name::int = 1', 'child: A', error => '22P02';
look 'failing cast in a condition, later', 'practitioner',
  "SELECT 1 FROM contactpoint.child WHERE CASE WHEN family_name > 'D' THEN family_name::int = 1 END",
  'child: D', error => '22P02';
look 'failing cast over the index', 'practitioner',
  'SELECT 1 FROM contactpoint.child WHERE child_id = :E AND given_names::date > now()', 'child: E',
  set => \@only_index, error => '22007';
look 'division by nothing', 'practitioner',
  "SELECT 1 / (length(given_names) - 6) FROM contactpoint.child WHERE family_name < 'C'", 'child: A',
  error => '22012';
look 'division in a condition', 'practitioner',
  'SELECT 1 FROM contactpoint.child WHERE 1 / (length(given_names) - 6) > 0', 'child: A', error => '22012';
# The last row was rejected, but by a condition that might have failed with it.
look 'division by nothing after rejected rows', 'practitioner',
  "SELECT 1 / (count(*) - 1) FROM contactpoint.child WHERE family_name LIKE 'A%'", 'child: A T',
  error => '22012';
look 'division by nothing after rows that nothing could quote', 'practitioner',
  "SELECT 1 / (count(*) - 1) FROM contactpoint.child WHERE family_name = 'Appleyard'", 'child: A',
  error => '22012';
look 'CHECK of another table', 'practitioner',
  "INSERT INTO harness.short SELECT family_name FROM contactpoint.child WHERE child_id = :C", 'child: C',
  error => '23514';
look 'unique key of another table', 'practitioner',
  "INSERT INTO harness.once SELECT given_names FROM contactpoint.child WHERE child_id = :A", 'child: A',
  error => '23505';
look 'domain in the select list', 'practitioner',
  'SELECT given_names::harness.nobody FROM contactpoint.child WHERE child_id = :C', 'child: C',
  error => '23514';
look 'domain in a condition', 'practitioner',
  'SELECT 1 FROM contactpoint.child WHERE given_names::harness.nobody = \'\'', 'child: A', error => '23514';
look 'regular expression of the row', 'practitioner',
  "SELECT 1 FROM contactpoint.child WHERE 'x' ~ (given_names || '[')", 'child: A', error => '2201B';
look 'text that the client cannot read', 'practitioner',
  "SET client_encoding = latin1; SELECT given_names || U&'\\2603' FROM contactpoint.child
	WHERE child_id = :A", 'child: A', error => '22P05';
look 'failing cast of candidates', 'manager',
  'SELECT 1 FROM contactpoint.review WHERE candidates::text::int = 1', 'review: S', error => '22P02';
look 'failing cast of the inbox', 'superuser', 'SELECT 1 FROM contactpoint.upload WHERE family_name::int = 1',
  'upload: failed', error => '22P02';
look 'failing cast in an opened record', 'social',
  'SELECT 1 FROM contactpoint.address WHERE child_id = :S AND postcode::int = 1', 'vault address: S',
  set => \@only_index, error => '22P02';
# The open rows before it were rejected, and none of them is in the error.
look 'failing cast in an opened record, all rows read', 'social',
  'SELECT 1 FROM contactpoint.address WHERE child_id = :S AND postcode::int = 1', 'vault address: S',
  set => [ 'enable_indexscan = off', 'enable_bitmapscan = off' ], plan => qr/Seq Scan on address_open/, error => '22P02';
look 'error that is caught', 'practitioner', 'SELECT harness.caught(:A)', 'child: A';
look 'error that is caught, outer rows', 'practitioner',
  "SELECT harness.caught(:A) FROM contactpoint.carer WHERE child_id = :B", 'carer: B; child: A';
look 'statement that fails before it looks', 'practitioner', "$names WHERE child_id = 1 / (length('') + 0)",
  '', error => '22012';
look 'notice in the select list', 'practitioner',
  "SELECT harness.spy(given_names) FROM contactpoint.child WHERE child_id = :C", 'child: C';
# A function in a condition sees every row, and so may the client.
look 'notice in a condition', 'practitioner', "$names WHERE harness.spy(family_name)", 'child: *';
look 'notice in a condition, cheap ones first', 'practitioner',
  "$names WHERE harness.spy(family_name) AND family_name < 'D'", 'child: A-C';
look 'notice in one arm of a condition', 'practitioner',
  "$names WHERE family_name < 'C' OR harness.spy(family_name)", 'child: *';
look 'setting in a condition', 'practitioner',
  "$names WHERE set_config('harness.seen', family_name, false) IS NULL", 'child: *';
look 'operator of a user', 'practitioner', "$names WHERE family_name OPERATOR(harness.===) 'x'", 'child: *';
look 'operator of a user over an array', 'practitioner',
  "$names WHERE family_name OPERATOR(harness.===) ANY ('{x,y}')", 'child: *';
look 'function said to be leakproof', 'superuser', "$names WHERE harness.sealed_spy(family_name)", 'child: *';
look 'notice of an aggregate', 'practitioner',
  "SELECT bool_or(harness.spy(family_name)) FROM contactpoint.child WHERE family_name < 'C'", 'child: A B';

# ---------- transactions and ends ----------

look 'cancelled in mid scan', 'practitioner',
  "SELECT child_id, CASE WHEN child_id = :C THEN pg_sleep(600)::text END FROM contactpoint.child",
  'child: A-C', error => '57014',
  via => sub {
	my ($case, $wire) = @_;
	$wire->simple_query(numbers($case->{sql}));
	$node->poll_query_until($db, "SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE pid = " . $wire->pid);
	$wire->cancel;
	return $wire->until_ready;
  };
look 'statement_timeout in mid scan', 'practitioner',
  "SELECT child_id, CASE WHEN child_id = :C THEN pg_sleep(600)::text END FROM contactpoint.child",
  'child: A-C', error => '57014',
  set => ["statement_timeout = '5s'"];
# The end of a session unwinds nothing; what a function of the user's has seen by
# then it may have put where no rollback reaches.
look 'terminated in mid scan', 'practitioner',
  "SELECT child_id, CASE WHEN child_id = :C THEN pg_sleep(600)::text END FROM contactpoint.child",
  'child: A-C', error => 'KC006', control_error => '57P01',
  via => sub {
	my ($case, $wire) = @_;
	$wire->simple_query(numbers($case->{sql}));
	$node->poll_query_until($db, "SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE pid = " . $wire->pid);
	$admin->ask('SELECT pg_terminate_backend(' . $wire->pid . ')');
	return $wire->until_ready;
  };
look 'ends its own session', 'practitioner', "SELECT setval('harness.kept', date_of_birth - date '2000-01-01'),
	pg_terminate_backend(pg_backend_pid()), pg_sleep(600) FROM contactpoint.child WHERE child_id = :C",
  'child: C', error => 'KC006', control_error => '57P01',
  via => sub {
	my ($case, $wire) = @_;
	my $answer = $wire->query(numbers($case->{sql}));
	is($admin->ask('SELECT last_value FROM harness.kept'), $admin->ask(numbers(
				"SELECT date_of_birth - date '2000-01-01' FROM contactpoint.child WHERE child_id = :C")),
		'whoever ends the own session keeps what a sequence has taken') unless $case->{control};
	return $answer;
  };
look 'savepoint rolled back', 'practitioner',
  "BEGIN; SAVEPOINT s; $names WHERE child_id = :A; ROLLBACK TO s; COMMIT", 'child: A';
look 'exception block', 'practitioner',
  "DO 'BEGIN BEGIN PERFORM given_names FROM contactpoint.child WHERE child_id = :A; RAISE division_by_zero;
	EXCEPTION WHEN division_by_zero THEN NULL; END; END'", 'child: A';
look 'transaction rolled back', 'practitioner', "BEGIN; $names WHERE child_id = :A; ROLLBACK", 'child: A';
look 'READ ONLY', 'practitioner', "BEGIN READ ONLY; $names WHERE child_id = :A; COMMIT", 'child: A';
look 'DEFERRABLE', 'practitioner',
  "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE; $names WHERE child_id = :A; COMMIT", 'child: A';
look 'REPEATABLE READ', 'practitioner',
  "BEGIN ISOLATION LEVEL REPEATABLE READ; $names WHERE child_id = :A; ROLLBACK", 'child: A';
look 'imported snapshot', 'practitioner', '', 'child: A',
  via => sub {
	my ($case, $wire) = @_;
	my $other = session('superuser', 'setup');
	my $snapshot = $other->ask('BEGIN ISOLATION LEVEL REPEATABLE READ') . $other->ask('SELECT pg_export_snapshot()');
	my $answer = $wire->query(numbers("BEGIN ISOLATION LEVEL REPEATABLE READ;
		SET TRANSACTION SNAPSHOT '$snapshot'; $names WHERE child_id = :A; COMMIT"));
	$other->finish;
	return $answer;
  };

Capture::finish();
