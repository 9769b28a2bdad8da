/*-------------------------------------------------------------------------
 *
 * homes.c
 *	  Counts, in a sample of homes, what they tell of the registry: how many of a
 *	  household its records have, how often dates are wrong.
 *
 *	  The sample are the first blocks of keys (keys.c) behind places that lie
 *	  evenly among all keys.  Keys are hashes, so the sample is as good as drawn
 *	  by lot, and the same in two registries that hold the same: an outcome does
 *	  not depend on how batches end.
 *
 *	  Takes place when an epoch ends (epoch.c), under the matching lock, with all
 *	  keys written: some 4,000 descents and as many records read at most.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "keys.h"
#include "match.h"

#define SAMPLE 4096				/* places among the keys, one in eight of
								 * which is a home's */
#define STEP (((int64) 1 << 32) / SAMPLE)

typedef struct Keys
{
	Relation	rel;
	Relation	index;
	Snapshot	snapshot;
} Keys;

static SysScanDesc
scan_keys(Keys *keys, StrategyNumber strategy, RegProcedure compare, int32 key)
{
	ScanKeyData scankey;

	ScanKeyInit(&scankey, CP_KEY_KEY, strategy, compare, Int32GetDatum(key));
	return systable_beginscan_ordered(keys->rel, keys->index, keys->snapshot, 1, &scankey);
}

/* The first key that is no less, and one of the records behind it; false if there is none. */
static bool
next_key(Keys *keys, int32 from, int32 *key, int64 *child_id)
{
	SysScanDesc scan = scan_keys(keys, BTGreaterEqualStrategyNumber, F_INT4GE, from);
	HeapTuple	tuple = systable_getnext_ordered(scan, ForwardScanDirection);
	bool		found = HeapTupleIsValid(tuple);

	if (found)
	{
		bool		isnull;

		*key = DatumGetInt32(heap_getattr(tuple, CP_KEY_KEY, RelationGetDescr(keys->rel), &isnull));
		*child_id = DatumGetInt64(heap_getattr(tuple, CP_KEY_CHILD, RelationGetDescr(keys->rel), &isnull));
	}
	systable_endscan_ordered(scan);
	return found;
}

static bool
is_home(int32 key, int64 child_id)
{
	CpPerson   *person = cp_person_fetch(child_id);
	CpKey	   *homes;
	int			nhomes;

	if (person == NULL)
		return false;
	homes = cp_home_keys(person, &nhomes);
	for (int i = 0; i < nhomes; i++)
		if (homes[i].key == key)
			return true;
	return false;
}

static void
count_home(Keys *keys, int32 key, CpKin *kin)
{
	SysScanDesc scan = scan_keys(keys, BTEqualStrategyNumber, F_INT4EQ, key);
	CpHomeEntry *entries = palloc((CP_MAX_HOME + 1) * sizeof(CpHomeEntry));
	HeapTuple	tuple;
	int			n = 0;

	while (n <= CP_MAX_HOME && HeapTupleIsValid(tuple = systable_getnext_ordered(scan, ForwardScanDirection)))
	{
		Datum		values[CP_KEY_COLUMNS];
		bool		nulls[CP_KEY_COLUMNS];

		heap_deform_tuple(tuple, RelationGetDescr(keys->rel), values, nulls);
		entries[n].birth = DatumGetDateADT(values[CP_KEY_BIRTH - 1]);
		entries[n].given = DatumGetInt32(values[CP_KEY_GIVEN - 1]);
		entries[n++].family = DatumGetInt32(values[CP_KEY_FAMILY - 1]);
	}
	systable_endscan_ordered(scan);
	if (n <= CP_MAX_HOME)
		cp_kin_count(entries, n, kin);
}

/*
 * See match.h.
 */
void
cp_homes_count(CpKinShares *shares)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "contactpoint homes",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(scratch);
	Keys		keys;
	CpKin		kin = {0};
	int64		from = PG_INT32_MIN;
	int32		key;
	int64		child_id;

	keys.snapshot = cp_latest_snapshot();
	keys.rel = table_open(cp_relation_oid("match_key"), AccessShareLock);
	keys.index = index_open(cp_relation_oid("match_key_key_idx"), AccessShareLock);
	while (from <= PG_INT32_MAX && next_key(&keys, (int32) from, &key, &child_id))
	{
		CHECK_FOR_INTERRUPTS();
		if (is_home(key, child_id))
			count_home(&keys, key, &kin);
		/* the next place, but no key twice */
		from += STEP;
		if (key >= from)
			from += ((key - from) / STEP + 1) * STEP;
		MemoryContextReset(scratch);
	}
	index_close(keys.index, AccessShareLock);
	table_close(keys.rel, AccessShareLock);
	UnregisterSnapshot(keys.snapshot);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
	cp_kin_share(&kin, shares);
}
