-- Near a shielded child, a birth date that is wrong in one part and a family name
-- that sounds otherwise: nothing but the guard's own index leads to the child.
\getenv abs_srcdir PG_ABS_SRCDIR
\set people :abs_srcdir '/people.sql'
\i :people
\set SHOW_CONTEXT never

-- Hantley is spelt more like four other names than like Hartley, so deep search
-- looks for the sounds of those
INSERT INTO contactpoint.child (given_names, family_name, sex, date_of_birth) VALUES
    ('Peregrine', 'Chantley', 'M', '1999-02-03'), ('Barnaby', 'Shantley', 'M', '1999-03-04'),
    ('Crispin', 'Thantley', 'M', '1999-04-05'), ('Jolyon', 'Phantley', 'M', '1999-05-06'),
    ('Maudie', 'Hartley', 'F', '2011-03-17'), ('Olwen', 'Hartley', 'F', '2012-01-01');
SELECT child_id AS maudie FROM contactpoint.child WHERE given_names = 'Maudie' \gset
SELECT child_id AS olwen FROM contactpoint.child WHERE given_names = 'Olwen' \gset
SET SESSION AUTHORIZATION regress_manager;
SELECT cardinality(contactpoint.shield(:maudie, 'threats', 'harm')) AS maudie, cardinality(contactpoint.shield(:olwen, 'threats', 'harm')) AS olwen;
RESET SESSION AUTHORIZATION;

SET SESSION AUTHORIZATION regress_feed2;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth) VALUES
    ('other', 'gd-month', 'Maudie', 'Hantley', 'F', '2011-08-17'),
    ('other', 'gd-day', 'Maudie', 'Hantley', 'F', '2011-03-29'),
    ('other', 'gd-year', 'Maudie', 'Hantley', 'F', '2004-03-17'),
    ('other', 'gd-year-only', 'Maudie', 'Hantley', 'F', '2011-01-01'),
    ('other', 'gd-default', 'Olwen', 'Hantley', 'F', '2012-08-17');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT source_ref, outcome FROM contactpoint.settlement WHERE source_ref LIKE 'gd-%' AND outcome <> 'hold' ORDER BY 1;
SELECT count(*) AS held FROM contactpoint.review WHERE source_ref LIKE 'gd-%' AND shielded;
