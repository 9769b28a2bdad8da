-- What decisions.pl keeps beside a registry that it feeds with a labelled set:
-- what was sent, who it is about, and a reviewer who knows.
SET client_min_messages = warning;
CREATE EXTENSION contactpoint CASCADE;
INSERT INTO contactpoint.organisation (organisation_id, name, kind, stage) VALUES (1, 'Northshire', 'authority', 'live');

CREATE TABLE public.sent (
    n int PRIMARY KEY,
    reference text NOT NULL UNIQUE,
    entity text NOT NULL,
    later boolean NOT NULL,
    source text NOT NULL,
    given_names text,
    family_name text,
    sex text,
    date_of_birth text,
    address text,
    postcode text,
    identifiers jsonb
);

-- A feed leaves out what the inbox would refuse.
CREATE FUNCTION public.clean() RETURNS void LANGUAGE sql AS $$
    UPDATE public.sent SET
        given_names = CASE WHEN contactpoint._name_fault(given_names) IS NULL THEN given_names END,
        family_name = CASE WHEN contactpoint._name_fault(family_name) IS NULL THEN family_name END
    WHERE contactpoint._name_fault(given_names) IS NOT NULL OR contactpoint._name_fault(family_name) IS NOT NULL
$$;

-- Sends the rows from one number to another, in their order.
CREATE FUNCTION public.send(first int, last int) RETURNS void LANGUAGE sql AS $$
    INSERT INTO contactpoint.upload (source, source_ref, authority, given_names, family_name, sex,
        date_of_birth, address, postcode, identifiers)
    SELECT source, reference, 1, given_names, family_name, sex, date_of_birth::contactpoint.iso_date,
        address, postcode, identifiers
    FROM public.sent WHERE n BETWEEN first AND last ORDER BY n
$$;

-- Whom a record is about: the person of the row that it was made of.
CREATE VIEW public.founder AS
    SELECT t.child_id, s.entity, t.settled_at, s.n
    FROM contactpoint.settlement t JOIN public.sent s ON s.reference = t.source_ref
    WHERE t.outcome = 'new';

-- Decides all that is held: same where one of the records shown is the person's,
-- new where none is, reject where the row says too little for a record.
CREATE FUNCTION public.review_all() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    held record;
    turn int := 0;
BEGIN
    LOOP
        FOR held IN
            SELECT r.review_id, s.given_names IS NULL OR s.family_name IS NULL
                    OR s.date_of_birth IS NULL OR length(s.date_of_birth) < 10 AS too_little,
                (SELECT min(f.child_id) FROM public.founder f
                 WHERE f.child_id = ANY (r.candidates) AND f.entity = s.entity) AS child
            FROM contactpoint.review r JOIN public.sent s ON s.reference = r.source_ref
            WHERE r.decided_at IS NULL ORDER BY s.n
        LOOP
            PERFORM contactpoint.decide(held.review_id,
                CASE WHEN held.child IS NOT NULL THEN 'same' WHEN held.too_little THEN 'reject' ELSE 'new' END, held.child);
        END LOOP;
        EXIT WHEN NOT EXISTS (SELECT FROM contactpoint.review WHERE decided_at IS NULL);
        -- what is found by then is shown first and decided in the next turn
        turn := turn + 1;
        IF turn > 20 THEN
            RAISE EXCEPTION 'reviews stay open';
        END IF;
    END LOOP;
END
$$;

-- One line a row that was sent: what became of it, and whether that is right.
CREATE VIEW public.judged AS
    WITH known AS (
        SELECT s.*, row_number() OVER (PARTITION BY s.entity ORDER BY s.n) > 1 AS existing FROM public.sent s
    ), born AS (
        SELECT f.*, row_number() OVER (PARTITION BY f.entity ORDER BY f.settled_at, f.n) > 1 AS second FROM public.founder f
    )
    SELECT k.*, t.child_id, r.review_id IS NOT NULL AS held, r.reason, t.score,
        CASE WHEN r.review_id IS NULL THEN t.outcome ELSE r.decision END AS outcome,
        b.second AS second_record, owner.entity AS went_to, owner.n AS went_to_n
    FROM known k
    JOIN contactpoint.settlement t ON t.source_ref = k.reference
    LEFT JOIN contactpoint.review r ON r.source_ref = k.reference
    LEFT JOIN born b ON b.n = k.n
    LEFT JOIN public.founder owner ON owner.child_id = t.child_id;

-- The figures of a set; later: of the second source of a link set alone.
CREATE FUNCTION public.figures(only_later boolean)
    RETURNS TABLE (records bigint, existing bigint, attached bigint, wrong bigint, second_automatic bigint,
                   second_reviewed bigint, held bigint, known_held bigint, fresh bigint, fresh_held bigint, fresh_too_little bigint, rejected bigint)
    LANGUAGE sql AS $$
    SELECT count(*), count(*) FILTER (WHERE existing),
        count(*) FILTER (WHERE outcome = 'match'),
        count(*) FILTER (WHERE outcome = 'match' AND went_to IS DISTINCT FROM entity),
        count(*) FILTER (WHERE second_record AND NOT held),
        count(*) FILTER (WHERE second_record AND held),
        count(*) FILTER (WHERE held), count(*) FILTER (WHERE held AND existing),
        count(*) FILTER (WHERE NOT existing), count(*) FILTER (WHERE NOT existing AND held),
        count(*) FILTER (WHERE NOT existing AND held AND reason LIKE 'too little%'),
        count(*) FILTER (WHERE outcome = 'reject')
    FROM public.judged WHERE later OR NOT only_later
$$;
