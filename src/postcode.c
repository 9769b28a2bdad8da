/*-------------------------------------------------------------------------
 *
 * postcode.c
 *	  Postcodes in the form in which they are compared.
 *
 *	  In a British postcode the place of a sign tells whether it is a letter or
 *	  a digit, so O for 0 and I for 1, and the other way round, are put right:
 *	  where one of the forms of the country results, with an area that there
 *	  is, and only one.  All else is left as it came: the codes of other
 *	  countries have other forms.
 *
 *	  Pure (model.h).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "model.h"

#define INWARD 3				/* signs of the inward part: a digit, two
								 * letters */
#define MOST_OUTWARD 4

/*
 * Forms of the outward part: A letter, 9 digit, and letters of fewer kinds in
 * the third (a) and fourth (b) place, after BS 7666.  1 is a digit other than 0.
 */
static const char *const outward_forms[] = {
	"A9", "A19", "AA9", "A9a", "AA19", "AA9b"
};

#define UNIT_LETTERS "ABDEFGHJLNPQRSTUWXYZ"
#define THIRD_LETTERS "ABCDEFGHJKPSTUW"
#define FOURTH_LETTERS "ABEHMNPRVWXY"

/* Postcode areas of the United Kingdom and the islands (Royal Mail). */
static const char areas[] =
" AB AL B BA BB BD BH BL BN BR BS BT CA CB CF CH CM CO CR CT CV CW DA DD DE DG DH DL DN DT DY"
" E EC EH EN EX FK FY G GL GU GY HA HD HG HP HR HS HU HX IG IM IP IV JE KA KT KW KY L LA LD LE LL"
" LN LS LU M ME MK ML N NE NG NN NP NR NW OL OX PA PE PH PL PO PR RG RH RM S SA SE SG SK SL SM SN"
" SO SP SR SS ST SW SY TA TD TF TN TQ TR TS TW UB W WA WC WD WF WN WR WS WV YO ZE ";

static bool
is_area(const char *letters, int n)
{
	char		wanted[MOST_OUTWARD + 3];

	snprintf(wanted, sizeof(wanted), " %.*s ", n, letters);
	return strstr(areas, wanted) != NULL;
}

static char
as_digit(char sign)
{
	return sign == 'O' ? '0' : sign == 'I' ? '1' : sign;
}

static char
as_letter(char sign)
{
	return sign == '0' ? 'O' : sign == '1' ? 'I' : sign;
}

/* Writes the sign as its place in a form wants it; false if it cannot be. */
static bool
put_right(char sign, char place, char *to)
{
	switch (place)
	{
		case '9':
			*to = as_digit(sign);
			return *to >= '0' && *to <= '9';
		case '1':
			*to = as_digit(sign);
			return *to >= '1' && *to <= '9';
		case 'a':
			*to = sign;
			return strchr(THIRD_LETTERS, sign) != NULL;
		case 'b':
			*to = sign;
			return strchr(FOURTH_LETTERS, sign) != NULL;
		default:
			*to = as_letter(sign);
			return *to >= 'A' && *to <= 'Z';
	}
}

/*
 * The outward part in one form, in to, which has room for it; returns how many
 * signs had to be changed, -1 if it has not that form.
 */
static int
in_form(const char *code, int length, const char *form, char *to)
{
	int			changed = 0;
	int			letters = strspn(form, "A");

	if (strlen(form) != length)
		return -1;
	for (int i = 0; i < length; i++)
	{
		if (!put_right(code[i], form[i], &to[i]))
			return -1;
		changed += to[i] != code[i];
	}
	return is_area(to, letters) ? changed : -1;
}

/* Upper-case letters and digits only, a British code put right; "" if none. */
char *
cp_normalize_postcode(const char *postcode)
{
	char	   *code = cp_normalize_code(postcode);
	int			length = strlen(code) - INWARD;
	char	   *inward = code + length;
	char		best[MOST_OUTWARD];
	int			least = MOST_OUTWARD + 1;
	bool		several = false;

	if (length < 2 || length > MOST_OUTWARD || as_digit(inward[0]) < '0' || as_digit(inward[0]) > '9' ||
		strchr(UNIT_LETTERS, inward[1]) == NULL || strchr(UNIT_LETTERS, inward[2]) == NULL)
		return code;
	for (int i = 0; i < lengthof(outward_forms); i++)
	{
		char		outward[MOST_OUTWARD];
		int			changed = in_form(code, length, outward_forms[i], outward);

		if (changed < 0 || changed > least)
			continue;
		several = changed == least && memcmp(best, outward, length) != 0;
		least = changed;
		memcpy(best, outward, length);
	}
	if (least <= MOST_OUTWARD && !several)
	{
		memcpy(code, best, length);
		inward[0] = as_digit(inward[0]);
	}
	return code;
}

/* Is a code in normal form one of the United Kingdom? */
static bool
is_british(const char *code)
{
	int			length = (int) strlen(code) - INWARD;
	char		outward[MOST_OUTWARD];

	if (length < 2 || length > MOST_OUTWARD || code[length] < '0' || code[length] > '9' ||
		strspn(code + length + 1, UNIT_LETTERS) != INWARD - 1)
		return false;
	for (int i = 0; i < lengthof(outward_forms); i++)
		if (in_form(code, length, outward_forms[i], outward) == 0)
			return true;
	return false;
}

/* The British postcode, in normal form, that the last words of an address are; "" if they are none. */
char *
cp_postcode_at_end(const char *address)
{
	const char *word = address + strlen(address);

	for (int words = 0; words < 2 && word > address; words++)
	{
		char	   *code;

		while (word > address && word[-1] == ' ')
			word--;
		while (word > address && word[-1] != ' ')
			word--;
		code = cp_normalize_postcode(word);
		if (is_british(code))
			return code;
	}
	return "";
}
