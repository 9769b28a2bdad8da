# What the matcher keeps of records as they come, change and go is what it would
# make of them anew.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use ContactPoint;

my $db = 'contactpoint';
my $node = ContactPoint::start('rekey');
ContactPoint::fill($node, $db);

# Words have other numbers after a restore, so they are compared by themselves.
$node->safe_psql(
	$db, q{
	CREATE FUNCTION public.word(id int) RETURNS text LANGUAGE sql AS
		$$ SELECT coalesce((SELECT w.word FROM contactpoint.name_word w WHERE w.word_id = id), id::text) $$;
	CREATE FUNCTION public.spelt(fact text) RETURNS text LANGUAGE sql AS $$
		SELECT CASE WHEN fact !~ '^[nh]' THEN fact ELSE
			(SELECT string_agg(CASE WHEN m[1] ~ '\d' THEN public.word(m[1]::int) ELSE m[1] END, '' ORDER BY n)
				FROM regexp_matches(fact, '\d+|\D', 'g') WITH ORDINALITY AS t (m, n)) END $$;
	CREATE VIEW public.kept AS
		SELECT format('person %s %s %s %s', child_id, date_of_birth, sex, nearness) || ' '
			|| (SELECT string_agg(public.spelt(f), ' / ' ORDER BY n)
				FROM unnest(string_to_array(facts, chr(31))) WITH ORDINALITY AS t (f, n)) AS line
		FROM contactpoint.match_person
		UNION ALL SELECT format('key %s %s %s %s %s %s', key, date_of_birth, public.word(given_id), public.word(family_id), traits, child_id)
		FROM contactpoint.match_key
		UNION ALL SELECT format('guard %s %s %s %s %s %s', key, date_of_birth, public.word(given_id), public.word(family_id), traits, child_id)
		FROM contactpoint.guard_key
		UNION ALL SELECT format('similar %s %s %s', public.word(word_id), public.word(other_id), similarity)
		FROM contactpoint.similar_word
		UNION ALL SELECT format('count %s %s %s', public.word(word_id), given_count, CASE WHEN word_id <> 0 THEN family_count END)
		FROM contactpoint.word_count WHERE word_id <> 1 AND (given_count <> 0 OR family_count <> 0)});

sub kept
{
	return $node->safe_psql($db, 'SELECT line FROM public.kept ORDER BY line COLLATE "C"');
}

sub same_anew
{
	my ($name) = @_;
	my $before = kept();

	$node->safe_psql($db,
		'SET contactpoint.allow_drop = on; SELECT contactpoint._rekey_all()');
	is(kept(), $before, "$name: what is kept is what is made anew");
	return;
}

same_anew('a small registry with a vault');

# ---------- many records in one batch ----------

# Names that are unlike one another.
my @syllable = qw(ba de fi go hu ja ke li mo nu pa re si to vu wa ye zi cho tre spa blu gri fle);

sub name
{
	my ($n) = @_;
	my $name = '';

	for (1 .. 4)
	{
		$name .= $syllable[ $n % @syllable ];
		$n = int($n / @syllable) + $n * 7;
	}
	return ucfirst $name;
}

my $rows = join '', map {
	sprintf "health\tm-%d\t1\t%s %s\t%s-%s\t%04d-%02d-%02d\t%d High Street\tHS%d 1AA\t%s\t%s\n",
	  $_, name($_), name($_ % 50), name($_ * 13 + 5), name($_ % 40),
	  2001 + ($_ * 5) % 17, 1 + ($_ * 7) % 12, 1 + ($_ * 11) % 28, $_, $_ % 9,
	  $_ % 5 ? '\N' : sprintf('{"upn": "H%012d", "Ab": "%d7", "nhs number": "45055%05d"}', $_, $_ + 1000, $_),
	  $_ % 7 ? '\N' : sprintf('[{"kind": "former", "family_name": "Zuleik%s"}, {"kind": "birth", "given_names": "Aurora"}]', 'a' x ($_ % 4))
} 0 .. 599;
ContactPoint::ask($node, $db, 'regress_feed',
	"COPY contactpoint.upload (source, source_ref, authority, given_names, family_name, date_of_birth, address, postcode, identifiers, alias_names) FROM stdin;\n$rows\\.\n"
);
ContactPoint::ask($node, $db, 'regress_manager', "CALL contactpoint.settle('1 minute')");
cmp_ok(
	$node->safe_psql($db, 'SELECT count(*) FROM contactpoint.child'),
	'>', 300, 'most rows made a record');
is( $node->safe_psql(
		$db, 'SELECT given_count FROM contactpoint.word_count WHERE word_id = 0'),
	$node->safe_psql($db, 'SELECT count(*) FROM contactpoint.child'),
	'every record is counted');
my $marks = $node->safe_psql($db,
	q{SELECT given_frozen FROM contactpoint.word_count WHERE word_id = 0});
cmp_ok($marks, '>=', 64, 'scores go by counts of an epoch');
same_anew('a batch');

# ---------- changes by hand ----------

my $child = $node->safe_psql($db,
	'SELECT min(child_id) FROM contactpoint.child WHERE NOT shielded');
ContactPoint::ask($node, $db, 'regress_manager', <<"SQL");
SET contactpoint.reason = 'a test';
UPDATE contactpoint.child SET given_names = 'Quintilian', family_name = 'Quillfeather', date_of_birth = '2003-03-03' WHERE child_id = $child;
INSERT INTO contactpoint.address (child_id, postcode, address) VALUES ($child, 'AB1 2CD', '9 New Road');
INSERT INTO contactpoint.identifier (child_id, kind, value) VALUES ($child, 'passport', 'P123456');
SELECT contactpoint.shield($child, 'a reason', 'other');
SQL
same_anew('changes by hand');

# ---------- words that are spelt alike ----------

# A session that asks seldom has pg_trgm look, one that asks often its memory.
my @slips = qw(Bademo Badengo Goshul Jukeno Kelimba Quintilia Quillfather Moresito Zychodre Wuvasi);
for my $i (0 .. $#slips)
{
	ContactPoint::ask($node, $db, 'regress_manager', <<"SQL");
SET contactpoint.reason = 'a test';
INSERT INTO contactpoint.child (given_names, family_name, date_of_birth)
SELECT '$slips[$i]', overlay(word PLACING 'x' FROM 3), date '2004-01-01' + $i
FROM unnest(ARRAY['quillfeather', 'quintilian', 'oglethorpe', 'featherstone', 'zuleikaa', 'batofifi', 'dedegohu', 'kemonupa', 'zuleik', 'aurora']) WITH ORDINALITY _ (word, i)
WHERE i = $i + 1;
SQL
}
cmp_ok($node->safe_psql($db, 'SELECT count(*) FROM contactpoint.similar_word'), '>', 40, 'there are words that are spelt alike');
same_anew('words one by one');

# The comparison can fail.
my $before = kept();
$node->safe_psql($db,
	"SET contactpoint.allow_drop = on; DELETE FROM contactpoint.match_key WHERE child_id = $child");
isnt(kept(), $before, 'a missing key is noticed');

done_testing();
