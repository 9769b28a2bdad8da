-- Who may read, with what reason, and what every look leaves in the audit.
\getenv abs_srcdir PG_ABS_SRCDIR
\set people :abs_srcdir '/people.sql'
\i :people
\set SHOW_CONTEXT never

INSERT INTO contactpoint.child (given_names, family_name, sex, date_of_birth) VALUES ('Readable', 'Childperson', 'U', '2010-10-10') RETURNING child_id AS child \gset
INSERT INTO contactpoint.address (child_id, address, postcode) VALUES (:child, '1 Read Street', 'RE1 1AD');
-- what this file's looks have left, without the superuser's
CREATE TABLE started AS SELECT clock_timestamp() AS at;
CREATE FUNCTION looks(child bigint) RETURNS TABLE ("user" name, role name, command text, relation text, outcome text, vault boolean, reason text)
    LANGUAGE sql AS $$
    SELECT a."session_user", a.effective_role, a.command, a.relation, a.outcome, a.vault, a.reason FROM contactpoint.audit a
    WHERE (child = ANY (a.children) OR child IS NULL) AND a.effective_role <> 'postgres'
      AND a.at > (SELECT at FROM started) ORDER BY a.entry $$;

-- no reason, no look; the refusal is recorded
SET SESSION AUTHORIZATION regress_practitioner;
SELECT given_names FROM contactpoint.child WHERE child_id = :child;
SELECT * FROM contactpoint.search(family_name => 'Childperson');
SET contactpoint.reason = '';
SELECT given_names FROM contactpoint.child WHERE child_id = :child;
SET contactpoint.reason = '   ';
SET contactpoint.reason = E'two\nlines';
SELECT set_config('contactpoint.reason', repeat('x', 501), false);
EXPLAIN (COSTS OFF) SELECT 1 FROM contactpoint.child WHERE false;
-- with one
SET contactpoint.reason = 'reading test';
SELECT given_names FROM contactpoint.child WHERE child_id = :child;
-- SET LOCAL lasts for its transaction
BEGIN;
SET LOCAL contactpoint.reason = 'for this transaction';
SELECT given_names FROM contactpoint.child WHERE child_id = :child;
COMMIT;
SELECT given_names FROM contactpoint.child WHERE child_id = :child;
RESET SESSION AUTHORIZATION;

-- a reason ends with a change of role
SET ROLE regress_practitioner;
SET contactpoint.reason = 'the practitioner''s reason';
SELECT given_names FROM contactpoint.child WHERE child_id = :child;
SET ROLE regress_social;
SELECT given_names FROM contactpoint.child WHERE child_id = :child;
SET contactpoint.reason = 'the social worker''s reason';
SELECT given_names FROM contactpoint.child WHERE child_id = :child;
RESET ROLE;
RESET contactpoint.reason;

-- one that was preset does not count
ALTER ROLE regress_practitioner SET contactpoint.reason = 'preset';
\c - regress_practitioner
SELECT given_names FROM contactpoint.child WHERE family_name = 'Childperson';
-- and DISCARD ALL, which poolers send, takes a reason away
SET contactpoint.reason = 'mine';
SELECT given_names FROM contactpoint.child WHERE family_name = 'Childperson';
DISCARD ALL;
SELECT given_names FROM contactpoint.child WHERE family_name = 'Childperson';
\c - postgres
ALTER ROLE regress_practitioner RESET contactpoint.reason;
SELECT child_id AS child FROM contactpoint.child WHERE family_name = 'Childperson' \gset

-- accounts: none, untrained, unchecked, suspended, organisation closed
SET ROLE regress_noaccount;
SET contactpoint.reason = 'reading test';
SELECT given_names FROM contactpoint.child WHERE child_id = :child;
SET ROLE regress_untrained;
SET contactpoint.reason = 'reading test';
SELECT given_names FROM contactpoint.child WHERE child_id = :child;
SET ROLE regress_unchecked;
SET contactpoint.reason = 'reading test';
SELECT given_names FROM contactpoint.child WHERE child_id = :child;
SET ROLE regress_suspended;
SET contactpoint.reason = 'reading test';
SELECT given_names FROM contactpoint.child WHERE child_id = :child;
SET ROLE regress_closed;
SET contactpoint.reason = 'reading test';
SELECT given_names FROM contactpoint.child WHERE child_id = :child;
-- a session may not move today by its time zone
RESET ROLE;
UPDATE contactpoint.account SET trained_until = current_date - 1 WHERE role_name = 'regress_untrained';
SET ROLE regress_untrained;
SET timezone = '+14';
SET contactpoint.reason = 'reading test';
SELECT given_names FROM contactpoint.child WHERE child_id = :child;
RESET timezone;
-- the group role itself is nobody
SET ROLE contactpoint_practitioner;
SET contactpoint.reason = 'reading test';
SELECT given_names FROM contactpoint.child WHERE child_id = :child;
RESET ROLE;
-- suspended in the middle of a transaction, also under an old snapshot
SET ROLE regress_practitioner;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SET LOCAL contactpoint.reason = 'reading test';
SELECT given_names FROM contactpoint.child WHERE child_id = :child;
RESET ROLE;
UPDATE contactpoint.account SET suspended_at = now() WHERE role_name = 'regress_practitioner';
SET ROLE regress_practitioner;
SET LOCAL contactpoint.reason = 'reading test';
SELECT given_names FROM contactpoint.child WHERE child_id = :child;
ROLLBACK;
RESET ROLE;

-- and current again when that is rolled back
BEGIN;
SET LOCAL contactpoint.reason = 'reading test';
SAVEPOINT before;
UPDATE contactpoint.account SET suspended_at = now() WHERE role_name = 'regress_practitioner';
SET LOCAL ROLE regress_practitioner;
SET LOCAL contactpoint.reason = 'reading test';
SELECT given_names FROM contactpoint.child WHERE child_id = :child;
ROLLBACK TO before;
SET LOCAL ROLE regress_practitioner;
SET LOCAL contactpoint.reason = 'reading test';
SELECT given_names FROM contactpoint.child WHERE child_id = :child;
ROLLBACK;

-- a role that bypasses row security gets an error, never fewer rows
CREATE ROLE regress_bypass BYPASSRLS IN ROLE contactpoint_practitioner;
INSERT INTO contactpoint.account VALUES ('regress_bypass', 1, 'Bypass', current_date + 9, current_date + 9);
SET ROLE regress_bypass;
SET contactpoint.reason = 'reading test';
SELECT given_names FROM contactpoint.child WHERE child_id = :child;
SELECT count(*) FROM contactpoint.address;
RESET ROLE;
DELETE FROM contactpoint.account WHERE role_name = 'regress_bypass';
DROP ROLE regress_bypass;
-- roles without a group, feeds and auditors see no children
SET ROLE regress_feed;
SELECT count(*) FROM contactpoint.child;
SET ROLE regress_auditor;
SELECT count(*) FROM contactpoint.child;
SET ROLE regress_practitioner;
SELECT count(*) FROM contactpoint.audit;
SELECT count(*) FROM contactpoint.journal;
RESET ROLE;

-- trigram indexes serve under row security
SET ROLE regress_practitioner;
SET contactpoint.reason = 'index test';
SET enable_seqscan = off;
CREATE FUNCTION pg_temp.index_used(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        IF line ~ 'child_\w+_idx' THEN RETURN substring(line FROM 'child_\w+_idx'); END IF;
    END LOOP;
    RETURN 'none';
END $$;
SELECT pg_temp.index_used('SELECT * FROM contactpoint.child WHERE family_name % ''Childpersson''') AS similar,
       pg_temp.index_used('SELECT * FROM contactpoint.child WHERE family_name ILIKE ''%hildper%''') AS ilike,
       pg_temp.index_used('SELECT * FROM contactpoint.child WHERE given_names % ''Readible''') AS given;
RESET enable_seqscan;
SELECT given_names, family_name FROM contactpoint.child WHERE family_name % 'Childpersson';
-- a search needs something to go by, and finds nothing in silence but for the audit
SELECT * FROM contactpoint.search();
SELECT count(*) FROM contactpoint.search(family_name => 'Nosuchpersonanywhere');
SELECT count(*) FROM contactpoint.search(given_names => 'Readable', date_of_birth => '2010-10-10', sex => 'U', max_rows => 1);
SELECT count(*) FROM contactpoint.search(given_names => 'Readable', max_rows => 0);
-- holdable cursors and files are refused
BEGIN;
DECLARE kept CURSOR WITH HOLD FOR SELECT * FROM contactpoint.child;
ROLLBACK;
RESET ROLE;
COPY contactpoint.child TO '/tmp/contactpoint_children';
COPY (SELECT * FROM contactpoint.child) TO PROGRAM 'cat';
BEGIN;
SELECT count(*) > 0 FROM contactpoint.child;
PREPARE TRANSACTION 'looked';
ROLLBACK;
-- what the practitioner's looks at this child left, in order
SELECT * FROM looks(:child);
-- refusals and looks that found nothing
SELECT role, command, outcome, count(*) FROM looks(NULL) WHERE outcome IN ('refused', 'nothing') GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
-- what is denied for want of a privilege is on record too, and nothing that has no part in the registry
SET ROLE regress_practitioner;
SET contactpoint.reason = 'privilege test';
SELECT 1 WHERE EXISTS (SELECT FROM contactpoint.audit);
WITH j AS (SELECT * FROM contactpoint.journal) SELECT count(*) FROM j;
SELECT count(*) FROM contactpoint.address_open;
UPDATE contactpoint.child SET sex = 'F';
DO $$ BEGIN PERFORM * FROM contactpoint.shield; EXCEPTION WHEN insufficient_privilege THEN NULL; END $$;
SELECT count(*) FROM pg_authid;
RESET ROLE;
SELECT command, relation, outcome, cardinality(children) AS children FROM contactpoint.audit
WHERE reason = 'privilege test' AND at > (SELECT at FROM started) ORDER BY entry;
-- the statement, also where a prepared one or a long comment hides it
SET ROLE regress_practitioner;
SET contactpoint.reason = 'statement test';
PREPARE q AS SELECT given_names FROM contactpoint.child WHERE family_name = 'Childperson';
EXECUTE q;
\set ECHO none
SELECT format('/* %1$s */ SELECT given_names FROM contactpoint.child WHERE /* %1$s */ family_name = ''Childperson'' -- %1$s', repeat('x', 3000)) \gexec
SELECT format('SELECT given_names FROM contactpoint.child WHERE family_name <> ''%s'' AND family_name = ''Childperson''', repeat('x', 3000)) \gexec
\set ECHO all
RESET ROLE;
SELECT regexp_replace(statement, 'x{10,}', '<x>', 'g') AS statement, length(statement) <= 1024 AS bounded
FROM contactpoint.audit WHERE reason = 'statement test' AND at > (SELECT at FROM started) ORDER BY entry;
-- the auditor reads it, with a reason and an account, and that is recorded too
SET ROLE regress_auditor;
SELECT count(*) > 0 FROM contactpoint.audit;
SET contactpoint.reason = 'monthly audit';
SELECT count(*) > 0 AS entries FROM contactpoint.audit;
SELECT count(*) > 0 AS own_look FROM contactpoint.audit WHERE effective_role = 'regress_auditor' AND relation IN ('journal', 'ledger');
RESET ROLE;
-- the internal functions refuse to be called
SELECT contactpoint._capture('contactpoint.child'::regclass, :child);
SELECT contactpoint._touch('contactpoint.child'::regclass, :child);
SELECT contactpoint._opened_add(:child, 'infinity', false);
SELECT contactpoint._settle_as(1, 'new', NULL);
DROP FUNCTION looks(bigint);
DROP TABLE started;
