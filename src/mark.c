/*-------------------------------------------------------------------------
 *
 * mark.c
 *	  Puts guard and capture into every finished plan.
 *
 *	  When the planner is done, the quals of each scan of a protected relation
 *	  get calls of this extension's own functions:
 *
 *		guard		first, before any operator of the query: may the caller
 *					see the row at all (vault, review)?
 *		touch		next, where a clause could quote the row in an error:
 *					remembers the child for that case
 *		...			the query's own clauses
 *		capture		last, or before the first clause that is not to be
 *					trusted: the row is consulted, put its child on record
 *
 *	  So a row that the query's harmless clauses reject is no look, and a row
 *	  that somebody else's code gets to see is one.  Living in the plan, the
 *	  calls are there for rescans, EvalPlanQual, cached plans, cursors and
 *	  functions.  Plans are shared between people and own work; who is asking
 *	  is decided by the executor that runs them (capture.c).
 *
 *	  While a query over a protected relation is planned, partition pruning is
 *	  on and index-only scans and parallel plans are off, whatever the session
 *	  has set: pruning keeps the vault out of plans, the others would read
 *	  without evaluating the quals of a heap scan here.
 *
 *	  A call is known by its location, a number that no SQL text can give it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/plannodes.h"
#include "optimizer/cost.h"
#include "optimizer/plancat.h"
#include "optimizer/planner.h"
#include "parser/parsetree.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "audit.h"
#include "trust.h"

/* FuncExpr.location of the calls; parsers give -1 and up */
#define GUARD_MARK (-4241)
#define TOUCH_MARK (-4242)
#define CAPTURE_MARK (-4243)

extern Datum contactpoint_capture(PG_FUNCTION_ARGS);
extern Datum contactpoint_capture_all(PG_FUNCTION_ARGS);
extern Datum contactpoint_touch(PG_FUNCTION_ARGS);
extern Datum contactpoint_vault_guard(PG_FUNCTION_ARGS);
extern Datum contactpoint_review_guard(PG_FUNCTION_ARGS);

/* the functions that calls in plans may be of */
static struct
{
	int			mark;
	const char *name;
	int			ntypes;
	Oid			types[2];
	PGFunction	address;
	Oid			function;		/* none where it is not that of this library */
}			calls[] = {
	{GUARD_MARK, "_vault_guard", 1, {INT8OID}, contactpoint_vault_guard},
	{GUARD_MARK, "_review_guard", 1, {INT8OID}, contactpoint_review_guard},
	{TOUCH_MARK, "_touch", 2, {OIDOID, INT8OID}, contactpoint_touch},
	{CAPTURE_MARK, "_capture", 2, {OIDOID, INT8OID}, contactpoint_capture},
	{CAPTURE_MARK, "_capture", 2, {OIDOID, INT8ARRAYOID}, contactpoint_capture_all}
};

static bool calls_known = false;

/* while one plan is marked */
typedef struct MarkContext
{
	PlannedStmt *plan;
	bool		parallel;		/* below a Gather */
	Bitmapset  *lazy;			/* parameters of uncorrelated sub-selects that
								 * run somebody's code */
} MarkContext;

static planner_hook_type prev_planner_hook = NULL;
static get_relation_info_hook_type prev_get_relation_info_hook = NULL;

/* ---------- the calls ---------- */

static Node *
make_call(const char *name, int mark, List *arguments)
{
	Oid			types[2];
	int			ntypes = 0;
	ListCell   *lc;
	FuncExpr   *call;

	foreach(lc, arguments)
		types[ntypes++] = exprType(lfirst(lc));
	call = makeFuncExpr(cp_function_oid(name, ntypes, types), BOOLOID, arguments,
						InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
	call->location = mark;
	return (Node *) call;
}

static Node *
make_guard(const CpProtected *protected, Index rti)
{
	Var		   *column = makeVar(rti, protected->guard_attno, INT8OID, -1, InvalidOid, 0);

	return make_call(protected->guard == CP_GUARD_VAULT ? "_vault_guard" : "_review_guard",
					 GUARD_MARK, list_make1(column));
}

/*
 * _touch(relation, child) or _capture(relation, child or children).
 */
static Node *
make_record(const char *name, int mark, const CpProtected *protected, Index rti)
{
	Node	   *relation;
	Node	   *subject;

	/* only INSERT ... ON CONFLICT meets rows of a partitioned table in a leaf */
	if (get_rel_relkind(protected->relid) == RELKIND_PARTITIONED_TABLE)
		relation = (Node *) makeVar(rti, TableOidAttributeNumber, OIDOID,
									-1, InvalidOid, 0);
	else
		relation = (Node *) makeConst(OIDOID, -1, InvalidOid, sizeof(Oid),
									  ObjectIdGetDatum(protected->relid), false, true);

	switch (protected->subject)
	{
		case CP_SUBJECT_CHILD:
			subject = (Node *) makeVar(rti, protected->subject_attno, INT8OID,
									   -1, InvalidOid, 0);
			break;
		case CP_SUBJECT_CANDIDATES:
			subject = (Node *) makeVar(rti, protected->subject_attno, INT8ARRAYOID,
									   -1, InvalidOid, 0);
			break;
		default:
			subject = (Node *) makeNullConst(INT8OID, -1, InvalidOid);
			break;
	}
	return make_call(name, mark, list_make2(relation, subject));
}

/*
 * Must the row be on record before this clause sees it?  An error that quotes
 * the row names its child by touch; where there is no one child, by capture.
 */
static bool
comes_after_capture(Node *clause, const CpProtected *protected, CpTrust *trust)
{
	return cp_clause_is_untrusted(clause, trust) ||
		(protected->subject != CP_SUBJECT_CHILD && cp_clause_is_leaky(clause));
}

/*
 * The quals of a scan with all calls in their places.
 */
static List *
mark_quals(List *quals, const CpProtected *protected, Index rti, const Bitmapset *lazy)
{
	Node	   *capture = make_record("_capture", CAPTURE_MARK, protected, rti);
	CpTrust		trust;
	List	   *trusted = NIL;
	List	   *rest = NIL;
	List	   *result = NIL;
	ListCell   *lc;

	cp_trust_learn(&trust, lazy);
	foreach(lc, quals)
	{
		if (rest != NIL || comes_after_capture(lfirst(lc), protected, &trust))
			rest = lappend(rest, lfirst(lc));
		else
			trusted = lappend(trusted, lfirst(lc));
	}

	if (protected->guard != CP_GUARD_NONE)
		result = lappend(result, make_guard(protected, rti));
	if (protected->subject == CP_SUBJECT_CHILD && cp_clause_is_leaky((Node *) trusted))
		result = lappend(result, make_record("_touch", TOUCH_MARK, protected, rti));
	result = list_concat(result, trusted);
	result = lappend(result, capture);
	return list_concat(result, rest);
}

/* ---------- the walk over a finished plan ---------- */

static void
refuse_plan(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_CP_AUDIT_UNAVAILABLE),
			 errmsg("a plan would read the registry in a way that cannot be recorded"),
			 errhint("Look for extensions that change plans, and take them out of shared_preload_libraries.")));
}

static void
mark_scan(Scan *scan, MarkContext *context)
{
	RangeTblEntry *rte;
	const CpProtected *protected;

	if (scan->scanrelid == 0)
		return;
	rte = rt_fetch(scan->scanrelid, context->plan->rtable);
	if (rte->rtekind != RTE_RELATION)
		return;
	protected = cp_protect_lookup(rte->relid);
	if (protected == NULL)
		return;
	if (context->parallel)
		refuse_plan();
	switch (nodeTag(scan))
	{
		case T_SeqScan:
		case T_SampleScan:
		case T_IndexScan:
		case T_BitmapHeapScan:
		case T_TidScan:
		case T_TidRangeScan:
			break;
		default:
			refuse_plan();
	}
	scan->plan.qual = mark_quals(scan->plan.qual, protected, scan->scanrelid,
								 context->lazy);
}

/*
 * INSERT ... ON CONFLICT DO UPDATE reads the row in its way without a scan.
 */
static void
mark_conflict(ModifyTable *modify, MarkContext *context)
{
	Index		rti;
	const CpProtected *protected;

	if (modify->onConflictAction != ONCONFLICT_UPDATE)
		return;
	rti = linitial_int(modify->resultRelations);
	protected = cp_protect_lookup(rt_fetch(rti, context->plan->rtable)->relid);
	if (protected != NULL)
		modify->onConflictWhere = (Node *)
			mark_quals((List *) modify->onConflictWhere, protected, rti, context->lazy);
}

static void
mark_node(Plan *plan, MarkContext *context)
{
	switch (nodeTag(plan))
	{
		case T_SeqScan:
		case T_SampleScan:
		case T_IndexScan:
		case T_IndexOnlyScan:
		case T_BitmapHeapScan:
		case T_TidScan:
		case T_TidRangeScan:
		case T_ForeignScan:
		case T_CustomScan:
			mark_scan((Scan *) plan, context);
			break;
		case T_ModifyTable:
			mark_conflict((ModifyTable *) plan, context);
			break;
		default:
			break;
	}
}

/*
 * Notes the parameters that sub-selects of this node set when they are asked.
 */
static void
note_lazy(Plan *plan, MarkContext *context)
{
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, plan->initPlan)
		foreach(lc2, ((SubPlan *) lfirst(lc))->setParam)
		context->lazy = bms_add_member(context->lazy, lfirst_int(lc2));
}

typedef void (*PlanVisit) (Plan *plan, MarkContext *context);

static void walk_plan(Plan *plan, PlanVisit visit, MarkContext *context);

static void
walk_plans(List *plans, PlanVisit visit, MarkContext *context)
{
	ListCell   *lc;

	foreach(lc, plans)
		walk_plan(lfirst(lc), visit, context);
}

static void
walk_plan(Plan *plan, PlanVisit visit, MarkContext *context)
{
	bool		parallel = context->parallel;

	if (plan == NULL)
		return;
	check_stack_depth();
	visit(plan, context);
	switch (nodeTag(plan))
	{
		case T_CustomScan:
			walk_plans(((CustomScan *) plan)->custom_plans, visit, context);
			break;
		case T_SubqueryScan:
			walk_plan(((SubqueryScan *) plan)->subplan, visit, context);
			break;
		case T_Append:
			walk_plans(((Append *) plan)->appendplans, visit, context);
			break;
		case T_MergeAppend:
			walk_plans(((MergeAppend *) plan)->mergeplans, visit, context);
			break;
		case T_Gather:
		case T_GatherMerge:
			context->parallel = true;
			break;
		default:
			break;
	}
	walk_plan(plan->lefttree, visit, context);
	walk_plan(plan->righttree, visit, context);
	context->parallel = parallel;
}

/* ---------- hooks ---------- */

static PlannedStmt *
plan_and_mark(Query *parse, const char *query_string, int cursorOptions,
			  ParamListInfo boundParams)
{
	bool		saved_pruning = enable_partition_pruning;
	bool		saved_indexonly = enable_indexonlyscan;
	bool		here = OidIsValid(cp_extension_oid());
	bool		foreign = false;
	MemoryContext oldcontext = CurrentMemoryContext;
	PlannedStmt *plan;

	/* asked first, since the planner takes the query apart */
	if (here)
		foreign = cp_has_foreign_subselect((Node *) parse);
	PG_TRY();
	{
		if (prev_planner_hook)
			plan = prev_planner_hook(parse, query_string, cursorOptions, boundParams);
		else
			plan = standard_planner(parse, query_string, cursorOptions, boundParams);
	}
	PG_CATCH();
	{
		enable_partition_pruning = saved_pruning;
		enable_indexonlyscan = saved_indexonly;
		MemoryContextSwitchTo(oldcontext);
		cp_denied_plan(parse, query_string, boundParams);
		PG_RE_THROW();
	}
	PG_END_TRY();
	enable_partition_pruning = saved_pruning;
	enable_indexonlyscan = saved_indexonly;

	if (here && OidIsValid(cp_protect_named(plan->rtable)))
	{
		MarkContext context = {plan, false, NULL};

		if (foreign)
		{
			walk_plan(plan->planTree, note_lazy, &context);
			walk_plans(plan->subplans, note_lazy, &context);
		}
		walk_plan(plan->planTree, mark_node, &context);
		walk_plans(plan->subplans, mark_node, &context);
	}
	return plan;
}

/*
 * Called for each relation before paths for its query level are made.  The
 * settings hold until plan_and_mark puts them back: for the rest of this
 * statement.  Clearing canreturn is not enough against an index-only scan that
 * needs no column, as under count(*).
 */
static void
restrict_relation(PlannerInfo *root, Oid relationObjectId, bool inhparent, RelOptInfo *rel)
{
	ListCell   *lc;

	if (prev_get_relation_info_hook)
		prev_get_relation_info_hook(root, relationObjectId, inhparent, rel);
	if (cp_protect_lookup(relationObjectId) == NULL)
		return;
	enable_partition_pruning = true;
	enable_indexonlyscan = false;
	root->glob->parallelModeOK = false;
	foreach(lc, rel->indexlist)
	{
		IndexOptInfo *index = lfirst(lc);

		/* a partitioned index, listed from 16 on, may have none */
		if (index->canreturn == NULL)
			continue;
		for (int i = 0; i < index->ncolumns; i++)
			index->canreturn[i] = false;
	}
}

/* ---------- what finished plans must hold ---------- */

static void
invalidate_calls(Datum arg, int cacheid, uint32 hashvalue)
{
	calls_known = false;
}

/*
 * Looks the functions of all calls up, and whether they are those of this
 * library: with another body, language or SET clause a function of the right
 * name is not.
 */
static void
learn_calls(void)
{
	static bool registered = false;

	if (!registered)
		CacheRegisterSyscacheCallback(PROCOID, invalidate_calls, (Datum) 0);
	registered = true;
	calls_known = true;
	for (int i = 0; i < lengthof(calls); i++)
	{
		FmgrInfo	info;

		calls[i].function = cp_function_oid(calls[i].name, calls[i].ntypes, calls[i].types);
		fmgr_info(calls[i].function, &info);
		if (info.fn_addr != calls[i].address)
			calls[i].function = InvalidOid;
	}
}

/*
 * Is this marked call one of a function of this library?
 */
static bool
is_ours(FuncExpr *call)
{
	if (!calls_known)
		learn_calls();
	for (int i = 0; i < lengthof(calls); i++)
		if (calls[i].mark == call->location && calls[i].function == call->funcid)
			return true;
	return false;
}

/*
 * Do these quals hold all marks that a scan of the relation must have?
 */
bool
cp_mark_complete(List *quals, const CpProtected *protected)
{
	bool		guarded = (protected->guard == CP_GUARD_NONE);
	bool		captured = false;
	ListCell   *lc;

	foreach(lc, quals)
	{
		FuncExpr   *call = lfirst(lc);

		if (!IsA(call, FuncExpr) || call->location > GUARD_MARK)
			continue;
		if (!is_ours(call))
			return false;
		guarded |= (call->location == GUARD_MARK);
		captured |= (call->location == CAPTURE_MARK);
	}
	return guarded && captured;
}

/*
 * Was this call put into a plan here, and not written by somebody in SQL?
 */
bool
cp_mark_is_genuine(const FmgrInfo *flinfo)
{
	FuncExpr   *call = (FuncExpr *) flinfo->fn_expr;

	return call != NULL && IsA(call, FuncExpr) &&
		(call->location == CAPTURE_MARK || call->location == TOUCH_MARK);
}

void
cp_mark_init(void)
{
	prev_planner_hook = planner_hook;
	planner_hook = plan_and_mark;
	prev_get_relation_info_hook = get_relation_info_hook;
	get_relation_info_hook = restrict_relation;
}
