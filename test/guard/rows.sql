-- Sends the generated rows, settles them and says in table result what became of each.
-- Needs :dir with upload.csv and truth.csv.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
CREATE TABLE public.truth (source text, source_ref text, kind text, child_id bigint, category text, errors text,
    PRIMARY KEY (source, source_ref, kind));
\cd :dir
-- a reference may come unchanged twice
CREATE TEMPORARY TABLE line (LIKE public.truth);
\copy line FROM 'truth.csv' (FORMAT csv, FORCE_NOT_NULL (category, errors))
INSERT INTO public.truth SELECT * FROM line ON CONFLICT DO NOTHING;

SET ROLE generate_feed;
\copy contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode, carers, involvements) FROM 'upload.csv' (FORMAT csv)
RESET ROLE;
SELECT clock_timestamp() AS began \gset
CALL contactpoint.settle('5 hours');
SELECT count(*) AS "rows settled", extract(epoch FROM clock_timestamp() - :'began')::int AS seconds,
       (count(*) / extract(epoch FROM clock_timestamp() - :'began'))::int AS "rows/s"
FROM contactpoint.settlement \gx

CREATE TEMPORARY TABLE guarded AS SELECT child_id FROM contactpoint.match_person WHERE nearness > 0;
ALTER TABLE guarded ADD PRIMARY KEY (child_id);
CREATE TABLE public.result AS
SELECT t.*, t.category IN ('adoption', 'new identity', 'fled') AS wide,
       CASE WHEN t.errors = '' THEN 0 ELSE cardinality(string_to_array(t.errors, '+')) END AS n,
       s.outcome, s.child_id AS went_to, s.outcome = 'hold' AS held,
       s.outcome = 'match' AND s.child_id IS DISTINCT FROM t.child_id AS wrong,
       EXISTS (SELECT FROM unnest(r.candidates) x JOIN guarded g ON g.child_id = x) AS near_guarded,
       EXISTS (SELECT FROM unnest(r.candidates) x WHERE x = t.child_id) AS shown
FROM public.truth t
JOIN contactpoint.settlement s USING (source, source_ref)
LEFT JOIN contactpoint.review r USING (source, source_ref)
WHERE s.upload_id = (SELECT max(l.upload_id) FROM contactpoint.settlement l WHERE l.source = t.source AND l.source_ref = t.source_ref);
