-- Birth dates of which a feed knows the year, or year and month.
\getenv abs_srcdir PG_ABS_SRCDIR
\set people :abs_srcdir '/people.sql'
\set ways :abs_srcdir '/ways.sql'
\i :people
\i :ways
\set SHOW_CONTEXT never

SET SESSION AUTHORIZATION regress_feed;
COPY contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode, identifiers) FROM stdin;
school	pd-1	1	Wilfrida	Sandringham	F	2011-04-05	3 Almanac Row, Hexham	NE46 1AA	{"nhs": "4852919671"}
school	pd-2	1	Lancelot	Candlemas	M	2012-11-30	5 Almanac Row, Hexham	NE46 1AB	\N
\.
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT child_id AS open FROM contactpoint.source_link WHERE source_ref = 'pd-1' \gset
SELECT child_id AS shielded FROM contactpoint.source_link WHERE source_ref = 'pd-2' \gset
SET SESSION AUTHORIZATION regress_manager;
SELECT cardinality(contactpoint.shield(:shielded, 'threats', 'fled', false)) AS shielded_records;

-- a number and the names suffice; name, year and place do not; and nobody is made
SET SESSION AUTHORIZATION regress_feed;
COPY contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode, identifiers) FROM stdin;
health	pd-11	Wilfrida	Sandringham	F	2011-04	3 Almanac Row, Hexham	NE46 1AA	\N
health	pd-12	Wilfrida	Sandringham	F	2011	3 Almanac Row, Hexham	NE46 1AA	{"nhs": "4852919671"}
health	pd-13	Ermintrude	Lammastide	F	2013-06	9 Tide Lane, Whitby	YO22 4AA	\N
health	pd-14	Lancelot	Candlemas	M	2012-11	\N	\N	\N
\.
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT source_ref, pg_temp.why(source_ref) FROM (VALUES ('pd-11'), ('pd-12'), ('pd-13'), ('pd-14')) v (source_ref);
SELECT count(*) FROM contactpoint.source_link WHERE source_ref = 'pd-12' AND child_id = :open;
SELECT upload_id AS held FROM contactpoint.settlement WHERE source_ref = 'pd-11' \gset
SELECT review_id AS stranger, candidates FROM contactpoint.review WHERE source_ref = 'pd-13' \gset
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'reviews';
SELECT field, level FROM contactpoint.explain_match(:held) WHERE field = 'birth';
SELECT contactpoint.decide(:stranger, 'new');
SELECT contactpoint.decide(:stranger, 'reject', note => 'no full date');
RESET SESSION AUTHORIZATION;

-- a known reference goes on meaning its child while what is known of the date fits
SET SESSION AUTHORIZATION regress_feed;
COPY contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth) FROM stdin;
school	pd-1	Wilfrida	Newmarriage	F	2011-04
\.
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT pg_temp.why('pd-1');
SET SESSION AUTHORIZATION regress_feed;
COPY contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth) FROM stdin;
school	pd-1	Wilfrida	Newmarriage	F	2013
\.
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT pg_temp.why('pd-1');
-- what was sent stays out of the record
SET contactpoint.reason = 'test';
SELECT given_names, family_name, date_of_birth FROM contactpoint.child WHERE child_id = :open;

-- the whole date, sent later, makes the record
SET SESSION AUTHORIZATION regress_feed;
COPY contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode) FROM stdin;
health	pd-13	Ermintrude	Lammastide	F	2013-06-21	9 Tide Lane, Whitby	YO22 4AA
\.
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT pg_temp.why('pd-13');
