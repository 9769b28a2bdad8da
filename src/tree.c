/*-------------------------------------------------------------------------
 *
 * tree.c
 *	  The Merkle tree of the ledger, as RFC 9162 section 2.1 defines it.
 *
 *	  A tree that grows is, for each level of tiles, the one tile that is not
 *	  full yet.  From these follows its root.  Proofs are made from the tiles
 *	  as they are stored, by the recursions of the RFC; each visits some 60
 *	  tiles at most.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "port/pg_bitutils.h"
#include "port/pg_bswap.h"
#include "utils/timestamp.h"

#include "ledger.h"

#define LEAF_PREFIX 0x00
#define NODE_PREFIX 0x01
#define LEAF_FIXED 20			/* bytes of a leaf before its body */

/* ---------- hashes ---------- */

static void
hasher_failed(pg_cryptohash_ctx *hasher)
{
	elog(ERROR, "could not compute a hash: %s", pg_cryptohash_error(hasher));
}

/*
 * A hasher that must be freed under the same resource owner.
 */
pg_cryptohash_ctx *
cp_hasher_begin(void)
{
	pg_cryptohash_ctx *hasher = pg_cryptohash_create(PG_SHA256);

	if (hasher == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	return hasher;
}

void
cp_hasher_end(pg_cryptohash_ctx *hasher)
{
	pg_cryptohash_free(hasher);
}

static void
hash_parts(pg_cryptohash_ctx *hasher, uint8 prefix, const void *first, size_t first_length,
		   const void *second, size_t second_length, CpHash *hash)
{
	if (pg_cryptohash_init(hasher) < 0 ||
		pg_cryptohash_update(hasher, &prefix, 1) < 0 ||
		pg_cryptohash_update(hasher, first, first_length) < 0 ||
		pg_cryptohash_update(hasher, second, second_length) < 0 ||
		pg_cryptohash_final(hasher, hash->bytes, sizeof(hash->bytes)) < 0)
		hasher_failed(hasher);
}

static void
hash_node(pg_cryptohash_ctx *hasher, const CpHash *left, const CpHash *right, CpHash *hash)
{
	hash_parts(hasher, NODE_PREFIX, left, sizeof(CpHash), right, sizeof(CpHash), hash);
}

/*
 * The hash of a complete subtree over n (a power of two) hashes.
 */
static void
hash_complete(pg_cryptohash_ctx *hasher, const CpHash *hashes, int n, CpHash *hash)
{
	CpHash		level[CP_TILE_WIDTH];

	memcpy(level, hashes, n * sizeof(CpHash));
	for (; n > 1; n /= 2)
		for (int i = 0; i < n / 2; i++)
			hash_node(hasher, &level[2 * i], &level[2 * i + 1], &level[i]);
	*hash = level[0];
}

static void
put_fixed(char *leaf, TimestampTz at, int32 pid, int64 seq)
{
	const int64 epoch = (int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;
	uint64		at_bytes = pg_hton64((uint64) (at + epoch));
	uint32		pid_bytes = pg_hton32((uint32) pid);
	uint64		seq_bytes = pg_hton64((uint64) seq);

	memcpy(leaf, &at_bytes, 8);
	memcpy(leaf + 8, &pid_bytes, 4);
	memcpy(leaf + 12, &seq_bytes, 8);
}

/*
 * The bytes of a leaf, without the prefix that only the hash has.
 */
bytea *
cp_tree_leaf(TimestampTz at, int32 pid, int64 seq, const char *body, int length)
{
	bytea	   *leaf = palloc(VARHDRSZ + LEAF_FIXED + length);

	SET_VARSIZE(leaf, VARHDRSZ + LEAF_FIXED + length);
	put_fixed(VARDATA(leaf), at, pid, seq);
	memcpy(VARDATA(leaf) + LEAF_FIXED, body, length);
	return leaf;
}

void
cp_tree_leaf_hash(pg_cryptohash_ctx *hasher, TimestampTz at, int32 pid, int64 seq,
				  const char *body, int length, CpHash *hash)
{
	char		fixed[LEAF_FIXED];

	put_fixed(fixed, at, pid, seq);
	hash_parts(hasher, LEAF_PREFIX, fixed, LEAF_FIXED, body, length, hash);
}

/* ---------- a tree that grows ---------- */

/*
 * Hashes that a level has in a tree of this size.
 */
static int64
level_count(int64 size, int level)
{
	int			bits = CP_TILE_BITS * level;

	return bits < 63 ? size >> bits : 0;
}

int64
cp_tree_open_number(const CpTree *tree, int level)
{
	return level_count(tree->size, level) / CP_TILE_WIDTH;
}

/*
 * The tree as it was, or is, after size leaves: tiles only ever grow.  Raises
 * XX001 where one is missing.
 */
void
cp_tree_load(CpTree *tree, int64 size, pg_cryptohash_ctx *hasher, Relation tiles,
			 Snapshot snapshot)
{
	tree->size = size;
	tree->hasher = hasher;
	tree->done = NULL;
	for (int level = 0; level < CP_TILE_LEVELS; level++)
	{
		CpTile	   *open = &tree->open[level];

		open->width = (int) (level_count(size, level) % CP_TILE_WIDTH);
		if (open->width > 0)
			cp_tile_read(tiles, snapshot, level, cp_tree_open_number(tree, level),
						 open->width, open);
	}
}

/*
 * Appends a leaf by its hash; tells done about each tile that it fills.
 */
void
cp_tree_push(CpTree *tree, const CpHash *leaf)
{
	CpHash		hash = *leaf;

	for (int level = 0; level < CP_TILE_LEVELS; level++)
	{
		CpTile	   *open = &tree->open[level];

		open->hashes[open->width++] = hash;
		if (open->width < CP_TILE_WIDTH)
			break;
		if (tree->done != NULL)
			tree->done(tree, level, cp_tree_open_number(tree, level), open);
		hash_complete(tree->hasher, open->hashes, CP_TILE_WIDTH, &hash);
		open->width = 0;
	}
	tree->size++;
}

/*
 * The root: complete subtrees of falling size from left to right, joined from
 * the right.  That of no leaves is the hash of nothing.
 */
void
cp_tree_root(const CpTree *tree, CpHash *root)
{
	bool		any = false;

	for (int level = 0; level < CP_TILE_LEVELS; level++)
	{
		const CpTile *open = &tree->open[level];
		int			end = open->width;

		/* the last subtree in a tile is as large as the lowest bit says */
		while (end > 0)
		{
			int			n = end & -end;
			CpHash		left;

			hash_complete(tree->hasher, &open->hashes[end - n], n, &left);
			if (any)
				hash_node(tree->hasher, &left, root, root);
			else
				*root = left;
			any = true;
			end -= n;
		}
	}
	if (!any &&
		(pg_cryptohash_init(tree->hasher) < 0 ||
		 pg_cryptohash_final(tree->hasher, root->bytes, sizeof(root->bytes)) < 0))
		hasher_failed(tree->hasher);
}

/* ---------- proofs ---------- */

/*
 * Largest power of two smaller than n; n is at least 2.
 */
static int64
split(int64 n)
{
	return INT64CONST(1) << pg_leftmost_one_pos64((uint64) (n - 1));
}

/*
 * The hash of a complete subtree: 2^height leaves from the one given on.
 */
static void
stored_complete(CpStoredTree *stored, int64 first, int height, CpHash *hash)
{
	int			level = height / CP_TILE_BITS;
	int			n = 1 << (height % CP_TILE_BITS);
	int64		index = first >> (level * CP_TILE_BITS);
	int			slot = (int) (index % CP_TILE_WIDTH);
	CpTile		tile;

	cp_tile_read(stored->tiles, stored->snapshot, level, index / CP_TILE_WIDTH,
				 slot + n, &tile);
	hash_complete(stored->hasher, &tile.hashes[slot], n, hash);
}

/*
 * MTH of the RFC, for n leaves from the one given on.
 */
static void
stored_hash(CpStoredTree *stored, int64 first, int64 n, CpHash *hash)
{
	int64		k;
	CpHash		left;
	CpHash		right;

	if ((n & (n - 1)) == 0)
	{
		stored_complete(stored, first, pg_leftmost_one_pos64((uint64) n), hash);
		return;
	}
	k = split(n);
	stored_hash(stored, first, k, &left);
	stored_hash(stored, first + k, n - k, &right);
	hash_node(stored->hasher, &left, &right, hash);
}

static List *
append_hash(List *path, CpStoredTree *stored, int64 first, int64 n)
{
	CpHash	   *hash = palloc(sizeof(CpHash));

	stored_hash(stored, first, n, hash);
	return lappend(path, hash);
}

/*
 * PATH of the RFC, for leaf m of the n leaves from the first on.
 */
static List *
inclusion_path(CpStoredTree *stored, int64 m, int64 first, int64 n)
{
	int64		k;

	if (n == 1)
		return NIL;
	k = split(n);
	if (m < k)
		return append_hash(inclusion_path(stored, m, first, k), stored, first + k, n - k);
	return append_hash(inclusion_path(stored, m - k, first + k, n - k), stored, first, k);
}

/*
 * That leaf (from 0) is in the tree with size leaves, of which it is one.
 */
List *
cp_tree_inclusion_path(CpStoredTree *stored, int64 leaf, int64 size)
{
	return inclusion_path(stored, leaf, 0, size);
}

/*
 * SUBPROOF of the RFC.  known: the verifier has the hash of these m leaves.
 */
static List *
consistency_path(CpStoredTree *stored, int64 m, int64 first, int64 n, bool known)
{
	int64		k;

	if (m == n)
		return known ? NIL : append_hash(NIL, stored, first, n);
	k = split(n);
	if (m <= k)
		return append_hash(consistency_path(stored, m, first, k, known), stored, first + k, n - k);
	return append_hash(consistency_path(stored, m - k, first + k, n - k, false), stored, first, k);
}

/*
 * That the tree with new_size leaves begins with the one with old_size leaves,
 * of which there is at least one.
 */
List *
cp_tree_consistency_path(CpStoredTree *stored, int64 old_size, int64 new_size)
{
	return consistency_path(stored, old_size, 0, new_size, true);
}
