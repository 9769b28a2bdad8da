/*-------------------------------------------------------------------------
 *
 * person.c
 *	  Persons: the matching side of uploaded rows and of records, as they are
 *	  made and as match_person stores them.
 *
 *	  match_person holds all that a comparison needs in one row, in a form
 *	  that is read in one go: facts is a list of texts, parted by a control
 *	  character, each behind a letter that says what it is:
 *
 *	  n  public name, h  hidden name: numbers of the given words, |, of the
 *		 family words, as in n12 40|7
 *	  p  postcode, a  address, i  identifier as kind:VALUE
 *
 *	  The public name comes first; all else stands in the order of its bytes,
 *	  so that a record has one form however it came about.
 *
 *	  Rows are written below the executor: the table has no triggers and its
 *	  row security admits nobody.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "lookup.h"
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

	if (given[0] == '\0' && family[0] == '\0')
		return;
	if (person->nnames >= CP_MAX_NAMES)
	{
		person->names_cut = true;
		return;
	}
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
						family_name ? cp_normalize_family(family_name) : "",
						hidden, false);
	person->names_cut |= (given_names != NULL && cp_name_is_cut(given_names)) ||
		(family_name != NULL && cp_name_is_cut(family_name));
}

/* kind:VALUE, both in normal form */
static char *
identifier_text(const char *kind, int kind_length, const char *value)
{
	return psprintf("%s:%s", cp_normalize_kind(pnstrdup(kind, kind_length)),
					cp_normalize_code(value));
}

/* Unknown, 0000000000 and 9999999999 are no numbers of anybody. */
static bool
is_real(const char *identifier)
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

static List *
add_distinct(List *texts, char *text)
{
	ListCell   *cell;

	if (text[0] == '\0' || list_length(texts) >= CP_MAX_PLACES)
		return texts;
	foreach(cell, texts)
	{
		if (strcmp(lfirst(cell), text) == 0)
			return texts;
	}
	return lappend(texts, text);
}

/* Adds a place as the registry has it to a record, unless it has it already. */
void
cp_person_add_place(CpPerson *person, const char *postcode, const char *address)
{
	person->postcodes = add_distinct(person->postcodes, cp_normalize_postcode(postcode));
	person->addresses = add_distinct(person->addresses, cp_normalize_address(address));
}

/* The same of an identifier that is a number of somebody. */
void
cp_person_add_identifier(CpPerson *person, const char *kind, const char *value)
{
	char	   *identifier = identifier_text(kind, strlen(kind), value);

	if (is_real(identifier))
		person->identifiers = add_distinct(person->identifiers, identifier);
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
		char	   *code = cp_normalize_postcode(postcode);

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
		identifier = identifier_text(lfirst(cell), colon - (char *) lfirst(cell), colon + 1);
		if (is_real(identifier))
			person->identifiers = lappend(person->identifiers, identifier);
	}
	cp_person_finish(person);
	return person;
}

static int
by_text(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

/* Sorted, each once. */
static List *
in_order(List *texts)
{
	List	   *result = NIL;
	ListCell   *cell;

	list_sort(texts, by_text);
	foreach(cell, texts)
	{
		if (result == NIL || strcmp(llast(result), lfirst(cell)) != 0)
			result = lappend(result, lfirst(cell));
	}
	return result;
}

static int
words_order(const int32 *a, int na, const int32 *b, int nb)
{
	for (int i = 0; i < Min(na, nb); i++)
	{
		int			order = a[i] == b[i] ? 0 :
		strcmp(cp_dictionary_word(a[i])->word, cp_dictionary_word(b[i])->word);

		if (order != 0)
			return order;
	}
	return na - nb;
}

static int
name_order(const void *a, const void *b)
{
	const CpName *left = a;
	const CpName *right = b;
	int			order = words_order(left->given, left->ngiven, right->given, right->ngiven);

	return order != 0 ? order : words_order(left->family, left->nfamily, right->family, right->nfamily);
}

/*
 * Brings what a new or changed record holds into the one order in which it is
 * stored, and gives it the version of keys that is written now.  A hidden name that says nothing new makes no difference.
 */
void
cp_person_settle(CpPerson *person)
{
	int			versions[CP_KEY_VERSIONS];

	(void) cp_key_versions(versions);
	person->key_version = versions[0];
	if (person->nnames > 2)
		qsort(&person->names[1], person->nnames - 1, sizeof(CpName), name_order);
	if (person->nearness <= CP_NEAR_ALIAS)
		person->nearness = person->nnames > 1 ? CP_NEAR_ALIAS : CP_NEAR_OPEN;
	person->postcodes = in_order(person->postcodes);
	person->addresses = in_order(person->addresses);
	person->identifiers = in_order(person->identifiers);
	cp_person_finish(person);
}

/* ---------- stored ---------- */

#define FACT_SEPARATOR '\x1f'	/* no text in normal form holds it */

static const char *
read_words(const char *text, int32 *ids, int *n)
{
	*n = 0;
	while (*text >= '0' && *text <= '9')
	{
		int32		id = 0;

		for (; *text >= '0' && *text <= '9'; text++)
			id = id * 10 + (*text - '0');
		if (*n < CP_MAX_WORDS)
			ids[(*n)++] = id;
		if (*text == ' ')
			text++;
	}
	return text;
}

static void
read_name(CpPerson *person, const char *text, bool hidden)
{
	CpName	   *name = &person->names[person->nnames];

	if (person->nnames >= CP_MAX_NAMES)
		return;
	name->hidden = hidden;
	text = read_words(text, name->given, &name->ngiven);
	if (*text == '|')
		text++;
	(void) read_words(text, name->family, &name->nfamily);
	person->nnames++;
}

/* Takes the facts apart; the text stays behind them. */
static void
read_facts(CpPerson *person, char *facts)
{
	while (*facts != '\0')
	{
		char		kind = *facts++;
		char	   *text = facts;

		while (*facts != '\0' && *facts != FACT_SEPARATOR)
			facts++;
		if (*facts != '\0')
			*facts++ = '\0';
		switch (kind)
		{
			case 'n':
			case 'h':
				read_name(person, text, kind == 'h');
				break;
			case 'p':
				person->postcodes = lappend(person->postcodes, text);
				break;
			case 'a':
				person->addresses = lappend(person->addresses, text);
				break;
			case 'i':
				person->identifiers = lappend(person->identifiers, text);
				break;
			default:
				elog(ERROR, "match_person holds a fact of an unknown kind");
		}
	}
}

/* A row of match_person as a person, in the current memory context. */
CpPerson *
cp_person_from_tuple(HeapTuple tuple, TupleDesc desc)
{
	CpPerson   *person = palloc0(sizeof(CpPerson));
	Datum		values[CP_PERSON_COLUMNS];
	bool		nulls[CP_PERSON_COLUMNS];

	heap_deform_tuple(tuple, desc, values, nulls);
	person->child_id = DatumGetInt64(values[CP_PERSON_CHILD - 1]);
	person->has_birth = true;
	person->date_of_birth = DatumGetDateADT(values[CP_PERSON_BIRTH - 1]);
	person->sex = DatumGetChar(values[CP_PERSON_SEX - 1]);
	person->nearness = (CpNearness) DatumGetInt16(values[CP_PERSON_NEARNESS - 1]);
	person->key_version = DatumGetInt32(values[CP_PERSON_KEY_VERSION - 1]);
	read_facts(person, TextDatumGetCString(values[CP_PERSON_FACTS - 1]));
	cp_person_finish(person);
	return person;
}

/* The matching side of a record, from the private index; NULL if absent. */
CpPerson *
cp_person_fetch(int64 child_id)
{
	Snapshot	snapshot;
	Relation	rel;
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple	tuple;
	CpPerson   *person = cp_delta_fetch(child_id);

	if (person != NULL)
		return person;
	rel = table_open(cp_relation_oid("match_person"), AccessShareLock);
	tuple = cp_ahead_person(child_id);
	if (tuple != NULL)
	{
		person = cp_person_from_tuple(tuple, RelationGetDescr(rel));
		table_close(rel, AccessShareLock);
		return person;
	}
	snapshot = cp_latest_snapshot();
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

static void
add_words_fact(StringInfo facts, const int32 *ids, int n)
{
	for (int i = 0; i < n; i++)
		appendStringInfo(facts, i > 0 ? " %d" : "%d", ids[i]);
}

static void
add_facts(StringInfo facts, char kind, List *texts)
{
	ListCell   *cell;

	foreach(cell, texts)
	{
		appendStringInfoChar(facts, FACT_SEPARATOR);
		appendStringInfoChar(facts, kind);
		appendStringInfoString(facts, lfirst(cell));
	}
}

/* The columns of match_person, none of them null. */
void
cp_person_values(const CpPerson *person, Datum *values)
{
	StringInfoData facts;

	initStringInfo(&facts);
	for (int i = 0; i < person->nnames; i++)
	{
		const CpName *name = &person->names[i];

		if (i > 0)
			appendStringInfoChar(&facts, FACT_SEPARATOR);
		appendStringInfoChar(&facts, name->hidden ? 'h' : 'n');
		add_words_fact(&facts, name->given, name->ngiven);
		appendStringInfoChar(&facts, '|');
		add_words_fact(&facts, name->family, name->nfamily);
	}
	add_facts(&facts, 'p', person->postcodes);
	add_facts(&facts, 'a', person->addresses);
	add_facts(&facts, 'i', person->identifiers);
	values[CP_PERSON_CHILD - 1] = Int64GetDatum(person->child_id);
	values[CP_PERSON_BIRTH - 1] = DateADTGetDatum(person->date_of_birth);
	values[CP_PERSON_SEX - 1] = CharGetDatum(person->sex);
	values[CP_PERSON_NEARNESS - 1] = Int16GetDatum((int16) person->nearness);
	values[CP_PERSON_KEY_VERSION - 1] = Int32GetDatum(person->key_version);
	values[CP_PERSON_FACTS - 1] = PointerGetDatum(cstring_to_text_with_len(facts.data, facts.len));
}

static HeapTuple
form_person(const CpPerson *person, TupleDesc desc)
{
	Datum		values[CP_PERSON_COLUMNS];
	bool		nulls[CP_PERSON_COLUMNS] = {false};

	cp_person_values(person, values);
	return heap_form_tuple(desc, values, nulls);
}

static int
by_child(const void *a, const void *b)
{
	int64		left = ((const CpPersonChange *) a)->child_id;
	int64		right = ((const CpPersonChange *) b)->child_id;

	return left < right ? -1 : left > right ? 1 : 0;
}

/* Changes rows of persons; sorts the changes: the index is walked through once. */
void
cp_persons_replace(CpPersonChange *changes, int n)
{
	CpLookup	lookup;
	CatalogIndexState indexes;

	if (n == 0)
		return;
	qsort(changes, n, sizeof(CpPersonChange), by_child);
	cp_lookup_begin(&lookup, "match_person", "match_person_pkey", 1, RowExclusiveLock);
	indexes = CatalogOpenIndexes(lookup.rel);
	for (int i = 0; i < n; i++)
	{
		HeapTuple	fresh;

		cp_lookup_to_number(&lookup, changes[i].child_id);
		if (!cp_lookup_next(&lookup))
			elog(ERROR, "the matcher's row of a record is gone");
		if (changes[i].now == NULL)
		{
			CatalogTupleDelete(lookup.rel, &lookup.slot->tts_tid);
			continue;
		}
		fresh = form_person(changes[i].now, RelationGetDescr(lookup.rel));
		CatalogTupleUpdateWithInfo(lookup.rel, &lookup.slot->tts_tid, fresh, indexes);
		heap_freetuple(fresh);
	}
	CatalogCloseIndexes(indexes);
	cp_lookup_end(&lookup);
}

static bool
same_texts(List *a, List *b)
{
	ListCell   *left;
	ListCell   *right;

	if (list_length(a) != list_length(b))
		return false;
	forboth(left, a, right, b)
	{
		if (strcmp(lfirst(left), lfirst(right)) != 0)
			return false;
	}
	return true;
}

/* Would the same be stored of both? */
bool
cp_person_same(const CpPerson *a, const CpPerson *b)
{
	if (a->child_id != b->child_id || a->key_version != b->key_version || a->date_of_birth != b->date_of_birth || a->sex != b->sex ||
		a->nearness != b->nearness || a->nnames != b->nnames)
		return false;
	for (int i = 0; i < a->nnames; i++)
		if (a->names[i].hidden != b->names[i].hidden || name_order(&a->names[i], &b->names[i]) != 0)
			return false;
	return same_texts(a->postcodes, b->postcodes) && same_texts(a->addresses, b->addresses) &&
		same_texts(a->identifiers, b->identifiers);
}

static List *
copy_texts(List *texts)
{
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, texts)
		result = lappend(result, pstrdup(lfirst(cell)));
	return result;
}

/* All of a person in the current memory context. */
CpPerson *
cp_person_copy(const CpPerson *person)
{
	CpPerson   *copy = palloc(sizeof(CpPerson));

	*copy = *person;
	copy->postcodes = copy_texts(person->postcodes);
	copy->addresses = copy_texts(person->addresses);
	copy->identifiers = copy_texts(person->identifiers);
	cp_person_finish(copy);
	return copy;
}
