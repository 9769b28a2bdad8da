-- Names in scripts that are not read: no word of them can be compared with one in
-- Latin letters, so near a shielded child the birth date and the sex are enough.
\getenv abs_srcdir PG_ABS_SRCDIR
\set people :abs_srcdir '/people.sql'
\set ways :abs_srcdir '/ways.sql'
\i :people
\i :ways
\set SHOW_CONTEXT never

SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth) VALUES
    ('school', 'script-1', 1, 'Mohammed', 'Al-Rahmani', 'M', '2005-10-23'),
    ('school', 'script-2', 1, 'שרה', 'כהן', 'F', '2005-12-23'),
    ('school', 'script-3', 1, 'Otmar', 'Offenbarth', 'M', '2005-11-24');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'scripts';
SELECT l.source_ref, cardinality(contactpoint.shield(l.child_id, 'threats', 'harm')) AS shielded
FROM contactpoint.source_link l WHERE l.source_ref IN ('script-1', 'script-2') ORDER BY 1;
SELECT contactpoint.shield_in_advance('Zeynep', 'Yilmazer', '2025-03-05', 'mother fled', 'fled') > 0 AS expected;
RESET SESSION AUTHORIZATION;
SELECT count(*) AS before FROM contactpoint.child \gset

SET SESSION AUTHORIZATION regress_feed2;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth) VALUES
    ('other', 'script-4', 'محمد', 'الرحماني', 'M', '2005-10-23'),
    ('other', 'script-5', 'मोहम्मद', 'रहमानी', 'U', '2005-10-23'),
    ('other', 'script-6', 'Sarah', 'Cohen', 'F', '2005-12-23'),
    ('other', 'script-7', '佐藤', '愛子', 'F', '2025-03-05');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT count(*) - :before AS new_records FROM contactpoint.child;
SELECT ref, pg_temp.why(ref) FROM unnest(ARRAY['script-4', 'script-5', 'script-6', 'script-7']) ref ORDER BY 1;
-- not near an open one, and not for another name that can be compared
SET SESSION AUTHORIZATION regress_feed2;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth) VALUES
    ('other', 'script-8', 'فاطمة', 'القاضي', 'M', '2005-11-24'),
    ('other', 'script-9', 'Gerwin', 'Namenlos', 'M', '2005-10-23');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT ref, pg_temp.why(ref) FROM unnest(ARRAY['script-8', 'script-9']) ref ORDER BY 1;
