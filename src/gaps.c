/*-------------------------------------------------------------------------
 *
 * gaps.c
 *	  Who still points at a shielded child: the rows behind the view shield_gaps.
 *
 *	  For managers of the child's own authority, for admins of every one.  What
 *	  is handed on is on record before, with both children of each row.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

#include "audit.h"

static void
require_right(void)
{
	cp_journal_require_writable();
	cp_require_reader();
	if (!cp_caller_has_role("contactpoint_manager") && !cp_caller_has_role("contactpoint_admin"))
		ereport(ERROR,
				(errcode(ERRCODE_CP_NOT_AUTHORISED),
				 errmsg("only managers of the responsible authority see what points at a shielded record"),
				 errhint("Ask a manager of the authority that is responsible for the record.")));
}

/*
 * Hands rows on, and records both children of each: the shielded one and the
 * one that points at it.
 */
static void
hand_on_gaps(Tuplestorestate *result)
{
	static const int columns[] = {1, 3};
	int			room = Max(SPI_processed * lengthof(columns), 1);
	int64	   *children = palloc(room * sizeof(int64));
	int			n = 0;
	bool		isnull;

	for (uint64 i = 0; i < SPI_processed; i++)
		for (int c = 0; c < lengthof(columns); c++)
			children[n++] = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc,
														columns[c], &isnull));
	for (int i = 0; i < Max(n, 1); i += CP_MAX_CHILDREN)
		cp_audit_command("shield_gaps", children + i, Min(n - i, CP_MAX_CHILDREN),
						 n > 0 ? CP_VERDICT_DISCLOSED : CP_VERDICT_NOTHING);
	for (uint64 i = 0; i < SPI_processed; i++)
		tuplestore_puttuple(result, SPI_tuptable->vals[i]);
}

static void
fetch_gaps(Tuplestorestate *result)
{
	Oid			types[1] = {INT8OID};
	Datum		values[1] = {Int64GetDatum(cp_caller_organisation())};
	bool		all = cp_caller_is_superuser() || cp_caller_has_role("contactpoint_admin");
	CpOwnWork	work;

	cp_own_work_begin(&work);
	PG_TRY();
	{
		SPI_connect();
		PushActiveSnapshot(GetLatestSnapshot());
		if (SPI_execute_with_args("SELECT * FROM contactpoint._gaps_of($1)", 1, types, values,
								  all ? "n" : " ", true, 0) != SPI_OK_SELECT)
			elog(ERROR, "could not look for what points at shielded records");
		hand_on_gaps(result);
		PopActiveSnapshot();
		SPI_finish();
	}
	PG_FINALLY();
	{
		cp_own_work_end(&work);
	}
	PG_END_TRY();
}

/*
 * _shield_gaps(), behind the view: of the caller's own authority, of every one
 * for admins.
 */
PG_FUNCTION_INFO_V1(contactpoint_shield_gaps);
Datum
contactpoint_shield_gaps(PG_FUNCTION_ARGS)
{
	MemoryContext oldcontext = CurrentMemoryContext;

	cp_require_preloaded();
	cp_log_registry(true);
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	PG_TRY();
	{
		require_right();
	}
	PG_CATCH();
	{
		cp_command_refused("shield_gaps", NULL, 0, oldcontext);
	}
	PG_END_TRY();
	fetch_gaps(((ReturnSetInfo *) fcinfo->resultinfo)->setResult);
	return (Datum) 0;
}
