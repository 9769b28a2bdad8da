/*-------------------------------------------------------------------------
 *
 * ledger.h
 *	  What the files of the ledger promise to each other: ledger, tree, tile,
 *	  head, sealer, verify, proof.
 *
 *	  The ledger is the journal in order and under seal.  Entry n (from 1) is
 *	  leaf n - 1 of a Merkle tree as RFC 9162 (section 2.1) defines it, with
 *	  SHA-256:
 *
 *		leaf hash	SHA-256(0x00 || leaf)
 *		node hash	SHA-256(0x01 || left || right)
 *		leaf		time, int64: microseconds since 1970-01-01 UTC
 *					process, int32; its number there, int64
 *					body, as src/entry.c writes it
 *
 *	  integers in network byte order.  The hashes of the tree are kept in tiles,
 *	  64 of one height in a row: tile t of level l has the hashes of the
 *	  complete subtrees with 64^l leaves, numbers 64 t to 64 t + 63.  So the
 *	  state of the tree at any former size is the first hashes of a few tiles.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CP_LEDGER_H
#define CP_LEDGER_H

#include "access/heapam.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "nodes/execnodes.h"
#include "utils/snapshot.h"

#include "audit.h"

#define CP_TILE_BITS 6
#define CP_TILE_WIDTH (1 << CP_TILE_BITS)
#define CP_TILE_LEVELS 11		/* 64^11 leaves are more than an int64 counts */

typedef struct CpHash
{
	uint8		bytes[PG_SHA256_DIGEST_LENGTH];
} CpHash;

typedef struct CpTile
{
	int			width;			/* hashes it has, 0 to 64 */
	CpHash		hashes[CP_TILE_WIDTH];
} CpTile;

/* ---------- tree.c: hashes and their order ---------- */

typedef struct CpTree CpTree;

/* What becomes of a tile that is full. */
typedef void (*CpTileDone) (CpTree *tree, int level, int64 number, const CpTile *tile);

struct CpTree
{
	int64		size;			/* leaves */
	pg_cryptohash_ctx *hasher;
	CpTile		open[CP_TILE_LEVELS];	/* the tiles that are not full */
	CpTileDone	done;
	void	   *argument;		/* of whoever is called by done */
};

/* The hasher belongs to the current resource owner, which must free it. */
extern pg_cryptohash_ctx *cp_hasher_begin(void);
extern void cp_hasher_end(pg_cryptohash_ctx *hasher);

/* A leaf without its leading zero, in the current memory context. */
extern bytea *cp_tree_leaf(TimestampTz at, int32 pid, int64 seq, const char *body, int length);

extern void cp_tree_leaf_hash(pg_cryptohash_ctx *hasher, TimestampTz at, int32 pid, int64 seq,
							  const char *body, int length, CpHash *hash);

/* The tree after size leaves, from its tiles.  done may be set afterwards. */
extern void cp_tree_load(CpTree *tree, int64 size, pg_cryptohash_ctx *hasher,
						 Relation tiles, Snapshot snapshot);
extern void cp_tree_push(CpTree *tree, const CpHash *leaf);

/* Number of the open tile of a level. */
extern int64 cp_tree_open_number(const CpTree *tree, int level);
extern void cp_tree_root(const CpTree *tree, CpHash *root);

/* What proofs are made from: the tree as it is stored. */
typedef struct CpStoredTree
{
	pg_cryptohash_ctx *hasher;
	Relation	tiles;
	Snapshot	snapshot;
} CpStoredTree;

/* Lists of CpHash *, in the order of the RFC, in the current memory context. */
extern List *cp_tree_inclusion_path(CpStoredTree *stored, int64 leaf, int64 size);
extern List *cp_tree_consistency_path(CpStoredTree *stored, int64 old_size, int64 new_size);

/* ---------- tile.c: where hashes are kept ---------- */

/* False where there is no such tile, or it is damaged. */
extern bool cp_tile_fetch(Relation tiles, Snapshot snapshot, int level, int64 number,
						  CpTile *tile);

/* The same, where it must be there with so many hashes; raises XX001. */
extern void cp_tile_read(Relation tiles, Snapshot snapshot, int level, int64 number,
						 int width, CpTile *tile);
extern void cp_tile_write(Relation tiles, Snapshot snapshot, int level, int64 number,
						  const CpTile *tile);

/* ---------- ledger.c: rows of the ledger ---------- */

#define CP_LEDGER_ROWS 500		/* put into the ledger at once */

/* the partition that is being written; starts as zeroes */
typedef struct CpLedgerWriter
{
	Relation	rel;			/* NULL: none is open */
	DateADT		month;
	EState	   *estate;
	ResultRelInfo *result;
	BulkInsertState bulk;
	TupleTableSlot *slots[CP_LEDGER_ROWS];	/* made as they are needed */
	int			nslots;
} CpLedgerWriter;

extern DateADT cp_ledger_month_of(TimestampTz at);
extern void cp_ledger_open_month(CpLedgerWriter *writer, DateADT month, int64 first_entry);
extern void cp_ledger_write(CpLedgerWriter *writer, DateADT month, int64 entry,
							const Datum *from);
extern void cp_ledger_close(CpLedgerWriter *writer);

/* ---------- head.c: how far the ledger goes ---------- */

typedef struct CpHead
{
	int64		size;			/* entries, 0: nothing is sealed yet */
	CpHash		root;
	TimestampTz sealed_at;
	DateADT		month;			/* first day of the month now being filled */
} CpHead;

extern void cp_head_read(CpHead *head, Snapshot snapshot);
extern void cp_head_write(const CpHead *head, Snapshot snapshot);

/* The last entry that retention has taken out of the ledger, 0: none. */
extern int64 cp_head_retired(void);

#endif							/* CP_LEDGER_H */
