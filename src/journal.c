/*-------------------------------------------------------------------------
 *
 * journal.c
 *	  The append that no ROLLBACK undoes.
 *
 *	  contactpoint.journal is a plain heap.  A row is appended already frozen,
 *	  with heap's own WAL record and no transaction id of its own: it is
 *	  visible to everybody at once and stays, whatever becomes of the
 *	  transaction, the session or the server.  It is not yet on disk when
 *	  cp_journal_append returns; that is for the gate.
 *
 *	  What heap_insert does and this does not, and why that is right here:
 *	  - no index, trigger, TOAST or generated column is served, so a journal
 *	    that has any is refused rather than silently left behind;
 *	  - a file made or swapped in by this very transaction would go with its
 *	    ROLLBACK, so it is refused;
 *	  - the page stays all-visible, since a frozen row is visible to all (core
 *	    does the same for COPY FREEZE);
 *	  - statistics are counted at once and not at commit, for the row is live
 *	    even if the transaction aborts;
 *	  - no predicate lock is checked: appending to a log conflicts with nobody.
 *	  amcheck, pg_visibility and wal_consistency_checking=heap agree.
 *
 *	  Locks: RowExclusiveLock on the journal for the append alone, so neither
 *	  a reader's transaction nor VACUUM waits for the other; then one buffer.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/heapam_xlog.h"
#include "access/hio.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "access/xloginsert.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "audit.h"

#define SLOW_DOWN_MS 10

static int64 sequence = 0;		/* of the last entry of this process */

/* the (sub)transaction in which an append failed, by its start and number */
static TimestampTz failed_in = 0;
static SubTransactionId failed_in_sub = InvalidSubTransactionId;

static void
refuse(const char *why, const char *hint)
{
	pg_atomic_fetch_add_u64(&cp_shared_database()->refused, 1);
	ereport(ERROR,
			(errcode(ERRCODE_CP_AUDIT_UNAVAILABLE),
			 errmsg("the audit journal cannot be written: %s", why),
			 errhint("%s", hint)));
}

/*
 * Raises KC006 where no WAL can be written: during recovery, where trying it is
 * a PANIC, and in a single-user server.
 */
static void
require_wal(void)
{
	if (RecoveryInProgress() || !XLogInsertAllowed())
		refuse("the server is in recovery",
			   "Read from the primary server: a standby cannot record who looks.");
	if (!IsUnderPostmaster)
		refuse("the server runs in single-user mode",
			   "Start the server as usual.");
}

/*
 * Raises KC006 where an append would not keep what the file header promises.
 */
static void
check_journal(Relation rel)
{
	if (cp_relation_is_rewritten(rel))
		refuse("it was made or rewritten by this transaction",
			   "Commit first.");
	if (rel->rd_rel->relkind != RELKIND_RELATION ||
		rel->rd_tableam != GetHeapamTableAmRoutine() ||
		rel->rd_rel->relispartition ||
		(rel->rd_rel->relhasindex && RelationGetIndexList(rel) != NIL) ||
		rel->trigdesc != NULL ||
		OidIsValid(rel->rd_rel->reltoastrelid) ||
		!RelationNeedsWAL(rel) ||
		RelationGetNumberOfAttributes(rel) != CP_JOURNAL_COLUMNS)
		refuse("it is not the plain table that the extension made",
			   "Take back what was added to contactpoint.journal: it has no index, trigger or further column, and is logged.");
}

/*
 * OID of the journal, looked up again after any change of a table or schema.
 */
static Oid
journal_oid(void)
{
	static Oid	relid = InvalidOid;
	static uint64 learnt_at = 0;

	if (!OidIsValid(relid) || learnt_at != cp_protect_changes())
	{
		learnt_at = cp_protect_changes();
		relid = cp_relation_oid("journal");
		if (!OidIsValid(relid))
			refuse("there is no table contactpoint.journal",
				   "Restore the extension's own tables.");
	}
	return relid;
}

/*
 * Opens and checks the journal.
 */
static Relation
open_journal(void)
{
	Relation	rel = table_open(journal_oid(), RowExclusiveLock);

	check_journal(rel);
	return rel;
}

/*
 * After an append that failed: is there room again?  Raises KC006 if not.
 */
static void
require_room(Relation rel)
{
	MemoryContext oldcontext = CurrentMemoryContext;
	Buffer		vmbuffer = InvalidBuffer;

	PG_TRY();
	{
		UnlockReleaseBuffer(cp_get_buffer_for_tuple(rel, MaxHeapTupleSize, &vmbuffer));
		if (BufferIsValid(vmbuffer))
			ReleaseBuffer(vmbuffer);
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(oldcontext);
		edata = CopyErrorData();
		FlushErrorState();
		if (edata->sqlerrcode == ERRCODE_QUERY_CANCELED ||
			edata->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN)
			ReThrowError(edata);
		ereport(LOG,
				(errmsg("the audit journal cannot be extended: %s", edata->message)));
		refuse("there is no room for it",
			   "Free space on the disk that holds it; reading goes on by itself then.");
	}
	PG_END_TRY();
}

/*
 * Nobody reads when the sealer is too far behind, or has not got on for too
 * long: what is not sealed could be taken away unseen.  Returns why, or NULL.
 */
static const char *
sealer_fault(CpSharedDatabase *database)
{
	int64		unsealed = (int64) pg_atomic_read_u64(&database->unsealed);
	TimestampTz seen = (TimestampTz) pg_atomic_read_u64(&database->sealer_seen);

	if (unsealed > (int64) cp_journal_limit * 1024)
		return "too much of it waits to be sealed";
	if (unsealed > 0 &&
		TimestampDifferenceExceeds(seen, GetCurrentStatementStartTimestamp(),
								   cp_seal_timeout * 1000))
		return "its sealer does not get on";
	return NULL;
}

/*
 * Why reading must wait, or NULL; raises nothing.
 */
const char *
cp_journal_fault(void)
{
	CpSharedDatabase *database = cp_shared_database();

	if (RecoveryInProgress())
		return "the server is in recovery";
	if (pg_atomic_read_u64(&database->append_failed) != 0)
		return "the last entry could not be appended";
	return sealer_fault(database);
}

/*
 * Once half of what may wait does, looks begin more slowly than the sealer
 * works: nobody can keep the others out by looking as often as possible.
 */
static void
slow_down(void)
{
	pg_usleep(SLOW_DOWN_MS * 1000L);
	CHECK_FOR_INTERRUPTS();
}

static void
require_sealer(CpSharedDatabase *database)
{
	const char *fault = sealer_fault(database);

	cp_worker_ensure(CP_WORKER_SEALER);
	if (fault == NULL &&
		(int64) pg_atomic_read_u64(&database->unsealed) > (int64) cp_journal_limit * 1024 / 2)
		slow_down();
	if (fault != NULL)
		refuse(fault, "See the view contactpoint.status and the server log; reading goes on by itself when the sealer, a background worker, has caught up.");
}

/*
 * Raises KC006 where no entry could be appended, or reading must wait for the
 * sealer.  Asked before a look begins, so that it is refused and not cut off.
 */
void
cp_journal_require_writable(void)
{
	static bool found_fit = false;
	static uint64 found_at = 0;
	CpSharedDatabase *database;
	Relation	rel;

	require_wal();
	database = cp_shared_database();
	require_sealer(database);
	/* the append checks again, under a lock */
	if (found_fit && found_at == cp_protect_changes() &&
		pg_atomic_read_u64(&database->append_failed) == 0)
		return;
	found_fit = false;
	found_at = cp_protect_changes();
	rel = open_journal();
	if (pg_atomic_read_u64(&database->append_failed) != 0)
	{
		require_room(rel);
		pg_atomic_write_u64(&database->append_failed, 0);
	}
	table_close(rel, RowExclusiveLock);
	found_fit = true;
}

/*
 * Counts an appended body.  The time in which the sealer must get on begins
 * with the first one.
 */
static void
note_unsealed(CpSharedDatabase *database, int length)
{
	if ((int64) pg_atomic_fetch_add_u64(&database->unsealed, length) <= 0)
		pg_atomic_write_u64(&database->sealer_seen, (uint64) GetCurrentTimestamp());
}

/*
 * A frozen row for the journal, good until the next one.  Made where it needs no
 * memory, since it may be made while an error is handled.
 */
static HeapTuple
form_row(Relation rel, TimestampTz at, struct varlena *body)
{
	static PGAlignedBlock block;
	static HeapTupleData row;
	HeapTupleHeader header = (HeapTupleHeader) block.data;
	TupleDesc	desc = RelationGetDescr(rel);
	Datum		values[CP_JOURNAL_COLUMNS];
	bool		nulls[CP_JOURNAL_COLUMNS] = {false};
	Size		data_size;

	values[CP_JOURNAL_AT] = TimestampTzGetDatum(at);
	values[CP_JOURNAL_PID] = Int32GetDatum(MyProcPid);
	values[CP_JOURNAL_SEQ] = Int64GetDatum(sequence + 1);
	values[CP_JOURNAL_BODY] = PointerGetDatum(body);
	data_size = heap_compute_data_size(desc, values, nulls);
	row.t_len = MAXALIGN(SizeofHeapTupleHeader) + data_size;
	if (MAXALIGN(row.t_len) > MaxHeapTupleSize)
		elog(ERROR, "audit entry of %u bytes does not fit a page", row.t_len);

	memset(block.data, 0, row.t_len);
	HeapTupleHeaderSetNatts(header, CP_JOURNAL_COLUMNS);
	header->t_hoff = MAXALIGN(SizeofHeapTupleHeader);
	heap_fill_tuple(desc, values, nulls, block.data + header->t_hoff, data_size,
					&header->t_infomask, NULL);
	header->t_infomask |= HEAP_XMAX_INVALID | HEAP_XMIN_FROZEN;

	/* the raw xmin that replay takes from the WAL record; it means nothing */
	HeapTupleHeaderSetXmin(header, GetCurrentTransactionIdIfAny());
	HeapTupleHeaderSetCmin(header, FirstCommandId);
	HeapTupleHeaderSetXmax(header, InvalidTransactionId);
	row.t_data = header;
	row.t_tableOid = RelationGetRelid(rel);
	return &row;
}

/*
 * Puts the row on a page and logs that.  Returns the end of the WAL record.
 */
static XLogRecPtr
put_row(Relation rel, HeapTuple tuple)
{
	Buffer		vmbuffer = InvalidBuffer;
	Buffer		buffer;
	Page		page;
	OffsetNumber offset;
	uint8		info = XLOG_HEAP_INSERT;
	uint8		buffer_flags = REGBUF_STANDARD;
	xl_heap_insert record;
	xl_heap_header row_header;
	XLogRecPtr	lsn;

	/*
	 * A commit would have the WAL writer flush this record, though the gate
	 * sees to that, and wake it for each statement.
	 */
	XLogRecPtr	written_before = XactLastRecEnd;

	buffer = cp_get_buffer_for_tuple(rel, MAXALIGN(tuple->t_len), &vmbuffer);
	page = BufferGetPage(buffer);

	START_CRIT_SECTION();

	RelationPutHeapTuple(rel, buffer, tuple, false);
	MarkBufferDirty(buffer);

	offset = ItemPointerGetOffsetNumber(&tuple->t_self);

	/* an emptied page must stay all-visible in replay, too */
	if (offset == FirstOffsetNumber &&
		PageGetMaxOffsetNumber(page) == FirstOffsetNumber &&
		!PageIsAllVisible(page))
	{
		info |= XLOG_HEAP_INIT_PAGE;
		buffer_flags |= REGBUF_WILL_INIT;
	}
	record.offnum = offset;
	record.flags = 0;
	row_header.t_infomask2 = tuple->t_data->t_infomask2;
	row_header.t_infomask = tuple->t_data->t_infomask;
	row_header.t_hoff = tuple->t_data->t_hoff;

	XLogBeginInsert();
	XLogRegisterData((char *) &record, SizeOfHeapInsert);
	XLogRegisterBuffer(0, buffer, buffer_flags);
	XLogRegisterBufData(0, (char *) &row_header, SizeOfHeapHeader);
	XLogRegisterBufData(0, (char *) tuple->t_data + SizeofHeapTupleHeader,
						tuple->t_len - SizeofHeapTupleHeader);
	lsn = XLogInsert(RM_HEAP_ID, info);
	PageSetLSN(page, lsn);
	XactLastRecEnd = written_before;

	END_CRIT_SECTION();

	UnlockReleaseBuffer(buffer);
	if (BufferIsValid(vmbuffer))
		ReleaseBuffer(vmbuffer);
	return lsn;
}

/*
 * The part of an append that the sealer waits for.
 */
static XLogRecPtr
append_row(Relation rel, struct varlena *body)
{
	HeapTuple	tuple = form_row(rel, cp_shared_append_begin(), body);
	XLogRecPtr	lsn;

	lsn = put_row(rel, tuple);
	sequence++;
	return lsn;
}

/*
 * In PG_CATCH.  A failed append may have left a buffer in the midst of its I/O,
 * which only the abort of the (sub)transaction ends: another one before that
 * would wait for itself.  Not so after a wait that was cancelled.
 */
static void
note_failure(CpSharedDatabase *database)
{
	int			sqlstate = geterrcode();

	if (sqlstate == ERRCODE_QUERY_CANCELED || sqlstate == ERRCODE_ADMIN_SHUTDOWN)
		return;
	pg_atomic_write_u64(&database->append_failed, 1);
	failed_in = GetCurrentTransactionStartTimestamp();
	failed_in_sub = GetCurrentSubTransactionId();
}

static void
require_clean_transaction(void)
{
	if (failed_in == GetCurrentTransactionStartTimestamp() &&
		failed_in_sub == GetCurrentSubTransactionId())
		refuse("there is no room for it",
			   "Free space on the disk that holds it; reading goes on by itself then.");
}

/*
 * Appends one frozen row.  Returns the end of its WAL record, for
 * cp_gate_require.  Needs a transaction, but no snapshot, and may be called
 * while one is failing, once what it held is released.  Raises KC006 and
 * whatever opening and extending a table raise; then nothing was appended.
 */
XLogRecPtr
cp_journal_append(struct varlena *body)
{
	CpSharedDatabase *database = cp_shared_database();
	Relation	rel;
	XLogRecPtr	lsn;

	require_wal();
	require_clean_transaction();
	rel = open_journal();
	PG_TRY();
	{
		lsn = append_row(rel, body);
	}
	PG_CATCH();
	{
		cp_shared_append_end();
		note_failure(database);
		PG_RE_THROW();
	}
	PG_END_TRY();
	cp_shared_append_end();
	if (pgstat_should_count_relation(rel))
		cp_count_frozen_insert(rel);
	table_close(rel, RowExclusiveLock);
	note_unsealed(database, VARSIZE(body) - VARHDRSZ);
	return lsn;
}
