-- No parallel plan reads the registry, and no worker of one unrecorded.
\getenv abs_srcdir PG_ABS_SRCDIR
\set people :abs_srcdir '/people.sql'
\i :people
\set SHOW_CONTEXT never

INSERT INTO contactpoint.child (given_names, family_name, sex, date_of_birth) VALUES ('Parallela', 'Workerson', 'F', '2011-12-13') RETURNING child_id AS child \gset
INSERT INTO contactpoint.address (child_id, address, postcode) VALUES (:child, '1 Gather Street', 'PA1 1RA');
CREATE TABLE own_table AS SELECT i FROM generate_series(1, 10000) i;
GRANT SELECT ON own_table TO PUBLIC;
ANALYZE own_table;

-- functions that read the registry, and whoever made them says they may run anywhere
CREATE FUNCTION peek(i int) RETURNS text LANGUAGE plpgsql STABLE PARALLEL SAFE COST 100000 AS
    $$ BEGIN RETURN (SELECT address FROM contactpoint.address WHERE postcode = 'PA1 1RA'); END $$;
CREATE FUNCTION peek_sql(i int) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE COST 100000 AS
    $$ SELECT address FROM contactpoint.address WHERE postcode = 'PA1 1RA' AND i > 0 $$;
CREATE FUNCTION peek_definer(i int) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER COST 100000 AS
    $$ SELECT address FROM contactpoint.address WHERE postcode = 'PA1 1RA' AND i > 0 $$;
CREATE FUNCTION find(i int) RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE COST 100000 AS
    $$ SELECT count(*) FROM contactpoint.search(family_name => 'Workerson') $$;
CREATE FUNCTION peek_restricted(i int) RETURNS text LANGUAGE plpgsql STABLE PARALLEL RESTRICTED COST 100000 AS
    $$ BEGIN RETURN (SELECT address FROM contactpoint.address WHERE postcode = 'PA1 1RA'); END $$;
CREATE FUNCTION gathers(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        IF line ~ 'Gather' THEN RETURN true; END IF;
    END LOOP;
    RETURN false;
END $$;
CREATE TABLE since AS SELECT clock_timestamp() AS at;
CREATE FUNCTION looks(child bigint) RETURNS TABLE (command text, relation text, outcome text, n bigint) LANGUAGE sql AS $$
    SELECT a.command, a.relation, a.outcome, count(*) FROM contactpoint.audit a, since
    WHERE a.at > since.at AND a.effective_role = 'regress_practitioner' AND (child = ANY (a.children) OR cardinality(a.children) = 0 OR a.children IS NULL)
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3 $$;

SET SESSION AUTHORIZATION regress_practitioner;
SET contactpoint.reason = 'parallel test';
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0; SET min_parallel_index_scan_size = 0;
SET max_parallel_workers_per_gather = 2; SET enable_indexscan = off; SET enable_bitmapscan = off;
-- other tables are read in parallel
SELECT gathers('SELECT count(*) FROM own_table'), gathers('SELECT count(*) FROM own_table WHERE peek(i) IS NULL');
-- the registry is not, nor what is joined with it
SELECT gathers('SELECT count(*) FROM contactpoint.child'),
       gathers('SELECT count(*) FROM contactpoint.address a JOIN own_table o ON o.i = a.child_id'),
       gathers('SELECT (SELECT max(address) FROM contactpoint.address WHERE child_id > o.i) FROM own_table o'),
       gathers('WITH c AS MATERIALIZED (SELECT * FROM contactpoint.child) SELECT count(*) FROM own_table, c');
SELECT count(*) FROM contactpoint.child c JOIN contactpoint.address a USING (child_id), own_table o WHERE c.family_name = 'Workerson' AND o.i < 3;
-- beside a sub-select that is read in parallel it is read by the leader alone
SELECT gathers('SELECT given_names, (SELECT count(*) FROM own_table) FROM contactpoint.child');
SELECT given_names, (SELECT count(*) FROM own_table) FROM contactpoint.child WHERE family_name = 'Workerson';
RESET SESSION AUTHORIZATION;
SELECT * FROM looks(:child);
TRUNCATE since; INSERT INTO since VALUES (clock_timestamp());

-- also where every plan is made parallel
SET SESSION AUTHORIZATION regress_practitioner;
SET contactpoint.reason = 'parallel test';
SELECT set_config(name, 'on', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
SELECT gathers('SELECT 1 FROM own_table'), gathers('SELECT 1 FROM contactpoint.child');
SELECT count(*) FROM contactpoint.child c JOIN contactpoint.address a USING (child_id), own_table o WHERE c.family_name = 'Workerson' AND o.i < 3;
RESET SESSION AUTHORIZATION;
SELECT * FROM looks(:child);
TRUNCATE since; INSERT INTO since VALUES (clock_timestamp());
-- in a worker the registry cannot be read, whoever says so
SET SESSION AUTHORIZATION regress_practitioner;
SET contactpoint.reason = 'parallel test';
\set VERBOSITY sqlstate
SELECT peek(i) FROM own_table WHERE i = 1;
SELECT count(*) FROM own_table WHERE peek(i) IS NULL;
SELECT peek_sql(i) FROM own_table WHERE i = 1;
SELECT peek_definer(i) FROM own_table WHERE i = 1;
SELECT find(i) FROM own_table WHERE i = 1;
SELECT peek_restricted(1) FROM own_table WHERE i = 1;
\set VERBOSITY default
RESET SESSION AUTHORIZATION;
SELECT relation, outcome FROM looks(:child);
-- nor by a superuser
SELECT peek(i) FROM own_table WHERE i = 1;
RESET ALL;

DROP FUNCTION peek(int), peek_restricted(int), peek_sql(int), peek_definer(int), find(int), gathers(text), looks(bigint);
DROP TABLE own_table, since;
