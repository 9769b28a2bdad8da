/*-------------------------------------------------------------------------
 *
 * dictionary.c
 *	  Distinct words of names: their numbers, how often records have them,
 *	  how alike two of them are.
 *
 *	  Trigram search is done once for each distinct word and not for each
 *	  record: a new word is looked up once with pg_trgm, and the words it may
 *	  be a misspelling of are stored on both sides (similar_word).
 *
 *	  Words of records have positive ids and stand in name_word.  Words that
 *	  only an uploaded row or a search has are kept in this process under
 *	  negative ids: matching a row writes nothing.
 *
 *	  Invariants: a positive id means the same word for ever; words are added
 *	  under the matching lock only; no CpWord is freed but by
 *	  cp_dictionary_refresh and at the abort of a transaction that added some.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "port/pg_bitutils.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "keys.h"
#include "match.h"

#define MAX_WORD_BYTES 64		/* what is longer is cut */
#define MAX_KNOWN 500000		/* words kept in memory */
#define MAX_OWN 50000
#define MAX_SIMILAR_CODES 24
#define MEMO_SIZE 16384			/* a power of 2 */
#define EXACT_COUNT_BITS 5		/* counts are exact up to 2^5, then sampled */

/* Columns of name_word, word_count and similar_word. */
enum
{
	WORD_ID = 1,
	WORD_WORD,
	WORD_CODE,
	WORD_COLUMNS = WORD_CODE
};

enum
{
	COUNT_WORD = 1,
	COUNT_GIVEN,
	COUNT_FAMILY,
	COUNT_COLUMNS = COUNT_FAMILY
};

enum
{
	SIMILAR_WORD = 1,
	SIMILAR_OTHER,
	SIMILAR_SIMILARITY,
	SIMILAR_COLUMNS = SIMILAR_SIMILARITY
};

typedef struct WordByText
{
	const char *word;
	CpWord	   *entry;
	uint32		hash;
	char		status;
} WordByText;

typedef struct WordById
{
	int32		id;
	CpWord	   *entry;
	char		status;
} WordById;

#define SH_PREFIX text_table
#define SH_ELEMENT_TYPE WordByText
#define SH_KEY_TYPE const char *
#define SH_KEY word
#define SH_HASH_KEY(tb, key) hash_bytes((const unsigned char *) (key), strlen(key))
#define SH_EQUAL(tb, a, b) (strcmp((a), (b)) == 0)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, a) ((a)->hash)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

#define SH_PREFIX id_table
#define SH_ELEMENT_TYPE WordById
#define SH_KEY_TYPE int32
#define SH_KEY id
#define SH_HASH_KEY(tb, key) murmurhash32((uint32) (key))
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

typedef struct WordCache
{
	MemoryContext context;
	text_table_hash *by_text;
	id_table_hash *by_id;
} WordCache;

typedef struct Memo
{
	int32		a;
	int32		b;
	int32		level;
} Memo;

static WordCache known;			/* words of name_word */
static WordCache own;			/* words of this process only */
static WordCache old_own;		/* the generation before */
static int32 last_own_id = 0;
static Memo *memo = NULL;
static Oid	known_relid = InvalidOid;
static bool stale = false;		/* name_word was emptied or rewritten */
static bool words_added = false;	/* by the transaction now running */
static bool callbacks_registered = false;

static void
cache_create(WordCache *cache)
{
	cache->context = AllocSetContextCreate(CacheMemoryContext,
										   "contactpoint dictionary",
										   ALLOCSET_DEFAULT_SIZES);
	cache->by_text = text_table_create(cache->context, 1024, NULL);
	cache->by_id = id_table_create(cache->context, 1024, NULL);
}

static void
cache_drop(WordCache *cache)
{
	if (cache->context != NULL)
		MemoryContextDelete(cache->context);
	memset(cache, 0, sizeof(WordCache));
}

static void
forget_known(void)
{
	cache_drop(&known);
	if (memo != NULL)
		memset(memo, 0, MEMO_SIZE * sizeof(Memo));
	stale = false;
}

static void
relation_changed(Datum arg, Oid relid)
{
	if (relid == InvalidOid || relid == known_relid)
		stale = true;
}

/* Words that an aborted transaction added are in no table. */
static void
transaction_ends(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_ABORT && words_added)
		forget_known();
	if (event == XACT_EVENT_ABORT || event == XACT_EVENT_COMMIT || event == XACT_EVENT_PREPARE)
		words_added = false;
}

static void
subtransaction_ends(SubXactEvent event, SubTransactionId mine,
					SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB && words_added)
		forget_known();
}

/* At the start of a call, while no CpWord is held: forget what is stale. */
void
cp_dictionary_refresh(void)
{
	if (!callbacks_registered)
	{
		CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
		RegisterXactCallback(transaction_ends, NULL);
		RegisterSubXactCallback(subtransaction_ends, NULL);
		memo = MemoryContextAllocZero(CacheMemoryContext, MEMO_SIZE * sizeof(Memo));
		callbacks_registered = true;
	}
	if (stale || (known.context != NULL && known.by_id->members > MAX_KNOWN))
		forget_known();
	if (known.context == NULL)
		cache_create(&known);
	if (own.context == NULL)
		cache_create(&own);
	/* rows made just before keep their words for one more generation */
	if (own.by_id->members > MAX_OWN)
	{
		cache_drop(&old_own);
		old_own = own;
		cache_create(&own);
	}
}

/* Forgets every word in every session, when the table is emptied. */
void
cp_dictionary_forget(void)
{
	CacheInvalidateRelcacheByRelid(cp_relation_oid("name_word"));
	stale = true;
	cp_dictionary_refresh();
}

static CpWord *
remember(WordCache *cache, int32 id, const char *word)
{
	MemoryContext old = MemoryContextSwitchTo(cache->context);
	int			length = strlen(word);
	CpWord	   *entry = palloc0(sizeof(CpWord) + length + 1);
	char	   *copy = (char *) (entry + 1);
	bool		found;

	memcpy(copy, word, length + 1);
	entry->id = id;
	entry->length = length;
	entry->word = copy;
	cp_word_code(copy, entry->code);
	cp_short_forms(copy, entry->forms);
	text_table_insert(cache->by_text, copy, &found)->entry = entry;
	id_table_insert(cache->by_id, id, &found)->entry = entry;
	MemoryContextSwitchTo(old);
	return entry;
}

/* Reads the counts of a word from word_count, or stores them there. */
static void
sync_counts(CpWord *word, bool store)
{
	Snapshot	snapshot = cp_latest_snapshot();
	LOCKMODE	mode = store ? RowExclusiveLock : AccessShareLock;
	Relation	rel = table_open(cp_relation_oid("word_count"), mode);
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple	tuple;
	HeapTuple	fresh = NULL;

	ScanKeyInit(&key, COUNT_WORD, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(word->id));
	scan = systable_beginscan(rel, cp_relation_oid("word_count_pkey"), true, snapshot, 1, &key);
	tuple = systable_getnext(scan);
	if (store)
	{
		Datum		values[COUNT_COLUMNS];
		bool		nulls[COUNT_COLUMNS] = {false};

		values[COUNT_WORD - 1] = Int32GetDatum(word->id);
		values[COUNT_GIVEN - 1] = Int64GetDatum(word->given_count);
		values[COUNT_FAMILY - 1] = Int64GetDatum(word->family_count);
		fresh = heap_form_tuple(RelationGetDescr(rel), values, nulls);
		if (HeapTupleIsValid(tuple))
			CatalogTupleUpdate(rel, &tuple->t_self, fresh);
		else
			CatalogTupleInsert(rel, fresh);
	}
	else if (HeapTupleIsValid(tuple))
	{
		Datum		values[COUNT_COLUMNS];
		bool		nulls[COUNT_COLUMNS];

		heap_deform_tuple(tuple, RelationGetDescr(rel), values, nulls);
		word->given_count = DatumGetInt64(values[COUNT_GIVEN - 1]);
		word->family_count = DatumGetInt64(values[COUNT_FAMILY - 1]);
	}
	systable_endscan(scan);
	table_close(rel, mode);
	UnregisterSnapshot(snapshot);
}

/* Reads one word from name_word by the given column, or returns NULL. */
static CpWord *
load_word(const char *index, AttrNumber column, RegProcedure equal, Datum value)
{
	Relation	rel;
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple	tuple;
	Snapshot	snapshot = cp_latest_snapshot();
	CpWord	   *entry = NULL;

	rel = table_open(cp_relation_oid("name_word"), AccessShareLock);
	known_relid = RelationGetRelid(rel);
	ScanKeyInit(&key, column, BTEqualStrategyNumber, equal, value);
	scan = systable_beginscan(rel, cp_relation_oid(index), true, snapshot, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		Datum		values[WORD_COLUMNS];
		bool		nulls[WORD_COLUMNS];

		heap_deform_tuple(tuple, RelationGetDescr(rel), values, nulls);
		entry = remember(&known, DatumGetInt32(values[WORD_ID - 1]),
						 TextDatumGetCString(values[WORD_WORD - 1]));
		sync_counts(entry, false);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	UnregisterSnapshot(snapshot);
	return entry;
}

static const char *
clip(const char *word)
{
	int			length = strlen(word);

	if (length <= MAX_WORD_BYTES)
		return word;
	return pnstrdup(word, pg_mbcliplen(word, length, MAX_WORD_BYTES));
}

static CpWord *
find_known(const char *word)
{
	WordByText *hit = text_table_lookup(known.by_text, word);

	if (hit != NULL)
		return hit->entry;
	return load_word("name_word_word_key", WORD_WORD, F_TEXTEQ, CStringGetTextDatum(word));
}

/* Id of a normalised word, without writing: negative where no record has it. */
int32
cp_dictionary_find(const char *word)
{
	WordByText *hit;
	CpWord	   *entry;

	if (known.context == NULL || own.context == NULL)
		cp_dictionary_refresh();
	word = clip(word);
	hit = text_table_lookup(known.by_text, word);
	if (hit != NULL)
		return hit->entry->id;
	hit = text_table_lookup(own.by_text, word);
	if (hit != NULL)
		return hit->entry->id;
	entry = find_known(word);
	if (entry != NULL)
		return entry->id;
	if (last_own_id == PG_INT32_MIN)
		last_own_id = 0;
	return remember(&own, --last_own_id, word)->id;
}

/* The word behind an id, or NULL; good until the next refresh. */
const CpWord *
cp_dictionary_word(int32 id)
{
	WordById   *hit;

	if (known.context == NULL || own.context == NULL)
		cp_dictionary_refresh();
	hit = id_table_lookup(id >= 0 ? known.by_id : own.by_id, id);
	if (hit == NULL && id < 0 && old_own.context != NULL)
		hit = id_table_lookup(old_own.by_id, id);
	if (hit != NULL)
		return hit->entry;
	if (id < 0)
		return NULL;
	if (id == CP_NO_WORD)
	{
		CpWord	   *all = remember(&known, CP_NO_WORD, "");

		sync_counts(all, false);
		return all;
	}
	return load_word("name_word_pkey", WORD_ID, F_INT4EQ, Int32GetDatum(id));
}

CpWordLevel
cp_dictionary_compare(int32 a, int32 b)
{
	const CpWord *aword;
	const CpWord *bword;
	Memo	   *seen;

	if (a == b)
		return CP_WORD_EQUAL;
	if (a > b)
	{
		int32		swap = a;

		a = b;
		b = swap;
	}
	aword = cp_dictionary_word(a);
	bword = cp_dictionary_word(b);
	if (aword == NULL || bword == NULL)
		return CP_WORD_DIFFER;
	seen = &memo[(murmurhash32((uint32) a) ^ (uint32) b) & (MEMO_SIZE - 1)];
	if (seen->a != a || seen->b != b)
	{
		seen->level = cp_word_compare(aword->word, aword->length, bword->word, bword->length);
		seen->a = a;
		seen->b = b;
	}
	return seen->level;
}

typedef struct SimilarWord
{
	int32		id;
	char		code[CP_CODE_LEN + 1];
	float4		similarity;
} SimilarWord;

/*
 * Asks pg_trgm for words that are spelt alike and sound different.  Reads with
 * the latest snapshot, as own work of the extension.
 */
static List *
search_similar(const CpWord *word)
{
	static SPIPlanPtr plan = NULL;
	MemoryContext caller = CurrentMemoryContext;
	Snapshot	snapshot = cp_latest_snapshot();
	CpOwnWork	work;
	List	   *result = NIL;

	cp_own_work_begin(&work);
	PG_TRY();
	{
		Datum		value;
		char		isnull = ' ';

		SPI_connect();
		if (plan == NULL)
		{
			Oid			argtype = TEXTOID;
			SPIPlanPtr	fresh = SPI_prepare("SELECT word_id, word_found, code, similarity FROM contactpoint._similar_words($1)",
											1, &argtype);

			if (fresh == NULL || SPI_keepplan(fresh) != 0)
				elog(ERROR, "could not prepare the search for similar words");
			plan = fresh;
		}
		value = CStringGetTextDatum(word->word);
		if (SPI_execute_snapshot(plan, &value, &isnull, snapshot, InvalidSnapshot,
								 true, false, 0) != SPI_OK_SELECT)
			elog(ERROR, "could not search for similar words");
		for (uint64 i = 0; i < SPI_processed; i++)
		{
			HeapTuple	row = SPI_tuptable->vals[i];
			TupleDesc	desc = SPI_tuptable->tupdesc;
			char	   *other = SPI_getvalue(row, desc, 2);
			char	   *code = SPI_getvalue(row, desc, 3);
			bool		null;

			if (strcmp(code, word->code) != 0 && cp_word_slip(word->word, word->length, other, strlen(other)))
			{
				MemoryContext inner = MemoryContextSwitchTo(caller);
				SimilarWord *similar = palloc0(sizeof(SimilarWord));

				similar->id = DatumGetInt32(SPI_getbinval(row, desc, 1, &null));
				strlcpy(similar->code, code, sizeof(similar->code));
				similar->similarity = DatumGetFloat4(SPI_getbinval(row, desc, 4, &null));
				result = lappend(result, similar);
				MemoryContextSwitchTo(inner);
			}
		}
		SPI_finish();
	}
	PG_FINALLY();
	{
		cp_own_work_end(&work);
	}
	PG_END_TRY();
	UnregisterSnapshot(snapshot);
	return result;
}

static List *
add_code(List *codes, const char *code)
{
	ListCell   *cell;

	foreach(cell, codes)
	{
		if (strcmp(lfirst(cell), code) == 0)
			return codes;
	}
	return lappend(codes, pstrdup(code));
}

/*
 * Phonetic codes of known words that are spelt alike and sound different: char
 * pointers, at most 24 of them.
 */
List *
cp_dictionary_similar_codes(int32 id)
{
	const CpWord *word = cp_dictionary_word(id);
	List	   *codes = NIL;
	ListCell   *cell;

	if (word == NULL || word->length < 3)
		return NIL;
	if (id < 0)
	{
		foreach(cell, search_similar(word))
		{
			codes = add_code(codes, ((SimilarWord *) lfirst(cell))->code);
			if (list_length(codes) >= MAX_SIMILAR_CODES)
				break;
		}
	}
	else
	{
		Snapshot	snapshot = cp_latest_snapshot();
		Relation	rel = table_open(cp_relation_oid("similar_word"), AccessShareLock);
		SysScanDesc scan;
		ScanKeyData key;
		HeapTuple	tuple;

		ScanKeyInit(&key, SIMILAR_WORD, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(id));
		scan = systable_beginscan(rel, cp_relation_oid("similar_word_pkey"), true, snapshot, 1, &key);
		while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		{
			bool		isnull;
			int32		other = DatumGetInt32(heap_getattr(tuple, SIMILAR_OTHER,
														   RelationGetDescr(rel), &isnull));
			const CpWord *similar = cp_dictionary_word(other);

			if (similar != NULL)
				codes = add_code(codes, similar->code);
			if (list_length(codes) >= MAX_SIMILAR_CODES)
				break;
		}
		systable_endscan(scan);
		table_close(rel, AccessShareLock);
		UnregisterSnapshot(snapshot);
	}
	return codes;
}

static int32
next_word_id(Relation rel)
{
	Relation	index = index_open(cp_relation_oid("name_word_pkey"), AccessShareLock);
	Snapshot	snapshot = cp_latest_snapshot();
	SysScanDesc scan = systable_beginscan_ordered(rel, index, snapshot, 0, NULL);
	HeapTuple	tuple = systable_getnext_ordered(scan, BackwardScanDirection);
	int32		id = CP_NO_WORD;
	bool		isnull;

	if (HeapTupleIsValid(tuple))
		id = DatumGetInt32(heap_getattr(tuple, WORD_ID, RelationGetDescr(rel), &isnull));
	systable_endscan_ordered(scan);
	index_close(index, AccessShareLock);
	UnregisterSnapshot(snapshot);
	if (id == PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the dictionary of names is full")));
	return id + 1;
}

static void
store_similar(int32 id, List *similar)
{
	Relation	rel = table_open(cp_relation_oid("similar_word"), RowExclusiveLock);
	CatalogIndexState indexes = CatalogOpenIndexes(rel);
	ListCell   *cell;

	foreach(cell, similar)
	{
		SimilarWord *other = lfirst(cell);

		for (int side = 0; side < 2; side++)
		{
			Datum		values[SIMILAR_COLUMNS];
			bool		nulls[SIMILAR_COLUMNS] = {false};
			HeapTuple	tuple;

			values[SIMILAR_WORD - 1] = Int32GetDatum(side == 0 ? id : other->id);
			values[SIMILAR_OTHER - 1] = Int32GetDatum(side == 0 ? other->id : id);
			values[SIMILAR_SIMILARITY - 1] = Float4GetDatum(other->similarity);
			tuple = heap_form_tuple(RelationGetDescr(rel), values, nulls);
			CatalogTupleInsertWithInfo(rel, tuple, indexes);
			heap_freetuple(tuple);
		}
	}
	CatalogCloseIndexes(indexes);
	table_close(rel, RowExclusiveLock);
}

/*
 * Id of a normalised word; a new one gets its similar words at once.  Needs
 * the matching lock where the word may be new.
 */
int32
cp_dictionary_id(const char *word)
{
	CpWord	   *entry;
	Relation	rel;
	Datum		values[WORD_COLUMNS];
	bool		nulls[WORD_COLUMNS] = {false};
	HeapTuple	tuple;
	int32		id;

	if (known.context == NULL || own.context == NULL)
		cp_dictionary_refresh();
	word = clip(word);
	entry = find_known(word);
	if (entry != NULL)
		return entry->id;

	rel = table_open(cp_relation_oid("name_word"), RowExclusiveLock);
	id = next_word_id(rel);
	words_added = true;
	entry = remember(&known, id, word);
	if (entry->length >= 3)
		store_similar(id, search_similar(entry));
	values[WORD_ID - 1] = Int32GetDatum(id);
	values[WORD_WORD - 1] = CStringGetTextDatum(word);
	values[WORD_CODE - 1] = CStringGetTextDatum(entry->code);
	tuple = heap_form_tuple(RelationGetDescr(rel), values, nulls);
	CatalogTupleInsert(rel, tuple);
	heap_freetuple(tuple);
	table_close(rel, RowExclusiveLock);
	CommandCounterIncrement();
	return id;
}

/* Counts exactly at first, then every 2^k-th with weight 2^k. */
static bool
count_one(int64 *count, uint32 draw)
{
	int			bits = pg_leftmost_one_pos64((uint64) *count + 1) - EXACT_COUNT_BITS;

	if (bits < 0)
		bits = 0;
	if ((draw & ((UINT64CONST(1) << bits) - 1)) != 0)
		return false;
	*count += INT64CONST(1) << bits;
	return true;
}

/*
 * A record has got this word: counts it.  Counts of frequent words are
 * sampled, by the number of the child, so that a name borne by every
 * hundredth child is not written for each of them.
 */
void
cp_dictionary_count(int32 id, int64 child_id, bool given, bool family)
{
	CpWord	   *word = unconstify(CpWord *, cp_dictionary_word(id));
	uint64		draw = hash_bytes_uint32_extended((uint32) child_id, (uint64) child_id >> 32);
	bool		changed = false;

	if (word == NULL)
		return;
	if (given)
		changed |= count_one(&word->given_count, (uint32) draw);
	if (family)
		changed |= count_one(&word->family_count, (uint32) (draw >> 32));
	if (!changed)
		return;
	/* an abort must not leave counts that nobody stored */
	words_added = true;
	sync_counts(word, true);
	CommandCounterIncrement();
}
