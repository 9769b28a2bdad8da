/*-------------------------------------------------------------------------
 *
 * kin.c
 *	  What the records of one home tell of the registry: how many brothers,
 *	  sisters and twins a record has, and how often a birth date is wrong.
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
 *	  Records of one home under one name are mostly second records of a child, if
 *	  there are any: how many of them have quite another birth date tells how
 *	  much such a date speaks against one child.  It counts less than the weights
 *	  say where dates are often wrong, never more.
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

#define PRIOR_RECORDS 2.0		/* records that vouch for what the weights say */
#define OTHERS_MOST 8.0			/* of a household on average: no country has
								 * more (UN, Household size, 2022), but a
								 * source may invent them */
#define TWIN_MOST 0.04			/* of a household, twice what births tell: 15
								 * in 1,000 are of twins (ONS, 2022), among
								 * 1.5 others */

#define NAMESAKES 0.005			/* of two children's first names, chance that
								 * they are one (ONS, births 2000 to 2020: 0.4
								 * to 1 % of one sex) */
#define PRIOR_PAIRS 100.0		/* second records that vouch for what the
								 * weights say of dates */
#define REDATED_MOST 0.2		/* of second records */
#define DATES_MOST 2.5			/* bits */

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
				cp_dictionary_compare(entries[i].family, entries[j].family) > CP_WORD_CLOSE)
				continue;
			birth = cp_birth_compare(entries[i].birth, entries[j].birth);
			/* each is the other's */
			if (entries[i].given == entries[j].given && entries[i].given != CP_NO_WORD)
			{
				kin->again += 2;
				kin->redated += birth == CP_BIRTH_DIFFER ? 2 : 0;
			}
			if (!are_other_names(entries[i].given, entries[j].given))
				continue;
			if (!CpBirthIsNear(birth))
				kin->others += 2;
			else if (birth == CP_BIRTH_EQUAL)
				kin->twins += 2;
		}
}

/*
 * One home, one name: second records of a child, but for brothers and sisters
 * who have one name by chance.  How many of them have quite another date: where
 * hardly any has not, these are namesakes, of a custom or invented.
 */
static double
redated(const CpKin *kin)
{
	double		found = Max(kin->redated - kin->others * NAMESAKES, 0);

	return found <= kin->again * REDATED_MOST ? found : 0;
}

/* Of second records. */
static double
redated_share(const CpKin *kin)
{
	double		usual = exp2(cp_weights()->bits[CP_BIRTH][CP_BIRTH_DIFFER + 1][CP_CLASS_MATCH]);

	return Max((redated(kin) + PRIOR_PAIRS * usual) / (kin->again + PRIOR_PAIRS), usual);
}

/*
 * Those who look like others of a household may be second records in which both
 * given name and date are wrong: one date in so many.
 */
static double
true_others(const CpKin *kin)
{
	double		equal = kin->again - redated(kin);

	return Max(kin->others - (equal > 0 ? kin->twins * redated(kin) / equal : 0), 0);
}

/* Of CP_KIN_UNIT records, with what the weights say of some. */
static double
on_average(double counted, double records, double bits)
{
	return CP_KIN_UNIT * (counted + PRIOR_RECORDS * exp2(bits)) / (records + PRIOR_RECORDS);
}

void
cp_kin_share(const CpKin *kin, CpKinShares *shares)
{
	const CpWeights *weights = cp_weights();
	double		household = Min(on_average(true_others(kin), kin->records, weights->household), OTHERS_MOST * CP_KIN_UNIT);

	shares->others = (int64) ceil(household);
	shares->twins = (int64) ceil(Min(on_average(kin->twins, kin->records, weights->twin), household * TWIN_MOST));
	shares->redated = (int64) ceil(CP_KIN_UNIT * redated_share(kin));
}

/* What priors are made of. */
typedef struct Facts
{
	int64		records;
	int64		others;
	int64		twins;
	int64		redated;
	double		usual;
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
		counted ? all->family_count : 0,
		weights->bits[CP_BIRTH][CP_BIRTH_DIFFER + 1][CP_CLASS_MATCH],
	weights->least_records, weights->household, weights->twin};

	if (memcmp(&facts, &last, sizeof(Facts)) == 0)
		return &priors;
	priors.records = Max(facts.least_records, log2(facts.records + 1.0));
	priors.household = counted ? log2((double) facts.others / CP_KIN_UNIT) : facts.household;
	priors.twin = counted ? log2((double) Max(facts.twins, 1) / CP_KIN_UNIT) : facts.twin;
	priors.dates = facts.redated > 0 ? Max(Min(log2((double) facts.redated / CP_KIN_UNIT) - facts.usual, DATES_MOST), 0) : 0;
	last = facts;
	return &priors;
}
