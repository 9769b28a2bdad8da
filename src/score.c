/*-------------------------------------------------------------------------
 *
 * score.c
 *	  How much speaks for it that two persons are one: Fellegi-Sunter weights
 *	  in bits, log2 of how much more often an agreement (or a difference) is
 *	  seen between two rows about one child than between two children.
 *
 *	  The weights stand in contactpoint.weight, where they can be read; the
 *	  highest version counts.  The score adds them to the prior odds, one to
 *	  the number of records (of which a small registry pretends to have more).
 *	  A rare name weighs more than a frequent one.  Postcode and address are
 *	  nearly one fact, so the weaker of the two counts a quarter.
 *
 *	  Two children of one family agree in family name and place, twins in the
 *	  birth date too.  A given name that clearly differs therefore caps the
 *	  score, whatever else agrees, unless an identifier is the same.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/inval.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "match.h"

#define REFERENCE_BITS 9.0		/* the weights of equal names are those of a
								 * name borne by one in 2^9 */
#define PRIOR_RECORDS 1000.0	/* records that vouch for that */
#define RARITY_MOST 4.0
#define MAX_ADDRESS_WORDS 32
#define SHORT_FORM_MOST 5		/* letters of a short form */

/* Columns of weight. */
enum
{
	WEIGHT_VERSION = 1,
	WEIGHT_FIELD,
	WEIGHT_LEVEL,
	WEIGHT_BITS,
	WEIGHT_COLUMNS = WEIGHT_BITS
};

typedef enum Weight
{
	GIVEN_EQUAL,				/* as CpWordLevel */
	GIVEN_EDIT,
	GIVEN_CLOSE,
	GIVEN_WEAK,
	GIVEN_INITIAL,
	GIVEN_DIFFER,
	FAMILY_EQUAL,
	FAMILY_EDIT,
	FAMILY_CLOSE,
	FAMILY_WEAK,
	FAMILY_INITIAL,
	FAMILY_DIFFER,
	NAME_SWAPPED,
	NAME_SHIFTED,
	NAME_MORE,
	NAME_MORE_DIFFER,
	BIRTH_EQUAL,				/* as CpBirthLevel */
	BIRTH_SWAPPED,
	BIRTH_DIGIT,
	BIRTH_PARTS,
	BIRTH_DEFAULT,
	BIRTH_DIGITS,
	BIRTH_YEAR,
	BIRTH_DIFFER,
	BIRTH_EQUAL_DEFAULT,
	SEX_EQUAL,
	SEX_DIFFER,
	POSTCODE_EQUAL,
	POSTCODE_NEAR,
	POSTCODE_AREA,
	POSTCODE_DIFFER,
	ADDRESS_EQUAL,
	ADDRESS_NEAR,
	ADDRESS_PART,
	ADDRESS_DIFFER,
	IDENTIFIER_EQUAL,
	IDENTIFIER_DIFFER,
	PRIOR_LEAST,
	CAP_OTHER_CHILD,
	NWEIGHTS
} Weight;

static const char *const weight_names[NWEIGHTS][2] = {
	{"given", "equal"}, {"given", "edit"}, {"given", "close"},
	{"given", "weak"}, {"given", "initial"}, {"given", "differ"},
	{"family", "equal"}, {"family", "edit"}, {"family", "close"},
	{"family", "weak"}, {"family", "initial"}, {"family", "differ"},
	{"name", "swapped"}, {"name", "shifted"}, {"name", "more"}, {"name", "more differ"},
	{"birth", "equal"}, {"birth", "swapped"}, {"birth", "digit"},
	{"birth", "parts"}, {"birth", "default"}, {"birth", "digits"},
	{"birth", "year"}, {"birth", "differ"}, {"birth", "equal default"},
	{"sex", "equal"}, {"sex", "differ"},
	{"postcode", "equal"}, {"postcode", "near"}, {"postcode", "area"}, {"postcode", "differ"},
	{"address", "equal"}, {"address", "near"}, {"address", "part"}, {"address", "differ"},
	{"identifier", "equal"}, {"identifier", "differ"},
	{"prior", "least"}, {"cap", "other child"},
};

static double weights[NWEIGHTS];
static bool weights_loaded = false;
static Oid	weight_relid = InvalidOid;

/* What two names say about given or family name. */
typedef struct Part
{
	bool		known;			/* on both sides */
	CpWordLevel level;
	bool		first_letter;	/* the same in the words that agree best */
	double		bits;
} Part;

static void
relation_changed(Datum arg, Oid relid)
{
	if (relid == InvalidOid || relid == weight_relid)
		weights_loaded = false;
}

static void
load_weights(void)
{
	static bool callback_registered = false;
	Relation	rel;
	SysScanDesc scan;
	HeapTuple	tuple;
	Snapshot	snapshot;
	int32		versions[NWEIGHTS] = {0};

	if (!callback_registered)
	{
		CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
		callback_registered = true;
	}
	snapshot = cp_latest_snapshot();
	rel = table_open(cp_relation_oid("weight"), AccessShareLock);
	weight_relid = RelationGetRelid(rel);
	scan = systable_beginscan(rel, InvalidOid, false, snapshot, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Datum		values[WEIGHT_COLUMNS];
		bool		nulls[WEIGHT_COLUMNS];
		char	   *field;
		char	   *level;

		heap_deform_tuple(tuple, RelationGetDescr(rel), values, nulls);
		field = TextDatumGetCString(values[WEIGHT_FIELD - 1]);
		level = TextDatumGetCString(values[WEIGHT_LEVEL - 1]);
		for (int i = 0; i < NWEIGHTS; i++)
		{
			int32		version = DatumGetInt32(values[WEIGHT_VERSION - 1]);

			if (version > versions[i] && strcmp(field, weight_names[i][0]) == 0 &&
				strcmp(level, weight_names[i][1]) == 0)
			{
				versions[i] = version;
				weights[i] = DatumGetFloat8(values[WEIGHT_BITS - 1]);
			}
		}
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	UnregisterSnapshot(snapshot);
	for (int i = 0; i < NWEIGHTS; i++)
		if (versions[i] == 0)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("the weight for %s, %s is missing", weight_names[i][0], weight_names[i][1]),
					 errhint("Reload the table contactpoint.weight from the extension script.")));
	weights_loaded = true;
}

/* ---------- names ---------- */

static int64
count_records(void)
{
	const CpWord *all = cp_dictionary_word(CP_NO_WORD);

	return all != NULL ? all->given_count : 0;
}

/* How much more (or less) than the reference an agreement on this word says. */
static double
rarity(int32 id, bool given)
{
	const CpWord *word = cp_dictionary_word(id);
	double		records = (double) count_records();
	double		count = 0;
	double		frequency;
	double		bits;

	if (word != NULL)
		count = (double) (given ? word->given_count : word->family_count);
	frequency = (count + PRIOR_RECORDS * exp2(-REFERENCE_BITS)) / (records + PRIOR_RECORDS);
	bits = -log2(frequency) - REFERENCE_BITS;
	return Max(Min(bits, RARITY_MOST), -RARITY_MOST);
}

static bool
same_first_letter(int32 a, int32 b)
{
	const CpWord *left = cp_dictionary_word(a);
	const CpWord *right = cp_dictionary_word(b);

	return left != NULL && right != NULL && left->word[0] == right->word[0];
}

static int
join_words(const int32 *ids, int n, char *to, int size)
{
	int			length = 0;

	for (int i = 0; i < n; i++)
	{
		const CpWord *word = cp_dictionary_word(ids[i]);

		if (word != NULL && length + word->length < size)
		{
			memcpy(to + length, word->word, word->length);
			length += word->length;
		}
	}
	to[length] = '\0';
	return length;
}

/*
 * Compares the words of two given (or family) names.  The first given names
 * decide; one may be a later one on the other side (somebody called by the
 * second name), but two later ones never stand for the first: brothers and
 * sisters share second names.  In family names any part of a double one counts.
 */
static Part
compare_part(const int32 *a, int na, const int32 *b, int nb, bool given)
{
	const double *level_bits = &weights[given ? GIVEN_EQUAL : FAMILY_EQUAL];
	Part		part = {0};
	int			best_i = 0;
	int			best_j = 0;

	part.level = CP_WORD_DIFFER;
	if (na == 0 || nb == 0)
		return part;
	part.known = true;
	part.bits = -1000;
	for (int i = 0; i < na; i++)
		for (int j = 0; j < nb; j++)
		{
			CpWordLevel level;
			double		bits;
			bool		short_form;

			if (given && i > 0 && j > 0)
				continue;
			level = cp_dictionary_compare(a[i], b[j]);
			short_form = given && level > CP_WORD_CLOSE && cp_dictionary_short_form(a[i], b[j]);
			if (short_form)
				level = CP_WORD_CLOSE;
			bits = level_bits[level];
			if (level == CP_WORD_EQUAL)
				bits += rarity(b[j], given);
			if (i > 0 || j > 0)
			{
				if (level >= CP_WORD_WEAK)
					continue;
				bits += weights[NAME_SHIFTED] * (given ? 1.0 : 0.5);
				if (given && level == CP_WORD_EQUAL)
					level = CP_WORD_CLOSE;
			}
			if (bits > part.bits)
			{
				part.bits = bits;
				part.level = level;
				/* katie is no slip of the pen for karen */
				part.first_letter = !short_form && same_first_letter(a[i], b[j]);
				best_i = i;
				best_j = j;
			}
		}

	if (na > 1 && nb > 1)
	{
		int			more = 0;

		for (int i = 0; i < na; i++)
			for (int j = 0; j < nb; j++)
				if (i != best_i && j != best_j &&
					cp_dictionary_compare(a[i], b[j]) <= CP_WORD_CLOSE)
				{
					more++;
					break;
				}
		part.bits += more > 0 ? weights[NAME_MORE] * Min(more, 2) : weights[NAME_MORE_DIFFER];
	}
	/* anne marie and annemarie */
	if (na + nb > 2)
	{
		char		left[CP_MAX_WORDS * 64 + 1];
		char		right[CP_MAX_WORDS * 64 + 1];
		int			left_length = join_words(a, na, left, sizeof(left));
		int			right_length = join_words(b, nb, right, sizeof(right));
		CpWordLevel level = cp_word_compare(left, left_length, right, right_length);

		if (level <= CP_WORD_EDIT && level_bits[level] > part.bits)
		{
			part.bits = level_bits[level];
			part.level = level;
			part.first_letter = left[0] == right[0];
		}
	}
	return part;
}

/* Letters that short forms exchange count as one. */
static char
first_sound(char letter)
{
	switch (letter)
	{
		case 'c':
		case 'q':
			return 'k';
		case 'g':
			return 'j';
		case 'y':
			return 'i';
		case 'z':
			return 's';
		default:
			return letter;
	}
}

/* May one word be a short form of the other, if perhaps an unusual one? */
static bool
may_be_short_form(int32 a, int32 b)
{
	const CpWord *left = cp_dictionary_word(a);
	const CpWord *right = cp_dictionary_word(b);

	if (left == NULL || right == NULL)
		return true;
	if (cp_dictionary_compare(a, b) != CP_WORD_DIFFER || cp_dictionary_short_form(a, b))
		return true;
	return Min(left->length, right->length) <= SHORT_FORM_MOST &&
		first_sound(left->word[0]) == first_sound(right->word[0]) &&
		first_sound(left->word[1]) == first_sound(right->word[1]);
}

/*
 * Is it plain that no given name of the one is a form of a given name of the
 * other?  Not where one of them has none.
 */
bool
cp_given_clearly_differs(const CpPerson *a, const CpPerson *b)
{
	bool		compared = false;

	for (int i = 0; i < a->nnames; i++)
		for (int j = 0; j < b->nnames; j++)
			for (int g = 0; g < a->names[i].ngiven; g++)
				for (int h = 0; h < b->names[j].ngiven; h++)
				{
					compared = true;
					if ((g == 0 || h == 0) &&
						may_be_short_form(a->names[i].given[g], b->names[j].given[h]))
						return false;
				}
	return compared;
}

/* ---------- birth dates ---------- */

static void
date_digits(int year, int month, int day, char *digits)
{
	digits[0] = year / 1000 % 10;
	digits[1] = year / 100 % 10;
	digits[2] = year / 10 % 10;
	digits[3] = year % 10;
	digits[4] = month / 10;
	digits[5] = month % 10;
	digits[6] = day / 10;
	digits[7] = day % 10;
}

CpBirthLevel
cp_birth_compare(DateADT a, DateADT b)
{
	int			ayear;
	int			amonth;
	int			aday;
	int			byear;
	int			bmonth;
	int			bday;
	char		adigits[8];
	char		bdigits[8];
	int			wrong = 0;
	int			first = -1;
	int			last = -1;

	if (a == b)
		return CP_BIRTH_EQUAL;
	j2date(a + POSTGRES_EPOCH_JDATE, &ayear, &amonth, &aday);
	j2date(b + POSTGRES_EPOCH_JDATE, &byear, &bmonth, &bday);
	if (ayear == byear && amonth == bday && aday == bmonth)
		return CP_BIRTH_SWAPPED;
	date_digits(ayear, amonth, aday, adigits);
	date_digits(byear, bmonth, bday, bdigits);
	for (int i = 0; i < 8; i++)
		if (adigits[i] != bdigits[i])
		{
			wrong++;
			if (first < 0)
				first = i;
			last = i;
		}
	if (wrong == 1 || (wrong == 2 && last == first + 1 &&
					   adigits[first] == bdigits[last] && adigits[last] == bdigits[first]))
		return CP_BIRTH_DIGIT;
	if ((ayear == byear) + (amonth == bmonth) + (aday == bday) == 2)
		return CP_BIRTH_PARTS;
	if (ayear == byear && ((amonth == 1 && aday == 1) || (bmonth == 1 && bday == 1)))
		return CP_BIRTH_DEFAULT;
	if (wrong == 2)
		return CP_BIRTH_DIGITS;
	return ayear == byear ? CP_BIRTH_YEAR : CP_BIRTH_DIFFER;
}

static bool
is_default_date(DateADT date)
{
	int			year;
	int			month;
	int			day;

	j2date(date + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	return month == 1 && day == 1;
}

/* ---------- places ---------- */

static double
compare_postcodes(const List *a, const List *b, bool *equal)
{
	double		best = weights[POSTCODE_DIFFER];
	ListCell   *left;
	ListCell   *right;

	if (a == NIL || b == NIL)
		return 0;
	foreach(left, a)
	{
		const char *x = lfirst(left);
		int			xlen = strlen(x);

		foreach(right, b)
		{
			const char *y = lfirst(right);
			int			ylen = strlen(y);
			CpWordLevel level = cp_word_compare(x, xlen, y, ylen);

			if (level == CP_WORD_EQUAL)
			{
				*equal = true;
				return weights[POSTCODE_EQUAL];
			}
			if (level == CP_WORD_EDIT)
				best = Max(best, weights[POSTCODE_NEAR]);
			else if (xlen > 4 && xlen == ylen && strncmp(x, y, xlen - 3) == 0)
				best = Max(best, weights[POSTCODE_AREA]);
		}
	}
	return best;
}

static int
split_address(char *text, char **words, int *lengths)
{
	int			n = 0;
	char	   *next = text;

	while (n < MAX_ADDRESS_WORDS && *next != '\0')
	{
		char	   *space = strchr(next, ' ');

		words[n] = next;
		if (space == NULL)
		{
			lengths[n++] = strlen(next);
			break;
		}
		*space = '\0';
		lengths[n++] = space - next;
		next = space + 1;
	}
	return n;
}

/*
 * Share of the pairs of neighbouring letters that agree, blanks left out: for
 * words that were run together or torn apart.
 */
static double
letter_similarity(const char *a, const char *b)
{
	uint8		counts[1024] = {0};
	int			na = 0;
	int			nb = 0;
	int			agree = 0;
	unsigned char last = 0;

	for (; *a != '\0'; a++)
	{
		if (*a == ' ')
			continue;
		if (last != 0 && na < 255)
		{
			counts[(last * 33 + (unsigned char) *a) % lengthof(counts)]++;
			na++;
		}
		last = *a;
	}
	last = 0;
	for (; *b != '\0'; b++)
	{
		if (*b == ' ')
			continue;
		if (last != 0 && nb < 255)
		{
			uint8	   *count = &counts[(last * 33 + (unsigned char) *b) % lengthof(counts)];

			if (*count > 0)
			{
				(*count)--;
				agree++;
			}
			nb++;
		}
		last = *b;
	}
	return na + nb > 0 ? 2.0 * agree / (na + nb) : 0;
}

/* Share of the words of two addresses that agree, 0 to 1. */
static double
word_similarity(const char *a, const char *b)
{
	char	   *awords[MAX_ADDRESS_WORDS];
	char	   *bwords[MAX_ADDRESS_WORDS];
	int			alens[MAX_ADDRESS_WORDS];
	int			blens[MAX_ADDRESS_WORDS];
	bool		used[MAX_ADDRESS_WORDS] = {false};
	int			na = split_address(pstrdup(a), awords, alens);
	int			nb = split_address(pstrdup(b), bwords, blens);
	int			agree = 0;

	for (int i = 0; i < na; i++)
		for (int j = 0; j < nb; j++)
			if (!used[j] && alens[i] == blens[j] &&
				memcmp(awords[i], bwords[j], alens[i]) == 0)
			{
				used[j] = true;
				agree++;
				break;
			}
	return na + nb > 0 ? 2.0 * agree / (na + nb) : 0;
}

static bool
other_number(const char *a, const char *b)
{
	return isdigit((unsigned char) a[0]) && isdigit((unsigned char) b[0]) && atoi(a) != atoi(b);
}

static double
compare_addresses(const List *a, const List *b, bool *equal)
{
	double		best = weights[ADDRESS_DIFFER];
	ListCell   *left;
	ListCell   *right;

	if (a == NIL || b == NIL)
		return 0;
	foreach(left, a)
	{
		foreach(right, b)
		{
			const char *x = lfirst(left);
			const char *y = lfirst(right);
			double		words;
			double		letters;

			if (strcmp(x, y) == 0)
			{
				*equal = true;
				return weights[ADDRESS_EQUAL];
			}
			words = word_similarity(x, y);
			letters = letter_similarity(x, y);
			/* next door is not the same house */
			if ((words >= 0.7 || letters >= 0.8) && !other_number(x, y))
			{
				*equal = true;
				best = Max(best, weights[ADDRESS_NEAR]);
			}
			else if (words >= 0.45 || letters >= 0.6)
				best = Max(best, weights[ADDRESS_PART]);
		}
	}
	return best;
}

/* Postcode and address: the stronger one, and a quarter of the other. */
static double
compare_places(const CpPerson *row, const CpPerson *record, bool *agrees)
{
	double		postcode = compare_postcodes(row->postcodes, record->postcodes, agrees);
	double		address = compare_addresses(row->addresses, record->addresses, agrees);

	return Max(postcode, address) + Min(postcode, address) / 4;
}

static double
compare_identifiers(const CpPerson *row, const CpPerson *record, CpCandidate *result)
{
	ListCell   *left;
	ListCell   *right;

	foreach(left, row->identifiers)
	{
		const char *a = lfirst(left);
		int			kind = strchr(a, ':') - a + 1;
		bool		same_kind = false;
		bool		same = false;

		foreach(right, record->identifiers)
		{
			const char *b = lfirst(right);

			if (strncmp(a, b, kind) == 0)
			{
				same_kind = true;
				same |= strcmp(a, b) == 0;
			}
		}
		if (same)
			result->identifier_equal = true;
		else if (same_kind)
			result->identifier_differs = true;
	}
	return (result->identifier_equal ? weights[IDENTIFIER_EQUAL] : 0) +
		(result->identifier_differs ? weights[IDENTIFIER_DIFFER] : 0);
}

/* ---------- all of it ---------- */

/*
 * Compares two persons over all their names; fills everything of a candidate.
 */
void
cp_score(const CpPerson *row, const CpPerson *record, CpCandidate *result)
{
	double		names = 0;
	double		family_bits = 0;
	double		score;
	double		place;
	bool		first = true;

	if (!weights_loaded)
		load_weights();
	memset(result, 0, sizeof(CpCandidate));
	result->child_id = record->child_id;
	result->nearness = record->nearness;

	for (int i = 0; i < row->nnames; i++)
		for (int j = 0; j < record->nnames; j++)
		{
			const CpName *a = &row->names[i];
			const CpName *b = &record->names[j];
			Part		given = compare_part(a->given, a->ngiven, b->given, b->ngiven, true);
			Part		family = compare_part(a->family, a->nfamily, b->family, b->nfamily, false);
			double		bits = given.bits + family.bits;

			/* given and family name in each other's place */
			if (given.level > CP_WORD_CLOSE || family.level > CP_WORD_CLOSE)
			{
				Part		cross_given = compare_part(a->given, a->ngiven, b->family, b->nfamily, false);
				Part		cross_family = compare_part(a->family, a->nfamily, b->given, b->ngiven, true);

				if ((cross_given.level <= CP_WORD_CLOSE || cross_family.level <= CP_WORD_CLOSE) &&
					cross_given.bits + cross_family.bits + weights[NAME_SWAPPED] > bits)
				{
					bits = cross_given.bits + cross_family.bits + weights[NAME_SWAPPED];
					given = cross_given;
					family = cross_family;
				}
			}
			if (first || bits > names)
			{
				first = false;
				names = bits;
				family_bits = family.bits;
				result->given_agrees = given.known && given.level <= CP_WORD_CLOSE;
				result->given_equal = given.known && given.level == CP_WORD_EQUAL;
				result->given_slip = result->given_agrees && given.first_letter;
				result->given_differs = given.known && given.level == CP_WORD_DIFFER;
				result->family_agrees = family.known && family.level <= CP_WORD_CLOSE;
			}
		}
	score = names;

	if (row->has_birth && record->has_birth)
	{
		CpBirthLevel level = cp_birth_compare(row->date_of_birth, record->date_of_birth);

		result->birth_equal = level == CP_BIRTH_EQUAL;
		result->birth_swapped = level == CP_BIRTH_SWAPPED;
		result->birth_near = CpBirthIsNear(level);
		if (level == CP_BIRTH_EQUAL && is_default_date(row->date_of_birth))
			score += weights[BIRTH_EQUAL_DEFAULT];
		else
			score += weights[BIRTH_EQUAL + level];
	}
	if (row->sex != 'U' && record->sex != 'U')
	{
		result->sex_differs = row->sex != record->sex;
		score += weights[result->sex_differs ? SEX_DIFFER : SEX_EQUAL];
	}
	score += compare_identifiers(row, record, result);
	place = compare_places(row, record, &result->place_agrees);
	score += place;
	score -= Max(weights[PRIOR_LEAST], log2((double) count_records() + 1));

	result->guard_score = score - Min(family_bits, 0) - Min(place, 0);
	if (!result->identifier_equal &&
		(result->given_differs || (result->sex_differs && !result->given_equal)))
		score = Min(score, weights[CAP_OTHER_CHILD]);
	result->score = score;
}
