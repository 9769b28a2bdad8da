-- Undoing: a reference is parted from a child, a decision is taken back, a batch is
-- reverted, and who was shown the wrong child's details is written down.
--
-- What a row brought is known by its settlement: a detail has the child, source and
-- recorded_at of the row that it came with. What cannot be told apart from it goes as
-- well; the references that stay send theirs anew, since what they sent is forgotten.

CREATE TABLE contactpoint.undo_log (
    undo_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('unmerge', 'separate', 'undecide', 'revert')),
    child_id bigint NOT NULL,
    shown_as bigint NOT NULL,
    authority bigint REFERENCES contactpoint.organisation,
    source text,
    source_ref text,
    batch text,
    reason text NOT NULL,
    shown_since timestamptz NOT NULL,
    undone_by name NOT NULL,
    undone_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE contactpoint.undo_log IS 'wrong attachments that were undone, for the managers of the record; who was shown them is in mistaken_look';
COMMENT ON COLUMN contactpoint.undo_log.undo_id IS 'number of the undoing';
COMMENT ON COLUMN contactpoint.undo_log.kind IS 'unmerge, separate, undecide or revert (of a batch)';
COMMENT ON COLUMN contactpoint.undo_log.child_id IS 'the child whose record it was about';
COMMENT ON COLUMN contactpoint.undo_log.shown_as IS 'the number under which the details of two children were shown';
COMMENT ON COLUMN contactpoint.undo_log.authority IS 'the authority whose managers see this row';
COMMENT ON COLUMN contactpoint.undo_log.source IS 'the feed whose reference was parted from the child';
COMMENT ON COLUMN contactpoint.undo_log.source_ref IS 'the reference';
COMMENT ON COLUMN contactpoint.undo_log.batch IS 'the batch that was reverted';
COMMENT ON COLUMN contactpoint.undo_log.reason IS 'why';
COMMENT ON COLUMN contactpoint.undo_log.shown_since IS 'since when they were shown together';
COMMENT ON COLUMN contactpoint.undo_log.undone_by IS 'who undid it';
COMMENT ON COLUMN contactpoint.undo_log.undone_at IS 'when';

CREATE TABLE contactpoint.mistaken_look (
    undo_id bigint NOT NULL REFERENCES contactpoint.undo_log,
    child_id bigint NOT NULL,
    authority bigint REFERENCES contactpoint.organisation,
    "session_user" name NOT NULL,
    effective_role name NOT NULL,
    organisation bigint,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    looks bigint NOT NULL,
    relations text[] NOT NULL,
    vault boolean NOT NULL,
    PRIMARY KEY (undo_id, "session_user", effective_role)
);
COMMENT ON TABLE contactpoint.mistaken_look IS 'who was shown another child''s details on a record, from the audit, written down when it was undone';
COMMENT ON COLUMN contactpoint.mistaken_look.undo_id IS 'the undoing, see undo_log';
COMMENT ON COLUMN contactpoint.mistaken_look.child_id IS 'the child whose record it was about';
COMMENT ON COLUMN contactpoint.mistaken_look.authority IS 'the authority whose managers see this row';
COMMENT ON COLUMN contactpoint.mistaken_look."session_user" IS 'the log-in';
COMMENT ON COLUMN contactpoint.mistaken_look.effective_role IS 'the role in force';
COMMENT ON COLUMN contactpoint.mistaken_look.organisation IS 'for whom that person works';
COMMENT ON COLUMN contactpoint.mistaken_look.first_at IS 'the first look';
COMMENT ON COLUMN contactpoint.mistaken_look.last_at IS 'the last look';
COMMENT ON COLUMN contactpoint.mistaken_look.looks IS 'how many';
COMMENT ON COLUMN contactpoint.mistaken_look.relations IS 'at which details';
COMMENT ON COLUMN contactpoint.mistaken_look.vault IS 'the record was shielded and opened by that person';

ALTER TABLE contactpoint.undo_log ALTER child_id SET STATISTICS 0, ALTER shown_as SET STATISTICS 0,
    ALTER source_ref SET STATISTICS 0, ALTER reason SET STATISTICS 0;
ALTER TABLE contactpoint.mistaken_look ALTER child_id SET STATISTICS 0, ALTER "session_user" SET STATISTICS 0,
    ALTER effective_role SET STATISTICS 0;

-- Writes down who was shown what did not belong together. The last thing of an
-- undoing, so that as little as can be comes after it.
CREATE FUNCTION contactpoint._note_looks(kind text, reason text, shown_as bigint, children bigint[], since timestamptz,
        source text, source_ref text, batch text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    one bigint;
    number bigint;
BEGIN
    FOREACH one IN ARRAY children LOOP
        INSERT INTO contactpoint.undo_log AS l (kind, child_id, shown_as, authority, source, source_ref, batch, reason, shown_since, undone_by)
        VALUES (_note_looks.kind, one, _note_looks.shown_as,
                coalesce(contactpoint._authority_of(one), contactpoint._caller_organisation()),
                _note_looks.source,
                -- it may have been sent under a former name, too
                CASE WHEN contactpoint._has_one_identity(one) THEN _note_looks.source_ref END, _note_looks.batch, _note_looks.reason, since, contactpoint._caller())
        RETURNING l.undo_id INTO number;
        INSERT INTO contactpoint.mistaken_look (undo_id, child_id, authority, "session_user", effective_role, organisation,
                                                first_at, last_at, looks, relations, vault)
        SELECT number, one, l.authority, a."session_user", a.effective_role, max(a.organisation), min(a.at), max(a.at), count(*),
               array_agg(DISTINCT a.relation ORDER BY a.relation), bool_or(a.vault)
        FROM contactpoint.audit a JOIN contactpoint.undo_log l ON l.undo_id = number
        WHERE a.children @> ARRAY[_note_looks.shown_as] AND a.at >= since AND a.outcome IN ('disclosed', 'failed')
          AND a.relation ~ '(address|carer|involvement|identifier|responsibility)'
        GROUP BY l.authority, a."session_user", a.effective_role;
    END LOOP;
END
$$;
COMMENT ON FUNCTION contactpoint._note_looks(text, text, bigint, bigint[], timestamptz, text, text, text) IS
    'writes down an undoing, and from the audit who was shown another child''s details meanwhile';

-- ---------- taking away what rows brought ----------

-- Takes from children what settled rows brought: the details that came with them,
-- and those of the same source of which no row is known any more. What a record
-- brought along from a former identity stays: nobody sends it again. The caller has
-- locked the children.
CREATE FUNCTION contactpoint._take_away(rows bigint[]) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
DECLARE
    detail text;
BEGIN
    FOR detail IN SELECT d FROM unnest(ARRAY['address', 'carer', 'involvement', 'identifier', 'alias']) d LOOP
        EXECUTE format($q$
            DELETE FROM contactpoint.%I d
            USING (SELECT DISTINCT s.child_id, s.source FROM contactpoint.settlement s
                   WHERE s.upload_id = ANY ($1) AND s.child_id IS NOT NULL) b
            WHERE d.child_id = b.child_id AND d.source = b.source
              AND NOT EXISTS (SELECT FROM contactpoint.settlement o
                              WHERE o.child_id = d.child_id AND o.source = d.source AND o.recorded_at = d.recorded_at
                                AND o.upload_id <> ALL ($1))
              AND (EXISTS (SELECT FROM contactpoint.settlement o
                           WHERE o.child_id = d.child_id AND o.source = d.source AND o.recorded_at = d.recorded_at
                             AND o.upload_id = ANY ($1))
                   OR NOT EXISTS (SELECT FROM contactpoint.former_identity f
                                  WHERE f.present = d.child_id AND f.made_at > d.recorded_at))$q$, detail)
        USING rows;
    END LOOP;
    -- who may open a shielded record is no row's to say, nor to take back; and a
    -- record that a row made, and that stays, is somebody's
    DELETE FROM contactpoint.responsibility r
    USING contactpoint.settlement s
    WHERE s.upload_id = ANY (rows) AND s.outcome = 'match' AND r.child_id = s.child_id AND NOT r.shielded AND r.since = s.recorded_at;
    UPDATE contactpoint.source_link l SET sent = NULL
    FROM contactpoint.settlement s
    WHERE s.upload_id = ANY (rows) AND l.child_id = s.child_id AND l.source = s.source AND l.sent IS NOT NULL;
END
$$;
COMMENT ON FUNCTION contactpoint._take_away(bigint[]) IS 'takes from children the details that came with these settled rows';

-- Notes that settled rows went to nobody, and ends the references that have no row
-- left with a child. The caller has taken away what they brought.
CREATE FUNCTION contactpoint._unsettle(rows bigint[], becomes text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
BEGIN
    DELETE FROM contactpoint.source_link l
    USING contactpoint.settlement s
    WHERE s.upload_id = ANY (rows) AND l.child_id = s.child_id AND l.source = s.source AND l.source_ref = s.source_ref
      AND NOT EXISTS (SELECT FROM contactpoint.settlement o
                      WHERE o.child_id = s.child_id AND o.source = s.source AND o.source_ref = s.source_ref
                        AND o.upload_id <> ALL (rows));
    DELETE FROM contactpoint.remembered m
    USING contactpoint.settlement s
    WHERE s.upload_id = ANY (rows) AND m.source = s.source AND m.source_ref = s.source_ref
      AND m.child_id = s.child_id AND m.verdict = 'same'
      AND NOT EXISTS (SELECT FROM contactpoint.source_link l
                      WHERE l.source = s.source AND l.source_ref = s.source_ref AND l.child_id = s.child_id);
    UPDATE contactpoint.settlement s SET outcome = becomes, child_id = NULL, score = NULL WHERE s.upload_id = ANY (rows);
END
$$;
COMMENT ON FUNCTION contactpoint._unsettle(bigint[], text) IS
    'notes that settled rows went to nobody; references without any other row of the child end';

-- Records of which nothing is left and that nobody else has touched leave child: no
-- detail, reference or settled row, no shield past or present, no row that may be
-- theirs. The others stay, shielded until somebody has looked.
CREATE FUNCTION contactpoint._withdraw(made bigint[], reason text) RETURNS bigint[]
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    withdrawn bigint[];
BEGIN
    withdrawn := ARRAY(
        SELECT c.child_id FROM contactpoint.child c
        WHERE c.child_id = ANY (made) AND NOT c.shielded
          AND NOT EXISTS (SELECT FROM contactpoint.settlement s WHERE s.child_id = c.child_id)
          AND NOT EXISTS (SELECT FROM contactpoint.source_link l WHERE l.child_id = c.child_id)
          AND NOT EXISTS (SELECT FROM contactpoint.address d WHERE d.child_id = c.child_id)
          AND NOT EXISTS (SELECT FROM contactpoint.carer d WHERE d.child_id = c.child_id)
          AND NOT EXISTS (SELECT FROM contactpoint.involvement d WHERE d.child_id = c.child_id)
          AND NOT EXISTS (SELECT FROM contactpoint.identifier d WHERE d.child_id = c.child_id)
          AND NOT EXISTS (SELECT FROM contactpoint.alias a WHERE a.child_id = c.child_id)
          AND NOT EXISTS (SELECT FROM contactpoint.shield s WHERE s.child_id = c.child_id)
          AND NOT EXISTS (SELECT FROM contactpoint.unshield_request r WHERE r.child_id = c.child_id)
          AND NOT EXISTS (SELECT FROM contactpoint.access_grant g WHERE g.child_id = c.child_id)
          AND NOT EXISTS (SELECT FROM contactpoint.shield_alert a WHERE a.child_id = c.child_id)
          AND NOT EXISTS (SELECT FROM contactpoint.finding_pair p WHERE p.child_id = c.child_id OR p.other_id = c.child_id)
          AND NOT EXISTS (SELECT FROM contactpoint.merged_record m WHERE c.child_id IN (m.child_id, m.into_child_id))
          AND NOT EXISTS (SELECT FROM contactpoint.review r WHERE r.decided_at IS NULL AND c.child_id = ANY (r.candidates))
        ORDER BY c.child_id);
    DELETE FROM contactpoint.remembered m WHERE m.child_id = ANY (withdrawn);
    DELETE FROM contactpoint.responsibility r WHERE r.child_id = ANY (withdrawn);
    DELETE FROM contactpoint.child c WHERE c.child_id = ANY (withdrawn);
    PERFORM contactpoint._place_shield(c.child_id, reason, 'other', true)
    FROM contactpoint.child c WHERE c.child_id = ANY (made) AND NOT c.shielded ORDER BY c.child_id;
    RETURN withdrawn;
END
$$;
COMMENT ON FUNCTION contactpoint._withdraw(bigint[], text) IS
    'takes records out of child that nobody else has touched; shields the others of these; returns the first';

-- ---------- one reference ----------

CREATE FUNCTION contactpoint._do_separate(source text, source_ref text, reason text) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    link contactpoint.source_link;
    rows bigint[];
BEGIN
    PERFORM contactpoint._require_role('contactpoint_manager', 'contactpoint_admin');
    reason := contactpoint._check_text('reason', reason, 500);
    PERFORM contactpoint._require_read_committed();
    PERFORM contactpoint._lock_matching();
    SELECT l.* INTO link FROM contactpoint.source_link l
    WHERE l.source = _do_separate.source AND l.source_ref = _do_separate.source_ref;
    IF link.child_id IS NOT NULL THEN
        PERFORM contactpoint._name_children(ARRAY[link.child_id]);
        PERFORM contactpoint._require_child(link.child_id);
        PERFORM contactpoint._require_manager_of(contactpoint._authority_of(link.child_id));
    ELSE
        -- whether others' references are known is not told either
        PERFORM contactpoint._require_manager_of(coalesce((SELECT s.organisation_id FROM contactpoint.source s
                                                           WHERE s.source = _do_separate.source), 0));
        RAISE EXCEPTION 'there is no such reference'
            USING ERRCODE = 'KC010', HINT = 'See contactpoint.source_link.';
    END IF;
    IF EXISTS (SELECT FROM contactpoint.settlement s
               WHERE s.child_id = link.child_id AND s.source = link.source AND s.source_ref = link.source_ref AND s.outcome = 'new') THEN
        RAISE EXCEPTION 'a record was made from this reference'
            USING ERRCODE = 'KC010',
                  HINT = 'Separate the references that were attached to it later, or undo the merge or the decision that brought it here.';
    END IF;
    rows := ARRAY(SELECT s.upload_id FROM contactpoint.settlement s
                  WHERE s.child_id = link.child_id AND s.source = link.source AND s.source_ref = link.source_ref);
    PERFORM contactpoint._take_away(rows);
    PERFORM contactpoint._unsettle(rows, 'undone');
    DELETE FROM contactpoint.source_link l WHERE l.source = link.source AND l.source_ref = link.source_ref;
    DELETE FROM contactpoint.remembered m
    WHERE m.source = link.source AND m.source_ref = link.source_ref AND m.child_id = link.child_id;
    INSERT INTO contactpoint.remembered (source, source_ref, child_id, verdict)
    VALUES (link.source, link.source_ref, link.child_id, 'apart');
    PERFORM contactpoint._rekey(link.child_id);
    PERFORM contactpoint._note_looks('separate', reason, link.child_id, ARRAY[link.child_id], link.linked_at,
        link.source, link.source_ref, NULL);
    RETURN link.child_id;
END
$$;

-- ---------- one decision ----------

CREATE FUNCTION contactpoint._do_undecide(review_id bigint, reason text) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    decided contactpoint.review;
    rows bigint[];
    since timestamptz;
    child bigint;
BEGIN
    PERFORM contactpoint._require_role('contactpoint_manager');
    reason := contactpoint._check_text('reason', reason, 500);
    PERFORM contactpoint._require_read_committed();
    PERFORM contactpoint._lock_matching();
    SELECT r.* INTO decided FROM contactpoint.review r WHERE r.review_id = _do_undecide.review_id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no such review'
            USING ERRCODE = 'KC010', HINT = 'See contactpoint.review.';
    END IF;
    rows := ARRAY(SELECT d.upload_id FROM contactpoint.decided_row d WHERE d.review_id = decided.review_id ORDER BY d.upload_id);
    SELECT s.child_id, s.settled_at INTO child, since FROM contactpoint.settlement s
    WHERE s.upload_id = ANY (rows) AND s.child_id IS NOT NULL ORDER BY s.upload_id LIMIT 1;
    PERFORM contactpoint._require_manager_of(decided.authority);
    IF child IS NOT NULL THEN
        PERFORM contactpoint._name_children(ARRAY[child]);
        PERFORM contactpoint._require_child(child);
        PERFORM contactpoint._require_manager_of(contactpoint._authority_of(child));
    END IF;
    IF decided.decided_at IS NULL OR rows = '{}' THEN
        RAISE EXCEPTION 'this review is not decided, or its rows are not kept'
            USING ERRCODE = 'KC010', HINT = 'See contactpoint.review.';
    END IF;
    IF EXISTS (SELECT FROM contactpoint.held_reference h WHERE h.source = decided.source AND h.source_ref = decided.source_ref) THEN
        RAISE EXCEPTION 'a later row of the reference waits in another review'
            USING ERRCODE = 'KC010', HINT = 'Decide that one first; see contactpoint.reviews_due.';
    END IF;
    IF child IS NOT NULL THEN
        -- what came later came because of the decision, unless the reference was the child's before
        rows := rows || ARRAY(
            SELECT s.upload_id FROM contactpoint.settlement s
            WHERE s.child_id = child AND s.source = decided.source AND s.source_ref = decided.source_ref
              AND s.upload_id <> ALL (rows)
              AND NOT EXISTS (SELECT FROM contactpoint.settlement b
                              WHERE b.child_id = child AND b.source = decided.source AND b.source_ref = decided.source_ref
                                AND b.upload_id < ALL (rows)));
        PERFORM contactpoint._take_away(rows);
        PERFORM contactpoint._unsettle(rows, 'undone');
    END IF;
    DELETE FROM contactpoint.remembered m WHERE m.review_id = decided.review_id;
    INSERT INTO contactpoint.upload OVERRIDING SYSTEM VALUE
    SELECT (jsonb_populate_record(NULL::contactpoint.upload, d.content)).*
    FROM contactpoint.decided_row d WHERE d.review_id = decided.review_id ORDER BY d.upload_id;
    UPDATE contactpoint.settlement s SET outcome = 'hold', child_id = NULL
    FROM contactpoint.decided_row d WHERE d.review_id = decided.review_id AND s.upload_id = d.upload_id;
    DELETE FROM contactpoint.decided_row d WHERE d.review_id = decided.review_id;
    UPDATE contactpoint.review r
    SET decided_at = NULL, decided_by = NULL, decision = NULL, assigned_to = NULL, asked_at = NULL,
        note = concat_ws('; ', r.note, 'undone: ' || _do_undecide.reason),
        due_at = clock_timestamp() + make_interval(days => current_setting('contactpoint.review_days')::int)
    WHERE r.review_id = decided.review_id;
    INSERT INTO contactpoint.held_reference (source, source_ref, review_id)
    VALUES (decided.source, decided.source_ref, decided.review_id);
    -- a candidate may have been shielded since, or have left the registry
    UPDATE contactpoint.review r
    SET shielded = true, score = NULL, authority = contactpoint._authority_of(n.child_id)
    FROM (SELECT c.child_id FROM contactpoint.known_record c
          WHERE c.child_id = ANY (decided.candidates) AND c.shielded ORDER BY c.child_id LIMIT 1) n
    WHERE r.review_id = decided.review_id AND NOT r.shielded;
    IF child IS NOT NULL THEN
        IF decided.decision = 'new' THEN
            PERFORM contactpoint._withdraw(ARRAY[child], 'the decision that made the record was undone');
        END IF;
        PERFORM contactpoint._rekey(child);
        PERFORM contactpoint._note_looks('undecide', reason, child, ARRAY[child], since, decided.source, decided.source_ref, NULL);
    END IF;
    RETURN child;
END
$$;

-- ---------- a whole batch ----------

-- What of a batch is not settled yet, or held, is rejected.
CREATE FUNCTION contactpoint._reject_waiting(rows bigint[], reason text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
BEGIN
    INSERT INTO contactpoint.settlement (upload_id, source, source_ref, batch, outcome)
    SELECT u.upload_id, u.source, u.source_ref, u.batch, 'reject' FROM contactpoint.upload u
    WHERE u.upload_id = ANY (rows)
    ON CONFLICT (upload_id) DO UPDATE SET outcome = 'reject', settled_at = clock_timestamp();
    UPDATE contactpoint.receipt r SET settled_at = clock_timestamp(), waits = false
    WHERE r.upload_id = ANY (rows) AND r.settled_at IS NULL;
    DELETE FROM contactpoint.upload u WHERE u.upload_id = ANY (rows);
    -- other rows may wait in the same reviews
    UPDATE contactpoint.review r SET upload_id = w.upload_id
    FROM (SELECT h.review_id, max(u.upload_id) AS upload_id
          FROM contactpoint.settlement s
          JOIN contactpoint.held_reference h ON h.source = s.source AND h.source_ref = s.source_ref
          JOIN contactpoint.upload u ON u.source = h.source AND u.source_ref = h.source_ref
          JOIN contactpoint.settlement o ON o.upload_id = u.upload_id AND o.outcome = 'hold'
          WHERE s.upload_id = ANY (rows) GROUP BY h.review_id) w
    WHERE r.review_id = w.review_id;
    WITH done AS (
        DELETE FROM contactpoint.held_reference h
        USING contactpoint.settlement s
        WHERE s.upload_id = ANY (rows) AND h.source = s.source AND h.source_ref = s.source_ref
          AND NOT EXISTS (SELECT FROM contactpoint.upload u JOIN contactpoint.settlement o ON o.upload_id = u.upload_id AND o.outcome = 'hold'
                          WHERE u.source = h.source AND u.source_ref = h.source_ref)
        RETURNING h.review_id)
    UPDATE contactpoint.review r
    SET decided_at = clock_timestamp(), decided_by = contactpoint._caller(), decision = 'reject',
        note = concat_ws('; ', r.note, 'the batch was reverted: ' || _reject_waiting.reason)
    FROM done d WHERE r.review_id = d.review_id;
END
$$;
COMMENT ON FUNCTION contactpoint._reject_waiting(bigint[], text) IS 'rejects rows that wait to be settled or are held';

CREATE FUNCTION contactpoint._do_revert_batch(batch text, reason text, source text) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    sources text[];
    rows bigint[];
    waiting bigint[];
    settled bigint[];
    children bigint[];
    made bigint[];
    shown jsonb;
BEGIN
    PERFORM contactpoint._require_role('contactpoint_admin');
    reason := contactpoint._check_text('reason', reason, 500);
    PERFORM contactpoint._require_read_committed();
    PERFORM contactpoint._lock_matching();
    SELECT array_agg(DISTINCT r.source), array_agg(r.upload_id ORDER BY r.upload_id) INTO sources, rows
    FROM contactpoint.receipt r
    WHERE r.batch = _do_revert_batch.batch AND r.source = coalesce(_do_revert_batch.source, r.source);
    IF rows IS NULL THEN
        RAISE EXCEPTION 'there is no such batch'
            USING ERRCODE = 'KC010', HINT = 'Give its name as the source sent it.';
    END IF;
    IF cardinality(sources) > 1 THEN
        RAISE EXCEPTION 'more than one source has sent a batch of that name'
            USING ERRCODE = 'KC010', HINT = 'Name the source: revert_batch(batch, reason, source).';
    END IF;
    waiting := ARRAY(SELECT u.upload_id FROM contactpoint.upload u WHERE u.upload_id = ANY (rows));
    settled := ARRAY(SELECT s.upload_id FROM contactpoint.settlement s WHERE s.upload_id = ANY (rows) AND s.child_id IS NOT NULL);
    IF waiting = '{}' AND settled = '{}' THEN
        RAISE EXCEPTION 'nothing of this batch is left to revert'
            USING ERRCODE = 'KC010', HINT = 'It was reverted, or all of its rows were rejected.';
    END IF;
    children := ARRAY(SELECT DISTINCT s.child_id FROM contactpoint.settlement s WHERE s.upload_id = ANY (settled));
    made := ARRAY(SELECT DISTINCT s.child_id FROM contactpoint.settlement s
                  WHERE s.upload_id = ANY (settled) AND s.outcome = 'new');
    PERFORM contactpoint._name_children(children);
    PERFORM FROM contactpoint.child c WHERE c.child_id = ANY (children) ORDER BY c.child_id FOR UPDATE;
    -- on whose records another child's details may have stood
    shown := (SELECT jsonb_agg(jsonb_build_object('child_id', b.child_id, 'since', b.since))
              FROM (SELECT s.child_id, min(s.settled_at) AS since FROM contactpoint.settlement s
                    WHERE s.upload_id = ANY (settled) AND s.child_id <> ALL (made) GROUP BY s.child_id) b);
    PERFORM contactpoint._reject_waiting(waiting, reason);
    PERFORM contactpoint._take_away(settled);
    PERFORM contactpoint._unsettle(settled, 'undone');
    PERFORM contactpoint._withdraw(made, 'the batch that made the record was reverted');
    PERFORM contactpoint._rekey_batch(children, true);
    PERFORM contactpoint._note_looks('revert', reason, b.child_id, ARRAY[b.child_id], b.since, sources[1], NULL, _do_revert_batch.batch)
    FROM jsonb_to_recordset(shown) AS b (child_id bigint, since timestamptz);
    RETURN cardinality(waiting) + cardinality(settled);
END
$$;

CREATE FUNCTION contactpoint.separate(source text, source_ref text, reason text)
    RETURNS bigint LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_command';
COMMENT ON FUNCTION contactpoint.separate(text, text, text) IS
    'Part a reference from the child it was attached to, with what it brought; its next row does not attach there again. Returns the child; who was shown what is in mistaken_look.';
CREATE FUNCTION contactpoint.undecide(review_id bigint, reason text)
    RETURNS bigint LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_command';
COMMENT ON FUNCTION contactpoint.undecide(bigint, text) IS
    'Take a decision back: its rows wait in the review again, and what they brought leaves the child, which is returned.';
CREATE FUNCTION contactpoint.revert_batch(batch text, reason text, source text DEFAULT NULL)
    RETURNS bigint LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_command';
COMMENT ON FUNCTION contactpoint.revert_batch(text, text, text) IS
    'Undo all that the rows of a batch did (admins): attachments end, records that nobody else has touched go, others stay shielded, held rows are rejected. Returns how many rows.';
