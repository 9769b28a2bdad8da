-- What the planner hook puts into every plan over the registry, to record what it
-- reads. A plan runs with the rights of whoever asks, so PUBLIC may execute these;
-- called by anybody else they are an error.
--
-- After 90-privileges.sql, so that they keep the privileges that PostgreSQL gives
-- to any function: the executor asks for them in every statement, and an ACL that
-- is spelt out costs more there than what they do.

CREATE FUNCTION contactpoint._capture(relation oid, child_id bigint) RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'contactpoint_capture';
COMMENT ON FUNCTION contactpoint._capture(oid, bigint) IS 'a row about this child is consulted; true';
CREATE FUNCTION contactpoint._capture(relation oid, candidates bigint[]) RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'contactpoint_capture_all';
COMMENT ON FUNCTION contactpoint._capture(oid, bigint[]) IS 'a row about these children is consulted; true';
CREATE FUNCTION contactpoint._touch(relation oid, child_id bigint) RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'contactpoint_touch';
COMMENT ON FUNCTION contactpoint._touch(oid, bigint) IS 'an error may quote a row about this child; true';

-- Unless the defaults of this database say otherwise.
DO $$
DECLARE
    mark regprocedure;
BEGIN
    FOR mark IN SELECT oid::regprocedure FROM pg_catalog.pg_proc
        WHERE pronamespace = 'contactpoint'::regnamespace AND proname IN ('_capture', '_touch') AND proacl IS NOT NULL
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO PUBLIC', mark);
    END LOOP;
END
$$;
