/*-------------------------------------------------------------------------
 *
 * family_name.c
 *	  Family names with what stands before them: O, Mc, van der, de la, al, bin.
 *
 *	  Some write it apart, some write one word, some leave it out.  What is
 *	  never left out is joined to the name: O Brien, O'Brien and OBrien are obrien.
 *	  What may be left out is joined, and the name itself is a word besides, as
 *	  in a double name: van der Berg is vanderberg berg, which meets Vanderberg
 *	  and Berg in keys and comparisons alike.
 *
 *	  Pure (model.h).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "model.h"

#define NAME_LETTERS_LEAST 3	/* of a name behind a single letter, which
								 * might be an initial */

static const char *const always_there[] = {
	"ap", "d", "fitz", "mac", "mc", "o", "saint", "st", "ste",
};

static const char *const left_out[] = {
	"abd", "abdel", "abdul", "abu", "al", "ben", "bin", "bint", "binte", "binti", "da", "das", "de",
	"degli", "dei", "del", "dela", "della", "den", "der", "des", "di", "do", "dos", "du", "el", "ibn", "la",
	"las", "le", "los", "ould", "te", "ten", "ter", "ul", "ur", "van", "vande", "vanden", "vander", "von",
	"zu", "zum", "zur",
};

static bool
is_one_of(const char *word, int length, const char *const *list, int n)
{
	for (int i = 0; i < n; i++)
		if (strlen(list[i]) == length && memcmp(list[i], word, length) == 0)
			return true;
	return false;
}

static int
word_length(const char *word)
{
	return strcspn(word, " ");
}

/* Is it a prefix, with a name behind it?  omitted: it may be left out. */
static bool
is_prefix(const char *word, bool *omitted)
{
	int			length = word_length(word);

	*omitted = false;
	if (word[length] == '\0')
		return false;
	if (is_one_of(word, length, always_there, lengthof(always_there)))
		return length > 1 || word_length(word + length + 1) >= NAME_LETTERS_LEAST;
	*omitted = is_one_of(word, length, left_out, lengthof(left_out));
	return *omitted;
}

static char *
put(char *to, const char *letters, int length)
{
	memcpy(to, letters, length);
	return to + length;
}

/*
 * Joins prefixes to the words behind them, into to, which has room for twice
 * the words; returns whether there were any.
 */
static bool
join_prefixes(const char *words, char *to)
{
	bool		joined = false;

	while (*words != '\0')
	{
		bool		omitted = false;
		bool		name_too = false;
		int			length;

		while (is_prefix(words, &omitted))
		{
			length = word_length(words);
			if (length == 5 && memcmp(words, "saint", 5) == 0)
				to = put(to, "st", 2);
			else
				to = put(to, words, length);
			words += length + 1;
			name_too |= omitted;
			joined = true;
		}
		length = word_length(words);
		to = put(to, words, length);
		if (name_too)
		{
			*to++ = ' ';
			to = put(to, words, length);
		}
		words += length;
		if (*words == ' ')
			*to++ = *words++;
	}
	*to = '\0';
	return joined;
}

/* As cp_normalize_name(), prefixes joined to the name behind them. */
char *
cp_normalize_family(const char *name)
{
	char	   *words = cp_normalize_name(name);

	/* each time there are fewer words, or none that is a prefix */
	for (int i = 0; i < CP_MAX_WORDS; i++)
	{
		char	   *joined = palloc(2 * strlen(words) + 1);

		if (!join_prefixes(words, joined))
			break;
		words = joined;
	}
	return words;
}
