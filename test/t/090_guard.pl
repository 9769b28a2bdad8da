# Rows about shielded children, with errors, make no second record; rows about
# others are not held for it.  The small sister of `make guard`.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use ContactPoint;

# Where there are few records, the score alone holds nearly all of these rows: the
# bits by which it sinks up to a million records are put on the thresholds.
my $node = ContactPoint::start('guard',
	conf => "contactpoint.possible_threshold = 5\ncontactpoint.guard_threshold = 0\n"
);
my $made = PostgreSQL::Test::Utils::tempdir;

$node->command_ok(
	[
		'test/generate/run.sh', $made,
		'children=3000',        'seed=7',
		'shielded_share=0.05',  'shielded=900',
		'matched=300',          'new=300'
	],
	'children and uploads are made up');
$node->command_ok(
	[ 'psql', '-X', '-q', '-d', 'contactpoint', '-v', "dir=$made", '-f', 'test/generate/load.sql' ],
	'the registry is loaded');
$node->command_ok(
	[ 'psql', '-X', '-q', '-d', 'contactpoint', '-v', "dir=$made", '-f', 'test/guard/rows.sql' ],
	'the rows are settled');

sub count_rows
{
	my ($condition) = @_;
	return $node->safe_psql('contactpoint',
		"SELECT count(*) FROM public.result WHERE $condition");
}

# What a failure is about: combinations of errors.
sub none
{
	my ($condition, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is(
		$node->safe_psql(
			'contactpoint', "SELECT category, errors, source_ref FROM public.result WHERE $condition ORDER BY 1, 2, 3"
		),
		'', $name);
}

cmp_ok(count_rows(q{kind = 'shielded' AND n = 1}),
	'>', 250, 'there are rows with one error');
cmp_ok(count_rows(q{kind = 'shielded' AND n = 2 AND wide}),
	'>', 30, 'and with two about wide categories');
none(q{kind = 'shielded' AND outcome = 'new' AND n = 1},
	'no second record with one error');
none(q{kind = 'shielded' AND outcome = 'new' AND n = 2},
	'no second record with two errors');
cmp_ok(count_rows(q{kind = 'shielded' AND outcome = 'new'}),
	'<=', 30, 'few with three');
none('wrong', 'no row went to another child');
none(q{errors = 'twin' AND outcome = 'match'}, 'no twins were merged');
is( $node->safe_psql(
		'contactpoint', q{
		SELECT count(*) FROM contactpoint.review r JOIN public.result t USING (source, source_ref)
		WHERE r.reason LIKE '%shield%' OR (r.shielded AND r.score IS NOT NULL)}),
	0,
	'a review says neither that a child is shielded nor how well the row fits');

# 150 of 3,000 are guarded here, ten times as many as in a real registry
cmp_ok(count_rows(q{kind IN ('matched', 'new') AND held AND near_guarded}),
	'<=', 12, 'few rows about others are held for it');

$node->stop;
done_testing();
