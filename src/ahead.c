/*-------------------------------------------------------------------------
 *
 * ahead.c
 *	  Records to which the rows of a batch will go, most likely, read ahead.
 *
 *	  All of them are read in the order of their numbers, along one walk
 *	  through each index, where a row that is decided would begin a scan of its
 *	  own.  Under the matching lock nobody else changes them; what the batch
 *	  itself has changed since is not told.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "batch.h"
#include "details.h"
#include "lookup.h"

typedef struct Ahead
{
	int64		child_id;		/* hash key */
	uint32		since;			/* what changed later is not in it */
	HeapTuple	person;			/* NULL: none */
	List	   *addresses;		/* HeapTuple */
} Ahead;

/* The record that a row is about, as far as one can see; 0: none.  Any guess will do. */
static int64
likely_record(const CpBatch *batch, int i)
{
	const CpInboxRow *row = &batch->rows[i];
	const List *candidates = batch->found[i].candidates;
	const CpCandidate *best;

	if (!row->present || row->linked_child != 0 || !batch->searched[i] || candidates == NIL)
		return 0;
	best = linitial(candidates);
	return best->score >= 0 ? best->child_id : 0;
}

static Ahead *
enter(CpBatch *batch, int64 child_id)
{
	Ahead	   *ahead;

	if (batch->records == NULL)
	{
		HASHCTL		ctl = {0};

		ctl.keysize = sizeof(int64);
		ctl.entrysize = sizeof(Ahead);
		ctl.hcxt = batch->context;
		batch->records = hash_create("contactpoint records of a batch", Max(batch->n, 8), &ctl,
									 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	ahead = hash_search(batch->records, &child_id, HASH_ENTER, NULL);
	ahead->since = cp_changes_now();
	ahead->person = NULL;
	ahead->addresses = NIL;
	return ahead;
}

static void
read_records(CpBatch *batch, const int64 *children, int n)
{
	const CpDetailTables *addresses = &cp_detail_tables[CP_DETAIL_ADDRESS];
	CpLookup	person;
	CpLookup	address;

	cp_lookup_begin(&person, "match_person", "match_person_pkey", 1, AccessShareLock);
	cp_lookup_begin(&address, addresses->tables[false], addresses->indexes[false], 1, AccessShareLock);
	for (int i = 0; i < n; i++)
	{
		Ahead	   *ahead = enter(batch, children[i]);

		cp_lookup_to_number(&person, children[i]);
		if (cp_lookup_next(&person))
			ahead->person = ExecCopySlotHeapTuple(person.slot);
		cp_lookup_to_number(&address, children[i]);
		while (cp_lookup_next(&address))
			ahead->addresses = lappend(ahead->addresses, ExecCopySlotHeapTuple(address.slot));
	}
	cp_lookup_end(&address);
	cp_lookup_end(&person);
}

/* See batch.h. */
void
cp_ahead_read(CpBatch *batch, int from, int to)
{
	MemoryContext caller = MemoryContextSwitchTo(batch->context);
	int64	   *children = palloc(sizeof(int64) * Max(to - from, 1));
	int			n = 0;

	for (int i = from; i < to; i++)
	{
		int64		child_id = likely_record(batch, i);

		if (child_id != 0)
			children[n++] = child_id;
	}
	if (n > 0)
		read_records(batch, children, cp_children_unique(children, n));
	pfree(children);
	MemoryContextSwitchTo(caller);
}

static const Ahead *
find(int64 child_id)
{
	if (cp_current_batch == NULL || cp_current_batch->records == NULL)
		return NULL;
	return hash_search(cp_current_batch->records, &child_id, HASH_FIND, NULL);
}

/* See match.h. */
HeapTuple
cp_ahead_person(int64 child_id)
{
	const Ahead *ahead = find(child_id);
	int32		key;

	if (ahead == NULL)
		return NULL;
	key = cp_changes_key_of(child_id);
	return cp_changes_any(&key, 1, ahead->since) ? NULL : ahead->person;
}

/* See batch.h. */
bool
cp_ahead_addresses(int64 child_id, List **addresses)
{
	const Ahead *ahead = find(child_id);
	const CpBatchChild *child;

	if (ahead == NULL)
		return false;
	child = hash_search(cp_current_batch->children, &child_id, HASH_FIND, NULL);
	if (child != NULL && child->rows != NIL)
		return false;
	*addresses = ahead->addresses;
	return true;
}
