/*-------------------------------------------------------------------------
 *
 * key_probe.c
 *	  Blocking: what a row looks for among the keys of records (keys.c).
 *
 *	  First by the keys that it would have itself.  Deeper, where that leads to
 *	  nothing good: by one wrong fact after the other.  What is looked for
 *	  depends on the row, and on the words that are like its own, alone.
 *
 *	  Pure (model.h).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "keys.h"

#define BESIDE_YEAR 548			/* days: a year and a half */
#define MONTH_DAYS 31
#define TWO_YEARS_DAYS 731
#define DECADE_DAYS 3652
#define MAX_SIMILAR_CODES 4		/* sounds that are tried for one word */
#define MAX_JOINED 160			/* bytes of words run together */
#define LEAST_NAME 4			/* records that have a name at least, and one */
#define LEAST_NAME_SHARE 100000 /* in so many, or it may be a torn one */

/* Records with a word of this sound, born on the row's date. */
static void
probe_word(CpProbeList *list, const CpPerson *row, const char *code, CpBlock block)
{
	if (row->has_birth)
		cp_probe_add(list, cp_key_hash('W', code, "", 0),
					 row->date_of_birth, row->date_of_birth, block);
}

/* Records with these two sounds, born in the row's year. */
static void
probe_pair(CpProbeList *list, const CpPerson *row, const char *given, const char *family, CpBlock block)
{
	DateADT		first = CP_FIRST_DATE;
	DateADT		last = CP_LAST_DATE;

	if (row->has_birth)
		cp_key_year(row->date_of_birth, &first, &last);
	cp_probe_add(list, cp_key_pair('P', given, family, 0), first, last, block);
}

/* The same in outline, born on its day. */
static void
probe_outline(CpProbeList *list, const CpPerson *row, const char *given, const char *family, CpBlock block)
{
	if (row->has_birth)
		cp_probe_add(list, cp_key_outline(given, family, row->date_of_birth), CP_FIRST_DATE, CP_LAST_DATE, block);
}

/* Records with these two sounds, where the year of birth may be one off. */
static void
probe_pair_about(CpProbeList *list, const CpPerson *row, const char *given, const char *family, CpBlock block)
{
	DateADT		first = CP_FIRST_DATE;
	DateADT		last = CP_LAST_DATE;

	if (row->has_birth)
	{
		first = Max(row->date_of_birth - BESIDE_YEAR, CP_FIRST_DATE);
		last = Min(row->date_of_birth + BESIDE_YEAR, CP_LAST_DATE);
	}
	cp_probe_add(list, cp_key_pair('P', given, family, 0), first, last, block);
}

static void
probe_name(CpProbeList *list, const CpPerson *row, const CpName *name)
{
	const char *given = cp_key_code(cp_key_first_word(name->given, name->ngiven));

	if (name->ngiven > 0)
		probe_word(list, row, given, CP_BLOCK_NAME);
	for (int f = 0; f < name->nfamily; f++)
		probe_word(list, row, cp_key_code(name->family[f]), CP_BLOCK_NAME);
	for (int f = 0; f < Min(name->nfamily, CP_PAIR_WORDS) && name->ngiven > 0; f++)
	{
		probe_pair(list, row, given, cp_key_code(name->family[f]), CP_BLOCK_NAME);
		probe_outline(list, row, given, cp_key_code(name->family[f]), CP_BLOCK_NAME);
	}
	if (name->ngiven == 0 || name->nfamily == 0)
	{
		int32		word = name->ngiven > 0 ? name->given[0] : cp_key_first_word(name->family, name->nfamily);

		probe_pair(list, row, cp_key_code(word), "", CP_BLOCK_NAME);
		probe_outline(list, row, cp_key_code(word), "", CP_BLOCK_NAME);
	}
}

static bool
is_known_name(int32 id)
{
	const CpWord *word = cp_dictionary_word(id);
	const CpWord *all = cp_dictionary_word(CP_NO_WORD);

	return word != NULL && all != NULL &&
		word->given_count + word->family_count >= Max(LEAST_NAME, all->given_count / LEAST_NAME_SHARE);
}

/* Is one of several words no name of its own? */
static bool
may_be_torn(const int32 *words, int n)
{
	for (int i = 0; i < n && n > 1; i++)
		if (!is_known_name(words[i]))
			return true;
	return false;
}

bool
cp_key_may_be_torn(const CpPerson *row)
{
	for (int i = 0; i < row->nnames; i++)
		if (may_be_torn(row->names[i].given, row->names[i].ngiven) ||
			may_be_torn(row->names[i].family, row->names[i].nfamily))
			return true;
	return false;
}

/* Records with this sound of words run together. */
static void
probe_joined_code(CpProbeList *list, const CpPerson *row, const char *code, const char *other)
{
	probe_word(list, row, code, CP_BLOCK_JOINED);
	cp_probe_add(list, cp_key_pair('P', code, other, 0), CP_FIRST_DATE, CP_LAST_DATE, CP_BLOCK_JOINED);
	probe_outline(list, row, code, other, CP_BLOCK_JOINED);
}

/*
 * anne marie may be annemarie, and mac intosh macintosh; in wini rey, who are no
 * names, a letter of winifrey is lost
 */
static void
probe_joined(CpProbeList *list, const CpPerson *row, const int32 *words, int n, const char *other)
{
	char		joined[MAX_JOINED] = "";
	char		code[CP_CODE_LEN + 1];

	if (n < 2)
		return;
	for (int i = 0; i < n; i++)
	{
		const CpWord *word = cp_dictionary_word(words[i]);

		if (word != NULL)
			strlcat(joined, word->word, sizeof(joined));
	}
	cp_word_code(joined, code);
	probe_joined_code(list, row, code, other);
	if (may_be_torn(words, n))
	{
		ListCell   *cell;

		foreach(cell, cp_dictionary_codes_like(joined, MAX_SIMILAR_CODES))
			probe_joined_code(list, row, lfirst(cell), other);
	}
}

/*
 * The birth date may be quite another one.  Of usual names there are too many
 * such records, and none of them could score: then it may be off by a little in
 * another year, or in another decade.
 */
static void
probe_namesakes(CpProbeList *list, const CpPrefilter *filter, int32 given, int32 family)
{
	int32		key = cp_key_pair('P', cp_key_code(given), cp_key_code(family), 0);
	DateADT		birth = filter->row->date_of_birth;

	if (cp_prefilter_reaches(filter, given, family, CP_BIRTH_DIFFER))
		cp_probe_add(list, key, CP_FIRST_DATE, CP_LAST_DATE, CP_BLOCK_NAMESAKES);
	else if (cp_prefilter_reaches(filter, given, family, CP_BIRTH_NEIGHBOUR))
	{
		cp_probe_add(list, key, birth - DECADE_DAYS - MONTH_DAYS, birth - DECADE_DAYS + MONTH_DAYS, CP_BLOCK_NAMESAKES);
		cp_probe_add(list, key, birth - TWO_YEARS_DAYS - MONTH_DAYS, birth + TWO_YEARS_DAYS + MONTH_DAYS, CP_BLOCK_NAMESAKES);
		cp_probe_add(list, key, birth + DECADE_DAYS - MONTH_DAYS, birth + DECADE_DAYS + MONTH_DAYS, CP_BLOCK_NAMESAKES);
	}
}

static void
probe_any_birth(CpProbeList *list, const CpPrefilter *filter, const CpName *name)
{
	if (!filter->row->has_birth)
		return;
	for (int g = 0; g < Min(name->ngiven, CP_PAIR_WORDS); g++)
		for (int f = 0; f < Min(name->nfamily, CP_PAIR_WORDS); f++)
			if (g == 0 || f == 0)
				probe_namesakes(list, filter, name->given[g], name->family[f]);
}

/* The record's first given name may be a later one of the row. */
static void
probe_called(CpProbeList *list, const CpPerson *row, const CpName *name)
{
	for (int g = 1; g < name->ngiven; g++)
	{
		const char *given = cp_key_code(name->given[g]);

		probe_word(list, row, given, CP_BLOCK_NAME);
		for (int f = 0; f < Min(name->nfamily, CP_PAIR_WORDS) && g < CP_PAIR_WORDS; f++)
			probe_outline(list, row, given, cp_key_code(name->family[f]), CP_BLOCK_NAME);
	}
}

/* Words that are spelt like the row's and sound different. */
static void
probe_similar(CpProbeList *list, const CpPerson *row, const CpName *name)
{
	for (int w = 0; w < name->ngiven + name->nfamily; w++)
	{
		bool		is_given = w < name->ngiven;
		int			place = is_given ? w : w - name->ngiven;
		int32		word = is_given ? name->given[place] : name->family[place];
		int32		other = is_given ? cp_key_first_word(name->family, name->nfamily) :
		cp_key_first_word(name->given, name->ngiven);
		ListCell   *cell;

		/* a later given name has been tried by its sound: that will do */
		if (is_given && place > 0)
			continue;
		foreach(cell, cp_dictionary_similar_codes(word, MAX_SIMILAR_CODES))
		{
			probe_word(list, row, lfirst(cell), CP_BLOCK_NAME);
			probe_pair_about(list, row, lfirst(cell), cp_key_code(other), CP_BLOCK_NAME);
			/* has been looked for by the word itself */
			if (strncmp(lfirst(cell), cp_key_code(word), CP_OUTLINE_LENGTH) != 0)
				probe_outline(list, row, lfirst(cell), cp_key_code(other), CP_BLOCK_NAME);
		}
	}
}

/* Records of the house, whether they have a postcode of its street or not, and on the birth date of the street. */
static void
probe_address(CpProbeList *list, const CpPerson *row, const char *address)
{
	if (strpbrk(address, "0123456789") == NULL)
		cp_probe_add(list, cp_key_of_house(address, false), CP_FIRST_DATE, CP_LAST_DATE, CP_BLOCK_TOWN);
	else
		for (int whole = 0; whole < 2; whole++)
			cp_probe_add(list, cp_key_of_house(address, whole), CP_FIRST_DATE, CP_LAST_DATE, CP_BLOCK_HOUSE);
	if (row->has_birth)
		cp_probe_add(list, cp_key_of_street(address), row->date_of_birth, row->date_of_birth, CP_BLOCK_HOUSE);
}

CpProbe *
cp_match_probes(const CpPrefilter *filter, bool deep, int *nprobes)
{
	const CpPerson *row = filter->row;
	CpProbeList list = {0};
	ListCell   *cell;

	for (int i = 0; i < row->nnames; i++)
	{
		const CpName *name = &row->names[i];

		if (deep)
		{
			probe_any_birth(&list, filter, name);
			probe_called(&list, row, name);
			probe_similar(&list, row, name);
			probe_joined(&list, row, name->given, name->ngiven, cp_key_code(cp_key_first_word(name->family, name->nfamily)));
			probe_joined(&list, row, name->family, name->nfamily, cp_key_code(cp_key_first_word(name->given, name->ngiven)));
		}
		else
			probe_name(&list, row, name);
	}
	if (!deep)
	{
		foreach(cell, row->identifiers)
			cp_probe_add(&list, cp_key_hash('I', lfirst(cell), "", 0),
						 CP_FIRST_DATE, CP_LAST_DATE, CP_BLOCK_NUMBER);
		foreach(cell, row->postcodes)
			cp_probe_add(&list, cp_key_hash('C', lfirst(cell), "", 0),
						 CP_FIRST_DATE, CP_LAST_DATE, CP_BLOCK_PLACE);
	}
	else
	{
		foreach(cell, row->addresses)
			probe_address(&list, row, lfirst(cell));
	}
	*nprobes = list.n;
	return list.probes;
}
