-- Shielding: where a child or carer would be in danger if found.
--
-- A record is shielded while any row of shield stands for it (lifted_at is
-- null); child.shielded says the same and decides in which leaf details live.
-- All functions that change rows lock child rows in the order of child_id.

CREATE TABLE contactpoint.shield_category (
    category text PRIMARY KEY,
    wide boolean NOT NULL,
    description text NOT NULL
);
COMMENT ON TABLE contactpoint.shield_category IS 'why a record is shielded, and what the matcher must expect';
COMMENT ON COLUMN contactpoint.shield_category.category IS 'the word given to shield()';
COMMENT ON COLUMN contactpoint.shield_category.wide IS
    'a new surname must be expected: given name and birth date suffice to hold an upload';
COMMENT ON COLUMN contactpoint.shield_category.description IS 'what it means';
INSERT INTO contactpoint.shield_category VALUES
    ('harm', false, 'child or carer at risk of significant harm if their place were known'),
    ('adoption', true, 'an adoptive placement is at risk'),
    ('new identity', true, 'a protected person under a new identity'),
    ('fled', true, 'fled from violence, forced marriage or abduction; may live under another name'),
    ('other', false, 'another reason, as stated');
CREATE POLICY shield_category_read ON contactpoint.shield_category FOR SELECT
    TO contactpoint_manager, contactpoint_admin USING (true);
COMMENT ON POLICY shield_category_read ON contactpoint.shield_category IS 'managers see the words they may use';

CREATE TABLE contactpoint.shield (
    shield_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    child_id bigint NOT NULL REFERENCES contactpoint.child,
    authority bigint REFERENCES contactpoint.organisation,
    category text NOT NULL REFERENCES contactpoint.shield_category,
    reason text NOT NULL,
    placed_by name NOT NULL,
    placed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    review_on date NOT NULL,
    provisional boolean NOT NULL DEFAULT false,
    lifted_at timestamptz,
    lifted_by name,
    reviewed_at timestamptz,
    reviewed_by name,
    review_note text
);
CREATE INDEX shield_child_id_idx ON contactpoint.shield (child_id);
COMMENT ON TABLE contactpoint.shield IS 'shields, standing and lifted; a record is shielded while any stands';
COMMENT ON COLUMN contactpoint.shield.shield_id IS 'number of the shield';
COMMENT ON COLUMN contactpoint.shield.child_id IS 'the child';
COMMENT ON COLUMN contactpoint.shield.authority IS 'the authority whose managers see this row; null: every manager';
COMMENT ON COLUMN contactpoint.shield.category IS 'see shield_category';
COMMENT ON COLUMN contactpoint.shield.reason IS 'why';
COMMENT ON COLUMN contactpoint.shield.placed_by IS 'who';
COMMENT ON COLUMN contactpoint.shield.placed_at IS 'when';
COMMENT ON COLUMN contactpoint.shield.review_on IS 'when to look at it again; passing it lifts nothing';
COMMENT ON COLUMN contactpoint.shield.provisional IS 'placed by a rule, not by a person';
COMMENT ON COLUMN contactpoint.shield.lifted_at IS 'when it was lifted; null while it stands';
COMMENT ON COLUMN contactpoint.shield.lifted_by IS 'the second of the two who lifted it';
COMMENT ON COLUMN contactpoint.shield.reviewed_at IS 'when it was last looked at again and kept';
COMMENT ON COLUMN contactpoint.shield.reviewed_by IS 'by whom';
COMMENT ON COLUMN contactpoint.shield.review_note IS 'why it was kept';
COMMENT ON INDEX contactpoint.shield_child_id_idx IS 'shields of one child';

CREATE TABLE contactpoint.unshield_request (
    request_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    child_id bigint NOT NULL REFERENCES contactpoint.child,
    authority bigint REFERENCES contactpoint.organisation,
    reason text NOT NULL,
    requested_by name NOT NULL,
    requested_session name NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    lapses_at timestamptz NOT NULL,
    approved_by name,
    approved_at timestamptz
);
CREATE INDEX unshield_request_child_id_idx ON contactpoint.unshield_request (child_id);
COMMENT ON TABLE contactpoint.unshield_request IS 'requests to lift the shields of a child; a second person approves';
COMMENT ON COLUMN contactpoint.unshield_request.request_id IS 'number of the request';
COMMENT ON COLUMN contactpoint.unshield_request.child_id IS 'the child';
COMMENT ON COLUMN contactpoint.unshield_request.authority IS 'the authority whose managers see this row; null: every manager';
COMMENT ON COLUMN contactpoint.unshield_request.reason IS 'why';
COMMENT ON COLUMN contactpoint.unshield_request.requested_by IS 'the first person';
COMMENT ON COLUMN contactpoint.unshield_request.requested_session IS 'the log-in of the first person';
COMMENT ON COLUMN contactpoint.unshield_request.requested_at IS 'when; shields placed later are not lifted by it';
COMMENT ON COLUMN contactpoint.unshield_request.lapses_at IS 'after this moment it can no longer be approved';
COMMENT ON COLUMN contactpoint.unshield_request.approved_by IS 'the second person';
COMMENT ON COLUMN contactpoint.unshield_request.approved_at IS 'when the shields were lifted';
COMMENT ON INDEX contactpoint.unshield_request_child_id_idx IS 'requests about one child';

CREATE TABLE contactpoint.access_grant (
    child_id bigint NOT NULL REFERENCES contactpoint.child,
    grantee name NOT NULL,
    authority bigint REFERENCES contactpoint.organisation,
    reason text NOT NULL,
    granted_by name NOT NULL,
    granted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    until timestamptz NOT NULL,
    revoked_by name,
    revoked_at timestamptz,
    revoke_reason text
);
CREATE INDEX access_grant_child_id_idx ON contactpoint.access_grant (child_id, grantee);
COMMENT ON TABLE contactpoint.access_grant IS 'who may open the record of one shielded child, why and until when';
COMMENT ON COLUMN contactpoint.access_grant.child_id IS 'the child';
COMMENT ON COLUMN contactpoint.access_grant.grantee IS 'the role that may open it';
COMMENT ON COLUMN contactpoint.access_grant.authority IS 'the authority whose managers see this row; null: every manager';
COMMENT ON COLUMN contactpoint.access_grant.reason IS 'why';
COMMENT ON COLUMN contactpoint.access_grant.granted_by IS 'the manager';
COMMENT ON COLUMN contactpoint.access_grant.granted_at IS 'when';
COMMENT ON COLUMN contactpoint.access_grant.until IS 'the end of the grant';
COMMENT ON COLUMN contactpoint.access_grant.revoked_by IS 'who took it back';
COMMENT ON COLUMN contactpoint.access_grant.revoked_at IS 'when it was taken back, null while it holds';
COMMENT ON COLUMN contactpoint.access_grant.revoke_reason IS 'why it was taken back';
COMMENT ON INDEX contactpoint.access_grant_child_id_idx IS 'grants on one child';

ALTER TABLE contactpoint.shield ALTER category SET STATISTICS 0, ALTER reason SET STATISTICS 0,
    ALTER review_note SET STATISTICS 0;
ALTER TABLE contactpoint.unshield_request ALTER reason SET STATISTICS 0;
ALTER TABLE contactpoint.access_grant ALTER reason SET STATISTICS 0, ALTER revoke_reason SET STATISTICS 0,
    ALTER grantee SET STATISTICS 0;

-- The review guard comes before every other qual of a scan of a table that has
-- a column authority, so that no query learns of another authority's rows.
CREATE FUNCTION contactpoint._review_guard(authority bigint) RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'contactpoint_review_guard';
COMMENT ON FUNCTION contactpoint._review_guard(bigint) IS
    'is this row for the managers of the caller''s organisation? superusers and foreign keys pass';

-- Standing shields whose review date has come, those that are longest overdue
-- first. Passing it lifts nothing.
CREATE VIEW contactpoint.shields_due WITH (security_invoker, security_barrier) AS
    SELECT s.shield_id, s.child_id, s.authority, s.category, s.provisional, s.placed_by, s.placed_at, s.review_on,
           (now() AT TIME ZONE 'UTC')::date - s.review_on AS days_overdue
    FROM contactpoint.shield s
    WHERE s.lifted_at IS NULL AND s.review_on <= (now() AT TIME ZONE 'UTC')::date
    ORDER BY s.review_on, s.shield_id;
COMMENT ON VIEW contactpoint.shields_due IS 'standing shields whose review is due; none is lifted by that';

CREATE FUNCTION contactpoint._authority_of(child_id bigint) RETURNS bigint
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
    AS 'SELECT coalesce((SELECT r.organisation_id FROM contactpoint.responsibility r WHERE r.child_id = $1),
            (SELECT s.authority FROM contactpoint.shield s
             WHERE s.child_id = $1 AND s.lifted_at IS NULL ORDER BY s.shield_id LIMIT 1),
            (SELECT h.authority FROM contactpoint.hidden_record h WHERE h.child_id = $1))';
COMMENT ON FUNCTION contactpoint._authority_of(bigint) IS
    'the responsible authority of a child; without one, that of whoever shielded it; that of a hidden record; or null';

CREATE FUNCTION contactpoint._require_child(child_id bigint) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM contactpoint.child c WHERE c.child_id = _require_child.child_id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no such record'
            USING ERRCODE = 'KC010', HINT = 'Look the child up with contactpoint.search().';
    END IF;
END
$$;
COMMENT ON FUNCTION contactpoint._require_child(bigint) IS 'locks a child''s row; an error if there is none';

CREATE FUNCTION contactpoint._bears_name_of(upload_id bigint, child_id bigint) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM contactpoint.upload u JOIN contactpoint.child c ON c.child_id = $2
        WHERE u.upload_id = $1 AND u.date_of_birth::text = to_char(c.date_of_birth, 'YYYY-MM-DD')
          AND contactpoint._normalize_name(u.given_names) = contactpoint._normalize_name(c.given_names)
          AND contactpoint._normalize_family(u.family_name) = contactpoint._normalize_family(c.family_name))
$$;
COMMENT ON FUNCTION contactpoint._bears_name_of(bigint, bigint) IS
    'has this held row the public name and birth date of a child?';

-- Places one shield on one child whose row is locked.
CREATE FUNCTION contactpoint._place_shield(child_id bigint, reason text, category text, provisional boolean)
    RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO contactpoint.shield (child_id, authority, category, reason, placed_by, review_on, provisional)
    VALUES (_place_shield.child_id,
            coalesce(contactpoint._authority_of(_place_shield.child_id), contactpoint._caller_organisation()),
            _place_shield.category, _place_shield.reason, contactpoint._caller(),
            ((now() AT TIME ZONE 'UTC')::date + interval '6 months')::date, _place_shield.provisional);
    UPDATE contactpoint.child c SET shielded = true
    WHERE c.child_id = _place_shield.child_id AND NOT c.shielded;
    -- What others saw of the record's references and reviews is now for its own authority.
    UPDATE contactpoint.source_link l SET authority = contactpoint._authority_of(l.child_id)
    WHERE l.child_id = _place_shield.child_id;
    -- A review near another shielded child stays with that one's, unless the row has the name of this one.
    UPDATE contactpoint.review r
    SET shielded = true, score = NULL,
        authority = CASE WHEN r.shielded AND NOT contactpoint._bears_name_of(r.upload_id, _place_shield.child_id) THEN r.authority
                         ELSE contactpoint._authority_of(_place_shield.child_id) END
    WHERE r.decided_at IS NULL AND _place_shield.child_id = ANY (r.candidates);
    PERFORM contactpoint._logs_follow(_place_shield.child_id, _place_shield.child_id);
    PERFORM contactpoint._findings_follow(_place_shield.child_id);
    PERFORM contactpoint._rekey(_place_shield.child_id);
END
$$;
COMMENT ON FUNCTION contactpoint._place_shield(bigint, text, text, boolean) IS 'places a shield: the record and its details go into the vault';

CREATE FUNCTION contactpoint._require_category(category text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM contactpoint.shield_category s WHERE s.category = _require_category.category) THEN
        RAISE EXCEPTION 'unknown shield category'
            USING ERRCODE = 'KC010',
                  HINT = 'Use one of: ' || (SELECT string_agg(s.category, ', ' ORDER BY s.category)
                                            FROM contactpoint.shield_category s) || '.';
    END IF;
END
$$;
COMMENT ON FUNCTION contactpoint._require_category(text) IS 'an error unless there is such a category of shields';

CREATE FUNCTION contactpoint._do_shield(child_id bigint, reason text, category text, household boolean)
    RETURNS bigint[] LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    covered bigint[];
    one bigint;
    tries int := 0;
BEGIN
    PERFORM contactpoint._require_role('contactpoint_manager', 'contactpoint_admin');
    reason := contactpoint._check_text('reason', reason, 500);
    PERFORM contactpoint._require_category(category);
    LOOP
        -- The matcher and other writers give way; shielding tries again and wins.
        BEGIN
            PERFORM contactpoint._lock_matching();
            child_id := contactpoint._merged_into(child_id);
            PERFORM contactpoint._require_child(_do_shield.child_id);
            PERFORM contactpoint._require_manager_of(contactpoint._authority_of(_do_shield.child_id));
            covered := ARRAY(
                SELECT c.child_id FROM contactpoint.child c
                WHERE c.child_id IN (SELECT CASE WHEN _do_shield.household THEN h.h ELSE _do_shield.child_id END
                                     FROM contactpoint._household(_do_shield.child_id) h(h))
                ORDER BY c.child_id FOR UPDATE);
            FOREACH one IN ARRAY covered LOOP
                PERFORM contactpoint._place_shield(one, reason, category, one <> _do_shield.child_id);
            END LOOP;
            EXIT;
        EXCEPTION WHEN deadlock_detected THEN
            tries := tries + 1;
            IF tries >= 10 THEN
                RAISE;
            END IF;
        END;
    END LOOP;
    RETURN covered;
END
$$;

CREATE FUNCTION contactpoint._do_keep_shield(shield_id bigint, note text, review_on date) RETURNS date
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    today date := (now() AT TIME ZONE 'UTC')::date;
    kept contactpoint.shield;
BEGIN
    PERFORM contactpoint._require_role('contactpoint_manager', 'contactpoint_admin');
    note := contactpoint._check_text('note', note, 500);
    review_on := coalesce(review_on, (today + interval '6 months')::date);
    SELECT s.* INTO kept FROM contactpoint.shield s WHERE s.shield_id = _do_keep_shield.shield_id FOR UPDATE;
    IF kept.shield_id IS NOT NULL THEN
        PERFORM contactpoint._name_children(ARRAY[kept.child_id]);
    END IF;
    IF NOT FOUND OR kept.lifted_at IS NOT NULL THEN
        RAISE EXCEPTION 'there is no such shield, or it is lifted'
            USING ERRCODE = 'KC010', HINT = 'See contactpoint.shields_due.';
    END IF;
    PERFORM contactpoint._require_manager_of(contactpoint._authority_of(kept.child_id));
    IF review_on <= today OR review_on > (today + interval '1 year')::date THEN
        RAISE EXCEPTION 'the next review must be within a year'
            USING ERRCODE = 'KC010', HINT = 'Give review_on as a date after today, or leave it out for six months.';
    END IF;
    UPDATE contactpoint.shield s
    SET review_on = _do_keep_shield.review_on, reviewed_at = clock_timestamp(), reviewed_by = contactpoint._caller(),
        review_note = note
    WHERE s.shield_id = kept.shield_id;
    RETURN review_on;
END
$$;

CREATE FUNCTION contactpoint._do_request_unshield(child_id bigint, reason text) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    request bigint;
    authority bigint;
BEGIN
    PERFORM contactpoint._require_role('contactpoint_manager', 'contactpoint_admin');
    reason := contactpoint._check_text('reason', reason, 500);
    PERFORM contactpoint._require_child(_do_request_unshield.child_id);
    authority := contactpoint._authority_of(_do_request_unshield.child_id);
    PERFORM contactpoint._require_manager_of(authority);
    IF NOT (SELECT c.shielded FROM contactpoint.child c WHERE c.child_id = _do_request_unshield.child_id) THEN
        RAISE EXCEPTION 'the record is not shielded'
            USING ERRCODE = 'KC010', HINT = 'There is nothing to lift.';
    END IF;
    INSERT INTO contactpoint.unshield_request AS r (child_id, authority, reason, requested_by, requested_session, lapses_at)
    VALUES (_do_request_unshield.child_id, authority, reason, contactpoint._caller(), session_user,
            clock_timestamp() + interval '14 days')
    RETURNING r.request_id INTO request;
    RETURN request;
END
$$;

-- Lifts the shields of one child that stood when it was asked for. The caller
-- holds the matching lock and has asked for the right.
CREATE FUNCTION contactpoint._lift_shields(request contactpoint.unshield_request) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM contactpoint._require_child(request.child_id);
    UPDATE contactpoint.shield s SET lifted_at = clock_timestamp(), lifted_by = contactpoint._caller()
    WHERE s.child_id = request.child_id AND s.lifted_at IS NULL AND s.placed_at <= request.requested_at;
    UPDATE contactpoint.unshield_request r SET approved_by = contactpoint._caller(), approved_at = clock_timestamp()
    WHERE r.request_id = request.request_id;
    UPDATE contactpoint.child c SET shielded = false
    WHERE c.child_id = request.child_id AND c.shielded
      AND NOT EXISTS (SELECT FROM contactpoint.shield s WHERE s.child_id = c.child_id AND s.lifted_at IS NULL);
    PERFORM contactpoint._findings_follow(request.child_id);
    PERFORM contactpoint._rekey(request.child_id);
END
$$;
COMMENT ON FUNCTION contactpoint._lift_shields(contactpoint.unshield_request) IS
    'lifts the shields that stood when a request was made; the record opens when none is left';

-- May the caller approve this request: as a second person, or where only a rule
-- has placed what it lifts?
CREATE FUNCTION contactpoint._may_approve(request contactpoint.unshield_request) RETURNS boolean
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    SELECT (request).approved_at IS NULL AND (request).lapses_at > clock_timestamp()
       AND contactpoint._manages(contactpoint._authority_of((request).child_id))
       AND ((request).requested_by <> contactpoint._caller() AND (request).requested_session <> session_user
            OR NOT EXISTS (SELECT FROM contactpoint.shield s
                           WHERE s.child_id = (request).child_id AND s.lifted_at IS NULL
                             AND s.placed_at <= (request).requested_at AND NOT s.provisional))
$$;
COMMENT ON FUNCTION contactpoint._may_approve(contactpoint.unshield_request) IS
    'is the caller another manager than the one who asked, or are all the shields provisional?';

-- The requests that must be approved with one: of every other shielded child that
-- an address or a carer's contact of these would give away. Null: one of those
-- stays shielded.
CREATE FUNCTION contactpoint._lifted_with(request contactpoint.unshield_request) RETURNS contactpoint.unshield_request[]
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    all_of contactpoint.unshield_request[] := ARRAY[request];
    one contactpoint.unshield_request;
    other bigint;
    n int := 0;
BEGIN
    WHILE n < cardinality(all_of) LOOP
        n := n + 1;
        one := all_of[n];
        -- it stays shielded by a later shield, so it opens nothing
        CONTINUE WHEN EXISTS (SELECT FROM contactpoint.shield s WHERE s.child_id = one.child_id
                              AND s.lifted_at IS NULL AND s.placed_at > one.requested_at);
        FOR other IN SELECT h FROM contactpoint._hidden_with(one.child_id) h
                     WHERE h <> ALL (SELECT (a).child_id FROM unnest(all_of) a) LOOP
            SELECT r.* INTO one FROM contactpoint.unshield_request r
            WHERE r.child_id = other AND contactpoint._may_approve(r)
              AND NOT EXISTS (SELECT FROM contactpoint.shield s WHERE s.child_id = other
                              AND s.lifted_at IS NULL AND s.placed_at > r.requested_at)
            ORDER BY r.request_id DESC LIMIT 1 FOR UPDATE;
            IF NOT FOUND THEN
                RETURN NULL;
            END IF;
            all_of := all_of || one;
        END LOOP;
    END LOOP;
    RETURN all_of;
END
$$;
COMMENT ON FUNCTION contactpoint._lifted_with(contactpoint.unshield_request) IS
    'a request and those of the household that must be approved with it; null while somebody there stays shielded';

CREATE FUNCTION contactpoint._do_approve_unshield(request_id bigint) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    request contactpoint.unshield_request;
    household contactpoint.unshield_request[];
BEGIN
    PERFORM contactpoint._require_role('contactpoint_manager', 'contactpoint_admin');
    PERFORM contactpoint._lock_matching();
    SELECT r.* INTO request FROM contactpoint.unshield_request r
    WHERE r.request_id = _do_approve_unshield.request_id FOR UPDATE;
    IF request.request_id IS NOT NULL THEN
        PERFORM contactpoint._name_children(ARRAY[request.child_id]);
    END IF;
    IF NOT FOUND OR request.approved_at IS NOT NULL OR request.lapses_at < clock_timestamp() THEN
        RAISE EXCEPTION 'there is no such request, or it is settled or lapsed'
            USING ERRCODE = 'KC010', HINT = 'Ask for a new one with contactpoint.request_unshield().';
    END IF;
    PERFORM contactpoint._require_manager_of(contactpoint._authority_of(request.child_id));
    IF NOT contactpoint._may_approve(request) THEN
        RAISE EXCEPTION 'the same person cannot ask for and approve the lifting of a shield'
            USING ERRCODE = 'KC003', HINT = 'Let another manager of the authority approve it.';
    END IF;
    household := contactpoint._lifted_with(request);
    IF household IS NULL THEN
        RAISE EXCEPTION 'a detail of this record still hides another child'
            USING ERRCODE = 'KC010',
                  HINT = 'Ask for the shields of the whole household to be lifted, then approve one; or wait until the details differ.';
    END IF;
    FOR request IN SELECT h.* FROM unnest(household) h ORDER BY h.child_id LOOP
        PERFORM contactpoint._name_children(ARRAY[request.child_id]);
        PERFORM contactpoint._lift_shields(request);
    END LOOP;
END
$$;

CREATE FUNCTION contactpoint._do_grant_access(child_id bigint, grantee name, reason text, until timestamptz)
    RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    authority bigint;
BEGIN
    PERFORM contactpoint._require_role('contactpoint_manager', 'contactpoint_admin');
    reason := contactpoint._check_text('reason', reason, 500);
    PERFORM contactpoint._require_child(_do_grant_access.child_id);
    authority := contactpoint._authority_of(_do_grant_access.child_id);
    PERFORM contactpoint._require_manager_of(authority);
    IF until IS NULL OR until <= clock_timestamp() OR until > clock_timestamp() + interval '1 year' THEN
        RAISE EXCEPTION 'a grant needs an end within a year'
            USING ERRCODE = 'KC010', HINT = 'Give until as a moment between now and a year from now.';
    END IF;
    IF NOT EXISTS (SELECT FROM contactpoint.account a WHERE a.role_name = grantee) THEN
        RAISE EXCEPTION 'the grantee has no account'
            USING ERRCODE = 'KC010', HINT = 'An admin adds a row to contactpoint.account first.';
    END IF;
    INSERT INTO contactpoint.access_grant (child_id, grantee, authority, reason, granted_by, until)
    VALUES (_do_grant_access.child_id, grantee, authority, reason, contactpoint._caller(), until);
END
$$;

CREATE FUNCTION contactpoint._do_revoke_access(child_id bigint, grantee name, reason text)
    RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM contactpoint._require_role('contactpoint_manager', 'contactpoint_admin');
    reason := contactpoint._check_text('reason', reason, 500);
    PERFORM contactpoint._require_child(_do_revoke_access.child_id);
    PERFORM contactpoint._require_manager_of(contactpoint._authority_of(_do_revoke_access.child_id));
    UPDATE contactpoint.access_grant g
    SET revoked_by = contactpoint._caller(), revoked_at = clock_timestamp(), revoke_reason = _do_revoke_access.reason
    WHERE g.child_id = _do_revoke_access.child_id AND g.grantee = _do_revoke_access.grantee
      AND g.revoked_at IS NULL AND g.until > clock_timestamp();
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no such grant'
            USING ERRCODE = 'KC010', HINT = 'The grant may have ended already.';
    END IF;
END
$$;

-- Until when the caller may have this shielded record open; null: not at all.
-- Asked when a record is opened and again before every statement that reads.
-- by_override: with an alarm, for those who may open without a grant.
CREATE FUNCTION contactpoint._may_open_until(child_id bigint, by_override boolean) RETURNS timestamptz
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE
        WHEN contactpoint._manages(contactpoint._authority_of($1)) THEN 'infinity'
        WHEN by_override AND contactpoint._has_role('contactpoint_override') THEN 'infinity'
        WHEN contactpoint._has_role('contactpoint_protection') THEN
            (SELECT max(g.until) FROM contactpoint.access_grant g
             WHERE g.child_id = $1 AND g.grantee = contactpoint._caller()
               AND g.revoked_at IS NULL AND g.until > clock_timestamp())
    END
    FROM contactpoint.child c WHERE c.child_id = $1 AND c.shielded
$$;
COMMENT ON FUNCTION contactpoint._may_open_until(bigint, boolean) IS
    'until when the caller may have this shielded record open, or null';

CREATE FUNCTION contactpoint._do_open_shielded(child_id bigint, reason text, confirm boolean)
    RETURNS timestamptz LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    until timestamptz;
BEGIN
    reason := contactpoint._check_text('reason', reason, 500);
    PERFORM contactpoint._require_role('contactpoint_protection', 'contactpoint_manager', 'contactpoint_override');
    until := contactpoint._may_open_until(_do_open_shielded.child_id, false);
    IF until IS NOT NULL THEN
        RETURN contactpoint._opened_add(_do_open_shielded.child_id, until, false);
    END IF;
    IF contactpoint._may_open_until(_do_open_shielded.child_id, true) IS NULL THEN
        RAISE EXCEPTION 'this record cannot be opened by you'
            USING ERRCODE = 'KC003',
                  HINT = 'Ask a manager of the responsible authority for a grant; a record that is not shielded needs none.';
    END IF;
    IF confirm IS NOT TRUE THEN
        RAISE WARNING 'you have no grant for this record: opening it all the same raises an alert'
            USING HINT = 'The managers of the record see at once who opened it and why, and will ask. '
                         'To go on, call open_shielded() again with confirm => true.';
        RETURN NULL;
    END IF;
    RETURN contactpoint._override(_do_open_shielded.child_id, reason);
END
$$;

CREATE FUNCTION contactpoint._do_close_shielded(child_id bigint) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM contactpoint._opened_remove(_do_close_shielded.child_id);
END
$$;

CREATE FUNCTION contactpoint._opened_add(child_id bigint, until timestamptz, by_override boolean) RETURNS timestamptz
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_opened_add';
COMMENT ON FUNCTION contactpoint._opened_add(bigint, timestamptz, boolean) IS
    'opens a record for this session and role, by an override once its alert is committed; returns until when';
CREATE FUNCTION contactpoint._opened_remove(child_id bigint) RETURNS void
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_opened_remove';
COMMENT ON FUNCTION contactpoint._opened_remove(bigint) IS 'closes a record in this session';

-- The interface: doors to the private functions above.
CREATE FUNCTION contactpoint.shield(child_id bigint, reason text, category text, household boolean DEFAULT true)
    RETURNS bigint[] LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_command';
COMMENT ON FUNCTION contactpoint.shield(bigint, text, text, boolean) IS
    'Shield a child, and by default its household, at once; returns the numbers of the records covered.';
CREATE FUNCTION contactpoint.keep_shield(shield_id bigint, note text, review_on date DEFAULT NULL)
    RETURNS date LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_command';
COMMENT ON FUNCTION contactpoint.keep_shield(bigint, text, date) IS
    'Note that a shield was looked at again and stays; returns the next review date, six months from now unless said.';
CREATE FUNCTION contactpoint.request_unshield(child_id bigint, reason text)
    RETURNS bigint LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_command';
COMMENT ON FUNCTION contactpoint.request_unshield(bigint, text) IS
    'Ask for the shields of a child to be lifted; returns the request that a second manager approves.';
CREATE FUNCTION contactpoint.approve_unshield(request_id bigint)
    RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_command';
COMMENT ON FUNCTION contactpoint.approve_unshield(bigint) IS
    'Approve a request to lift shields, as another person than the one who asked (provisional ones: anybody who may); requests of the household go with it.';
CREATE FUNCTION contactpoint.grant_access(child_id bigint, grantee name, reason text, until timestamptz)
    RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_command';
COMMENT ON FUNCTION contactpoint.grant_access(bigint, name, text, timestamptz) IS
    'Let one person open the record of one shielded child until a moment.';
CREATE FUNCTION contactpoint.revoke_access(child_id bigint, grantee name, reason text)
    RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_command';
COMMENT ON FUNCTION contactpoint.revoke_access(bigint, name, text) IS
    'Take a grant back; a record already open is closed with the next statement.';
CREATE FUNCTION contactpoint.open_shielded(child_id bigint, reason text, confirm boolean DEFAULT false)
    RETURNS timestamptz LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_command';
COMMENT ON FUNCTION contactpoint.open_shielded(bigint, text, boolean) IS
    'Open the record of one shielded child for this session; returns until when. Without a grant: a warning and null, unless confirmed.';
CREATE FUNCTION contactpoint.close_shielded(child_id bigint)
    RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_command';
COMMENT ON FUNCTION contactpoint.close_shielded(bigint) IS 'Close a record opened with open_shielded().';
