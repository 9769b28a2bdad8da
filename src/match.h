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

/* A record has got this word: counts it. */
extern void cp_dictionary_count(int32 id, int64 child_id, bool given, bool family);

/* Forgets every word in every session, when the table is emptied. */
extern void cp_dictionary_forget(void);

/* ---------- candidate.c ---------- */

/*
 * Every record that may be one of these persons; except[i] is left out of what
 * is found for row i (except may be NULL).  Reads with the latest snapshot, so
 * it sees what other transactions committed, and the delta.
 */
extern void cp_search(CpPerson **rows, const int64 *except, int nrows, CpFound *found);

/*
 * Brings what was found for a row up to date with what has been added to the
 * delta since; cheap.
 */
extern void cp_search_delta(CpPerson *row, int64 except, CpFound *found);

/*
 * One row, found at once.  deep: what is spelt alike is looked for even where
 * something good is found.
 */
extern List *cp_candidates_bounded(const CpPerson *row, int64 except_child, bool deep, bool *cut);

/* ---------- decision.c ---------- */

/* Must a row be held because of this record, shielded or with a hidden name? */
extern bool cp_is_guarded(const CpCandidate *candidate);

/* ---------- delta.c: new records that are in no index yet ---------- */

/*
 * A new record, with its number, that every search of this process finds from
 * now on, and cp_person_fetch() too.  The person is copied; its registry rows
 * are written by the caller in the same transaction.  Needs the matching lock.
 */
extern void cp_delta_add(const CpPerson *person);

/* Writes all of them in bulk; must be called before commit. */
extern void cp_delta_write(void);

/* Makes the keys of these records anew, in bulk; those that are gone lose theirs. */
extern void cp_rekey_batch(const int64 *child_ids, int nchildren);

/* ---------- epoch.c: frequencies that stand still ---------- */

/*
 * Scores use counts of words and records as they were when the number of
 * records last passed a mark, so that an outcome does not depend on where
 * batches end.
 */

/* Number of records by which scores go: changes with the epoch only. */
extern int64 cp_epoch(void);

/* How many new records, those in the delta counted, there is room for before the next mark. */
extern int64 cp_epoch_room(void);

/* Where there is no room: counts stand as they are now.  Otherwise does nothing. */
extern void cp_epoch_advance(void);

/* Columns of match_key and guard_key and of their indexes; of match_person. */
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

/* Stores the keys of a new record. */
extern void cp_rekey_new(const CpPerson *person);

/* The registry's current state on disk, whatever snapshot the transaction has. */
extern Snapshot cp_latest_snapshot(void);

/* ---------- person.c ---------- */

#define CP_MAX_PLACES 32		/* addresses or identifiers of one person */

/* Adds the words of a normalised name to a person. */
extern void cp_person_add_words(CpPerson *person, const char *given,
								const char *family, bool hidden, bool new_words);

/* "kind:VALUE", both in normal form. */
extern char *cp_identifier_text(const char *kind, int kind_length, const char *value);

/* Unknown, 0000000000 and 9999999999 are no numbers of anybody. */
extern bool cp_identifier_is_real(const char *identifier);

/* The texts of a text[], a null one as "". */
extern List *cp_texts_of(Datum array);

/* A row of match_person as a person, in the current memory context. */
extern CpPerson *cp_person_from_tuple(HeapTuple tuple, TupleDesc desc);

/* Stores, changes or removes the row of a person; returns what stood there. */
extern CpPerson *cp_person_store(int64 child_id, const CpPerson *now);

#endif							/* CP_MATCH_H */
