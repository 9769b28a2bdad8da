/*-------------------------------------------------------------------------
 *
 * contactpoint.h
 *	  What the files of the extension promise to each other, grouped by the
 *	  file that defines it, in the order in which data flows: upload,
 *	  registry, vault.  Others have headers of their own: audit.h (who looks,
 *	  and what is recorded of it), model.h, keys.h, match.h, settle.h, batch.h
 *	  and details.h (whom a row is about, and what becomes of it), ledger.h.
 *
 *	  SQL entry points (PG_FUNCTION_INFO_V1, named contactpoint_*) are not
 *	  declared here: only SQL calls them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CONTACTPOINT_H
#define CONTACTPOINT_H

#include "access/htup.h"
#include "access/skey.h"
#include "access/tupdesc.h"
#include "access/xlogdefs.h"
#include "datatype/timestamp.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "nodes/nodes.h"
#include "nodes/params.h"
#include "nodes/pg_list.h"
#include "port/atomics.h"
#include "utils/date.h"
#include "utils/palloc.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

#include "compat.h"
#include "errors.h"
#include "model.h"

#define CP_SCHEMA "contactpoint"

/* ---------- contactpoint.c: loading ---------- */

/* Raises KC008 with a hint unless the library is preloaded. */
extern void cp_require_preloaded(void);

/* ---------- shared.c: what the processes of a database tell each other ---------- */

typedef enum CpWorkerKind
{
	CP_WORKER_MATCHER,
	CP_WORKER_SEALER,
	CP_WORKER_JOBS,				/* only while there is a job */
	CP_WORKER_HELPER,			/* further matchers, only with a backlog */
	CP_WORKER_LAST_HELPER = CP_WORKER_HELPER + 2,
	CP_WORKER_KINDS
} CpWorkerKind;

/* What takes long, over all of the inbox or the registry. */
typedef enum CpJob
{
	CP_JOB_SETTLE,
	CP_JOB_SWEEP,
	CP_JOB_REKEY,
	CP_JOBS
} CpJob;

/* how far a job is; under cp_shared_lock() */
typedef struct CpProgress
{
	TimestampTz started_at;		/* of the run now going on or the last, 0:
								 * none since the server started */
	TimestampTz finished_at;	/* 0 while it goes on */
	int64		from;			/* done before this run */
	int64		done;
	int64		total;			/* 0: not known */
	uint64		wanted;			/* number of the latest call for it */
	uint64		answered;		/* calls up to this one have been carried out */
} CpProgress;

/* under cp_shared_lock(); pid 0: it does not run */
typedef struct CpSharedWorker
{
	pid_t		pid;
	struct Latch *latch;
	bool		stop;
} CpSharedWorker;

#define CP_MAX_MATCHERS (1 + CP_WORKER_LAST_HELPER - CP_WORKER_HELPER + 1)

/* rows that a matcher is at; under cp_shared_lock() */
typedef struct CpClaim
{
	uint64		ticket;			/* 0: none */
	int64		last;			/* its last row */
	bool		is_void;
	struct Latch *latch;
} CpClaim;

typedef struct CpSharedDatabase
{
	Oid			database;		/* InvalidOid: free */
	CpSharedWorker workers[CP_WORKER_KINDS];
	CpProgress	progress[CP_JOBS];
	CpClaim		claims[CP_MAX_MATCHERS];
	uint64		next_ticket;
	pg_atomic_uint64 unsealed;	/* bytes in the journal, int64 */
	pg_atomic_uint64 sealer_seen;	/* TimestampTz: when it last got on */
	pg_atomic_uint64 refused;	/* looks refused since the server started */
	pg_atomic_uint64 append_failed; /* 1: the last append failed */
	int			sealer_error;	/* SQLSTATE it met last, 0: none since */
	bool		limits_primed;	/* the day's disclosures are counted */
	TransactionId shielded_xid; /* the latest that left dead rows in open
								 * leaves; invalid: they are vacuumed */
	TimestampTz tidied_at;		/* when they were vacuumed last */
	bool		tidy_looked;	/* for shields from before the server started */
} CpSharedDatabase;

extern void cp_shared_init(void);
extern struct LWLock *cp_shared_lock(void);

/* The slot of a database, or NULL.  The caller holds the lock. */
extern CpSharedDatabase *cp_shared_find(Oid database);

/*
 * The slot of this process's own database; made if need be.  Needs a
 * transaction the first time.  Raises KC006 where there is no room.
 */
extern CpSharedDatabase *cp_shared_database(void);

/*
 * Around an append to the journal.  The first gives the entry's time; the
 * second must follow, also after an error.
 */
extern TimestampTz cp_shared_append_begin(void);
extern void cp_shared_append_end(void);

/* A moment before which no entry will be appended any more. */
extern TimestampTz cp_shared_append_horizon(void);

/* ---------- tidy.c: what a shield leaves behind is vacuumed ---------- */

/* This transaction moves details into the vault. */
extern void cp_tidy_note(void);

/* In a worker: the first in a transaction, the second outside of one. */
extern bool cp_tidy_is_due(void);
extern void cp_tidy(void);

/* ---------- worker.c: matcher and sealer as processes ---------- */

extern void cp_worker_init(void);

/* Starts this database's worker unless it runs. */
extern void cp_worker_ensure(CpWorkerKind kind);
extern void cp_worker_wake(CpWorkerKind kind);

/* Makes the workers of a database leave, for DROP or CREATE DATABASE. */
extern void cp_worker_stop(Oid database);

/* For the workers themselves; see worker.c. */
extern void cp_worker_begin(CpWorkerKind kind, Datum arg);
extern bool cp_worker_told_to_stop(void);
extern void cp_worker_sleep(int milliseconds);
extern MemoryContext cp_worker_vacuum_context(void);
extern int	cp_worker_recover(MemoryContext context);
extern bool cp_worker_has_registry(void);

/* ---------- progress.c: how far the long jobs are ---------- */

/*
 * A run begins (total 0: not known), gets on by so many more, ends.  From any
 * process of the database, for the view progress and the notices of whoever
 * waits; cheap enough for every batch, not for every row.
 */
extern void cp_progress_start(CpJob job, int64 done, int64 total);
extern void cp_progress_add(CpJob job, int64 more);
extern void cp_progress_finish(CpJob job);

extern CpProgress cp_progress_read(CpJob job);

/* For a notice: done, total, rate, how long it may still take; palloc'd. */
extern char *cp_progress_text(const CpProgress *progress);

/* ---------- jobs.c, with sweep.c and rekeying.c: what goes over the whole registry ---------- */

/* Starts the worker where a job is not finished.  For the matcher, when idle. */
extern void cp_jobs_resume(void);

/*
 * One batch of a job, in the transaction of the caller, as own work, between
 * SPI_connect and SPI_finish: at most limit records with numbers above
 * *reached, which is moved on.  Returns how many; 0: there are no more.
 */
extern int	cp_sweep_batch(int64 *reached, int limit);
extern int	cp_rekeying_batch(int64 *reached, int limit);

/* The first and the last thing of a run, under the same conditions. */
extern void cp_rekeying_begin(void);
extern void cp_rekeying_end(void);

/* ---------- row.c: a row as triggers see it ---------- */

/* Raises KC009 unless called as a trigger. */
extern struct TriggerData *cp_require_trigger(FunctionCallInfo fcinfo);

/* A text column in the current memory context, or NULL. */
extern char *cp_row_text(HeapTuple tuple, TupleDesc desc, int attno);

/* Is a text this string, byte for byte? */
extern bool cp_is_text(Datum value, const char *string);

/* A key for a text column of a table or index, in that column's collation. */
extern void cp_text_key(ScanKey key, Relation rel, int column, Datum text);

/* Raises KC007: the fault, the column and a hint, never the value. */
CP_NORETURN extern void cp_row_refuse(const char *table, const char *column, const char *fault,
									  const char *hint);

/* ---------- settings.c: contactpoint.* settings ---------- */

typedef enum CpDurability
{
	CP_DURABILITY_FLUSH,		/* on disk before the first byte leaves */
	CP_DURABILITY_ASYNC			/* a server crash may lose the last entries */
} CpDurability;

extern int	cp_reason_minutes;	/* life of a session's reason, minutes */
extern int	cp_open_minutes;	/* life of an opened record, minutes */
extern int	cp_override_timeout;	/* the same without a grant, seconds */
extern int	cp_hold_buffer;		/* bytes held back before a flush, kB */
extern int	cp_audit_durability;	/* a CpDurability */
extern char *cp_databases;		/* databases whose workers start with the
								 * server, comma separated */
extern int	cp_matcher_workers; /* matchers of a database */
extern int	cp_settle_batch;	/* rows a matcher settles in a transaction */
extern int	cp_audit_months;	/* of the audit that must stay */
extern int	cp_journal_limit;	/* of the journal that waits to be sealed, kB */
extern int	cp_seal_batch;		/* entries the sealer seals in a transaction */
extern int	cp_seal_interval;	/* between two looks at the journal, ms */
extern int	cp_seal_timeout;	/* the sealer may not get on, seconds */
extern int	cp_review_days;		/* days until a review is due */
extern int	cp_held_share_limit;	/* percent of rows that may be held */
extern int	cp_held_share_rows; /* of so many in a row */
extern int	cp_max_disclosure;	/* children a statement, 0: no limit */
extern int	cp_max_disclosure_day;	/* children a day, 0: no limit */
extern bool cp_restoring;		/* a superuser has announced a restore */
extern bool cp_allow_drop;		/* the registry may be changed and dropped */
extern double cp_match_threshold;	/* bits at which a row may be attached */
extern double cp_possible_threshold;	/* bits from which a row is held */
extern double cp_guard_threshold;	/* the same near a shielded child */
extern double cp_match_margin;	/* bits over the second candidate */

extern void cp_settings_init(void);

/*
 * The reason in force, or NULL: set by SET (not by ALTER ROLE, ALTER DATABASE
 * or the connection), by the role now in force, in this transaction or less
 * than contactpoint.reason_minutes before the client's statement began.
 */
extern const char *cp_reason(void);

/* ---------- log.c: nothing personal in the server log ---------- */

extern void cp_log_init(void);

/*
 * Has this database a registry?  Errors go to the log without what may quote a
 * record, unless it is known that there is none.
 */
extern void cp_log_registry(bool present);

/* ---------- own_work.c: what the extension does on its own account ---------- */

/*
 * Between begin and end the extension's own statements run as the owner of the
 * extension and are no look by a person: capture, vault guard and duplicate
 * guard stand aside.  Calls nest.  Use PG_TRY/PG_FINALLY around the work.
 */
typedef struct CpOwnWork
{
	Oid			save_userid;
	int			save_context;
	int			guc_level;
} CpOwnWork;

extern void cp_own_work_begin(CpOwnWork *work);
extern void cp_own_work_end(const CpOwnWork *work);
extern bool cp_in_own_work(void);

/*
 * The bigint that a query comes to, as own work with the latest snapshot; 0 where
 * there is no row, or null.
 */
extern int64 cp_own_number(const char *query, int nargs, Oid *types, Datum *values);

/* Is the extension's own script running? */
extern bool cp_in_own_script(void);

extern void cp_own_work_init(void);

/* ---------- protect.c: which relations are protected ---------- */

typedef enum CpSubject
{
	CP_SUBJECT_NONE,			/* protected, but rows name no child */
	CP_SUBJECT_CHILD,			/* bigint child_id */
	CP_SUBJECT_CANDIDATES		/* bigint[] candidates */
} CpSubject;

typedef enum CpGuard
{
	CP_GUARD_NONE,
	CP_GUARD_VAULT,				/* guard on child_id: opened by me? */
	CP_GUARD_REVIEW				/* guard on authority: of my organisation? */
} CpGuard;

typedef struct CpProtected
{
	Oid			relid;			/* hash key */
	bool		is_protected;
	CpSubject	subject;
	AttrNumber	subject_attno;	/* 0 where subject is none */
	CpGuard		guard;
	AttrNumber	guard_attno;	/* 0 where guard is none */
	bool		vault;			/* a vault leaf */
	bool		placing;		/* a shield hides its rows */
} CpProtected;

/* NULL where relid is no protected table.  Needs a transaction; no lock. */
extern const CpProtected *cp_protect_lookup(Oid relid);

/* A protected relation that a range table names, or InvalidOid; no permissions are asked. */
extern Oid	cp_protect_named(const List *rtable);

/*
 * Counts invalidations of relations and schemas.  What was read of them stays
 * true as long as it does not move.  Needs a look-up before.
 */
extern uint64 cp_protect_changes(void);

/* OID of contactpoint.name (table, view or index), or InvalidOid. */
extern Oid	cp_relation_oid(const char *name);

/* OID of the function contactpoint.name with these argument types; ERROR if absent. */
extern Oid	cp_function_oid(const char *name, int nargs, const Oid *argtypes);

/* OID of the extension in this database, or InvalidOid. */
extern Oid	cp_extension_oid(void);

/* OID of the role that owns the extension; ERROR if it is not installed. */
extern Oid	cp_extension_owner(void);

/* ---------- standing.c: how near an object is to the registry ---------- */

typedef enum CpStanding
{
	CP_STRANGER,
	CP_TRUSTED,					/* the registry's own code relies on it */
	CP_ADDED,					/* lies in its schema, made by no script */
	CP_OWN						/* the registry as the script made it */
} CpStanding;

/* Asked while a command works on the object: as it was and as it will be. */
extern CpStanding cp_standing(Oid class_id, Oid object_id);

/* By its row as it was alone, where its surroundings cannot be seen yet. */
extern CpStanding cp_standing_by_row(Oid class_id, Oid object_id);

/* ---------- publication.c ---------- */

/* Does a publication, as the running command has left it, take in the registry? */
extern bool cp_publishes_registry(Oid publication);

/* ---------- refuse.c: what may not be done to the registry ---------- */

/*
 * Raises KC009 for statements that core's object events do not tell of; records
 * what a superuser does who has set contactpoint.allow_drop.
 */
extern void cp_refuse_statement(Node *statement, bool part_of_other);

extern void cp_refuse_init(void);

/* ---------- caller.c: what is known of the role in force ---------- */

typedef struct CpCaller
{
	Oid			role;			/* InvalidOid: nothing */
	uint64		version;		/* another one whenever it is read anew */
	bool		has_account;
	bool		suspended;
	bool		organisation_open;
	bool		bypasses;		/* row security */
	bool		limited;		/* in how many children it looks at */
	DateADT		trained_until;
	DateADT		checked_until;
	int64		organisation;
} CpCaller;

/* Good until the next question.  ERROR where the role is gone. */
extern const CpCaller *cp_caller(void);

/* Is no restore waiting for validate_restore()? */
extern bool cp_is_validated(void);

/* ---------- authority.c: may this person, now? ---------- */

/* Today in UTC. */
extern DateADT cp_today(void);

/* Organisation of the caller's account, 0 where there is none. */
extern int64 cp_caller_organisation(void);

/* The role in force (SET ROLE, else the session user), never a definer's. */
extern Oid	cp_caller_role(void);

/* Is the caller a superuser by log-in (and not by a definer function)? */
extern bool cp_caller_is_superuser(void);

/* Is the caller a member of the named group role?  Superusers are. */
extern bool cp_caller_has_role(const char *group);

/*
 * Raises KC002 where the caller's account, or its organisation, is not
 * current.  Superusers pass.
 */
extern void cp_require_account(void);

/*
 * Everything a look at protected rows needs: account (KC002), no BYPASSRLS
 * (KC003), reason (KC001), no restore under way (KC011).  Superusers need
 * neither account nor reason.
 */
extern void cp_require_reader(void);

/* Raises KC003 where the caller reads a table by somebody else's right only. */
extern void cp_require_own_right(Oid relid);

/* Has this superuser announced that the session restores a dump? */
extern bool cp_is_restoring(void);

/* Raises KC011 while a restore waits for validate_restore(). */
extern void cp_require_validated(void);

/* May the caller manage records of this organisation (0: of nobody)? */
extern bool cp_caller_manages(int64 organisation_id);

/* The same of a child's responsible authority.  Runs own work. */
extern bool cp_caller_manages_child(int64 child_id);

/* ---------- opened.c: vault records opened by this session ---------- */

/*
 * Drops what is over: time (KC010, once), role changed, grant revoked since.
 * Called once at the start of a statement that reads protected rows; may run
 * own work.
 */
extern void cp_opened_refresh(void);

/* The session belongs to another role now: closes what others have opened. */
extern void cp_opened_close_others(void);

/* Has the role in force opened this child's record, and not closed it since? */
extern bool cp_opened_is_open(int64 child_id);

/* DISCARD ALL: close every record. */
extern void cp_opened_close_all(void);

/* ---------- recent.c: shielded since a snapshot was taken ---------- */

/* a shielding that a snapshot does not see */
typedef struct CpUnseen
{
	int64		child_id;
	TransactionId xid;
} CpUnseen;

/* what a look keeps; zeroed, then cp_recent_begin */
typedef struct CpRecent
{
	Snapshot	snapshot;
	MemoryContext context;		/* for what follows */
	uint64		changes;		/* of the shared set, when this was worked out */
	bool		blind;			/* there may be more */
	int			n;
	CpUnseen   *unseen;			/* by child_id */
} CpRecent;

/* This transaction shields a child; hidden from older snapshots from its commit. */
extern void cp_recent_add(int64 child_id);

extern void cp_recent_begin(CpRecent *recent, Snapshot snapshot, MemoryContext context);

/* Is a placing row about this child hidden by now?  May raise 40001. */
extern bool cp_recent_hides(CpRecent *recent, int64 child_id);

/* The same of any child of which the callback says that it was shown. */
extern bool cp_recent_hides_any(CpRecent *recent, bool (*shown) (void *, int64), void *argument);

/* Raises 40001 where the transaction's snapshot is older than a shield. */
extern void cp_recent_require_fresh(void);

extern void cp_recent_init(void);

/* ---------- news.c: what a commit changed that a matcher may have read ahead ---------- */

extern Size cp_news_size(void);
extern void cp_news_attach(void);

/* The matching lock was taken: at commit matchers are told. */
extern void cp_news_lock_taken(void);

/* ---------- matcher.c: the worker ---------- */

/* Wakes this database's matcher at commit; starts it unless it runs. */
extern void cp_matcher_wake_at_commit(void);

/* ---------- children.c: numbers in order ---------- */

#define CP_MAX_CHILDREN 8192	/* numbers that a look gathers at most */

/* Sorts and drops repetitions; returns how many are left. */
extern int	cp_children_unique(int64 *numbers, int nchildren);

/* ---------- child_number.c ---------- */

extern bool cp_child_number_valid(int64 child_id);
extern void cp_child_numbers_random(int64 *numbers, int n);

/* ---------- utility.c ---------- */

/* what the utility command now running may not do with protected tables */
typedef enum CpForbidden
{
	CP_FORBIDDEN_NOTHING,
	CP_FORBIDDEN_HOLD,			/* DECLARE CURSOR ... WITH HOLD */
	CP_FORBIDDEN_FILE,			/* COPY ... TO a file or program */
	CP_FORBIDDEN_COUNTING		/* EXPLAIN ANALYZE, of the vault */
} CpForbidden;

extern CpForbidden cp_utility_forbidden;

/* FETCH or MOVE is running */
extern bool cp_utility_fetching;

/* the utility command now running, NULL where there is none */
extern Node *cp_utility_running;

extern void cp_utility_init(void);

#endif							/* CONTACTPOINT_H */
