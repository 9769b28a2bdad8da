/*-------------------------------------------------------------------------
 *
 * normalize.c
 *	  Uploaded text to a normal form in which spellings of one name meet.
 *
 *	  A name becomes lower-case words: compatibility forms, accents, format
 *	  characters and apostrophes are gone, hyphens and dots part words, letters
 *	  of other scripts that look like Latin ones are taken for them.
 *
 *	  Invariant: the normal form depends on the text alone (no locale, no
 *	  setting), so that keys made of it stay true for as long as the text.
 *	  Pure (model.h).  Text is valid UTF-8, as in any database that the
 *	  prologue lets pass.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/unicode_norm.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/datetime.h"

#include "model.h"

#define MAX_ADDRESS_WORDS 32

typedef struct Fold
{
	pg_wchar	from;
	const char *to;
} Fold;

typedef struct Range
{
	pg_wchar	first;
	pg_wchar	last;
} Range;

/*
 * Letters that look like Latin ones, from the data of UTS #39 (confusables),
 * as far as they occur in living scripts or turn up in forged names.  Used for
 * words that mix scripts and for words that consist of such letters only.
 */
static const Fold look_alikes[] = {
	{0x0251, "a"}, {0x0261, "g"}, {0x0262, "g"}, {0x0269, "i"}, {0x026A, "i"},
	{0x0274, "n"}, {0x0280, "r"}, {0x028F, "y"}, {0x0299, "b"}, {0x029C, "h"},
	{0x029F, "l"},
	{0x0391, "a"}, {0x0392, "b"}, {0x0395, "e"}, {0x0396, "z"}, {0x0397, "h"},
	{0x0399, "i"}, {0x039A, "k"}, {0x039C, "m"}, {0x039D, "n"}, {0x039F, "o"},
	{0x03A1, "p"}, {0x03A4, "t"}, {0x03A5, "y"}, {0x03A7, "x"}, {0x03B1, "a"},
	{0x03B3, "y"}, {0x03B9, "i"}, {0x03BA, "k"}, {0x03BD, "v"}, {0x03BF, "o"},
	{0x03C1, "p"}, {0x03C5, "u"},
	{0x0405, "s"}, {0x0406, "i"}, {0x0408, "j"}, {0x0410, "a"}, {0x0412, "b"},
	{0x0415, "e"}, {0x041A, "k"}, {0x041C, "m"}, {0x041D, "h"}, {0x041E, "o"},
	{0x0420, "p"}, {0x0421, "c"}, {0x0422, "t"}, {0x0423, "y"}, {0x0425, "x"},
	{0x0430, "a"}, {0x0435, "e"}, {0x043A, "k"}, {0x043E, "o"}, {0x0440, "p"},
	{0x0441, "c"}, {0x0443, "y"}, {0x0445, "x"}, {0x0455, "s"}, {0x0456, "i"},
	{0x0458, "j"}, {0x04AE, "y"}, {0x04AF, "y"}, {0x04BB, "h"}, {0x04C0, "l"},
	{0x04CF, "l"}, {0x0501, "d"}, {0x050C, "g"}, {0x051A, "q"}, {0x051B, "q"},
	{0x051C, "w"}, {0x051D, "w"},
	{0x0566, "q"}, {0x0570, "h"}, {0x0578, "n"}, {0x057D, "u"}, {0x0581, "g"},
	{0x0585, "o"},
	{0x1D00, "a"}, {0x1D04, "c"}, {0x1D05, "d"}, {0x1D07, "e"}, {0x1D0A, "j"},
	{0x1D0B, "k"}, {0x1D0D, "m"}, {0x1D0F, "o"}, {0x1D18, "p"}, {0x1D1B, "t"},
	{0x1D1C, "u"}, {0x1D20, "v"}, {0x1D21, "w"}, {0x1D22, "z"}, {0xA731, "s"},
};

/* Latin letters that no decomposition takes apart. */
static const Fold latin_letters[] = {
	{0x00C6, "ae"}, {0x00D0, "d"}, {0x00D8, "o"}, {0x00DE, "th"}, {0x00DF, "ss"},
	{0x00E6, "ae"}, {0x00F0, "d"}, {0x00F8, "o"}, {0x00FE, "th"}, {0x0110, "d"},
	{0x0111, "d"}, {0x0126, "h"}, {0x0127, "h"}, {0x0131, "i"}, {0x0138, "k"},
	{0x0141, "l"}, {0x0142, "l"}, {0x014A, "n"}, {0x014B, "n"}, {0x0152, "oe"},
	{0x0153, "oe"}, {0x0166, "t"}, {0x0167, "t"}, {0x0180, "b"}, {0x0181, "b"},
	{0x0186, "o"}, {0x0187, "c"}, {0x0188, "c"}, {0x0189, "d"}, {0x018A, "d"},
	{0x018E, "e"}, {0x018F, "e"}, {0x0190, "e"}, {0x0191, "f"}, {0x0192, "f"},
	{0x0193, "g"}, {0x0197, "i"}, {0x0198, "k"}, {0x0199, "k"}, {0x019A, "l"},
	{0x019D, "n"}, {0x019E, "n"}, {0x01A4, "p"}, {0x01A5, "p"}, {0x01AB, "t"},
	{0x01B3, "y"}, {0x01B4, "y"}, {0x01B5, "z"}, {0x01B6, "z"}, {0x01DD, "e"},
	{0x0237, "j"}, {0x0253, "b"}, {0x0254, "o"}, {0x0256, "d"}, {0x0257, "d"},
	{0x0259, "e"}, {0x025B, "e"}, {0x0268, "i"}, {0x0272, "n"}, {0x0289, "u"},
	{0x1E9E, "ss"},
};

/* Cyrillic U+0430..U+045F and Greek U+03B1..U+03C9, as passports write them. */
static const char *const cyrillic[] = {
	"a", "b", "v", "g", "d", "e", "zh", "z", "i", "i", "k", "l", "m", "n", "o", "p",
	"r", "s", "t", "u", "f", "kh", "ts", "ch", "sh", "shch", "ie", "y", "", "e", "iu", "ia",
	"e", "e", "dj", "g", "ie", "dz", "i", "i", "j", "lj", "nj", "c", "k", "i", "u", "dz",
};
static const char *const greek[] = {
	"a", "v", "g", "d", "e", "z", "i", "th", "i", "k", "l", "m", "n", "x", "o", "p",
	"r", "s", "s", "t", "y", "f", "ch", "ps", "o",
};

/* Characters that are neither letters nor marks; ASCII is told apart before. */
static const Range no_letters[] = {
	{0x0080, 0x00A9}, {0x00AB, 0x00B4}, {0x00B6, 0x00B9}, {0x00BB, 0x00BF},
	{0x00D7, 0x00D7}, {0x00F7, 0x00F7}, {0x02C2, 0x02FF}, {0x055A, 0x055F},
	{0x0589, 0x058F}, {0x05BE, 0x05BE}, {0x05C0, 0x05C0}, {0x05F3, 0x060F},
	{0x061B, 0x061F}, {0x0660, 0x066D}, {0x06D4, 0x06D4}, {0x06F0, 0x06F9},
	{0x0964, 0x096F}, {0x1680, 0x1680}, {0x2000, 0x20FF}, {0x2190, 0x2BFF},
	{0x2E00, 0x2E7F}, {0x3000, 0x3004}, {0x3008, 0x3020}, {0x3030, 0x3030},
	{0xA830, 0xA839}, {0xD800, 0xF8FF}, {0xFD3E, 0xFD3F}, {0xFDD0, 0xFDEF},
	{0xFE00, 0xFE6F}, {0xFEFF, 0xFEFF}, {0xFF00, 0xFF20}, {0xFFE0, 0xFFFF},
	{0x1F000, 0x1FBFF}, {0xE0000, 0x10FFFF},
};

/* Marks that stand on the letter before them. */
static const Range marks[] = {
	{0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD}, {0x05BF, 0x05BF},
	{0x05C1, 0x05C7}, {0x0610, 0x061A}, {0x064B, 0x065F}, {0x0670, 0x0670},
	{0x06D6, 0x06ED}, {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF}, {0x20D0, 0x20FF},
	{0xFE00, 0xFE0F}, {0xFE20, 0xFE2F},
};

/*
 * Control and format characters (general categories Cc and Cf), line and
 * paragraph separators, and letters that leave no trace on paper.
 */
static const Range unseen[] = {
	{0x0000, 0x001F}, {0x007F, 0x009F}, {0x00AD, 0x00AD}, {0x034F, 0x034F},
	{0x0600, 0x0605}, {0x061C, 0x061C}, {0x06DD, 0x06DD}, {0x070F, 0x070F},
	{0x0890, 0x0891}, {0x08E2, 0x08E2}, {0x115F, 0x1160}, {0x17B4, 0x17B5},
	{0x180B, 0x180F}, {0x200B, 0x200F}, {0x2028, 0x202E}, {0x2060, 0x206F},
	{0x2800, 0x2800}, {0x3164, 0x3164}, {0xD800, 0xF8FF}, {0xFDD0, 0xFDEF},
	{0xFE00, 0xFE0F}, {0xFEFF, 0xFEFF}, {0xFFA0, 0xFFA0}, {0xFFF0, 0xFFFB},
	{0xFFFE, 0xFFFF}, {0x110BD, 0x110BD}, {0x110CD, 0x110CD}, {0x13430, 0x1343F},
	{0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A}, {0xE0000, 0x10FFFF},
};

/* Apostrophes and the like: they part no word. */
static const pg_wchar apostrophes[] = {
	0x0027, 0x0060, 0x00B4, 0x02B9, 0x02BA, 0x02BB, 0x02BC, 0x02BD, 0x02BE,
	0x02BF, 0x02C8, 0x02CA, 0x02CB, 0x05F3, 0x1FBD, 0x1FBF, 0x2018, 0x2019,
	0x201A, 0x201B, 0x2032, 0x2035, 0xA78B, 0xA78C, 0xFF07,
};

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

static bool
in_ranges(pg_wchar c, const Range *ranges, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (c < ranges[i].first)
			return false;
		if (c <= ranges[i].last)
			return true;
	}
	return false;
}

static const char *
find_fold(pg_wchar c, const Fold *folds, int n)
{
	int			low = 0;
	int			high = n - 1;

	while (low <= high)
	{
		int			middle = (low + high) / 2;

		if (folds[middle].from == c)
			return folds[middle].to;
		if (folds[middle].from < c)
			low = middle + 1;
		else
			high = middle - 1;
	}
	return NULL;
}

static bool
is_apostrophe(pg_wchar c)
{
	for (int i = 0; i < lengthof(apostrophes); i++)
		if (apostrophes[i] == c)
			return true;
	return false;
}

static bool
is_ascii_letter(pg_wchar c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_digit(pg_wchar c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(pg_wchar c)
{
	if (c < 0x80)
		return is_ascii_letter(c);
	return !in_ranges(c, no_letters, lengthof(no_letters)) &&
		!in_ranges(c, marks, lengthof(marks)) &&
		!in_ranges(c, unseen, lengthof(unseen));
}

static bool
is_cyrillic(pg_wchar c)
{
	return c >= 0x0400 && c <= 0x052F;
}

static bool
is_greek(pg_wchar c)
{
	return c >= 0x0370 && c <= 0x03FF;
}

static bool
is_armenian(pg_wchar c)
{
	return c >= 0x0530 && c <= 0x058F;
}

static bool
is_ascii(const char *text)
{
	for (; *text; text++)
		if (IS_HIGHBIT_SET(*text))
			return false;
	return true;
}

/*
 * Code points of a text, zero-terminated.  With fold: in compatibility
 * decomposition (NFKD), without apostrophes and unseen characters.
 */
static pg_wchar *
code_points(const char *text, bool fold)
{
	int			length = strlen(text);
	pg_wchar   *points = palloc((length + 1) * sizeof(pg_wchar));
	pg_wchar   *out;

	if (is_ascii(text))
	{
		for (int i = 0; i <= length; i++)
			points[i] = (unsigned char) text[i];
	}
	else
	{
		const unsigned char *in = (const unsigned char *) text;
		int			n = 0;

		for (; *in != '\0'; in += pg_utf_mblen(in))
			points[n++] = utf8_to_unicode(in);
		points[n] = 0;
	}
	if (!fold)
		return points;

	out = points;
	for (pg_wchar *in = points; *in != 0; in++)
	{
		/* a tab or line end parts words; other unseen characters never do */
		if (*in >= 0x09 && *in <= 0x0D)
			*out++ = ' ';
		else if (!is_apostrophe(*in) && !in_ranges(*in, unseen, lengthof(unseen)))
			*out++ = *in;
	}
	*out = 0;
	if (!is_ascii(text))
		points = unicode_normalize(UNICODE_NFKD, points);
	return points;
}

/* One letter in lower case and Latin script, as far as we know how. */
static void
append_letter(StringInfo to, pg_wchar c, bool by_looks)
{
	const char *folded = NULL;
	unsigned char encoded[8] = {0};

	if (c < 0x80)
	{
		appendStringInfoChar(to, (c >= 'A' && c <= 'Z') ? c + ('a' - 'A') : c);
		return;
	}
	if (by_looks)
		folded = find_fold(c, look_alikes, lengthof(look_alikes));
	if (folded == NULL)
		folded = find_fold(c, latin_letters, lengthof(latin_letters));
	if (folded == NULL)
	{
		if (c >= 0x0410 && c <= 0x042F)
			c += 0x20;
		else if (c >= 0x0400 && c <= 0x040F)
			c += 0x50;
		else if (c >= 0x0391 && c <= 0x03A9)
			c += 0x20;
		else if (c >= 0x0531 && c <= 0x0556)
			c += 0x30;
		else if (c == 0x0490)
			c++;
		if (c >= 0x0430 && c <= 0x045F)
			folded = cyrillic[c - 0x0430];
		else if (c >= 0x03B1 && c <= 0x03C9)
			folded = greek[c - 0x03B1];
		else if (c == 0x0491)
			folded = "g";
		else
			folded = find_fold(c, look_alikes, lengthof(look_alikes));
	}
	if (folded != NULL)
	{
		appendStringInfoString(to, folded);
		return;
	}
	unicode_to_utf8(c, encoded);
	appendBinaryStringInfo(to, (char *) encoded, pg_utf_mblen(encoded));
}

/* Digits that people write for letters. */
static pg_wchar
digit_as_letter(pg_wchar c)
{
	switch (c)
	{
		case '0':
			return 'o';
		case '1':
			return 'i';
		case '3':
			return 'e';
		case '4':
			return 'a';
		case '5':
			return 's';
		case '7':
			return 't';
		case '8':
			return 'b';
		default:
			return 0;
	}
}

/* Appends the word between start and end. */
static void
append_word(StringInfo to, const pg_wchar *start, const pg_wchar *end)
{
	bool		latin = false;
	bool		other = false;
	bool		all_look_alike = true;

	for (const pg_wchar *c = start; c < end; c++)
	{
		if (!is_letter(*c))
			continue;
		if (is_cyrillic(*c) || is_greek(*c) || is_armenian(*c))
		{
			other = true;
			if (find_fold(*c, look_alikes, lengthof(look_alikes)) == NULL)
				all_look_alike = false;
		}
		else
			latin = true;
	}
	for (const pg_wchar *c = start; c < end; c++)
	{
		if (is_letter(*c))
			append_letter(to, *c, other && (latin || all_look_alike));
		else if (is_digit(*c) && (latin || other) && digit_as_letter(*c) != 0)
			appendStringInfoChar(to, digit_as_letter(*c));
	}
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

/*
 * Letters-only, lower-case, folded words, single spaces between; "" if none.
 * Three or more single letters in a row with nothing else are one word that
 * somebody spaced out.  Words after the eighth are left out.
 */
char *
cp_normalize_name(const char *name)
{
	pg_wchar   *points = code_points(name, true);
	StringInfoData result;
	int			words = 0;
	int			single = 0;		/* words of one letter that it begins with */
	pg_wchar   *c = points;

	initStringInfo(&result);
	while (*c != 0)
	{
		pg_wchar   *start;
		const char *word;
		int			letters = 0;
		int			before = result.len;

		while (*c != 0 && !is_letter(*c) && !is_digit(*c))
			c++;
		start = c;
		while (*c != 0 && (is_letter(*c) || is_digit(*c) ||
						   in_ranges(*c, marks, lengthof(marks))))
		{
			if (is_letter(*c))
				letters++;
			c++;
		}
		if (letters == 0)
			continue;
		if (words > 0)
			appendStringInfoChar(&result, ' ');
		append_word(&result, start, c);
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

	if (words > CP_MAX_WORDS && single < words)
	{
		words = CP_MAX_WORDS;
		cut_words(result.data, words);
	}
	if (words >= 3 && single >= words)
		join_words(result.data);
	return result.data;
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
	pg_wchar   *points = code_points(code, true);
	StringInfoData result;

	initStringInfo(&result);
	for (pg_wchar *c = points; *c != 0; c++)
	{
		if (is_letter(*c))
			append_letter(&result, *c, true);
		else if (is_digit(*c))
			appendStringInfoChar(&result, *c);
	}
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
	pg_wchar   *points = code_points(address, true);
	StringInfoData result;
	int			words = 0;
	pg_wchar   *c = points;

	initStringInfo(&result);
	while (*c != 0 && words < MAX_ADDRESS_WORDS)
	{
		int			before = result.len;
		int			start;

		while (*c != 0 && !is_letter(*c) && !is_digit(*c))
			c++;
		if (*c == 0)
			break;
		if (words > 0)
			appendStringInfoChar(&result, ' ');
		start = result.len;
		while (*c != 0 && (is_letter(*c) || is_digit(*c) ||
						   in_ranges(*c, marks, lengthof(marks))))
		{
			if (is_digit(*c))
				appendStringInfoChar(&result, *c);
			else if (is_letter(*c))
				append_letter(&result, *c, true);
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
			if (strcmp(result.data + start, address_words[i][0]) == 0)
			{
				result.len = start;
				appendStringInfoString(&result, address_words[i][1]);
				break;
			}
		}
		words++;
	}
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
	points = code_points(text, false);
	for (int i = 0; points[i] != 0; i++)
	{
		if (i >= max_chars)
			return "is too long";
		if (in_ranges(points[i], unseen, lengthof(unseen)))
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

	if (fault != NULL)
	{
		if (strcmp(fault, "is too long") == 0)
			return "is longer than " CppAsString2(CP_NAME_MAX) " characters";
		return fault;
	}
	points = code_points(name, true);
	for (int i = 0; points[i] != 0; i++)
	{
		if (is_digit(points[i]))
			return "holds digits";
		if (is_letter(points[i]))
			letters++;
	}
	if (letters == 0 || cp_normalize_name(name)[0] == '\0')
		return "holds no letters";
	/* in scripts such as Chinese one sign may be a whole name */
	if (letters == 1 && strlen(cp_normalize_name(name)) == 1)
		return "has only one letter";
	return NULL;
}
