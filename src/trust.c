/*-------------------------------------------------------------------------
 *
 * trust.c
 *	  Which clauses of a query may see a row before it is on record.
 *
 *	  A trusted clause has no side effect, runs nobody's code and tells nothing
 *	  by its time.  What is not known to be so is not trusted.  A leaky one may
 *	  raise an error that quotes the row.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "nodes/nodeFuncs.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "trust.h"

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
is_lazy_parameter(const Param *param, const CpTrust *trust)
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
	CpTrust    *trust = argument;
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
	CpTrust		trust = {cp_extension_oid(), get_extension_oid("pg_trgm", true)};

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

void
cp_trust_learn(CpTrust *trust, const Bitmapset *lazy)
{
	Oid			argument[1] = {INT8OID};

	trust->lazy = lazy;
	trust->own_extension = cp_extension_oid();
	trust->trigram_extension = get_extension_oid("pg_trgm", true);
	trust->vault_guard = cp_function_oid("_vault_guard", 1, argument);
	trust->review_guard = cp_function_oid("_review_guard", 1, argument);
}

bool
cp_clause_is_untrusted(Node *clause, CpTrust *trust)
{
	return is_untrusted(clause, trust);
}

bool
cp_clause_is_leaky(Node *clause)
{
	return is_leaky(clause, NULL);
}

bool
cp_has_foreign_subselect(Node *query)
{
	return has_foreign_subselect(query, NULL);
}
