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

send_rows(map { [ "one-$_", name($_), 'X' . name($_ * 3 + 1), sprintf('%04d-%02d-%02d', 2000 + $_ % 17, 1 + $_ % 12, 1 + $_ % 28),
	($_ + 1) . ' ' . name($_ + 40) . ' Road', 'AL1 1AA' ] } 1 .. 200);
cmp_ok($node->safe_psql($db, 'SELECT count(*) FROM contactpoint.child'), '>', 150, 'most are records');
my ($others, $twins) = counted();
cmp_ok($others, '<', 250, 'no households are found where there are none');
cmp_ok($twins, '<=', $others * 0.04, 'nor twins');

# A row that names the house and the family of a child, and another birth date.
send_rows([ 'held', name(3), 'X' . name(10), '2003-04-05', '4 ' . name(43) . ' Road', 'AL1 1AA' ]);
my $held = $node->safe_psql($db, q{SELECT upload_id FROM contactpoint.settlement WHERE source_ref = 'held' AND outcome = 'hold'});
isnt($held, '', 'a row is held');

sub total
{
	return ContactPoint::ask($node, $db, 'regress_manager',
		"SET contactpoint.reason = 'a test'; SELECT max(score) FROM contactpoint.explain_match($held)");
}

my $alone = total();

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
cmp_ok(total(), '<', $alone, 'who shares house and family name is less likely one child where there are households');

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
