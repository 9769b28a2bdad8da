/*-------------------------------------------------------------------------
 *
 * letter.h
 *	  Characters of uploaded text, for the normaliser.  Pure (model.h).
 *
 *-------------------------------------------------------------------------
 */
#ifndef CP_LETTER_H
#define CP_LETTER_H

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

extern bool cp_is_letter(pg_wchar c);

/* A mark that stands on the letter before it. */
extern bool cp_is_mark(pg_wchar c);

/* A control or format character, or a letter that leaves no trace on paper. */
extern bool cp_is_unseen(pg_wchar c);

static inline bool
cp_is_digit(pg_wchar c)
{
	return c >= '0' && c <= '9';
}

/*
 * Code points of a text, zero-terminated, in the current memory context.  With
 * fold: in compatibility decomposition (NFKD), without apostrophes and unseen
 * characters.
 */
extern pg_wchar *cp_code_points(const char *text, bool fold);

/*
 * Appends one letter in lower case and Latin script, as far as we know how;
 * by_looks: what it looks like, rather than what it is.
 */
extern void cp_append_letter(StringInfo to, pg_wchar c, bool by_looks);

/*
 * Appends the word between start and end, letters alone; digits that stand for
 * letters in it as what they stand for.
 */
extern void cp_append_word(StringInfo to, const pg_wchar *start, const pg_wchar *end);

#endif							/* CP_LETTER_H */
