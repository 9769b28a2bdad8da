/*-------------------------------------------------------------------------
 *
 * normalize.c
 *	  Uploaded text to a normal form in which spellings of one name meet.
 *
 *	  A name becomes lower-case Latin words (letter.c), parted by hyphens and
 *	  dots too; an address words and numbers; a code letters and digits; a date
 *	  is read.  What cannot be any of these is told why.
 *
 *	  Invariant: the normal form depends on the text alone (no locale, no
 *	  setting), so that keys made of it stay true for as long as the text.
 *	  Pure (model.h).  Text is valid UTF-8, as in any database that the
 *	  prologue lets pass.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "utils/datetime.h"

#include "letter.h"
#include "model.h"

#define MAX_ADDRESS_WORDS 32

/* One form for each of the usual words of addresses. */
static const char *const address_words[][2] = {
	{"apartment", "flat"}, {"apt", "flat"}, {"unit", "flat"},
	{"ave", "avenue"}, {"av", "avenue"}, {"blvd", "boulevard"},
	{"bldg", "building"}, {"cl", "close"}, {"clo", "close"},
	{"cotts", "cottages"}, {"cott", "cottage"}, {"cr", "crescent"},
	{"cres", "crescent"}, {"ct", "court"}, {"crt", "court"}, {"dr", "drive"},
	{"drv", "drive"}, {"est", "estate"}, {"fm", "farm"}, {"gdns", "gardens"},
	{"gdn", "garden"}, {"grn", "green"}, {"gr", "grove"}, {"gro", "grove"},
	{"hse", "house"}, {"ho", "house"}, {"la", "lane"}, {"ln", "lane"},
	{"mt", "mount"}, {"pde", "parade"}, {"pk", "park"}, {"pl", "place"},
	{"rd", "road"}, {"sq", "square"}, {"saint", "st"}, {"str", "st"}, {"street", "st"},
	{"tce", "terrace"}, {"ter", "terrace"}, {"terr", "terrace"},
	{"upr", "upper"}, {"lwr", "lower"}, {"nth", "north"}, {"sth", "south"},
};

/* Room for what a text becomes, which is seldom longer; a batch keeps thousands. */
static void
begin_result(StringInfo result, const char *text)
{
	result->maxlen = strlen(text) + 16;
	result->data = palloc(result->maxlen);
	resetStringInfo(result);
}

/* Takes the spaces away. */
static void
join_words(char *words)
{
	char	   *out = words;

	for (char *in = words; *in != '\0'; in++)
		if (*in != ' ')
			*out++ = *in;
	*out = '\0';
}

/* Leaves the first n of more words. */
static void
cut_words(char *words, int n)
{
	for (int i = 0; i < n; i++)
		words = strchr(words, ' ') + 1;
	words[-1] = '\0';
}

/* cut: were there words after the eighth?  They are left out. */
static char *
normalize_name(const char *name, bool *cut)
{
	pg_wchar   *points = cp_code_points(name, true);
	StringInfoData result;
	int			words = 0;
	int			single = 0;		/* words of one letter that it begins with */
	pg_wchar   *c = points;

	begin_result(&result, name);
	while (*c != 0)
	{
		pg_wchar   *start;
		const char *word;
		int			letters = 0;
		int			before = result.len;

		while (*c != 0 && !cp_is_letter(*c) && !cp_is_digit(*c))
			c++;
		start = c;
		while (*c != 0 && (cp_is_letter(*c) || cp_is_digit(*c) || cp_is_mark(*c)))
		{
			if (cp_is_letter(*c))
				letters++;
			c++;
		}
		if (letters == 0)
			continue;
		if (words > 0)
			appendStringInfoChar(&result, ' ');
		cp_append_word(&result, start, c);
		if (result.len == before + (words > 0 ? 1 : 0))
		{
			/* a sign without a sound of its own */
			result.len = before;
			result.data[before] = '\0';
			continue;
		}
		word = result.data + before + (words > 0 ? 1 : 0);
		if (single == words && word[pg_utf_mblen((const unsigned char *) word)] == '\0')
			single++;
		words++;
	}

	pfree(points);
	*cut = words > CP_MAX_WORDS && single < words;
	if (*cut)
	{
		words = CP_MAX_WORDS;
		cut_words(result.data, words);
	}
	if (words >= 3 && single >= words)
		join_words(result.data);
	return result.data;
}

/*
 * Letters-only, lower-case, folded words, single spaces between; "" if none.
 * Three or more single letters in a row with nothing else are one word that
 * somebody spaced out.  Words after the eighth are left out.
 */
char *
cp_normalize_name(const char *name)
{
	bool		cut;

	return normalize_name(name, &cut);
}

bool
cp_name_is_cut(const char *name)
{
	int			others = 0;
	bool		cut;

	/* what may part so many words */
	for (const char *c = name; *c != '\0'; c++)
		others += !isalpha((unsigned char) *c);
	if (others < CP_MAX_WORDS)
		return false;
	pfree(normalize_name(name, &cut));
	return cut;
}

/*
 * The kind of an identifier as it is compared: letters and digits in lower
 * case, without endings that say only that it is a number.  Whoever writes
 * "NHS Number" means "nhs"; were the two apart, a number that a record holds
 * could be given to another one.
 */
char *
cp_normalize_kind(const char *kind)
{
	static const char *const endings[] = {"number", "num", "nr", "no", "id"};
	char	   *result = cp_normalize_code(kind);
	int			length = strlen(result);
	bool		cut;

	for (int i = 0; i < length; i++)
		result[i] = pg_ascii_tolower((unsigned char) result[i]);
	do
	{
		cut = false;
		for (int i = 0; i < lengthof(endings); i++)
		{
			int			n = strlen(endings[i]);

			if (length > n && strcmp(result + length - n, endings[i]) == 0)
			{
				length -= n;
				result[length] = '\0';
				cut = true;
			}
		}
	} while (cut);
	return result;
}

/* Upper-case letters and digits only; "" if none. */
char *
cp_normalize_code(const char *code)
{
	pg_wchar   *points = cp_code_points(code, true);
	StringInfoData result;

	begin_result(&result, code);
	for (pg_wchar *c = points; *c != 0; c++)
	{
		if (cp_is_letter(*c))
			cp_append_letter(&result, *c, true);
		else if (cp_is_digit(*c))
			appendStringInfoChar(&result, *c);
	}
	pfree(points);
	for (char *c = result.data; *c != '\0'; c++)
		if (*c >= 'a' && *c <= 'z')
			*c += 'A' - 'a';
	return result.data;
}

/*
 * Folded words and numbers of an address, single spaces between, the usual
 * abbreviations written out.
 */
char *
cp_normalize_address(const char *address)
{
	pg_wchar   *points = cp_code_points(address, true);
	StringInfoData result;
	int			words = 0;
	pg_wchar   *c = points;

	begin_result(&result, address);
	while (*c != 0 && words < MAX_ADDRESS_WORDS)
	{
		int			before = result.len;
		int			start;

		while (*c != 0 && !cp_is_letter(*c) && !cp_is_digit(*c))
			c++;
		if (*c == 0)
			break;
		if (words > 0)
			appendStringInfoChar(&result, ' ');
		start = result.len;
		while (*c != 0 && (cp_is_letter(*c) || cp_is_digit(*c) || cp_is_mark(*c)))
		{
			if (cp_is_digit(*c))
				appendStringInfoChar(&result, *c);
			else if (cp_is_letter(*c))
				cp_append_letter(&result, *c, true);
			c++;
		}
		if (result.len == start)
		{
			/* signs without a sound of their own */
			result.len = before;
			result.data[before] = '\0';
			continue;
		}
		for (int i = 0; i < lengthof(address_words); i++)
		{
			if (result.data[start] == address_words[i][0][0] &&
				strcmp(result.data + start, address_words[i][0]) == 0)
			{
				result.len = start;
				appendStringInfoString(&result, address_words[i][1]);
				break;
			}
		}
		words++;
	}
	pfree(points);
	return result.data;
}

static bool
are_digits(const char *text, int n)
{
	for (int i = 0; i < n; i++)
		if (text[i] < '0' || text[i] > '9')
			return false;
	return true;
}

bool
cp_parse_partial_date(const char *text, int *year, int *month)
{
	*month = 0;
	if (!are_digits(text, 4))
		return false;
	*year = atoi(text);
	if (text[4] == '\0')
		return *year > 0;
	if (text[4] != '-' || !are_digits(text + 5, 2) || text[7] != '\0')
		return false;
	*month = atoi(text + 5);
	return *year > 0 && *month >= 1 && *month <= MONTHS_PER_YEAR;
}

/* ISO 8601 YYYY-MM-DD only; false if the text is no such existing date. */
bool
cp_parse_iso_date(const char *text, DateADT *date)
{
	int			year;
	int			month;
	int			day;

	for (int i = 0; i < 10; i++)
	{
		if (i == 4 || i == 7)
		{
			if (text[i] != '-')
				return false;
		}
		else if (text[i] < '0' || text[i] > '9')
			return false;
	}
	if (text[10] != '\0')
		return false;
	year = (text[0] - '0') * 1000 + (text[1] - '0') * 100 + (text[2] - '0') * 10 + (text[3] - '0');
	month = (text[5] - '0') * 10 + (text[6] - '0');
	day = (text[8] - '0') * 10 + (text[9] - '0');
	if (year < 1 || month < 1 || month > MONTHS_PER_YEAR)
		return false;
	if (day < 1 || day > day_tab[isleap(year)][month - 1])
		return false;
	*date = date2j(year, month, day) - POSTGRES_EPOCH_JDATE;
	return true;
}

/* The same for any other free text of at most max_chars characters. */
const char *
cp_text_fault(const char *text, int max_chars)
{
	pg_wchar   *points;
	bool		blank = true;

	/* no character takes more than four bytes */
	if (strlen(text) > (size_t) max_chars * 4)
		return "is too long";
	points = cp_code_points(text, false);
	for (int i = 0; points[i] != 0; i++)
	{
		if (i >= max_chars)
			return "is too long";
		if (cp_is_unseen(points[i]))
			return "holds control or format characters";
		if (points[i] != ' ')
			blank = false;
	}
	return blank ? "is empty" : NULL;
}

/* Why this text cannot be a name, or NULL. */
const char *
cp_name_fault(const char *name)
{
	const char *fault = cp_text_fault(name, CP_NAME_MAX);
	pg_wchar   *points;
	int			letters = 0;
	bool		plain = true;	/* nothing but ASCII */

	if (fault != NULL)
	{
		if (strcmp(fault, "is too long") == 0)
			return "is longer than " CppAsString2(CP_NAME_MAX) " characters";
		return fault;
	}
	points = cp_code_points(name, true);
	for (int i = 0; points[i] != 0; i++)
	{
		if (cp_is_digit(points[i]))
			return "holds digits";
		if (cp_is_letter(points[i]))
			letters++;
		plain &= points[i] < 0x80;
	}
	/* what is to come asks what other scripts leave of a name */
	if (plain && letters > 1)
		return NULL;
	if (letters == 0 || cp_normalize_name(name)[0] == '\0')
		return "holds no letters";
	/* in scripts such as Chinese one sign may be a whole name */
	if (letters == 1 && strlen(cp_normalize_name(name)) == 1)
		return "has only one letter";
	return NULL;
}
