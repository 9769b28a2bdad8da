/*
 * model.c
 *	  A dictionary and the shipped weights for fuzz targets, and persons made
 *	  of a fuzzer's bytes.
 */
#include "postgres.h"

#include <math.h>

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/datetime.h"

#include "fuzz_model.h"

#define MAX_WORDS 1000
#define MAX_WORD_BYTES 64		/* as in dictionary.c: what is longer is cut */
#define WEIGHTS "sql/51-weight.sql"

static CpWord words[MAX_WORDS];
static int	nwords;

/* Often the same, often alike. */
static const char *const given_names[] = {
	"olivia", "oliver", "anne marie", "annemarie", "kate", "catherine", "jon", "john james", "james", "x",
};
static const char *const family_names[] = {
	"smith", "smyth", "smith jones", "jones", "van der berg", "vanderberg", "obrien", "li", "lee", "schmidt", "olivia",
};
static const char *const dates[] = {
	"2012-03-04", "2012-04-03", "2012-03-05", "2012-01-01", "2013-03-04", "2021-03-04", "2012-12-31", "0001-01-01", "9999-12-31",
};
static const char *const postcodes[] = {"BN11AA", "BN11AB", "BN1A1A", "EH991SP", "B11", ""};
static const char *const addresses[] = {
	"1 high st", "2 high st", "flat 2 1 high st", "the old mill long lane", "old mill longlane", "1",
};
static const char *const identifiers[] = {"nhs:9434765919", "nhs:9434765870", "upn:A123", "upn:A124", "nhs:"};

/* ---------- dictionary ---------- */

void
fuzz_dictionary_begin(int64 records)
{
	memset(&words[0], 0, sizeof(CpWord));
	words[0].word = "";
	words[0].given_count = words[0].family_count = records;
	words[CP_KIN_WORD] = words[0];
	words[CP_KIN_WORD].word = "#";
	words[CP_KIN_WORD].given_count = records == 0 ? 0 : CP_KIN_UNIT / 2;
	words[CP_KIN_WORD].family_count = records == 0 ? 0 : CP_KIN_UNIT / 100;
	nwords = CP_KIN_WORD + 1;
}

int32
fuzz_dictionary_id(const char *text, int64 count)
{
	uint64		variants[CP_MAX_VARIANTS] = {0};
	CpWord	   *word;
	int			length = 0;

	while (text[length] != '\0')
	{
		int			n = pg_utf_mblen((const unsigned char *) text + length);

		if (length + n > MAX_WORD_BYTES)
			break;
		length += n;
	}
	for (int i = CP_KIN_WORD + 1; i < nwords; i++)
		if (words[i].length == length && memcmp(words[i].word, text, length) == 0)
			return i;
	if (nwords == MAX_WORDS)
		abort();
	word = &words[nwords];
	memset(word, 0, sizeof(CpWord));
	word->id = nwords;
	word->length = length;
	word->word = pnstrdup(text, length);
	cp_word_code(word->word, word->code);
	word->given_count = word->family_count = Min(count, words[0].given_count);
	word->hash = cp_word_hash(word->word);
	word->nvariants = cp_variants(word->word, variants);
	word->variants = memcpy(palloc(sizeof(variants)), variants, sizeof(variants));
	return nwords++;
}

const CpWord *
cp_dictionary_word(int32 id)
{
	return id >= 0 && id < nwords ? &words[id] : NULL;
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
	if (a == b)
		return CP_WORD_EQUAL;
	return cp_word_compare(words[a].word, words[a].length, words[b].word, words[b].length);
}

/* ---------- weights ---------- */

static CpWeights *
read_weights(void)
{
	static CpWeights weights;
	double	   *all = (double *) &weights;
	FILE	   *file = fopen(WEIGHTS, "r");
	char		line[4096];
	const char *missing;

	if (file == NULL)
	{
		perror(WEIGHTS);
		exit(1);
	}
	for (int i = 0; i < sizeof(weights) / sizeof(double); i++)
		all[i] = NAN;
	for (int i = 0; i < CP_NFIELDS; i++)
		for (int j = 0; j < CP_NCLASSES; j++)
			weights.bits[i][0][j] = 0;
	while (fgets(line, sizeof(line), file) != NULL)
		for (char *next = line; (next = strchr(next, '(')) != NULL; next++)
		{
			int			version;
			char		field[100];
			char		level[100];
			double		bits[CP_NCLASSES];
			int			nvalues;
			double	   *place;

			if (sscanf(next, "(%d, '%99[^']', '%99[^']', %lf, %lf, %lf)", &version, field, level,
					   &bits[0], &bits[1], &bits[2]) != 6)
				continue;
			place = cp_weight_place(&weights, field, level, &nvalues);
			for (int i = 0; place != NULL && i < nvalues; i++)
				place[i] = bits[i];
		}
	fclose(file);
	missing = cp_weight_missing(&weights);
	if (missing != NULL)
	{
		fprintf(stderr, "%s: the weight for %s is missing\n", WEIGHTS, missing);
		exit(1);
	}
	return &weights;
}

const CpWeights *
cp_weights(void)
{
	static const CpWeights *weights = NULL;

	if (weights == NULL)
		weights = read_weights();
	return weights;
}

/* ---------- persons ---------- */

/* One of a pool, or text of the fuzzer's own, or NULL: not known. */
static const char *
choose(FuzzInput *input, const char *const *pool, int n)
{
	int			which = fuzz_below(input, n + 2);

	if (which < n)
		return pool[which];
	return which == n ? NULL : fuzz_text(input, 200);
}

static int
add_words(FuzzInput *input, char *normal, int32 *ids)
{
	int			n = 0;

	for (char *word = strtok(normal, " "); word != NULL && n < CP_MAX_WORDS; word = strtok(NULL, " "))
		ids[n++] = fuzz_dictionary_id(word, (int64) 1 << fuzz_below(input, 24));
	return n;
}

static void
add_name(FuzzInput *input, CpPerson *person, bool hidden)
{
	CpName	   *name = &person->names[person->nnames];
	const char *given = choose(input, given_names, lengthof(given_names));
	const char *family = choose(input, family_names, lengthof(family_names));

	name->hidden = hidden;
	name->ngiven = given == NULL ? 0 : add_words(input, cp_normalize_name(given), name->given);
	name->nfamily = family == NULL ? 0 : add_words(input, cp_normalize_family(family), name->family);
	if (name->ngiven + name->nfamily > 0)
		person->nnames++;
}

static List *
add_fact(List *facts, FuzzInput *input, const char *const *pool, int n, char *(*normalize) (const char *))
{
	const char *fact = choose(input, pool, n);

	if (fact == NULL)
		return facts;
	fact = normalize(fact);
	return *fact == '\0' ? facts : lappend(facts, (void *) fact);
}

static char *
normal_identifier(const char *text)
{
	const char *colon = strchr(text, ':');

	if (colon == NULL)
		return "";
	return psprintf("%s:%s", cp_normalize_kind(pnstrdup(text, colon - text)), cp_normalize_code(colon + 1));
}

CpPerson *
fuzz_person(FuzzInput *input)
{
	CpPerson   *person = palloc0(sizeof(CpPerson));
	const char *birth;

	person->nearness = fuzz_below(input, CP_NEAR_SHIELDED_WIDE + 1);
	for (int n = fuzz_below(input, 3); n >= 0; n--)
		add_name(input, person, person->nnames > 0);
	birth = choose(input, dates, lengthof(dates));
	person->has_birth = birth != NULL && cp_parse_iso_date(birth, &person->date_of_birth);
	person->sex = "FMU"[fuzz_below(input, 3)];
	for (int n = fuzz_below(input, 3); n > 0; n--)
	{
		person->postcodes = add_fact(person->postcodes, input, postcodes, lengthof(postcodes), cp_normalize_postcode);
		person->addresses = add_fact(person->addresses, input, addresses, lengthof(addresses), cp_normalize_address);
		person->identifiers = add_fact(person->identifiers, input, identifiers, lengthof(identifiers), normal_identifier);
	}
	cp_person_finish(person);
	return person;
}

static void
describe_words(StringInfo to, const int32 *ids, int n)
{
	for (int i = 0; i < n; i++)
		appendStringInfo(to, "%s%s(%d)", i > 0 ? "+" : "", words[ids[i]].word, (int) words[ids[i]].given_count);
}

static void
describe_facts(StringInfo to, const char *label, const List *facts)
{
	ListCell   *cell;

	foreach(cell, facts)
		appendStringInfo(to, "; %s %s", label, (const char *) lfirst(cell));
}

char *
fuzz_describe(const CpPerson *person)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < person->nnames; i++)
	{
		const CpName *name = &person->names[i];

		appendStringInfoString(&text, i > 0 ? (name->hidden ? "; hidden " : "; ") : "");
		describe_words(&text, name->given, name->ngiven);
		appendStringInfoString(&text, "/");
		describe_words(&text, name->family, name->nfamily);
	}
	if (person->has_birth)
	{
		int			year;
		int			month;
		int			day;

		j2date(person->date_of_birth + POSTGRES_EPOCH_JDATE, &year, &month, &day);
		appendStringInfo(&text, "; born %04d-%02d-%02d", year, month, day);
	}
	appendStringInfo(&text, "; sex %c; nearness %d", person->sex, person->nearness);
	describe_facts(&text, "postcode", person->postcodes);
	describe_facts(&text, "address", person->addresses);
	describe_facts(&text, "identifier", person->identifiers);
	return text.data;
}
