# Capture of commands that write: what they read, rechecks of rows behind a lock,
# and what is no look at all.  Capture.pm says how a case is written.
use strict;
use warnings;

use Capture;

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

Capture::finish();
