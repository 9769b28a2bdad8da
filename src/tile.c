/*-------------------------------------------------------------------------
 *
 * tile.c
 *	  The hashes of the tree in table ledger_tile.
 *
 *	  A tile is one row, written anew while it grows and never after it is
 *	  full.  Only the sealer writes, in the transaction that seals.
 *
 *	  Locks: the caller's on the table; a row is written by the sealer alone.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "catalog/indexing.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

#include "ledger.h"

/* columns of contactpoint.ledger_tile */
enum
{
	TILE_LEVEL = 1,
	TILE_NUMBER,
	TILE_HASHES,
	TILE_COLUMNS = TILE_HASHES
};

static HeapTuple
find_tile(Relation tiles, Snapshot snapshot, int level, int64 number)
{
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&keys[0], TILE_LEVEL, BTEqualStrategyNumber, F_INT2EQ, Int16GetDatum(level));
	ScanKeyInit(&keys[1], TILE_NUMBER, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(number));
	scan = systable_beginscan(tiles, cp_relation_oid("ledger_tile_pkey"), true, snapshot, 2, keys);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		tuple = heap_copytuple(tuple);
	systable_endscan(scan);
	return tuple;
}

/*
 * False where there is no such tile, or it is no row of hashes.
 */
bool
cp_tile_fetch(Relation tiles, Snapshot snapshot, int level, int64 number, CpTile *tile)
{
	HeapTuple	tuple = find_tile(tiles, snapshot, level, number);
	bytea	   *hashes;
	int			length;
	bool		isnull;

	if (!HeapTupleIsValid(tuple))
		return false;
	hashes = DatumGetByteaPP(heap_getattr(tuple, TILE_HASHES, RelationGetDescr(tiles), &isnull));
	length = VARSIZE_ANY_EXHDR(hashes);
	tile->width = length / sizeof(CpHash);
	if (length % sizeof(CpHash) != 0 || tile->width > CP_TILE_WIDTH)
		tile->width = 0;
	memcpy(tile->hashes, VARDATA_ANY(hashes), tile->width * sizeof(CpHash));
	heap_freetuple(tuple);
	return tile->width > 0;
}

/*
 * Raises XX001 where the tile lacks the hashes asked for; leaves it with just
 * these.
 */
void
cp_tile_read(Relation tiles, Snapshot snapshot, int level, int64 number, int width, CpTile *tile)
{
	if (!cp_tile_fetch(tiles, snapshot, level, number, tile) || tile->width < width)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the tree of the audit ledger lacks hashes that it had"),
				 errhint("The ledger was damaged or tampered with: SELECT * FROM contactpoint.audit_verify(1, ...) with a head that was exported.")));
	tile->width = width;
}

/*
 * Writes a tile, or writes it anew.
 */
void
cp_tile_write(Relation tiles, Snapshot snapshot, int level, int64 number, const CpTile *tile)
{
	int			length = tile->width * sizeof(CpHash);
	bytea	   *hashes = palloc(VARHDRSZ + length);
	Datum		values[TILE_COLUMNS];
	bool		nulls[TILE_COLUMNS] = {false};
	HeapTuple	before = find_tile(tiles, snapshot, level, number);
	HeapTuple	tuple;

	SET_VARSIZE(hashes, VARHDRSZ + length);
	memcpy(VARDATA(hashes), tile->hashes, length);
	values[TILE_LEVEL - 1] = Int16GetDatum(level);
	values[TILE_NUMBER - 1] = Int64GetDatum(number);
	values[TILE_HASHES - 1] = PointerGetDatum(hashes);
	tuple = heap_form_tuple(RelationGetDescr(tiles), values, nulls);
	if (HeapTupleIsValid(before))
		CatalogTupleUpdate(tiles, &before->t_self, tuple);
	else
		CatalogTupleInsert(tiles, tuple);
	heap_freetuple(tuple);
	pfree(hashes);
}
