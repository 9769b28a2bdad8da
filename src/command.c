/*-------------------------------------------------------------------------
 *
 * command.c
 *	  The door of the interface: every function that changes something.
 *
 *	  shield(), decide() and the others all are the C function
 *	  contactpoint_command.  It runs the private function of the same name
 *	  with _do_ before it, as own work of the extension, and leaves an audit
 *	  entry: done, or refused.  The private functions are granted to nobody.
 *
 *	  Rights are asked by the private function, which knows the record; the
 *	  door asks only for a current account.
 *
 *	  Where the arguments give a name it is one that is shown to nobody, so the
 *	  entry has the reason in the place of the statement.  Nor does it name the
 *	  number that new_identity() returns.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "audit.h"

#define MAX_COVERED 1000		/* numbers of children named in one entry */

/* what fn_extra remembers of a door */
typedef struct Door
{
	FmgrInfo	work;			/* the private function */
	char		name[NAMEDATALEN];
	int			child_arg;		/* argument that names a child, or -1 */
	int			reason_arg;		/* argument that says why, or -1 */
	bool		gives_name;		/* an argument is a hidden name */
	bool		hides_result;	/* the entry must not lead to what it returns */
	Oid			result_type;
} Door;

/* children that the work behind the door now open has named */
typedef struct Named
{
	int			n;
	int64		children[MAX_COVERED];
} Named;

static Named *named = NULL;

static int
find_argument(HeapTuple proctup, const char *name)
{
	Datum		proargnames;
	bool		isnull;
	Datum	   *names;
	int			nnames;

	proargnames = SysCacheGetAttr(PROCOID, proctup, Anum_pg_proc_proargnames, &isnull);
	if (isnull)
		return -1;
	deconstruct_array(DatumGetArrayTypeP(proargnames), TEXTOID, -1, false,
					  TYPALIGN_INT, &names, NULL, &nnames);
	for (int i = 0; i < nnames; i++)
		if (strcmp(TextDatumGetCString(names[i]), name) == 0)
			return i;
	return -1;
}

static Door *
open_door(FunctionCallInfo fcinfo)
{
	FmgrInfo   *flinfo = fcinfo->flinfo;
	HeapTuple	proctup;
	Form_pg_proc proc;
	Door	   *door;
	char		work_name[NAMEDATALEN];

	if (flinfo->fn_extra != NULL)
		return flinfo->fn_extra;

	proctup = SearchSysCache1(PROCOID, ObjectIdGetDatum(flinfo->fn_oid));
	if (!HeapTupleIsValid(proctup))
		elog(ERROR, "cache lookup failed for function %u", flinfo->fn_oid);
	proc = (Form_pg_proc) GETSTRUCT(proctup);

	door = MemoryContextAllocZero(flinfo->fn_mcxt, sizeof(Door));
	strlcpy(door->name, NameStr(proc->proname), NAMEDATALEN);
	door->child_arg = find_argument(proctup, "child_id");
	door->reason_arg = find_argument(proctup, "reason");
	door->gives_name = find_argument(proctup, "given_names") >= 0;
	door->hides_result = strcmp(door->name, "new_identity") == 0;
	door->result_type = proc->prorettype;
	snprintf(work_name, sizeof(work_name), "_do_%s", door->name);
	fmgr_info_cxt(cp_function_oid(work_name, proc->pronargs, proc->proargtypes.values),
				  &door->work, flinfo->fn_mcxt);
	ReleaseSysCache(proctup);

	flinfo->fn_extra = door;
	return door;
}

/*
 * _name_children(children): the call that is being carried out is about these,
 * which neither its arguments nor its result say.
 */
PG_FUNCTION_INFO_V1(contactpoint_name_children);
Datum
contactpoint_name_children(PG_FUNCTION_ARGS)
{
	ArrayIterator iterator = array_create_iterator(PG_GETARG_ARRAYTYPE_P(0), 0, NULL);
	Datum		child;
	bool		isnull;

	while (named != NULL && cp_in_own_work() && named->n < MAX_COVERED &&
		   array_iterate(iterator, &child, &isnull))
		if (!isnull)
			named->children[named->n++] = DatumGetInt64(child);
	PG_RETURN_VOID();
}

/*
 * The children an entry names: the argument child_id, whatever the work behind
 * the door has named, and whatever child numbers the call returned.
 */
static int
named_children(Door *door, FunctionCallInfo fcinfo, const Named *by_work,
			   bool done, Datum result, int64 *children)
{
	int			n = 0;

	memcpy(children, by_work->children, by_work->n * sizeof(int64));
	n = by_work->n;
	if (door->child_arg >= 0 && !PG_ARGISNULL(door->child_arg))
		children[n++] = PG_GETARG_INT64(door->child_arg);
	if (done && door->result_type == INT8OID && !door->hides_result &&
		cp_child_number_valid(DatumGetInt64(result)))
		children[n++] = DatumGetInt64(result);
	if (done && door->result_type == INT8ARRAYOID)
	{
		Datum	   *elements;
		int			nelements;

		deconstruct_array(DatumGetArrayTypeP(result), INT8OID, sizeof(int64),
						  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &elements, NULL, &nelements);
		for (int i = 0; i < nelements && i < MAX_COVERED; i++)
			children[n++] = DatumGetInt64(elements[i]);
	}
	return n;
}

static Datum
work_behind(Door *door, FunctionCallInfo fcinfo, bool *isnull)
{
	LOCAL_FCINFO(call, FUNC_MAX_ARGS);
	Datum		result;

	InitFunctionCallInfoData(*call, &door->work, fcinfo->nargs, InvalidOid, NULL, NULL);
	memcpy(call->args, fcinfo->args, fcinfo->nargs * sizeof(NullableDatum));
	result = FunctionCallInvoke(call);
	*isnull = call->isnull;
	return result;
}

/*
 * What the entry has in the place of the statement; NULL: the statement.
 */
static char *
said_instead(const Door *door, FunctionCallInfo fcinfo)
{
	if (!door->gives_name)
		return NULL;
	return psprintf("contactpoint.%s(...), because: %s", door->name,
					door->reason_arg < 0 || PG_ARGISNULL(door->reason_arg) ? "" :
					text_to_cstring(PG_GETARG_TEXT_PP(door->reason_arg)));
}

static void
record_call(const char *said, const char *name, const int64 *children, int nchildren, CpVerdict verdict)
{
	if (said != NULL)
		cp_audit_command_said(said, name, children, nchildren, verdict);
	else
		cp_audit_command(name, children, nchildren, verdict);
}

CP_NORETURN static void
refuse(const char *said, const char *name, const int64 *children, int nchildren, MemoryContext oldcontext)
{
	ErrorData  *edata;

	cp_release_after_error();
	MemoryContextSwitchTo(oldcontext);
	edata = CopyErrorData();
	FlushErrorState();
	record_call(said, name, children, nchildren, CP_VERDICT_REFUSED);
	ReThrowError(edata);
}

/*
 * In PG_CATCH: records that a call of the interface was refused, then goes on
 * with the error.  What the failing code held is released first: the append
 * must not wait for it.
 */
void
cp_command_refused(const char *name, const int64 *children, int nchildren,
				   MemoryContext oldcontext)
{
	refuse(NULL, name, children, nchildren, oldcontext);
}

/*
 * Has open_shielded() or former_identity() given its warning and opened
 * nothing?
 */
static bool
was_warned(const Door *door, bool isnull)
{
	return isnull && (door->result_type == TIMESTAMPTZOID || door->result_type == JSONBOID);
}

PG_FUNCTION_INFO_V1(contactpoint_command);
Datum
contactpoint_command(PG_FUNCTION_ARGS)
{
	Door	   *door;
	MemoryContext oldcontext = CurrentMemoryContext;
	CpOwnWork	work;
	volatile bool working = false;
	volatile bool isnull = false;
	Datum		result = (Datum) 0;
	int64		children[2 * MAX_COVERED + 2];
	Named		mine;
	Named	   *outer = named;
	int			nchildren;
	char	   *said;

	cp_require_preloaded();
	cp_log_registry(true);
	door = open_door(fcinfo);
	said = said_instead(door, fcinfo);

	mine.n = 0;
	named = &mine;
	PG_TRY();
	{
		bool		null;

		if (strcmp(door->name, "validate_restore") != 0)
			cp_require_validated();
		cp_require_account();
		if (strcmp(door->name, "shield") != 0)
			cp_recent_require_fresh();
		cp_own_work_begin(&work);
		working = true;
		result = work_behind(door, fcinfo, &null);
		isnull = null;
		cp_own_work_end(&work);
		working = false;
	}
	PG_CATCH();
	{
		named = outer;
		if (working)
			cp_own_work_end(&work);
		nchildren = named_children(door, fcinfo, &mine, false, (Datum) 0, children);
		refuse(said, door->name, children, nchildren, oldcontext);
	}
	PG_END_TRY();

	named = outer;
	nchildren = named_children(door, fcinfo, &mine, !isnull, result, children);
	record_call(said, door->name, children, nchildren,
				was_warned(door, isnull) ? CP_VERDICT_NOTHING : CP_VERDICT_DONE);
	if (isnull)
		PG_RETURN_NULL();
	return result;
}
