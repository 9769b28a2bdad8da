/*-------------------------------------------------------------------------
 *
 * rekeying.c
 *	  All private keys anew, while the registry is in use.
 *
 *	  Batches of records, in the order of their numbers, under the matching
 *	  lock; rekey.c says what is made of each.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"

#include "match.h"

void
cp_rekeying_begin(void)
{
}

/*
 * See contactpoint.h.
 */
int
cp_rekeying_batch(int64 *reached, int limit)
{
	Oid			types[2] = {INT8OID, INT8OID};
	Datum		values[2] = {Int64GetDatum(*reached), Int64GetDatum(limit)};
	int64	   *children;
	int			n;

	cp_lock_matching();
	if (SPI_execute_with_args("SELECT c.child_id FROM contactpoint.child c WHERE c.child_id > $1"
							  " ORDER BY c.child_id LIMIT $2",
							  2, types, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the registry");
	n = (int) SPI_processed;
	if (n == 0)
		return 0;
	children = palloc(n * sizeof(int64));
	for (int i = 0; i < n; i++)
	{
		bool		isnull;

		children[i] = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc,
												  1, &isnull));
	}
	*reached = children[n - 1];
	cp_rekey_batch(children, n);
	return n;
}

void
cp_rekeying_end(void)
{
}
