-- Commands that would add a way around the vault or the audit: refused to
-- superusers too, possible once one has set contactpoint.allow_drop.
\getenv abs_srcdir PG_ABS_SRCDIR
\set people :abs_srcdir '/people.sql'
\set refusals :abs_srcdir '/refusals.sql'
\i :people
\i :refusals
\set SHOW_CONTEXT never
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('school', 'rf-1', 1, 'Hidden', 'Refusalchild', 'F', '2014-02-03', '1 Refusal Refuge', 'RF1 1AA'),
    ('school', 'rf-2', 1, 'Ordinary', 'Refusalchild', 'M', '2009-08-07', '2 Refusal Street', 'RF2 2BB');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT child_id AS hidden FROM contactpoint.source_link WHERE source_ref = 'rf-1' \gset
SELECT child_id AS child FROM contactpoint.source_link WHERE source_ref = 'rf-2' \gset
SET SESSION AUTHORIZATION regress_manager;
SELECT cardinality(contactpoint.shield(:hidden, 'fled', 'fled', false)) AS shielded;
RESET SESSION AUTHORIZATION;

SET client_min_messages = error;

CREATE TABLE started AS SELECT clock_timestamp() AS at;
-- refused to a superuser,
SELECT n, way, statement, attempt(statement) FROM attempts WHERE attempt(statement) <> 'KC009' ORDER BY n;
-- also where a superuser's function runs it for somebody, and in DO
DO $$ BEGIN EXECUTE 'CREATE PUBLICATION p FOR ALL TABLES'; END $$;
-- possible for one who means it; core has its own word on some
SET contactpoint.allow_drop = on;
SELECT n, way, statement, attempt(statement) FROM attempts WHERE attempt(statement) <> '00000' ORDER BY n;
RESET contactpoint.allow_drop;
SELECT count(*) AS all_of_them FROM attempts;
-- A restore that is announced may bring tables along, as dumps do with the months of the ledger, and no more.
SET contactpoint.restoring = on;
SELECT n, way, statement, attempt(statement) FROM attempts WHERE attempt(statement) <> 'KC009' ORDER BY n;
RESET contactpoint.restoring;
-- all of it is on record, what was done before it was done
SELECT a.command, a.outcome, count(*) FROM contactpoint.audit a, started
WHERE a.at > started.at AND a.command IN ('CREATE PUBLICATION', 'ALTER POLICY', 'TRUNCATE TABLE', 'GRANT', 'CREATE INDEX') GROUP BY 1, 2 ORDER BY 1, 2;
DROP TABLE started;
-- those that run in no function
CREATE INDEX CONCURRENTLY ON contactpoint.child (sex);
DROP INDEX CONCURRENTLY contactpoint.child_date_of_birth_idx;
ALTER TABLE contactpoint.address DETACH PARTITION contactpoint.address_vault CONCURRENTLY;
-- whoever may not do them anyway hears nothing else
SET SESSION AUTHORIZATION regress_nobody;
ALTER TABLE contactpoint.child DISABLE ROW LEVEL SECURITY;
GRANT SELECT ON contactpoint.child TO regress_nobody;
RESET SESSION AUTHORIZATION;
-- the switch is a superuser's, and not one to be left on
CREATE FUNCTION publish() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET contactpoint.allow_drop = on AS $$
BEGIN CREATE PUBLICATION p FOR ALL TABLES; END $$;
CREATE FUNCTION publish() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN SET LOCAL contactpoint.allow_drop = on; CREATE PUBLICATION p FOR ALL TABLES; END $$;
SET SESSION AUTHORIZATION regress_practitioner;
SELECT publish();
RESET SESSION AUTHORIZATION;
ALTER DATABASE contrib_regression SET contactpoint.allow_drop = on;
ALTER ROLE regress_owner SET contactpoint.allow_drop = on;
ALTER SYSTEM SET contactpoint.allow_drop = on;
ALTER DATABASE contrib_regression SET contactpoint.restoring = on;

-- That these were ways: what some would have opened, each taken back again.
CREATE TABLE probed AS SELECT :hidden::bigint AS hidden, :child::bigint AS child, clock_timestamp() AS at;
CREATE FUNCTION looks() RETURNS TABLE (relation text, hidden bigint, child bigint) LANGUAGE sql AS $$
    SELECT a.relation, count(*) FILTER (WHERE hidden = ANY (a.children)), count(*) FILTER (WHERE child = ANY (a.children))
    FROM contactpoint.audit a, probed WHERE a.at > probed.at AND a.relation IN ('child', 'address') GROUP BY 1 ORDER BY 1 $$;
SET contactpoint.allow_drop = on;
SET client_min_messages = notice;
-- an expression over rows of the vault, and a look that nobody recorded
BEGIN;
CREATE INDEX ON contactpoint.address_vault (tell(address)) WHERE child_id = :hidden;
ROLLBACK;
BEGIN;
ALTER TABLE contactpoint.address_open ADD CHECK (child_id <> :child OR tell(address) <> '');
ROLLBACK;
-- a function that is trusted to run before the look is recorded
BEGIN;
ALTER EXTENSION pg_trgm ADD FUNCTION overheard(text, text);
SET SESSION AUTHORIZATION regress_practitioner;
SET contactpoint.reason = 'refusals';
SELECT count(*) FROM contactpoint.child WHERE child_id = :child AND overheard('', given_names);
ROLLBACK;
-- a foreign key: no account, no reason, and yet whether a number is a child's, and shielded
BEGIN;
CREATE TABLE probe (child_id bigint, shielded boolean, FOREIGN KEY (child_id, shielded) REFERENCES contactpoint.child (child_id, shielded));
GRANT INSERT ON probe TO regress_nobody;
SET SESSION AUTHORIZATION regress_nobody;
INSERT INTO probe VALUES (:hidden, true);
ROLLBACK;
-- nothing of all this is in the audit
SELECT * FROM looks();
-- system columns, which tell whom the matcher has just found
BEGIN;
GRANT SELECT ON contactpoint.child TO contactpoint_practitioner;
SET SESSION AUTHORIZATION regress_practitioner;
SET contactpoint.reason = 'refusals';
SELECT count(xmax) FROM contactpoint.child WHERE child_id = :child;
ROLLBACK;
-- what subscribers would get
BEGIN;
SET LOCAL client_min_messages = error;
CREATE PUBLICATION p FOR ALL TABLES;
SELECT count(*) FROM pg_publication_tables WHERE pubname = 'p' AND tablename IN ('child', 'address_vault', 'journal');
ROLLBACK;
-- What stays closed even then: guards and capture that are not the library's own
BEGIN;
CREATE OR REPLACE FUNCTION contactpoint._vault_guard(child_id bigint) RETURNS boolean LANGUAGE sql AS 'SELECT true';
SET SESSION AUTHORIZATION regress_social;
SET contactpoint.reason = 'refusals';
SELECT address FROM contactpoint.address WHERE child_id = :hidden;
ROLLBACK;
PREPARE look AS SELECT given_names FROM contactpoint.child WHERE child_id = :child;
EXECUTE look;
BEGIN;
UPDATE pg_proc SET prosrc = 'contactpoint_child_number_valid' WHERE oid = 'contactpoint._capture(oid, bigint)'::regprocedure;
EXECUTE look;
ROLLBACK;
SELECT a.command, a.outcome FROM contactpoint.audit a, probed WHERE a.at > probed.at AND a.statement LIKE 'UPDATE pg\_proc%';
EXECUTE look;
-- a journal that cannot take entries any more, and how it is mended
SET client_min_messages = warning;
CREATE INDEX broken ON contactpoint.journal (pid);
EXECUTE look;
DROP INDEX contactpoint.broken;
EXECUTE look;
SET client_min_messages = notice;
-- and functions of others run after capture, whatever they are called
ALTER FUNCTION overheard(text, text) LEAKPROOF;
UPDATE probed SET at = clock_timestamp();
SET SESSION AUTHORIZATION regress_practitioner;
SET contactpoint.reason = 'refusals';
SELECT count(*) FROM contactpoint.child WHERE child_id = :child AND overheard('', given_names);
RESET SESSION AUTHORIZATION;
SELECT * FROM looks();
RESET contactpoint.allow_drop;
SET client_min_messages = error;

-- A superuser's view or function hands no right on: former names and the matcher's keys are shown to nobody.
CREATE VIEW former AS SELECT family_name FROM contactpoint.alias;
CREATE VIEW keys AS SELECT facts FROM contactpoint.match_person;
CREATE FUNCTION inbox() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER AS 'SELECT address FROM contactpoint.upload';
CREATE FUNCTION streets() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM contactpoint.address WHERE postcode = ''RF2 2BB''';
GRANT SELECT ON former, keys TO PUBLIC;
SET SESSION AUTHORIZATION regress_practitioner;
SET contactpoint.reason = 'refusals';
SELECT * FROM former;
SELECT * FROM keys;
SELECT inbox();
SELECT streets();
RESET SESSION AUTHORIZATION;
DROP VIEW former, keys;
DROP FUNCTION inbox(), streets();

-- What must go on: maintenance of every table,
\set QUIET on
\set ECHO none
SELECT format('%s %s', command, c.oid::regclass)
FROM pg_class c, unnest(ARRAY['VACUUM', 'VACUUM (FREEZE, ANALYZE)', 'VACUUM FULL', 'ANALYZE', 'REINDEX TABLE', 'REINDEX TABLE CONCURRENTLY']) command
WHERE c.relnamespace = 'contactpoint'::regnamespace AND c.relkind = 'r' ORDER BY c.relname, command \gexec
SELECT format('CLUSTER %s USING %I', i.indrelid::regclass, c.relname)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam AND a.amname = 'btree'
WHERE c.relnamespace = 'contactpoint'::regnamespace AND c.relkind = 'i' AND i.indpred IS NULL ORDER BY c.relname \gexec
\set QUIET off
\set ECHO all
SELECT count(*) AS transient FROM pg_class WHERE relnamespace = 'contactpoint'::regnamespace AND relname ~ '^pg_|_cc(new|old)';
REINDEX SCHEMA contactpoint;
REINDEX INDEX contactpoint.child_family_name_idx;
VACUUM (ANALYZE) contactpoint.address;
-- after which looks are recorded and shields hold,
SET SESSION AUTHORIZATION regress_practitioner;
SET contactpoint.reason = 'refusals';
SELECT given_names, (SELECT count(*) FROM contactpoint.address a WHERE a.child_id = c.child_id) AS addresses
FROM contactpoint.child c WHERE family_name = 'Refusalchild' ORDER BY 1;
RESET SESSION AUTHORIZATION;
SELECT * FROM looks();
-- comments, roles, settings, rights that open nothing,
COMMENT ON TABLE contactpoint.child IS 'one row a child: what every reader may see, also of a shielded child';
GRANT contactpoint_practitioner TO regress_owner;
REVOKE contactpoint_practitioner FROM regress_owner;
GRANT USAGE ON SCHEMA contactpoint TO regress_owner;
GRANT SELECT ON contactpoint.reviews_due, contactpoint.organisation TO regress_owner;
GRANT EXECUTE ON FUNCTION contactpoint.search(text, text, date, text, text, int) TO regress_owner;
REVOKE ALL ON contactpoint.reviews_due, contactpoint.organisation, contactpoint.child FROM regress_owner;
REVOKE ALL ON SCHEMA contactpoint FROM regress_owner;
REVOKE ALL ON FUNCTION contactpoint.search(text, text, date, text, text, int) FROM regress_owner;
ALTER DATABASE contrib_regression SET contactpoint.hold_buffer = '2MB';
ALTER DATABASE contrib_regression RESET contactpoint.hold_buffer;
-- and what others do with tables and code of their own.
SELECT v.n, attempt(v.statement) FROM unnest(ARRAY[
    'CREATE TABLE part (a int) PARTITION BY LIST (a); CREATE TABLE part1 PARTITION OF part FOR VALUES IN (1); ALTER TABLE part DETACH PARTITION part1; ALTER TABLE part ATTACH PARTITION part1 DEFAULT; DROP TABLE part',
    'ALTER TABLE pages ADD b int DEFAULT 3, ALTER t SET DEFAULT ''x'', ENABLE ROW LEVEL SECURITY, ALTER a TYPE bigint; ALTER TABLE pages ADD PRIMARY KEY (a)',
    'CREATE TEMP TABLE mine (LIKE contactpoint.child INCLUDING ALL); ALTER TABLE mine ADD more int; DROP TABLE mine',
    'CREATE VIEW mine WITH (security_invoker) AS SELECT * FROM contactpoint.child; CREATE OR REPLACE VIEW mine WITH (security_invoker) AS SELECT *, 1 AS one FROM contactpoint.child; DROP VIEW mine',
    'CREATE FUNCTION mine(contactpoint.child) RETURNS text LANGUAGE sql AS ''SELECT $1.given_names''; CREATE OR REPLACE FUNCTION mine(contactpoint.child) RETURNS text LANGUAGE sql AS ''SELECT ''''x''''''; ALTER FUNCTION mine(contactpoint.child) COST 3; DROP FUNCTION mine(contactpoint.child)',
    'CREATE TYPE mine AS ENUM (''a''); CREATE CAST (mine AS text) WITH INOUT; CREATE TYPE pair AS (a mine); ALTER TYPE pair ADD ATTRIBUTE b contactpoint.child',
    'CREATE OPERATOR ==== (FUNCTION = overheard, LEFTARG = text, RIGHTARG = text); DROP OPERATOR ==== (text, text)',
    'ALTER PUBLICATION regress_pages ADD TABLE heir; ALTER PUBLICATION regress_pages SET (publish = insert); DROP PUBLICATION regress_pages',
    'CREATE PUBLICATION p FOR TABLES IN SCHEMA public',
    'CREATE STATISTICS s ON a, t FROM pages; DROP STATISTICS s',
    'CREATE TRIGGER t BEFORE INSERT ON pages FOR EACH ROW EXECUTE FUNCTION tell(); ALTER TABLE pages DISABLE TRIGGER t; CREATE RULE r AS ON DELETE TO pages DO INSTEAD NOTHING; CREATE POLICY p ON pages USING (true)',
    'GRANT ALL ON pages TO regress_owner; GRANT SELECT ON ALL TABLES IN SCHEMA public TO regress_owner; ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO regress_owner',
    'CREATE SCHEMA mine; CREATE EXTENSION hstore; ALTER EXTENSION hstore SET SCHEMA mine; DROP EXTENSION hstore',
    'CREATE SCHEMA mine; ALTER SCHEMA mine RENAME TO mine2; ALTER SCHEMA public OWNER TO regress_owner',
    'CREATE ROLE regress_more; ALTER ROLE regress_more CREATEDB; DROP ROLE regress_more',
    'ALTER EXTENSION pg_trgm UPDATE; ALTER EXTENSION contactpoint UPDATE',
    'DROP ACCESS METHOD plain_heap; DROP TABLE leaf, heir, nothing']) WITH ORDINALITY v(statement, n);

DROP PUBLICATION regress_pages;
DROP ACCESS METHOD plain_heap;
DROP TABLE pages, leaf, heir, nothing, attempts, probed;
DROP FUNCTION tell(), tell(text), overheard(text, text), attempt(text), publish(), looks();
DROP ROLE regress_owner;
