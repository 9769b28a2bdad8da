/*-------------------------------------------------------------------------
 *
 * settle.c
 *	  An outcome becomes rows of the registry.
 *
 *	  A settled row leaves the inbox: match and new write the details it sent,
 *	  each source replacing only what it sent itself; hold opens or joins the
 *	  one review of its reference and leaves the row where it is.  NULL means
 *	  not sent, empty means withdrawn.  No upload changes the public name, sex
 *	  or birth date of a record.
 *
 *	  Details go where the child is: the flag of the locked child row decides
 *	  between open leaf and vault.
 *
 *	  Lock order: matching lock, child row.  Everything runs as own work, in
 *	  the caller's transaction, between SPI_connect and SPI_finish of its own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"

#include "match.h"

/* a pending or held row, as far as matching needs it */
typedef struct UploadRow
{
	int64		upload_id;
	char	   *source;
	char	   *source_ref;
	char	   *given_names;
	char	   *family_name;
	char	   *sex;
	char	   *date_of_birth;
	char	   *address;
	char	   *postcode;
	Jsonb	   *identifiers;
	Jsonb	   *alias_names;
} UploadRow;

/*
 * The statements.  $1 is the upload, $2 the child, $3 its flag.
 *
 * What concerns a shielded child is for the managers of its own authority, not
 * for those of whoever sends rows that come near it.
 */
#define AUTHORITY_OF(child) \
	"coalesce(contactpoint._authority_of(" child ")," \
	" (SELECT p.authority FROM contactpoint.shield p WHERE p.child_id = " child \
	" AND p.lifted_at IS NULL AND p.authority IS NOT NULL ORDER BY p.shield_id LIMIT 1))"

typedef enum Statement
{
	READ_UPLOAD,
	READ_LINK,
	READ_OPEN_REVIEW,
	LOCK_CHILD,
	NUMBER_TAKEN,
	NEW_CHILD,
	BORN_SHIELDED,
	PUT_SHIELD,
	PUT_SHIELDED_RESPONSIBILITY,
	DROP_ADDRESS,
	PUT_ADDRESS,
	DROP_CARERS,
	PUT_CARERS,
	DROP_INVOLVEMENTS,
	PUT_INVOLVEMENTS,
	DROP_IDENTIFIERS,
	PUT_IDENTIFIERS,
	DROP_ALIASES,
	PUT_ALIASES,
	PUT_RESPONSIBILITY,
	PUT_LINK,
	PUT_SETTLEMENT,
	PUT_RECEIPT,
	DROP_UPLOAD,
	NEW_REVIEW,
	NOTE_HELD,
	JOIN_REVIEW,
	N_STATEMENTS
} Statement;

static const struct
{
	const char *text;
	int			nargs;
	Oid			argtypes[7];
}			statements[N_STATEMENTS] = {

	[READ_UPLOAD] = {
		"SELECT u.source, u.source_ref, u.given_names, u.family_name, u.sex, u.date_of_birth,"
		" u.address, u.postcode, u.identifiers, u.alias_names"
		" FROM contactpoint.upload u WHERE u.upload_id = $1",
		1, {INT8OID}
	},
	[READ_LINK] = {
		"SELECT l.child_id FROM contactpoint.source_link l, contactpoint.upload u"
		" WHERE u.upload_id = $1 AND l.source = u.source AND l.source_ref = u.source_ref",
		1, {INT8OID}
	},
	[READ_OPEN_REVIEW] = {
		"SELECT h.review_id FROM contactpoint.held_reference h, contactpoint.upload u"
		" WHERE u.upload_id = $1 AND h.source = u.source AND h.source_ref = u.source_ref",
		1, {INT8OID}
	},
	[LOCK_CHILD] = {
		"SELECT c.shielded FROM contactpoint.child c WHERE c.child_id = $1 FOR UPDATE",
		1, {INT8OID}
	},
	[NUMBER_TAKEN] = {
		"SELECT FROM contactpoint.child c WHERE c.child_id = $1",
		1, {INT8OID}
	},
	[NEW_CHILD] = {
		"INSERT INTO contactpoint.child (child_id, given_names, family_name, sex, date_of_birth, shielded)"
		" SELECT $2, u.given_names, u.family_name, coalesce(u.sex, 'U'), u.date_of_birth::date, $3"
		" FROM contactpoint.upload u WHERE u.upload_id = $1",
		3, {INT8OID, INT8OID, BOOLOID}
	},
	/* a candidate may have been shielded after the review was opened */
	[BORN_SHIELDED] = {
		"SELECT r.authority FROM contactpoint.review r WHERE r.review_id = $1 AND (r.shielded OR EXISTS"
		" (SELECT FROM contactpoint.child c WHERE c.child_id = ANY (r.candidates) AND c.shielded))",
		1, {INT8OID}
	},
	[PUT_SHIELD] = {
		"INSERT INTO contactpoint.shield (child_id, authority, category, reason, placed_by, review_on, provisional)"
		" VALUES ($1, $2, 'other', 'made by a decision near a shielded record', contactpoint._caller(),"
		" (current_date + interval '6 months')::date, true)",
		2, {INT8OID, INT8OID}
	},
	[PUT_SHIELDED_RESPONSIBILITY] = {
		"INSERT INTO contactpoint.responsibility (child_id, shielded, organisation_id)"
		" SELECT $1, true, $2 WHERE $2 IS NOT NULL",
		2, {INT8OID, INT8OID}
	},
	[DROP_ADDRESS] = {
		"DELETE FROM contactpoint.address a USING contactpoint.upload u"
		" WHERE u.upload_id = $1 AND (u.address IS NOT NULL OR u.postcode IS NOT NULL)"
		" AND a.child_id = $2 AND a.shielded = $3 AND a.source = u.source",
		3, {INT8OID, INT8OID, BOOLOID}
	},
	[PUT_ADDRESS] = {
		"INSERT INTO contactpoint.address (child_id, shielded, address, postcode, source)"
		" SELECT $2, $3, nullif(u.address, ''), nullif(u.postcode, ''), u.source"
		" FROM contactpoint.upload u WHERE u.upload_id = $1"
		" AND (u.address <> '' OR u.postcode <> '')",
		3, {INT8OID, INT8OID, BOOLOID}
	},
	[DROP_CARERS] = {
		"DELETE FROM contactpoint.carer k USING contactpoint.upload u"
		" WHERE u.upload_id = $1 AND u.carers IS NOT NULL"
		" AND k.child_id = $2 AND k.shielded = $3 AND k.source = u.source",
		3, {INT8OID, INT8OID, BOOLOID}
	},
	[PUT_CARERS] = {
		"INSERT INTO contactpoint.carer (child_id, shielded, full_name, relationship, contact, source)"
		" SELECT $2, $3, e.full_name, e.relationship, e.contact, u.source"
		" FROM contactpoint.upload u, jsonb_to_recordset(u.carers)"
		" AS e (full_name text, relationship text, contact text) WHERE u.upload_id = $1",
		3, {INT8OID, INT8OID, BOOLOID}
	},
	[DROP_INVOLVEMENTS] = {
		"DELETE FROM contactpoint.involvement i USING contactpoint.upload u"
		" WHERE u.upload_id = $1 AND u.involvements IS NOT NULL"
		" AND i.child_id = $2 AND i.shielded = $3 AND i.source = u.source",
		3, {INT8OID, INT8OID, BOOLOID}
	},
	[PUT_INVOLVEMENTS] = {
		"INSERT INTO contactpoint.involvement (child_id, shielded, service, organisation, practitioner,"
		" contact, started_on, ended_on, source)"
		" SELECT $2, $3, e.service, e.organisation, e.practitioner, e.contact,"
		" nullif(e.started_on, '')::date, nullif(e.ended_on, '')::date, u.source"
		" FROM contactpoint.upload u, jsonb_to_recordset(u.involvements)"
		" AS e (service text, organisation text, practitioner text, contact text, started_on text, ended_on text)"
		" WHERE u.upload_id = $1",
		3, {INT8OID, INT8OID, BOOLOID}
	},
	[DROP_IDENTIFIERS] = {
		"DELETE FROM contactpoint.identifier d USING contactpoint.upload u"
		" WHERE u.upload_id = $1 AND d.child_id = $2 AND d.shielded = $3 AND d.source = u.source"
		" AND EXISTS (SELECT FROM jsonb_object_keys(u.identifiers) k"
		" WHERE contactpoint._normalize_kind(k) = contactpoint._normalize_kind(d.kind))",
		3, {INT8OID, INT8OID, BOOLOID}
	},
	[PUT_IDENTIFIERS] = {
		"INSERT INTO contactpoint.identifier (child_id, shielded, kind, value, source)"
		" SELECT $2, $3, e.key, e.value, u.source"
		" FROM contactpoint.upload u, jsonb_each_text(u.identifiers) e"
		" WHERE u.upload_id = $1 AND e.value <> ''",
		3, {INT8OID, INT8OID, BOOLOID}
	},
	[DROP_ALIASES] = {
		"DELETE FROM contactpoint.alias a USING contactpoint.upload u"
		" WHERE u.upload_id = $1 AND u.alias_names IS NOT NULL"
		" AND a.child_id = $2 AND a.source = u.source",
		2, {INT8OID, INT8OID}
	},
	[PUT_ALIASES] = {
		"INSERT INTO contactpoint.alias (child_id, kind, given_names, family_name, source)"
		" SELECT $2, e.kind, nullif(e.given_names, ''), nullif(e.family_name, ''), u.source"
		" FROM contactpoint.upload u, jsonb_to_recordset(u.alias_names)"
		" AS e (kind text, given_names text, family_name text)"
		" WHERE u.upload_id = $1 AND (e.given_names <> '' OR e.family_name <> '')",
		2, {INT8OID, INT8OID}
	},
	/* who is responsible may open a shielded record: no upload says so */
	[PUT_RESPONSIBILITY] = {
		"INSERT INTO contactpoint.responsibility (child_id, shielded, organisation_id)"
		" SELECT $2, $3, u.authority FROM contactpoint.upload u"
		" WHERE u.upload_id = $1 AND NOT $3 AND u.authority IS NOT NULL AND NOT EXISTS"
		" (SELECT FROM contactpoint.responsibility r WHERE r.child_id = $2 AND r.shielded = $3)",
		3, {INT8OID, INT8OID, BOOLOID}
	},
	[PUT_LINK] = {
		"INSERT INTO contactpoint.source_link (source, source_ref, child_id, authority)"
		" SELECT u.source, u.source_ref, $2,"
		" CASE WHEN $3 THEN coalesce(" AUTHORITY_OF("$2") ", s.organisation_id) ELSE s.organisation_id END"
		" FROM contactpoint.upload u JOIN contactpoint.source s ON s.source = u.source"
		" WHERE u.upload_id = $1"
		" ON CONFLICT (source, source_ref) DO UPDATE SET child_id = excluded.child_id,"
		" authority = excluded.authority, linked_at = excluded.linked_at"
		" WHERE source_link.child_id <> excluded.child_id"
		" OR source_link.authority IS DISTINCT FROM excluded.authority",
		3, {INT8OID, INT8OID, BOOLOID}
	},
	[PUT_SETTLEMENT] = {
		"INSERT INTO contactpoint.settlement (upload_id, source, source_ref, batch, outcome, child_id, score)"
		" SELECT u.upload_id, u.source, u.source_ref, u.batch, $2, $3, $4"
		" FROM contactpoint.upload u WHERE u.upload_id = $1"
		" ON CONFLICT (upload_id) DO UPDATE SET outcome = excluded.outcome, child_id = excluded.child_id,"
		" score = excluded.score, settled_at = excluded.settled_at",
		4, {INT8OID, TEXTOID, INT8OID, FLOAT4OID}
	},
	[PUT_RECEIPT] = {
		"UPDATE contactpoint.receipt SET settled_at = clock_timestamp()"
		" WHERE upload_id = $1 AND settled_at IS NULL",
		1, {INT8OID}
	},
	[DROP_UPLOAD] = {
		"DELETE FROM contactpoint.upload WHERE upload_id = $1",
		1, {INT8OID}
	},
	[NEW_REVIEW] = {
		"INSERT INTO contactpoint.review (upload_id, source, source_ref, authority, score, candidates,"
		" shielded, reason, due_at)"
		" SELECT u.upload_id, u.source, u.source_ref,"
		" coalesce(" AUTHORITY_OF("$5") ", u.authority, s.organisation_id), $2, $3,"
		" $4, $6, clock_timestamp() + make_interval(days => $7)"
		" FROM contactpoint.upload u JOIN contactpoint.source s ON s.source = u.source WHERE u.upload_id = $1",
		7, {INT8OID, FLOAT4OID, INT8ARRAYOID, BOOLOID, INT8OID, TEXTOID, INT4OID}
	},
	[NOTE_HELD] = {
		"INSERT INTO contactpoint.held_reference (source, source_ref, review_id)"
		" SELECT r.source, r.source_ref, r.review_id FROM contactpoint.review r"
		" WHERE r.upload_id = $1 AND r.decided_at IS NULL",
		1, {INT8OID}
	},
	[JOIN_REVIEW] = {
		"UPDATE contactpoint.review r SET upload_id = $1,"
		" score = CASE WHEN r.shielded OR $4 THEN NULL ELSE greatest(r.score, $2) END,"
		" candidates = ARRAY(SELECT DISTINCT c FROM unnest(r.candidates || $3) c),"
		" authority = CASE WHEN r.shielded THEN r.authority"
		" ELSE coalesce(" AUTHORITY_OF("$5") ", r.authority) END,"
		" shielded = r.shielded OR $4"
		" WHERE r.review_id = $6",
		6, {INT8OID, FLOAT4OID, INT8ARRAYOID, BOOLOID, INT8OID, INT8OID}
	},
};

static SPIPlanPtr plans[N_STATEMENTS];

/*
 * Runs one of the statements; rows are in SPI_tuptable.  nulls as SPI has it.
 */
static void
run(Statement which, Datum *values, const char *nulls)
{
	int			result;

	if (plans[which] == NULL)
	{
		plans[which] = SPI_prepare(statements[which].text, statements[which].nargs,
								   (Oid *) statements[which].argtypes);
		if (plans[which] == NULL)
			elog(ERROR, "could not prepare settlement statement %d", (int) which);
		SPI_keepplan(plans[which]);
	}
	result = SPI_execute_plan(plans[which], values, nulls, false, 0);
	if (result < 0)
		elog(ERROR, "settlement statement %d failed", (int) which);
}

static char *
column_text(int column)
{
	return SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column);
}

static Jsonb *
column_jsonb(int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
									  column, &isnull);

	return isnull ? NULL : DatumGetJsonbPCopy(value);
}

/*
 * NULL where the row is not in the inbox any more.
 */
static UploadRow *
read_upload(int64 upload_id)
{
	Datum		values[1] = {Int64GetDatum(upload_id)};
	UploadRow  *row;

	run(READ_UPLOAD, values, NULL);
	if (SPI_processed == 0)
		return NULL;
	row = palloc0(sizeof(UploadRow));
	row->upload_id = upload_id;
	row->source = column_text(1);
	row->source_ref = column_text(2);
	row->given_names = column_text(3);
	row->family_name = column_text(4);
	row->sex = column_text(5);
	row->date_of_birth = column_text(6);
	row->address = column_text(7);
	row->postcode = column_text(8);
	row->identifiers = column_jsonb(9);
	row->alias_names = column_jsonb(10);
	return row;
}

static int64
read_number(Statement which, int64 upload_id)
{
	Datum		values[1] = {Int64GetDatum(upload_id)};
	bool		isnull;

	run(which, values, NULL);
	if (SPI_processed == 0)
		return 0;
	return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
									   1, &isnull));
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
	char	   *kind = NULL;
	List	   *list = NIL;

	if (identifiers == NULL)
		return NIL;
	iterator = JsonbIteratorInit(&identifiers->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			kind = pnstrdup(value.val.string.val, value.val.string.len);
		else if (token == WJB_VALUE && value.type == jbvString)
		{
			char	   *code = cp_normalize_code(pnstrdup(value.val.string.val,
														  value.val.string.len));

			if (*code != '\0')
				list = lappend(list, psprintf("%s:%s", cp_normalize_kind(kind), code));
		}
	}
	return list;
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
add_alias_names(CpPerson *person, const UploadRow *row)
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
}

static CpPerson *
person_of_upload(const UploadRow *row)
{
	DateADT		birth;
	bool		has_birth = row->date_of_birth != NULL &&
	cp_parse_iso_date(row->date_of_birth, &birth);
	CpPerson   *person;

	person = cp_person_make(row->given_names, row->family_name,
							has_birth ? &birth : NULL,
							row->sex ? *row->sex : 'U',
							row->postcode, row->address,
							identifier_list(row->identifiers));
	add_alias_names(person, row);
	return person;
}

static void
record_settlement(int64 upload_id, const char *outcome, int64 child_id, double score)
{
	Datum		values[4] = {Int64GetDatum(upload_id), CStringGetTextDatum(outcome),
	Int64GetDatum(child_id), Float4GetDatum((float4) score)};

	run(PUT_SETTLEMENT, values, child_id == 0 ? "  n " : NULL);
	run(PUT_RECEIPT, values, NULL);
}

/*
 * Writes what the row sent to a child whose row this locks.
 */
static void
write_details(int64 upload_id, int64 child_id)
{
	static const Statement details[] = {
		DROP_ADDRESS, PUT_ADDRESS, DROP_CARERS, PUT_CARERS,
		DROP_INVOLVEMENTS, PUT_INVOLVEMENTS, DROP_IDENTIFIERS, PUT_IDENTIFIERS,
		DROP_ALIASES, PUT_ALIASES, PUT_RESPONSIBILITY, PUT_LINK
	};
	Datum		lock[1] = {Int64GetDatum(child_id)};
	Datum		values[3];
	bool		isnull;

	run(LOCK_CHILD, lock, NULL);
	if (SPI_processed == 0)
		elog(ERROR, "the record an upload was matched with is gone");
	values[0] = Int64GetDatum(upload_id);
	values[1] = Int64GetDatum(child_id);
	values[2] = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	for (int i = 0; i < lengthof(details); i++)
		run(details[i], values, NULL);
	cp_rekey(child_id);
}

static void
settle_match(int64 upload_id, int64 child_id, double score)
{
	Datum		values[1] = {Int64GetDatum(upload_id)};

	write_details(upload_id, child_id);
	record_settlement(upload_id, "match", child_id, score);
	run(DROP_UPLOAD, values, NULL);
}

/*
 * review_id: the review whose decision this is, or 0.  Near a shielded record
 * nobody can be sure, so the new one is shielded from its first moment and
 * belongs to those who decided.
 */
static int64
settle_new(int64 upload_id, int64 review_id, double score)
{
	int64		child_id;
	Datum		values[3] = {Int64GetDatum(review_id)};
	Datum		authority = (Datum) 0;
	bool		authority_is_null = true;
	bool		shielded = false;

	if (review_id != 0)
	{
		run(BORN_SHIELDED, values, NULL);
		shielded = SPI_processed > 0;
		if (shielded)
			authority = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
									  1, &authority_is_null);
	}

	do
	{
		child_id = cp_child_number_random();
		values[0] = Int64GetDatum(child_id);
		run(NUMBER_TAKEN, values, NULL);
	} while (SPI_processed > 0);

	values[0] = Int64GetDatum(upload_id);
	values[1] = Int64GetDatum(child_id);
	values[2] = BoolGetDatum(shielded);
	run(NEW_CHILD, values, NULL);
	if (shielded)
	{
		/* before the details, which follow the flag and the authority */
		values[0] = Int64GetDatum(child_id);
		values[1] = authority;
		run(PUT_SHIELD, values, authority_is_null ? " n" : NULL);
		run(PUT_SHIELDED_RESPONSIBILITY, values, authority_is_null ? " n" : NULL);
	}
	write_details(upload_id, child_id);
	record_settlement(upload_id, "new", child_id, score);
	run(DROP_UPLOAD, values, NULL);
	return child_id;
}

static void
settle_hold(int64 upload_id, int64 open_review, const CpDecision *decision)
{
	Datum	   *candidates;
	Datum		values[7];
	char		nulls[] = "       ";
	int64		first_shielded = 0;
	ListCell   *lc;
	int			n = 0;

	candidates = palloc(sizeof(Datum) * (list_length(decision->candidates) + 1));
	foreach(lc, decision->candidates)
	{
		CpCandidate *candidate = lfirst(lc);

		candidates[n++] = Int64GetDatum(candidate->child_id);
		if (first_shielded == 0 && candidate->nearness >= CP_NEAR_SHIELDED)
			first_shielded = candidate->child_id;
	}

	values[0] = Int64GetDatum(upload_id);
	values[1] = Float4GetDatum((float4) decision->score);
	values[2] = PointerGetDatum(construct_array(candidates, n, INT8OID, sizeof(int64),
												FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	values[3] = BoolGetDatum(decision->shielded);
	values[4] = Int64GetDatum(first_shielded);
	if (first_shielded == 0)
		nulls[4] = 'n';
	if (open_review != 0)
	{
		values[5] = Int64GetDatum(open_review);
		run(JOIN_REVIEW, values, nulls);
	}
	else
	{
		/* a score that climbs with the right guess would give a place away */
		if (decision->shielded)
			nulls[1] = 'n';
		values[5] = CStringGetTextDatum(decision->reason);
		values[6] = Int32GetDatum(cp_review_days);
		run(NEW_REVIEW, values, nulls);
		run(NOTE_HELD, values, NULL);
	}
	record_settlement(upload_id, "hold", 0, decision->score);
}

/*
 * Settles one pending row of the inbox.  The caller holds the matching lock
 * and has started own work.
 */
void
cp_settle_upload(int64 upload_id)
{
	UploadRow  *row;
	CpReference reference;
	CpDecision *decision;
	int64		open_review;

	SPI_connect();
	row = read_upload(upload_id);
	if (row != NULL)
	{
		reference.source = row->source;
		reference.source_ref = row->source_ref;
		reference.linked_child = read_number(READ_LINK, upload_id);
		open_review = read_number(READ_OPEN_REVIEW, upload_id);
		decision = cp_decide(person_of_upload(row), &reference);

		/* while a person looks at a reference, nothing more happens to it */
		if (open_review != 0 || decision->outcome == CP_OUTCOME_HOLD)
			settle_hold(upload_id, open_review, decision);
		else if (decision->outcome == CP_OUTCOME_MATCH)
			settle_match(upload_id, decision->child_id, decision->score);
		else
			settle_new(upload_id, 0, decision->score);
	}
	else
	{
		/* a superuser took the row away: nothing is left to wait for */
		Datum		values[1] = {Int64GetDatum(upload_id)};

		run(PUT_RECEIPT, values, NULL);
	}
	SPI_finish();
}

/*
 * Holds a row that could not be processed, so that it stops nobody else.  Whom
 * it is about is not known, so it is treated as if near a shielded child.
 */
void
cp_settle_poisoned(int64 upload_id)
{
	CpDecision	decision = {0};

	SPI_connect();
	decision.outcome = CP_OUTCOME_HOLD;
	decision.shielded = true;
	decision.reason = "the row could not be processed";
	if (read_upload(upload_id) != NULL)
		settle_hold(upload_id, read_number(READ_OPEN_REVIEW, upload_id), &decision);
	SPI_finish();
}

/*
 * _settle_as(upload_id, outcome, child_id, review_id): settles a held row as a
 * person decided.  Called by _do_decide, which holds the matching lock.
 */
PG_FUNCTION_INFO_V1(contactpoint_settle_as);
Datum
contactpoint_settle_as(PG_FUNCTION_ARGS)
{
	int64		upload_id;
	char	   *outcome;
	int64		child_id;
	int64		review_id;
	Datum		values[1];
	UploadRow  *row;

	if (!cp_in_own_work() || PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_CP_PROTECTED),
				 errmsg("held rows are settled by decide() only"),
				 errhint("SELECT contactpoint.decide(review_id, decision, child_id, note).")));
	upload_id = PG_GETARG_INT64(0);
	outcome = text_to_cstring(PG_GETARG_TEXT_PP(1));
	child_id = PG_ARGISNULL(2) ? 0 : PG_GETARG_INT64(2);
	review_id = PG_ARGISNULL(3) ? 0 : PG_GETARG_INT64(3);
	values[0] = Int64GetDatum(upload_id);
	SPI_connect();
	row = read_upload(upload_id);
	if (row == NULL)
		elog(ERROR, "a held row has left the inbox");
	if (strcmp(outcome, "match") == 0)
		settle_match(upload_id, child_id, 0);
	else if (strcmp(outcome, "new") == 0)
	{
		if (row->given_names == NULL || row->family_name == NULL ||
			row->date_of_birth == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_CP_WRONG_STATE),
					 errmsg("the row has too little data for a record of its own"),
					 errhint("Ask the source to send names and date of birth, or decide reject.")));
		child_id = settle_new(upload_id, review_id, 0);
	}
	else
	{
		record_settlement(upload_id, "reject", 0, 0);
		run(DROP_UPLOAD, values, NULL);
	}
	SPI_finish();
	if (child_id == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(child_id);
}

/*
 * _look_again(upload_id): compares a held row with what is known by now; what
 * is found joins its review.  Called by _do_decide, under the matching lock.
 */
PG_FUNCTION_INFO_V1(contactpoint_look_again);
Datum
contactpoint_look_again(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0) || !cp_in_own_work())
		ereport(ERROR,
				(errcode(ERRCODE_CP_PROTECTED),
				 errmsg("held rows are looked at again by decide() only"),
				 errhint("SELECT contactpoint.decide(review_id, decision, child_id, note).")));
	cp_settle_upload(PG_GETARG_INT64(0));
	PG_RETURN_VOID();
}
