/*-------------------------------------------------------------------------
 *
 * inbox.c
 *	  Reads rows of the inbox with what is known of their references, and takes
 *	  them out of it when they are settled.
 *
 *	  Settled rows have no place here: a row is in upload while it is pending
 *	  or held.
 *
 *	  All of it goes below the executor: the rows of a batch lie side by side
 *	  in the order of their numbers, so one walk along an index meets them all,
 *	  however many receipts there are and whatever statistics say of them.
 *	  Nobody else writes pending rows or their receipts but own work under the
 *	  matching lock; a superuser who takes some away meanwhile makes the batch
 *	  fail and be tried again.
 *
 *	  Locks: AccessShareLock on the tables that are read, RowExclusiveLock on
 *	  upload and receipt to write them, kept to the end of the transaction.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/jsonb.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "inbox.h"
#include "match.h"
#include "settle.h"

#define STRIDE 16				/* rows walked past before the index is asked
								 * for the next number */

/* columns of tables that say something of a reference */
enum
{
	LINK_CHILD = 3,
	LINK_AUTHORITY = 4,
	LINK_SENT = 6,
	FORMER_CHILD = 3,
	HELD_REVIEW = 3
};

/* ---------- a table by one of its indexes ---------- */

typedef struct Walk
{
	Relation	rel;
	Relation	index;
	Snapshot	snapshot;
	IndexScanDesc scan;
	TupleTableSlot *slot;
} Walk;

static void
walk_begin(Walk *walk, const char *table, const char *index, int nkeys, LOCKMODE lock)
{
	walk->rel = table_open(cp_relation_oid(table), lock);
	walk->index = index_open(cp_relation_oid(index), lock);
	walk->snapshot = cp_latest_snapshot();
	walk->scan = cp_index_beginscan(walk->rel, walk->index, walk->snapshot, nkeys);
	walk->slot = table_slot_create(walk->rel, NULL);
}

static void
walk_end(Walk *walk)
{
	ExecDropSingleTupleTableSlot(walk->slot);
	index_endscan(walk->scan);
	UnregisterSnapshot(walk->snapshot);
	index_close(walk->index, NoLock);
	table_close(walk->rel, NoLock);
}

static bool
walk_next(Walk *walk)
{
	if (!index_getnext_slot(walk->scan, ForwardScanDirection, walk->slot))
		return false;
	slot_getallattrs(walk->slot);
	return true;
}

/* From a number on, in an index whose first column it is. */
static void
walk_from(Walk *walk, int64 number)
{
	ScanKeyData key;

	ScanKeyInit(&key, 1, BTGreaterEqualStrategyNumber, F_INT8GE, Int64GetDatum(number));
	index_rescan(walk->scan, &key, 1, NULL, 0);
}

/* To the row with a text, or two, in an index that begins with these columns. */
static bool
walk_to(Walk *walk, Datum first, Datum second)
{
	ScanKeyData keys[2];

	cp_text_key(&keys[0], walk->index, 1, first);
	if (walk->scan->numberOfKeys > 1)
		cp_text_key(&keys[1], walk->index, 2, second);
	index_rescan(walk->scan, keys, walk->scan->numberOfKeys, NULL, 0);
	return walk_next(walk);
}

static Datum
value_of(const TupleTableSlot *slot, int column)
{
	return slot->tts_values[column - 1];
}

static bool
is_null(const TupleTableSlot *slot, int column)
{
	return slot->tts_isnull[column - 1];
}

static int64
number_of(const TupleTableSlot *slot, int column)
{
	return is_null(slot, column) ? 0 : DatumGetInt64(value_of(slot, column));
}

/*
 * Walks to the rows with these numbers, which ascend, in an index whose first
 * column they are, and calls found with the place of each that is there.
 */
static void
walk_numbers(Walk *walk, const int64 *numbers, int n, void (*found) (Walk *walk, int place, void *argument), void *argument)
{
	int			i = 0;
	int			passed = STRIDE;

	while (i < n)
	{
		int64		number;

		if (passed >= STRIDE)
		{
			walk_from(walk, numbers[i]);
			passed = 0;
		}
		if (!walk_next(walk))
			return;
		number = number_of(walk->slot, 1);
		while (i < n && numbers[i] < number)
			i++;
		passed++;
		if (i < n && numbers[i] == number)
		{
			found(walk, i++, argument);
			passed = 0;
		}
	}
}

/* ---------- what is pending ---------- */

/*
 * Numbers of up to limit pending rows after the given one, lowest first.
 */
int
cp_inbox_pending(int64 after, int limit, int64 **numbers)
{
	Walk		walk;
	int			n = 0;

	*numbers = palloc(sizeof(int64) * Max(limit, 1));
	/* the index holds pending rows only */
	walk_begin(&walk, "receipt", "receipt_pending_idx", 1, AccessShareLock);
	walk_from(&walk, after + 1);
	while (n < limit && walk_next(&walk))
		(*numbers)[n++] = number_of(walk.slot, RECEIPT_ID);
	walk_end(&walk);
	return n;
}

/* ---------- rows ---------- */

/* What is known of a source; those of a batch are few. */
typedef struct KnownSource
{
	char	   *source;
	int64		organisation;
	bool		embargoed;
} KnownSource;

/* Where the references of the rows are looked for. */
typedef struct Reader
{
	CpInboxRow *rows;
	List	   *sources;		/* KnownSource * */
	Walk		source;
	Walk		link;
	Walk		former;
	Walk		held;
	Walk		remembered;
	Walk		waiting;
} Reader;

static char *
text_of(const TupleTableSlot *slot, int column)
{
	return is_null(slot, column) ? NULL : TextDatumGetCString(value_of(slot, column));
}

static Jsonb *
jsonb_of(const TupleTableSlot *slot, int column)
{
	return is_null(slot, column) ? NULL : DatumGetJsonbPCopy(value_of(slot, column));
}

static const KnownSource *
known_source(Reader *reader, const char *name, Datum datum)
{
	KnownSource *known;
	ListCell   *cell;

	foreach(cell, reader->sources)
	{
		known = lfirst(cell);
		if (strcmp(known->source, name) == 0)
			return known;
	}
	if (!walk_to(&reader->source, datum, (Datum) 0))
		return NULL;
	known = palloc(sizeof(KnownSource));
	known->source = pstrdup(name);
	known->organisation = number_of(reader->source.slot, SOURCE_ORGANISATION);
	known->embargoed = !is_null(reader->source.slot, SOURCE_EMBARGOED_AT);
	reader->sources = lappend(reader->sources, known);
	return known;
}

/* What is known of the row's reference. */
static void
read_reference(Reader *reader, CpInboxRow *row, Datum source, Datum source_ref)
{
	bool		linked = walk_to(&reader->link, source, source_ref);

	if (linked)
	{
		row->linked_child = number_of(reader->link.slot, LINK_CHILD);
		row->link_authority = number_of(reader->link.slot, LINK_AUTHORITY);
		row->sent = number_of(reader->link.slot, LINK_SENT);
	}
	else if (walk_to(&reader->former, source, source_ref))
		row->linked_child = number_of(reader->former.slot, FORMER_CHILD);
	row->linked_formerly = !linked && row->linked_child != 0;
	if (walk_to(&reader->held, source, source_ref))
		row->open_review = number_of(reader->held.slot, HELD_REVIEW);
	row->remembered = walk_to(&reader->remembered, source, source_ref);
	row->waits = row->embargoed && walk_to(&reader->waiting, source, source_ref);
}

static void
read_row(Walk *walk, int place, void *argument)
{
	Reader	   *reader = argument;
	CpInboxRow *row = &reader->rows[place];
	TupleTableSlot *slot = walk->slot;
	char	   *source = text_of(slot, UPLOAD_SOURCE);
	const KnownSource *known = known_source(reader, source, value_of(slot, UPLOAD_SOURCE));

	if (known == NULL)
		return;
	row->present = true;
	row->source = source;
	row->source_ref = text_of(slot, UPLOAD_SOURCE_REF);
	row->batch = text_of(slot, UPLOAD_BATCH);
	row->authority = number_of(slot, UPLOAD_AUTHORITY);
	row->given_names = text_of(slot, UPLOAD_GIVEN_NAMES);
	row->family_name = text_of(slot, UPLOAD_FAMILY_NAME);
	row->sex = text_of(slot, UPLOAD_SEX);
	row->date_of_birth = text_of(slot, UPLOAD_DATE_OF_BIRTH);
	row->address = text_of(slot, UPLOAD_ADDRESS);
	row->postcode = text_of(slot, UPLOAD_POSTCODE);
	row->identifiers = jsonb_of(slot, UPLOAD_IDENTIFIERS);
	row->carers = jsonb_of(slot, UPLOAD_CARERS);
	row->involvements = jsonb_of(slot, UPLOAD_INVOLVEMENTS);
	row->alias_names = jsonb_of(slot, UPLOAD_ALIAS_NAMES);
	row->source_authority = known->organisation;
	row->embargoed = known->embargoed;
	read_reference(reader, row, value_of(slot, UPLOAD_SOURCE), value_of(slot, UPLOAD_SOURCE_REF));
}

/* A moment that this process has given to no other row. */
static TimestampTz
moment(void)
{
	static TimestampTz last = 0;

	last = Max(last + 1, GetCurrentTimestamp());
	return last;
}

/*
 * Reads rows by number, into the current memory context; the numbers are in
 * ascending order.
 */
CpInboxRow *
cp_inbox_read(const int64 *numbers, int n)
{
	Reader		reader = {palloc0(sizeof(CpInboxRow) * Max(n, 1))};
	Walk		walk;

	if (!cp_in_own_work())
		ereport(ERROR,
				(errcode(ERRCODE_CP_PROTECTED),
				 errmsg("the inbox is read by the registry itself only"),
				 errhint("SELECT contactpoint.held_upload(review_id).")));
	for (int i = 0; i < n; i++)
	{
		reader.rows[i].upload_id = numbers[i];
		reader.rows[i].recorded_at = moment();
	}
	CommandCounterIncrement();
	walk_begin(&walk, "upload", "upload_pkey", 1, AccessShareLock);
	walk_begin(&reader.source, "source", "source_pkey", 1, AccessShareLock);
	walk_begin(&reader.link, "source_link", "source_link_pkey", 2, AccessShareLock);
	walk_begin(&reader.former, "former_reference", "former_reference_pkey", 2, AccessShareLock);
	walk_begin(&reader.held, "held_reference", "held_reference_pkey", 2, AccessShareLock);
	walk_begin(&reader.remembered, "remembered", "remembered_source_idx", 2, AccessShareLock);
	walk_begin(&reader.waiting, "receipt", "receipt_waiting_idx", 2, AccessShareLock);
	walk_numbers(&walk, numbers, n, read_row, &reader);
	walk_end(&reader.waiting);
	walk_end(&reader.remembered);
	walk_end(&reader.held);
	walk_end(&reader.former);
	walk_end(&reader.link);
	walk_end(&reader.source);
	walk_end(&walk);
	return reader.rows;
}

static void
note_there(Walk *walk, int place, void *argument)
{
	((bool *) argument)[place] = true;
}

/* Which of these rows are in the inbox?  The numbers are in ascending order. */
void
cp_inbox_look(const int64 *numbers, int n, bool *there)
{
	Walk		walk;

	walk_begin(&walk, "upload", "upload_pkey", 1, AccessShareLock);
	walk_numbers(&walk, numbers, n, note_there, there);
	walk_end(&walk);
}

/* ---------- rows that are settled ---------- */

/* What replaces a row and its entries in indexes. */
typedef struct Replacer
{
	EState	   *estate;
	ResultRelInfo *result;
	TupleTableSlot *slot;
} Replacer;

static void
put_settled_at(Walk *walk, int place, void *argument)
{
	Replacer   *replacer = argument;
	TupleTableSlot *slot = replacer->slot;
	CpUpdatedIndexes indexes;

	if (!is_null(walk->slot, RECEIPT_SETTLED_AT))
		return;
	ExecClearTuple(slot);
	memcpy(slot->tts_values, walk->slot->tts_values, RECEIPT_COLUMNS * sizeof(Datum));
	memcpy(slot->tts_isnull, walk->slot->tts_isnull, RECEIPT_COLUMNS * sizeof(bool));
	slot->tts_values[RECEIPT_SETTLED_AT - 1] = TimestampTzGetDatum(GetCurrentTimestamp());
	slot->tts_isnull[RECEIPT_SETTLED_AT - 1] = false;
	ExecStoreVirtualTuple(slot);
	slot->tts_tableOid = RelationGetRelid(walk->rel);
	ExecConstraints(replacer->result, slot, replacer->estate);
	simple_table_tuple_update(walk->rel, &walk->slot->tts_tid, slot, walk->snapshot, &indexes);
	cp_update_index_tuples(replacer->result, slot, replacer->estate, indexes);
	ResetPerTupleExprContext(replacer->estate);
}

/*
 * Notes the time in receipts that are pending; the numbers are in ascending
 * order.
 */
void
cp_inbox_settled(const int64 *numbers, int n)
{
	Replacer	replacer;
	Walk		walk;

	CommandCounterIncrement();
	walk_begin(&walk, "receipt", "receipt_pkey", 1, RowExclusiveLock);
	replacer.estate = CreateExecutorState();
	replacer.result = makeNode(ResultRelInfo);
	InitResultRelInfo(replacer.result, walk.rel, 0, NULL, 0);
	ExecOpenIndices(replacer.result, false);
	replacer.slot = MakeSingleTupleTableSlot(RelationGetDescr(walk.rel), &TTSOpsVirtual);
	walk_numbers(&walk, numbers, n, put_settled_at, &replacer);
	ExecDropSingleTupleTableSlot(replacer.slot);
	ExecCloseIndices(replacer.result);
	FreeExecutorState(replacer.estate);
	walk_end(&walk);
}

static void
drop_row(Walk *walk, int place, void *argument)
{
	simple_table_tuple_delete(walk->rel, &walk->slot->tts_tid, walk->snapshot);
}

/* Takes rows out of the inbox; the numbers are in ascending order. */
void
cp_inbox_drop(const int64 *numbers, int n)
{
	Walk		walk;

	CommandCounterIncrement();
	walk_begin(&walk, "upload", "upload_pkey", 1, RowExclusiveLock);
	walk_numbers(&walk, numbers, n, drop_row, NULL);
	walk_end(&walk);
}
