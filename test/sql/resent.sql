-- A row that says what its reference said last is compared again only where its record has changed since, and then decided anew.
\getenv abs_srcdir PG_ABS_SRCDIR
\set people :abs_srcdir '/people.sql'
\i :people
\set SHOW_CONTEXT never
INSERT INTO contactpoint.source (source, organisation_id, feed_role) VALUES ('resending', 1, 'regress_feed'), ('moving', 1, 'regress_feed');
CREATE FUNCTION pg_temp.send(which text, reference text, given text, place text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode)
    VALUES (which, reference, given, 'Wiederholt', 'F', '2010-03-04', place, 'RE1 1SE')
$$;
CREATE TEMP VIEW settled AS SELECT source, source_ref, outcome, score IS NOT NULL AS compared
    FROM contactpoint.settlement WHERE source IN ('resending', 'moving') ORDER BY upload_id;
SELECT pg_temp.send('resending', 're-1', 'Regina', '1 First Road');
CALL contactpoint.settle();
SELECT pg_temp.send('moving', 'mo-1', 'Regina', '1 First Road');
CALL contactpoint.settle();
-- the same again, with others in one batch and in another
SELECT pg_temp.send('resending', 're-1', 'Regina', '1 First Road');
SELECT pg_temp.send('resending', 're-1', 'Regina', '1 First Road');
CALL contactpoint.settle();
SELECT pg_temp.send('resending', 're-1', 'Regina', '1 First Road');
CALL contactpoint.settle();
TABLE settled;
-- another source moves the child: once more, and then it is known again
SELECT pg_temp.send('moving', 'mo-1', 'Regina', '2 Second Road');
CALL contactpoint.settle();
SELECT pg_temp.send('resending', 're-1', 'Regina', '1 First Road');
CALL contactpoint.settle();
SELECT pg_temp.send('resending', 're-1', 'Regina', '1 First Road');
CALL contactpoint.settle();
SELECT * FROM settled OFFSET 5;
SELECT a.source, a.address FROM contactpoint.address a JOIN contactpoint.source_link l USING (child_id) WHERE l.source_ref = 're-1' ORDER BY 1;
-- a name that the record does not have may lead to another record some day: compared each time
SELECT pg_temp.send('resending', 're-1', 'Reginna', '1 First Road');
CALL contactpoint.settle();
SELECT pg_temp.send('resending', 're-1', 'Reginna', '1 First Road');
CALL contactpoint.settle();
SELECT * FROM settled OFFSET 8;
-- put right by hand, the record is another child's: the same row is held
SELECT pg_temp.send('resending', 're-1', 'Regina', '1 First Road');
CALL contactpoint.settle();
SELECT child_id AS child FROM contactpoint.source_link WHERE source_ref = 're-1' \gset
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'the wrong child';
UPDATE contactpoint.child SET given_names = 'Konstanze', family_name = 'Umbenannt', date_of_birth = '2003-12-24' WHERE child_id = :child;
RESET SESSION AUTHORIZATION;
DELETE FROM contactpoint.alias WHERE child_id = :child;
SELECT contactpoint._rekey(:child);
SELECT pg_temp.send('resending', 're-1', 'Regina', '1 First Road');
CALL contactpoint.settle();
SELECT * FROM settled OFFSET 10;
SELECT reason FROM contactpoint.review WHERE source = 'resending';
-- for the files that come after
DELETE FROM contactpoint.held_reference WHERE source = 'resending';
DELETE FROM contactpoint.review WHERE source = 'resending';
DELETE FROM contactpoint.upload WHERE source = 'resending';
DELETE FROM contactpoint.settlement WHERE source IN ('resending', 'moving');
DELETE FROM contactpoint.receipt WHERE source IN ('resending', 'moving');
DELETE FROM contactpoint.source_link WHERE source IN ('resending', 'moving');
DELETE FROM contactpoint.source_tally WHERE source IN ('resending', 'moving');
DELETE FROM contactpoint.address WHERE child_id = :child;
DELETE FROM contactpoint.child WHERE child_id = :child;
DELETE FROM contactpoint.source WHERE source IN ('resending', 'moving');
