# The same inbox has the same outcome, however many matchers settle it and in
# batches of whatever size; and when matchers are killed in the midst of it.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use ContactPoint;

my $persons = 500;
my $settle = "CALL contactpoint.settle('3 minutes')";
my $matchers = q{FROM pg_stat_activity WHERE backend_type LIKE 'contactpoint matcher%'};
my $node = ContactPoint::start('matchers', conf => <<'CONF');
restart_after_crash = on
log_statement = none
max_worker_processes = 40
CONF

# ---------- the inbox ----------

# What makes rows depend on each other: families side by side, twins, children
# sent twice under one reference and by several sources, changed rows, other
# names, withdrawn details, rows that say too little, and namesakes.
my @given = qw(Adelaide Barnaby Clementine Dorian Evangeline Fitzgerald Gwendolen Horatio Isadora
  Jeremiah Katharine Leopold Marigold Nathaniel Octavia Peregrine Quentin Rosamund Sylvester Theodora);
my @family = qw(Abernathy Blackwood Carmichael Dunsmore Ellsworth Featherstone Galbraith Hollingsworth
  Inglethorpe Jessop Kettleborough Lockhart Montague Northcote Oglethorpe Pemberton Quarrington);

# Given names, family name, birth date.
sub person
{
	my ($i) = @_;
	my $home = int($i / 3);

	return (
		$given[ $i % @given ],
		$family[ $home * 7 % @family ] . ($home % 5 ? '' : 'e'),
		sprintf '%04d-%02d-%02d', 2005 + $i % 13, 1 + $i % 12, 1 + $i * 3 % 28);
}

sub inbox
{
	my @rows;
	my @late;

	for my $i (0 .. $persons - 1)
	{
		my $home = int($i / 3);
		my ($given, $family, $birth) = person($i);
		my $place = sprintf "%d High Street\tMA%d %dAA", $home, $home % 60, $home % 9;
		my $number = $i % 4 ? '\N' : sprintf '{"nhs": "%010d"}', 4000000000 + $i * 7919;
		my $carer = qq([{"full_name": "Parent $home", "contact": "0100 $home"}]);
		my $alias = $i % 29 == 5 ? qq([{"kind": "birth", "family_name": "Formerly$family"}]) : '\N';
		my $row = sub {
			my ($source, $ref, $g, $f, $d, $p, $n, $c, $a) = @_;
			push @rows, join("\t", $source, $ref, 1, $g, $f, $d, $p, $n, $c, $a) . "\n";
		};

		$row->('school', "s-$i", $given, $family, $birth, $place, $number, $carer, $alias);
		# a twin
		$row->('school', "t-$i", $given[ ($i + 7) % @given ], $family, $birth, $place, '\N', '\N', '\N')
		  if $i % 17 == 3;
		# at once again, the same and changed
		$row->('school', "s-$i", $given, $family, $birth, $place, $number, $carer, $alias) if $i % 11 == 2;
		$row->('school', "s-$i", $given, $family, $birth, "New House $i\tNH1 1AA", $number, '[]', '\N')
		  if $i % 13 == 4;
		# under a second reference of the source, and the same again
		push @late, sub { $row->('school', "again-$i", $given, $family, $birth, $place, $number, $carer, '\N') for 1 .. 3 }
		  if $i % 31 == 7;
		# another source, the name misspelt, with a number the first has not sent
		my $slip = $i % 19 == 6 ? substr($family, 0, -2) . 'zz' : $family;
		$row->('health', "h-$i", $given, $slip, $birth, $place, sprintf('{"upn": "U%09d"}', $i * 31),
			$carer, '\N')
		  if $i % 2;
		# a reference that suddenly means somebody else, and a row without a birth date
		$row->('school', "s-$i", 'Wolfgang', 'Sneakwell', '2016-01-13', $place, '\N', '\N', '\N') if $i % 41 == 9;
		$row->('health', "n-$i", $given, $family, '\N', $place, '\N', '\N', '\N') if $i % 37 == 8;
		# under an embargo: about a child of the others, changed, and about one that nobody has sent
		$row->('loading', "l-$i", $given, $family, $birth, $place, $number, $carer, '\N') if $i % 7 == 3;
		$row->('loading', "l-$i", "${given}lina", $family, $birth, $place, '\N', '\N', '\N') if $i % 35 == 17;
		if ($i % 9 == 4)
		{
			my @new = ("New$given", "From$family", sprintf('%04d-%02d-%02d', 2004 - $i % 9, 1 + $i * 5 % 12, 1 + $i * 11 % 28));

			$row->('loading', "e-$i", @new, "$home Side Street\tSS$home 1AA", '\N', $carer, $i % 27 == 4 ? $alias : '\N');
			$row->('loading', "e-$i", @new, "$home Back Street\tST$home 1AA", '\N', '\N', '\N') if $i % 18 == 4;
			$row->('health', "eh-$i", @new, "$home Side Street\tSS$home 1AA", '\N', '\N', '\N') if $i % 27 == 13;
		}
		# where a shielded child lives, and then a child with the same carer
		my $n = int($i / 50);
		my $other = sub {
			my ($k) = @_;
			return ($given[ ($n * 3 + $k * 7) % @given ], $family[ ($n * 5 + $k * 3) % @family ] . 'son',
				sprintf('%04d-%02d-%02d', 1985 + $n + $k, 1 + ($n * 5 + $k) % 12, 1 + ($n * 9 + $k * 4) % 28));
		};

		if ($i % 50 == 20)
		{
			$row->('school', "v-$i", $other->(0), "1 Hiding Place\tHI1 1DE", '\N',
				qq([{"full_name": "Near $i", "contact": "0200 $i"}]), '\N');
			$row->('health', "w-$i", $other->(1), "$i Other Road\tOT1 1DE", '\N',
				qq([{"full_name": "Next $i", "contact": "0200 $i"}]), '\N');
		}
		# that child moves, and somebody moves in where it is by then, and where it was
		$row->('school', 'hidden', 'Hildegund', 'Verborgen', '2011-11-21', "$i New Hiding\tHI2 2DE", '\N', '\N', '\N')
		  if $i % 50 == 30;
		$row->('health', "x-$i", $other->(2), ($i - 1) . " New Hiding\tHI2 2DE", '\N', '\N', '\N') if $i % 50 == 31;
		$row->('health', "y-$i", $other->(3), ($i - 52) . " New Hiding\tHI2 2DE", '\N', '\N', '\N') if $i % 50 == 32;
		# long after: moved, and known at the new place to another source; and a number that
		# makes it another child than the one of the next row
		my $late = "$i Late House\tLH$i 1AA";
		push @late, sub {
			$row->('school', "s-$i", $given, $family, $birth, $late, '\N', '\N', '\N');
			$row->('health', "l-$i", $given, substr($family, 0, -1) . 'x', $birth, $late, '\N', '\N', '\N');
		} if $i % 26 == 10;
		push @late, sub {
			$row->('school', "s-$i", $given, $family, $birth, $place, sprintf('{"nhs": "%010d"}', 7000000000 + $i), '\N', '\N');
			$row->('health', "l-$i", $given, $family, $birth, $place, sprintf('{"nhs": "%010d"}', 8000000000 + $i), '\N', '\N');
		} if $i % 26 == 14 && $i % 4;
	}
	$_->() for @late;
	return join '', @rows;
}

my $inbox = inbox();
my $rows = () = $inbox =~ /\n/g;

sub new_registry
{
	my ($db) = @_;

	$node->safe_psql('postgres', "CREATE DATABASE $db");
	$node->safe_psql($db, 'SET client_min_messages = warning; CREATE EXTENSION contactpoint CASCADE');
	ContactPoint::people($node, $db);
	$node->safe_psql($db, "INSERT INTO contactpoint.source (source, organisation_id, feed_role, embargoed_at) VALUES ('loading', 2, 'regress_feed', now())");
	ContactPoint::ask($node, $db, 'regress_feed',
		q{INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, date_of_birth, address, postcode)
		VALUES ('school', 'hidden', 1, 'Hildegund', 'Verborgen', '2011-11-21', '1 Hiding Place', 'HI1 1DE')});
	ContactPoint::ask($node, $db, 'regress_manager', $settle);
	ContactPoint::ask($node, $db, 'regress_manager',
		q{SET contactpoint.reason = 'to shield'; SELECT contactpoint.shield(child_id, 'threats', 'harm') FROM contactpoint.source_link WHERE source_ref = 'hidden'});
	# children who are expected, and former identities
	for my $i (13, 144, 251, 390)
	{
		my ($given, $family, $birth) = person($i);

		ContactPoint::ask($node, $db, 'regress_manager',
			"SELECT contactpoint.shield_in_advance('$given', '$family', '$birth', 'expected', 'harm')");
	}
	for my $i (31, 200, 333)
	{
		my ($given, $family, $birth) = person($i);

		ContactPoint::ask($node, $db, 'regress_manager', <<"SQL");
INSERT INTO contactpoint.child (given_names, family_name, date_of_birth) VALUES ('$given', '$family', '$birth');
SET contactpoint.reason = 'a new identity';
SELECT contactpoint.new_identity(child_id, '$given', 'Wanamaker', 'adoption') FROM contactpoint.child WHERE family_name = '$family';
SQL
	}
	ContactPoint::close_inbox($node, $db);
	ContactPoint::ask($node, $db, 'regress_feed',
		"COPY contactpoint.upload (source, source_ref, authority, given_names, family_name, date_of_birth, address, postcode, identifiers, carers, alias_names) FROM stdin;\n"
		  . $inbox
		  . "\\.\n");
	return;
}

sub open_inbox
{
	my ($db) = @_;
	return ContactPoint::open_inbox($node, $db);
}

sub set_up
{
	my ($workers, $batch) = @_;

	$node->append_conf('postgresql.conf', "contactpoint.matcher_workers = $workers\ncontactpoint.settle_batch = $batch");
	$node->restart;
	return;
}

# All that became of the rows; a child is named by the first row that went to it.
sub outcome
{
	my ($db) = @_;

	return $node->safe_psql(
		$db, q{
		CREATE TEMP TABLE label AS SELECT child_id, min(upload_id) AS child FROM contactpoint.settlement
			WHERE child_id IS NOT NULL GROUP BY 1;
		SELECT 'row', s.upload_id, s.source_ref, s.outcome, l.child, round(s.score::numeric, 3)
			FROM contactpoint.settlement s LEFT JOIN label l USING (child_id) ORDER BY s.upload_id;
		SELECT 'child', l.child, c.given_names, c.family_name, c.date_of_birth, c.shielded
			FROM contactpoint.child c LEFT JOIN label l USING (child_id) ORDER BY 2, 3, 4, 5;
		SELECT 'address', l.child, d.source, d.address, d.postcode, d.shielded
			FROM contactpoint.address d LEFT JOIN label l USING (child_id) ORDER BY 2, 3, 4, 5;
		SELECT 'carer', l.child, d.source, d.full_name, d.contact
			FROM contactpoint.carer d LEFT JOIN label l USING (child_id) ORDER BY 2, 3, 4, 5;
		SELECT 'identifier', l.child, d.source, d.kind, d.value
			FROM contactpoint.identifier d LEFT JOIN label l USING (child_id) ORDER BY 2, 3, 4, 5;
		SELECT 'alias', l.child, d.source, d.kind, d.given_names, d.family_name
			FROM contactpoint.alias d LEFT JOIN label l USING (child_id) ORDER BY 2, 3, 4, 5, 6;
		SELECT 'responsibility', l.child, d.organisation_id
			FROM contactpoint.responsibility d LEFT JOIN label l USING (child_id) ORDER BY 2;
		SELECT 'link', k.source, k.source_ref, l.child, k.authority, k.sent IS NULL
			FROM contactpoint.source_link k LEFT JOIN label l USING (child_id) ORDER BY 2, 3;
		SELECT 'review', r.upload_id, r.source_ref, r.reason, round(r.score::numeric, 3), r.shielded,
			(SELECT array_agg(l.child ORDER BY l.child) FROM label l WHERE l.child_id = ANY (r.candidates))
			FROM contactpoint.review r ORDER BY r.upload_id;
		SELECT 'held', h.source, h.source_ref FROM contactpoint.held_reference h ORDER BY 2, 3;
		SELECT 'inbox', u.upload_id FROM contactpoint.upload u ORDER BY 2;
		SELECT 'pending', r.upload_id, r.source_ref, r.waits FROM contactpoint.receipt r WHERE r.settled_at IS NULL ORDER BY 2;
		SELECT 'shield', l.child, s.reason, s.authority, s.embargoed_source
			FROM contactpoint.shield s LEFT JOIN label l USING (child_id) ORDER BY 2, 3;
		SELECT 'place', l.child, p.kind, p.key
			FROM contactpoint.place_key p LEFT JOIN label l USING (child_id) ORDER BY 2, 3, 4;
		SELECT 'tally', t.* FROM contactpoint.source_tally t ORDER BY t.source;
		SELECT 'key', l.child, k.key, k.date_of_birth, k.traits
			FROM contactpoint.match_key k LEFT JOIN label l USING (child_id) ORDER BY 2, 3, 4, 5});
}

sub same_outcome
{
	my ($got, $expected, $name) = @_;
	my %in_got = map { $_ => 1 } split /\n/, $got;
	my %in_expected = map { $_ => 1 } split /\n/, $expected;
	my @missing = sort grep { !$in_got{$_} } keys %in_expected;
	my @extra = sort grep { !$in_expected{$_} } keys %in_got;

	ok($got eq $expected, $name)
	  or diag(join "\n", "missing:", @missing[ 0 .. ($#missing < 14 ? $#missing : 14) ],
		"instead:", @extra[ 0 .. ($#extra < 14 ? $#extra : 14) ]);
	return;
}

# ---------- one by one is how it should be ----------

set_up(1, 1);
new_registry('one');
open_inbox('one');
ContactPoint::ask($node, 'one', 'regress_manager', $settle);
my $expected = outcome('one');

is($node->safe_psql('one', 'SELECT count(*) FROM contactpoint.receipt WHERE settled_at IS NOT NULL OR waits'),
	$rows + 1, 'every row is settled, or waits');
for my $what ([ 'waits for the end of the embargo', 'receipt WHERE waits' ],
	[ 'is born under the embargo', 'shield WHERE embargoed_source IS NOT NULL' ],
	[ 'is born where a child is hidden', "shield WHERE reason LIKE 'born%' AND embargoed_source IS NULL" ])
{
	cmp_ok($node->safe_psql('one', "SELECT count(*) FROM contactpoint.$what->[1]"), '>', 10, "something $what->[0]");
}
for my $outcome (qw(match new hold))
{
	cmp_ok($node->safe_psql('one', "SELECT count(*) FROM contactpoint.settlement WHERE outcome = '$outcome'"),
		'>', 20, "there is something to decide: $outcome");
}

is( $node->safe_psql('one', q{SELECT count(*) FILTER (WHERE used_at IS NOT NULL) > 0 FROM contactpoint.advance_shield}),
	't', 'a child that was expected is born');
is( $node->safe_psql('one', q{
	SELECT count(*) > 0 FROM contactpoint.review r JOIN contactpoint.former_identity f ON f.child_id = ANY (r.candidates)}),
	't', 'a row of a former identity is held');

# ---------- any number of matchers, any size of batches ----------

for my $case ([ 1, 7 ], [ 1, 1000 ], [ 1, 0 ], [ 2, 1 ], [ 2, 7 ], [ 3, 100 ], [ 3, 1000 ])
{
	my ($workers, $batch) = @$case;
	my $db = "w${workers}_b$batch";

	set_up($workers, $batch);
	new_registry($db);
	open_inbox($db);
	ContactPoint::ask($node, $db, 'regress_manager', $settle);
	same_outcome(outcome($db), $expected, "$workers matchers, batches of $batch");
	$node->safe_psql('postgres', "DROP DATABASE $db");
}

# ---------- rows that go between being read and being held ----------

set_up(2, 0);
new_registry('gone');
{
	my $blocker = $node->background_psql('gone');

	$blocker->query_safe('BEGIN; LOCK TABLE contactpoint.weight IN SHARE ROW EXCLUSIVE MODE');
	open_inbox('gone');
	$node->poll_query_until('gone',
		"SELECT count(*) > 0 FROM pg_locks l WHERE NOT l.granted AND l.relation = 'contactpoint.weight'::regclass")
	  or die 'no matcher waits for the lock';
	$node->safe_psql('gone', 'DELETE FROM contactpoint.upload');
	$blocker->query_safe('COMMIT');
	$blocker->quit;
	ContactPoint::ask($node, 'gone', 'regress_manager', $settle);
	is($node->safe_psql('gone', 'SELECT count(*) FROM contactpoint.review'), 0, 'a row that a superuser took away is not held');
	is($node->safe_psql('gone', 'SELECT count(*) FROM contactpoint.receipt WHERE settled_at IS NULL AND NOT waits'),
		0, 'and nobody waits for it');
}

# ---------- matchers that die ----------

for my $blow ('terminated', 'killed')
{
	set_up(3, 20);
	new_registry($blow);
	open_inbox($blow);
	for my $try (1 .. 4)
	{
		ContactPoint::as($node, $blow, 'regress_manager', "CALL contactpoint.settle('0.3 seconds')");
		my @pids = split /\n/, $node->safe_psql('postgres', "SELECT pid $matchers AND datname = '$blow' ORDER BY random()");
		next unless @pids;
		if ($blow eq 'terminated')
		{
			$node->safe_psql('postgres', "SELECT pg_terminate_backend($pids[0])");
		}
		else
		{
			my $end_of_log = -s $node->logfile;
			kill 'KILL', $pids[0];
			$node->wait_for_log(qr/all server processes terminated.*ready to accept/s, $end_of_log);
		}
	}
	ContactPoint::ask($node, $blow, 'regress_manager', $settle);
	same_outcome(outcome($blow), $expected, "the same where matchers are $blow");
}

$node->stop;
done_testing();
