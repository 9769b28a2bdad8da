/*-------------------------------------------------------------------------
 *
 * look.c
 *	  Looks, and their entries in the journal.
 *
 *	  While executors run they are on a stack.  Numbers of consulted children
 *	  gather in memory and are appended to the journal
 *	  - when too many have gathered,
 *	  - when the gate is about to let bytes out,
 *	  - when the run ends, with or without an error, or the session with it.
 *	  So outside a run nothing is pending.  What ends in an error is appended
 *	  while the error is on its way up, before anybody can catch it: all that
 *	  the failing code may hold is released first, as a transaction abort
 *	  would.  If even that fails the session ends, and the gate lets nothing
 *	  out.  A look that consulted nothing leaves one entry that says so.
 *
 *	  A look lives in its executor's memory and goes with it.  Lock order: what
 *	  the query holds, then the journal.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"

#include "access/xloginsert.h"
#include "catalog/partition.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "storage/bufmgr.h"
#include "storage/condition_variable.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "look.h"

#define SHOWN_BITS 16384		/* a cursor's memory of children, by hash */

CpRun	   *cp_running = NULL;
bool		cp_look_pending = false;

static CpLook *looks = NULL;
static bool lost = false;		/* what is pending never will be: let nothing
								 * out */

CpLook *
cp_look_find(QueryDesc *queryDesc)
{
	for (CpLook *look = looks; look != NULL; look = look->next)
		if (look->estate == queryDesc->estate)
			return look;
	return NULL;
}

static void
forget_look(void *arg)
{
	CpLook	  **link = &looks;

	while (*link != NULL && *link != arg)
		link = &(*link)->next;
	if (*link != NULL)
		*link = (*link)->next;
}

CpLook *
cp_look_make(QueryDesc *queryDesc)
{
	MemoryContext context = queryDesc->estate->es_query_cxt;
	CpLook	   *look = MemoryContextAllocZero(context, sizeof(CpLook));

	look->estate = queryDesc->estate;
	look->forget.func = forget_look;
	look->forget.arg = look;
	MemoryContextRegisterResetCallback(context, &look->forget);
	look->next = looks;
	looks = look;
	return look;
}

CpConsulted *
cp_look_consulted(CpLook *look, Oid relid)
{
	for (CpConsulted *consulted = look->consulted; consulted != NULL; consulted = consulted->next)
		if (consulted->relid == relid)
			return consulted;
	return NULL;
}

/*
 * Room for what will be consulted of a relation.  Reads catalogues, so it is
 * done when the executor starts.
 */
void
cp_look_expect(CpLook *look, Relation rel, const CpProtected *protected)
{
	CpConsulted *consulted;
	const char *name = RelationGetRelationName(rel);

	if (cp_look_consulted(look, protected->relid) != NULL)
		return;
	if (rel->rd_rel->relispartition)
		name = get_rel_name(get_partition_parent(RelationGetRelid(rel), true));

	/* the first one stays first: it stands for looks that find nothing */
	if (look->consulted == NULL)
		look->consulted = consulted = &look->first;
	else
	{
		consulted = palloc0(sizeof(CpConsulted));
		consulted->next = look->consulted->next;
		look->consulted->next = consulted;
	}
	consulted->look = look;
	consulted->relid = protected->relid;
	consulted->vault = protected->vault;
	consulted->placing = protected->placing;
	namestrcpy(&consulted->name, name);
	consulted->room = CP_FIRST_CHILDREN;
	consulted->children = consulted->first_children;
}

static const char *
current_command(const CpLook *look)
{
	return cp_utility_fetching ? "FETCH" : look->command;
}

static uint32
shown_bit(int64 child)
{
	return hash_bytes((unsigned char *) &child, sizeof(child)) % SHOWN_BITS;
}

/*
 * Sorts and materialised rows may give a cursor more of what it has read.
 */
static void
note_shown(CpLook *look, const CpConsulted *consulted)
{
	if (!look->resumable || !consulted->placing)
		return;
	if (look->shown == NULL)
		look->shown = MemoryContextAllocZero(look->estate->es_query_cxt, SHOWN_BITS / 8);
	for (int i = 0; i < consulted->nchildren; i++)
	{
		uint32		bit = shown_bit(consulted->children[i]);

		look->shown[bit / 8] |= 1 << (bit % 8);
	}
}

/*
 * May the look have read placing rows about the child?
 */
bool
cp_look_may_have_shown(void *look, int64 child)
{
	uint32		bit = shown_bit(child);

	return (((CpLook *) look)->shown[bit / 8] & (1 << (bit % 8))) != 0;
}

/*
 * Appends what has gathered of one relation.
 */
static void
append_consulted(CpLook *look, CpConsulted *consulted, CpVerdict verdict)
{
	note_shown(look, consulted);
	cp_entry_append(&look->head, current_command(look), NameStr(consulted->name),
					consulted->vault, verdict, consulted->children, consulted->nchildren);
	consulted->nchildren = 0;
	consulted->rows = false;
	consulted->noted = true;
	look->recorded = true;
}

/*
 * Appends what a look has gathered.
 */
static void
append_look(CpLook *look, CpVerdict verdict)
{
	for (CpConsulted *consulted = look->consulted; consulted != NULL; consulted = consulted->next)
		if (consulted->rows)
			append_consulted(look, consulted, verdict);
}

/*
 * Appends an entry without children, for a look that has none yet.
 */
static void
append_empty(CpLook *look, CpVerdict verdict)
{
	CpConsulted *first = look->consulted;

	cp_entry_append(&look->head, current_command(look),
					first != NULL ? NameStr(first->name) : NULL,
					false, verdict, NULL, 0);
	look->recorded = true;
}

/*
 * What was consulted cannot be recorded, and may be anywhere by now: in an
 * error, in a variable of a function.
 */
static void
end_session(const char *why)
{
	lost = true;
	ereport(FATAL,
			(errcode(ERRCODE_CP_AUDIT_UNAVAILABLE),
			 errmsg("a look at the registry could not be recorded"),
			 errdetail_log("%s", why),
			 errhint("The session ends and its answer is withheld. See the server log for the reason.")));
}

/*
 * Appends what all running executors have consulted and not yet recorded.
 */
void
cp_capture_append_pending(void)
{
	if (lost)
		end_session("There was no memory left to record it.");
	if (!cp_look_pending)
		return;
	for (CpRun *run = cp_running; run != NULL; run = run->below)
		if (run->look->personal)
			append_look(run->look, CP_VERDICT_DISCLOSED);
	cp_look_pending = false;
}

bool
cp_capture_is_pending(void)
{
	return cp_look_pending || lost;
}

/*
 * Does a running executor below this one have anything pending?
 */
static bool
others_are_pending(void)
{
	for (CpRun *run = cp_running; run != NULL; run = run->below)
		for (CpConsulted *consulted = run->look->consulted; consulted != NULL; consulted = consulted->next)
			if (consulted->rows)
				return true;
	return false;
}

static void
more_memory(CpConsulted *consulted)
{
	Size		size = consulted->room * sizeof(int64);

	if (consulted->children == consulted->first_children)
	{
		consulted->children = MemoryContextAlloc(consulted->look->estate->es_query_cxt, 4 * size);
		memcpy(consulted->children, consulted->first_children, size);
	}
	else
		consulted->children = repalloc(consulted->children, 4 * size);
	consulted->room *= 4;
}

/*
 * Makes room for one more number at least: more memory, or at its limit by
 * dropping repetitions, or by appending if these are few.
 */
void
cp_look_make_room(CpConsulted *consulted)
{
	if (consulted->room < CP_MAX_CHILDREN)
	{
		more_memory(consulted);
		return;
	}
	consulted->nchildren = cp_children_unique(consulted->children, consulted->nchildren);
	if (consulted->nchildren <= CP_MAX_CHILDREN / 2)
		return;
	cp_journal_require_writable();	/* a long scan must not outrun the sealer */
	append_consulted(consulted->look, consulted, CP_VERDICT_DISCLOSED);
}

StaticAssertDecl(CP_FIRST_CHILDREN * 4 * 4 * 4 * 4 * 4 == CP_MAX_CHILDREN,
				 "room grows to exactly CP_MAX_CHILDREN");

/*
 * Releases what failing code may hold, in the order of a transaction abort, so
 * that an append neither waits for it nor meets it half done.
 */
void
cp_release_after_error(void)
{
	LWLockReleaseAll();
	ConditionVariableCancelSleep();
	cp_io_error_cleanup();
	UnlockBuffers();
	XLogResetInsertion();
	LockErrorCleanup();
}

/*
 * Appends what a look has consulted, or that it failed or was refused, while
 * an error is on its way up.  Where that cannot be done the session ends: the
 * error may quote what is not on record, and must not be caught by anybody.
 */
static void
append_despite_error(CpLook *look, CpVerdict verdict)
{
	HOLD_INTERRUPTS();
	PG_TRY();
	{
		if (look->touched != NULL)
			cp_look_consult(look->touched, look->touched_child);
		look->touched = NULL;
		append_look(look, verdict);
		if (!look->recorded)
			append_empty(look, verdict);
		cp_look_pending = others_are_pending();
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(look->estate->es_query_cxt);
		edata = CopyErrorData();
		FlushErrorState();
		end_session(edata->message);
	}
	PG_END_TRY();
	RESUME_INTERRUPTS();
}

/*
 * In PG_CATCH: records the look, then goes on with the error.
 */
void
cp_look_record_and_rethrow(CpLook *look, CpVerdict verdict)
{
	ErrorData  *edata;

	lost = true;				/* until it is appended */
	cp_release_after_error();
	MemoryContextSwitchTo(look->estate->es_query_cxt);
	edata = CopyErrorData();
	FlushErrorState();
	append_despite_error(look, verdict);
	lost = false;
	ReThrowError(edata);
}

/*
 * The session ends, and no error passes its executors: FATAL unwinds nothing.
 * The gate lets nothing out any more, but what code of somebody's has seen may
 * be kept elsewhere, in a sequence say.
 */
static void
append_at_exit(int code, Datum arg)
{
	if (!cp_look_pending || lost)
		return;
	cp_release_after_error();
	MemoryContextSwitchTo(TopMemoryContext);
	for (CpRun *run = cp_running; run != NULL; run = run->below)
		if (run->look->personal)
			append_look(run->look, CP_VERDICT_FAILED);
	cp_look_pending = false;
	cp_gate_flush_locally();
}

/*
 * Runs before the end of the transaction, without which no table can be opened.
 */
void
cp_look_append_at_exit(void)
{
	static bool registered = false;

	if (!registered)
		before_shmem_exit(append_at_exit, (Datum) 0);
	registered = true;
}

/*
 * The end of a run without an error.  finished: no row comes after this; if
 * nothing was found at all, that is said before the answer leaves.
 */
void
cp_look_end_of_run(CpLook *look, bool finished)
{
	if (!look->personal)
		return;
	append_look(look, CP_VERDICT_DISCLOSED);
	cp_look_pending = others_are_pending();
	look->touched = NULL;
	if (finished && look->ran && !look->recorded)
		append_empty(look, CP_VERDICT_NOTHING);
	cp_gate_settle();
}
