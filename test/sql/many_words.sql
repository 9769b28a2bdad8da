-- More words than are compared: a name that stands behind eight others is not
-- left out of sight, so a row about a shielded child makes no second record.
\getenv abs_srcdir PG_ABS_SRCDIR
\set people :abs_srcdir '/people.sql'
\set ways :abs_srcdir '/ways.sql'
\i :people
\i :ways
\set SHOW_CONTEXT never
\pset null '-'

SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth) VALUES
    ('school', 'mword-1', 1, 'Theophania', 'Wortreich', 'F', '2013-04-25');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT child_id AS hidden FROM contactpoint.source_link WHERE source_ref = 'mword-1' \gset
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'many words';
SELECT cardinality(contactpoint.shield(:hidden, 'threats', 'harm')) AS shielded;

-- eight words, then the child's own: as the row's name, as another name, too many other names
SET SESSION AUTHORIZATION regress_feed2;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, alias_names) VALUES
    ('other', 'mword-2', 'Una Duo Tria Quattuor Quinque Sextus Septem Octo Theophania', 'Alpha Beta Gamma Delta Epsilon Zeta Etaa Theta Wortreich', 'F', '2013-04-25', NULL),
    ('other', 'mword-3', 'Kordula', 'Fremdling', 'F', '2013-04-25',
        '[{"kind": "birth", "given_names": "Una Duo Tria Quattuor Quinque Sextus Septem Octo Theophania", "family_name": "Alpha Beta Gamma Delta Epsilon Zeta Etaa Theta Wortreich"}]'),
    ('other', 'mword-4', 'U.n.a.k.n.o.w.n.n', 'Sonderbar', 'F', '2015-08-30', NULL);
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT ref, pg_temp.why(ref) FROM unnest(ARRAY['mword-2', 'mword-3', 'mword-4']) ref ORDER BY 1;
SELECT count(*) AS records FROM contactpoint.child WHERE date_of_birth = '2013-04-25';

-- by hand such a name is not taken, nor for a hidden name
SET SESSION AUTHORIZATION regress_manager;
INSERT INTO contactpoint.child (given_names, family_name, sex, date_of_birth)
    VALUES ('Una Duo Tria Quattuor Quinque Sextus Septem Octo Theophania', 'Alpha', 'F', '2013-04-25');
SELECT contactpoint.add_alias(:hidden, 'birth', 'Una Duo Tria Quattuor Quinque Sextus Septem Octo Theophania', NULL, 'as registered');
SELECT contactpoint.shield_in_advance('Una', 'Alpha Beta Gamma Delta Epsilon Zeta Etaa Theta Wortreich', '2020-02-02', 'expected', 'fled');
-- who decides may make a record of it, and shield that
RESET SESSION AUTHORIZATION;
SELECT review_id AS held FROM contactpoint.review WHERE source_ref = 'mword-2' \gset
SET SESSION AUTHORIZATION regress_elsewhere;
SELECT contactpoint.decide(:held, 'new') IS NOT NULL AS decided;
RESET SESSION AUTHORIZATION;
SELECT child_id AS made FROM contactpoint.source_link WHERE source_ref = 'mword-2' \gset
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.shield(:made, 'threats', 'harm') = ARRAY[:made::bigint] AS shielded;
RESET SESSION AUTHORIZATION;
