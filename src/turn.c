/*-------------------------------------------------------------------------
 *
 * turn.c
 *	  The order in which the matchers of a database write.
 *
 *	  A matcher claims the next rows of the inbox, reads and searches ahead
 *	  without a lock and writes when all that claimed before have written.  So
 *	  rows are settled in their order, whoever settles them.  Where a claim
 *	  comes to nothing (an error, a dead matcher) those that were made after it
 *	  are void: their rows are claimed anew, in the right order.
 *
 *	  A claim covers all numbers up to its last; rows that are committed late
 *	  with a lower number are found when no claim stands, which is brought about
 *	  every so many claims.
 *
 *	  All of it lies in the slot of the database, under the lock of shared.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"

#include "settle.h"

#define TURN_WAIT_MS 100		/* at most between two looks */
#define CLAIMS_TOGETHER 16		/* until all claims must end once */

static CpClaim *mine = NULL;

static void
wake_others(CpSharedDatabase *database)
{
	for (int i = 0; i < CP_MAX_MATCHERS; i++)
		if (database->claims[i].latch != NULL && &database->claims[i] != mine)
			SetLatch(database->claims[i].latch);
}

/* Under the lock. */
static void
end_claim(bool failed)
{
	CpSharedDatabase *database = cp_shared_database();

	if (mine == NULL)
		return;
	for (int i = 0; failed && i < CP_MAX_MATCHERS; i++)
	{
		CpClaim    *claim = &database->claims[i];

		if (claim->ticket > mine->ticket)
			claim->is_void = true;
	}
	/* whoever has just looked after which number to go on must look again */
	if (failed)
		database->next_ticket++;
	wake_others(database);
	memset(mine, 0, sizeof(CpClaim));
	mine = NULL;
}

/* Ends the claim: its rows are settled, or are anybody's again. */
void
cp_turn_end(bool failed)
{
	LWLockAcquire(cp_shared_lock(), LW_EXCLUSIVE);
	end_claim(failed);
	LWLockRelease(cp_shared_lock());
}

static void
leave(int code, Datum arg)
{
	cp_turn_end(true);
}

/*
 * After which number the next rows lie.  ticket is for cp_turn_claim; false
 * where the claims that stand must end first.
 */
bool
cp_turn_after(int64 *after, uint64 *ticket)
{
	CpSharedDatabase *database = cp_shared_database();
	bool		stands = false;
	bool		may_claim;

	*after = 0;
	LWLockAcquire(cp_shared_lock(), LW_SHARED);
	for (int i = 0; i < CP_MAX_MATCHERS; i++)
	{
		CpClaim    *claim = &database->claims[i];

		if (claim->ticket == 0 || claim->is_void)
			continue;
		stands = true;
		*after = Max(*after, claim->last);
	}
	*ticket = database->next_ticket;
	may_claim = !stands || *ticket % CLAIMS_TOGETHER != 0;
	LWLockRelease(cp_shared_lock());
	return may_claim;
}

/* Claims rows up to a number; false where somebody was faster. */
bool
cp_turn_claim(uint64 ticket, int64 last)
{
	static bool registered = false;
	CpSharedDatabase *database = cp_shared_database();

	if (!registered)
	{
		before_shmem_exit(leave, (Datum) 0);
		registered = true;
	}
	LWLockAcquire(cp_shared_lock(), LW_EXCLUSIVE);
	if (database->next_ticket == ticket)
	{
		for (int i = 0; i < CP_MAX_MATCHERS && mine == NULL; i++)
			if (database->claims[i].ticket == 0)
				mine = &database->claims[i];
	}
	if (mine != NULL)
	{
		mine->ticket = ++database->next_ticket;
		mine->last = last;
		mine->is_void = false;
		mine->latch = MyLatch;
	}
	LWLockRelease(cp_shared_lock());
	return mine != NULL;
}

/* Is it my turn (1), not yet (0), or never (-1)? */
static int
my_turn(void)
{
	CpSharedDatabase *database = cp_shared_database();
	int			turn = 1;

	LWLockAcquire(cp_shared_lock(), LW_SHARED);
	if (mine->is_void)
		turn = -1;
	else
	{
		for (int i = 0; i < CP_MAX_MATCHERS; i++)
		{
			CpClaim    *claim = &database->claims[i];

			if (claim->ticket != 0 && claim->ticket < mine->ticket && !claim->is_void)
				turn = 0;
		}
	}
	LWLockRelease(cp_shared_lock());
	return turn;
}

/*
 * Waits until all that claimed before have written; false where the claim has
 * become void.
 */
bool
cp_turn_wait(void)
{
	for (;;)
	{
		int			turn = my_turn();

		if (turn != 0)
			return turn > 0;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 TURN_WAIT_MS, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}
