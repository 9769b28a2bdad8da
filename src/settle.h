/*-------------------------------------------------------------------------
 *
 * settle.h
 *	  What the files that settle the inbox share: rows of the inbox, details
 *	  of children, rows written below the executor.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CP_SETTLE_H
#define CP_SETTLE_H

#include "utils/jsonb.h"

#include "contactpoint.h"

/* ---------- inbox.c, inbox_row.c: rows of the inbox ---------- */

/* One pending or held row, with what is known of its reference. */
typedef struct CpInboxRow
{
	int64		upload_id;
	bool		present;		/* false: a superuser took it away */
	char	   *source;
	char	   *source_ref;
	char	   *batch;
	int64		authority;		/* 0: not sent */
	char	   *given_names;
	char	   *family_name;
	char	   *sex;
	char	   *date_of_birth;
	char	   *address;
	char	   *postcode;
	Jsonb	   *identifiers;
	Jsonb	   *carers;
	Jsonb	   *involvements;
	Jsonb	   *alias_names;
	int64		source_authority;	/* organisation of the source */

	/* the reference as it stands */
	int64		linked_child;	/* 0: none */
	bool		linked_formerly;	/* that record has left child */
	int64		link_authority; /* 0: none */
	int64		sent;			/* digest of the row it sent last, 0: unknown */
	int64		open_review;	/* 0: none */
	bool		remembered;		/* people have decided about it before */
	bool		was_held;		/* it has a settlement already */
	bool		embargoed;		/* its source is under an embargo */
	bool		waits;			/* for the end of that: it, or an earlier row
								 * of its reference, may be about an open
								 * record */

	uint64		record;			/* digest of the record of the link as it was
								 * before the batch, 0: unknown */
	CpPerson   *person;			/* the matching side; NULL: not made yet */
	TimestampTz recorded_at;	/* no two rows of a process have the same */
	struct CpHouseholdKey *household;	/* household.c; NULL: not made yet */
	int			nhousehold;
	bool		among_open;		/* before the batch, no shielded child was
								 * there; false: not known */
} CpInboxRow;

/*
 * Numbers of up to limit pending rows after the given one, lowest first, those
 * left out that wait for the end of an embargo.
 */
extern int	cp_inbox_pending(int64 after, int limit, int64 **numbers);

/* Reads rows by number, in ascending order; as own work. */
extern CpInboxRow *cp_inbox_read(const int64 *numbers, int n);

/* Which of these rows are in the inbox?  In ascending order. */
extern void cp_inbox_look(const int64 *numbers, int n, bool *there);

/* Notes in receipts that they are settled; takes rows away.  In ascending order. */
extern void cp_inbox_settled(const int64 *numbers, int n);
extern void cp_inbox_drop(const int64 *numbers, int n);

/* The matching side of a row, made anew. */
extern CpPerson *cp_inbox_person(const CpInboxRow *row);

/* The person that a new record of this row's child will be. */
extern CpPerson *cp_inbox_record(const CpInboxRow *row, int64 child_id);

/* ---------- details.c: what rows sent becomes details of children ---------- */

/* The shields with which a record is born. */
typedef struct CpBirth
{
	const char *reason;			/* of one that stays until it is lifted; NULL:
								 * none */
	int64		authority;		/* whose managers see that one, 0: all */
	bool		responsible;	/* and they are responsible for the record */
	bool		embargoed;		/* one that goes with the embargo of its
								 * source */
	bool		expected;		/* instead: one that was placed in advance */
} CpBirth;

/* A row on its way to a child. */
typedef struct CpDelivery
{
	CpInboxRow *row;
	int64		child_id;
	bool		made;			/* the child is new, nothing of it is stored */
	bool		shielded;		/* the flag of the locked child row */
	CpBirth    *birth;			/* the record is made by it and born shielded */
	bool		responsible;	/* somebody is responsible, or will be */
	bool		linked_before;	/* the reference has a link */
} CpDelivery;

/*
 * Writes the details of rows that go to different children, or under different
 * sources to the same.  Child rows are locked.
 */
extern void cp_details_write(CpDelivery **deliveries, int n);

/* ---------- foreseen.c: the person that a record will be ---------- */

/*
 * The person that an open record will be when a row is written to it, and before
 * it the rows that wait for that (CpInboxRow *); record is what it is with those.
 * Returns record itself where the row changes nothing of it, and NULL where only
 * the registry can tell.  In the current memory context.
 */
extern const CpPerson *cp_foresee_person(const CpDelivery *delivery, const CpPerson *record,
										 List *waiting);

/* ---------- settle.c: rows of the inbox are decided ---------- */

typedef struct CpBatch CpBatch;

/*
 * Reads rows, in ascending order; with ahead searches for them, too.  Needs no
 * lock.
 */
extern CpBatch *cp_settle_read(const int64 *numbers, int n, bool ahead);

/* Decides and writes them, under the matching lock; the batch is gone then. */
extern void cp_settle_write(CpBatch *batch);


/* The row of the batch that is in work, by its place; -1: none alone. */
extern int	cp_settling;

/* ---------- remembered.c: what people decided about a reference ---------- */

typedef struct CpMemory CpMemory;

/* Decisions about a row's reference, or NULL; in the current memory context. */
extern CpMemory *cp_memory_read(const CpInboxRow *row);

/* ---------- held.c: rows that a person decides ---------- */

/* Holds a row that could not be processed. */
extern void cp_settle_poisoned(int64 upload_id);

/* ---------- turn.c: the order in which matchers write ---------- */

extern bool cp_turn_after(int64 *after, uint64 *ticket);
extern bool cp_turn_claim(uint64 ticket, int64 last);
extern bool cp_turn_wait(void);
extern void cp_turn_end(bool failed);

/* ---------- news.c: what a commit changed ---------- */

typedef enum CpNewsKind
{
	CP_NEWS_EVERYTHING,
	CP_NEWS_CHILD,				/* a new record, by number */
	CP_NEWS_KEY,				/* a key under which records changed */
	CP_NEWS_REFERENCE			/* hash of a reference of which more is known */
} CpNewsKind;

typedef struct CpNews
{
	Oid			database;
	CpNewsKind	kind;
	int64		value;
} CpNews;

extern void cp_news_precise(void);
extern void cp_news_tell(CpNewsKind kind, int64 value);
extern uint64 cp_news_position(void);
extern bool cp_news_since(uint64 position, CpNews **news, int *n);

/* ---------- bulk.c: many rows at once ---------- */

typedef struct CpBulk CpBulk;

/*
 * Rows for one table that no trigger and no foreign key looks at: the caller
 * answers for them.  Kept until cp_bulk_write, which ends it.
 */
extern CpBulk *cp_bulk_begin(const char *table);
extern void cp_bulk_add(CpBulk *bulk, const Datum *values, const bool *nulls);
extern void cp_bulk_write(CpBulk *bulk);

/* ---------- place.c: private keys of what places a child ---------- */

typedef enum CpPlaceOf
{
	CP_PLACE_OF_ADDRESS,
	CP_PLACE_OF_CARER,
	CP_PLACE_OF_INVOLVEMENT
} CpPlaceOf;

#define CP_PLACE_FIRST 3		/* the first column of a detail that is looked
								 * at */
#define CP_PLACE_COLUMNS 3
#define CP_PLACE_KEYS 1			/* of a detail, that a household has in common */
#define CP_PLACE_CROWD 100		/* more children than this share a
								 * placeholder, as _household() has it */

/* A detail that no trigger sees goes: so do its keys. */
extern void cp_place_remove(Relation detail, HeapTuple tuple);

/* Keys of details that come, gathered in the current memory context, then written. */
typedef struct CpPlaces CpPlaces;

extern CpPlaces *cp_places_begin(void);
extern void cp_places_add(CpPlaces *places, CpPlaceOf of, int64 child_id,
						  char *const columns[CP_PLACE_COLUMNS]);
extern void cp_places_write(CpPlaces *places);

/*
 * What of a detail a household has in common, as keys, and the children that
 * have such a key, in order: none where they are a crowd.
 */
extern int	cp_place_household_keys(CpPlaceOf of, char *const columns[CP_PLACE_COLUMNS],
									int64 keys[CP_PLACE_KEYS]);
extern char cp_place_household_kind(CpPlaceOf of);
extern int	cp_place_children(CpPlaceOf of, int64 key, int64 children[CP_PLACE_CROWD]);

#endif							/* CP_SETTLE_H */
