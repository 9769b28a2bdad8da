/*-------------------------------------------------------------------------
 *
 * score.c
 *	  How well the shipped weights tell true pairs from others: F1 of the
 *	  pairs with posterior one half and more, on labelled sets.
 *
 *	  What a registry counts for itself is counted in the set, without its
 *	  labels: rows, names, how many of a household rows have, and how many
 *	  rows a person has, which is one in a registry.
 *
 *	  score [-n | -i] [-w weights.sql] [-m MISSES] [-k KINDS] set.csv ...
 *
 *	  -n  without identifiers	-i  only with them
 *	  -m  print so many errors of each kind	-k  so many ways to err, by fields
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <time.h>
#include <unistd.h>

#include "dataset.h"

static double
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

typedef struct Scored
{
	double		score;
	bool		same;
} Scored;

static int
by_score(const void *a, const void *b)
{
	double		left = ((const Scored *) a)->score;
	double		right = ((const Scored *) b)->score;

	return left > right ? -1 : left < right ? 1 : 0;
}

static double
f1(int64 right, int64 found, int64 truth)
{
	return found + truth > 0 ? 2.0 * right / (found + truth) : 0;
}

static void
show(const Dataset *set, const char *what, Pair pair, double score)
{
	printf("%s %.2f\n   %s\n   %s\n", what, score, set->records[pair.a].text, set->records[pair.b].text);
}

/* Wrong or missed pairs that agree in the same way. */
typedef struct Kind
{
	char		text[300];
	int			n;
	double		score;
} Kind;

static Kind *kinds;
static int	nkinds;

static void
count_kind(const char *what, const Dataset *set, Pair pair, double score)
{
	CpComparison comparison;
	char		text[300];
	int			length = snprintf(text, sizeof(text), "%-7s", what);
	int			at = 0;

	cp_compare(&set->records[pair.b].person, &set->records[pair.a].person, &comparison);
	for (int field = 0; field < CP_NFIELDS; field++)
		if (comparison.level[field] != 0)
			length += snprintf(text + length, sizeof(text) - length, " %s=%s", cp_field_name(field),
							   cp_level_name(field, comparison.level[field]));
	while (at < nkinds && strcmp(kinds[at].text, text) != 0)
		at++;
	if (at == nkinds)
	{
		kinds = kinds ? repalloc(kinds, (nkinds + 1) * sizeof(Kind)) : palloc(sizeof(Kind));
		memset(&kinds[nkinds++], 0, sizeof(Kind));
		strcpy(kinds[at].text, text);
	}
	kinds[at].n++;
	kinds[at].score += score;
}

static int
by_number(const void *a, const void *b)
{
	return ((const Kind *) b)->n - ((const Kind *) a)->n;
}

static void
show_kinds(int most)
{
	if (nkinds > 1)
		qsort(kinds, nkinds, sizeof(Kind), by_number);
	for (int i = 0; i < Min(most, nkinds); i++)
		printf("%6d %6.2f %s\n", kinds[i].n, kinds[i].score / kinds[i].n, kinds[i].text);
	nkinds = 0;
}

static int	misses = 0;
static int	most_kinds = 0;

static void
measure(const char *path, bool identifiers)
{
	Dataset    *set = dataset_read(path, identifiers);
	int64		n;
	Pair	   *pairs = dataset_candidates(set, &n);
	Scored	   *scored = palloc((n + 1) * sizeof(Scored));
	double	   *scores = palloc((n + 1) * sizeof(double));
	double		pairs_of_record;
	int64		reached = 0;
	int64		found = 0;
	int64		right = 0;
	double		best = 0;
	double		best_at = 0;
	double		start = seconds();
	double		took;

	for (int64 i = 0; i < n; i++)
	{
		CpCandidate candidate;

		cp_score(&set->records[pairs[i].b].person, &set->records[pairs[i].a].person, &candidate);
		scores[i] = candidate.score;
	}
	took = seconds() - start;
	pairs_of_record = dataset_pairs_of_record(set, scores, n);
	for (int64 i = 0; i < n; i++)
	{
		bool		yes = scores[i] + pairs_of_record >= 0;

		scored[i].score = scores[i] + pairs_of_record;
		scored[i].same = dataset_same(set, pairs[i]);
		reached += scored[i].same;
		found += yes;
		right += yes && scored[i].same;
		if (most_kinds > 0 && yes != scored[i].same)
			count_kind(scored[i].same ? "missed" : "wrong", set, pairs[i], scored[i].score);
	}
	show_kinds(most_kinds);
	if (misses > 0)
	{
		int64		ntrue;
		Pair	   *truth = dataset_true_pairs(set, &ntrue);
		int64		wrong = found - right;
		int64		missed = reached - right;
		int64		unreached = ntrue - reached;

		for (int64 i = 0; i < n; i++)
		{
			bool		yes = scored[i].score >= 0;

			if (yes && !scored[i].same && random() % (wrong / misses + 1) == 0)
				show(set, "WRONG", pairs[i], scored[i].score);
			if (!yes && scored[i].same && random() % (missed / misses + 1) == 0)
				show(set, "MISSED", pairs[i], scored[i].score);
		}
		for (int64 i = 0, j = 0; i < ntrue; i++)
		{
			while (j < n && (pairs[j].a < truth[i].a || (pairs[j].a == truth[i].a && pairs[j].b < truth[i].b)))
				j++;
			if ((j >= n || pairs[j].a != truth[i].a || pairs[j].b != truth[i].b) &&
				random() % (unreached / misses + 1) == 0)
			{
				CpCandidate candidate;

				cp_score(&set->records[truth[i].b].person, &set->records[truth[i].a].person, &candidate);
				show(set, "UNREACHED", truth[i], candidate.score);
			}
		}
	}
	{
		int64		so_far = 0;

		qsort(scored, n, sizeof(Scored), by_score);
		for (int64 i = 0; i < n; i++)
		{
			so_far += scored[i].same;
			if ((i + 1 == n || scored[i + 1].score < scored[i].score) &&
				f1(so_far, i + 1, set->true_pairs) > best)
			{
				best = f1(so_far, i + 1, set->true_pairs);
				best_at = scored[i].score;
			}
		}
	}
	printf("%-22s %-5s %7d %8lld %8lld %6.4f  %6.4f %6.4f %6.4f  %6.4f %6.1f %7.0f %5.1f %6.1f %7.1f\n",
		   set->name, identifiers ? "ids" : "noid", set->nrecords, (long long) set->true_pairs, (long long) n,
		   set->true_pairs ? (double) reached / set->true_pairs : 0,
		   f1(right, found, set->true_pairs),
		   found ? (double) right / found : 0, set->true_pairs ? (double) right / set->true_pairs : 0,
		   best, best_at, n ? took / n * 1e9 : 0, (double) set->keys / set->nrecords,
		   (double) set->probes / set->nrecords, (double) set->entries / set->nrecords);
	fflush(stdout);
	free(pairs);
	free(scored);
	free(scores);
}

int
main(int argc, char **argv)
{
	const char *weights = "sql/51-weight.sql";
	int			with = 1;
	int			without = 1;
	int			option;

	while ((option = getopt(argc, argv, "inw:m:k:")) != -1)
		switch (option)
		{
			case 'n':
				with = 0;
				break;
			case 'i':
				without = 0;
				break;
			case 'w':
				weights = optarg;
				break;
			case 'k':
				most_kinds = atoi(optarg);
				break;
			case 'm':
				misses = atoi(optarg);
				break;
			default:
				return 2;
		}
	weights_read(weights);
	printf("%-22s %-5s %7s %8s %8s %6s  %6s %6s %6s  %6s %6s %7s %5s %6s %7s\n", "set", "", "rows", "true", "pairs", "PC",
		   "F1", "prec", "recall", "best", "at", "ns/pair", "keys", "probes", "entries");
	for (int i = optind; i < argc; i++)
	{
		if (with)
			measure(argv[i], true);
		if (without)
			measure(argv[i], false);
	}
	return 0;
}
