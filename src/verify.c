/*-------------------------------------------------------------------------
 *
 * verify.c
 *	  Is the ledger what it was when a head was exported?
 *
 *	  audit_verify() builds the tree anew from the entries themselves, compares
 *	  each tile with the stored one as it fills, and in the end the root with
 *	  the one expected.  A wrong tile of level 0 names an entry, one of a
 *	  higher level the first of those below it.  Entries before the first one
 *	  asked for, and those that retention took out, are represented by tiles;
 *	  the root vouches for these.
 *
 *	  Memory: one tree and one batch of entries.  Locks: AccessShareLock.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "ledger.h"

#define FETCH_ROWS 2000			/* entries read at once */

/* columns of the query below, from 1 */
enum
{
	READ_ENTRY = 1,
	READ_AT,
	READ_PID,
	READ_SEQ,
	READ_BODY
};

/* columns of the result */
enum
{
	RESULT_INTACT,
	RESULT_FIRST_BAD,
	RESULT_FAULT,
	RESULT_CHECKED,
	RESULT_RETIRED,
	RESULT_COLUMNS
};

typedef struct Verification
{
	Relation	tiles;
	Snapshot	snapshot;
	CpTree		tree;
	int64		from;
	int64		to;
	int64		checked;
	int64		retired;
	int64		first_bad;		/* 0: none so far */
	const char *fault;
} Verification;

static void
found_fault(Verification *verification, int64 entry, const char *fault)
{
	if (verification->first_bad != 0)
		return;
	verification->first_bad = entry;
	verification->fault = fault;
}

/*
 * Compares a tile built from entries with the stored one, which may have more.
 */
static void
compare_tile(CpTree *tree, int level, int64 number, const CpTile *tile)
{
	Verification *verification = tree->argument;
	CpTile		stored;
	int64		first = number * CP_TILE_WIDTH;
	int			i = 0;

	if (cp_tile_fetch(verification->tiles, verification->snapshot, level, number, &stored))
		while (i < tile->width && i < stored.width &&
			   memcmp(&tile->hashes[i], &stored.hashes[i], sizeof(CpHash)) == 0)
			i++;
	if (i < tile->width)
		found_fault(verification, ((first + i) << (CP_TILE_BITS * level)) + 1,
					level == 0 ? "the entry was changed, or its hash was" :
					"hashes above this entry were changed");
}

static void
compare_open_tiles(Verification *verification)
{
	for (int level = 0; level < CP_TILE_LEVELS; level++)
		if (verification->tree.open[level].width > 0)
			compare_tile(&verification->tree, level,
						 cp_tree_open_number(&verification->tree, level),
						 &verification->tree.open[level]);
}

static Datum
column(HeapTuple tuple, TupleDesc desc, int number)
{
	bool		isnull;

	return SPI_getbinval(tuple, desc, number, &isnull);
}

static void
check_entry(Verification *verification, HeapTuple tuple, TupleDesc desc)
{
	int64		entry = DatumGetInt64(column(tuple, desc, READ_ENTRY));
	int64		expected = verification->tree.size + 1;
	struct varlena *body;
	CpHash		hash;

	if (entry != expected)
	{
		found_fault(verification, Min(entry, expected),
					entry > expected ? "the entry is missing" : "the entry stands twice");
		return;
	}
	body = PG_DETOAST_DATUM_PACKED(column(tuple, desc, READ_BODY));
	cp_tree_leaf_hash(verification->tree.hasher,
					  DatumGetTimestampTz(column(tuple, desc, READ_AT)),
					  DatumGetInt32(column(tuple, desc, READ_PID)),
					  DatumGetInt64(column(tuple, desc, READ_SEQ)),
					  VARDATA_ANY(body), VARSIZE_ANY_EXHDR(body), &hash);
	cp_tree_push(&verification->tree, &hash);
	verification->checked++;
}

/*
 * Entries come in their order from the index; without statistics the planner
 * would sort them all first.
 */
static void
plan_by_index(void)
{
	static const char *const others[] = {"enable_seqscan", "enable_bitmapscan", "enable_sort"};

	for (int i = 0; i < lengthof(others); i++)
		(void) set_config_option(others[i], "off", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
}

/*
 * Reads the entries from where the tree stands to the last one, until there is
 * a fault.  Within own work, whose end takes the settings back.
 */
static void
check_entries(Verification *verification)
{
	Oid			types[2] = {INT8OID, INT8OID};
	Datum		values[2] = {Int64GetDatum(verification->tree.size + 1), Int64GetDatum(verification->to)};
	Portal		portal;

	plan_by_index();
	portal = SPI_cursor_open_with_args(NULL,
									   "SELECT l.entry, l.at, l.pid, l.seq, l.body FROM contactpoint.ledger l"
									   " WHERE l.entry BETWEEN $1 AND $2 ORDER BY l.entry",
									   2, types, values, NULL, true, 0);
	do
	{
		SPI_cursor_fetch(portal, true, FETCH_ROWS);
		for (uint64 i = 0; i < SPI_processed && verification->first_bad == 0; i++)
			check_entry(verification, SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
		SPI_freetuptable(SPI_tuptable);
		CHECK_FOR_INTERRUPTS();
	} while (SPI_processed > 0 && verification->first_bad == 0);
	SPI_cursor_close(portal);
	if (verification->tree.size < verification->to)
		found_fault(verification, verification->tree.size + 1, "the entry is missing");
}

/*
 * The tree before the first entry to be read, from tiles.
 */
static bool
load_tree(Verification *verification, pg_cryptohash_ctx *hasher)
{
	int64		retired = Min(cp_head_retired(), verification->to);
	int64		before = Max(verification->from - 1, retired);

	verification->retired = Max(0, retired - verification->from + 1);
	for (int level = 0; level < CP_TILE_LEVELS; level++)
	{
		int			bits = CP_TILE_BITS * level;
		int64		count = bits < 63 ? before >> bits : 0;
		CpTile		tile;

		if (count % CP_TILE_WIDTH > 0 &&
			(!cp_tile_fetch(verification->tiles, verification->snapshot, level,
							count / CP_TILE_WIDTH, &tile) ||
			 tile.width < count % CP_TILE_WIDTH))
		{
			found_fault(verification, ((count / CP_TILE_WIDTH * CP_TILE_WIDTH) << bits) + 1,
						"hashes above this entry are missing");
			return false;
		}
	}
	cp_tree_load(&verification->tree, before, hasher, verification->tiles, verification->snapshot);
	verification->tree.done = compare_tile;
	verification->tree.argument = verification;
	return true;
}

static void
verify(Verification *verification, const CpHash *expected)
{
	pg_cryptohash_ctx *hasher = cp_hasher_begin();
	CpHash		root;

	if (load_tree(verification, hasher))
	{
		check_entries(verification);
		if (verification->first_bad == 0)
			compare_open_tiles(verification);
		if (verification->first_bad == 0 && expected != NULL)
		{
			cp_tree_root(&verification->tree, &root);
			if (memcmp(&root, expected, sizeof(root)) != 0)
				found_fault(verification, verification->from,
							"from here on nothing is vouched for: entries and hashes agree with each other, but not with the expected root");
		}
	}
	cp_hasher_end(hasher);
}

/*
 * As own work: what is read is compared, not told.
 */
static void
verify_as_owner(Verification *verification, const CpHash *expected)
{
	CpOwnWork	work;

	cp_own_work_begin(&work);
	PG_TRY();
	{
		SPI_connect();
		verification->snapshot = RegisterSnapshot(GetTransactionSnapshot());
		PushActiveSnapshot(verification->snapshot);
		verification->tiles = table_open(cp_relation_oid("ledger_tile"), AccessShareLock);
		verify(verification, expected);
		table_close(verification->tiles, AccessShareLock);
		PopActiveSnapshot();
		UnregisterSnapshot(verification->snapshot);
		SPI_finish();
	}
	PG_FINALLY();
	{
		cp_own_work_end(&work);
	}
	PG_END_TRY();
}

static void
check_arguments(int64 from, int64 to, bytea *root)
{
	if (from < 1 || to < from - 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there are no entries in this range"),
				 errhint("Entries are numbered from 1; contactpoint.audit_head() tells the last one.")));
	if (root != NULL && VARSIZE_ANY_EXHDR(root) != sizeof(CpHash))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a root is %d bytes long", (int) sizeof(CpHash)),
				 errhint("Give the root that contactpoint.audit_head() told, for the size that is to_entry.")));
}

/*
 * audit_verify(from_entry, to_entry, expected_root): see the file header.
 */
PG_FUNCTION_INFO_V1(contactpoint_audit_verify);
Datum
contactpoint_audit_verify(PG_FUNCTION_ARGS)
{
	Verification verification = {0};
	bytea	   *root = PG_ARGISNULL(2) ? NULL : PG_GETARG_BYTEA_PP(2);
	CpHead		head;
	TupleDesc	desc;
	Datum		values[RESULT_COLUMNS];
	bool		nulls[RESULT_COLUMNS] = {false};

	cp_require_preloaded();
	cp_require_account();
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");

	cp_head_read(&head, GetActiveSnapshot());
	verification.from = PG_ARGISNULL(0) ? 1 : PG_GETARG_INT64(0);
	verification.to = PG_ARGISNULL(1) ? head.size : PG_GETARG_INT64(1);
	check_arguments(verification.from, verification.to, root);
	verify_as_owner(&verification, root == NULL ? NULL : (CpHash *) VARDATA_ANY(root));

	values[RESULT_INTACT] = BoolGetDatum(verification.first_bad == 0);
	values[RESULT_FIRST_BAD] = Int64GetDatum(verification.first_bad);
	nulls[RESULT_FIRST_BAD] = verification.first_bad == 0;
	nulls[RESULT_FAULT] = verification.fault == NULL;
	values[RESULT_FAULT] = nulls[RESULT_FAULT] ? (Datum) 0 : CStringGetTextDatum(verification.fault);
	values[RESULT_CHECKED] = Int64GetDatum(verification.checked);
	values[RESULT_RETIRED] = Int64GetDatum(verification.retired);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
