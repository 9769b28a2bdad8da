/*-------------------------------------------------------------------------
 *
 * news.c
 *	  What a commit changed that a matcher may have read ahead.
 *
 *	  A matcher that reads and searches without the matching lock must learn,
 *	  once it has the lock, what was committed since.  So whoever held the lock
 *	  tells it in shared memory, between the commit, which makes it visible, and
 *	  the release of the lock: then nobody who takes the lock later misses it,
 *	  and nobody who noted the position before a snapshot looks for too little.
 *
 *	  A matcher tells what it made and changed; anybody else that everything
 *	  may have changed.  What does not fit into the ring is told as everything.
 *	  The ring belongs to all databases; it is there only where
 *	  contactpoint.matcher_workers allows for more than one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "settle.h"

#define RING_SIZE 262144

typedef struct NewsRing
{
	uint64		end;			/* number of the next entry */
	CpNews		entries[RING_SIZE];
} NewsRing;

static NewsRing *ring = NULL;

static bool lock_held = false;	/* in this transaction */
static bool precise = false;	/* and all of it is in told */
static CpNews *told = NULL;		/* in TopTransactionContext */
static int	ntold = 0;
static int	told_size = 0;

Size
cp_news_size(void)
{
	return cp_matcher_workers > 1 ? sizeof(NewsRing) : 0;
}

/* At the start of the server, or of a process. */
void
cp_news_attach(void)
{
	bool		found;

	if (cp_matcher_workers <= 1)
		return;
	ring = ShmemInitStruct("contactpoint news", sizeof(NewsRing), &found);
	if (!found)
		ring->end = 0;
}

static void
put(CpNewsKind kind, int64 value)
{
	CpNews	   *entry = &ring->entries[ring->end++ % RING_SIZE];

	entry->database = MyDatabaseId;
	entry->kind = kind;
	entry->value = value;
}

static void
transaction_ends(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE)
		return;
	if (event != XACT_EVENT_ABORT && lock_held)
	{
		LWLockAcquire(cp_shared_lock(), LW_EXCLUSIVE);
		if (precise && ntold < RING_SIZE / 2)
			for (int i = 0; i < ntold; i++)
				put(told[i].kind, told[i].value);
		else
			put(CP_NEWS_EVERYTHING, 0);
		LWLockRelease(cp_shared_lock());
	}
	lock_held = false;
	precise = false;
	told = NULL;
	ntold = 0;
}

/* The matching lock was taken: everything may change, unless it is told what. */
void
cp_news_lock_taken(void)
{
	static bool registered = false;

	if (ring == NULL)
		return;
	if (!registered)
	{
		RegisterXactCallback(transaction_ends, NULL);
		registered = true;
	}
	lock_held = true;
}

/* All that this transaction changes is told, from now on. */
void
cp_news_precise(void)
{
	precise = true;
}

void
cp_news_tell(CpNewsKind kind, int64 value)
{
	if (ring == NULL)
		return;
	if (told == NULL)
	{
		told_size = 1024;
		told = MemoryContextAlloc(TopTransactionContext, told_size * sizeof(CpNews));
	}
	if (ntold == told_size)
	{
		told_size *= 2;
		told = repalloc_huge(told, told_size * sizeof(CpNews));
	}
	told[ntold].kind = kind;
	told[ntold++].value = value;
}

/* To be noted before the first snapshot. */
uint64
cp_news_position(void)
{
	uint64		position = 0;

	if (ring != NULL)
	{
		LWLockAcquire(cp_shared_lock(), LW_SHARED);
		position = ring->end;
		LWLockRelease(cp_shared_lock());
	}
	return position;
}

/*
 * What was told of this database since, palloc'd; false where everything may
 * have changed.
 */
bool
cp_news_since(uint64 position, CpNews **news, int *n)
{
	bool		known = true;
	uint64		end = cp_news_position();

	*n = 0;
	*news = palloc_extended(sizeof(CpNews) * (Min(end - position, RING_SIZE) + 1), MCXT_ALLOC_HUGE);
	if (end == position)
		return true;
	LWLockAcquire(cp_shared_lock(), LW_SHARED);
	if (ring->end - position > RING_SIZE)
		known = false;
	for (uint64 i = position; known && i < end; i++)
	{
		const CpNews *entry = &ring->entries[i % RING_SIZE];

		if (entry->database != MyDatabaseId)
			continue;
		if (entry->kind == CP_NEWS_EVERYTHING)
			known = false;
		else
			(*news)[(*n)++] = *entry;
	}
	LWLockRelease(cp_shared_lock());
	return known;
}
