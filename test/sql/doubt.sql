-- What a person must look at, and what a birth date or a place does not prove.
-- Scores go by the number of records, so in this file alone it matters which ran before.
\getenv abs_srcdir PG_ABS_SRCDIR
\set people :abs_srcdir '/people.sql'
\set ways :abs_srcdir '/ways.sql'
\i :people
\i :ways
\set SHOW_CONTEXT never

-- what names are usual is counted from 64 children on
CREATE TEMPORARY TABLE crowd (child_id bigint);
WITH made AS (
    INSERT INTO contactpoint.child (given_names, family_name, sex, date_of_birth)
    SELECT ('{Jayda,Jayla,Hallie,Millie}'::text[])[n % 4 + 1],
           initcap(translate(md5(n::text), '0123456789abcdef', 'aeioubcdlmnrstvw')), 'U', date '2003-02-03' + n * 41
    FROM generate_series(1, 70) n RETURNING child_id)
INSERT INTO crowd SELECT child_id FROM made;

SET SESSION AUTHORIZATION regress_feed;
COPY contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode) FROM stdin;
school	do-1	1	Thaddeus	Pemberley	M	2011-01-01	14 Orchard Way, Derby	DE3 0UT
school	do-2	1	Clementina	Ravenhill	F	2012-05-30	9 Station Road, Derby	DE4 1AA
school	do-3	1	Isabella	Wetherfield	F	2008-05-22	31 Church Road, Exeter	EX29 8AF
school	do-4	1	Octavia	Somerley	F	2009-07-06	London	\N
school	do-5	1	Rosalind Jane	Thistlewood	F	2011-10-17	6 Mill Lane, Derby	DE5 6QT
school	do-6	1	Wilhelmina Grace	Askwith	F	2009-03-02	8 Abbey Lane, Derby	DE6 2PX
school	do-7	1	Seraphinella Ruth	Brightwater	F	2010-08-19	3 Elm Road, Derby	DE7 1AA
school	do-9	1	Petronella Ruth	Kingscote	F	2011-08-19	3 Elm Road, Derby	DE7 1AA
school	do-a	1	Wilfreda	Strathmore	F	2013-07-21	5 Moor Lane, Derby	DE1 2AB
school	do-t1	1	Jayda	Merriweather	F	2012-02-09	4 Forge Lane, Derby	DE8 1AA
school	do-t2	1	Jayda	Ollerenshaw	F	2009-04-17	70 Hall Lane, Derby	DE8 9ZZ
school	do-t5	1	Grace Emily	Northcote	F	2012-03-19	5 Forge Lane, Derby	DE8 1AB
school	do-8	1	Cordelia	Fairbrother	F	2010-02-25	5 Willow Lane, Heavitree, Exeter, Devon	EX5 2AB
\.
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT pg_temp.why('do-1'), pg_temp.why('do-2'), pg_temp.why('do-3'), pg_temp.why('do-4');

SET SESSION AUTHORIZATION regress_feed;
COPY contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode) FROM stdin;
health	do-11	Thaddeus	Pemberley	M	2011-01-01	77 Harbour Street, Leeds	LS1 9ZZ
health	do-12	Thaddeus	Pemberley	M	2011-01-01	14 Orchard Way, Derby	DE3 0UT
health	do-21	Clementina	Holloway	F	2012-05-30	9 Station Road, Derby	DE4 1AA
health	do-41	Octavia	Marchbank	F	2009-07-06	London	\N
health	do-31	Isabela	Drummond	F	2010-12-03	31 Church Road, Exeter	EX29 8AE
health	do-32	Rosamund	Wetherfield	F	2010-12-03	31 Church Road, Exeter	EX29 8AF
health	do-33	Josephine	Wetherfield	F	2007-12-29	31 Church Road, Exeter	EX29 8AF
school	do-34	Philomena	Wetherfield	F	2007-12-12	31 Church Road, Exeter	EX29 8AF
health	do-35	Marguerite	Blackthorn	F	2008-05-22	31 Church Road, Exeter	EX29 8AF
health	do-36	Isabella	Quillfeather	F	2014-02-11	33 Church Road, Exeter	EX29 8AF
health	do-51	Rosalind Agnes	Thistlewood	F	2011-10-17	22 Quay Street, Leeds	LS7 4HB
health	do-52	Rosalind Agnes	Thistlewood	F	2011-10-17	6 Mill Lane, Derby	DE5 6QT
health	do-53	Rosalind	Thistlewood	F	2011-10-17	22 Quay Street, Leeds	LS7 4HB
health	do-61	Grace Henrietta	Askwith	F	2013-11-25	8 Abbey Lane, Derby	DE6 2PX
health	do-71	Serafinella Joan	Hathersage	U	2010-08-19	50 Pier Street, Leeds	LS9 2BB
health	do-72	Petranela Joan	Okehampton	M	2011-08-19	12 Water Lane, Derby	DE7 9LP
health	do-t11	Jayla	Merriweather	F	2012-02-09	4 Forge Lane, Derby	DE8 1AA
health	do-t12	Jaydaa	Ollerenshaw	F	2009-04-17	70 Hall Lane, Derby	DE8 9ZZ
health	do-a1	Wilfreda	Strathmoor	F	2013-07-21	77 Harbour Street, Leeds	LS1 9ZZ
health	do-a2	Wilfreda	Strathmoor	F	2013-07-21	\N	\N
health	do-t13	Emily	Northcote	F	2012-03-19	5 Forge Lane, Derby	DE8 1AB
health	do-t14	Emily Rose	Northcote	F	2012-03-19	5 Forge Lane, Derby	DE8 1AB
health	do-t15	Emily Grace	Northcote	F	2012-03-19	5 Forge Lane, Derby	DE8 1AB
health	do-81	Xanthippe	Underwood	F	2008-05-21	31 Church Road, Exeter	EX29 8AF
health	do-82	Gwendolen	Wetherfield	F	1951-11-03	31 Church Road, Exeter	EX29 8AF
health	do-83	Winifred	Wetherfield	F	1984-11-03	31 Church Road, Exeter	EX29 8AF
health	do-85	Kordelja	Fairbrothars	M	2016-11-14	9 Willow Lane, Heavitree, Exeter, Devon	EX5 8PQ
health	do-86	Jacques	Fairbrothars	M	2010-02-25	9 Willow Lane, Heavitree, Exeter, Devon	EX5 8PQ
health	do-87	Kordelia	Umberslade	M	2017-11-14	5 Willow Lane, Heavitree, Exeter, Devon	TQ9 9ZZ
\.
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
-- 1 January is what is written where nobody knows the date: a place must agree
SELECT pg_temp.why('do-11'), pg_temp.why('do-12');
-- another surname: the same house, but not the same town
SELECT pg_temp.why('do-21'), pg_temp.why('do-41');
-- in one house: the same given name, whatever surname and date
SELECT pg_temp.why('do-31');
-- a sister, and one who would be born five months before another, but for her source
SELECT pg_temp.why('do-32'), pg_temp.why('do-33'), pg_temp.why('do-34');
-- the same birth date in one house; the same given name next door
SELECT pg_temp.why('do-35'), pg_temp.why('do-36');
-- a namesake born on the same day, or a twin: other middle names
SELECT pg_temp.why('do-51'), pg_temp.why('do-52'), pg_temp.why('do-53');
-- a sister whose first name is another one's second; a namesake born on the same
-- day with nothing else in common, and one that may live near by
SELECT pg_temp.why('do-61'), pg_temp.why('do-71'), pg_temp.why('do-72');
-- in one house: nearly the same birth date
SELECT pg_temp.why('do-81');
-- sixty years older than the sister, and twenty-four
SELECT pg_temp.why('do-82'), pg_temp.why('do-83');
-- in one street, both names or family name and birth date
SELECT pg_temp.why('do-85'), pg_temp.why('do-86');
-- the whole address, but for the postcode
SELECT pg_temp.why('do-87');
-- twins whose names are alike, and a slip of the pen
SELECT pg_temp.why('do-t11'), pg_temp.why('do-t12');
-- a name in common that comes second on one side; both, in another order
SELECT pg_temp.why('do-t13'), pg_temp.why('do-t14'), pg_temp.why('do-t15');
-- at another place, and with a slip in a name; the slip alone
SELECT pg_temp.why('do-a1'), pg_temp.why('do-a2');
-- other tests count who is there
SET client_min_messages = error;
DELETE FROM contactpoint.child WHERE child_id IN (SELECT child_id FROM crowd);
