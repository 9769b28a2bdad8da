-- What pg_dump takes along. Leaves hold the rows of partitioned tables, so they
-- are named; the matcher's private keys are built anew by validate_restore().
--
-- Where a shield, a record or a decision would come back with the rows, the table
-- notes that an announced restore writes it, so that nobody reads before
-- validate_restore().

DO $$
DECLARE
    -- written by hand too
    noted text[] := ARRAY[
        'child', 'alias',
        'address_open', 'address_vault', 'carer_open', 'carer_vault',
        'involvement_open', 'involvement_vault', 'identifier_open', 'identifier_vault',
        'responsibility_open', 'responsibility_vault', 'upload'];
    -- by the registry's own functions only, else by a restore
    own text[] := ARRAY[
        'shield', 'unshield_request', 'access_grant', 'shield_alert',
        'hidden_record', 'former_identity', 'former_reference', 'former_row', 'advance_shield',
        'receipt', 'settlement', 'source_link', 'review', 'held_reference', 'remembered', 'decided_row',
        'merge_log', 'merged_record', 'merge_request', 'undo_log', 'mistaken_look', 'finding', 'finding_pair'];
    others text[] := ARRAY[
        'organisation', 'organisation_organisation_id_seq', 'account',
        'shield_shield_id_seq', 'unshield_request_request_id_seq', 'shield_alert_alert_id_seq',
        'source', 'source_gate', 'source_gate_gate_id_seq', 'shielding_said', 'source_tally', 'upload_upload_id_seq',
        'review_review_id_seq', 'remembered_remembered_id_seq',
        'merge_log_merge_id_seq', 'merge_request_request_id_seq', 'undo_log_undo_id_seq', 'finding_finding_id_seq',
        'journal', 'ledger_tile', 'ledger_head', 'ledger_month'];
    rel text;
BEGIN
    FOREACH rel IN ARRAY noted || own LOOP
        EXECUTE format('CREATE TRIGGER %s_restored BEFORE INSERT ON contactpoint.%I
            FOR EACH STATEMENT EXECUTE FUNCTION contactpoint._restore_mark(%s)', rel, rel,
            CASE WHEN rel = ANY (own) THEN '''own''' END);
        EXECUTE format('ALTER TABLE contactpoint.%I ENABLE ALWAYS TRIGGER %s_restored', rel, rel);
        EXECUTE format('COMMENT ON TRIGGER %s_restored ON contactpoint.%I IS %L', rel, rel,
            'notes that an announced restore writes the table');
    END LOOP;
    FOREACH rel IN ARRAY noted || own || others LOOP
        PERFORM pg_catalog.pg_extension_config_dump(format('contactpoint.%I', rel)::regclass, '');
    END LOOP;
    -- what the script ships is there before the dump is restored
    PERFORM pg_catalog.pg_extension_config_dump('contactpoint.name_variant', 'WHERE NOT shipped');
END
$$;
