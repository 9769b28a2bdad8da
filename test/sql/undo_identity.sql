-- Where merging, undoing and new identities meet: nothing that is left of one leads to the other.
\getenv abs_srcdir PG_ABS_SRCDIR
\set people :abs_srcdir '/people.sql'
\i :people
\set SHOW_CONTEXT never
\pset null '-'

-- an open record goes into a shielded one: others' decided reviews do not tell which
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('school', 'if-1', 1, 'Theodora', 'Schattenfrau', 'F', '2011-05-06', '1 Safe Lane', 'SA1 1SA');
SET SESSION AUTHORIZATION regress_feed2;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('other', 'if-2', 2, 'Isolde', 'Grenzgang', 'F', '2010-02-03', '5 Else Road', 'EL1 1EL'),
    ('other', 'if-3', 2, 'Isolde', 'Grenzgang', 'F', '2010-02-04', '66 Away Street', 'AW1 1AW');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT child_id AS safe FROM contactpoint.source_link WHERE source_ref = 'if-1' \gset
SELECT child_id AS open FROM contactpoint.source_link WHERE source_ref = 'if-2' \gset
SET SESSION AUTHORIZATION regress_elsewhere;
SET contactpoint.reason = 'identity';
SELECT contactpoint.decide(review_id, 'same', :open) = :open AS decided FROM contactpoint.review WHERE source_ref = 'if-3';
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'identity';
SELECT cardinality(contactpoint.shield(:safe, 'in danger', 'harm', false)) AS shielded;
SELECT contactpoint.merge(:open, :safe, 'one child') IS NOT NULL AS merged;
SET SESSION AUTHORIZATION regress_elsewhere;
SET contactpoint.reason = 'identity';
SELECT candidates = ARRAY[:open]::bigint[] AS as_it_was, :safe = ANY (candidates) AS tells FROM contactpoint.review WHERE source_ref = 'if-3';
RESET SESSION AUTHORIZATION;

-- a review names a former identity and another record: merged with that one, parted, and merged the other way, one number is left
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('school', 'if-4', 1, 'Walburga', 'Erstname', 'F', '2006-06-06', '1 First Road', 'FR1 1FR'),
    ('health', 'if-5', 1, 'Walburga', 'Erstnamer', 'F', '2006-06-07', '88 Second Close', 'SC1 1SC');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT child_id AS former FROM contactpoint.source_link WHERE source_ref = 'if-4' \gset
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'identity';
SELECT contactpoint.decide(review_id, 'new') AS second FROM contactpoint.review WHERE source_ref = 'if-5' \gset
SELECT contactpoint.new_identity(:former, 'Walburga', 'Zweitname', 'protected person') AS present \gset
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth) VALUES
    ('school', 'if-6', 'Walburga', 'Erstnamer', 'F', '2006-06-06');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT candidates = ARRAY[:former, :second]::bigint[] AS both FROM contactpoint.review WHERE source_ref = 'if-6';
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'identity';
SELECT contactpoint.merge(:present, :second, 'one child') AS merge \gset
SELECT candidates = ARRAY[:former]::bigint[] AS former_alone FROM contactpoint.review WHERE source_ref = 'if-6';
SELECT contactpoint.unmerge(:merge, 'two children') = :present AS parted;
SELECT :former = ANY (candidates) AS former, :present = ANY (candidates) AS present FROM contactpoint.review WHERE source_ref = 'if-6';
RESET SESSION AUTHORIZATION;
UPDATE contactpoint.review SET candidates = ARRAY[:former, :second] WHERE source_ref = 'if-6';
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'identity';
SELECT contactpoint.merge(:second, :present, 'one child') IS NOT NULL AS merged;
SELECT candidates = ARRAY[:former]::bigint[] AS former_alone FROM contactpoint.review WHERE source_ref = 'if-6';
RESET SESSION AUTHORIZATION;

-- a reference was decided about a child, which gets a new identity; under the new name it comes near the new number: the old decision does not name the former one, and is not undone
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('school', 'if-7', 1, 'Adelgund', 'Vorher', 'F', '2011-11-11', '1 Before Lane', 'BF1 1BF');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT child_id AS former FROM contactpoint.source_link WHERE source_ref = 'if-7' \gset
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'identity';
SELECT cardinality(contactpoint.shield(:former, 'in danger', 'harm', false)) AS shielded;
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth) VALUES
    ('health', 'if-8', 'Adelgund', 'Irgendwie', 'F', '2011-11-11');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT review_id AS decided FROM contactpoint.review WHERE source_ref = 'if-8' \gset
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'identity';
SELECT contactpoint.decide(:decided, 'same', :former) = :former AS decided;
SELECT contactpoint.undecide(:decided, 'by mistake') = :former AS undone;
SELECT contactpoint.decide(:decided, 'same', :former) = :former AS decided;
SELECT contactpoint.new_identity(:former, 'Adelgund', 'Nachher', 'protected person') AS present \gset
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth) VALUES
    ('health', 'if-8', 'Adelgund', 'Nachher', 'F', '2011-11-11');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'identity';
SELECT decision, :former = ANY (candidates) AS former, :present = ANY (candidates) AS present FROM contactpoint.review WHERE source_ref = 'if-8' ORDER BY review_id;
SELECT kind, child_id = :former AS former, source, source_ref FROM contactpoint.undo_log WHERE child_id = :former;
SELECT contactpoint.decide(review_id, 'reject') FROM contactpoint.review WHERE source_ref = 'if-8' AND decided_at IS NULL;
SELECT contactpoint.undecide(:decided, 'by mistake');
RESET SESSION AUTHORIZATION;
SELECT count(*) AS waits_for_ever FROM contactpoint.upload u WHERE NOT EXISTS (SELECT FROM contactpoint.settlement s WHERE s.upload_id = u.upload_id);
SELECT DISTINCT relation FROM contactpoint.former_row WHERE child_id = :former AND relation = 'decided_row';

-- a decision is undone near a record that has got a new identity since: the review waits for its authority
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('school', 'if-9', 1, 'Kunigunde', 'Altstein', 'F', '2008-08-08', '9 Hill Road', 'HI1 1HI');
SET SESSION AUTHORIZATION regress_feed2;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('other', 'if-10', 'Kunigunde', 'Altstein', 'F', '2008-08-09', '77 Far Street', 'FA1 1FA');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT child_id AS former FROM contactpoint.source_link WHERE source_ref = 'if-9' \gset
SELECT review_id AS decided FROM contactpoint.review WHERE source_ref = 'if-10' \gset
SET SESSION AUTHORIZATION regress_elsewhere;
SET contactpoint.reason = 'identity';
SELECT contactpoint.decide(:decided, 'reject');
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'identity';
SELECT contactpoint.new_identity(:former, 'Kunigunde', 'Neustein', 'protected person') IS NOT NULL AS done;
SET SESSION AUTHORIZATION regress_elsewhere;
SET contactpoint.reason = 'identity';
SELECT contactpoint.undecide(:decided, 'by mistake');
SELECT count(*) AS still_theirs FROM contactpoint.review WHERE review_id = :decided;
SELECT contactpoint.held_upload(:decided);
RESET SESSION AUTHORIZATION;
SELECT authority, shielded, score FROM contactpoint.review WHERE review_id = :decided;

-- a reference is parted from a record that has brought details of the same source along from a former identity: these stay
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode, identifiers) VALUES
    ('health', 'if-11', 1, 'Adelheid', 'Vorname', 'F', '2007-07-07', '1 Kept Road', 'KE1 1KE', '{"upn": "kept"}');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT child_id AS former FROM contactpoint.source_link WHERE source_ref = 'if-11' \gset
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'identity';
SELECT contactpoint.new_identity(:former, 'Adelheid', 'Nachname', 'protected person') AS present \gset
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, involvements) VALUES
    ('health', 'if-12', 'Adelheid', 'Nachname', 'F', '2007-07-08', '[{"service": "dentist"}]');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'identity';
SELECT contactpoint.decide(review_id, 'same', :present) = :present AS decided FROM contactpoint.review WHERE source_ref = 'if-12';
RESET SESSION AUTHORIZATION;
SELECT source, service FROM contactpoint.involvement_vault WHERE child_id = :present;
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'identity';
SELECT contactpoint.separate('health', 'if-12', 'another child') = :present AS parted;
RESET SESSION AUTHORIZATION;
SELECT source, address FROM contactpoint.address_vault WHERE child_id = :present;
SELECT source, value FROM contactpoint.identifier_vault WHERE child_id = :present;
SELECT count(*) AS services FROM contactpoint.involvement_vault WHERE child_id = :present;

-- who has looked at a held row is on record for the records it came near
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth) VALUES
    ('health', 'if-13', 'Theodora', 'Schattenfrau', 'F', '2011-05-07');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'identity';
SELECT contactpoint.held_upload(review_id) ->> 'given_names' AS given_names FROM contactpoint.review WHERE source_ref = 'if-13' AND :safe = ANY (candidates);
SET SESSION AUTHORIZATION regress_auditor;
SET contactpoint.reason = 'identity';
SELECT effective_role, outcome, count(*) FROM contactpoint.audit WHERE command = 'held_upload' AND children @> ARRAY[:safe]::bigint[] GROUP BY 1, 2;
RESET SESSION AUTHORIZATION;

-- who has seen the link attaches a row that bears the former name: neither the review nor the link tells others
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth) VALUES
    ('school', 'if-14', 'Adelheid', 'Vorname', 'F', '2007-07-07');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
GRANT contactpoint_override TO regress_manager2;
SET SESSION AUTHORIZATION regress_manager2;
SET contactpoint.reason = 'identity';
SELECT contactpoint.former_identity(:former, 'court asks', true) ? 'open_until' AS opens;
SELECT contactpoint.decide(review_id, 'same', :present) = :present AS decided FROM contactpoint.review WHERE source_ref = 'if-14';
RESET SESSION AUTHORIZATION;
REVOKE contactpoint_override FROM regress_manager2;
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'identity';
SELECT :former = ANY (r.candidates) AS former, l.child_id = :present AS present
FROM contactpoint.review r JOIN contactpoint.source_link l USING (source, source_ref) WHERE r.source_ref = 'if-14';
-- the references of such a child are shown to nobody; that it is one, to nobody else
SELECT count(*) AS links FROM contactpoint.source_link WHERE child_id = :present;
SET SESSION AUTHORIZATION regress_elsewhere;
SELECT contactpoint._has_one_identity(:present) AS tells_nothing;
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.follow_up(alert_id, 'in order') FROM contactpoint.alerts_due WHERE child_id = :present;
RESET SESSION AUTHORIZATION;
