/*-------------------------------------------------------------------------
 *
 * compare_place.c
 *	  What agrees in the places of two persons.
 *
 *	  Postcode and address are two fields, of which the second is read in the
 *	  light of the first.  Of several places the pair that agrees best counts.
 *
 *	  Pure (model.h).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "model.h"

#define MAX_ADDRESS_WORDS 32
#define UNIT_POSTCODE_LEAST 5	/* characters of one that means a street */
#define NEAR_ADDRESS_WORDS 0.7
#define NEAR_ADDRESS_LETTERS 0.8
#define PART_ADDRESS_WORDS 0.45
#define PART_ADDRESS_LETTERS 0.6

/* Does it mean a street, as in Britain, and not a town? */
static bool
is_of_street(const char *code)
{
	int			length = strlen(code);
	bool		letter = false;
	bool		digit = false;

	for (int i = 0; i < length; i++)
	{
		letter |= isalpha((unsigned char) code[i]) != 0;
		digit |= isdigit((unsigned char) code[i]) != 0;
	}
	return letter && digit && length >= UNIT_POSTCODE_LEAST;
}

int
cp_compare_postcodes(const List *a, const List *b)
{
	int			best = CP_POSTCODE_DIFFER;
	ListCell   *left;
	ListCell   *right;

	if (a == NIL || b == NIL)
		return 0;
	foreach(left, a)
	{
		const char *x = lfirst(left);
		int			xlen = strlen(x);

		foreach(right, b)
		{
			const char *y = lfirst(right);
			int			ylen = strlen(y);
			int			found = CP_POSTCODE_DIFFER;

			if (xlen == ylen && memcmp(x, y, xlen) == 0)
				found = is_of_street(x) ? CP_POSTCODE_EQUAL : CP_POSTCODE_EQUAL_WIDE;
			else if (cp_word_nearly_equal(x, xlen, y, ylen))
				found = CP_POSTCODE_NEAR;
			else if (xlen > 4 && xlen == ylen && strncmp(x, y, xlen - 3) == 0)
				found = CP_POSTCODE_AREA;
			best = Min(best, found);
		}
	}
	return best;
}

static int
hash_words(const char *text, uint32 *hashes)
{
	int			n = 0;

	while (*text != '\0' && n < MAX_ADDRESS_WORDS)
	{
		uint32		hash = 5381;

		for (; *text != '\0' && *text != ' '; text++)
			hash = hash * 33 + (unsigned char) *text;
		hashes[n++] = hash;
		if (*text == ' ')
			text++;
	}
	return n;
}

/* Share of the words of two addresses that agree, 0 to 1. */
double
cp_address_words_alike(const char *a, const char *b)
{
	uint32		left[MAX_ADDRESS_WORDS];
	uint32		right[MAX_ADDRESS_WORDS];
	int			na = hash_words(a, left);
	int			nb = hash_words(b, right);
	int			rest = nb;
	int			agree = 0;

	for (int i = 0; i < na; i++)
		for (int j = 0; j < rest; j++)
			if (left[i] == right[j])
			{
				right[j] = right[--rest];
				agree++;
				break;
			}
	return na + nb > 0 ? 2.0 * agree / (na + nb) : 0;
}

#define LETTER_PAIRS 512

/* Adds what each pair of neighbouring letters counts; blanks are left out. */
static int
count_pairs(const char *text, int16 *counts, int step, int *agree)
{
	unsigned char last = 0;
	int			n = 0;

	for (; *text != '\0'; text++)
	{
		if (*text == ' ')
			continue;
		if (last != 0)
		{
			int16	   *count = &counts[(last * 31 + (unsigned char) *text) % LETTER_PAIRS];

			if (step > 0 && *count < PG_INT16_MAX)
				(*count)++;
			else if (step < 0 && *count > 0)
			{
				(*count)--;
				(*agree)++;
			}
			n++;
		}
		last = *text;
	}
	return n;
}

/*
 * Share of the pairs of neighbouring letters that agree, 0 to 1: for words
 * that were run together or torn apart.
 */
double
cp_address_letters_alike(const char *a, const char *b)
{
	int16		counts[LETTER_PAIRS] = {0};
	int			agree = 0;
	int			na = count_pairs(a, counts, 1, &agree);
	int			nb = count_pairs(b, counts, -1, &agree);

	return na + nb > 0 ? 2.0 * agree / (na + nb) : 0;
}

/* Is the house number another one? */
bool
cp_address_number_differs(const char *a, const char *b)
{
	return isdigit((unsigned char) a[0]) && isdigit((unsigned char) b[0]) && atoi(a) != atoi(b);
}

static const char *
behind_first_word(const char *text)
{
	text += strcspn(text, " ");
	return text + strspn(text, " ");
}

/* Are they the same but for the house number? */
static bool
is_next_door(const char *a, const char *b)
{
	return cp_address_number_differs(a, b) &&
		cp_address_words_alike(behind_first_word(a), behind_first_word(b)) >= NEAR_ADDRESS_WORDS;
}

static bool
has_digit(const char *text)
{
	return strpbrk(text, "0123456789") != NULL;
}

static int
compare_address(const char *a, const char *b)
{
	bool		town = !has_digit(a) && !has_digit(b);
	double		words;
	double		letters = 0;

	if (strcmp(a, b) == 0)
		return town ? CP_ADDRESS_TOWN_EQUAL : CP_ADDRESS_EQUAL;
	words = cp_address_words_alike(a, b);
	if (words < NEAR_ADDRESS_WORDS)
		letters = cp_address_letters_alike(a, b);
	if (words >= NEAR_ADDRESS_WORDS || letters >= NEAR_ADDRESS_LETTERS)
		return town ? CP_ADDRESS_TOWN_NEAR :
			cp_address_number_differs(a, b) ? CP_ADDRESS_NEXT_DOOR : CP_ADDRESS_NEAR;
	/* of few words the number is one of three */
	if (is_next_door(a, b))
		return CP_ADDRESS_NEXT_DOOR;
	if (words >= PART_ADDRESS_WORDS || letters >= PART_ADDRESS_LETTERS)
		return town ? CP_ADDRESS_TOWN_NEAR : CP_ADDRESS_PART;
	return town ? CP_ADDRESS_TOWN_DIFFER : CP_ADDRESS_DIFFER;
}

/* Both with a number, so a house and no town. */
bool
cp_address_same_house(const char *a, const char *b)
{
	int			level = compare_address(a, b);

	return has_digit(a) && has_digit(b) && (level == CP_ADDRESS_EQUAL || level == CP_ADDRESS_NEAR);
}

/* Best first, where there are several. */
static const int address_rank[] = {9, 0, 1, 3, 6, 7, 2, 4, 5};

static int
compare_addresses(const List *a, const List *b)
{
	int			best = 0;
	ListCell   *left;
	ListCell   *right;

	foreach(left, a)
	{
		foreach(right, b)
		{
			int			level = compare_address(lfirst(left), lfirst(right));

			if (address_rank[level] < address_rank[best])
				best = level;
		}
	}
	return best;
}

bool
cp_postcodes_of_street(const List *postcodes)
{
	ListCell   *cell;

	foreach(cell, postcodes)
	{
		if (is_of_street(lfirst(cell)))
			return true;
	}
	return false;
}

/*
 * Is the address nearly one fact with a postcode that agrees?  The house with the
 * postcode of its street, a town with that of a town.
 */
static bool
is_beside(const CpPerson *row, const CpPerson *record, int postcode, int address)
{
	if (postcode < CP_POSTCODE_EQUAL || postcode > CP_POSTCODE_NEAR)
		return false;
	return address >= CP_ADDRESS_TOWN_EQUAL || cp_postcodes_of_street(row->postcodes) ||
		cp_postcodes_of_street(record->postcodes);
}

/* What postcode and address say depends on the other, where they are nearly one fact. */
void
cp_compare_places(const CpPerson *row, const CpPerson *record, CpComparison *result)
{
	int			postcode = cp_compare_postcodes(row->postcodes, record->postcodes);
	int			address = compare_addresses(row->addresses, record->addresses);
	bool		beside = is_beside(row, record, postcode, address);

	result->level[CP_POSTCODE] = postcode;
	result->level[beside ? CP_ADDRESS_BESIDE : CP_ADDRESS] = address;
	result->place_agrees = postcode == CP_POSTCODE_EQUAL || postcode == CP_POSTCODE_EQUAL_WIDE ||
		address == CP_ADDRESS_EQUAL || address == CP_ADDRESS_NEAR ||
		address == CP_ADDRESS_TOWN_EQUAL || address == CP_ADDRESS_TOWN_NEAR;
}
