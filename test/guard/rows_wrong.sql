-- Row by row what went wrong, with the record it was about and the records it came to: for
-- a file, since they are many.  Needs table result of rows.sql and :dir with upload.csv.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
SET contactpoint.reason = 'made-up children are measured';
\cd :dir
CREATE TEMPORARY TABLE sent (source text, source_ref text, authority text, given_names text, family_name text, sex text,
    date_of_birth text, address text, postcode text, carers text, involvements text);
\copy sent FROM 'upload.csv' (FORMAT csv)
CREATE TEMPORARY TABLE told AS
SELECT r.*, concat_ws(' | ', s.given_names, s.family_name, s.sex, s.date_of_birth, s.address, s.postcode) AS sent
FROM public.result r JOIN sent s USING (source, source_ref)
WHERE r.wrong OR (r.kind = 'shielded' AND r.outcome = 'new') OR (r.kind IN ('new', 'matched') AND r.held AND (r.near_guarded OR r.kind = 'new'));
CREATE TEMPORARY TABLE about AS
SELECT t.source, t.source_ref, 'review'::text AS why, c.child_id, c.nth
FROM told t JOIN contactpoint.review v USING (source, source_ref), unnest(v.candidates) WITH ORDINALITY c (child_id, nth)
UNION SELECT source, source_ref, 'truth', child_id, 0 FROM told WHERE child_id IS NOT NULL
UNION SELECT source, source_ref, 'went to', went_to, 0 FROM told WHERE wrong;
CREATE TEMPORARY TABLE facts AS
SELECT c.child_id, concat_ws(' | ', c.given_names, c.family_name, c.sex, c.date_of_birth,
    (SELECT string_agg(DISTINCT concat_ws(', ', a.address, a.postcode), ' / ') FROM contactpoint.address a WHERE a.child_id = c.child_id),
    (SELECT 'alias ' || string_agg(concat_ws(' ', l.given_names, l.family_name), ' / ') FROM contactpoint.alias l WHERE l.child_id = c.child_id),
    CASE WHEN c.shielded THEN 'shielded' END) AS facts
FROM contactpoint.child c WHERE c.child_id IN (SELECT child_id FROM about);
SELECT concat_ws(' ', CASE WHEN t.wrong THEN 'WRONG' WHEN t.kind = 'shielded' THEN 'OPEN' WHEN t.near_guarded THEN 'GUARD' ELSE 'HELD' END, t.kind,
           t.category, nullif(t.errors, ''), round(v.score::numeric, 1), v.reason) || E'\n    sent    ' || t.sent
       || coalesce(E'\n' || string_agg(format('    %-7s ', a.why) || f.facts, E'\n' ORDER BY a.why = 'review', a.why, a.nth), '')
FROM told t LEFT JOIN contactpoint.review v USING (source, source_ref)
     LEFT JOIN about a USING (source, source_ref) LEFT JOIN facts f ON f.child_id = a.child_id
GROUP BY t.source, t.source_ref, t.wrong, t.kind, t.category, t.errors, t.near_guarded, t.sent, v.score, v.reason
ORDER BY NOT t.wrong, t.kind <> 'shielded', t.kind, t.near_guarded, t.errors, t.source_ref;
