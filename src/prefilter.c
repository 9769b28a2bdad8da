/*-------------------------------------------------------------------------
 *
 * prefilter.c
 *	  Which entries of a block are worth a look at their records.
 *
 *	  An entry tells the birth date and two words of a record.  It is passed
 *	  over where the score could not be in reach even if all that it does not
 *	  tell agreed.  What doubt.c asks a person about is below that sometimes, so
 *	  at a place more is looked at.
 *
 *	  Pure (model.h).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "keys.h"

#define OTHER_FIELDS 4.0		/* bits that sex, further names and a place
								 * nearby may add to names and birth date */

/*
 * What a name adds to a score, but for how rare it is: as if it stood in its own
 * place, and no other name of the record were more alike.
 */
static double
level_bits(CpWordLevel level, bool given)
{
	static const int levels[] = {
		[CP_WORD_EQUAL] = CP_NAME_EQUAL,
		[CP_WORD_EDIT] = CP_NAME_EDIT,
		[CP_WORD_CLOSE] = CP_NAME_CLOSE,
		[CP_WORD_WEAK] = CP_NAME_WEAK,
		[CP_WORD_INITIAL] = CP_NAME_INITIAL,
		[CP_WORD_DIFFER] = CP_NAME_DIFFER
	};

	return cp_weights()->bits[given ? CP_GIVEN : CP_FAMILY][levels[level]][CP_CLASS_MATCH];
}

void
cp_prefilter_init(CpPrefilter *filter, const CpPerson *row, double threshold)
{
	filter->row = row;
	filter->least = threshold + cp_priors()->records - OTHER_FIELDS;
	filter->nwords = 0;
	filter->last_birth = DATEVAL_NOBEGIN;
	filter->last_level = CP_BIRTH_UNKNOWN;
	filter->given.word = filter->family.word = CP_NO_WORD;
	filter->given.level = filter->family.level = CP_WORD_DIFFER;
	filter->given.bits = filter->family.bits = 0;
	for (int given = 0; given < 2; given++)
	{
		filter->other_bits[given] = level_bits(CP_WORD_DIFFER, given);
		for (CpWordLevel level = CP_WORD_EDIT; level < CP_WORD_DIFFER; level++)
			filter->other_bits[given] = Max(filter->other_bits[given], level_bits(level, given));
	}
	for (int i = 0; i < row->nnames; i++)
	{
		const CpName *name = &row->names[i];

		for (int w = 0; w < name->ngiven + name->nfamily; w++)
		{
			int32		word = w < name->ngiven ? name->given[w] : name->family[w - name->ngiven];
			int			s = 0;

			while (s < filter->nwords && filter->words[s] != word)
				s++;
			if (s == filter->nwords && s < CP_FILTER_WORDS)
			{
				filter->equal_bits[s][false] = filter->equal_bits[s][true] = NAN;
				filter->words[filter->nwords++] = word;
			}
		}
	}
}

/* How alike is a word to the most similar one of the row, of which it is none? */
static CpWordLevel
word_level(const CpPrefilter *filter, int32 id)
{
	CpWordLevel best = CP_WORD_DIFFER;

	if (id == CP_NO_WORD)
		return best;
	for (int i = 0; i < filter->nwords; i++)
	{
		CpWordLevel level = cp_dictionary_compare(filter->words[i], id);

		if (level > CP_WORD_CLOSE &&
			cp_dictionary_short_form(filter->words[i], id))
			level = CP_WORD_CLOSE;
		best = Min(best, level);
	}
	return best;
}

static CpBirthLevel
birth_level(CpPrefilter *filter, DateADT birth)
{
	if (!filter->row->has_birth || birth == DATEVAL_NOBEGIN)
		return CP_BIRTH_UNKNOWN;
	if (birth == filter->row->date_of_birth)
		return CP_BIRTH_EQUAL;
	/* entries of a block come in the order of their dates */
	if (birth != filter->last_birth)
	{
		filter->last_birth = birth;
		filter->last_level = cp_birth_compare(filter->row->date_of_birth, birth);
	}
	return filter->last_level;
}

/* Which word of the row is it?  -1: none. */
static int
find_equal(const CpPrefilter *filter, int32 id)
{
	for (int i = 0; i < filter->nwords; i++)
		if (filter->words[i] == id)
			return i;
	return -1;
}

static double
equal_bits(CpPrefilter *filter, int at, bool given)
{
	double	   *bits = &filter->equal_bits[at][given];

	if (isnan(*bits))
		*bits = level_bits(CP_WORD_EQUAL, given) + cp_score_rarity(filter->words[at], given);
	return *bits;
}

/* The most that a word can add: without a look at it, unless it is one of the row's. */
static double
most_bits(CpPrefilter *filter, int32 id, bool given)
{
	int			at = id == CP_NO_WORD ? -1 : find_equal(filter, id);

	return id == CP_NO_WORD ? 0 : at >= 0 ? equal_bits(filter, at, given) : filter->other_bits[given];
}

/* Compares a word of an entry with the row.  Entries of a block often have the last one's. */
static void
look_at(CpPrefilter *filter, int32 id, bool given, CpFilterSeen *seen)
{
	int			at;

	if (id == seen->word)
		return;
	seen->word = id;
	at = id == CP_NO_WORD ? -1 : find_equal(filter, id);
	if (at >= 0)
	{
		seen->level = CP_WORD_EQUAL;
		seen->bits = equal_bits(filter, at, given);
		return;
	}
	seen->level = word_level(filter, id);
	seen->bits = id == CP_NO_WORD ? 0 : level_bits(seen->level, given);
}

/* What a block itself tells besides. */
static double
block_bits(CpBlock block)
{
	const CpWeights *weights = cp_weights();

	switch (block)
	{
		case CP_BLOCK_PLACE:
			return weights->bits[CP_POSTCODE][CP_POSTCODE_EQUAL][CP_CLASS_MATCH] +
				weights->bits[CP_ADDRESS_BESIDE][CP_ADDRESS_EQUAL][CP_CLASS_MATCH];
		case CP_BLOCK_TOWN:
			return weights->bits[CP_ADDRESS][CP_ADDRESS_TOWN_EQUAL][CP_CLASS_MATCH];
		case CP_BLOCK_HOUSE:
			return weights->bits[CP_ADDRESS][CP_ADDRESS_EQUAL][CP_CLASS_MATCH];
		default:

			/*
			 * If the record has a place in common, a block of places leads to
			 * it.
			 */
			return 0;
	}
}

/* What is known of an entry, and of its words: as much as all of them can add. */
static double
sum(CpBlock block, CpBirthLevel level, double given, double family)
{
	double		bits = given + family + block_bits(block);

	/* level 0 of a field says that nothing is known */
	if (level != CP_BIRTH_UNKNOWN)
		bits += cp_weights()->bits[CP_BIRTH][level + 1][CP_CLASS_MATCH];
	return bits;
}

bool
cp_prefilter_passes(CpPrefilter *filter, CpBlock block, DateADT birth, int32 given, int32 family)
{
	bool		place = block == CP_BLOCK_PLACE || block == CP_BLOCK_TOWN || block == CP_BLOCK_HOUSE;
	CpBirthLevel level;

	if (block == CP_BLOCK_NUMBER)
		return true;
	level = birth_level(filter, birth);
	if (place && CpBirthIsNear(level))
		return true;
	/* run together in the row, torn apart in the record: a word tells nothing */
	if (block == CP_BLOCK_JOINED)
		return sum(block, level, given == CP_NO_WORD ? 0 : level_bits(CP_WORD_EDIT, true),
				   family == CP_NO_WORD ? 0 : level_bits(CP_WORD_EDIT, false)) >= filter->least;
	if (!place && sum(block, level, most_bits(filter, given, true), most_bits(filter, family, false)) < filter->least)
		return false;
	look_at(filter, given, true, &filter->given);

	/*
	 * on the row's birth date the given name mostly says enough, whatever the
	 * family name
	 */
	if (!place && sum(block, level, filter->given.bits,
					  family == CP_NO_WORD ? 0 : level_bits(CP_WORD_DIFFER, false)) >= filter->least)
		return true;
	look_at(filter, family, false, &filter->family);
	if (place)
	{
		int			names = (filter->given.level <= CP_WORD_WEAK ? 1 : 0) + (filter->family.level <= CP_WORD_WEAK ? 1 : 0);

		if (names >= (block == CP_BLOCK_HOUSE ? 1 : 2))
			return true;
	}
	return sum(block, level, filter->given.bits, filter->family.bits) >= filter->least;
}
