/*-------------------------------------------------------------------------
 *
 * tally.c
 *	  How many of the latest rows of each source were held, and what follows.
 *
 *	  Rows are counted in the order in which they are settled, up to
 *	  contactpoint.held_share_rows, then anew.  As soon as more of them are held
 *	  than contactpoint.held_share_limit allows for so many rows, the source is
 *	  paused, once, in the transaction that settles the batch.  What was received
 *	  before is settled as ever: a pause changes no outcome.
 *
 *	  Rows that wait for the end of an embargo are not settled, and what a person
 *	  decides is not counted again.  Nor is a row that joins the review of its
 *	  reference: a feed could count up to the limit with one of them, and learn
 *	  from the pause what became of the next row.
 *
 *	  Locks: none but those of the rows that it writes; the row of a source that
 *	  somebody else keeps locked is left for the next batch.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "batch.h"

typedef struct CpTally
{
	const char *source;
	int			settled;
	int			held;
} CpTally;

static bool
is_too_much(const CpTally *tally)
{
	return tally->held > (int64) cp_held_share_rows * cp_held_share_limit / 100;
}

static CpTally *
tally_of(CpBatch *batch, const char *source)
{
	MemoryContext caller;
	CpTally    *tally;
	Datum		argument;
	ListCell   *cell;

	foreach(cell, batch->tallies)
	{
		tally = lfirst(cell);
		if (strcmp(tally->source, source) == 0)
			return tally;
	}
	caller = MemoryContextSwitchTo(batch->context);
	tally = palloc0(sizeof(CpTally));
	tally->source = source;
	batch->tallies = lappend(batch->tallies, tally);
	argument = CStringGetTextDatum(source);
	MemoryContextSwitchTo(caller);
	cp_batch_run(READ_TALLY, &argument, NULL);
	if (SPI_processed > 0)
	{
		tally->settled = DatumGetInt32(cp_batch_column(0, 1));
		tally->held = DatumGetInt32(cp_batch_column(0, 2));
	}
	SPI_freetuptable(SPI_tuptable);
	return tally;
}

void
cp_tally_note(CpBatch *batch, const CpInboxRow *row, bool held)
{
	CpTally    *tally;

	if (row->was_held)
		return;
	tally = tally_of(batch, row->source);
	tally->settled++;
	if (held)
		tally->held++;
	if (tally->settled >= cp_held_share_rows && !is_too_much(tally))
		tally->settled = tally->held = 0;
}

/* True where the source is paused now. */
static bool
pause_source(const char *source)
{
	Datum		argument = CStringGetTextDatum(source);

	cp_batch_run(PAUSE_SOURCE, &argument, NULL);
	return DatumGetBool(cp_batch_column(0, 1));
}

/*
 * Writes the counts; pauses sources of which too many rows were held.
 */
void
cp_tally_write(CpBatch *batch)
{
	ListCell   *cell;

	foreach(cell, batch->tallies)
	{
		CpTally    *tally = lfirst(cell);
		Datum		values[3] = {CStringGetTextDatum(tally->source)};

		if (is_too_much(tally) && pause_source(tally->source))
			tally->settled = tally->held = 0;
		values[1] = Int32GetDatum(tally->settled);
		values[2] = Int32GetDatum(tally->held);
		cp_batch_run(WRITE_TALLY, values, NULL);
	}
}
