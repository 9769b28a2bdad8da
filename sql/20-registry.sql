-- The registry: a child, and the details that place the child.
--
-- Detail tables are partitioned by shielded: a leaf _open that readers see and
-- a leaf _vault that only an opened record reaches. The foreign key on
-- (child_id, shielded) moves every detail when the child's flag changes, so
-- there is one truth about who is shielded: child.shielded.
--
-- No index on a column that a shield hides, open leaves included: entries of
-- moved rows would tell the old place. No statistics on them either.

CREATE FUNCTION contactpoint._child_number() RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'contactpoint_child_number';
COMMENT ON FUNCTION contactpoint._child_number() IS
    'a new child number: eleven random digits and a Damm check digit';

CREATE FUNCTION contactpoint._child_number_valid(child_id bigint) RETURNS boolean
    LANGUAGE c STRICT IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'contactpoint_child_number_valid';
COMMENT ON FUNCTION contactpoint._child_number_valid(bigint) IS
    'is this a number of twelve digits whose check digit is right?';

CREATE TABLE contactpoint.child (
    child_id bigint NOT NULL DEFAULT contactpoint._child_number() PRIMARY KEY
        CHECK (contactpoint._child_number_valid(child_id)),
    given_names text NOT NULL,
    family_name text NOT NULL,
    sex text NOT NULL DEFAULT 'U' CHECK (sex IN ('F', 'M', 'U')),
    date_of_birth date NOT NULL,
    shielded boolean NOT NULL DEFAULT false,
    UNIQUE (child_id, shielded)
);
COMMENT ON TABLE contactpoint.child IS 'one row a child: what every reader may see, also of a shielded child';
COMMENT ON COLUMN contactpoint.child.child_id IS 'the register''s own number: twelve digits, the last a check digit, no order';
COMMENT ON COLUMN contactpoint.child.given_names IS 'given names, as shown';
COMMENT ON COLUMN contactpoint.child.family_name IS 'family name, as shown';
COMMENT ON COLUMN contactpoint.child.sex IS 'F, M or U (not specified)';
COMMENT ON COLUMN contactpoint.child.date_of_birth IS 'date of birth';
COMMENT ON COLUMN contactpoint.child.shielded IS 'true while any shield stands; changed by the shielding functions only';
CREATE INDEX child_given_names_idx ON contactpoint.child USING gin (given_names gin_trgm_ops);
CREATE INDEX child_family_name_idx ON contactpoint.child USING gin (family_name gin_trgm_ops);
CREATE INDEX child_date_of_birth_idx ON contactpoint.child (date_of_birth);
COMMENT ON INDEX contactpoint.child_given_names_idx IS 'trigram search on given names';
COMMENT ON INDEX contactpoint.child_family_name_idx IS 'trigram search on family names';
COMMENT ON INDEX contactpoint.child_date_of_birth_idx IS 'search by date of birth';

CREATE TABLE contactpoint.address (
    child_id bigint NOT NULL,
    shielded boolean NOT NULL DEFAULT false,
    address text,
    postcode text,
    source text NOT NULL DEFAULT 'manual',
    recorded_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (child_id, shielded) REFERENCES contactpoint.child (child_id, shielded) ON UPDATE CASCADE
) PARTITION BY LIST (shielded);
CREATE TABLE contactpoint.address_open PARTITION OF contactpoint.address FOR VALUES IN (false);
COMMENT ON TABLE contactpoint.address_open IS 'address of children who are not shielded';
CREATE TABLE contactpoint.address_vault PARTITION OF contactpoint.address FOR VALUES IN (true);
COMMENT ON TABLE contactpoint.address_vault IS 'address of shielded children; reached only through an opened record';
CREATE INDEX address_child_id_idx ON contactpoint.address (child_id);
COMMENT ON TABLE contactpoint.address IS 'where a child lives or last lived, one row a source';
COMMENT ON COLUMN contactpoint.address.child_id IS 'the child';
COMMENT ON COLUMN contactpoint.address.shielded IS 'the child''s flag; says in which leaf the row lives';
COMMENT ON COLUMN contactpoint.address.address IS 'street address, null if none is known';
COMMENT ON COLUMN contactpoint.address.postcode IS 'postcode, null if none is known';
COMMENT ON COLUMN contactpoint.address.source IS 'the source that sent it, manual where a manager did';
COMMENT ON COLUMN contactpoint.address.recorded_at IS 'when it was recorded';
COMMENT ON INDEX contactpoint.address_child_id_idx IS 'details of one child';

CREATE TABLE contactpoint.carer (
    child_id bigint NOT NULL,
    shielded boolean NOT NULL DEFAULT false,
    full_name text NOT NULL,
    relationship text,
    contact text,
    source text NOT NULL DEFAULT 'manual',
    recorded_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (child_id, shielded) REFERENCES contactpoint.child (child_id, shielded) ON UPDATE CASCADE
) PARTITION BY LIST (shielded);
CREATE TABLE contactpoint.carer_open PARTITION OF contactpoint.carer FOR VALUES IN (false);
COMMENT ON TABLE contactpoint.carer_open IS 'carer of children who are not shielded';
CREATE TABLE contactpoint.carer_vault PARTITION OF contactpoint.carer FOR VALUES IN (true);
COMMENT ON TABLE contactpoint.carer_vault IS 'carer of shielded children; reached only through an opened record';
CREATE INDEX carer_child_id_idx ON contactpoint.carer (child_id);
COMMENT ON TABLE contactpoint.carer IS 'people with parental responsibility or care';
COMMENT ON COLUMN contactpoint.carer.child_id IS 'the child';
COMMENT ON COLUMN contactpoint.carer.shielded IS 'the child''s flag; says in which leaf the row lives';
COMMENT ON COLUMN contactpoint.carer.full_name IS 'name of the person';
COMMENT ON COLUMN contactpoint.carer.relationship IS 'relation to the child';
COMMENT ON COLUMN contactpoint.carer.contact IS 'how to reach the person';
COMMENT ON COLUMN contactpoint.carer.source IS 'the source that sent it, manual where a manager did';
COMMENT ON COLUMN contactpoint.carer.recorded_at IS 'when it was recorded';
COMMENT ON INDEX contactpoint.carer_child_id_idx IS 'details of one child';

CREATE TABLE contactpoint.involvement (
    child_id bigint NOT NULL,
    shielded boolean NOT NULL DEFAULT false,
    service text NOT NULL,
    organisation text,
    practitioner text,
    contact text,
    started_on date,
    ended_on date,
    source text NOT NULL DEFAULT 'manual',
    recorded_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (child_id, shielded) REFERENCES contactpoint.child (child_id, shielded) ON UPDATE CASCADE
) PARTITION BY LIST (shielded);
CREATE TABLE contactpoint.involvement_open PARTITION OF contactpoint.involvement FOR VALUES IN (false);
COMMENT ON TABLE contactpoint.involvement_open IS 'involvement of children who are not shielded';
CREATE TABLE contactpoint.involvement_vault PARTITION OF contactpoint.involvement FOR VALUES IN (true);
COMMENT ON TABLE contactpoint.involvement_vault IS 'involvement of shielded children; reached only through an opened record';
CREATE INDEX involvement_child_id_idx ON contactpoint.involvement (child_id);
COMMENT ON TABLE contactpoint.involvement IS 'services that work with a child: school, GP, social worker and others';
COMMENT ON COLUMN contactpoint.involvement.child_id IS 'the child';
COMMENT ON COLUMN contactpoint.involvement.shielded IS 'the child''s flag; says in which leaf the row lives';
COMMENT ON COLUMN contactpoint.involvement.service IS 'kind of service';
COMMENT ON COLUMN contactpoint.involvement.organisation IS 'name of the school, practice or team';
COMMENT ON COLUMN contactpoint.involvement.practitioner IS 'who works with the child';
COMMENT ON COLUMN contactpoint.involvement.contact IS 'how to reach the practitioner';
COMMENT ON COLUMN contactpoint.involvement.started_on IS 'first day';
COMMENT ON COLUMN contactpoint.involvement.ended_on IS 'last day, null while it goes on';
COMMENT ON COLUMN contactpoint.involvement.source IS 'the source that sent it, manual where a manager did';
COMMENT ON COLUMN contactpoint.involvement.recorded_at IS 'when it was recorded';
COMMENT ON INDEX contactpoint.involvement_child_id_idx IS 'details of one child';

CREATE TABLE contactpoint.identifier (
    child_id bigint NOT NULL,
    shielded boolean NOT NULL DEFAULT false,
    kind text NOT NULL,
    value text NOT NULL,
    source text NOT NULL DEFAULT 'manual',
    recorded_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (child_id, shielded) REFERENCES contactpoint.child (child_id, shielded) ON UPDATE CASCADE
) PARTITION BY LIST (shielded);
CREATE TABLE contactpoint.identifier_open PARTITION OF contactpoint.identifier FOR VALUES IN (false);
COMMENT ON TABLE contactpoint.identifier_open IS 'identifier of children who are not shielded';
CREATE TABLE contactpoint.identifier_vault PARTITION OF contactpoint.identifier FOR VALUES IN (true);
COMMENT ON TABLE contactpoint.identifier_vault IS 'identifier of shielded children; reached only through an opened record';
CREATE INDEX identifier_child_id_idx ON contactpoint.identifier (child_id);
COMMENT ON TABLE contactpoint.identifier IS 'numbers others know the child by';
COMMENT ON COLUMN contactpoint.identifier.child_id IS 'the child';
COMMENT ON COLUMN contactpoint.identifier.shielded IS 'the child''s flag; says in which leaf the row lives';
COMMENT ON COLUMN contactpoint.identifier.kind IS 'nhs, upn or another word';
COMMENT ON COLUMN contactpoint.identifier.value IS 'the number';
COMMENT ON COLUMN contactpoint.identifier.source IS 'the source that sent it, manual where a manager did';
COMMENT ON COLUMN contactpoint.identifier.recorded_at IS 'when it was recorded';
COMMENT ON INDEX contactpoint.identifier_child_id_idx IS 'details of one child';

CREATE TABLE contactpoint.responsibility (
    child_id bigint NOT NULL,
    shielded boolean NOT NULL DEFAULT false,
    organisation_id bigint NOT NULL REFERENCES contactpoint.organisation,
    since timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (child_id, shielded) REFERENCES contactpoint.child (child_id, shielded) ON UPDATE CASCADE
) PARTITION BY LIST (shielded);
CREATE TABLE contactpoint.responsibility_open PARTITION OF contactpoint.responsibility FOR VALUES IN (false);
COMMENT ON TABLE contactpoint.responsibility_open IS 'responsibility of children who are not shielded';
CREATE TABLE contactpoint.responsibility_vault PARTITION OF contactpoint.responsibility FOR VALUES IN (true);
COMMENT ON TABLE contactpoint.responsibility_vault IS 'responsibility of shielded children; reached only through an opened record';
CREATE UNIQUE INDEX responsibility_child_id_idx ON contactpoint.responsibility (child_id, shielded);
COMMENT ON TABLE contactpoint.responsibility IS 'the one responsible authority of a child';
COMMENT ON COLUMN contactpoint.responsibility.child_id IS 'the child';
COMMENT ON COLUMN contactpoint.responsibility.shielded IS 'the child''s flag; says in which leaf the row lives';
COMMENT ON COLUMN contactpoint.responsibility.organisation_id IS 'the authority';
COMMENT ON COLUMN contactpoint.responsibility.since IS 'since when';
COMMENT ON INDEX contactpoint.responsibility_child_id_idx IS 'details of one child';

-- Former, birth and adopted names. They match and never show.
CREATE TABLE contactpoint.alias (
    child_id bigint NOT NULL REFERENCES contactpoint.child,
    kind text NOT NULL CHECK (kind <> '' AND length(kind) <= 50),
    given_names text,
    family_name text,
    source text NOT NULL DEFAULT 'manual',
    recorded_at timestamptz NOT NULL DEFAULT now(),
    CHECK (given_names IS NOT NULL OR family_name IS NOT NULL)
);
CREATE INDEX alias_child_id_idx ON contactpoint.alias (child_id);
COMMENT ON TABLE contactpoint.alias IS 'other names of a child: matched, shown to nobody';
COMMENT ON COLUMN contactpoint.alias.child_id IS 'the child';
COMMENT ON COLUMN contactpoint.alias.kind IS 'birth, adopted, known as or another word';
COMMENT ON COLUMN contactpoint.alias.given_names IS 'given names, null if the public ones stand';
COMMENT ON COLUMN contactpoint.alias.family_name IS 'family name, null if the public one stands';
COMMENT ON COLUMN contactpoint.alias.source IS 'the source that sent it, manual where a manager did';
COMMENT ON COLUMN contactpoint.alias.recorded_at IS 'when it was recorded';
COMMENT ON INDEX contactpoint.alias_child_id_idx IS 'names of one child';

-- Leaves: the comments of their parent, no statistics on what a shield hides, no
-- policy (nobody reads a leaf by its own name).
DO $$
DECLARE
    leaf regclass;
    parent regclass;
    col record;
BEGIN
    FOR leaf, parent IN
        SELECT i.inhrelid::regclass, i.inhparent::regclass FROM pg_catalog.pg_inherits i
        JOIN pg_catalog.pg_class c ON c.oid = i.inhparent
        WHERE c.relnamespace = 'contactpoint'::regnamespace AND c.relkind = 'p'
    LOOP
        FOR col IN
            SELECT a.attname, pg_catalog.col_description(parent, a.attnum) AS text
            FROM pg_catalog.pg_attribute a WHERE a.attrelid = parent AND a.attnum > 0
        LOOP
            EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', leaf, col.attname, col.text);
            IF col.attname NOT IN ('child_id', 'shielded', 'recorded_at') THEN
                EXECUTE format('ALTER TABLE %s ALTER %I SET STATISTICS 0', leaf, col.attname);
                EXECUTE format('ALTER TABLE %s ALTER %I SET STATISTICS 0', parent, col.attname);
            END IF;
        END LOOP;
    END LOOP;
    FOR leaf, parent IN
        SELECT i.indexrelid::regclass, i.indrelid::regclass FROM pg_catalog.pg_index i
        JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
        WHERE c.relnamespace = 'contactpoint'::regnamespace AND c.relispartition
    LOOP
        EXECUTE format('COMMENT ON INDEX %s IS %L', leaf, 'details of one child');
    END LOOP;
END
$$;
ALTER TABLE contactpoint.alias
    ALTER given_names SET STATISTICS 0, ALTER family_name SET STATISTICS 0,
    ALTER kind SET STATISTICS 0, ALTER source SET STATISTICS 0;

-- Whatever may not be seen is not in child, so the planner drops this policy
-- and trigram indexes serve under row security.
CREATE POLICY child_read ON contactpoint.child FOR SELECT
    TO contactpoint_practitioner, contactpoint_protection, contactpoint_override, contactpoint_manager
    USING (true);
COMMENT ON POLICY child_read ON contactpoint.child IS 'all that is in child may be seen by staff';
CREATE POLICY child_manager_insert ON contactpoint.child FOR INSERT
    TO contactpoint_manager WITH CHECK (NOT shielded);
COMMENT ON POLICY child_manager_insert ON contactpoint.child IS
    'managers may make a record by hand; the guard refuses second records';
CREATE POLICY child_manager_update ON contactpoint.child FOR UPDATE
    TO contactpoint_manager USING (true) WITH CHECK (true);
COMMENT ON POLICY child_manager_update ON contactpoint.child IS
    'managers may correct names, sex and birth date; the guard refuses second records';

CREATE FUNCTION contactpoint._manages_child(child_id bigint) RETURNS boolean
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'contactpoint_manages_child';
COMMENT ON FUNCTION contactpoint._manages_child(bigint) IS
    'does the caller manage this child''s record: as a manager of the responsible authority, or of any where there is none?';

-- The vault guard, put by the planner hook before every other qual of a scan
-- of a vault leaf; the policies below say the same in the catalogue.
CREATE FUNCTION contactpoint._vault_guard(child_id bigint) RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'contactpoint_vault_guard';
COMMENT ON FUNCTION contactpoint._vault_guard(bigint) IS
    'has the caller this record open now? superusers and foreign keys pass';

DO $$
DECLARE
    detail text;
BEGIN
    FOREACH detail IN ARRAY ARRAY['address', 'carer', 'involvement', 'identifier', 'responsibility'] LOOP
        EXECUTE format($p$
            CREATE POLICY %1$s_open ON contactpoint.%1$s FOR SELECT
            TO contactpoint_practitioner, contactpoint_protection, contactpoint_override, contactpoint_manager
            USING (NOT shielded)$p$, detail);
        EXECUTE format($p$
            COMMENT ON POLICY %1$s_open ON contactpoint.%1$s IS 'details of children who are not shielded'$p$, detail);
        EXECUTE format($p$
            CREATE POLICY %1$s_opened ON contactpoint.%1$s FOR SELECT
            TO contactpoint_protection, contactpoint_override, contactpoint_manager
            USING (shielded AND contactpoint._vault_guard(child_id))$p$, detail);
        EXECUTE format($p$
            COMMENT ON POLICY %1$s_opened ON contactpoint.%1$s IS 'details of the one record opened with cause'$p$, detail);
        EXECUTE format($p$
            CREATE POLICY %1$s_manager_insert ON contactpoint.%1$s FOR INSERT
            TO contactpoint_manager WITH CHECK (NOT shielded AND contactpoint._manages_child(child_id))$p$, detail);
        EXECUTE format($p$
            COMMENT ON POLICY %1$s_manager_insert ON contactpoint.%1$s IS
            'managers of the authority may add a detail by hand; for shielded children an upload does'$p$, detail);
    END LOOP;
END
$$;

-- The guard on child: no impossible name or date, no change of the shield but
-- by the shielding functions, also under
-- session_replication_role = replica.
CREATE FUNCTION contactpoint._child_guard() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'contactpoint_child_guard';
COMMENT ON FUNCTION contactpoint._child_guard() IS
    'refuses impossible names and dates and changes of a shield by hand';
CREATE TRIGGER child_guard BEFORE INSERT OR UPDATE ON contactpoint.child
    FOR EACH ROW EXECUTE FUNCTION contactpoint._child_guard();
ALTER TABLE contactpoint.child ENABLE ALWAYS TRIGGER child_guard;
COMMENT ON TRIGGER child_guard ON contactpoint.child IS
    'refuses impossible names and dates and changes of a shield by hand';

-- Writers by hand take the matching lock before any row, as the matcher does.
CREATE FUNCTION contactpoint._lock_first() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'contactpoint_lock_first';
COMMENT ON FUNCTION contactpoint._lock_first() IS 'takes the matching lock before any row is locked';

-- Whoever changes names, places or identifiers, the matcher's keys follow; a
-- second record of a known child is refused there, row by row.
CREATE FUNCTION contactpoint._rekey_changed() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'contactpoint_rekey_changed';
COMMENT ON FUNCTION contactpoint._rekey_changed() IS 'refuses second records, keeps the matcher''s private keys true';

-- A restore announces itself by rows here; while there are any, nobody reads.
CREATE TABLE contactpoint.restore_mark (
    relation regclass NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE contactpoint.restore_mark IS 'tables restored and not yet validated; reads wait for validate_restore()';
COMMENT ON COLUMN contactpoint.restore_mark.relation IS 'the table';
COMMENT ON COLUMN contactpoint.restore_mark.at IS 'when its rows arrived';
CREATE TRIGGER restore_mark_told AFTER INSERT OR UPDATE OR DELETE ON contactpoint.restore_mark
    FOR EACH ROW EXECUTE FUNCTION contactpoint._tell_sessions();
ALTER TABLE contactpoint.restore_mark ENABLE ALWAYS TRIGGER restore_mark_told;
COMMENT ON TRIGGER restore_mark_told ON contactpoint.restore_mark IS 'makes every session read the table anew';

CREATE FUNCTION contactpoint._restore_mark() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'contactpoint_restore_mark';
COMMENT ON FUNCTION contactpoint._restore_mark() IS 'notes that an announced restore writes a table';

DO $$
DECLARE
    rel text;
BEGIN
    FOREACH rel IN ARRAY ARRAY['child', 'address', 'identifier', 'alias'] LOOP
        EXECUTE format('CREATE TRIGGER %s_lock_first BEFORE INSERT OR UPDATE OR DELETE ON contactpoint.%I
            FOR EACH STATEMENT EXECUTE FUNCTION contactpoint._lock_first()', rel, rel);
        EXECUTE format('ALTER TABLE contactpoint.%I ENABLE ALWAYS TRIGGER %s_lock_first', rel, rel);
        EXECUTE format('COMMENT ON TRIGGER %s_lock_first ON contactpoint.%I IS %L', rel, rel,
            'takes the matching lock before any row is locked');
        EXECUTE format('CREATE TRIGGER %s_rekey AFTER INSERT OR UPDATE OR DELETE ON contactpoint.%I
            FOR EACH ROW EXECUTE FUNCTION contactpoint._rekey_changed()', rel, rel);
        EXECUTE format('ALTER TABLE contactpoint.%I ENABLE ALWAYS TRIGGER %s_rekey', rel, rel);
        EXECUTE format('COMMENT ON TRIGGER %s_rekey ON contactpoint.%I IS %L', rel, rel,
            'refuses second records, keeps the matcher''s private keys true');
    END LOOP;
END
$$;
-- The clones of the key triggers on the leaves fire always too, and are described.
DO $$
DECLARE
    t record;
BEGIN
    FOR t IN
        SELECT tgname, tgrelid::regclass AS rel FROM pg_catalog.pg_trigger
        WHERE tgparentid <> 0 AND NOT tgisinternal
          AND tgfoid = 'contactpoint._rekey_changed()'::regprocedure
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', t.rel, t.tgname);
        EXECUTE format('COMMENT ON TRIGGER %I ON %s IS %L', t.tgname, t.rel,
            'refuses second records, keeps the matcher''s private keys true');
    END LOOP;
END
$$;
