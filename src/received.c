/*-------------------------------------------------------------------------
 *
 * received.c
 *	  What a statement has put into the inbox is received: its sources and
 *	  authorities are held, a receipt is written for every row.
 *
 *	  Done once, at the end of the statement, for all rows that it has put
 *	  there: an INSERT or COPY that fails in its midst, or is undone by a
 *	  savepoint, leaves neither row nor receipt.
 *
 *	  The foreign keys of upload stand in the catalogue, and whoever deletes a
 *	  source or an organisation is checked by them.  Their other half, the
 *	  check of each row that comes, would take a third of the time of a COPY
 *	  for a handful of sources and authorities: this file does that once for
 *	  each of them.  It locks the row that is referred to as a foreign key
 *	  does, and leaves out what a foreign key leaves out, that is, under
 *	  session_replication_role = replica.
 *
 *	  Locks: the rows of source and organisation, FOR KEY SHARE, in the order
 *	  of their keys; then RowExclusiveLock on receipt.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "inbox.h"
#include "lookup.h"
#include "settle.h"

/* The distinct references of the rows of one statement. */
typedef struct Referred
{
	List	   *sources;		/* char * */
	HTAB	   *authorities;	/* int64 */
} Referred;

/* ---------- what the rows refer to ---------- */

static void
refer(Referred *referred, TupleTableSlot *slot)
{
	Datum		source = cp_slot_value(slot, UPLOAD_SOURCE);
	ListCell   *cell;

	foreach(cell, referred->sources)
	{
		if (cp_is_text(source, lfirst(cell)))
			break;
	}
	if (cell == NULL)
		referred->sources = lappend(referred->sources, TextDatumGetCString(source));
	if (!cp_slot_is_null(slot, UPLOAD_AUTHORITY))
	{
		int64		authority = cp_slot_number(slot, UPLOAD_AUTHORITY);

		(void) hash_search(referred->authorities, &authority, HASH_ENTER, NULL);
	}
}

/* Locks the rows with these keys; are they all there? */
static bool
hold_keys(SPIPlanPtr *plan, const char *text, Oid array_type, Datum keys, long n)
{
	if (*plan == NULL)
	{
		*plan = SPI_prepare(text, 1, &array_type);
		if (*plan == NULL || SPI_keepplan(*plan) != 0)
			elog(ERROR, "could not prepare the holding of what uploads refer to");
	}
	if (SPI_execute_plan(*plan, &keys, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not hold what uploads refer to");
	return SPI_processed == (uint64) n;
}

static bool
hold_sources(const Referred *referred)
{
	static SPIPlanPtr plan = NULL;
	int			n = 0;
	Datum	   *keys = palloc(sizeof(Datum) * list_length(referred->sources));
	ListCell   *cell;

	foreach(cell, referred->sources)
		keys[n++] = CStringGetTextDatum(lfirst(cell));
	return hold_keys(&plan, "SELECT FROM contactpoint.source s WHERE s.source = ANY ($1) ORDER BY s.source FOR KEY SHARE",
					 TEXTARRAYOID,
					 PointerGetDatum(construct_array(keys, n, TEXTOID, -1, false, TYPALIGN_INT)), n);
}

static bool
hold_authorities(const Referred *referred)
{
	static SPIPlanPtr plan = NULL;
	long		size = hash_get_num_entries(referred->authorities);
	Datum	   *keys = palloc(sizeof(Datum) * (size + 1));
	HASH_SEQ_STATUS status;
	int64	   *authority;
	int			n = 0;

	if (size == 0)
		return true;
	hash_seq_init(&status, referred->authorities);
	while ((authority = hash_seq_search(&status)) != NULL)
		keys[n++] = Int64GetDatum(*authority);
	return hold_keys(&plan, "SELECT FROM contactpoint.organisation o WHERE o.organisation_id = ANY ($1)"
					 " ORDER BY o.organisation_id FOR KEY SHARE",
					 INT8ARRAYOID,
					 PointerGetDatum(construct_array(keys, n, INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
													 TYPALIGN_DOUBLE)), n);
}

/* As the foreign keys of upload would. */
static void
hold_referred(const Referred *referred)
{
	CpOwnWork	work;
	volatile bool sources = false;
	volatile bool authorities = false;

	cp_own_work_begin(&work);
	PG_TRY();
	{
		SPI_connect();
		sources = hold_sources(referred);
		authorities = hold_authorities(referred);
		SPI_finish();
	}
	PG_FINALLY();
	{
		cp_own_work_end(&work);
	}
	PG_END_TRY();
	if (!sources)
		cp_row_refuse("upload", "source", "names no source",
					  "Use a source of contactpoint.source; an admin adds new ones.");
	if (!authorities)
		cp_row_refuse("upload", "authority", "names no organisation",
					  "Send an organisation_id of contactpoint.organisation, or NULL.");
}

/* ---------- receipts ---------- */

static void
add_receipt(CpBulk *receipts, TupleTableSlot *slot)
{
	Datum		values[RECEIPT_COLUMNS] = {0};
	bool		nulls[RECEIPT_COLUMNS] = {false};

	values[RECEIPT_ID - 1] = cp_slot_value(slot, UPLOAD_ID);
	values[RECEIPT_SOURCE - 1] = cp_slot_value(slot, UPLOAD_SOURCE);
	values[RECEIPT_SOURCE_REF - 1] = cp_slot_value(slot, UPLOAD_SOURCE_REF);
	values[RECEIPT_BATCH - 1] = cp_slot_value(slot, UPLOAD_BATCH);
	nulls[RECEIPT_BATCH - 1] = cp_slot_is_null(slot, UPLOAD_BATCH);
	values[RECEIPT_RECEIVED_AT - 1] = cp_slot_value(slot, UPLOAD_RECEIVED_AT);
	nulls[RECEIPT_SETTLED_AT - 1] = true;
	values[RECEIPT_WAITS - 1] = BoolGetDatum(false);
	cp_bulk_add(receipts, values, nulls);
}

/*
 * Reads all rows of the statement, which another trigger may have read before;
 * receipts is NULL where they have theirs.
 */
static void
receive_rows(TriggerData *trigger, CpBulk *receipts, Referred *referred)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(trigger->tg_relation),
													&TTSOpsMinimalTuple);

	tuplestore_select_read_pointer(trigger->tg_newtable, 0);
	tuplestore_rescan(trigger->tg_newtable);
	while (tuplestore_gettupleslot(trigger->tg_newtable, true, false, slot))
	{
		slot_getsomeattrs(slot, UPLOAD_RECEIVED_AT);
		refer(referred, slot);
		if (receipts != NULL)
			add_receipt(receipts, slot);
	}
	ExecDropSingleTupleTableSlot(slot);
}

static void
require_trigger(FunctionCallInfo fcinfo)
{
	TriggerData *trigger = cp_require_trigger(fcinfo);

	if (!TRIGGER_FIRED_AFTER(trigger->tg_event) || !TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event) ||
		trigger->tg_newtable == NULL ||
		RelationGetRelid(trigger->tg_relation) != cp_relation_oid("upload"))
		ereport(ERROR,
				(errcode(ERRCODE_CP_PROTECTED),
				 errmsg("this function serves the trigger of the inbox only"),
				 errhint("INSERT INTO or COPY contactpoint.upload.")));
}

/*
 * AFTER INSERT on upload, for each statement, ENABLE ALWAYS.  Rows of a restore
 * and those that own work puts back have their receipts.
 */
PG_FUNCTION_INFO_V1(contactpoint_upload_received);
Datum
contactpoint_upload_received(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	bool		sent;
	Referred	referred = {NIL, NULL};
	CpBulk	   *receipts = NULL;
	HASHCTL		ctl = {0};

	require_trigger(fcinfo);
	cp_require_preloaded();
	if (tuplestore_tuple_count(trigger->tg_newtable) == 0)
		return PointerGetDatum(NULL);
	sent = !cp_is_restoring() && !cp_in_own_work();
	ctl.keysize = sizeof(int64);
	ctl.entrysize = sizeof(int64);
	ctl.hcxt = CurrentMemoryContext;
	referred.authorities = hash_create("contactpoint authorities of an upload", 16, &ctl,
									   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	if (sent)
		receipts = cp_bulk_begin("receipt");
	receive_rows(trigger, receipts, &referred);
	if (sent)
		cp_bulk_write(receipts);
	if (SessionReplicationRole != SESSION_REPLICATION_ROLE_REPLICA)
		hold_referred(&referred);
	if (sent)
	{
		ListCell   *cell;

		/* they may have been paused since their first rows */
		if (tuplestore_tuple_count(trigger->tg_newtable) > 1)
			foreach(cell, referred.sources)
				cp_upload_require_source(lfirst(cell));
		cp_matcher_wake_at_commit();
	}
	return PointerGetDatum(NULL);
}
