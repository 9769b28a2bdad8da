/*-------------------------------------------------------------------------
 *
 * publication.c
 *	  Which publications take in the registry: by name, by schema or with
 *	  everything else.
 *
 *	  Core tells object_access_hook of a publication's tables one by one only
 *	  when they are added later, so the publication is asked as a whole when
 *	  it is made or altered, by its rows as the running command has left them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_publication.h"
#include "catalog/pg_publication_namespace.h"
#include "catalog/pg_publication_rel.h"
#include "utils/fmgroids.h"
#include "utils/snapmgr.h"

#include "contactpoint.h"

static bool
publishes_table(Oid publication)
{
	Relation	rel = table_open(PublicationRelRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found = false;

	ScanKeyInit(&key, Anum_pg_publication_rel_prpubid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(publication));
	scan = systable_beginscan(rel, PublicationRelPrpubidIndexId, true, SnapshotSelf, 1, &key);
	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
		found = cp_standing(RelationRelationId, ((Form_pg_publication_rel) GETSTRUCT(tuple))->prrelid) >= CP_ADDED;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

static bool
publishes_schema(Oid publication)
{
	Relation	rel = table_open(PublicationNamespaceRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	bool		found;

	ScanKeyInit(&keys[0], Anum_pg_publication_namespace_pnnspid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(get_namespace_oid(CP_SCHEMA, true)));
	ScanKeyInit(&keys[1], Anum_pg_publication_namespace_pnpubid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(publication));
	scan = systable_beginscan(rel, PublicationNamespacePnnspidPnpubidIndexId, true,
							  SnapshotSelf, 2, keys);
	found = HeapTupleIsValid(systable_getnext(scan));
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

static bool
publishes_everything(Oid publication)
{
	Relation	rel = table_open(PublicationRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found;

	ScanKeyInit(&key, Anum_pg_publication_oid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(publication));
	scan = systable_beginscan(rel, PublicationObjectIndexId, true, SnapshotSelf, 1, &key);
	tuple = systable_getnext(scan);
	found = HeapTupleIsValid(tuple) && ((Form_pg_publication) GETSTRUCT(tuple))->puballtables;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

/*
 * Does a publication that was just made or altered take in the registry?
 */
bool
cp_publishes_registry(Oid publication)
{
	return publishes_everything(publication) || publishes_schema(publication) ||
		publishes_table(publication);
}
