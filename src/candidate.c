/*-------------------------------------------------------------------------
 *
 * candidate.c
 *	  Search: which records may be the persons of uploaded rows.
 *
 *	  Rows probe two indexes (keys.c says for what): match_key_key_idx and, for
 *	  the few records that are shielded or have a hidden name,
 *	  guard_key_key_idx.  The probes of all rows of a batch go in the order of
 *	  the index.  Entries are thinned out by their covering columns; what is
 *	  left is read from match_person, in order, and scored.  Rows for which
 *	  nothing good is found go a second time and deeper.  Records that are in no
 *	  index yet are found in the delta.
 *
 *	  The cost of a row is bounded: where a bound was met, the caller is told.
 *	  What is looked at does not depend on the other rows of the batch, nor on
 *	  whether a record is still in the delta.
 *
 *	  Entries of the indexes are read without a look at the heap: they are
 *	  hints (rekey.c).  What they lead to is read with the latest snapshot, and
 *	  counts only where an entry of the record as it is would lead there, too: an
 *	  outcome must not depend on when VACUUM came by.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "common/hashfn.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "match.h"
#include "probe.h"
#include "walk.h"

#define MAX_SCANNED 20000		/* entries of one block */
#define MAX_LOOKS 1000			/* records that one row looks at, the guarded
								 * ones apart */
#define EXPECTED 4				/* tasks that a walk hears of in advance */

typedef CpSearchState State;

typedef struct Task
{
	int			row;
	bool		guarded;		/* in guard_key */
	CpProbe		probe;
} Task;

/* A record to be looked at for a row. */
typedef struct Hit
{
	int64		child_id;
	int			row;
	int			delta;			/* number in the delta, -1: in match_person */
} Hit;

/* A pair of row and child. */
typedef struct SeenKey
{
	int64		child_id;
	int64		row;
} SeenKey;

typedef struct Seen
{
	SeenKey		key;
	char		status;
} Seen;

#define SH_PREFIX seen
#define SH_ELEMENT_TYPE Seen
#define SH_KEY_TYPE SeenKey
#define SH_KEY key
#define SH_HASH_KEY(table, key) \
	murmurhash32((uint32) (key).child_id ^ (uint32) ((key).child_id >> 32) ^ murmurhash32((uint32) (key).row))
#define SH_EQUAL(table, a, b) ((a).child_id == (b).child_id && (a).row == (b).row)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

typedef struct Batch
{
	State	  **rows;
	int			nrows;
	Task	   *tasks;
	int			ntasks;
	int			tasks_size;
	Hit		   *hits;
	int			nhits;
	int			hits_size;
	seen_hash  *seen;
	bool		index_too;		/* not the delta alone */
} Batch;

/* ---------- entries ---------- */

static bool
worth_a_look(State *state, const Task *task, DateADT birth, int32 given, int32 family, int64 traits)
{
	return cp_search_passes(state, task->guarded, task->probe.block,
							birth, given, family, traits);
}

/* Notes a pair; false if it was there. */
static bool
is_new_pair(Batch *batch, int64 child_id, int row)
{
	SeenKey		key = {child_id, row};
	bool		found;

	(void) seen_insert(batch->seen, key, &found);
	return !found;
}

/* Notes a record to be looked at. */
static void
hit(Batch *batch, State *state, const Task *task, int64 child_id, int delta)
{
	Hit		   *fresh;

	if (!task->guarded && ++state->looks > MAX_LOOKS)
	{
		state->cut[state->deep] = true;
		return;
	}
	if (batch->nhits >= batch->hits_size)
	{
		batch->hits_size *= 2;
		batch->hits = repalloc_huge(batch->hits, batch->hits_size * sizeof(Hit));
	}
	fresh = &batch->hits[batch->nhits++];
	fresh->child_id = child_id;
	fresh->row = task->row;
	fresh->delta = delta;
}

/* Looks through the delta for the entries of one probe; returns how many there are. */
static int
scan_delta(Batch *batch, const Task *task)
{
	State	   *state = batch->rows[task->row];
	int			scanned = 0;

	for (int at = cp_delta_first(task->probe.key); at >= 0; at = cp_delta_entry(at)->next)
	{
		const CpDeltaEntry *entry = cp_delta_entry(at);
		int64		child_id;

		if (entry->person < state->delta)
			break;
		if (entry->birth < task->probe.first || entry->birth > task->probe.last)
			continue;
		scanned++;
		if (cp_delta_person(entry->person) == NULL)
			continue;
		child_id = cp_delta_person(entry->person)->child_id;
		if (child_id != state->except &&
			worth_a_look(state, task, entry->birth, entry->given, entry->family, entry->traits) &&
			is_new_pair(batch, child_id, task->row))
			hit(batch, state, task, child_id, entry->person);
	}
	return scanned;
}

/* Looks through the index for the entries of one probe. */
static void
scan_index(Batch *batch, const Task *task, CpWalk *walk)
{
	State	   *state = batch->rows[task->row];
	const CpWalkEntry *entries;
	int			scanned = 0;
	int			n;

	cp_walk_to(walk, CpWalkPair(task->probe.key, task->probe.first), CpWalkPair(task->probe.key, task->probe.last));
	while ((n = cp_walk_next(walk, &entries)) > 0)
	{
		scanned += n;
		if (scanned > MAX_SCANNED)
		{
			state->cut[state->deep] = true;
			n -= scanned - MAX_SCANNED;
		}
		for (int i = 0; i < n; i++)
		{
			const CpKeyEntry *entry = &entries[i].data.key;

			if (entry->child_id != state->except &&
				worth_a_look(state, task, entry->birth, entry->given, entry->family, entry->traits) &&
				!cp_delta_hides(entry->child_id) &&
				is_new_pair(batch, entry->child_id, task->row))
				hit(batch, state, task, entry->child_id, -1);
		}
		if (scanned > MAX_SCANNED)
			break;
	}
}

/* ---------- tasks ---------- */

static inline int
task_order(const Task *left, const Task *right)
{
	if (left->guarded != right->guarded)
		return left->guarded ? -1 : 1;
	if (left->probe.key != right->probe.key)
		return left->probe.key < right->probe.key ? -1 : 1;
	if (left->probe.first != right->probe.first)
		return left->probe.first < right->probe.first ? -1 : 1;
	return left->row - right->row;
}

#define ST_SORT sort_tasks
#define ST_ELEMENT_TYPE Task
#define ST_COMPARE(a, b) task_order(a, b)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

static void
add_tasks(Batch *batch, int row, int list)
{
	State	   *state = batch->rows[row];
	int			versions[CP_KEY_VERSIONS];
	int			nversions = cp_key_versions(versions);
	int			n = state->nprobes[list] * nversions;

	while (batch->ntasks + n > batch->tasks_size)
	{
		batch->tasks_size *= 2;
		batch->tasks = repalloc_huge(batch->tasks, batch->tasks_size * sizeof(Task));
	}
	for (int i = 0; i < n; i++)
	{
		Task	   *task = &batch->tasks[batch->ntasks++];

		task->row = row;
		task->guarded = list == GUARD_PROBES;
		task->probe = state->probes[list][i / nversions];
		task->probe.key = cp_key_stir(task->probe.key, versions[i % nversions]);
	}
}

/* Carries out tasks in the order of an index of keys. */
static void
scan_keys(Batch *batch, const Task *tasks, int n, const char *table, const char *index, Snapshot snapshot)
{
	Relation	rel = table_open(cp_relation_oid(table), AccessShareLock);
	Relation	index_rel = index_open(cp_relation_oid(index), AccessShareLock);
	CpWalk	   *walk = cp_walk_begin(index_rel, CP_WALK_KEYS, snapshot);

	for (int i = 0; i < n; i++)
	{
		if (i + EXPECTED < n)
			cp_walk_expect(walk, CpWalkPair(tasks[i + EXPECTED].probe.key, tasks[i + EXPECTED].probe.first));
		scan_index(batch, &tasks[i], walk);
	}
	cp_walk_end(walk);
	index_close(index_rel, AccessShareLock);
	table_close(rel, AccessShareLock);
}

/* Guarded tasks come first. */
static void
scan_indexes(Batch *batch, Snapshot snapshot)
{
	int			nguarded = 0;

	sort_tasks(batch->tasks, batch->ntasks);
	while (nguarded < batch->ntasks && batch->tasks[nguarded].guarded)
		nguarded++;
	scan_keys(batch, batch->tasks, nguarded, "guard_key", "guard_key_key_idx", snapshot);
	scan_keys(batch, batch->tasks + nguarded, batch->ntasks - nguarded, "match_key", "match_key_key_idx", snapshot);
}

/* ---------- records ---------- */

static inline int
hit_order(const Hit *left, const Hit *right)
{
	if (left->child_id != right->child_id)
		return left->child_id < right->child_id ? -1 : 1;
	return left->row - right->row;
}

#define ST_SORT sort_hits
#define ST_ELEMENT_TYPE Hit
#define ST_COMPARE(a, b) hit_order(a, b)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* May an outcome depend on it? */
static bool
matters(const CpCandidate *candidate)
{
	return candidate->nearness != CP_NEAR_OPEN || candidate->score >= cp_guard_threshold || cp_is_possible(candidate) ||
		(candidate->birth_near && (candidate->given_agrees || candidate->family_agrees));
}

/*
 * An outcome depends on what the record is, not on an entry left behind by what
 * it was: in deep search another one may lead there.
 */
static bool
is_left_behind(Batch *batch, const Hit *this, const CpPerson *record, const CpCandidate *candidate)
{
	SeenKey		key = {this->child_id, this->row};

	if (this->delta >= 0 || !matters(candidate) || cp_search_leads_to(batch->rows[this->row], record))
		return false;
	(void) seen_delete(batch->seen, key);
	return true;
}

static void
score(Batch *batch, const Hit *this, const CpPerson *record, MemoryContext result)
{
	State	   *state = batch->rows[this->row];
	CpCandidate *candidate = MemoryContextAllocZero(result, sizeof(CpCandidate));
	MemoryContext caller;

	cp_score(state->row, record, candidate);
	if (is_left_behind(batch, this, record, candidate))
		return;
	if (!state->deep)
		state->best = Max(state->best, candidate->score);
	caller = MemoryContextSwitchTo(result);
	state->found[state->deep] = lappend(state->found[state->deep], candidate);
	MemoryContextSwitchTo(caller);
}

/* Reads the records that were hit, each once, and scores them. */
static void
look_at_hits(Batch *batch, Snapshot snapshot)
{
	MemoryContext result = CurrentMemoryContext;
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "contactpoint record",
												  ALLOCSET_DEFAULT_SIZES);
	const CpPerson *record = NULL;
	int64		read = 0;
	CpReader   *reader = cp_reader_open(snapshot);

	sort_hits(batch->hits, batch->nhits);
	for (int i = 0; i < batch->nhits; i++)
	{
		Hit		   *this = &batch->hits[i];

		MemoryContextSwitchTo(scratch);
		if (this->delta >= 0)
			record = cp_delta_person(this->delta);
		else if (this->child_id != read)
		{
			MemoryContextReset(scratch);
			record = cp_reader_read(reader, this->child_id);
		}
		read = this->delta >= 0 ? 0 : this->child_id;
		if (record != NULL)
			score(batch, this, record, result);
		MemoryContextSwitchTo(result);
	}
	cp_reader_close(reader);
	MemoryContextDelete(scratch);
}

/* ---------- passes ---------- */

/* Carries out the tasks that were added. */
static void
run_tasks(Batch *batch)
{
	Snapshot	snapshot;

	if (batch->ntasks == 0)
		return;
	batch->nhits = 0;
	for (int i = 0; cp_delta_any() && i < batch->ntasks; i++)
		if (scan_delta(batch, &batch->tasks[i]) > MAX_SCANNED)
			batch->rows[batch->tasks[i].row]->cut[batch->rows[batch->tasks[i].row]->deep] = true;
	snapshot = cp_latest_snapshot();
	if (batch->index_too)
		scan_indexes(batch, snapshot);
	if (batch->nhits > 0)
		look_at_hits(batch, snapshot);
	UnregisterSnapshot(snapshot);
	batch->ntasks = 0;
}

static void
easy_pass(Batch *batch, bool always)
{
	for (int i = 0; i < batch->nrows; i++)
	{
		cp_search_make_probes(batch->rows[i], GUARD_PROBES, always);
		add_tasks(batch, i, GUARD_PROBES);
		cp_search_make_probes(batch->rows[i], EASY_PROBES, always);
		add_tasks(batch, i, EASY_PROBES);
	}
	run_tasks(batch);
}

static void
deep_pass(Batch *batch, bool always)
{
	for (int i = 0; i < batch->nrows; i++)
	{
		State	   *state = batch->rows[i];

		if (!always && state->best >= 0)
			continue;
		state->deep = true;
		cp_search_make_probes(state, DEEP_PROBES, always);
		add_tasks(batch, i, DEEP_PROBES);
	}
	run_tasks(batch);
}

static void
batch_init(Batch *batch, State **rows, int nrows, bool index_too)
{
	batch->rows = rows;
	batch->nrows = nrows;
	batch->tasks_size = nrows * 16 + 16;
	batch->tasks = palloc_extended(batch->tasks_size * sizeof(Task), MCXT_ALLOC_HUGE);
	batch->ntasks = 0;
	batch->hits_size = nrows * 8 + 16;
	batch->hits = palloc_extended(batch->hits_size * sizeof(Hit), MCXT_ALLOC_HUGE);
	batch->nhits = 0;
	batch->seen = seen_create(CurrentMemoryContext, nrows * 16 + 64, NULL);
	batch->index_too = index_too;
}

static void
batch_free(Batch *batch)
{
	pfree(batch->tasks);
	pfree(batch->hits);
	seen_destroy(batch->seen);
}

static int
by_score(const ListCell *a, const ListCell *b)
{
	const CpCandidate *left = lfirst(a);
	const CpCandidate *right = lfirst(b);

	if (left->score != right->score)
		return left->score > right->score ? -1 : 1;
	/* of two numbers of one child the former one */
	if (left->nearness != right->nearness)
		return left->nearness > right->nearness ? -1 : 1;
	return left->child_id < right->child_id ? -1 : left->child_id > right->child_id ? 1 : 0;
}

/*
 * Makes a result of a state.  What deep search found counts only while easy
 * search has found nothing good, as if all had been searched at one moment.
 */
static void
show(State *state, bool always, CpFound *found)
{
	bool		deep = state->deep && (always || state->best < 0);

	found->candidates = deep ? list_concat_copy(state->found[false], state->found[true]) :
		list_copy(state->found[false]);
	list_sort(found->candidates, by_score);
	found->cut = state->cut[false] || (deep && state->cut[true]);
	cp_search_note_found(state);
	found->state = state;
	state->delta = cp_delta_next();
}

static void
search(CpPerson **rows, const int64 *except, int nrows, bool always, CpFound *found)
{
	/* before anything else: see key_version.c */
	Snapshot	snapshot = cp_latest_snapshot();
	State	  **states = palloc(nrows * sizeof(State *));
	Batch		batch;

	for (int i = 0; i < nrows; i++)
		states[i] = cp_search_state_create(rows[i], except != NULL ? except[i] : 0);
	batch_init(&batch, states, nrows, true);
	easy_pass(&batch, always);
	deep_pass(&batch, always);
	for (int i = 0; i < nrows; i++)
		show(states[i], always, &found[i]);
	batch_free(&batch);
	pfree(states);
	UnregisterSnapshot(snapshot);
}

/* Every record that may be one of these persons. */
void
cp_search(CpPerson **rows, const int64 *except, int nrows, CpFound *found)
{
	search(rows, except, nrows, false, found);
}

/*
 * Brings what was found for a row up to date with what this transaction has
 * done since.
 */
void
cp_search_delta(CpPerson *row, int64 except, CpFound *found)
{
	State	   *state = found->state;
	Batch		batch;

	if (cp_changes_any(state->keys, state->nkeys, state->at))
	{
		search(&row, &except, 1, false, found);
		return;
	}
	if (state->delta == cp_delta_next() || !cp_delta_any())
		return;
	batch_init(&batch, &state, 1, false);
	if (state->deep)
	{
		state->deep = false;
		easy_pass(&batch, false);
		deep_pass(&batch, true);
	}
	else
		easy_pass(&batch, false);
	show(state, false, found);
	batch_free(&batch);
}

/* One row, at once. */
List *
cp_candidates_bounded(const CpPerson *row, int64 except_child, bool deep, bool *cut)
{
	CpPerson   *rows = unconstify(CpPerson *, row);
	CpFound		found;

	search(&rows, &except_child, 1, deep, &found);
	*cut = found.cut;
	return found.candidates;
}
