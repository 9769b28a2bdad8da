-- The one script of the extension, joined by make from sql/NN-*.sql in order.
--
-- Security stance: a schema of its own (a schema of that name made by somebody
-- else makes this script fail), nothing to PUBLIC that is not said aloud in
-- 90-privileges.sql, names always written with their schema.

\echo Use "CREATE EXTENSION contactpoint" to load this file. \quit

DO $$
BEGIN
    IF current_setting('server_version_num')::int < 150020 THEN
        RAISE EXCEPTION 'contactpoint needs PostgreSQL 15.20 or newer'
            USING ERRCODE = 'feature_not_supported',
                  DETAIL = 'Older releases let row security be passed by (CVE-2026-120154 among others).',
                  HINT = 'Update the server packages, then create the extension again.';
    END IF;
    IF current_setting('server_encoding') <> 'UTF8' THEN
        RAISE EXCEPTION 'contactpoint needs a database with encoding UTF8'
            USING ERRCODE = 'feature_not_supported',
                  HINT = 'CREATE DATABASE ... ENCODING ''UTF8'' TEMPLATE template0.';
    END IF;
    IF (SELECT datctype IN ('C', 'POSIX') FROM pg_catalog.pg_database
        WHERE datname = current_database()) THEN
        RAISE EXCEPTION 'contactpoint needs a database whose LC_CTYPE knows letters beyond ASCII'
            USING ERRCODE = 'feature_not_supported',
                  HINT = 'CREATE DATABASE ... LC_CTYPE ''C.UTF-8'' TEMPLATE template0.';
    END IF;
    IF EXISTS (SELECT FROM pg_catalog.pg_publication WHERE puballtables) THEN
        RAISE EXCEPTION 'contactpoint cannot be made in a database of which all tables are published'
            USING ERRCODE = 'KC009',
                  HINT = 'Drop that publication, or name its tables: a subscriber''s copy of the registry has no audit.';
    END IF;
END
$$;

-- Group roles say what one may do. They are no members of the extension, so
-- they outlive it; DBAs hand them out with GRANT.
DO $$
DECLARE
    r name;
BEGIN
    FOREACH r IN ARRAY ARRAY['contactpoint_practitioner', 'contactpoint_protection',
                             'contactpoint_override', 'contactpoint_manager',
                             'contactpoint_feed', 'contactpoint_auditor', 'contactpoint_admin'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = r) THEN
            EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', r);
        END IF;
    END LOOP;
END
$$;

CREATE SCHEMA contactpoint;
COMMENT ON SCHEMA contactpoint IS 'a children''s registry: shielded records, duplicate detection, audited reads';

GRANT USAGE ON SCHEMA contactpoint TO contactpoint_practitioner, contactpoint_protection,
    contactpoint_override, contactpoint_manager, contactpoint_feed, contactpoint_auditor,
    contactpoint_admin;

-- Tables of the registry are plain heaps that cannot be opened by a server
-- that does not have the library preloaded: the handler is an error there, for
-- superusers too. Nothing is ever read silently because a setting was lost.
CREATE FUNCTION contactpoint._heap_handler(internal) RETURNS table_am_handler
    LANGUAGE c AS 'MODULE_PATHNAME', 'contactpoint_heap_handler';
COMMENT ON FUNCTION contactpoint._heap_handler(internal) IS
    'hands out PostgreSQL''s own heap, only where the library is preloaded';

CREATE ACCESS METHOD contactpoint_heap TYPE TABLE HANDLER contactpoint._heap_handler;
COMMENT ON ACCESS METHOD contactpoint_heap IS
    'PostgreSQL''s own heap, which refuses to open where the library is not preloaded';

SET LOCAL default_table_access_method = contactpoint_heap;

-- Who asks. All of these look at the log-in and SET ROLE, never at a definer.
CREATE FUNCTION contactpoint._caller() RETURNS name
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'contactpoint_caller';
COMMENT ON FUNCTION contactpoint._caller() IS 'the role in force: the log-in, or what SET ROLE made of it';

CREATE FUNCTION contactpoint._caller_organisation() RETURNS bigint
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'contactpoint_caller_organisation';
COMMENT ON FUNCTION contactpoint._caller_organisation() IS 'the organisation of the caller''s account, or null';

CREATE FUNCTION contactpoint._require_role(VARIADIC roles name[]) RETURNS void
    LANGUAGE c STRICT STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'contactpoint_require_role';
COMMENT ON FUNCTION contactpoint._require_role(name[]) IS
    'an error unless the caller has a current account and one of these group roles';

CREATE FUNCTION contactpoint._require_manager_of(organisation_id bigint) RETURNS void
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'contactpoint_require_manager_of';
COMMENT ON FUNCTION contactpoint._require_manager_of(bigint) IS
    'an error unless the caller manages records of this organisation (null: of nobody yet)';

CREATE FUNCTION contactpoint._check_text(what text, value text, max_chars int) RETURNS text
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'contactpoint_check_text';
COMMENT ON FUNCTION contactpoint._check_text(text, text, int) IS
    'the value, trimmed; an error if it is empty, too long or holds control characters';

CREATE FUNCTION contactpoint._manages(organisation_id bigint) RETURNS boolean
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'contactpoint_manages';
COMMENT ON FUNCTION contactpoint._manages(bigint) IS
    'does the caller manage records of this organisation (null: of nobody yet)?';
CREATE FUNCTION contactpoint._has_role(role_name name) RETURNS boolean
    LANGUAGE c STRICT STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'contactpoint_has_role';
COMMENT ON FUNCTION contactpoint._has_role(name) IS 'has the caller this group role?';

-- Every call of the interface that changes something is a door (C symbol
-- contactpoint_command): it records the call, runs the private function of the
-- same name with _do_ before it as own work of the extension, and records a
-- refusal.

CREATE FUNCTION contactpoint._name_children(children bigint[]) RETURNS void
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_name_children';
COMMENT ON FUNCTION contactpoint._name_children(bigint[]) IS
    'adds children to the audit entry of the call that is being carried out';
