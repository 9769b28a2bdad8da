-- Reading: one row a child, and search by what a reader may see.

-- Runs as the reader, so row security, the vault guard and the audit apply.
CREATE VIEW contactpoint.record WITH (security_invoker) AS
    SELECT c.child_id, c.given_names, c.family_name, c.sex, c.date_of_birth, c.shielded,
           (SELECT r.organisation_id FROM contactpoint.responsibility r WHERE r.child_id = c.child_id) AS authority,
           (SELECT jsonb_agg(jsonb_build_object('address', a.address, 'postcode', a.postcode,
                       'source', a.source, 'recorded_at', a.recorded_at) ORDER BY a.recorded_at DESC)
            FROM contactpoint.address a WHERE a.child_id = c.child_id) AS addresses,
           (SELECT jsonb_agg(jsonb_build_object('full_name', k.full_name, 'relationship', k.relationship,
                       'contact', k.contact, 'source', k.source, 'recorded_at', k.recorded_at) ORDER BY k.recorded_at DESC)
            FROM contactpoint.carer k WHERE k.child_id = c.child_id) AS carers,
           (SELECT jsonb_agg(jsonb_build_object('service', i.service, 'organisation', i.organisation,
                       'practitioner', i.practitioner, 'contact', i.contact, 'started_on', i.started_on,
                       'ended_on', i.ended_on, 'source', i.source, 'recorded_at', i.recorded_at) ORDER BY i.recorded_at DESC)
            FROM contactpoint.involvement i WHERE i.child_id = c.child_id) AS involvements,
           (SELECT jsonb_object_agg(d.kind, d.value)
            FROM contactpoint.identifier d WHERE d.child_id = c.child_id) AS identifiers
    FROM contactpoint.child c;
COMMENT ON VIEW contactpoint.record IS
    'one row a child with all details the reader may see; null where not allowed';

-- A hidden field finds nothing: postcode is compared with open rows only, and
-- the scores come from public names alone.
CREATE FUNCTION contactpoint.search(
        given_names text DEFAULT NULL, family_name text DEFAULT NULL, date_of_birth date DEFAULT NULL,
        sex text DEFAULT NULL, postcode text DEFAULT NULL, max_rows int DEFAULT 20)
    RETURNS SETOF contactpoint.child
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 20
    SET search_path = pg_catalog, pg_temp SET pg_trgm.similarity_threshold = 0.3 SET gin_fuzzy_search_limit = 0
    AS 'MODULE_PATHNAME', 'contactpoint_search';
COMMENT ON FUNCTION contactpoint.search(text, text, date, text, text, int) IS
    'Find children by what may be seen of them, best first: similar names, birth date, sex, postcode of open records.';

-- Sequential on purpose: an index on a hidden column would keep dead entries of
-- rows that moved to the vault.
CREATE FUNCTION contactpoint._open_children_at(postcode text) RETURNS bigint[]
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(array_agg(DISTINCT a.child_id), '{}') FROM contactpoint.address_open a
    WHERE contactpoint._normalize_postcode(a.postcode) = contactpoint._normalize_postcode($1)
$$;
COMMENT ON FUNCTION contactpoint._open_children_at(text) IS 'children with an open address at a postcode';
