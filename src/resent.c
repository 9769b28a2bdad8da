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

#include "common/hashfn.h"
#include "common/hmac.h"
#include "common/sha2.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "batch.h"
#include "lookup.h"

#define DIGEST_KEY_BYTES 16

/* ---------- the digest ---------- */

/* The secret of this registry; another one after a restore. */
static const uint64 *
digest_key(void)
{
	static uint64 key[DIGEST_KEY_BYTES / sizeof(uint64)];
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

/* The first 64 bits of an HMAC. */
static int64
digest_of(StringInfo said)
{
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
	pg_hmac_ctx *hmac = pg_hmac_create(PG_SHA256);
	int64		first;

	if (hmac == NULL || pg_hmac_init(hmac, (const uint8 *) digest_key(), DIGEST_KEY_BYTES) < 0 ||
		pg_hmac_update(hmac, (const uint8 *) said->data, said->len) < 0 ||
		pg_hmac_final(hmac, digest, sizeof(digest)) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not make a digest of what was sent: %s", pg_hmac_error(hmac))));
	pg_hmac_free(hmac);
	memcpy(&first, digest, sizeof(first));
	return first == 0 ? 1 : first;
}

static void
add_bytes(StringInfo said, const void *bytes, int32 length)
{
	appendBinaryStringInfo(said, (const char *) &length, sizeof(length));
	if (length > 0)
		appendBinaryStringInfo(said, bytes, length);
}

static void
add_text(StringInfo said, const char *text)
{
	add_bytes(said, text, text == NULL ? -1 : (int32) strlen(text));
}

static void
add_jsonb(StringInfo said, const Jsonb *value)
{
	if (value == NULL)
		add_bytes(said, NULL, -1);
	else
		add_bytes(said, VARDATA(value), VARSIZE(value) - VARHDRSZ);
}

/*
 * What the matcher keeps of a record; values are columns of match_person.  It goes
 * into a digest and nowhere else, so an ordinary hash will do, with a seed that
 * nobody knows.
 */
static uint64
digest_record(const Datum *values)
{
	text	   *facts = DatumGetTextPP(values[CP_PERSON_FACTS - 1]);
	int32		rest[3] = {DatumGetDateADT(values[CP_PERSON_BIRTH - 1]), DatumGetChar(values[CP_PERSON_SEX - 1]),
	DatumGetInt16(values[CP_PERSON_NEARNESS - 1])};
	uint64		digest = hash_bytes_extended((const unsigned char *) rest, sizeof(rest), *digest_key());

	digest = hash_bytes_extended((const unsigned char *) VARDATA_ANY(facts), VARSIZE_ANY_EXHDR(facts), digest);
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
	StringInfoData said;
	int64		digest;

	initStringInfo(&said);
	appendBinaryStringInfo(&said, (const char *) &child_id, sizeof(child_id));
	appendBinaryStringInfo(&said, (const char *) &record, sizeof(record));
	appendBinaryStringInfo(&said, (const char *) &row->authority, sizeof(row->authority));
	add_text(&said, row->given_names);
	add_text(&said, row->family_name);
	add_text(&said, row->sex);
	add_text(&said, row->date_of_birth);
	add_text(&said, row->address);
	add_text(&said, row->postcode);
	add_jsonb(&said, row->identifiers);
	add_jsonb(&said, row->carers);
	add_jsonb(&said, row->involvements);
	add_jsonb(&said, row->alias_names);
	digest = digest_of(&said);
	pfree(said.data);
	return digest;
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
