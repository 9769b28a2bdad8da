/*-------------------------------------------------------------------------
 *
 * match.h
 *	  What the files of the matcher share beyond model.h, and what others want of
 *	  it: words with numbers, stored persons, search, decision, keys on disk.
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

/* Columns of name_word. */
enum
{
	CP_WORD_ID = 1,
	CP_WORD_WORD,
	CP_WORD_CODE,
	CP_WORD_COLUMNS = CP_WORD_CODE
};

/* Id of a normalised word; a new one gets its similar words at once. */
extern int32 cp_dictionary_id(const char *word);

/* At the start of a call, while no CpWord is held: forget what is stale. */
extern void cp_dictionary_refresh(void);

/* Id of a normalised word, without writing: negative where no record has it. */
extern int32 cp_dictionary_find(const char *word);

/* The known word of the same text as one of this process only, or the same. */
extern const CpWord *cp_dictionary_known(int32 id);

/* Forgets every word in every session: the table was emptied, or counts moved on. */
extern void cp_dictionary_forget(void);

/* ---------- trigram.c: words by their trigrams, in memory ---------- */

extern bool cp_trigram_fits(const char *word);
extern void cp_trigram_add(int32 id, const char *word);
extern int32 cp_trigram_greatest(void);
extern void cp_trigram_forget(void);
typedef void (*CpTrigramFound) (int32 id, const char *word, int length, float4 similarity, void *arg);

extern void cp_trigram_search(const char *word, float4 least, CpTrigramFound found, void *arg);

/* ---------- similar.c ---------- */

/* Notes the words that are spelt like a new one, on both sides. */
extern void cp_similar_store(const CpWord *word);

/* ---------- candidate.c: search ---------- */

/* What a search for the records that may be a row's came to. */
typedef struct CpFound
{
	List	   *candidates;		/* CpCandidate *, scored, best first */
	bool		cut;			/* a bound was met, there may be more */
	struct CpSearchState *state;	/* candidate.c's own */
} CpFound;

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

/* ---------- fit.c: what one record, taken by itself, is to a row ---------- */

extern bool cp_is_shielded(const CpCandidate *candidate);

/* Another given name, or another sex and not the same given name. */
extern bool cp_is_somebody_else(const CpCandidate *candidate);

/* May the row be attached to it without a person?  The lead over others is the caller's. */
extern bool cp_may_match(const CpCandidate *candidate);

/* Must a row be held because of this record, shielded or with a hidden name? */
extern bool cp_is_guarded(const CpCandidate *candidate);

/* Is it to be thought of at all? */
extern bool cp_is_possible(const CpCandidate *candidate);

/* A twin, or another child of one family, if its source says so?  Reads match_person. */
extern bool cp_may_be_told_apart(const CpPerson *row, const CpCandidate *candidate);

/*
 * Compares a row with a record by its public name, as if it had no other; false
 * where the record is gone.
 */
extern bool cp_compare_openly(const CpPerson *row, int64 child_id, CpCandidate *candidate);

/*
 * Has the record the name of the row as its public one?  A hidden one may have been
 * given to it so that another child's rows come to it.
 */
extern bool cp_shows_name(const CpPerson *row, int64 child_id);

/* Does the row bear the name of a former identity? */
extern bool cp_bears_former_name(const CpCandidate *candidate);

/* Does a known reference, whose record this is, still mean its child? */
extern bool cp_still_fits(const CpPerson *row, const CpCandidate *linked);

/* May an open record be a second one of a candidate's child? */
typedef enum CpSecond
{
	CP_SECOND_NOT,
	CP_SECOND_UNLESS_TOLD_APART,	/* not where a source has sent both */
	CP_SECOND_MAYBE
} CpSecond;

extern CpSecond cp_second_record(const CpPerson *record, const CpCandidate *candidate);

/* ---------- decision.c: match, new or held ---------- */

typedef enum CpOutcome
{
	CP_OUTCOME_MATCH,			/* attach to child_id */
	CP_OUTCOME_NEW,				/* make a new record */
	CP_OUTCOME_HOLD,			/* a person decides */
	CP_OUTCOME_REJECT			/* a person has rejected the same before */
} CpOutcome;

typedef struct CpDecision
{
	CpOutcome	outcome;
	int64		child_id;		/* for match */
	const CpPerson *record;		/* the same */
	double		score;			/* of the best candidate, 0 without one */
	const char *reason;			/* for hold: constant text, no data */
	List	   *candidates;		/* CpCandidate *, those worth showing, best
								 * first */
	bool		shielded;		/* any of them is shielded */
	bool		hidden_name;	/* any of them is open and has one */
} CpDecision;

/* What the registry already knows of the reference a row came under. */
typedef struct CpReference
{
	const char *source;
	const char *source_ref;
	int64		linked_child;	/* 0 where the reference is new */
	const struct CpMemory *memory;	/* what people decided about it, or NULL */
} CpReference;

/*
 * What is to become of an uploaded row, in two steps.  The first decides what
 * needs no search: a reference that goes on meaning its child; otherwise it
 * returns NULL.  The second wants the candidates, the reference's own record left
 * out, and reads source_link to tell twins (separate references of one source).
 * Both after cp_dictionary_refresh().
 */
extern CpDecision *cp_decide_known(const CpPerson *row, const CpReference *reference);
extern CpDecision *cp_decide_found(const CpPerson *row, const CpReference *reference,
								   const CpFound *found);

/*
 * Does the first step come to the record whatever others there are?  After
 * cp_dictionary_refresh().
 */
extern bool cp_plainly_means(const CpPerson *row, const CpPerson *record);

/* ---------- outcome.c: an outcome of one row ---------- */

/*
 * Has a row of the batch now being settled, whose link may not be written yet,
 * linked this child to another reference of the source?
 */
extern bool cp_settle_links(int64 child_id, const char *source, const char *source_ref);

/* ---------- known_child.c ---------- */

/*
 * The known child of which this person would be a second record, or 0.  For the
 * synchronous guard on child; except_child is the record itself on UPDATE.
 */
extern int64 cp_known_child(const CpPerson *row, int64 except_child);

/* ---------- brought.c ---------- */

/*
 * The other records (CpCandidate *) that names and numbers lead to which a row
 * brings and its record does not have.
 */
extern List *cp_leads_elsewhere(const CpPerson *row, const CpPerson *record, bool own_name);

/* Does the row bring any that its record does not have? */
extern bool cp_brings_something(const CpPerson *row, const CpPerson *record);

/* ---------- remembered.c: what people decided about a reference ---------- */

/* The decision that was made about the same before, or NULL. */
extern CpDecision *cp_decide_remembered(const CpPerson *row, const CpReference *reference);

/* Has a person said that the reference, as it stands, is not about this child? */
extern bool cp_told_apart(const struct CpMemory *memory, int64 child_id);

/* Shielded children from which somebody has parted it; CpCandidate *, compared. */
extern List *cp_parted_from_shielded(const CpPerson *row, const struct CpMemory *memory);

/* ---------- delta.c: new and changed records whose keys are not written yet ---------- */

/*
 * A new record, with its number, that every search of this process finds from
 * now on, and cp_person_fetch() too.  The person is copied; its registry rows
 * are written by the caller in the same transaction.  Needs the matching lock.
 */
extern void cp_delta_add(const CpPerson *person);
extern void cp_delta_import(const CpPerson *person);

/*
 * A record as cp_person_fetch() has it changes: from now on every search of this
 * process finds it as it is now.  It is not foreign.
 */
extern void cp_delta_change(const CpPerson *before, const CpPerson *now);

/* Do entries of the indexes about this child no longer count? */
extern bool cp_delta_hides(int64 child_id);

/*
 * Writes all of them in bulk; must be called before commit.  Searches still find
 * them here, so what was found before can be brought up to date with them.
 */
extern void cp_delta_write(void);

/*
 * The same, and empties the delta: records are to be changed otherwise.  Whoever
 * searched before must search again.
 */
extern void cp_delta_end(void);

/* Is there any? */
extern bool cp_delta_any(void);

/* How many new ones are to be written. */
extern int	cp_delta_made(void);

/* How many records it holds, written or not. */
extern int	cp_delta_count(void);

/* The number that the next one will have. */
extern int	cp_delta_next(void);

typedef struct CpDeltaEntry
{
	DateADT		birth;
	int32		given;
	int32		family;
	int64		traits;
	int			person;			/* number, for cp_delta_person() */
	int			next;			/* entry of the same key, -1: none */
} CpDeltaEntry;

/* Where the entries of a key begin, -1 if there are none; the newest first. */
extern int	cp_delta_first(int32 key);
extern const CpDeltaEntry *cp_delta_entry(int at);

/* The person of an entry; NULL: it has changed since. */
extern const CpPerson *cp_delta_person(int number);

/* A copy of the person of this child, or NULL. */
extern CpPerson *cp_delta_fetch(int64 child_id);

/* ---------- changes.c: keys under which this transaction changed records ---------- */

extern void cp_changes_add(int32 key);

/* Stands for a record that is not as it was found. */
extern int32 cp_changes_key_of(int64 child_id);

/* Notes the keys that a changed record has no longer, or has now. */
extern void cp_changes_add_record(const CpPerson *before, const CpPerson *now, bool in_delta);

/* Notes the keys of a new record that is in the delta: other processes must search again. */
extern void cp_changes_tell_record(const CpPerson *now);

/* Whoever found anything must search again. */
extern void cp_changes_everything(void);

/* The moment now. */
extern uint32 cp_changes_now(void);

/* Has a record under one of these keys changed since then? */
extern bool cp_changes_any(const int32 *keys, int nkeys, uint32 since);

/* All keys changed in this transaction, palloc'd, in no order. */
extern int32 *cp_changes_all(int *nkeys);

/* ---------- store.c: rows of the matcher, many at a time ---------- */

typedef struct CpStore CpStore;

/*
 * indexed: false where the indexes of keys are to be built anew afterwards.
 * in_delta: all of them are in the delta, where searches of this process find
 * them.
 */
extern CpStore *cp_store_begin(bool indexed, bool in_delta);

/*
 * A record is new (before is NULL), changed, or gone (now is NULL).  now must
 * live until the end.
 */
extern void cp_store_change(CpStore *store, const CpPerson *before, const CpPerson *now);
extern void cp_store_end(CpStore *store);

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

/*
 * Where there is no room: writes the delta, and counts stand as they are now.
 * Otherwise does nothing.  indexed: false where the indexes of keys are to be
 * built anew afterwards, so that homes cannot be counted.
 */
extern void cp_epoch_advance(bool indexed);

typedef struct CpCountChange
{
	int32		word;
	int32		given;
	int32		family;
} CpCountChange;

/* Adds to counts, at the latest when the transaction commits. */
extern void cp_epoch_count(const CpCountChange *changes, int nchanges);

/* Forgets what was counted: the counts were emptied. */
extern void cp_epoch_forget(void);

/* Fills in the counts by which scores go. */
extern void cp_epoch_counts(CpWord *word);

/* ---------- homes.c: what homes tell of the registry ---------- */

/*
 * See cp_kin_share(); of a sample.  Needs the matching lock, and the delta written.
 */
extern void cp_homes_count(CpKinShares *shares);

/* ---------- key_version.c: while the registry is re-keyed ---------- */

#define CP_KEY_VERSIONS 2		/* at a time */

/*
 * The versions of keys in use, at most two, the one that is written first;
 * returns how many.  Without the matching lock only after taking a snapshot.
 */
extern int	cp_key_versions(int *versions);

/* Under the matching lock: the versions have changed. */
extern void cp_key_versions_changed(void);

/* Columns of match_key and guard_key and of their indexes; of match_person. */
enum
{
	CP_KEY_KEY = 1,
	CP_KEY_BIRTH,
	CP_KEY_GIVEN,
	CP_KEY_FAMILY,
	CP_KEY_TRAITS,
	CP_KEY_CHILD,
	CP_KEY_COLUMNS = CP_KEY_CHILD
};

enum
{
	CP_PERSON_CHILD = 1,
	CP_PERSON_BIRTH,
	CP_PERSON_SEX,
	CP_PERSON_NEARNESS,
	CP_PERSON_FACTS,
	CP_PERSON_KEY_VERSION,
	CP_PERSON_COLUMNS = CP_PERSON_KEY_VERSION
};

/* ---------- rekey.c ---------- */

/*
 * Builds a child's private keys anew from the registry's own tables (child,
 * alias, address, identifier, shield), or removes them where the child is
 * gone.  Runs as own work under the matching lock.
 */
extern void cp_rekey(int64 child_id);

/*
 * The lock that matcher and guard hold to commit: one decision at a time on
 * who is known.  ShareRowExclusiveLock on contactpoint.weight, so that it stands
 * in no autovacuum's way.
 */
extern void cp_lock_matching(void);

/* Makes what the matcher keeps of these records anew; those that are gone lose it. */
extern void cp_rekey_batch(const int64 *child_ids, int nchildren);

/* The registry's current state on disk, whatever snapshot the transaction has. */
extern Snapshot cp_latest_snapshot(void);

/* ---------- person.c ---------- */

#define CP_MAX_PLACES 32		/* addresses or identifiers of one person */

/*
 * The matching side of an uploaded row.  names: the row's own, then its
 * alias_names.  NULL arguments were not sent.  identifiers: List of
 * "kind:VALUE" strings.  Writes nothing and needs no lock.
 */
extern CpPerson *cp_person_make(const char *given_names, const char *family_name,
								const DateADT *date_of_birth, char sex,
								const char *postcode, const char *address,
								List *identifiers);
extern void cp_person_add_name(CpPerson *person, const char *given_names,
							   const char *family_name, bool hidden);

/* The matching side of a record, from the private index; NULL if absent. */
extern CpPerson *cp_person_fetch(int64 child_id);

/* Adds the words of a normalised name to a person. */
extern void cp_person_add_words(CpPerson *person, const char *given,
								const char *family, bool hidden, bool new_words);

/* A row of match_person as a person, in the current memory context. */
extern CpPerson *cp_person_from_tuple(HeapTuple tuple, TupleDesc desc);

/* The columns of match_person, none of them null. */
extern void cp_person_values(const CpPerson *person, Datum *values);

/* Brings what a new or changed record holds into the one order in which it is stored. */
extern void cp_person_settle(CpPerson *person);

/* Adds to a record what the registry's own tables have, unless it is there already. */
extern void cp_person_add_place(CpPerson *person, const char *postcode, const char *address);
extern void cp_person_add_identifier(CpPerson *person, const char *kind, const char *value);

/* Would the same be stored of both? */
extern bool cp_person_same(const CpPerson *a, const CpPerson *b);

/* All of a person in the current memory context. */
extern CpPerson *cp_person_copy(const CpPerson *person);

/*
 * The row of a record that a batch which is being settled has read ahead, if it
 * is as it was then; NULL otherwise.  It belongs to the batch.
 */
extern HeapTuple cp_ahead_person(int64 child_id);

/* A record whose row in match_person changes. */
typedef struct CpPersonChange
{
	int64		child_id;
	const CpPerson *now;		/* NULL: the row goes */
} CpPersonChange;

/* Changes rows of persons; sorts the changes. */
extern void cp_persons_replace(CpPersonChange *changes, int n);

/* ---------- reader.c: records in the order of their numbers ---------- */

typedef struct CpReader CpReader;

/* The snapshot is registered until the end. */
extern CpReader *cp_reader_open(Snapshot snapshot);

/*
 * The record of a number, not less than the last one, as the snapshot has it and
 * in the current memory context; NULL where there is none.
 */
extern CpPerson *cp_reader_read(CpReader *reader, int64 child_id);
extern void cp_reader_close(CpReader *reader);

#endif							/* CP_MATCH_H */
