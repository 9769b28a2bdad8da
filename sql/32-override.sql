-- Override: a shielded record opened without a grant, with an alarm.
--
-- The record opens with the commit of its alert, never before (src/opened.c), so
-- no ROLLBACK leaves a look without one. The NOTIFY that the commit sends says
-- nothing but that there is something to look at: anybody may listen.

CREATE TABLE contactpoint.shield_alert (
    alert_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    child_id bigint NOT NULL REFERENCES contactpoint.child,
    authority bigint REFERENCES contactpoint.organisation,
    reason text NOT NULL,
    opened_by name NOT NULL,
    opened_session name NOT NULL,
    organisation_id bigint REFERENCES contactpoint.organisation,
    opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    until timestamptz NOT NULL,
    of_identity boolean NOT NULL DEFAULT false,
    note text,
    followed_up_by name,
    followed_up_at timestamptz
);
CREATE INDEX shield_alert_child_id_idx ON contactpoint.shield_alert (child_id);
COMMENT ON TABLE contactpoint.shield_alert IS 'shielded records that were opened without a grant; each must be followed up';
COMMENT ON COLUMN contactpoint.shield_alert.alert_id IS 'number of the alert';
COMMENT ON COLUMN contactpoint.shield_alert.child_id IS 'the child';
COMMENT ON COLUMN contactpoint.shield_alert.authority IS 'the authority whose managers see this row and follow it up';
COMMENT ON COLUMN contactpoint.shield_alert.reason IS 'why, in the words of whoever opened it';
COMMENT ON COLUMN contactpoint.shield_alert.opened_by IS 'who opened it';
COMMENT ON COLUMN contactpoint.shield_alert.opened_session IS 'the log-in';
COMMENT ON COLUMN contactpoint.shield_alert.organisation_id IS 'for whom that person works';
COMMENT ON COLUMN contactpoint.shield_alert.opened_at IS 'when';
COMMENT ON COLUMN contactpoint.shield_alert.until IS 'the latest end; it may have been closed before';
COMMENT ON COLUMN contactpoint.shield_alert.of_identity IS 'true: not the record was opened, but which number the child had before';
COMMENT ON COLUMN contactpoint.shield_alert.note IS 'what came of following it up';
COMMENT ON COLUMN contactpoint.shield_alert.followed_up_by IS 'who followed it up';
COMMENT ON COLUMN contactpoint.shield_alert.followed_up_at IS 'when it was followed up, null while it waits';
COMMENT ON INDEX contactpoint.shield_alert_child_id_idx IS 'alerts about one child';

ALTER TABLE contactpoint.shield_alert ALTER reason SET STATISTICS 0, ALTER note SET STATISTICS 0,
    ALTER opened_by SET STATISTICS 0, ALTER child_id SET STATISTICS 0;

CREATE FUNCTION contactpoint._override(child_id bigint, reason text, of_identity boolean DEFAULT false) RETURNS timestamptz
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    until timestamptz;
BEGIN
    PERFORM contactpoint._require_child(_override.child_id);
    until := CASE WHEN of_identity THEN contactpoint._identity_open(_override.child_id)
                  ELSE contactpoint._opened_add(_override.child_id, 'infinity', true) END;
    INSERT INTO contactpoint.shield_alert (child_id, authority, reason, opened_by, opened_session, organisation_id, until, of_identity)
    VALUES (_override.child_id, contactpoint._authority_of(_override.child_id), reason, contactpoint._caller(),
            session_user, contactpoint._caller_organisation(), until, _override.of_identity);
    PERFORM pg_catalog.pg_notify('contactpoint_shield_alert', '');
    RETURN until;
END
$$;
COMMENT ON FUNCTION contactpoint._override(bigint, text, boolean) IS
    'raises the alert of an override and opens the record, or the link to former identities, with its commit; returns until when';

-- Alerts that nobody has followed up, the oldest first.
CREATE VIEW contactpoint.alerts_due WITH (security_invoker, security_barrier) AS
    SELECT a.alert_id, a.child_id, a.authority, a.reason, a.opened_by, a.organisation_id, a.opened_at, a.until,
           a.until > now() AS may_be_open, a.of_identity
    FROM contactpoint.shield_alert a
    WHERE a.followed_up_at IS NULL
    ORDER BY a.opened_at, a.alert_id;
COMMENT ON VIEW contactpoint.alerts_due IS 'overrides that wait to be followed up, the oldest first';

CREATE FUNCTION contactpoint._do_follow_up(alert_id bigint, note text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    alert contactpoint.shield_alert;
BEGIN
    PERFORM contactpoint._require_role('contactpoint_manager', 'contactpoint_admin');
    note := contactpoint._check_text('note', note, 2000);
    SELECT a.* INTO alert FROM contactpoint.shield_alert a WHERE a.alert_id = _do_follow_up.alert_id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no such alert'
            USING ERRCODE = 'KC010', HINT = 'See contactpoint.alerts_due.';
    END IF;
    PERFORM contactpoint._name_children(ARRAY[alert.child_id]);
    PERFORM contactpoint._require_manager_of(alert.authority);
    IF alert.opened_by = contactpoint._caller() OR alert.opened_session = session_user THEN
        RAISE EXCEPTION 'nobody follows up an alert of their own'
            USING ERRCODE = 'KC003', HINT = 'Let another manager of the authority do it.';
    END IF;
    IF alert.followed_up_at IS NOT NULL THEN
        RAISE EXCEPTION 'this alert is followed up'
            USING ERRCODE = 'KC010', HINT = 'See contactpoint.alerts_due for those that wait.';
    END IF;
    UPDATE contactpoint.shield_alert a
    SET note = _do_follow_up.note, followed_up_by = contactpoint._caller(), followed_up_at = clock_timestamp()
    WHERE a.alert_id = alert.alert_id;
END
$$;
CREATE FUNCTION contactpoint.follow_up(alert_id bigint, note text)
    RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_command';
COMMENT ON FUNCTION contactpoint.follow_up(bigint, text) IS
    'Note what came of following up an override, as another person than the one who opened the record.';
