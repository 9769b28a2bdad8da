/*-------------------------------------------------------------------------
 *
 * await.c
 *	  CALL settle(): wait until everything received so far is settled.
 *
 *	  The matcher does the work; this only starts and wakes it and looks, each
 *	  time with a fresh snapshot, whether a row up to the last number received
 *	  is still pending.  What waits for the end of an embargo is not waited for.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "contactpoint.h"

#define POLL_MS_FIRST 5			/* between two looks into the inbox, doubled */
#define POLL_MS_MOST 160		/* each time up to this */
#define NOTICE_MS 10000			/* between two notices of how far it is */

/*
 * Is any row up to this number still pending?  From the end, which is settled
 * last: at the other one are the entries of all that was.
 */
static bool
still_pending(int64 up_to)
{
	Oid			types[1] = {INT8OID};
	Datum		values[1] = {Int64GetDatum(up_to)};

	return cp_own_number("SELECT r.upload_id FROM contactpoint.receipt r"
						 " WHERE r.settled_at IS NULL AND NOT r.waits AND r.upload_id <= $1"
						 " ORDER BY r.upload_id DESC LIMIT 1", 1, types, values) != 0;
}

/*
 * The highest number received so far, 0 where there is none.
 */
static int64
last_received(void)
{
	return cp_own_number("SELECT max(r.upload_id) FROM contactpoint.receipt r"
						 " WHERE r.settled_at IS NULL AND NOT r.waits", 0, NULL, NULL);
}

/*
 * Says how far the matcher is.
 */
static void
tell_progress(void)
{
	CpProgress	progress = cp_progress_read(CP_JOB_SETTLE);

	progress.total = progress.done +
		cp_own_number("SELECT count(*) FROM contactpoint.receipt r"
					  " WHERE r.settled_at IS NULL AND NOT r.waits", 0, NULL, NULL);
	ereport(NOTICE,
			(errmsg("settling uploads: %s", cp_progress_text(&progress))));
}

PG_FUNCTION_INFO_V1(contactpoint_settle);
Datum
contactpoint_settle(PG_FUNCTION_ARGS)
{
	Interval   *timeout = PG_ARGISNULL(0) ? NULL : PG_GETARG_INTERVAL_P(0);
	TimestampTz deadline;
	TimestampTz told = GetCurrentTimestamp();
	int64		last;
	long		pause = POLL_MS_FIRST;

	cp_require_preloaded();
	cp_require_validated();
	cp_require_account();
	if (!cp_caller_has_role("contactpoint_manager") && !cp_caller_has_role("contactpoint_admin"))
		ereport(ERROR,
				(errcode(ERRCODE_CP_NOT_AUTHORISED),
				 errmsg("only managers may wait for the inbox to be settled"),
				 errhint("Feeds see their receipts in contactpoint.upload_receipt.")));
	if (TransactionIdIsValid(GetTopTransactionIdIfAny()))
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("settle() cannot wait inside a transaction that has written"),
				 errhint("COMMIT the uploads first: the matcher sees only what is committed.")));
	if (timeout == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("settle() needs a timeout"),
				 errhint("CALL contactpoint.settle('10 minutes').")));
	deadline = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
													   TimestampTzGetDatum(GetCurrentTimestamp()),
													   IntervalPGetDatum(timeout)));
	last = last_received();
	while (still_pending(last))
	{
		cp_worker_ensure(CP_WORKER_MATCHER);
		cp_worker_wake(CP_WORKER_MATCHER);
		if (GetCurrentTimestamp() >= deadline)
			ereport(ERROR,
					(errcode(ERRCODE_CP_NOT_SETTLED),
					 errmsg("the inbox was not settled in the time allowed"),
					 errhint("Call settle() again with a longer timeout; the server log tells if the matcher meets errors.")));
		if (TimestampDifferenceExceeds(told, GetCurrentTimestamp(), NOTICE_MS))
		{
			tell_progress();
			told = GetCurrentTimestamp();
		}
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 pause, PG_WAIT_EXTENSION);
		pause = Min(2 * pause, POLL_MS_MOST);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	PG_RETURN_VOID();
}
