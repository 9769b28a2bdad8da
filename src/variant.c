/*-------------------------------------------------------------------------
 *
 * variant.c
 *	  Other forms of given names, as contactpoint.name_variant has them.
 *
 *	  A row that says Katie may be about the Catherine of a record, and no
 *	  comparison of letters tells.  The table holds pairs: what is a form of
 *	  two names makes no pair of these two (Alex is Alexander or Alexandra).
 *	  What an admin says of a pair counts before what the script shipped.
 *
 *	  A word has its variants from when it is read into memory (dictionary.c),
 *	  and they say nothing about keys: after a change of the table words are
 *	  read anew, nothing is made anew.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "match.h"

/* Columns of name_variant. */
enum
{
	VARIANT_NAME = 1,
	VARIANT_VARIANT,
	VARIANT_SHIPPED,
	VARIANT_COUNTS,
	VARIANT_COLUMNS = VARIANT_COUNTS
};

/* What one row of the table says of a word and another one. */
typedef struct Saying
{
	uint64		other;			/* hash of the other word */
	bool		shipped;
	bool		counts;
} Saying;

/* By word; what an admin says first. */
static int
by_word(const void *a, const void *b)
{
	const Saying *left = a;
	const Saying *right = b;

	if (left->other != right->other)
		return left->other < right->other ? -1 : 1;
	return (int) left->shipped - (int) right->shipped;
}

/*
 * Adds what stands in one of the two columns under this word, to at most so
 * many; returns how many there are then.
 */
static int
read_side(Relation rel, const char *index, AttrNumber here, AttrNumber there,
		  Datum word, Snapshot snapshot, Saying *sayings, int n, int most)
{
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, here, BTEqualStrategyNumber, F_TEXTEQ, word);
	scan = systable_beginscan(rel, cp_relation_oid(index), true, snapshot, 1, &key);
	while (n < most && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Datum		values[VARIANT_COLUMNS];
		bool		nulls[VARIANT_COLUMNS];

		heap_deform_tuple(tuple, RelationGetDescr(rel), values, nulls);
		sayings[n].other = cp_word_hash(TextDatumGetCString(values[there - 1]));
		sayings[n].shipped = DatumGetBool(values[VARIANT_SHIPPED - 1]);
		sayings[n].counts = DatumGetBool(values[VARIANT_COUNTS - 1]);
		n++;
	}
	systable_endscan(scan);
	return n;
}

/*
 * Hashes of the variants of a word, at most CP_MAX_VARIANTS; returns how many.
 * Reads with the latest snapshot.
 */
int
cp_variants(const char *word, uint64 *variants)
{
	Saying		sayings[2 * CP_MAX_VARIANTS];
	Relation	rel = table_open(cp_relation_oid("name_variant"), AccessShareLock);
	Snapshot	snapshot = cp_latest_snapshot();
	Datum text = CStringGetTextDatum(word);
	int			said;
	int			n = 0;

	said = read_side(rel, "name_variant_pkey", VARIANT_NAME, VARIANT_VARIANT, text, snapshot,
					 sayings, 0, lengthof(sayings));
	said = read_side(rel, "name_variant_variant_idx", VARIANT_VARIANT, VARIANT_NAME, text, snapshot,
					 sayings, said, lengthof(sayings));
	UnregisterSnapshot(snapshot);
	table_close(rel, AccessShareLock);
	pfree(DatumGetPointer(text));
	qsort(sayings, said, sizeof(Saying), by_word);
	for (int i = 0; i < said && n < CP_MAX_VARIANTS; i++)
		if (sayings[i].counts && (i == 0 || sayings[i].other != sayings[i - 1].other))
			variants[n++] = sayings[i].other;
	return n;
}
