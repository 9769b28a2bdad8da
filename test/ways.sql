\set ECHO none
\set QUIET on
-- What tests ask again and again, for this session:  \i :ways  after  \i :people

-- What a role gets of a statement: its SQLSTATE, 00000 if it worked, and the
-- message of an error.  Taken back.
CREATE FUNCTION pg_temp.tried(role name, statement text, reason text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    said text;
BEGIN
    EXECUTE format('SET LOCAL ROLE %I', role);
    IF reason IS NOT NULL THEN
        EXECUTE format('SET LOCAL contactpoint.reason = %L', reason);
    END IF;
    EXECUTE statement;
    RAISE SQLSTATE 'ZZ000';
EXCEPTION
    WHEN SQLSTATE 'ZZ000' THEN RETURN ARRAY['00000'];
    WHEN OTHERS THEN GET STACKED DIAGNOSTICS said = MESSAGE_TEXT; RETURN ARRAY[SQLSTATE, said];
END $$;
CREATE FUNCTION pg_temp.attempt(role name, statement text) RETURNS text LANGUAGE sql AS
    $$ SELECT (pg_temp.tried($1, $2, NULL))[1] $$;
CREATE FUNCTION pg_temp.attempt_with_reason(role name, statement text) RETURNS text LANGUAGE sql AS
    $$ SELECT (pg_temp.tried($1, $2, 'attempt'))[1] $$;
CREATE FUNCTION pg_temp.answer(role name, statement text) RETURNS text LANGUAGE sql AS
    $$ SELECT array_to_string(pg_temp.tried($1, $2, 'attempt'), ' ') $$;

-- What became of the latest row of a reference.
CREATE FUNCTION pg_temp.outcome(ref text) RETURNS text LANGUAGE sql AS
    $$ SELECT outcome FROM contactpoint.settlement WHERE source_ref = $1 ORDER BY upload_id DESC LIMIT 1 $$;

-- The same with the reason why it was held.
CREATE FUNCTION pg_temp.why(ref text) RETURNS text LANGUAGE sql AS
    $$ SELECT s.outcome || coalesce(': ' || r.reason || CASE WHEN r.shielded THEN ' (shielded)' ELSE '' END, '')
       FROM contactpoint.settlement s LEFT JOIN contactpoint.review r USING (upload_id)
       WHERE s.source_ref = $1 ORDER BY s.upload_id DESC LIMIT 1 $$;

-- Are the private keys of places what the details say?
CREATE FUNCTION pg_temp.place_keys_are_true() RETURNS boolean LANGUAGE sql AS $$
    SELECT NOT EXISTS (SELECT * FROM contactpoint.place_key EXCEPT ALL SELECT * FROM contactpoint._all_places())
       AND NOT EXISTS (SELECT * FROM contactpoint._all_places() EXCEPT ALL SELECT * FROM contactpoint.place_key)
       AND EXISTS (SELECT FROM contactpoint.place_key)
$$;
\set QUIET off
\set ECHO all
