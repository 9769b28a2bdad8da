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

#include "common/hashfn.h"
#include "utils/datetime.h"

#include "dataset.h"

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
	person->has_birth = cp_parse_iso_date(fields[COL_BIRTH], &person->date_of_birth);
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
		char	   *code = cp_normalize_code(fields[COL_POSTCODE]);

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
	return set;
}

bool
dataset_same(const Dataset *set, Pair pair)
{
	return set->records[pair.a].entity == set->records[pair.b].entity;
}

/* ---------- pairs ---------- */

typedef struct Entry
{
	int64		key;
	int32		record;
} Entry;

typedef struct Pairs
{
	Pair	   *pairs;
	int64		n;
	int64		size;
} Pairs;

static int
by_key(const void *a, const void *b)
{
	const Entry *left = a;
	const Entry *right = b;

	if (left->key != right->key)
		return left->key < right->key ? -1 : 1;
	return left->record - right->record;
}

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

static int64
hash_key(char kind, const char *first, const char *second, int number)
{
	char		bytes[320];
	int			length = snprintf(bytes, sizeof(bytes), "%c|%s|%s|%d", kind, first, second, number);

	return (int64) hash_bytes_extended((const unsigned char *) bytes, Min(length, 319), 0);
}

typedef struct Entries
{
	Entry	   *entries;
	int64		n;
	int64		size;
} Entries;

static void
add_entry(Entries *list, int64 key, int32 record)
{
	if (list->n >= list->size)
	{
		list->size = list->size ? list->size * 2 : 65536;
		list->entries = list->entries ? repalloc(list->entries, list->size * sizeof(Entry)) :
			palloc(list->size * sizeof(Entry));
	}
	list->entries[list->n].key = key;
	list->entries[list->n++].record = record;
}

static const char *
code_of(int32 id)
{
	return cp_dictionary_word(id)->code;
}

static void
add_keys(Entries *list, const CpPerson *p, int32 record)
{
	int			year = 0;
	int			month = 0;
	int			day = 0;
	ListCell   *cell;

	if (p->has_birth)
		j2date(p->date_of_birth + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	for (int i = 0; i < p->nnames; i++)
	{
		const CpName *name = &p->names[i];

		for (int w = 0; w < name->ngiven + name->nfamily; w++)
		{
			int32		id = w < name->ngiven ? name->given[w] : name->family[w - name->ngiven];

			if (p->has_birth)
			{
				add_entry(list, hash_key('W', code_of(id), "", year * 10000 + month * 100 + day), record);
				if (month <= 12 && day <= 12)
					add_entry(list, hash_key('W', code_of(id), "", year * 10000 + day * 100 + month), record);
			}
		}
		for (int g = 0; g < name->ngiven; g++)
			for (int f = 0; f < name->nfamily; f++)
			{
				const char *a = code_of(name->given[g]);
				const char *b = code_of(name->family[f]);

				if (strcmp(a, b) > 0)
				{
					const char *c = a;

					a = b;
					b = c;
				}
				add_entry(list, hash_key('P', a, b, 0), record);
			}
	}
	foreach(cell, p->postcodes)
		add_entry(list, hash_key('C', lfirst(cell), "", 0), record);
	foreach(cell, p->addresses)
		add_entry(list, hash_key('A', lfirst(cell), "", 0), record);
	foreach(cell, p->identifiers)
		add_entry(list, hash_key('I', lfirst(cell), "", 0), record);
	if (p->has_birth)
		add_entry(list, hash_key('D', "", "", year * 10000 + month * 100 + day), record);
}

/* Pairs that have a key in common, each once; *n of them. */
Pair *
dataset_candidates(const Dataset *set, int64 *n)
{
	Entries		list = {0};
	Pairs		pairs = {0};
	int64		from = 0;

	for (int i = 0; i < set->nrecords; i++)
		add_keys(&list, &set->records[i].person, i);
	qsort(list.entries, list.n, sizeof(Entry), by_key);
	for (int64 i = 1; i <= list.n; i++)
	{
		if (i < list.n && list.entries[i].key == list.entries[from].key)
			continue;
		if (i - from <= 400)
			for (int64 a = from; a < i; a++)
				for (int64 b = a + 1; b < i; b++)
					add_pair(&pairs, list.entries[a].record, list.entries[b].record);
		from = i;
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
	*n = pairs.n;
	return pairs.pairs;
}
