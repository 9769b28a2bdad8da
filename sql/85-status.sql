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
    SELECT count(*) INTO wrong FROM contactpoint.hidden_record h JOIN contactpoint.child c ON c.child_id = h.child_id;
    IF wrong > 0 THEN
        RAISE EXCEPTION 'the restore is not whole: % record(s) are hidden and open at a time', wrong
            USING ERRCODE = 'KC011', HINT = 'Restore the dump again into an empty database.';
    END IF;
    SELECT count(*) INTO wrong FROM contactpoint.former_identity f
    WHERE contactpoint._number_now(f.became) IS DISTINCT FROM f.present
       OR NOT EXISTS (SELECT FROM contactpoint.hidden_record h WHERE h.child_id = f.child_id AND h.kind = 'former');
    IF wrong > 0 THEN
        RAISE EXCEPTION 'the restore is not whole: % former record(s) lead nowhere', wrong
            USING ERRCODE = 'KC011', HINT = 'Restore the dump again into an empty database.';
    END IF;
    SELECT count(*) INTO wrong FROM contactpoint.advance_shield a
    WHERE (a.used_at IS NULL AND a.withdrawn_at IS NULL)
          <> EXISTS (SELECT FROM contactpoint.hidden_record h WHERE h.child_id = a.child_id AND h.kind = 'expected');
    IF wrong > 0 THEN
        RAISE EXCEPTION 'the restore is not whole: % shield(s) in advance lack a record, or have one too many', wrong
            USING ERRCODE = 'KC011', HINT = 'Restore the dump again into an empty database.';
    END IF;
    SELECT count(*) INTO children FROM contactpoint.child;
    PERFORM contactpoint._rekey_all();
    PERFORM contactpoint._place_all();
    DELETE FROM contactpoint.restore_mark;
    RETURN children;
END
$$;
CREATE FUNCTION contactpoint.validate_restore()
    RETURNS bigint LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_command';
COMMENT ON FUNCTION contactpoint.validate_restore() IS
    'Check a restored registry, build the matcher''s keys and open it for reading; returns the number of children (superusers).';

CREATE FUNCTION contactpoint._status(OUT matcher_pid int, OUT sealer_pid int, OUT sealer_seen timestamptz, OUT sealer_error text,
        OUT unsealed_bytes bigint, OUT unsealed_limit bigint, OUT refused_looks bigint, OUT not_readable text)
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'contactpoint_status';
COMMENT ON FUNCTION contactpoint._status() IS 'what the processes of this database tell each other';

CREATE VIEW contactpoint.status AS
    SELECT s.not_readable, s.matcher_pid,
           (SELECT count(*) FROM contactpoint.receipt r WHERE r.settled_at IS NULL AND NOT r.waits) AS pending_uploads,
           (SELECT min(r.received_at) FROM contactpoint.receipt r WHERE r.settled_at IS NULL AND NOT r.waits) AS oldest_pending,
           (SELECT count(*) FROM contactpoint.receipt r WHERE r.waits) AS waiting_uploads,
           ARRAY(SELECT s.source FROM contactpoint.source s WHERE s.paused_at IS NOT NULL ORDER BY s.source) AS paused_sources,
           ARRAY(SELECT g.source FROM contactpoint.source_gate g
                 WHERE g.opened_at IS NULL AND g.closed_by = 'contactpoint matcher' ORDER BY g.source) AS paused_by_matcher,
           s.sealer_pid, s.sealer_seen, s.sealer_error, s.unsealed_bytes, s.unsealed_limit,
           coalesce(h.size, 0) AS sealed_entries, h.root AS sealed_root, h.sealed_at, s.refused_looks
    FROM contactpoint._status() s LEFT JOIN contactpoint.ledger_head h ON true;
COMMENT ON VIEW contactpoint.status IS 'how the registry is doing: one row';
COMMENT ON COLUMN contactpoint.status.not_readable IS 'why reading is refused at present; null when it is not';
COMMENT ON COLUMN contactpoint.status.matcher_pid IS 'process of the matcher, null: it starts with the next upload';
COMMENT ON COLUMN contactpoint.status.pending_uploads IS 'rows of the inbox that wait for the matcher';
COMMENT ON COLUMN contactpoint.status.oldest_pending IS 'when the oldest of them came';
COMMENT ON COLUMN contactpoint.status.waiting_uploads IS 'rows that wait for the end of an embargo';
COMMENT ON COLUMN contactpoint.status.paused_sources IS 'sources whose uploads are refused';
COMMENT ON COLUMN contactpoint.status.paused_by_matcher IS 'those of them that the matcher paused, because too many of their rows were held';
COMMENT ON COLUMN contactpoint.status.sealer_pid IS 'process of the sealer, null: it starts with the next look';
COMMENT ON COLUMN contactpoint.status.sealer_seen IS 'when the sealer last got on';
COMMENT ON COLUMN contactpoint.status.sealer_error IS 'SQLSTATE of the last error of the sealer, null since it got on';
COMMENT ON COLUMN contactpoint.status.unsealed_bytes IS 'bytes of the audit journal that wait to be sealed';
COMMENT ON COLUMN contactpoint.status.unsealed_limit IS 'contactpoint.journal_limit in bytes: beyond it nobody reads';
COMMENT ON COLUMN contactpoint.status.sealed_entries IS 'audit entries under seal';
COMMENT ON COLUMN contactpoint.status.sealed_root IS 'root of the tree over them';
COMMENT ON COLUMN contactpoint.status.sealed_at IS 'when the last of them was sealed';
COMMENT ON COLUMN contactpoint.status.refused_looks IS 'looks that were refused since the server started';
