/*-------------------------------------------------------------------------
 *
 * rekeying.c
 *	  All private keys anew under a new version, while the registry is in use.
 *
 *	  begin	a second version of keys comes into use: whatever is stored from
 *			now on goes under it, whatever is looked for under both
 *			(key_version.c).
 *	  batch	records, in the order of their numbers, are read from the
 *			registry's own tables; their former keys go, new ones come, in one
 *			transaction under the matching lock.
 *	  end	what is left under the former version has no child any more and
 *			goes too; then that version is out of use.
 *
 *	  Invariant: from begin on, nothing is stored under the former version, so
 *	  records that stand there become fewer only.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"

#include "match.h"

/*
 * Numbers that a statement returns, up to limit.  $1 is a number, $2 the limit.
 */
static int
read_numbers(const char *statement, int64 argument, int limit, int64 **numbers)
{
	Oid			types[2] = {INT8OID, INT8OID};
	Datum		values[2] = {Int64GetDatum(argument), Int64GetDatum(limit)};
	int			n;

	if (SPI_execute_with_args(statement, 2, types, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the registry");
	n = (int) SPI_processed;
	*numbers = palloc(Max(n, 1) * sizeof(int64));
	for (int i = 0; i < n; i++)
	{
		bool		isnull;

		(*numbers)[i] = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc,
													1, &isnull));
	}
	SPI_freetuptable(SPI_tuptable);
	return n;
}

static void
change_versions(const char *statement, int expected)
{
	if (SPI_execute(statement, false, 0) != expected)
		elog(ERROR, "could not change the version of keys");
	cp_key_versions_changed();
	CommandCounterIncrement();
}

/*
 * See contactpoint.h.
 */
void
cp_rekeying_begin(void)
{
	int			versions[CP_KEY_VERSIONS];

	cp_lock_matching();
	if (cp_key_versions(versions) == 1)
		change_versions("INSERT INTO contactpoint.key_version"
						" SELECT max(v.version) + 1 FROM contactpoint.key_version v", SPI_OK_INSERT);
}

int
cp_rekeying_batch(int64 *reached, int limit)
{
	int64	   *children;
	int			n;

	cp_lock_matching();
	n = read_numbers("SELECT k.child_id FROM contactpoint.known_record k WHERE k.child_id > $1"
					 " ORDER BY k.child_id LIMIT $2", *reached, limit, &children);
	if (n == 0)
		return 0;
	*reached = children[n - 1];
	cp_rekey_batch(children, n);
	return n;
}

/*
 * The look at all records needs no lock, see above.
 */
void
cp_rekeying_end(void)
{
	int			versions[CP_KEY_VERSIONS];
	int64	   *children;
	int			n;

	(void) cp_key_versions(versions);
	n = read_numbers("SELECT p.child_id FROM contactpoint.match_person p WHERE p.key_version < $1 LIMIT $2",
					 versions[0], PG_INT32_MAX, &children);
	cp_lock_matching();
	if (n > 0)
		cp_rekey_batch(children, n);
	change_versions("DELETE FROM contactpoint.key_version v"
					" WHERE v.version < (SELECT max(w.version) FROM contactpoint.key_version w)", SPI_OK_DELETE);
}
