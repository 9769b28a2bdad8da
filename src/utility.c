/*-------------------------------------------------------------------------
 *
 * utility.c
 *	  Utility commands that would read, keep or lose rows of the registry
 *	  past the planner and the executor.
 *
 *	  COPY table TO reads a table without a plan, so it becomes COPY (SELECT)
 *	  TO, where permissions, guards and capture apply.  What a file, a program
 *	  or a holdable cursor would keep is refused when the executor starts
 *	  (capture.c), which alone knows whether the registry is read.  PREPARE
 *	  TRANSACTION would part a transaction from the session that answers for
 *	  it.  Commands that need a database without connections send its workers
 *	  away first.  What would change the registry is refused by refuse.c.
 *
 *	  Locks: AccessShareLock on the table of COPY, as COPY itself takes it,
 *	  kept to the end of the transaction: the name cannot come to mean another
 *	  table in between.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "contactpoint.h"

CpForbidden cp_utility_forbidden = CP_FORBIDDEN_NOTHING;
bool		cp_utility_fetching = false;
Node	   *cp_utility_running = NULL;

static ProcessUtility_hook_type prev_ProcessUtility = NULL;

/* ---------- COPY ---------- */

static Node *
make_target(const char *column)
{
	ColumnRef  *reference = makeNode(ColumnRef);
	ResTarget  *target = makeNode(ResTarget);

	reference->fields = list_make1(makeString(pstrdup(column)));
	reference->location = -1;
	target->val = (Node *) reference;
	target->location = -1;
	return (Node *) target;
}

/*
 * SELECT the columns that COPY would take; of a plain table ONLY its own rows,
 * as COPY does.
 */
static SelectStmt *
make_select(const CopyStmt *copy, Relation rel)
{
	SelectStmt *select = makeNode(SelectStmt);
	RangeVar   *from = makeRangeVar(get_namespace_name(RelationGetNamespace(rel)),
									pstrdup(RelationGetRelationName(rel)), -1);
	TupleDesc	desc = RelationGetDescr(rel);
	ListCell   *lc;

	foreach(lc, copy->attlist)
		select->targetList = lappend(select->targetList, make_target(strVal(lfirst(lc))));
	if (copy->attlist == NIL)
		for (int i = 0; i < desc->natts; i++)
		{
			Form_pg_attribute attribute = TupleDescAttr(desc, i);

			if (!attribute->attisdropped && !attribute->attgenerated)
				select->targetList = lappend(select->targetList,
											 make_target(NameStr(attribute->attname)));
		}
	from->inh = (rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE);
	select->fromClause = list_make1(from);
	return select;
}

/*
 * The statement to run in the place of COPY table TO: the same one, unless the
 * table is protected.
 */
static PlannedStmt *
copy_as_query(PlannedStmt *plan)
{
	CopyStmt   *copy = (CopyStmt *) plan->utilityStmt;
	Oid			relid;
	Relation	rel;

	if (copy->is_from || copy->relation == NULL || !OidIsValid(cp_extension_oid()))
		return plan;
	relid = RangeVarGetRelid(copy->relation, AccessShareLock, true);
	if (!OidIsValid(relid) || cp_protect_lookup(relid) == NULL)
		return plan;

	plan = copyObject(plan);
	copy = (CopyStmt *) plan->utilityStmt;
	rel = table_open(relid, NoLock);
	copy->query = (Node *) make_select(copy, rel);
	copy->relation = NULL;
	copy->attlist = NIL;
	table_close(rel, NoLock);
	return plan;
}

/* ---------- databases ---------- */

/*
 * Sends the workers of a database away, for its owner only: others get their
 * error from core, and no way to disturb.
 */
static void
stop_workers(const char *name)
{
	Oid			database = get_database_oid(name, true);

	if (OidIsValid(database) && database != MyDatabaseId &&
		cp_owns_database(database, GetUserId()))
		cp_worker_stop(database);
}

static const char *
option_value(List *options, const char *name)
{
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *option = lfirst(lc);

		if (strcmp(option->defname, name) == 0 && option->arg != NULL)
			return defGetString(option);
	}
	return NULL;
}

/*
 * Dropping the extension would meet its own workers at their tables.  They come
 * back when they are needed, if it was refused.
 */
static void
stop_own_workers(DropStmt *statement)
{
	ListCell   *lc;

	if (statement->removeType != OBJECT_EXTENSION || !superuser())
		return;
	foreach(lc, statement->objects)
		if (strcmp(strVal(lfirst(lc)), "contactpoint") == 0)
		cp_worker_stop(MyDatabaseId);
}

static void
prepare_database_command(Node *statement)
{
	const char *template;

	switch (nodeTag(statement))
	{
		case T_DropStmt:
			stop_own_workers((DropStmt *) statement);
			break;
		case T_DropdbStmt:
			stop_workers(((DropdbStmt *) statement)->dbname);
			break;
		case T_CreatedbStmt:
			template = option_value(((CreatedbStmt *) statement)->options, "template");
			stop_workers(template != NULL ? template : "template1");
			break;
		case T_AlterDatabaseStmt:
			if (option_value(((AlterDatabaseStmt *) statement)->options, "tablespace") != NULL)
				stop_workers(((AlterDatabaseStmt *) statement)->dbname);
			break;
		case T_RenameStmt:
			if (((RenameStmt *) statement)->renameType == OBJECT_DATABASE)
				stop_workers(((RenameStmt *) statement)->subname);
			break;
		default:
			break;
	}
}

/* ---------- the hook ---------- */

static void
refuse_prepare(const TransactionStmt *statement)
{
	if (statement->kind == TRANS_STMT_PREPARE && IsTransactionState() &&
		OidIsValid(cp_extension_oid()))
		ereport(ERROR,
				(errcode(ERRCODE_CP_PROTECTED),
				 errmsg("a transaction cannot be prepared in a database that holds a registry"),
				 errhint("Commit it in its own session.")));
}

static bool
explain_runs(ExplainStmt *statement)
{
	ListCell   *lc;
	bool		analyze = false;

	foreach(lc, statement->options)
	{
		DefElem    *option = lfirst(lc);

		if (strcmp(option->defname, "analyze") == 0)
			analyze = defGetBoolean(option);
	}
	return analyze;
}

static CpForbidden
forbidden_of(Node *statement)
{
	if (IsA(statement, ExplainStmt) && explain_runs((ExplainStmt *) statement))
		return CP_FORBIDDEN_COUNTING;
	if (IsA(statement, CopyStmt) && !((CopyStmt *) statement)->is_from &&
		((CopyStmt *) statement)->filename != NULL)
		return CP_FORBIDDEN_FILE;
	if (IsA(statement, DeclareCursorStmt) &&
		(((DeclareCursorStmt *) statement)->options & CURSOR_OPT_HOLD) != 0)
		return CP_FORBIDDEN_HOLD;
	return CP_FORBIDDEN_NOTHING;
}

/*
 * What has to be done or refused first; returns the statement to run.
 */
static PlannedStmt *
prepare_command(PlannedStmt *plan, ProcessUtilityContext context)
{
	Node	   *statement = plan->utilityStmt;

	switch (nodeTag(statement))
	{
		case T_CopyStmt:
			return copy_as_query(plan);
		case T_TransactionStmt:
			refuse_prepare((TransactionStmt *) statement);
			break;
		case T_DiscardStmt:
			if (((DiscardStmt *) statement)->target == DISCARD_ALL)
				cp_opened_close_all();
			break;
		default:
			cp_refuse_statement(statement, context == PROCESS_UTILITY_SUBCOMMAND);
			prepare_database_command(statement);
			break;
	}
	return plan;
}

static void
run_utility(PlannedStmt *pstmt, const char *queryString, bool readOnlyTree,
			ProcessUtilityContext context, ParamListInfo params,
			QueryEnvironment *queryEnv, DestReceiver *dest, QueryCompletion *qc)
{
	CpForbidden saved_forbidden = cp_utility_forbidden;
	bool		saved_fetching = cp_utility_fetching;
	Node	   *saved_running = cp_utility_running;

	cp_opened_close_others();
	/* commands within a command are bound by what it may not do */
	if (forbidden_of(pstmt->utilityStmt) != CP_FORBIDDEN_NOTHING)
		cp_utility_forbidden = forbidden_of(pstmt->utilityStmt);
	cp_utility_fetching = IsA(pstmt->utilityStmt, FetchStmt);
	cp_utility_running = pstmt->utilityStmt;
	PG_TRY();
	{
		PlannedStmt *plan = prepare_command(pstmt, context);

		if (prev_ProcessUtility)
			prev_ProcessUtility(plan, queryString, readOnlyTree, context, params,
								queryEnv, dest, qc);
		else
			standard_ProcessUtility(plan, queryString, readOnlyTree, context, params,
									queryEnv, dest, qc);
	}
	PG_FINALLY();
	{
		cp_utility_forbidden = saved_forbidden;
		cp_utility_fetching = saved_fetching;
		cp_utility_running = saved_running;
	}
	PG_END_TRY();
}

void
cp_utility_init(void)
{
	prev_ProcessUtility = ProcessUtility_hook;
	ProcessUtility_hook = run_utility;
}
