-- Re-keying: all private keys of the matcher anew while the registry is in use.

CREATE FUNCTION contactpoint._do_rekey(timeout interval) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM contactpoint._require_role('contactpoint_admin');
    IF NOT contactpoint._await_job('rekey', coalesce(timeout, '0')) THEN
        RAISE NOTICE 're-keying goes on in the background' USING HINT = 'See contactpoint.progress.';
        RETURN NULL;
    END IF;
    RETURN (SELECT j.done FROM contactpoint.job j WHERE j.job = 'rekey');
END
$$;
CREATE FUNCTION contactpoint.rekey(timeout interval DEFAULT '0')
    RETURNS bigint LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_command';
COMMENT ON FUNCTION contactpoint.rekey(interval) IS
    'Make the matcher''s private keys anew in the background, while the registry is in use (admins); with a timeout waits for the end and returns the number of records.';
