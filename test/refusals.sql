-- Table attempts: commands that would add a way around the vault or the audit,
-- and what they work with.  For a superuser, in a database with the registry.
\set QUIET on
SET client_min_messages = error;
-- what the commands below work with
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE FUNCTION tell(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE NOTICE 'heard of %', $1; RETURN $1; END $$;
CREATE FUNCTION overheard(text, text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE NOTICE 'heard of %', $2; RETURN false; END $$;
CREATE TABLE pages (a int, t text);
CREATE TABLE leaf (LIKE contactpoint.address);
CREATE TABLE heir (LIKE contactpoint.child INCLUDING CONSTRAINTS);
CREATE TABLE nothing ();
CREATE ROLE regress_owner;
CREATE PUBLICATION regress_pages FOR TABLE pages;
CREATE ACCESS METHOD plain_heap TYPE TABLE HANDLER heap_tableam_handler;

-- Runs a statement and takes it back; tells its SQLSTATE, 00000 if it worked.
CREATE FUNCTION attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    RAISE SQLSTATE 'ZZ000';
EXCEPTION
    WHEN SQLSTATE 'ZZ000' THEN RETURN '00000';
    WHEN OTHERS THEN RETURN SQLSTATE;
END $$;

CREATE TABLE attempts (n int GENERATED ALWAYS AS IDENTITY, way text, statement text);
INSERT INTO attempts (way, statement) SELECT v.way, s.statement FROM (VALUES
    (1, 'copies for subscribers', ARRAY[
        'CREATE PUBLICATION p FOR TABLE contactpoint.child',
        'CREATE PUBLICATION p FOR TABLE pages, contactpoint.address_vault',
        'CREATE PUBLICATION p FOR TABLES IN SCHEMA contactpoint',
        'CREATE PUBLICATION p FOR TABLES IN SCHEMA public, contactpoint',
        'CREATE PUBLICATION p FOR ALL TABLES',
        'ALTER PUBLICATION regress_pages ADD TABLE contactpoint.journal',
        'ALTER PUBLICATION regress_pages SET TABLE contactpoint.child (child_id, shielded)',
        'ALTER PUBLICATION regress_pages ADD TABLES IN SCHEMA contactpoint']),
    (2, 'code and guards of the registry', ARRAY[
        'CREATE OR REPLACE FUNCTION contactpoint._vault_guard(child_id bigint) RETURNS boolean LANGUAGE sql AS ''SELECT true''',
        'CREATE OR REPLACE FUNCTION contactpoint._normalize_postcode(postcode text) RETURNS text LANGUAGE sql AS ''SELECT tell(postcode)''',
        'ALTER FUNCTION contactpoint._capture(oid, bigint) IMMUTABLE',
        'ALTER FUNCTION contactpoint._capture(oid, bigint) RENAME TO _captured',
        'ALTER FUNCTION contactpoint._do_shield(bigint, text, text, boolean) SECURITY DEFINER',
        'ALTER FUNCTION contactpoint.search(text, text, date, text, text, int) SET search_path = public',
        'ALTER FUNCTION contactpoint.search(text, text, date, text, text, int) OWNER TO regress_owner',
        'ALTER FUNCTION contactpoint._vault_guard(bigint) SET SCHEMA public',
        'ALTER FUNCTION contactpoint._vault_guard(bigint) DEPENDS ON EXTENSION plpgsql',
        'ALTER PROCEDURE contactpoint.settle(interval) SECURITY DEFINER',
        'CREATE OR REPLACE VIEW contactpoint.reviews_due AS SELECT * FROM contactpoint.reviews_due',
        'ALTER VIEW contactpoint.record SET (security_invoker = false)',
        'ALTER VIEW contactpoint.audit OWNER TO regress_owner',
        'ALTER TYPE contactpoint.journal_body SET (STORAGE = extended)',
        'ALTER TYPE contactpoint.journal_body OWNER TO regress_owner',
        'CREATE CAST (contactpoint.journal_body AS text) WITH INOUT AS IMPLICIT',
        'ALTER POLICY child_read ON contactpoint.child TO PUBLIC',
        'ALTER POLICY child_read ON contactpoint.child RENAME TO r',
        'CREATE POLICY p ON contactpoint.journal USING (true)',
        'DROP POLICY address_open ON contactpoint.address']),
    (3, 'the extension', ARRAY[
        'ALTER EXTENSION contactpoint DROP TABLE contactpoint.child',
        'ALTER EXTENSION contactpoint DROP FUNCTION contactpoint._vault_guard(bigint)',
        'ALTER EXTENSION contactpoint ADD FUNCTION tell(text)',
        'SELECT contactpoint._rekey_all()',
        'SELECT contactpoint._open_month(''2001-01-01'', 1, ''ledger_2001_01'')',
        'ALTER SCHEMA contactpoint RENAME TO elsewhere',
        'ALTER SCHEMA contactpoint OWNER TO regress_owner',
        'DROP OWNED BY contactpoint_practitioner']),
    (4, 'things of others in the schema', ARRAY[
        'CREATE TABLE contactpoint.mine (a int)',
        'CREATE TABLE contactpoint.mine AS SELECT 1 AS a',
        'CREATE VIEW contactpoint.mine AS SELECT 1 AS a',
        'CREATE MATERIALIZED VIEW contactpoint.mine AS SELECT 1 AS a',
        'CREATE SEQUENCE contactpoint.mine',
        'CREATE TYPE contactpoint.mine AS (a int)',
        'CREATE DOMAIN contactpoint.mine AS text',
        'CREATE FUNCTION contactpoint.mine() RETURNS int LANGUAGE sql AS ''SELECT 1''',
        'CREATE AGGREGATE contactpoint.mine(int) (SFUNC = int4pl, STYPE = int)',
        'CREATE OPERATOR contactpoint.=~ (FUNCTION = overheard, LEFTARG = text, RIGHTARG = text)',
        'CREATE COLLATION contactpoint.mine (LOCALE = ''C'')',
        'CREATE TEXT SEARCH DICTIONARY contactpoint.mine (TEMPLATE = simple)',
        'CREATE STATISTICS contactpoint.mine ON a, t FROM pages',
        'CREATE EXTENSION hstore SCHEMA contactpoint',
        'ALTER TABLE pages SET SCHEMA contactpoint',
        'ALTER FUNCTION tell(text) SET SCHEMA contactpoint']),
    (5, 'leaves and heirs', ARRAY[
        'CREATE TABLE mine PARTITION OF contactpoint.address DEFAULT',
        'ALTER TABLE contactpoint.address ATTACH PARTITION leaf DEFAULT',
        'ALTER TABLE contactpoint.address DETACH PARTITION contactpoint.address_vault',
        'CREATE TABLE mine () INHERITS (contactpoint.child)',
        'CREATE TABLE mine () INHERITS (pages, contactpoint.child)',
        'CREATE TEMP TABLE mine () INHERITS (contactpoint.child)',
        'ALTER TABLE heir INHERIT contactpoint.child',
        'ALTER TABLE contactpoint.child INHERIT nothing']),
    (6, 'what a table is', ARRAY[
        'ALTER TABLE contactpoint.child SET ACCESS METHOD plain_heap',
        'ALTER TABLE contactpoint.journal SET UNLOGGED',
        'ALTER TABLE contactpoint.child SET TABLESPACE pg_default',
        'ALTER TABLE contactpoint.journal SET (vacuum_truncate = on)',
        'ALTER TABLE contactpoint.child OWNER TO regress_owner',
        'ALTER TABLE contactpoint.child SET SCHEMA public',
        'ALTER TABLE contactpoint.upload RENAME TO download',
        'ALTER TABLE contactpoint.child REPLICA IDENTITY FULL',
        'ALTER TABLE contactpoint.child DISABLE ROW LEVEL SECURITY',
        'ALTER TABLE contactpoint.child NO FORCE ROW LEVEL SECURITY',
        'ALTER TABLE contactpoint.journal DISABLE ROW LEVEL SECURITY',
        'ALTER TABLE contactpoint.child DISABLE TRIGGER ALL',
        'ALTER TABLE contactpoint.child DISABLE TRIGGER child_guard',
        'ALTER TABLE contactpoint.child ENABLE TRIGGER child_guard',
        'ALTER TABLE contactpoint.address RENAME COLUMN child_id TO cid',
        'ALTER TABLE contactpoint.child ADD COLUMN more text',
        'ALTER TABLE contactpoint.child ADD COLUMN more text DEFAULT tell(''x'')',
        'ALTER TABLE contactpoint.child ALTER given_names SET DEFAULT tell(''x'')',
        'ALTER TABLE contactpoint.shield ALTER reason TYPE text USING tell(reason)',
        'ALTER TABLE contactpoint.address_vault ALTER postcode SET STATISTICS 100',
        'ALTER TABLE contactpoint.shield DROP COLUMN lifted_by',
        'ALTER TABLE contactpoint.address_vault ADD CHECK (tell(address) <> '''')',
        'ALTER TABLE contactpoint.child ADD UNIQUE (family_name, child_id)',
        'ALTER TABLE contactpoint.shield DROP CONSTRAINT shield_child_id_fkey',
        'ALTER SEQUENCE contactpoint.shield_shield_id_seq RESTART',
        'ALTER INDEX contactpoint.child_date_of_birth_idx RENAME TO i',
        'SECURITY LABEL ON COLUMN contactpoint.address.address IS ''masked''',
        'DROP INDEX contactpoint.child_date_of_birth_idx',
        'TRUNCATE contactpoint.journal',
        'TRUNCATE contactpoint.restore_mark']),
    (7, 'what hangs on a table', ARRAY[
        'CREATE INDEX ON contactpoint.address_vault (postcode)',
        'CREATE INDEX ON contactpoint.address_vault (tell(address))',
        'CREATE STATISTICS s ON (lower(address)) FROM contactpoint.address_vault',
        'CREATE TRIGGER t BEFORE INSERT ON contactpoint.child FOR EACH ROW EXECUTE FUNCTION tell()',
        'CREATE TRIGGER t INSTEAD OF INSERT ON contactpoint.record FOR EACH ROW EXECUTE FUNCTION tell()',
        'ALTER TRIGGER child_guard ON contactpoint.child RENAME TO t',
        'DROP TRIGGER child_guard ON contactpoint.child',
        'CREATE RULE r AS ON INSERT TO contactpoint.child DO ALSO NOTHING',
        'CREATE RULE r AS ON INSERT TO contactpoint.record DO INSTEAD NOTHING',
        'CREATE TABLE mine (child_id bigint REFERENCES contactpoint.child)',
        'ALTER TABLE pages ADD FOREIGN KEY (a) REFERENCES contactpoint.organisation']),
    (8, 'rights', ARRAY[
        'GRANT SELECT ON contactpoint.child TO contactpoint_practitioner',
        'GRANT SELECT (child_id), UPDATE (shielded) ON contactpoint.child TO regress_owner',
        'GRANT SELECT ON contactpoint.address_vault TO regress_owner',
        'GRANT SELECT ON contactpoint.journal TO regress_owner',
        'GRANT ALL ON contactpoint.settlement TO regress_owner',
        'GRANT INSERT ON contactpoint.account TO regress_owner',
        'GRANT REFERENCES ON contactpoint.child TO PUBLIC',
        'GRANT TRIGGER ON pages, contactpoint.organisation TO regress_owner',
        'GRANT USAGE ON SEQUENCE contactpoint.upload_upload_id_seq TO regress_owner',
        'GRANT EXECUTE ON FUNCTION contactpoint._do_shield(bigint, text, text, boolean) TO regress_owner',
        'GRANT EXECUTE ON ROUTINE contactpoint._rekey(bigint) TO regress_owner',
        'GRANT SELECT ON ALL TABLES IN SCHEMA contactpoint TO regress_owner',
        'GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public, contactpoint TO regress_owner',
        'GRANT CREATE ON SCHEMA contactpoint TO regress_owner',
        'GRANT ALL ON SCHEMA contactpoint TO regress_owner',
        'ALTER DEFAULT PRIVILEGES IN SCHEMA contactpoint GRANT SELECT ON TABLES TO regress_owner']),
    (9, 'what the registry''s code relies on', ARRAY[
        'CREATE FUNCTION pg_catalog.mine() RETURNS int LANGUAGE sql AS ''SELECT 1''',
        'CREATE OPERATOR pg_catalog.=~ (FUNCTION = overheard, LEFTARG = text, RIGHTARG = text)',
        'ALTER FUNCTION pg_catalog.lower(text) LEAKPROOF',
        'CREATE OR REPLACE FUNCTION pg_catalog.date_part(text, date) RETURNS float8 LANGUAGE plpgsql IMMUTABLE STRICT AS ''BEGIN RETURN 0; END''',
        'CREATE CAST (text AS bigint) WITH INOUT AS IMPLICIT',
        'CREATE OR REPLACE FUNCTION similarity(text, text) RETURNS real LANGUAGE sql IMMUTABLE STRICT AS ''SELECT 1::real''',
        'ALTER FUNCTION digest(text, text) SET search_path = public',
        'ALTER EXTENSION pg_trgm ADD FUNCTION overheard(text, text)',
        'ALTER EXTENSION pg_trgm DROP FUNCTION similarity(text, text)',
        'ALTER EXTENSION pg_trgm SET SCHEMA contactpoint',
        'ALTER OPERATOR FAMILY gin_trgm_ops USING gin ADD OPERATOR 99 <>(text, text)']),
    (10, 'what no command does', ARRAY[
        'UPDATE pg_class SET relrowsecurity = false WHERE oid = ''contactpoint.child''::regclass',
        'DELETE FROM pg_policy WHERE polname = ''child_read''',
        'UPDATE pg_trigger SET tgenabled = ''D'' WHERE tgname = ''child_guard''',
        'UPDATE pg_proc SET prosrc = ''contactpoint_child_number_valid'' WHERE oid = ''contactpoint._vault_guard(bigint)''::regprocedure',
        'CREATE VIEW mine AS SELECT * FROM pg_policy; UPDATE mine SET polroles = ''{0}''',
        'INSERT INTO pg_publication_rel (oid, prpubid, prrelid) SELECT 9999999, oid, ''contactpoint.child''::regclass FROM pg_publication',
        'WITH d AS (DELETE FROM pg_depend WHERE deptype = ''e'' RETURNING 1) SELECT count(*) FROM d',
        'SET LOCAL session_replication_role = replica; UPDATE contactpoint.address SET shielded = false',
        'SET LOCAL session_replication_role = replica; INSERT INTO contactpoint.carer_open (child_id, full_name) VALUES (1, ''x'')',
        'SET LOCAL session_replication_role = replica; DELETE FROM contactpoint.identifier'])
    ) v(part, way, statements), unnest(v.statements) WITH ORDINALITY s(statement, n) ORDER BY v.part, s.n;
RESET client_min_messages;
\set QUIET off
