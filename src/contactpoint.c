/*-------------------------------------------------------------------------
 *
 * contactpoint.c
 *	  Loading the library, and refusing to work where it was not preloaded.
 *
 *	  Everything the registry promises rests on hooks, so the library is of
 *	  use only in shared_preload_libraries.  Loaded later it installs nothing
 *	  and every entry point that could open a registry raises KC008: the
 *	  table access method first of all, so that no table of the registry can
 *	  be opened, by whomever.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "replication/slot.h"
#include "utils/snapmgr.h"

#include "audit.h"

CP_MODULE_MAGIC;

static bool preloaded = false;	/* in every process of a server that has the
								 * library preloaded */

PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	if (!process_shared_preload_libraries_in_progress)
		return;
	preloaded = true;

	cp_settings_init();
	cp_log_init();
	cp_own_work_init();
	cp_refuse_init();
	cp_utility_init();
	cp_shared_init();
	cp_limit_init();
	cp_recent_init();
	cp_worker_init();
	cp_capture_init();
}

/*
 * Raises KC008 with a hint unless the library is preloaded.
 */
void
cp_require_preloaded(void)
{
	if (!preloaded)
		ereport(ERROR,
				(errcode(ERRCODE_CP_NOT_PRELOADED),
				 errmsg("contactpoint is not preloaded, so the registry stays closed"),
				 errhint("Add contactpoint to shared_preload_libraries and restart the server.")));
}

/*
 * Logical decoding opens every table that a transaction has changed and hands
 * its rows to an output plugin: nobody is asked, nothing recorded.  pgoutput
 * keeps to publications, which may not take in the registry; other plugins
 * keep to nothing.
 */
static void
refuse_decoding(void)
{
	if (HistoricSnapshotActive() && MyReplicationSlot != NULL &&
		strcmp(NameStr(MyReplicationSlot->data.plugin), "pgoutput") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_CP_PROTECTED),
				 errmsg("changes of the registry cannot be decoded"),
				 errhint("Drop this replication slot and publish the other tables of the database by pgoutput.")));
}

/*
 * Table access method handler: PostgreSQL's own heap, KC008, or KC009.  Asked
 * whenever a session learns of a table anew.
 *
 * The routine handed out is core's own, so everything that insists on heap
 * (index builds, vacuum, logical checks) works as with any table.
 */
PG_FUNCTION_INFO_V1(contactpoint_heap_handler);
Datum
contactpoint_heap_handler(PG_FUNCTION_ARGS)
{
	cp_require_preloaded();
	refuse_decoding();
	PG_RETURN_POINTER(GetHeapamTableAmRoutine());
}
