# Restore loses shield: never. A dump restored is the same registry: nobody on another side of the vault,
# nothing read before it is validated, no second record made after it.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use ContactPoint;

my $announced =
  '-c contactpoint.restoring=on -c session_replication_role=replica';
my $node = ContactPoint::start('restore');
my $child = ContactPoint::fill($node, 'contactpoint');
my $hidden = $child->{'Philippa Jane'};
ContactPoint::ask($node, 'contactpoint', 'regress_override',
	"SELECT contactpoint.open_shielded($hidden, 'night duty', confirm => true)");
ContactPoint::ask($node, 'contactpoint', 'regress_manager',
	"SELECT contactpoint.shielding_done('late', 1)");
ContactPoint::ask($node, 'contactpoint', 'regress_admin',
	"SELECT contactpoint.add_name_variant('Seun', 'Oluwaseun'), contactpoint.remove_name_variant('Katie', 'Catherine')");
# a former identity, and a child that is expected
ContactPoint::ask($node, 'contactpoint', 'regress_feed', <<'SQL');
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode, alias_names) VALUES
('school', 'fi-7', 1, 'Cordelia', 'Lindenbaum', 'F', '2009-12-02', '5 Lime Walk', 'SU3 3CC', '[{"kind": "birth", "family_name": "Eichenlaub"}]');
SQL
ContactPoint::ask($node, 'contactpoint', 'regress_manager',
	'CALL contactpoint.settle()');
my $former = $node->safe_psql('contactpoint',
	"SELECT child_id FROM contactpoint.child WHERE given_names = 'Cordelia'");
my $present = ContactPoint::ask($node, 'contactpoint', 'regress_manager',
	"SELECT contactpoint.new_identity($former, 'Cordelia', 'Ahornblatt', 'adoption order')"
);
my $expected = ContactPoint::ask($node, 'contactpoint', 'regress_manager',
	"SELECT contactpoint.shield_in_advance('Ottilie', 'Erlenbruch', '2014-04-24', 'at birth', 'fled')"
);
my $backup = $node->backup_dir;
$node->safe_psql('contactpoint', <<"SQL");
SET contactpoint.restoring = on;
INSERT INTO contactpoint.finding (candidates, shielded, at_risk, due_at)
	VALUES (ARRAY[$child->{Rosalind}, $child->{Dominic}], false, false, now());
INSERT INTO contactpoint.finding_pair
	VALUES (least($child->{Rosalind}, $child->{Dominic}), greatest($child->{Rosalind}, $child->{Dominic}), 1);
INSERT INTO contactpoint.remembered (source, source_ref, child_id, verdict)
	VALUES ('school', 'fi-2', $child->{Dominic}, 'apart');
INSERT INTO contactpoint.decided_row VALUES (1, 1, '{"source": "school"}');
INSERT INTO contactpoint.merge_log (child_id, into_child_id, authority, reason, merged_by)
	VALUES (100000000008, $child->{Rosalind}, 1, 'one child', 'regress_manager');
INSERT INTO contactpoint.merged_record
	VALUES (1, 100000000008, $child->{Rosalind}, 'Rosa', 'Cartwright', 'F', '2010-01-20', '{}');
INSERT INTO contactpoint.merge_request (child_id, into_child_id, authority, reason, requested_by, lapses_at)
	VALUES ($child->{Rosalind}, $child->{Dominic}, 1, 'one child', 'regress_manager', now());
INSERT INTO contactpoint.undo_log (kind, child_id, shown_as, authority, reason, shown_since, undone_by)
	VALUES ('separate', $child->{Rosalind}, $child->{Rosalind}, 1, 'another child', now(), 'regress_manager');
INSERT INTO contactpoint.mistaken_look
	VALUES (1, $child->{Rosalind}, 1, 'postgres', 'postgres', NULL, now(), now(), 1, '{address}', false);
SELECT contactpoint.validate_restore()
SQL

# ---------- what is compared ----------

my %kind = map { split /\|/ } split /\n/, $node->safe_psql(
	'contactpoint', q{
	SELECT c.relname, c.relkind FROM pg_extension e, unnest(e.extconfig) o JOIN pg_class c ON c.oid = o
	WHERE e.extname = 'contactpoint'});

# Rows of every dumped relation, as sorted text.
sub contents
{
	my ($dbname) = @_;
	my %rows;
	my $sql = '';

	for my $rel (sort keys %kind)
	{
		my $columns =
		  $kind{$rel} eq 'S' ? "last_value || ' ' || is_called" : 't::text';
		$sql .= "\\echo == $rel\n"
		  . "COPY (SELECT line FROM (SELECT $columns FROM contactpoint.$rel t) x(line) ORDER BY line COLLATE \"C\") TO STDOUT;\n";
	}
	for my $part (split /^== /m, $node->safe_psql($dbname, $sql))
	{
		my ($rel, $text) = split /\n/, $part, 2;
		$rows{$rel} = $text if defined $rel && $rel ne '';
	}
	return \%rows;
}

# As a practitioner sees the registry.
sub as_seen
{
	my ($dbname) = @_;
	return ContactPoint::ask($node, $dbname, 'regress_practitioner',
		"SET contactpoint.reason = 'to compare'; SELECT * FROM contactpoint.record ORDER BY child_id"
	);
}

sub count_children
{
	my ($dbname) = @_;
	return $node->safe_psql($dbname,
		'SELECT count(*) FROM contactpoint.child');
}

# A table nobody thought of would be lost without a word.
is( $node->safe_psql(
		'contactpoint', q{
		SELECT string_agg(c.relname, ' ' ORDER BY c.relname) FROM pg_class c
		WHERE c.relnamespace = 'contactpoint'::regnamespace AND c.relkind IN ('r', 'S', 'm')
		  AND NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid AND i.inhparent = 'contactpoint.ledger'::regclass)
		  AND NOT EXISTS (SELECT FROM pg_extension e WHERE e.extname = 'contactpoint' AND c.oid = ANY (e.extconfig))}
	),
	'digest_key guard_key job key_version match_key match_person name_word place_key restore_mark shield_category similar_word weight word_count',
	'every table is dumped but those that the script fills and those made anew'
);

# Entries move from the journal into the ledger all the time: what must come
# through is a head, and all that stands under it.
my ($size, $root) = split /\|/,
  $node->safe_psql('contactpoint',
	'SELECT size, root FROM contactpoint.audit_head()');
cmp_ok($size, '>', 0, 'something is under seal');
my %moving =
  map { $_ => 1 } qw(journal ledger_head ledger_month ledger_tile);

sub count_entries
{
	my ($dbname) = @_;
	return $node->safe_psql($dbname,
		q{SELECT count(*) FROM contactpoint.audit WHERE application = '010_restore.pl'});
}
my $entries_before = count_entries('contactpoint');

my $before = contents('contactpoint');
my $seen_before = as_seen('contactpoint');
is(join(' ', grep { !$moving{$_} && (!defined $before->{$_} || $before->{$_} eq '') } sort keys %kind),
	'', 'there is something in everything that is dumped');
like($seen_before, qr/^$hidden\|Philippa Jane\|Harrowgate\|F\|2013-05-11\|t\|\|\|\|\|$/m,
	'the child in the vault shows nothing but name, sex and birth date');

# ---------- dumps ----------

$node->command_ok(
	[ 'pg_dump', '-f', "$backup/plain.sql", 'contactpoint' ], 'pg_dump');
$node->command_ok(
	[ 'pg_dump', '-Fc', '-f', "$backup/custom.dump", 'contactpoint' ],
	'pg_dump -Fc');
my $dump = slurp_file("$backup/plain.sql");
is( $node->safe_psql(
		'contactpoint',
		q{SELECT count(*) > 0 FROM contactpoint.audit WHERE statement LIKE 'COPY contactpoint.address_vault %' AND vault AND outcome = 'disclosed'}
	),
	't',
	'a dump is a look into the vault, and recorded');

# ---------- a restore into $dbname, announced or not ----------

sub restore
{
	my ($dbname, $options, @command) = @_;

	$node->safe_psql('postgres', "CREATE DATABASE $dbname TEMPLATE template0");
	local $ENV{PGOPTIONS} = $options;
	return $node->command_ok([ @command, '-d', $dbname ],
		"$dbname: the dump is restored");
}

# Nobody reads, no row is settled, no record is made by hand.
sub check_closed
{
	my ($dbname) = @_;

	for my $look (
		'SELECT count(*) FROM contactpoint.child',
		'SELECT * FROM contactpoint.record',
		'SELECT address FROM contactpoint.address',
		q{SELECT * FROM contactpoint.search(family_name => 'Cartwright')},
		'COPY contactpoint.child TO STDOUT')
	{
		ContactPoint::refused($node, $dbname, 'regress_practitioner',
			"SET contactpoint.reason = 'too early'; $look",
			'KC011', "$dbname: not validated, refused to a practitioner: $look");
	}
	for my $rel ('child', 'address', 'address_vault', 'carer_open', 'alias',
		'upload', 'review', 'shield', 'shield_alert', 'access_grant', 'source_link',
		'remembered', 'decided_row', 'merge_log', 'merged_record', 'merge_request', 'undo_log', 'mistaken_look',
		'hidden_record', 'former_identity', 'former_row', 'advance_shield',
		'settlement', 'match_person', 'journal', 'audit')
	{
		ContactPoint::refused($node, $dbname, undef,
			"SELECT * FROM contactpoint.$rel",
			'KC011', "$dbname: not validated, refused to a superuser: $rel");
	}
	ContactPoint::refused($node, $dbname, undef,
		'COPY contactpoint.address_vault TO STDOUT',
		'KC011', "$dbname: not validated, refused to a superuser: COPY TO");
	$node->command_fails_like([ 'pg_dump', '-f', '/dev/null', $dbname ],
		qr/validate_restore/, "$dbname: not validated, refused: pg_dump");
	ContactPoint::refused($node, $dbname, 'regress_auditor',
		"SET contactpoint.reason = 'too early'; SELECT * FROM contactpoint.audit",
		'KC011', "$dbname: not validated, refused to an auditor: audit");
	my ($status) = ContactPoint::as($node, $dbname, 'regress_manager',
		'SELECT contactpoint.validate_restore()');
	is($status, 3, "$dbname: a manager cannot validate");
	return;
}

# While the matcher has no keys every child looks new.
sub check_nothing_settled
{
	my ($dbname) = @_;

	ContactPoint::as($node, $dbname, 'regress_feed', <<'SQL');
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
('health', 're-early', 'Philippa Jane', 'Harrowgate', 'F', '2013-05-11', '1 Refuge Lane', 'HID 0EN');
SQL
	ContactPoint::as($node, $dbname, undef,
		"CALL contactpoint.settle('1 second')");
	is( $node->safe_psql(
			$dbname,
			q{SELECT count(*) FROM contactpoint.receipt WHERE source_ref = 're-early' AND settled_at IS NOT NULL}
		),
		'0',
		"$dbname: not validated, no row is settled");
	my ($status) = ContactPoint::as($node, $dbname, 'regress_manager', <<'SQL');
SET contactpoint.reason = 'a record by hand';
INSERT INTO contactpoint.child (given_names, family_name, sex, date_of_birth)
VALUES ('Rosalind', 'Cartwright', 'F', '2010-01-20');
SQL
	is($status, 3,
		"$dbname: not validated, a second record is not made by hand either");
	return;
}

sub check_validated
{
	my ($dbname) = @_;

	is( $node->safe_psql($dbname, 'SELECT contactpoint.validate_restore()'),
		'4', "$dbname: validated, with all children");
	my $after = contents($dbname);
	for my $rel (grep { !$moving{$_} } sort keys %kind)
	{
		is($after->{$rel}, $before->{$rel}, "$dbname: the same $rel");
	}
	is( $node->safe_psql(
			$dbname,
			"SELECT intact, checked FROM contactpoint.audit_verify(1, $size, '$root')"
		),
		"t|$size",
		"$dbname: what was under seal still is");
	cmp_ok(count_entries($dbname), '>=', $entries_before,
		"$dbname: no entry of the audit is lost");
	is(as_seen($dbname), $seen_before,
		"$dbname: a practitioner sees what was seen before");
	return;
}

# The restored registry works, which the matcher's keys decide.
sub check_alive
{
	my ($dbname) = @_;

	ContactPoint::ask($node, $dbname, 'regress_feed', <<'SQL');
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
('health', 're-1', 'Rosalynd', 'Cartwright', 'F', '2010-01-20', '2 Same House', 'SI1 1AA'),
('health', 're-2', 'Phillipa Jane', 'Harowgate', 'F', '2013-05-11', '1 Refuge Lane', 'HID 0EN'),
('health', 're-3', 'Dominic', 'Alderton', 'M', '2012-08-09', '4 Oak Close', 'SU2 2BB');
SQL
	ContactPoint::ask($node, $dbname, 'regress_manager',
		'CALL contactpoint.settle()');
	is(count_children($dbname), '4',
		"$dbname: misspelt rows about known children make no record");
	is( $node->safe_psql(
			$dbname, qq{
			SELECT outcome FROM contactpoint.settlement
			WHERE source_ref = 're-1' AND child_id = $child->{Rosalind}}),
		'match',
		"$dbname: and find the right one");
	is( $node->safe_psql(
			$dbname,
			q{SELECT count(*) FROM contactpoint.address_open WHERE postcode = 'HID 0EN'}
		),
		'0',
		"$dbname: the hidden place is in no open leaf");

	# what waited in the dump is not lost, and not taken for somebody new
	$node->safe_psql($dbname,
		"UPDATE contactpoint.source SET embargoed_at = NULL WHERE source = 'late'"
	);
	ContactPoint::ask($node, $dbname, 'regress_manager',
		'CALL contactpoint.settle()');
	is( $node->safe_psql(
			$dbname, q{
			SELECT count(*) FROM contactpoint.settlement
			WHERE source_ref = 'fi-4' AND outcome IN ('match', 'hold')}),
		'1',
		"$dbname: a row that was pending in the dump is settled");
	ContactPoint::ask($node, $dbname, 'regress_feed', <<'SQL');
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
('health', 're-4', 1, 'Wilhelmina', 'Ravenscroft', 'F', '2011-03-30', '9 Hill Top', 'RA1 1AA');
SQL
	ContactPoint::ask($node, $dbname, 'regress_manager',
		'CALL contactpoint.settle()');
	is(count_children($dbname), '5', "$dbname: a new child gets a record");
	check_hidden($dbname);

	ContactPoint::ask($node, $dbname, 'regress_manager',
		"SELECT contactpoint.shield($child->{Rosalind}, 'now her too', 'harm')"
	);
	is( $node->safe_psql(
			$dbname, qq{
			SELECT (SELECT count(*) FROM contactpoint.address_vault WHERE child_id = $child->{Rosalind}) > 0,
				(SELECT count(*) FROM contactpoint.address_open WHERE child_id = $child->{Rosalind})}
		),
		't|0',
		"$dbname: a shield moves details into the vault");
	is( ContactPoint::ask(
			$node, $dbname, 'regress_social', <<"SQL"),
SET contactpoint.reason = 'core group';
SELECT contactpoint.open_shielded($hidden, 'core group') > now();
SELECT count(*) FROM contactpoint.address WHERE child_id = $hidden AND postcode = 'SU1 1AA';
SQL
		"t\n1",
		"$dbname: the grant opens the record it stood for");
	my $review = $node->safe_psql($dbname,
		q{SELECT review_id FROM contactpoint.review WHERE source_ref = 'fi-6' AND decided_at IS NULL}
	);
	is( ContactPoint::ask(
			$node, $dbname, 'regress_manager', <<"SQL"),
SET contactpoint.reason = 'reviews';
SELECT contactpoint.decide($review, 'same', $hidden);
SQL
		$hidden,
		"$dbname: a held row is decided");
	is( $node->safe_psql(
			$dbname,
			q{SELECT count(*) FROM contactpoint.address_open WHERE postcode = 'HID 0EN'}
		),
		'0',
		"$dbname: and its place goes into the vault");
	return;
}

# Who is not in child is known all the same.
sub check_hidden
{
	my ($dbname) = @_;

	ContactPoint::ask($node, $dbname, 'regress_feed', <<'SQL');
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
('health', 're-5', 'Cordelia', 'Lindenbaum', 'F', '2009-12-02', '5 Lime Walk', 'SU3 3CC'),
('health', 're-6', 'Cordelia', 'Eichenlaub', 'F', '2009-12-02', NULL, NULL),
('school', 'fi-7', 'Cordelia', 'Lindenbaum', 'F', '2009-12-02', '5 Lime Walk', 'SU3 3CC'),
('health', 're-7', 'Ottilie', 'Erlenbruch', 'F', '2014-04-24', '6 Elder Walk', 'SU4 4DD');
SQL
	ContactPoint::ask($node, $dbname, 'regress_manager',
		'CALL contactpoint.settle()');
	is( $node->safe_psql(
			$dbname, qq{
			SELECT string_agg(s.outcome || ' ' || coalesce($former = ANY (r.candidates), false), ', ' ORDER BY s.upload_id)
			FROM contactpoint.settlement s
			JOIN contactpoint.review r ON r.source = s.source AND r.source_ref = s.source_ref AND r.decided_at IS NULL
			WHERE s.source_ref IN ('re-5', 're-6', 'fi-7')}
		),
		'hold true, hold true, hold true',
		"$dbname: rows of a former identity are held");
	is( $node->safe_psql(
			$dbname,
			qq{SELECT child_id = $expected AND shielded FROM contactpoint.child WHERE given_names = 'Ottilie'}
		),
		't',
		"$dbname: a child shielded in advance is born shielded");
	is( $node->safe_psql(
			$dbname, "SELECT contactpoint._present_number($former)"),
		$present,
		"$dbname: the former identity leads to the present one");
	return;
}

restore('plain', $announced, 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1',
	'-f', "$backup/plain.sql");
check_closed('plain');
check_validated('plain');
check_alive('plain');

restore('custom', $announced, 'pg_restore', '-e', '-j4',
	"$backup/custom.dump");
check_nothing_settled('custom');
$node->safe_psql('custom', 'SELECT contactpoint.validate_restore()');
ContactPoint::ask($node, 'custom', 'regress_manager',
	'CALL contactpoint.settle()');
is( $node->safe_psql(
		'custom',
		'SELECT count(*), count(*) FILTER (WHERE shielded) FROM contactpoint.child'
	),
	'4|2',
	'custom: what came before the validation made no second record');
is(as_seen('custom'), $seen_before,
	'custom: a practitioner sees what was seen before');
$node->safe_psql('postgres', 'DROP DATABASE custom');

restore('parallel', $announced, 'pg_restore', '-e', '-j4',
	"$backup/custom.dump");
ContactPoint::refused($node, 'parallel', 'regress_practitioner',
	"SET contactpoint.reason = 'too early'; SELECT * FROM contactpoint.child",
	'KC011', 'parallel: not validated, refused');
check_validated('parallel');
check_alive('parallel');

# ---------- dumps that were tampered with ----------

# One row of a COPY block, out of the dump and, changed, into another block.
sub move_row
{
	my ($text, $from, $to) = @_;

	$text =~ s/^(COPY contactpoint\.$from \(.*\) FROM stdin;\n)($hidden\tt)(\t.*\n)/$1/m
	  or die "no row of $from in the dump";
	my $row = "$hidden\tf$3";
	$text =~ s/^(COPY contactpoint\.$to \(.*\) FROM stdin;\n)/$1$row/m
	  or die "no rows of $to in the dump";
	return $text;
}

my %tampered = (
	moved => move_row($dump, 'address_vault', 'address_open'),
	unshielded => $dump =~
	  s/^($hidden\tPhilippa Jane\tHarrowgate\tF\t2013-05-11\t)t$/$1f/mr,
	twofold => $dump =~
	  s/^($hidden\tPhilippa Jane\t.*\n)/$1$former\tCordelia\tLindenbaum\tF\t2009-12-02\tf\n/mr,
	unlinked => $dump =~
	  s/^(COPY contactpoint\.former_identity \(.*\) FROM stdin;\n$former\t$present\t)$present\t/$1$child->{Dominic}\t/mr,
	withdrawn => $dump =~
	  s/^$expected\texpected\t.*\n//mr,
	lifted => $dump =~
	  s/^(COPY contactpoint\.shield \(.*\) FROM stdin;\n)\d+\t$hidden\t.*\n/$1/mr);
for my $dbname (sort keys %tampered)
{
	isnt($tampered{$dbname}, $dump, "$dbname: the dump is tampered with");
	append_to_file("$backup/$dbname.sql", $tampered{$dbname});
	restore($dbname, $announced, 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1',
		'-f', "$backup/$dbname.sql");
	ContactPoint::refused($node, $dbname, undef,
		'SELECT contactpoint.validate_restore()',
		'KC011', "$dbname: not validated");
	ContactPoint::refused($node, $dbname, 'regress_practitioner',
		"SET contactpoint.reason = 'look'; SELECT * FROM contactpoint.address",
		'KC011', "$dbname: stays closed");
}

# ---------- a restore that nobody announced ----------

# What the guards refuse may be missing then, but psql says so and what is in
# the vault in the dump is readable nowhere, also when the matcher has been at
# the rows that came through.
{
	my ($stdout, $stderr);

	$node->safe_psql('postgres',
		'CREATE DATABASE unannounced TEMPLATE template0');
	my $status =
	  $node->psql('unannounced', $dump, stdout => \$stdout, stderr => \$stderr);
	isnt($status, 0, 'unannounced: psql stops at an error');
	like($stderr, qr/ERROR/, 'unannounced: and shows it');

	$node->safe_psql('postgres', 'DROP DATABASE unannounced');
	$node->safe_psql('postgres',
		'CREATE DATABASE unannounced TEMPLATE template0');
	$node->psql(
		'unannounced', $dump,
		stdout        => \$stdout,
		stderr        => \$stderr,
		on_error_stop => 0);
	like($stderr, qr/ERROR/, 'unannounced, going on: errors are shown');
	ContactPoint::as($node, 'unannounced', undef,
		"CALL contactpoint.settle('3 seconds')");
	my (undef, $seen) = ContactPoint::as(
		$node, 'unannounced', 'regress_practitioner',
		"SET contactpoint.reason = 'look'; SELECT address, postcode FROM contactpoint.address"
	);
	unlike($seen, qr/HID 0EN|SU1 1AA/,
		'unannounced, going on: no hidden place can be read');
	(undef, $seen) = ContactPoint::as(
		$node, 'unannounced', 'regress_practitioner',
		"SET contactpoint.reason = 'look'; SELECT given_names FROM contactpoint.child WHERE NOT shielded"
	);
	unlike($seen, qr/Phil+ip+a/,
		'unannounced, going on: no open record of the shielded child');
}

# pg_restore can switch triggers off, and leaves those that always fired as
# ordinary ones.
{
	my $always = q{
		SELECT count(*) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
		WHERE c.relnamespace = 'contactpoint'::regnamespace AND t.tgenabled = 'A'};

	$node->safe_psql('postgres',
		'CREATE DATABASE untriggered TEMPLATE template0');
	$node->safe_psql('untriggered',
		'SET client_min_messages = warning; CREATE EXTENSION contactpoint CASCADE'
	);
	$node->run_log(
		[
			'pg_restore', '-a', '--disable-triggers', '-d', 'untriggered',
			"$backup/custom.dump"
		]);
	is( $node->safe_psql('untriggered', $always),
		$node->safe_psql('contactpoint', $always),
		'--disable-triggers: what always fired still does');
	my (undef, $seen) = ContactPoint::as(
		$node, 'untriggered', 'regress_practitioner',
		"SET contactpoint.reason = 'look'; SELECT address, postcode FROM contactpoint.address"
	);
	unlike($seen, qr/HID 0EN|SU1 1AA/,
		'--disable-triggers: no place that came with the dump can be read');
	is( $node->safe_psql('untriggered', 'SELECT count(*) FROM contactpoint.child'),
		'0', '--disable-triggers: no half of a registry is there');
}

$node->stop;
done_testing();
