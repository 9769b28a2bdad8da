/*-------------------------------------------------------------------------
 *
 * letter.c
 *	  Characters of any script, and the lower-case Latin letters that stand for
 *	  them.
 *
 *	  Compatibility forms and accents are taken off, apostrophes and format
 *	  characters left out; Cyrillic and Greek letters are written as passports
 *	  write them, and those that look like Latin ones as what they look like
 *	  where a word mixes scripts or has no others.
 *
 *	  Invariant: what comes out depends on the characters alone, on no locale
 *	  and no setting.  Pure (model.h).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/unicode_norm.h"

#include "letter.h"

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
	0x02BF, 0x02C8, 0x02CA, 0x02CB, 0x0374, 0x05F3, 0x1FBD, 0x1FBF, 0x1FEF,
	0x1FFD, 0x2018, 0x2019, 0x201A, 0x201B, 0x2032, 0x2035, 0xA78B, 0xA78C,
	0xFF07, 0xFF40,
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

bool
cp_is_mark(pg_wchar c)
{
	return in_ranges(c, marks, lengthof(marks));
}

bool
cp_is_unseen(pg_wchar c)
{
	if (c >= ' ' && c < 0x7F)
		return false;
	return in_ranges(c, unseen, lengthof(unseen));
}

bool
cp_is_letter(pg_wchar c)
{
	if (c < 0x80)
		return is_ascii_letter(c);
	return !in_ranges(c, no_letters, lengthof(no_letters)) && !cp_is_mark(c) && !cp_is_unseen(c);
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
pg_wchar *
cp_code_points(const char *text, bool fold)
{
	int			length = strlen(text);
	pg_wchar   *points = palloc((length + 1) * sizeof(pg_wchar));
	pg_wchar   *out;
	bool		plain = is_ascii(text);

	if (plain)
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
		else if (is_ascii_letter(*in) || *in == ' ' || (!is_apostrophe(*in) && !cp_is_unseen(*in)))
			*out++ = *in;
	}
	*out = 0;
	if (!plain)
		points = unicode_normalize(UNICODE_NFKD, points);
	return points;
}

/* One letter in lower case and Latin script, as far as we know how. */
void
cp_append_letter(StringInfo to, pg_wchar c, bool by_looks)
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
void
cp_append_word(StringInfo to, const pg_wchar *start, const pg_wchar *end)
{
	bool		latin = false;
	bool		other = false;
	bool		all_look_alike = true;

	for (const pg_wchar *c = start; c < end; c++)
	{
		if (!cp_is_letter(*c))
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
		if (cp_is_letter(*c))
			cp_append_letter(to, *c, other && (latin || all_look_alike));
		else if (cp_is_digit(*c) && (latin || other) && digit_as_letter(*c) != 0)
			appendStringInfoChar(to, digit_as_letter(*c));
	}
}
