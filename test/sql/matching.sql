-- Who is the same child and who is not, as the rules of matching say.
\getenv abs_srcdir PG_ABS_SRCDIR
\set people :abs_srcdir '/people.sql'
\set ways :abs_srcdir '/ways.sql'
\i :people
\i :ways
\set SHOW_CONTEXT never

-- the same child twice in one COPY becomes one record
SET SESSION AUTHORIZATION regress_feed;
COPY contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode) FROM stdin;
school	ma-1	1	Bartholomew	Nightingale	M	2012-06-07	5 Mill Road	MA1 1AA
school	ma-1	1	Bartholomew	Nightingale	M	2012-06-07	5 Mill Road	MA1 1AA
school	ma-2	1	Bartholomew	Nightingale	M	2012-06-07	5 Mill Road	MA1 1AA
health	ma-3	1	Bartholomew	Nightingail	M	2012-06-07	5 Mill Road	MA1 1AA
\.
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT count(*) AS records FROM contactpoint.child WHERE date_of_birth = '2012-06-07';
SELECT pg_temp.outcome('ma-1'), pg_temp.outcome('ma-2'), pg_temp.outcome('ma-3');

-- twins are two children
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('school', 'tw-1', 1, 'Florence', 'Goldsmith', 'F', '2013-02-14', '8 Twin Street', 'TW1 1AA'),
    ('school', 'tw-2', 1, 'Matilda', 'Goldsmith', 'F', '2013-02-14', '8 Twin Street', 'TW1 1AA');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT pg_temp.outcome('tw-1'), pg_temp.outcome('tw-2'), count(DISTINCT child_id) FROM contactpoint.source_link WHERE source_ref LIKE 'tw-%';

-- brothers and sisters, and namesakes, are not the same
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('school', 'si-1', 1, 'Rosalind', 'Cartwright', 'F', '2010-01-20', '2 Same House', 'SI1 1AA'),
    ('school', 'si-2', 1, 'Benedict', 'Cartwright', 'M', '2012-11-28', '2 Same House', 'SI1 1AA'),
    ('health', 'na-1', 1, 'Rosalind', 'Cartwright', 'F', '2015-09-13', '77 Far Away', 'NA9 9ZZ');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT pg_temp.outcome('si-1'), pg_temp.outcome('si-2'), pg_temp.outcome('na-1') <> 'match' AS namesake_not_matched;

-- never attached on name and address alone
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('health', 'nb-1', 'Bartholomew', 'Nightingale', 'M', '2012-06-17', '5 Mill Road', 'MA1 1AA'),
    ('health', 'nb-2', 'Bartholomew', 'Nightingale', 'M', NULL, '5 Mill Road', 'MA1 1AA'),
    ('health', 'nb-3', 'Bartholomew', NULL, NULL, NULL, NULL, NULL),
    ('health', 'nb-4', NULL, NULL, NULL, NULL, '5 Mill Road', 'MA1 1AA');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT pg_temp.outcome('nb-1'), pg_temp.outcome('nb-2'), pg_temp.outcome('nb-3'), pg_temp.outcome('nb-4');

-- a recycled reference is held, also when it now means the twin
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('school', 'ma-2', 'Genevieve', 'Summerfield', 'F', '2009-12-24', '1 New Place', 'RC1 1AA'),
    ('school', 'tw-1', 'Matilda', 'Goldsmith', 'F', '2013-02-14', '1 New Place', 'RC1 1AA');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT pg_temp.outcome('ma-2'), pg_temp.outcome('tw-1'), count(*) AS planted FROM contactpoint.address WHERE postcode = 'RC1 1AA';
-- re-sends join the one open review
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('school', 'ma-2', 'Genevieve', 'Summerfield', 'F', '2009-12-24', '2 New Place', 'RC1 1AA');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT count(*) AS open_reviews FROM contactpoint.review WHERE source_ref = 'ma-2' AND decided_at IS NULL;

-- who may decide
SELECT review_id AS review, upload_id AS held FROM contactpoint.review WHERE source_ref = 'ma-2' AND decided_at IS NULL \gset
SET SESSION AUTHORIZATION regress_practitioner;
SELECT contactpoint.decide(:review, 'new');
SELECT count(*) FROM contactpoint.reviews_due;
SET SESSION AUTHORIZATION regress_elsewhere;
SET contactpoint.reason = 'reviews';
SELECT count(*) FROM contactpoint.reviews_due WHERE review_id = :review;
SELECT contactpoint.decide(:review, 'new');
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'reviews';
SELECT source, reason, late FROM contactpoint.reviews_due WHERE review_id = :review;
SELECT contactpoint.held_upload(:review)->>'given_names' AS given;
SELECT contactpoint.decide(:review, 'maybe');
SELECT contactpoint.decide(:review, 'same');
SELECT contactpoint.decide(:review, 'same', 100000000008);
SELECT contactpoint.decide(:review, 'ask', note => 'is this another child?');
SELECT contactpoint.decide(:review, 'new') IS NOT NULL AS decided;
SELECT contactpoint.decide(:review, 'new');
SELECT contactpoint.decide(NULL, 'new');
SELECT review_id AS review, candidates[1] AS candidate FROM contactpoint.review WHERE source_ref = 'nb-1' AND decided_at IS NULL \gset
SELECT contactpoint.decide(:review, 'same', :candidate) = :candidate AS decided;
SELECT review_id AS review FROM contactpoint.review WHERE source_ref = 'nb-4' AND decided_at IS NULL \gset
SELECT contactpoint.decide(:review, 'new');
SELECT contactpoint.decide(:review, 'reject', note => 'nothing to go by');
RESET SESSION AUTHORIZATION;
-- what was decided: the reference follows, both held rows were settled in order
SELECT given_names, family_name, (SELECT string_agg(address, ',') FROM contactpoint.address a WHERE a.child_id = c.child_id) AS address
FROM contactpoint.child c JOIN contactpoint.source_link l USING (child_id) WHERE l.source_ref = 'ma-2';
SELECT count(*) AS left_in_inbox FROM contactpoint.upload WHERE source_ref IN ('ma-2', 'nb-1', 'nb-4');
-- from now on the reference goes straight to its child
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('health', 'nb-1', 'Bartholomew', 'Nightingale', 'M', '2012-06-17', '6 Mill Road', 'MA1 1AA');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT pg_temp.outcome('nb-1');

-- NULL was not sent, empty is withdrawn
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, date_of_birth, identifiers, carers) VALUES
    ('school', 'tw-2', 'Matilda', 'Goldsmith', '2013-02-14', '{"upn": "H801200001001", "nhs": "4505577104"}', '[{"full_name": "Gwen Goldsmith", "relationship": "mother"}]');
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, date_of_birth, identifiers) VALUES
    ('school', 'tw-2', 'Matilda', 'Goldsmith', '2013-02-14', '{"upn": ""}');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT a.address, (SELECT string_agg(kind, ',') FROM contactpoint.identifier d WHERE d.child_id = l.child_id) AS identifiers,
    (SELECT string_agg(full_name, ',') FROM contactpoint.carer k WHERE k.child_id = l.child_id) AS carers
FROM contactpoint.source_link l LEFT JOIN contactpoint.address a USING (child_id) WHERE l.source_ref = 'tw-2';
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, date_of_birth, address, postcode, carers) VALUES
    ('school', 'tw-2', 'Matilda', 'Goldsmith', '2013-02-14', '', '', '[]');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT a.address, (SELECT count(*) FROM contactpoint.carer k WHERE k.child_id = l.child_id) AS carers
FROM contactpoint.source_link l LEFT JOIN contactpoint.address a USING (child_id) WHERE l.source_ref = 'tw-2';

-- receipts tell received and settled, never the outcome, and only the own ones
SET SESSION AUTHORIZATION regress_feed;
SELECT count(*) > 10 AS own, count(*) FILTER (WHERE source = 'other') AS foreign FROM contactpoint.upload_receipt;
SELECT string_agg(attname, ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'contactpoint.upload_receipt'::regclass AND attnum > 0;
SET SESSION AUTHORIZATION regress_feed2;
SELECT count(*) FILTER (WHERE source <> 'other') AS foreign FROM contactpoint.upload_receipt;
RESET SESSION AUTHORIZATION;

-- a row that cannot be written is held alone; the others of its batch are settled
SET contactpoint.allow_drop = on;
ALTER TABLE contactpoint.carer ADD CONSTRAINT poison CHECK (full_name <> 'Poison Carer');
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, carers)
SELECT 'school', 'po-' || n, 1, (ARRAY['Agnes', 'Beryl', 'Clementine', 'Dorothea', 'Esmeralda', 'Philippa', 'Gwendolen', 'Henrietta', 'Isadora'])[n],
    (ARRAY['Applewhite', 'Birtwistle', 'Cholmondeley', 'Dunwoody', 'Entwhistle', 'Fothergill', 'Goldsworthy', 'Higginbotham', 'Jerningham'])[n],
    'F', '2009-03-01'::date + 40 * n,
    CASE WHEN n = 5 THEN '[{"full_name": "Poison Carer"}]' ELSE '[{"full_name": "Good Carer"}]' END::jsonb
FROM generate_series(1, 9) n;
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
ALTER TABLE contactpoint.carer DROP CONSTRAINT poison;
RESET contactpoint.allow_drop;
SELECT outcome, count(*), min(source_ref) FROM contactpoint.settlement WHERE source_ref LIKE 'po-%' GROUP BY outcome ORDER BY outcome;
SELECT reason, shielded FROM contactpoint.review WHERE source_ref = 'po-5';
-- settle() by those who may, and not inside a writing transaction
SET SESSION AUTHORIZATION regress_practitioner;
CALL contactpoint.settle();
SET SESSION AUTHORIZATION regress_manager;
CALL contactpoint.settle('10 seconds');
CALL contactpoint.settle(NULL);
RESET SESSION AUTHORIZATION;
BEGIN;
INSERT INTO contactpoint.upload (source, source_ref) VALUES ('school', 'in-transaction');
CALL contactpoint.settle();
ROLLBACK;

-- a name torn apart, in a row without a birth date, finds the whole one
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('school', 'jo-1', 1, 'Penelope', 'Owekitinisa', 'F', '2011-05-06', '4 Whole Lane', 'JO1 1AA');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex) VALUES
    ('health', 'jo-2', 'Pen Elope', 'Owekitinisa', 'F'),
    ('health', 'jo-3', 'Gwendoline', 'Zandvliet', 'F');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT s.source_ref, s.outcome, cardinality(r.candidates) AS candidates
FROM contactpoint.settlement s LEFT JOIN contactpoint.review r ON r.source_ref = s.source_ref AND r.decided_at IS NULL
WHERE s.source_ref IN ('jo-2', 'jo-3') ORDER BY 1;

-- numbers that hold a birth date are alike where the dates are
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, identifiers) VALUES
    ('school', 'nb-1', 1, 'Ottilie', 'Brandreth', 'F', '2011-03-14', '{"chi": "1403110042"}'),
    ('school', 'nb-2', 1, 'Ottokar', 'Uphill', 'M', '2011-03-15', '{"reg": "8812340042"}');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, identifiers) VALUES
    ('health', 'nb-3', 1, 'Sebastienne', 'Brandreth', 'F', '2011-03-14', '{"chi": "1403110043"}'),
    ('health', 'nb-4', 1, 'Wunibald', 'Uphill', 'M', '2011-03-15', '{"reg": "8812340043"}');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'reviews';
SELECT r.source_ref, e.field, e.level FROM contactpoint.review r, LATERAL contactpoint.explain_match(r.upload_id) e
WHERE r.source_ref IN ('nb-3', 'nb-4') AND e.field IN ('family', 'number') ORDER BY 1, 2;
RESET contactpoint.reason;
RESET SESSION AUTHORIZATION;
