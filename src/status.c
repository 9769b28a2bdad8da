/*-------------------------------------------------------------------------
 *
 * status.c
 *	  How the registry of this database is doing, from shared memory: for the
 *	  view status.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xlog.h"
#include "funcapi.h"
#include "storage/lwlock.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "audit.h"

/* columns of _status() */
enum
{
	STATUS_MATCHER_PID,
	STATUS_SEALER_PID,
	STATUS_SEALER_SEEN,
	STATUS_SEALER_ERROR,
	STATUS_UNSEALED_BYTES,
	STATUS_UNSEALED_LIMIT,
	STATUS_REFUSED,
	STATUS_NOT_READABLE,
	STATUS_COLUMNS
};

PG_FUNCTION_INFO_V1(contactpoint_status);
Datum
contactpoint_status(PG_FUNCTION_ARGS)
{
	CpSharedDatabase *database;
	const char *fault;
	TupleDesc	desc;
	Datum		values[STATUS_COLUMNS];
	bool		nulls[STATUS_COLUMNS] = {false};
	int			pids[CP_WORKER_KINDS];

	cp_require_preloaded();
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	database = cp_shared_database();
	LWLockAcquire(cp_shared_lock(), LW_SHARED);
	for (int kind = 0; kind < CP_WORKER_KINDS; kind++)
		pids[kind] = (int) database->workers[kind].pid;
	LWLockRelease(cp_shared_lock());

	values[STATUS_MATCHER_PID] = Int32GetDatum(pids[CP_WORKER_MATCHER]);
	nulls[STATUS_MATCHER_PID] = pids[CP_WORKER_MATCHER] == 0;
	values[STATUS_SEALER_PID] = Int32GetDatum(pids[CP_WORKER_SEALER]);
	nulls[STATUS_SEALER_PID] = pids[CP_WORKER_SEALER] == 0;
	values[STATUS_SEALER_SEEN] =
		TimestampTzGetDatum((TimestampTz) pg_atomic_read_u64(&database->sealer_seen));
	nulls[STATUS_SEALER_ERROR] = database->sealer_error == 0;
	values[STATUS_SEALER_ERROR] = CStringGetTextDatum(unpack_sql_state(database->sealer_error));
	values[STATUS_UNSEALED_BYTES] =
		Int64GetDatum(Max(0, (int64) pg_atomic_read_u64(&database->unsealed)));
	values[STATUS_UNSEALED_LIMIT] = Int64GetDatum((int64) cp_journal_limit * 1024);
	values[STATUS_REFUSED] = Int64GetDatum((int64) pg_atomic_read_u64(&database->refused));
	fault = cp_journal_fault();
	nulls[STATUS_NOT_READABLE] = fault == NULL;
	values[STATUS_NOT_READABLE] = fault == NULL ? (Datum) 0 : CStringGetTextDatum(fault);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
