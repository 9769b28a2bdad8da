-- How far a row finds its record: by the street on the birth date where both
-- names are other ones, by a name that was torn and has lost a letter; and what
-- one name in the other's place says.
\getenv abs_srcdir PG_ABS_SRCDIR
\set people :abs_srcdir '/people.sql'
\set ways :abs_srcdir '/ways.sql'
\i :people
\i :ways
\set SHOW_CONTEXT never

SET SESSION AUTHORIZATION regress_feed;
COPY contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode) FROM stdin;
school	rc-1	1	Zebulon	Quillwhistle	M	2011-05-16	14 Orchard Way, Marble Hill	4216
school	rc-2	1	Ottegebe	Huckabuck	F	2011-09-23	9 Tannery Row, Marble Hill	DE4 1AA
school	rc-3	1	Winifrey	Kambale	F	2012-08-27	2 Mill Lane, Derby	DE5 1AA
school	rc-4	1	Theodulf	Umberto	M	2013-03-12	77 Harbour Street, Leeds	4711
\.
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();

-- A postcode of a street leads there itself: one key less.
SELECT l.source_ref, count(*) AS keys
FROM contactpoint.match_key k JOIN contactpoint.source_link l USING (child_id) WHERE l.source_ref IN ('rc-1', 'rc-2')
GROUP BY 1 ORDER BY 1;

-- Each in the way that its record is found, and beside it one that is not: born
-- on another day; of two names; with two other names.
SET SESSION AUTHORIZATION regress_feed;
COPY contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode) FROM stdin;
health	rc-11	1	Anatole	Brandywine	M	2011-05-16	31 Orchard Way, Marble Hill	4261
health	rc-12	1	Anatole	Featherbed	M	2011-11-06	35 Orchard Way, Marble Hill	4261
health	rc-21	1	Ottegebe	Huckabuck	F	2011-09-28	9 Tannery Row, Marble Hill	DE4 1AA
health	rc-31	1	Wini Rey	Kambale	F	2012-08-21	50 Pier Street, Leeds	LS9 2BB
health	rc-32	1	Anna Rey	Kambale	F	2012-08-21	1 Beach Road, Leeds	LS3 2BB
health	rc-41	1	Umberto	Sandleforth	M	2013-07-25	77 Harbour Drive, Otley	4711
health	rc-42	1	Ignatius	Sandleforth	M	2013-07-25	77 Harbour Close, Ilkley	4711
\.
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT r.source_ref, s.outcome FROM contactpoint.receipt r LEFT JOIN contactpoint.settlement s USING (upload_id)
WHERE r.source_ref LIKE 'rc-__' ORDER BY 1;

-- A house is found with and without a postcode on either side.
SET SESSION AUTHORIZATION regress_feed;
COPY contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode) FROM stdin;
school	rc-6	1	Cuthburga	Wolsingham	F	2010-02-14	Flat 7, 12 Cathedral Yard, Durham	DH1 3EH
school	rc-7	1	Ethelburga	Tynemouth	F	2009-06-15	21 Minster Close, Beverley	\N
\.
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SET SESSION AUTHORIZATION regress_feed;
COPY contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode) FROM stdin;
health	rc-61	1	Cuthburga	Oxborough	F	2010-02-18	Flat 7, 12 Cathedral Yard, Durham	\N
health	rc-71	1	Ethelburga	Oxborough	F	2009-06-18	21 Minster Close, Beverley	HU17 0DP
health	rc-72	1	Ethelburga	Oxborough	F	2009-06-18	3 Lighthouse Lane, Whitby	\N
\.
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT r.source_ref, s.outcome FROM contactpoint.receipt r LEFT JOIN contactpoint.settlement s USING (upload_id)
WHERE r.source_ref ~ '^rc-[67].$' ORDER BY 1;

-- Another house of a street is no part of an address in common, however short it is.
SET SESSION AUTHORIZATION regress_feed;
COPY contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode) FROM stdin;
school	rc-5	1	Dunstan	Harrowgate	M	2010-07-11	29 New Road	DE65 4YL
health	rc-51	1	Dunstan	Jamesway	M	2010-07-11	40 New Road	M68 5ZH
\.
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT max(upload_id) FILTER (WHERE source_ref = 'rc-21') AS on_street, max(upload_id) FILTER (WHERE source_ref = 'rc-41') AS in_town,
    max(upload_id) FILTER (WHERE source_ref = 'rc-51') AS away FROM contactpoint.settlement WHERE outcome = 'hold' \gset
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'reviews';
SELECT field, level FROM contactpoint.explain_match(:away) WHERE field ~ 'postcode|address' ORDER BY 1;
-- It is read in the light of a postcode of its street, and besides one of its town.
SELECT field, level FROM contactpoint.explain_match(:on_street) WHERE field ~ 'postcode|address' ORDER BY 1;
SELECT field, level FROM contactpoint.explain_match(:in_town) WHERE field ~ 'postcode|address' ORDER BY 1;
RESET contactpoint.reason;
RESET SESSION AUTHORIZATION;
