-- Why a row was held or settled: who is told, and what.
\getenv abs_srcdir PG_ABS_SRCDIR
\set people :abs_srcdir '/people.sql'
\i :people
\set SHOW_CONTEXT never
SELECT clock_timestamp() AS started \gset

SET SESSION AUTHORIZATION regress_feed;
COPY contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode, alias_names) FROM stdin;
school	ex-1	1	Wilhelmina	Ashdown	F	2012-03-04	5 Weaver Lane, Kendal	LA9 4AA	\N
school	ex-2	1	Leopold	Thornbury	M	2010-10-19	2 Abbey Walk, Kendal	LA9 6BB	\N
school	ex-3	1	Ottoline	Greyfriars	F	2011-07-08	8 Castle Hill, Kendal	LA9 8CC	[{"kind": "birth", "family_name": "Marchmont"}]
\.
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT l.child_id AS shielded FROM contactpoint.source_link l WHERE l.source_ref = 'ex-2' \gset
SET SESSION AUTHORIZATION regress_manager;
SELECT cardinality(contactpoint.shield(:shielded, 'threats', 'fled')) AS shielded_records;
SET SESSION AUTHORIZATION regress_feed;
COPY contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode) FROM stdin;
health	ex-11	Wilhelmina	Ashdown	F	2012-03-04	5 Weaver Lane, Kendal	LA9 4AA
health	ex-12	Wilhelmena	Ashdown	F	2012-04-03	5 Weaver Lane, Kendal	LA9 4AA
health	ex-13	Leopold	Newname	M	2010-10-19	2 Abbey Walk, Kendal	LA9 6BB
health	ex-14	Ottoline	Marchmont	F	2011-08-07	\N	\N
health	ex-15	Ottoline	\N	\N	\N	\N	\N
\.
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT source_ref, outcome FROM contactpoint.settlement WHERE source_ref LIKE 'ex-__' ORDER BY source_ref;
SELECT upload_id AS matched FROM contactpoint.settlement WHERE source_ref = 'ex-11' \gset
SELECT upload_id AS held FROM contactpoint.settlement WHERE source_ref = 'ex-12' \gset
SELECT upload_id AS near_shield FROM contactpoint.settlement WHERE source_ref = 'ex-13' \gset
SELECT upload_id AS near_alias FROM contactpoint.settlement WHERE source_ref = 'ex-14' \gset
SELECT upload_id AS too_little FROM contactpoint.settlement WHERE source_ref = 'ex-15' \gset

-- who may not: others than managers, managers elsewhere, without a reason, of nothing
SET SESSION AUTHORIZATION regress_practitioner;
SET contactpoint.reason = 'reviews';
SELECT * FROM contactpoint.explain_match(:held);
SET SESSION AUTHORIZATION regress_feed;
SELECT * FROM contactpoint.explain_match(:held);
SET SESSION AUTHORIZATION regress_elsewhere;
SET contactpoint.reason = 'reviews';
SELECT * FROM contactpoint.explain_match(:held);
SELECT * FROM contactpoint.explain_match(:matched);
SET SESSION AUTHORIZATION regress_nobody;
SELECT * FROM contactpoint.explain_match(1);
SET SESSION AUTHORIZATION regress_manager;
RESET contactpoint.reason;
SELECT * FROM contactpoint.explain_match(:held);
SET contactpoint.reason = 'reviews';
SELECT * FROM contactpoint.explain_match(NULL);
SELECT * FROM contactpoint.explain_match(0);
SELECT * FROM contactpoint.explain_match(9223372036854775807);

-- a held row: field by field, the same again
SELECT field, level, bits > 0 AS speaks_for, score >= threshold AS possible, outcome, reason
FROM contactpoint.explain_match(:held);
SELECT count(*) = 0 AS differ FROM
    (SELECT * FROM contactpoint.explain_match(:held) EXCEPT SELECT * FROM contactpoint.explain_match(:held)) d;
-- the score is the odds of the first class against the others, which are all there are
SELECT DISTINCT abs(ln(same / (household + twin + other)) / ln(2) - score) < 0.001 AS odds, abs(same + household + twin + other - 1) < 0.001 AS all_classes
FROM contactpoint.explain_match(:held);
-- one side does not know the fields
SELECT count(*) FILTER (WHERE field IN ('birth', 'sex', 'postcode', 'address', 'place')) AS unknown FROM contactpoint.explain_match(:too_little);
-- a hidden name is not told: the public one is another
SELECT field, level, outcome FROM contactpoint.explain_match(:near_alias) WHERE field = 'family';
-- a settled row: outcome, score and record
SELECT child_id = (SELECT l.child_id FROM contactpoint.source_link l WHERE l.source_ref = 'ex-11') AS record, field, score > threshold AS enough, outcome, reason
FROM contactpoint.explain_match(:matched);
-- near a shielded child: that it is one, until the record is open
SELECT child_id = :shielded AS shielded, field, level, bits, rarity, score, same, household, twin, other, threshold, outcome, reason FROM contactpoint.explain_match(:near_shield);
SELECT contactpoint.grant_access(:shielded, 'regress_manager', 'reviews its rows', now() + interval '1 hour');
SELECT contactpoint.open_shielded(:shielded, 'review') IS NOT NULL AS open;
SELECT field, level FROM contactpoint.explain_match(:near_shield) WHERE field IN ('given', 'family', 'birth');
SELECT contactpoint.close_shielded(:shielded);
SELECT count(field) AS fields FROM contactpoint.explain_match(:near_shield);

-- decided: what is kept
SELECT review_id AS review, candidates[1] AS candidate FROM contactpoint.review WHERE source_ref = 'ex-12' AND decided_at IS NULL \gset
SELECT contactpoint.decide(:review, 'same', :candidate) = :candidate AS decided;
SELECT child_id = :candidate AS record, field, score, outcome, reason FROM contactpoint.explain_match(:held);
SELECT review_id AS review FROM contactpoint.review WHERE source_ref = 'ex-15' AND decided_at IS NULL \gset
SELECT contactpoint.decide(:review, 'reject');
SELECT child_id, field, score, outcome, reason FROM contactpoint.explain_match(:too_little);
-- a row that went to a child who was shielded since is its authority's, and tells no score
SELECT cardinality(contactpoint.shield(:candidate, 'threats', 'fled')) > 0 AS shielded;
SELECT child_id = :candidate AS record, field, score, outcome FROM contactpoint.explain_match(:matched);

-- a row that waits
RESET SESSION AUTHORIZATION;
UPDATE contactpoint.source SET embargoed_at = now() WHERE source = 'health';
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode)
    VALUES ('health', 'ex-99', 'Ottoline', 'Greyfriars', 'F', '2011-07-08', '8 Castle Hill, Kendal', 'LA9 8CC');
RESET SESSION AUTHORIZATION;
SELECT upload_id AS waits FROM contactpoint.receipt WHERE source_ref = 'ex-99' \gset
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'reviews';
SELECT * FROM contactpoint.explain_match(:waits);
RESET SESSION AUTHORIZATION;
UPDATE contactpoint.source SET embargoed_at = NULL WHERE source = 'health';
CALL contactpoint.settle();

-- every call is on record, with the children it named, every refusal too
SELECT outcome, "session_user", count(*), count(*) FILTER (WHERE children <> '{}') AS name_children
FROM contactpoint.audit WHERE command = 'explain_match' AND at > :'started' GROUP BY 1, 2 ORDER BY 1, 2;
SELECT count(*) AS near_shielded FROM contactpoint.audit WHERE command = 'explain_match' AND outcome = 'done' AND :shielded = ANY (children);
