/*-------------------------------------------------------------------------
 *
 * household.c
 *	  Whether the places that a row brings are those of a hidden child.
 *
 *	  What the registry says of a row's address and of the contacts of its
 *	  carers is read ahead for all rows of a batch that may make records, in
 *	  the order of the index.  That no shielded child is there stays true until
 *	  one is written there, which is noted: nobody but the batch shields a child
 *	  or changes its address while the matching lock is held.  Where anything
 *	  else was found, or where there is a crowd, it is read anew when the row is
 *	  decided.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "executor/spi.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "batch.h"
#include "lookup.h"

#define MAX_HOUSEHOLD_KEYS 32	/* of a row: an address and 20 carers */

/* columns of contactpoint.child and place_key that are used here */
enum
{
	CHILD_NUMBER = 1,
	CHILD_FLAG = 6,
	PLACE_KIND = 2,
	PLACE_CHILD = 3
};

/* ---------- keys of a row ---------- */

static int
add_keys(CpHouseholdKey *keys, int n, CpPlaceOf of, char *const columns[CP_PLACE_COLUMNS])
{
	int64		found[CP_PLACE_KEYS];
	int			nfound = cp_place_household_keys(of, columns, found);

	for (int i = 0; i < nfound && n < MAX_HOUSEHOLD_KEYS; i++)
	{
		keys[n].of = of;
		keys[n++].key = found[i];
	}
	return n;
}

/* The contacts of carers in a list, as details.c reads it. */
static int
add_carers(CpHouseholdKey *keys, int n, Jsonb *carers)
{
	JsonbIterator *iterator = JsonbIteratorInit(&carers->root);
	JsonbValue	value;
	JsonbIteratorToken token;
	bool		outermost = true;

	while ((token = JsonbIteratorNext(&iterator, &value, !outermost)) != WJB_DONE)
	{
		JsonbValue	buffer;
		JsonbValue *contact;
		char	   *columns[CP_PLACE_COLUMNS] = {NULL};

		outermost = false;
		if (token != WJB_ELEM || value.type != jbvBinary)
			continue;
		contact = getKeyJsonValueFromContainer(value.val.binary.data, "contact", strlen("contact"), &buffer);
		if (contact == NULL || contact->type != jbvString)
			continue;
		columns[2] = pnstrdup(contact->val.string.val, contact->val.string.len);
		n = add_keys(keys, n, CP_PLACE_OF_CARER, columns);
	}
	return n;
}

/* Makes the keys of a row, once; they lie in the batch. */
void
cp_household_keys(CpBatch *batch, CpInboxRow *row)
{
	char	   *columns[CP_PLACE_COLUMNS] = {row->address, row->postcode, NULL};
	CpHouseholdKey keys[MAX_HOUSEHOLD_KEYS];
	int			n;

	if (row->household != NULL)
		return;
	n = add_keys(keys, 0, CP_PLACE_OF_ADDRESS, columns);
	if (row->carers != NULL)
		n = add_carers(keys, n, row->carers);
	row->nhousehold = n;
	row->household = MemoryContextAlloc(batch->context, n * sizeof(CpHouseholdKey) + 1);
	memcpy(row->household, keys, n * sizeof(CpHouseholdKey));
}

/* ---------- whom they lead to ---------- */

static bool
is_shielded(Relation child, Snapshot snapshot, int64 child_id)
{
	ScanKeyData keys[2];
	SysScanDesc scan;
	bool		result;

	ScanKeyInit(&keys[0], CHILD_NUMBER, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(child_id));
	ScanKeyInit(&keys[1], CHILD_FLAG, BTEqualStrategyNumber, F_BOOLEQ, BoolGetDatum(true));
	scan = systable_beginscan(child, cp_relation_oid("child_child_id_shielded_key"), true, snapshot, 2, keys);
	result = HeapTupleIsValid(systable_getnext(scan));
	systable_endscan(scan);
	return result;
}

/* Children that the keys lead to, each once; children has room for all. */
static int
children_of(const CpHouseholdKey *keys, int nkeys, int64 *children)
{
	int			n = 0;

	for (int k = 0; k < nkeys; k++)
	{
		int64		found[CP_PLACE_CROWD];
		int			nfound = cp_place_children(keys[k].of, keys[k].key, found);

		for (int i = 0; i < nfound; i++)
		{
			int			c = 0;

			while (c < n && children[c] != found[i])
				c++;
			if (c == n)
				children[n++] = found[i];
		}
	}
	return n;
}

/* Those of the children that are shielded, as an array; 0 where there is none, as nearly always. */
static Datum
shielded_among(const int64 *children, int nchildren)
{
	Snapshot	snapshot;
	Relation	child;
	Datum	   *numbers;
	int			n = 0;

	if (nchildren == 0)
		return (Datum) 0;
	snapshot = cp_latest_snapshot();
	child = table_open(cp_relation_oid("child"), AccessShareLock);
	numbers = palloc(sizeof(Datum) * nchildren);
	for (int i = 0; i < nchildren; i++)
		if (is_shielded(child, snapshot, children[i]))
			numbers[n++] = Int64GetDatum(children[i]);
	table_close(child, AccessShareLock);
	UnregisterSnapshot(snapshot);
	return n > 0 ? cp_batch_numbers(numbers, n) : (Datum) 0;
}

/* Do the keys lead to a child that is hidden, and whose is it? */
static bool
lead_to_hidden(const CpHouseholdKey *keys, int nkeys, int64 *authority)
{
	int64	   *children = palloc(sizeof(int64) * (nkeys * CP_PLACE_CROWD + 1));
	int			nchildren = children_of(keys, nkeys, children);
	Datum		values[2] = {shielded_among(children, nchildren)};
	Datum	   *places;

	pfree(children);
	if (values[0] == (Datum) 0)
		return false;
	places = palloc(sizeof(Datum) * nkeys);
	for (int k = 0; k < nkeys; k++)
		places[k] = Int64GetDatum(keys[k].key);
	values[1] = cp_batch_numbers(places, nkeys);
	cp_batch_run(HIDDEN_AMONG, values, NULL);
	if (SPI_processed == 0)
		return false;
	*authority = DatumGetInt64(cp_batch_column(0, 1));
	return true;
}

/* ---------- read ahead ---------- */

/* A key of a row, or a child that one leads to. */
typedef struct Lead
{
	int64		number;			/* the key, the child */
	CpPlaceOf	of;
	CpInboxRow *row;
} Lead;

typedef struct Leads
{
	Lead	   *leads;
	int			n;
	int			size;
} Leads;

static void
add_lead(Leads *leads, int64 number, CpPlaceOf of, CpInboxRow *row)
{
	Lead	   *lead;

	if (leads->n >= leads->size)
	{
		leads->size *= 2;
		leads->leads = repalloc_huge(leads->leads, leads->size * sizeof(Lead));
	}
	lead = &leads->leads[leads->n++];
	lead->number = number;
	lead->of = of;
	lead->row = row;
}

static void
begin_leads(Leads *leads, int size)
{
	leads->n = 0;
	leads->size = Max(size, 16);
	leads->leads = palloc_extended(leads->size * sizeof(Lead), MCXT_ALLOC_HUGE);
}

static int
by_number(const void *a, const void *b)
{
	int64		left = ((const Lead *) a)->number;
	int64		right = ((const Lead *) b)->number;

	return left < right ? -1 : left > right ? 1 : 0;
}

/* A row that nobody comes near may make a record.  Any guess will do. */
static bool
may_be_new(const CpBatch *batch, int i)
{
	const CpInboxRow *row = &batch->rows[i];
	const List *candidates = batch->found[i].candidates;

	return row->present && row->linked_child == 0 && row->open_review == 0 && batch->searched[i] &&
		(candidates == NIL || ((const CpCandidate *) linitial(candidates))->score < 0);
}

/* The children of a key, as often as they have it, into children; one more than a crowd at most. */
static int
read_place(CpLookup *lookup, const Lead *lead, int64 children[CP_PLACE_CROWD + 1])
{
	int			n = 0;

	cp_lookup_to_number(lookup, lead->number);
	while (n <= CP_PLACE_CROWD && cp_lookup_next(lookup))
		if (DatumGetChar(cp_slot_value(lookup->slot, PLACE_KIND)) == cp_place_household_kind(lead->of))
			children[n++] = cp_slot_number(lookup->slot, PLACE_CHILD);
	return n;
}

/* Many rows may have one place: it is read once. */
static void
read_places(Leads *keys, Leads *children)
{
	CpLookup	lookup;
	int64		found[CP_PLACE_CROWD + 1];
	int			n = 0;

	qsort(keys->leads, keys->n, sizeof(Lead), by_number);
	cp_lookup_begin(&lookup, "place_key", "place_key_key_idx", 1, AccessShareLock);
	for (int i = 0; i < keys->n; i++)
	{
		const Lead *lead = &keys->leads[i];

		if (i == 0 || lead->number != lead[-1].number || lead->of != lead[-1].of)
			n = read_place(&lookup, lead, found);
		/* of a crowd the row says something only when it is decided */
		if (n > CP_PLACE_CROWD)
			lead->row->among_open = false;
		for (int c = 0; c < n && lead->row->among_open; c++)
			add_lead(children, found[c], lead->of, lead->row);
	}
	cp_lookup_end(&lookup);
}

static void
read_flags(Leads *children)
{
	CpLookup	lookup;
	bool		shielded = false;

	qsort(children->leads, children->n, sizeof(Lead), by_number);
	cp_lookup_begin(&lookup, "child", "child_pkey", 1, AccessShareLock);
	for (int i = 0; i < children->n; i++)
	{
		const Lead *lead = &children->leads[i];

		if (i == 0 || lead->number != children->leads[i - 1].number)
		{
			cp_lookup_to_number(&lookup, lead->number);
			shielded = cp_lookup_next(&lookup) && DatumGetBool(cp_slot_value(lookup.slot, CHILD_FLAG));
		}
		if (shielded)
			lead->row->among_open = false;
	}
	cp_lookup_end(&lookup);
}

/*
 * Reads ahead for rows that were searched for, by their places in the batch.
 * Under the matching lock, which is kept until they are written.
 */
void
cp_household_read(CpBatch *batch, int from, int to)
{
	MemoryContext scratch = AllocSetContextCreate(batch->context, "contactpoint households",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(scratch);
	Leads		keys;
	Leads		children;

	begin_leads(&keys, 2 * (to - from));
	begin_leads(&children, 4 * (to - from));
	for (int i = from; i < to; i++)
	{
		CpInboxRow *row = &batch->rows[i];

		if (!may_be_new(batch, i))
			continue;
		cp_household_keys(batch, row);
		row->among_open = true;
		for (int k = 0; k < row->nhousehold; k++)
			add_lead(&keys, row->household[k].key, row->household[k].of, row);
	}
	if (keys.n > 0)
		read_places(&keys, &children);
	if (children.n > 0)
		read_flags(&children);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
}

/* The details that a row brought have been written to a child that is shielded. */
void
cp_household_note(CpBatch *batch, CpInboxRow *row)
{
	if (batch->hidden_keys == NULL)
	{
		HASHCTL		ctl = {0};

		ctl.keysize = sizeof(int64);
		ctl.entrysize = sizeof(int64);
		ctl.hcxt = batch->context;
		batch->hidden_keys = hash_create("contactpoint hidden places of a batch", 64, &ctl,
										 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	cp_household_keys(batch, row);
	for (int i = 0; i < row->nhousehold; i++)
		(void) hash_search(batch->hidden_keys, &row->household[i].key, HASH_ENTER, NULL);
}

/* Does what was read ahead still say that nobody shielded is there? */
static bool
is_among_open(const CpBatch *batch, const CpInboxRow *row)
{
	if (!row->among_open)
		return false;
	for (int i = 0; batch->hidden_keys != NULL && i < row->nhousehold; i++)
		if (hash_search(batch->hidden_keys, &row->household[i].key, HASH_FIND, NULL) != NULL)
			return false;
	return true;
}

/*
 * Do the places that a row brings lead to a child that is hidden, and whose is
 * it?
 */
bool
cp_household_hidden(CpBatch *batch, CpInboxRow *row, int64 *authority)
{
	if (is_among_open(batch, row))
		return false;
	cp_household_keys(batch, row);
	return lead_to_hidden(row->household, row->nhousehold, authority);
}
