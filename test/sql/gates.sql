-- All feeds stopped by hand, and the window before shielding: uploads are paused and
-- resumed, a first load waits under an embargo, and what stands in the way is said.
\getenv abs_srcdir PG_ABS_SRCDIR
\set people :abs_srcdir '/people.sql'
\set ways :abs_srcdir '/ways.sql'
\i :people
\i :ways
\set SHOW_CONTEXT never
\pset null '-'
SELECT clock_timestamp() AS started \gset
CREATE ROLE regress_lapsed LOGIN IN ROLE contactpoint_admin, contactpoint_manager;
INSERT INTO contactpoint.account VALUES ('regress_lapsed', 1, 'Lapsed', current_date - 1, current_date + 9);
INSERT INTO contactpoint.source (source, organisation_id, feed_role) VALUES ('gated', 1, 'regress_feed'), ('loading', 1, 'regress_feed');

-- who may: managers of the source's organisation, admins; an authority speaks for itself; admins release
SELECT r AS role, pg_temp.attempt(r, 'SELECT contactpoint.pause_uploads(''gated'', ''why'')') AS pauses,
    pg_temp.attempt(r, 'SELECT contactpoint.pause_uploads(NULL, ''why'')') AS pauses_all,
    pg_temp.attempt(r, 'SELECT contactpoint.resume_uploads(''gated'')') AS resumes,
    pg_temp.attempt(r, 'SELECT contactpoint.embargo(''loading'', ''why'')') AS embargoes,
    pg_temp.attempt(r, 'SELECT contactpoint.shielding_done(''loading'', 1)') AS says,
    pg_temp.attempt(r, 'SELECT contactpoint.release(''loading'')') AS releases,
    pg_temp.attempt(r, 'SELECT count(*) FROM contactpoint.source_gate, contactpoint.shielding_said') AS lists
FROM unnest(ARRAY['regress_practitioner', 'regress_social', 'regress_override', 'regress_manager', 'regress_elsewhere', 'regress_feed',
    'regress_auditor', 'regress_admin', 'regress_nobody', 'regress_noaccount', 'regress_suspended', 'regress_lapsed']::name[]) r;

-- a pause
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.pause_uploads('gated', ' ');
SELECT contactpoint.pause_uploads('gated', NULL);
SELECT contactpoint.pause_uploads('no such source', 'why');
SELECT contactpoint.pause_uploads('other', 'not of this authority');
SELECT contactpoint.resume_uploads('gated');
SELECT contactpoint.pause_uploads('gated', 'far too many rows are held');
SELECT contactpoint.pause_uploads('gated', 'far too many rows are held');
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref) VALUES ('gated', 'ga-0');
SET SESSION AUTHORIZATION regress_elsewhere;
SELECT contactpoint.resume_uploads('gated');
SET SESSION AUTHORIZATION regress_admin;
UPDATE contactpoint.source SET paused_at = NULL WHERE source = 'gated';
UPDATE contactpoint.source SET priority = 50 WHERE source = 'gated';
SELECT contactpoint.resume_uploads('gated');
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('gated', 'ga-1', 1, 'Kunibert', 'Torwart', 'M', '2012-05-21', '4 Gate Lane', 'GA1 1GA');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT source, kind, reason, closed_by, opened_by, opened_at > closed_at AS opened FROM contactpoint.source_gate WHERE source = 'gated';

-- resuming is refused while held rows might concern shielded children, and says which
SELECT child_id AS kunibert FROM contactpoint.source_link WHERE source_ref = 'ga-1' \gset
SET SESSION AUTHORIZATION regress_manager;
SELECT cardinality(contactpoint.shield(:kunibert, 'threats', 'fled')) AS covered;
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('gated', 'ga-2', 1, 'Kunibert', 'Neuname', 'M', '2012-05-21', '5 Hiding Lane', 'GA2 2GA');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT review_id AS review FROM contactpoint.review WHERE source_ref = 'ga-2' AND shielded \gset
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.pause_uploads('gated', 'one was held');
\set VERBOSITY sqlstate
SELECT contactpoint.resume_uploads('gated');
\set VERBOSITY default
DO $$
DECLARE
    detail text;
BEGIN
    PERFORM contactpoint.resume_uploads('gated');
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    CREATE TEMP TABLE told AS SELECT SQLERRM AS message, detail AS detail;
END $$;
SELECT message, detail = 'Reviews: ' || :review || '.' AS names_the_review FROM told;
DROP TABLE told;
-- nor while an open record of that source may be a shielded child's
RESET SESSION AUTHORIZATION;
\set QUIET on
SET contactpoint.restoring = on;
INSERT INTO contactpoint.finding (candidates, shielded, at_risk, source, source_ref, due_at) VALUES (ARRAY[1, :kunibert], true, true, 'gated', 'ga-x', now()) RETURNING finding_id AS finding \gset
RESET contactpoint.restoring;
DELETE FROM contactpoint.restore_mark;
UPDATE contactpoint.review SET shielded = false WHERE review_id = :review;
\set QUIET off
SET SESSION AUTHORIZATION regress_manager;
DO $$
DECLARE
    detail text;
BEGIN
    PERFORM contactpoint.resume_uploads('gated');
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    CREATE TEMP TABLE told AS SELECT SQLERRM AS message, detail AS detail;
END $$;
SELECT message, detail = 'Findings: ' || :finding || '.' AS names_the_finding FROM told;
DROP TABLE told;
RESET SESSION AUTHORIZATION;
\set QUIET on
DELETE FROM contactpoint.finding WHERE finding_id = :finding;
UPDATE contactpoint.review SET shielded = true WHERE review_id = :review;
\set QUIET off
SET SESSION AUTHORIZATION regress_admin;
SELECT pg_temp.attempt('regress_admin', 'SELECT contactpoint.resume_uploads(NULL)') AS all_of_them;
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.decide(:review, 'reject') IS NULL AS rejected;
SELECT contactpoint.resume_uploads('gated');
RESET SESSION AUTHORIZATION;

-- every source
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.pause_uploads(NULL, 'not for managers');
SET SESSION AUTHORIZATION regress_admin;
SELECT contactpoint.pause_uploads('gated', 'this one first');
SELECT contactpoint.pause_uploads(NULL, 'everything');
SELECT contactpoint.pause_uploads(NULL, 'everything');
SELECT count(*) AS still_open FROM contactpoint.source WHERE paused_at IS NULL;
SET SESSION AUTHORIZATION regress_feed2;
INSERT INTO contactpoint.upload (source, source_ref) VALUES ('other', 'ga-0');
RESET SESSION AUTHORIZATION;
-- what other files have left held or found is not in the way of this test
\set QUIET on
CREATE TEMP TABLE others AS SELECT review_id FROM contactpoint.review WHERE decided_at IS NULL AND shielded;
UPDATE contactpoint.review SET shielded = false WHERE review_id IN (SELECT review_id FROM others);
CREATE TEMP TABLE found AS SELECT finding_id FROM contactpoint.finding WHERE decided_at IS NULL AND at_risk;
UPDATE contactpoint.finding SET at_risk = false WHERE finding_id IN (SELECT finding_id FROM found);
\set QUIET off
SET SESSION AUTHORIZATION regress_admin;
SELECT contactpoint.resume_uploads(NULL);
SELECT contactpoint.resume_uploads(NULL);
SELECT count(*) AS paused FROM contactpoint.source WHERE paused_at IS NOT NULL;
RESET SESSION AUTHORIZATION;
\set QUIET on
UPDATE contactpoint.review SET shielded = true WHERE review_id IN (SELECT review_id FROM others);
UPDATE contactpoint.finding SET at_risk = true WHERE finding_id IN (SELECT finding_id FROM found);
\set QUIET off

-- the window before shielding: of a first load nothing shows until every authority concerned has done its shielding
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('gated', 'ga-open', 1, 'Ludovika', 'Offenbar', 'F', '2009-09-19', '1 Open Lane', 'GA5 5GA'),
    ('loading', 'ga-held', 1, 'Ludovika', 'Offenbach', 'F', '2009-09-18', NULL, NULL);
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT review_id AS before FROM contactpoint.review WHERE source_ref = 'ga-held' \gset
SELECT child_id AS ludovika FROM contactpoint.source_link WHERE source_ref = 'ga-open' \gset
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.embargo('loading', '');
SELECT contactpoint.embargo(NULL, 'first load');
SELECT contactpoint.embargo('other', 'not of this authority');
SELECT contactpoint.shielding_done('loading', 1);
SELECT contactpoint.embargo('loading', 'first load');
SELECT contactpoint.embargo('loading', 'first load');
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode, carers) VALUES
    ('loading', 'ga-3', 1, 'Isolde', 'Wartestein', 'F', '2011-11-11', '16 Wartegasse', 'GA3 3GA', NULL),
    ('loading', 'ga-4', 2, 'Tristan', 'Geduldig', 'M', '2010-10-12', '17 Wartegasse', 'GA4 4GA', NULL),
    ('loading', 'ga-5', 2, 'Kurwenal', 'Harrend', 'M', '2014-04-02', '17 Wartegasse', 'GA4 4GA', '[{"full_name": "Vera Harrend", "contact": "07700 900371"}]'),
    ('loading', 'ga-6', 1, 'Brangaene', 'Zaudernd', 'F', '2006-01-30', '18 Wartegasse', 'GA4 5GA', '[{"full_name": "Vera Harrend", "contact": "07700 900371"}]'),
    ('loading', 'ga-open', 1, 'Ludovika', 'Offenbar', 'F', '2009-09-19', '2 Open Lane', 'GA5 5GA', NULL),
    ('loading', 'ga-open', 1, 'Melusine', 'Ganzanders', 'F', '2003-03-03', '3 Open Lane', 'GA5 6GA', NULL),
    ('loading', 'ga-vault', 1, 'Kunibert', 'Torwart', 'M', '2012-05-21', '6 Hiding Lane', 'GA2 2GA', NULL);
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
-- what is new is born shielded, what is about an open record waits, and so does what comes after it
SELECT r.source_ref, r.waits, s.outcome, s.child_id = :kunibert AS vault, c.shielded, x.provisional, x.embargoed_source, x.authority, p.organisation_id AS responsible
FROM contactpoint.receipt r LEFT JOIN contactpoint.settlement s USING (upload_id) LEFT JOIN contactpoint.child c USING (child_id)
LEFT JOIN contactpoint.shield x ON x.child_id = c.child_id AND x.embargoed_source IS NOT NULL LEFT JOIN contactpoint.responsibility p ON p.child_id = c.child_id
WHERE r.source = 'loading' ORDER BY r.upload_id;
SELECT count(*) AS places FROM contactpoint.address WHERE address ~ 'Wartegasse|^[23] Open' AND NOT shielded;
-- nobody takes a record out of the embargo alone
SELECT child_id AS isolde FROM contactpoint.source_link WHERE source_ref = 'ga-3' \gset
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.request_unshield(:isolde, 'not waiting for the others') AS request \gset
SELECT contactpoint.approve_unshield(:request);
RESET SESSION AUTHORIZATION;
SELECT shielded FROM contactpoint.child WHERE child_id = :isolde;
DELETE FROM contactpoint.unshield_request WHERE request_id = :request;
-- nothing that was held before is let into an open record either
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.decide(:before, 'same', :ludovika);
SELECT waiting_uploads FROM contactpoint.status;
RESET SESSION AUTHORIZATION;
-- receipts tell the feed of none of them, or which are about open records would be plain
\set QUIET on
UPDATE contactpoint.source_gate SET closed_at = closed_at - interval '1 hour' WHERE source = 'loading' AND opened_at IS NULL;
UPDATE contactpoint.source SET embargoed_at = embargoed_at - interval '1 hour' WHERE source = 'loading';
UPDATE contactpoint.receipt SET settled_at = settled_at - interval '10 minutes', received_at = received_at - interval '20 minutes' WHERE source = 'loading';
\set QUIET off
SET SESSION AUTHORIZATION regress_feed;
SELECT count(*) AS rows, count(settled_at) AS settled FROM contactpoint.upload_receipt WHERE source = 'loading';
SET SESSION AUTHORIZATION regress_admin;
SELECT contactpoint.release('loading');
UPDATE contactpoint.source SET embargoed_at = NULL WHERE source = 'loading';
SELECT contactpoint.shielding_done('loading', 1);
SELECT contactpoint.release(NULL);
SELECT contactpoint.release('gated');
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.shielding_done('loading', 2);
SELECT contactpoint.shielding_done('loading', NULL);
SELECT contactpoint.shielding_done('loading', -1);
SELECT contactpoint.shielding_done(NULL, 1);
SELECT contactpoint.shielding_done('loading', 1);
SELECT contactpoint.shielding_done('loading', 1);
SELECT contactpoint.release('loading');
SET SESSION AUTHORIZATION regress_admin;
SELECT contactpoint.release('loading');
-- the other authority shields one of its children, then says so
RESET SESSION AUTHORIZATION;
SELECT child_id AS tristan FROM contactpoint.source_link WHERE source_ref = 'ga-4' \gset
SET SESSION AUTHORIZATION regress_elsewhere;
SELECT contactpoint.shield(:tristan, 'threats', 'harm') = ARRAY[:tristan::bigint] AS shielded;
SELECT contactpoint.shielding_done('loading', 2);
SET SESSION AUTHORIZATION regress_admin;
SELECT contactpoint.release('loading');
SELECT contactpoint.release('loading');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
-- the embargo's own shields are gone, but for records that would give a shielded child away
SELECT r.source_ref, s.outcome, s.child_id = :ludovika AS ludovika, c.shielded,
    (SELECT string_agg(x.reason || CASE WHEN x.provisional THEN ' (provisional)' ELSE '' END || CASE WHEN x.lifted_at IS NULL THEN '' ELSE ' (lifted by ' || x.lifted_by || ')' END, ', ' ORDER BY x.shield_id)
     FROM contactpoint.shield x WHERE x.child_id = c.child_id) AS shields
FROM contactpoint.receipt r LEFT JOIN contactpoint.settlement s USING (upload_id) LEFT JOIN contactpoint.child c USING (child_id)
WHERE r.source = 'loading' AND r.source_ref <> 'ga-vault' ORDER BY r.upload_id;
SELECT address, shielded FROM contactpoint.address WHERE address ~ 'Wartegasse|^[23] Open' ORDER BY 1, 2;
\set QUIET on
UPDATE contactpoint.source_gate SET opened_at = opened_at - interval '5 minutes' WHERE source = 'loading' AND opened_at IS NOT NULL;
UPDATE contactpoint.receipt SET settled_at = settled_at - interval '5 minutes' WHERE source = 'loading' AND settled_at > now() - interval '5 minutes';
\set QUIET off
SET SESSION AUTHORIZATION regress_feed;
SELECT count(*) AS rows, count(settled_at) AS settled, count(DISTINCT settled_at) AS moments FROM contactpoint.upload_receipt
WHERE source = 'loading' AND source_ref <> 'ga-held';
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.decide(:before, 'same', :ludovika) = :ludovika AS decided;
RESET SESSION AUTHORIZATION;
-- the next embargo asks anew
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.embargo('loading', 'second load');
SET SESSION AUTHORIZATION regress_admin;
SELECT contactpoint.release('loading');
RESET SESSION AUTHORIZATION;
-- a superuser may open it by hand, and the gate closes again
UPDATE contactpoint.source SET embargoed_at = NULL WHERE source = 'loading';
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.embargo('loading', 'third load');
RESET SESSION AUTHORIZATION;
UPDATE contactpoint.source SET embargoed_at = NULL WHERE source = 'loading';
SELECT reason, closed_by, opened_by, opened_at IS NOT NULL AS opened FROM contactpoint.source_gate WHERE source = 'loading' ORDER BY gate_id;

SELECT effective_role, command, outcome, count(*) FROM contactpoint.audit
WHERE command IN ('pause_uploads', 'resume_uploads', 'embargo', 'shielding_done', 'release') AND at > :'started' AND effective_role ~ 'admin|manager$|elsewhere|feed$'
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
DELETE FROM contactpoint.account WHERE role_name = 'regress_lapsed';
DROP ROLE regress_lapsed;
