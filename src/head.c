/*-------------------------------------------------------------------------
 *
 * head.c
 *	  How far the ledger goes: size and root of its tree, and the months that
 *	  retention has taken out.
 *
 *	  Table ledger_head has one row, written by the sealer in the transaction
 *	  that seals; none while nothing is sealed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "ledger.h"

/* columns of contactpoint.ledger_head */
enum
{
	HEAD_ONE = 1,
	HEAD_SIZE,
	HEAD_ROOT,
	HEAD_SEALED_AT,
	HEAD_MONTH,
	HEAD_COLUMNS = HEAD_MONTH
};

/* columns of contactpoint.ledger_month */
enum
{
	MONTH_MONTH = 1,
	MONTH_FIRST_ENTRY,
	MONTH_LAST_ENTRY,
	MONTH_RETIRED_AT
};

static HeapTuple
find_head(Relation rel, Snapshot snapshot)
{
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, snapshot, 0, NULL);
	HeapTuple	tuple = systable_getnext(scan);

	if (HeapTupleIsValid(tuple))
		tuple = heap_copytuple(tuple);
	systable_endscan(scan);
	return tuple;
}

/*
 * Size 0 where nothing is sealed.
 */
void
cp_head_read(CpHead *head, Snapshot snapshot)
{
	Relation	rel = table_open(cp_relation_oid("ledger_head"), AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	HeapTuple	tuple = find_head(rel, snapshot);
	bool		isnull;

	memset(head, 0, sizeof(*head));
	if (HeapTupleIsValid(tuple))
	{
		bytea	   *root = DatumGetByteaPP(heap_getattr(tuple, HEAD_ROOT, desc, &isnull));

		head->size = DatumGetInt64(heap_getattr(tuple, HEAD_SIZE, desc, &isnull));
		head->sealed_at = DatumGetTimestampTz(heap_getattr(tuple, HEAD_SEALED_AT, desc, &isnull));
		head->month = DatumGetDateADT(heap_getattr(tuple, HEAD_MONTH, desc, &isnull));
		memcpy(&head->root, VARDATA_ANY(root), Min(VARSIZE_ANY_EXHDR(root), sizeof(CpHash)));
	}
	table_close(rel, AccessShareLock);
}

void
cp_head_write(const CpHead *head, Snapshot snapshot)
{
	Relation	rel = table_open(cp_relation_oid("ledger_head"), RowExclusiveLock);
	bytea	   *root = palloc(VARHDRSZ + sizeof(CpHash));
	Datum		values[HEAD_COLUMNS];
	bool		nulls[HEAD_COLUMNS] = {false};
	HeapTuple	before = find_head(rel, snapshot);
	HeapTuple	tuple;

	SET_VARSIZE(root, VARHDRSZ + sizeof(CpHash));
	memcpy(VARDATA(root), &head->root, sizeof(CpHash));
	values[HEAD_ONE - 1] = BoolGetDatum(true);
	values[HEAD_SIZE - 1] = Int64GetDatum(head->size);
	values[HEAD_ROOT - 1] = PointerGetDatum(root);
	values[HEAD_SEALED_AT - 1] = TimestampTzGetDatum(head->sealed_at);
	values[HEAD_MONTH - 1] = DateADTGetDatum(head->month);
	tuple = heap_form_tuple(RelationGetDescr(rel), values, nulls);
	if (HeapTupleIsValid(before))
		CatalogTupleUpdate(rel, &before->t_self, tuple);
	else
		CatalogTupleInsert(rel, tuple);
	table_close(rel, NoLock);
}

/*
 * The last entry that retention has taken out of the ledger, 0: none.
 */
int64
cp_head_retired(void)
{
	Relation	rel = table_open(cp_relation_oid("ledger_month"), AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, snapshot, 0, NULL);
	HeapTuple	tuple;
	int64		last = 0;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		kept;
		bool		isnull;

		heap_getattr(tuple, MONTH_RETIRED_AT, desc, &kept);
		if (!kept)
			last = Max(last, DatumGetInt64(heap_getattr(tuple, MONTH_LAST_ENTRY, desc, &isnull)));
	}
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(rel, AccessShareLock);
	return last;
}
