-- Shielded before any feed names the child: born shielded, whatever the spelling.
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

-- who may place one, list them, withdraw one
SELECT r AS role, pg_temp.answer(r, 'SELECT contactpoint.shield_in_advance(''Isolde'', ''Vorabname'', ''2016-04-14'', ''at birth'', ''harm'')') AS places,
    pg_temp.answer(r, 'SELECT * FROM contactpoint.advance_shields') AS lists
FROM unnest(ARRAY['regress_practitioner', 'regress_social', 'regress_override', 'regress_manager', 'regress_elsewhere', 'regress_feed',
    'regress_auditor', 'regress_admin', 'regress_nobody', 'regress_noaccount', 'regress_suspended', 'regress_lapsed']::name[]) r;
SELECT r AS role, pg_temp.answer(r, 'SELECT contactpoint.withdraw_advance(123456789012, ''over'')') AS withdraws
FROM unnest(ARRAY['regress_practitioner', 'regress_social', 'regress_override', 'regress_manager', 'regress_elsewhere', 'regress_feed',
    'regress_auditor', 'regress_admin', 'regress_nobody', 'regress_noaccount', 'regress_suspended', 'regress_lapsed']::name[]) r;

SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'in advance';
SELECT contactpoint.shield_in_advance('Isolde', 'Vorabname', NULL, 'at birth', 'harm');
SELECT contactpoint.shield_in_advance('Isolde', 'Vorabname', 'infinity', 'at birth', 'harm');
SELECT contactpoint.shield_in_advance('Isolde', 'Vorabname', '1899-12-31', 'at birth', 'harm');
SELECT contactpoint.shield_in_advance('Isolde', 'Vorabname', current_date + 3, 'at birth', 'harm');
SELECT contactpoint.shield_in_advance('', 'Vorabname', '2016-04-14', 'at birth', 'harm');
SELECT contactpoint.shield_in_advance('Isolde', NULL, '2016-04-14', 'at birth', 'harm');
SELECT contactpoint.shield_in_advance('Isolde', 'Vorabname', '2016-04-14', NULL, 'harm');
SELECT contactpoint.shield_in_advance('Isolde', 'Vorabname', '2016-04-14', 'at birth', 'no such');
SELECT contactpoint.shield_in_advance('Isolde', 'Vorabname', '2016-04-14', 'at birth', 'harm') AS isolde \gset
SELECT contactpoint.shield_in_advance('isolde', 'VORABNAME', '2016-04-14', 'again', 'harm');
SELECT contactpoint.shield_in_advance('Tristan', 'Erwartet', '2015-05-15', 'before the move', 'adoption') AS tristan \gset
SELECT contactpoint.shield_in_advance('Kunigunde', 'Widerrufen', '2014-06-16', 'before the move', 'fled') AS kunigunde \gset
SELECT contactpoint.shield_in_advance('Parzival Gurnemanz', 'Kommend', '2013-07-17', 'before the move', 'harm') AS parzival \gset
SELECT given_names, family_name, date_of_birth, category, reason, placed_by, state FROM contactpoint.advance_shields WHERE placed_at > :'started';
-- another authority is told nothing, and may expect the same child
SET SESSION AUTHORIZATION regress_elsewhere;
SET contactpoint.reason = 'in advance';
SELECT count(*) FROM contactpoint.advance_shields;
SELECT contactpoint.withdraw_advance(:isolde, 'over');
SELECT contactpoint._child_number_valid(contactpoint.shield_in_advance('Tristan', 'Erwartet', '2015-05-15', 'ours too', 'harm')) AS placed;
RESET SESSION AUTHORIZATION;
-- to everybody it is no record
SELECT pg_temp.answer('regress_manager', format(q, :isolde)) FROM unnest(ARRAY['SELECT contactpoint.open_shielded(%s, ''look'')',
    'SELECT contactpoint.shield(%s, ''look'', ''harm'')', 'SELECT contactpoint.grant_access(%s, ''regress_social'', ''look'', now() + interval ''1 day'')']) q;
SELECT count(*) FROM contactpoint.child WHERE child_id = :isolde;
SELECT r AS role, pg_temp.answer(r, 'SELECT * FROM contactpoint.hidden_record') AS reads FROM unnest(ARRAY['regress_manager', 'regress_admin', 'regress_auditor']::name[]) r;

-- a feed brings them, misspelt; nobody is born in the open
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('school', 'ia-1', 'Isolde', 'Vorabnahme', 'F', '2016-04-14', '1 Advance Lane', 'IA1 1IA'),
    ('school', 'ia-2', 'Tristan', 'Ganzanders', 'M', '2015-05-15', '2 Advance Lane', 'IA1 1IA'),
    ('school', 'ia-3', 'Tristan', 'Erwartet', 'M', '2015-05-15', '3 Advance Lane', 'IA1 1IA'),
    ('school', 'ia-4', 'Isolde', 'Vorabname', 'F', '2016-04-14', '4 Advance Lane', 'IA1 1IA'),
    ('school', 'ia-7', 'Parzifal', 'Anderswer', 'M', '2013-07-17', '7 Advance Lane', 'IA1 1IA'),
    ('school', 'ia-10', 'Parzival Gurnemanz', 'Ganzfremd', 'M', '2013-07-18', '8 Advance Lane', 'IA1 1IA'),
    ('school', 'ia-8', NULL, NULL, 'M', '2013-07-17', '7 Advance Lane', 'IA1 1IA'),
    ('school', 'ia-5', 'Waldtraut', 'Unbeteiligt', 'F', '2016-04-14', '5 Advance Lane', 'IA2 2IA');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT ref, pg_temp.outcome(ref), r.shielded, r.authority IN (1, 2) AS authority, r.score, :isolde = ANY (r.candidates) AS isolde, :tristan = ANY (r.candidates) AS tristan
FROM unnest(ARRAY['ia-1', 'ia-2', 'ia-3', 'ia-4', 'ia-5', 'ia-7', 'ia-8', 'ia-10']) WITH ORDINALITY u(ref, n)
LEFT JOIN contactpoint.review r ON r.source_ref = ref AND r.decided_at IS NULL ORDER BY n;
SELECT count(*) AS in_the_open FROM contactpoint.child WHERE NOT shielded AND (date_of_birth, given_names) IN (('2016-04-14', 'Isolde'), ('2015-05-15', 'Tristan'), ('2013-07-17', 'Parzifal'));
SELECT count(*) AS places_in_the_open FROM contactpoint.address_open WHERE postcode = 'IA1 1IA';
-- a receipt tells nothing of it
SET SESSION AUTHORIZATION regress_feed;
SELECT count(*) AS receipts, count(DISTINCT (source, batch, received_at IS NULL)) AS kinds FROM contactpoint.upload_receipt WHERE source_ref LIKE 'ia-%';
RESET SESSION AUTHORIZATION;

-- a row that says too little of its own makes no record
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, date_of_birth, alias_names) VALUES
    ('school', 'ia-9', '2014-06-16', '[{"kind": "birth", "given_names": "Kunigunde", "family_name": "Widerrufen"}]');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT pg_temp.outcome('ia-9'), r.reason, r.candidates = ARRAY[:kunigunde]::bigint[] AS kunigunde FROM contactpoint.review r WHERE source_ref = 'ia-9';
SELECT review_id AS held9 FROM contactpoint.review WHERE source_ref = 'ia-9' \gset
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.decide(:held9, 'same', :kunigunde);
RESET SESSION AUTHORIZATION;

-- decided by a person: the expected child, under its number; somebody else, born shielded
SELECT review_id AS held2 FROM contactpoint.review WHERE source_ref = 'ia-2' AND decided_at IS NULL \gset
SELECT review_id AS held7 FROM contactpoint.review WHERE source_ref = 'ia-7' AND decided_at IS NULL \gset
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'in advance';
SELECT contactpoint.decide(:held7, 'same', :parzival) = :parzival AS born;
RESET SESSION AUTHORIZATION;
-- (two authorities expect this one, and either may have the review)
SELECT contactpoint.decide(:held2, 'new') <> :tristan AS somebody_else;
SELECT c.shielded, c.family_name, s.category, s.provisional, s.placed_by, m.nearness, (SELECT count(*) FROM contactpoint.alias a WHERE a.child_id = c.child_id) AS hidden_names
FROM contactpoint.child c JOIN contactpoint.shield s USING (child_id) JOIN contactpoint.match_person m USING (child_id) WHERE c.child_id IN (:isolde, :parzival) ORDER BY c.family_name;
SELECT count(*) AS expected FROM contactpoint.hidden_record WHERE child_id IN (:isolde, :parzival);
SELECT c.shielded, s.provisional FROM contactpoint.child c JOIN contactpoint.shield s USING (child_id) WHERE c.family_name = 'Ganzanders';
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'in advance';
SELECT given_names, state, used_at IS NOT NULL AS used FROM contactpoint.advance_shields WHERE placed_at > :'started';
SELECT contactpoint.withdraw_advance(:isolde, 'over');
-- now it is a record like any other that is shielded
SELECT contactpoint.open_shielded(:isolde, 'visit') > now() AS opened;
SELECT address, source FROM contactpoint.address WHERE child_id = :isolde ORDER BY 1;
SELECT organisation_id FROM contactpoint.responsibility WHERE child_id = :isolde;
-- placing is refused where the child has a record that everybody sees, and not for a hidden name
SELECT contactpoint.shield_in_advance('Waldtraut', 'Unbeteiligt', '2016-04-14', 'too late', 'harm');
SELECT contactpoint.add_alias(child_id, 'birth', NULL, 'Verborgen', 'hidden') FROM contactpoint.child WHERE family_name = 'Unbeteiligt';
SELECT contactpoint._child_number_valid(contactpoint.shield_in_advance('Waldtraut', 'Verborgen', '2016-04-14', 'guessing', 'harm')) AS no_oracle;

-- withdrawing takes two
SELECT contactpoint.withdraw_advance(:kunigunde, 'the danger is over');
SELECT contactpoint.withdraw_advance(:kunigunde, 'the danger is over');
SELECT contactpoint.withdraw_advance(NULL, 'the danger is over');
SELECT contactpoint.withdraw_advance(:kunigunde, '');
SET SESSION AUTHORIZATION regress_manager2;
SET contactpoint.reason = 'in advance';
SELECT contactpoint.withdraw_advance(:kunigunde, 'so it is');
SELECT contactpoint.withdraw_advance(:kunigunde, 'so it is');
SELECT state, withdrawal_asked_by, withdrawn_by FROM contactpoint.advance_shields WHERE child_id = :kunigunde;
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth) VALUES
    ('school', 'ia-6', 'Kunigunde', 'Widerrufen', 'F', '2014-06-16');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT pg_temp.outcome('ia-6'), c.shielded FROM contactpoint.child c WHERE c.family_name = 'Widerrufen';

-- each call and each refusal is on record, without the name
SELECT command, effective_role, outcome, count(*), bool_or(statement || coalesce(parameters, '') ~* 'isolde|tristan|kunigunde') AS tells_the_name
FROM contactpoint.audit WHERE command IN ('shield_in_advance', 'withdraw_advance') AND at > :'started' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
SELECT count(*) > 0 AS number_is_on_record FROM contactpoint.audit WHERE command = 'shield_in_advance' AND outcome = 'done' AND children @> ARRAY[:isolde]::bigint[];
DELETE FROM contactpoint.account WHERE role_name = 'regress_lapsed';
DROP ROLE regress_lapsed;
