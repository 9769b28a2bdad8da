/*-------------------------------------------------------------------------
 *
 * child_number.c
 *	  Numbers of children: twelve digits, eleven of them random, the last a
 *	  check digit.  No order, no gaps to read.
 *
 *	  The check digit is Damm's (H. M. Damm, "Total anti-symmetrische
 *	  Quasigruppen", Marburg 2004): it finds every single wrong digit and
 *	  every swap of neighbours, the two ways in which people mistype numbers.
 *	  The first digit is never 0, so a number always shows twelve digits.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "contactpoint.h"

#define PAYLOAD_MIN INT64CONST(10000000000) /* 11 digits */
#define PAYLOAD_COUNT INT64CONST(90000000000)
#define DRAWN_AT_ONCE 64

/* Damm's totally anti-symmetric quasigroup of order 10 */
static const uint8 damm[10][10] = {
	{0, 3, 1, 7, 5, 9, 8, 6, 4, 2},
	{7, 0, 9, 2, 1, 5, 4, 8, 6, 3},
	{4, 2, 0, 6, 8, 7, 1, 3, 5, 9},
	{1, 7, 5, 0, 9, 8, 3, 4, 2, 6},
	{6, 1, 2, 3, 0, 4, 5, 9, 7, 8},
	{3, 6, 7, 4, 2, 0, 9, 5, 8, 1},
	{5, 8, 6, 9, 7, 2, 0, 1, 3, 4},
	{8, 9, 4, 5, 3, 6, 2, 0, 1, 7},
	{9, 4, 3, 8, 6, 1, 7, 2, 0, 5},
	{2, 5, 8, 1, 4, 3, 6, 7, 9, 0}
};

static uint8
damm_digit(int64 number)
{
	char		digits[MAXINT8LEN + 1];
	uint8		interim = 0;

	(void) pg_lltoa(number, digits);
	for (const char *d = digits; *d != '\0'; d++)
		interim = damm[interim][*d - '0'];
	return interim;
}

/*
 * Twelve digits with a right check digit?
 */
bool
cp_child_number_valid(int64 child_id)
{
	int64		payload = child_id / 10;

	return payload >= PAYLOAD_MIN && payload < PAYLOAD_MIN + PAYLOAD_COUNT &&
		damm_digit(child_id) == 0;
}

/*
 * Random numbers, from the server's strong source.  May be taken: the caller
 * checks against the table, whose primary key has the last word.
 */
void
cp_child_numbers_random(int64 *numbers, int n)
{
	/* values above the last whole multiple would favour low numbers */
	const uint64 end = PG_UINT64_MAX - PG_UINT64_MAX % PAYLOAD_COUNT;
	uint64		random[DRAWN_AT_ONCE];
	int			unused = 0;

	while (n > 0)
	{
		int64		payload;

		if (unused == 0)
		{
			unused = Min(n, DRAWN_AT_ONCE);
			if (!pg_strong_random(random, unused * sizeof(uint64)))
				ereport(ERROR,
						(errcode(ERRCODE_INTERNAL_ERROR),
						 errmsg("could not obtain random bits for a child number")));
		}
		if (random[--unused] >= end)
			continue;
		payload = PAYLOAD_MIN + (int64) (random[unused] % PAYLOAD_COUNT);
		numbers[--n] = payload * 10 + damm_digit(payload);
	}
}

PG_FUNCTION_INFO_V1(contactpoint_child_number);
Datum
contactpoint_child_number(PG_FUNCTION_ARGS)
{
	int64		number;

	cp_child_numbers_random(&number, 1);
	PG_RETURN_INT64(number);
}

PG_FUNCTION_INFO_V1(contactpoint_child_number_valid);
Datum
contactpoint_child_number_valid(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(cp_child_number_valid(PG_GETARG_INT64(0)));
}
