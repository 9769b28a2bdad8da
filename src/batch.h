/*-------------------------------------------------------------------------
 *
 * batch.h
 *	  Rows that are settled together: what is known of them, and what waits to
 *	  be written.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CP_BATCH_H
#define CP_BATCH_H

#include "utils/hsearch.h"

#include "match.h"
#include "settle.h"

#define CP_NUMBERS_AT_ONCE 256	/* child numbers drawn and checked together */

/* A child that rows of the batch go to. */
typedef struct CpBatchChild
{
	int64		child_id;		/* hash key */
	bool		made;			/* by a row of the batch, and not written yet */
	bool		responsible;	/* a row of the batch names who is */
	List	   *rows;			/* CpInboxRow *, that wrote details or will */
	int			waiting;		/* how many of them will */
} CpBatchChild;

/* A row whose outcome is to be recorded. */
typedef struct CpSettled
{
	CpInboxRow *row;
	const char *outcome;
	int64		child_id;		/* 0: none */
	float4		score;			/* NaN: nothing was compared */
} CpSettled;

struct reference_table_hash;

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
	struct reference_table_hash *references;
	HTAB	   *children;
	List	   *deliveries;		/* CpDelivery *, details that wait */
	List	   *settled;		/* CpSettled * */
	List	   *reviews;		/* OpenedReview *, to be written; hold.c's own */
	List	   *waiting;		/* CpInboxRow *, that wait for the end of an
								 * embargo */
	List	   *tallies;		/* CpTally *, of sources */
	HTAB	   *records;		/* ahead.c's own; NULL: none */
	HTAB	   *hidden_keys;	/* of places that hidden children were given;
								 * NULL: none */
	int64		numbers[CP_NUMBERS_AT_ONCE];	/* free child numbers */
	int			nnumbers;
	int			drawn;			/* so far */
};

/* ---------- batch.c: a batch and its statements ---------- */

typedef enum CpStatement
{
	EMBARGOED,
	LOCK_ORGANISATIONS,
	BORN_SHIELDED,
	HIDDEN_AMONG,
	PUT_SHIELDS,
	PUT_SHIELDED_RESPONSIBILITY,
	EXPECTED_IS_BORN,
	CHANGE_LINKS,
	AUTHORITY_OF_LINK,
	FIRST_PROTECTED,
	FORGET_SENT,
	CHANGE_SETTLEMENT,
	NOTE_WAITING,
	SHOWN,
	JOIN_REVIEW,
	READ_TALLY,
	WRITE_TALLY,
	PAUSE_SOURCE,
	N_STATEMENTS
} CpStatement;

/* Runs one of the statements; rows are in SPI_tuptable.  nulls as SPI has it. */
extern void cp_batch_run(CpStatement which, Datum *values, const char *nulls);

/* How many parameters has it? */
extern int	cp_batch_arguments(CpStatement which);

/* Column of a row of the last statement; 0 where it is null. */
extern Datum cp_batch_column(uint64 row, int column);

extern Datum cp_batch_numbers(Datum *numbers, int n);
extern uint32 cp_hash_reference(const CpInboxRow *row);

/* Reads rows, in ascending order, in a memory context of their own. */
extern CpBatch *cp_batch_new(const int64 *numbers, int n);
extern CpBatchChild *cp_batch_child(CpBatch *batch, int64 child_id);

/* The matching side of a row, made where it is not there yet. */
extern CpPerson *cp_batch_person(CpBatch *batch, CpInboxRow *row);

/* ---------- resent.c: rows that say what their reference said last ---------- */

/*
 * Keyed digest of all that a row sends to a child and, where nothing else bears
 * on what becomes of it, of the record as it is then (NULL: not known); never 0.
 */
extern int64 cp_resent_digest(const CpInboxRow *row, int64 child_id, const CpPerson *record);

/* Is it worth while to see whether a row says the same? */
extern bool cp_resent_may_be(const CpInboxRow *row);

/* Fills in the digests of records; under the matching lock. */
extern void cp_resent_read(CpBatch *batch);

/*
 * Does a row say what its reference said last, of a record that is as it was then?
 * Then it goes to that record and writes nothing.
 */
extern bool cp_resent(CpBatch *batch, const CpInboxRow *row);

/* ---------- outcome.c: what happens to one row ---------- */

/*
 * Has the row's source sent this child anything in the batch?  With other_reference:
 * and the last of it under another reference than the row's?
 */
extern bool cp_same_source_writes(const CpBatchChild *child, const CpInboxRow *row, bool other_reference);

/* The batch in which others may ask for links, or NULL. */
extern CpBatch *cp_current_batch;

extern void cp_note_settled(CpBatch *batch, CpInboxRow *row, const char *outcome, int64 child_id,
							double score);
extern void cp_settle_match(CpBatch *batch, CpInboxRow *row, int64 child_id,
							const CpPerson *record, double score);
extern int64 cp_settle_new(CpBatch *batch, CpInboxRow *row, double score);
extern int64 cp_settle_decided_new(CpBatch *batch, CpInboxRow *row, int64 review_id);

/* ---------- hold.c: rows that are held, and their reviews ---------- */

extern void cp_settle_hold(CpBatch *batch, CpInboxRow *row, const CpDecision *decision);

/* Writes the reviews that wait; the next command sees them. */
extern void cp_reviews_write(CpBatch *batch);

/* ---------- ahead.c: records to which rows will go ---------- */

/*
 * Reads ahead for rows that were searched for, by their places in the batch.
 * Under the matching lock, which is kept until they are written.
 */
extern void cp_ahead_read(CpBatch *batch, int from, int to);

/*
 * Rows of address_open of a child (HeapTuple), which belong to the batch; false
 * where they are not known, or rows of the batch go to the child.
 */
extern bool cp_ahead_addresses(int64 child_id, List **addresses);

/* ---------- household.c: are the places of a row those of a hidden child? ---------- */

typedef struct CpHouseholdKey
{
	CpPlaceOf	of;
	int64		key;
} CpHouseholdKey;

/* Makes the keys of a row, once; they lie in the batch. */
extern void cp_household_keys(CpBatch *batch, CpInboxRow *row);

/*
 * Reads ahead for rows that were searched for, by their places in the batch.
 * Under the matching lock, which is kept until they are written.
 */
extern void cp_household_read(CpBatch *batch, int from, int to);

/* The details that a row brought have been written to a child that is shielded. */
extern void cp_household_note(CpBatch *batch, CpInboxRow *row);

/* Do the places that a row brings lead to a child that is hidden, and whose is it? */
extern bool cp_household_hidden(CpBatch *batch, CpInboxRow *row, int64 *authority);

/* ---------- birth.c: records that are born shielded ---------- */

/*
 * Whether the record that a row makes is born shielded, and why: fills birth and
 * shielded of its delivery.  May write what waits.
 */
extern void cp_birth_decide(CpBatch *batch, CpDelivery *delivery);

/* Puts the shields of records that are inserted with these deliveries. */
extern void cp_birth_shields(CpDelivery **deliveries, int n);

/* ---------- tally.c: how many rows of a source are held ---------- */

extern void cp_tally_note(CpBatch *batch, const CpInboxRow *row, bool held);

/* Writes the counts; pauses sources of which too many rows were held. */
extern void cp_tally_write(CpBatch *batch);

/* ---------- outcome_write.c: what waits becomes rows of the registry ---------- */

extern void cp_insert_children(CpDelivery **deliveries, int n);

/* Children, details and links of deliveries to locked or new children. */
extern void cp_write_deliveries(CpDelivery **deliveries, int n);

/* Writes all that waits. */
extern void cp_batch_flush(CpBatch *batch);

#endif							/* CP_BATCH_H */
