-- The place of a shielded child, however it is written: whoever comes to live there
-- is born shielded, and whoever lives there is covered.
\getenv abs_srcdir PG_ABS_SRCDIR
\set people :abs_srcdir '/people.sql'
\set ways :abs_srcdir '/ways.sql'
\i :people
\i :ways
\set SHOW_CONTEXT never
\pset null '-'

-- one house, one number, one telephone number; and others
SELECT address, postcode, contactpoint._place_key('a', address, postcode) = contactpoint._place_key('a', '12 Haven Lane', 'PL1 2AB') AS same
FROM (VALUES ('12, Haven Ln.', 'pl12ab'), ('No. 12 Haven Lane', 'PL1 2AB'), ('12 Haven Lane, Townville', 'PL1 2AB'), ('12 Haven Lane PL1 2AB', 'PL1 2AB'),
    ('12 Haven Lane, Townville, PL1 2AB', NULL), ('12 Haven Lane PL12AB', ''),
    ('12 Haven Lane', NULL), ('Flat 1, 12 Haven Lane', 'PL1 2AB'), ('12A Haven Lane', 'PL1 2AB'), ('14 Haven Lane', 'PL1 2AB'), ('12 Haven Lane', 'PL1 2AD'),
    ('Haven House', 'PL1 2AB')) v (address, postcode);
SELECT address, postcode, contactpoint._place_key('a', address, postcode) = contactpoint._place_key('a', 'Flat A, 12 Haven Lane', 'PL1 2AB') AS same_flat
FROM (VALUES ('12 Haven Lane, Apt. A', 'PL1 2AB'), ('Flat B, 12 Haven Lane', 'PL1 2AB'), ('12 Haven Lane', 'PL1 2AB')) v (address, postcode);
-- a postcode of a town says nothing of a house, nor does a street without a town
SELECT contactpoint._place_key('a', '12 Haven Strasse', '10115') = contactpoint._place_key('a', '12 Other Strasse', '10115') AS same_town,
    contactpoint._place_key('a', '12 Haven Lane, Villageham, Townville', NULL) = contactpoint._place_key('a', '12 Haven Ln, Villageham Townville', '') AS same_whole,
    contactpoint._place_key('a', 'Haven Lane Flat 2', NULL) AS no_town;
SELECT contact, contactpoint._place_key('c', contact) = contactpoint._place_key('c', '07700 900771') AS same
FROM unnest(ARRAY['+44 7700 900771', '+44 (0)7700 900771', '0044-7700-900-771', 'tel: 07700 900771 (mum)', '７７００ 900771', '07700 900772', '900771', 'mona0770900771@example.org']) contact;

SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode, carers) VALUES
    ('school', 'plc-1', 1, 'Adelgunde', 'Verborgen', 'F', '2012-09-18', '12 Haven Lane', 'PL1 2AB', '[{"full_name": "Mona Verborgen", "contact": "07700 900771"}]'),
    ('school', 'plc-2', 1, 'Burkhard', 'Mitbewohner', 'M', '2009-02-11', 'No. 12, Haven Lane, Townville', 'PL1 2AB', NULL),
    ('school', 'plc-3', 1, 'Cordula', 'Gegenueber', 'F', '2010-05-27', '13 Haven Lane, Townville', 'PL1 2AB', NULL);
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT child_id AS hidden FROM contactpoint.source_link WHERE source_ref = 'plc-1' \gset
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'places';
SELECT cardinality(contactpoint.shield(:hidden, 'threats', 'harm')) AS shielded;
SET SESSION AUTHORIZATION regress_feed2;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode, carers) VALUES
    ('other', 'plc-4', 'Dietlinde', 'Zugezogen', 'F', '2016-11-06', '12 Haven Lane, Townville PL1 2AB', NULL, NULL),
    ('other', 'plc-5', 'Eberhard', 'Hinzukomm', 'M', '2003-07-14', '8 Elsewhere Row', 'PL9 9ZZ', '[{"full_name": "M V", "contact": "+44 (0)7700 900771"}]'),
    ('other', 'plc-6', 'Frithjof', 'Nebenan', 'M', '2018-01-23', '14 Haven Lane', 'PL1 2AB', '[{"full_name": "N N", "contact": "07700 900773"}]');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT l.source_ref, c.shielded FROM contactpoint.source_link l JOIN contactpoint.child c USING (child_id) WHERE l.source_ref LIKE 'plc-_' ORDER BY 1;
SELECT pg_temp.place_keys_are_true();
