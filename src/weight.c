/*-------------------------------------------------------------------------
 *
 * weight.c
 *	  Loads contactpoint.weight.
 *
 *	  The highest version counts, whole.  Loaded once and again after the table
 *	  is announced as changed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/inval.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "match.h"

/* Columns of weight. */
enum
{
	WEIGHT_VERSION = 1,
	WEIGHT_FIELD,
	WEIGHT_LEVEL,
	WEIGHT_MATCH,
	WEIGHT_HOUSEHOLD,
	WEIGHT_TWIN,
	WEIGHT_COLUMNS = WEIGHT_TWIN
};

static CpWeights weights;
static bool weights_loaded = false;
static Oid	weight_relid = InvalidOid;

static void
relation_changed(Datum arg, Oid relid)
{
	if (relid == InvalidOid || relid == weight_relid)
		weights_loaded = false;
}

/* Nothing is set. */
static void
reset_weights(void)
{
	double	   *all = (double *) &weights;

	for (int i = 0; i < sizeof(weights) / sizeof(double); i++)
		all[i] = get_float8_nan();
	for (int i = 0; i < CP_NFIELDS; i++)
		for (int j = 0; j < CP_NCLASSES; j++)
			weights.bits[i][0][j] = 0;
}

static int32
last_version(Relation rel, Snapshot snapshot)
{
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, snapshot, 0, NULL);
	int32		version = 0;
	HeapTuple	tuple;
	bool		isnull;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		version = Max(version, DatumGetInt32(heap_getattr(tuple, WEIGHT_VERSION, RelationGetDescr(rel), &isnull)));
	systable_endscan(scan);
	return version;
}

static void
load_weights(void)
{
	static bool callback_registered = false;
	Relation	rel;
	SysScanDesc scan;
	HeapTuple	tuple;
	Snapshot	snapshot;
	const char *missing;
	int32		version;

	if (!callback_registered)
	{
		CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
		callback_registered = true;
	}
	snapshot = cp_latest_snapshot();
	rel = table_open(cp_relation_oid("weight"), AccessShareLock);
	weight_relid = RelationGetRelid(rel);
	version = last_version(rel, snapshot);
	scan = systable_beginscan(rel, InvalidOid, false, snapshot, 0, NULL);
	reset_weights();
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Datum		values[WEIGHT_COLUMNS];
		bool		nulls[WEIGHT_COLUMNS];
		double	   *place;
		int			nvalues;

		heap_deform_tuple(tuple, RelationGetDescr(rel), values, nulls);
		if (DatumGetInt32(values[WEIGHT_VERSION - 1]) != version)
			continue;
		place = cp_weight_place(&weights, TextDatumGetCString(values[WEIGHT_FIELD - 1]),
								TextDatumGetCString(values[WEIGHT_LEVEL - 1]), &nvalues);
		for (int i = 0; place != NULL && i < nvalues; i++)
			place[i] = DatumGetFloat8(values[WEIGHT_MATCH - 1 + i]);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	UnregisterSnapshot(snapshot);
	missing = cp_weight_missing(&weights);
	if (missing != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("version %d of the weights lacks that for %s", version, missing),
				 errhint("Reload the table contactpoint.weight from the extension script.")));
	weights_loaded = true;
}

/* The weights in force. */
const CpWeights *
cp_weights(void)
{
	if (!weights_loaded)
		load_weights();
	return &weights;
}
