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
 *	  Shared memory: one slot a database under the lock of the tranche
 *	  "contactpoint".  Where the server does not start the worker
 *	  (contactpoint.databases), the first upload does.
 *
 *	  The worker logs SQLSTATEs, never messages: those may quote a row.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_database.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "contactpoint.h"

#define MATCHER_SLOTS 64		/* databases with a matcher */
#define IDLE_MS 5000			/* looks at the inbox unasked */
#define RETRY_MS 100			/* pause after a failed batch */
#define STOP_WAIT_MS 5000		/* for a worker to leave its database */
#define MAX_TRIES 20			/* of a row that meets conflicts */

typedef struct MatcherSlot
{
	Oid			database;		/* InvalidOid: free */
	pid_t		pid;
	Latch	   *latch;
	bool		stop;
} MatcherSlot;

typedef struct MatcherShared
{
	LWLock	   *lock;
	MatcherSlot slots[MATCHER_SLOTS];
} MatcherShared;

static MatcherShared *shared = NULL;
static MatcherSlot *my_slot = NULL;
static int64 row_in_work = 0;	/* what a failing batch was at, */
static int	rows_before = 0;	/* and how many rows it had settled before */
static bool wake_at_commit = false;

static shmem_request_hook_type prev_shmem_request_hook = NULL;
static shmem_startup_hook_type prev_shmem_startup_hook = NULL;

PGDLLEXPORT void cp_matcher_main(Datum arg);

/* ---------- shared memory ---------- */

static void
request_shared_memory(void)
{
	if (prev_shmem_request_hook)
		prev_shmem_request_hook();
	RequestAddinShmemSpace(MAXALIGN(sizeof(MatcherShared)));
	RequestNamedLWLockTranche(CP_SCHEMA, 1);
}

static void
start_shared_memory(void)
{
	bool		found;

	if (prev_shmem_startup_hook)
		prev_shmem_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	shared = ShmemInitStruct("contactpoint matchers", sizeof(MatcherShared), &found);
	if (!found)
	{
		memset(shared, 0, sizeof(MatcherShared));
		shared->lock = &GetNamedLWLockTranche(CP_SCHEMA)->lock;
	}
	LWLockRelease(AddinShmemInitLock);
}

/* the caller holds the lock */
static MatcherSlot *
find_slot(Oid database)
{
	for (int i = 0; i < MATCHER_SLOTS; i++)
		if (shared->slots[i].database == database)
			return &shared->slots[i];
	return NULL;
}

static void
leave_slot(int code, Datum arg)
{
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	if (my_slot != NULL)
		memset(my_slot, 0, sizeof(MatcherSlot));
	my_slot = NULL;
	LWLockRelease(shared->lock);
}

/*
 * False where this database has a matcher already, or no slot is free.
 */
static bool
take_slot(void)
{
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	if (find_slot(MyDatabaseId) == NULL)
		my_slot = find_slot(InvalidOid);
	if (my_slot != NULL)
	{
		my_slot->database = MyDatabaseId;
		my_slot->pid = MyProcPid;
		my_slot->latch = MyLatch;
		my_slot->stop = false;
	}
	LWLockRelease(shared->lock);
	if (my_slot != NULL)
		before_shmem_exit(leave_slot, (Datum) 0);
	return my_slot != NULL;
}

static bool
told_to_stop(void)
{
	bool		stop;

	LWLockAcquire(shared->lock, LW_SHARED);
	stop = my_slot->stop;
	LWLockRelease(shared->lock);
	return stop || ShutdownRequestPending;
}

/* ---------- starting and waking ---------- */

static void
describe_worker(BackgroundWorker *worker, int restart_seconds)
{
	memset(worker, 0, sizeof(*worker));
	strlcpy(worker->bgw_name, "contactpoint matcher", BGW_MAXLEN);
	strlcpy(worker->bgw_type, "contactpoint matcher", BGW_MAXLEN);
	worker->bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker->bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker->bgw_restart_time = restart_seconds;
	strlcpy(worker->bgw_library_name, CP_SCHEMA, BGW_MAXLEN);
	strlcpy(worker->bgw_function_name, "cp_matcher_main", BGW_MAXLEN);
}

/*
 * Starts this database's matcher unless it runs.  Two backends may both start
 * one; the second finds the slot taken and leaves.
 */
void
cp_matcher_ensure(void)
{
	BackgroundWorker worker;
	MatcherSlot *slot;

	LWLockAcquire(shared->lock, LW_SHARED);
	slot = find_slot(MyDatabaseId);
	LWLockRelease(shared->lock);
	if (slot != NULL)
		return;
	describe_worker(&worker, BGW_NEVER_RESTART);
	worker.bgw_main_arg = ObjectIdGetDatum(MyDatabaseId);
	(void) RegisterDynamicBackgroundWorker(&worker, NULL);
}

void
cp_matcher_wake(void)
{
	MatcherSlot *slot;

	LWLockAcquire(shared->lock, LW_SHARED);
	slot = find_slot(MyDatabaseId);
	if (slot != NULL)
		SetLatch(slot->latch);
	LWLockRelease(shared->lock);
}

static void
wake_on_commit(XactEvent event, void *arg)
{
	if (!wake_at_commit)
		return;
	if (event == XACT_EVENT_COMMIT)
		cp_matcher_wake();
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
		cp_matcher_ensure();
	wake_at_commit = true;
}

/*
 * Makes the matcher of a database leave it; waits for at most five seconds.
 */
void
cp_matcher_stop(Oid database)
{
	TimestampTz start = GetCurrentTimestamp();
	bool		gone;

	do
	{
		MatcherSlot *slot;

		LWLockAcquire(shared->lock, LW_EXCLUSIVE);
		slot = find_slot(database);
		gone = slot == NULL;
		if (!gone)
		{
			slot->stop = true;
			SetLatch(slot->latch);
		}
		LWLockRelease(shared->lock);
		if (!gone)
			pg_usleep(10 * 1000);
		CHECK_FOR_INTERRUPTS();
	} while (!gone &&
			 !TimestampDifferenceExceeds(start, GetCurrentTimestamp(), STOP_WAIT_MS));
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
 * Is there a registry, and no restore waiting to be validated?
 */
static bool
registry_is_here(void)
{
	return OidIsValid(cp_extension_oid()) && OidIsValid(cp_relation_oid("receipt")) &&
		cp_is_validated();
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
	if (registry_is_here())
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
 * After an error: back to no transaction; tells its SQLSTATE.
 */
static int
recover(MemoryContext context)
{
	int			sqlstate;

	MemoryContextSwitchTo(context);
	HOLD_INTERRUPTS();
	sqlstate = geterrcode();
	FlushErrorState();
	AbortCurrentTransaction();
	RESUME_INTERRUPTS();
	pgstat_report_activity(STATE_IDLE, NULL);
	return sqlstate;
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
		(void) recover(context);
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
			sqlstate = recover(context);
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
	} while (done > 0 && !told_to_stop());
}

/*
 * Main loop.  arg: OID of the database, or 0 with its name in bgw_extra.
 */
void
cp_matcher_main(Datum arg)
{
	pqsignal(SIGTERM, die);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();
	if (OidIsValid(DatumGetObjectId(arg)))
		BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(arg), InvalidOid, 0);
	else
		BackgroundWorkerInitializeConnection(MyBgworkerEntry->bgw_extra, NULL, 0);
	cp_log_registry(true);
	SetConfigOption("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("session_replication_role", "origin", PGC_SUSET, PGC_S_SESSION);
	if (!take_slot())
		proc_exit(0);

	while (!told_to_stop())
	{
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		settle_inbox();
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 IDLE_MS, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	proc_exit(0);
}

void
cp_matcher_init(void)
{
	char	   *names = pstrdup(cp_databases);
	List	   *databases;
	ListCell   *lc;

	prev_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = request_shared_memory;
	prev_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = start_shared_memory;

	if (!SplitIdentifierString(names, ',', &databases))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("contactpoint.databases is no list of names"),
				 errhint("Separate the names of the databases by commas.")));
	if (IsBinaryUpgrade)
		return;
	foreach(lc, databases)
	{
		BackgroundWorker worker;

		describe_worker(&worker, 5);
		strlcpy(worker.bgw_extra, lfirst(lc), BGW_EXTRALEN);
		RegisterBackgroundWorker(&worker);
	}
}
