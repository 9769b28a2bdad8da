/*-------------------------------------------------------------------------
 *
 * compare_birth.c
 *	  What agrees in the birth dates of two persons.
 *
 *	  A slip of the pen leaves most of a date alone, and a wrong month or year
 *	  leaves it near.  Besides it is told whether two dates are so near that no
 *	  mother has two births on them: the rows may be about one child, or about
 *	  two who are no brothers or sisters.
 *
 *	  Pure (model.h).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "port/pg_bitutils.h"
#include "utils/datetime.h"

#include "model.h"

#define BETWEEN_BIRTHS 240		/* days at least between two births of one
								 * mother, but for twins */
#define TENTHS_OF_YEAR 3652		/* days, ten times */
#define TENTHS_OF_MONTH 304

typedef struct Birth
{
	int16		year;
	int8		month;
	int8		day;
	uint32		digits;			/* eight, year first, four bits each */
} Birth;

#define FIRST_USUAL_DATE (-7305)	/* 1980-01-01 */
#define USUAL_DATES 25568		/* seventy years */

/* Are all parts off by one at most, the year perhaps by ten? */
static bool
are_neighbours(Birth a, Birth b)
{
	int			years = abs(a.year - b.year);

	return (years <= 1 || years == 10) && abs(a.month - b.month) <= 1 && abs(a.day - b.day) <= 2;
}

/* But for a wrong year or decade, are they a month apart at most?  About. */
static bool
are_close(Birth a, Birth b)
{
	int			years = a.year - b.year;
	int			tenths = abs(years * TENTHS_OF_YEAR + (a.month - b.month) * TENTHS_OF_MONTH + (a.day - b.day) * 10);

	return tenths <= 310 || abs(tenths - TENTHS_OF_YEAR) <= 310 || abs(tenths - 10 * TENTHS_OF_YEAR) <= 310 ||
		(a.day == b.day && abs(years) <= 2);
}

/* Where nibbles are not 0: their lowest bits. */
static inline uint32
wrong_digits(uint32 differences)
{
	return (differences | differences >> 1 | differences >> 2 | differences >> 3) & 0x11111111;
}

/* Is one digit wrong, or have two neighbours changed places?  wrong: which differ. */
static bool
is_slip(Birth a, Birth b, uint32 wrong, int nwrong)
{
	int			at = 0;

	if (nwrong != 2)
		return nwrong == 1;
	while ((wrong >> at & 1) == 0)
		at += 4;
	if ((wrong >> at) != 0x11)
		return false;
	return (a.digits >> at & 0xf) == (b.digits >> (at + 4) & 0xf) && (b.digits >> at & 0xf) == (a.digits >> (at + 4) & 0xf);
}

static CpBirthLevel
compare_births(Birth a, Birth b)
{
	uint32		differences = a.digits ^ b.digits;
	bool		year = (differences & 0xffff0000) == 0;
	bool		month = (differences & 0xff00) == 0;
	bool		day = (differences & 0xff) == 0;
	int			equal = year + month + day;
	uint32		wrong;
	int			nwrong;

	if (equal == 3)
		return CP_BIRTH_EQUAL;
	/* three digits at least */
	if (equal == 0)
		return are_neighbours(a, b) ? CP_BIRTH_NEIGHBOUR : are_close(a, b) ? CP_BIRTH_CLOSE : CP_BIRTH_DIFFER;
	if (year && a.month == b.day && a.day == b.month)
		return CP_BIRTH_SWAPPED;
	wrong = wrong_digits(differences);
	nwrong = pg_popcount32(wrong);
	if (is_slip(a, b, wrong, nwrong))
		return CP_BIRTH_DIGIT;
	if (equal == 2)
		return are_close(a, b) ? CP_BIRTH_CLOSE_PARTS : CP_BIRTH_PARTS;
	if (year && ((a.month == 1 && a.day == 1) || (b.month == 1 && b.day == 1)))
		return CP_BIRTH_DEFAULT;
	if (are_neighbours(a, b))
		return CP_BIRTH_NEIGHBOUR;
	if (are_close(a, b))
		return CP_BIRTH_CLOSE;
	if (nwrong == 2)
		return CP_BIRTH_DIGITS;
	return year ? CP_BIRTH_YEAR : CP_BIRTH_DIFFER;
}

/* No year beyond 9999 is known to anybody. */
static Birth
make_birth(int year, int month, int day)
{
	Birth		birth = {Max(Min(year, 9999), 0), month, day};

	for (int value = birth.year * 10000 + month * 100 + day, at = 0; at < 32; value /= 10, at += 4)
		birth.digits |= (uint32) (value % 10) << at;
	return birth;
}

/* Parts of a date, remembered where it is a usual one. */
static Birth
parts_of(DateADT date)
{
	static Birth usual[USUAL_DATES];
	uint32		at = (uint32) date - (uint32) FIRST_USUAL_DATE;
	Birth		birth;
	int			year;
	int			month;
	int			day;

	if (at < USUAL_DATES && usual[at].day != 0)
		return usual[at];
	j2date(date + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	birth = make_birth(year, month, day);
	if (at < USUAL_DATES)
		usual[at] = birth;
	return birth;
}

CpBirthLevel
cp_birth_compare(DateADT a, DateADT b)
{
	return a == b ? CP_BIRTH_EQUAL : compare_births(parts_of(a), parts_of(b));
}

/* Whole where has_birth says so, else what is known of it. */
static Birth
birth_of(const CpPerson *person)
{
	bool		known = person->has_birth || person->birth_day == 0;

	if (person->has_birth && person->birth_day == 0)
		return parts_of(person->date_of_birth);
	return make_birth(known ? person->birth_year : 0, person->birth_month, person->birth_day);
}

/* Level of the field: of two dates, of which parts may not be known. */
static int
compare_known_parts(Birth a, Birth b)
{
	if (a.year == 0 || b.year == 0)
		return 0;
	if (a.month == 0 || b.month == 0)
		return a.year == b.year ? CP_BIRTH_LEVEL_YEAR_ONLY : CP_BIRTH_LEVEL_PART_DIFFERS;
	if (a.day == 0 || b.day == 0)
		return a.year != b.year ? CP_BIRTH_LEVEL_PART_DIFFERS :
			a.month == b.month ? CP_BIRTH_LEVEL_MONTH : CP_BIRTH_LEVEL_YEAR_ONLY;
	/* where nobody knew more than the year, 1 January is often written */
	if (a.month == 1 && a.day == 1 && b.month == 1 && b.day == 1)
		return a.year == b.year ? CP_BIRTH_LEVEL_EQUAL_DEFAULT : CP_BIRTH_LEVEL_PART_DIFFERS;
	return compare_births(a, b) + 1;
}

int
cp_birth_level(const CpPerson *row, DateADT birth)
{
	return compare_known_parts(birth_of(row), parts_of(birth));
}

/* Fills what a comparison says of birth dates. */
void
cp_compare_births(const CpPerson *row, const CpPerson *record, CpComparison *result)
{
	int			days = abs(row->date_of_birth - record->date_of_birth);

	result->level[CP_BIRTH] = compare_known_parts(birth_of(row), birth_of(record));
	if (row->has_birth && record->has_birth && days > 0 && days < BETWEEN_BIRTHS)
		result->level[CP_SPACING] = CP_SPACING_SHORT;
}
