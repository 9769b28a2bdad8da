/*-------------------------------------------------------------------------
 *
 * person.c
 *	  Persons: the matching side of uploaded rows and of records, as they are
 *	  made and as match_person stores them.
 *
 *	  match_person holds all that a comparison needs in one row.  Rows are
 *	  written below the executor: the table has no triggers and its row
 *	  security admits nobody.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "match.h"

/* ---------- made ---------- */

static int
add_words(const char *normalised, int32 *ids, bool new_words)
{
	int			n = 0;
	char	   *words = pstrdup(normalised);
	char	   *next = words;

	while (n < CP_MAX_WORDS && *next != '\0')
	{
		char	   *word = next;
		char	   *space = strchr(word, ' ');

		if (space != NULL)
		{
			*space = '\0';
			next = space + 1;
		}
		else
			next = word + strlen(word);
		if (*word != '\0')
			ids[n++] = new_words ? cp_dictionary_id(word) : cp_dictionary_find(word);
	}
	pfree(words);
	return n;
}

/* Adds the words of a normalised name to a person. */
void
cp_person_add_words(CpPerson *person, const char *given, const char *family,
					bool hidden, bool new_words)
{
	CpName	   *name;

	if (person->nnames >= CP_MAX_NAMES || (given[0] == '\0' && family[0] == '\0'))
		return;
	name = &person->names[person->nnames];
	name->hidden = hidden;
	name->ngiven = add_words(given, name->given, new_words);
	name->nfamily = add_words(family, name->family, new_words);
	for (int i = 0; i < person->nnames; i++)
	{
		CpName	   *other = &person->names[i];

		if (other->ngiven == name->ngiven && other->nfamily == name->nfamily &&
			memcmp(other->given, name->given, name->ngiven * sizeof(int32)) == 0 &&
			memcmp(other->family, name->family, name->nfamily * sizeof(int32)) == 0)
			return;
	}
	person->nnames++;
}

void
cp_person_add_name(CpPerson *person, const char *given_names,
				   const char *family_name, bool hidden)
{
	cp_person_add_words(person,
						given_names ? cp_normalize_name(given_names) : "",
						family_name ? cp_normalize_name(family_name) : "",
						hidden, false);
}

/* kind:VALUE, both in normal form */
char *
cp_identifier_text(const char *kind, int kind_length, const char *value)
{
	return psprintf("%s:%s", cp_normalize_kind(pnstrdup(kind, kind_length)),
					cp_normalize_code(value));
}

/* Unknown, 0000000000 and 9999999999 are no numbers of anybody. */
bool
cp_identifier_is_real(const char *identifier)
{
	const char *value = strchr(identifier, ':') + 1;
	bool		digits = false;
	bool		differ = false;

	for (const char *c = value; *c != '\0'; c++)
	{
		digits |= isdigit((unsigned char) *c) != 0;
		differ |= *c != *value;
	}
	return digits && differ;
}

/*
 * The matching side of an uploaded row; NULL arguments were not sent.  Writes
 * nothing and needs no lock.
 */
CpPerson *
cp_person_make(const char *given_names, const char *family_name,
			   const DateADT *date_of_birth, char sex,
			   const char *postcode, const char *address, List *identifiers)
{
	CpPerson   *person = palloc0(sizeof(CpPerson));
	ListCell   *cell;

	cp_dictionary_refresh();
	cp_person_add_name(person, given_names, family_name, false);
	if (date_of_birth != NULL)
	{
		person->has_birth = true;
		person->date_of_birth = *date_of_birth;
	}
	person->sex = sex == 'F' || sex == 'M' ? sex : 'U';
	if (postcode != NULL)
	{
		char	   *code = cp_normalize_code(postcode);

		if (code[0] != '\0')
			person->postcodes = list_make1(code);
	}
	if (address != NULL)
	{
		char	   *words = cp_normalize_address(address);

		if (words[0] != '\0')
			person->addresses = list_make1(words);
	}
	foreach(cell, identifiers)
	{
		char	   *colon = strchr(lfirst(cell), ':');
		char	   *identifier;

		if (colon == NULL || list_length(person->identifiers) >= CP_MAX_PLACES)
			continue;
		identifier = cp_identifier_text(lfirst(cell), colon - (char *) lfirst(cell), colon + 1);
		if (cp_identifier_is_real(identifier))
			person->identifiers = lappend(person->identifiers, identifier);
	}
	cp_person_finish(person);
	return person;
}

/* ---------- stored ---------- */

List *
cp_texts_of(Datum array)
{
	Datum	   *values;
	bool	   *nulls;
	int			n;
	List	   *result = NIL;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT,
					  &values, &nulls, &n);
	for (int i = 0; i < n; i++)
		result = lappend(result, nulls[i] ? pstrdup("") : TextDatumGetCString(values[i]));
	return result;
}

static Datum
array_of(List *texts)
{
	Datum	   *values = palloc((list_length(texts) + 1) * sizeof(Datum));
	int			n = 0;
	ListCell   *cell;

	foreach(cell, texts)
		values[n++] = CStringGetTextDatum(lfirst(cell));
	return PointerGetDatum(construct_array(values, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* A row of match_person as a person, in the current memory context. */
CpPerson *
cp_person_from_tuple(HeapTuple tuple, TupleDesc desc)
{
	CpPerson   *person = palloc0(sizeof(CpPerson));
	Datum		values[CP_PERSON_COLUMNS];
	bool		nulls[CP_PERSON_COLUMNS];
	ListCell   *cell;

	heap_deform_tuple(tuple, desc, values, nulls);
	person->child_id = DatumGetInt64(values[CP_PERSON_CHILD - 1]);
	person->has_birth = true;
	person->date_of_birth = DatumGetDateADT(values[CP_PERSON_BIRTH - 1]);
	person->sex = *VARDATA_ANY(DatumGetPointer(values[CP_PERSON_SEX - 1]));
	person->nearness = (CpNearness) DatumGetInt16(values[CP_PERSON_NEARNESS - 1]);
	foreach(cell, cp_texts_of(values[CP_PERSON_NAMES - 1]))
	{
		char	   *given = lfirst(cell);
		char	   *family = strchr(given, '|');
		char	   *kind = strrchr(given, '|');

		if (family == NULL || family == kind)
			elog(ERROR, "match_person holds a name without its parts");
		*family++ = '\0';
		*kind++ = '\0';
		cp_person_add_words(person, given, family, *kind == 'h', false);
	}
	person->postcodes = cp_texts_of(values[CP_PERSON_POSTCODES - 1]);
	person->addresses = cp_texts_of(values[CP_PERSON_ADDRESSES - 1]);
	person->identifiers = cp_texts_of(values[CP_PERSON_IDENTIFIERS - 1]);
	cp_person_finish(person);
	return person;
}

/* The matching side of a record, from the private index; NULL if absent. */
CpPerson *
cp_person_fetch(int64 child_id)
{
	Snapshot	snapshot = cp_latest_snapshot();
	Relation	rel = table_open(cp_relation_oid("match_person"), AccessShareLock);
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple	tuple;
	CpPerson   *person = NULL;

	ScanKeyInit(&key, CP_PERSON_CHILD, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(child_id));
	scan = systable_beginscan(rel, cp_relation_oid("match_person_pkey"), true, snapshot, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		person = cp_person_from_tuple(tuple, RelationGetDescr(rel));
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	UnregisterSnapshot(snapshot);
	return person;
}

static char *
words_as_text(const int32 *ids, int n)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < n; i++)
	{
		const CpWord *word = cp_dictionary_word(ids[i]);

		if (word == NULL)
			elog(ERROR, "a word of a record is not in the dictionary");
		appendStringInfo(&text, "%s%s", i > 0 ? " " : "", word->word);
	}
	return text.data;
}

static HeapTuple
form_person(const CpPerson *person, TupleDesc desc)
{
	Datum		values[CP_PERSON_COLUMNS];
	bool		nulls[CP_PERSON_COLUMNS] = {false};
	List	   *names = NIL;
	char		sex[2] = {person->sex, '\0'};

	for (int i = 0; i < person->nnames; i++)
	{
		const CpName *name = &person->names[i];

		names = lappend(names, psprintf("%s|%s|%c",
										words_as_text(name->given, name->ngiven),
										words_as_text(name->family, name->nfamily),
										name->hidden ? 'h' : 'p'));
	}
	values[CP_PERSON_CHILD - 1] = Int64GetDatum(person->child_id);
	values[CP_PERSON_BIRTH - 1] = DateADTGetDatum(person->date_of_birth);
	values[CP_PERSON_SEX - 1] = CStringGetTextDatum(sex);
	values[CP_PERSON_NEARNESS - 1] = Int16GetDatum((int16) person->nearness);
	values[CP_PERSON_NAMES - 1] = array_of(names);
	values[CP_PERSON_POSTCODES - 1] = array_of(person->postcodes);
	values[CP_PERSON_ADDRESSES - 1] = array_of(person->addresses);
	values[CP_PERSON_IDENTIFIERS - 1] = array_of(person->identifiers);
	return heap_form_tuple(desc, values, nulls);
}

/* Stores, changes or removes the row of a person; returns what stood there. */
CpPerson *
cp_person_store(int64 child_id, const CpPerson *now)
{
	Snapshot	snapshot = cp_latest_snapshot();
	Relation	rel = table_open(cp_relation_oid("match_person"), RowExclusiveLock);
	TupleDesc	desc = RelationGetDescr(rel);
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple	tuple;
	CpPerson   *before = NULL;

	ScanKeyInit(&key, CP_PERSON_CHILD, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(child_id));
	scan = systable_beginscan(rel, cp_relation_oid("match_person_pkey"), true, snapshot, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		before = cp_person_from_tuple(tuple, desc);
		if (now == NULL)
			CatalogTupleDelete(rel, &tuple->t_self);
		else
		{
			HeapTuple	fresh = form_person(now, desc);
			Datum		was[CP_PERSON_COLUMNS];
			Datum		is[CP_PERSON_COLUMNS];
			bool		nulls[CP_PERSON_COLUMNS];
			bool		same = true;

			heap_deform_tuple(tuple, desc, was, nulls);
			heap_deform_tuple(fresh, desc, is, nulls);
			for (int i = 0; i < CP_PERSON_COLUMNS; i++)
				same &= datum_image_eq(was[i], is[i], TupleDescAttr(desc, i)->attbyval,
									   TupleDescAttr(desc, i)->attlen);
			if (!same)
				CatalogTupleUpdate(rel, &tuple->t_self, fresh);
		}
	}
	else if (now != NULL)
		CatalogTupleInsert(rel, form_person(now, desc));
	systable_endscan(scan);
	table_close(rel, RowExclusiveLock);
	UnregisterSnapshot(snapshot);
	return before;
}
