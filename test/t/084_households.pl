# How many of a household records have is counted, and scores go by it.
use strict;
use warnings;

use Digest::MD5 qw(md5);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use ContactPoint;

my $db = 'contactpoint';
my $node = ContactPoint::start('households');
ContactPoint::people($node, $db);

# Names that are unlike one another.
my @syllable = qw(ba de fi go hu ja ke li mo nu pa re si to vu wa ye zi);

sub name
{
	my ($n) = @_;
	return ucfirst join '', map { $syllable[ $_ % @syllable ] } unpack 'C4', md5($n);
}

# Rows as COPY has them.
sub send_rows
{
	my (@rows) = @_;
	my $rows = join '', map { join("\t", 'health', @$_) . "\n" } @rows;
	ContactPoint::ask($node, $db, 'regress_feed',
		"COPY contactpoint.upload (source, source_ref, given_names, family_name, date_of_birth, address, postcode) FROM stdin;\n$rows\\.\n");
	ContactPoint::ask($node, $db, 'regress_manager', "CALL contactpoint.settle('2 minutes')");
	return;
}

# Others of a household, and twins, of a thousand records.
sub counted
{
	return split /\|/, $node->safe_psql($db,
		'SELECT given_frozen / 1000, family_frozen / 1000 FROM contactpoint.word_count WHERE word_id = 1');
}

is(scalar(my @none = counted()), 0, 'nothing is counted in an empty registry');

# ---------- children that live alone ----------

my @usual = (
	[ 'usual-1', 'Marnie Beatrix', 'Pennyweather', '2010-08-23', '12 Cliff Street', 'UN1 1AA' ],
	[ 'usual-2', 'Marnie', 'Quarrington', '2003-01-11', '1 Dale Street', 'UN2 1AA' ],
	[ 'usual-3', 'Minnie', 'Ravenscroft', '2005-04-17', '2 Dale Street', 'UN2 1AB' ],
	[ 'usual-4', 'Minnie', 'Silverthorne', '2006-12-05', '3 Hill Street', 'UN3 1AA' ]);
my @frequent = map { [ "freq-$_", $_ % 2 ? 'Horatio' : 'Clementina', 'W' . name($_ * 5 + 2), sprintf('%04d-%02d-%02d', 1980 + $_, 1 + $_ % 12, 1 + $_ % 28),
	($_ + 1) . ' ' . name($_ + 900) . ' Row', 'FR1 1AA' ] } 1 .. 24;
send_rows(@usual, @frequent, map { [ "one-$_", name($_), 'X' . name($_ * 3 + 1), sprintf('%04d-%02d-%02d', 2000 + $_ % 17, 1 + $_ % 12, 1 + $_ % 28),
	($_ + 1) . ' ' . name($_ + 40) . ' Road', 'AL1 1AA' ] } 1 .. 200);
cmp_ok($node->safe_psql($db, 'SELECT count(*) FROM contactpoint.child'), '>', 150, 'most are records');
my ($others, $twins) = counted();
cmp_ok($others, '<', 250, 'no households are found where there are none');
cmp_ok($twins, '<=', $others * 0.04, 'nor twins');

# Nothing but the house agrees, and a given name that is alike: a slip, or two usual names.
send_rows([ 'slip', 'Marnic Ottilie', 'Tattersfield', '2016-05-30', '12 Cliff Street', 'UN1 1AA' ],
	[ 'other', 'Minnie Ottilie', 'Tattersfield', '2018-05-30', '12 Cliff Street', 'UN1 1AA' ]);
is($node->safe_psql($db, q{SELECT string_agg(outcome, ' ' ORDER BY source_ref DESC) FROM contactpoint.settlement WHERE source_ref IN ('slip', 'other')}),
	'hold new', 'one usual name is not doubted for another');

# A boy and a girl: twins who have usual names of their own, and two of one family whose names are alike.
# Each is sent by a source of its own, which so cannot tell them apart.
sub settle_sexed
{
	my ($ref, @rows) = @_;
	my @sources = ('school', 'health');
	my $rows = join '', map { join("\t", $sources[ $_ % 2 ], @{ $rows[$_] }) . "\n" } 0 .. $#rows;

	ContactPoint::ask($node, $db, 'regress_feed',
		"COPY contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode) FROM stdin;\n$rows\\.\n");
	ContactPoint::ask($node, $db, 'regress_manager', "CALL contactpoint.settle('2 minutes')");
	return $node->safe_psql($db,
		"SELECT string_agg(outcome, ' ' ORDER BY source_ref) FROM contactpoint.settlement WHERE source_ref ~ '^$ref'");
}

my @twins = ('Gloverdale', '2012-05-05', '9 Moor Street', 'UN5 1AA');
is( settle_sexed('twin-',
		[ 'twin-a', 'Horatio', $twins[0], 'M', @twins[ 1 .. 3 ] ],
		[ 'twin-b', 'Clementina', $twins[0], 'F', @twins[ 1 .. 3 ] ],
		[ 'twin-c', 'Clementine', $twins[0], 'F', @twins[ 1 .. 3 ] ]),
	'new new match', 'a boy and a girl of usual names are twins');

# What is doubted is held whatever the score.
$node->safe_psql('postgres', 'ALTER SYSTEM SET contactpoint.possible_threshold = 30');
$node->reload;
is( settle_sexed('kin-',
		[ 'kin-a', 'Marnie', 'Thistlewood', 'F', '2001-02-03', '7 Fell Street', 'UN6 1AA' ],
		[ 'kin-b', 'Minnie', 'Thistlewood', 'M', '2013-09-21', '7 Fell Street', 'UN6 1AA' ],
		[ 'kin-c', 'Marnie', 'Underbank', 'F', '1998-07-19', '8 Crag Street', 'UN9 2AA' ],
		[ 'kin-d', 'Minnie', 'Underbank', 'F', '2016-05-30', '8 Crag Street', 'UN9 2AA' ]),
	'new new new hold', 'nor is a boy doubted for his sister because their names are alike');

# Elsewhere, and not all of name and birth date agree: such a record must be as likely as not.
$node->safe_psql('postgres', 'ALTER SYSTEM SET contactpoint.possible_threshold = -15');
$node->reload;
is( settle_sexed('away-',
		[ 'away-a', 'Yolanda', 'Redfearn', 'F', '2009-01-01', '3 Pike Street', 'UN7 1AA' ],
		[ 'away-b', 'Barnaby', 'Redfearn', 'M', '2009-01-01', '8 Tarn Road', 'TQ8 1BB' ],
		[ 'away-c', 'Barnabas', 'Redfearn', 'M', '2009-01-01', '3 Pike Street', 'UN7 1AA' ]),
	'new new hold', 'a namesake at another place is looked at only where it is likely');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET contactpoint.possible_threshold');
$node->reload;

# A row that names the house and the family of a child, and another birth date.
send_rows([ 'held', name(3), 'X' . name(10), '2003-04-05', '4 ' . name(43) . ' Road', 'AL1 1AA' ]);
my $held = $node->safe_psql($db, q{SELECT upload_id FROM contactpoint.settlement WHERE source_ref = 'held' AND outcome = 'hold'});
isnt($held, '', 'a row is held');

sub total
{
	my ($upload) = @_;

	return ContactPoint::ask($node, $db, 'regress_manager',
		"SET contactpoint.reason = 'a test'; SELECT max(score) FROM contactpoint.explain_match($upload)");
}

my $alone = total($held);

# ---------- households ----------

# Three brothers and sisters in each house, and twins besides in each fifth.
my @rows;
for my $house (1 .. 150)
{
	my $family = 'Q' . name($house * 7 + 2);
	for my $child (0 .. ($house % 5 == 0 ? 3 : 2))
	{
		push @rows, [ "h-$house-$child", name("$house $child given"), $family,
			sprintf('%04d-%02d-%02d', 2000 + ($child == 3 ? 8 : $child * 4) + $house % 3, $child == 1 ? 11 : 2 + $house % 4, 3 + $house % 20 + ($child == 0 ? 5 : 0)),
			"$house " . name($house) . ' Street', sprintf('HH%d 1AA', $house % 9 + 1) ];
	}
}
send_rows(@rows);
($others, $twins) = counted();
cmp_ok($others, '>', 450, 'households are counted when an epoch ends');
cmp_ok($others, '<', 3000, 'each of them once');
cmp_ok($twins, '>', 10, 'so are twins');
cmp_ok(total($held), '<', $alone, 'who shares house and family name is less likely one child where there are households');

# ---------- second records, and how often their dates are wrong ----------

# Of a million second records, those with quite another birth date.
sub redated
{
	return $node->safe_psql($db, 'SELECT family_frozen FROM contactpoint.word_count WHERE word_id = 0');
}

my $usual = 2**$node->safe_psql($db, "SELECT match FROM contactpoint.weight WHERE field = 'birth' AND level = 'differ'") * 1e6;
cmp_ok(abs(redated() - $usual), '<', 2, 'where no child has a second record, dates are wrong as often as the weights say');

# A row with the name and house of a child, and quite another birth date.
send_rows([ 'far', name(4), 'X' . name(13), '1999-11-28', '5 ' . name(44) . ' Road', 'AL1 1AA' ]);
my $far = $node->safe_psql($db, q{SELECT upload_id FROM contactpoint.settlement WHERE source_ref = 'far' AND outcome = 'hold'});
isnt($far, '', 'it is held');

# One child of each house gets the name of another, and its birth date but for so many.
sub doubled
{
	my ($one_in) = @_;
	$node->safe_psql($db, qq{SET contactpoint.restoring = on; SET session_replication_role = replica;
		WITH ranked AS (SELECT child_id, family_name, given_names, date_of_birth,
			row_number() OVER (PARTITION BY family_name ORDER BY child_id) AS n, hashtext(family_name) AS house
			FROM contactpoint.child WHERE family_name LIKE 'Q%')
		UPDATE contactpoint.child c SET given_names = one.given_names,
			date_of_birth = one.date_of_birth + CASE WHEN abs(two.house) % $one_in = 0 THEN 1234 ELSE 0 END
			FROM ranked one, ranked two
			WHERE one.n = 1 AND two.n = 2 AND one.family_name = two.family_name AND c.child_id = two.child_id;
		});
	$node->safe_psql($db, 'SELECT contactpoint.validate_restore()');
	return redated();
}

# All is compared with second records that have the right dates: a second record is no brother or sister.
cmp_ok(abs(doubled(1_000_000) - $usual), '<', 2, 'where all dates are right, they are wrong as often as the weights say');
my $careful = total($far);
cmp_ok(doubled(8), '>', 2 * $usual, 'where dates are often wrong, it is counted');
cmp_ok(total($far), '>', $careful + 1, 'and another date speaks less against one child');
cmp_ok(abs(doubled(1) - $usual), '<', 2, 'records of one home and name that never have one date are namesakes');
cmp_ok(abs(total($far) - $careful), '<', 0.2, 'and tell nothing');

# ---------- households that are made up ----------

@rows = ();
for my $house (1 .. 30)
{
	push @rows, [ "m-$house-$_", name("$house $_ given"), 'Z' . name("$house family"), sprintf('%04d-%02d-%02d', 1990 + $_, 1 + $_ % 12, 1 + ($_ * 7) % 28),
		"$house " . name("$house road") . ' Lane', 'MU1 1AA' ] for 1 .. 30;
}
send_rows(@rows);
my ($invented) = counted();
cmp_ok($invented, '>', $others, 'large households count as well');
cmp_ok($invented, '<=', 8000, 'no source makes them larger than any are');

# ---------- after a restore ----------

$node->safe_psql($db, 'SET contactpoint.allow_drop = on; SELECT contactpoint._rekey_all()');
my ($others_anew, $twins_anew) = counted();
cmp_ok(abs($others_anew - $invented), '<', 0.3 * $invented, 'made anew, households are counted again');
$node->stop;
done_testing();
