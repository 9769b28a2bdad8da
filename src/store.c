/*-------------------------------------------------------------------------
 *
 * store.c
 *	  Persons, keys and counts of changed records become rows, many at a time.
 *
 *	  What comes and what goes is gathered and written in the order of its
 *	  index: pages of the index are then met once and not once a record, which
 *	  is where most of the time goes with millions of records.
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
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/indexing.h"
#include "executor/executor.h"
#include "executor/tuptable.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "keys.h"
#include "match.h"
#include "walk.h"

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
	KeyRow	   *rows;
	int			n;
	int			size;
} KeyRows;

typedef struct KeyTable
{
	const char *table;
	const char *index;
	CpKey	   *(*make) (const CpPerson *person, int *nkeys);
	KeyRows		come;
	KeyRows		go;
} KeyTable;

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
	KeyTable	keys[KEY_TABLES];
	const CpPerson **persons;	/* new ones */
	int			npersons;
	int			persons_size;
	CpPersonChange *changes;	/* of others */
	int			nchanges;
	int			changes_size;
	CpCountChange *counts;
	int			ncounts;
	int			counts_size;
};

static void
init_rows(KeyRows *rows, MemoryContext context)
{
	rows->n = 0;
	rows->size = 64;
	rows->rows = MemoryContextAlloc(context, rows->size * sizeof(KeyRow));
}

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
		init_rows(&store->keys[i].come, context);
		init_rows(&store->keys[i].go, context);
	}
	store->persons_size = 16;
	store->persons = MemoryContextAlloc(context, 16 * sizeof(CpPerson *));
	store->changes_size = 16;
	store->changes = MemoryContextAlloc(context, 16 * sizeof(CpPersonChange));
	store->counts_size = 64;
	store->counts = MemoryContextAlloc(context, 64 * sizeof(CpCountChange));
	return store;
}

/* ---------- keys ---------- */

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

/* Notes the keys that no longer hold and the new ones. */
static void
change_keys(KeyTable *table, const CpPerson *before, const CpPerson *now, bool in_delta)
{
	int			nold = 0;
	int			nnew = 0;
	CpKey	   *old_keys = before != NULL ? table->make(before, &nold) : NULL;
	CpKey	   *new_keys = now != NULL ? table->make(now, &nnew) : NULL;
	bool		moved = before != NULL && now != NULL && before->date_of_birth != now->date_of_birth;
	int			o = 0;
	int			n = 0;

	while (o < nold || n < nnew)
	{
		int			order = o >= nold ? 1 : n >= nnew ? -1 : cp_key_order(&old_keys[o], &new_keys[n]);

		if (!in_delta && (before == NULL || now == NULL))
			cp_changes_add(order <= 0 ? old_keys[o].key : new_keys[n].key);
		if (order < 0 || (order == 0 && moved))
			add_key_row(&table->go, &old_keys[o], before->date_of_birth, before->child_id);
		if (order > 0 || (order == 0 && moved))
			add_key_row(&table->come, &new_keys[n], now->date_of_birth, now->child_id);
		if (order <= 0)
			o++;
		if (order >= 0)
			n++;
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

/* ---------- keys that no longer hold ---------- */

/* The key and the birth date are equal already. */
static bool
is_entry_of(const CpKeyEntry *entry, const KeyRow *row)
{
	return entry->child_id == row->child_id && entry->given == row->given &&
		entry->family == row->family && entry->traits == row->traits;
}

/* Deletes the row of an entry of the index, if it is one that counts. */
static void
delete_key(Relation rel, IndexFetchTableData *fetch, Snapshot snapshot, TupleTableSlot *slot, ItemPointerData row)
{
	bool		call_again = false;

	if (table_index_fetch_tuple(fetch, &row, snapshot, slot, &call_again, NULL))
		CatalogTupleDelete(rel, &slot->tts_tid);
}

/* In the order of their index, which is walked through once. */
static void
delete_keys(KeyTable *table)
{
	KeyRows    *rows = &table->go;
	Snapshot	snapshot;
	Relation	rel;
	Relation	index;
	CpWalk	   *walk;
	IndexFetchTableData *fetch;
	TupleTableSlot *slot;

	if (rows->n == 0)
		return;
	qsort(rows->rows, rows->n, sizeof(KeyRow), key_row_order);
	snapshot = cp_latest_snapshot();
	rel = table_open(cp_relation_oid(table->table), RowExclusiveLock);
	index = index_open(cp_relation_oid(table->index), RowExclusiveLock);
	walk = cp_walk_begin(index, CP_WALK_KEYS, snapshot);
	fetch = table_index_fetch_begin(rel);
	slot = table_slot_create(rel, NULL);
	for (int i = 0; i < rows->n; i++)
	{
		const KeyRow *row = &rows->rows[i];
		uint64		place = CpWalkPair(row->key, row->birth);
		const CpWalkEntry *entries;
		int			n;

		cp_walk_to(walk, place, place);
		while ((n = cp_walk_next(walk, &entries)) > 0)
			for (int e = 0; e < n; e++)
				if (is_entry_of(&entries[e].data.key, row))
					delete_key(rel, fetch, snapshot, slot, entries[e].row);
	}
	ExecDropSingleTupleTableSlot(slot);
	table_index_fetch_end(fetch);
	cp_walk_end(walk);
	index_close(index, NoLock);
	table_close(rel, NoLock);
	UnregisterSnapshot(snapshot);
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
	TupleDesc	desc;			/* of the slots, counted by nobody */
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
	inserter->desc = CreateTupleDescCopy(RelationGetDescr(inserter->rel));
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
		inserter->slots[inserter->nslots++] = MakeSingleTupleTableSlot(inserter->desc, &TTSOpsHeapTuple);
	slot = inserter->slots[inserter->n++];
	ExecClearTuple(slot);
	memset(slot->tts_isnull, false, inserter->desc->natts);
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
insert_keys(CpStore *store, const KeyTable *table)
{
	const KeyRows *rows = &table->come;
	Inserter	inserter;

	if (rows->n == 0)
		return;
	qsort(rows->rows, rows->n, sizeof(KeyRow), key_row_order);
	inserter_open(&inserter, table->table, store->indexed ? table->index : NULL, store->scratch);
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

static void
add_change(CpStore *store, int64 child_id, const CpPerson *now)
{
	CpPersonChange *change;

	if (store->nchanges >= store->changes_size)
	{
		store->changes_size *= 2;
		store->changes = repalloc_huge(store->changes, store->changes_size * sizeof(CpPersonChange));
	}
	change = &store->changes[store->nchanges++];
	change->child_id = child_id;
	change->now = now;
}

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
		add_change(store, before->child_id, now);
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

	cp_persons_replace(store->changes, store->nchanges);
	insert_persons(store);
	for (int i = 0; i < KEY_TABLES; i++)
	{
		delete_keys(&store->keys[i]);
		insert_keys(store, &store->keys[i]);
	}
	cp_epoch_count(store->counts, store->ncounts);
	CommandCounterIncrement();
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(store->context);
}
