-- Shield lifted by one person: never. Reviews, requests, second people, provisional
-- shields, several shields on one child, and the child next door who is still hidden.
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
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode, carers) VALUES
    ('school', 'un-1', 1, 'Xaver', 'Unterholz', 'M', '2009-01-14', '1 Lifting Lane', 'UN1 1UN', NULL),
    ('school', 'un-2', 1, 'Amalie', 'Brandauer', 'F', '2011-06-25', '2 Sibling Street', 'UN2 2UN', '[{"full_name": "Rosa Brandauer", "contact": "07700 900551"}]'),
    ('school', 'un-3', 1, 'Konrad', 'Brandauer', 'M', '2013-09-06', '2 Sibling St', 'un22un', NULL),
    ('school', 'un-4', 1, 'Leopold', 'Zweigl', 'M', '2006-12-17', '3 Apart Road', 'UN3 3UN', '[{"full_name": "Rosa Brandauer", "contact": "07700-900551"}]');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT child_id AS xaver FROM contactpoint.source_link WHERE source_ref = 'un-1' \gset
SELECT child_id AS amalie FROM contactpoint.source_link WHERE source_ref = 'un-2' \gset
SELECT child_id AS konrad FROM contactpoint.source_link WHERE source_ref = 'un-3' \gset
SELECT child_id AS leopold FROM contactpoint.source_link WHERE source_ref = 'un-4' \gset

-- the review clock: six months, then listed, and nothing is lifted
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'reviews';
SELECT cardinality(contactpoint.shield(:xaver, 'threats', 'harm')) AS covered;
SELECT shield_id AS shield, review_on = ((now() AT TIME ZONE 'UTC')::date + interval '6 months')::date AS six_months FROM contactpoint.shield WHERE child_id = :xaver \gset
\echo :six_months
SELECT count(*) AS due FROM contactpoint.shields_due WHERE child_id = :xaver;
RESET SESSION AUTHORIZATION;
UPDATE contactpoint.shield SET review_on = (now() AT TIME ZONE 'UTC')::date - 3 WHERE shield_id = :shield;
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'reviews';
SET TimeZone = 'Pacific/Kiritimati';
SELECT category, provisional, placed_by, days_overdue FROM contactpoint.shields_due WHERE child_id = :xaver;
RESET TimeZone;
SELECT shielded FROM contactpoint.child WHERE child_id = :xaver;
SET SESSION AUTHORIZATION regress_elsewhere;
SET contactpoint.reason = 'reviews';
SELECT count(*) AS due FROM contactpoint.shields_due WHERE child_id = :xaver;
SELECT contactpoint.keep_shield(:shield, 'not mine');
SET SESSION AUTHORIZATION regress_manager2;
SET contactpoint.reason = 'reviews';
SELECT contactpoint.keep_shield(:shield, '');
SELECT contactpoint.keep_shield(:shield, 'still threatened', '2001-01-01');
SELECT contactpoint.keep_shield(:shield, 'still threatened', (now() + interval '2 years')::date);
SELECT contactpoint.keep_shield(-1, 'still threatened');
SELECT contactpoint.keep_shield(NULL, NULL, NULL);
SELECT contactpoint.keep_shield(:shield, 'still threatened') > current_date + 170 AS kept;
SELECT count(*) AS due FROM contactpoint.shields_due WHERE child_id = :xaver;
SELECT reviewed_by, review_note FROM contactpoint.shield WHERE shield_id = :shield;
RESET SESSION AUTHORIZATION;

-- who may
SELECT r AS role, pg_temp.attempt(r, format('SELECT contactpoint.request_unshield(%s, ''over'')', :xaver)) AS asks,
    pg_temp.attempt(r, 'SELECT contactpoint.approve_unshield(-1)') AS approves,
    pg_temp.attempt(r, format('SELECT contactpoint.keep_shield(%s, ''stays'')', :shield)) AS keeps,
    pg_temp.attempt(r, 'SELECT count(*) FROM contactpoint.shields_due') AS lists
FROM unnest(ARRAY['regress_practitioner', 'regress_social', 'regress_override', 'regress_manager', 'regress_elsewhere', 'regress_feed',
    'regress_auditor', 'regress_admin', 'regress_nobody', 'regress_noaccount', 'regress_suspended', 'regress_lapsed']::name[]) r;

-- two people: not the same role, not the same log-in, of the authority
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.request_unshield(:xaver, 'danger is over') AS request \gset
SELECT contactpoint.approve_unshield(:request);
RESET SESSION AUTHORIZATION;
GRANT regress_manager2 TO regress_manager;
SET SESSION AUTHORIZATION regress_manager;
SET ROLE regress_manager2;
SELECT contactpoint.approve_unshield(:request);
RESET ROLE;
RESET SESSION AUTHORIZATION;
REVOKE regress_manager2 FROM regress_manager;
SET SESSION AUTHORIZATION regress_elsewhere;
SELECT contactpoint.approve_unshield(:request);
RESET SESSION AUTHORIZATION;
SELECT shielded FROM contactpoint.child WHERE child_id = :xaver;
-- a request lapses
UPDATE contactpoint.unshield_request SET lapses_at = clock_timestamp() WHERE request_id = :request;
SET SESSION AUTHORIZATION regress_manager2;
SELECT contactpoint.approve_unshield(:request);
RESET SESSION AUTHORIZATION;
SELECT shielded FROM contactpoint.child WHERE child_id = :xaver;

-- several shields: it is shielded while any stands
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.request_unshield(:xaver, 'the first is over') AS request \gset
SELECT cardinality(contactpoint.shield(:xaver, 'a second danger', 'fled')) AS covered;
SET SESSION AUTHORIZATION regress_manager2;
SELECT contactpoint.approve_unshield(:request);
SET contactpoint.reason = 'several';
SELECT shielded FROM contactpoint.child WHERE child_id = :xaver;
SELECT category, lifted_by FROM contactpoint.shield WHERE child_id = :xaver ORDER BY shield_id;
SELECT contactpoint.keep_shield(:shield, 'it is lifted');
SELECT contactpoint.request_unshield(:xaver, 'all is over') AS request \gset
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.approve_unshield(:request);
SET contactpoint.reason = 'several';
SELECT shielded FROM contactpoint.child WHERE child_id = :xaver;
SELECT contactpoint.request_unshield(:xaver, 'it is open');
RESET SESSION AUTHORIZATION;

-- the household: brothers and sisters are covered provisionally
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.shield(:amalie, 'threats', 'harm') @> ARRAY[:konrad, :leopold]::bigint[] AS covered;
SET contactpoint.reason = 'household';
SELECT child_id = :amalie AS amalie, provisional FROM contactpoint.shield WHERE child_id IN (:amalie, :konrad, :leopold) ORDER BY provisional, child_id;
-- sibling gives address away: one person may lift a provisional shield, but not while the address hides a sister
SELECT contactpoint.request_unshield(:konrad, 'he is not in danger') AS request \gset
SELECT contactpoint.approve_unshield(:request);
-- and two may not lift hers while it hides him
SELECT contactpoint.request_unshield(:amalie, 'over for her') AS hers \gset
SET SESSION AUTHORIZATION regress_manager2;
SELECT contactpoint.approve_unshield(:hers);
-- the carer's contact hides a third one, elsewhere, who was not asked for
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.request_unshield(:leopold, 'not in danger either') AS his \gset
-- nobody approves the own request for her by way of his
SELECT contactpoint.approve_unshield(:his);
SET SESSION AUTHORIZATION regress_manager2;
SELECT contactpoint.approve_unshield(:his);
SET contactpoint.reason = 'household';
SELECT count(*) FILTER (WHERE shielded) AS shielded FROM contactpoint.child WHERE child_id IN (:amalie, :konrad, :leopold);
SELECT count(*) AS approved FROM contactpoint.unshield_request WHERE request_id IN (:request, :hers, :his) AND approved_by = 'regress_manager2';
SELECT contactpoint.approve_unshield(:hers);
RESET SESSION AUTHORIZATION;
-- a provisional shield alone: one person
SET SESSION AUTHORIZATION regress_manager;
SELECT cardinality(contactpoint.shield(:konrad, 'threats', 'harm')) AS covered;
RESET SESSION AUTHORIZATION;
UPDATE contactpoint.shield SET lifted_at = now() WHERE child_id = :konrad;
UPDATE contactpoint.address SET address = '9 Moved Away' WHERE child_id = :konrad;
SET SESSION AUTHORIZATION regress_manager;
SELECT cardinality(contactpoint.shield(:konrad, 'threats', 'harm', false)) AS covered;
SELECT contactpoint.request_unshield(:amalie, 'only by her brother') AS request \gset
SELECT contactpoint.approve_unshield(:request);
SET contactpoint.reason = 'household';
SELECT shielded FROM contactpoint.child WHERE child_id = :amalie;
SELECT contactpoint.request_unshield(:konrad, 'his own') AS request \gset
SELECT contactpoint.approve_unshield(:request);
RESET SESSION AUTHORIZATION;

-- each call and each refusal is on record, with the child where there is one
SELECT effective_role, command, outcome, cardinality(children) > 0 AS names_children, count(*) FROM contactpoint.audit
WHERE command IN ('request_unshield', 'approve_unshield', 'keep_shield') AND at > :'started' AND effective_role ~ 'manager|elsewhere'
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4;
SELECT bool_and(children @> ARRAY[:amalie, :konrad, :leopold]::bigint[]) AS whole_household FROM contactpoint.audit
WHERE command = 'approve_unshield' AND at > :'started' AND outcome = 'done' AND cardinality(children) > 2;
DELETE FROM contactpoint.account WHERE role_name = 'regress_lapsed';
DROP ROLE regress_lapsed;

-- old details do not reappear: what the feed has withdrawn or replaced while the record was shielded is gone
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode, identifiers, carers, involvements) VALUES
    ('school', 'un-w', 1, 'Apollonia', 'Widerruf', 'F', '2007-04-19', '1 Withdrawn Way', 'UN9 1WW', '{"upn": "W820200012345"}',
     '[{"full_name": "Ottokar Widerruf", "contact": "07700 922331"}]', '[{"service": "school", "organisation": "Withdrawn School"}]');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT child_id AS apollonia FROM contactpoint.source_link WHERE source_ref = 'un-w' \gset
SET SESSION AUTHORIZATION regress_manager;
SELECT cardinality(contactpoint.shield(:apollonia, 'threats', 'harm')) AS covered;
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, date_of_birth, address, postcode, identifiers, carers, involvements) VALUES
    ('school', 'un-w', 'Apollonia', 'Widerruf', '2007-04-19', '2 Present Way', 'UN9 2WW', '{"upn": ""}', '[]', '[]');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.request_unshield(:apollonia, 'the danger is over') AS request \gset
SET SESSION AUTHORIZATION regress_manager2;
SELECT contactpoint.approve_unshield(:request);
RESET SESSION AUTHORIZATION;
SELECT c.shielded, a.address, (SELECT count(*) FROM contactpoint.carer k WHERE k.child_id = c.child_id) AS carers,
    (SELECT count(*) FROM contactpoint.involvement i WHERE i.child_id = c.child_id) AS involvements,
    (SELECT count(*) FROM contactpoint.identifier i WHERE i.child_id = c.child_id) AS identifiers
FROM contactpoint.child c LEFT JOIN contactpoint.address a USING (child_id) WHERE c.child_id = :apollonia;
