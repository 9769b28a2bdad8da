/*-------------------------------------------------------------------------
 *
 * prefilter.c
 *	  Which entries of a block are worth a look at their records.
 *
 *	  An entry tells the birth date, two words and the traits (traits.c) of a
 *	  record.  It is passed over where the score could not be in reach even if
 *	  all that it does not tell agreed.  What doubt.c asks a person about is
 *	  below that sometimes, so at a place more is looked at.
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

/* What a slip in an identifier may add.  No one is equal, or it leads to the record by itself. */
static double
slip_bits(const CpPerson *row)
{
	const CpWeights *weights = cp_weights();
	double		bits = 0;
	ListCell   *cell;

	foreach(cell, row->identifiers)
		bits = Max(bits, weights->bits[cp_is_contact(lfirst(cell)) ? CP_CONTACT : CP_NUMBER][CP_NUMBER_NEAR][CP_CLASS_MATCH]);
	return bits;
}

/* As which field an address may count beside a postcode of the row (compare_place.c). */
static CpField
address_beside(const CpPerson *row, int level)
{
	return level < CP_ADDRESS_TOWN_EQUAL && !cp_postcodes_of_street(row->postcodes) ? CP_ADDRESS : CP_ADDRESS_BESIDE;
}

/* An address agrees, and the postcode may be a slip of the row's. */
static double
address_bits(const CpPerson *row, int level)
{
	const CpWeights *weights = cp_weights();
	double		bits = weights->bits[CP_ADDRESS][level][CP_CLASS_MATCH];

	if (row->postcodes != NIL)
		bits = Max(bits, weights->bits[address_beside(row, level)][level][CP_CLASS_MATCH] +
				   weights->bits[CP_POSTCODE][CP_POSTCODE_NEAR][CP_CLASS_MATCH]);
	return bits;
}

static bool
has_whole_address(const CpPerson *row)
{
	ListCell   *cell;

	foreach(cell, row->addresses)
		if (cp_address_is_whole(lfirst(cell)))
		return true;
	return false;
}

/*
 * The most that a word which is none of the row's can add.  What is taken for
 * one name is no rarer than the row's.
 */
static double
most_of_others(const CpPrefilter *filter, bool given)
{
	double		most = filter->differ_bits[given];
	double		rarest = filter->nwords > 0 ? -INFINITY : 0;

	for (int i = 0; i < filter->nwords; i++)
		rarest = Max(rarest, filter->rarity[i][given]);
	for (CpWordLevel level = CP_WORD_EDIT; level < CP_WORD_DIFFER; level++)
		most = Max(most, level_bits(level, given) + (level == CP_WORD_EDIT ? rarest : 0));
	return Max(most, cp_weights()->bits[given ? CP_GIVEN : CP_FAMILY][CP_NAME_VARIANT][CP_CLASS_MATCH] + rarest);
}

static void
add_word(CpPrefilter *filter, int32 word, bool given, bool later)
{
	int			at = 0;

	while (at < filter->nwords && filter->words[at] != word)
		at++;
	if (at == CP_FILTER_WORDS)
	{
		filter->many_words = true;
		return;
	}
	if (at == filter->nwords)
	{
		const CpWord *text = cp_dictionary_word(word);

		if (text != NULL && cp_word_is_foreign(text))
			filter->foreign = true;
		else
			filter->latin = true;
		filter->words[filter->nwords++] = word;
		filter->own[at][!given] = false;
		filter->later[at] = true;
	}
	filter->own[at][given] = true;
	filter->later[at] &= later;
}

static void
add_words(CpPrefilter *filter)
{
	filter->many_words = filter->joins = filter->foreign = filter->latin = false;
	filter->nwords = 0;
	for (int i = 0; i < filter->row->nnames; i++)
	{
		const CpName *name = &filter->row->names[i];

		filter->joins |= name->ngiven > 1 || name->nfamily > 1;
		for (int g = 0; g < name->ngiven; g++)
			add_word(filter, name->given[g], true, g > 0);
		for (int f = 0; f < name->nfamily; f++)
			add_word(filter, name->family[f], false, false);
	}
}

/* What words of an entry may add, as family names or as given names. */
static void
weigh_words(CpPrefilter *filter, bool given)
{
	for (int i = 0; i < CP_FILTER_SEEN; i++)
		filter->seen[given][i].word = CP_NO_WORD;
	filter->differ_bits[given] = lacks(filter->row, given) ? 0 : level_bits(CP_WORD_DIFFER, given);
	for (int i = 0; i < filter->nwords; i++)
	{
		filter->rarity[i][given] = cp_score_rarity(filter->words[i], given, !filter->own[i][given]);
		filter->equal_bits[i][given] = filter->rarity[i][given] +
			(given && filter->later[i] ? part_bits() : level_bits(CP_WORD_EQUAL, given));
	}
	filter->other_bits[given] = most_of_others(filter, given);
}

void
cp_prefilter_init(CpPrefilter *filter, const CpPerson *row, double threshold, double guard_threshold)
{
	const CpWeights *weights = cp_weights();

	filter->row = row;
	filter->traits = cp_traits(row);
	filter->least = threshold + cp_priors()->records;
	filter->least_guarded = Min(threshold, guard_threshold) + cp_priors()->records;
	filter->slip_bits = slip_bits(row);
	filter->whole_address = has_whole_address(row);
	filter->place_bits = weights->bits[CP_POSTCODE][CP_POSTCODE_EQUAL][CP_CLASS_MATCH] +
		weights->bits[address_beside(row, CP_ADDRESS_EQUAL)][CP_ADDRESS_EQUAL][CP_CLASS_MATCH];
	filter->house_bits = address_bits(row, CP_ADDRESS_EQUAL);
	filter->town_bits = address_bits(row, CP_ADDRESS_TOWN_EQUAL);
	for (CpBirthLevel level = CP_BIRTH_EQUAL; level < CP_BIRTH_UNKNOWN; level++)
		filter->birth_bits[level] = weights->bits[CP_BIRTH][level + 1][CP_CLASS_MATCH] +
			(level == CP_BIRTH_DIFFER ? cp_priors()->dates : 0);
	filter->last_birth = DATEVAL_NOBEGIN;
	filter->last_level = CP_BIRTH_UNKNOWN;
	add_words(filter);
	weigh_words(filter, false);
	weigh_words(filter, true);
}

CpBirthLevel
cp_prefilter_birth(CpPrefilter *filter, DateADT birth)
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

/*
 * Of a part of a birth date what is known counts.  An entry does not tell a part,
 * so whatever the row has may agree.
 */
static double
bits_of_birth(const CpPrefilter *filter, DateADT birth, CpBirthLevel level)
{
	const CpPerson *row = filter->row;
	int			field_level;

	if (level < CP_BIRTH_UNKNOWN)
		return filter->birth_bits[level];
	if (birth == DATEVAL_NOBEGIN)
		return row->has_birth || row->birth_year != 0 ?
			Max(cp_weights()->bits[CP_BIRTH][CP_BIRTH_LEVEL_MONTH][CP_CLASS_MATCH], 0) : 0;
	field_level = cp_birth_level(row, birth);
	return field_level == CP_BIRTH_DIFFER + 1 ? filter->birth_bits[CP_BIRTH_DIFFER] :
		cp_weights()->bits[CP_BIRTH][field_level][CP_CLASS_MATCH];
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

/* The most that a word can add, without a look at it. */
static double
most_bits(const CpPrefilter *filter, int32 id, bool given)
{
	int			at = find_equal(filter, id);

	return id == CP_NO_WORD ? 0 : at >= 0 ? filter->equal_bits[at][given] : filter->other_bits[given];
}

/*
 * Compares a word of an entry, which is none of the row's, with all of these.
 * Of two words that are taken for one name the more frequent one says how rare
 * it is.
 */
static void
compare_with_row(const CpPrefilter *filter, int32 id, bool given, CpFilterSeen *seen)
{
	uint32		alike = cp_dictionary_alike(filter->words, filter->nwords, id);

	seen->level = CP_WORD_DIFFER;
	seen->bits = filter->differ_bits[given];
	for (int i = 0; i < filter->nwords && alike >> i != 0; i++)
	{
		CpWordLevel level;
		bool		one_name;
		double		bits;

		if ((alike >> i & 1) == 0)
			continue;
		level = cp_dictionary_compare(filter->words[i], id);
		one_name = level <= CP_WORD_EDIT;
		bits = level_bits(level, given);
		if (level > CP_WORD_EDIT && cp_dictionary_short_form(filter->words[i], id))
		{
			level = Min(level, CP_WORD_CLOSE);
			one_name = true;
			bits = Max(bits, cp_weights()->bits[given ? CP_GIVEN : CP_FAMILY][CP_NAME_VARIANT][CP_CLASS_MATCH]);
		}
		if (level == CP_WORD_DIFFER)
			continue;
		if (one_name)
			bits += Min(filter->rarity[i][given], cp_score_rarity(id, given, !filter->own[i][given]));
		seen->level = Min(seen->level, level);
		seen->bits = Max(seen->bits, bits);
	}
}

/* Looks at a word of an entry.  Entries of a block often have one that was seen before. */
const CpFilterSeen *
cp_prefilter_word(CpPrefilter *filter, int32 id, bool given)
{
	static const CpFilterSeen none = {CP_NO_WORD, CP_WORD_DIFFER, 0};
	CpFilterSeen *seen = &filter->seen[given][(uint32) id % CP_FILTER_SEEN];
	int			at;

	if (id == CP_NO_WORD)
		return &none;
	if (id == seen->word)
		return seen;
	seen->word = id;
	at = find_equal(filter, id);
	if (at >= 0)
	{
		seen->level = CP_WORD_EQUAL;
		seen->bits = filter->equal_bits[at][given];
	}
	else
		compare_with_row(filter, id, given, seen);
	return seen;
}

/* What a block itself tells besides.  elsewhere: the postcode is another one for sure. */
static double
block_bits(const CpPrefilter *filter, CpBlock block, bool elsewhere)
{
	const CpWeights *weights = cp_weights();
	int			level = block == CP_BLOCK_TOWN ? CP_ADDRESS_TOWN_EQUAL : CP_ADDRESS_EQUAL;

	if (block == CP_BLOCK_PLACE)
		return filter->place_bits;
	if (elsewhere)
		return weights->bits[CP_ADDRESS][level][CP_CLASS_MATCH] +
			weights->bits[CP_POSTCODE][CP_POSTCODE_DIFFER][CP_CLASS_MATCH];
	return block == CP_BLOCK_TOWN ? filter->town_bits : filter->house_bits;
}

/*
 * What sex, further names and a place may add: the same place has a block of its
 * own.  In the last resorts of deep search one that is near counts in full, and so
 * may a slip in an identifier.
 */
static double
other_bits(const CpPrefilter *filter, CpBlock block, int64 traits)
{
	double		bits;

	switch (block)
	{
		case CP_BLOCK_NAME:
			return cp_traits_bits(filter->traits, traits, CP_TRAITS_MOST);
		case CP_BLOCK_PLACE:
			return cp_traits_bits(filter->traits, traits, 0);
		case CP_BLOCK_TOWN:
		case CP_BLOCK_HOUSE:
			bits = cp_traits_bits(filter->traits, traits, 0);
			break;
		default:
			bits = cp_traits_bits(filter->traits, traits, filter->house_bits);
			break;
	}
	return filter->slip_bits > 0 ? Max(bits, Min(bits + filter->slip_bits, CP_TRAITS_MOST)) : bits;
}

static bool
is_alike(CpPrefilter *filter, int32 id, bool given)
{
	return cp_prefilter_word(filter, id, given)->level <= CP_WORD_WEAK;
}

/*
 * May it be one house, or a few of a street, or else twins?  Then more is
 * looked at than what the score has in reach (doubt.c).
 */
static bool
may_be_doubtful(CpPrefilter *filter, CpBlock block, CpBirthLevel level, int32 given, int32 family, bool elsewhere)
{
	if (elsewhere && !filter->whole_address)
		return level == CP_BIRTH_EQUAL && is_alike(filter, family, false);
	if (CpBirthIsNear(level))
		return true;
	return block == CP_BLOCK_HOUSE ? is_alike(filter, family, false) || is_alike(filter, given, true) :
		is_alike(filter, family, false) && is_alike(filter, given, true);
}

/* As much as a word of an entry can add, where several of the row's may be run together in it. */
static double
joined_bits(CpPrefilter *filter, int32 id, bool given)
{
	double		bits = cp_prefilter_word(filter, id, given)->bits;

	if (id == CP_NO_WORD)
		return 0;
	for (int i = 0; filter->joins && i < filter->row->nnames; i++)
	{
		const CpName *name = &filter->row->names[i];

		if (cp_words_joined_alike(given ? name->given : name->family, given ? name->ngiven : name->nfamily, &id, 1))
			return Max(bits, level_bits(CP_WORD_EDIT, given) + cp_score_rarity(id, given, false));
	}
	return bits;
}

/* Do the names add so much?  The given name alone mostly does, whatever the family name. */
static bool
names_add(CpPrefilter *filter, int32 given, int32 family, double least)
{
	double		bits = cp_prefilter_word(filter, given, true)->bits;

	return bits + (family == CP_NO_WORD ? 0 : filter->differ_bits[false]) >= least ||
		bits + cp_prefilter_word(filter, family, false)->bits >= least;
}

bool
cp_prefilter_passes(CpPrefilter *filter, CpBlock block, DateADT birth, int32 given, int32 family, int64 traits)
{
	bool		joined = block == CP_BLOCK_JOINED;
	double		names;			/* the most that they can add, without a look */
	CpBirthLevel level;
	double		least;

	if (block == CP_BLOCK_NUMBER)
		return true;
	level = cp_prefilter_birth(filter, birth);
	least = filter->least - bits_of_birth(filter, birth, level);
	names = most_bits(filter, given, true) + most_bits(filter, family, false);
	if (block == CP_BLOCK_NAME && names < least - CP_TRAITS_MOST)
		return false;
	least -= other_bits(filter, block, traits);
	if (block == CP_BLOCK_PLACE || block == CP_BLOCK_TOWN || block == CP_BLOCK_HOUSE)
	{
		bool		elsewhere = block != CP_BLOCK_PLACE && cp_traits_elsewhere(filter->traits, traits);

		if (may_be_doubtful(filter, block, level, given, family, elsewhere))
			return true;
		least -= block_bits(filter, block, elsewhere);
		joined = block != CP_BLOCK_PLACE && !elsewhere;
	}
	if (joined)
		return joined_bits(filter, given, true) + joined_bits(filter, family, false) >= least;
	return names >= least && names_add(filter, given, family, least);
}

bool
cp_prefilter_reaches_guard(CpPrefilter *filter, DateADT birth, CpBirthLevel level, int32 given, int32 family, int64 traits)
{
	double		least = filter->least_guarded - bits_of_birth(filter, birth, level) -
	cp_traits_bits(filter->traits, traits, CP_TRAITS_MOST);

	return (filter->joins || most_bits(filter, given, true) + most_bits(filter, family, false) >= least) &&
		joined_bits(filter, given, true) + joined_bits(filter, family, false) >= least;
}

bool
cp_prefilter_reaches(const CpPrefilter *filter, int32 given, int32 family, CpBirthLevel level)
{
	double		names = Max(most_bits(filter, given, true) + most_bits(filter, family, false),
							most_bits(filter, given, false) + most_bits(filter, family, true));
	double		near = filter->row->postcodes != NIL ? cp_weights()->bits[CP_POSTCODE][CP_POSTCODE_NEAR][CP_CLASS_MATCH] : 0;

	return names + filter->birth_bits[level] + Max(near, CP_TRAITS_MOST) + filter->slip_bits >= filter->least;
}
