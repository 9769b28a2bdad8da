-- Attacks near shielded children: rows written so that they pass for another
-- child's. None makes a record, and who sends them sees no difference.
\getenv abs_srcdir PG_ABS_SRCDIR
\set people :abs_srcdir '/people.sql'
\i :people
\set SHOW_CONTEXT never
\pset null '-'

SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode, carers) VALUES
    ('school', 'gu-fled', 1, 'Elizabeth Rose', 'Thackeray', 'F', '2014-03-07', '11 Refuge Mews', 'GU1 1AA', NULL),
    ('school', 'gu-harm', 1, 'Siân Mary', 'O''Donnell-Pryce', 'F', '2011-09-23', '12 Hidden Mews', 'GU2 2BB', NULL),
    ('school', 'gu-default', 1, 'Mohammed', 'Al Rashid', 'M', '2016-01-01', '13 Quiet Mews', 'GU3 3CC', NULL),
    ('school', 'gu-twin1', 1, 'Benedict', 'Larkspur', 'M', '2013-06-19', '14 Silent Mews', 'GU4 4DD', NULL),
    ('school', 'gu-twin2', 1, 'Beatrice', 'Larkspur', 'F', '2013-06-19', '14 Silent Mews', 'GU4 4DD', NULL),
    ('school', 'gu-adopted', 1, 'Tobias', 'Newhaven', 'M', '2015-10-02', '15 Calm Mews', 'GU5 5EE', NULL),
    ('school', 'gu-open', 1, 'Marmaduke', 'Pettigrew', 'M', '2012-12-12', '16 Open Street', 'GU6 6FF', NULL);
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT child_id AS fled FROM contactpoint.source_link WHERE source_ref = 'gu-fled' \gset
SELECT child_id AS harm FROM contactpoint.source_link WHERE source_ref = 'gu-harm' \gset
SELECT child_id AS default_date FROM contactpoint.source_link WHERE source_ref = 'gu-default' \gset
SELECT child_id AS twin FROM contactpoint.source_link WHERE source_ref = 'gu-twin1' \gset
SELECT child_id AS adopted FROM contactpoint.source_link WHERE source_ref = 'gu-adopted' \gset
INSERT INTO contactpoint.alias (child_id, kind, family_name) VALUES (:adopted, 'birth', 'Crackenthorpe');
SET SESSION AUTHORIZATION regress_manager;
SELECT cardinality(contactpoint.shield(:fled, 'refuge', 'fled')) AS fled, cardinality(contactpoint.shield(:harm, 'threats', 'harm')) AS harm,
       cardinality(contactpoint.shield(:default_date, 'threats', 'harm')) AS default_date,
       cardinality(contactpoint.shield(:twin, 'threats', 'harm')) AS twins, cardinality(contactpoint.shield(:adopted, 'placement', 'adoption')) AS adopted;
RESET SESSION AUTHORIZATION;
SELECT count(*) AS before FROM contactpoint.child \gset

-- every row a reference of its own
CREATE TABLE public.attack (n int GENERATED ALWAYS AS IDENTITY, given text, family text, sex text, birth text, address text, postcode text, alias jsonb);
-- scripts, accents, format characters, widths
INSERT INTO public.attack (given, family, sex, birth) VALUES
    ('Εlizаbeth', 'Thackeray', 'F', '2014-03-07'), ('Élizabéth', 'Tháckeray', 'F', '2014-03-07'), ('ELIZABETH-ROSE', 'THACKERAY', 'F', '2014-03-07'),
    ('Elizabethrose', 'Thackeray', 'F', '2014-03-07'), ('Ｅｌｉｚａｂｅｔｈ', 'Ｔｈａｃｋｅｒａｙ', 'F', '2014-03-07'), ('E.l.i.z.a.b.e.t.h', 'Thackeray', 'F', '2014-03-07'),
    ('Sian', 'ODonnell', 'F', '2011-09-23'), ('Siân', 'Pryce', 'F', '2011-09-23'), ('Sian M', 'O’Donnell Pryce', 'F', '2011-09-23'), ('Mary', 'Pryce-ODonnell', 'F', '2011-09-23'),
    ('Ѕiаn', 'О''Donnell', 'F', '2011-09-23'), ('Muhammad', 'Alrashid', 'M', '2016-01-01'), ('Mohamed', 'Rashid', 'M', '2016-01-01');
-- names that changed places, short forms, another surname, all of them with a date that is nearly right
INSERT INTO public.attack (given, family, sex, birth) VALUES
    ('Thackeray', 'Elizabeth Rose', 'F', '2014-03-07'), ('Libby', 'Thackeray', 'F', '2014-03-07'), ('Beth', 'Thackery', 'F', '2014-03-07'), ('Rose', 'Thackeray', 'F', '2014-03-07'),
    ('Elizabeth', 'Vandersloot', 'F', '2014-03-07'), ('Elisabeth', 'Vandersloot', 'F', '2014-03-07'), ('Lizzie', 'Vandersloot', 'F', '2014-03-07'), ('Elizabeth', 'Vandersloot', 'F', '2014-07-03'),
    ('Elizabeth Rose', 'Vandersloot', 'F', '2014-03-17'), ('Elizabeth Rose', 'Vandersloot', 'F', '2013-03-07'), ('Elizabeth Rose', 'Vandersloot', 'F', '2014-01-01'),
    ('Elizabeth', 'Thackeray', 'F', '2014-04-07'), ('Lizabeth', 'Tackeray', 'F', '2014-03-08'), ('Elizabeth', 'Thackeray', 'M', '2014-03-07'), ('Thackeray', 'Elizabeth', NULL, '2015-03-07'),
    ('Sian Mary', 'Vandersloot', 'F', '2011-09-23'), ('Vandersloot', 'Sian Mary', 'M', '2011-09-23'), ('Shan', 'Pryce', 'F', '2011-09-23'), ('Tobias', 'Crackenthorpe', 'M', '2015-10-02'), ('Toby', 'Crackenthorp', 'M', '2015-02-10'), ('Tobias', 'Elsewhere', 'M', '2015-10-02');
-- all of the name in one field, and a date that is nearly right
INSERT INTO public.attack (given, family, sex, birth) VALUES
    ('Sian Pryce', 'Unknown', 'F', '2011-09-24'), ('Unknown', 'Sian Pryce', 'F', '2011-10-23'), ('Larkspur Benedict', 'Notgiven', 'M', '2013-06-18');
-- the place gives the child away where the names do not
INSERT INTO public.attack (given, family, sex, birth, address, postcode) VALUES
    ('Babette', 'Vandersloot', 'F', '2014-03-07', '11 Refuge Mews', 'GU1 1AA'), ('Babette', 'Vandersloot', 'F', '2014-03-07', NULL, 'gu11aa'), ('Betsie', 'Thackeray', 'F', '2014-03-09', '11, Refuge Mews', NULL),
    ('Zzz', 'Larkspur', 'M', '2013-06-19', '14 Silent Mews', 'GU4 4DD'), ('Ben', 'Vandersloot', 'M', '2013-06-18', '14 Silent Mews', 'GU4 4DD');
-- a name of the child as another name of the row
INSERT INTO public.attack (given, family, sex, birth, alias) VALUES
    ('Wilhelmina', 'Vandersloot', 'F', '2014-03-07', '[{"kind": "birth", "given_names": "Elizabeth", "family_name": "Thackeray"}]'),
    ('Wilhelmina', 'Vandersloot', 'F', '2014-03-07', '[{"kind": "known as", "given_names": "Lizzie"}]'),
    ('Hieronymus', 'Vandersloot', 'M', '2015-10-02', '[{"kind": "birth", "given_names": "Tobias", "family_name": "Crackenthorpe"}]'),
    ('Hieronymus', 'Vandersloot', 'M', '2015-10-03', '[{"kind": "birth", "given_names": "Tobias", "family_name": "Newhaven"}]');
-- a default date, a date left out, half a name
INSERT INTO public.attack (given, family, sex, birth) VALUES
    ('Elizabeth', 'Thackeray', 'F', '2014-01-01'), ('Elizabeth', 'Thackeray', 'F', NULL), (NULL, 'Thackeray', 'F', '2014-03-07'), ('Elizabeth', NULL, 'F', '2014-03-07'),
    ('El', 'Thackeray', 'F', '2014-03-07'), ('Mohammed', 'Al Rashid', 'M', '2016-10-01');
GRANT SELECT ON public.attack TO regress_feed2;

-- the source that knows the child sends each as another reference, and so does one that does not
CREATE FUNCTION public.send(source text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode, alias_names)
    SELECT $1, 'gu-' || n, given, family, sex, birth, address, postcode, alias FROM public.attack ORDER BY n $$;
GRANT SELECT ON public.attack TO regress_feed;
SET SESSION AUTHORIZATION regress_feed;
SELECT public.send('school');
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_feed2;
SELECT public.send('other');
-- and one about a child that nobody guards, which is as it would be without them
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('other', 'gu-o1', 'Marmaduke', 'Pettigrew', 'M', '2012-12-12', '16 Open Street', 'GU6 6FF'),
    ('other', 'gu-o2', 'Gwendoline', 'Ravensworth', 'F', '2014-03-07', '17 Open Street', 'GU6 6FF'),
    ('other', 'gu-o3', 'Octavian', 'Vandersloot', 'M', '2014-03-07', '18 Open Street', 'GU6 6FF');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT count(*) - :before AS new_records, string_agg(c.given_names, ', ' ORDER BY c.given_names) FILTER (WHERE c.family_name IN ('Ravensworth') OR c.given_names = 'Octavian') AS they_are
FROM contactpoint.child c;
SELECT s.source, a.* FROM contactpoint.settlement s JOIN public.attack a ON s.source_ref = 'gu-' || a.n WHERE s.outcome = 'new' ORDER BY 1, 2;
-- attached, if at all, to the child the row was near to
SELECT s.source, a.given, a.family, a.birth, s.child_id FROM contactpoint.settlement s JOIN public.attack a ON s.source_ref = 'gu-' || a.n
WHERE s.outcome = 'match' AND NOT EXISTS (SELECT FROM contactpoint.child c WHERE c.child_id = s.child_id AND c.shielded);
SELECT s.source_ref, s.outcome FROM contactpoint.settlement s WHERE s.source_ref LIKE 'gu-o_' ORDER BY 1;
-- twins: the source that sends both may tell a third child apart, but no brother of one of them
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('school', 'gu-t1', 'Benjamin', 'Larkspur', 'M', '2013-06-19', '14 Silent Mews', 'GU4 4DD'),
    ('school', 'gu-t2', 'Bea', 'Larkspur', 'F', '2013-06-19', '14 Silent Mews', 'GU4 4DD'),
    ('school', 'gu-t3', 'Trixie', 'Larkspur', 'F', '2013-06-19', NULL, NULL);
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT source_ref FROM contactpoint.settlement WHERE source_ref LIKE 'gu-t_' AND outcome = 'new' ORDER BY 1;

-- what the feeds see is one and the same for all of them
SET SESSION AUTHORIZATION regress_feed2;
SELECT count(*) > 40 AS rows, count(*) = count(settled_at) OR bool_and(settled_at IS NULL) AS alike FROM contactpoint.upload_receipt WHERE source_ref LIKE 'gu-%';
RESET SESSION AUTHORIZATION;
-- reasons say nothing of a shield, and no score that hidden fields would have a part in
SELECT DISTINCT reason, score IS NULL AS no_score, authority FROM contactpoint.review WHERE source_ref LIKE 'gu-%' AND shielded ORDER BY 1, 2, 3;
DROP FUNCTION public.send;
DROP TABLE public.attack;
