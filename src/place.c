/*-------------------------------------------------------------------------
 *
 * place.c
 *	  Private keys of what places a child: who else is at the same address, or
 *	  has the same carer or an unusual service in common.
 *
 *	  place_key holds a hash of each such fact, once for each detail that says
 *	  so, of open and shielded children alike.  Triggers on the detail tables
 *	  write it below the executor, as the details come, go and move: the table
 *	  has no triggers and its row security admits nobody.  Settling writes
 *	  details without triggers, so it calls here (details.c).  All of it
 *	  follows from the details and can be made anew from them.
 *
 *	  A key says nothing but that two details are equal in normal form.
 *
 *	  Locks: RowExclusiveLock on place_key, after those of the detail.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "match.h"
#include "settle.h"

/* kinds of keys */
#define PLACE_ADDRESS 'a'
#define PLACE_CONTACT 'c'
#define PLACE_CARER 'n'
#define PLACE_SERVICE 's'

/* columns of contactpoint.place_key */
enum
{
	PLACE_KEY = 1,
	PLACE_KIND,
	PLACE_CHILD,
	PLACE_COLUMNS = PLACE_CHILD
};

#define CONTACT_MIN 5			/* signs that a contact has at least */
#define PHONE_MIN 7				/* digits of a telephone number */
#define PHONE_MAX 15			/* ITU-T E.164 */
#define PHONE_OWN 9				/* the last ones: those before are the trunk
								 * prefix, or the country's, or left out */
#define MAX_KEYS 2				/* of one detail */

typedef struct PlaceKey
{
	char		kind;
	int64		key;
} PlaceKey;

/* ---------- keys of a detail ---------- */

static void
add_key(PlaceKey *keys, int *n, char kind, const char *text)
{
	keys[*n].kind = kind;
	keys[*n].key = (int64) hash_bytes_extended((const unsigned char *) text, strlen(text), kind);
	(*n)++;
}

/* Is the word a part of the postcode? */
static bool
is_of_postcode(const char *word, const char *code)
{
	int			length = strlen(word);
	int			rest = strlen(code) - length;

	return rest >= 0 && (pg_strncasecmp(word, code, length) == 0 || pg_strcasecmp(word, code + rest) == 0);
}

static int
by_word(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

/*
 * What tells a house from others of its postcode, where that is of a street: its
 * numbers, of a flat too, however street and town are written.  Elsewhere, or
 * where it has none, all of the address.
 */
static char *
house_of(char *place, const char *code)
{
	char	   *whole = pstrdup(place);
	StringInfoData house;
	List	   *numbers = NIL;
	bool		letter_belongs = false;
	ListCell   *cell;

	if (!cp_postcodes_of_street(list_make1(unconstify(char *, code))))
		return whole;
	for (char *next, *word = place; *word != '\0'; word = next)
	{
		bool		number;

		next = word + strcspn(word, " ");
		if (*next != '\0')
			*next++ = '\0';
		number = strpbrk(word, "0123456789") != NULL && !is_of_postcode(word, code);

		/* 12 a, flat b */
		if (letter_belongs && word[1] == '\0' && !number)
			numbers = lappend(list_truncate(numbers, list_length(numbers) - 1),
							  psprintf("%s%s", (char *) llast(numbers), word));
		else if (number || strcmp(word, "flat") == 0)
			numbers = lappend(numbers, number ? word : "");
		letter_belongs = number || strcmp(word, "flat") == 0;
	}
	initStringInfo(&house);
	list_sort(numbers, by_word);
	foreach(cell, numbers)
	{
		const char *number = lfirst(cell);

		if (*number != '\0')
			appendStringInfo(&house, " %s", number);
	}
	return strpbrk(house.data, "0123456789") != NULL ? house.data : whole;
}

/* Street and number alone are in many towns. */
static void
add_address(PlaceKey *keys, int *n, const char *address, const char *postcode)
{
	char	   *place = cp_normalize_address(address ? address : "");
	char	   *code = cp_normalize_postcode(postcode ? postcode : "");

	if (code[0] == '\0')
		code = cp_postcode_at_end(place);
	if (place[0] != '\0' && (code[0] != '\0' || cp_address_is_whole(place)))
		add_key(keys, n, PLACE_ADDRESS, psprintf("%s|%s", code, house_of(place, code)));
}

/* A contact in normal form: of a telephone number what everybody writes of it. */
static char *
contact_of(const char *contact)
{
	char	   *code = cp_normalize_code(contact);
	char	   *phone;
	int			digits;

	if (strchr(contact, '@') != NULL)
		return code;
	for (phone = code + strcspn(code, "0123456789"); *phone != '\0';
		 phone += digits + strcspn(phone + digits, "0123456789"))
	{
		digits = strspn(phone, "0123456789");
		if (digits >= PHONE_MIN && digits <= PHONE_MAX)
			return pnstrdup(phone + Max(digits - PHONE_OWN, 0), Min(digits, PHONE_OWN));
	}
	return code;
}

static void
add_carer(PlaceKey *keys, int *n, const char *full_name, const char *contact)
{
	char	   *name = cp_normalize_name(full_name ? full_name : "");
	char	   *code = contact_of(contact ? contact : "");

	if (strchr(name, ' ') != NULL)	/* more than "Mummy" */
		add_key(keys, n, PLACE_CARER, name);
	if (strlen(code) >= CONTACT_MIN)
		add_key(keys, n, PLACE_CONTACT, code);
}

/*
 * Where a service has no organisation, whoever works there stands for it.
 */
static void
add_service(PlaceKey *keys, int *n, const char *service, const char *organisation,
			const char *practitioner)
{
	char	   *what = cp_normalize_address(service ? service : "");
	char	   *whose = cp_normalize_address(organisation ? organisation : "");

	if (whose[0] == '\0')
		whose = cp_normalize_name(practitioner ? practitioner : "");
	if (what[0] != '\0' && whose[0] != '\0')
		add_key(keys, n, PLACE_SERVICE, psprintf("%s|%s", what, whose));
}

/*
 * The keys of a detail.  Its first three columns that tell something are
 *	address		address, postcode
 *	carer		full_name, relationship, contact
 *	involvement	service, organisation, practitioner
 */
static int
keys_of_detail(CpPlaceOf of, char *const columns[CP_PLACE_COLUMNS], PlaceKey *keys)
{
	int			n = 0;

	switch (of)
	{
		case CP_PLACE_OF_ADDRESS:
			add_address(keys, &n, columns[0], columns[1]);
			break;
		case CP_PLACE_OF_CARER:
			add_carer(keys, &n, columns[0], columns[2]);
			break;
		case CP_PLACE_OF_INVOLVEMENT:
			add_service(keys, &n, columns[0], columns[1], columns[2]);
			break;
	}
	return n;
}

/*
 * Tables are told apart by a column that only one of them has.
 */
static CpPlaceOf
place_of(TupleDesc desc)
{
	if (SPI_fnumber(desc, "postcode") > 0)
		return CP_PLACE_OF_ADDRESS;
	return SPI_fnumber(desc, "full_name") > 0 ? CP_PLACE_OF_CARER : CP_PLACE_OF_INVOLVEMENT;
}

static int
keys_of_row(HeapTuple tuple, TupleDesc desc, PlaceKey *keys)
{
	char	   *columns[CP_PLACE_COLUMNS];

	for (int i = 0; i < CP_PLACE_COLUMNS; i++)
		columns[i] = cp_row_text(tuple, desc, CP_PLACE_FIRST + i);
	return keys_of_detail(place_of(desc), columns, keys);
}

/* ---------- writing them ---------- */

static void
insert_key(Relation rel, const PlaceKey *key, int64 child_id)
{
	Datum		values[PLACE_COLUMNS];
	bool		nulls[PLACE_COLUMNS] = {false};
	HeapTuple	tuple;

	values[PLACE_KEY - 1] = Int64GetDatum(key->key);
	values[PLACE_KIND - 1] = CharGetDatum(key->kind);
	values[PLACE_CHILD - 1] = Int64GetDatum(child_id);
	tuple = heap_form_tuple(RelationGetDescr(rel), values, nulls);
	CatalogTupleInsert(rel, tuple);
	heap_freetuple(tuple);
}

/*
 * Takes one of the equal keys away.  What this command has written itself is
 * found too: where a detail moves, its key comes back before the next one goes.
 */
static void
delete_key(Relation rel, const PlaceKey *key, int64 child_id)
{
	ScanKeyData keys[PLACE_COLUMNS];
	SysScanDesc scan;
	HeapTuple	tuple;

	CommandCounterIncrement();
	ScanKeyInit(&keys[0], PLACE_KEY, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(key->key));
	ScanKeyInit(&keys[1], PLACE_KIND, BTEqualStrategyNumber, F_CHAREQ, CharGetDatum(key->kind));
	ScanKeyInit(&keys[2], PLACE_CHILD, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(child_id));
	scan = systable_beginscan(rel, cp_relation_oid("place_key_key_idx"), true,
							  SnapshotSelf, PLACE_COLUMNS, keys);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		CatalogTupleDelete(rel, &tuple->t_self);
	systable_endscan(scan);
}

static void
change_keys(Relation rel, HeapTuple tuple, TupleDesc desc,
			void (*change) (Relation, const PlaceKey *, int64))
{
	PlaceKey	keys[MAX_KEYS];
	int			n = keys_of_row(tuple, desc, keys);
	bool		isnull;
	int64		child_id = DatumGetInt64(heap_getattr(tuple, SPI_fnumber(desc, "child_id"), desc, &isnull));

	for (int i = 0; i < n && !isnull; i++)
		change(rel, &keys[i], child_id);
}

/*
 * A detail goes without a trigger: so do its keys.
 */
void
cp_place_remove(Relation detail, HeapTuple tuple)
{
	Relation	rel = table_open(cp_relation_oid("place_key"), RowExclusiveLock);

	change_keys(rel, tuple, RelationGetDescr(detail), delete_key);
	table_close(rel, NoLock);
}

/* ---------- many details that no trigger sees ---------- */

/* A row of place_key. */
typedef struct PlaceRow
{
	PlaceKey	key;
	int64		child_id;
} PlaceRow;

struct CpPlaces
{
	PlaceRow   *rows;
	int			n;
	int			size;
};

CpPlaces *
cp_places_begin(void)
{
	CpPlaces   *places = palloc(sizeof(CpPlaces));

	places->n = 0;
	places->size = 256;
	places->rows = palloc(places->size * sizeof(PlaceRow));
	return places;
}

void
cp_places_add(CpPlaces *places, CpPlaceOf of, int64 child_id, char *const columns[CP_PLACE_COLUMNS])
{
	PlaceKey	keys[MAX_KEYS];
	int			n = keys_of_detail(of, columns, keys);

	for (int i = 0; i < n; i++)
	{
		if (places->n >= places->size)
		{
			places->size *= 2;
			places->rows = repalloc_huge(places->rows, places->size * sizeof(PlaceRow));
		}
		places->rows[places->n].key = keys[i];
		places->rows[places->n++].child_id = child_id;
	}
}

static int
place_row_order(const void *a, const void *b)
{
	const PlaceRow *left = a;
	const PlaceRow *right = b;

	if (left->key.key != right->key.key)
		return left->key.key < right->key.key ? -1 : 1;
	if (left->key.kind != right->key.kind)
		return left->key.kind < right->key.kind ? -1 : 1;
	return left->child_id < right->child_id ? -1 : left->child_id > right->child_id ? 1 : 0;
}

/* In the order of their index, of which each page is met once then. */
void
cp_places_write(CpPlaces *places)
{
	CpBulk	   *bulk;

	if (places->n == 0)
		return;
	qsort(places->rows, places->n, sizeof(PlaceRow), place_row_order);
	bulk = cp_bulk_begin("place_key");
	for (int i = 0; i < places->n; i++)
	{
		Datum		values[PLACE_COLUMNS];
		bool		nulls[PLACE_COLUMNS] = {false};

		values[PLACE_KEY - 1] = Int64GetDatum(places->rows[i].key.key);
		values[PLACE_KIND - 1] = CharGetDatum(places->rows[i].key.kind);
		values[PLACE_CHILD - 1] = Int64GetDatum(places->rows[i].child_id);
		cp_bulk_add(bulk, values, nulls);
	}
	cp_bulk_write(bulk);
}

/* ---------- details that triggers see ---------- */

/*
 * _place_changed(): AFTER INSERT OR UPDATE OR DELETE of a detail, for each row.
 */
PG_FUNCTION_INFO_V1(contactpoint_place_changed);
Datum
contactpoint_place_changed(PG_FUNCTION_ARGS)
{
	TriggerData *trigger;
	TupleDesc	desc;
	Relation	rel;

	cp_require_preloaded();
	trigger = cp_require_trigger(fcinfo);
	if (cp_is_restoring())
		return PointerGetDatum(NULL);
	desc = RelationGetDescr(trigger->tg_relation);
	rel = table_open(cp_relation_oid("place_key"), RowExclusiveLock);
	if (!TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		change_keys(rel, trigger->tg_trigtuple, desc, delete_key);
	if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		change_keys(rel, trigger->tg_trigtuple, desc, insert_key);
	else if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		change_keys(rel, trigger->tg_newtuple, desc, insert_key);
	table_close(rel, NoLock);
	return PointerGetDatum(NULL);
}

/* ---------- who is there ---------- */

/*
 * The keys of a detail that a household has in common: address, contact.
 */
int
cp_place_household_keys(CpPlaceOf of, char *const columns[CP_PLACE_COLUMNS], int64 keys[CP_PLACE_KEYS])
{
	PlaceKey	all[MAX_KEYS];
	int			n = keys_of_detail(of, columns, all);
	int			kept = 0;

	for (int i = 0; i < n; i++)
		if (all[i].kind == PLACE_ADDRESS || all[i].kind == PLACE_CONTACT)
			keys[kept++] = all[i].key;
	return kept;
}

/* The kind of those keys. */
char
cp_place_household_kind(CpPlaceOf of)
{
	return of == CP_PLACE_OF_ADDRESS ? PLACE_ADDRESS : PLACE_CONTACT;
}

/*
 * Children that have a key of a household, each once, in children; none where it
 * is a crowd.  The index gives them in their order.
 */
int
cp_place_children(CpPlaceOf of, int64 key, int64 children[CP_PLACE_CROWD])
{
	Snapshot	snapshot = cp_latest_snapshot();
	Relation	rel = table_open(cp_relation_oid("place_key"), AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	int			n = 0;

	ScanKeyInit(&keys[0], PLACE_KEY, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(key));
	ScanKeyInit(&keys[1], PLACE_KIND, BTEqualStrategyNumber, F_CHAREQ, CharGetDatum(cp_place_household_kind(of)));
	scan = systable_beginscan(rel, cp_relation_oid("place_key_key_idx"), true, snapshot, 2, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull;
		int64		child_id = DatumGetInt64(heap_getattr(tuple, PLACE_CHILD, RelationGetDescr(rel), &isnull));

		if (n > 0 && children[n - 1] == child_id)
			continue;
		if (n == CP_PLACE_CROWD)
		{
			n = 0;
			break;
		}
		children[n++] = child_id;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	UnregisterSnapshot(snapshot);
	return n;
}

static const char *
argument(FunctionCallInfo fcinfo, int i)
{
	return PG_ARGISNULL(i) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(i));
}

/*
 * _place_key(kind, text, text, text): the key of a detail, or NULL where it
 * says too little.
 */
PG_FUNCTION_INFO_V1(contactpoint_place_key);
Datum
contactpoint_place_key(PG_FUNCTION_ARGS)
{
	char		kind = PG_ARGISNULL(0) ? '\0' : PG_GETARG_CHAR(0);
	PlaceKey	keys[MAX_KEYS];
	int			n = 0;

	if (kind == PLACE_ADDRESS)
		add_address(keys, &n, argument(fcinfo, 1), argument(fcinfo, 2));
	else if (kind == PLACE_SERVICE)
		add_service(keys, &n, argument(fcinfo, 1), argument(fcinfo, 2), argument(fcinfo, 3));
	else if (kind == PLACE_CARER)
		add_carer(keys, &n, argument(fcinfo, 1), NULL);
	else if (kind == PLACE_CONTACT)
		add_carer(keys, &n, NULL, argument(fcinfo, 1));
	if (n == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(keys[0].key);
}
