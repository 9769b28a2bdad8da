/*-------------------------------------------------------------------------
 *
 * dataset.c
 *	  Reads the labelled sets (data layout: see README of the data) and blocks
 *	  them with the project's keys.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>
#include <math.h>

#include "utils/datetime.h"

#include "dataset.h"
#include "keys.h"

#define POSSIBLE_THRESHOLD -3.0 /* contactpoint.possible_threshold */

#define LEAST_PAIRS -3.0		/* log2 of other rows of a person: one in eight */
#define MOST_PAIRS 5.0			/* has one, or all have 32 */

double		dataset_threshold = POSSIBLE_THRESHOLD;

enum
{
	COL_RECORD, COL_ENTITY, COL_SOURCE, COL_GIVEN, COL_MIDDLE, COL_FAMILY, COL_BIRTH,
	COL_BIRTH_RAW, COL_SEX, COL_POSTCODE, COL_ADDRESS, COL_IDENTIFIERS, COL_N
};

typedef struct Entity
{
	char	   *name;
	int			record;
} Entity;

/* Splits a line of CSV in place. */
static int
split_csv(char *line, char **fields, int max)
{
	int			n = 0;
	char	   *in = line;

	while (n < max)
	{
		char	   *out = in;
		bool		quoted = false;

		fields[n++] = in;
		while (*in != '\0' && (quoted || *in != ','))
		{
			if (*in == '"')
			{
				if (quoted && in[1] == '"')
				{
					*out++ = '"';
					in++;
				}
				else
					quoted = !quoted;
			}
			else
				*out++ = *in;
			in++;
		}
		if (*in == '\0')
		{
			*out = '\0';
			break;
		}
		in++;
		*out = '\0';
	}
	return n;
}

static int
by_entity(const void *a, const void *b)
{
	return strcmp(((const Entity *) a)->name, ((const Entity *) b)->name);
}

/* Words of a full name that are in neither part are middle names. */
static void
add_middle(char *given, size_t size, const char *family, const char *full)
{
	char	   *copy = pstrdup(full);
	char	   *rest = copy;
	char	   *word;

	while ((word = strsep(&rest, " ,")) != NULL)
	{
		char		have[1200];
		char		want[300];

		if (*word == '\0' || strlen(word) > 200)
			continue;
		snprintf(have, sizeof(have), " %s %s ", given, family);
		snprintf(want, sizeof(want), " %s ", word);
		if (strstr(have, want) == NULL && strlen(given) + strlen(word) + 2 < size)
		{
			strcat(given, " ");
			strcat(given, word);
		}
	}
	pfree(copy);
}

/* Fields that describe somebody and number nobody. */
static bool
is_identifier(const char *kind)
{
	return strncmp(kind, "full_name:", 10) != 0 && strncmp(kind, "occupation:", 11) != 0;
}

static void
set_identifiers(CpPerson *person, const char *text)
{
	char	   *copy = pstrdup(text);
	char	   *rest = copy;
	char	   *item;

	while ((item = strsep(&rest, "|")) != NULL)
	{
		char	   *colon = strchr(item, ':');
		char	   *code;

		if (colon == NULL || !is_identifier(item))
			continue;
		*colon = '\0';
		code = cp_normalize_code(colon + 1);
		if (code[0] != '\0')
			person->identifiers = lappend(person->identifiers,
										  psprintf("%s:%s", cp_normalize_kind(item), code));
	}
	pfree(copy);
}

/*
 * Of a date that does not exist or is not legible as a whole, what the source of
 * a row would have to send: the year, or year and month.
 */
static void
set_birth(CpPerson *person, const char *text, const char *raw)
{
	int			year;
	int			month;
	int			used = 0;

	person->has_birth = cp_parse_iso_date(text, &person->date_of_birth);
	if (person->has_birth)
		return;
	text = text[0] != '\0' ? text : raw;
	if (sscanf(text, "%4d%*1[-/]%n", &year, &used) != 1 || used != 5)
		return;
	person->birth_year = year;
	if (sscanf(text + used, "%2d", &month) == 1 && month >= 1 && month <= MONTHS_PER_YEAR &&
		!isalnum((unsigned char) text[used + (isdigit((unsigned char) text[used + 1]) ? 2 : 1)]))
		person->birth_month = month;
}

static void
set_person(CpPerson *person, char **fields, bool identifiers)
{
	char		given[1000];
	const char *full = strstr(fields[COL_IDENTIFIERS], "full_name:");

	snprintf(given, sizeof(given), "%.300s %.300s", fields[COL_GIVEN], fields[COL_MIDDLE]);
	if (identifiers && full != NULL)
	{
		char	   *text = pnstrdup(full + 10, strcspn(full + 10, "|"));

		add_middle(given, sizeof(given), fields[COL_FAMILY], text);
	}
	person_add_name(person, given, fields[COL_FAMILY]);
	set_birth(person, fields[COL_BIRTH], fields[COL_BIRTH_RAW]);
	switch (tolower((unsigned char) fields[COL_SEX][0]))
	{
		case 'm':
			person->sex = 'M';
			break;
		case 'f':
			person->sex = 'F';
			break;
		default:
			person->sex = 'U';
	}
	if (fields[COL_POSTCODE][0] != '\0')
	{
		char	   *code = cp_normalize_postcode(fields[COL_POSTCODE]);

		if (code[0] != '\0')
			person->postcodes = lappend(NIL, code);
	}
	if (fields[COL_ADDRESS][0] != '\0')
	{
		char	   *words = cp_normalize_address(fields[COL_ADDRESS]);

		if (words[0] != '\0')
			person->addresses = lappend(NIL, words);
	}
	if (identifiers)
		set_identifiers(person, fields[COL_IDENTIFIERS]);
	cp_person_finish(person);
	dictionary_count_record();
	for (int i = 0; i < person->nnames; i++)
	{
		for (int g = 0; g < person->names[i].ngiven; g++)
			dictionary_count(person->names[i].given[g], true, false);
		for (int f = 0; f < person->names[i].nfamily; f++)
			dictionary_count(person->names[i].family[f], false, true);
	}
}

bool
dataset_same(const Dataset *set, Pair pair)
{
	return set->records[pair.a].entity == set->records[pair.b].entity;
}

/* ---------- pairs ---------- */

typedef struct Entry
{
	int32		key;
	DateADT		birth;			/* DATEVAL_NOBEGIN: not known */
	int32		given;
	int32		family;
	int32		record;
	int64		traits;
} Entry;

typedef struct Pairs
{
	Pair	   *pairs;
	int64		n;
	int64		size;
} Pairs;

static int
by_pair(const void *a, const void *b)
{
	const Pair *left = a;
	const Pair *right = b;

	return left->a != right->a ? left->a - right->a : left->b - right->b;
}

static void
unique_pairs(Pairs *pairs)
{
	int64		n = 0;

	qsort(pairs->pairs, pairs->n, sizeof(Pair), by_pair);
	for (int64 i = 0; i < pairs->n; i++)
		if (n == 0 || by_pair(&pairs->pairs[n - 1], &pairs->pairs[i]) != 0)
			pairs->pairs[n++] = pairs->pairs[i];
	pairs->n = n;
}

static void
add_pair(Pairs *pairs, int32 a, int32 b)
{
	if (a == b)
		return;
	if (pairs->n >= pairs->size)
	{
		if (pairs->size > 4000000)
			unique_pairs(pairs);
		if (pairs->n * 2 >= pairs->size)
		{
			pairs->size = pairs->size ? pairs->size * 2 : 65536;
			pairs->pairs = pairs->pairs ? repalloc(pairs->pairs, pairs->size * sizeof(Pair)) :
				palloc(pairs->size * sizeof(Pair));
		}
	}
	pairs->pairs[pairs->n].a = Min(a, b);
	pairs->pairs[pairs->n++].b = Max(a, b);
}

/* ---------- blocking ---------- */

static int
by_key(const void *a, const void *b)
{
	const Entry *left = a;
	const Entry *right = b;

	if (left->key != right->key)
		return left->key < right->key ? -1 : 1;
	if (left->birth != right->birth)
		return left->birth < right->birth ? -1 : 1;
	return left->record - right->record;
}

typedef struct Entries
{
	Entry	   *entries;
	int64		n;
	int64		size;
} Entries;

static void
add_entry(Entries *list, int32 key, const CpPerson *person, int32 given, int32 family, int64 traits, int32 record)
{
	Entry	   *entry;

	if (list->n >= list->size)
	{
		list->size = list->size ? list->size * 2 : 65536;
		list->entries = list->entries ? repalloc(list->entries, list->size * sizeof(Entry)) :
			palloc(list->size * sizeof(Entry));
	}
	entry = &list->entries[list->n++];
	entry->key = key;
	entry->birth = person->has_birth ? person->date_of_birth : DATEVAL_NOBEGIN;
	entry->given = given;
	entry->family = family;
	entry->traits = traits;
	entry->record = record;
}

/* What a record would look for itself. */
static void
add_probed(Entries *list, const CpPerson *person, bool deep, int32 record)
{
	const CpName *name = &person->names[0];
	CpPrefilter filter;
	int			n;
	CpProbe    *probes;

	cp_prefilter_init(&filter, person, dataset_threshold, dataset_threshold);
	probes = cp_match_probes(&filter, deep, &n);
	for (int i = 0; i < n; i++)
		add_entry(list, probes[i].key, person, name->ngiven > 0 ? name->given[0] : CP_NO_WORD,
				  name->nfamily > 0 ? name->family[0] : CP_NO_WORD, cp_traits(person), record);
	if (probes)
		pfree(probes);
}

/* Entries of a record.  One without a birth date, which the registry does not have, is found by that. */
static void
add_keys(Entries *list, const CpPerson *person, int32 record)
{
	int			n;
	CpKey	   *keys;

	if (!person->has_birth)
	{
		add_probed(list, person, false, record);
		add_probed(list, person, true, record);
		return;
	}
	keys = cp_match_keys(person, &n);
	for (int i = 0; i < n; i++)
		add_entry(list, keys[i].key, person, keys[i].given, keys[i].family, keys[i].traits, record);
	if (keys)
		pfree(keys);
}

/* The first entry of a key with this birth date or a later one. */
static int64
first_entry(const Entries *list, int32 key, DateADT birth)
{
	int64		low = 0;
	int64		high = list->n;

	while (low < high)
	{
		int64		middle = (low + high) / 2;
		const Entry *entry = &list->entries[middle];

		if (entry->key < key || (entry->key == key && entry->birth < birth))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void
look_through(Pairs *pairs, const Entries *list, CpPrefilter *filter, int32 number, const CpProbe *probe,
			 int64 *entries)
{
	/* those without a birth date first, then those of the dates asked for */
	for (int pass = 0; pass < 2; pass++)
	{
		DateADT		first = pass == 0 ? DATEVAL_NOBEGIN : probe->first;
		DateADT		last = pass == 0 ? DATEVAL_NOBEGIN : probe->last;

		for (int64 i = first_entry(list, probe->key, first);
			 i < list->n && list->entries[i].key == probe->key && list->entries[i].birth <= last; i++)
		{
			const Entry *entry = &list->entries[i];

			(*entries)++;
			if (entry->record != number &&
				cp_prefilter_passes(filter, probe->block, entry->birth, entry->given, entry->family, entry->traits))
				add_pair(pairs, entry->record, number);
		}
	}
}

/* Of all homes, where homes.c takes a sample. */
static void
count_kin(Dataset *set)
{
	Entries		list = {0};
	CpKinShares shares;

	for (int i = 0; i < set->nrecords; i++)
	{
		const CpPerson *person = &set->records[i].person;
		int			nkeys;
		CpKey	   *keys = cp_home_keys(person, &nkeys);

		for (int k = 0; k < nkeys && person->has_birth; k++)
			add_entry(&list, keys[k].key, person, keys[k].given, keys[k].family, keys[k].traits, i);
		if (keys)
			pfree(keys);
	}
	if (list.n == 0)
		return;
	qsort(list.entries, list.n, sizeof(Entry), by_key);
	for (int64 from = 0, to; from < list.n; from = to)
	{
		CpHomeEntry home[CP_MAX_HOME];

		for (to = from; to < list.n && list.entries[to].key == list.entries[from].key; to++)
			if (to - from < CP_MAX_HOME)
			{
				home[to - from].birth = list.entries[to].birth;
				home[to - from].given = list.entries[to].given;
				home[to - from].family = list.entries[to].family;
			}
		if (to - from <= CP_MAX_HOME)
			cp_kin_count(home, to - from, &set->kin);
	}
	pfree(list.entries);
	cp_kin_share(&set->kin, &shares);
	dictionary_count_kin(&shares);
}

/* ---------- sets ---------- */

/* Reads a set and fills the dictionary with its words. */
Dataset *
dataset_read(const char *path, bool identifiers)
{
	FILE	   *file = fopen(path, "r");
	static char line[65536];
	Dataset    *set = palloc0(sizeof(Dataset));
	const char *base = strrchr(path, '/');
	Entity	   *entities;
	int			size = 1024;
	int64		same = 0;

	if (file == NULL)
	{
		fprintf(stderr, "cannot read %s\n", path);
		exit(1);
	}
	strlcpy(set->name, base ? base + 1 : path, sizeof(set->name));
	if (strrchr(set->name, '.'))
		*strrchr(set->name, '.') = '\0';
	set->records = palloc(size * sizeof(Record));
	entities = palloc(size * sizeof(Entity));
	dictionary_reset();
	if (fgets(line, sizeof(line), file) == NULL)
		exit(1);
	while (fgets(line, sizeof(line), file))
	{
		char	   *fields[COL_N];
		Record	   *record;

		line[strcspn(line, "\r\n")] = '\0';
		if (set->nrecords >= size)
		{
			size *= 2;
			set->records = repalloc(set->records, size * sizeof(Record));
			entities = repalloc(entities, size * sizeof(Entity));
		}
		record = &set->records[set->nrecords];
		memset(record, 0, sizeof(Record));
		record->text = pstrdup(line);
		if (split_csv(line, fields, COL_N) != COL_N)
			continue;
		set_person(&record->person, fields, identifiers);
		record->person.child_id = set->nrecords + 1;
		entities[set->nrecords].name = pstrdup(fields[COL_ENTITY]);
		entities[set->nrecords].record = set->nrecords;
		set->nrecords++;
	}
	fclose(file);
	qsort(entities, set->nrecords, sizeof(Entity), by_entity);
	for (int i = 0, number = 0; i < set->nrecords; i++)
	{
		if (i > 0 && strcmp(entities[i].name, entities[i - 1].name) == 0)
			same++;
		else
		{
			same = 0;
			number++;
		}
		set->true_pairs += same;
		set->records[entities[i].record].entity = number;
	}
	count_kin(set);
	return set;
}

/* Pairs of which one would find the other, each once; *n of them. */
Pair *
dataset_candidates(Dataset *set, int64 *n)
{
	Entries		list = {0};
	Pairs		pairs = {0};

	dictionary_similar();
	for (int i = 0; i < set->nrecords; i++)
		add_keys(&list, &set->records[i].person, i);
	set->keys = list.n;
	qsort(list.entries, list.n, sizeof(Entry), by_key);
	for (int i = 0; i < set->nrecords; i++)
	{
		const CpPerson *row = &set->records[i].person;
		CpPrefilter filter;

		cp_prefilter_init(&filter, row, dataset_threshold, dataset_threshold);
		for (int deep = 0; deep < 2; deep++)
		{
			int			nprobes;
			CpProbe    *probes = cp_match_probes(&filter, deep, &nprobes);

			set->probes += nprobes;
			for (int p = 0; p < nprobes; p++)
				look_through(&pairs, &list, &filter, i, &probes[p], &set->entries);
			if (probes)
				pfree(probes);
		}
	}
	unique_pairs(&pairs);
	pfree(list.entries);
	*n = pairs.n;
	return pairs.pairs;
}

static const Dataset *sorted_set;

static int
by_person(const void *a, const void *b)
{
	int			left = *(const int32 *) a;
	int			right = *(const int32 *) b;
	int			difference = sorted_set->records[left].entity - sorted_set->records[right].entity;

	return difference != 0 ? difference : left - right;
}

double
dataset_pairs_of_record(const Dataset *set, const double *scores, int64 n)
{
	double		bits = 0;

	for (int round = 0; round < 50; round++)
	{
		double		expected = 0;

		for (int64 i = 0; i < n; i++)
			expected += 1 / (1 + exp2(-scores[i] - bits));
		bits = Max(Min(log2(2 * (expected + 1) / set->nrecords), MOST_PAIRS), LEAST_PAIRS);
	}
	return bits;
}

/* All pairs of one true person. */
Pair *
dataset_true_pairs(const Dataset *set, int64 *n)
{
	int32	   *order = palloc(set->nrecords * sizeof(int32));
	Pairs		pairs = {0};

	for (int i = 0; i < set->nrecords; i++)
		order[i] = i;
	sorted_set = set;
	qsort(order, set->nrecords, sizeof(int32), by_person);
	for (int i = 0; i < set->nrecords; i++)
		for (int j = i + 1; j < set->nrecords &&
			 set->records[order[i]].entity == set->records[order[j]].entity; j++)
			add_pair(&pairs, order[i], order[j]);
	pfree(order);
	unique_pairs(&pairs);
	*n = pairs.n;
	return pairs.pairs;
}
