-- Ways around the vault and the audit that were tried and must stay closed.
\getenv abs_srcdir PG_ABS_SRCDIR
\set people :abs_srcdir '/people.sql'
\i :people
\set SHOW_CONTEXT never
\pset null '-'

SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode, carers) VALUES
    ('school', 'at-1', 1, 'Zelda', 'Shieldham', 'F', '2015-03-17', '7 Attack Refuge', 'AT1 1AA', '[{"full_name": "Mona Shieldham", "contact": "07700 900999"}]'),
    ('school', 'at-2', 1, 'Oscar', 'Openfield', 'M', '2014-04-18', '8 Attack Open', 'AT2 2BB', '[{"full_name": "Olga Openfield", "contact": "07700 900888"}]');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT child_id AS zelda FROM contactpoint.source_link WHERE source_ref = 'at-1' \gset
SELECT child_id AS oscar FROM contactpoint.source_link WHERE source_ref = 'at-2' \gset
SET SESSION AUTHORIZATION regress_manager;
SELECT cardinality(contactpoint.shield(:zelda, 'placement', 'adoption')) AS shielded;
RESET SESSION AUTHORIZATION;
GRANT TEMP ON DATABASE contrib_regression TO PUBLIC;

-- a cascade between one's own tables does not make its triggers the registry's work
\c - regress_social
CREATE TEMP TABLE loot (t text);
CREATE TEMP TABLE parent (id int PRIMARY KEY);
CREATE TEMP TABLE kid (id int REFERENCES parent ON DELETE CASCADE);
CREATE FUNCTION pg_temp.steal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO loot SELECT a.address FROM contactpoint.address a; RETURN OLD; END $$;
CREATE TRIGGER steal BEFORE DELETE ON kid FOR EACH ROW EXECUTE FUNCTION pg_temp.steal();
INSERT INTO parent VALUES (1); INSERT INTO kid VALUES (1);
\set SHOW_CONTEXT never
DELETE FROM parent;
SET contactpoint.reason = 'with a reason';
DELETE FROM parent;
SELECT count(*) FILTER (WHERE t = '7 Attack Refuge') AS hidden, count(*) FILTER (WHERE t = '8 Attack Open') AS open FROM loot;
-- a superuser's look from such a trigger is on record
\c - postgres
\set SHOW_CONTEXT never
SELECT child_id AS zelda FROM contactpoint.source_link WHERE source_ref = 'at-1' \gset
SELECT child_id AS oscar FROM contactpoint.source_link WHERE source_ref = 'at-2' \gset
CREATE TEMP TABLE loot (t text);
CREATE TEMP TABLE parent (id int PRIMARY KEY);
CREATE TEMP TABLE kid (id int REFERENCES parent ON DELETE CASCADE);
CREATE FUNCTION pg_temp.steal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO loot SELECT a.address FROM contactpoint.address a WHERE a.address = '7 Attack Refuge'; RETURN OLD; END $$;
CREATE TRIGGER steal BEFORE DELETE ON kid FOR EACH ROW EXECUTE FUNCTION pg_temp.steal();
INSERT INTO parent VALUES (1); INSERT INTO kid VALUES (1);
SELECT count(*) AS before FROM contactpoint.audit WHERE relation = 'address' AND :zelda = ANY (children) \gset
DELETE FROM parent;
SELECT count(*) - :before AS recorded FROM contactpoint.audit WHERE relation = 'address' AND :zelda = ANY (children);

-- maintenance by a superuser evaluates other people's code with their rights
CREATE SCHEMA regress_bait AUTHORIZATION regress_social;
SET SESSION AUTHORIZATION regress_social;
CREATE TABLE regress_bait.loot (t text);
CREATE FUNCTION regress_bait.f2(i int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN INSERT INTO regress_bait.loot SELECT address FROM contactpoint.address; RETURN i;
EXCEPTION WHEN OTHERS THEN INSERT INTO regress_bait.loot VALUES (SQLSTATE); RETURN i; END $$;
CREATE FUNCTION regress_bait.f1(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN regress_bait.f2(i); END $$;
CREATE TABLE regress_bait.bait (i int);
CREATE INDEX ON regress_bait.bait (regress_bait.f1(i));
INSERT INTO regress_bait.bait SELECT generate_series(1, 3);
TRUNCATE regress_bait.loot;
RESET SESSION AUTHORIZATION;
ANALYZE regress_bait.bait;
SELECT DISTINCT t FROM regress_bait.loot ORDER BY t;
DROP SCHEMA regress_bait CASCADE;

-- built-in functions that speak or run other code come after capture
SET SESSION AUTHORIZATION regress_practitioner;
SET contactpoint.reason = 'attack test';
SELECT count(*) FROM contactpoint.address WHERE to_regtype('"' || rpad(address, 63, '.') || 'x"') IS NOT NULL AND child_id = :oscar;
SELECT count(*) FROM contactpoint.carer WHERE numnode(to_tsquery('simple', CASE WHEN contact LIKE '07700%' THEN '' ELSE 'x' END)) > 1 AND child_id = :oscar;
RESET SESSION AUTHORIZATION;
SELECT relation, outcome, count(*) FROM contactpoint.audit WHERE reason = 'attack test' AND :oscar = ANY (children) GROUP BY 1, 2 ORDER BY 1, 2;

-- system columns would tell who was just matched or shielded
SET SESSION AUTHORIZATION regress_practitioner;
SET contactpoint.reason = 'attack test 2';
SELECT count(xmax) FROM contactpoint.child;
SELECT count(xmin) FROM contactpoint.address;
SELECT count(*) FROM contactpoint.record WHERE EXISTS (SELECT FROM contactpoint.carer k WHERE k.ctid > '(0,0)');
CREATE TEMP VIEW peek AS SELECT tableoid::regclass AS leaf FROM contactpoint.address;
SELECT * FROM peek LIMIT 1;
SELECT count(*) > 0 AS readable FROM (SELECT * FROM contactpoint.child) c WHERE c.child_id = :oscar;
DROP VIEW peek;
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'attack test 2';
INSERT INTO contactpoint.child (given_names, family_name, sex, date_of_birth) VALUES ('Xmin', 'Childattack', 'U', '2016-06-07') RETURNING xmin;
UPDATE contactpoint.child SET sex = 'U' WHERE child_id = :oscar RETURNING xmax;
RESET SESSION AUTHORIZATION;
SELECT effective_role, command, outcome, count(*) FROM contactpoint.audit WHERE reason = 'attack test 2' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
SELECT count(xmax) > 0 AS superusers_may FROM contactpoint.child;

-- a manager of another authority changes and adds nothing
SET SESSION AUTHORIZATION regress_elsewhere;
SET contactpoint.reason = 'attack test';
UPDATE contactpoint.child SET given_names = 'Igor', family_name = 'Nowhere' WHERE child_id = :zelda;
UPDATE contactpoint.child SET given_names = 'Igor', family_name = 'Nowhere' WHERE child_id = :oscar;
INSERT INTO contactpoint.address (child_id, address) VALUES (:oscar, 'planted');
INSERT INTO contactpoint.carer (child_id, full_name) VALUES (:oscar, 'Planted Person');
-- nor finds a hidden address by shielding a child of its own that claims it
BEGIN;
INSERT INTO contactpoint.child (given_names, family_name, sex, date_of_birth) VALUES ('Bait', 'Childattack', 'U', '2016-06-06');
SELECT child_id AS bait FROM contactpoint.child WHERE family_name = 'Childattack' \gset
INSERT INTO contactpoint.address (child_id, address, postcode) VALUES (:bait, '7 attack refuge', 'at11aa');
INSERT INTO contactpoint.carer (child_id, full_name, contact) VALUES (:bait, 'Nobody', '07700 900999');
SELECT cardinality(contactpoint.shield(:bait, 'fishing', 'other')) AS covered;
ROLLBACK;
RESET SESSION AUTHORIZATION;
-- the own authority may correct a name, and the former one goes on matching
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'a new surname';
UPDATE contactpoint.child SET family_name = 'Otherwise' WHERE child_id = :zelda;
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address) VALUES ('health', 'at-3', 'Zelda', 'Shieldham', 'F', '2015-03-17', '9 New Refuge');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT outcome <> 'new' AS not_new FROM contactpoint.settlement WHERE source_ref = 'at-3';

-- a record made by hand belongs to the authority of whoever made it
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'by hand';
INSERT INTO contactpoint.child (given_names, family_name, sex, date_of_birth) VALUES ('Handmade', 'Attackchild', 'F', '2013-09-09');
SELECT child_id AS handmade FROM contactpoint.child WHERE family_name = 'Attackchild' \gset
SELECT cardinality(contactpoint.shield(:handmade, 'threats', 'harm')) AS shielded;
SET SESSION AUTHORIZATION regress_elsewhere;
SELECT contactpoint.open_shielded(:handmade, 'curious');
RESET SESSION AUTHORIZATION;

-- one's own definer function opens no vault for others
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.open_shielded(:handmade, 'home visit') > now() AS opened;
RESET SESSION AUTHORIZATION;

-- a reason does not come back with its role
SET ROLE regress_practitioner;
SET contactpoint.reason = 'the reason of one client';
SET ROLE regress_social;
SELECT count(*) FROM contactpoint.child WHERE child_id = :oscar;
SET ROLE regress_practitioner;
SELECT count(*) FROM contactpoint.child WHERE child_id = :oscar;
RESET ROLE;
RESET contactpoint.reason;

-- EXPLAIN ANALYZE would count rows of the vault
SET SESSION AUTHORIZATION regress_social;
SET contactpoint.reason = 'counting';
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT * FROM contactpoint.address WHERE child_id = :zelda;
RESET SESSION AUTHORIZATION;

-- the registry's tables are not moved, renamed, indexed or stripped of their guards
ALTER SCHEMA contactpoint RENAME TO elsewhere;
ALTER TABLE contactpoint.address RENAME COLUMN child_id TO cid;
ALTER TABLE contactpoint.child SET SCHEMA public;
ALTER TABLE contactpoint.address DETACH PARTITION contactpoint.address_vault;
ALTER TABLE contactpoint.upload RENAME TO download;
ALTER TABLE contactpoint.child DISABLE TRIGGER ALL;
ALTER TABLE contactpoint.child DISABLE ROW LEVEL SECURITY;
ALTER TABLE contactpoint.address_vault ADD CHECK (length(address) > 0);
CREATE INDEX ON contactpoint.address_vault (postcode);
CREATE RULE r AS ON INSERT TO contactpoint.child DO ALSO NOTHING;
CREATE POLICY p ON contactpoint.child USING (true);
TRUNCATE contactpoint.child CASCADE;
CREATE STATISTICS leak ON (lower(address)) FROM contactpoint.address_vault;
CREATE TABLE public.heir () INHERITS (contactpoint.child);
DROP TRIGGER child_guard ON contactpoint.child;
DROP POLICY child_read ON contactpoint.child;
-- a row held before its child was known, and shielded, is looked at again
SET SESSION AUTHORIZATION regress_feed2;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('other', 'at-held', 2, 'Ottilie', 'Openfield', 'F', '2014-04-18', '5 Late Refuge', 'AT2 2BB');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT review_id AS held FROM contactpoint.review WHERE source_ref = 'at-held' \gset
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth) VALUES
    ('school', 'at-late', 1, 'Ottilie', 'Openfield', 'F', '2014-04-18');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT outcome FROM contactpoint.settlement WHERE source_ref IN ('at-held', 'at-late') ORDER BY source_ref;
SELECT child_id AS late FROM contactpoint.source_link WHERE source_ref = 'at-late' \gset
SET SESSION AUTHORIZATION regress_elsewhere;
SELECT contactpoint.decide(:held, 'new');
SELECT contactpoint.decide(:held, 'same', :oscar);
SET SESSION AUTHORIZATION regress_manager;
SELECT cardinality(contactpoint.shield(:late, 'threats', 'harm', false)) AS shielded;
SELECT contactpoint.decide(:held, 'new') IS NOT NULL AS decided;
RESET SESSION AUTHORIZATION;
SELECT shielded, count(*) FROM contactpoint.child WHERE family_name = 'Openfield' AND given_names = 'Ottilie' GROUP BY 1;
SELECT count(*) AS open_refuge FROM contactpoint.address_open WHERE address = '5 Late Refuge';
-- what takes a NULL takes it calmly
SELECT contactpoint._settle_as(NULL, NULL, NULL);
SELECT contactpoint._vault_guard(NULL), contactpoint._review_guard(NULL);
