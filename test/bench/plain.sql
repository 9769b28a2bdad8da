-- Prints how to make the tables that settling writes, with their indexes, checks
-- and foreign keys and nothing else: no row security, no trigger of the library,
-- no check that only the library can make.
\pset tuples_only on
\pset format unaligned
WITH written (name, place) AS (
    SELECT * FROM unnest(ARRAY['organisation', 'source', 'child', 'address', 'carer', 'involvement', 'identifier',
        'responsibility', 'alias', 'receipt', 'settlement', 'source_link', 'match_person', 'match_key', 'guard_key', 'place_key']) WITH ORDINALITY
), tables AS (
    SELECT c.oid, c.relname, c.relkind, w.place FROM written w
    JOIN pg_catalog.pg_class c ON c.relname = w.name AND c.relnamespace = 'contactpoint'::regnamespace
), statements (step, place, statement) AS (
    SELECT 1, t.place, format('CREATE TABLE contactpoint.%I (%s)%s', t.relname,
        (SELECT string_agg(format('%I %s%s', a.attname, format_type(a.atttypid, a.atttypmod),
                                  CASE WHEN a.attnotnull THEN ' NOT NULL' END), ', ' ORDER BY a.attnum)
         FROM pg_catalog.pg_attribute a WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped),
        CASE t.relkind WHEN 'p' THEN ' PARTITION BY ' || pg_get_partkeydef(t.oid) END)
    FROM tables t
    UNION ALL
    SELECT 2, t.place, format('CREATE TABLE contactpoint.%I PARTITION OF contactpoint.%I %s', l.relname, t.relname,
                              pg_get_expr(l.relpartbound, l.oid))
    FROM tables t JOIN pg_catalog.pg_inherits i ON i.inhparent = t.oid JOIN pg_catalog.pg_class l ON l.oid = i.inhrelid
    UNION ALL
    SELECT 3, t.place, format('ALTER TABLE contactpoint.%I SET (%s)', t.relname, array_to_string(c.reloptions, ', '))
    FROM tables t JOIN pg_catalog.pg_class c ON c.oid = t.oid WHERE c.reloptions IS NOT NULL
    UNION ALL
    SELECT CASE k.contype WHEN 'f' THEN 6 WHEN 'c' THEN 5 ELSE 4 END, t.place,
           format('ALTER TABLE contactpoint.%I ADD %s', t.relname, pg_get_constraintdef(k.oid))
    FROM tables t JOIN pg_catalog.pg_constraint k ON k.conrelid = t.oid
    WHERE k.contype IN ('p', 'u', 'f', 'c') AND pg_get_constraintdef(k.oid) NOT LIKE '%contactpoint.\_%'
      AND (k.contype <> 'f' OR k.confrelid IN (SELECT oid FROM tables)) AND k.conparentid = 0
    UNION ALL
    SELECT 5, t.place, regexp_replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON ')
    FROM tables t JOIN pg_catalog.pg_index i ON i.indrelid = t.oid
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u'))
)
SELECT statement || ';' FROM statements ORDER BY step, place, statement;
