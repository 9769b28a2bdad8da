/*-------------------------------------------------------------------------
 *
 * row.c
 *	  A row as the triggers of inbox and registry see it: its texts, how one is
 *	  looked for, and how a value that cannot be is refused.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/skey.h"
#include "access/stratnum.h"
#include "commands/trigger.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

#include "contactpoint.h"

struct TriggerData *
cp_require_trigger(FunctionCallInfo fcinfo)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_CP_PROTECTED),
				 errmsg("this function serves triggers of the registry only"),
				 errhint("Use the functions listed in the README.")));
	return (TriggerData *) fcinfo->context;
}

/*
 * A text column in the current memory context, or NULL.
 */
char *
cp_row_text(HeapTuple tuple, TupleDesc desc, int attno)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, attno, desc, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

bool
cp_is_text(Datum value, const char *string)
{
	const text *stored = DatumGetTextPP(value);
	Size		length = strlen(string);

	return VARSIZE_ANY_EXHDR(stored) == length && memcmp(VARDATA_ANY(stored), string, length) == 0;
}

/*
 * Raises KC007: the fault, the column and a hint, never the value.
 */
void
cp_row_refuse(const char *table, const char *column, const char *fault, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_CP_INVALID_UPLOAD),
			 errmsg("column \"%s\" of the %s %s", column,
					strcmp(table, "upload") == 0 ? "uploaded row" : "record", fault),
			 errhint("%s", hint),
			 err_generic_string(PG_DIAG_SCHEMA_NAME, CP_SCHEMA),
			 err_generic_string(PG_DIAG_TABLE_NAME, table),
			 err_generic_string(PG_DIAG_COLUMN_NAME, column)));
}

/*
 * A key for a text column, of a table or of an index: looked for in the column's
 * own collation, by which its index is in order.
 */
void
cp_text_key(ScanKey key, Relation rel, int column, Datum text)
{
	ScanKeyEntryInitialize(key, 0, column, BTEqualStrategyNumber, InvalidOid,
						   TupleDescAttr(RelationGetDescr(rel), column - 1)->attcollation, F_TEXTEQ, text);
}
