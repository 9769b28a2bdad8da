# What was disclosed today counts after a restart, too.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use ContactPoint;

my $db = 'contactpoint';
my $node = ContactPoint::start('limits');
my $child = ContactPoint::fill($node, $db);
my $reader = 'regress_override';
$node->safe_psql($db, "ALTER DATABASE $db SET contactpoint.max_disclosure_day = 2");

sub look
{
	my ($name) = @_;
	return "SET contactpoint.reason = 'limits'; SELECT given_names FROM contactpoint.child WHERE child_id = $child->{$name}";
}

is(ContactPoint::ask($node, $db, $reader, look('Rosalind')), 'Rosalind', 'the first child of the day');
is(ContactPoint::ask($node, $db, $reader, look('Dominic')), 'Dominic', 'the second');
ContactPoint::refused($node, $db, $reader, look('Philippa Jane'), 'KC013', 'one too many');
for my $mode ('fast', 'immediate')
{
	$node->stop($mode);
	$node->start;
	# the sealer makes the count up before it seals
	$node->safe_psql($db, 'SELECT count(*) FROM contactpoint.child');
	my $last = $node->safe_psql($db, 'SELECT max(entry) FROM contactpoint.audit');
	$node->poll_query_until($db, "SELECT size >= $last FROM contactpoint.audit_head()")
	  or die 'nothing is sealed';
	ContactPoint::refused($node, $db, $reader, look('Philippa Jane'),
		'KC013', "still one too many after a restart ($mode)");
}
is(ContactPoint::ask($node, $db, 'regress_manager', look('Philippa Jane')),
	'Philippa Jane', 'managers are not bound');

$node->stop;
done_testing();
