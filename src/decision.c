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
#define AWAY_BITS 3.5			/* more evidence where the place is another:
								 * of namesakes, one in ten has so rare a name */
#define LEADS_ELSEWHERE "a name or number of the row leads to another record"
#define PARTED "its reference was parted from a shielded record"

/* Columns of source_link. */
enum
{
	LINK_SOURCE = 1,
	LINK_SOURCE_REF,
	LINK_CHILD
};

static bool
is_shielded(const CpCandidate *candidate)
{
	return candidate->nearness >= CP_NEAR_SHIELDED;
}

/* Another given name, or another sex and not the same given name. */
bool
cp_is_somebody_else(const CpCandidate *candidate)
{
	return !candidate->identifier_equal &&
		(candidate->given_differs || (candidate->sex_differs && !candidate->given_equal));
}

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

/* Why the row says too little to make a record of it, or NULL. */
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
	return NULL;
}

/* Is where the one lives plainly not where the other does? */
static bool
is_elsewhere(const CpCandidate *candidate)
{
	const uint8 *level = candidate->comparison.level;
	int			address = Max(level[CP_ADDRESS], level[CP_ADDRESS_BESIDE]);

	if (level[CP_POSTCODE] != 0 && level[CP_POSTCODE] != CP_POSTCODE_DIFFER)
		return false;
	switch (address)
	{
		case 0:
		case CP_ADDRESS_PART:
			/* 4 Mill Road and 4 Hall Road have more than half in common */
			return level[CP_POSTCODE] == CP_POSTCODE_DIFFER;
		case CP_ADDRESS_NEXT_DOOR:
		case CP_ADDRESS_DIFFER:
		case CP_ADDRESS_TOWN_DIFFER:
			return true;
		default:
			return false;
	}
}

/*
 * May a row be attached to a record of another place?  That is one fact that
 * deviates, so no other may, and somebody else of that name and birth date
 * must be most unlikely.
 */
static bool
may_match_away(const CpCandidate *candidate)
{
	const uint8 *level = candidate->comparison.level;

	return level[CP_GIVEN] == CP_NAME_EQUAL && level[CP_FAMILY] == CP_NAME_EQUAL &&
		level[CP_ORDER] != CP_ORDER_SWAPPED &&
		candidate->score >= cp_match_threshold + AWAY_BITS;
}

/*
 * May a row be attached to this record without a person?  The margin over the
 * second candidate is the caller's.
 */
static bool
may_match(const CpCandidate *candidate)
{
	if (candidate->score < cp_match_threshold || candidate->nearness == CP_NEAR_FORMER)
		return false;
	if (cp_is_somebody_else(candidate) || candidate->given_differs)
		return false;
	if (candidate->identifier_equal)
		return candidate->birth_near || (candidate->given_agrees && candidate->family_agrees);
	if (!candidate->birth_equal || candidate->identifier_differs || !candidate->given_slip)
		return false;

	/* twins, or namesakes born on one day */
	if (candidate->maybe_twins)
		return false;
	/* whose birth date nobody knew was born on 1 January */
	if (candidate->birth_default && !candidate->place_agrees)
		return false;
	if (is_elsewhere(candidate) && !may_match_away(candidate))
		return false;
	/* another surname near a shielded child is for a person to judge */
	return candidate->family_agrees || (candidate->home_agrees && !is_shielded(candidate));
}

bool
cp_is_guarded(const CpCandidate *candidate)
{
	if (candidate->nearness == CP_NEAR_OPEN)
		return false;
	if (candidate->guarded)
		return true;
	return candidate->score >= cp_guard_threshold &&
		(candidate->family_agrees || candidate->place_agrees) &&
		(candidate->birth_near || candidate->given_agrees);
}

/*
 * Is it a namesake at another place, or a brother or sister with a middle name
 * in common?  Given name, family name and birth date do not all agree: in a
 * whole country there are many such, and few of them are the child.
 */
static bool
is_likely_other(const CpCandidate *candidate)
{
	const uint8 *level = candidate->comparison.level;

	if (is_elsewhere(candidate))
		return !candidate->birth_equal || level[CP_FAMILY] == CP_NAME_DIFFER ||
			level[CP_MORE] == CP_MORE_DIFFER || candidate->given_distinct;
	return level[CP_GIVEN] == CP_NAME_PART && level[CP_BIRTH] == CP_BIRTH_DIFFER + 1;
}

/* Is an open record to be thought of?  Near a shielded child or a hidden name all counts in full. */
static bool
is_possible_open(const CpCandidate *candidate)
{
	const uint8 *level = candidate->comparison.level;
	double		from = cp_possible_threshold;

	if (candidate->identifier_equal || candidate->doubtful)
		return true;
	/* brothers and sisters, whatever else they have in common */
	if (candidate->given_distinct &&
		level[CP_BIRTH] >= CP_BIRTH_DIGITS + 1 && level[CP_BIRTH] <= CP_BIRTH_DIFFER + 1)
		return false;
	if (is_likely_other(candidate))
		from = Max(from, 0);
	return candidate->score >= from;
}

/* Is a record to be thought of at all? */
static bool
is_possible(const CpCandidate *candidate)
{
	if (candidate->nearness == CP_NEAR_OPEN)
		return is_possible_open(candidate);
	return candidate->score >= cp_possible_threshold || candidate->identifier_equal ||
		candidate->doubtful || cp_is_guarded(candidate);
}

/*
 * A twin, or another child of one family, if its source says so.  Near a
 * shielded child or a hidden name a short or second given name might look like
 * another one, so there the given name must differ plainly, the family name
 * agree, and the sex differ too.
 */
static bool
may_be_told_apart(const CpPerson *row, const CpCandidate *candidate)
{
	CpPerson   *record;

	if (!cp_is_somebody_else(candidate))
		return false;
	if (candidate->nearness == CP_NEAR_OPEN)
		return true;
	if (!candidate->given_differs || !candidate->sex_differs || !candidate->family_agrees)
		return false;
	record = cp_person_fetch(candidate->child_id);
	return record != NULL && cp_given_clearly_differs(row, record);
}

/* The source tells them apart: it has sent them under separate references. */
static bool
told_apart_by_source(const CpPerson *row, const CpCandidate *candidate,
					 const CpReference *reference)
{
	return may_be_told_apart(row, candidate) && same_source(reference, candidate->child_id);
}

/*
 * Would an open record be held because of the candidate, or attached to it, if
 * it came as a row today?
 */
CpSecond
cp_second_record(const CpPerson *record, const CpCandidate *candidate)
{
	if (!is_possible(candidate))
		return CP_SECOND_NOT;
	return may_be_told_apart(record, candidate) ? CP_SECOND_UNLESS_TOLD_APART : CP_SECOND_MAYBE;
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
	decision->shielded |= is_shielded(candidate);
	if (list_length(decision->candidates) < MAX_SHOWN ||
		(is_shielded(candidate) && list_length(decision->candidates) < 2 * MAX_SHOWN))
		decision->candidates = lappend(decision->candidates, candidate);
}

static bool
bears_former_name(const CpCandidate *candidate)
{
	return candidate->nearness == CP_NEAR_FORMER && candidate->given_agrees && candidate->family_agrees;
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
		if (bears_former_name(lfirst(cell)))
			former = lappend(former, lfirst(cell));
		else
			others = lappend(others, lfirst(cell));
	}
	decision->candidates = list_concat(former, others);
}

/*
 * Must a row not be attached to the best record because of another one?  A
 * number of that one would come to two records; near a shielded child or a
 * hidden name an open record, which anybody may have sent, wins nothing; and a
 * row that bears a former name goes nowhere by itself.
 */
static bool
another_forbids(const CpCandidate *best, List *possible)
{
	ListCell   *cell;

	foreach(cell, possible)
	{
		CpCandidate *other = lfirst(cell);

		if (other != best &&
			(other->identifier_equal || (!is_shielded(best) && cp_is_guarded(other)) ||
			 bears_former_name(other)))
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
	decision->shielded = is_shielded(candidate);
}

/*
 * Does a known reference still mean its child?  Name or birth date must agree,
 * and the given name must not be a twin's.
 */
static bool
still_fits(const CpPerson *row, const CpCandidate *linked)
{
	if (cp_is_somebody_else(linked) && linked->birth_near)
		return false;
	if (linked->given_differs && !linked->birth_equal)
		return false;
	if (linked->birth_equal || (linked->given_agrees && linked->family_agrees))
		return true;
	return linked->given_agrees &&
		(linked->birth_near || (!row->has_birth && linked->comparison.level[CP_BIRTH] != CP_BIRTH_LEVEL_PART_DIFFERS));
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
	if (linked == NULL || linked->nearness == CP_NEAR_FORMER || !linked->birth_equal || !linked->given_slip || !linked->family_agrees ||
		linked->identifier_differs || !still_fits(row, linked) || cp_leads_elsewhere(row, record, true) != NIL)
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

		if (is_possible(candidate))
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
	else if (!still_fits(row, linked))
		decision->reason = "neither name nor birth date of the reference agree";
	else if (other != NULL && may_match(other) && other->score >= linked->score + cp_match_margin)
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

		if (!is_possible(candidate) || told_apart_by_source(row, candidate, reference))
			continue;
		possible = lappend(possible, candidate);
		if (best == NULL)
			best = candidate;
		else if (second == NULL)
			second = candidate;
	}

	if (best != NULL)
		decision->score = best->score;
	if (best != NULL && parted == NIL && may_match(best) &&
		(second == NULL || best->score >= second->score + cp_match_margin) &&
		(best->given_equal || !same_source(reference, best->child_id)) &&
		(best->nearness != CP_NEAR_EXPECTED || too_little(row) == NULL))
	{
		CpPerson   *record = cp_person_fetch(best->child_id);

		forbidden = another_forbids(best, possible);
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
	else if (best != NULL && (forbidden || (may_match(best) && second != NULL &&
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
	return decision;
}

/* What is to become of an uploaded row. */
CpDecision *
cp_decide(const CpPerson *row, const CpReference *reference)
{
	CpDecision *decision;
	CpFound		found = {0};

	cp_dictionary_refresh();
	decision = cp_decide_known(row, reference);
	if (decision != NULL)
		return decision;
	found.candidates = cp_candidates_bounded(row, is_linked(reference) ? reference->linked_child : 0,
											 false, &found.cut);
	return cp_decide_found(row, reference, &found);
}
