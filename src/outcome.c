/*-------------------------------------------------------------------------
 *
 * outcome.c
 *	  An outcome: what happens to one row of a batch.
 *
 *	  A match writes the details it sent, a new record is known to every search
 *	  at once (delta.c); a row that is held is hold.c's.  All waits until
 *	  cp_batch_flush, but what makes a record another one in a way that cannot
 *	  be foreseen (foreseen.c) is written at once.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "batch.h"
#include "keys.h"
#include "lookup.h"

CpBatch    *cp_current_batch = NULL;

/*
 * Has a row of the running batch, whose link may not be written yet, linked
 * this child to another reference of the source?
 */
bool
cp_settle_links(int64 child_id, const char *source, const char *source_ref)
{
	CpBatchChild *child;
	ListCell   *cell;

	if (cp_current_batch == NULL)
		return false;
	child = hash_search(cp_current_batch->children, &child_id, HASH_FIND, NULL);
	if (child == NULL)
		return false;
	foreach(cell, child->rows)
	{
		CpInboxRow *row = lfirst(cell);

		if (strcmp(row->source, source) == 0 && strcmp(row->source_ref, source_ref) != 0)
			return true;
	}
	return false;
}

void
cp_note_settled(CpBatch *batch, CpInboxRow *row, const char *outcome, int64 child_id, double score)
{
	MemoryContext caller = MemoryContextSwitchTo(batch->context);
	CpSettled  *settled = palloc(sizeof(CpSettled));

	settled->row = row;
	settled->outcome = outcome;
	settled->child_id = child_id;
	settled->score = (float4) score;
	batch->settled = lappend(batch->settled, settled);
	MemoryContextSwitchTo(caller);
}

static CpDelivery *
new_delivery(CpBatch *batch, CpInboxRow *row, CpBatchChild *child)
{
	CpDelivery *delivery = MemoryContextAllocZero(batch->context, sizeof(CpDelivery));

	delivery->row = row;
	delivery->child_id = child->child_id;
	delivery->made = child->made;
	delivery->responsible = child->responsible;
	delivery->linked_before = row->linked_child != 0 && !row->linked_formerly;
	return delivery;
}

/*
 * From now on the reference means this child, and has sent it this.  record: as it
 * will be then, NULL where that is not known.
 */
static void
note_link(CpBatch *batch, CpDelivery *delivery, CpBatchChild *child, const CpPerson *record)
{
	MemoryContext caller = MemoryContextSwitchTo(batch->context);
	CpInboxRow *row = delivery->row;

	row->linked_child = child->child_id;
	row->linked_formerly = false;
	row->link_authority = row->source_authority;
	row->sent = cp_resent_digest(row, child->child_id, record);
	child->responsible |= row->authority != 0;
	child->rows = lappend(child->rows, row);
	cp_news_tell(CP_NEWS_REFERENCE, cp_hash_reference(row));
	MemoryContextSwitchTo(caller);
}

static void
wait_to_be_written(CpBatch *batch, CpDelivery *delivery, CpBatchChild *child, const CpPerson *record)
{
	MemoryContext caller = MemoryContextSwitchTo(batch->context);

	/* what goes to a hidden child others have to know at once (birth.c) */
	Assert(!delivery->shielded || (delivery->birth != NULL && delivery->birth->reason == NULL));
	note_link(batch, delivery, child, record);
	batch->deliveries = lappend(batch->deliveries, delivery);
	child->waiting++;
	MemoryContextSwitchTo(caller);
}

/* Writes a delivery before those that wait. */
static void
write_delivery(CpBatch *batch, CpDelivery *delivery, CpBatchChild *child)
{
	note_link(batch, delivery, child, NULL);
	cp_write_deliveries(&delivery, 1);
	if (delivery->shielded)
		cp_household_note(batch, delivery->row);
}

/* Writes details of which only the registry can tell what they make of the record. */
static void
write_now(CpBatch *batch, CpDelivery *delivery, CpBatchChild *child)
{
	write_delivery(batch, delivery, child);
	cp_rekey(child->child_id);
}

bool
cp_same_source_writes(const CpBatchChild *child, const CpInboxRow *row, bool other_reference)
{
	/*
	 * what the last one of the source has sent is what the source has on
	 * record
	 */
	for (int i = list_length(child->rows) - 1; i >= 0; i--)
	{
		const CpInboxRow *earlier = list_nth(child->rows, i);

		if (strcmp(earlier->source, row->source) == 0)
			return !(other_reference && strcmp(earlier->source_ref, row->source_ref) == 0);
	}
	return false;
}

/* The rows that wait to be written to a child, the first one first. */
static List *
waiting_rows(const CpBatchChild *child)
{
	return list_copy_tail(child->rows, list_length(child->rows) - child->waiting);
}

/* From now on every search finds the record as it will be. */
static void
change_record(const CpPerson *record, const CpPerson *now)
{
	if (now != record)
		cp_delta_change(record, now);
}

/* Does a row that a person has decided say enough for a record? */
static void
require_enough(const CpInboxRow *row)
{
	DateADT		birth;

	if (row->given_names == NULL || row->family_name == NULL ||
		row->date_of_birth == NULL || !cp_parse_iso_date(row->date_of_birth, &birth))
		ereport(ERROR,
				(errcode(ERRCODE_CP_WRONG_STATE),
				 errmsg("the row has too little data for a record of its own"),
				 errhint("Decide reject, and ask the source to send the row again with names and the full date of birth.")));
}

/* Makes a record that is shielded from its first moment. */
static void
settle_born_shielded(CpBatch *batch, CpInboxRow *row, CpBatchChild *child, CpBirth *birth)
{
	CpDelivery *delivery = new_delivery(batch, row, child);

	cp_note_settled(batch, row, "new", child->child_id, 0);
	delivery->made = true;
	delivery->shielded = true;
	delivery->birth = birth;
	write_now(batch, delivery, child);
}

/* record is that of the child; NULL where it has not been read. */
void
cp_settle_match(CpBatch *batch, CpInboxRow *row, int64 child_id, const CpPerson *record, double score)
{
	CpBatchChild *child = cp_batch_child(batch, child_id);
	bool		shielded;
	const CpPerson *now;
	CpDelivery *delivery;

	if (record == NULL)
		record = cp_person_fetch(child_id);
	shielded = record != NULL && record->nearness >= CP_NEAR_SHIELDED;
	if (record != NULL && record->nearness == CP_NEAR_EXPECTED)
	{
		CpBirth		birth = {.expected = true};

		require_enough(row);
		settle_born_shielded(batch, row, child, &birth);
		return;
	}
	cp_note_settled(batch, row, "match", child_id, score);
	if (row->linked_child == child_id && !shielded && row->link_authority == row->source_authority &&
		row->sent == cp_resent_digest(row, child_id, record) && !cp_same_source_writes(child, row, true))
		return;

	/* what the source sent before must be there to be replaced */
	if (child->waiting > 0 && cp_same_source_writes(child, row, false))
		cp_batch_flush(batch);
	delivery = new_delivery(batch, row, child);
	delivery->shielded = shielded;
	now = record != NULL ? cp_foresee_person(delivery, record, waiting_rows(child)) : NULL;
	if (now != NULL)
	{
		change_record(record, now);
		wait_to_be_written(batch, delivery, child, now);
		return;
	}
	if (child->waiting > 0)
	{
		cp_batch_flush(batch);
		delivery->made = false;
	}
	write_now(batch, delivery, child);
}

/* Has a record of known_record one of these numbers? */
static bool
any_taken(const int64 *numbers, int n)
{
	static const char *const tables[][2] = {{"child", "child_pkey"}, {"hidden_record", "hidden_record_pkey"}};
	int64		sorted[CP_NUMBERS_AT_ONCE];
	bool		taken = false;

	memcpy(sorted, numbers, n * sizeof(int64));
	n = cp_children_unique(sorted, n);
	for (int t = 0; t < lengthof(tables); t++)
	{
		CpLookup	lookup;

		cp_lookup_begin(&lookup, tables[t][0], tables[t][1], 1, AccessShareLock);
		for (int i = 0; i < n && !taken; i++)
		{
			cp_lookup_to_number(&lookup, sorted[i]);
			taken = cp_lookup_next(&lookup);
		}
		cp_lookup_end(&lookup);
	}
	return taken;
}

/* A child number that nobody has.  They lie in no order. */
static int64
draw_number(CpBatch *batch)
{
	while (batch->nnumbers == 0)
	{
		int			wanted = Min(Max(batch->drawn, 8), CP_NUMBERS_AT_ONCE);

		cp_child_numbers_random(batch->numbers, wanted);
		batch->drawn += wanted;
		/* so rare that others are drawn */
		if (!any_taken(batch->numbers, wanted))
			batch->nnumbers = wanted;
	}
	return batch->numbers[--batch->nnumbers];
}

int64
cp_settle_new(CpBatch *batch, CpInboxRow *row, double score)
{
	int64		child_id = draw_number(batch);
	CpBatchChild *child = cp_batch_child(batch, child_id);
	CpDelivery *delivery = new_delivery(batch, row, child);

	delivery->made = true;
	cp_birth_decide(batch, delivery);
	cp_note_settled(batch, row, "new", child_id, score);
	if (row->alias_names == NULL || JB_ROOT_COUNT(row->alias_names) == 0)
	{
		CpPerson   *record = cp_inbox_record(row, child_id);

		if (delivery->shielded)
			record->nearness = CP_NEAR_SHIELDED;
		cp_delta_add(record);
		cp_news_tell(CP_NEWS_CHILD, child_id);

		/*
		 * whom a record hides, the next row may have to know; its keys can
		 * wait
		 */
		if (delivery->birth != NULL && delivery->birth->reason != NULL)
			write_delivery(batch, delivery, child);
		else
		{
			child->made = true;
			wait_to_be_written(batch, delivery, child, record);
		}
	}
	else
		write_now(batch, delivery, child);
	return child_id;
}

/*
 * review_id: the review whose decision this is.  Near a shielded record nobody
 * can be sure, so the new one is shielded from its first moment and belongs to
 * those who decided.
 */
int64
cp_settle_decided_new(CpBatch *batch, CpInboxRow *row, int64 review_id)
{
	CpBatchChild *child;
	CpBirth		birth = {"made by a decision near a shielded record"};
	Datum		argument = Int64GetDatum(review_id);

	require_enough(row);
	cp_batch_run(BORN_SHIELDED, &argument, NULL);
	if (SPI_processed == 0)
		return cp_settle_new(batch, row, 0);
	birth.authority = DatumGetInt64(cp_batch_column(0, 1));
	birth.responsible = true;

	child = cp_batch_child(batch, draw_number(batch));
	settle_born_shielded(batch, row, child, &birth);
	return child->child_id;
}
