/*-------------------------------------------------------------------------
 *
 * doubt.c
 *	  Must a person look at a row and a record, whatever their score?
 *
 *	  The score weighs facts one by one, and what several errors at once cost
 *	  is more than a match can have.  Some agreements are so rare between two
 *	  children of one house that the row may be about the record all the same:
 *
 *	  given	family	date	house
 *	  alike	-		-		same	brothers and sisters have other given names
 *	  weak	-		near	same
 *	  -		-		equal	same	twins, unless a source tells them apart
 *	  -		alike	equal	(place)	the same, wherever in one neighbourhood
 *	  -		alike	close	same	less than eight months between brothers and
 *								sisters
 *
 *	  House means a numbered address, since a postcode is shared by some
 *	  families and a town by many.  Such a pair is possible (decision.c), never
 *	  a match because of it.
 *
 *	  Pure (model.h).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "model.h"

#define SAME_WORDS 0.7			/* share of an address, as in score.c */
#define SAME_LETTERS 0.8
#define FULL_POSTCODE 5			/* letters and digits that name a few houses */
#define BETWEEN_BIRTHS 240		/* days at least between two births of one
								 * mother, but for twins */

/* May these be one postcode, or two of one neighbourhood? */
static bool
postcodes_agree(const List *a, const List *b)
{
	ListCell   *left;
	ListCell   *right;

	if (a == NIL || b == NIL)
		return true;
	foreach(left, a)
	{
		const char *x = lfirst(left);
		int			xlen = strlen(x);

		foreach(right, b)
		{
			const char *y = lfirst(right);
			int			ylen = strlen(y);

			if (cp_word_compare(x, xlen, y, ylen) <= CP_WORD_EDIT ||
				(xlen > 4 && xlen == ylen && strncmp(x, y, xlen - 3) == 0))
				return true;
		}
	}
	return false;
}

static bool
has_number(const char *address)
{
	for (; *address != '\0'; address++)
		if (isdigit((unsigned char) *address))
			return true;
	return false;
}

static bool
houses_agree(const List *a, const List *b)
{
	ListCell   *left;
	ListCell   *right;

	foreach(left, a)
	{
		const char *x = lfirst(left);

		foreach(right, b)
		{
			const char *y = lfirst(right);

			if (!has_number(x) || !has_number(y) || cp_address_number_differs(x, y))
				continue;
			if (strcmp(x, y) == 0 || cp_address_words_alike(x, y) >= SAME_WORDS ||
				cp_address_letters_alike(x, y) >= SAME_LETTERS)
				return true;
		}
	}
	return false;
}

bool
cp_same_house(const CpPerson *a, const CpPerson *b)
{
	return houses_agree(a->addresses, b->addresses) && postcodes_agree(a->postcodes, b->postcodes);
}

/* The same house, or the same postcode where no address says more. */
bool
cp_same_home(const CpPerson *a, const CpPerson *b)
{
	ListCell   *left;
	ListCell   *right;

	if (cp_same_house(a, b))
		return true;
	if (a->addresses != NIL && b->addresses != NIL)
		return false;
	foreach(left, a->postcodes)
	{
		foreach(right, b->postcodes)
		{
			if (strlen(lfirst(left)) >= FULL_POSTCODE && strcmp(lfirst(left), lfirst(right)) == 0)
				return true;
		}
	}
	return false;
}

bool
cp_is_doubtful(const CpPerson *row, const CpPerson *record, const CpCandidate *candidate)
{
	bool		close = false;

	/* whatever follows needs a place; few pairs come further */
	if (!candidate->place_agrees)
		return false;
	if (row->has_birth && record->has_birth)
		close = abs(row->date_of_birth - record->date_of_birth) < BETWEEN_BIRTHS;
	if (!candidate->given_agrees && !candidate->birth_equal &&
		!(candidate->birth_near && !candidate->given_differs) &&
		!(candidate->family_agrees && close))
		return false;
	/* twins, or one child under two given names */
	if (candidate->birth_equal && candidate->family_agrees)
		return true;
	return cp_same_house(row, record);
}
