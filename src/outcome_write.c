/*-------------------------------------------------------------------------
 *
 * outcome_write.c
 *	  What the rows of a batch do to the registry becomes rows of its tables.
 *
 *	  Lock order: child rows in the order of their numbers, after the matching
 *	  lock.  Nobody changes or deletes a child row without that.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "batch.h"
#include "details.h"
#include "lookup.h"

/* columns of contactpoint.child and source_link that are used here */
enum
{
	CHILD_SHIELDED = 6,
	LINK_SOURCE = 1,
	LINK_SOURCE_REF = 2,
	LINK_SENT = 6
};

static List *
add_number(List *numbers, int64 number)
{
	ListCell   *cell;

	if (number == 0)
		return numbers;
	foreach(cell, numbers)
	{
		if (*(int64 *) lfirst(cell) == number)
			return numbers;
	}
	{
		int64	   *copy = palloc(sizeof(int64));

		*copy = number;
		return lappend(numbers, copy);
	}
}

/* Locks the organisations that new rows will refer to. */
static void
lock_organisations(CpDelivery **deliveries, int n)
{
	List	   *organisations = NIL;
	Datum	   *numbers;
	Datum		argument;
	ListCell   *cell;
	int			i = 0;

	for (int d = 0; d < n; d++)
	{
		organisations = add_number(organisations, deliveries[d]->row->source_authority);
		organisations = add_number(organisations, deliveries[d]->row->authority);
	}
	numbers = palloc(sizeof(Datum) * (list_length(organisations) + 1));
	foreach(cell, organisations)
		numbers[i++] = Int64GetDatum(*(int64 *) lfirst(cell));
	argument = cp_batch_numbers(numbers, i);
	cp_batch_run(LOCK_ORGANISATIONS, &argument, NULL);
}

/* Locks the child row that was found; the slot has it as it is then. */
static void
lock_child(CpLookup *child)
{
	ItemPointerData tid = child->slot->tts_tid;
	TM_FailureData failure;

	if (table_tuple_lock(child->rel, &tid, child->snapshot, child->slot, GetCurrentCommandId(false),
						 LockTupleKeyShare, LockWaitBlock,
						 TUPLE_LOCK_FLAG_LOCK_UPDATE_IN_PROGRESS | TUPLE_LOCK_FLAG_FIND_LAST_VERSION,
						 &failure) != TM_Ok)
		elog(ERROR, "the record an upload was matched with is gone");
	slot_getallattrs(child->slot);
}

/* Is somebody responsible for the child already? */
static bool
has_responsible(CpLookup *responsible, int64 child_id)
{
	cp_lookup_to_number(responsible, child_id);
	return cp_lookup_next(responsible);
}

/*
 * Locks the children that were there before, as foreign keys would; the
 * deliveries are in their order.
 */
static void
lock_children(CpDelivery **deliveries, int n)
{
	const CpDetailTables *tables = &cp_detail_tables[CP_DETAIL_RESPONSIBILITY];
	CpLookup	child;
	CpLookup	responsible[2];
	int64		locked = 0;
	bool		shielded = false;

	cp_lookup_begin(&child, "child", "child_pkey", 1, RowShareLock);
	for (int side = 0; side < 2; side++)
		cp_lookup_begin(&responsible[side], tables->tables[side], tables->indexes[side], 1, AccessShareLock);
	for (int i = 0; i < n; i++)
	{
		CpDelivery *delivery = deliveries[i];

		if (delivery->made)
			continue;
		if (delivery->child_id != locked)
		{
			cp_lookup_to_number(&child, delivery->child_id);
			if (!cp_lookup_next(&child))
				elog(ERROR, "the record an upload was matched with is gone");
			lock_child(&child);
			locked = delivery->child_id;
			shielded = DatumGetBool(cp_slot_value(child.slot, CHILD_SHIELDED));
		}
		delivery->shielded = shielded;
		/* nobody else asks */
		if (delivery->row->authority != 0 && !delivery->responsible)
			delivery->responsible = has_responsible(&responsible[shielded], locked);
	}
	for (int side = 0; side < 2; side++)
		cp_lookup_end(&responsible[side]);
	cp_lookup_end(&child);
}

void
cp_insert_children(CpDelivery **deliveries, int n)
{
	CpBulk	   *bulk = NULL;
	int64		last = 0;

	for (int i = 0; i < n; i++)
	{
		const CpInboxRow *row = deliveries[i]->row;
		Datum		values[6];
		bool		nulls[6] = {false};
		DateADT		birth;

		/* of several rows for a new child the first made it */
		if (!deliveries[i]->made || deliveries[i]->child_id == last)
			continue;
		last = deliveries[i]->child_id;
		if (!cp_parse_iso_date(row->date_of_birth, &birth))
			elog(ERROR, "the inbox holds an impossible date");
		if (bulk == NULL)
			bulk = cp_bulk_begin("child");
		values[0] = Int64GetDatum(last);
		values[1] = CStringGetTextDatum(row->given_names);
		values[2] = CStringGetTextDatum(row->family_name);
		values[3] = CStringGetTextDatum(row->sex != NULL ? row->sex : "U");
		values[4] = DateADTGetDatum(birth);
		values[5] = BoolGetDatum(deliveries[i]->shielded);
		cp_bulk_add(bulk, values, nulls);
	}
	if (bulk != NULL)
		cp_bulk_write(bulk);
}

/* Whose managers see the link. */
static int64
link_authority(const CpDelivery *delivery)
{
	Datum		values[2] = {Int64GetDatum(delivery->child_id),
	Int64GetDatum(delivery->row->source_authority)};

	if (!delivery->shielded)
		return delivery->row->source_authority;
	cp_batch_run(AUTHORITY_OF_LINK, values, NULL);
	return DatumGetInt64(cp_batch_column(0, 1));
}

static void
insert_links(CpDelivery **deliveries, int n)
{
	CpBulk	   *bulk = NULL;

	for (int i = 0; i < n; i++)
	{
		const CpDelivery *delivery = deliveries[i];
		int64		authority = delivery->row->link_authority;
		Datum		values[6];
		bool		nulls[6] = {false};

		if (delivery->linked_before)
			continue;
		if (bulk == NULL)
			bulk = cp_bulk_begin("source_link");
		values[0] = CStringGetTextDatum(delivery->row->source);
		values[1] = CStringGetTextDatum(delivery->row->source_ref);
		values[2] = Int64GetDatum(delivery->child_id);
		values[3] = Int64GetDatum(authority);
		nulls[3] = authority == 0;
		values[4] = TimestampTzGetDatum(delivery->row->recorded_at);
		values[5] = Int64GetDatum(delivery->row->sent);
		nulls[5] = delivery->row->sent == 0;
		cp_bulk_add(bulk, values, nulls);
	}
	if (bulk != NULL)
		cp_bulk_write(bulk);
}

/* Columns of links as arrays. */
typedef struct LinkArrays
{
	int			n;
	Datum	   *columns[5];
	bool	   *nulls[5];
} LinkArrays;

static void
add_link(LinkArrays *arrays, const CpDelivery *delivery)
{
	int			i = arrays->n++;

	arrays->columns[0][i] = CStringGetTextDatum(delivery->row->source);
	arrays->columns[1][i] = CStringGetTextDatum(delivery->row->source_ref);
	arrays->columns[2][i] = Int64GetDatum(delivery->child_id);
	arrays->columns[3][i] = Int64GetDatum(delivery->row->link_authority);
	arrays->nulls[3][i] = delivery->row->link_authority == 0;
	arrays->columns[4][i] = Int64GetDatum(delivery->row->sent);
	arrays->nulls[4][i] = delivery->row->sent == 0;
}

static void
run_for_links(CpStatement which, const LinkArrays *arrays)
{
	Datum		values[5];
	int			dims[1] = {arrays->n};
	int			lbs[1] = {1};

	if (arrays->n == 0)
		return;
	for (int c = 0; c < cp_batch_arguments(which); c++)
		values[c] = PointerGetDatum(c < 2 ?
									construct_md_array(arrays->columns[c], arrays->nulls[c], 1, dims, lbs,
													   TEXTOID, -1, false, TYPALIGN_INT) :
									construct_md_array(arrays->columns[c], arrays->nulls[c], 1, dims, lbs,
													   INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
													   TYPALIGN_DOUBLE));
	cp_batch_run(which, values, NULL);
}

/*
 * Has another reference of the source a digest of what it sent the child last?
 * Then it is no longer what the source has on record.
 */
static bool
another_has_sent(CpLookup *links, const CpDelivery *delivery)
{
	bool		found = false;

	cp_lookup_to_number(links, delivery->child_id);
	while (!found && cp_lookup_next(links))
		found = !cp_slot_is_null(links->slot, LINK_SENT) &&
			cp_is_text(cp_slot_value(links->slot, LINK_SOURCE), delivery->row->source) &&
			!cp_is_text(cp_slot_value(links->slot, LINK_SOURCE_REF), delivery->row->source_ref);
	return found;
}

static void
forget_sent(CpDelivery **deliveries, int n, LinkArrays *others)
{
	CpLookup	links;

	cp_lookup_begin(&links, "source_link", "source_link_child_id_idx", 1, AccessShareLock);
	for (int i = 0; i < n; i++)
		if (!deliveries[i]->made && another_has_sent(&links, deliveries[i]))
			add_link(others, deliveries[i]);
	cp_lookup_end(&links);
	run_for_links(FORGET_SENT, others);
}

static void
change_links(CpDelivery **deliveries, int n)
{
	LinkArrays	links = {0};
	LinkArrays	others = {0};

	for (int c = 0; c < 5; c++)
	{
		links.columns[c] = palloc(sizeof(Datum) * (n + 1));
		links.nulls[c] = palloc0(sizeof(bool) * (n + 1));
		others.columns[c] = palloc(sizeof(Datum) * (n + 1));
		others.nulls[c] = palloc0(sizeof(bool) * (n + 1));
	}
	for (int i = 0; i < n; i++)
	{
		if (deliveries[i]->linked_before)
			add_link(&links, deliveries[i]);
	}
	run_for_links(CHANGE_LINKS, &links);
	forget_sent(deliveries, n, &others);
}

static int
by_child(const void *a, const void *b)
{
	const CpDelivery *left = *(CpDelivery *const *) a;
	const CpDelivery *right = *(CpDelivery *const *) b;

	if (left->child_id != right->child_id)
		return left->child_id < right->child_id ? -1 : 1;
	return left->row->upload_id < right->row->upload_id ? -1 : 1;
}

/* Children, details and links. */
void
cp_write_deliveries(CpDelivery **deliveries, int n)
{
	qsort(deliveries, n, sizeof(CpDelivery *), by_child);
	lock_organisations(deliveries, n);
	lock_children(deliveries, n);
	cp_insert_children(deliveries, n);
	CommandCounterIncrement();
	cp_birth_shields(deliveries, n);
	cp_details_write(deliveries, n);
	for (int i = 0; i < n; i++)
	{
		deliveries[i]->row->link_authority = link_authority(deliveries[i]);
		/* what a shielded child was sent is written every time */
		if (deliveries[i]->shielded)
			deliveries[i]->row->sent = 0;
	}
	change_links(deliveries, n);
	insert_links(deliveries, n);
	CommandCounterIncrement();
}

static void
insert_settlements(List *settled)
{
	CpBulk	   *bulk = NULL;
	ListCell   *cell;

	foreach(cell, settled)
	{
		const CpSettled *s = lfirst(cell);
		Datum		values[9];
		bool		nulls[9] = {false};

		if (!s->row->present)
			continue;
		if (s->row->was_held)
		{
			values[0] = Int64GetDatum(s->row->upload_id);
			values[1] = CStringGetTextDatum(s->outcome);
			values[2] = Int64GetDatum(s->child_id);
			values[3] = Float4GetDatum(s->score);
			values[4] = TimestampTzGetDatum(s->row->recorded_at);
			cp_batch_run(CHANGE_SETTLEMENT, values, s->child_id == 0 ? "  n  " : NULL);
			continue;
		}
		if (bulk == NULL)
			bulk = cp_bulk_begin("settlement");
		values[0] = Int64GetDatum(s->row->upload_id);
		values[1] = CStringGetTextDatum(s->row->source);
		values[2] = CStringGetTextDatum(s->row->source_ref);
		nulls[3] = s->row->batch == NULL;
		if (s->row->batch != NULL)
			values[3] = CStringGetTextDatum(s->row->batch);
		values[4] = CStringGetTextDatum(s->outcome);
		values[5] = Int64GetDatum(s->child_id);
		nulls[5] = s->child_id == 0;
		values[6] = Float4GetDatum(s->score);
		nulls[6] = isnan(s->score);
		values[7] = TimestampTzGetDatum(GetCurrentTimestamp());
		/* by which the details that this row brought are found again */
		values[8] = TimestampTzGetDatum(s->row->recorded_at);
		cp_bulk_add(bulk, values, nulls);
	}
	if (bulk != NULL)
		cp_bulk_write(bulk);
}

static int
by_number(const void *a, const void *b)
{
	int64		left = *(const int64 *) a;
	int64		right = *(const int64 *) b;

	return left < right ? -1 : left > right ? 1 : 0;
}

static void
record_settlements(List *settled)
{
	int64	   *numbers = palloc(sizeof(int64) * (list_length(settled) + 1));
	ListCell   *cell;
	int			n = 0;

	if (settled == NIL)
		return;
	insert_settlements(settled);
	foreach(cell, settled)
		numbers[n++] = ((CpSettled *) lfirst(cell))->row->upload_id;
	qsort(numbers, n, sizeof(int64), by_number);
	cp_inbox_settled(numbers, n);
	n = 0;
	foreach(cell, settled)
	{
		const CpSettled *s = lfirst(cell);

		if (s->row->present && strcmp(s->outcome, "hold") != 0)
			numbers[n++] = s->row->upload_id;
	}
	qsort(numbers, n, sizeof(int64), by_number);
	cp_inbox_drop(numbers, n);
}

static void
record_waiting(const List *waiting)
{
	Datum	   *numbers = palloc(sizeof(Datum) * (list_length(waiting) + 1));
	Datum		argument;
	ListCell   *cell;
	int			n = 0;

	if (waiting == NIL)
		return;
	foreach(cell, waiting)
		numbers[n++] = Int64GetDatum(((CpInboxRow *) lfirst(cell))->upload_id);
	argument = cp_batch_numbers(numbers, n);
	cp_batch_run(NOTE_WAITING, &argument, NULL);
}

/* Writes all that waits. */
void
cp_batch_flush(CpBatch *batch)
{
	MemoryContext scratch = AllocSetContextCreate(batch->context, "contactpoint flush",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(scratch);
	int			row = cp_settling;
	int			n = list_length(batch->deliveries);

	cp_settling = -1;
	if (n > 0)
	{
		CpDelivery **deliveries = palloc(sizeof(CpDelivery *) * n);
		ListCell   *cell;
		int			i = 0;

		foreach(cell, batch->deliveries)
			deliveries[i++] = lfirst(cell);
		cp_write_deliveries(deliveries, n);
		for (i = 0; i < n; i++)
		{
			CpBatchChild *child = cp_batch_child(batch, deliveries[i]->child_id);

			child->made = false;
			child->waiting = 0;
			if (deliveries[i]->shielded)
				cp_household_note(batch, deliveries[i]->row);
		}
	}
	cp_delta_write();
	cp_reviews_write(batch);
	record_settlements(batch->settled);
	record_waiting(batch->waiting);
	MemoryContextSwitchTo(caller);
	list_free(batch->deliveries);
	list_free(batch->settled);
	list_free(batch->waiting);
	batch->deliveries = NIL;
	batch->settled = NIL;
	batch->waiting = NIL;
	CommandCounterIncrement();
	MemoryContextDelete(scratch);
	cp_settling = row;
}
