/*-------------------------------------------------------------------------
 *
 * log.c
 *	  Nothing personal in the server log.
 *
 *	  When a statement fails, the server log gets its text and the context of
 *	  the error, which for COPY is the raw line: names, addresses, birth
 *	  dates.  Whoever sent the statement still gets both; the log gets the
 *	  message, the SQLSTATE and the hint.  The same holds for DETAIL, where
 *	  core quotes keys and rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "tcop/tcopprot.h"
#include "utils/elog.h"

#include "contactpoint.h"

static emit_log_hook_type prev_emit_log_hook = NULL;

/* this backend has touched protected relations */
static bool keep_private = false;

/*
 * A failed first statement has touched nothing yet, so its text is looked at.
 */
static bool
speaks_of_registry(const char *text)
{
	for (; *text != '\0'; text++)
		if (pg_strncasecmp(text, CP_SCHEMA, strlen(CP_SCHEMA)) == 0 ||
			pg_strncasecmp(text, "upload", strlen("upload")) == 0)
			return true;
	return false;
}

static void
hide_personal(ErrorData *edata)
{
	if (edata->output_to_server &&
		(keep_private ||
		 (debug_query_string != NULL && speaks_of_registry(debug_query_string))))
	{
		edata->hide_stmt = true;
		edata->hide_ctx = true;

		/*
		 * The detail is for the client alone, so what the log has in its
		 * place must not be empty: detail_log takes precedence.
		 */
		if (edata->detail != NULL && edata->detail_log == NULL)
			edata->detail_log = "Withheld: it may quote a record.";
	}
	if (prev_emit_log_hook)
		prev_emit_log_hook(edata);
}

void
cp_log_keep_private(void)
{
	keep_private = true;
}

void
cp_log_init(void)
{
	prev_emit_log_hook = emit_log_hook;
	emit_log_hook = hide_personal;
}
