/*
 * word_target.c
 *	  Comparing words and birth dates has no direction, and equal is equal.
 */
#include "postgres.h"

#include "fuzz_model.h"

static void
check_words(const char *a, const char *b)
{
	int			alen = strlen(a);
	int			blen = strlen(b);
	CpWordLevel level = cp_word_compare(a, alen, b, blen);

	CHECK(level >= CP_WORD_EQUAL && level <= CP_WORD_DIFFER);
	CHECK(level == cp_word_compare(b, blen, a, alen));
	CHECK((level == CP_WORD_EQUAL) == (strcmp(a, b) == 0));
	CHECK(cp_word_slip(a, alen, b, blen) == cp_word_slip(b, blen, a, alen));
	CHECK(cp_word_slip(a, alen, a, alen));
	CHECK(cp_word_one_slip(a, alen, b, blen) == cp_word_one_slip(b, blen, a, alen));
	CHECK(cp_word_nearly_equal(a, alen, b, blen) == (level <= CP_WORD_EDIT));
}

static void
check_forms(const char *a, const char *b)
{
	const CpWord *left = cp_dictionary_word(fuzz_dictionary_id(a, 1));
	const CpWord *right = cp_dictionary_word(fuzz_dictionary_id(b, 1));

	CHECK(strlen(left->code) <= CP_CODE_LEN);
	CHECK(cp_word_short_form(left, right) == cp_word_short_form(right, left));
	CHECK(cp_dictionary_compare(left->id, right->id) == cp_dictionary_compare(right->id, left->id));
	CHECK(cp_word_compare(left->word, left->length, right->word, right->length) ==
		  cp_word_compare_sounds(left->word, left->length, left->code, right->word, right->length, right->code));
}

static void
check_dates(const char *a, const char *b)
{
	DateADT		left;
	DateADT		right;

	if (!cp_parse_iso_date(a, &left) || !cp_parse_iso_date(b, &right))
		return;
	CHECK(cp_birth_compare(left, right) == cp_birth_compare(right, left));
	CHECK((cp_birth_compare(left, right) == CP_BIRTH_EQUAL) == (left == right));
}

static void
check_addresses(const char *a, const char *b)
{
	double		words = cp_address_words_alike(a, b);
	double		letters = cp_address_letters_alike(a, b);

	CHECK(words >= 0 && words <= 1);
	CHECK(letters >= 0 && letters <= 1);
	CHECK(words == cp_address_words_alike(b, a));
	CHECK(letters == cp_address_letters_alike(b, a));
	CHECK(cp_address_number_differs(a, b) == cp_address_number_differs(b, a));
	CHECK(!cp_address_number_differs(a, a));
}

/* The first word, which is what is compared. */
static char *
first_word(char *words)
{
	words[strcspn(words, " ")] = '\0';
	return words;
}

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	FuzzInput	input = fuzz_begin(data, size);
	char	   *a = fuzz_text(&input, 500);
	char	   *b = fuzz_text(&input, 500);

	fuzz_show("a", a);
	fuzz_show("b", b);
	fuzz_dictionary_begin(1000000);
	check_dates(a, b);
	check_addresses(cp_normalize_address(a), cp_normalize_address(b));
	a = first_word(cp_normalize_name(a));
	b = first_word(cp_normalize_name(b));
	check_words(a, b);
	check_forms(a, b);
	return 0;
}
