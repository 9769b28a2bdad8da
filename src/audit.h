/*-------------------------------------------------------------------------
 *
 * audit.h
 *	  What those files promise to each other, and to the rest, that see to it
 *	  that no look stays unrecorded: in the order in which a look goes through
 *	  them, from the plan to the journal.  What becomes of the journal is in
 *	  ledger.h.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CP_AUDIT_H
#define CP_AUDIT_H

#include "contactpoint.h"

/* ---------- mark.c: guard and capture in every finished plan ---------- */

extern void cp_mark_init(void);

/* Do these quals of a scan of the relation hold all marks it must have? */
extern bool cp_mark_complete(List *quals, const CpProtected *protected);

/* Was this call put into a plan by mark.c? */
extern bool cp_mark_is_genuine(const FmgrInfo *flinfo);

/* ---------- capture.c, look.c: who looks at which children ---------- */

extern void cp_capture_init(void);

/*
 * Appends what running statements have consulted and not yet recorded.  Called
 * by the gate before it releases bytes; never while an error is reported.
 */
extern void cp_capture_append_pending(void);
extern bool cp_capture_is_pending(void);

/* For guards in plans: does the running executor look for a person? */
extern bool cp_capture_for_person(void);

/* ---------- limit.c: how many children one may look at ---------- */

/* what a cursor has disclosed */
typedef struct CpKept
{
	int			n;
	int64		children[FLEXIBLE_ARRAY_MEMBER];
} CpKept;

/* Is the role in force bound by contactpoint.max_disclosure or its day? */
extern bool cp_limit_applies(void);

/* Counts a child before it is disclosed.  Raises KC013 if it is one too many. */
extern void cp_limit_count(int64 child);

/* For a cursor that stops in one statement of the client and goes on in another. */
extern CpKept *cp_limit_keep(MemoryContext context);
extern void cp_limit_resume(const CpKept *kept);

/* After a restart: counts what the audit has of the day.  For the sealer. */
extern void cp_limit_prime(void);

extern void cp_limit_init(void);

/* ---------- denied.c: what core refuses for want of a privilege ---------- */

/* Starts an executor over the registry; next is the hook behind, or NULL. */
extern void cp_denied_start(QueryDesc *queryDesc, int eflags, ExecutorStart_hook_type next);

/* In PG_CATCH of a planner: records the attempt and rethrows, or returns. */
extern void cp_denied_plan(Query *query, const char *text, ParamListInfo params);

/* ---------- statement.c: a statement in the words that the audit keeps ---------- */

#define CP_STATEMENT_MAX 1000	/* bytes of a statement that are kept */
#define CP_PARAMETERS_MAX 500	/* bytes of its parameters */

/*
 * What the client sent and, where that only led to it (EXECUTE, a function),
 * the query that looks; either may be NULL.  In the current memory context.
 */
extern const char *cp_statement_text(const char *sent, const char *query);

/*
 * The values bound to a statement, "" if there are none: those of the query
 * itself, else those that the client sent along.  Good until the next call.
 */
extern const char *cp_statement_parameters(ParamListInfo params);

/* A text of more than max bytes without its comments, or its middle. */
extern const char *cp_statement_abridge(const char *text, int max);

/* ---------- entry.c: one audit entry ---------- */

typedef enum CpVerdict
{
	CP_VERDICT_DISCLOSED,		/* rows were consulted */
	CP_VERDICT_NOTHING,			/* a look that found nothing */
	CP_VERDICT_REFUSED,			/* a look or command that was refused */
	CP_VERDICT_DONE,			/* a command that was carried out */
	CP_VERDICT_FAILED			/* rows were consulted, then an error */
} CpVerdict;

/* What all entries of one look or command have in common, ready made. */
typedef struct CpEntryHead
{
	char	   *data;
	int			length;
} CpEntryHead;

/*
 * Makes a head in the current memory context: who, for whom, why, from where,
 * with which statement.  Reads catalogues.
 */
extern CpEntryHead cp_entry_head(const char *sent, const char *query, ParamListInfo params);

/*
 * Appends one look or command, in as many entries as its children need, and
 * tells the gate.  Sorts children and drops repetitions.  relation may be NULL.
 */
extern void cp_entry_append(const CpEntryHead *head, const char *command,
							const char *relation, bool vault, CpVerdict verdict,
							int64 *children, int nchildren);

/*
 * Records a command of the interface (shield, decide ...) or its refusal.
 * Appends one entry at once; the gate makes it durable before the reply.
 * children may be NULL.  Raises KC006 where no entry can be written.
 */
extern void cp_audit_command(const char *command, const int64 *children,
							 int nchildren, CpVerdict verdict);

/* The same with other words than those that the client sent. */
extern void cp_audit_command_said(const char *said, const char *command, const int64 *children,
								  int nchildren, CpVerdict verdict);

/* ---------- look.c: what comes before an entry about an error ---------- */

/*
 * In PG_CATCH, before anything is recorded: releases what the failing code may
 * hold.  Raises nothing.
 */
extern void cp_release_after_error(void);

/* ---------- command.c: the door of the interface ---------- */

/*
 * In PG_CATCH: records that a call of the interface was refused, then goes on
 * with the error.
 */
CP_NORETURN extern void cp_command_refused(const char *name, const int64 *children, int nchildren,
										   MemoryContext oldcontext);

/* ---------- gate.c: nothing leaves before its entry is durable ---------- */

extern void cp_gate_install(void);

/* An entry up to this position must be durable before the next byte leaves. */
extern void cp_gate_require(XLogRecPtr lsn);

/*
 * Makes all required entries durable now where there is no client, and so no
 * gate, in this process.  Raises KC006 if a synchronous standby does not confirm.
 */
extern void cp_gate_settle(void);

/* The same on this server's disk only: the session ends and waits for nobody. */
extern void cp_gate_flush_locally(void);

/* ---------- journal.c: the append that no ROLLBACK undoes ---------- */

/* columns of contactpoint.journal */
enum
{
	CP_JOURNAL_AT,
	CP_JOURNAL_PID,
	CP_JOURNAL_SEQ,
	CP_JOURNAL_BODY,
	CP_JOURNAL_COLUMNS
};

/*
 * Raises KC006 where the journal cannot be written or reading must wait for the
 * sealer: recovery, lag, no room.
 */
extern void cp_journal_require_writable(void);

/* Why reading must wait, or NULL. */
extern const char *cp_journal_fault(void);

/*
 * Appends one frozen row; visible at once, kept whatever becomes of the
 * transaction.  Returns the end of its WAL record, which cp_gate_require wants.
 */
extern XLogRecPtr cp_journal_append(struct varlena *body);

#endif							/* CP_AUDIT_H */
