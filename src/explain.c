/*-------------------------------------------------------------------------
 *
 * explain.c
 *	  explain_match(): why an uploaded row was held or settled.
 *
 *	  For managers of the authority that the review or the settled row belongs
 *	  to; asking is itself recorded, and so is a refusal.  A held row is in the
 *	  inbox still, so it is compared once more with the records of its review,
 *	  as they are now.  Of a settled row only outcome, score and record are kept.
 *
 *	  What agrees with a hidden fact would tell it.  So of a shielded record
 *	  nothing is said but that the row came near it, unless the caller has it
 *	  open; and every record is compared by its public name alone.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

#include "audit.h"
#include "match.h"
#include "settle.h"

/* columns of _explained() */
enum
{
	EXPLAINED_OUTCOME = 1,
	EXPLAINED_AUTHORITY,
	EXPLAINED_REASON,
	EXPLAINED_SCORE,
	EXPLAINED_CANDIDATES,
	EXPLAINED_SHIELDED
};

/* columns of explain_match() */
enum
{
	EXPLAIN_CHILD,
	EXPLAIN_FIELD,
	EXPLAIN_LEVEL,
	EXPLAIN_BITS,
	EXPLAIN_RARITY,
	EXPLAIN_SCORE,
	EXPLAIN_SAME,
	EXPLAIN_HOUSEHOLD,
	EXPLAIN_TWIN,
	EXPLAIN_OTHER,
	EXPLAIN_THRESHOLD,
	EXPLAIN_OUTCOME,
	EXPLAIN_REASON,
	EXPLAIN_COLUMNS
};

/* What became of a row. */
typedef struct Explained
{
	char	   *outcome;
	int64		authority;		/* 0: nobody's */
	char	   *reason;
	bool		scored;
	double		score;
	int			ncandidates;
	int64	   *candidates;
	bool	   *shielded;
	CpPerson   *row;			/* NULL where it has left the inbox */
} Explained;

/* One row of the answer. */
typedef struct Line
{
	Datum		values[EXPLAIN_COLUMNS];
	bool		nulls[EXPLAIN_COLUMNS];
} Line;

static void
read_candidates(Explained *explained, Datum candidates, Datum shielded)
{
	Datum	   *elements;
	int			n;

	deconstruct_array(DatumGetArrayTypeP(candidates), INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
					  TYPALIGN_DOUBLE, &elements, NULL, &n);
	explained->ncandidates = n;
	explained->candidates = palloc(sizeof(int64) * (n + 1));
	for (int i = 0; i < n; i++)
		explained->candidates[i] = DatumGetInt64(elements[i]);
	deconstruct_array(DatumGetArrayTypeP(shielded), BOOLOID, 1, true, TYPALIGN_CHAR,
					  &elements, NULL, &n);
	explained->shielded = palloc(sizeof(bool) * (n + 1));
	for (int i = 0; i < n; i++)
		explained->shielded[i] = DatumGetBool(elements[i]);
}

/* The matching side of a row, NULL where it has left the inbox. */
static CpPerson *
read_row(int64 upload_id, MemoryContext into)
{
	CpInboxRow *row = cp_inbox_read(&upload_id, 1);
	MemoryContext spi = MemoryContextSwitchTo(into);
	CpPerson   *person = row->present ? cp_inbox_person(row) : NULL;

	MemoryContextSwitchTo(spi);
	return person;
}

/* NULL where nothing became of such a row yet. */
static Explained *
read_explained(int64 upload_id)
{
	Oid			types[1] = {INT8OID};
	Datum		values[1] = {Int64GetDatum(upload_id)};
	MemoryContext caller = CurrentMemoryContext;
	Explained  *volatile explained = NULL;
	CpOwnWork	work;

	cp_own_work_begin(&work);
	PG_TRY();
	{
		SPI_connect();
		PushActiveSnapshot(GetLatestSnapshot());
		if (SPI_execute_with_args("SELECT * FROM contactpoint._explained($1)", 1, types, values,
								  NULL, true, 1) != SPI_OK_SELECT)
			elog(ERROR, "could not read what became of an uploaded row");
		if (SPI_processed == 1)
		{
			HeapTuple	tuple = SPI_tuptable->vals[0];
			TupleDesc	desc = SPI_tuptable->tupdesc;
			MemoryContext spi = MemoryContextSwitchTo(caller);
			Explained  *result = palloc0(sizeof(Explained));
			Datum		value;
			bool		isnull;

			result->outcome = cp_row_text(tuple, desc, EXPLAINED_OUTCOME);
			value = SPI_getbinval(tuple, desc, EXPLAINED_AUTHORITY, &isnull);
			result->authority = isnull ? 0 : DatumGetInt64(value);
			result->reason = cp_row_text(tuple, desc, EXPLAINED_REASON);
			value = SPI_getbinval(tuple, desc, EXPLAINED_SCORE, &isnull);
			result->scored = !isnull;
			result->score = isnull ? 0 : DatumGetFloat4(value);
			read_candidates(result, SPI_getbinval(tuple, desc, EXPLAINED_CANDIDATES, &isnull),
							SPI_getbinval(tuple, desc, EXPLAINED_SHIELDED, &isnull));
			MemoryContextSwitchTo(spi);
			explained = result;
		}
		if (explained != NULL && strcmp(explained->outcome, "hold") == 0)
			explained->row = read_row(upload_id, caller);
		PopActiveSnapshot();
		SPI_finish();
	}
	PG_FINALLY();
	{
		cp_own_work_end(&work);
	}
	PG_END_TRY();
	return explained;
}

static Explained *
require_explained(FunctionCallInfo fcinfo)
{
	Explained  *explained;

	cp_journal_require_writable();
	cp_require_reader();
	if (!cp_caller_has_role("contactpoint_manager"))
		ereport(ERROR,
				(errcode(ERRCODE_CP_NOT_AUTHORISED),
				 errmsg("only managers see why a row was held or settled"),
				 errhint("A DBA grants the group role it needs; see the table of roles in the README.")));
	explained = PG_ARGISNULL(0) ? NULL : read_explained(PG_GETARG_INT64(0));
	if (explained == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CP_WRONG_STATE),
				 errmsg("there is no such row, or it is not settled yet"),
				 errhint("Take upload_id from contactpoint.reviews_due, or CALL contactpoint.settle() first.")));
	if (!cp_caller_manages(explained->authority))
		ereport(ERROR,
				(errcode(ERRCODE_CP_NOT_AUTHORISED),
				 errmsg("only managers of the responsible authority may do this"),
				 errhint("Ask a manager of the authority that is responsible for the record.")));
	return explained;
}

static void
put_text(Line *line, int column, const char *value)
{
	line->nulls[column] = value == NULL;
	if (value != NULL)
		line->values[column] = CStringGetTextDatum(value);
}

static void
put_number(Line *line, int column, double value)
{
	line->nulls[column] = false;
	line->values[column] = Float8GetDatum(value);
}

/* What all lines about one record have in common. */
static Line
make_line(const Explained *explained, int64 child_id)
{
	Line		line;

	memset(&line, 0, sizeof(line));
	memset(line.nulls, true, sizeof(line.nulls));
	if (child_id != 0)
	{
		line.nulls[EXPLAIN_CHILD] = false;
		line.values[EXPLAIN_CHILD] = Int64GetDatum(child_id);
	}
	put_text(&line, EXPLAIN_OUTCOME, explained->outcome);
	put_text(&line, EXPLAIN_REASON, explained->reason);
	return line;
}

static void
put_line(Line *line, ReturnSetInfo *result)
{
	tuplestore_putvalues(result->setResult, result->setDesc, line->values, line->nulls);
}

/* ---------- field by field ---------- */

/*
 * How likely it is each class, the last one a random child, given what agrees:
 * as score.c weighs them.
 */
static void
class_shares(const CpComparison *comparison, double *shares)
{
	const CpPriors *priors = cp_priors();
	double		prior = priors->records;
	double		bits[CP_NCLASSES + 1] = {0};
	double		sum = 0;

	for (CpClass class = 0; class < CP_NCLASSES; class++)
		for (CpField field = 0; field < CP_NFIELDS; field++)
			bits[class] += cp_field_bits(comparison, field, class);
	bits[CP_CLASS_HOUSEHOLD] += priors->household;
	bits[CP_CLASS_TWIN] += priors->twin;
	bits[CP_NCLASSES] = prior;
	for (int class = 0; class <= CP_NCLASSES; class++)
		sum += exp2(bits[class] - prior);
	for (int class = 0; class <= CP_NCLASSES; class++)
		shares[class] = exp2(bits[class] - prior) / sum;
}

/* One line for each field that is known on both sides. */
static void
explain_fields(Line *line, const CpCandidate *candidate, ReturnSetInfo *result)
{
	const CpComparison *comparison = &candidate->comparison;
	double		shares[CP_NCLASSES + 1];
	bool		known = false;

	class_shares(comparison, shares);
	put_number(line, EXPLAIN_SAME, shares[CP_CLASS_MATCH]);
	put_number(line, EXPLAIN_HOUSEHOLD, shares[CP_CLASS_HOUSEHOLD]);
	put_number(line, EXPLAIN_TWIN, shares[CP_CLASS_TWIN]);
	put_number(line, EXPLAIN_OTHER, shares[CP_NCLASSES]);
	for (CpField field = 0; field < CP_NFIELDS; field++)
	{
		int			level = comparison->level[field];
		double		bits = cp_field_bits(comparison, field, CP_CLASS_MATCH);

		if (level == 0)
			continue;
		put_text(line, EXPLAIN_FIELD, cp_field_name(field));
		put_text(line, EXPLAIN_LEVEL, cp_level_name(field, level));
		put_number(line, EXPLAIN_BITS, bits);
		put_number(line, EXPLAIN_RARITY, bits - cp_weights()->bits[field][level][CP_CLASS_MATCH]);
		put_line(line, result);
		known = true;
	}
	if (!known)
		put_line(line, result);
}

/* A record that a held row came near, by its public name. */
static void
explain_candidate(const Explained *explained, int64 child_id, ReturnSetInfo *result)
{
	Line		line = make_line(explained, child_id);
	CpCandidate candidate;

	if (explained->row == NULL || !cp_compare_openly(explained->row, child_id, &candidate))
	{
		put_line(&line, result);
		return;
	}
	put_number(&line, EXPLAIN_SCORE, candidate.score);
	put_number(&line, EXPLAIN_THRESHOLD, cp_possible_threshold);
	explain_fields(&line, &candidate, result);
}

static void
explain_settled(const Explained *explained, bool hidden, ReturnSetInfo *result)
{
	Line		line = make_line(explained, explained->ncandidates > 0 ? explained->candidates[0] : 0);

	if (explained->scored && !hidden)
	{
		put_number(&line, EXPLAIN_SCORE, explained->score);
		put_number(&line, EXPLAIN_THRESHOLD,
				   strcmp(explained->outcome, "match") == 0 ? cp_match_threshold : cp_possible_threshold);
	}
	put_line(&line, result);
}

static bool
is_hidden(const Explained *explained, int i)
{
	return explained->shielded[i] && !cp_caller_is_superuser() &&
		!cp_opened_is_open(explained->candidates[i]);
}

PG_FUNCTION_INFO_V1(contactpoint_explain_match);
Datum
contactpoint_explain_match(PG_FUNCTION_ARGS)
{
	MemoryContext oldcontext = CurrentMemoryContext;
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Explained  *volatile explained = NULL;

	cp_require_preloaded();
	cp_log_registry(true);
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	PG_TRY();
	{
		cp_dictionary_refresh();
		cp_opened_refresh();
		explained = require_explained(fcinfo);
	}
	PG_CATCH();
	{
		cp_command_refused("explain_match", NULL, 0, oldcontext);
	}
	PG_END_TRY();
	cp_audit_command("explain_match", explained->candidates, explained->ncandidates, CP_VERDICT_DONE);

	if (strcmp(explained->outcome, "hold") != 0)
		explain_settled(explained, explained->ncandidates > 0 && is_hidden(explained, 0), result);
	else if (explained->ncandidates == 0)
	{
		Line		line = make_line(explained, 0);

		put_line(&line, result);
	}
	else
		for (int i = 0; i < explained->ncandidates; i++)
		{
			if (is_hidden(explained, i))
			{
				Line		line = make_line(explained, explained->candidates[i]);

				put_line(&line, result);
			}
			else
				explain_candidate(explained, explained->candidates[i], result);
		}
	return (Datum) 0;
}
