/*-------------------------------------------------------------------------
 *
 * guard.c
 *	  Must a row be held because of one record that is shielded or has a
 *	  hidden name?
 *
 *	  The score asks what is likely; the guard asks what is possible.  The facts
 *	  of a child (given name, family name, birth date, place) may each be wrong
 *	  or new in a row, so the guard holds where the rest still agrees, as far
 *	  as the rest is rare enough.  Few records are guarded, so what is held in vain
 *	  stays little; test/guard measures both.
 *
 *	  date	given	family	place	holds
 *	  equal	equal	-		-		any, if the second names do not speak against
 *	  equal	alike	-		-		any where a second name agrees, wide
 *	  equal	-		equal	-		any, of one sex: an unusual short form
 *	  equal	-		-		agrees	any
 *	  near	alike	alike	-		any
 *	  near	alike	-		agrees	any
 *	  near	-		alike	agrees	any
 *	  near	equal	-		-		wide, where a second name agrees or it is rare
 *	  other	equal	equal	agrees	any
 *
 *	  Wide are the categories where a new surname is to be expected.
 *
 *	  Pure (model.h).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "model.h"

#define RARE_NAME 3000			/* a rare given name: one record in so many */

/* What two persons' names have in common, the best of all pairs of names. */
typedef struct Agreement
{
	CpWordLevel given;			/* of first given names, as they stand */
	CpWordLevel family;			/* of family names, as they stand */
	CpWordLevel any_given;		/* the same, wherever the row has them */
	CpWordLevel any_family;
	bool		first_equal;	/* both first given names, where given is
								 * equal */
	bool		more_agrees;	/* further given names that agree */
	bool		more_differs;	/* there are some on both sides, and none
								 * agrees */
	bool		rare;			/* the given name that is equal */
} Agreement;

static CpWordLevel
compare_words(int32 a, int32 b)
{
	CpWordLevel level = cp_dictionary_compare(a, b);

	if (level > CP_WORD_CLOSE && cp_word_short_form(cp_dictionary_word(a), cp_dictionary_word(b)))
		return CP_WORD_CLOSE;
	return level;
}

static CpWordLevel
best_of(const int32 *a, int na, const int32 *b, int nb)
{
	CpWordLevel best = CP_WORD_DIFFER;

	for (int i = 0; i < na; i++)
		for (int j = 0; j < nb; j++)
			best = Min(best, compare_words(a[i], b[j]));
	return best;
}

static bool
is_rare(int32 id)
{
	const CpWord *word = cp_dictionary_word(id);
	const CpWord *all = cp_dictionary_word(CP_NO_WORD);

	return word != NULL && all != NULL && all->given_count >= RARE_NAME &&
		word->given_count <= all->given_count / RARE_NAME;
}

/* The first given name of the one may be any given name of the other. */
static CpWordLevel
compare_given(const CpName *row, const CpName *record, int *i, int *j)
{
	CpWordLevel best = CP_WORD_DIFFER;

	*i = *j = -1;
	for (int a = 0; a < row->ngiven; a++)
		for (int b = 0; b < record->ngiven; b++)
		{
			CpWordLevel level;

			if (a > 0 && b > 0)
				break;
			level = compare_words(row->given[a], record->given[b]);
			if (level < best)
			{
				best = level;
				*i = a;
				*j = b;
			}
		}
	return best;
}

static void
compare_more(const CpName *row, const CpName *record, int i, int j, Agreement *agreement)
{
	bool		agrees = false;

	for (int a = 0; a < row->ngiven; a++)
		for (int b = 0; b < record->ngiven; b++)
			agrees |= a != i && b != j && compare_words(row->given[a], record->given[b]) <= CP_WORD_CLOSE;
	agreement->more_agrees |= agrees;
	agreement->more_differs = !agreement->more_agrees && row->ngiven > 1 && record->ngiven > 1;
}

static void
compare_names(const CpName *row, const CpName *record, Agreement *agreement)
{
	int			i;
	int			j;
	CpWordLevel given = compare_given(row, record, &i, &j);
	CpWordLevel family = best_of(row->family, row->nfamily, record->family, record->nfamily);
	CpWordLevel crossed_given = best_of(row->family, row->nfamily, record->given, Min(record->ngiven, 1));
	CpWordLevel crossed_family = best_of(row->given, row->ngiven, record->family, record->nfamily);

	if (given < agreement->given)
	{
		agreement->given = given;
		agreement->first_equal = given == CP_WORD_EQUAL && i == 0 && j == 0;
		agreement->rare = given == CP_WORD_EQUAL && is_rare(record->given[j]);
	}
	if (i >= 0)
		compare_more(row, record, i, j, agreement);
	agreement->family = Min(agreement->family, family);
	agreement->any_given = Min(agreement->any_given, Min(given, crossed_given));
	agreement->any_family = Min(agreement->any_family, Min(family, crossed_family));
}

/* Are both names so alike that the birth date may be quite wrong? */
static bool
same_names(const Agreement *names)
{
	return names->any_given == CP_WORD_EQUAL && names->any_family == CP_WORD_EQUAL;
}

/* One birth date: which other fact suffices? */
static bool
holds_on_the_day(const CpCandidate *candidate, const Agreement *names, bool wide)
{
	if (candidate->place_agrees)
		return true;
	if (names->any_given <= CP_WORD_CLOSE && names->any_family <= CP_WORD_CLOSE)
		return true;
	if (candidate->sex_differs)
		return wide && names->given == CP_WORD_EQUAL;
	if (names->family <= (wide ? CP_WORD_CLOSE : CP_WORD_EQUAL))
		return true;
	if (names->more_agrees && names->given <= CP_WORD_WEAK)
		return true;
	if (wide && names->any_given == CP_WORD_EQUAL)
		return true;
	return names->given <= (wide ? CP_WORD_CLOSE : CP_WORD_EQUAL) && !names->more_differs;
}

/* A birth date with one part wrong: which other two facts suffice? */
static bool
holds_near_the_day(const CpCandidate *candidate, const Agreement *names, bool wide)
{
	bool		given = names->any_given <= CP_WORD_CLOSE;
	bool		family = names->any_family <= CP_WORD_CLOSE;

	if ((given && family) || ((given || family) && candidate->place_agrees))
		return true;
	if (names->given <= CP_WORD_WEAK && names->family == CP_WORD_EQUAL && !candidate->sex_differs)
		return true;
	return wide && names->first_equal && !candidate->sex_differs &&
		(names->more_agrees || (names->rare && !names->more_differs));
}

bool
cp_guard_compare(const CpPerson *row, const CpPerson *record, const CpCandidate *candidate)
{
	Agreement	names = {CP_WORD_DIFFER, CP_WORD_DIFFER, CP_WORD_DIFFER, CP_WORD_DIFFER};
	bool		wide = record->nearness == CP_NEAR_SHIELDED_WIDE;

	if (record->nearness == CP_NEAR_OPEN)
		return false;
	if (candidate->identifier_equal)
		return true;
	for (int i = 0; i < row->nnames; i++)
		for (int j = 0; j < record->nnames; j++)
			compare_names(&row->names[i], &record->names[j], &names);
	if (candidate->birth_equal || candidate->birth_swapped)
		return holds_on_the_day(candidate, &names, wide);
	if (candidate->birth_near)
		return holds_near_the_day(candidate, &names, wide);
	return same_names(&names) && candidate->place_agrees;
}
