# A server of its own for a TAP test, with the staged build preloaded.
#
#   use ContactPoint;
#   my $node = ContactPoint::start('main');                # extension in database contactpoint
#   my $node = ContactPoint::start('main', extension => 0, conf => "work_mem = '1MB'");
#   $node->safe_psql('contactpoint', 'SELECT ...');
#   my $child = ContactPoint::fill($node, 'contactpoint'); # a small registry
#   my ($status, $out, $err) = ContactPoint::as($node, 'contactpoint', $role, $sql);
package ContactPoint;

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# Options: conf (lines for postgresql.conf), preload (default 1), extension
# (default 1), init (arguments of PostgreSQL::Test::Cluster::init), control (a
# library of `make control` in the place of the staged one: capture or gate).
sub start
{
	my ($name, %option) = @_;
	my %init = %{ $option{init} // {} };
	my $node = PostgreSQL::Test::Cluster->new($name);

	my @extra = ('--encoding=UTF8', '--locale=C.UTF-8');

	# without them a changed page is read, as in releases before 18
	push @extra, '--no-data-checksums' if !($option{checksums} // 1) && $node->pg_version =~ s/\..*//r >= 18;
	$node->init(extra => \@extra, %init);
	configure($node, %option);
	$node->start;
	$node->safe_psql('postgres', 'CREATE DATABASE contactpoint');
	if ($option{extension} // 1)
	{
		$node->safe_psql('contactpoint',
			'SET client_min_messages = warning; CREATE EXTENSION contactpoint CASCADE');
	}
	return $node;
}

# The settings of test/contactpoint.conf, for a node that was made another way.
sub configure
{
	my ($node, %option) = @_;

	my $conf = slurp_file('test/contactpoint.conf');
	$conf =~ s/^(shared_preload_libraries|contactpoint\.)/#$1/mg unless $option{preload} // 1;
	$node->append_conf('postgresql.conf', $conf);
	$node->append_conf('postgresql.conf', library_path($option{control}))
	  if defined $option{control};
	$node->append_conf('postgresql.conf', $option{conf}) if defined $option{conf};
	return;
}

# A setting by which the server finds a negative control before the real library.
sub library_path
{
	my ($control) = @_;
	my ($path) = slurp_file($ENV{TEMP_CONFIG}) =~ /^dynamic_library_path = '(.*)'/m;
	(my $directory = $path) =~ s{/stage/.*}{/control-$control};

	die "no $directory: run 'make control'\n" unless -d $directory;
	return "dynamic_library_path = '$directory:$path'";
}

# Run SQL as a role, undef for the superuser: exit status of psql, its output,
# its errors with SQLSTATE.  psql stops at the first error unless told on_error_stop => 0.
sub as
{
	my ($node, $dbname, $role, $sql, %param) = @_;
	my ($stdout, $stderr) = ('', '');

	my $status = $node->psql(
		$dbname, "\\set VERBOSITY verbose\n$sql",
		stdout       => \$stdout,
		stderr       => \$stderr,
		extra_params => [ defined $role ? ('-U', $role) : () ],
		%param);
	return ($status, $stdout, $stderr);
}

# Output of SQL that must not fail.
sub ask
{
	my ($node, $dbname, $role, $sql) = @_;
	my ($status, $stdout, $stderr) = as($node, $dbname, $role, $sql);

	die "in $dbname: $stderr\nof: $sql\n" if $status != 0;
	return $stdout;
}

# One assertion: SQL fails with this SQLSTATE, tells nothing and helps on.
sub refused
{
	my ($node, $dbname, $role, $sql, $sqlstate, $name) = @_;
	my ($status, $stdout, $stderr) = as($node, $dbname, $role, $sql);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return ok( $status == 3
		  && $stdout eq ''
		  && $stderr =~ /ERROR:  \Q$sqlstate\E: .*HINT:  /s,
		$name)
	  || diag("exit status $status\nstdout: "
		  . substr($stdout, 0, 300)
		  . "\nstderr: $stderr");
}

# The people of test/people.sql.
sub people
{
	my ($node, $dbname) = @_;

	$node->safe_psql($dbname, slurp_file('test/people.sql'));
	return;
}

# Rows stay in the inbox until it is opened, also over a restart; nobody reads
# meanwhile.
sub close_inbox
{
	my ($node, $dbname) = @_;
	$node->safe_psql($dbname,
		"INSERT INTO contactpoint.restore_mark (relation) VALUES ('contactpoint.child')");
	return;
}

sub open_inbox
{
	my ($node, $dbname) = @_;
	$node->safe_psql($dbname, 'DELETE FROM contactpoint.restore_mark');
	return;
}

# How often the sealer works; from now on.
sub seal_every
{
	my ($node, $interval) = @_;

	$node->append_conf('postgresql.conf', "contactpoint.seal_interval = $interval");
	$node->reload;
	return;
}

# Audit entries that are there twice, or are missing before a later one of their
# process, and a ledger with gaps; '' if all is well.  What is done before is
# taken back.
sub broken
{
	my ($node, $dbname, $before) = @_;

	return $node->safe_psql(
		$dbname, 'BEGIN ISOLATION LEVEL REPEATABLE READ;' . ($before // '') . q{;
		WITH entries AS (
			SELECT at, pid, seq FROM contactpoint.journal
			UNION ALL SELECT at, pid, seq FROM contactpoint.ledger)
		SELECT 'twice', pid, seq FROM entries GROUP BY at, pid, seq HAVING count(*) > 1
		UNION ALL
		SELECT 'gap', pid, seq - 1 FROM (
			SELECT pid, seq, coalesce(lag(seq) OVER (PARTITION BY pid ORDER BY at, seq), 0) AS before FROM entries) e
		WHERE seq NOT IN (1, before, before + 1)	-- 1: another process with an old number
		UNION ALL
		SELECT 'ledger', count(*), max(entry) FROM contactpoint.ledger
		HAVING count(*) <> count(DISTINCT entry) OR count(*) <> max(entry)
			OR count(*) <> (SELECT size FROM contactpoint.audit_head());
		ROLLBACK});
}

# A small registry with something in every table: two open children, one in the
# vault with a grant and a request on it, held rows, a pending row, looks.
# Returns child numbers by name.
sub fill
{
	my ($node, $dbname) = @_;
	my %child;

	people($node, $dbname);
	$node->safe_psql(
		$dbname, q{
		INSERT INTO contactpoint.source (source, organisation_id, feed_role, embargoed_at)
		VALUES ('late', 1, 'regress_feed', now())});
	ask($node, $dbname, 'regress_feed', <<'SQL');
INSERT INTO contactpoint.upload (source, source_ref, batch, authority, given_names, family_name, sex,
    date_of_birth, address, postcode, identifiers, carers, involvements, alias_names) VALUES
('school', 'fi-1', 'first', 1, 'Philippa Jane', 'Harrowgate', 'F', '2013-05-11', '3 Elm Close', 'SU1 1AA',
    '{"nhs": "4505577104"}', '[{"full_name": "Gwen Harrowgate", "relationship": "mother", "contact": "020 7946 0001"}]',
    '[{"service": "school", "organisation": "Elm School", "started_on": "2018-09-03"}]',
    '[{"kind": "birth", "family_name": "Winterbourne"}]'),
('school', 'fi-2', 'first', 1, 'Rosalind', 'Cartwright', 'F', '2010-01-20', '2 Same House', 'SI1 1AA',
    '{"upn": "H801200001001"}', '[{"full_name": "Tom Cartwright", "contact": "020 7946 0002"}]',
    '[{"service": "gp", "practitioner": "Dr Ash"}]', NULL),
('school', 'fi-3', 'first', 1, 'Dominic', 'Fairweather', 'M', '2012-08-09', '4 Oak Close', 'SU2 2BB',
    NULL, NULL, NULL, '[{"kind": "birth", "family_name": "Alderton"}]'),
('late', 'fi-4', NULL, 1, 'Philipa Jane', 'Harrowgate', 'F', '2013-05-11', '1 Refuge Lane', 'HID 0EN',
    NULL, NULL, NULL, NULL);
SQL
	# the last one waits: it may be about the first
	ask($node, $dbname, 'regress_manager', 'CALL contactpoint.settle()');
	for my $name ('Philippa Jane', 'Rosalind', 'Dominic')
	{
		$child{$name} = $node->safe_psql($dbname,
			"SELECT child_id FROM contactpoint.child WHERE given_names = '$name'"
		);
	}
	ask($node, $dbname, 'regress_manager', <<"SQL");
SELECT contactpoint.shield($child{'Philippa Jane'}, 'in a refuge', 'fled');
SELECT contactpoint.grant_access($child{'Philippa Jane'}, 'regress_social', 'named social worker', now() + interval '9 days');
SELECT contactpoint.request_unshield($child{'Philippa Jane'}, 'moved on');
SQL

	# One is too little for a record, the other comes near the shielded child.
	ask($node, $dbname, 'regress_feed', <<'SQL');
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
('health', 'fi-5', 'Rosalind', NULL, NULL, NULL, NULL, NULL),
('health', 'fi-6', 'Philippa', 'Newname', 'F', '2013-05-11', '1 Refuge Lane', 'HID 0EN');
SQL
	ask($node, $dbname, 'regress_manager', 'CALL contactpoint.settle()');
	ask($node, $dbname, 'regress_practitioner',
		"SET contactpoint.reason = 'a look before'; SELECT count(*) FROM contactpoint.child");
	return \%child;
}

1;
