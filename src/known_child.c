/*-------------------------------------------------------------------------
 *
 * known_child.c
 *	  Of which known child would a person written by hand be a second record?
 *	  For the synchronous guard on child (child_guard.c).
 *
 *	  Invariant: the answer, which whoever writes can see, rests on what is
 *	  public, near a record that is shielded or has a hidden name.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/datetime.h"

#include "match.h"

/* Is the candidate, by names and birth date, a record of the row's child? */
static bool
is_second_record(const CpCandidate *candidate)
{
	if (cp_is_somebody_else(candidate) || !candidate->birth_near)
		return false;
	if (candidate->given_agrees && candidate->family_agrees &&
		(candidate->birth_equal || candidate->birth_swapped))
		return true;
	return (candidate->given_agrees || candidate->family_agrees) &&
		!candidate->given_differs && candidate->score >= 0;
}

/* The same year, or the same day of the year. */
static bool
share_year_or_day(DateADT a, DateADT b)
{
	int			ayear;
	int			amonth;
	int			aday;
	int			byear;
	int			bmonth;
	int			bday;

	j2date(a + POSTGRES_EPOCH_JDATE, &ayear, &amonth, &aday);
	j2date(b + POSTGRES_EPOCH_JDATE, &byear, &bmonth, &bday);
	return ayear == byear || (amonth == bmonth && aday == bday);
}

/*
 * Have they the public given name and, nearly, the birth date in common?  The
 * answer must not depend on how the record was found, which a hidden name may
 * have helped: so it says no more than the search by public given name and
 * birth date finds in any case.
 */
static bool
share_given_and_birth(const CpPerson *row, const CpPerson *shown)
{
	CpBirthLevel level = cp_birth_compare(row->date_of_birth, shown->date_of_birth);
	bool		exact = level == CP_BIRTH_EQUAL || level == CP_BIRTH_SWAPPED;

	if (row->nnames == 0 || shown->nnames == 0 || !CpBirthIsNear(level) ||
		!(exact || share_year_or_day(row->date_of_birth, shown->date_of_birth)))
		return false;
	for (int i = 0; i < row->names[0].ngiven; i++)
		for (int j = 0; j < shown->names[0].ngiven; j++)
		{
			int32		a = row->names[0].given[i];
			int32		b = shown->names[0].given[j];

			if (i > 0 && j > 0)
				continue;
			if (cp_dictionary_compare(a, b) > CP_WORD_CLOSE && !cp_word_short_form(cp_dictionary_word(a), cp_dictionary_word(b)))
				continue;
			if (exact || strcmp(cp_dictionary_word(a)->code, cp_dictionary_word(b)->code) == 0)
				return true;
		}
	return false;
}

/*
 * The known child of which this person would be a second record, or 0.  For the synchronous
 * guard on child; except_child is the record itself on UPDATE.  The answer is
 * seen by whoever writes, so it rests on what is public: near a record that is
 * shielded or has a hidden name, on public given name and birth date, whatever
 * the family name.
 */
int64
cp_known_child(const CpPerson *row, int64 except_child)
{
	bool		cut;
	ListCell   *cell;

	cp_dictionary_refresh();
	foreach(cell, cp_candidates_bounded(row, except_child, true, &cut))
	{
		CpCandidate *candidate = lfirst(cell);
		CpPerson   *shown;

		if (candidate->nearness == CP_NEAR_OPEN)
		{
			if (is_second_record(candidate))
				return candidate->child_id;
			continue;
		}
		shown = cp_person_fetch(candidate->child_id);
		if (shown == NULL)
			continue;
		shown->nnames = Min(shown->nnames, 1);
		if (share_given_and_birth(row, shown))
			return candidate->child_id;
		cp_score(row, shown, candidate);
		if (is_second_record(candidate))
			return candidate->child_id;
	}
	return 0;
}
