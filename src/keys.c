/*-------------------------------------------------------------------------
 *
 * keys.c
 *	  Blocking: which facts of a record it can be found by.
 *
 *	  Every record has some keys, hashes of a few of its facts, in the index
 *	  match_key_key_idx (key, date of birth, given word, family word, traits,
 *	  child).
 *	  A row probes the keys it would have itself (key_probe.c):
 *
 *	  W  sound of the first given name or of
 *		 a family name						with the birth date
 *	  P  sounds of given and family name	with the year of birth
 *	  M  the same in outline, month and day	in any year
 *	  C  postcode							near by birth or name
 *	  A  house number and street			near by birth or name
 *	  T  street								with the birth date
 *	  I  identifier
 *
 *	  Month and day are hashed without order and the pair of sounds too, so
 *	  swapped ones meet.  The outline of a sound is its beginning, which slips
 *	  later in a word leave alone.  A record whose postcode means a street has
 *	  no key for the street: with the birth date the postcode leads there.
 *
 *	  Where nothing good is found (deep), names that are rare enough are looked for
 *	  whatever the birth date, and later given names, words spelt alike that sound
 *	  different, words run together and streets are tried as well.
 *
 *	  Records that are shielded or have a hidden name have keys of another kind
 *	  besides (guard_key.c).
 *
 *	  Keys cost more than all else where millions of records are: an ordinary
 *	  record (one or two given words, one family word, one postcode and
 *	  address) has six or seven.
 *
 *	  Pure (model.h).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/datetime.h"

#include "keys.h"

#define MAX_CALLED 2			/* given names that a child is called by */
#define HOUSE_LETTERS 8			/* bytes of a street beside its number, where
								 * a postcode means a street: a fifth as many
								 * houses have one key as with the first ones
								 * alone, a few dozen of ten million children */
#define WHOLE_STREET_LETTERS 12 /* where there is no number */

/* ---------- hashes ---------- */

int32
cp_key_stir(int32 key, int version)
{
	return version <= 1 ? key : key ^ (int32) murmurhash32((uint32) version);
}

int32
cp_key_hash(char kind, const char *first, const char *second, int number)
{
	uint64		hash;

	hash = hash_bytes_extended((const unsigned char *) first, strlen(first),
							   ((uint64) (unsigned char) kind << 32) ^ (uint32) number);
	if (second[0] != '\0')
		hash = hash_bytes_extended((const unsigned char *) second, strlen(second), hash);
	return (int32) (uint32) (hash ^ (hash >> 32));
}

int32
cp_key_pair(char kind, const char *a, const char *b, int number)
{
	return strcmp(a, b) <= 0 ? cp_key_hash(kind, a, b, number) : cp_key_hash(kind, b, a, number);
}

const char *
cp_key_code(int32 word)
{
	const CpWord *entry = cp_dictionary_word(word);

	return entry != NULL ? entry->code : "";
}

/* Outlines of two sounds without order, with month and day. */
int32
cp_key_outline(const char *a, const char *b, DateADT birth)
{
	char		left[CP_OUTLINE_LENGTH + 1];
	char		right[CP_OUTLINE_LENGTH + 1];

	strlcpy(left, a, sizeof(left));
	strlcpy(right, b, sizeof(right));
	return cp_key_pair('M', left, right, cp_key_month_day(birth));
}

int
cp_key_house(const char *address, char *street, int most)
{
	const char *number = strpbrk(address, "0123456789");
	const char *next = number != NULL ? number + strcspn(number, " ") : address;
	int			n = 0;

	for (; *next != '\0' && n < most; next++)
		if (*next != ' ' && !(*next >= '0' && *next <= '9'))
			street[n++] = *next;
	street[n] = '\0';
	return number != NULL ? Max(atoi(number), 0) : -1;
}

int
cp_key_month_day(DateADT date)
{
	int			year;
	int			month;
	int			day;

	j2date(date + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	return Min(month, day) * 100 + Max(month, day);
}

bool
cp_key_swapped_date(DateADT date, DateADT *swapped)
{
	int			year;
	int			month;
	int			day;

	j2date(date + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	if (day == month || day > MONTHS_PER_YEAR)
		return false;
	*swapped = date2j(year, day, month) - POSTGRES_EPOCH_JDATE;
	return true;
}

void
cp_key_year(DateADT date, DateADT *first, DateADT *last)
{
	int			year;
	int			month;
	int			day;

	j2date(date + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	*first = date2j(year, 1, 1) - POSTGRES_EPOCH_JDATE;
	*last = date2j(year, MONTHS_PER_YEAR, 31) - POSTGRES_EPOCH_JDATE;
}

int32
cp_key_similar(int32 word)
{
	const CpWord *entry = cp_dictionary_word(word);

	return cp_key_hash('S', word >= 0 && entry != NULL ? entry->word : "", "", 0);
}

/* ---------- lists ---------- */

void
cp_key_add(CpKeyList *list, int32 key, int32 given, int32 family)
{
	if (list->keys == NULL)
	{
		list->size = 16;
		list->keys = palloc(list->size * sizeof(CpKey));
	}
	else if (list->n >= list->size)
	{
		list->size *= 2;
		list->keys = repalloc(list->keys, list->size * sizeof(CpKey));
	}
	list->keys[list->n].key = key;
	list->keys[list->n].given = given;
	list->keys[list->n].family = family;
	list->n++;
}

void
cp_probe_add(CpProbeList *list, int32 key, DateADT first, DateADT last, CpBlock block)
{
	CpProbe    *probe;

	if (list->probes == NULL)
	{
		list->size = 16;
		list->probes = palloc(list->size * sizeof(CpProbe));
	}
	else if (list->n >= list->size)
	{
		list->size *= 2;
		list->probes = repalloc(list->probes, list->size * sizeof(CpProbe));
	}
	probe = &list->probes[list->n++];
	probe->key = key;
	probe->first = first;
	probe->last = last;
	probe->block = block;
}

int
cp_key_order(const CpKey *a, const CpKey *b)
{
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	if (a->given != b->given)
		return a->given < b->given ? -1 : 1;
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	if (a->traits != b->traits)
		return a->traits < b->traits ? -1 : 1;
	return 0;
}

static int
key_order(const void *a, const void *b)
{
	return cp_key_order(a, b);
}

void
cp_key_finish(CpKeyList *list, const CpPerson *person)
{
	int64		traits = cp_traits(person);
	int			n = 0;

	for (int i = 0; i < list->n; i++)
	{
		list->keys[i].key = cp_key_stir(list->keys[i].key, person->key_version);
		list->keys[i].traits = traits;
	}
	if (list->n > 1)
		qsort(list->keys, list->n, sizeof(CpKey), key_order);
	for (int i = 0; i < list->n; i++)
	{
		if (n == 0 || cp_key_order(&list->keys[n - 1], &list->keys[i]) != 0)
			list->keys[n++] = list->keys[i];
	}
	list->n = n;
}

/* ---------- keys ---------- */

int32
cp_key_first_word(const int32 *words, int n)
{
	return n > 0 ? words[0] : CP_NO_WORD;
}

/*
 * Of given names the first one, and with the family name the second, for who is
 * called by it and has a wrong birth date: a row looks for all that it has, and
 * two later ones never stand for the first (compare.c).
 */
static void
add_name_keys(CpKeyList *list, const CpName *name, DateADT birth)
{
	int32		given = cp_key_first_word(name->given, name->ngiven);
	int32		family = cp_key_first_word(name->family, name->nfamily);

	if (given != CP_NO_WORD)
		cp_key_add(list, cp_key_hash('W', cp_key_code(given), "", 0), given, family);
	for (int f = 0; f < name->nfamily; f++)
		cp_key_add(list, cp_key_hash('W', cp_key_code(name->family[f]), "", 0), given, name->family[f]);
	for (int f = 0; f < Min(name->nfamily, CP_PAIR_WORDS) && given != CP_NO_WORD; f++)
	{
		const char *code = cp_key_code(name->family[f]);

		for (int g = 0; g < Min(name->ngiven, MAX_CALLED); g++)
			cp_key_add(list, cp_key_pair('P', cp_key_code(name->given[g]), code, 0), name->given[g], name->family[f]);
		cp_key_add(list, cp_key_outline(cp_key_code(given), code, birth), given, name->family[f]);
	}
	if (given == CP_NO_WORD || family == CP_NO_WORD)
	{
		const char *code = cp_key_code(given != CP_NO_WORD ? given : family);

		cp_key_add(list, cp_key_pair('P', code, "", 0), given, family);
		cp_key_add(list, cp_key_outline(code, "", birth), given, family);
	}
}

/*
 * The first number of an address and the first letters after it: what follows
 * is written in many ways, and blanks come and go.  More letters with whole, for
 * records whose postcode means a street; and where there is no number, of a town
 * mostly all of them.
 */
int32
cp_key_of_house(const char *address, bool whole)
{
	char		street[WHOLE_STREET_LETTERS + 1];
	int			number = cp_key_house(address, street, whole ? HOUSE_LETTERS : CP_STREET_LETTERS);

	if (number < 0)
		(void) cp_key_house(address, street, WHOLE_STREET_LETTERS);
	return cp_key_hash('A', street, "", Max(number, 0));
}

int32
cp_key_of_street(const char *address)
{
	char		street[CP_STREET_LETTERS + 1];

	(void) cp_key_house(address, street, CP_STREET_LETTERS);
	return cp_key_hash('T', street, "", 0);
}

/* Under the public name. */
static void
public_words(const CpPerson *person, int32 *given, int32 *family)
{
	const CpName *name = &person->names[0];

	*given = person->nnames > 0 ? cp_key_first_word(name->given, name->ngiven) : CP_NO_WORD;
	*family = person->nnames > 0 ? cp_key_first_word(name->family, name->nfamily) : CP_NO_WORD;
}

static void
add_postcode_keys(CpKeyList *list, const CpPerson *person, int32 given, int32 family)
{
	ListCell   *cell;

	foreach(cell, person->postcodes)
		cp_key_add(list, cp_key_hash('C', lfirst(cell), "", 0), given, family);
}

static void
add_address_keys(CpKeyList *list, const CpPerson *person, int32 given, int32 family)
{
	bool		whole = cp_postcodes_of_street(person->postcodes);
	ListCell   *cell;

	foreach(cell, person->addresses)
		cp_key_add(list, cp_key_of_house(lfirst(cell), whole), given, family);
}

/* Where no postcode leads to the street. */
static void
add_street_keys(CpKeyList *list, const CpPerson *person, int32 given, int32 family)
{
	ListCell   *cell;

	if (cp_postcodes_of_street(person->postcodes))
		return;
	foreach(cell, person->addresses)
		cp_key_add(list, cp_key_of_street(lfirst(cell)), given, family);
}

CpKey *
cp_match_keys(const CpPerson *person, int *nkeys)
{
	CpKeyList	list = {0};
	int32		given;
	int32		family;
	ListCell   *cell;

	for (int i = 0; i < person->nnames; i++)
		add_name_keys(&list, &person->names[i], person->date_of_birth);
	/* one entry for each place and number */
	public_words(person, &given, &family);
	add_postcode_keys(&list, person, given, family);
	add_address_keys(&list, person, given, family);
	add_street_keys(&list, person, given, family);
	foreach(cell, person->identifiers)
		cp_key_add(&list, cp_key_hash('I', lfirst(cell), "", 0), given, family);
	cp_key_finish(&list, person);
	*nkeys = list.n;
	return list.keys;
}

CpKey *
cp_home_keys(const CpPerson *person, int *nkeys)
{
	CpKeyList	list = {0};
	int32		given;
	int32		family;

	public_words(person, &given, &family);
	if (person->addresses != NIL)
		add_address_keys(&list, person, given, family);
	else
		add_postcode_keys(&list, person, given, family);
	cp_key_finish(&list, person);
	*nkeys = list.n;
	return list.keys;
}
