/*-------------------------------------------------------------------------
 *
 * walk.c
 *	  Ranges of a B-tree of whole numbers, one after the other in its order.
 *
 *	  A batch has some thousand ranges to read, most of them of no entry or a
 *	  few.  A scan of the access method begins each at the root, and calls a
 *	  function for every number that it compares; that was most of the time
 *	  of a search.  A walk goes on from where it is: up as far as it must and
 *	  down again, which is often no step at all.
 *
 *	  Pages are read as nbtree/README says: never more than one is locked,
 *	  and what splits meanwhile has gone to the right.  A page that is pinned
 *	  and not locked may be split or given up.  But where it begins never
 *	  moves to the right, so for a range behind the last one it is still a
 *	  place to start from.  No page is used for anything else as long as the
 *	  snapshot is held.
 *
 *	  Entries are returned without a look at the heap.  Nothing is locked
 *	  between two calls.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/nbtree.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/predicate.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "walk.h"

#define MAX_LEVELS 16			/* a tree of 2^32 pages has fewer */
#define NEAR_LINES 12			/* of memory, that hold the line pointers */
#define MAX_EXPECTED 8			/* ranges; a power of 2 */
#define MAX_GUESSES 4			/* on one page, before it is halved */
#define NO_END PG_UINT64_MAX	/* nothing is behind it */

/* The page that the walk has come to on one level; 0 is that of the leaves. */
typedef struct Level
{
	Buffer		buffer;			/* pinned, not locked */
	uint64		from;			/* no place from here on is to the left of it */
	uint64		end;			/* it holds nothing behind this place */
} Level;

/* A leaf that the walk will come to: no page to the left of it leads to the place. */
typedef struct Expected
{
	uint64		place;
	BlockNumber block;
	Buffer		buffer;			/* where it was then, not pinned */
} Expected;

struct CpWalk
{
	Relation	index;
	Snapshot	snapshot;
	CpWalkKind	kind;
	bool		skip_dead;
	int			nlevels;		/* 0: not begun, or to be begun anew */
	Level		levels[MAX_LEVELS];
	uint64		from;			/* the range */
	uint64		to;
	bool		begun;
	BlockNumber next;			/* the leaf that the range goes on in */
	Expected	expected[MAX_EXPECTED]; /* in their order */
	uint32		nexpected;		/* so many were, the last ones are here */
	uint32		nmet;			/* so many of them are behind */
	CpWalkEntry entries[MaxTIDsPerBTreePage];
};

/* ---------- tuples ---------- */

static const char *
data_of(IndexTuple tuple)
{
	return (const char *) tuple + MAXALIGN(sizeof(IndexTupleData));
}

/* Columns of a tuple that stands for a page have been cut off: they come before all numbers. */
static inline uint64
place_of(const CpWalk *walk, IndexTuple tuple, int ncolumns)
{
	int32		first;
	int32		second = PG_INT32_MIN;
	int64		number;

	if (walk->kind == CP_WALK_NUMBERS)
	{
		memcpy(&number, data_of(tuple), sizeof(number));
		return CpWalkNumber(number);
	}
	memcpy(&first, data_of(tuple), sizeof(first));
	if (ncolumns > 1)
		memcpy(&second, data_of(tuple) + sizeof(first), sizeof(second));
	return CpWalkPair(first, second);
}

static inline IndexTuple
tuple_at(Page page, OffsetNumber offset)
{
	return (IndexTuple) PageGetItem(page, PageGetItemId(page, offset));
}

/*
 * Is a place behind all that is before this tuple, which bounds a page?  Then it
 * is not to be looked for to the left of it.
 */
static inline bool
is_behind(const CpWalk *walk, IndexTuple bound, uint64 place)
{
	int			ncolumns = BTreeTupleGetNAtts(bound, walk->index);
	uint64		at;

	if (ncolumns == 0)
		return true;
	at = place_of(walk, bound, ncolumns);
	if (at != place)
		return at < place;
	/* where more columns count, some of this place are to the left */
	return ncolumns <= (walk->kind == CP_WALK_NUMBERS ? 1 : 2) && BTreeTupleGetHeapTID(bound) == NULL;
}

/* ---------- pages ---------- */

static Page
check_page(const CpWalk *walk, Buffer buffer)
{
	Page		page = BufferGetPage(buffer);

	if (PageIsNew(page) || PageGetSpecialSize(page) != MAXALIGN(sizeof(BTPageOpaqueData)))
		ereport(ERROR,
				(errcode(ERRCODE_INDEX_CORRUPTED),
				 errmsg("index \"%s\" contains a page that is none of a B-tree", RelationGetRelationName(walk->index)),
				 errhint("REINDEX it.")));
	return page;
}

/*
 * A place is not to the left of a page, which has just been locked; is it on it?
 * Notes where the page ends.  Raises 72000 where entries that the snapshot needs
 * may have been taken away (old_snapshot_threshold).
 */
static bool
may_hold(const CpWalk *walk, Level *level, Page page, uint64 place)
{
	BTPageOpaque opaque = BTPageGetOpaque(page);
	IndexTuple	high;

	cp_test_for_old_snapshot(walk->snapshot, walk->index, page);
	if (P_IGNORE(opaque))
		return false;
	if (P_RIGHTMOST(opaque))
	{
		level->end = NO_END;
		return true;
	}
	high = tuple_at(page, P_HIKEY);
	level->end = place_of(walk, high, BTreeTupleGetNAtts(high, walk->index));
	return !is_behind(walk, high, place);
}

static BlockNumber
right_of(const CpWalk *walk, Page page)
{
	BTPageOpaque opaque = BTPageGetOpaque(page);

	if (P_RIGHTMOST(opaque))
		elog(ERROR, "fell off the end of index \"%s\"", RelationGetRelationName(walk->index));
	return opaque->btpo_next;
}

/* Pins a page, perhaps where it was found before. */
static Buffer
pin_page(const CpWalk *walk, Buffer old, BlockNumber block, Buffer recent)
{
	if (!BufferIsValid(recent))
		return ReleaseAndReadBuffer(old, walk->index, block);
	if (BufferIsValid(old))
		ReleaseBuffer(old);
	if (ReadRecentBuffer(CpRelationLocator(walk->index), MAIN_FORKNUM, block, recent))
		return recent;
	return ReadBuffer(walk->index, block);
}

/*
 * Goes to a page of a level, and to the right as far as the place is; returns it
 * locked.  recent: where it may be, or InvalidBuffer.
 */
static Page
enter_page(CpWalk *walk, int at, BlockNumber block, Buffer recent, uint64 place)
{
	Level	   *level = &walk->levels[at];

	for (;;)
	{
		Page		page;

		level->buffer = pin_page(walk, level->buffer, block, recent);
		recent = InvalidBuffer;
		LockBuffer(level->buffer, BUFFER_LOCK_SHARE);
		page = check_page(walk, level->buffer);
		level->from = place;
		if (may_hold(walk, level, page, place))
			return page;
		block = right_of(walk, page);
		LockBuffer(level->buffer, BUFFER_LOCK_UNLOCK);
		CHECK_FOR_INTERRUPTS();
	}
}

static void
release(CpWalk *walk)
{
	for (int i = 0; i < walk->nlevels; i++)
		if (BufferIsValid(walk->levels[i].buffer))
			ReleaseBuffer(walk->levels[i].buffer);
	walk->nlevels = 0;
}

/* The root, or what does for it; InvalidBlockNumber where the tree is empty. */
static BlockNumber
find_root(CpWalk *walk, int *level)
{
	Buffer		buffer = ReadBuffer(walk->index, BTREE_METAPAGE);
	BTMetaPageData *meta;
	BlockNumber root;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	meta = BTPageGetMeta(check_page(walk, buffer));
	if (meta->btm_magic != BTREE_MAGIC || meta->btm_version != BTREE_VERSION)
		elog(ERROR, "index \"%s\" is of a version that is not known", RelationGetRelationName(walk->index));
	root = meta->btm_root == P_NONE ? InvalidBlockNumber : meta->btm_fastroot;
	*level = (int) meta->btm_fastlevel;
	UnlockReleaseBuffer(buffer);
	if (*level >= MAX_LEVELS)
		elog(ERROR, "index \"%s\" has too many levels", RelationGetRelationName(walk->index));
	return root;
}

/* The page below that leads to a place: the last that begins before it. */
static BlockNumber
page_below(const CpWalk *walk, Page page, uint64 place)
{
	OffsetNumber low = P_FIRSTDATAKEY(BTPageGetOpaque(page));
	OffsetNumber high = PageGetMaxOffsetNumber(page);

	/* the first of a page stands for all before the second, whatever it holds */
	while (low < high)
	{
		OffsetNumber middle = low + (high - low + 1) / 2;

		if (is_behind(walk, tuple_at(page, middle), place))
			low = middle;
		else
			high = middle - 1;
	}
	return BTreeTupleGetDownLink(tuple_at(page, low));
}

/* Locks the page that the walk is on if it leads to a place; NULL: it does not. */
static Page
stay(CpWalk *walk, int at, uint64 place)
{
	Level	   *level = &walk->levels[at];
	Page		page;

	/* pages become smaller at the right only */
	if (place < level->from || place > level->end)
		return NULL;
	/* what is on this page may have begun to the left of it (next_leaf) */
	if (place == NO_END)
		return NULL;
	LockBuffer(level->buffer, BUFFER_LOCK_SHARE);
	page = BufferGetPage(level->buffer);
	if (may_hold(walk, level, page, place))
		return page;
	LockBuffer(level->buffer, BUFFER_LOCK_UNLOCK);
	return NULL;
}

/* The leaf that was expected to hold a place, locked; NULL: none was. */
static Page
expected_leaf(CpWalk *walk, uint64 place)
{
	while (walk->nmet < walk->nexpected)
	{
		Expected   *expected = &walk->expected[walk->nmet % MAX_EXPECTED];

		if (expected->place > place)
			break;
		walk->nmet++;
		if (expected->place == place)
			return enter_page(walk, 0, expected->block, expected->buffer, place);
	}
	return NULL;
}

/* Goes to the leaf on which a place is, or the first behind it; locked, NULL: the tree is empty. */
static Page
find_leaf(CpWalk *walk, uint64 place)
{
	int			at = 0;
	Page		page = walk->nlevels > 0 ? stay(walk, at, place) : NULL;

	if (page == NULL && walk->nlevels > 1 && (page = expected_leaf(walk, place)) != NULL)
		return page;
	while (page == NULL && ++at < walk->nlevels)
		page = stay(walk, at, place);
	if (page == NULL)
	{
		BlockNumber root;

		release(walk);
		root = find_root(walk, &at);
		if (root == InvalidBlockNumber)
			return NULL;
		walk->nlevels = at + 1;
		memset(walk->levels, 0, sizeof(walk->levels));
		page = enter_page(walk, at, root, InvalidBuffer, place);
	}
	while (at > 0)
	{
		BlockNumber below = page_below(walk, page, place);

		LockBuffer(walk->levels[at].buffer, BUFFER_LOCK_UNLOCK);
		page = enter_page(walk, --at, below, InvalidBuffer, place);
	}
	return page;
}

/* ---------- entries ---------- */

/*
 * The first entry of a leaf that is not before a place.  What the entries of a
 * page hold lies about evenly between its ends: a few guesses come near, where
 * halving would touch other memory each time.
 */
static OffsetNumber
first_entry(const CpWalk *walk, Page page, uint64 place)
{
	OffsetNumber low = P_FIRSTDATAKEY(BTPageGetOpaque(page));
	OffsetNumber high = PageGetMaxOffsetNumber(page) + 1;
	uint64		least;
	uint64		most = walk->levels[0].end;

	if (low >= high)
		return low;
	least = place_of(walk, tuple_at(page, low), 2);
	if (least >= place)
		return low;
	low++;
	for (int guesses = 0; low < high; guesses++)
	{
		int			middle = (high - low) / 2;
		uint64		at;

		if (guesses < MAX_GUESSES && most > place)
			middle = Min((int) ((double) (place - least) / (double) (most - least) * (high - low)), high - low - 1);
		at = place_of(walk, tuple_at(page, low + middle), 2);
		if (at < place)
		{
			least = at;
			low += middle + 1;
		}
		else
		{
			most = at;
			high = low + middle;
		}
	}
	return low;
}

static int
copy_entry(const CpWalk *walk, IndexTuple tuple, CpWalkEntry *to)
{
	int			n = BTreeTupleIsPosting(tuple) ? BTreeTupleGetNPosting(tuple) : 1;

	for (int i = 0; i < n; i++)
	{
		memcpy(&to[i].data, data_of(tuple),
			   walk->kind == CP_WALK_NUMBERS ? sizeof(to->data.number) : sizeof(to->data.key));
		to[i].row = BTreeTupleIsPosting(tuple) ? *BTreeTupleGetPostingN(tuple, i) : tuple->t_tid;
	}
	return n;
}

/* Takes the entries of the range from a leaf that is locked, and unlocks it. */
static int
take_entries(CpWalk *walk, Page page, uint64 from)
{
	BTPageOpaque opaque = BTPageGetOpaque(page);
	OffsetNumber last = PageGetMaxOffsetNumber(page);
	OffsetNumber offset;
	int			n = 0;

	PredicateLockPage(walk->index, BufferGetBlockNumber(walk->levels[0].buffer), walk->snapshot);
	for (offset = first_entry(walk, page, from); offset <= last; offset++)
	{
		ItemId		item = PageGetItemId(page, offset);
		IndexTuple	tuple = (IndexTuple) PageGetItem(page, item);

		if (place_of(walk, tuple, 2) > walk->to)
			break;
		if (!(walk->skip_dead && ItemIdIsDead(item)))
			n += copy_entry(walk, tuple, &walk->entries[n]);
	}
	walk->next = offset <= last || P_RIGHTMOST(opaque) || walk->levels[0].end > walk->to ?
		InvalidBlockNumber : opaque->btpo_next;
	LockBuffer(walk->levels[0].buffer, BUFFER_LOCK_UNLOCK);
	return n;
}

/* The leaf to the right, locked; one that was given up is stepped over. */
static Page
next_leaf(CpWalk *walk)
{
	uint64		end = walk->levels[0].end;
	Page		page = enter_page(walk, 0, walk->next, InvalidBuffer, 0);

	/* of the end itself something is to the left */
	walk->levels[0].from = end < NO_END ? end + 1 : NO_END;
	return page;
}

/*
 * There is nothing finer to lock in an empty tree.  What was inserted before it
 * was locked is looked for, since who inserted it did not meet the lock.
 */
static Page
find_leaf_in_empty(CpWalk *walk, uint64 place)
{
	PredicateLockRelation(walk->index, walk->snapshot);
	return IsolationIsSerializable() ? find_leaf(walk, place) : NULL;
}

/* ---------- the walk ---------- */

CpWalk *
cp_walk_begin(Relation index, CpWalkKind kind, Snapshot snapshot)
{
	CpWalk	   *walk = palloc(sizeof(CpWalk));

	if (index->rd_rel->relam != BTREE_AM_OID)
		elog(ERROR, "index \"%s\" is no B-tree", RelationGetRelationName(index));
	walk->index = index;
	walk->snapshot = snapshot;
	walk->kind = kind;
	/* a standby may still need what is dead on the primary */
	walk->skip_dead = !snapshot->takenDuringRecovery;
	walk->nlevels = 0;
	walk->nexpected = 0;
	walk->nmet = 0;
	walk->from = 0;
	return walk;
}

void
cp_walk_to(CpWalk *walk, uint64 from, uint64 to)
{
	if (from < walk->from)
		elog(ERROR, "a walk through an index cannot go back");
	walk->from = from;
	walk->to = to;
	walk->begun = false;
}

int
cp_walk_next(CpWalk *walk, const CpWalkEntry **entries)
{
	int			n = 0;

	*entries = walk->entries;
	CHECK_FOR_INTERRUPTS();
	if (!walk->begun)
	{
		Page		page = find_leaf(walk, walk->from);

		walk->begun = true;
		walk->next = InvalidBlockNumber;
		if (page == NULL)
			page = find_leaf_in_empty(walk, walk->from);
		if (page != NULL)
			n = take_entries(walk, page, walk->from);
	}
	while (n == 0 && walk->next != InvalidBlockNumber)
	{
		CHECK_FOR_INTERRUPTS();
		n = take_entries(walk, next_leaf(walk), walk->from);
	}
	return n;
}

/*
 * Has the beginning and the end of a page brought near, where its bounds and
 * first line pointers are.  Nothing is read from it: it is not pinned.
 */
static void
bring_near(Buffer buffer)
{
	char	   *page = BufferGetPage(buffer);

	for (int i = 0; i < NEAR_LINES; i++)
		__builtin_prefetch(page + i * 64);
	__builtin_prefetch(page + BLCKSZ - 1);
}

void
cp_walk_expect(CpWalk *walk, uint64 from)
{
	Level	   *above = &walk->levels[1];
	Expected   *expected;
	BlockNumber block = InvalidBlockNumber;
	Page		page;

	if (walk->nlevels < 2 || from < above->from || from > above->end || from <= walk->levels[0].end ||
		walk->nexpected - walk->nmet >= MAX_EXPECTED)
		return;
	LockBuffer(above->buffer, BUFFER_LOCK_SHARE);
	page = BufferGetPage(above->buffer);
	if (may_hold(walk, above, page, from))
		block = page_below(walk, page, from);
	LockBuffer(above->buffer, BUFFER_LOCK_UNLOCK);
	if (block == InvalidBlockNumber)
		return;
	expected = &walk->expected[walk->nexpected++ % MAX_EXPECTED];
	expected->place = from;
	expected->block = block;
	expected->buffer = PrefetchBuffer(walk->index, MAIN_FORKNUM, block).recent_buffer;
	if (BufferIsValid(expected->buffer))
		bring_near(expected->buffer);
}

void
cp_walk_end(CpWalk *walk)
{
	release(walk);
	pfree(walk);
}
