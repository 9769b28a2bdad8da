/*-------------------------------------------------------------------------
 *
 * worker.c
 *	  The background workers of a database: matcher, sealer, and one for jobs.
 *
 *	  Each database has at most one of a kind.  Where the server does not
 *	  start them (contactpoint.databases), whoever first needs one does; the
 *	  one for jobs lives only as long as there is a job.  Who runs stands in the database's slot in shared memory (shared.c).
 *
 *	  Workers log SQLSTATEs, never messages: those may quote a row.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "contactpoint.h"

#define RESTART_SECONDS 5		/* until the server starts its own again */
#define STOP_WAIT_MS 5000		/* for a worker to leave its database */

typedef struct WorkerKind
{
	const char *name;
	const char *main;
	bool		on_demand;		/* does not start with the server */
} WorkerKind;

static const WorkerKind kinds[] = {
	[CP_WORKER_MATCHER] = {"contactpoint matcher", "cp_matcher_main"},
	[CP_WORKER_SEALER] = {"contactpoint sealer", "cp_sealer_main"},
	[CP_WORKER_JOBS] = {"contactpoint jobs", "cp_jobs_main", true},
	[CP_WORKER_HELPER] = {"contactpoint matcher 2", "cp_helper_first_main", true},
	[CP_WORKER_HELPER + 1] = {"contactpoint matcher 3", "cp_helper_second_main", true},
	[CP_WORKER_HELPER + 2] = {"contactpoint matcher 4", "cp_helper_third_main", true},
};

StaticAssertDecl(lengthof(kinds) == CP_WORKER_KINDS, "every worker has a name");

static CpSharedWorker *my_slot = NULL;

/* ---------- starting, waking, stopping ---------- */

static void
describe_worker(BackgroundWorker *worker, CpWorkerKind kind, int restart_seconds)
{
	memset(worker, 0, sizeof(*worker));
	strlcpy(worker->bgw_name, kinds[kind].name, BGW_MAXLEN);
	strlcpy(worker->bgw_type, kinds[kind].name, BGW_MAXLEN);
	worker->bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker->bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker->bgw_restart_time = restart_seconds;
	strlcpy(worker->bgw_library_name, CP_SCHEMA, BGW_MAXLEN);
	strlcpy(worker->bgw_function_name, kinds[kind].main, BGW_MAXLEN);
}

/*
 * Starts this database's worker unless it runs.  Two backends may both start
 * one; the second finds the slot taken and leaves.  Needs a transaction the
 * first time.
 */
void
cp_worker_ensure(CpWorkerKind kind)
{
	CpSharedWorker *slot = &cp_shared_database()->workers[kind];
	BackgroundWorker worker;

	/* a glance without the lock: at worst it is seen by the next look */
	if (slot->pid != 0)
		return;
	describe_worker(&worker, kind, BGW_NEVER_RESTART);
	worker.bgw_main_arg = ObjectIdGetDatum(MyDatabaseId);
	(void) RegisterDynamicBackgroundWorker(&worker, NULL);
}

/*
 * Wakes it, if it runs.  May be called at commit.
 */
void
cp_worker_wake(CpWorkerKind kind)
{
	CpSharedDatabase *database;

	LWLockAcquire(cp_shared_lock(), LW_SHARED);
	database = cp_shared_find(MyDatabaseId);
	if (database != NULL && database->workers[kind].latch != NULL)
		SetLatch(database->workers[kind].latch);
	LWLockRelease(cp_shared_lock());
}

/*
 * Tells the workers of a database to leave it; true once they have.
 */
static bool
tell_to_stop(Oid oid)
{
	CpSharedDatabase *database;
	bool		gone = true;

	LWLockAcquire(cp_shared_lock(), LW_EXCLUSIVE);
	database = cp_shared_find(oid);
	for (int kind = 0; database != NULL && kind < CP_WORKER_KINDS; kind++)
	{
		CpSharedWorker *slot = &database->workers[kind];

		if (slot->pid == 0)
			continue;
		gone = false;
		slot->stop = true;
		SetLatch(slot->latch);
	}
	LWLockRelease(cp_shared_lock());
	return gone;
}

/*
 * Makes the workers of a database leave it, for commands that need it without
 * connections; waits for at most five seconds.
 */
void
cp_worker_stop(Oid database)
{
	TimestampTz start = GetCurrentTimestamp();

	while (!tell_to_stop(database) &&
		   !TimestampDifferenceExceeds(start, GetCurrentTimestamp(), STOP_WAIT_MS))
	{
		pg_usleep(10 * 1000);
		CHECK_FOR_INTERRUPTS();
	}
}

/* ---------- the life of a worker ---------- */

static void
leave_slot(int code, Datum arg)
{
	LWLockAcquire(cp_shared_lock(), LW_EXCLUSIVE);
	if (my_slot != NULL)
		memset(my_slot, 0, sizeof(*my_slot));
	my_slot = NULL;
	LWLockRelease(cp_shared_lock());
}

/*
 * False where this database has such a worker already.
 */
static bool
take_slot(CpWorkerKind kind)
{
	CpSharedWorker *slot;

	StartTransactionCommand();
	slot = &cp_shared_database()->workers[kind];
	CommitTransactionCommand();

	LWLockAcquire(cp_shared_lock(), LW_EXCLUSIVE);
	if (slot->pid == 0)
	{
		slot->pid = MyProcPid;
		slot->latch = MyLatch;
		slot->stop = false;
		my_slot = slot;
	}
	LWLockRelease(cp_shared_lock());
	if (my_slot != NULL)
		before_shmem_exit(leave_slot, (Datum) 0);
	return my_slot != NULL;
}

/*
 * What ALTER DATABASE sets is meant for clients.  Were a batch decided with the
 * snapshot that it began with, it would miss what was shielded while it waited for
 * the matching lock; and a lock that is waited for is no fault of a row.
 */
static void
pin_settings(void)
{
	static const char *const pinned[][2] = {
		{"search_path", "pg_catalog, pg_temp"},
		{"session_replication_role", "origin"},
		{"default_transaction_isolation", "read committed"},
		{"default_transaction_read_only", "off"},
		{"default_transaction_deferrable", "off"},
		{"lock_timeout", "0"},
	};

	for (int i = 0; i < lengthof(pinned); i++)
		SetConfigOption(pinned[i][0], pinned[i][1], PGC_SUSET, PGC_S_SESSION);
}

/*
 * Begins the life of a worker: signals, connection, settings, slot.  arg: OID
 * of the database, or 0 with its name in bgw_extra.  Ends the process where the
 * database has such a worker already.
 */
void
cp_worker_begin(CpWorkerKind kind, Datum arg)
{
	pqsignal(SIGTERM, die);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();
	if (OidIsValid(DatumGetObjectId(arg)))
		BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(arg), InvalidOid, 0);
	else
		BackgroundWorkerInitializeConnection(MyBgworkerEntry->bgw_extra, NULL, 0);
	cp_log_registry(true);
	pin_settings();
	if (!take_slot(kind))
		proc_exit(0);
}

bool
cp_worker_told_to_stop(void)
{
	bool		stop;

	LWLockAcquire(cp_shared_lock(), LW_SHARED);
	stop = my_slot->stop;
	LWLockRelease(cp_shared_lock());
	return stop || ShutdownRequestPending;
}

/*
 * Sleeps until woken, at most for so long; reads the configuration anew when it
 * was told to.
 */
void
cp_worker_sleep(int milliseconds)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 milliseconds, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
}

/*
 * Where a worker keeps what a VACUUM needs over its transactions, as
 * PortalContext; empty.  The same each time: one that fails leaves nothing behind
 * but until the next.
 */
MemoryContext
cp_worker_vacuum_context(void)
{
	static MemoryContext context = NULL;

	if (context == NULL)
		context = AllocSetContextCreate(TopMemoryContext, "contactpoint vacuum", ALLOCSET_DEFAULT_SIZES);
	MemoryContextReset(context);
	PortalContext = context;
	return context;
}

/*
 * In PG_CATCH: back to no transaction.  Returns the SQLSTATE.
 */
int
cp_worker_recover(MemoryContext context)
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
 * Is there a registry in this database, and no restore waiting to be validated?
 * Needs a transaction.
 */
bool
cp_worker_has_registry(void)
{
	return OidIsValid(cp_extension_oid()) && OidIsValid(cp_relation_oid("receipt")) &&
		cp_is_validated();
}

/*
 * Registers the workers of the databases that are named in the configuration.
 */
void
cp_worker_init(void)
{
	char	   *names = pstrdup(cp_databases);
	List	   *databases;
	ListCell   *lc;

	if (!SplitIdentifierString(names, ',', &databases))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("contactpoint.databases is no list of names"),
				 errhint("Separate the names of the databases by commas.")));
	if (IsBinaryUpgrade)
		return;
	foreach(lc, databases)
	{
		for (int kind = 0; kind < CP_WORKER_KINDS; kind++)
		{
			BackgroundWorker worker;

			if (kinds[kind].on_demand)
				continue;
			describe_worker(&worker, kind, RESTART_SECONDS);
			strlcpy(worker.bgw_extra, lfirst(lc), BGW_EXTRALEN);
			RegisterBackgroundWorker(&worker);
		}
	}
}
