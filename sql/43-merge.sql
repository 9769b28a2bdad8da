-- Merging: two records turn out to be one child, or one record turns out to be two.
--
-- One of the two numbers stays. The other leaves child with its row; all that
-- hung on it hangs on the one that stays, and what it was is kept, for nobody to
-- read, until the merge is undone or the archive forgets it.
--
-- A merge keeps the stricter shield. If one of the two is shielded both are
-- before any detail moves, so that every row goes from vault to vault; what a
-- person asked for one of them, to lift or to grant, does not hold for both.
-- Undone, both are shielded until somebody has looked at them again.

CREATE TABLE contactpoint.merge_log (
    merge_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    child_id bigint NOT NULL,
    into_child_id bigint NOT NULL,
    authority bigint REFERENCES contactpoint.organisation,
    reason text NOT NULL,
    merged_by name NOT NULL,
    merged_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    undone_by name,
    undone_at timestamptz,
    undo_reason text
);
COMMENT ON TABLE contactpoint.merge_log IS 'records that were merged, for the managers of the record that stayed';
COMMENT ON COLUMN contactpoint.merge_log.merge_id IS 'number of the merge, for unmerge()';
COMMENT ON COLUMN contactpoint.merge_log.child_id IS 'the number that went';
COMMENT ON COLUMN contactpoint.merge_log.into_child_id IS 'the number that stayed';
COMMENT ON COLUMN contactpoint.merge_log.authority IS 'the authority whose managers see this row: that of the record that stayed';
COMMENT ON COLUMN contactpoint.merge_log.reason IS 'why';
COMMENT ON COLUMN contactpoint.merge_log.merged_by IS 'who';
COMMENT ON COLUMN contactpoint.merge_log.merged_at IS 'when';
COMMENT ON COLUMN contactpoint.merge_log.undone_by IS 'who undid it';
COMMENT ON COLUMN contactpoint.merge_log.undone_at IS 'when it was undone, null while it stands';
COMMENT ON COLUMN contactpoint.merge_log.undo_reason IS 'why it was undone';

-- Found by number here, so that no index on merge_log can be reached by a
-- manager's query.
CREATE TABLE contactpoint.merged_record (
    merge_id bigint PRIMARY KEY REFERENCES contactpoint.merge_log,
    child_id bigint NOT NULL,
    into_child_id bigint NOT NULL,
    given_names text NOT NULL,
    family_name text NOT NULL,
    sex text NOT NULL,
    date_of_birth date NOT NULL,
    kept jsonb NOT NULL
);
CREATE INDEX merged_record_child_id_idx ON contactpoint.merged_record (child_id);
CREATE INDEX merged_record_into_child_id_idx ON contactpoint.merged_record (into_child_id);
COMMENT ON TABLE contactpoint.merged_record IS 'what a record was before it was merged, so that it can be undone; read by nobody';
COMMENT ON COLUMN contactpoint.merged_record.merge_id IS 'the merge';
COMMENT ON COLUMN contactpoint.merged_record.child_id IS 'the number that went';
COMMENT ON COLUMN contactpoint.merged_record.into_child_id IS 'the number that stayed';
COMMENT ON COLUMN contactpoint.merged_record.given_names IS 'given names of the record that went';
COMMENT ON COLUMN contactpoint.merged_record.family_name IS 'its family name';
COMMENT ON COLUMN contactpoint.merged_record.sex IS 'F, M or U';
COMMENT ON COLUMN contactpoint.merged_record.date_of_birth IS 'its date of birth';
COMMENT ON COLUMN contactpoint.merged_record.kept IS 'its details, and the numbers of all rows that hung on it';
COMMENT ON INDEX contactpoint.merged_record_child_id_idx IS 'merges by the number that went';
COMMENT ON INDEX contactpoint.merged_record_into_child_id_idx IS 'merges by the number that stayed';

-- Records of two authorities are merged by a manager of each.
CREATE TABLE contactpoint.merge_request (
    request_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    child_id bigint NOT NULL,
    into_child_id bigint NOT NULL,
    authority bigint REFERENCES contactpoint.organisation,
    reason text NOT NULL,
    requested_by name NOT NULL,
    organisation_id bigint REFERENCES contactpoint.organisation,
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    lapses_at timestamptz NOT NULL
);
COMMENT ON TABLE contactpoint.merge_request IS 'merges that a manager of one authority asked for and that wait for one of the other';
COMMENT ON COLUMN contactpoint.merge_request.request_id IS 'number of the request';
COMMENT ON COLUMN contactpoint.merge_request.child_id IS 'the record that is to go';
COMMENT ON COLUMN contactpoint.merge_request.into_child_id IS 'the record that is to stay';
COMMENT ON COLUMN contactpoint.merge_request.authority IS 'the authority whose managers see this row and may call merge() with the same numbers';
COMMENT ON COLUMN contactpoint.merge_request.reason IS 'why';
COMMENT ON COLUMN contactpoint.merge_request.requested_by IS 'who asked';
COMMENT ON COLUMN contactpoint.merge_request.organisation_id IS 'for whom that person works';
COMMENT ON COLUMN contactpoint.merge_request.requested_at IS 'when';
COMMENT ON COLUMN contactpoint.merge_request.lapses_at IS 'after this moment it counts no more';

ALTER TABLE contactpoint.merge_log ALTER child_id SET STATISTICS 0, ALTER into_child_id SET STATISTICS 0,
    ALTER reason SET STATISTICS 0, ALTER undo_reason SET STATISTICS 0;
ALTER TABLE contactpoint.merge_request ALTER child_id SET STATISTICS 0, ALTER into_child_id SET STATISTICS 0,
    ALTER reason SET STATISTICS 0;
ALTER TABLE contactpoint.merged_record ALTER child_id SET STATISTICS 0, ALTER into_child_id SET STATISTICS 0,
    ALTER given_names SET STATISTICS 0, ALTER family_name SET STATISTICS 0, ALTER sex SET STATISTICS 0,
    ALTER date_of_birth SET STATISTICS 0, ALTER kept SET STATISTICS 0;

-- What moves from record to record must be all there is: a snapshot of the
-- transaction might leave out what was committed since.
CREATE FUNCTION contactpoint._require_read_committed() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RAISE EXCEPTION 'records are merged and parted at isolation level read committed only'
            USING ERRCODE = 'KC010', HINT = 'BEGIN ISOLATION LEVEL READ COMMITTED.';
    END IF;
END
$$;
COMMENT ON FUNCTION contactpoint._require_read_committed() IS 'an error where the transaction keeps one snapshot';

-- All details of a record, as they must read when they are compared again: times
-- are written in UTC.
CREATE FUNCTION contactpoint._facts_of(child_id bigint) RETURNS jsonb
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC' AS $$
    SELECT jsonb_build_object(
        'address', (SELECT coalesce(jsonb_agg(to_jsonb(d) - 'child_id' - 'shielded'), '[]') FROM contactpoint.address d WHERE d.child_id = $1),
        'carer', (SELECT coalesce(jsonb_agg(to_jsonb(d) - 'child_id' - 'shielded'), '[]') FROM contactpoint.carer d WHERE d.child_id = $1),
        'involvement', (SELECT coalesce(jsonb_agg(to_jsonb(d) - 'child_id' - 'shielded'), '[]') FROM contactpoint.involvement d WHERE d.child_id = $1),
        'identifier', (SELECT coalesce(jsonb_agg(to_jsonb(d) - 'child_id' - 'shielded'), '[]') FROM contactpoint.identifier d WHERE d.child_id = $1),
        'responsibility', (SELECT coalesce(jsonb_agg(to_jsonb(d) - 'child_id' - 'shielded'), '[]') FROM contactpoint.responsibility d WHERE d.child_id = $1),
        'alias', (SELECT coalesce(jsonb_agg(to_jsonb(d) - 'child_id'), '[]') FROM contactpoint.alias d WHERE d.child_id = $1))
$$;
COMMENT ON FUNCTION contactpoint._facts_of(bigint) IS 'all details of a record, with its aliases';

-- The rows that hang on a record, by their numbers.
CREATE FUNCTION contactpoint._rows_of(child_id bigint) RETURNS jsonb
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC' AS $$
    SELECT jsonb_build_object(
        'source_link', (SELECT coalesce(jsonb_agg(jsonb_build_object('source', l.source, 'source_ref', l.source_ref)), '[]')
                        FROM contactpoint.source_link l WHERE l.child_id = $1),
        'settlement', (SELECT coalesce(jsonb_agg(s.upload_id), '[]') FROM contactpoint.settlement s WHERE s.child_id = $1),
        'shield', (SELECT coalesce(jsonb_agg(s.shield_id), '[]') FROM contactpoint.shield s WHERE s.child_id = $1),
        'unshield_request', (SELECT coalesce(jsonb_agg(r.request_id), '[]') FROM contactpoint.unshield_request r WHERE r.child_id = $1),
        'access_grant', (SELECT coalesce(jsonb_agg(jsonb_build_object('grantee', g.grantee, 'granted_at', g.granted_at)), '[]')
                         FROM contactpoint.access_grant g WHERE g.child_id = $1),
        'shield_alert', (SELECT coalesce(jsonb_agg(a.alert_id), '[]') FROM contactpoint.shield_alert a WHERE a.child_id = $1),
        'remembered', (SELECT coalesce(jsonb_agg(m.remembered_id), '[]') FROM contactpoint.remembered m WHERE m.child_id = $1),
        'review', (SELECT coalesce(jsonb_agg(jsonb_build_object('review_id', r.review_id, 'candidates', r.candidates)), '[]')
                   FROM contactpoint.review r WHERE $1 = ANY (r.candidates)),
        'finding', (SELECT coalesce(jsonb_agg(jsonb_build_object('finding_id', p.finding_id,
                            'other', CASE WHEN p.child_id = $1 THEN p.other_id ELSE p.child_id END,
                            'waits', f.decided_at IS NULL)), '[]')
                    FROM contactpoint.finding_pair p JOIN contactpoint.finding f ON f.finding_id = p.finding_id
                    WHERE p.child_id = $1 OR p.other_id = $1))
$$;
COMMENT ON FUNCTION contactpoint._rows_of(bigint) IS 'the numbers of the rows that hang on a record';

CREATE FUNCTION contactpoint._numbers(list jsonb) RETURNS bigint[]
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS
    'SELECT coalesce(array_agg(e::bigint), ''{}'') FROM jsonb_array_elements_text($1) e';
COMMENT ON FUNCTION contactpoint._numbers(jsonb) IS 'the numbers of a list';

-- ---------- who may ----------

-- May the caller merge these two now? A record that is not shielded goes into a
-- shielded one, or takes its number, by the word of the shielded one's authority
-- alone: the other must not learn whom its record was about. Otherwise records of
-- two authorities need a manager of each.
CREATE FUNCTION contactpoint._may_merge(gone contactpoint.child, stays contactpoint.child, reason text) RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    mine contactpoint.child := gone;
    other contactpoint.child := stays;
BEGIN
    IF NOT contactpoint._manages_child(mine.child_id) THEN
        mine := stays;
        other := gone;
        IF NOT contactpoint._manages_child(mine.child_id) THEN
            RAISE EXCEPTION 'only managers of the responsible authority may do this'
                USING ERRCODE = 'KC003', HINT = 'Ask a manager of the authority that is responsible for one of the records.';
        END IF;
    END IF;
    IF contactpoint._manages_child(other.child_id) OR (mine.shielded AND NOT other.shielded) THEN
        RETURN true;
    END IF;
    DELETE FROM contactpoint.merge_request r
    WHERE gone.child_id IN (r.child_id, r.into_child_id) AND stays.child_id IN (r.child_id, r.into_child_id)
      AND r.organisation_id IS DISTINCT FROM contactpoint._caller_organisation()
      AND r.organisation_id = contactpoint._authority_of(other.child_id) AND r.lapses_at > clock_timestamp();
    IF FOUND THEN
        RETURN true;
    END IF;
    DELETE FROM contactpoint.merge_request r
    WHERE r.child_id = gone.child_id AND r.into_child_id = stays.child_id
      AND r.organisation_id = contactpoint._caller_organisation();
    INSERT INTO contactpoint.merge_request (child_id, into_child_id, authority, reason, requested_by, organisation_id, lapses_at)
    VALUES (gone.child_id, stays.child_id, contactpoint._authority_of(other.child_id), _may_merge.reason, contactpoint._caller(),
            contactpoint._caller_organisation(), clock_timestamp() + interval '14 days');
    RAISE NOTICE 'the merge now waits for the authority of the other record, so nothing is merged yet'
        USING HINT = 'A manager of that authority sees it in contactpoint.merge_request and calls merge() with the same numbers.';
    RETURN false;
END
$$;
COMMENT ON FUNCTION contactpoint._may_merge(contactpoint.child, contactpoint.child, text) IS
    'may the caller merge two records now? if another authority must agree, asks it';

-- ---------- moving ----------

-- All that is in the two records' details and names, into the one that stays. The
-- two have the same flag already.
CREATE FUNCTION contactpoint._merge_details(gone contactpoint.child, stays contactpoint.child) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE contactpoint.address d SET child_id = stays.child_id WHERE d.child_id = gone.child_id;
    UPDATE contactpoint.carer d SET child_id = stays.child_id WHERE d.child_id = gone.child_id;
    UPDATE contactpoint.involvement d SET child_id = stays.child_id WHERE d.child_id = gone.child_id;
    UPDATE contactpoint.identifier d SET child_id = stays.child_id WHERE d.child_id = gone.child_id;
    -- who is responsible may open a shielded record: the open one's authority does not get that
    IF gone.shielded AND NOT stays.shielded THEN
        DELETE FROM contactpoint.responsibility r WHERE r.child_id = stays.child_id;
    ELSIF stays.shielded AND NOT gone.shielded
          OR EXISTS (SELECT FROM contactpoint.responsibility r WHERE r.child_id = stays.child_id) THEN
        DELETE FROM contactpoint.responsibility r WHERE r.child_id = gone.child_id;
    END IF;
    UPDATE contactpoint.responsibility d SET child_id = stays.child_id WHERE d.child_id = gone.child_id;
    -- a part that an alias leaves out is the name of the record that went
    UPDATE contactpoint.alias a
    SET child_id = stays.child_id, given_names = coalesce(a.given_names, gone.given_names),
        family_name = coalesce(a.family_name, gone.family_name)
    WHERE a.child_id = gone.child_id;
    IF (contactpoint._normalize_name(gone.given_names), contactpoint._normalize_family(gone.family_name))
       IS DISTINCT FROM (contactpoint._normalize_name(stays.given_names), contactpoint._normalize_family(stays.family_name)) THEN
        INSERT INTO contactpoint.alias (child_id, kind, given_names, family_name)
        VALUES (stays.child_id, 'merged', gone.given_names, gone.family_name);
    END IF;
END
$$;
COMMENT ON FUNCTION contactpoint._merge_details(contactpoint.child, contactpoint.child) IS
    'moves details and names of one record to another; the vanished name becomes a hidden one';

CREATE FUNCTION contactpoint._shields_follow(child_id bigint) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    responsible bigint := contactpoint._authority_of(_shields_follow.child_id);
BEGIN
    UPDATE contactpoint.shield s SET authority = responsible
    WHERE s.child_id = _shields_follow.child_id AND s.authority IS DISTINCT FROM responsible;
    UPDATE contactpoint.unshield_request r SET authority = responsible
    WHERE r.child_id = _shields_follow.child_id AND r.authority IS DISTINCT FROM responsible;
    UPDATE contactpoint.access_grant g SET authority = responsible
    WHERE g.child_id = _shields_follow.child_id AND g.authority IS DISTINCT FROM responsible;
    UPDATE contactpoint.shield_alert a SET authority = responsible
    WHERE a.child_id = _shields_follow.child_id AND a.authority IS DISTINCT FROM responsible;
END
$$;
COMMENT ON FUNCTION contactpoint._shields_follow(bigint) IS
    'gives shields, requests, grants and alerts of a record to the authority that is responsible now';

-- Shields of both stand. Requests to lift were made of one of them, so they lapse;
-- grants on one are no grants on what the other hid.
CREATE FUNCTION contactpoint._merge_shields(gone contactpoint.child, stays contactpoint.child) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE contactpoint.unshield_request r SET lapses_at = clock_timestamp()
    WHERE r.child_id IN (gone.child_id, stays.child_id) AND r.approved_at IS NULL AND r.lapses_at > clock_timestamp();
    UPDATE contactpoint.access_grant g
    SET revoked_by = contactpoint._caller(), revoked_at = clock_timestamp(),
        revoke_reason = 'the record was merged with another shielded one'
    WHERE gone.shielded AND stays.shielded AND g.child_id IN (gone.child_id, stays.child_id)
      AND g.revoked_at IS NULL AND g.until > clock_timestamp();
    UPDATE contactpoint.shield s SET child_id = stays.child_id WHERE s.child_id = gone.child_id;
    UPDATE contactpoint.unshield_request r SET child_id = stays.child_id WHERE r.child_id = gone.child_id;
    UPDATE contactpoint.access_grant g SET child_id = stays.child_id WHERE g.child_id = gone.child_id;
    UPDATE contactpoint.shield_alert a SET child_id = stays.child_id WHERE a.child_id = gone.child_id;
    PERFORM contactpoint._shields_follow(stays.child_id);
END
$$;
COMMENT ON FUNCTION contactpoint._merge_shields(contactpoint.child, contactpoint.child) IS
    'moves shields, requests, grants and alerts of one record to another';

CREATE FUNCTION contactpoint._merge_references(gone contactpoint.child, stays contactpoint.child) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    hidden boolean := gone.shielded OR stays.shielded;
    responsible bigint := contactpoint._authority_of(stays.child_id);
BEGIN
    UPDATE contactpoint.settlement s SET child_id = stays.child_id WHERE s.child_id = gone.child_id;
    UPDATE contactpoint.source_link l
    SET child_id = stays.child_id, sent = NULL, authority = CASE WHEN hidden THEN responsible ELSE l.authority END
    WHERE l.child_id IN (gone.child_id, stays.child_id);
    -- told apart from one of the two, and a reference of the other
    DELETE FROM contactpoint.remembered m USING contactpoint.source_link l
    WHERE m.child_id IN (gone.child_id, stays.child_id) AND m.verdict = 'apart'
      AND l.source = m.source AND l.source_ref = m.source_ref AND l.child_id = stays.child_id;
    UPDATE contactpoint.remembered m SET child_id = stays.child_id WHERE m.child_id = gone.child_id;
    UPDATE contactpoint.review r
    SET candidates = ARRAY(SELECT u.candidate
                           FROM unnest(array_replace(r.candidates, gone.child_id, stays.child_id)) WITH ORDINALITY u(candidate, place)
                           GROUP BY u.candidate ORDER BY min(u.place))
    WHERE gone.child_id = ANY (r.candidates)
      -- what stays with others must not tell them which shielded record it became
      AND NOT (hidden AND r.authority IS DISTINCT FROM responsible AND (r.shielded OR r.decided_at IS NOT NULL));
    UPDATE contactpoint.review r
    SET shielded = true, score = NULL, authority = CASE WHEN r.shielded THEN r.authority ELSE responsible END
    WHERE hidden AND r.decided_at IS NULL AND stays.child_id = ANY (r.candidates);
END
$$;
COMMENT ON FUNCTION contactpoint._merge_references(contactpoint.child, contactpoint.child) IS
    'moves references, settled rows and candidatures of one record to another';

-- What was noted of merges and undoings is for whoever is responsible now.
CREATE FUNCTION contactpoint._logs_follow(number bigint, child_id bigint) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    responsible bigint := contactpoint._authority_of(_logs_follow.child_id);
BEGIN
    UPDATE contactpoint.merge_log l SET authority = responsible
    WHERE l.into_child_id = number AND l.authority IS DISTINCT FROM responsible AND l.undone_at IS NULL;
    UPDATE contactpoint.undo_log l SET authority = responsible
    WHERE l.child_id = number AND l.authority IS DISTINCT FROM responsible;
    UPDATE contactpoint.mistaken_look l SET authority = responsible
    WHERE l.child_id = number AND l.authority IS DISTINCT FROM responsible;
END
$$;
COMMENT ON FUNCTION contactpoint._logs_follow(bigint, bigint) IS
    'gives what was noted under a number to the authority of a record';

-- A pair of which both are one record now, and a pair that is found twice, are settled.
CREATE FUNCTION contactpoint._merge_findings(gone contactpoint.child, stays contactpoint.child) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    pair record;
BEGIN
    FOR pair IN
        SELECT p.finding_id, o.other_id,
               o.other_id = stays.child_id OR EXISTS (
                   SELECT FROM contactpoint.finding_pair q
                   WHERE q.child_id = least(stays.child_id, o.other_id) AND q.other_id = greatest(stays.child_id, o.other_id)) AS settled
        FROM contactpoint.finding_pair p
        CROSS JOIN LATERAL (SELECT CASE WHEN p.child_id = gone.child_id THEN p.other_id ELSE p.child_id END AS other_id) o
        WHERE p.child_id = gone.child_id OR p.other_id = gone.child_id
    LOOP
        IF pair.settled THEN
            DELETE FROM contactpoint.finding_pair p WHERE p.finding_id = pair.finding_id;
            UPDATE contactpoint.finding f
            SET decided_at = clock_timestamp(), decided_by = contactpoint._caller(), note = 'merged'
            WHERE f.finding_id = pair.finding_id AND f.decided_at IS NULL;
        ELSE
            UPDATE contactpoint.finding_pair p
            SET child_id = least(stays.child_id, pair.other_id), other_id = greatest(stays.child_id, pair.other_id)
            WHERE p.finding_id = pair.finding_id;
            UPDATE contactpoint.finding f SET candidates = array_replace(f.candidates, gone.child_id, stays.child_id)
            WHERE f.finding_id = pair.finding_id;
        END IF;
    END LOOP;
    PERFORM contactpoint._findings_follow(stays.child_id);
END
$$;
COMMENT ON FUNCTION contactpoint._merge_findings(contactpoint.child, contactpoint.child) IS
    'moves findings of one record to another and settles those about both';

CREATE FUNCTION contactpoint._do_merge(child_id bigint, into_child_id bigint, reason text) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    gone contactpoint.child;
    stays contactpoint.child;
    kept jsonb;
    number bigint;
BEGIN
    PERFORM contactpoint._name_children(ARRAY[into_child_id]);
    PERFORM contactpoint._require_role('contactpoint_manager');
    reason := contactpoint._check_text('reason', reason, 500);
    PERFORM contactpoint._require_read_committed();
    PERFORM contactpoint._lock_matching();
    PERFORM FROM contactpoint.child c
    WHERE c.child_id IN (_do_merge.child_id, _do_merge.into_child_id) ORDER BY c.child_id FOR UPDATE;
    SELECT c.* INTO gone FROM contactpoint.child c WHERE c.child_id = _do_merge.child_id;
    SELECT c.* INTO stays FROM contactpoint.child c WHERE c.child_id = _do_merge.into_child_id;
    IF gone.child_id IS NULL OR stays.child_id IS NULL THEN
        RAISE EXCEPTION 'there is no such record'
            USING ERRCODE = 'KC010', HINT = 'Look both children up with contactpoint.search().';
    END IF;
    IF gone.child_id = stays.child_id THEN
        RAISE EXCEPTION 'a record cannot be merged into itself'
            USING ERRCODE = 'KC010', HINT = 'Name the record that is to go and the one that is to stay.';
    END IF;
    IF NOT contactpoint._may_merge(gone, stays, reason) THEN
        RETURN NULL;
    END IF;
    kept := contactpoint._facts_of(gone.child_id) || contactpoint._rows_of(gone.child_id)
            || jsonb_build_object('responsible', contactpoint._facts_of(stays.child_id) -> 'responsibility',
                                  'at', clock_timestamp());
    UPDATE contactpoint.child c SET shielded = true
    WHERE (gone.shielded OR stays.shielded) AND c.child_id IN (gone.child_id, stays.child_id) AND NOT c.shielded;
    PERFORM contactpoint._merge_details(gone, stays);
    PERFORM contactpoint._merge_shields(gone, stays);
    PERFORM contactpoint._merge_references(gone, stays);
    PERFORM contactpoint._merge_findings(gone, stays);
    IF gone.shielded OR stays.shielded THEN
        PERFORM contactpoint._logs_follow(n, stays.child_id) FROM unnest(ARRAY[gone.child_id, stays.child_id]) n;
    END IF;
    DELETE FROM contactpoint.child c WHERE c.child_id = gone.child_id;
    PERFORM contactpoint._rekey_batch(ARRAY[gone.child_id, stays.child_id], true);
    DELETE FROM contactpoint.merge_request r
    WHERE gone.child_id IN (r.child_id, r.into_child_id) OR r.lapses_at < clock_timestamp();
    INSERT INTO contactpoint.merge_log AS l (child_id, into_child_id, authority, reason, merged_by)
    VALUES (gone.child_id, stays.child_id,
            coalesce(contactpoint._authority_of(stays.child_id), contactpoint._caller_organisation()), reason, contactpoint._caller())
    RETURNING l.merge_id INTO number;
    INSERT INTO contactpoint.merged_record (merge_id, child_id, into_child_id, given_names, family_name, sex, date_of_birth, kept)
    VALUES (number, gone.child_id, stays.child_id, gone.given_names, gone.family_name, gone.sex, gone.date_of_birth, kept);
    PERFORM contactpoint._identities_follow(gone.child_id, stays.child_id);
    PERFORM contactpoint._reviews_follow(stays.child_id);
    RETURN number;
END
$$;

-- The numbers under which a child was looked at, and when: those merged into it,
-- and, where a merge was undone, the other one's while it lasted.
CREATE FUNCTION contactpoint._numbers_of(child_id bigint) RETURNS TABLE (number bigint, since timestamptz, until timestamptz)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH RECURSIVE known (number, since, until) AS (
        SELECT $1, '-infinity'::timestamptz, 'infinity'::timestamptz
        UNION
        SELECT o.number, greatest(k.since, o.since), least(k.until, o.until)
        FROM known k CROSS JOIN LATERAL (
            SELECT m.child_id, CASE WHEN l.undone_at IS NULL THEN '-infinity' ELSE l.merged_at END, coalesce(l.undone_at, 'infinity')
            FROM contactpoint.merged_record m JOIN contactpoint.merge_log l ON l.merge_id = m.merge_id
            WHERE m.into_child_id = k.number
            UNION ALL
            SELECT m.into_child_id, l.merged_at, l.undone_at
            FROM contactpoint.merged_record m JOIN contactpoint.merge_log l ON l.merge_id = m.merge_id
            WHERE m.child_id = k.number AND l.undone_at IS NOT NULL) o (number, since, until)
        WHERE greatest(k.since, o.since) < least(k.until, o.until))
    SELECT k.number, k.since, k.until FROM known k
$$;
COMMENT ON FUNCTION contactpoint._numbers_of(bigint) IS 'numbers under which a child was looked at, and when';

-- A shield wins over a merge: whoever shields a number that has just gone means the
-- child. To whom the record that stayed is no matter, the number is unknown.
CREATE FUNCTION contactpoint._merged_into(child_id bigint) RETURNS bigint
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH RECURSIVE step (number) AS (
        SELECT $1
        UNION
        SELECT m.into_child_id FROM step s
        JOIN contactpoint.merged_record m ON m.child_id = s.number
        JOIN contactpoint.merge_log l ON l.merge_id = m.merge_id AND l.undone_at IS NULL)
    SELECT coalesce((SELECT c.child_id FROM step s JOIN contactpoint.child c ON c.child_id = s.number
                     WHERE c.child_id = $1 OR contactpoint._manages_child(c.child_id)), $1)
$$;
COMMENT ON FUNCTION contactpoint._merged_into(bigint) IS
    'the record that a number was merged into, if the caller manages it; else the number itself';

CREATE FUNCTION contactpoint.merge(child_id bigint, into_child_id bigint, reason text)
    RETURNS bigint LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_command';
COMMENT ON FUNCTION contactpoint.merge(bigint, bigint, text) IS
    'Two records are one child: the first goes, the second stays, shielded if either is; returns the number of the merge, null while it waits for another authority.';
