/*-------------------------------------------------------------------------
 *
 * own_work.c
 *	  What the extension does on its own account.
 *
 *	  Settling an upload, shielding a child or checking a grant reads rows
 *	  that the caller may not see and discloses none of them.  Such work runs
 *	  as the owner of the extension between cp_own_work_begin and _end, where
 *	  capture and guards stand aside.  There is no setting for it and no SQL
 *	  that reaches it: only C code of this library, around statements whose
 *	  text this library wrote.
 *
 *	  The caller's search_path must not choose the operators of a statement
 *	  that runs as the owner, so it is pinned for as long as the work lasts.
 *
 *	  Own work may set off code of others all the same: event triggers, or a
 *	  function that a superuser planted.  While a function runs that is not the
 *	  registry's, nor PostgreSQL's, nor written in C, which could do anyway
 *	  what it likes, own work is suspended: what it reads is a look of
 *	  whoever set it off, what it changes is refused.
 *
 *	  After an error that somebody may catch, callers put the depth back by
 *	  PG_FINALLY; the abort of the whole transaction does for all others.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "contactpoint.h"

static int	depth = 0;
static bool suspended = false;	/* by a function of others */

/* what a function of others has suspended */
typedef struct Suspended
{
	int			depth;
	bool		suspended;
	Datum		prev_arg;		/* for the hook that was there first */
} Suspended;

static needs_fmgr_hook_type prev_needs_fmgr_hook = NULL;
static fmgr_hook_type prev_fmgr_hook = NULL;

/*
 * Starts own work: current user becomes the owner of the extension.
 */
void
cp_own_work_begin(CpOwnWork *work)
{
	Oid			owner = cp_extension_owner();

	GetUserIdAndSecContext(&work->save_userid, &work->save_context);
	SetUserIdAndSecContext(owner,
						   work->save_context | SECURITY_LOCAL_USERID_CHANGE);
	work->guc_level = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp",
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
	depth++;
}

/*
 * Ends it.  Also right when an error passes through PG_FINALLY.
 */
void
cp_own_work_end(const CpOwnWork *work)
{
	Assert(depth > 0);
	depth--;
	AtEOXact_GUC(true, work->guc_level);
	SetUserIdAndSecContext(work->save_userid, work->save_context);
}

bool
cp_in_own_work(void)
{
	return depth > 0;
}

/*
 * Asks one thing as own work, with the latest snapshot.
 */
int64
cp_own_number(const char *query, int nargs, Oid *types, Datum *values)
{
	CpOwnWork	work;
	int64		number = 0;

	cp_own_work_begin(&work);
	PG_TRY();
	{
		SPI_connect();
		PushActiveSnapshot(GetLatestSnapshot());
		if (SPI_execute_with_args(query, nargs, types, values, NULL, true, 1) != SPI_OK_SELECT)
			elog(ERROR, "could not ask the registry");
		if (SPI_processed > 0)
		{
			bool		isnull;
			Datum		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);

			if (!isnull)
				number = DatumGetInt64(value);
		}
		PopActiveSnapshot();
		SPI_finish();
	}
	PG_FINALLY();
	{
		cp_own_work_end(&work);
	}
	PG_END_TRY();
	return number;
}

/*
 * Does a script of this extension run, and so nobody's change?
 */
bool
cp_in_own_script(void)
{
	return creating_extension && !suspended &&
		CurrentExtensionObject == cp_extension_oid();
}

/* ---------- functions of others ---------- */

static bool
is_of_others(Oid function)
{
	HeapTuple	tuple;
	Form_pg_proc row;
	bool		result;

	if (function < FirstNormalObjectId)
		return false;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (!HeapTupleIsValid(tuple))
		return false;
	row = (Form_pg_proc) GETSTRUCT(tuple);
	result = row->prolang != INTERNALlanguageId && row->prolang != ClanguageId &&
		row->pronamespace != get_namespace_oid(CP_SCHEMA, true);
	ReleaseSysCache(tuple);
	return result;
}

static bool
may_suspend(Oid function)
{
	return (depth > 0 || creating_extension) && is_of_others(function);
}

static bool
needs_hook(Oid function)
{
	return (prev_needs_fmgr_hook && prev_needs_fmgr_hook(function)) ||
		may_suspend(function);
}

/*
 * Core calls this before and after functions that need a hook, and others.
 */
static void
around_function(FmgrHookEventType event, FmgrInfo *flinfo, Datum *arg)
{
	Suspended  *saved = (Suspended *) DatumGetPointer(*arg);

	if (saved == NULL)
	{
		saved = MemoryContextAllocZero(flinfo->fn_mcxt, sizeof(Suspended));
		*arg = PointerGetDatum(saved);
	}
	if (event == FHET_START)
	{
		saved->depth = depth;
		saved->suspended = suspended;
		if (may_suspend(flinfo->fn_oid))
		{
			depth = 0;
			suspended = true;
		}
	}
	else
	{
		depth = saved->depth;
		suspended = saved->suspended;
	}
	if (prev_fmgr_hook)
		prev_fmgr_hook(event, flinfo, &saved->prev_arg);
}

static void
forget_work(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_ABORT)
		return;
	depth = 0;
	suspended = false;
}

void
cp_own_work_init(void)
{
	RegisterXactCallback(forget_work, NULL);
	prev_needs_fmgr_hook = needs_fmgr_hook;
	needs_fmgr_hook = needs_hook;
	prev_fmgr_hook = fmgr_hook;
	fmgr_hook = around_function;
}
