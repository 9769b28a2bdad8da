/*-------------------------------------------------------------------------
 *
 * sealer.c
 *	  The background worker that seals the journal, one in a database.
 *
 *	  So far it says that it is there.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "storage/ipc.h"
#include "utils/timestamp.h"

#include "contactpoint.h"

PGDLLEXPORT void cp_sealer_main(Datum arg);

/*
 * Main loop.  arg: see cp_worker_begin.
 */
void
cp_sealer_main(Datum arg)
{
	cp_worker_begin(CP_WORKER_SEALER, arg);
	while (!cp_worker_told_to_stop())
	{
		pg_atomic_write_u64(&cp_shared_database()->sealer_seen,
							(uint64) GetCurrentTimestamp());
		cp_worker_sleep(cp_seal_interval);
	}
	proc_exit(0);
}
