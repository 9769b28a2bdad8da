/*-------------------------------------------------------------------------
 *
 * child_guard.c
 *	  The triggers on the registry's tables.
 *
 *	  All are ENABLE ALWAYS, so they hold for anybody and under any
 *	  session_replication_role.
 *	  - child_guard (BEFORE) refuses names and dates that cannot be, and a
 *	    change of child.shielded or child.child_id that is not the shielding
 *	    functions' own work; even theirs where replica mode would keep the
 *	    foreign keys from moving the details.
 *	  - the rekey triggers (AFTER) refuse a row that makes a second record of
 *	    a known child (KC004, one constant message that names nobody), then
 *	    bring the matcher's keys up to date; row by row, so that the second of
 *	    two rows in one statement meets the keys of the first.
 *	  - source_guard (BEFORE) leaves pauses and embargoes to their functions.
 *	  Own work has decided already and passes; so does an announced restore.
 *
 *	  Lock order: the matching lock first, then child rows in child_id order.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/datum.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "audit.h"
#include "match.h"

/* columns of contactpoint.child */
enum
{
	CHILD_ID = 1,
	CHILD_GIVEN_NAMES,
	CHILD_FAMILY_NAME,
	CHILD_SEX,
	CHILD_DATE_OF_BIRTH,
	CHILD_SHIELDED
};

static TriggerData *
require_trigger(FunctionCallInfo fcinfo)
{
	cp_require_preloaded();
	return cp_require_trigger(fcinfo);
}

static bool
same_value(HeapTuple a, HeapTuple b, TupleDesc desc, int attno)
{
	Form_pg_attribute att = TupleDescAttr(desc, attno - 1);
	bool		a_null,
				b_null;
	Datum		a_value = heap_getattr(a, attno, desc, &a_null);
	Datum		b_value = heap_getattr(b, attno, desc, &b_null);

	if (a_null || b_null)
		return a_null == b_null;
	return datum_image_eq(a_value, b_value, att->attbyval, att->attlen);
}

static void
check_name(const char *column, const char *name)
{
	const char *fault = name == NULL ? "is missing" : cp_name_fault(name);

	if (fault == NULL && cp_name_is_cut(name))
		fault = "has more words than are compared";
	if (fault != NULL)
		cp_row_refuse("child", column, fault, "Write the name as it is, 2 to 200 letters and at most " CppAsString2(CP_MAX_WORDS) " words.");
}

/*
 * Refuses names and dates that cannot be.
 */
static void
check_child(HeapTuple tuple, TupleDesc desc)
{
	bool		isnull;
	Datum		value;
	DateADT		birth;

	check_name("given_names", cp_row_text(tuple, desc, CHILD_GIVEN_NAMES));
	check_name("family_name", cp_row_text(tuple, desc, CHILD_FAMILY_NAME));
	value = heap_getattr(tuple, CHILD_DATE_OF_BIRTH, desc, &isnull);
	if (isnull)
		cp_row_refuse("child", "date_of_birth", "is missing", "A record needs a date of birth.");
	birth = DatumGetDateADT(value);
	if (DATE_NOT_FINITE(birth) || birth < date2j(1900, 1, 1) - POSTGRES_EPOCH_JDATE ||
		birth > cp_today())
		cp_row_refuse("child", "date_of_birth", "lies before 1900 or in the future",
					  "A record needs the child's date of birth.");
}

/*
 * The matching side of a row of child.
 */
static CpPerson *
person_of(HeapTuple tuple, TupleDesc desc)
{
	bool		isnull;
	DateADT		birth = DatumGetDateADT(heap_getattr(tuple, CHILD_DATE_OF_BIRTH, desc, &isnull));

	return cp_person_make(cp_row_text(tuple, desc, CHILD_GIVEN_NAMES),
						  cp_row_text(tuple, desc, CHILD_FAMILY_NAME),
						  &birth, *cp_row_text(tuple, desc, CHILD_SEX), NULL, NULL, NIL);
}

/*
 * Raises KC004 where the row would be a second record.  The caller has started
 * own work and holds the matching lock.  The error tells that there is such a
 * child, so it is on record that somebody was told, and about whom.
 */
static void
refuse_duplicate(HeapTuple tuple, TupleDesc desc)
{
	bool		isnull;
	int64		child_id = DatumGetInt64(heap_getattr(tuple, CHILD_ID, desc, &isnull));
	int64		known = cp_known_child(person_of(tuple, desc), child_id);

	if (known == 0)
		return;
	cp_audit_command("duplicate", &known, 1, CP_VERDICT_REFUSED);
	ereport(ERROR,
			(errcode(ERRCODE_CP_DUPLICATE),
			 errmsg("this child may have a record already, so no second one is made"),
			 errhint("Send the child through contactpoint.upload: a person decides with decide().")));
}

/*
 * By hand a shield is never placed or lifted.  Own work may, but not where
 * replica mode would leave the details on the wrong side.
 */
static void
guard_shield(bool changed)
{
	if (changed && !cp_in_own_work())
		ereport(ERROR,
				(errcode(ERRCODE_CP_PROTECTED),
				 errmsg("a shield is placed and lifted by the shielding functions only"),
				 errhint("SELECT contactpoint.shield(...), or request_unshield() and approve_unshield().")));
	if (changed && SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA)
		ereport(ERROR,
				(errcode(ERRCODE_CP_PROTECTED),
				 errmsg("a shield cannot change while session_replication_role is replica"),
				 errhint("RESET session_replication_role: foreign keys must move the details.")));
}

PG_FUNCTION_INFO_V1(contactpoint_child_guard);
Datum
contactpoint_child_guard(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = require_trigger(fcinfo);
	TupleDesc	desc = RelationGetDescr(trigger->tg_relation);
	HeapTuple	old = trigger->tg_trigtuple;
	HeapTuple	new;
	bool		isnull;

	cp_log_registry(true);
	if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
	{
		if (!cp_is_restoring() && !cp_in_own_work())
		{
			cp_require_validated();
			cp_require_account();
			guard_shield(DatumGetBool(heap_getattr(old, CHILD_SHIELDED, desc, &isnull)));
			check_child(old, desc);
		}
		return PointerGetDatum(old);
	}

	new = trigger->tg_newtuple;
	guard_shield(!same_value(old, new, desc, CHILD_SHIELDED));
	if (!same_value(old, new, desc, CHILD_SHIELDED) &&
		DatumGetBool(heap_getattr(new, CHILD_SHIELDED, desc, &isnull)))
		cp_recent_add(DatumGetInt64(heap_getattr(new, CHILD_ID, desc, &isnull)));
	if (!same_value(old, new, desc, CHILD_ID))
		ereport(ERROR,
				(errcode(ERRCODE_CP_PROTECTED),
				 errmsg("the number of a child never changes"),
				 errhint("Leave child_id alone.")));
	if (!cp_in_own_work())
	{
		cp_require_validated();
		cp_require_account();
		if (!cp_caller_manages_child(DatumGetInt64(heap_getattr(old, CHILD_ID, desc, &isnull))))
			ereport(ERROR,
					(errcode(ERRCODE_CP_NOT_AUTHORISED),
					 errmsg("only managers of the responsible authority may change a record"),
					 errhint("Ask a manager of the authority that is responsible for the record.")));
		check_child(new, desc);
	}
	return PointerGetDatum(new);
}

/*
 * What waited for an embargo to end is in the queue again.  A matcher that has
 * read that there is one must have said what waits before.
 */
static void
end_waiting(HeapTuple source, TupleDesc desc)
{
	Oid			types[1] = {TEXTOID};
	Datum		values[1] = {CStringGetTextDatum(cp_row_text(source, desc, SPI_fnumber(desc, "source")))};
	CpOwnWork	work;

	cp_own_work_begin(&work);
	PG_TRY();
	{
		cp_lock_matching();
		SPI_connect();
		if (SPI_execute_with_args("UPDATE contactpoint.receipt SET waits = false WHERE source = $1 AND waits",
								  1, types, values, NULL, false, 0) != SPI_OK_UPDATE)
			elog(ERROR, "could not end an embargo");
		SPI_finish();
	}
	PG_FINALLY();
	{
		cp_own_work_end(&work);
	}
	PG_END_TRY();
	cp_matcher_wake_at_commit();
}

/*
 * BEFORE UPDATE on source: gates are opened and closed by functions, which ask
 * what stands in the way.  Superusers pass.
 */
PG_FUNCTION_INFO_V1(contactpoint_source_guard);
Datum
contactpoint_source_guard(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = require_trigger(fcinfo);
	TupleDesc	desc = RelationGetDescr(trigger->tg_relation);
	int			paused_at = SPI_fnumber(desc, "paused_at");
	int			embargoed_at = SPI_fnumber(desc, "embargoed_at");
	HeapTuple	old = trigger->tg_trigtuple;
	HeapTuple	new = trigger->tg_newtuple;

	if (same_value(old, new, desc, paused_at) && same_value(old, new, desc, embargoed_at))
		return PointerGetDatum(new);
	if (!cp_in_own_work() && !cp_caller_is_superuser())
		ereport(ERROR,
				(errcode(ERRCODE_CP_PROTECTED),
				 errmsg("pauses and embargoes of a source are not changed by hand"),
				 errhint("SELECT contactpoint.pause_uploads(...), resume_uploads(...), embargo(...) or release(...).")));
	if (!heap_attisnull(old, embargoed_at, desc) && heap_attisnull(new, embargoed_at, desc))
		end_waiting(new, desc);
	return PointerGetDatum(new);
}

static void
run_own(const char *statement, int nargs, Oid *types, Datum *values, const char *nulls)
{
	SPI_connect();
	if (SPI_execute_with_args(statement, nargs, types, values, nulls, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not complete a change of a record");
	SPI_finish();
}

/*
 * Whoever makes a record by hand works for the authority that is responsible
 * for it from then on.
 */
static void
take_responsibility(HeapTuple tuple, TupleDesc desc)
{
	Oid			types[2] = {INT8OID, INT8OID};
	Datum		values[2];
	int64		organisation = cp_caller_organisation();
	bool		isnull;

	if (organisation == 0)
		return;
	values[0] = heap_getattr(tuple, CHILD_ID, desc, &isnull);
	values[1] = Int64GetDatum(organisation);
	run_own("INSERT INTO contactpoint.responsibility (child_id, organisation_id) VALUES ($1, $2)",
			2, types, values, NULL);
}

/*
 * A name that was changed by hand goes on matching, as an alias.
 */
static void
keep_former_name(HeapTuple old, HeapTuple new, TupleDesc desc)
{
	Oid			types[3] = {INT8OID, TEXTOID, TEXTOID};
	Datum		values[3];
	bool		isnull;

	if (same_value(old, new, desc, CHILD_GIVEN_NAMES) &&
		same_value(old, new, desc, CHILD_FAMILY_NAME))
		return;
	values[0] = heap_getattr(old, CHILD_ID, desc, &isnull);
	values[1] = heap_getattr(old, CHILD_GIVEN_NAMES, desc, &isnull);
	values[2] = heap_getattr(old, CHILD_FAMILY_NAME, desc, &isnull);
	run_own("INSERT INTO contactpoint.alias (child_id, kind, given_names, family_name)"
			" VALUES ($1, 'former', $2, $3)", 3, types, values, NULL);
}

/*
 * Does this event make a record, or change who its child is?
 */
static bool
changes_identity(TriggerData *trigger)
{
	TupleDesc	desc = RelationGetDescr(trigger->tg_relation);
	HeapTuple	old = trigger->tg_trigtuple;
	HeapTuple	new = trigger->tg_newtuple;

	if (RelationGetRelid(trigger->tg_relation) != cp_relation_oid("child") ||
		TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
		return false;
	return TRIGGER_FIRED_BY_INSERT(trigger->tg_event) ||
		!same_value(old, new, desc, CHILD_GIVEN_NAMES) ||
		!same_value(old, new, desc, CHILD_FAMILY_NAME) ||
		!same_value(old, new, desc, CHILD_SEX) ||
		!same_value(old, new, desc, CHILD_DATE_OF_BIRTH);
}

/*
 * AFTER INSERT OR UPDATE OR DELETE, for each row, on whatever the matcher's
 * keys are made of.  Own work and foreign-key work rebuild keys themselves.
 */
PG_FUNCTION_INFO_V1(contactpoint_rekey_changed);
Datum
contactpoint_rekey_changed(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = require_trigger(fcinfo);
	TupleDesc	desc = RelationGetDescr(trigger->tg_relation);
	int			attno = SPI_fnumber(desc, "child_id");
	HeapTuple	tuple = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ?
	trigger->tg_newtuple : trigger->tg_trigtuple;
	bool		isnull;
	CpOwnWork	work;

	if (cp_in_own_work() ||
		cp_is_restoring())
		return PointerGetDatum(NULL);

	cp_own_work_begin(&work);
	PG_TRY();
	{
		cp_lock_matching();
		if (changes_identity(trigger))
		{
			refuse_duplicate(tuple, desc);
			if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
				take_responsibility(tuple, desc);
			else
				keep_former_name(trigger->tg_trigtuple, tuple, desc);
		}
		cp_rekey(DatumGetInt64(heap_getattr(tuple, attno, desc, &isnull)));
	}
	PG_FINALLY();
	{
		cp_own_work_end(&work);
	}
	PG_END_TRY();
	return PointerGetDatum(NULL);
}

/*
 * BEFORE INSERT OR UPDATE OR DELETE, for each statement: the matching lock
 * comes before any row, for the matcher has it in this order too.
 */
PG_FUNCTION_INFO_V1(contactpoint_lock_first);
Datum
contactpoint_lock_first(PG_FUNCTION_ARGS)
{
	(void) require_trigger(fcinfo);
	if (!cp_in_own_work() && !cp_is_restoring())
		cp_lock_matching();
	return PointerGetDatum(NULL);
}

/*
 * BEFORE INSERT, for each statement: an announced restore leaves a mark, and
 * while there is one nobody reads.  With an argument the table is one that
 * nobody else writes by hand.
 */
PG_FUNCTION_INFO_V1(contactpoint_restore_mark);
Datum
contactpoint_restore_mark(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = require_trigger(fcinfo);
	Oid			types[1] = {OIDOID};
	Datum		values[1];
	CpOwnWork	work;

	if (!cp_is_restoring())
	{
		if (!cp_in_own_work() && trigger->tg_trigger->tgnargs > 0)
			ereport(ERROR,
					(errcode(ERRCODE_CP_PROTECTED),
					 errmsg("this table is written by the registry's own functions only"),
					 errhint("To restore a dump, announce it: see the README on backup and restore.")));
		return PointerGetDatum(NULL);
	}

	values[0] = ObjectIdGetDatum(RelationGetRelid(trigger->tg_relation));
	cp_own_work_begin(&work);
	PG_TRY();
	{
		SPI_connect();
		if (SPI_execute_with_args("INSERT INTO contactpoint.restore_mark (relation) VALUES ($1)",
								  1, types, values, NULL, false, 0) != SPI_OK_INSERT)
			elog(ERROR, "could not mark a restore");
		SPI_finish();
	}
	PG_FINALLY();
	{
		cp_own_work_end(&work);
	}
	PG_END_TRY();
	return PointerGetDatum(NULL);
}
