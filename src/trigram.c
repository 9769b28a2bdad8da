/*-------------------------------------------------------------------------
 *
 * trigram.c
 *	  Words of the dictionary that have trigrams in common with another one,
 *	  or are one slip of the pen away from it, from the memory of this process.
 *
 *	  What pg_trgm would find, for processes that ask often: the inverted index
 *	  of an ordinary dictionary takes some megabytes.  Only words of Latin
 *	  letters and digits are here.
 *
 *	  pg_trgm has no functions in C that another library might call, only SQL
 *	  ones.  Among 8,400 words a question takes 11 microseconds here, 500 by
 *	  way of its index (_similar_words(), PostgreSQL 15) and 10,000 where its
 *	  similarity() is called for each word; a matcher asks for every new word,
 *	  and for every unknown one of a row that is about to be new.  Words one slip
 *	  away may have hardly a trigram in common (glass, glsas; roy, rxy): all that
 *	  there might be, 360 of a usual word, are looked up besides, which takes 33
 *	  microseconds among 31,000 words.
 *
 *	  Invariant: words have numbers in the order in which they were added, so
 *	  what is missing is behind the greatest number that is here.
 *
 *	  Trigrams and their similarity are those of pg_trgm: two blanks before a
 *	  word and one behind, each trigram once.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

#include "match.h"

#define LETTERS 37				/* blank, digits, a to z */
#define TRIGRAMS (LETTERS * LETTERS * LETTERS)
#define MAX_LENGTH 64			/* bytes of a word (dictionary.c) */
#define CHUNK_BYTES 65536		/* words are allocated in chunks of this size */

/* Words that have a trigram, by their place. */
typedef struct Posting
{
	int32	   *places;
	int			n;
	int			size;
} Posting;

typedef struct Word
{
	int32		id;
	uint8		length;
	uint8		ntrigrams;
	const char *word;
} Word;

typedef struct PlaceOfWord
{
	const char *word;
	int32		place;
	uint32		hash;
	char		status;
} PlaceOfWord;

#define SH_PREFIX place_table
#define SH_ELEMENT_TYPE PlaceOfWord
#define SH_KEY_TYPE const char *
#define SH_KEY word
#define SH_HASH_KEY(table, key) hash_bytes((const unsigned char *) (key), strlen(key))
#define SH_EQUAL(table, a, b) (strcmp((a), (b)) == 0)
#define SH_STORE_HASH
#define SH_GET_HASH(table, a) ((a)->hash)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

static MemoryContext context = NULL;
static Posting *postings;		/* by trigram */
static Word *words;
static uint8 *shared;			/* trigrams in common, 0 between searches */
static int32 *touched;			/* places where it is not 0 */
static place_table_hash * places;	/* of words */
static int	nwords = 0;
static int	size;
static int32 greatest = 0;
static char *chunk;
static Size room;

/* -1 where it is no letter of ours. */
static int
letter(char c)
{
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 11;
	return c >= '0' && c <= '9' ? c - '0' + 1 : -1;
}

/* Is a word of the kind that is kept here? */
bool
cp_trigram_fits(const char *word)
{
	int			length = 0;

	while (word[length] != '\0')
		if (letter(word[length++]) < 0)
			return false;
	return length <= MAX_LENGTH;
}

/* Each once; returns how many. */
static int
trigrams_of(const char *word, int length, uint16 *trigrams)
{
	int			window = 0;		/* two blanks */
	int			n = 0;

	for (int i = 0; i <= length; i++)
	{
		bool		known = false;

		window = (window * LETTERS + (i < length ? letter(word[i]) : 0)) % TRIGRAMS;
		for (int j = 0; j < n; j++)
			known |= trigrams[j] == window;
		if (!known)
			trigrams[n++] = (uint16) window;
	}
	return n;
}

static void
begin(void)
{
	context = AllocSetContextCreate(CacheMemoryContext, "contactpoint trigrams", ALLOCSET_DEFAULT_SIZES);
	postings = MemoryContextAllocZero(context, TRIGRAMS * sizeof(Posting));
	size = 1024;
	words = MemoryContextAlloc(context, size * sizeof(Word));
	shared = MemoryContextAllocZero(context, size);
	touched = MemoryContextAlloc(context, size * sizeof(int32));
	places = place_table_create(context, size, NULL);
	room = 0;
}

static void
grow(void)
{
	words = repalloc_huge(words, 2 * (Size) size * sizeof(Word));
	shared = repalloc_huge(shared, 2 * (Size) size);
	memset(shared + size, 0, size);
	touched = repalloc_huge(touched, 2 * (Size) size * sizeof(int32));
	size *= 2;
}

static void
add_posting(Posting *posting, int32 place)
{
	if (posting->places == NULL)
	{
		posting->size = 4;
		posting->places = MemoryContextAlloc(context, posting->size * sizeof(int32));
	}
	else if (posting->n >= posting->size)
	{
		posting->size *= 2;
		posting->places = repalloc_huge(posting->places, (Size) posting->size * sizeof(int32));
	}
	posting->places[posting->n++] = place;
}

static char *
keep(const char *word, int length)
{
	char	   *copy;

	if (room < length + 1)
	{
		chunk = MemoryContextAlloc(context, CHUNK_BYTES);
		room = CHUNK_BYTES;
	}
	copy = chunk;
	memcpy(copy, word, length + 1);
	chunk += length + 1;
	room -= length + 1;
	return copy;
}

/* Takes a word in whose number is greater than all before; or only its number. */
void
cp_trigram_add(int32 id, const char *word)
{
	uint16		trigrams[MAX_LENGTH + 1];
	bool		found;
	Word	   *entry;

	if (context == NULL)
		begin();
	greatest = Max(greatest, id);
	if (!cp_trigram_fits(word))
		return;
	if (nwords >= size)
		grow();
	entry = &words[nwords];
	entry->id = id;
	entry->length = (uint8) strlen(word);
	entry->word = keep(word, entry->length);
	entry->ntrigrams = (uint8) trigrams_of(word, entry->length, trigrams);
	for (int i = 0; i < entry->ntrigrams; i++)
		add_posting(&postings[trigrams[i]], nwords);
	place_table_insert(places, entry->word, &found)->place = nwords;
	nwords++;
}

/* The greatest number that was taken in, 0 if none. */
int32
cp_trigram_greatest(void)
{
	return greatest;
}

/* Forgets all words: some may have been taken back. */
void
cp_trigram_forget(void)
{
	if (context != NULL)
		MemoryContextDelete(context);
	context = NULL;
	nwords = 0;
	greatest = 0;
}

static float4
similarity_of(int n, int other, int common)
{
	return (float4) common / (float4) (n + other - common);
}

/* A search for words that are one slip away. */
typedef struct Slips
{
	const uint16 *trigrams;		/* of the word */
	int			n;
	float4		least;
	CpTrigramFound found;
	void	   *arg;
} Slips;

/* One that has fewer trigrams in common has not been found by them. */
static void
look_up_slip(const char *slip, int length, void *arg)
{
	const Slips *slips = arg;
	const PlaceOfWord *entry = place_table_lookup(places, slip);
	const Word *word;
	uint16		trigrams[MAX_LENGTH + 1];
	int			n;
	int			common = 0;
	float4		similarity;

	if (entry == NULL)
		return;
	word = &words[entry->place];
	n = trigrams_of(slip, length, trigrams);
	for (int i = 0; i < n; i++)
		for (int j = 0; j < slips->n; j++)
			common += trigrams[i] == slips->trigrams[j];
	similarity = similarity_of(slips->n, n, common);
	if (similarity < slips->least)
		slips->found(word->id, word->word, length, similarity, slips->arg);
}

/*
 * Calls back for every word whose similarity to one that fits is the least or
 * more, or that is one slip away, each once and in no order.  The callback must
 * not come here.
 */
void
cp_trigram_search(const char *word, float4 least, CpTrigramFound found, void *arg)
{
	uint16		trigrams[MAX_LENGTH + 1];
	int			n = trigrams_of(word, strlen(word), trigrams);
	Slips		slips = {trigrams, n, least, found, arg};
	int			ntouched = 0;

	if (context == NULL)
		return;
	for (int i = 0; i < n; i++)
	{
		const Posting *posting = &postings[trigrams[i]];

		for (int j = 0; j < posting->n; j++)
			if (shared[posting->places[j]]++ == 0)
				touched[ntouched++] = posting->places[j];
	}
	for (int i = 0; i < ntouched; i++)
	{
		const Word *other = &words[touched[i]];
		int			common = shared[touched[i]];
		float4		similarity = similarity_of(n, other->ntrigrams, common);

		shared[touched[i]] = 0;
		if (similarity >= least)
			found(other->id, other->word, other->length, similarity, arg);
	}
	cp_word_slips(word, look_up_slip, &slips);
}
