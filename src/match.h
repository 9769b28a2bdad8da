/*-------------------------------------------------------------------------
 *
 * match.h
 *	  What the files of the matcher share beyond model.h: keys, stored persons.
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

/* ---------- dictionary.c ---------- */

/* At the start of a call, while no CpWord is held: forget what is stale. */
extern void cp_dictionary_refresh(void);

/* Id of a normalised word, without writing: negative where no record has it. */
extern int32 cp_dictionary_find(const char *word);

/* Phonetic codes of known words that are spelt alike and sound different. */
extern List *cp_dictionary_similar_codes(int32 id);

/* A record has got this word: counts it. */
extern void cp_dictionary_count(int32 id, int64 child_id, bool given, bool family);

/* Forgets every word in every session, when the table is emptied. */
extern void cp_dictionary_forget(void);

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

/* ---------- rekey.c ---------- */

/* The registry's current state on disk, whatever snapshot the transaction has. */
extern Snapshot cp_latest_snapshot(void);

/* Adds the words of a normalised name to a person. */
extern void cp_person_add_words(CpPerson *person, const char *given,
								const char *family, bool hidden, bool new_words);

/* A row of match_person as a person. */
extern CpPerson *cp_person_from_tuple(HeapTuple tuple, TupleDesc desc);

#endif							/* CP_MATCH_H */
