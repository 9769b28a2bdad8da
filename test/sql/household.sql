-- Household: whom a shield covers, who still points at a shielded child, and that
-- the private keys by which that is found are what the details say.
\getenv abs_srcdir PG_ABS_SRCDIR
\set people :abs_srcdir '/people.sql'
\set ways :abs_srcdir '/ways.sql'
\i :people
\i :ways
\set SHOW_CONTEXT never
\pset null '-'
SELECT clock_timestamp() AS started \gset
CREATE ROLE regress_lapsed LOGIN IN ROLE contactpoint_manager;
INSERT INTO contactpoint.account VALUES ('regress_lapsed', 1, 'Lapsed', current_date - 1, current_date + 9);

SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode, carers, involvements) VALUES
    ('school', 'ho-1', 1, 'Wendelin', 'Hausmann', 'M', '2009-01-14', '11 Home Lane', 'HO1 1HO', '[{"full_name": "Klara Hausmann", "contact": "07700 900661"}]',
        '[{"service": "school", "organisation": "Large Academy"}, {"service": "play therapy", "practitioner": "Dr Odd"}]'),
    ('school', 'ho-2', 1, 'Yvette', 'Torberg', 'F', '2011-06-25', '11, Home Ln', 'ho11ho', NULL, NULL),
    ('school', 'ho-3', 1, 'Balthasar', 'Quast', 'M', '2013-09-06', '20 Far Road', 'HO2 2HO', '[{"full_name": "Somebody Else", "contact": "+07700-900 661"}]', NULL),
    ('school', 'ho-4', 1, 'Ottokar', 'Niedermair', 'M', '2006-12-17', '30 Far Road', 'HO3 3HO', '[{"full_name": "Klara HAUSMANN", "contact": "07700 900662"}]', NULL),
    ('school', 'ho-5', 1, 'Philomena', 'Stramm', 'F', '2008-03-29', '40 Far Road', 'HO4 4HO', NULL, '[{"service": "Play Therapy", "practitioner": "Dr. Odd"}]'),
    ('school', 'ho-6', 1, 'Gundula', 'Ungefaehr', 'F', '2010-10-30', '11 Home Lane Flat 2', 'HO1 1HO', '[{"full_name": "Mutti", "contact": "none"}]',
        '[{"service": "school", "organisation": "Large Academy"}]');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
CREATE TABLE kids AS SELECT source_ref AS ref, child_id FROM contactpoint.source_link WHERE source_ref LIKE 'ho-_';
SELECT child_id AS wendelin FROM kids WHERE ref = 'ho-1' \gset
SELECT child_id AS balthasar FROM kids WHERE ref = 'ho-3' \gset
GRANT SELECT ON kids TO PUBLIC;
-- a school that many go to is nothing unusual, and an address of more than a hundred no household
SET contactpoint.restoring = on;
CREATE TABLE crowd AS SELECT contactpoint._child_number() AS child_id, n FROM generate_series(101, 221) n;
INSERT INTO contactpoint.child (child_id, given_names, family_name, sex, date_of_birth)
    SELECT child_id, initcap(translate(n::text, '0123456789', 'abcdefghij')) || 'rufus', 'Masse' || translate((n * 7919)::text, '0123456789', 'klmnopqrst'), 'U', date '1996-01-01' + n * 37 FROM crowd;
INSERT INTO contactpoint.address (child_id, address, postcode) SELECT child_id, '1 Town Hall Square', 'HO9 9HO' FROM crowd UNION ALL SELECT :wendelin, '1 Town Hall Square', 'HO9 9HO';
INSERT INTO contactpoint.involvement (child_id, service, organisation) SELECT child_id, 'school', 'Large Academy' FROM crowd;
RESET contactpoint.restoring;
SELECT contactpoint.validate_restore() > 121 AS restored;
SELECT pg_temp.place_keys_are_true();

-- the whole household is covered, and reported: same address, same contact of a carer
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'household';
CREATE TEMP TABLE covered AS SELECT unnest(contactpoint.shield(:wendelin, 'threats', 'harm')) AS child_id;
SELECT k.ref, s.provisional FROM covered JOIN kids k USING (child_id) JOIN contactpoint.shield s USING (child_id) ORDER BY 1;
SELECT count(*) AS crowd FROM covered WHERE child_id NOT IN (SELECT child_id FROM kids);

-- who still points at a shielded child: same carer by name, an unusual service, a crowded address
SELECT h.ref AS hidden, o.ref AS open, g.authority, g.shared FROM contactpoint.shield_gaps g
JOIN kids h USING (child_id) JOIN kids o ON o.child_id = g.open_child_id ORDER BY 1, 2;
SELECT count(*) AS crowd FROM contactpoint.shield_gaps WHERE child_id = :wendelin AND open_child_id NOT IN (SELECT child_id FROM kids);
-- as soon as a feed makes one
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, carers) VALUES
    ('school', 'ho-7', 2, 'Notburga', 'Spaetling', 'F', '2015-05-19', '[{"full_name": "Klara Hausmann", "contact": "07700 900663"}]');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
INSERT INTO kids SELECT source_ref, child_id FROM contactpoint.source_link WHERE source_ref = 'ho-7';
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'household';
SELECT h.ref AS hidden, o.ref AS open, g.shared FROM contactpoint.shield_gaps g
JOIN kids h USING (child_id) JOIN kids o ON o.child_id = g.open_child_id WHERE o.ref = 'ho-7' ORDER BY 1;
-- one manager's gap is nobody else's
SET SESSION AUTHORIZATION regress_elsewhere;
SET contactpoint.reason = 'household';
SELECT count(*) AS gaps FROM contactpoint.shield_gaps;
SET SESSION AUTHORIZATION regress_admin;
SET contactpoint.reason = 'household';
SELECT count(*) > 0 AS gaps FROM contactpoint.shield_gaps;
RESET SESSION AUTHORIZATION;
SELECT r AS role, pg_temp.attempt_with_reason(r, 'SELECT count(*) FROM contactpoint.shield_gaps') AS lists,
    pg_temp.attempt_with_reason(r, 'SELECT * FROM contactpoint._shield_gaps()') AS calls,
    pg_temp.attempt_with_reason(r, 'SELECT * FROM contactpoint._gaps_of(1)') AS goes_round,
    pg_temp.attempt_with_reason(r, 'SELECT * FROM contactpoint.place_key') AS reads_keys,
    pg_temp.attempt_with_reason(r, format('SELECT contactpoint._household(%s)', :balthasar)) AS asks
FROM unnest(ARRAY['regress_practitioner', 'regress_social', 'regress_override', 'regress_manager', 'regress_elsewhere', 'regress_feed',
    'regress_auditor', 'regress_admin', 'regress_nobody', 'regress_noaccount', 'regress_suspended', 'regress_lapsed']::name[]) r;
SET SESSION AUTHORIZATION regress_manager;
SELECT count(*) AS without_a_reason FROM contactpoint.shield_gaps;
RESET SESSION AUTHORIZATION;

-- the sibling gives the address away: a later row with an address or a contact that is in the vault makes a record
-- that is born shielded, whoever sends it; and so does what has these in common with that record
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_feed2;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode, carers) VALUES
    ('other', 'hb-1', 2, 'Eusebia', 'Zuzug', 'F', '2017-02-08', '11 home lane', 'HO1-1HO', '[{"full_name": "Frida Zuzug", "contact": "07700 900669"}]'),
    ('other', 'hb-2', 2, 'Korbinian', 'Nachzug', 'M', '2004-08-12', '50 Far Road', 'HO5 5HO', '[{"full_name": "Else Nachzug", "contact": "07700900661"}]'),
    ('other', 'hb-3', 2, 'Walburga', 'Umweg', 'F', '2018-11-03', '60 Far Road', 'HO6 6HO', '[{"full_name": "Frida Umweg", "contact": "07700 900669"}]'),
    ('other', 'hb-4', 2, 'Ludger', 'Vielort', 'M', '1999-10-28', '1 Town Hall Square', 'HO9 9HO', NULL),
    ('other', 'hb-5', 2, 'Hedwig', 'Anderswo', 'F', '2016-12-21', '70 Far Road', 'HO7 7HO', NULL);
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
INSERT INTO kids SELECT source_ref, child_id FROM contactpoint.source_link WHERE source_ref LIKE 'hb-_';
SELECT k.ref, c.shielded, s.reason, s.provisional, s.authority, p.organisation_id AS responsible FROM kids k JOIN contactpoint.child c USING (child_id)
LEFT JOIN contactpoint.shield s USING (child_id) LEFT JOIN contactpoint.responsibility p USING (child_id) WHERE k.ref LIKE 'hb-_' ORDER BY 1;
SELECT address, shielded FROM contactpoint.address WHERE child_id IN (SELECT child_id FROM kids WHERE ref LIKE 'hb-_') ORDER BY 1;
-- one manager of the hidden child's authority may lift that, not while it still gives somebody away
SELECT child_id AS born FROM kids WHERE ref = 'hb-2' \gset
SET SESSION AUTHORIZATION regress_elsewhere;
SELECT contactpoint.request_unshield(:born, 'one of ours');
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.request_unshield(:born, 'nobody of theirs') AS request \gset
SELECT contactpoint.approve_unshield(:request);
SET SESSION AUTHORIZATION regress_feed2;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, carers) VALUES
    ('other', 'hb-2', 2, 'Korbinian', 'Nachzug', 'M', '2004-08-12', '[]');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.approve_unshield(:request);
RESET SESSION AUTHORIZATION;
SELECT shielded FROM contactpoint.child WHERE child_id = :born;
-- an open record that is known already is not shielded by a row, but listed at once
SET SESSION AUTHORIZATION regress_feed2;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('other', 'hb-5', 2, 'Hedwig', 'Anderswo', 'F', '2016-12-21', '11 Home Lane', 'HO1 1HO');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'household';
SELECT h.ref AS hidden, g.shared FROM contactpoint.shield_gaps g
JOIN kids h USING (child_id) JOIN kids o ON o.child_id = g.open_child_id WHERE o.ref = 'hb-5' ORDER BY 1;
SET SESSION AUTHORIZATION regress_feed2;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('other', 'hb-5', 2, 'Hedwig', 'Anderswo', 'F', '2016-12-21', '70 Far Road', 'HO7 7HO');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();

-- what is in the vault is found by nobody: a record that claims the hidden address covers nobody
SET SESSION AUTHORIZATION regress_elsewhere;
SET contactpoint.reason = 'bait';
INSERT INTO contactpoint.child (given_names, family_name, sex, date_of_birth) VALUES ('Koeder', 'Haken', 'U', '2016-06-06');
SELECT child_id AS bait FROM contactpoint.child WHERE family_name = 'Haken' \gset
INSERT INTO contactpoint.address (child_id, address, postcode) VALUES (:bait, '11 home lane', 'ho11ho');
INSERT INTO contactpoint.carer (child_id, full_name, contact) VALUES (:bait, 'Klara Hausmann', '07700 900661');
SELECT cardinality(contactpoint.shield(:bait, 'fishing', 'other')) AS covered;
RESET SESSION AUTHORIZATION;

-- one child that says the same address over and over is no crowd
SELECT child_id AS repeats FROM crowd WHERE n = 101 \gset
INSERT INTO contactpoint.address (child_id, address, postcode) SELECT :repeats, '80 Double Street', 'HO8 8HO' FROM generate_series(1, 101);
INSERT INTO contactpoint.address (child_id, shielded, address, postcode) VALUES (:wendelin, true, '80 Double Street', 'HO8 8HO');
SET SESSION AUTHORIZATION regress_feed2;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('other', 'hb-6', 2, 'Irmtraud', 'Doppelt', 'F', '2013-04-17', '80 double street', 'HO8 8HO');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT c.shielded FROM contactpoint.child c JOIN contactpoint.source_link l USING (child_id) WHERE l.source_ref = 'hb-6';

-- the keys follow every change: moves between leaves, corrections, withdrawals, ROLLBACK
SELECT pg_temp.place_keys_are_true();
BEGIN;
UPDATE contactpoint.address SET address = '12 Home Lane' WHERE child_id = :wendelin;
DELETE FROM contactpoint.carer WHERE child_id = :wendelin;
SELECT pg_temp.place_keys_are_true();
ROLLBACK;
SELECT pg_temp.place_keys_are_true();
SELECT effective_role, outcome, :wendelin = ANY (children) AS wendelin, count(*) FROM contactpoint.audit
WHERE command = 'shield_gaps' AND at > :'started' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
DELETE FROM contactpoint.involvement WHERE child_id IN (SELECT child_id FROM crowd);
DELETE FROM contactpoint.address WHERE child_id IN (SELECT child_id FROM crowd);
DELETE FROM contactpoint.child WHERE child_id IN (SELECT child_id FROM crowd);
SELECT pg_temp.place_keys_are_true();
DROP TABLE kids, crowd;
DELETE FROM contactpoint.account WHERE role_name = 'regress_lapsed';
DROP ROLE regress_lapsed;
