/*-------------------------------------------------------------------------
 *
 * denied.c
 *	  What core refuses for want of a privilege, where the registry was meant.
 *
 *	  Core asks for privileges when an executor starts, for those of views when
 *	  the query is planned, before there is a look that could record the
 *	  refusal.  So both are watched here: if one fails for that reason, the
 *	  attempt is an entry, without children.  It is left out where the journal
 *	  cannot be written; whoever is denied has seen nothing.
 *
 *	  What is denied before, by the parser for want of the schema, is not seen.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/partition.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "tcop/cmdtag.h"
#include "tcop/pquery.h"
#include "tcop/tcopprot.h"
#include "utils/lsyscache.h"

#include "audit.h"

/*
 * Finds a protected table that a query or its subqueries name.
 */
static bool
find_table_meant(Node *node, void *context)
{
	Oid		   *found = context;

	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, find_table_meant, context);
	*found = cp_protect_named(((Query *) node)->rtable);
	return OidIsValid(*found) ||
		query_tree_walker((Query *) node, find_table_meant, context, 0);
}

/*
 * In PG_CATCH: records the attempt on a table, of a leaf on its parent, then
 * goes on with the error.
 */
static void
record_and_rethrow(Oid relid, const char *query, ParamListInfo params)
{
	ErrorData  *edata;
	CpEntryHead head;

	cp_release_after_error();
	edata = CopyErrorData();
	FlushErrorState();
	if (get_rel_relispartition(relid))
		relid = get_partition_parent(relid, true);
	cp_gate_install();
	head = cp_entry_head(debug_query_string, query, params);
	cp_entry_append(&head,
					ActivePortal != NULL ? GetCommandTagName(ActivePortal->commandTag) : "SELECT",
					get_rel_name(relid), false, CP_VERDICT_REFUSED, NULL, 0);
	cp_gate_settle();
	ReThrowError(edata);
}

/*
 * In PG_CATCH of a planner, in the memory context from before: records the
 * attempt and goes on with the error if this is one, else returns.
 */
void
cp_denied_plan(Query *query, const char *text, ParamListInfo params)
{
	Oid			relid = InvalidOid;

	if (geterrcode() != ERRCODE_INSUFFICIENT_PRIVILEGE || cp_in_own_work() ||
		cp_in_own_script())
		return;
	(void) find_table_meant((Node *) query, &relid);
	if (OidIsValid(relid) && cp_journal_fault() == NULL)
		record_and_rethrow(relid, text, params);
}

/*
 * Starts an executor over the registry, in a person's name.
 */
void
cp_denied_start(QueryDesc *queryDesc, int eflags, ExecutorStart_hook_type next)
{
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		if (next)
			next(queryDesc, eflags);
		else
			standard_ExecutorStart(queryDesc, eflags);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		if (geterrcode() == ERRCODE_INSUFFICIENT_PRIVILEGE && cp_journal_fault() == NULL)
			record_and_rethrow(cp_protect_named(queryDesc->plannedstmt->rtable),
							   queryDesc->sourceText, queryDesc->params);
		PG_RE_THROW();
	}
	PG_END_TRY();
}
