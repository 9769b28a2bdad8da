-- All feeds stopped by hand, and the window before shielding: uploads are paused and
-- resumed, a first load waits under an embargo, and what stands in the way is said.
\getenv abs_srcdir PG_ABS_SRCDIR
\set people :abs_srcdir '/people.sql'
\i :people
\set SHOW_CONTEXT never
\pset null '-'
SELECT clock_timestamp() AS started \gset
CREATE FUNCTION pg_temp.attempt(role name, statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SET LOCAL ROLE %I', role);
    EXECUTE statement;
    RAISE SQLSTATE 'ZZ000';
EXCEPTION
    WHEN SQLSTATE 'ZZ000' THEN RETURN '00000';
    WHEN OTHERS THEN RETURN SQLSTATE;
END $$;
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
-- what earlier files have left held is not in the way of this test
\set QUIET on
CREATE TEMP TABLE others AS SELECT review_id FROM contactpoint.review WHERE decided_at IS NULL AND shielded;
UPDATE contactpoint.review SET shielded = false WHERE review_id IN (SELECT review_id FROM others);
\set QUIET off
SET SESSION AUTHORIZATION regress_admin;
SELECT contactpoint.resume_uploads(NULL);
SELECT contactpoint.resume_uploads(NULL);
SELECT count(*) AS paused FROM contactpoint.source WHERE paused_at IS NOT NULL;
RESET SESSION AUTHORIZATION;
\set QUIET on
UPDATE contactpoint.review SET shielded = true WHERE review_id IN (SELECT review_id FROM others);
\set QUIET off

-- the window before shielding: a first load waits until every authority concerned has done its shielding
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.embargo('loading', '');
SELECT contactpoint.embargo(NULL, 'first load');
SELECT contactpoint.embargo('other', 'not of this authority');
SELECT contactpoint.shielding_done('loading', 1);
SELECT contactpoint.embargo('loading', 'first load');
SELECT contactpoint.embargo('loading', 'first load');
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('loading', 'ga-3', 1, 'Isolde', 'Wartestein', 'F', '2011-11-11', '16 Wartegasse', 'GA3 3GA'),
    ('loading', 'ga-4', 2, 'Tristan', 'Geduldig', 'M', '2010-10-12', '17 Wartegasse', 'GA4 4GA');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT count(*) AS settled FROM contactpoint.settlement WHERE source = 'loading';
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
SET SESSION AUTHORIZATION regress_elsewhere;
SELECT contactpoint.shielding_done('loading', 2);
SET SESSION AUTHORIZATION regress_admin;
SELECT contactpoint.release('loading');
SELECT contactpoint.release('loading');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT outcome, count(*) FROM contactpoint.settlement WHERE source = 'loading' GROUP BY 1;
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
