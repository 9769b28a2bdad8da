/*-------------------------------------------------------------------------
 *
 * batch.c
 *	  Rows that are settled together, and the statements that settling runs.
 *
 *	  A batch lives in a memory context of its own until cp_settle_write ends
 *	  it.  Statements are planned once a process.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "batch.h"

/*
 * The statements.
 *
 * What concerns a shielded child is for the managers of its own authority, not
 * for those of whoever sends rows that come near it.
 */
#define AUTHORITY_OF(child) \
	"CASE WHEN " child " IS NOT NULL THEN coalesce(contactpoint._authority_of(" child ")," \
	" (SELECT p.authority FROM contactpoint.shield p WHERE p.child_id = " child \
	" AND p.lifted_at IS NULL AND p.authority IS NOT NULL ORDER BY p.shield_id LIMIT 1)) END"

static const struct
{
	const char *text;
	int			nargs;
	Oid			argtypes[7];
}			statements[N_STATEMENTS] = {

	[EMBARGOED] = {
		"SELECT s.source FROM contactpoint.source s WHERE s.embargoed_at IS NOT NULL",
		0, {}
	},
	/* as the foreign keys of source_link and responsibility would */
	[LOCK_ORGANISATIONS] = {
		"SELECT FROM contactpoint.organisation o WHERE o.organisation_id = ANY ($1)"
		" ORDER BY o.organisation_id FOR KEY SHARE",
		1, {INT8ARRAYOID}
	},
	/* a candidate may have been shielded after the review was opened */
	[BORN_SHIELDED] = {
		"SELECT r.authority FROM contactpoint.review r WHERE r.review_id = $1 AND (r.shielded OR EXISTS"
		" (SELECT FROM contactpoint.child c WHERE c.child_id = ANY (r.candidates) AND c.shielded))",
		1, {INT8OID}
	},

	/*
	 * an embargo alone says nothing of a place; whoever had it first is the
	 * one it protects
	 */
	[HIDDEN_AMONG] = {
		"SELECT " AUTHORITY_OF("c.child_id") " FROM contactpoint.child c WHERE c.child_id = ANY ($1)"
		" AND EXISTS (SELECT FROM contactpoint.shield p WHERE p.child_id = c.child_id"
		" AND p.lifted_at IS NULL AND p.embargoed_source IS NULL)"
		" ORDER BY (SELECT min(d.recorded_at) FROM ("
		" SELECT a.recorded_at FROM contactpoint.address a"
		" WHERE a.child_id = c.child_id AND contactpoint._place_key('a', a.address, a.postcode) = ANY ($2)"
		" UNION ALL SELECT k.recorded_at FROM contactpoint.carer k"
		" WHERE k.child_id = c.child_id AND contactpoint._place_key('c', k.contact) = ANY ($2)) d), c.child_id LIMIT 1",
		2, {INT8ARRAYOID, INT8ARRAYOID}
	},
	/* people placed an embargo: nobody lifts its shields alone */
	[PUT_SHIELDS] = {
		"INSERT INTO contactpoint.shield"
		" (child_id, authority, reason, embargoed_source, category, placed_by, review_on, provisional)"
		" SELECT n.child_id, n.authority, n.reason, n.embargoed_source, 'other', contactpoint._caller(),"
		" ((now() AT TIME ZONE 'UTC')::date + interval '6 months')::date, n.embargoed_source IS NULL"
		" FROM unnest($1, $2, $3, $4) n(child_id, authority, reason, embargoed_source)",
		4, {INT8ARRAYOID, INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID}
	},
	[PUT_SHIELDED_RESPONSIBILITY] = {
		"INSERT INTO contactpoint.responsibility (child_id, shielded, organisation_id)"
		" SELECT $1, true, $2 WHERE $2 IS NOT NULL",
		2, {INT8OID, INT8OID}
	},
	[EXPECTED_IS_BORN] = {
		"SELECT contactpoint._expected_is_born($1)",
		1, {INT8OID}
	},
	[CHANGE_LINKS] = {
		"UPDATE contactpoint.source_link l SET child_id = n.child_id, authority = n.authority, sent = n.sent,"
		" linked_at = CASE WHEN l.child_id <> n.child_id OR l.authority IS DISTINCT FROM n.authority"
		" THEN clock_timestamp() ELSE l.linked_at END"
		" FROM unnest($1, $2, $3, $4, $5) n(source, source_ref, child_id, authority, sent)"
		" WHERE l.source = n.source AND l.source_ref = n.source_ref",
		5, {TEXTARRAYOID, TEXTARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID}
	},
	[AUTHORITY_OF_LINK] = {
		"SELECT coalesce(" AUTHORITY_OF("$1") ", $2)",
		2, {INT8OID, INT8OID}
	},

	/* others may have been shielded, or be expected, because of that one */
	[FIRST_PROTECTED] = {
		"SELECT n.number FROM unnest($1) WITH ORDINALITY n (number, place) ORDER BY coalesce("
		"(SELECT a.placed_at FROM contactpoint.advance_shield a WHERE a.child_id = n.number),"
		" (SELECT min(p.placed_at) FROM contactpoint.shield p WHERE p.child_id = n.number AND p.lifted_at IS NULL),"
		" (SELECT f.made_at FROM contactpoint.former_identity f WHERE f.child_id = n.number)), n.place LIMIT 1",
		1, {INT8ARRAYOID}
	},

	/*
	 * Another reference of the source wrote over what this one sent.  By the
	 * child: without statistics all links of the source would be read.
	 */
	[FORGET_SENT] = {
		"UPDATE contactpoint.source_link l SET sent = NULL"
		" FROM unnest($1, $2, $3) n(source, source_ref, child_id)"
		" WHERE l.child_id = n.child_id AND l.source || '' = n.source AND l.source_ref <> n.source_ref"
		" AND l.sent IS NOT NULL",
		3, {TEXTARRAYOID, TEXTARRAYOID, INT8ARRAYOID}
	},
	[CHANGE_SETTLEMENT] = {
		"UPDATE contactpoint.settlement s SET outcome = $2, child_id = $3, score = $4,"
		" settled_at = clock_timestamp(), recorded_at = $5 WHERE s.upload_id = $1",
		5, {INT8OID, TEXTOID, INT8OID, FLOAT4OID, TIMESTAMPTZOID}
	},
	[NOTE_WAITING] = {
		"UPDATE contactpoint.receipt r SET waits = true"
		" FROM unnest($1) n(upload_id) WHERE r.upload_id = n.upload_id AND r.settled_at IS NULL",
		1, {INT8ARRAYOID}
	},
	[SHOWN] = {
		"SELECT contactpoint._shown('{}', $1)",
		1, {INT8ARRAYOID}
	},
	[JOIN_REVIEW] = {
		"UPDATE contactpoint.review r SET upload_id = $1,"
		" asked_at = CASE WHEN r.upload_id = $1 THEN r.asked_at END,"
		" score = CASE WHEN r.shielded OR $4 THEN NULL ELSE greatest(r.score, $2) END,"
		" candidates = contactpoint._shown(r.candidates, $3),"
		" authority = CASE WHEN r.shielded THEN r.authority"
		" ELSE coalesce(" AUTHORITY_OF("$5") ", r.authority) END,"
		" shielded = r.shielded OR $4"
		" WHERE r.review_id = $6",
		6, {INT8OID, FLOAT4OID, INT8ARRAYOID, BOOLOID, INT8OID, INT8OID}
	},
	[READ_TALLY] = {
		"SELECT t.settled, t.held FROM contactpoint.source_tally t WHERE t.source = $1",
		1, {TEXTOID}
	},
	[WRITE_TALLY] = {
		"INSERT INTO contactpoint.source_tally AS t (source, settled, held) VALUES ($1, $2, $3)"
		" ON CONFLICT (source) DO UPDATE SET settled = excluded.settled, held = excluded.held",
		3, {TEXTOID, INT4OID, INT4OID}
	},
	[PAUSE_SOURCE] = {
		"SELECT contactpoint._pause_by_itself($1)",
		1, {TEXTOID}
	},
};

static SPIPlanPtr plans[N_STATEMENTS];

/*
 * Runs one of the statements; rows are in SPI_tuptable.  nulls as SPI has it.
 */
void
cp_batch_run(CpStatement which, Datum *values, const char *nulls)
{
	int			result;

	if (plans[which] == NULL)
	{
		plans[which] = SPI_prepare(statements[which].text, statements[which].nargs,
								   (Oid *) statements[which].argtypes);
		if (plans[which] == NULL)
			elog(ERROR, "could not prepare settlement statement %d", (int) which);
		SPI_keepplan(plans[which]);
	}
	result = SPI_execute_plan(plans[which], values, nulls, false, 0);
	if (result < 0)
		elog(ERROR, "settlement statement %d failed", (int) which);
}

int
cp_batch_arguments(CpStatement which)
{
	return statements[which].nargs;
}

/* Column of a row of the last statement; 0 where it is null. */
Datum
cp_batch_column(uint64 row, int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
									  column, &isnull);

	return isnull ? (Datum) 0 : value;
}

Datum
cp_batch_numbers(Datum *numbers, int n)
{
	return PointerGetDatum(construct_array(numbers, n, INT8OID, sizeof(int64),
										   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

uint32
cp_hash_reference(const CpInboxRow *row)
{
	return hash_combine(hash_bytes((const unsigned char *) row->source, strlen(row->source)),
						hash_bytes((const unsigned char *) row->source_ref, strlen(row->source_ref)));
}

/*
 * The tables grow from nothing and are seldom analyzed, so the planner may take
 * a scan of all for cheap and keep to it.  Where there is no other way than the
 * one discouraged, its cost must not set off the JIT compiler.  Until the
 * caller's own work ends.
 */
static void
plan_by_index(void)
{
	static const char *const methods[] = {"enable_seqscan", "enable_hashjoin", "enable_mergejoin", "jit"};

	for (int i = 0; i < lengthof(methods); i++)
		(void) set_config_option(methods[i], "off", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
}

CpBatch *
cp_batch_new(const int64 *numbers, int n)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "contactpoint batch",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	CpBatch    *batch = palloc0(sizeof(CpBatch));
	HASHCTL		ctl = {0};

	plan_by_index();
	batch->context = context;
	batch->n = n;
	batch->upload_ids = numbers;
	batch->position = cp_news_position();
	batch->rows = cp_inbox_read(numbers, n);
	batch->found = palloc0(sizeof(CpFound) * Max(n, 1));
	batch->searched = palloc0(sizeof(bool) * Max(n, 1));
	ctl.keysize = sizeof(int64);
	ctl.entrysize = sizeof(CpBatchChild);
	ctl.hcxt = context;
	batch->children = hash_create("contactpoint children of a batch", Max(n, 8), &ctl,
								  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	MemoryContextSwitchTo(caller);
	return batch;
}

CpPerson *
cp_batch_person(CpBatch *batch, CpInboxRow *row)
{
	if (row->person == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(batch->context);

		row->person = cp_inbox_person(row);
		MemoryContextSwitchTo(caller);
	}
	return row->person;
}

CpBatchChild *
cp_batch_child(CpBatch *batch, int64 child_id)
{
	bool		found;
	CpBatchChild *child = hash_search(batch->children, &child_id, HASH_ENTER, &found);

	if (!found)
	{
		memset(child, 0, sizeof(CpBatchChild));
		child->child_id = child_id;
	}
	return child;
}
