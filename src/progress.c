/*-------------------------------------------------------------------------
 *
 * progress.c
 *	  How far the jobs are that take long: settling a backlog, sweeping and
 *	  re-keying the registry.
 *
 *	  Numbers of rows and moments, in the slot of the database in shared
 *	  memory, for whoever waits and for the view progress.  They say nothing
 *	  about a record.  What must outlive the server stands in table job
 *	  (jobs.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "storage/lwlock.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "contactpoint.h"

/* columns of _progress() */
enum
{
	PROGRESS_DONE,
	PROGRESS_STARTED_AT,
	PROGRESS_FINISHED_AT,
	PROGRESS_COLUMNS
};

void
cp_progress_start(CpJob job, int64 done, int64 total)
{
	CpProgress *progress = &cp_shared_database()->progress[job];

	LWLockAcquire(cp_shared_lock(), LW_EXCLUSIVE);
	progress->started_at = GetCurrentTimestamp();
	progress->finished_at = 0;
	progress->from = done;
	progress->done = done;
	progress->total = total;
	LWLockRelease(cp_shared_lock());
}

void
cp_progress_add(CpJob job, int64 more)
{
	CpProgress *progress = &cp_shared_database()->progress[job];

	LWLockAcquire(cp_shared_lock(), LW_EXCLUSIVE);
	progress->done += more;
	LWLockRelease(cp_shared_lock());
}

void
cp_progress_finish(CpJob job)
{
	CpProgress *progress = &cp_shared_database()->progress[job];

	LWLockAcquire(cp_shared_lock(), LW_EXCLUSIVE);
	progress->finished_at = GetCurrentTimestamp();
	LWLockRelease(cp_shared_lock());
}

CpProgress
cp_progress_read(CpJob job)
{
	CpProgress *progress = &cp_shared_database()->progress[job];
	CpProgress	copy;

	LWLockAcquire(cp_shared_lock(), LW_SHARED);
	copy = *progress;
	LWLockRelease(cp_shared_lock());
	return copy;
}

/*
 * For a notice to whoever waits.  The rate is that of this run.
 */
char *
cp_progress_text(const CpProgress *progress)
{
	long		seconds;
	int			microseconds;
	double		rate;

	TimestampDifference(progress->started_at, GetCurrentTimestamp(), &seconds, &microseconds);
	rate = (progress->done - progress->from) / Max(seconds + microseconds / 1e6, 0.001);
	if (progress->total < progress->done || rate <= 0)
		return psprintf(INT64_FORMAT " done, %.0f a second", progress->done, rate);
	return psprintf(INT64_FORMAT " of " INT64_FORMAT " done, %.0f a second, about %.0f s to go",
					progress->done, progress->total, rate,
					(progress->total - progress->done) / rate);
}

/*
 * _progress(): the backlog of the inbox.
 */
PG_FUNCTION_INFO_V1(contactpoint_progress);
Datum
contactpoint_progress(PG_FUNCTION_ARGS)
{
	CpProgress	progress;
	TupleDesc	desc;
	Datum		values[PROGRESS_COLUMNS];
	bool		nulls[PROGRESS_COLUMNS] = {false};

	cp_require_preloaded();
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	progress = cp_progress_read(CP_JOB_SETTLE);
	values[PROGRESS_DONE] = Int64GetDatum(progress.done);
	values[PROGRESS_STARTED_AT] = TimestampTzGetDatum(progress.started_at);
	nulls[PROGRESS_STARTED_AT] = progress.started_at == 0;
	values[PROGRESS_FINISHED_AT] = TimestampTzGetDatum(progress.finished_at);
	nulls[PROGRESS_FINISHED_AT] = progress.finished_at == 0;
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
