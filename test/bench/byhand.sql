-- What somebody would build without the extension, as well as it can be done
-- with what PostgreSQL brings: trigrams on the full name, alone (GIN) and with
-- the date of birth (GiST); phonetic keys in a table of their own. Needs pg_trgm,
-- btree_gist and fuzzystrmatch.

CREATE TABLE public.person (child_id bigint PRIMARY KEY, given_names text, family_name text, name text, sex text, date_of_birth date, postcode text);
INSERT INTO public.person
SELECT c.child_id, c.given_names, c.family_name, lower(c.given_names || ' ' || c.family_name), c.sex, c.date_of_birth, a.postcode
FROM contactpoint.child c LEFT JOIN contactpoint.address a USING (child_id);
CREATE INDEX person_gin ON public.person USING gin (name gin_trgm_ops);
CREATE INDEX person_gist ON public.person USING gist (date_of_birth, name gist_trgm_ops (siglen = 32));

-- Date with the sound of either name, the sound of both with the year, postcode
-- with either name: a child is found with any one of these facts wrong.
CREATE FUNCTION public.keys_of(given_names text, family_name text, date_of_birth date, postcode text) RETURNS bigint[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT array_remove(ARRAY[
    hashtextextended('1' || date_of_birth || soundex(split_part(given_names, ' ', 1)), 0),
    hashtextextended('2' || date_of_birth || soundex(family_name), 0),
    hashtextextended('3' || extract(year FROM date_of_birth) || soundex(split_part(given_names, ' ', 1)) || soundex(family_name), 0),
    hashtextextended('4' || postcode || soundex(split_part(given_names, ' ', 1)), 0),
    hashtextextended('5' || postcode || soundex(family_name), 0)], NULL)
$$;
CREATE TABLE public.person_key AS
SELECT unnest(public.keys_of(given_names, family_name, date_of_birth, postcode)) AS key, child_id FROM public.person;
CREATE INDEX person_key_key ON public.person_key (key, child_id);

-- Rows to look for, in blocks of 1,000.
CREATE TABLE public.sample (block bigint, number int, given_names text, family_name text, date_of_birth date, sex text, postcode text, child_id bigint);
CREATE INDEX ON public.sample (block, number);
