/*
 * score_target.c
 *	  Whatever two persons: the score is finite, has no direction, and an
 *	  agreeing field is worth no less than the same field differing.
 */
#include "postgres.h"

#include <math.h>

#include "fuzz_model.h"

#define TINY 1e-9				/* bits: what rounding does */
#define MOST_BITS 1000.0

static double
score(const CpPerson *row, const CpPerson *record)
{
	CpCandidate candidate;

	cp_score(row, record, &candidate);
	CHECK(isfinite(candidate.score) && fabs(candidate.score) < MOST_BITS);
	CHECK(candidate.child_id == record->child_id && candidate.nearness == record->nearness);
	CHECK(!candidate.given_equal || candidate.given_agrees);
	CHECK(!(candidate.given_agrees && candidate.given_differs));
	CHECK(!candidate.given_slip || candidate.given_agrees);
	return candidate.score;
}

/* Given and family name, in each name: a part that is missing has a place. */
static bool
has_full_names(const CpPerson *person)
{
	for (int i = 0; i < person->nnames; i++)
		if (person->names[i].ngiven == 0 || person->names[i].nfamily == 0)
			return false;
	return true;
}

static CpPerson *
copy(const CpPerson *person)
{
	CpPerson   *result = palloc(sizeof(CpPerson));

	memcpy(result, person, sizeof(CpPerson));
	return result;
}

static void
check_no_less(const CpPerson *row, const CpPerson *record, CpPerson *agreeing)
{
	cp_person_finish(agreeing);
	fuzz_show("agreeing", fuzz_describe(agreeing));
	fuzz_show("its score", psprintf("%f", score(row, agreeing)));
	CHECK(score(row, agreeing) >= score(row, record) - TINY);
}

/* A field of the record as the row has it never lowers the score. */
static void
check_agreeing(const CpPerson *row, const CpPerson *record)
{
	CpPerson   *agreeing;

	if (row->has_birth && record->has_birth)
	{
		agreeing = copy(record);
		agreeing->date_of_birth = row->date_of_birth;
		check_no_less(row, record, agreeing);
	}
	if (row->sex != 'U' && record->sex != 'U')
	{
		agreeing = copy(record);
		agreeing->sex = row->sex;
		check_no_less(row, record, agreeing);
	}
	if (row->postcodes != NIL && record->postcodes != NIL)
	{
		agreeing = copy(record);
		agreeing->postcodes = row->postcodes;
		check_no_less(row, record, agreeing);
	}
	if (row->addresses != NIL && record->addresses != NIL)
	{
		agreeing = copy(record);
		agreeing->addresses = row->addresses;
		check_no_less(row, record, agreeing);
	}
	if (row->identifiers != NIL && record->identifiers != NIL)
	{
		agreeing = copy(record);
		agreeing->identifiers = row->identifiers;
		check_no_less(row, record, agreeing);
	}
	/* a near name that is rare may say more than an equal one that is not */
	if (row->nnames > 0 && record->nnames > 0)
	{
		CpPerson   *differing = copy(record);

		differing->nnames = 1;
		differing->names[0].ngiven = differing->names[0].nfamily = 1;
		differing->names[0].given[0] = fuzz_dictionary_id("wqbrunhilde", 1);
		differing->names[0].family[0] = fuzz_dictionary_id("xzquartermaine", 1);
		cp_person_finish(differing);
		agreeing = copy(record);
		agreeing->nnames = row->nnames;
		memcpy(agreeing->names, row->names, sizeof(row->names));
		check_no_less(row, differing, agreeing);
	}
}

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	FuzzInput	input = fuzz_begin(data, size);
	CpPerson   *row;
	CpPerson   *record;

	fuzz_dictionary_begin((int64) 1 << fuzz_below(&input, 25));
	row = fuzz_person(&input);
	record = fuzz_person(&input);
	fuzz_show("row", fuzz_describe(row));
	fuzz_show("record", fuzz_describe(record));
	fuzz_show("score", psprintf("%f, the other way round %f", score(row, record), score(record, row)));
	if (has_full_names(row) && has_full_names(record))
		CHECK(fabs(score(row, record) - score(record, row)) < TINY);
	check_agreeing(row, record);
	return 0;
}
