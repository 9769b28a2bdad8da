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
#include "access/transam.h"
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/plannodes.h"
#include "optimizer/cost.h"
#include "optimizer/plancat.h"
#include "optimizer/planner.h"
#include "parser/parsetree.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "contactpoint.h"

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

/* what clauses are judged by; looked up once a plan */
typedef struct TrustContext
{
	Oid			own_extension;
	Oid			trigram_extension;
	Oid			vault_guard;
	Oid			review_guard;
	const Bitmapset *lazy;		/* parameters of uncorrelated sub-selects */
} TrustContext;

static planner_hook_type prev_planner_hook = NULL;
static get_relation_info_hook_type prev_get_relation_info_hook = NULL;

/* ---------- which clauses may run before capture ---------- */

/*
 * Built-in functions of plain values that people write into conditions.  Being
 * built in and not volatile is not enough to be trusted before capture: some
 * raise notices that quote their arguments, some run code of others (casts to
 * regtype, to_tsquery, table_to_xml).
 */
static const Oid plain_functions[] = {
	F_LOWER_TEXT, F_UPPER_TEXT, F_INITCAP, F_BTRIM_TEXT, F_BTRIM_TEXT_TEXT,
	F_LTRIM_TEXT, F_RTRIM_TEXT, F_LENGTH_TEXT, F_CHAR_LENGTH_TEXT, F_LEFT,
	F_RIGHT, F_SUBSTR_TEXT_INT4, F_SUBSTR_TEXT_INT4_INT4,
	F_SUBSTRING_TEXT_INT4, F_SUBSTRING_TEXT_INT4_INT4, F_STRPOS,
	F_POSITION_TEXT_TEXT, F_STARTS_WITH,
	F_EXTRACT_TEXT_DATE, F_DATE_PART_TEXT_DATE, F_EXTRACT_TEXT_TIMESTAMPTZ,
	F_NOW, F_TRANSACTION_TIMESTAMP, F_STATEMENT_TIMESTAMP,
	F_DATE_TIMESTAMPTZ, F_DATE_TIMESTAMP, F_TIMESTAMPTZ_DATE, F_TIMESTAMP_DATE,
	F_AGE_TIMESTAMPTZ, F_AGE_TIMESTAMP, F_AGE_TIMESTAMPTZ_TIMESTAMPTZ,
	F_AGE_TIMESTAMP_TIMESTAMP, F_DATE_TRUNC_TEXT_TIMESTAMPTZ,
	F_DATE_TRUNC_TEXT_TIMESTAMP
};

static bool
is_plain_type(Oid type)
{
	switch (type)
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case NAMEOID:
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case INTERVALOID:
		case INT8ARRAYOID:
			return true;
		default:
			return false;
	}
}

/*
 * Operators that compare, look for a pattern or add a little.  What can be made
 * to take long for some rows and not for others, as powers and products, tells
 * by its time.
 */
static const char *const plain_operators[] = {
	"=", "<>", "<", "<=", ">", ">=", "~~", "!~~", "~~*", "!~~*", "^@",
	"~", "!~", "~*", "!~*", "~<~", "~<=~", "~>~", "~>=~", "@>", "<@", "&&",
	"||", "+", "-"
};

/*
 * A built-in one of these on plain values, with a plain result.
 */
static bool
is_plain_operator(Oid operator)
{
	Oid			left;
	Oid			right;
	char	   *name;

	if (operator >= FirstNormalObjectId)
		return false;
	op_input_types(operator, &left, &right);
	if ((OidIsValid(left) && !is_plain_type(left)) || !is_plain_type(right) ||
		!is_plain_type(get_op_rettype(operator)))
		return false;
	name = get_opname(operator);
	for (int i = 0; i < lengthof(plain_operators); i++)
		if (strcmp(name, plain_operators[i]) == 0)
			return true;
	return false;
}

/*
 * An uncorrelated sub-select stands as a parameter in a finished plan, and runs
 * when the first row asks for it: whether it runs can depend on the row.  That
 * matters where it runs somebody's code.
 */
static bool
is_lazy_parameter(const Param *param, const TrustContext *trust)
{
	return param->paramkind == PARAM_EXEC && bms_is_member(param->paramid, trust->lazy);
}

/*
 * That somebody has declared a function leakproof says nothing about it.
 */
static bool
is_leakproof(Oid function)
{
	return function < FirstNormalObjectId && get_func_leakproof(function);
}

/*
 * Trusted functions have no side effect and run nobody else's code: those of
 * pg_trgm and of this extension that are not volatile, the built-in ones named
 * above, and built-in ones that are leakproof: what others declare so is only
 * their word.  They may raise an error that quotes their arguments, which touch
 * takes care of.
 */
static bool
function_is_untrusted(Oid function, void *argument)
{
	TrustContext *trust = argument;
	Oid			owner;

	if (is_leakproof(function) ||
		function == trust->vault_guard || function == trust->review_guard)
		return false;
	if (func_volatile(function) == PROVOLATILE_VOLATILE)
		return true;
	if (function < FirstNormalObjectId)
	{
		for (int i = 0; i < lengthof(plain_functions); i++)
			if (plain_functions[i] == function)
				return false;
		return true;
	}
	owner = getExtensionOfObject(ProcedureRelationId, function);
	return !OidIsValid(owner) ||
		(owner != trust->own_extension && owner != trust->trigram_extension);
}

/*
 * Making a value of a type that a user has made may run the CHECK of a domain
 * somewhere inside it.
 */
static bool
makes_foreign_value(Node *node)
{
	Oid			type = exprType(node);

	return type >= FirstNormalObjectId;
}

static bool
is_untrusted(Node *node, void *context)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_List:
		case T_Var:
		case T_Const:
		case T_ArrayExpr:
		case T_NamedArgExpr:
		case T_BoolExpr:
		case T_RelabelType:
		case T_CollateExpr:
		case T_CaseExpr:
		case T_CaseWhen:
		case T_CaseTestExpr:
		case T_CoalesceExpr:
		case T_SQLValueFunction:
		case T_NullTest:
		case T_BooleanTest:
		case T_CurrentOfExpr:
			break;
		case T_Param:
			return is_lazy_parameter((Param *) node, context);
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
			if (is_plain_operator(((OpExpr *) node)->opno))
				break;
			if (makes_foreign_value(node) ||
				check_functions_in_node(node, function_is_untrusted, context))
				return true;
			break;
		case T_ScalarArrayOpExpr:
			if (is_plain_operator(((ScalarArrayOpExpr *) node)->opno))
				break;
			if (check_functions_in_node(node, function_is_untrusted, context))
				return true;
			break;
		case T_FuncExpr:
			if (makes_foreign_value(node) ||
				check_functions_in_node(node, function_is_untrusted, context))
				return true;
			break;
		case T_CoerceViaIO:
			if (!is_plain_type(((CoerceViaIO *) node)->resulttype) ||
				!is_plain_type(exprType((Node *) ((CoerceViaIO *) node)->arg)))
				return true;
			break;
		default:
			return true;		/* sub-selects, domains, and what is not known */
	}
	return expression_tree_walker(node, is_untrusted, context);
}

static bool
function_is_leaky(Oid function, void *context)
{
	return !is_leakproof(function);
}

/*
 * Could the clause raise an error that quotes the row?
 */
static bool
is_leaky(Node *node, void *context)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_List:
		case T_Var:
		case T_Const:
		case T_BoolExpr:
		case T_RelabelType:
		case T_CollateExpr:
		case T_NullTest:
		case T_BooleanTest:
		case T_CurrentOfExpr:
			break;
		case T_Param:
			/* a variable of a function may have no value yet: an error */
			return ((Param *) node)->paramkind == PARAM_EXTERN;
		case T_FuncExpr:
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
		case T_ScalarArrayOpExpr:
		case T_CoerceViaIO:
		case T_ArrayCoerceExpr:
			if (check_functions_in_node(node, function_is_leaky, NULL))
				return true;
			break;
		default:
			return true;
	}
	return expression_tree_walker(node, is_leaky, context);
}

/*
 * Does a query run code that is not trusted?
 */
static bool
runs_foreign_code(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, runs_foreign_code, context, 0);
	if (IsA(node, CoerceToDomain))
		return true;
	if (IsA(node, OpExpr) && is_plain_operator(((OpExpr *) node)->opno))
		return expression_tree_walker(node, runs_foreign_code, context);
	if (IsA(node, Aggref) && ((Aggref *) node)->aggfnoid < FirstNormalObjectId)
		return expression_tree_walker(node, runs_foreign_code, context);
	if (check_functions_in_node(node, function_is_untrusted, context))
		return true;
	return expression_tree_walker(node, runs_foreign_code, context);
}

static bool
runs_foreign_query(Node *query)
{
	TrustContext trust = {cp_extension_oid(), get_extension_oid("pg_trgm", true)};

	return runs_foreign_code(query, &trust);
}

/*
 * Does any sub-select or WITH query of a query?  A function in FROM may become
 * a sub-select when it is planned.
 */
static bool
has_foreign_subselect(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, CommonTableExpr) && runs_foreign_query(((CommonTableExpr *) node)->ctequery))
		return true;
	if (IsA(node, SubLink) && runs_foreign_query(((SubLink *) node)->subselect))
		return true;
	if (IsA(node, RangeTblEntry))
		return ((RangeTblEntry *) node)->rtekind == RTE_FUNCTION &&
			runs_foreign_query((Node *) ((RangeTblEntry *) node)->functions);
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, has_foreign_subselect, context,
								 QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, has_foreign_subselect, context);
}

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

static void
learn_trust(TrustContext *trust, const Bitmapset *lazy)
{
	Oid			argument[1] = {INT8OID};

	trust->lazy = lazy;
	trust->own_extension = cp_extension_oid();
	trust->trigram_extension = get_extension_oid("pg_trgm", true);
	trust->vault_guard = cp_function_oid("_vault_guard", 1, argument);
	trust->review_guard = cp_function_oid("_review_guard", 1, argument);
}

/*
 * Must the row be on record before this clause sees it?  An error that quotes
 * the row names its child by touch; where there is no one child, by capture.
 */
static bool
comes_after_capture(Node *clause, const CpProtected *protected, TrustContext *trust)
{
	return is_untrusted(clause, trust) ||
		(protected->subject != CP_SUBJECT_CHILD && is_leaky(clause, NULL));
}

/*
 * The quals of a scan with all calls in their places.
 */
static List *
mark_quals(List *quals, const CpProtected *protected, Index rti, const Bitmapset *lazy)
{
	Node	   *capture = make_record("_capture", CAPTURE_MARK, protected, rti);
	TrustContext trust;
	List	   *trusted = NIL;
	List	   *rest = NIL;
	List	   *result = NIL;
	ListCell   *lc;

	learn_trust(&trust, lazy);
	foreach(lc, quals)
	{
		if (rest != NIL || comes_after_capture(lfirst(lc), protected, &trust))
			rest = lappend(rest, lfirst(lc));
		else
			trusted = lappend(trusted, lfirst(lc));
	}

	if (protected->guard != CP_GUARD_NONE)
		result = lappend(result, make_guard(protected, rti));
	if (protected->subject == CP_SUBJECT_CHILD && is_leaky((Node *) trusted, NULL))
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

/*
 * Does the statement name a protected relation?  The list of RTEs has every
 * partition that was not pruned.
 */
static bool
reads_registry(PlannedStmt *plan)
{
	ListCell   *lc;

	foreach(lc, plan->rtable)
	{
		RangeTblEntry *rte = lfirst(lc);

		if (rte->rtekind == RTE_RELATION && cp_protect_lookup(rte->relid) != NULL)
			return true;
	}
	return false;
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
		foreign = has_foreign_subselect((Node *) parse, NULL);
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

	if (here && reads_registry(plan))
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
