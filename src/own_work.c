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
 *	  After an error that nobody caught, the (sub)transaction abort puts the
 *	  depth back; callers put it back themselves by PG_FINALLY.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/extension.h"
#include "miscadmin.h"
#include "utils/guc.h"

#include "contactpoint.h"

static int	depth = 0;

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
 * Does a script of this extension run, and so nobody's look or change?
 */
bool
cp_in_own_script(void)
{
	return creating_extension && CurrentExtensionObject == cp_extension_oid();
}
