-- Reviews: held rows wait for somebody, are decided, and what was decided is
-- remembered, so that nobody is asked the same twice.

-- Read by the matcher (src/remembered.c), granted to nobody.
CREATE TABLE contactpoint.remembered (
    remembered_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source text NOT NULL REFERENCES contactpoint.source,
    source_ref text COLLATE "C" NOT NULL,
    child_id bigint REFERENCES contactpoint.child,
    verdict text NOT NULL CHECK (verdict IN ('same', 'apart', 'reject')),
    said bytea,
    review_id bigint REFERENCES contactpoint.review,
    decided_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK ((verdict = 'reject') = (child_id IS NULL))
);
CREATE INDEX remembered_source_idx ON contactpoint.remembered (source, source_ref);
CREATE INDEX remembered_child_id_idx ON contactpoint.remembered (child_id);
CREATE INDEX remembered_review_id_idx ON contactpoint.remembered (review_id);
COMMENT ON TABLE contactpoint.remembered IS 'what people decided about references: not asked again while they say the same';
COMMENT ON COLUMN contactpoint.remembered.remembered_id IS 'number of the decision; the later one counts';
COMMENT ON COLUMN contactpoint.remembered.source IS 'the feed';
COMMENT ON COLUMN contactpoint.remembered.source_ref IS 'its reference';
COMMENT ON COLUMN contactpoint.remembered.child_id IS 'the child it is or is not about; null: the row was rejected';
COMMENT ON COLUMN contactpoint.remembered.verdict IS 'same child, apart from it, or reject';
COMMENT ON COLUMN contactpoint.remembered.said IS
    'SHA-256 of what the row said of who the child is: names, birth date, sex, numbers; null: whatever it says';
COMMENT ON COLUMN contactpoint.remembered.review_id IS 'the review; null: the reference was parted from the child';
COMMENT ON COLUMN contactpoint.remembered.decided_at IS 'when';
COMMENT ON INDEX contactpoint.remembered_source_idx IS 'decisions about one reference';
COMMENT ON INDEX contactpoint.remembered_child_id_idx IS 'decisions about one child';
COMMENT ON INDEX contactpoint.remembered_review_id_idx IS 'decisions of one review';

-- A decision can be undone, so the rows it was about are kept.
CREATE TABLE contactpoint.decided_row (
    upload_id bigint PRIMARY KEY,
    review_id bigint NOT NULL REFERENCES contactpoint.review,
    content jsonb NOT NULL
);
CREATE INDEX decided_row_review_id_idx ON contactpoint.decided_row (review_id);
COMMENT ON TABLE contactpoint.decided_row IS 'held rows that a person decided, as they were, so that it can be undone; read by nobody';
COMMENT ON COLUMN contactpoint.decided_row.upload_id IS 'the row';
COMMENT ON COLUMN contactpoint.decided_row.review_id IS 'the review that decided it';
COMMENT ON COLUMN contactpoint.decided_row.content IS 'what it said';
COMMENT ON INDEX contactpoint.decided_row_review_id_idx IS 'rows of one review';

ALTER TABLE contactpoint.remembered ALTER source_ref SET STATISTICS 0, ALTER child_id SET STATISTICS 0,
    ALTER verdict SET STATISTICS 0, ALTER said SET STATISTICS 0;
ALTER TABLE contactpoint.decided_row ALTER content SET STATISTICS 0;

-- ---------- who waits for whom ----------

-- Who may decide for an authority: managers with a current account, while the
-- authority is open.
CREATE VIEW contactpoint._current_manager WITH (security_barrier) AS
    SELECT a.role_name, a.organisation_id FROM contactpoint.account a
    JOIN contactpoint.organisation o ON o.organisation_id = a.organisation_id AND o.stage IN ('testing', 'live')
    JOIN pg_catalog.pg_roles r ON r.rolname = a.role_name AND pg_catalog.pg_has_role(r.oid, 'contactpoint_manager', 'MEMBER')
    WHERE a.suspended_at IS NULL AND a.trained_until >= (now() AT TIME ZONE 'UTC')::date
      AND a.checked_until >= (now() AT TIME ZONE 'UTC')::date;
COMMENT ON VIEW contactpoint._current_manager IS 'managers whose account and organisation are current';

-- Reviews that nobody has decided, the late ones first.
CREATE VIEW contactpoint.reviews_due WITH (security_barrier) AS
    SELECT r.review_id, r.upload_id, r.source, r.authority, r.score, r.candidates, r.reason,
           r.opened_at, r.due_at, r.assigned_to, r.due_at < now() AS late, r.asked_at,
           NOT EXISTS (SELECT FROM contactpoint._current_manager m
                       WHERE m.role_name = r.assigned_to AND m.organisation_id = r.authority) AS unattended,
           NOT EXISTS (SELECT FROM contactpoint._current_manager m WHERE m.organisation_id = r.authority) AS stranded
    FROM contactpoint.review r
    WHERE r.decided_at IS NULL
    ORDER BY r.due_at, r.review_id;
COMMENT ON VIEW contactpoint.reviews_due IS 'reviews that wait for a decision, the most urgent first';
COMMENT ON COLUMN contactpoint.reviews_due.late IS 'its date has passed';
COMMENT ON COLUMN contactpoint.reviews_due.unattended IS 'nobody has taken it who may still decide it';
COMMENT ON COLUMN contactpoint.reviews_due.stranded IS
    'its authority is closed or has no manager with a current account: an admin hands it over';

-- The open review, its row locked; an error if there is none, or not for the caller.
CREATE FUNCTION contactpoint._require_review(review_id bigint) RETURNS contactpoint.review
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    held contactpoint.review;
BEGIN
    SELECT r.* INTO held FROM contactpoint.review r WHERE r.review_id = _require_review.review_id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no such review'
            USING ERRCODE = 'KC010', HINT = 'See contactpoint.reviews_due.';
    END IF;
    PERFORM contactpoint._require_manager_of(held.authority);
    PERFORM contactpoint._name_children(held.candidates);
    IF held.decided_at IS NOT NULL THEN
        RAISE EXCEPTION 'this review is decided'
            USING ERRCODE = 'KC010', HINT = 'See contactpoint.reviews_due for those that wait.';
    END IF;
    RETURN held;
END
$$;
COMMENT ON FUNCTION contactpoint._require_review(bigint) IS 'locks an open review of the caller''s authority; an error if there is none';

CREATE FUNCTION contactpoint._do_take_review(review_id bigint) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    held contactpoint.review;
BEGIN
    PERFORM contactpoint._require_role('contactpoint_manager');
    held := contactpoint._require_review(review_id);
    IF held.assigned_to <> contactpoint._caller()
       AND EXISTS (SELECT FROM contactpoint._current_manager m
                   WHERE m.role_name = held.assigned_to AND m.organisation_id = held.authority) THEN
        RAISE EXCEPTION 'somebody else has taken this review'
            USING ERRCODE = 'KC010', HINT = 'Ask that person, or assign it with contactpoint.assign_review().';
    END IF;
    UPDATE contactpoint.review r SET assigned_to = contactpoint._caller() WHERE r.review_id = held.review_id;
END
$$;

CREATE FUNCTION contactpoint._do_assign_review(review_id bigint, assignee name) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    held contactpoint.review;
BEGIN
    PERFORM contactpoint._require_role('contactpoint_manager', 'contactpoint_admin');
    held := contactpoint._require_review(review_id);
    IF NOT EXISTS (SELECT FROM contactpoint._current_manager m
                   WHERE m.role_name = assignee AND m.organisation_id = held.authority) THEN
        RAISE EXCEPTION 'that person cannot decide this review'
            USING ERRCODE = 'KC010', HINT = 'Name a manager of its authority with a current account.';
    END IF;
    UPDATE contactpoint.review r SET assigned_to = assignee WHERE r.review_id = held.review_id;
END
$$;

-- What waits for an authority that is closed, or has nobody left, would wait for
-- ever. While it has somebody, nobody takes a review away from it: near a shielded
-- child it says where to look.
CREATE FUNCTION contactpoint._do_hand_over_review(review_id bigint, to_organisation bigint, reason text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    held contactpoint.review;
BEGIN
    PERFORM contactpoint._require_role('contactpoint_admin');
    reason := contactpoint._check_text('reason', reason, 500);
    held := contactpoint._require_review(review_id);
    IF EXISTS (SELECT FROM contactpoint._current_manager m WHERE m.organisation_id = held.authority) THEN
        RAISE EXCEPTION 'the authority of this review has managers who can decide it'
            USING ERRCODE = 'KC010', HINT = 'Ask one of them, or assign it with contactpoint.assign_review().';
    END IF;
    IF NOT EXISTS (SELECT FROM contactpoint._current_manager m WHERE m.organisation_id = to_organisation) THEN
        RAISE EXCEPTION 'that organisation has no manager who could decide this review'
            USING ERRCODE = 'KC010', HINT = 'Name one with a manager whose account is current.';
    END IF;
    UPDATE contactpoint.review r
    SET authority = to_organisation, assigned_to = NULL, note = concat_ws('; ', r.note, 'handed over: ' || _do_hand_over_review.reason)
    WHERE r.review_id = held.review_id;
END
$$;

-- ---------- deciding ----------

CREATE FUNCTION contactpoint._settle_as(upload_id bigint, outcome text, child_id bigint, review_id bigint DEFAULT NULL)
    RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_settle_as';
COMMENT ON FUNCTION contactpoint._settle_as(bigint, text, bigint, bigint) IS
    'settles a held row as a person decided; a new record of a review near a shielded one is born shielded; returns the child it went to';

CREATE FUNCTION contactpoint._look_again(upload_id bigint) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_look_again';
COMMENT ON FUNCTION contactpoint._look_again(bigint) IS
    'compares a held row with what is known by now; what is found joins its review';

CREATE FUNCTION contactpoint._said(upload_id bigint) RETURNS bytea
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_said';
COMMENT ON FUNCTION contactpoint._said(bigint) IS 'digest of what a held row says of who the child is';

-- The rows that wait in a review, in the order in which they came.
CREATE FUNCTION contactpoint._waiting_rows(held contactpoint.review) RETURNS SETOF bigint
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT u.upload_id FROM contactpoint.upload u
    JOIN contactpoint.settlement s ON s.upload_id = u.upload_id AND s.outcome = 'hold'
    WHERE u.source = (held).source AND u.source_ref = (held).source_ref AND u.upload_id <= (held).upload_id
    ORDER BY u.upload_id
$$;
COMMENT ON FUNCTION contactpoint._waiting_rows(contactpoint.review) IS 'held rows that wait in a review, the oldest first';

-- What was decided about a row. A row that led to a record of its own is about no
-- other candidate; of a row that led to one of them nothing is known of the others,
-- which may be second records of the same child.
CREATE FUNCTION contactpoint._remember(held contactpoint.review, said bytea, went_to bigint, decision text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM contactpoint.remembered m
    WHERE m.source = held.source AND m.source_ref = held.source_ref
      AND (m.said = _remember.said OR m.child_id = went_to AND m.verdict = 'apart');
    INSERT INTO contactpoint.remembered (source, source_ref, child_id, verdict, said, review_id)
    SELECT held.source, held.source_ref, c.child_id, 'apart', _remember.said, held.review_id
    FROM contactpoint.child c
    WHERE decision = 'new' AND c.child_id = ANY (held.candidates) AND c.child_id <> went_to;
    INSERT INTO contactpoint.remembered (source, source_ref, child_id, verdict, said, review_id)
    VALUES (held.source, held.source_ref, went_to, CASE WHEN went_to IS NULL THEN 'reject' ELSE 'same' END, _remember.said,
            held.review_id);
END
$$;
COMMENT ON FUNCTION contactpoint._remember(contactpoint.review, bytea, bigint, text) IS
    'remembers what was decided about a row, for when its reference says the same again';

CREATE FUNCTION contactpoint._do_decide(review_id bigint, decision text, child_id bigint, note text)
    RETURNS bigint LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    held contactpoint.review;
    known bigint[];
    went_to bigint;
    waiting bigint;
    said bytea;
BEGIN
    PERFORM contactpoint._require_role('contactpoint_manager');
    PERFORM contactpoint._lock_matching();
    SELECT r.* INTO held FROM contactpoint.review r WHERE r.review_id = _do_decide.review_id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no such review'
            USING ERRCODE = 'KC010', HINT = 'See contactpoint.reviews_due.';
    END IF;
    IF held.decided_at IS NULL AND decision IN ('same', 'new') THEN
        -- The child may have got a record, or a shield, while the row waited.
        FOR waiting IN SELECT w FROM contactpoint._waiting_rows(held) w LOOP
            PERFORM contactpoint._look_again(waiting);
        END LOOP;
    END IF;
    known := held.candidates;
    SELECT r.* INTO held FROM contactpoint.review r WHERE r.review_id = _do_decide.review_id;
    PERFORM contactpoint._require_manager_of(held.authority);
    IF held.decided_at IS NOT NULL THEN
        RAISE EXCEPTION 'this review is decided'
            USING ERRCODE = 'KC010', HINT = 'See contactpoint.reviews_due for those that wait.';
    END IF;
    IF NOT held.candidates <@ known THEN
        RAISE NOTICE 'the review has new candidates, so nothing is decided yet'
            USING HINT = 'Look at contactpoint.reviews_due again, then decide.';
        RETURN NULL;
    END IF;
    IF decision IS NULL OR decision NOT IN ('same', 'new', 'reject', 'ask') THEN
        RAISE EXCEPTION 'unknown decision'
            USING ERRCODE = 'KC010', HINT = 'Use same, new, reject or ask.';
    END IF;
    IF (decision = 'same') <> (child_id IS NOT NULL) THEN
        RAISE EXCEPTION 'a child is named with the decision same, and only then'
            USING ERRCODE = 'KC010', HINT = 'Name one of the candidates of the review.';
    END IF;
    IF decision = 'same' AND NOT child_id = ANY (held.candidates)
       AND NOT contactpoint._is_present_one(child_id, held.candidates) THEN
        RAISE EXCEPTION 'that child is no candidate of this review'
            USING ERRCODE = 'KC010', HINT = 'Name one of the candidates of the review.';
    END IF;
    IF decision = 'same' AND NOT EXISTS (SELECT FROM contactpoint.child c WHERE c.child_id = _do_decide.child_id)
       AND NOT EXISTS (SELECT FROM contactpoint.hidden_record h WHERE h.child_id = _do_decide.child_id AND h.kind = 'expected') THEN
        RAISE EXCEPTION 'the record of that candidate is gone'
            USING ERRCODE = 'KC010', HINT = 'Name another candidate, or decide new, reject or ask.';
    END IF;
    IF decision = 'new' AND EXISTS (SELECT FROM contactpoint._waiting_rows(held) w
                                    WHERE contactpoint._bears_former_name(w, held.candidates)) THEN
        RAISE EXCEPTION 'this child may have a record already, so no second one is made'
            USING ERRCODE = 'KC004', HINT = 'Reject the row, or ask its source.';
    END IF;
    IF decision = 'same' AND NOT contactpoint._manages_child(child_id) THEN
        UPDATE contactpoint.review r SET authority = contactpoint._authority_of(_do_decide.child_id), assigned_to = NULL
        WHERE r.review_id = held.review_id;
        RAISE NOTICE 'the review now waits for the authority of that child, so nothing is decided yet'
            USING HINT = 'Only managers of the responsible authority let details into its records.';
        RETURN NULL;
    END IF;
    IF note IS NOT NULL THEN
        note := contactpoint._check_text('note', note, 2000);
    END IF;
    IF decision = 'ask' THEN
        UPDATE contactpoint.review r
        SET assigned_to = contactpoint._caller(), note = _do_decide.note, asked_at = clock_timestamp(),
            due_at = clock_timestamp() + make_interval(days => current_setting('contactpoint.review_days')::int)
        WHERE r.review_id = held.review_id;
        RETURN NULL;
    END IF;
    UPDATE contactpoint.review r
    SET decided_at = clock_timestamp(), decided_by = contactpoint._caller(),
        decision = _do_decide.decision, note = _do_decide.note
    WHERE r.review_id = held.review_id;
    DELETE FROM contactpoint.held_reference h WHERE h.review_id = held.review_id;
    INSERT INTO contactpoint.decided_row (upload_id, review_id, content)
    SELECT u.upload_id, held.review_id, to_jsonb(u) FROM contactpoint.upload u
    WHERE u.upload_id IN (SELECT contactpoint._waiting_rows(held))
    ON CONFLICT ON CONSTRAINT decided_row_pkey DO UPDATE SET review_id = excluded.review_id, content = excluded.content;
    -- Rows that joined the review are settled in the order in which they came.
    went_to := child_id;
    FOR waiting IN SELECT w FROM contactpoint._waiting_rows(held) w LOOP
        -- what a row says that cannot be processed is not known, but it can be rejected
        BEGIN
            said := contactpoint._said(waiting);
        EXCEPTION WHEN OTHERS THEN
            said := NULL;
        END;
        went_to := contactpoint._settle_as(waiting,
            CASE WHEN decision = 'reject' THEN 'reject' WHEN went_to IS NULL THEN 'new' ELSE 'match' END, went_to, held.review_id);
        IF said IS NOT NULL THEN
            PERFORM contactpoint._remember(held, said, went_to, decision);
        END IF;
    END LOOP;
    -- by whoever has seen the link: what was shown must not lead others from there to here
    UPDATE contactpoint.review r
    SET candidates = ARRAY(SELECT c FROM unnest(r.candidates) WITH ORDINALITY u (c, place)
                           WHERE c = went_to OR contactpoint._present_number(c) IS DISTINCT FROM went_to ORDER BY place)
    WHERE r.review_id = held.review_id AND _do_decide.decision = 'same' AND NOT went_to = ANY (r.candidates);
    RETURN went_to;
END
$$;

-- What a manager needs to see to decide: the held row itself.
CREATE FUNCTION contactpoint._do_held_upload(review_id bigint) RETURNS jsonb
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    held contactpoint.review;
BEGIN
    PERFORM contactpoint._require_role('contactpoint_manager');
    SELECT r.* INTO held FROM contactpoint.review r WHERE r.review_id = _do_held_upload.review_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no such review'
            USING ERRCODE = 'KC010', HINT = 'See contactpoint.reviews_due.';
    END IF;
    PERFORM contactpoint._require_manager_of(held.authority);
    -- the row may be about any of them, so whoever looks at it looks at these
    PERFORM contactpoint._name_children(held.candidates);
    RETURN (SELECT to_jsonb(u) - 'received_from' FROM contactpoint.upload u WHERE u.upload_id = held.upload_id);
END
$$;

CREATE FUNCTION contactpoint.take_review(review_id bigint)
    RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_command';
COMMENT ON FUNCTION contactpoint.take_review(bigint) IS 'Take a review that nobody works on: it is yours to decide.';
CREATE FUNCTION contactpoint.assign_review(review_id bigint, assignee name)
    RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_command';
COMMENT ON FUNCTION contactpoint.assign_review(bigint, name) IS 'Give a review to a manager of its authority.';
CREATE FUNCTION contactpoint.hand_over_review(review_id bigint, to_organisation bigint, reason text)
    RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_command';
COMMENT ON FUNCTION contactpoint.hand_over_review(bigint, bigint, text) IS
    'Let another authority decide a review whose own is closed or has no manager left (admins).';
CREATE FUNCTION contactpoint.decide(review_id bigint, decision text, child_id bigint DEFAULT NULL, note text DEFAULT NULL)
    RETURNS bigint LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_command';
COMMENT ON FUNCTION contactpoint.decide(bigint, text, bigint, text) IS
    'Decide a held row: same (name the child), new, reject or ask; returns the child it went to. Not asked again while the reference says the same.';
CREATE FUNCTION contactpoint.held_upload(review_id bigint)
    RETURNS jsonb LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_command';
COMMENT ON FUNCTION contactpoint.held_upload(bigint) IS 'The uploaded row behind a review, for those who decide it.';
