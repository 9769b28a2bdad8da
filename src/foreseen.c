/*-------------------------------------------------------------------------
 *
 * foreseen.c
 *	  The person that a record will be once details that wait are written.
 *
 *	  It is the one that would be made of the registry's own tables then
 *	  (rekey.c), so details are put in the order of contactpoint._match_facts().
 *	  Names are not foreseen: a row that brings some is written first.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_collation.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "batch.h"
#include "details.h"

/* Both columns are the same ones in addresses and identifiers. */
#define FIRST_TEXT 3
#define SECOND_TEXT 4

static List *
add_stored(List *details, HeapTuple tuple, TupleDesc desc)
{
	CpDetail   *detail = palloc(sizeof(CpDetail));

	heap_deform_tuple(tuple, desc, detail->values, detail->nulls);
	return lappend(details, detail);
}

/* CpDetail *, which live as long as the batch or the current memory context */
static List *
read_stored(Relation rel, CpDetailKind kind, int64 child_id)
{
	Snapshot	snapshot;
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple	tuple;
	List	   *ahead;
	List	   *details = NIL;
	ListCell   *cell;

	if (kind == CP_DETAIL_ADDRESS && cp_ahead_addresses(child_id, &ahead))
	{
		foreach(cell, ahead)
			details = add_stored(details, lfirst(cell), RelationGetDescr(rel));
		return details;
	}
	snapshot = cp_latest_snapshot();
	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(child_id));
	scan = systable_beginscan(rel, cp_relation_oid(cp_detail_tables[kind].indexes[false]), true, snapshot, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		details = add_stored(details, heap_copytuple(tuple), RelationGetDescr(rel));
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	return details;
}

/* What a row makes of the details of one kind. */
typedef struct Effect
{
	bool		removes;
	bool		adds;
} Effect;

/* What will be there once a row is written, too. */
static List *
after_row(List *stored, const CpDelivery *delivery, CpDetailKind kind, const CpInboxRow *row,
		  TupleDesc desc, Effect *effect)
{
	List	   *details;
	List	   *sent_kinds;
	List	   *left = NIL;
	ListCell   *cell;

	if (!cp_detail_sent(row, kind, &details, &sent_kinds))
		return stored;
	foreach(cell, stored)
	{
		if (cp_detail_replaced(kind, row, lfirst(cell), desc, sent_kinds, &details))
			effect->removes = true;
		else
			left = lappend(left, lfirst(cell));
	}
	foreach(cell, details)
	{
		cp_detail_complete(lfirst(cell), delivery, kind, row);
		left = lappend(left, lfirst(cell));
		effect->adds = true;
	}
	return left;
}

/*
 * All details of one kind, with what the waiting rows and the delivery bring;
 * effect is that of the delivery.
 */
static List *
foresee(const CpDelivery *delivery, CpDetailKind kind, List *waiting, Effect *effect)
{
	Relation	rel;
	ListCell   *cell;
	List	   *sent;
	List	   *sent_kinds;
	List	   *details;
	Effect		earlier = {0};

	memset(effect, 0, sizeof(Effect));
	if (!cp_detail_sent(delivery->row, kind, &sent, &sent_kinds))
		return NIL;
	rel = table_open(cp_relation_oid(cp_detail_tables[kind].tables[false]), AccessShareLock);
	details = delivery->made ? NIL : read_stored(rel, kind, delivery->child_id);
	foreach(cell, waiting)
		details = after_row(details, delivery, kind, lfirst(cell), RelationGetDescr(rel), &earlier);
	details = after_row(details, delivery, kind, delivery->row, RelationGetDescr(rel), effect);
	table_close(rel, NoLock);
	return details;
}

/* Nulls last. */
static int
compare_texts(const CpDetail *a, const CpDetail *b, int column)
{
	int			at = column - 1;
	char	   *left;
	char	   *right;

	if (a->nulls[at] || b->nulls[at])
		return (a->nulls[at] ? 1 : 0) - (b->nulls[at] ? 1 : 0);
	left = TextDatumGetCString(a->values[at]);
	right = TextDatumGetCString(b->values[at]);
	return varstr_cmp(left, strlen(left), right, strlen(right), DEFAULT_COLLATION_OID);
}

/* The latest address first. */
static int
address_order(const ListCell *a, const ListCell *b)
{
	const CpDetail *left = lfirst(a);
	const CpDetail *right = lfirst(b);
	int			at = cp_detail_tables[CP_DETAIL_ADDRESS].source;	/* recorded_at */
	TimestampTz left_at = DatumGetTimestampTz(left->values[at]);
	TimestampTz right_at = DatumGetTimestampTz(right->values[at]);
	int			order;

	if (left_at != right_at)
		return left_at > right_at ? -1 : 1;
	order = compare_texts(left, right, SECOND_TEXT);
	return order != 0 ? order : compare_texts(left, right, FIRST_TEXT);
}

static char *
text_of(const CpDetail *detail, int column)
{
	return detail->nulls[column - 1] ? "" : TextDatumGetCString(detail->values[column - 1]);
}

static void
foresee_addresses(CpPerson *person, List *details)
{
	ListCell   *cell;

	person->postcodes = NIL;
	person->addresses = NIL;
	list_sort(details, address_order);
	foreach(cell, details)
	{
		if (foreach_current_index(cell) >= CP_MAX_PLACES)
			break;
		cp_person_add_place(person, text_of(lfirst(cell), SECOND_TEXT), text_of(lfirst(cell), FIRST_TEXT));
	}
}

static void
foresee_identifiers(CpPerson *person, List *details)
{
	ListCell   *cell;

	person->identifiers = NIL;
	foreach(cell, details)
		cp_person_add_identifier(person, text_of(lfirst(cell), FIRST_TEXT), text_of(lfirst(cell), SECOND_TEXT));
}

static bool
all_among(List *texts, List *others)
{
	ListCell   *cell;
	ListCell   *other;

	foreach(cell, texts)
	{
		foreach(other, others)
		{
			if (strcmp(lfirst(cell), lfirst(other)) == 0)
				break;
		}
		if (other == NULL)
			return false;
	}
	return true;
}

/*
 * Is it plain that a row which adds to the addresses of a record, so that they
 * are these, leaves it as it is?  Most rows bring the address that others have
 * brought before.
 */
static bool
says_nothing_new(const CpPerson *row, const CpPerson *record, List *addresses)
{
	int			versions[CP_KEY_VERSIONS];

	(void) cp_key_versions(versions);
	return row != NULL && record->key_version == versions[0] && list_length(addresses) <= CP_MAX_PLACES &&
		all_among(row->postcodes, record->postcodes) && all_among(row->addresses, record->addresses);
}

/*
 * The person that an open record will be when a row is written to it, and before
 * it the rows that wait for that (CpInboxRow *); record is what it is with those.
 * Returns record itself where the row changes nothing of it, and NULL where only
 * the registry can tell.  In the current memory context.
 */
const CpPerson *
cp_foresee_person(const CpDelivery *delivery, const CpPerson *record, List *waiting)
{
	CpPerson   *person;
	List	   *details;
	List	   *sent_kinds;
	List	   *addresses;
	List	   *identifiers;
	Effect		moved;
	Effect		renumbered;

	if (delivery->shielded)
		return NULL;
	if (cp_detail_sent(delivery->row, CP_DETAIL_ALIAS, &details, &sent_kinds) &&
		(details != NIL || record->nnames > 1))
		return NULL;
	addresses = foresee(delivery, CP_DETAIL_ADDRESS, waiting, &moved);
	identifiers = foresee(delivery, CP_DETAIL_IDENTIFIER, waiting, &renumbered);
	/* of so many only some count: the registry says which */
	if (list_length(identifiers) > CP_MAX_PLACES)
		return NULL;
	if (moved.adds && !moved.removes && says_nothing_new(delivery->row->person, record, addresses))
		moved.adds = false;
	if (!moved.removes && !moved.adds && !renumbered.removes && !renumbered.adds)
		return record;
	person = cp_person_copy(record);
	if (moved.removes || moved.adds)
		foresee_addresses(person, addresses);
	if (renumbered.removes || renumbered.adds)
		foresee_identifiers(person, identifiers);
	cp_person_settle(person);
	return cp_person_same(record, person) ? record : person;
}
