/*-------------------------------------------------------------------------
 *
 * settle.c
 *	  Rows of the inbox are decided in their order: by whom they are about, what
 *	  others have committed meanwhile, and what rows before them in the batch
 *	  have done.
 *
 *	  Rows are decided in the order of their numbers and written together:
 *	  what a row does to the registry waits until the end of the batch, or
 *	  until a later row of the batch depends on it.  The outcome is that of
 *	  rows settled one by one:
 *	  - a new record, or a changed one, is known to every search at once
 *		(delta.c); what cannot be foreseen of it is written at once;
 *	  - what is known of a reference is carried from row to row, and links that
 *		wait to be written are told to whoever asks for them (cp_settle_links).
 *
 *	  A settled row leaves the inbox: match and new write the details it sent,
 *	  hold opens or joins the one review of its reference and leaves the row
 *	  where it is.  No upload changes the public name, sex or birth date of a
 *	  record.  A reference that sends what it sent last has nothing to write
 *	  but its settlement, unless the child is shielded.
 *
 *	  Under an embargo of its source a row that may be about an open record is
 *	  left where it is and waits; a new record is born shielded (birth.c).
 *
 *	  Lock order: matching lock, child rows in the order of their numbers.
 *	  Nobody changes or deletes a child row without the matching lock.
 *	  Everything runs as own work, in the caller's transaction, between
 *	  SPI_connect and SPI_finish of its own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "batch.h"
#include "keys.h"

typedef struct BatchReference
{
	const CpInboxRow *row;		/* hash key: source and source_ref */
	CpInboxRow *latest;			/* what is known of the reference by now */
	char		status;
	uint32		hash;
} BatchReference;

static bool
same_reference(const CpInboxRow *a, const CpInboxRow *b)
{
	return strcmp(a->source_ref, b->source_ref) == 0 && strcmp(a->source, b->source) == 0;
}

#define SH_PREFIX reference_table
#define SH_ELEMENT_TYPE BatchReference
#define SH_KEY_TYPE const CpInboxRow *
#define SH_KEY row
#define SH_HASH_KEY(tb, key) cp_hash_reference(key)
#define SH_EQUAL(tb, a, b) same_reference(a, b)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, a) ((a)->hash)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

int			cp_settling = -1;

/* Have words that no record had a record by now? */
static bool
has_known_words(const CpPerson *person)
{
	for (int i = 0; i < person->nnames; i++)
	{
		const CpName *name = &person->names[i];

		for (int j = 0; j < name->ngiven + name->nfamily; j++)
		{
			int32		id = j < name->ngiven ? name->given[j] : name->family[j - name->ngiven];
			const CpWord *word = id < 0 ? cp_dictionary_word(id) : NULL;

			if (id < 0 && (word == NULL || cp_dictionary_find(word->word) != id))
				return true;
		}
	}
	return false;
}

/*
 * Searches at once for rows from one on that need a search.  No further than to
 * the row that may end the epoch: what is found before is no good after.
 * Returns the place of the first row that is not searched for.
 */
static int
search_from(CpBatch *batch, int from)
{
	MemoryContext caller = MemoryContextSwitchTo(batch->context);
	int			end = (int) Min((int64) batch->n, from + Max(cp_epoch_room(), 1));
	CpPerson  **persons = palloc(sizeof(CpPerson *) * (end - from));
	int64	   *except = palloc0(sizeof(int64) * (end - from));
	int		   *where = palloc(sizeof(int) * (end - from));
	CpFound    *found = palloc0(sizeof(CpFound) * (end - from));
	int			n = 0;

	for (int i = from; i < end; i++)
	{
		CpInboxRow *row = &batch->rows[i];

		batch->searched[i] = false;
		/* a known reference seldom needs one */
		if (!row->present || row->linked_child != 0)
			continue;
		if (has_known_words(row->person))
			row->person = cp_inbox_person(row);
		persons[n] = row->person;
		where[n++] = i;
	}
	if (n > 0)
		cp_search(persons, except, n, found);
	for (int i = 0; i < n; i++)
	{
		batch->found[where[i]] = found[i];
		batch->searched[where[i]] = true;
	}
	MemoryContextSwitchTo(caller);
	return end;
}

/*
 * What another matcher committed while this one searched may be found twice, in
 * the index and in what was told.
 */
static List *
each_once(List *candidates)
{
	List	   *once = NIL;
	ListCell   *cell;

	foreach(cell, candidates)
	{
		CpCandidate *candidate = lfirst(cell);
		ListCell   *other;

		foreach(other, once)
		{
			if (((CpCandidate *) lfirst(other))->child_id == candidate->child_id)
				break;
		}
		if (other == NULL)
			once = lappend(once, candidate);
	}
	return once;
}

static CpDecision *
decide(CpBatch *batch, int i)
{
	CpInboxRow *row = &batch->rows[i];
	CpReference reference = {row->source, row->source_ref, row->linked_child, cp_memory_read(row)};
	CpDecision *decision;

	if (has_known_words(cp_batch_person(batch, row)))
	{
		row->person = cp_inbox_person(row);
		batch->searched[i] = false;
	}
	cp_dictionary_refresh();
	decision = cp_decide_known(row->person, &reference);
	if (decision != NULL)
		return decision;
	if (batch->searched[i] && row->linked_child == 0)
		cp_search_delta(row->person, 0, &batch->found[i]);
	else
		cp_search(&row->person, &row->linked_child, 1, &batch->found[i]);
	if (batch->ahead)
		batch->found[i].candidates = each_once(batch->found[i].candidates);
	return cp_decide_found(row->person, &reference, &batch->found[i]);
}

/* Is the row, or may it be, about a record that everybody sees? */
static bool
concerns_open_record(const CpDecision *decision)
{
	ListCell   *cell;

	if (decision->outcome == CP_OUTCOME_MATCH)
	{
		CpPerson   *record = cp_person_fetch(decision->child_id);

		return record == NULL || record->nearness < CP_NEAR_SHIELDED;
	}
	foreach(cell, decision->candidates)
	{
		if (((CpCandidate *) lfirst(cell))->nearness < CP_NEAR_SHIELDED)
			return true;
	}
	return false;
}

/*
 * Does the row wait for the end of its source's embargo?  Where a row waits, those
 * of its reference that come after it do, too: none is overtaken.
 */
static bool
waits(CpBatch *batch, CpInboxRow *row, const CpDecision *decision)
{
	MemoryContext caller;

	if (!row->embargoed || row->open_review != 0 || !(row->waits || concerns_open_record(decision)))
		return false;
	row->waits = true;
	cp_news_tell(CP_NEWS_REFERENCE, cp_hash_reference(row));
	caller = MemoryContextSwitchTo(batch->context);
	batch->waiting = lappend(batch->waiting, row);
	MemoryContextSwitchTo(caller);
	return true;
}

static void
settle_row(CpBatch *batch, int i)
{
	CpInboxRow *row = &batch->rows[i];
	CpDecision *decision;
	BatchReference *reference;
	bool		found;

	if (!row->present)
	{
		/* a superuser took the row away: nothing is left to wait for */
		cp_note_settled(batch, row, NULL, 0, 0);
		return;
	}
	reference = reference_table_insert(batch->references, row, &found);
	if (found)
	{
		row->linked_child = reference->latest->linked_child;
		row->linked_formerly = reference->latest->linked_formerly;
		row->link_authority = reference->latest->link_authority;
		row->sent = reference->latest->sent;
		row->open_review = reference->latest->open_review;
		row->waits |= reference->latest->waits;
	}
	reference->latest = row;
	if (cp_resent(batch, row))
	{
		cp_tally_note(batch, row, false);
		cp_note_settled(batch, row, "match", row->linked_child, NAN);
		return;
	}
	decision = decide(batch, i);
	if (waits(batch, row, decision))
		return;
	if (row->open_review == 0)
		cp_tally_note(batch, row, decision->outcome == CP_OUTCOME_HOLD);

	/* while a person looks at a reference, nothing more happens to it */
	if (row->open_review != 0 || decision->outcome == CP_OUTCOME_HOLD)
		cp_settle_hold(batch, row, decision);
	else if (decision->outcome == CP_OUTCOME_MATCH)
		cp_settle_match(batch, row, decision->child_id, decision->record, decision->score);
	else if (decision->outcome == CP_OUTCOME_REJECT)
		cp_note_settled(batch, row, "reject", 0, 0);
	else
		(void) cp_settle_new(batch, row, decision->score);
}

static void
make_persons(CpBatch *batch)
{
	for (int i = 0; i < batch->n; i++)
		if (batch->rows[i].present && !cp_resent_may_be(&batch->rows[i]))
			(void) cp_batch_person(batch, &batch->rows[i]);
}

/*
 * Reads rows; with ahead searches for whom they may be, too.  Needs no lock;
 * the numbers are in ascending order.  Between SPI_connect and SPI_finish, as
 * all of these.
 */
CpBatch *
cp_settle_read(const int64 *numbers, int n, bool ahead)
{
	CpBatch    *batch = cp_batch_new(numbers, n);

	make_persons(batch);
	batch->ahead = ahead;
	if (ahead)
	{
		cp_dictionary_refresh();
		batch->epoch = cp_epoch();
		batch->searched_to = search_from(batch, 0);
	}
	return batch;
}

/* Reads anew the rows of these references. */
static void
read_again(CpBatch *batch, const CpNews *news, int nnews)
{
	HASHCTL		ctl = {0};
	HTAB	   *told;

	ctl.keysize = sizeof(int64);
	ctl.entrysize = sizeof(int64);
	ctl.hcxt = CurrentMemoryContext;
	told = hash_create("contactpoint references", 1024, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	for (int i = 0; i < nnews; i++)
		if (news[i].kind == CP_NEWS_REFERENCE)
			(void) hash_search(told, &news[i].value, HASH_ENTER, NULL);
	for (int i = 0; i < batch->n; i++)
	{
		CpInboxRow *row = &batch->rows[i];
		int64		reference = row->present ? cp_hash_reference(row) : 0;
		MemoryContext caller;

		if (!row->present || hash_search(told, &reference, HASH_FIND, NULL) == NULL)
			continue;
		caller = MemoryContextSwitchTo(batch->context);
		*row = *cp_inbox_read(&row->upload_id, 1);
		if (row->present)
			row->person = cp_inbox_person(row);
		batch->searched[i] = false;
		MemoryContextSwitchTo(caller);
	}
	hash_destroy(told);
}

/* Embargoes may have been placed or ended since the rows were read. */
static void
note_embargoes(CpBatch *batch)
{
	for (int r = 0; r < batch->n; r++)
		batch->rows[r].embargoed = false;
	cp_batch_run(EMBARGOED, NULL, NULL);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		char	   *source = TextDatumGetCString(cp_batch_column(i, 1));

		for (int r = 0; r < batch->n; r++)
			if (batch->rows[r].present && strcmp(batch->rows[r].source, source) == 0)
				batch->rows[r].embargoed = true;
	}
}

/*
 * What was read and found without the lock, brought up to date with what others
 * have committed since.
 */
static void
catch_up(CpBatch *batch)
{
	MemoryContext caller;
	CpNews	   *news;
	int			nnews;

	if (!cp_news_since(batch->position, &news, &nnews))
	{
		caller = MemoryContextSwitchTo(batch->context);
		batch->rows = cp_inbox_read(batch->upload_ids, batch->n);
		make_persons(batch);
		batch->searched_to = 0;
		MemoryContextSwitchTo(caller);
		return;
	}
	note_embargoes(batch);
	read_again(batch, news, nnews);
	if (cp_epoch() != batch->epoch)
		batch->searched_to = 0;
	/* others have made records, so the epoch may end before */
	batch->searched_to = (int) Min((int64) batch->searched_to, Max(cp_epoch_room(), 0));
	for (int i = 0; i < nnews && batch->searched_to > 0; i++)
	{
		if (news[i].kind == CP_NEWS_KEY)
			cp_changes_add((int32) news[i].value);
		else if (news[i].kind == CP_NEWS_CHILD)
		{
			CpPerson   *person = cp_person_fetch(news[i].value);

			if (person != NULL)
				cp_delta_import(person);
		}
	}
}

/* What rows that were searched for, from one on, will ask for when they are decided. */
static void
read_ahead(CpBatch *batch, int from)
{
	cp_ahead_read(batch, from, batch->searched_to);
	cp_household_read(batch, from, batch->searched_to);
}

/* Tells matchers that have read ahead what this batch changes. */
static void
tell_changes(void)
{
	int			n;
	int32	   *keys = cp_changes_all(&n);

	for (int i = 0; i < n; i++)
		cp_news_tell(CP_NEWS_KEY, keys[i]);
	cp_news_precise();
}

/*
 * Decides and writes.  The caller holds the matching lock, has started own work
 * and commits.
 */
void
cp_settle_write(CpBatch *batch)
{
	MemoryContext scratch = AllocSetContextCreate(batch->context, "contactpoint row",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(scratch);

	PG_TRY();
	{
		cp_current_batch = batch;
		batch->references = reference_table_create(batch->context, Max(batch->n, 8), NULL);
		cp_dictionary_refresh();
		if (batch->ahead)
			catch_up(batch);
		cp_resent_read(batch);
		read_ahead(batch, 0);
		for (int i = 0; i < batch->n; i++)
		{
			cp_settling = i;
			if (i == batch->searched_to)
			{
				if (cp_epoch_room() <= 0)
				{
					cp_batch_flush(batch);
					cp_epoch_advance(true);
				}
				batch->searched_to = search_from(batch, i);
				read_ahead(batch, i);
			}
			settle_row(batch, i);
			MemoryContextReset(scratch);
			CHECK_FOR_INTERRUPTS();
		}
		if (batch->ahead)
			tell_changes();
		cp_batch_flush(batch);
		cp_tally_write(batch);
	}
	PG_FINALLY();
	{
		cp_current_batch = NULL;
	}
	PG_END_TRY();
	cp_settling = -1;
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(batch->context);
}
