/*-------------------------------------------------------------------------
 *
 * walk.h
 *	  Ranges of a B-tree of whole numbers, one after the other in its order.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CP_WALK_H
#define CP_WALK_H

#include "storage/itemptr.h"
#include "utils/rel.h"
#include "utils/snapshot.h"

/* What the index is of; all columns NOT NULL, ascending. */
typedef enum CpWalkKind
{
	CP_WALK_KEYS,				/* key, date, two words, traits, child:
								 * CpKeyEntry */
	CP_WALK_NUMBERS				/* one bigint */
} CpWalkKind;

/*
 * A place in the order of an index: of its first two columns (CP_WALK_KEYS), or
 * of its number.
 */
#define CpWalkPair(first, second) \
	((uint64) ((uint32) (first) ^ PG_UINT32_HIGH) << 32 | ((uint32) (second) ^ PG_UINT32_HIGH))
#define CpWalkNumber(number) ((uint64) (number) ^ ((uint64) 1 << 63))
#define PG_UINT32_HIGH ((uint32) 1 << 31)

/* An entry of an index of keys, as it is laid out there. */
typedef struct CpKeyEntry
{
	int32		key;
	int32		birth;			/* a DateADT */
	int32		given;
	int32		family;
	int64		traits;
	int64		child_id;
} CpKeyEntry;

StaticAssertDecl(sizeof(CpKeyEntry) == 32, "an entry is laid out as index tuples are");

typedef struct CpWalkEntry
{
	union
	{
		CpKeyEntry	key;
		int64		number;
	}			data;
	ItemPointerData row;		/* where it is in the table */
} CpWalkEntry;

typedef struct CpWalk CpWalk;

/*
 * The index is open until the end, and the snapshot is registered.  An error
 * anywhere ends the walk by itself, with the transaction.
 */
extern CpWalk *cp_walk_begin(Relation index, CpWalkKind kind, Snapshot snapshot);

/* Goes to a range, ends included; none begins before the last one. */
extern void cp_walk_to(CpWalk *walk, uint64 from, uint64 to);

/*
 * The next entries of the range, in order, good until the next call; returns
 * how many, 0 at the end.  What the index says is dead to all is left out;
 * otherwise nothing is known of their rows.
 */
extern int	cp_walk_next(CpWalk *walk, const CpWalkEntry **entries);

/*
 * The walk will soon come to a range that begins there: has its page brought
 * near, from the disk or from memory.  A hint, any place will do.
 */
extern void cp_walk_expect(CpWalk *walk, uint64 from);

extern void cp_walk_end(CpWalk *walk);

#endif							/* CP_WALK_H */
