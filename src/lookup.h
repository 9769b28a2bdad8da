/*-------------------------------------------------------------------------
 *
 * lookup.h
 *	  Rows of a table by one of its indexes, below the executor, for many keys
 *	  one after the other.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CP_LOOKUP_H
#define CP_LOOKUP_H

#include "access/genam.h"
#include "executor/tuptable.h"
#include "storage/lockdefs.h"

#include "contactpoint.h"

typedef struct CpLookup
{
	Relation	rel;
	Relation	index;
	Snapshot	snapshot;
	IndexScanDesc scan;
	TupleTableSlot *slot;		/* the row that was found, deformed */
	struct CpWalk *walk;		/* cp_lookup_to_number: through the numbers */
	const struct CpWalkEntry *entries;	/* of this number, not yet returned */
	int			nentries;
	Datum		first;			/* cp_lookup_ascending: the text looked for
								 * last, 0: none */
	bool		at_end;			/* and no row follows it */
	MemoryContext context;		/* in which it began: a scan asks for memory
								 * whenever it likes */
} CpLookup;

/*
 * Opens table and index, locked to the end of the transaction, with a snapshot
 * of this moment: what is written later is not met.  nkeys: columns of the index
 * that are asked for.  All of it lies in the current memory context.  Whoever
 * gives up by an error leaves it to the abort.
 */
extern void cp_lookup_begin(CpLookup *lookup, const char *table, const char *index, int nkeys, LOCKMODE lock);
extern void cp_lookup_end(CpLookup *lookup);

/* The next row into the slot; false: there are no more. */
extern bool cp_lookup_next(CpLookup *lookup);

/* From a number on, in an index whose first column it is. */
extern void cp_lookup_from(CpLookup *lookup, int64 number);

/* Those with a number, not less than the last one, in an index whose first column it is. */
extern void cp_lookup_to_number(CpLookup *lookup, int64 number);

/* To the first row with a text, or two, in an index that begins with these columns. */
extern bool cp_lookup_to_texts(CpLookup *lookup, Datum first, Datum second);

/*
 * The same where the second texts ascend, by bytes, as long as the first one is
 * the same Datum: for a table that has few of them.
 */
extern bool cp_lookup_ascending(CpLookup *lookup, Datum first, Datum second);

/*
 * To the rows with these numbers, which ascend, in an index whose first column
 * they are and of which none has two; calls found with the place of each that is
 * there.
 */
extern void cp_lookup_numbers(CpLookup *lookup, const int64 *numbers, int n,
							  void (*found) (CpLookup *lookup, int place, void *argument), void *argument);

static inline Datum
cp_slot_value(const TupleTableSlot *slot, int column)
{
	return slot->tts_values[column - 1];
}

static inline bool
cp_slot_is_null(const TupleTableSlot *slot, int column)
{
	return slot->tts_isnull[column - 1];
}

/* A bigint, 0 where it is null. */
static inline int64
cp_slot_number(const TupleTableSlot *slot, int column)
{
	return cp_slot_is_null(slot, column) ? 0 : DatumGetInt64(cp_slot_value(slot, column));
}

#endif							/* CP_LOOKUP_H */
