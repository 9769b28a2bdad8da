/*-------------------------------------------------------------------------
 *
 * frontend.c
 *	  A stand-in for the server around the pure files of src/ (model.h): a
 *	  dictionary in memory, weights from the extension script, lists, dates.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/hashfn.h"
#include "mb/pg_wchar.h"
#include "utils/datetime.h"

#include "frontend.h"
#include "keys.h"

#define MEMO_SIZE (1 << 20)
#define MAX_WORD_BYTES 64

typedef struct Memo
{
	int32		a;
	int32		b;
	CpWordLevel level;
} Memo;

static CpWord **words;			/* by id */
static int32 nwords;
static int32 words_size;
static int32 *buckets;			/* ids by hash, open addressing */
static uint32 nbuckets;
static Memo *memo;
static CpWeights weights;

/* ---------- the server's own ---------- */

int
date2j(int y, int m, int d)
{
	int			a = (14 - m) / 12;
	int			years = y + 4800 - a;
	int			months = m + 12 * a - 3;

	return d + (153 * months + 2) / 5 + 365 * years + years / 4 - years / 100 + years / 400 - 32045;
}

void
j2date(int jd, int *year, int *month, int *day)
{
	int			a = jd + 32044;
	int			b = (4 * a + 3) / 146097;
	int			c = a - 146097 * b / 4;
	int			d = (4 * c + 3) / 1461;
	int			e = c - 1461 * d / 4;
	int			m = (5 * e + 2) / 153;

	*day = e - (153 * m + 2) / 5 + 1;
	*month = m + 3 - 12 * (m / 10);
	*year = 100 * b + d - 4800 + m / 10;
}

const int	day_tab[2][13] = {
	{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0},
	{31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0}
};

List *
lappend(List *list, void *datum)
{
	if (list == NIL)
	{
		list = palloc0(sizeof(List) + 4 * sizeof(ListCell));
		list->type = T_List;
		list->max_length = 4;
		list->elements = list->initial_elements;
	}
	else if (list->length >= list->max_length)
	{
		ListCell   *larger = palloc(2 * list->max_length * sizeof(ListCell));

		memcpy(larger, list->elements, list->length * sizeof(ListCell));
		list->elements = larger;
		list->max_length *= 2;
	}
	list->elements[list->length++].ptr_value = datum;
	return list;
}

List *
list_make1_impl(NodeTag t, ListCell datum1)
{
	return lappend(NIL, datum1.ptr_value);
}

/* ---------- dictionary ---------- */

static uint32
find_bucket(const char *word)
{
	uint32		i = hash_bytes((const unsigned char *) word, strlen(word)) & (nbuckets - 1);

	while (buckets[i] != 0 && strcmp(words[buckets[i]]->word, word) != 0)
		i = (i + 1) & (nbuckets - 1);
	return i;
}

static void
grow(void)
{
	int32	   *old = buckets;
	uint32		nold = nbuckets;

	nbuckets = nbuckets ? nbuckets * 2 : 65536;
	buckets = palloc0(nbuckets * sizeof(int32));
	for (uint32 i = 0; i < nold; i++)
		if (old[i] != 0)
			buckets[find_bucket(words[old[i]]->word)] = old[i];
	if (old)
		pfree(old);
}

static CpWord *
new_word(const char *word)
{
	CpWord	   *entry = palloc0(sizeof(CpWord));
	uint64		variants[CP_MAX_VARIANTS];

	if (nwords >= words_size)
	{
		words_size = words_size ? words_size * 2 : 65536;
		words = words ? repalloc(words, words_size * sizeof(CpWord *)) : palloc(words_size * sizeof(CpWord *));
	}
	entry->id = nwords;
	entry->word = pstrdup(word);
	entry->length = strlen(word);
	cp_word_code(entry->word, entry->code);
	entry->hash = cp_word_hash(entry->word);
	entry->nvariants = cp_variants(entry->word, variants);
	entry->variants = palloc((entry->nvariants + 1) * sizeof(uint64));
	memcpy(unconstify(uint64 *, entry->variants), variants, entry->nvariants * sizeof(uint64));
	words[nwords++] = entry;
	return entry;
}

void
dictionary_reset(void)
{
	for (int32 i = 0; i < nwords; i++)
	{
		pfree(unconstify(char *, words[i]->word));
		pfree(unconstify(uint64 *, words[i]->variants));
		pfree(words[i]);
	}
	nwords = 0;
	if (buckets)
		memset(buckets, 0, nbuckets * sizeof(int32));
	if (memo == NULL)
		memo = palloc(MEMO_SIZE * sizeof(Memo));
	memset(memo, 0, MEMO_SIZE * sizeof(Memo));
	new_word("");
	new_word("#");
}

void
dictionary_count_kin(const CpKinShares *shares)
{
	words[CP_KIN_WORD]->given_count = shares->others;
	words[CP_KIN_WORD]->family_count = shares->twins;
	words[CP_NO_WORD]->family_count = shares->redated;
}

int32
dictionary_size(void)
{
	return nwords - 1;
}

int32
dictionary_id(const char *word)
{
	char		clipped[MAX_WORD_BYTES + 1];
	uint32		i;

	if (nwords == 0)
		dictionary_reset();
	if (strlen(word) > MAX_WORD_BYTES)
	{
		int			length = 0;

		while (length + pg_utf_mblen((const unsigned char *) word + length) <= MAX_WORD_BYTES)
			length += pg_utf_mblen((const unsigned char *) word + length);
		memcpy(clipped, word, length);
		clipped[length] = '\0';
		word = clipped;
	}
	if ((uint32) nwords * 2 >= nbuckets)
		grow();
	i = find_bucket(word);
	if (buckets[i] == 0)
		buckets[i] = new_word(word)->id;
	return buckets[i];
}

const CpWord *
cp_dictionary_word(int32 id)
{
	return id >= 0 && id < nwords ? words[id] : NULL;
}

bool
cp_dictionary_short_form(int32 a, int32 b)
{
	return cp_word_short_form(cp_dictionary_word(a), cp_dictionary_word(b));
}

uint32
cp_dictionary_alike(const int32 *words, int n, int32 id)
{
	return PG_UINT32_MAX;
}

CpWordLevel
cp_dictionary_compare(int32 a, int32 b)
{
	Memo	   *seen;

	if (a == b)
		return CP_WORD_EQUAL;
	if (a > b)
	{
		int32		swap = a;

		a = b;
		b = swap;
	}
	seen = &memo[(murmurhash32((uint32) a) ^ (uint32) b) & (MEMO_SIZE - 1)];
	if (seen->a != a || seen->b != b)
	{
		const CpWord *left = words[a];
		const CpWord *right = words[b];

		seen->level = cp_word_compare(left->word, left->length, right->word, right->length);
		seen->a = a;
		seen->b = b;
	}
	return seen->level;
}

void
dictionary_count_record(void)
{
	if (nwords == 0)
		dictionary_reset();
	words[CP_NO_WORD]->given_count++;
}

void
dictionary_count(int32 id, bool given, bool family)
{
	words[id]->given_count += given;
	words[id]->family_count += family;
}

/* ---------- words spelt alike ---------- */

#define LEAST_SIMILARITY 0.25f	/* as similar.c has them */
#define ONE_SLIP 1.0f

typedef struct Posting
{
	int32		n;
	int32		size;
	int32	   *ids;
} Posting;

static Posting *postings;		/* words by trigram */
static List **similar_codes;	/* by id, NIL until asked for */
static bool *similar_known;

/* Trigrams as pg_trgm has them: two blanks before, one behind. */
static int
trigrams(const CpWord *word, uint32 *hashes)
{
	char		padded[MAX_WORD_BYTES + 4];
	int			length = snprintf(padded, sizeof(padded), "  %s ", word->word);
	int			n = 0;

	for (int i = 0; i + 2 < length; i++)
	{
		uint32		hash = hash_bytes((unsigned char *) padded + i, 3) & 0xFFFF;
		bool		have = false;

		for (int j = 0; j < n; j++)
			have |= hashes[j] == hash;
		if (!have)
			hashes[n++] = hash;
	}
	return n;
}

void
dictionary_similar(void)
{
	uint32		hashes[MAX_WORD_BYTES + 4];

	if (postings)
		for (int i = 0; i < 65536; i++)
			free(postings[i].ids);
	free(postings);
	free(similar_codes);
	free(similar_known);
	postings = palloc0(65536 * sizeof(Posting));
	similar_codes = palloc0(nwords * sizeof(List *));
	similar_known = palloc0(nwords * sizeof(bool));
	for (int32 id = 1; id < nwords; id++)
	{
		int			n = trigrams(words[id], hashes);

		for (int i = 0; i < n; i++)
		{
			Posting    *posting = &postings[hashes[i]];

			if (posting->n >= posting->size)
			{
				posting->size = posting->size ? posting->size * 2 : 8;
				posting->ids = realloc(posting->ids, posting->size * sizeof(int32));
			}
			posting->ids[posting->n++] = id;
		}
	}
}

typedef struct Similar
{
	int32		id;
	float		similarity;
} Similar;

static int
by_similarity(const void *a, const void *b)
{
	const Similar *left = a;
	const Similar *right = b;

	return left->similarity > right->similarity ? -1 :
		left->similarity < right->similarity ? 1 : left->id - right->id;
}

static Similar *found;
static int	nfound;

static void
add_similar(const CpWord *word, int32 id, float similarity)
{
	const CpWord *other = words[id];

	if (strcmp(other->code, word->code) == 0 || !cp_word_slip(word->word, word->length, other->word, other->length))
		return;
	if (cp_word_one_slip(word->word, word->length, other->word, other->length))
		similarity += ONE_SLIP;
	found[nfound].id = id;
	found[nfound++].similarity = similarity;
}

static float
similarity_of(const CpWord *a, const CpWord *b)
{
	uint32		left[MAX_WORD_BYTES + 4];
	uint32		right[MAX_WORD_BYTES + 4];
	int			nleft = trigrams(a, left);
	int			nright = trigrams(b, right);
	int			common = 0;

	for (int i = 0; i < nleft; i++)
		for (int j = 0; j < nright; j++)
			common += left[i] == right[j];
	return (float) common / (nleft + nright - common);
}

static void
look_up_slip(const char *slip, int length, void *arg)
{
	int32		id = buckets[find_bucket(slip)];

	if (id != 0 && similarity_of(arg, words[id]) < LEAST_SIMILARITY)
		add_similar(arg, id, similarity_of(arg, words[id]));
}

static List *
search_similar(const CpWord *word, int most)
{
	static int32 *shared;		/* trigrams in common, by id */
	static int32 shared_size;
	uint32		hashes[MAX_WORD_BYTES + 4];
	List	   *codes = NIL;
	int			n = trigrams(word, hashes);

	if (shared_size < nwords)
	{
		free(shared);
		shared = palloc0(nwords * sizeof(int32));
		shared_size = nwords;
	}
	found = palloc(nwords * sizeof(Similar));
	nfound = 0;
	for (int i = 0; i < n; i++)
		for (int j = 0; j < postings[hashes[i]].n; j++)
			shared[postings[hashes[i]].ids[j]]++;
	for (int i = 0; i < n; i++)
		for (int j = 0; j < postings[hashes[i]].n; j++)
		{
			int32		other = postings[hashes[i]].ids[j];

			if (shared[other] > 0 && similarity_of(word, words[other]) >= LEAST_SIMILARITY)
				add_similar(word, other, similarity_of(word, words[other]));
			shared[other] = 0;
		}
	cp_word_slips(word->word, look_up_slip, unconstify(CpWord *, word));
	qsort(found, nfound, sizeof(Similar), by_similarity);
	for (int i = 0; i < nfound && list_length(codes) < most; i++)
	{
		bool		have = false;
		ListCell   *cell;

		foreach(cell, codes)
			have |= strcmp(lfirst(cell), words[found[i].id]->code) == 0;
		if (!have)
			codes = lappend(codes, words[found[i].id]->code);
	}
	pfree(found);
	return codes;
}

List *
cp_dictionary_similar_codes(int32 id, int most)
{
	if (words[id]->length >= 3 && !similar_known[id])
	{
		similar_known[id] = true;
		similar_codes[id] = search_similar(words[id], most);
	}
	return similar_codes[id];
}

List *
cp_dictionary_codes_like(const char *word, int most)
{
	CpWord		unknown = {0};
	int32		id = buckets[find_bucket(word)];

	if (id != 0)
		return cp_dictionary_similar_codes(id, most);
	unknown.word = word;
	unknown.length = strlen(word);
	cp_word_code(word, unknown.code);
	return unknown.length >= 3 && unknown.length <= MAX_WORD_BYTES ? search_similar(&unknown, most) : NIL;
}

/* ---------- weights ---------- */

const CpWeights *
cp_weights(void)
{
	return &weights;
}

void
weights_set(const CpWeights *values)
{
	weights = *values;
}

/* Rows look like (2, 'given', 'equal', 8.7, -3, -3); the highest version counts. */
void
weights_read(const char *path)
{
	FILE	   *file = fopen(path, "r");
	char		line[1024];
	int			version = 0;
	double	   *all = (double *) &weights;
	const char *missing;

	if (file == NULL)
	{
		fprintf(stderr, "cannot read %s\n", path);
		exit(1);
	}
	while (fgets(line, sizeof(line), file))
	{
		for (char *c = strchr(line, '('); c != NULL; c = strchr(c + 1, '('))
		{
			int			this_version;
			char		field[64];
			char		level[64];
			double		bits[CP_NCLASSES];
			double	   *place;
			int			nvalues;

			if (sscanf(c, "(%d, '%63[^']', '%63[^']', %lf, %lf, %lf)", &this_version, field, level,
					   &bits[0], &bits[1], &bits[2]) != 6 || this_version < version)
				continue;
			if (this_version > version)
			{
				version = this_version;
				for (int i = 0; i < sizeof(weights) / sizeof(double); i++)
					all[i] = NAN;
				for (int i = 0; i < CP_NFIELDS; i++)
					for (int j = 0; j < CP_NCLASSES; j++)
						weights.bits[i][0][j] = 0;
			}
			place = cp_weight_place(&weights, field, level, &nvalues);
			for (int i = 0; place != NULL && i < nvalues; i++)
				place[i] = bits[i];
		}
	}
	fclose(file);
	missing = cp_weight_missing(&weights);
	if (version == 0 || missing != NULL)
	{
		fprintf(stderr, "%s lacks the weight for %s\n", path, version ? missing : "everything");
		exit(1);
	}
}

/* ---------- persons ---------- */

static int
add_words(const char *normalised, int32 *ids)
{
	char	   *copy = pstrdup(normalised);
	char	   *rest = copy;
	char	   *word;
	int			n = 0;

	while (n < CP_MAX_WORDS && (word = strsep(&rest, " ")) != NULL)
		if (*word != '\0')
			ids[n++] = dictionary_id(word);
	pfree(copy);
	return n;
}

void
person_add_name(CpPerson *person, const char *given, const char *family)
{
	CpName	   *name = &person->names[person->nnames];
	char	   *given_words = cp_normalize_name(given);
	char	   *family_words = cp_normalize_family(family);

	name->ngiven = add_words(given_words, name->given);
	name->nfamily = add_words(family_words, name->family);
	if (name->ngiven + name->nfamily > 0 && person->nnames < CP_MAX_NAMES)
		person->nnames++;
	pfree(given_words);
	pfree(family_words);
}
