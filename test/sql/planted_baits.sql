-- A manager of another authority makes records of its own that look like a shielded
-- child's, so that rows about the child come there. They go on to the managers of
-- the child, and what they say of its place stays with these.
\getenv abs_srcdir PG_ABS_SRCDIR
\set people :abs_srcdir '/people.sql'
\set ways :abs_srcdir '/ways.sql'
\i :people
\i :ways
\set SHOW_CONTEXT never
\pset null '-'

SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode, carers) VALUES
    ('school', 'bait-1', 1, 'Sidonie', 'Federkiel', 'F', '2003-03-14', '1 Former Home', 'BA1 1AA', NULL),
    ('school', 'bait-2', 1, 'Maximilian', 'Hagedornig', 'M', '2002-07-19', '2 Former Home', 'BA1 1AA', NULL),
    ('school', 'bait-3', 1, 'Leopoldine', 'Schneefelder', 'F', '2001-05-14', '3 Former Home', 'BA1 1AA', '[{"full_name": "Mona Schneefelder", "contact": "07700 900455"}]');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT child_id AS sidonie FROM contactpoint.source_link WHERE source_ref = 'bait-1' \gset
SELECT child_id AS max FROM contactpoint.source_link WHERE source_ref = 'bait-2' \gset
SELECT child_id AS leopoldine FROM contactpoint.source_link WHERE source_ref = 'bait-3' \gset
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'baits';
SELECT cardinality(contactpoint.shield(c, 'fled', 'fled', false)) AS shielded FROM unnest(ARRAY[:sidonie, :max, :leopoldine]) c;

-- a hidden name, a twin, the contact of a carer: under a number that comes first, most likely
SET SESSION AUTHORIZATION regress_elsewhere;
SET contactpoint.reason = 'baits';
INSERT INTO contactpoint.child (given_names, family_name, sex, date_of_birth) VALUES
    ('Olga', 'Koederling', 'F', '2003-03-14'), ('Theodor', 'Hagedornig', 'M', '2002-07-19');
INSERT INTO contactpoint.child (given_names, family_name, sex, date_of_birth)
    SELECT 'Koeder' || chr(96 + n) || 'kind', 'Falle' || chr(96 + n * 2) || 'nsteller', 'U', date '1996-01-01' + n * 400 FROM generate_series(1, 12) n;
INSERT INTO contactpoint.carer (child_id, full_name, contact) SELECT child_id, 'Xaver Ypsilon', '07700900455' FROM contactpoint.child WHERE family_name ~ '^Falle.nsteller$';
SELECT child_id AS olga FROM contactpoint.child WHERE family_name = 'Koederling' \gset
SELECT child_id AS theodor FROM contactpoint.child WHERE given_names = 'Theodor' AND family_name = 'Hagedornig' \gset
SELECT cardinality(contactpoint.shield(:olga, 'mine', 'other')) AS shielded;
SELECT contactpoint.add_alias(:olga, 'birth', 'Sidonie Marie', 'Federkiel', 'so called');
SELECT contactpoint.add_alias(:olga, 'birth', 'Sidonie', 'Federkiel', 'so called');
SELECT count(contactpoint.shield(child_id, 'mine', 'other', false)) AS shielded FROM contactpoint.child WHERE family_name ~ '^Falle.nsteller$';

-- rows that tell where the children are now
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode, carers) VALUES
    ('health', 'bait-4', 1, 'Sidonie', 'Federkiel', 'F', '2003-03-14', '4 Bait Haven', 'BA9 9ZZ', NULL),
    ('health', 'bait-5', 1, 'Sidonie Marie', 'Federkiel', 'F', '2003-03-14', '4 Bait Haven', 'BA9 9ZZ', NULL),
    ('health', 'bait-6', 1, 'Max', 'Hagedornig', 'M', '2002-07-19', '5 Bait Haven', 'BA9 9ZZ', NULL),
    ('health', 'bait-7', 1, 'Emil', 'Schneefelder', 'M', '2019-05-01', '6 Bait Haven', 'BA9 9ZZ', '[{"full_name": "Mona Schneefelder", "contact": "07700 900455"}]');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
-- shielding a candidate takes no review away
SET SESSION AUTHORIZATION regress_elsewhere;
SELECT cardinality(contactpoint.shield(:theodor, 'mine', 'other', false)) AS shielded;
SELECT count(*) AS reviews FROM contactpoint.review WHERE source_ref LIKE 'bait-_';
SELECT count(*) AS links FROM contactpoint.source_link WHERE source_ref LIKE 'bait-_';
RESET SESSION AUTHORIZATION;
SELECT ref, pg_temp.why(ref), (SELECT r.authority FROM contactpoint.review r WHERE r.source_ref = ref) AS decides
FROM unnest(ARRAY['bait-4', 'bait-5', 'bait-6', 'bait-7']) ref ORDER BY 1;
SELECT s.authority, s.provisional FROM contactpoint.shield s JOIN contactpoint.settlement t USING (child_id) WHERE t.source_ref = 'bait-7';
-- a child that is shielded later, and whose name a waiting row has, takes the review along
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth) VALUES
    ('school', 'bait-8', 1, 'Gotthilf', 'Spaeterhin', 'M', '2000-02-03');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT child_id AS gotthilf FROM contactpoint.source_link WHERE source_ref = 'bait-8' \gset
SET SESSION AUTHORIZATION regress_elsewhere;
SET contactpoint.reason = 'baits';
INSERT INTO contactpoint.child (given_names, family_name, sex, date_of_birth) VALUES ('Benno', 'Spaeterhin', 'M', '2000-02-03');
SELECT child_id AS benno FROM contactpoint.child WHERE given_names = 'Benno' AND family_name = 'Spaeterhin' \gset
SELECT cardinality(contactpoint.shield(:benno, 'mine', 'harm')) AS shielded;
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth) VALUES
    ('health', 'bait-9', 'Gotthilf', 'Spaeterhin', 'M', '2000-02-03');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT pg_temp.why('bait-9'), authority FROM contactpoint.review WHERE source_ref = 'bait-9';
SET SESSION AUTHORIZATION regress_manager;
SELECT cardinality(contactpoint.shield(:gotthilf, 'threats', 'harm', false)) AS shielded;
RESET SESSION AUTHORIZATION;
SELECT authority FROM contactpoint.review WHERE source_ref = 'bait-9';
-- a child that two authorities expect is for the one that was first, whatever the spelling
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.shield_in_advance('Zita', 'Vorausgesagt', '2025-05-01', 'mother fled', 'fled') > 0 AS expected;
SET SESSION AUTHORIZATION regress_elsewhere;
SELECT count(contactpoint.shield_in_advance(g, 'Vorausgesagt', '2025-05-01', 'trap', 'fled')) AS expected
FROM unnest(ARRAY['Zita', 'Zita Anna', 'Zita Maria', 'Zita Eva', 'Zita Ida', 'Zita Rosa']) g;
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('health', 'bait-10', 'Zita Maria', 'Vorausgesagt', 'F', '2025-05-01', '7 Bait Haven', 'BA9 9ZZ');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT pg_temp.why('bait-10'), authority FROM contactpoint.review WHERE source_ref = 'bait-10';
