/*-------------------------------------------------------------------------
 *
 * normal_form.c
 *	  The normaliser as seen from SQL.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "model.h"

static Datum
normalized(FunctionCallInfo fcinfo, char *(*normalize) (const char *text))
{
	PG_RETURN_TEXT_P(cstring_to_text(normalize(text_to_cstring(PG_GETARG_TEXT_PP(0)))));
}

/* contactpoint._normalize_name(text) */
PG_FUNCTION_INFO_V1(contactpoint_normalize_name);
Datum
contactpoint_normalize_name(PG_FUNCTION_ARGS)
{
	return normalized(fcinfo, cp_normalize_name);
}

/* contactpoint._normalize_postcode(text) */
PG_FUNCTION_INFO_V1(contactpoint_normalize_postcode);
Datum
contactpoint_normalize_postcode(PG_FUNCTION_ARGS)
{
	return normalized(fcinfo, cp_normalize_postcode);
}

/* contactpoint._normalize_family(text) */
PG_FUNCTION_INFO_V1(contactpoint_normalize_family);
Datum
contactpoint_normalize_family(PG_FUNCTION_ARGS)
{
	return normalized(fcinfo, cp_normalize_family);
}

/* contactpoint._normalize_kind(text) */
PG_FUNCTION_INFO_V1(contactpoint_normalize_kind);
Datum
contactpoint_normalize_kind(PG_FUNCTION_ARGS)
{
	return normalized(fcinfo, cp_normalize_kind);
}

/* contactpoint._name_fault(text) */
PG_FUNCTION_INFO_V1(contactpoint_name_fault);
Datum
contactpoint_name_fault(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	const char *fault = cp_name_fault(name);

	if (fault == NULL && cp_name_is_cut(name))
		fault = "has more words than are compared";
	if (fault == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(fault));
}
