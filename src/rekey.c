/*-------------------------------------------------------------------------
 *
 * rekey.c
 *	  What the matcher keeps about each record, brought up to date.
 *
 *	  match_person holds all that a comparison needs in one row; match_key and
 *	  guard_key hold the blocking keys.  All are made of the registry's own
 *	  tables and of nothing else, so they can be made anew at any time.
 *
 *	  Invariants: match_person is the truth about what was keyed, and the keys
 *	  of a record follow from it, so old keys are found by making them again.
 *	  Keys are hints: one too many costs a look and no more, so readers of
 *	  the keys need no visibility check; one too few would lose a child.
 *	  Rows are written below the executor: these tables have no triggers and
 *	  their row security admits nobody.
 *
 *	  Locks: the matching lock first, then rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "keys.h"
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

/* ---------- rows of a record ---------- */

static List *
text_facts(HeapTuple row, TupleDesc desc, int column)
{
	bool		isnull;
	Datum		array = SPI_getbinval(row, desc, column, &isnull);

	return isnull ? NIL : cp_texts_of(array);
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
			char	   *identifier = cp_identifier_text(lfirst(cell), strlen(lfirst(cell)), second);

			if (cp_identifier_is_real(identifier))
				person->identifiers = add_distinct(person->identifiers, identifier);
		}
		cp_person_finish(person);
		MemoryContextSwitchTo(inner);
	}
	SPI_finish();
	return person;
}

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
	ScanKeyInit(&keys[4], CP_KEY_CHILD, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(child_id));
	scan = systable_beginscan(rel, index, true, snapshot, CP_KEY_COLUMNS, keys);
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
		values[CP_KEY_KEY - 1] = Int32GetDatum(keys[i]->key);
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

/* The keys of a record, in one of the two tables. */
typedef CpKey *(*MakeKeys) (const CpPerson *person, int *nkeys);

/* Takes away the keys that no longer hold and adds the new ones. */
static void
store_keys(const char *table, const char *index, MakeKeys make,
		   int64 child_id, const CpPerson *before, const CpPerson *now)
{
	int			nold = 0;
	int			nnew = 0;
	CpKey	   *old_keys = before != NULL ? make(before, &nold) : NULL;
	CpKey	   *new_keys = now != NULL ? make(now, &nnew) : NULL;
	const CpKey **add = palloc((nnew + 1) * sizeof(CpKey *));
	int			nadd = 0;
	bool		moved = before != NULL && now != NULL && before->date_of_birth != now->date_of_birth;
	Relation	rel;
	Snapshot	snapshot;
	int			o = 0;
	int			n = 0;

	if (nold == 0 && nnew == 0)
		return;
	rel = table_open(cp_relation_oid(table), RowExclusiveLock);
	snapshot = cp_latest_snapshot();
	while (o < nold || n < nnew)
	{
		int			order = o >= nold ? 1 : n >= nnew ? -1 : cp_key_order(&old_keys[o], &new_keys[n]);

		if (order < 0 || (order == 0 && moved))
			delete_key(rel, cp_relation_oid(index), snapshot, &old_keys[o], before->date_of_birth, child_id);
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
		before = cp_person_store(child_id, now);
		store_keys("match_key", "match_key_key_idx", cp_match_keys, child_id, before, now);
		store_keys("guard_key", "guard_key_key_idx", cp_guard_keys, child_id, before, now);
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

/* Stores the keys of a new record. */
void
cp_rekey_new(const CpPerson *person)
{
	CpPerson	now = *person;

	for (int i = 0; i < now.nnames; i++)
	{
		CpName	   *name = &now.names[i];

		for (int w = 0; w < name->ngiven; w++)
			name->given[w] = cp_dictionary_id(cp_dictionary_word(name->given[w])->word);
		for (int w = 0; w < name->nfamily; w++)
			name->family[w] = cp_dictionary_id(cp_dictionary_word(name->family[w])->word);
	}
	(void) cp_person_store(now.child_id, &now);
	store_keys("match_key", "match_key_key_idx", cp_match_keys, now.child_id, NULL, &now);
	store_keys("guard_key", "guard_key_key_idx", cp_guard_keys, now.child_id, NULL, &now);
	count_words(now.child_id, NULL, &now);
	CommandCounterIncrement();
}

void
cp_rekey_batch(const int64 *child_ids, int nchildren)
{
	for (int i = 0; i < nchildren; i++)
		cp_rekey(child_ids[i]);
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
