/*-------------------------------------------------------------------------
 *
 * key_version.c
 *	  Under which versions of their keys records can be found.
 *
 *	  Keys of different versions share their indexes: a version stirs every
 *	  key (keys.c), so they do not meet.  While the registry is re-keyed there
 *	  are two versions: what is stored goes under the higher one, and a search
 *	  probes both.  Each record has all its keys under the version that stands
 *	  in its row of match_person, so none is missed.
 *
 *	  Versions are changed under the matching lock and told to every session by
 *	  an invalidation.  Whoever holds the lock has heard of it.  Who searches
 *	  without must take a snapshot first, and then ask here: entries that are
 *	  taken away later stay in the index as long as that snapshot does.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "utils/inval.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "match.h"

static Oid	relid = InvalidOid;
static bool known = false;
static int	versions[CP_KEY_VERSIONS];
static int	nversions = 0;
static uint64 changes = 0;		/* counts what came in */

static void
relation_changed(Datum arg, Oid changed)
{
	if (OidIsValid(changed) && changed != relid)
		return;
	known = false;
	changes++;
}

static void
read_versions(void)
{
	Snapshot	snapshot = cp_latest_snapshot();
	Relation	rel = table_open(relid, AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, snapshot, 0, NULL);
	uint64		before = changes;
	HeapTuple	tuple;

	nversions = 0;
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull;

		if (nversions >= CP_KEY_VERSIONS)
			elog(ERROR, "there are too many versions of keys");
		versions[nversions++] = DatumGetInt32(heap_getattr(tuple, 1, RelationGetDescr(rel), &isnull));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	UnregisterSnapshot(snapshot);
	if (nversions == 0)
		elog(ERROR, "there is no version of keys");
	if (nversions == 2 && versions[0] < versions[1])
	{
		int			higher = versions[1];

		versions[1] = versions[0];
		versions[0] = higher;
	}
	known = before == changes;
}

/*
 * The versions in use, the one that is written first.  Returns how many.
 */
int
cp_key_versions(int *result)
{
	static bool registered = false;

	if (!registered)
	{
		CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
		registered = true;
	}
	AcceptInvalidationMessages();
	if (!known)
	{
		relid = cp_relation_oid("key_version");
		read_versions();
	}
	memcpy(result, versions, nversions * sizeof(int));
	return nversions;
}

/* Under the matching lock: the versions have changed. */
void
cp_key_versions_changed(void)
{
	CacheInvalidateRelcacheByRelid(cp_relation_oid("key_version"));
}
