/*-------------------------------------------------------------------------
 *
 * executor.c
 *	  Executors whose plan scans protected relations.
 *
 *	  Each gets a look when it starts.  There it is decided, once, whether it is
 *	  a person's: own work of the extension and foreign-key checks are nobody's.
 *	  A person's is refused unless the person may read now and the journal can
 *	  be written; a refusal is an entry too.  Plans that lack their marks are
 *	  refused, whoever made them and whenever.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_inherits.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "tcop/cmdtag.h"
#include "tcop/pquery.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "look.h"

/* running executors that foreign-key work of any table, and what it calls, started */
static int	foreign_key_runs = 0;

static ExecutorStart_hook_type prev_ExecutorStart = NULL;
static ExecutorRun_hook_type prev_ExecutorRun = NULL;
static ExecutorFinish_hook_type prev_ExecutorFinish = NULL;

/*
 * Is this a check or cascade of the registry's own foreign keys?  The flag of
 * core alone does not say so: it stays set while a cascade between anybody's
 * tables runs anybody's triggers.  So the query must run as the owner of the
 * registry, on nothing but the registry, and not inside another such query.
 */
static bool
is_foreign_key_work(QueryDesc *queryDesc)
{
	ListCell   *lc;

	if (!InNoForceRLSOperation() || foreign_key_runs > 0 ||
		GetUserId() != cp_extension_owner())
		return false;
	foreach(lc, queryDesc->plannedstmt->rtable)
	{
		RangeTblEntry *rte = lfirst(lc);

		if (rte->rtekind == RTE_RELATION && cp_protect_lookup(rte->relid) == NULL)
			return false;
	}
	return true;
}

/*
 * Is this nobody's look?
 */
static bool
is_own_work(QueryDesc *queryDesc)
{
	return cp_in_own_work() || is_foreign_key_work(queryDesc);
}

/*
 * Leaves that rows of INSERT ... ON CONFLICT may meet others in.
 */
static void
expect_leaves(CpLook *look, Relation rel)
{
	ListCell   *lc;

	foreach(lc, find_all_inheritors(RelationGetRelid(rel), AccessShareLock, NULL))
	{
		Relation	leaf = table_open(lfirst_oid(lc), NoLock);
		const CpProtected *protected = cp_protect_lookup(RelationGetRelid(leaf));

		if (protected != NULL)
			cp_look_expect(look, leaf, protected);
		table_close(leaf, NoLock);
	}
}

static void
check_scan(CpLook *look, Relation rel, List *quals)
{
	const CpProtected *protected;

	if (rel == NULL)
		return;
	protected = cp_protect_lookup(RelationGetRelid(rel));
	if (protected == NULL)
		return;
	if (!cp_mark_complete(quals, protected))
		ereport(ERROR,
				(errcode(ERRCODE_CP_AUDIT_UNAVAILABLE),
				 errmsg("a plan would read the registry without recording it"),
				 errhint("Connect anew; if that does not help, look for extensions that replace the planner, and for functions of schema contactpoint that were replaced.")));
	cp_look_expect(look, rel, protected);
	if (rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
		expect_leaves(look, rel);
}

/*
 * Refuses scans of protected relations that lack their marks, whoever made the
 * plan and whenever; makes room for what the others will consult.
 */
static bool
check_plan_state(PlanState *state, void *context)
{
	CpLook	   *look = context;

	switch (nodeTag(state))
	{
		case T_SeqScanState:
		case T_SampleScanState:
		case T_IndexScanState:
		case T_IndexOnlyScanState:
		case T_BitmapHeapScanState:
		case T_TidScanState:
		case T_TidRangeScanState:
		case T_ForeignScanState:
		case T_CustomScanState:
			check_scan(look, ((ScanState *) state)->ss_currentRelation,
					   state->plan->qual);
			break;
		case T_ModifyTableState:
			if (((ModifyTable *) state->plan)->onConflictAction == ONCONFLICT_UPDATE)
				check_scan(look, ((ModifyTableState *) state)->resultRelInfo->ri_RelationDesc,
						   (List *) ((ModifyTable *) state->plan)->onConflictWhere);
			break;
		default:
			break;
	}
	return planstate_tree_walker(state, check_plan_state, context);
}

static void
begin_personal_look(CpLook *look, const QueryDesc *queryDesc)
{
	MemoryContext oldcontext = CurrentMemoryContext;

	cp_journal_require_writable();
	cp_log_registry(true);
	cp_gate_install();
	cp_look_append_at_exit();
	look->command = ActivePortal != NULL ?
		GetCommandTagName(ActivePortal->commandTag) : "SELECT";
	look->head = cp_entry_head(debug_query_string, queryDesc->sourceText, queryDesc->params);
	PG_TRY();
	{
		cp_permission_require(look, queryDesc->plannedstmt);
	}
	PG_CATCH();
	{
		cp_look_record_and_rethrow(look, CP_VERDICT_REFUSED);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(oldcontext);
	look->limited = cp_limit_applies();
	look->heeds_shields = IsMVCCSnapshot(look->estate->es_snapshot) && !cp_caller_is_superuser();
	cp_recent_begin(&look->recent, look->estate->es_snapshot, look->estate->es_query_cxt);
	look->personal = true;
}

static void
start_executor(QueryDesc *queryDesc, int eflags)
{
	MemoryContext oldcontext;
	CpLook	   *look;
	bool		registry = OidIsValid(cp_protect_named(queryDesc->plannedstmt->rtable));

	cp_opened_close_others();
	if (registry && !is_own_work(queryDesc))
		cp_denied_start(queryDesc, eflags, prev_ExecutorStart);
	else if (prev_ExecutorStart)
		prev_ExecutorStart(queryDesc, eflags);
	else
		standard_ExecutorStart(queryDesc, eflags);

	if (!registry || (eflags & EXEC_FLAG_EXPLAIN_ONLY) != 0 || queryDesc->planstate == NULL)
		return;

	oldcontext = MemoryContextSwitchTo(queryDesc->estate->es_query_cxt);
	look = cp_look_make(queryDesc);
	check_plan_state(queryDesc->planstate, look);
	look->system_column = cp_permission_system_column(queryDesc->plannedstmt);
	if ((look->consulted != NULL || look->system_column) && !is_own_work(queryDesc))
		begin_personal_look(look, queryDesc);
	MemoryContextSwitchTo(oldcontext);
}

static void
run_failed(CpRun *run)
{
	cp_running = run->below;
	if (run->look->personal)
		cp_look_record_and_rethrow(run->look, CP_VERDICT_FAILED);
	PG_RE_THROW();
}

/*
 * Counts executors that run for a foreign key of whatever table, so that what
 * they call is not taken for foreign-key work itself.
 */
static void
run_counted(void (*run) (void *), void *arguments)
{
	if (!InNoForceRLSOperation())
	{
		run(arguments);
		return;
	}
	foreign_key_runs++;
	PG_TRY();
	{
		run(arguments);
	}
	PG_FINALLY();
	{
		foreign_key_runs--;
	}
	PG_END_TRY();
}

typedef struct RunArguments
{
	QueryDesc  *queryDesc;
	ScanDirection direction;
	uint64		count;
	bool		execute_once;
} RunArguments;

static void
call_run(void *arguments)
{
	RunArguments *args = arguments;
	QueryDesc  *queryDesc = args->queryDesc;
	ScanDirection direction = args->direction;
	uint64		count = args->count;
	bool		execute_once pg_attribute_unused() = args->execute_once;

	if (prev_ExecutorRun)
		prev_ExecutorRun(CP_EXECUTOR_RUN_ARGUMENTS);
	else
		standard_ExecutorRun(CP_EXECUTOR_RUN_ARGUMENTS);
}

static void
call_finish(void *arguments)
{
	if (prev_ExecutorFinish)
		prev_ExecutorFinish(arguments);
	else
		standard_ExecutorFinish(arguments);
}

/*
 * A cursor may go on in another statement of the client.
 */
static void
keep_disclosed(CpLook *look)
{
	CpKept	   *kept = cp_limit_keep(look->estate->es_query_cxt);

	if (look->kept != NULL)
		pfree(look->kept);
	look->kept = kept;
}

/*
 * It may do so long after its right to do so has ended.
 */
static void
resume_look(CpLook *look)
{
	cp_journal_require_writable();
	cp_require_reader();
	cp_opened_refresh();
	if (look->shown != NULL && look->heeds_shields &&
		cp_recent_hides_any(&look->recent, cp_look_may_have_shown, look))
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("a record that this cursor has read was shielded meanwhile"),
				 errhint("Close the cursor and run its query again.")));
	if (look->limited && look->kept != NULL)
		cp_limit_resume(look->kept);
}

/*
 * A refusal is an entry of its own, whatever was disclosed before.
 */
static void
resume_or_refuse(CpLook *look)
{
	PG_TRY();
	{
		resume_look(look);
	}
	PG_CATCH();
	{
		look->recorded = false;
		cp_look_record_and_rethrow(look, CP_VERDICT_REFUSED);
	}
	PG_END_TRY();
}

static void
run_executor(CP_EXECUTOR_RUN_PARAMETERS)
{
	CpRun		run = {cp_running, cp_look_find(queryDesc)};
	RunArguments args = {queryDesc, direction, count, CP_EXECUTE_ONCE};

	if (run.look == NULL)
	{
		run_counted(call_run, &args);
		return;
	}

	if (run.look->personal && run.look->ran)
		resume_or_refuse(run.look);
	run.look->resumable |= !args.execute_once;
	cp_running = &run;
	PG_TRY();
	{
		run_counted(call_run, &args);
		run.look->ran |= !ScanDirectionIsNoMovement(direction);
		/* changes of a WITH may run when the executor finishes */
		cp_look_end_of_run(run.look, (count == 0 || queryDesc->estate->es_processed < count) &&
						   queryDesc->estate->es_auxmodifytables == NIL);
		if (run.look->limited && count != 0)
			keep_disclosed(run.look);
	}
	PG_CATCH();
	{
		run_failed(&run);
	}
	PG_END_TRY();
	cp_running = run.below;
}

static void
finish_executor(QueryDesc *queryDesc)
{
	CpRun		run = {cp_running, cp_look_find(queryDesc)};

	if (run.look == NULL)
	{
		run_counted(call_finish, queryDesc);
		return;
	}

	cp_running = &run;
	PG_TRY();
	{
		run_counted(call_finish, queryDesc);
		cp_look_end_of_run(run.look, true);
	}
	PG_CATCH();
	{
		run_failed(&run);
	}
	PG_END_TRY();
	cp_running = run.below;
}

/* Installs the hooks. */
void
cp_executor_init(void)
{
	prev_ExecutorStart = ExecutorStart_hook;
	ExecutorStart_hook = start_executor;
	prev_ExecutorRun = ExecutorRun_hook;
	ExecutorRun_hook = run_executor;
	prev_ExecutorFinish = ExecutorFinish_hook;
	ExecutorFinish_hook = finish_executor;
}
