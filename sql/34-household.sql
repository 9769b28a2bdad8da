-- Household: brothers, sisters, carers and addresses give a shielded child away.
--
-- Who else is at a place is found by private keys (src/place.c): hashes of
-- details in normal form, kept by triggers, granted to nobody. So neither the
-- open nor the vault leaves need an index on a hidden column.

CREATE TABLE contactpoint.place_key (
    key bigint NOT NULL,
    kind "char" NOT NULL,
    child_id bigint NOT NULL
);
CREATE INDEX place_key_key_idx ON contactpoint.place_key (key, kind, child_id);
COMMENT ON TABLE contactpoint.place_key IS 'hashes of what places a child, one row a detail, open or shielded';
COMMENT ON COLUMN contactpoint.place_key.key IS 'hash of the detail in normal form';
COMMENT ON COLUMN contactpoint.place_key.kind IS 'a(ddress), c(ontact) of a carer, n(ame) of a carer, s(ervice)';
COMMENT ON COLUMN contactpoint.place_key.child_id IS 'the child';
COMMENT ON INDEX contactpoint.place_key_key_idx IS 'children by key; holds all the columns';
ALTER TABLE contactpoint.place_key
    ALTER key SET STATISTICS 0, ALTER kind SET STATISTICS 0, ALTER child_id SET STATISTICS 0;

CREATE FUNCTION contactpoint._place_changed() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'contactpoint_place_changed';
COMMENT ON FUNCTION contactpoint._place_changed() IS 'keeps the private keys of what places a child true';
DO $$
DECLARE
    rel text;
    t record;
BEGIN
    FOREACH rel IN ARRAY ARRAY['address', 'carer', 'involvement'] LOOP
        EXECUTE format('CREATE TRIGGER %s_place AFTER INSERT OR UPDATE OR DELETE ON contactpoint.%I
            FOR EACH ROW EXECUTE FUNCTION contactpoint._place_changed()', rel, rel);
        EXECUTE format('ALTER TABLE contactpoint.%I ENABLE ALWAYS TRIGGER %s_place', rel, rel);
        EXECUTE format('COMMENT ON TRIGGER %s_place ON contactpoint.%I IS %L', rel, rel,
            'keeps the private keys of what places a child true');
    END LOOP;
    FOR t IN
        SELECT tgname, tgrelid::regclass AS rel FROM pg_catalog.pg_trigger
        WHERE tgparentid <> 0 AND NOT tgisinternal AND tgfoid = 'contactpoint._place_changed()'::regprocedure
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', t.rel, t.tgname);
        EXECUTE format('COMMENT ON TRIGGER %I ON %s IS %L', t.tgname, t.rel,
            'keeps the private keys of what places a child true');
    END LOOP;
END
$$;

CREATE FUNCTION contactpoint._place_key(kind "char", first text, second text DEFAULT NULL, third text DEFAULT NULL)
    RETURNS bigint LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'contactpoint_place_key';
COMMENT ON FUNCTION contactpoint._place_key("char", text, text, text) IS
    'the private key of a detail: a (address, postcode), c (contact), n (full name), s (service, organisation, practitioner)';

-- The keys of one child, from its details.
CREATE FUNCTION contactpoint._places_of(child_id bigint) RETURNS TABLE (kind "char", key bigint)
    LANGUAGE sql STABLE ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
    SELECT DISTINCT k.kind, k.key FROM (
        SELECT 'a'::"char", contactpoint._place_key('a', a.address, a.postcode)
        FROM contactpoint.address a WHERE a.child_id = $1
        UNION ALL SELECT 'c', contactpoint._place_key('c', c.contact) FROM contactpoint.carer c WHERE c.child_id = $1
        UNION ALL SELECT 'n', contactpoint._place_key('n', c.full_name) FROM contactpoint.carer c WHERE c.child_id = $1
        UNION ALL SELECT 's', contactpoint._place_key('s', i.service, i.organisation, i.practitioner)
        FROM contactpoint.involvement i WHERE i.child_id = $1) k (kind, key)
    WHERE k.key IS NOT NULL
$$;
COMMENT ON FUNCTION contactpoint._places_of(bigint) IS 'private keys of what places a child';

-- Who else has a key. Where it is more than a bound, nobody: a placeholder or an
-- institution says nothing about two children. There are no statistics to plan
-- by, so the index is said aloud.
CREATE FUNCTION contactpoint._children_at(kind "char", key bigint, bound int) RETURNS SETOF bigint
    LANGUAGE plpgsql STABLE ROWS 5 SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
    children bigint[];
BEGIN
    -- several sources may say the same of one child
    children := ARRAY(SELECT DISTINCT f.child_id FROM (
        SELECT k.child_id FROM contactpoint.place_key k
        WHERE k.key = _children_at.key AND k.kind = _children_at.kind
        LIMIT bound * 10) f);
    IF cardinality(children) <= bound THEN
        RETURN QUERY SELECT unnest(children);
    END IF;
END
$$;
COMMENT ON FUNCTION contactpoint._children_at("char", bigint, int) IS
    'children that have a private key, none where they are more than a bound';

-- Only open records are covered: what is in the vault must not be found by
-- guessing.
CREATE FUNCTION contactpoint._household(child_id bigint) RETURNS SETOF bigint
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT $1
    UNION
    SELECT c.child_id FROM contactpoint._places_of($1) p
    CROSS JOIN LATERAL contactpoint._children_at(p.kind, p.key, 100) o (child_id)
    JOIN contactpoint.child c ON c.child_id = o.child_id AND NOT c.shielded
    WHERE p.kind IN ('a', 'c')
$$;
COMMENT ON FUNCTION contactpoint._household(bigint) IS
    'the child, and the open records that share an address or a carer''s contact with it';

-- Details that still hide somebody: shielded children at the same address, or
-- with the same contact of a carer.
CREATE FUNCTION contactpoint._hidden_with(child_id bigint) RETURNS SETOF bigint
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT c.child_id FROM contactpoint._places_of($1) p
    CROSS JOIN LATERAL contactpoint._children_at(p.kind, p.key, 1000000) o (child_id)
    JOIN contactpoint.child c ON c.child_id = o.child_id AND c.shielded
    WHERE p.kind IN ('a', 'c') AND c.child_id <> $1
    GROUP BY c.child_id
$$;
COMMENT ON FUNCTION contactpoint._hidden_with(bigint) IS
    'other shielded children whose place the details of this one would tell';

CREATE FUNCTION contactpoint._gaps_of(organisation_id bigint)
    RETURNS TABLE (child_id bigint, authority bigint, open_child_id bigint, shared text)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH hidden AS MATERIALIZED (
        SELECT s.child_id, coalesce((SELECT r.organisation_id FROM contactpoint.responsibility_vault r WHERE r.child_id = s.child_id),
                                    min(s.authority)) AS authority
        FROM contactpoint.shield s WHERE s.lifted_at IS NULL GROUP BY s.child_id)
    SELECT h.child_id, h.authority, o.child_id,
           string_agg(DISTINCT CASE p.kind WHEN 'a' THEN 'address' WHEN 'c' THEN 'contact of a carer'
                               WHEN 'n' THEN 'carer' ELSE 'unusual service' END, ', ')
    FROM hidden h
    CROSS JOIN LATERAL contactpoint._places_of(h.child_id) p
    CROSS JOIN LATERAL contactpoint._children_at(p.kind, p.key, CASE WHEN p.kind IN ('a', 'c') THEN 1000 ELSE 20 END) k (child_id)
    JOIN contactpoint.child o ON o.child_id = k.child_id AND NOT o.shielded
    WHERE $1 IS NULL OR h.authority = $1
    GROUP BY h.child_id, h.authority, o.child_id
$$;
COMMENT ON FUNCTION contactpoint._gaps_of(bigint) IS
    'open records that point at shielded children of an authority (null: of every one)';

CREATE FUNCTION contactpoint._shield_gaps(OUT child_id bigint, OUT authority bigint, OUT open_child_id bigint, OUT shared text)
    RETURNS SETOF record LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'contactpoint_shield_gaps';
COMMENT ON FUNCTION contactpoint._shield_gaps() IS 'the work behind the view shield_gaps, for the caller''s own authority';
CREATE VIEW contactpoint.shield_gaps WITH (security_invoker) AS
    SELECT g.child_id, g.authority, g.open_child_id, g.shared FROM contactpoint._shield_gaps() g;
COMMENT ON VIEW contactpoint.shield_gaps IS
    'open records that still point at a shielded child: same address, carer, contact or unusual service';
COMMENT ON COLUMN contactpoint.shield_gaps.child_id IS 'the shielded child';
COMMENT ON COLUMN contactpoint.shield_gaps.authority IS 'its authority';
COMMENT ON COLUMN contactpoint.shield_gaps.open_child_id IS 'the open record that points at it';
COMMENT ON COLUMN contactpoint.shield_gaps.shared IS 'in what way';

-- What place_key must hold: everything anew from the details.
CREATE FUNCTION contactpoint._all_places() RETURNS TABLE (key bigint, kind "char", child_id bigint)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT k.key, k.kind, k.child_id FROM (
        SELECT 'a'::"char", contactpoint._place_key('a', a.address, a.postcode), a.child_id FROM contactpoint.address a
        UNION ALL SELECT 'c', contactpoint._place_key('c', c.contact), c.child_id FROM contactpoint.carer c
        UNION ALL SELECT 'n', contactpoint._place_key('n', c.full_name), c.child_id FROM contactpoint.carer c
        UNION ALL SELECT 's', contactpoint._place_key('s', i.service, i.organisation, i.practitioner), i.child_id
        FROM contactpoint.involvement i) k (kind, key, child_id)
    WHERE k.key IS NOT NULL
$$;
COMMENT ON FUNCTION contactpoint._all_places() IS 'the private keys of all places, from the details';

CREATE FUNCTION contactpoint._place_all() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    TRUNCATE contactpoint.place_key;
    INSERT INTO contactpoint.place_key SELECT p.* FROM contactpoint._all_places() p;
END
$$;
COMMENT ON FUNCTION contactpoint._place_all() IS 'makes all private keys of places anew';
