/*-------------------------------------------------------------------------
 *
 * children.c
 *	  Numbers of children in ascending order, each once.
 *
 *	  A look gathers them in the order of the scan, and a child's number has
 *	  no order that a scan could follow, so that they come at random: eight
 *	  thousand at a time are sorted by groups of their bits, in a sixth of
 *	  the time that comparing takes.
 *
 *	  Asks for no memory, since an error may be on its way.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "contactpoint.h"

#define DIGIT_BITS 10
#define DIGIT_VALUES (1 << DIGIT_BITS)
#define DIGITS 4				/* twelve decimal digits are 40 bits */
#define FEW 128					/* numbers that are sorted by comparing */

#define ST_SORT compare_sort
#define ST_ELEMENT_TYPE uint64
#define ST_COMPARE(a, b) ((*(a) > *(b)) - (*(a) < *(b)))
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

static bool
is_ascending(const uint64 *children, int nchildren)
{
	for (int i = 1; i < nchildren; i++)
		if (children[i - 1] > children[i])
			return false;
	return true;
}

static bool
fits_digits(const uint64 *children, int nchildren)
{
	uint64		any = 0;

	for (int i = 0; i < nchildren; i++)
		any |= children[i];
	return any >> (DIGITS * DIGIT_BITS) == 0;
}

/*
 * Moves numbers into the order of one group of bits; those that agree in it
 * keep theirs.
 */
static void
sort_by_digit(const uint64 *from, uint64 *to, int nchildren, int digit)
{
	int			shift = digit * DIGIT_BITS;
	int			next[DIGIT_VALUES] = {0};
	int			place = 0;

	for (int i = 0; i < nchildren; i++)
		next[(from[i] >> shift) % DIGIT_VALUES]++;
	for (int value = 0; value < DIGIT_VALUES; value++)
	{
		int			count = next[value];

		next[value] = place;
		place += count;
	}
	for (int i = 0; i < nchildren; i++)
		to[next[(from[i] >> shift) % DIGIT_VALUES]++] = from[i];
}

static void
sort(uint64 *children, int nchildren)
{
	static uint64 other[CP_MAX_CHILDREN];

	if (nchildren <= FEW || nchildren > CP_MAX_CHILDREN ||
		!fits_digits(children, nchildren))
	{
		compare_sort(children, nchildren);
		return;
	}
	for (int digit = 0; digit < DIGITS; digit += 2)
	{
		sort_by_digit(children, other, nchildren, digit);
		sort_by_digit(other, children, nchildren, digit + 1);
	}
}

/*
 * Sorts and drops repetitions; returns how many are left.
 */
int
cp_children_unique(int64 *numbers, int nchildren)
{
	uint64	   *children = (uint64 *) numbers;
	int			kept = 1;

	if (nchildren < 2)
		return nchildren;
	if (!is_ascending(children, nchildren))
		sort(children, nchildren);
	for (int i = 1; i < nchildren; i++)
		if (children[i] != children[kept - 1])
			children[kept++] = children[i];
	return kept;
}
