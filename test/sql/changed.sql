-- References that send other details again and again: each child has what was sent last and nothing else, and so have the
-- private keys.
\getenv abs_srcdir PG_ABS_SRCDIR
\set people :abs_srcdir '/people.sql'
\i :people
\set SHOW_CONTEXT never
INSERT INTO contactpoint.source (source, organisation_id, feed_role) VALUES ('changing', 1, 'regress_feed'), ('lasting', 1, 'regress_feed'),
    ('meeting', 1, 'regress_feed'), ('crossing', 1, 'regress_feed');
CREATE FUNCTION pg_temp.send(which text, round int) RETURNS void LANGUAGE sql AS $$
    INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode,
        carers, involvements)
    SELECT which, 'changed-' || i, 1, initcap(substr(n, 1, 9)), initcap(substr(n, 10, 10)), 'F', date '2001-01-01' + i * 97,
        round || ' Weg ' || i, 'CH' || i || ' 1GE',
        jsonb_build_array(jsonb_build_object('full_name', 'Mutter ' || initcap(substr(n, 10, 10)), 'contact', '07700 9' || 10000 + round * 1000 + i)),
        jsonb_build_array(jsonb_build_object('service', 'school', 'organisation', 'Schule ' || round || ' ' || i))
    FROM generate_series(1, 60) i, translate(md5('changed ' || i), '0123456789', 'ghijklmnop') n
$$;
CREATE TEMP VIEW mine AS SELECT DISTINCT l.child_id FROM contactpoint.source_link l WHERE l.source IN ('changing', 'lasting', 'meeting', 'crossing');
-- what stands on record, beside what it was made of
CREATE FUNCTION pg_temp.state(OUT children bigint, OUT addresses bigint, OUT rounds text, OUT carers bigint, OUT involvements bigint, OUT true_keys boolean)
    LANGUAGE sql AS $$
    SELECT count(DISTINCT c.child_id),
        (SELECT count(*) FROM contactpoint.address a JOIN mine m USING (child_id)),
        (SELECT string_agg(DISTINCT a.source || ' ' || split_part(a.address, ' ', 1), ', ') FROM contactpoint.address a JOIN mine m USING (child_id)),
        (SELECT count(*) FROM contactpoint.carer a JOIN mine m USING (child_id)),
        (SELECT count(*) FROM contactpoint.involvement a JOIN mine m USING (child_id)),
        (SELECT coalesce(bool_and(have.n IS NOT DISTINCT FROM want.n), false)
         FROM (SELECT k.child_id, k.kind, k.key, count(*) AS n FROM contactpoint.place_key k JOIN mine m USING (child_id) GROUP BY 1, 2, 3) have
         FULL JOIN (SELECT child_id, kind, key, count(*) AS n FROM (
                SELECT a.child_id, 'a'::"char" AS kind, contactpoint._place_key('a', a.address, a.postcode, NULL) AS key FROM contactpoint.address a JOIN mine USING (child_id)
                UNION ALL SELECT r.child_id, 'n', contactpoint._place_key('n', r.full_name, NULL, NULL) FROM contactpoint.carer r JOIN mine USING (child_id)
                UNION ALL SELECT r.child_id, 'c', contactpoint._place_key('c', r.contact, NULL, NULL) FROM contactpoint.carer r JOIN mine USING (child_id)
                UNION ALL SELECT i.child_id, 's', contactpoint._place_key('s', i.service, i.organisation, i.practitioner) FROM contactpoint.involvement i JOIN mine USING (child_id)
            ) made WHERE key IS NOT NULL GROUP BY 1, 2, 3) want USING (child_id, kind, key))
    FROM mine c
$$;
SELECT pg_temp.send('changing', 0);
CALL contactpoint.settle();
SELECT pg_temp.send('lasting', 9);
CALL contactpoint.settle();
SELECT * FROM pg_temp.state();
SELECT pg_temp.send('changing', 1);
CALL contactpoint.settle();
SELECT pg_temp.send('changing', 2);
CALL contactpoint.settle();
SELECT pg_temp.send('changing', 3);
CALL contactpoint.settle();
SELECT pg_temp.send('changing', 4);
CALL contactpoint.settle();
SELECT * FROM pg_temp.state();
-- twice in one batch: the later row counts
BEGIN;
SELECT pg_temp.send('changing', 5);
SELECT pg_temp.send('changing', 6);
COMMIT;
CALL contactpoint.settle();
SELECT * FROM pg_temp.state();
SELECT outcome, count(*) FROM contactpoint.settlement WHERE source IN ('changing', 'lasting', 'meeting', 'crossing') GROUP BY 1 ORDER BY 1;
-- references that are new, two of them of one child, in one batch: the second row of another one has the first rows written before;
-- one brings an address that is known to a child with as many as the matcher keeps, so the oldest goes
INSERT INTO contactpoint.address (child_id, address, postcode, recorded_at)
SELECT l.child_id, 'Alter Weg ' || n, 'CH3 1GE', timestamptz '2001-01-01' + n * interval '1 day'
FROM contactpoint.source_link l, generate_series(1, 30) n WHERE l.source = 'changing' AND l.source_ref = 'changed-3';
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode)
SELECT source, ref, 1, initcap(substr(n, 1, 9)), initcap(substr(n, 10, 10)), 'F', date '2001-01-01' + i * 97, address, 'CH' || i || ' 1GE'
FROM (VALUES (1, 'meeting', 'met-1', 1, '21 Weg 1'), (2, 'meeting', 'met-2', 2, '21 Weg 2'), (3, 'meeting', 'met-2', 2, '22 Weg 2'),
    (4, 'crossing', 'crossed-1', 1, '23 Weg 1'), (5, 'meeting', 'met-3', 3, '6 Weg 3')) v(line, source, ref, i, address), translate(md5('changed ' || i), '0123456789', 'ghijklmnop') n ORDER BY line;
CALL contactpoint.settle();
SELECT a.source, a.address FROM contactpoint.address a WHERE a.source IN ('meeting', 'crossing') ORDER BY 1, 2;
CREATE TEMP TABLE foreseen AS SELECT p.* FROM contactpoint.match_person p JOIN mine USING (child_id);
SELECT contactpoint._rekey_batch((SELECT array_agg(child_id) FROM mine), true);
SELECT count(*) AS foreseen, (SELECT count(*) FROM (TABLE foreseen EXCEPT TABLE contactpoint.match_person) d) AS otherwise FROM foreseen;
-- for the files that come after
CREATE TEMP TABLE gone AS TABLE mine;
DELETE FROM contactpoint.settlement WHERE source IN ('changing', 'lasting', 'meeting', 'crossing');
DELETE FROM contactpoint.receipt WHERE source IN ('changing', 'lasting', 'meeting', 'crossing');
DELETE FROM contactpoint.source_link WHERE source IN ('changing', 'lasting', 'meeting', 'crossing');
DELETE FROM contactpoint.source_tally WHERE source IN ('changing', 'lasting', 'meeting', 'crossing');
DELETE FROM contactpoint.address USING gone WHERE gone.child_id = address.child_id;
DELETE FROM contactpoint.carer USING gone WHERE gone.child_id = carer.child_id;
DELETE FROM contactpoint.involvement USING gone WHERE gone.child_id = involvement.child_id;
DELETE FROM contactpoint.responsibility USING gone WHERE gone.child_id = responsibility.child_id;
DELETE FROM contactpoint.child USING gone WHERE gone.child_id = child.child_id;
DELETE FROM contactpoint.source WHERE source IN ('changing', 'lasting', 'meeting', 'crossing');
