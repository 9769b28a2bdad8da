-- Other names and other identities: records that match and are not in child.
--
-- hidden_record holds who they are, for the matcher alone: former identities,
-- and children whose shield was placed in advance (37-advance.sql). Their
-- numbers come from the same space as all others, and to everybody they are no
-- records. They are keyed as shielded ones of a wide category are, so whatever
-- finds a shielded record finds them.
--
-- What leads from a former identity to the present one lies in tables that are
-- granted to nobody. No review and no finding names two numbers of one child.

CREATE TABLE contactpoint.hidden_record (
    child_id bigint PRIMARY KEY CHECK (contactpoint._child_number_valid(child_id)),
    kind text NOT NULL CHECK (kind IN ('former', 'expected')),
    authority bigint REFERENCES contactpoint.organisation,
    given_names text NOT NULL,
    family_name text NOT NULL,
    sex text NOT NULL DEFAULT 'U' CHECK (sex IN ('F', 'M', 'U')),
    date_of_birth date NOT NULL,
    aliases text[] NOT NULL DEFAULT '{}',
    places text[] NOT NULL DEFAULT '{}',
    identifiers text[] NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE contactpoint.hidden_record IS 'records that match and are not in child: former identities, children expected';
COMMENT ON COLUMN contactpoint.hidden_record.child_id IS 'number of the record';
COMMENT ON COLUMN contactpoint.hidden_record.kind IS 'former: has another number now; expected: shielded in advance';
COMMENT ON COLUMN contactpoint.hidden_record.authority IS 'whose managers decide rows that come near it; null: every manager';
COMMENT ON COLUMN contactpoint.hidden_record.given_names IS 'given names';
COMMENT ON COLUMN contactpoint.hidden_record.family_name IS 'family name';
COMMENT ON COLUMN contactpoint.hidden_record.sex IS 'F, M or U (not specified)';
COMMENT ON COLUMN contactpoint.hidden_record.date_of_birth IS 'date of birth';
COMMENT ON COLUMN contactpoint.hidden_record.aliases IS 'other names, as _match_facts() has them';
COMMENT ON COLUMN contactpoint.hidden_record.places IS 'addresses, as _match_facts() has them';
COMMENT ON COLUMN contactpoint.hidden_record.identifiers IS 'identifiers, as _match_facts() has them';

CREATE TABLE contactpoint.former_identity (
    child_id bigint PRIMARY KEY REFERENCES contactpoint.hidden_record,
    became bigint NOT NULL,
    present bigint NOT NULL,
    reason text NOT NULL,
    made_by name NOT NULL,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX former_identity_present_idx ON contactpoint.former_identity (present);
COMMENT ON TABLE contactpoint.former_identity IS 'which number a child had before; told by former_identity() alone, with an alert';
COMMENT ON COLUMN contactpoint.former_identity.child_id IS 'the former number';
COMMENT ON COLUMN contactpoint.former_identity.became IS 'the number that followed';
COMMENT ON COLUMN contactpoint.former_identity.present IS 'the number that the child has now, after further identities and merges';
COMMENT ON COLUMN contactpoint.former_identity.reason IS 'why';
COMMENT ON COLUMN contactpoint.former_identity.made_by IS 'who';
COMMENT ON COLUMN contactpoint.former_identity.made_at IS 'when';
COMMENT ON INDEX contactpoint.former_identity_present_idx IS 'former numbers of one child';

CREATE TABLE contactpoint.former_reference (
    source text NOT NULL,
    source_ref text COLLATE "C" NOT NULL,
    child_id bigint NOT NULL REFERENCES contactpoint.hidden_record,
    PRIMARY KEY (source, source_ref)
);
COMMENT ON TABLE contactpoint.former_reference IS 'references of former identities: what comes under them is held';
COMMENT ON COLUMN contactpoint.former_reference.source IS 'the feed';
COMMENT ON COLUMN contactpoint.former_reference.source_ref IS 'its reference';
COMMENT ON COLUMN contactpoint.former_reference.child_id IS 'the former number';

CREATE TABLE contactpoint.former_row (
    child_id bigint NOT NULL REFERENCES contactpoint.hidden_record,
    relation text NOT NULL,
    content jsonb NOT NULL
);
CREATE INDEX former_row_child_id_idx ON contactpoint.former_row (child_id);
COMMENT ON TABLE contactpoint.former_row IS 'what else was on record of a former identity, row by row';
COMMENT ON COLUMN contactpoint.former_row.child_id IS 'the former number';
COMMENT ON COLUMN contactpoint.former_row.relation IS 'the table in which the row was';
COMMENT ON COLUMN contactpoint.former_row.content IS 'the row';
COMMENT ON INDEX contactpoint.former_row_child_id_idx IS 'rows of one former identity';

ALTER TABLE contactpoint.hidden_record
    ALTER kind SET STATISTICS 0, ALTER given_names SET STATISTICS 0, ALTER family_name SET STATISTICS 0,
    ALTER sex SET STATISTICS 0, ALTER date_of_birth SET STATISTICS 0, ALTER aliases SET STATISTICS 0,
    ALTER places SET STATISTICS 0, ALTER identifiers SET STATISTICS 0, ALTER child_id SET STATISTICS 0;
ALTER TABLE contactpoint.former_identity
    ALTER child_id SET STATISTICS 0, ALTER became SET STATISTICS 0, ALTER present SET STATISTICS 0, ALTER reason SET STATISTICS 0;
ALTER TABLE contactpoint.former_reference
    ALTER source_ref SET STATISTICS 0, ALTER child_id SET STATISTICS 0;
ALTER TABLE contactpoint.former_row
    ALTER child_id SET STATISTICS 0, ALTER content SET STATISTICS 0;

CREATE VIEW contactpoint.known_record WITH (security_invoker) AS
    SELECT c.child_id, c.shielded FROM contactpoint.child c
    UNION ALL
    SELECT h.child_id, true FROM contactpoint.hidden_record h;
COMMENT ON VIEW contactpoint.known_record IS 'all that the matcher knows: records in child, and hidden ones; granted to nobody';

-- For a policy, so it runs with the rights of whoever reads.
CREATE FUNCTION contactpoint._has_one_identity(child_id bigint) RETURNS boolean
    LANGUAGE c STRICT STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'contactpoint_has_one_identity';
COMMENT ON FUNCTION contactpoint._has_one_identity(bigint) IS 'has no former identity led to this record?';

-- ---------- names ----------

CREATE FUNCTION contactpoint._check_name(what text, name text) RETURNS text
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    checked text := contactpoint._check_text(what, name, 200);
    fault text := contactpoint._name_fault(checked);
BEGIN
    IF fault IS NOT NULL THEN
        RAISE EXCEPTION '% %', what, fault
            USING ERRCODE = 'KC010', HINT = 'Write the name as it is, 2 to 200 letters and at most 8 words.';
    END IF;
    RETURN checked;
END
$$;
COMMENT ON FUNCTION contactpoint._check_name(text, text) IS 'the name, trimmed; an error if it cannot be one';

CREATE FUNCTION contactpoint._known_by_name(given_names text, family_name text, sex text, date_of_birth date, except_child bigint)
    RETURNS boolean LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_known_by_name';
COMMENT ON FUNCTION contactpoint._known_by_name(text, text, text, date, bigint) IS
    'is there a record in child, but for one, whose public name and birth date are these or nearly? hidden names do not count';

-- ---------- a hidden name ----------

-- Whether the record has the name already is not told: it is written all the
-- same. Nor is any other record looked for that has it.
CREATE FUNCTION contactpoint._do_add_alias(child_id bigint, kind text, given_names text, family_name text, reason text)
    RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM contactpoint._require_role('contactpoint_manager', 'contactpoint_admin');
    PERFORM contactpoint._check_text('reason', reason, 500);
    kind := contactpoint._check_text('kind', kind, 50);
    IF given_names IS NULL AND family_name IS NULL THEN
        RAISE EXCEPTION 'a hidden name needs given names or a family name'
            USING ERRCODE = 'KC010', HINT = 'What is left out is taken to be as in the public name.';
    END IF;
    IF given_names IS NOT NULL THEN
        given_names := contactpoint._check_name('given_names', given_names);
    END IF;
    IF family_name IS NOT NULL THEN
        family_name := contactpoint._check_name('family_name', family_name);
    END IF;
    PERFORM contactpoint._lock_matching();
    PERFORM contactpoint._require_child(_do_add_alias.child_id);
    PERFORM contactpoint._require_manager_of(contactpoint._authority_of(_do_add_alias.child_id));
    -- as many as _match_facts() reads
    IF (SELECT count(*) FROM contactpoint.alias a WHERE a.child_id = _do_add_alias.child_id AND a.source = 'manual') >= 15 THEN
        RAISE EXCEPTION 'the record has as many names as can be matched'
            USING ERRCODE = 'KC010', HINT = 'A record is matched by 15 names that were given by hand.';
    END IF;
    INSERT INTO contactpoint.alias (child_id, kind, given_names, family_name)
    VALUES (_do_add_alias.child_id, _do_add_alias.kind, _do_add_alias.given_names, _do_add_alias.family_name);
    UPDATE contactpoint.source_link l SET sent = NULL
    WHERE l.child_id = _do_add_alias.child_id AND l.sent IS NOT NULL;
    PERFORM contactpoint._rekey(_do_add_alias.child_id);
END
$$;
CREATE FUNCTION contactpoint.add_alias(child_id bigint, kind text, given_names text, family_name text, reason text)
    RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_command';
COMMENT ON FUNCTION contactpoint.add_alias(bigint, text, text, text, text) IS
    'Give a child a hidden name (birth, adopted, known as ...): rows under it are matched, nobody is shown it. A part that is null is as in the public name.';

-- ---------- a new identity ----------

CREATE FUNCTION contactpoint._free_number() RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    number bigint;
BEGIN
    LOOP
        number := contactpoint._child_number();
        EXIT WHEN NOT EXISTS (SELECT FROM contactpoint.known_record k WHERE k.child_id = number);
    END LOOP;
    RETURN number;
END
$$;
COMMENT ON FUNCTION contactpoint._free_number() IS 'a child number that no record has';

-- What an open record shares, and a carer of the former family name, would lead
-- from one name to the other.
CREATE FUNCTION contactpoint._shared_places(child_id bigint) RETURNS bigint[]
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(array_agg(p.key), '{}') FROM contactpoint._places_of($1) p
    WHERE EXISTS (
        SELECT FROM contactpoint._children_at(p.kind, p.key, CASE WHEN p.kind IN ('a', 'c') THEN 1000 ELSE 20 END) o (child_id)
        JOIN contactpoint.child c ON c.child_id = o.child_id
        WHERE c.child_id <> $1 AND NOT c.shielded)
$$;
COMMENT ON FUNCTION contactpoint._shared_places(bigint) IS
    'private keys of details that open records have too: those that shield_gaps would show';

CREATE FUNCTION contactpoint._former_words(child_id bigint, family_name text) RETURNS text[]
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(array_agg(w), '{}')
    FROM contactpoint.hidden_record h,
         unnest(h.family_name || ARRAY(SELECT split_part(a, chr(31), 2) FROM unnest(h.aliases) a)) n,
         unnest(string_to_array(contactpoint._normalize_name(n), ' ')) w
    WHERE h.child_id = $1 AND w <> '' AND w <> ALL (string_to_array(contactpoint._normalize_name($2), ' '))
$$;
COMMENT ON FUNCTION contactpoint._former_words(bigint, text) IS
    'words of the family names of a former identity that are not in the new one';

CREATE FUNCTION contactpoint._move_details(child_id bigint, to_child_id bigint, family_name text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    shared bigint[] := contactpoint._shared_places(_move_details.child_id);
    words text[] := contactpoint._former_words(_move_details.child_id, family_name);
BEGIN
    UPDATE contactpoint.address d SET child_id = to_child_id
    WHERE d.child_id = _move_details.child_id
      AND contactpoint._place_key('a', d.address, d.postcode) = ANY (shared) IS NOT TRUE;
    UPDATE contactpoint.carer d SET child_id = to_child_id
    WHERE d.child_id = _move_details.child_id
      AND contactpoint._place_key('c', d.contact) = ANY (shared) IS NOT TRUE
      AND contactpoint._place_key('n', d.full_name) = ANY (shared) IS NOT TRUE
      AND string_to_array(contactpoint._normalize_name(d.full_name), ' ') && words IS NOT TRUE;
    UPDATE contactpoint.involvement d SET child_id = to_child_id
    WHERE d.child_id = _move_details.child_id
      AND contactpoint._place_key('s', d.service, d.organisation, d.practitioner) = ANY (shared) IS NOT TRUE;
    UPDATE contactpoint.identifier d SET child_id = to_child_id WHERE d.child_id = _move_details.child_id;
    UPDATE contactpoint.responsibility d SET child_id = to_child_id WHERE d.child_id = _move_details.child_id;
END
$$;
COMMENT ON FUNCTION contactpoint._move_details(bigint, bigint, text) IS
    'moves the details of a record to another of this family name, but for those that would lead back';

-- Takes a record out of child: whatever still refers to it, in any table, is
-- kept in former_row.
CREATE FUNCTION contactpoint._leave_child(child_id bigint) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    referring record;
BEGIN
    INSERT INTO contactpoint.former_reference (source, source_ref, child_id)
    SELECT l.source, l.source_ref, l.child_id FROM contactpoint.source_link l WHERE l.child_id = _leave_child.child_id
    ON CONFLICT (source, source_ref) DO UPDATE SET child_id = excluded.child_id;
    -- a decision of which the settled rows go is not undone, and a reference that comes
    -- to the present number must not be found beside the former one
    WITH gone AS (
        DELETE FROM contactpoint.decided_row d USING contactpoint.settlement s
        WHERE s.upload_id = d.upload_id AND s.child_id = _leave_child.child_id RETURNING d.*)
    INSERT INTO contactpoint.former_row (child_id, relation, content)
    SELECT _leave_child.child_id, 'decided_row', to_jsonb(g) FROM gone g;
    UPDATE contactpoint.review r
    SET candidates = array_remove(r.candidates, _leave_child.child_id), shielded = true, score = NULL,
        authority = contactpoint._authority_of(_leave_child.child_id)
    FROM contactpoint.former_reference f
    WHERE f.child_id = _leave_child.child_id AND r.source = f.source AND r.source_ref = f.source_ref
      AND r.decided_at IS NOT NULL AND _leave_child.child_id = ANY (r.candidates);
    UPDATE contactpoint.undo_log l SET source = NULL, source_ref = NULL
    WHERE _leave_child.child_id IN (l.child_id, l.shown_as);
    FOR referring IN
        SELECT DISTINCT r.relname, a.attname
        FROM pg_constraint k
        CROSS JOIN LATERAL unnest(k.conkey, k.confkey) AS c (mine, theirs)
        JOIN pg_class r ON r.oid = k.conrelid AND r.relnamespace = 'contactpoint'::regnamespace
        JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = c.mine
        JOIN pg_attribute t ON t.attrelid = k.confrelid AND t.attnum = c.theirs AND t.attname = 'child_id'
        WHERE k.contype = 'f' AND k.conparentid = 0 AND k.confrelid = 'contactpoint.child'::regclass
        ORDER BY 1, 2
    LOOP
        EXECUTE format('WITH gone AS (DELETE FROM contactpoint.%I r WHERE r.%I = $1 RETURNING r.*)
            INSERT INTO contactpoint.former_row (child_id, relation, content) SELECT $1, %L, to_jsonb(g) FROM gone g',
            referring.relname, referring.attname, referring.relname) USING _leave_child.child_id;
    END LOOP;
    DELETE FROM contactpoint.child c WHERE c.child_id = _leave_child.child_id;
END
$$;
COMMENT ON FUNCTION contactpoint._leave_child(bigint) IS 'takes a record out of child and keeps what was on record of it';

-- The number that a record has now: after new identities, and merges that stand.
CREATE FUNCTION contactpoint._number_now(child_id bigint) RETURNS bigint
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH RECURSIVE had (number) AS (
        SELECT $1
        UNION
        SELECT o.number FROM had h CROSS JOIN LATERAL (
            SELECT f.became FROM contactpoint.former_identity f WHERE f.child_id = h.number
            UNION ALL
            SELECT m.into_child_id FROM contactpoint.merged_record m JOIN contactpoint.merge_log l ON l.merge_id = m.merge_id
            WHERE m.child_id = h.number AND l.undone_at IS NULL) o (number))
    SELECT h.number FROM had h JOIN contactpoint.child c ON c.child_id = h.number LIMIT 1
$$;
COMMENT ON FUNCTION contactpoint._number_now(bigint) IS 'the number in child that a record has now';

-- A record has another number, or two have again one each.
CREATE FUNCTION contactpoint._identities_follow(child_id bigint, other_id bigint) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    UPDATE contactpoint.former_identity f SET present = coalesce(contactpoint._number_now(f.became), f.present)
    WHERE f.present IN ($1, $2)
$$;
COMMENT ON FUNCTION contactpoint._identities_follow(bigint, bigint) IS
    'makes former identities lead to the numbers that two records have by now';

CREATE FUNCTION contactpoint._do_new_identity(child_id bigint, given_names text, family_name text, reason text)
    RETURNS bigint LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    former contactpoint.child;
    became bigint;
BEGIN
    PERFORM contactpoint._require_role('contactpoint_manager', 'contactpoint_admin');
    reason := contactpoint._check_text('reason', reason, 500);
    given_names := contactpoint._check_name('given_names', given_names);
    family_name := contactpoint._check_name('family_name', family_name);
    PERFORM contactpoint._lock_matching();
    PERFORM contactpoint._require_child(_do_new_identity.child_id);
    PERFORM contactpoint._require_manager_of(contactpoint._authority_of(_do_new_identity.child_id));
    SELECT c.* INTO former FROM contactpoint.child c WHERE c.child_id = _do_new_identity.child_id;
    IF contactpoint._normalize_name(given_names) = contactpoint._normalize_name(former.given_names)
       AND contactpoint._normalize_name(family_name) = contactpoint._normalize_name(former.family_name) THEN
        RAISE EXCEPTION 'the new name is the old one'
            USING ERRCODE = 'KC010', HINT = 'For a shield under the same name: SELECT contactpoint.shield(...).';
    END IF;
    IF contactpoint._known_by_name(given_names, family_name, former.sex, former.date_of_birth, former.child_id) THEN
        RAISE EXCEPTION 'this child may have a record already, so no second one is made'
            USING ERRCODE = 'KC004', HINT = 'Look for the new name with contactpoint.search() and shield that record first.';
    END IF;
    -- whoever has looked at the record may know the way; no alert is left behind
    IF EXISTS (SELECT FROM contactpoint.shield_alert a WHERE a.child_id = former.child_id AND a.followed_up_at IS NULL) THEN
        RAISE EXCEPTION 'an override of this record waits to be followed up'
            USING ERRCODE = 'KC010', HINT = 'See contactpoint.alerts_due, then SELECT contactpoint.follow_up(...).';
    END IF;
    IF NOT former.shielded THEN
        -- hides from older snapshots what they could still read, and moves reviews and findings
        PERFORM contactpoint._place_shield(former.child_id, reason, 'new identity', false);
    END IF;

    INSERT INTO contactpoint.hidden_record
        (child_id, kind, authority, given_names, family_name, sex, date_of_birth, aliases, places, identifiers)
    SELECT former.child_id, 'former', contactpoint._authority_of(former.child_id), f.given_names, f.family_name, f.sex, f.date_of_birth,
           -- a name of the placement that is the new one now is no former name
           ARRAY(SELECT a.name FROM unnest(f.aliases) a (name),
                    contactpoint._normalize_name(coalesce(nullif(split_part(a.name, chr(31), 2), ''), f.family_name)) AS family,
                    contactpoint._normalize_name(coalesce(nullif(split_part(a.name, chr(31), 1), ''), f.given_names)) AS given
                 WHERE family <> contactpoint._normalize_name(_do_new_identity.family_name)
                    OR (family = contactpoint._normalize_name(f.family_name)
                        AND given <> contactpoint._normalize_name(_do_new_identity.given_names))),
           f.places, f.identifiers
    FROM contactpoint._match_facts(former.child_id) f;

    became := contactpoint._free_number();
    INSERT INTO contactpoint.child (child_id, given_names, family_name, sex, date_of_birth, shielded)
    VALUES (became, _do_new_identity.given_names, _do_new_identity.family_name, former.sex, former.date_of_birth, true);
    INSERT INTO contactpoint.shield (child_id, authority, category, reason, placed_by, review_on)
    VALUES (became, contactpoint._authority_of(former.child_id), 'new identity', _do_new_identity.reason, contactpoint._caller(),
            ((now() AT TIME ZONE 'UTC')::date + interval '6 months')::date);
    PERFORM contactpoint._move_details(former.child_id, became, _do_new_identity.family_name);
    PERFORM contactpoint._leave_child(former.child_id);
    INSERT INTO contactpoint.former_identity (child_id, became, present, reason, made_by)
    VALUES (former.child_id, became, became, _do_new_identity.reason, contactpoint._caller());
    PERFORM contactpoint._identities_follow(former.child_id, became);
    PERFORM contactpoint._findings_follow(former.child_id);
    PERFORM contactpoint._rekey_batch(ARRAY[former.child_id, became], true);
    RETURN became;
END
$$;
CREATE FUNCTION contactpoint.new_identity(child_id bigint, given_names text, family_name text, reason text)
    RETURNS bigint LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_command';
COMMENT ON FUNCTION contactpoint.new_identity(bigint, text, text, text) IS
    'Give a child a new number and name in a shielded record, after an adoption order or for a protected person; the former record leaves the registry and goes on matching. Returns the new number, which nobody else is told.';

-- ---------- one number of a child ----------

CREATE FUNCTION contactpoint._shown(candidates bigint[], more bigint[]) RETURNS bigint[]
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH listed AS (
        SELECT n.child_id, min(n.place) AS place,
               coalesce((SELECT f.present FROM contactpoint.former_identity f WHERE f.child_id = n.child_id), n.child_id) AS present
        FROM unnest($1 || $2) WITH ORDINALITY AS n (child_id, place)
        GROUP BY n.child_id
    ), first_of_child AS (
        SELECT DISTINCT ON (l.present) l.child_id, l.place FROM listed l ORDER BY l.present, l.place
    )
    SELECT coalesce(array_agg(f.child_id ORDER BY f.place), '{}') FROM first_of_child f
$$;
COMMENT ON FUNCTION contactpoint._shown(bigint[], bigint[]) IS
    'candidates and more of them, each once; of the numbers that one child has had only the first';

-- Two numbers of one child may come to stand in one review when records are merged
-- or parted.
CREATE FUNCTION contactpoint._reviews_follow(child_id bigint) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    UPDATE contactpoint.review r SET candidates = contactpoint._shown(r.candidates, '{}')
    WHERE r.candidates && ARRAY(SELECT f.child_id FROM contactpoint.former_identity f WHERE f.present = $1)
      AND r.candidates <> contactpoint._shown(r.candidates, '{}')
$$;
COMMENT ON FUNCTION contactpoint._reviews_follow(bigint) IS
    'leaves in each review one of the numbers that a child has had';

-- A row that bears a former name must not make a record in the open again, also
-- where a person says that it is somebody new.
CREATE FUNCTION contactpoint._bears_former_name(upload_id bigint, candidates bigint[]) RETURNS boolean
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_bears_former_name';
COMMENT ON FUNCTION contactpoint._bears_former_name(bigint, bigint[]) IS
    'has this held row the name and birth date, or nearly, of a former identity among these?';

-- ---------- the link ----------

CREATE FUNCTION contactpoint._identity_open(child_id bigint) RETURNS timestamptz
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_identity_open';
COMMENT ON FUNCTION contactpoint._identity_open(bigint) IS
    'lets this session and role see former identities of a record once the alert is committed; returns until when';
CREATE FUNCTION contactpoint._identity_is_open(child_id bigint) RETURNS boolean
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_identity_is_open';
COMMENT ON FUNCTION contactpoint._identity_is_open(bigint) IS 'may this session and role see former identities of a record now?';

CREATE FUNCTION contactpoint._present_number(child_id bigint) RETURNS bigint
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT f.present FROM contactpoint.former_identity f
    JOIN contactpoint.child c ON c.child_id = f.present
    WHERE f.child_id = $1 OR f.present = $1 LIMIT 1
$$;
COMMENT ON FUNCTION contactpoint._present_number(bigint) IS
    'the number that a child has now, by any it has had; null where it has had one only';

CREATE FUNCTION contactpoint._is_present_one(child_id bigint, candidates bigint[]) RETURNS boolean
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    SELECT contactpoint._has_role('contactpoint_override') AND contactpoint._identity_is_open($1)
       AND EXISTS (SELECT FROM unnest($2) c WHERE c <> $1 AND contactpoint._present_number(c) = $1)
$$;
COMMENT ON FUNCTION contactpoint._is_present_one(bigint, bigint[]) IS
    'has the caller seen that a former identity among these is this child?';

CREATE FUNCTION contactpoint._do_former_identity(child_id bigint, reason text, confirm boolean)
    RETURNS jsonb LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    number bigint;
BEGIN
    PERFORM contactpoint._require_role('contactpoint_override');
    reason := contactpoint._check_text('reason', reason, 500);
    IF confirm IS NOT TRUE THEN
        RAISE WARNING 'to look for a former identity raises an alert'
            USING HINT = 'The managers of the record see at once who looked and why, and will ask. '
                         'To go on, call former_identity() again with confirm => true.';
        RETURN NULL;
    END IF;
    number := contactpoint._present_number(_do_former_identity.child_id);
    IF number IS NULL THEN
        RAISE EXCEPTION 'there is no former identity of this record'
            USING ERRCODE = 'KC010', HINT = 'It has had one number only, or there is no such record.';
    END IF;
    IF NOT contactpoint._identity_is_open(number) THEN
        RAISE NOTICE 'the alert is raised' USING HINT = 'Call former_identity() once more to see the former identity.';
        RETURN jsonb_build_object('open_until', contactpoint._override(number, reason, true));
    END IF;
    RETURN (SELECT jsonb_build_object('child_id', number,
                'former', jsonb_agg(jsonb_build_object('child_id', f.child_id, 'given_names', h.given_names,
                    'family_name', h.family_name, 'reason', f.reason, 'left_at', f.made_at) ORDER BY f.made_at DESC))
            FROM contactpoint.former_identity f
            JOIN contactpoint.hidden_record h ON h.child_id = f.child_id
            WHERE f.present = number);
END
$$;
CREATE FUNCTION contactpoint.former_identity(child_id bigint, reason text, confirm boolean DEFAULT false)
    RETURNS jsonb LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_command';
COMMENT ON FUNCTION contactpoint.former_identity(bigint, text, boolean) IS
    'Which number and name a child had before, or has now, by any of its numbers: a warning first; confirmed, an alert; once that is committed, the answer.';
