/*-------------------------------------------------------------------------
 *
 * keys.h
 *	  Keys of a record, probes of a row: what blocking is made of.  Pure, as
 *	  model.h has it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CP_KEYS_H
#define CP_KEYS_H

#include "model.h"

/* One entry of an index of keys, but for birth date and child. */
typedef struct CpKey
{
	int32		key;			/* hash of a fact */
	int32		given;			/* the words of the name it is made of, or the */
	int32		family;			/* first ones; CP_NO_WORD where there is none */
	int64		traits;			/* of its record */
} CpKey;

/* Which entries of a block are worth a look at their records. */
typedef enum CpBlock
{
	CP_BLOCK_NAME,				/* two of birth date, given and family name
								 * agree */
	CP_BLOCK_PLACE,				/* the birth date is close, or both names
								 * agree */
	CP_BLOCK_TOWN,				/* the same, in an address without a number */
	CP_BLOCK_HOUSE,				/* the birth date is close, or one name agrees */
	CP_BLOCK_JOINED,			/* the birth date is near, or not known */
	CP_BLOCK_NUMBER,			/* every one */
	CP_BLOCK_NAMESAKES,			/* both names agree, whatever the birth date */
	CP_BLOCK_GUARD,				/* as guard.c would hold the row without the
								 * place */
	CP_BLOCK_GUARD_GIVEN		/* the birth date is near */
} CpBlock;

/* The records of one key that were born between two dates. */
typedef struct CpProbe
{
	int32		key;
	DateADT		first;
	DateADT		last;
	CpBlock		block;
} CpProbe;

#define CP_STREET_LETTERS 4		/* bytes of a street that count */
#define CP_PAIR_WORDS 3			/* words of a name that go into pairs */
#define CP_OUTLINE_LENGTH 2		/* letters of a code */
#define CP_FIRST_DATE (DATEVAL_NOBEGIN + 1)
#define CP_LAST_DATE (DATEVAL_NOEND - 1)

/* Blocking keys of a record, each once, in ascending order. */
extern CpKey *cp_match_keys(const CpPerson *person, int *nkeys);

/*
 * The keys of its houses among them, or of its postcodes where it has no house:
 * who shares one may be of its household.
 */
extern CpKey *cp_home_keys(const CpPerson *person, int *nkeys);

/* ---------- traits.c: what an entry tells of its record beside two words ---------- */

#define CP_TRAITS_MOST 4.0		/* bits that sex, further names and a place
								 * nearby may add to names and birth date */

/* Sex, further names and place in one number, not negative. */
extern int64 cp_traits(const CpPerson *person);

/*
 * The most bits that they can add to the score of a row and a record.  place:
 * what postcode and address together may add, and the most of all; or 0 if they
 * do not count.
 */
extern double cp_traits_bits(int64 row, int64 record, double place);

/* Have both postcodes, and is none of one like any of the other in either part? */
extern bool cp_traits_elsewhere(int64 row, int64 record);

/* ---------- prefilter.c: which entries are worth a look at their records ---------- */

#define CP_FILTER_WORDS 32		/* words of a row that entries are compared
								 * with */
#define CP_FILTER_SEEN 8		/* words of entries that are remembered; a
								 * power of 2 */

/* A word of an entry, and how alike it was to those of the row. */
typedef struct CpFilterSeen
{
	int32		word;
	CpWordLevel level;
	double		bits;			/* that it can add */
} CpFilterSeen;

typedef struct CpPrefilter
{
	const CpPerson *row;
	int64		traits;
	double		least;			/* bits that all that is known must have */
	double		least_guarded;	/* the same of a guarded record */
	double		slip_bits;		/* that an identifier which is only near adds */
	double		place_bits;		/* that an equal postcode, with the address,
								 * adds */
	double		house_bits;		/* an equal address of a house, and the
								 * postcode near */
	double		town_bits;		/* the same of a town */
	bool		whole_address;	/* there is no other house with one of the
								 * row's addresses */
	bool		many_words;		/* more than can be compared */
	bool		joins;			/* some that may be run together */
	bool		foreign;		/* some in a script that is not read */
	bool		latin;			/* some that are not */
	int			nwords;
	int32		words[CP_FILTER_WORDS]; /* of the row, each once */
	bool		own[CP_FILTER_WORDS][2];	/* it is a family name, a given
											 * name */
	bool		later[CP_FILTER_WORDS]; /* it is a later given name and
										 * nothing else */
	double		rarity[CP_FILTER_WORDS][2]; /* as a family name, a given name */
	double		equal_bits[CP_FILTER_WORDS][2]; /* of a family name, a given
												 * name that is equal */
	double		other_bits[2];	/* the most of one that is not equal */
	double		differ_bits[2]; /* of one that is like none of the row's */
	double		birth_bits[CP_BIRTH_UNKNOWN];	/* of a whole date, by level */
	DateADT		last_birth;		/* compared last, and how it came out */
	CpBirthLevel last_level;
	CpFilterSeen seen[2][CP_FILTER_SEEN];	/* as family name, given name */
} CpPrefilter;

/*
 * The least scores of a candidate that is open, and of one that is guarded.  The
 * row must live as long as the filter.
 */
extern void cp_prefilter_init(CpPrefilter *filter, const CpPerson *row, double threshold, double guard_threshold);

/*
 * Is an entry of a block worth a look at its record?  The same whatever was
 * asked before.  birth: DATEVAL_NOBEGIN where it is not known.
 */
extern bool cp_prefilter_passes(CpPrefilter *filter, CpBlock block, DateADT birth, int32 given, int32 family,
								int64 traits);

/* What guard_key.c asks of an entry: its date, and its words. */
extern CpBirthLevel cp_prefilter_birth(CpPrefilter *filter, DateADT birth);
extern const CpFilterSeen *cp_prefilter_word(CpPrefilter *filter, int32 id, bool given);

/* Could a guarded record score enough, if what the entry does not tell agreed? */
extern bool cp_prefilter_reaches_guard(CpPrefilter *filter, DateADT birth, CpBirthLevel level,
									   int32 given, int32 family, int64 traits);

/*
 * Could a record of these two names of the row score enough, with a birth date so
 * far off?  Its place may be near, the same place is looked for by itself.
 */
extern bool cp_prefilter_reaches(const CpPrefilter *filter, int32 given, int32 family, CpBirthLevel level);

/* ---------- key_probe.c ---------- */

/*
 * What the row of a filter looks for; with deep, only what it looks for besides
 * where nothing good is found.
 */
extern CpProbe *cp_match_probes(const CpPrefilter *filter, bool deep, int *nprobes);

/* ---------- guard_key.c ---------- */

/*
 * The same for records that are shielded or have a hidden name, in a table of
 * their own.  deep: whatever the family name, for the guard on child, whose
 * answer must not depend on a hidden one.
 */
extern CpKey *cp_guard_keys(const CpPerson *person, int *nkeys);
extern CpProbe *cp_guard_probes(const CpPerson *row, bool deep, int *nprobes);

/*
 * Is an entry of a block of that table worth a look at its record?  Asked for
 * every one, the first as well.
 */
extern bool cp_guard_passes(CpPrefilter *filter, CpBlock block, DateADT birth, int32 given, int32 family,
							int64 traits);

/* ---------- for those that make keys ---------- */

/*
 * What is done to every key of a version, and to what is probed: keys of
 * different versions do not meet.
 */
extern int32 cp_key_stir(int32 key, int version);

extern int32 cp_key_hash(char kind, const char *first, const char *second, int number);

/* Two sounds without order: given and family name may have changed places. */
extern int32 cp_key_pair(char kind, const char *a, const char *b, int number);

/* Sound of a word. */
extern const char *cp_key_code(int32 word);

/* Or CP_NO_WORD. */
extern int32 cp_key_first_word(const int32 *words, int n);

/* Keys of kinds M, A and T (keys.c). */
extern int32 cp_key_outline(const char *a, const char *b, DateADT birth);
extern int32 cp_key_of_house(const char *address, bool whole);
extern int32 cp_key_of_street(const char *address);

/*
 * Stands for the list of words that are spelt like this one: changed where a
 * word joins it.  One for all words that no record has.
 */
extern int32 cp_key_similar(int32 word);

/*
 * May words of the row be one that was torn?  Then what deep search looks for
 * depends on words like theirs run together.
 */
extern bool cp_key_may_be_torn(const CpPerson *row);

/*
 * House number of an address in normal form, -1 if there is none, and so many
 * letters of what follows it, or of the town that it is then; street has room
 * for one more.
 */
extern int	cp_key_house(const char *address, char *street, int most);

/* Month and day without order. */
extern int	cp_key_month_day(DateADT date);

/* The date with day and month in each other's place; false if there is none. */
extern bool cp_key_swapped_date(DateADT date, DateADT *swapped);

extern void cp_key_year(DateADT date, DateADT *first, DateADT *last);

typedef struct CpKeyList
{
	CpKey	   *keys;
	int			n;
	int			size;
} CpKeyList;

typedef struct CpProbeList
{
	CpProbe    *probes;
	int			n;
	int			size;
} CpProbeList;

extern void cp_key_add(CpKeyList *list, int32 key, int32 given, int32 family);
extern void cp_probe_add(CpProbeList *list, int32 key, DateADT first, DateADT last, CpBlock block);

/* Stirs the keys of a record, gives them its traits, sorts them, drops repetitions. */
extern void cp_key_finish(CpKeyList *list, const CpPerson *person);

extern int	cp_key_order(const CpKey *a, const CpKey *b);

/* ---------- dictionary.c, or the tool's own ---------- */

/*
 * Phonetic codes (char *) of known words that are spelt alike and sound
 * different, those of the most similar words first, at most so many.
 */
extern List *cp_dictionary_similar_codes(int32 id, int most);

/* The same for a word that may be in no dictionary. */
extern List *cp_dictionary_codes_like(const char *word, int most);

#endif							/* CP_KEYS_H */
