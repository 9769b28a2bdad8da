-- The ledger: the journal in order and under seal.
--
-- The sealer (src/sealer.c) moves entries here and keeps the hashes of a Merkle
-- tree over them (src/ledger.h). Partitions are made by the sealer as months
-- begin; they are ordinary tables, so that a dump takes them along. They have
-- their indexes themselves, not from the parent, for the same reason.

CREATE TABLE contactpoint.ledger (
    month date NOT NULL,
    entry bigint NOT NULL,
    at timestamptz NOT NULL,
    pid int NOT NULL,
    seq bigint NOT NULL,
    body contactpoint.journal_body NOT NULL
) PARTITION BY LIST (month);
COMMENT ON TABLE contactpoint.ledger IS 'audit entries under seal, a partition a month; view audit shows their fields';
COMMENT ON COLUMN contactpoint.ledger.month IS 'first day of the month under which the entry is filed, in UTC';
COMMENT ON COLUMN contactpoint.ledger.entry IS 'number of the entry from 1, without gaps; leaf entry - 1 of the tree';
COMMENT ON COLUMN contactpoint.ledger.at IS 'when the entry was appended';
COMMENT ON COLUMN contactpoint.ledger.pid IS 'process of the server that appended it';
COMMENT ON COLUMN contactpoint.ledger.seq IS 'its number in that process: no gaps';
COMMENT ON COLUMN contactpoint.ledger.body IS 'the entry, as it stood in the journal';

CREATE TABLE contactpoint.ledger_tile (
    level smallint NOT NULL,
    number bigint NOT NULL,
    hashes bytea NOT NULL,
    PRIMARY KEY (level, number)
);
ALTER TABLE contactpoint.ledger_tile ALTER hashes SET STORAGE PLAIN;
COMMENT ON TABLE contactpoint.ledger_tile IS 'hashes of the tree over the ledger, 64 of one height in a row';
COMMENT ON COLUMN contactpoint.ledger_tile.level IS 'a hash here covers 64 to the power of level entries';
COMMENT ON COLUMN contactpoint.ledger_tile.number IS 'the tile has the hashes 64 number to 64 number + 63 of its level';
COMMENT ON COLUMN contactpoint.ledger_tile.hashes IS 'up to 64 hashes by SHA-256';

CREATE TABLE contactpoint.ledger_head (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    size bigint NOT NULL,
    root bytea NOT NULL,
    sealed_at timestamptz NOT NULL,
    month date NOT NULL
);
COMMENT ON TABLE contactpoint.ledger_head IS 'how far the ledger goes: one row, none while nothing is sealed';
COMMENT ON COLUMN contactpoint.ledger_head.one IS 'there is one row';
COMMENT ON COLUMN contactpoint.ledger_head.size IS 'entries under seal';
COMMENT ON COLUMN contactpoint.ledger_head.root IS 'root of the tree over them';
COMMENT ON COLUMN contactpoint.ledger_head.sealed_at IS 'when the last of them was sealed';
COMMENT ON COLUMN contactpoint.ledger_head.month IS 'the month now being filled';

CREATE TABLE contactpoint.ledger_month (
    month date PRIMARY KEY,
    first_entry bigint NOT NULL,
    last_entry bigint,
    retired_at timestamptz
);
COMMENT ON TABLE contactpoint.ledger_month IS 'which entries each month of the ledger holds';
COMMENT ON COLUMN contactpoint.ledger_month.month IS 'first day of the month';
COMMENT ON COLUMN contactpoint.ledger_month.first_entry IS 'its first entry';
COMMENT ON COLUMN contactpoint.ledger_month.last_entry IS 'its last entry, null while it is being filled';
COMMENT ON COLUMN contactpoint.ledger_month.retired_at IS 'when retire_audit() dropped its entries; their hashes stay';

CREATE FUNCTION contactpoint._audit_children(body contactpoint.journal_body) RETURNS bigint[]
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'contactpoint_audit_children';
COMMENT ON FUNCTION contactpoint._audit_children(contactpoint.journal_body) IS 'the children an audit entry names';

-- Called by the sealer. Attached and not made as a partition, because that
-- waits for nobody who reads the audit.
CREATE FUNCTION contactpoint._open_month(new_month date, first_entry bigint, partition name) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
BEGIN
    UPDATE contactpoint.ledger_month m SET last_entry = $2 - 1 WHERE m.last_entry IS NULL;
    INSERT INTO contactpoint.ledger_month (month, first_entry) VALUES ($1, $2);
    EXECUTE format('CREATE TABLE contactpoint.%I (LIKE contactpoint.ledger) USING contactpoint_heap', partition);
    -- an entry is filed under a later month than its own after the clock went
    -- back, never under an earlier one
    EXECUTE format('ALTER TABLE contactpoint.%I ADD CONSTRAINT %I CHECK (at < %L::timestamptz)', partition,
        partition || '_at', to_char(new_month + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00');
    EXECUTE format('ALTER TABLE contactpoint.%I ENABLE ROW LEVEL SECURITY', partition);
    EXECUTE format('ALTER TABLE contactpoint.%I FORCE ROW LEVEL SECURITY', partition);
    EXECUTE format('CREATE UNIQUE INDEX %I ON contactpoint.%I (entry)', partition || '_entry', partition);
    EXECUTE format('CREATE INDEX %I ON contactpoint.%I USING brin (at)', partition || '_time', partition);
    EXECUTE format('CREATE INDEX %I ON contactpoint.%I USING gin (contactpoint._audit_children(body))',
        partition || '_child', partition);
    EXECUTE format('COMMENT ON TABLE contactpoint.%I IS %L', partition, 'audit entries of one month under seal');
    EXECUTE format('ALTER TABLE contactpoint.ledger ATTACH PARTITION contactpoint.%I FOR VALUES IN (%L)',
        partition, new_month);
END
$$;
COMMENT ON FUNCTION contactpoint._open_month(date, bigint, name) IS 'make the partition for a month of the ledger';

-- Runs with the owner's rights: auditors see entries, but hold nothing on the
-- tables. Reading it is itself a look, and recorded. What is not sealed yet has
-- the number it will get, unless the clock goes back.
CREATE VIEW contactpoint.audit AS
    SELECT l.entry, l.at,
           d."session_user", d.effective_role, d.organisation, d.reason, d.application, d.client, d.command,
           d.statement, d.relation, contactpoint._audit_children(l.body) AS children, d.vault, d.outcome, d.parameters, true AS sealed
    FROM contactpoint.ledger l, LATERAL contactpoint._audit_decode(l.body) d
    UNION ALL
    SELECT coalesce((SELECT h.size FROM contactpoint.ledger_head h), 0) + row_number() OVER (ORDER BY j.at, j.pid, j.seq), j.at,
           d."session_user", d.effective_role, d.organisation, d.reason, d.application, d.client, d.command,
           d.statement, d.relation, contactpoint._audit_children(j.body), d.vault, d.outcome, d.parameters, false
    FROM contactpoint.journal j, LATERAL contactpoint._audit_decode(j.body) d;
COMMENT ON VIEW contactpoint.audit IS
    'who looked at which children, when and why; commands of the interface; refused attempts. children @> ARRAY[number] uses the index, number = ANY (children) does not';
COMMENT ON COLUMN contactpoint.audit.entry IS 'number of the entry, in order of time';
COMMENT ON COLUMN contactpoint.audit.at IS 'when';
COMMENT ON COLUMN contactpoint.audit."session_user" IS 'the log-in';
COMMENT ON COLUMN contactpoint.audit.effective_role IS 'the role in force: the log-in, or what SET ROLE made of it';
COMMENT ON COLUMN contactpoint.audit.organisation IS 'the organisation of its account, null without one';
COMMENT ON COLUMN contactpoint.audit.reason IS 'contactpoint.reason: a claim, not a fact';
COMMENT ON COLUMN contactpoint.audit.application IS 'application_name: a claim, not a fact';
COMMENT ON COLUMN contactpoint.audit.client IS 'network address of the client, or local';
COMMENT ON COLUMN contactpoint.audit.command IS 'SELECT, COPY, FETCH ..., or the function of the interface';
COMMENT ON COLUMN contactpoint.audit.statement IS 'what the client sent, its first 1000 bytes';
COMMENT ON COLUMN contactpoint.audit.parameters IS 'the values bound to the statement, their first 64 bytes each and 500 in all';
COMMENT ON COLUMN contactpoint.audit.relation IS 'the table that was looked at, null for functions of the interface';
COMMENT ON COLUMN contactpoint.audit.children IS 'numbers of the children whose rows were consulted; a large look has several entries';
COMMENT ON COLUMN contactpoint.audit.vault IS 'rows of shielded children''s details were among them';
COMMENT ON COLUMN contactpoint.audit.outcome IS
    'disclosed, nothing (found), refused, done (a command), failed (consulted, then an error)';
COMMENT ON COLUMN contactpoint.audit.sealed IS 'under seal in the ledger; else still in the journal';

-- A head to keep elsewhere, and proofs against it.
CREATE FUNCTION contactpoint.audit_head(OUT size bigint, OUT root bytea, OUT sealed_at timestamptz)
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'contactpoint_audit_head';
COMMENT ON FUNCTION contactpoint.audit_head() IS
    'Number of entries under seal and the root of the tree over them (RFC 9162, SHA-256): keep it outside this server.';
CREATE FUNCTION contactpoint.audit_verify(from_entry bigint DEFAULT 1, to_entry bigint DEFAULT NULL, expected_root bytea DEFAULT NULL,
        OUT intact boolean, OUT first_bad bigint, OUT fault text, OUT checked bigint, OUT retired bigint)
    LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'contactpoint_audit_verify';
COMMENT ON FUNCTION contactpoint.audit_verify(bigint, bigint, bytea) IS
    'Compute the tree anew from the entries and compare it with the one stored and with a root that was exported for to_entry; names the first entry that is not what it was.';
CREATE FUNCTION contactpoint.audit_inclusion_proof(entry bigint, size bigint DEFAULT NULL,
        OUT entry bigint, OUT size bigint, OUT leaf bytea, OUT path bytea[])
    LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'contactpoint_audit_inclusion_proof';
COMMENT ON FUNCTION contactpoint.audit_inclusion_proof(bigint, bigint) IS
    'The bytes of an entry and their path (RFC 9162) to the root of the tree of that size, the last one if none is given.';
CREATE FUNCTION contactpoint.audit_consistency_proof(old_size bigint, new_size bigint) RETURNS bytea[]
    LANGUAGE c STRICT STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'contactpoint_audit_consistency_proof';
COMMENT ON FUNCTION contactpoint.audit_consistency_proof(bigint, bigint) IS
    'That the ledger of the new size begins with the ledger of the old size (RFC 9162).';

-- Who looked at a child, under any of its numbers. These are an argument, so that
-- the index is used.
CREATE FUNCTION contactpoint._looks_at(child_id bigint, numbers bigint[])
    RETURNS TABLE (entry bigint, at timestamptz, looker bigint, "session_user" name, effective_role name, organisation bigint,
        reason text, application text, client text, command text, relation text, vault boolean, outcome text)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN k.placeable THEN l.entry END,
           CASE WHEN k.placeable THEN l.at ELSE date_trunc('day', l.at, 'UTC') END,
           dense_rank() OVER (ORDER BY l.first_look),
           CASE WHEN k.placeable THEN l."session_user" END, CASE WHEN k.placeable THEN l.effective_role END,
           CASE WHEN k.placeable THEN l.organisation END, CASE WHEN k.placeable THEN l.reason END,
           CASE WHEN k.placeable THEN l.application END, CASE WHEN k.placeable THEN l.client END,
           l.command, l.relation, l.vault, l.outcome
    FROM (SELECT a.*, min(a.entry) OVER (PARTITION BY a."session_user", a.effective_role) AS first_look
          -- that a child has another number is told by former_identity() alone
          FROM contactpoint.audit a
          WHERE a.children && $2 AND a.command NOT IN ('new_identity', 'former_identity')
            AND EXISTS (SELECT FROM contactpoint._numbers_of($1) n
                        WHERE n.number = ANY (a.children) AND a.at >= n.since AND a.at <= n.until)) l,
         (SELECT coalesce((SELECT NOT c.shielded FROM contactpoint.child c WHERE c.child_id = $1), false) AS placeable) k
    ORDER BY l.entry
$$;
COMMENT ON FUNCTION contactpoint._looks_at(bigint, bigint[]) IS 'who looked at a child under one of these numbers while it was its own';
CREATE FUNCTION contactpoint._access_log(child_id bigint)
    RETURNS TABLE (entry bigint, at timestamptz, looker bigint, "session_user" name, effective_role name, organisation bigint,
        reason text, application text, client text, command text, relation text, vault boolean, outcome text)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT l.* FROM contactpoint._looks_at($1, ARRAY(SELECT DISTINCT n.number FROM contactpoint._numbers_of($1) n)) l
$$;
COMMENT ON FUNCTION contactpoint._access_log(bigint) IS 'the work behind access_log()';
CREATE FUNCTION contactpoint.access_log(child_id bigint)
    RETURNS TABLE (entry bigint, at timestamptz, looker bigint, "session_user" name, effective_role name, organisation bigint,
        reason text, application text, client text, command text, relation text, vault boolean, outcome text)
    LANGUAGE c STRICT VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'contactpoint_access_log';
COMMENT ON FUNCTION contactpoint.access_log(bigint) IS
    'Who looked at this child, when and why; of a shielded child only on which day and in which way, one number for each person.';

-- Retention, by whole months from the oldest on.
CREATE FUNCTION contactpoint._do_retire_audit(month date, reason text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted date := date_trunc('month', $1)::date;
    oldest date;
BEGIN
    PERFORM contactpoint._require_role('contactpoint_admin');
    PERFORM contactpoint._check_text('reason', $2, 500);
    SELECT m.month INTO oldest FROM contactpoint.ledger_month m WHERE m.retired_at IS NULL AND m.last_entry IS NOT NULL
        ORDER BY m.month LIMIT 1 FOR UPDATE;
    IF oldest IS DISTINCT FROM wanted THEN
        RAISE EXCEPTION 'the audit is retired month by month, the oldest first, and never the one being filled'
            USING ERRCODE = 'KC010', HINT = 'SELECT * FROM contactpoint.ledger_month ORDER BY month shows which is next.';
    END IF;
    IF wanted + make_interval(months => current_setting('contactpoint.audit_months')::int) > date_trunc('month', now() AT TIME ZONE 'UTC') THEN
        RAISE EXCEPTION 'this month of the audit must be kept'
            USING ERRCODE = 'KC010', HINT = 'contactpoint.audit_months in the configuration of the server says for how long.';
    END IF;
    EXECUTE format('DROP TABLE contactpoint.%I', 'ledger_' || to_char(wanted, 'YYYY_MM'));
    UPDATE contactpoint.ledger_month m SET retired_at = now() WHERE m.month = wanted;
END
$$;
CREATE FUNCTION contactpoint.retire_audit(month date, reason text)
    RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_command';
COMMENT ON FUNCTION contactpoint.retire_audit(date, text) IS
    'Drop the entries of the oldest month of the audit, once it is old enough; their hashes stay, so the rest can still be proven (admins).';
