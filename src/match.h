/*-------------------------------------------------------------------------
 *
 * match.h
 *	  What the files of the matcher share: words, keys, stored persons.
 *	  Of the others only settle.c, which reads identifiers, includes it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CP_MATCH_H
#define CP_MATCH_H

#include "access/genam.h"
#include "access/htup.h"
#include "utils/snapshot.h"

#include "contactpoint.h"

/* ---------- normalize.c ---------- */

/* Kind of an identifier as it is compared: "NHS number" is "nhs". */
extern char *cp_normalize_kind(const char *kind);

/* ---------- dictionary.c ---------- */

#define CP_CODE_LEN 4			/* letters of a phonetic code */
#define CP_NO_WORD 0			/* id of the empty word, which counts records */
#define CP_WORD_FORMS 8			/* groups of short forms of one given name */

typedef struct CpWord
{
	int32		id;				/* negative: of this backend only, in no
								 * record */
	int			length;
	const char *word;
	char		code[CP_CODE_LEN + 1];	/* phonetic code, as text */
	int64		given_count;	/* records with this given name, about */
	int64		family_count;	/* the same for family names */
	uint8		forms[CP_WORD_FORMS];	/* groups of short forms it is in */
} CpWord;

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

/* At the start of a call, while no CpWord is held: forget what is stale. */
extern void cp_dictionary_refresh(void);

/* Id of a normalised word, without writing: negative where no record has it. */
extern int32 cp_dictionary_find(const char *word);

/* The word behind an id, or NULL; good until the next refresh. */
extern const CpWord *cp_dictionary_word(int32 id);

extern CpWordLevel cp_dictionary_compare(int32 a, int32 b);
extern CpWordLevel cp_word_compare(const char *a, int alen, const char *b, int blen);

/* Is one a usual short form of the other, as katie of catherine? */
extern bool cp_dictionary_short_form(int32 a, int32 b);

/* Phonetic codes of known words that are spelt alike and sound different. */
extern List *cp_dictionary_similar_codes(int32 id);

/* A record has got this word: counts it. */
extern void cp_dictionary_count(int32 id, int64 child_id, bool given, bool family);

/* Forgets every word in every session, when the table is emptied. */
extern void cp_dictionary_forget(void);

/* ---------- short_form.c ---------- */

/* Groups of short forms that a given name is in; forms holds CP_WORD_FORMS zeros. */
extern void cp_short_forms(const char *word, uint8 *forms);

/* ---------- candidate.c ---------- */

#define CP_MAX_PLACES 32		/* addresses or identifiers of one person */

typedef struct CpKey
{
	int64		key;
	int32		given;			/* first words of the name it comes from */
	int32		family;
} CpKey;

/* Blocking keys of a record, each once, in ascending order. */
extern CpKey *cp_match_keys(const CpPerson *person, int *nkeys);

/*
 * Every record that may be this person, scored, best first; reads with the
 * latest snapshot, so it sees what other transactions committed.  The caller
 * holds the matching lock.  cut: a bound was met, there may be more.  deep: what is
 * spelt alike is looked for even where something good is found.
 */
extern List *cp_candidates_bounded(const CpPerson *row, int64 except_child, bool deep, bool *cut);

/* Columns of match_key and of its index, match_person and name_word. */
enum
{
	CP_KEY_KEY = 1,
	CP_KEY_BIRTH,
	CP_KEY_GIVEN,
	CP_KEY_FAMILY,
	CP_KEY_CHILD,
	CP_KEY_COLUMNS = CP_KEY_CHILD
};

enum
{
	CP_PERSON_CHILD = 1,
	CP_PERSON_BIRTH,
	CP_PERSON_SEX,
	CP_PERSON_NEARNESS,
	CP_PERSON_NAMES,
	CP_PERSON_POSTCODES,
	CP_PERSON_ADDRESSES,
	CP_PERSON_IDENTIFIERS,
	CP_PERSON_COLUMNS = CP_PERSON_IDENTIFIERS
};

/* ---------- score.c ---------- */

typedef enum CpBirthLevel
{
	CP_BIRTH_EQUAL,
	CP_BIRTH_SWAPPED,			/* day and month change places */
	CP_BIRTH_DIGIT,				/* one digit wrong, or two neighbours swapped */
	CP_BIRTH_PARTS,				/* two of year, month and day are equal */
	CP_BIRTH_DEFAULT,			/* equal year, 1 January on one side */
	CP_BIRTH_DIGITS,			/* two digits wrong */
	CP_BIRTH_YEAR,				/* equal year */
	CP_BIRTH_DIFFER,
	CP_BIRTH_UNKNOWN			/* not known on both sides */
} CpBirthLevel;

#define CpBirthIsNear(level) ((level) <= CP_BIRTH_DEFAULT)

extern CpBirthLevel cp_birth_compare(DateADT a, DateADT b);

/*
 * Is it plain that no given name of the one is a form of a given name of the
 * other?
 */
extern bool cp_given_clearly_differs(const CpPerson *a, const CpPerson *b);

/* ---------- rekey.c ---------- */

/* The registry's current state on disk, whatever snapshot the transaction has. */
extern Snapshot cp_latest_snapshot(void);

/* Adds the words of a normalised name to a person. */
extern void cp_person_add_words(CpPerson *person, const char *given,
								const char *family, bool hidden, bool new_words);

/* A row of match_person as a person. */
extern CpPerson *cp_person_from_tuple(HeapTuple tuple, TupleDesc desc);

#endif							/* CP_MATCH_H */
