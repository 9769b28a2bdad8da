/*-------------------------------------------------------------------------
 *
 * epoch.c
 *	  How often records have a word, and how many records there are.
 *
 *	  Counts are exact.  Scores use them as they were when the number of
 *	  records last passed a mark (frozen), so that an outcome does not depend
 *	  on where batches end, nor a name's weight on the row before.  Marks are
 *	  2^(1/4) apart: a frequency is never off by more than about a fifth for
 *	  want of an epoch, a quarter of a bit.
 *
 *	  Word 0 counts the records; word 1 tells how many of a household they have,
 *	  and word 0 besides how often dates are wrong (kin.c), counted when an epoch
 *	  ends.  Counts are written under the matching lock.
 *	  A transaction writes what it counted when it commits (or the epoch ends),
 *	  each word once: rows that many commands of one transaction update would
 *	  leave ever longer chains of versions behind.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "match.h"

#define FIRST_MARK 64.0			/* records */
#define MARKS_TO_DOUBLE 4

/* Columns of word_count. */
enum
{
	COUNT_WORD = 1,
	COUNT_GIVEN,
	COUNT_FAMILY,
	COUNT_GIVEN_FROZEN,
	COUNT_FAMILY_FROZEN,
	COUNT_COLUMNS = COUNT_FAMILY_FROZEN
};

typedef struct Counts
{
	int64		given;
	int64		family;
	int64		given_frozen;
	int64		family_frozen;
} Counts;

static void
deform_counts(HeapTuple tuple, TupleDesc desc, Counts *counts)
{
	Datum		values[COUNT_COLUMNS];
	bool		nulls[COUNT_COLUMNS];

	heap_deform_tuple(tuple, desc, values, nulls);
	counts->given = DatumGetInt64(values[COUNT_GIVEN - 1]);
	counts->family = DatumGetInt64(values[COUNT_FAMILY - 1]);
	counts->given_frozen = DatumGetInt64(values[COUNT_GIVEN_FROZEN - 1]);
	counts->family_frozen = DatumGetInt64(values[COUNT_FAMILY_FROZEN - 1]);
}

static HeapTuple
form_counts(int32 word, const Counts *counts, TupleDesc desc)
{
	Datum		values[COUNT_COLUMNS];
	bool		nulls[COUNT_COLUMNS] = {false};

	values[COUNT_WORD - 1] = Int32GetDatum(word);
	values[COUNT_GIVEN - 1] = Int64GetDatum(counts->given);
	values[COUNT_FAMILY - 1] = Int64GetDatum(counts->family);
	values[COUNT_GIVEN_FROZEN - 1] = Int64GetDatum(counts->given_frozen);
	values[COUNT_FAMILY_FROZEN - 1] = Int64GetDatum(counts->family_frozen);
	return heap_form_tuple(desc, values, nulls);
}

static SysScanDesc
scan_word(Relation rel, Snapshot snapshot, int32 word)
{
	ScanKeyData key;

	ScanKeyInit(&key, COUNT_WORD, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(word));
	return systable_beginscan(rel, cp_relation_oid("word_count_pkey"), true, snapshot, 1, &key);
}

static Counts
read_counts(int32 word)
{
	Snapshot	snapshot = cp_latest_snapshot();
	Relation	rel = table_open(cp_relation_oid("word_count"), AccessShareLock);
	SysScanDesc scan = scan_word(rel, snapshot, word);
	HeapTuple	tuple = systable_getnext(scan);
	Counts		counts = {0};

	if (HeapTupleIsValid(tuple))
		deform_counts(tuple, RelationGetDescr(rel), &counts);
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	UnregisterSnapshot(snapshot);
	return counts;
}

/* Fills in the counts by which scores go. */
void
cp_epoch_counts(CpWord *word)
{
	Counts		counts = read_counts(word->id);

	word->given_count = counts.given_frozen;
	word->family_count = counts.family_frozen;
}

static int
by_word(const void *a, const void *b)
{
	int32		left = ((const CpCountChange *) a)->word;
	int32		right = ((const CpCountChange *) b)->word;

	return left < right ? -1 : left > right ? 1 : 0;
}

/* ---------- what this transaction has counted ---------- */

/* Where in the list a subtransaction began to count. */
typedef struct Mark
{
	SubTransactionId subtransaction;
	int			from;
} Mark;

static MemoryContext context = NULL;
static CpCountChange *pending;
static int	npending = 0;
static int64 pending_records = 0;	/* what it says of the number of records */
static int	pending_size;
static Mark *marks;
static int	nmarks = 0;
static int	marks_size;

static void
forget_pending(void)
{
	if (context != NULL)
		MemoryContextDelete(context);
	context = NULL;
	npending = 0;
	pending_records = 0;
	nmarks = 0;
}

static void
count_records(const CpCountChange *changes, int nchanges)
{
	for (int i = 0; i < nchanges; i++)
		if (changes[i].word == CP_NO_WORD)
			pending_records += changes[i].given;
}

/* Sorts the list from a place on and adds up what is about one word. */
static void
add_up(int from)
{
	int			n = from;

	qsort(pending + from, npending - from, sizeof(CpCountChange), by_word);
	for (int i = from; i < npending; i++)
	{
		if (n > from && pending[n - 1].word == pending[i].word)
		{
			pending[n - 1].given += pending[i].given;
			pending[n - 1].family += pending[i].family;
		}
		else
			pending[n++] = pending[i];
	}
	npending = n;
}

static void
write_pending(void)
{
	Snapshot	snapshot;
	Relation	rel;
	CatalogIndexState indexes;

	if (npending == 0)
		return;
	nmarks = 0;
	add_up(0);
	snapshot = cp_latest_snapshot();
	rel = table_open(cp_relation_oid("word_count"), RowExclusiveLock);
	indexes = CatalogOpenIndexes(rel);
	for (int i = 0; i < npending; i++)
	{
		SysScanDesc scan;
		HeapTuple	tuple;
		HeapTuple	fresh;
		Counts		counts = {0};

		if (pending[i].given == 0 && pending[i].family == 0)
			continue;
		scan = scan_word(rel, snapshot, pending[i].word);
		tuple = systable_getnext(scan);
		if (HeapTupleIsValid(tuple))
			deform_counts(tuple, RelationGetDescr(rel), &counts);
		counts.given += pending[i].given;
		counts.family += pending[i].family;
		fresh = form_counts(pending[i].word, &counts, RelationGetDescr(rel));
		if (HeapTupleIsValid(tuple))
			CatalogTupleUpdateWithInfo(rel, &tuple->t_self, fresh, indexes);
		else
			CatalogTupleInsertWithInfo(rel, fresh, indexes);
		heap_freetuple(fresh);
		systable_endscan(scan);
	}
	CatalogCloseIndexes(indexes);
	table_close(rel, NoLock);
	UnregisterSnapshot(snapshot);
	CommandCounterIncrement();
	forget_pending();
}

static void
transaction_ends(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE)
		write_pending();
	if (event == XACT_EVENT_ABORT || event == XACT_EVENT_COMMIT || event == XACT_EVENT_PREPARE)
		forget_pending();
}

static void
subtransaction_ends(SubXactEvent event, SubTransactionId mine,
					SubTransactionId parent, void *arg)
{
	if (nmarks == 0 || marks[nmarks - 1].subtransaction != mine)
		return;
	if (event == SUBXACT_EVENT_ABORT_SUB)
	{
		npending = marks[--nmarks].from;
		pending_records = 0;
		count_records(pending, npending);
	}
	else if (event == SUBXACT_EVENT_COMMIT_SUB)
	{
		/* what it counted is its parent's */
		if (nmarks > 1 ? marks[nmarks - 2].subtransaction == parent : parent == TopSubTransactionId)
			nmarks--;
		else
			marks[nmarks - 1].subtransaction = parent;
	}
}

static void
begin_pending(void)
{
	static bool registered = false;

	if (!registered)
	{
		RegisterXactCallback(transaction_ends, NULL);
		RegisterSubXactCallback(subtransaction_ends, NULL);
		registered = true;
	}
	context = AllocSetContextCreate(TopMemoryContext, "contactpoint counts", ALLOCSET_DEFAULT_SIZES);
	pending_size = 1024;
	pending = MemoryContextAlloc(context, pending_size * sizeof(CpCountChange));
	marks_size = 16;
	marks = MemoryContextAlloc(context, marks_size * sizeof(Mark));
}

/* From here on the subtransaction now running counts. */
static void
mark_subtransaction(void)
{
	SubTransactionId current = GetCurrentSubTransactionId();

	if (current == TopSubTransactionId ||
		(nmarks > 0 && marks[nmarks - 1].subtransaction == current))
		return;
	if (nmarks >= marks_size)
	{
		marks_size *= 2;
		marks = repalloc(marks, marks_size * sizeof(Mark));
	}
	marks[nmarks].subtransaction = current;
	marks[nmarks++].from = npending;
}

/* Adds to counts, at the latest when the transaction commits. */
void
cp_epoch_count(const CpCountChange *changes, int nchanges)
{
	if (context == NULL)
		begin_pending();
	mark_subtransaction();
	if (npending + nchanges > pending_size)
	{
		add_up(nmarks > 0 ? marks[nmarks - 1].from : 0);
		while (npending + nchanges > pending_size / 2)
		{
			pending_size *= 2;
			pending = repalloc_huge(pending, pending_size * sizeof(CpCountChange));
		}
	}
	count_records(changes, nchanges);
	memcpy(pending + npending, changes, nchanges * sizeof(CpCountChange));
	npending += nchanges;
}

/* Forgets what was counted: the counts were emptied. */
void
cp_epoch_forget(void)
{
	forget_pending();
}

/* ---------- epochs ---------- */

/* Number of records by which scores go: changes with the epoch only. */
int64
cp_epoch(void)
{
	return cp_dictionary_word(CP_NO_WORD)->given_count;
}

/* The least mark that is more than so many records. */
static int64
next_mark(int64 records)
{
	double		steps = records < FIRST_MARK ? 0 :
	floor(log2((double) records / FIRST_MARK) * MARKS_TO_DOUBLE);
	int64		mark;

	do
	{
		mark = (int64) ceil(FIRST_MARK * exp2(steps / MARKS_TO_DOUBLE));
		steps++;
	} while (mark <= records);
	return mark;
}

/* How many new records, those in the delta counted, there is room for before the next mark. */
int64
cp_epoch_room(void)
{
	Counts		records = read_counts(CP_NO_WORD);

	return Max(next_mark(records.given_frozen) - records.given - pending_records - cp_delta_made(), 0);
}

/* What homes tell of the registry, as it is now. */
static void
count_kin(void)
{
	Counts		kin = read_counts(CP_KIN_WORD);
	Counts		all = read_counts(CP_NO_WORD);
	CpKinShares now;
	CpCountChange changes[] = {{CP_KIN_WORD}, {CP_NO_WORD}};

	cp_homes_count(&now);
	changes[0].given = (int32) (now.others - kin.given);
	changes[0].family = (int32) (now.twins - kin.family);
	changes[1].family = (int32) (now.redated - all.family);
	cp_epoch_count(changes, lengthof(changes));
}

/* Counts stand as they are now. */
static void
freeze(bool indexed)
{
	Snapshot	snapshot;
	Relation	rel;
	CatalogIndexState indexes;
	SysScanDesc scan;
	HeapTuple	tuple;

	cp_delta_end();
	if (indexed)
		count_kin();
	write_pending();
	snapshot = cp_latest_snapshot();
	rel = table_open(cp_relation_oid("word_count"), RowExclusiveLock);
	indexes = CatalogOpenIndexes(rel);
	scan = systable_beginscan(rel, InvalidOid, false, snapshot, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		HeapTuple	fresh;
		Counts		counts;
		bool		isnull;

		deform_counts(tuple, RelationGetDescr(rel), &counts);
		if (counts.given == counts.given_frozen && counts.family == counts.family_frozen)
			continue;
		counts.given_frozen = counts.given;
		counts.family_frozen = counts.family;
		fresh = form_counts(DatumGetInt32(heap_getattr(tuple, COUNT_WORD, RelationGetDescr(rel), &isnull)),
							&counts, RelationGetDescr(rel));
		CatalogTupleUpdateWithInfo(rel, &tuple->t_self, fresh, indexes);
		heap_freetuple(fresh);
	}
	systable_endscan(scan);
	CatalogCloseIndexes(indexes);
	table_close(rel, NoLock);
	UnregisterSnapshot(snapshot);
	CommandCounterIncrement();
	cp_dictionary_forget();
}

/*
 * Where there is no room: counts stand as they are now.  Otherwise does nothing,
 * nor in a subtransaction, whose end may not be that of what was counted.
 */
void
cp_epoch_advance(bool indexed)
{
	if (GetCurrentTransactionNestLevel() == 1 && cp_epoch_room() <= 0)
		freeze(indexed);
}

PG_FUNCTION_INFO_V1(contactpoint_count_homes);
/* contactpoint._count_homes(): after all keys were made anew */
Datum
contactpoint_count_homes(PG_FUNCTION_ARGS)
{
	cp_lock_matching();
	freeze(true);
	PG_RETURN_VOID();
}
