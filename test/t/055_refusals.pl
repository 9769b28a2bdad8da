# Ways around that need a server of their own: an owner who is no superuser,
# code of others that the registry's own work sets off, a publication that was
# there first.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use ContactPoint;

my $db = 'contactpoint';
my $node = ContactPoint::start('refusals', extension => 0);
my $create =
  'SET client_min_messages = warning; CREATE EXTENSION contactpoint CASCADE';

# ---------- a publication that was there first ----------

$node->safe_psql($db,
	'SET client_min_messages = error; CREATE PUBLICATION everything FOR ALL TABLES');
ContactPoint::refused($node, $db, undef, $create, 'KC009',
	'no registry is made where all tables are published');
$node->safe_psql($db, 'DROP PUBLICATION everything');

$node->safe_psql($db, 'CREATE ROLE regress_dba LOGIN SUPERUSER');

# ---------- code of others that the registry's own work sets off ----------

# With the first entry the sealer makes a table for its month, and an event
# trigger runs then. What that reads is no work of the registry.
ContactPoint::ask($node, $db, 'regress_dba', $create);
my $number =
  $node->safe_psql($db, 'SELECT contactpoint._child_number()');
$node->safe_psql($db, <<"SQL");
INSERT INTO contactpoint.child (child_id, given_names, family_name, sex, date_of_birth) VALUES ($number, 'Eve', 'Triggered', 'F', '2012-11-10');
INSERT INTO contactpoint.address (child_id, address) VALUES ($number, '1 Event Street');
CREATE TABLE public.loot (address text);
CREATE FUNCTION public.steal() RETURNS event_trigger LANGUAGE plpgsql AS \$\$
BEGIN INSERT INTO public.loot SELECT address FROM contactpoint.address; END \$\$;
CREATE EVENT TRIGGER steal ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION public.steal();
SELECT count(*) FROM contactpoint.child;
SQL
ok( $node->poll_query_until(
		$db, 'SELECT count(*) > 0 FROM contactpoint.ledger'),
	'the sealer works');
is($node->safe_psql($db, 'SELECT DISTINCT address FROM public.loot'),
	'1 Event Street', 'an event trigger read the registry meanwhile');
is( $node->safe_psql(
		$db,
		"SELECT DISTINCT command, outcome FROM contactpoint.audit WHERE relation = 'address' AND $number = ANY (children)"
	),
	'SELECT|disclosed',
	'and that is on record');
$node->safe_psql($db, 'DROP EVENT TRIGGER steal');

# ---------- the extension's own script ----------

# It may change everything; what it reads of children is on record all the same.
my ($major) = `$ENV{PG_CONFIG} --version` =~ /(\d+)/;
chomp(my $share = `$ENV{PG_CONFIG} --sharedir`);
my $script =
  "build/pg$major/stage$share/extension/contactpoint--0.1.0--0.1.0test.sql";
append_to_file($script, <<'SQL');
CREATE TABLE contactpoint.more (child_id bigint) USING contactpoint_heap;
ALTER TABLE contactpoint.alias ADD COLUMN more text;
CREATE OR REPLACE FUNCTION contactpoint._name_fault(name text) RETURNS text
    LANGUAGE c STRICT IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'contactpoint_name_fault';
DROP INDEX contactpoint.alias_child_id_idx;
CREATE TRIGGER t AFTER INSERT ON contactpoint.more FOR EACH STATEMENT EXECUTE FUNCTION contactpoint._restore_mark();
GRANT SELECT ON contactpoint.more TO contactpoint_manager;
CREATE TABLE public.copied AS SELECT address FROM contactpoint.address;
SQL
my ($status, undef, $stderr) = ContactPoint::as($node, $db, undef,
	"ALTER EXTENSION contactpoint UPDATE TO '0.1.0test'");
unlink($script);
is($status, 0, 'a script of the extension changes the registry')
  || diag($stderr);
is( $node->safe_psql(
		$db,
		"SELECT count(*) FROM contactpoint.audit WHERE relation = 'address' AND $number = ANY (children) AND statement LIKE 'ALTER EXTENSION %'"
	),
	'1',
	'and what it read is on record');
ContactPoint::refused($node, $db, undef, 'DROP TABLE contactpoint.more',
	'2BP01', 'what it made belongs to the registry');

# ---------- the owner of the registry, a superuser no more ----------

ContactPoint::fill($node, $db);
$node->safe_psql($db, slurp_file('test/refusals.sql'));
$node->safe_psql($db,
	'GRANT ALL ON DATABASE contactpoint TO regress_dba; GRANT ALL ON SCHEMA public TO regress_dba; ALTER ROLE regress_dba NOSUPERUSER; GRANT SELECT ON attempts TO regress_dba'
);
like(
	ContactPoint::ask(
		$node, $db, 'regress_dba',
		q{SELECT string_agg(DISTINCT attempt(statement), ' ') FROM attempts}),
	qr/^(42501 )?KC009$/,
	'all is refused to the owner who is no superuser');
for my $way (
	'REASSIGN OWNED BY regress_dba TO postgres',
	'DROP OWNED BY regress_dba CASCADE')
{
	ContactPoint::refused($node, $db, undef, $way, 'KC009',
		"refused to a superuser: $way");
}

# ---------- logical decoding ----------

$node->append_conf('postgresql.conf', "wal_level = logical\nmax_wal_senders = 2\n");
$node->restart;
$node->safe_psql($db, <<'SQL');
CREATE TABLE public.ordinary (a int PRIMARY KEY);
CREATE PUBLICATION ordinary FOR TABLE public.ordinary;
SELECT pg_create_logical_replication_slot('everything', 'test_decoding');
SELECT pg_create_logical_replication_slot('ordinary', 'pgoutput');
INSERT INTO public.ordinary VALUES (1);
SQL
my $decode =
  "SELECT data FROM pg_logical_slot_get_changes('everything', NULL, NULL)";
like($node->safe_psql($db, $decode),
	qr/public.ordinary: INSERT/, 'other tables are decoded');
$node->safe_psql($db, <<"SQL");
BEGIN;
INSERT INTO public.ordinary VALUES (2);
INSERT INTO contactpoint.address (child_id, address) VALUES ($number, '1 Decoded Street');
COMMIT;
SQL
ContactPoint::refused($node, $db, undef, $decode, 'KC009',
	'changes of the registry are not');
$node->command_fails_like(
	[
		'pg_recvlogical', '-d', $node->connstr($db), '--slot', 'everything',
		'--start', '--no-loop', '-f', '-'
	],
	qr/changes of the registry cannot be decoded/,
	'nor over the replication protocol');
my $published = $node->safe_psql($db,
	"SELECT encode(data, 'escape') FROM pg_logical_slot_get_binary_changes('ordinary', NULL, NULL, 'proto_version', '1', 'publication_names', 'ordinary')"
);
like($published, qr/ordinary/, 'a publication of other tables goes on');
unlike($published, qr/Decoded/, 'and tells nothing of the registry');

$node->stop;
done_testing();
