/*-------------------------------------------------------------------------
 *
 * kin.c
 *	  How many brothers, sisters and twins a record has in the registry.
 *
 *	  Two records of one house that have the family name in common are one
 *	  child's or two children's; how often it is two depends on the registry:
 *	  a school's has few of a household, a town's has all of them.  So
 *	  the share is counted, not shipped: records of one home with the same
 *	  family name, given names that have nothing in common and birth dates far
 *	  apart are hardly ever one child's.  With equal birth dates they are twins
 *	  or, seldom, one child under two names; so twins are no more than a share
 *	  of the household.
 *
 *	  Homes are houses, or postcodes where there is no house.  What the weights
 *	  say holds until enough homes are seen.
 *
 *	  Pure (model.h).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "model.h"

#define PRIOR_RECORDS 8.0		/* records that vouch for what the weights say */
#define OTHERS_MOST 8.0			/* of a household on average: no country has
								 * more (UN, Household size, 2022), but a
								 * source may invent them */
#define TWIN_MOST 0.04			/* of a household, twice what births tell: 15
								 * in 1,000 are of twins (ONS, 2022), among
								 * 1.5 others */

static bool
are_other_names(int32 a, int32 b)
{
	return a != CP_NO_WORD && b != CP_NO_WORD && cp_dictionary_compare(a, b) > CP_WORD_CLOSE &&
		!cp_word_short_form(cp_dictionary_word(a), cp_dictionary_word(b));
}

void
cp_kin_count(const CpHomeEntry *entries, int n, CpKin *kin)
{
	kin->records += n;
	for (int i = 0; i < n; i++)
		for (int j = 0; j < i; j++)
		{
			CpBirthLevel birth;

			if (entries[i].family == CP_NO_WORD || entries[j].family == CP_NO_WORD ||
				cp_dictionary_compare(entries[i].family, entries[j].family) > CP_WORD_CLOSE ||
				!are_other_names(entries[i].given, entries[j].given))
				continue;
			birth = cp_birth_compare(entries[i].birth, entries[j].birth);
			/* each is the other's */
			if (!CpBirthIsNear(birth))
				kin->others += 2;
			else if (birth == CP_BIRTH_EQUAL)
				kin->twins += 2;
		}
}

/* Of CP_KIN_UNIT records, with what the weights say of some. */
static double
on_average(double counted, double records, double bits)
{
	return CP_KIN_UNIT * (counted + PRIOR_RECORDS * exp2(bits)) / (records + PRIOR_RECORDS);
}

void
cp_kin_share(const CpKin *kin, int64 *others, int64 *twins)
{
	const CpWeights *weights = cp_weights();
	double		household = Min(on_average(kin->others, kin->records, weights->household), OTHERS_MOST * CP_KIN_UNIT);

	*others = (int64) ceil(household);
	*twins = (int64) ceil(Min(on_average(kin->twins, kin->records, weights->twin), household * TWIN_MOST));
}

/* What priors are made of. */
typedef struct Facts
{
	int64		records;
	int64		others;
	int64		twins;
	double		least_records;
	double		household;
	double		twin;
} Facts;

const CpPriors *
cp_priors(void)
{
	static Facts last;
	static CpPriors priors;
	const CpWeights *weights = cp_weights();
	const CpWord *all = cp_dictionary_word(CP_NO_WORD);
	const CpWord *kin = cp_dictionary_word(CP_KIN_WORD);
	bool		counted = kin != NULL && kin->given_count > 0;
	Facts		facts = {all != NULL ? all->given_count : 0,
		counted ? kin->given_count : 0,
		counted ? kin->family_count : 0,
	weights->least_records, weights->household, weights->twin};

	if (memcmp(&facts, &last, sizeof(Facts)) == 0)
		return &priors;
	priors.records = Max(facts.least_records, log2(facts.records + 1.0));
	priors.household = counted ? log2((double) facts.others / CP_KIN_UNIT) : facts.household;
	priors.twin = counted ? log2((double) Max(facts.twins, 1) / CP_KIN_UNIT) : facts.twin;
	last = facts;
	return &priors;
}
