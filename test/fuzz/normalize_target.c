/*
 * normalize_target.c
 *	  Whatever text arrives: its normal form has the form promised, is normal
 *	  itself, and is the same for another way to write the same characters.
 */
#include "postgres.h"

#include "common/unicode_norm.h"
#include "mb/pg_wchar.h"
#include "utils/datetime.h"

#include "model.h"

#include "fuzz.h"

#define MAX_TEXT 1000

/* No character has a longer compatibility decomposition (U+FDFA: 3 bytes to 33). */
#define MAX_GROWTH 12

static bool
is_valid(const char *text)
{
	int			length = strlen(text);

	return pg_encoding_verifymbstr(PG_UTF8, text, length) == length;
}

/* Words with single blanks between, none of them empty; returns how many. */
static int
count_words(const char *text)
{
	int			words = 0;

	if (*text == '\0')
		return 0;
	CHECK(text[0] != ' ' && text[strlen(text) - 1] != ' ');
	CHECK(strstr(text, "  ") == NULL);
	for (words = 1; *text != '\0'; text++)
		words += *text == ' ';
	return words;
}

/* ASCII characters are of the set; of others nothing is asked. */
static bool
ascii_within(const char *text, const char *set)
{
	for (; *text != '\0'; text++)
		if (!IS_HIGHBIT_SET(*text) && strchr(set, *text) == NULL)
			return false;
	return true;
}

/* The same characters in another normalization form. */
static char *
in_form(const char *text, UnicodeNormalizationForm form)
{
	int			length = strlen(text);
	pg_wchar   *points = palloc((length + 1) * sizeof(pg_wchar));
	char	   *result;
	char	   *out;

	pg_mb2wchar_with_len(text, points, length);
	points = unicode_normalize(form, points);
	for (length = 0; points[length] != 0; length++)
		;
	result = out = palloc(length * 4 + 1);
	for (; *points != 0; points++)
	{
		unicode_to_utf8(*points, (unsigned char *) out);
		out += pg_utf_mblen((unsigned char *) out);
	}
	*out = '\0';
	return result;
}

/* ASCII letters in upper case. */
static char *
in_capitals(const char *text)
{
	char	   *result = pstrdup(text);

	for (char *c = result; *c != '\0'; c++)
		*c = pg_ascii_toupper((unsigned char) *c);
	return result;
}

static void
check_form(const char *text, char *(*normalize) (const char *), const char *set)
{
	char	   *normal = normalize(text);

	fuzz_show("normal", normal);
	CHECK(is_valid(normal));
	CHECK(strlen(normal) <= strlen(text) * MAX_GROWTH);
	CHECK(ascii_within(normal, set));
	count_words(normal);
	fuzz_show("normal of normal", normalize(normal));
	CHECK(strcmp(normalize(normal), normal) == 0);
	fuzz_show("normal of composed", normalize(in_form(text, UNICODE_NFC)));
	CHECK(strcmp(normalize(in_form(text, UNICODE_NFC)), normal) == 0);
	fuzz_show("normal of decomposed", normalize(in_form(text, UNICODE_NFD)));
	CHECK(strcmp(normalize(in_form(text, UNICODE_NFD)), normal) == 0);
	CHECK(strcmp(normalize(in_capitals(text)), normal) == 0);
}

static void
check_date(const char *text)
{
	DateADT		date;
	int			year;
	int			month;
	int			day;
	char		written[32];

	if (cp_parse_partial_date(text, &year, &month))
	{
		snprintf(written, sizeof(written), month == 0 ? "%04d" : "%04d-%02d", year, month);
		CHECK(strcmp(written, text) == 0);
		CHECK(!cp_parse_iso_date(text, &date));
	}
	if (!cp_parse_iso_date(text, &date))
		return;
	j2date(date + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	snprintf(written, sizeof(written), "%04d-%02d-%02d", year, month, day);
	CHECK(strcmp(written, text) == 0);
}

static void
check_faults(const char *text)
{
	const char *fault = cp_name_fault(text);

	if (fault == NULL)
	{
		CHECK(cp_normalize_name(text)[0] != '\0');
		CHECK(cp_text_fault(text, CP_NAME_MAX) == NULL);
	}
	if (cp_text_fault(text, 10) == NULL)
		CHECK(cp_text_fault(text, 11) == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	FuzzInput	input = fuzz_begin(data, size);
	char	   *text = fuzz_text(&input, MAX_TEXT);

	fuzz_show("text", text);
	check_form(text, cp_normalize_name, "abcdefghijklmnopqrstuvwxyz ");
	CHECK(count_words(cp_normalize_name(text)) <= CP_MAX_WORDS);
	check_form(text, cp_normalize_family, "abcdefghijklmnopqrstuvwxyz ");
	CHECK(count_words(cp_normalize_family(text)) <= CP_MAX_WORDS);
	check_form(text, cp_normalize_postcode, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
	check_form(text, cp_normalize_code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
	check_form(text, cp_normalize_kind, "abcdefghijklmnopqrstuvwxyz0123456789");
	check_form(text, cp_normalize_address, "abcdefghijklmnopqrstuvwxyz0123456789 ");
	check_date(text);
	check_faults(text);
	return 0;
}
