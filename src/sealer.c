/*-------------------------------------------------------------------------
 *
 * sealer.c
 *	  The background worker that seals the journal, one in a database.
 *
 *	  It moves entries from the journal into the ledger and their hashes into
 *	  the tree, a batch in one transaction: copied, hashed, deleted, and the
 *	  new head written, or none of it.  So every entry is sealed exactly once,
 *	  whatever ends a batch.
 *
 *	  The order of the ledger is that of time, then process, then the number
 *	  within it.  To keep it from one batch to the next, a pass takes only
 *	  what is older than a moment before which no entry turns up any more
 *	  (cp_shared_append_horizon).  A process's own entries so stay in their
 *	  order whatever the clock does.
 *
 *	  Locks: RowExclusiveLock on journal, ledger, tiles and head to the end of
 *	  the batch; ShareUpdateExclusiveLock on the head, against a second sealer
 *	  and against retention.  Nobody who reads waits for any of them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "commands/vacuum.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_node.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "storage/ipc.h"
#include "storage/lmgr.h"
#include "tcop/utility.h"
#include "utils/date.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "ledger.h"

#define PASS_MAX 1000000		/* entries that a pass takes, the oldest */
#define VACUUM_AFTER 20000		/* entries deleted from the journal */
#define VACUUM_BLOCKS 1024		/* a journal larger than this, with nothing to */
#define VACUUM_RETRY_MS 60000	/* seal, is vacuumed so often until it is not */
#define REST_FACTOR 10			/* looking may cost a tenth of the time, */
#define REST_MAX_MS 10000		/* but not keep it waiting longer */

/* an entry of the journal that a pass takes */
typedef struct Found
{
	TimestampTz at;
	int64		seq;
	int32		pid;
	ItemPointerData tid;
} Found;

typedef struct Pass
{
	Found	   *found;
	int			nfound;
	bool		more;			/* there were more than a pass takes */
	int64		bytes;			/* of all bodies in the journal */
	long		look_ms;		/* time it took to look through it */
} Pass;

/* allocated once; only what is used of it ever takes memory */
static Found *found_buffer = NULL;

static int64 deleted = 0;		/* from the journal, since it was vacuumed */
static bool journal_is_large = false;	/* even after that: */
static TimestampTz vacuumed_at = 0; /* somebody's snapshot kept rows */
static long look_ms = 0;		/* what the last pass took to look at it */

PGDLLEXPORT void cp_sealer_main(Datum arg);

static int
compare_found(const Found *a, const Found *b)
{
	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	if (a->pid != b->pid)
		return a->pid < b->pid ? -1 : 1;
	return (a->seq > b->seq) - (a->seq < b->seq);
}

#define ST_SORT sort_found
#define ST_ELEMENT_TYPE Found
#define ST_COMPARE(a, b) compare_found(a, b)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* ---------- what there is to seal ---------- */

static void
take_found(Pass *pass, TupleTableSlot *slot)
{
	Found	   *found;

	if (pass->nfound == 2 * PASS_MAX)
	{
		sort_found(pass->found, pass->nfound);
		pass->nfound = PASS_MAX;
		pass->more = true;
	}
	found = &pass->found[pass->nfound++];
	found->at = DatumGetTimestampTz(slot->tts_values[CP_JOURNAL_AT]);
	found->pid = DatumGetInt32(slot->tts_values[CP_JOURNAL_PID]);
	found->seq = DatumGetInt64(slot->tts_values[CP_JOURNAL_SEQ]);
	found->tid = slot->tts_tid;
}

static int
body_length(TupleTableSlot *slot, int column)
{
	return VARSIZE_ANY_EXHDR(DatumGetPointer(slot->tts_values[column]));
}

/*
 * The oldest entries of the journal that are older than the horizon, in order.
 */
static void
look_at_journal(Pass *pass)
{
	TimestampTz horizon = cp_shared_append_horizon();
	Relation	rel = table_open(cp_relation_oid("journal"), AccessShareLock);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	TableScanDesc scan = table_beginscan(rel, snapshot, 0, NULL);
	TupleTableSlot *slot = table_slot_create(rel, NULL);

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		slot_getallattrs(slot);
		pass->bytes += body_length(slot, CP_JOURNAL_BODY);
		if (DatumGetTimestampTz(slot->tts_values[CP_JOURNAL_AT]) < horizon)
			take_found(pass, slot);
		CHECK_FOR_INTERRUPTS();
	}
	ExecDropSingleTupleTableSlot(slot);
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(rel, AccessShareLock);

	sort_found(pass->found, pass->nfound);
	if (pass->nfound > PASS_MAX)
	{
		pass->nfound = PASS_MAX;
		pass->more = true;
	}
}

/* ---------- one batch ---------- */

/* what a batch works with */
typedef struct Batch
{
	Relation	journal;
	Relation	tiles;
	Snapshot	snapshot;
	CpHead		head;
	CpTree		tree;
	CpLedgerWriter writer;
	int64		bytes;			/* of the bodies that were sealed */
} Batch;

static void
write_full_tile(CpTree *tree, int level, int64 number, const CpTile *tile)
{
	Batch	   *batch = tree->argument;

	cp_tile_write(batch->tiles, batch->snapshot, level, number, tile);
}

/*
 * Fetches an entry anew; false where it is not what the pass has seen.
 */
static bool
fetch_entry(Batch *batch, Found *found, TupleTableSlot *slot)
{
	if (!table_tuple_fetch_row_version(batch->journal, &found->tid, batch->snapshot, slot))
		return false;
	slot_getallattrs(slot);
	return DatumGetTimestampTz(slot->tts_values[CP_JOURNAL_AT]) == found->at &&
		DatumGetInt32(slot->tts_values[CP_JOURNAL_PID]) == found->pid &&
		DatumGetInt64(slot->tts_values[CP_JOURNAL_SEQ]) == found->seq;
}

static void
seal_entry(Batch *batch, TupleTableSlot *slot)
{
	DateADT		month = cp_ledger_month_of(DatumGetTimestampTz(slot->tts_values[CP_JOURNAL_AT]));
	struct varlena *body = (struct varlena *) DatumGetPointer(slot->tts_values[CP_JOURNAL_BODY]);
	CpHash		hash;

	if (batch->tree.size == 0 || month > batch->head.month)
	{
		cp_ledger_open_month(&batch->writer, month, batch->tree.size + 1);
		batch->head.month = month;
	}

	cp_tree_leaf_hash(batch->tree.hasher,
					  DatumGetTimestampTz(slot->tts_values[CP_JOURNAL_AT]),
					  DatumGetInt32(slot->tts_values[CP_JOURNAL_PID]),
					  DatumGetInt64(slot->tts_values[CP_JOURNAL_SEQ]),
					  VARDATA_ANY(body), VARSIZE_ANY_EXHDR(body), &hash);
	cp_ledger_write(&batch->writer, batch->head.month, batch->tree.size + 1, slot->tts_values);
	cp_tree_push(&batch->tree, &hash);
	batch->bytes += VARSIZE_ANY_EXHDR(body);
}

/*
 * Raises XX001 where the tree is not what the last batch left: a head that was
 * set back, tiles that were written by others.  Going on would cover it up.
 */
static void
require_untouched(Batch *batch)
{
	CpHash		root;
	bool		touched = false;

	cp_tree_root(&batch->tree, &root);
	if (batch->head.size > 0 && memcmp(&root, &batch->head.root, sizeof(root)) != 0)
		touched = true;
	for (int level = 0; level < CP_TILE_LEVELS; level++)
	{
		CpTile		stored;

		if (cp_tile_fetch(batch->tiles, batch->snapshot, level,
						  cp_tree_open_number(&batch->tree, level), &stored) &&
			stored.width != batch->tree.open[level].width)
			touched = true;
	}
	if (touched)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the tree of the audit ledger is not what the sealer left"),
				 errhint("SELECT * FROM contactpoint.audit_verify() with a head that was exported.")));
}

static void
begin_batch(Batch *batch)
{
	memset(batch, 0, sizeof(*batch));
	LockRelationOid(cp_relation_oid("ledger_head"), ShareUpdateExclusiveLock);
	batch->snapshot = RegisterSnapshot(GetLatestSnapshot());
	batch->journal = table_open(cp_relation_oid("journal"), RowExclusiveLock);
	batch->tiles = table_open(cp_relation_oid("ledger_tile"), RowExclusiveLock);
	cp_head_read(&batch->head, batch->snapshot);
	cp_tree_load(&batch->tree, batch->head.size, cp_hasher_begin(), batch->tiles, batch->snapshot);
	require_untouched(batch);
	batch->tree.done = write_full_tile;
	batch->tree.argument = batch;
}

/*
 * Writes what is left to write: rows, tiles that are not full, the head.
 */
static void
write_rest(Batch *batch)
{
	cp_ledger_close(&batch->writer);
	for (int level = 0; level < CP_TILE_LEVELS; level++)
		if (batch->tree.open[level].width > 0)
			cp_tile_write(batch->tiles, batch->snapshot, level,
						  cp_tree_open_number(&batch->tree, level), &batch->tree.open[level]);
	batch->head.size = batch->tree.size;
	batch->head.sealed_at = GetCurrentTimestamp();
	cp_tree_root(&batch->tree, &batch->head.root);
	cp_head_write(&batch->head, batch->snapshot);
	ForceSyncCommit();			/* a head that was told must not be lost */
}

static void
end_batch(Batch *batch)
{
	cp_hasher_end(batch->tree.hasher);
	table_close(batch->tiles, NoLock);
	table_close(batch->journal, NoLock);
	UnregisterSnapshot(batch->snapshot);
}

/*
 * Seals n entries, or none.  Returns how many: fewer where the journal was
 * rewritten since the pass looked at it.
 */
static int
seal_batch(Found *found, int n)
{
	Batch	   *batch;
	TupleTableSlot *slot;
	CpOwnWork	work;
	int			i;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	cp_own_work_begin(&work);
	pgstat_report_activity(STATE_RUNNING, "sealing the audit journal");
	batch = palloc(sizeof(Batch));
	begin_batch(batch);
	slot = table_slot_create(batch->journal, NULL);
	for (i = 0; i < n && fetch_entry(batch, &found[i], slot); i++)
	{
		seal_entry(batch, slot);
		simple_table_tuple_delete(batch->journal, &found[i].tid, batch->snapshot);
		CHECK_FOR_INTERRUPTS();
	}
	ExecDropSingleTupleTableSlot(slot);
	if (i > 0)
		write_rest(batch);
	end_batch(batch);
	cp_own_work_end(&work);
	PopActiveSnapshot();
	pg_atomic_fetch_sub_u64(&cp_shared_database()->unsealed, batch->bytes);
	CommitTransactionCommand();
	deleted += i;
	return i;
}

/* ---------- passes ---------- */

static void
report_progress(void)
{
	CpSharedDatabase *database = cp_shared_database();

	pg_atomic_write_u64(&database->sealer_seen, (uint64) GetCurrentTimestamp());
	database->sealer_error = 0;
}

/*
 * Finds what there is to seal.  False where there is no registry to look at.
 */
static bool
find_entries(Pass *pass)
{
	CpSharedDatabase *database = cp_shared_database();
	int64		counted_before = (int64) pg_atomic_read_u64(&database->unsealed);
	TimestampTz start = GetCurrentTimestamp();
	bool		here;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	here = cp_worker_has_registry();
	if (here)
	{
		PushActiveSnapshot(GetTransactionSnapshot());
		look_at_journal(pass);
		PopActiveSnapshot();
		/* in the place of what was counted before; more may have come since */
		pg_atomic_fetch_add_u64(&database->unsealed, pass->bytes - counted_before);
		if (pass->nfound == 0)
			report_progress();
	}
	CommitTransactionCommand();
	pass->look_ms = TimestampDifferenceMilliseconds(start, GetCurrentTimestamp());
	return here;
}

static BlockNumber
journal_blocks(void)
{
	Relation	rel = table_open(cp_relation_oid("journal"), AccessShareLock);
	BlockNumber blocks = RelationGetNumberOfBlocks(rel);

	table_close(rel, AccessShareLock);
	return blocks;
}

static bool
vacuum_is_due(void)
{
	return deleted >= VACUUM_AFTER ||
		(journal_is_large &&
		 TimestampDifferenceExceeds(vacuumed_at, GetCurrentTimestamp(), VACUUM_RETRY_MS));
}

/*
 * Takes dead rows out of the journal, so that it does not grow and looking at
 * it stays cheap.  Its end is cut off only if the lock for that can be had at
 * once, and given back as soon as an append waits.
 */
static void
vacuum_journal(void)
{
	MemoryContext context = cp_worker_vacuum_context();
	MemoryContext oldcontext = MemoryContextSwitchTo(context);
	VacuumStmt *statement = makeNode(VacuumStmt);
	RangeVar   *journal = makeRangeVar(CP_SCHEMA, "journal", -1);

	deleted = 0;
	vacuumed_at = GetCurrentTimestamp();
	statement->rels = list_make1(makeVacuumRelation(journal, InvalidOid, NIL));
	statement->options = list_make1(makeDefElem("truncate", (Node *) makeBoolean(true), -1));
	statement->is_vacuumcmd = true;
	StartTransactionCommand();
	pgstat_report_activity(STATE_RUNNING, "vacuuming the audit journal");
	ExecVacuum(make_parsestate(NULL), statement, true);
	journal_is_large = journal_blocks() > VACUUM_BLOCKS;
	CommitTransactionCommand();
	MemoryContextSwitchTo(oldcontext);
	MemoryContextReset(context);
}

/*
 * Once after a restart of the server.
 */
static void
prime_limits(void)
{
	CpSharedDatabase *database = cp_shared_database();
	CpOwnWork	own;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	if (cp_worker_has_registry())
	{
		PushActiveSnapshot(GetTransactionSnapshot());
		cp_own_work_begin(&own);
		cp_limit_prime();
		cp_own_work_end(&own);
		PopActiveSnapshot();
		database->limits_primed = true;
	}
	CommitTransactionCommand();
}

/*
 * Seals what the journal holds, if anything.  Returns whether there is more.
 */
static bool
seal_journal(void)
{
	Pass		pass = {0};
	int			done = 0;
	int			sealed = 0;

	if (found_buffer == NULL)
		found_buffer = MemoryContextAllocHuge(TopMemoryContext, 2 * PASS_MAX * sizeof(Found));
	pass.found = found_buffer;
	if (find_entries(&pass))
		for (done = 0; done < pass.nfound && !cp_worker_told_to_stop(); done += sealed)
		{
			sealed = seal_batch(&pass.found[done], Min(cp_seal_batch, pass.nfound - done));
			if (sealed == 0)
				break;
			report_progress();
		}
	pgstat_report_stat(true);
	pgstat_report_activity(STATE_IDLE, NULL);
	look_ms = pass.look_ms;
	return pass.more;
}

/*
 * A pass, if there is anything to look at, and a vacuum if it is due.  After an
 * error the next one tries again.
 */
static bool
work(bool look, MemoryContext context)
{
	volatile bool more = false;

	PG_TRY();
	{
		if (look && !cp_shared_database()->limits_primed)
			prime_limits();
		if (look)
			more = seal_journal();
		if (vacuum_is_due())
			vacuum_journal();
	}
	PG_CATCH();
	{
		int			sqlstate = cp_worker_recover(context);

		cp_shared_database()->sealer_error = sqlstate;
		ereport(LOG,
				(errmsg("the sealer met SQLSTATE %s and tries again", unpack_sql_state(sqlstate))));
	}
	PG_END_TRY();
	return more;
}

/*
 * Main loop.  arg: see cp_worker_begin.  What the counter does not know of,
 * entries from before a restart, the first pass finds.
 */
void
cp_sealer_main(Datum arg)
{
	MemoryContext context;
	bool		look = true;

	cp_worker_begin(CP_WORKER_SEALER, arg);
	context = CurrentMemoryContext;
	while (!cp_worker_told_to_stop())
	{
		CpSharedDatabase *database = cp_shared_database();

		look = look || (int64) pg_atomic_read_u64(&database->unsealed) > 0;
		if (!look)
			report_progress();
		look = work(look, context) || database->sealer_error != 0;
		if (!look || database->sealer_error != 0)
			cp_worker_sleep(Max(cp_seal_interval, Min(look_ms * REST_FACTOR, REST_MAX_MS)));
	}
	proc_exit(0);
}
