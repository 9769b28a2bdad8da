/*-------------------------------------------------------------------------
 *
 * compare_number.c
 *	  What agrees in the identifiers of two persons: numbers that one person
 *	  has, and contacts, which a household may share.
 *
 *	  Only values of one kind are compared.  Of several the pair that agrees best
 *	  counts; that another one differs is noted besides.
 *
 *	  Pure (model.h).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/datetime.h"

#include "model.h"

#define NEAR_NUMBER_LEAST 6		/* characters of a number that may have a slip */

bool
cp_is_contact(const char *identifier)
{
	static const char *const kinds[] = {"phone", "mobile", "tel", "mail", "fax", "contact"};
	int			kind_length = strchr(identifier, ':') - identifier;
	char		kind[32];

	strlcpy(kind, identifier, Min(kind_length + 1, (int) sizeof(kind)));
	for (int i = 0; i < lengthof(kinds); i++)
		if (strstr(kind, kinds[i]) != NULL)
			return true;
	return false;
}

static int
compare_values(const char *a, const char *b, bool contact)
{
	int			alen = strlen(a);
	int			blen = strlen(b);
	CpWordLevel level;

	if (alen == blen && memcmp(a, b, alen) == 0)
		return CP_NUMBER_EQUAL;
	if (Min(alen, blen) < NEAR_NUMBER_LEAST)
		return CP_NUMBER_DIFFER;
	level = cp_word_compare(a, alen, b, blen);
	return level <= (contact ? CP_WORD_CLOSE : CP_WORD_EDIT) ? CP_NUMBER_NEAR : CP_NUMBER_DIFFER;
}

/* Is the birth date a part of a number, as of a Scottish CHI number or a Swedish personnummer? */
static bool
holds_birth_date(const char *number, const CpPerson *person)
{
	char		forms[4][16];
	int			year;
	int			month;
	int			day;

	if (!person->has_birth)
		return false;
	j2date(person->date_of_birth + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	snprintf(forms[0], sizeof(forms[0]), "%04d%02d%02d", year % 10000, month, day);
	snprintf(forms[1], sizeof(forms[1]), "%02d%02d%02d", year % 100, month, day);
	snprintf(forms[2], sizeof(forms[2]), "%02d%02d%04d", day, month, year % 10000);
	snprintf(forms[3], sizeof(forms[3]), "%02d%02d%02d", day, month, year % 100);
	for (int i = 0; i < lengthof(forms); i++)
		if (strstr(number, forms[i]) != NULL)
			return true;
	return false;
}

void
cp_compare_numbers(const CpPerson *row, const CpPerson *record, CpComparison *result)
{
	ListCell   *left;
	ListCell   *right;

	foreach(left, row->identifiers)
	{
		const char *a = lfirst(left);
		int			kind = strchr(a, ':') - a;
		bool		contact = cp_is_contact(a);
		uint8	   *best = &result->level[contact ? CP_CONTACT : CP_NUMBER];
		int			level = 0;
		bool		says_nothing = false;

		foreach(right, record->identifiers)
		{
			const char *b = lfirst(right);

			if (strncmp(a, b, kind + 1) == 0)
			{
				int			found = compare_values(a + kind + 1, b + kind + 1, contact);

				/* what they have in common may be the birth date */
				if (found == CP_NUMBER_NEAR && !contact &&
					(holds_birth_date(a + kind + 1, row) || holds_birth_date(b + kind + 1, record)))
				{
					says_nothing = true;
					continue;
				}
				level = level == 0 ? found : Min(level, found);
			}
		}
		if (!contact && level != CP_NUMBER_EQUAL && (level != 0 || says_nothing))
			result->number_differs = true;
		if (level == 0)
			continue;
		*best = *best == 0 ? level : Min(*best, level);
	}
}
