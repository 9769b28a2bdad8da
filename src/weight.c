/*-------------------------------------------------------------------------
 *
 * weight.c
 *	  Loads contactpoint.weight.
 *
 *	  The highest version of each field and level counts.  Loaded once and
 *	  again after the table is announced as changed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "utils/builtins.h"
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
	WEIGHT_BITS,
	WEIGHT_COLUMNS = WEIGHT_BITS
};

static double weights[CP_NWEIGHTS];
static bool weights_loaded = false;
static Oid	weight_relid = InvalidOid;

static void
relation_changed(Datum arg, Oid relid)
{
	if (relid == InvalidOid || relid == weight_relid)
		weights_loaded = false;
}

static void
load_weights(void)
{
	static bool callback_registered = false;
	Relation	rel;
	SysScanDesc scan;
	HeapTuple	tuple;
	Snapshot	snapshot;
	int32		versions[CP_NWEIGHTS] = {0};

	if (!callback_registered)
	{
		CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
		callback_registered = true;
	}
	snapshot = cp_latest_snapshot();
	rel = table_open(cp_relation_oid("weight"), AccessShareLock);
	weight_relid = RelationGetRelid(rel);
	scan = systable_beginscan(rel, InvalidOid, false, snapshot, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Datum		values[WEIGHT_COLUMNS];
		bool		nulls[WEIGHT_COLUMNS];
		char	   *field;
		char	   *level;

		heap_deform_tuple(tuple, RelationGetDescr(rel), values, nulls);
		field = TextDatumGetCString(values[WEIGHT_FIELD - 1]);
		level = TextDatumGetCString(values[WEIGHT_LEVEL - 1]);
		for (int i = 0; i < CP_NWEIGHTS; i++)
		{
			int32		version = DatumGetInt32(values[WEIGHT_VERSION - 1]);

			if (version > versions[i] && strcmp(field, cp_weight_names[i][0]) == 0 &&
				strcmp(level, cp_weight_names[i][1]) == 0)
			{
				versions[i] = version;
				weights[i] = DatumGetFloat8(values[WEIGHT_BITS - 1]);
			}
		}
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	UnregisterSnapshot(snapshot);
	for (int i = 0; i < CP_NWEIGHTS; i++)
		if (versions[i] == 0)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("the weight for %s, %s is missing", cp_weight_names[i][0], cp_weight_names[i][1]),
					 errhint("Reload the table contactpoint.weight from the extension script.")));
	weights_loaded = true;
}

/* The weights in force, CP_NWEIGHTS of them, in bits. */
const double *
cp_weights(void)
{
	if (!weights_loaded)
		load_weights();
	return weights;
}
