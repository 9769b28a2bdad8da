# What is written while an index of the matcher is built anew, REINDEX CONCURRENTLY,
# is in it afterwards: no child is missed.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use ContactPoint;

my $db = 'contactpoint';
my $node = ContactPoint::start('reindex', conf => 'autovacuum = off');
ContactPoint::people($node, $db);
$node->safe_psql($db, 'CREATE EXTENSION amcheck');
my @indexes = qw(match_key_key_idx guard_key_key_idx match_person_pkey);

# A session that is told what to do, one statement after the other.
sub session
{
	my %session = (in => '', out => '', err => '');

	$session{run} = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr($db) ],
		'<', \$session{in}, '>', \$session{out}, '2>', \$session{err}, IPC::Run::timeout(60));
	return \%session;
}

sub ask_of
{
	my ($session, $sql) = @_;

	$session->{in} .= "$sql;\n\\echo done\n";
	$session->{run}->pump_nb;
	return;
}

sub wait_for
{
	my ($session) = @_;

	$session->{run}->pump until $session->{out} =~ /^done$/m;
	$session->{out} = '';
	return;
}

sub leave
{
	my ($session) = @_;

	$session->{in} .= "\\q\n";
	$session->{run}->finish;
	return $session->{err};
}

sub send_row
{
	my ($reference, $family) = @_;
	my $n = 1 + length $family;

	ContactPoint::ask($node, $db, 'regress_feed',
		"INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode)
		VALUES ('health', '$reference', initcap(reverse('$family')), '$family', 'F', '20$n-02-13', '$n Index Lane', 'RE$n 1RE')");
	ContactPoint::ask($node, $db, 'regress_manager', "CALL contactpoint.settle('2 minutes')");
	return;
}

sub check
{
	my ($index, $name) = @_;
	my ($status, $out, $err) = $node->psql($db, "SELECT bt_index_check('contactpoint.$index', true)");

	return is("$status$err", '0', $name);
}

# Keys that are written when the new index has been built and the old one is still in use.
send_row('before', 'Reindexer');
my %family = (match_key_key_idx => 'Vorderbrandner', guard_key_key_idx => 'Mittersteiner', match_person_pkey => 'Hinterwald');
for my $index (@indexes)
{
	my $old = session();
	ask_of($old, 'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class');
	wait_for($old);
	my $reindex = session();
	ask_of($reindex, "REINDEX INDEX CONCURRENTLY contactpoint.$index");
	ok($node->poll_query_until($db, "SELECT phase = 'waiting for old snapshots' FROM pg_stat_progress_create_index"), "$index is built anew");
	send_row("meanwhile-$index", $family{$index});
	ContactPoint::ask($node, $db, 'regress_manager', "SET contactpoint.reason = 'a test';
		SELECT contactpoint.shield(child_id, 'threats', 'harm') FROM contactpoint.source_link WHERE source_ref = 'before'") if $index =~ /^guard/;
	ask_of($old, 'COMMIT');
	wait_for($reindex);
	is(leave($old) . leave($reindex), '', 'and has taken the place of the old one');
	check($index, "$index has what was written meanwhile");
	send_row("later-$index", $family{$index});
	is($node->safe_psql($db, "SELECT count(*) FROM contactpoint.child WHERE family_name = '$family{$index}'"), 1,
		'the child that came meanwhile is found');
}

# Keys that are written before it begins, and committed after.
my %child = (match_key => q{'Notburga', 'Spaetling', 'F', '2009-03-04'}, match_person => q{'Balthasar', 'Quast', 'M', '2013-09-16'});
for my $table (sort keys %child)
{
	my $writer = session();
	ask_of($writer, "BEGIN; INSERT INTO contactpoint.child (given_names, family_name, sex, date_of_birth) VALUES ($child{$table})");
	wait_for($writer);
	my $reindex = session();
	ask_of($reindex, "REINDEX TABLE CONCURRENTLY contactpoint.$table");
	# it waits for the writer, or does not
	my $waits = "SELECT EXISTS (SELECT FROM pg_stat_progress_create_index WHERE phase LIKE 'waiting for writers%')";
	my $tries = 0;
	while ($tries++ < 50 && $node->safe_psql($db, $waits) eq 'f' && $reindex->{out} eq '')
	{
		$reindex->{run}->pump_nb;
		select undef, undef, undef, 0.1;
	}
	ask_of($writer, 'COMMIT');
	wait_for($writer);
	wait_for($reindex);
	is(leave($writer) . leave($reindex), '', "$table is built anew");
	check($_, "$_ has what was not committed then") for grep { /^$table/ } @indexes;
}
$node->stop;
done_testing();
