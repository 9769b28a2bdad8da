/*-------------------------------------------------------------------------
 *
 * score.c
 *	  How much speaks for it that two persons are one: Fellegi-Sunter weights
 *	  in bits, log2 of how much more often an agreement (or a difference) is
 *	  seen between two rows about one child than between two children.
 *
 *	  The weights stand in contactpoint.weight, where they can be read
 *	  (weight.c).  The score adds them to the prior odds, one to
 *	  the number of records (of which a small registry pretends to have more).
 *	  A rare name weighs more than a frequent one.  Postcode and address are
 *	  nearly one fact, so the weaker of the two counts a quarter.
 *
 *	  Two children of one family agree in family name and place, twins in the
 *	  birth date too.  A given name that clearly differs therefore caps the
 *	  score, whatever else agrees, unless an identifier is the same.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "utils/datetime.h"

#include "model.h"

#define REFERENCE_BITS 9.0		/* the weights of equal names are those of a
								 * name borne by one in 2^9 */
#define PRIOR_RECORDS 1000.0	/* records that vouch for that */
#define RARITY_MOST 4.0

const char *const cp_weight_names[CP_NWEIGHTS][2] = {
	{"given", "equal"}, {"given", "edit"}, {"given", "close"},
	{"given", "weak"}, {"given", "initial"}, {"given", "differ"},
	{"family", "equal"}, {"family", "edit"}, {"family", "close"},
	{"family", "weak"}, {"family", "initial"}, {"family", "differ"},
	{"name", "swapped"}, {"name", "shifted"}, {"name", "more"}, {"name", "more differ"},
	{"birth", "equal"}, {"birth", "swapped"}, {"birth", "digit"},
	{"birth", "parts"}, {"birth", "default"}, {"birth", "digits"},
	{"birth", "year"}, {"birth", "differ"}, {"birth", "equal default"},
	{"sex", "equal"}, {"sex", "differ"},
	{"postcode", "equal"}, {"postcode", "near"}, {"postcode", "area"}, {"postcode", "differ"},
	{"address", "equal"}, {"address", "near"}, {"address", "part"}, {"address", "differ"},
	{"identifier", "equal"}, {"identifier", "differ"},
	{"prior", "least"}, {"cap", "other child"},
};

static const double *weights;

/* What two names say about given or family name. */
typedef struct Part
{
	bool		known;			/* on both sides */
	CpWordLevel level;
	bool		first_letter;	/* the same in the words that agree best */
	double		bits;
} Part;

/* ---------- names ---------- */

static int64
count_records(void)
{
	const CpWord *all = cp_dictionary_word(CP_NO_WORD);

	return all != NULL ? all->given_count : 0;
}

/* How much more (or less) than the reference an agreement on this word says. */
static double
rarity(int32 id, bool given)
{
	const CpWord *word = cp_dictionary_word(id);
	double		records = (double) count_records();
	double		count = 0;
	double		frequency;
	double		bits;

	if (word != NULL)
		count = (double) (given ? word->given_count : word->family_count);
	frequency = (count + PRIOR_RECORDS * exp2(-REFERENCE_BITS)) / (records + PRIOR_RECORDS);
	bits = -log2(frequency) - REFERENCE_BITS;
	return Max(Min(bits, RARITY_MOST), -RARITY_MOST);
}

static bool
same_first_letter(int32 a, int32 b)
{
	const CpWord *left = cp_dictionary_word(a);
	const CpWord *right = cp_dictionary_word(b);

	return left != NULL && right != NULL && left->word[0] == right->word[0];
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

/*
 * Compares the words of two given (or family) names.  The first given names
 * decide; one may be a later one on the other side (somebody called by the
 * second name), but two later ones never stand for the first: brothers and
 * sisters share second names.  In family names any part of a double one counts.
 */
static Part
compare_part(const int32 *a, int na, const int32 *b, int nb, bool given)
{
	const double *level_bits = &weights[given ? CP_W_GIVEN_EQUAL : CP_W_FAMILY_EQUAL];
	Part		part = {0};
	int			best_i = 0;
	int			best_j = 0;

	part.level = CP_WORD_DIFFER;
	if (na == 0 || nb == 0)
		return part;
	part.known = true;
	part.bits = -1000;
	for (int i = 0; i < na; i++)
		for (int j = 0; j < nb; j++)
		{
			CpWordLevel level;
			double		bits;
			bool		short_form;

			if (given && i > 0 && j > 0)
				continue;
			level = cp_dictionary_compare(a[i], b[j]);
			short_form = given && level > CP_WORD_CLOSE && cp_word_short_form(cp_dictionary_word(a[i]), cp_dictionary_word(b[j]));
			if (short_form)
				level = CP_WORD_CLOSE;
			bits = level_bits[level];
			if (level == CP_WORD_EQUAL)
				bits += rarity(b[j], given);
			if (i > 0 || j > 0)
			{
				if (level >= CP_WORD_WEAK)
					continue;
				bits += weights[CP_W_NAME_SHIFTED] * (given ? 1.0 : 0.5);
				if (given && level == CP_WORD_EQUAL)
					level = CP_WORD_CLOSE;
			}
			if (bits > part.bits)
			{
				part.bits = bits;
				part.level = level;
				/* katie is no slip of the pen for karen */
				part.first_letter = !short_form && same_first_letter(a[i], b[j]);
				best_i = i;
				best_j = j;
			}
		}

	if (na > 1 && nb > 1)
	{
		int			more = 0;

		for (int i = 0; i < na; i++)
			for (int j = 0; j < nb; j++)
				if (i != best_i && j != best_j &&
					cp_dictionary_compare(a[i], b[j]) <= CP_WORD_CLOSE)
				{
					more++;
					break;
				}
		part.bits += more > 0 ? weights[CP_W_NAME_MORE] * Min(more, 2) : weights[CP_W_NAME_MORE_DIFFER];
	}
	/* anne marie and annemarie */
	if (na + nb > 2)
	{
		char		left[CP_MAX_WORDS * 64 + 1];
		char		right[CP_MAX_WORDS * 64 + 1];
		int			left_length = join_words(a, na, left, sizeof(left));
		int			right_length = join_words(b, nb, right, sizeof(right));
		CpWordLevel level = cp_word_compare(left, left_length, right, right_length);

		if (level <= CP_WORD_EDIT && level_bits[level] > part.bits)
		{
			part.bits = level_bits[level];
			part.level = level;
			part.first_letter = left[0] == right[0];
		}
	}
	return part;
}

static bool
is_default_date(DateADT date)
{
	int			year;
	int			month;
	int			day;

	j2date(date + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	return month == 1 && day == 1;
}

/* ---------- places ---------- */

static double
compare_postcodes(const List *a, const List *b, bool *equal)
{
	double		best = weights[CP_W_POSTCODE_DIFFER];
	ListCell   *left;
	ListCell   *right;

	if (a == NIL || b == NIL)
		return 0;
	foreach(left, a)
	{
		const char *x = lfirst(left);
		int			xlen = strlen(x);

		foreach(right, b)
		{
			const char *y = lfirst(right);
			int			ylen = strlen(y);
			CpWordLevel level = cp_word_compare(x, xlen, y, ylen);

			if (level == CP_WORD_EQUAL)
			{
				*equal = true;
				return weights[CP_W_POSTCODE_EQUAL];
			}
			if (level == CP_WORD_EDIT)
				best = Max(best, weights[CP_W_POSTCODE_NEAR]);
			else if (xlen > 4 && xlen == ylen && strncmp(x, y, xlen - 3) == 0)
				best = Max(best, weights[CP_W_POSTCODE_AREA]);
		}
	}
	return best;
}

static double
compare_addresses(const List *a, const List *b, bool *equal)
{
	double		best = weights[CP_W_ADDRESS_DIFFER];
	ListCell   *left;
	ListCell   *right;

	if (a == NIL || b == NIL)
		return 0;
	foreach(left, a)
	{
		foreach(right, b)
		{
			const char *x = lfirst(left);
			const char *y = lfirst(right);
			double		words;
			double		letters;

			if (strcmp(x, y) == 0)
			{
				*equal = true;
				return weights[CP_W_ADDRESS_EQUAL];
			}
			words = cp_address_words_alike(x, y);
			letters = cp_address_letters_alike(x, y);
			/* next door is not the same house */
			if ((words >= 0.7 || letters >= 0.8) && !cp_address_number_differs(x, y))
			{
				*equal = true;
				best = Max(best, weights[CP_W_ADDRESS_NEAR]);
			}
			else if (words >= 0.45 || letters >= 0.6)
				best = Max(best, weights[CP_W_ADDRESS_PART]);
		}
	}
	return best;
}

/* Postcode and address: the stronger one, and a quarter of the other. */
static double
compare_places(const CpPerson *row, const CpPerson *record, bool *agrees)
{
	double		postcode = compare_postcodes(row->postcodes, record->postcodes, agrees);
	double		address = compare_addresses(row->addresses, record->addresses, agrees);

	return Max(postcode, address) + Min(postcode, address) / 4;
}

static double
compare_identifiers(const CpPerson *row, const CpPerson *record, CpCandidate *result)
{
	ListCell   *left;
	ListCell   *right;

	foreach(left, row->identifiers)
	{
		const char *a = lfirst(left);
		int			kind = strchr(a, ':') - a + 1;
		bool		same_kind = false;
		bool		same = false;

		foreach(right, record->identifiers)
		{
			const char *b = lfirst(right);

			if (strncmp(a, b, kind) == 0)
			{
				same_kind = true;
				same |= strcmp(a, b) == 0;
			}
		}
		if (same)
			result->identifier_equal = true;
		else if (same_kind)
			result->identifier_differs = true;
	}
	return (result->identifier_equal ? weights[CP_W_IDENTIFIER_EQUAL] : 0) +
		(result->identifier_differs ? weights[CP_W_IDENTIFIER_DIFFER] : 0);
}

/* ---------- all of it ---------- */

/*
 * Compares two persons over all their names; fills everything of a candidate.
 */
void
cp_score(const CpPerson *row, const CpPerson *record, CpCandidate *result)
{
	double		names = 0;
	double		family_bits = 0;
	double		score;
	double		place;
	bool		first = true;

	weights = cp_weights();
	memset(result, 0, sizeof(CpCandidate));
	result->child_id = record->child_id;
	result->nearness = record->nearness;

	for (int i = 0; i < row->nnames; i++)
		for (int j = 0; j < record->nnames; j++)
		{
			const CpName *a = &row->names[i];
			const CpName *b = &record->names[j];
			Part		given = compare_part(a->given, a->ngiven, b->given, b->ngiven, true);
			Part		family = compare_part(a->family, a->nfamily, b->family, b->nfamily, false);
			double		bits = given.bits + family.bits;

			/* given and family name in each other's place */
			if (given.level > CP_WORD_CLOSE || family.level > CP_WORD_CLOSE)
			{
				Part		cross_given = compare_part(a->given, a->ngiven, b->family, b->nfamily, false);
				Part		cross_family = compare_part(a->family, a->nfamily, b->given, b->ngiven, true);

				if ((cross_given.level <= CP_WORD_CLOSE || cross_family.level <= CP_WORD_CLOSE) &&
					cross_given.bits + cross_family.bits + weights[CP_W_NAME_SWAPPED] > bits)
				{
					bits = cross_given.bits + cross_family.bits + weights[CP_W_NAME_SWAPPED];
					given = cross_given;
					family = cross_family;
				}
			}
			if (first || bits > names)
			{
				first = false;
				names = bits;
				family_bits = family.bits;
				result->given_agrees = given.known && given.level <= CP_WORD_CLOSE;
				result->given_equal = given.known && given.level == CP_WORD_EQUAL;
				result->given_slip = result->given_agrees && given.first_letter;
				result->given_differs = given.known && given.level == CP_WORD_DIFFER;
				result->family_agrees = family.known && family.level <= CP_WORD_CLOSE;
			}
		}
	score = names;

	if (row->has_birth && record->has_birth)
	{
		CpBirthLevel level = cp_birth_compare(row->date_of_birth, record->date_of_birth);

		result->birth_equal = level == CP_BIRTH_EQUAL;
		result->birth_swapped = level == CP_BIRTH_SWAPPED;
		result->birth_near = CpBirthIsNear(level);
		result->birth_default = level == CP_BIRTH_EQUAL && is_default_date(row->date_of_birth);
		if (result->birth_default)
			score += weights[CP_W_BIRTH_EQUAL_DEFAULT];
		else
			score += weights[CP_W_BIRTH_EQUAL + level];
	}
	if (row->sex != 'U' && record->sex != 'U')
	{
		result->sex_differs = row->sex != record->sex;
		score += weights[result->sex_differs ? CP_W_SEX_DIFFER : CP_W_SEX_EQUAL];
	}
	score += compare_identifiers(row, record, result);
	place = compare_places(row, record, &result->place_agrees);
	score += place;
	score -= Max(weights[CP_W_PRIOR_LEAST], log2((double) count_records() + 1));

	result->guard_score = score - Min(family_bits, 0) - Min(place, 0);
	if (!result->identifier_equal &&
		(result->given_differs || (result->sex_differs && !result->given_equal)))
		score = Min(score, weights[CP_W_CAP_OTHER_CHILD]);
	result->score = score;
	result->guarded = cp_guard_compare(row, record, result);
	result->home_agrees = result->birth_equal && result->place_agrees && cp_same_home(row, record);
	result->doubtful = cp_is_doubtful(row, record, result);
}
