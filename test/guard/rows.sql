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
CREATE TEMPORARY TABLE last_one AS
SELECT DISTINCT ON (source, source_ref) source, source_ref, outcome, child_id FROM contactpoint.settlement
ORDER BY source, source_ref, upload_id DESC;
CREATE TEMPORARY TABLE shown AS
SELECT r.source, r.source_ref, x AS child_id FROM contactpoint.review r, unnest(r.candidates) x;
CREATE INDEX ON shown (source, source_ref);
ANALYZE last_one;
ANALYZE shown;
-- of whom a record made here is, by the row it was made of
CREATE TEMPORARY TABLE made AS
SELECT DISTINCT ON (s.child_id) s.child_id, t.child_id AS about
FROM contactpoint.settlement s JOIN public.truth t USING (source, source_ref) WHERE s.outcome = 'new' ORDER BY s.child_id, s.upload_id;
ALTER TABLE made ADD PRIMARY KEY (child_id);
CREATE TABLE public.result AS
SELECT t.*, t.category IN ('adoption', 'new identity', 'fled') AS wide,
       CASE WHEN t.errors = '' THEN 0 ELSE cardinality(string_to_array(t.errors, '+')) END AS n,
       l.outcome, l.child_id AS went_to, l.outcome = 'hold' AS held,
       -- a second record of the right child is counted where it was made
       l.outcome = 'match' AND coalesce(m.about, l.child_id) IS DISTINCT FROM t.child_id AS wrong,
       EXISTS (SELECT FROM shown s JOIN guarded g USING (child_id)
               WHERE s.source = t.source AND s.source_ref = t.source_ref) AS near_guarded
FROM public.truth t JOIN last_one l USING (source, source_ref) LEFT JOIN made m ON m.child_id = l.child_id;
ANALYZE public.result;
