/*-------------------------------------------------------------------------
 *
 * score.c
 *	  How much speaks for it that two persons are one: Fellegi-Sunter weights
 *	  in bits, log2 of how much more often a level of agreement is seen in one
 *	  class of pairs than between random children.
 *
 *	  Two rows are about the same child, or about two of one household, or
 *	  twins, or random children.  The score is log2 of the odds of the first
 *	  against the other three, where one record at most of all is the same
 *	  child's: at 0 it is as likely as not.  Children of a household agree in
 *	  family name and place, so these tell little against them; twins agree in
 *	  the birth date too.
 *
 *	  How many of a household a record has, and how often dates are wrong, is
 *	  counted in the registry (kin.c), as names are.
 *
 *	  A rare name weighs more than a frequent one.  An address is weighed in
 *	  the light of the postcode (compare.c), so one place does not count twice.
 *
 *	  The weights stand in contactpoint.weight (weight.c).  Pure (model.h).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "model.h"

#define REFERENCE_BITS 9.0		/* the weights of equal names are those of a
								 * name borne by one in 2^9 */
#define PRIOR_RECORDS 1000.0	/* records that vouch for that */
#define RARITY_MOST 4.0

static const char *const field_names[CP_NFIELDS] = {
	"given", "family", "order", "more", "birth", "sex", "postcode", "address",
	"address beside postcode", "number", "contact", "spacing"
};

#define NAME_LEVELS "equal", "edit", "variant", "part", "close", "rival", "weak", "initial", "differ"
#define ADDRESS_LEVELS "equal", "near", "part", "next door", "differ", "town equal", "town near", "town differ"

/* from level 1 on */
static const char *const level_names[CP_NFIELDS][CP_MAX_LEVELS] = {
	{NAME_LEVELS},
	{NAME_LEVELS},
	{"swapped", "half"},
	{"equal", "differ"},
	{"equal", "swapped", "digit", "close parts", "parts", "default", "neighbour", "close", "digits", "year", "differ",
	"equal default", "month only", "year only", "part differs"},
	{"equal", "differ"},
	{"equal", "equal wide", "near", "area", "differ"},
	{ADDRESS_LEVELS},
	{ADDRESS_LEVELS},
	{"equal", "near", "differ"},
	{"equal", "near", "differ"},
	{"short"}
};

/* ---------- the table of weights ---------- */

const char *
cp_field_name(CpField field)
{
	return field >= 0 && field < CP_NFIELDS ? field_names[field] : NULL;
}

const char *
cp_level_name(CpField field, int level)
{
	return cp_field_name(field) != NULL && level > 0 && level < CP_MAX_LEVELS ? level_names[field][level - 1] : NULL;
}

double *
cp_weight_place(CpWeights *weights, const char *field, const char *level, int *nvalues)
{
	*nvalues = 1;
	if (strcmp(field, "prior") == 0)
		return strcmp(level, "least records") == 0 ? &weights->least_records :
			strcmp(level, "household") == 0 ? &weights->household :
			strcmp(level, "twin") == 0 ? &weights->twin : NULL;
	*nvalues = CP_NCLASSES;
	for (int i = 0; i < CP_NFIELDS; i++)
		for (int j = 1; strcmp(field, field_names[i]) == 0 && cp_level_name(i, j) != NULL; j++)
			if (strcmp(level, cp_level_name(i, j)) == 0)
				return weights->bits[i][j];
	return NULL;
}

const char *
cp_weight_missing(const CpWeights *weights)
{
	if (isnan(weights->least_records) || isnan(weights->household) || isnan(weights->twin))
		return "prior";
	for (int i = 0; i < CP_NFIELDS; i++)
		for (int j = 1; cp_level_name(i, j) != NULL; j++)
			for (int k = 0; k < CP_NCLASSES; k++)
				if (isnan(weights->bits[i][j][k]))
					return psprintf("%s, %s", field_names[i], cp_level_name(i, j));
	return NULL;
}

/* ---------- evidence ---------- */

static double
count_records(void)
{
	const CpWord *all = cp_dictionary_word(CP_NO_WORD);

	return all != NULL ? (double) all->given_count : 0;
}

/* How much more (or less) than the reference an agreement on this word says. */
double
cp_score_rarity(int32 id, bool given, bool swapped)
{
	const CpWord *word = cp_dictionary_word(id);
	double		count = 0;
	double		frequency;
	double		bits;

	if (id == CP_NO_WORD)
		return 0;
	if (word != NULL && (given || swapped))
		count += (double) word->given_count;
	if (word != NULL && (!given || swapped))
		count += (double) word->family_count;
	frequency = (count + PRIOR_RECORDS * exp2(-REFERENCE_BITS)) / (count_records() + PRIOR_RECORDS);
	bits = -log2(frequency) - REFERENCE_BITS;
	return Max(Min(bits, RARITY_MOST), -RARITY_MOST);
}

/* The same for a given or family name as it agrees. */
static double
rarity_bits(const CpComparison *comparison, CpField field)
{
	int			level = comparison->level[field];
	bool		given = field == CP_GIVEN;

	if (level == 0 || level > CP_NAME_PART)
		return 0;
	return cp_score_rarity(given ? comparison->given_word : comparison->family_word, given,
						   comparison->level[CP_ORDER] != 0);
}

/* As much as it is another date in this registry. */
static double
date_bits(const CpComparison *comparison)
{
	return comparison->level[CP_BIRTH] == CP_BIRTH_DIFFER + 1 ? cp_priors()->dates : 0;
}

/* In a household all have the family name, rare or not, and given names of their own. */
double
cp_field_bits(const CpComparison *comparison, CpField field, CpClass class)
{
	double		bits = cp_weights()->bits[field][comparison->level[field]][class];

	if (field == CP_FAMILY || (field == CP_GIVEN && class == CP_CLASS_MATCH))
		bits += rarity_bits(comparison, field);
	if (field == CP_BIRTH && class == CP_CLASS_MATCH)
		bits += date_bits(comparison);
	return bits;
}

/* log2 of the sum of three powers of 2 */
static double
add_bits(double a, double b, double c)
{
	double		most = Max(a, Max(b, c));

	return most + log2(exp2(a - most) + exp2(b - most) + exp2(c - most));
}

static double
posterior_bits(const CpComparison *comparison)
{
	const CpWeights *weights = cp_weights();
	double		sums[CP_NCLASSES] = {0};
	const CpPriors *priors = cp_priors();
	double		given = rarity_bits(comparison, CP_GIVEN);
	double		family = rarity_bits(comparison, CP_FAMILY);

	for (int field = 0; field < CP_NFIELDS; field++)
	{
		const double *bits = weights->bits[field][comparison->level[field]];

		for (int class = 0; class < CP_NCLASSES; class++)
			sums[class] += bits[class];
	}
	return sums[CP_CLASS_MATCH] + given + family + date_bits(comparison) - priors->records -
		add_bits(0, sums[CP_CLASS_HOUSEHOLD] + family + priors->household - priors->records,
				 sums[CP_CLASS_TWIN] + family + priors->twin - priors->records);
}

void
cp_score(const CpPerson *row, const CpPerson *record, CpCandidate *result)
{
	CpComparison *comparison = &result->comparison;
	int			given;
	int			family;
	int			birth;

	memset(result, 0, sizeof(CpCandidate));
	result->child_id = record->child_id;
	result->nearness = record->nearness;
	cp_compare(row, record, comparison);
	given = comparison->level[CP_GIVEN];
	family = comparison->level[CP_FAMILY];
	birth = comparison->level[CP_BIRTH];
	/* a given name that is the other's family name is another given name */
	if (comparison->level[CP_ORDER] == CP_ORDER_HALF)
		given = CP_NAME_DIFFER;

	result->given_agrees = given >= CP_NAME_EQUAL && given <= CP_NAME_RIVAL;
	result->given_equal = given == CP_NAME_EQUAL;
	result->given_slip = result->given_agrees && comparison->given_first_letter;
	result->given_differs = given == CP_NAME_DIFFER;
	result->family_agrees = family >= CP_NAME_EQUAL && family <= CP_NAME_RIVAL;
	result->birth_equal = birth == CP_BIRTH_EQUAL + 1 || birth == CP_BIRTH_LEVEL_EQUAL_DEFAULT;
	result->birth_swapped = birth == CP_BIRTH_SWAPPED + 1;
	result->birth_near = result->birth_equal || (birth > 0 && CpBirthIsNear(birth - 1)) ||
		(birth == CP_BIRTH_LEVEL_PART_DIFFERS && row->has_birth && record->has_birth &&
		 CpBirthIsNear(cp_birth_compare(row->date_of_birth, record->date_of_birth)));
	result->sex_differs = comparison->level[CP_SEX] == CP_SEX_DIFFER;
	result->place_agrees = comparison->place_agrees;
	result->identifier_equal = comparison->level[CP_NUMBER] == CP_NUMBER_EQUAL;
	result->identifier_differs = comparison->number_differs;
	result->contact_equal = comparison->level[CP_CONTACT] == CP_NUMBER_EQUAL;
	result->score = posterior_bits(comparison);
	result->birth_default = birth == CP_BIRTH_LEVEL_EQUAL_DEFAULT;
	result->guarded = cp_guard_compare(row, record, result);
	result->home_agrees = result->birth_equal && result->place_agrees && cp_same_home(row, record);
	result->maybe_twins = result->birth_equal && result->given_slip && cp_may_be_twins(row, record);
	result->given_distinct = !result->given_equal && cp_given_distinct(row, record);
	result->doubtful = cp_is_doubtful(row, record, result);
}
