-- Shielding: details move into the vault at once, nobody else sees them, and
-- what is hidden can neither be searched nor estimated.
\getenv abs_srcdir PG_ABS_SRCDIR
\set people :abs_srcdir '/people.sql'
\i :people
\set SHOW_CONTEXT never
\pset null '-'

SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode, identifiers, carers, involvements) VALUES
    ('school', 'vault-1', 1, 'Zara', 'Quillfeather', 'F', '2012-03-04', '7 Refuge Lane', 'ZZ99 9ZZ', '{"nhs": "9434765919"}',
     '[{"full_name": "Mara Quillfeather", "relationship": "mother", "contact": "07700 900123"}]',
     '[{"service": "school", "organisation": "Hidden Academy", "practitioner": "Ms Secret", "contact": "07700 900124", "started_on": "2017-09-01"}]'),
    ('school', 'vault-2', 1, 'Tom', 'Appleyard', 'M', '2011-05-06', '12 Open Street', 'AB12 3CD', '{"nhs": "4010232137"}',
     '[{"full_name": "Ann Appleyard", "relationship": "mother", "contact": "07700 900125"}]', NULL),
    ('school', 'vault-3', 1, 'Ida', 'Blackwood', 'F', '2010-07-08', '9 Other Hiding', 'YY88 8YY', '{"nhs": "5990128088"}',
     '[{"full_name": "Eve Blackwood", "relationship": "mother", "contact": "07700 900126"}]', NULL);
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT child_id AS zara FROM contactpoint.source_link WHERE source_ref = 'vault-1' \gset
SELECT child_id AS tom FROM contactpoint.source_link WHERE source_ref = 'vault-2' \gset
SELECT child_id AS ida FROM contactpoint.source_link WHERE source_ref = 'vault-3' \gset

-- before, an old address to compare with
SELECT count(*) FROM contactpoint.address_open WHERE child_id = :zara;

-- only managers of the responsible authority, with an account and a reason, may shield
SET SESSION AUTHORIZATION regress_practitioner;
SELECT contactpoint.shield(:zara, 'threats', 'harm');
SET SESSION AUTHORIZATION regress_elsewhere;
SELECT contactpoint.shield(:zara, 'threats', 'harm');
SET SESSION AUTHORIZATION regress_nobody;
\set VERBOSITY terse
SELECT contactpoint.shield(:zara, 'threats', 'harm');
\set VERBOSITY default
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.shield(:zara, '  ', 'harm');
SELECT contactpoint.shield(:zara, 'threats', 'no such word');
SELECT contactpoint.shield(1, 'threats', 'harm');
SELECT contactpoint.shield(NULL, NULL, NULL);
SELECT contactpoint.shield(:zara, 'threats', 'harm') = ARRAY[:zara]::bigint[] AS shielded;
SELECT contactpoint.shield(:ida, 'placement at risk', 'adoption') = ARRAY[:ida]::bigint[] AS shielded;
RESET SESSION AUTHORIZATION;

-- every detail has moved, none was copied
SELECT 'address' AS relation, count(*) FILTER (WHERE shielded) AS vault, count(*) FILTER (WHERE NOT shielded) AS open FROM contactpoint.address WHERE child_id = :zara
UNION ALL SELECT 'carer', count(*) FILTER (WHERE shielded), count(*) FILTER (WHERE NOT shielded) FROM contactpoint.carer WHERE child_id = :zara
UNION ALL SELECT 'identifier', count(*) FILTER (WHERE shielded), count(*) FILTER (WHERE NOT shielded) FROM contactpoint.identifier WHERE child_id = :zara
UNION ALL SELECT 'involvement', count(*) FILTER (WHERE shielded), count(*) FILTER (WHERE NOT shielded) FROM contactpoint.involvement WHERE child_id = :zara
UNION ALL SELECT 'responsibility', count(*) FILTER (WHERE shielded), count(*) FILTER (WHERE NOT shielded) FROM contactpoint.responsibility WHERE child_id = :zara;

-- a reader sees name, sex, date of birth; nothing else
SET SESSION AUTHORIZATION regress_practitioner;
SET contactpoint.reason = 'test of the vault';
SELECT given_names, family_name, sex, date_of_birth, shielded, authority, addresses->0->>'address' AS address, carers->0->>'full_name' AS carer, involvements, identifiers
FROM contactpoint.record WHERE child_id IN (:zara, :tom) ORDER BY family_name DESC \gx
-- each hidden column: =, LIKE, %, join, IN, ORDER BY find nothing
SELECT count(*) FROM contactpoint.address WHERE postcode = 'ZZ99 9ZZ';
SELECT count(*) FROM contactpoint.address WHERE address LIKE '%Refuge%';
SELECT count(*) FROM contactpoint.address WHERE address % '7 Refuge Lane' AND address LIKE '%Refuge%';
SELECT count(*) FROM contactpoint.carer WHERE full_name = 'Mara Quillfeather';
SELECT count(*) FROM contactpoint.carer WHERE contact LIKE '%900123';
SELECT count(*) FROM contactpoint.carer WHERE relationship = 'mother' AND child_id = :zara;
SELECT count(*) FROM contactpoint.involvement WHERE organisation = 'Hidden Academy' OR practitioner = 'Ms Secret' OR contact LIKE '%900124';
SELECT count(*) FROM contactpoint.identifier WHERE value = '9434765919' OR (kind = 'nhs' AND child_id = :zara);
SELECT count(*) FROM contactpoint.responsibility WHERE child_id = :zara;
SELECT count(*) FROM contactpoint.child c JOIN contactpoint.address a USING (child_id) WHERE c.child_id = :zara;
SELECT count(*) FROM contactpoint.child WHERE child_id = :zara AND child_id IN (SELECT child_id FROM contactpoint.address);
SELECT address FROM contactpoint.address WHERE child_id IN (:zara, :tom, :ida) ORDER BY address LIMIT 3;
SELECT count(*) FROM contactpoint.address WHERE shielded;
SELECT count(*) FROM contactpoint.search(family_name => 'Quillfeather', postcode => 'ZZ99 9ZZ');
SELECT count(*) FROM contactpoint.search(family_name => 'Appleyard', postcode => 'ab123cd');
SELECT given_names, family_name, shielded FROM contactpoint.search(given_names => 'Zarah', family_name => 'Quilfeather');
-- leaves and private tables are granted to nobody
SELECT count(*) FROM contactpoint.address_vault;
SELECT count(*) FROM contactpoint.address_open;
SELECT count(*) FROM contactpoint.match_person;
SELECT count(*) FROM contactpoint.shield;
SELECT count(*) FROM contactpoint.alias;
SELECT count(*) FROM contactpoint.source_link;
SELECT count(*) FROM contactpoint.review;
SELECT count(*) FROM contactpoint.settlement;
-- the plan opens no vault leaf, with pruning switched off too
SET enable_partition_pruning = off;
CREATE FUNCTION pg_temp.leaves(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE line text; found text[] := '{}';
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        found := found || ARRAY(SELECT (regexp_matches(line, 'on (\w+(?:_open|_vault))', 'g'))[1]);
    END LOOP;
    RETURN (SELECT string_agg(DISTINCT f, ', ' ORDER BY f) FROM unnest(found) f);
END $$;
SELECT pg_temp.leaves('SELECT * FROM contactpoint.address WHERE postcode = ''ZZ99 9ZZ''');
SELECT pg_temp.leaves('SELECT * FROM contactpoint.record WHERE child_id = 1');
SELECT pg_temp.leaves('SELECT * FROM contactpoint.child JOIN contactpoint.address USING (child_id, shielded) WHERE shielded');
SELECT pg_temp.leaves('SELECT * FROM contactpoint.child c, LATERAL (SELECT * FROM contactpoint.carer k WHERE k.child_id = c.child_id) x');
PREPARE hidden AS SELECT count(*) FROM contactpoint.carer WHERE contact = $1;
SET plan_cache_mode = force_generic_plan;
EXECUTE hidden('07700 900123');
SELECT pg_temp.leaves('EXECUTE hidden(''07700 900123'')');
RESET plan_cache_mode;
RESET enable_partition_pruning;
RESET SESSION AUTHORIZATION;

-- estimates are the same for a vault value, an open one and an absent one
ANALYZE contactpoint.address; ANALYZE contactpoint.carer; ANALYZE contactpoint.identifier; ANALYZE contactpoint.involvement;
SELECT count(*) AS hidden_statistics FROM pg_stats WHERE schemaname = 'contactpoint'
    AND (tablename ~ '^(address|carer|identifier|involvement|responsibility)' AND attname NOT IN ('child_id', 'shielded', 'recorded_at')
         OR tablename IN ('alias', 'upload') AND attname IN ('given_names', 'family_name', 'address', 'postcode', 'source_ref'));
CREATE FUNCTION pg_temp.estimate(value text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE line text; plan text := '';
BEGIN
    FOR line IN EXECUTE format('EXPLAIN SELECT * FROM contactpoint.address WHERE postcode = %L', value) LOOP
        plan := plan || coalesce(substring(line FROM 'cost=\S+ rows=\d+'), '') || ' ';
    END LOOP;
    RETURN plan;
END $$;
SELECT length(pg_temp.estimate('warm')) > 20 AS warm;
SET SESSION AUTHORIZATION regress_practitioner;
SELECT pg_temp.estimate('ZZ99 9ZZ') = pg_temp.estimate('QQ11 1QQ') AS same_estimate,
       pg_temp.estimate('AB12 3CD') = pg_temp.estimate('QQ11 1QQ') AS same_for_open;

-- the old place of a child just shielded cannot be told from an absent one
SET contactpoint.reason = 'test of the vault';
CREATE FUNCTION pg_temp.trace(value text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE line text; plan text := '';
BEGIN
    FOR line IN EXECUTE format('EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT count(*) FROM contactpoint.address WHERE postcode = %L', value) LOOP
        EXIT WHEN line ~ '^Planning';
        plan := plan || regexp_replace(line, '''[^'']*''', 'value', 'g') || E'\n';
    END LOOP;
    RETURN plan;
END $$;
SELECT length(pg_temp.trace('warm')) > 0 AS warm;
SELECT pg_temp.trace('ZZ99 9ZZ') = pg_temp.trace('QQ11 1QQ') AS same_trace;
CREATE FUNCTION pg_temp.counters(value text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE before bigint[]; after bigint[]; rel oid[] := ARRAY(SELECT c.oid FROM pg_class c WHERE c.relnamespace = 'contactpoint'::regnamespace ORDER BY 1);
BEGIN
    before := ARRAY(SELECT pg_stat_get_xact_tuples_returned(o) + 1000 * pg_stat_get_xact_tuples_fetched(o) + 1000000 * pg_stat_get_xact_numscans(o) FROM unnest(rel) o);
    EXECUTE format('SELECT count(*) FROM contactpoint.address WHERE postcode = %L', value);
    after := ARRAY(SELECT pg_stat_get_xact_tuples_returned(o) + 1000 * pg_stat_get_xact_tuples_fetched(o) + 1000000 * pg_stat_get_xact_numscans(o) FROM unnest(rel) o);
    RETURN (SELECT string_agg((a - b)::text, ',') FROM unnest(before, after) AS t(b, a));
END $$;
SELECT length(pg_temp.counters('warm')) > 0 AS warm;
SELECT pg_temp.counters('ZZ99 9ZZ') AS hidden \gset
SELECT pg_temp.counters('QQ11 1QQ') AS absent \gset
SELECT :'hidden' = :'absent' AS same_counters;
RESET SESSION AUTHORIZATION;

-- protection staff: a grant, one record at a time
SET SESSION AUTHORIZATION regress_social;
SET contactpoint.reason = 'core group';
SELECT contactpoint.open_shielded(:zara, 'core group');
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.grant_access(:zara, 'regress_social', 'named worker', now() - interval '1 day');
SELECT contactpoint.grant_access(:zara, 'regress_nobody', 'named worker', now() + interval '1 day');
SELECT contactpoint.grant_access(:zara, 'regress_social', 'named worker', now() + interval '1 day');
SET SESSION AUTHORIZATION regress_social;
SET contactpoint.reason = 'core group';
SELECT count(*) FROM contactpoint.address WHERE child_id = :zara;
SELECT contactpoint.open_shielded(:zara, 'core group') > now() AS opened;
SELECT address FROM contactpoint.address WHERE child_id = :zara;
SELECT full_name, contact FROM contactpoint.carer WHERE child_id = :zara;
-- no operator of the query sees a row of another shielded child
CREATE FUNCTION pg_temp.spy(t text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS
$$ BEGIN RAISE NOTICE 'saw %', t; RETURN true; END $$;
SELECT count(*) FROM contactpoint.address WHERE pg_temp.spy(address) AND shielded;
SELECT count(*) FROM contactpoint.address WHERE address::int = 1 AND shielded AND child_id = :ida;
SELECT contactpoint.open_shielded(:ida, 'curious');
SELECT contactpoint.close_shielded(:zara);
SELECT count(*) FROM contactpoint.address WHERE child_id = :zara;
-- a grant taken back counts at once
SELECT contactpoint.open_shielded(:zara, 'core group') > now() AS opened;
SELECT count(*) FROM contactpoint.address WHERE child_id = :zara;
RESET SESSION AUTHORIZATION;
SET ROLE regress_manager;
SELECT contactpoint.revoke_access(:zara, 'regress_social', 'plan ended');
SELECT contactpoint.revoke_access(:zara, 'regress_social', 'plan ended');
RESET ROLE;
SET SESSION AUTHORIZATION regress_social;
SET contactpoint.reason = 'core group';
SELECT count(*) FROM contactpoint.address WHERE child_id = :zara;
RESET SESSION AUTHORIZATION;

-- nobody changes a shield by hand
UPDATE contactpoint.child SET shielded = false WHERE child_id = :zara;
SET session_replication_role = replica;
UPDATE contactpoint.child SET shielded = false WHERE child_id = :zara;
SELECT contactpoint.shield(:tom, 'by replica', 'harm', false);
RESET session_replication_role;
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'trying';
UPDATE contactpoint.child SET shielded = false WHERE child_id = :zara;
INSERT INTO contactpoint.address (child_id, address) VALUES (:zara, 'planted');
INSERT INTO contactpoint.address (child_id, address) VALUES (:tom, '13 Open Street');
SELECT count(*) FROM contactpoint.address WHERE child_id = :tom;
RESET SESSION AUTHORIZATION;
-- a detail with the wrong flag meets the foreign key
\set VERBOSITY terse
INSERT INTO contactpoint.address (child_id, shielded, address) VALUES (:zara, false, 'planted');
INSERT INTO contactpoint.address (child_id, shielded, address) VALUES (NULL, false, 'orphan');
\set VERBOSITY default

-- lifting needs two people, and brings every detail back
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.request_unshield(:zara, 'danger is over') AS request \gset
SELECT contactpoint.approve_unshield(:request);
SET SESSION AUTHORIZATION regress_elsewhere;
SELECT contactpoint.approve_unshield(:request);
SET SESSION AUTHORIZATION regress_practitioner;
SELECT contactpoint.approve_unshield(:request);
SET SESSION AUTHORIZATION regress_manager2;
SELECT contactpoint.approve_unshield(-1);
SELECT contactpoint.approve_unshield(NULL);
SELECT contactpoint.approve_unshield(:request);
SELECT contactpoint.approve_unshield(:request);
RESET SESSION AUTHORIZATION;
SELECT c.shielded, (SELECT count(*) FROM contactpoint.address_open a WHERE a.child_id = c.child_id) AS open,
    (SELECT count(*) FROM contactpoint.address_vault a WHERE a.child_id = c.child_id) AS vault
FROM contactpoint.child c WHERE child_id = :zara;
SET SESSION AUTHORIZATION regress_practitioner;
SET contactpoint.reason = 'after lifting';
SELECT count(*) FROM contactpoint.address WHERE postcode = 'ZZ99 9ZZ';
RESET SESSION AUTHORIZATION;

-- a request lifts only shields that stood when it was made
SET SESSION AUTHORIZATION regress_manager;
SELECT cardinality(contactpoint.shield(:zara, 'first', 'harm', false));
SELECT contactpoint.request_unshield(:zara, 'first is over') AS request \gset
SELECT cardinality(contactpoint.shield(:zara, 'second', 'fled', false));
SET SESSION AUTHORIZATION regress_manager2;
SELECT contactpoint.approve_unshield(:request);
RESET SESSION AUTHORIZATION;
SELECT shielded FROM contactpoint.child WHERE child_id = :zara;

-- the household is covered by default: same address, or same contact of a carer
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode, carers) VALUES
    ('school', 'hh-1', 1, 'Hilda', 'Householder', 'F', '2010-02-11', '5 Shared Road', 'HH1 1HH', NULL),
    ('school', 'hh-2', 1, 'Gustav', 'Householder', 'M', '2012-06-21', '5, Shared Rd', 'hh11hh', '[{"full_name": "Pa Householder", "contact": "07700 900777"}]'),
    ('school', 'hh-3', 1, 'Ottilie', 'Elsewhere', 'F', '2014-10-31', '99 Apart Street', 'HH9 9HH', '[{"full_name": "Pa Householder", "contact": "07700-900777"}]'),
    ('school', 'hh-4', 1, 'Ulrich', 'Neighbour', 'M', '2011-12-01', '6 Shared Road', 'HH1 1HH', NULL);
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT child_id AS gustav FROM contactpoint.source_link WHERE source_ref = 'hh-2' \gset
SET SESSION AUTHORIZATION regress_manager;
SELECT cardinality(contactpoint.shield(:gustav, 'threats to the father', 'harm')) AS covered;
RESET SESSION AUTHORIZATION;
SELECT l.source_ref, c.shielded, s.provisional FROM contactpoint.source_link l JOIN contactpoint.child c USING (child_id)
    LEFT JOIN contactpoint.shield s USING (child_id) WHERE l.source_ref LIKE 'hh-%' ORDER BY 1;
