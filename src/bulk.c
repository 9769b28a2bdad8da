/*-------------------------------------------------------------------------
 *
 * bulk.c
 *	  Many rows of one table, written as COPY would, without triggers.
 *
 *	  No trigger fires, so no foreign key is checked, which is where most of
 *	  the time of an INSERT goes.  So only rows come this way whose references
 *	  the caller holds: the child row is locked, or made in the same
 *	  transaction.  NOT NULL, CHECK and unique indexes are as good as ever.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "executor/executor.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "settle.h"

#define WRITTEN_AT_ONCE 1000

struct CpBulk
{
	Relation	rel;
	MemoryContext context;
	TupleDesc	desc;			/* of the slots: a thousand references to the
								 * table's own are slow to remember */
	EState	   *estate;
	ResultRelInfo *result;
	BulkInsertState insertion;
	TupleTableSlot *slots[WRITTEN_AT_ONCE];
	int			size;
	int			n;
};

CpBulk *
cp_bulk_begin(const char *table)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "contactpoint rows",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	CpBulk	   *bulk = palloc0(sizeof(CpBulk));

	bulk->context = context;
	bulk->rel = table_open(cp_relation_oid(table), RowExclusiveLock);
	bulk->desc = CreateTupleDescCopy(RelationGetDescr(bulk->rel));
	bulk->estate = CreateExecutorState();
	bulk->result = makeNode(ResultRelInfo);
	InitResultRelInfo(bulk->result, bulk->rel, 0, NULL, 0);
	ExecOpenIndices(bulk->result, false);
	bulk->insertion = GetBulkInsertState();
	MemoryContextSwitchTo(caller);
	return bulk;
}

static void
write_rows(CpBulk *bulk)
{
	MemoryContext caller = MemoryContextSwitchTo(GetPerTupleMemoryContext(bulk->estate));

	if (bulk->n > 0)
		table_multi_insert(bulk->rel, bulk->slots, bulk->n, GetCurrentCommandId(true), 0,
						   bulk->insertion);
	for (int i = 0; i < bulk->n; i++)
	{
		ResetPerTupleExprContext(bulk->estate);
		cp_insert_index_tuples(bulk->result, bulk->slots[i], bulk->estate);
		ExecClearTuple(bulk->slots[i]);
	}
	bulk->n = 0;
	ResetPerTupleExprContext(bulk->estate);
	MemoryContextSwitchTo(caller);
}

void
cp_bulk_add(CpBulk *bulk, const Datum *values, const bool *nulls)
{
	MemoryContext caller = MemoryContextSwitchTo(bulk->context);
	TupleDesc	desc = RelationGetDescr(bulk->rel);
	TupleTableSlot *slot;

	if (bulk->n == bulk->size)
		bulk->slots[bulk->size++] = MakeSingleTupleTableSlot(bulk->desc, table_slot_callbacks(bulk->rel));
	slot = bulk->slots[bulk->n++];
	ExecClearTuple(slot);
	memcpy(slot->tts_values, values, desc->natts * sizeof(Datum));
	memcpy(slot->tts_isnull, nulls, desc->natts * sizeof(bool));
	ExecStoreVirtualTuple(slot);
	ExecMaterializeSlot(slot);
	slot->tts_tableOid = RelationGetRelid(bulk->rel);
	if (desc->constr != NULL)
		ExecConstraints(bulk->result, slot, bulk->estate);
	MemoryContextSwitchTo(caller);
	if (bulk->n == WRITTEN_AT_ONCE)
		write_rows(bulk);
}

void
cp_bulk_write(CpBulk *bulk)
{
	write_rows(bulk);
	FreeBulkInsertState(bulk->insertion);
	for (int i = 0; i < bulk->size; i++)
		ExecDropSingleTupleTableSlot(bulk->slots[i]);
	ExecCloseIndices(bulk->result);
	FreeExecutorState(bulk->estate);
	table_close(bulk->rel, NoLock);
	MemoryContextDelete(bulk->context);
}
