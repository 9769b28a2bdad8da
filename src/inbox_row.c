/*-------------------------------------------------------------------------
 *
 * inbox_row.c
 *	  What a row of the inbox says: the person that it is about, and a digest
 *	  of all that it sends.
 *
 *	  The digest says whether a reference sent the same last time.  It is
 *	  keyed with a secret of the registry, for managers see source_link and a
 *	  plain hash of an address can be guessed at; and the child goes into it,
 *	  so a reference that was given another child has sent that one nothing
 *	  yet.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/varlena.h"

#include "match.h"
#include "settle.h"

/* ---------- persons ---------- */

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
	cp_person_finish(person);
	return person;
}

/* ---------- the digest ---------- */

typedef struct Sip
{
	uint64		v0;
	uint64		v1;
	uint64		v2;
	uint64		v3;
	uint64		word;			/* bytes that make no whole word yet */
	uint64		length;
} Sip;

static uint64
rotate(uint64 word, int n)
{
	return (word << n) | (word >> (64 - n));
}

static void
sip_rounds(Sip *s, int n)
{
	while (n-- > 0)
	{
		s->v0 += s->v1;
		s->v2 += s->v3;
		s->v1 = rotate(s->v1, 13) ^ s->v0;
		s->v3 = rotate(s->v3, 16) ^ s->v2;
		s->v0 = rotate(s->v0, 32);
		s->v2 += s->v1;
		s->v0 += s->v3;
		s->v1 = rotate(s->v1, 17) ^ s->v2;
		s->v3 = rotate(s->v3, 21) ^ s->v0;
		s->v2 = rotate(s->v2, 32);
	}
}

/* SipHash-2-4 (Aumasson and Bernstein, INDOCRYPT 2012). */
static void
sip_begin(Sip *s, const uint64 *key)
{
	s->v0 = key[0] ^ UINT64CONST(0x736f6d6570736575);
	s->v1 = key[1] ^ UINT64CONST(0x646f72616e646f6d);
	s->v2 = key[0] ^ UINT64CONST(0x6c7967656e657261);
	s->v3 = key[1] ^ UINT64CONST(0x7465646279746573);
	s->word = 0;
	s->length = 0;
}

static void
sip_add(Sip *s, const void *bytes, Size n)
{
	const unsigned char *next = bytes;

	for (; n > 0; n--, next++)
	{
		s->word |= (uint64) *next << (s->length % 8 * 8);
		if (++s->length % 8 == 0)
		{
			s->v3 ^= s->word;
			sip_rounds(s, 2);
			s->v0 ^= s->word;
			s->word = 0;
		}
	}
}

static uint64
sip_end(Sip *s)
{
	s->word |= s->length << 56;
	s->v3 ^= s->word;
	sip_rounds(s, 2);
	s->v0 ^= s->word;
	s->v2 ^= 0xff;
	sip_rounds(s, 4);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

/* The secret of this registry; another one after a restore. */
static const uint64 *
digest_key(void)
{
	static uint64 key[2];
	static bool known = false;

	if (!known)
	{
		Datum		value;
		bool		isnull;

		SPI_connect();
		if (SPI_execute("SELECT k.key FROM contactpoint.digest_key k", true, 1) != SPI_OK_SELECT ||
			SPI_processed != 1)
			elog(ERROR, "the registry has lost the key of its digests");
		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
		if (isnull || VARSIZE_ANY_EXHDR(DatumGetByteaPP(value)) != sizeof(key))
			elog(ERROR, "the key of digests has the wrong length");
		memcpy(key, VARDATA_ANY(DatumGetByteaPP(value)), sizeof(key));
		SPI_finish();
		known = true;
	}
	return key;
}

static void
add_bytes(Sip *sip, const void *bytes, int32 length)
{
	sip_add(sip, &length, sizeof(length));
	if (length > 0)
		sip_add(sip, bytes, length);
}

static void
add_text(Sip *sip, const char *text)
{
	add_bytes(sip, text, text == NULL ? -1 : (int32) strlen(text));
}

static void
add_jsonb(Sip *sip, const Jsonb *value)
{
	if (value == NULL)
		add_bytes(sip, NULL, -1);
	else
		add_bytes(sip, VARDATA(value), VARSIZE(value) - VARHDRSZ);
}

int64
cp_inbox_digest(const CpInboxRow *row, int64 child_id)
{
	Sip			sip;
	int64		digest;

	sip_begin(&sip, digest_key());
	sip_add(&sip, &child_id, sizeof(child_id));
	sip_add(&sip, &row->authority, sizeof(row->authority));
	add_text(&sip, row->address);
	add_text(&sip, row->postcode);
	add_jsonb(&sip, row->identifiers);
	add_jsonb(&sip, row->carers);
	add_jsonb(&sip, row->involvements);
	add_jsonb(&sip, row->alias_names);
	digest = (int64) sip_end(&sip);
	return digest == 0 ? 1 : digest;
}
