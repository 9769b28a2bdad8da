-- Shields in advance: a child that no feed has named yet.
--
-- The child has a hidden record (36-identity.sql). A row that fits it well is
-- born shielded under its number; one that may fit is held, and whatever a
-- person decides about it is born shielded. The uploader learns nothing.

CREATE TABLE contactpoint.advance_shield (
    child_id bigint PRIMARY KEY,
    authority bigint REFERENCES contactpoint.organisation,
    given_names text NOT NULL,
    family_name text NOT NULL,
    date_of_birth date NOT NULL,
    category text NOT NULL REFERENCES contactpoint.shield_category,
    reason text NOT NULL,
    placed_by name NOT NULL,
    placed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    used_at timestamptz,
    withdrawal_reason text,
    withdrawal_asked_by name,
    withdrawal_asked_session name,
    withdrawal_asked_at timestamptz,
    withdrawn_by name,
    withdrawn_at timestamptz
);
COMMENT ON TABLE contactpoint.advance_shield IS 'shields placed before a feed has named the child';
COMMENT ON COLUMN contactpoint.advance_shield.child_id IS 'the number that the child will have';
COMMENT ON COLUMN contactpoint.advance_shield.authority IS 'the authority whose managers see this row; null: every manager';
COMMENT ON COLUMN contactpoint.advance_shield.given_names IS 'given names that are expected';
COMMENT ON COLUMN contactpoint.advance_shield.family_name IS 'family name that is expected';
COMMENT ON COLUMN contactpoint.advance_shield.date_of_birth IS 'date of birth';
COMMENT ON COLUMN contactpoint.advance_shield.category IS 'see shield_category';
COMMENT ON COLUMN contactpoint.advance_shield.reason IS 'why';
COMMENT ON COLUMN contactpoint.advance_shield.placed_by IS 'who';
COMMENT ON COLUMN contactpoint.advance_shield.placed_at IS 'when';
COMMENT ON COLUMN contactpoint.advance_shield.used_at IS 'when the child got its record, null while it is expected';
COMMENT ON COLUMN contactpoint.advance_shield.withdrawal_reason IS 'why it is to be withdrawn';
COMMENT ON COLUMN contactpoint.advance_shield.withdrawal_asked_by IS 'the first person';
COMMENT ON COLUMN contactpoint.advance_shield.withdrawal_asked_session IS 'the log-in of the first person';
COMMENT ON COLUMN contactpoint.advance_shield.withdrawal_asked_at IS 'when; it lapses after 14 days';
COMMENT ON COLUMN contactpoint.advance_shield.withdrawn_by IS 'the second person';
COMMENT ON COLUMN contactpoint.advance_shield.withdrawn_at IS 'when it was withdrawn, null if it was not';
ALTER TABLE contactpoint.advance_shield
    ALTER child_id SET STATISTICS 0, ALTER given_names SET STATISTICS 0, ALTER family_name SET STATISTICS 0,
    ALTER date_of_birth SET STATISTICS 0, ALTER category SET STATISTICS 0, ALTER reason SET STATISTICS 0,
    ALTER withdrawal_reason SET STATISTICS 0;

CREATE VIEW contactpoint.advance_shields WITH (security_invoker, security_barrier) AS
    SELECT a.child_id, a.authority, a.given_names, a.family_name, a.date_of_birth, a.category, a.reason,
           a.placed_by, a.placed_at,
           CASE WHEN a.withdrawn_at IS NOT NULL THEN 'withdrawn' WHEN a.used_at IS NOT NULL THEN 'used' ELSE 'expected' END AS state,
           a.used_at, a.withdrawal_asked_by, a.withdrawal_reason, a.withdrawn_by, a.withdrawn_at
    FROM contactpoint.advance_shield a
    ORDER BY a.placed_at, a.child_id;
COMMENT ON VIEW contactpoint.advance_shields IS
    'shields placed in advance by the caller''s authority: expected, used (the child has its record) or withdrawn';

CREATE FUNCTION contactpoint._do_shield_in_advance(given_names text, family_name text, date_of_birth date, reason text, category text)
    RETURNS bigint LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    mine bigint := contactpoint._caller_organisation();
    number bigint;
BEGIN
    PERFORM contactpoint._require_role('contactpoint_manager', 'contactpoint_admin');
    reason := contactpoint._check_text('reason', reason, 500);
    given_names := contactpoint._check_name('given_names', given_names);
    family_name := contactpoint._check_name('family_name', family_name);
    PERFORM contactpoint._require_category(category);
    IF date_of_birth IS NULL OR date_of_birth < date '1900-01-01' OR date_of_birth > (now() AT TIME ZONE 'UTC')::date THEN
        RAISE EXCEPTION 'date_of_birth is missing, or lies before 1900 or in the future'
            USING ERRCODE = 'KC010', HINT = 'Give the child''s date of birth.';
    END IF;
    PERFORM contactpoint._lock_matching();
    IF contactpoint._known_by_name(given_names, family_name, 'U', date_of_birth, 0) THEN
        RAISE EXCEPTION 'this child may have a record already'
            USING ERRCODE = 'KC004', HINT = 'Look it up with contactpoint.search(), then SELECT contactpoint.shield(...).';
    END IF;
    IF EXISTS (SELECT FROM contactpoint.advance_shield a
               WHERE a.authority IS NOT DISTINCT FROM mine
                 AND a.used_at IS NULL AND a.withdrawn_at IS NULL
                 AND a.date_of_birth = _do_shield_in_advance.date_of_birth
                 AND contactpoint._normalize_name(a.given_names) = contactpoint._normalize_name(_do_shield_in_advance.given_names)
                 AND contactpoint._normalize_name(a.family_name) = contactpoint._normalize_name(_do_shield_in_advance.family_name)) THEN
        RAISE EXCEPTION 'your authority expects this child already'
            USING ERRCODE = 'KC010', HINT = 'See contactpoint.advance_shields.';
    END IF;
    number := contactpoint._free_number();
    INSERT INTO contactpoint.advance_shield
        (child_id, authority, given_names, family_name, date_of_birth, category, reason, placed_by)
    VALUES (number, mine, _do_shield_in_advance.given_names, _do_shield_in_advance.family_name,
            _do_shield_in_advance.date_of_birth, _do_shield_in_advance.category, _do_shield_in_advance.reason, contactpoint._caller());
    INSERT INTO contactpoint.hidden_record (child_id, kind, authority, given_names, family_name, date_of_birth)
    VALUES (number, 'expected', mine, _do_shield_in_advance.given_names, _do_shield_in_advance.family_name,
            _do_shield_in_advance.date_of_birth);
    PERFORM contactpoint._rekey(number);
    RETURN number;
END
$$;
CREATE FUNCTION contactpoint.shield_in_advance(given_names text, family_name text, date_of_birth date, reason text, category text)
    RETURNS bigint LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_command';
COMMENT ON FUNCTION contactpoint.shield_in_advance(text, text, date, text, text) IS
    'Shield a child that has no record yet: it is born shielded when a feed first brings it, whatever the spelling. Returns the number it will have.';

-- The record of an expected child has just been made, shielded: under which
-- category, for whom, and what else it may be called. Called by settling.
CREATE FUNCTION contactpoint._expected_is_born(child_id bigint) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    placed contactpoint.advance_shield;
BEGIN
    SELECT a.* INTO STRICT placed FROM contactpoint.advance_shield a WHERE a.child_id = _expected_is_born.child_id FOR UPDATE;
    INSERT INTO contactpoint.shield (child_id, authority, category, reason, placed_by, review_on)
    VALUES (placed.child_id, placed.authority, placed.category, placed.reason, placed.placed_by,
            ((now() AT TIME ZONE 'UTC')::date + interval '6 months')::date);
    IF placed.authority IS NOT NULL THEN
        INSERT INTO contactpoint.responsibility (child_id, shielded, organisation_id)
        VALUES (placed.child_id, true, placed.authority);
    END IF;
    INSERT INTO contactpoint.alias (child_id, kind, given_names, family_name)
    VALUES (placed.child_id, 'expected', placed.given_names, placed.family_name);
    DELETE FROM contactpoint.hidden_record h WHERE h.child_id = placed.child_id;
    UPDATE contactpoint.advance_shield a SET used_at = clock_timestamp() WHERE a.child_id = placed.child_id;
END
$$;
COMMENT ON FUNCTION contactpoint._expected_is_born(bigint) IS
    'places the shield that waited for a child, and keeps the names it was expected under as hidden ones';

-- To withdraw one takes two people, as lifting a shield does: the first call
-- asks, the same call by another manager does it.
CREATE FUNCTION contactpoint._do_withdraw_advance(child_id bigint, reason text) RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    placed contactpoint.advance_shield;
BEGIN
    PERFORM contactpoint._require_role('contactpoint_manager', 'contactpoint_admin');
    reason := contactpoint._check_text('reason', reason, 500);
    PERFORM contactpoint._lock_matching();
    SELECT a.* INTO placed FROM contactpoint.advance_shield a WHERE a.child_id = _do_withdraw_advance.child_id FOR UPDATE;
    IF NOT FOUND OR NOT contactpoint._manages(placed.authority) THEN
        RAISE EXCEPTION 'there is no such shield in advance'
            USING ERRCODE = 'KC010', HINT = 'See contactpoint.advance_shields.';
    END IF;
    IF placed.used_at IS NOT NULL OR placed.withdrawn_at IS NOT NULL THEN
        RAISE EXCEPTION 'this shield is no longer in advance'
            USING ERRCODE = 'KC010',
                  HINT = 'It was withdrawn, or the child has its record: SELECT contactpoint.request_unshield(...).';
    END IF;
    IF placed.withdrawal_asked_at IS NULL OR placed.withdrawal_asked_at + interval '14 days' < clock_timestamp() THEN
        UPDATE contactpoint.advance_shield a
        SET withdrawal_reason = _do_withdraw_advance.reason, withdrawal_asked_by = contactpoint._caller(),
            withdrawal_asked_session = session_user, withdrawal_asked_at = clock_timestamp()
        WHERE a.child_id = placed.child_id;
        RETURN false;
    END IF;
    IF placed.withdrawal_asked_by = contactpoint._caller() OR placed.withdrawal_asked_session = session_user THEN
        RAISE EXCEPTION 'the same person cannot ask for and approve the withdrawal of a shield'
            USING ERRCODE = 'KC003', HINT = 'Let another manager of the authority call withdraw_advance().';
    END IF;
    UPDATE contactpoint.advance_shield a SET withdrawn_by = contactpoint._caller(), withdrawn_at = clock_timestamp()
    WHERE a.child_id = placed.child_id;
    DELETE FROM contactpoint.hidden_record h WHERE h.child_id = placed.child_id;
    PERFORM contactpoint._rekey(placed.child_id);
    RETURN true;
END
$$;
CREATE FUNCTION contactpoint.withdraw_advance(child_id bigint, reason text)
    RETURNS boolean LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_command';
COMMENT ON FUNCTION contactpoint.withdraw_advance(bigint, text) IS
    'Withdraw a shield in advance: false when it was asked for, true when a second manager has called too.';
