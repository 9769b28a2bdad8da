-- Loads what generate wrote into a fresh registry, as an announced restore.
-- Needs :dir, where the files lie.  Sources belong to role generate_feed, manager is generate_manager.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
CREATE ROLE generate_feed LOGIN IN ROLE contactpoint_feed;
CREATE ROLE generate_manager LOGIN IN ROLE contactpoint_manager;
INSERT INTO contactpoint.organisation (organisation_id, name, stage)
SELECT i, 'Authority ' || i, 'live' FROM generate_series(1, 10) i;
INSERT INTO contactpoint.account (role_name, organisation_id, full_name, trained_until, checked_until)
VALUES ('generate_manager', 1, 'Made up', current_date + 99, current_date + 99);
INSERT INTO contactpoint.source (source, organisation_id, feed_role)
SELECT s, 1, 'generate_feed' FROM unnest('{births,schools,health,benefits}'::text[]) s
UNION ALL SELECT 'agency' || i, 1, 'generate_feed' FROM generate_series(1, 8) i;
SET contactpoint.restoring = on;
SET session_replication_role = replica;
\cd :dir
\copy contactpoint.child FROM 'child.csv' (FORMAT csv)
\copy contactpoint.address (child_id, shielded, address, postcode, source) FROM 'address.csv' (FORMAT csv)
\copy contactpoint.carer (child_id, shielded, full_name, relationship, contact, source) FROM 'carer.csv' (FORMAT csv)
\copy contactpoint.involvement (child_id, shielded, service, organisation, source) FROM 'involvement.csv' (FORMAT csv)
\copy contactpoint.responsibility (child_id, shielded, organisation_id) FROM 'responsibility.csv' (FORMAT csv)
\copy contactpoint.alias (child_id, kind, given_names, family_name, source) FROM 'alias.csv' (FORMAT csv)
\copy contactpoint.shield (child_id, category, reason, placed_by, review_on) FROM 'shield.csv' (FORMAT csv)
\copy contactpoint.source_link (source, source_ref, child_id, authority) FROM 'source_link.csv' (FORMAT csv)
RESET contactpoint.restoring;
RESET session_replication_role;
SELECT contactpoint.validate_restore() AS validated;
-- as autovacuum would in time: without, settling comes upon plans for empty tables
ANALYZE;
