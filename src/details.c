/*-------------------------------------------------------------------------
 *
 * details.c
 *	  What rows sent becomes details of children.
 *
 *	  Details go where the child is: the flag of the locked child row decides
 *	  between open leaf and vault.  Who is responsible may open a shielded
 *	  record: no upload says so.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "details.h"

/*
 * Deletes what is stored of one kind under the row's source and no longer holds.
 * Details that are stored in the same words go from the list.
 */
static void
delete_replaced(const CpDelivery *delivery, CpDetailKind kind, List **details, List *sent_kinds)
{
	Snapshot	snapshot = cp_latest_snapshot();
	const CpDetailTables *tables = &cp_detail_tables[kind];
	Relation	rel = table_open(cp_relation_oid(tables->tables[delivery->shielded]), RowExclusiveLock);
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple	tuple;

	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(delivery->child_id));
	scan = systable_beginscan(rel, cp_relation_oid(tables->indexes[delivery->shielded]), true,
							  snapshot, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		CpDetail	stored;

		heap_deform_tuple(tuple, RelationGetDescr(rel), stored.values, stored.nulls);
		if (!cp_detail_replaced(kind, delivery->row, &stored, RelationGetDescr(rel), sent_kinds, details))
			continue;
		if (kind <= CP_DETAIL_INVOLVEMENT)
			cp_place_remove(rel, tuple);
		CatalogTupleDelete(rel, &tuple->t_self);
	}
	systable_endscan(scan);
	table_close(rel, NoLock);
	UnregisterSnapshot(snapshot);
}

/* Leaf and vault of one kind. */
typedef struct Writer
{
	MemoryContext context;
	CpBulk	   *bulks[2];
	CpBulk	   *places;
} Writer;

static CpBulk *
bulk_of(Writer *writer, CpDetailKind kind, bool shielded)
{
	bool		side = shielded && kind != CP_DETAIL_ALIAS;

	if (writer->bulks[side] == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(writer->context);

		writer->bulks[side] = cp_bulk_begin(cp_detail_tables[kind].tables[side]);
		MemoryContextSwitchTo(caller);
	}
	return writer->bulks[side];
}

/* The private keys of what places the child. */
static void
add_places(Writer *writer, const CpDelivery *delivery, CpDetailKind kind, const CpDetail *detail)
{
	static const CpPlaceOf places[] = {
		[CP_DETAIL_ADDRESS] = CP_PLACE_OF_ADDRESS,
		[CP_DETAIL_CARER] = CP_PLACE_OF_CARER,
		[CP_DETAIL_INVOLVEMENT] = CP_PLACE_OF_INVOLVEMENT
	};
	char	   *columns[CP_PLACE_COLUMNS];

	if (kind > CP_DETAIL_INVOLVEMENT)
		return;
	if (writer->places == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(writer->context);

		writer->places = cp_bulk_begin("place_key");
		MemoryContextSwitchTo(caller);
	}
	for (int i = 0; i < CP_PLACE_COLUMNS; i++)
		columns[i] = detail->nulls[CP_PLACE_FIRST - 1 + i] ? NULL :
			TextDatumGetCString(detail->values[CP_PLACE_FIRST - 1 + i]);
	cp_place_add(writer->places, places[kind], delivery->child_id, columns);
}

static void
write_kind(Writer *writer, const CpDelivery *delivery, CpDetailKind kind)
{
	List	   *details;
	List	   *sent_kinds;
	ListCell   *cell;

	if (!cp_detail_sent(delivery->row, kind, &details, &sent_kinds))
		return;
	if (!delivery->made)
		delete_replaced(delivery, kind, &details, sent_kinds);
	foreach(cell, details)
	{
		CpDetail   *detail = lfirst(cell);

		add_places(writer, delivery, kind, detail);
		cp_detail_complete(detail, delivery, kind, delivery->row);
		cp_bulk_add(bulk_of(writer, kind, delivery->shielded), detail->values, detail->nulls);
	}
}

static void
write_responsibility(Writer *writer, const CpDelivery *delivery)
{
	Datum		values[4];
	bool		nulls[4] = {false};

	bool		embargoed = delivery->birth != NULL && delivery->birth->embargoed &&
	delivery->birth->reason == NULL;

	/* what only an embargo shields has not been found to hide anybody */
	if ((delivery->shielded && !embargoed) || delivery->responsible || delivery->row->authority == 0)
		return;
	values[0] = Int64GetDatum(delivery->child_id);
	values[1] = BoolGetDatum(delivery->shielded);
	values[2] = Int64GetDatum(delivery->row->authority);
	values[3] = TimestampTzGetDatum(delivery->row->recorded_at);
	cp_bulk_add(bulk_of(writer, CP_DETAIL_RESPONSIBILITY, delivery->shielded), values, nulls);
}

/*
 * Writes the details of rows that go to different children, or under different
 * sources to the same.  Child rows are locked, and so is the organisation that
 * a row says is responsible.
 */
void
cp_details_write(CpDelivery **deliveries, int n)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext scratch = AllocSetContextCreate(caller, "contactpoint detail",
												  ALLOCSET_DEFAULT_SIZES);

	for (int kind = 0; kind <= CP_DETAIL_RESPONSIBILITY; kind++)
	{
		Writer		writer = {caller, {NULL, NULL}, NULL};

		for (int i = 0; i < n; i++)
		{
			MemoryContextSwitchTo(scratch);
			if (kind == CP_DETAIL_RESPONSIBILITY)
				write_responsibility(&writer, deliveries[i]);
			else
				write_kind(&writer, deliveries[i], kind);
			MemoryContextSwitchTo(caller);
			MemoryContextReset(scratch);
		}
		for (int side = 0; side < 2; side++)
			if (writer.bulks[side] != NULL)
				cp_bulk_write(writer.bulks[side]);
		if (writer.places != NULL)
			cp_bulk_write(writer.places);
	}
	MemoryContextDelete(scratch);
	CommandCounterIncrement();
}
