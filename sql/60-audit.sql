-- The audit: the journal that no ROLLBACK undoes.
--
-- An entry is appended by the library itself (src/journal.c), frozen and with
-- its own WAL record. The table must stay as it is made here: an index, a
-- trigger, a TOAST table or another access method would not be served by that,
-- so the library refuses all reads of the registry where there is one.

-- Bytes that are never moved out of line, so the journal has no TOAST table.
CREATE TYPE contactpoint.journal_body;
CREATE FUNCTION contactpoint._journal_body_in(cstring) RETURNS contactpoint.journal_body
    LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'byteain';
COMMENT ON FUNCTION contactpoint._journal_body_in(cstring) IS 'input of journal_body';
CREATE FUNCTION contactpoint._journal_body_out(contactpoint.journal_body) RETURNS cstring
    LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'byteaout';
COMMENT ON FUNCTION contactpoint._journal_body_out(contactpoint.journal_body) IS 'output of journal_body';
CREATE FUNCTION contactpoint._journal_body_recv(internal) RETURNS contactpoint.journal_body
    LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'bytearecv';
COMMENT ON FUNCTION contactpoint._journal_body_recv(internal) IS 'binary input of journal_body';
CREATE FUNCTION contactpoint._journal_body_send(contactpoint.journal_body) RETURNS bytea
    LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'byteasend';
COMMENT ON FUNCTION contactpoint._journal_body_send(contactpoint.journal_body) IS 'binary output of journal_body';
CREATE TYPE contactpoint.journal_body (
    INPUT = contactpoint._journal_body_in, OUTPUT = contactpoint._journal_body_out,
    RECEIVE = contactpoint._journal_body_recv, SEND = contactpoint._journal_body_send,
    INTERNALLENGTH = VARIABLE, ALIGNMENT = int4, STORAGE = plain
);
COMMENT ON TYPE contactpoint.journal_body IS 'one audit entry, as bytes that fit a page; see src/entry.c';

CREATE TABLE contactpoint.journal (
    at timestamptz NOT NULL,
    pid int NOT NULL,
    seq bigint NOT NULL,
    body contactpoint.journal_body NOT NULL
) WITH (vacuum_truncate = off);
COMMENT ON TABLE contactpoint.journal IS 'every look at the registry and every command, appended before the answer leaves';
COMMENT ON COLUMN contactpoint.journal.at IS 'when the entry was appended';
COMMENT ON COLUMN contactpoint.journal.pid IS 'process of the server that appended it';
COMMENT ON COLUMN contactpoint.journal.seq IS 'its number in that process: no gaps';
COMMENT ON COLUMN contactpoint.journal.body IS 'the entry; view audit shows its fields';

CREATE FUNCTION contactpoint._audit_decode(body contactpoint.journal_body,
        OUT "session_user" name, OUT effective_role name, OUT organisation bigint, OUT reason text,
        OUT application text, OUT client text, OUT command text, OUT statement text, OUT parameters text, OUT relation text,
        OUT vault boolean, OUT outcome text)
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'contactpoint_audit_decode';
COMMENT ON FUNCTION contactpoint._audit_decode(contactpoint.journal_body) IS 'the fields of an audit entry';
