-- What a feed or a manager might plant to have rows about a shielded child
-- land in an open record, or to find out what a shield hides.
\getenv abs_srcdir PG_ABS_SRCDIR
\set people :abs_srcdir '/people.sql'
\set ways :abs_srcdir '/ways.sql'
\i :people
\i :ways
\set SHOW_CONTEXT never
\pset null '-'

CREATE FUNCTION pg_temp.reason(ref text) RETURNS text LANGUAGE sql AS
    $$ SELECT reason FROM contactpoint.review WHERE source_ref = $1 AND decided_at IS NULL $$;

-- a shielded child; records of the attacker with the same birth date
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode, identifiers) VALUES
    ('school', 'pl-1', 1, 'Catherine', 'Umbershaw', 'F', '2014-04-03', '6 Hidden Walk', 'PL1 1AA', '{"nhs": "9990001114"}'),
    ('school', 'pl-2', 1, 'Octavia', 'Plainfield', 'F', '2014-04-03', '7 Other Street', 'PL2 2BB', '{"nhs": "9990002226"}');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT child_id AS cath FROM contactpoint.source_link WHERE source_ref = 'pl-1' \gset
SELECT child_id AS octavia FROM contactpoint.source_link WHERE source_ref = 'pl-2' \gset
SET SESSION AUTHORIZATION regress_manager;
SELECT cardinality(contactpoint.shield(:cath, 'threats', 'harm', false)) AS shielded;
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_feed2;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('other', 'atk-1', 2, 'Wolfgang', 'Sneakwell', 'M', '2014-04-03', 'Watch House 1', 'AT1 1AA'),
    ('other', 'atk-2', 2, 'Ignatz', 'Pryewell', 'M', '2014-04-03', 'Watch House 2', 'AT1 1AB'),
    ('other', 'atk-3', 2, 'Ottokar', 'Lurkwell', 'M', '2014-04-03', 'Watch House 3', 'AT1 1AC'),
    ('other', 'atk-4', 2, 'Hildebrand', 'Spywell', 'M', '2014-04-03', 'Watch House 4', 'AT1 1AD'),
    ('other', 'atk-5', 2, 'Baldwin', 'Seekwell', 'M', '2014-04-03', 'Watch House 5', 'AT1 1AE');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT string_agg(pg_temp.outcome('atk-' || n), ', ' ORDER BY n) AS attackers FROM generate_series(1, 5) n;

-- names of the shielded child as other names of a known reference, whole, and
-- short with no birth date; its number, also under another word; then its
-- postcode, which alone is no crime
SET SESSION AUTHORIZATION regress_feed2;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, alias_names) VALUES
    ('other', 'atk-1', 'Wolfgang', 'Sneakwell', 'M', '2014-04-03', '[{"kind": "birth", "given_names": "Catherine", "family_name": "Umbershaw"}]'),
    ('other', 'atk-2', 'Ignatz', 'Pryewell', 'M', NULL, '[{"kind": "birth", "given_names": "Katie", "family_name": "Umbershaw"}]');
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, identifiers) VALUES
    ('other', 'atk-3', 'Ottokar', 'Lurkwell', 'M', '2014-04-03', '{"nhs": "999 000 1114"}'),
    ('other', 'atk-4', 'Hildebrand', 'Spywell', 'M', '2014-04-03', '{"NHS Number": "9990001114"}');
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('other', 'atk-5', 'Baldwin', 'Seekwell', 'M', '2014-04-03', '6 Hidden Walk', 'PL1 1AA');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT 'atk-' || n AS row, pg_temp.outcome('atk-' || n), pg_temp.reason('atk-' || n) FROM generate_series(1, 5) n;
SELECT count(*) FILTER (WHERE child_id <> :cath) AS planted, count(*) FILTER (WHERE child_id = :cath) AS hers FROM contactpoint.match_person
WHERE ('inhs:9990001114' = ANY (string_to_array(facts, chr(31)))
    OR EXISTS (SELECT FROM contactpoint.name_word w WHERE w.word LIKE '%umbershaw%' AND facts ~ ('(^|\x1f)[nh]([0-9 |]*[ |])?' || w.word_id || '\M')));

-- a number of any record goes to no second one, by a known reference or a new one
SET SESSION AUTHORIZATION regress_feed2;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, identifiers) VALUES
    ('other', 'atk-5', 'Baldwin', 'Seekwell', 'M', '2014-04-03', '{"nhs": "9990002226"}'),
    ('other', 'atk-6', 'Baldwin', 'Seekwell', 'M', '2014-04-03', '{"NHS": "9990002226"}'),
    ('other', 'atk-7', 'Leopoldine', 'Faraway', 'F', '2009-09-09', '{"nhs ": "9990002226"}');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT 'atk-' || n AS row, pg_temp.outcome('atk-' || n) FROM generate_series(5, 7) n;
SELECT count(*) AS with_the_number FROM contactpoint.match_person WHERE 'inhs:9990002226' = ANY (string_to_array(facts, chr(31)));
SELECT k AS kind, contactpoint._normalize_kind(k) FROM unnest(ARRAY['nhs', 'NHS', 'nhs ', 'nhs number', 'NHS-No.', 'nhs_id', 'Number', 'upn']) k;

-- even where a name was planted before, rows near the shielded child are not
-- attached to the open record
INSERT INTO contactpoint.alias (child_id, kind, given_names, family_name, source)
    SELECT child_id, 'birth', 'Catherine', 'Umbershaw', 'other' FROM contactpoint.source_link WHERE source_ref = 'atk-5';
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('health', 'pl-3', 'Catherine', 'Umbershaw', 'F', '2014-04-03', '8 Refuge Yard', 'PL3 3CC'),
    ('health', 'pl-4', 'Katherine', 'Umbershaw', NULL, '2014-04-03', '6 Hidden Walk', 'PL1 1AA'),
    ('health', 'pl-5', 'Catherine', 'Umbershaw', 'M', '2014-04-03', '8 Refuge Yard', 'PL3 3CC');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT s.source_ref, coalesce(s.child_id = :cath, s.outcome = 'hold') AS safe FROM contactpoint.settlement s WHERE s.source_ref IN ('pl-3', 'pl-4', 'pl-5') ORDER BY 1;
SELECT count(*) AS readable FROM contactpoint.address_open WHERE address = '8 Refuge Yard';
DELETE FROM contactpoint.alias WHERE family_name = 'Umbershaw';

-- a short form and the other sex, from a source that knows the child by another
-- reference; a brother is still told apart
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address) VALUES
    ('school', 'pl-6', 'Katie', 'Umbershaw', 'M', '2014-04-03', '8 Refuge Yard'),
    ('school', 'pl-7', 'Kat', 'Umbershaw', 'M', '2014-04-03', '8 Refuge Yard'),
    ('school', 'pl-8', 'Cae', 'Umbershaw', 'M', '2014-04-03', '8 Refuge Yard'),
    ('school', 'pl-9', 'Rose', 'Newname', 'M', '2014-04-03', '6 Hidden Walk'),
    ('school', 'pl-10', 'Roderick', 'Umbershaw', 'M', '2014-04-03', '5 Brother House');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT 'pl-' || n AS row, pg_temp.outcome('pl-' || n) FROM generate_series(6, 10) n;

-- no review tells the sender's managers how near a row came; it goes to those
-- of the child
SELECT source_ref, authority, score, shielded FROM contactpoint.review
WHERE source_ref IN ('atk-1', 'atk-2', 'atk-3', 'atk-4') AND decided_at IS NULL ORDER BY source_ref;
SET SESSION AUTHORIZATION regress_elsewhere;
SET contactpoint.reason = 'what became of our rows';
SELECT count(*) FROM contactpoint.reviews_due WHERE source = 'other' AND :cath = ANY (candidates);
RESET SESSION AUTHORIZATION;
-- a row that comes near only later takes its review along
SET SESSION AUTHORIZATION regress_feed2;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth) VALUES
    ('other', 'atk-8', 2, 'Catherine', NULL, 'F', NULL);
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT authority AS before FROM contactpoint.review WHERE source_ref = 'atk-8' AND cardinality(candidates) = 0;
SET SESSION AUTHORIZATION regress_feed2;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth) VALUES
    ('other', 'atk-8', 2, 'Catherine', 'Umbershaw', 'F', '2014-04-03');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT authority AS after, score, shielded FROM contactpoint.review WHERE source_ref = 'atk-8';

-- what is matched with a shielded child tells its authority only, and makes
-- nobody responsible
SET SESSION AUTHORIZATION regress_feed2;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, postcode) VALUES
    ('other', 'pl-11', 2, 'Catherine', 'Umbershaw', 'F', '2014-04-03', 'PL1 1AA');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT s.outcome, l.authority FROM contactpoint.settlement s LEFT JOIN contactpoint.source_link l USING (source_ref) WHERE s.source_ref = 'pl-11';
SELECT organisation_id FROM contactpoint.responsibility WHERE child_id = :cath;

-- a new record made by a decision near a shielded one is born shielded
SELECT review_id AS review FROM contactpoint.review WHERE source_ref = 'pl-6' AND decided_at IS NULL \gset
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'reviews';
SELECT contactpoint.decide(:review, 'new') AS born \gset
RESET SESSION AUTHORIZATION;
SELECT shielded FROM contactpoint.child WHERE child_id = :born;
SELECT category, reason, provisional, placed_by, authority, lifted_at FROM contactpoint.shield WHERE child_id = :born;
SELECT (SELECT count(*) FROM contactpoint.address_vault WHERE child_id = :born) AS in_vault,
    (SELECT count(*) FROM contactpoint.address_open WHERE child_id = :born) AS open,
    (SELECT nearness FROM contactpoint.match_person WHERE child_id = :born) AS nearness;
SET SESSION AUTHORIZATION regress_practitioner;
SET contactpoint.reason = 'curious';
SELECT count(*) FROM contactpoint.address WHERE address = '8 Refuge Yard';
RESET SESSION AUTHORIZATION;
-- only decide() settles, whatever it is given
SELECT contactpoint._settle_as(NULL, NULL, NULL);
SELECT contactpoint._settle_as(1, 'new', NULL, NULL);

-- the guard on child tells nothing of hidden names: with the public given name
-- of a shielded child or of one with a hidden name every family name is
-- refused, with any other given name a hidden one makes no difference
INSERT INTO contactpoint.alias (child_id, kind, given_names, family_name) VALUES (:cath, 'birth', 'Zelda', 'Birthname'), (:octavia, 'birth', NULL, 'Birthname');
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'guessing';
CREATE FUNCTION pg_temp.try(given text, family text, birth date) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO contactpoint.child (given_names, family_name, sex, date_of_birth) VALUES (given, family, 'F', birth);
    RAISE EXCEPTION USING ERRCODE = 'KX000';
EXCEPTION
    WHEN SQLSTATE 'KC004' THEN RETURN 'refused';
    WHEN SQLSTATE 'KX000' THEN RETURN 'passes';
END $$;
SELECT given, to_char(birth, 'YYYY-MM-DD') AS birth, string_agg(DISTINCT pg_temp.try(given, family, birth), ' and ') AS answer
FROM unnest(ARRAY['Octavia', 'Tavy', 'Catherine', 'Kate', 'Zelda']) given,
    unnest(ARRAY['2014-04-03', '2014-03-04', '2014-04-08', '2013-04-03', '2011-11-11']::date[]) birth,
    unnest(ARRAY['Birthname', 'Smith', 'Umbershaw-Birthname']) family
GROUP BY given, birth ORDER BY given, birth;
RESET SESSION AUTHORIZATION;

-- a session's settings change nothing
SELECT proconfig::text LIKE '%gin_fuzzy_search_limit=0%' AS pinned FROM pg_proc WHERE oid = 'contactpoint._similar_words(text,text[])'::regprocedure;
-- nothing is taken in that its column would refuse
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, alias_names) VALUES
    ('school', 'pl-12', jsonb_build_array(jsonb_build_object('kind', repeat('k', 51), 'family_name', 'Umbershaw')));
RESET SESSION AUTHORIZATION;
