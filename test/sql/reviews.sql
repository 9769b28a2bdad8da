-- Reviews: each has an authority, a date and an owner, and none is forgotten when the
-- owner leaves, the authority closes or a candidate is merged away.
\getenv abs_srcdir PG_ABS_SRCDIR
\set people :abs_srcdir '/people.sql'
\i :people
\set SHOW_CONTEXT never
\pset null '-'
SELECT clock_timestamp() AS started \gset
INSERT INTO contactpoint.organisation (organisation_id, name, kind, stage) VALUES (41, 'Reviewshire', 'authority', 'live'), (42, 'Emptyshire', 'authority', 'live');
INSERT INTO contactpoint.source (source, organisation_id, feed_role) VALUES ('reviewed', 41, 'regress_feed');
CREATE ROLE regress_reviewer1 LOGIN IN ROLE contactpoint_manager;
CREATE ROLE regress_reviewer2 LOGIN IN ROLE contactpoint_manager;
CREATE ROLE regress_reader1 LOGIN IN ROLE contactpoint_practitioner;
INSERT INTO contactpoint.account VALUES ('regress_reviewer1', 41, 'One', current_date + 9, current_date + 9),
    ('regress_reviewer2', 41, 'Two', current_date + 9, current_date + 9), ('regress_reader1', 41, 'Reader', current_date + 9, current_date + 9),
    ('regress_nosuchrole', 41, 'Role dropped', current_date + 9, current_date + 9);

SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('reviewed', 're-1', 41, 'Walpurga', 'Steinadler', 'F', '2012-09-19', '1 Pondering Court', 'RE1 1RE'),
    ('reviewed', 're-2', 41, 'Burkhard', 'Uferlaeufer', 'M', '2009-01-29', '2 Pondering Court', 'RE2 2RE'),
    ('reviewed', 're-3', 41, 'Walpurga', 'Steinadler', 'F', NULL, '1 Pondering Court', 'RE1 1RE');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT child_id AS walpurga FROM contactpoint.source_link WHERE source_ref = 're-1' \gset
SELECT child_id AS burkhard FROM contactpoint.source_link WHERE source_ref = 're-2' \gset
SELECT review_id AS review FROM contactpoint.review WHERE source_ref = 're-3' \gset
PREPARE due AS SELECT assigned_to, late, unattended, stranded, asked_at IS NOT NULL AS asked, due_at > now() + interval '1 day' AS has_time
    FROM contactpoint.reviews_due WHERE review_id = $1;

-- an owner: taken, not taken away, given to somebody who may decide
SET SESSION AUTHORIZATION regress_reviewer1;
SET contactpoint.reason = 'reviews';
EXECUTE due (:review);
SELECT contactpoint.take_review(:review);
SELECT contactpoint.take_review(:review);
EXECUTE due (:review);
SET SESSION AUTHORIZATION regress_reviewer2;
SELECT contactpoint.take_review(:review);
SELECT contactpoint.assign_review(:review, 'regress_reader1');
SELECT contactpoint.assign_review(:review, 'regress_manager');
SELECT contactpoint.assign_review(:review, 'regress_nosuchrole');
SELECT contactpoint.assign_review(:review, NULL);
SELECT contactpoint.assign_review(-1, 'regress_reviewer2');
SELECT contactpoint.assign_review(NULL, 'regress_reviewer2');
SELECT contactpoint.take_review(NULL);
SELECT contactpoint.assign_review(:review, 'regress_reviewer2');
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.take_review(:review);
SELECT contactpoint.assign_review(:review, 'regress_reviewer1');
RESET SESSION AUTHORIZATION;
-- the owner's account lapses: nobody attends to it, and somebody else may take it
UPDATE contactpoint.account SET checked_until = current_date - 2 WHERE role_name = 'regress_reviewer2';
SET SESSION AUTHORIZATION regress_reviewer1;
SET contactpoint.reason = 'reviews';
EXECUTE due (:review);
SELECT contactpoint.take_review(:review);
EXECUTE due (:review);

-- the source is asked: it gets time, and it is seen when it has answered or not
RESET SESSION AUTHORIZATION;
UPDATE contactpoint.review SET due_at = now() - interval '1 day' WHERE review_id = :review;
SET SESSION AUTHORIZATION regress_reviewer1;
SET contactpoint.reason = 'reviews';
EXECUTE due (:review);
SELECT contactpoint.decide(:review, 'ask', note => 'which birth date?') IS NULL AS asked;
EXECUTE due (:review);
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('reviewed', 're-3', 'Walpurga', 'Steinadler', 'F', '2012-09-19', '1 Pondering Court', 'RE1 1RE');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SET SESSION AUTHORIZATION regress_reviewer1;
SET contactpoint.reason = 'reviews';
EXECUTE due (:review);

-- a candidate is merged away: the review is about the record that stays, and of a shielded one it tells no score
SELECT contactpoint.merge(:walpurga, :burkhard, 'one child, both names') IS NOT NULL AS merged;
SELECT candidates = ARRAY[:burkhard]::bigint[] AS of_burkhard FROM contactpoint.reviews_due WHERE review_id = :review;
SELECT contactpoint.decide(:review, 'same', :walpurga);

-- the authority closes: its reviews are stranded, and an admin hands them over, not before
SET SESSION AUTHORIZATION regress_admin;
SET contactpoint.reason = 'reviews';
EXECUTE due (:review);
SELECT contactpoint.hand_over_review(:review, 1, 'because');
RESET SESSION AUTHORIZATION;
UPDATE contactpoint.organisation SET stage = 'suspended' WHERE organisation_id = 41;
SET SESSION AUTHORIZATION regress_reviewer1;
SELECT contactpoint.decide(:review, 'reject');
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.hand_over_review(:review, 1, 'mine now');
SET SESSION AUTHORIZATION regress_admin;
SET contactpoint.reason = 'reviews';
EXECUTE due (:review);
SELECT contactpoint.hand_over_review(:review, 42, 'nobody is there');
SELECT contactpoint.hand_over_review(:review, NULL, 'to nobody');
SELECT contactpoint.hand_over_review(:review, 1, ' ');
SELECT contactpoint.hand_over_review(-1, 1, 'nothing');
SELECT contactpoint.hand_over_review(:review, 1, 'Reviewshire is closed');
EXECUTE due (:review);
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'reviews';
SELECT note FROM contactpoint.review WHERE review_id = :review;
SELECT contactpoint.decide(:review, 'reject') IS NULL AS rejected;
SELECT contactpoint.take_review(:review);
RESET SESSION AUTHORIZATION;

SELECT effective_role, command, outcome, cardinality(children) > 0 AS names_children, count(*) FROM contactpoint.audit
WHERE command IN ('take_review', 'assign_review', 'hand_over_review') AND at > :'started' GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4;
-- and each look at the list
SELECT command, relation, outcome, children @> ARRAY[:walpurga]::bigint[] AS names_her, count(*) > 0 AS seen FROM contactpoint.audit
WHERE effective_role = 'regress_reviewer1' AND command ~ 'SELECT|EXECUTE' AND at > :'started' GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4;
DELETE FROM contactpoint.account WHERE organisation_id = 41;
DROP ROLE regress_reviewer1, regress_reviewer2, regress_reader1;
