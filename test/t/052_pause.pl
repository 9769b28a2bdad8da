# All feeds stopped by hand, because nobody noticed: a source of which too many
# rows are held is paused by the matcher itself.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use ContactPoint;

my $db = 'contactpoint';
my $settle = "CALL contactpoint.settle('1 minute')";
my $columns = 'source, source_ref, given_names, family_name, date_of_birth, postcode';
my $node = ContactPoint::start('pause', conf => <<'CONF');
contactpoint.held_share_limit = 20
contactpoint.held_share_rows = 20
contactpoint.settle_batch = 3
CONF
ContactPoint::people($node, $db);
$node->safe_psql($db, q{
	INSERT INTO contactpoint.source (source, organisation_id, feed_role)
	VALUES ('noisy', 1, 'regress_feed'), ('steady', 1, 'regress_feed'), ('busy', 1, 'regress_feed')});

my @given = qw(Adelaide Barnaby Clementine Dorian Evangeline Fitzgerald Gwendolen Horatio Isadora Jeremiah);
my @family = qw(Abernathy Blackwood Carmichael Dunsmore Ellsworth Featherstone Galbraith);
my $sent = 0;

# Rows of a source: + is a new child, - says too little and is held.
sub upload
{
	my ($source, $rows) = @_;
	my @values;

	for my $kind (split //, $rows)
	{
		my $i = $sent++;

		push @values, $kind eq '-' ? "('$source', 'pa-$i', NULL, NULL, NULL, NULL)" :
		  sprintf "('%s', 'pa-%d', '%s', '%s%s', '%04d-%02d-%02d', 'PA%d 1AA')", $source, $i, $given[ $i * 3 % @given ],
		  $family[ $i % @family ], lc $given[ $i % @given ], 1990 + $i % 25, 1 + $i * 5 % 12, 1 + $i * 11 % 28, $i % 90;
	}
	return ContactPoint::as($node, $db, 'regress_feed',
		"INSERT INTO contactpoint.upload ($columns) VALUES " . join ', ', @values);
}

sub settled
{
	ContactPoint::ask($node, $db, 'regress_manager', $settle);
	return;
}

sub gates
{
	my ($source) = @_;
	return $node->safe_psql($db,
		"SELECT kind, reason, closed_by, opened_by FROM contactpoint.source_gate WHERE source = '$source' ORDER BY gate_id");
}

sub tally
{
	my ($source) = @_;
	return $node->safe_psql($db, "SELECT settled, held FROM contactpoint.source_tally WHERE source = '$source'");
}

# ---------- one row in five is held, and no more ----------

upload('steady', '+---+' . '+' x 14 . '-') for 1 .. 3;
settled();
is(gates('steady'), '', 'a fifth of the rows is held: nothing happens');
is(tally('steady'), '0|0', 'twenty rows are counted together, then anew');
upload('steady', '----' . '+' x 14 . '--');
settled();
is(gates('steady'), 'pause|too many of its rows are held|contactpoint matcher|', 'one more is too many');

# A feed that learns how near it is to a pause with one reference could try the next row.
$node->safe_psql($db, q{INSERT INTO contactpoint.source (source, organisation_id, feed_role) VALUES ('patient', 1, 'regress_feed')});
ContactPoint::as($node, $db, 'regress_feed',
	"INSERT INTO contactpoint.upload ($columns) SELECT 'patient', 'one', NULL, NULL, NULL, NULL FROM generate_series(1, 12)");
settled();
is(tally('patient') . gates('patient'), '1|1', 'rows that join one review are counted once');

# ---------- all feeds stopped by hand ----------

my $listener = $node->background_psql($db);
$listener->query_safe('LISTEN contactpoint_gate');
my ($status) = upload('noisy', '-' x 12);
is($status, 0, 'rows are received');
settled();
is(gates('noisy'), 'pause|too many of its rows are held|contactpoint matcher|', 'the source is paused, once');
is( $node->safe_psql($db, q{SELECT outcome, count(*) FROM contactpoint.settlement WHERE source = 'noisy' GROUP BY 1 ORDER BY 1}),
	'hold|12', 'and what it had sent before is settled as ever');
my $heard = $listener->query('SELECT 1');
like($heard, qr/Asynchronous notification "contactpoint_gate" received/, 'whoever listens hears of it');
unlike($heard, qr/payload|noisy/, 'and of nothing else');
$listener->quit;
ContactPoint::refused($node, $db, 'regress_feed',
	"INSERT INTO contactpoint.upload ($columns) VALUES ('noisy', 'pa-late', NULL, NULL, NULL, NULL)",
	'KC005', 'what it sends now is refused');
is((upload('school', '-'))[0], 0, 'other sources go on');
is(ContactPoint::ask($node, $db, 'regress_manager', 'SELECT paused_sources, paused_by_matcher FROM contactpoint.status'),
	'{noisy,steady}|{noisy,steady}', 'managers see it in the status');
ContactPoint::ask($node, $db, 'regress_manager', "SELECT contactpoint.resume_uploads('noisy')");
is(gates('noisy'), 'pause|too many of its rows are held|contactpoint matcher|regress_manager', 'a manager resumes it');
is((upload('noisy', '++'))[0], 0, 'and it sends again');
settled();
like(gates('noisy'), qr/regress_manager$/, 'what was held before does not count again');

# ---------- what is in the way ----------

# Somebody keeps the row of the source locked: the matcher goes on, and pauses it later.
my $holder = $node->background_psql($db);
$holder->query_safe("BEGIN; UPDATE contactpoint.source SET priority = 50 WHERE source = 'busy'");
upload('busy', '-----');
settled();
is($node->safe_psql($db, "SELECT count(*) FROM contactpoint.settlement WHERE source = 'busy'"), '5',
	'rows are settled while somebody is at the source');
is(gates('busy'), '', 'which is not paused yet');
$holder->query_safe('COMMIT');
$holder->quit;
upload('busy', '+');
settled();
is(gates('busy'), 'pause|too many of its rows are held|contactpoint matcher|', 'but with the next row');

# A pause by hand is left as it is.
ContactPoint::ask($node, $db, 'regress_manager', "SELECT contactpoint.resume_uploads('steady')");
ContactPoint::close_inbox($node, $db);
upload('steady', '-' x 12);
ContactPoint::open_inbox($node, $db);
ContactPoint::ask($node, $db, 'regress_manager', "SELECT contactpoint.pause_uploads('steady', 'by hand')");
settled();
like(gates('steady'), qr/contactpoint matcher\|regress_manager\npause\|/, 'a source is paused once');
is(scalar(my @gates = split(/\n/, gates("steady"))), 2, 'whoever does it');

$node->stop;
done_testing();
