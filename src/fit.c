/*-------------------------------------------------------------------------
 *
 * fit.c
 *	  What one record, taken by itself, is to a row: one that it may be attached
 *	  to, one to think of, another child's, or none.
 *
 *	  Whether the row is attached to it depends on the other candidates too
 *	  (decision.c).
 *
 *	  Invariants: name and address alone never attach; near a shielded child or
 *	  a hidden name less is enough to think of a record, and more is wanted to
 *	  rule it out.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "match.h"

#define AWAY_BITS 3.5			/* more evidence where the place is another:
								 * of namesakes, one in ten has so rare a name */

bool
cp_is_shielded(const CpCandidate *candidate)
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
bool
cp_may_match(const CpCandidate *candidate)
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
	return candidate->family_agrees || (candidate->home_agrees && !cp_is_shielded(candidate));
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
		return !candidate->birth_equal || level[CP_GIVEN] != CP_NAME_EQUAL || level[CP_FAMILY] != CP_NAME_EQUAL ||
			level[CP_MORE] == CP_MORE_DIFFER;
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

	/*
	 * brothers and sisters, or a boy and a girl who are twins, whatever else
	 * they have in common
	 */
	if (candidate->given_distinct &&
		(candidate->sex_differs || (level[CP_BIRTH] >= CP_BIRTH_CLOSE + 1 && level[CP_BIRTH] <= CP_BIRTH_DIFFER + 1)))
		return false;
	if (is_likely_other(candidate))
		from = Max(from, 0);
	return candidate->score >= from;
}

/* Is a record to be thought of at all? */
bool
cp_is_possible(const CpCandidate *candidate)
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
bool
cp_may_be_told_apart(const CpPerson *row, const CpCandidate *candidate)
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

/*
 * Would an open record be held because of the candidate, or attached to it, if
 * it came as a row today?
 */
CpSecond
cp_second_record(const CpPerson *record, const CpCandidate *candidate)
{
	if (!cp_is_possible(candidate))
		return CP_SECOND_NOT;
	return cp_may_be_told_apart(record, candidate) ? CP_SECOND_UNLESS_TOLD_APART : CP_SECOND_MAYBE;
}

bool
cp_compare_openly(const CpPerson *row, int64 child_id, CpCandidate *candidate)
{
	CpPerson   *record = cp_person_fetch(child_id);

	if (record == NULL)
		return false;
	record->nnames = Min(record->nnames, 1);
	memset(candidate, 0, sizeof(CpCandidate));
	cp_score(row, record, candidate);
	return true;
}

bool
cp_shows_name(const CpPerson *row, int64 child_id)
{
	CpCandidate shown;

	return cp_compare_openly(row, child_id, &shown) &&
		shown.given_agrees && shown.family_agrees && !shown.given_differs;
}

bool
cp_bears_former_name(const CpCandidate *candidate)
{
	return candidate->nearness == CP_NEAR_FORMER && candidate->given_agrees && candidate->family_agrees;
}

/*
 * Does a known reference still mean its child?  Name or birth date must agree,
 * and the given name must not be a twin's.
 */
bool
cp_still_fits(const CpPerson *row, const CpCandidate *linked)
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
