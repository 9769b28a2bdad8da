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

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "batch.h"

/* ---------- what waits ---------- */

static int
count_waiting(CpBatch *batch, int64 key)
{
	ListCell   *cell;
	int			n = 0;

	foreach(cell, batch->deliveries)
	{
		CpInboxRow *row = ((CpDelivery *) lfirst(cell))->row;

		cp_household_keys(batch, row);
		for (int i = 0; i < row->nhousehold; i++)
			n += row->household[i].key == key ? 1 : 0;
	}
	return n;
}

/* May what waits make a crowd of those who have one of the keys? */
static bool
may_be_crowd(CpBatch *batch, const CpInboxRow *row)
{
	int64		children[CP_PLACE_CROWD];

	for (int i = 0; i < row->nhousehold; i++)
	{
		const CpHouseholdKey *key = &row->household[i];
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

	hidden = cp_household_hidden(batch, delivery->row, &authority);
	if (hidden && may_be_crowd(batch, delivery->row))
	{
		cp_batch_flush(batch);
		hidden = cp_household_hidden(batch, delivery->row, &authority);
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
