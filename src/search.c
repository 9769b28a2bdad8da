/*-------------------------------------------------------------------------
 *
 * search.c
 *	  search(): find children by what may be seen of them.
 *
 *	  Rows are read as the person who searches, so row security, the audit
 *	  and the need of a reason apply as to any query.  Names are compared
 *	  with public names only.  A postcode is first looked up, as own work, in
 *	  the leaf of open addresses: what is in the vault finds nothing, for
 *	  anyone.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

#include "contactpoint.h"

#define SEARCH_ROWS_MAX 100

/* arguments of search() */
enum
{
	SEARCH_GIVEN_NAMES,
	SEARCH_FAMILY_NAME,
	SEARCH_DATE_OF_BIRTH,
	SEARCH_SEX,
	SEARCH_POSTCODE,
	SEARCH_MAX_ROWS,
	SEARCH_ARGS
};

/*
 * The schema that holds pg_trgm, quoted.  Between SPI_connect and SPI_finish.
 */
static char *
trigram_schema(void)
{
	if (SPI_execute("SELECT pg_catalog.quote_ident(n.nspname)"
					" FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace"
					" WHERE e.extname = 'pg_trgm'", true, 1) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "extension pg_trgm is missing");
	return SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
}

/*
 * Numbers of children with an open address at this postcode, as bigint[].
 */
static Datum
children_at(const char *postcode)
{
	Oid			types[1] = {TEXTOID};
	Datum		values[1] = {CStringGetTextDatum(postcode)};
	Datum		result = (Datum) 0;
	CpOwnWork	work;

	cp_own_work_begin(&work);
	PG_TRY();
	{
		bool		isnull;
		MemoryContext oldcontext;

		/* an older snapshot would find who has been shielded since */
		PushActiveSnapshot(GetLatestSnapshot());
		if (SPI_execute_with_args("SELECT contactpoint._open_children_at($1)",
								  1, types, values, NULL, true, 1) != SPI_OK_SELECT)
			elog(ERROR, "could not look a postcode up");
		oldcontext = MemoryContextSwitchTo(TopTransactionContext);
		result = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
		result = PointerGetDatum(DatumGetArrayTypePCopy(result));
		MemoryContextSwitchTo(oldcontext);
		PopActiveSnapshot();
	}
	PG_FINALLY();
	{
		cp_own_work_end(&work);
	}
	PG_END_TRY();
	return result;
}

static void
require_something(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(SEARCH_GIVEN_NAMES) && PG_ARGISNULL(SEARCH_FAMILY_NAME) &&
		PG_ARGISNULL(SEARCH_DATE_OF_BIRTH) && PG_ARGISNULL(SEARCH_POSTCODE))
		ereport(ERROR,
				(errcode(ERRCODE_CP_WRONG_STATE),
				 errmsg("a search needs a name, a date of birth or a postcode"),
				 errhint("SELECT * FROM contactpoint.search(given_names => ..., family_name => ..., date_of_birth => ...).")));
}

PG_FUNCTION_INFO_V1(contactpoint_search);
Datum
contactpoint_search(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			types[SEARCH_ARGS] = {TEXTOID, TEXTOID, DATEOID, TEXTOID, INT8ARRAYOID, INT4OID};
	Datum		values[SEARCH_ARGS];
	char		nulls[SEARCH_ARGS];
	char	   *trgm;
	char	   *query;

	cp_require_preloaded();
	cp_log_registry(true);
	require_something(fcinfo);
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);

	for (int i = 0; i < SEARCH_ARGS; i++)
	{
		values[i] = PG_GETARG_DATUM(i);
		nulls[i] = PG_ARGISNULL(i) ? 'n' : ' ';
	}
	SPI_connect();
	trgm = trigram_schema();
	if (!PG_ARGISNULL(SEARCH_POSTCODE))
		values[SEARCH_POSTCODE] = children_at(text_to_cstring(PG_GETARG_TEXT_PP(SEARCH_POSTCODE)));
	values[SEARCH_MAX_ROWS] = Int32GetDatum(PG_ARGISNULL(SEARCH_MAX_ROWS) ? 20 :
											Max(0, Min(PG_GETARG_INT32(SEARCH_MAX_ROWS),
													   SEARCH_ROWS_MAX)));
	nulls[SEARCH_MAX_ROWS] = ' ';

	/* constants take part in planning, so absent conditions vanish */
	query = psprintf("SELECT c.child_id, c.given_names, c.family_name, c.sex, c.date_of_birth, c.shielded"
					 " FROM contactpoint.child c"
					 " WHERE ($1 IS NULL OR c.given_names OPERATOR(%1$s.%%) $1)"
					 " AND ($2 IS NULL OR c.family_name OPERATOR(%1$s.%%) $2)"
					 " AND ($3 IS NULL OR c.date_of_birth OPERATOR(pg_catalog.=) $3)"
					 " AND ($4 IS NULL OR c.sex OPERATOR(pg_catalog.=) $4)"
					 " AND ($5 IS NULL OR c.child_id OPERATOR(pg_catalog.=) ANY ($5))"
					 " ORDER BY coalesce(%1$s.similarity(c.given_names, $1), 0::real) OPERATOR(pg_catalog.+)"
					 " coalesce(%1$s.similarity(c.family_name, $2), 0::real) DESC, c.child_id"
					 " LIMIT $6", trgm);
	if (SPI_execute_with_args(query, SEARCH_ARGS, types, values, nulls, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "the search failed");
	for (uint64 i = 0; i < SPI_processed; i++)
		tuplestore_puttuple(rsinfo->setResult, SPI_tuptable->vals[i]);
	SPI_finish();
	return (Datum) 0;
}
