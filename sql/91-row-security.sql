-- Row security on every table, for its owner too: what no policy shows, nobody
-- reads. Policies stand with their tables, but for the one that many have in
-- common.

DO $$
DECLARE
    rel text;
BEGIN
    FOR rel IN
        SELECT c.relname FROM pg_catalog.pg_class c
        WHERE c.relnamespace = 'contactpoint'::regnamespace AND c.relkind IN ('r', 'p')
          -- COPY FROM refuses row security; feeds may insert and read nothing
          AND c.relname <> 'upload'
    LOOP
        EXECUTE format('ALTER TABLE contactpoint.%I ENABLE ROW LEVEL SECURITY', rel);
        EXECUTE format('ALTER TABLE contactpoint.%I FORCE ROW LEVEL SECURITY', rel);
    END LOOP;
    FOREACH rel IN ARRAY ARRAY[
        'shield', 'unshield_request', 'access_grant', 'shield_alert', 'advance_shield', 'source_link', 'review',
        'merge_log', 'merge_request', 'undo_log', 'mistaken_look', 'finding']
    LOOP
        EXECUTE format('CREATE POLICY %s_manager ON contactpoint.%I FOR SELECT
            TO contactpoint_manager, contactpoint_admin USING (contactpoint._review_guard(authority))', rel, rel);
        EXECUTE format('COMMENT ON POLICY %s_manager ON contactpoint.%I IS %L', rel, rel,
            'managers see the rows of their own authority');
    END LOOP;
END
$$;
