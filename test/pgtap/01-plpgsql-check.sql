-- plpgsql_check reads every PL/pgSQL function: wrong names, dead code, types
-- that do not fit, text put into EXECUTE unquoted.

BEGIN;
CREATE EXTENSION pgtap;

SELECT EXISTS (SELECT FROM pg_catalog.pg_available_extensions WHERE name = 'plpgsql_check') AS available \gset
\if :available
CREATE EXTENSION plpgsql_check;

-- A trigger function is read once for each table that it serves.
CREATE TEMP TABLE body AS
    SELECT p.oid::regprocedure AS routine, coalesce(t.tgrelid, 0)::regclass AS relid,
           t.tgoldtable AS oldtable, t.tgnewtable AS newtable,
           p.prorettype = 'trigger'::regtype AS is_trigger, p.proname LIKE E'\\_do\\_%' AS is_work
    FROM pg_catalog.pg_proc p
    JOIN pg_catalog.pg_language l ON l.oid = p.prolang AND l.lanname = 'plpgsql'
    JOIN pg_catalog.pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
    JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid AND e.extname = 'contactpoint'
    LEFT JOIN (SELECT DISTINCT tgfoid, tgrelid, tgoldtable, tgnewtable
               FROM pg_catalog.pg_trigger WHERE NOT tgisinternal AND tgparentid = 0) t ON t.tgfoid = p.oid;

SELECT plan((SELECT count(*)::int FROM body) + 1);

SELECT is_empty('SELECT routine FROM body WHERE is_trigger AND relid = 0',
    'every trigger function serves a table');
SELECT is(
    (SELECT string_agg(format('line %s: %s: %s %s %s', f.lineno, f.level, f.message, f.detail, f.hint), E'\n')
     FROM plpgsql_check_function_tb(body.routine, body.relid, fatal_errors => false,
         performance_warnings => false, security_warnings => true,
         oldtable => body.oldtable, newtable => body.newtable) f
     -- the work behind a door takes all of the door's arguments, needed or not
     WHERE NOT (f.message LIKE 'unused parameter%' AND body.is_work)),
    NULL,
    body.routine || CASE WHEN body.is_trigger THEN ' on ' || body.relid ELSE '' END)
FROM body
WHERE NOT (body.is_trigger AND body.relid = 0)
ORDER BY body.routine::text, body.relid::text;
\else
SELECT plan(1);
SELECT skip('plpgsql_check cannot be had here', 1);
\endif

SELECT * FROM finish();
ROLLBACK;
