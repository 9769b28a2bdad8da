/*-------------------------------------------------------------------------
 *
 * train.c
 *	  Estimates the weights of the matcher from labelled sets.
 *
 *	  train [-v VERSION] [-l] [-c CACHE] set.csv ... [test: set.csv ...]
 *
 *	  Prints rows for sql/51-weight.sql and, on the screen, what each set
 *	  scores; -l also on weights trained without it.  Sets after test: are never
 *	  trained on.  -c keeps what was seen, for another try.
 *
 *	  First the usual estimates of Fellegi and Sunter: how often a level is seen
 *	  in true pairs, and in random ones, pooled so that every set counts the
 *	  same, mixed with values set by hand where the sets hold little.  Then the
 *	  classes of pairs that are no match are taken for what they are latently:
 *	  expectation maximisation on the conditional likelihood of the labels of
 *	  candidate pairs, with a penalty for leaving the first estimates.  Levels
 *	  that go together (given and family name, birth date and a number made of
 *	  it) share what they say, which counting alone does not do.
 *
 *	  Guards: weights of the levels of a field are monotone where the order is
 *	  known, lie within bounds, and those of household and twin follow from
 *	  those of the match: members of a household agree in family name and
 *	  place as one person's rows do, in given name and birth date as random
 *	  children do.  How many there are is counted in each set, as a registry
 *	  does for itself (kin.c), and how often birth dates are wrong; how many rows
 *	  a person has is told by the labels where a set is trained on, and estimated
 *	  where it is scored.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>
#include <unistd.h>

#include "common/hashfn.h"

#include "dataset.h"

#define THRESHOLD -5.0			/* more pairs than the matcher looks at */
#define RANDOM_PAIRS 60000
#define ROUNDS 240
#define STEP 0.15
#define PENALTY 0.002			/* for each squared bit, where the likelihood of
								 * all sets together counts about their number */
#define PRIOR_PAIRS 0.02		/* share of a set that the values by hand weigh */
#define FULL_PAIRS 500.0		/* a set with fewer true pairs counts less */
#define MOST_BITS 15.0
#define LEAST_BITS -9.0
#define HOUSEHOLD_LEAST -2.3	/* log2 of 0.2: moved out, another surname */
#define LEAST_RECORDS 10.0		/* log2 */
#define HOUSEHOLD 0.6			/* log2 of 1.5 others */
#define SPACING -2.0			/* bits: half brothers, cousins */
#define TWIN -5.0				/* log2 of three in a hundred */
#define FAR -15.0				/* bits of a pair that is left out */
#define MAX_SETS 32

/*
 * Values by hand, match against random, of a name borne by one in 2^9.  In the
 * sets that are trained on no postcode means a street: of those who have one in
 * common hardly a tenth lives in two houses of it, or writes one in two ways.
 */
static const struct
{
	CpField		field;
	double		bits[CP_MAX_LEVELS];
}			by_hand[] = {
	{CP_GIVEN, {8.7, 6.5, 6, 4, 4.5, 1, 1.5, 1, -5}},
	{CP_FAMILY, {8.7, 6.5, 6, 4.5, 4.5, 1, 1.5, 0.5, -4.5}},
	{CP_ORDER, {-5, -5}},
	{CP_MORE, {3, -1.5}},
	{CP_BIRTH, {12.6, 7, 5, 3, 1, 1, 1, 0, -2, -3.5, -7, 8, 8, 4, -5}},
	{CP_SEX, {0.9, -4.5}},
	{CP_POSTCODE, {11, 8, 5, 2, -1.5}},
	{CP_ADDRESS, {10, 8, 3, -1, -1, 4, 3, -1}},
	{CP_ADDRESS_BESIDE, {4, 4, 1, -2, -3.5, 1, 1, -0.5}},
	{CP_NUMBER, {15, 9, -4}},
	{CP_CONTACT, {12, 7, -1.5}},
	{CP_SPACING, {0}},
};

/*
 * What a weight may be at most, where the sets that are trained on lack what
 * speaks against it: households, twins, neighbours, namesakes born elsewhen.
 * By hand: so many of a street have one postcode, so many sisters another name.
 * Who has the same given name is mostly of the same sex, so that tells little.
 */
static const struct
{
	CpField		field;
	int			level;
	double		most;
}			bounds[] = {
	{CP_GIVEN, CP_NAME_DIFFER, -3.2},
	{CP_GIVEN, CP_NAME_WEAK, 1.5},
	{CP_FAMILY, CP_NAME_DIFFER, -3},
	{CP_ORDER, CP_ORDER_SWAPPED, -2},
	{CP_ORDER, CP_ORDER_HALF, -2},
	{CP_BIRTH, CP_BIRTH_DIFFER + 1, -6.5},
	{CP_BIRTH, CP_BIRTH_YEAR + 1, -3.5},
	{CP_BIRTH, CP_BIRTH_DIGITS + 1, -1},
	{CP_BIRTH, CP_BIRTH_NEIGHBOUR + 1, 2.5},
	{CP_BIRTH, CP_BIRTH_CLOSE + 1, 1},
	{CP_SPACING, CP_SPACING_SHORT, 0},
	{CP_SEX, CP_SEX_EQUAL, 0.3},
	{CP_SEX, CP_SEX_DIFFER, -3},
	{CP_POSTCODE, CP_POSTCODE_EQUAL, 8},
	{CP_POSTCODE, CP_POSTCODE_EQUAL_WIDE, 8},
	{CP_ADDRESS, CP_ADDRESS_NEXT_DOOR, -1},
	{CP_ADDRESS, CP_ADDRESS_TOWN_EQUAL, 5},
	{CP_ADDRESS_BESIDE, CP_ADDRESS_EQUAL, 5},
	{CP_ADDRESS_BESIDE, CP_ADDRESS_NEXT_DOOR, -2},
	{CP_ADDRESS_BESIDE, CP_ADDRESS_TOWN_EQUAL, 2},
	{CP_ADDRESS_BESIDE, CP_ADDRESS_TOWN_NEAR, 2},
	{CP_ADDRESS_BESIDE, CP_ADDRESS_TOWN_DIFFER, 0},
};

/*
 * What it must be at least: where people have numbers of their own besides,
 * these say all that an equal phone number would.  By hand: some of a family
 * share one.
 */
static const struct
{
	CpField		field;
	int			level;
	double		least;
}			floors[] = {
	{CP_CONTACT, CP_NUMBER_EQUAL, 10},
	{CP_SPACING, CP_SPACING_SHORT, 0},
};

/* Levels of a field, best first. */
static const struct
{
	CpField		field;
	int			levels[CP_MAX_LEVELS];
}			orders[] = {
	{CP_GIVEN, {1, 2, 5, 7, 9}},
	{CP_GIVEN, {5, 6, 9}},
	{CP_GIVEN, {1, 3, 9}},
	{CP_GIVEN, {1, 4, 9}},
	{CP_GIVEN, {1, 8, 9}},
	{CP_FAMILY, {1, 2, 5, 7, 9}},
	{CP_FAMILY, {5, 6, 9}},
	{CP_FAMILY, {1, 4, 9}},
	{CP_FAMILY, {1, 8, 9}},
	{CP_MORE, {1, 2}},
	{CP_BIRTH, {1, 2, 3, 4, 5, 9, 10, 11}},
	{CP_BIRTH, {3, 7, 8, 11}},
	{CP_BIRTH, {1, 6, 10}},
	{CP_BIRTH, {1, 12, 13, 14, 15}},
	{CP_SEX, {1, 2}},
	{CP_POSTCODE, {1, 2, 3, 4, 5}},
	{CP_ADDRESS, {1, 2, 3, 5}},
	{CP_ADDRESS, {3, 4}},
	{CP_ADDRESS, {1, 6, 7, 8}},
	{CP_ADDRESS_BESIDE, {1, 2, 3, 5}},
	{CP_ADDRESS_BESIDE, {3, 4}},
	{CP_ADDRESS_BESIDE, {1, 6, 7, 8}},
	{CP_NUMBER, {1, 2, 3}},
	{CP_CONTACT, {1, 2, 3}},
};

/* Pairs of one set that agree in the same way. */
typedef struct Pattern
{
	uint8		level[CP_NFIELDS];
	int8		given;			/* rarity in half bits */
	int8		family;
	uint8		same;
	int			set;
	int			next;
	double		n;
} Pattern;

typedef struct Set
{
	double		records;		/* log2 */
	double		household;		/* log2 of others of a household, as counted */
	double		twin;
	double		dates;			/* bits by which birth dates that differ count
								 * less */
	double		match;			/* log2 of other rows of a person */
	double		rows;			/* log2 */
	double		weight;			/* of each pair; 0: for testing only */
	double		true_pairs;
	char		name[64];
	bool		identifiers;
	double		match_share[CP_NFIELDS][CP_MAX_LEVELS];
	double		random_share[CP_NFIELDS][CP_MAX_LEVELS];
} Set;

static Pattern *patterns;
static int	npatterns;
static int	patterns_size;
static int	heads[1 << 20];
static Set	sets[MAX_SETS];
static int	nsets;
static double start[CP_NFIELDS][CP_MAX_LEVELS];
static CpWeights weights;
static const Pattern **near;	/* of sets that are trained on */
static int	nnear;

/* ---------- what is seen ---------- */

static void
add_pattern(const CpComparison *comparison, double given, double family, bool same)
{
	Pattern		pattern = {0};
	uint32		hash;

	memcpy(pattern.level, comparison->level, sizeof(pattern.level));
	pattern.given = rint(given * 2);
	pattern.family = rint(family * 2);
	pattern.same = same;
	pattern.set = nsets;
	hash = hash_bytes((unsigned char *) &pattern, offsetof(Pattern, next)) & (lengthof(heads) - 1);
	for (int i = heads[hash]; i != 0; i = patterns[i].next)
		if (memcmp(&patterns[i], &pattern, offsetof(Pattern, next)) == 0)
		{
			patterns[i].n++;
			return;
		}
	if (npatterns + 1 >= patterns_size)
	{
		patterns_size = patterns_size ? patterns_size * 2 : 65536;
		patterns = patterns ? repalloc(patterns, patterns_size * sizeof(Pattern)) : palloc(patterns_size * sizeof(Pattern));
	}
	pattern.n = 1;
	pattern.next = heads[hash];
	patterns[++npatterns] = pattern;
	heads[hash] = npatterns;
}

/* Rarity alone: the weights themselves are all 0 while sets are read. */
static void
look_at(const Dataset *set, Pair pair, bool same)
{
	CpComparison comparison;

	cp_compare(&set->records[pair.b].person, &set->records[pair.a].person, &comparison);
	add_pattern(&comparison, cp_field_bits(&comparison, CP_GIVEN, CP_CLASS_MATCH),
				cp_field_bits(&comparison, CP_FAMILY, CP_CLASS_MATCH), same);
}

static void
count_levels(const Dataset *set, const Pair *pairs, int64 n, double shares[CP_NFIELDS][CP_MAX_LEVELS])
{
	double		counts[CP_NFIELDS][CP_MAX_LEVELS] = {{0}};

	for (int64 i = 0; i < n; i++)
	{
		CpComparison comparison;

		cp_compare(&set->records[pairs[i].b].person, &set->records[pairs[i].a].person, &comparison);
		for (int field = 0; field < CP_NFIELDS; field++)
			counts[field][comparison.level[field]]++;
	}
	for (int field = 0; field < CP_NFIELDS; field++)
	{
		double		known = 0;

		for (int level = 1; level < CP_MAX_LEVELS; level++)
			known += counts[field][level];
		/* a set that hardly knows a field says little about it */
		for (int level = 1; level < CP_MAX_LEVELS && known > 0; level++)
			shares[field][level] += counts[field][level] / Max(known, 200);
	}
}

static void
read_set(const char *path, bool identifiers)
{
	static const CpWeights nothing;
	Dataset    *set;
	int64		n;
	Pair	   *pairs;
	int64		ntrue;
	Pair	   *truth;
	int64		nrandom = 0;
	Pair	   *random_pairs = palloc(RANDOM_PAIRS * sizeof(Pair));
	uint64		seed = 42;

	/* pairs are looked for, and homes counted, with the shipped weights */
	weights_read("sql/51-weight.sql");
	set = dataset_read(path, identifiers);
	truth = dataset_true_pairs(set, &ntrue);
	pairs = dataset_candidates(set, &n);
	sets[nsets].records = cp_priors()->records;
	sets[nsets].household = cp_priors()->household;
	sets[nsets].twin = cp_priors()->twin;
	sets[nsets].dates = cp_priors()->dates;
	weights_set(&nothing);
	for (int64 i = 0; i < n; i++)
		look_at(set, pairs[i], dataset_same(set, pairs[i]));
	sets[nsets].rows = log2(set->nrecords);
	sets[nsets].match = log2(2.0 * ntrue / set->nrecords);
	strlcpy(sets[nsets].name, set->name, sizeof(sets[nsets].name));
	sets[nsets].identifiers = identifiers;
	sets[nsets].true_pairs = ntrue;
	for (int i = 0; i < RANDOM_PAIRS; i++)
	{
		Pair		pair;

		seed = seed * UINT64CONST(6364136223846793005) + UINT64CONST(1442695040888963407);
		pair.a = (seed >> 33) % set->nrecords;
		seed = seed * UINT64CONST(6364136223846793005) + UINT64CONST(1442695040888963407);
		pair.b = (seed >> 33) % set->nrecords;
		if (pair.a != pair.b && !dataset_same(set, pair))
			random_pairs[nrandom++] = pair;
	}
	count_levels(set, truth, ntrue, sets[nsets].match_share);
	count_levels(set, random_pairs, nrandom, sets[nsets].random_share);
	nsets++;
	free(pairs);
	free(truth);
	free(random_pairs);
}

/* ---------- what is seen, kept for another try ---------- */

static void
save(const char *path, int ntraining)
{
	FILE	   *file = fopen(path, "w");

	fwrite(&ntraining, sizeof(int), 1, file);
	fwrite(&nsets, sizeof(int), 1, file);
	fwrite(sets, sizeof(Set), nsets, file);
	fwrite(&npatterns, sizeof(int), 1, file);
	fwrite(patterns, sizeof(Pattern), npatterns + 1, file);
	fclose(file);
}

static bool
load(const char *path, int *ntraining)
{
	FILE	   *file = fopen(path, "r");
	bool		done;

	if (file == NULL)
		return false;
	done = fread(ntraining, sizeof(int), 1, file) == 1 && fread(&nsets, sizeof(int), 1, file) == 1 &&
		fread(sets, sizeof(Set), nsets, file) == nsets && fread(&npatterns, sizeof(int), 1, file) == 1;
	if (done)
	{
		patterns = palloc((npatterns + 1) * sizeof(Pattern));
		done = fread(patterns, sizeof(Pattern), npatterns + 1, file) == npatterns + 1;
	}
	fclose(file);
	return done;
}

/* ---------- estimates ---------- */

static double
hand(CpField field, int level)
{
	for (int i = 0; i < lengthof(by_hand); i++)
		if (by_hand[i].field == field)
			return by_hand[i].bits[level - 1];
	return 0;
}

/* Counts of both kinds of pairs, mixed with the values by hand. */
static void
first_estimates(void)
{
	for (int field = 0; field < CP_NFIELDS; field++)
	{
		double		match = 0;
		double		other = 0;
		double		match_share[CP_MAX_LEVELS] = {0};
		double		random_share[CP_MAX_LEVELS] = {0};

		for (int level = 1; level < CP_MAX_LEVELS; level++)
		{
			for (int i = 0; i < nsets; i++)
				if (sets[i].weight > 0)
				{
					match_share[level] += sets[i].match_share[field][level];
					random_share[level] += sets[i].random_share[field][level];
				}
			match += match_share[level];
			other += random_share[level];
		}
		for (int level = 1; cp_level_name(field, level) != NULL; level++)
		{
			double		prior = hand(field, level);
			double		m = match_share[level];
			double		u = random_share[level];
			double		bits = prior;

			if (match > 0 && other > 0 && m > 0)
			{
				/* u so small that no random pair showed it: by hand */
				double		least = 3e-6;
				double		counted = log2((m / match) / Max(u / other, least));
				double		trust = m / (m + PRIOR_PAIRS);

				if (field <= CP_FAMILY && level == CP_NAME_EQUAL)
					counted = log2(m / match) + 9;
				bits = trust * counted + (1 - trust) * prior;
			}
			start[field][level] = Max(Min(bits, MOST_BITS), LEAST_BITS);
			weights.bits[field][level][CP_CLASS_MATCH] = start[field][level];
		}
	}
}

/* Weights of the other classes follow from those of the match. */
static void
derive_classes(void)
{
	for (int field = 0; field < CP_NFIELDS; field++)
		for (int level = 1; cp_level_name(field, level) != NULL; level++)
		{
			double	   *bits = weights.bits[field][level];
			double		match = bits[CP_CLASS_MATCH];

			switch (field)
			{
				case CP_GIVEN:
					bits[CP_CLASS_HOUSEHOLD] = level <= CP_NAME_RIVAL ? -0.5 : 0;
					bits[CP_CLASS_TWIN] = bits[CP_CLASS_HOUSEHOLD];
					break;
				case CP_FAMILY:
				case CP_POSTCODE:
				case CP_ADDRESS:
				case CP_ADDRESS_BESIDE:
					bits[CP_CLASS_HOUSEHOLD] = Max(match, HOUSEHOLD_LEAST);
					bits[CP_CLASS_TWIN] = bits[CP_CLASS_HOUSEHOLD];
					break;
				case CP_CONTACT:
					bits[CP_CLASS_HOUSEHOLD] = level == CP_NUMBER_DIFFER ? -0.5 : match - 1.5;
					bits[CP_CLASS_TWIN] = bits[CP_CLASS_HOUSEHOLD];
					break;
				case CP_BIRTH:
					bits[CP_CLASS_HOUSEHOLD] = level == CP_BIRTH_EQUAL + 1 ? -3 : 0;
					bits[CP_CLASS_TWIN] = match;
					break;
				case CP_SEX:
					/* two thirds of twins are of one sex */
					bits[CP_CLASS_HOUSEHOLD] = 0;
					bits[CP_CLASS_TWIN] = level == CP_SEX_EQUAL ? 0.4 : -0.6;
					break;
				case CP_ORDER:
					bits[CP_CLASS_HOUSEHOLD] = bits[CP_CLASS_TWIN] = match;
					break;
				case CP_SPACING:
					bits[CP_CLASS_HOUSEHOLD] = SPACING;
					bits[CP_CLASS_TWIN] = 0;
					break;
				default:
					bits[CP_CLASS_HOUSEHOLD] = bits[CP_CLASS_TWIN] = Min(match, 0) * 0.25;
					if (level == CP_NUMBER_EQUAL && field == CP_NUMBER)
						bits[CP_CLASS_HOUSEHOLD] = bits[CP_CLASS_TWIN] = 0;
					break;
			}
		}
}

static double
score_of(const Pattern *pattern, double *household, double *twin)
{
	double		sums[CP_NCLASSES] = {0};
	const Set  *set = &sets[pattern->set];
	double		given = pattern->given / 2.0;
	double		family = pattern->family / 2.0;
	double		dates = pattern->level[CP_BIRTH] == CP_BIRTH_DIFFER + 1 ? set->dates : 0;
	double		others;

	for (int field = 0; field < CP_NFIELDS; field++)
		for (int class = 0; class < CP_NCLASSES; class++)
			sums[class] += weights.bits[field][pattern->level[field]][class];
	*household = exp2(sums[CP_CLASS_HOUSEHOLD] + family + set->household - set->records);
	*twin = exp2(sums[CP_CLASS_TWIN] + family + set->twin - set->records);
	others = 1 + *household + *twin;
	*household /= others;
	*twin /= others;
	return sums[CP_CLASS_MATCH] + given + family + dates + set->match - set->records - log2(others);
}

/* How much a weight of another class moves with that of the match. */
static double
slope_of(CpField field, int level, CpClass class)
{
	double		bits = weights.bits[field][level][CP_CLASS_MATCH];
	double		kept = weights.bits[field][level][class];
	double		moved;

	weights.bits[field][level][CP_CLASS_MATCH] = bits + 0.01;
	derive_classes();
	moved = weights.bits[field][level][class];
	weights.bits[field][level][CP_CLASS_MATCH] = bits;
	derive_classes();
	return (moved - kept) / 0.01;
}

static double slopes[CP_NFIELDS][CP_MAX_LEVELS][CP_NCLASSES];

static double
likelihood(double gradient[CP_NFIELDS][CP_MAX_LEVELS])
{
	double		sum = 0;

	memset(gradient, 0, sizeof(double) * CP_NFIELDS * CP_MAX_LEVELS);
	for (int field = 0; field < CP_NFIELDS; field++)
		for (int level = 1; cp_level_name(field, level) != NULL; level++)
			for (int class = CP_CLASS_HOUSEHOLD; class < CP_NCLASSES; class++)
				slopes[field][level][class] = slope_of(field, level, class);
	for (int i = 0; i < nnear; i++)
	{
		const Pattern *pattern = near[i];
		double		household;
		double		twin;
		double		score = score_of(pattern, &household, &twin);
		double		p = 1 / (1 + exp2(-score));
		double		weight = pattern->n * sets[pattern->set].weight;
		double		error = weight * (pattern->same - p);

		sum += weight * log2(Max(pattern->same ? p : 1 - p, 1e-12));
		for (int field = 0; field < CP_NFIELDS; field++)
		{
			const double *slope = slopes[field][pattern->level[field]];

			gradient[field][pattern->level[field]] += error *
				(1 - household * slope[CP_CLASS_HOUSEHOLD] - twin * slope[CP_CLASS_TWIN]);
		}
	}
	for (int field = 0; field < CP_NFIELDS; field++)
		for (int level = 1; cp_level_name(field, level) != NULL; level++)
		{
			double		off = weights.bits[field][level][CP_CLASS_MATCH] - start[field][level];

			gradient[field][level] -= 2 * PENALTY * off;
			sum -= PENALTY * off * off;
		}
	return sum;
}

/* Then pools neighbours that are not in order. */
static void
keep_within_bounds(void)
{
	for (int i = 0; i < lengthof(bounds); i++)
	{
		double	   *bits = &weights.bits[bounds[i].field][bounds[i].level][CP_CLASS_MATCH];

		*bits = Min(*bits, bounds[i].most);
	}
	for (int i = 0; i < lengthof(floors); i++)
	{
		double	   *bits = &weights.bits[floors[i].field][floors[i].level][CP_CLASS_MATCH];

		*bits = Max(*bits, floors[i].least);
	}
	for (int round = 0; round < 20; round++)
		for (int i = 0; i < lengthof(orders); i++)
			for (int j = 0; j + 1 < CP_MAX_LEVELS && orders[i].levels[j + 1] != 0; j++)
			{
				double	   *better = weights.bits[orders[i].field][orders[i].levels[j]];
				double	   *worse = weights.bits[orders[i].field][orders[i].levels[j + 1]];

				if (better[CP_CLASS_MATCH] < worse[CP_CLASS_MATCH])
					better[CP_CLASS_MATCH] = worse[CP_CLASS_MATCH] =
						(better[CP_CLASS_MATCH] + worse[CP_CLASS_MATCH]) / 2;
			}
}

/* Ascent with a step of its own for each weight (Adam). */
static void
maximise(void)
{
	static double gradient[CP_NFIELDS][CP_MAX_LEVELS];
	static double mean[CP_NFIELDS][CP_MAX_LEVELS];
	static double square[CP_NFIELDS][CP_MAX_LEVELS];

	for (int round = 1; round <= ROUNDS; round++)
	{
		double		step = STEP * (round > ROUNDS * 2 / 3 ? 0.2 : 1);

		derive_classes();
		likelihood(gradient);
		for (int field = 0; field < CP_NFIELDS; field++)
			for (int level = 1; cp_level_name(field, level) != NULL; level++)
			{
				double	   *bits = &weights.bits[field][level][CP_CLASS_MATCH];
				double		g = gradient[field][level];

				mean[field][level] = 0.9 * mean[field][level] + 0.1 * g;
				square[field][level] = 0.99 * square[field][level] + 0.01 * g * g;
				*bits += step * mean[field][level] / (sqrt(square[field][level]) + 1e-9);
				*bits = Max(Min(*bits, MOST_BITS), LEAST_BITS);
			}
		keep_within_bounds();
	}
	derive_classes();
}

/* What is far from any match does not move the weights. */
static void
find_near(void)
{
	nnear = 0;
	near = near ? near : palloc((npatterns + 1) * sizeof(Pattern *));
	derive_classes();
	for (int i = 1; i <= npatterns; i++)
	{
		double		household;
		double		twin;

		if (sets[patterns[i].set].weight > 0 &&
			(patterns[i].same || score_of(&patterns[i], &household, &twin) > FAR))
			near[nnear++] = &patterns[i];
	}
}

/* Trains on all sets but those of one name and those that are for testing only. */
static void
train(int ntraining, const char *without)
{
	memset(&weights, 0, sizeof(weights));
	weights.least_records = LEAST_RECORDS;
	weights.household = HOUSEHOLD;
	weights.twin = TWIN;
	for (int i = 0; i < nsets; i++)
		sets[i].weight = i < ntraining && (without == NULL || strcmp(sets[i].name, without) != 0) ?
			Min(1, sets[i].true_pairs / FULL_PAIRS) / sets[i].true_pairs : 0;
	first_estimates();
	find_near();
	maximise();
}

/* As dataset_pairs_of_record(): without the labels. */
static void
estimate_match(int set)
{
	for (int round = 0; round < 50; round++)
	{
		double		expected = 1;

		for (int i = 1; i <= npatterns; i++)
			if (patterns[i].set == set)
			{
				double		household;
				double		twin;

				expected += patterns[i].n / (1 + exp2(-score_of(&patterns[i], &household, &twin)));
			}
		sets[set].match = Max(Min(log2(2 * expected) - sets[set].rows, 5), -3);
	}
}

static void
measure(int set)
{
	double		found = 0;
	double		right = 0;
	double		reached = 0;

	estimate_match(set);
	for (int i = 1; i <= npatterns; i++)
	{
		double		household;
		double		twin;

		if (patterns[i].set != set)
			continue;
		reached += patterns[i].same * patterns[i].n;
		if (score_of(&patterns[i], &household, &twin) < 0)
			continue;
		found += patterns[i].n;
		right += patterns[i].same * patterns[i].n;
	}
	fprintf(stderr, "%-22s %-5s PC %.4f F1 %.4f precision %.4f recall %.4f\n", sets[set].name,
			sets[set].identifiers ? "ids" : "noid", reached / sets[set].true_pairs,
			2 * right / (found + sets[set].true_pairs), found > 0 ? right / found : 0, right / sets[set].true_pairs);
}

static void
print_weights(int version)
{
	printf("INSERT INTO contactpoint.weight (version, field, level, match, household, twin) VALUES\n");
	for (int field = 0; field < CP_NFIELDS; field++)
		for (int level = 1; cp_level_name(field, level) != NULL; level++)
		{
			const double *bits = weights.bits[field][level];

			printf("    (%d, '%s', '%s', %.2f, %.2f, %.2f),\n", version, cp_field_name(field), cp_level_name(field, level),
				   bits[CP_CLASS_MATCH], bits[CP_CLASS_HOUSEHOLD], bits[CP_CLASS_TWIN]);
		}
	printf("    (%d, 'prior', 'least records', %.2f, 0, 0),\n", version, weights.least_records);
	printf("    (%d, 'prior', 'household', %.2f, 0, 0),\n", version, weights.household);
	printf("    (%d, 'prior', 'twin', %.2f, 0, 0);\n", version, weights.twin);
}

int
main(int argc, char **argv)
{
	int			version = 2;
	bool		leave_out = false;
	const char *cache = NULL;
	int			ntraining = -1;
	int			option;

	while ((option = getopt(argc, argv, "v:lc:")) != -1)
		switch (option)
		{
			case 'v':
				version = atoi(optarg);
				break;
			case 'l':
				leave_out = true;
				break;
			case 'c':
				cache = optarg;
				break;
			default:
				return 2;
		}
	weights_set(&weights);
	dataset_threshold = THRESHOLD;
	if (cache == NULL || !load(cache, &ntraining))
	{
		for (int i = optind; i < argc; i++)
		{
			if (strcmp(argv[i], "test:") == 0)
			{
				ntraining = nsets;
				continue;
			}
			read_set(argv[i], true);
			read_set(argv[i], false);
		}
		if (ntraining < 0)
			ntraining = nsets;
		if (cache != NULL)
			save(cache, ntraining);
	}
	for (int i = 0; leave_out && i < ntraining; i += 2)
	{
		train(ntraining, sets[i].name);
		fprintf(stderr, "left out: ");
		measure(i);
		fprintf(stderr, "left out: ");
		measure(i + 1);
	}
	train(ntraining, NULL);
	for (int i = 0; i < nsets; i++)
		measure(i);
	print_weights(version);
	return 0;
}
