/*-------------------------------------------------------------------------
 *
 * log.c
 *	  Nothing personal in the server log.
 *
 *	  Core logs the statement that failed and the context of the error, which
 *	  for COPY is the raw line; its messages and details quote values of rows.
 *	  Whoever sent the statement still gets all of it.  The log of a database
 *	  that has a registry gets the SQLSTATE, and the message only where it is
 *	  the extension's own or of a class that speaks of the server, not of
 *	  data.  The message of what is logged on purpose (level LOG, as by
 *	  log_statement) is the DBA's choice and stays.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/elog.h"
#include "utils/memutils.h"

#include "contactpoint.h"

static emit_log_hook_type prev_emit_log_hook = NULL;

/* what this backend knows of its database */
static enum
{
	REGISTRY_UNKNOWN,			/* it has not looked yet */
	REGISTRY_ABSENT,
	REGISTRY_PRESENT
}			registry = REGISTRY_UNKNOWN;

/*
 * May the text of a message of this SQLSTATE be logged?  Classes 08
 * (connection), 40 (rollback), 53 (resources), 57 (operator), 58 (system), XX
 * (internal) and the extension's own speak of no row.
 */
static bool
speaks_of_server(const ErrorData *edata)
{
	static const char *const classes[] = {"08", "40", "53", "57", "58", "XX", "KC"};
	const char *state = unpack_sql_state(edata->sqlerrcode);

	/* RAISE may say anything under any SQLSTATE */
	if (edata->funcname != NULL && strcmp(edata->funcname, "exec_stmt_raise") == 0)
		return strncmp(state, "KC", 2) == 0;
	for (int i = 0; i < lengthof(classes); i++)
		if (strncmp(state, classes[i], 2) == 0)
			return true;
	return false;
}

/*
 * Logs in the place of a message what can be said of it.
 */
static void
log_without_text(ErrorData *edata)
{
	const char *level = edata->elevel >= FATAL ? "FATAL" :
	edata->elevel >= ERROR ? "ERROR" : "WARNING";

	edata->output_to_server = false;
	ereport(LOG_SERVER_ONLY,
			(errmsg_internal("%s: SQLSTATE %s; the message is withheld, it may quote a record",
							 level, unpack_sql_state(edata->sqlerrcode)),
			 errhidestmt(true),
			 errhidecontext(true)));
}

/*
 * A session that has not looked yet may be about to: its first statement can
 * fail before anything is looked up.
 */
static bool
may_be_personal(void)
{
	return registry == REGISTRY_PRESENT ||
		(registry == REGISTRY_UNKNOWN && MyBackendType == B_BACKEND &&
		 OidIsValid(MyDatabaseId));
}

static void
hide_personal(ErrorData *edata)
{
	if (edata->output_to_server && may_be_personal())
	{
		edata->hide_stmt = true;
		edata->hide_ctx = true;
		if (edata->elevel >= WARNING)
		{
			/* the log takes detail_log before detail, so it must not be empty */
			if (edata->detail != NULL || edata->detail_log != NULL)
				edata->detail_log = MemoryContextStrdup(edata->assoc_context,
														"Withheld: it may quote a record.");
			if (!speaks_of_server(edata))
				log_without_text(edata);
		}
	}
	if (prev_emit_log_hook && edata->output_to_server)
		prev_emit_log_hook(edata);
}

/*
 * Has the database of this backend a registry?  Said whenever it is looked up.
 */
void
cp_log_registry(bool present)
{
	registry = present ? REGISTRY_PRESENT : REGISTRY_ABSENT;
}

void
cp_log_init(void)
{
	prev_emit_log_hook = emit_log_hook;
	emit_log_hook = hide_personal;
}
