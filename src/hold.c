/*-------------------------------------------------------------------------
 *
 * hold.c
 *	  A row that is held opens or joins the one review of its reference and
 *	  stays in the inbox.
 *
 *	  A review that is opened has its number at once, for the rows that come
 *	  after it in the batch, and waits with the others until cp_batch_flush; a
 *	  row that joins one that waits has them written first.
 *
 *	  The one review of a reference and its entry in held_reference are written
 *	  below the executor: what they refer to is locked here, and the row is
 *	  there.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/sequence.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "batch.h"

/* columns of contactpoint.review */
enum
{
	REVIEW_ID = 1,
	REVIEW_UPLOAD,
	REVIEW_SOURCE,
	REVIEW_SOURCE_REF,
	REVIEW_AUTHORITY,
	REVIEW_SCORE,
	REVIEW_CANDIDATES,
	REVIEW_SHIELDED,
	REVIEW_REASON,
	REVIEW_OPENED_AT,
	REVIEW_DUE_AT,
	REVIEW_COLUMNS = 17			/* those that follow come with the decision */
};

/* columns of contactpoint.held_reference */
enum
{
	HELD_SOURCE = 1,
	HELD_SOURCE_REF,
	HELD_REVIEW,
	HELD_COLUMNS = HELD_REVIEW
};

/* A review that waits to be written. */
typedef struct OpenedReview
{
	CpInboxRow *row;
	int64		authority;
	float4		score;
	bool		scored;			/* else it has none */
	Datum		candidates;		/* bigint[] */
	bool		shielded;
	const char *reason;
} OpenedReview;

/* ---------- what is shown ---------- */

/* As bigint[]; two numbers of one child among them are known to the registry alone. */
static Datum
shown_candidates(const CpDecision *decision)
{
	Datum	   *numbers = palloc(sizeof(Datum) * (list_length(decision->candidates) + 1));
	bool		former = false;
	ListCell   *cell;
	int			n = 0;
	Datum		array;

	foreach(cell, decision->candidates)
	{
		CpCandidate *candidate = lfirst(cell);

		numbers[n++] = Int64GetDatum(candidate->child_id);
		former |= candidate->nearness == CP_NEAR_FORMER;
	}
	array = cp_batch_numbers(numbers, n);
	if (!former)
		return array;
	cp_batch_run(SHOWN, &array, NULL);
	return cp_batch_column(0, 1);
}

/*
 * The shielded child that the row is about, most likely: whoever protects it sees
 * the row.  One that has the row's name as its own, whatever hidden names others
 * were given, and of several the one that was protected first.
 */
static int64
first_shielded(const CpInboxRow *row, const CpDecision *decision)
{
	Datum	   *numbers = palloc(sizeof(Datum) * (list_length(decision->candidates) + 1));
	int64		first = 0;
	ListCell   *cell;
	Datum		named;
	int			n = 0;

	foreach(cell, decision->candidates)
	{
		CpCandidate *candidate = lfirst(cell);

		if (candidate->nearness < CP_NEAR_SHIELDED)
			continue;
		if (first == 0)
			first = candidate->child_id;
		if (row->person != NULL && cp_shows_name(row->person, candidate->child_id))
			numbers[n++] = Int64GetDatum(candidate->child_id);
	}
	if (n == 0)
		return first;
	if (n == 1)
		return DatumGetInt64(numbers[0]);
	named = cp_batch_numbers(numbers, n);
	cp_batch_run(FIRST_PROTECTED, &named, NULL);
	return DatumGetInt64(cp_batch_column(0, 1));
}

/* Whose managers decide. */
static int64
deciding_authority(const CpInboxRow *row, int64 shielded)
{
	int64		own = row->authority != 0 ? row->authority : row->source_authority;
	Datum		values[2] = {Int64GetDatum(shielded), Int64GetDatum(own)};

	if (shielded == 0)
		return own;
	cp_batch_run(AUTHORITY_OF_LINK, values, NULL);
	return DatumGetInt64(cp_batch_column(0, 1));
}

/* ---------- one row ---------- */

static void
open_review(CpBatch *batch, CpInboxRow *row, const CpDecision *decision)
{
	int64		authority = deciding_authority(row, first_shielded(row, decision));
	Datum		candidates = shown_candidates(decision);
	MemoryContext caller = MemoryContextSwitchTo(batch->context);
	OpenedReview *review = palloc(sizeof(OpenedReview));

	review->row = row;
	review->authority = authority;
	review->score = (float4) decision->score;
	/* a score that climbs with the right guess would give a place away */
	review->scored = !decision->shielded;
	review->candidates = PointerGetDatum(DatumGetArrayTypePCopy(candidates));
	review->shielded = decision->shielded;
	review->reason = decision->reason;
	row->open_review = nextval_internal(cp_relation_oid("review_review_id_seq"), false);
	batch->reviews = lappend(batch->reviews, review);
	MemoryContextSwitchTo(caller);
}

static void
join_review(CpBatch *batch, const CpInboxRow *row, const CpDecision *decision)
{
	int64		shielded = first_shielded(row, decision);
	Datum	   *numbers = palloc(sizeof(Datum) * (list_length(decision->candidates) + 1));
	Datum		values[6];
	ListCell   *cell;
	int			n = 0;

	cp_reviews_write(batch);
	foreach(cell, decision->candidates)
		numbers[n++] = Int64GetDatum(((CpCandidate *) lfirst(cell))->child_id);
	values[0] = Int64GetDatum(row->upload_id);
	values[1] = Float4GetDatum((float4) decision->score);
	values[2] = cp_batch_numbers(numbers, n);
	values[3] = BoolGetDatum(decision->shielded);
	values[4] = Int64GetDatum(shielded);
	values[5] = Int64GetDatum(row->open_review);
	cp_batch_run(JOIN_REVIEW, values, shielded == 0 ? "    n " : NULL);
}

void
cp_settle_hold(CpBatch *batch, CpInboxRow *row, const CpDecision *decision)
{
	if (row->open_review != 0)
		join_review(batch, row, decision);
	else
		open_review(batch, row, decision);
	cp_news_tell(CP_NEWS_REFERENCE, cp_hash_reference(row));
	cp_note_settled(batch, row, "hold", 0, decision->score);
}

/* ---------- writing ---------- */

/* A superuser may have taken rows away since they were read: those have no review. */
static List *
still_there(List *reviews)
{
	int64	   *numbers = palloc(sizeof(int64) * list_length(reviews));
	bool	   *there = palloc0(sizeof(bool) * list_length(reviews));
	List	   *left = NIL;
	ListCell   *cell;
	int			n = 0;

	foreach(cell, reviews)
		numbers[n++] = ((OpenedReview *) lfirst(cell))->row->upload_id;
	cp_inbox_look(numbers, n, there);
	foreach(cell, reviews)
	{
		OpenedReview *review = lfirst(cell);

		if (there[foreach_current_index(cell)])
			left = lappend(left, review);
		else
		{
			review->row->present = false;
			review->row->open_review = 0;
		}
	}
	return left;
}

static void
lock_authorities(const List *reviews)
{
	int64	   *authorities = palloc(sizeof(int64) * list_length(reviews));
	Datum	   *numbers = palloc(sizeof(Datum) * list_length(reviews));
	Datum		argument;
	ListCell   *cell;
	int			n = 0;

	foreach(cell, reviews)
		authorities[n++] = ((OpenedReview *) lfirst(cell))->authority;
	n = cp_children_unique(authorities, n);
	for (int i = 0; i < n; i++)
		numbers[i] = Int64GetDatum(authorities[i]);
	argument = cp_batch_numbers(numbers, n);
	cp_batch_run(LOCK_ORGANISATIONS, &argument, NULL);
	if (SPI_processed != n)
		elog(ERROR, "an authority that must decide is gone");
}

static void
add_review(CpBulk *reviews, const OpenedReview *review)
{
	TimestampTz now = GetCurrentTimestamp();
	Interval	days = {0};
	Datum		values[REVIEW_COLUMNS] = {0};
	bool		nulls[REVIEW_COLUMNS];

	memset(nulls, true, sizeof(nulls));
	memset(nulls, false, REVIEW_DUE_AT * sizeof(bool));
	days.day = cp_review_days;
	values[REVIEW_ID - 1] = Int64GetDatum(review->row->open_review);
	values[REVIEW_UPLOAD - 1] = Int64GetDatum(review->row->upload_id);
	values[REVIEW_SOURCE - 1] = CStringGetTextDatum(review->row->source);
	values[REVIEW_SOURCE_REF - 1] = CStringGetTextDatum(review->row->source_ref);
	values[REVIEW_AUTHORITY - 1] = Int64GetDatum(review->authority);
	values[REVIEW_SCORE - 1] = Float4GetDatum(review->score);
	nulls[REVIEW_SCORE - 1] = !review->scored;
	values[REVIEW_CANDIDATES - 1] = review->candidates;
	values[REVIEW_SHIELDED - 1] = BoolGetDatum(review->shielded);
	values[REVIEW_REASON - 1] = CStringGetTextDatum(review->reason);
	values[REVIEW_OPENED_AT - 1] = TimestampTzGetDatum(now);
	values[REVIEW_DUE_AT - 1] = DirectFunctionCall2(timestamptz_pl_interval, TimestampTzGetDatum(now),
													IntervalPGetDatum(&days));
	cp_bulk_add(reviews, values, nulls);
}

static void
add_held(CpBulk *held, const OpenedReview *review)
{
	Datum		values[HELD_COLUMNS];
	bool		nulls[HELD_COLUMNS] = {false};

	values[HELD_SOURCE - 1] = CStringGetTextDatum(review->row->source);
	values[HELD_SOURCE_REF - 1] = CStringGetTextDatum(review->row->source_ref);
	values[HELD_REVIEW - 1] = Int64GetDatum(review->row->open_review);
	cp_bulk_add(held, values, nulls);
}

/* Writes the reviews that wait; the next command sees them. */
void
cp_reviews_write(CpBatch *batch)
{
	List	   *opened = batch->reviews;
	CpBulk	   *bulk;
	ListCell   *cell;

	batch->reviews = NIL;
	if (opened != NIL)
		opened = still_there(opened);
	if (opened == NIL)
		return;
	lock_authorities(opened);
	bulk = cp_bulk_begin("review");
	foreach(cell, opened)
		add_review(bulk, lfirst(cell));
	cp_bulk_write(bulk);
	bulk = cp_bulk_begin("held_reference");
	foreach(cell, opened)
		add_held(bulk, lfirst(cell));
	cp_bulk_write(bulk);
	CommandCounterIncrement();
}
