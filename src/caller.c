/*-------------------------------------------------------------------------
 *
 * caller.c
 *	  What is known of the role in force, and whether a restore is pending.
 *
 *	  Accounts, organisations and restore marks are read with the latest
 *	  snapshot, so a suspension counts from the next statement on, also inside
 *	  REPEATABLE READ.  What was read is kept for each role until it may have
 *	  changed: a trigger on these tables sends an invalidation of its table,
 *	  which comes to every session when the change is committed and to the own
 *	  one at the next command, and goes back with a ROLLBACK.  Every question
 *	  accepts pending invalidations first.  Where that trigger is not in its
 *	  place nothing is kept.
 *
 *	  Locks: AccessShareLock on account, organisation and restore_mark, kept
 *	  no longer than the look-up.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "contactpoint.h"

/* columns of contactpoint.account and contactpoint.organisation */
enum
{
	ACCOUNT_ROLE_NAME = 1,
	ACCOUNT_ORGANISATION_ID,
	ACCOUNT_FULL_NAME,
	ACCOUNT_TRAINED_UNTIL,
	ACCOUNT_CHECKED_UNTIL,
	ACCOUNT_SUSPENDED_AT
};
enum
{
	ORGANISATION_ID = 1,
	ORGANISATION_NAME,
	ORGANISATION_KIND,
	ORGANISATION_STAGE
};

#define CALLERS 64				/* roles of one session that are kept */

static CpCaller callers[CALLERS];

/* is no restore pending? */
static struct
{
	bool		known;
	bool		validated;
}			restore;

/* tables that the above was read from */
static Oid	account_relid = InvalidOid;
static Oid	organisation_relid = InvalidOid;
static Oid	restore_relid = InvalidOid;

/* counts what came in that may have changed an answer */
static uint64 changes = 0;

/* ---------- what is kept, and until when ---------- */

static void
forget_callers(void)
{
	changes++;
	for (int i = 0; i < CALLERS; i++)
		callers[i].role = InvalidOid;
	restore.known = false;
}

static void
table_changed(Datum arg, Oid relid)
{
	if (!OidIsValid(relid) || relid == account_relid ||
		relid == organisation_relid || relid == restore_relid)
		forget_callers();
}

static void
role_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	forget_callers();
}

/*
 * Hears of all changes so far, and from now on.  Registered by the first
 * question, since the postmaster must not.
 */
static void
hear_of_changes(void)
{
	static bool registered = false;

	if (!registered)
	{
		CacheRegisterRelcacheCallback(table_changed, (Datum) 0);
		CacheRegisterSyscacheCallback(AUTHOID, role_changed, (Datum) 0);
		CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, role_changed, (Datum) 0);
		registered = true;
	}
	AcceptInvalidationMessages();
}

/*
 * Does the table tell when its rows change?
 */
static bool
tells_sessions(Relation rel)
{
	Oid			function = cp_function_oid("_tell_sessions", 0, NULL);
	TriggerDesc *triggers = rel->trigdesc;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		Trigger    *trigger = &triggers->triggers[i];

		if (trigger->tgfoid == function && trigger->tgenabled == TRIGGER_FIRES_ALWAYS &&
			TRIGGER_FOR_ROW(trigger->tgtype) && TRIGGER_FOR_INSERT(trigger->tgtype) &&
			TRIGGER_FOR_UPDATE(trigger->tgtype) && TRIGGER_FOR_DELETE(trigger->tgtype) &&
			trigger->tgqual == NULL && trigger->tgnattr == 0)
			return true;
	}
	return false;
}

/*
 * _tell_sessions(), a trigger: whatever sessions have read of this table, they
 * read it anew.
 */
PG_FUNCTION_INFO_V1(contactpoint_tell_sessions);
Datum
contactpoint_tell_sessions(PG_FUNCTION_ARGS)
{
	CacheInvalidateRelcache(cp_require_trigger(fcinfo)->tg_relation);
	return PointerGetDatum(NULL);
}

/* ---------- accounts ---------- */

/*
 * Notes whether the organisation is open.  Returns whether that may be kept.
 */
static bool
learn_organisation(CpCaller *caller, Snapshot snapshot)
{
	Relation	rel = table_open(organisation_relid, AccessShareLock);
	bool		keep = tells_sessions(rel);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, ORGANISATION_ID, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum(caller->organisation));
	scan = systable_beginscan(rel, cp_relation_oid("organisation_pkey"), true,
							  snapshot, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool		isnull;
		Datum		stage = heap_getattr(tuple, ORGANISATION_STAGE,
										 RelationGetDescr(rel), &isnull);
		char	   *word = TextDatumGetCString(stage);

		caller->organisation_open = strcmp(word, "testing") == 0 || strcmp(word, "live") == 0;
		pfree(word);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return keep;
}

static void
note_account(CpCaller *caller, HeapTuple tuple, TupleDesc desc)
{
	bool		isnull;

	caller->has_account = true;
	caller->organisation =
		DatumGetInt64(heap_getattr(tuple, ACCOUNT_ORGANISATION_ID, desc, &isnull));
	caller->trained_until =
		DatumGetDateADT(heap_getattr(tuple, ACCOUNT_TRAINED_UNTIL, desc, &isnull));
	caller->checked_until =
		DatumGetDateADT(heap_getattr(tuple, ACCOUNT_CHECKED_UNTIL, desc, &isnull));
	heap_getattr(tuple, ACCOUNT_SUSPENDED_AT, desc, &isnull);
	caller->suspended = !isnull;
}

static bool
is_member(Oid role, const char *group)
{
	Oid			group_role = get_role_oid(group, true);

	return OidIsValid(group_role) && has_privs_of_role(role, group_role);
}

/*
 * Is the role limited in how many children it looks at?  Who only audits reads
 * no children.
 */
static bool
is_limited(Oid role)
{
	if (superuser_arg(role) || is_member(role, "contactpoint_manager") ||
		is_member(role, "contactpoint_admin"))
		return false;
	return !is_member(role, "contactpoint_auditor") ||
		is_member(role, "contactpoint_practitioner") ||
		is_member(role, "contactpoint_protection") ||
		is_member(role, "contactpoint_override");
}

/*
 * Looks a role up.  Returns whether what was found may be kept.
 */
static bool
learn_caller(CpCaller *caller, Oid role)
{
	Relation	rel;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	Snapshot	snapshot;
	NameData	name;
	bool		keep;

	namestrcpy(&name, GetUserNameFromId(role, false));
	caller->bypasses = has_bypassrls_privilege(role);
	caller->limited = is_limited(role);

	account_relid = cp_relation_oid("account");
	organisation_relid = cp_relation_oid("organisation");
	rel = table_open(account_relid, AccessShareLock);
	keep = tells_sessions(rel);
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	ScanKeyInit(&key, ACCOUNT_ROLE_NAME, BTEqualStrategyNumber, F_NAMEEQ,
				NameGetDatum(&name));
	scan = systable_beginscan(rel, cp_relation_oid("account_pkey"), true,
							  snapshot, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		note_account(caller, tuple, RelationGetDescr(rel));
		keep &= learn_organisation(caller, snapshot);
	}
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(rel, AccessShareLock);
	return keep;
}

/*
 * What is true of the role in force now.  Good until the next question.
 */
const CpCaller *
cp_caller(void)
{
	Oid			role = GetOuterUserId();
	static uint64 versions = 0;
	CpCaller   *caller = &callers[role % CALLERS];
	CpCaller	learnt = {InvalidOid};
	uint64		before;

	hear_of_changes();
	if (caller->role == role)
		return caller;
	before = changes;
	if (learn_caller(&learnt, role) && before == changes)
		learnt.role = role;
	learnt.version = ++versions;
	*caller = learnt;
	return caller;
}

/* ---------- restores ---------- */

/*
 * Asks the table.  Returns whether the answer may be kept.
 */
static bool
learn_restore(bool *validated)
{
	Relation	rel;
	bool		keep;

	restore_relid = cp_relation_oid("restore_mark");
	rel = table_open(restore_relid, AccessShareLock);
	keep = tells_sessions(rel);
	*validated = true;
	if (RelationGetNumberOfBlocks(rel) > 0)
	{
		Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
		SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, snapshot, 0, NULL);

		*validated = !HeapTupleIsValid(systable_getnext(scan));
		systable_endscan(scan);
		UnregisterSnapshot(snapshot);
	}
	table_close(rel, AccessShareLock);
	return keep;
}

bool
cp_is_validated(void)
{
	uint64		before;
	bool		validated;

	hear_of_changes();
	if (restore.known)
		return restore.validated;
	before = changes;
	restore.known = learn_restore(&validated) && before == changes;
	restore.validated = validated;
	return validated;
}
