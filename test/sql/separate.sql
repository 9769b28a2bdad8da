-- A reference is parted from a child, a decision is remembered and taken back, a batch is
-- reverted: recycled reference overwrites, six duplicates, never.
\getenv abs_srcdir PG_ABS_SRCDIR
\set people :abs_srcdir '/people.sql'
\set ways :abs_srcdir '/ways.sql'
\i :people
\i :ways
\set SHOW_CONTEXT never
\pset null '-'
SELECT clock_timestamp() AS started \gset
INSERT INTO contactpoint.source (source, organisation_id, feed_role) VALUES ('parted', 1, 'regress_feed'), ('parted too', 1, 'regress_feed');
CREATE FUNCTION pg_temp.picture(of_child bigint) RETURNS TABLE (what text, said text) LANGUAGE sql AS $$
    SELECT 'child', concat_ws(' ', given_names, family_name, shielded) FROM contactpoint.child WHERE child_id = of_child
    UNION ALL SELECT 'alias', concat_ws(' ', kind, given_names, family_name, source) FROM contactpoint.alias WHERE child_id = of_child
    UNION ALL SELECT tableoid::regclass::text, concat_ws(' ', address, postcode, source) FROM contactpoint.address WHERE child_id = of_child
    UNION ALL SELECT tableoid::regclass::text, concat_ws(' ', full_name, contact, source) FROM contactpoint.carer WHERE child_id = of_child
    UNION ALL SELECT tableoid::regclass::text, concat_ws(' ', kind, value, source) FROM contactpoint.identifier WHERE child_id = of_child
    UNION ALL SELECT tableoid::regclass::text, organisation_id::text FROM contactpoint.responsibility WHERE child_id = of_child
    UNION ALL SELECT 'link', concat_ws(' ', source, source_ref, sent IS NOT NULL) FROM contactpoint.source_link WHERE child_id = of_child
    UNION ALL SELECT 'shield', concat_ws(' ', category, reason, authority, provisional, lifted_at IS NOT NULL) FROM contactpoint.shield WHERE child_id = of_child
    ORDER BY 1, 2 $$;
-- what became of the rows of a reference
CREATE FUNCTION pg_temp.became(ref text) RETURNS TABLE (outcome text, went boolean, open_reviews bigint) LANGUAGE sql AS $$
    SELECT s.outcome, s.child_id IS NOT NULL, (SELECT count(*) FROM contactpoint.review r WHERE r.source_ref = ref AND r.decided_at IS NULL)
    FROM contactpoint.settlement s WHERE s.source_ref = ref ORDER BY s.upload_id $$;

-- two references of one source and one of another go to one record; one of them is another child's
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode, identifiers, carers, alias_names) VALUES
    ('parted', 'se-1', 1, 'Wunibald', 'Zaunkoenig', 'M', '2011-04-01', '1 Parting Lane', 'SE1 1SE', NULL, '[{"full_name": "Ida Zaunkoenig", "contact": "07700 900871"}]', NULL);
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode, identifiers, carers, alias_names) VALUES
    ('parted too', 'se-2', 2, 'Wunibald', 'Zaunkoenig', 'M', '2011-04-01', '1 Parting Lane', 'SE1 1SE', '{"nhs": "943 476 5927"}', '[{"full_name": "Uta Zaunkoenig", "contact": "07700 900882"}]',
        '[{"kind": "known as", "given_names": "Willi"}]');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode, identifiers) VALUES
    ('parted too', 'se-3', 'Wunibald', 'Zaunkoenig', 'M', '2011-04-01', NULL, NULL, '{"upn": "Q820200054321"}');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT source_ref, count(*) OVER (PARTITION BY child_id) AS together FROM contactpoint.source_link WHERE source_ref LIKE 'se-_' ORDER BY 1;
SELECT child_id AS wunibald FROM contactpoint.source_link WHERE source_ref = 'se-1' \gset
SELECT * FROM pg_temp.picture(:wunibald);
SET SESSION AUTHORIZATION regress_practitioner;
SET contactpoint.reason = 'shown too much';
SELECT count(*) FROM contactpoint.carer WHERE child_id = :wunibald;
SET SESSION AUTHORIZATION regress_elsewhere;
SELECT contactpoint.separate('parted too', 'se-2', 'not mine');
SELECT contactpoint.separate('parted too', 'se-none', 'not mine, not even whether it is there');
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.separate('parted', 'se-1', 'the wrong one');
SELECT contactpoint.separate('parted too', 'se-none', 'nothing');
SELECT contactpoint.separate('no such source', 'se-2', 'nothing');
SELECT contactpoint.separate('parted too', 'se-2', '');
SELECT contactpoint.separate(NULL, NULL, 'nothing');
SELECT contactpoint.separate('parted too', 'se-2', 'a namesake born on the same day') = :wunibald AS parted;
SELECT contactpoint.separate('parted too', 'se-2', 'again');
RESET SESSION AUTHORIZATION;
-- what it brought is gone, and nothing else
SELECT * FROM pg_temp.picture(:wunibald);
SET SESSION AUTHORIZATION regress_manager;
SET contactpoint.reason = 'who was shown it';
SELECT l.kind, l.source, l.source_ref, m.effective_role, m.looks, m.relations FROM contactpoint.undo_log l
LEFT JOIN contactpoint.mistaken_look m ON m.undo_id = l.undo_id AND m.effective_role ~ 'regress' WHERE l.child_id = :wunibald;
-- its next row does not attach there again: a record of its own, once, though it is the same in every respect
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('parted too', 'se-2', 'Wunibald', 'Zaunkoenig', 'M', '2011-04-01', '1 Parting Lane', 'SE1 1SE');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('parted too', 'se-2', 'Wunibald', 'Zaunkoenig', 'M', '2011-04-01', '2 Parting Lane', 'SE1 1SE');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT * FROM pg_temp.became('se-2');
SELECT child_id <> :wunibald AS its_own FROM contactpoint.source_link WHERE source_ref = 'se-2';
SELECT contactpoint.sweep() >= 0 AS swept;
SELECT count(*) AS found_again FROM contactpoint.finding WHERE :wunibald = ANY (candidates) AND decided_at IS NULL;

-- from a shielded child: the next row is held, whatever it says, and what a person makes of it is born shielded
SET SESSION AUTHORIZATION regress_manager;
SELECT cardinality(contactpoint.shield(:wunibald, 'threats', 'harm', false)) AS covered;
SELECT contactpoint.separate('parted too', 'se-3', 'another boy') = :wunibald AS parted;
RESET SESSION AUTHORIZATION;
SELECT * FROM pg_temp.picture(:wunibald) WHERE what ~ 'identifier|responsibility|link';
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth) VALUES
    ('parted too', 'se-3', 'Hildegund', 'Ohnegleichen', 'F', '2003-03-03');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT reason, shielded, candidates = ARRAY[:wunibald]::bigint[] AS of_him, score FROM contactpoint.review WHERE source_ref = 'se-3';
SELECT review_id AS review FROM contactpoint.review WHERE source_ref = 'se-3' \gset
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.decide(:review, 'new') AS hildegund \gset
RESET SESSION AUTHORIZATION;
SELECT * FROM pg_temp.picture(:hildegund);

-- decide() is remembered: same, new, reject; whatever else the row brings
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('parted', 'de-1', 1, 'Rosamunde', 'Feldlerche', 'F', '2012-09-19', '1 Deciding Lane', 'DE1 1DE');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT child_id AS rosamunde FROM contactpoint.source_link WHERE source_ref = 'de-1' \gset
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('parted too', 'de-2', 'Rosamunde', 'Feldlerch', 'F', '2012-09-18', '1 Deciding Lane', 'DE1 1DE'),
    ('parted too', 'de-3', 'Rosamunde', 'Feldlerche', 'F', NULL, '1 Deciding Lane', 'DE1 1DE'),
    ('parted too', 'de-4', 'Rosamunda', 'Feldlerche', 'F', '2012-09-18', '1 Deciding Lane', 'DE1 1DE');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT source_ref, reason, candidates = ARRAY[:rosamunde]::bigint[] AS of_her FROM contactpoint.review WHERE source_ref LIKE 'de-_' ORDER BY 1;
SELECT max(review_id) FILTER (WHERE source_ref = 'de-2') AS two, max(review_id) FILTER (WHERE source_ref = 'de-3') AS three,
    max(review_id) FILTER (WHERE source_ref = 'de-4') AS four FROM contactpoint.review \gset
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.decide(:two, 'same', :rosamunde) = :rosamunde AS same;
SELECT contactpoint.decide(:three, 'reject') IS NULL AS rejected;
SELECT contactpoint.decide(:four, 'new') <> :rosamunde AS new;
RESET SESSION AUTHORIZATION;
-- six duplicates: each sends the same again, and again with another address
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode)
    SELECT 'parted too', v.* FROM generate_series(2, 7) n, LATERAL (VALUES
    ('de-2', 'Rosamunde', 'FELDLERCH', 'F', '2012-09-18', n || ' Deciding Lane', 'DE1 1DE'),
    ('de-3', 'Rosamunde', 'Feldlerche', 'F', NULL, n || ' Deciding Lane', 'DE1 1DE'),
    ('de-4', 'Rosamunda', 'Feldlerche', 'F', '2012-09-18', n || ' Deciding Lane', 'DE1 1DE')) v;
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT source_ref, outcome, count(*), count(DISTINCT child_id) AS records FROM contactpoint.settlement WHERE source_ref LIKE 'de-_' GROUP BY 1, 2 ORDER BY 1, 2;
SELECT count(*) AS asked_again FROM contactpoint.review WHERE source_ref LIKE 'de-_' AND decided_at IS NULL;
-- recycled reference overwrites: says it is somebody else, it is asked about, and nothing is overwritten
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('parted too', 'de-2', 'Thusnelda', 'Wintergruen', 'F', '2015-01-31', '99 Recycling Lane', 'DE9 9DE');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT reason FROM contactpoint.review WHERE source_ref = 'de-2' AND decided_at IS NULL;
SELECT address FROM contactpoint.address WHERE child_id = :rosamunde ORDER BY 1;
SELECT review_id AS again FROM contactpoint.review WHERE source_ref = 'de-2' AND decided_at IS NULL \gset
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.undecide(:two, 'while another waits');
SELECT contactpoint.decide(:again, 'reject') IS NULL AS rejected;
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('parted too', 'de-2', 'Thusnelda', 'Wintergruen', 'F', '2015-01-31', '99 Recycling Lane', 'DE9 9DE');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT outcome FROM contactpoint.settlement WHERE source_ref = 'de-2' ORDER BY upload_id DESC LIMIT 1;

-- undone, a decision opens again, with the row, and what came because of it leaves
SET SESSION AUTHORIZATION regress_elsewhere;
SELECT contactpoint.undecide(:two, 'not mine');
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.undecide(-1, 'nothing');
SELECT contactpoint.undecide(NULL, 'nothing');
SELECT contactpoint.undecide(:two, ' ');
SELECT contactpoint.undecide(:two, 'looked again: her cousin') = :rosamunde AS undone;
SELECT contactpoint.undecide(:three, 'looked again');
SELECT contactpoint.undecide(:four, 'looked again') <> :rosamunde AS undone;
SELECT contactpoint.undecide(:four, 'twice');
SET contactpoint.reason = 'undone';
SELECT r.review_id = :two AS two, r.note, contactpoint.held_upload(r.review_id) ->> 'family_name' AS row FROM contactpoint.reviews_due d JOIN contactpoint.review r USING (review_id)
WHERE r.source_ref LIKE 'de-_' ORDER BY r.source_ref;
RESET SESSION AUTHORIZATION;
SELECT * FROM pg_temp.picture(:rosamunde);
SELECT count(*) AS second_records FROM contactpoint.child WHERE given_names = 'Rosamunda';
SELECT source_ref, outcome, count(*), count(child_id) AS went FROM contactpoint.settlement WHERE source_ref LIKE 'de-_' GROUP BY 1, 2 ORDER BY 1, 2;
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.decide(:two, 'new') <> :rosamunde AS decided_anew;
SELECT contactpoint.decide(:three, 'same', :rosamunde) = :rosamunde AS decided_anew;
SELECT contactpoint.decide(:three, 'same', :rosamunde) = :rosamunde AS decided_anew;
SELECT contactpoint.decide(:four, 'reject') IS NULL AS decided_anew;
RESET SESSION AUTHORIZATION;

-- a batch: attachments end, what nobody else has touched goes, the rest is shielded, what waits is rejected
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, batch, authority, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('parted', 'ba-1', 'good', 1, 'Gisbert', 'Turmfalke', 'M', '2010-10-01', '1 Batch Lane', 'BA1 1BA'),
    ('parted', 'ba-2', 'good', 1, 'Adelgunde', 'Haubentaucher', 'F', '2009-05-02', '2 Batch Lane', 'BA2 2BA');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT child_id AS gisbert FROM contactpoint.source_link WHERE source_ref = 'ba-1' \gset
SELECT child_id AS adelgunde FROM contactpoint.source_link WHERE source_ref = 'ba-2' \gset
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, batch, authority, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('parted too', 'ba-3', 'bad', 1, 'Gisbert', 'Turmfalke', 'M', '2010-10-01', '11 Wrong Lane', 'BA1 1BB'),
    ('parted', 'ba-2', 'bad', 1, 'Adelgunde', 'Haubentaucher', 'F', '2009-05-02', '12 Wrong Lane', 'BA2 2BB'),
    ('parted too', 'ba-4', 'bad', 1, 'Irrlicht', 'Nirgendwo', 'F', '2008-08-18', '13 Wrong Lane', 'BA3 3BB'),
    ('parted too', 'ba-5', 'bad', 1, 'Trugbild', 'Niemals', 'M', '2007-07-17', '14 Wrong Lane', 'BA4 4BB'),
    ('parted too', 'ba-6', 'bad', 1, 'Gisbert', 'Turmfalke', 'M', NULL, '15 Wrong Lane', 'BA5 5BB'),
    ('parted', 'ba-8', 'shared', 1, 'Sumpfmeise', 'Allein', 'M', '2006-06-16', '16 Batch Lane', 'BA6 6BA');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SET SESSION AUTHORIZATION regress_feed2;
INSERT INTO contactpoint.upload (source, source_ref, batch, given_names, family_name, sex, date_of_birth) VALUES
    ('other', 'ba-9', 'shared', 'Blaukehlchen', 'Anderswo', 'F', '2005-05-15');
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, batch, authority, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('parted', 'ba-7', 'good too', 1, 'Trugbild', 'Niemals', 'M', '2007-07-17', '14 Wrong Lane', 'BA4 4BB');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT child_id AS irrlicht FROM contactpoint.source_link WHERE source_ref = 'ba-4' \gset
SELECT child_id AS trugbild FROM contactpoint.source_link WHERE source_ref = 'ba-5' \gset
SELECT source_ref, outcome FROM contactpoint.settlement WHERE source_ref LIKE 'ba-_' ORDER BY upload_id;
SET SESSION AUTHORIZATION regress_practitioner;
SET contactpoint.reason = 'shown a wrong address';
SELECT count(*) FROM contactpoint.address WHERE child_id = :gisbert;
SET SESSION AUTHORIZATION regress_manager;
SELECT contactpoint.revert_batch('bad', 'columns were mixed up');
SET SESSION AUTHORIZATION regress_admin;
SELECT contactpoint.revert_batch('no such batch', 'nothing');
SELECT contactpoint.revert_batch(NULL, 'nothing');
SELECT contactpoint.revert_batch('bad', '');
SELECT contactpoint.revert_batch('shared', 'which?');
SELECT contactpoint.revert_batch('shared', 'this one', 'other');
SELECT contactpoint.revert_batch('bad', 'columns were mixed up', 'parted too') AS rows;
SELECT contactpoint.revert_batch('bad', 'columns were mixed up', 'parted') AS rows;
SELECT contactpoint.revert_batch('bad', 'again', 'parted');
RESET SESSION AUTHORIZATION;
SELECT source_ref, outcome, child_id IS NOT NULL AS went FROM contactpoint.settlement WHERE source_ref LIKE 'ba-_' ORDER BY upload_id;
SELECT count(*) AS waiting FROM contactpoint.upload WHERE source_ref LIKE 'ba-_';
SELECT source_ref, decision, note FROM contactpoint.review WHERE source_ref LIKE 'ba-_';
SELECT * FROM pg_temp.picture(:gisbert);
SELECT * FROM pg_temp.picture(:adelgunde);
SELECT * FROM pg_temp.picture(:irrlicht);
SELECT * FROM pg_temp.picture(:trugbild);
SET SESSION AUTHORIZATION regress_admin;
SET contactpoint.reason = 'who was shown it';
SELECT l.kind, l.batch, l.child_id = :gisbert AS gisbert, m.effective_role, m.looks, m.relations FROM contactpoint.undo_log l
LEFT JOIN contactpoint.mistaken_look m ON m.undo_id = l.undo_id AND m.effective_role ~ 'regress' WHERE l.batch = 'bad' ORDER BY 3;
-- sent again, in order: attached again, since a batch says nothing about who is who
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, batch, authority, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('parted too', 'ba-3', 'mended', 1, 'Gisbert', 'Turmfalke', 'M', '2010-10-01', '1 Batch Lane', 'BA1 1BA'),
    ('parted', 'ba-2', 'mended', 1, 'Adelgunde', 'Haubentaucher', 'F', '2009-05-02', '2 Batch Lane', 'BA2 2BA');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT source_ref, address FROM contactpoint.address a JOIN contactpoint.source_link l USING (child_id, source) WHERE source_ref IN ('ba-2', 'ba-3') ORDER BY 1;

-- rows that wait for the end of an embargo are rejected too
UPDATE contactpoint.source SET embargoed_at = now() WHERE source = 'parted';
SET SESSION AUTHORIZATION regress_feed;
INSERT INTO contactpoint.upload (source, source_ref, batch, given_names, family_name, sex, date_of_birth, address, postcode) VALUES
    ('parted', 'ba-1', 'too early', 'Gisbert', 'Turmfalke', 'M', '2010-10-01', '17 Early Lane', 'BA1 1BE');
RESET SESSION AUTHORIZATION;
CALL contactpoint.settle();
SELECT waits, settled_at IS NOT NULL AS settled FROM contactpoint.receipt WHERE batch = 'too early';
SET SESSION AUTHORIZATION regress_admin;
SELECT contactpoint.revert_batch('too early', 'sent before the shielding was done') AS rows;
RESET SESSION AUTHORIZATION;
SELECT r.waits, r.settled_at IS NOT NULL AS settled, s.outcome FROM contactpoint.receipt r JOIN contactpoint.settlement s USING (upload_id) WHERE r.batch = 'too early';
UPDATE contactpoint.source SET embargoed_at = NULL WHERE source = 'parted';
CALL contactpoint.settle();
SELECT address FROM contactpoint.address WHERE child_id = :gisbert ORDER BY 1;

-- the matcher's keys are what the records are, after all of it
SELECT NOT EXISTS (SELECT * FROM contactpoint.place_key EXCEPT ALL SELECT * FROM contactpoint._all_places())
   AND NOT EXISTS (SELECT * FROM contactpoint._all_places() EXCEPT ALL SELECT * FROM contactpoint.place_key) AS places;
\set QUIET on
CREATE TEMP TABLE before AS SELECT child_id, facts, nearness FROM contactpoint.match_person;
\set QUIET off
SELECT contactpoint._rekey_batch((SELECT array_agg(child_id) FROM contactpoint.child), true);
SELECT count(*) AS differ FROM before b FULL JOIN contactpoint.match_person p USING (child_id) WHERE (b.facts, b.nearness) IS DISTINCT FROM (p.facts, p.nearness);
-- what is remembered and kept is for nobody
SELECT r AS role, pg_temp.attempt_with_reason(r, 'SELECT * FROM contactpoint.remembered') AS remembered, pg_temp.attempt_with_reason(r, 'SELECT * FROM contactpoint.decided_row') AS kept,
    pg_temp.attempt_with_reason(r, 'SELECT contactpoint._said(1)') AS said, pg_temp.attempt_with_reason(r, 'SELECT * FROM contactpoint._current_manager') AS managers
FROM unnest(ARRAY['regress_practitioner', 'regress_manager', 'regress_feed', 'regress_auditor', 'regress_admin', 'regress_nobody', 'postgres']::name[]) r;
SELECT effective_role, command, outcome, count(*) FROM contactpoint.audit
WHERE command IN ('separate', 'undecide', 'revert_batch') AND at > :'started' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
