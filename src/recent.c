/*-------------------------------------------------------------------------
 *
 * recent.c
 *	  Children shielded so recently that somebody may still see them open.
 *
 *	  A snapshot that is older than a shield sees the details where they were:
 *	  a transaction at REPEATABLE READ, a cursor, a long statement.  So each
 *	  shielding leaves the child and its transaction id in shared memory
 *	  before it commits, and a row about that child is hidden from a snapshot
 *	  that does not see the transaction, once it has committed (capture.c).  A
 *	  shielding under way or rolled back hides nothing.
 *
 *	  An entry goes when no snapshot is older, which is VACUUM's question too.
 *	  When there is no room, the oldest entries go all the same, and whoever
 *	  might have needed them reads nothing more under that snapshot.
 *
 *	  Each backend keeps a copy of the set as it was at some count of changes;
 *	  what a look must not see is worked out from that when either moves.
 *
 *	  Locks: the tranche "contactpoint recent".  No lock is taken for a row
 *	  while the set does not change.  Nothing here outlives the server, nor do
 *	  snapshots.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/procarray.h"
#include "storage/shmem.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "contactpoint.h"

#define RECENT_TRANCHE "contactpoint recent"
#ifdef CP_CONTROL_FEW_RECENT
#define MAX_RECENT 16			/* for tests only: `make control` */
#else
#define MAX_RECENT 8192			/* shieldings; 16 bytes each */
#endif
#define PRUNE_INTERVAL 1000		/* between two tries, ms */

typedef struct Shielding
{
	int64		child_id;
	TransactionId xid;
	Oid			database;
} Shielding;

typedef struct RecentShared
{
	LWLock	   *lock;
	pg_atomic_uint64 changes;	/* counts changes of the set */
	TimestampTz pruned_at;
	TransactionId forgotten;	/* the latest that there was no room for */
	int			n;
	Shielding	shieldings[MAX_RECENT];
} RecentShared;

static RecentShared *shared = NULL;

/* this backend's copy, of its own database */
static struct
{
	uint64		changes;		/* as of this count */
	TransactionId forgotten;
	int			n;
	Shielding  *shieldings;
}			known;

static shmem_request_hook_type prev_shmem_request_hook = NULL;
static shmem_startup_hook_type prev_shmem_startup_hook = NULL;

/* ---------- the set ---------- */

static void
request_shared_memory(void)
{
	if (prev_shmem_request_hook)
		prev_shmem_request_hook();
	RequestAddinShmemSpace(MAXALIGN(sizeof(RecentShared)));
	RequestNamedLWLockTranche(RECENT_TRANCHE, 1);
}

static void
start_shared_memory(void)
{
	bool		found;

	if (prev_shmem_startup_hook)
		prev_shmem_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	shared = ShmemInitStruct(RECENT_TRANCHE, sizeof(RecentShared), &found);
	if (!found)
	{
		memset(shared, 0, sizeof(RecentShared));
		shared->lock = &GetNamedLWLockTranche(RECENT_TRANCHE)->lock;
		pg_atomic_init_u64(&shared->changes, 0);
	}
	LWLockRelease(AddinShmemInitLock);
}

/*
 * Drops what every snapshot sees: transactions before the horizon.  The caller
 * holds the lock.
 */
static void
prune(TransactionId horizon)
{
	int			kept = 0;

	for (int i = 0; i < shared->n; i++)
		if (!TransactionIdPrecedes(shared->shieldings[i].xid, horizon))
			shared->shieldings[kept++] = shared->shieldings[i];
	if (kept < shared->n)
		pg_atomic_fetch_add_u64(&shared->changes, 1);
	shared->n = kept;
	if (TransactionIdIsValid(shared->forgotten) &&
		TransactionIdPrecedes(shared->forgotten, horizon))
	{
		shared->forgotten = InvalidTransactionId;
		pg_atomic_fetch_add_u64(&shared->changes, 1);
	}
	shared->pruned_at = GetCurrentTimestamp();
}

/*
 * Drops the older half, and remembers that there was one.  The caller holds the
 * lock.
 */
static void
forget_half(void)
{
	int			dropped = shared->n / 2;

	for (int i = 0; i < dropped; i++)
		if (!TransactionIdIsValid(shared->forgotten) ||
			TransactionIdFollows(shared->shieldings[i].xid, shared->forgotten))
			shared->forgotten = shared->shieldings[i].xid;
	shared->n -= dropped;
	memmove(shared->shieldings, shared->shieldings + dropped, shared->n * sizeof(Shielding));
}

/*
 * This transaction shields a child.
 */
void
cp_recent_add(int64 child_id)
{
	Shielding	shielding = {child_id, GetCurrentTransactionId(), MyDatabaseId};
	TransactionId horizon = GetOldestNonRemovableTransactionId(NULL);

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	if (shared->n == MAX_RECENT)
		prune(horizon);
	if (shared->n == MAX_RECENT)
		forget_half();
	shared->shieldings[shared->n++] = shielding;
	pg_atomic_fetch_add_u64(&shared->changes, 1);
	LWLockRelease(shared->lock);
	cp_tidy_note();
}

/* ---------- this backend's copy ---------- */

static void
prune_now_and_then(void)
{
	TransactionId horizon;

	if (!TimestampDifferenceExceeds(shared->pruned_at, GetCurrentTimestamp(), PRUNE_INTERVAL))
		return;
	horizon = GetOldestNonRemovableTransactionId(NULL);
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	prune(horizon);
	LWLockRelease(shared->lock);
}

static void
learn_set(void)
{
	if (known.shieldings == NULL)
		known.shieldings = MemoryContextAlloc(TopMemoryContext, sizeof(shared->shieldings));
	LWLockAcquire(shared->lock, LW_SHARED);
	known.n = 0;
	for (int i = 0; i < shared->n; i++)
		if (shared->shieldings[i].database == MyDatabaseId)
			known.shieldings[known.n++] = shared->shieldings[i];
	known.forgotten = shared->forgotten;
	known.changes = pg_atomic_read_u64(&shared->changes);
	LWLockRelease(shared->lock);
}

/* ---------- what a snapshot must not see ---------- */

static int
compare_children(const void *a, const void *b)
{
	const CpUnseen *x = a;
	const CpUnseen *y = b;

	return (x->child_id > y->child_id) - (x->child_id < y->child_id);
}

/*
 * A look begins or goes on.  Here, and not for each row, old entries go.
 */
void
cp_recent_begin(CpRecent *recent, Snapshot snapshot, MemoryContext context)
{
	recent->snapshot = snapshot;
	recent->context = context;
	if (known.n > 0 || TransactionIdIsValid(known.forgotten))
		prune_now_and_then();
}

/*
 * Works out which shieldings the look's snapshot does not see.
 */
static void
learn_unseen(CpRecent *recent)
{
	if (known.changes != pg_atomic_read_u64(&shared->changes))
		learn_set();
	recent->changes = known.changes;
	recent->n = 0;
	recent->blind = TransactionIdIsValid(known.forgotten) &&
		XidInMVCCSnapshot(known.forgotten, recent->snapshot);
	for (int i = 0; i < known.n; i++)
	{
		const Shielding *shielding = &known.shieldings[i];

		if (!XidInMVCCSnapshot(shielding->xid, recent->snapshot))
			continue;
		if (recent->unseen == NULL)
			recent->unseen = MemoryContextAlloc(recent->context, MAX_RECENT * sizeof(CpUnseen));
		recent->unseen[recent->n].child_id = shielding->child_id;
		recent->unseen[recent->n++].xid = shielding->xid;
	}
	if (recent->n > 1)
		qsort(recent->unseen, recent->n, sizeof(CpUnseen), compare_children);
}

static void
refuse_blind(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("many records were shielded since this transaction began"),
			 errhint("ROLLBACK and begin anew.")));
}

static bool
has_committed(const CpRecent *recent, int i)
{
	return TransactionIdDidCommit(recent->unseen[i].xid);
}

/*
 * The first of what is known of a child, or n.
 */
static int
find_unseen(const CpRecent *recent, int64 child_id)
{
	int			low = 0;
	int			high = recent->n;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (recent->unseen[middle].child_id < child_id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * Is what the snapshot shows of this child hidden by now?  Raises 40001 where
 * that is not known any more.
 */
bool
cp_recent_hides(CpRecent *recent, int64 child_id)
{
	if (likely(recent->changes == pg_atomic_read_u64(&shared->changes) &&
			   recent->n == 0 && !recent->blind))
		return false;
	if (recent->changes != pg_atomic_read_u64(&shared->changes))
		learn_unseen(recent);
	if (recent->blind)
		refuse_blind();
	for (int i = find_unseen(recent, child_id);
		 i < recent->n && recent->unseen[i].child_id == child_id; i++)
		if (has_committed(recent, i))
			return true;
	return false;
}

/*
 * Has a child been shielded that this look may have shown, by its shape?
 */
bool
cp_recent_hides_any(CpRecent *recent, bool (*shown) (void *, int64), void *argument)
{
	if (recent->changes != pg_atomic_read_u64(&shared->changes))
		learn_unseen(recent);
	if (recent->blind)
		refuse_blind();
	for (int i = 0; i < recent->n; i++)
		if (shown(argument, recent->unseen[i].child_id) && has_committed(recent, i))
			return true;
	return false;
}

/*
 * A command that goes by the snapshot of its transaction tells what that knew:
 * refused where records were shielded since.  Raises 40001.
 */
void
cp_recent_require_fresh(void)
{
	CpRecent	recent = {0};

	if (!IsolationUsesXactSnapshot())
		return;
	cp_recent_begin(&recent, GetTransactionSnapshot(), CurrentMemoryContext);
	learn_unseen(&recent);
	for (int i = 0; i < recent.n && !recent.blind; i++)
		recent.blind = has_committed(&recent, i);
	if (recent.blind)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("records were shielded since this transaction began"),
				 errhint("ROLLBACK and begin anew.")));
}

void
cp_recent_init(void)
{
	prev_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = request_shared_memory;
	prev_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = start_shared_memory;
}
