/*-------------------------------------------------------------------------
 *
 * lookup.c
 *	  Rows of a table by one of its indexes, below the executor, for many keys
 *	  one after the other.
 *
 *	  Settling looks for the same few things for each of thousands of rows.
 *	  Table, index and snapshot are then opened once, and the planner has no say
 *	  in what the tables' statistics, or the want of them, make look cheap.
 *
 *	  No trigger, no row security, no capture: for own work alone.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_collation.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/varlena.h"

#include "match.h"
#include "lookup.h"
#include "walk.h"

#define STRIDE 16				/* rows passed before the index is asked for
								 * the next number */

void
cp_lookup_begin(CpLookup *lookup, const char *table, const char *index, int nkeys, LOCKMODE lock)
{
	lookup->context = CurrentMemoryContext;
	lookup->rel = table_open(cp_relation_oid(table), lock);
	lookup->index = index_open(cp_relation_oid(index), lock);
	lookup->snapshot = cp_latest_snapshot();
	lookup->scan = cp_index_beginscan(lookup->rel, lookup->index, lookup->snapshot, nkeys);
	lookup->slot = table_slot_create(lookup->rel, NULL);
	lookup->walk = NULL;
	lookup->first = (Datum) 0;
	lookup->at_end = false;
}

void
cp_lookup_end(CpLookup *lookup)
{
	if (lookup->walk != NULL)
		cp_walk_end(lookup->walk);
	ExecDropSingleTupleTableSlot(lookup->slot);
	index_endscan(lookup->scan);
	UnregisterSnapshot(lookup->snapshot);
	index_close(lookup->index, NoLock);
	table_close(lookup->rel, NoLock);
}

/* The next row of the number to which the walk went. */
static bool
next_of_number(CpLookup *lookup)
{
	for (;;)
	{
		ItemPointerData row;
		bool		call_again = false;

		if (lookup->nentries == 0)
			lookup->nentries = cp_walk_next(lookup->walk, &lookup->entries);
		if (lookup->nentries == 0)
			return false;
		row = lookup->entries->row;
		lookup->entries++;
		lookup->nentries--;
		if (table_index_fetch_tuple(lookup->scan->xs_heapfetch, &row, lookup->snapshot, lookup->slot, &call_again, NULL))
			return true;
	}
}

bool
cp_lookup_next(CpLookup *lookup)
{
	MemoryContext caller = MemoryContextSwitchTo(lookup->context);
	bool		found = lookup->walk != NULL ? next_of_number(lookup) :
	index_getnext_slot(lookup->scan, ForwardScanDirection, lookup->slot);

	if (found)
		slot_getallattrs(lookup->slot);
	MemoryContextSwitchTo(caller);
	return found;
}

static void
rescan(CpLookup *lookup, ScanKey keys, int nkeys)
{
	MemoryContext caller = MemoryContextSwitchTo(lookup->context);

	index_rescan(lookup->scan, keys, nkeys, NULL, 0);
	MemoryContextSwitchTo(caller);
}

void
cp_lookup_from(CpLookup *lookup, int64 number)
{
	ScanKeyData key;

	ScanKeyInit(&key, 1, BTGreaterEqualStrategyNumber, F_INT8GE, Int64GetDatum(number));
	rescan(lookup, &key, 1);
}

void
cp_lookup_to_number(CpLookup *lookup, int64 number)
{
	if (lookup->walk == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(lookup->context);

		lookup->walk = cp_walk_begin(lookup->index, CP_WALK_NUMBERS, lookup->snapshot);
		MemoryContextSwitchTo(caller);
	}
	cp_walk_to(lookup->walk, CpWalkNumber(number), CpWalkNumber(number));
	lookup->nentries = 0;
}

bool
cp_lookup_to_texts(CpLookup *lookup, Datum first, Datum second)
{
	ScanKeyData keys[2];

	cp_text_key(&keys[0], lookup->index, 1, first);
	if (lookup->scan->numberOfKeys > 1)
		cp_text_key(&keys[1], lookup->index, 2, second);
	rescan(lookup, keys, lookup->scan->numberOfKeys);
	return cp_lookup_next(lookup);
}

/* Is the row in the slot before, at or behind the second text? */
static int
compare_second(const CpLookup *lookup, Datum second)
{
	const text *stored = DatumGetTextPP(cp_slot_value(lookup->slot, lookup->index->rd_index->indkey.values[1]));
	const text *wanted = DatumGetTextPP(second);

	return varstr_cmp(VARDATA_ANY(stored), VARSIZE_ANY_EXHDR(stored), VARDATA_ANY(wanted), VARSIZE_ANY_EXHDR(wanted),
					  C_COLLATION_OID);
}

bool
cp_lookup_ascending(CpLookup *lookup, Datum first, Datum second)
{
	/* no row, or the next one, is behind all that lies between */
	if (lookup->first != first || (!lookup->at_end && compare_second(lookup, second) < 0))
	{
		ScanKeyData keys[2];

		cp_text_key(&keys[0], lookup->index, 1, first);
		cp_text_key(&keys[1], lookup->index, 2, second);
		keys[1].sk_strategy = BTGreaterEqualStrategyNumber;
		fmgr_info(F_TEXT_GE, &keys[1].sk_func);
		rescan(lookup, keys, 2);
		lookup->first = first;
		lookup->at_end = !cp_lookup_next(lookup);
	}
	return !lookup->at_end && compare_second(lookup, second) == 0;
}

void
cp_lookup_numbers(CpLookup *lookup, const int64 *numbers, int n,
				  void (*found) (CpLookup *lookup, int place, void *argument), void *argument)
{
	int			i = 0;
	int			passed = STRIDE;

	while (i < n)
	{
		int64		number;

		if (passed >= STRIDE)
		{
			cp_lookup_from(lookup, numbers[i]);
			passed = 0;
		}
		if (!cp_lookup_next(lookup))
			return;
		number = cp_slot_number(lookup->slot, 1);
		while (i < n && numbers[i] < number)
			i++;
		passed++;
		if (i < n && numbers[i] == number)
		{
			found(lookup, i++, argument);
			passed = 0;
		}
	}
}
