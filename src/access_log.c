/*-------------------------------------------------------------------------
 *
 * access_log.c
 *	  access_log(): who looked at this child.
 *
 *	  For auditors, admins and managers of the record's authority; asking is
 *	  itself recorded.  Whoever is handed the log of a shielded child may be
 *	  the one to fear, so there it tells on which day and in which way, and
 *	  which looks were made by one and the same person, but nothing that leads
 *	  to a place: no role, organisation, client, application or reason, nor the
 *	  entry or its moment, which the log of a brother would place.
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

/*
 * Does the number mean a record of the own authority, by now or formerly?  For a
 * manager any other is as one that means nobody.
 */
static bool
is_of_own_record(int64 child_id)
{
	Oid			types[1] = {INT8OID};
	Datum		values[1] = {Int64GetDatum(child_id)};

	return cp_own_number("SELECT c.child_id FROM contactpoint.child c"
						 " WHERE c.child_id IN ($1, contactpoint._merged_into($1))"
						 " AND contactpoint._manages(contactpoint._authority_of(c.child_id))"
						 " UNION ALL SELECT h.child_id FROM contactpoint.hidden_record h"
						 " WHERE h.child_id = $1 AND h.kind = 'former'"
						 " AND contactpoint._manages(h.authority)",
						 1, types, values) != 0;
}

static void
require_right(int64 child_id)
{
	cp_journal_require_writable();
	cp_require_reader();
	if (!cp_caller_has_role("contactpoint_auditor") && !cp_caller_has_role("contactpoint_admin") &&
		!is_of_own_record(child_id))
		ereport(ERROR,
				(errcode(ERRCODE_CP_NOT_AUTHORISED),
				 errmsg("only auditors and managers of the responsible authority see who looked at a record"),
				 errhint("Ask a manager of the authority that is responsible for the record.")));
}

static void
fetch_log(int64 child_id, Tuplestorestate *result)
{
	Oid			types[1] = {INT8OID};
	Datum		values[1] = {Int64GetDatum(child_id)};
	CpOwnWork	work;

	cp_own_work_begin(&work);
	PG_TRY();
	{
		SPI_connect();
		PushActiveSnapshot(GetLatestSnapshot());
		if (SPI_execute_with_args("SELECT * FROM contactpoint._access_log($1)", 1, types, values,
								  NULL, true, 0) != SPI_OK_SELECT)
			elog(ERROR, "could not read who looked at a record");
		for (uint64 i = 0; i < SPI_processed; i++)
			tuplestore_puttuple(result, SPI_tuptable->vals[i]);
		PopActiveSnapshot();
		SPI_finish();
	}
	PG_FINALLY();
	{
		cp_own_work_end(&work);
	}
	PG_END_TRY();
}

PG_FUNCTION_INFO_V1(contactpoint_access_log);
Datum
contactpoint_access_log(PG_FUNCTION_ARGS)
{
	int64		child_id = PG_GETARG_INT64(0);
	MemoryContext oldcontext = CurrentMemoryContext;

	cp_require_preloaded();
	cp_log_registry(true);
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	PG_TRY();
	{
		require_right(child_id);
	}
	PG_CATCH();
	{
		cp_command_refused("access_log", &child_id, 1, oldcontext);
	}
	PG_END_TRY();
	cp_audit_command("access_log", &child_id, 1, CP_VERDICT_DONE);
	fetch_log(child_id, ((ReturnSetInfo *) fcinfo->resultinfo)->setResult);
	return (Datum) 0;
}
