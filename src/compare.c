/*-------------------------------------------------------------------------
 *
 * compare.c
 *	  What agrees in two persons, field by field.
 *
 *	  Of several names and places of a person the pair that agrees best counts.
 *	  Which agrees best is told by fixed costs, not by weights, so the levels of
 *	  two persons are the same whatever the weights.
 *
 *	  Pure (model.h).  Nothing here weighs: score.c does.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "common/hashfn.h"
#include "utils/datetime.h"

#include "model.h"

#define SHORT_FORM_MOST 5		/* letters of a short form */
#define MAX_JOINED 160			/* letters of words run together */
#define SHORT_JOINED 48			/* of so few all are compared (word.c) */
#define USUAL_LEAST 4			/* records that have a usual name */
#define USUAL_SHARE 128			/* of the records with a name, one in so many
								 * is more than slips of the pen make of any
								 * other (one letter of six in ten names to
								 * one other in 25: one in 1,500) */

/* How much it costs to take two names for one, to choose the pair of names. */
static const int name_cost[] = {
	6,							/* unknown */
	0, 2, 3, 4, 5, 6, 8, 8, 14
};

#define SWAPPED_COST 3

/* Computes what a comparison needs; whoever makes or decodes a person calls it last. */
void
cp_person_finish(CpPerson *person)
{
	if (person->has_birth)
		j2date(person->date_of_birth + POSTGRES_EPOCH_JDATE,
			   &person->birth_year, &person->birth_month, &person->birth_day);
}

/* ---------- names ---------- */

/* What two names say about given or family name. */
typedef struct Part
{
	int			level;
	int32		word;			/* the commoner one, where the level rests on
								 * two */
	bool		first_letter;
	bool		variant;
} Part;

static bool
same_first_letter(int32 a, int32 b)
{
	const CpWord *left = cp_dictionary_word(a);
	const CpWord *right = cp_dictionary_word(b);

	return left != NULL && right != NULL && left->word[0] == right->word[0];
}

/* How many have a word, as given or family name. */
static double
frequency(int32 id)
{
	const CpWord *word = cp_dictionary_word(id);

	return word != NULL ? (double) word->given_count + (double) word->family_count : 0;
}

/*
 * Of two pairs of words the better one; of the same level the rarer, so that
 * it does not matter in which order they stand.
 */
static bool
is_better(const Part *a, const Part *b)
{
	if (a->level != b->level)
		return a->level < b->level;
	if (a->variant != b->variant)
		return !a->variant;
	if (frequency(a->word) != frequency(b->word))
		return frequency(a->word) < frequency(b->word);
	return a->first_letter && !b->first_letter;
}

static int
join_words(const int32 *ids, int n, char *to, int size)
{
	int			length = 0;

	for (int i = 0; i < n; i++)
	{
		const CpWord *word = cp_dictionary_word(ids[i]);

		if (word != NULL && length + word->length < size)
		{
			memcpy(to + length, word->word, word->length);
			length += word->length;
		}
	}
	to[length] = '\0';
	return length;
}

static int
joined_length(const int32 *ids, int n)
{
	int			length = 0;

	for (int i = 0; i < n; i++)
	{
		const CpWord *word = cp_dictionary_word(ids[i]);

		length += word != NULL ? word->length : 0;
	}
	return length;
}

bool
cp_words_joined_alike(const int32 *a, int na, const int32 *b, int nb)
{
	char		left[MAX_JOINED];
	char		right[MAX_JOINED];
	int			left_length;
	int			right_length;

	if (na == 0 || nb == 0 || na + nb == 2)
		return false;
	/* most pairs are told apart by this */
	left_length = joined_length(a, na);
	right_length = joined_length(b, nb);
	if (Max(left_length, right_length) <= SHORT_JOINED && abs(left_length - right_length) > 1)
		return false;
	left_length = join_words(a, na, left, sizeof(left));
	right_length = join_words(b, nb, right, sizeof(right));
	return cp_word_nearly_equal(left, left_length, right, right_length);
}

static int64
count_of(const CpWord *word, bool given)
{
	return given ? word->given_count : word->family_count;
}

/*
 * A slip of the pen is rare itself, whatever it stands for: of two words that
 * are nearly equal the more frequent one says how rare the name is.
 */
static int32
more_frequent(int32 a, int32 b, bool given)
{
	const CpWord *left = cp_dictionary_word(a);
	const CpWord *right = cp_dictionary_word(b);

	if (left == NULL || right == NULL || count_of(left, given) == count_of(right, given))
		return Min(a, b);
	return count_of(left, given) > count_of(right, given) ? a : b;
}

/*
 * Are both names of their own, as millie and lillie?  Hardly ever is one written
 * for the other by a slip, next to how often two children have them.  Nobody
 * slips by half a name (alex, alexander).
 */
static bool
are_rivals(int32 a, int32 b, bool given)
{
	const CpWord *left = cp_dictionary_word(a);
	const CpWord *right = cp_dictionary_word(b);
	int64		more;
	int64		less;

	if (left == NULL || right == NULL ||
		strncmp(left->word, right->word, Min(left->length, right->length)) == 0)
		return false;
	more = Max(count_of(left, given), count_of(right, given));
	less = Min(count_of(left, given), count_of(right, given));
	return less >= USUAL_LEAST && less >= more / USUAL_SHARE;
}

static int
compare_words(int32 a, int32 b, bool given, bool *variant)
{
	CpWordLevel level = cp_dictionary_compare(a, b);

	*variant = false;
	if (level == CP_WORD_EQUAL)
		return CP_NAME_EQUAL;
	if (level == CP_WORD_EDIT && !are_rivals(a, b, given))
		return CP_NAME_EDIT;
	if (given && cp_word_short_form(cp_dictionary_word(a), cp_dictionary_word(b)))
	{
		*variant = true;
		return CP_NAME_VARIANT;
	}
	switch (level)
	{
		case CP_WORD_EDIT:
			return CP_NAME_RIVAL;
		case CP_WORD_CLOSE:
			return are_rivals(a, b, given) ? CP_NAME_RIVAL : CP_NAME_CLOSE;
		case CP_WORD_WEAK:
			return CP_NAME_WEAK;
		case CP_WORD_INITIAL:
			return CP_NAME_INITIAL;
		default:
			return CP_NAME_DIFFER;
	}
}

/*
 * Compares the words of two given (or family) names.  The first given names
 * decide; one may be a later one on the other side (somebody called by the
 * second name), but two later ones never stand for the first: brothers and
 * sisters share second names.  In family names any part of a double one counts.
 */
static Part
compare_part(const int32 *a, int na, const int32 *b, int nb, bool given)
{
	Part		part = {0};

	if (na == 0 || nb == 0)
		return part;
	part.level = CP_NAME_DIFFER;
	for (int i = 0; i < na && part.level != CP_NAME_EQUAL; i++)
		for (int j = 0; j < nb; j++)
		{
			Part		other = {0};

			if (given && i > 0 && j > 0)
				continue;
			other.level = compare_words(a[i], b[j], given, &other.variant);
			if (other.level == CP_NAME_DIFFER)
				continue;
			if (i > 0 || j > 0)
			{
				if (other.level >= CP_NAME_WEAK)
					continue;
				other.level = other.level <= CP_NAME_VARIANT ? CP_NAME_PART : Max(other.level, CP_NAME_CLOSE);
			}
			if (other.level <= CP_NAME_PART)
				other.word = more_frequent(a[i], b[j], given);
			/* katie is no slip of the pen for karen */
			other.first_letter = !other.variant && same_first_letter(a[i], b[j]);
			if (is_better(&other, &part))
				part = other;
		}
	/* of two double names one part only */
	if (!given && part.level == CP_NAME_EQUAL && na > 1 && nb > 1 &&
		(na != nb || memcmp(a, b, na * sizeof(int32)) != 0))
		part.level = CP_NAME_PART;
	if (part.level > CP_NAME_EDIT && cp_words_joined_alike(a, na, b, nb))
	{
		part.level = CP_NAME_EDIT;
		part.word = na == 1 ? a[0] : nb == 1 ? b[0] : CP_NO_WORD;
		part.variant = false;
		part.first_letter = same_first_letter(a[0], b[0]);
	}
	return part;
}

/* Further given names, where both have some. */
static int
compare_more(const CpName *a, const CpName *b)
{
	if (a->ngiven < 2 || b->ngiven < 2)
		return 0;
	for (int i = 1; i < a->ngiven; i++)
		for (int j = 1; j < b->ngiven; j++)
			if (cp_dictionary_compare(a->given[i], b->given[j]) <= CP_WORD_CLOSE)
				return CP_MORE_EQUAL;
	return CP_MORE_DIFFER;
}

static bool
is_alike(const Part *part)
{
	return part->level <= CP_NAME_RIVAL;
}

/*
 * How given and family name stand to each other where they are compared
 * crosswise: both are alike, or not known, or one is the same and what should be
 * the other's is another name, too; 0 if neither.
 */
static int
order_of(const Part *straight_given, const Part *straight_family, const Part *given, const Part *family)
{
	if (is_alike(given) && is_alike(family))
		return CP_ORDER_SWAPPED;
	if (straight_given->level == CP_NAME_DIFFER && straight_family->level == CP_NAME_DIFFER &&
		given->level != 0 && family->level != 0 && Min(given->level, family->level) <= CP_NAME_EDIT)
		return CP_ORDER_HALF;
	return 0;
}

/* Compares two names; returns the cost of taking them for one. */
static int
compare_name(const CpName *a, const CpName *b, CpComparison *result)
{
	Part		given = compare_part(a->given, a->ngiven, b->given, b->ngiven, true);
	Part		family = compare_part(a->family, a->nfamily, b->family, b->nfamily, false);
	int			cost = name_cost[given.level] + name_cost[family.level];
	int			order = 0;

	/* given and family name in each other's place */
	if (cost > name_cost[CP_NAME_CLOSE])
	{
		Part		cross_given = compare_part(a->given, a->ngiven, b->family, b->nfamily, true);
		Part		cross_family = compare_part(a->family, a->nfamily, b->given, b->ngiven, true);
		int			cross = name_cost[cross_given.level] + name_cost[cross_family.level] + SWAPPED_COST;

		if (cross < cost)
			order = order_of(&given, &family, &cross_given, &cross_family);
		if (order != 0)
		{
			cost = cross;
			given = cross_given;
			family = cross_family;
			/* which of them stands in its place nobody knows */
			if (given.level != 0 && family.level != 0 && is_better(&family, &given))
			{
				given = cross_family;
				family = cross_given;
			}
		}
	}
	result->level[CP_GIVEN] = given.level;
	result->level[CP_FAMILY] = order == CP_ORDER_HALF ? CP_NAME_DIFFER : family.level;
	result->level[CP_ORDER] = order;
	result->level[CP_MORE] = order != 0 ? 0 : compare_more(a, b);
	result->given_word = given.word;
	result->family_word = family.word;
	result->given_first_letter = given.first_letter;
	result->variant = given.variant;
	return cost;
}

/*
 * Of two pairs of names that cost the same, does the first say more?  The
 * order in which the names of a person stand says nothing.
 */
static bool
says_more(const CpComparison *a, const CpComparison *b)
{
	double		left = (frequency(a->given_word) + 1) * (frequency(a->family_word) + 1);
	double		right = (frequency(b->given_word) + 1) * (frequency(b->family_word) + 1);
	int			levels = memcmp(a->level, b->level, sizeof(a->level));

	if (levels != 0)
		return levels < 0;
	if (left != right)
		return left < right;
	if (a->variant != b->variant)
		return b->variant;
	return a->given_first_letter && !b->given_first_letter;
}

static void
compare_names(const CpPerson *row, const CpPerson *record, CpComparison *result)
{
	int			best = -1;

	for (int i = 0; i < row->nnames; i++)
		for (int j = 0; j < record->nnames; j++)
		{
			CpComparison one = *result;
			int			cost = compare_name(&row->names[i], &record->names[j], &one);

			if (best < 0 || cost < best || (cost == best && says_more(&one, result)))
			{
				best = cost;
				*result = one;
			}
		}
}

/* Letters that short forms exchange count as one. */
static char
first_sound(char letter)
{
	switch (letter)
	{
		case 'c':
		case 'q':
			return 'k';
		case 'g':
			return 'j';
		case 'y':
			return 'i';
		case 'z':
			return 's';
		default:
			return letter;
	}
}

/* May one word be a short form of the other, if perhaps an unusual one? */
static bool
may_be_short_form(int32 a, int32 b)
{
	const CpWord *left = cp_dictionary_word(a);
	const CpWord *right = cp_dictionary_word(b);

	if (left == NULL || right == NULL)
		return true;
	if (cp_dictionary_compare(a, b) != CP_WORD_DIFFER || cp_word_short_form(left, right))
		return true;
	return Min(left->length, right->length) <= SHORT_FORM_MOST &&
		first_sound(left->word[0]) == first_sound(right->word[0]) &&
		first_sound(left->word[1]) == first_sound(right->word[1]);
}

/*
 * Is it plain that no given name of the one is a form of a given name of the
 * other?  Not where one of them has none.
 */
bool
cp_given_clearly_differs(const CpPerson *a, const CpPerson *b)
{
	bool		compared = false;

	for (int i = 0; i < a->nnames; i++)
		for (int j = 0; j < b->nnames; j++)
			for (int g = 0; g < a->names[i].ngiven; g++)
				for (int h = 0; h < b->names[j].ngiven; h++)
				{
					compared = true;
					if ((g == 0 || h == 0) &&
						may_be_short_form(a->names[i].given[g], b->names[j].given[h]))
						return false;
				}
	return compared;
}

/* ---------- all of it ---------- */

void
cp_compare(const CpPerson *row, const CpPerson *record, CpComparison *result)
{
	memset(result, 0, sizeof(CpComparison));
	compare_names(row, record, result);
	cp_compare_births(row, record, result);
	if (row->sex != 'U' && record->sex != 'U')
		result->level[CP_SEX] = row->sex == record->sex ? CP_SEX_EQUAL : CP_SEX_DIFFER;
	cp_compare_places(row, record, result);
	cp_compare_numbers(row, record, result);
}
