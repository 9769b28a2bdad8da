/*-------------------------------------------------------------------------
 *
 * changes.c
 *	  Keys under which the transaction now running has changed records.
 *
 *	  A search found what stood under its keys at one moment.  Whoever holds
 *	  on to what was found asks here whether it still stands.  An aborted
 *	  subtransaction leaves its keys behind: one too many costs a search.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/hashfn.h"
#include "utils/memutils.h"

#include "keys.h"
#include "match.h"

typedef struct Change
{
	int32		key;
	uint32		at;				/* number of the last change */
	bool		elsewhere;		/* it counts in other processes only */
	char		status;
} Change;

#define SH_PREFIX change_table
#define SH_ELEMENT_TYPE Change
#define SH_KEY_TYPE int32
#define SH_KEY key
#define SH_HASH_KEY(tb, key) murmurhash32((uint32) (key))
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

static MemoryContext context = NULL;
static change_table_hash * changes = NULL;
static uint32 last_change = 0;
static uint32 everything_at = 0;	/* number of the last change of everything */

static void
transaction_ends(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE)
		return;
	if (context != NULL)
		MemoryContextDelete(context);
	context = NULL;
	changes = NULL;
}

static Change *
enter(int32 key, bool *found)
{
	static bool registered = false;

	if (!registered)
	{
		RegisterXactCallback(transaction_ends, NULL);
		registered = true;
	}
	if (changes == NULL)
	{
		context = AllocSetContextCreate(TopMemoryContext, "contactpoint changed keys",
										ALLOCSET_DEFAULT_SIZES);
		changes = change_table_create(context, 1024, NULL);
	}
	return change_table_insert(changes, key, found);
}

/* A record under this key is new, changed or gone. */
void
cp_changes_add(int32 key)
{
	bool		found;
	Change	   *change = enter(key, &found);

	change->at = ++last_change;
	change->elsewhere = false;
}

/* The same, for other processes: this one has it in the delta. */
static void
tell(int32 key)
{
	bool		found;
	Change	   *change = enter(key, &found);

	if (!found)
		change->elsewhere = true;
}

void
cp_changes_everything(void)
{
	everything_at = ++last_change;
}

/* Stands for a record that is not as it was found. */
int32
cp_changes_key_of(int64 child_id)
{
	return (int32) hash_bytes_uint32_extended((uint32) child_id, (uint64) child_id >> 32);
}

static void
add_differing(CpKey *(*make) (const CpPerson *person, int *nkeys), void (*add) (int32 key),
			  const CpPerson *before, const CpPerson *now)
{
	int			nold;
	int			nnew;
	const CpKey *old_keys = make(before, &nold);
	const CpKey *new_keys = make(now, &nnew);
	bool		all = before->date_of_birth != now->date_of_birth;
	int			o = 0;
	int			n = 0;

	while (o < nold || n < nnew)
	{
		int			order = o >= nold ? 1 : n >= nnew ? -1 : cp_key_order(&old_keys[o], &new_keys[n]);

		if (order != 0 || all)
			add(order <= 0 ? old_keys[o].key : new_keys[n].key);
		if (order <= 0)
			o++;
		if (order >= 0)
			n++;
	}
}

/*
 * A record changes.  Under a key that it keeps, whoever looks at it now looked
 * at it before: there its number says enough, which is among the keys of all
 * who found it.  Those of this process find the rest in the delta, where it is
 * in that.
 */
void
cp_changes_add_record(const CpPerson *before, const CpPerson *now, bool in_delta)
{
	void		(*add) (int32 key) = in_delta ? tell : cp_changes_add;

	cp_changes_add(cp_changes_key_of(before->child_id));
	add_differing(cp_match_keys, add, before, now);
	add_differing(cp_guard_keys, add, before, now);
}

void
cp_changes_tell_record(const CpPerson *now)
{
	int			nkeys;
	const CpKey *keys = cp_match_keys(now, &nkeys);

	while (nkeys-- > 0)
		tell(keys[nkeys].key);
	keys = cp_guard_keys(now, &nkeys);
	while (nkeys-- > 0)
		tell(keys[nkeys].key);
}

/* The moment now, for cp_changes_any(). */
uint32
cp_changes_now(void)
{
	return last_change;
}

/* Has a record under one of these keys changed since? */
bool
cp_changes_any(const int32 *keys, int nkeys, uint32 since)
{
	if (last_change == since)
		return false;
	if ((int32) (everything_at - since) > 0)
		return true;
	if (changes == NULL)
		return false;
	for (int i = 0; i < nkeys; i++)
	{
		Change	   *change = change_table_lookup(changes, keys[i]);

		/* counted round and round */
		if (change != NULL && !change->elsewhere && (int32) (change->at - since) > 0)
			return true;
	}
	return false;
}

/* All of them, palloc'd, in no order. */
int32 *
cp_changes_all(int *nkeys)
{
	change_table_iterator iterator;
	Change	   *change;
	int32	   *keys;
	int			n = 0;

	*nkeys = 0;
	if (changes == NULL)
		return NULL;
	keys = palloc(changes->members * sizeof(int32));
	change_table_start_iterate(changes, &iterator);
	while ((change = change_table_iterate(changes, &iterator)) != NULL)
		keys[n++] = change->key;
	*nkeys = n;
	return keys;
}
