/*-------------------------------------------------------------------------
 *
 * capture.c
 *	  Who looks at which children.
 *
 *	  Each executor whose plan scans protected relations gets a Look when it
 *	  starts.  There it is decided, once, whether it is a person's: own work of
 *	  the extension and foreign-key checks are nobody's look.  A person's is
 *	  refused unless the person may read now and the journal can be written; a
 *	  refusal is an entry too.
 *
 *	  While executors run they are on a stack, for the calls that mark.c put
 *	  into plans to find their Look.  Numbers of consulted children gather in
 *	  memory and are appended to the journal
 *	  - when too many have gathered,
 *	  - when the gate is about to let bytes out,
 *	  - when the run ends, with or without an error, or the session with it.
 *	  So outside a run nothing is pending.  What ends in an error is appended
 *	  while the error is on its way up, before anybody can catch it: all that
 *	  the failing code may hold is released first, as a transaction abort
 *	  would.  If even that fails the session ends, and the gate lets nothing
 *	  out.  A look that consulted nothing leaves one entry that says so.
 *
 *	  A Look lives in its executor's memory and goes with it.  Lock order: what
 *	  the query holds, then the journal.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"

#include "access/sysattr.h"
#include "access/table.h"
#include "access/xact.h"
#include "access/xloginsert.h"
#include "catalog/partition.h"
#include "catalog/pg_inherits.h"
#include "commands/extension.h"
#include "common/hashfn.h"
#include "executor/execdesc.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "storage/bufmgr.h"
#include "storage/condition_variable.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "tcop/cmdtag.h"
#include "tcop/pquery.h"
#include "tcop/tcopprot.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "contactpoint.h"

#define FIRST_CHILDREN 8		/* room for numbers at first */
#define SHOWN_BITS 16384		/* a cursor's memory of children, by hash */

/* what a look has consulted of one relation and not yet recorded */
typedef struct Consulted
{
	struct Look *look;
	struct Consulted *next;
	Oid			relid;
	NameData	name;			/* of the table, of a leaf its parent's */
	bool		vault;
	bool		placing;		/* a shield hides its rows */
	bool		rows;			/* rows were consulted, with or without number */
	bool		noted;			/* there is an entry about the relation */
	int			nchildren;
	int			room;
	int64	   *children;
	int64		first_children[FIRST_CHILDREN];
} Consulted;

/* one executor that scans protected relations */
typedef struct Look
{
	MemoryContextCallback forget;	/* when the executor's memory goes */
	struct Look *next;			/* in the list of all */
	EState	   *estate;
	bool		personal;		/* else own work: nothing is recorded */
	bool		ran;
	bool		recorded;		/* there is an entry */
	bool		limited;		/* in how many children it discloses */
	bool		heeds_shields;	/* also such as its snapshot does not see */
	bool		resumable;		/* a cursor: what it has shown is noted */
	bool		system_column;	/* the statement names one */
	const char *command;
	CpEntryHead head;
	Consulted  *consulted;
	Consulted  *touched;		/* an error now may quote a row of this, or
								 * NULL, */
	int64		touched_child;	/* about this child */
	CpKept	   *kept;			/* what a cursor has disclosed, or NULL */
	CpRecent	recent;			/* shielded since its snapshot was taken */
	uint8	   *shown;			/* SHOWN_BITS: children of placing rows that a
								 * cursor has read; NULL: none */
	Consulted	first;			/* most looks need no other */
} Look;

/* an executor that is running */
typedef struct Run
{
	struct Run *below;
	Look	   *look;
} Run;

/* what fn_extra of a call in a plan points to where nothing is recorded */
static Consulted nobodys;

static Look *looks = NULL;
static Run *running = NULL;

/* running executors that foreign-key work of any table, and what it calls, started */
static int	foreign_key_runs = 0;

static bool pending = false;	/* something consulted is not recorded */
static bool lost = false;		/* and never will be: let nothing out */

static ExecutorStart_hook_type prev_ExecutorStart = NULL;
static ExecutorRun_hook_type prev_ExecutorRun = NULL;
static ExecutorFinish_hook_type prev_ExecutorFinish = NULL;

/* ---------- the list of looks ---------- */

static Look *
find_look(QueryDesc *queryDesc)
{
	for (Look *look = looks; look != NULL; look = look->next)
		if (look->estate == queryDesc->estate)
			return look;
	return NULL;
}

static void
forget_look(void *arg)
{
	Look	  **link = &looks;

	while (*link != NULL && *link != arg)
		link = &(*link)->next;
	if (*link != NULL)
		*link = (*link)->next;
}

static Look *
make_look(QueryDesc *queryDesc)
{
	MemoryContext context = queryDesc->estate->es_query_cxt;
	Look	   *look = MemoryContextAllocZero(context, sizeof(Look));

	look->estate = queryDesc->estate;
	look->forget.func = forget_look;
	look->forget.arg = look;
	MemoryContextRegisterResetCallback(context, &look->forget);
	look->next = looks;
	looks = look;
	return look;
}

static Consulted *
find_consulted(Look *look, Oid relid)
{
	for (Consulted *consulted = look->consulted; consulted != NULL; consulted = consulted->next)
		if (consulted->relid == relid)
			return consulted;
	return NULL;
}

/*
 * Room for what will be consulted of a relation.  Reads catalogues, so it is
 * done when the executor starts.
 */
static void
expect_relation(Look *look, Relation rel, const CpProtected *protected)
{
	Consulted  *consulted;
	const char *name = RelationGetRelationName(rel);

	if (find_consulted(look, protected->relid) != NULL)
		return;
	if (rel->rd_rel->relispartition)
		name = get_rel_name(get_partition_parent(RelationGetRelid(rel), true));

	/* the first one stays first: it stands for looks that find nothing */
	if (look->consulted == NULL)
		look->consulted = consulted = &look->first;
	else
	{
		consulted = palloc0(sizeof(Consulted));
		consulted->next = look->consulted->next;
		look->consulted->next = consulted;
	}
	consulted->look = look;
	consulted->relid = protected->relid;
	consulted->vault = protected->vault;
	consulted->placing = protected->placing;
	namestrcpy(&consulted->name, name);
	consulted->room = FIRST_CHILDREN;
	consulted->children = consulted->first_children;
}

/* ---------- recording ---------- */

static const char *
current_command(const Look *look)
{
	return cp_utility_fetching ? "FETCH" : look->command;
}

static uint32
shown_bit(int64 child)
{
	return hash_bytes((unsigned char *) &child, sizeof(child)) % SHOWN_BITS;
}

/*
 * Sorts and materialised rows may give a cursor more of what it has read.
 */
static void
note_shown(Look *look, const Consulted *consulted)
{
	if (!look->resumable || !consulted->placing)
		return;
	if (look->shown == NULL)
		look->shown = MemoryContextAllocZero(look->estate->es_query_cxt, SHOWN_BITS / 8);
	for (int i = 0; i < consulted->nchildren; i++)
	{
		uint32		bit = shown_bit(consulted->children[i]);

		look->shown[bit / 8] |= 1 << (bit % 8);
	}
}

/*
 * May the look have read placing rows about the child?
 */
static bool
may_have_shown(void *look, int64 child)
{
	uint32		bit = shown_bit(child);

	return (((Look *) look)->shown[bit / 8] & (1 << (bit % 8))) != 0;
}

/*
 * Appends what has gathered of one relation.
 */
static void
append_consulted(Look *look, Consulted *consulted, CpVerdict verdict)
{
	note_shown(look, consulted);
	cp_entry_append(&look->head, current_command(look), NameStr(consulted->name),
					consulted->vault, verdict, consulted->children, consulted->nchildren);
	consulted->nchildren = 0;
	consulted->rows = false;
	consulted->noted = true;
	look->recorded = true;
}

/*
 * Appends what a look has gathered.
 */
static void
append_look(Look *look, CpVerdict verdict)
{
	for (Consulted *consulted = look->consulted; consulted != NULL; consulted = consulted->next)
		if (consulted->rows)
			append_consulted(look, consulted, verdict);
}

/*
 * Appends an entry without children, for a look that has none yet.
 */
static void
append_empty(Look *look, CpVerdict verdict)
{
	Consulted  *first = look->consulted;

	cp_entry_append(&look->head, current_command(look),
					first != NULL ? NameStr(first->name) : NULL,
					false, verdict, NULL, 0);
	look->recorded = true;
}

/*
 * What was consulted cannot be recorded, and may be anywhere by now: in an
 * error, in a variable of a function.
 */
static void
end_session(const char *why)
{
	lost = true;
	ereport(FATAL,
			(errcode(ERRCODE_CP_AUDIT_UNAVAILABLE),
			 errmsg("a look at the registry could not be recorded"),
			 errdetail_log("%s", why),
			 errhint("The session ends and its answer is withheld. See the server log for the reason.")));
}

/*
 * Appends what all running executors have consulted and not yet recorded.
 */
void
cp_capture_append_pending(void)
{
	if (lost)
		end_session("There was no memory left to record it.");
	if (!pending)
		return;
	for (Run *run = running; run != NULL; run = run->below)
		if (run->look->personal)
			append_look(run->look, CP_VERDICT_DISCLOSED);
	pending = false;
}

bool
cp_capture_is_pending(void)
{
	return pending || lost;
}

/*
 * Does a running executor below this one have anything pending?
 */
static bool
others_are_pending(void)
{
	for (Run *run = running; run != NULL; run = run->below)
		for (Consulted *consulted = run->look->consulted; consulted != NULL; consulted = consulted->next)
			if (consulted->rows)
				return true;
	return false;
}

static void
more_memory(Consulted *consulted)
{
	Size		size = consulted->room * sizeof(int64);

	if (consulted->children == consulted->first_children)
	{
		consulted->children = MemoryContextAlloc(consulted->look->estate->es_query_cxt, 4 * size);
		memcpy(consulted->children, consulted->first_children, size);
	}
	else
		consulted->children = repalloc(consulted->children, 4 * size);
	consulted->room *= 4;
}

/*
 * Makes room for one more number at least: more memory, or at its limit by
 * dropping repetitions, or by appending if these are few.
 */
static void
make_room(Consulted *consulted)
{
	if (consulted->room < CP_MAX_CHILDREN)
	{
		more_memory(consulted);
		return;
	}
	consulted->nchildren = cp_children_unique(consulted->children, consulted->nchildren);
	if (consulted->nchildren <= CP_MAX_CHILDREN / 2)
		return;
	cp_journal_require_writable();	/* a long scan must not outrun the sealer */
	append_consulted(consulted->look, consulted, CP_VERDICT_DISCLOSED);
}

StaticAssertDecl(FIRST_CHILDREN * 4 * 4 * 4 * 4 * 4 == CP_MAX_CHILDREN,
				 "room grows to exactly CP_MAX_CHILDREN");

static inline void
consult(Consulted *consulted, int64 child)
{
	if (consulted->nchildren > 0 &&
		consulted->children[consulted->nchildren - 1] == child)
		return;
	if (consulted->nchildren == consulted->room)
		make_room(consulted);
	consulted->children[consulted->nchildren++] = child;
	consulted->rows = true;
	pending = true;
}

/*
 * Was the child shielded since the look's snapshot was taken?
 */
static inline bool
is_hidden(Consulted *consulted, int64 child)
{
	return consulted->placing && consulted->look->heeds_shields &&
		cp_recent_hides(&consulted->look->recent, child);
}

/*
 * The same for a row that is not yet disclosed, and not if it is one too many.
 */
static inline void
disclose(Consulted *consulted, int64 child)
{
	if (consulted->look->limited)
		cp_limit_count(child);
	consult(consulted, child);
}

/* ---------- calls in plans ---------- */

/*
 * What the executor that evaluates this call gathers of its relation; found
 * once for each call in an executor.
 */
static Consulted *
consulted_here(FunctionCallInfo fcinfo)
{
	FmgrInfo   *flinfo = fcinfo->flinfo;
	Consulted  *consulted = flinfo->fn_extra;

#ifdef CP_CONTROL_WITHOUT_CAPTURE
	/* for tests only: `make control` */
	return &nobodys;
#endif
	if (consulted != NULL)
		return consulted;
	cp_require_preloaded();
	if (!cp_mark_is_genuine(flinfo))
		ereport(ERROR,
				(errcode(ERRCODE_CP_PROTECTED),
				 errmsg("this function serves plans over the registry only"),
				 errhint("Reads are recorded without a call; see the view contactpoint.audit.")));
	if (running != NULL)
		consulted = running->look->personal ?
			find_consulted(running->look, PG_GETARG_OID(0)) : &nobodys;
	if (consulted == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CP_AUDIT_UNAVAILABLE),
				 errmsg("the registry was read outside an executor that records"),
				 errhint("Look for extensions that run plans of their own.")));
	flinfo->fn_extra = consulted;
	return consulted;
}

/*
 * _capture(relation, child): a row is consulted; true, unless it is hidden by
 * now.
 */
PG_FUNCTION_INFO_V1(contactpoint_capture);
Datum
contactpoint_capture(PG_FUNCTION_ARGS)
{
	Consulted  *consulted = consulted_here(fcinfo);

	if (consulted == &nobodys)
		PG_RETURN_BOOL(true);
	consulted->look->touched = NULL;
	if (!PG_ARGISNULL(1) && is_hidden(consulted, PG_GETARG_INT64(1)))
		PG_RETURN_BOOL(false);
	if (!PG_ARGISNULL(1))
		disclose(consulted, PG_GETARG_INT64(1));
	else if (!consulted->noted)
	{
		/* one entry says as much as many */
		consulted->rows = true;
		pending = true;
	}
	PG_RETURN_BOOL(true);
}

static bool
any_hidden(Consulted *consulted, ArrayType *children)
{
	ArrayIterator iterator = array_create_iterator(children, 0, NULL);
	Datum		child;
	bool		isnull;
	bool		hidden = false;

	while (!hidden && array_iterate(iterator, &child, &isnull))
		hidden = !isnull && is_hidden(consulted, DatumGetInt64(child));
	array_free_iterator(iterator);
	return hidden;
}

/*
 * _capture(relation, candidates): the same for a row about several children.
 */
PG_FUNCTION_INFO_V1(contactpoint_capture_all);
Datum
contactpoint_capture_all(PG_FUNCTION_ARGS)
{
	Consulted  *consulted = consulted_here(fcinfo);

	if (consulted == &nobodys)
		PG_RETURN_BOOL(true);
	if (!PG_ARGISNULL(1) && any_hidden(consulted, PG_GETARG_ARRAYTYPE_P(1)))
		PG_RETURN_BOOL(false);
	consulted->rows = true;
	pending = true;
	if (!PG_ARGISNULL(1))
	{
		ArrayIterator iterator = array_create_iterator(PG_GETARG_ARRAYTYPE_P(1), 0, NULL);
		Datum		child;
		bool		isnull;

		while (array_iterate(iterator, &child, &isnull))
			if (!isnull)
				disclose(consulted, DatumGetInt64(child));
		array_free_iterator(iterator);
	}
	PG_RETURN_BOOL(true);
}

/*
 * _touch(relation, child): an error raised before the next call may quote a
 * row about this child; true, unless it is hidden by now.
 */
PG_FUNCTION_INFO_V1(contactpoint_touch);
Datum
contactpoint_touch(PG_FUNCTION_ARGS)
{
	Consulted  *consulted = consulted_here(fcinfo);

	if (consulted != &nobodys && !PG_ARGISNULL(1))
	{
		if (is_hidden(consulted, PG_GETARG_INT64(1)))
			PG_RETURN_BOOL(false);
		consulted->look->touched = consulted;
		consulted->look->touched_child = PG_GETARG_INT64(1);
	}
	PG_RETURN_BOOL(true);
}

/* ---------- errors ---------- */

/*
 * Releases what failing code may hold, in the order of a transaction abort.
 */
static void
release_after_error(void)
{
	LWLockReleaseAll();
	ConditionVariableCancelSleep();
	cp_io_error_cleanup();
	UnlockBuffers();
	XLogResetInsertion();
	LockErrorCleanup();
}

/*
 * Appends what a look has consulted, or that it failed or was refused, while
 * an error is on its way up.  Where that cannot be done the session ends: the
 * error may quote what is not on record, and must not be caught by anybody.
 */
static void
append_despite_error(Look *look, CpVerdict verdict)
{
	HOLD_INTERRUPTS();
	PG_TRY();
	{
		if (look->touched != NULL)
			consult(look->touched, look->touched_child);
		look->touched = NULL;
		append_look(look, verdict);
		if (!look->recorded)
			append_empty(look, verdict);
		pending = others_are_pending();
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(look->estate->es_query_cxt);
		edata = CopyErrorData();
		FlushErrorState();
		end_session(edata->message);
	}
	PG_END_TRY();
	RESUME_INTERRUPTS();
}

/*
 * In PG_CATCH: records the look, then goes on with the error.
 */
static void
record_and_rethrow(Look *look, CpVerdict verdict)
{
	ErrorData  *edata;

	lost = true;				/* until it is appended */
	release_after_error();
	MemoryContextSwitchTo(look->estate->es_query_cxt);
	edata = CopyErrorData();
	FlushErrorState();
	append_despite_error(look, verdict);
	lost = false;
	ReThrowError(edata);
}

/*
 * The session ends, and no error passes its executors: FATAL unwinds nothing.
 * The gate lets nothing out any more, but what code of somebody's has seen may
 * be kept elsewhere, in a sequence say.
 */
static void
append_at_exit(int code, Datum arg)
{
	if (!pending || lost)
		return;
	release_after_error();
	MemoryContextSwitchTo(TopMemoryContext);
	for (Run *run = running; run != NULL; run = run->below)
		if (run->look->personal)
			append_look(run->look, CP_VERDICT_FAILED);
	pending = false;
	cp_gate_flush_locally();
}

/*
 * Runs before the end of the transaction, without which no table can be opened.
 */
static void
append_at_exit_too(void)
{
	static bool registered = false;

	if (!registered)
		before_shmem_exit(append_at_exit, (Datum) 0);
	registered = true;
}

/* ---------- the start of an executor ---------- */

static bool
reads_registry(QueryDesc *queryDesc)
{
	ListCell   *lc;

	foreach(lc, queryDesc->plannedstmt->rtable)
	{
		RangeTblEntry *rte = lfirst(lc);

		if (rte->rtekind == RTE_RELATION && cp_protect_lookup(rte->relid) != NULL)
			return true;
	}
	return false;
}

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
 * Does the executor that evaluates a guard now run for a person?  What is not
 * known to be the registry's own is a person's.
 */
bool
cp_capture_for_person(void)
{
	return running == NULL || running->look->personal;
}

/*
 * Leaves that rows of INSERT ... ON CONFLICT may meet others in.
 */
static void
expect_leaves(Look *look, Relation rel)
{
	ListCell   *lc;

	foreach(lc, find_all_inheritors(RelationGetRelid(rel), AccessShareLock, NULL))
	{
		Relation	leaf = table_open(lfirst_oid(lc), NoLock);
		const CpProtected *protected = cp_protect_lookup(RelationGetRelid(leaf));

		if (protected != NULL)
			expect_relation(look, leaf, protected);
		table_close(leaf, NoLock);
	}
}

static void
check_scan(Look *look, Relation rel, List *quals)
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
	expect_relation(look, rel, protected);
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
	Look	   *look = context;

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

static bool
looks_into_vault(const Look *look)
{
	for (Consulted *consulted = look->consulted; consulted != NULL; consulted = consulted->next)
		if (consulted->vault)
			return true;
	return false;
}

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
static bool
names_system_column(const PlannedStmt *plan)
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
require_own_rights(const Look *look, const PlannedStmt *plan)
{
	if (rights_are_own(plan))
		return;
	for (Consulted *consulted = look->consulted; consulted != NULL; consulted = consulted->next)
		cp_require_own_right(consulted->relid);
}

/*
 * May this person look, now, in this way?
 */
static void
require_permission(const Look *look, const PlannedStmt *plan)
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

static void
begin_personal_look(Look *look, const QueryDesc *queryDesc)
{
	MemoryContext oldcontext = CurrentMemoryContext;

	cp_journal_require_writable();
	cp_log_registry(true);
	cp_gate_install();
	append_at_exit_too();
	look->command = ActivePortal != NULL ?
		GetCommandTagName(ActivePortal->commandTag) : "SELECT";
	look->head = cp_entry_head(debug_query_string, queryDesc->sourceText, queryDesc->params);
	PG_TRY();
	{
		require_permission(look, queryDesc->plannedstmt);
	}
	PG_CATCH();
	{
		record_and_rethrow(look, CP_VERDICT_REFUSED);
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
	Look	   *look;
	bool		registry = reads_registry(queryDesc);

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
	look = make_look(queryDesc);
	check_plan_state(queryDesc->planstate, look);
	look->system_column = names_system_column(queryDesc->plannedstmt);
	if ((look->consulted != NULL || look->system_column) && !is_own_work(queryDesc))
		begin_personal_look(look, queryDesc);
	MemoryContextSwitchTo(oldcontext);
}

/* ---------- runs ---------- */

/*
 * The end of a run without an error.  finished: no row comes after this; if
 * nothing was found at all, that is said before the answer leaves.
 */
static void
append_run(Look *look, bool finished)
{
	if (!look->personal)
		return;
	append_look(look, CP_VERDICT_DISCLOSED);
	pending = others_are_pending();
	look->touched = NULL;
	if (finished && look->ran && !look->recorded)
		append_empty(look, CP_VERDICT_NOTHING);
	cp_gate_settle();
}

static void
run_failed(Run *run)
{
	running = run->below;
	if (run->look->personal)
		record_and_rethrow(run->look, CP_VERDICT_FAILED);
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
keep_disclosed(Look *look)
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
resume_look(Look *look)
{
	cp_journal_require_writable();
	cp_require_reader();
	cp_opened_refresh();
	if (look->shown != NULL && look->heeds_shields &&
		cp_recent_hides_any(&look->recent, may_have_shown, look))
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
resume_or_refuse(Look *look)
{
	PG_TRY();
	{
		resume_look(look);
	}
	PG_CATCH();
	{
		look->recorded = false;
		record_and_rethrow(look, CP_VERDICT_REFUSED);
	}
	PG_END_TRY();
}

static void
run_executor(CP_EXECUTOR_RUN_PARAMETERS)
{
	Run			run = {running, find_look(queryDesc)};
	RunArguments args = {queryDesc, direction, count, CP_EXECUTE_ONCE};

	if (run.look == NULL)
	{
		run_counted(call_run, &args);
		return;
	}

	if (run.look->personal && run.look->ran)
		resume_or_refuse(run.look);
	run.look->resumable |= !args.execute_once;
	running = &run;
	PG_TRY();
	{
		run_counted(call_run, &args);
		run.look->ran |= !ScanDirectionIsNoMovement(direction);
		/* changes of a WITH may run when the executor finishes */
		append_run(run.look, (count == 0 || queryDesc->estate->es_processed < count) &&
				   queryDesc->estate->es_auxmodifytables == NIL);
		if (run.look->limited && count != 0)
			keep_disclosed(run.look);
	}
	PG_CATCH();
	{
		run_failed(&run);
	}
	PG_END_TRY();
	running = run.below;
}

static void
finish_executor(QueryDesc *queryDesc)
{
	Run			run = {running, find_look(queryDesc)};

	if (run.look == NULL)
	{
		run_counted(call_finish, queryDesc);
		return;
	}

	running = &run;
	PG_TRY();
	{
		run_counted(call_finish, queryDesc);
		append_run(run.look, true);
	}
	PG_CATCH();
	{
		run_failed(&run);
	}
	PG_END_TRY();
	running = run.below;
}

/*
 * Installs the hooks of capture and marks.
 */
void
cp_capture_init(void)
{
#ifdef CP_CONTROL_WITHOUT_CAPTURE
	elog(WARNING, "this build of contactpoint records no looks: for tests only");
#endif
	cp_mark_init();
	prev_ExecutorStart = ExecutorStart_hook;
	ExecutorStart_hook = start_executor;
	prev_ExecutorRun = ExecutorRun_hook;
	ExecutorRun_hook = run_executor;
	prev_ExecutorFinish = ExecutorFinish_hook;
	ExecutorFinish_hook = finish_executor;
}
