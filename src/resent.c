/*-------------------------------------------------------------------------
 *
 * resent.c
 *	  Rows that say what their reference said last, of a record that is as it
 *	  was then.
 *
 *	  Most rows of a feed are of this kind, and nothing is to be decided or
 *	  written about them.  source_link.sent is a digest of the row and of what
 *	  the matcher keeps of the record (match_person), written with the details;
 *	  equal to it, the row goes to the same child without being compared.  The
 *	  record goes into the digest only where the row plainly means it and brings
 *	  no name or number that it does not have (cp_plainly_means): what becomes of
 *	  such a row depends on nothing else.  Of other rows the digest says no more
 *	  than that their details need not be written again.
 *
 *	  The digest is keyed with a secret of the registry, for managers see
 *	  source_link and a plain hash of an address can be guessed at; and the child
 *	  goes into it, so a reference that was given another child has sent that one
 *	  nothing yet.
 *
 *	  Whatever changes a record in match_person changes the digest.  What changes
 *	  details or links outside of settling, and not that, sets sent to NULL.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/builtins.h"

#include "batch.h"
#include "lookup.h"

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

/*
 * SipHash-2-4 (Aumasson and Bernstein, INDOCRYPT 2012), of words in the order of
 * the machine: the key stays on it.
 */
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
sip_word(Sip *s, uint64 word)
{
	s->v3 ^= word;
	sip_rounds(s, 2);
	s->v0 ^= word;
}

static void
sip_add(Sip *s, const void *bytes, Size n)
{
	const unsigned char *next = bytes;

	while (n > 0)
	{
		int			at = s->length % sizeof(uint64) * BITS_PER_BYTE;
		Size		taken = Min(n, sizeof(uint64));
		uint64		word = 0;

		memcpy(&word, next, taken);
		s->word |= word << at;
		if (at + taken * BITS_PER_BYTE >= 64)
		{
			sip_word(s, s->word);
			s->word = at > 0 ? word >> (64 - at) : 0;
		}
		s->length += taken;
		next += taken;
		n -= taken;
	}
}

static uint64
sip_end(Sip *s)
{
	sip_word(s, s->word | s->length << 56);
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

/* What the matcher keeps of a record; values are columns of match_person. */
static uint64
digest_record(const Datum *values)
{
	text	   *facts = DatumGetTextPP(values[CP_PERSON_FACTS - 1]);
	int32		rest[3] = {DatumGetDateADT(values[CP_PERSON_BIRTH - 1]), DatumGetChar(values[CP_PERSON_SEX - 1]),
	DatumGetInt16(values[CP_PERSON_NEARNESS - 1])};
	Sip			sip;
	uint64		digest;

	sip_begin(&sip, digest_key());
	sip_add(&sip, rest, sizeof(rest));
	sip_add(&sip, VARDATA_ANY(facts), VARSIZE_ANY_EXHDR(facts));
	digest = sip_end(&sip);
	return digest == 0 ? 1 : digest;
}

static uint64
digest_person(const CpPerson *record)
{
	Datum		values[CP_PERSON_COLUMNS];

	cp_person_values(record, values);
	return digest_record(values);
}

/* record: its digest, 0 where it does not go into this one. */
static int64
digest_row(const CpInboxRow *row, int64 child_id, uint64 record)
{
	Sip			sip;
	int64		digest;

	sip_begin(&sip, digest_key());
	sip_add(&sip, &child_id, sizeof(child_id));
	sip_add(&sip, &record, sizeof(record));
	sip_add(&sip, &row->authority, sizeof(row->authority));
	add_text(&sip, row->given_names);
	add_text(&sip, row->family_name);
	add_text(&sip, row->sex);
	add_text(&sip, row->date_of_birth);
	add_text(&sip, row->address);
	add_text(&sip, row->postcode);
	add_jsonb(&sip, row->identifiers);
	add_jsonb(&sip, row->carers);
	add_jsonb(&sip, row->involvements);
	add_jsonb(&sip, row->alias_names);
	digest = (int64) sip_end(&sip);
	return digest == 0 ? 1 : digest;
}

int64
cp_resent_digest(const CpInboxRow *row, int64 child_id, const CpPerson *record)
{
	/* what a person decides is no rule for the next row */
	bool		plain = record != NULL && !row->was_held && cp_plainly_means(row->person, record);

	return digest_row(row, child_id, plain ? digest_person(record) : 0);
}

/* ---------- whether a row says the same ---------- */

bool
cp_resent_may_be(const CpInboxRow *row)
{
	return row->present && row->sent != 0 && !row->linked_formerly && row->open_review == 0 &&
		!row->remembered && !row->was_held && !row->embargoed && row->link_authority == row->source_authority;
}

static int
by_child(const void *a, const void *b)
{
	int64		left = (*(CpInboxRow *const *) a)->linked_child;
	int64		right = (*(CpInboxRow *const *) b)->linked_child;

	return left < right ? -1 : left > right ? 1 : 0;
}

void
cp_resent_read(CpBatch *batch)
{
	CpInboxRow **rows = palloc(sizeof(CpInboxRow *) * Max(batch->n, 1));
	CpLookup	lookup;
	uint64		record = 0;
	int			n = 0;

	for (int i = 0; i < batch->n; i++)
		if (cp_resent_may_be(&batch->rows[i]))
			rows[n++] = &batch->rows[i];
	qsort(rows, n, sizeof(CpInboxRow *), by_child);
	cp_lookup_begin(&lookup, "match_person", "match_person_pkey", 1, AccessShareLock);
	for (int i = 0; i < n; i++)
	{
		if (i == 0 || rows[i]->linked_child != rows[i - 1]->linked_child)
		{
			cp_lookup_to_number(&lookup, rows[i]->linked_child);
			record = cp_lookup_next(&lookup) ? digest_record(lookup.slot->tts_values) : 0;
		}
		rows[i]->record = record;
	}
	cp_lookup_end(&lookup);
	pfree(rows);
}

bool
cp_resent(CpBatch *batch, const CpInboxRow *row)
{
	const CpBatchChild *child;
	uint64		record = row->record;

	if (!cp_resent_may_be(row))
		return false;
	child = hash_search(batch->children, &row->linked_child, HASH_FIND, NULL);
	if (child != NULL && cp_same_source_writes(child, row, true))
		return false;
	/* the batch may have changed the record */
	if (child != NULL || record == 0)
	{
		const CpPerson *person = cp_person_fetch(row->linked_child);

		if (person == NULL)
			return false;
		record = digest_person(person);
	}
	return row->sent == digest_row(row, row->linked_child, record);
}
