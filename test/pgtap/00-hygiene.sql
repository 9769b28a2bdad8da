-- Rules that every object of the extension keeps. A new object that breaks one
-- is mended, or named in a list below with the reason.

BEGIN;
CREATE EXTENSION pgtap;
SELECT plan(18);

CREATE TEMP TABLE allowed (rule text, name text, because text);
INSERT INTO allowed VALUES
    ('execute', '_capture', 'the planner hook puts it into plans of whoever asks; refuses a call from SQL'),
    ('execute', '_touch', 'as _capture'),
    ('execute', '_vault_guard', 'as _capture; a policy names it'),
    ('execute', '_review_guard', 'as _vault_guard'),
    ('row security', 'upload', 'COPY FROM refuses row security; feeds may insert and read nothing'),
    ('invoker', 'upload_receipt', 'shows a feed what became known of rows that it may not read'),
    ('invoker', 'audit', 'auditors read journal and ledger through it alone; the look is recorded'),
    ('invoker', 'status', 'shows how many rows wait, never which'),
    ('invoker', 'progress', 'as status'),
    ('invoker', 'reviews_due', 'tells whether somebody may still decide, from accounts that managers do not see; the guard of the table holds'),
    ('invoker', '_current_manager', 'granted to nobody; as reviews_due'),
    ('invoker', 'findings_due', 'shows which shielded record it is only to managers of its authority; the guard of the table holds'),
    ('invoker', 'uploads_at_risk', 'as findings_due'),
    ('dump', 'shield_category', 'filled by the script'),
    ('dump', 'weight', 'filled by the script'),
    ('dump', 'restore_mark', 'says that a restore is under way here'),
    ('dump', 'digest_key', 'a secret of this database; another one is as good'),
    ('dump', 'key_version', 'filled by the script: all keys are built anew'),
    ('dump', 'job', 'filled by the script; a job does not go on in another database'),
    ('dump', 'name_word', 'derived: validate_restore() builds it anew'),
    ('dump', 'word_count', 'derived: validate_restore() builds it anew'),
    ('dump', 'similar_word', 'derived: validate_restore() builds it anew'),
    ('dump', 'place_key', 'derived: validate_restore() builds it anew'),
    ('dump', 'match_key', 'derived: validate_restore() builds it anew'),
    ('dump', 'guard_key', 'derived: validate_restore() builds it anew'),
    ('dump', 'match_person', 'derived: validate_restore() builds it anew');

CREATE TEMP VIEW member AS
    SELECT d.classid, d.objid FROM pg_catalog.pg_depend d
    JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
    WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'contactpoint';
CREATE TEMP VIEW routine AS
    SELECT p.*, l.lanname FROM pg_catalog.pg_proc p
    JOIN pg_catalog.pg_language l ON l.oid = p.prolang
    JOIN member m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid;
CREATE TEMP VIEW relation AS
    SELECT c.* FROM pg_catalog.pg_class c
    JOIN member m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid;
-- sequences of identity columns: their column speaks for them
CREATE TEMP VIEW identity_sequence AS
    SELECT d.objid FROM pg_catalog.pg_depend d
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'i';
-- tables whose rows a shield hides, with their leaves
CREATE TEMP VIEW detail AS
    SELECT r.* FROM relation r
    LEFT JOIN pg_catalog.pg_inherits i ON i.inhrelid = r.oid
    WHERE r.relkind IN ('r', 'p')
      AND coalesce(i.inhparent, r.oid) IN (
        SELECT oid FROM relation
        WHERE relname IN ('address', 'carer', 'involvement', 'identifier', 'responsibility'));

SELECT isnt_empty('SELECT FROM member', 'the extension is here');
SELECT is(
    (SELECT count(*)::int FROM detail), 15, 'five detail tables, each with an open and a vault leaf');

-- functions
SELECT is_empty($$
    SELECT oid::regprocedure FROM routine
    WHERE lanname NOT IN ('c', 'internal') AND prosqlbody IS NULL
      AND NOT EXISTS (SELECT FROM unnest(proconfig) setting WHERE setting LIKE 'search_path=%')
    $$, 'every function pins search_path, unless it is C or has an SQL-standard body');
SELECT is_empty($$
    SELECT oid::regprocedure FROM routine
    WHERE prosecdef AND proname NOT IN (SELECT name FROM allowed WHERE rule = 'definer')
    $$, 'no SECURITY DEFINER but those allowed');
SELECT is_empty($$
    SELECT oid::regprocedure FROM routine,
        aclexplode(coalesce(proacl, acldefault('f', proowner))) acl
    WHERE acl.grantee = 0 AND proname NOT IN (SELECT name FROM allowed WHERE rule = 'execute')
    $$, 'nobody but those allowed may EXECUTE as PUBLIC');

-- privileges
SELECT is_empty($$
    SELECT relation.oid::regclass, acl.privilege_type FROM relation,
        aclexplode(coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner))) acl
    WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND acl.grantee = 0
    $$, 'PUBLIC has no privilege on a table, view or sequence');
SELECT is_empty($$
    SELECT attrelid::regclass, attname, acl.privilege_type FROM relation
    JOIN pg_attribute ON attrelid = relation.oid, aclexplode(attacl) acl
    WHERE acl.grantee = 0
    $$, 'PUBLIC has no privilege on a column');
SELECT is_empty($$
    SELECT relation.oid::regclass, acl.grantee::regrole, acl.privilege_type FROM relation,
        aclexplode(relacl) acl
    WHERE relispartition AND acl.grantee <> relowner
    $$, 'leaves are granted to nobody');

-- row security
SELECT is_empty($$
    SELECT oid::regclass FROM relation
    WHERE relkind IN ('r', 'p') AND NOT (relrowsecurity AND relforcerowsecurity)
      AND relname NOT IN (SELECT name FROM allowed WHERE rule = 'row security')
    $$, 'every table has row security, for its owner too');
SELECT is_empty($$
    SELECT oid::regclass FROM relation
    WHERE relkind = 'v' AND NOT coalesce(reloptions, '{}') && '{security_invoker,security_invoker=true,security_invoker=on}'
      AND relname NOT IN (SELECT name FROM allowed WHERE rule = 'invoker')
    $$, 'every view reads with the rights of whoever asks');

-- comments
SELECT is_empty($$
    SELECT pg_describe_object(classid, objid, 0) FROM member
    WHERE obj_description(objid, classid::regclass::name) IS NULL
      AND NOT (classid = 'pg_class'::regclass AND objid IN (SELECT objid FROM identity_sequence))
      -- row types and arrays, members of their own from 17 on: their table or element speaks for them
      AND NOT (classid = 'pg_type'::regclass AND objid IN
          (SELECT oid FROM pg_catalog.pg_type WHERE typrelid <> 0 OR typcategory = 'A'))
    $$, 'every member has a comment');
SELECT is_empty($$
    SELECT attrelid::regclass, attname FROM relation
    JOIN pg_attribute ON attrelid = relation.oid
    WHERE relkind IN ('r', 'p', 'c') AND attnum > 0 AND NOT attisdropped
      AND col_description(attrelid, attnum) IS NULL
    $$, 'every column of a table has a comment');
SELECT is_empty($$
    SELECT tgrelid::regclass, tgname FROM relation
    JOIN pg_trigger ON tgrelid = relation.oid
    WHERE NOT tgisinternal AND tgparentid = 0 AND obj_description(pg_trigger.oid, 'pg_trigger') IS NULL
    $$, 'every trigger has a comment');
SELECT is_empty($$
    SELECT polrelid::regclass, polname FROM relation
    JOIN pg_policy ON polrelid = relation.oid
    WHERE obj_description(pg_policy.oid, 'pg_policy') IS NULL
    $$, 'every policy has a comment');
SELECT is_empty($$
    SELECT indexrelid::regclass FROM relation
    JOIN pg_index ON indrelid = relation.oid
    WHERE obj_description(indexrelid, 'pg_class') IS NULL
      AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x'))
    $$, 'every index has a comment, unless a constraint made it');

-- dump
SELECT is_empty($$
    SELECT oid::regclass FROM relation
    WHERE relkind IN ('r', 'S')
      AND NOT oid = ANY (SELECT unnest(extconfig) FROM pg_extension WHERE extname = 'contactpoint')
      AND relname NOT IN (SELECT name FROM allowed WHERE rule = 'dump')
    $$, 'pg_dump takes the rows of every table, leaf and sequence along');

-- what a shield hides
SELECT is_empty($$
    SELECT attrelid::regclass, attname FROM detail
    JOIN pg_attribute ON attrelid = detail.oid
    WHERE attnum > 0 AND attname NOT IN ('child_id', 'shielded', 'recorded_at')
      AND attstattarget IS DISTINCT FROM 0
    UNION ALL
    SELECT attrelid::regclass, attname FROM relation
    JOIN pg_attribute ON attrelid = relation.oid
    WHERE relname IN ('alias', 'upload') AND attname IN ('given_names', 'family_name', 'address', 'postcode',
        'date_of_birth', 'identifiers', 'carers', 'involvements', 'alias_names')
      AND attstattarget IS DISTINCT FROM 0
    $$, 'no statistics on hidden columns');
SELECT is_empty($$
    SELECT indexrelid::regclass FROM detail
    JOIN pg_index ON indrelid = detail.oid
    LEFT JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
    WHERE attname IS DISTINCT FROM 'child_id'
    $$, 'no index on details begins with anything but child_id');

SELECT * FROM finish();
ROLLBACK;
