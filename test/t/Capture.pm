# Capture: the set of (relation, child) in the audit is the set of rows that the
# query's own code could see, for every way to read; not one more, not one less.
#
# Each file of cases (060_capture.pl and those after it) says
#	use Capture;
#	look ...;
#	Capture::finish();
# and so runs its cases twice: with the library as it is, and with one that
# records nothing (control => 'capture'), where every case that expects a child
# must miss it.  So a case that would pass without capture fails here.
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
package Capture;

use strict;
use warnings;

use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use ContactPoint;
use Wire;

our @EXPORT = qw(look numbers session letters_of rechecked beside in_turn so_far
  $db $node $admin %id %letter %family $names $returned @no_seqscan @only_index @only_bitmap @only_loops);

our $db = 'contactpoint';
my $superuser = getpwuid $<;
my %role = (
	practitioner => 'regress_practitioner',
	manager      => 'regress_manager',
	social       => 'regress_social',
	nurse        => 'regress_nurse',
	superuser    => undef);

my @open = ('A' .. 'O');
my @vault = ('S', 'T');
our %family = map { substr($_, 0, 1) => $_ } qw(Appleyard Brightwater Catterick Dunwoody Eastleigh
  Fotheringay Gillespie Hucklebridge Ingleby Jarrow Knaresborough Loxwood Mulberry Netherby
  Oakhampton Silverdale Thistlewood);
my %given = map { substr($_, 0, 1) => $_ } qw(Agatha Bartholomew Cornelius Drusilla Euphemia
  Ferdinand Guinevere Horatio Isidora Jocelyn Kendrick Lavinia Montague Nicolette
  Ottoline Sophronia Thaddeus);

my @cases;
our ($node, $admin, %id, %letter);
my $major;

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

our $names = 'SELECT child_id, given_names FROM contactpoint.child';
our @no_seqscan = ('enable_seqscan = off');
our @only_index = ('enable_seqscan = off', 'enable_bitmapscan = off');
our @only_bitmap = ('enable_seqscan = off', 'enable_indexscan = off');
our @only_loops = ('enable_hashjoin = off', 'enable_mergejoin = off', 'enable_material = off',
	'enable_memoize = off');
our $returned = sub { return 'child: ' . letters_of(@_) };

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

# Every case with the library as it is, then without capture.
sub finish
{
	run_all(name => 'capture');
	run_all(name => 'control', control => 'capture');
	done_testing();
	return;
}

1;
