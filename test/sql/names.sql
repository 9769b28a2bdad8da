-- Forms of one name: variants, their table, and who may change it.
\getenv abs_srcdir PG_ABS_SRCDIR
\set people :abs_srcdir '/people.sql'
\set ways :abs_srcdir '/ways.sql'
\i :people
\i :ways
\set SHOW_CONTEXT never

-- how given names compare with the candidates of a held row
CREATE FUNCTION pg_temp.given_level(upload_id bigint) RETURNS text LANGUAGE sql AS
    $$ SELECT string_agg(DISTINCT e.level, ', ') FROM contactpoint.explain_match($1) e WHERE e.field = 'given' $$;

SELECT clock_timestamp() AS started \gset
SET SESSION AUTHORIZATION regress_feed;
COPY contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode) FROM stdin;
school	na-1	1	Catherine	Oldcastle	F	2011-02-03	4 Quarry Road, Truro	TR1 1AA
school	na-2	1	Alexandra	Penhallow	F	2012-05-06	9 Tinners Row, Truro	TR2 2BB
school	na-3	1	Oluwaseun	Trevithick	M	2013-07-08	1 Engine Lane, Truro	TR3 3CC
school	na-4	1	Oluwaseun	Carlyon	M	2014-09-10	7 Harbour View, Truro	TR4 4DD
\.
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();

-- the shipped list: Katie is a form of Catherine, Alexander none of Alexandra
SELECT count(*) > 4000 AS shipped, bool_and(shipped AND counts) AS untouched FROM contactpoint.name_variant;
SELECT count(*) FROM contactpoint.name_variant WHERE (name, variant) IN (('catherine', 'katie'), ('alex', 'alexander'), ('alex', 'alexandra'));
SELECT count(*) FROM contactpoint.name_variant WHERE (name, variant) = ('alexander', 'alexandra');
SET SESSION AUTHORIZATION regress_feed;
COPY contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode) FROM stdin;
health	na-11	Katie	Oldcastle	F	2011-02-03	4 Quarry Road, Truro	TR1 1AA
school	na-12	Alexander	Penhallow	M	2012-05-06	9 Tinners Row, Truro	TR2 2BB
school	na-13	Seun	Trevithick	M	2013-07-08	1 Engine Lane, Truro	TR3 3CC
\.
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
-- so a school may have twins of these names; of Seun and Oluwaseun it should not
SELECT pg_temp.why('na-11'), pg_temp.why('na-12'), pg_temp.why('na-13');
SELECT upload_id AS katie FROM contactpoint.settlement WHERE source_ref = 'na-11' \gset
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'reviews';
SELECT pg_temp.given_level(:katie);
RESET SESSION AUTHORIZATION;

-- who may not change it, and what cannot be a pair
SET SESSION AUTHORIZATION regress_practitioner;
SELECT contactpoint.add_name_variant('Seun', 'Oluwaseun');
SELECT * FROM contactpoint.name_variant;
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.remove_name_variant('Katie', 'Catherine');
INSERT INTO contactpoint.name_variant (name, variant) VALUES ('oluwaseun', 'seun');
SET SESSION AUTHORIZATION regress_admin;
DELETE FROM contactpoint.name_variant;
SELECT contactpoint.add_name_variant('Anne Marie', 'Anna');
SELECT contactpoint.add_name_variant('Zoë', 'ZOE');
SELECT contactpoint.add_name_variant('12', 'Anna');
SELECT contactpoint.add_name_variant(NULL, 'Anna');
SELECT contactpoint.remove_name_variant('Oluwaseun', 'Seun') AS was_none;

-- a pair of another language: it counts in sessions that know both words already
SELECT contactpoint.add_name_variant('Seun', 'Oluwaseun') AS added, contactpoint.add_name_variant('OLUWASEUN', 'Seun') AS again;
SELECT contactpoint.add_name_variant('Katie', 'Catherine') AS shipped_before;
SELECT contactpoint.remove_name_variant('Catherine', 'Katie') AS removed, contactpoint.remove_name_variant('Catherine', 'Katie') AS again;
SELECT name, variant, shipped, counts FROM contactpoint.name_variant
WHERE NOT shipped OR (name, variant) = ('catherine', 'katie') ORDER BY name, variant, shipped;
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'reviews';
SELECT pg_temp.given_level(:katie);
SET SESSION AUTHORIZATION regress_feed;
COPY contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode) FROM stdin;
school	na-14	Seun	Carlyon	M	2014-09-10	7 Harbour View, Truro	TR4 4DD
\.
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT pg_temp.why('na-14');

-- and back again
SET SESSION AUTHORIZATION regress_admin;
SELECT contactpoint.remove_name_variant('seun', 'oluwaseun') AS removed, contactpoint.add_name_variant('katie', 'catherine') AS added;
SELECT count(*) FROM contactpoint.name_variant WHERE NOT shipped;
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'reviews';
SELECT pg_temp.given_level(:katie);
RESET SESSION AUTHORIZATION;

-- a name has a bounded number of variants
SET SESSION AUTHORIZATION regress_admin;
SELECT bool_and(contactpoint.add_name_variant('Wren', 'x' || translate(to_char(n, 'FM000'), '0123456789', 'abcdefghij')))
FROM generate_series(1, 100) n;
SELECT contactpoint.add_name_variant('Wren', 'Jenny');
RESET SESSION AUTHORIZATION;

-- what is not in normal form cannot be written by hand either
INSERT INTO contactpoint.name_variant (name, variant) VALUES ('Bob', 'robert');
INSERT INTO contactpoint.name_variant (name, variant) VALUES ('robert', 'bob');
DELETE FROM contactpoint.name_variant WHERE NOT shipped;
SELECT command, outcome, count(*) FROM contactpoint.audit
WHERE at >= :'started' AND command IN ('add_name_variant', 'remove_name_variant') GROUP BY 1, 2 ORDER BY 1, 2;
