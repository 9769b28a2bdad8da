-- Undoing a merge: both records are back, shielded until somebody has looked at them
-- again. What came since goes to where its reference goes.

-- Does a detail of the merged record belong to the one that went? What a row
-- brought belongs to where its reference goes; what nobody sent, to whom it
-- belonged before.
CREATE FUNCTION contactpoint._goes_back(merged contactpoint.merged_record, relation text, source text, recorded_at timestamptz, detail jsonb)
    RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC' AS $$
    SELECT coalesce(
        (SELECT l.child_id = (merged).child_id
         FROM contactpoint.settlement s
         JOIN contactpoint.source_link l ON l.source = s.source AND l.source_ref = s.source_ref
         WHERE s.child_id = (merged).into_child_id AND s.source = $3 AND s.recorded_at = $4
           AND l.child_id IN ((merged).child_id, (merged).into_child_id)
         LIMIT 1),
        (merged).kept -> $2 @> jsonb_build_array($5 - 'child_id' - 'shielded'))
$$;
COMMENT ON FUNCTION contactpoint._goes_back(contactpoint.merged_record, text, text, timestamptz, jsonb) IS
    'does a detail belong to the record that went when the two were merged?';

CREATE FUNCTION contactpoint._part_details(merged contactpoint.merged_record) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC' AS $$
DECLARE
    before jsonb := merged.kept -> 'responsible';
    went jsonb := merged.kept -> 'responsibility';
BEGIN
    UPDATE contactpoint.address d SET child_id = merged.child_id
    WHERE d.child_id = merged.into_child_id AND contactpoint._goes_back(merged, 'address', d.source, d.recorded_at, to_jsonb(d));
    UPDATE contactpoint.carer d SET child_id = merged.child_id
    WHERE d.child_id = merged.into_child_id AND contactpoint._goes_back(merged, 'carer', d.source, d.recorded_at, to_jsonb(d));
    UPDATE contactpoint.involvement d SET child_id = merged.child_id
    WHERE d.child_id = merged.into_child_id AND contactpoint._goes_back(merged, 'involvement', d.source, d.recorded_at, to_jsonb(d));
    UPDATE contactpoint.identifier d SET child_id = merged.child_id
    WHERE d.child_id = merged.into_child_id AND contactpoint._goes_back(merged, 'identifier', d.source, d.recorded_at, to_jsonb(d));
    -- the name that the merge hid is the public one again
    DELETE FROM contactpoint.alias a
    WHERE a.child_id = merged.into_child_id AND a.kind = 'merged' AND a.source = 'manual'
      AND a.given_names = merged.given_names AND a.family_name = merged.family_name;
    UPDATE contactpoint.alias a SET child_id = merged.child_id
    WHERE a.child_id = merged.into_child_id
      AND (contactpoint._goes_back(merged, 'alias', a.source, a.recorded_at, to_jsonb(a))
           OR merged.kept -> 'alias' @> jsonb_build_array(to_jsonb(a) - 'child_id' || '{"given_names": null}')
              AND a.given_names = merged.given_names
           OR merged.kept -> 'alias' @> jsonb_build_array(to_jsonb(a) - 'child_id' || '{"family_name": null}')
              AND a.family_name = merged.family_name);
    -- who was responsible for the one that stayed is so again, unless that has changed since
    IF EXISTS (SELECT FROM contactpoint.responsibility r
               WHERE r.child_id = merged.into_child_id AND went @> jsonb_build_array(to_jsonb(r) - 'child_id' - 'shielded')) THEN
        DELETE FROM contactpoint.responsibility r WHERE r.child_id = merged.into_child_id;
        INSERT INTO contactpoint.responsibility (child_id, shielded, organisation_id, since)
        SELECT merged.into_child_id, true, b.organisation_id, b.since
        FROM jsonb_to_recordset(before) AS b (organisation_id bigint, since timestamptz);
    END IF;
    INSERT INTO contactpoint.responsibility (child_id, shielded, organisation_id, since)
    SELECT merged.child_id, true, b.organisation_id, b.since
    FROM jsonb_to_recordset(went) AS b (organisation_id bigint, since timestamptz);
END
$$;
COMMENT ON FUNCTION contactpoint._part_details(contactpoint.merged_record) IS 'gives details and names back to the record that went';

CREATE FUNCTION contactpoint._part_shields(merged contactpoint.merged_record) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC' AS $$
DECLARE
    since timestamptz := (merged.kept ->> 'at')::timestamptz;
    wide text;
BEGIN
    SELECT s.category INTO wide FROM contactpoint.shield s JOIN contactpoint.shield_category g ON g.category = s.category
    WHERE s.child_id = merged.into_child_id AND s.lifted_at IS NULL AND g.wide ORDER BY s.shield_id LIMIT 1;
    UPDATE contactpoint.unshield_request r SET lapses_at = clock_timestamp()
    WHERE r.child_id = merged.into_child_id AND r.approved_at IS NULL AND r.lapses_at > clock_timestamp();
    UPDATE contactpoint.access_grant g
    SET revoked_by = contactpoint._caller(), revoked_at = clock_timestamp(), revoke_reason = 'the merge of the record was undone'
    WHERE g.child_id = merged.into_child_id AND g.granted_at > since AND g.revoked_at IS NULL AND g.until > clock_timestamp();
    UPDATE contactpoint.shield s SET child_id = merged.child_id
    WHERE s.child_id = merged.into_child_id AND s.shield_id = ANY (contactpoint._numbers(merged.kept -> 'shield'));
    UPDATE contactpoint.unshield_request r SET child_id = merged.child_id
    WHERE r.child_id = merged.into_child_id AND r.request_id = ANY (contactpoint._numbers(merged.kept -> 'unshield_request'));
    UPDATE contactpoint.shield_alert a SET child_id = merged.child_id
    WHERE a.child_id = merged.into_child_id AND a.alert_id = ANY (contactpoint._numbers(merged.kept -> 'shield_alert'));
    UPDATE contactpoint.access_grant g SET child_id = merged.child_id
    FROM jsonb_to_recordset(merged.kept -> 'access_grant') AS b (grantee name, granted_at timestamptz)
    WHERE g.child_id = merged.into_child_id AND g.grantee = b.grantee AND g.granted_at = b.granted_at;
    PERFORM contactpoint._place_shield(c.child_id, 'a merge was undone: to be looked at', coalesce(wide, 'other'), true)
    FROM contactpoint.child c WHERE c.child_id IN (merged.child_id, merged.into_child_id) ORDER BY c.child_id;
    PERFORM contactpoint._shields_follow(merged.child_id);
END
$$;
COMMENT ON FUNCTION contactpoint._part_shields(contactpoint.merged_record) IS
    'gives shields, requests, grants and alerts back to the record that went, and shields both until they are reviewed';

CREATE FUNCTION contactpoint._part_references(merged contactpoint.merged_record) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE contactpoint.settlement s SET child_id = merged.child_id
    WHERE s.child_id = merged.into_child_id
      AND (s.upload_id = ANY (contactpoint._numbers(merged.kept -> 'settlement'))
           OR EXISTS (SELECT FROM contactpoint.source_link l
                      WHERE l.source = s.source AND l.source_ref = s.source_ref AND l.child_id = merged.child_id));
    UPDATE contactpoint.remembered m SET child_id = merged.child_id
    WHERE m.child_id = merged.into_child_id
      AND (m.remembered_id = ANY (contactpoint._numbers(merged.kept -> 'remembered'))
           OR m.verdict = 'same' AND EXISTS (
                SELECT FROM contactpoint.source_link l
                WHERE l.source = m.source AND l.source_ref = m.source_ref AND l.child_id = merged.child_id));
    -- neither's reference is the other's
    INSERT INTO contactpoint.remembered (source, source_ref, child_id, verdict)
    SELECT l.source, l.source_ref, o.other_id, 'apart'
    FROM contactpoint.source_link l
    CROSS JOIN LATERAL (SELECT CASE WHEN l.child_id = merged.child_id THEN merged.into_child_id ELSE merged.child_id END AS other_id) o
    WHERE l.child_id IN (merged.child_id, merged.into_child_id);
    -- each waiting row may be of either
    UPDATE contactpoint.review r SET candidates = r.candidates || merged.child_id
    WHERE r.decided_at IS NULL AND merged.into_child_id = ANY (r.candidates);
    -- what was decided was decided about the one
    UPDATE contactpoint.review r SET candidates = k.candidates
    FROM jsonb_to_recordset(merged.kept -> 'review') AS k (review_id bigint, candidates bigint[])
    WHERE r.review_id = k.review_id AND r.decided_at IS NOT NULL AND r.decided_at < (merged.kept ->> 'at')::timestamptz;
END
$$;
COMMENT ON FUNCTION contactpoint._part_references(contactpoint.merged_record) IS
    'gives settled rows and candidatures back to the record that went, and remembers that references of the two are not the other''s';

CREATE FUNCTION contactpoint._part_findings(merged contactpoint.merged_record) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    pair record;
BEGIN
    FOR pair IN
        SELECT k.finding_id, k.other, k.waits FROM jsonb_to_recordset(merged.kept -> 'finding') AS k (finding_id bigint, other bigint, waits boolean)
        JOIN contactpoint.finding f ON f.finding_id = k.finding_id
        JOIN contactpoint.child c ON c.child_id = k.other
    LOOP
        DELETE FROM contactpoint.finding_pair p WHERE p.finding_id = pair.finding_id;
        INSERT INTO contactpoint.finding_pair (child_id, other_id, finding_id)
        VALUES (least(merged.child_id, pair.other), greatest(merged.child_id, pair.other), pair.finding_id) ON CONFLICT DO NOTHING;
        UPDATE contactpoint.finding f
        SET candidates = array_replace(f.candidates, merged.into_child_id, merged.child_id),
            decided_at = CASE WHEN pair.waits AND f.note = 'merged' AND pair.other <> merged.into_child_id THEN NULL ELSE f.decided_at END
        WHERE f.finding_id = pair.finding_id AND NOT merged.child_id = ANY (f.candidates);
    END LOOP;
    -- that these are two is decided
    IF NOT EXISTS (SELECT FROM contactpoint.finding_pair p
                   WHERE p.child_id = least(merged.child_id, merged.into_child_id)
                     AND p.other_id = greatest(merged.child_id, merged.into_child_id)) THEN
        WITH told AS (
            INSERT INTO contactpoint.finding (authority, candidates, shielded, at_risk, due_at, decided_at, decided_by, note)
            VALUES (contactpoint._authority_of(merged.into_child_id), ARRAY[merged.child_id, merged.into_child_id], true, false,
                    clock_timestamp(), clock_timestamp(), contactpoint._caller(), 'a merge of the two was undone')
            RETURNING finding_id)
        INSERT INTO contactpoint.finding_pair (child_id, other_id, finding_id)
        SELECT least(merged.child_id, merged.into_child_id), greatest(merged.child_id, merged.into_child_id), t.finding_id FROM told t;
    END IF;
    PERFORM contactpoint._findings_follow(merged.child_id);
END
$$;
COMMENT ON FUNCTION contactpoint._part_findings(contactpoint.merged_record) IS
    'gives findings back to the record that went; that the two are two children is not asked again';

CREATE FUNCTION contactpoint._do_unmerge(merge_id bigint, reason text) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    noted contactpoint.merge_log;
    merged contactpoint.merged_record;
    responsible bigint;
BEGIN
    PERFORM contactpoint._require_role('contactpoint_manager', 'contactpoint_admin');
    reason := contactpoint._check_text('reason', reason, 500);
    PERFORM contactpoint._require_read_committed();
    PERFORM contactpoint._lock_matching();
    SELECT l.* INTO noted FROM contactpoint.merge_log l WHERE l.merge_id = _do_unmerge.merge_id FOR UPDATE;
    IF noted.merge_id IS NOT NULL THEN
        PERFORM contactpoint._name_children(ARRAY[noted.child_id, noted.into_child_id]);
    END IF;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no such merge'
            USING ERRCODE = 'KC010', HINT = 'See contactpoint.merge_log.';
    END IF;
    responsible := coalesce(contactpoint._authority_of(noted.into_child_id), noted.authority);
    PERFORM contactpoint._require_manager_of(responsible);
    IF noted.undone_at IS NOT NULL THEN
        RAISE EXCEPTION 'this merge is undone'
            USING ERRCODE = 'KC010', HINT = 'See contactpoint.merge_log for those that stand.';
    END IF;
    PERFORM FROM contactpoint.child c WHERE c.child_id = noted.into_child_id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the record that stayed is gone itself'
            USING ERRCODE = 'KC010', HINT = 'Undo the later merge first; see contactpoint.merge_log.';
    END IF;
    SELECT m.* INTO merged FROM contactpoint.merged_record m WHERE m.merge_id = noted.merge_id;
    UPDATE contactpoint.child c SET shielded = true WHERE c.child_id = merged.into_child_id AND NOT c.shielded;
    INSERT INTO contactpoint.child (child_id, given_names, family_name, sex, date_of_birth, shielded)
    VALUES (merged.child_id, merged.given_names, merged.family_name, merged.sex, merged.date_of_birth, true);
    UPDATE contactpoint.source_link l SET child_id = merged.child_id
    FROM jsonb_to_recordset(merged.kept -> 'source_link') AS k (source text, source_ref text)
    WHERE l.child_id = merged.into_child_id AND l.source = k.source AND l.source_ref = k.source_ref;
    UPDATE contactpoint.source_link l SET sent = NULL WHERE l.child_id IN (merged.child_id, merged.into_child_id);
    PERFORM contactpoint._part_details(merged);
    PERFORM contactpoint._part_references(merged);
    PERFORM contactpoint._part_shields(merged);
    PERFORM contactpoint._part_findings(merged);
    PERFORM contactpoint._rekey_batch(ARRAY[merged.child_id, merged.into_child_id], true);
    UPDATE contactpoint.merge_log l
    SET undone_by = contactpoint._caller(), undone_at = clock_timestamp(), undo_reason = _do_unmerge.reason
    WHERE l.merge_id = noted.merge_id;
    PERFORM contactpoint._identities_follow(merged.child_id, merged.into_child_id);
    PERFORM contactpoint._reviews_follow(n) FROM unnest(ARRAY[merged.child_id, merged.into_child_id]) n;
    PERFORM contactpoint._note_looks('unmerge', reason, merged.into_child_id, ARRAY[merged.into_child_id, merged.child_id],
        noted.merged_at, NULL, NULL, NULL);
    RETURN merged.child_id;
END
$$;

CREATE FUNCTION contactpoint.unmerge(merge_id bigint, reason text)
    RETURNS bigint LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_command';
COMMENT ON FUNCTION contactpoint.unmerge(bigint, text) IS
    'Undo a merge: both records are back, shielded until they are reviewed; returns the number that is there again. Who was shown what is in mistaken_look.';
