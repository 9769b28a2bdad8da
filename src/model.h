/*-------------------------------------------------------------------------
 *
 * model.h
 *	  What the pure files of the matcher share: text in normal form, words,
 *	  persons, comparisons, weights.
 *
 *	  Pure means: no catalog, no table, no setting.  Beside palloc and the
 *	  like these files call only cp_weights() and what is below under
 *	  dictionary.c, so they can be compiled with -DFRONTEND for tools that
 *	  bring a dictionary and weights of their own (test/quality).
 *
 *-------------------------------------------------------------------------
 */
#ifndef CP_MODEL_H
#define CP_MODEL_H

#include "nodes/pg_list.h"
#include "utils/date.h"

/* ---------- normalize.c: uploaded text to normal form ---------- */

#define CP_NAME_MAX 200			/* characters in one name field */

/*
 * All functions below allocate in the current memory context and raise nothing
 * but out of memory unless they say so.  Text is in the database encoding,
 * which the prologue demands to be UTF8.
 */

/* Letters-only, lower-case, folded words, single spaces between; "" if none. */
extern char *cp_normalize_name(const char *name);

/* Has it more words than that leaves of it? */
extern bool cp_name_is_cut(const char *name);

/* Upper-case letters and digits only; "" if none. */
extern char *cp_normalize_code(const char *code);

/* The same for a postcode, in which a British one is put right (postcode.c). */
extern char *cp_normalize_postcode(const char *postcode);

/* The British one that an address in normal form ends with, "" if it does not. */
extern char *cp_postcode_at_end(const char *address);

/* As cp_normalize_name(), for a family name: prefixes are joined (family_name.c). */
extern char *cp_normalize_family(const char *name);

/* Folded words and numbers of an address, single spaces between. */
extern char *cp_normalize_address(const char *address);

/* ISO 8601 YYYY-MM-DD only; false if the text is no such existing date. */
extern bool cp_parse_iso_date(const char *text, DateADT *date);

/* ISO 8601 YYYY or YYYY-MM: what is known of a date; month is 0 where it is not. */
extern bool cp_parse_partial_date(const char *text, int *year, int *month);

/*
 * Why this text cannot be a name, or NULL: "is empty", "has only one letter",
 * "is longer than 200 characters", "holds control or format characters",
 * "holds no letters" ...
 */
extern const char *cp_name_fault(const char *name);

/* The same for any other free text of at most max_chars characters. */
extern const char *cp_text_fault(const char *text, int max_chars);

/* Kind of an identifier as it is compared: "NHS number" is "nhs". */
extern char *cp_normalize_kind(const char *kind);

/* ---------- word.c: how alike two words are ---------- */

#define CP_CODE_LEN 4			/* letters of a phonetic code */
#define CP_NO_WORD 0			/* id of the empty word: its counts are the
								 * records, and redated ones (kin.c) */
#define CP_KIN_WORD 1			/* no word either: its counts are others and
								 * twins (kin.c) */
#define CP_MAX_VARIANTS 100		/* other forms of one given name */

typedef struct CpWord
{
	int32		id;				/* negative: of this backend only, in no
								 * record */
	int			length;
	const char *word;
	char		code[CP_CODE_LEN + 1];	/* phonetic code, as text */
	int64		given_count;	/* records with this given name, about */
	int64		family_count;	/* the same for family names */
	uint64		hash;			/* cp_word_hash() */
	int			nvariants;
	const uint64 *variants;		/* hashes of its other forms */
} CpWord;

/* Has it no letter that could be written in Latin (letter.c)? */
extern bool cp_word_is_foreign(const CpWord *word);

/* How alike two words are, best first. */
typedef enum CpWordLevel
{
	CP_WORD_EQUAL,
	CP_WORD_EDIT,				/* one slip of the pen */
	CP_WORD_CLOSE,				/* two slips in a long word, short form */
	CP_WORD_WEAK,				/* sounds alike, begins alike */
	CP_WORD_INITIAL,			/* one is the initial of the other */
	CP_WORD_DIFFER
} CpWordLevel;

extern CpWordLevel cp_word_compare(const char *a, int alen, const char *b, int blen);

/* The same where the phonetic codes of both are known. */
extern CpWordLevel cp_word_compare_sounds(const char *a, int alen, const char *acode,
										  const char *b, int blen, const char *bcode);

/* Are they equal, or one slip of the pen apart? */
extern bool cp_word_nearly_equal(const char *a, int alen, const char *b, int blen);

/* Phonetic code of a word; code has room for CP_CODE_LEN letters and the end. */
extern void cp_word_code(const char *word, char *code);

/* May one of the words be a slip of the pen for the other? */
extern bool cp_word_slip(const char *a, int alen, const char *b, int blen);

/* Is one of them made of the other by one letter wrong, missing or too many, or two swapped? */
extern bool cp_word_one_slip(const char *a, int alen, const char *b, int blen);

/* All words that are so made of one of Latin letters, each once; none of other ones. */
extern void cp_word_slips(const char *word, void (*made) (const char *slip, int length, void *arg), void *arg);

/* What stands for a word in lists of variants; two words never share one in practice. */
extern uint64 cp_word_hash(const char *word);

/* Is one a usual other form of the other, as katie of catherine? */
extern bool cp_word_short_form(const CpWord *a, const CpWord *b);

/* ---------- variant.c, or the tool's own ---------- */

/*
 * Hashes of the usual other forms of a given name; variants has room for
 * CP_MAX_VARIANTS.  Returns how many.  Reads the table with the latest
 * snapshot.
 */
extern int	cp_variants(const char *word, uint64 *variants);

/* ---------- dictionary.c, or the tool's own ---------- */

/* The word behind an id, or NULL; good until the next refresh. */
extern const CpWord *cp_dictionary_word(int32 id);

/* cp_word_compare() of two words, remembered. */
extern CpWordLevel cp_dictionary_compare(int32 a, int32 b);

/*
 * Which of some words, 32 at most, another one may be like or a short form of, a
 * bit for each: of the others it is plain that they differ.
 */
extern uint32 cp_dictionary_alike(const int32 *words, int n, int32 id);

/* cp_word_short_form() of two words. */
extern bool cp_dictionary_short_form(int32 a, int32 b);

/* ---------- persons ---------- */

#define CP_MAX_NAMES 16			/* names (public and alias) of one person */
#define CP_MAX_WORDS 8			/* words of one given or family name */

typedef struct CpName
{
	bool		hidden;			/* an alias: matches, never shows */
	int			ngiven;
	int32		given[CP_MAX_WORDS];	/* dictionary ids */
	int			nfamily;
	int32		family[CP_MAX_WORDS];
} CpName;

typedef enum CpNearness
{
	CP_NEAR_OPEN,				/* not shielded, no hidden name */
	CP_NEAR_ALIAS,				/* open, with a hidden name */
	CP_NEAR_SHIELDED,			/* shielded: name, place or identifier too */
	CP_NEAR_SHIELDED_WIDE,		/* shielded, new surname to be expected */
	/* in match_person only, not in child; wide as well: */
	CP_NEAR_FORMER,				/* a former identity: nothing goes to it */
	CP_NEAR_EXPECTED			/* shielded in advance: it may be born */
} CpNearness;

/* One side of a comparison: an uploaded row, or a record of the registry. */
typedef struct CpPerson
{
	int64		child_id;		/* 0 for an uploaded row */
	CpNearness	nearness;
	int			nnames;			/* the public name first */
	CpName		names[CP_MAX_NAMES];
	bool		names_cut;		/* there were more words, or names */
	bool		has_birth;
	DateADT		date_of_birth;
	int			birth_year;		/* parts of the birth date, 0 where not known: */
	int			birth_month;	/* a row may have year, or year and month, */
	int			birth_day;		/* and no birth date */
	char		sex;			/* F, M or U */
	List	   *postcodes;		/* char *, normalised */
	List	   *addresses;		/* char *, normalised */
	List	   *identifiers;	/* char *, "kind:VALUE" normalised */
	int			key_version;	/* of a stored record: what its keys are
								 * stirred with */
} CpPerson;

/* ---------- compare.c: what agrees in two persons ---------- */

/* Computes what a comparison needs; whoever makes or decodes a person calls it last. */
extern void cp_person_finish(CpPerson *person);

typedef enum CpBirthLevel
{
	CP_BIRTH_EQUAL,
	CP_BIRTH_SWAPPED,			/* day and month change places */
	CP_BIRTH_DIGIT,				/* one digit wrong, or two neighbours swapped */
	CP_BIRTH_CLOSE_PARTS,		/* two of year, month and day are equal, and
								 * the dates are close */
	CP_BIRTH_PARTS,				/* two of them, no more */
	CP_BIRTH_DEFAULT,			/* equal year, 1 January on one side */
	CP_BIRTH_NEIGHBOUR,			/* no part is off by more than one */
	CP_BIRTH_CLOSE,				/* a month apart, but for a wrong year; equal
								 * day, two years apart */
	CP_BIRTH_DIGITS,			/* two digits wrong */
	CP_BIRTH_YEAR,				/* equal year */
	CP_BIRTH_DIFFER,
	CP_BIRTH_UNKNOWN			/* not known on both sides */
} CpBirthLevel;

#define CpBirthIsNear(level) ((level) <= CP_BIRTH_DEFAULT)

extern CpBirthLevel cp_birth_compare(DateADT a, DateADT b);

/* What is compared. */
typedef enum CpField
{
	CP_GIVEN,
	CP_FAMILY,
	CP_ORDER,					/* of given and family name */
	CP_MORE,					/* further given names */
	CP_BIRTH,
	CP_SEX,
	CP_POSTCODE,
	CP_ADDRESS,					/* where the postcode is another one or not
								 * known, or means a town and the address a
								 * house */
	CP_ADDRESS_BESIDE,			/* where the postcode agrees */
	CP_NUMBER,					/* identifiers that one person has */
	CP_CONTACT,					/* those that a household may share */
	CP_SPACING,					/* between two births */
	CP_NFIELDS
} CpField;

#define CP_MAX_LEVELS 16		/* of one field */

/* In every field the level 0 says that nothing is known, which is no evidence. */
enum
{
	CP_NAME_EQUAL = 1,
	CP_NAME_EDIT,				/* one slip of the pen, blanks */
	CP_NAME_VARIANT,			/* a usual other form */
	CP_NAME_PART,				/* another word of the name is equal */
	CP_NAME_CLOSE,				/* two slips */
	CP_NAME_RIVAL,				/* one slip or two, but both are usual names */
	CP_NAME_WEAK,
	CP_NAME_INITIAL,
	CP_NAME_DIFFER
};

enum
{
	CP_ORDER_SWAPPED = 1,
	CP_ORDER_HALF				/* one name stands in the other's place, and
								 * what stands in its own is another one */
};

enum
{
	CP_MORE_EQUAL = 1,			/* one of them agrees */
	CP_MORE_DIFFER
};

/* levels of birth dates: these, else CpBirthLevel + 1 */
enum
{
	CP_BIRTH_LEVEL_EQUAL_DEFAULT = CP_BIRTH_UNKNOWN + 1,	/* both 1 January */
	CP_BIRTH_LEVEL_MONTH,		/* month and year, no more is known */
	CP_BIRTH_LEVEL_YEAR_ONLY,	/* the year, no more is known */
	CP_BIRTH_LEVEL_PART_DIFFERS /* what is known differs */
};

enum
{
	CP_SEX_EQUAL = 1,
	CP_SEX_DIFFER
};

enum
{
	CP_POSTCODE_EQUAL = 1,		/* of a street or house */
	CP_POSTCODE_EQUAL_WIDE,		/* of a town or district */
	CP_POSTCODE_NEAR,			/* one slip */
	CP_POSTCODE_AREA,
	CP_POSTCODE_DIFFER
};

enum
{
	CP_ADDRESS_EQUAL = 1,		/* with a house number */
	CP_ADDRESS_NEAR,
	CP_ADDRESS_PART,
	CP_ADDRESS_NEXT_DOOR,		/* the same but for the house number */
	CP_ADDRESS_DIFFER,
	CP_ADDRESS_TOWN_EQUAL,		/* without any number */
	CP_ADDRESS_TOWN_NEAR,
	CP_ADDRESS_TOWN_DIFFER
};

enum
{
	CP_NUMBER_EQUAL = 1,
	CP_NUMBER_NEAR,				/* one slip */
	CP_NUMBER_DIFFER
};

enum
{
	CP_SPACING_SHORT = 1		/* too short for two births of one mother */
};

/* What agrees in two persons. */
typedef struct CpComparison
{
	uint8		level[CP_NFIELDS];
	int32		given_word;		/* the word that is equal, or near: a rare one */
	int32		family_word;	/* says more */
	bool		given_first_letter; /* the same in the words that agree best */
	bool		variant;		/* the given names are forms of one name */
	bool		number_differs; /* some identifier, though another may be
								 * equal */
	bool		place_agrees;	/* postcode or address */
} CpComparison;

extern void cp_compare(const CpPerson *row, const CpPerson *record, CpComparison *result);

/* Level of CP_BIRTH that a row, which may know a part only, and a birth date have. */
extern int	cp_birth_level(const CpPerson *row, DateADT birth);

/*
 * Are two names, of which one has several words at least, equal or one slip
 * apart where their words are run together?  anne marie and annemarie, erin
 * and eri n
 */
extern bool cp_words_joined_alike(const int32 *a, int na, const int32 *b, int nb);

/*
 * Is it plain that no given name of the one is a form of a given name of the
 * other?
 */
extern bool cp_given_clearly_differs(const CpPerson *a, const CpPerson *b);

/* ---------- compare_birth.c ---------- */

/* Fills what a comparison says of birth dates. */
extern void cp_compare_births(const CpPerson *row, const CpPerson *record, CpComparison *result);

/* ---------- compare_number.c ---------- */

/* Fills what a comparison says of identifiers. */
extern void cp_compare_numbers(const CpPerson *row, const CpPerson *record, CpComparison *result);

/* Is an identifier a phone number or the like, which a household may share? */
extern bool cp_is_contact(const char *identifier);

/* ---------- compare_place.c ---------- */

/* Fills what a comparison says of postcode and address. */
extern void cp_compare_places(const CpPerson *row, const CpPerson *record, CpComparison *result);

/* Does one of them mean a street, as in Britain, and not a town? */
extern bool cp_postcodes_of_street(const List *postcodes);

/* The level of CP_POSTCODE that the two that agree best have, 0 if none is known. */
extern int	cp_compare_postcodes(const List *a, const List *b);

/* Share of the words of two addresses that agree, 0 to 1. */
extern double cp_address_words_alike(const char *a, const char *b);

/* Share of the pairs of neighbouring letters that agree, 0 to 1. */
extern double cp_address_letters_alike(const char *a, const char *b);

/* Is the house number another one? */
extern bool cp_address_number_differs(const char *a, const char *b);

/* May two numbered addresses be one house? */
extern bool cp_address_same_house(const char *a, const char *b);

/* ---------- score.c: weights make bits of it ---------- */

typedef struct CpCandidate
{
	int64		child_id;
	CpNearness	nearness;
	double		score;			/* bits: log2 of the odds that it is the same */
	bool		birth_equal;	/* exact date of birth on both sides */
	bool		birth_near;		/* equal, swapped or one part or digit off */
	bool		identifier_equal;
	bool		identifier_differs; /* same kind, other value */
	bool		given_agrees;	/* equal, variant or close */
	bool		given_differs;	/* clearly another given name */
	bool		family_agrees;
	bool		place_agrees;	/* postcode or address */
	bool		sex_differs;	/* F against M */
	bool		given_equal;	/* the same first given name */
	bool		given_slip;		/* equal, or close with the same first letter */
	bool		birth_swapped;	/* day and month have changed places */
	bool		guarded;		/* cp_guard_compare() holds the row for it */
	bool		doubtful;		/* cp_is_doubtful(): a person must look */
	bool		birth_default;	/* equal, but 1 January: perhaps not known */
	bool		home_agrees;	/* cp_same_home(), where the birth date is
								 * equal */
	bool		maybe_twins;	/* cp_may_be_twins(), where the birth date is
								 * equal and the given name a slip off */
	bool		given_distinct; /* cp_given_distinct() */
	bool		contact_equal;	/* a phone number or the like is the same */
	CpComparison comparison;
} CpCandidate;

/* Whom a row may be about, if not about the child of the record. */
typedef enum CpClass
{
	CP_CLASS_MATCH,				/* about the same child */
	CP_CLASS_HOUSEHOLD,			/* about another one of the household */
	CP_CLASS_TWIN,
	CP_NCLASSES					/* a random child: what the others are
								 * measured by */
} CpClass;

/*
 * Bits: log2 of how much more often a level is seen in a class than between
 * random children.  Level 0 of each field has 0.
 */
typedef struct CpWeights
{
	double		bits[CP_NFIELDS][CP_MAX_LEVELS][CP_NCLASSES];
	double		least_records;	/* log2: a smaller registry counts as one of
								 * so many */
	double		household;		/* log2 of others in a household, on average: */
	double		twin;			/* where the registry does not tell; of twins */
} CpWeights;

/* What is known of two persons before they are compared, log2. */
typedef struct CpPriors
{
	double		records;		/* in the registry */
	double		household;		/* others of a household, on average */
	double		twin;			/* twins, on average */
	double		dates;			/* bits by which birth dates that differ count
								 * less */
} CpPriors;

/* ---------- kin.c: what records of one home have in common ---------- */

/* As they stand in this epoch; good until the next call. */
extern const CpPriors *cp_priors(void);

#define CP_MAX_HOME 400			/* records of one: more is no home */

typedef struct CpHomeEntry
{
	DateADT		birth;
	int32		given;
	int32		family;
} CpHomeEntry;

typedef struct CpKin
{
	double		records;		/* that were looked at */
	double		others;			/* of their household, all together */
	double		twins;
	double		again;			/* of their names */
	double		redated;		/* of these with quite another birth date */
} CpKin;

/* Adds the records of one home. */
extern void cp_kin_count(const CpHomeEntry *entries, int n, CpKin *kin);

#define CP_KIN_UNIT 1000000

typedef struct CpKinShares
{
	int64		others;			/* of a household, and twins, that CP_KIN_UNIT */
	int64		twins;			/* records have on average */
	int64		redated;		/* of CP_KIN_UNIT second records */
} CpKinShares;

extern void cp_kin_share(const CpKin *kin, CpKinShares *shares);

/* ---------- score.c ---------- */

/* Name of a field and of a level, as in contactpoint.weight; NULL if there is none. */
extern const char *cp_field_name(CpField field);
extern const char *cp_level_name(CpField field, int level);

/*
 * Where the value of a row of contactpoint.weight belongs: class by class, or
 * NULL if no field and level is called so.  Sets how many values there are.
 */
extern double *cp_weight_place(CpWeights *weights, const char *field, const char *level, int *nvalues);

/* Field and level of the first weight that was not set, or NULL; NaN is not set. */
extern const char *cp_weight_missing(const CpWeights *weights);

/* Evidence of a field for this class: match against a random child. */
extern double cp_field_bits(const CpComparison *comparison, CpField field, CpClass class);

/* Compares two persons; fills everything of a candidate. */
extern void cp_score(const CpPerson *row, const CpPerson *record, CpCandidate *result);

/*
 * How much more (or less) than the weight says an agreement on this word does;
 * swapped: as given and family name at once.
 */
extern double cp_score_rarity(int32 id, bool given, bool swapped);

/* ---------- guard.c ---------- */

/*
 * Must the row be held because of this record, shielded or with a hidden name?
 * The candidate holds what else the two have in common.
 */
extern bool cp_guard_compare(const CpPerson *row, const CpPerson *record, const CpCandidate *candidate);

/* ---------- doubt.c: what a person must look at, whatever the score ---------- */

/* The same house, or the same postcode where no address says more. */
extern bool cp_same_home(const CpPerson *a, const CpPerson *b);

/* Does an address name street and town, so that there is no other one like it? */
extern bool cp_address_is_whole(const char *address);

/* May they be one child, though the score says no?  candidate: all but this. */
extern bool cp_is_doubtful(const CpPerson *row, const CpPerson *record, const CpCandidate *candidate);

/* Have they given names of their own: frequent ones, none of them like another? */
extern bool cp_given_distinct(const CpPerson *a, const CpPerson *b);

/* Are the given names, though alike, such as twins may have? */
extern bool cp_may_be_twins(const CpPerson *row, const CpPerson *record);

/* ---------- weight.c, or the tool's own ---------- */

/* The weights in force. */
extern const CpWeights *cp_weights(void);

#endif							/* CP_MODEL_H */
