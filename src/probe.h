/*-------------------------------------------------------------------------
 *
 * probe.h
 *	  What a search does for one row: candidate.c's own.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CP_PROBE_H
#define CP_PROBE_H

#include "keys.h"
#include "match.h"

/* What a row looks for. */
enum
{
	GUARD_PROBES,
	EASY_PROBES,
	DEEP_PROBES,
	PROBE_LISTS
};

/* One row of a batch and what was found for it, in easy or in deep search. */
typedef struct CpSearchState
{
	const CpPerson *row;
	int64		except;
	CpPrefilter filter;
	int			looks;
	bool		deep;			/* deep search is on, or is done */
	bool		cut[2];			/* a bound was met */
	List	   *found[2];		/* CpCandidate *, easy and deep */
	double		best;			/* of the easy ones */
	uint32		at;				/* of the changes */
	int			delta;			/* records of the delta from this number on
								 * have not been looked at */
	CpProbe    *probes[PROBE_LISTS];	/* NULL until they are asked for */
	int			nprobes[PROBE_LISTS];
	int			nshown[2];		/* of found, whose keys are noted */
	int32	   *keys;			/* probed */
	int			nkeys;
	int			keys_size;
} CpSearchState;

/* Nothing is found yet, nothing has been looked for. */
extern CpSearchState *cp_search_state_create(const CpPerson *row, int64 except);

/*
 * Makes the probes of a list, once a row, and notes their keys as the row's; deep
 * search depends on words spelt like the row's, whose keys are noted too.
 */
extern void cp_search_make_probes(CpSearchState *state, int list, bool always);

/* Notes the records that were found since as keys of the row. */
extern void cp_search_note_found(CpSearchState *state);

/* Is an entry that a probe leads to worth a look at its record?  guarded: one of guard_key. */
extern bool cp_search_passes(CpSearchState *state, bool guarded, CpBlock block, DateADT birth,
							 int32 given, int32 family, int64 traits);

/*
 * Does a probe of the row lead to a record as it is?  Entries of an index stay until
 * vacuum, so one may have led there by what the record was.
 */
extern bool cp_search_leads_to(CpSearchState *state, const CpPerson *record);

#endif							/* CP_PROBE_H */
