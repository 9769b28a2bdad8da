-- Children are found by what a key tells of them, however little the row has of it:
-- called by the second name, or sent under a name in front of it.
\getenv abs_srcdir PG_ABS_SRCDIR
\set people :abs_srcdir '/people.sql'
\set ways :abs_srcdir '/ways.sql'
\i :people
\i :ways
\set SHOW_CONTEXT never

SET SESSION AUTHORIZATION regress_feed;
COPY contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode) FROM stdin;
school	la-1	1	Thomasina Beatrix	Wolstenholme	F	2011-05-16	14 Orchard Way, Derby	DE3 0UT
school	la-2	1	Guinevere	Featherstone	F	2012-08-27	9 Station Road, Derby	DE4 1AA
\.
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();

SET SESSION AUTHORIZATION regress_feed;
COPY contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode) FROM stdin;
health	la-11	1	Beatrix	Wolstenholme	F	2011-05-16	77 Harbour Street, Leeds	LS1 9ZZ
health	la-12	1	Beatrix	Wolstenholme	F	2011-05-18	77 Harbour Street, Leeds	LS1 9ZZ
health	la-13	1	Beatrix	Hollingworth	F	2011-05-16	14 Orchard Way, Derby	DE3 0UT
health	la-21	1	Mary Guinevere	Featherstone	F	2012-08-27	50 Pier Street, Leeds	LS9 2BB
health	la-22	1	Mary Guinevere	Featherstone	F	2012-08-21	50 Pier Street, Leeds	LS9 2BB
health	la-23	1	Mary Guinevere	Hollingworth	F	2012-08-27	\N	\N
\.
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT r.source_ref, s.outcome FROM contactpoint.receipt r LEFT JOIN contactpoint.settlement s USING (upload_id)
WHERE r.source_ref LIKE 'la-__' ORDER BY 1;
