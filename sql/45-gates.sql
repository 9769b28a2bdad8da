-- Gates: uploads of a source are paused, or a first load waits under an embargo
-- until the shielding is done.
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
COMMENT ON COLUMN contactpoint.source_gate.kind IS 'pause: uploads are refused; embargo: rows wait in the inbox';
COMMENT ON COLUMN contactpoint.source_gate.reason IS 'why';
COMMENT ON COLUMN contactpoint.source_gate.closed_by IS 'who closed it';
COMMENT ON COLUMN contactpoint.source_gate.closed_at IS 'when';
COMMENT ON COLUMN contactpoint.source_gate.opened_by IS 'who opened it again; null where a superuser did by hand';
COMMENT ON COLUMN contactpoint.source_gate.opened_at IS 'when, or when that was noticed; null while it is closed';
COMMENT ON INDEX contactpoint.source_gate_closed_idx IS 'the closed gates: one of a kind for each source';

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
        EXECUTE format('ALTER TABLE contactpoint.%I ENABLE ROW LEVEL SECURITY', rel);
        EXECUTE format('ALTER TABLE contactpoint.%I FORCE ROW LEVEL SECURITY', rel);
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

CREATE FUNCTION contactpoint._close_gate(source text, kind text, reason text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- one that a superuser has opened by hand
    UPDATE contactpoint.source_gate g SET opened_at = clock_timestamp()
    WHERE g.source = _close_gate.source AND g.kind = _close_gate.kind AND g.opened_at IS NULL;
    INSERT INTO contactpoint.source_gate (source, kind, reason, closed_by)
    VALUES (_close_gate.source, _close_gate.kind, _close_gate.reason, contactpoint._caller());
    UPDATE contactpoint.source s
    SET paused_at = CASE _close_gate.kind WHEN 'pause' THEN clock_timestamp() ELSE s.paused_at END,
        embargoed_at = CASE _close_gate.kind WHEN 'embargo' THEN clock_timestamp() ELSE s.embargoed_at END
    WHERE s.source = _close_gate.source;
END
$$;
COMMENT ON FUNCTION contactpoint._close_gate(text, text, text) IS 'closes a gate of a source';

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

-- ---------- embargo: a first load waits until the shielding is done ----------

CREATE FUNCTION contactpoint._do_embargo(source text, reason text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    one contactpoint.source;
BEGIN
    PERFORM contactpoint._require_role('contactpoint_manager', 'contactpoint_admin');
    reason := contactpoint._check_text('reason', reason, 500);
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
    'Let the rows of a source wait in the inbox until the shielding is done.';
CREATE FUNCTION contactpoint.shielding_done(source text, organisation_id bigint)
    RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_command';
COMMENT ON FUNCTION contactpoint.shielding_done(text, bigint) IS
    'Say, as a manager of the authority, that its shielding is done as far as a source under embargo goes.';
CREATE FUNCTION contactpoint.release(source text)
    RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_command';
COMMENT ON FUNCTION contactpoint.release(text) IS
    'End an embargo, once every authority concerned has done its shielding (admins).';
