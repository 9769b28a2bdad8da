/*-------------------------------------------------------------------------
 *
 * reader.c
 *	  Records of match_person, one after the other in the order of their
 *	  numbers.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "executor/tuptable.h"
#include "utils/rel.h"

#include "match.h"
#include "walk.h"

struct CpReader
{
	Relation	rel;
	Relation	index_rel;
	Snapshot	snapshot;
	CpWalk	   *walk;			/* through the numbers */
	IndexFetchTableData *fetch;
	TupleTableSlot *slot;
};

CpReader *
cp_reader_open(Snapshot snapshot)
{
	CpReader   *reader = palloc(sizeof(CpReader));

	reader->rel = table_open(cp_relation_oid("match_person"), AccessShareLock);
	reader->index_rel = index_open(cp_relation_oid("match_person_pkey"), AccessShareLock);
	reader->snapshot = snapshot;
	reader->walk = cp_walk_begin(reader->index_rel, CP_WALK_NUMBERS, snapshot);
	reader->fetch = table_index_fetch_begin(reader->rel);
	reader->slot = table_slot_create(reader->rel, NULL);
	return reader;
}

/* The person in one of the versions that an entry leads to, if the snapshot sees any. */
static CpPerson *
read_row(CpReader *reader, ItemPointerData row)
{
	bool		call_again = false;
	bool		should_free;
	CpPerson   *person;

	if (!table_index_fetch_tuple(reader->fetch, &row, reader->snapshot, reader->slot, &call_again, NULL))
		return NULL;
	person = cp_person_from_tuple(ExecFetchSlotHeapTuple(reader->slot, false, &should_free),
								  RelationGetDescr(reader->rel));
	ExecClearTuple(reader->slot);
	return person;
}

CpPerson *
cp_reader_read(CpReader *reader, int64 child_id)
{
	const CpWalkEntry *entries;
	int			n;

	cp_walk_to(reader->walk, CpWalkNumber(child_id), CpWalkNumber(child_id));
	while ((n = cp_walk_next(reader->walk, &entries)) > 0)
		for (int i = 0; i < n; i++)
		{
			CpPerson   *person = read_row(reader, entries[i].row);

			if (person != NULL)
				return person;
		}
	return NULL;
}

void
cp_reader_close(CpReader *reader)
{
	ExecDropSingleTupleTableSlot(reader->slot);
	table_index_fetch_end(reader->fetch);
	cp_walk_end(reader->walk);
	index_close(reader->index_rel, AccessShareLock);
	table_close(reader->rel, AccessShareLock);
	pfree(reader);
}
