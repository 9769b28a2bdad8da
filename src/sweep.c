/*-------------------------------------------------------------------------
 *
 * sweep.c
 *	  Open records that may be a second record of a known child.
 *
 *	  Every open record is looked at as if it came as a row today: what the
 *	  matcher would hold it for, or attach it to, is noted as a finding, for a
 *	  person.  So a sweep finds what earlier rules, weights or keys let through.
 *	  A sweep changes no record.
 *
 *	  Looking needs no lock.  What is found is written under the matching lock
 *	  by _note_findings(), which asks again which of the two is shielded: whose
 *	  finding it is follows from that.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "match.h"

/* pairs of records that may be one child, as columns */
typedef struct Pairs
{
	int			n;
	int			size;
	Datum	   *records;
	Datum	   *others;
	Datum	   *scores;
	Datum	   *unless_told_apart;
} Pairs;

/*
 * The open ones among the next records.  Returns how many there are in all.
 */
static int
read_records(int64 *reached, int limit, CpPerson **records, int *nrecords)
{
	Snapshot	snapshot = cp_latest_snapshot();
	Relation	rel = table_open(cp_relation_oid("match_person"), AccessShareLock);
	Relation	index = index_open(cp_relation_oid("match_person_pkey"), AccessShareLock);
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple	tuple;
	int			n = 0;

	ScanKeyInit(&key, CP_PERSON_CHILD, BTGreaterStrategyNumber, F_INT8GT, Int64GetDatum(*reached));
	scan = systable_beginscan_ordered(rel, index, snapshot, 1, &key);
	*nrecords = 0;
	while (n < limit && HeapTupleIsValid(tuple = systable_getnext_ordered(scan, ForwardScanDirection)))
	{
		CpPerson   *person = cp_person_from_tuple(tuple, RelationGetDescr(rel));

		n++;
		*reached = person->child_id;
		if (person->nearness == CP_NEAR_OPEN || person->nearness == CP_NEAR_ALIAS)
			records[(*nrecords)++] = person;
	}
	systable_endscan_ordered(scan);
	index_close(index, AccessShareLock);
	table_close(rel, AccessShareLock);
	UnregisterSnapshot(snapshot);
	return n;
}

/* What a manager is told of the score. */
static double
shown_score(const CpPerson *record, const CpCandidate *candidate)
{
	CpPerson	public = *record;
	CpCandidate shown;

	if (record->nnames <= 1 && candidate->nearness != CP_NEAR_ALIAS)
		return candidate->score;
	public.nnames = Min(public.nnames, 1);
	return cp_compare_openly(&public, candidate->child_id, &shown) ? shown.score : 0;
}

static void
add_pair(Pairs *pairs, const CpPerson *record, const CpCandidate *candidate, CpSecond second)
{
	if (pairs->n >= pairs->size)
	{
		pairs->size *= 2;
		pairs->records = repalloc(pairs->records, pairs->size * sizeof(Datum));
		pairs->others = repalloc(pairs->others, pairs->size * sizeof(Datum));
		pairs->scores = repalloc(pairs->scores, pairs->size * sizeof(Datum));
		pairs->unless_told_apart = repalloc(pairs->unless_told_apart, pairs->size * sizeof(Datum));
	}
	pairs->records[pairs->n] = Int64GetDatum(record->child_id);
	pairs->others[pairs->n] = Int64GetDatum(candidate->child_id);
	pairs->scores[pairs->n] = Float4GetDatum((float4) shown_score(record, candidate));
	pairs->unless_told_apart[pairs->n] = BoolGetDatum(second == CP_SECOND_UNLESS_TOLD_APART);
	pairs->n++;
}

static void
search_records(CpPerson **records, int nrecords, Pairs *pairs)
{
	int64	   *selves = palloc(nrecords * sizeof(int64));
	CpFound    *found = palloc0(nrecords * sizeof(CpFound));

	for (int i = 0; i < nrecords; i++)
		selves[i] = records[i]->child_id;
	cp_search(records, selves, nrecords, found);
	for (int i = 0; i < nrecords; i++)
	{
		ListCell   *cell;

		foreach(cell, found[i].candidates)
		{
			CpCandidate *candidate = lfirst(cell);
			CpSecond	second = cp_second_record(records[i], candidate);

			if (second != CP_SECOND_NOT)
				add_pair(pairs, records[i], candidate, second);
		}
		CHECK_FOR_INTERRUPTS();
	}
}

static Datum
as_array(Datum *values, int n, Oid type, int length, char align)
{
	return PointerGetDatum(construct_array(values, n, type, length, true, align));
}

static void
note_findings(const Pairs *pairs)
{
	Oid			types[4] = {INT8ARRAYOID, INT8ARRAYOID, FLOAT4ARRAYOID, BOOLARRAYOID};
	Datum		values[4];

	values[0] = as_array(pairs->records, pairs->n, INT8OID, sizeof(int64), TYPALIGN_DOUBLE);
	values[1] = as_array(pairs->others, pairs->n, INT8OID, sizeof(int64), TYPALIGN_DOUBLE);
	values[2] = as_array(pairs->scores, pairs->n, FLOAT4OID, sizeof(float4), TYPALIGN_INT);
	values[3] = as_array(pairs->unless_told_apart, pairs->n, BOOLOID, sizeof(bool), TYPALIGN_CHAR);
	cp_lock_matching();
	if (SPI_execute_with_args("SELECT contactpoint._note_findings($1, $2, $3, $4)",
							  4, types, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not note what a sweep found");
}

/*
 * See contactpoint.h.
 */
int
cp_sweep_batch(int64 *reached, int limit)
{
	CpPerson  **records = palloc(limit * sizeof(CpPerson *));
	int			nrecords;
	int			n;
	Pairs		pairs = {0};

	cp_dictionary_refresh();
	n = read_records(reached, limit, records, &nrecords);
	if (nrecords == 0)
		return n;
	pairs.size = 64;
	pairs.records = palloc(pairs.size * sizeof(Datum));
	pairs.others = palloc(pairs.size * sizeof(Datum));
	pairs.scores = palloc(pairs.size * sizeof(Datum));
	pairs.unless_told_apart = palloc(pairs.size * sizeof(Datum));
	search_records(records, nrecords, &pairs);
	if (pairs.n > 0)
		note_findings(&pairs);
	return n;
}
