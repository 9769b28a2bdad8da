-- The uploader learns nothing: what a feed sees of its own session and of its receipts is the same whatever becomes of
-- a row, and harden() closes what PostgreSQL counts for everybody.
\getenv abs_srcdir PG_ABS_SRCDIR
\set people :abs_srcdir '/people.sql'
\set ways :abs_srcdir '/ways.sql'
\i :people
\i :ways
\set SHOW_CONTEXT never
\pset null '-'

SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('school', 'quiet-1', 1, 'Schweigina', 'Verborgen', 'F', '2011-03-27', '1 Hushed Lane', 'QU1 1QU'),
    ('school', 'quiet-2', 1, 'Lautmar', 'Offenbar', 'M', '2012-04-28', '2 Hushed Lane', 'QU2 2QU');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT child_id AS hidden FROM contactpoint.source_link WHERE source_ref = 'quiet-1' \gset
SET SESSION AUTHORIZATION regress_manager;
SELECT cardinality(contactpoint.shield(:hidden, 'threats', 'harm')) AS covered;

-- about a shielded child, an open one, nobody, and too little to tell: the same command tag, counters, locks and numbers
CREATE FUNCTION pg_temp.counters() RETURNS TABLE (relname name, n bigint[]) LANGUAGE sql AS $$
    SELECT s.relname, ARRAY[s.n_tup_ins, s.n_tup_upd, s.n_tup_del, s.seq_scan + coalesce(s.idx_scan, 0)]
    FROM pg_stat_xact_user_tables s WHERE s.schemaname = 'contactpoint'
$$;
CREATE FUNCTION pg_temp.send(about text) RETURNS TABLE (kind text, rows bigint, numbers text, counters text, locks text) LANGUAGE plpgsql AS $$
DECLARE
    before jsonb := (SELECT jsonb_object_agg(c.relname, c.n) FROM pg_temp.counters() c);
BEGIN
    EXECUTE CASE about
        WHEN 'shielded' THEN $q$INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth) VALUES ('school', 'quiet-a', 'Schweigina', 'Verborgen', 'F', '2011-03-27')$q$
        WHEN 'open' THEN $q$INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth) VALUES ('school', 'quiet-b', 'Lautmarkus', 'Offenbar', 'M', '2012-04-28')$q$
        WHEN 'nobody' THEN $q$INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth) VALUES ('school', 'quiet-c', 'Neumar', 'Niemand', 'M', '2001-01-31')$q$
        ELSE $q$INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex) VALUES ('school', 'quiet-d', 'Neumar', 'Niemand', 'M')$q$
    END;
    GET DIAGNOSTICS rows = ROW_COUNT;
    kind := about;
    BEGIN
        numbers := lastval();
    EXCEPTION WHEN OTHERS THEN
        numbers := SQLSTATE;
    END;
    SELECT string_agg(format('%s%s', c.relname, c.n), ' ' ORDER BY c.relname) INTO counters
    FROM (SELECT a.relname, ARRAY(SELECT n - b::bigint FROM unnest(a.n) WITH ORDINALITY x (n, i)
                                  JOIN jsonb_array_elements_text(before -> a.relname::text) WITH ORDINALITY y (b, i) USING (i) ORDER BY i) AS n
          FROM pg_temp.counters() a) c
    WHERE c.n <> '{0,0,0,0}';
    SELECT string_agg(DISTINCT l.relation::regclass::text, ', ' ORDER BY l.relation::regclass::text) INTO locks
    FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
    WHERE l.pid = pg_backend_pid() AND c.relnamespace = 'contactpoint'::regnamespace
      AND c.relname ~ '^(child|address|carer|involvement|identifier|responsibility|shield|review|held|settlement|source_link|match|guard|place)';
    RETURN NEXT;
END $$;
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names) VALUES ('school', 'quiet-0', 'Anfang');
SELECT * FROM pg_temp.send('shielded');
SELECT * FROM pg_temp.send('open');
SELECT * FROM pg_temp.send('nobody');
SELECT * FROM pg_temp.send('too little');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT source_ref, outcome FROM contactpoint.settlement WHERE source_ref LIKE 'quiet-_' ORDER BY 1;
-- receipts: the same columns with the same in them, a minute on
\set QUIET on
UPDATE contactpoint.receipt SET received_at = date_trunc('minute', received_at) - interval '3 minutes', settled_at = date_trunc('minute', settled_at) - interval '2 minutes'
WHERE source_ref IN ('quiet-a', 'quiet-b', 'quiet-c', 'quiet-d');
\set QUIET off
SET SESSION AUTHORIZATION regress_feed;
SELECT count(*) AS rows, count(DISTINCT (received_at, settled_at, batch)) AS kinds, count(settled_at) AS settled
FROM contactpoint.upload_receipt WHERE source_ref IN ('quiet-a', 'quiet-b', 'quiet-c', 'quiet-d');
RESET SESSION AUTHORIZATION;

-- what PostgreSQL counts for everybody, before and after; what was open is opened again for the other tests
CREATE TEMP TABLE look (what text, statement text);
INSERT INTO look VALUES
    ('counters', 'SELECT n_tup_ins FROM pg_stat_all_tables WHERE relname = ''address_vault'''),
    ('counters of reviews', 'SELECT idx_tup_fetch FROM pg_stat_all_tables WHERE relname = ''review'''),
    ('counters of an index', 'SELECT idx_scan FROM pg_stat_all_indexes WHERE relname = ''shield'''),
    ('blocks read', 'SELECT heap_blks_hit FROM pg_statio_all_tables WHERE relname = ''carer_vault'''),
    ('a function', 'SELECT pg_stat_get_tuples_inserted(''contactpoint.address_vault''::regclass)'),
    ('rows of the database', 'SELECT tup_inserted FROM pg_stat_database WHERE datname = current_database()'),
    ('locks of others', 'SELECT count(*) FROM pg_locks'),
    ('sizes', 'SELECT pg_total_relation_size(''contactpoint.review'')'),
    ('the WAL', 'SELECT pg_current_wal_insert_lsn()'),
    ('the WAL, by a message', 'SELECT pg_logical_emit_message(false, '''', '''')'),
    ('the WAL, by a checkpoint', 'SELECT redo_lsn FROM pg_control_checkpoint()'),
    ('the WAL, by slots', 'SELECT count(*) FROM pg_replication_slots'),
    ('the WAL, replayed', 'SELECT pg_last_wal_replay_lsn()'),
    ('calls of functions', 'SELECT count(*) FROM pg_stat_user_functions'),
    ('sessions', 'SELECT count(*) FROM pg_stat_activity');
SELECT what, pg_temp.attempt('regress_feed', statement) AS feed, pg_temp.attempt('regress_practitioner', statement) AS practitioner FROM look;
SELECT pg_temp.attempt(r, 'SELECT contactpoint.harden()') AS hardens, r AS role
FROM unnest(ARRAY['regress_admin', 'regress_manager', 'regress_feed', 'regress_practitioner', 'regress_nobody']) r;
BEGIN;
SELECT contactpoint.harden() > 50 AS changed;
SELECT contactpoint.harden() AS changed_again;
CREATE ROLE regress_monitor IN ROLE pg_monitor;
SELECT what, pg_temp.attempt('regress_feed', statement) AS feed, pg_temp.attempt('regress_practitioner', statement) AS practitioner,
    pg_temp.attempt('regress_monitor', statement) AS monitor FROM look WHERE what <> 'sizes';
SELECT pg_temp.attempt('regress_feed', 'SELECT pg_total_relation_size(''contactpoint.review'')') AS sizes;
-- whatever tells a position in the WAL by itself, on whatever server
SELECT p.oid::regprocedure AS still_told FROM pg_proc p
WHERE p.prorettype = 'pg_lsn'::regtype AND p.pronamespace = 'pg_catalog'::regnamespace AND p.provolatile <> 'i'
    AND has_function_privilege('regress_feed', p.oid, 'EXECUTE') ORDER BY 1;
ROLLBACK;
SELECT outcome, count(*) FROM contactpoint.audit WHERE command = 'harden' GROUP BY 1;
