/*-------------------------------------------------------------------------
 *
 * variants.c
 *	  The shipped variants of given names, for tools without a server: read
 *	  from the extension script, in rows of the form ('name', 'variant variant').
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "model.h"

#define SCRIPT "sql/52-name-variant.sql"

typedef struct Pair
{
	uint64		word;
	uint64		other;
} Pair;

static Pair *pairs;
static int	npairs;
static int	pairs_size;

static void
add_pair(uint64 word, uint64 other)
{
	if (npairs >= pairs_size)
	{
		pairs_size = pairs_size > 0 ? 2 * pairs_size : 1024;
		pairs = realloc(pairs, pairs_size * sizeof(Pair));
		if (pairs == NULL)
			abort();
	}
	pairs[npairs].word = word;
	pairs[npairs++].other = other;
}

static int
by_word(const void *a, const void *b)
{
	const Pair *left = a;
	const Pair *right = b;

	if (left->word != right->word)
		return left->word < right->word ? -1 : 1;
	return left->other < right->other ? -1 : left->other > right->other ? 1 : 0;
}

static void
read_script(void)
{
	FILE	   *file = fopen(SCRIPT, "r");
	char		line[4096];
	char		name[100];
	char		variants[4000];

	if (file == NULL)
	{
		perror(SCRIPT);
		exit(1);
	}
	while (fgets(line, sizeof(line), file) != NULL)
		for (char *next = line; (next = strchr(next, '(')) != NULL; next++)
		{
			if (sscanf(next, "('%99[a-z]', '%3999[a-z ]')", name, variants) != 2)
				continue;
			for (char *word = strtok(variants, " "); word != NULL; word = strtok(NULL, " "))
			{
				add_pair(cp_word_hash(name), cp_word_hash(word));
				add_pair(cp_word_hash(word), cp_word_hash(name));
			}
		}
	fclose(file);
	if (npairs == 0)
	{
		fprintf(stderr, "%s holds no variants\n", SCRIPT);
		exit(1);
	}
	qsort(pairs, npairs, sizeof(Pair), by_word);
}

int
cp_variants(const char *word, uint64 *variants)
{
	uint64		hash = cp_word_hash(word);
	int			low = 0;
	int			high;
	int			n = 0;

	if (npairs == 0)
		read_script();
	high = npairs;
	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (pairs[middle].word < hash)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < npairs && pairs[low].word == hash && n < CP_MAX_VARIANTS; low++)
		variants[n++] = pairs[low].other;
	return n;
}
