/*-------------------------------------------------------------------------
 *
 * decision.c
 *	  What is to become of an uploaded row: match, new, or held for a person.
 *
 *	  match	needs the score, an equal birth date or identifier, a lead over the
 *			second candidate and a given name that does not speak against it;
 *			name and address alone never do.
 *	  hold	where some record may be this child, at a far lower score where the
 *			record is shielded or has a hidden name, and where a row says too
 *			little to tell.
 *	  new	otherwise.
 *
 *	  A row may bring a name or a number that its record does not have.  Were
 *	  it believed, whoever sends rows about one child could have another
 *	  child's rows attached to it.  So what is brought is searched for by
 *	  itself, and where it leads to another record, the row is held.  A number
 *	  of one record goes to a second one through a person only.
 *
 *	  Invariants: a row near a shielded child never comes out as new for a slip
 *	  in one fact; reasons are constant text and say nothing about a record;
 *	  what is decided depends on the row and the registry, on no setting of a
 *	  session.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/snapmgr.h"

#include "match.h"

#define MAX_SHOWN 10
#define LEADS_ELSEWHERE "a name or number of the row leads to another record"

static bool
is_shielded(const CpCandidate *candidate)
{
	return candidate->nearness == CP_NEAR_SHIELDED ||
		candidate->nearness == CP_NEAR_SHIELDED_WIDE;
}

/* Another given name, or another sex and not the same given name. */
static bool
is_somebody_else(const CpCandidate *candidate)
{
	return !candidate->identifier_equal &&
		(candidate->given_differs || (candidate->sex_differs && !candidate->given_equal));
}

/*
 * Has the row's source sent this child under another reference?  Reads with
 * the latest snapshot, as own work.
 */
static bool
same_source(const CpReference *reference, int64 child_id)
{
	static SPIPlanPtr plan = NULL;
	Snapshot	snapshot;
	CpOwnWork	work;
	volatile bool result = false;

	if (reference == NULL || reference->source == NULL || reference->source_ref == NULL)
		return false;
	if (cp_settle_links(child_id, reference->source, reference->source_ref))
		return true;
	snapshot = cp_latest_snapshot();
	cp_own_work_begin(&work);
	PG_TRY();
	{
		Datum		values[3] = {Int64GetDatum(child_id), CStringGetTextDatum(reference->source),
		CStringGetTextDatum(reference->source_ref)};
		bool		isnull;

		SPI_connect();
		if (plan == NULL)
		{
			Oid			argtypes[3] = {INT8OID, TEXTOID, TEXTOID};
			SPIPlanPtr	fresh = SPI_prepare("SELECT contactpoint._same_source($1, $2, $3)", 3, argtypes);

			if (fresh == NULL || SPI_keepplan(fresh) != 0)
				elog(ERROR, "could not prepare the search for references");
			plan = fresh;
		}
		if (SPI_execute_snapshot(plan, values, NULL, snapshot, InvalidSnapshot,
								 true, false, 1) != SPI_OK_SELECT || SPI_processed != 1)
			elog(ERROR, "could not search for references");
		result = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
		SPI_finish();
	}
	PG_FINALLY();
	{
		cp_own_work_end(&work);
	}
	PG_END_TRY();
	UnregisterSnapshot(snapshot);
	return result;
}

/* Why the row says too little to make a record of it, or NULL. */
static const char *
too_little(const CpPerson *row)
{
	/* a record is made of the row's own name only */
	const CpName *name = row->nnames > 0 && !row->names[0].hidden ? &row->names[0] : NULL;
	bool		initials = true;

	if (!row->has_birth)
		return row->birth_year == 0 ? "too little data: no date of birth" :
			"too little data: no full date of birth";
	if (name == NULL || name->ngiven == 0)
		return "too little data: no given name";
	if (name->nfamily == 0)
		return "too little data: no family name";
	for (int i = 0; i < name->ngiven; i++)
	{
		const CpWord *word = cp_dictionary_word(name->given[i]);

		initials &= word != NULL && word->length == 1;
	}
	if (initials)
		return "too little data: given name is an initial";
	return NULL;
}

/*
 * May a row be attached to this record without a person?  The margin over the
 * second candidate is the caller's.
 */
static bool
may_match(const CpCandidate *candidate)
{
	if (candidate->score < cp_match_threshold)
		return false;
	if (is_somebody_else(candidate) || candidate->given_differs)
		return false;
	if (candidate->identifier_equal)
		return candidate->birth_near || (candidate->given_agrees && candidate->family_agrees);
	if (!candidate->birth_equal || candidate->identifier_differs || !candidate->given_slip)
		return false;

	/*
	 * two namesakes born on one day, of whom the middle names tell which is
	 * meant
	 */
	if (candidate->comparison.level[CP_MORE] == CP_MORE_DIFFER && !candidate->place_agrees)
		return false;
	/* whose birth date nobody knew was born on 1 January */
	if (candidate->birth_default && !candidate->place_agrees)
		return false;
	/* another surname near a shielded child is for a person to judge */
	return candidate->family_agrees || (candidate->home_agrees && !is_shielded(candidate));
}

bool
cp_is_guarded(const CpCandidate *candidate)
{
	if (candidate->nearness == CP_NEAR_OPEN)
		return false;
	if (candidate->guarded)
		return true;
	return candidate->score >= cp_guard_threshold &&
		(candidate->family_agrees || candidate->place_agrees) &&
		(candidate->birth_near || candidate->given_agrees);
}

/* Is a record to be thought of at all? */
static bool
is_possible(const CpCandidate *candidate)
{
	return candidate->score >= cp_possible_threshold || candidate->identifier_equal ||
		candidate->doubtful || cp_is_guarded(candidate);
}

/*
 * A twin, or another child of one family, if its source says so.  Near a
 * shielded child or a hidden name a short or second given name might look like
 * another one, so there the given name must differ plainly, the family name
 * agree, and the sex differ too.
 */
static bool
may_be_told_apart(const CpPerson *row, const CpCandidate *candidate)
{
	CpPerson   *record;

	if (!is_somebody_else(candidate))
		return false;
	if (candidate->nearness == CP_NEAR_OPEN)
		return true;
	if (!candidate->given_differs || !candidate->sex_differs || !candidate->family_agrees)
		return false;
	record = cp_person_fetch(candidate->child_id);
	return record != NULL && cp_given_clearly_differs(row, record);
}

/* The source tells them apart: it has sent them under separate references. */
static bool
told_apart_by_source(const CpPerson *row, const CpCandidate *candidate,
					 const CpReference *reference)
{
	return may_be_told_apart(row, candidate) && same_source(reference, candidate->child_id);
}

/*
 * Would an open record be held because of the candidate, or attached to it, if
 * it came as a row today?
 */
CpSecond
cp_second_record(const CpPerson *record, const CpCandidate *candidate)
{
	if (!is_possible(candidate))
		return CP_SECOND_NOT;
	return may_be_told_apart(record, candidate) ? CP_SECOND_UNLESS_TOLD_APART : CP_SECOND_MAYBE;
}

/*
 * Shielded candidates are shown beyond the bound: whose review it is depends
 * on them.
 */
static void
show(CpDecision *decision, CpCandidate *candidate)
{
	ListCell   *cell;

	foreach(cell, decision->candidates)
	{
		if (((CpCandidate *) lfirst(cell))->child_id == candidate->child_id)
			return;
	}
	decision->shielded |= is_shielded(candidate);
	if (list_length(decision->candidates) < MAX_SHOWN ||
		(is_shielded(candidate) && list_length(decision->candidates) < 2 * MAX_SHOWN))
		decision->candidates = lappend(decision->candidates, candidate);
}

/* ---------- what a row brings ---------- */

static bool
same_words(const int32 *a, int na, const int32 *b, int nb)
{
	return na == nb && memcmp(a, b, na * sizeof(int32)) == 0;
}

static bool
has_name(const CpPerson *record, const CpName *name)
{
	for (int i = 0; i < record->nnames; i++)
	{
		const CpName *other = &record->names[i];

		if (same_words(name->given, name->ngiven, other->given, other->ngiven) &&
			same_words(name->family, name->nfamily, other->family, other->nfamily))
			return true;
	}
	return false;
}

static bool
has_identifier(const CpPerson *record, const char *identifier)
{
	ListCell   *cell;

	foreach(cell, record->identifiers)
	{
		if (strcmp(lfirst(cell), identifier) == 0)
			return true;
	}
	return false;
}

/*
 * Adds a name to a person unless the record has it.  What a name leaves out is
 * as in the record's public name, since so it would be stored.
 */
static void
bring_name(CpPerson *brought, const CpName *name, const CpPerson *record)
{
	CpName		full = *name;

	if (record->nnames > 0 && full.ngiven == 0)
	{
		full.ngiven = record->names[0].ngiven;
		memcpy(full.given, record->names[0].given, sizeof(full.given));
	}
	if (record->nnames > 0 && full.nfamily == 0)
	{
		full.nfamily = record->names[0].nfamily;
		memcpy(full.family, record->names[0].family, sizeof(full.family));
	}
	if (!has_name(record, &full))
		brought->names[brought->nnames++] = full;
}

/*
 * Searches for what a row brings, as for a person.  Records that fit from a
 * score on, or that are guarded and fit, are where it leads; a plainly other
 * given name leads nowhere.  Returns CpCandidate *.
 */
static List *
search_brought(const CpPerson *brought, int64 except_child, double from)
{
	List	   *found = NIL;
	ListCell   *cell;
	bool		cut;

	foreach(cell, cp_candidates_bounded(brought, except_child, false, &cut))
	{
		CpCandidate *candidate = lfirst(cell);

		if (!candidate->identifier_equal)
		{
			CpPerson   *record;

			if (candidate->score < from && !cp_is_guarded(candidate))
				continue;
			record = cp_person_fetch(candidate->child_id);
			if (record == NULL || cp_given_clearly_differs(brought, record))
				continue;
		}
		found = lappend(found, candidate);
	}
	return found;
}

/*
 * Other records that the names and numbers lead to which a row brings and its
 * record does not have.  own_name: is the row's own name one of them?  It is
 * not stored, so it must fit another record well to count.  The sex is left
 * out, so that a wrong one hides nothing.
 */
static List *
leads_elsewhere(const CpPerson *row, const CpPerson *record, bool own_name)
{
	CpPerson	aliases = {0};
	CpPerson	own = {0};
	CpPerson	numbers = {0};
	List	   *found = NIL;
	ListCell   *cell;

	aliases.has_birth = true;
	aliases.date_of_birth = record->date_of_birth;
	aliases.sex = 'U';
	aliases.postcodes = list_concat_copy(row->postcodes, record->postcodes);
	aliases.addresses = list_concat_copy(row->addresses, record->addresses);
	own = aliases;
	numbers.sex = 'U';

	for (int i = 0; i < row->nnames; i++)
	{
		if (row->names[i].hidden)
			bring_name(&aliases, &row->names[i], record);
		else if (own_name)
			bring_name(&own, &row->names[i], record);
	}
	foreach(cell, row->identifiers)
	{
		if (!has_identifier(record, lfirst(cell)))
			numbers.identifiers = lappend(numbers.identifiers, lfirst(cell));
	}

	if (numbers.identifiers != NIL)
		found = search_brought(&numbers, record->child_id, DBL_MAX);
	if (aliases.nnames > 0)
		found = list_concat(found, search_brought(&aliases, record->child_id, cp_possible_threshold));
	if (own.nnames > 0)
		found = list_concat(found, search_brought(&own, record->child_id, cp_match_threshold));
	return found;
}

/*
 * Must a row not be attached to the best record because of another one?  A
 * number of that one would come to two records; and near a shielded child or a
 * hidden name an open record, which anybody may have sent, wins nothing.
 */
static bool
another_forbids(const CpCandidate *best, List *possible)
{
	ListCell   *cell;

	foreach(cell, possible)
	{
		CpCandidate *other = lfirst(cell);

		if (other != best &&
			(other->identifier_equal || (!is_shielded(best) && cp_is_guarded(other))))
			return true;
	}
	return false;
}

static void
decide_match(CpDecision *decision, CpCandidate *candidate)
{
	decision->outcome = CP_OUTCOME_MATCH;
	decision->child_id = candidate->child_id;
	decision->score = candidate->score;
	decision->reason = NULL;
	decision->candidates = list_make1(candidate);
	decision->shielded = is_shielded(candidate);
}

/*
 * Does a known reference still mean its child?  Name or birth date must agree,
 * and the given name must not be a twin's.
 */
static bool
still_fits(const CpPerson *row, const CpCandidate *linked)
{
	if (is_somebody_else(linked) && linked->birth_near)
		return false;
	if (linked->given_differs && !linked->birth_equal)
		return false;
	if (linked->birth_equal || (linked->given_agrees && linked->family_agrees))
		return true;
	return linked->given_agrees &&
		(linked->birth_near || (!row->has_birth && linked->comparison.level[CP_BIRTH] != CP_BIRTH_LEVEL_PART_DIFFERS));
}

/* The record of a reference, compared with a row that came under it. */
static CpCandidate *
compare_linked(const CpPerson *row, const CpReference *reference, CpPerson **record)
{
	CpCandidate *linked;

	*record = cp_person_fetch(reference->linked_child);
	if (*record == NULL)
		return NULL;
	linked = palloc0(sizeof(CpCandidate));
	cp_score(row, *record, linked);
	return linked;
}

static bool
is_linked(const CpReference *reference)
{
	return reference != NULL && reference->linked_child != 0;
}

/*
 * A known reference that plainly goes on meaning its child and brings nothing
 * that leads elsewhere; NULL where other records must be looked for.
 */
CpDecision *
cp_decide_known(const CpPerson *row, const CpReference *reference)
{
	CpDecision *decision;
	CpCandidate *linked;
	CpPerson   *record;

	if (!is_linked(reference))
		return NULL;
	linked = compare_linked(row, reference, &record);
	if (linked == NULL || !linked->birth_equal || !linked->given_slip || !linked->family_agrees ||
		linked->identifier_differs || !still_fits(row, linked) || leads_elsewhere(row, record, true) != NIL)
		return NULL;
	decision = palloc0(sizeof(CpDecision));
	decide_match(decision, linked);
	return decision;
}

static void
show_possible(CpDecision *decision, List *candidates)
{
	ListCell   *cell;

	foreach(cell, candidates)
	{
		CpCandidate *candidate = lfirst(cell);

		if (is_possible(candidate))
			show(decision, candidate);
	}
}

static void
show_all(CpDecision *decision, List *candidates)
{
	ListCell   *cell;

	foreach(cell, candidates)
		show(decision, lfirst(cell));
}

/* A row under a known reference: its child, or held.  The others do not have it. */
static void
decide_linked(CpDecision *decision, const CpPerson *row, const CpReference *reference,
			  List *others)
{
	CpPerson   *record;
	CpCandidate *linked = compare_linked(row, reference, &record);
	CpCandidate *other = others != NIL ? linitial(others) : NULL;
	List	   *elsewhere = NIL;

	if (linked != NULL)
	{
		decision->score = linked->score;
		elsewhere = leads_elsewhere(row, record, true);
	}
	if (linked == NULL)
		decision->reason = "the record of the reference is gone";
	else if (!still_fits(row, linked))
		decision->reason = "neither name nor birth date of the reference agree";
	else if (other != NULL && may_match(other) && other->score >= linked->score + cp_match_margin)
		decision->reason = "another record fits the row better than that of its reference";
	else if (elsewhere != NIL)
		decision->reason = LEADS_ELSEWHERE;
	else
	{
		decide_match(decision, linked);
		return;
	}
	if (linked != NULL)
		show(decision, linked);
	show_all(decision, elsewhere);
	show_possible(decision, others);
}

/* Too little data: somebody has to look for the child, so show what there is. */
static void
show_distant(CpDecision *decision, List *candidates)
{
	ListCell   *cell;

	foreach(cell, candidates)
	{
		CpCandidate *candidate = lfirst(cell);

		if (candidate->score >= cp_guard_threshold)
			show(decision, candidate);
	}
}

/* A row under a reference that nobody knows. */
static void
decide_unlinked(CpDecision *decision, const CpPerson *row, const CpReference *reference,
				const CpFound *found)
{
	List	   *possible = NIL;
	List	   *elsewhere = NIL;
	CpCandidate *best = NULL;
	CpCandidate *second = NULL;
	bool		forbidden = false;
	ListCell   *cell;

	foreach(cell, found->candidates)
	{
		CpCandidate *candidate = lfirst(cell);

		if (!is_possible(candidate) || told_apart_by_source(row, candidate, reference))
			continue;
		possible = lappend(possible, candidate);
		if (best == NULL)
			best = candidate;
		else if (second == NULL)
			second = candidate;
	}

	if (best != NULL)
		decision->score = best->score;
	if (best != NULL && may_match(best) &&
		(second == NULL || best->score >= second->score + cp_match_margin) &&
		(best->given_equal || !same_source(reference, best->child_id)))
	{
		CpPerson   *record = cp_person_fetch(best->child_id);

		forbidden = another_forbids(best, possible);
		if (record != NULL && !forbidden)
			elsewhere = leads_elsewhere(row, record, false);
		if (!forbidden && elsewhere == NIL)
		{
			decide_match(decision, best);
			return;
		}
	}

	show_all(decision, possible);
	show_all(decision, elsewhere);
	decision->reason = too_little(row);
	if (decision->reason != NULL)
		show_distant(decision, found->candidates);
	else if (best != NULL && elsewhere != NIL)
		decision->reason = LEADS_ELSEWHERE;
	else if (best != NULL && (forbidden || (may_match(best) && second != NULL &&
											best->score < second->score + cp_match_margin)))
		decision->reason = "more than one record fits";
	else if (best != NULL)
		decision->reason = "may be a known child";
	else if (found->cut)
		decision->reason = "too many records are similar";
	else
		decision->outcome = CP_OUTCOME_NEW;
}

/* What is to become of a row whose candidates are known. */
CpDecision *
cp_decide_found(const CpPerson *row, const CpReference *reference, const CpFound *found)
{
	CpDecision *decision = palloc0(sizeof(CpDecision));

	decision->outcome = CP_OUTCOME_HOLD;
	if (is_linked(reference))
		decide_linked(decision, row, reference, found->candidates);
	else
		decide_unlinked(decision, row, reference, found);
	return decision;
}

/* What is to become of an uploaded row. */
CpDecision *
cp_decide(const CpPerson *row, const CpReference *reference)
{
	CpDecision *decision;
	CpFound		found = {0};

	cp_dictionary_refresh();
	decision = cp_decide_known(row, reference);
	if (decision != NULL)
		return decision;
	found.candidates = cp_candidates_bounded(row, is_linked(reference) ? reference->linked_child : 0,
											 false, &found.cut);
	return cp_decide_found(row, reference, &found);
}

/* ---------- the guard on child ---------- */

/* Is the candidate, by names and birth date, a record of the row's child? */
static bool
is_second_record(const CpCandidate *candidate)
{
	if (is_somebody_else(candidate) || !candidate->birth_near)
		return false;
	if (candidate->given_agrees && candidate->family_agrees &&
		(candidate->birth_equal || candidate->birth_swapped))
		return true;
	return (candidate->given_agrees || candidate->family_agrees) &&
		!candidate->given_differs && candidate->score >= 0;
}

/* The same year, or the same day of the year. */
static bool
share_year_or_day(DateADT a, DateADT b)
{
	int			ayear;
	int			amonth;
	int			aday;
	int			byear;
	int			bmonth;
	int			bday;

	j2date(a + POSTGRES_EPOCH_JDATE, &ayear, &amonth, &aday);
	j2date(b + POSTGRES_EPOCH_JDATE, &byear, &bmonth, &bday);
	return ayear == byear || (amonth == bmonth && aday == bday);
}

/*
 * Have they the public given name and, nearly, the birth date in common?  The
 * answer must not depend on how the record was found, which a hidden name may
 * have helped: so it says no more than the search by public given name and
 * birth date finds in any case.
 */
static bool
share_given_and_birth(const CpPerson *row, const CpPerson *shown)
{
	CpBirthLevel level = cp_birth_compare(row->date_of_birth, shown->date_of_birth);
	bool		exact = level == CP_BIRTH_EQUAL || level == CP_BIRTH_SWAPPED;

	if (row->nnames == 0 || shown->nnames == 0 || !CpBirthIsNear(level) ||
		!(exact || share_year_or_day(row->date_of_birth, shown->date_of_birth)))
		return false;
	for (int i = 0; i < row->names[0].ngiven; i++)
		for (int j = 0; j < shown->names[0].ngiven; j++)
		{
			int32		a = row->names[0].given[i];
			int32		b = shown->names[0].given[j];

			if (i > 0 && j > 0)
				continue;
			if (cp_dictionary_compare(a, b) > CP_WORD_CLOSE && !cp_word_short_form(cp_dictionary_word(a), cp_dictionary_word(b)))
				continue;
			if (exact || strcmp(cp_dictionary_word(a)->code, cp_dictionary_word(b)->code) == 0)
				return true;
		}
	return false;
}

/*
 * The known child of which this person would be a second record, or 0.  For the synchronous
 * guard on child; except_child is the record itself on UPDATE.  The answer is
 * seen by whoever writes, so it rests on what is public: near a record that is
 * shielded or has a hidden name, on public given name and birth date, whatever
 * the family name.
 */
int64
cp_known_child(const CpPerson *row, int64 except_child)
{
	bool		cut;
	ListCell   *cell;

	cp_dictionary_refresh();
	foreach(cell, cp_candidates_bounded(row, except_child, true, &cut))
	{
		CpCandidate *candidate = lfirst(cell);
		CpPerson   *shown;

		if (candidate->nearness == CP_NEAR_OPEN)
		{
			if (is_second_record(candidate))
				return candidate->child_id;
			continue;
		}
		shown = cp_person_fetch(candidate->child_id);
		if (shown == NULL)
			continue;
		shown->nnames = Min(shown->nnames, 1);
		if (share_given_and_birth(row, shown))
			return candidate->child_id;
		cp_score(row, shown, candidate);
		if (is_second_record(candidate))
			return candidate->child_id;
	}
	return 0;
}
