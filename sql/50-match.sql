-- Matching: what the matcher keeps for itself. Nobody is granted anything here;
-- row security with no policy says so twice. All of it but the weights is made
-- of the registry's own tables and can be made anew by _rekey_all().

CREATE TABLE contactpoint.name_word (
    word_id int PRIMARY KEY,
    word text COLLATE "C" NOT NULL UNIQUE,
    code text NOT NULL
);
COMMENT ON TABLE contactpoint.name_word IS 'distinct words of names of records';
COMMENT ON COLUMN contactpoint.name_word.word_id IS 'number of the word';
COMMENT ON COLUMN contactpoint.name_word.word IS 'the word in normal form';
COMMENT ON COLUMN contactpoint.name_word.code IS 'phonetic code';
CREATE INDEX name_word_word_idx ON contactpoint.name_word USING gin (word gin_trgm_ops) WITH (fastupdate = off);
COMMENT ON INDEX contactpoint.name_word_word_idx IS 'words spelt alike';
COMMENT ON INDEX contactpoint.name_word_pkey IS 'words by number';
COMMENT ON INDEX contactpoint.name_word_word_key IS 'numbers by word';

-- Apart from the words, because it changes all the time.
CREATE TABLE contactpoint.word_count (
    word_id int PRIMARY KEY,
    given_count bigint NOT NULL,
    family_count bigint NOT NULL,
    given_frozen bigint NOT NULL,
    family_frozen bigint NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE contactpoint.word_count IS
    'how many records have a word; word 0 counts the records, and how many of a million second records have another birth date, word 1 the others of a household, and twins, of a million records';
COMMENT ON COLUMN contactpoint.word_count.word_id IS 'number of the word';
COMMENT ON COLUMN contactpoint.word_count.given_count IS 'records with this given name';
COMMENT ON COLUMN contactpoint.word_count.family_count IS 'records with this family name';
COMMENT ON COLUMN contactpoint.word_count.given_frozen IS 'the same when the number of records last passed a mark: scores use this';
COMMENT ON COLUMN contactpoint.word_count.family_frozen IS 'the same of family names';
COMMENT ON INDEX contactpoint.word_count_pkey IS 'counts by word';

CREATE TABLE contactpoint.similar_word (
    word_id int NOT NULL,
    other_id int NOT NULL,
    similarity real NOT NULL,
    PRIMARY KEY (word_id, other_id)
);
COMMENT ON TABLE contactpoint.similar_word IS 'words that one may have written for another and that sound different; each pair twice';
COMMENT ON COLUMN contactpoint.similar_word.word_id IS 'a word';
COMMENT ON COLUMN contactpoint.similar_word.other_id IS 'a word spelt nearly like it';
COMMENT ON COLUMN contactpoint.similar_word.similarity IS 'trigram similarity of the two, and 1 more where they are one slip of the pen apart';
COMMENT ON INDEX contactpoint.similar_word_pkey IS 'similar words of one word';

CREATE TABLE contactpoint.match_key (
    key int NOT NULL,
    date_of_birth date NOT NULL,
    given_id int NOT NULL,
    family_id int NOT NULL,
    traits bigint NOT NULL,
    child_id bigint NOT NULL
);
CREATE INDEX match_key_key_idx ON contactpoint.match_key (key, date_of_birth, given_id, family_id, traits, child_id)
    WITH (deduplicate_items = off);
COMMENT ON TABLE contactpoint.match_key IS 'blocking keys: hashes of facts by which a record may be found';
COMMENT ON COLUMN contactpoint.match_key.key IS 'hash of the fact';
COMMENT ON COLUMN contactpoint.match_key.date_of_birth IS 'birth date of the child';
COMMENT ON COLUMN contactpoint.match_key.given_id IS 'given word of the name the key comes from';
COMMENT ON COLUMN contactpoint.match_key.family_id IS 'family word of the name the key comes from';
COMMENT ON COLUMN contactpoint.match_key.traits IS 'sex, further names and place of the record, folded into a number';
COMMENT ON COLUMN contactpoint.match_key.child_id IS 'the child';
COMMENT ON INDEX contactpoint.match_key_key_idx IS 'records by key; holds all the columns, the matcher reads nothing else';

CREATE TABLE contactpoint.guard_key (
    key int NOT NULL,
    date_of_birth date NOT NULL,
    given_id int NOT NULL,
    family_id int NOT NULL,
    traits bigint NOT NULL,
    child_id bigint NOT NULL
);
CREATE INDEX guard_key_key_idx ON contactpoint.guard_key (key, date_of_birth, given_id, family_id, traits, child_id)
    WITH (deduplicate_items = off);
COMMENT ON TABLE contactpoint.guard_key IS 'more keys, of the few records that are shielded or have a hidden name';
COMMENT ON COLUMN contactpoint.guard_key.key IS 'hash of the fact';
COMMENT ON COLUMN contactpoint.guard_key.date_of_birth IS 'birth date of the child';
COMMENT ON COLUMN contactpoint.guard_key.given_id IS 'given word of the name the key comes from';
COMMENT ON COLUMN contactpoint.guard_key.family_id IS 'family word of the name the key comes from';
COMMENT ON COLUMN contactpoint.guard_key.traits IS 'sex, further names and place of the record, folded into a number';
COMMENT ON COLUMN contactpoint.guard_key.child_id IS 'the child';
COMMENT ON INDEX contactpoint.guard_key_key_idx IS 'guarded records by key; holds all the columns, the matcher reads nothing else';

CREATE TABLE contactpoint.match_person (
    child_id bigint PRIMARY KEY,
    date_of_birth date NOT NULL,
    sex "char" NOT NULL,
    nearness smallint NOT NULL,
    facts text COLLATE "C" NOT NULL,
    key_version int NOT NULL
);
COMMENT ON TABLE contactpoint.match_person IS 'one row a record: all that the matcher compares';
COMMENT ON COLUMN contactpoint.match_person.child_id IS 'the child';
COMMENT ON COLUMN contactpoint.match_person.date_of_birth IS 'birth date';
COMMENT ON COLUMN contactpoint.match_person.sex IS 'F, M or U';
COMMENT ON COLUMN contactpoint.match_person.nearness IS
    '0 open, 1 open with a hidden name, 2 shielded, 3 shielded and a new surname to be expected, 4 former identity, 5 expected';
COMMENT ON COLUMN contactpoint.match_person.facts IS
    'parted by chr(31), each behind a letter: n public name, h hidden name (numbers of given words|family words), p postcode, a address, i kind:NUMBER';
COMMENT ON COLUMN contactpoint.match_person.key_version IS 'version of its keys, see key_version';
COMMENT ON INDEX contactpoint.match_person_pkey IS 'records by number';

-- Written for rekey() only: one row, and a second one while it goes on.
CREATE TABLE contactpoint.key_version (
    version int PRIMARY KEY
);
COMMENT ON TABLE contactpoint.key_version IS 'versions of the keys in match_key and guard_key; the highest is written, all of them are looked for';
COMMENT ON COLUMN contactpoint.key_version.version IS 'what keys of this version are stirred with';
COMMENT ON INDEX contactpoint.key_version_pkey IS 'each version once';
INSERT INTO contactpoint.key_version VALUES (1);

ALTER TABLE contactpoint.match_person SET (fillfactor = 90);

ALTER TABLE contactpoint.name_word ALTER word SET STATISTICS 0, ALTER code SET STATISTICS 0;
ALTER TABLE contactpoint.word_count ALTER given_count SET STATISTICS 0, ALTER family_count SET STATISTICS 0,
    ALTER given_frozen SET STATISTICS 0, ALTER family_frozen SET STATISTICS 0;
ALTER TABLE contactpoint.match_key
    ALTER key SET STATISTICS 0, ALTER date_of_birth SET STATISTICS 0, ALTER given_id SET STATISTICS 0,
    ALTER family_id SET STATISTICS 0, ALTER traits SET STATISTICS 0,
    ALTER child_id SET STATISTICS 0;
ALTER TABLE contactpoint.guard_key
    ALTER key SET STATISTICS 0, ALTER date_of_birth SET STATISTICS 0, ALTER given_id SET STATISTICS 0,
    ALTER family_id SET STATISTICS 0, ALTER traits SET STATISTICS 0,
    ALTER child_id SET STATISTICS 0;
ALTER TABLE contactpoint.match_person
    ALTER child_id SET STATISTICS 0, ALTER date_of_birth SET STATISTICS 0, ALTER sex SET STATISTICS 0,
    ALTER nearness SET STATISTICS 0, ALTER facts SET STATISTICS 0;

-- pg_trgm is called here and nowhere else in matching: the body is stored with
-- the operator itself, the threshold is pinned.
CREATE FUNCTION contactpoint._similar_words(word text, slips text[])
    RETURNS TABLE (word_id int, word_found text, similarity real)
    LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 50
    SET pg_trgm.similarity_threshold = 0.25 SET enable_seqscan = off SET gin_fuzzy_search_limit = 0
BEGIN ATOMIC
    SELECT w.word_id, w.word, similarity(w.word, _similar_words.word)
    FROM contactpoint.name_word w
    WHERE w.word % _similar_words.word
    UNION
    SELECT w.word_id, w.word, similarity(w.word, _similar_words.word)
    FROM contactpoint.name_word w
    WHERE w.word = ANY (_similar_words.slips);
END;
COMMENT ON FUNCTION contactpoint._similar_words(text, text[]) IS 'words of the dictionary that are spelt alike by their trigrams, or are one of the given ones';

-- What a record is matched by, read from the registry's own tables. Two parts
-- of one row are joined by a control character, which no stored text holds.
CREATE FUNCTION contactpoint._match_facts(child_id bigint)
    RETURNS TABLE (given_names text, family_name text, sex text, date_of_birth date, nearness int,
                   aliases text[], places text[], identifiers text[])
    LANGUAGE sql STABLE PARALLEL UNSAFE ROWS 1
BEGIN ATOMIC
    SELECT c.given_names, c.family_name, c.sex, c.date_of_birth,
           CASE WHEN NOT c.shielded
                THEN CASE WHEN EXISTS (SELECT FROM contactpoint.alias a WHERE a.child_id = c.child_id) THEN 1 ELSE 0 END
                WHEN EXISTS (SELECT FROM contactpoint.shield s JOIN contactpoint.shield_category g ON g.category = s.category
                             WHERE s.child_id = c.child_id AND s.lifted_at IS NULL AND g.wide) THEN 3
                ELSE 2 END,
           ARRAY(SELECT coalesce(a.given_names, '') || chr(31) || coalesce(a.family_name, '')
                 FROM (SELECT n.*, row_number() OVER (PARTITION BY n.source
                                                      ORDER BY n.recorded_at, n.kind, n.given_names, n.family_name) AS place
                       FROM contactpoint.alias n WHERE n.child_id = c.child_id) a
                 -- what a person gave by hand no feed can push out, nor one feed what another sent
                 ORDER BY a.source <> 'manual', a.place, a.recorded_at, a.kind, a.given_names, a.family_name LIMIT 15),
           ARRAY(SELECT coalesce(a.postcode, '') || chr(31) || coalesce(a.address, '')
                 FROM contactpoint.address a WHERE a.child_id = c.child_id
                 ORDER BY a.recorded_at DESC, a.postcode, a.address LIMIT 32),
           ARRAY(SELECT i.kind || chr(31) || i.value
                 FROM (SELECT n.kind, n.value, row_number() OVER (PARTITION BY n.source ORDER BY n.kind, n.value) AS place
                       FROM contactpoint.identifier n WHERE n.child_id = c.child_id) i
                 ORDER BY i.place, i.kind, i.value LIMIT 32)
    FROM contactpoint.child c
    WHERE c.child_id = _match_facts.child_id
    UNION ALL
    SELECT h.given_names, h.family_name, h.sex, h.date_of_birth, CASE h.kind WHEN 'former' THEN 4 ELSE 5 END,
           h.aliases, h.places, h.identifiers
    FROM contactpoint.hidden_record h
    WHERE h.child_id = _match_facts.child_id;
END;
COMMENT ON FUNCTION contactpoint._match_facts(bigint) IS 'what the matcher needs to know of a record';

CREATE FUNCTION contactpoint._lock_matching() RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'contactpoint_lock_matching';
COMMENT ON FUNCTION contactpoint._lock_matching() IS
    'takes the lock under which it is decided who is known, until the end of the transaction';

CREATE FUNCTION contactpoint._rekey(child_id bigint) RETURNS void
    LANGUAGE c STRICT VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'contactpoint_rekey';
COMMENT ON FUNCTION contactpoint._rekey(bigint) IS 'makes a record''s private keys anew, or removes them where the record is gone';

CREATE FUNCTION contactpoint._rekey_batch(child_ids bigint[], indexed boolean) RETURNS void
    LANGUAGE c STRICT VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'contactpoint_rekey_batch';
COMMENT ON FUNCTION contactpoint._rekey_batch(bigint[], boolean) IS
    'the same for many records, several times as fast; indexed is false where the indexes of keys are built afterwards';

CREATE FUNCTION contactpoint._match_forget() RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'contactpoint_match_forget';
COMMENT ON FUNCTION contactpoint._match_forget() IS 'makes every session forget the words it knows';

CREATE FUNCTION contactpoint._count_homes() RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'contactpoint_count_homes';
COMMENT ON FUNCTION contactpoint._count_homes() IS 'counts how many of a household records have, by which scores go from now on';

-- After a restore: everything anew from the registry's own tables.
CREATE FUNCTION contactpoint._rekey_all() RETURNS bigint
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    records bigint := 0;
    last bigint := 0;
    batch bigint[];
BEGIN
    PERFORM contactpoint._lock_matching();
    TRUNCATE contactpoint.match_key, contactpoint.guard_key, contactpoint.match_person, contactpoint.similar_word,
        contactpoint.name_word, contactpoint.word_count;
    PERFORM contactpoint._match_forget();
    LOOP
        batch := ARRAY(SELECT k.child_id FROM contactpoint.known_record k WHERE k.child_id > last ORDER BY k.child_id LIMIT 10000);
        EXIT WHEN batch = '{}';
        PERFORM contactpoint._rekey_batch(batch, false);
        records := records + pg_catalog.cardinality(batch);
        last := batch[pg_catalog.cardinality(batch)];
    END LOOP;
    -- all at once, sorted: several times as fast as entry by entry
    REINDEX TABLE contactpoint.match_key;
    REINDEX TABLE contactpoint.guard_key;
    PERFORM contactpoint._count_homes();
    RETURN records;
END
$$;
COMMENT ON FUNCTION contactpoint._rekey_all() IS 'makes all private keys of the matcher anew; returns how many records there are';

CREATE FUNCTION contactpoint._normalize_name(name text) RETURNS text
    LANGUAGE c STRICT IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'contactpoint_normalize_name';
COMMENT ON FUNCTION contactpoint._normalize_name(text) IS 'the words of a name in the form in which they are compared';
CREATE FUNCTION contactpoint._normalize_family(name text) RETURNS text
    LANGUAGE c STRICT IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'contactpoint_normalize_family';
COMMENT ON FUNCTION contactpoint._normalize_family(text) IS
    'the same of a family name: O and van der are joined to the name';
CREATE FUNCTION contactpoint._normalize_postcode(postcode text) RETURNS text
    LANGUAGE c STRICT IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'contactpoint_normalize_postcode';
COMMENT ON FUNCTION contactpoint._normalize_postcode(text) IS
    'upper-case letters and digits of a postcode; in a British one O and 0, I and 1 are put right';
CREATE FUNCTION contactpoint._normalize_kind(kind text) RETURNS text
    LANGUAGE c STRICT IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'contactpoint_normalize_kind';
COMMENT ON FUNCTION contactpoint._normalize_kind(text) IS
    'kind of an identifier in the form in which it is compared: NHS number is nhs';
CREATE FUNCTION contactpoint._name_fault(name text) RETURNS text
    LANGUAGE c STRICT IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'contactpoint_name_fault';
COMMENT ON FUNCTION contactpoint._name_fault(text) IS 'why a text cannot be a name; null if it can';
