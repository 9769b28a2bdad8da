/*-------------------------------------------------------------------------
 *
 * dictionary.c
 *	  Distinct words of names, known by number.
 *
 *	  Words of records have positive ids and stand in name_word.  Words that
 *	  only an uploaded row or a search has are kept in this process under
 *	  negative ids: matching a row writes nothing.  A word in memory is found
 *	  by its id in an array, and what a comparison of two words gave is
 *	  remembered.
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
#include "mb/pg_wchar.h"
#include "port/pg_bitutils.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "match.h"

#define MAX_WORD_BYTES 64		/* what is longer is cut */
#define MAX_KNOWN 600000		/* words kept in memory, some 150 bytes each */
#define MAX_OWN 50000
#define NO_NAME "#"				/* no word in normal form is spelt so */
#define MAX_TOLD_APART 48		/* bytes of words that are told apart at
								 * sight; no more are compared (word.c) */
#define MEMO_SIZE 65536			/* a power of 2 */
#define CHUNK_BYTES 65536		/* words are allocated in chunks of this size */

typedef struct WordByText
{
	const char *word;
	CpWord	   *entry;
	uint32		hash;
	char		status;
} WordByText;

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

/* What tells most pairs of words apart, in one piece of memory. */
typedef struct Sketch
{
	uint32		begin;			/* the first three bytes */
	char		code[CP_CODE_LEN];
	uint32		letters;		/* the set of its bytes, 5 bits of each */
	int16		length;			/* 0: the word is not in memory */
	int16		nvariants;
} Sketch;

typedef struct WordCache
{
	MemoryContext context;
	text_table_hash *by_text;
	CpWord	  **by_id;			/* at the distance of the id from the first */
	Sketch	   *sketches;		/* the same */
	int32		first;
	int32		size;
	char	   *chunk;			/* room for more words */
	Size		room;
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
static Oid	variant_relid = InvalidOid;
static bool stale = false;		/* name_word was emptied, counts moved on, or
								 * name_variant has changed */
static bool words_added = false;	/* by the transaction now running */
static bool callbacks_registered = false;

static void
cache_create(WordCache *cache, int32 first)
{
	/* own was copied before, and its chunk belongs to the copy now */
	memset(cache, 0, sizeof(WordCache));
	cache->context = AllocSetContextCreate(CacheMemoryContext,
										   "contactpoint dictionary",
										   ALLOCSET_DEFAULT_SIZES);
	cache->by_text = text_table_create(cache->context, 1024, NULL);
	cache->first = first;
	cache->room = 0;			/* the chunk goes with the words before */
	cache->size = 1024;
	cache->by_id = MemoryContextAllocZero(cache->context, cache->size * sizeof(CpWord *));
	cache->sketches = MemoryContextAllocZero(cache->context, cache->size * sizeof(Sketch));
}

static void
cache_drop(WordCache *cache)
{
	if (cache->context != NULL)
		MemoryContextDelete(cache->context);
	memset(cache, 0, sizeof(WordCache));
}

/* Distance of an id from the first of its cache. */
static inline int32
distance(const WordCache *cache, int32 id)
{
	return id >= 0 ? id - cache->first : cache->first - id;
}

static inline CpWord *
cache_get(const WordCache *cache, int32 id)
{
	int32		at = distance(cache, id);

	return at >= 0 && at < cache->size ? cache->by_id[at] : NULL;
}

static void *
cache_alloc(WordCache *cache, Size size)
{
	void	   *result;

	size = MAXALIGN(size);
	if (cache->room < size)
	{
		cache->chunk = MemoryContextAlloc(cache->context, CHUNK_BYTES);
		cache->room = CHUNK_BYTES;
	}
	result = cache->chunk;
	cache->chunk += size;
	cache->room -= size;
	return result;
}

static void
draw(Sketch *sketch, const CpWord *word)
{
	memset(sketch, 0, sizeof(Sketch));
	memcpy(&sketch->begin, word->word, Min(word->length, 3));
	memcpy(sketch->code, word->code, strlen(word->code));
	for (int i = 0; i < word->length; i++)
		sketch->letters |= (uint32) 1 << (word->word[i] & 31);
	sketch->length = word->length;
	sketch->nvariants = word->nvariants;
}

static void
cache_put(WordCache *cache, CpWord *entry)
{
	int32		at = distance(cache, entry->id);
	bool		found;

	if (at >= cache->size)
	{
		int32		size = cache->size;

		while (size <= at)
			size *= 2;
		cache->by_id = repalloc_huge(cache->by_id, (Size) size * sizeof(CpWord *));
		memset(cache->by_id + cache->size, 0, (Size) (size - cache->size) * sizeof(CpWord *));
		cache->sketches = repalloc_huge(cache->sketches, (Size) size * sizeof(Sketch));
		memset(cache->sketches + cache->size, 0, (Size) (size - cache->size) * sizeof(Sketch));
		cache->size = size;
	}
	cache->by_id[at] = entry;
	draw(&cache->sketches[at], entry);
	text_table_insert(cache->by_text, entry->word, &found)->entry = entry;
}

/* Rows made just before keep their own words for one more generation. */
static void
turn_own(void)
{
	cache_drop(&old_own);
	old_own = own;
	if (last_own_id < PG_INT32_MIN / 2)
		last_own_id = 0;
	cache_create(&own, last_own_id - 1);
}

static void
forget_known(void)
{
	cache_drop(&known);
	cp_trigram_forget();
	if (memo != NULL)
		memset(memo, 0, MEMO_SIZE * sizeof(Memo));
	stale = false;
}

static void
relation_changed(Datum arg, Oid relid)
{
	if (relid == InvalidOid || relid == known_relid || relid == variant_relid)
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
	bool		forgotten = false;

	if (!callbacks_registered)
	{
		CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
		RegisterXactCallback(transaction_ends, NULL);
		RegisterSubXactCallback(subtransaction_ends, NULL);
		memo = MemoryContextAllocZero(CacheMemoryContext, MEMO_SIZE * sizeof(Memo));
		callbacks_registered = true;
	}
	if (stale || (known.context != NULL && known.by_text->members > MAX_KNOWN))
	{
		forget_known();
		forgotten = true;
	}
	if (known.context == NULL)
	{
		variant_relid = cp_relation_oid("name_variant");
		cache_create(&known, 0);
	}
	/* what was nobody's word may be a record's by now */
	if (own.context == NULL || forgotten || own.by_text->members > MAX_OWN)
		turn_own();
}

/*
 * Forgets every word in every session: the table was emptied, or the counts
 * moved on.
 */
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
	int			length = strlen(word);
	uint64		variants[CP_MAX_VARIANTS];
	int			nvariants = cp_variants(word, variants);
	CpWord	   *entry = cache_alloc(cache, sizeof(CpWord) + nvariants * sizeof(uint64) + length + 1);
	uint64	   *forms = (uint64 *) (entry + 1);
	char	   *copy = (char *) (forms + nvariants);

	memset(entry, 0, sizeof(CpWord));
	memcpy(forms, variants, nvariants * sizeof(uint64));
	memcpy(copy, word, length + 1);
	entry->id = id;
	entry->length = length;
	entry->word = copy;
	cp_word_code(copy, entry->code);
	entry->hash = cp_word_hash(copy);
	entry->nvariants = nvariants;
	entry->variants = forms;
	if (id >= 0)
		cp_epoch_counts(entry);
	cache_put(cache, entry);
	return entry;
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
		Datum		values[CP_WORD_COLUMNS];
		bool		nulls[CP_WORD_COLUMNS];

		heap_deform_tuple(tuple, RelationGetDescr(rel), values, nulls);
		entry = remember(&known, DatumGetInt32(values[CP_WORD_ID - 1]),
						 TextDatumGetCString(values[CP_WORD_WORD - 1]));
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
	return load_word("name_word_word_key", CP_WORD_WORD, F_TEXTEQ, CStringGetTextDatum(word));
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
	return remember(&own, --last_own_id, word)->id;
}

/* A word that is in neither cache. */
static pg_noinline const CpWord *
find_word(int32 id)
{
	if (id < 0)
		return cache_get(&old_own, id);
	if (known.context == NULL || own.context == NULL)
		cp_dictionary_refresh();
	if (id == CP_NO_WORD)
		return remember(&known, CP_NO_WORD, "");
	if (id == CP_KIN_WORD)
		return remember(&known, CP_KIN_WORD, NO_NAME);
	return load_word("name_word_pkey", CP_WORD_ID, F_INT4EQ, Int32GetDatum(id));
}

static inline const CpWord *
word_of(int32 id)
{
	const CpWord *entry = cache_get(id >= 0 ? &known : &own, id);

	return likely(entry != NULL) ? entry : find_word(id);
}

/* The word behind an id, or NULL; good until the next refresh. */
const CpWord *
cp_dictionary_word(int32 id)
{
	return word_of(id);
}

/* The known word of the same text as one of this process only, or the same. */
const CpWord *
cp_dictionary_known(int32 id)
{
	const CpWord *word = cp_dictionary_word(id);
	const CpWord *entry = NULL;

	if (word != NULL && id < 0)
		entry = find_known(word->word);
	return entry != NULL ? entry : word;
}

static inline const Sketch *
sketch_of(int32 id)
{
	const WordCache *cache = id >= 0 ? &known : &own;
	int32		at = distance(cache, id);

	return at >= 0 && at < cache->size && cache->sketches[at].length > 0 ? &cache->sketches[at] : NULL;
}

/*
 * Is it plain that cp_word_compare() will find two words different?  Most pairs
 * are told apart here.  A slip brings one letter at most and takes one, and
 * changes the length by one; sounds and beginnings count as well.
 */
static inline bool
sketches_differ(const Sketch *left, const Sketch *right)
{
	int			shorter = Min(left->length, right->length);
	int			longer = Max(left->length, right->length);
	int			slips = shorter >= 8 ? 3 : shorter >= 4 ? 2 : 1;

	return (pg_popcount32(left->letters & ~right->letters) > slips || pg_popcount32(right->letters & ~left->letters) > slips ||
			longer - shorter > slips) &&
		left->begin != right->begin && shorter > 1 && longer <= MAX_TOLD_APART &&
		memcmp(left->code, right->code, CP_CODE_LEN) != 0;
}

static inline bool
plainly_differ(int32 a, int32 b)
{
	const Sketch *left = sketch_of(a);
	const Sketch *right = sketch_of(b);

	return left != NULL && right != NULL && sketches_differ(left, right);
}

uint32
cp_dictionary_alike(const int32 *words, int n, int32 id)
{
	const Sketch *right = sketch_of(id);
	uint32		alike = 0;

	Assert(n <= 32);
	for (int i = 0; i < n; i++)
	{
		const Sketch *left = sketch_of(words[i]);

		if (left == NULL || right == NULL || !sketches_differ(left, right) ||
			(left->nvariants > 0 && right->nvariants > 0))
			alike |= (uint32) 1 << i;
	}
	return alike;
}

CpWordLevel
cp_dictionary_compare(int32 a, int32 b)
{
	Memo	   *seen;

	if (a == b)
		return CP_WORD_EQUAL;
	if (a > b)
	{
		int32		swap = a;

		a = b;
		b = swap;
	}
	if (plainly_differ(a, b))
		return CP_WORD_DIFFER;
	seen = &memo[(murmurhash32((uint32) a) ^ (uint32) b) & (MEMO_SIZE - 1)];
	if (seen->a != a || seen->b != b)
	{
		const CpWord *aword = word_of(a);
		const CpWord *bword = word_of(b);

		if (aword == NULL || bword == NULL)
			return CP_WORD_DIFFER;
		seen->level = cp_word_compare_sounds(aword->word, aword->length, aword->code,
											 bword->word, bword->length, bword->code);
		seen->a = a;
		seen->b = b;
	}
	return seen->level;
}

bool
cp_dictionary_short_form(int32 a, int32 b)
{
	const Sketch *left = sketch_of(a);
	const Sketch *right = sketch_of(b);

	/* most words have no other form */
	if ((left != NULL && left->nvariants == 0) || (right != NULL && right->nvariants == 0))
		return false;
	return cp_word_short_form(word_of(a), word_of(b));
}

static int32
next_word_id(Relation rel)
{
	Relation	index = index_open(cp_relation_oid("name_word_pkey"), AccessShareLock);
	Snapshot	snapshot = cp_latest_snapshot();
	SysScanDesc scan = systable_beginscan_ordered(rel, index, snapshot, 0, NULL);
	HeapTuple	tuple = systable_getnext_ordered(scan, BackwardScanDirection);
	int32		id = CP_KIN_WORD;
	bool		isnull;

	if (HeapTupleIsValid(tuple))
		id = DatumGetInt32(heap_getattr(tuple, CP_WORD_ID, RelationGetDescr(rel), &isnull));
	systable_endscan_ordered(scan);
	index_close(index, AccessShareLock);
	UnregisterSnapshot(snapshot);
	if (id == PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the dictionary of names is full")));
	return id + 1;
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
	Datum		values[CP_WORD_COLUMNS];
	bool		nulls[CP_WORD_COLUMNS] = {false};
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
	cp_similar_store(entry);
	values[CP_WORD_ID - 1] = Int32GetDatum(id);
	values[CP_WORD_WORD - 1] = CStringGetTextDatum(word);
	values[CP_WORD_CODE - 1] = CStringGetTextDatum(entry->code);
	tuple = heap_form_tuple(RelationGetDescr(rel), values, nulls);
	CatalogTupleInsert(rel, tuple);
	heap_freetuple(tuple);
	table_close(rel, NoLock);
	CommandCounterIncrement();
	return id;
}
