-- What a person must look at, and what a birth date or a place does not prove.
\getenv abs_srcdir PG_ABS_SRCDIR
\set people :abs_srcdir '/people.sql'
\i :people
\set SHOW_CONTEXT never

-- what became of a row, and whether it came near that record
CREATE FUNCTION pg_temp.outcome(ref text) RETURNS text LANGUAGE sql AS
    $$ SELECT s.outcome || coalesce(': ' || r.reason, '')
       FROM contactpoint.settlement s LEFT JOIN contactpoint.review r USING (upload_id)
       WHERE s.source_ref = $1 ORDER BY s.upload_id DESC LIMIT 1 $$;

SET SESSION AUTHORIZATION regress_feed;
COPY contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode) FROM stdin;
school	do-1	1	Thaddeus	Pemberley	M	2011-01-01	14 Orchard Way, Derby	DE3 0UT
school	do-2	1	Clementina	Ravenhill	F	2012-05-30	9 Station Road, Derby	DE4 1AA
school	do-3	1	Isabella	Wetherfield	F	2008-05-22	31 Church Road, Exeter	EX29 8AF
school	do-4	1	Octavia	Somerley	F	2009-07-06	London	\N
\.
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT pg_temp.outcome('do-1'), pg_temp.outcome('do-2'), pg_temp.outcome('do-3'), pg_temp.outcome('do-4');

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
\.
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
-- 1 January is what is written where nobody knows the date: a place must agree
SELECT pg_temp.outcome('do-11'), pg_temp.outcome('do-12');
-- another surname: the same house, but not the same town
SELECT pg_temp.outcome('do-21'), pg_temp.outcome('do-41');
-- in one house: the same given name, whatever surname and date
SELECT pg_temp.outcome('do-31');
-- a sister, and one who would be born five months before another, but for her source
SELECT pg_temp.outcome('do-32'), pg_temp.outcome('do-33'), pg_temp.outcome('do-34');
-- the same birth date in one house; the same given name next door
SELECT pg_temp.outcome('do-35'), pg_temp.outcome('do-36');
