/*-------------------------------------------------------------------------
 *
 * look.h
 *	  What the files that record looks share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CP_LOOK_H
#define CP_LOOK_H

#include "executor/execdesc.h"
#include "utils/rel.h"

#include "audit.h"

#define CP_FIRST_CHILDREN 8		/* room for numbers at first */

/* what a look has consulted of one relation and not yet recorded */
typedef struct CpConsulted
{
	struct CpLook *look;
	struct CpConsulted *next;
	Oid			relid;
	NameData	name;			/* of the table, of a leaf its parent's */
	bool		vault;
	bool		placing;		/* a shield hides its rows */
	bool		rows;			/* rows were consulted, with or without number */
	bool		noted;			/* there is an entry about the relation */
	int			nchildren;
	int			room;
	int64	   *children;
	int64		first_children[CP_FIRST_CHILDREN];
} CpConsulted;

/* one executor that scans protected relations */
typedef struct CpLook
{
	MemoryContextCallback forget;	/* when the executor's memory goes */
	struct CpLook *next;		/* in the list of all */
	EState	   *estate;
	bool		personal;		/* else own work: nothing is recorded */
	bool		ran;
	bool		recorded;		/* there is an entry */
	bool		limited;		/* in how many children it discloses */
	bool		heeds_shields;	/* also such as its snapshot does not see */
	bool		resumable;		/* a cursor: what it has shown is noted */
	bool		system_column;	/* the statement names one */
	const char *command;
	CpEntryHead head;
	CpConsulted *consulted;
	CpConsulted *touched;		/* an error now may quote a row of this, or
								 * NULL, */
	int64		touched_child;	/* about this child */
	CpKept	   *kept;			/* what a cursor has disclosed, or NULL */
	CpRecent	recent;			/* shielded since its snapshot was taken */
	uint8	   *shown;			/* bits by hash: children of placing rows that
								 * a cursor has read; NULL: none */
	CpConsulted first;			/* most looks need no other */
} CpLook;

/* an executor that is running */
typedef struct CpRun
{
	struct CpRun *below;
	CpLook	   *look;
} CpRun;

/* ---------- look.c: looks, and their entries ---------- */

extern CpRun *cp_running;		/* the stack of running executors */
extern bool cp_look_pending;	/* something consulted is not recorded */

/* The look of an executor, or NULL. */
extern CpLook *cp_look_find(QueryDesc *queryDesc);

/* A look that lives in the executor's memory and goes with it. */
extern CpLook *cp_look_make(QueryDesc *queryDesc);

/* Room for what will be consulted of a relation; reads catalogues. */
extern void cp_look_expect(CpLook *look, Relation rel, const CpProtected *protected);

/* What is consulted of a relation, or NULL. */
extern CpConsulted *cp_look_consulted(CpLook *look, Oid relid);

/* Makes room for one more number at least; may append to the journal. */
extern void cp_look_make_room(CpConsulted *consulted);

/* May the look, a cursor's, have read placing rows about the child? */
extern bool cp_look_may_have_shown(void *look, int64 child);

/* The end of a run without an error; finished: no row comes after this. */
extern void cp_look_end_of_run(CpLook *look, bool finished);

/* In PG_CATCH: records the look, then goes on with the error. */
extern void cp_look_record_and_rethrow(CpLook *look, CpVerdict verdict);

/* What is pending when the session ends is recorded before the transaction ends. */
extern void cp_look_append_at_exit(void);

/* Notes a child whose row is consulted. */
static inline void
cp_look_consult(CpConsulted *consulted, int64 child)
{
	if (consulted->nchildren > 0 &&
		consulted->children[consulted->nchildren - 1] == child)
		return;
	if (consulted->nchildren == consulted->room)
		cp_look_make_room(consulted);
	consulted->children[consulted->nchildren++] = child;
	consulted->rows = true;
	cp_look_pending = true;
}

/* ---------- permission.c: may this person look? ---------- */

/* Does the statement name a system column of a protected relation? */
extern bool cp_permission_system_column(const PlannedStmt *plan);

/* May this person look, now, in this way?  An error where not. */
extern void cp_permission_require(const CpLook *look, const PlannedStmt *plan);

/* ---------- executor.c: executors that scan protected relations ---------- */

extern void cp_executor_init(void);

#endif							/* CP_LOOK_H */
