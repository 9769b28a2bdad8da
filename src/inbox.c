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

#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "inbox.h"
#include "settle.h"
#include "lookup.h"

/* columns of tables that say something of a reference */
enum
{
	LINK_CHILD = 3,
	LINK_AUTHORITY = 4,
	LINK_SENT = 6,
	FORMER_CHILD = 3,
	HELD_REVIEW = 3
};

/* ---------- what is pending ---------- */

/*
 * Numbers of up to limit pending rows after the given one, lowest first.
 */
int
cp_inbox_pending(int64 after, int limit, int64 **numbers)
{
	CpLookup	lookup;
	int			n = 0;

	*numbers = palloc(sizeof(int64) * Max(limit, 1));
	/* the index holds pending rows only */
	cp_lookup_begin(&lookup, "receipt", "receipt_pending_idx", 1, AccessShareLock);
	cp_lookup_from(&lookup, after + 1);
	while (n < limit && cp_lookup_next(&lookup))
		(*numbers)[n++] = cp_slot_number(lookup.slot, RECEIPT_ID);
	cp_lookup_end(&lookup);
	return n;
}

/* ---------- rows ---------- */

/* What is known of a source; those of a batch are few. */
typedef struct KnownSource
{
	char	   *source;
	Datum		name;			/* the same */
	int64		organisation;
	bool		embargoed;
} KnownSource;

static char *
text_of(const TupleTableSlot *slot, int column)
{
	return cp_slot_is_null(slot, column) ? NULL : TextDatumGetCString(cp_slot_value(slot, column));
}

static Jsonb *
jsonb_of(const TupleTableSlot *slot, int column)
{
	return cp_slot_is_null(slot, column) ? NULL : DatumGetJsonbPCopy(cp_slot_value(slot, column));
}

/* Where rows go, and the sources that they come from. */
typedef struct Reader
{
	CpInboxRow *rows;
	List	   *sources;		/* KnownSource * */
	CpLookup	source;
} Reader;

static const KnownSource *
known_source(Reader *reader, Datum name)
{
	KnownSource *known;
	ListCell   *cell;

	foreach(cell, reader->sources)
	{
		known = lfirst(cell);
		if (cp_is_text(name, known->source))
			return known;
	}
	if (!cp_lookup_to_texts(&reader->source, name, (Datum) 0))
		return NULL;
	known = palloc(sizeof(KnownSource));
	known->source = TextDatumGetCString(name);
	known->name = CStringGetTextDatum(known->source);
	known->organisation = cp_slot_number(reader->source.slot, SOURCE_ORGANISATION);
	known->embargoed = !cp_slot_is_null(reader->source.slot, SOURCE_EMBARGOED_AT);
	reader->sources = lappend(reader->sources, known);
	return known;
}

static void
read_row(CpLookup *lookup, int place, void *argument)
{
	Reader	   *reader = argument;
	CpInboxRow *row = &reader->rows[place];
	TupleTableSlot *slot = lookup->slot;
	const KnownSource *known = known_source(reader, cp_slot_value(slot, UPLOAD_SOURCE));

	if (known == NULL)
		return;
	row->present = true;
	row->source = known->source;
	row->source_ref = text_of(slot, UPLOAD_SOURCE_REF);
	row->batch = text_of(slot, UPLOAD_BATCH);
	row->authority = cp_slot_number(slot, UPLOAD_AUTHORITY);
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
}

/* Where references are looked for. */
typedef struct References
{
	CpLookup	link;
	CpLookup	former;
	CpLookup	held;
	CpLookup	remembered;
	CpLookup	waiting;
} References;

/* What is known of the row's reference. */
static void
read_reference(References *references, CpInboxRow *row, Datum source)
{
	Datum		source_ref = CStringGetTextDatum(row->source_ref);
	bool		linked = cp_lookup_to_texts(&references->link, source, source_ref);

	if (linked)
	{
		row->linked_child = cp_slot_number(references->link.slot, LINK_CHILD);
		row->link_authority = cp_slot_number(references->link.slot, LINK_AUTHORITY);
		row->sent = cp_slot_number(references->link.slot, LINK_SENT);
	}
	else if (cp_lookup_ascending(&references->former, source, source_ref))
		row->linked_child = cp_slot_number(references->former.slot, FORMER_CHILD);
	row->linked_formerly = !linked && row->linked_child != 0;
	if (cp_lookup_ascending(&references->held, source, source_ref))
		row->open_review = cp_slot_number(references->held.slot, HELD_REVIEW);
	row->remembered = cp_lookup_ascending(&references->remembered, source, source_ref);
	row->waits = row->embargoed && cp_lookup_ascending(&references->waiting, source, source_ref);
	pfree(DatumGetPointer(source_ref));
}

static int
by_reference(const void *a, const void *b)
{
	return strcmp((*(CpInboxRow *const *) a)->source_ref, (*(CpInboxRow *const *) b)->source_ref);
}

/* In the order of the indexes, of which each page is met once then. */
static void
read_references(Reader *reader, int n)
{
	CpInboxRow **rows = palloc(sizeof(CpInboxRow *) * Max(n, 1));
	References	references;
	int			nrows = 0;
	ListCell   *cell;

	for (int i = 0; i < n; i++)
		if (reader->rows[i].present)
			rows[nrows++] = &reader->rows[i];
	qsort(rows, nrows, sizeof(CpInboxRow *), by_reference);
	cp_lookup_begin(&references.link, "source_link", "source_link_pkey", 2, AccessShareLock);
	cp_lookup_begin(&references.former, "former_reference", "former_reference_pkey", 2, AccessShareLock);
	cp_lookup_begin(&references.held, "held_reference", "held_reference_pkey", 2, AccessShareLock);
	cp_lookup_begin(&references.remembered, "remembered", "remembered_source_idx", 2, AccessShareLock);
	cp_lookup_begin(&references.waiting, "receipt", "receipt_waiting_idx", 2, AccessShareLock);
	foreach(cell, reader->sources)
	{
		const KnownSource *known = lfirst(cell);

		for (int i = 0; i < nrows; i++)
			if (rows[i]->source == known->source)
				read_reference(&references, rows[i], known->name);
	}
	cp_lookup_end(&references.waiting);
	cp_lookup_end(&references.remembered);
	cp_lookup_end(&references.held);
	cp_lookup_end(&references.former);
	cp_lookup_end(&references.link);
	pfree(rows);
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
	CpLookup	lookup;

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
	cp_lookup_begin(&lookup, "upload", "upload_pkey", 1, AccessShareLock);
	cp_lookup_begin(&reader.source, "source", "source_pkey", 1, AccessShareLock);
	cp_lookup_numbers(&lookup, numbers, n, read_row, &reader);
	cp_lookup_end(&reader.source);
	cp_lookup_end(&lookup);
	read_references(&reader, n);
	return reader.rows;
}

static void
note_there(CpLookup *lookup, int place, void *argument)
{
	((bool *) argument)[place] = true;
}

/* Which of these rows are in the inbox?  The numbers are in ascending order. */
void
cp_inbox_look(const int64 *numbers, int n, bool *there)
{
	CpLookup	lookup;

	cp_lookup_begin(&lookup, "upload", "upload_pkey", 1, AccessShareLock);
	cp_lookup_numbers(&lookup, numbers, n, note_there, there);
	cp_lookup_end(&lookup);
}

/* ---------- rows that are settled ---------- */

static void
drop_row(CpLookup *lookup, int place, void *argument)
{
	simple_table_tuple_delete(lookup->rel, &lookup->slot->tts_tid, lookup->snapshot);
}

/* A page full of receipts has no room for later versions of them, so they are written anew. */
static void
settle_receipt(CpLookup *lookup, int place, void *argument)
{
	Datum		values[RECEIPT_COLUMNS];
	bool		nulls[RECEIPT_COLUMNS];

	memcpy(values, lookup->slot->tts_values, sizeof(values));
	memcpy(nulls, lookup->slot->tts_isnull, sizeof(nulls));
	values[RECEIPT_SETTLED_AT - 1] = TimestampTzGetDatum(GetCurrentTimestamp());
	nulls[RECEIPT_SETTLED_AT - 1] = false;
	cp_bulk_add(argument, values, nulls);
	drop_row(lookup, place, NULL);
}

/*
 * Notes the time in receipts that are pending, which leave the index; the numbers
 * are in ascending order.
 */
void
cp_inbox_settled(const int64 *numbers, int n)
{
	CpBulk	   *bulk = cp_bulk_begin("receipt");
	CpLookup	lookup;

	CommandCounterIncrement();
	cp_lookup_begin(&lookup, "receipt", "receipt_pending_idx", 1, RowExclusiveLock);
	cp_lookup_numbers(&lookup, numbers, n, settle_receipt, bulk);
	cp_lookup_end(&lookup);
	cp_bulk_write(bulk);
}

/* Takes rows out of the inbox; the numbers are in ascending order. */
void
cp_inbox_drop(const int64 *numbers, int n)
{
	CpLookup	lookup;

	CommandCounterIncrement();
	cp_lookup_begin(&lookup, "upload", "upload_pkey", 1, RowExclusiveLock);
	cp_lookup_numbers(&lookup, numbers, n, drop_row, NULL);
	cp_lookup_end(&lookup);
}
