/*-------------------------------------------------------------------------
 *
 * compare.c
 *	  What agrees in two persons, field by field.
 *
 *	  Pure (model.h).  Nothing here weighs: score.c does.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "utils/datetime.h"

#include "model.h"

#define MAX_ADDRESS_WORDS 32
#define SHORT_FORM_MOST 5		/* letters of a short form */

/* Computes what a comparison needs; whoever makes or decodes a person calls it last. */
void
cp_person_finish(CpPerson *person)
{
	(void) person;
}

/* ---------- names ---------- */

/* Letters that short forms exchange count as one. */
static char
first_sound(char letter)
{
	switch (letter)
	{
		case 'c':
		case 'q':
			return 'k';
		case 'g':
			return 'j';
		case 'y':
			return 'i';
		case 'z':
			return 's';
		default:
			return letter;
	}
}

/* May one word be a short form of the other, if perhaps an unusual one? */
static bool
may_be_short_form(int32 a, int32 b)
{
	const CpWord *left = cp_dictionary_word(a);
	const CpWord *right = cp_dictionary_word(b);

	if (left == NULL || right == NULL)
		return true;
	if (cp_dictionary_compare(a, b) != CP_WORD_DIFFER || cp_word_short_form(left, right))
		return true;
	return Min(left->length, right->length) <= SHORT_FORM_MOST &&
		first_sound(left->word[0]) == first_sound(right->word[0]) &&
		first_sound(left->word[1]) == first_sound(right->word[1]);
}

/*
 * Is it plain that no given name of the one is a form of a given name of the
 * other?  Not where one of them has none.
 */
bool
cp_given_clearly_differs(const CpPerson *a, const CpPerson *b)
{
	bool		compared = false;

	for (int i = 0; i < a->nnames; i++)
		for (int j = 0; j < b->nnames; j++)
			for (int g = 0; g < a->names[i].ngiven; g++)
				for (int h = 0; h < b->names[j].ngiven; h++)
				{
					compared = true;
					if ((g == 0 || h == 0) &&
						may_be_short_form(a->names[i].given[g], b->names[j].given[h]))
						return false;
				}
	return compared;
}

/* ---------- birth dates ---------- */

static void
date_digits(int year, int month, int day, char *digits)
{
	digits[0] = year / 1000 % 10;
	digits[1] = year / 100 % 10;
	digits[2] = year / 10 % 10;
	digits[3] = year % 10;
	digits[4] = month / 10;
	digits[5] = month % 10;
	digits[6] = day / 10;
	digits[7] = day % 10;
}

CpBirthLevel
cp_birth_compare(DateADT a, DateADT b)
{
	int			ayear;
	int			amonth;
	int			aday;
	int			byear;
	int			bmonth;
	int			bday;
	char		adigits[8];
	char		bdigits[8];
	int			wrong = 0;
	int			first = -1;
	int			last = -1;

	if (a == b)
		return CP_BIRTH_EQUAL;
	j2date(a + POSTGRES_EPOCH_JDATE, &ayear, &amonth, &aday);
	j2date(b + POSTGRES_EPOCH_JDATE, &byear, &bmonth, &bday);
	if (ayear == byear && amonth == bday && aday == bmonth)
		return CP_BIRTH_SWAPPED;
	date_digits(ayear, amonth, aday, adigits);
	date_digits(byear, bmonth, bday, bdigits);
	for (int i = 0; i < 8; i++)
		if (adigits[i] != bdigits[i])
		{
			wrong++;
			if (first < 0)
				first = i;
			last = i;
		}
	if (wrong == 1 || (wrong == 2 && last == first + 1 &&
					   adigits[first] == bdigits[last] && adigits[last] == bdigits[first]))
		return CP_BIRTH_DIGIT;
	if ((ayear == byear) + (amonth == bmonth) + (aday == bday) == 2)
		return CP_BIRTH_PARTS;
	if (ayear == byear && ((amonth == 1 && aday == 1) || (bmonth == 1 && bday == 1)))
		return CP_BIRTH_DEFAULT;
	if (wrong == 2)
		return CP_BIRTH_DIGITS;
	return ayear == byear ? CP_BIRTH_YEAR : CP_BIRTH_DIFFER;
}

/* ---------- places ---------- */

static int
split_address(char *text, char **words, int *lengths)
{
	int			n = 0;
	char	   *next = text;

	while (n < MAX_ADDRESS_WORDS && *next != '\0')
	{
		char	   *space = strchr(next, ' ');

		words[n] = next;
		if (space == NULL)
		{
			lengths[n++] = strlen(next);
			break;
		}
		*space = '\0';
		lengths[n++] = space - next;
		next = space + 1;
	}
	return n;
}

/*
 * Share of the pairs of neighbouring letters that agree, blanks left out: for
 * words that were run together or torn apart.
 */
double
cp_address_letters_alike(const char *a, const char *b)
{
	uint8		counts[1024] = {0};
	int			na = 0;
	int			nb = 0;
	int			agree = 0;
	unsigned char last = 0;

	for (; *a != '\0'; a++)
	{
		if (*a == ' ')
			continue;
		if (last != 0 && na < 255)
		{
			counts[(last * 33 + (unsigned char) *a) % lengthof(counts)]++;
			na++;
		}
		last = *a;
	}
	last = 0;
	for (; *b != '\0'; b++)
	{
		if (*b == ' ')
			continue;
		if (last != 0 && nb < 255)
		{
			uint8	   *count = &counts[(last * 33 + (unsigned char) *b) % lengthof(counts)];

			if (*count > 0)
			{
				(*count)--;
				agree++;
			}
			nb++;
		}
		last = *b;
	}
	return na + nb > 0 ? 2.0 * agree / (na + nb) : 0;
}

/* Share of the words of two addresses that agree, 0 to 1. */
double
cp_address_words_alike(const char *a, const char *b)
{
	char	   *awords[MAX_ADDRESS_WORDS];
	char	   *bwords[MAX_ADDRESS_WORDS];
	int			alens[MAX_ADDRESS_WORDS];
	int			blens[MAX_ADDRESS_WORDS];
	bool		used[MAX_ADDRESS_WORDS] = {false};
	int			na = split_address(pstrdup(a), awords, alens);
	int			nb = split_address(pstrdup(b), bwords, blens);
	int			agree = 0;

	for (int i = 0; i < na; i++)
		for (int j = 0; j < nb; j++)
			if (!used[j] && alens[i] == blens[j] &&
				memcmp(awords[i], bwords[j], alens[i]) == 0)
			{
				used[j] = true;
				agree++;
				break;
			}
	return na + nb > 0 ? 2.0 * agree / (na + nb) : 0;
}

/* Is the house number another one? */
bool
cp_address_number_differs(const char *a, const char *b)
{
	return isdigit((unsigned char) a[0]) && isdigit((unsigned char) b[0]) && atoi(a) != atoi(b);
}
