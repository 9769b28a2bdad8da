/*-------------------------------------------------------------------------
 *
 * entry.c
 *	  One audit entry: from facts to bytes and back.
 *
 *	  The body of an entry, integers in network byte order, strings as two
 *	  bytes of length and the bytes as they are in the database:
 *
 *		byte	version (1)
 *		byte	verdict (CpVerdict)
 *		byte	1 if rows of the vault were among those consulted
 *		string	command, relation
 *		head	int64 organisation (0: none); strings session_user,
 *				effective_role, reason, application, client, statement,
 *				parameters
 *		int32	number of children
 *		bytes	their numbers, ascending: the first as a varint, then the
 *				difference to the one before, as varints
 *
 *	  Time, process and sequence number are columns of the journal.  A body
 *	  fits a page, so what a large look consulted fills several entries, each
 *	  complete in itself.  Old versions stay readable for ever: a new one gets
 *	  a new number here.
 *
 *	  The head is made while catalogues may be read; appending only copies.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"

#include "access/xact.h"
#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/ip.h"
#include "funcapi.h"
#include "libpq/libpq-be.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "tcop/tcopprot.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "audit.h"

#define ENTRY_VERSION 1
#define BODY_MAX 7500			/* bytes of a body with its length, so that it
								 * fits a page */
#define REASON_MAX 2000			/* bytes; the setting allows 500 characters */
#define VARINT_MAX 10			/* bytes of a 64-bit varint */
#define WHO_MAX (sizeof(int64) + 5 * sizeof(uint16) + 3 * NAMEDATALEN + REASON_MAX + NI_MAXHOST)
#define BODY_STRINGS_BEFORE_HEAD 2
#define HEAD_STRINGS 7

/* columns of what _audit_decode returns */
enum
{
	ENTRY_SESSION_USER,
	ENTRY_EFFECTIVE_ROLE,
	ENTRY_ORGANISATION,
	ENTRY_REASON,
	ENTRY_APPLICATION,
	ENTRY_CLIENT,
	ENTRY_COMMAND,
	ENTRY_STATEMENT,
	ENTRY_PARAMETERS,
	ENTRY_RELATION,
	ENTRY_VAULT,
	ENTRY_OUTCOME,
	ENTRY_COLUMNS
};

static const char *const outcomes[] = {
	[CP_VERDICT_DISCLOSED] = "disclosed",
	[CP_VERDICT_NOTHING] = "nothing",
	[CP_VERDICT_REFUSED] = "refused",
	[CP_VERDICT_DONE] = "done",
	[CP_VERDICT_FAILED] = "failed",
};

StaticAssertDecl(lengthof(outcomes) == CP_VERDICT_FAILED + 1,
				 "every verdict has a word");

/* ---------- writing ---------- */

static char *
put_bytes(char *at, const void *bytes, int length)
{
	memcpy(at, bytes, length);
	return at + length;
}

/*
 * At most max bytes of the string, cut between characters, as they are in the
 * database.
 */
static char *
put_string(char *at, const char *string, int max)
{
	int			length = string != NULL ? strlen(string) : 0;
	uint16		sent;

	if (length > max)
		length = pg_mbcliplen(string, length, max);
	sent = pg_hton16((uint16) length);
	at = put_bytes(at, &sent, sizeof(sent));
	return length > 0 ? put_bytes(at, string, length) : at;
}

static inline char *
put_varint(char *at, uint64 value)
{
	while (value >= 0x80)
	{
		*at++ = (char) (value | 0x80);
		value >>= 7;
	}
	*at++ = (char) value;
	return at;
}

/*
 * Numerical address of the client, or "local".
 */
static const char *
client_address(void)
{
	static char address[NI_MAXHOST] = "";

	if (address[0] != '\0' || MyProcPort == NULL)
		return address;
	if (MyProcPort->raddr.addr.ss_family == AF_UNIX ||
		pg_getnameinfo_all(&MyProcPort->raddr.addr, MyProcPort->raddr.salen,
						   address, sizeof(address), NULL, 0,
						   NI_NUMERICHOST) != 0)
		strlcpy(address, "local", sizeof(address));
	return address;
}

/* who asks, as it stands in heads, and from what it was made */
static struct
{
	char		bytes[WHO_MAX];
	int			length;
	uint64		caller_version; /* 0: nothing was made yet */
	Oid			session_user;
	char		reason[REASON_MAX + 1];
	char		application[NAMEDATALEN];
}			who;

/*
 * Makes the part of a head that seldom changes in a session.  Reads catalogues.
 */
static void
describe_who(void)
{
	/* where parallel workers run the account cannot be looked up */
	const CpCaller *caller = IsInParallelMode() ? NULL : cp_caller();
	uint64		version = caller != NULL ? caller->version : 0;
	const char *why = cp_reason();
	uint64		organisation;
	char	   *at;

	if (why == NULL)
		why = "";
	if (version != 0 && who.caller_version == version &&
		who.session_user == GetAuthenticatedUserId() &&
		strcmp(who.reason, why) == 0 &&
		strcmp(who.application, application_name) == 0)
		return;
	who.caller_version = 0;
	who.session_user = GetAuthenticatedUserId();
	strlcpy(who.reason, why, sizeof(who.reason));
	strlcpy(who.application, application_name, sizeof(who.application));
	organisation = pg_hton64(caller != NULL ? caller->organisation : 0);
	at = put_bytes(who.bytes, &organisation, sizeof(organisation));
	at = put_string(at, GetUserNameFromId(who.session_user, true), NAMEDATALEN);
	at = put_string(at, GetUserNameFromId(cp_caller_role(), true), NAMEDATALEN);
	at = put_string(at, why, REASON_MAX);
	at = put_string(at, application_name, NAMEDATALEN);
	at = put_string(at, client_address(), NI_MAXHOST);
	who.length = at - who.bytes;
	who.caller_version = version;
}

static CpEntryHead
make_head(const char *statement, const char *parameters)
{
	CpEntryHead head;
	char	   *at;

	describe_who();
	head.data = palloc(who.length + 2 * sizeof(uint16) +
					   Min(strlen(statement), CP_STATEMENT_MAX) + Min(strlen(parameters), CP_PARAMETERS_MAX));
	at = put_bytes(head.data, who.bytes, who.length);
	at = put_string(at, statement, CP_STATEMENT_MAX);
	at = put_string(at, parameters, CP_PARAMETERS_MAX);
	head.length = at - head.data;
	return head;
}

/*
 * Makes the head of an entry in the current memory context: what the client
 * sent, the query that looks, and its parameters (each may be NULL).  Reads
 * catalogues.
 */
CpEntryHead
cp_entry_head(const char *sent, const char *query, ParamListInfo params)
{
	return make_head(cp_statement_text(sent, query), cp_statement_parameters(params));
}

/*
 * Puts as many of the children as fit before limit; counts them in *done.
 */
static char *
put_children(char *at, const char *limit, const int64 *children, int nchildren, int *done)
{
	char	   *count_at = at;
	uint32		count;
	uint64		before = 0;
	int			i;

	at += sizeof(count);
	for (i = *done; i < nchildren && at + VARINT_MAX <= limit; i++)
	{
		at = put_varint(at, (uint64) children[i] - before);
		before = (uint64) children[i];
	}
	count = pg_hton32((uint32) (i - *done));
	memcpy(count_at, &count, sizeof(count));
	*done = i;
	return at;
}

/*
 * Appends one look or command, in as many entries as its children need, and
 * tells the gate.  Sorts children and drops repetitions.  Touches no catalogue
 * but the journal's own, and asks for no memory: an error may be on its way.
 * Raises what cp_journal_append raises.
 */
void
cp_entry_append(const CpEntryHead *head, const char *command, const char *relation,
				bool vault, CpVerdict verdict, int64 *children, int nchildren)
{
	static PGAlignedBlock body;
	int			done = 0;

	if (verdict == CP_VERDICT_REFUSED)
		pg_atomic_fetch_add_u64(&cp_shared_database()->refused, 1);
	nchildren = cp_children_unique(children, nchildren);
	do
	{
		char	   *at = body.data + VARHDRSZ;

		*at++ = ENTRY_VERSION;
		*at++ = (char) verdict;
		*at++ = vault ? 1 : 0;
		at = put_string(at, command, NAMEDATALEN);
		at = put_string(at, relation, NAMEDATALEN);
		at = put_bytes(at, head->data, head->length);
		at = put_children(at, body.data + BODY_MAX, children, nchildren, &done);
		SET_VARSIZE(body.data, at - body.data);
		cp_gate_require(cp_journal_append((struct varlena *) body.data));
	} while (done < nchildren);
}

StaticAssertDecl(WHO_MAX + CP_STATEMENT_MAX + CP_PARAMETERS_MAX + 200 + VARINT_MAX < BODY_MAX,
				 "a body has room for a child at least");

static void
append_command(CpEntryHead head, const char *command, const int64 *children, int nchildren, CpVerdict verdict)
{
	int64	   *copy = palloc(Max(nchildren, 1) * sizeof(int64));

	cp_worker_ensure(CP_WORKER_SEALER);
	if (nchildren > 0)
		memcpy(copy, children, nchildren * sizeof(int64));
	cp_gate_install();
	cp_entry_append(&head, command, NULL, false, verdict, copy, nchildren);
	cp_gate_settle();
	pfree(copy);
	pfree(head.data);
}

/*
 * Records a command of the interface, or its refusal.
 */
void
cp_audit_command(const char *command, const int64 *children, int nchildren,
				 CpVerdict verdict)
{
	append_command(cp_entry_head(debug_query_string, NULL, NULL), command, children, nchildren, verdict);
}

/*
 * The same with these words in the place of the statement, which gives a name
 * that nobody is to be shown.
 */
void
cp_audit_command_said(const char *said, const char *command, const int64 *children, int nchildren,
					  CpVerdict verdict)
{
	append_command(make_head(cp_statement_abridge(said, CP_STATEMENT_MAX), ""), command, children, nchildren, verdict);
}

/* ---------- reading ---------- */

static void
refuse_body(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("an entry of the audit journal cannot be read"),
			 errhint("It was written by a newer version of contactpoint, or the journal was tampered with.")));
}

static char *
get_string(StringInfo body)
{
	int			length = pq_getmsgint(body, 2);

	return pnstrdup(pq_getmsgbytes(body, length), length);
}

static void
skip_string(StringInfo body)
{
	(void) pq_getmsgbytes(body, pq_getmsgint(body, 2));
}

static Datum
get_text(StringInfo body, bool *isnull)
{
	char	   *string = get_string(body);

	*isnull = (*string == '\0');
	return CStringGetTextDatum(string);
}

static Datum
get_name(StringInfo body)
{
	Name		name = palloc0(sizeof(NameData));

	namestrcpy(name, get_string(body));
	return NameGetDatum(name);
}

static uint64
get_varint(StringInfo body)
{
	uint64		value = 0;
	uint8		byte;
	int			shift = 0;

	do
	{
		byte = pq_getmsgbyte(body);
		if (shift >= 64)
			refuse_body();
		value |= (uint64) (byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	return value;
}

static Datum
get_children(StringInfo body)
{
	uint32		count = pq_getmsgint(body, 4);
	uint64		child = 0;
	Datum	   *children;

	/* each takes a byte at least */
	if (count > (uint32) (body->len - body->cursor))
		refuse_body();
	children = palloc(Max(count, 1) * sizeof(Datum));
	for (uint32 i = 0; i < count; i++)
	{
		child += get_varint(body);
		children[i] = Int64GetDatum((int64) child);
	}
	return PointerGetDatum(construct_array(children, count, INT8OID, sizeof(int64),
										   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/*
 * _audit_decode(body): the fields of an entry.
 */
PG_FUNCTION_INFO_V1(contactpoint_audit_decode);
Datum
contactpoint_audit_decode(PG_FUNCTION_ARGS)
{
	struct varlena *argument = PG_GETARG_VARLENA_PP(0);
	TupleDesc	desc;
	Datum		values[ENTRY_COLUMNS];
	bool		nulls[ENTRY_COLUMNS] = {false};
	StringInfoData body;
	int			verdict;
	int64		organisation;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (desc->natts != ENTRY_COLUMNS)
		elog(ERROR, "return type must have %d columns", ENTRY_COLUMNS);

	initStringInfo(&body);
	appendBinaryStringInfo(&body, VARDATA_ANY(argument), VARSIZE_ANY_EXHDR(argument));
	if (pq_getmsgbyte(&body) != ENTRY_VERSION)
		refuse_body();
	verdict = pq_getmsgbyte(&body);
	if (verdict >= lengthof(outcomes))
		refuse_body();
	values[ENTRY_OUTCOME] = CStringGetTextDatum(outcomes[verdict]);
	values[ENTRY_VAULT] = BoolGetDatum(pq_getmsgbyte(&body) != 0);
	values[ENTRY_COMMAND] = get_text(&body, &nulls[ENTRY_COMMAND]);
	values[ENTRY_RELATION] = get_text(&body, &nulls[ENTRY_RELATION]);
	organisation = pq_getmsgint64(&body);
	values[ENTRY_ORGANISATION] = Int64GetDatum(organisation);
	nulls[ENTRY_ORGANISATION] = (organisation == 0);
	values[ENTRY_SESSION_USER] = get_name(&body);
	values[ENTRY_EFFECTIVE_ROLE] = get_name(&body);
	values[ENTRY_REASON] = get_text(&body, &nulls[ENTRY_REASON]);
	values[ENTRY_APPLICATION] = get_text(&body, &nulls[ENTRY_APPLICATION]);
	values[ENTRY_CLIENT] = get_text(&body, &nulls[ENTRY_CLIENT]);
	values[ENTRY_STATEMENT] = get_text(&body, &nulls[ENTRY_STATEMENT]);
	values[ENTRY_PARAMETERS] = get_text(&body, &nulls[ENTRY_PARAMETERS]);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/*
 * _audit_children(body): the children of an entry.
 */
PG_FUNCTION_INFO_V1(contactpoint_audit_children);
Datum
contactpoint_audit_children(PG_FUNCTION_ARGS)
{
	struct varlena *argument = PG_GETARG_VARLENA_PP(0);
	StringInfoData body;
	Datum		children;

	initStringInfo(&body);
	appendBinaryStringInfo(&body, VARDATA_ANY(argument), VARSIZE_ANY_EXHDR(argument));
	if (pq_getmsgbyte(&body) != ENTRY_VERSION)
		refuse_body();
	(void) pq_getmsgbytes(&body, 2);
	for (int i = 0; i < BODY_STRINGS_BEFORE_HEAD; i++)
		skip_string(&body);
	(void) pq_getmsgint64(&body);
	for (int i = 0; i < HEAD_STRINGS; i++)
		skip_string(&body);
	children = get_children(&body);
	pq_getmsgend(&body);
	PG_RETURN_DATUM(children);
}
