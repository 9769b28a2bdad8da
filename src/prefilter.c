/*-------------------------------------------------------------------------
 *
 * prefilter.c
 *	  Which entries of a block are worth a look at their records.
 *
 *	  An entry tells the birth date, two words and the traits (traits.c) of a
 *	  record.  It is passed over where the score could not be in reach even if
 *	  all that it does not tell agreed.  What doubt.c asks a person about is below that sometimes, so
 *	  at a place more is looked at.
 *
 *	  Pure (model.h).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "keys.h"

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

/* A given name of the row that is not its first one is a part of the record's name at most. */
static double
part_bits(void)
{
	return cp_weights()->bits[CP_GIVEN][CP_NAME_PART][CP_CLASS_MATCH];
}

/* Has it a name without given, or family, name?  What is not known does not differ. */
static bool
lacks(const CpPerson *row, bool given)
{
	for (int i = 0; i < row->nnames; i++)
		if ((given ? row->names[i].ngiven : row->names[i].nfamily) == 0)
			return true;
	return row->nnames == 0;
}

void
cp_prefilter_init(CpPrefilter *filter, const CpPerson *row, double threshold)
{
	filter->row = row;
	filter->traits = cp_traits(row);
	filter->least = threshold + cp_priors()->records;
	filter->nwords = 0;
	filter->last_birth = DATEVAL_NOBEGIN;
	filter->last_level = CP_BIRTH_UNKNOWN;
	filter->given.word = filter->family.word = CP_NO_WORD;
	filter->given.level = filter->family.level = CP_WORD_DIFFER;
	filter->given.bits = filter->family.bits = 0;
	for (int given = 0; given < 2; given++)
	{
		filter->differ_bits[given] = lacks(row, given) ? 0 : level_bits(CP_WORD_DIFFER, given);
		filter->other_bits[given] = filter->differ_bits[given];
		for (CpWordLevel level = CP_WORD_EDIT; level < CP_WORD_DIFFER; level++)
			filter->other_bits[given] = Max(filter->other_bits[given], level_bits(level, given));
	}
	for (int i = 0; i < row->nnames; i++)
	{
		const CpName *name = &row->names[i];

		for (int w = 0; w < name->ngiven + name->nfamily; w++)
		{
			int32		word = w < name->ngiven ? name->given[w] : name->family[w - name->ngiven];
			bool		later = w > 0 && w < name->ngiven;
			int			s = 0;

			while (s < filter->nwords && filter->words[s] != word)
				s++;
			if (s == filter->nwords && s < CP_FILTER_WORDS)
			{
				filter->equal_bits[s][false] = filter->equal_bits[s][true] = NAN;
				filter->later[s] = later;
				filter->words[filter->nwords++] = word;
			}
			else if (s < filter->nwords)
				filter->later[s] &= later;
		}
	}
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

/* Of a part of a birth date what is known counts; level 0 of a field says that nothing is. */
static double
bits_of_birth(const CpPrefilter *filter, DateADT birth, CpBirthLevel level)
{
	int			field_level = level + 1;

	if (level == CP_BIRTH_UNKNOWN)
		field_level = birth == DATEVAL_NOBEGIN ? 0 : cp_birth_level(filter->row, birth);
	return cp_weights()->bits[CP_BIRTH][field_level][CP_CLASS_MATCH] +
		(field_level == CP_BIRTH_DIFFER + 1 ? cp_priors()->dates : 0);
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
		*bits = (given && filter->later[at] ? part_bits() : level_bits(CP_WORD_EQUAL, given)) +
			cp_score_rarity(filter->words[at], given);
	return *bits;
}

/* The most that a word can add: without a look at it, unless it is one of the row's. */
static double
most_bits(CpPrefilter *filter, int32 id, bool given)
{
	int			at = id == CP_NO_WORD ? -1 : find_equal(filter, id);

	return id == CP_NO_WORD ? 0 : at >= 0 ? equal_bits(filter, at, given) : filter->other_bits[given];
}

/*
 * Compares a word of an entry, which is none of the row's, with all of these.
 * Of two words that are taken for one name the more frequent one says how rare
 * it is.
 */
static void
compare_with_row(const CpPrefilter *filter, int32 id, bool given, CpFilterSeen *seen)
{
	seen->level = CP_WORD_DIFFER;
	seen->bits = filter->differ_bits[given];
	for (int i = 0; i < filter->nwords; i++)
	{
		CpWordLevel level = cp_dictionary_compare(filter->words[i], id);
		bool		one_name = level <= CP_WORD_EDIT;
		double		bits = level_bits(level, given);

		if (level > CP_WORD_EDIT && cp_dictionary_short_form(filter->words[i], id))
		{
			level = Min(level, CP_WORD_CLOSE);
			one_name = true;
			bits = Max(bits, cp_weights()->bits[given ? CP_GIVEN : CP_FAMILY][CP_NAME_VARIANT][CP_CLASS_MATCH]);
		}
		if (level == CP_WORD_DIFFER)
			continue;
		if (one_name)
			bits += Min(cp_score_rarity(filter->words[i], given), cp_score_rarity(id, given));
		seen->level = Min(seen->level, level);
		seen->bits = Max(seen->bits, bits);
	}
}

/* Looks at a word of an entry.  Entries of a block often have the last one's. */
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
	}
	else if (id == CP_NO_WORD)
	{
		seen->level = CP_WORD_DIFFER;
		seen->bits = 0;
	}
	else
		compare_with_row(filter, id, given, seen);
}

/* An address agrees, and the postcode may be a slip of the row's. */
static double
address_bits(const CpPerson *row, int level)
{
	const CpWeights *weights = cp_weights();
	double		bits = weights->bits[CP_ADDRESS][level][CP_CLASS_MATCH];

	if (row->postcodes != NIL)
		bits = Max(bits, weights->bits[CP_ADDRESS_BESIDE][level][CP_CLASS_MATCH] +
				   weights->bits[CP_POSTCODE][CP_POSTCODE_NEAR][CP_CLASS_MATCH]);
	return bits;
}

/* What a block itself tells besides. */
static double
block_bits(const CpPrefilter *filter, CpBlock block)
{
	const CpWeights *weights = cp_weights();

	switch (block)
	{
		case CP_BLOCK_PLACE:
			return weights->bits[CP_POSTCODE][CP_POSTCODE_EQUAL][CP_CLASS_MATCH] +
				weights->bits[CP_ADDRESS_BESIDE][CP_ADDRESS_EQUAL][CP_CLASS_MATCH];
		case CP_BLOCK_TOWN:
			return address_bits(filter->row, CP_ADDRESS_TOWN_EQUAL);
		case CP_BLOCK_HOUSE:
			return address_bits(filter->row, CP_ADDRESS_EQUAL);
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
sum(const CpPrefilter *filter, CpBlock block, double birth_bits, double given, double family)
{
	return given + family + birth_bits + block_bits(filter, block);
}

/*
 * What sex, further names and a place may add.  The last resorts of deep search
 * are as wide as they can be: a slip in an identifier may add more.
 */
static double
other_bits(const CpPrefilter *filter, CpBlock block, int64 traits)
{
	if (block != CP_BLOCK_NAME && block != CP_BLOCK_PLACE)
		return CP_TRAITS_MOST;
	return cp_traits_bits(filter->traits, traits, block == CP_BLOCK_NAME);
}

bool
cp_prefilter_passes(CpPrefilter *filter, CpBlock block, DateADT birth, int32 given, int32 family, int64 traits)
{
	bool		place = block == CP_BLOCK_PLACE || block == CP_BLOCK_TOWN || block == CP_BLOCK_HOUSE;
	CpBirthLevel level;
	double		least;
	double		birth_bits;

	if (block == CP_BLOCK_NUMBER)
		return true;
	level = birth_level(filter, birth);
	if (place && CpBirthIsNear(level))
		return true;
	birth_bits = bits_of_birth(filter, birth, level);
	if (!place && block != CP_BLOCK_JOINED &&
		sum(filter, block, birth_bits, most_bits(filter, given, true), most_bits(filter, family, false)) <
		filter->least - CP_TRAITS_MOST)
		return false;
	least = filter->least - other_bits(filter, block, traits);
	/* run together in the row, torn apart in the record: a word tells nothing */
	if (block == CP_BLOCK_JOINED)
		return sum(filter, block, birth_bits, given == CP_NO_WORD ? 0 : level_bits(CP_WORD_EDIT, true),
				   family == CP_NO_WORD ? 0 : level_bits(CP_WORD_EDIT, false)) >= least;
	look_at(filter, given, true, &filter->given);

	/*
	 * on the row's birth date the given name mostly says enough, whatever the
	 * family name
	 */
	if (!place && sum(filter, block, birth_bits, filter->given.bits, family == CP_NO_WORD ? 0 : filter->differ_bits[false]) >= least)
		return true;
	look_at(filter, family, false, &filter->family);
	if (place)
	{
		int			names = (filter->given.level <= CP_WORD_WEAK ? 1 : 0) + (filter->family.level <= CP_WORD_WEAK ? 1 : 0);

		if (names >= (block == CP_BLOCK_HOUSE ? 1 : 2))
			return true;
	}
	return sum(filter, block, birth_bits, filter->given.bits, filter->family.bits) >= least;
}
