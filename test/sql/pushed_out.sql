-- A record is matched by so many numbers and hidden names: one feed that sends more
-- pushes none of another's out, whoever was first.
\getenv abs_srcdir PG_ABS_SRCDIR
\set people :abs_srcdir '/people.sql'
\set ways :abs_srcdir '/ways.sql'
\i :people
\i :ways
\set SHOW_CONTEXT never

SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, identifiers) VALUES
    ('school', 'push-hidden', 1, 'Ignazius', 'Zahlmann', 'M', '2006-10-23', '{"nhs": "6040302013"}'),
    ('school', 'push-open', 1, 'Ottilia', 'Ziffernthal', 'F', '2007-04-11', '{"nhs": "6040302021"}');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT child_id AS hidden FROM contactpoint.source_link WHERE source_ref = 'push-hidden' \gset
SELECT child_id AS open FROM contactpoint.source_link WHERE source_ref = 'push-open' \gset
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'pushed out';
SELECT cardinality(contactpoint.shield(:hidden, 'threats', 'harm')) AS shielded;

-- fifty numbers of each, and fifteen other names, all of another feed; then a name that the first one knows
SET SESSION AUTHORIZATION regress_feed2;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, identifiers, alias_names)
SELECT 'other', format('push-%s-%s', k.given, b), k.given, k.family, k.sex, k.birth,
    (SELECT jsonb_object_agg('aa' || chr(96 + b) || chr(96 + n) || 'x', format('J%s%s77', b, n)) FROM generate_series(1, 17) n),
    CASE WHEN k.given = 'Ignazius' THEN
        (SELECT jsonb_agg(jsonb_build_object('kind', 'known as', 'family_name', 'Flut' || chr(96 + n) || 'name')) FROM generate_series(1, 15) n) END
FROM (VALUES ('Ignazius', 'Zahlmann', 'M', '2006-10-23'), ('Ottilia', 'Ziffernthal', 'F', '2007-04-11')) k (given, family, sex, birth), generate_series(1, 3) b;
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, identifiers, alias_names) VALUES
    ('school', 'push-hidden', 'Ignazius', 'Zahlmann', 'M', '2006-10-23', '{"nhs": "6040302013"}', '[{"kind": "birth", "given_names": "Hrothgar", "family_name": "Wasserfall"}]');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT s.source, s.outcome, count(*) FROM contactpoint.settlement s WHERE s.source_ref LIKE 'push-%' GROUP BY 1, 2 ORDER BY 1, 2;
SELECT child_id = :hidden AS hidden, count(*) FROM contactpoint.identifier WHERE child_id IN (:hidden, :open) GROUP BY 1 ORDER BY 1;

-- rows that have nothing but the number, or that name, in common with the child
SET SESSION AUTHORIZATION regress_feed2;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, identifiers) VALUES
    ('other', 'push-1', 'Xenophon', 'Fremdling', 'M', '2004-01-09', '{"nhs": "604 030 2013"}'),
    ('other', 'push-2', 'Xanthippe', 'Fremdling', 'F', '2004-01-09', '{"nhs": "604 030 2021"}'),
    ('other', 'push-3', 'Hrothgar', 'Wasserfall', 'M', '2006-10-23', NULL);
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT ref, pg_temp.outcome(ref) <> 'new' AS no_second_record FROM unnest(ARRAY['push-1', 'push-2', 'push-3']) ref ORDER BY 1;
