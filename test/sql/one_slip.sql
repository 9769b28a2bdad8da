-- A word that is one slip of the pen away from another is looked for as that
-- one, however few trigrams they have in common: letters that have changed
-- places, a letter wrong in a short word.
\getenv abs_srcdir PG_ABS_SRCDIR
\set people :abs_srcdir '/people.sql'
\set ways :abs_srcdir '/ways.sql'
\i :people
\i :ways
\set SHOW_CONTEXT never

-- A matcher that has asked seldom searches the table of words.
SET SESSION AUTHORIZATION regress_feed;
COPY contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode) FROM stdin;
school	os-1	1	Oswin	Glass	M	2011-05-16	14 Orchard Way, Derby	DE3 0UT
\.
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
-- The birth date is off as well, and he has moved: nothing else leads there.
SET SESSION AUTHORIZATION regress_feed;
COPY contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode) FROM stdin;
health	os-11	1	Oswin	Glsas	M	2011-05-18	77 Harbour Street, Leeds	LS1 9ZZ
\.
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();

-- One that has asked often keeps them in memory.
SET SESSION AUTHORIZATION regress_feed;
COPY contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode) FROM stdin;
school	os-2	1	Peregrine	Roy	M	2012-08-27	9 Station Road, Derby	DE4 1AA
school	os-3	1	Leopold	Hurst	M	2013-02-11	3 Canal Street, Derby	DE4 7QT
school	os-4	1	Ambrose	Glass	M	2010-03-16	5 Chapel Lane, Derby	DE7 2AB
\.
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth)
SELECT 'school', 'os-many-' || n, 1, translate(n::text, '0123456789', 'abcdefghij') || 'zofinaq',
    translate((n * 7919)::text, '0123456789', 'qwrtpsdfgh') || 'okuvy', 'F', date '2006-01-01' + n * 13
FROM generate_series(1, 40) n;
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SET SESSION AUTHORIZATION regress_feed;
COPY contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode) FROM stdin;
health	os-12	1	Peregrine	Rxy	M	2012-08-21	50 Pier Street, Leeds	LS9 2BB
health	os-13	1	Leopold	Bramble	M	2013-02-13	1 Beach Road, Leeds	LS3 2BB
health	os-14	1	Ambrose	Lgass	M	2010-03-11	70 Harbour Street, Leeds	LS1 9ZZ
\.
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT r.source_ref, s.outcome FROM contactpoint.receipt r LEFT JOIN contactpoint.settlement s USING (upload_id)
WHERE r.source_ref LIKE 'os-__' ORDER BY 1;

-- The table and the memory say the same: what is stored of a word is what a search for it finds.
SELECT count(*) > 0 AS some, count(*) FILTER (WHERE abs(s.similarity - f.similarity) < 0.0001 OR abs(s.similarity - 1 - f.similarity) < 0.0001) = count(*) AS all
FROM contactpoint.similar_word s
    JOIN contactpoint.name_word w USING (word_id)
    LEFT JOIN LATERAL contactpoint._similar_words(w.word, ARRAY(SELECT word FROM contactpoint.name_word)) f ON f.word_id = s.other_id;
