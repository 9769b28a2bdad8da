-- What pg_dump takes along. Leaves hold the rows of partitioned tables, so they
-- are named; the matcher's private keys are built anew by validate_restore().

DO $$
DECLARE
    rel text;
BEGIN
    FOREACH rel IN ARRAY ARRAY[
        'organisation', 'organisation_organisation_id_seq', 'account',
        'child', 'alias',
        'address_open', 'address_vault', 'carer_open', 'carer_vault',
        'involvement_open', 'involvement_vault', 'identifier_open', 'identifier_vault',
        'responsibility_open', 'responsibility_vault',
        'shield', 'shield_shield_id_seq', 'unshield_request', 'unshield_request_request_id_seq', 'access_grant',
        'shield_alert', 'shield_alert_alert_id_seq',
        'hidden_record', 'former_identity', 'former_reference', 'former_row', 'advance_shield',
        'source', 'source_gate', 'source_gate_gate_id_seq', 'shielding_said', 'source_tally', 'upload', 'upload_upload_id_seq', 'receipt',
        'settlement', 'source_link',
        'review', 'review_review_id_seq', 'held_reference', 'remembered', 'remembered_remembered_id_seq', 'decided_row',
        'merge_log', 'merge_log_merge_id_seq', 'merged_record', 'merge_request', 'merge_request_request_id_seq',
        'undo_log', 'undo_log_undo_id_seq', 'mistaken_look', 'finding', 'finding_finding_id_seq', 'finding_pair', 'journal',
        'ledger_tile', 'ledger_head', 'ledger_month']
    LOOP
        PERFORM pg_catalog.pg_extension_config_dump(format('contactpoint.%I', rel)::regclass, '');
    END LOOP;
    -- what the script ships is there before the dump is restored
    PERFORM pg_catalog.pg_extension_config_dump('contactpoint.name_variant', 'WHERE NOT shipped');
END
$$;
