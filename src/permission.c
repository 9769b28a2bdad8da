/*-------------------------------------------------------------------------
 *
 * permission.c
 *	  May this person look, now, in this way?
 *
 *	  Asked once, when an executor starts.  Rights of the owner of a view or
 *	  function are not handed on.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"

#include "look.h"

/*
 * The permission that the statement needs for a protected relation of its own,
 * or NULL.
 */
static const CpPermission *
permission_of(const PlannedStmt *plan, RangeTblEntry *rte)
{
	if (rte->rtekind != RTE_RELATION || cp_protect_lookup(rte->relid) == NULL)
		return NULL;
	return cp_permission(plan, rte);
}

/*
 * Does the statement name a system column of a protected relation?
 */
bool
cp_permission_system_column(const PlannedStmt *plan)
{
	ListCell   *lc;

	foreach(lc, plan->rtable)
	{
		const CpPermission *permission = permission_of(plan, lfirst(lc));

		if (permission != NULL && permission->selectedCols != NULL &&
			bms_next_member(permission->selectedCols, -1) < -FirstLowInvalidHeapAttributeNumber)
			return true;
	}
	return false;
}

/*
 * Privileges on a table cover its system columns too, and xmax of a child tells
 * that somebody has just matched or shielded it.
 */
static void
refuse_system_column(void)
{
	if (!cp_caller_is_superuser())
		ereport(ERROR,
				(errcode(ERRCODE_CP_PROTECTED),
				 errmsg("system columns of the registry cannot be read"),
				 errhint("Leave out ctid, xmin, xmax and tableoid; child_id names a record.")));
}

/*
 * Has core already found that the role in force itself may read all of it?
 */
static bool
rights_are_own(const PlannedStmt *plan)
{
	Oid			role = cp_caller_role();
	ListCell   *lc;

	if (GetUserId() != role)
		return false;
	foreach(lc, plan->rtable)
	{
		const CpPermission *permission = permission_of(plan, lfirst(lc));

		if (permission != NULL &&
			((permission->requiredPerms & ACL_SELECT) == 0 ||
			 (OidIsValid(permission->checkAsUser) && permission->checkAsUser != role)))
			return false;
	}
	return true;
}

/*
 * Rights of the owner of a view or function are not handed on.
 */
static void
require_own_rights(const CpLook *look, const PlannedStmt *plan)
{
	if (rights_are_own(plan))
		return;
	for (CpConsulted *consulted = look->consulted; consulted != NULL; consulted = consulted->next)
		cp_require_own_right(consulted->relid);
}

static bool
looks_into_vault(const CpLook *look)
{
	for (CpConsulted *consulted = look->consulted; consulted != NULL; consulted = consulted->next)
		if (consulted->vault)
			return true;
	return false;
}

/*
 * May this person look, now, in this way?
 */
void
cp_permission_require(const CpLook *look, const PlannedStmt *plan)
{
	/* in the leader, too: no snapshot can be taken to ask who may read */
	if (IsInParallelMode())
		ereport(ERROR,
				(errcode(ERRCODE_CP_AUDIT_UNAVAILABLE),
				 errmsg("the registry cannot be read by a function in a parallel query"),
				 errhint("Mark functions that read it as PARALLEL UNSAFE.")));
	cp_require_reader();
	if (look->system_column)
		refuse_system_column();
	require_own_rights(look, plan);
	if (cp_utility_forbidden == CP_FORBIDDEN_HOLD)
		ereport(ERROR,
				(errcode(ERRCODE_CP_PROTECTED),
				 errmsg("a cursor over the registry cannot be held beyond its transaction"),
				 errhint("Leave WITH HOLD out and fetch within the transaction.")));
	if (cp_utility_forbidden == CP_FORBIDDEN_FILE)
		ereport(ERROR,
				(errcode(ERRCODE_CP_PROTECTED),
				 errmsg("the registry cannot be copied to a file or program of the server"),
				 errhint("Use COPY ... TO STDOUT, or \\copy of psql.")));
	if (cp_utility_forbidden == CP_FORBIDDEN_COUNTING && looks_into_vault(look) &&
		!cp_caller_is_superuser())
		ereport(ERROR,
				(errcode(ERRCODE_CP_PROTECTED),
				 errmsg("the vault cannot be looked at with EXPLAIN ANALYZE"),
				 errhint("It would count rows that you may not see; use EXPLAIN without ANALYZE.")));
	cp_opened_refresh();
}
