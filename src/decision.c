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
 *	  Invariants: a row near a shielded child never comes out as new for a slip
 *	  in one fact; reasons are constant text and say nothing about a record;
 *	  what is decided depends on the row and the registry, on no setting of a
 *	  session.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "match.h"

#define MAX_SHOWN 10

static bool
is_shielded(const CpCandidate *candidate)
{
	return candidate->nearness == CP_NEAR_SHIELDED ||
		candidate->nearness == CP_NEAR_SHIELDED_WIDE;
}

/* Another given name, or another sex and not the same given name. */
static bool
is_somebody_else(const CpCandidate *candidate)
{
	return !candidate->identifier_equal &&
		(candidate->given_differs || (candidate->sex_differs && !candidate->given_equal));
}

/*
 * Has the row's source sent this child under another reference?  Reads with
 * the latest snapshot, as own work.
 */
static bool
same_source(const CpReference *reference, int64 child_id)
{
	static SPIPlanPtr plan = NULL;
	Snapshot	snapshot;
	CpOwnWork	work;
	volatile bool result = false;

	if (reference == NULL || reference->source == NULL || reference->source_ref == NULL)
		return false;
	snapshot = cp_latest_snapshot();
	cp_own_work_begin(&work);
	PG_TRY();
	{
		Datum		values[3] = {Int64GetDatum(child_id), CStringGetTextDatum(reference->source),
		CStringGetTextDatum(reference->source_ref)};
		bool		isnull;

		SPI_connect();
		if (plan == NULL)
		{
			Oid			argtypes[3] = {INT8OID, TEXTOID, TEXTOID};
			SPIPlanPtr	fresh = SPI_prepare("SELECT contactpoint._same_source($1, $2, $3)", 3, argtypes);

			if (fresh == NULL || SPI_keepplan(fresh) != 0)
				elog(ERROR, "could not prepare the search for references");
			plan = fresh;
		}
		if (SPI_execute_snapshot(plan, values, NULL, snapshot, InvalidSnapshot,
								 true, false, 1) != SPI_OK_SELECT || SPI_processed != 1)
			elog(ERROR, "could not search for references");
		result = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
		SPI_finish();
	}
	PG_FINALLY();
	{
		cp_own_work_end(&work);
	}
	PG_END_TRY();
	UnregisterSnapshot(snapshot);
	return result;
}

/* Why the row says too little to make a record of it, or NULL. */
static const char *
too_little(const CpPerson *row)
{
	const CpName *name = row->nnames > 0 ? &row->names[0] : NULL;
	bool		initials = true;

	if (!row->has_birth)
		return "too little data: no date of birth";
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

/*
 * May a row be attached to this record without a person?  The margin over the
 * second candidate is the caller's.
 */
static bool
may_match(const CpCandidate *candidate)
{
	if (candidate->score < cp_match_threshold)
		return false;
	if (is_somebody_else(candidate) || candidate->given_differs)
		return false;
	if (candidate->identifier_equal)
		return candidate->birth_near || (candidate->given_agrees && candidate->family_agrees);
	if (!candidate->birth_equal || candidate->identifier_differs || !candidate->given_slip)
		return false;
	/* another surname near a shielded child is for a person to judge */
	return candidate->family_agrees || (candidate->place_agrees && !is_shielded(candidate));
}

/* Must a row be held because of this record, shielded or with a hidden name? */
static bool
is_guarded(const CpCandidate *candidate)
{
	if (candidate->nearness == CP_NEAR_OPEN)
		return false;
	if (candidate->identifier_equal)
		return true;
	if (candidate->given_agrees && candidate->birth_near &&
		(candidate->family_agrees || candidate->place_agrees))
		return true;
	if (candidate->nearness == CP_NEAR_SHIELDED_WIDE && candidate->birth_near &&
		!candidate->given_differs && !is_somebody_else(candidate))
	{
		if (candidate->given_agrees && (candidate->birth_equal || candidate->birth_swapped))
			return true;
		if ((candidate->given_agrees || candidate->birth_equal) &&
			candidate->guard_score >= cp_guard_threshold)
			return true;
	}
	if (candidate->score < cp_guard_threshold)
		return false;
	return (candidate->family_agrees || candidate->place_agrees) &&
		(candidate->birth_near || candidate->given_agrees);
}

/*
 * A twin, or another child of one family, under a separate reference of one
 * source: the source tells them apart.  Near a shielded child a short or
 * second given name might look like another one, so there the sex must differ
 * too.
 */
static bool
told_apart_by_source(const CpCandidate *candidate, const CpReference *reference)
{
	if (!is_somebody_else(candidate))
		return false;
	if (is_shielded(candidate) && !(candidate->given_differs && candidate->sex_differs))
		return false;
	return same_source(reference, candidate->child_id);
}

static void
show(CpDecision *decision, CpCandidate *candidate)
{
	if (list_length(decision->candidates) >= MAX_SHOWN)
		return;
	decision->candidates = lappend(decision->candidates, candidate);
	decision->shielded |= is_shielded(candidate);
}

static void
decide_match(CpDecision *decision, CpCandidate *candidate)
{
	decision->outcome = CP_OUTCOME_MATCH;
	decision->child_id = candidate->child_id;
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
	if (is_somebody_else(linked) && linked->birth_near)
		return false;
	if (linked->given_differs && !linked->birth_equal)
		return false;
	if (linked->birth_equal || (linked->given_agrees && linked->family_agrees))
		return true;
	return linked->given_agrees && (linked->birth_near || !row->has_birth);
}

/* What is to become of an uploaded row. */
CpDecision *
cp_decide(const CpPerson *row, const CpReference *reference)
{
	CpDecision *decision = palloc0(sizeof(CpDecision));
	CpCandidate *linked = NULL;
	CpCandidate *best = NULL;
	CpCandidate *second = NULL;
	List	   *candidates;
	List	   *possible = NIL;
	ListCell   *cell;
	bool		cut;

	cp_dictionary_refresh();
	decision->outcome = CP_OUTCOME_HOLD;

	if (reference != NULL && reference->linked_child != 0)
	{
		CpPerson   *record = cp_person_fetch(reference->linked_child);

		if (record != NULL)
		{
			linked = palloc0(sizeof(CpCandidate));
			cp_score(row, record, linked);
			if (linked->birth_equal && linked->given_slip && linked->family_agrees &&
				!linked->identifier_differs && still_fits(row, linked))
			{
				decide_match(decision, linked);
				return decision;
			}
		}
	}

	candidates = cp_candidates_bounded(row, linked != NULL ? linked->child_id : 0, &cut);

	if (reference != NULL && reference->linked_child != 0)
	{
		CpCandidate *other = candidates != NIL ? linitial(candidates) : NULL;

		if (linked != NULL)
			decision->score = linked->score;
		if (linked == NULL)
			decision->reason = "the record of the reference is gone";
		else if (!still_fits(row, linked))
			decision->reason = "neither name nor birth date of the reference agree";
		else if (other != NULL && may_match(other) && other->score >= linked->score + cp_match_margin)
			decision->reason = "another record fits the row better than that of its reference";
		else
		{
			decide_match(decision, linked);
			return decision;
		}
		if (linked != NULL)
			show(decision, linked);
		foreach(cell, candidates)
		{
			CpCandidate *candidate = lfirst(cell);

			if (candidate->score >= cp_possible_threshold || is_guarded(candidate))
				show(decision, candidate);
		}
		return decision;
	}

	foreach(cell, candidates)
	{
		CpCandidate *candidate = lfirst(cell);

		if (candidate->score < cp_possible_threshold && !is_guarded(candidate))
			continue;
		if (told_apart_by_source(candidate, reference))
			continue;
		possible = lappend(possible, candidate);
		if (best == NULL)
			best = candidate;
		else if (second == NULL)
			second = candidate;
	}

	if (best != NULL)
		decision->score = best->score;
	if (best != NULL && may_match(best) &&
		(second == NULL || best->score >= second->score + cp_match_margin) &&
		(best->given_equal || !same_source(reference, best->child_id)))
	{
		decide_match(decision, best);
		return decision;
	}

	foreach(cell, possible)
		show(decision, lfirst(cell));
	decision->reason = too_little(row);
	if (decision->reason != NULL)
	{
		/* somebody has to look for the child: show what there is */
		foreach(cell, candidates)
		{
			CpCandidate *candidate = lfirst(cell);

			if (candidate->score >= cp_guard_threshold && !list_member_ptr(possible, candidate))
				show(decision, candidate);
		}
		return decision;
	}
	if (best != NULL)
	{
		decision->reason = may_match(best) && second != NULL && best->score < second->score + cp_match_margin ?
			"more than one record fits" : "may be a known child";
		return decision;
	}
	if (cut)
	{
		decision->reason = "too many records are similar";
		return decision;
	}
	decision->outcome = CP_OUTCOME_NEW;
	return decision;
}

/*
 * Would this person be a second record of a known child?  For the synchronous
 * guard on child; except_child is the record itself on UPDATE.
 */
bool
cp_is_duplicate(const CpPerson *row, int64 except_child)
{
	bool		cut;
	ListCell   *cell;

	cp_dictionary_refresh();
	foreach(cell, cp_candidates_bounded(row, except_child, &cut))
	{
		CpCandidate *candidate = lfirst(cell);

		if (is_somebody_else(candidate) || !candidate->birth_near)
			continue;
		if (candidate->given_agrees && candidate->family_agrees &&
			(candidate->birth_equal || candidate->birth_swapped))
			return true;
		if ((candidate->given_agrees || candidate->family_agrees) && !candidate->given_differs &&
			candidate->score >= 0)
			return true;
	}
	return false;
}
