-- Merge and unmerge: merge loses shield, never; every reference, name and audit fact is
-- kept, and undone both are back, shielded, with who was shown the other's details.
\getenv abs_srcdir PG_ABS_SRCDIR
\set people :abs_srcdir '/people.sql'
\set ways :abs_srcdir '/ways.sql'
\i :people
\i :ways
\set SHOW_CONTEXT never
\pset null '-'
SELECT clock_timestamp() AS started \gset
CREATE FUNCTION pg_temp.keys_are_true() RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    before text := (SELECT md5(string_agg(p.child_id || p.facts || p.nearness, '|' ORDER BY p.child_id)) FROM contactpoint.match_person p);
BEGIN
    IF NOT pg_temp.place_keys_are_true() THEN
        RETURN false;
    END IF;
    PERFORM contactpoint._rekey_batch((SELECT array_agg(c.child_id) FROM contactpoint.known_record c), true);
    RETURN before = (SELECT md5(string_agg(p.child_id || p.facts || p.nearness, '|' ORDER BY p.child_id)) FROM contactpoint.match_person p)
       AND NOT EXISTS (SELECT FROM contactpoint.match_key k WHERE NOT EXISTS (SELECT FROM contactpoint.known_record c WHERE c.child_id = k.child_id));
END $$;
-- what a record is, whatever the shield: names, shield, details with their leaf, references
CREATE FUNCTION pg_temp.picture(of_child bigint) RETURNS TABLE (what text, said text) LANGUAGE sql AS $$
    SELECT 'child', concat_ws(' ', given_names, family_name, sex, date_of_birth, shielded) FROM contactpoint.child WHERE child_id = of_child
    UNION ALL SELECT 'alias', concat_ws(' ', kind, given_names, family_name, source) FROM contactpoint.alias WHERE child_id = of_child
    UNION ALL SELECT tableoid::regclass::text, concat_ws(' ', address, postcode, source) FROM contactpoint.address WHERE child_id = of_child
    UNION ALL SELECT tableoid::regclass::text, concat_ws(' ', full_name, contact, source) FROM contactpoint.carer WHERE child_id = of_child
    UNION ALL SELECT tableoid::regclass::text, concat_ws(' ', service, practitioner, source) FROM contactpoint.involvement WHERE child_id = of_child
    UNION ALL SELECT tableoid::regclass::text, concat_ws(' ', kind, value, source) FROM contactpoint.identifier WHERE child_id = of_child
    UNION ALL SELECT tableoid::regclass::text, organisation_id::text FROM contactpoint.responsibility WHERE child_id = of_child
    UNION ALL SELECT 'link', concat_ws(' ', source, source_ref, authority, sent IS NOT NULL) FROM contactpoint.source_link WHERE child_id = of_child
    UNION ALL SELECT 'shield', concat_ws(' ', category, reason, authority, provisional, lifted_at IS NOT NULL) FROM contactpoint.shield WHERE child_id = of_child
    UNION ALL SELECT 'settled', count(*)::text FROM contactpoint.settlement WHERE child_id = of_child
    ORDER BY 1, 2 $$;

SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode, identifiers, carers, involvements) VALUES
    ('school', 'me-1', 1, 'Zdenka', 'Vielfach', 'F', '2010-02-11', '1 Merging Lane', 'ME1 1ME', '{"upn": "Q820200012345"}',
        '[{"full_name": "Olga Vielfach", "contact": "07700 911771"}]', '[{"service": "school", "practitioner": "Mr Chalk"}]'),
    ('health', 'me-2', 1, 'Sidonie', 'Einfach', 'F', '2010-02-11', '2 Joining Road', 'ME2 2ME', '{"nhs": "485 777 3456"}',
        '[{"full_name": "Olga Einfach", "contact": "07700 911772"}]', NULL),
    ('school', 'me-3', 1, 'Thaddaeus', 'Quirin', 'M', '2008-08-08', '3 Apart Lane', 'ME3 3ME', NULL, NULL, NULL),
    ('health', 'me-4', 1, 'Korbinian', 'Ulbrich', 'M', '2008-08-09', '4 Elsewhere Lane', 'ME4 4ME', NULL, NULL, NULL),
    ('school', 'me-5', 2, 'Leocadia', 'Nordlicht', 'F', '2007-07-07', '5 South Lane', 'ME5 5ME', NULL, NULL, NULL),
    ('health', 'me-6', 1, 'Eulalia', 'Suedwind', 'F', '2007-07-07', '6 North Lane', 'ME6 6ME', NULL, NULL, NULL);
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT child_id AS zdenka FROM contactpoint.source_link WHERE source_ref = 'me-1' \gset
SELECT child_id AS sidonie FROM contactpoint.source_link WHERE source_ref = 'me-2' \gset
SELECT child_id AS quirin FROM contactpoint.source_link WHERE source_ref = 'me-3' \gset
SELECT child_id AS ulbrich FROM contactpoint.source_link WHERE source_ref = 'me-4' \gset
SELECT child_id AS leocadia FROM contactpoint.source_link WHERE source_ref = 'me-5' \gset
SELECT child_id AS eulalia FROM contactpoint.source_link WHERE source_ref = 'me-6' \gset

-- two open records: every detail under its source, the vanished name hidden, every reference and settled row
SET SESSION AUTHORIZATION regress_practitioner;
SET contactpoint.reason = 'before the merge';
SELECT count(*) FROM contactpoint.address WHERE child_id = :sidonie;
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'one child';
SELECT contactpoint.merge(:sidonie, :zdenka, 'seen by the health visitor: one child under two names') AS merge \gset
SELECT count(*) AS still_there FROM contactpoint.child WHERE child_id = :sidonie;
SELECT child_id = :sidonie AS gone, into_child_id = :zdenka AS stays, authority, reason, merged_by, undone_at FROM contactpoint.merge_log WHERE merge_id = :merge;
RESET SESSION AUTHORIZATION;
SELECT * FROM pg_temp.picture(:zdenka);
SELECT pg_temp.keys_are_true();
-- a row under the vanished name is about the record that stayed
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('health', 'me-2', 'Sidonie', 'Einfach', 'F', '2010-02-11', '22 Moved Road', 'ME2 2MM');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT count(*) AS held FROM contactpoint.review WHERE source_ref LIKE 'me-%';
SELECT address FROM contactpoint.address WHERE child_id = :zdenka ORDER BY 1;
-- access_log of the one that stayed tells of both
SET SESSION AUTHORIZATION regress_practitioner;
SET contactpoint.reason = 'after the merge';
SELECT count(*) FROM contactpoint.address WHERE child_id = :zdenka;
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'who looked';
SELECT reason, relation, count(*) FROM contactpoint.access_log(:zdenka) WHERE effective_role = 'regress_practitioner' GROUP BY 1, 2 ORDER BY 1;
RESET SESSION AUTHORIZATION;

-- merge loses shield: the hidden one goes into the open one, and its pending request, its grants and its household with it
SET SESSION AUTHORIZATION regress_manager;
SELECT cardinality(contactpoint.shield(:quirin, 'threats', 'fled')) AS covered;
SELECT contactpoint.grant_access(:quirin, 'regress_social', 'social worker', now() + interval '1 day');
SELECT contactpoint.request_unshield(:quirin, 'said before the merge') AS request \gset
SELECT contactpoint.merge(:quirin, :ulbrich, 'one boy') AS merge2 \gset
RESET SESSION AUTHORIZATION;
SELECT * FROM pg_temp.picture(:ulbrich);
SELECT pg_temp.keys_are_true();
SET SESSION AUTHORIZATION regress_practitioner;
SET contactpoint.reason = 'what is left';
SELECT count(*) AS details FROM contactpoint.address WHERE child_id IN (:quirin, :ulbrich);
SELECT count(*) AS found FROM contactpoint.search(postcode => 'ME4 4ME');
SET SESSION AUTHORIZATION regress_social;
SELECT contactpoint.open_shielded(:ulbrich, 'core group') > now() AS granted;
SET SESSION AUTHORIZATION regress_manager2;
SELECT contactpoint.approve_unshield(:request);
RESET SESSION AUTHORIZATION;
-- two shielded records: grants on one are no grants on what the other hid, and the other way round
SET SESSION AUTHORIZATION regress_manager;
SELECT cardinality(contactpoint.shield(:zdenka, 'threats', 'harm')) AS covered;
SELECT contactpoint.merge(:zdenka, :ulbrich, 'a mistake, to be undone') AS merge3 \gset
SET contactpoint.reason = 'grants';
SELECT grantee, revoke_reason FROM contactpoint.access_grant WHERE child_id = :ulbrich;
SET SESSION AUTHORIZATION regress_social;
SELECT contactpoint.open_shielded(:ulbrich, 'core group');
RESET SESSION AUTHORIZATION;

-- whoever shields a number that has gone means the child; others learn nothing of it
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.shield(:zdenka, 'said of the number that went', 'harm', false) = ARRAY[:ulbrich]::bigint[] AS covered;
SET SESSION AUTHORIZATION regress_elsewhere;
SELECT contactpoint.shield(:zdenka, 'not mine', 'harm', false);
RESET SESSION AUTHORIZATION;

-- undone in the wrong order
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.unmerge(:merge, 'two girls after all');
-- and in the right one: both are back, shielded until somebody has looked at them again
SET contactpoint.reason = 'looked at together';
SELECT contactpoint.open_shielded(:ulbrich, 'looked at together') > now() AS opened;
SELECT count(*) AS shown FROM contactpoint.address WHERE child_id = :ulbrich;
SELECT contactpoint.unmerge(:merge3, 'a mistake') = :zdenka AS back;
SELECT count(*) AS shown FROM contactpoint.address WHERE child_id = :ulbrich;
SELECT contactpoint.close_shielded(:ulbrich);
RESET SESSION AUTHORIZATION;
SELECT * FROM pg_temp.picture(:zdenka);
SELECT * FROM pg_temp.picture(:ulbrich);
SELECT pg_temp.keys_are_true();
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'undone';
SELECT l.kind, l.child_id = :zdenka AS hers, m.effective_role, m.looks, m.relations, m.vault FROM contactpoint.undo_log l
LEFT JOIN contactpoint.mistaken_look m USING (undo_id) WHERE l.shown_as = :ulbrich ORDER BY 2, 3;
-- the first one: what came since goes to where its reference goes
SELECT contactpoint.unmerge(:merge, 'two girls after all') = :sidonie AS back;
RESET SESSION AUTHORIZATION;
SELECT * FROM pg_temp.picture(:sidonie);
SELECT * FROM pg_temp.picture(:zdenka);
SELECT pg_temp.keys_are_true();
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'undone';
SELECT l.child_id = :zdenka AS hers, m.effective_role, m.looks, m.relations FROM contactpoint.undo_log l
JOIN contactpoint.mistaken_look m USING (undo_id) WHERE l.shown_as = :zdenka AND m.effective_role ~ 'regress' ORDER BY 1, 2;
SELECT count(*) > 1 AS looks, count(effective_role) AS names FROM contactpoint.access_log(:sidonie) WHERE relation = 'address';
-- asked again: neither reference is the other's, and each goes on
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('health', 'me-2', 'Sidonie', 'Einfach', 'F', '2010-02-11', '23 Moved Road', 'ME2 2MN'),
    ('school', 'me-1', 'Zdenka', 'Vielfach', 'F', '2010-02-11', '11 Merging Lane', 'ME1 1MF');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT source_ref, l.child_id = :sidonie AS sidonie, a.address, a.tableoid::regclass FROM contactpoint.source_link l
JOIN contactpoint.address a USING (child_id, source) WHERE source_ref IN ('me-1', 'me-2') ORDER BY 1;
SELECT contactpoint.sweep() >= 0 AS swept;
SELECT count(*) AS found_again FROM contactpoint.finding WHERE decided_at IS NULL AND :sidonie = ANY (candidates) AND :zdenka = ANY (candidates);

-- records of two authorities: a manager of each; of a shielded one its own authority's word is enough, and the other learns nothing
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.merge(:leocadia, :eulalia, 'one girl');
SELECT contactpoint.merge(:leocadia, :eulalia, 'one girl, said again');
SET contactpoint.reason = 'waits';
SELECT count(*) AS seen_by_who_asked FROM contactpoint.merge_request;
SET SESSION AUTHORIZATION regress_elsewhere;
SET contactpoint.reason = 'asked';
SELECT child_id = :leocadia AS leocadia, into_child_id = :eulalia AS eulalia, reason, requested_by, organisation_id FROM contactpoint.merge_request;
SELECT contactpoint.merge(:leocadia, :eulalia, 'agreed') IS NOT NULL AS merged;
RESET SESSION AUTHORIZATION;
SELECT * FROM pg_temp.picture(:eulalia);
SELECT count(*) AS requests FROM contactpoint.merge_request;
SELECT merge_id AS merge4 FROM contactpoint.merge_log WHERE child_id = :leocadia \gset
SET SESSION AUTHORIZATION regress_elsewhere;
SELECT contactpoint.unmerge(:merge4, 'not mine');
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.unmerge(:merge4, 'not one') = :leocadia AS back;
SELECT contactpoint.unmerge(:merge4, 'again');
RESET SESSION AUTHORIZATION;
SELECT child_id = :leocadia AS leocadia, organisation_id FROM contactpoint.responsibility WHERE child_id IN (:leocadia, :eulalia) ORDER BY 1;
-- one manager lifts what the undoing placed, for each
SET SESSION AUTHORIZATION regress_elsewhere;
SELECT contactpoint.request_unshield(:leocadia, 'looked at') AS request \gset
SELECT contactpoint.approve_unshield(:request);
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'shielded';
SELECT shielded FROM contactpoint.child WHERE child_id = :leocadia;
-- an open one of another authority, into a shielded one or under its number
SELECT contactpoint.merge(:eulalia, :leocadia, 'hidden under the number that stays') IS NOT NULL AS merged;
RESET SESSION AUTHORIZATION;
SELECT * FROM pg_temp.picture(:leocadia);
SET SESSION AUTHORIZATION regress_elsewhere;
SET contactpoint.reason = 'mine before';
SELECT count(*) AS merges FROM contactpoint.merge_log;
SELECT contactpoint.open_shielded(:leocadia, 'was mine');
RESET SESSION AUTHORIZATION;

-- bad arguments and states
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.merge(:zdenka, :zdenka, 'itself');
SELECT contactpoint.merge(:zdenka, 0, 'nobody');
SELECT contactpoint.merge(:eulalia, :zdenka, 'gone');
SELECT contactpoint.merge(NULL, NULL, NULL);
SELECT contactpoint.merge(:zdenka, :sidonie, ' ');
SELECT contactpoint.unmerge(-1, 'nothing');
SELECT contactpoint.unmerge(NULL, 'nothing');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT contactpoint.merge(:zdenka, :sidonie, 'under an old snapshot');
ROLLBACK;
RESET SESSION AUTHORIZATION;
-- what is kept for undoing is for nobody
SELECT r AS role, pg_temp.attempt_with_reason(r, 'SELECT * FROM contactpoint.merged_record') AS kept, pg_temp.attempt_with_reason(r, 'SELECT * FROM contactpoint.merge_log') AS log,
    pg_temp.attempt_with_reason(r, 'SELECT * FROM contactpoint.merge_request') AS requests, pg_temp.attempt_with_reason(r, 'SELECT * FROM contactpoint.undo_log, contactpoint.mistaken_look') AS undone
FROM unnest(ARRAY['regress_practitioner', 'regress_social', 'regress_override', 'regress_manager', 'regress_feed', 'regress_auditor', 'regress_admin', 'regress_nobody', 'regress_noaccount']::name[]) r;

-- each call and each refusal is on record, with both children
SELECT effective_role, command, outcome, cardinality(children) AS children, count(*) FROM contactpoint.audit
WHERE command IN ('merge', 'unmerge') AND at > :'started' GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4;
