/*-------------------------------------------------------------------------
 *
 * inbox.c
 *	  Reads rows of the inbox with what is known of their references.
 *
 *	  One statement reads a batch.  Settled rows have no place here: a row is
 *	  in upload while it is pending or held.
 *
 *	  The digest of what a row sends says whether its reference sent the same
 *	  last time.  It is keyed with a secret of the registry, for managers see
 *	  source_link and a plain hash of an address can be guessed at; and the
 *	  child goes into it, so a reference that was given another child has sent
 *	  that one nothing yet.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "match.h"
#include "settle.h"

/* columns of what read_rows() selects */
enum
{
	READ_NUMBER = 1,
	READ_SOURCE,
	READ_SOURCE_REF,
	READ_BATCH,
	READ_AUTHORITY,
	READ_GIVEN_NAMES,
	READ_FAMILY_NAME,
	READ_SEX,
	READ_DATE_OF_BIRTH,
	READ_ADDRESS,
	READ_POSTCODE,
	READ_IDENTIFIERS,
	READ_CARERS,
	READ_INVOLVEMENTS,
	READ_ALIAS_NAMES,
	READ_SOURCE_AUTHORITY,
	READ_LINKED_CHILD,
	READ_LINK_AUTHORITY,
	READ_SENT,
	READ_OPEN_REVIEW,
	READ_REMEMBERED,
	READ_EMBARGOED,
	READ_WAITS,
	READ_COLUMNS = READ_WAITS
};

static SPIPlanPtr
prepare(const char *text, int nargs, Oid *types)
{
	SPIPlanPtr	plan = SPI_prepare(text, nargs, types);

	if (plan == NULL || SPI_keepplan(plan) != 0)
		elog(ERROR, "could not prepare the look into the inbox");
	return plan;
}

/*
 * Numbers of up to limit pending rows after the given one, lowest first.
 */
int
cp_inbox_pending(int64 after, int limit, int64 **numbers)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[2] = {INT8OID, INT8OID};
	Datum		values[2] = {Int64GetDatum(after), Int64GetDatum(limit)};
	int			n;

	if (plan == NULL)
		plan = prepare("SELECT r.upload_id FROM contactpoint.receipt r"
					   " WHERE r.settled_at IS NULL AND NOT r.waits AND r.upload_id > $1"
					   " ORDER BY r.upload_id LIMIT $2", 2, types);
	if (SPI_execute_plan(plan, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not look into the inbox");
	n = (int) SPI_processed;
	*numbers = palloc(sizeof(int64) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		bool		isnull;

		(*numbers)[i] = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i],
													SPI_tuptable->tupdesc, 1, &isnull));
	}
	SPI_freetuptable(SPI_tuptable);
	return n;
}

static char *
text_of(const Datum *values, const bool *nulls, int column)
{
	return nulls[column - 1] ? NULL : TextDatumGetCString(values[column - 1]);
}

static int64
number_of(const Datum *values, const bool *nulls, int column)
{
	return nulls[column - 1] ? 0 : DatumGetInt64(values[column - 1]);
}

static Jsonb *
jsonb_of(const Datum *values, const bool *nulls, int column)
{
	return nulls[column - 1] ? NULL : DatumGetJsonbPCopy(values[column - 1]);
}

/* A moment that this process has given to no other row. */
static TimestampTz
moment(void)
{
	static TimestampTz last = 0;

	last = Max(last + 1, GetCurrentTimestamp());
	return last;
}

static void
fill_row(CpInboxRow *row, const Datum *values, const bool *nulls)
{
	row->present = true;
	row->source = text_of(values, nulls, READ_SOURCE);
	row->source_ref = text_of(values, nulls, READ_SOURCE_REF);
	row->batch = text_of(values, nulls, READ_BATCH);
	row->authority = number_of(values, nulls, READ_AUTHORITY);
	row->given_names = text_of(values, nulls, READ_GIVEN_NAMES);
	row->family_name = text_of(values, nulls, READ_FAMILY_NAME);
	row->sex = text_of(values, nulls, READ_SEX);
	row->date_of_birth = text_of(values, nulls, READ_DATE_OF_BIRTH);
	row->address = text_of(values, nulls, READ_ADDRESS);
	row->postcode = text_of(values, nulls, READ_POSTCODE);
	row->identifiers = jsonb_of(values, nulls, READ_IDENTIFIERS);
	row->carers = jsonb_of(values, nulls, READ_CARERS);
	row->involvements = jsonb_of(values, nulls, READ_INVOLVEMENTS);
	row->alias_names = jsonb_of(values, nulls, READ_ALIAS_NAMES);
	row->source_authority = number_of(values, nulls, READ_SOURCE_AUTHORITY);
	row->linked_child = number_of(values, nulls, READ_LINKED_CHILD);
	row->link_authority = number_of(values, nulls, READ_LINK_AUTHORITY);
	row->sent = number_of(values, nulls, READ_SENT);
	row->open_review = number_of(values, nulls, READ_OPEN_REVIEW);
	row->remembered = DatumGetBool(values[READ_REMEMBERED - 1]);
	row->embargoed = DatumGetBool(values[READ_EMBARGOED - 1]);
	row->waits = DatumGetBool(values[READ_WAITS - 1]);
}

static int
find_row(const CpInboxRow *rows, int n, int64 number)
{
	int			low = 0;
	int			high = n - 1;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (rows[middle].upload_id < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * Reads rows by number; the numbers are in ascending order.
 */
CpInboxRow *
cp_inbox_read(const int64 *numbers, int n)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[1] = {INT8ARRAYOID};
	CpInboxRow *rows = palloc0(sizeof(CpInboxRow) * Max(n, 1));
	Datum	   *array = palloc(sizeof(Datum) * Max(n, 1));
	MemoryContext caller = CurrentMemoryContext;
	Datum		argument;

	for (int i = 0; i < n; i++)
	{
		rows[i].upload_id = numbers[i];
		rows[i].recorded_at = moment();
		array[i] = Int64GetDatum(numbers[i]);
	}
	argument = PointerGetDatum(construct_array(array, n, INT8OID, sizeof(int64),
											   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	if (plan == NULL)
		plan = prepare("SELECT u.upload_id, u.source, u.source_ref, u.batch, u.authority,"
					   " u.given_names, u.family_name, u.sex, u.date_of_birth, u.address, u.postcode,"
					   " u.identifiers, u.carers, u.involvements, u.alias_names,"
					   " s.organisation_id, l.child_id, l.authority, l.sent, h.review_id,"
					   " EXISTS (SELECT FROM contactpoint.remembered m WHERE m.source = u.source AND m.source_ref = u.source_ref),"
					   " s.embargoed_at IS NOT NULL,"
					   " s.embargoed_at IS NOT NULL AND EXISTS (SELECT FROM contactpoint.receipt w"
					   " WHERE w.source = u.source AND w.source_ref = u.source_ref AND w.waits)"
					   " FROM unnest($1) n(upload_id)"
					   " JOIN contactpoint.upload u ON u.upload_id = n.upload_id"
					   " JOIN contactpoint.source s ON s.source = u.source"
					   " LEFT JOIN contactpoint.source_link l ON l.source = u.source AND l.source_ref = u.source_ref"
					   " LEFT JOIN contactpoint.held_reference h ON h.source = u.source AND h.source_ref = u.source_ref",
					   1, types);
	if (SPI_execute_plan(plan, &argument, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the inbox");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		Datum		values[READ_COLUMNS];
		bool		nulls[READ_COLUMNS];
		MemoryContext spi = MemoryContextSwitchTo(caller);

		heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, values, nulls);
		fill_row(&rows[find_row(rows, n, DatumGetInt64(values[0]))], values, nulls);
		MemoryContextSwitchTo(spi);
	}
	SPI_freetuptable(SPI_tuptable);
	return rows;
}

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

	person = person_of(row, identifier_list(row->identifiers));
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
