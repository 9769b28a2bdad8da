/*-------------------------------------------------------------------------
 *
 * rekey.c
 *	  What the matcher keeps about each record, brought up to date.
 *
 *	  match_person holds all that a comparison needs in one row; match_key and
 *	  guard_key hold the blocking keys.  All are made of the registry's own
 *	  tables and of nothing else, so they can be made anew at any time.
 *
 *	  Keys are hints: one too many costs a look and no more, so readers of
 *	  the keys need no visibility check; one too few would lose a child.
 *	  Rows are written below the executor (store.c): these tables have no
 *	  triggers and their row security admits nobody.
 *
 *	  Locks: the matching lock first, then rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "match.h"

#define MOST_IN_DELTA 2000		/* records: chains of the delta stay short */

/* A number, then the columns of contactpoint._match_facts(). */
enum
{
	FACT_CHILD = 1,
	FACT_GIVEN,
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
	cp_news_lock_taken();
}

/* ---------- rows of a record ---------- */

/* The texts of a text[]. */
static List *
text_facts(HeapTuple row, TupleDesc desc, int column)
{
	bool		isnull;
	Datum		array = SPI_getbinval(row, desc, column, &isnull);
	Datum	   *values;
	bool	   *nulls;
	int			n;
	List	   *result = NIL;

	if (isnull)
		return NIL;
	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT,
					  &values, &nulls, &n);
	for (int i = 0; i < n; i++)
		result = lappend(result, TextDatumGetCString(values[i]));
	return result;
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

/* A record as the registry's own tables have it, in the current memory context. */
static CpPerson *
person_of_facts(HeapTuple row, TupleDesc desc)
{
	bool		null;
	char	   *given = SPI_getvalue(row, desc, FACT_GIVEN);
	char	   *family = SPI_getvalue(row, desc, FACT_FAMILY);
	char	   *public_given = cp_normalize_name(given ? given : "");
	char	   *public_family = cp_normalize_family(family ? family : "");
	char	   *sex = SPI_getvalue(row, desc, FACT_SEX);
	CpPerson   *person = palloc0(sizeof(CpPerson));
	ListCell   *cell;

	person->child_id = DatumGetInt64(SPI_getbinval(row, desc, FACT_CHILD, &null));
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
		char	   *hidden_family = cp_normalize_family(second);

		cp_person_add_words(person,
							hidden_given[0] ? hidden_given : public_given,
							hidden_family[0] ? hidden_family : public_family,
							true, true);
	}
	foreach(cell, text_facts(row, desc, FACT_PLACES))
	{
		char	   *second = second_part(lfirst(cell));

		cp_person_add_place(person, lfirst(cell), second);
	}
	foreach(cell, text_facts(row, desc, FACT_IDENTIFIERS))
	{
		char	   *second = second_part(lfirst(cell));

		cp_person_add_identifier(person, lfirst(cell), second);
	}
	cp_person_settle(person);
	return person;
}

/*
 * Reads children from the registry's own tables into persons, NULL for those
 * that are gone.  Words that no record had are added to the dictionary.  A
 * plan with a nested loop only: it must stay good while the tables grow.
 */
static void
read_registry(const int64 *child_ids, int nchildren, CpPerson **persons)
{
	static SPIPlanPtr plan = NULL;
	MemoryContext caller = CurrentMemoryContext;
	Datum	   *numbers = palloc(nchildren * sizeof(Datum));
	Datum		value;
	char		isnull = ' ';
	SPITupleTable *rows;

	for (int i = 0; i < nchildren; i++)
		numbers[i] = Int64GetDatum(child_ids[i]);
	value = PointerGetDatum(construct_array(numbers, nchildren, INT8OID, sizeof(int64),
											FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	SPI_connect();
	if (plan == NULL)
	{
		Oid			argtype = INT8ARRAYOID;
		SPIPlanPtr	fresh = SPI_prepare("SELECT i.child_id, f.given_names, f.family_name, f.sex, f.date_of_birth,"
										" f.nearness, f.aliases, f.places, f.identifiers"
										" FROM unnest($1) AS i (child_id) LEFT JOIN LATERAL"
										" (SELECT * FROM contactpoint._match_facts(i.child_id) OFFSET 0) f ON true",
										1, &argtype);

		if (fresh == NULL || SPI_keepplan(fresh) != 0)
			elog(ERROR, "could not prepare the reading of records");
		plan = fresh;
	}
	if (SPI_execute_plan(plan, &value, &isnull, false, 0) != SPI_OK_SELECT ||
		SPI_processed != (uint64) nchildren)
		elog(ERROR, "could not read records");
	rows = SPI_tuptable;
	for (int i = 0; i < nchildren; i++)
	{
		MemoryContext inner = MemoryContextSwitchTo(caller);
		bool		gone;

		(void) SPI_getbinval(rows->vals[i], rows->tupdesc, FACT_BIRTH, &gone);
		persons[i] = gone ? NULL : person_of_facts(rows->vals[i], rows->tupdesc);
		MemoryContextSwitchTo(inner);
	}
	SPI_finish();
}

/*
 * By way of the delta, so that what this transaction has found can be brought
 * up to date; false: there are too many, or some are gone.
 */
static bool
change_in_delta(const int64 *child_ids, int nchildren, CpPerson **now)
{
	if (cp_delta_count() + nchildren > MOST_IN_DELTA)
		return false;
	for (int i = 0; i < nchildren; i++)
		if (now[i] == NULL)
			return false;
	for (int i = 0; i < nchildren; i++)
	{
		CpPerson   *before = cp_person_fetch(child_ids[i]);

		if (before == NULL)
		{
			cp_delta_add(now[i]);
			cp_changes_tell_record(now[i]);
		}
		else if (!cp_person_same(before, now[i]))
			cp_delta_change(before, now[i]);
	}
	cp_delta_write();
	return true;
}

static void
rekey_some(const int64 *child_ids, int nchildren, bool indexed)
{
	CpPerson  **now = palloc(nchildren * sizeof(CpPerson *));
	CpStore    *store;

	read_registry(child_ids, nchildren, now);
	if (indexed && change_in_delta(child_ids, nchildren, now))
		return;
	cp_delta_end();
	store = cp_store_begin(indexed, false);
	for (int i = 0; i < nchildren; i++)
		cp_store_change(store, cp_person_fetch(child_ids[i]), now[i]);
	cp_store_end(store);
}

static void
rekey(const int64 *child_ids, int nchildren, bool indexed)
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
		int64	   *sorted;
		int			n;

		MemoryContextSwitchTo(context);
		CommandCounterIncrement();
		sorted = palloc((nchildren + 1) * sizeof(int64));
		memcpy(sorted, child_ids, nchildren * sizeof(int64));
		n = cp_children_unique(sorted, nchildren);
		if (n > 0)
			rekey_some(sorted, n, indexed);
		cp_epoch_advance(indexed);
		MemoryContextSwitchTo(caller);
	}
	PG_FINALLY();
	{
		cp_own_work_end(&work);
	}
	PG_END_TRY();
	MemoryContextDelete(context);
}

/*
 * Makes what the matcher keeps of these records anew from the registry's own
 * tables; those that are gone lose it.  Takes the matching lock, runs as own
 * work.
 */
void
cp_rekey_batch(const int64 *child_ids, int nchildren)
{
	rekey(child_ids, nchildren, true);
}

/* The same for one. */
void
cp_rekey(int64 child_id)
{
	cp_rekey_batch(&child_id, 1);
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

PG_FUNCTION_INFO_V1(contactpoint_rekey_batch);
/* contactpoint._rekey_batch(child_ids bigint[], indexed boolean) */
Datum
contactpoint_rekey_batch(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	Datum	   *values;
	bool	   *nulls;
	int64	   *child_ids;
	int			nvalues;
	int			n = 0;

	PreventCommandIfReadOnly("contactpoint._rekey_batch()");
	deconstruct_array(array, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE,
					  &values, &nulls, &nvalues);
	child_ids = palloc((nvalues + 1) * sizeof(int64));
	for (int i = 0; i < nvalues; i++)
		if (!nulls[i])
			child_ids[n++] = DatumGetInt64(values[i]);
	rekey(child_ids, n, PG_GETARG_BOOL(1));
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(contactpoint_match_forget);
/* contactpoint._match_forget() */
Datum
contactpoint_match_forget(PG_FUNCTION_ARGS)
{
	CommandCounterIncrement();
	cp_epoch_forget();
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
