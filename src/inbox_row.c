/*-------------------------------------------------------------------------
 *
 * inbox_row.c
 *	  The person that a row of the inbox is about.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "utils/builtins.h"
#include "utils/varlena.h"

#include "match.h"
#include "settle.h"

typedef struct SentNumber
{
	char	   *kind;			/* as it was sent */
	char	   *code;
} SentNumber;

/* In the order in which a record's own are read: by kind. */
static int
by_kind(const ListCell *a, const ListCell *b)
{
	const char *left = ((SentNumber *) lfirst(a))->kind;
	const char *right = ((SentNumber *) lfirst(b))->kind;

	return varstr_cmp(left, strlen(left), right, strlen(right), DEFAULT_COLLATION_OID);
}

/*
 * "kind:VALUE" for each identifier that was sent and not withdrawn.
 */
static List *
identifier_list(Jsonb *identifiers)
{
	JsonbIterator *iterator;
	JsonbValue	value;
	JsonbIteratorToken token;
	SentNumber *number = NULL;
	List	   *sent = NIL;
	ListCell   *cell;

	if (identifiers == NULL)
		return NIL;
	iterator = JsonbIteratorInit(&identifiers->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
		{
			number = palloc(sizeof(SentNumber));
			number->kind = pnstrdup(value.val.string.val, value.val.string.len);
		}
		else if (token == WJB_VALUE && value.type == jbvString)
		{
			number->code = cp_normalize_code(pnstrdup(value.val.string.val,
													  value.val.string.len));
			if (*number->code != '\0')
				sent = lappend(sent, number);
		}
	}
	list_sort(sent, by_kind);
	foreach(cell, sent)
	{
		number = lfirst(cell);
		lfirst(cell) = psprintf("%s:%s", cp_normalize_kind(number->kind), number->code);
	}
	return sent;
}

static char *
object_text(JsonbContainer *object, const char *key)
{
	JsonbValue	buffer;
	JsonbValue *value = getKeyJsonValueFromContainer(object, key, strlen(key), &buffer);

	if (value == NULL || value->type != jbvString || value->val.string.len == 0)
		return NULL;
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/*
 * Other names the row brings count for matching; what an entry leaves out is
 * as in the row's own name.
 */
static void
add_alias_names(CpPerson *person, const CpInboxRow *row)
{
	JsonbIterator *iterator;
	JsonbValue	value;
	JsonbIteratorToken token;
	bool		outermost = true;

	if (row->alias_names == NULL)
		return;
	iterator = JsonbIteratorInit(&row->alias_names->root);
	while ((token = JsonbIteratorNext(&iterator, &value, !outermost)) != WJB_DONE)
	{
		outermost = false;
		if (token == WJB_ELEM && value.type == jbvBinary)
		{
			char	   *given = object_text(value.val.binary.data, "given_names");
			char	   *family = object_text(value.val.binary.data, "family_name");

			if (given != NULL || family != NULL)
				cp_person_add_name(person, given ? given : row->given_names,
								   family ? family : row->family_name, true);
		}
	}
	cp_person_finish(person);
}

static CpPerson *
person_of(const CpInboxRow *row, List *identifiers)
{
	DateADT		birth;
	bool		has_birth = row->date_of_birth != NULL &&
	cp_parse_iso_date(row->date_of_birth, &birth);
	CpPerson   *person = cp_person_make(row->given_names, row->family_name,
										has_birth ? &birth : NULL,
										row->sex ? *row->sex : 'U',
										row->postcode, row->address, identifiers);

	if (row->date_of_birth != NULL && !has_birth)
		(void) cp_parse_partial_date(row->date_of_birth, &person->birth_year, &person->birth_month);
	return person;
}

CpPerson *
cp_inbox_person(const CpInboxRow *row)
{
	CpPerson   *person = person_of(row, identifier_list(row->identifiers));

	add_alias_names(person, row);
	return person;
}

/*
 * The person that a new record made of this row will be, as it would be read
 * from the registry's own tables.  The row brings no other names.  Adds words
 * to the dictionary.
 */
CpPerson *
cp_inbox_record(const CpInboxRow *row, int64 child_id)
{
	List	   *distinct = NIL;
	CpPerson   *person;
	ListCell   *cell;

	person = cp_person_copy(row->person);
	foreach(cell, person->identifiers)
	{
		ListCell   *other;

		foreach(other, distinct)
		{
			if (strcmp(lfirst(other), lfirst(cell)) == 0)
				break;
		}
		if (other == NULL)
			distinct = lappend(distinct, lfirst(cell));
	}
	person->identifiers = distinct;
	person->child_id = child_id;
	person->nnames = 0;
	cp_person_add_words(person, cp_normalize_name(row->given_names),
						cp_normalize_family(row->family_name), false, true);
	cp_person_settle(person);
	return person;
}
