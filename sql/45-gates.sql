-- Gates: uploads of a source are paused, by a person or by the matcher itself, or a
-- first load is under an embargo until the shielding is done.
--
-- Under an embargo nothing of a source shows: a new record is born shielded, and a
-- row that may be about an open record waits (src/birth.c, src/settle.c). So no
-- child is to be seen in the window before it is shielded.
--
-- source.paused_at and source.embargoed_at say how things stand; here it stands who
-- closed a gate and why, and who opened it. By hand only superusers change them.

CREATE TABLE contactpoint.source_gate (
    gate_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source text NOT NULL REFERENCES contactpoint.source,
    kind text NOT NULL CHECK (kind IN ('pause', 'embargo')),
    reason text NOT NULL,
    closed_by name NOT NULL,
    closed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    opened_by name,
    opened_at timestamptz
);
CREATE UNIQUE INDEX source_gate_closed_idx ON contactpoint.source_gate (source, kind) WHERE opened_at IS NULL;
COMMENT ON TABLE contactpoint.source_gate IS 'pauses and embargoes of sources, past and present';
COMMENT ON COLUMN contactpoint.source_gate.gate_id IS 'number of the gate';
COMMENT ON COLUMN contactpoint.source_gate.source IS 'the feed';
COMMENT ON COLUMN contactpoint.source_gate.kind IS 'pause: uploads are refused; embargo: new records are born shielded, rows about open ones wait';
COMMENT ON COLUMN contactpoint.source_gate.reason IS 'why';
COMMENT ON COLUMN contactpoint.source_gate.closed_by IS 'who closed it: a person, or contactpoint matcher';
COMMENT ON COLUMN contactpoint.source_gate.closed_at IS 'when';
COMMENT ON COLUMN contactpoint.source_gate.opened_by IS 'who opened it again; null where a superuser did by hand';
COMMENT ON COLUMN contactpoint.source_gate.opened_at IS 'when, or when that was noticed; null while it is closed';
COMMENT ON INDEX contactpoint.source_gate_closed_idx IS 'the closed gates: one of a kind for each source';
ALTER TABLE contactpoint.shield ADD COLUMN embargoed_source text REFERENCES contactpoint.source;
ALTER TABLE contactpoint.shield ALTER embargoed_source SET STATISTICS 0;
COMMENT ON COLUMN contactpoint.shield.embargoed_source IS
    'the source under whose embargo the record was made: release() lifts this shield; null: of all others';

-- The rows of each source that were settled lately and how many of them were held:
-- the matcher counts up to contactpoint.held_share_rows, then begins anew.
CREATE TABLE contactpoint.source_tally (
    source text PRIMARY KEY REFERENCES contactpoint.source,
    settled int NOT NULL,
    held int NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE contactpoint.source_tally IS 'how many of the latest rows of each source were held';
COMMENT ON COLUMN contactpoint.source_tally.source IS 'the feed';
COMMENT ON COLUMN contactpoint.source_tally.settled IS 'rows counted, held ones among them';
COMMENT ON COLUMN contactpoint.source_tally.held IS 'rows that were held for a person';

CREATE TABLE contactpoint.shielding_said (
    gate_id bigint NOT NULL REFERENCES contactpoint.source_gate,
    organisation_id bigint NOT NULL REFERENCES contactpoint.organisation,
    said_by name NOT NULL,
    said_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (gate_id, organisation_id)
);
COMMENT ON TABLE contactpoint.shielding_said IS 'authorities that have done their shielding before an embargo ends';
COMMENT ON COLUMN contactpoint.shielding_said.gate_id IS 'the embargo';
COMMENT ON COLUMN contactpoint.shielding_said.organisation_id IS 'the authority';
COMMENT ON COLUMN contactpoint.shielding_said.said_by IS 'its manager';
COMMENT ON COLUMN contactpoint.shielding_said.said_at IS 'when';

DO $$
DECLARE
    rel text;
BEGIN
    FOREACH rel IN ARRAY ARRAY['source_gate', 'shielding_said'] LOOP
        EXECUTE format('CREATE POLICY %s_read ON contactpoint.%I FOR SELECT
            TO contactpoint_manager, contactpoint_admin USING (true)', rel, rel);
        EXECUTE format('COMMENT ON POLICY %s_read ON contactpoint.%I IS %L', rel, rel,
            'managers and admins see the gates');
    END LOOP;
END
$$;

CREATE FUNCTION contactpoint._source_guard() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'contactpoint_source_guard';
COMMENT ON FUNCTION contactpoint._source_guard() IS
    'refuses to open or close a gate by hand; wakes the matcher when an embargo ends';
CREATE TRIGGER source_guard BEFORE UPDATE ON contactpoint.source
    FOR EACH ROW EXECUTE FUNCTION contactpoint._source_guard();
ALTER TABLE contactpoint.source ENABLE ALWAYS TRIGGER source_guard;
COMMENT ON TRIGGER source_guard ON contactpoint.source IS
    'refuses to open or close a gate by hand; wakes the matcher when an embargo ends';

-- The source, its row locked against other calls, not against uploads.
CREATE FUNCTION contactpoint._require_source(source text) RETURNS contactpoint.source
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found_source contactpoint.source;
BEGIN
    SELECT s.* INTO found_source FROM contactpoint.source s WHERE s.source = _require_source.source FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no such source'
            USING ERRCODE = 'KC010', HINT = 'See contactpoint.source.';
    END IF;
    RETURN found_source;
END
$$;
COMMENT ON FUNCTION contactpoint._require_source(text) IS 'locks a source''s row; an error if there is none';

CREATE FUNCTION contactpoint._close_gate(source text, kind text, reason text,
        closed_by name DEFAULT contactpoint._caller()) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- one that a superuser has opened by hand
    UPDATE contactpoint.source_gate g SET opened_at = clock_timestamp()
    WHERE g.source = _close_gate.source AND g.kind = _close_gate.kind AND g.opened_at IS NULL;
    INSERT INTO contactpoint.source_gate (source, kind, reason, closed_by)
    VALUES (_close_gate.source, _close_gate.kind, _close_gate.reason, _close_gate.closed_by);
    UPDATE contactpoint.source s
    SET paused_at = CASE _close_gate.kind WHEN 'pause' THEN clock_timestamp() ELSE s.paused_at END,
        embargoed_at = CASE _close_gate.kind WHEN 'embargo' THEN clock_timestamp() ELSE s.embargoed_at END
    WHERE s.source = _close_gate.source;
END
$$;
COMMENT ON FUNCTION contactpoint._close_gate(text, text, text, name) IS 'closes a gate of a source';

CREATE FUNCTION contactpoint._open_gate(source text, kind text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE contactpoint.source_gate g SET opened_by = contactpoint._caller(), opened_at = clock_timestamp()
    WHERE g.source = _open_gate.source AND g.kind = _open_gate.kind AND g.opened_at IS NULL;
    UPDATE contactpoint.source s
    SET paused_at = CASE _open_gate.kind WHEN 'pause' THEN NULL ELSE s.paused_at END,
        embargoed_at = CASE _open_gate.kind WHEN 'embargo' THEN NULL ELSE s.embargoed_at END
    WHERE s.source = _open_gate.source;
END
$$;
COMMENT ON FUNCTION contactpoint._open_gate(text, text) IS 'opens a gate of a source';

-- ---------- pauses: one source, or every one ----------

CREATE FUNCTION contactpoint._do_pause_uploads(source text, reason text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    one contactpoint.source;
    sources text[];
BEGIN
    PERFORM contactpoint._require_role(VARIADIC CASE WHEN source IS NULL THEN ARRAY['contactpoint_admin']::name[]
                                                ELSE ARRAY['contactpoint_manager', 'contactpoint_admin']::name[] END);
    reason := contactpoint._check_text('reason', reason, 500);
    IF source IS NOT NULL THEN
        one := contactpoint._require_source(source);
        PERFORM contactpoint._require_manager_of(one.organisation_id);
    END IF;
    sources := ARRAY(SELECT s.source FROM contactpoint.source s
                     WHERE s.source = coalesce(_do_pause_uploads.source, s.source) AND s.paused_at IS NULL
                     ORDER BY s.source FOR NO KEY UPDATE);
    IF sources = '{}' THEN
        RAISE EXCEPTION 'uploads are paused already'
            USING ERRCODE = 'KC010', HINT = 'See contactpoint.source_gate for who paused them and why.';
    END IF;
    PERFORM contactpoint._close_gate(s, 'pause', reason) FROM unnest(sources) s;
END
$$;

CREATE FUNCTION contactpoint._do_resume_uploads(source text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    one contactpoint.source;
    sources text[];
    reviews bigint[];
    findings bigint[];
BEGIN
    PERFORM contactpoint._require_role(VARIADIC CASE WHEN source IS NULL THEN ARRAY['contactpoint_admin']::name[]
                                                ELSE ARRAY['contactpoint_manager', 'contactpoint_admin']::name[] END);
    IF source IS NOT NULL THEN
        one := contactpoint._require_source(source);
        PERFORM contactpoint._require_manager_of(one.organisation_id);
    END IF;
    sources := ARRAY(SELECT s.source FROM contactpoint.source s
                     WHERE s.source = coalesce(_do_resume_uploads.source, s.source) AND s.paused_at IS NOT NULL
                     ORDER BY s.source FOR NO KEY UPDATE);
    IF sources = '{}' THEN
        RAISE EXCEPTION 'uploads are not paused'
            USING ERRCODE = 'KC010', HINT = 'There is nothing to resume.';
    END IF;
    reviews := ARRAY(SELECT r.review_id FROM contactpoint.review r
                     WHERE r.source = ANY (sources) AND r.decided_at IS NULL AND r.shielded
                     ORDER BY r.review_id);
    findings := ARRAY(SELECT f.finding_id FROM contactpoint.finding f
                      WHERE f.source = ANY (sources) AND f.decided_at IS NULL AND f.at_risk
                      ORDER BY f.finding_id);
    IF reviews <> '{}' OR findings <> '{}' THEN
        RAISE EXCEPTION 'uploads stay paused: % held row(s) and % open record(s) may concern shielded children',
            cardinality(reviews), cardinality(findings)
            USING ERRCODE = 'KC005',
                  DETAIL = concat_ws(' ', 'Reviews: ' || nullif(array_to_string(reviews, ', '), '') || '.',
                                     'Findings: ' || nullif(array_to_string(findings, ', '), '') || '.'),
                  HINT = 'Have these decided first; each waits for its own authority, see reviews_due and uploads_at_risk.';
    END IF;
    PERFORM contactpoint._open_gate(s, 'pause') FROM unnest(sources) s;
END
$$;

-- In 2009 England's feeds were stopped by hand, weeks after they had begun to make
-- second records of shielded children: nobody had been told. So the matcher stops a
-- source itself when too many of its rows are held. It waits for nobody who keeps
-- the row of the source locked, and tries again.
CREATE FUNCTION contactpoint._pause_by_itself(source text) RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    one contactpoint.source;
BEGIN
    SELECT s.* INTO one FROM contactpoint.source s WHERE s.source = _pause_by_itself.source
    FOR NO KEY UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF one.paused_at IS NULL THEN
        PERFORM contactpoint._close_gate(one.source, 'pause', 'too many of its rows are held', 'contactpoint matcher');
        -- anybody may listen, so it says only that something is to be looked at
        PERFORM pg_catalog.pg_notify('contactpoint_gate', '');
    END IF;
    RETURN true;
END
$$;
COMMENT ON FUNCTION contactpoint._pause_by_itself(text) IS
    'pauses a source of which too many rows are held, unless it is paused; false: somebody is at it';

-- ---------- embargo: nothing of a first load shows until the shielding is done ----------

CREATE FUNCTION contactpoint._do_embargo(source text, reason text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    one contactpoint.source;
BEGIN
    PERFORM contactpoint._require_role('contactpoint_manager', 'contactpoint_admin');
    reason := contactpoint._check_text('reason', reason, 500);
    -- rows that are being settled come before the embargo, no others do
    PERFORM contactpoint._lock_matching();
    one := contactpoint._require_source(source);
    PERFORM contactpoint._require_manager_of(one.organisation_id);
    IF one.embargoed_at IS NOT NULL THEN
        RAISE EXCEPTION 'the source is under an embargo already'
            USING ERRCODE = 'KC010', HINT = 'See contactpoint.source_gate for who placed it and why.';
    END IF;
    PERFORM contactpoint._close_gate(source, 'embargo', reason);
END
$$;

-- The embargo of a source; one that was placed by hand gets its row here.
CREATE FUNCTION contactpoint._require_embargo(source text) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    one contactpoint.source := contactpoint._require_source(source);
    gate bigint;
BEGIN
    IF one.embargoed_at IS NULL THEN
        RAISE EXCEPTION 'the source is under no embargo'
            USING ERRCODE = 'KC010', HINT = 'See contactpoint.source.embargoed_at.';
    END IF;
    SELECT g.gate_id INTO gate FROM contactpoint.source_gate g
    WHERE g.source = _require_embargo.source AND g.kind = 'embargo' AND g.opened_at IS NULL;
    IF NOT FOUND THEN
        INSERT INTO contactpoint.source_gate AS g (source, kind, reason, closed_by, closed_at)
        VALUES (source, 'embargo', 'placed by hand', contactpoint._caller(), one.embargoed_at)
        RETURNING g.gate_id INTO gate;
    END IF;
    RETURN gate;
END
$$;
COMMENT ON FUNCTION contactpoint._require_embargo(text) IS 'the gate of a source''s embargo; an error if there is none';

-- Lifts the shields that an embargo placed, no others. A record that shares an
-- address or the contact of a carer with a child that stays shielded would give it
-- away, so its shield stays as a provisional one, and so on from that record.
CREATE FUNCTION contactpoint._lift_embargo(source text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    hidden bigint[] := ARRAY(SELECT DISTINCT s.child_id FROM contactpoint.shield s
                             WHERE s.lifted_at IS NULL AND s.embargoed_source IS NULL);
    opened bigint[];
BEGIN
    WHILE hidden <> '{}' LOOP
        hidden := ARRAY(
            SELECT DISTINCT o.child_id FROM unnest(hidden) h (child_id)
            CROSS JOIN LATERAL contactpoint._places_of(h.child_id) p
            CROSS JOIN LATERAL contactpoint._children_at(p.kind, p.key, 100) o (child_id)
            WHERE p.kind IN ('a', 'c')
              AND EXISTS (SELECT FROM contactpoint.shield s WHERE s.child_id = o.child_id AND s.lifted_at IS NULL
                          AND s.embargoed_source = _lift_embargo.source)
              AND NOT EXISTS (SELECT FROM contactpoint.shield s WHERE s.child_id = o.child_id AND s.lifted_at IS NULL
                              AND s.embargoed_source IS NULL));
        UPDATE contactpoint.shield s
        SET embargoed_source = NULL, provisional = true, reason = 'shares an address or a contact with a shielded child'
        WHERE s.child_id = ANY (hidden) AND s.embargoed_source = _lift_embargo.source AND s.lifted_at IS NULL;
    END LOOP;
    opened := ARRAY(
        SELECT c.child_id FROM contactpoint.child c
        WHERE c.child_id IN (SELECT s.child_id FROM contactpoint.shield s
                             WHERE s.embargoed_source = _lift_embargo.source AND s.lifted_at IS NULL)
        ORDER BY c.child_id FOR UPDATE);
    UPDATE contactpoint.shield s SET lifted_at = clock_timestamp(), lifted_by = contactpoint._caller()
    WHERE s.embargoed_source = _lift_embargo.source AND s.lifted_at IS NULL;
    opened := ARRAY(SELECT o FROM unnest(opened) o WHERE NOT EXISTS
                    (SELECT FROM contactpoint.shield s WHERE s.child_id = o AND s.lifted_at IS NULL) ORDER BY o);
    UPDATE contactpoint.child c SET shielded = false WHERE c.child_id = ANY (opened);
    PERFORM contactpoint._findings_follow(o), contactpoint._rekey(o) FROM unnest(opened) o;
END
$$;
COMMENT ON FUNCTION contactpoint._lift_embargo(text) IS
    'lifts the shields that an embargo placed, but for records that would give a shielded child away';

-- Whose children a source's rows are about: the authorities that its waiting rows
-- name, those responsible for the children it has made under the embargo, and the
-- organisation whose data it is.
CREATE FUNCTION contactpoint._authorities_concerned(source text) RETURNS SETOF bigint
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT s.organisation_id FROM contactpoint.source s WHERE s.source = $1
    UNION
    SELECT u.authority FROM contactpoint.upload u WHERE u.source = $1 AND u.authority IS NOT NULL
    UNION
    SELECT r.organisation_id FROM contactpoint.source s
    JOIN contactpoint.source_link l ON l.source = s.source AND l.linked_at >= s.embargoed_at
    JOIN contactpoint.responsibility r ON r.child_id = l.child_id
    WHERE s.source = $1
$$;
COMMENT ON FUNCTION contactpoint._authorities_concerned(text) IS 'authorities that must have done their shielding before a source is released';

CREATE FUNCTION contactpoint._do_shielding_done(source text, organisation_id bigint) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    gate bigint;
BEGIN
    -- an authority speaks for itself: admins do not
    PERFORM contactpoint._require_role('contactpoint_manager');
    IF organisation_id IS NULL OR NOT EXISTS (SELECT FROM contactpoint.organisation o
                                              WHERE o.organisation_id = _do_shielding_done.organisation_id) THEN
        RAISE EXCEPTION 'there is no such organisation'
            USING ERRCODE = 'KC010', HINT = 'See contactpoint.organisation.';
    END IF;
    IF organisation_id IS DISTINCT FROM contactpoint._caller_organisation()
       AND NOT (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = contactpoint._caller()) THEN
        RAISE EXCEPTION 'only a manager of that authority says that its shielding is done'
            USING ERRCODE = 'KC003', HINT = 'Ask a manager of the authority.';
    END IF;
    gate := contactpoint._require_embargo(source);
    INSERT INTO contactpoint.shielding_said AS d (gate_id, organisation_id, said_by)
    VALUES (gate, _do_shielding_done.organisation_id, contactpoint._caller())
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'that authority has said so already'
            USING ERRCODE = 'KC010', HINT = 'See contactpoint.shielding_said.';
    END IF;
END
$$;

CREATE FUNCTION contactpoint._do_release(source text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    gate bigint;
    waiting text;
BEGIN
    PERFORM contactpoint._require_role('contactpoint_admin');
    PERFORM contactpoint._lock_matching();
    gate := contactpoint._require_embargo(source);
    SELECT string_agg(o.name, ', ' ORDER BY o.name) INTO waiting
    FROM contactpoint._authorities_concerned(_do_release.source) c (organisation_id)
    JOIN contactpoint.organisation o USING (organisation_id)
    WHERE NOT EXISTS (SELECT FROM contactpoint.shielding_said d
                      WHERE d.gate_id = gate AND d.organisation_id = c.organisation_id);
    IF waiting IS NOT NULL THEN
        RAISE EXCEPTION 'the shielding is not done by every authority concerned'
            USING ERRCODE = 'KC010', DETAIL = 'Waiting for: ' || waiting || '.',
                  HINT = 'A manager of each calls contactpoint.shielding_done().';
    END IF;
    PERFORM contactpoint._open_gate(source, 'embargo');
    PERFORM contactpoint._lift_embargo(source);
END
$$;

CREATE FUNCTION contactpoint.pause_uploads(source text, reason text)
    RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_command';
COMMENT ON FUNCTION contactpoint.pause_uploads(text, text) IS
    'Refuse uploads of a source from now on; null: of every source (admins).';
CREATE FUNCTION contactpoint.resume_uploads(source text)
    RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_command';
COMMENT ON FUNCTION contactpoint.resume_uploads(text) IS
    'Take uploads of a source again, unless held rows or open records of it may concern shielded children; null: of every source (admins).';
CREATE FUNCTION contactpoint.embargo(source text, reason text)
    RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_command';
COMMENT ON FUNCTION contactpoint.embargo(text, text) IS
    'Let nothing of a source show until the shielding is done: new records are born shielded, rows about open ones wait.';
CREATE FUNCTION contactpoint.shielding_done(source text, organisation_id bigint)
    RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_command';
COMMENT ON FUNCTION contactpoint.shielding_done(text, bigint) IS
    'Say, as a manager of the authority, that its shielding is done as far as a source under embargo goes.';
CREATE FUNCTION contactpoint.release(source text)
    RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_command';
COMMENT ON FUNCTION contactpoint.release(text) IS
    'End an embargo, once every authority concerned has done its shielding: its shields go, its rows are settled (admins).';

CREATE VIEW contactpoint.upload_receipt WITH (security_barrier) AS
    WITH mine AS MATERIALIZED (
        SELECT s.source, s.embargoed_at FROM contactpoint.source s WHERE contactpoint._has_role(s.feed_role)),
    embargo AS MATERIALIZED (
        SELECT g.source, g.closed_at, coalesce(g.opened_at, 'infinity') AS opened_at,
               CASE WHEN g.opened_at IS NOT NULL AND bool_and(r.settled_at IS NOT NULL) THEN max(r.settled_at) END AS settled_at
        FROM mine m
        JOIN contactpoint.source_gate g ON g.source = m.source AND g.kind = 'embargo'
        JOIN contactpoint.receipt r ON r.source = g.source AND r.received_at < coalesce(g.opened_at, 'infinity')
             AND (r.settled_at IS NULL OR r.settled_at >= g.closed_at)
        GROUP BY g.gate_id, g.source, g.closed_at, g.opened_at),
    told AS (
        SELECT r.source, r.source_ref, r.batch, r.received_at,
               CASE WHEN r.settled_at >= m.embargoed_at THEN NULL
                    WHEN e.source IS NOT NULL THEN e.settled_at
                    ELSE r.settled_at END AS settled_at
        FROM mine m
        JOIN contactpoint.receipt r ON r.source = m.source
        LEFT JOIN LATERAL (
            SELECT e.source, CASE WHEN bool_and(e.settled_at IS NOT NULL) THEN max(e.settled_at) END AS settled_at
            FROM embargo e
            WHERE e.source = r.source AND r.received_at < e.opened_at AND r.settled_at >= e.closed_at
            GROUP BY e.source) e ON true)
    SELECT t.source, t.source_ref, t.batch,
           date_bin('1 minute', t.received_at, 'epoch') AS received_at,
           CASE WHEN t.settled_at < date_bin('1 minute', clock_timestamp(), 'epoch')
                THEN date_bin('1 minute', t.settled_at, 'epoch') + interval '1 minute' END AS settled_at
    FROM told t;
COMMENT ON VIEW contactpoint.upload_receipt IS
    'receipts of the caller''s own feeds: received and settled, never the outcome';
