/*-------------------------------------------------------------------------
 *
 * matcher.c
 *	  The background workers that settle the inbox: one in a database, and
 *	  helpers (contactpoint.matcher_workers) while there is a backlog (turn.c).
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

#include "match.h"
#include "settle.h"

#define IDLE_MS 5000			/* looks at the inbox unasked */
#define RETRY_MS 100			/* pause after a failed batch */
#define TURN_MS 5				/* between two looks whether rows can be
								 * claimed */
#define FIRST_BATCH 500			/* rows, where no setting says how many */
#define LARGEST_BATCH 10000
#define MAX_TRIES 20			/* of a row that meets conflicts */

static int64 *rows_in_work = NULL;	/* of the batch being settled; gone when
									 * it commits */
static int	nrows_in_work = 0;
static int64 first_in_work = 0; /* for what fails at commit */
static bool wake_at_commit = false;
static bool is_helper = false;

PGDLLEXPORT void cp_matcher_main(Datum arg);
PGDLLEXPORT void cp_helper_first_main(Datum arg);
PGDLLEXPORT void cp_helper_second_main(Datum arg);
PGDLLEXPORT void cp_helper_third_main(Datum arg);

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
 * The next rows of the inbox, in rows_in_work.  With several matchers they are
 * claimed.
 */
static int
next_rows(int limit)
{
	int64		after = 0;
	uint64		ticket;

	if (cp_matcher_workers == 1)
		return cp_inbox_pending(0, limit, &rows_in_work);
	while (!cp_worker_told_to_stop())
	{
		if (cp_turn_after(&after, &ticket))
		{
			int			n = cp_inbox_pending(after, limit, &rows_in_work);

			if (n == 0 || cp_turn_claim(ticket, rows_in_work[n - 1]))
				return n;
		}
		else
			(void) WaitLatch(MyLatch, WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, TURN_MS, PG_WAIT_EXTENSION);
		CHECK_FOR_INTERRUPTS();
	}
	return 0;
}

/*
 * Settles rows that were read and searched for ahead, when it is their turn.
 * Where they are void, nothing was done and nothing is to be undone.
 */
static bool
settle_in_turn(int n)
{
	CpBatch    *batch = cp_settle_read(rows_in_work, n, true);

	if (!cp_turn_wait())
		return false;
	cp_lock_matching();
	cp_settle_write(batch);
	return true;
}

/*
 * Settles up to limit rows in one transaction.  Returns how many it took;
 * settled is how many of them it settled: none where their claim was void.
 */
static int
settle_batch(int limit, volatile int *settled)
{
	CpOwnWork	work;
	int			n = 0;

	*settled = 0;
	nrows_in_work = 0;
	cp_settling = -1;
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	if (cp_worker_has_registry())
	{
		PushActiveSnapshot(GetTransactionSnapshot());
		cp_own_work_begin(&work);
		pgstat_report_activity(STATE_RUNNING, "settling uploads");
		SPI_connect();
		n = next_rows(limit);
		nrows_in_work = n;
		first_in_work = n > 0 ? rows_in_work[0] : 0;
		*settled = n;
		if (n > 0 && cp_matcher_workers == 1)
		{
			/* an idle look at the inbox stands in nobody's way */
			cp_lock_matching();
			cp_settle_write(cp_settle_read(rows_in_work, n, false));
		}
		else if (n > 0)
			*settled = settle_in_turn(n) ? n : 0;
		SPI_finish();
		cp_own_work_end(&work);
		PopActiveSnapshot();
	}
	CommitTransactionCommand();
	if (cp_matcher_workers > 1)
		cp_turn_end(false);
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
static bool
try_to_hold(int64 upload_id, MemoryContext context)
{
	volatile bool held = false;

	PG_TRY();
	{
		hold_poisoned(upload_id);
		held = true;
	}
	PG_CATCH();
	{
		(void) cp_worker_recover(context);
	}
	PG_END_TRY();
	return held;
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
 * What to do after an error.  Returns how many rows to try next: those before
 * the failing one, which go by themselves, then that one alone.  An error in
 * the writing of all rows together names none, so fewer and fewer are tried.  A
 * row that fails alone for another reason than a conflict, or too often, is
 * held.
 */
static int
after_error(int sqlstate, int64 first_row, int nrows, int failed)
{
	static int	tries = 0;		/* of first_row alone */
	static int64 tried = 0;

	ereport(LOG,
			(errmsg("the matcher met SQLSTATE %s and tries again",
					unpack_sql_state(sqlstate))));
	if (failed > 0)
		return failed;
	if (nrows > 1)
		return failed == 0 ? 1 : nrows / 2;
	if (nrows == 1)
	{
		tries = tried == first_row ? tries + 1 : 1;
		tried = first_row;
		if (tries >= (is_conflict(sqlstate) ? MAX_TRIES : 2) &&
			try_to_hold(first_row, CurrentMemoryContext))
			return 1;
	}
	(void) WaitLatch(MyLatch, WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, RETRY_MS, PG_WAIT_EXTENSION);
	return 1;
}

/* A backlog begins with the first batch of the matcher that is always there. */
static void
note_progress(bool started, int done)
{
	if (!started && !is_helper)
		cp_progress_start(CP_JOB_SETTLE, 0, 0);
	cp_progress_add(CP_JOB_SETTLE, done);
}

/* Where there is more than a batch, others may help. */
static void
call_helpers(void)
{
	for (int i = 1; i < cp_matcher_workers; i++)
		cp_worker_ensure(CP_WORKER_HELPER + i - 1);
}

/*
 * Everything pending, in batches.  Unless the setting says how large they are,
 * they grow as long as there is more: a row that comes alone waits for few
 * others.
 */
static void
settle_inbox(void)
{
	MemoryContext context = CurrentMemoryContext;
	volatile int limit = cp_settle_batch > 0 ? cp_settle_batch : FIRST_BATCH;
	volatile int done = 0;
	volatile int settled = 0;
	volatile bool started = false;

	do
	{
		volatile int sqlstate = 0;
		volatile int failed = -1;
		volatile int64 first_row = 0;

		PG_TRY();
		{
			done = settle_batch(limit, &settled);
			if (settled > 0)
				note_progress(started, settled);
			started |= settled > 0;
		}
		PG_CATCH();
		{
			failed = cp_settling;
			first_row = nrows_in_work > 0 ? first_in_work : 0;
			sqlstate = cp_worker_recover(context);
			if (cp_matcher_workers > 1)
				cp_turn_end(true);
			done = 1;
		}
		PG_END_TRY();
		CHECK_FOR_INTERRUPTS();
		if (sqlstate != 0)
			limit = after_error(sqlstate, first_row, nrows_in_work, failed);
		else
		{
			if (done == limit)
				call_helpers();
			limit = Min(limit * 2, cp_settle_batch > 0 ? cp_settle_batch : LARGEST_BATCH);
		}
	} while (done > 0 && !cp_worker_told_to_stop());
	if (started && !is_helper)
		cp_progress_finish(CP_JOB_SETTLE);
}

/* Jobs that wait for their worker must not end this one. */
static void
resume_jobs(void)
{
	MemoryContext context = CurrentMemoryContext;
	volatile int sqlstate = 0;

	PG_TRY();
	{
		cp_jobs_resume();
	}
	PG_CATCH();
	{
		sqlstate = cp_worker_recover(context);
	}
	PG_END_TRY();
	CHECK_FOR_INTERRUPTS();
	if (sqlstate != 0)
		ereport(LOG,
				(errmsg("the matcher met SQLSTATE %s when it looked for jobs",
						unpack_sql_state(sqlstate))));
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
		resume_jobs();
		cp_worker_sleep(IDLE_MS);
	}
	proc_exit(0);
}

/* Helpers work as long as there is a backlog, then leave. */
static void
help(CpWorkerKind kind, Datum arg)
{
	cp_worker_begin(kind, arg);
	is_helper = true;
	settle_inbox();
	proc_exit(0);
}

void
cp_helper_first_main(Datum arg)
{
	help(CP_WORKER_HELPER, arg);
}

void
cp_helper_second_main(Datum arg)
{
	help(CP_WORKER_HELPER + 1, arg);
}

void
cp_helper_third_main(Datum arg)
{
	help(CP_WORKER_HELPER + 2, arg);
}
