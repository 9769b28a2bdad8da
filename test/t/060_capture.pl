# Capture of queries: scans, joins, aggregates, views and functions, COPY, dump and
# EXPLAIN.  Capture.pm says how a case is written and how it is run.
use strict;
use warnings;

use PostgreSQL::Test::Utils;

use Capture;

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

Capture::finish();
