/*-------------------------------------------------------------------------
 *
 * held.c
 *	  Rows that are held: put there because they failed, settled as a person
 *	  decided, compared again.
 *
 *	  The callers hold the matching lock and have started own work.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/builtins.h"

#include "batch.h"

/*
 * A batch of one row that is held: what happens to it is decided already.
 */
static CpBatch *
read_held(int64 upload_id)
{
	CpBatch    *batch = cp_settle_read(&upload_id, 1, false);

	batch->rows[0].was_held = true;
	if (batch->rows[0].present)
		(void) cp_batch_person(batch, &batch->rows[0]);
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
	batch = cp_batch_new(&upload_id, 1);
	if (batch->rows[0].present)
	{
		cp_settle_hold(batch, &batch->rows[0], &decision);
		cp_tally_note(batch, &batch->rows[0], true);
	}
	cp_batch_flush(batch);
	cp_tally_write(batch);
	SPI_finish();
}

static bool
is_shielded(int64 child_id)
{
	CpPerson   *record = cp_person_fetch(child_id);

	return record != NULL && record->nearness >= CP_NEAR_SHIELDED;
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
	if (strcmp(outcome, "match") == 0 && row->embargoed && !is_shielded(child_id))
		ereport(ERROR,
				(errcode(ERRCODE_CP_UPLOADS_PAUSED),
				 errmsg("the source of this row is under an embargo, and the record is open"),
				 errhint("Decide when the embargo has ended, or decide reject.")));
	else if (strcmp(outcome, "match") == 0)
		cp_settle_match(batch, row, child_id, NULL, 0);
	else if (strcmp(outcome, "new") == 0)
		child_id = cp_settle_decided_new(batch, row, review_id);
	else
		cp_note_settled(batch, row, "reject", 0, 0);
	cp_batch_flush(batch);
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
