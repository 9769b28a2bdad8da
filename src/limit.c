/*-------------------------------------------------------------------------
 *
 * limit.c
 *	  How many children one may look at: in a statement, and in a day.
 *
 *	  Both limits bind everybody but superusers, managers and admins (and
 *	  auditors, who read no children).  A statement is what the client sent:
 *	  children that functions and loops in it disclose count together, each
 *	  once, over all tables; a cursor goes on counting where it stopped.
 *
 *	  The day is that of UTC.  Its count is kept in shared memory for each
 *	  role in force and database, so reconnecting does not begin it anew; after
 *	  a restart the sealer adds what the audit has of the day.  When there is
 *	  no room for another role, that role reads nothing: nobody's count is
 *	  dropped before its day is over.
 *
 *	  A child is counted before it is disclosed.  The one too many ends the
 *	  statement; what was disclosed before is on record and leaves.
 *
 *	  Locks: the tranche "contactpoint limit" over the table of counts; counts
 *	  themselves are atomic.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/acl.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "audit.h"

#define LIMIT_TRANCHE "contactpoint limit"
#define MAX_COUNTS 32768		/* roles that are counted in one day */
#define FEW_CHILDREN 8			/* that are found without a hash table */

typedef struct CountKey
{
	Oid			database;
	Oid			role;
} CountKey;

typedef struct Count
{
	CountKey	key;			/* begins with the hash key */
	DateADT		day;
	pg_atomic_uint64 children;
} Count;

typedef struct LimitShared
{
	LWLock	   *lock;
	TimestampTz since;			/* what was disclosed before is not counted,
								 * unless it was added */
} LimitShared;

static LimitShared *shared = NULL;
static HTAB *counts = NULL;

/* children that the client's statement has disclosed */
static struct
{
	TimestampTz statement;
	int			n;
	int64		few[FEW_CHILDREN];
	HTAB	   *many;			/* of all of them, once they are more */
}			disclosed;

static Count *mine = NULL;		/* the count that was used last */

static shmem_request_hook_type prev_shmem_request_hook = NULL;
static shmem_startup_hook_type prev_shmem_startup_hook = NULL;

/* ---------- the counts of the day ---------- */

static void
request_shared_memory(void)
{
	if (prev_shmem_request_hook)
		prev_shmem_request_hook();
	RequestAddinShmemSpace(add_size(MAXALIGN(sizeof(LimitShared)),
									hash_estimate_size(MAX_COUNTS, sizeof(Count))));
	RequestNamedLWLockTranche(LIMIT_TRANCHE, 1);
}

static void
start_shared_memory(void)
{
	HASHCTL		ctl = {0};
	bool		found;

	if (prev_shmem_startup_hook)
		prev_shmem_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	shared = ShmemInitStruct(LIMIT_TRANCHE, sizeof(LimitShared), &found);
	if (!found)
	{
		shared->lock = &GetNamedLWLockTranche(LIMIT_TRANCHE)->lock;
		shared->since = GetCurrentTimestamp();
	}
	ctl.keysize = sizeof(CountKey);
	ctl.entrysize = sizeof(Count);
	counts = ShmemInitHash("contactpoint counts", MAX_COUNTS, MAX_COUNTS, &ctl,
						   HASH_ELEM | HASH_BLOBS | HASH_FIXED_SIZE);
	LWLockRelease(AddinShmemInitLock);
}

/*
 * Makes room where days are over.  The caller holds the lock.
 */
static void
drop_former_days(DateADT today)
{
	HASH_SEQ_STATUS status;
	Count	   *count;

	hash_seq_init(&status, counts);
	while ((count = hash_seq_search(&status)) != NULL)
		if (count->day < today)
			hash_search(counts, &count->key, HASH_REMOVE, NULL);
}

/*
 * The count of a role for today, or NULL where there is no room for it.
 */
static Count *
find_count(Oid role, DateADT today)
{
	CountKey	key = {MyDatabaseId, role};
	Count	   *count;
	bool		found;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	count = hash_search(counts, &key, HASH_FIND, NULL);
	if (count == NULL && hash_get_num_entries(counts) >= MAX_COUNTS)
		drop_former_days(today);
	if (count == NULL && hash_get_num_entries(counts) < MAX_COUNTS)
	{
		count = hash_search(counts, &key, HASH_ENTER_NULL, &found);
		if (count != NULL)
		{
			count->day = today;
			pg_atomic_init_u64(&count->children, 0);
		}
	}
	if (count != NULL && count->day < today)
	{
		count->day = today;
		pg_atomic_write_u64(&count->children, 0);
	}
	LWLockRelease(shared->lock);
	return count;
}

/*
 * Raises KC013 where a role cannot be counted.
 */
static Count *
my_count(void)
{
	Oid			role = cp_caller_role();
	DateADT		today = cp_today();

	if (mine == NULL || mine->key.role != role || mine->key.database != MyDatabaseId ||
		mine->day < today)
		mine = find_count(role, today);
	if (mine == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CP_DISCLOSURE_LIMIT),
				 errmsg("there is no room to count what is disclosed to this role today"),
				 errhint("At most %d roles a day are counted; the count begins anew at midnight UTC.",
						 MAX_COUNTS)));
	return mine;
}

static void
add_count(HeapTuple tuple, TupleDesc desc, DateADT today)
{
	bool		isnull;
	Name		name = DatumGetName(SPI_getbinval(tuple, desc, 1, &isnull));
	int64		children = DatumGetInt64(SPI_getbinval(tuple, desc, 2, &isnull));
	Oid			role = get_role_oid(NameStr(*name), true);
	Count	   *count = OidIsValid(role) ? find_count(role, today) : NULL;

	if (count != NULL)
		pg_atomic_fetch_add_u64(&count->children, children);
}

/*
 * After a restart of the server the counts of the day begin at zero: adds what
 * the audit says was disclosed to each role of this database today (UTC) before.
 * What is disclosed meanwhile is counted as well.  Called once by the sealer, in
 * own work with a snapshot; raises what the query raises.
 */
void
cp_limit_prime(void)
{
	DateADT		today = cp_today();
	Oid			types[2] = {TIMESTAMPTZOID, TIMESTAMPTZOID};
	Datum		values[2] = {
		TimestampTzGetDatum((TimestampTz) today * USECS_PER_DAY),
		TimestampTzGetDatum(shared->since)
	};

	SPI_connect();
	if (SPI_execute_with_args("SELECT a.effective_role, count(DISTINCT c) FROM contactpoint.audit a, unnest(a.children) c"
							  " WHERE a.at >= $1 AND a.at < $2 AND a.relation IS NOT NULL"
							  " AND a.outcome IN ('disclosed', 'failed') GROUP BY 1",
							  2, types, values, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read what was disclosed today");
	for (uint64 i = 0; i < SPI_processed; i++)
		add_count(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, today);
	SPI_finish();
}

/* ---------- the statement ---------- */

/*
 * Begins anew with another statement of the client.
 */
static void
follow_statement(void)
{
	TimestampTz statement = GetCurrentStatementStartTimestamp();

	if (disclosed.statement == statement)
		return;
	disclosed.statement = statement;
	disclosed.n = 0;
	if (disclosed.many != NULL)
		hash_destroy(disclosed.many);
	disclosed.many = NULL;
}

static bool
is_disclosed(int64 child)
{
	if (disclosed.many != NULL)
		return hash_search(disclosed.many, &child, HASH_FIND, NULL) != NULL;
	for (int i = 0; i < disclosed.n; i++)
		if (disclosed.few[i] == child)
			return true;
	return false;
}

static void
use_hash_table(void)
{
	HASHCTL		ctl = {0};

	ctl.keysize = sizeof(int64);
	ctl.entrysize = sizeof(int64);
	ctl.hcxt = TopMemoryContext;
	disclosed.many = hash_create("contactpoint disclosed children", 256, &ctl,
								 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	for (int i = 0; i < disclosed.n; i++)
		hash_search(disclosed.many, &disclosed.few[i], HASH_ENTER, NULL);
}

static void
note_disclosed(int64 child)
{
	if (disclosed.n < FEW_CHILDREN)
		disclosed.few[disclosed.n] = child;
	else if (disclosed.many == NULL)
		use_hash_table();
	if (disclosed.many != NULL)
		hash_search(disclosed.many, &child, HASH_ENTER, NULL);
	disclosed.n++;
}

static void
refuse_statement(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_CP_DISCLOSURE_LIMIT),
			 errmsg("the statement would disclose more than %d children", cp_max_disclosure),
			 errhint("Narrow it, by name, date of birth or number; what was seen until now is recorded.")));
}

static void
refuse_day(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_CP_DISCLOSURE_LIMIT),
			 errmsg("more than %d children would be disclosed to this role today", cp_max_disclosure_day),
			 errhint("The count begins anew at midnight UTC; for more ask a manager, or a superuser to raise contactpoint.max_disclosure_day.")));
}

/*
 * Is the role in force bound by a limit now?
 */
bool
cp_limit_applies(void)
{
	return (cp_max_disclosure > 0 || cp_max_disclosure_day > 0) &&
		!cp_caller_is_superuser() && cp_caller()->limited;
}

/*
 * Counts a child that is going to be disclosed.  Raises KC013 if it is one too
 * many; then it is not counted.
 */
void
cp_limit_count(int64 child)
{
	follow_statement();
	if (is_disclosed(child))
		return;
	if (cp_max_disclosure > 0 && disclosed.n >= cp_max_disclosure)
		refuse_statement();
	if (cp_max_disclosure_day > 0)
	{
		Count	   *count = my_count();

		if (pg_atomic_fetch_add_u64(&count->children, 1) >= (uint64) cp_max_disclosure_day)
		{
			pg_atomic_fetch_sub_u64(&count->children, 1);
			refuse_day();
		}
	}
	note_disclosed(child);
}

/*
 * What the statement has disclosed so far, for a cursor that may go on in
 * another one.
 */
CpKept *
cp_limit_keep(MemoryContext context)
{
	CpKept	   *kept;
	HASH_SEQ_STATUS status;
	int64	   *child;

	follow_statement();
	kept = MemoryContextAlloc(context, offsetof(CpKept, children) + disclosed.n * sizeof(int64));
	kept->n = 0;
	if (disclosed.many == NULL)
	{
		kept->n = disclosed.n;
		memcpy(kept->children, disclosed.few, disclosed.n * sizeof(int64));
		return kept;
	}
	hash_seq_init(&status, disclosed.many);
	while ((child = hash_seq_search(&status)) != NULL)
		kept->children[kept->n++] = *child;
	return kept;
}

/*
 * A cursor goes on: what it has disclosed before counts in this statement, too.
 */
void
cp_limit_resume(const CpKept *kept)
{
	follow_statement();
	for (int i = 0; i < kept->n; i++)
		if (!is_disclosed(kept->children[i]))
			note_disclosed(kept->children[i]);
}

void
cp_limit_init(void)
{
	prev_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = request_shared_memory;
	prev_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = start_shared_memory;
}
