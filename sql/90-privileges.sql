-- Nothing to PUBLIC; then the few grants. What each group role may do stands in
-- one table of the README.

DO $$
DECLARE
    f record;
BEGIN
    -- Every private function is described by the door it serves.
    FOR f IN
        SELECT p.oid::regprocedure AS sig, substr(p.proname, 5) AS door FROM pg_catalog.pg_proc p
        WHERE p.pronamespace = 'contactpoint'::regnamespace AND p.proname LIKE E'\\_do\\_%'
    LOOP
        EXECUTE format('COMMENT ON FUNCTION %s IS %L', f.sig, 'the work behind ' || f.door || '()');
    END LOOP;
END
$$;

REVOKE ALL ON ALL TABLES IN SCHEMA contactpoint FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA contactpoint FROM PUBLIC;
REVOKE ALL ON ALL ROUTINES IN SCHEMA contactpoint FROM PUBLIC;

-- Calls that the planner hook puts into plans run with the rights of whoever
-- asks. Called from SQL they refuse, or tell what the caller may see anyway.
GRANT EXECUTE ON FUNCTION contactpoint._vault_guard(bigint), contactpoint._review_guard(bigint) TO PUBLIC;

-- reading
-- Whole tables, since asking for each column in every statement costs as much
-- as the look-up; the library keeps system columns back (src/capture.c).
GRANT SELECT ON contactpoint.child, contactpoint.address, contactpoint.carer, contactpoint.involvement,
    contactpoint.identifier, contactpoint.responsibility
    TO contactpoint_practitioner, contactpoint_protection, contactpoint_override, contactpoint_manager;
GRANT SELECT ON contactpoint.record
    TO contactpoint_practitioner, contactpoint_protection, contactpoint_override, contactpoint_manager;
GRANT EXECUTE ON FUNCTION contactpoint.search(text, text, date, text, text, int)
    TO contactpoint_practitioner, contactpoint_protection, contactpoint_override, contactpoint_manager;
GRANT SELECT ON contactpoint.organisation
    TO contactpoint_practitioner, contactpoint_protection, contactpoint_override, contactpoint_manager,
       contactpoint_auditor, contactpoint_admin;
GRANT SELECT ON contactpoint.account
    TO contactpoint_practitioner, contactpoint_protection, contactpoint_override, contactpoint_manager,
       contactpoint_auditor, contactpoint_feed, contactpoint_admin;

-- The doors are open to every group: they ask for the right themselves, and
-- whoever is turned away there is in the audit.
GRANT EXECUTE ON FUNCTION contactpoint.open_shielded(bigint, text, boolean), contactpoint.close_shielded(bigint),
    contactpoint.shield(bigint, text, text, boolean),
    contactpoint.request_unshield(bigint, text), contactpoint.approve_unshield(bigint),
    contactpoint.grant_access(bigint, name, text, timestamptz), contactpoint.revoke_access(bigint, name, text),
    contactpoint.follow_up(bigint, text), contactpoint.keep_shield(bigint, text, date),
    contactpoint.add_alias(bigint, text, text, text, text), contactpoint.new_identity(bigint, text, text, text),
    contactpoint.former_identity(bigint, text, boolean),
    contactpoint.shield_in_advance(text, text, date, text, text), contactpoint.withdraw_advance(bigint, text),
    contactpoint.pause_uploads(text, text), contactpoint.resume_uploads(text), contactpoint.embargo(text, text),
    contactpoint.shielding_done(text, bigint), contactpoint.release(text),
    contactpoint.decide(bigint, text, bigint, text), contactpoint.held_upload(bigint),
    contactpoint.take_review(bigint), contactpoint.assign_review(bigint, name),
    contactpoint.hand_over_review(bigint, bigint, text), contactpoint.undecide(bigint, text),
    contactpoint.merge(bigint, bigint, text), contactpoint.unmerge(bigint, text),
    contactpoint.separate(text, text, text), contactpoint.revert_batch(text, text, text),
    contactpoint.explain_match(bigint),
    contactpoint.sweep(interval), contactpoint.dismiss_finding(bigint, text), contactpoint.reopen_finding(bigint, text),
    contactpoint.rekey(interval),
    contactpoint.add_name_variant(text, text), contactpoint.remove_name_variant(text, text)
    TO contactpoint_practitioner, contactpoint_protection, contactpoint_override, contactpoint_manager,
       contactpoint_feed, contactpoint_auditor, contactpoint_admin;

-- the vault
GRANT SELECT ON contactpoint.shield, contactpoint.unshield_request, contactpoint.access_grant,
    contactpoint.shield_alert, contactpoint.alerts_due, contactpoint.shields_due
    TO contactpoint_manager, contactpoint_admin;
GRANT EXECUTE ON FUNCTION contactpoint._shield_gaps()
    TO contactpoint_practitioner, contactpoint_protection, contactpoint_override, contactpoint_manager,
       contactpoint_feed, contactpoint_auditor, contactpoint_admin;
GRANT SELECT ON contactpoint.shield_gaps
    TO contactpoint_practitioner, contactpoint_protection, contactpoint_override, contactpoint_manager,
       contactpoint_feed, contactpoint_auditor, contactpoint_admin;
GRANT SELECT ON contactpoint.shield_category, contactpoint.advance_shield, contactpoint.advance_shields
    TO contactpoint_manager, contactpoint_admin;

-- records by hand
GRANT INSERT (given_names, family_name, sex, date_of_birth) ON contactpoint.child TO contactpoint_manager;
GRANT UPDATE (given_names, family_name, sex, date_of_birth) ON contactpoint.child TO contactpoint_manager;
GRANT INSERT (child_id, address, postcode) ON contactpoint.address TO contactpoint_manager;
GRANT INSERT (child_id, full_name, relationship, contact) ON contactpoint.carer TO contactpoint_manager;
GRANT INSERT (child_id, service, organisation, practitioner, contact, started_on, ended_on)
    ON contactpoint.involvement TO contactpoint_manager;
GRANT INSERT (child_id, kind, value) ON contactpoint.identifier TO contactpoint_manager;
GRANT EXECUTE ON FUNCTION contactpoint._manages_child(bigint) TO contactpoint_manager;
GRANT EXECUTE ON FUNCTION contactpoint._child_number() TO contactpoint_manager;
GRANT EXECUTE ON FUNCTION contactpoint._child_number_valid(bigint) TO contactpoint_manager;

-- feeds
GRANT INSERT (source, source_ref, batch, authority, given_names, family_name, sex, date_of_birth, address,
    postcode, identifiers, carers, involvements, alias_names) ON contactpoint.upload TO contactpoint_feed;
GRANT EXECUTE ON FUNCTION contactpoint._caller(), contactpoint._iso_date(date),
    contactpoint._iso_date_in(cstring), contactpoint._iso_date_out(contactpoint.iso_date) TO contactpoint_feed;
GRANT SELECT ON contactpoint.upload_receipt TO contactpoint_feed;
GRANT EXECUTE ON FUNCTION contactpoint._has_role(name) TO contactpoint_feed;
GRANT SELECT ON contactpoint.source, contactpoint.source_gate, contactpoint.shielding_said
    TO contactpoint_manager, contactpoint_admin;

-- matching
GRANT EXECUTE ON PROCEDURE contactpoint.settle(interval) TO contactpoint_manager, contactpoint_admin;
GRANT SELECT ON contactpoint.review, contactpoint.reviews_due, contactpoint.source_link,
    contactpoint.merge_log, contactpoint.merge_request, contactpoint.undo_log, contactpoint.mistaken_look
    TO contactpoint_manager, contactpoint_admin;
-- The shielded record of a finding is shown by the views only.
GRANT SELECT (finding_id, authority, shielded, at_risk, source, source_ref, found_at, due_at, decided_at, decided_by)
    ON contactpoint.finding TO contactpoint_manager, contactpoint_admin;
GRANT SELECT ON contactpoint.name_variant TO contactpoint_manager, contactpoint_admin;
GRANT SELECT ON contactpoint.findings_due, contactpoint.uploads_at_risk TO contactpoint_manager, contactpoint_admin;
GRANT EXECUTE ON FUNCTION contactpoint._has_one_identity(bigint), contactpoint._may_see_which(bigint), contactpoint._caller_organisation(),
    contactpoint._has_role(name), contactpoint._caller() TO contactpoint_manager, contactpoint_admin;

-- audit
GRANT SELECT ON contactpoint.audit TO contactpoint_auditor;
-- A view reads tables with its owner's rights, but calls functions with the
-- rights of whoever asks.
GRANT EXECUTE ON FUNCTION contactpoint._audit_decode(contactpoint.journal_body),
    contactpoint._audit_children(contactpoint.journal_body), contactpoint.audit_inclusion_proof(bigint, bigint)
    TO contactpoint_auditor;
GRANT EXECUTE ON FUNCTION contactpoint.audit_head(), contactpoint.audit_verify(bigint, bigint, bytea),
    contactpoint.audit_consistency_proof(bigint, bigint) TO contactpoint_auditor, contactpoint_admin;
GRANT SELECT ON contactpoint.ledger_month TO contactpoint_auditor, contactpoint_admin;
GRANT EXECUTE ON FUNCTION contactpoint.access_log(bigint), contactpoint.retire_audit(date, text)
    TO contactpoint_practitioner, contactpoint_protection, contactpoint_override, contactpoint_manager,
       contactpoint_feed, contactpoint_auditor, contactpoint_admin;
GRANT SELECT ON contactpoint.status TO contactpoint_manager, contactpoint_auditor, contactpoint_admin;
GRANT EXECUTE ON FUNCTION contactpoint._status() TO contactpoint_manager, contactpoint_auditor, contactpoint_admin;
GRANT SELECT ON contactpoint.progress TO contactpoint_manager, contactpoint_admin;
GRANT EXECUTE ON FUNCTION contactpoint._progress() TO contactpoint_manager, contactpoint_admin;

-- keeping it
GRANT INSERT, UPDATE, DELETE ON contactpoint.organisation, contactpoint.account, contactpoint.source
    TO contactpoint_admin;
