/*
 * walk.c
 *	  A function that walks through any index of numbers, for t/087_walk.pl.
 *
 *	  This file is part of no installation.  `make control` links it with all
 *	  the files of the library.
 */
#include "postgres.h"

#include "access/genam.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "walk.h"

#define EXPECTED 4				/* ranges in advance, as candidate.c has it */

static Datum *
numbers_of(ArrayType *array, int *n)
{
	Datum	   *numbers;

	deconstruct_array(array, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &numbers, NULL, n);
	return numbers;
}

/* Sum of what the entries of a range hold, as far as it is below a limit. */
static int64
sum_of_range(CpWalk *walk, bool keys, int64 limit, int32 *seen)
{
	const CpWalkEntry *entries;
	int64		sum = 0;
	int			n;

	while ((n = cp_walk_next(walk, &entries)) > 0)
		for (int i = 0; i < n; i++)
		{
			int64		number = keys ? entries[i].data.key.child_id : entries[i].data.number;

			if (number >= limit)
				continue;
			sum += number;
			(*seen)++;
		}
	return sum;
}

/* The walk hears of a range to come. */
static void
expect(CpWalk *walk, bool keys, const Datum *key, const Datum *first, int n, int i)
{
	if (i < n)
		cp_walk_expect(walk, keys ? CpWalkPair(DatumGetInt64(key[i]), DatumGetInt64(first[i])) :
					   CpWalkNumber(DatumGetInt64(first[i])));
}

/*
 * public.walk(index regclass, keys bool, first bigint[], last bigint[], key int[], below bigint):
 * sums of ranges, which must ascend, and last how many entries they had.
 */
PG_FUNCTION_INFO_V1(contactpoint_walk);
Datum
contactpoint_walk(PG_FUNCTION_ARGS)
{
	Snapshot	snapshot = RegisterSnapshot(GetActiveSnapshot());
	Relation	index = index_open(PG_GETARG_OID(0), AccessShareLock);
	bool		keys = PG_GETARG_BOOL(1);
	CpWalk	   *walk = cp_walk_begin(index, keys ? CP_WALK_KEYS : CP_WALK_NUMBERS, snapshot);
	int			n;
	Datum	   *key = numbers_of(PG_GETARG_ARRAYTYPE_P(2), &n);
	Datum	   *first = numbers_of(PG_GETARG_ARRAYTYPE_P(3), &n);
	Datum	   *last = numbers_of(PG_GETARG_ARRAYTYPE_P(4), &n);
	Datum	   *sums = palloc((n + 1) * sizeof(Datum));
	int32		seen = 0;

	for (int i = 0; i < n; i++)
	{
		int64		from = DatumGetInt64(first[i]);
		int64		to = DatumGetInt64(last[i]);

		/* as search hears of them; some twice, and not in their order */
		expect(walk, keys, key, first, n, i + EXPECTED);
		if (i % 7 == 0)
			expect(walk, keys, key, first, n, i + 2 * EXPECTED);
		if (keys)
			cp_walk_to(walk, CpWalkPair(DatumGetInt64(key[i]), from), CpWalkPair(DatumGetInt64(key[i]), to));
		else
			cp_walk_to(walk, CpWalkNumber(from), CpWalkNumber(to));
		sums[i] = Int64GetDatum(sum_of_range(walk, keys, PG_GETARG_INT64(5), &seen));
	}
	sums[n] = Int64GetDatum(seen);
	cp_walk_end(walk);
	index_close(index, AccessShareLock);
	UnregisterSnapshot(snapshot);
	PG_RETURN_ARRAYTYPE_P(construct_array(sums, n + 1, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}
