/*
 * rate.c
 *	  Search and decision by themselves, for `make bench`: a row of the table
 *	  public.sample goes the way of an upload, and nothing is written.
 *
 *	  This file is part of no installation.  `make measure` links it with all
 *	  the files of the library; the functions are created by matching.sql.
 */
#include "postgres.h"

#include <time.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "match.h"

#define MAX_ROWS 10000

/* Columns of public.sample, in the order of the query. */
enum
{
	SAMPLE_GIVEN = 1,
	SAMPLE_FAMILY,
	SAMPLE_BIRTH,
	SAMPLE_SEX,
	SAMPLE_POSTCODE,
	SAMPLE_ADDRESS,
	SAMPLE_CHILD
};

typedef struct SampleRow
{
	char	   *columns[SAMPLE_CHILD + 1];	/* NULL: not sent */
} SampleRow;

static int
read_sample(int64 block, SampleRow *rows)
{
	Oid			types[1] = {INT8OID};
	Datum		values[1] = {Int64GetDatum(block)};
	int			n;

	if (SPI_execute_with_args("SELECT given_names, family_name, date_of_birth, sex, postcode, address, child_id::text"
							  " FROM public.sample WHERE block = $1",
							  1, types, values, NULL, true, MAX_ROWS) != SPI_OK_SELECT)
		elog(ERROR, "could not read the sample");
	n = (int) SPI_processed;
	for (int i = 0; i < n; i++)
		for (int column = SAMPLE_GIVEN; column <= SAMPLE_CHILD; column++)
			rows[i].columns[column] = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, column);
	return n;
}

static CpPerson *
make_person(SampleRow *row)
{
	DateADT		birth;
	const char *sent = row->columns[SAMPLE_BIRTH];
	bool		has_birth = sent != NULL && cp_parse_iso_date(sent, &birth);
	const char *sex = row->columns[SAMPLE_SEX];

	return cp_person_make(row->columns[SAMPLE_GIVEN], row->columns[SAMPLE_FAMILY],
						  has_birth ? &birth : NULL, sex != NULL && *sex != '\0' ? *sex : 'U',
						  row->columns[SAMPLE_POSTCODE], row->columns[SAMPLE_ADDRESS], NIL);
}

static bool
has_candidate(const CpFound *found, const char *child)
{
	ListCell   *cell;

	if (child == NULL)
		return false;
	foreach(cell, found->candidates)
	{
		if (((CpCandidate *) lfirst(cell))->child_id == strtoll(child, NULL, 10))
			return true;
	}
	return false;
}

static Datum
make_array(const double *numbers, int n)
{
	Datum	   *values = palloc(n * sizeof(Datum));

	for (int i = 0; i < n; i++)
		values[i] = Float8GetDatum(numbers[i]);
	return PointerGetDatum(construct_array(values, n, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/*
 * public.search_sample(block bigint): normalises, searches and scores the rows
 * of a block in one batch; returns rows, candidates, rows about known children,
 * and how many of these were found.
 */
PG_FUNCTION_INFO_V1(contactpoint_search_sample);
Datum
contactpoint_search_sample(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	SampleRow  *rows;
	CpPerson  **persons;
	CpFound    *found;
	double		result[4] = {0};
	int			n;

	SPI_connect();
	rows = palloc(MAX_ROWS * sizeof(SampleRow));
	persons = palloc(MAX_ROWS * sizeof(CpPerson *));
	found = palloc0(MAX_ROWS * sizeof(CpFound));
	n = read_sample(PG_GETARG_INT64(0), rows);
	cp_lock_matching();
	cp_dictionary_refresh();
	for (int i = 0; i < n; i++)
		persons[i] = make_person(&rows[i]);
	cp_search(persons, NULL, n, found);
	for (int i = 0; i < n; i++)
	{
		result[1] += list_length(found[i].candidates);
		result[2] += rows[i].columns[SAMPLE_CHILD] != NULL;
		result[3] += has_candidate(&found[i], rows[i].columns[SAMPLE_CHILD]);
	}
	result[0] = n;
	SPI_finish();
	MemoryContextSwitchTo(caller);
	PG_RETURN_DATUM(make_array(result, lengthof(result)));
}

static double
cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* As settling a batch of one row does; the reference is new. */
static void
decide(const CpPerson *row, const CpReference *reference)
{
	CpFound		found = {0};

	cp_dictionary_refresh();
	if (cp_decide_known(row, reference) != NULL)
		return;
	found.candidates = cp_candidates_bounded(row, 0, false, &found.cut);
	(void) cp_decide_found(row, reference, &found);
}

/*
 * public.decide_sample(block bigint): decides the rows of a block one by one;
 * returns the milliseconds of CPU that each took.
 */
PG_FUNCTION_INFO_V1(contactpoint_decide_sample);
Datum
contactpoint_decide_sample(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	CpReference reference = {"benefits", "never sent", 0};
	SampleRow  *rows;
	double	   *took = palloc(MAX_ROWS * sizeof(double));
	int			n;

	SPI_connect();
	rows = palloc(MAX_ROWS * sizeof(SampleRow));
	n = read_sample(PG_GETARG_INT64(0), rows);
	cp_lock_matching();
	for (int i = 0; i < n; i++)
	{
		double		start = cpu_seconds();

		decide(make_person(&rows[i]), &reference);
		took[i] = (cpu_seconds() - start) * 1000;
	}
	SPI_finish();
	MemoryContextSwitchTo(caller);
	PG_RETURN_DATUM(make_array(took, n));
}
