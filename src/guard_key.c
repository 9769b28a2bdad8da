/*-------------------------------------------------------------------------
 *
 * guard_key.c
 *	  Blocking near records that are shielded or have a hidden name: by which
 *	  facts a row finds each that guard.c would hold it for.
 *
 *	  These records are few, and have keys in an index of their own, so that
 *	  none of them is missed for one wrong fact and no crowd of others hides them:
 *
 *	  G  every one							on the birth date
 *	  g  sound of one word					within a month of the birth date
 *	  d  sound of one word, year and day	in any month
 *	  m  sound of one word, month and day	in any year
 *	  w  one given name						in the year of birth
 *	  v  one given name, month and day		in any year
 *	  p  sounds of given and family name	whatever the birth date
 *	  c  postcode							whatever the birth date
 *	  a  address							whatever the birth date
 *	  i  identifier							whatever the birth date
 *
 *	  Every birth date with one part or digit wrong has the other two right, so g, d
 *	  and m together meet it, and 1 January is looked for by itself; w and v do, too,
 *	  and only where the given name suffices.  Where more of the date is wrong, both
 *	  names must agree, or a place and both, and p is for that.
 *
 *	  Pure (model.h).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/datetime.h"

#include "keys.h"

#define MAX_GIVEN_WORDS 2		/* of a row, that are looked for alone */
#define MONTH_DAYS 31			/* between two dates of one month at most */

/* ---------- keys ---------- */

static const char *
text_of(int32 id)
{
	const CpWord *word = cp_dictionary_word(id);

	return word != NULL ? word->word : "";
}

/* The year, and the day of the month. */
static int
year_day(DateADT date)
{
	int			year;
	int			month;
	int			day;

	j2date(date + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	return year * 100 + day;
}

/* A sound, and so much of a birth date. */
static void
add_sound_keys(CpKeyList *list, const char *code, DateADT birth, int32 given, int32 family)
{
	cp_key_add(list, cp_key_hash('g', code, "", 0), given, family);
	cp_key_add(list, cp_key_hash('d', code, "", year_day(birth)), given, family);
	cp_key_add(list, cp_key_hash('m', code, "", cp_key_month_day(birth)), given, family);
}

static void
add_name_keys(CpKeyList *list, const CpName *name, DateADT birth, bool wide)
{
	int32		given = cp_key_first_word(name->given, name->ngiven);
	int32		family = cp_key_first_word(name->family, name->nfamily);

	cp_key_add(list, cp_key_hash('G', "", "", 0), given, family);
	for (int g = 0; g < name->ngiven; g++)
		add_sound_keys(list, cp_key_code(name->given[g]), birth, name->given[g], family);
	for (int f = 0; f < name->nfamily; f++)
	{
		/* a later part of a double name may be all that a row has of it */
		if (f > 0)
			cp_key_add(list, cp_key_hash('G', "", "", 0), given, name->family[f]);
		add_sound_keys(list, cp_key_code(name->family[f]), birth, given, name->family[f]);
		for (int g = 0; g < name->ngiven; g++)
			cp_key_add(list, cp_key_pair('p', cp_key_code(name->given[g]), cp_key_code(name->family[f]), 0),
					   name->given[g], name->family[f]);
	}
	/* called by a later name */
	for (int g = 1; g < name->ngiven; g++)
		cp_key_add(list, cp_key_hash('G', "", "", 0), name->given[g], family);
	if (wide && given != CP_NO_WORD)
	{
		cp_key_add(list, cp_key_hash('w', text_of(given), "", 0), given, family);
		cp_key_add(list, cp_key_hash('v', text_of(given), "", cp_key_month_day(birth)), given, family);
	}
}

static void
add_texts(CpKeyList *list, char kind, const List *texts, int32 given, int32 family)
{
	ListCell   *cell;

	foreach(cell, texts)
		cp_key_add(list, cp_key_hash(kind, lfirst(cell), "", 0), given, family);
}

CpKey *
cp_guard_keys(const CpPerson *person, int *nkeys)
{
	CpKeyList	list = {0};
	int32		given = CP_NO_WORD;
	int32		family = CP_NO_WORD;

	if (person->nearness != CP_NEAR_OPEN)
	{
		for (int i = 0; i < person->nnames; i++)
			add_name_keys(&list, &person->names[i], person->date_of_birth,
						  person->nearness >= CP_NEAR_SHIELDED_WIDE);
		if (person->nnames > 0)
		{
			given = cp_key_first_word(person->names[0].given, person->names[0].ngiven);
			family = cp_key_first_word(person->names[0].family, person->names[0].nfamily);
		}
		add_texts(&list, 'c', person->postcodes, given, family);
		add_texts(&list, 'a', person->addresses, given, family);
		add_texts(&list, 'i', person->identifiers, given, family);
		cp_key_finish(&list, person);
	}
	*nkeys = list.n;
	return list.keys;
}

/* ---------- probes ---------- */

/* 1 January is what is written where no more than the year is known. */
static void
probe_word(CpProbeList *list, DateADT birth, const char *code, CpBlock block)
{
	int32		key = cp_key_hash('g', code, "", 0);
	DateADT		first;
	DateADT		last;

	cp_key_year(birth, &first, &last);
	if (birth == first)
		cp_probe_add(list, key, first, last, block);
	else
	{
		if (first < birth - MONTH_DAYS)
			cp_probe_add(list, key, first, first, block);
		cp_probe_add(list, key, birth - MONTH_DAYS, birth + MONTH_DAYS, block);
		cp_probe_add(list, cp_key_hash('d', code, "", year_day(birth)), CP_FIRST_DATE, CP_LAST_DATE, block);
	}
	cp_probe_add(list, cp_key_hash('m', code, "", cp_key_month_day(birth)),
				 CP_FIRST_DATE, CP_LAST_DATE, block);
}

static void
probe_given(CpProbeList *list, DateADT birth, const char *given)
{
	DateADT		first;
	DateADT		last;

	cp_key_year(birth, &first, &last);
	cp_probe_add(list, cp_key_hash('w', given, "", 0), first, last, CP_BLOCK_GUARD_GIVEN);
	cp_probe_add(list, cp_key_hash('v', given, "", cp_key_month_day(birth)),
				 CP_FIRST_DATE, CP_LAST_DATE, CP_BLOCK_GUARD_GIVEN);
}

static void
probe_name(CpProbeList *list, const CpPerson *row, const CpName *name, bool deep)
{
	if (row->has_birth)
	{
		for (int g = 0; g < Min(name->ngiven, MAX_GIVEN_WORDS); g++)
			probe_word(list, row->date_of_birth, cp_key_code(name->given[g]),
					   deep ? CP_BLOCK_GUARD_GIVEN : CP_BLOCK_GUARD);
		for (int f = 0; f < name->nfamily; f++)
			probe_word(list, row->date_of_birth, cp_key_code(name->family[f]), CP_BLOCK_GUARD);
		if (name->ngiven > 0)
			probe_given(list, row->date_of_birth, text_of(name->given[0]));
	}
	for (int f = 0; f < name->nfamily && name->ngiven > 0; f++)
		cp_probe_add(list, cp_key_pair('p', cp_key_code(name->given[0]), cp_key_code(name->family[f]), 0),
					 CP_FIRST_DATE, CP_LAST_DATE, CP_BLOCK_GUARD);
}

static void
probe_texts(CpProbeList *list, char kind, const List *texts, CpBlock block)
{
	ListCell   *cell;

	foreach(cell, texts)
		cp_probe_add(list, cp_key_hash(kind, lfirst(cell), "", 0), CP_FIRST_DATE, CP_LAST_DATE, block);
}

CpProbe *
cp_guard_probes(const CpPerson *row, bool deep, int *nprobes)
{
	CpProbeList list = {0};

	if (row->has_birth)
	{
		int32		all = cp_key_hash('G', "", "", 0);
		DateADT		swapped;

		cp_probe_add(&list, all, row->date_of_birth, row->date_of_birth, CP_BLOCK_GUARD);
		if (cp_key_swapped_date(row->date_of_birth, &swapped))
			cp_probe_add(&list, all, swapped, swapped, CP_BLOCK_GUARD);
	}
	for (int i = 0; i < row->nnames; i++)
		probe_name(&list, row, &row->names[i], deep);
	probe_texts(&list, 'c', row->postcodes, CP_BLOCK_PLACE);
	probe_texts(&list, 'a', row->addresses, CP_BLOCK_PLACE);
	probe_texts(&list, 'i', row->identifiers, CP_BLOCK_NUMBER);
	*nprobes = list.n;
	return list.probes;
}

/* ---------- entries of a block ---------- */

/* Is some word of the row close to this one, or a short form of it? */
static bool
close_to_row(CpPrefilter *filter, int32 id, bool given)
{
	const CpPerson *row = filter->row;

	if (id == CP_NO_WORD)
		return false;
	if (filter->many_words || cp_prefilter_word(filter, id, given)->level <= CP_WORD_WEAK)
		return true;
	for (int i = 0; filter->joins && i < row->nnames; i++)
	{
		const CpName *name = &row->names[i];

		if (cp_words_joined_alike(name->given, name->ngiven, &id, 1) ||
			cp_words_joined_alike(name->family, name->nfamily, &id, 1))
			return true;
	}
	return false;
}

/* May all of a name of the row be in another script than this word? */
static bool
other_script(const CpPrefilter *filter, int32 id)
{
	const CpWord *word = id == CP_NO_WORD ? NULL : cp_dictionary_word(id);

	return word != NULL && (cp_word_is_foreign(word) ? filter->latin : filter->foreign);
}

/*
 * Another date, but not quite: the guard asks for a place as well, which leads
 * to the record by itself if it is the same, and the score for much.
 */
static bool
passes_beside_date(CpPrefilter *filter, DateADT birth, CpBirthLevel level, int32 given, int32 family, int64 traits)
{
	return (filter->many_words || !cp_traits_elsewhere(filter->traits, traits) ||
			cp_prefilter_reaches_guard(filter, birth, level, given, family, traits)) &&
		close_to_row(filter, given, true) && close_to_row(filter, family, false);
}

bool
cp_guard_passes(CpPrefilter *filter, CpBlock block, DateADT birth, int32 given, int32 family, int64 traits)
{
	CpBirthLevel level = cp_prefilter_birth(filter, birth);

	switch (block)
	{
		case CP_BLOCK_GUARD_GIVEN:
			return CpBirthIsNear(level);
		case CP_BLOCK_GUARD:
			if (level <= CP_BIRTH_SWAPPED)
				return close_to_row(filter, given, true) || close_to_row(filter, family, false) || other_script(filter, given);
			if (level == CP_BIRTH_DIFFER)
				return false;
			if (!CpBirthIsNear(level) && level != CP_BIRTH_UNKNOWN)
				return passes_beside_date(filter, birth, level, given, family, traits);
			return close_to_row(filter, given, true) && close_to_row(filter, family, false);
		case CP_BLOCK_PLACE:
			return level <= CP_BIRTH_SWAPPED || close_to_row(filter, given, true) || close_to_row(filter, family, false);
		default:
			return true;
	}
}
