/*-------------------------------------------------------------------------
 *
 * settings.c
 *	  The contactpoint.* settings, and the life of contactpoint.reason.
 *
 *	  A reason is a claim made by the person who looks, so it counts only if
 *	  that person made it: by SET in this session, under the role now in
 *	  force, in this transaction or a short while ago.  The check hook notes
 *	  who set it, when and from where in the value's "extra"; SET LOCAL and
 *	  function SET clauses are unwound by core, which hands the former extra
 *	  back to the assign hook.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "access/xact.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "contactpoint.h"

#define REASON_MAX_CHARS 500

typedef struct ReasonOrigin
{
	bool		by_hand;		/* SET in the session, by its user */
	Oid			role;			/* the role in force then */
	TimestampTz set_at;
} ReasonOrigin;

int			cp_reason_minutes;
int			cp_open_minutes;
int			cp_override_timeout;
int			cp_hold_buffer;
int			cp_audit_durability;
char	   *cp_databases;
int			cp_matcher_workers;
int			cp_settle_batch;
int			cp_audit_months;
int			cp_journal_limit;
int			cp_seal_batch;
int			cp_seal_interval;
int			cp_seal_timeout;
int			cp_review_days;
int			cp_max_disclosure;
int			cp_max_disclosure_day;
bool		cp_restoring;
bool		cp_allow_drop;
int			cp_held_share_limit;
int			cp_held_share_rows;
double		cp_match_threshold;
double		cp_possible_threshold;
double		cp_guard_threshold;
double		cp_match_margin;

static char *reason;
static ReasonOrigin *reason_origin;

static const struct config_enum_entry durability_options[] = {
	{"flush", CP_DURABILITY_FLUSH, false},
	{"async", CP_DURABILITY_ASYNC, false},
	{NULL, 0, false}
};

/*
 * Refuses what could not stand in an audit entry; notes who says so.
 */
static bool
check_reason(char **newval, void **extra, GucSource source)
{
	ReasonOrigin *origin;

	if (*newval != NULL && **newval != '\0')
	{
		const char *fault = cp_text_fault(*newval, REASON_MAX_CHARS);

		if (fault != NULL)
		{
			GUC_check_errmsg("the reason %s", fault);
			GUC_check_errhint("Say in one line of at most %d characters why you look.",
							  REASON_MAX_CHARS);
			return false;
		}
	}
	origin = cp_guc_alloc(sizeof(ReasonOrigin));
	if (origin == NULL)
		return false;
	origin->by_hand = (source == PGC_S_SESSION);
	origin->role = source == PGC_S_SESSION ? GetOuterUserId() : InvalidOid;
	origin->set_at = GetCurrentTimestamp();
	*extra = origin;
	return true;
}

static void
assign_reason(const char *newval, void *extra)
{
	reason_origin = extra;
}

/*
 * The reason in force, or NULL.  Raises nothing.
 */
const char *
cp_reason(void)
{
	if (reason == NULL || *reason == '\0' || reason_origin == NULL)
		return NULL;
	if (!reason_origin->by_hand)
		return NULL;
	if (reason_origin->role != GetOuterUserId())
	{
		reason_origin->by_hand = false; /* over, also if that role comes back */
		return NULL;
	}
	if (IsTransactionState() &&
		reason_origin->set_at >= GetCurrentTransactionStartTimestamp())
		return reason;
	if (TimestampDifferenceExceeds(reason_origin->set_at,
								   GetCurrentStatementStartTimestamp(),
								   cp_reason_minutes * 60 * 1000))
		return NULL;
	return reason;
}

/*
 * A switch that makes guards stand aside is thrown by hand, in one session: it
 * cannot be left on for a database, a role, a function or the server.
 */
static bool
check_switch(bool *newval, void **extra, GucSource source)
{
	if (*newval && source != PGC_S_SESSION && source != PGC_S_CLIENT)
	{
		GUC_check_errmsg("this setting can be switched on in a session only");
		GUC_check_errhint("SET it in the session that needs it, or give it with the connection.");
		return false;
	}
	return true;
}

void
cp_settings_init(void)
{
	DefineCustomBoolVariable("contactpoint.allow_drop",
							 "Lets superusers change and drop what belongs to the registry.",
							 "Off, whatever could open a way around a protection is refused, and dropping the registry while it holds children.",
							 &cp_allow_drop,
							 false,
							 PGC_SUSET,
							 GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE,
							 check_switch, NULL, NULL);

	DefineCustomEnumVariable("contactpoint.audit_durability",
							 "When an audit entry must be on disk.",
							 "flush: before the first byte leaves the server. async: a server crash may lose the last entries.",
							 &cp_audit_durability,
							 CP_DURABILITY_FLUSH,
							 durability_options,
							 PGC_SUSET,
							 0,
							 NULL, NULL, NULL);

	DefineCustomIntVariable("contactpoint.audit_months",
							"How many months of the audit retire_audit() must leave.",
							NULL,
							&cp_audit_months,
							84, 1, 1200,
							PGC_SIGHUP,
							0,
							NULL, NULL, NULL);

	DefineCustomStringVariable("contactpoint.databases",
							   "Databases whose matcher and sealer start with the server.",
							   "Comma separated. In other databases they start when they are first needed.",
							   &cp_databases,
							   "",
							   PGC_POSTMASTER,
							   GUC_LIST_INPUT,
							   NULL, NULL, NULL);

	DefineCustomRealVariable("contactpoint.guard_threshold",
							 "Evidence from which a row near a shielded child is held.",
							 "In bits: log2 of the odds that both are the same child.",
							 &cp_guard_threshold,
							 -8.0, -100.0, 100.0,
							 PGC_SIGHUP,
							 0,
							 NULL, NULL, NULL);

	DefineCustomIntVariable("contactpoint.held_share_limit",
							"Percentage of a source's rows that may be held for a person.",
							"Of contactpoint.held_share_rows in a row; when it is passed the matcher pauses the source. 100: it never does.",
							&cp_held_share_limit,
							10, 1, 100,
							PGC_SIGHUP,
							0,
							NULL, NULL, NULL);

	DefineCustomIntVariable("contactpoint.held_share_rows",
							"Settled rows of a source whose held share is looked at together.",
							NULL,
							&cp_held_share_rows,
							1000, 10, 1000000,
							PGC_SIGHUP,
							0,
							NULL, NULL, NULL);

	DefineCustomIntVariable("contactpoint.hold_buffer",
							"Bytes of an answer held back until its audit entry is durable.",
							"When it is full, entries are made durable and the bytes leave.",
							&cp_hold_buffer,
							1024, 8, 65536,
							PGC_SUSET,
							GUC_UNIT_KB,
							NULL, NULL, NULL);

	DefineCustomIntVariable("contactpoint.journal_limit",
							"How much of the audit journal may wait to be sealed.",
							"Beyond it nobody reads the registry until the sealer has caught up.",
							&cp_journal_limit,
							1024 * 1024, 64, INT_MAX,
							PGC_SIGHUP,
							GUC_UNIT_KB,
							NULL, NULL, NULL);

	DefineCustomRealVariable("contactpoint.match_margin",
							 "Evidence a match needs over the second candidate, in bits.",
							 NULL,
							 &cp_match_margin,
							 5.0, 0.0, 100.0,
							 PGC_SIGHUP,
							 0,
							 NULL, NULL, NULL);

	DefineCustomRealVariable("contactpoint.match_threshold",
							 "Evidence from which a row may be attached to a record, in bits.",
							 NULL,
							 &cp_match_threshold,
							 6.6, -100.0, 100.0,
							 PGC_SIGHUP,
							 0,
							 NULL, NULL, NULL);

	DefineCustomIntVariable("contactpoint.max_disclosure",
							"Children that one statement may disclose.",
							"Does not bind superusers, managers and admins. Zero: nobody is limited.",
							&cp_max_disclosure,
							100, 0, INT_MAX,
							PGC_SUSET,
							0,
							NULL, NULL, NULL);

	DefineCustomIntVariable("contactpoint.max_disclosure_day",
							"Children that may be disclosed to one role in a day.",
							"The day is that of UTC. Does not bind superusers, managers and admins. Zero: nobody is limited.",
							&cp_max_disclosure_day,
							1000, 0, INT_MAX,
							PGC_SUSET,
							0,
							NULL, NULL, NULL);

	DefineCustomIntVariable("contactpoint.open_minutes",
							"How long an opened shielded record stays open.",
							NULL,
							&cp_open_minutes,
							30, 1, 24 * 60,
							PGC_SIGHUP,
							GUC_UNIT_MIN,
							NULL, NULL, NULL);

	DefineCustomIntVariable("contactpoint.override_timeout",
							"How long a shielded record opened without a grant stays open.",
							NULL,
							&cp_override_timeout,
							30 * 60, 1, 24 * 60 * 60,
							PGC_SIGHUP,
							GUC_UNIT_S,
							NULL, NULL, NULL);

	DefineCustomRealVariable("contactpoint.possible_threshold",
							 "Evidence from which a row is held for a person, in bits.",
							 NULL,
							 &cp_possible_threshold,
							 -3.0, -100.0, 100.0,
							 PGC_SIGHUP,
							 0,
							 NULL, NULL, NULL);

	DefineCustomStringVariable("contactpoint.reason",
							   "Why you look at records of children.",
							   "Must be set, by SET, before reading; it ends with the transaction, the role or after contactpoint.reason_minutes.",
							   &reason,
							   "",
							   PGC_USERSET,
							   GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE,
							   check_reason, assign_reason, NULL);

	DefineCustomIntVariable("contactpoint.reason_minutes",
							"How long a reason set for the session counts.",
							NULL,
							&cp_reason_minutes,
							30, 1, 24 * 60,
							PGC_SIGHUP,
							GUC_UNIT_MIN,
							NULL, NULL, NULL);

	DefineCustomBoolVariable("contactpoint.restoring",
							 "Announces that this session restores a dump of the registry.",
							 "Guards and matcher stand aside; nobody reads until validate_restore().",
							 &cp_restoring,
							 false,
							 PGC_SUSET,
							 GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE,
							 check_switch, NULL, NULL);

	DefineCustomIntVariable("contactpoint.review_days",
							"Days until the review of a held row is due.",
							NULL,
							&cp_review_days,
							5, 1, 365,
							PGC_SIGHUP,
							0,
							NULL, NULL, NULL);

	DefineCustomIntVariable("contactpoint.seal_batch",
							"Audit entries that the sealer seals in one transaction.",
							NULL,
							&cp_seal_batch,
							10000, 1, 1000000,
							PGC_SIGHUP,
							0,
							NULL, NULL, NULL);

	DefineCustomIntVariable("contactpoint.seal_interval",
							"How often the sealer looks at the audit journal.",
							NULL,
							&cp_seal_interval,
							1000, 10, 24 * 60 * 60 * 1000,
							PGC_SIGHUP,
							GUC_UNIT_MS,
							NULL, NULL, NULL);

	DefineCustomIntVariable("contactpoint.seal_timeout",
							"How long the sealer may not get on while entries wait for it.",
							"After that nobody reads the registry until it does.",
							&cp_seal_timeout,
							60, 1, 24 * 60 * 60,
							PGC_SIGHUP,
							GUC_UNIT_S,
							NULL, NULL, NULL);

	DefineCustomIntVariable("contactpoint.matcher_workers",
							"Matchers that settle the inbox of one database together.",
							"More than one work only at a large backlog.",
							&cp_matcher_workers,
							1, 1, CP_MAX_MATCHERS,
							PGC_POSTMASTER,
							0,
							NULL, NULL, NULL);
	DefineCustomIntVariable("contactpoint.settle_batch",
							"Uploaded rows that a matcher settles in one transaction.",
							"0: as the backlog asks, 500 to 10,000.",
							&cp_settle_batch,
							0, 0, 100000,
							PGC_SIGHUP,
							0,
							NULL, NULL, NULL);

	MarkGUCPrefixReserved(CP_SCHEMA);
}
