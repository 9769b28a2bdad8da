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
 *	  equal	two words of names	-	any, in whatever place they are
 *	  near	equal	alike	-		any, of one sex; and the other way round
 *	  near	alike	equal	-		any, of one sex: both among the given, or family, names
 *	  near	alike	-		agrees	any
 *	  near	-		alike	agrees	any
 *	  near	equal	-		-		wide, where a second name agrees or it is rare
 *	  other	equal	equal	agrees	any
 *
 *	  A later given name that is the first one of the other side is alike to it.
 *	  Given and family name may have changed places.  What agrees must do so in
 *	  one name of the row and one of the record.
 *
 *	  A name alone, without place or another name, suffices near a shielded record
 *	  only, not near an open one with a hidden name.
 *
 *	  A name in a script that is not read, Arabic say, cannot be compared with one
 *	  in Latin letters: near a shielded record the birth date and one sex hold.
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

/* What a name of the row and one of the record have in common. */
typedef struct Agreement
{
	CpWordLevel given;			/* as they stand */
	CpWordLevel family;
	CpWordLevel crossed;		/* in each other's place, the worse of the two */
	CpWordLevel any_given;		/* the better of both ways */
	CpWordLevel any_family;
	bool		more_agrees;	/* further given names that agree */
	bool		more_differs;	/* there are some on both sides, and none
								 * agrees */
	bool		rare;			/* the given name that is equal */
	int			shared;			/* words in common, in whatever place */
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

/* i and j: which words agree. */
static CpWordLevel
compare_given(const CpName *row, const CpName *record, int *i, int *j)
{
	CpWordLevel best = CP_WORD_DIFFER;

	*i = *j = 0;
	for (int a = 0; a < row->ngiven; a++)
		for (int b = 0; b < record->ngiven && (a == 0 || b == 0); b++)
		{
			CpWordLevel level = compare_words(row->given[a], record->given[b]);

			if (a > 0 || b > 0)
				level = level == CP_WORD_EQUAL ? CP_WORD_CLOSE : CP_WORD_DIFFER;
			if (level < best)
			{
				best = level;
				*i = a;
				*j = b;
			}
		}
	if (best > CP_WORD_CLOSE && cp_words_joined_alike(row->given, row->ngiven, record->given, record->ngiven))
		return CP_WORD_CLOSE;
	return best;
}

static void
compare_more(const CpName *row, const CpName *record, int i, int j, Agreement *names)
{
	for (int a = 0; a < row->ngiven; a++)
		for (int b = 0; b < record->ngiven; b++)
			names->more_agrees |= a != i && b != j &&
				compare_words(row->given[a], record->given[b]) <= CP_WORD_EDIT;
	names->more_differs = !names->more_agrees && row->ngiven > 1 && record->ngiven > 1;
}

static int32
word_at(const CpName *name, int i)
{
	return i < name->ngiven ? name->given[i] : name->family[i - name->ngiven];
}

/* Each word counts once. */
static int
count_shared(const CpName *row, const CpName *record)
{
	bool		taken[2 * CP_MAX_WORDS] = {false};
	int			shared = 0;

	for (int i = 0; i < row->ngiven + row->nfamily; i++)
		for (int j = 0; j < record->ngiven + record->nfamily; j++)
			if (!taken[j] && cp_dictionary_compare(word_at(row, i), word_at(record, j)) <= CP_WORD_EDIT)
			{
				taken[j] = true;
				shared++;
				break;
			}
	return shared;
}

static void
compare_names(const CpName *row, const CpName *record, Agreement *names)
{
	int			i;
	int			j;
	CpWordLevel given = best_of(row->family, row->nfamily, record->given, Min(record->ngiven, 1));
	CpWordLevel family = best_of(row->given, Min(row->ngiven, 2), record->family, record->nfamily);

	memset(names, 0, sizeof(Agreement));
	names->given = compare_given(row, record, &i, &j);
	names->family = best_of(row->family, row->nfamily, record->family, record->nfamily);
	if (names->family > CP_WORD_CLOSE && cp_words_joined_alike(row->family, row->nfamily, record->family, record->nfamily))
		names->family = CP_WORD_CLOSE;
	names->crossed = Max(given, family);
	names->any_given = Min(names->given, given);
	names->any_family = Min(names->family, family);
	names->rare = names->given == CP_WORD_EQUAL && is_rare(record->given[j]);
	names->shared = count_shared(row, record);
	compare_more(row, record, i, j, names);
}

/* One birth date: which other fact suffices? */
static bool
holds_on_the_day(const CpCandidate *candidate, const Agreement *names, bool wide)
{
	if (candidate->place_agrees)
		return true;
	if (Max(names->given, names->family) <= CP_WORD_CLOSE || names->crossed <= CP_WORD_CLOSE)
		return true;
	if (names->shared >= 2)
		return true;
	/* an open record is hidden from nobody: one name alone is too little */
	if (candidate->nearness == CP_NEAR_ALIAS)
		return names->more_agrees && names->given <= CP_WORD_CLOSE;
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
	if (candidate->place_agrees)
		return candidate->birth_swapped || names->any_given <= CP_WORD_CLOSE ||
			names->any_family <= CP_WORD_CLOSE;
	if (candidate->sex_differs)
		return names->given == CP_WORD_EQUAL && names->family == CP_WORD_EQUAL;
	if ((names->given == CP_WORD_EQUAL && names->family <= CP_WORD_CLOSE) ||
		(names->given <= CP_WORD_WEAK && names->family == CP_WORD_EQUAL) ||
		names->crossed <= CP_WORD_EDIT)
		return true;
	/* all of the name stands in one field */
	if (names->any_given <= CP_WORD_CLOSE && names->any_family == CP_WORD_EQUAL)
		return true;
	if (!wide)
		return names->given <= CP_WORD_CLOSE && names->family <= CP_WORD_CLOSE && names->more_agrees;
	if (Max(names->given, names->family) <= CP_WORD_CLOSE)
		return true;
	if (names->given != CP_WORD_EQUAL || names->more_differs)
		return false;
	return names->more_agrees || names->rare || candidate->birth_swapped;
}

static bool
holds(const CpCandidate *candidate, const Agreement *names, bool wide)
{
	if (candidate->birth_equal)
		return holds_on_the_day(candidate, names, wide);
	if (candidate->birth_near)
		return holds_near_the_day(candidate, names, wide);
	return candidate->place_agrees && names->any_given == CP_WORD_EQUAL && names->any_family == CP_WORD_EQUAL;
}

static int
count_foreign(const CpName *name)
{
	int			n = 0;

	for (int i = 0; i < name->ngiven + name->nfamily; i++)
	{
		const CpWord *word = cp_dictionary_word(word_at(name, i));

		n += word != NULL && cp_word_is_foreign(word) ? 1 : 0;
	}
	return n;
}

/* Are they in two scripts, so that no word of the one can be one of the other? */
static bool
scripts_differ(const CpName *a, const CpName *b)
{
	int			foreign_a = count_foreign(a);
	int			foreign_b = count_foreign(b);

	return foreign_a == 0 ? foreign_b > 0 && foreign_b == b->ngiven + b->nfamily :
		foreign_b == 0 && foreign_a == a->ngiven + a->nfamily;
}

bool
cp_guard_compare(const CpPerson *row, const CpPerson *record, const CpCandidate *candidate)
{
	if (record->nearness == CP_NEAR_OPEN)
		return false;
	if (candidate->identifier_equal)
		return true;
	for (int i = 0; i < row->nnames; i++)
		for (int j = 0; j < record->nnames; j++)
		{
			Agreement	names;

			compare_names(&row->names[i], &record->names[j], &names);
			if (holds(candidate, &names, record->nearness >= CP_NEAR_SHIELDED_WIDE))
				return true;
			if (record->nearness != CP_NEAR_ALIAS && candidate->birth_equal && !candidate->sex_differs &&
				scripts_differ(&row->names[i], &record->names[j]))
				return true;
		}
	return false;
}
