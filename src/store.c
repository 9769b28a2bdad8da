/*-------------------------------------------------------------------------
 *
 * store.c
 *	  Persons, keys and counts of changed records become rows, many at a time.
 *
 *	  What is new is gathered and inserted in the order of its index: pages of
 *	  the index are then met once and not once a record, which is where most of
 *	  the time goes with millions of records.
 *
 *	  Invariant: match_person is the truth about what was keyed, and the keys
 *	  of a record follow from it, so old keys are found by making them again.
 *
 *	  Locks: RowExclusiveLock on the tables, kept to the end of the transaction:
 *	  who builds an index beside the writers waits for it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/indexing.h"
#include "executor/executor.h"
#include "executor/tuptable.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "keys.h"
#include "match.h"

#define SLOTS 256				/* rows inserted at a time */

/* An entry of match_key or guard_key. */
typedef struct KeyRow
{
	int32		key;
	DateADT		birth;
	int32		given;
	int32		family;
	int64		traits;
	int64		child_id;
} KeyRow;

typedef struct KeyRows
{
	const char *table;
	const char *index;
	CpKey	   *(*make) (const CpPerson *person, int *nkeys);
	KeyRow	   *rows;
	int			n;
	int			size;
} KeyRows;

enum
{
	MATCH_KEYS,
	GUARD_KEYS,
	KEY_TABLES
};

struct CpStore
{
	bool		indexed;		/* keys get entries of their index */
	bool		in_delta;		/* what changes is in the delta */
	MemoryContext context;
	MemoryContext scratch;		/* one record at a time */
	KeyRows		keys[KEY_TABLES];
	const CpPerson **persons;	/* new ones */
	int			npersons;
	int			persons_size;
	CpCountChange *counts;
	int			ncounts;
	int			counts_size;
};

CpStore *
cp_store_begin(bool indexed, bool in_delta)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "contactpoint store",
												  ALLOCSET_DEFAULT_SIZES);
	CpStore    *store = MemoryContextAllocZero(context, sizeof(CpStore));

	store->context = context;
	store->indexed = indexed;
	store->in_delta = in_delta;
	store->scratch = AllocSetContextCreate(context, "contactpoint store of a record",
										   ALLOCSET_SMALL_SIZES);
	store->keys[MATCH_KEYS].table = "match_key";
	store->keys[MATCH_KEYS].index = "match_key_key_idx";
	store->keys[MATCH_KEYS].make = cp_match_keys;
	store->keys[GUARD_KEYS].table = "guard_key";
	store->keys[GUARD_KEYS].index = "guard_key_key_idx";
	store->keys[GUARD_KEYS].make = cp_guard_keys;
	for (int i = 0; i < KEY_TABLES; i++)
	{
		store->keys[i].size = 64;
		store->keys[i].rows = MemoryContextAlloc(context, 64 * sizeof(KeyRow));
	}
	store->persons_size = 16;
	store->persons = MemoryContextAlloc(context, 16 * sizeof(CpPerson *));
	store->counts_size = 64;
	store->counts = MemoryContextAlloc(context, 64 * sizeof(CpCountChange));
	return store;
}

/* ---------- keys ---------- */

static void
delete_key(Relation rel, Oid index, Snapshot snapshot, const CpKey *key, DateADT birth, int64 child_id)
{
	ScanKeyData keys[CP_KEY_COLUMNS];
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&keys[0], CP_KEY_KEY, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(key->key));
	ScanKeyInit(&keys[1], CP_KEY_BIRTH, BTEqualStrategyNumber, F_DATE_EQ, DateADTGetDatum(birth));
	ScanKeyInit(&keys[2], CP_KEY_GIVEN, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(key->given));
	ScanKeyInit(&keys[3], CP_KEY_FAMILY, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(key->family));
	ScanKeyInit(&keys[4], CP_KEY_TRAITS, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(key->traits));
	ScanKeyInit(&keys[5], CP_KEY_CHILD, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(child_id));
	scan = systable_beginscan(rel, index, true, snapshot, CP_KEY_COLUMNS, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		CatalogTupleDelete(rel, &tuple->t_self);
	systable_endscan(scan);
}

static void
add_key_row(KeyRows *rows, const CpKey *key, DateADT birth, int64 child_id)
{
	KeyRow	   *row;

	if (rows->n >= rows->size)
	{
		rows->size *= 2;
		rows->rows = repalloc_huge(rows->rows, rows->size * sizeof(KeyRow));
	}
	row = &rows->rows[rows->n++];
	row->key = key->key;
	row->birth = birth;
	row->given = key->given;
	row->family = key->family;
	row->traits = key->traits;
	row->child_id = child_id;
}

/* Takes away the keys that no longer hold and notes the new ones. */
static void
change_keys(KeyRows *rows, const CpPerson *before, const CpPerson *now, bool in_delta)
{
	int			nold = 0;
	int			nnew = 0;
	CpKey	   *old_keys = before != NULL ? rows->make(before, &nold) : NULL;
	CpKey	   *new_keys = now != NULL ? rows->make(now, &nnew) : NULL;
	bool		moved = before != NULL && now != NULL && before->date_of_birth != now->date_of_birth;
	Relation	rel = NULL;
	Snapshot	snapshot = NULL;
	int			o = 0;
	int			n = 0;

	if (nold > 0)
	{
		rel = table_open(cp_relation_oid(rows->table), RowExclusiveLock);
		snapshot = cp_latest_snapshot();
	}
	while (o < nold || n < nnew)
	{
		int			order = o >= nold ? 1 : n >= nnew ? -1 : cp_key_order(&old_keys[o], &new_keys[n]);

		if (!in_delta && (before == NULL || now == NULL))
			cp_changes_add(order <= 0 ? old_keys[o].key : new_keys[n].key);
		if (order < 0 || (order == 0 && moved))
			delete_key(rel, cp_relation_oid(rows->index), snapshot, &old_keys[o],
					   before->date_of_birth, before->child_id);
		if (order > 0 || (order == 0 && moved))
			add_key_row(rows, &new_keys[n], now->date_of_birth, now->child_id);
		if (order <= 0)
			o++;
		if (order >= 0)
			n++;
	}
	if (nold > 0)
	{
		UnregisterSnapshot(snapshot);
		table_close(rel, NoLock);
	}
}

static int
key_row_order(const void *a, const void *b)
{
	const KeyRow *left = a;
	const KeyRow *right = b;

	if (left->key != right->key)
		return left->key < right->key ? -1 : 1;
	if (left->birth != right->birth)
		return left->birth < right->birth ? -1 : 1;
	if (left->given != right->given)
		return left->given < right->given ? -1 : 1;
	if (left->family != right->family)
		return left->family < right->family ? -1 : 1;
	if (left->traits != right->traits)
		return left->traits < right->traits ? -1 : 1;
	return left->child_id < right->child_id ? -1 : left->child_id > right->child_id ? 1 : 0;
}

/* ---------- rows in bulk ---------- */

typedef struct Inserter
{
	Relation	rel;
	Relation	index;			/* NULL: the rows get no entries */
	IndexInfo  *info;
	int			nindexed;		/* leading columns that are the index's too */
	EState	   *estate;			/* NULL: that is the only index */
	ResultRelInfo *result;		/* all of them */
	BulkInsertState bulk;
	MemoryContext scratch;		/* until the next flush */
	TupleTableSlot *slots[SLOTS];
	int			nslots;			/* made so far */
	int			n;				/* in use */
} Inserter;

/*
 * There may be others than the matcher's: one that REINDEX CONCURRENTLY builds to
 * take its place, which would lack these rows then.
 */
static void
open_others(Inserter *inserter)
{
	List	   *indexes = RelationGetIndexList(inserter->rel);

	if (list_length(indexes) > 1)
	{
		inserter->estate = CreateExecutorState();
		inserter->result = makeNode(ResultRelInfo);
		InitResultRelInfo(inserter->result, inserter->rel, 0, NULL, 0);
		ExecOpenIndices(inserter->result, false);
	}
	list_free(indexes);
}

static void
inserter_open(Inserter *inserter, const char *table, const char *index, MemoryContext scratch)
{
	inserter->scratch = scratch;
	inserter->rel = table_open(cp_relation_oid(table), RowExclusiveLock);
	inserter->index = NULL;
	inserter->estate = NULL;
	if (index != NULL)
	{
		open_others(inserter);
		inserter->index = index_open(cp_relation_oid(index), RowExclusiveLock);
		inserter->info = BuildIndexInfo(inserter->index);
		inserter->nindexed = inserter->info->ii_NumIndexAttrs;
	}
	inserter->bulk = GetBulkInsertState();
	inserter->n = 0;
	inserter->nslots = 0;
}

static void
insert_entries(Inserter *inserter, TupleTableSlot *slot)
{
	if (inserter->estate != NULL)
	{
		ResetPerTupleExprContext(inserter->estate);
		cp_insert_index_tuples(inserter->result, slot, inserter->estate);
		return;
	}
	/* the index has the leading columns of its table, in their order */
	slot_getsomeattrs(slot, inserter->nindexed);
	index_insert(inserter->index, slot->tts_values, slot->tts_isnull, &slot->tts_tid,
				 inserter->rel, inserter->info->ii_Unique ? UNIQUE_CHECK_YES : UNIQUE_CHECK_NO,
				 false, inserter->info);
}

/* Inserts what is gathered: rows together, then their index entries. */
static void
inserter_flush(Inserter *inserter)
{
	MemoryContext caller;

	if (inserter->n == 0)
		return;
	caller = MemoryContextSwitchTo(inserter->scratch);
	heap_multi_insert(inserter->rel, inserter->slots, inserter->n,
					  GetCurrentCommandId(true), 0, inserter->bulk);
	for (int i = 0; inserter->index != NULL && i < inserter->n; i++)
		insert_entries(inserter, inserter->slots[i]);
	for (int i = 0; i < inserter->n; i++)
		ExecClearTuple(inserter->slots[i]);
	inserter->n = 0;
	MemoryContextSwitchTo(caller);
	MemoryContextReset(inserter->scratch);
}

/* A slot for the values of the next row. */
static TupleTableSlot *
inserter_next(Inserter *inserter)
{
	TupleTableSlot *slot;

	if (inserter->n >= SLOTS)
		inserter_flush(inserter);
	if (inserter->n >= inserter->nslots)
		inserter->slots[inserter->nslots++] = MakeSingleTupleTableSlot(RelationGetDescr(inserter->rel),
																	   &TTSOpsHeapTuple);
	slot = inserter->slots[inserter->n++];
	ExecClearTuple(slot);
	memset(slot->tts_isnull, false, RelationGetDescr(inserter->rel)->natts);
	return slot;
}

static void
inserter_close(Inserter *inserter)
{
	inserter_flush(inserter);
	for (int i = 0; i < inserter->nslots; i++)
		ExecDropSingleTupleTableSlot(inserter->slots[i]);
	FreeBulkInsertState(inserter->bulk);
	if (inserter->estate != NULL)
	{
		ExecCloseIndices(inserter->result);
		FreeExecutorState(inserter->estate);
	}
	if (inserter->index != NULL)
		index_close(inserter->index, RowExclusiveLock);
	table_close(inserter->rel, NoLock);
}

static void
insert_keys(CpStore *store, KeyRows *rows)
{
	Inserter	inserter;

	if (rows->n == 0)
		return;
	qsort(rows->rows, rows->n, sizeof(KeyRow), key_row_order);
	inserter_open(&inserter, rows->table, store->indexed ? rows->index : NULL, store->scratch);
	for (int i = 0; i < rows->n; i++)
	{
		KeyRow	   *row = &rows->rows[i];
		TupleTableSlot *slot = inserter_next(&inserter);

		slot->tts_values[CP_KEY_KEY - 1] = Int32GetDatum(row->key);
		slot->tts_values[CP_KEY_BIRTH - 1] = DateADTGetDatum(row->birth);
		slot->tts_values[CP_KEY_GIVEN - 1] = Int32GetDatum(row->given);
		slot->tts_values[CP_KEY_FAMILY - 1] = Int32GetDatum(row->family);
		slot->tts_values[CP_KEY_TRAITS - 1] = Int64GetDatum(row->traits);
		slot->tts_values[CP_KEY_CHILD - 1] = Int64GetDatum(row->child_id);
		ExecStoreVirtualTuple(slot);
	}
	inserter_close(&inserter);
}

static int
person_order(const void *a, const void *b)
{
	int64		left = (*(const CpPerson *const *) a)->child_id;
	int64		right = (*(const CpPerson *const *) b)->child_id;

	return left < right ? -1 : left > right ? 1 : 0;
}

static void
insert_persons(CpStore *store)
{
	Inserter	inserter;

	if (store->npersons == 0)
		return;
	qsort(store->persons, store->npersons, sizeof(CpPerson *), person_order);
	inserter_open(&inserter, "match_person", "match_person_pkey", store->scratch);
	for (int i = 0; i < store->npersons; i++)
	{
		TupleTableSlot *slot = inserter_next(&inserter);
		MemoryContext caller = MemoryContextSwitchTo(store->scratch);

		cp_person_values(store->persons[i], slot->tts_values);
		ExecStoreVirtualTuple(slot);
		MemoryContextSwitchTo(caller);
	}
	inserter_close(&inserter);
}

/* ---------- counts ---------- */

static bool
has_word(const CpPerson *person, int32 id, bool given)
{
	for (int i = 0; i < person->nnames; i++)
	{
		const CpName *name = &person->names[i];
		int			n = given ? name->ngiven : name->nfamily;
		const int32 *words = given ? name->given : name->family;

		for (int j = 0; j < n; j++)
			if (words[j] == id)
				return true;
	}
	return false;
}

static CpCountChange *
add_count(CpStore *store, int32 word)
{
	CpCountChange *change;

	if (store->ncounts >= store->counts_size)
	{
		store->counts_size *= 2;
		store->counts = repalloc_huge(store->counts, store->counts_size * sizeof(CpCountChange));
	}
	change = &store->counts[store->ncounts++];
	change->word = word;
	change->given = 0;
	change->family = 0;
	return change;
}

/* A person counts once for each of its given and of its family words. */
static void
count_words(CpStore *store, const CpPerson *person, int by)
{
	int32		seen[CP_MAX_NAMES * CP_MAX_WORDS * 2];
	int			nseen = 0;

	add_count(store, CP_NO_WORD)->given = by;
	for (int i = 0; i < person->nnames; i++)
	{
		const CpName *name = &person->names[i];

		for (int w = 0; w < name->ngiven + name->nfamily; w++)
		{
			int32		word = w < name->ngiven ? name->given[w] : name->family[w - name->ngiven];
			CpCountChange *change;
			int			s = 0;

			while (s < nseen && seen[s] != word)
				s++;
			if (s < nseen)
				continue;
			seen[nseen++] = word;
			change = add_count(store, word);
			change->given = has_word(person, word, true) ? by : 0;
			change->family = has_word(person, word, false) ? by : 0;
		}
	}
}

/* ---------- all of it ---------- */

/*
 * A record is new (before is NULL), changed, or gone (now is NULL).  now must
 * live until the end.
 */
void
cp_store_change(CpStore *store, const CpPerson *before, const CpPerson *now)
{
	MemoryContext caller;

	if (before == NULL && now == NULL)
		return;
	if (before != NULL && now != NULL && cp_person_same(before, now))
		return;
	caller = MemoryContextSwitchTo(store->scratch);
	if (before != NULL && now != NULL && !store->in_delta)
		cp_changes_add_record(before, now, false);
	else if (before != NULL && !store->in_delta)
		cp_changes_add(cp_changes_key_of(before->child_id));
	for (int i = 0; i < KEY_TABLES; i++)
		change_keys(&store->keys[i], before, now, store->in_delta);
	if (before != NULL)
	{
		cp_person_replace(before->child_id, now);
		count_words(store, before, -1);
	}
	else
	{
		if (store->npersons >= store->persons_size)
		{
			store->persons_size *= 2;
			store->persons = repalloc_huge(store->persons, store->persons_size * sizeof(CpPerson *));
		}
		store->persons[store->npersons++] = now;
	}
	if (now != NULL)
		count_words(store, now, 1);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(store->scratch);
}

/* Writes what was gathered; sees to it that the next command sees it. */
void
cp_store_end(CpStore *store)
{
	MemoryContext caller = MemoryContextSwitchTo(store->context);

	insert_persons(store);
	for (int i = 0; i < KEY_TABLES; i++)
		insert_keys(store, &store->keys[i]);
	cp_epoch_count(store->counts, store->ncounts);
	CommandCounterIncrement();
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(store->context);
}
