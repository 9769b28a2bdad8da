/*-------------------------------------------------------------------------
 *
 * tidy.c
 *	  What a shield leaves behind is vacuumed away.
 *
 *	  Details that move into the vault leave dead rows in the open leaves.  No
 *	  query sees them, but they are in the files until VACUUM takes them.  So
 *	  the worker for jobs vacuums the open leaves as soon as no snapshot is
 *	  older than the latest shield, and not more than once in a while: it reads
 *	  only pages that changed since the last time.  After a start of the server
 *	  it does so once if there is any shield, for a crash may have come between.
 *
 *	  Locks: ShareUpdateExclusiveLock on one leaf at a time, as VACUUM takes it.
 *	  What is due stands in this database's slot, under cp_shared_lock().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/plannodes.h"
#include "pgstat.h"
#include "storage/lwlock.h"
#include "storage/procarray.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "contactpoint.h"

#define TIDY_INTERVAL_MS 60000	/* between two rounds */

static const char *const leaves[] = {
	"address_open", "carer_open", "involvement_open", "identifier_open", "responsibility_open"
};

/*
 * This transaction leaves dead rows in the open leaves.
 */
void
cp_tidy_note(void)
{
	CpSharedDatabase *database = cp_shared_database();
	TransactionId xid = GetTopTransactionId();

	LWLockAcquire(cp_shared_lock(), LW_EXCLUSIVE);
	if (!TransactionIdIsValid(database->shielded_xid) ||
		TransactionIdFollows(xid, database->shielded_xid))
		database->shielded_xid = xid;
	LWLockRelease(cp_shared_lock());
	cp_worker_ensure(CP_WORKER_MATCHER);
}

/* Is anything older than this transaction still running? */
static bool
is_seen_by_all(TransactionId xid)
{
	Relation	rel = table_open(cp_relation_oid(leaves[0]), AccessShareLock);
	bool		result = TransactionIdPrecedes(xid, GetOldestNonRemovableTransactionId(rel));

	table_close(rel, AccessShareLock);
	return result;
}

static bool
is_any_shield(void)
{
	CpOwnWork	work;
	bool		result;

	PushActiveSnapshot(GetTransactionSnapshot());
	cp_own_work_begin(&work);
	SPI_connect();
	if (SPI_execute("SELECT FROM contactpoint.shield", false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read the shields");
	result = SPI_processed > 0;
	SPI_finish();
	cp_own_work_end(&work);
	PopActiveSnapshot();
	return result;
}

/*
 * Is there something to vacuum?  In a worker, in a transaction, outside of own
 * work.
 */
bool
cp_tidy_is_due(void)
{
	CpSharedDatabase *database = cp_shared_database();
	TransactionId xid;
	TimestampTz tidied_at;
	bool		looked;

	LWLockAcquire(cp_shared_lock(), LW_EXCLUSIVE);
	xid = database->shielded_xid;
	tidied_at = database->tidied_at;
	looked = database->tidy_looked;
	database->tidy_looked = true;
	LWLockRelease(cp_shared_lock());
	if (!looked && is_any_shield())
	{
		cp_tidy_note();
		return false;
	}
	return TransactionIdIsValid(xid) &&
		TimestampDifferenceExceeds(tidied_at, GetCurrentTimestamp(), TIDY_INTERVAL_MS) &&
		is_seen_by_all(xid);
}

/*
 * Runs VACUUM as if it had been sent: it ends the transaction it is called in and
 * leaves another one.  The current memory context outlives both.
 */
static void
vacuum_leaf(const char *leaf)
{
	MemoryContext context = CurrentMemoryContext;
	char	   *command = psprintf("VACUUM (TRUNCATE false, PARALLEL 0) contactpoint.%s", leaf);
	PlannedStmt *statement = makeNode(PlannedStmt);

	statement->commandType = CMD_UTILITY;
	statement->utilityStmt = linitial_node(RawStmt, pg_parse_query(command))->stmt;
	StartTransactionCommand();
	/* what is allocated now is used when this transaction is gone */
	MemoryContextSwitchTo(context);
	if (cp_worker_has_registry())
		ProcessUtility(statement, command, false, PROCESS_UTILITY_TOPLEVEL, NULL, NULL,
					   None_Receiver, NULL);
	CommitTransactionCommand();
}

/*
 * Vacuums the open leaves.  In a worker, outside a transaction.
 */
void
cp_tidy(void)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = cp_worker_vacuum_context();
	CpSharedDatabase *database = cp_shared_database();
	TransactionId xid;

	LWLockAcquire(cp_shared_lock(), LW_SHARED);
	xid = database->shielded_xid;
	LWLockRelease(cp_shared_lock());
	pgstat_report_activity(STATE_RUNNING, "vacuuming what was shielded");
	for (int i = 0; i < lengthof(leaves); i++)
	{
		MemoryContextSwitchTo(context);
		vacuum_leaf(leaves[i]);
	}
	pgstat_report_activity(STATE_IDLE, NULL);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(context);

	LWLockAcquire(cp_shared_lock(), LW_EXCLUSIVE);
	if (database->shielded_xid == xid)
		database->shielded_xid = InvalidTransactionId;
	database->tidied_at = GetCurrentTimestamp();
	LWLockRelease(cp_shared_lock());
}
