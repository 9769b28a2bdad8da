/*-------------------------------------------------------------------------
 *
 * opened.c
 *	  Records of shielded children that this session has open.
 *
 *	  They live in the memory of the backend: they end with the session, with
 *	  DISCARD ALL, with a change of role, with their time, and ROLLBACK can
 *	  neither make nor unmake them unseen (opening is in the journal).  Before
 *	  every statement that reads protected rows each is checked again with
 *	  the latest snapshot, so a grant taken back counts at once.
 *
 *	  What an override opens stays closed until the transaction that raised
 *	  the alert has committed, and is forgotten when that, or the part of it
 *	  that raised the alert, is rolled back: no look without its alert.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "audit.h"

typedef struct OpenedRecord
{
	int64		child_id;
	Oid			role;			/* the role it was opened by */
	TimestampTz until;
	bool		by_override;	/* without a grant, with an alert */
	bool		identity;		/* not the details: the link to former
								 * identities */
	SubTransactionId raised_in; /* that raised the alert; invalid: committed */
} OpenedRecord;

/* one at a time is the rule; the list keeps the code free of a limit */
static List *opened = NIL;

void
cp_opened_close_all(void)
{
	list_free_deep(opened);
	opened = NIL;
}

/*
 * A pooler that hands the session to somebody else ends what was open.
 */
void
cp_opened_close_others(void)
{
	ListCell   *lc;

	foreach(lc, opened)
	{
		OpenedRecord *record = lfirst(lc);

		if (record->role != GetOuterUserId())
		{
			opened = foreach_delete_current(opened, lc);
			pfree(record);
		}
	}
}

/*
 * The alert is committed: the record is open.  Or it is not, and never was.
 */
static void
end_of_transaction(XactEvent event, void *arg)
{
	ListCell   *lc;

	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT)
		return;
	foreach(lc, opened)
	{
		OpenedRecord *record = lfirst(lc);

		if (record->raised_in == InvalidSubTransactionId)
			continue;
		if (event == XACT_EVENT_COMMIT)
			record->raised_in = InvalidSubTransactionId;
		else
		{
			opened = foreach_delete_current(opened, lc);
			pfree(record);
		}
	}
}

static void
end_of_subtransaction(SubXactEvent event, SubTransactionId mine,
					  SubTransactionId parent, void *arg)
{
	ListCell   *lc;

	if (event != SUBXACT_EVENT_COMMIT_SUB && event != SUBXACT_EVENT_ABORT_SUB)
		return;
	foreach(lc, opened)
	{
		OpenedRecord *record = lfirst(lc);

		if (record->raised_in != mine)
			continue;
		if (event == SUBXACT_EVENT_COMMIT_SUB)
			record->raised_in = parent;
		else
		{
			opened = foreach_delete_current(opened, lc);
			pfree(record);
		}
	}
}

/*
 * No catalog access: called for every row of a vault leaf.
 */
static bool
is_open(int64 child_id, bool identity)
{
	ListCell   *lc;

	foreach(lc, opened)
	{
		OpenedRecord *record = lfirst(lc);

		if (record->child_id == child_id && record->identity == identity &&
			record->role == GetOuterUserId() &&
			record->raised_in == InvalidSubTransactionId && record->until > GetCurrentTimestamp())
			return true;
	}
	return false;
}

bool
cp_opened_is_open(int64 child_id)
{
	return is_open(child_id, false);
}

/*
 * Asks the registry whether the caller may still have the record open.  The
 * caller has started own work and pushed the latest snapshot.
 */
static bool
still_allowed(const OpenedRecord *record)
{
	static SPIPlanPtr plan = NULL;
	Oid			argtypes[2] = {INT8OID, BOOLOID};
	Datum		values[2] = {Int64GetDatum(record->child_id), BoolGetDatum(record->by_override)};
	bool		isnull = true;

	/* whoever asks for it is asked for the right each time */
	if (record->identity)
		return true;
	if (plan == NULL)
	{
		plan = SPI_prepare("SELECT contactpoint._may_open_until($1, $2)", 2, argtypes);
		if (plan == NULL)
			elog(ERROR, "could not prepare the check of an opened record");
		SPI_keepplan(plan);
	}
	if (SPI_execute_plan(plan, values, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not check an opened record");
	if (SPI_processed == 1)
		SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	return !isnull;
}

/*
 * Drops what has run out of time, and says so once: whoever goes on reading
 * must not take the record for one without details.
 */
static void
end_expired(void)
{
	ListCell   *lc;
	bool		expired = false;

	foreach(lc, opened)
	{
		OpenedRecord *record = lfirst(lc);

		if (record->until <= GetCurrentTimestamp())
		{
			opened = foreach_delete_current(opened, lc);
			pfree(record);
			expired = true;
		}
	}
	if (expired)
		ereport(ERROR,
				(errcode(ERRCODE_CP_WRONG_STATE),
				 errmsg("the time of the opened record is over, so it is closed"),
				 errhint("Open it again with contactpoint.open_shielded(), or go on without it.")));
}

/*
 * Drops what is over.  May raise whatever SPI raises.
 */
void
cp_opened_refresh(void)
{
	ListCell   *lc;
	CpOwnWork	work;

	cp_opened_close_others();
	end_expired();
	if (opened == NIL)
		return;

	cp_own_work_begin(&work);
	PG_TRY();
	{
		PushActiveSnapshot(GetLatestSnapshot());
		SPI_connect();
		foreach(lc, opened)
		{
			OpenedRecord *record = lfirst(lc);

			if (!still_allowed(record))
			{
				opened = foreach_delete_current(opened, lc);
				pfree(record);
			}
		}
		SPI_finish();
		PopActiveSnapshot();
	}
	PG_FINALLY();
	{
		cp_own_work_end(&work);
	}
	PG_END_TRY();
}

/*
 * How long a record opened now may stay open.
 */
static TimestampTz
longest_opening(bool by_override)
{
	int64		milliseconds = by_override ?
	(int64) cp_override_timeout * 1000 : (int64) cp_open_minutes * 60 * 1000;

	return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), milliseconds);
}

/*
 * An alert is being raised: hears what becomes of it.
 */
static void
await_alert(void)
{
	static bool registered = false;

	if (!registered)
	{
		RegisterXactCallback(end_of_transaction, NULL);
		RegisterSubXactCallback(end_of_subtransaction, NULL);
		registered = true;
	}
	ForceSyncCommit();			/* a crash must not lose the alert either */
	if (IsTransactionBlock())
		ereport(NOTICE,
				(errmsg("the record opens when this transaction is committed"),
				 errhint("The alert must be there before anybody looks.")));
}

/*
 * Opens for this session and role; returns until when.
 */
static TimestampTz
add_opened(int64 child_id, TimestampTz until, bool by_override, bool identity)
{
	MemoryContext oldcontext;
	OpenedRecord *record;

	if (!cp_in_own_work())
		ereport(ERROR,
				(errcode(ERRCODE_CP_PROTECTED),
				 errmsg("records are opened with open_shielded() only"),
				 errhint("SELECT contactpoint.open_shielded(child_id, reason).")));

	cp_opened_close_all();		/* one record at a time */
	if (by_override)
		await_alert();
	oldcontext = MemoryContextSwitchTo(TopMemoryContext);
	record = palloc(sizeof(OpenedRecord));
	record->child_id = child_id;
	record->role = GetOuterUserId();
	record->until = Min(until, longest_opening(by_override));
	record->by_override = by_override;
	record->identity = identity;
	record->raised_in = by_override ? GetCurrentSubTransactionId() : InvalidSubTransactionId;
	opened = lappend(opened, record);
	MemoryContextSwitchTo(oldcontext);
	return record->until;
}

/*
 * _opened_add(child_id, until, by_override): opens a record for at most
 * contactpoint.open_minutes or override_timeout; returns until when.  Called by
 * _do_open_shielded, which has asked for the right.
 */
PG_FUNCTION_INFO_V1(contactpoint_opened_add);
Datum
contactpoint_opened_add(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIMESTAMPTZ(add_opened(PG_GETARG_INT64(0), PG_GETARG_TIMESTAMPTZ(1), PG_GETARG_BOOL(2), false));
}

/*
 * _identity_open(child_id): opens the link to former identities, by an
 * override always.  Called by _override, for _do_former_identity.
 */
PG_FUNCTION_INFO_V1(contactpoint_identity_open);
Datum
contactpoint_identity_open(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIMESTAMPTZ(add_opened(PG_GETARG_INT64(0), DT_NOEND, true, true));
}

PG_FUNCTION_INFO_V1(contactpoint_identity_is_open);
Datum
contactpoint_identity_is_open(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(is_open(PG_GETARG_INT64(0), true));
}

/*
 * _opened_remove(child_id): closes it; nothing happens if it is not open.
 */
PG_FUNCTION_INFO_V1(contactpoint_opened_remove);
Datum
contactpoint_opened_remove(PG_FUNCTION_ARGS)
{
	int64		child_id = PG_GETARG_INT64(0);
	ListCell   *lc;

	foreach(lc, opened)
	{
		OpenedRecord *record = lfirst(lc);

		if (record->child_id == child_id)
		{
			opened = foreach_delete_current(opened, lc);
			pfree(record);
		}
	}
	PG_RETURN_VOID();
}

/*
 * First qual of every scan of a vault leaf, before any operator of the query.
 * Own work passes, and the registry's foreign keys, so that shielding moves
 * every row; superusers pass and are recorded.  Nobody passes on somebody
 * else's behalf: a definer function sees no vault.
 */
PG_FUNCTION_INFO_V1(contactpoint_vault_guard);
Datum
contactpoint_vault_guard(PG_FUNCTION_ARGS)
{
	if (!cp_capture_for_person() || cp_caller_is_superuser())
		PG_RETURN_BOOL(true);
	if (PG_ARGISNULL(0) || GetUserId() != GetOuterUserId())
		PG_RETURN_BOOL(false);
	PG_RETURN_BOOL(cp_opened_is_open(PG_GETARG_INT64(0)));
}
