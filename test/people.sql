-- People that every test file may use; made once, found by the others.
\set QUIET on
SET client_min_messages = warning;
\set VERBOSITY default
DO $$
DECLARE
    r record;
BEGIN
    FOR r IN SELECT * FROM (VALUES
        ('regress_manager', 'contactpoint_manager'), ('regress_manager2', 'contactpoint_manager'),
        ('regress_elsewhere', 'contactpoint_manager'), ('regress_practitioner', 'contactpoint_practitioner'),
        ('regress_social', 'contactpoint_protection'), ('regress_override', 'contactpoint_override'),
        ('regress_auditor', 'contactpoint_auditor'), ('regress_admin', 'contactpoint_admin'),
        ('regress_feed', 'contactpoint_feed'), ('regress_feed2', 'contactpoint_feed'),
        ('regress_untrained', 'contactpoint_practitioner'), ('regress_unchecked', 'contactpoint_practitioner'),
        ('regress_suspended', 'contactpoint_practitioner'), ('regress_closed', 'contactpoint_practitioner'),
        ('regress_noaccount', 'contactpoint_practitioner')) v(role_name, group_role)
    LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = r.role_name) THEN
            EXECUTE format('CREATE ROLE %I LOGIN IN ROLE %I', r.role_name, r.group_role);
        END IF;
    END LOOP;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'regress_nobody') THEN
        CREATE ROLE regress_nobody LOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM contactpoint.organisation) THEN
        INSERT INTO contactpoint.organisation (organisation_id, name, kind, stage) VALUES
            (1, 'Northshire', 'authority', 'live'), (2, 'Southshire', 'authority', 'testing'),
            (3, 'Closedshire', 'authority', 'suspended');
        INSERT INTO contactpoint.account (role_name, organisation_id, full_name, trained_until, checked_until, suspended_at)
        SELECT role_name, org, initcap(substr(role_name, 9)), current_date + trained, current_date + checked, susp
        FROM (VALUES ('regress_manager', 1, 9, 9, NULL::timestamptz), ('regress_manager2', 1, 9, 9, NULL),
            ('regress_elsewhere', 2, 9, 9, NULL), ('regress_practitioner', 1, 9, 9, NULL), ('regress_social', 1, 9, 9, NULL),
            ('regress_override', 1, 9, 9, NULL), ('regress_auditor', 1, 9, 9, NULL), ('regress_admin', 1, 9, 9, NULL),
            ('regress_untrained', 1, -9, 9, NULL), ('regress_unchecked', 1, 9, -9, NULL),
            ('regress_suspended', 1, 9, 9, now()), ('regress_closed', 3, 9, 9, NULL)) v(role_name, org, trained, checked, susp);
        INSERT INTO contactpoint.source (source, organisation_id, feed_role) VALUES
            ('school', 1, 'regress_feed'), ('health', 1, 'regress_feed'), ('other', 2, 'regress_feed2');
    END IF;
END
$$;
RESET client_min_messages;
\set QUIET off
