/*-------------------------------------------------------------------------
 *
 * traits.c
 *	  What an entry of an index of keys tells of its record beside two words:
 *	  sex, further given names and place, folded into one number.
 *
 *	  With it most records that share a birth date or a name with a row, and
 *	  nothing else, are passed over without being read: of a million records
 *	  one in ten thousand is born on a given day, and all with one of the usual
 *	  names are found.
 *
 *	  Bits of the number, the lowest first; each part is 0 where a record may
 *	  agree with anything in it, because it has several of them:
 *
 *		2	sex						1 F, 2 M
 *		8	further given name		1 none, or the first letter of its sound
 *		16	postcode, all but the last three characters		1 none, or a hash
 *		16	postcode, the last three						1 none, or a hash
 *		10	house number			1 none, or a hash
 *		11	street					1 none, or a hash of its first letters
 *
 *	  Hashes that differ mean that the facts differ; equal ones mean nothing.
 *
 *	  Pure (model.h).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"

#include "keys.h"

#define SEX_BITS 2
#define MORE_BITS 8
#define POSTCODE_BITS 16
#define NUMBER_BITS 10
#define STREET_BITS 11

#define ANYTHING 0
#define NOTHING 1

#define INWARD_LENGTH 3			/* characters of a postcode that name some
								 * houses */

/* ---------- folding ---------- */

static uint64
fold(const char *text, int length, int bits)
{
	uint32		hash = DatumGetUInt32(hash_bytes((const unsigned char *) text, length));

	return 2 + hash % ((1U << bits) - 2);
}

/* A part that is the same for all is known; of two that differ nothing is. */
static uint64
agree(uint64 part, uint64 other)
{
	return part == NOTHING || part == other ? other : ANYTHING;
}

static uint64
fold_sex(const CpPerson *person)
{
	return person->sex == 'F' ? 1 : person->sex == 'M' ? 2 : ANYTHING;
}

/* Sounds that begin differently are not near enough for one name (compare.c). */
static uint64
fold_word(int32 word)
{
	const char *code = cp_key_code(word);

	return code[0] == '\0' ? ANYTHING : fold(code, 1, MORE_BITS);
}

static uint64
fold_more(const CpPerson *person)
{
	const CpName *name = &person->names[0];

	if (person->nnames != 1 || name->ngiven > 2)
		return ANYTHING;
	return name->ngiven < 2 ? NOTHING : fold_word(name->given[1]);
}

static void
fold_postcodes(const CpPerson *person, uint64 *outward, uint64 *inward)
{
	ListCell   *cell;

	*outward = *inward = NOTHING;
	foreach(cell, person->postcodes)
	{
		const char *code = lfirst(cell);
		int			length = strlen(code);
		int			begin = length - INWARD_LENGTH;

		*outward = agree(*outward, begin > 0 ? fold(code, begin, POSTCODE_BITS) : ANYTHING);
		*inward = agree(*inward, begin > 0 ? fold(code + begin, INWARD_LENGTH, POSTCODE_BITS) : ANYTHING);
	}
}

static void
fold_addresses(const CpPerson *person, uint64 *number, uint64 *street)
{
	ListCell   *cell;

	*number = *street = NOTHING;
	foreach(cell, person->addresses)
	{
		char		letters[CP_STREET_LETTERS + 1];
		int			house = cp_key_house(lfirst(cell), letters, CP_STREET_LETTERS);

		*number = agree(*number, house >= 0 ? fold((char *) &house, sizeof(house), NUMBER_BITS) : ANYTHING);
		*street = agree(*street, letters[0] != '\0' ? fold(letters, strlen(letters), STREET_BITS) : ANYTHING);
	}
}

int64
cp_traits(const CpPerson *person)
{
	uint64		outward;
	uint64		inward;
	uint64		number;
	uint64		street;
	uint64		traits;

	fold_postcodes(person, &outward, &inward);
	fold_addresses(person, &number, &street);
	traits = street;
	traits = traits << NUMBER_BITS | number;
	traits = traits << POSTCODE_BITS | inward;
	traits = traits << POSTCODE_BITS | outward;
	traits = traits << MORE_BITS | fold_more(person);
	traits = traits << SEX_BITS | fold_sex(person);
	return (int64) traits;
}

/* ---------- the most that they can add to a score ---------- */

static uint64
take(uint64 *traits, int bits)
{
	uint64		part = *traits & ((UINT64CONST(1) << bits) - 1);

	*traits >>= bits;
	return part;
}

static bool
differ(uint64 a, uint64 b)
{
	return a > NOTHING && b > NOTHING && a != b;
}

bool
cp_traits_elsewhere(int64 row, int64 record)
{
	uint64		left = (uint64) row >> (SEX_BITS + MORE_BITS);
	uint64		right = (uint64) record >> (SEX_BITS + MORE_BITS);

	for (int part = 0; part < 2; part++)
		if (!differ(take(&left, POSTCODE_BITS), take(&right, POSTCODE_BITS)))
			return false;
	return true;
}

/* Of a postcode or an address, of two parts each.  One slip changes one part. */
static bool
both_differ(const uint64 *first, const uint64 *second)
{
	return differ(first[0], first[1]) && differ(second[0], second[1]);
}

static bool
is_unknown(const uint64 *part)
{
	return part[0] == NOTHING || part[1] == NOTHING;
}

double
cp_traits_bits(int64 row, int64 record, double place)
{
	uint64		left = (uint64) row;
	uint64		right = (uint64) record;
	uint64		sex[2] = {take(&left, SEX_BITS), take(&right, SEX_BITS)};
	uint64		more[2] = {take(&left, MORE_BITS), take(&right, MORE_BITS)};
	uint64		outward[2] = {take(&left, POSTCODE_BITS), take(&right, POSTCODE_BITS)};
	uint64		inward[2] = {take(&left, POSTCODE_BITS), take(&right, POSTCODE_BITS)};
	uint64		number[2] = {take(&left, NUMBER_BITS), take(&right, NUMBER_BITS)};
	uint64		street[2] = {take(&left, STREET_BITS), take(&right, STREET_BITS)};
	const CpWeights *weights = cp_weights();
	double		bits = 0;

	if (sex[0] != ANYTHING && sex[1] != ANYTHING)
		bits += weights->bits[CP_SEX][sex[0] == sex[1] ? CP_SEX_EQUAL : CP_SEX_DIFFER][CP_CLASS_MATCH];
	if (differ(more[0], more[1]))
		bits += weights->bits[CP_MORE][CP_MORE_DIFFER][CP_CLASS_MATCH];
	else if (more[0] != NOTHING && more[1] != NOTHING)
		bits += weights->bits[CP_MORE][CP_MORE_EQUAL][CP_CLASS_MATCH];
	if (place > 0)
	{
		bool		postcode_differs = both_differ(outward, inward);
		bool		address_differs = both_differ(number, street);
		bool		postcode_agrees = !postcode_differs && !is_unknown(outward);
		bool		address_agrees = !address_differs && !is_unknown(number);

		if (postcode_differs)
			bits += weights->bits[CP_POSTCODE][CP_POSTCODE_DIFFER][CP_CLASS_MATCH];
		if (postcode_agrees)
			bits += place;
		else if (address_agrees)
			bits += Min(weights->bits[CP_ADDRESS][CP_ADDRESS_EQUAL][CP_CLASS_MATCH], place);
		else if (address_differs)
			bits += Max(weights->bits[CP_ADDRESS][CP_ADDRESS_DIFFER][CP_CLASS_MATCH],
						weights->bits[CP_ADDRESS][CP_ADDRESS_TOWN_DIFFER][CP_CLASS_MATCH]);
	}
	return Min(bits, Max(place, CP_TRAITS_MOST));
}
