/*-------------------------------------------------------------------------
 *
 * word.c
 *	  How alike two words of names are: by their letters, by their sound, as
 *	  a full and a short form.
 *
 *	  Pure (model.h).  Words are in normal form (normalize.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "mb/pg_wchar.h"

#include "model.h"

#define MAX_COMPARED 48			/* bytes of a word that are compared */
#define LEAST_SOUND 3			/* bytes of a word whose sound counts */

/*
 * Phonetic code: Soundex as the National Archives (USA) describe it, with the
 * first letter taken by its sound as well.  Words in letters we cannot sound
 * out get a code of their first two characters.
 */
void
cp_word_code(const char *word, char *code)
{
	/* a b c d e f g h i j k l m n o p q r s t u v w x y z */
	static const char classes[] = "01230120022455012623010202";
	char		first;
	char		last;
	int			n = 0;

	if (IS_HIGHBIT_SET(word[0]))
	{
		int			length = pg_utf_mblen((const unsigned char *) word);

		if (word[length] != '\0')
			length += pg_utf_mblen((const unsigned char *) word + length);
		snprintf(code, CP_CODE_LEN + 1, "%04x",
				 hash_bytes((const unsigned char *) word, length) & 0xFFFF);
		return;
	}
	if (word[0] == '\0')
	{
		code[0] = '\0';
		return;
	}
	first = word[0];
	last = (first >= 'a' && first <= 'z') ? classes[first - 'a'] : '0';
	switch (first)
	{
		case 'a':
		case 'e':
		case 'i':
		case 'o':
		case 'u':
			first = 'a';
			break;
		case 'c':
			first = (word[1] == 'e' || word[1] == 'i' || word[1] == 'y') ? 's' : 'k';
			break;
		case 'q':
			first = 'k';
			break;
		case 'x':
		case 'z':
			first = 's';
			break;
		case 'p':
			if (word[1] == 'h')
				first = 'f';
			break;
		case 'g':
			if (word[1] == 'e' || word[1] == 'i')
				first = 'j';
			break;
		case 'k':
			if (word[1] == 'n')
				first = 'n';
			break;
		case 'w':
			if (word[1] == 'r')
				first = 'r';
			break;
		default:
			break;
	}
	if (first == 'f' || first == 'j' || first == 'k' || first == 's')
		last = classes[first - 'a'];
	code[n++] = first - 'a' + 'A';
	for (const char *c = word + 1; *c != '\0' && n < CP_CODE_LEN; c++)
	{
		char		class = (*c >= 'a' && *c <= 'z') ? classes[*c - 'a'] : '0';

		/* h and w do not part two letters of one class, vowels do */
		if (*c == 'h' || *c == 'w')
			continue;
		if (class != '0' && class != last)
			code[n++] = class;
		last = class;
	}
	while (n < CP_CODE_LEN)
		code[n++] = '0';
	code[n] = '\0';
}

uint64
cp_word_hash(const char *word)
{
	return hash_bytes_extended((const unsigned char *) word, strlen(word), 0);
}

/* Is one a usual other form of the other, as katie of catherine? */
bool
cp_word_short_form(const CpWord *a, const CpWord *b)
{
	if (a == NULL || b == NULL || a->nvariants == 0 || b->nvariants == 0)
		return false;
	/* each has the other among its variants: the shorter list will do */
	if (a->nvariants > b->nvariants)
	{
		const CpWord *swap = a;

		a = b;
		b = swap;
	}
	for (int i = 0; i < a->nvariants; i++)
		if (a->variants[i] == b->hash)
			return true;
	return false;
}

/*
 * Edits between two words: letters wrong, missing, too many, or neighbours
 * swapped (optimal string alignment).  Counts bytes, and only the first 48.
 */
static int
edits(const char *a, int alen, const char *b, int blen)
{
	uint8		rows[3][MAX_COMPARED + 1];
	uint8	   *before = rows[0];
	uint8	   *last = rows[1];
	uint8	   *now = rows[2];

	alen = Min(alen, MAX_COMPARED);
	blen = Min(blen, MAX_COMPARED);
	/* equal ends cost nothing */
	while (alen > 0 && blen > 0 && *a == *b)
	{
		a++;
		b++;
		alen--;
		blen--;
	}
	while (alen > 0 && blen > 0 && a[alen - 1] == b[blen - 1])
	{
		alen--;
		blen--;
	}
	for (int j = 0; j <= blen; j++)
		last[j] = j;
	for (int i = 1; i <= alen; i++)
	{
		uint8	   *spare = before;

		now[0] = i;
		for (int j = 1; j <= blen; j++)
		{
			int			cost = last[j - 1] + (a[i - 1] != b[j - 1] ? 1 : 0);

			cost = Min(cost, last[j] + 1);
			cost = Min(cost, now[j - 1] + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				cost = Min(cost, before[j - 2] + 1);
			now[j] = cost;
		}
		before = last;
		last = now;
		now = spare;
	}
	return last[blen];
}

/*
 * Is there one letter that always became the same other one?  Machines that
 * read handwriting do so: robertson, aobeatson.
 */
static bool
one_letter_misread(const char *a, const char *b, int length)
{
	int			first = -1;
	int			misread = 0;

	for (int i = 0; i < length; i++)
	{
		if (a[i] == b[i])
			continue;
		if (first < 0)
			first = i;
		else if (a[i] != a[first] || b[i] != b[first])
			return false;
		misread++;
	}
	return misread <= 2;
}

/* Letters that one word has and the other lacks, whatever their order. */
static int
letters_off(const char *a, int alen, const char *b, int blen)
{
	int8		counts[32] = {0};
	int			more = 0;
	int			less = 0;

	for (int i = 0; i < Min(alen, 100); i++)
		counts[a[i] & 31]++;
	for (int i = 0; i < Min(blen, 100); i++)
		counts[b[i] & 31]--;
	for (int i = 0; i < lengthof(counts); i++)
	{
		more += Max(counts[i], 0);
		less += Max(-counts[i], 0);
	}
	return Max(more, less);
}

/* How alike two words are by their letters; CP_WORD_DIFFER where their sound must tell. */
static CpWordLevel
compare_letters(const char *a, int alen, const char *b, int blen)
{
	int			shorter = Min(alen, blen);
	int			longer = Max(alen, blen);
	int			distance;
	int			common = 0;

	if (alen == blen && memcmp(a, b, alen) == 0)
		return CP_WORD_EQUAL;
	if (shorter == 0)
		return CP_WORD_DIFFER;
	if (shorter == 1)
		return a[0] == b[0] ? CP_WORD_INITIAL : CP_WORD_DIFFER;
	while (common < shorter && a[common] == b[common])
		common++;
	distance = longer - shorter <= 3 ? edits(a, alen, b, blen) : 4;
	if (distance == 1 && shorter >= 4)
		return CP_WORD_EDIT;
	if (distance == 1 && shorter == 3)
		return CP_WORD_CLOSE;
	if (distance == 2 && shorter >= 6)
		return CP_WORD_CLOSE;
	if (alen == blen && shorter >= 5 && one_letter_misread(a, b, alen))
		return CP_WORD_EDIT;
	if (longer - shorter <= 1 && shorter >= 5 && letters_off(a, alen, b, blen) <= (shorter >= 7 ? 1 : 0))
		return CP_WORD_CLOSE;
	/* alex and alexander */
	if (common == shorter && shorter >= 4)
		return CP_WORD_CLOSE;
	if (distance == 2 && shorter >= 4)
		return CP_WORD_WEAK;
	if (distance == 3 && shorter >= 8)
		return CP_WORD_WEAK;
	if (common >= 3 && shorter <= 4)
		return CP_WORD_WEAK;
	return CP_WORD_DIFFER;
}

CpWordLevel
cp_word_compare_sounds(const char *a, int alen, const char *acode, const char *b, int blen, const char *bcode)
{
	CpWordLevel level = compare_letters(a, alen, b, blen);

	return level == CP_WORD_DIFFER && Min(alen, blen) >= LEAST_SOUND && strcmp(acode, bcode) == 0 ? CP_WORD_WEAK : level;
}

CpWordLevel
cp_word_compare(const char *a, int alen, const char *b, int blen)
{
	CpWordLevel level = compare_letters(a, alen, b, blen);
	char		acode[CP_CODE_LEN + 1];
	char		bcode[CP_CODE_LEN + 1];

	if (level != CP_WORD_DIFFER || Min(alen, blen) < LEAST_SOUND)
		return level;
	cp_word_code(a, acode);
	cp_word_code(b, bcode);
	return strcmp(acode, bcode) == 0 ? CP_WORD_WEAK : CP_WORD_DIFFER;
}

/*
 * cp_word_compare() <= CP_WORD_EDIT, sooner: between equal ends there are two
 * letters at most where one was written wrong, left out or has changed places.
 * One letter that was misread twice counts in words of five.
 */
bool
cp_word_nearly_equal(const char *a, int alen, const char *b, int blen)
{
	int			shorter = Min(alen, blen);
	int			head = 0;
	int			tail = 0;

	if (alen == blen && memcmp(a, b, alen) == 0)
		return true;
	if (Max(alen, blen) <= MAX_COMPARED)
	{
		if (shorter < 4 || abs(alen - blen) > 1)
			return false;
		while (head < shorter && a[head] == b[head])
			head++;
		while (tail < shorter - head && a[alen - 1 - tail] == b[blen - 1 - tail])
			tail++;
		if (Max(alen, blen) - head - tail > 2 && !(alen == 5 && blen == 5))
			return false;
	}
	return compare_letters(a, alen, b, blen) <= CP_WORD_EDIT;
}

/* May one of the words be a slip of the pen for the other? */
bool
cp_word_slip(const char *a, int alen, const char *b, int blen)
{
	if (Max(alen, blen) - Min(alen, blen) > 3)
		return false;
	return edits(a, alen, b, blen) <= (Min(alen, blen) >= 7 ? 3 : 2);
}

bool
cp_word_one_slip(const char *a, int alen, const char *b, int blen)
{
	return abs(alen - blen) <= 1 && Max(alen, blen) <= MAX_COMPARED && edits(a, alen, b, blen) == 1;
}

/*
 * Calls back for every word that is one slip away from one of Latin letters,
 * each once: of a run of equal letters any one may be missing or too many.
 */
void
cp_word_slips(const char *word, void (*made) (const char *slip, int length, void *arg), void *arg)
{
	char		slip[MAX_COMPARED + 2];
	int			length = strlen(word);

	if (length >= MAX_COMPARED || strspn(word, "abcdefghijklmnopqrstuvwxyz") != length)
		return;
	for (int i = 0; i <= length; i++)
	{
		/* a letter too many */
		memcpy(slip, word, i);
		strcpy(slip + i + 1, word + i);
		for (char c = 'a'; c <= 'z'; c++)
		{
			slip[i] = c;
			if (c != word[i])
				made(slip, length + 1, arg);
		}
		if (i == length)
			break;
		/* a letter missing */
		memcpy(slip, word, i);
		strcpy(slip + i, word + i + 1);
		if (word[i] != word[i + 1])
			made(slip, length - 1, arg);
		/* another letter */
		strcpy(slip, word);
		for (char c = 'a'; c <= 'z'; c++)
		{
			slip[i] = c;
			if (c != word[i])
				made(slip, length, arg);
		}
		/* two that have changed places */
		slip[i] = word[i + 1];
		slip[i + 1] = word[i];
		if (i + 1 < length && word[i] != word[i + 1])
			made(slip, length, arg);
	}
}

bool
cp_word_is_foreign(const CpWord *word)
{
	for (const char *c = word->word; *c != '\0'; c++)
		if ((unsigned char) *c < 0x80)
			return false;
	return *word->word != '\0';
}
