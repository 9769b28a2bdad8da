# Capture: the set of (relation, child) in the audit is the set of rows that the
# query's own code could see, for every way to read; not one more, not one less.
#
# The same table of cases runs twice: with the library as it is, and with one
# that records nothing (control => 'capture'), where every case that expects a
# child must miss it.  So a case that would pass without capture fails here.
#
# A case is
#	look NAME, ROLE, SQL, EXPECTED, OPTION => ...
# ROLE is practitioner, manager, social (protection, with record S opened), nurse
# (protection, with nothing opened) or superuser.  In SQL :A to :T are the numbers of children.
# EXPECTED is what the audit says of it, as "relation: children; ...":
#	child: A C-F		exactly these children of table child
#	child: *			all of them; open: those who are not shielded
#	vault address: S	the same, marked as of the vault
#	child by regress_manager: A		recorded for another role than the session's
#	child: nothing		a look that found nothing; refused, failed likewise
#	shield: done A		a command of the interface
#	upload: -			rows that name no child
#	""					no entry at all
# or a function that makes it of the answer.  A row is consulted, and so expected,
# when it has passed those conditions that tell nobody; conditions that run
# somebody's code, sub-selects, joins, sorts and limits come after that.
# OPTION is
#	set => [...]		settings of the session
#	plan => qr/.../		what EXPLAIN must say, or the case is not what it claims
#						(a list: all of them); of => the statement to explain
#	unplan => qr/.../	what it must not say
#	analyze => 1		ask EXPLAIN ANALYZE for it
#	error => SQLSTATE	what it fails with; all others must not fail; control_error,
#						if it is another one without capture
#	before, after		SQL of a superuser
#	since => 17			from this major version on; until => 17: up to it; if => SQL that must be true
#	via => sub			does the work itself: gets the case and its session,
#						returns the answers
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use ContactPoint;
use Wire;

my $db = 'contactpoint';
my $superuser = getpwuid $<;
my %role = (
	practitioner => 'regress_practitioner',
	manager      => 'regress_manager',
	social       => 'regress_social',
	nurse        => 'regress_nurse',
	superuser    => undef);

my @open = ('A' .. 'O');
my @vault = ('S', 'T');
my %family = map { substr($_, 0, 1) => $_ } qw(Appleyard Brightwater Catterick Dunwoody Eastleigh
  Fotheringay Gillespie Hucklebridge Ingleby Jarrow Knaresborough Loxwood Mulberry Netherby
  Oakhampton Silverdale Thistlewood);
my %given = map { substr($_, 0, 1) => $_ } qw(Agatha Bartholomew Cornelius Drusilla Euphemia
  Ferdinand Guinevere Horatio Isidora Jocelyn Kendrick Lavinia Montague Nicolette
  Ottoline Sophronia Thaddeus);

my @cases;
my ($node, $admin, $major, %id, %letter);

sub look
{
	my ($name, $role, $sql, $expected, %option) = @_;

	push @cases,
	  { name => $name, role => $role, sql => $sql, expected => $expected, %option };
	return;
}

# ---------- what a case expects ----------

sub expand
{
	my ($word) = @_;

	return (@open, @vault) if $word eq '*';
	return @open if $word eq 'open';
	return ($1 .. $2) if $word =~ /^([A-Z])-([A-Z])$/;
	return $word;
}

# "a: A-C; b: -" in the form that the audit is brought into.
sub expected_lines
{
	my ($text) = @_;

	return join '',
	  sort map { my ($what, $who) = /^(.+?):\s*(.*?)\s*$/s or die "cannot read: $_";
		"$what: " . join(' ', sort map { expand($_) } split ' ', $who) . "\n" }
	  grep { /\S/ } map { s/^\s+//r } split /;/, $text;
}

# Children named in the first column of an answer.
sub letters_of
{
	my (@answers) = @_;
	my %seen = map { $letter{ $_->[0] } => 1 } map { @{ $_->{rows} } } @answers;

	return join ' ', sort keys %seen;
}

sub numbers
{
	my ($sql) = @_;

	return $sql =~ s/(?<![:\w]):([A-Z])\b/$id{$1}/gr;
}

# ---------- running cases ----------

sub session
{
	my ($role, $tag) = @_;
	my $wire = Wire->connect($node, $db,
		(defined $role{$role} ? (user => $role{$role}) : ()),
		options => { application_name => 'setup' });

	$wire->ask("SET contactpoint.reason = 'harness'");
	$wire->ask(numbers("SELECT contactpoint.open_shielded(:S, 'core group')")) if $role eq 'social';
	$wire->ask("SET application_name = '$tag'");
	return $wire;
}

sub check_plan
{
	my ($case, $wire) = @_;
	my $explain = $case->{analyze} ? 'EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF)' : 'EXPLAIN (COSTS OFF)';

	return '' unless $case->{plan} || $case->{unplan};
	$wire->ask("SET application_name = 'plan'");
	my $plan = $wire->ask("$explain " . numbers($case->{of} // $case->{sql}));
	$wire->ask("SET application_name = '$case->{tag}'");
	for my $wanted (ref $case->{plan} eq 'ARRAY' ? @{ $case->{plan} } : $case->{plan} // ())
	{
		return "no $wanted in plan:\n$plan\n" unless $plan =~ $wanted;
	}
	return "$case->{unplan} in plan:\n$plan\n" if $case->{unplan} && $plan =~ $case->{unplan};
	return '';
}

# Does a case and notes what is expected of it and what else went wrong.
sub run_case
{
	my ($case) = @_;
	my @answers;

	$admin->ask(numbers($case->{before})) if $case->{before};
	my $wire = session($case->{role}, $case->{tag});
	$wire->ask("SET $_") for @{ $case->{set} // [] };
	my $trouble = check_plan($case, $wire);
	if ($case->{via})
	{
		@answers = $case->{via}->($case, $wire);
	}
	else
	{
		@answers = $wire->query(numbers($case->{sql}));
	}
	$wire->finish;
	$admin->ask(numbers($case->{after})) if $case->{after};

	my $errors = join ' ', map { $_->{C} } map { @{ $_->{errors} } } @answers;
	my $first = $answers[0]{errors}[0]{M} // '';
	my $error = $case->{control} && $case->{control_error} || $case->{error} // '';
	$trouble .= "errors '$errors' ($first)\n" if $errors ne $error;
	my $expected = $case->{expected};
	$expected = $expected->(@answers) if ref $expected;
	return [ expected_lines($expected), $trouble ];
}

# What the audit holds of each case, by tag.  Its own tables are left out: when
# entries move from one to the other is another matter.
sub audit
{
	my %seen;
	my $rows = $admin->query(q{
		SELECT DISTINCT application, CASE WHEN vault THEN 'vault ' ELSE '' END || coalesce(relation, command),
		       "session_user", effective_role, outcome, child
		FROM contactpoint.audit LEFT JOIN LATERAL unnest(children) child ON true
		WHERE application LIKE 'case %' AND coalesce(relation, '') NOT IN ('journal', 'ledger')})->{rows};

	for (@$rows)
	{
		my ($tag, $what, $session, $effective, $outcome, $child) = @$_;
		my $who = $role{ $cases[ substr $tag, 5 ]{role} } // $superuser;
		$what .= " by $effective" if $effective ne $who;
		$what .= " through $session" if $session ne $who;
		my $entries = $seen{$tag}{$what} //= {};
		$entries->{ $letter{$child} // $child } = 1 if defined $child;
		$entries->{$outcome} = 1 if $outcome =~ /^(nothing|refused|done)$/;
		$entries->{ $outcome eq 'failed' ? 'failed' : '-' } = 1
		  if !defined $child && $outcome =~ /^(disclosed|failed)$/;
	}
	return \%seen;
}

sub recorded_lines
{
	my ($seen) = @_;

	return join '',
	  sort map { "$_: " . join(' ', sort keys %{ $seen->{$_} }) . "\n" } keys %{ $seen // {} };
}

# Children that lines name, with the relation: what must be missed without capture.
sub children_in
{
	my ($lines) = @_;
	my %named;

	for my $line (split /\n/, $lines)
	{
		my ($what, $who) = $line =~ /^(.*): (.*)$/;
		next if $who =~ /\bdone\b/;
		$named{"$what $_"} = 1 for grep { /^([A-Z]|-)$/ } split ' ', $who;
	}
	return keys %named;
}

# ---------- the registry of the cases ----------

# Physical order in child is alphabetical: shielding moves S and T to the end.
sub fill
{
	my $i = 0;
	my @by_hand = map {
		sprintf q{('%s', '%s', 'U', date '2008-01-15' + %d)}, $given{$_}, $family{$_}, 211 * $i++
	} 'A' .. 'N';

	ContactPoint::people($node, $db);
	$admin->ask(q{
		CREATE ROLE regress_nurse LOGIN IN ROLE contactpoint_protection;
		CREATE ROLE regress_owner LOGIN IN ROLE contactpoint_practitioner;
		INSERT INTO contactpoint.account VALUES
			('regress_nurse', 1, 'Nurse', current_date + 9, current_date + 9),
			('regress_owner', 1, 'Owner', current_date + 9, current_date + 9)});
	$admin->ask('INSERT INTO contactpoint.child (given_names, family_name, sex, date_of_birth) VALUES '
		  . join ', ', @by_hand);
	ContactPoint::ask($node, $db, 'regress_feed', qq{
		INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex,
			date_of_birth, address, postcode, alias_names) VALUES
		('school', 'ha-1', 1, '$given{O}', '$family{O}', 'U', '2016-06-06', '1 O Street', 'OX1 1AA',
			'[{"kind": "birth", "family_name": "Ollerton"}]')});
	ContactPoint::ask($node, $db, 'regress_manager', 'CALL contactpoint.settle()');
	$admin->ask(qq{
		INSERT INTO contactpoint.child (given_names, family_name, sex, date_of_birth) VALUES
			('$given{S}', '$family{S}', 'U', '2017-07-07'), ('$given{T}', '$family{T}', 'U', '2018-08-08')});
	%id = map { substr($_->[0], 0, 1) => $_->[1] }
	  @{ $admin->query('SELECT family_name, child_id FROM contactpoint.child')->{rows} };
	%letter = reverse %id;

	$admin->ask(numbers($_)) for (
		q{INSERT INTO contactpoint.address (child_id, address, postcode)
			SELECT child_id, '1 ' || left(family_name, 1) || ' Street', left(family_name, 1) || 'X1 1AA'
			FROM contactpoint.child WHERE child_id <> :O ORDER BY family_name},
		q{INSERT INTO contactpoint.carer (child_id, full_name, contact) VALUES
			(:A, 'Ann Appleyard', '020 1'), (:B, 'Ben Brightwater', '020 2'), (:C, 'Cat Catterick', '020 3'),
			(:S, 'Sue Silverdale', '020 4')},
		q{INSERT INTO contactpoint.identifier (child_id, kind, value) VALUES (:A, 'nhs', '4505577104'),
		(:S, 'upn', 'H801200001001')},
		q{INSERT INTO contactpoint.responsibility (child_id, organisation_id)
			SELECT child_id, 1 FROM contactpoint.child WHERE child_id <> :O ORDER BY family_name},
		# ten children in turn, eight rows a page: no page of one child
		q{INSERT INTO contactpoint.involvement (child_id, service, contact)
			SELECT (ARRAY[:A, :B, :C, :D, :E, :F, :G, :H, :I, :J])[1 + i % 10], 'bulk', repeat('x', 900)
			FROM generate_series(0, 11999) i},
		q{INSERT INTO contactpoint.involvement (child_id, service, contact) VALUES (:K, 'moves', 'here'),
		(:S, 'school', 'there'),
			(:N, 'toasted', (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 300) i))});
	ContactPoint::ask($node, $db, 'regress_manager', numbers(q{
		SELECT contactpoint.shield(:S, 'in a refuge', 'fled');
		SELECT contactpoint.shield(:T, 'threats', 'harm');
		SELECT contactpoint.grant_access(:S, 'regress_social', 'named social worker',
		now() + interval '9 days')}));
	ContactPoint::ask($node, $db, 'regress_feed', qq{
		INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex,
		date_of_birth)
		VALUES ('school', 'ha-2', 1, '$given{S}', 'Newname', 'U', '2017-07-07')});
	ContactPoint::ask($node, $db, 'regress_manager', 'CALL contactpoint.settle()');

	$admin->ask(numbers($_)) for (split /^----\n/m, <<'SQL');
CREATE SCHEMA harness;
GRANT USAGE, CREATE ON SCHEMA harness TO PUBLIC;
CREATE TABLE harness.pointer (id int PRIMARY KEY, child bigint);
INSERT INTO harness.pointer VALUES (1, :A), (2, :B), (3, :C);
CREATE TABLE harness.hop (a bigint, b bigint);
INSERT INTO harness.hop VALUES (:A, :C), (:C, :E), (:E, :A), (:F, :G);
CREATE TABLE harness.visit (child bigint);
INSERT INTO harness.visit SELECT (ARRAY[:A, :B])[1 + i % 2] FROM generate_series(1, 500) i;
CREATE TABLE harness.short (name text CHECK (length(name) < 3));
CREATE TABLE harness.once (name text UNIQUE);
INSERT INTO harness.once VALUES ('Agatha');
CREATE TABLE harness.noted (child bigint, name text);
CREATE TABLE harness.watched (child bigint);
GRANT ALL ON ALL TABLES IN SCHEMA harness TO PUBLIC;
CREATE SEQUENCE harness.kept;
GRANT ALL ON SEQUENCE harness.kept TO PUBLIC;
CREATE DOMAIN harness.nobody AS text CHECK (VALUE !~ '^[A-Z]');
----
CREATE FUNCTION harness.spy(text) RETURNS boolean LANGUAGE plpgsql AS
	$$ BEGIN RAISE NOTICE '%', $1; RETURN false; END $$;
----
CREATE FUNCTION harness.same(text, text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
	$$ BEGIN RAISE NOTICE '%', $1; RETURN $1 = $2; END $$;
CREATE OPERATOR harness.=== (FUNCTION = harness.same, LEFTARG = text, RIGHTARG = text);
----
CREATE FUNCTION harness.inlined(bigint) RETURNS SETOF text LANGUAGE sql STABLE AS
	'SELECT given_names FROM contactpoint.child WHERE child_id = $1';
CREATE FUNCTION harness.plain(bigint) RETURNS text LANGUAGE sql VOLATILE AS
	'SELECT given_names FROM contactpoint.child WHERE child_id = $1';
CREATE FUNCTION harness.all_names() RETURNS SETOF text LANGUAGE sql VOLATILE AS
	'SELECT given_names FROM contactpoint.child';
CREATE FUNCTION harness.atomic(bigint) RETURNS text LANGUAGE sql STABLE
	BEGIN ATOMIC SELECT given_names FROM contactpoint.child WHERE child_id = $1; END;
CREATE FUNCTION harness.definer(bigint) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER
	SET search_path = pg_catalog AS
	'SELECT given_names FROM contactpoint.child WHERE child_id = $1';
CREATE FUNCTION harness.definer_addresses() RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER
	SET search_path = pg_catalog AS
	'SELECT count(*) FROM contactpoint.address';
----
CREATE FUNCTION harness.name_of(child bigint) RETURNS text LANGUAGE plpgsql STABLE AS
	$$ DECLARE name text; BEGIN SELECT c.given_names INTO name FROM contactpoint.child c
	WHERE c.child_id = child; RETURN name; END $$;
CREATE FUNCTION harness.dynamic(child bigint) RETURNS text LANGUAGE plpgsql AS
	$$ DECLARE name text; BEGIN EXECUTE 'SELECT given_names FROM contactpoint.child WHERE child_id = $1' INTO name
	USING child; RETURN name; END $$;
CREATE FUNCTION harness.first_only() RETURNS text LANGUAGE plpgsql AS
	$$ DECLARE r record; BEGIN FOR r IN SELECT given_names
	FROM contactpoint.child LOOP EXIT; END LOOP; RETURN r.given_names; END $$;
CREATE FUNCTION harness.open_cursor() RETURNS refcursor LANGUAGE plpgsql AS
	$$ DECLARE c refcursor := 'opened'; BEGIN OPEN c FOR SELECT given_names
	FROM contactpoint.child; RETURN c; END $$;
CREATE FUNCTION harness.returned() RETURNS SETOF text LANGUAGE plpgsql AS
	$$ BEGIN RETURN QUERY SELECT given_names FROM contactpoint.child; END $$;
CREATE FUNCTION harness.caught(child bigint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	told text;
BEGIN
	PERFORM c.given_names::int FROM contactpoint.child c WHERE c.child_id = child;
	RETURN NULL;
EXCEPTION WHEN invalid_text_representation THEN
	GET STACKED DIAGNOSTICS told = MESSAGE_TEXT;
	RETURN told;
END $$;
----
CREATE FUNCTION harness.note() RETURNS trigger LANGUAGE plpgsql AS
	$$ BEGIN INSERT INTO harness.noted SELECT child_id, given_names FROM contactpoint.child
	WHERE child_id = NEW.child; RETURN NEW; END $$;
CREATE FUNCTION harness.pass() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END';
CREATE TRIGGER note AFTER INSERT ON harness.watched FOR EACH ROW EXECUTE FUNCTION harness.note();
CREATE PROCEDURE harness.loop_and_commit() LANGUAGE plpgsql AS
	$$ DECLARE r record; BEGIN FOR r IN SELECT given_names
	FROM contactpoint.child LOOP COMMIT; EXIT; END LOOP; END $$;
----
CREATE FUNCTION harness.note_first() RETURNS trigger LANGUAGE plpgsql AS
	$$ BEGIN INSERT INTO harness.noted SELECT child_id, given_names FROM contactpoint.child
	WHERE family_name = 'Appleyard'; RETURN NULL; END $$;
CREATE FUNCTION harness.fetched() RETURNS bigint LANGUAGE plpgsql AS
	$$ DECLARE c refcursor := 'opened'; r record; BEGIN FETCH c INTO r; RETURN r.child_id; END $$;
CREATE FUNCTION harness.chain(child bigint, depth int) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
	RETURN (SELECT CASE WHEN depth > 1 THEN harness.chain(h.b, depth - 1) ELSE c.child_id END
		FROM contactpoint.child c JOIN harness.hop h ON h.a = c.child_id WHERE c.child_id = child);
END $$;
CREATE FUNCTION harness.constant(child bigint) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
	$$ BEGIN RETURN (SELECT c.given_names FROM contactpoint.child c WHERE c.child_id = child); END $$;
CREATE TABLE harness.deferred (child bigint);
CREATE CONSTRAINT TRIGGER note AFTER INSERT ON harness.deferred DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
	EXECUTE FUNCTION harness.note();
CREATE TABLE harness.tested (child bigint CHECK (harness.name_of(child) <> ''));
CREATE TABLE harness.ruled (child bigint);
CREATE RULE note AS ON INSERT TO harness.ruled DO ALSO INSERT INTO harness.noted SELECT c.child_id, c.given_names
	FROM contactpoint.child c WHERE c.child_id = NEW.child;
CREATE TABLE harness.guarded (id int, child bigint);
INSERT INTO harness.guarded SELECT * FROM harness.pointer;
ALTER TABLE harness.guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY known ON harness.guarded USING (EXISTS (SELECT FROM contactpoint.child c
	WHERE c.child_id = guarded.child));
CREATE VIEW harness.checked AS SELECT id, child FROM harness.pointer p
	WHERE EXISTS (SELECT FROM contactpoint.child c WHERE c.child_id = p.child) WITH CHECK OPTION;
CREATE TABLE harness.parted (id int PRIMARY KEY, child bigint) PARTITION BY RANGE (id);
CREATE TABLE harness.parted_low PARTITION OF harness.parted FOR VALUES FROM (0) TO (2);
CREATE TABLE harness.parted_high PARTITION OF harness.parted FOR VALUES FROM (2) TO (9);
INSERT INTO harness.parted VALUES (1, :A);
GRANT ALL ON ALL TABLES IN SCHEMA harness TO PUBLIC;
----
CREATE FUNCTION harness.sealed_spy(text) RETURNS boolean LANGUAGE plpgsql LEAKPROOF AS
	$$ BEGIN RAISE NOTICE '%', $1; RETURN false; END $$;
CREATE FUNCTION harness.lying(bigint) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog AS
	'SELECT given_names FROM contactpoint.child WHERE child_id = $1';
----
CREATE VIEW harness.names AS SELECT child_id, given_names, family_name FROM contactpoint.child;
CREATE VIEW harness.barrier WITH (security_barrier) AS
	SELECT child_id, given_names, family_name FROM contactpoint.child WHERE family_name < 'D';
CREATE VIEW harness.invoker WITH (security_invoker) AS SELECT child_id, given_names FROM contactpoint.child;
CREATE VIEW harness.addresses AS SELECT child_id, postcode FROM contactpoint.address;
CREATE VIEW harness.replaced AS SELECT family_name FROM contactpoint.child;
CREATE TRIGGER pass INSTEAD OF DELETE ON harness.replaced FOR EACH ROW EXECUTE FUNCTION harness.pass();
GRANT SELECT, DELETE ON harness.replaced TO PUBLIC;
GRANT SELECT, UPDATE ON harness.names, harness.barrier, harness.invoker, harness.addresses TO PUBLIC;
SQL
	my ($host, $port) = ($node->host, $node->port);
	$admin->ask($_) for (qq{CREATE EXTENSION postgres_fdw;
		CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$host', port '$port', dbname '$db');
		CREATE USER MAPPING FOR PUBLIC SERVER far;
		CREATE FOREIGN TABLE harness.far (child_id bigint,
			given_names text) SERVER far OPTIONS (schema_name 'contactpoint', table_name 'child')});
	$admin->ask('VACUUM ANALYZE');
	return;
}

# ---------- helpers of cases with several sessions ----------

# Sends SQL that waits for a lock; the other session commits; answers.
sub rechecked
{
	my ($change) = @_;

	return sub {
		my ($case, $wire) = @_;
		my $other = session('superuser', 'setup');

		$other->ask(numbers("BEGIN; $change"));
		$wire->ask('BEGIN');
		$wire->simple_query(numbers($case->{sql}));
		$node->poll_query_until($db,
			"SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = " . $wire->pid)
		  or die 'nobody waits';
		$other->ask('COMMIT');
		my $answer = $wire->until_ready;
		$wire->query('ROLLBACK');
		$other->finish;
		return $answer;
	};
}

# Another session holds a lock on a row meanwhile.
sub beside
{
	my ($lock) = @_;

	return sub {
		my ($case, $wire) = @_;
		my $other = session('superuser', 'setup');

		$other->ask(numbers("BEGIN; $lock"));
		my $answer = $wire->query(numbers($case->{sql}));
		$other->ask('ROLLBACK');
		$other->finish;
		return $answer;
	};
}

# Several queries, one message each.
sub in_turn
{
	my (@statements) = @_;

	return sub {
		my ($case, $wire) = @_;

		return map { $wire->query(numbers($_)) } @statements;
	};
}

# What the audit holds of a case by now, as children of child.
sub so_far
{
	my ($tag) = @_;

	return join ' ', sort map { $letter{ $_->[0] } } @{ $admin->query(qq{
		SELECT DISTINCT unnest(children) FROM contactpoint.audit WHERE application = '$tag'
		AND relation = 'child'})->{rows} };
}

my $names = 'SELECT child_id, given_names FROM contactpoint.child';
my @no_seqscan = ('enable_seqscan = off');
my @only_index = ('enable_seqscan = off', 'enable_bitmapscan = off');
my @only_bitmap = ('enable_seqscan = off', 'enable_indexscan = off');
my @only_loops = ('enable_hashjoin = off', 'enable_mergejoin = off', 'enable_material = off',
	'enable_memoize = off');
my $returned = sub { return 'child: ' . letters_of(@_) };

# ---------- scans ----------

look 'sequential scan', 'practitioner', $names, 'child: *', plan => qr/^Seq Scan on child/;
look 'sequential scan with a condition', 'practitioner', "$names WHERE family_name LIKE 'B%'",
  'child: B', plan => qr/^Seq Scan on child/;
look 'condition on the time of day', 'practitioner',
  "$names WHERE date_of_birth > (now() - interval '1 year')::date",
  'child: nothing';
# Whether such a sub-select runs depends on the row.
look 'uncorrelated sub-select behind a condition', 'practitioner',
  "$names WHERE child_id = :A AND CASE WHEN left(family_name, 1) = 'X' THEN (SELECT pg_sleep(0) IS NULL) ELSE false END",
  'child: A', set => \@no_seqscan;
look 'uncorrelated sub-select by way of WITH', 'practitioner',
  "WITH w AS MATERIALIZED (SELECT pg_sleep(0) IS NULL AS x) $names WHERE child_id = :A AND CASE WHEN left(family_name, 1) = 'X' THEN (SELECT x FROM w) ELSE false END",
  'child: A', set => \@no_seqscan;
look 'uncorrelated sub-select in a function in FROM', 'practitioner',
  "CREATE FUNCTION pg_temp.found(x bigint) RETURNS TABLE (name text) LANGUAGE sql STABLE AS
	'SELECT given_names FROM contactpoint.child WHERE child_id = x
	AND CASE WHEN left(family_name, 1) = ''X'' THEN (SELECT harness.name_of(0) IS NULL) ELSE false END';
	SELECT name FROM pg_temp.found(:A)", 'child: A', set => \@no_seqscan;
look 'uncorrelated sub-select without code of others', 'practitioner',
  "$names WHERE family_name < (SELECT min(family_name) FROM contactpoint.child WHERE child_id = :B) AND family_name > 'A'", 'child: A B';
look 'variable that has no value yet', 'practitioner',
  'CREATE FUNCTION pg_temp.unset(x bigint) RETURNS void LANGUAGE plpgsql AS $do$ DECLARE r record; n int; BEGIN
	IF x = 0 THEN SELECT \'X\'::text AS d INTO r; END IF;
	SELECT count(*) INTO n FROM contactpoint.child WHERE child_id = x AND family_name > left(family_name, 1) AND sex < r.d;
	EXCEPTION WHEN OTHERS THEN NULL; END $do$;
	SELECT pg_temp.unset(0); SELECT pg_temp.unset(:A)', 'child: A nothing',
  set => [ 'plan_cache_mode = force_generic_plan', @no_seqscan ];
look 'power that takes long for some rows', 'practitioner',
  "$names WHERE child_id = :A AND 1.1::numeric ^ length(family_name) < 0", 'child: A', set => \@no_seqscan;
look 'sequential scan that finds nothing', 'practitioner', "$names WHERE family_name LIKE 'X%'",
  'child: nothing';
look 'index scan', 'practitioner', "$names WHERE child_id = :A", 'child: A',
  set => \@only_index, plan => qr/^Index Scan using child_/;
look 'index scan with an array', 'practitioner', "$names WHERE child_id IN (:A, :C)", 'child: A C',
  set => \@only_index, plan => qr/^Index Scan/;
look 'index scan with a filter', 'practitioner', "$names WHERE child_id IN (:A, :C) AND given_names < 'B'",
  'child: A', set => \@only_index, plan => qr/Filter: .*given_names/;
look 'index scan backward with a limit', 'practitioner', "$names ORDER BY child_id DESC LIMIT 2", $returned,
  set => \@only_index, plan => qr/Index Scan Backward/;
look 'index-only candidate', 'practitioner', 'SELECT child_id FROM contactpoint.child WHERE child_id > 0',
  'child: *',
  set => \@only_index, plan => qr/^Index Scan/, unplan => qr/Index Only/;
look 'index-only candidate without a column', 'practitioner', 'SELECT count(*) FROM contactpoint.child',
  'child: *',
  set => \@only_index, unplan => qr/Index Only/;
look 'bitmap scan', 'practitioner', "$names WHERE child_id IN (:A, :C)", 'child: A C',
  set => \@only_bitmap, plan => qr/^Bitmap Heap Scan/;
look 'bitmap scan of two conditions', 'practitioner',
  "$names WHERE child_id = :A OR date_of_birth = '2017-07-07'",
  'child: A S', set => \@only_bitmap, plan => qr/BitmapOr/;
look 'bitmap scan without a column', 'practitioner',
  'SELECT count(*) FROM contactpoint.child WHERE child_id = :A',
  'child: A', set => \@only_bitmap, plan => qr/Bitmap Heap Scan/;
look 'trigram index', 'practitioner', "$names WHERE family_name % 'Brightwatter'", 'child: B',
  set => \@no_seqscan, plan => qr/Bitmap Index Scan on child_family_name_idx/;
# The other children's rows on lossy pages are dropped by the recheck, before capture.
look 'lossy bitmap scan', 'practitioner',
  'SELECT count(contact) FROM contactpoint.involvement WHERE child_id IN (:B, :D)',
  'involvement: B D', set => [ @only_bitmap, "work_mem = '64kB'" ], analyze => 1, plan => qr/lossy=\d/;
look 'tid scan', 'superuser', "$names WHERE ctid = '(0,1)'", 'child: A', set => \@no_seqscan,
  plan => qr/^Tid Scan/;
look 'tid scan with an array', 'superuser', "$names WHERE ctid = ANY ('{\"(0,1)\",\"(0,3)\"}')", 'child: A C',
  set => \@no_seqscan, plan => qr/^Tid Scan/;
look 'tid scans of a join', 'superuser',
  "WITH w AS MATERIALIZED (SELECT ctid AS place FROM contactpoint.child WHERE family_name < 'D')
	SELECT c.given_names FROM w JOIN contactpoint.child c ON c.ctid = w.place", 'child: A-C',
  set => [ @only_loops, @only_index ], plan => qr/Tid Scan on child c/;
look 'tid range scan', 'superuser', "$names WHERE ctid < '(0,4)'", 'child: A-C', set => \@no_seqscan,
  plan => qr/^Tid Range Scan/;
look 'sample scan of everything', 'practitioner',
  'SELECT given_names FROM contactpoint.child TABLESAMPLE SYSTEM (100)',
  'child: *', plan => qr/^Sample Scan/;
look 'sample scan', 'practitioner',
  'SELECT child_id FROM contactpoint.child TABLESAMPLE BERNOULLI (40) REPEATABLE (7)',
  $returned, plan => qr/^Sample Scan/;
look 'partitioned table', 'practitioner', 'SELECT postcode FROM contactpoint.address', 'address: open',
  unplan => qr/vault/;
look 'partitioned table, pruning off', 'practitioner', 'SELECT postcode FROM contactpoint.address',
  'address: open',
  set => ['enable_partition_pruning = off'];
look 'more rows than are gathered at once', 'practitioner', 'SELECT count(*) FROM contactpoint.involvement',
  'involvement: A-K N';
look 'whole rows', 'practitioner', 'SELECT c FROM contactpoint.child c WHERE child_id = :D', 'child: D';
look 'one time condition that is false', 'practitioner', "$names WHERE current_date < '2000-01-01'",
  'child: nothing',
  plan => qr/One-Time Filter/;
look 'impossible condition', 'practitioner', "$names WHERE false", '';

# Conditions that tell nobody: only the row they let pass is consulted.
for my $condition (
	"family_name = 'Brightwater'", "family_name IN ('Brightwater', 'Nobody')",
	"family_name = ANY (ARRAY['Brightwater'])",
	"family_name LIKE 'Bright%'", "family_name ILIKE 'bright%'", "family_name ~* '^bright'",
	"family_name ^\@ 'Bright'",
	"lower(family_name) = 'brightwater'", "family_name || '' = 'Brightwater'", "left(family_name, 1) = 'B'",
	"family_name BETWEEN 'B' AND 'C'", "NOT (family_name < 'B' OR family_name > 'C')",
	"family_name COLLATE \"C\" = 'Brightwater'",
	"family_name IS NOT DISTINCT FROM 'Brightwater'", "NULLIF(family_name, 'Brightwater') IS NULL",
	"coalesce(family_name, '') = 'Brightwater'", "CASE WHEN family_name > 'B' THEN family_name < 'C' END",
	"date_of_birth = date '2008-01-15' + 211", "date_of_birth::text = '2008-08-13'",
	"date_of_birth < '2008-12-31' AND extract(month FROM date_of_birth) = 8",
	"similarity(family_name, 'Brightwatter') > 0.5", "family_name % 'Brightwatter'",
	"length(given_names || family_name) = 22")
{
	look "condition: $condition", 'practitioner', "$names WHERE $condition", 'child: B';
}

# ---------- who looks ----------

look 'a manager', 'manager', "$names WHERE child_id = :A", 'child: A';
look 'a superuser', 'superuser', "$names WHERE child_id = :A", 'child: A';
look 'a superuser reads details of everybody', 'superuser', 'SELECT postcode FROM contactpoint.address',
  'address: open; vault address: S T';
look 'a superuser as somebody else', 'superuser',
  "SET SESSION AUTHORIZATION regress_practitioner; SET contactpoint.reason = 'harness'; $names
	WHERE child_id = :A",
  'child by regress_practitioner: A';
# No policy of the leaf's own lets anybody through.
look 'a reader who was granted a leaf by mistake', 'practitioner',
  'SELECT postcode FROM contactpoint.address_vault', '',
  plan => qr/One-Time Filter: false/,
  before => 'SET contactpoint.allow_drop = on; GRANT SELECT ON contactpoint.address_vault TO regress_practitioner; RESET contactpoint.allow_drop',
  after => 'SET contactpoint.allow_drop = on; REVOKE SELECT ON contactpoint.address_vault FROM regress_practitioner; RESET contactpoint.allow_drop';
look 'a superuser reads other names', 'superuser', 'SELECT family_name FROM contactpoint.alias', 'alias: O';
look 'a superuser reads the inbox', 'superuser', 'SELECT family_name FROM contactpoint.upload', 'upload: -';
look 'an opened record', 'social', 'SELECT postcode FROM contactpoint.address WHERE child_id = :S',
  'vault address: S',
  plan => qr/address_vault/;
look 'an opened record among all', 'social', 'SELECT postcode FROM contactpoint.address',
  'address: open; vault address: S';
look 'an opened record, joined', 'social', 'SELECT c.given_names, a.postcode, k.full_name
	FROM contactpoint.child c
	JOIN contactpoint.address a USING (child_id) JOIN contactpoint.carer k USING (child_id)
	WHERE c.child_id = :S',
  'child: S; vault address: S; vault carer: S';
look 'a record that is not opened', 'nurse', 'SELECT postcode FROM contactpoint.address WHERE child_id = :S',
  'address: nothing';
look 'a record that is closed again', 'social', '',
  'vault address: S; address: nothing; close_shielded: done S',
  via => in_turn("PREPARE p AS SELECT postcode FROM contactpoint.address WHERE child_id = :S; EXECUTE p",
	'SELECT contactpoint.close_shielded(:S)', 'EXECUTE p'), set => ['plan_cache_mode = force_generic_plan'];
look 'EXPLAIN ANALYZE of the vault', 'social', 'EXPLAIN ANALYZE SELECT postcode FROM contactpoint.address',
  'address: refused',
  error => 'KC009';
look 'reviews', 'manager', 'SELECT reason FROM contactpoint.review', 'review: S';
look 'shields', 'manager', 'SELECT category FROM contactpoint.shield', 'shield: S T';
look 'grants', 'manager', 'SELECT grantee FROM contactpoint.access_grant', 'access_grant: S';
look 'references', 'manager', 'SELECT source_ref FROM contactpoint.source_link', 'source_link: O';
look 'a leaf named directly', 'superuser',
  'SELECT postcode FROM contactpoint.address_open WHERE child_id = :A', 'address: A';
look 'a leaf of the vault named directly', 'superuser', 'SELECT postcode FROM contactpoint.address_vault',
  'vault address: S T';
look 'ONLY a partitioned table', 'superuser', 'SELECT postcode FROM ONLY contactpoint.address', '';
look 'a TOAST table', 'superuser', '', sub { my $oid = $_[0]{rows}[0][0]; "pg_toast_$oid: -" },
  via => sub {
	my ($case, $wire) = @_;
	my $oid = $wire->query("SELECT 'contactpoint.involvement_open'::regclass::oid");
	return ($oid, $wire->query("SELECT chunk_data FROM pg_toast.pg_toast_$oid->{rows}[0][0]"));
  };
# In a transaction that is rolled back, the table belongs to somebody who is no superuser.
look 'the owner of the table', 'superuser', qq{
	BEGIN; SET LOCAL contactpoint.allow_drop = on;
	ALTER TABLE contactpoint.child OWNER TO regress_owner; SET LOCAL ROLE regress_owner;
	SET LOCAL contactpoint.reason = 'harness'; $names WHERE child_id = :A; ROLLBACK}, 'ALTER TABLE: done; child by regress_owner: A';

# ---------- joins and sub-selects ----------

my $join = "SELECT c.given_names, a.postcode FROM contactpoint.child c JOIN contactpoint.address a
	USING (child_id) WHERE c.family_name < 'D'";

look 'nested loop over an index', 'practitioner', $join, 'child: A-C; address: A-C',
  set => [ @only_loops, @only_index ], plan => [ qr/Nested Loop/,
  qr/Index Scan using address_open_child_id_idx/ ];
# The condition of the join is one of the inner scan.
look 'nested loop over a sequential scan', 'practitioner', $join, 'child: A-C; address: A-C',
  set => [ @only_loops, 'enable_indexscan = off', 'enable_bitmapscan = off' ], plan => [ qr/Nested Loop/,
  qr/Seq Scan on address_open/ ];
look 'nested loop over a materialised side', 'practitioner',
	"SELECT count(*) FROM harness.visit v JOIN contactpoint.child c
	ON c.family_name > 'M' AND c.child_id <> v.child", 'child: M-O S T', plan => qr/Materialize/;
look 'nested loop over a bitmap', 'practitioner', $join, 'child: A-C; address: A-C',
  set => [ @only_loops, @only_bitmap ], plan => qr/Bitmap Heap Scan on address_open/, until => 17;
# The other way round there, since one scan must be what is discouraged.
look 'nested loop over the other bitmap', 'practitioner', $join, 'child: A-C; address: open',
  set => [ @only_loops, @only_bitmap ], plan => qr/Bitmap Heap Scan on child/, since => 18;
look 'nested loop with a cache', 'practitioner',
  'SELECT c.given_names FROM harness.visit v JOIN contactpoint.child c ON c.child_id = v.child',
  'child: A B', set => [ 'enable_hashjoin = off', 'enable_mergejoin = off' ], plan => qr/Memoize/;
# One side of a hash join is read to the end to make the table, the other to look it up.
look 'hash join', 'practitioner', $join, 'child: A-C; address: open',
  set => [ 'enable_nestloop = off', 'enable_mergejoin = off' ], plan => qr/Hash Join/;
# Both sides are read to the end to be sorted.
look 'merge join', 'practitioner', $join, 'child: A-C; address: open',
  set => [ 'enable_nestloop = off', 'enable_hashjoin = off', 'enable_indexscan = off' ],
  plan => [ qr/Merge Join/, qr/Sort.*Sort/s ];
look 'full join', 'practitioner',
  'SELECT c.given_names, k.full_name FROM contactpoint.child c FULL JOIN contactpoint.carer k
	USING (child_id)',
  'child: *; carer: A-C', plan => qr/Full Join/;
look 'semi join', 'practitioner', 'SELECT given_names FROM contactpoint.child c
	WHERE EXISTS (SELECT FROM contactpoint.carer k WHERE k.child_id = c.child_id) AND family_name < \'F\'',
  'child: A-E; carer: A-C', set => [ 'enable_nestloop = off', 'enable_mergejoin = off' ], plan => qr/Semi Join/;
look 'anti join', 'practitioner', 'SELECT given_names FROM contactpoint.child c
	WHERE NOT EXISTS (SELECT FROM contactpoint.carer k WHERE k.child_id = c.child_id) AND family_name < \'F\'',
  'child: A-E; carer: A-C', plan => qr/Anti Join/;
# A join's own condition comes after both scans.
look 'condition of a join that tells', 'practitioner', "SELECT c.given_names FROM contactpoint.child c
	JOIN contactpoint.carer k ON k.child_id = c.child_id AND harness.spy(c.family_name || k.full_name)
	WHERE c.family_name < 'C'",
  'child: A B; carer: A B', set => [ @only_loops, @only_index ], plan => qr/Nested Loop/;
look 'LATERAL', 'practitioner', "SELECT c.given_names, x.postcode FROM contactpoint.child c, LATERAL
	(SELECT a.postcode FROM contactpoint.address a WHERE a.child_id = c.child_id ORDER BY a.recorded_at LIMIT 1) x
	WHERE c.family_name < 'D'", 'child: A-C; address: A-C', set => \@only_index, plan => qr/Nested Loop/;
look 'self join', 'practitioner', "SELECT x.given_names FROM contactpoint.child x JOIN contactpoint.child y
	ON y.date_of_birth = x.date_of_birth + 211 WHERE x.family_name = 'Catterick'", 'child: C D',
  set => [ @only_loops, @only_index ], plan => qr/child_date_of_birth_idx/;
look 'scalar sub-select', 'practitioner', "SELECT given_names, (SELECT a.postcode FROM contactpoint.address a
	WHERE a.child_id = c.child_id)
	FROM contactpoint.child c WHERE family_name < 'C'", 'child: A B; address: A B',
	set => \@only_index, plan => qr/SubPlan/;
# Every row reaches the sub-select, which decides.
look 'sub-select in a condition', 'practitioner', 'SELECT given_names FROM contactpoint.child c
	WHERE (SELECT count(*) FROM contactpoint.carer k WHERE k.child_id = c.child_id) > 0',
  'child: *; carer: A-C', set => \@only_index, plan => qr/SubPlan/;
look 'NOT IN', 'practitioner',
  'SELECT given_names FROM contactpoint.child WHERE child_id NOT IN (SELECT child_id
	FROM contactpoint.carer)',
  'child: *; carer: A-C', plan => qr/hashed SubPlan/;
look 'comparison of rows with a sub-select', 'practitioner', "SELECT given_names FROM contactpoint.child
	WHERE (child_id, family_name) = (SELECT child, 'Brightwater' FROM harness.pointer WHERE id = 2)", 'child: B',
	plan => qr/InitPlan/;
look 'sub-select that runs once', 'practitioner', 'SELECT postcode FROM contactpoint.address
	WHERE child_id = (SELECT child_id FROM contactpoint.child WHERE family_name = \'Catterick\')',
	'child: C; address: C',
  set => \@only_index, plan => qr/InitPlan/;
look 'EXISTS that runs once', 'practitioner', 'SELECT 1 WHERE EXISTS (SELECT FROM contactpoint.child)',
  'child: A', plan => qr/InitPlan/;
look 'array of a sub-select', 'practitioner',
  "SELECT ARRAY(SELECT given_names FROM contactpoint.child WHERE family_name < 'C')", 'child: A B';

# ---------- aggregates, sorts, limits, sets ----------

look 'count', 'practitioner', 'SELECT count(*) FROM contactpoint.child', 'child: *';
look 'count of one', 'practitioner',
  "SELECT count(*) FROM contactpoint.child WHERE family_name = 'Eastleigh'", 'child: E';
look 'highest by an index', 'practitioner', 'SELECT max(date_of_birth) FROM contactpoint.child', 'child: T',
  set => \@no_seqscan, plan => [ qr/Limit/, qr/Index Scan Backward/ ];
look 'lowest by an index', 'practitioner', 'SELECT min(date_of_birth) FROM contactpoint.child', 'child: A',
  set => \@no_seqscan, plan => qr/Limit/;
look 'groups', 'practitioner', "SELECT left(family_name, 1) FROM contactpoint.child WHERE family_name < 'E'
	GROUP BY ROLLUP (1) HAVING count(*) > 5", 'child: A-D';
look 'aggregate with a filter', 'practitioner',
  "SELECT string_agg(given_names, ' ') FILTER (WHERE sex = 'F') FROM contactpoint.child", 'child: *';
look 'window', 'practitioner',
  "SELECT lag(given_names) OVER (ORDER BY date_of_birth) FROM contactpoint.child WHERE family_name < 'D'",
  'child: A-C';
look 'DISTINCT ON', 'practitioner',
  "SELECT DISTINCT ON (sex) given_names FROM contactpoint.child ORDER BY sex, family_name", 'child: *';
look 'LIMIT', 'practitioner', "$names LIMIT 2", 'child: A B';
look 'LIMIT after OFFSET', 'practitioner', "$names OFFSET 2 LIMIT 1", 'child: A-C';
look 'LIMIT 0', 'practitioner', "$names LIMIT 0", 'child: nothing';
# A sort has read everything before it gives its first row.
look 'LIMIT after a sort', 'practitioner', "$names ORDER BY family_name LIMIT 1", 'child: *',
  plan => qr/Sort/;
# The next row tells that there are no more ties.
look 'FETCH FIRST WITH TIES', 'practitioner', "$names ORDER BY child_id FETCH FIRST 1 ROW WITH TIES",
  sub { return 'child: ' . join ' ', map { $letter{$_} } (sort { $a <=> $b } values %id)[ 0, 1 ] },
  set => \@only_index, plan => qr/Index Scan/;
look 'LIMIT of a condition that tells', 'practitioner', "$names WHERE NOT harness.spy(family_name) LIMIT 2",
  'child: A B';
look 'UNION', 'practitioner',
  "SELECT given_names FROM contactpoint.child WHERE family_name < 'B' UNION SELECT full_name
	FROM contactpoint.carer", 'child: A; carer: A-C';
look 'UNION ALL with a limit', 'practitioner', "SELECT given_names FROM contactpoint.child WHERE family_name < 'B'
	UNION ALL SELECT full_name FROM contactpoint.carer LIMIT 2", 'child: A; carer: A';
look 'INTERSECT', 'practitioner',
  'SELECT child_id FROM contactpoint.child INTERSECT SELECT child_id FROM contactpoint.carer',
  'child: *; carer: A-C';
look 'EXCEPT', 'practitioner',
  "SELECT child_id FROM contactpoint.child WHERE family_name < 'E' EXCEPT SELECT child_id
	FROM contactpoint.carer", 'child: A-D; carer: A-C';
look 'WITH', 'practitioner', "WITH w AS ($names WHERE family_name < 'C') SELECT * FROM w", 'child: A B';
look 'WITH, materialised and used twice', 'practitioner',
  "WITH w AS MATERIALIZED ($names WHERE family_name < 'C') SELECT * FROM w UNION ALL SELECT * FROM w",
  'child: A B', plan => qr/CTE Scan/;
look 'WITH, materialised and read partly', 'practitioner',
  "WITH w AS MATERIALIZED ($names) SELECT * FROM w LIMIT 2", 'child: A B', plan => qr/CTE Scan/;
look 'WITH that nobody uses', 'practitioner', "WITH w AS ($names) SELECT 1", '';
look 'WITH RECURSIVE', 'practitioner', "WITH RECURSIVE w AS (SELECT child_id, given_names FROM contactpoint.child
	WHERE child_id = :A
	UNION SELECT c.child_id, c.given_names FROM w JOIN harness.hop h ON h.a = w.child_id
	JOIN contactpoint.child c ON c.child_id = h.b)
	SELECT * FROM w", 'child: A C E', set => [ @only_loops, @only_index ], plan => qr/Recursive Union/;

# ---------- writing that reads ----------

look 'UPDATE RETURNING', 'manager',
  'BEGIN; UPDATE contactpoint.child SET sex = sex WHERE child_id = :A RETURNING given_names; ROLLBACK',
  'child: A';
look 'UPDATE', 'manager', 'BEGIN; UPDATE contactpoint.child SET sex = sex WHERE child_id = :A; ROLLBACK',
  'child: A';
look 'UPDATE with a condition that tells', 'manager',
  'BEGIN; UPDATE contactpoint.child SET sex = sex WHERE harness.spy(family_name); ROLLBACK', 'child: *';
look 'UPDATE FROM another table', 'manager', 'BEGIN; UPDATE contactpoint.child c SET sex = sex
	FROM harness.pointer p
	WHERE p.child = c.child_id AND p.id < 3 RETURNING given_names; ROLLBACK', 'child: A B',
	set => [ @only_loops, @only_index ];
look 'UPDATE of another table from the registry', 'practitioner',
	"BEGIN; UPDATE harness.pointer p SET child = c.child_id FROM contactpoint.child c
	WHERE c.family_name = 'Dunwoody' AND p.id = 1; ROLLBACK", 'child: D';
look 'DELETE RETURNING', 'superuser',
  'BEGIN; DELETE FROM contactpoint.carer WHERE child_id IN (:A, :S) RETURNING full_name; ROLLBACK',
  'carer: A; vault carer: S';
look 'DELETE USING', 'superuser',
  'BEGIN; DELETE FROM contactpoint.carer k USING contactpoint.child c WHERE c.child_id = k.child_id
	AND c.family_name = \'Catterick\'; ROLLBACK',
  'child: C; carer: C', set => [ @only_loops, @only_index ];
look 'UPDATE of a partitioned table', 'superuser',
  "BEGIN; UPDATE contactpoint.carer SET contact = contact WHERE full_name LIKE 'B%' RETURNING contact;
	ROLLBACK", 'carer: B';
look 'MERGE', 'manager', 'BEGIN; MERGE INTO contactpoint.child c USING harness.pointer p ON p.child = c.child_id
	AND p.id < 3
	WHEN MATCHED THEN UPDATE SET sex = c.sex; ROLLBACK', 'child: A B', set => [ @only_loops, @only_index ];
look 'MERGE into a partitioned table', 'superuser', "BEGIN; MERGE INTO contactpoint.carer k
	USING harness.pointer p ON p.child = k.child_id AND p.id < 3
	WHEN MATCHED AND k.full_name LIKE 'A%' THEN DELETE WHEN MATCHED THEN
	UPDATE SET contact = k.contact; ROLLBACK", 'carer: A B', set => [ @only_loops, @only_index ];
look 'MERGE RETURNING', 'manager', 'BEGIN; MERGE INTO contactpoint.child c
	USING harness.pointer p ON p.child = c.child_id AND p.id < 3
	WHEN MATCHED THEN UPDATE SET sex = c.sex RETURNING merge_action(), c.given_names; ROLLBACK', 'child: A B',
	since => 17, set => [ @only_loops, @only_index ];
look 'MERGE of what the source lacks', 'superuser', 'BEGIN; MERGE INTO contactpoint.carer k
	USING harness.pointer p ON p.child = k.child_id AND p.id < 3
	WHEN NOT MATCHED BY SOURCE THEN UPDATE SET contact = k.contact; ROLLBACK', 'carer: A-C; vault carer: S',
	since => 17;
look 'RETURNING old and new', 'manager',
  'BEGIN; UPDATE contactpoint.child SET sex = sex WHERE child_id = :A
	RETURNING old.given_names, new.given_names; ROLLBACK', 'child: A', since => 18;
look 'WITH that changes', 'manager',
  'BEGIN; WITH w AS (UPDATE contactpoint.child SET sex = sex WHERE child_id = :A
	RETURNING given_names) SELECT * FROM w; ROLLBACK', 'child: A';
# It runs when the rest is done.
look 'WITH that changes and nobody uses', 'manager',
  'BEGIN; WITH w AS (UPDATE contactpoint.child SET sex = sex WHERE child_id = :A) SELECT 1; ROLLBACK',
  'child: A';
look 'INSERT RETURNING', 'manager',
  "BEGIN; INSERT INTO contactpoint.child (given_names, family_name, date_of_birth)
	VALUES ('Zebedee', 'Zouch', '2009-09-09') RETURNING given_names; ROLLBACK", '';
look 'INSERT of what is read', 'practitioner',
  'BEGIN; INSERT INTO harness.noted SELECT child_id, given_names FROM contactpoint.child
	WHERE child_id = :A RETURNING name; ROLLBACK', 'child: A';
look 'INSERT where rows are matched', 'practitioner', "BEGIN; INSERT INTO harness.pointer VALUES (1, 0)
	ON CONFLICT (id) DO UPDATE
	SET child = (SELECT child_id FROM contactpoint.child WHERE family_name = 'Catterick'); ROLLBACK", 'child: C';
look 'sub-select of RETURNING', 'practitioner', 'BEGIN; UPDATE harness.pointer p SET id = id WHERE id < 3
	RETURNING (SELECT given_names FROM contactpoint.child WHERE child_id = p.child); ROLLBACK', 'child: A B',
	set => \@only_index;
look 'sub-select of MERGE', 'practitioner', "BEGIN; MERGE INTO harness.pointer p USING (VALUES (1),
	(9)) v (id) ON v.id = p.id
	WHEN MATCHED AND EXISTS (SELECT FROM contactpoint.child c WHERE c.child_id = p.child) THEN
	UPDATE SET child = 0
	WHEN NOT MATCHED THEN INSERT VALUES (v.id, (SELECT child_id FROM contactpoint.child
	WHERE family_name = 'Eastleigh')); ROLLBACK",
  'child: A E', set => \@only_index;
look 'row that goes to a partition, sub-selects', 'practitioner',
	"BEGIN; INSERT INTO harness.parted VALUES (1, :B), (2, :C) ON CONFLICT (id) DO UPDATE
	SET child = (SELECT child_id FROM contactpoint.child c WHERE c.child_id = excluded.child)
	RETURNING (SELECT given_names FROM contactpoint.child WHERE child_id = :F); ROLLBACK", 'child: B F',
	set => \@only_index;
# From 18 on the sub-select becomes a hash of the whole table, whatever is discouraged.
my $checked = 'BEGIN; INSERT INTO harness.checked VALUES (7, :G); ROLLBACK';
look 'check of a view', 'practitioner', $checked, 'child: G', set => \@only_index, until => 17;
look 'check of a view, hashed', 'practitioner', $checked, 'child: *', set => \@only_index, since => 18;
my $guarded = 'SELECT id FROM harness.guarded';
look 'policy of another table', 'practitioner', $guarded, 'child: A-C', set => \@only_index, until => 17;
look 'policy of another table, hashed', 'practitioner', $guarded, 'child: *', set => \@only_index, since => 18;
look 'rule of another table', 'practitioner', 'BEGIN; INSERT INTO harness.ruled VALUES (:D); ROLLBACK',
  'child: D', set => \@only_index;
my $conflict = "INSERT INTO contactpoint.child (child_id, given_names, family_name, date_of_birth)
	VALUES (:A, 'Agatha', 'Appleyard', '2008-01-15') ON CONFLICT (child_id)";
look 'ON CONFLICT DO UPDATE RETURNING', 'superuser',
  "BEGIN; $conflict DO UPDATE SET sex = child.sex RETURNING given_names; ROLLBACK", 'child: A';
look 'ON CONFLICT DO UPDATE WHERE', 'superuser',
  "BEGIN; $conflict DO UPDATE SET sex = child.sex WHERE harness.spy(child.family_name); ROLLBACK", 'child: A';
look 'ON CONFLICT DO UPDATE that is rejected', 'superuser',
  "BEGIN; $conflict DO UPDATE SET sex = child.sex WHERE child.family_name = 'Other'; ROLLBACK",
  'child: nothing';
look 'ON CONFLICT DO NOTHING', 'superuser', "BEGIN; $conflict DO NOTHING RETURNING given_names; ROLLBACK", '';
look 'ON CONFLICT in a leaf', 'superuser', 'BEGIN;
	INSERT INTO contactpoint.responsibility (child_id, organisation_id) VALUES (:A, 2)
	ON CONFLICT (child_id, shielded) DO UPDATE SET since = responsibility.since
	RETURNING organisation_id; ROLLBACK', 'responsibility: A';
look 'ON CONFLICT in a leaf of the vault', 'superuser', 'BEGIN;
	INSERT INTO contactpoint.responsibility (child_id, shielded, organisation_id) VALUES (:S, true, 2)
	ON CONFLICT (child_id, shielded) DO UPDATE SET since = responsibility.since
	RETURNING organisation_id; ROLLBACK', 'vault responsibility: S';
look 'update through a view', 'superuser',
  'BEGIN; UPDATE harness.barrier SET given_names = given_names WHERE child_id = :A RETURNING given_names;
	ROLLBACK', 'child: A';

# ---------- locks and rechecks ----------

for my $strength ('UPDATE', 'NO KEY UPDATE', 'SHARE', 'KEY SHARE')
{
	look "FOR $strength", 'manager', "$names WHERE family_name < 'C' FOR $strength", 'child: A B',
	  plan => qr/LockRows/;
}
# A is consulted before it is found to be locked.
look 'SKIP LOCKED', 'manager', "$names WHERE family_name < 'C' FOR UPDATE SKIP LOCKED", 'child: A B',
  via => beside("$names WHERE child_id = :A FOR UPDATE");
look 'NOWAIT', 'manager', "$names WHERE family_name < 'D' FOR UPDATE NOWAIT", 'child: A B',
  via => beside("$names WHERE child_id = :B FOR UPDATE"), error => '55P03';

# A row changes hands while somebody waits for it: first K's, then L's is seen.
my %moving = (
	after => "UPDATE contactpoint.involvement SET child_id = :K, service = 'moves' WHERE service LIKE 'moves%'",
	via => rechecked("UPDATE contactpoint.involvement SET child_id = :L WHERE service = 'moves'"));
look 'recheck: FOR UPDATE', 'superuser',
  "SELECT child_id, contact FROM contactpoint.involvement WHERE service = 'moves' FOR UPDATE",
  'involvement: K L', %moving;
look 'recheck: UPDATE', 'superuser',
  "UPDATE contactpoint.involvement SET contact = contact WHERE service = 'moves' RETURNING child_id",
  'involvement: K L', %moving;
look 'recheck: DELETE', 'superuser',
  "DELETE FROM contactpoint.involvement WHERE service = 'moves' RETURNING child_id", 'involvement: K L',
  %moving;
look 'recheck: MERGE', 'superuser',
  "MERGE INTO contactpoint.involvement i USING (VALUES ('moves')) v (s) ON i.service = v.s
	WHEN MATCHED THEN UPDATE SET contact = i.contact",
  'involvement: K L', %moving;
look 'recheck: a condition that tells', 'superuser',
  "SELECT contact FROM contactpoint.involvement WHERE service LIKE 'moves%'
	AND NOT harness.spy(contact) FOR UPDATE", 'involvement: K L', %moving;
look 'recheck: the new row does not fit', 'superuser',
  "SELECT contact FROM contactpoint.involvement WHERE service = 'moves' FOR UPDATE", 'involvement: K',
  %moving,
  via => rechecked("UPDATE contactpoint.involvement SET child_id = :L, service = 'moves on'
  WHERE service = 'moves'");
my %pointing = (
	before => 'UPDATE harness.pointer SET child = :A WHERE id = 1',
	via => rechecked('UPDATE harness.pointer SET child = :F WHERE id = 1'));
look 'recheck: a sub-select with another child', 'practitioner',
	'SELECT (SELECT c.given_names FROM contactpoint.child c WHERE c.child_id = p.child)
	FROM harness.pointer p WHERE p.id = 1 FOR UPDATE', 'child: A F', set => \@only_index, %pointing;
look 'recheck: a sub-select of an UPDATE', 'practitioner', 'UPDATE harness.pointer p SET id = id WHERE id = 1 AND
	(SELECT c.given_names FROM contactpoint.child c WHERE c.child_id = p.child) IS NOT NULL', 'child: A F',
	set => \@only_index, %pointing;
# The child's row is taken as it was, and no longer joins.
look 'recheck: a join', 'practitioner',
  'SELECT c.given_names FROM harness.pointer p JOIN contactpoint.child c ON c.child_id = p.child
	WHERE p.id = 1 FOR UPDATE OF p',
  'child: A', set => [ @only_loops, @only_index ], %pointing, after => $pointing{before};

# ---------- cursors ----------

look 'WITH HOLD', 'practitioner', "DECLARE c CURSOR WITH HOLD FOR $names", 'child: refused', error => 'KC009';
# What a function has read by the commit is kept for later, and on record.
look 'WITH HOLD over a function', 'practitioner',
  "BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT harness.all_names(); COMMIT; FETCH c", 'child: *';
look 'cursor nobody fetched from', 'practitioner', "BEGIN; DECLARE c CURSOR FOR $names; COMMIT", '';
look 'cursor fetched partly', 'practitioner', "BEGIN; DECLARE c CURSOR FOR $names; FETCH 2 FROM c; COMMIT",
  'child: A B';
look 'cursor fetched in steps', 'practitioner',
  "BEGIN; DECLARE c CURSOR FOR $names; FETCH c; FETCH c; FETCH c; CLOSE c; COMMIT", 'child: A-C';
look 'cursor fetched to the end', 'practitioner',
  "BEGIN; DECLARE c CURSOR FOR $names; FETCH ALL c; FETCH c; COMMIT", 'child: *';
look 'cursor back and forth', 'practitioner',
  "BEGIN; DECLARE c SCROLL CURSOR FOR $names; FETCH 3 FROM c; FETCH BACKWARD 2 FROM c; FETCH RELATIVE 2
	FROM c; COMMIT", 'child: A-C';
look 'cursor from the end', 'practitioner',
  "BEGIN; DECLARE c SCROLL CURSOR FOR $names; FETCH LAST FROM c; COMMIT", 'child: *';
look 'cursor at a place', 'practitioner',
  "BEGIN; DECLARE c SCROLL CURSOR FOR $names; FETCH ABSOLUTE 4 FROM c; COMMIT", 'child: A-D';
# What MOVE passes over is not sent, but the query's own code has seen it.
look 'MOVE', 'practitioner', "BEGIN; DECLARE c CURSOR FOR $names; MOVE 2 FROM c; COMMIT", 'child: A B';
look 'MOVE, then FETCH', 'practitioner', "BEGIN; DECLARE c CURSOR FOR $names; MOVE 2 FROM c; FETCH c; COMMIT",
  'child: A-C';
look 'cursor over a sort', 'practitioner',
  "BEGIN; DECLARE c CURSOR FOR $names ORDER BY given_names; FETCH c; COMMIT", 'child: *';
look 'cursor rolled back', 'practitioner',
  "BEGIN; SAVEPOINT s; DECLARE c CURSOR FOR $names; FETCH c; ROLLBACK TO s; ROLLBACK", 'child: A';
look 'cursor of a function', 'practitioner',
  "BEGIN; SELECT harness.open_cursor(); FETCH 2 FROM opened; COMMIT", 'child: A B';
# Who opened it looks, whoever fetches: it was the opener's right and reason.
look 'cursor opened in another role', 'superuser', "BEGIN; SET LOCAL ROLE regress_practitioner;
	SET LOCAL contactpoint.reason = 'harness';
	DECLARE c CURSOR FOR $names; FETCH c; SET LOCAL ROLE regress_manager; FETCH c; COMMIT",
	'child by regress_practitioner: A refused', error => 'KC001', control_error => 'KC001';
look 'UPDATE WHERE CURRENT OF', 'manager', "BEGIN; DECLARE c CURSOR FOR $names
	WHERE family_name < 'D' FOR UPDATE; MOVE 2 FROM c;
	UPDATE contactpoint.child SET sex = sex WHERE CURRENT OF c RETURNING given_names; ROLLBACK", 'child: A B';
look 'DELETE WHERE CURRENT OF', 'superuser', "BEGIN; DECLARE c CURSOR FOR SELECT full_name
	FROM contactpoint.carer_vault; FETCH c;
	DELETE FROM contactpoint.carer_vault WHERE CURRENT OF c RETURNING full_name; ROLLBACK", 'vault carer: S';

# ---------- the wire protocol ----------

look 'Execute with a limit', 'practitioner', $names, 'child: A-C',
  via => sub {
	my ($case, $wire) = @_;
	return $wire->parse('', $case->{sql})->bind('', '')->execute('', 3)->sync->until_ready;
  };
look 'Execute with a limit, twice', 'practitioner', $names, 'child: A-E',
  via => sub {
	my ($case, $wire) = @_;
	return $wire->parse('', $case->{sql})->bind('', '')->execute('', 3)->execute('', 2)->sync->until_ready;
  };
# What has been sent is on record while the portal is still suspended.
look 'Execute with a limit, recorded at once', 'practitioner', $names, 'child: *',
  via => sub {
	my ($case, $wire) = @_;
	my $answer = $wire->parse('', $case->{sql})->bind('p', '')->execute('p', 2)->flush->until(qr/[CsE]/);
	my $sent = letters_of($answer);
	my $recorded = so_far($case->{tag});
	if (!$case->{control})
	{
		is("$sent, $answer->{suspended}", 'A B, 1', 'a limit of two rows: two rows are sent, and the portal waits');
		is($recorded, 'A B', 'a limit of two rows: these two are on record while the portal waits');
	}
	return $wire->execute('p', 0)->sync->until_ready;
  };
look 'Execute with a limit over a sort', 'practitioner', "$names ORDER BY given_names", 'child: *',
  via => sub {
	my ($case, $wire) = @_;
	return $wire->parse('', $case->{sql})->bind('', '')->execute('', 1)->sync->until_ready;
  };
# These run to the end at once, whatever is sent of them.
for my $sql ("UPDATE contactpoint.child SET sex = sex WHERE family_name < 'D' RETURNING given_names",
	"EXPLAIN (ANALYZE, COSTS OFF) $names WHERE family_name < 'D'")
{
	look 'Execute with a limit of ' . substr($sql, 0, 7), 'manager', $sql, 'child: A-C',
	  via => sub {
		my ($case, $wire) = @_;
		$wire->ask('BEGIN');
		my $answer = $wire->parse('', $case->{sql})->bind('', '')->execute('', 1)->sync->until_ready;
		$wire->ask('ROLLBACK');
		return $answer;
	  };
}
look 'a portal that is never executed', 'practitioner', $names, '',
  via => sub {
	my ($case, $wire) = @_;
	return $wire->parse('', $case->{sql})->describe(S => '')->bind('', '')->describe(P => '')->sync->until_ready;
  };
look 'pipeline', 'practitioner', "$names WHERE child_id = \$1", 'child: A C E',
  via => sub {
	my ($case, $wire) = @_;
	$wire->parse('s', $case->{sql});
	$wire->bind('', 's', [ $id{$_} ])->execute('') for qw(A C E);
	return $wire->sync->until_ready;
  };
look 'pipeline that fails in the middle', 'practitioner',
  "SELECT given_names FROM contactpoint.child WHERE child_id = \$1 AND 1 / \$2::int = 1", 'child: A',
  error => '22012',
  via => sub {
	my ($case, $wire) = @_;
	$wire->parse('s', "SELECT given_names, 1 / \$2::int FROM contactpoint.child WHERE child_id = \$1");
	$wire->bind('', 's', [ $id{A}, 1 ])->execute('')->parse('bad', 'SELECT 1 / 0')->bind('', 'bad')->execute('');
	return $wire->bind('', 's', [ $id{E}, 1 ])->execute('')->sync->until_ready;
  };
look 'several statements in one message', 'practitioner',
  "$names WHERE child_id = :A; $names WHERE child_id = :B; SELECT 1 / 0; $names WHERE child_id = :C",
  'child: A B', error => '22012';
look 'several portals at once', 'practitioner', $names, 'child: A B; carer: A',
  via => sub {
	my ($case, $wire) = @_;
	return $wire->parse('s', $case->{sql})->parse('t', 'SELECT full_name FROM contactpoint.carer')->bind('p',
	's')->bind('q', 't')
	  ->execute('p', 1)->execute('q', 1)->execute('p', 1)->sync->until_ready;
  };
look 'statement kept for its plan', 'practitioner', "$names WHERE child_id = \$1", 'child: A-H',
  via => sub {
	my ($case, $wire) = @_;
	$wire->parse('s', $case->{sql});
	return map { $wire->bind('', 's', [ $id{$_} ])->execute('')->sync->until_ready } 'A' .. 'H';
  };

# ---------- prepared plans ----------

for my $mode ('force_custom_plan', 'force_generic_plan')
{
	my $what = $mode eq 'force_generic_plan' ? qr/= \$1/ : qr/= '?\d{12}/;
	look "prepared, $mode", 'practitioner', '', 'child: A C',
	  set => [ "plan_cache_mode = $mode", @only_index ],
	  via => sub {
		my ($case, $wire) = @_;
		my @answers = map { $wire->query(numbers($_)) }
		  ("PREPARE p (bigint) AS $names WHERE child_id = \$1", 'EXECUTE p (:A)', 'EXPLAIN EXECUTE p (:B)',
		  'EXECUTE p (:C)');
		like(join("\n", map { $_->[0] } @{ $answers[2]{rows} }),
			$what, "prepared, $mode: that is the plan") unless $case->{control};
		return @answers;
	  };
	look "prepared, then another role, $mode", 'superuser', "SET ROLE regress_practitioner;
		SET contactpoint.reason = 'harness';
		PREPARE p AS $names WHERE child_id = :A; EXECUTE p; SET ROLE regress_manager;
		SET contactpoint.reason = 'harness'; EXECUTE p; RESET ROLE; EXECUTE p",
	  'child by regress_practitioner: A; child by regress_manager: A; child: A',
	  set => ["plan_cache_mode = $mode"];
	look "prepared by a superuser, executed by another, $mode", 'superuser',
		"PREPARE p AS SELECT postcode FROM contactpoint.address; EXECUTE p;
		SET ROLE regress_practitioner; SET contactpoint.reason = 'harness'; EXECUTE p",
	  'address: open; vault address: S T; address by regress_practitioner: open',
	  set => ["plan_cache_mode = $mode"];
}
look 'CREATE TABLE AS EXECUTE', 'practitioner',
  "PREPARE p AS $names WHERE child_id = :A; CREATE TEMP TABLE t AS EXECUTE p", 'child: A';

# ---------- views and functions ----------

look 'view', 'practitioner', 'SELECT given_names FROM harness.names WHERE child_id = :A', 'child: A';
look 'view of a superuser over details', 'practitioner', 'SELECT postcode FROM harness.addresses',
  'address: open';
look 'security barrier', 'practitioner',
  "SELECT given_names FROM harness.barrier WHERE harness.spy(family_name)", 'child: A-C';
look 'view without a barrier', 'practitioner',
  "SELECT given_names FROM harness.names WHERE harness.spy(family_name)", 'child: *';
look 'view of the invoker', 'practitioner', 'SELECT given_names FROM harness.invoker WHERE child_id = :A',
  'child: A';
look 'record', 'practitioner', 'SELECT * FROM contactpoint.record WHERE child_id = :A',
  'child: A; responsibility: A; address: A; carer: A; involvement: A; identifier: A', set => \@only_index;
look 'record, one column', 'practitioner', 'SELECT given_names FROM contactpoint.record WHERE child_id = :A',
  'child: A';
# The other details are looked for and not found.
look 'record of a shielded child', 'practitioner', 'SELECT * FROM contactpoint.record WHERE child_id = :S',
  'child: S', set => \@only_index;
look 'record of a shielded child, opened', 'social', 'SELECT * FROM contactpoint.record WHERE child_id = :S',
  'child: S; vault responsibility: S; vault address: S; vault carer: S; vault involvement: S;
  vault identifier: S', set => \@only_index;
look 'search', 'practitioner',
  "SELECT * FROM contactpoint.search(given_names => 'Drusila', family_name => 'Dunwody')", 'child: D';
look 'search by postcode', 'practitioner', "SELECT * FROM contactpoint.search(postcode => 'ex1 1aa')",
  'child: E';
look 'search that finds nothing', 'practitioner', "SELECT * FROM contactpoint.search(postcode => 'SX1 1AA')",
  'child: nothing';
look 'inlined function', 'practitioner', 'SELECT * FROM harness.inlined(:A)', 'child: A',
  plan => qr/on child/;
look 'function that is not inlined', 'practitioner', 'SELECT harness.plain(:A)', 'child: A';
look 'function with a parsed body', 'practitioner', 'SELECT harness.atomic(:A)', 'child: A';
look 'function over many rows', 'practitioner', 'SELECT harness.name_of(a) FROM harness.hop',
  'child: A C E F';
look 'function in a condition', 'practitioner',
  "SELECT 1 FROM harness.pointer WHERE harness.name_of(child) LIKE 'B%'", 'child: A-C';
# In FROM it runs to its end, in the select list row by row.
look 'function of many rows in FROM', 'practitioner', 'SELECT * FROM harness.all_names() LIMIT 1', 'child: *';
look 'function of many rows in the select list', 'practitioner', 'SELECT harness.all_names() LIMIT 1',
  'child: A';
look 'PL/pgSQL', 'practitioner', 'SELECT harness.name_of(:A)', 'child: A';
look 'PL/pgSQL, EXECUTE', 'practitioner', 'SELECT harness.dynamic(:A)', 'child: A';
# The loop fetches ten rows ahead: the session has them, whatever becomes of the loop.
look 'PL/pgSQL, loop left early', 'practitioner', 'SELECT harness.first_only()', 'child: A-J';
look 'PL/pgSQL, RETURN QUERY', 'practitioner', 'SELECT * FROM harness.returned() LIMIT 1', 'child: *';
# At the commit the rest of the loop's rows is read and kept.
look 'PL/pgSQL, loop over a commit', 'practitioner', 'CALL harness.loop_and_commit()', 'child: *';
look 'SECURITY DEFINER', 'practitioner', 'SELECT harness.definer(:A)', 'child: A';
look 'SECURITY DEFINER, details', 'practitioner', 'SELECT harness.definer_addresses()', 'address: open';
look 'DO', 'practitioner', "DO 'BEGIN PERFORM given_names FROM contactpoint.child WHERE child_id = :A; END'",
  'child: A';
look 'trigger of another table', 'practitioner',
  'BEGIN; INSERT INTO harness.watched VALUES (:A), (:C); ROLLBACK', 'child: A C';
look 'COPY FROM with such a trigger', 'practitioner', '', 'child: A',
  via => sub {
	my ($case, $wire) = @_;
	$wire->ask('BEGIN');
	$wire->simple_query('COPY harness.watched FROM STDIN')->until(qr/[GE]/);
	$wire->put(d => "$id{A}\n")->put(c => '')->send;
	my $answer = $wire->until_ready;
	$wire->ask('ROLLBACK');
	return $answer;
  };
look 'trigger in the place of a view', 'practitioner',
  "BEGIN; DELETE FROM harness.replaced WHERE family_name < 'C'; ROLLBACK", 'child: A B';
look 'trigger deferred to the commit', 'practitioner',
  "BEGIN; INSERT INTO harness.deferred VALUES (:B); SELECT 1; COMMIT", 'child: B',
  after => 'TRUNCATE harness.deferred';
look 'CHECK of another table that reads', 'practitioner',
  'BEGIN; INSERT INTO harness.tested VALUES (:B); ROLLBACK', 'child: B';
look 'cursor inside a function inside a query', 'practitioner',
  "BEGIN; DECLARE opened CURSOR FOR $names; SELECT full_name, harness.fetched() FROM contactpoint.carer;
	COMMIT", 'carer: A-C; child: A-C';
look 'function that calls itself', 'practitioner', 'SELECT harness.chain(:A, 3)', 'child: A C E';
look 'index expression that reads', 'practitioner',
  'BEGIN; CREATE TABLE harness.own (child bigint); INSERT INTO harness.own VALUES (:A);
	CREATE INDEX ON harness.own (harness.constant(child)); ROLLBACK',
  'child: refused', error => 'KC009';
# The leaf's row is read where it lies; the other session is the superuser's.
look 'foreign table that points back', 'superuser', 'SELECT given_names FROM harness.far WHERE child_id = :A',
  'child: A',
  via => sub {
	my ($case, $wire) = @_;
	$wire->ask("SET postgres_fdw.application_name = '$case->{tag}'");
	return $wire->query(numbers($case->{sql}));
  }, if => "EXISTS (SELECT FROM pg_available_extensions WHERE name = 'postgres_fdw')";
look 'CREATE TABLE AS', 'practitioner', "CREATE TEMP TABLE t AS $names WHERE family_name < 'C'", 'child: A B';
look 'SELECT INTO', 'practitioner',
  "SELECT given_names INTO TEMP t FROM contactpoint.child WHERE child_id = :A", 'child: A';
look 'materialised view', 'practitioner', "CREATE MATERIALIZED VIEW harness.stored AS $names",
  'child: refused', error => 'KC009';
look 'materialised view of a superuser', 'superuser',
  "CREATE MATERIALIZED VIEW harness.stored AS $names WHERE family_name < 'C'", 'child: A B',
  after => 'DROP MATERIALIZED VIEW IF EXISTS harness.stored';
look 'materialised view, refreshed', 'superuser', '', 'child: A B',
	via => in_turn("BEGIN; SET LOCAL application_name = 'setup';
	CREATE MATERIALIZED VIEW harness.stored AS $names WHERE family_name < 'C' WITH NO DATA", 'COMMIT',
		'REFRESH MATERIALIZED VIEW harness.stored'), after => 'DROP MATERIALIZED VIEW IF EXISTS harness.stored';
look 'query_to_xml', 'practitioner', "SELECT query_to_xml('$names WHERE child_id = :A', true, false, '')",
  'child: A';
look 'cursor_to_xml', 'practitioner',
  "BEGIN; DECLARE c CURSOR FOR $names; SELECT cursor_to_xml('c', 2, true, false, ''); COMMIT", 'child: A B';
look 'table_to_xml', 'superuser', "SELECT table_to_xml('contactpoint.identifier', true, false, '')",
  'identifier: A; vault identifier: S';
look 'notification', 'practitioner',
  "LISTEN h; SELECT pg_notify('h', given_names) FROM contactpoint.child WHERE child_id = :A", 'child: A';

# ---------- COPY, dump, EXPLAIN ----------

look 'COPY table TO', 'practitioner', 'COPY contactpoint.child TO STDOUT', 'child: *';
look 'COPY columns TO', 'practitioner',
  'COPY contactpoint.child (given_names) TO STDOUT (FORMAT csv, HEADER)', 'child: *';
look 'COPY of a partitioned table', 'practitioner', 'COPY contactpoint.address TO STDOUT', 'address: open';
look 'COPY (query) TO', 'practitioner', "COPY ($names WHERE family_name < 'C') TO STDOUT", 'child: A B';
look 'COPY (UPDATE RETURNING) TO', 'manager',
  'BEGIN; COPY (UPDATE contactpoint.child SET sex = sex WHERE child_id = :A
	RETURNING given_names) TO STDOUT; ROLLBACK', 'child: A';
look 'COPY table TO, superuser', 'superuser', 'COPY contactpoint.child TO STDOUT (FORMAT binary)', 'child: *';
look 'COPY of a leaf, superuser', 'superuser', 'COPY contactpoint.address_vault TO STDOUT',
  'vault address: S T';
look 'COPY of an opened record', 'social', 'COPY contactpoint.address TO STDOUT',
  'address: open; vault address: S';
look 'COPY TO a file', 'superuser', "COPY contactpoint.child TO '/tmp/never'", 'child: refused',
  error => 'KC009';
look 'COPY TO a program', 'superuser', "COPY ($names) TO PROGRAM 'cat'", 'child: refused', error => 'KC009';
my %dumped = (
	'child' => '*', 'alias' => 'O', 'address' => 'open', 'vault address' => 'S T', 'carer' => 'A-C',
	'vault carer' => 'S',
	'involvement' => 'A-K N', 'vault involvement' => 'S', 'identifier' => 'A', 'vault identifier' => 'S',
	'responsibility' => 'open',
	'vault responsibility' => 'S T', 'shield' => 'S T', 'unshield_request' => 'nothing', 'access_grant' => 'S',
	'shield_alert' => 'nothing', 'settlement' => 'O', 'source_link' => 'O', 'review' => 'S',
	'finding' => 'nothing', 'finding_pair' => 'nothing', 'remembered' => 'nothing', 'decided_row' => 'nothing',
	'merge_log' => 'nothing', 'merged_record' => 'nothing', 'merge_request' => 'nothing', 'undo_log' => 'nothing',
	'mistaken_look' => 'nothing',
	'hidden_record' => 'nothing', 'former_identity' => 'nothing', 'former_reference' => 'nothing',
	'former_row' => 'nothing', 'advance_shield' => 'nothing',
	'upload' => '-');
look 'pg_dump', 'superuser', '', join('; ', map { "$_: $dumped{$_}" } keys %dumped),
  via => sub {
	my ($case, $wire) = @_;
	local $ENV{PGAPPNAME} = $case->{tag};
	my ($out, $err) = run_command([ 'pg_dump', '-h', $node->host, '-p', $node->port, '-d', $db, '--data-only',
		'-t', 'contactpoint.*', '-e', 'contactpoint' ]);
	my @missing = grep { $out !~ /\b\Q$family{$_}\E\b/ } keys %family;
	return { rows => [], errors => [ map { { C => "not in the dump: $_", M => $err } } @missing ] };
  };
look 'EXPLAIN', 'practitioner', "EXPLAIN (VERBOSE) $names", '';
look 'EXPLAIN ANALYZE', 'practitioner', "EXPLAIN ANALYZE $names WHERE family_name < 'C'", 'child: A B';
look 'EXPLAIN ANALYZE EXECUTE', 'practitioner',
  "PREPARE p (bigint) AS $names WHERE child_id = \$1; EXPLAIN ANALYZE EXECUTE p (:A)", 'child: A';
look 'EXPLAIN ANALYZE that changes', 'manager',
  'BEGIN; EXPLAIN ANALYZE UPDATE contactpoint.child SET sex = sex WHERE child_id = :A; ROLLBACK', 'child: A';
look 'EXPLAIN ANALYZE CREATE TABLE AS', 'practitioner',
  "EXPLAIN ANALYZE CREATE TEMP TABLE t AS $names WHERE child_id = :A", 'child: A';
# The planner runs the function to estimate how many rows it will find.
look 'EXPLAIN of a function that reads', 'practitioner',
  'EXPLAIN SELECT 1 FROM harness.once WHERE name = harness.name_of(:A)', 'child: A';
# A function said to be immutable is run when the query is planned.
look 'EXPLAIN of a function that lies', 'practitioner', 'EXPLAIN SELECT harness.constant(:A)', 'child: A';

# ---------- errors and notices that carry data ----------

look 'failing cast in the select list', 'practitioner',
  'SELECT given_names::int FROM contactpoint.child WHERE child_id = :C', 'child: C', error => '22P02';
# The first row meets it, and the error quotes that row.
look 'failing cast in a condition', 'practitioner',
  'SELECT 1 FROM contactpoint.child WHERE family_name::int = 1', 'child: A', error => '22P02';
look 'failing cast in a condition, later', 'practitioner',
  "SELECT 1 FROM contactpoint.child WHERE CASE WHEN family_name > 'D' THEN family_name::int = 1 END",
  'child: D', error => '22P02';
look 'failing cast over the index', 'practitioner',
  'SELECT 1 FROM contactpoint.child WHERE child_id = :E AND given_names::date > now()', 'child: E',
  set => \@only_index, error => '22007';
look 'division by nothing', 'practitioner',
  "SELECT 1 / (length(given_names) - 6) FROM contactpoint.child WHERE family_name < 'C'", 'child: A',
  error => '22012';
look 'division in a condition', 'practitioner',
  'SELECT 1 FROM contactpoint.child WHERE 1 / (length(given_names) - 6) > 0', 'child: A', error => '22012';
# The last row was rejected, but by a condition that might have failed with it.
look 'division by nothing after rejected rows', 'practitioner',
  "SELECT 1 / (count(*) - 1) FROM contactpoint.child WHERE family_name LIKE 'A%'", 'child: A T',
  error => '22012';
look 'division by nothing after rows that nothing could quote', 'practitioner',
  "SELECT 1 / (count(*) - 1) FROM contactpoint.child WHERE family_name = 'Appleyard'", 'child: A',
  error => '22012';
look 'CHECK of another table', 'practitioner',
  "INSERT INTO harness.short SELECT family_name FROM contactpoint.child WHERE child_id = :C", 'child: C',
  error => '23514';
look 'unique key of another table', 'practitioner',
  "INSERT INTO harness.once SELECT given_names FROM contactpoint.child WHERE child_id = :A", 'child: A',
  error => '23505';
look 'domain in the select list', 'practitioner',
  'SELECT given_names::harness.nobody FROM contactpoint.child WHERE child_id = :C', 'child: C',
  error => '23514';
look 'domain in a condition', 'practitioner',
  'SELECT 1 FROM contactpoint.child WHERE given_names::harness.nobody = \'\'', 'child: A', error => '23514';
look 'regular expression of the row', 'practitioner',
  "SELECT 1 FROM contactpoint.child WHERE 'x' ~ (given_names || '[')", 'child: A', error => '2201B';
look 'text that the client cannot read', 'practitioner',
  "SET client_encoding = latin1; SELECT given_names || U&'\\2603' FROM contactpoint.child
	WHERE child_id = :A", 'child: A', error => '22P05';
look 'failing cast of candidates', 'manager',
  'SELECT 1 FROM contactpoint.review WHERE candidates::text::int = 1', 'review: S', error => '22P02';
look 'failing cast of the inbox', 'superuser', 'SELECT 1 FROM contactpoint.upload WHERE family_name::int = 1',
  'upload: failed', error => '22P02';
look 'failing cast in an opened record', 'social',
  'SELECT 1 FROM contactpoint.address WHERE child_id = :S AND postcode::int = 1', 'vault address: S',
  set => \@only_index, error => '22P02';
# The open rows before it were rejected, and none of them is in the error.
look 'failing cast in an opened record, all rows read', 'social',
  'SELECT 1 FROM contactpoint.address WHERE child_id = :S AND postcode::int = 1', 'vault address: S',
  set => [ 'enable_indexscan = off', 'enable_bitmapscan = off' ], plan => qr/Seq Scan on address_open/, error => '22P02';
look 'error that is caught', 'practitioner', 'SELECT harness.caught(:A)', 'child: A';
look 'error that is caught, outer rows', 'practitioner',
  "SELECT harness.caught(:A) FROM contactpoint.carer WHERE child_id = :B", 'carer: B; child: A';
look 'statement that fails before it looks', 'practitioner', "$names WHERE child_id = 1 / (length('') + 0)",
  '', error => '22012';
look 'notice in the select list', 'practitioner',
  "SELECT harness.spy(given_names) FROM contactpoint.child WHERE child_id = :C", 'child: C';
# A function in a condition sees every row, and so may the client.
look 'notice in a condition', 'practitioner', "$names WHERE harness.spy(family_name)", 'child: *';
look 'notice in a condition, cheap ones first', 'practitioner',
  "$names WHERE harness.spy(family_name) AND family_name < 'D'", 'child: A-C';
look 'notice in one arm of a condition', 'practitioner',
  "$names WHERE family_name < 'C' OR harness.spy(family_name)", 'child: *';
look 'setting in a condition', 'practitioner',
  "$names WHERE set_config('harness.seen', family_name, false) IS NULL", 'child: *';
look 'operator of a user', 'practitioner', "$names WHERE family_name OPERATOR(harness.===) 'x'", 'child: *';
look 'operator of a user over an array', 'practitioner',
  "$names WHERE family_name OPERATOR(harness.===) ANY ('{x,y}')", 'child: *';
look 'function said to be leakproof', 'superuser', "$names WHERE harness.sealed_spy(family_name)", 'child: *';
look 'notice of an aggregate', 'practitioner',
  "SELECT bool_or(harness.spy(family_name)) FROM contactpoint.child WHERE family_name < 'C'", 'child: A B';

# ---------- transactions and ends ----------

look 'cancelled in mid scan', 'practitioner',
  "SELECT child_id, CASE WHEN child_id = :C THEN pg_sleep(600)::text END FROM contactpoint.child",
  'child: A-C', error => '57014',
  via => sub {
	my ($case, $wire) = @_;
	$wire->simple_query(numbers($case->{sql}));
	$node->poll_query_until($db, "SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE pid = " . $wire->pid);
	$wire->cancel;
	return $wire->until_ready;
  };
look 'statement_timeout in mid scan', 'practitioner',
  "SELECT child_id, CASE WHEN child_id = :C THEN pg_sleep(600)::text END FROM contactpoint.child",
  'child: A-C', error => '57014',
  set => ["statement_timeout = '2s'"];
# The end of a session unwinds nothing; what a function of the user's has seen by
# then it may have put where no rollback reaches.
look 'terminated in mid scan', 'practitioner',
  "SELECT child_id, CASE WHEN child_id = :C THEN pg_sleep(600)::text END FROM contactpoint.child",
  'child: A-C', error => 'KC006', control_error => '57P01',
  via => sub {
	my ($case, $wire) = @_;
	$wire->simple_query(numbers($case->{sql}));
	$node->poll_query_until($db, "SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE pid = " . $wire->pid);
	$admin->ask('SELECT pg_terminate_backend(' . $wire->pid . ')');
	return $wire->until_ready;
  };
look 'ends its own session', 'practitioner', "SELECT setval('harness.kept', date_of_birth - date '2000-01-01'),
	pg_terminate_backend(pg_backend_pid()), pg_sleep(600) FROM contactpoint.child WHERE child_id = :C",
  'child: C', error => 'KC006', control_error => '57P01',
  via => sub {
	my ($case, $wire) = @_;
	my $answer = $wire->query(numbers($case->{sql}));
	is($admin->ask('SELECT last_value FROM harness.kept'), $admin->ask(numbers(
				"SELECT date_of_birth - date '2000-01-01' FROM contactpoint.child WHERE child_id = :C")),
		'whoever ends the own session keeps what a sequence has taken') unless $case->{control};
	return $answer;
  };
look 'savepoint rolled back', 'practitioner',
  "BEGIN; SAVEPOINT s; $names WHERE child_id = :A; ROLLBACK TO s; COMMIT", 'child: A';
look 'exception block', 'practitioner',
  "DO 'BEGIN BEGIN PERFORM given_names FROM contactpoint.child WHERE child_id = :A; RAISE division_by_zero;
	EXCEPTION WHEN division_by_zero THEN NULL; END; END'", 'child: A';
look 'transaction rolled back', 'practitioner', "BEGIN; $names WHERE child_id = :A; ROLLBACK", 'child: A';
look 'READ ONLY', 'practitioner', "BEGIN READ ONLY; $names WHERE child_id = :A; COMMIT", 'child: A';
look 'DEFERRABLE', 'practitioner',
  "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE; $names WHERE child_id = :A; COMMIT", 'child: A';
look 'REPEATABLE READ', 'practitioner',
  "BEGIN ISOLATION LEVEL REPEATABLE READ; $names WHERE child_id = :A; ROLLBACK", 'child: A';
look 'imported snapshot', 'practitioner', '', 'child: A',
  via => sub {
	my ($case, $wire) = @_;
	my $other = session('superuser', 'setup');
	my $snapshot = $other->ask('BEGIN ISOLATION LEVEL REPEATABLE READ') . $other->ask('SELECT pg_export_snapshot()');
	my $answer = $wire->query(numbers("BEGIN ISOLATION LEVEL REPEATABLE READ;
		SET TRANSACTION SNAPSHOT '$snapshot'; $names WHERE child_id = :A; COMMIT"));
	$other->finish;
	return $answer;
  };

# ---------- how plans are run ----------

look 'JIT', 'practitioner', "$names WHERE family_name < 'C'", 'child: A B',
  set => [ 'jit = on', 'jit_above_cost = 0', 'jit_optimize_above_cost = 0', 'jit_inline_above_cost = 0' ],
  analyze => 1, plan => qr/JIT:/, if => 'pg_jit_available()';
look 'JIT, condition that tells', 'practitioner', "$names WHERE harness.spy(family_name)", 'child: *',
  set => [ 'jit = on', 'jit_above_cost = 0' ],
  analyze => 1, plan => qr/JIT:/, if => 'pg_jit_available()';
my @parallel = ('parallel_setup_cost = 0', 'parallel_tuple_cost = 0', 'min_parallel_table_scan_size = 0',
	'min_parallel_index_scan_size = 0', 'max_parallel_workers_per_gather = 4');
look 'parallel plan wanted', 'practitioner', 'SELECT count(*) FROM contactpoint.involvement',
  'involvement: A-K N', set => [ @parallel, 'PARALLEL = on' ], unplan => qr/Gather/;
look 'parallel plan wanted, of a join with another table', 'practitioner',
  'SELECT count(*) FROM harness.visit v JOIN contactpoint.child c ON c.child_id = v.child', 'child: A B',
  set => [ @parallel, 'PARALLEL = on', @only_loops, @only_index ], unplan => qr/Gather/;
look 'function that says it is parallel safe', 'practitioner',
  'SELECT max(harness.lying(child)) FROM harness.visit', 'child: refused',
  set => [ @parallel, 'PARALLEL = on', 'parallel_leader_participation = off' ],
  plan => qr/Partial Aggregate/, error => 'KC006';
look 'incremental sort', 'practitioner',
  "SELECT given_names FROM contactpoint.child ORDER BY date_of_birth, given_names LIMIT 2",
  sub { return 'child: A-C' }, set => \@no_seqscan, plan => qr/Incremental Sort/;

# ---------- what is no look ----------

look 'foreign-key check', 'superuser',
  "BEGIN; INSERT INTO contactpoint.carer (child_id, full_name) VALUES (:A, 'X');
	SET CONSTRAINTS ALL IMMEDIATE; ROLLBACK", '';
look 'foreign-key check of a manager', 'manager',
  "BEGIN; INSERT INTO contactpoint.carer (child_id, full_name) VALUES (:A, 'X'); ROLLBACK", '';
# The cascade moves all details; only the statement's own row is a look.
look 'cascade of a foreign key', 'superuser',
  "BEGIN; DELETE FROM contactpoint.child WHERE child_id = :A; ROLLBACK", 'child: A', error => '23503';
look 'foreign key of another table', 'superuser',
  'BEGIN; SET LOCAL contactpoint.allow_drop = on;
	CREATE TABLE harness.linked (child_id bigint REFERENCES contactpoint.child);
	INSERT INTO harness.linked VALUES (:A); ROLLBACK', 'CREATE TABLE: done';
# The trigger is no work of the foreign key that leads to it.
look 'trigger behind a cascade', 'superuser', '',
  sub { return "CREATE TABLE: done; CREATE TRIGGER: done; child: A $_[1]{rows}[0][0]" },
  via => in_turn('BEGIN; SET LOCAL contactpoint.allow_drop = on;
	CREATE TABLE harness.linked (child bigint REFERENCES contactpoint.child ON
  DELETE CASCADE);
	CREATE TRIGGER note AFTER DELETE ON harness.linked FOR EACH ROW EXECUTE FUNCTION harness.note_first()',
	"INSERT INTO contactpoint.child (given_names, family_name, date_of_birth) VALUES ('Zebedee', 'Zouch',
	'2009-09-09') RETURNING child_id",
	"INSERT INTO harness.linked SELECT child_id FROM contactpoint.child WHERE family_name = 'Zouch'",
	"DELETE FROM contactpoint.child WHERE family_name = 'Zouch'", 'ROLLBACK');
look 'shield', 'manager', "BEGIN; SELECT contactpoint.shield(:M, 'threats', 'harm'); ROLLBACK",
  'shield: done M';
look 'ANALYZE', 'superuser', 'ANALYZE contactpoint.child', '';
look 'VACUUM', 'superuser', 'VACUUM (VERBOSE) contactpoint.child; ', '';
look 'VACUUM FULL', 'superuser', 'VACUUM FULL contactpoint.child', '';
look 'REINDEX', 'superuser', 'REINDEX TABLE contactpoint.child', '';
look 'statistics', 'practitioner',
  "SELECT count(*) FROM pg_stat_user_tables WHERE schemaname = 'contactpoint'; SELECT count(*)
	FROM pg_stats WHERE schemaname = 'contactpoint'; SELECT pg_relation_size('contactpoint.child')", '';
look 'another table', 'practitioner', 'SELECT * FROM harness.hop', '';
look 'upload', 'superuser',
  "BEGIN; INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, date_of_birth)
	VALUES ('school', 'ha-9', 'Agatha', 'Appleyard', '2008-01-15'); ROLLBACK", '';

# ---------- the runs ----------

sub run_all
{
	my (%option) = @_;
	my @results;

	$node = ContactPoint::start($option{name}, control => $option{control}, conf => 'synchronize_seqscans = off');
	$major = $node->pg_version =~ s/\..*//r;
	$admin = Wire->connect($node, $db, options => { application_name => 'setup' });
	fill();
	for my $limit ('max_disclosure', 'max_disclosure_day')
	{
		$admin->ask("ALTER DATABASE $db SET contactpoint.$limit = 1000000")
		  if $admin->ask("SELECT count(*) FROM pg_settings WHERE name = 'contactpoint.$limit'");
	}
	my $parallel = $major >= 16 ? 'debug_parallel_query' : 'force_parallel_mode';
	@cases = grep { $major >= ($_->{since} // 0) && $major <= ($_->{until} // 99) } @cases;
	$cases[$_]{tag} = "case $_" for 0 .. $#cases;
	for my $case (@cases)
	{
		$case->{control} = $option{control};
		s/^PARALLEL /$parallel / for @{ $case->{set} // [] };
		my $here = !$case->{if} || $admin->ask("SELECT $case->{if}") eq 't';
		push @results, $here ? run_case($case) : undef;
	}

	my $seen = audit();
	for my $case (@cases)
	{
		my $result = shift @results;
	  SKIP: {
			skip "$case->{name}: not on this server", 1 unless $result;
			my ($expected, $trouble) = @$result;
			my $recorded = recorded_lines($seen->{ $case->{tag} });

			if (!$option{control})
			{
				is($trouble . $recorded, $expected, $case->{name});
			}
			elsif (my @wanted = children_in($expected))
			{
				my %recorded = map { $_ => 1 } children_in($recorded);
				my @found = grep { $recorded{$_} } @wanted;
				is("$trouble@found", '', "missed without capture: $case->{name}");
			}
		}
	}
	$admin->finish;
	$node->stop;
	return;
}

run_all(name => 'capture');
run_all(name => 'control', control => 'capture');
done_testing();
