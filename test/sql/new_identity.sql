-- A new number and name: the former record leaves child, goes on matching, and nothing that
-- anybody reads leads from one to the other but an override, which is an alert.
\getenv abs_srcdir PG_ABS_SRCDIR
\set people :abs_srcdir '/people.sql'
\set ways :abs_srcdir '/ways.sql'
\i :people
\i :ways
\set SHOW_CONTEXT never
\pset null '-'
SELECT clock_timestamp() AS started \gset

CREATE FUNCTION pg_temp.tables_with(child bigint) RETURNS SETOF regclass LANGUAGE plpgsql AS $$
DECLARE
    rel regclass;
    found bigint;
BEGIN
    FOR rel IN SELECT a.attrelid::regclass FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        WHERE a.attname = 'child_id' AND c.relnamespace = 'contactpoint'::regnamespace AND c.relkind = 'r' ORDER BY c.relname LOOP
        EXECUTE format('SELECT count(*) FROM %s WHERE child_id = $1', rel) INTO found USING child;
        IF found > 0 THEN
            RETURN NEXT rel;
        END IF;
    END LOOP;
END $$;
CREATE ROLE regress_lapsed LOGIN IN ROLE contactpoint_manager, contactpoint_override;
INSERT INTO contactpoint.account VALUES ('regress_lapsed', 1, 'Lapsed', current_date - 1, current_date + 9);

-- a child placed for adoption: the birth family's address, where a sister still lives, and the placement's
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, batch, authority, given_names, family_name, sex, date_of_birth, address, postcode, identifiers, carers, involvements) VALUES
    ('school', 'ni-1', 'ni', 1, 'Melisande', 'Geburtsname', 'F', '2012-09-17', '1 Birth Lane', 'NI1 1NI', '{"nhs": "9990417313"}',
        '[{"full_name": "Mother Geburtsname", "contact": "020 7946 0321"}]', '[{"service": "school", "organisation": "Birth School"}]'),
    ('school', 'ni-2', 'ni', 1, 'Sieglinde', 'Geburtsname', 'F', '2014-10-18', '1 Birth Lane', 'NI1 1NI', NULL, NULL, NULL),
    ('health', 'ni-3', 'ni', 1, 'Melisande', 'Geburtsname', 'F', '2012-09-17', '7 Placement Walk', 'NI2 2NI', NULL,
        '[{"full_name": "Foster Parent", "contact": "020 7946 0654"}]', NULL),
    ('school', 'ni-4', 'ni', 1, 'Ludmilla', 'Zeugin', 'F', '2009-01-03', '8 Other Walk', 'NI3 3NI', NULL, NULL, NULL);
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT child_id AS old FROM contactpoint.source_link WHERE source_ref = 'ni-1' \gset
SELECT child_id AS sister FROM contactpoint.source_link WHERE source_ref = 'ni-2' \gset
SELECT count(DISTINCT child_id) AS one FROM contactpoint.source_link WHERE source_ref IN ('ni-1', 'ni-3');
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'identity';
SELECT contactpoint.add_alias(:old, 'adopted', NULL, 'Wunschname', 'placement'),
    contactpoint.add_alias(:old, 'birth', NULL, 'Altname', 'as registered');
SELECT cardinality(contactpoint.shield(:old, 'placement at risk', 'adoption', false)) AS shielded;
SELECT contactpoint.grant_access(:old, 'regress_social', 'social worker', now() + interval '1 day');
SELECT contactpoint.request_unshield(:old, 'by mistake') IS NOT NULL AS asked;
SELECT min(shared) AS gap FROM contactpoint.shield_gaps WHERE child_id = :old;
RESET SESSION AUTHORIZATION;
-- one row is held near it already
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth) VALUES
    ('health', 'ni-5', 'Melisande', 'Irgendwie', 'F', '2012-09-17');
SET SESSION AUTHORIZATION regress_practitioner;
SET contactpoint.reason = 'a look before';
SELECT count(*) FROM contactpoint.child WHERE child_id = :old;
SET SESSION AUTHORIZATION regress_override;
SET contactpoint.reason = 'a look before';
SELECT contactpoint.open_shielded(:old, 'night duty', true) > now() AS opened;
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();

-- who may
SELECT r AS role, pg_temp.answer(r, format('SELECT contactpoint.new_identity(%s, ''Melisande'', ''Wunschname'', ''order'')', :old)) AS new_identity
FROM unnest(ARRAY['regress_practitioner', 'regress_social', 'regress_override', 'regress_manager', 'regress_elsewhere', 'regress_feed',
    'regress_auditor', 'regress_admin', 'regress_nobody', 'regress_noaccount', 'regress_suspended', 'regress_lapsed']::name[]) r;
-- an alert is followed up first: who looked may know the way
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'identity';
SELECT contactpoint.follow_up(alert_id, 'in order') FROM contactpoint.alerts_due WHERE child_id = :old;
SELECT contactpoint.new_identity(:old, 'Melisande', 'Geburtsname', 'the same name');
SELECT contactpoint.new_identity(:old, NULL, 'Wunschname', 'order');
SELECT contactpoint.new_identity(:old, 'Melisande', '?', 'order');
SELECT contactpoint.new_identity(:old, 'Melisande', 'Wunschname', '');
SELECT contactpoint.new_identity(NULL, 'Melisande', 'Wunschname', 'order');
SELECT contactpoint.new_identity(1, 'Melisande', 'Wunschname', 'order');
SELECT contactpoint.new_identity(:old, 'Melisande', 'Wunschname', 'adoption order') AS new \gset
RESET SESSION AUTHORIZATION;
SELECT :old <> :new AS another_number, contactpoint._child_number_valid(:new) AS valid;

-- the new record: shielded from the first moment, same birth date and sex, details in the vault
SELECT given_names, family_name, sex, date_of_birth, shielded FROM contactpoint.child WHERE child_id = :new;
SELECT category, provisional, lifted_at FROM contactpoint.shield WHERE child_id = :new;
SELECT nearness FROM contactpoint.match_person WHERE child_id = :new;
SELECT address FROM contactpoint.address_vault WHERE child_id = :new;
SELECT full_name FROM contactpoint.carer_vault WHERE child_id = :new ORDER BY 1;
SELECT value FROM contactpoint.identifier_vault WHERE child_id = :new;
SELECT organisation_id FROM contactpoint.responsibility_vault WHERE child_id = :new;
SELECT count(*) AS aliases FROM contactpoint.alias WHERE child_id = :new;
-- the former one is in no table that anybody reads
SELECT rel FROM pg_temp.tables_with(:old) rel;
SELECT DISTINCT relation FROM contactpoint.former_row WHERE child_id = :old ORDER BY 1;
SELECT pg_temp.place_keys_are_true();
-- what the sister's open record shares, and a carer of the birth name, would lead from one name to the other: they stay behind
SELECT relation, coalesce(content->>'address', content->>'full_name') AS left_behind FROM contactpoint.former_row
WHERE relation IN ('address', 'carer', 'involvement') ORDER BY 1;
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'identity';
SELECT count(*) AS gaps FROM contactpoint.shield_gaps WHERE child_id IN (:old, :new);

-- two public records with one given name and birth date would list both
SELECT given_names, family_name FROM contactpoint.search('Melisande', date_of_birth => '2012-09-17');
SELECT count(*) AS under_the_birth_name FROM contactpoint.search(family_name => 'Geburtsname', date_of_birth => '2012-09-17');

-- the old number: no such record, and no word of another
SELECT count(*) FROM contactpoint.record WHERE child_id = :old;
SELECT contactpoint.new_identity(:old, 'Once', 'More', 'again');
SELECT contactpoint.add_alias(:old, 'birth', NULL, 'More', 'again');
SELECT contactpoint.shield(:old, 'again', 'harm');
SELECT contactpoint.open_shielded(:old, 'again');
SELECT contactpoint.grant_access(:old, 'regress_social', 'again', now() + interval '1 day');
SELECT contactpoint.request_unshield(:old, 'again');
INSERT INTO contactpoint.address (child_id, address) VALUES (:old, 'again');
SELECT count(*) AS links FROM contactpoint.source_link WHERE source_ref IN ('ni-1', 'ni-3');
SELECT count(*) AS shields FROM contactpoint.shield WHERE child_id = :old;
SELECT count(*) > 0 AS looks, count(*) FILTER (WHERE command ~ 'identity') AS tells FROM contactpoint.access_log(:old);
SET SESSION AUTHORIZATION regress_auditor;
SET contactpoint.reason = 'audit';
SELECT command, effective_role, reason FROM contactpoint.access_log(:old) WHERE command = 'SELECT' AND relation = 'child';
SELECT count(*) AS entries_that_name_both FROM contactpoint.audit WHERE children @> ARRAY[:old, :new]::bigint[];
SELECT statement FROM contactpoint.audit WHERE command = 'new_identity' AND outcome = 'done' AND at > :'started';
SET SESSION AUTHORIZATION regress_override;
SET contactpoint.reason = 'identity';
SELECT contactpoint.open_shielded(:old, 'again', true);
RESET SESSION AUTHORIZATION;
-- a grant on the former record opens neither
SELECT pg_temp.answer('regress_social', format('SELECT contactpoint.open_shielded(%s, ''visit'')', n)) FROM unnest(ARRAY[:old, :new]) n;
-- nobody reads the tables behind
SELECT r AS role, count(*) FILTER (WHERE pg_temp.answer(r, format('SELECT count(*) FROM contactpoint.%I', t)) = '00000') AS readable
FROM unnest(ARRAY['regress_practitioner', 'regress_social', 'regress_override', 'regress_manager', 'regress_auditor', 'regress_admin']::name[]) r,
    unnest(ARRAY['hidden_record', 'former_identity', 'former_reference', 'former_row', 'known_record', 'match_person']) t GROUP BY 1 ORDER BY 1;

-- uploads under the old names or references: held, shielded, attached to nothing and new to nobody; under the new name: the new record
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode, identifiers, alias_names) VALUES
    ('school', 'ni-1', 'Melisande', 'Geburtsname', 'F', '2012-09-17', '1 Birth Lane', 'NI1 1NI', '{"nhs": "9990417313"}', NULL),
    ('health', 'ni-3', 'Melisande', 'Wunschname', 'F', '2012-09-17', '9 Adoptive Close', 'NI9 9NI', NULL, NULL),
    ('health', 'ni-6', 'Melisande', 'Geburtsname', 'F', '2012-09-17', '1 Birth Lane', 'NI1 1NI', NULL, NULL),
    ('health', 'ni-7', 'Mellisande', 'Gebuhrtsname', 'F', '2012-09-17', NULL, NULL, NULL, NULL),
    ('health', 'ni-8', 'Melisande', 'Altname', 'F', '2012-09-17', NULL, NULL, NULL, NULL),
    ('health', 'ni-9', 'Namenlos', 'Unbekannt', 'F', '2012-09-17', NULL, NULL, '{"nhs": "999 041 7313"}', NULL),
    ('health', 'ni-10', 'Melisande', 'Geburtsname', 'F', '2012-09-17', NULL, NULL, NULL, '[{"kind": "adopted", "family_name": "Wunschname"}]'),
    ('health', 'ni-11', 'Melisande', 'Wunschname', 'F', '2012-09-17', NULL, NULL, NULL, '[{"kind": "birth", "family_name": "Geburtsname"}]'),
    ('health', 'ni-12', 'Melisande', 'Wunschname', 'F', '2012-09-17', '9 Adoptive Close', 'NI9 9NI', '{"upn": "N908070605040"}', NULL),
    ('school', 'ni-2', 'Sieglinde', 'Geburtsname', 'F', '2014-10-18', '1 Birth Lane', 'NI1 1NI', NULL, NULL);
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT ref, pg_temp.outcome(ref), r.shielded, r.authority, r.score, r.reason, CASE WHEN :old = ANY (r.candidates) THEN 'former' END AS shows_former,
    CASE WHEN :new = ANY (r.candidates) THEN 'present' END AS shows_present
FROM unnest(ARRAY['ni-1', 'ni-3', 'ni-5', 'ni-6', 'ni-7', 'ni-8', 'ni-9', 'ni-10', 'ni-11', 'ni-12', 'ni-2']) WITH ORDINALITY u(ref, n)
LEFT JOIN contactpoint.review r ON r.source_ref = ref AND r.decided_at IS NULL ORDER BY n;
SELECT count(*) AS both_in_one_review FROM contactpoint.review WHERE candidates @> ARRAY[:old, :new]::bigint[];
SELECT address FROM contactpoint.address_vault WHERE child_id = :new ORDER BY 1;
SELECT count(*) AS records FROM contactpoint.child WHERE date_of_birth = '2012-09-17';
-- also where all else speaks for the new record, or the given name and the birth date alone for the former; and a former reference that means somebody else now
SELECT child_id AS ludmilla FROM contactpoint.source_link WHERE source_ref = 'ni-4' \gset
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.new_identity(:ludmilla, 'Leonora', 'Schutzname', 'protected witness') AS leonora \gset
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode, identifiers, alias_names) VALUES
    ('school', 'ni-16', 'Melisande', 'Geburtsname', 'F', '2012-09-17', '9 Adoptive Close', 'NI9 9NI', '{"upn": "N908070605040"}', '[{"kind": "adopted", "family_name": "Wunschname"}]'),
    ('school', 'ni-17', 'Melisande', 'Geburtsname', 'F', '2012-09-17', '9 Adoptive Close', 'NI9 9NI', NULL, NULL),
    ('school', 'ni-19', 'Ludmilla', 'Irgendwer', 'M', '2009-01-03', NULL, NULL, NULL, NULL),
    ('school', 'ni-4', 'Wolfhart', 'Wiederverwendet', 'M', '2017-02-02', NULL, NULL, NULL, NULL);
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT ref, pg_temp.outcome(ref), r.shielded, r.reason, :new = ANY (r.candidates) AS shows_present
FROM unnest(ARRAY['ni-16', 'ni-17', 'ni-19', 'ni-4']) ref LEFT JOIN contactpoint.review r ON r.source_ref = ref AND r.decided_at IS NULL;
-- a later row of a held reference leads from one to the other no more than the first
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth) VALUES
    ('health', 'ni-6', 'Melisande', 'Wunschname', 'F', '2012-09-17');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT count(*) AS both_in_one_review FROM contactpoint.review WHERE candidates @> ARRAY[:old, :new]::bigint[];

-- a person does not attach them to the old number, makes no record in the old name, and guesses no new number
SELECT review_id AS held FROM contactpoint.review WHERE source_ref = 'ni-5' AND decided_at IS NULL \gset
SELECT review_id AS held7 FROM contactpoint.review WHERE source_ref = 'ni-7' AND decided_at IS NULL \gset
SELECT review_id AS held6 FROM contactpoint.review WHERE source_ref = 'ni-6' AND decided_at IS NULL \gset
SELECT review_id AS held3 FROM contactpoint.review WHERE source_ref = 'ni-3' AND decided_at IS NULL \gset
SELECT upload_id AS upload6 FROM contactpoint.review WHERE review_id = :held6 \gset
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'identity';
SELECT contactpoint.decide(:held6, 'same', :old);
SELECT contactpoint.decide(:held6, 'same', :new);
SELECT contactpoint.decide(:held6, 'new');
SELECT contactpoint.decide(:held7, 'new');
SELECT child_id = :old AS former, field, score, outcome FROM contactpoint.explain_match(:upload6);
-- another child, of the same given name, is born shielded, as near any shielded record
SELECT contactpoint.decide(:held, 'new') AS other \gset
RESET SESSION AUTHORIZATION;
SELECT shielded FROM contactpoint.child WHERE child_id = :other;

-- no record in the old name by hand either
SET SESSION AUTHORIZATION regress_elsewhere;
INSERT INTO contactpoint.child (given_names, family_name, sex, date_of_birth) VALUES ('Melisande', 'Geburtsname', 'F', '2012-09-17');
RESET SESSION AUTHORIZATION;

-- the link: a warning, an alert, the answer
SELECT r AS role, pg_temp.answer(r, format('SELECT contactpoint.former_identity(%s, ''court'', true)', :old)) AS asks
FROM unnest(ARRAY['regress_practitioner', 'regress_social', 'regress_override', 'regress_manager', 'regress_elsewhere', 'regress_feed',
    'regress_auditor', 'regress_admin', 'regress_nobody', 'regress_noaccount', 'regress_suspended', 'regress_lapsed']::name[]) r;
GRANT contactpoint_override TO regress_manager2;
SET SESSION AUTHORIZATION regress_manager2;
SET contactpoint.reason = 'identity';
SELECT contactpoint.former_identity(:old, 'court asks');
SELECT contactpoint.former_identity(1, 'court asks');
SELECT contactpoint.former_identity(1, 'court asks', true);
SELECT contactpoint.former_identity(:sister, 'court asks', true);
SELECT contactpoint.former_identity(NULL, 'court asks', true);
SELECT contactpoint.former_identity(:old, '', true);
-- rolled back: no alert, no answer
BEGIN;
SELECT contactpoint.former_identity(:old, 'to roll back', true) ? 'open_until' AS opens;
SELECT contactpoint.former_identity(:old, 'to roll back', true) ? 'former' AS tells;
ROLLBACK;
SELECT count(*) AS alerts FROM contactpoint.alerts_due WHERE of_identity;
SELECT contactpoint.former_identity(:old, 'court asks', true) ? 'open_until' AS opens;
SELECT child_id = :new AS about_the_new_one, opened_by, reason, of_identity FROM contactpoint.alerts_due WHERE child_id = :new;
SELECT f->>'given_names' AS given_names, f->>'family_name' AS family_name, f->>'child_id' = :'old' AS old, j->>'child_id' = :'new' AS new
FROM contactpoint.former_identity(:old, 'court asks', true) j, jsonb_array_elements(j->'former') f;
SELECT contactpoint.former_identity(:new, 'court asks', true) ? 'former' AS by_the_new_number;
-- it opens no detail
SELECT count(*) AS details FROM contactpoint.address WHERE child_id = :new;
-- who has seen the link may attach a row to the child it is about; the other one is a new candidate
SELECT contactpoint.decide(:held6, 'same', :new), contactpoint.decide(:held3, 'same', :new);
SELECT contactpoint.decide(:held6, 'same', :new) = :new AS decided;
SELECT contactpoint.decide(:held3, 'same', :new) = :new AS decided;
RESET SESSION AUTHORIZATION;
REVOKE contactpoint_override FROM regress_manager2;
SELECT child_id = :new AS linked FROM contactpoint.source_link WHERE source_ref IN ('ni-3', 'ni-6');
-- what was decided is remembered; under the old name with anything else the reference is held again
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('health', 'ni-6', 'Melisande Ada', 'Geburtsname', 'F', '2012-09-17', '1 Birth Lane', 'NI1 1NI'),
    ('health', 'ni-3', 'Melisande', 'Wunschname', 'F', '2012-09-17', '9 Adoptive Close', 'NI9 9NI');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT ref, pg_temp.outcome(ref) FROM unnest(ARRAY['ni-6', 'ni-3']) ref;

-- an open record that is a second one of a former identity: at risk, and named with one number
SELECT contactpoint._child_number() AS second \gset
SET contactpoint.restoring = on;
INSERT INTO contactpoint.child (child_id, given_names, family_name, sex, date_of_birth)
    VALUES (:second, 'Melisande', 'Geburtsname', 'F', '2012-09-17');
RESET contactpoint.restoring;
SELECT contactpoint.validate_restore() > 0 AS restored;
SET SESSION AUTHORIZATION regress_admin;
SELECT contactpoint.sweep() > 0 AS found;
RESET SESSION AUTHORIZATION;
SELECT f.authority, f.candidates[2] = :old AS former, f.at_risk, f.score FROM contactpoint.finding f WHERE f.candidates[1] = :second AND :old = ANY (f.candidates);
SELECT count(*) AS leads_on FROM contactpoint.finding f WHERE f.candidates[1] = :second AND :new = ANY (f.candidates);
SELECT count(*) AS at_risk FROM contactpoint.uploads_at_risk WHERE child_id = :second;

-- all private keys anew: former identities keep theirs
CREATE TEMP TABLE before (child_id bigint, nearness int, facts text);
CREATE TEMP TABLE guarded (child_id bigint, keys bigint);
\o /dev/null
INSERT INTO before SELECT child_id, nearness, facts FROM contactpoint.match_person;
INSERT INTO guarded SELECT child_id, count(*) FROM contactpoint.guard_key GROUP BY 1;
\o
SET SESSION AUTHORIZATION regress_admin;
SELECT contactpoint.rekey('1 minute') > 0 AS rekeyed;
RESET SESSION AUTHORIZATION;
SELECT count(*) AS changed FROM (SELECT * FROM before EXCEPT SELECT child_id, nearness, facts FROM contactpoint.match_person) d;
SELECT count(*) AS changed FROM (SELECT * FROM guarded EXCEPT SELECT child_id, count(*) FROM contactpoint.guard_key GROUP BY 1) d;
SELECT nearness FROM contactpoint.match_person WHERE child_id = :old;
SET contactpoint.allow_drop = on;
SELECT contactpoint._rekey_all() = (SELECT count(*) FROM contactpoint.known_record) AS all_of_them;
RESET contactpoint.allow_drop;
SELECT count(*) AS changed FROM (SELECT child_id, nearness FROM before EXCEPT SELECT child_id, nearness FROM contactpoint.match_person) d;

-- once more: a third number, and still one line
SET contactpoint.restoring = on;
DELETE FROM contactpoint.child WHERE child_id = :second;
RESET contactpoint.restoring;
SELECT contactpoint.validate_restore() > 0 AS restored;
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'identity';
SELECT contactpoint.follow_up(alert_id, 'in order') FROM contactpoint.alerts_due WHERE child_id = :new;
SELECT contactpoint.new_identity(:new, 'Cosima', 'Drittname', 'found by the birth family') AS third \gset
RESET SESSION AUTHORIZATION;
SELECT contactpoint._shown(ARRAY[:third, :sister], ARRAY[:old, :new]) = ARRAY[:third, :sister]::bigint[] AS one_of_each;
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth) VALUES
    ('health', 'ni-3', 'Melisande', 'Wunschname', 'F', '2012-09-17'),
    ('health', 'ni-13', 'Cosima', 'Drittname', 'F', '2012-09-17');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT ref, pg_temp.outcome(ref) FROM unnest(ARRAY['ni-3', 'ni-13']) ref;
SELECT contactpoint._present_number(:old) = :third AS first_to_third, contactpoint._present_number(:new) = :third AS second_to_third;

-- the record is merged into another, and parted again: the former numbers follow
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth) VALUES
    ('school', 'ni-18', 1, 'Thusnelda', 'Zweitakte', 'F', '2003-03-13');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT child_id AS twofold FROM contactpoint.source_link WHERE source_ref = 'ni-18' \gset
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.merge(:third, :twofold, 'one child') AS merge \gset
RESET SESSION AUTHORIZATION;
SELECT contactpoint._present_number(:old) = :twofold AS first_follows, contactpoint._present_number(:new) = :twofold AS second_follows;
SELECT contactpoint._shown(ARRAY[:old, :twofold, :new], '{}') = ARRAY[:old]::bigint[] AS one_of_them;
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.unmerge(:merge, 'two children') = :third AS parted;
RESET SESSION AUTHORIZATION;
SELECT contactpoint._present_number(:old) = :third AS first_follows, contactpoint._present_number(:new) = :third AS second_follows;

-- a child that was not shielded: what others saw of it becomes the authority's
SELECT count(*) FILTER (WHERE shielded) AS shielded, count(*) AS records FROM contactpoint.child WHERE date_of_birth = '2009-01-03';
SELECT address FROM contactpoint.address_vault WHERE child_id = :leonora;
SELECT count(*) AS still_open FROM contactpoint.address_open WHERE postcode = 'NI3 3NI';
-- the new name is a known child's: an error that rests on what everybody sees
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.new_identity(:sister, 'Leonora', 'Schutzname', 'by mistake') IS NOT NULL AS another_birth_date;
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth) VALUES
    ('school', 'ni-14', 1, 'Eins', 'Doppelt', 'F', '2006-03-04'), ('school', 'ni-15', 1, 'Zwei', 'Gepaart', 'F', '2006-03-04');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT child_id AS eins FROM contactpoint.source_link WHERE source_ref = 'ni-14' \gset
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.new_identity(:eins, 'Zwei', 'Gepaart', 'by mistake');
RESET SESSION AUTHORIZATION;

-- each call and each refusal is on record, without a name and without the second number
SELECT command, effective_role, outcome, count(*), bool_or(statement || coalesce(parameters, '') ~ 'Wunsch|Dritt|Schutz|Gepaart') AS tells_the_name,
    bool_or(:new = ANY (children)) AS new, bool_or(:old = ANY (children)) AS old
FROM contactpoint.audit WHERE command IN ('new_identity', 'former_identity') AND at > :'started' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
DELETE FROM contactpoint.account WHERE role_name = 'regress_lapsed';
DROP ROLE regress_lapsed;
