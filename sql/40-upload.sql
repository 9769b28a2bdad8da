-- The inbox: feeds append, one matcher settles.
--
-- A row stays in upload while it is pending or held and leaves it when it is
-- settled. Pending means that its receipt has no settled_at: never a highest id.
-- Nothing here tells a feed what became of a row: receipts say received and
-- settled, in ticks of a minute, and held rows count as settled.

CREATE TABLE contactpoint.source (
    source text PRIMARY KEY CHECK (source <> '' AND length(source) <= 100 AND source <> 'manual'),
    organisation_id bigint NOT NULL REFERENCES contactpoint.organisation,
    feed_role name NOT NULL,
    priority int NOT NULL DEFAULT 100,
    paused_at timestamptz,
    embargoed_at timestamptz
);
COMMENT ON TABLE contactpoint.source IS 'feeds: who sends, under which role';
COMMENT ON COLUMN contactpoint.source.source IS 'name of the source';
COMMENT ON COLUMN contactpoint.source.organisation_id IS 'whose data it is; its managers review what no authority is named for';
COMMENT ON COLUMN contactpoint.source.feed_role IS 'the role that may upload under this name';
COMMENT ON COLUMN contactpoint.source.priority IS 'lower comes first where sources differ';
COMMENT ON COLUMN contactpoint.source.paused_at IS 'uploads are refused since then, null if they are not';
COMMENT ON COLUMN contactpoint.source.embargoed_at IS
    'new records are born shielded since then and rows about open ones wait; null if there is no embargo';
CREATE POLICY source_read ON contactpoint.source FOR SELECT
    TO contactpoint_manager, contactpoint_admin USING (true);
COMMENT ON POLICY source_read ON contactpoint.source IS 'managers and admins see the feeds';
CREATE POLICY source_admin ON contactpoint.source FOR ALL
    TO contactpoint_admin USING (true) WITH CHECK (true);
COMMENT ON POLICY source_admin ON contactpoint.source IS 'admins keep the feeds';

-- A birth date as it was sent: text, so that DateStyle cannot swap day and
-- month on the way in. Whoever has a real date gets it written as ISO 8601.
CREATE TYPE contactpoint.iso_date;
CREATE FUNCTION contactpoint._iso_date_in(cstring) RETURNS contactpoint.iso_date
    LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'textin';
COMMENT ON FUNCTION contactpoint._iso_date_in(cstring) IS 'input of iso_date';
CREATE FUNCTION contactpoint._iso_date_out(contactpoint.iso_date) RETURNS cstring
    LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'textout';
COMMENT ON FUNCTION contactpoint._iso_date_out(contactpoint.iso_date) IS 'output of iso_date';
CREATE FUNCTION contactpoint._iso_date_recv(internal) RETURNS contactpoint.iso_date
    LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'textrecv';
COMMENT ON FUNCTION contactpoint._iso_date_recv(internal) IS 'binary input of iso_date';
CREATE FUNCTION contactpoint._iso_date_send(contactpoint.iso_date) RETURNS bytea
    LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'textsend';
COMMENT ON FUNCTION contactpoint._iso_date_send(contactpoint.iso_date) IS 'binary output of iso_date';
CREATE TYPE contactpoint.iso_date (
    INPUT = contactpoint._iso_date_in, OUTPUT = contactpoint._iso_date_out,
    RECEIVE = contactpoint._iso_date_recv, SEND = contactpoint._iso_date_send,
    LIKE = text, CATEGORY = 'S'
);
COMMENT ON TYPE contactpoint.iso_date IS 'a date, or a part of one, as it was sent: YYYY-MM-DD whatever DateStyle says';
CREATE FUNCTION contactpoint._iso_date(date) RETURNS contactpoint.iso_date
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'contactpoint_iso_date';
COMMENT ON FUNCTION contactpoint._iso_date(date) IS 'a date, written YYYY-MM-DD';
CREATE CAST (date AS contactpoint.iso_date) WITH FUNCTION contactpoint._iso_date(date) AS ASSIGNMENT;
COMMENT ON CAST (date AS contactpoint.iso_date) IS 'written YYYY-MM-DD, whatever DateStyle says';
CREATE CAST (text AS contactpoint.iso_date) WITHOUT FUNCTION AS ASSIGNMENT;
COMMENT ON CAST (text AS contactpoint.iso_date) IS 'taken as it is; the inbox checks it';
CREATE CAST (contactpoint.iso_date AS text) WITHOUT FUNCTION AS IMPLICIT;
COMMENT ON CAST (contactpoint.iso_date AS text) IS 'as it was sent';

-- No row security: COPY FROM refuses it. Feeds hold INSERT and nothing else.
CREATE TABLE contactpoint.upload (
    upload_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source text NOT NULL REFERENCES contactpoint.source,
    source_ref text NOT NULL,
    batch text,
    authority bigint REFERENCES contactpoint.organisation,
    given_names text,
    family_name text,
    sex text,
    date_of_birth contactpoint.iso_date,
    address text,
    postcode text,
    identifiers jsonb,
    carers jsonb,
    involvements jsonb,
    alias_names jsonb,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    received_from name NOT NULL DEFAULT contactpoint._caller()
);
COMMENT ON TABLE contactpoint.upload IS 'the inbox: rows that are pending or held; null: not sent, empty: withdrawn';
COMMENT ON COLUMN contactpoint.upload.upload_id IS 'number of the row';
COMMENT ON COLUMN contactpoint.upload.source IS 'the feed';
COMMENT ON COLUMN contactpoint.upload.source_ref IS 'the feed''s own reference for the child';
COMMENT ON COLUMN contactpoint.upload.batch IS 'a name the feed gives to what it sends together';
COMMENT ON COLUMN contactpoint.upload.authority IS 'organisation_id of the responsible authority, or null';
COMMENT ON COLUMN contactpoint.upload.given_names IS 'given names';
COMMENT ON COLUMN contactpoint.upload.family_name IS 'family name';
COMMENT ON COLUMN contactpoint.upload.sex IS 'F, M or U';
COMMENT ON COLUMN contactpoint.upload.date_of_birth IS 'YYYY-MM-DD (ISO 8601), whatever DateStyle says; YYYY-MM or YYYY where no more is known, of which no record is made';
COMMENT ON COLUMN contactpoint.upload.address IS 'street address';
COMMENT ON COLUMN contactpoint.upload.postcode IS 'postcode';
COMMENT ON COLUMN contactpoint.upload.identifiers IS '{"nhs": "...", "upn": "..."}';
COMMENT ON COLUMN contactpoint.upload.carers IS '[{"full_name": ..., "relationship": ..., "contact": ...}, ...]';
COMMENT ON COLUMN contactpoint.upload.involvements IS
    '[{"service": ..., "organisation": ..., "practitioner": ..., "contact": ..., "started_on": ..., "ended_on": ...}, ...]';
COMMENT ON COLUMN contactpoint.upload.alias_names IS '[{"kind": "birth", "given_names": ..., "family_name": ...}, ...]';
COMMENT ON COLUMN contactpoint.upload.received_at IS 'when it arrived';
COMMENT ON COLUMN contactpoint.upload.received_from IS 'the role that sent it';
COMMENT ON SEQUENCE contactpoint.upload_upload_id_seq IS 'numbers of uploaded rows';
ALTER TABLE contactpoint.upload
    ALTER source_ref SET STATISTICS 0, ALTER given_names SET STATISTICS 0, ALTER family_name SET STATISTICS 0,
    ALTER sex SET STATISTICS 0, ALTER date_of_birth SET STATISTICS 0, ALTER address SET STATISTICS 0,
    ALTER postcode SET STATISTICS 0, ALTER identifiers SET STATISTICS 0, ALTER carers SET STATISTICS 0,
    ALTER involvements SET STATISTICS 0, ALTER alias_names SET STATISTICS 0;

CREATE FUNCTION contactpoint._upload_check() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'contactpoint_upload_check';
COMMENT ON FUNCTION contactpoint._upload_check() IS
    'validates and bounds an uploaded row';
CREATE TRIGGER upload_check BEFORE INSERT OR UPDATE ON contactpoint.upload
    FOR EACH ROW EXECUTE FUNCTION contactpoint._upload_check();
ALTER TABLE contactpoint.upload ENABLE ALWAYS TRIGGER upload_check;
COMMENT ON TRIGGER upload_check ON contactpoint.upload IS
    'validates and bounds an uploaded row; a bad one fails its statement';

CREATE FUNCTION contactpoint._upload_received() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'contactpoint_upload_received';
COMMENT ON FUNCTION contactpoint._upload_received() IS
    'holds what uploaded rows refer to, writes their receipts, wakes the matcher at commit';
CREATE TRIGGER upload_received AFTER INSERT ON contactpoint.upload
    REFERENCING NEW TABLE AS rows
    FOR EACH STATEMENT EXECUTE FUNCTION contactpoint._upload_received();
ALTER TABLE contactpoint.upload ENABLE ALWAYS TRIGGER upload_received;
COMMENT ON TRIGGER upload_received ON contactpoint.upload IS
    'checks what the rows of a statement refer to and writes their receipts';
-- So the foreign keys need not look at each row that comes. Their other half stays:
-- no source and no organisation goes that a row refers to.
DO $$
DECLARE
    check_of_rows name;
BEGIN
    FOR check_of_rows IN
        SELECT t.tgname FROM pg_catalog.pg_trigger t
        WHERE t.tgrelid = 'contactpoint.upload'::regclass AND t.tgfoid = '"RI_FKey_check_ins"'::regproc
    LOOP
        EXECUTE format('ALTER TABLE contactpoint.upload DISABLE TRIGGER %I', check_of_rows);
    END LOOP;
END
$$;

-- One receipt a row, written with it: the pending ones are the matcher's queue. Those of
-- settled rows are in no index: nobody looks for one, and settling need not write there.
CREATE TABLE contactpoint.receipt (
    upload_id bigint NOT NULL,
    source text NOT NULL,
    source_ref text COLLATE "C" NOT NULL,
    batch text,
    received_at timestamptz NOT NULL,
    settled_at timestamptz,
    waits boolean NOT NULL DEFAULT false CHECK (NOT waits OR settled_at IS NULL)
);
CREATE UNIQUE INDEX receipt_pending_idx ON contactpoint.receipt (upload_id) WHERE settled_at IS NULL AND NOT waits;
CREATE INDEX receipt_waiting_idx ON contactpoint.receipt (source, source_ref) WHERE waits;
COMMENT ON TABLE contactpoint.receipt IS 'received and settled, for every uploaded row';
COMMENT ON COLUMN contactpoint.receipt.upload_id IS 'the uploaded row';
COMMENT ON COLUMN contactpoint.receipt.source IS 'the feed';
COMMENT ON COLUMN contactpoint.receipt.source_ref IS 'its reference';
COMMENT ON COLUMN contactpoint.receipt.batch IS 'its batch';
COMMENT ON COLUMN contactpoint.receipt.received_at IS 'when the row arrived';
COMMENT ON COLUMN contactpoint.receipt.settled_at IS 'when the matcher was done with it, whatever the outcome; null while pending';
COMMENT ON COLUMN contactpoint.receipt.waits IS
    'the source is under an embargo and the row may be about an open record, or comes after one that is';
COMMENT ON INDEX contactpoint.receipt_pending_idx IS 'the matcher''s queue';
COMMENT ON INDEX contactpoint.receipt_waiting_idx IS 'rows that wait for the end of an embargo, by reference';

-- What became of a row. Held rows have an outcome too: hold.
CREATE TABLE contactpoint.settlement (
    upload_id bigint PRIMARY KEY,
    source text NOT NULL,
    source_ref text NOT NULL,
    batch text,
    outcome text NOT NULL CHECK (outcome IN ('match', 'new', 'hold', 'reject', 'undone')),
    child_id bigint REFERENCES contactpoint.child,
    score real,
    settled_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    recorded_at timestamptz
);
CREATE INDEX settlement_child_id_idx ON contactpoint.settlement (child_id);
COMMENT ON TABLE contactpoint.settlement IS 'what became of each uploaded row';
COMMENT ON COLUMN contactpoint.settlement.upload_id IS 'the uploaded row';
COMMENT ON COLUMN contactpoint.settlement.source IS 'the feed';
COMMENT ON COLUMN contactpoint.settlement.source_ref IS 'its reference';
COMMENT ON COLUMN contactpoint.settlement.batch IS 'its batch';
COMMENT ON COLUMN contactpoint.settlement.outcome IS 'match, new, hold (a person decides), reject or undone';
COMMENT ON COLUMN contactpoint.settlement.child_id IS 'the record it went to';
COMMENT ON COLUMN contactpoint.settlement.score IS 'bits of evidence for the best candidate; null: the reference said what it said last, and nothing was compared';
COMMENT ON COLUMN contactpoint.settlement.settled_at IS 'when it was settled or held';
COMMENT ON COLUMN contactpoint.settlement.recorded_at IS
    'recorded_at of the details that it brought: with child and source it says which row a detail came with';
COMMENT ON INDEX contactpoint.settlement_child_id_idx IS 'rows that went to one child';

CREATE TABLE contactpoint.source_link (
    source text NOT NULL REFERENCES contactpoint.source,
    source_ref text COLLATE "C" NOT NULL,
    child_id bigint NOT NULL REFERENCES contactpoint.child,
    authority bigint REFERENCES contactpoint.organisation,
    linked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    sent bigint,
    PRIMARY KEY (source, source_ref)
);
CREATE INDEX source_link_child_id_idx ON contactpoint.source_link (child_id);
COMMENT ON TABLE contactpoint.source_link IS 'what every settled reference of every source went to';
COMMENT ON COLUMN contactpoint.source_link.source IS 'the feed';
COMMENT ON COLUMN contactpoint.source_link.source_ref IS 'its reference';
COMMENT ON COLUMN contactpoint.source_link.child_id IS 'the child';
COMMENT ON COLUMN contactpoint.source_link.authority IS
    'the organisation whose managers see this row: the source''s, of a shielded child the responsible authority';
COMMENT ON COLUMN contactpoint.source_link.linked_at IS 'since when';
COMMENT ON COLUMN contactpoint.source_link.sent IS
    'keyed digest of the row it sent last, and of the record then; null: not known, or the child is shielded';
COMMENT ON INDEX contactpoint.source_link_child_id_idx IS 'references of one child';

-- Managers see links: without the key a digest would let them guess at an address.
-- Not dumped: after a restore every reference writes its details once more.
CREATE TABLE contactpoint.digest_key (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    key bytea NOT NULL CHECK (length(key) = 16)
);
COMMENT ON TABLE contactpoint.digest_key IS 'the secret that goes into digests of what was sent: one row';
COMMENT ON COLUMN contactpoint.digest_key.one IS 'true';
COMMENT ON COLUMN contactpoint.digest_key.key IS '16 bytes, a random UUID';
INSERT INTO contactpoint.digest_key (key) VALUES (decode(replace(gen_random_uuid()::text, '-', ''), 'hex'));
ALTER TABLE contactpoint.digest_key ALTER key SET STATISTICS 0;

-- Held rows wait for somebody: an authority, a due date, an owner.
CREATE TABLE contactpoint.review (
    review_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    upload_id bigint NOT NULL,
    source text NOT NULL,
    source_ref text NOT NULL,
    authority bigint REFERENCES contactpoint.organisation,
    score real,
    candidates bigint[] NOT NULL,
    shielded boolean NOT NULL,
    reason text NOT NULL,
    opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at timestamptz NOT NULL,
    assigned_to name,
    asked_at timestamptz,
    decided_at timestamptz,
    decided_by name,
    decision text CHECK (decision IN ('same', 'new', 'reject')),
    note text
);
COMMENT ON TABLE contactpoint.review IS 'rows held for a person; one open review a reference';
COMMENT ON COLUMN contactpoint.review.review_id IS 'number of the review';
COMMENT ON COLUMN contactpoint.review.upload_id IS 'the latest row of the reference; earlier held ones join it';
COMMENT ON COLUMN contactpoint.review.source IS 'the feed';
COMMENT ON COLUMN contactpoint.review.source_ref IS 'its reference';
COMMENT ON COLUMN contactpoint.review.authority IS
    'whose managers decide: of a shielded candidate its own authority, else the row''s, else the source''s organisation';
COMMENT ON COLUMN contactpoint.review.score IS
    'bits of evidence for the best candidate, by its public name; null near a shielded one, where it would tell of hidden fields';
COMMENT ON COLUMN contactpoint.review.candidates IS 'children it may be, best first';
COMMENT ON COLUMN contactpoint.review.shielded IS 'one of the candidates is shielded';
COMMENT ON COLUMN contactpoint.review.reason IS 'why it is held';
COMMENT ON COLUMN contactpoint.review.opened_at IS 'since when it waits';
COMMENT ON COLUMN contactpoint.review.due_at IS 'until when it should be decided';
COMMENT ON COLUMN contactpoint.review.assigned_to IS 'who has taken it';
COMMENT ON COLUMN contactpoint.review.asked_at IS 'when the source was asked; null: it was not, or another row of the reference has come since';
COMMENT ON COLUMN contactpoint.review.decided_at IS 'when it was decided, null while it is open';
COMMENT ON COLUMN contactpoint.review.decided_by IS 'who decided';
COMMENT ON COLUMN contactpoint.review.decision IS 'same, new or reject';
COMMENT ON COLUMN contactpoint.review.note IS 'what the person noted, also with ask';
COMMENT ON SEQUENCE contactpoint.review_review_id_seq IS 'numbers of reviews';

-- Finds the open review of a reference without an index on review that a
-- manager's query could reach.
CREATE TABLE contactpoint.held_reference (
    source text NOT NULL,
    source_ref text COLLATE "C" NOT NULL,
    review_id bigint NOT NULL REFERENCES contactpoint.review,
    PRIMARY KEY (source, source_ref)
);
COMMENT ON TABLE contactpoint.held_reference IS 'references with an open review';
COMMENT ON COLUMN contactpoint.held_reference.source IS 'the feed';
COMMENT ON COLUMN contactpoint.held_reference.source_ref IS 'its reference';
COMMENT ON COLUMN contactpoint.held_reference.review_id IS 'the open review';

ALTER TABLE contactpoint.settlement
    ALTER source_ref SET STATISTICS 0, ALTER outcome SET STATISTICS 0, ALTER score SET STATISTICS 0,
    ALTER child_id SET STATISTICS 0;
ALTER TABLE contactpoint.source_link ALTER source_ref SET STATISTICS 0, ALTER child_id SET STATISTICS 0,
    ALTER sent SET STATISTICS 0;
ALTER TABLE contactpoint.review
    ALTER source_ref SET STATISTICS 0, ALTER score SET STATISTICS 0, ALTER candidates SET STATISTICS 0,
    ALTER shielded SET STATISTICS 0, ALTER reason SET STATISTICS 0;

-- A reference that was sent under both names would lead from one number to the other.
CREATE POLICY source_link_one_identity ON contactpoint.source_link AS RESTRICTIVE FOR SELECT
    USING (contactpoint._has_one_identity(child_id));
COMMENT ON POLICY source_link_one_identity ON contactpoint.source_link IS
    'references of a child that has a former identity are shown to nobody';

-- Receipts of the caller's own sources: received and settled, in minutes. Under
-- an embargo a row about an open record waits and others do not, so all that was
-- received before its end is told as settled at once, with the last of it. The view
-- is made where the gates are (45-gates.sql).

CREATE PROCEDURE contactpoint.settle(timeout interval DEFAULT '10 minutes')
    LANGUAGE c AS 'MODULE_PATHNAME', 'contactpoint_settle';
COMMENT ON PROCEDURE contactpoint.settle(interval) IS
    'Wait until everything received so far is settled; an error after the timeout.';
