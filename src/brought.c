/*-------------------------------------------------------------------------
 *
 * brought.c
 *	  Where the names and numbers lead that a row brings and its record does
 *	  not have.
 *
 *	  A row may bring a name or a number that its record does not have.  Were
 *	  it believed, whoever sends rows about one child could have another
 *	  child's rows attached to it.  So what is brought is searched for by
 *	  itself; where it leads to another record, the row is held (decision.c).
 *	  A number of one record goes to a second one through a person only.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>

#include "match.h"

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

bool
cp_brings_something(const CpPerson *row, const CpPerson *record)
{
	CpPerson	brought = {0};
	ListCell   *cell;

	for (int i = 0; i < row->nnames; i++)
		bring_name(&brought, &row->names[i], record);
	foreach(cell, row->identifiers)
	{
		if (!has_identifier(record, lfirst(cell)))
			return true;
	}
	return brought.nnames > 0;
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
 * own_name: is the row's own name one of those?  It is not stored, so it must
 * fit another record well to count.  The sex is left out, so that a wrong one
 * hides nothing.
 */
List *
cp_leads_elsewhere(const CpPerson *row, const CpPerson *record, bool own_name)
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
