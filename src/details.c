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

#include "access/tableam.h"
#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "details.h"
#include "lookup.h"

/* Leaf and vault of one kind. */
typedef struct Writer
{
	MemoryContext context;
	CpDetailKind kind;
	CpBulk	   *bulks[2];
	CpLookup   *lookups[2];
	CpPlaces   *places;			/* of all kinds */
} Writer;

/* What is stored, as it was before the first of the deliveries is written. */
static CpLookup *
lookup_of(Writer *writer, bool shielded)
{
	if (writer->lookups[shielded] == NULL)
	{
		const CpDetailTables *tables = &cp_detail_tables[writer->kind];
		MemoryContext caller = MemoryContextSwitchTo(writer->context);

		writer->lookups[shielded] = palloc(sizeof(CpLookup));
		cp_lookup_begin(writer->lookups[shielded], tables->tables[shielded], tables->indexes[shielded], 1,
						RowExclusiveLock);
		MemoryContextSwitchTo(caller);
	}
	return writer->lookups[shielded];
}

/*
 * Deletes what is stored of one kind under the row's source and no longer holds.
 * Details that are stored in the same words go from the list.
 */
static void
delete_replaced(Writer *writer, const CpDelivery *delivery, List **details, List *sent_kinds)
{
	CpLookup   *lookup = lookup_of(writer, delivery->shielded);
	TupleDesc	desc = RelationGetDescr(lookup->rel);

	cp_lookup_to_number(lookup, delivery->child_id);
	while (cp_lookup_next(lookup))
	{
		CpDetail	stored;

		memcpy(stored.values, lookup->slot->tts_values, desc->natts * sizeof(Datum));
		memcpy(stored.nulls, lookup->slot->tts_isnull, desc->natts * sizeof(bool));
		if (!cp_detail_replaced(writer->kind, delivery->row, &stored, desc, sent_kinds, details))
			continue;
		if (writer->kind <= CP_DETAIL_INVOLVEMENT)
			cp_place_remove(lookup->rel, ExecFetchSlotHeapTuple(lookup->slot, false, NULL));
		simple_table_tuple_delete(lookup->rel, &lookup->slot->tts_tid, lookup->snapshot);
	}
}

static CpBulk *
bulk_of(Writer *writer, bool shielded)
{
	bool		side = shielded && writer->kind != CP_DETAIL_ALIAS;

	if (writer->bulks[side] == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(writer->context);

		writer->bulks[side] = cp_bulk_begin(cp_detail_tables[writer->kind].tables[side]);
		MemoryContextSwitchTo(caller);
	}
	return writer->bulks[side];
}

/* The private keys of what places the child. */
static void
add_places(Writer *writer, const CpDelivery *delivery, const CpDetail *detail)
{
	static const CpPlaceOf places[] = {
		[CP_DETAIL_ADDRESS] = CP_PLACE_OF_ADDRESS,
		[CP_DETAIL_CARER] = CP_PLACE_OF_CARER,
		[CP_DETAIL_INVOLVEMENT] = CP_PLACE_OF_INVOLVEMENT
	};
	char	   *columns[CP_PLACE_COLUMNS];

	if (writer->kind > CP_DETAIL_INVOLVEMENT)
		return;
	for (int i = 0; i < CP_PLACE_COLUMNS; i++)
		columns[i] = detail->nulls[CP_PLACE_FIRST - 1 + i] ? NULL :
			TextDatumGetCString(detail->values[CP_PLACE_FIRST - 1 + i]);
	cp_places_add(writer->places, places[writer->kind], delivery->child_id, columns);
}

static void
write_kind(Writer *writer, const CpDelivery *delivery)
{
	List	   *details;
	List	   *sent_kinds;
	ListCell   *cell;

	if (!cp_detail_sent(delivery->row, writer->kind, &details, &sent_kinds))
		return;
	if (!delivery->made)
		delete_replaced(writer, delivery, &details, sent_kinds);
	foreach(cell, details)
	{
		CpDetail   *detail = lfirst(cell);

		add_places(writer, delivery, detail);
		cp_detail_complete(detail, delivery, writer->kind, delivery->row);
		cp_bulk_add(bulk_of(writer, delivery->shielded), detail->values, detail->nulls);
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
	cp_bulk_add(bulk_of(writer, delivery->shielded), values, nulls);
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
	CpPlaces   *places = cp_places_begin();

	for (int kind = 0; kind <= CP_DETAIL_RESPONSIBILITY; kind++)
	{
		Writer		writer = {caller, kind, {NULL, NULL}, {NULL, NULL}, places};

		for (int i = 0; i < n; i++)
		{
			MemoryContextSwitchTo(scratch);
			if (kind == CP_DETAIL_RESPONSIBILITY)
				write_responsibility(&writer, deliveries[i]);
			else
				write_kind(&writer, deliveries[i]);
			MemoryContextSwitchTo(caller);
			MemoryContextReset(scratch);
		}
		for (int side = 0; side < 2; side++)
		{
			if (writer.lookups[side] != NULL)
				cp_lookup_end(writer.lookups[side]);
			if (writer.bulks[side] != NULL)
				cp_bulk_write(writer.bulks[side]);
		}
	}
	cp_places_write(places);
	MemoryContextDelete(scratch);
	CommandCounterIncrement();
}
