/*-------------------------------------------------------------------------
 *
 * doubt.c
 *	  Must a person look at a row and a record, whatever their score?
 *
 *	  The score weighs facts one by one, and what several errors at once cost
 *	  is more than a match can have.  Some agreements are so rare between two
 *	  children of one house that the row may be about the record all the same:
 *
 *	  given	family	date	place
 *	  alike	-		-		house	brothers and sisters have other given names
 *	  -		-		equal	house	twins, unless a source tells them apart, or both
 *								have a usual name of their own and are a boy
 *								and a girl
 *	  (own)	-		near	house	where not both have a usual name of their own
 *	  -		alike	close	house	less than eight months between brothers and
 *								sisters
 *	  -		alike	far		house	nor two generations
 *	  alike	alike	-		street	no two children of one street
 *	  -		alike	equal	street
 *	  -		alike	equal	place	a postcode or town
 *
 *	  House means a numbered address, since a postcode is shared by some
 *	  families and a town by many.  Such a pair is possible (decision.c), never
 *	  a match because of it.
 *
 *	  Twins have family name, birth date and place in common, and their given
 *	  names may be alike: Ella and Ellie, Muhammad Hasan and Muhammad Husain, Grace
 *	  Emily and Emily Rose.  So where the given names of a row and a record are
 *	  two usual names, or have contradicting ones behind the first, or only share
 *	  one that is not the first of both, a person must tell.
 *
 *	  Pure (model.h).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "model.h"

#define FULL_POSTCODE 5			/* letters and digits that name a few houses */
#define BETWEEN_BIRTHS 240		/* days at least between two births of one
								 * mother, but for twins */
#define GENERATIONS 18262		/* days: as many as two of them, fifty years */
#define WORDS_OF_PLACE 4		/* without a number, in an address that names
								 * street and town */

static bool
houses_agree(const List *a, const List *b)
{
	ListCell   *left;
	ListCell   *right;

	foreach(left, a)
	{
		foreach(right, b)
		{
			if (cp_address_same_house(lfirst(left), lfirst(right)))
				return true;
		}
	}
	return false;
}

/* Have they a numbered address in common? */
static bool
same_house(const CpPerson *a, const CpPerson *b)
{
	/* one postcode may be a slip of the other, or of the same neighbourhood */
	return houses_agree(a->addresses, b->addresses) &&
		cp_compare_postcodes(a->postcodes, b->postcodes) != CP_POSTCODE_DIFFER;
}

/* The same house, or the same postcode where no address says more. */
bool
cp_same_home(const CpPerson *a, const CpPerson *b)
{
	ListCell   *left;
	ListCell   *right;

	if (same_house(a, b))
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

/* Is it a given name of some children: so many at least, and one in so many? */
static bool
is_borne(int32 id, int64 least, int64 one_in)
{
	const CpWord *word = cp_dictionary_word(id);
	const CpWord *all = cp_dictionary_word(CP_NO_WORD);

	return word != NULL && all != NULL && word->given_count >= least &&
		word->given_count >= all->given_count / one_in;
}

/* Hardly a slip of the pen for another name. */
static bool
is_usual_name(int32 id)
{
	return is_borne(id, 2, 500000);
}

/* Nor one that is often misread. */
static bool
is_frequent_name(int32 id)
{
	return is_borne(id, 10, 5000);
}

/* Is it one name, perhaps with a slip or as an initial? */
static bool
one_name(int32 a, int32 b)
{
	CpWordLevel level = cp_dictionary_compare(a, b);

	if (level == CP_WORD_EQUAL || level == CP_WORD_INITIAL ||
		cp_word_short_form(cp_dictionary_word(a), cp_dictionary_word(b)))
		return true;
	return level <= CP_WORD_CLOSE && !(is_usual_name(a) && is_usual_name(b));
}

/* Have they given names of their own: frequent ones, none of them like another? */
bool
cp_given_distinct(const CpPerson *a, const CpPerson *b)
{
	for (int i = 0; i < a->nnames; i++)
		for (int j = 0; j < b->nnames; j++)
		{
			const CpName *x = &a->names[i];
			const CpName *y = &b->names[j];

			if (x->ngiven == 0 || y->ngiven == 0 || !is_frequent_name(x->given[0]) || !is_frequent_name(y->given[0]))
				return false;
			for (int g = 0; g < x->ngiven; g++)
				for (int h = 0; h < y->ngiven; h++)
					if ((g == 0 || h == 0) &&
						(cp_dictionary_compare(x->given[g], y->given[h]) <= CP_WORD_CLOSE || one_name(x->given[g], y->given[h])))
						return false;
		}
	return a->nnames > 0 && b->nnames > 0;
}

bool
cp_address_is_whole(const char *address)
{
	int			words = 0;

	while (*address != '\0')
	{
		int			length = strcspn(address, " ");

		words += length > 1 && strcspn(address, "0123456789") >= length ? 1 : 0;
		address += length + strspn(address + length, " ");
	}
	return words >= WORDS_OF_PLACE;
}

/* The same house, though the postcode may be wrong. */
static bool
may_be_one_house(const CpPerson *a, const CpPerson *b)
{
	ListCell   *left;
	ListCell   *right;

	if (same_house(a, b))
		return true;
	foreach(left, a->addresses)
	{
		foreach(right, b->addresses)
		{
			if (cp_address_is_whole(lfirst(left)) && cp_address_is_whole(lfirst(right)) &&
				cp_address_same_house(lfirst(left), lfirst(right)))
				return true;
		}
	}
	return false;
}

/* The same street, or a few houses of it: one may have moved next door. */
static bool
may_be_one_street(const CpCandidate *candidate)
{
	const uint8 *level = candidate->comparison.level;
	int			address = Max(level[CP_ADDRESS], level[CP_ADDRESS_BESIDE]);

	return level[CP_POSTCODE] == CP_POSTCODE_EQUAL ||
		(level[CP_POSTCODE] != CP_POSTCODE_DIFFER &&
		 address >= CP_ADDRESS_EQUAL && address <= CP_ADDRESS_NEXT_DOOR);
}

/* Is there too little or too much time between the births of two of one family? */
static bool
dates_contradict(const CpPerson *a, const CpPerson *b)
{
	int			days;

	if (!a->has_birth || !b->has_birth)
		return false;
	days = abs(a->date_of_birth - b->date_of_birth);
	return days < BETWEEN_BIRTHS || days > GENERATIONS;
}

/* Is each of the names that the person is called by a usual one? */
static bool
has_usual_names(const CpPerson *person)
{
	for (int i = 0; i < person->nnames; i++)
		if (person->names[i].ngiven == 0 || !is_usual_name(person->names[i].given[0]))
			return false;
	return true;
}

/*
 * Alike beyond what brothers and sisters are?  The first name of one is often
 * the second of another, and Hallie is none for Millie, nor Charlotte for
 * Charles.
 */
static bool
given_agrees(const CpPerson *row, const CpPerson *record, const CpCandidate *candidate)
{
	if (!candidate->given_agrees || record->nearness != CP_NEAR_OPEN)
		return candidate->given_agrees;
	if (candidate->sex_differs && !candidate->given_equal && !candidate->birth_near && has_usual_names(row) && has_usual_names(record))
		return false;
	return candidate->comparison.level[CP_GIVEN] != CP_NAME_PART &&
		(candidate->birth_near || !candidate->given_distinct);
}

bool
cp_is_doubtful(const CpPerson *row, const CpPerson *record, const CpCandidate *candidate)
{
	bool		given = given_agrees(row, record, candidate);
	bool		date = candidate->birth_near;

	/* a boy and a girl, each with a usual name of its own, are twins */
	if (candidate->birth_equal && candidate->sex_differs && candidate->given_distinct && record->nearness == CP_NEAR_OPEN)
		return false;
	/* twins, one child under two given names, or one with two birth dates */
	if (candidate->family_agrees && (given || candidate->birth_equal) &&
		(may_be_one_street(candidate) || (candidate->birth_equal && candidate->place_agrees)))
		return true;
	/* a name that was misread is no usual one */
	if (date && !candidate->birth_equal && record->nearness == CP_NEAR_OPEN &&
		(candidate->sex_differs || candidate->given_distinct))
		date = false;

	/*
	 * another family name and date, and of two usual names that are alike
	 * none is a slip
	 */
	if (record->nearness == CP_NEAR_OPEN && !candidate->family_agrees && !candidate->given_equal &&
		has_usual_names(row) && has_usual_names(record))
		given = false;
	if (!given && !date && !(candidate->family_agrees && dates_contradict(row, record)))
		return false;
	return candidate->place_agrees && may_be_one_house(row, record);
}

/* ---------- two children of one birth ---------- */

/* Given names in common, the first of either left out where from is 1. */
static int
given_in_common(const CpName *a, const CpName *b, int from)
{
	int			common = 0;

	for (int i = from; i < a->ngiven; i++)
		for (int j = from; j < b->ngiven; j++)
			common += one_name(a->given[i], b->given[j]) ? 1 : 0;
	return common;
}

/* Is the first given name of the one a later one of the other? */
static bool
first_among_later(const CpName *a, const CpName *b)
{
	for (int i = 1; i < a->ngiven; i++)
		if (cp_dictionary_compare(a->given[i], b->given[0]) <= CP_WORD_CLOSE)
			return true;
	return false;
}

/* May twins be called so?  The first names are alike, or one is a later one of the other. */
static bool
names_of_two(const CpName *a, const CpName *b)
{
	if (a->ngiven == 0 || b->ngiven == 0)
		return false;
	if (cp_dictionary_compare(a->given[0], b->given[0]) <= CP_WORD_CLOSE)
		return !one_name(a->given[0], b->given[0]) ||
			(a->ngiven > 1 && b->ngiven > 1 && given_in_common(a, b, 1) == 0);
	/* not where they are the same, in another order */
	return (first_among_later(a, b) || first_among_later(b, a)) && given_in_common(a, b, 0) < 2;
}

bool
cp_may_be_twins(const CpPerson *row, const CpPerson *record)
{
	for (int i = 0; i < row->nnames; i++)
		for (int j = 0; j < record->nnames; j++)
			if (!names_of_two(&row->names[i], &record->names[j]))
				return false;
	return row->nnames > 0 && record->nnames > 0;
}
