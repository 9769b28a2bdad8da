-- What became of the rows, as tables.  Needs table result of rows.sql.
\echo Rows about shielded children, by number of errors
SELECT n AS errors, CASE WHEN wide THEN 'wide' ELSE 'other' END AS category, count(*) AS rows,
       count(*) FILTER (WHERE outcome = 'new') AS "open records", round(100.0 * count(*) FILTER (WHERE outcome = 'new') / count(*), 3) AS "%",
       count(*) FILTER (WHERE held) AS held, count(*) FILTER (WHERE outcome = 'match') AS matched,
       count(*) FILTER (WHERE wrong) AS "to a wrong child"
FROM result WHERE kind = 'shielded' GROUP BY 1, 2 ORDER BY 1, 2;

\echo Combinations of errors that made open records
SELECT n AS errors, CASE WHEN wide THEN 'wide' ELSE 'other' END AS category, regexp_replace(errors, 'missing.*', 'missing') AS combination,
       count(*) AS rows, count(*) FILTER (WHERE outcome = 'new') AS "open records"
FROM result WHERE kind = 'shielded' GROUP BY 1, 2, 3 HAVING count(*) FILTER (WHERE outcome = 'new') > 0 ORDER BY 1, 2, 5 DESC;

\echo Rows about other children
SELECT kind, count(*) AS rows, count(*) FILTER (WHERE outcome = 'match') AS matched, count(*) FILTER (WHERE outcome = 'new') AS new,
       count(*) FILTER (WHERE held AND near_guarded) AS "held near guarded", round(100.0 * count(*) FILTER (WHERE held AND near_guarded) / count(*), 3) AS "%",
       count(*) FILTER (WHERE held AND NOT near_guarded) AS "held otherwise", round(100.0 * count(*) FILTER (WHERE held AND NOT near_guarded) / count(*), 3) AS "% ",
       count(*) FILTER (WHERE wrong) AS "to a wrong child"
FROM result WHERE kind <> 'shielded' GROUP BY ROLLUP (kind) ORDER BY kind NULLS LAST;

\echo New children that were held otherwise, by what they are
SELECT errors AS what, count(*) AS rows, count(*) FILTER (WHERE held AND NOT near_guarded) AS held, count(*) FILTER (WHERE wrong) AS "to a wrong child"
FROM result WHERE kind = 'new' GROUP BY 1 ORDER BY 1;
