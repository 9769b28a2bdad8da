/*-------------------------------------------------------------------------
 *
 * decision.c
 *	  What is to become of an uploaded row: match, new, or held for a person.
 *
 *	  match	needs the score, an equal birth date or identifier, a lead over the
 *			second candidate and a given name that does not speak against it;
 *			name and address alone never do.
 *	  hold	where some record may be this child, at a far lower score where the
 *			record is shielded or has a hidden name, and where a row says too
 *			little to tell.
 *	  new	otherwise.
 *
 *	  A row that brings a name or a number which leads to another record than
 *	  its own is held (brought.c).
 *
 *	  Invariants: a row near a shielded child never comes out as new for a slip
 *	  in one fact; reasons are constant text and say nothing about a record;
 *	  what is decided depends on the row and the registry, on no setting of a
 *	  session.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "match.h"

#define MAX_SHOWN 10
#define LEADS_ELSEWHERE "a name or number of the row leads to another record"
#define PARTED "its reference was parted from a shielded record"

/* Columns of source_link. */
enum
{
	LINK_SOURCE = 1,
	LINK_SOURCE_REF,
	LINK_CHILD
};

/*
 * Has the row's source sent this child under another reference?  Reads with
 * the latest snapshot.
 */
static bool
same_source(const CpReference *reference, int64 child_id)
{
	Snapshot	snapshot;
	Relation	rel;
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple	tuple;
	bool		result = false;

	if (reference == NULL || reference->source == NULL || reference->source_ref == NULL)
		return false;
	if (cp_settle_links(child_id, reference->source, reference->source_ref))
		return true;
	snapshot = cp_latest_snapshot();
	rel = table_open(cp_relation_oid("source_link"), AccessShareLock);
	ScanKeyInit(&key, LINK_CHILD, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(child_id));
	scan = systable_beginscan(rel, cp_relation_oid("source_link_child_id_idx"), true, snapshot, 1, &key);
	while (!result && HeapTupleIsValid(tuple = systable_getnext(scan)))
		result = strcmp(cp_row_text(tuple, RelationGetDescr(rel), LINK_SOURCE), reference->source) == 0 &&
			strcmp(cp_row_text(tuple, RelationGetDescr(rel), LINK_SOURCE_REF), reference->source_ref) != 0;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	UnregisterSnapshot(snapshot);
	return result;
}

/* Why the row says too little to make a record of it, or more than is compared; NULL if it does not. */
static const char *
too_little(const CpPerson *row)
{
	/* a record is made of the row's own name only */
	const CpName *name = row->nnames > 0 && !row->names[0].hidden ? &row->names[0] : NULL;
	bool		initials = true;

	if (!row->has_birth)
		return row->birth_year == 0 ? "too little data: no date of birth" :
			"too little data: no full date of birth";
	if (name == NULL || name->ngiven == 0)
		return "too little data: no given name";
	if (name->nfamily == 0)
		return "too little data: no family name";
	for (int i = 0; i < name->ngiven; i++)
	{
		const CpWord *word = cp_dictionary_word(name->given[i]);

		initials &= word != NULL && word->length == 1;
	}
	if (initials)
		return "too little data: given name is an initial";
	/* the child's own may be among those that are left out */
	if (row->names_cut)
		return "the row has more names than are compared";
	return NULL;
}

/* The source tells them apart: it has sent them under separate references. */
static bool
told_apart_by_source(const CpPerson *row, const CpCandidate *candidate,
					 const CpReference *reference)
{
	return cp_may_be_told_apart(row, candidate) && same_source(reference, candidate->child_id);
}

/*
 * Shielded candidates are shown beyond the bound: whose review it is depends
 * on them.
 */
static void
show(CpDecision *decision, CpCandidate *candidate)
{
	ListCell   *cell;

	foreach(cell, decision->candidates)
	{
		if (((CpCandidate *) lfirst(cell))->child_id == candidate->child_id)
			return;
	}
	decision->shielded |= cp_is_shielded(candidate);
	decision->hidden_name |= candidate->nearness == CP_NEAR_ALIAS;
	if (list_length(decision->candidates) < MAX_SHOWN ||
		(cp_is_shielded(candidate) && list_length(decision->candidates) < 2 * MAX_SHOWN))
		decision->candidates = lappend(decision->candidates, candidate);
}

/*
 * Of two numbers of one child a review names the first (_shown()): of a row that
 * bears the former name the former one, whatever else it says.
 */
static void
show_former_first(CpDecision *decision)
{
	List	   *former = NIL;
	List	   *others = NIL;
	ListCell   *cell;

	foreach(cell, decision->candidates)
	{
		if (cp_bears_former_name(lfirst(cell)))
			former = lappend(former, lfirst(cell));
		else
			others = lappend(others, lfirst(cell));
	}
	decision->candidates = list_concat(former, others);
}

/*
 * Must a row not be attached to the best record because of another one?  A
 * number of that one would come to two records; near a shielded child or a
 * hidden name an open record, which anybody may have sent, wins nothing; nor
 * does a hidden name against one that has it as its own; and a row that bears a
 * former name goes nowhere by itself.
 */
static bool
another_forbids(const CpPerson *row, const CpCandidate *best, List *possible)
{
	ListCell   *cell;

	foreach(cell, possible)
	{
		CpCandidate *other = lfirst(cell);

		if (other != best &&
			(other->identifier_equal || (!cp_is_shielded(best) && cp_is_guarded(other)) ||
			 cp_bears_former_name(other) ||
			 (cp_is_guarded(other) && other->given_agrees && other->family_agrees &&
			  !cp_shows_name(row, best->child_id) && cp_shows_name(row, other->child_id))))
			return true;
	}
	return false;
}

static void
decide_match(CpDecision *decision, CpCandidate *candidate, const CpPerson *record)
{
	decision->outcome = CP_OUTCOME_MATCH;
	decision->child_id = candidate->child_id;
	decision->record = record;
	decision->score = candidate->score;
	decision->reason = NULL;
	decision->candidates = list_make1(candidate);
	decision->shielded = cp_is_shielded(candidate);
	decision->hidden_name = candidate->nearness == CP_NEAR_ALIAS;
}

/*
 * Near a hidden name people are told the score of the public one: the other would
 * climb with each letter that is guessed.
 */
static void
score_openly(CpDecision *decision, const CpPerson *row)
{
	const CpCandidate *first = linitial(decision->candidates);
	CpCandidate shown;

	decision->score = cp_compare_openly(row, first->child_id, &shown) ? shown.score : 0;
}

/* The record of a reference, compared with a row that came under it. */
static CpCandidate *
compare_linked(const CpPerson *row, const CpReference *reference, CpPerson **record)
{
	CpCandidate *linked;

	*record = cp_person_fetch(reference->linked_child);
	if (*record == NULL)
		return NULL;
	linked = palloc0(sizeof(CpCandidate));
	cp_score(row, *record, linked);
	return linked;
}

static bool
is_linked(const CpReference *reference)
{
	return reference != NULL && reference->linked_child != 0;
}

/* Compared with the record, would a row under its reference go to it if nothing spoke for another? */
static bool
plainly_fits(const CpPerson *row, const CpCandidate *linked)
{
	return linked->nearness != CP_NEAR_FORMER && linked->birth_equal && linked->given_slip && linked->family_agrees &&
		!linked->identifier_differs && cp_still_fits(row, linked);
}

bool
cp_plainly_means(const CpPerson *row, const CpPerson *record)
{
	CpCandidate linked = {0};

	if (cp_brings_something(row, record))
		return false;
	cp_score(row, record, &linked);
	return plainly_fits(row, &linked);
}

/*
 * A row that says what a person has decided before, or a known reference that
 * plainly goes on meaning its child and brings nothing that leads elsewhere; NULL
 * where other records must be looked for.
 */
CpDecision *
cp_decide_known(const CpPerson *row, const CpReference *reference)
{
	CpDecision *decision = cp_decide_remembered(row, reference);
	CpCandidate *linked;
	CpPerson   *record;

	if (decision != NULL || !is_linked(reference))
		return decision;
	linked = compare_linked(row, reference, &record);
	if (linked == NULL || !plainly_fits(row, linked) || cp_leads_elsewhere(row, record, true) != NIL)
		return NULL;
	decision = palloc0(sizeof(CpDecision));
	decide_match(decision, linked, record);
	return decision;
}

static void
show_possible(CpDecision *decision, List *candidates)
{
	ListCell   *cell;

	foreach(cell, candidates)
	{
		CpCandidate *candidate = lfirst(cell);

		if (cp_is_possible(candidate))
			show(decision, candidate);
	}
}

static void
show_all(CpDecision *decision, List *candidates)
{
	ListCell   *cell;

	foreach(cell, candidates)
		show(decision, lfirst(cell));
}

/* A row under a known reference: its child, or held.  The others do not have it. */
static void
decide_linked(CpDecision *decision, const CpPerson *row, const CpReference *reference,
			  List *others)
{
	CpPerson   *record;
	CpCandidate *linked = compare_linked(row, reference, &record);
	CpCandidate *other = others != NIL ? linitial(others) : NULL;
	List	   *elsewhere = NIL;

	if (linked != NULL)
	{
		decision->score = linked->score;
		elsewhere = cp_leads_elsewhere(row, record, true);
	}
	if (linked == NULL || linked->nearness == CP_NEAR_FORMER)
		decision->reason = "the record of the reference is gone";
	else if (!cp_still_fits(row, linked))
		decision->reason = "neither name nor birth date of the reference agree";
	else if (other != NULL && cp_may_match(other) && other->score >= linked->score + cp_match_margin)
		decision->reason = "another record fits the row better than that of its reference";
	else if (elsewhere != NIL)
		decision->reason = LEADS_ELSEWHERE;
	else
	{
		decide_match(decision, linked, record);
		return;
	}
	/* a row that does not bear the former name is about the present one */
	if (linked != NULL && linked->nearness == CP_NEAR_FORMER && other != NULL && other->score > linked->score)
		show_possible(decision, others);
	if (linked != NULL)
		show(decision, linked);
	show_all(decision, elsewhere);
	show_possible(decision, others);
}

/* Too little data: somebody has to look for the child, so show what there is. */
static void
show_distant(CpDecision *decision, List *candidates)
{
	ListCell   *cell;

	foreach(cell, candidates)
	{
		CpCandidate *candidate = lfirst(cell);

		if (candidate->score >= cp_guard_threshold)
			show(decision, candidate);
	}
}

/* A row under a reference that nobody knows. */
static void
decide_unlinked(CpDecision *decision, const CpPerson *row, const CpReference *reference,
				const CpFound *found)
{
	List	   *parted = cp_parted_from_shielded(row, reference == NULL ? NULL : reference->memory);
	List	   *possible = NIL;
	List	   *elsewhere = NIL;
	CpCandidate *best = NULL;
	CpCandidate *second = NULL;
	bool		forbidden = false;
	ListCell   *cell;

	foreach(cell, found->candidates)
	{
		CpCandidate *candidate = lfirst(cell);

		if (!cp_is_possible(candidate) || told_apart_by_source(row, candidate, reference))
			continue;
		possible = lappend(possible, candidate);
		if (best == NULL)
			best = candidate;
		else if (second == NULL)
			second = candidate;
	}

	if (best != NULL)
		decision->score = best->score;
	if (best != NULL && parted == NIL && cp_may_match(best) &&
		(second == NULL || best->score >= second->score + cp_match_margin) &&
		(best->given_equal || !same_source(reference, best->child_id)) &&
		(best->nearness != CP_NEAR_EXPECTED || too_little(row) == NULL))
	{
		CpPerson   *record = cp_person_fetch(best->child_id);

		forbidden = another_forbids(row, best, possible);
		if (record != NULL && !forbidden)
			elsewhere = cp_leads_elsewhere(row, record, false);
		if (!forbidden && elsewhere == NIL)
		{
			decide_match(decision, best, record);
			return;
		}
	}

	show_all(decision, parted);
	show_all(decision, possible);
	show_all(decision, elsewhere);
	decision->reason = too_little(row);
	if (decision->reason != NULL)
		show_distant(decision, found->candidates);
	else if (parted != NIL)
		decision->reason = PARTED;
	else if (best != NULL && elsewhere != NIL)
		decision->reason = LEADS_ELSEWHERE;
	else if (best != NULL && (forbidden || (cp_may_match(best) && second != NULL &&
											best->score < second->score + cp_match_margin)))
		decision->reason = "more than one record fits";
	else if (best != NULL)
		decision->reason = "may be a known child";
	else if (found->cut)
		decision->reason = "too many records are similar";
	else
		decision->outcome = CP_OUTCOME_NEW;
}

/* What was found, without the children that a person has parted it from. */
static CpFound
without_parted(const CpFound *found, const CpReference *reference)
{
	CpFound		kept = *found;
	ListCell   *cell;

	if (reference == NULL || reference->memory == NULL)
		return kept;
	kept.candidates = NIL;
	foreach(cell, found->candidates)
	{
		CpCandidate *candidate = lfirst(cell);

		if (!cp_told_apart(reference->memory, candidate->child_id))
			kept.candidates = lappend(kept.candidates, candidate);
	}
	return kept;
}

/* What is to become of a row whose candidates are known. */
CpDecision *
cp_decide_found(const CpPerson *row, const CpReference *reference, const CpFound *found)
{
	CpDecision *decision = palloc0(sizeof(CpDecision));
	CpFound		kept = without_parted(found, reference);

	decision->outcome = CP_OUTCOME_HOLD;
	if (is_linked(reference))
		decide_linked(decision, row, reference, kept.candidates);
	else
		decide_unlinked(decision, row, reference, &kept);
	show_former_first(decision);
	if (decision->hidden_name)
		score_openly(decision, row);
	return decision;
}
