-- The failures of 2009 and others that are on record, each under its name: none can come again. What takes more than one
-- session or a server of its own stands elsewhere under the same names: old snapshot still reads (specs/old-snapshot-conc,
-- open-cursor-conc, t/054_tidy), restore loses shield (t/010_restore, too), all feeds stopped by hand (t/052_pause, too).
\getenv abs_srcdir PG_ABS_SRCDIR
\set people :abs_srcdir '/people.sql'
\i :people
\set SHOW_CONTEXT never
\pset null '-'
INSERT INTO contactpoint.source (source, organisation_id, feed_role) VALUES ('first', 1, 'regress_feed'), ('second', 1, 'regress_feed');
CREATE FUNCTION pg_temp.attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    RETURN '00000';
EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE;
END $$;

SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode, carers, identifiers) VALUES
    ('first', 'fa-1', 1, 'Hadwiga', 'Gefluechtet', 'F', '2008-10-07', '1 Former Street', 'FA1 1FA', '[{"full_name": "Gerlinde Gefluechtet", "contact": "07700 900881"}]', '{"upn": "F820200099999"}'),
    ('first', 'fa-2', 1, 'Sigismund', 'Unbehelligt', 'M', '2010-02-23', '2 Quiet Street', 'FA2 2FA', NULL, NULL);
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT child_id AS hadwiga FROM contactpoint.source_link WHERE source_ref = 'fa-1' \gset
SELECT child_id AS sigismund FROM contactpoint.source_link WHERE source_ref = 'fa-2' \gset
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.shield(:hadwiga, 'threats by the father', 'fled') = ARRAY[:hadwiga::bigint] AS shielded;
RESET SESSION AUTHORIZATION;

-- unmatched upload (2009): rows about a shielded child that match badly make no second, open record
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode, identifiers) VALUES
    ('second', 'fa-u1', 'Hadwiga', 'Gefluchtet', 'F', '2008-10-07', '3 Refuge Street', 'FA3 3FA', NULL),
    ('second', 'fa-u2', 'Hadwiga', 'Neuname', 'F', '2008-10-07', '3 Refuge Street', 'FA3 3FA', NULL),
    ('second', 'fa-u3', 'Hadwiga', 'Gefluechtet', 'F', '2008-07-10', NULL, NULL, NULL),
    ('second', 'fa-u4', 'Hedwig', 'Gefluechtet', 'F', '2008-10-08', '1 Former Street', 'FA1 1FA', NULL),
    ('second', 'fa-u5', 'Hadwiga Maria', 'Ganzanders', 'F', '2008-10-07', NULL, NULL, '{"upn": "f820 200099999"}');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT count(*) AS rows, count(*) FILTER (WHERE s.outcome = 'new') AS records, bool_and(coalesce(s.child_id = :hadwiga, true)) AS hers_or_held
FROM contactpoint.settlement s WHERE s.source_ref LIKE 'fa-u_';
SELECT count(*) AS open_addresses FROM contactpoint.address_open WHERE address = '3 Refuge Street';

-- six duplicates: one child was in the index six times
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('first', 'fa-d1', 'Theophil', 'Sechsfach', 'M', '2007-12-19', '6 Single Street', 'FA6 6FA'),
    ('second', 'fa-d2', 'Theophil', 'Sechsfach', 'M', '2007-12-19', '6 Single Street', 'FA6 6FA'),
    ('school', 'fa-d3', 'Teophil', 'Sechsfach', 'M', '2007-12-19', '6 Single St', 'FA6 6FA'),
    ('health', 'fa-d4', 'Theophil', 'Sechsfach', 'U', '2007-12-19', '6 Single Street', 'FA6 6FA'),
    ('first', 'fa-d1', 'Theophil', 'Sechsfach', 'M', '2007-12-19', '7 Single Street', 'FA6 6FA'),
    ('health', 'fa-d6', 'Theophil', 'Sechsfach', 'M', '2007-12-19', '6 Single Street', 'fa66fa');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT count(*) AS records FROM contactpoint.child WHERE family_name = 'Sechsfach';
SELECT pg_temp.attempt('INSERT INTO contactpoint.child (given_names, family_name, sex, date_of_birth) VALUES (''Theophil'', ''Sechsfach'', ''M'', ''2007-12-19'')') AS by_hand;

-- feed clears shield: nothing that a feed sends lifts or weakens one
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode, carers, identifiers, involvements) VALUES
    ('first', 'fa-1', 2, 'Hadwiga', 'Gefluechtet', 'F', '2008-10-07', '', '', '[]', '{"upn": ""}', '[]'),
    ('first', 'fa-1', 2, 'Hadwiga', 'Gefluechtet', 'F', '2008-10-07', '3 Refuge Street', 'FA3 3FA', '[{"full_name": "Gerlinde Gefluechtet", "contact": "07700 900882"}]', NULL, NULL);
SELECT pg_temp.attempt(format('UPDATE contactpoint.child SET shielded = false WHERE child_id = %s', :hadwiga)) AS by_hand,
    pg_temp.attempt(format('SELECT contactpoint.request_unshield(%s, ''sent as open'')', :hadwiga)) AS asks;
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT c.shielded, count(*) AS standing, min(s.category) AS category, min(s.authority) AS authority FROM contactpoint.child c
JOIN contactpoint.shield s USING (child_id) WHERE c.child_id = :hadwiga AND s.lifted_at IS NULL GROUP BY 1;
SELECT count(*) FILTER (WHERE shielded) > 0 AS vault, count(*) FILTER (WHERE NOT shielded) AS open FROM contactpoint.address WHERE child_id = :hadwiga;

-- all feeds stopped by hand: stopping is one call, and going on is refused while held rows may concern shielded children
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.pause_uploads('second', 'second records of shielded children');
SELECT pg_temp.attempt('SELECT contactpoint.resume_uploads(''second'')') AS resumed;
SET contactpoint.reason = 'what stands in the way';
SELECT count(*) > 0 AS names_the_reviews FROM contactpoint.reviews_due WHERE source = 'second';
SET SESSION AUTHORIZATION regress_feed;
SELECT pg_temp.attempt('INSERT INTO contactpoint.upload (source, source_ref) VALUES (''second'', ''fa-p'')') AS sent;
RESET SESSION AUTHORIZATION;

-- window before shielding: a first load shows nothing until every authority has shielded its children
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.embargo('first', 'first load of a new service');
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('first', 'fa-w1', 1, 'Kreszentia', 'Fensterlein', 'F', '2012-06-01', '8 Window Street', 'FA8 8FA'),
    ('first', 'fa-2', 1, 'Sigismund', 'Unbehelligt', 'M', '2010-02-23', '9 Window Street', 'FA8 8FA');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT c.shielded FROM contactpoint.child c WHERE c.family_name = 'Fensterlein';
SELECT count(*) AS open_addresses FROM contactpoint.address_open WHERE address LIKE '% Window Street';
SET SESSION AUTHORIZATION regress_admin;
SELECT pg_temp.attempt('SELECT contactpoint.release(''first'')') AS too_early;
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.shielding_done('first', 1);
SET SESSION AUTHORIZATION regress_admin;
SELECT contactpoint.release('first');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT count(*) AS open_addresses FROM contactpoint.address_open WHERE address LIKE '% Window Street';

-- sibling gives address away: who comes later with an address or a carer's contact of hers is born shielded
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode, carers) VALUES
    ('first', 'fa-s1', 2, 'Ingomar', 'Geschwister', 'M', '2015-01-11', '3, Refuge St', 'fa3-3fa', NULL),
    ('first', 'fa-s2', 2, 'Roswitha', 'Andernorts', 'F', '2003-08-30', '10 Far Street', 'FA9 9FA', '[{"full_name": "G. Gefluechtet", "contact": "07700900882"}]');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT k.source_ref, c.shielded FROM contactpoint.source_link k JOIN contactpoint.child c USING (child_id) WHERE k.source_ref LIKE 'fa-s_' ORDER BY 1;
SELECT count(*) AS open_addresses FROM contactpoint.address_open WHERE address IN ('3, Refuge St', '10 Far Street');

-- shield lifted by one person: it takes two, and a household of which nobody stays hidden
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.request_unshield(:hadwiga, 'danger is over') AS request \gset
SELECT pg_temp.attempt(format('SELECT contactpoint.approve_unshield(%s)', :request)) AS alone;
SET SESSION AUTHORIZATION regress_manager2;
SELECT pg_temp.attempt(format('SELECT contactpoint.approve_unshield(%s)', :request)) AS while_it_hides_others;
RESET SESSION AUTHORIZATION;
SELECT shielded FROM contactpoint.child WHERE child_id = :hadwiga;

-- restore loses shield: what does not agree is not opened for reading
SELECT pg_temp.attempt(format('UPDATE contactpoint.shield SET lifted_at = now() WHERE child_id = %s', :hadwiga)) AS shields_taken_away;
SELECT pg_temp.attempt('SELECT contactpoint.validate_restore()') AS validated;
UPDATE contactpoint.shield SET lifted_at = NULL WHERE child_id = :hadwiga;
SELECT pg_temp.attempt('SELECT contactpoint.validate_restore()') AS validated;

-- replica role bypasses: triggers and foreign keys that a role for replication leaves out
SET session_replication_role = replica;
SELECT pg_temp.attempt(format('UPDATE contactpoint.child SET shielded = false WHERE child_id = %s', :hadwiga)) AS opened,
    pg_temp.attempt(format('SELECT contactpoint.shield(%s, ''by replica'', ''harm'', false)', :sigismund)) AS shielded,
    pg_temp.attempt('INSERT INTO contactpoint.child (given_names, family_name, sex, date_of_birth) VALUES (''Hadwiga'', ''Gefluechtet'', ''F'', ''2008-10-07'')') AS second_record;
RESET session_replication_role;
SELECT c.shielded, (SELECT count(*) FROM contactpoint.address_open a WHERE a.child_id = c.child_id) AS open_addresses
FROM contactpoint.child c WHERE c.child_id = :hadwiga;

-- recycled reference overwrites: a reference counts only while name or birth date agree
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('first', 'fa-2', 'Walpurga', 'Nachfolgend', 'F', '2016-09-14', '11 Other Street', 'FA4 4FA');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT c.given_names, a.address FROM contactpoint.child c JOIN contactpoint.address a USING (child_id) WHERE c.child_id = :sigismund;
SELECT outcome, child_id FROM contactpoint.settlement WHERE source_ref = 'fa-2' ORDER BY upload_id DESC LIMIT 1;
UPDATE contactpoint.source SET paused_at = NULL WHERE source = 'second';
