/*-------------------------------------------------------------------------
 *
 * remembered.c
 *	  What people have decided about a reference, so that nobody is asked
 *	  twice.
 *
 *	  A decision holds as long as the reference goes on saying the same about
 *	  who the child is: names, birth date, sex, numbers.  Another address is no
 *	  new question; another name or number is one.  That a reference is not
 *	  about a child, because somebody has parted the two, holds whatever it
 *	  says: it is never attached there again without a person.
 *
 *	  Near a shielded child a parted reference makes no record by itself
 *	  either: a person says so, and what is made then is born shielded.
 *
 *	  The table is small and is read only for references that it knows.
 *	  Whoever writes it holds the matching lock and tells no news in detail,
 *	  so that matchers read their rows anew.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "match.h"
#include "settle.h"

typedef struct CpRemembered
{
	int64		child_id;		/* 0: the row was rejected */
	bool		apart;			/* it is not about this child */
	bool		always;			/* whatever it says */
	bool		says_the_same;	/* as when it was decided */
} CpRemembered;

struct CpMemory
{
	int			n;
	CpRemembered decisions[FLEXIBLE_ARRAY_MEMBER];
};

/* ---------- what a row says of who the child is ---------- */

static void
add_part(StringInfo said, const char *text)
{
	appendStringInfo(said, "%d:%s", text == NULL ? -1 : (int) strlen(text), text == NULL ? "" : text);
}

static void
add_name(StringInfo said, const char *name)
{
	add_part(said, name == NULL ? NULL : cp_normalize_name(name));
}

static bytea *
digest_said(const CpInboxRow *row)
{
	CpPerson   *person = cp_inbox_person(row);
	bytea	   *digest = palloc(VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
	pg_cryptohash_ctx *hasher = pg_cryptohash_create(PG_SHA256);
	StringInfoData said;
	ListCell   *cell;

	initStringInfo(&said);
	add_name(&said, row->given_names);
	add_name(&said, row->family_name);
	add_part(&said, row->date_of_birth);
	add_part(&said, row->sex);
	foreach(cell, person->identifiers)
		add_part(&said, lfirst(cell));
	add_part(&said, row->alias_names == NULL ? NULL :
			 JsonbToCString(NULL, &row->alias_names->root, VARSIZE(row->alias_names)));
	SET_VARSIZE(digest, VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
	if (hasher == NULL || pg_cryptohash_init(hasher) < 0 ||
		pg_cryptohash_update(hasher, (uint8 *) said.data, said.len) < 0 ||
		pg_cryptohash_final(hasher, (uint8 *) VARDATA(digest), PG_SHA256_DIGEST_LENGTH) < 0)
		elog(ERROR, "could not compute a hash: %s", pg_cryptohash_error(hasher));
	pg_cryptohash_free(hasher);
	return digest;
}

/*
 * _said(upload_id): digest of what a held row says of who the child is.  Called
 * by _do_decide.
 */
PG_FUNCTION_INFO_V1(contactpoint_said);
Datum
contactpoint_said(PG_FUNCTION_ARGS)
{
	int64		upload_id = PG_GETARG_INT64(0);
	MemoryContext caller = CurrentMemoryContext;
	CpInboxRow *row;
	bytea	   *digest = NULL;

	if (!cp_in_own_work())
		ereport(ERROR,
				(errcode(ERRCODE_CP_PROTECTED),
				 errmsg("decisions are remembered by decide() only"),
				 errhint("SELECT contactpoint.decide(review_id, decision, child_id, note).")));
	SPI_connect();
	row = cp_inbox_read(&upload_id, 1);
	if (row->present)
	{
		MemoryContext inner = MemoryContextSwitchTo(caller);

		digest = digest_said(row);
		MemoryContextSwitchTo(inner);
	}
	SPI_finish();
	if (digest == NULL)
		PG_RETURN_NULL();
	PG_RETURN_BYTEA_P(digest);
}

/* ---------- what was decided ---------- */

/*
 * The decisions about a row's reference, the latest first, in the current
 * memory context; NULL if there are none.  Between SPI_connect and SPI_finish.
 */
CpMemory *
cp_memory_read(const CpInboxRow *row)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[3] = {TEXTOID, TEXTOID, BYTEAOID};
	Datum		values[3];
	MemoryContext caller = CurrentMemoryContext;
	CpMemory   *memory;

	if (!row->remembered)
		return NULL;
	values[0] = CStringGetTextDatum(row->source);
	values[1] = CStringGetTextDatum(row->source_ref);
	values[2] = PointerGetDatum(digest_said(row));
	if (plan == NULL)
	{
		SPIPlanPtr	fresh = SPI_prepare("SELECT m.child_id, m.verdict = 'apart', m.said IS NULL, coalesce(m.said = $3, true)"
										" FROM contactpoint.remembered m WHERE m.source = $1 AND m.source_ref = $2"
										" ORDER BY m.remembered_id DESC", 3, types);

		if (fresh == NULL || SPI_keepplan(fresh) != 0)
			elog(ERROR, "could not prepare the search for decisions");
		plan = fresh;
	}
	if (SPI_execute_plan(plan, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not search for decisions");
	if (SPI_processed == 0)
		return NULL;
	memory = MemoryContextAlloc(caller, offsetof(CpMemory, decisions) + SPI_processed * sizeof(CpRemembered));
	memory->n = (int) SPI_processed;
	for (int i = 0; i < memory->n; i++)
	{
		CpRemembered *decision = &memory->decisions[i];
		HeapTuple	tuple = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		Datum		child = SPI_getbinval(tuple, desc, 1, &isnull);

		decision->child_id = isnull ? 0 : DatumGetInt64(child);
		decision->apart = DatumGetBool(SPI_getbinval(tuple, desc, 2, &isnull));
		decision->always = DatumGetBool(SPI_getbinval(tuple, desc, 3, &isnull));
		decision->says_the_same = DatumGetBool(SPI_getbinval(tuple, desc, 4, &isnull));
	}
	SPI_freetuptable(SPI_tuptable);
	return memory;
}

/* Has a person said that the reference, as it stands, is not about this child? */
bool
cp_told_apart(const CpMemory *memory, int64 child_id)
{
	for (int i = 0; memory != NULL && i < memory->n; i++)
	{
		const CpRemembered *decision = &memory->decisions[i];

		if (decision->child_id == child_id && decision->says_the_same)
			return decision->apart;
	}
	return false;
}

/*
 * What a person has decided about a row that says the same as then: it is about
 * the child that its reference has, or it was rejected.  NULL where no decision
 * tells.
 */
CpDecision *
cp_decide_remembered(const CpPerson *row, const CpReference *reference)
{
	const CpMemory *memory = reference == NULL ? NULL : reference->memory;

	for (int i = 0; memory != NULL && i < memory->n; i++)
	{
		const CpRemembered *decision = &memory->decisions[i];
		CpPerson   *record;
		CpDecision *remembered;

		if (decision->apart || !decision->says_the_same)
			continue;
		remembered = palloc0(sizeof(CpDecision));
		remembered->outcome = CP_OUTCOME_REJECT;
		if (decision->child_id == 0)
			return remembered;
		record = cp_person_fetch(decision->child_id);
		if (decision->child_id != reference->linked_child || record == NULL ||
			record->nearness > CP_NEAR_SHIELDED_WIDE)
			return NULL;
		remembered->outcome = CP_OUTCOME_MATCH;
		remembered->child_id = decision->child_id;
		remembered->shielded = record->nearness >= CP_NEAR_SHIELDED;
		return remembered;
	}
	return NULL;
}

/*
 * The shielded children from which somebody has parted the reference: a row of
 * it is held, whether or not it still comes near them.  CpCandidate *, compared
 * with the row.
 */
List *
cp_parted_from_shielded(const CpPerson *row, const CpMemory *memory)
{
	List	   *children = NIL;

	for (int i = 0; memory != NULL && i < memory->n; i++)
	{
		const CpRemembered *decision = &memory->decisions[i];
		CpPerson   *record;
		CpCandidate *candidate;

		if (!decision->apart || !decision->always)
			continue;
		record = cp_person_fetch(decision->child_id);
		if (record == NULL || record->nearness < CP_NEAR_SHIELDED)
			continue;
		candidate = palloc0(sizeof(CpCandidate));
		cp_score(row, record, candidate);
		children = lappend(children, candidate);
	}
	return children;
}
