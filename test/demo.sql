-- The story of the registry, told by make demo with its real output.
\set ON_ERROR_STOP off
\set QUIET on
\pset footer off
\pset null '(not shown)'
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE ROLE schools_feed LOGIN IN ROLE contactpoint_feed;
CREATE ROLE health_feed LOGIN IN ROLE contactpoint_feed;
CREATE ROLE mary_manager LOGIN IN ROLE contactpoint_manager;
CREATE ROLE peter_practitioner LOGIN IN ROLE contactpoint_practitioner;
CREATE ROLE sara_social LOGIN IN ROLE contactpoint_practitioner, contactpoint_protection;
CREATE ROLE anne_auditor LOGIN IN ROLE contactpoint_auditor;
CREATE ROLE adam_admin LOGIN IN ROLE contactpoint_admin;
CREATE ROLE youth_feed LOGIN IN ROLE contactpoint_feed;
-- as every registry has it; the servers of the tests do not
ALTER SYSTEM SET contactpoint.held_share_limit = 10;
SELECT pg_reload_conf() \g /dev/null
INSERT INTO contactpoint.organisation (name, kind, stage) VALUES ('Northshire', 'authority', 'live');
INSERT INTO contactpoint.account (role_name, organisation_id, full_name, trained_until, checked_until)
SELECT r, o.organisation_id, initcap(replace(r, '_', ' ')), current_date + 365, current_date + 1095
FROM contactpoint.organisation o,
     unnest(ARRAY['mary_manager', 'peter_practitioner', 'sara_social', 'anne_auditor', 'adam_admin']) r;
INSERT INTO contactpoint.source (source, organisation_id, feed_role, priority)
SELECT s, o.organisation_id, s || '_feed', p FROM contactpoint.organisation o, (VALUES ('schools', 1), ('health', 2), ('youth', 3)) v(s, p);

\echo
\echo '== 1. Two feeds of public records arrive: 2,000 originals, then 3,000 copies with typing errors.'
\echo
\c - schools_feed
\copy contactpoint.upload (source, source_ref, batch, given_names, family_name, date_of_birth, address, postcode) from 'test/data/febrl3/originals.csv' csv header
\echo '   2,000 rows received from schools'
\c - health_feed
\copy contactpoint.upload (source, source_ref, batch, given_names, family_name, date_of_birth, address, postcode) from 'test/data/febrl3/duplicates.csv' csv header
\echo '   3,000 rows received from health'
\c - mary_manager
\timing on
CALL contactpoint.settle();
\timing off

\c - postgres
\echo
\echo '   What became of the rows (only a superuser may look at all of this, and the look is recorded):'
SELECT source, count(*) AS rows,
       count(*) FILTER (WHERE outcome = 'match') AS matched,
       count(*) FILTER (WHERE outcome = 'new') AS new,
       count(*) FILTER (WHERE outcome = 'hold') AS held
FROM contactpoint.settlement GROUP BY source ORDER BY source DESC;

\echo '   Held against the true identities, which the registry never saw (pairs of rows in one record):'
CREATE TEMP TABLE truth AS
SELECT source, source_ref, split_part(source_ref, '-', 2) AS person, child_id
FROM contactpoint.settlement;
WITH size AS (SELECT person, count(*) AS n FROM truth GROUP BY person),
record AS (SELECT child_id, person, count(*) AS n FROM truth WHERE child_id IS NOT NULL GROUP BY child_id, person),
whole AS (SELECT child_id, sum(n) AS n FROM record GROUP BY child_id),
pairs AS (SELECT (SELECT sum(n * (n - 1) / 2) FROM size) AS true_pairs,
                 (SELECT sum(n * (n - 1) / 2) FROM record) AS right_pairs,
                 (SELECT sum(n * (n - 1) / 2) FROM whole) AS made_pairs)
SELECT true_pairs, made_pairs::bigint, right_pairs::bigint,
       round(right_pairs / nullif(made_pairs, 0), 4) AS precision,
       round(right_pairs / true_pairs, 4) AS recall FROM pairs;
\echo '   The rest is held, not lost: for how many of these does the first candidate name the right child?'
WITH known AS (SELECT DISTINCT ON (child_id) child_id, person FROM truth WHERE child_id IS NOT NULL ORDER BY child_id, source DESC)
SELECT count(*) AS held, count(k.child_id) AS with_candidate, count(*) FILTER (WHERE k.person = t.person) AS first_is_right
FROM contactpoint.review r JOIN truth t USING (source, source_ref)
LEFT JOIN known k ON k.child_id = r.candidates[1];

-- the child of the story
SELECT child_id AS child, given_names AS given, family_name AS family, date_of_birth AS birth
FROM contactpoint.child c
WHERE NOT EXISTS (SELECT FROM contactpoint.child o WHERE o.family_name = c.family_name AND o.child_id <> c.child_id)
  AND extract(day FROM date_of_birth) BETWEEN 2 AND 12 AND extract(day FROM date_of_birth) <> extract(month FROM date_of_birth)
  AND length(given_names) > 5 AND length(family_name) > 5 AND date_of_birth > '1990-01-01'
  AND EXISTS (SELECT FROM contactpoint.address a WHERE a.child_id = c.child_id AND a.postcode IS NOT NULL AND a.address IS NOT NULL)
ORDER BY child_id LIMIT 1 \gset
SELECT address AS home, postcode AS code FROM contactpoint.address WHERE child_id = :child LIMIT 1 \gset
SELECT count(*) AS before FROM contactpoint.child \gset

\echo
\echo '== 2. A manager shields a child with one call. Its details are gone for everyone else.'
\echo
\c - peter_practitioner
SET contactpoint.reason = 'home visit planned';
\echo '   Before, as a practitioner:'
SELECT c.child_id, c.given_names, c.family_name, a.address, c.shielded
FROM contactpoint.child c LEFT JOIN contactpoint.address a USING (child_id) WHERE child_id = :child LIMIT 1;
\c - mary_manager
SET contactpoint.reason = 'shielding meeting of today';
SELECT contactpoint.shield(:child, 'threats by a former partner', 'fled') AS shielded_records;
\c - peter_practitioner
SET contactpoint.reason = 'home visit planned';
\echo '   After:'
SELECT c.child_id, c.given_names, c.family_name, a.address, c.shielded
FROM contactpoint.child c LEFT JOIN contactpoint.address a USING (child_id) WHERE child_id = :child LIMIT 1;

\echo '   Feeds go on sending rows about the child: exact, misspelt, day and month swapped, moved, adopted surname.'
\c - schools_feed
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, date_of_birth, address, postcode) VALUES
    ('schools', 'demo-exact', :'given', :'family', :'birth', :'home', :'code'),
    ('schools', 'demo-misspelt', overlay(:'given' placing 'x' from 3 for 1), :'family', :'birth', :'home', :'code'),
    ('schools', 'demo-swapped', :'given', :'family', to_char(date :'birth', 'YYYY-DD-MM'), :'home', :'code'),
    ('schools', 'demo-moved', :'given', :'family', :'birth', '1 refuge lane', '9999'),
    ('schools', 'demo-adopted', :'given', 'Newname', :'birth', '1 refuge lane', '9999');
\c - mary_manager
CALL contactpoint.settle();
\c - postgres
\echo '   What became of them:'
SELECT s.source_ref, s.outcome, coalesce(s.child_id = :child, false) AS in_the_vault FROM contactpoint.settlement s
WHERE s.source_ref LIKE 'demo-%' ORDER BY s.upload_id;
SELECT count(*) - :before AS new_records FROM contactpoint.child;
\c - mary_manager
SET contactpoint.reason = 'working through the reviews';
\echo '   What is held waits for a manager:'
SELECT review_id, source, reason, due_at::date AS due FROM contactpoint.reviews_due
WHERE :child = ANY (candidates) ORDER BY review_id;

\echo
\echo '== 3. The gates. Too many rows of a feed are held: nobody need notice, the matcher stops it.'
\echo
\c - mary_manager
SELECT source, reason, closed_by FROM contactpoint.source_gate WHERE kind = 'pause' AND opened_at IS NULL;
\c - health_feed
INSERT INTO contactpoint.upload (source, source_ref, given_names) VALUES ('health', 'demo-late', 'Late');
\c - mary_manager
\echo '   A manager may stop one, too, and not go on while held rows may be about a shielded child:'
SELECT contactpoint.pause_uploads('schools', 'rows about shielded children do not match');
SELECT contactpoint.resume_uploads('schools');
\echo '   A service sends for the first time, and nobody has told yet which of its children are in danger. So: an embargo.'
SELECT contactpoint.embargo('youth', 'first load of the youth service');
\c - youth_feed
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('youth', 'demo-1', 'Wilhelmina', 'Ravenscroft', 'F', '1999-11-30', '4 Refuge House', '9998'),
    ('youth', 'demo-2', 'Ignatius', 'Popplewell', 'M', '2001-06-02', '12 Long Street', '9997');
\c - mary_manager
CALL contactpoint.settle();
\c - postgres
SELECT child_id AS wilhelmina FROM contactpoint.source_link WHERE source = 'youth' AND source_ref = 'demo-1' \gset
SELECT child_id AS ignatius FROM contactpoint.source_link WHERE source = 'youth' AND source_ref = 'demo-2' \gset
\c - peter_practitioner
SET contactpoint.reason = 'new at the youth club';
\echo '   The new records, as a practitioner sees them:'
SELECT c.given_names, c.family_name, a.address, c.shielded FROM contactpoint.child c LEFT JOIN contactpoint.address a USING (child_id)
WHERE c.child_id IN (:wilhelmina, :ignatius) ORDER BY 1;
\c - mary_manager
SET contactpoint.reason = 'shielding before the release';
SELECT cardinality(contactpoint.shield(:wilhelmina, 'lives in a refuge', 'fled')) AS shielded;
SELECT contactpoint.shielding_done('youth', o.organisation_id) FROM contactpoint.organisation o;
\c - adam_admin
SELECT contactpoint.release('youth');
\c - peter_practitioner
SET contactpoint.reason = 'new at the youth club';
\echo '   After the release:'
SELECT c.given_names, c.family_name, a.address, c.shielded FROM contactpoint.child c LEFT JOIN contactpoint.address a USING (child_id)
WHERE c.child_id IN (:wilhelmina, :ignatius) ORDER BY 1;

\echo
\echo '== 4. Who may see what.'
\echo
\c - peter_practitioner
\echo '   A practitioner who gives no reason:'
SELECT given_names, family_name FROM contactpoint.child WHERE child_id = :child;
\echo
\echo '   With a reason, by plain SQL and by search(): name, sex, date of birth and number.'
SET contactpoint.reason = 'new at the youth club';
SELECT child_id, given_names, family_name, addresses, carers, identifiers FROM contactpoint.record
WHERE family_name = :'family' AND date_of_birth = :'birth';
SELECT * FROM contactpoint.search(given_names => :'given', family_name => :'family');
\echo '   Search by the hidden postcode finds nothing of this child:'
SELECT count(*) AS found FROM contactpoint.search(family_name => :'family', postcode => :'code');
\echo '   Opening the record is not for everybody:'
SELECT contactpoint.open_shielded(:child, 'curious') AS opened;
\echo
\c - mary_manager
SET contactpoint.reason = 'child protection plan';
SELECT contactpoint.grant_access(:child, 'sara_social', 'named social worker', now() + interval '3 months');
\c - sara_social
SET contactpoint.reason = 'core group meeting';
\pset null ''
\echo '   A social worker with a grant, before and after opening the record, in the same tables:'
SELECT count(*) AS addresses_seen FROM contactpoint.address WHERE child_id = :child;
SELECT contactpoint.open_shielded(:child, 'core group meeting of today') > now() AS opened;
SELECT address, postcode, source FROM contactpoint.address WHERE child_id = :child ORDER BY recorded_at;

\echo '   A look that is rolled back:'
\c - peter_practitioner
BEGIN;
SET LOCAL contactpoint.reason = 'nobody will know';
SELECT given_names, family_name FROM contactpoint.child WHERE child_id = :child;
ROLLBACK;

\echo
\echo '== 5. An adoption order: a new number and name. The birth name leads nowhere any more, and makes no second record.'
\echo
\c - mary_manager
SET contactpoint.reason = 'adoption order';
SELECT contactpoint.new_identity(:child, :'given', 'Newfamily', 'adoption order of today') AS number_after_the_order \gset
\c - youth_feed
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, date_of_birth, address, postcode) VALUES
    ('youth', 'demo-birth-name', :'given', :'family', :'birth', :'home', :'code'),
    ('youth', 'demo-new-name', :'given', 'Newfamily', :'birth', '2 adoptive close', '8888');
\c - mary_manager
CALL contactpoint.settle();
\c - peter_practitioner
SET contactpoint.reason = 'new at the youth club';
\echo '   All that a search by given name and birth date finds, and the former number:'
SELECT given_names, family_name, shielded FROM contactpoint.search(given_names => :'given', date_of_birth => :'birth');
SELECT count(*) AS under_the_former_number FROM contactpoint.record WHERE child_id = :child;
\c - postgres
\echo '   What became of a row under the birth name, and of one under the new name:'
SELECT s.source_ref, s.outcome, coalesce(s.child_id = :number_after_the_order, false) AS in_the_vault FROM contactpoint.settlement s
WHERE s.source_ref IN ('demo-birth-name', 'demo-new-name') ORDER BY s.upload_id;

\echo
\echo '== 6. The auditor lists who looked at the child and why, also the look that was rolled back.'
\echo
\c - anne_auditor
SET contactpoint.reason = 'monthly audit';
SELECT to_char(at, 'HH24:MI:SS') AS at, a."session_user", command, relation, outcome, vault, reason
FROM contactpoint.audit a
WHERE (:child = ANY (children) OR outcome = 'refused') AND a."session_user" <> 'postgres'
ORDER BY entry;

\echo
\echo '== 7. Entries are sealed. The auditor keeps the head; then a superuser takes an entry out.'
\echo
\c - postgres
SELECT max(entry) AS last FROM contactpoint.audit \gset
DO $$
BEGIN
    WHILE (SELECT unsealed_bytes > 0 FROM contactpoint.status) LOOP PERFORM pg_sleep(0.1); COMMIT; END LOOP;
END
$$;
\c - anne_auditor
SET contactpoint.reason = 'monthly audit';
SELECT size, root FROM contactpoint.audit_head();
SELECT size, root FROM contactpoint.audit_head() \gset
SELECT intact, checked FROM contactpoint.audit_verify(1, :size, :'root');
SELECT max(entry) AS gone FROM contactpoint.audit WHERE reason = 'nobody will know' AND :child = ANY (children) AND sealed \gset
\c - postgres
SET contactpoint.allow_drop = on;
DELETE FROM contactpoint.ledger WHERE entry = :gone;
\c - anne_auditor
\echo '   The look that nobody should know of is gone. The head tells:'
SELECT intact, first_bad, fault FROM contactpoint.audit_verify(1, :size, :'root');
\echo
\echo 'That was contactpoint. Nothing was left behind but build/.'
