/*-------------------------------------------------------------------------
 *
 * candidate.c
 *	  Blocking: which records may be the person of an uploaded row.
 *
 *	  A row probes two indexes (keys.c says for what): match_key_key_idx and,
 *	  for the few records that are shielded or have a hidden name,
 *	  guard_key_key_idx.  Long blocks are thinned out by the covering columns,
 *	  so the cost of a row is bounded; where a bound was met, the caller is
 *	  told.
 *
 *	  Entries of the indexes are read without a look at the heap: they are
 *	  hints (rekey.c).  What they lead to is read with the latest snapshot.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/itup.h"
#include "access/relscan.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "common/hashfn.h"
#include "executor/tuptable.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "keys.h"
#include "match.h"

#define MAX_EASY 64				/* looks at records that one probe has without
								 * a closer check of the entry */
#define MAX_SCANNED 20000		/* entries of one block */
#define MAX_FETCHED 2000		/* records of one call */
#define MAX_NAMESAKES 24		/* records with the same names, any birth date */

typedef struct Seen
{
	int64		child_id;
	char		status;
} Seen;

#define SH_PREFIX seen_table
#define SH_ELEMENT_TYPE Seen
#define SH_KEY_TYPE int64
#define SH_KEY child_id
#define SH_HASH_KEY(tb, key) hash_bytes_uint32_extended((uint32) (key), (uint64) (key) >> 32)
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* match_key or guard_key */
typedef struct KeyTable
{
	Relation	rel;
	Relation	index;
	IndexScanDesc scan;
	bool		guard;
} KeyTable;

typedef struct Search
{
	const CpPerson *row;
	int64		except_child;
	Snapshot	snapshot;
	Relation	person_rel;
	Relation	person_index;
	IndexScanDesc person_scan;
	TupleTableSlot *slot;
	MemoryContext scratch;		/* one record at a time */
	MemoryContext result;		/* where candidates go */
	seen_table_hash *seen;
	List	   *found;			/* CpCandidate * */
	double		best;
	int			fetched;
	bool		cut;			/* a bound was met */
} Search;

/* Is some word of the row the same as this one, or close to it? */
static bool
close_to_row(const CpPerson *row, int32 id)
{
	if (id == CP_NO_WORD)
		return false;
	for (int i = 0; i < row->nnames; i++)
	{
		const CpName *name = &row->names[i];

		for (int j = 0; j < name->ngiven; j++)
			if (cp_dictionary_compare(name->given[j], id) <= CP_WORD_WEAK ||
				cp_word_short_form(cp_dictionary_word(name->given[j]), cp_dictionary_word(id)))
				return true;
		for (int j = 0; j < name->nfamily; j++)
			if (cp_dictionary_compare(name->family[j], id) <= CP_WORD_WEAK)
				return true;
	}
	return false;
}

/*
 * Is an entry of a long block worth a look at its record?  It must agree in two
 * of birth date, given name and family name, or, where the block says place
 * (easy), in one and nearly in another.
 */
static bool
worth_a_look(const CpPerson *row, DateADT birth, int32 given, int32 family, CpBlock block)
{
	bool		place = block == CP_BLOCK_PLACE || block == CP_BLOCK_HOUSE;
	CpBirthLevel level = CP_BIRTH_UNKNOWN;
	int			names;

	if (row->has_birth)
		level = cp_birth_compare(row->date_of_birth, birth);
	if (place && level <= CP_BIRTH_SWAPPED)
		return true;
	names = (close_to_row(row, given) ? 1 : 0) + (close_to_row(row, family) ? 1 : 0);
	if (CpBirthIsNear(level))
		return names >= 1;
	if (block == CP_BLOCK_HOUSE)
		return names >= 1;
	if (place)
		return names >= 2;
	return names >= 2 && (level <= CP_BIRTH_YEAR || level == CP_BIRTH_UNKNOWN);
}

/* Reads a record and scores it. */
static void
look_at(Search *search, int64 child_id)
{
	ScanKeyData key;
	MemoryContext caller;

	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(child_id));
	index_rescan(search->person_scan, &key, 1, NULL, 0);
	if (!index_getnext_slot(search->person_scan, ForwardScanDirection, search->slot))
		return;
	search->fetched++;
	caller = MemoryContextSwitchTo(search->scratch);
	{
		bool		should_free;
		HeapTuple	tuple = ExecFetchSlotHeapTuple(search->slot, false, &should_free);
		CpPerson   *record = cp_person_from_tuple(tuple, RelationGetDescr(search->person_rel));
		CpCandidate *candidate = MemoryContextAllocZero(search->result, sizeof(CpCandidate));

		cp_score(search->row, record, candidate);
		search->best = Max(search->best, candidate->score);
		MemoryContextSwitchTo(search->result);
		search->found = lappend(search->found, candidate);
	}
	MemoryContextSwitchTo(caller);
	ExecClearTuple(search->slot);
	MemoryContextReset(search->scratch);
}

/* Looks at the records of one block. */
static void
look_through(Search *search, KeyTable *table, const CpProbe *probe)
{
	ScanKeyData keys[3];
	int			scanned = 0;
	int			looks = 0;
	int			easy = probe->block == CP_BLOCK_NUMBER ? MAX_EASY * 4 : probe->block == CP_BLOCK_PLACE || probe->block == CP_BLOCK_HOUSE ? 0 :
	probe->block == CP_BLOCK_NAMESAKES ? -MAX_NAMESAKES : MAX_EASY;

	ScanKeyInit(&keys[0], CP_KEY_KEY, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(probe->key));
	ScanKeyInit(&keys[1], CP_KEY_BIRTH, BTGreaterEqualStrategyNumber, F_DATE_GE, DateADTGetDatum(probe->first));
	ScanKeyInit(&keys[2], CP_KEY_BIRTH, BTLessEqualStrategyNumber, F_DATE_LE, DateADTGetDatum(probe->last));
	index_rescan(table->scan, keys, 3, NULL, 0);
	while (index_getnext_tid(table->scan, ForwardScanDirection) != NULL)
	{
		IndexTuple	entry = table->scan->xs_itup;
		TupleDesc	desc = table->scan->xs_itupdesc;
		bool		isnull;
		bool		known;
		int64		child_id = DatumGetInt64(index_getattr(entry, CP_KEY_CHILD, desc, &isnull));

		scanned++;
		if (easy < 0 && (looks >= -easy || scanned > -easy * 16))
			break;
		if (scanned > MAX_SCANNED || search->fetched > MAX_FETCHED)
		{
			search->cut = true;
			break;
		}
		if (child_id == search->except_child || seen_table_lookup(search->seen, child_id) != NULL)
			continue;
		if (table->guard || (easy >= 0 && looks >= easy))
		{
			DateADT		birth = DatumGetDateADT(index_getattr(entry, CP_KEY_BIRTH, desc, &isnull));
			int32		given = DatumGetInt32(index_getattr(entry, CP_KEY_GIVEN, desc, &isnull));
			int32		family = DatumGetInt32(index_getattr(entry, CP_KEY_FAMILY, desc, &isnull));

			if (table->guard ? !cp_guard_worth_a_look(search->row, probe, birth, given, family) :
				!worth_a_look(search->row, birth, given, family, probe->block))
				continue;
		}
		seen_table_insert(search->seen, child_id, &known);
		looks++;
		look_at(search, child_id);
	}
}

static int
by_score(const ListCell *a, const ListCell *b)
{
	const CpCandidate *left = lfirst(a);
	const CpCandidate *right = lfirst(b);

	if (left->score != right->score)
		return left->score > right->score ? -1 : 1;
	return left->child_id < right->child_id ? -1 : left->child_id > right->child_id ? 1 : 0;
}

static void
open_keys(KeyTable *table, const char *name, const char *index, Snapshot snapshot)
{
	table->rel = table_open(cp_relation_oid(name), AccessShareLock);
	table->index = index_open(cp_relation_oid(index), AccessShareLock);
	table->scan = cp_index_beginscan(table->rel, table->index, snapshot, 3);
	table->scan->xs_want_itup = true;
	table->guard = strcmp(name, "guard_key") == 0;
}

static void
close_keys(KeyTable *table)
{
	index_endscan(table->scan);
	index_close(table->index, AccessShareLock);
	table_close(table->rel, AccessShareLock);
}

static void
look_through_all(Search *search, KeyTable *table, const CpProbe *probes, int nprobes)
{
	for (int i = 0; i < nprobes; i++)
		look_through(search, table, &probes[i]);
}

/*
 * Every record that may be this person, scored, best first.  cut: a bound was
 * met, there may be more.
 */
List *
cp_candidates_bounded(const CpPerson *row, int64 except_child, bool deep, bool *cut)
{
	Search		search = {0};
	KeyTable	match_keys;
	KeyTable	guard_keys;
	CpProbe    *probes;
	int			nprobes;

	search.row = row;
	search.except_child = except_child;
	search.best = -1e9;
	search.result = CurrentMemoryContext;
	search.scratch = AllocSetContextCreate(CurrentMemoryContext, "contactpoint record",
										   ALLOCSET_SMALL_SIZES);
	search.seen = seen_table_create(CurrentMemoryContext, 64, NULL);
	search.snapshot = cp_latest_snapshot();
	open_keys(&match_keys, "match_key", "match_key_key_idx", search.snapshot);
	open_keys(&guard_keys, "guard_key", "guard_key_key_idx", search.snapshot);
	search.person_rel = table_open(cp_relation_oid("match_person"), AccessShareLock);
	search.person_index = index_open(cp_relation_oid("match_person_pkey"), AccessShareLock);
	search.person_scan = cp_index_beginscan(search.person_rel, search.person_index, search.snapshot, 1);
	search.slot = table_slot_create(search.person_rel, NULL);

	/* first, so that no crowd of open records uses the bound up before them */
	probes = cp_guard_probes(row, deep, &nprobes);
	look_through_all(&search, &guard_keys, probes, nprobes);
	probes = cp_match_probes(row, false, &nprobes);
	look_through_all(&search, &match_keys, probes, nprobes);
	if (deep || search.best < 0)
	{
		probes = cp_match_probes(row, true, &nprobes);
		look_through_all(&search, &match_keys, probes, nprobes);
	}

	ExecDropSingleTupleTableSlot(search.slot);
	index_endscan(search.person_scan);
	index_close(search.person_index, AccessShareLock);
	table_close(search.person_rel, AccessShareLock);
	close_keys(&guard_keys);
	close_keys(&match_keys);
	UnregisterSnapshot(search.snapshot);
	seen_table_destroy(search.seen);
	MemoryContextDelete(search.scratch);
	list_sort(search.found, by_score);
	*cut = search.cut;
	return search.found;
}

void
cp_search(CpPerson **rows, const int64 *except, int nrows, CpFound *found)
{
	for (int i = 0; i < nrows; i++)
	{
		memset(&found[i], 0, sizeof(CpFound));
		found[i].candidates = cp_candidates_bounded(rows[i], except != NULL ? except[i] : 0, false, &found[i].cut);
	}
}

void
cp_search_delta(CpPerson *row, int64 except, CpFound *found)
{
	found->candidates = cp_candidates_bounded(row, except, false, &found->cut);
}
