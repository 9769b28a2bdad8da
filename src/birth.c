/*-------------------------------------------------------------------------
 *
 * birth.c
 *	  Records that are born shielded.
 *
 *	  A new record is shielded from its first moment
 *	  - while its source is under an embargo: that shield goes when the embargo
 *		does (_lift_embargo);
 *	  - where the address or a carer's contact that its row brings is that of a
 *		shielded child: brothers and sisters give a child away.  That shield is
 *		provisional, and is for the managers of the child it protects: nobody
 *		else can say whether it may go.  Addresses that a crowd shares say
 *		nothing;
 *	  - where a person decided so (outcome.c), or has placed its shield in
 *		advance.
 *	  What only an embargo shields is not taken for hidden: nothing is known to
 *	  be the matter with it.
 *
 *	  The outcome is that of rows settled one by one: no details of a hidden child
 *	  wait to be written (outcome.c), only of others, who may make a crowd.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "batch.h"

#define MAX_HOUSEHOLD_KEYS 32	/* of a row: an address and 20 carers */

/* columns of contactpoint.child */
enum
{
	CHILD_NUMBER = 1,
	CHILD_FLAG = 6
};

/* One key of a row. */
typedef struct CpHouseholdKey
{
	CpPlaceOf	of;
	int64		key;
} HouseholdKey;

/* ---------- keys of a row ---------- */

static int
add_keys(HouseholdKey *keys, int n, CpPlaceOf of, char *const columns[CP_PLACE_COLUMNS])
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
add_carers(HouseholdKey *keys, int n, Jsonb *carers)
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

static int
keys_of_row(const CpInboxRow *row, HouseholdKey *keys)
{
	char	   *columns[CP_PLACE_COLUMNS] = {row->address, row->postcode, NULL};
	int			n = add_keys(keys, 0, CP_PLACE_OF_ADDRESS, columns);

	return row->carers == NULL ? n : add_carers(keys, n, row->carers);
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
children_of(const HouseholdKey *keys, int nkeys, int64 *children)
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
lead_to_hidden(const HouseholdKey *keys, int nkeys, int64 *authority)
{
	int64	   *children = palloc(sizeof(int64) * (nkeys * CP_PLACE_CROWD + 1));
	int			nchildren = children_of(keys, nkeys, children);
	Datum		shielded = shielded_among(children, nchildren);

	pfree(children);
	if (shielded == (Datum) 0)
		return false;
	cp_batch_run(HIDDEN_AMONG, &shielded, NULL);
	if (SPI_processed == 0)
		return false;
	*authority = DatumGetInt64(cp_batch_column(0, 1));
	return true;
}

/* ---------- what waits ---------- */

/* The keys of a delivery, made once; all of it lies in the batch. */
static void
read_keys(CpBatch *batch, CpDelivery *delivery)
{
	HouseholdKey keys[MAX_HOUSEHOLD_KEYS];
	Size		size;

	if (delivery->household != NULL)
		return;
	delivery->nhousehold = keys_of_row(delivery->row, keys);
	size = delivery->nhousehold * sizeof(HouseholdKey);
	delivery->household = MemoryContextAlloc(batch->context, size + 1);
	memcpy(delivery->household, keys, size);
}

static int
count_waiting(CpBatch *batch, int64 key)
{
	ListCell   *cell;
	int			n = 0;

	foreach(cell, batch->deliveries)
	{
		CpDelivery *delivery = lfirst(cell);

		read_keys(batch, delivery);
		for (int i = 0; i < delivery->nhousehold; i++)
			n += delivery->household[i].key == key ? 1 : 0;
	}
	return n;
}

/* May what waits make a crowd of those who have one of the keys? */
static bool
may_be_crowd(CpBatch *batch, const CpDelivery *delivery)
{
	int64		children[CP_PLACE_CROWD];

	for (int i = 0; i < delivery->nhousehold; i++)
	{
		const HouseholdKey *key = &delivery->household[i];
		int			n = cp_place_children(key->of, key->key, children);

		if (n > 0 && n + count_waiting(batch, key->key) > CP_PLACE_CROWD)
			return true;
	}
	return false;
}

/* ---------- what is decided ---------- */

/*
 * Whether the record that a row makes is born shielded, and why: fills birth and
 * shielded of its delivery.  May write what waits.
 */
void
cp_birth_decide(CpBatch *batch, CpDelivery *delivery)
{
	int64		authority = 0;
	CpBirth    *birth;
	bool		hidden;

	read_keys(batch, delivery);
	hidden = lead_to_hidden(delivery->household, delivery->nhousehold, &authority);
	if (hidden && may_be_crowd(batch, delivery))
	{
		cp_batch_flush(batch);
		hidden = lead_to_hidden(delivery->household, delivery->nhousehold, &authority);
	}
	if (!hidden && !delivery->row->embargoed)
		return;
	birth = MemoryContextAllocZero(batch->context, sizeof(CpBirth));
	if (hidden)
	{
		birth->reason = "born with an address or a contact of a shielded child";
		birth->authority = authority;
	}
	birth->embargoed = delivery->row->embargoed;
	delivery->birth = birth;
	delivery->shielded = true;
}

/* ---------- writing shields ---------- */

typedef struct ShieldArrays
{
	int			n;
	Datum	   *columns[4];
	bool	   *nulls[4];
} ShieldArrays;

static void
add_shield(ShieldArrays *shields, int64 child_id, int64 authority, const char *reason, const char *embargoed_source)
{
	int			i = shields->n++;

	shields->columns[0][i] = Int64GetDatum(child_id);
	shields->columns[1][i] = Int64GetDatum(authority);
	shields->nulls[1][i] = authority == 0;
	shields->columns[2][i] = CStringGetTextDatum(reason);
	shields->nulls[3][i] = embargoed_source == NULL;
	if (embargoed_source != NULL)
		shields->columns[3][i] = CStringGetTextDatum(embargoed_source);
}

static void
put_shields(const ShieldArrays *shields)
{
	static const Oid types[4] = {INT8OID, INT8OID, TEXTOID, TEXTOID};
	Datum		values[4];
	int			dims[1] = {shields->n};
	int			lbs[1] = {1};

	for (int c = 0; c < 4; c++)
	{
		bool		number = types[c] == INT8OID;

		values[c] = PointerGetDatum(construct_md_array(shields->columns[c], shields->nulls[c], 1, dims, lbs,
													   types[c], number ? sizeof(int64) : -1,
													   number && FLOAT8PASSBYVAL,
													   number ? TYPALIGN_DOUBLE : TYPALIGN_INT));
	}
	cp_batch_run(PUT_SHIELDS, values, NULL);
}

/*
 * Puts the shields of records that are inserted with these deliveries: before
 * the details, which follow the flag and the authority.  The one that stays comes
 * first, and says whose the record is.
 */
void
cp_birth_shields(CpDelivery **deliveries, int n)
{
	ShieldArrays shields = {0};

	for (int c = 0; c < 4; c++)
	{
		shields.columns[c] = palloc0(sizeof(Datum) * (2 * n + 1));
		shields.nulls[c] = palloc0(sizeof(bool) * (2 * n + 1));
	}
	for (int i = 0; i < n; i++)
	{
		const CpDelivery *delivery = deliveries[i];
		const CpInboxRow *row = delivery->row;

		if (delivery->birth == NULL)
			continue;
		if (delivery->birth->expected)
		{
			Datum		number = Int64GetDatum(delivery->child_id);

			cp_batch_run(EXPECTED_IS_BORN, &number, NULL);
			continue;
		}
		if (delivery->birth->reason != NULL)
			add_shield(&shields, delivery->child_id, delivery->birth->authority, delivery->birth->reason, NULL);
		if (delivery->birth->embargoed)
			add_shield(&shields, delivery->child_id, row->authority != 0 ? row->authority : row->source_authority,
					   "made while its source was under an embargo", row->source);
	}
	if (shields.n > 0)
		put_shields(&shields);
	for (int i = 0; i < n; i++)
	{
		Datum		values[2] = {Int64GetDatum(deliveries[i]->child_id)};

		if (deliveries[i]->birth == NULL || !deliveries[i]->birth->responsible ||
			deliveries[i]->birth->authority == 0)
			continue;
		values[1] = Int64GetDatum(deliveries[i]->birth->authority);
		cp_batch_run(PUT_SHIELDED_RESPONSIBILITY, values, NULL);
	}
}
