-- Rows about a shielded child, by every way in and in every spelling, never
-- make a second record and never show a detail.
\getenv abs_srcdir PG_ABS_SRCDIR
\set people :abs_srcdir '/people.sql'
\i :people
\set SHOW_CONTEXT never

SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('school', 'su-1', 1, 'Philippa Jane', 'Harrowgate', 'F', '2013-05-11', '3 Elm Close', 'SU1 1AA'),
    ('school', 'su-2', 1, 'Dominic', 'Fairweather', 'M', '2012-08-09', '4 Oak Close', 'SU2 2BB');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT child_id AS pip FROM contactpoint.source_link WHERE source_ref = 'su-1' \gset
SELECT child_id AS dom FROM contactpoint.source_link WHERE source_ref = 'su-2' \gset
SET SESSION AUTHORIZATION regress_manager;
SELECT cardinality(contactpoint.shield(:pip, 'refuge', 'fled')) AS shielded;
SELECT cardinality(contactpoint.shield(:dom, 'threats', 'harm')) AS shielded;
RESET SESSION AUTHORIZATION;
INSERT INTO contactpoint.alias (child_id, kind, given_names, family_name) VALUES (:pip, 'adopted', 'Philippa', 'Winterbourne');
SELECT count(*) AS before FROM contactpoint.child \gset

CREATE TABLE public.variant (n int, given text, family text, sex text, birth text);
INSERT INTO public.variant VALUES
    (1, 'Philippa Jane', 'Harrowgate', 'F', '2013-05-11'), (2, 'Phillipa', 'Harrowgate', 'F', '2013-05-11'),
    (3, 'Philippa', 'Harogate', 'F', '2013-05-11'), (4, 'Harrowgate', 'Philippa Jane', 'F', '2013-05-11'),
    (5, 'Philippa', 'Harrowgate', 'F', '2013-11-05'), (6, 'Philippa', 'Winterbourne', 'F', '2013-05-11'),
    (7, 'Philippa', 'Newname', 'F', '2013-05-11'), (8, 'PHILIPPA', 'HARROWGATE', NULL, '2013-05-11'),
    (9, 'Philippa', 'Harrowgate', 'F', '2013-05-12'), (10, 'Philippa', 'Harrowgate-Smith', 'F', '2013-05-11'),
    (11, 'Phіlірра', 'Нarrоwgate', 'F', '2013-05-11'), (12, 'P.h.i.l.i.p.p.a', 'Harrowgate', 'F', '2013-05-11'),
    (13, 'Dominic', 'Fairweather', 'M', '2012-08-09'), (14, 'Dominik', 'Fairwether', 'M', '2012-08-09'),
    (15, 'Fairweather', 'Dominic', 'M', '2012-08-09'), (16, 'Dominic', 'Fairweather', 'M', '2012-09-08'),
    (17, 'Dominic', 'Fairweather', NULL, NULL), (18, 'Ｄｏｍｉｎｉｃ', 'Fairweather', 'M', '2012-08-09');
GRANT SELECT ON public.variant TO regress_feed;

SET SESSION AUTHORIZATION regress_feed;
-- one by one, prepared
PREPARE up (text, text, text, text, text) AS
    INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode)
    VALUES ('school', $1, $2, $3, $4, $5, '1 Refuge Lane', 'HID 0EN');
DO $$ DECLARE v record; BEGIN
    FOR v IN SELECT * FROM public.variant ORDER BY n LOOP
        EXECUTE format('EXECUTE up(%L, %L, %L, %L, %L)', 'su-p' || v.n, v.given, v.family, v.sex, v.birth);
    END LOOP; END $$;
-- plain INSERT and a multi-row one
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address) VALUES ('health', 'su-i1', 'Philippa Jane', 'Harrowgate', 'F', '2013-05-11', '1 Refuge Lane');
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address) VALUES
    ('health', 'su-m1', 'Philippa', 'Harrowgate', 'F', '2013-05-11', '1 Refuge Lane'), ('health', 'su-m2', 'Philipa', 'Harrowgate', 'F', '2013-05-11', '1 Refuge Lane'),
    ('health', 'su-m3', 'Dominic', 'Fairweather', 'M', '2012-08-09', '1 Refuge Lane'), ('health', 'su-m4', 'Domenic', 'Fairweather', 'M', '2012-08-09', '1 Refuge Lane');
-- INSERT SELECT
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address)
    SELECT 'health', 'su-s' || n, given, family, sex, birth, '1 Refuge Lane' FROM public.variant;
-- COPY
COPY contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode) FROM stdin;
health	su-c1	Philippa Jane	Harrowgate	F	2013-05-11	1 Refuge Lane	HID 0EN
health	su-c2	Phillippa	Harrowgate	F	2013-05-11	1 Refuge Lane	HID 0EN
health	su-c3	Philippa	Winterbourne	F	2013-05-11	1 Refuge Lane	HID 0EN
health	su-c4	Harrowgate	Philippa	F	2013-05-11	1 Refuge Lane	HID 0EN
health	su-c5	Dominic	Fairweather	M	2012-08-09	1 Refuge Lane	HID 0EN
health	su-c6	Domminic	Fairweather	M	2012-08-09	1 Refuge Lane	HID 0EN
\.
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();

SELECT count(*) - :before AS new_records FROM contactpoint.child;
SELECT s.source_ref FROM contactpoint.settlement s WHERE s.source_ref LIKE 'su-_%' AND (s.outcome = 'new' OR s.child_id NOT IN (:pip, :dom)) AND s.source_ref NOT IN ('su-1', 'su-2');
-- an exact or slightly misspelt row goes to the vault, it is not merely held
SELECT count(*) AS matched FROM contactpoint.settlement WHERE source_ref IN ('su-p1', 'su-p2', 'su-p13', 'su-i1', 'su-m1', 'su-m3', 'su-c1', 'su-c5') AND outcome = 'match';
-- what an ordinary reader sees
SET SESSION AUTHORIZATION regress_practitioner;
SET contactpoint.reason = 'test of uploads';
SELECT count(*) FROM contactpoint.child WHERE date_of_birth IN ('2013-05-11', '2013-11-05', '2013-05-12', '2012-08-09', '2012-09-08');
SELECT count(*) FROM contactpoint.address WHERE address = '1 Refuge Lane' OR postcode = 'HID 0EN';
SELECT given_names, family_name, addresses, carers FROM contactpoint.record WHERE child_id IN (:pip, :dom) ORDER BY family_name;
SELECT count(*) FROM contactpoint.search(family_name => 'Winterbourne');
RESET SESSION AUTHORIZATION;
-- the details are in the vault, the latest of each source
SELECT count(*) > 0 AS in_vault FROM contactpoint.address_vault WHERE child_id IN (:pip, :dom) AND address = '1 Refuge Lane';
SELECT count(*) AS on_open_side FROM contactpoint.address_open WHERE child_id IN (:pip, :dom);
-- what is held has an authority and a due date
SELECT count(*) > 0 AS some_held, bool_and(authority = 1) AS with_authority, bool_and(due_at > now()) AS with_due_date, bool_and(shielded) AS marked
FROM contactpoint.review WHERE source_ref LIKE 'su-%' AND decided_at IS NULL;

-- direct INSERT into child by a manager and by a superuser
SET SESSION AUTHORIZATION regress_manager;
INSERT INTO contactpoint.child (given_names, family_name, sex, date_of_birth) VALUES ('Philippa Jane', 'Harrowgate', 'F', '2013-05-11');
INSERT INTO contactpoint.child (given_names, family_name, sex, date_of_birth) VALUES ('Philippa', 'Winterbourne', 'F', '2013-05-11');
INSERT INTO contactpoint.child (given_names, family_name, sex, date_of_birth) VALUES ('Domminic', 'Fairweather', 'M', '2012-09-08');
INSERT INTO contactpoint.child (given_names, family_name, sex, date_of_birth, shielded) VALUES ('Some', 'Otherchild', 'M', '2012-01-02', true);
RESET SESSION AUTHORIZATION;
INSERT INTO contactpoint.child (given_names, family_name, sex, date_of_birth) VALUES ('Philippa Jane', 'Harrowgate', 'F', '2013-05-11');
SET session_replication_role = replica;
INSERT INTO contactpoint.child (given_names, family_name, sex, date_of_birth) VALUES ('Phillippa', 'Harrowgate', 'F', '2013-05-11');
RESET session_replication_role;
-- two rows of one statement
INSERT INTO contactpoint.child (given_names, family_name, sex, date_of_birth) VALUES ('Twice', 'Inonestatement', 'M', '2014-01-02'), ('Twice', 'Inonestatement', 'M', '2014-01-02');
-- UPDATE of names or birth date that would make one
INSERT INTO contactpoint.child (given_names, family_name, sex, date_of_birth) VALUES ('Marigold', 'Thistlewood', 'F', '2013-05-11') RETURNING child_id AS other \gset
UPDATE contactpoint.child SET given_names = 'Philippa', family_name = 'Harrowgate' WHERE child_id = :other;
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'correcting a name';
UPDATE contactpoint.child SET given_names = 'Philippa', family_name = 'Harrowgate' WHERE child_id = :other;
UPDATE contactpoint.child SET given_names = 'Marygold' WHERE child_id = :other;
UPDATE contactpoint.child SET date_of_birth = '2999-01-01' WHERE child_id = :other;
RESET SESSION AUTHORIZATION;
UPDATE contactpoint.child SET child_id = contactpoint._child_number() WHERE child_id = :other;
SELECT count(*) - :before AS new_records FROM contactpoint.child WHERE child_id <> :other;
DROP TABLE public.variant;
