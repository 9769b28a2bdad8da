-- How many children one may look at, in a statement and in a day.
\getenv abs_srcdir PG_ABS_SRCDIR
\set people :abs_srcdir '/people.sql'
\i :people
\set SHOW_CONTEXT never
\set QUIET on

INSERT INTO contactpoint.child (given_names, family_name, sex, date_of_birth) VALUES
    ('Adelheid', 'Limitzwirn', 'F', '2003-01-11'), ('Benvenuto', 'Limitquast', 'M', '2004-02-12'),
    ('Cleopatra', 'Limitborst', 'F', '2005-03-13'), ('Dagobert', 'Limitflachs', 'M', '2006-04-14'),
    ('Eleonora', 'Limitjute', 'F', '2007-05-15'), ('Ferdinand', 'Limithanf', 'M', '2008-06-16');
CREATE TABLE many AS SELECT row_number() OVER (ORDER BY family_name) AS n, child_id FROM contactpoint.child WHERE family_name LIKE 'Limit%';
INSERT INTO contactpoint.address (child_id, address) SELECT child_id, n || ' Limit Street' FROM many;
GRANT SELECT ON many TO PUBLIC;
SELECT array_agg(child_id) FILTER (WHERE n <= 3) AS three, array_agg(child_id) FILTER (WHERE n <= 4) AS four, array_agg(child_id) AS six FROM many \gset
CREATE TABLE started AS SELECT clock_timestamp() AS at;
CREATE ROLE regress_limited LOGIN IN ROLE contactpoint_practitioner;
CREATE ROLE regress_limited_day LOGIN IN ROLE contactpoint_practitioner;
INSERT INTO contactpoint.account (role_name, organisation_id, full_name, trained_until, checked_until)
    VALUES ('regress_limited', 1, 'Limited', current_date + 9, current_date + 9),
           ('regress_limited_day', 1, 'Limited', current_date + 9, current_date + 9);
CREATE FUNCTION given(bigint) RETURNS text LANGUAGE sql VOLATILE AS 'SELECT given_names FROM contactpoint.child WHERE child_id = $1';
CREATE FUNCTION given_by_manager(bigint) RETURNS text LANGUAGE sql SECURITY DEFINER AS
    'SELECT given_names FROM contactpoint.child WHERE child_id = $1';
ALTER FUNCTION given_by_manager(bigint) OWNER TO regress_manager;
\set QUIET off

SHOW contactpoint.max_disclosure;
SHOW contactpoint.max_disclosure_day;
SET contactpoint.max_disclosure = 3;
SET SESSION AUTHORIZATION regress_limited;
SET contactpoint.reason = 'limit test';
-- three are not too many, the fourth is
SELECT count(*) FROM contactpoint.child WHERE child_id = ANY (:'three');
SELECT count(*) FROM contactpoint.child WHERE child_id = ANY (:'four');
SELECT given_names FROM contactpoint.child WHERE family_name LIKE 'Limit%';
-- a child counts once, in whatever table and however often
SELECT count(*) FROM contactpoint.child c, contactpoint.address a WHERE c.child_id = ANY (:'three') AND a.child_id = ANY (:'three');
SELECT count(*) FROM contactpoint.child c, generate_series(1, 5) WHERE child_id = ANY (:'three');
-- all that the client's statement sets off counts together
SELECT given(child_id) FROM many WHERE n <= 3 ORDER BY n;
SELECT given(child_id) FROM many ORDER BY n;
SELECT given(child_id) IS NOT NULL AS function, (SELECT count(*) FROM contactpoint.child c WHERE child_id = ANY (:'three')) AS subselect
    FROM many WHERE n = 4;
DO $$ BEGIN FOR i IN 1..4 LOOP PERFORM given_names FROM contactpoint.child WHERE child_id = (SELECT child_id FROM many WHERE n = i); END LOOP; END $$;
DO $$ BEGIN PERFORM given(child_id) FROM many; EXCEPTION WHEN SQLSTATE 'KC013' THEN RAISE NOTICE 'caught'; PERFORM given(child_id) FROM many WHERE n = 6; END $$;
COPY (SELECT 'a row' FROM contactpoint.child WHERE child_id = ANY (:'four')) TO STDOUT;
-- nobody's rights are borrowed
SELECT given_by_manager(child_id) FROM many ORDER BY n;
-- prepared, and again
PREPARE named AS SELECT count(*) FROM contactpoint.child WHERE child_id = ANY ($1);
EXECUTE named(:'three');
EXECUTE named(:'four');
EXECUTE named(:'three');
-- a cursor goes on counting where it stopped
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT given(child_id) FROM many;
FETCH 2 FROM c;
FETCH 1 FROM c;
FETCH BACKWARD 2 FROM c;
SELECT given(child_id) FROM many WHERE n > 3;
ROLLBACK;
BEGIN;
DECLARE c CURSOR FOR SELECT 'a row' FROM contactpoint.child WHERE family_name LIKE 'Limit%';
FETCH 2 FROM c;
FETCH 1 FROM c;
FETCH 1 FROM c;
ROLLBACK;
-- it is no setting of theirs
SET contactpoint.max_disclosure = 0;
SET contactpoint.max_disclosure_day = 0;
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'limit test';
SELECT count(*) FROM contactpoint.child WHERE child_id = ANY (:'six');
SET SESSION AUTHORIZATION regress_override;
SET contactpoint.reason = 'limit test';
SELECT count(*) FROM contactpoint.child WHERE child_id = ANY (:'six');
SET SESSION AUTHORIZATION regress_social;
SET contactpoint.reason = 'limit test';
SELECT count(*) FROM contactpoint.child WHERE child_id = ANY (:'six');
SET SESSION AUTHORIZATION regress_auditor;
SET contactpoint.reason = 'limit test';
SELECT count(*) > 3 AS auditors_read_the_audit FROM contactpoint.audit;
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM contactpoint.child WHERE child_id = ANY (:'six');
SET contactpoint.max_disclosure = 0;
SET SESSION AUTHORIZATION regress_limited;
SET contactpoint.reason = 'limit test';
SELECT count(*) FROM contactpoint.child WHERE child_id = ANY (:'six');
-- a role that becomes a manager's is free at once, and not any more when it ends
RESET SESSION AUTHORIZATION;
SET contactpoint.max_disclosure = 3;
GRANT contactpoint_manager TO regress_limited;
SET SESSION AUTHORIZATION regress_limited;
SELECT count(*) FROM contactpoint.child WHERE child_id = ANY (:'six');
RESET SESSION AUTHORIZATION;
REVOKE contactpoint_manager FROM regress_limited;
SET SESSION AUTHORIZATION regress_limited;
SELECT count(*) FROM contactpoint.child WHERE child_id = ANY (:'six');
RESET SESSION AUTHORIZATION;
RESET contactpoint.max_disclosure;

-- the day: in all sessions of the role together, a ROLLBACK takes nothing back
ALTER ROLE regress_limited_day SET contactpoint.max_disclosure_day = 7;
\c - regress_limited_day
SET contactpoint.reason = 'limit test';
BEGIN;
SELECT count(*) FROM contactpoint.child WHERE child_id = ANY (:'four');
ROLLBACK;
\c - regress_limited_day
SET contactpoint.reason = 'limit test';
SELECT count(*) FROM contactpoint.child WHERE child_id = ANY (:'four');
SELECT given_names FROM contactpoint.child WHERE family_name = 'Limitborst';
SELECT count(*) FROM contactpoint.child WHERE family_name = 'Nosuchlimit';
\c - postgres
SELECT outcome, cardinality(children) AS children FROM contactpoint.audit WHERE effective_role = 'regress_limited_day' AND at > (SELECT at FROM started) ORDER BY entry;
-- what was seen until then is on record
SELECT outcome, cardinality(children) AS children, count(*)
FROM contactpoint.audit WHERE effective_role = 'regress_limited' AND at > (SELECT at FROM started) GROUP BY 1, 2 ORDER BY 1, 2;

\set QUIET on
DROP FUNCTION given(bigint), given_by_manager(bigint);
DELETE FROM contactpoint.account WHERE role_name LIKE 'regress_limited%';
DROP ROLE regress_limited, regress_limited_day;
DROP TABLE many, started;
