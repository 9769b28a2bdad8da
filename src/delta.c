/*-------------------------------------------------------------------------
 *
 * delta.c
 *	  New and changed records of the transaction now running that are not in
 *	  the indexes yet.
 *
 *	  Whoever makes or changes many records adds each one here at once, where
 *	  every search of this process looks too, and has them written together, in
 *	  the order of the indexes: that is several times cheaper than one by one.
 *	  All keys of a record are here, so what the indexes say of one that is
 *	  changed, or written meanwhile, does not count.
 *
 *	  Invariants: all is written when the transaction commits, or it fails; its
 *	  end empties the delta.  The abort of a subtransaction empties it, too; it
 *	  cannot tell what came before it, so where something was not written the
 *	  transaction must end.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/hashfn.h"
#include "utils/memutils.h"

#include "keys.h"
#include "match.h"

typedef struct Chain
{
	int32		key;
	int			first;			/* in entries */
	char		status;
} Chain;

#define SH_PREFIX chain_table
#define SH_ELEMENT_TYPE Chain
#define SH_KEY_TYPE int32
#define SH_KEY key
#define SH_HASH_KEY(tb, key) murmurhash32((uint32) (key))
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

typedef struct Place
{
	int64		child_id;
	int			record;
	char		status;
} Place;

#define SH_PREFIX place_table
#define SH_ELEMENT_TYPE Place
#define SH_KEY_TYPE int64
#define SH_KEY child_id
#define SH_HASH_KEY(tb, key) hash_bytes_uint32_extended((uint32) (key), (uint64) (key) >> 32)
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

typedef struct Record
{
	CpPerson   *now;			/* NULL: it has changed again */
	CpPerson   *stored;			/* what match_person has, perhaps the same;
								 * NULL: nothing */
} Record;

static MemoryContext context = NULL;
static Record *records;
static int	nrecords = 0;
static int	nwritten = 0;		/* the first ones are in the indexes as well */
static int	nmade = 0;			/* of the others that are new */
static int	nhidden = 0;		/* of all that the indexes have as well */
static int	base = 0;			/* number of the first: none is given twice */
static int	size;
static CpDeltaEntry *entries;
static int	nentries;
static int	entries_size;
static chain_table_hash * chains;
static place_table_hash * places;
static bool lost = false;		/* by the abort of a subtransaction */

static void
empty(void)
{
	if (context != NULL)
		MemoryContextDelete(context);
	context = NULL;
	base += nrecords;
	nrecords = 0;
	nwritten = 0;
	nmade = 0;
	nhidden = 0;
	nentries = 0;
}

static void
transaction_ends(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_PRE_COMMIT && (nrecords > nwritten || lost))
		elog(ERROR, "new records were left out of the indexes of the matcher");
	if (event == XACT_EVENT_ABORT || event == XACT_EVENT_COMMIT || event == XACT_EVENT_PREPARE)
	{
		empty();
		lost = false;
	}
}

static void
subtransaction_ends(SubXactEvent event, SubTransactionId mine,
					SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB && nrecords > 0)
	{
		lost |= nrecords > nwritten;
		empty();
		cp_changes_everything();
	}
}

static void
begin(void)
{
	static bool registered = false;

	if (!registered)
	{
		RegisterXactCallback(transaction_ends, NULL);
		RegisterSubXactCallback(subtransaction_ends, NULL);
		registered = true;
	}
	context = AllocSetContextCreate(TopMemoryContext, "contactpoint new records",
									ALLOCSET_DEFAULT_SIZES);
	size = 256;
	records = MemoryContextAlloc(context, size * sizeof(Record));
	entries_size = 2048;
	entries = MemoryContextAlloc(context, entries_size * sizeof(CpDeltaEntry));
	chains = chain_table_create(context, 2048, NULL);
	places = place_table_create(context, 256, NULL);
}

static void
add_entries(const CpKey *keys, int nkeys, DateADT birth)
{
	for (int i = 0; i < nkeys; i++)
	{
		CpDeltaEntry *entry;
		Chain	   *chain;
		bool		found;

		if (nentries >= entries_size)
		{
			entries_size *= 2;
			entries = repalloc_huge(entries, entries_size * sizeof(CpDeltaEntry));
		}
		entry = &entries[nentries];
		entry->birth = birth;
		entry->given = keys[i].given;
		entry->family = keys[i].family;
		entry->traits = keys[i].traits;
		entry->person = base + nrecords;
		chain = chain_table_insert(chains, keys[i].key, &found);
		entry->next = found ? chain->first : -1;
		chain->first = nentries++;
	}
}

/* Words that no record had come into the dictionary. */
static void
enter_words(int32 *ids, int n)
{
	for (int i = 0; i < n; i++)
		if (ids[i] < 0)
			ids[i] = cp_dictionary_id(cp_dictionary_word(ids[i])->word);
}

/* stored: what match_person has of it, NULL where it is new. */
static void
take_in(const CpPerson *person, const CpPerson *stored)
{
	MemoryContext caller;
	Record	   *record;
	CpPerson   *copy;
	CpKey	   *keys;
	int			nkeys;
	bool		found;

	if (context == NULL)
		begin();
	caller = MemoryContextSwitchTo(context);
	copy = cp_person_copy(person);
	for (int i = 0; i < copy->nnames; i++)
	{
		enter_words(copy->names[i].given, copy->names[i].ngiven);
		enter_words(copy->names[i].family, copy->names[i].nfamily);
	}
	cp_person_settle(copy);
	MemoryContextSwitchTo(caller);

	keys = cp_match_keys(copy, &nkeys);
	add_entries(keys, nkeys, copy->date_of_birth);
	keys = cp_guard_keys(copy, &nkeys);
	add_entries(keys, nkeys, copy->date_of_birth);
	if (nrecords >= size)
	{
		size *= 2;
		records = repalloc(records, size * sizeof(Record));
	}
	place_table_insert(places, copy->child_id, &found)->record = nrecords;
	record = &records[nrecords++];
	record->now = copy;
	record->stored = unconstify(CpPerson *, stored);
}

/* Takes a new record in, with its number; the person is copied. */
void
cp_delta_add(const CpPerson *person)
{
	take_in(person, NULL);
	nmade++;
}

static Record *
find_record(int64 child_id)
{
	Place	   *place = nrecords > 0 ? place_table_lookup(places, child_id) : NULL;

	return place != NULL ? &records[place->record] : NULL;
}

/*
 * A record changes; both persons are copied.  What was found before is found to
 * have changed.
 */
void
cp_delta_change(const CpPerson *before, const CpPerson *now)
{
	Record	   *record = find_record(before->child_id);
	const CpPerson *stored = NULL;

	cp_changes_add_record(before, now, true);
	if (record != NULL)
	{
		stored = record->stored;
		record->now = NULL;
	}
	else
	{
		MemoryContext caller;

		if (context == NULL)
			begin();
		caller = MemoryContextSwitchTo(context);
		stored = cp_person_copy(before);
		nhidden++;
		MemoryContextSwitchTo(caller);
	}
	take_in(now, stored);
}

/* Do entries of the indexes about this child no longer count? */
bool
cp_delta_hides(int64 child_id)
{
	Record	   *record = nhidden > 0 ? find_record(child_id) : NULL;

	return record != NULL && record->stored != NULL;
}

/*
 * The same of one that another process has committed after this one searched:
 * what was found is brought up to date with it, and nothing is written.  Before
 * any cp_delta_add.
 */
void
cp_delta_import(const CpPerson *person)
{
	Assert(nrecords == nwritten);
	take_in(person, NULL);
	records[nrecords - 1].stored = records[nrecords - 1].now;
	nhidden++;
	nwritten++;
}

bool
cp_delta_any(void)
{
	return nrecords > 0;
}

int
cp_delta_count(void)
{
	return nrecords;
}

/* How many new ones are to be written. */
int
cp_delta_made(void)
{
	return nmade;
}

/* The number that the next one will have. */
int
cp_delta_next(void)
{
	return base + nrecords;
}

/* Where the entries of a key begin, -1 if there are none; the newest first. */
int
cp_delta_first(int32 key)
{
	Chain	   *chain = nrecords > 0 ? chain_table_lookup(chains, key) : NULL;

	return chain != NULL ? chain->first : -1;
}

const CpDeltaEntry *
cp_delta_entry(int at)
{
	return &entries[at];
}

/* The person of an entry; NULL: it has changed since. */
const CpPerson *
cp_delta_person(int number)
{
	return records[number - base].now;
}

/* A copy of the person of this number, or NULL. */
CpPerson *
cp_delta_fetch(int64 child_id)
{
	Record	   *record = find_record(child_id);

	return record != NULL ? cp_person_copy(record->now) : NULL;
}

/*
 * Writes what is not written yet, in bulk.  From then on the indexes have it as
 * well, which do not count.
 */
void
cp_delta_write(void)
{
	CpStore    *store;

	if (nrecords == nwritten)
		return;
	store = cp_store_begin(true, true);
	for (int i = nwritten; i < nrecords; i++)
		if (records[i].now != NULL)
			cp_store_change(store, records[i].stored, records[i].now);
	cp_store_end(store);
	for (; nwritten < nrecords; nwritten++)
		if (records[nwritten].now != NULL)
		{
			nhidden += records[nwritten].stored == NULL;
			records[nwritten].stored = records[nwritten].now;
		}
	nmade = 0;
}

void
cp_delta_end(void)
{
	cp_delta_write();
	if (nrecords > 0)
		cp_changes_everything();
	empty();
}
