-- Why a row was held or settled, for those who answer for it.

-- What is known of a row's outcome, and whose it is: of a held row its review's,
-- of a settled one the authority's whose managers see the link.
CREATE FUNCTION contactpoint._explained(upload_id bigint)
    RETURNS TABLE (outcome text, authority bigint, reason text, score real, candidates bigint[], shielded boolean[])
    LANGUAGE sql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
    SELECT s.outcome,
           CASE WHEN s.outcome = 'hold' THEN open.authority
                WHEN c.shielded THEN coalesce(contactpoint._authority_of(c.child_id), l.authority, o.organisation_id)
                ELSE coalesce(decided.authority, o.organisation_id) END,
           CASE WHEN s.outcome = 'hold' THEN open.reason
                WHEN decided.review_id IS NOT NULL THEN format('%s; a person decided: %s', decided.reason, decided.decision)
                WHEN s.outcome = 'match' THEN 'the best record fits well, and no other nearly as well'
                WHEN s.outcome = 'new' THEN 'no record comes near'
                WHEN s.outcome = 'reject' THEN 'a person has rejected the same before, or its batch was reverted'
                WHEN s.outcome = 'undone' THEN 'it was undone' END,
           CASE WHEN decided.review_id IS NULL THEN s.score END,
           k.candidates,
           ARRAY(SELECT coalesce((SELECT n.shielded FROM contactpoint.known_record n WHERE n.child_id = u.candidate), false)
                 FROM unnest(k.candidates) WITH ORDINALITY u(candidate, place) ORDER BY u.place)
    FROM contactpoint.settlement s
    JOIN contactpoint.source o ON o.source = s.source
    LEFT JOIN contactpoint.child c ON c.child_id = s.child_id
    LEFT JOIN contactpoint.source_link l ON l.source = s.source AND l.source_ref = s.source_ref AND l.child_id = s.child_id
    LEFT JOIN contactpoint.held_reference h ON s.outcome = 'hold' AND h.source = s.source AND h.source_ref = s.source_ref
    LEFT JOIN contactpoint.review open ON open.review_id = h.review_id
    -- rows that joined a review were settled when it was decided
    LEFT JOIN LATERAL (
        SELECT r.* FROM contactpoint.review r
        WHERE s.outcome <> 'hold' AND r.source = s.source AND r.source_ref = s.source_ref
          AND r.upload_id >= s.upload_id AND r.decided_at <= s.settled_at
        ORDER BY r.decided_at DESC LIMIT 1) decided ON true
    CROSS JOIN LATERAL (
        SELECT CASE WHEN s.outcome = 'hold' THEN open.candidates
                    WHEN s.child_id IS NOT NULL THEN ARRAY[s.child_id] ELSE '{}' END AS candidates) k
    WHERE s.upload_id = _explained.upload_id
$$;
COMMENT ON FUNCTION contactpoint._explained(bigint) IS 'outcome of an uploaded row, whose managers it concerns, and the records it came near';

CREATE FUNCTION contactpoint.explain_match(upload_id bigint)
    RETURNS TABLE (child_id bigint, field text, level text, bits float8, rarity float8, score float8,
        same float8, household float8, twin float8, other float8, threshold float8, outcome text, reason text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 20 AS 'MODULE_PATHNAME', 'contactpoint_explain_match';
COMMENT ON FUNCTION contactpoint.explain_match(bigint) IS
    'Why an uploaded row was held or settled. Of a held row, for each record it came near and each field known on both sides: how well it agrees, what that says in bits (of them for a rare or frequent name), the score of the whole, and how likely it is the same child, another of the household, a twin or any other; as records are now, by public names. Near a shielded record only that it is one, unless it is open. Of a settled row what is kept: outcome, score and record.';
