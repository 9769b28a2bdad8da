-- Override: a record opened without a grant, after a warning, with an alarm.
\getenv abs_srcdir PG_ABS_SRCDIR
\set people :abs_srcdir '/people.sql'
\set ways :abs_srcdir '/ways.sql'
\i :people
\i :ways
\set SHOW_CONTEXT never
\pset null '-'
SELECT clock_timestamp() AS started \gset

CREATE ROLE regress_lapsed LOGIN IN ROLE contactpoint_override, contactpoint_manager;
INSERT INTO contactpoint.account VALUES ('regress_lapsed', 1, 'Lapsed', current_date - 1, current_date + 9);

SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('school', 'ov-1', 1, 'Oriana', 'Overfield', 'F', '2012-10-04', '7 Override Lane', 'OV1 1OV'),
    ('school', 'ov-2', 1, 'Percival', 'Undermeadow', 'M', '2011-01-06', '8 Other Lane', 'OV2 2OV'),
    ('school', 'ov-3', 1, 'Quentin', 'Openmarsh', 'M', '2010-07-09', '9 Open Lane', 'OV3 3OV');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT child_id AS oriana FROM contactpoint.source_link WHERE source_ref = 'ov-1' \gset
SELECT child_id AS percival FROM contactpoint.source_link WHERE source_ref = 'ov-2' \gset
SELECT child_id AS quentin FROM contactpoint.source_link WHERE source_ref = 'ov-3' \gset
SET SESSION AUTHORIZATION regress_manager;
SELECT cardinality(contactpoint.shield(:oriana, 'threats', 'harm')), cardinality(contactpoint.shield(:percival, 'threats', 'harm'));
RESET SESSION AUTHORIZATION;

-- who may: overriders with a current account, nobody else
SELECT r AS role, pg_temp.attempt(r, format('SELECT contactpoint.open_shielded(%s, ''night duty'', true)', :oriana)) AS opens,
    pg_temp.attempt(r, 'SELECT contactpoint.follow_up(-1, ''called'')') AS follows_up,
    pg_temp.attempt(r, 'SELECT count(*) FROM contactpoint.alerts_due') AS lists
FROM unnest(ARRAY['regress_practitioner', 'regress_social', 'regress_override', 'regress_manager', 'regress_elsewhere', 'regress_feed',
    'regress_auditor', 'regress_admin', 'regress_nobody', 'regress_noaccount', 'regress_suspended', 'regress_lapsed']::name[]) r;
SELECT count(*) AS alerts FROM contactpoint.shield_alert WHERE child_id IN (:oriana, :percival, :quentin);

-- a warning first, which opens nothing; who opens in the end raises the alarm
SET SESSION AUTHORIZATION regress_override;
SET contactpoint.reason = 'night duty';
SELECT contactpoint.open_shielded(:oriana, 'night duty, child at the door');
SELECT contactpoint.open_shielded(:oriana, 'night duty, child at the door', NULL);
SELECT count(*) FROM contactpoint.address WHERE child_id = :oriana;
SELECT contactpoint.open_shielded(:oriana, ' ', true);
SELECT contactpoint.open_shielded(:oriana, NULL, true);
SELECT contactpoint.open_shielded(NULL, 'night duty', true);
SELECT contactpoint.open_shielded(1, 'night duty', true);
SELECT contactpoint.open_shielded(:quentin, 'night duty', true);
RESET SESSION AUTHORIZATION;
SELECT count(*) AS alerts FROM contactpoint.shield_alert WHERE child_id IN (:oriana, :percival, :quentin);
SET SESSION AUTHORIZATION regress_override;
SET contactpoint.reason = 'night duty';
SELECT abs(extract(epoch FROM contactpoint.open_shielded(:oriana, 'night duty, child at the door', true) - now()) - 1800) < 60 AS half_an_hour;
SELECT address FROM contactpoint.address WHERE child_id = :oriana;
-- one child, one person
SELECT count(*) FROM contactpoint.address WHERE child_id = :percival;
RESET SESSION AUTHORIZATION;
SELECT opened_by, reason, organisation_id, until > opened_at AS ends, followed_up_at FROM contactpoint.shield_alert WHERE child_id = :oriana;
SET SESSION AUTHORIZATION regress_override;
SET contactpoint.reason = 'night duty';
SELECT count(*) AS after_a_change_of_role FROM contactpoint.address WHERE child_id = :oriana;
SELECT contactpoint.open_shielded(:oriana, 'again', true) > now() AS opened;
SELECT count(*) FROM contactpoint.address WHERE child_id = :oriana;
SELECT contactpoint.open_shielded(:percival, 'the other one', true) > now() AS opened;
SELECT child_id = :percival AS only_the_other FROM contactpoint.address WHERE child_id IN (:oriana, :percival);
SELECT contactpoint.close_shielded(:percival);
SELECT count(*) AS closed FROM contactpoint.address WHERE child_id = :percival;
-- a pooler hands the session on and back, or discards it
SELECT contactpoint.open_shielded(:oriana, 'before the pooler', true) > now() AS opened;
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_override;
SET contactpoint.reason = 'night duty';
SELECT count(*) AS pooled FROM contactpoint.address WHERE child_id = :oriana;
SELECT contactpoint.open_shielded(:oriana, 'before DISCARD', true) > now() AS opened;
DISCARD ALL;
SET SESSION AUTHORIZATION regress_override;
SET contactpoint.reason = 'night duty';
SELECT count(*) AS discarded FROM contactpoint.address WHERE child_id = :oriana;
RESET SESSION AUTHORIZATION;

-- no look without its alert: the record opens with the commit, and not at all if that does not come
SELECT count(*) AS alerts FROM contactpoint.shield_alert \gset
SET SESSION AUTHORIZATION regress_override;
SET contactpoint.reason = 'night duty';
BEGIN;
SELECT contactpoint.open_shielded(:oriana, 'to roll back', true) > now() AS opened;
SELECT count(*) AS before_commit FROM contactpoint.address WHERE child_id = :oriana;
ROLLBACK;
SELECT count(*) AS rolled_back FROM contactpoint.address WHERE child_id = :oriana;
BEGIN;
SAVEPOINT s;
SELECT contactpoint.open_shielded(:oriana, 'to roll back in part', true) > now() AS opened;
ROLLBACK TO s;
COMMIT;
SELECT count(*) AS rolled_back_in_part FROM contactpoint.address WHERE child_id = :oriana;
DO $$ BEGIN
    PERFORM contactpoint.open_shielded((SELECT child_id FROM contactpoint.child WHERE family_name = 'Overfield'), 'to fail', true);
    RAISE division_by_zero;
EXCEPTION WHEN division_by_zero THEN NULL;
END $$;
SELECT count(*) AS caught FROM contactpoint.address WHERE child_id = :oriana;
BEGIN READ ONLY;
SELECT contactpoint.open_shielded(:oriana, 'without an alert', true);
ROLLBACK;
SELECT count(*) AS read_only FROM contactpoint.address WHERE child_id = :oriana;
BEGIN;
SAVEPOINT s;
SELECT contactpoint.open_shielded(:oriana, 'to commit', true) > now() AS opened;
RELEASE s;
COMMIT;
SELECT count(*) AS committed FROM contactpoint.address WHERE child_id = :oriana;
RESET SESSION AUTHORIZATION;
SELECT count(*) - :alerts AS alerts FROM contactpoint.shield_alert;

-- expired: an error, recorded; the next look asks again
ALTER SYSTEM SET contactpoint.override_timeout = '1s';
SELECT pg_reload_conf();
\c -
SET SESSION AUTHORIZATION regress_override;
SET contactpoint.reason = 'slow reader';
SELECT contactpoint.open_shielded(:oriana, 'slow', true) <= now() + interval '2 seconds' AS opened;
SELECT pg_sleep(1.2);
SELECT address FROM contactpoint.address WHERE child_id = :oriana;
SELECT count(*) AS closed FROM contactpoint.address WHERE child_id = :oriana;
-- also in the middle of a cursor
SELECT contactpoint.open_shielded(:oriana, 'slow', true) > now() AS opened;
BEGIN;
DECLARE slow CURSOR FOR SELECT child_id = :oriana AS found, g FROM contactpoint.address, generate_series(1, 3) g WHERE child_id = :oriana ORDER BY g;
FETCH slow;
SELECT pg_sleep(1.2);
FETCH slow;
ROLLBACK;
RESET SESSION AUTHORIZATION;
ALTER SYSTEM RESET contactpoint.override_timeout;
SELECT pg_reload_conf();
SELECT command, relation, outcome, count(*) FROM contactpoint.audit WHERE at > :'started' AND reason = 'slow reader' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;

-- the managers of the child, and they alone, see the alerts and follow them up
SELECT min(alert_id) AS alert, max(alert_id) AS own FROM contactpoint.shield_alert WHERE child_id = :oriana \gset
UPDATE contactpoint.shield_alert SET opened_by = 'regress_manager2' WHERE alert_id = :own;
SET SESSION AUTHORIZATION regress_elsewhere;
SET contactpoint.reason = 'alerts';
SELECT count(*) FROM contactpoint.shield_alert;
SELECT contactpoint.follow_up(:alert, 'none of my business');
SET SESSION AUTHORIZATION regress_manager2;
SET contactpoint.reason = 'alerts';
SELECT count(*) > 0 AS listed FROM contactpoint.alerts_due WHERE child_id = :oriana;
SELECT contactpoint.follow_up(:own, 'I was right');
SELECT contactpoint.follow_up(NULL, 'nothing');
SELECT contactpoint.follow_up(:alert, NULL);
SELECT contactpoint.follow_up(:alert, '');
SELECT contactpoint.follow_up(:alert, 'called back, in order');
SELECT contactpoint.follow_up(:alert, 'called back, in order');
SELECT count(*) AS listed FROM contactpoint.alerts_due WHERE alert_id = :alert;
UPDATE contactpoint.shield_alert SET note = 'changed';
DELETE FROM contactpoint.shield_alert;
RESET SESSION AUTHORIZATION;
SELECT note, followed_up_by, followed_up_at > opened_at AS followed_up FROM contactpoint.shield_alert WHERE alert_id = :alert;
INSERT INTO contactpoint.shield_alert (child_id, reason, opened_by, opened_session, until) VALUES (:oriana, 'by hand', 'x', 'x', now());

-- each call and each refusal is on record, with the child
SELECT effective_role, command, outcome, :oriana = ANY (children) AS oriana, count(*) FROM contactpoint.audit
WHERE command IN ('open_shielded', 'follow_up') AND at > :'started' AND effective_role ~ 'override|elsewhere|manager2' GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4;
DELETE FROM contactpoint.account WHERE role_name = 'regress_lapsed';
DROP ROLE regress_lapsed;
