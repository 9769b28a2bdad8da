-- Bad input to the inbox is refused with SQLSTATE, column and hint; a COPY whole.
\getenv abs_srcdir PG_ABS_SRCDIR
\set people :abs_srcdir '/people.sql'
\i :people
\set SHOW_CONTEXT never

-- one line a refusal: SQLSTATE, column, message, hint; never the value
CREATE FUNCTION pg_temp.refusal(columns text, vals text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    state text; col text; msg text; hint text;
BEGIN
    EXECUTE format('INSERT INTO contactpoint.upload (%s) VALUES (%s)', columns, vals);
    RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, col = COLUMN_NAME, msg = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
    RETURN format('%s [%s] %s | %s', state, col, msg, hint);
END
$$;
CREATE FUNCTION pg_temp.try(given text, family text DEFAULT 'Quillfeather', sex text DEFAULT 'F', birth text DEFAULT '2012-03-04',
    extra_columns text DEFAULT '', extra_values text DEFAULT '') RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.refusal('source, source_ref, given_names, family_name, sex, date_of_birth' || extra_columns,
        format('%L, %L, %L, %L, %L, %L', 'school', 'input-1', given, family, sex, birth) || extra_values)
$$;

SET SESSION AUTHORIZATION regress_feed;
-- names
SELECT pg_temp.try('');
SELECT pg_temp.try('Z');
SELECT pg_temp.try('Zara', '');
SELECT pg_temp.try('Zara', 'Q');
SELECT pg_temp.try(repeat('za', 101));
SELECT pg_temp.try(repeat('za', 5000));
SELECT pg_temp.try(E'Za\x07ra');
SELECT pg_temp.try(E'Za\u200bra');
SELECT pg_temp.try(E'\u202eZara');
SELECT pg_temp.try('...');
SELECT pg_temp.try('12345');
-- dates
SELECT pg_temp.try('Zara', birth => '2012-02-30');
SELECT pg_temp.try('Zara', birth => '2999-01-01');
SELECT pg_temp.try('Zara', birth => '1899-12-31');
SELECT pg_temp.try('Zara', birth => '03/04/2012');
SELECT pg_temp.try('Zara', birth => '4 March 2012');
SELECT pg_temp.try('Zara', birth => '20120304');
SELECT pg_temp.try('Zara', birth => '');
SELECT pg_temp.try('Zara', birth => 'infinity');
SET datestyle = 'SQL, DMY';
SELECT pg_temp.try('Zara', birth => '03/04/2012');
RESET datestyle;
-- a part of one: the year, or year and month
SELECT birth, pg_temp.try('Zara', birth => birth) FROM (VALUES ('2012-13'), ('2012-00'), ('0000'), ('1899'), ('1899-12'), ('2999'),
    ('2012-'), ('2012-1'), ('2012-04-'), ('201'), ('20120'), ('2012-4-'), (' 2012')) v (birth);
-- a real date is a real date, under any DateStyle
SELECT pg_temp.refusal('source, source_ref, given_names, family_name, date_of_birth',
    $$'school', 'real-date', 'Realdate', 'Inputtest', date '2012-03-04'$$);
SET datestyle = 'German';
SELECT pg_temp.refusal('source, source_ref, given_names, family_name, date_of_birth',
    $$'school', 'real-date', 'Realdate', 'Inputtest', date '2012-03-04'$$);
SELECT pg_temp.refusal('source, source_ref, given_names, family_name, date_of_birth',
    $$'school', 'real-date', 'Realdate', 'Inputtest', 'infinity'::date$$);
SELECT pg_temp.refusal('source, source_ref, given_names, family_name, date_of_birth',
    $$'school', 'real-date', 'Realdate', 'Inputtest', '2012-03-04'::varchar$$);
RESET datestyle;
-- sex
SELECT pg_temp.try('Zara', sex => 'X');
SELECT pg_temp.try('Zara', sex => 'female');
-- jsonb
SELECT pg_temp.try('Zara', extra_columns => ', carers', extra_values => $$, '{"full_name": "A B"}'$$);
SELECT pg_temp.try('Zara', extra_columns => ', carers', extra_values => $$, '[1]'$$);
SELECT pg_temp.try('Zara', extra_columns => ', carers', extra_values => $$, '[{"name": "A B"}]'$$);
SELECT pg_temp.try('Zara', extra_columns => ', carers', extra_values => $$, '[{"relationship": "mother"}]'$$);
SELECT pg_temp.try('Zara', extra_columns => ', carers', extra_values => $$, '[{"full_name": ["A"]}]'$$);
SELECT pg_temp.try('Zara', extra_columns => ', carers', extra_values => $$, '"x"'$$);
SELECT pg_temp.try('Zara', extra_columns => ', identifiers', extra_values => $$, '["nhs"]'$$);
SELECT pg_temp.try('Zara', extra_columns => ', identifiers', extra_values => $$, '{"nhs": 12}'$$);
SELECT pg_temp.try('Zara', extra_columns => ', involvements', extra_values => $$, '[{"service": "school", "started_on": "yesterday"}]'$$);
SELECT pg_temp.try('Zara', extra_columns => ', alias_names', extra_values => $$, '[{"kind": "birth", "family_name": "Q"}]'$$);
SELECT pg_temp.try('Zara', extra_columns => ', carers', extra_values =>
    format(', %L', (SELECT jsonb_agg(jsonb_build_object('full_name', 'A B')) FROM generate_series(1, 21))));
SELECT left(pg_temp.try('Zara', extra_columns => ', carers', extra_values => $$, '[{"full_name": '$$), 5) AS malformed;
INSERT INTO contactpoint.upload (source, source_ref, given_names) VALUES ('school', 'enc', E'Za\xffra');
-- other columns
SELECT pg_temp.try('Zara', extra_columns => ', address', extra_values => format(', %L', repeat('x', 501)));
SELECT pg_temp.try('Zara', extra_columns => ', postcode', extra_values => E', E''AB1\\n2CD''');
-- sources: unknown, foreign, none
SELECT pg_temp.refusal('source, source_ref, given_names', $$'nowhere', 'r', 'Zara'$$);
SELECT pg_temp.refusal('source, source_ref, given_names', $$'other', 'r', 'Zara'$$);
SELECT pg_temp.refusal('source_ref, given_names', $$'r', 'Zara'$$);
SELECT pg_temp.refusal('source, given_names', $$'school', 'Zara'$$);
-- a feed writes what it sends, nothing else
SELECT left(pg_temp.refusal('upload_id, source, source_ref', $$1, 'school', 'r'$$), 5);
SELECT left(pg_temp.refusal('received_at, source, source_ref', $$now(), 'school', 'r'$$), 5);
-- and reads nothing back
INSERT INTO contactpoint.upload (source, source_ref) VALUES ('school', 'r') RETURNING upload_id;
SELECT count(*) FROM contactpoint.upload;
RESET SESSION AUTHORIZATION;

-- a COPY with one bad row is refused whole
\set VERBOSITY default
SET SESSION AUTHORIZATION regress_feed;
COPY contactpoint.upload (source, source_ref, given_names, family_name, date_of_birth) FROM stdin;
school	c1	Good	Rowson	2012-01-02
school	c2	Bad	Rowson	2012-13-02
\.
RESET SESSION AUTHORIZATION;
SELECT count(*) AS rows_of_refused_copy FROM contactpoint.upload WHERE source_ref IN ('c1', 'c2');
SELECT count(*) AS receipts_of_refused_copy FROM contactpoint.receipt WHERE source_ref IN ('c1', 'c2');

-- a paused source
UPDATE contactpoint.source SET paused_at = now() WHERE source = 'health';
SET SESSION AUTHORIZATION regress_feed;
SELECT pg_temp.refusal('source, source_ref, given_names', $$'health', 'r', 'Zara'$$);
RESET SESSION AUTHORIZATION;
UPDATE contactpoint.source SET paused_at = NULL WHERE source = 'health';

-- rows of the inbox are never changed, replica mode or not
INSERT INTO contactpoint.upload (source, source_ref) VALUES ('school', 'fixed');
UPDATE contactpoint.upload SET given_names = 'Other' WHERE source_ref = 'fixed';
SET session_replication_role = replica;
INSERT INTO contactpoint.upload (source, source_ref, given_names) VALUES ('school', 'replica', 'Z');
RESET session_replication_role;
DELETE FROM contactpoint.upload WHERE source_ref = 'fixed';
