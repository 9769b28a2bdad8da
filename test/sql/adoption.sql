-- Both surnames: adopted children stood under birth and adopted surname together. During a
-- placement the adopted name is a hidden one: it matches, and nobody is shown it.
\getenv abs_srcdir PG_ABS_SRCDIR
\set people :abs_srcdir '/people.sql'
\set ways :abs_srcdir '/ways.sql'
\i :people
\i :ways
\set SHOW_CONTEXT never
\pset null '-'
SELECT clock_timestamp() AS started \gset

CREATE ROLE regress_lapsed LOGIN IN ROLE contactpoint_manager;
INSERT INTO contactpoint.account VALUES ('regress_lapsed', 1, 'Lapsed', current_date - 1, current_date + 9);

SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('school', 'ad-1', 1, 'Rosamund', 'Birthwright', 'F', '2013-02-08', '1 Placement Row', 'AD1 1AD'),
    ('school', 'ad-2', 1, 'Rosamund', 'Nachbarin', 'F', '2008-11-30', '2 Placement Row', 'AD1 1AD'),
    ('school', 'ad-3', 2, 'Leberecht', 'Anderswo', 'M', '2010-05-05', '3 Far Lane', 'AD2 2AD');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT child_id AS rosamund FROM contactpoint.source_link WHERE source_ref = 'ad-1' \gset
SELECT child_id AS elsewhere FROM contactpoint.source_link WHERE source_ref = 'ad-3' \gset
SELECT sent IS NOT NULL AS sent FROM contactpoint.source_link WHERE source_ref = 'ad-1';

-- who may: managers of the child's authority and admins
SELECT r AS role, pg_temp.attempt(r, format('SELECT contactpoint.add_alias(%s, ''adopted'', NULL, ''Adoptworth'', ''placement'')', :rosamund)) AS own,
    pg_temp.attempt(r, format('SELECT contactpoint.add_alias(%s, ''adopted'', NULL, ''Adoptworth'', ''placement'')', :elsewhere)) AS other,
    pg_temp.attempt(r, 'SELECT * FROM contactpoint.alias') AS reads,
    pg_temp.attempt(r, 'INSERT INTO contactpoint.alias (child_id, kind, family_name) SELECT child_id, ''birth'', ''Direct'' FROM contactpoint.child LIMIT 1') AS writes
FROM unnest(ARRAY['regress_practitioner', 'regress_social', 'regress_override', 'regress_manager', 'regress_elsewhere', 'regress_feed',
    'regress_auditor', 'regress_admin', 'regress_nobody', 'regress_noaccount', 'regress_suspended', 'regress_lapsed']::name[]) r;

-- what cannot be a name, a kind, a reason, a child
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'adoption';
SELECT contactpoint.add_alias(:rosamund, 'adopted', NULL, NULL, 'placement');
SELECT contactpoint.add_alias(:rosamund, 'adopted', '', 'Adoptworth', 'placement');
SELECT contactpoint.add_alias(:rosamund, 'adopted', NULL, 'X', 'placement');
SELECT contactpoint.add_alias(:rosamund, 'adopted', NULL, '12345', 'placement');
SELECT contactpoint.add_alias(:rosamund, 'adopted', NULL, repeat('Long', 60), 'placement');
SELECT contactpoint.add_alias(:rosamund, NULL, NULL, 'Adoptworth', 'placement');
SELECT contactpoint.add_alias(:rosamund, repeat('kind', 20), NULL, 'Adoptworth', 'placement');
SELECT contactpoint.add_alias(:rosamund, 'adopted', NULL, 'Adoptworth', ' ');
SELECT contactpoint.add_alias(NULL, 'adopted', NULL, 'Adoptworth', 'placement');
SELECT contactpoint.add_alias(1, 'adopted', NULL, 'Adoptworth', 'placement');
-- the name of another known child: no error that would tell of it
SELECT contactpoint.add_alias(:rosamund, 'known as', NULL, 'Nachbarin', 'so called at school');
SELECT contactpoint.add_alias(:rosamund, 'adopted', NULL, 'Adoptworth', 'placement');
-- nor is it told that a name is there already: the feed's, the public one, the same again
SELECT contactpoint.add_alias(:rosamund, 'adopted', NULL, 'Adoptworth', 'placement'),
    contactpoint.add_alias(:rosamund, 'birth', 'Rosamund', 'Birthwright', 'placement');
RESET SESSION AUTHORIZATION;
SELECT count(*) AS written FROM contactpoint.alias WHERE child_id = :rosamund;
SELECT nearness,
    (SELECT count(*) FROM unnest(string_to_array(facts, chr(31))) f WHERE f ~ '^h') AS hidden_names
FROM contactpoint.match_person WHERE child_id = :rosamund;
SELECT count(*) > 0 AS guarded FROM contactpoint.guard_key WHERE child_id = :rosamund;
SELECT sent FROM contactpoint.source_link WHERE source_ref = 'ad-1';

-- both surnames: rows under the adopted name, by any source, make no second record
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('health', 'ad-4', 'Rosamund', 'Adoptworth', 'F', '2013-02-08', '1 Placement Row', 'AD1 1AD'),
    ('health', 'ad-5', 'Rosamund', 'Adopter', 'F', '2013-02-08', NULL, NULL),
    ('school', 'ad-1', 'Rosamund', 'Adoptworth', 'F', '2013-02-08', '9 New Street', 'AD3 3AD');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT ref, coalesce(pg_temp.outcome(ref), '-') IN ('match', 'hold') AS no_second_record FROM unnest(ARRAY['ad-4', 'ad-5', 'ad-1']) ref;
SELECT count(*) AS records FROM contactpoint.child WHERE given_names = 'Rosamund' AND date_of_birth = '2013-02-08';
-- no upload changes the public name, sex or birth date
SELECT given_names, family_name, sex, date_of_birth FROM contactpoint.child WHERE child_id = :rosamund;

-- nor does a score tell of the hidden name, which would climb with each letter that is guessed
SET SESSION AUTHORIZATION regress_feed2;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth) VALUES
    ('other', 'ad-6', 'Rosamund', 'Adopter', 'F', '2013-02-09'),
    ('other', 'ad-7', 'Rosamund', 'Adoptworth', 'F', '2013-02-09');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT count(*) AS held, bool_and(:rosamund = ANY (candidates)) AS near, count(DISTINCT score) AS scores
FROM contactpoint.review WHERE source_ref IN ('ad-6', 'ad-7');

-- a search by the hidden name finds nothing, for anyone
SELECT r AS role, (SELECT pg_temp.attempt(r, 'SET LOCAL contactpoint.reason = ''adoption'';
    DO $d$ BEGIN IF EXISTS (SELECT FROM contactpoint.search(family_name => ''Adoptworth'')) OR
        EXISTS (SELECT FROM contactpoint.search(''Rosamund'', ''Adoptworth'', ''2013-02-08'') WHERE family_name ~ ''Adopt'') OR
        EXISTS (SELECT FROM contactpoint.record WHERE family_name = ''Adoptworth'') THEN RAISE EXCEPTION ''found'' USING ERRCODE = ''FOUND''; END IF; END $d$')) AS finds
FROM unnest(ARRAY['regress_practitioner', 'regress_social', 'regress_override', 'regress_manager', 'postgres']::name[]) r;

-- a feed that sends more names than are matched pushes none of these out
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, alias_names) VALUES
    ('school', 'ad-1', 'Rosamund', 'Birthwright', 'F', '2013-02-08',
     (SELECT jsonb_agg(jsonb_build_object('kind', 'known as', 'family_name', 'Flood' || chr(96 + n) || 'name')) FROM generate_series(1, 15) n));
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
UPDATE contactpoint.alias SET recorded_at = '2001-01-01' WHERE child_id = :rosamund AND source = 'school';
SELECT EXISTS (SELECT FROM contactpoint.name_word w WHERE w.word = 'adoptworth' AND m.facts ~ ('h\d+\|' || w.word_id || '\M')) AS still_keyed
FROM contactpoint.match_person m WHERE child_id = :rosamund;
-- a bound, said aloud
SET SESSION AUTHORIZATION regress_manager;
SELECT count(contactpoint.add_alias(:rosamund, 'other', NULL, 'Bound' || chr(96 + n), 'placement')::text) FROM generate_series(1, 11) n;
SELECT contactpoint.add_alias(:rosamund, 'other', NULL, 'Boundless', 'placement');
RESET SESSION AUTHORIZATION;

-- each call and each refusal is on record, with its reason and without the name
SELECT effective_role, outcome, :rosamund = ANY (children) AS rosamund, count(*),
    bool_or(statement || coalesce(parameters, '') ~ 'dopt|Nachbarin|Bound') AS tells_the_name, bool_and(statement ~ 'because: ') AS gives_the_reason
FROM contactpoint.audit WHERE command = 'add_alias' AND at > :'started' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
DELETE FROM contactpoint.account WHERE role_name = 'regress_lapsed';
DROP ROLE regress_lapsed;
