/*-------------------------------------------------------------------------
 *
 * matcher.c
 *	  The background worker that settles the inbox, one in a database.
 *
 *	  It is woken at commit by whoever uploaded, takes pending rows in the
 *	  order of their numbers and settles them in batches: matching lock, rows,
 *	  commit.  Pending are the receipts without settled_at, found anew for
 *	  every batch: a row whose transaction commits late is not passed by.
 *	  A batch that fails is tried again; a row that fails alone is held.
 *
 *	  How workers start and stop is in worker.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "contactpoint.h"

#define IDLE_MS 5000			/* looks at the inbox unasked */
#define RETRY_MS 100			/* pause after a failed batch */
#define MAX_TRIES 20			/* of a row that meets conflicts */

static int64 row_in_work = 0;	/* what a failing batch was at, */
static int	rows_before = 0;	/* and how many rows it had settled before */
static bool wake_at_commit = false;

PGDLLEXPORT void cp_matcher_main(Datum arg);

/* ---------- waking ---------- */

static void
wake_on_commit(XactEvent event, void *arg)
{
	if (!wake_at_commit)
		return;
	if (event == XACT_EVENT_COMMIT)
		cp_worker_wake(CP_WORKER_MATCHER);
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT ||
		event == XACT_EVENT_PREPARE)
		wake_at_commit = false;
}

/*
 * Called for every uploaded row; does something for the first.
 */
void
cp_matcher_wake_at_commit(void)
{
	static bool registered = false;

	if (!registered)
	{
		RegisterXactCallback(wake_on_commit, NULL);
		registered = true;
	}
	if (!wake_at_commit)
		cp_worker_ensure(CP_WORKER_MATCHER);
	wake_at_commit = true;
}

/* ---------- settling ---------- */

/*
 * Up to limit pending rows, lowest number first, as a palloc'd array.  Rows of
 * embargoed sources wait.  Between SPI_connect and SPI_finish.
 */
static int
pending_rows(int limit, int64 **rows)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[1] = {INT8OID};
	Datum		values[1] = {Int64GetDatum(limit)};
	int			n;

	if (plan == NULL)
	{
		plan = SPI_prepare("SELECT r.upload_id FROM contactpoint.receipt r"
						   " WHERE r.settled_at IS NULL AND r.source NOT IN"
						   " (SELECT s.source FROM contactpoint.source s WHERE s.embargoed_at IS NOT NULL)"
						   " ORDER BY r.upload_id LIMIT $1", 1, types);
		if (plan == NULL)
			elog(ERROR, "could not prepare the look into the inbox");
		SPI_keepplan(plan);
	}
	if (SPI_execute_plan(plan, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not look into the inbox");
	n = (int) SPI_processed;
	*rows = palloc(sizeof(int64) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		bool		isnull;

		(*rows)[i] = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i],
												 SPI_tuptable->tupdesc, 1, &isnull));
	}
	return n;
}

/*
 * Settles up to limit rows in one transaction.  Returns how many.
 */
static int
settle_batch(int limit)
{
	CpOwnWork	work;
	MemoryContext row_context;
	int64	   *rows;
	int			n = 0;

	row_in_work = 0;
	rows_before = 0;
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	if (cp_worker_has_registry())
	{
		MemoryContext batch_context = CurrentMemoryContext;

		PushActiveSnapshot(GetTransactionSnapshot());
		cp_own_work_begin(&work);
		pgstat_report_activity(STATE_RUNNING, "settling uploads");
		cp_lock_matching();
		PopActiveSnapshot();
		PushActiveSnapshot(GetTransactionSnapshot());
		SPI_connect();
		n = pending_rows(limit, &rows);
		row_context = AllocSetContextCreate(batch_context, "contactpoint row",
											ALLOCSET_DEFAULT_SIZES);
		for (int i = 0; i < n; i++)
		{
			MemoryContext oldcontext = MemoryContextSwitchTo(row_context);

			row_in_work = rows[i];
			rows_before = i;
			cp_settle_upload(rows[i]);
			MemoryContextSwitchTo(oldcontext);
			MemoryContextReset(row_context);
			CHECK_FOR_INTERRUPTS();
		}
		row_in_work = 0;
		SPI_finish();
		cp_own_work_end(&work);
		PopActiveSnapshot();
	}
	CommitTransactionCommand();
	pgstat_report_stat(true);
	pgstat_report_activity(STATE_IDLE, NULL);
	return n;
}

static void
hold_poisoned(int64 upload_id)
{
	CpOwnWork	work;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	cp_own_work_begin(&work);
	cp_lock_matching();
	cp_settle_poisoned(upload_id);
	cp_own_work_end(&work);
	PopActiveSnapshot();
	CommitTransactionCommand();
}

/*
 * Holds a row that fails; if even that fails, the next look at the inbox meets
 * it again.
 */
static void
try_to_hold(int64 upload_id, MemoryContext context)
{
	PG_TRY();
	{
		hold_poisoned(upload_id);
	}
	PG_CATCH();
	{
		(void) cp_worker_recover(context);
	}
	PG_END_TRY();
}

static bool
is_conflict(int sqlstate)
{
	return sqlstate == ERRCODE_T_R_SERIALIZATION_FAILURE ||
		sqlstate == ERRCODE_T_R_DEADLOCK_DETECTED ||
		sqlstate == ERRCODE_FOREIGN_KEY_VIOLATION ||
		sqlstate == ERRCODE_LOCK_NOT_AVAILABLE ||
		sqlstate == ERRCODE_QUERY_CANCELED;
}

/*
 * Everything pending, in batches.  Where one fails, the rows before the failing
 * one are settled by themselves, then that one alone; a row that fails alone
 * for another reason than a conflict, or too often, is held.
 */
static void
settle_inbox(void)
{
	MemoryContext context = CurrentMemoryContext;
	volatile int limit = cp_settle_batch;
	volatile bool isolate = false;	/* the first pending row is to go alone */
	volatile int tries = 0;
	volatile int done = 0;

	do
	{
		volatile int sqlstate = 0;
		volatile int64 failed_row = 0;

		PG_TRY();
		{
			done = settle_batch(limit);
			tries = 0;
			limit = isolate ? 1 : cp_settle_batch;
			isolate = false;
		}
		PG_CATCH();
		{
			failed_row = row_in_work;
			sqlstate = cp_worker_recover(context);
			done = 1;
		}
		PG_END_TRY();
		CHECK_FOR_INTERRUPTS();
		if (sqlstate == 0)
			continue;

		ereport(LOG,
				(errmsg("the matcher met SQLSTATE %s and tries again",
						unpack_sql_state(sqlstate))));
		if (failed_row != 0 && rows_before > 0)
		{
			limit = rows_before;
			isolate = true;
		}
		else if (failed_row != 0 && limit == 1 &&
				 (!is_conflict(sqlstate) || ++tries > MAX_TRIES))
		{
			try_to_hold(failed_row, context);
			limit = cp_settle_batch;
			tries = 0;
		}
		else
		{
			limit = 1;
			(void) WaitLatch(MyLatch, WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, RETRY_MS,
							 PG_WAIT_EXTENSION);
		}
	} while (done > 0 && !cp_worker_told_to_stop());
}

/*
 * Main loop.  arg: see cp_worker_begin.
 */
void
cp_matcher_main(Datum arg)
{
	cp_worker_begin(CP_WORKER_MATCHER, arg);
	while (!cp_worker_told_to_stop())
	{
		settle_inbox();
		cp_worker_sleep(IDLE_MS);
	}
	proc_exit(0);
}
