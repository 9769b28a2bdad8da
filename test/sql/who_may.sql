-- Every function of the interface that changes something or tells something, called by
-- everybody: who may, who may not, what bad arguments meet, and that each call and each
-- refusal is in the audit. A function that is new must be put into the list here.
\getenv abs_srcdir PG_ABS_SRCDIR
\set people :abs_srcdir '/people.sql'
\i :people
\set SHOW_CONTEXT never
\pset null '-'
SET client_min_messages = error;
CREATE ROLE regress_lapsed LOGIN IN ROLE contactpoint_manager, contactpoint_admin, contactpoint_override,
    contactpoint_protection, contactpoint_feed, contactpoint_auditor;
INSERT INTO contactpoint.account VALUES ('regress_lapsed', 1, 'Lapsed', current_date - 1, current_date + 9);
INSERT INTO contactpoint.source (source, organisation_id, feed_role, paused_at) VALUES ('calls', 1, 'regress_feed', NULL);

-- what the calls are about
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('school', 'ca-1', 1, 'Quendolina', 'Rufer', 'F', '2012-05-21', '4 Call Lane', 'CA1 1CA'),
    ('school', 'ca-2', 1, 'Adalbert', 'Sprecher', 'M', '2013-06-22', '5 Call Lane', 'CA1 1CA'),
    ('school', 'ca-7', 1, 'Bertha', 'Fernsprecher', 'F', '2011-03-02', '8 Call Lane', 'CA1 2CA'),
    ('school', 'ca-8', 1, 'Kreszentia', 'Vormals', 'F', '2010-02-01', '9 Call Lane', 'CA1 3CA'),
    ('school', 'ca-3', 1, 'Ehrentraut', 'Anrufer', 'F', '2014-07-23', '6 Call Lane', 'CA1 1CA');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT child_id AS shielded FROM contactpoint.source_link WHERE source_ref = 'ca-1' \gset
SELECT child_id AS open FROM contactpoint.source_link WHERE source_ref = 'ca-2' \gset
SELECT child_id AS bertha FROM contactpoint.source_link WHERE source_ref = 'ca-7' \gset
SELECT child_id AS former FROM contactpoint.source_link WHERE source_ref = 'ca-8' \gset
SELECT child_id AS asked FROM contactpoint.source_link WHERE source_ref = 'ca-3' \gset
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.shield(:shielded, 'threats', 'harm', false) IS NOT NULL AS placed,
    contactpoint.shield(:asked, 'threats', 'harm', false) IS NOT NULL AS placed;
SELECT contactpoint.request_unshield(:asked, 'moved') AS request \gset
SELECT contactpoint.new_identity(:former, 'Kreszentia', 'Nunmehr', 'court order') IS NOT NULL AS made;
SELECT contactpoint.shield_in_advance('Leopold', 'Kuenftig', '2017-09-25', 'at birth', 'harm') AS advance \gset
SELECT contactpoint.grant_access(:shielded, 'regress_social', 'social worker', now() + interval '1 day');
SET SESSION AUTHORIZATION regress_override;
SELECT contactpoint.open_shielded(:shielded, 'at the door', confirm => true) IS NOT NULL AS opened;
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('health', 'ca-4', 'Adalbert', 'Sprecherr', 'M', NULL, '5 Call Lane', 'CA1 1CA');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT review_id AS review, upload_id AS upload FROM contactpoint.review WHERE source_ref = 'ca-4' \gset
SELECT max(shield_id) AS shield FROM contactpoint.shield WHERE child_id = :shielded \gset
SELECT max(alert_id) AS alert FROM contactpoint.shield_alert \gset
SET contactpoint.restoring = on;
INSERT INTO contactpoint.finding (authority, candidates, shielded, at_risk, due_at)
    SELECT 1, ARRAY[:open, :bertha]::bigint[], false, false, now() FROM generate_series(1, 2);
RESET contactpoint.restoring;
SELECT contactpoint.validate_restore() IS NOT NULL AS validated;
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, batch, authority, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('calls', 'ca-5', 'calls 1', 1, 'Gottlieb', 'Zwischenrufer', 'M', '2009-01-05', '9 Call Lane', 'CA1 3CA'),
    ('calls', 'ca-6', NULL, 1, 'Ludmilla', 'Weckruf', 'F', '2010-11-25', '10 Call Lane', 'CA1 4CA'),
    ('school', 'ca-8', NULL, 1, 'Ludmilla', 'Weckruf', 'F', '2010-11-25', '10 Call Lane', 'CA1 4CA'),
    ('calls', 'ca-9', NULL, 1, 'Ansgar', 'Aufruf', 'M', '2008-04-05', '11 Call Lane', 'CA1 5CA'),
    ('health', 'ca-10', NULL, NULL, 'Adalbert', 'Sprecherin', 'M', NULL, '5 Call Lane', 'CA1 1CA');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT child_id AS ludmilla FROM contactpoint.source_link WHERE source_ref = 'ca-6' \gset
SELECT child_id AS ansgar FROM contactpoint.source_link WHERE source_ref = 'ca-9' \gset
SELECT review_id AS decided FROM contactpoint.review WHERE source_ref = 'ca-10' \gset
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.decide(:decided, 'reject') IS NULL AS rejected;
SELECT contactpoint.merge(:ansgar, :bertha, 'one child') AS merge \gset
RESET SESSION AUTHORIZATION;
SELECT min(finding_id) AS finding, max(finding_id) AS dismissed FROM contactpoint.finding WHERE candidates = ARRAY[:open, :bertha]::bigint[] \gset
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.dismiss_finding(:dismissed, 'other people') IS NOT NULL AS dismissed;
RESET SESSION AUTHORIZATION;

-- a call with arguments that are right; the ones with bad arguments are made of it
CREATE TEMP TABLE door (name text PRIMARY KEY, arguments text[]);
INSERT INTO door VALUES
    ('shield', ARRAY[:'open', '''threats''', '''harm''', 'false']),
    ('request_unshield', ARRAY[:'shielded', '''moved''']),
    ('approve_unshield', ARRAY[:'request']),
    ('keep_shield', ARRAY[:'shield', '''still in danger''', 'current_date + 100']),
    ('grant_access', ARRAY[:'shielded', '''regress_social''', '''social worker''', 'now() + interval ''1 day''']),
    ('revoke_access', ARRAY[:'shielded', '''regress_social''', '''moved on''']),
    ('open_shielded', ARRAY[:'shielded', '''at the door''', 'true']),
    ('close_shielded', ARRAY[:'shielded']),
    ('add_alias', ARRAY[:'open', '''birth''', '''Adalbert''', '''Anders''', '''placement''']),
    ('new_identity', ARRAY[:'open', '''Gottlieb''', '''Neuanfang''', '''court order''']),
    ('former_identity', ARRAY[:'former', '''court asks''', 'true']),
    ('shield_in_advance', ARRAY['''Theobald''', '''Erwartung''', 'date ''2016-08-24''', '''at birth''', '''harm''']),
    ('withdraw_advance', ARRAY[:'advance', '''over''']),
    ('follow_up', ARRAY[:'alert', '''called back''']),
    ('pause_uploads', ARRAY['''calls''', '''too many are held''']),
    ('resume_uploads', ARRAY['''calls''']),
    ('embargo', ARRAY['''calls''', '''first load''']),
    ('shielding_done', ARRAY['''calls''', '1']),
    ('release', ARRAY['''calls''']),
    ('decide', ARRAY[:'review', '''reject''', 'NULL', '''no such child''']),
    ('held_upload', ARRAY[:'review']),
    ('take_review', ARRAY[:'review']),
    ('assign_review', ARRAY[:'review', '''regress_manager''']),
    ('hand_over_review', ARRAY[:'review', '2', '''nobody is left''']),
    ('undecide', ARRAY[:'decided', '''it was right''']),
    ('merge', ARRAY[:'open', :'ludmilla', '''one child''']),
    ('unmerge', ARRAY[:'merge', '''two children''']),
    ('separate', ARRAY['''school''', '''ca-8''', '''another child''']),
    ('revert_batch', ARRAY['''calls 1''', '''sent by mistake''', '''calls''']),
    ('explain_match', ARRAY[:'upload']),
    ('dismiss_finding', ARRAY[:'finding', '''other people''']),
    ('reopen_finding', ARRAY[:'dismissed', '''look again''']),
    ('sweep', ARRAY['interval ''0''']),
    ('rekey', ARRAY['interval ''0''']),
    ('add_name_variant', ARRAY['''Adalbert''', '''Brecht''']),
    ('remove_name_variant', ARRAY['''Adalbert''', '''Brecht''']),
    ('access_log', ARRAY[:'open']),
    ('retire_audit', ARRAY['date ''1999-01-01''', '''too old''']);

-- none is forgotten: what every group may call asks for the right itself
SELECT p.proname AS not_in_the_list FROM pg_proc p
WHERE p.pronamespace = 'contactpoint'::regnamespace AND p.proname !~ '^_'
  AND has_function_privilege('contactpoint_feed', p.oid, 'EXECUTE') AND has_function_privilege('contactpoint_auditor', p.oid, 'EXECUTE')
  AND p.proname NOT IN (SELECT name FROM door);

CREATE FUNCTION pg_temp.attempt(role name, statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SET LOCAL ROLE %I', role);
    SET LOCAL contactpoint.reason = 'test of calls';
    EXECUTE statement;
    RAISE SQLSTATE 'ZZ000';
EXCEPTION
    WHEN SQLSTATE 'ZZ000' THEN RETURN 'may';
    WHEN OTHERS THEN RETURN SQLSTATE;
END $$;
CREATE FUNCTION pg_temp.call(name text, arguments text[]) RETURNS text LANGUAGE sql AS
$$ SELECT format('SELECT count(*) FROM contactpoint.%I(%s)', name, array_to_string(arguments, ', ')) $$;

SELECT clock_timestamp() AS started \gset

-- who may, with arguments that are right: KC003 no right to it, KC002 no current account, KC010 the right, and a state that does not fit
SELECT d.name, s.practitioner, s.protection, s.override, s.manager, s.elsewhere, s.feed, s.auditor, s.admin, s.nobody, s.lapsed
FROM door d, LATERAL (SELECT pg_temp.call(d.name, d.arguments) AS q) c,
    LATERAL (SELECT pg_temp.attempt('regress_practitioner', q) AS practitioner, pg_temp.attempt('regress_social', q) AS protection,
        pg_temp.attempt('regress_override', q) AS override, pg_temp.attempt('regress_manager2', q) AS manager,
        pg_temp.attempt('regress_elsewhere', q) AS elsewhere, pg_temp.attempt('regress_feed', q) AS feed,
        pg_temp.attempt('regress_auditor', q) AS auditor, pg_temp.attempt('regress_admin', q) AS admin,
        pg_temp.attempt('regress_nobody', q) AS nobody, pg_temp.attempt('regress_lapsed', q) AS lapsed) s
ORDER BY d.name COLLATE "C";

-- each of these calls is in the audit; who has no role in the registry at all does not come as far as the function
SELECT r.role AS called_without_an_entry, count(*) FROM door d,
    unnest(ARRAY['regress_practitioner', 'regress_social', 'regress_override', 'regress_manager2', 'regress_elsewhere', 'regress_feed',
        'regress_auditor', 'regress_admin', 'regress_nobody', 'regress_lapsed']) r (role)
WHERE NOT EXISTS (SELECT FROM contactpoint.audit a WHERE a.at >= :'started' AND a.effective_role = r.role AND a.command = d.name)
GROUP BY 1 ORDER BY 1;

-- NULLs, numbers of nothing and texts of nothing: never an internal error, for those who may and those who may not
CREATE TEMP TABLE bad AS
SELECT d.name, i AS argument, b.value FROM door d, generate_subscripts(d.arguments, 1) i,
    LATERAL (SELECT unnest(CASE WHEN d.arguments[i] ~ '^\d+$' THEN ARRAY['NULL', '0', '-1', '123456789012', '9223372036854775807', '(-9223372036854775807 - 1)']
        WHEN d.arguments[i] ~ '^''' THEN ARRAY['NULL', '''''', '''  ''', 'E''\x01''', 'repeat(''x'', 100000)']
        WHEN d.arguments[i] ~ 'now|current_date|^date' THEN ARRAY['NULL', '''infinity''', '''-infinity''', '''4713-01-01 BC''']
        WHEN d.arguments[i] ~ '^interval' THEN ARRAY['NULL', '''-1 second''', '''178000000 years''']
        ELSE ARRAY['NULL'] END) AS value) b;
CREATE TEMP TABLE answer AS
SELECT d.name, b.argument, b.value, r.role, pg_temp.attempt(r.role, pg_temp.call(d.name, d.arguments[:b.argument - 1] || b.value || d.arguments[b.argument + 1:])) AS state
FROM bad b JOIN door d USING (name), unnest(ARRAY['regress_manager2', 'regress_admin', 'regress_override', 'regress_practitioner', 'regress_nobody']) r (role);
-- (25001: not inside a function)
SELECT name, argument, value, role, state FROM answer
WHERE state !~ '^(KC00[235]|KC010|22|42501|may)' AND NOT (state = '25001' AND name IN ('sweep', 'rekey'))
ORDER BY name COLLATE "C", argument, value COLLATE "C", role;
-- what managers and admins may do with them all the same
SELECT name, argument, left(value, 12) AS value, array_agg(substr(role, 9) ORDER BY role) AS may FROM answer
WHERE state = 'may' GROUP BY name, argument, answer.value ORDER BY name COLLATE "C", argument, answer.value COLLATE "C";

-- nothing of it has stayed
SELECT count(*) AS shields, count(*) FILTER (WHERE lifted_at IS NULL) AS standing FROM contactpoint.shield WHERE child_id IN (:open, :shielded, :asked);

DELETE FROM contactpoint.account WHERE role_name = 'regress_lapsed';
DROP ROLE regress_lapsed;

