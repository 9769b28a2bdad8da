/*-------------------------------------------------------------------------
 *
 * identity.c
 *	  Whose name and birth date are these?  Asked before a person's word makes a
 *	  record.
 *
 *	  Of records in child the answer rests on public names alone, since the
 *	  person reads it: hidden ones do not count.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "match.h"
#include "settle.h"

#define PRESENT_COLUMN 3		/* of contactpoint.former_identity */

/*
 * _has_one_identity(child_id): in the policy of source_link, below the executor
 * since whoever reads has no right to the table.
 */
PG_FUNCTION_INFO_V1(contactpoint_has_one_identity);
Datum
contactpoint_has_one_identity(PG_FUNCTION_ARGS)
{
	Relation	rel;
	ScanKeyData key;
	SysScanDesc scan;
	bool		found;

	cp_require_preloaded();
	rel = table_open(cp_relation_oid("former_identity"), AccessShareLock);
	ScanKeyInit(&key, PRESENT_COLUMN, BTEqualStrategyNumber, F_INT8EQ, PG_GETARG_DATUM(0));
	scan = systable_beginscan(rel, cp_relation_oid("former_identity_present_idx"), true,
							  GetActiveSnapshot(), 1, &key);
	found = HeapTupleIsValid(systable_getnext(scan));
	systable_endscan(scan);
	table_close(rel, NoLock);
	/* to whom the record is none of theirs it tells nothing */
	if (found && !cp_in_own_work() && !cp_caller_manages_child(PG_GETARG_INT64(0)))
		found = false;
	PG_RETURN_BOOL(!found);
}

static bool
is_the_same(const CpCandidate *candidate)
{
	return candidate->given_agrees && candidate->family_agrees && !candidate->given_differs &&
		(candidate->birth_equal || candidate->birth_swapped) &&
		(!candidate->sex_differs || candidate->given_equal);
}

static bool
compares_as_the_same(const CpPerson *row, const CpPerson *record)
{
	CpCandidate candidate = {0};

	cp_score(row, record, &candidate);
	return is_the_same(&candidate);
}

/* By what the record shows? */
static bool
shows_the_same(const CpPerson *row, int64 child_id)
{
	CpPerson   *shown = cp_person_fetch(child_id);

	if (shown == NULL || shown->nearness > CP_NEAR_SHIELDED_WIDE)
		return false;
	shown->nnames = Min(shown->nnames, 1);
	return compares_as_the_same(row, shown);
}

PG_FUNCTION_INFO_V1(contactpoint_known_by_name);
/* contactpoint._known_by_name(given_names, family_name, sex, date_of_birth, except_child) */
Datum
contactpoint_known_by_name(PG_FUNCTION_ARGS)
{
	DateADT		birth = PG_GETARG_DATEADT(3);
	CpPerson   *row = cp_person_make(text_to_cstring(PG_GETARG_TEXT_PP(0)), text_to_cstring(PG_GETARG_TEXT_PP(1)),
									 &birth, *text_to_cstring(PG_GETARG_TEXT_PP(2)), NULL, NULL, NIL);
	bool		cut;
	ListCell   *cell;

	foreach(cell, cp_candidates_bounded(row, PG_GETARG_INT64(4), true, &cut))
	{
		if (shows_the_same(row, ((CpCandidate *) lfirst(cell))->child_id))
			PG_RETURN_BOOL(true);
	}
	PG_RETURN_BOOL(false);
}

static bool
is_a_former_one(const CpPerson *row, int64 child_id)
{
	CpPerson   *former = cp_person_fetch(child_id);

	return former != NULL && former->nearness == CP_NEAR_FORMER && compares_as_the_same(row, former);
}

PG_FUNCTION_INFO_V1(contactpoint_bears_former_name);
/* contactpoint._bears_former_name(upload_id bigint, candidates bigint[]) */
Datum
contactpoint_bears_former_name(PG_FUNCTION_ARGS)
{
	int64		upload_id = PG_GETARG_INT64(0);
	CpInboxRow *row;
	Datum	   *candidates;
	int			n;
	bool		result = false;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
					  TYPALIGN_DOUBLE, &candidates, NULL, &n);
	SPI_connect();
	row = cp_inbox_read(&upload_id, 1);
	if (row->present)
	{
		CpPerson   *person = cp_inbox_person(row);

		for (int i = 0; i < n && !result; i++)
			result = is_a_former_one(person, DatumGetInt64(candidates[i]));
	}
	SPI_finish();
	PG_RETURN_BOOL(result);
}
