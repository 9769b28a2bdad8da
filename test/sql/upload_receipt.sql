-- Every row of the inbox has its receipt, whatever kind of statement brought it; what fails or is undone leaves neither;
-- and what a row refers to is there and stays.
\getenv abs_srcdir PG_ABS_SRCDIR
\set people :abs_srcdir '/people.sql'
\i :people
\set SHOW_CONTEXT never
\pset null '-'
-- nothing is settled until the end, and rows that are kept are taken away
INSERT INTO contactpoint.source (source, organisation_id, feed_role) VALUES ('receipts', 1, 'regress_feed'), ('receipts2', 1, 'regress_feed');
INSERT INTO contactpoint.organisation (organisation_id, name, stage) VALUES (71, 'Receiptshire', 'live');
CREATE FUNCTION pg_temp.show(OUT refs text, OUT exact boolean) LANGUAGE sql AS $$
    SELECT string_agg(u.source_ref, ' ' ORDER BY u.upload_id),
        (SELECT bool_and((u.source, u.source_ref, u.batch, u.received_at) IS NOT DISTINCT FROM (r.source, r.source_ref, r.batch, r.received_at)
                         AND r.settled_at IS NULL AND NOT r.waits)
         FROM contactpoint.upload u FULL JOIN contactpoint.receipt r USING (upload_id)
         WHERE coalesce(u.source, r.source) LIKE 'receipts%')
    FROM contactpoint.upload u WHERE u.source LIKE 'receipts%'
$$;
GRANT USAGE ON SCHEMA public TO regress_feed;
CREATE FUNCTION public.regress_send(reference text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO contactpoint.upload (source, source_ref, given_names) VALUES ('receipts2', reference, 'Inner');
    RETURN 'outer of ' || reference;
END $$;
CREATE FUNCTION public.regress_try(reference text, authority bigint) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO contactpoint.upload (source, source_ref, authority, given_names) VALUES ('receipts', reference || '-before', 1, 'Tried');
    BEGIN
        INSERT INTO contactpoint.upload (source, source_ref, authority, given_names)
        VALUES ('receipts', reference || '-good', 1, 'Tried'), ('receipts', reference || '-bad', regress_try.authority, 'Tried');
        RETURN 'taken';
    EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE;
    END;
END $$;

BEGIN;
SET LOCAL SESSION AUTHORIZATION regress_feed;
-- several rows, several sources, one statement
INSERT INTO contactpoint.upload (source, source_ref, batch, authority, given_names) VALUES
    ('receipts', 'a1', 'b', 1, 'Anna'), ('receipts2', 'a2', NULL, NULL, 'Berta'), ('receipts', 'a3', 'c', 71, 'Cora');
COPY contactpoint.upload (source, source_ref, batch, authority, given_names) FROM stdin;
receipts	c1	\N	\N	Dora
receipts2	c2	b	71	Edda
\.
-- two in one statement, one in a query of the other, none
WITH one AS (INSERT INTO contactpoint.upload (source, source_ref, given_names) VALUES ('receipts', 'w1', 'Frida'))
INSERT INTO contactpoint.upload (source, source_ref, given_names) VALUES ('receipts2', 'w2', 'Gerda');
INSERT INTO contactpoint.upload (source, source_ref, given_names) SELECT 'receipts', public.regress_send('n' || i), 'Outer' FROM generate_series(1, 2) i;
INSERT INTO contactpoint.upload (source, source_ref) SELECT 'receipts', 'none' WHERE false;
-- undone
SAVEPOINT s;
INSERT INTO contactpoint.upload (source, source_ref, given_names) VALUES ('receipts', 'undone', 'Hilda');
ROLLBACK TO s;
SELECT public.regress_try('t1', 71), public.regress_try('t2', -71);
RESET SESSION AUTHORIZATION;
SELECT * FROM pg_temp.show();
ROLLBACK;
SELECT * FROM pg_temp.show();

-- more rows than are written at once
BEGIN;
INSERT INTO contactpoint.upload (source, source_ref, given_names) SELECT 'receipts', i, 'Ida' FROM generate_series(1, 2345) i;
SELECT count(*), (pg_temp.show()).exact FROM contactpoint.upload WHERE source = 'receipts';
ROLLBACK;

-- what refers to nothing is refused with all of its statement, and says which column
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names) VALUES ('receipts', 'x1', 1, 'Jutta'), ('receipts', 'x2', 4711, 'Karla');
COPY contactpoint.upload (source, source_ref, authority, given_names) FROM stdin;
receipts	x3	1	Lena
receipts	x4	4711	Mona
\.
RESET SESSION AUTHORIZATION;
SELECT * FROM pg_temp.show();
-- also a restore and own work, but not as a replica
BEGIN;
SET LOCAL contactpoint.restoring = on;
SAVEPOINT s;
INSERT INTO contactpoint.upload (source, source_ref, authority) VALUES ('receipts', 'y1', 4711);
ROLLBACK TO s;
INSERT INTO contactpoint.upload (source, source_ref) VALUES ('no such source', 'y2');
ROLLBACK TO s;
SET LOCAL session_replication_role = replica;
INSERT INTO contactpoint.upload (source, source_ref, authority) VALUES ('receipts', 'y3', 4711);
ROLLBACK;

-- nothing goes that a pending row refers to, and what stands between the two is in the catalogue
BEGIN;
SET LOCAL SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names) VALUES ('receipts', 'z1', 71, 'Nora');
RESET SESSION AUTHORIZATION;
SAVEPOINT s;
DELETE FROM contactpoint.organisation WHERE organisation_id = 71;
ROLLBACK TO s;
DELETE FROM contactpoint.source WHERE source = 'receipts';
ROLLBACK TO s;
UPDATE contactpoint.source SET source = 'renamed' WHERE source = 'receipts';
ROLLBACK;
SELECT pg_get_constraintdef(oid), convalidated FROM pg_constraint WHERE conrelid = 'contactpoint.upload'::regclass AND contype = 'f' ORDER BY 1;

-- paused by the statement itself: refused with all of its rows
BEGIN;
CREATE FUNCTION public.regress_pause(i int) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    IF i = 3 THEN UPDATE contactpoint.source SET paused_at = now() WHERE source = 'receipts'; END IF;
    RETURN 'p' || i;
END $$;
INSERT INTO contactpoint.upload (source, source_ref, given_names) SELECT 'receipts', public.regress_pause(i), 'Olga' FROM generate_series(1, 3) i;
ROLLBACK;

-- a trigger of a DBA has read the rows of the statement before: they have their receipts all the same
BEGIN;
SET LOCAL contactpoint.allow_drop = on;
CREATE FUNCTION public.regress_count() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE '% rows', (SELECT count(*) FROM sent); RETURN NULL; END $$;
CREATE TRIGGER a_first AFTER INSERT ON contactpoint.upload REFERENCING NEW TABLE AS sent FOR EACH STATEMENT EXECUTE FUNCTION public.regress_count();
CREATE TRIGGER z_last AFTER INSERT ON contactpoint.upload REFERENCING NEW TABLE AS sent FOR EACH STATEMENT EXECUTE FUNCTION public.regress_count();
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names) VALUES ('receipts', 'd1', 71, 'Sara'), ('receipts2', 'd2', 1, 'Tina');
SELECT * FROM pg_temp.show();
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names) VALUES ('receipts', 'd3', 4711, 'Ute');
ROLLBACK;

-- the trigger's function serves nothing else
CREATE TABLE public.regress_other (upload_id bigint);
CREATE TRIGGER other AFTER INSERT ON public.regress_other REFERENCING NEW TABLE AS rows
    FOR EACH STATEMENT EXECUTE FUNCTION contactpoint._upload_received();
INSERT INTO public.regress_other VALUES (1);
DROP TABLE public.regress_other;
DROP FUNCTION public.regress_send(text), public.regress_try(text, bigint);
REVOKE USAGE ON SCHEMA public FROM regress_feed;

-- rows of one reference that are held together have one review, of the latest
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names) VALUES
    ('receipts', 'held-1', 'Paula'), ('receipts', 'held-2', 'Quinta'), ('receipts', 'held-1', 'Pauline'), ('receipts2', 'held-1', 'Rosa');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT r.source, r.source_ref, u.given_names, r.authority, r.score, r.candidates, r.shielded, r.reason,
    r.due_at - r.opened_at = make_interval(days => current_setting('contactpoint.review_days')::int) AS due,
    h.review_id IS NOT NULL AS found, r.decision
FROM contactpoint.review r JOIN contactpoint.upload u USING (upload_id) LEFT JOIN contactpoint.held_reference h USING (review_id)
WHERE r.source LIKE 'receipts%' ORDER BY r.review_id;
SELECT outcome, count(*) FROM contactpoint.settlement WHERE source LIKE 'receipts%' GROUP BY 1;
DELETE FROM contactpoint.held_reference WHERE source LIKE 'receipts%';
DELETE FROM contactpoint.review WHERE source LIKE 'receipts%';
DELETE FROM contactpoint.settlement WHERE source LIKE 'receipts%';
DELETE FROM contactpoint.source_tally WHERE source LIKE 'receipts%';
DELETE FROM contactpoint.receipt WHERE source LIKE 'receipts%';
DELETE FROM contactpoint.upload WHERE source LIKE 'receipts%';
DELETE FROM contactpoint.source WHERE source LIKE 'receipts%';
DELETE FROM contactpoint.organisation WHERE organisation_id = 71;
