/*-------------------------------------------------------------------------
 *
 * candidate.c
 *	  Blocking: which records may be the person of an uploaded row.
 *
 *	  Every record has some keys, hashes of a few of its facts, in the one
 *	  index match_key_key_idx (key, date of birth, first given word, first
 *	  family word, child).  A row probes the keys it would have itself:
 *
 *	  W  sound of one word of a name		with the birth date
 *	  P  sounds of given and family name	with the year of birth
 *	  M  the same, with month and day		in any year
 *	  C  postcode							near by birth or name
 *	  A  address, where no postcode is known
 *	  I  identifier
 *
 *	  Month and day are hashed without order and the pair of sounds too, so
 *	  swapped ones meet.  Records that are shielded or have a hidden name are
 *	  few and have more keys, so that none of them is missed for one wrong fact:
 *
 *	  G  every one							with the birth date
 *	  g  sound of one word					with the year of birth
 *	  m  sound of one word, month and day	in any year
 *	  p  sounds of given and family name	whatever the birth date
 *
 *	  Where nothing good is found, words spelt alike that sound different are
 *	  tried as well.  Long blocks are thinned out by the covering columns, so
 *	  the cost of a row is bounded; where a bound was met, the caller is told.
 *
 *	  Entries of the index are read without a look at the heap: they are hints
 *	  (rekey.c).  What they lead to is read with the latest snapshot.
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
#include "utils/datetime.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "match.h"

#define MAX_PAIR_WORDS 3		/* words of a name that go into pairs */
#define MAX_EASY 64				/* looks at records that one probe has without
								 * a closer check of the entry */
#define MAX_SCANNED 20000		/* entries of one block */
#define MAX_FETCHED 2000		/* records of one call */
#define MAX_NAMESAKES 24		/* records with the same names, any birth date */
#define KEY_BYTES 320

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

typedef struct Search
{
	const CpPerson *row;
	int64		except_child;
	Snapshot	snapshot;
	Relation	key_rel;
	Relation	key_index;
	IndexScanDesc key_scan;
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

/* ---------- keys ---------- */

static int64
hash_key(char kind, const char *first, const char *second, int number)
{
	char		bytes[KEY_BYTES];
	int			length = snprintf(bytes, sizeof(bytes), "%c|%s|%s|%d", kind, first, second, number);

	return (int64) hash_bytes_extended((const unsigned char *) bytes,
									   Min(length, KEY_BYTES - 1), 0);
}

/* Two sounds without order: given and family name may have changed places. */
static int64
pair_key(char kind, const char *a, const char *b, int number)
{
	return strcmp(a, b) <= 0 ? hash_key(kind, a, b, number) : hash_key(kind, b, a, number);
}

/* Month and day without order. */
static int
month_day(DateADT date)
{
	int			year;
	int			month;
	int			day;

	j2date(date + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	return Min(month, day) * 100 + Max(month, day);
}

static const char *
code_of(int32 id)
{
	const CpWord *word = cp_dictionary_word(id);

	return word != NULL ? word->code : "";
}

static int
key_order(const void *a, const void *b)
{
	const CpKey *left = a;
	const CpKey *right = b;

	if (left->key != right->key)
		return left->key < right->key ? -1 : 1;
	if (left->given != right->given)
		return left->given < right->given ? -1 : 1;
	if (left->family != right->family)
		return left->family < right->family ? -1 : 1;
	return 0;
}

typedef struct KeyList
{
	CpKey	   *keys;
	int			n;
	int			size;
	int32		given;
	int32		family;
} KeyList;

static void
add_key(KeyList *list, int64 key)
{
	if (list->n >= list->size)
	{
		list->size *= 2;
		list->keys = repalloc(list->keys, list->size * sizeof(CpKey));
	}
	list->keys[list->n].key = key;
	list->keys[list->n].given = list->given;
	list->keys[list->n].family = list->family;
	list->n++;
}

static void
add_word_keys(KeyList *list, const CpPerson *person, int32 id)
{
	const char *code = code_of(id);

	add_key(list, hash_key('W', code, "", 0));
	if (person->nearness != CP_NEAR_OPEN)
	{
		add_key(list, hash_key('g', code, "", 0));
		add_key(list, hash_key('m', code, "", month_day(person->date_of_birth)));
	}
}

/* Blocking keys of a record, each once, in ascending order. */
CpKey *
cp_match_keys(const CpPerson *person, int *nkeys)
{
	KeyList		list = {0};
	int			n = 0;
	ListCell   *cell;

	list.size = 32;
	list.keys = palloc(list.size * sizeof(CpKey));
	for (int i = 0; i < person->nnames; i++)
	{
		const CpName *name = &person->names[i];

		list.given = name->ngiven > 0 ? name->given[0] : CP_NO_WORD;
		list.family = name->nfamily > 0 ? name->family[0] : CP_NO_WORD;
		for (int g = 0; g < name->ngiven; g++)
			add_word_keys(&list, person, name->given[g]);
		for (int f = 0; f < name->nfamily; f++)
			add_word_keys(&list, person, name->family[f]);
		for (int g = 0; g < Min(name->ngiven, MAX_PAIR_WORDS); g++)
			for (int f = 0; f < Min(name->nfamily, MAX_PAIR_WORDS); f++)
			{
				const char *given = code_of(name->given[g]);
				const char *family = code_of(name->family[f]);

				add_key(&list, pair_key('P', given, family, 0));
				add_key(&list, pair_key('M', given, family, month_day(person->date_of_birth)));
				if (person->nearness != CP_NEAR_OPEN)
					add_key(&list, pair_key('p', given, family, 0));
			}
		if (person->nearness != CP_NEAR_OPEN)
			add_key(&list, hash_key('G', "", "", 0));
	}
	/* one entry for each place and number, under the public name */
	list.given = person->nnames > 0 && person->names[0].ngiven > 0 ? person->names[0].given[0] : CP_NO_WORD;
	list.family = person->nnames > 0 && person->names[0].nfamily > 0 ? person->names[0].family[0] : CP_NO_WORD;
	foreach(cell, person->postcodes)
		add_key(&list, hash_key('C', lfirst(cell), "", 0));
	if (person->postcodes == NIL)
	{
		foreach(cell, person->addresses)
			add_key(&list, hash_key('A', lfirst(cell), "", 0));
	}
	foreach(cell, person->identifiers)
		add_key(&list, hash_key('I', lfirst(cell), "", 0));

	qsort(list.keys, list.n, sizeof(CpKey), key_order);
	for (int i = 0; i < list.n; i++)
	{
		if (n == 0 || key_order(&list.keys[n - 1], &list.keys[i]) != 0)
			list.keys[n++] = list.keys[i];
	}
	*nkeys = n;
	return list.keys;
}

/* ---------- probes ---------- */

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
			if (cp_dictionary_compare(name->given[j], id) <= CP_WORD_WEAK)
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
worth_a_look(const CpPerson *row, DateADT birth, int32 given, int32 family, bool place)
{
	CpBirthLevel level = CP_BIRTH_UNKNOWN;
	int			names;

	if (row->has_birth)
		level = cp_birth_compare(row->date_of_birth, birth);
	if (place && level <= CP_BIRTH_SWAPPED)
		return true;
	names = (close_to_row(row, given) ? 1 : 0) + (close_to_row(row, family) ? 1 : 0);
	if (CpBirthIsNear(level))
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

/*
 * Looks at the records of one key born between two dates.  easy: how many of
 * them without a closer check of the entry; if negative, so many and no more,
 * and no bound is taken for met.
 */
static void
probe(Search *search, int64 key, DateADT from, DateADT to, int easy, bool place)
{
	ScanKeyData keys[3];
	int			scanned = 0;
	int			looks = 0;

	ScanKeyInit(&keys[0], CP_KEY_KEY, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(key));
	ScanKeyInit(&keys[1], CP_KEY_BIRTH, BTGreaterEqualStrategyNumber, F_DATE_GE, DateADTGetDatum(from));
	ScanKeyInit(&keys[2], CP_KEY_BIRTH, BTLessEqualStrategyNumber, F_DATE_LE, DateADTGetDatum(to));
	index_rescan(search->key_scan, keys, 3, NULL, 0);
	while (index_getnext_tid(search->key_scan, ForwardScanDirection) != NULL)
	{
		IndexTuple	entry = search->key_scan->xs_itup;
		TupleDesc	desc = search->key_scan->xs_itupdesc;
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
		if (easy >= 0 && looks >= easy)
		{
			DateADT		birth = DatumGetDateADT(index_getattr(entry, CP_KEY_BIRTH, desc, &isnull));
			int32		given = DatumGetInt32(index_getattr(entry, CP_KEY_GIVEN, desc, &isnull));
			int32		family = DatumGetInt32(index_getattr(entry, CP_KEY_FAMILY, desc, &isnull));

			if (!worth_a_look(search->row, birth, given, family, place))
				continue;
		}
		seen_table_insert(search->seen, child_id, &known);
		looks++;
		look_at(search, child_id);
	}
}

/* The date with day and month in each other's place, if it exists. */
static bool
swapped_date(DateADT date, DateADT *swapped)
{
	int			year;
	int			month;
	int			day;

	j2date(date + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	if (day == month || day > MONTHS_PER_YEAR)
		return false;
	*swapped = date2j(year, day, month) - POSTGRES_EPOCH_JDATE;
	return true;
}

static void
year_of(DateADT date, DateADT *first, DateADT *last)
{
	int			year;
	int			month;
	int			day;

	j2date(date + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	*first = date2j(year, 1, 1) - POSTGRES_EPOCH_JDATE;
	*last = date2j(year, MONTHS_PER_YEAR, 31) - POSTGRES_EPOCH_JDATE;
}

/* Records with a word of this sound, born on the row's date or its swapped twin. */
static void
probe_word(Search *search, const char *code)
{
	DateADT		birth = search->row->date_of_birth;
	DateADT		swapped;
	int64		key = hash_key('W', code, "", 0);

	if (!search->row->has_birth)
		return;
	probe(search, key, birth, birth, MAX_EASY, false);
	if (swapped_date(birth, &swapped))
		probe(search, key, swapped, swapped, MAX_EASY, false);
}

/* Records with these two sounds, born in the row's year or on its day. */
static void
probe_pair(Search *search, const char *given, const char *family)
{
	const CpPerson *row = search->row;
	DateADT		first = DATEVAL_NOBEGIN + 1;
	DateADT		last = DATEVAL_NOEND - 1;

	if (row->has_birth)
	{
		probe(search, pair_key('M', given, family, month_day(row->date_of_birth)),
			  first, last, MAX_EASY, false);
		year_of(row->date_of_birth, &first, &last);
	}
	probe(search, pair_key('P', given, family, 0), first, last, MAX_EASY / 2, false);
}

/* Records that are shielded or have a hidden name. */
static void
probe_guarded(Search *search)
{
	const CpPerson *row = search->row;
	DateADT		first;
	DateADT		last;
	DateADT		swapped;

	if (row->has_birth)
	{
		int64		all = hash_key('G', "", "", 0);

		probe(search, all, row->date_of_birth, row->date_of_birth, MAX_EASY, true);
		if (swapped_date(row->date_of_birth, &swapped))
			probe(search, all, swapped, swapped, MAX_EASY, true);
	}
	for (int i = 0; i < row->nnames; i++)
	{
		const CpName *name = &row->names[i];

		for (int w = 0; row->has_birth && w < name->ngiven + name->nfamily; w++)
		{
			const char *code = code_of(w < name->ngiven ? name->given[w] : name->family[w - name->ngiven]);

			year_of(row->date_of_birth, &first, &last);
			probe(search, hash_key('g', code, "", 0), first, last, MAX_EASY, false);
			probe(search, hash_key('m', code, "", month_day(row->date_of_birth)),
				  DATEVAL_NOBEGIN + 1, DATEVAL_NOEND - 1, MAX_EASY, false);
		}
		for (int g = 0; g < Min(name->ngiven, MAX_PAIR_WORDS); g++)
			for (int f = 0; f < Min(name->nfamily, MAX_PAIR_WORDS); f++)
				probe(search, pair_key('p', code_of(name->given[g]), code_of(name->family[f]), 0),
					  DATEVAL_NOBEGIN + 1, DATEVAL_NOEND - 1, MAX_EASY / 2, false);
	}
}

/* Records with the row's names, born whenever: the birth date may be wrong. */
static void
probe_namesakes(Search *search)
{
	const CpPerson *row = search->row;

	for (int i = 0; row->has_birth && i < row->nnames; i++)
	{
		const CpName *name = &row->names[i];

		for (int g = 0; g < Min(name->ngiven, MAX_PAIR_WORDS); g++)
			for (int f = 0; f < Min(name->nfamily, MAX_PAIR_WORDS); f++)
				probe(search, pair_key('P', code_of(name->given[g]), code_of(name->family[f]), 0),
					  DATEVAL_NOBEGIN + 1, DATEVAL_NOEND - 1, -MAX_NAMESAKES, false);
	}
}

/* Words that are spelt like the row's and sound different. */
static void
probe_similar(Search *search)
{
	const CpPerson *row = search->row;

	for (int i = 0; i < row->nnames; i++)
	{
		const CpName *name = &row->names[i];

		for (int w = 0; w < name->ngiven + name->nfamily; w++)
		{
			bool		given = w < name->ngiven;
			int32		id = given ? name->given[w] : name->family[w - name->ngiven];
			const int32 *others = given ? name->family : name->given;
			int			nothers = given ? name->nfamily : name->ngiven;
			ListCell   *cell;

			foreach(cell, cp_dictionary_similar_codes(id))
			{
				probe_word(search, lfirst(cell));
				for (int o = 0; o < Min(nothers, MAX_PAIR_WORDS) && (given ? w : w - name->ngiven) < MAX_PAIR_WORDS; o++)
					probe_pair(search, lfirst(cell), code_of(others[o]));
			}
		}
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

/*
 * Every record that may be this person, scored, best first.  cut: a bound was
 * met, there may be more.
 */
List *
cp_candidates_bounded(const CpPerson *row, int64 except_child, bool deep, bool *cut)
{
	Search		search = {0};
	ListCell   *cell;
	const DateADT first = DATEVAL_NOBEGIN + 1;
	const DateADT last = DATEVAL_NOEND - 1;

	search.row = row;
	search.except_child = except_child;
	search.best = -1e9;
	search.result = CurrentMemoryContext;
	search.scratch = AllocSetContextCreate(CurrentMemoryContext, "contactpoint record",
										   ALLOCSET_SMALL_SIZES);
	search.seen = seen_table_create(CurrentMemoryContext, 64, NULL);
	search.snapshot = cp_latest_snapshot();
	search.key_rel = table_open(cp_relation_oid("match_key"), AccessShareLock);
	search.key_index = index_open(cp_relation_oid("match_key_key_idx"), AccessShareLock);
	search.person_rel = table_open(cp_relation_oid("match_person"), AccessShareLock);
	search.person_index = index_open(cp_relation_oid("match_person_pkey"), AccessShareLock);
	search.key_scan = cp_index_beginscan(search.key_rel, search.key_index, search.snapshot, 3);
	search.key_scan->xs_want_itup = true;
	search.person_scan = cp_index_beginscan(search.person_rel, search.person_index, search.snapshot, 1);
	search.slot = table_slot_create(search.person_rel, NULL);

	foreach(cell, row->identifiers)
		probe(&search, hash_key('I', lfirst(cell), "", 0), first, last, MAX_EASY * 4, true);
	/* early, so that no crowd of open records uses the bound up before them */
	probe_guarded(&search);
	for (int i = 0; i < row->nnames; i++)
	{
		const CpName *name = &row->names[i];

		for (int g = 0; g < name->ngiven; g++)
			probe_word(&search, code_of(name->given[g]));
		for (int f = 0; f < name->nfamily; f++)
			probe_word(&search, code_of(name->family[f]));
		for (int g = 0; g < Min(name->ngiven, MAX_PAIR_WORDS); g++)
			for (int f = 0; f < Min(name->nfamily, MAX_PAIR_WORDS); f++)
				probe_pair(&search, code_of(name->given[g]), code_of(name->family[f]));
	}
	foreach(cell, row->postcodes)
		probe(&search, hash_key('C', lfirst(cell), "", 0), first, last, 0, true);
	foreach(cell, row->addresses)
		probe(&search, hash_key('A', lfirst(cell), "", 0), first, last, 0, true);
	if (deep || search.best < 0)
	{
		probe_namesakes(&search);
		probe_similar(&search);
	}

	ExecDropSingleTupleTableSlot(search.slot);
	index_endscan(search.person_scan);
	index_endscan(search.key_scan);
	index_close(search.person_index, AccessShareLock);
	table_close(search.person_rel, AccessShareLock);
	index_close(search.key_index, AccessShareLock);
	table_close(search.key_rel, AccessShareLock);
	UnregisterSnapshot(search.snapshot);
	seen_table_destroy(search.seen);
	MemoryContextDelete(search.scratch);
	list_sort(search.found, by_score);
	*cut = search.cut;
	return search.found;
}
