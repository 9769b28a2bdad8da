-- The registry on the server under test, filled as by an announced restore.
-- The check digit is given up: pgbench cannot compute it.
SET client_min_messages = warning;
CREATE EXTENSION contactpoint CASCADE;
\ir people.sql
\ir children.sql

GRANT contactpoint_practitioner TO bench_flush, bench_async;
GRANT contactpoint_manager TO bench_manager, bench_manager_async;
GRANT contactpoint_auditor TO bench_auditor;
ALTER ROLE bench_async SET contactpoint.audit_durability = async;
ALTER ROLE bench_manager_async SET contactpoint.audit_durability = async;
INSERT INTO contactpoint.organisation (organisation_id, name, stage) VALUES (1, 'Northshire', 'live');
INSERT INTO contactpoint.account (role_name, organisation_id, full_name, trained_until, checked_until)
SELECT rolname, 1, 'Made up', current_date + 99, current_date + 99 FROM pg_roles WHERE rolname LIKE 'bench%';

SET contactpoint.allow_drop = on;
ALTER TABLE contactpoint.child DROP CONSTRAINT child_child_id_check;
RESET contactpoint.allow_drop;
SET contactpoint.restoring = on;
SET session_replication_role = replica;
INSERT INTO contactpoint.child (child_id, given_names, family_name, sex, date_of_birth)
SELECT child_id, given_names, family_name, sex, date_of_birth FROM made_up ORDER BY date_of_birth;
INSERT INTO contactpoint.address (child_id, address, postcode)
SELECT child_id, address, postcode FROM made_up ORDER BY date_of_birth;
RESET contactpoint.restoring;
RESET session_replication_role;
SELECT contactpoint.validate_restore();
VACUUM ANALYZE;
