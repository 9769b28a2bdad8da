/*-------------------------------------------------------------------------
 *
 * statement.c
 *	  A statement and its parameters in the words in which the audit keeps
 *	  them.
 *
 *	  Invariant: what a client writes around a query (comments, blanks) never
 *	  pushes the query itself out of the bytes that are kept.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "mb/stringinfo_mb.h"
#include "nodes/params.h"
#include "parser/scanner.h"
#include "tcop/pquery.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "audit.h"

#define PARAMETER_MAX 64		/* bytes of one of the parameters */

/*
 * The statement without its comments, with single spaces where they or others
 * were: as PostgreSQL's own scanner takes it apart.
 */
static const char *
without_comments(const char *text)
{
	core_yy_extra_type extra;
	core_yyscan_t scanner = scanner_init(text, &extra, &ScanKeywords, ScanKeywordTokens);
	core_YYSTYPE value;
	YYLTYPE		place;
	int			end = 0;		/* of the word before */
	StringInfoData words;

	extra.escape_string_warning = false;
	initStringInfo(&words);
	while (core_yylex(&value, &place, scanner) != 0)
	{
		if (words.len > 0 && place > end)
			appendStringInfoChar(&words, ' ');
		/* the scanner ends its text behind the word it has found */
		appendStringInfoString(&words, extra.scanbuf + place);
		end = place + strlen(extra.scanbuf + place);
	}
	scanner_finish(scanner);
	return words.data;
}

/*
 * A text of more than max bytes without comments, and if that is not enough
 * without its middle: nothing at its ends must push the query out.
 */
const char *
cp_statement_abridge(const char *text, int max)
{
	int			length = strlen(text);
	int			half = max / 2 - 3;
	int			tail;

	if (length <= max)
		return text;
	text = without_comments(text);
	length = strlen(text);
	if (length <= max)
		return text;
	for (tail = length - half; (text[tail] & 0xC0) == 0x80; tail++)
		;						/* to a whole character: the database is in
								 * UTF8 */
	return psprintf("%.*s ... %s", pg_mbcliplen(text, length, half), text, &text[tail]);
}

/*
 * What the client sent and, where that only led to it (EXECUTE, a function),
 * the query that looks.
 */
const char *
cp_statement_text(const char *sent, const char *query)
{
	if (sent == NULL)
		return cp_statement_abridge(query != NULL ? query : "", CP_STATEMENT_MAX);
	if (query == NULL || sent == query || strcmp(sent, query) == 0)
		return cp_statement_abridge(sent, CP_STATEMENT_MAX);
	return psprintf("%s\n-- runs: %s", cp_statement_abridge(sent, CP_STATEMENT_MAX / 2 - 10),
					cp_statement_abridge(query, CP_STATEMENT_MAX / 2 - 10));
}

/*
 * Puts a value as core would log it: in quotes, at most PARAMETER_MAX bytes of
 * it.  False where its type has no short way.
 */
static bool
put_parameter(StringInfo buffer, const ParamExternData *param)
{
	char		digits[MAXINT8LEN + 1];
	char	   *string;

	if (param->isnull)
	{
		appendStringInfoString(buffer, "NULL");
		return true;
	}
	switch (param->ptype)
	{
		case INT8OID:
			pg_lltoa(DatumGetInt64(param->value), digits);
			break;
		case INT4OID:
			pg_lltoa(DatumGetInt32(param->value), digits);
			break;
		case TEXTOID:
		case VARCHAROID:
			string = TextDatumGetCString(param->value);
			appendStringInfoStringQuoted(buffer, string, PARAMETER_MAX);
			pfree(string);
			return true;
		default:
			return false;
	}
	appendStringInfoCharMacro(buffer, '\'');
	appendStringInfoString(buffer, digits);
	appendStringInfoCharMacro(buffer, '\'');
	return true;
}

/*
 * The values bound to a statement, "" if there are none: those of the query
 * itself, else those that the client sent along.  Values that a function
 * language would have to compute are left out.  Good until the next call.
 *
 * Numbers and text, as nearly all are, do without core's look-up of an output
 * function for each of them.
 */
const char *
cp_statement_parameters(ParamListInfo params)
{
	static StringInfoData buffer;

	if ((params == NULL || params->paramFetch != NULL) && ActivePortal != NULL)
		params = ActivePortal->portalParams;
	if (params == NULL || params->numParams == 0 || params->paramFetch != NULL)
		return "";
	if (buffer.data == NULL)
	{
		MemoryContext oldcontext = MemoryContextSwitchTo(TopMemoryContext);

		initStringInfo(&buffer);
		MemoryContextSwitchTo(oldcontext);
	}
	resetStringInfo(&buffer);
	for (int i = 0; i < params->numParams && buffer.len < CP_PARAMETERS_MAX; i++)
	{
		char		number[MAXINT8LEN + 1];

		pg_lltoa(i + 1, number);
		appendStringInfoString(&buffer, i > 0 ? ", $" : "$");
		appendStringInfoString(&buffer, number);
		appendStringInfoString(&buffer, " = ");
		if (!put_parameter(&buffer, &params->params[i]))
		{
			const char *all = BuildParamLogString(params, NULL, PARAMETER_MAX);

			return all != NULL ? all : "";
		}
	}
	return buffer.data;
}
