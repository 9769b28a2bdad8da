/*-------------------------------------------------------------------------
 *
 * sent.c
 *	  What a row of the inbox sends, as details of a child, and what it
 *	  replaces.
 *
 *	  Each source replaces only what it sent itself.  NULL means not sent,
 *	  empty means withdrawn; of identifiers only the kinds that were sent are
 *	  replaced.  What is stored already in the same words stays as it is.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/timestamp.h"

#include "details.h"

#define IDENTIFIER_KIND 3		/* its column in both leaves */

const CpDetailTables cp_detail_tables[CP_DETAIL_TABLES] = {
	[CP_DETAIL_ADDRESS] = {{"address_open", "address_vault"},
	{"address_open_child_id_idx", "address_vault_child_id_idx"}, 6, 3, 5},
	[CP_DETAIL_CARER] = {{"carer_open", "carer_vault"},
	{"carer_open_child_id_idx", "carer_vault_child_id_idx"}, 7, 3, 6},
	[CP_DETAIL_INVOLVEMENT] = {{"involvement_open", "involvement_vault"},
	{"involvement_open_child_id_idx", "involvement_vault_child_id_idx"}, 10, 3, 9},
	[CP_DETAIL_IDENTIFIER] = {{"identifier_open", "identifier_vault"},
	{"identifier_open_child_id_idx", "identifier_vault_child_id_idx"}, 6, 3, 5},
	[CP_DETAIL_ALIAS] = {{"alias", "alias"}, {"alias_child_id_idx", "alias_child_id_idx"}, 6, 2, 5},
	[CP_DETAIL_RESPONSIBILITY] = {{"responsibility_open", "responsibility_vault"},
	{"responsibility_open_child_id_shielded_idx", "responsibility_vault_child_id_shielded_idx"}, 4, 3, 3},
};

/* ---------- what was sent ---------- */

static CpDetail *
new_detail(void)
{
	CpDetail   *detail = palloc0(sizeof(CpDetail));

	memset(detail->nulls, true, sizeof(detail->nulls));
	return detail;
}

void
cp_detail_set_text(CpDetail *detail, int column, const char *text)
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
set_date(CpDetail *detail, int column, const char *text)
{
	DateADT		date;

	if (unless_empty(text) == NULL)
		return;
	if (!cp_parse_iso_date(text, &date))
		elog(ERROR, "the inbox holds an impossible date");
	detail->values[column - 1] = DateADTGetDatum(date);
	detail->nulls[column - 1] = false;
}

static CpDetail *
carer_of(JsonbContainer *object)
{
	CpDetail   *detail = new_detail();

	cp_detail_set_text(detail, 3, string_of(object, "full_name"));
	cp_detail_set_text(detail, 4, string_of(object, "relationship"));
	cp_detail_set_text(detail, 5, string_of(object, "contact"));
	return detail;
}

static CpDetail *
involvement_of(JsonbContainer *object)
{
	CpDetail   *detail = new_detail();

	cp_detail_set_text(detail, 3, string_of(object, "service"));
	cp_detail_set_text(detail, 4, string_of(object, "organisation"));
	cp_detail_set_text(detail, 5, string_of(object, "practitioner"));
	cp_detail_set_text(detail, 6, string_of(object, "contact"));
	set_date(detail, 7, string_of(object, "started_on"));
	set_date(detail, 8, string_of(object, "ended_on"));
	return detail;
}

static CpDetail *
alias_of(JsonbContainer *object)
{
	CpDetail   *detail = new_detail();
	const char *given = unless_empty(string_of(object, "given_names"));
	const char *family = unless_empty(string_of(object, "family_name"));

	if (given == NULL && family == NULL)
		return NULL;
	cp_detail_set_text(detail, 2, string_of(object, "kind"));
	cp_detail_set_text(detail, 3, given);
	cp_detail_set_text(detail, 4, family);
	return detail;
}

static List *
details_of_list(Jsonb *list, CpDetail *(*detail_of) (JsonbContainer *object))
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
			CpDetail   *detail = detail_of(value.val.binary.data);

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
			CpDetail   *detail = new_detail();

			cp_detail_set_text(detail, 3, kind);
			cp_detail_set_text(detail, 4, pnstrdup(value.val.string.val, value.val.string.len));
			details = lappend(details, detail);
		}
	}
	return details;
}

/*
 * What a row sent of one kind, as CpDetail *; false where it sent nothing of it.
 */
bool
cp_detail_sent(const CpInboxRow *row, CpDetailKind kind, List **details, List **sent_kinds)
{
	CpDetail   *detail;

	*details = NIL;
	*sent_kinds = NIL;
	switch (kind)
	{
		case CP_DETAIL_ADDRESS:
			if (row->address == NULL && row->postcode == NULL)
				return false;
			if (unless_empty(row->address) == NULL && unless_empty(row->postcode) == NULL)
				return true;
			detail = new_detail();
			cp_detail_set_text(detail, 3, unless_empty(row->address));
			cp_detail_set_text(detail, 4, unless_empty(row->postcode));
			*details = list_make1(detail);
			return true;
		case CP_DETAIL_CARER:
			if (row->carers != NULL)
				*details = details_of_list(row->carers, carer_of);
			return row->carers != NULL;
		case CP_DETAIL_INVOLVEMENT:
			if (row->involvements != NULL)
				*details = details_of_list(row->involvements, involvement_of);
			return row->involvements != NULL;
		case CP_DETAIL_IDENTIFIER:
			if (row->identifiers != NULL)
				*details = details_of_identifiers(row->identifiers, sent_kinds);
			return row->identifiers != NULL;
		case CP_DETAIL_ALIAS:
			if (row->alias_names != NULL)
				*details = details_of_list(row->alias_names, alias_of);
			return row->alias_names != NULL;
		default:
			return false;
	}
}

/* ---------- what it replaces ---------- */

static bool
is_of_kinds(const CpDetail *identifier, List *sent_kinds)
{
	char	   *kind = cp_normalize_kind(TextDatumGetCString(identifier->values[IDENTIFIER_KIND - 1]));
	ListCell   *cell;

	foreach(cell, sent_kinds)
	{
		if (strcmp(lfirst(cell), kind) == 0)
			return true;
	}
	return false;
}

static bool
says_the_same(CpDetailKind kind, const CpDetail *a, const CpDetail *b, TupleDesc desc)
{
	for (int i = cp_detail_tables[kind].first - 1; i < cp_detail_tables[kind].source - 1; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (a->nulls[i] != b->nulls[i] ||
			(!a->nulls[i] && !datum_image_eq(a->values[i], b->values[i], att->attbyval, att->attlen)))
			return false;
	}
	return true;
}

/*
 * Would a stored detail be replaced by what the row sent?  Not if one of the
 * details says the same: that goes from the list.
 */
bool
cp_detail_replaced(CpDetailKind kind, const CpInboxRow *row, const CpDetail *stored,
				   TupleDesc desc, List *sent_kinds, List **details)
{
	Datum		source = stored->values[cp_detail_tables[kind].source - 1];
	ListCell   *cell;

	if (!cp_is_text(source, row->source))
		return false;
	if (kind == CP_DETAIL_IDENTIFIER && !is_of_kinds(stored, sent_kinds))
		return false;
	foreach(cell, *details)
	{
		if (says_the_same(kind, lfirst(cell), stored, desc))
		{
			*details = list_delete_cell(*details, cell);
			return false;
		}
	}
	return true;
}

void
cp_detail_complete(CpDetail *detail, const CpDelivery *delivery, CpDetailKind kind,
				   const CpInboxRow *row)
{
	int			source = cp_detail_tables[kind].source - 1;

	detail->values[0] = Int64GetDatum(delivery->child_id);
	detail->nulls[0] = false;
	if (kind != CP_DETAIL_ALIAS)
	{
		detail->values[1] = BoolGetDatum(delivery->shielded);
		detail->nulls[1] = false;
	}
	cp_detail_set_text(detail, source + 1, row->source);
	detail->values[source + 1] = TimestampTzGetDatum(row->recorded_at);
	detail->nulls[source + 1] = false;
}
