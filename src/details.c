/*-------------------------------------------------------------------------
 *
 * details.c
 *	  What a row sent becomes details of a child.
 *
 *	  Each source replaces only what it sent itself.  NULL means not sent,
 *	  empty means withdrawn; of identifiers only the kinds that were sent are
 *	  replaced.  What is stored already in the same words stays as it is.
 *
 *	  Details go where the child is: the flag of the locked child row decides
 *	  between open leaf and vault.  Who is responsible may open a shielded
 *	  record: no upload says so.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "match.h"
#include "settle.h"

#define MAX_COLUMNS 10

typedef enum DetailKind
{
	DETAIL_ADDRESS,
	DETAIL_CARER,
	DETAIL_INVOLVEMENT,
	DETAIL_IDENTIFIER,
	DETAIL_ALIAS,
	DETAIL_KINDS,
	DETAIL_RESPONSIBILITY = DETAIL_KINDS,
	DETAIL_TABLES
} DetailKind;

/* Leaf and vault, and the index by child of each. */
static const struct
{
	const char *tables[2];
	const char *indexes[2];
	int			columns;
	int			first;			/* the first that tells something */
	int			source;			/* followed by recorded_at */
}			kinds[DETAIL_TABLES] = {
	[DETAIL_ADDRESS] = {{"address_open", "address_vault"},
	{"address_open_child_id_idx", "address_vault_child_id_idx"}, 6, 3, 5},
	[DETAIL_CARER] = {{"carer_open", "carer_vault"},
	{"carer_open_child_id_idx", "carer_vault_child_id_idx"}, 7, 3, 6},
	[DETAIL_INVOLVEMENT] = {{"involvement_open", "involvement_vault"},
	{"involvement_open_child_id_idx", "involvement_vault_child_id_idx"}, 10, 3, 9},
	[DETAIL_IDENTIFIER] = {{"identifier_open", "identifier_vault"},
	{"identifier_open_child_id_idx", "identifier_vault_child_id_idx"}, 6, 3, 5},
	[DETAIL_ALIAS] = {{"alias", "alias"}, {"alias_child_id_idx", "alias_child_id_idx"}, 6, 2, 5},
	[DETAIL_RESPONSIBILITY] = {{"responsibility_open", "responsibility_vault"},
	{"responsibility_open_child_id_shielded_idx", "responsibility_vault_child_id_shielded_idx"}, 4, 3, 3},
};

#define IDENTIFIER_KIND 3		/* its column in both leaves */

/* A row of a detail table, without child, flag, source and time. */
typedef struct Detail
{
	Datum		values[MAX_COLUMNS];
	bool		nulls[MAX_COLUMNS];
} Detail;

/* ---------- what was sent ---------- */

static Detail *
new_detail(void)
{
	Detail	   *detail = palloc0(sizeof(Detail));

	memset(detail->nulls, true, sizeof(detail->nulls));
	return detail;
}

static void
set_text(Detail *detail, int column, const char *text)
{
	if (text == NULL)
		return;
	detail->values[column - 1] = CStringGetTextDatum(text);
	detail->nulls[column - 1] = false;
}

static const char *
unless_empty(const char *text)
{
	return text == NULL || *text == '\0' ? NULL : text;
}

/* A string of an object, NULL where it is absent or null. */
static char *
string_of(JsonbContainer *object, const char *key)
{
	JsonbValue	buffer;
	JsonbValue *value = getKeyJsonValueFromContainer(object, key, strlen(key), &buffer);

	if (value == NULL || value->type != jbvString)
		return NULL;
	return pnstrdup(value->val.string.val, value->val.string.len);
}

static void
set_date(Detail *detail, int column, const char *text)
{
	DateADT		date;

	if (unless_empty(text) == NULL)
		return;
	if (!cp_parse_iso_date(text, &date))
		elog(ERROR, "the inbox holds an impossible date");
	detail->values[column - 1] = DateADTGetDatum(date);
	detail->nulls[column - 1] = false;
}

static Detail *
carer_of(JsonbContainer *object)
{
	Detail	   *detail = new_detail();

	set_text(detail, 3, string_of(object, "full_name"));
	set_text(detail, 4, string_of(object, "relationship"));
	set_text(detail, 5, string_of(object, "contact"));
	return detail;
}

static Detail *
involvement_of(JsonbContainer *object)
{
	Detail	   *detail = new_detail();

	set_text(detail, 3, string_of(object, "service"));
	set_text(detail, 4, string_of(object, "organisation"));
	set_text(detail, 5, string_of(object, "practitioner"));
	set_text(detail, 6, string_of(object, "contact"));
	set_date(detail, 7, string_of(object, "started_on"));
	set_date(detail, 8, string_of(object, "ended_on"));
	return detail;
}

static Detail *
alias_of(JsonbContainer *object)
{
	Detail	   *detail = new_detail();
	const char *given = unless_empty(string_of(object, "given_names"));
	const char *family = unless_empty(string_of(object, "family_name"));

	if (given == NULL && family == NULL)
		return NULL;
	set_text(detail, 2, string_of(object, "kind"));
	set_text(detail, 3, given);
	set_text(detail, 4, family);
	return detail;
}

static List *
details_of_list(Jsonb *list, Detail *(*detail_of) (JsonbContainer *object))
{
	JsonbIterator *iterator = JsonbIteratorInit(&list->root);
	JsonbValue	value;
	JsonbIteratorToken token;
	bool		outermost = true;
	List	   *details = NIL;

	while ((token = JsonbIteratorNext(&iterator, &value, !outermost)) != WJB_DONE)
	{
		outermost = false;
		if (token == WJB_ELEM && value.type == jbvBinary)
		{
			Detail	   *detail = detail_of(value.val.binary.data);

			if (detail != NULL)
				details = lappend(details, detail);
		}
	}
	return details;
}

/* kinds: char *, in normal form, of all identifiers that were sent. */
static List *
details_of_identifiers(Jsonb *identifiers, List **sent_kinds)
{
	JsonbIterator *iterator = JsonbIteratorInit(&identifiers->root);
	JsonbValue	value;
	JsonbIteratorToken token;
	char	   *kind = NULL;
	List	   *details = NIL;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
		{
			kind = pnstrdup(value.val.string.val, value.val.string.len);
			*sent_kinds = lappend(*sent_kinds, cp_normalize_kind(kind));
		}
		else if (token == WJB_VALUE && value.type == jbvString && value.val.string.len > 0)
		{
			Detail	   *detail = new_detail();

			set_text(detail, 3, kind);
			set_text(detail, 4, pnstrdup(value.val.string.val, value.val.string.len));
			details = lappend(details, detail);
		}
	}
	return details;
}

/*
 * What a row sent of one kind, as Detail *; false where it sent nothing of it.
 */
static bool
what_was_sent(const CpInboxRow *row, DetailKind kind, List **details, List **sent_kinds)
{
	Detail	   *detail;

	*details = NIL;
	*sent_kinds = NIL;
	switch (kind)
	{
		case DETAIL_ADDRESS:
			if (row->address == NULL && row->postcode == NULL)
				return false;
			if (unless_empty(row->address) == NULL && unless_empty(row->postcode) == NULL)
				return true;
			detail = new_detail();
			set_text(detail, 3, unless_empty(row->address));
			set_text(detail, 4, unless_empty(row->postcode));
			*details = list_make1(detail);
			return true;
		case DETAIL_CARER:
			if (row->carers != NULL)
				*details = details_of_list(row->carers, carer_of);
			return row->carers != NULL;
		case DETAIL_INVOLVEMENT:
			if (row->involvements != NULL)
				*details = details_of_list(row->involvements, involvement_of);
			return row->involvements != NULL;
		case DETAIL_IDENTIFIER:
			if (row->identifiers != NULL)
				*details = details_of_identifiers(row->identifiers, sent_kinds);
			return row->identifiers != NULL;
		case DETAIL_ALIAS:
			if (row->alias_names != NULL)
				*details = details_of_list(row->alias_names, alias_of);
			return row->alias_names != NULL;
		default:
			return false;
	}
}

/* ---------- what is stored ---------- */

static bool
is_text(Datum value, const char *text)
{
	int			length = strlen(text);

	return VARSIZE_ANY_EXHDR(DatumGetPointer(value)) == length &&
		memcmp(VARDATA_ANY(DatumGetPointer(value)), text, length) == 0;
}

/* Would this stored row be replaced by what the row sent? */
static bool
is_replaced(DetailKind kind, const CpInboxRow *row, HeapTuple tuple, TupleDesc desc, List *sent_kinds)
{
	bool		isnull;
	Datum		source = heap_getattr(tuple, kinds[kind].source, desc, &isnull);
	ListCell   *cell;
	char	   *stored;

	if (!is_text(PointerGetDatum(PG_DETOAST_DATUM_PACKED(source)), row->source))
		return false;
	if (kind != DETAIL_IDENTIFIER)
		return true;
	stored = cp_normalize_kind(TextDatumGetCString(heap_getattr(tuple, IDENTIFIER_KIND, desc, &isnull)));
	foreach(cell, sent_kinds)
	{
		if (strcmp(lfirst(cell), stored) == 0)
			return true;
	}
	return false;
}

static bool
says_the_same(DetailKind kind, const Detail *detail, const Datum *values, const bool *nulls,
			  TupleDesc desc)
{
	for (int i = kinds[kind].first - 1; i < kinds[kind].source - 1; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (detail->nulls[i] != nulls[i] ||
			(!nulls[i] && !datum_image_eq(detail->values[i], values[i], att->attbyval, att->attlen)))
			return false;
	}
	return true;
}

/*
 * Compares what is stored of one kind under the row's source with what was
 * sent.  Returns how many stored rows are to be replaced; those that say what
 * was sent stay, and go from the list of details.  With delete they are
 * deleted.
 */
static int
compare_stored(const CpDelivery *delivery, DetailKind kind, List **details, List *sent_kinds,
			   bool delete)
{
	Snapshot	snapshot = cp_latest_snapshot();
	Relation	rel = table_open(cp_relation_oid(kinds[kind].tables[delivery->shielded]), RowExclusiveLock);
	TupleDesc	desc = RelationGetDescr(rel);
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple	tuple;
	int			replaced = 0;

	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(delivery->child_id));
	scan = systable_beginscan(rel, cp_relation_oid(kinds[kind].indexes[delivery->shielded]), true,
							  snapshot, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Datum		values[MAX_COLUMNS];
		bool		nulls[MAX_COLUMNS];
		ListCell   *cell;

		if (!is_replaced(kind, delivery->row, tuple, desc, sent_kinds))
			continue;
		heap_deform_tuple(tuple, desc, values, nulls);
		foreach(cell, *details)
		{
			if (says_the_same(kind, lfirst(cell), values, nulls, desc))
				break;
		}
		if (cell != NULL)
			*details = list_delete_cell(*details, cell);
		else
		{
			replaced++;
			if (delete && kind <= DETAIL_INVOLVEMENT)
				cp_place_remove(rel, tuple);
			if (delete)
				CatalogTupleDelete(rel, &tuple->t_self);
		}
	}
	systable_endscan(scan);
	table_close(rel, NoLock);
	UnregisterSnapshot(snapshot);
	return replaced;
}

/* ---------- would it change the person? ---------- */

static bool
first_is(List *texts, const char *text)
{
	return texts != NIL && strcmp(linitial(texts), text) == 0;
}

/* Is a new address one that the record has, as its latest? */
static bool
address_is_known(const CpPerson *record, const CpInboxRow *row)
{
	char	   *code = cp_normalize_code(row->postcode != NULL ? row->postcode : "");
	char	   *words = cp_normalize_address(row->address != NULL ? row->address : "");

	return (*code == '\0' || first_is(record->postcodes, code)) &&
		(*words == '\0' || first_is(record->addresses, words));
}

/*
 * Would these details change what the record is matched by?  Where it is not
 * plain that they would not, the answer is yes: the caller makes the record's
 * keys anew then.
 */
bool
cp_details_change_person(const CpDelivery *delivery, const CpPerson *record)
{
	const CpInboxRow *row = delivery->row;
	List	   *details;
	List	   *sent_kinds;

	if (what_was_sent(row, DETAIL_ALIAS, &details, &sent_kinds) &&
		(details != NIL || record->nnames > 1))
		return true;
	if (what_was_sent(row, DETAIL_ADDRESS, &details, &sent_kinds))
	{
		if (!delivery->made &&
			compare_stored(delivery, DETAIL_ADDRESS, &details, sent_kinds, false) > 0)
			return true;
		if (details != NIL && !address_is_known(record, row))
			return true;
	}
	if (what_was_sent(row, DETAIL_IDENTIFIER, &details, &sent_kinds))
	{
		if (!delivery->made &&
			compare_stored(delivery, DETAIL_IDENTIFIER, &details, sent_kinds, false) > 0)
			return true;
		/* one number is in no order that another kind could change */
		if (details != NIL &&
			(list_length(record->identifiers) != 1 || list_length(row->person->identifiers) != 1 ||
			 strcmp(linitial(record->identifiers), linitial(row->person->identifiers)) != 0))
			return true;
	}
	return false;
}

/* ---------- writing ---------- */

/* Leaf and vault of one kind. */
typedef struct Writer
{
	MemoryContext context;
	CpBulk	   *bulks[2];
	CpBulk	   *places;
} Writer;

static CpBulk *
bulk_of(Writer *writer, DetailKind kind, bool shielded)
{
	bool		side = shielded && kind != DETAIL_ALIAS;

	if (writer->bulks[side] == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(writer->context);

		writer->bulks[side] = cp_bulk_begin(kinds[kind].tables[side]);
		MemoryContextSwitchTo(caller);
	}
	return writer->bulks[side];
}

/* The private keys of what places the child. */
static void
add_places(Writer *writer, const CpDelivery *delivery, DetailKind kind, const Detail *detail)
{
	static const CpPlaceOf places[] = {
		[DETAIL_ADDRESS] = CP_PLACE_OF_ADDRESS,
		[DETAIL_CARER] = CP_PLACE_OF_CARER,
		[DETAIL_INVOLVEMENT] = CP_PLACE_OF_INVOLVEMENT
	};
	char	   *columns[CP_PLACE_COLUMNS];

	if (kind > DETAIL_INVOLVEMENT)
		return;
	if (writer->places == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(writer->context);

		writer->places = cp_bulk_begin("place_key");
		MemoryContextSwitchTo(caller);
	}
	for (int i = 0; i < CP_PLACE_COLUMNS; i++)
		columns[i] = detail->nulls[CP_PLACE_FIRST - 1 + i] ? NULL :
			TextDatumGetCString(detail->values[CP_PLACE_FIRST - 1 + i]);
	cp_place_add(writer->places, places[kind], delivery->child_id, columns);
}

static void
write_kind(Writer *writer, const CpDelivery *delivery, DetailKind kind)
{
	List	   *details;
	List	   *sent_kinds;
	ListCell   *cell;
	int			source = kinds[kind].source - 1;

	if (!what_was_sent(delivery->row, kind, &details, &sent_kinds))
		return;
	if (!delivery->made)
		(void) compare_stored(delivery, kind, &details, sent_kinds, true);
	foreach(cell, details)
	{
		Detail	   *detail = lfirst(cell);

		add_places(writer, delivery, kind, detail);
		detail->values[0] = Int64GetDatum(delivery->child_id);
		detail->nulls[0] = false;
		if (kind != DETAIL_ALIAS)
		{
			detail->values[1] = BoolGetDatum(delivery->shielded);
			detail->nulls[1] = false;
		}
		set_text(detail, source + 1, delivery->row->source);
		detail->values[source + 1] = TimestampTzGetDatum(delivery->row->recorded_at);
		detail->nulls[source + 1] = false;
		cp_bulk_add(bulk_of(writer, kind, delivery->shielded), detail->values, detail->nulls);
	}
}

static void
write_responsibility(Writer *writer, const CpDelivery *delivery)
{
	Datum		values[4];
	bool		nulls[4] = {false};

	bool		embargoed = delivery->birth != NULL && delivery->birth->embargoed &&
	delivery->birth->reason == NULL;

	/* what only an embargo shields has not been found to hide anybody */
	if ((delivery->shielded && !embargoed) || delivery->responsible || delivery->row->authority == 0)
		return;
	values[0] = Int64GetDatum(delivery->child_id);
	values[1] = BoolGetDatum(delivery->shielded);
	values[2] = Int64GetDatum(delivery->row->authority);
	values[3] = TimestampTzGetDatum(delivery->row->recorded_at);
	cp_bulk_add(bulk_of(writer, DETAIL_RESPONSIBILITY, delivery->shielded), values, nulls);
}

/*
 * Writes the details of rows that go to different children, or under different
 * sources to the same.  Child rows are locked, and so is the organisation that
 * a row says is responsible.
 */
void
cp_details_write(CpDelivery **deliveries, int n)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext scratch = AllocSetContextCreate(caller, "contactpoint detail",
												  ALLOCSET_DEFAULT_SIZES);

	for (int kind = 0; kind <= DETAIL_RESPONSIBILITY; kind++)
	{
		Writer		writer = {caller, {NULL, NULL}, NULL};

		for (int i = 0; i < n; i++)
		{
			MemoryContextSwitchTo(scratch);
			if (kind == DETAIL_RESPONSIBILITY)
				write_responsibility(&writer, deliveries[i]);
			else
				write_kind(&writer, deliveries[i], kind);
			MemoryContextSwitchTo(caller);
			MemoryContextReset(scratch);
		}
		for (int side = 0; side < 2; side++)
			if (writer.bulks[side] != NULL)
				cp_bulk_write(writer.bulks[side]);
		if (writer.places != NULL)
			cp_bulk_write(writer.places);
	}
	MemoryContextDelete(scratch);
	CommandCounterIncrement();
}
