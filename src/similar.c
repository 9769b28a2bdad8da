/*-------------------------------------------------------------------------
 *
 * similar.c
 *	  Words of the dictionary that one may have written for another.
 *
 *	  Trigram search is done once for each distinct word and not for each
 *	  record: a new word is looked up once, and the words that it may be a
 *	  misspelling of and that sound different are stored on both sides
 *	  (similar_word).  A word that no record has is looked up when a row with it
 *	  is about to be new.
 *
 *	  A process that seldom asks has pg_trgm look; one that has asked more often
 *	  keeps the words in memory (trigram.c).  Both find the same.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "keys.h"
#include "match.h"

#define LEAST_SIMILARITY 0.25f	/* as contactpoint._similar_words() has it */
#define ONE_SLIP 1.0f			/* added to the similarity of words one slip
								 * apart, which come before all others */
#define SELDOM 20				/* questions of a process that go to the table */

/* Columns of similar_word. */
enum
{
	SIMILAR_WORD = 1,
	SIMILAR_OTHER,
	SIMILAR_SIMILARITY,
	SIMILAR_COLUMNS = SIMILAR_SIMILARITY
};

typedef struct SimilarWord
{
	int32		id;
	char		code[CP_CODE_LEN + 1];
	float4		similarity;
} SimilarWord;

/* What is looked for, and what is found of it. */
typedef struct Search
{
	const CpWord *word;
	MemoryContext context;
	List	   *similar;		/* SimilarWord * */
} Search;

/*
 * Another word with so many trigrams in common, or one slip away: it counts if
 * one may be a slip of the pen for the other and it sounds different.  Words of
 * Latin letters and others share no letters.
 */
static void
add_similar(int32 id, const char *other, int length, float4 similarity, void *arg)
{
	Search	   *search = arg;
	SimilarWord *similar;
	char		code[CP_CODE_LEN + 1];

	if (!cp_word_slip(search->word->word, search->word->length, other, length) ||
		cp_trigram_fits(other) != cp_trigram_fits(search->word->word))
		return;
	cp_word_code(other, code);
	if (strcmp(code, search->word->code) == 0)
		return;
	similar = MemoryContextAllocZero(search->context, sizeof(SimilarWord));
	similar->id = id;
	strlcpy(similar->code, code, sizeof(similar->code));
	similar->similarity = similarity +
		(cp_word_one_slip(search->word->word, search->word->length, other, length) ? ONE_SLIP : 0);
	search->similar = lappend(search->similar, similar);
}

/* Words as an array of texts. */
typedef struct Texts
{
	Datum	   *texts;
	int			n;
	int			size;
} Texts;

static void
add_text(const char *slip, int length, void *arg)
{
	Texts	   *list = arg;

	if (list->n >= list->size)
	{
		list->size *= 2;
		list->texts = repalloc(list->texts, list->size * sizeof(Datum));
	}
	list->texts[list->n++] = PointerGetDatum(cstring_to_text_with_len(slip, length));
}

static Datum
slips_of(const char *word)
{
	Texts		list = {palloc(512 * sizeof(Datum)), 0, 512};

	cp_word_slips(word, add_text, &list);
	return PointerGetDatum(construct_array(list.texts, list.n, TEXTOID, -1, false, TYPALIGN_INT));
}

/*
 * Asks pg_trgm, and for the words one slip away.  Reads with the latest snapshot,
 * as own work of the extension.
 */
static void
search_table(Search *search)
{
	static SPIPlanPtr plan = NULL;
	Snapshot	snapshot = cp_latest_snapshot();
	CpOwnWork	work;

	cp_own_work_begin(&work);
	PG_TRY();
	{
		Datum		values[2];

		SPI_connect();
		if (plan == NULL)
		{
			Oid			argtypes[2] = {TEXTOID, TEXTARRAYOID};
			SPIPlanPtr	fresh = SPI_prepare("SELECT word_id, word_found, similarity FROM contactpoint._similar_words($1, $2)",
											2, argtypes);

			if (fresh == NULL || SPI_keepplan(fresh) != 0)
				elog(ERROR, "could not prepare the search for similar words");
			plan = fresh;
		}
		values[0] = CStringGetTextDatum(search->word->word);
		values[1] = slips_of(search->word->word);
		if (SPI_execute_snapshot(plan, values, NULL, snapshot, InvalidSnapshot,
								 true, false, 0) != SPI_OK_SELECT)
			elog(ERROR, "could not search for similar words");
		for (uint64 i = 0; i < SPI_processed; i++)
		{
			HeapTuple	row = SPI_tuptable->vals[i];
			TupleDesc	desc = SPI_tuptable->tupdesc;
			char	   *other = SPI_getvalue(row, desc, 2);
			bool		null;
			MemoryContext inner = MemoryContextSwitchTo(search->context);

			add_similar(DatumGetInt32(SPI_getbinval(row, desc, 1, &null)), other, strlen(other),
						DatumGetFloat4(SPI_getbinval(row, desc, 3, &null)), search);
			MemoryContextSwitchTo(inner);
		}
		SPI_finish();
	}
	PG_FINALLY();
	{
		cp_own_work_end(&work);
	}
	PG_END_TRY();
	UnregisterSnapshot(snapshot);
}

/* Takes into memory the words that were added since. */
static void
load_words(void)
{
	Snapshot	snapshot = cp_latest_snapshot();
	Relation	rel = table_open(cp_relation_oid("name_word"), AccessShareLock);
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple	tuple;

	ScanKeyInit(&key, CP_WORD_ID, BTGreaterStrategyNumber, F_INT4GT, Int32GetDatum(cp_trigram_greatest()));
	scan = systable_beginscan(rel, cp_relation_oid("name_word_pkey"), true, snapshot, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Datum		values[CP_WORD_COLUMNS];
		bool		nulls[CP_WORD_COLUMNS];
		char	   *word;

		heap_deform_tuple(tuple, RelationGetDescr(rel), values, nulls);
		word = TextDatumGetCString(values[CP_WORD_WORD - 1]);
		cp_trigram_add(DatumGetInt32(values[CP_WORD_ID - 1]), word);
		pfree(word);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	UnregisterSnapshot(snapshot);
}

static List *
search_similar(const CpWord *word)
{
	static int	asked = 0;
	Search		search = {word, CurrentMemoryContext, NIL};

	if (asked < SELDOM || !cp_trigram_fits(word->word))
	{
		asked++;
		search_table(&search);
	}
	else
	{
		load_words();
		cp_trigram_search(word->word, LEAST_SIMILARITY, add_similar, &search);
	}
	return search.similar;
}

/* Words on record that are spelt like a known one. */
static List *
stored_similar(int32 id)
{
	Snapshot	snapshot = cp_latest_snapshot();
	Relation	rel = table_open(cp_relation_oid("similar_word"), AccessShareLock);
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple	tuple;
	List	   *result = NIL;

	ScanKeyInit(&key, SIMILAR_WORD, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(id));
	scan = systable_beginscan(rel, cp_relation_oid("similar_word_pkey"), true, snapshot, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull;
		int32		other = DatumGetInt32(heap_getattr(tuple, SIMILAR_OTHER,
													   RelationGetDescr(rel), &isnull));
		const CpWord *word = cp_dictionary_word(other);

		if (word != NULL)
		{
			SimilarWord *similar = palloc0(sizeof(SimilarWord));

			similar->id = other;
			strlcpy(similar->code, word->code, sizeof(similar->code));
			similar->similarity = DatumGetFloat4(heap_getattr(tuple, SIMILAR_SIMILARITY,
															  RelationGetDescr(rel), &isnull));
			result = lappend(result, similar);
		}
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	UnregisterSnapshot(snapshot);
	return result;
}

static int
by_similarity(const ListCell *a, const ListCell *b)
{
	const SimilarWord *left = lfirst(a);
	const SimilarWord *right = lfirst(b);

	if (left->similarity != right->similarity)
		return left->similarity > right->similarity ? -1 : 1;
	return left->id < right->id ? -1 : left->id > right->id ? 1 : 0;
}

/*
 * Phonetic codes of known words that are spelt alike and sound different: char
 * pointers, those of the most similar words first, at most so many.
 */
List *
cp_dictionary_similar_codes(int32 id, int most)
{
	const CpWord *word = cp_dictionary_known(id);
	List	   *similar;
	List	   *codes = NIL;
	ListCell   *cell;

	if (word == NULL || word->length < 3)
		return NIL;
	similar = word->id < 0 ? search_similar(word) : stored_similar(word->id);
	list_sort(similar, by_similarity);
	foreach(cell, similar)
	{
		SimilarWord *other = lfirst(cell);
		bool		known = false;
		ListCell   *code;

		foreach(code, codes)
			known |= strcmp(lfirst(code), other->code) == 0;
		if (!known)
			codes = lappend(codes, other->code);
		if (list_length(codes) >= most)
			break;
	}
	return codes;
}

List *
cp_dictionary_codes_like(const char *word, int most)
{
	return cp_dictionary_similar_codes(cp_dictionary_find(word), most);
}

/* Notes the words that are spelt like a new one, on both sides, in one go. */
void
cp_similar_store(const CpWord *word)
{
	Relation	rel;
	CatalogIndexState indexes;
	TupleTableSlot **slots;
	List	   *similar;
	ListCell   *cell;
	int			n = 0;

	/* rows with a word that no record has may be rows with this one */
	cp_changes_add(cp_key_hash('S', "", "", 0));
	if (word->length < 3)
		return;
	similar = search_similar(word);
	if (similar == NIL)
		return;
	rel = table_open(cp_relation_oid("similar_word"), RowExclusiveLock);
	indexes = CatalogOpenIndexes(rel);
	slots = palloc(2 * list_length(similar) * sizeof(TupleTableSlot *));
	foreach(cell, similar)
	{
		SimilarWord *other = lfirst(cell);

		cp_changes_add(cp_key_similar(other->id));
		for (int side = 0; side < 2; side++)
		{
			TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsHeapTuple);

			slot->tts_values[SIMILAR_WORD - 1] = Int32GetDatum(side == 0 ? word->id : other->id);
			slot->tts_values[SIMILAR_OTHER - 1] = Int32GetDatum(side == 0 ? other->id : word->id);
			slot->tts_values[SIMILAR_SIMILARITY - 1] = Float4GetDatum(other->similarity);
			memset(slot->tts_isnull, false, SIMILAR_COLUMNS);
			ExecStoreVirtualTuple(slot);
			slots[n++] = slot;
		}
	}
	CatalogTuplesMultiInsertWithInfo(rel, slots, n, indexes);
	for (int i = 0; i < n; i++)
		ExecDropSingleTupleTableSlot(slots[i]);
	CatalogCloseIndexes(indexes);
	table_close(rel, NoLock);
}
