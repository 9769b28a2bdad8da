/*-------------------------------------------------------------------------
 *
 * capture.c
 *	  The calls that mark.c put into plans: a row is consulted.
 *
 *	  They find their look on the stack of running executors.  Own work of the
 *	  extension and foreign-key checks are nobody's look (executor.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/executor.h"
#include "utils/array.h"

#include "look.h"

/* what fn_extra of a call in a plan points to where nothing is recorded */
static CpConsulted nobodys;

/*
 * Was the child shielded since the look's snapshot was taken?
 */
static inline bool
is_hidden(CpConsulted *consulted, int64 child)
{
	return consulted->placing && consulted->look->heeds_shields &&
		cp_recent_hides(&consulted->look->recent, child);
}

/*
 * The same for a row that is not yet disclosed, and not if it is one too many.
 */
static inline void
disclose(CpConsulted *consulted, int64 child)
{
	if (consulted->look->limited)
		cp_limit_count(child);
	cp_look_consult(consulted, child);
}

/*
 * What the executor that evaluates this call gathers of its relation; found
 * once for each call in an executor.
 */
static CpConsulted *
consulted_here(FunctionCallInfo fcinfo)
{
	FmgrInfo   *flinfo = fcinfo->flinfo;
	CpConsulted *consulted = flinfo->fn_extra;

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
	if (cp_running != NULL)
		consulted = cp_running->look->personal ?
			cp_look_consulted(cp_running->look, PG_GETARG_OID(0)) : &nobodys;
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
	CpConsulted *consulted = consulted_here(fcinfo);

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
		cp_look_pending = true;
	}
	PG_RETURN_BOOL(true);
}

static bool
any_hidden(CpConsulted *consulted, ArrayType *children)
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
	CpConsulted *consulted = consulted_here(fcinfo);

	if (consulted == &nobodys)
		PG_RETURN_BOOL(true);
	if (!PG_ARGISNULL(1) && any_hidden(consulted, PG_GETARG_ARRAYTYPE_P(1)))
		PG_RETURN_BOOL(false);
	consulted->rows = true;
	cp_look_pending = true;
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
	CpConsulted *consulted = consulted_here(fcinfo);

	if (consulted != &nobodys && !PG_ARGISNULL(1))
	{
		if (is_hidden(consulted, PG_GETARG_INT64(1)))
			PG_RETURN_BOOL(false);
		consulted->look->touched = consulted;
		consulted->look->touched_child = PG_GETARG_INT64(1);
	}
	PG_RETURN_BOOL(true);
}

/*
 * Does the executor that evaluates a guard now run for a person?  What is not
 * known to be the registry's own is a person's.
 */
bool
cp_capture_for_person(void)
{
	return cp_running == NULL || cp_running->look->personal;
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
	cp_executor_init();
}
