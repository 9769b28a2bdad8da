-- Sweeping: what earlier rules let through is found again and waits for a
-- person.
--
-- A finding is a pair of records that may be one child. Where one of the two is
-- shielded it is for the managers of that child's authority alone, as a review
-- is: others would learn where a shielded child lives. Findings of both kinds
-- lie in one table, so that its counters tell neither apart.

CREATE TABLE contactpoint.finding (
    finding_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    authority bigint REFERENCES contactpoint.organisation,
    candidates bigint[] NOT NULL,
    shielded boolean NOT NULL,
    at_risk boolean NOT NULL,
    score real,
    source text,
    source_ref text,
    found_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at timestamptz NOT NULL,
    decided_at timestamptz,
    decided_by name,
    note text
);
COMMENT ON TABLE contactpoint.finding IS 'pairs of records that may be one child, found by sweep(); see findings_due and uploads_at_risk';
COMMENT ON COLUMN contactpoint.finding.finding_id IS 'number of the finding';
COMMENT ON COLUMN contactpoint.finding.authority IS
    'whose managers decide: of a shielded record its own authority, else that of the record that came later; null: admins';
COMMENT ON COLUMN contactpoint.finding.candidates IS
    'the two records: the one that may be too many, then the one it may be a second record of';
COMMENT ON COLUMN contactpoint.finding.shielded IS 'one of the two is shielded';
COMMENT ON COLUMN contactpoint.finding.at_risk IS 'the first is open and the second shielded';
COMMENT ON COLUMN contactpoint.finding.score IS
    'bits of evidence, of public names alone; null near a shielded record, where it would tell of hidden fields';
COMMENT ON COLUMN contactpoint.finding.source IS 'the feed that the first record came from; null: made by hand';
COMMENT ON COLUMN contactpoint.finding.source_ref IS 'the feed''s reference for it';
COMMENT ON COLUMN contactpoint.finding.found_at IS 'when it was found';
COMMENT ON COLUMN contactpoint.finding.due_at IS 'until when it should be decided';
COMMENT ON COLUMN contactpoint.finding.decided_at IS 'when it was dismissed, null while it waits';
COMMENT ON COLUMN contactpoint.finding.decided_by IS 'who dismissed it, or brought it up again';
COMMENT ON COLUMN contactpoint.finding.note IS 'why';
COMMENT ON SEQUENCE contactpoint.finding_finding_id_seq IS 'numbers of findings';

-- Which pairs were found before, whatever became of them: apart from the
-- findings, so that no index on these can be reached by a manager's query.
CREATE TABLE contactpoint.finding_pair (
    child_id bigint NOT NULL,
    other_id bigint NOT NULL,
    finding_id bigint NOT NULL REFERENCES contactpoint.finding,
    PRIMARY KEY (child_id, other_id),
    CHECK (child_id < other_id)
);
CREATE INDEX finding_pair_other_id_idx ON contactpoint.finding_pair (other_id);
COMMENT ON TABLE contactpoint.finding_pair IS 'pairs of records that a sweep has found, each once; they are not found again';
COMMENT ON COLUMN contactpoint.finding_pair.child_id IS 'the lower number';
COMMENT ON COLUMN contactpoint.finding_pair.other_id IS 'the higher one';
COMMENT ON COLUMN contactpoint.finding_pair.finding_id IS 'the finding';
COMMENT ON INDEX contactpoint.finding_pair_other_id_idx IS 'findings of one record';

ALTER TABLE contactpoint.finding
    ALTER candidates SET STATISTICS 0, ALTER shielded SET STATISTICS 0, ALTER at_risk SET STATISTICS 0,
    ALTER score SET STATISTICS 0, ALTER source_ref SET STATISTICS 0, ALTER note SET STATISTICS 0;
ALTER TABLE contactpoint.finding_pair ALTER child_id SET STATISTICS 0, ALTER other_id SET STATISTICS 0;

-- Which shielded record it is: an admin who keeps the feeds need not know.
CREATE FUNCTION contactpoint._may_see_which(authority bigint) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
    SELECT contactpoint._has_role('contactpoint_manager')
       AND ($1 = contactpoint._caller_organisation()
            OR EXISTS (SELECT FROM pg_roles r WHERE r.rolname = contactpoint._caller() AND r.rolsuper))
$$;
COMMENT ON FUNCTION contactpoint._may_see_which(bigint) IS
    'may the caller see which shielded record of this authority a finding is about?';

CREATE VIEW contactpoint.findings_due WITH (security_barrier) AS
    SELECT f.finding_id, f.authority,
           CASE WHEN NOT f.shielded OR contactpoint._may_see_which(f.authority) THEN f.candidates
                ELSE f.candidates[1:1] END AS candidates,
           f.at_risk, f.score, f.source, f.source_ref, f.found_at, f.due_at, f.due_at < now() AS late
    FROM contactpoint.finding f
    WHERE f.decided_at IS NULL
    ORDER BY f.at_risk DESC, f.due_at, f.finding_id;
COMMENT ON VIEW contactpoint.findings_due IS
    'records that may be one child and wait for a person: those near shielded children first, these for their authority''s managers only';
COMMENT ON COLUMN contactpoint.findings_due.candidates IS
    'the record that may be too many, then the one it may be a second record of; a shielded one only for managers of its authority';

CREATE VIEW contactpoint.uploads_at_risk WITH (security_barrier) AS
    SELECT f.finding_id, f.candidates[1] AS child_id, f.source, f.source_ref, f.authority,
           CASE WHEN contactpoint._may_see_which(f.authority) THEN f.candidates[2] END AS shielded_child_id,
           f.found_at, f.due_at, f.due_at < now() AS late
    FROM contactpoint.finding f
    WHERE f.at_risk AND f.decided_at IS NULL
    ORDER BY f.due_at, f.finding_id;
COMMENT ON VIEW contactpoint.uploads_at_risk IS
    'open records that may be about a shielded child, with the reference they came from; which child only its authority''s managers see';
COMMENT ON COLUMN contactpoint.uploads_at_risk.child_id IS 'the open record';
COMMENT ON COLUMN contactpoint.uploads_at_risk.source IS 'the feed it came from; null: made by hand';
COMMENT ON COLUMN contactpoint.uploads_at_risk.source_ref IS 'the feed''s reference for it';
COMMENT ON COLUMN contactpoint.uploads_at_risk.shielded_child_id IS 'the shielded record, null for those who may not see which';

-- ---------- noting ----------

CREATE FUNCTION contactpoint._came_from(child_id bigint, OUT source text, OUT source_ref text)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT o.source, o.source_ref
    FROM (SELECT s.source, s.source_ref, 1 AS place, s.settled_at AS at FROM contactpoint.settlement s
          WHERE s.child_id = $1 AND s.outcome = 'new'
          UNION ALL
          SELECT l.source, l.source_ref, 2, l.linked_at FROM contactpoint.source_link l WHERE l.child_id = $1) o
    ORDER BY o.place, o.at, o.source, o.source_ref LIMIT 1
$$;
COMMENT ON FUNCTION contactpoint._came_from(bigint) IS 'the reference whose row made a record; without one, its first reference';

CREATE FUNCTION contactpoint._note_findings(records bigint[], others bigint[], scores real[], unless_told_apart boolean[])
    RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    pair record;
    number bigint;
BEGIN
    PERFORM contactpoint._lock_matching();
    FOR pair IN
        WITH found AS (
            SELECT least(p.one, p.two) AS low, greatest(p.one, p.two) AS high, max(p.score) AS score, bool_and(p.unless) AS unless
            FROM unnest(records, others, scores, unless_told_apart) AS p (one, two, score, unless)
            GROUP BY 1, 2
        ), decided AS MATERIALIZED (
            -- rows that a person made a record of although these were shown
            SELECT s.child_id, unnest(r.candidates) AS other_id
            FROM contactpoint.settlement s JOIN contactpoint.review r ON r.upload_id = s.upload_id
            WHERE s.child_id = ANY (records || others) AND r.decision = 'new'
            UNION ALL
            -- records whose references a person has parted from these
            SELECT l.child_id, m.child_id FROM contactpoint.remembered m
            JOIN contactpoint.source_link l ON l.source = m.source AND l.source_ref = m.source_ref
            WHERE m.verdict = 'apart' AND m.child_id = ANY (records || others)
        )
        SELECT a.child_id AS low, b.child_id AS high, a.shielded AS low_shielded, b.shielded AS high_shielded, f.score,
               coalesce((SELECT min(l.linked_at) FROM contactpoint.source_link l WHERE l.child_id = a.child_id), '-infinity')
               > coalesce((SELECT min(l.linked_at) FROM contactpoint.source_link l WHERE l.child_id = b.child_id), '-infinity')
               AS low_is_later
        FROM found f
        JOIN contactpoint.known_record a ON a.child_id = f.low
        JOIN contactpoint.known_record b ON b.child_id = f.high
        WHERE NOT (a.shielded AND b.shielded)
          -- no two findings lead to two numbers of one child
          AND NOT EXISTS (
                SELECT FROM (VALUES (f.low, f.high), (f.high, f.low)) v (record, other)
                JOIN contactpoint.former_identity i
                    ON i.present = v.other OR i.present = (SELECT j.present FROM contactpoint.former_identity j WHERE j.child_id = v.other)
                   AND i.made_at < (SELECT j.made_at FROM contactpoint.former_identity j WHERE j.child_id = v.other)
                JOIN found g ON g.low = least(v.record, i.child_id) AND g.high = greatest(v.record, i.child_id))
          AND NOT EXISTS (SELECT FROM contactpoint.finding_pair p WHERE p.child_id = f.low AND p.other_id = f.high)
          AND NOT EXISTS (SELECT FROM decided d
                          WHERE (d.child_id = f.low AND d.other_id = f.high) OR (d.child_id = f.high AND d.other_id = f.low))
          AND NOT (f.unless AND EXISTS (
                SELECT FROM contactpoint.source_link l
                JOIN contactpoint.source_link m ON m.source = l.source AND m.source_ref <> l.source_ref
                WHERE l.child_id = f.low AND m.child_id = f.high))
        ORDER BY 1, 2
    LOOP
        INSERT INTO contactpoint.finding AS g (candidates, shielded, at_risk, score, due_at)
        VALUES (CASE WHEN pair.high_shielded OR (pair.low_is_later AND NOT pair.low_shielded)
                     THEN ARRAY[pair.low, pair.high] ELSE ARRAY[pair.high, pair.low] END,
                pair.low_shielded OR pair.high_shielded, pair.low_shielded OR pair.high_shielded,
                CASE WHEN NOT (pair.low_shielded OR pair.high_shielded) THEN pair.score END,
                clock_timestamp() + make_interval(days => current_setting('contactpoint.review_days')::int))
        RETURNING g.finding_id INTO number;
        INSERT INTO contactpoint.finding_pair (child_id, other_id, finding_id) VALUES (pair.low, pair.high, number);
        UPDATE contactpoint.finding g
        SET (source, source_ref) = (SELECT o.source, o.source_ref FROM contactpoint._came_from(g.candidates[1]) o),
            authority = CASE WHEN g.shielded THEN contactpoint._authority_of(g.candidates[2])
                             ELSE coalesce(contactpoint._authority_of(g.candidates[1]),
                                           (SELECT s.organisation_id FROM contactpoint._came_from(g.candidates[1]) o
                                            JOIN contactpoint.source s ON s.source = o.source),
                                           contactpoint._authority_of(g.candidates[2])) END
        WHERE g.finding_id = number;
    END LOOP;
END
$$;
COMMENT ON FUNCTION contactpoint._note_findings(bigint[], bigint[], real[], boolean[]) IS
    'notes pairs of records that may be one child, unless they were found or decided before';

-- A shield came or went: whose a finding is follows at once.
CREATE FUNCTION contactpoint._findings_follow(child_id bigint) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE contactpoint.finding f
    SET candidates = ARRAY[n.open_one, n.other], shielded = n.any_shielded, at_risk = n.one_shielded,
        score = CASE WHEN NOT n.any_shielded THEN f.score END,
        (source, source_ref) = (SELECT o.source, o.source_ref FROM contactpoint._came_from(n.open_one) o),
        authority = CASE WHEN n.one_shielded THEN contactpoint._authority_of(n.other)
                         WHEN n.any_shielded AND NOT f.shielded THEN contactpoint._authority_of(_findings_follow.child_id)
                         ELSE f.authority END
    FROM (SELECT g.finding_id,
                 CASE WHEN a.shielded AND NOT b.shielded THEN b.child_id ELSE a.child_id END AS open_one,
                 CASE WHEN a.shielded AND NOT b.shielded THEN a.child_id ELSE b.child_id END AS other,
                 a.shielded OR b.shielded AS any_shielded, a.shielded <> b.shielded AS one_shielded
          FROM contactpoint.finding_pair p
          JOIN contactpoint.finding g ON g.finding_id = p.finding_id AND g.decided_at IS NULL
          JOIN contactpoint.known_record a ON a.child_id = g.candidates[1]
          JOIN contactpoint.known_record b ON b.child_id = g.candidates[2]
          WHERE p.child_id = _findings_follow.child_id OR p.other_id = _findings_follow.child_id) n
    WHERE f.finding_id = n.finding_id;
END
$$;
COMMENT ON FUNCTION contactpoint._findings_follow(bigint) IS
    'makes the findings about a record follow its shield: authority, order, score';

-- ---------- the interface ----------

CREATE FUNCTION contactpoint._await_job(job text, timeout interval) RETURNS boolean
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_await_job';
COMMENT ON FUNCTION contactpoint._await_job(text, interval) IS
    'asks for a run of a job and waits for its end; false: it goes on in the background';

CREATE FUNCTION contactpoint._do_sweep(timeout interval) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM contactpoint._require_role('contactpoint_manager', 'contactpoint_admin');
    IF NOT contactpoint._await_job('sweep', coalesce(timeout, '0')) THEN
        RAISE NOTICE 'the sweep goes on in the background' USING HINT = 'See contactpoint.progress.';
        RETURN NULL;
    END IF;
    RETURN (SELECT count(*) FROM contactpoint.finding f
            WHERE f.decided_at IS NULL
              AND CASE WHEN f.authority IS NULL THEN contactpoint._has_role('contactpoint_admin')
                       ELSE contactpoint._manages(f.authority) END);
END
$$;
CREATE FUNCTION contactpoint.sweep(timeout interval DEFAULT '10 minutes')
    RETURNS bigint LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_command';
COMMENT ON FUNCTION contactpoint.sweep(interval) IS
    'Look for records that may be a second record of a known child, in the background; waits for the end and returns how many findings wait for the caller, null after the timeout.';

CREATE FUNCTION contactpoint._decide_finding(finding_id bigint, note text, dismiss boolean) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    noted contactpoint.finding;
BEGIN
    PERFORM contactpoint._require_role('contactpoint_manager');
    PERFORM contactpoint._lock_matching();
    SELECT f.* INTO noted FROM contactpoint.finding f WHERE f.finding_id = _decide_finding.finding_id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no such finding'
            USING ERRCODE = 'KC010', HINT = 'See contactpoint.findings_due.';
    END IF;
    IF NOT contactpoint._may_see_which(noted.authority) AND (noted.shielded OR NOT contactpoint._manages(noted.authority)) THEN
        RAISE EXCEPTION 'only managers of the responsible authority may do this'
            USING ERRCODE = 'KC003', HINT = 'Ask a manager of the authority that is responsible for the record.';
    END IF;
    IF (noted.decided_at IS NULL) <> dismiss THEN
        RAISE EXCEPTION '%', CASE WHEN dismiss THEN 'this finding is dismissed' ELSE 'this finding is not dismissed' END
            USING ERRCODE = 'KC010', HINT = 'See contactpoint.findings_due for those that wait.';
    END IF;
    UPDATE contactpoint.finding f
    SET decided_at = CASE WHEN dismiss THEN clock_timestamp() END, decided_by = contactpoint._caller(),
        note = contactpoint._check_text('note', _decide_finding.note, 2000)
    WHERE f.finding_id = noted.finding_id;
    IF NOT dismiss THEN
        PERFORM contactpoint._findings_follow(noted.candidates[1]);
    END IF;
    RETURN noted.candidates[1];
END
$$;
COMMENT ON FUNCTION contactpoint._decide_finding(bigint, text, boolean) IS
    'dismisses a finding or brings it up again; returns the first of its records';

CREATE FUNCTION contactpoint._do_dismiss_finding(finding_id bigint, note text) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS 'SELECT contactpoint._decide_finding($1, $2, true)';
CREATE FUNCTION contactpoint.dismiss_finding(finding_id bigint, note text)
    RETURNS bigint LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_command';
COMMENT ON FUNCTION contactpoint.dismiss_finding(bigint, text) IS
    'Say why the two records of a finding are two children; it is not found again. Returns the first of them.';
CREATE FUNCTION contactpoint._do_reopen_finding(finding_id bigint, note text) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS 'SELECT contactpoint._decide_finding($1, $2, false)';
CREATE FUNCTION contactpoint.reopen_finding(finding_id bigint, note text)
    RETURNS bigint LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_command';
COMMENT ON FUNCTION contactpoint.reopen_finding(bigint, text) IS
    'Bring a dismissed finding up again. Returns the first of its records.';
