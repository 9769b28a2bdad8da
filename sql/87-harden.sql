-- Hardening: what PostgreSQL opens to everybody, and what a registry should not.
--
-- Cumulative statistics count every row that is written and read, so on a quiet
-- server they tell a feed what became of a row it has just sent: whether the vault
-- was written, or the reviews. So do locks, sizes of tables, the position in the
-- WAL, and on newer servers what each process has read and written. All of these are
-- functions that everybody may call; views on them call them as whoever asks.

-- Functions that everybody may call and that tell what others write and read.
CREATE FUNCTION contactpoint._telling_functions() RETURNS SETOF regprocedure
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT p.oid::regprocedure
    FROM pg_catalog.pg_proc p
    WHERE p.pronamespace = 'pg_catalog'::regnamespace
      AND (p.proname LIKE 'pg\_stat\_get\_%'
           -- what a session may know of others, by its own rights
           AND p.proname NOT IN ('pg_stat_get_activity', 'pg_stat_get_progress_info')
           OR p.proname IN ('pg_lock_status', 'pg_blocking_pids', 'pg_isolation_test_session_is_blocked',
               'pg_relation_size', 'pg_table_size', 'pg_indexes_size', 'pg_total_relation_size', 'pg_database_size',
               'pg_tablespace_size', 'pg_current_wal_lsn', 'pg_current_wal_insert_lsn', 'pg_current_wal_flush_lsn',
               'pg_last_committed_xact', 'pg_xact_commit_timestamp', 'pg_xact_commit_timestamp_origin',
               'pg_safe_snapshot_blocking_pids',
               -- the position in the WAL by other names: where a message, a slot, a checkpoint or a standby is
               'pg_logical_emit_message', 'pg_get_replication_slots', 'pg_control_checkpoint', 'pg_control_recovery',
               'pg_last_wal_receive_lsn', 'pg_last_wal_replay_lsn', 'pg_last_xact_replay_timestamp',
               'pg_available_wal_summaries', 'pg_wal_summary_contents', 'pg_get_wal_summarizer_state'))
      AND has_function_privilege('public', p.oid, 'EXECUTE')
    ORDER BY p.oid::regprocedure::text
$$;
COMMENT ON FUNCTION contactpoint._telling_functions() IS
    'functions of PostgreSQL that everybody may call and that tell what others write and read';

CREATE FUNCTION contactpoint._do_harden() RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    telling regprocedure;
    done bigint := 0;
BEGIN
    IF NOT (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = contactpoint._caller()) THEN
        RAISE EXCEPTION 'only a superuser may harden the database'
            USING ERRCODE = 'KC003', HINT = 'Ask a DBA to call it.';
    END IF;
    FOR telling IN SELECT t FROM contactpoint._telling_functions() t LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', telling);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO pg_monitor', telling);
        done := done + 1;
    END LOOP;
    RETURN done;
END
$$;
CREATE FUNCTION contactpoint.harden() RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_command';
COMMENT ON FUNCTION contactpoint.harden() IS
    'Close what PostgreSQL opens to everybody and a registry should not: counters, locks, sizes; returns how many changes it made (superusers).';
