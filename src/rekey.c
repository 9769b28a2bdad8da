/*-------------------------------------------------------------------------
 *
 * rekey.c
 *	  Persons: the matching side of uploaded rows and of records, and what the
 *	  matcher keeps about each record.
 *
 *	  match_person holds all that a comparison needs in one row; match_key
 *	  holds the blocking keys.  Both are made of the registry's own tables and
 *	  of nothing else, so they can be made anew at any time.
 *
 *	  Invariants: match_person is the truth about what was keyed, and the keys
 *	  of a record follow from it, so old keys are found by making them again.
 *	  Keys are hints: one too many costs a look and no more, so readers of
 *	  match_key need no visibility check; one too few would lose a child.
 *	  Rows are written below the executor: these tables have no triggers and
 *	  their row security admits nobody.
 *
 *	  Locks: the matching lock first, then rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "access/htup_details.h"
#include "access/nbtree.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "match.h"

/* Columns of contactpoint._match_facts(). */
enum
{
	FACT_GIVEN = 1,
	FACT_FAMILY,
	FACT_SEX,
	FACT_BIRTH,
	FACT_NEARNESS,
	FACT_ALIASES,
	FACT_PLACES,
	FACT_IDENTIFIERS
};

#define PART_SEPARATOR '\x1f'	/* between the two parts of a fact */

/* The registry's current state, whatever snapshot the transaction has. */
Snapshot
cp_latest_snapshot(void)
{
	return RegisterSnapshot(GetLatestSnapshot());
}

/*
 * The lock that matcher and guard hold to commit: one decision at a time on
 * who is known.  It lies on the weights, which nobody writes or vacuums all
 * the time, so that it stands in no autovacuum's way.
 */
void
cp_lock_matching(void)
{
	LockRelationOid(cp_relation_oid("weight"), ShareRowExclusiveLock);
}

/* ---------- persons ---------- */

static int
add_words(const char *normalised, int32 *ids, bool new_words)
{
	int			n = 0;
	char	   *words = pstrdup(normalised);
	char	   *next = words;

	while (n < CP_MAX_WORDS && *next != '\0')
	{
		char	   *word = next;
		char	   *space = strchr(word, ' ');

		if (space != NULL)
		{
			*space = '\0';
			next = space + 1;
		}
		else
			next = word + strlen(word);
		if (*word != '\0')
			ids[n++] = new_words ? cp_dictionary_id(word) : cp_dictionary_find(word);
	}
	pfree(words);
	return n;
}

/* Adds the words of a normalised name to a person. */
void
cp_person_add_words(CpPerson *person, const char *given, const char *family,
					bool hidden, bool new_words)
{
	CpName	   *name;

	if (person->nnames >= CP_MAX_NAMES || (given[0] == '\0' && family[0] == '\0'))
		return;
	name = &person->names[person->nnames];
	name->hidden = hidden;
	name->ngiven = add_words(given, name->given, new_words);
	name->nfamily = add_words(family, name->family, new_words);
	for (int i = 0; i < person->nnames; i++)
	{
		CpName	   *other = &person->names[i];

		if (other->ngiven == name->ngiven && other->nfamily == name->nfamily &&
			memcmp(other->given, name->given, name->ngiven * sizeof(int32)) == 0 &&
			memcmp(other->family, name->family, name->nfamily * sizeof(int32)) == 0)
			return;
	}
	person->nnames++;
}

void
cp_person_add_name(CpPerson *person, const char *given_names,
				   const char *family_name, bool hidden)
{
	cp_person_add_words(person,
						given_names ? cp_normalize_name(given_names) : "",
						family_name ? cp_normalize_name(family_name) : "",
						hidden, false);
}

/* kind:VALUE, both in normal form */
static char *
identifier_text(const char *kind, int kind_length, const char *value)
{
	return psprintf("%s:%s", cp_normalize_kind(pnstrdup(kind, kind_length)),
					cp_normalize_code(value));
}

/* Unknown, 0000000000 and 9999999999 are no numbers of anybody. */
static bool
is_real_identifier(const char *identifier)
{
	const char *value = strchr(identifier, ':') + 1;
	bool		digits = false;
	bool		differ = false;

	for (const char *c = value; *c != '\0'; c++)
	{
		digits |= isdigit((unsigned char) *c) != 0;
		differ |= *c != *value;
	}
	return digits && differ;
}

/*
 * The matching side of an uploaded row; NULL arguments were not sent.  Writes
 * nothing and needs no lock.
 */
CpPerson *
cp_person_make(const char *given_names, const char *family_name,
			   const DateADT *date_of_birth, char sex,
			   const char *postcode, const char *address, List *identifiers)
{
	CpPerson   *person = palloc0(sizeof(CpPerson));
	ListCell   *cell;

	cp_dictionary_refresh();
	cp_person_add_name(person, given_names, family_name, false);
	if (date_of_birth != NULL)
	{
		person->has_birth = true;
		person->date_of_birth = *date_of_birth;
	}
	person->sex = sex == 'F' || sex == 'M' ? sex : 'U';
	if (postcode != NULL)
	{
		char	   *code = cp_normalize_code(postcode);

		if (code[0] != '\0')
			person->postcodes = list_make1(code);
	}
	if (address != NULL)
	{
		char	   *words = cp_normalize_address(address);

		if (words[0] != '\0')
			person->addresses = list_make1(words);
	}
	foreach(cell, identifiers)
	{
		char	   *colon = strchr(lfirst(cell), ':');
		char	   *identifier;

		if (colon == NULL || list_length(person->identifiers) >= CP_MAX_PLACES)
			continue;
		identifier = identifier_text(lfirst(cell), colon - (char *) lfirst(cell), colon + 1);
		if (is_real_identifier(identifier))
			person->identifiers = lappend(person->identifiers, identifier);
	}
	cp_person_finish(person);
	return person;
}

static List *
texts_of(Datum array)
{
	Datum	   *values;
	bool	   *nulls;
	int			n;
	List	   *result = NIL;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT,
					  &values, &nulls, &n);
	for (int i = 0; i < n; i++)
		result = lappend(result, nulls[i] ? pstrdup("") : TextDatumGetCString(values[i]));
	return result;
}

static Datum
array_of(List *texts)
{
	Datum	   *values = palloc((list_length(texts) + 1) * sizeof(Datum));
	int			n = 0;
	ListCell   *cell;

	foreach(cell, texts)
		values[n++] = CStringGetTextDatum(lfirst(cell));
	return PointerGetDatum(construct_array(values, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* A row of match_person as a person, in the current memory context. */
CpPerson *
cp_person_from_tuple(HeapTuple tuple, TupleDesc desc)
{
	CpPerson   *person = palloc0(sizeof(CpPerson));
	Datum		values[CP_PERSON_COLUMNS];
	bool		nulls[CP_PERSON_COLUMNS];
	ListCell   *cell;

	heap_deform_tuple(tuple, desc, values, nulls);
	person->child_id = DatumGetInt64(values[CP_PERSON_CHILD - 1]);
	person->has_birth = true;
	person->date_of_birth = DatumGetDateADT(values[CP_PERSON_BIRTH - 1]);
	person->sex = *VARDATA_ANY(DatumGetPointer(values[CP_PERSON_SEX - 1]));
	person->nearness = (CpNearness) DatumGetInt16(values[CP_PERSON_NEARNESS - 1]);
	foreach(cell, texts_of(values[CP_PERSON_NAMES - 1]))
	{
		char	   *given = lfirst(cell);
		char	   *family = strchr(given, '|');
		char	   *kind = strrchr(given, '|');

		if (family == NULL || family == kind)
			elog(ERROR, "match_person holds a name without its parts");
		*family++ = '\0';
		*kind++ = '\0';
		cp_person_add_words(person, given, family, *kind == 'h', false);
	}
	person->postcodes = texts_of(values[CP_PERSON_POSTCODES - 1]);
	person->addresses = texts_of(values[CP_PERSON_ADDRESSES - 1]);
	person->identifiers = texts_of(values[CP_PERSON_IDENTIFIERS - 1]);
	cp_person_finish(person);
	return person;
}

/* The matching side of a record, from the private index; NULL if absent. */
CpPerson *
cp_person_fetch(int64 child_id)
{
	Snapshot	snapshot = cp_latest_snapshot();
	Relation	rel = table_open(cp_relation_oid("match_person"), AccessShareLock);
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple	tuple;
	CpPerson   *person = NULL;

	ScanKeyInit(&key, CP_PERSON_CHILD, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(child_id));
	scan = systable_beginscan(rel, cp_relation_oid("match_person_pkey"), true, snapshot, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		person = cp_person_from_tuple(tuple, RelationGetDescr(rel));
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	UnregisterSnapshot(snapshot);
	return person;
}

/* ---------- rows of a record ---------- */

static List *
text_facts(HeapTuple row, TupleDesc desc, int column)
{
	bool		isnull;
	Datum		array = SPI_getbinval(row, desc, column, &isnull);

	return isnull ? NIL : texts_of(array);
}

/* Parts a fact; returns the second one. */
static char *
second_part(char *fact)
{
	char	   *separator = strchr(fact, PART_SEPARATOR);

	if (separator == NULL)
		elog(ERROR, "a fact of a record has one part only");
	*separator = '\0';
	return separator + 1;
}

static List *
add_distinct(List *texts, char *text)
{
	ListCell   *cell;

	if (text[0] == '\0' || list_length(texts) >= CP_MAX_PLACES)
		return texts;
	foreach(cell, texts)
	{
		if (strcmp(lfirst(cell), text) == 0)
			return texts;
	}
	return lappend(texts, text);
}

/*
 * Reads a child from the registry's own tables; NULL where the child is gone.
 * Words that no record had are added to the dictionary.
 */
static CpPerson *
read_registry(int64 child_id)
{
	static SPIPlanPtr plan = NULL;
	MemoryContext caller = CurrentMemoryContext;
	CpPerson   *person = NULL;
	Datum		value = Int64GetDatum(child_id);
	char		isnull = ' ';

	SPI_connect();
	if (plan == NULL)
	{
		Oid			argtype = INT8OID;
		SPIPlanPtr	fresh = SPI_prepare("SELECT given_names, family_name, sex, date_of_birth, nearness,"
										" aliases, places, identifiers"
										" FROM contactpoint._match_facts($1)",
										1, &argtype);

		if (fresh == NULL || SPI_keepplan(fresh) != 0)
			elog(ERROR, "could not prepare the reading of a record");
		plan = fresh;
	}
	if (SPI_execute_plan(plan, &value, &isnull, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read a record");
	if (SPI_processed == 1)
	{
		HeapTuple	row = SPI_tuptable->vals[0];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		MemoryContext inner = MemoryContextSwitchTo(caller);
		char	   *given = SPI_getvalue(row, desc, FACT_GIVEN);
		char	   *family = SPI_getvalue(row, desc, FACT_FAMILY);
		char	   *public_given = cp_normalize_name(given ? given : "");
		char	   *public_family = cp_normalize_name(family ? family : "");
		char	   *sex = SPI_getvalue(row, desc, FACT_SEX);
		ListCell   *cell;
		bool		null;

		person = palloc0(sizeof(CpPerson));
		person->child_id = child_id;
		person->has_birth = true;
		person->date_of_birth = DatumGetDateADT(SPI_getbinval(row, desc, FACT_BIRTH, &null));
		person->sex = sex != NULL ? sex[0] : 'U';
		person->nearness = (CpNearness) DatumGetInt32(SPI_getbinval(row, desc, FACT_NEARNESS, &null));
		cp_person_add_words(person, public_given, public_family, false, true);
		/* a part that an alias leaves out is the public one */
		foreach(cell, text_facts(row, desc, FACT_ALIASES))
		{
			char	   *second = second_part(lfirst(cell));
			char	   *hidden_given = cp_normalize_name(lfirst(cell));
			char	   *hidden_family = cp_normalize_name(second);

			cp_person_add_words(person,
								hidden_given[0] ? hidden_given : public_given,
								hidden_family[0] ? hidden_family : public_family,
								true, true);
		}
		foreach(cell, text_facts(row, desc, FACT_PLACES))
		{
			char	   *second = second_part(lfirst(cell));

			person->postcodes = add_distinct(person->postcodes, cp_normalize_code(lfirst(cell)));
			person->addresses = add_distinct(person->addresses, cp_normalize_address(second));
		}
		foreach(cell, text_facts(row, desc, FACT_IDENTIFIERS))
		{
			char	   *second = second_part(lfirst(cell));
			char	   *identifier = identifier_text(lfirst(cell), strlen(lfirst(cell)), second);

			if (is_real_identifier(identifier))
				person->identifiers = add_distinct(person->identifiers, identifier);
		}
		cp_person_finish(person);
		MemoryContextSwitchTo(inner);
	}
	SPI_finish();
	return person;
}

static char *
words_as_text(const int32 *ids, int n)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < n; i++)
	{
		const CpWord *word = cp_dictionary_word(ids[i]);

		if (word == NULL)
			elog(ERROR, "a word of a record is not in the dictionary");
		appendStringInfo(&text, "%s%s", i > 0 ? " " : "", word->word);
	}
	return text.data;
}

static HeapTuple
form_person(const CpPerson *person, TupleDesc desc)
{
	Datum		values[CP_PERSON_COLUMNS];
	bool		nulls[CP_PERSON_COLUMNS] = {false};
	List	   *names = NIL;
	char		sex[2] = {person->sex, '\0'};

	for (int i = 0; i < person->nnames; i++)
	{
		const CpName *name = &person->names[i];

		names = lappend(names, psprintf("%s|%s|%c",
										words_as_text(name->given, name->ngiven),
										words_as_text(name->family, name->nfamily),
										name->hidden ? 'h' : 'p'));
	}
	values[CP_PERSON_CHILD - 1] = Int64GetDatum(person->child_id);
	values[CP_PERSON_BIRTH - 1] = DateADTGetDatum(person->date_of_birth);
	values[CP_PERSON_SEX - 1] = CStringGetTextDatum(sex);
	values[CP_PERSON_NEARNESS - 1] = Int16GetDatum((int16) person->nearness);
	values[CP_PERSON_NAMES - 1] = array_of(names);
	values[CP_PERSON_POSTCODES - 1] = array_of(person->postcodes);
	values[CP_PERSON_ADDRESSES - 1] = array_of(person->addresses);
	values[CP_PERSON_IDENTIFIERS - 1] = array_of(person->identifiers);
	return heap_form_tuple(desc, values, nulls);
}

/* Stores, changes or removes the row of a person; returns what stood there. */
static CpPerson *
store_person(int64 child_id, const CpPerson *now)
{
	Snapshot	snapshot = cp_latest_snapshot();
	Relation	rel = table_open(cp_relation_oid("match_person"), RowExclusiveLock);
	TupleDesc	desc = RelationGetDescr(rel);
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple	tuple;
	CpPerson   *before = NULL;

	ScanKeyInit(&key, CP_PERSON_CHILD, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(child_id));
	scan = systable_beginscan(rel, cp_relation_oid("match_person_pkey"), true, snapshot, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		before = cp_person_from_tuple(tuple, desc);
		if (now == NULL)
			CatalogTupleDelete(rel, &tuple->t_self);
		else
		{
			HeapTuple	fresh = form_person(now, desc);
			Datum		was[CP_PERSON_COLUMNS];
			Datum		is[CP_PERSON_COLUMNS];
			bool		nulls[CP_PERSON_COLUMNS];
			bool		same = true;

			heap_deform_tuple(tuple, desc, was, nulls);
			heap_deform_tuple(fresh, desc, is, nulls);
			for (int i = 0; i < CP_PERSON_COLUMNS; i++)
				same &= datum_image_eq(was[i], is[i], TupleDescAttr(desc, i)->attbyval,
									   TupleDescAttr(desc, i)->attlen);
			if (!same)
				CatalogTupleUpdate(rel, &tuple->t_self, fresh);
		}
	}
	else if (now != NULL)
		CatalogTupleInsert(rel, form_person(now, desc));
	systable_endscan(scan);
	table_close(rel, RowExclusiveLock);
	UnregisterSnapshot(snapshot);
	return before;
}

static void
delete_key(Relation rel, Snapshot snapshot, const CpKey *key, DateADT birth, int64 child_id)
{
	ScanKeyData keys[CP_KEY_COLUMNS];
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&keys[0], CP_KEY_KEY, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(key->key));
	ScanKeyInit(&keys[1], CP_KEY_BIRTH, BTEqualStrategyNumber, F_DATE_EQ, DateADTGetDatum(birth));
	ScanKeyInit(&keys[2], CP_KEY_GIVEN, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(key->given));
	ScanKeyInit(&keys[3], CP_KEY_FAMILY, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(key->family));
	ScanKeyInit(&keys[4], CP_KEY_CHILD, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(child_id));
	scan = systable_beginscan(rel, cp_relation_oid("match_key_key_idx"), true, snapshot,
							  CP_KEY_COLUMNS, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		CatalogTupleDelete(rel, &tuple->t_self);
	systable_endscan(scan);
}

static void
insert_keys(Relation rel, const CpKey **keys, int nkeys, DateADT birth, int64 child_id)
{
	CatalogIndexState indexes = CatalogOpenIndexes(rel);
	TupleTableSlot **slots = palloc(nkeys * sizeof(TupleTableSlot *));

	for (int i = 0; i < nkeys; i++)
	{
		Datum	   *values;

		slots[i] = MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsHeapTuple);
		ExecClearTuple(slots[i]);
		values = slots[i]->tts_values;
		values[CP_KEY_KEY - 1] = Int64GetDatum(keys[i]->key);
		values[CP_KEY_BIRTH - 1] = DateADTGetDatum(birth);
		values[CP_KEY_GIVEN - 1] = Int32GetDatum(keys[i]->given);
		values[CP_KEY_FAMILY - 1] = Int32GetDatum(keys[i]->family);
		values[CP_KEY_CHILD - 1] = Int64GetDatum(child_id);
		memset(slots[i]->tts_isnull, false, CP_KEY_COLUMNS);
		ExecStoreVirtualTuple(slots[i]);
	}
	CatalogTuplesMultiInsertWithInfo(rel, slots, nkeys, indexes);
	for (int i = 0; i < nkeys; i++)
		ExecDropSingleTupleTableSlot(slots[i]);
	CatalogCloseIndexes(indexes);
}

static int
compare_keys(const CpKey *a, const CpKey *b)
{
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	if (a->given != b->given)
		return a->given < b->given ? -1 : 1;
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return 0;
}

/* Takes away the keys that no longer hold and adds the new ones. */
static void
store_keys(int64 child_id, const CpPerson *before, const CpPerson *now)
{
	int			nold = 0;
	int			nnew = 0;
	CpKey	   *old_keys = before != NULL ? cp_match_keys(before, &nold) : NULL;
	CpKey	   *new_keys = now != NULL ? cp_match_keys(now, &nnew) : NULL;
	const CpKey **add = palloc((nnew + 1) * sizeof(CpKey *));
	int			nadd = 0;
	bool		moved = before != NULL && now != NULL && before->date_of_birth != now->date_of_birth;
	Relation	rel = table_open(cp_relation_oid("match_key"), RowExclusiveLock);
	Snapshot	snapshot = cp_latest_snapshot();
	int			o = 0;
	int			n = 0;

	while (o < nold || n < nnew)
	{
		int			order = o >= nold ? 1 : n >= nnew ? -1 : compare_keys(&old_keys[o], &new_keys[n]);

		if (order < 0 || (order == 0 && moved))
			delete_key(rel, snapshot, &old_keys[o], before->date_of_birth, child_id);
		if (order > 0 || (order == 0 && moved))
			add[nadd++] = &new_keys[n];
		if (order <= 0)
			o++;
		if (order >= 0)
			n++;
	}
	if (nadd > 0)
		insert_keys(rel, add, nadd, now->date_of_birth, child_id);
	UnregisterSnapshot(snapshot);
	table_close(rel, RowExclusiveLock);
}

static bool
has_word(const CpPerson *person, int32 id, bool given)
{
	if (person == NULL)
		return false;
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

/* Counts the words that the record did not have before, each once. */
static void
count_words(int64 child_id, const CpPerson *before, const CpPerson *now)
{
	List	   *ids = NIL;
	ListCell   *cell;

	if (now == NULL)
		return;
	if (before == NULL)
		cp_dictionary_count(CP_NO_WORD, child_id, true, false);
	for (int i = 0; i < now->nnames; i++)
	{
		for (int j = 0; j < now->names[i].ngiven; j++)
			ids = list_append_unique_int(ids, now->names[i].given[j]);
		for (int j = 0; j < now->names[i].nfamily; j++)
			ids = list_append_unique_int(ids, now->names[i].family[j]);
	}
	foreach(cell, ids)
	{
		int32		id = lfirst_int(cell);
		bool		given = has_word(now, id, true) && !has_word(before, id, true);
		bool		family = has_word(now, id, false) && !has_word(before, id, false);

		if (given || family)
			cp_dictionary_count(id, child_id, given, family);
	}
}

/*
 * Builds a child's private keys anew from the registry's own tables, or removes
 * them where the child is gone.  Takes the matching lock, runs as own work.
 */
void
cp_rekey(int64 child_id)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "contactpoint rekey",
												  ALLOCSET_DEFAULT_SIZES);
	CpOwnWork	work;

	cp_lock_matching();
	cp_dictionary_refresh();
	cp_own_work_begin(&work);
	PG_TRY();
	{
		CpPerson   *before;
		CpPerson   *now;

		MemoryContextSwitchTo(context);
		CommandCounterIncrement();
		now = read_registry(child_id);
		before = store_person(child_id, now);
		store_keys(child_id, before, now);
		count_words(child_id, before, now);
		CommandCounterIncrement();
		MemoryContextSwitchTo(caller);
	}
	PG_FINALLY();
	{
		cp_own_work_end(&work);
	}
	PG_END_TRY();
	MemoryContextDelete(context);
}

PG_FUNCTION_INFO_V1(contactpoint_rekey);
/* contactpoint._rekey(child_id bigint) */
Datum
contactpoint_rekey(PG_FUNCTION_ARGS)
{
	PreventCommandIfReadOnly("contactpoint._rekey()");
	cp_rekey(PG_GETARG_INT64(0));
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(contactpoint_match_forget);
/* contactpoint._match_forget() */
Datum
contactpoint_match_forget(PG_FUNCTION_ARGS)
{
	CommandCounterIncrement();
	cp_dictionary_forget();
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(contactpoint_lock_matching);
/* contactpoint._lock_matching() */
Datum
contactpoint_lock_matching(PG_FUNCTION_ARGS)
{
	cp_lock_matching();
	PG_RETURN_VOID();
}
