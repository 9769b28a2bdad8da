/*-------------------------------------------------------------------------
 *
 * shared.c
 *	  What the processes of one database tell each other in shared memory.
 *
 *	  Each database with a registry has a slot: its workers, how far its long
 *	  jobs and the sealer are, and how many looks were refused.  A slot is taken by the
 *	  first process that asks and kept until the database is gone and another
 *	  one needs the room.  The workers of a slot and its jobs are read and written under the
 *	  lock of the tranche "contactpoint", counters are atomic.
 *
 *	  Besides, each backend says while it appends to the journal from which
 *	  moment on its entry can be: so the sealer knows a moment before which no
 *	  entry can turn up any more, and seals in the order of time.  A backend's
 *	  own entries never go back in time, whatever the clock does.
 *
 *	  Nothing here outlives the server; what must is in tables.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "contactpoint.h"

#define DATABASE_SLOTS 64		/* databases with a registry in one server */

/* one cache line for each backend, which writes it twice an entry */
typedef union AppendingSlot
{
	pg_atomic_uint64 since;		/* a TimestampTz, 0: not appending */
	char		pad[PG_CACHE_LINE_SIZE];
} AppendingSlot;

typedef struct Shared
{
	LWLock	   *lock;
	CpSharedDatabase databases[DATABASE_SLOTS];
	AppendingSlot appending[FLEXIBLE_ARRAY_MEMBER];
} Shared;

static Shared *shared = NULL;
static TimestampTz last_append = 0; /* of this backend */

static shmem_request_hook_type prev_shmem_request_hook = NULL;
static shmem_startup_hook_type prev_shmem_startup_hook = NULL;

static Size
shared_size(void)
{
	return add_size(offsetof(Shared, appending),
					mul_size(MaxBackends, sizeof(AppendingSlot)));
}

static void
request_shared_memory(void)
{
	if (prev_shmem_request_hook)
		prev_shmem_request_hook();
	RequestAddinShmemSpace(shared_size());
	RequestAddinShmemSpace(cp_news_size());
	RequestNamedLWLockTranche(CP_SCHEMA, 1);
}

static void
clear_database(CpSharedDatabase *slot, Oid database)
{
	slot->database = database;
	memset(slot->workers, 0, sizeof(slot->workers));
	memset(slot->claims, 0, sizeof(slot->claims));
	slot->next_ticket = 0;
	memset(slot->progress, 0, sizeof(slot->progress));
	pg_atomic_init_u64(&slot->unsealed, 0);
	pg_atomic_init_u64(&slot->sealer_seen, (uint64) GetCurrentTimestamp());
	pg_atomic_init_u64(&slot->refused, 0);
	pg_atomic_init_u64(&slot->append_failed, 0);
	slot->sealer_error = 0;
	slot->limits_primed = false;
	slot->shielded_xid = InvalidTransactionId;
	slot->tidied_at = 0;
	slot->tidy_looked = false;
}

static void
start_shared_memory(void)
{
	bool		found;

	if (prev_shmem_startup_hook)
		prev_shmem_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	shared = ShmemInitStruct("contactpoint", shared_size(), &found);
	if (!found)
	{
		shared->lock = &GetNamedLWLockTranche(CP_SCHEMA)->lock;
		for (int i = 0; i < DATABASE_SLOTS; i++)
			clear_database(&shared->databases[i], InvalidOid);
		for (int i = 0; i < MaxBackends; i++)
			pg_atomic_init_u64(&shared->appending[i].since, 0);
	}
	cp_news_attach();
	LWLockRelease(AddinShmemInitLock);
}

LWLock *
cp_shared_lock(void)
{
	return shared->lock;
}

/* ---------- databases ---------- */

/*
 * The slot of a database, or NULL.  The caller holds the lock.
 */
CpSharedDatabase *
cp_shared_find(Oid database)
{
	for (int i = 0; i < DATABASE_SLOTS; i++)
		if (shared->databases[i].database == database)
			return &shared->databases[i];
	return NULL;
}

/*
 * The database of a slot that nobody needs: none where one was never used, or
 * one that was dropped.  Asks the catalogue, so it holds no lock meanwhile.
 */
static bool
find_unused(Oid *database)
{
	for (int i = 0; i < DATABASE_SLOTS; i++)
	{
		*database = shared->databases[i].database;
		if (!OidIsValid(*database) ||
			!SearchSysCacheExists1(DATABASEOID, ObjectIdGetDatum(*database)))
			return true;
	}
	return false;
}

/*
 * This database's slot; the one of the given database becomes it if need be.
 * NULL where somebody else was faster to take that.
 */
static CpSharedDatabase *
take_slot(Oid unused)
{
	CpSharedDatabase *slot;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	slot = cp_shared_find(MyDatabaseId);
	if (slot == NULL)
	{
		slot = cp_shared_find(unused);
		if (slot != NULL)
			clear_database(slot, MyDatabaseId);
	}
	LWLockRelease(shared->lock);
	return slot;
}

/*
 * The slot of the database this process is connected to.  Needs a transaction
 * the first time.  Raises KC006 where the server holds too many registries.
 */
CpSharedDatabase *
cp_shared_database(void)
{
	static CpSharedDatabase *mine = NULL;
	Oid			unused = MyDatabaseId;

	while (mine == NULL)
	{
		mine = take_slot(unused);
		if (mine == NULL && !find_unused(&unused))
			ereport(ERROR,
					(errcode(ERRCODE_CP_AUDIT_UNAVAILABLE),
					 errmsg("this server holds more registries than it can watch over"),
					 errhint("Keep at most %d databases with a registry in one server.",
							 DATABASE_SLOTS)));
	}
	return mine;
}

/* ---------- appends under way ---------- */

static pg_atomic_uint64 *
my_appending(void)
{
	return &shared->appending[cp_my_proc_number()].since;
}

static void
forget_append(int code, Datum arg)
{
	pg_atomic_write_u64(my_appending(), 0);
}

/*
 * Says that an entry is going to be appended, and gives its time: now, or that
 * of this backend's last one if the clock went back.  cp_shared_append_end must
 * follow, also after an error.
 */
TimestampTz
cp_shared_append_begin(void)
{
	static bool registered = false;
	TimestampTz now;

	if (!registered)
	{
		before_shmem_exit(forget_append, (Datum) 0);
		registered = true;
	}
	/* what comes is not before this; zero would say that nothing comes */
	if (last_append == 0)
		last_append = Max(GetCurrentStatementStartTimestamp(), 1);
	pg_atomic_write_u64(my_appending(), (uint64) last_append);
	pg_memory_barrier();
	now = GetCurrentTimestamp();
	if (now > last_append)
		last_append = now;
	return last_append;
}

void
cp_shared_append_end(void)
{
	pg_write_barrier();
	pg_atomic_write_u64(my_appending(), 0);
}

/*
 * A moment before which no entry will be appended any more: whoever looks at
 * the journal after this call sees all that are older.
 */
TimestampTz
cp_shared_append_horizon(void)
{
	TimestampTz horizon = GetCurrentTimestamp();

	pg_memory_barrier();
	for (int i = 0; i < MaxBackends; i++)
	{
		TimestampTz since = (TimestampTz) pg_atomic_read_u64(&shared->appending[i].since);

		if (since != 0 && since < horizon)
			horizon = since;
	}
	pg_memory_barrier();
	return horizon;
}

void
cp_shared_init(void)
{
	prev_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = request_shared_memory;
	prev_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = start_shared_memory;
}
