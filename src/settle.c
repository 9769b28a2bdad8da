/*-------------------------------------------------------------------------
 *
 * settle.c
 *	  An outcome becomes rows of the registry.
 *
 *	  Rows are decided in the order of their numbers and written together:
 *	  what a row does to the registry waits until the end of the batch, or
 *	  until a later row of the batch depends on it.  The outcome is that of
 *	  rows settled one by one:
 *	  - a new record is known to every search at once (delta.c);
 *	  - details that change what a record is matched by are written at once;
 *	  - what is known of a reference is carried from row to row, and links that
 *		wait to be written are told to whoever asks for them (cp_settle_links).
 *
 *	  A settled row leaves the inbox: match and new write the details it sent,
 *	  hold opens or joins the one review of its reference and leaves the row
 *	  where it is.  No upload changes the public name, sex or birth date of a
 *	  record.  A reference that sends what it sent last has nothing to write
 *	  but its settlement, unless the child is shielded.
 *
 *	  Lock order: matching lock, child rows in the order of their numbers.
 *	  Nobody changes or deletes a child row without the matching lock.
 *	  Everything runs as own work, in the caller's transaction, between
 *	  SPI_connect and SPI_finish of its own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "match.h"
#include "keys.h"
#include "settle.h"

#define NUMBERS_AT_ONCE 256		/* child numbers drawn and checked together */

/* A child that rows of the batch go to. */
typedef struct BatchChild
{
	int64		child_id;		/* hash key */
	bool		made;			/* by a row of the batch, and not written yet */
	bool		responsible;	/* a row of the batch names who is */
	List	   *rows;			/* CpInboxRow *, that wrote details or will */
	int			waiting;		/* how many of them will */
} BatchChild;

/* A row whose outcome is to be recorded. */
typedef struct Settled
{
	CpInboxRow *row;
	const char *outcome;
	int64		child_id;		/* 0: none */
	float4		score;
} Settled;

typedef struct BatchReference
{
	const CpInboxRow *row;		/* hash key: source and source_ref */
	CpInboxRow *latest;			/* what is known of the reference by now */
	char		status;
	uint32		hash;
} BatchReference;

static uint32
hash_reference(const CpInboxRow *row)
{
	return hash_combine(hash_bytes((const unsigned char *) row->source, strlen(row->source)),
						hash_bytes((const unsigned char *) row->source_ref, strlen(row->source_ref)));
}

static bool
same_reference(const CpInboxRow *a, const CpInboxRow *b)
{
	return strcmp(a->source_ref, b->source_ref) == 0 && strcmp(a->source, b->source) == 0;
}

#define SH_PREFIX reference_table
#define SH_ELEMENT_TYPE BatchReference
#define SH_KEY_TYPE const CpInboxRow *
#define SH_KEY row
#define SH_HASH_KEY(tb, key) hash_reference(key)
#define SH_EQUAL(tb, a, b) same_reference(a, b)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, a) ((a)->hash)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

struct CpBatch
{
	MemoryContext context;		/* of all that is below */
	int			n;
	const int64 *upload_ids;
	bool		ahead;			/* read and searched without the lock */
	uint64		position;		/* what was told since may be missing */
	int64		epoch;			/* of what was found */
	int			searched_to;	/* the first row that is not searched for */
	CpInboxRow *rows;
	CpFound    *found;
	bool	   *searched;		/* found is good, but for the delta */
	reference_table_hash *references;
	HTAB	   *children;
	List	   *deliveries;		/* CpDelivery *, details that wait */
	List	   *settled;		/* Settled * */
	int64		numbers[NUMBERS_AT_ONCE];	/* free child numbers */
	int			nnumbers;
	int			drawn;			/* so far */
};

int			cp_settling = -1;

static CpBatch *current = NULL; /* for those who ask for links */

/*
 * The statements.
 *
 * What concerns a shielded child is for the managers of its own authority, not
 * for those of whoever sends rows that come near it.
 */
#define AUTHORITY_OF(child) \
	"coalesce(contactpoint._authority_of(" child ")," \
	" (SELECT p.authority FROM contactpoint.shield p WHERE p.child_id = " child \
	" AND p.lifted_at IS NULL AND p.authority IS NOT NULL ORDER BY p.shield_id LIMIT 1))"

typedef enum Statement
{
	EMBARGOED,
	LOCK_CHILDREN,
	LOCK_ORGANISATIONS,
	NUMBERS_TAKEN,
	BORN_SHIELDED,
	PUT_SHIELD,
	PUT_SHIELDED_RESPONSIBILITY,
	CHANGE_LINKS,
	AUTHORITY_OF_LINK,
	FORGET_SENT,
	CHANGE_SETTLEMENT,
	PUT_RECEIPTS,
	DROP_UPLOADS,
	NEW_REVIEW,
	NOTE_HELD,
	JOIN_REVIEW,
	N_STATEMENTS
} Statement;

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
	[LOCK_CHILDREN] = {
		"SELECT c.child_id, c.shielded, EXISTS (SELECT FROM contactpoint.responsibility r"
		" WHERE r.child_id = c.child_id AND r.shielded = c.shielded)"
		" FROM contactpoint.child c WHERE c.child_id = ANY ($1) ORDER BY c.child_id FOR KEY SHARE",
		1, {INT8ARRAYOID}
	},
	/* as the foreign keys of source_link and responsibility would */
	[LOCK_ORGANISATIONS] = {
		"SELECT FROM contactpoint.organisation o WHERE o.organisation_id = ANY ($1)"
		" ORDER BY o.organisation_id FOR KEY SHARE",
		1, {INT8ARRAYOID}
	},
	[NUMBERS_TAKEN] = {
		"SELECT c.child_id FROM contactpoint.child c WHERE c.child_id = ANY ($1)",
		1, {INT8ARRAYOID}
	},
	/* a candidate may have been shielded after the review was opened */
	[BORN_SHIELDED] = {
		"SELECT r.authority FROM contactpoint.review r WHERE r.review_id = $1 AND (r.shielded OR EXISTS"
		" (SELECT FROM contactpoint.child c WHERE c.child_id = ANY (r.candidates) AND c.shielded))",
		1, {INT8OID}
	},
	[PUT_SHIELD] = {
		"INSERT INTO contactpoint.shield (child_id, authority, category, reason, placed_by, review_on, provisional)"
		" VALUES ($1, $2, 'other', 'made by a decision near a shielded record', contactpoint._caller(),"
		" (current_date + interval '6 months')::date, true)",
		2, {INT8OID, INT8OID}
	},
	[PUT_SHIELDED_RESPONSIBILITY] = {
		"INSERT INTO contactpoint.responsibility (child_id, shielded, organisation_id)"
		" SELECT $1, true, $2 WHERE $2 IS NOT NULL",
		2, {INT8OID, INT8OID}
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
	/* another reference of the source wrote over what this one sent */
	[FORGET_SENT] = {
		"UPDATE contactpoint.source_link l SET sent = NULL"
		" FROM unnest($1, $2, $3) n(source, source_ref, child_id)"
		" WHERE l.child_id = n.child_id AND l.source = n.source AND l.source_ref <> n.source_ref"
		" AND l.sent IS NOT NULL",
		3, {TEXTARRAYOID, TEXTARRAYOID, INT8ARRAYOID}
	},
	[CHANGE_SETTLEMENT] = {
		"UPDATE contactpoint.settlement s SET outcome = $2, child_id = $3, score = $4,"
		" settled_at = clock_timestamp() WHERE s.upload_id = $1",
		4, {INT8OID, TEXTOID, INT8OID, FLOAT4OID}
	},
	[PUT_RECEIPTS] = {
		"UPDATE contactpoint.receipt r SET settled_at = clock_timestamp()"
		" FROM unnest($1) n(upload_id) WHERE r.upload_id = n.upload_id AND r.settled_at IS NULL",
		1, {INT8ARRAYOID}
	},
	[DROP_UPLOADS] = {
		"DELETE FROM contactpoint.upload u USING unnest($1) n(upload_id) WHERE u.upload_id = n.upload_id",
		1, {INT8ARRAYOID}
	},
	[NEW_REVIEW] = {
		"INSERT INTO contactpoint.review (upload_id, source, source_ref, authority, score, candidates,"
		" shielded, reason, due_at)"
		" SELECT u.upload_id, u.source, u.source_ref,"
		" coalesce(" AUTHORITY_OF("$5") ", u.authority, s.organisation_id), $2, $3,"
		" $4, $6, clock_timestamp() + make_interval(days => $7)"
		" FROM contactpoint.upload u JOIN contactpoint.source s ON s.source = u.source WHERE u.upload_id = $1"
		" RETURNING review_id",
		7, {INT8OID, FLOAT4OID, INT8ARRAYOID, BOOLOID, INT8OID, TEXTOID, INT4OID}
	},
	[NOTE_HELD] = {
		"INSERT INTO contactpoint.held_reference (source, source_ref, review_id)"
		" SELECT r.source, r.source_ref, r.review_id FROM contactpoint.review r"
		" WHERE r.review_id = $1",
		1, {INT8OID}
	},
	[JOIN_REVIEW] = {
		"UPDATE contactpoint.review r SET upload_id = $1,"
		" score = CASE WHEN r.shielded OR $4 THEN NULL ELSE greatest(r.score, $2) END,"
		" candidates = ARRAY(SELECT DISTINCT c FROM unnest(r.candidates || $3) c),"
		" authority = CASE WHEN r.shielded THEN r.authority"
		" ELSE coalesce(" AUTHORITY_OF("$5") ", r.authority) END,"
		" shielded = r.shielded OR $4"
		" WHERE r.review_id = $6",
		6, {INT8OID, FLOAT4OID, INT8ARRAYOID, BOOLOID, INT8OID, INT8OID}
	},
};

static SPIPlanPtr plans[N_STATEMENTS];

/*
 * Runs one of the statements; rows are in SPI_tuptable.  nulls as SPI has it.
 */
static void
run(Statement which, Datum *values, const char *nulls)
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

/* Column of a row of the last statement; 0 where it is null. */
static Datum
column(uint64 row, int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
									  column, &isnull);

	return isnull ? (Datum) 0 : value;
}

static Datum
array_of_numbers(Datum *numbers, int n)
{
	return PointerGetDatum(construct_array(numbers, n, INT8OID, sizeof(int64),
										   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* ---------- a batch ---------- */

/*
 * The tables grow from nothing and are seldom analyzed, so the planner may take
 * a scan of all for cheap and keep to it.  Until the caller's own work ends.
 */
static void
plan_by_index(void)
{
	static const char *const methods[] = {"enable_seqscan", "enable_hashjoin", "enable_mergejoin"};

	for (int i = 0; i < lengthof(methods); i++)
		(void) set_config_option(methods[i], "off", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
}

static CpBatch *
new_batch(const int64 *numbers, int n)
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
	batch->references = reference_table_create(context, Max(n, 8), NULL);
	ctl.keysize = sizeof(int64);
	ctl.entrysize = sizeof(BatchChild);
	ctl.hcxt = context;
	batch->children = hash_create("contactpoint children of a batch", Max(n, 8), &ctl,
								  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	MemoryContextSwitchTo(caller);
	return batch;
}

static BatchChild *
child_of_batch(CpBatch *batch, int64 child_id)
{
	bool		found;
	BatchChild *child = hash_search(batch->children, &child_id, HASH_ENTER, &found);

	if (!found)
	{
		memset(child, 0, sizeof(BatchChild));
		child->child_id = child_id;
	}
	return child;
}

/*
 * Has a row of the running batch, whose link may not be written yet, linked
 * this child to another reference of the source?
 */
bool
cp_settle_links(int64 child_id, const char *source, const char *source_ref)
{
	BatchChild *child;
	ListCell   *cell;

	if (current == NULL)
		return false;
	child = hash_search(current->children, &child_id, HASH_FIND, NULL);
	if (child == NULL)
		return false;
	foreach(cell, child->rows)
	{
		CpInboxRow *row = lfirst(cell);

		if (strcmp(row->source, source) == 0 && strcmp(row->source_ref, source_ref) != 0)
			return true;
	}
	return false;
}

/* ---------- writing what waits ---------- */

static List *
add_number(List *numbers, int64 number)
{
	ListCell   *cell;

	if (number == 0)
		return numbers;
	foreach(cell, numbers)
	{
		if (*(int64 *) lfirst(cell) == number)
			return numbers;
	}
	{
		int64	   *copy = palloc(sizeof(int64));

		*copy = number;
		return lappend(numbers, copy);
	}
}

/* Locks the organisations that new rows will refer to. */
static void
lock_organisations(CpDelivery **deliveries, int n)
{
	List	   *organisations = NIL;
	Datum	   *numbers;
	Datum		argument;
	ListCell   *cell;
	int			i = 0;

	for (int d = 0; d < n; d++)
	{
		organisations = add_number(organisations, deliveries[d]->row->source_authority);
		organisations = add_number(organisations, deliveries[d]->row->authority);
	}
	numbers = palloc(sizeof(Datum) * (list_length(organisations) + 1));
	foreach(cell, organisations)
		numbers[i++] = Int64GetDatum(*(int64 *) lfirst(cell));
	argument = array_of_numbers(numbers, i);
	run(LOCK_ORGANISATIONS, &argument, NULL);
}

/* Locks the children that were there before; the deliveries are in their order. */
static void
lock_children(CpDelivery **deliveries, int n)
{
	Datum	   *numbers = palloc(sizeof(Datum) * (n + 1));
	Datum		argument;
	int			nnumbers = 0;
	int			d = 0;

	for (int i = 0; i < n; i++)
	{
		if (!deliveries[i]->made &&
			(nnumbers == 0 || DatumGetInt64(numbers[nnumbers - 1]) != deliveries[i]->child_id))
			numbers[nnumbers++] = Int64GetDatum(deliveries[i]->child_id);
	}
	if (nnumbers == 0)
		return;
	argument = array_of_numbers(numbers, nnumbers);
	run(LOCK_CHILDREN, &argument, NULL);
	if (SPI_processed != nnumbers)
		elog(ERROR, "the record an upload was matched with is gone");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		int64		child_id = DatumGetInt64(column(i, 1));

		for (; d < n && deliveries[d]->child_id <= child_id; d++)
		{
			if (deliveries[d]->child_id != child_id)
				continue;
			deliveries[d]->shielded = DatumGetBool(column(i, 2));
			deliveries[d]->responsible |= DatumGetBool(column(i, 3));
		}
	}
	SPI_freetuptable(SPI_tuptable);
}

static void
insert_children(CpDelivery **deliveries, int n)
{
	CpBulk	   *bulk = NULL;
	int64		last = 0;

	for (int i = 0; i < n; i++)
	{
		const CpInboxRow *row = deliveries[i]->row;
		Datum		values[6];
		bool		nulls[6] = {false};
		DateADT		birth;

		/* of several rows for a new child the first made it */
		if (!deliveries[i]->made || deliveries[i]->child_id == last)
			continue;
		last = deliveries[i]->child_id;
		if (!cp_parse_iso_date(row->date_of_birth, &birth))
			elog(ERROR, "the inbox holds an impossible date");
		if (bulk == NULL)
			bulk = cp_bulk_begin("child");
		values[0] = Int64GetDatum(last);
		values[1] = CStringGetTextDatum(row->given_names);
		values[2] = CStringGetTextDatum(row->family_name);
		values[3] = CStringGetTextDatum(row->sex != NULL ? row->sex : "U");
		values[4] = DateADTGetDatum(birth);
		values[5] = BoolGetDatum(deliveries[i]->shielded);
		cp_bulk_add(bulk, values, nulls);
	}
	if (bulk != NULL)
		cp_bulk_write(bulk);
}

/* Whose managers see the link. */
static int64
link_authority(const CpDelivery *delivery)
{
	Datum		values[2] = {Int64GetDatum(delivery->child_id),
	Int64GetDatum(delivery->row->source_authority)};

	if (!delivery->shielded)
		return delivery->row->source_authority;
	run(AUTHORITY_OF_LINK, values, NULL);
	return DatumGetInt64(column(0, 1));
}

static void
insert_links(CpDelivery **deliveries, int n)
{
	CpBulk	   *bulk = NULL;

	for (int i = 0; i < n; i++)
	{
		const CpDelivery *delivery = deliveries[i];
		int64		authority = delivery->row->link_authority;
		Datum		values[6];
		bool		nulls[6] = {false};

		if (delivery->linked_before)
			continue;
		if (bulk == NULL)
			bulk = cp_bulk_begin("source_link");
		values[0] = CStringGetTextDatum(delivery->row->source);
		values[1] = CStringGetTextDatum(delivery->row->source_ref);
		values[2] = Int64GetDatum(delivery->child_id);
		values[3] = Int64GetDatum(authority);
		nulls[3] = authority == 0;
		values[4] = TimestampTzGetDatum(delivery->row->recorded_at);
		values[5] = Int64GetDatum(delivery->row->sent);
		nulls[5] = delivery->row->sent == 0;
		cp_bulk_add(bulk, values, nulls);
	}
	if (bulk != NULL)
		cp_bulk_write(bulk);
}

/* Columns of links as arrays. */
typedef struct LinkArrays
{
	int			n;
	Datum	   *columns[5];
	bool	   *nulls[5];
} LinkArrays;

static void
add_link(LinkArrays *arrays, const CpDelivery *delivery)
{
	int			i = arrays->n++;

	arrays->columns[0][i] = CStringGetTextDatum(delivery->row->source);
	arrays->columns[1][i] = CStringGetTextDatum(delivery->row->source_ref);
	arrays->columns[2][i] = Int64GetDatum(delivery->child_id);
	arrays->columns[3][i] = Int64GetDatum(delivery->row->link_authority);
	arrays->nulls[3][i] = delivery->row->link_authority == 0;
	arrays->columns[4][i] = Int64GetDatum(delivery->row->sent);
	arrays->nulls[4][i] = delivery->row->sent == 0;
}

static void
run_for_links(Statement which, const LinkArrays *arrays)
{
	Datum		values[5];
	int			dims[1] = {arrays->n};
	int			lbs[1] = {1};

	if (arrays->n == 0)
		return;
	for (int c = 0; c < statements[which].nargs; c++)
		values[c] = PointerGetDatum(c < 2 ?
									construct_md_array(arrays->columns[c], arrays->nulls[c], 1, dims, lbs,
													   TEXTOID, -1, false, TYPALIGN_INT) :
									construct_md_array(arrays->columns[c], arrays->nulls[c], 1, dims, lbs,
													   INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
													   TYPALIGN_DOUBLE));
	run(which, values, NULL);
}

static void
change_links(CpDelivery **deliveries, int n)
{
	LinkArrays	links = {0};
	LinkArrays	others = {0};

	for (int c = 0; c < 5; c++)
	{
		links.columns[c] = palloc(sizeof(Datum) * (n + 1));
		links.nulls[c] = palloc0(sizeof(bool) * (n + 1));
		others.columns[c] = palloc(sizeof(Datum) * (n + 1));
		others.nulls[c] = palloc0(sizeof(bool) * (n + 1));
	}
	for (int i = 0; i < n; i++)
	{
		if (deliveries[i]->linked_before)
			add_link(&links, deliveries[i]);
		if (!deliveries[i]->made)
			add_link(&others, deliveries[i]);
	}
	run_for_links(CHANGE_LINKS, &links);
	run_for_links(FORGET_SENT, &others);
}

static int
by_child(const void *a, const void *b)
{
	const CpDelivery *left = *(CpDelivery *const *) a;
	const CpDelivery *right = *(CpDelivery *const *) b;

	if (left->child_id != right->child_id)
		return left->child_id < right->child_id ? -1 : 1;
	return left->row->upload_id < right->row->upload_id ? -1 : 1;
}

/* Children, details and links. */
static void
write_deliveries(CpDelivery **deliveries, int n)
{
	qsort(deliveries, n, sizeof(CpDelivery *), by_child);
	lock_organisations(deliveries, n);
	lock_children(deliveries, n);
	insert_children(deliveries, n);
	CommandCounterIncrement();
	cp_details_write(deliveries, n);
	for (int i = 0; i < n; i++)
	{
		deliveries[i]->row->link_authority = link_authority(deliveries[i]);
		/* what a shielded child was sent is written every time */
		if (deliveries[i]->shielded)
			deliveries[i]->row->sent = 0;
	}
	change_links(deliveries, n);
	insert_links(deliveries, n);
	CommandCounterIncrement();
}

static void
insert_settlements(List *settled)
{
	CpBulk	   *bulk = NULL;
	ListCell   *cell;

	foreach(cell, settled)
	{
		const Settled *s = lfirst(cell);
		Datum		values[8];
		bool		nulls[8] = {false};

		if (!s->row->present)
			continue;
		if (s->row->was_held)
		{
			values[0] = Int64GetDatum(s->row->upload_id);
			values[1] = CStringGetTextDatum(s->outcome);
			values[2] = Int64GetDatum(s->child_id);
			values[3] = Float4GetDatum(s->score);
			run(CHANGE_SETTLEMENT, values, s->child_id == 0 ? "  n " : NULL);
			continue;
		}
		if (bulk == NULL)
			bulk = cp_bulk_begin("settlement");
		values[0] = Int64GetDatum(s->row->upload_id);
		values[1] = CStringGetTextDatum(s->row->source);
		values[2] = CStringGetTextDatum(s->row->source_ref);
		nulls[3] = s->row->batch == NULL;
		if (s->row->batch != NULL)
			values[3] = CStringGetTextDatum(s->row->batch);
		values[4] = CStringGetTextDatum(s->outcome);
		values[5] = Int64GetDatum(s->child_id);
		nulls[5] = s->child_id == 0;
		values[6] = Float4GetDatum(s->score);
		values[7] = TimestampTzGetDatum(GetCurrentTimestamp());
		cp_bulk_add(bulk, values, nulls);
	}
	if (bulk != NULL)
		cp_bulk_write(bulk);
}

static void
record_settlements(List *settled)
{
	Datum	   *numbers = palloc(sizeof(Datum) * (list_length(settled) + 1));
	Datum		argument;
	ListCell   *cell;
	int			n = 0;

	if (settled == NIL)
		return;
	insert_settlements(settled);
	foreach(cell, settled)
		numbers[n++] = Int64GetDatum(((Settled *) lfirst(cell))->row->upload_id);
	argument = array_of_numbers(numbers, n);
	run(PUT_RECEIPTS, &argument, NULL);
	n = 0;
	foreach(cell, settled)
	{
		const Settled *s = lfirst(cell);

		if (s->row->present && strcmp(s->outcome, "hold") != 0)
			numbers[n++] = Int64GetDatum(s->row->upload_id);
	}
	if (n == 0)
		return;
	argument = array_of_numbers(numbers, n);
	run(DROP_UPLOADS, &argument, NULL);
}

/* Writes all that waits. */
static void
flush(CpBatch *batch)
{
	MemoryContext scratch = AllocSetContextCreate(batch->context, "contactpoint flush",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(scratch);
	int			row = cp_settling;
	int			n = list_length(batch->deliveries);

	cp_settling = -1;
	if (n > 0)
	{
		CpDelivery **deliveries = palloc(sizeof(CpDelivery *) * n);
		ListCell   *cell;
		int			i = 0;

		foreach(cell, batch->deliveries)
			deliveries[i++] = lfirst(cell);
		write_deliveries(deliveries, n);
		for (i = 0; i < n; i++)
		{
			BatchChild *child = child_of_batch(batch, deliveries[i]->child_id);

			child->made = false;
			child->waiting = 0;
		}
	}
	cp_delta_write();
	record_settlements(batch->settled);
	MemoryContextSwitchTo(caller);
	list_free(batch->deliveries);
	list_free(batch->settled);
	batch->deliveries = NIL;
	batch->settled = NIL;
	CommandCounterIncrement();
	MemoryContextDelete(scratch);
	cp_settling = row;
}

/* ---------- outcomes ---------- */

static void
note_settled(CpBatch *batch, CpInboxRow *row, const char *outcome, int64 child_id, double score)
{
	MemoryContext caller = MemoryContextSwitchTo(batch->context);
	Settled    *settled = palloc(sizeof(Settled));

	settled->row = row;
	settled->outcome = outcome;
	settled->child_id = child_id;
	settled->score = (float4) score;
	batch->settled = lappend(batch->settled, settled);
	MemoryContextSwitchTo(caller);
}

static CpDelivery *
new_delivery(CpBatch *batch, CpInboxRow *row, BatchChild *child)
{
	CpDelivery *delivery = MemoryContextAllocZero(batch->context, sizeof(CpDelivery));

	delivery->row = row;
	delivery->child_id = child->child_id;
	delivery->made = child->made;
	delivery->responsible = child->responsible;
	delivery->linked_before = row->linked_child != 0;
	return delivery;
}

/* From now on the reference means this child, and has sent it this. */
static void
note_link(CpBatch *batch, CpDelivery *delivery, BatchChild *child)
{
	MemoryContext caller = MemoryContextSwitchTo(batch->context);
	CpInboxRow *row = delivery->row;

	row->linked_child = child->child_id;
	row->link_authority = row->source_authority;
	row->sent = cp_inbox_digest(row, child->child_id);
	child->responsible |= row->authority != 0;
	child->rows = lappend(child->rows, row);
	cp_news_tell(CP_NEWS_REFERENCE, hash_reference(row));
	MemoryContextSwitchTo(caller);
}

static void
wait_to_be_written(CpBatch *batch, CpDelivery *delivery, BatchChild *child)
{
	MemoryContext caller = MemoryContextSwitchTo(batch->context);

	note_link(batch, delivery, child);
	batch->deliveries = lappend(batch->deliveries, delivery);
	child->waiting++;
	MemoryContextSwitchTo(caller);
}

/* Writes details that change what the record is matched by. */
static void
write_now(CpBatch *batch, CpDelivery *delivery, BatchChild *child)
{
	if (cp_delta_is_foreign(child->child_id))
		flush(batch);
	note_link(batch, delivery, child);
	write_deliveries(&delivery, 1);
	cp_rekey(child->child_id);
}

/* Has another reference of the row's source sent this child anything in this batch? */
static bool
same_source_writes(const BatchChild *child, const CpInboxRow *row, bool other_reference)
{
	ListCell   *cell;

	foreach(cell, child->rows)
	{
		const CpInboxRow *earlier = lfirst(cell);

		if (strcmp(earlier->source, row->source) == 0 &&
			!(other_reference && strcmp(earlier->source_ref, row->source_ref) == 0))
			return true;
	}
	return false;
}

static void
settle_match(CpBatch *batch, CpInboxRow *row, int64 child_id, double score)
{
	BatchChild *child = child_of_batch(batch, child_id);
	CpPerson   *record = cp_person_fetch(child_id);
	bool		shielded = record != NULL && record->nearness >= CP_NEAR_SHIELDED;
	CpDelivery *delivery;

	note_settled(batch, row, "match", child_id, score);
	if (row->linked_child == child_id && row->sent == cp_inbox_digest(row, child_id) && !shielded &&
		row->link_authority == row->source_authority && !same_source_writes(child, row, true))
		return;

	/* what the source sent before must be there to be replaced */
	if (child->waiting > 0 && same_source_writes(child, row, false))
		flush(batch);
	delivery = new_delivery(batch, row, child);
	delivery->shielded = shielded;
	if (record != NULL && !cp_details_change_person(delivery, record))
	{
		wait_to_be_written(batch, delivery, child);
		return;
	}
	if (child->waiting > 0)
	{
		flush(batch);
		delivery->made = false;
	}
	write_now(batch, delivery, child);
}

/* A child number that nobody has. */
static int64
draw_number(CpBatch *batch)
{
	while (batch->nnumbers == 0)
	{
		int			wanted = Min(Max(batch->drawn, 8), NUMBERS_AT_ONCE);
		Datum		numbers[NUMBERS_AT_ONCE];
		Datum		argument;

		for (int i = 0; i < wanted; i++)
		{
			batch->numbers[i] = cp_child_number_random();
			numbers[i] = Int64GetDatum(batch->numbers[i]);
		}
		argument = array_of_numbers(numbers, wanted);
		run(NUMBERS_TAKEN, &argument, NULL);
		batch->drawn += wanted;
		/* so rare that others are drawn */
		if (SPI_processed == 0)
			batch->nnumbers = wanted;
		SPI_freetuptable(SPI_tuptable);
	}
	return batch->numbers[--batch->nnumbers];
}

static int64
settle_new(CpBatch *batch, CpInboxRow *row, double score)
{
	int64		child_id = draw_number(batch);
	BatchChild *child = child_of_batch(batch, child_id);
	CpDelivery *delivery;

	child->made = true;
	note_settled(batch, row, "new", child_id, score);
	delivery = new_delivery(batch, row, child);
	if (row->alias_names == NULL || JB_ROOT_COUNT(row->alias_names) == 0)
	{
		cp_delta_add(cp_inbox_record(row, child_id));
		cp_news_tell(CP_NEWS_CHILD, child_id);
		wait_to_be_written(batch, delivery, child);
	}
	else
	{
		child->made = false;
		write_now(batch, delivery, child);
	}
	return child_id;
}

/*
 * review_id: the review whose decision this is.  Near a shielded record nobody
 * can be sure, so the new one is shielded from its first moment and belongs to
 * those who decided.
 */
static int64
settle_new_of_review(CpBatch *batch, CpInboxRow *row, int64 review_id)
{
	BatchChild *child;
	CpDelivery *delivery;
	Datum		values[2] = {Int64GetDatum(review_id)};
	Datum		authority;
	const char *nulls;

	run(BORN_SHIELDED, values, NULL);
	if (SPI_processed == 0)
		return settle_new(batch, row, 0);
	authority = column(0, 1);
	nulls = authority == (Datum) 0 ? " n" : NULL;

	child = child_of_batch(batch, draw_number(batch));
	note_settled(batch, row, "new", child->child_id, 0);
	delivery = new_delivery(batch, row, child);
	delivery->made = true;
	delivery->shielded = true;
	insert_children(&delivery, 1);
	CommandCounterIncrement();
	/* before the details, which follow the flag and the authority */
	values[0] = Int64GetDatum(child->child_id);
	values[1] = authority;
	run(PUT_SHIELD, values, nulls);
	run(PUT_SHIELDED_RESPONSIBILITY, values, nulls);
	delivery->made = false;
	write_now(batch, delivery, child);
	return child->child_id;
}

static void
settle_hold(CpBatch *batch, CpInboxRow *row, const CpDecision *decision)
{
	Datum	   *candidates;
	Datum		values[7];
	char		nulls[] = "       ";
	int64		first_shielded = 0;
	ListCell   *lc;
	int			n = 0;

	candidates = palloc(sizeof(Datum) * (list_length(decision->candidates) + 1));
	foreach(lc, decision->candidates)
	{
		CpCandidate *candidate = lfirst(lc);

		candidates[n++] = Int64GetDatum(candidate->child_id);
		if (first_shielded == 0 && candidate->nearness >= CP_NEAR_SHIELDED)
			first_shielded = candidate->child_id;
	}

	values[0] = Int64GetDatum(row->upload_id);
	values[1] = Float4GetDatum((float4) decision->score);
	values[2] = array_of_numbers(candidates, n);
	values[3] = BoolGetDatum(decision->shielded);
	values[4] = Int64GetDatum(first_shielded);
	if (first_shielded == 0)
		nulls[4] = 'n';
	if (row->open_review != 0)
	{
		values[5] = Int64GetDatum(row->open_review);
		run(JOIN_REVIEW, values, nulls);
	}
	else
	{
		/* a score that climbs with the right guess would give a place away */
		if (decision->shielded)
			nulls[1] = 'n';
		values[5] = CStringGetTextDatum(decision->reason);
		values[6] = Int32GetDatum(cp_review_days);
		run(NEW_REVIEW, values, nulls);
		row->open_review = DatumGetInt64(column(0, 1));
		values[0] = Int64GetDatum(row->open_review);
		run(NOTE_HELD, values, NULL);
	}
	cp_news_tell(CP_NEWS_REFERENCE, hash_reference(row));
	note_settled(batch, row, "hold", 0, decision->score);
}

/* ---------- deciding ---------- */

/* Has the row words that no record had when it was read? */
static bool
has_new_words(const CpPerson *person)
{
	for (int i = 0; i < person->nnames; i++)
	{
		const CpName *name = &person->names[i];

		for (int j = 0; j < name->ngiven; j++)
			if (name->given[j] < 0)
				return true;
		for (int j = 0; j < name->nfamily; j++)
			if (name->family[j] < 0)
				return true;
	}
	return false;
}

/*
 * Searches at once for rows from one on that need a search.  No further than to
 * the row that may end the epoch: what is found before is no good after.
 * Returns the place of the first row that is not searched for.
 */
static int
search_from(CpBatch *batch, int from)
{
	MemoryContext caller = MemoryContextSwitchTo(batch->context);
	int			end = (int) Min((int64) batch->n, from + Max(cp_epoch_room(), 1));
	CpPerson  **persons = palloc(sizeof(CpPerson *) * (end - from));
	int64	   *except = palloc0(sizeof(int64) * (end - from));
	int		   *where = palloc(sizeof(int) * (end - from));
	CpFound    *found = palloc0(sizeof(CpFound) * (end - from));
	int			n = 0;

	for (int i = from; i < end; i++)
	{
		CpInboxRow *row = &batch->rows[i];

		batch->searched[i] = false;
		if (!row->present)
			continue;
		/* a word that was nobody's may be a record's by now */
		if (has_new_words(row->person))
			row->person = cp_inbox_person(row);
		/* a known reference seldom needs one */
		if (row->linked_child != 0)
			continue;
		persons[n] = row->person;
		where[n++] = i;
	}
	if (n > 0)
		cp_search(persons, except, n, found);
	for (int i = 0; i < n; i++)
	{
		batch->found[where[i]] = found[i];
		batch->searched[where[i]] = true;
	}
	MemoryContextSwitchTo(caller);
	return end;
}

/*
 * What another matcher committed while this one searched may be found twice, in
 * the index and in what was told.
 */
static List *
each_once(List *candidates)
{
	List	   *once = NIL;
	ListCell   *cell;

	foreach(cell, candidates)
	{
		CpCandidate *candidate = lfirst(cell);
		ListCell   *other;

		foreach(other, once)
		{
			if (((CpCandidate *) lfirst(other))->child_id == candidate->child_id)
				break;
		}
		if (other == NULL)
			once = lappend(once, candidate);
	}
	return once;
}

static CpDecision *
decide(CpBatch *batch, int i)
{
	CpInboxRow *row = &batch->rows[i];
	CpReference reference = {row->source, row->source_ref, row->linked_child};
	CpDecision *decision;

	if (has_new_words(row->person))
	{
		/* by now they may be known */
		row->person = cp_inbox_person(row);
		batch->searched[i] = false;
	}
	cp_dictionary_refresh();
	decision = cp_decide_known(row->person, &reference);
	if (decision != NULL)
		return decision;
	if (batch->searched[i] && row->linked_child == 0)
		cp_search_delta(row->person, 0, &batch->found[i]);
	else
		cp_search(&row->person, &row->linked_child, 1, &batch->found[i]);
	if (batch->ahead)
		batch->found[i].candidates = each_once(batch->found[i].candidates);
	return cp_decide_found(row->person, &reference, &batch->found[i]);
}

static void
settle_row(CpBatch *batch, int i)
{
	CpInboxRow *row = &batch->rows[i];
	CpDecision *decision;
	BatchReference *reference;
	bool		found;

	if (row->waits)
		return;
	if (!row->present)
	{
		/* a superuser took the row away: nothing is left to wait for */
		note_settled(batch, row, NULL, 0, 0);
		return;
	}
	reference = reference_table_insert(batch->references, row, &found);
	if (found)
	{
		row->linked_child = reference->latest->linked_child;
		row->link_authority = reference->latest->link_authority;
		row->sent = reference->latest->sent;
		row->open_review = reference->latest->open_review;
	}
	reference->latest = row;
	decision = decide(batch, i);

	/* while a person looks at a reference, nothing more happens to it */
	if (row->open_review != 0 || decision->outcome == CP_OUTCOME_HOLD)
		settle_hold(batch, row, decision);
	else if (decision->outcome == CP_OUTCOME_MATCH)
		settle_match(batch, row, decision->child_id, decision->score);
	else
		(void) settle_new(batch, row, decision->score);
}

static void
make_persons(CpBatch *batch)
{
	MemoryContext caller = MemoryContextSwitchTo(batch->context);

	for (int i = 0; i < batch->n; i++)
	{
		if (batch->rows[i].present)
			batch->rows[i].person = cp_inbox_person(&batch->rows[i]);
	}
	MemoryContextSwitchTo(caller);
}

/*
 * Reads rows; with ahead searches for whom they may be, too.  Needs no lock;
 * the numbers are in ascending order.  Between SPI_connect and SPI_finish, as
 * all of these.
 */
CpBatch *
cp_settle_read(const int64 *numbers, int n, bool ahead)
{
	CpBatch    *batch = new_batch(numbers, n);

	make_persons(batch);
	batch->ahead = ahead;
	if (ahead)
	{
		cp_dictionary_refresh();
		batch->epoch = cp_epoch();
		batch->searched_to = search_from(batch, 0);
	}
	return batch;
}

/* Reads anew the rows of these references. */
static void
read_again(CpBatch *batch, const CpNews *news, int nnews)
{
	HASHCTL		ctl = {0};
	HTAB	   *told;

	ctl.keysize = sizeof(int64);
	ctl.entrysize = sizeof(int64);
	ctl.hcxt = CurrentMemoryContext;
	told = hash_create("contactpoint references", 1024, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	for (int i = 0; i < nnews; i++)
		if (news[i].kind == CP_NEWS_REFERENCE)
			(void) hash_search(told, &news[i].value, HASH_ENTER, NULL);
	for (int i = 0; i < batch->n; i++)
	{
		CpInboxRow *row = &batch->rows[i];
		int64		reference = row->present ? hash_reference(row) : 0;
		MemoryContext caller;

		if (!row->present || hash_search(told, &reference, HASH_FIND, NULL) == NULL)
			continue;
		caller = MemoryContextSwitchTo(batch->context);
		*row = *cp_inbox_read(&row->upload_id, 1);
		if (row->present)
			row->person = cp_inbox_person(row);
		batch->searched[i] = false;
		MemoryContextSwitchTo(caller);
	}
	hash_destroy(told);
}

/*
 * What was read and found without the lock, brought up to date with what others
 * have committed since.
 */
static void
catch_up(CpBatch *batch)
{
	MemoryContext caller;
	CpNews	   *news;
	int			nnews;

	run(EMBARGOED, NULL, NULL);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		char	   *source = TextDatumGetCString(column(i, 1));

		for (int r = 0; r < batch->n; r++)
			if (batch->rows[r].present && strcmp(batch->rows[r].source, source) == 0)
				batch->rows[r].waits = true;
	}
	if (!cp_news_since(batch->position, &news, &nnews))
	{
		caller = MemoryContextSwitchTo(batch->context);
		batch->rows = cp_inbox_read(batch->upload_ids, batch->n);
		make_persons(batch);
		batch->searched_to = 0;
		MemoryContextSwitchTo(caller);
		return;
	}
	read_again(batch, news, nnews);
	if (cp_epoch() != batch->epoch)
		batch->searched_to = 0;
	/* others have made records, so the epoch may end before */
	batch->searched_to = (int) Min((int64) batch->searched_to, Max(cp_epoch_room(), 0));
	for (int i = 0; i < nnews && batch->searched_to > 0; i++)
	{
		if (news[i].kind == CP_NEWS_KEY)
			cp_changes_add((int32) news[i].value);
		else if (news[i].kind == CP_NEWS_CHILD)
		{
			CpPerson   *person = cp_person_fetch(news[i].value);

			if (person != NULL)
				cp_delta_import(person);
		}
	}
}

/* Tells matchers that have read ahead what this batch changes. */
static void
tell_changes(void)
{
	int			n;
	int32	   *keys = cp_changes_all(&n);

	for (int i = 0; i < n; i++)
		cp_news_tell(CP_NEWS_KEY, keys[i]);
	cp_news_precise();
}

/*
 * Decides and writes.  The caller holds the matching lock, has started own work
 * and commits.
 */
void
cp_settle_write(CpBatch *batch)
{
	MemoryContext scratch = AllocSetContextCreate(batch->context, "contactpoint row",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(scratch);

	PG_TRY();
	{
		current = batch;
		cp_dictionary_refresh();
		if (batch->ahead)
			catch_up(batch);
		for (int i = 0; i < batch->n; i++)
		{
			cp_settling = i;
			if (i == batch->searched_to)
			{
				if (cp_epoch_room() <= 0)
				{
					flush(batch);
					cp_epoch_advance();
				}
				batch->searched_to = search_from(batch, i);
			}
			settle_row(batch, i);
			MemoryContextReset(scratch);
			CHECK_FOR_INTERRUPTS();
		}
		if (batch->ahead)
			tell_changes();
		flush(batch);
	}
	PG_FINALLY();
	{
		current = NULL;
	}
	PG_END_TRY();
	cp_settling = -1;
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(batch->context);
}

/*
 * A batch of one row that is held: what happens to it is decided already.
 */
static CpBatch *
read_held(int64 upload_id)
{
	CpBatch    *batch = cp_settle_read(&upload_id, 1, false);

	batch->rows[0].was_held = true;
	return batch;
}

/*
 * Holds a row that could not be processed, so that it stops nobody else.  Whom
 * it is about is not known, so it is treated as if near a shielded child.
 */
void
cp_settle_poisoned(int64 upload_id)
{
	CpDecision	decision = {0};
	CpBatch    *batch;

	SPI_connect();
	decision.outcome = CP_OUTCOME_HOLD;
	decision.shielded = true;
	decision.reason = "the row could not be processed";
	batch = new_batch(&upload_id, 1);
	if (batch->rows[0].present)
		settle_hold(batch, &batch->rows[0], &decision);
	flush(batch);
	SPI_finish();
}

/*
 * _settle_as(upload_id, outcome, child_id, review_id): settles a held row as a
 * person decided.  Called by _do_decide, which holds the matching lock.
 */
PG_FUNCTION_INFO_V1(contactpoint_settle_as);
Datum
contactpoint_settle_as(PG_FUNCTION_ARGS)
{
	char	   *outcome;
	int64		child_id;
	int64		review_id;
	CpBatch    *batch;
	CpInboxRow *row;

	if (!cp_in_own_work() || PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_CP_PROTECTED),
				 errmsg("held rows are settled by decide() only"),
				 errhint("SELECT contactpoint.decide(review_id, decision, child_id, note).")));
	outcome = text_to_cstring(PG_GETARG_TEXT_PP(1));
	child_id = PG_ARGISNULL(2) ? 0 : PG_GETARG_INT64(2);
	review_id = PG_ARGISNULL(3) ? 0 : PG_GETARG_INT64(3);
	SPI_connect();
	batch = read_held(PG_GETARG_INT64(0));
	row = &batch->rows[0];
	if (!row->present)
		elog(ERROR, "a held row has left the inbox");
	if (strcmp(outcome, "match") == 0)
		settle_match(batch, row, child_id, 0);
	else if (strcmp(outcome, "new") == 0)
	{
		if (row->given_names == NULL || row->family_name == NULL ||
			row->date_of_birth == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_CP_WRONG_STATE),
					 errmsg("the row has too little data for a record of its own"),
					 errhint("Ask the source to send names and date of birth, or decide reject.")));
		child_id = settle_new_of_review(batch, row, review_id);
	}
	else
		note_settled(batch, row, "reject", 0, 0);
	flush(batch);
	SPI_finish();
	if (child_id == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(child_id);
}

/*
 * _look_again(upload_id): compares a held row with what is known by now; what
 * is found joins its review.  Called by _do_decide, under the matching lock.
 */
PG_FUNCTION_INFO_V1(contactpoint_look_again);
Datum
contactpoint_look_again(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0) || !cp_in_own_work())
		ereport(ERROR,
				(errcode(ERRCODE_CP_PROTECTED),
				 errmsg("held rows are looked at again by decide() only"),
				 errhint("SELECT contactpoint.decide(review_id, decision, child_id, note).")));
	SPI_connect();
	cp_settle_write(read_held(PG_GETARG_INT64(0)));
	SPI_finish();
	PG_RETURN_VOID();
}
