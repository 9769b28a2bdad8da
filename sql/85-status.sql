-- Running it: what a restore must say before anybody reads again.

CREATE FUNCTION contactpoint._do_validate_restore() RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    detail text;
    wrong bigint;
    children bigint;
BEGIN
    PERFORM contactpoint._lock_matching();
    LOCK TABLE contactpoint.restore_mark IN EXCLUSIVE MODE;
    FOR detail IN SELECT unnest(ARRAY['address', 'carer', 'involvement', 'identifier', 'responsibility']) LOOP
        EXECUTE format('SELECT count(*) FROM contactpoint.%I d WHERE NOT EXISTS
            (SELECT FROM contactpoint.child c WHERE c.child_id = d.child_id AND c.shielded = d.shielded)', detail)
            INTO wrong;
        IF wrong > 0 THEN
            RAISE EXCEPTION 'the restore is not whole: % row(s) of % are on the wrong side of the vault or without a child', wrong, detail
                USING ERRCODE = 'KC011', HINT = 'Restore the dump again into an empty database.';
        END IF;
    END LOOP;
    SELECT count(*) INTO wrong FROM contactpoint.child c
    WHERE c.shielded <> EXISTS (SELECT FROM contactpoint.shield s WHERE s.child_id = c.child_id AND s.lifted_at IS NULL);
    IF wrong > 0 THEN
        RAISE EXCEPTION 'the restore is not whole: the shields of % record(s) do not agree with the record', wrong
            USING ERRCODE = 'KC011', HINT = 'Restore the dump again into an empty database.';
    END IF;
    FOR detail IN SELECT unnest(ARRAY['alias', 'shield', 'source_link', 'access_grant', 'settlement']) LOOP
        EXECUTE format('SELECT count(*) FROM contactpoint.%I d WHERE d.child_id IS NOT NULL AND NOT EXISTS
            (SELECT FROM contactpoint.child c WHERE c.child_id = d.child_id)', detail) INTO wrong;
        IF wrong > 0 THEN
            RAISE EXCEPTION 'the restore is not whole: % row(s) of % name no child', wrong, detail
                USING ERRCODE = 'KC011', HINT = 'Restore the dump again into an empty database.';
        END IF;
    END LOOP;
    SELECT count(*) INTO children FROM contactpoint.child;
    PERFORM contactpoint._rekey_all();
    DELETE FROM contactpoint.restore_mark;
    RETURN children;
END
$$;
CREATE FUNCTION contactpoint.validate_restore()
    RETURNS bigint LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_command';
COMMENT ON FUNCTION contactpoint.validate_restore() IS
    'Check a restored registry, build the matcher''s keys and open it for reading; returns the number of children (superusers).';
