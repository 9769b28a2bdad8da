/*-------------------------------------------------------------------------
 *
 * proof.c
 *	  What an outsider needs to check the ledger without the database: its
 *	  head, and the proofs of RFC 9162.
 *
 *	  A head tells nothing about anybody.  An inclusion proof hands out the
 *	  entry itself, so it is a look at the audit and recorded as one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "ledger.h"

static bytea *
hash_to_bytea(const CpHash *hash)
{
	bytea	   *result = palloc(VARHDRSZ + sizeof(CpHash));

	SET_VARSIZE(result, VARHDRSZ + sizeof(CpHash));
	memcpy(VARDATA(result), hash, sizeof(CpHash));
	return result;
}

static Datum
path_to_array(List *path)
{
	Datum	   *elements = palloc((list_length(path) + 1) * sizeof(Datum));
	int			n = 0;
	ListCell   *lc;

	foreach(lc, path)
		elements[n++] = PointerGetDatum(hash_to_bytea(lfirst(lc)));
	return PointerGetDatum(construct_array(elements, n, BYTEAOID, -1, false, TYPALIGN_INT));
}

static void
begin_stored_tree(CpStoredTree *stored)
{
	stored->hasher = cp_hasher_begin();
	stored->tiles = table_open(cp_relation_oid("ledger_tile"), AccessShareLock);
	stored->snapshot = GetActiveSnapshot();
}

static void
end_stored_tree(CpStoredTree *stored)
{
	table_close(stored->tiles, AccessShareLock);
	cp_hasher_end(stored->hasher);
}

static void
require_size(int64 size, int64 sealed)
{
	if (size < 1 || size > sealed)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the ledger holds no such entry"),
				 errhint("Entries under seal are numbered from 1 to the size that contactpoint.audit_head() tells.")));
}

/*
 * audit_head(): size, root and time of the ledger.
 */
PG_FUNCTION_INFO_V1(contactpoint_audit_head);
Datum
contactpoint_audit_head(PG_FUNCTION_ARGS)
{
	CpHead		head;
	TupleDesc	desc;
	Datum		values[3];
	bool		nulls[3] = {false};

	cp_require_preloaded();
	cp_require_account();
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	cp_head_read(&head, GetActiveSnapshot());

	/* what can be seen is on disk here; synchronous standbys may lack it */
	if (!RecoveryInProgress())
	{
		cp_gate_install();
		cp_gate_require(GetFlushRecPtr(NULL));
	}
	if (head.size == 0)
	{
		CpTree		empty = {.hasher = cp_hasher_begin()};

		cp_tree_root(&empty, &head.root);
		cp_hasher_end(empty.hasher);
		nulls[2] = true;
	}
	values[0] = Int64GetDatum(head.size);
	values[1] = PointerGetDatum(hash_to_bytea(&head.root));
	values[2] = TimestampTzGetDatum(head.sealed_at);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/*
 * The bytes of an entry's leaf, in the caller's memory context, or NULL where
 * retention has taken the entry out.
 */
static bytea *
fetch_leaf(int64 entry)
{
	MemoryContext context = CurrentMemoryContext;
	Oid			types[1] = {INT8OID};
	Datum		values[1] = {Int64GetDatum(entry)};
	bytea	   *leaf = NULL;
	CpOwnWork	work;

	cp_own_work_begin(&work);
	PG_TRY();
	{
		SPI_connect();
		if (SPI_execute_with_args("SELECT l.at, l.pid, l.seq, l.body FROM contactpoint.ledger l WHERE l.entry = $1",
								  1, types, values, NULL, true, 1) != SPI_OK_SELECT)
			elog(ERROR, "could not look an entry up");
		if (SPI_processed > 0)
		{
			HeapTuple	tuple = SPI_tuptable->vals[0];
			TupleDesc	desc = SPI_tuptable->tupdesc;
			MemoryContext spi_context = MemoryContextSwitchTo(context);
			struct varlena *body;
			bool		isnull;

			body = PG_DETOAST_DATUM_PACKED(SPI_getbinval(tuple, desc, 4, &isnull));
			leaf = cp_tree_leaf(DatumGetTimestampTz(SPI_getbinval(tuple, desc, 1, &isnull)),
								DatumGetInt32(SPI_getbinval(tuple, desc, 2, &isnull)),
								DatumGetInt64(SPI_getbinval(tuple, desc, 3, &isnull)),
								VARDATA_ANY(body), VARSIZE_ANY_EXHDR(body));
			MemoryContextSwitchTo(spi_context);
		}
		SPI_finish();
	}
	PG_FINALLY();
	{
		cp_own_work_end(&work);
	}
	PG_END_TRY();
	return leaf;
}

/*
 * audit_inclusion_proof(entry, size): the leaf, and its path to the root of the
 * tree of that size.
 */
PG_FUNCTION_INFO_V1(contactpoint_audit_inclusion_proof);
Datum
contactpoint_audit_inclusion_proof(PG_FUNCTION_ARGS)
{
	int64		entry = PG_GETARG_INT64(0);
	CpStoredTree stored;
	CpHead		head;
	TupleDesc	desc;
	Datum		values[4];
	bool		nulls[4] = {false};
	int64		size;
	bytea	   *leaf;

	cp_require_preloaded();
	cp_require_reader();
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	cp_head_read(&head, GetActiveSnapshot());
	size = PG_ARGISNULL(1) ? head.size : PG_GETARG_INT64(1);
	require_size(size, head.size);
	require_size(entry, size);

	begin_stored_tree(&stored);
	values[3] = path_to_array(cp_tree_inclusion_path(&stored, entry - 1, size));
	end_stored_tree(&stored);
	leaf = fetch_leaf(entry);
	cp_audit_command("audit_inclusion_proof", NULL, 0, CP_VERDICT_DONE);

	values[0] = Int64GetDatum(entry);
	values[1] = Int64GetDatum(size);
	values[2] = PointerGetDatum(leaf);
	nulls[2] = leaf == NULL;
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/*
 * audit_consistency_proof(old_size, new_size): that the ledger of the new size
 * begins with that of the old one.
 */
PG_FUNCTION_INFO_V1(contactpoint_audit_consistency_proof);
Datum
contactpoint_audit_consistency_proof(PG_FUNCTION_ARGS)
{
	int64		old_size = PG_GETARG_INT64(0);
	int64		new_size = PG_GETARG_INT64(1);
	CpStoredTree stored;
	CpHead		head;
	Datum		result;

	cp_require_preloaded();
	cp_require_account();
	cp_head_read(&head, GetActiveSnapshot());
	require_size(new_size, head.size);
	require_size(old_size, new_size);
	begin_stored_tree(&stored);
	result = path_to_array(cp_tree_consistency_path(&stored, old_size, new_size));
	end_stored_tree(&stored);
	return result;
}
