-- The peer: what a careful DBA writes without an extension. The same tables with
-- the same rows, plain, and row security that is forced on the owner too.
--
-- A reader must be one of staff; of a shielded child's address the reader must
-- hold a grant. bench_checked is asked for a current account besides, once a
-- statement; others are not, so that nobody can say the peer was made slow.
\ir people.sql
\ir children.sql
CREATE ROLE bench_checked LOGIN;
CREATE ROLE practitioner NOLOGIN;
CREATE ROLE checked_practitioner NOLOGIN;
GRANT practitioner TO bench_flush, bench_async, bench_manager, bench_manager_async;
GRANT checked_practitioner TO bench_checked;

CREATE SCHEMA contactpoint;
CREATE TABLE contactpoint.organisation (
    organisation_id bigint PRIMARY KEY,
    name text NOT NULL,
    stage text NOT NULL
);
CREATE TABLE contactpoint.account (
    role_name name PRIMARY KEY,
    organisation_id bigint NOT NULL REFERENCES contactpoint.organisation,
    trained_until date NOT NULL,
    checked_until date NOT NULL,
    suspended_at timestamptz
);
INSERT INTO contactpoint.organisation VALUES (1, 'Northshire', 'live');
INSERT INTO contactpoint.account
SELECT rolname, 1, current_date + 99, current_date + 99 FROM pg_roles WHERE rolname LIKE 'bench%';

CREATE TABLE contactpoint.child (
    child_id bigint PRIMARY KEY,
    given_names text NOT NULL,
    family_name text NOT NULL,
    sex text NOT NULL,
    date_of_birth date NOT NULL,
    shielded boolean NOT NULL DEFAULT false
);
CREATE TABLE contactpoint.address (
    child_id bigint NOT NULL REFERENCES contactpoint.child,
    shielded boolean NOT NULL DEFAULT false,
    address text,
    postcode text,
    source text NOT NULL DEFAULT 'manual',
    recorded_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE contactpoint.access_grant (
    child_id bigint NOT NULL REFERENCES contactpoint.child,
    grantee name NOT NULL,
    until timestamptz NOT NULL,
    PRIMARY KEY (child_id, grantee)
);
INSERT INTO contactpoint.child
SELECT child_id, given_names, family_name, sex, date_of_birth FROM made_up ORDER BY date_of_birth;
INSERT INTO contactpoint.address (child_id, address, postcode)
SELECT child_id, address, postcode FROM made_up ORDER BY date_of_birth;
CREATE INDEX ON contactpoint.child (date_of_birth);
CREATE INDEX ON contactpoint.address (child_id);

ALTER TABLE contactpoint.child ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE contactpoint.address ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE contactpoint.account ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON contactpoint.account FOR SELECT USING (role_name = current_user);
CREATE POLICY staff ON contactpoint.child FOR SELECT TO practitioner USING (true);
CREATE POLICY staff ON contactpoint.address FOR SELECT TO practitioner
    USING (NOT shielded OR EXISTS (
        SELECT FROM contactpoint.access_grant g
        WHERE g.child_id = address.child_id AND g.grantee = current_user AND g.until > now()));
CREATE POLICY checked ON contactpoint.child FOR SELECT TO checked_practitioner
    USING (EXISTS (
        SELECT FROM contactpoint.account a JOIN contactpoint.organisation o USING (organisation_id)
        WHERE a.role_name = current_user AND a.suspended_at IS NULL AND a.trained_until >= current_date
          AND a.checked_until >= current_date AND o.stage IN ('testing', 'live')));
GRANT USAGE ON SCHEMA contactpoint TO practitioner, checked_practitioner;
GRANT SELECT ON ALL TABLES IN SCHEMA contactpoint TO practitioner, checked_practitioner;
VACUUM ANALYZE;
