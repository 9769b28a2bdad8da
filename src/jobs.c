/*-------------------------------------------------------------------------
 *
 * jobs.c
 *	  The background worker that goes over the whole registry, record by
 *	  record, for sweep() and rekey(), and how one waits for it.
 *
 *	  A job is a walk over all records in the order of their numbers, in
 *	  batches, each a transaction of its own that also writes into table job
 *	  how far it is: after an error, a crash or a restart it goes on where the
 *	  last commit left it.  A call asks for a run in shared memory and waits
 *	  until the worker has noted it, so that it is not lost; the one who asked
 *	  need not stay.  Who calls while a run goes on joins it.
 *
 *	  Besides it vacuums what shields leave behind (tidy.c).
 *
 *	  The worker ends when there is nothing to do.  It is started by calls and,
 *	  where a run is not finished, by the matcher when idle.  It logs
 *	  SQLSTATEs only, as the others do.
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
#include "storage/lwlock.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "contactpoint.h"

#define BATCH_MS 100			/* how long a batch should take */
#define BATCH_MIN 20			/* records in it */
#define BATCH_MAX 5000
#define RETRY_MS 1000			/* pause after a failed batch */
#define POLL_MS 50				/* of those who wait */
#define NOTICE_MS 5000			/* between two notices to them */
#define START_MS 10000			/* for a worker to start */

typedef struct Job
{
	const char *name;			/* in table job */
	const char *activity;
	void		(*begin) (void);
	int			(*batch) (int64 *reached, int limit);
	void		(*end) (void);
} Job;

/* re-keying comes first: a sweep finds more with fresh keys */
static const Job jobs[CP_JOBS] = {
	[CP_JOB_REKEY] = {"rekey", "re-keying the registry", cp_rekeying_begin, cp_rekeying_batch, cp_rekeying_end},
	[CP_JOB_SWEEP] = {"sweep", "sweeping the registry", NULL, cp_sweep_batch, NULL},
};
static const CpJob in_order[] = {CP_JOB_REKEY, CP_JOB_SWEEP};

/* a run as table job has it */
typedef struct Run
{
	bool		open;			/* begun and not finished */
	int64		reached;
	int64		done;
	int64		total;
} Run;

static bool taken_up[CP_JOBS];	/* by this process */
static uint64 answering[CP_JOBS];	/* the call that the run answers */
static int	batch_limit[CP_JOBS];

PGDLLEXPORT void cp_jobs_main(Datum arg);

/* ---------- table job ---------- */

static void
run_statement(const char *statement, const Job *job, int expected)
{
	Oid			types[1] = {TEXTOID};
	Datum		values[1] = {CStringGetTextDatum(job->name)};

	if (SPI_execute_with_args(statement, 1, types, values, NULL, false, 0) != expected)
		elog(ERROR, "could not read or write a job");
}

static int64
column(int number)
{
	bool		isnull;

	return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
									   number, &isnull));
}

/*
 * Locks the row, before any other lock: whoever locks it halts the job, and
 * nothing else.
 */
static Run
read_run(const Job *job)
{
	Run			run = {0};

	run_statement("SELECT j.reached, j.done, j.total FROM contactpoint.job j"
				  " WHERE j.job = $1 AND j.started_at IS NOT NULL AND j.finished_at IS NULL"
				  " FOR UPDATE", job, SPI_OK_SELECT);
	run.open = SPI_processed == 1;
	if (run.open)
	{
		run.reached = column(1);
		run.done = column(2);
		run.total = column(3);
	}
	return run;
}

static void
write_batch(const Job *job, int64 reached, int n)
{
	Oid			types[3] = {TEXTOID, INT8OID, INT8OID};
	Datum		values[3] = {CStringGetTextDatum(job->name), Int64GetDatum(reached), Int64GetDatum(n)};

	if (SPI_execute_with_args("UPDATE contactpoint.job SET reached = $2, done = done + $3,"
							  " batch_at = clock_timestamp() WHERE job = $1",
							  3, types, values, NULL, false, 0) != SPI_OK_UPDATE)
		elog(ERROR, "could not write a job");
}

/* ---------- the worker ---------- */

static uint64
calls_wanted(CpJob which)
{
	return cp_progress_read(which).wanted;
}

/*
 * Notes what the worker takes up now, so that those who wait see it.
 */
static void
take_up(CpJob which, Run *run)
{
	const Job  *job = &jobs[which];

	answering[which] = calls_wanted(which);
	if (!run->open)
	{
		run_statement("UPDATE contactpoint.job SET started_at = clock_timestamp(), finished_at = NULL, reached = 0,"
					  " done = 0, total = (SELECT count(*) FROM contactpoint.child) WHERE job = $1",
					  job, SPI_OK_UPDATE);
		if (job->begin != NULL)
			job->begin();
	}
	run_statement("UPDATE contactpoint.job SET resumed_at = clock_timestamp(), resumed_from = done,"
				  " batch_at = clock_timestamp() WHERE job = $1", job, SPI_OK_UPDATE);
	*run = read_run(job);
}

static void
adapt_limit(CpJob which, TimestampTz since)
{
	long		took = Max(1, TimestampDifferenceMilliseconds(since, GetCurrentTimestamp()));
	int64		fitting = (int64) batch_limit[which] * BATCH_MS / took;

	/* never more than twice as many at once */
	fitting = Min(fitting, (int64) batch_limit[which] * 2);
	batch_limit[which] = Max(BATCH_MIN, Min(BATCH_MAX, fitting));
}

/*
 * What a transaction of the worker came to.
 */
typedef enum Step
{
	STEP_NOTHING,				/* there is no run, and none is wanted */
	STEP_TAKEN_UP,
	STEP_BATCH,
	STEP_FINISHED
} Step;

static Step
step_of_job(CpJob which, bool only_take_up, Run *run, int *n)
{
	const Job  *job = &jobs[which];
	CpProgress	progress = cp_progress_read(which);

	*run = read_run(job);
	if (!run->open && progress.wanted == progress.answered)
		return STEP_NOTHING;
	if (!run->open || !taken_up[which])
	{
		take_up(which, run);
		return STEP_TAKEN_UP;
	}
	if (only_take_up)
		return STEP_NOTHING;
	*n = job->batch(&run->reached, batch_limit[which]);
	if (*n > 0)
	{
		write_batch(job, run->reached, *n);
		return STEP_BATCH;
	}
	if (job->end != NULL)
		job->end();
	run_statement("UPDATE contactpoint.job SET finished_at = clock_timestamp(), total = done WHERE job = $1",
				  job, SPI_OK_UPDATE);
	return STEP_FINISHED;
}

/* The step is committed: tells the others. */
static void
tell(CpJob which, Step step, const Run *run, int n)
{
	CpProgress *progress = &cp_shared_database()->progress[which];

	switch (step)
	{
		case STEP_NOTHING:
			break;
		case STEP_TAKEN_UP:
			taken_up[which] = true;
			batch_limit[which] = BATCH_MIN;
			cp_progress_start(which, run->done, run->total);
			break;
		case STEP_BATCH:
			cp_progress_add(which, n);
			break;
		case STEP_FINISHED:
			taken_up[which] = false;
			cp_progress_finish(which);
			LWLockAcquire(cp_shared_lock(), LW_EXCLUSIVE);
			progress->answered = answering[which];
			LWLockRelease(cp_shared_lock());
			break;
	}
}

/*
 * One transaction for a job.  False where there is nothing to do for it.
 */
static bool
work_on(CpJob which, bool only_take_up)
{
	TimestampTz since = GetCurrentTimestamp();
	CpOwnWork	work;
	Run			run = {0};
	Step		step = STEP_NOTHING;
	int			n = 0;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	if (cp_worker_has_registry())
	{
		PushActiveSnapshot(GetTransactionSnapshot());
		cp_own_work_begin(&work);
		pgstat_report_activity(STATE_RUNNING, jobs[which].activity);
		SPI_connect();
		step = step_of_job(which, only_take_up, &run, &n);
		SPI_finish();
		cp_own_work_end(&work);
		PopActiveSnapshot();
	}
	CommitTransactionCommand();
	tell(which, step, &run, n);
	if (step == STEP_BATCH)
		adapt_limit(which, since);
	pgstat_report_stat(true);
	pgstat_report_activity(STATE_IDLE, NULL);
	return step != STEP_NOTHING;
}

/*
 * False where there is nothing to vacuum.
 */
static bool
tidy(void)
{
	bool		due;

	StartTransactionCommand();
	due = cp_worker_has_registry() && cp_tidy_is_due();
	CommitTransactionCommand();
	if (due)
		cp_tidy();
	return due;
}

/*
 * Calls are taken up before all else: from then on no crash loses them.
 */
static bool
work_on_first(void)
{
	for (int i = 0; i < 2 * lengthof(in_order); i++)
		if (work_on(in_order[i % lengthof(in_order)], i < lengthof(in_order)))
			return true;
	return tidy();
}

/*
 * Main loop.  arg: see cp_worker_begin.
 */
void
cp_jobs_main(Datum arg)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool more = true;

	cp_worker_begin(CP_WORKER_JOBS, arg);
	while (more && !cp_worker_told_to_stop())
	{
		volatile int sqlstate = 0;

		PG_TRY();
		{
			more = work_on_first();
		}
		PG_CATCH();
		{
			sqlstate = cp_worker_recover(context);
		}
		PG_END_TRY();
		CHECK_FOR_INTERRUPTS();
		if (sqlstate == 0)
			continue;
		ereport(LOG,
				(errmsg("the worker for jobs met SQLSTATE %s and tries again",
						unpack_sql_state(sqlstate))));
		for (int i = 0; i < CP_JOBS; i++)
			batch_limit[i] = BATCH_MIN;
		cp_worker_sleep(RETRY_MS);
	}
	proc_exit(0);
}

/*
 * Starts the worker where a run is not finished, or something to vacuum.  In a worker, outside a
 * transaction.
 */
void
cp_jobs_resume(void)
{
	CpOwnWork	work;

	StartTransactionCommand();
	if (cp_worker_has_registry())
	{
		PushActiveSnapshot(GetTransactionSnapshot());
		cp_own_work_begin(&work);
		SPI_connect();
		if (SPI_execute("SELECT FROM contactpoint.job j WHERE j.started_at IS NOT NULL"
						" AND j.finished_at IS NULL", false, 1) != SPI_OK_SELECT)
			elog(ERROR, "could not read the jobs");
		if (SPI_processed > 0)
			cp_worker_ensure(CP_WORKER_JOBS);
		SPI_finish();
		cp_own_work_end(&work);
		PopActiveSnapshot();
		if (cp_tidy_is_due())
			cp_worker_ensure(CP_WORKER_JOBS);
	}
	CommitTransactionCommand();
}

/* ---------- those who call ---------- */

static CpJob
job_by_name(const char *name)
{
	for (int i = 0; i < lengthof(in_order); i++)
		if (strcmp(jobs[in_order[i]].name, name) == 0)
			return in_order[i];
	elog(ERROR, "there is no job \"%s\"", name);
}

static bool
goes_on(const CpProgress *progress)
{
	return progress->started_at != 0 && progress->finished_at == 0;
}

/*
 * Asks for a run, or joins one that is asked for or goes on.  Returns the
 * number of the call.
 */
static uint64
ask_for_run(CpJob which)
{
	CpProgress *progress = &cp_shared_database()->progress[which];
	uint64		number;

	LWLockAcquire(cp_shared_lock(), LW_EXCLUSIVE);
	if (progress->wanted == progress->answered)
		progress->wanted++;
	number = progress->wanted;
	LWLockRelease(cp_shared_lock());
	return number;
}

/* Has the worker noted the call, so that no crash loses it? */
static bool
is_noted(const CpProgress *progress, uint64 number)
{
	return progress->answered >= number || goes_on(progress);
}

/*
 * Starts the worker unless it runs; not at every look, since a starting one
 * needs a moment.
 */
static void
ensure_worker(TimestampTz asked, bool noted)
{
	static TimestampTz tried = 0;
	TimestampTz now = GetCurrentTimestamp();

	if (tried < asked || TimestampDifferenceExceeds(tried, now, RETRY_MS))
	{
		cp_worker_ensure(CP_WORKER_JOBS);
		tried = now;
	}
	if (!noted && TimestampDifferenceExceeds(asked, now, START_MS))
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("the worker for jobs does not start"),
				 errhint("Raise max_worker_processes; the server log tells if the worker meets errors.")));
}

static void
refuse_in_transaction(const char *name)
{
	if (TransactionIdIsValid(GetTopTransactionIdIfAny()))
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("%s() cannot wait inside a transaction that has written", name),
				 errhint("COMMIT first: the worker sees only what is committed.")));
}

/*
 * _await_job(job, timeout): asks for a run and waits for its end, true; or for
 * at most so long, then it goes on in the background, false.
 */
PG_FUNCTION_INFO_V1(contactpoint_await_job);
Datum
contactpoint_await_job(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	CpJob		which = job_by_name(name);
	TimestampTz asked = GetCurrentTimestamp();
	TimestampTz noticed = asked;
	TimestampTz deadline;
	uint64		number;

	refuse_in_transaction(name);
	deadline = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
													   TimestampTzGetDatum(asked),
													   PG_GETARG_DATUM(1)));
	number = ask_for_run(which);
	for (;;)
	{
		CpProgress	progress = cp_progress_read(which);
		bool		noted = is_noted(&progress, number);

		if (progress.answered >= number)
			PG_RETURN_BOOL(true);
		if (noted && GetCurrentTimestamp() >= deadline)
			PG_RETURN_BOOL(false);
		ensure_worker(asked, noted);
		if (noted && TimestampDifferenceExceeds(noticed, GetCurrentTimestamp(), NOTICE_MS))
		{
			ereport(NOTICE, (errmsg("%s: %s", name, cp_progress_text(&progress))));
			noticed = GetCurrentTimestamp();
		}
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 POLL_MS, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}
