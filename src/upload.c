/*-------------------------------------------------------------------------
 *
 * upload.c
 *	  The door of the inbox: a row is validated, bounded and received.
 *
 *	  A bad row fails its statement, a COPY whole; the error names the column
 *	  and what to do, never the value.  At the end of the statement good rows
 *	  get receipts (received.c), which are the matcher's queue.  Nothing is
 *	  matched here: whatever ran in the uploader's transaction could be seen
 *	  by the uploader.
 *
 *	  NULL means not sent; an empty address, postcode, list or identifier
 *	  means withdrawn.  Names, sex and birth date cannot be withdrawn.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "replication/logicalworker.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/fmgroids.h"
#include "utils/jsonb.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "access/genam.h"
#include "access/stratnum.h"

#include "contactpoint.h"
#include "inbox.h"

#define SOURCE_MAX 100			/* characters, as source.source takes */
#define KNOWN_SOURCES 16		/* of a statement that are checked only twice */
#define REFERENCE_MAX 200		/* characters of source_ref and batch */
#define ADDRESS_MAX 500			/* characters of an address */
#define POSTCODE_MAX 20			/* characters of a postcode */
#define FIELD_MAX 200			/* characters of a text inside jsonb */
#define KIND_MAX 50				/* characters of a kind, as alias.kind takes */
#define IDENTIFIERS_MAX 20
#define CARERS_MAX 20
#define INVOLVEMENTS_MAX 50

/* a field that an object inside a jsonb list may have */
typedef enum FieldKind
{
	FIELD_TEXT,
	FIELD_NAME,					/* held to the rules for names */
	FIELD_DATE
} FieldKind;

typedef struct Field
{
	const char *key;
	FieldKind	kind;
	bool		required;
	int			max_chars;		/* no more than its column takes */
} Field;

static const Field carer_fields[] = {
	{"full_name", FIELD_TEXT, true, FIELD_MAX},
	{"relationship", FIELD_TEXT, false, FIELD_MAX},
	{"contact", FIELD_TEXT, false, FIELD_MAX},
	{NULL}
};
static const Field involvement_fields[] = {
	{"service", FIELD_TEXT, true, FIELD_MAX},
	{"organisation", FIELD_TEXT, false, FIELD_MAX},
	{"practitioner", FIELD_TEXT, false, FIELD_MAX},
	{"contact", FIELD_TEXT, false, FIELD_MAX},
	{"started_on", FIELD_DATE, false, FIELD_MAX},
	{"ended_on", FIELD_DATE, false, FIELD_MAX},
	{NULL}
};
static const Field alias_fields[] = {
	{"kind", FIELD_TEXT, true, KIND_MAX},
	{"given_names", FIELD_NAME, false, FIELD_MAX},
	{"family_name", FIELD_NAME, false, FIELD_MAX},
	{NULL}
};

static void
check_required(const char *column, const char *value, int max_chars)
{
	const char *fault = value == NULL ? "is missing" : cp_text_fault(value, max_chars);

	if (fault != NULL)
		cp_row_refuse("upload", column, fault, "Send one line of text in every row.");
}

static void
check_name(const char *column, const char *value)
{
	const char *fault = value == NULL ? NULL : cp_name_fault(value);

	if (fault != NULL)
		cp_row_refuse("upload", column, fault, "Send the name as it is written, 2 to 200 letters, or NULL if it is not known.");
}

/* text that may be empty (withdrawn) or absent (not sent) */
static void
check_optional(const char *column, const char *value, int max_chars)
{
	const char *fault;

	if (value == NULL || *value == '\0')
		return;
	fault = cp_text_fault(value, max_chars);
	if (fault != NULL)
		cp_row_refuse("upload", column, fault, "Send one line of text, an empty one to withdraw it, or NULL to leave it as it is.");
}

/* A birth date, or the year, or year and month, of one. */
static void
check_birth(const char *value)
{
	DateADT		date;
	int			year;
	int			month;

	if (value == NULL)
		return;
	if (cp_parse_partial_date(value, &year, &month))
		date = date2j(year, Max(month, 1), 1) - POSTGRES_EPOCH_JDATE;
	else if (!cp_parse_iso_date(value, &date))
		cp_row_refuse("upload", "date_of_birth", "is no date of the form YYYY-MM-DD",
					  "Send an existing date as YYYY-MM-DD, as YYYY-MM or YYYY if no more is known, or NULL.");
	if (date > cp_today())
		cp_row_refuse("upload", "date_of_birth", "lies in the future",
					  "Send the date of birth as YYYY-MM-DD; unborn children cannot be recorded.");
	if (date < date2j(1900, 1, 1) - POSTGRES_EPOCH_JDATE)
		cp_row_refuse("upload", "date_of_birth", "lies before 1900",
					  "Send the date of birth as YYYY-MM-DD, or NULL if it is not known.");
}

static void
check_sex(const char *value)
{
	if (value != NULL && strcmp(value, "F") != 0 && strcmp(value, "M") != 0 &&
		strcmp(value, "U") != 0)
		cp_row_refuse("upload", "sex", "is not one of F, M and U",
					  "Send F, M, U (not specified), or NULL if it is not known.");
}

static char *
jsonb_string(const JsonbValue *value)
{
	return pnstrdup(value->val.string.val, value->val.string.len);
}

static const Field *
find_field(const Field *fields, const char *key)
{
	for (; fields->key != NULL; fields++)
		if (strcmp(fields->key, key) == 0)
			return fields;
	return NULL;
}

static void
check_field(const char *column, const Field *field, const JsonbValue *value)
{
	char	   *text;
	DateADT		date;

	if (value->type == jbvNull)
		return;
	if (value->type != jbvString)
		cp_row_refuse("upload", column, "holds a value that is no string",
					  "Send every value inside the list as a JSON string.");
	text = jsonb_string(value);
	if (*text == '\0' && !field->required)
		return;
	if (field->kind == FIELD_DATE && !cp_parse_iso_date(text, &date))
		cp_row_refuse("upload", column, "holds a date that is not of the form YYYY-MM-DD",
					  "Send existing dates as YYYY-MM-DD.");
	if (field->kind == FIELD_NAME && cp_name_fault(text) != NULL)
		cp_row_refuse("upload", column, "holds a name that cannot be one",
					  "Send names of 2 to 200 letters, or leave the key out.");
	if (cp_text_fault(text, field->max_chars) != NULL)
		cp_row_refuse("upload", column, "holds a text that is empty, too long or has control characters",
					  psprintf("Send one line of 1 to %d characters.", field->max_chars));
}

/*
 * One object of a list: known keys only, the required ones present.
 */
static void
check_object(const char *column, const Field *fields, JsonbContainer *object)
{
	JsonbIterator *iterator = JsonbIteratorInit(object);
	JsonbValue	value;
	JsonbIteratorToken token;
	const Field *field = NULL;
	int			required = 0;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
		{
			field = find_field(fields, jsonb_string(&value));
			if (field == NULL)
				cp_row_refuse("upload", column, "holds an unknown key",
							  "See the README for the keys of each list.");
		}
		else if (token == WJB_VALUE)
		{
			check_field(column, field, &value);
			if (field->required && value.type == jbvString)
				required++;
		}
	}
	for (; fields->key != NULL; fields++)
		required -= fields->required ? 1 : 0;
	if (required < 0)
		cp_row_refuse("upload", column, "lacks a required key",
					  "carers need full_name, involvements need service, alias_names need kind.");
}

/*
 * A list of objects with these fields; NULL was not sent.
 */
static void
check_list(const char *column, const Field *fields, int max, Datum datum, bool isnull)
{
	Jsonb	   *list;
	JsonbIterator *iterator;
	JsonbValue	value;
	JsonbIteratorToken token;
	bool		outermost = true;

	if (isnull)
		return;
	list = DatumGetJsonbP(datum);
	if (!JB_ROOT_IS_ARRAY(list) || JB_ROOT_IS_SCALAR(list))
		cp_row_refuse("upload", column, "is no JSON list",
					  "Send a list of objects, an empty list to withdraw, or NULL to leave it as it is.");
	if (JB_ROOT_COUNT(list) > max)
		cp_row_refuse("upload", column, "has too many entries",
					  "At most 20 carers, 50 involvements and 15 other names fit one row.");
	iterator = JsonbIteratorInit(&list->root);
	while ((token = JsonbIteratorNext(&iterator, &value, !outermost)) != WJB_DONE)
	{
		outermost = false;
		if (token != WJB_ELEM)
			continue;
		if (value.type != jbvBinary || !JsonContainerIsObject(value.val.binary.data))
			cp_row_refuse("upload", column, "holds an entry that is no object",
						  "Send a list of JSON objects.");
		check_object(column, fields, value.val.binary.data);
	}
}

static void
check_identifiers(Datum datum, bool isnull)
{
	Jsonb	   *object;
	JsonbIterator *iterator;
	JsonbValue	value;
	JsonbIteratorToken token;

	if (isnull)
		return;
	object = DatumGetJsonbP(datum);
	if (!JB_ROOT_IS_OBJECT(object))
		cp_row_refuse("upload", "identifiers", "is no JSON object",
					  "Send an object of kinds and numbers, or NULL to leave it as it is.");
	if (JB_ROOT_COUNT(object) > IDENTIFIERS_MAX)
		cp_row_refuse("upload", "identifiers", "has too many entries", "At most 20 identifiers fit one row.");
	iterator = JsonbIteratorInit(&object->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY && cp_text_fault(jsonb_string(&value), KIND_MAX) != NULL)
			cp_row_refuse("upload", "identifiers", "holds a kind that is empty or too long",
						  "Name the kind in 1 to 50 characters.");
		if (token != WJB_VALUE)
			continue;
		if (value.type != jbvString)
			cp_row_refuse("upload", "identifiers", "holds a value that is no string",
						  "Send every number as a JSON string.");
		check_optional("identifiers", jsonb_string(&value), 100);
	}
}

/*
 * May the caller upload under this source?  Unknown and foreign sources get
 * the same answer.  Superusers may for every source.
 */
void
cp_upload_require_source(const char *source)
{
	Relation	rel;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	Snapshot	snapshot;
	bool		allowed = false;
	bool		paused = false;

	rel = table_open(cp_relation_oid("source"), AccessShareLock);
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	cp_text_key(&key, rel, SOURCE_SOURCE, CStringGetTextDatum(source));
	scan = systable_beginscan(rel, cp_relation_oid("source_pkey"), true, snapshot, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool		isnull;
		Name		feed = DatumGetName(heap_getattr(tuple, SOURCE_FEED_ROLE,
													 RelationGetDescr(rel), &isnull));

		allowed = cp_caller_has_role(NameStr(*feed));
		heap_getattr(tuple, SOURCE_PAUSED_AT, RelationGetDescr(rel), &isnull);
		paused = !isnull;
	}
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(rel, AccessShareLock);

	if (!allowed)
		ereport(ERROR,
				(errcode(ERRCODE_CP_NOT_AUTHORISED),
				 errmsg("column \"source\" of the uploaded row names no source of yours"),
				 errhint("Use a source of contactpoint.source whose feed_role is yours; an admin adds new ones."),
				 err_generic_string(PG_DIAG_SCHEMA_NAME, CP_SCHEMA),
				 err_generic_string(PG_DIAG_TABLE_NAME, "upload"),
				 err_generic_string(PG_DIAG_COLUMN_NAME, "source")));
	if (paused)
		ereport(ERROR,
				(errcode(ERRCODE_CP_UPLOADS_PAUSED),
				 errmsg("uploads of this source are paused"),
				 errhint("Keep the data and send it again when the source has been resumed."),
				 err_generic_string(PG_DIAG_COLUMN_NAME, "source")));
}

/*
 * The same, once for each of the first sources of a statement; received.c asks
 * again when all rows are there.
 */
static void
check_source(const char *source)
{
	static struct
	{
		Oid			role;
		CommandId	command;
		SubTransactionId transaction;
		TimestampTz at;
		int			n;
		char		sources[KNOWN_SOURCES][SOURCE_MAX * MAX_MULTIBYTE_CHAR_LEN + 1];
	}			known;

	if (known.role != cp_caller_role() || known.command != GetCurrentCommandId(false) ||
		known.transaction != GetCurrentSubTransactionId() ||
		known.at != GetCurrentStatementStartTimestamp())
	{
		known.role = cp_caller_role();
		known.command = GetCurrentCommandId(false);
		known.transaction = GetCurrentSubTransactionId();
		known.at = GetCurrentStatementStartTimestamp();
		known.n = 0;
	}
	for (int i = 0; i < known.n; i++)
		if (strcmp(known.sources[i], source) == 0)
			return;
	cp_upload_require_source(source);
	if (known.n < KNOWN_SOURCES)
		strlcpy(known.sources[known.n++], source, sizeof(known.sources[0]));
}

static const char *
text_of(const Datum *values, const bool *nulls, int column)
{
	return nulls[column - 1] ? NULL : TextDatumGetCString(values[column - 1]);
}

static void
check_row(HeapTuple tuple, TupleDesc desc)
{
	Datum		values[UPLOAD_COLUMNS];
	bool		nulls[UPLOAD_COLUMNS];
	const char *source;

	heap_deform_tuple(tuple, desc, values, nulls);
	source = text_of(values, nulls, UPLOAD_SOURCE);
	check_required("source", source, SOURCE_MAX);
	check_source(source);
	check_required("source_ref", text_of(values, nulls, UPLOAD_SOURCE_REF), REFERENCE_MAX);
	check_optional("batch", text_of(values, nulls, UPLOAD_BATCH), REFERENCE_MAX);
	check_name("given_names", text_of(values, nulls, UPLOAD_GIVEN_NAMES));
	check_name("family_name", text_of(values, nulls, UPLOAD_FAMILY_NAME));
	check_sex(text_of(values, nulls, UPLOAD_SEX));
	check_birth(text_of(values, nulls, UPLOAD_DATE_OF_BIRTH));
	check_optional("address", text_of(values, nulls, UPLOAD_ADDRESS), ADDRESS_MAX);
	check_optional("postcode", text_of(values, nulls, UPLOAD_POSTCODE), POSTCODE_MAX);
	check_identifiers(values[UPLOAD_IDENTIFIERS - 1], nulls[UPLOAD_IDENTIFIERS - 1]);
	check_list("carers", carer_fields, CARERS_MAX, values[UPLOAD_CARERS - 1], nulls[UPLOAD_CARERS - 1]);
	check_list("involvements", involvement_fields, INVOLVEMENTS_MAX,
			   values[UPLOAD_INVOLVEMENTS - 1], nulls[UPLOAD_INVOLVEMENTS - 1]);
	check_list("alias_names", alias_fields, CP_MAX_NAMES - 1,
			   values[UPLOAD_ALIAS_NAMES - 1], nulls[UPLOAD_ALIAS_NAMES - 1]);
}

/*
 * Rows that were received before are those of a dump.  Restored without being
 * announced they would be matched with a registry that is not there yet.
 */
static void
refuse_past(HeapTuple tuple, TupleDesc desc)
{
	bool		isnull;
	Datum		received = heap_getattr(tuple, UPLOAD_RECEIVED_AT, desc, &isnull);

	if (isnull || DatumGetTimestampTz(received) < GetCurrentTransactionStartTimestamp())
		ereport(ERROR,
				(errcode(ERRCODE_CP_PROTECTED),
				 errmsg("an uploaded row is received now, not at another time"),
				 errhint("Leave received_at out; to restore a dump, announce it as the README says."),
				 err_generic_string(PG_DIAG_COLUMN_NAME, "received_at")));
}

/*
 * What a subscription applies sets off no trigger for its statement, so its rows
 * would have no receipts and never be settled.
 */
static void
refuse_subscription(void)
{
	if (IsLogicalWorker())
		ereport(ERROR,
				(errcode(ERRCODE_CP_PROTECTED),
				 errmsg("uploads cannot come through a subscription"),
				 errhint("Subscribe with a table of your own and INSERT or COPY from it.")));
}

/*
 * BEFORE INSERT OR UPDATE on upload, ENABLE ALWAYS.
 */
PG_FUNCTION_INFO_V1(contactpoint_upload_check);
Datum
contactpoint_upload_check(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	HeapTuple	tuple;

	if (!CALLED_AS_TRIGGER(fcinfo) ||
		RelationGetRelid(trigger->tg_relation) != cp_relation_oid("upload"))
		ereport(ERROR,
				(errcode(ERRCODE_CP_PROTECTED),
				 errmsg("this function serves the trigger of the inbox only"),
				 errhint("INSERT INTO or COPY contactpoint.upload.")));
	cp_require_preloaded();
	cp_log_registry(true);
	/* own work puts back what was received before: its decision is undone */
	if (cp_is_restoring() || cp_in_own_work())
		return PointerGetDatum(TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ?
							   trigger->tg_newtuple : trigger->tg_trigtuple);
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_CP_PROTECTED),
				 errmsg("an uploaded row cannot be changed"),
				 errhint("Send a new row under the same source_ref.")));

	refuse_subscription();
	tuple = trigger->tg_trigtuple;
	refuse_past(tuple, RelationGetDescr(trigger->tg_relation));
	check_row(tuple, RelationGetDescr(trigger->tg_relation));
	return PointerGetDatum(tuple);
}

/*
 * Cast of date to iso_date: YYYY-MM-DD, whatever DateStyle says.
 */
PG_FUNCTION_INFO_V1(contactpoint_iso_date);
Datum
contactpoint_iso_date(PG_FUNCTION_ARGS)
{
	DateADT		date = PG_GETARG_DATEADT(0);
	int			year,
				month,
				day;

	if (DATE_NOT_FINITE(date))
		PG_RETURN_TEXT_P(cstring_to_text("infinity"));
	j2date(date + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("%04d-%02d-%02d", year, month, day)));
}
